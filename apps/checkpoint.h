/* Where the last run ended in each log, so that the next goes on there: number and time of the last record (or line). */
#ifndef CORDON_APPS_CHECKPOINT_H
#define CORDON_APPS_CHECKPOINT_H

#include "core/base/diag.h"
#include "logparse/event.h"

struct checkpoint;

/* Reads the file (none yet: a new one) and makes a place beside it for the next state, while files may still be written. */
int checkpoint_open(const char *path, struct diag *diag, struct checkpoint **ret_checkpoint);
void checkpoint_free(struct checkpoint *checkpoint); /* NULL is fine; without checkpoint_keep the old state stays */

/* Whether an event is a new one; remembers it.  A log that was cleared begins anew: its numbers are low, but its times
 * are not. */
bool checkpoint_pass(struct checkpoint *checkpoint, const struct event *event);

/* In the process that read the logs: writes the state beside the file.  In the one that started it: makes it the file. */
void checkpoint_write(struct checkpoint *checkpoint);
int checkpoint_keep(struct checkpoint *checkpoint, struct diag *diag);

#endif
