/* Objects into rows: first everything that ends is moved to the past, then everything that begins is put
 * in, then the change gets its line of history.  What is written of a list of 100,000 filters is what was
 * added to it or taken from it. */
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/store/object.h"
#include "core/store/store_internal.h"

enum { CHANGES_MOST = 400, COMMAND_MOST = 2000 };

struct save {
	struct store *store;
	struct diag *diag;
	struct state *state;
	int64_t number;              /* of this change */
	int64_t last;                /* id given out last */
	uint64_t total;
	bool wrote;
	sqlite3_stmt *sums[ROW_KINDS], *moves[ROW_KINDS], *removes[ROW_KINDS], *inserts[ROW_KINDS];
	struct buffer names[ROW_KINDS]; /* for the line of history: " +web -old" */
	size_t unnamed[ROW_KINDS];   /* how many found no room there */
	size_t added[ROW_KINDS], removed[ROW_KINDS]; /* of what has no name: filters, dynamic rules */
	struct scratch scratch;
	struct row row;
};

/* The prepared form, made at the first use.  The format gets the table, its columns, and ",?" for
 * each of them; without one it is the move to the past. */
static int statement_get(struct save *save, sqlite3_stmt **statement, const char *format, int kind)
{
	if (*statement != NULL) {
		sqlite3_reset(*statement);
		return 0;
	}
	char sql[1024], marks[2 * ROW_MOST + 1];
	for (unsigned i = 0; i < kinds[kind].count; i++) {
		marks[2 * i] = ',';
		marks[2 * i + 1] = '?';
	}
	marks[2 * kinds[kind].count] = '\0';
	if (format != NULL)
		sqlite3_snprintf(sizeof(sql), sql, format, kinds[kind].table, kinds[kind].columns, marks);
	else
		sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO %s_past SELECT *,?2 FROM %s WHERE id=?1", kinds[kind].table,
				 kinds[kind].table);
	return store_prepare(save->store, save->diag, sql, statement);
}

/* Runs a statement that gives no row that matters. */
static int statement_run(struct save *save, sqlite3_stmt *statement)
{
	int code = sqlite3_step(statement);
	if (code == SQLITE_DONE || code == SQLITE_ROW)
		return 0;
	return store_fail(save->store, save->diag, "cannot be written");
}

/* Notes what happened to an object for the line of history. */
static void name_note(struct save *save, int kind, char sign, const char *name)
{
	struct buffer *names = &save->names[kind];
	save->wrote = true;
	if (name == NULL) {
		save->added[kind] += sign == '+';
		save->removed[kind] += sign == '-';
		return;
	}
	struct quote quote;
	bool plain = *name != '\0' && strpbrk(name, " ,\"\\\t\n") == NULL;
	const char *shown = quote_text(&quote, name, strlen(name));
	size_t length = strlen(shown);
	if (plain && length == strlen(name) + 2) {
		shown++;
		length -= 2;
	}
	if (names->maximum == 0)
		buffer_init(names, CHANGES_MOST);
	if (save->unnamed[kind] > 0 || names->length + length + 2 > names->maximum) {
		save->unnamed[kind]++;
		return;
	}
	buffer_add_char(names, ' ');
	buffer_add_char(names, sign);
	buffer_add(names, shown, length);
}

/* The sum of a row in force; *ret_there false when there is none.  The name is borrowed until the next call. */
static int row_find(struct save *save, int kind, int64_t id, bool *ret_there, uint64_t *ret_sum, const char **ret_name)
{
	int error = statement_get(save, &save->sums[kind], "SELECT *FROM %s WHERE id=?1", kind);
	if (error < 0)
		return error;
	sqlite3_stmt *statement = save->sums[kind];
	sqlite3_bind_int64(statement, 1, id);
	int code = sqlite3_step(statement);
	*ret_there = code == SQLITE_ROW;
	if (code == SQLITE_ROW) {
		*ret_sum = (uint64_t)sqlite3_column_int64(statement, 2);
		*ret_name = kinds[kind].name >= 0 ? (const char *)sqlite3_column_text(statement, kinds[kind].name + 3) : NULL;
		return 0;
	}
	return code == SQLITE_DONE ? 0 : store_fail(save->store, save->diag, "cannot be read");
}

