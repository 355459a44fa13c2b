/* What a table holds: the first log is opened, its format and the columns of its #Fields decide what SELECT * is. */
#include "core/base/error.h"
#include "logparse/query/parts.h"
#include "logparse/reader/fields.h"

enum { COLUMNS_MOST = 1000 };

static bool column_there(const struct log_table *table, const char *name)
{
	for (size_t i = 0; i < table->column_count; i++)
		if (ascii_equal(table->columns[i].name, name))
			return true;
	return false;
}

static void column_add(struct query *query, struct log_table *table, struct log_column column)
{
	if (table->column_count == COLUMNS_MOST || column_there(table, column.name))
		return;
	table->columns = arena_grow(query->arena, table->columns, table->column_count, &table->column_capacity, sizeof(*table->columns));
	table->columns[table->column_count++] = column;
}

static bool record_column_find(const char *name, unsigned *ret_index)
{
	for (unsigned i = 0; i < RECORD_COLUMNS; i++)
		if (ascii_equal(record_columns[i].name, name)) {
			*ret_index = i;
			return true;
		}
	return false;
}

/* The columns of the log's own #Fields; those that records have too are read as such, and the field is what is left when the
 * record does not say (times of an unknown zone). */
static void own_add(struct query *query, struct log_table *table, const struct fields *fields)
{
	for (size_t i = 0; i < fields->count; i++) {
		const char *name = arena_text(query->arena, fields->name[i]);
		struct log_column column = {.source = SOURCE_FIELD, .name = name, .field = name};
		if (record_column_find(name, &column.index))
			column.source = SOURCE_RECORD;
		column_add(query, table, column);
	}
}

static void columns_set(struct query *query, struct log_table *table, const struct fields *fields)
{
	static const char *const packets[] = {"nflog", "pcap", "w3c", "pfirewall", NULL};
	bool own = fields != NULL && fields->count > 0 && !table->host, drops = false;
	static const char *const lines[] = {"LogRow", "RowNumber", NULL};
	const struct columns *event = layout_columns(LAYOUT_EVENTLOG);
	bool text = table->format != NULL && !table->host && strcmp(table->format, "pcap") != 0 && strncmp(table->format, "ev", 2) != 0;
	for (size_t i = 0; packets[i] != NULL && table->format != NULL && !table->host; i++)
		drops |= strcmp(packets[i], table->format) == 0;
	column_add(query, table, (struct log_column){.source = SOURCE_ROW, .name = "x-row", .hidden = true});
	if (own)
		own_add(query, table, fields);
	/* After the log's own, which may have one of these names. */
	column_add(query, table, (struct log_column){.source = SOURCE_FILE, .name = "LogFilename", .hidden = true});
	for (size_t i = 0; lines[i] != NULL && text; i++)
		column_add(query, table, (struct log_column){.source = SOURCE_LINE, .name = lines[i], .hidden = true});
	for (unsigned i = 0; i < event->count; i++)
		column_add(query, table, (struct log_column){.source = SOURCE_EVENT, .index = i, .name = event->names[i], .hidden = own || drops});
	for (unsigned i = 0; i < RECORD_COLUMNS; i++)
		column_add(query, table,
			   (struct log_column){.source = SOURCE_RECORD, .index = i, .name = record_columns[i].name, .hidden = own || !drops});
	for (size_t i = 0; i < query->data_count; i++)
		column_add(query, table, (struct log_column){.source = SOURCE_FIELD, .field = query->data[i], .hidden = true,
							    .name = arena_printf(query->arena, "data:%s", query->data[i])});
}

/* The first log that can be opened; what cannot be is said when the query runs. */
static struct reader *first_open(struct source *source, struct event *ret_event, bool *ret_has)
{
	struct reader *reader = NULL;
	*ret_has = false;
	if (source_reader(source, &reader) <= 0)
		return NULL;
	*ret_has = reader->type->next(reader, ret_event) > 0;
	return reader;
}

