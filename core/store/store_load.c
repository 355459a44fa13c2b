/* Rows into objects: all that is in force now, or that was in force after a change.
 *
 * Every row must have its sum, all of them together the total of the change, and what they say must make
 * sense: otherwise nothing of it is used. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/object.h"
#include "core/store/store_internal.h"

/* Objects by their id, which rows come in the order of.  Object NULL: of an earlier boot. */
struct entry {
	int64_t id;
	void *object;
	enum location_id location;
};
struct entries {
	struct entry *items;
	size_t count, capacity;
	size_t last; /* found the last time */
};

struct load {
	struct store *store;
	struct diag *diag;
	struct state *state;
	struct texts *texts;
	bool past;
	int64_t number;  /* the change */
	uint64_t total;  /* of the sums so far */
	char boot[BOOT_TEXT];
	struct entries entries[ROW_KINDS];
	const char *wrong; /* what a row has wrong */
};

static void entries_add(struct entries *entries, int64_t id, void *object, enum location_id location)
{
	if (entries->count == entries->capacity) {
		entries->capacity = entries->capacity > 0 ? entries->capacity * 2 : 64;
		entries->items = memory_resize_array(entries->items, entries->capacity, sizeof(*entries->items));
	}
	entries->items[entries->count++] = (struct entry){id, object, location};
}

static const struct entry *entries_find(struct entries *entries, int64_t id)
{
	if (entries->last < entries->count && entries->items[entries->last].id == id)
		return &entries->items[entries->last];
	size_t low = 0, high = entries->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (entries->items[middle].id < id)
			low = middle + 1;
		else
			high = middle;
	}
	entries->last = low;
	return low < entries->count && entries->items[low].id == id ? &entries->items[low] : NULL;
}

static void stale_add(struct store *store, int kind, int64_t id)
{
	if (store->stale_count == store->stale_capacity) {
		store->stale_capacity = store->stale_capacity > 0 ? store->stale_capacity * 2 : 64;
		store->stale = memory_resize_array(store->stale, store->stale_capacity, sizeof(*store->stale));
	}
	store->stale[store->stale_count++] = (struct stale){kind, id};
}

/* `location` and `boot`; true when the row counts. */
static bool place_read(struct load *load, struct row_cursor *cursor, enum location_id *ret_location)
{
	const struct cell *name = cell_text(cursor);
	if (!location_parse(name->text, name->length, ret_location)) {
		cursor->bad = true;
		return false;
	}
	bool dynamic = *ret_location == LOCATION_DYNAMIC;
	if (cell_is_null(cursor)) {
		cursor->bad |= dynamic;
		return !dynamic;
	}
	const struct cell *boot = cell_text(cursor);
	cursor->bad |= !dynamic;
	return strcmp(boot->text, load->boot) == 0;
}

typedef struct object *add_function(struct state *state, struct location *location, const char *name);
static struct object *add_policy(struct state *state, struct location *location, const char *name)
{
	return &location_add_policy(state, location, name)->object;
}
static struct object *add_filterlist(struct state *state, struct location *location, const char *name)
{
	return &location_add_filterlist(state, location, name)->object;
}
static struct object *add_filteraction(struct state *state, struct location *location, const char *name)
{
	return &location_add_filteraction(state, location, name)->object;
}
static struct object *add_mmpolicy(struct state *state, struct location *location, const char *name)
{
	return &location_add_mmpolicy(state, location, name)->object;
}
static struct object *add_qmpolicy(struct state *state, struct location *location, const char *name)
{
	return &location_add_qmpolicy(state, location, name)->object;
}

static struct collection *location_collection(struct location *location, int kind)
{
	switch (kind) {
	case OBJECT_POLICY:
		return &location->policies;
	case OBJECT_FILTERLIST:
		return &location->filterlists;
	case OBJECT_FILTERACTION:
		return &location->filteractions;
	case OBJECT_MMPOLICY:
		return &location->mmpolicies;
	default:
		return &location->qmpolicies;
	}
}