/* Moves a row to the past.  `sign` says as what the line of history has it: '-', or 0 for not at all. */
static int row_end(struct save *save, int kind, int64_t id, char sign)
{
	bool there;
	uint64_t sum = 0;
	const char *name = NULL;
	int error = row_find(save, kind, id, &there, &sum, &name);
	if (error < 0)
		return error;
	if (!there)
		return store_damaged(save->store, save->diag, "row %lld of its table %s is not there", (long long)id,
				     kinds[kind].table);
	if (sign != 0)
		name_note(save, kind, sign, name);
	save->wrote = true;
	save->total -= sum;
	sqlite3_reset(save->sums[kind]);
	error = statement_get(save, &save->moves[kind], NULL, kind);
	if (error == 0)
		error = statement_get(save, &save->removes[kind], "DELETE FROM %s WHERE id=?1", kind);
	if (error < 0)
		return error;
	sqlite3_bind_int64(save->moves[kind], 1, id);
	sqlite3_bind_int64(save->moves[kind], 2, save->number);
	sqlite3_bind_int64(save->removes[kind], 1, id);
	error = statement_run(save, save->moves[kind]);
	return error == 0 ? statement_run(save, save->removes[kind]) : error;
}

/* Puts save->row in. */
static int row_begin(struct save *save, int kind)
{
	int error = statement_get(save, &save->inserts[kind], "INSERT INTO %s(id,born,sum,%s)VALUES(?,?,?%s)", kind);
	if (error < 0)
		return error;
	row_bind(&save->row, save->number, save->inserts[kind]);
	save->total += row_sum(&save->row);
	save->wrote = true;
	return statement_run(save, save->inserts[kind]);
}

typedef void write_function(const void *object, enum location_id location, struct scratch *scratch, struct row *row);
static void write_policy(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	policy_write(object, location, scratch, row);
}
static void write_rule(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	(void)location;
	rule_write(object, scratch, row);
}
static void write_filterlist(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	filterlist_write(object, location, scratch, row);
}
static void write_filteraction(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	filteraction_write(object, location, scratch, row);
}
static void write_mmpolicy(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	mmpolicy_write(object, location, scratch, row);
}
static void write_qmpolicy(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	qmpolicy_write(object, location, scratch, row);
}
static void write_dynrule(const void *object, enum location_id location, struct scratch *scratch, struct row *row)
{
	dynrule_write(object, location, scratch, row);
}
static write_function *const writers[ROW_KINDS] = {
	[OBJECT_POLICY] = write_policy,       [OBJECT_RULE] = write_rule,         [OBJECT_FILTERLIST] = write_filterlist,
	[OBJECT_FILTERACTION] = write_filteraction, [OBJECT_MMPOLICY] = write_mmpolicy, [OBJECT_QMPOLICY] = write_qmpolicy,
	[OBJECT_DYNRULE] = write_dynrule,
};

/* What is called for every object but filters, those that others refer to first. */
typedef int visit_function(struct save *save, int kind, enum location_id location, const void *object, const char *name,
			   int64_t *row, bool changed);

static int collection_visit(struct save *save, visit_function *visit, int kind, enum location_id location,
			    const struct collection *collection)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < collection->count; i++) {
		struct object *object = collection->items[i];
		error = visit(save, kind, location, object, object->name, &object->row, object->changed);
	}
	return error;
}

static int location_visit(struct save *save, visit_function *visit, struct location *location)
{
	int error = collection_visit(save, visit, OBJECT_FILTERLIST, location->id, &location->filterlists);
	if (error == 0)
		error = collection_visit(save, visit, OBJECT_FILTERACTION, location->id, &location->filteractions);
	if (error == 0)
		error = collection_visit(save, visit, OBJECT_POLICY, location->id, &location->policies);
	for (size_t i = 0; error == 0 && i < location->policies.count; i++)
		error = collection_visit(save, visit, OBJECT_RULE, location->id,
					 &((struct policy *)location->policies.items[i])->rules);
	if (error == 0)
		error = collection_visit(save, visit, OBJECT_MMPOLICY, location->id, &location->mmpolicies);
	if (error == 0)
		error = collection_visit(save, visit, OBJECT_QMPOLICY, location->id, &location->qmpolicies);
	for (size_t i = 0; error == 0 && i < location->dynrule_count; i++) {
		struct dynrule *rule = location->dynrules[i];
		error = visit(save, OBJECT_DYNRULE, location->id, rule, NULL, &rule->filter.row, rule->changed);
	}
	return error;
}

