/* The policies that were in force, each from a time on: what a record is judged by is what was in force then. */
#ifndef CORDON_APPS_EPOCHS_H
#define CORDON_APPS_EPOCHS_H

#include "apps/command.h"
#include "logparse/audit/cases.h"

struct epochs;

/* policy: the name of one of the store's, a profile or a script, for all times; NULL: what the store had after each of its
 * changes.  host is borrowed.  ERROR_INPUT, ERROR_SYSTEM with a message.  Everything is read now: what is found
 * later reads no file. */
int epochs_open(struct invocation *invocation, const char *policy, const struct host *host, struct epochs **ret_epochs);
void epochs_free(struct epochs *epochs); /* NULL is fine */

/* The classifier of a record's time and mode, and its ruleset; NULL when there was none. */
const struct classifier *epochs_find(struct epochs *epochs, const struct record *record, const struct ruleset **ret_ruleset);

/* What that makes of a record. */
void epochs_judge(struct epochs *epochs, const struct record *record, struct judged *ret_judged);

/* The newest of them; borrowed. */
const struct state *epochs_last(const struct epochs *epochs);

#endif
