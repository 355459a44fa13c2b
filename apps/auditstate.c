#include "apps/auditstate.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apps/checkpoint.h"
#include "apps/emit.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/memory.h"

enum { APPLICATION = 0x43644175, VERSION = 2, RUNS_KEPT = 32 /* a log that was not there for so many runs is forgotten */ };

static const char schema[] =
	"CREATE TABLE run (job TEXT PRIMARY KEY, number INTEGER NOT NULL, time INTEGER NOT NULL, findings INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE mark (job TEXT NOT NULL, name TEXT NOT NULL, number INTEGER NOT NULL, time INTEGER NOT NULL, line INTEGER NOT NULL,"
	" head_length INTEGER NOT NULL, head TEXT NOT NULL, run INTEGER NOT NULL, first_number INTEGER NOT NULL DEFAULT 0,"
	" first_time INTEGER NOT NULL DEFAULT 0, PRIMARY KEY (job, name, head)) WITHOUT ROWID;"
	"CREATE TABLE known (job TEXT NOT NULL, key TEXT NOT NULL, PRIMARY KEY (job, key)) WITHOUT ROWID;";

/* From the version before. */
static const char upgrade[] =
	"ALTER TABLE mark ADD COLUMN first_number INTEGER NOT NULL DEFAULT 0; ALTER TABLE mark ADD COLUMN first_time INTEGER NOT NULL DEFAULT 0;"
	"PRAGMA user_version=2;";

struct auditstate {
	sqlite3 *database;
	const char *path, *job;
	int64_t run;              /* this one */
};

static int state_error(struct auditstate *state, struct diag *diag)
{
	int code = sqlite3_errcode(state->database);
	if (code == SQLITE_BUSY || code == SQLITE_LOCKED) {
		diag_error(diag, &(struct place){.file = state->path}, "another audit is running with this state");
		return ERROR_BUSY;
	}
	bool damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
	diag_error(diag, &(struct place){.file = state->path}, "%s%s", sqlite3_errmsg(state->database),
		   damaged ? ": move it away, and the next run tells all as if it were the first" : "");
	return damaged ? ERROR_DAMAGED : ERROR_SYSTEM;
}

static int state_exec(struct auditstate *state, const char *sql, struct diag *diag)
{
	return sqlite3_exec(state->database, sql, NULL, NULL, NULL) == SQLITE_OK ? 0 : state_error(state, diag);
}

static bool state_pragma(struct auditstate *state, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	bool good = sqlite3_prepare_v2(state->database, sql, -1, &statement, NULL) == SQLITE_OK && sqlite3_step(statement) == SQLITE_ROW;
	if (good)
		*ret_number = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return good;
}

static int schema_check(struct auditstate *state, struct diag *diag)
{
	int64_t application, version, tables;
	if (!state_pragma(state, "PRAGMA application_id", &application) || !state_pragma(state, "PRAGMA user_version", &version) ||
	    !state_pragma(state, "SELECT count(*) FROM sqlite_schema", &tables))
		return state_error(state, diag);
	if (application == APPLICATION && version == VERSION)
		return 0;
	if (application == APPLICATION && version == 1)
		return state_exec(state, upgrade, diag);
	if (application == APPLICATION || tables != 0 || application != 0) {
		diag_error(diag, &(struct place){.file = state->path}, application == APPLICATION ? "is the state of a newer Cordon" : "is a database, but not the state of an audit");
		return ERROR_DAMAGED;
	}
	char sql[128];
	(void)sqlite3_snprintf((int)sizeof(sql), sql, "PRAGMA application_id=%d; PRAGMA user_version=%d", APPLICATION, VERSION);
	int error = state_exec(state, schema, diag);
	return error == 0 ? state_exec(state, sql, diag) : error;
}

static sqlite3_stmt *state_prepare(struct auditstate *state, const char *sql, struct diag *diag)
{
	sqlite3_stmt *statement = NULL;
	if (sqlite3_prepare_v2(state->database, sql, -1, &statement, NULL) == SQLITE_OK &&
	    sqlite3_bind_text(statement, 1, state->job, -1, SQLITE_STATIC) == SQLITE_OK)
		return statement;
	(void)state_error(state, diag);
	sqlite3_finalize(statement);
	return NULL;
}

static const char *column_text(sqlite3_stmt *statement, int column)
{
	const char *text = (const char *)sqlite3_column_text(statement, column);
	return text != NULL ? text : "";
}