/* A stored object that says it has changed and does differ: its row ends. */
static int object_end(struct save *save, int kind, enum location_id location, const void *object, const char *name,
		      int64_t *row, bool changed)
{
	if (*row == 0 || !changed)
		return 0;
	bool there;
	uint64_t sum = 0;
	const char *before = NULL;
	row_init(&save->row, *row);
	writers[kind](object, location, &save->scratch, &save->row);
	int error = row_find(save, kind, *row, &there, &sum, &before);
	if (error < 0 || (there && sum == row_sum(&save->row)))
		return error;
	if (name != NULL)
		name_note(save, kind, '~', name);
	return row_end(save, kind, *row, 0);
}

static int filters_begin(struct save *save, struct filterlist *list)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < list->count; i++) {
		struct filter *filter = &list->filters[i];
		if (filter->row != 0)
			continue;
		const char *wrong = filter_check(filter);
		if (wrong != NULL) {
			struct place place = {.file = filter->file, .line = filter->line};
			diag_error(save->diag, &place, "filter %zu of filter list %s cannot be stored: %s", i + 1,
				   QUOTE(list->object.name), wrong);
			return ERROR_BUG;
		}
		filter->row = ++save->last;
		row_init(&save->row, filter->row);
		filter_write(filter, list->object.row, &save->scratch, &save->row);
		name_note(save, OBJECT_FILTER, '+', NULL);
		error = row_begin(save, OBJECT_FILTER);
	}
	return error;
}

/* A new object, or one whose row has ended. */
static int object_begin(struct save *save, int kind, enum location_id location, const void *object, const char *name,
			int64_t *row, bool changed)
{
	int error = 0;
	bool there = false, fresh = *row == 0;
	uint64_t sum;
	const char *before;
	if (!fresh && !changed)
		return 0;
	if (fresh)
		*row = ++save->last;
	else
		error = row_find(save, kind, *row, &there, &sum, &before);
	if (error == 0 && !there) {
		if (fresh)
			name_note(save, kind, '+', name);
		row_init(&save->row, *row);
		writers[kind](object, location, &save->scratch, &save->row);
		error = row_begin(save, kind);
	}
	return error;
}

static int all_visit(struct save *save, visit_function *visit)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < LOCATION_COUNT; i++)
		error = location_visit(save, visit, &save->state->locations[i]);
	return error;
}

static int filters_save(struct save *save)
{
	int error = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct collection *lists = &save->state->locations[i].filterlists;
		for (size_t j = 0; error == 0 && j < lists->count; j++)
			if (lists->items[j]->changed)
				error = filters_begin(save, (struct filterlist *)lists->items[j]);
	}
	return error;
}

static int removed_end(struct save *save)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < save->state->gone_count; i++) {
		const struct gone *gone = &save->state->gone[i];
		error = row_end(save, (int)gone->kind, gone->row, '-');
	}
	return error;
}

/* What earlier boots left in the dynamic location ends with the first change of this one. */
static int stale_end(struct save *save)
{
	int error = 0;
	for (size_t i = 0; error == 0 && i < save->store->stale_count; i++)
		error = row_end(save, save->store->stale[i].kind, save->store->stale[i].id, 0);
	return error;
}

/* One property: its row has the name, the value, or is not there when the default holds. */
static int property_save(struct save *save, enum property_id id)
{
	sqlite3_stmt *statement = NULL;
	struct buffer value;
	const char *name = properties[id].name;
	bool set = save->state->config.set[id];
	int error = store_prepare(save->store, save->diag, "SELECT id,value FROM config WHERE name=?1", &statement);
	if (error < 0)
		return error;
	buffer_init(&value, 65536);
	config_print(&save->state->config, id, &value);
	sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
	int code = sqlite3_step(statement);
	bool there = code == SQLITE_ROW;
	int64_t row = there ? sqlite3_column_int64(statement, 0) : 0;
	const char *before = there ? (const char *)sqlite3_column_text(statement, 1) : NULL;
	bool same = there ? set && before != NULL && strcmp(before, buffer_text(&value)) == 0 : !set;
	if (code != SQLITE_ROW && code != SQLITE_DONE)
		error = store_fail(save->store, save->diag, "cannot be read");
	sqlite3_finalize(statement);
	if (error == 0 && !same && there)
		error = row_end(save, ROW_CONFIG, row, 0);
	if (error == 0 && !same) {
		name_note(save, ROW_CONFIG, set ? (there ? '~' : '+') : '-', name);
		row_init(&save->row, ++save->last);
		row_add_text(&save->row, name);
		row_add_text(&save->row, buffer_text(&value));
		if (set)
			error = row_begin(save, ROW_CONFIG);
	}
	buffer_done(&value);
	return error;
}