/* Room for as many filters as the list says it has, within what the file can hold. */
static void filterlist_read(struct load *load, struct filterlist *list, struct row_cursor *cursor)
{
	object_read(&list->object, load->texts, cursor);
	size_t count = (size_t)cell_number(cursor, 0, 1 << 28);
	if (cursor->bad || count == 0)
		return;
	list->capacity = count < 8 ? 8 : count < 4096 ? count : 4096;
	int64_t bytes = 0;
	if (count > list->capacity && store_number(load->store, NULL,
						   "SELECT page_count*page_size FROM pragma_page_count,pragma_page_size",
						   &bytes) == 0 &&
	    bytes / 32 >= (int64_t)count)
		list->capacity = count;
	list->filters = arena_alloc(load->state->arena, list->capacity * sizeof(*list->filters));
}

/* The objects of a location that have a name. */
static void named_read(struct load *load, int kind, const struct row *row, struct row_cursor *cursor)
{
	static add_function *const add[ROW_KINDS] = {
		[OBJECT_POLICY] = add_policy,	  [OBJECT_FILTERLIST] = add_filterlist, [OBJECT_FILTERACTION] = add_filteraction,
		[OBJECT_MMPOLICY] = add_mmpolicy, [OBJECT_QMPOLICY] = add_qmpolicy,
	};
	enum location_id id;
	struct object *object = NULL;
	if (!place_read(load, cursor, &id)) {
		if (!cursor->bad) {
			entries_add(&load->entries[kind], row->id, NULL, LOCATION_DYNAMIC);
			stale_add(load->store, kind, row->id);
		}
		return;
	}
	struct location *location = &load->state->locations[id];
	const struct cell *name = cell_text(cursor);
	if (cursor->bad || collection_find(location_collection(location, kind), name->text) != NULL) {
		load->wrong = "its name is there twice";
		cursor->bad = true;
		return;
	}
	object = add[kind](load->state, location, name->text);
	object->row = row->id;
	if (kind == OBJECT_POLICY)
		policy_read((struct policy *)object, load->texts, cursor);
	else if (kind == OBJECT_FILTERLIST)
		filterlist_read(load, (struct filterlist *)object, cursor);
	else if (kind == OBJECT_FILTERACTION)
		filteraction_read((struct filteraction *)object, load->texts, cursor);
	else if (kind == OBJECT_MMPOLICY)
		mmpolicy_read((struct mmpolicy *)object, load->texts, cursor);
	else
		qmpolicy_read((struct qmpolicy *)object, load->texts, cursor);
	entries_add(&load->entries[kind], row->id, object, id);
}

/* An object that a row refers to; NULL, and `bad`, when it is not there. */
static const struct entry *reference_read(struct load *load, int kind, struct row_cursor *cursor)
{
	const struct entry *entry = entries_find(&load->entries[kind], cell_number(cursor, 1, INT64_MAX));
	if (entry == NULL) {
		load->wrong = "it refers to an object that is not there";
		cursor->bad = true;
	}
	return entry;
}

static void rule_load(struct load *load, int kind, const struct row *row, struct row_cursor *cursor)
{
	const struct entry *policy = reference_read(load, OBJECT_POLICY, cursor);
	if (cursor->bad)
		return;
	if (policy->object == NULL) {
		stale_add(load->store, kind, row->id);
		return;
	}
	const struct entry *list = reference_read(load, OBJECT_FILTERLIST, cursor);
	const struct entry *action = reference_read(load, OBJECT_FILTERACTION, cursor);
	const struct cell *name = cell_text(cursor);
	if (cursor->bad || list->object == NULL || action->object == NULL || list->location != policy->location ||
	    action->location != policy->location) {
		cursor->bad = true;
		return;
	}
	struct rule *rule = policy_add_rule(load->state, policy->object, name->text, list->object, action->object);
	rule->object.row = row->id;
	rule_read(rule, load->texts, cursor);
}

static void filter_load(struct load *load, int kind, const struct row *row, struct row_cursor *cursor)
{
	const struct entry *entry = reference_read(load, OBJECT_FILTERLIST, cursor);
	if (cursor->bad)
		return;
	if (entry->object == NULL) {
		stale_add(load->store, kind, row->id);
		return;
	}
	struct filterlist *list = entry->object;
	struct filter filter = {.row = row->id};
	filter_read(&filter, load->texts, cursor);
	filterlist_add(load->state, list, &filter);
	list->object.changed = false;
}

