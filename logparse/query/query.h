/* Log Parser's dialect of SQL over logs: a query is read, its names are looked up, it is written as SQLite's SQL and run on
 * virtual tables over logparse/source.h.  docs/query.md has the dialect. */
#ifndef CORDON_LOGPARSE_QUERY_QUERY_H
#define CORDON_LOGPARSE_QUERY_QUERY_H

#include <signal.h>

#include "core/base/diag.h"
#include "logparse/source.h"
#include "logparse/writer/writer.h"

struct query;

enum {
	QUERY_TEXT = 1 << 16,  /* bytes of a query, at most */
	QUERY_TABLES = 16,     /* tables that it names (a table is all logs between commas) */
	QUERY_DEPTH = 64,      /* of its parentheses */
};

/* Reads clauses and names; the text is copied.  file: what it is called in messages.  ERROR_INPUT with messages that point
 * into the text. */
int query_parse(const char *text, size_t length, const char *file, struct diag *diag, struct query **ret_query);
void query_free(struct query *query); /* NULL is fine */

/* The file after INTO or TO, NULL when there is none. */
const char *query_into(const struct query *query);

/* Where names of FROM are looked for. */
struct query_places {
	const char *logs;             /* folder with the logs of a machine: System is System.evt, SysEvent.Evt or System.evtx there; NULL: none */
	const char *const *host;      /* files with the records of this host, the oldest first; for System and Security without `logs` */
	size_t host_count;
};
/* Makes files of the names in FROM (patterns with * and ? are what they match).  ERROR_INPUT with messages. */
int query_find(struct query *query, const struct query_places *places, struct diag *diag);
/* All files and folders that it will read, after query_find.  Borrowed. */
const char *const *query_paths(const struct query *query, size_t *ret_count);
/* Other files in place of all that were found: for tests. */
void query_paths_set(struct query *query, const char *path);

struct query_options {
	struct reader_options reader; /* its filter is not used */
	const struct reader_type *type; /* of all logs; NULL: guessed */
	uint64_t now;                 /* FILETIME: what SYSTEM_TIMESTAMP() is */
	const volatile sig_atomic_t *stop; /* not 0: end now; may be NULL */
	int64_t deadline;             /* CLOCK_MONOTONIC in ms: end then; 0: none */
	size_t memory;                /* bytes for sorting and grouping, at most; 0: QUERY_MEMORY */
	bool (*pass)(const struct event *event, void *context); /* whether an event counts; may be NULL */
	void (*progress)(const struct source *source, void *context); /* now and then; may be NULL */
	void *context;
};
#define QUERY_MEMORY ((size_t)1 << 30)

/* Who takes the rows. */
struct query_sink {
	void (*columns)(const struct columns *columns, void *context); /* once, before the first row */
	bool (*row)(const struct cell *cells, void *context);          /* false: no more, please */
	void *context;
};

struct query_outcome {
	struct reader_counts counts;  /* of each table's first reading */
	size_t failed;                /* logs that could not be read */
	uint64_t rows;
	bool stopped;                 /* by `stop` or the deadline: not all rows were had */
};

/* ERROR_INPUT: the query is wrong, or no log could be read (then the sink was given nothing); ERROR_LIMIT: memory.  The outcome
 * is set in any case. */
int query_run(struct query *query, const struct query_options *options, const struct query_sink *sink, struct diag *diag,
	      struct query_outcome *ret_outcome);

/* What would be run: SQL, logs, and what is asked of the readers.  Reads no log but its beginning. */
int query_explain(struct query *query, const struct query_options *options, struct diag *diag, struct buffer *text);

#endif