static int config_save(struct save *save)
{
	int error = 0;
	for (unsigned i = 0; error == 0 && save->state->config.changed && i < PROPERTY_COUNT; i++)
		error = property_save(save, (enum property_id)i);
	return error;
}

static void changes_print(const struct save *save, const char *said, struct buffer *buffer)
{
	const char *separator = said != NULL ? ": " : "";
	if (said != NULL)
		buffer_add_text(buffer, said);
	for (unsigned kind = 0; kind < ROW_KINDS; kind++) {
		if (save->names[kind].length + save->added[kind] + save->removed[kind] == 0)
			continue;
		buffer_add_text(buffer, separator);
		separator = ", ";
		buffer_add_text(buffer, kinds[kind].table);
		buffer_add(buffer, save->names[kind].data, save->names[kind].length);
		if (save->unnamed[kind] > 0)
			buffer_printf(buffer, " and %zu more", save->unnamed[kind]);
		if (save->added[kind] > 0)
			buffer_printf(buffer, " +%zu", save->added[kind]);
		if (save->removed[kind] > 0)
			buffer_printf(buffer, " -%zu", save->removed[kind]);
	}
	if (buffer->length == 0)
		buffer_add_text(buffer, "dynamic rows of an earlier boot ended");
}

static const char *user_name(uid_t uid, char *text, size_t size)
{
	struct passwd entry, *found = NULL;
	static char room[4096];
	if (getpwuid_r(uid, &entry, room, sizeof(room), &found) == 0 && found != NULL)
		return found->pw_name;
	snprintf(text, size, "%u", (unsigned)uid);
	return text;
}

/* `said` begins what the line says of the change; NULL: nothing but what was changed. */
static int history_save(struct save *save, const char *command, const char *said, const char *digest)
{
	char uid_text[16];
	struct buffer changes, shortened;
	sqlite3_stmt *statement = NULL;
	buffer_init(&changes, ROW_KINDS * (CHANGES_MOST + 64) + 128);
	buffer_init(&shortened, COMMAND_MOST + 8);
	changes_print(save, said, &changes);
	size_t length = strlen(command);
	buffer_add(&shortened, command, length < COMMAND_MOST ? length : COMMAND_MOST);
	if (length > COMMAND_MOST)
		buffer_add_text(&shortened, " …");
	uid_t uid = getuid();
	struct change change = {
		.history = {.number = save->number, .time = time(NULL), .uid = uid, .digest = digest,
			    .user = user_name(uid, uid_text, sizeof(uid_text)), .command = buffer_text(&shortened),
			    .changes = buffer_text(&changes)},
		.boot = save->scratch.boot, .last = save->last, .total = save->total,
	};
	int error = store_prepare(save->store, save->diag, "INSERT INTO change(" HISTORY_COLUMNS ")VALUES(?,?,?,?,?,?,?,?,?,?,?)",
				  &statement);
	if (error == 0) {
		const char *texts[] = {change.history.user, change.history.command, digest, change.history.changes, change.boot};
		sqlite3_bind_int64(statement, 1, change.history.number);
		sqlite3_bind_int64(statement, 2, change.history.time);
		sqlite3_bind_int64(statement, 3, uid);
		for (int i = 0; i < (int)ARRAY_LENGTH(texts); i++)
			sqlite3_bind_text(statement, 4 + i, texts[i], -1, SQLITE_STATIC);
		sqlite3_bind_int64(statement, 9, change.last);
		sqlite3_bind_int64(statement, 10, (int64_t)change.total);
		sqlite3_bind_int64(statement, 11, (int64_t)change_sum(&change));
		error = statement_run(save, statement);
	}
	sqlite3_finalize(statement);
	buffer_done(&changes);
	buffer_done(&shortened);
	return error;
}

static void save_init(struct save *save, struct store *store, const char *boot, struct diag *diag)
{
	*save = (struct save){
		.store = store, .diag = diag, .number = store->number + 1, .last = store->last, .total = store->total,
	};
	scratch_init(&save->scratch, boot);
}

