/* Readers of hostile files run in a process of their own that can neither write files, nor reach the network, nor start
 * programs: what a log can do to them ends there. */
#ifndef CORDON_APPS_CONFINE_H
#define CORDON_APPS_CONFINE_H

#include "apps/command.h"

/* Runs `work` in such a process and returns its exit code.  What it adds to the invocation's output and diag is written by
 * it; files may be opened by it, for reading only.  output: a descriptor that stands for its standard output, or -1.
 * EXIT_BUG when it was killed. */
int confine_run(struct invocation *invocation, int output, int (*work)(struct invocation *invocation, void *context), void *context);

/* The same for a process that has been made already: from now on it can do no more than that, and ends with its parent. */
void confine_enter(struct invocation *invocation);

#endif
