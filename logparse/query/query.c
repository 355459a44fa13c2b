/* Running a query: a database in memory that nothing can be written to, the tables and functions, one statement. */
#include "logparse/query/query.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/query/functions.h"
#include "logparse/query/parts.h"

enum { STEPS = 5000, COLUMNS_MOST = 2000, TEXT_MOST = 32 << 20 };

struct running {
	struct log_run run;
	sqlite3 *db;
	sqlite3_stmt *statement;
	struct translation translation;
	bool began;
};

/* --- What a query may do --- */

static int action_check(void *context, int action, const char *first, const char *second, const char *database, const char *trigger)
{
	(void)context, (void)database, (void)trigger;
	switch (action) {
	case SQLITE_SELECT:
	case SQLITE_RECURSIVE: return SQLITE_OK;
	case SQLITE_READ: return first != NULL && strncmp(first, "sqlite_", 7) == 0 ? SQLITE_DENY : SQLITE_OK;
	case SQLITE_FUNCTION: return second != NULL && (function_allowed(second) || strcmp(second, TIME_FUNCTION) == 0) ? SQLITE_OK : SQLITE_DENY;
	default: return SQLITE_DENY;
	}
}

static void limits_set(sqlite3 *db)
{
	static const int limits[][2] = {
		{SQLITE_LIMIT_LENGTH, TEXT_MOST}, {SQLITE_LIMIT_SQL_LENGTH, 1 << 20}, {SQLITE_LIMIT_COLUMN, COLUMNS_MOST},
		{SQLITE_LIMIT_EXPR_DEPTH, 200}, {SQLITE_LIMIT_COMPOUND_SELECT, 50}, {SQLITE_LIMIT_VDBE_OP, 1000000},
		{SQLITE_LIMIT_FUNCTION_ARG, 100}, {SQLITE_LIMIT_ATTACHED, 0}, {SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000},
		{SQLITE_LIMIT_VARIABLE_NUMBER, 0}, {SQLITE_LIMIT_TRIGGER_DEPTH, 0},
	};
	for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
		(void)sqlite3_limit(db, limits[i][0], limits[i][1]);
}

static int steps_passed(void *context)
{
	return run_stopped(context);
}