static void save_done(struct save *save)
{
	for (unsigned i = 0; i < ROW_KINDS; i++) {
		sqlite3_finalize(save->sums[i]);
		sqlite3_finalize(save->moves[i]);
		sqlite3_finalize(save->removes[i]);
		sqlite3_finalize(save->inserts[i]);
		buffer_done(&save->names[i]);
	}
	scratch_done(&save->scratch);
}

int store_save(struct store *store, struct state *state, const char *command, struct diag *diag, bool *ret_wrote)
{
	char boot[BOOT_TEXT], digest[DIGEST_TEXT];
	struct save save;
	boot_id(boot);
	save_init(&save, store, boot, diag);
	save.state = state;
	int error = removed_end(&save);
	if (error == 0)
		error = all_visit(&save, object_end);
	if (error == 0)
		error = all_visit(&save, object_begin);
	if (error == 0)
		error = filters_save(&save);
	if (error == 0)
		error = config_save(&save);
	/* Rows that no longer count are no reason for a change of their own. */
	if (error == 0 && save.wrote)
		error = stale_end(&save);
	if (error == 0 && save.wrote)
		error = history_save(&save, command, NULL, (state_digest(state, digest), digest));
	*ret_wrote = save.wrote;
	save_done(&save);
	return error;
}

int store_save_line(struct store *store, const struct state *state, const char *command, const char *said, struct diag *diag)
{
	char digest[DIGEST_TEXT], boot[BOOT_TEXT];
	struct save save;
	boot_id(boot);
	save_init(&save, store, boot, diag);
	state_digest(state, digest);
	int error = history_save(&save, command, said, digest);
	save_done(&save);
	return error;
}

/* Runs a statement whose parameters are the number of the change to go back to, and this one's. */
static int number_execute(struct save *save, const char *sql, int64_t number)
{
	sqlite3_stmt *statement = NULL;
	int error = store_prepare(save->store, save->diag, sql, &statement);
	if (error < 0)
		return error;
	sqlite3_bind_int64(statement, 1, number);
	if (sqlite3_bind_parameter_count(statement) > 1)
		sqlite3_bind_int64(statement, 2, save->number);
	error = statement_run(save, statement);
	sqlite3_finalize(statement);
	return error;
}

/* The rows that a statement gives, into the total and the names.  Its last column says whether the other side of the
 * change has the same object: then it is noted once, as changed. */
static int rows_note(struct save *save, int kind, const char *format, int64_t number, char sign)
{
	char sql[1024];
	sqlite3_stmt *statement = NULL;
	sqlite3_snprintf(sizeof(sql), sql, format, kinds[kind].table, kinds[kind].table);
	int error = store_prepare(save->store, save->diag, sql, &statement), code = SQLITE_DONE;
	if (error < 0)
		return error;
	sqlite3_bind_int64(statement, 1, number);
	while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
		uint64_t sum = (uint64_t)sqlite3_column_int64(statement, 2);
		bool both = sqlite3_column_int(statement, sqlite3_column_count(statement) - 1) != 0;
		const char *name = kinds[kind].name >= 0 ? (const char *)sqlite3_column_text(statement, kinds[kind].name + 3) : NULL;
		save->total += sign == '+' ? sum : 0 - sum;
		if (!both || (sign == '-' && name != NULL))
			name_note(save, kind, both ? '~' : sign, name);
	}
	if (code != SQLITE_DONE)
		error = store_fail(save->store, save->diag, "cannot be read");
	sqlite3_finalize(statement);
	return error;
}

/* What has begun since ends; what has ended since begins again, with its id. */
static int kind_revert(struct save *save, int kind, int64_t number)
{
	const char *table = kinds[kind].table, *columns = kinds[kind].columns;
	char sql[1024];
	int error = rows_note(save, kind, "SELECT m.*,EXISTS(SELECT 1 FROM %s_past p WHERE p.id=m.id AND p.born<=?1 AND p.died>?1)"
			      "FROM %s m WHERE m.born>?1", number, '-');
	if (error == 0)
		error = rows_note(save, kind, "SELECT p.*,EXISTS(SELECT 1 FROM %s m WHERE m.id=p.id)"
				  "FROM %s_past p WHERE p.born<=?1 AND p.died>?1", number, '+');
	sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO %s_past SELECT *,?2 FROM %s WHERE born>?1", table, table);
	if (error == 0)
		error = number_execute(save, sql, number);
	sqlite3_snprintf(sizeof(sql), sql, "DELETE FROM %s WHERE born>?1", table);
	if (error == 0)
		error = number_execute(save, sql, number);
	sqlite3_snprintf(sizeof(sql), sql, "INSERT INTO %s(id,born,sum,%s)SELECT id,?2,sum,%s FROM %s_past WHERE born<=?1 AND died>?1",
			 table, columns, columns, table);
	return error == 0 ? number_execute(save, sql, number) : error;
}

