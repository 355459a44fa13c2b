#include "core/store/pending.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/policy/ruleset.h"
#include "core/store/store_internal.h"

#define PENDING_COLUMNS                                                                                                \
	"kind,before,after,enforced,observe,mode,bootmode,in_force,boot,deadline_boottime,deadline,until_boottime,until,uid,"        \
	"pid,guard_start,session"
enum { PENDING_CELLS = 17 };

/* --- The row --- */

static void pending_cells(const struct pending *pending, struct row *row)
{
	row_init(row, 1);
	row_add_number(row, pending->kind);
	row_add_number(row, pending->before);
	row_add_number(row, pending->after);
	row_add_number(row, pending->enforced);
	row_add_number(row, pending->observe);
	row_add_number(row, pending->mode);
	row_add_number(row, pending->bootmode);
	row_add_number(row, pending->in_force);
	row_add_text(row, pending->boot_id);
	row_add_number(row, pending->deadline_boottime);
	row_add_number(row, pending->deadline);
	row_add_number(row, pending->until_boottime);
	row_add_number(row, pending->until);
	row_add_number(row, pending->uid);
	row_add_number(row, pending->pid);
	row_add_number(row, pending->guard_start);
	row_add_text(row, pending->session);
}

static void text_read(struct row_cursor *cursor, char *text, size_t size)
{
	const struct cell *cell = cell_text(cursor);
	if (cell->length >= size)
		cursor->bad = true;
	else
		memcpy(text, cell->text, cell->length + 1);
}

static bool pending_parse(const struct row *row, struct pending *ret_pending)
{
	struct row_cursor cursor = {.row = row};
	struct pending pending = {0};
	pending.kind = (enum pending_kind)cell_number(&cursor, PENDING_CONFIRM, PENDING_FOR);
	pending.before = cell_number(&cursor, 0, INT64_MAX);
	pending.after = cell_number(&cursor, 0, INT64_MAX);
	pending.enforced = cell_bool(&cursor);
	pending.observe = cell_bool(&cursor);
	pending.mode = (int)cell_number(&cursor, MODE_SECURE, MODE_BOOT);
	pending.bootmode = (int)cell_number(&cursor, 0, INT8_MAX);
	pending.in_force = cell_number(&cursor, 0, INT64_MAX);
	text_read(&cursor, pending.boot_id, sizeof(pending.boot_id));
	pending.deadline_boottime = cell_number(&cursor, 0, INT64_MAX);
	pending.deadline = cell_number(&cursor, 0, INT64_MAX);
	pending.until_boottime = cell_number(&cursor, 0, INT64_MAX);
	pending.until = cell_number(&cursor, 0, INT64_MAX);
	pending.uid = (uint32_t)cell_number(&cursor, 0, UINT32_MAX);
	pending.pid = cell_number(&cursor, 0, INT64_MAX);
	pending.guard_start = cell_number(&cursor, 0, INT64_MAX);
	text_read(&cursor, pending.session, sizeof(pending.session));
	if (cursor.bad || pending.before > pending.after || pending.in_force > pending.before)
		return false;
	*ret_pending = pending;
	return true;
}

int store_pending(struct store *store, struct diag *diag, bool *ret_present, struct pending *ret_pending)
{
	int64_t version = 0;
	int error = store->db != NULL ? store_number(store, diag, "PRAGMA user_version", &version) : 0;
	if (error < 0)
		return error;
	if (version < 3) { /* no file, or one that an older Cordon made and nobody has written to since */
		*ret_present = false;
		return 0;
	}
	sqlite3_stmt *statement = NULL;
	error = store_prepare(store, diag, "SELECT id,born,sum," PENDING_COLUMNS " FROM pending", &statement);
	if (error < 0)
		return error;
	int code = sqlite3_step(statement);
	struct row row;
	uint64_t sum;
	struct pending pending;
	if (code == SQLITE_ROW && (!row_read(&row, PENDING_CELLS, statement, &sum) || !pending_parse(&row, &pending)))
		error = store_damaged(store, diag, "what it says of a pending change is not as it was written");
	else if (code != SQLITE_ROW && code != SQLITE_DONE)
		error = store_fail(store, diag, "cannot be read");
	sqlite3_finalize(statement);
	if (error < 0)
		return error;
	*ret_present = code == SQLITE_ROW;
	if (code == SQLITE_ROW)
		*ret_pending = pending;
	return 0;
}

