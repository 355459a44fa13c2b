/* Where the last run ended in each log, so that the next goes on there (logparse/audit/marks.h tells what is new), in a file
 * of JSON. */
#ifndef CORDON_APPS_CHECKPOINT_H
#define CORDON_APPS_CHECKPOINT_H

#include "apps/command.h"
#include "core/base/json.h"
#include "logparse/audit/marks.h"
#include "logparse/reader/reader.h"

struct checkpoint;

/* Reads the file (none yet: a new one) and makes a place beside it for the next state, while files may still be written. */
int checkpoint_open(const char *path, struct diag *diag, struct checkpoint **ret_checkpoint);
void checkpoint_free(struct checkpoint *checkpoint); /* NULL is fine; without checkpoint_keep the old state stays */

/* What the readers of the logs need for it. */
void checkpoint_begin(struct checkpoint *checkpoint, struct reader_options *options);
/* Whether an event is a new one; remembers it. */
bool checkpoint_pass(struct checkpoint *checkpoint, const struct event *event);

/* In the process that read the logs, with all of the output made: puts that out, and writes the state beside the file unless
 * somebody did not want all of it; returns the exit code, code where nothing is to be added to it, and does nothing for one
 * that is an error.  In the one that started it: makes it the file. */
int checkpoint_write(struct checkpoint *checkpoint, struct invocation *invocation, int code);
int checkpoint_keep(struct checkpoint *checkpoint, struct diag *diag);

/* Puts out what there is; false when whoever read it did not stay to its end. */
bool output_taken(struct invocation *invocation);

/* What an audit does as well.  A log begins (false: its first bytes cannot be read); a mark as JSON, and out of it (false: it
 * is none). */
bool mark_begin(struct marks *marks, struct input *input);
void mark_print(const struct mark *mark, struct buffer *buffer);
bool mark_parse(const struct json *object, struct mark *ret_mark);

#endif
