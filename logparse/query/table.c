/* The virtual table of SQLite over a stream of events: columns are made when they are asked for, and conditions on provider, id,
 * time and number go into the reader's filter.  SQLite looks at every condition again, so a filter may let too much through
 * but never too little. */
#include <sqlite3.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/query/groups.h"
#include "logparse/query/parts.h"
#include "logparse/query/values.h"

enum { LIST_MOST = 4096, PUSHED_MOST = 32 };
/* idxNum: how rows are given out. */
enum { GROUPS_NONE, GROUPS_ALL, GROUPS_ONCE };

struct log_vtab {
	sqlite3_vtab base;
	struct log_run *run;
	struct log_table *table;
	bool *no_case;            /* of each column: compared without case */
};

struct log_cursor {
	sqlite3_vtab_cursor base;
	struct log_vtab *vtab;
	struct arena *arena;      /* of the filter */
	struct event_filter filter;
	struct source *source;
	struct reader *reader;
	bool borrowed;            /* the source is the table's (standard input) */
	struct event event;
	sqlite3_int64 row;
	bool ended, counted;
	unsigned ticks;
	struct values values;     /* of this row */
	struct groups *groups;    /* rows are given out from here: NULL, as they come */
};

/* --- The table --- */

/* SQLite (3.40) takes HIDDEN out of the type in place, and then looks for the collation behind the shorter type: in the
 * last six characters of what was the type.  So they say NOCASE too. */
static const char *column_type(const struct log_column *column)
{
	static const char *const events[] = {
		"TEXT", "INTEGER", "TEXT", "TEXT", "INTEGER", "INTEGER", "TEXT", "INTEGER", "TEXT", "TEXT NOCASE COLLATE NOCASE", "TEXT", "TEXT", "TEXT", "TEXT", "TEXT",
	};
	switch (column->source) {
	case SOURCE_ROW:
	case SOURCE_LINE: return "INTEGER";
	case SOURCE_FILE: return "TEXT";
	case SOURCE_EVENT: return events[column->index];
	case SOURCE_RECORD: return record_columns[column->index].kind == RECORD_NUMBER ? "INTEGER" : "TEXT";
	case SOURCE_FIELD: break;
	}
	return "NUMERIC";
}

static void table_declare(const struct log_table *table, struct buffer *sql)
{
	buffer_add_text(sql, "CREATE TABLE log(");
	for (size_t i = 0; i < table->column_count; i++) {
		buffer_add_text(sql, i > 0 ? ", \"" : "\"");
		for (const char *c = table->columns[i].name; *c != '\0'; c++) {
			buffer_add_char(sql, *c);
			if (*c == '"')
				buffer_add_char(sql, '"');
		}
		/* Before the type: it is a word of it, and a collation is not. */
		buffer_printf(sql, "\" %s%s", table->columns[i].hidden ? "HIDDEN " : "", column_type(&table->columns[i]));
	}
	buffer_add_char(sql, ')');
}

static int table_connect(sqlite3 *db, void *context, int count, const char *const *words, sqlite3_vtab **ret_vtab, char **ret_message)
{
	struct log_run *run = context;
	struct buffer sql;
	uint64_t index;
	if (count < 4 || !number_parse(words[3], strlen(words[3]), run->query->table_count - 1, &index))
		return SQLITE_ERROR;
	struct log_vtab *vtab = memory_alloc(sizeof(*vtab));
	*vtab = (struct log_vtab){.run = run, .table = &run->query->tables[index]};
	buffer_init(&sql, 1 << 20);
	table_declare(vtab->table, &sql);
	int code = sql.full ? SQLITE_TOOBIG : sqlite3_declare_vtab(db, buffer_text(&sql));
	if (code != SQLITE_OK)
		*ret_message = sqlite3_mprintf("%s", sqlite3_errmsg(db));
	buffer_done(&sql);
	if (code == SQLITE_OK)
		*ret_vtab = &vtab->base;
	else
		free(vtab);
	return code;
}

/* Another function than table_connect, or SQLite would let a query name the module itself as a table. */
static int table_create(sqlite3 *db, void *context, int count, const char *const *words, sqlite3_vtab **ret_vtab, char **ret_message)
{
	return table_connect(db, context, count, words, ret_vtab, ret_message);
}

