/* A query asked of logs, its answer as text. */
#ifndef CORDON_TESTS_UNIT_QUERY_ASK_H
#define CORDON_TESTS_UNIT_QUERY_ASK_H

#include "logparse/query/query.h"

struct answer {
	int error;
	struct buffer text;      /* CSV, the line of names first; NULL is nothing */
	struct diag diag;
	struct buffer messages;  /* of diag, one a line */
	struct query_outcome outcome;
};

/* now of ask: 2025-11-21 10:00:00 */
extern const uint64_t ask_now;
/* options may be NULL.  answer_done in any case. */
void ask(const char *query, const struct query_options *options, struct answer *ret_answer);
/* The same with the files of FROM looked for in other places. */
void ask_at(const char *query, const struct query_places *places, const struct query_options *options, struct answer *ret_answer);
void answer_done(struct answer *answer);

/* A file of the test's own, gone when it ends; the name lives as long. */
const char *ask_file(const char *name, const char *text);

#endif
