/* The boot rules as one self-contained file, /etc/cordon/boot: no names, no interface indexes, no store, a checksum.
 *
 *   cordon-boot 1\n
 *   mode stateful\n       permit, block, stateful
 *   digest HEX\n          of the state that it was made of
 *   generation 3\n        of its names: another one than that of the file before it, so that both can be in the kernel
 *   made 1700000000\n     Unix seconds
 *   length N\n            of the messages
 *   sha256 HEX\n          of every line above and of the messages
 *   \n
 *   nf_tables netlink messages: one transaction without its begin and end, base chains last
 *
 * It is made by loading the ruleset into a scratch network namespace and reading it back as messages, so what is in
 * the file is what a kernel has accepted; cordon-boot sends it and waits for the answers, with no library but libc and
 * libmd.  The boot mode permit makes a file without messages: "missing" and "permit" are told apart.  Messages are in
 * the byte order of the machine that it is for, which is the one that made it or one of its kind. */
#ifndef CORDON_BOOTCFG_BOOT_BOOTFILE_H
#define CORDON_BOOTCFG_BOOT_BOOTFILE_H

#include "core/base/buffer.h"
#include "core/base/diag.h"
#include "core/policy/policy.h"
#include "core/policy/ruleset.h"

#define BOOTFILE "/etc/cordon/boot"

enum {
	BOOTFILE_MOST = 32 << 20,   /* bytes of it */
	BOOTFILE_MESSAGE = 1 << 20, /* bytes of one message */
};

struct bootfile_head {
	char mode[16];        /* "permit", "block", "stateful" */
	char digest[65];      /* of the state that it was made of */
	uint64_t generation;  /* 1 … */
	int64_t made;         /* Unix seconds */
	size_t length;        /* of the messages */
};

/* --- bootfile_text.c: nothing but core/base and libmd, for cordon-boot. --- */

/* Appends the file; head->length is that of the messages, whatever it says. */
void bootfile_print(const struct bootfile_head *head, const struct buffer *messages, struct buffer *ret_text);

/* Parses it; *ret_messages points into the text.  ERROR_DAMAGED with a message that says at which offset.  What is
 * accepted is nothing but messages that add to the table inet cordon. */
int bootfile_parse(const char *bytes, size_t length, const char *file, struct diag *diag, struct bootfile_head *ret_head,
		   const char **ret_messages);

/* The mode of a head: "permit", "block", "stateful". */
enum bootmode bootfile_mode(const struct bootfile_head *head);

/* Reads a file that only root may have written: a regular one of at most BOOTFILE_MOST bytes, not through a link.
 * The buffer is initialised here and freed by the caller in any case.  ERROR_NOT_FOUND when there is none,
 * ERROR_SYSTEM when it cannot be read, ERROR_DAMAGED when others could have written it, each with a message. */
int bootfile_read(const char *path, struct diag *diag, struct buffer *ret_bytes);

/* --- bootfile.c: making it. --- */

/* The messages of the boot ruleset of a state, under the names of a generation (not 0).  service_enabled: whether
 * cordond starts at boot, which Windows' default boot mode asks.  ERROR_SYSTEM when no scratch namespace can be had or
 * its kernel refuses.  ret_messages must be initialised (BOOTFILE_MOST). */
int bootfile_compile(const struct state *state, bool service_enabled, uint64_t generation, struct diag *diag,
		     struct bootfile_head *ret_head, struct buffer *ret_messages);

/* The same for a ruleset of any mode: for tests and measurements. */
int bootfile_messages(const struct ruleset *ruleset, uint64_t generation, struct diag *diag, struct buffer *ret_messages);

/* Loads a file's text in a scratch namespace, as cordon-boot does, and compares what the kernel has then: would it
 * load?  ERROR_DAMAGED: no (damaged, refused, or not the same afterwards); ERROR_SYSTEM: it could not be tried. */
int bootfile_try(const char *bytes, size_t length, const char *file, struct diag *diag);

/* Makes the text of the file that a state asks for.  old: the text of the file in place, NULL when there is none.
 * *ret_same: the old one says the same rules (only made and digest may differ); then ret_text is untouched.
 * ret_text must be initialised (BOOTFILE_MOST). */
int bootfile_make(const struct state *state, bool service_enabled, const struct buffer *old, struct diag *diag,
		  bool *ret_same, struct buffer *ret_text);

/* The file follows the store: both or neither.  stage writes the new file beside the old one (nothing, and a NULL
 * change, when none is installed or it says the same already), publish renames it, discard takes it away.  root: ""
 * or a tree. */
struct bootfile_change;
int bootfile_stage(const char *root, const struct state *state, struct diag *diag, struct bootfile_change **ret_change);
int bootfile_publish(struct bootfile_change *change, struct diag *diag); /* frees it; NULL is fine */
void bootfile_discard(struct bootfile_change *change);                   /* frees it; NULL is fine */

/* --- bootdrop.c --- */

/* What boot rules have dropped until now, read out of the kernel's counted sets at hand-over.  Each is told with its
 * packets; what did not fit the bounded sets comes last, without a source.  take returns 0, or a negative error that
 * ends it.  ERROR_SYSTEM when the kernel cannot be read; nothing to tell is no error. */
struct bootdrop {
	struct ip src;
	uint8_t family, protocol;  /* protocol 0: all that was not counted singly */
	uint16_t dstport;          /* 0 for protocols without ports */
	uint64_t packets, bytes;
};
int bootdrop_read(struct diag *diag, int (*take)(const struct bootdrop *drop, void *context), void *context);

#endif