void table_probe(struct query *query, struct log_table *table, const struct query_options *options, struct diag *diag)
{
	struct source_options probing = {.reader = options->reader, .type = table->host ? &w3c_reader : options->type};
	struct source *source = NULL;
	struct diag quiet;
	diag_init(&quiet);
	probing.reader.filter = (struct event_filter){.id_count = 0};
	/* Standard input cannot be opened again: it stays open and is read on from here. */
	if (!table->standard_input)
		probing.reader.damage = NULL;
	if (source_open(table->paths, table->path_count, &probing, table->standard_input ? diag : &quiet, &source) == 0) {
		table->reader = first_open(source, &table->event, &table->has_event);
		table->format = table->reader != NULL ? table->reader->type->name : NULL;
	}
	bool text = table->format != NULL && (table->reader->type == &w3c_reader || table->reader->type == &pfirewall_reader);
	columns_set(query, table, text ? (const struct fields *)table->reader : NULL);
	if (table->standard_input) {
		table->source = source;
	} else {
		source_close(source);
		table->reader = NULL;
		table->has_event = false;
	}
	diag_done(&quiet);
}

/* --- Columns that come later --- */

/* Names of a #Fields that is another than the last. */
static bool later_add(struct query *query, struct log_table *table, const struct fields *fields, struct buffer *last)
{
	size_t before = table->column_count;
	size_t length = fields->count > 0 ? (size_t)(fields->name[fields->count - 1] - fields->names) + strlen(fields->name[fields->count - 1]) : 0;
	if (length == last->length && (length == 0 || memcmp(last->data, fields->names, length) == 0))
		return false;
	buffer_clear(last);
	buffer_add(last, fields->names, length);
	for (size_t i = 0; i < fields->count; i++) {
		const char *name = arena_text(query->arena, fields->name[i]);
		column_add(query, table, (struct log_column){.source = SOURCE_FIELD, .name = name, .field = name, .hidden = true});
	}
	return table->column_count > before;
}

static bool table_scan(struct log_run *run, struct log_table *table)
{
	enum { LOOK_EVERY = 64 };
	struct source_options scanning = {.reader = run->options->reader, .type = run->options->type};
	struct source *source = NULL;
	struct reader *reader = NULL;
	struct event event;
	struct diag quiet;
	struct buffer last;
	bool added = false;
	diag_init(&quiet);
	buffer_init(&last, 1 << 20);
	scanning.reader.filter = (struct event_filter){.id_count = 0};
	scanning.reader.damage = NULL;
	if (source_open(table->paths, table->path_count, &scanning, &quiet, &source) == 0)
		while (!run_stopped(run) && source_reader(source, &reader) > 0) {
			bool text = reader->type == &w3c_reader || reader->type == &pfirewall_reader;
			for (size_t i = 1; text && reader->type->next(reader, &event) > 0 && (i % LOOK_EVERY != 0 || !run_stopped(run)); i++)
				added |= later_add(run->query, table, (const struct fields *)reader, &last);
			if (text)
				added |= later_add(run->query, table, (const struct fields *)reader, &last);
		}
	source_close(source);
	buffer_done(&last);
	diag_done(&quiet);
	return added;
}

bool tables_scan(struct log_run *run)
{
	bool added = false;
	for (size_t i = 0; i < run->query->table_count; i++)
		if (!run->query->tables[i].standard_input && !run->query->tables[i].host)
			added |= table_scan(run, &run->query->tables[i]);
	return added;
}

const char *const *query_columns(struct query *query)
{
	size_t count = 0, most = 0;
	for (size_t i = 0; i < query->table_count; i++)
		most += query->tables[i].column_count;
	const char **names = arena_alloc(query->arena, (most + 1) * sizeof(*names));
	for (size_t i = 0; i < query->table_count; i++)
		for (size_t j = 0; j < query->tables[i].column_count; j++)
			if (strncmp(query->tables[i].columns[j].name, "data:", 5) != 0)
				names[count++] = query->tables[i].columns[j].name;
	names[count] = NULL;
	return names;
}