static int pending_write(struct store *store, const struct pending *pending, struct diag *diag)
{
	struct row row;
	sqlite3_stmt *statement = NULL;
	int error = store_prepare(store, diag, "INSERT OR REPLACE INTO pending(id,born,sum," PENDING_COLUMNS ")"
				  "VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", &statement);
	if (error < 0)
		return error;
	pending_cells(pending, &row);
	row_bind(&row, pending->after, statement);
	if (sqlite3_step(statement) != SQLITE_DONE)
		error = store_fail(store, diag, "cannot be written");
	sqlite3_finalize(statement);
	return error;
}

int pending_insert(struct store *store, struct pending *pending, bool wrote, struct diag *diag)
{
	char boot[BOOT_TEXT];
	boot_id(boot);
	snprintf(pending->boot_id, sizeof(pending->boot_id), "%s", boot);
	pending->before = store->number;
	pending->after = store->number + wrote;
	pending->uid = getuid();
	return pending_write(store, pending, diag);
}

/* --- Time --- */

bool pending_same(const struct pending *a, const struct pending *b)
{
	return a->kind == b->kind && a->before == b->before && a->after == b->after && a->deadline == b->deadline &&
	       a->deadline_boottime == b->deadline_boottime && strcmp(a->boot_id, b->boot_id) == 0 && a->pid == b->pid;
}

void pending_clock_read(struct pending_clock *ret_clock)
{
	char boot[BOOT_TEXT];
	struct timespec time_of_boot;
	boot_id(boot);
	clock_gettime(CLOCK_BOOTTIME, &time_of_boot);
	*ret_clock = (struct pending_clock){
		.boottime = (int64_t)time_of_boot.tv_sec * 1000 + time_of_boot.tv_nsec / 1000000, .now = time(NULL),
	};
	snprintf(ret_clock->boot_id, sizeof(ret_clock->boot_id), "%s", boot);
}

int64_t pending_left(const struct pending *pending, const struct pending_clock *clock)
{
	static const int64_t seconds_most = INT64_MAX / 2000;
	if (strcmp(pending->boot_id, clock->boot_id) == 0)
		return pending->deadline_boottime > clock->boottime ? pending->deadline_boottime - clock->boottime : 0;
	if (pending->kind == PENDING_CONFIRM || pending->deadline <= clock->now)
		return 0;
	int64_t seconds = pending->deadline - clock->now;
	return (seconds < seconds_most ? seconds : seconds_most) * 1000;
}

void pending_print_left(int64_t milliseconds, char text[PENDING_TEXT])
{
	int64_t seconds = (milliseconds + 999) / 1000, minutes = (seconds + 59) / 60, hours = minutes / 60, days = hours / 24;
	if (seconds < 120)
		snprintf(text, PENDING_TEXT, "%" PRId64 " s", seconds);
	else if (minutes < 60)
		snprintf(text, PENDING_TEXT, "%" PRId64 " min", minutes);
	else if (hours < 48)
		snprintf(text, PENDING_TEXT, "%" PRId64 " h %" PRId64 " min", hours, minutes % 60);
	else
		snprintf(text, PENDING_TEXT, "%" PRId64 " d %" PRId64 " h", days, hours % 24);
}