static int table_disconnect(sqlite3_vtab *vtab)
{
	free(vtab);
	return SQLITE_OK;
}

/* --- What is asked of the reader --- */

/* Whom a condition concerns: one letter in the plan. */
enum target { TARGET_NONE = 0, TARGET_ID = 'E', TARGET_PROVIDER = 'P', TARGET_TIME = 'T', TARGET_DATE = 'D', TARGET_NUMBER = 'N' };

static enum target column_target(const struct log_table *table, const struct log_column *column)
{
	if (column->source == SOURCE_EVENT) {
		switch (column->index) {
		case EVENT_NUMBER: return table->host ? TARGET_NONE : TARGET_NUMBER;
		case EVENT_TIME: return TARGET_TIME;
		case EVENT_ID: return TARGET_ID;
		/* Records of this host say "cordon", and the column says IPSec. */
		case EVENT_SOURCE: return table->host ? TARGET_NONE : TARGET_PROVIDER;
		default: return TARGET_NONE;
		}
	}
	/* A field that stands for a record's column may say more than the event. */
	if (column->source != SOURCE_RECORD || column->field != NULL)
		return TARGET_NONE;
	switch (column->index) {
	case COLUMN_EVENTID: return TARGET_ID;
	case COLUMN_SOURCE: return TARGET_PROVIDER;
	case COLUMN_DATE: return TARGET_DATE;
	case COLUMN_RECORDNUMBER: return TARGET_NUMBER;
	default: return TARGET_NONE;
	}
}

static char operator_letter(unsigned char op)
{
	switch (op) {
	case SQLITE_INDEX_CONSTRAINT_EQ: return '=';
	case SQLITE_INDEX_CONSTRAINT_LT: return '<';
	case SQLITE_INDEX_CONSTRAINT_LE: return 'l';
	case SQLITE_INDEX_CONSTRAINT_GT: return '>';
	case SQLITE_INDEX_CONSTRAINT_GE: return 'g';
	default: return '\0';
	}
}

/* Takes a condition into the plan; lists only for what the filter has lists of, and one of each. */
static char condition_letter(sqlite3_index_info *info, int i, enum target target, bool *taken)
{
	char letter = operator_letter(info->aConstraint[i].op);
	bool set = target == TARGET_ID || target == TARGET_PROVIDER, list = letter == '=' && sqlite3_vtab_in(info, i, -1);
	if (letter == '\0' || (set && letter != '=') || (!set && list) || (set && taken[(unsigned char)target]))
		return '\0';
	const char *collation = sqlite3_vtab_collation(info, i);
	if (!ascii_equal(collation, "BINARY") && !(target == TARGET_PROVIDER && ascii_equal(collation, "NOCASE")))
		return '\0';
	if (set)
		taken[(unsigned char)target] = true;
	if (!list)
		return letter;
	(void)sqlite3_vtab_in(info, i, 1);
	return 'i';
}

/* Conditions: two letters each, in the order of their values. */
static void conditions_plan(const struct log_table *table, sqlite3_index_info *info, struct buffer *plan)
{
	bool taken[128] = {false};
	int count = 0;
	for (int i = 0; i < info->nConstraint && count < PUSHED_MOST; i++) {
		if (!info->aConstraint[i].usable || info->aConstraint[i].iColumn < 0)
			continue;
		enum target target = column_target(table, &table->columns[info->aConstraint[i].iColumn]);
		char letter = target != TARGET_NONE ? condition_letter(info, i, target, taken) : '\0';
		if (letter == '\0')
			continue;
		buffer_add_char(plan, (char)target);
		buffer_add_char(plan, letter);
		info->aConstraintUsage[i].argvIndex = ++count;
	}
}

/* Columns with about as many values as there are records: their combinations with others are as many. */
static bool column_is_heavy(const struct log_column *column)
{
	static const bool events[] = {[EVENT_NUMBER] = true, [EVENT_TIME] = true, [EVENT_WRITTEN] = true, [EVENT_STRINGS] = true,
				      [EVENT_MESSAGE] = true, [EVENT_DATA] = true};
	switch (column->source) {
	case SOURCE_EVENT: return events[column->index];
	case SOURCE_RECORD: return column->index == COLUMN_TIME || column->index == COLUMN_SRC_PORT || column->index == COLUMN_RECORDNUMBER;
	case SOURCE_FILE: return false;
	case SOURCE_ROW:
	case SOURCE_LINE:
	case SOURCE_FIELD: break;
	}
	return true;
}

