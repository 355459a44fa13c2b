/* Several logs as one stream of events: files, standard input, folders with all that is in them; one after the other, or
 * merged by time. */
#ifndef CORDON_LOGPARSE_SOURCE_H
#define CORDON_LOGPARSE_SOURCE_H

#include "logparse/reader/reader.h"

struct source_options {
	struct reader_options reader;
	const struct reader_type *type; /* of all inputs; NULL: guessed from the content of each */
	void (*idle)(void *context);    /* called before more of a pipe has to be waited for; NULL: nothing */
	void *idle_context;
	bool sort;                      /* by time; events of one input keep their order where they have no time */
};

struct source;

/* Which files there are, in order; folders are gone through, sorted by name, and what is no log in them is left out with a
 * note, as is a file that this process has open for writing: it would have no end.  ERROR_INPUT when nothing is left, or when
 * such a file is named itself.  Paths are borrowed. */
int source_open(const char *const *paths, size_t count, const struct source_options *options, struct diag *diag,
		struct source **ret_source);
void source_close(struct source *source); /* NULL is fine */

/* 1: an event (valid until the next call), 0: the end, negative: an error that ends it all.  An input that cannot be read
 * is said and passed over, and counts as lost. */
int source_next(struct source *source, struct event *ret_event);

/* What was read of all inputs until now; failed: inputs that could not be read. */
void source_counts(const struct source *source, struct reader_counts *ret_counts, size_t *ret_failed);
/* Whether the system did not let one of them be read (a permission). */
bool source_refused(const struct source *source);
/* How far it is, in bytes of all inputs; all is 0 where that is not known. */
void source_progress(const struct source *source, uint64_t *ret_done, uint64_t *ret_all);

/* For reading by parts in several threads: the reader of the next input, open, or NULL at the end.  Its counts are added
 * when the next one is asked for. */
int source_reader(struct source *source, struct reader **ret_reader);

/* The date that the header of the first log gave, or 0. */
uint64_t source_date(const struct source *source);

#endif
