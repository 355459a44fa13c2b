/* Changes and readings of an open store: each is one transaction of SQLite. */
#include "core/store/store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/pending.h"
#include "core/store/store_internal.h"

int store_busy_ms = STORE_BUSY_MS;

/* The process that holds the lock of writers on FILE-shm, from /proc/locks; 0 when it cannot be told.  (To
 * open the file and ask for the lock would drop SQLite's own locks when it is closed again.) */
static uint64_t writer_process(const struct store *store)
{
	struct stat facts;
	struct buffer name, wanted;
	uint64_t process = 0;
	char line[256];
	buffer_init(&name, 65536);
	buffer_init(&wanted, 128);
	buffer_printf(&name, "%s-shm", store->path);
	FILE *file = stat(buffer_text(&name), &facts) == 0 ? fopen("/proc/locks", "re") : NULL;
	if (file != NULL) /* bytes 120 to 127 of the -shm are SQLite's locks, the first of them that of writers */
		buffer_printf(&wanted, " %02x:%02x:%ju 120 ", major(facts.st_dev), minor(facts.st_dev),
			      (uintmax_t)facts.st_ino);
	while (file != NULL && process == 0 && fgets(line, sizeof(line), file) != NULL) {
		const char *write = strstr(line, "WRITE");
		if (write == NULL || strstr(line, buffer_text(&wanted)) == NULL || strstr(line, "->") != NULL)
			continue;
		struct cursor cursor = cursor_text(write + strlen("WRITE"));
		cursor_skip_blanks(&cursor);
		(void)cursor_number(&cursor, INT32_MAX, &process);
	}
	if (file != NULL)
		fclose(file);
	buffer_done(&name);
	buffer_done(&wanted);
	return process;
}

static int busy_fail(const struct store *store, struct diag *diag)
{
	struct place place = {.file = store->path};
	uint64_t process = writer_process(store);
	if (process > 0)
		diag_error(diag, &place, "another cordon (process %" PRIu64 ") is writing to this store: waited for it in vain, "
			   "try again", process);
	else
		diag_error(diag, &place, "another cordon is writing to this store: waited for it in vain, try again");
	return ERROR_BUSY;
}

int store_damaged(const struct store *store, struct diag *diag, const char *format, ...)
{
	struct place place = {.file = store->path};
	char text[512];
	va_list arguments;
	if (store->db != NULL && sqlite3_errcode(store->db) == SQLITE_NOMEM)
		return store_fail(store, diag, "cannot be read"); /* then no row is what it was */
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	diag_error(diag, &place, "the store is damaged and nothing of it was used: %s", text);
	return ERROR_DAMAGED;
}

int store_fail(const struct store *store, struct diag *diag, const char *doing)
{
	int code = sqlite3_extended_errcode(store->db), number = sqlite3_system_errno(store->db);
	struct place place = {.file = store->path};
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return busy_fail(store, diag);
	case SQLITE_NOTADB:
		diag_error(diag, &place, "this is not a store: it is not an SQLite file");
		return ERROR_DAMAGED;
	case SQLITE_CORRUPT:
	case SQLITE_ERROR: /* a table or column that is not there */
	case SQLITE_SCHEMA:
		return store_damaged(store, diag, "%s", sqlite3_errmsg(store->db));
	case SQLITE_CONSTRAINT:
	case SQLITE_MISUSE:
	case SQLITE_MISMATCH:
		diag_error(diag, &place, "the store %s: %s", doing, sqlite3_errmsg(store->db));
		return ERROR_BUG;
	default: {
		bool say_why = number != 0 && (code & 0xff) != SQLITE_FULL;
		diag_error(diag, &place, "the store %s: %s%s%s", doing, sqlite3_errmsg(store->db), say_why ? ": " : "",
			   say_why ? strerror(number) : "");
		return ERROR_SYSTEM;
	}
	}
}

int store_prepare(const struct store *store, struct diag *diag, const char *sql, sqlite3_stmt **ret_statement)
{
	if (sqlite3_prepare_v2(store->db, sql, -1, ret_statement, NULL) == SQLITE_OK)
		return 0;
	return store_fail(store, diag, "cannot be read");
}

int store_execute(const struct store *store, struct diag *diag, const char *sql)
{
	if (sqlite3_exec(store->db, sql, NULL, NULL, NULL) == SQLITE_OK)
		return 0;
	return store_fail(store, diag, store->changing ? "cannot be written" : "cannot be read");
}

int store_number(const struct store *store, struct diag *diag, const char *sql, int64_t *ret_number)
{
	sqlite3_stmt *statement = NULL;
	int error = store_prepare(store, diag, sql, &statement);
	if (error < 0)
		return error;
	int code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*ret_number = sqlite3_column_int64(statement, 0);
	else if (code != SQLITE_DONE)
		error = store_fail(store, diag, "cannot be read");
	sqlite3_finalize(statement);
	return error;
}

/* What a read-only medium cannot lock against: the file was written while we read it. */
static bool file_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size && a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int load_once(struct store *store, struct instant at, struct diag *diag, struct state **ret_state)
{
	struct state *state = state_new();
	int error = store_load(store, at, diag, state);
	if (error < 0)
		state_free(state);
	else
		*ret_state = state;
	return error;
}

static int load_transaction(struct store *store, struct instant at, struct diag *diag, struct state **ret_state)
{
	int error = store_execute(store, diag, "BEGIN");
	if (error < 0)
		return error;
	error = load_once(store, at, diag, ret_state);
	store_execute(store, NULL, "ROLLBACK");
	return error;
}