static bool order_has(const sqlite3_index_info *info, int column)
{
	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn == column)
			return true;
	return false;
}

/* GROUP BY and DISTINCT over a few columns: combinations are counted here instead of sorting all records there.  "/3,7d/3,7,9":
 * by which columns, and which are used at all. */
static void groups_plan(const struct log_table *table, sqlite3_index_info *info, struct buffer *plan)
{
	enum { BITS = 63, DISTINCT_ORDERED = 3 };
	int distinct = sqlite3_vtab_distinct(info);
	size_t used = 0;
	if (distinct < 1 || distinct > DISTINCT_ORDERED || info->nOrderBy < 1 || info->nOrderBy > GROUPS_COLUMNS || info->colUsed >> BITS != 0)
		return;
	for (int i = 0; i < info->nOrderBy; i++)
		if (info->aOrderBy[i].iColumn <= 0 || info->aOrderBy[i].iColumn >= BITS)
			return;
	for (int i = 0; i < BITS; i++) {
		if ((info->colUsed >> i & 1) == 0)
			continue;
		used++;
		if ((size_t)i >= table->column_count || (!order_has(info, i) && column_is_heavy(&table->columns[i])))
			return;
	}
	if (used == 0 || used > GROUPS_COLUMNS)
		return;
	for (int i = 0; i < info->nOrderBy; i++)
		buffer_printf(plan, "%c%d%s", i > 0 ? ',' : '/', info->aOrderBy[i].iColumn, info->aOrderBy[i].desc ? "d" : "");
	for (int i = 0, any = 0; i < BITS; i++)
		if ((info->colUsed >> i & 1) != 0)
			buffer_printf(plan, "%c%d", any++ > 0 ? ',' : '/', i);
	info->idxNum = distinct == 1 ? GROUPS_ALL : GROUPS_ONCE;
	info->orderByConsumed = 1;
}

static int table_plan(sqlite3_vtab *base, sqlite3_index_info *info)
{
	const struct log_table *table = ((struct log_vtab *)base)->table;
	struct buffer plan;
	buffer_init(&plan, 4096);
	/* With x-row (column 0) every record must be seen. */
	if ((info->colUsed & 1) == 0 && !table->standard_input)
		conditions_plan(table, info, &plan);
	groups_plan(table, info, &plan);
	info->idxStr = sqlite3_mprintf("%s", buffer_text(&plan));
	info->needToFreeIdxStr = 1;
	buffer_done(&plan);
	/* Each reading costs the same, so that a log is never read twice to save a condition. */
	info->estimatedCost = 1e6;
	info->estimatedRows = 1000000;
	return info->idxStr != NULL ? SQLITE_OK : SQLITE_NOMEM;
}

static void since_push(struct event_filter *filter, int64_t ticks)
{
	if (ticks > 0 && (uint64_t)ticks > filter->since)
		filter->since = (uint64_t)ticks;
}

static void until_push(struct event_filter *filter, int64_t ticks)
{
	/* 0 would be no limit. */
	uint64_t until = ticks > 0 ? (uint64_t)ticks : 1;
	if (filter->until == 0 || until < filter->until)
		filter->until = until;
}

/* The column is text of whole seconds (or days).  A value of its whole length is a moment; a shorter one is a beginning, which
 * sorts before all that begins so. */
static void time_push(struct event_filter *filter, char op, sqlite3_value *value, size_t whole)
{
	struct stamp stamp;
	if (sqlite3_value_type(value) != SQLITE_TEXT)
		return;
	struct cursor text = cursor_of((const char *)sqlite3_value_text(value), (size_t)sqlite3_value_bytes(value));
	size_t length = cursor_left(&text);
	bool exact = length == whole;
	if ((!exact && length != 10) || length > whole || (length > 10 && text.at[10] != ' ') || !stamp_parse(text, &stamp))
		return;
	int64_t step = whole == 10 ? STAMP_DAY : STAMP_SECOND;
	if (exact && (op == '=' || op == 'g' || op == '>'))
		since_push(filter, stamp.ticks + (op == '>' ? step : 0));
	if (exact && (op == '=' || op == 'l' || op == '<'))
		until_push(filter, stamp.ticks + (op == '<' ? 0 : step));
	if (!exact && (op == 'g' || op == '>'))
		since_push(filter, stamp.ticks);
	if (!exact && (op == 'l' || op == '<'))
		until_push(filter, stamp.ticks);
}

