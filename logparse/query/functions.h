/* Log Parser's functions, as functions of SQLite. */
#ifndef CORDON_LOGPARSE_QUERY_FUNCTIONS_H
#define CORDON_LOGPARSE_QUERY_FUNCTIONS_H

#include "core/base/cursor.h"
#include "core/base/diag.h"

struct sqlite3;

/* now: FILETIME.  A code of SQLite's. */
int functions_make(struct sqlite3 *db, uint64_t now);
/* Whether a query may call it: ours, and those of SQLite that only compute. */
bool function_allowed(const char *name);
/* Whether it is one of ours: then its name is quoted, for some are keywords of SQL. */
bool function_ours(const char *name, size_t length);
/* How it is called: "EXTRACT_TOKEN(text, index [, separator])"; NULL: not one of ours. */
const char *function_usage(const char *name, size_t length);
/* Why one of Log Parser's is not there; NULL: it is none of these. */
const char *function_absent(const char *name, size_t length);
/* The name that was probably meant, or NULL. */
const char *function_nearest(const char *name, size_t length);
/* All of ours in order, for docs and tests; NULL after the last. */
const char *function_name(size_t index);

#endif
