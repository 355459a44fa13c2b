/* What others do to nf_tables, as the kernel tells it: every transaction of anybody in this network namespace, with the
 * process that made it. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_WATCH_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_WATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/diag.h"

/* One transaction. */
struct nftables_change {
	bool ours;          /* something of our table was added, changed or deleted */
	bool others;        /* a chain of another table was */
	bool self;          /* this very process did it */
	bool overrun;       /* more was told than the socket holds: what happened, and by whom, is not known */
	uint32_t number;    /* of the kernel's ruleset after it */
	uint32_t pid;       /* as the first process namespace counts; 0 when the kernel does not say */
	char name[16];      /* of the process, as the kernel has it: hostile text; "" when it does not say */
};

struct nftables_watch;

/* Listens to the network namespace of the caller.  ERROR_SYSTEM with a message. */
int nftables_watch_open(struct diag *diag, struct nftables_watch **ret_watch);
void nftables_watch_close(struct nftables_watch *watch); /* NULL is fine */
int nftables_watch_fd(const struct nftables_watch *watch);

/* The next transaction that was told; never blocks.  False: nothing more is there now. */
bool nftables_watch_next(struct nftables_watch *watch, struct nftables_change *ret_change);

/* Takes one datagram as the kernel sends it; tests give it from a script.  Transactions that it completes are had with
 * nftables_watch_next. */
struct nftables_watch *nftables_watch_new(void); /* without a socket */
void nftables_watch_take(struct nftables_watch *watch, const void *bytes, size_t length);

#endif
