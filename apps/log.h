/* cordon log, for who follows a log with it. */
#ifndef CORDON_APPS_LOG_H
#define CORDON_APPS_LOG_H

#include "apps/command.h"

/* Prints the W3C lines that come on standard input, as the options of the invocation say, each as soon as it is there, until
 * the input ends.  Returns an exit code. */
int log_follow(struct invocation *invocation);

#endif
