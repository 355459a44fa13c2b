/* The command as a line of history remembers it: bounded, on one line, and without secrets. */
#ifndef CORDON_APPS_JOURNAL_H
#define CORDON_APPS_JOURNAL_H

#include "apps/command.h"

/* The command of the invocation with its options and words.  Hidden are pre-shared keys, and values of --set whose name
 * speaks of a secret. */
void journal_print(const struct invocation *invocation, struct buffer *buffer);

enum { JOURNAL_MOST = 1000 };

#endif
