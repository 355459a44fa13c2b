/* One unprivileged child of the service: the same program, started anew (so that it shares no memory with the parent),
 * with the descriptors that it needs and no others.  A child that dies is started again, with pauses that double; one
 * that sends what is no message of its, or whose loop does not turn, is ended first. */
#ifndef CORDON_BOOTCFG_DAEMON_CHILD_H
#define CORDON_BOOTCFG_DAEMON_CHILD_H

#include <sys/types.h>

#include "bootcfg/daemon/loop.h"
#include "bootcfg/daemon/message.h"
#include "bootcfg/daemon/outbox.h"

struct child;

/* Descriptors in the child. */
enum { CHILD_CHANNEL = 3, CHILD_FIRST = 4, CHILD_SECOND = 5, CHILD_WORDS = 8 };

struct child_options {
	const char *name;               /* "collector": its word behind --child, too */
	const char *words[CHILD_WORDS]; /* that follow it; NULL ends them */
	int first, second;              /* descriptors that it gets as CHILD_FIRST and CHILD_SECOND; -1: none.  Borrowed */
	size_t waits_most;              /* bytes that may wait for it (outbox) */
	bool keeps;                     /* what waits is for its successor too */
	/* A message of its; anything but 0 ends it. */
	int (*message)(enum message_type type, const void *fixed, struct cursor tail, void *context);
	void *context;
};

/* Starts it.  Options and what they point at must outlive it. */
struct child *child_new(struct loop *loop, const struct child_options *options);
void child_free(struct child *child); /* ends it at once, if it has not ended */

struct outbox *child_outbox(struct child *child);
pid_t child_pid(const struct child *child); /* 0: it does not run now */
uint64_t child_restarts(const struct child *child);
/* When it last answered MESSAGE_ALIVE, or was started: ms of the loop; -1 while it does not run. */
int64_t child_seen(const struct child *child);
/* Asks whether its loop turns; one that has not answered for CHILD_HANGS ms is ended. */
enum { CHILD_HANGS = 30000 };
void child_ask(struct child *child);
/* SIGCHLD has come: looks whether it was this one. */
void child_reap(struct child *child);
/* Hangs up, which makes it end by itself, and starts it no more. */
void child_stop(struct child *child);
void child_kill(struct child *child);

#endif