/* Without locks a writer can come in between: then what was read is thrown away, and read again. */
static int load_unlocked(struct store *store, struct instant at, struct diag *diag, struct state **ret_state)
{
	enum { TRIES = 5 };
	for (unsigned i = 0; i < TRIES; i++) {
		struct stat before, after;
		struct diag own;
		struct state *state = NULL;
		diag_init(&own);
		bool known = stat(store->path, &before) == 0;
		int error = load_transaction(store, at, &own, &state);
		if (known && stat(store->path, &after) == 0 && file_same(&before, &after)) {
			diag_move(diag, &own);
			if (error == 0)
				*ret_state = state;
			return error;
		}
		state_free(state);
		diag_done(&own);
		sqlite3_db_release_memory(store->db);
	}
	return busy_fail(store, diag);
}

static int read_instant(struct store *store, struct instant at, struct diag *diag, struct state **ret_state)
{
	if (store->changing)
		return load_once(store, at, diag, ret_state);
	return store->immutable ? load_unlocked(store, at, diag, ret_state) : load_transaction(store, at, diag, ret_state);
}

int store_read(struct store *store, int64_t at, struct diag *diag, struct state **ret_state)
{
	if (store->db == NULL) {
		*ret_state = state_new();
		return 0;
	}
	return read_instant(store, (struct instant){at == 0 ? INSTANT_NOW : INSTANT_TIME, at}, diag, ret_state);
}

int store_read_change(struct store *store, int64_t number, struct diag *diag, struct state **ret_state)
{
	struct place place = {.file = store->path};
	if (store->db != NULL)
		return read_instant(store, (struct instant){INSTANT_CHANGE, number}, diag, ret_state);
	diag_error(diag, &place, "there is no store, so it has no change %lld", (long long)number);
	return ERROR_NOT_FOUND;
}

int store_begin(struct store *store, struct diag *diag, struct state **ret_state)
{
	if (store->db == NULL || store->access == STORE_READ)
		return store_read(store, 0, diag, ret_state);
	int error = store_execute(store, diag, "BEGIN IMMEDIATE");
	if (error < 0)
		return error;
	store->changing = true;
	error = load_once(store, (struct instant){0}, diag, ret_state);
	if (error < 0)
		store_rollback(store);
	return error;
}

void store_rollback(struct store *store)
{
	if (store->changing)
		store_execute(store, NULL, "ROLLBACK");
	store->changing = false;
}

int store_finish(struct store *store, int error, struct diag *diag)
{
	if (error == 0)
		error = store_execute(store, diag, "COMMIT");
	if (error < 0)
		store_rollback(store);
	store->changing = false;
	return error;
}

/* pending NULL: an ordinary change, which has to wait while one is pending. */
static int state_commit(struct store *store, struct state *state, const char *command, struct pending *pending, struct diag *diag)
{
	if (!store->changing) {
		struct place place = {.file = store->path};
		diag_error(diag, &place, "this store was opened for reading only: nothing was written");
		return ERROR_BUG;
	}
	bool wrote = false;
	int error = store_save(store, state, command, diag, &wrote);
	if (error == 0 && (wrote || pending != NULL))
		error = store_pending_refuse(store, diag);
	if (error == 0 && pending != NULL)
		error = pending_insert(store, pending, wrote, diag);
	if (error == 0 && (wrote || pending != NULL))
		error = store_finish(store, 0, diag);
	else
		store_rollback(store);
	if (error < 0)
		store_forget(store, state);
	else
		store_clean(state);
	return error;
}

int store_commit(struct store *store, struct state *state, const char *command, struct diag *diag)
{
	return state_commit(store, state, command, NULL, diag);
}

int store_commit_pending(struct store *store, struct state *state, const char *command, struct pending *pending, struct diag *diag)
{
	struct pending filled = *pending;
	int error = state_commit(store, state, command, &filled, diag);
	if (error == 0)
		*pending = filled;
	return error;
}

int store_history(struct store *store, struct arena *arena, struct diag *diag, struct history **ret_lines, size_t *ret_count)
{
	struct history *lines = NULL;
	size_t count = 0, capacity = 0;
	sqlite3_stmt *statement = NULL;
	int error = 0, code = SQLITE_DONE;
	if (store->db != NULL) {
		error = store_prepare(store, diag, "SELECT " HISTORY_COLUMNS " FROM change ORDER BY number", &statement);
		if (error < 0)
			return error;
		code = sqlite3_step(statement);
	}
	for (; error == 0 && code == SQLITE_ROW; code = sqlite3_step(statement)) {
		struct change change;
		if (!change_read(statement, &change) || change.history.number != (int64_t)count + 1) {
			error = store_damaged(store, diag, "line %zu of its history is not as it was written", count + 1);
			break;
		}
		lines = arena_grow(arena, lines, count, &capacity, sizeof(*lines));
		lines[count] = change.history;
		lines[count].user = arena_text(arena, change.history.user);
		lines[count].command = arena_text(arena, change.history.command);
		lines[count].digest = arena_text(arena, change.history.digest);
		lines[count].changes = arena_text(arena, change.history.changes);
		count++;
	}
	if (error == 0 && code != SQLITE_DONE)
		error = store_fail(store, diag, "cannot be read");
	sqlite3_finalize(statement);
	if (error == 0) {
		*ret_lines = lines;
		*ret_count = count;
	}
	return error;
}