static void mark_read(sqlite3_stmt *statement, struct marks *marks)
{
	struct mark mark = {
		.name = column_text(statement, 0), .number = (uint64_t)sqlite3_column_int64(statement, 1), .time = (uint64_t)sqlite3_column_int64(statement, 2),
		.line = (uint64_t)sqlite3_column_int64(statement, 3), .head_length = (uint64_t)sqlite3_column_int64(statement, 4),
		.run = (uint64_t)sqlite3_column_int64(statement, 6), .first_number = (uint64_t)sqlite3_column_int64(statement, 7),
		.first_time = (uint64_t)sqlite3_column_int64(statement, 8),
	};
	const char *head = column_text(statement, 5);
	if (strlen(head) == MARK_DIGEST - 1 && mark.head_length <= MARK_HEAD)
		memcpy(mark.head, head, MARK_DIGEST);
	else
		mark.head_length = 0;
	marks_add(marks, &mark);
}

static int last_read(struct auditstate *state, struct diag *diag, struct marks *marks, struct findings *findings)
{
	static const char *const queries[] = {
		"SELECT number FROM run WHERE job = ?1",
		"SELECT name, number, time, line, head_length, head, run, first_number, first_time FROM mark WHERE job = ?1 ORDER BY run DESC",
		"SELECT key FROM known WHERE job = ?1",
	};
	state->run = 1;
	for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]); i++) {
		sqlite3_stmt *statement = state_prepare(state, queries[i], diag);
		int result = SQLITE_ERROR;
		while (statement != NULL && (result = sqlite3_step(statement)) == SQLITE_ROW) {
			if (i == 0)
				state->run = sqlite3_column_int64(statement, 0) + 1;
			else if (i == 1)
				mark_read(statement, marks);
			else
				findings_know(findings, column_text(statement, 0));
		}
		if (statement != NULL && result != SQLITE_DONE)
			(void)state_error(state, diag);
		sqlite3_finalize(statement);
		if (result != SQLITE_DONE)
			return ERROR_DAMAGED;
	}
	return 0;
}

int auditstate_open(const char *path, const char *job, struct diag *diag, struct marks *marks, struct findings *findings,
		    struct auditstate **ret_state)
{
	enum { WAIT = 5000 };
	struct auditstate *state = memory_alloc(sizeof(*state));
	*state = (struct auditstate){.path = path, .job = job};
	int error = sqlite3_open_v2(path, &state->database, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) == SQLITE_OK ? 0 : state_error(state, diag);
	if (error == 0) {
		(void)sqlite3_busy_timeout(state->database, WAIT);
		error = state_exec(state, "BEGIN IMMEDIATE", diag);
	}
	if (error == 0)
		error = schema_check(state, diag);
	if (error == 0)
		error = last_read(state, diag, marks, findings);
	if (error == 0)
		error = state_exec(state, "COMMIT", diag);
	if (error < 0) {
		auditstate_close(state);
		return error;
	}
	*ret_state = state;
	return 0;
}

void auditstate_close(struct auditstate *state)
{
	if (state == NULL)
		return;
	/* What is open is rolled back. */
	(void)sqlite3_close(state->database);
	free(state);
}

/* --- What a run has seen --- */

void auditstate_result(const struct marks *marks, const struct findings *findings, struct buffer *buffer)
{
	buffer_add_text(buffer, "{\"marks\": [");
	for (size_t i = 0; i < marks->now_count; i++) {
		buffer_add_text(buffer, i > 0 ? ",\n" : "\n");
		mark_print(&marks->now[i], buffer);
	}
	buffer_add_text(buffer, "],\n\"known\": [");
	for (size_t i = 0; i < findings->after_count; i++) {
		buffer_add_text(buffer, i > 0 ? ", " : "");
		emit_text(buffer, findings->after[i]);
	}
	buffer_add_text(buffer, "]}\n");
}

/* --- The next state --- */

static const struct json *member(const struct json *object, const char *key, unsigned type)
{
	for (const struct json *child = object->type == JSON_OBJECT ? object->child : NULL; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0)
			return (child->type & type) != 0 ? child : NULL;
	return NULL;
}

static int mark_write(struct auditstate *state, sqlite3_stmt *statement, const struct json *object, struct diag *diag)
{
	struct mark mark;
	if (!mark_parse(object, &mark))
		return ERROR_BUG;
	const uint64_t numbers[] = {mark.number, mark.time, mark.line, mark.head_length, (uint64_t)state->run, mark.first_number, mark.first_time};
	(void)sqlite3_reset(statement);
	(void)sqlite3_bind_text(statement, 2, mark.name, -1, SQLITE_STATIC);
	(void)sqlite3_bind_text(statement, 3, mark.head, -1, SQLITE_TRANSIENT);
	for (int i = 0; i < (int)ARRAY_LENGTH(numbers); i++)
		(void)sqlite3_bind_int64(statement, i + 4, (sqlite3_int64)numbers[i]);
	return sqlite3_step(statement) == SQLITE_DONE ? 0 : state_error(state, diag);
}