static void number_push(struct event_filter *filter, char op, sqlite3_value *value)
{
	sqlite3_int64 number = sqlite3_value_int64(value);
	if (sqlite3_value_type(value) != SQLITE_INTEGER || number < 1 || number == INT64_MAX)
		return;
	uint64_t first = (uint64_t)number + (op == '>'), last = (uint64_t)number - (op == '<');
	if ((op == '=' || op == 'g' || op == '>') && first > filter->number_first)
		filter->number_first = first;
	if ((op == '=' || op == 'l' || op == '<') && last > 0 && (filter->number_last == 0 || last < filter->number_last))
		filter->number_last = last;
}

static bool id_take(struct arena *arena, struct event_filter *filter, size_t *capacity, sqlite3_value *value)
{
	sqlite3_int64 number = sqlite3_value_int64(value);
	if (sqlite3_value_type(value) != SQLITE_INTEGER || number < 0 || number >= EVENT_NO_ID || filter->id_count == LIST_MOST)
		return false;
	filter->ids = arena_grow(arena, filter->ids, filter->id_count, capacity, sizeof(*filter->ids));
	filter->ids[filter->id_count++] = (uint32_t)number;
	return true;
}

static bool provider_take(struct arena *arena, struct event_filter *filter, size_t *capacity, sqlite3_value *value)
{
	if (sqlite3_value_type(value) != SQLITE_TEXT || filter->provider_count == LIST_MOST)
		return false;
	size_t length = (size_t)sqlite3_value_bytes(value);
	const char *text = arena_text_n(arena, (const char *)sqlite3_value_text(value), length);
	filter->providers = arena_grow(arena, filter->providers, filter->provider_count, capacity, sizeof(*filter->providers));
	filter->providers[filter->provider_count++] = cursor_of(text, length);
	return true;
}

/* One value, or all of a list: when one of them does not fit, none is asked for. */
static void set_push(struct log_cursor *cursor, enum target target, char op, sqlite3_value *value)
{
	struct event_filter *filter = &cursor->filter;
	bool (*take)(struct arena *, struct event_filter *, size_t *, sqlite3_value *) = target == TARGET_ID ? id_take : provider_take;
	size_t capacity = 0;
	bool good = true;
	sqlite3_value *item;
	if (op == '=')
		good = take(cursor->arena, filter, &capacity, value);
	else
		for (int code = sqlite3_vtab_in_first(value, &item); code == SQLITE_OK && item != NULL && good; code = sqlite3_vtab_in_next(value, &item))
			good = sqlite3_value_type(item) == SQLITE_NULL || take(cursor->arena, filter, &capacity, item);
	if (!good && target == TARGET_ID)
		filter->id_count = 0;
	else if (!good)
		filter->provider_count = 0;
}

static void filter_make(struct log_cursor *cursor, const char *plan, int count, sqlite3_value **values)
{
	arena_free(cursor->arena);
	cursor->arena = arena_new();
	cursor->filter = (struct event_filter){.id_count = 0};
	for (int i = 0; i < count; i++) {
		char op = plan[2 * i + 1];
		switch (plan[2 * i]) {
		case TARGET_TIME: time_push(&cursor->filter, op, values[i], 19); break;
		case TARGET_DATE: time_push(&cursor->filter, op, values[i], 10); break;
		case TARGET_NUMBER: number_push(&cursor->filter, op, values[i]); break;
		default: set_push(cursor, (enum target)plan[2 * i], op, values[i]); break;
		}
	}
}

static void separate(struct buffer *text, size_t head)
{
	buffer_add_text(text, text->length > head ? "; " : " ");
}

