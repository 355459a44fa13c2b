#include "logparse/query/values.h"

#include "logparse/reader/fields.h"
#include "logparse/text.h"

enum { TEXT_MOST = 17 << 20 };

void values_init(struct values *values, const struct log_table *table)
{
	*values = (struct values){.table = table, .stamp_second = UINT64_MAX};
	meaning_init(&values->space);
	buffer_init(&values->text, TEXT_MOST);
}

void values_done(struct values *values)
{
	meaning_done(&values->space);
	buffer_done(&values->text);
}

void values_begin(struct values *values, const struct event *event, int64_t row)
{
	values->event = event;
	values->row = row;
	values->has_meaning = false;
}

/* --- Cells --- */

static const struct cell null_cell = {.kind = CELL_NULL};

static struct cell text_cell(struct cursor text)
{
	return (struct cell){.kind = text.at != NULL ? CELL_TEXT : CELL_NULL, .text = text};
}

static struct cell integer_cell(int64_t number)
{
	return (struct cell){.kind = CELL_INTEGER, .integer = number};
}

/* What does not fit is exact all the same, as text. */
static struct cell number_cell(struct values *values, uint64_t number)
{
	if (number <= INT64_MAX)
		return integer_cell((int64_t)number);
	size_t at = sizeof(values->number_text);
	for (; number > 0; number /= 10)
		values->number_text[--at] = (char)('0' + number % 10);
	return text_cell(cursor_of(values->number_text + at, sizeof(values->number_text) - at));
}

static struct cell buffer_cell(const struct buffer *text)
{
	return text_cell(cursor_of(buffer_text(text), text->length));
}

static struct cell time_cell(struct values *values, uint64_t time)
{
	uint64_t second = time / STAMP_SECOND;
	if (second != values->stamp_second)
		values->stamp_length = stamp_put(time, values->stamp_text);
	values->stamp_second = second;
	return time != 0 && values->stamp_length > 0 ? text_cell(cursor_of(values->stamp_text, values->stamp_length)) : null_cell;
}

static bool meaning_look(struct values *values)
{
	if (!values->has_meaning)
		values->meaning = event_meaning(values->event, &values->space, &values->record);
	values->has_meaning = true;
	return values->meaning != MEANING_NONE;
}

/* --- Log Parser's columns --- */

/* A drop of this host with the strings that the driver of Windows would have given it. */
static void host_strings(struct values *values, struct buffer *text)
{
	static const enum record_column columns[] = {COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_PROTOCOL, COLUMN_SRC_PORT, COLUMN_DST_PORT};
	if (!meaning_look(values) || (values->event->id != 4290 && values->event->id != 4291))
		return;
	buffer_add_text(text, "\\Device\\IPSEC");
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		char value[RECORD_VALUE];
		size_t length = record_value(&values->record, columns[i], value);
		buffer_add_char(text, '|');
		buffer_add(text, length > 0 ? value : "-", length > 0 ? length : 1);
	}
}

static struct cell strings_cell(struct values *values)
{
	if (values->table->host)
		host_strings(values, &values->text);
	else
		event_strings(values->event, &values->text);
	return buffer_cell(&values->text);
}

static struct cell message_cell(struct values *values)
{
	struct event event = *values->event;
	if (values->table->host)
		event.provider = cursor_text("IPSec");
	event_message(&event, &values->text);
	return values->text.length > 0 ? buffer_cell(&values->text) : null_cell;
}

static struct cell data_cell(struct values *values)
{
	const struct event *event = values->event;
	if (event->binary_length == 0)
		return null_cell;
	buffer_add_hex(&values->text, event->binary, event->binary_length);
	return values->text.length > 0 ? buffer_cell(&values->text) : null_cell;
}

/* logs.md 3.3 */
static struct cell event_cell(struct values *values, enum event_column column)
{
	const struct event *event = values->event;
	bool host = values->table->host;
	buffer_clear(&values->text);
	switch (column) {
	case EVENT_LOG: return text_cell(cursor_text(host ? "System" : event->file));
	case EVENT_NUMBER: return number_cell(values, host && event->number == 0 ? event->offset : event->number);
	case EVENT_TIME: return time_cell(values, event->time);
	case EVENT_WRITTEN: return time_cell(values, event->written != 0 ? event->written : event->time);
	case EVENT_ID: return event->id == EVENT_NO_ID ? null_cell : integer_cell(event->id);
	case EVENT_TYPE: return integer_cell(event->type);
	case EVENT_TYPE_NAME: return text_cell(cursor_text(event_type_name(event->type)));
	case EVENT_CATEGORY: return integer_cell(event->category);
	case EVENT_CATEGORY_NAME: return event->category == 0 ? text_cell(cursor_text("None")) : null_cell;
	case EVENT_SOURCE: return text_cell(host ? cursor_text("IPSec") : event->provider);
	case EVENT_STRINGS: return strings_cell(values);
	case EVENT_COMPUTER: return text_cell(event->computer);
	case EVENT_SID: return cursor_left(&event->sid) > 0 ? text_cell(event->sid) : null_cell;
	case EVENT_MESSAGE: return message_cell(values);
	case EVENT_DATA: return data_cell(values);
	}
	return null_cell;
}

