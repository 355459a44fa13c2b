/* A query that was read, within this folder. */
#ifndef CORDON_LOGPARSE_QUERY_PARTS_H
#define CORDON_LOGPARSE_QUERY_PARTS_H

#include "core/base/arena.h"
#include "logparse/query/lexer.h"
#include "logparse/query/query.h"

enum piece_kind {
	PIECE_TOKEN,
	PIECE_COMMA,    /* for a semicolon within parentheses */
	PIECE_TABLE,    /* number: which */
	PIECE_LIMIT,    /* number: of TOP */
};
struct piece {
	enum piece_kind kind;
	struct token token;
	uint64_t number;
	/* What query_times makes of it: SQL around it, or in its place and that of so many pieces. */
	const char *before, *after, *instead;
	size_t over;
};

/* A name in FROM. */
struct log_name {
	struct token token;
	const char *text;
};

/* A column of a virtual table. */
enum column_source {
	SOURCE_ROW,     /* number of the record in what was read */
	SOURCE_FILE,    /* name of the log */
	SOURCE_LINE,    /* in it, of text logs */
	SOURCE_EVENT,   /* index: of Log Parser's fifteen */
	SOURCE_RECORD,  /* index: enum record_column */
	SOURCE_FIELD,   /* a column of the log's own, or a value of the event's data, by its name */
};
struct log_column {
	enum column_source source;
	unsigned index;
	const char *name;       /* of the column */
	const char *field;      /* SOURCE_FIELD: the name in the log */
	bool hidden;            /* not in SELECT * */
};

/* Logs that are one table. */
struct log_table {
	struct log_name *names;
	size_t name_count, name_capacity;
	struct token alias;     /* TOKEN_END: none */
	const char **paths;
	size_t path_count, path_capacity;
	bool host;              /* records of this host, as event log */
	bool standard_input;    /* among its paths: it can be read once only */
	struct log_column *columns;
	size_t column_count, column_capacity;
	const char *format;     /* of the first log; NULL: none could be read */
	/* Standard input, open since its beginning was looked at. */
	struct source *source;
	struct reader *reader;
	struct event event;
	bool has_event;
	/* While the query runs */
	struct log_run *run;
	size_t readings;
};

struct query {
	struct arena *arena;
	struct lexer lexer;
	struct piece *pieces;
	size_t piece_count, piece_capacity;
	struct log_table *tables;
	size_t table_count, table_capacity;
	const char *into;
	bool has_list;          /* pieces of the first SELECT list */
	size_t list_from, list_to;
	/* HAVING of the outermost SELECT, where PROPCOUNT counts groups that it leaves out: 0 where there is nothing of the kind. */
	size_t having_from, having_to;
	const char **paths;     /* of all tables */
	size_t path_count, path_capacity;
	const char **data;      /* names in DATA('…') */
	size_t data_count, data_capacity;
};

/* Whether a word has a meaning in SQL of its own, so that it names no column. */
bool keyword_is(const struct lexer *lexer, const struct token *token);
/* The word of SQL that a name was probably meant to be, or NULL. */
const char *keyword_nearest(const struct lexer *lexer, const struct token *token);

/* What the tables of a running query share. */
struct log_run {
	struct query *query;
	const struct query_options *options;
	struct diag *diag;
	struct query_outcome outcome;
	struct buffer *explained; /* not NULL: nothing is read, this says what would be asked of the readers */
	int error;                /* of a table: a message is in the diag */
	struct token wrong;       /* what times_make's function refused; of no length: nothing */
};
/* Whether it is to end now; remembers that it was. */
bool run_stopped(struct log_run *run);

/* What is in a table: opens the first log, looks, and closes it again. */
void table_probe(struct query *query, struct log_table *table, const struct query_options *options, struct diag *diag);

/* Reads the text logs for columns that are not in the #Fields that table_probe has seen: of a later one, or of another log.  False:
 * there are none. */
bool tables_scan(struct log_run *run);

/* The SQL that SQLite gets, and where each part of it was in the query. */
struct mapping {
	uint32_t sql, text, length;
};
struct translation {
	struct buffer sql;
	struct mapping *map;
	size_t count, capacity;
};
/* Finds the names in DATA('…'); before table_probe. */
int query_data(struct query *query);
int query_translate(struct query *query, struct translation *translation);

/* Looks at what literals say, before query_translate: times that are compared, formats, networks.  ERROR_INPUT with a message at the
 * place of what cannot be read. */
int query_times(struct query *query);

/* Virtual tables: one for each table of the query, "log0", "log1" and so on. */
struct sqlite3;
int tables_make(struct sqlite3 *db, struct log_run *run);

/* The function that makes times of what is compared with times (TIME_FUNCTION). */
#define TIME_FUNCTION "time of"
int times_make(struct sqlite3 *db, struct log_run *run);

/* The columns of all tables and functions that there are, for "did you mean"; the list ends with NULL and is in the arena. */
const char *const *query_columns(struct query *query);

#endif