static void filter_explain(const struct log_cursor *cursor, bool grouped, struct buffer *text)
{
	const struct event_filter *filter = &cursor->filter;
	const struct { const char *name; uint64_t time; } times[] = {{"from ", filter->since}, {"before ", filter->until}};
	buffer_printf(text, "log%zu: asked of the reader:", (size_t)(cursor->vtab->table - cursor->vtab->run->query->tables));
	size_t head = text->length;
	for (size_t i = 0; i < filter->provider_count; i++) {
		buffer_add_text(text, i > 0 ? ", " : " provider ");
		buffer_add_quoted(text, filter->providers[i].at, cursor_left(&filter->providers[i]));
	}
	if (filter->id_count > 0)
		separate(text, head);
	for (size_t i = 0; i < filter->id_count; i++)
		buffer_printf(text, "%s%lu", i > 0 ? ", " : "event ", (unsigned long)filter->ids[i]);
	for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
		if (times[i].time == 0)
			continue;
		separate(text, head);
		buffer_add_text(text, times[i].name);
		cell_time(times[i].time, ' ', text);
	}
	if (filter->number_first > 0 || filter->number_last > 0) {
		separate(text, head);
		buffer_printf(text, "records from %llu", (unsigned long long)filter->number_first);
	}
	if (filter->number_last > 0)
		buffer_printf(text, " to %llu", (unsigned long long)filter->number_last);
	buffer_add_text(text, text->length == head ? " all events" : "");
	buffer_add_text(text, grouped ? "; grouped while reading\n" : "\n");
}

/* --- Going through it --- */

