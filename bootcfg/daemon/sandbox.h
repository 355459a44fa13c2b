/* What the processes of the service may still do.  A child gives up root, every capability, new privileges, nearly all
 * of the file system (Landlock) and nearly all system calls (seccomp: a forbidden one ends it); the parent keeps the
 * few capabilities that it needs, and can never have more. */
#ifndef CORDON_BOOTCFG_DAEMON_SANDBOX_H
#define CORDON_BOOTCFG_DAEMON_SANDBOX_H

#include <stdint.h>
#include <sys/types.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"

enum sandbox_kind {
	SANDBOX_COLLECTOR, /* writes below its folder, talks to the journal */
	SANDBOX_CONTROL,   /* accepts, reads, writes; no files at all */
	SANDBOX_KINDS,
};

struct sandbox {
	enum sandbox_kind kind;
	uid_t uid;             /* not 0 */
	gid_t gid;
	int folder;            /* the collector's: where it may write; -1: nowhere */
};

/* For good, for the process that calls it (which gets SIGTERM when its parent dies); it must have one thread.  ERROR_SYSTEM with a message when something that
 * this kernel has cannot be had: the process must end then.  What this kernel does not have is a warning (id
 * "sandbox").  A process that is not root keeps its ids. */
int sandbox_enter(const struct sandbox *sandbox, struct diag *diag);

/* The parent's: what it has of its list stays, all other capabilities go, from the bounding set too. */
int sandbox_parent(struct diag *diag);

/* "seccomp, Landlock (version 7)": what this kernel has. */
void sandbox_describe(struct buffer *buffer);

#endif
