/* Rules into the kernel with nothing but a netlink socket: what cordon-boot, `cordon boot load` and the scratch
 * namespaces of bootfile.c share.  Needs libc and core/base only.  Functions return 0 or a negative errno. */
#ifndef CORDON_BOOTCFG_BOOT_BOOTLOAD_H
#define CORDON_BOOTCFG_BOOT_BOOTLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"

enum { BOOTLOAD_COMMENT = 256 };

struct bootload;
/* Caller closes.  Makes the kernel load its nf_tables when that is a module. */
int bootload_open(struct bootload **ret_load);
void bootload_close(struct bootload *load); /* NULL is fine */

/* What an errno means here, in words; static text. */
const char *bootload_explain(int error);

/* What of ours is in the kernel. */
struct bootload_state {
	bool table;                      /* the table inet cordon is there */
	bool in_force;                   /* and its three base chains judge packets */
	bool startup;                    /* in force are start-up rules (mode boot), not what the service applied */
	unsigned bases;                  /* bits: which of the base chains are there, in the order input, forward, output */
	char comment[BOOTLOAD_COMMENT];  /* of the rules in the base chains, "" unless in force */
};
int bootload_state(struct bootload *load, struct bootload_state *ret_state);

/* How messages meet what is there. */
enum bootload_how {
	BOOTLOAD_FRESH,    /* nothing is: they are all there is to be */
	BOOTLOAD_REPLACE,  /* rules of another generation are in force: the base chains change over in the same transaction */
	BOOTLOAD_REBUILD,  /* what is there judges nothing as it is: it goes in the same transaction */
};
struct bootload_refusal {
	size_t message; /* the how-manieth of the messages, from 0; SIZE_MAX: the transaction as a whole */
};
/* One transaction, and every answer to it.  ret_refusal may be NULL. */
int bootload_send(struct bootload *load, const char *messages, size_t length, enum bootload_how how,
		  struct bootload_refusal *ret_refusal);

/* The comment of the base chains' rules in messages; "" when they have none. */
void bootload_comment(const char *messages, size_t length, char ret_comment[BOOTLOAD_COMMENT]);

/* What the program has built in (bootblock.c): loopback, neighbour discovery, DHCP for both families; all else is
 * dropped.  Generation 0, digest 64 zeros; asks for no part of nf_tables but its core. */
void bootblock_messages(struct buffer *messages);

#endif