/* --- Values by their names --- */

/* Digits that mean the same as a number. */
static struct cell value_cell(struct cursor value)
{
	uint64_t number;
	size_t length = cursor_left(&value);
	bool plain = length > 0 && length <= 18 && ascii_digit(*value.at) && (length == 1 || *value.at != '0');
	if (plain && number_parse(value.at, length, INT64_MAX, &number))
		return integer_cell((int64_t)number);
	return text_cell(value);
}

struct wanted {
	const char *name;
	uint64_t position;        /* 0: by name */
	uint64_t at;
	struct buffer *text;
	bool found;
};

static void wanted_take(void *context, struct cursor name, struct cursor value)
{
	struct wanted *wanted = context;
	wanted->at++;
	if (wanted->found || (wanted->position > 0 ? wanted->at != wanted->position : !ascii_equal_n(name.at, cursor_left(&name), wanted->name)))
		return;
	wanted->found = true;
	/* A value need not outlive this call. */
	buffer_add(wanted->text, value.at, cursor_left(&value));
}

/* Text logs: the place of a column changes only with the next #Fields. */
static struct cell field_cell(struct values *values, size_t column, const char *name)
{
	const struct fields *fields = values->event->source;
	size_t *at = &values->field_at[column % VALUES_FIELDS];
	if (*at >= fields->count || !ascii_equal(fields->name[*at], name))
		for (*at = 0; *at < fields->count && !ascii_equal(fields->name[*at], name);)
			(*at)++;
	bool there = *at < fields->value_count && *at < fields->count && fields->value[*at].at != NULL;
	return there ? value_cell(fields->value[*at]) : null_cell;
}

static struct cell name_cell(struct values *values, size_t column, const char *name)
{
	const struct event *event = values->event;
	if (strcmp(event->kind->format, "w3c") == 0)
		return field_cell(values, column, name);
	struct wanted wanted = {.name = name, .text = &values->text};
	buffer_clear(&values->text);
	if (!number_parse(name, strlen(name), UINT32_MAX, &wanted.position))
		wanted.position = 0;
	event->kind->data(event, wanted_take, &wanted);
	return wanted.found ? value_cell(cursor_of(buffer_text(&values->text), values->text.length)) : null_cell;
}

static struct cell record_cell(struct values *values, enum record_column column)
{
	uint64_t number;
	/* Of any event, whether it is of a packet or not. */
	if (column == COLUMN_RECOVERED && values->event->recovered)
		return text_cell(cursor_text("yes"));
	if (!meaning_look(values))
		return null_cell;
	const struct record *record = &values->record;
	if (record_columns[column].kind == RECORD_TEXT)
		return text_cell(record_text(record, column));
	struct cursor text = cursor_of(values->record_text, record_value(record, column, values->record_text));
	if (cursor_left(&text) == 0)
		return null_cell;
	if (record_columns[column].kind == RECORD_NUMBER && number_parse(text.at, cursor_left(&text), UINT64_MAX, &number))
		return number_cell(values, number);
	return text_cell(text);
}

struct cell values_cell(struct values *values, size_t number)
{
	const struct log_column *column = &values->table->columns[number];
	struct cell cell;
	switch (column->source) {
	case SOURCE_ROW: return integer_cell(values->row);
	case SOURCE_FILE: return text_cell(cursor_text(values->event->file));
	case SOURCE_LINE: return number_cell(values, values->event->offset);
	case SOURCE_EVENT: return event_cell(values, (enum event_column)column->index);
	case SOURCE_FIELD: return name_cell(values, number, column->field);
	case SOURCE_RECORD: break;
	}
	cell = record_cell(values, (enum record_column)column->index);
	return cell.kind == CELL_NULL && column->field != NULL ? name_cell(values, number, column->field) : cell;
}