static void dynrule_load(struct load *load, int kind, const struct row *row, struct row_cursor *cursor)
{
	enum location_id id;
	if (!place_read(load, cursor, &id)) {
		if (!cursor->bad)
			stale_add(load->store, kind, row->id);
		return;
	}
	struct dynrule *rule = location_add_dynrule(load->state, &load->state->locations[id]);
	rule->filter.row = row->id;
	dynrule_read(rule, load->texts, cursor);
}

static void config_load(struct load *load, int kind, const struct row *row, struct row_cursor *cursor)
{
	(void)kind;
	(void)row;
	const struct cell *name = cell_text(cursor), *value = cell_text(cursor);
	const struct property *property = property_find(name->text, name->length);
	if (property == NULL || config_set(&load->state->config, property_index(property), value->text, value->length,
					   NULL, NULL) < 0)
		cursor->bad = true;
}

typedef void read_function(struct load *load, int kind, const struct row *row, struct row_cursor *cursor);
/* What others refer to comes first. */
static const struct {
	int kind;
	read_function *read;
} readers[] = {
	{OBJECT_FILTERLIST, named_read}, {OBJECT_FILTERACTION, named_read}, {OBJECT_POLICY, named_read},
	{OBJECT_RULE, rule_load},        {OBJECT_FILTER, filter_load},      {OBJECT_MMPOLICY, named_read},
	{OBJECT_QMPOLICY, named_read},   {OBJECT_DYNRULE, dynrule_load},    {ROW_CONFIG, config_load},
};

static int kind_select(struct load *load, const struct kind *kind, sqlite3_stmt **ret_statement)
{
	char sql[1024];
	if (load->past)
		sqlite3_snprintf(sizeof(sql), sql,
				 "SELECT id,born,sum,%s FROM %s WHERE born<=?1 UNION ALL "
				 "SELECT id,born,sum,%s FROM %s_past WHERE born<=?1 AND died>?1 ORDER BY id",
				 kind->columns, kind->table, kind->columns, kind->table);
	else
		sqlite3_snprintf(sizeof(sql), sql, "SELECT id,born,sum,%s FROM %s ORDER BY id", kind->columns, kind->table);
	int error = store_prepare(load->store, load->diag, sql, ret_statement);
	if (error == 0 && load->past)
		sqlite3_bind_int64(*ret_statement, 1, load->number);
	return error;
}

static int kind_load(struct load *load, int number, read_function *read)
{
	const struct kind *kind = &kinds[number];
	sqlite3_stmt *statement = NULL;
	int error = kind_select(load, kind, &statement), code = SQLITE_DONE;
	if (error < 0)
		return error;
	while (error == 0 && (code = sqlite3_step(statement)) == SQLITE_ROW) {
		struct row row;
		struct row_cursor cursor = {.row = &row};
		uint64_t sum = 0;
		load->wrong = "it has a value that it cannot have";
		if (!row_read(&row, kind->count, statement, &sum)) {
			load->wrong = "its sum is wrong";
			cursor.bad = true;
		} else {
			load->total += sum;
			read(load, number, &row, &cursor);
		}
		if (cursor.bad)
			error = store_damaged(load->store, load->diag, "row %lld of its table %s: %s",
					      (long long)row.id, kind->table, load->wrong);
	}
	if (error == 0 && code != SQLITE_DONE)
		error = store_fail(load->store, load->diag, "cannot be read");
	sqlite3_finalize(statement);
	return error;
}

uint64_t change_sum(const struct change *change)
{
	struct row row;
	row_init(&row, change->history.number);
	row_add_number(&row, change->history.time);
	row_add_number(&row, change->history.uid);
	row_add_text(&row, change->history.user);
	row_add_text(&row, change->history.command);
	row_add_text(&row, change->history.digest);
	row_add_text(&row, change->history.changes);
	row_add_text(&row, change->boot);
	row_add_number(&row, change->last);
	row_add_number(&row, (int64_t)change->total);
	return row_sum(&row);
}

