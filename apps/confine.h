/* Readers of hostile files run in a process of their own that can neither write files, nor reach the network, nor start
 * programs: what a log can do to them ends there. */
#ifndef CORDON_APPS_CONFINE_H
#define CORDON_APPS_CONFINE_H

#include "apps/command.h"

/* Runs `work` in such a process and returns its exit code.  What it adds to the invocation's output and diag is written by
 * it; files may be opened by it, for reading only.  output: a descriptor that stands for its standard output, or -1.
 * EXIT_BUG when it was killed; EXIT_SYSTEM by SIGBUS (what was mapped of a log is gone), and when a signal of the user's
 * ended it: then confine_end does not return. */
int confine_run(struct invocation *invocation, int output, int (*work)(struct invocation *invocation, void *context), void *context);

/* From now on SIGINT, SIGTERM and SIGHUP (those that nobody has taken) only end the process that reads, so that what was
 * begun beside a file goes away; confine_run does it, but files are begun before it.  A third one ends this process too. */
void confine_hold(void);
/* When one came: ends this process by it, as it would have been without this. */
void confine_end(void);

/* The same for a process that has been made already: from now on it can do no more than that, and ends with its parent. */
void confine_enter(struct invocation *invocation);

#endif