static int database_open(struct running *running)
{
	static const struct { int option, value; } settings[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1}, {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0}, {SQLITE_DBCONFIG_DQS_DML, 0}, {SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 0}, {SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	};
	int code = sqlite3_open_v2(":memory:", &running->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY | SQLITE_OPEN_NOMUTEX, NULL);
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]) && code == SQLITE_OK; i++)
		code = sqlite3_db_config(running->db, settings[i].option, settings[i].value, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(running->db, "PRAGMA temp_store = MEMORY; PRAGMA cache_spill = 0", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = functions_make(running->db, running->run.options->now);
	if (code == SQLITE_OK)
		code = tables_make(running->db, &running->run);
	if (code == SQLITE_OK)
		code = times_make(running->db, &running->run);
	if (code != SQLITE_OK)
		return code;
	limits_set(running->db);
	sqlite3_progress_handler(running->db, STEPS, steps_passed, &running->run);
	return sqlite3_set_authorizer(running->db, action_check, NULL);
}

/* --- What SQLite says, as what the user wrote --- */

/* The place in the query that belongs to one in our SQL. */
static const struct mapping *mapping_at(const struct translation *translation, int offset)
{
	const struct mapping *found = NULL;
	for (size_t i = 0; i < translation->count && offset >= 0; i++)
		if (translation->map[i].sql <= (uint32_t)offset)
			found = &translation->map[i];
	return found;
}

/* What stands after a beginning, without the parentheses at its end. */
static bool rest_after(const char *message, const char *head, struct cursor *ret_rest)
{
	size_t length = strlen(head);
	if (strncmp(message, head, length) != 0)
		return false;
	*ret_rest = cursor_text(message + length);
	if (cursor_left(ret_rest) > 2 && memcmp(ret_rest->end - 2, "()", 2) == 0)
		ret_rest->end -= 2;
	return true;
}

/* The whole of a word with dashes, as somebody may have meant a column. */
static struct cursor dashed_word(const struct query *query, uint32_t at)
{
	const char *text = query->lexer.text + at, *end = query->lexer.text + query->lexer.length, *stop = text;
	while (stop < end && (word_byte(*stop) || (*stop == '-' && stop + 1 < end && word_byte(stop[1]))))
		stop++;
	return (struct cursor){text, stop};
}

/* The columns of SELECT *. */
static void visible_list(const struct query *query, struct buffer *list)
{
	const struct log_table *table = query->tables;
	for (size_t i = 0; query->table_count > 0 && i < table->column_count; i++)
		if (!table->columns[i].hidden)
			buffer_printf(list, "%s%s", list->length > 0 ? ", " : "", table->columns[i].name);
	if (list->length == 0)
		buffer_add_text(list, "those of a log after FROM");
}

/* SELECT System.evt.EventID: names of files are no names of tables. */
static bool file_name_wrong(const struct running *running, const struct place *place, const struct mapping *mapping, struct cursor word)
{
	const struct query *query = running->run.query;
	const char *end = query->lexer.text + query->lexer.length;
	for (size_t i = 0; mapping != NULL && i < query->table_count; i++) {
		const char *text = query->tables[i].names[0].text;
		size_t length = strlen(text);
		if ((size_t)(end - word.at) <= length || word.at[length] != '.' || !ascii_equal_n(word.at, length, text))
			continue;
		diag_error(running->run.diag, place, "the name of a file is not written before a column: name the column alone, or write FROM %s AS a, and a. before the column",
			   QUOTE(text));
		return true;
	}
	return false;
}

static void column_missing(const struct running *running, const struct place *place, const struct mapping *mapping, struct cursor name)
{
	struct query *query = running->run.query;
	struct cursor word = mapping != NULL ? dashed_word(query, mapping->text) : name;
	const char *const *columns = query_columns(query);
	if (file_name_wrong(running, place, mapping, word))
		return;
	for (const char *at = name.at; at < name.end; at++)
		name.at = *at == '.' ? at + 1 : name.at;
	/* cs-host is one name to who wrote it. */
	if (mapping != NULL && cursor_left(&word) > cursor_left(&name) && word.at[cursor_left(&name)] == '-' && memcmp(word.at, name.at, cursor_left(&name)) == 0)
		name = word;
	const char *nearest = word_nearest(name.at, cursor_left(&name), columns);
	bool event = query->table_count > 0 && query->tables[0].format != NULL && strncmp(query->tables[0].format, "ev", 2) == 0;
	const char *quoted = QUOTE_N(name.at, cursor_left(&name));
	if (nearest != NULL) {
		diag_error(running->run.diag, place, "there is no column %s; did you mean %s?", quoted, nearest);
	} else if (event) {
		diag_error(running->run.diag, place, "there is no column %s; a value of the event's data is DATA('…'), a text stands in '…'", quoted);
	} else {
		struct buffer list;
		buffer_init(&list, 4096);
		visible_list(query, &list);
		diag_error(running->run.diag, place, "there is no column %s; columns are %s; a text stands in '…'", quoted, buffer_text(&list));
		buffer_done(&list);
	}
}

static void function_missing(const struct running *running, const struct place *place, struct cursor name)
{
	const char *nearest = function_nearest(name.at, cursor_left(&name)), *absent = function_absent(name.at, cursor_left(&name));
	if (absent != NULL) {
		diag_error(running->run.diag, place, "%s is Log Parser's, and not here: %s", QUOTE_N(name.at, cursor_left(&name)), absent);
		return;
	}
	diag_error(running->run.diag, place, "there is no function %s%s%s%s", QUOTE_N(name.at, cursor_left(&name)), nearest != NULL ? "; did you mean " : "",
		   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

/* FORM for FROM is taken for a name, and the mistake shows at the word after it. */
static void syntax_wrong(const struct running *running, const struct place *place, const struct mapping *mapping)
{
	const struct query *query = running->run.query;
	struct cursor word = cursor_of(query->lexer.text + mapping->text, mapping->length);
	const char *nearest = NULL;
	for (size_t i = 0; i < query->piece_count && nearest == NULL; i++) {
		const struct token *before = i > 0 ? &query->pieces[i - 1].token : NULL;
		if (query->pieces[i].kind != PIECE_TOKEN || query->pieces[i].token.at != mapping->text)
			continue;
		nearest = keyword_nearest(&query->lexer, &query->pieces[i].token);
		if (nearest != NULL || before == NULL || (nearest = keyword_nearest(&query->lexer, before)) == NULL)
			continue;
		diag_error(running->run.diag, place, "this cannot stand here: %s; did you mean %s before it?", QUOTE_N(word.at, cursor_left(&word)), nearest);
		return;
	}
	diag_error(running->run.diag, place, "this cannot stand here: %s%s%s%s", QUOTE_N(word.at, cursor_left(&word)), nearest != NULL ? "; did you mean " : "",
		   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}

static void prepare_explain(const struct running *running, const struct place *place, const struct mapping *mapping, const char *message)
{
	struct diag *diag = running->run.diag;
	struct cursor rest;
	if (rest_after(message, "no such column: ", &rest)) {
		column_missing(running, place, mapping, rest);
	} else if (rest_after(message, "no such function: ", &rest)) {
		function_missing(running, place, rest);
	} else if (rest_after(message, "wrong number of arguments to function ", &rest)) {
		const char *usage = function_usage(rest.at, cursor_left(&rest));
		diag_error(diag, place, "%s%s%s", message, usage != NULL ? ": " : "", usage != NULL ? usage : "");
	} else if (rest_after(message, "no such table: ", &rest)) {
		diag_error(diag, place, "%s is no table here: logs stand after FROM or JOIN", QUOTE_N(rest.at, cursor_left(&rest)));
	} else if (strstr(message, "not authorized") != NULL || strstr(message, "prohibited") != NULL) {
		diag_error(diag, place, "a query can only read logs: %s", message);
	} else if (strstr(message, "may not be modified") != NULL) {
		diag_error(diag, place, "a query can only read logs");
	} else if (strstr(message, "misuse of") != NULL && strstr(message, "window") != NULL) {
		diag_error(diag, place, "PROPCOUNT and PROPSUM stand in SELECT, HAVING and ORDER BY, functions with OVER in SELECT and ORDER BY");
	} else if (strstr(message, "misuse of") != NULL && strstr(message, "aggregate") != NULL) {
		diag_error(diag, place, "%s: WHERE looks at one record; what counts records stands in SELECT, HAVING and ORDER BY", message);
	} else if (strstr(message, "syntax error") != NULL && mapping != NULL) {
		syntax_wrong(running, place, mapping);
	} else if (strcmp(message, "incomplete input") == 0) {
		diag_error(diag, place, "the query ends too early");
	} else {
		diag_error(diag, place, "%s", message);
	}
}

static int prepare_error(const struct running *running)
{
	const struct query *query = running->run.query;
	const char *message = sqlite3_errmsg(running->db);
	const struct mapping *mapping = mapping_at(&running->translation, sqlite3_error_offset(running->db));
	struct place place = {.file = query->lexer.file};
	if (mapping != NULL || strcmp(message, "incomplete input") == 0)
		lexer_place(&query->lexer, mapping != NULL ? mapping->text : query->lexer.length, mapping != NULL && mapping->length > 0 ? mapping->length : 1,
			    &place);
	prepare_explain(running, &place, mapping, message);
	return ERROR_INPUT;
}

static int code_error(const struct running *running, int code)
{
	const struct log_run *run = &running->run;
	struct place place = {.file = run->query->lexer.file};
	if (run->wrong.length > 0)
		lexer_place(&run->query->lexer, run->wrong.at, run->wrong.length, &place);
	if (run->error < 0)
		return run->error;
	if (code == SQLITE_INTERRUPT)
		return 0;
	if (code == SQLITE_NOMEM) {
		diag_error(run->diag, &place, "sorting and grouping needs more memory than there is for it: narrow it with WHERE, or take fewer columns");
		return ERROR_LIMIT;
	}
	diag_error(run->diag, &place, "%s", running->db != NULL ? sqlite3_errmsg(running->db) : sqlite3_errstr(code));
	return ERROR_INPUT;
}

/* --- Before it runs --- */

static void running_done(struct running *running)
{
	(void)sqlite3_finalize(running->statement);
	(void)sqlite3_close(running->db);
	buffer_done(&running->translation.sql);
}

/* A code of SQLite's, or a negative error that was said. */
static int statement_prepare(struct running *running)
{
	int error = query_translate(running->run.query, &running->translation);
	if (error < 0)
		return error;
	int code = database_open(running);
	if (code != SQLITE_OK) {
		error = code_error(running, code);
		return error < 0 ? error : ERROR_INPUT;
	}
	const struct buffer *sql = &running->translation.sql;
	return sqlite3_prepare_v2(running->db, buffer_text(sql), (int)sql->length, &running->statement, NULL);
}

static int query_prepare(struct running *running)
{
	struct log_run *run = &running->run;
	struct query *query = run->query;
	query->lexer.diag = run->diag;
	int error = query_data(query);
	for (size_t i = 0; i < query->table_count && error == 0; i++)
		if (query->tables[i].column_count == 0)
			table_probe(query, &query->tables[i], run->options, run->diag);
	int code = error == 0 ? statement_prepare(running) : error;
	/* It may be of a #Fields that comes later, or of another log. */
	if (code > 0 && strncmp(sqlite3_errmsg(running->db), "no such column", 14) == 0 && tables_scan(run)) {
		running_done(running);
		*running = (struct running){.run = running->run};
		code = statement_prepare(running);
	}
	return code > 0 ? prepare_error(running) : code;
}

/* --- Rows --- */

static struct cell cell_of(sqlite3_stmt *statement, int i)
{
	struct cell cell = {.kind = CELL_NULL};
	switch (sqlite3_column_type(statement, i)) {
	case SQLITE_INTEGER:
		cell.kind = CELL_INTEGER;
		cell.integer = sqlite3_column_int64(statement, i);
		break;
	case SQLITE_FLOAT:
		cell.kind = CELL_REAL;
		cell.real = sqlite3_column_double(statement, i);
		break;
	case SQLITE_NULL: break;
	default: {
		const char *text = (const char *)sqlite3_column_text(statement, i);
		cell.kind = CELL_TEXT;
		cell.text = text != NULL ? cursor_of(text, (size_t)sqlite3_column_bytes(statement, i)) : cursor_text("");
		break;
	}
	}
	return cell;
}

/* Owned by the query. */
static const char *const *names_make(const struct running *running, int count)
{
	struct arena *arena = running->run.query->arena;
	const char **names = arena_alloc(arena, ((size_t)count + 1) * sizeof(*names));
	for (int i = 0; i < count; i++)
		names[i] = arena_text(arena, sqlite3_column_name(running->statement, i));
	return names;
}

static void columns_say(struct running *running, const struct query_sink *sink, const struct columns *columns)
{
	if (!running->began && sink->columns != NULL)
		sink->columns(columns, sink->context);
	running->began = true;
}

static int rows_run(struct running *running, const struct query_sink *sink)
{
	int count = sqlite3_column_count(running->statement), code;
	const struct columns columns = {names_make(running, count), (size_t)count};
	struct cell *cells = memory_alloc(((size_t)count + 1) * sizeof(*cells));
	struct query_outcome *outcome = &running->run.outcome;
	bool more = true;
	while (more && (code = sqlite3_step(running->statement)) == SQLITE_ROW) {
		columns_say(running, sink, &columns);
		for (int i = 0; i < count; i++)
			cells[i] = cell_of(running->statement, i);
		/* A text that there was no memory for. */
		if ((code = sqlite3_errcode(sqlite3_db_handle(running->statement))) == SQLITE_NOMEM)
			break;
		outcome->rows++;
		more = sink->row(cells, sink->context);
	}
	int error = more && code != SQLITE_DONE ? code_error(running, code) : 0;
	/* Tables count when they are closed. */
	(void)sqlite3_reset(running->statement);
	bool none = outcome->failed > 0 && outcome->counts.read + outcome->counts.filtered == 0;
	if (error == 0 && none && !running->began)
		error = ERROR_INPUT;
	if (error == 0 && !outcome->stopped)
		columns_say(running, sink, &columns);
	free(cells);
	return error;
}

int query_run(struct query *query, const struct query_options *options, const struct query_sink *sink, struct diag *diag,
	      struct query_outcome *ret_outcome)
{
	struct running running = {.run = {.query = query, .options = options, .diag = diag}};
	sqlite3_int64 before = sqlite3_hard_heap_limit64((sqlite3_int64)(options->memory > 0 ? options->memory : QUERY_MEMORY));
	int error = query_prepare(&running);
	if (error == 0)
		error = rows_run(&running, sink);
	running_done(&running);
	(void)sqlite3_hard_heap_limit64(before);
	*ret_outcome = running.run.outcome;
	return error;
}

/* --- What would be run --- */

static void tables_explain(const struct query *query, struct buffer *text)
{
	enum { SHOWN = 20 };
	for (size_t i = 0; i < query->table_count; i++) {
		const struct log_table *table = &query->tables[i];
		buffer_printf(text, "log%zu: %s%s:", i, table->format != NULL ? table->format : "no log that can be read", table->host ? ", records of this host" : "");
		for (size_t j = 0; j < table->path_count && j < SHOWN; j++) {
			buffer_add_char(text, ' ');
			buffer_add_quoted(text, table->paths[j], strlen(table->paths[j]));
		}
		buffer_add_text(text, table->path_count > SHOWN ? " …\n" : "\n");
	}
}

static int plan_explain(struct running *running, struct buffer *text)
{
	sqlite3_stmt *plan = NULL;
	struct buffer sql;
	buffer_init(&sql, 2 << 20);
	buffer_printf(&sql, "EXPLAIN QUERY PLAN %s", buffer_text(&running->translation.sql));
	(void)sqlite3_set_authorizer(running->db, NULL, NULL);
	int code = sqlite3_prepare_v2(running->db, buffer_text(&sql), -1, &plan, NULL);
	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(plan);
		if (code == SQLITE_ROW)
			buffer_printf(text, "SQLite: %s\n", (const char *)sqlite3_column_text(plan, 3));
	}
	(void)sqlite3_finalize(plan);
	buffer_done(&sql);
	return code == SQLITE_DONE ? 0 : code_error(running, code);
}

int query_explain(struct query *query, const struct query_options *options, struct diag *diag, struct buffer *text)
{
	enum { EXPLAIN_MS = 2000 };
	struct query_options bounded = *options;
	struct running running = {.run = {.query = query, .options = &bounded, .diag = diag, .explained = text}};
	struct timespec now;
	/* What a query makes by itself, without a log, need not end. */
	clock_gettime(CLOCK_MONOTONIC, &now);
	const int64_t end = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + EXPLAIN_MS;
	bounded.deadline = options->deadline > 0 && options->deadline < end ? options->deadline : end;
	int error = query_prepare(&running);
	if (error == 0) {
		int code;
		buffer_printf(text, "SQL: %s\n", buffer_text(&running.translation.sql));
		tables_explain(query, text);
		/* The tables are empty, and say what they were asked for. */
		while ((code = sqlite3_step(running.statement)) == SQLITE_ROW)
			;
		for (size_t i = 0; i < query->table_count; i++)
			if (query->tables[i].readings == 0)
				buffer_printf(text, "log%zu: was not asked for\n", i);
		sqlite3_progress_handler(running.db, 0, NULL, NULL);
		error = code == SQLITE_DONE || code == SQLITE_INTERRUPT ? plan_explain(&running, text) : code_error(&running, code);
	}
	running_done(&running);
	return error;
}
