/* Log Parser's switches, -name:value, where the query command has them too. */
#ifndef CORDON_APPS_SWITCHES_H
#define CORDON_APPS_SWITCHES_H

#include "apps/command.h"

/* An argument that may be one of them, in any case.  1: taken; those that only talk, or ask for what is done anyway, are passed over.
 * 0: it is none, and -i:X and -o:X are for the command.  ERROR_INPUT with a message that says what to use instead. */
int switch_take(struct invocation *invocation, const char *argument);

/* The reader that Log Parser's name of an input format means: true, and NULL for EVT (any event log).  *ret_instead: what to do about a
 * format of Log Parser's that is not there, or NULL. */
bool switch_format(const char *name, const char **ret_ours, const char **ret_instead);

#endif
