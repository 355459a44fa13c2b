/* The boot rules as one self-contained file, /etc/cordon/boot: no names, no interface indexes, no store, a checksum.
 *
 *   cordon-boot 1\n
 *   NAME VALUE\n …             mode, digest, made (for people; `cordon boot status` prints them)
 *   sha256 HEX\n  length N\n   of what follows
 *   \n
 *   nf_tables netlink messages: one transaction without its begin and end
 *
 * It is made by loading the ruleset into a scratch network namespace and reading it back as messages, so what is in
 * the file is what a kernel has accepted; cordon-boot sends it and waits for the answers, with no library but libc. */
#ifndef CORDON_BOOTCFG_BOOT_BOOTFILE_H
#define CORDON_BOOTCFG_BOOT_BOOTFILE_H

#include "bootcfg/target/nftables.h"
#include "core/base/buffer.h"
#include "core/policy/policy.h"

#define BOOTFILE "/etc/cordon/boot"

struct bootfile_head {
	char mode[16];        /* "permit", "block", "stateful" */
	char digest[65];      /* of the state that it was made of */
	int64_t made;         /* Unix seconds */
	size_t length;        /* of the messages */
};

/* Writes and parses the file; `messages` points into the text.  ERROR_DAMAGED with a message that says at which offset. */
void bootfile_print(const struct bootfile_head *head, const struct buffer *messages, struct buffer *ret_text);
int bootfile_parse(const char *bytes, size_t length, const char *file, struct diag *diag, struct bootfile_head *ret_head,
		   const char **ret_messages);

/* The messages of the boot ruleset of a state.  ERROR_SYSTEM when no scratch namespace can be had. */
int bootfile_compile(const struct state *state, const struct host *host, struct diag *diag, struct bootfile_head *ret_head,
		     struct buffer *ret_messages);

/* Loads a file's text in a scratch namespace: would it load? */
int bootfile_try(const char *bytes, size_t length, const char *file, struct diag *diag);

/* The file follows the store: both or neither.  stage writes the new file beside the old one (nothing when none is
 * installed or it says the same already), publish renames it, discard takes it away.  root: "" or a tree. */
struct bootfile_change;
int bootfile_stage(const char *root, const struct state *state, struct diag *diag, struct bootfile_change **ret_change);
int bootfile_publish(struct bootfile_change *change, struct diag *diag); /* frees it; NULL is fine */
void bootfile_discard(struct bootfile_change *change);                   /* frees it; NULL is fine */

/* What boot rules have dropped until now, read out of the kernel's counted sets at hand-over.  Each is told with its
 * packets; what did not fit the bounded sets comes last, without a source. */
struct bootdrop {
	struct ip src;
	uint8_t family, protocol;  /* protocol 0: all that was not counted singly */
	uint16_t dstport;
	uint64_t packets, bytes;
};
int bootdrop_read(struct diag *diag, int (*take)(const struct bootdrop *drop, void *context), void *context);

#endif