bool run_stopped(struct log_run *run)
{
	struct timespec now;
	if (run->options->stop != NULL && *run->options->stop != 0)
		run->outcome.stopped = true;
	if (run->options->deadline > 0 && clock_gettime(CLOCK_MONOTONIC_COARSE, &now) == 0 &&
	    (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 >= run->options->deadline)
		run->outcome.stopped = true;
	return run->outcome.stopped;
}

static int cursor_open(sqlite3_vtab *base, sqlite3_vtab_cursor **ret_cursor)
{
	struct log_cursor *cursor = memory_alloc(sizeof(*cursor));
	cursor->vtab = (struct log_vtab *)base;
	values_init(&cursor->values, cursor->vtab->table);
	*ret_cursor = &cursor->base;
	return SQLITE_OK;
}

/* What was read counts once, however often a join reads it. */
static void cursor_count(struct log_cursor *cursor)
{
	struct log_run *run = cursor->vtab->run;
	struct reader_counts counts, *sum = &run->outcome.counts;
	size_t failed;
	if (cursor->source == NULL || !cursor->counted)
		return;
	cursor->counted = false;
	source_counts(cursor->source, &counts, &failed);
	reader_counts_add(sum, &counts);
	run->outcome.failed += failed;
}

static void cursor_end(struct log_cursor *cursor)
{
	cursor_count(cursor);
	if (!cursor->borrowed)
		source_close(cursor->source);
	cursor->source = NULL;
	cursor->reader = NULL;
	cursor->ended = true;
}

static int cursor_close(sqlite3_vtab_cursor *base)
{
	struct log_cursor *cursor = (struct log_cursor *)base;
	cursor_end(cursor);
	arena_free(cursor->arena);
	groups_free(cursor->groups);
	values_done(&cursor->values);
	free(cursor);
	return SQLITE_OK;
}

static int cursor_fail(struct log_cursor *cursor, int error)
{
	cursor->vtab->run->error = error;
	cursor_end(cursor);
	return SQLITE_ERROR;
}

/* The next event of any of the logs: 1, 0 at the end, or an error. */
static int event_next(struct log_cursor *cursor)
{
	struct log_run *run = cursor->vtab->run;
	for (;;) {
		int got = cursor->reader == NULL ? source_reader(cursor->source, &cursor->reader) : 1;
		if (got <= 0)
			return got;
		got = cursor->reader->type->next(cursor->reader, &cursor->event);
		if (got > 0)
			return got;
		if (got < 0 && run->options->reader.strict) {
			diag_error(run->diag, &(struct place){.file = cursor->reader->file}, "stopped at the first damage (--strict)");
			return got;
		}
		run->outcome.failed += got < 0 && cursor->counted;
		cursor->reader = NULL;
	}
}

/* The next event that counts; ends the cursor when there is none.  A code of SQLite's. */
static int cursor_advance(struct log_cursor *cursor)
{
	enum { LOOK_EVERY = 64 };
	struct log_run *run = cursor->vtab->run;
	int got;
	do {
		if (++cursor->ticks % LOOK_EVERY == 0) {
			if (run_stopped(run)) {
				cursor_end(cursor);
				return SQLITE_INTERRUPT;
			}
			if (run->options->progress != NULL)
				run->options->progress(cursor->source, run->options->context);
		}
		got = event_next(cursor);
		cursor->row++;
	} while (got > 0 && run->options->pass != NULL && !run->options->pass(&cursor->event, run->options->context));
	values_begin(&cursor->values, &cursor->event, cursor->row);
	if (got < 0)
		return cursor_fail(cursor, got);
	if (got == 0)
		cursor_end(cursor);
	return SQLITE_OK;
}

static int cursor_next(sqlite3_vtab_cursor *base)
{
	struct log_cursor *cursor = (struct log_cursor *)base;
	if (cursor->groups == NULL)
		return cursor_advance(cursor);
	cursor->row++;
	cursor->ended = !groups_next(cursor->groups);
	return SQLITE_OK;
}

/* --- Groups --- */

static size_t column_take(struct cursor *plan)
{
	uint64_t number = 0;
	(void)cursor_number(plan, UINT32_MAX, &number);
	(void)cursor_take(plan, ',');
	return (size_t)number;
}

static int groups_row(struct log_cursor *cursor, struct groups *groups, const size_t *columns, size_t count)
{
	/* A text lives until the next value is asked for, so each goes in by itself. */
	for (size_t i = 0; i < count; i++) {
		struct cell cell = values_cell(&cursor->values, columns[i]);
		if (groups_put(groups, &cell) < 0)
			return SQLITE_NOMEM;
	}
	return groups_add(groups) < 0 ? SQLITE_NOMEM : SQLITE_OK;
}

/* Reads all records, and stands on the first of their combinations. */
static int groups_read(struct log_cursor *cursor, const char *text, bool once)
{
	const struct log_run *run = cursor->vtab->run;
	struct group_order order[GROUPS_COLUMNS];
	size_t columns[GROUPS_COLUMNS], order_count = 0, count = 0;
	struct cursor plan = cursor_text(text);
	for (; cursor_left(&plan) > 0 && *plan.at != '/' && order_count < GROUPS_COLUMNS; order_count++) {
		uint64_t column = 0;
		(void)cursor_number(&plan, UINT32_MAX, &column);
		const struct log_column *row = &cursor->vtab->table->columns[column];
		order[order_count] = (struct group_order){(size_t)column, cursor_take(&plan, 'd'), row->source == SOURCE_EVENT && row->index == EVENT_SOURCE};
		(void)cursor_take(&plan, ',');
	}
	(void)cursor_take(&plan, '/');
	while (cursor_left(&plan) > 0 && count < GROUPS_COLUMNS)
		columns[count++] = column_take(&plan);
	struct groups *groups = groups_new(columns, count, run->options->memory > 0 ? run->options->memory : QUERY_MEMORY);
	int code = SQLITE_OK;
	while (!cursor->ended && code == SQLITE_OK) {
		code = groups_row(cursor, groups, columns, count);
		if (code == SQLITE_OK)
			code = cursor_advance(cursor);
	}
	cursor->groups = groups;
	if (code != SQLITE_OK)
		return code;
	groups_sort(groups, order, order_count, once);
	cursor->row = 1;
	cursor->ended = !groups_next(groups);
	return SQLITE_OK;
}

/* Standard input goes on where table_probe left it. */
static int input_begin(struct log_cursor *cursor)
{
	struct log_table *table = cursor->vtab->table;
	const struct log_run *run = cursor->vtab->run;
	if (table->readings > 0) {
		diag_error(run->diag, NULL, "standard input can be read once only, and this query needs it again: put it into a file first");
		return ERROR_INPUT;
	}
	cursor->borrowed = true;
	cursor->source = table->source;
	cursor->reader = table->reader;
	return table->source != NULL ? 0 : ERROR_INPUT;
}

static int source_begin(struct log_cursor *cursor)
{
	struct log_table *table = cursor->vtab->table;
	const struct log_run *run = cursor->vtab->run;
	struct source_options options = {.reader = run->options->reader, .type = table->host ? &w3c_reader : run->options->type};
	options.reader.filter = cursor->filter;
	/* Damage is said once. */
	if (table->readings > 0)
		options.reader.damage = NULL;
	cursor->borrowed = false;
	return source_open(table->paths, table->path_count, &options, run->diag, &cursor->source);
}

/* The first record: it may have been read by table_probe. */
static int first_advance(struct log_cursor *cursor)
{
	struct log_table *table = cursor->vtab->table;
	const struct query_options *options = cursor->vtab->run->options;
	if (!table->standard_input || !table->has_event)
		return cursor_advance(cursor);
	table->has_event = false;
	cursor->event = table->event;
	cursor->row = 1;
	values_begin(&cursor->values, &cursor->event, cursor->row);
	return options->pass == NULL || options->pass(&cursor->event, options->context) ? SQLITE_OK : cursor_advance(cursor);
}

static int cursor_filter(sqlite3_vtab_cursor *base, int number, const char *plan, int count, sqlite3_value **values)
{
	struct log_cursor *cursor = (struct log_cursor *)base;
	struct log_table *table = cursor->vtab->table;
	cursor_end(cursor);
	groups_free(cursor->groups);
	cursor->groups = NULL;
	filter_make(cursor, plan, count, values);
	if (cursor->vtab->run->explained != NULL) {
		if (table->readings++ == 0)
			filter_explain(cursor, number != GROUPS_NONE, cursor->vtab->run->explained);
		return SQLITE_OK;
	}
	int error = table->standard_input ? input_begin(cursor) : source_begin(cursor);
	if (error < 0)
		return cursor_fail(cursor, error);
	cursor->counted = table->readings++ == 0;
	cursor->ended = false;
	cursor->row = 0;
	int code = first_advance(cursor);
	return code == SQLITE_OK && number != GROUPS_NONE ? groups_read(cursor, strchr(plan, '/') + 1, number == GROUPS_ONCE) : code;
}

static int cursor_ended(sqlite3_vtab_cursor *base)
{
	return ((struct log_cursor *)base)->ended;
}

static int cursor_row(sqlite3_vtab_cursor *base, sqlite3_int64 *ret_row)
{
	*ret_row = ((struct log_cursor *)base)->row;
	return SQLITE_OK;
}

/* --- Columns --- */

static int cursor_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int number)
{
	struct log_cursor *cursor = (struct log_cursor *)base;
	bool kept = cursor->groups != NULL;
	struct cell cell = kept ? groups_cell(cursor->groups, (size_t)number) : values_cell(&cursor->values, (size_t)number);
	if (cell.kind == CELL_INTEGER)
		sqlite3_result_int64(context, cell.integer);
	else if (cell.kind == CELL_TEXT)
		sqlite3_result_text64(context, cell.text.at, cursor_left(&cell.text), kept ? SQLITE_STATIC : SQLITE_TRANSIENT, SQLITE_UTF8);
	return SQLITE_OK;
}

static const sqlite3_module log_module = {
	.iVersion = 1, .xCreate = table_create, .xConnect = table_connect, .xBestIndex = table_plan, .xDisconnect = table_disconnect,
	.xDestroy = table_disconnect, .xOpen = cursor_open, .xClose = cursor_close, .xFilter = cursor_filter, .xNext = cursor_next,
	.xEof = cursor_ended, .xColumn = cursor_column, .xRowid = cursor_row,
};

int tables_make(sqlite3 *db, struct log_run *run)
{
	int code = sqlite3_create_module(db, "log", &log_module, run);
	for (size_t i = 0; i < run->query->table_count && code == SQLITE_OK; i++) {
		struct buffer sql;
		buffer_init(&sql, 256);
		run->query->tables[i].readings = 0;
		buffer_printf(&sql, "CREATE VIRTUAL TABLE temp.log%zu USING log(%zu)", i, i);
		code = sqlite3_exec(db, buffer_text(&sql), NULL, NULL, NULL);
		buffer_done(&sql);
	}
	return code;
}