bool pending_guarded(const struct pending *pending)
{
	char path[64], text[1024];
	struct pending_clock clock;
	pending_clock_read(&clock);
	if (strcmp(pending->boot_id, clock.boot_id) != 0 || pending->pid <= 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pending->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	if (length <= 0)
		return false;
	text[length] = '\0';
	/* PID (NAME) STATE …: the start is the 22nd field, the 20th after the name. */
	static const char name[] = "(" PENDING_GUARD ") ";
	const char *at = strstr(text, name);
	if (at == NULL)
		return false;
	at += sizeof(name) - 1;
	if (*at == 'Z' || *at == 'X')
		return false;
	for (int field = 3; field < 22 && at != NULL; field++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	uint64_t start = 0;
	struct cursor cursor = cursor_text(at != NULL ? at : "");
	return cursor_number(&cursor, INT64_MAX, &start) && (int64_t)start == pending->guard_start;
}

/* --- Its end --- */

int store_pending_refuse(struct store *store, struct diag *diag)
{
	struct place place = {.file = store->path};
	struct pending_clock clock;
	struct pending pending;
	char left[PENDING_TEXT];
	bool present = false;
	int error = store_pending(store, diag, &present, &pending);
	if (error < 0 || !present)
		return error;
	pending_clock_read(&clock);
	int64_t milliseconds = pending_left(&pending, &clock);
	pending_print_left(milliseconds, left);
	if (milliseconds == 0)
		diag_error(diag, &place, "change %" PRId64 " is over (%s) and not taken back yet: `cordon rollback` does that, "
			   "then this can be changed", pending.after,
			   pending.kind == PENDING_FOR ? "--for" : "--confirm: it was not confirmed in time");
	else if (pending.kind == PENDING_CONFIRM)
		diag_error(diag, &place, "change %" PRId64 " waits for its confirmation, %s are left: nothing else can be changed "
			   "until `cordon confirm`, from a new connection, keeps it, or `cordon rollback` takes it back",
			   pending.after, left);
	else
		diag_error(diag, &place, "change %" PRId64 " ends by itself in %s (--for): nothing else can be changed until "
			   "`cordon rollback` ends it now, or `cordon confirm --keep` makes it stay", pending.after, left);
	return ERROR_BUSY;
}

/* The open change, or one of its own. */
static int change_open(struct store *store, struct diag *diag, struct state **ret_state)
{
	struct place place = {.file = store->path};
	if (store->db == NULL || store->access == STORE_READ) {
		diag_error(diag, &place, "this store was opened for reading only: nothing was written");
		return ERROR_BUG;
	}
	return store->changing ? store_read(store, 0, diag, ret_state) : store_begin(store, diag, ret_state);
}

static int pending_end(struct store *store, const char *command, bool keep, struct diag *diag)
{
	struct place place = {.file = store->path};
	struct state *state = NULL;
	struct pending pending;
	bool present = false;
	int error = change_open(store, diag, &state);
	if (error < 0)
		return error;
	error = store_pending(store, diag, &present, &pending);
	if (error == 0 && (!present || (!keep && pending.kind != PENDING_CONFIRM))) {
		diag_error(diag, &place, "nothing waits for a confirmation");
		error = ERROR_NOT_FOUND;
	}
	bool goes_on = !keep && present && pending.until != 0;
	if (error == 0 && goes_on) {
		pending.kind = PENDING_FOR;
		pending.deadline = pending.until;
		pending.deadline_boottime = pending.until_boottime;
		pending.until = pending.until_boottime = 0;
		error = pending_write(store, &pending, diag);
	} else if (error == 0) {
		error = store_execute(store, diag, "DELETE FROM pending");
	}
	if (error == 0)
		error = store_save_line(store, state, command, goes_on ? "confirmed, until its time ends" : "confirmed", diag);
	state_free(state);
	return store_finish(store, error, diag);
}

int store_confirm(struct store *store, const char *command, struct diag *diag)
{
	return pending_end(store, command, false, diag);
}

int store_keep(struct store *store, const char *command, struct diag *diag)
{
	return pending_end(store, command, true, diag);
}

int store_revert(struct store *store, int64_t number, const char *command, struct diag *diag)
{
	struct place place = {.file = store->path};
	struct state *state = NULL;
	int error = change_open(store, diag, &state);
	if (error < 0)
		return error;
	state_free(state); /* read for what the store then knows of its newest change */
	if (number < 0 || number > store->number) {
		diag_error(diag, &place, "this store has no change %" PRId64, number);
		error = ERROR_NOT_FOUND;
	}
	if (error == 0)
		error = store_save_revert(store, number, command, diag);
	if (error == 0)
		error = store_execute(store, diag, "DELETE FROM pending");
	return store_finish(store, error, diag);
}