/* The new state is read as any reader will read it, before it counts. */
static int digest_update(struct save *save)
{
	char digest[DIGEST_TEXT];
	struct state *state = state_new();
	struct change change;
	sqlite3_stmt *statement = NULL;
	int error = store_load(save->store, (struct instant){INSTANT_NOW, 0}, save->diag, state);
	state_digest(state, digest);
	state_free(state);
	if (error == 0)
		error = store_prepare(save->store, save->diag,
				      "SELECT " HISTORY_COLUMNS " FROM change ORDER BY number DESC LIMIT 1", &statement);
	if (error < 0)
		return error;
	uint64_t sum = 0;
	if (sqlite3_step(statement) == SQLITE_ROW && change_read(statement, &change)) {
		change.history.digest = digest;
		sum = change_sum(&change);
	} else {
		error = store_fail(save->store, save->diag, "cannot be read");
	}
	sqlite3_finalize(statement);
	statement = NULL;
	if (error == 0)
		error = store_prepare(save->store, save->diag, "UPDATE change SET digest=?1,sum=?2 WHERE number=?3", &statement);
	if (error < 0)
		return error;
	sqlite3_bind_text(statement, 1, digest, -1, SQLITE_STATIC);
	sqlite3_bind_int64(statement, 2, (int64_t)sum);
	sqlite3_bind_int64(statement, 3, save->number);
	error = statement_run(save, statement);
	sqlite3_finalize(statement);
	return error;
}

int store_save_revert(struct store *store, int64_t number, const char *command, struct diag *diag)
{
	static const char unknown[DIGEST_TEXT] = "";
	char boot[BOOT_TEXT], said[64];
	struct save save;
	int error = 0;
	boot_id(boot);
	save_init(&save, store, boot, diag);
	if (number > 0)
		snprintf(said, sizeof(said), "back to change %lld", (long long)number);
	else
		snprintf(said, sizeof(said), "back to the empty store");
	for (int kind = 0; error == 0 && kind < ROW_KINDS; kind++)
		error = kind_revert(&save, kind, number);
	if (error == 0)
		error = history_save(&save, command, said, unknown);
	if (error == 0)
		error = digest_update(&save);
	save_done(&save);
	return error;
}

static int row_forget(struct save *save, int kind, enum location_id location, const void *object, const char *name,
		      int64_t *row, bool changed)
{
	(void)kind, (void)location, (void)object, (void)name, (void)changed;
	if (*row > save->store->last)
		*row = 0;
	return 0;
}

void store_forget(const struct store *store, struct state *state)
{
	struct store from = {.last = store->last};
	struct save save = {.store = &from, .state = state};
	all_visit(&save, row_forget);
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct collection *lists = &state->locations[i].filterlists;
		for (size_t j = 0; j < lists->count; j++) {
			struct filterlist *list = (struct filterlist *)lists->items[j];
			for (size_t k = 0; list->object.changed && k < list->count; k++)
				if (list->filters[k].row > store->last)
					list->filters[k].row = 0;
		}
	}
}

static void collection_clean(struct collection *collection)
{
	for (size_t i = 0; i < collection->count; i++)
		collection->items[i]->changed = false;
}

void store_clean(struct state *state)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		struct location *location = &state->locations[i];
		collection_clean(&location->policies);
		collection_clean(&location->filterlists);
		collection_clean(&location->filteractions);
		collection_clean(&location->mmpolicies);
		collection_clean(&location->qmpolicies);
		for (size_t j = 0; j < location->policies.count; j++)
			collection_clean(&((struct policy *)location->policies.items[j])->rules);
		for (size_t j = 0; j < location->dynrule_count; j++)
			location->dynrules[j]->changed = false;
	}
	state->config.changed = false;
	state->gone_count = 0;
}