static int result_write(struct auditstate *state, const struct json *root, struct diag *diag)
{
	const struct json *marks = member(root, "marks", JSON_ARRAY), *known = member(root, "known", JSON_ARRAY);
	if (marks == NULL || known == NULL)
		return ERROR_BUG;
	sqlite3_stmt *add = state_prepare(state, "INSERT OR REPLACE INTO mark (job, name, head, number, time, line, head_length, run, first_number, first_time) "
				       "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)", diag);
	sqlite3_stmt *key = state_prepare(state, "INSERT OR REPLACE INTO known VALUES (?1, ?2)", diag);
	int error = add == NULL || key == NULL ? ERROR_SYSTEM : 0;
	for (const struct json *mark = marks->child; mark != NULL && error == 0; mark = mark->next)
		error = mark_write(state, add, mark, diag);
	for (const struct json *item = known->child; item != NULL && error == 0; item = item->next) {
		if (item->type != JSON_STRING)
			error = ERROR_BUG;
		(void)sqlite3_reset(key);
		(void)sqlite3_bind_text(key, 2, error == 0 ? item->text : "", -1, SQLITE_STATIC);
		if (error == 0 && sqlite3_step(key) != SQLITE_DONE)
			error = state_error(state, diag);
	}
	sqlite3_finalize(add);
	sqlite3_finalize(key);
	return error;
}

static int run_write(struct auditstate *state, const char *sql, int64_t a, int64_t b, int64_t c, struct diag *diag)
{
	sqlite3_stmt *statement = state_prepare(state, sql, diag);
	if (statement == NULL)
		return ERROR_SYSTEM;
	const int64_t values[] = {a, b, c};
	for (int i = 0; i < sqlite3_bind_parameter_count(statement) - 1; i++)
		(void)sqlite3_bind_int64(statement, i + 2, values[i]);
	int error = sqlite3_step(statement) == SQLITE_DONE ? 0 : state_error(state, diag);
	sqlite3_finalize(statement);
	return error;
}

/* Two runs at one time would each tell the same, and each forget what the other has seen. */
static int run_check(struct auditstate *state, struct diag *diag)
{
	sqlite3_stmt *statement = state_prepare(state, "SELECT number FROM run WHERE job = ?1", diag);
	if (statement == NULL)
		return ERROR_SYSTEM;
	int result = sqlite3_step(statement);
	int64_t last = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	int error = result == SQLITE_ROW || result == SQLITE_DONE ? 0 : state_error(state, diag);
	sqlite3_finalize(statement);
	/* SQLite has ended the transaction. */
	if (error < 0)
		return error;
	if (last + 1 == state->run)
		return 0;
	diag_error(diag, &(struct place){.file = state->path}, "another run of job %s has ended while this one was running: this one does not count", state->job);
	return ERROR_BUSY;
}

int auditstate_keep(struct auditstate *state, const char *result, size_t length, uint64_t findings, struct diag *diag)
{
	struct arena *arena = arena_new();
	const struct json_document document = {arena, "what the audit has seen", result, length};
	struct json *root;
	int error = json_read(&document, diag, &root);
	if (error == 0)
		error = state_exec(state, "BEGIN IMMEDIATE", diag);
	if (error == 0)
		error = run_check(state, diag);
	if (error == 0)
		error = run_write(state, "DELETE FROM known WHERE job = ?1", 0, 0, 0, diag);
	if (error == 0)
		error = result_write(state, root, diag);
	/* A log that has a new beginning under its old name has taken the place of what was marked there. */
	if (error == 0)
		error = run_write(state, "DELETE FROM mark WHERE job = ?1 AND (run < ?2 OR (run < ?3 AND name IN (SELECT name FROM mark WHERE job = ?1 AND run = ?3)))",
				  state->run - RUNS_KEPT, state->run, 0, diag);
	if (error == 0)
		error = run_write(state, "INSERT OR REPLACE INTO run VALUES (?1, ?2, ?3, ?4)", state->run, (int64_t)time(NULL), (int64_t)findings, diag);
	/* A disk that is full says so now, not when the outputs have their names. */
	int flushed = error == 0 ? sqlite3_db_cacheflush(state->database) : SQLITE_OK;
	if (flushed != SQLITE_OK) {
		diag_error(diag, &(struct place){.file = state->path}, "cannot be written: %s", sqlite3_errstr(flushed));
		error = ERROR_SYSTEM;
	}
	if (error == ERROR_BUG)
		diag_error(diag, NULL, "the process that reads the logs said nonsense: the state is left as it was");
	arena_free(arena);
	return error;
}

int auditstate_commit(struct auditstate *state, struct diag *diag)
{
	int error = state_exec(state, "COMMIT", diag);
	if (error < 0)
		diag_note(diag, NULL, "the outputs are written all the same: the next run tells the same again");
	return error;
}