bool change_read(sqlite3_stmt *statement, struct change *ret_change)
{
	struct change change = {0};
	change.history.number = sqlite3_column_int64(statement, 0);
	change.history.time = sqlite3_column_int64(statement, 1);
	change.history.uid = (uint32_t)sqlite3_column_int64(statement, 2);
	change.history.user = (const char *)sqlite3_column_text(statement, 3);
	change.history.command = (const char *)sqlite3_column_text(statement, 4);
	change.history.digest = (const char *)sqlite3_column_text(statement, 5);
	change.history.changes = (const char *)sqlite3_column_text(statement, 6);
	change.boot = (const char *)sqlite3_column_text(statement, 7);
	change.last = sqlite3_column_int64(statement, 8);
	change.total = (uint64_t)sqlite3_column_int64(statement, 9);
	if (change.history.user == NULL || change.history.command == NULL || change.history.digest == NULL ||
	    change.history.changes == NULL || change.boot == NULL ||
	    change_sum(&change) != (uint64_t)sqlite3_column_int64(statement, 10))
		return false;
	*ret_change = change;
	return true;
}

/* The change that a reading is of, its total, and the boot whose dynamic rows it sees: at a time since this
 * machine came up those of this boot, before that those of the boot in which the change was made. */
static int change_find(struct load *load, struct instant at, uint64_t *ret_total)
{
	static const char *const queries[] = {
		[INSTANT_NOW] = "SELECT " HISTORY_COLUMNS " FROM change ORDER BY number DESC LIMIT 1",
		[INSTANT_TIME] = "SELECT " HISTORY_COLUMNS " FROM change WHERE time<=?1 ORDER BY number DESC LIMIT 1",
		[INSTANT_CHANGE] = "SELECT " HISTORY_COLUMNS " FROM change WHERE number=?1",
	};
	sqlite3_stmt *statement = NULL;
	int error = store_prepare(load->store, load->diag, queries[at.kind], &statement);
	if (error < 0)
		return error;
	if (load->past)
		sqlite3_bind_int64(statement, 1, at.value);
	int code = sqlite3_step(statement);
	struct change change = {0};
	boot_id(load->boot);
	if (code == SQLITE_ROW && !change_read(statement, &change)) {
		error = store_damaged(load->store, load->diag, "a line of its history is not as it was written");
	} else if (code == SQLITE_ROW) {
		load->number = change.history.number;
		*ret_total = change.total;
		if (load->past && (at.kind == INSTANT_TIME ? at.value : change.history.time) < boot_time())
			snprintf(load->boot, sizeof(load->boot), "%s", change.boot);
	} else if (code != SQLITE_DONE) {
		error = store_fail(load->store, load->diag, "cannot be read");
	} else if (at.kind == INSTANT_CHANGE) {
		struct place place = {.file = load->store->path};
		diag_error(load->diag, &place, "this store has no change %lld", (long long)at.value);
		error = ERROR_NOT_FOUND;
	}
	if (error == 0 && !load->past) {
		load->store->number = change.history.number;
		load->store->last = change.last;
		load->store->total = change.total;
	}
	sqlite3_finalize(statement);
	return error;
}

int store_load(struct store *store, struct instant at, struct diag *diag, struct state *state)
{
	struct texts texts = {.arena = state->arena};
	struct load load = {.store = store, .diag = diag, .state = state, .texts = &texts, .past = at.kind != INSTANT_NOW};
	uint64_t total = 0;
	store->stale_count = 0;
	int error = change_find(&load, at, &total);
	for (size_t i = 0; error == 0 && i < ARRAY_LENGTH(readers); i++)
		error = kind_load(&load, readers[i].kind, readers[i].read);
	if (error == 0 && load.total != total)
		error = store_damaged(store, diag, "its rows are not those of change %lld: some are lost, or not in their time",
				      (long long)load.number);
	for (size_t i = 0; i < ROW_KINDS; i++)
		free(load.entries[i].items);
	if (load.past)
		store->stale_count = 0;
	state->config.changed = false;
	return error;
}
