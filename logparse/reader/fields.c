#include "logparse/reader/fields.h"

#include <stdlib.h>

#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/evtx_value.h"
#include "logparse/text.h"

static const struct event_kind fields_kind;

static const uint64_t DAY = UINT64_C(86400) * 10000000; /* of FILETIME */

/* --- Lines --- */

static int column_of(const struct fields *fields, const char *name)
{
	for (const struct field_name *row = fields->dialect; row != NULL && row->name != NULL; row++)
		if (ascii_equal(row->name, name))
			return (int)row->column;
	for (int i = 0; i < RECORD_COLUMNS; i++)
		if (ascii_equal(record_columns[i].name, name))
			return i;
	return -1;
}

/* Where the columns that the dialect looks at by itself are. */
static void own_find(struct fields *fields)
{
	for (size_t i = 0; i < FIELDS_OWN && fields->own_names != NULL && fields->own_names[i] != NULL; i++) {
		fields->own[i] = -1;
		for (size_t j = 0; j < fields->count && fields->own[i] < 0; j++)
			if (ascii_equal(fields->name[j], fields->own_names[i]))
				fields->own[i] = (int16_t)j;
	}
}

static void columns_read(struct fields *fields, struct cursor text)
{
	struct cursor word;
	bool tabs = memchr(text.at, '\t', cursor_left(&text)) != NULL;
	free(fields->names);
	char *at = fields->names = memory_alloc(cursor_left(&text) + 1);
	fields->count = fields->mapped_count = 0;
	fields->timed = fields->dated = false;
	while (fields->count < FIELDS_MOST && (cursor_skip_blanks(&text), cursor_word(&text, &word))) {
		size_t length = cursor_left(&word);
		memcpy(at, word.at, length);
		at[length] = '\0';
		fields->name[fields->count] = at;
		int column = column_of(fields, at);
		fields->text_column[fields->count] = column >= 0 && record_columns[column].kind != RECORD_NUMBER;
		fields->dated |= column == COLUMN_DATE;
		fields->timed |= column == COLUMN_TIME;
		if (column >= 0) {
			fields->mapped[fields->mapped_count].index = (uint8_t)fields->count;
			fields->mapped[fields->mapped_count].read = column_reader((enum record_column)column);
			fields->mapped[fields->mapped_count++].column = (uint8_t)column;
		}
		fields->count++;
		at += length + 1;
	}
	own_find(fields);
	cursor_skip_blanks(&text);
	fields->tabs = tabs;
	if (cursor_left(&text) > 0)
		reader_damage(&fields->reader, lines_number(fields->lines), 0, false, "more than 256 columns: the rest is left out");
}

static bool line_begins(struct cursor line, const char *word, struct cursor *ret_rest)
{
	size_t length = strlen(word);
	if (cursor_left(&line) < length || !ascii_equal_n(line.at, length, word))
		return false;
	*ret_rest = (struct cursor){line.at + length, line.end};
	return true;
}

static void directive_read(struct fields *fields, struct cursor line)
{
	struct cursor rest, day, clock;
	struct record record = {0};
	if (line_begins(line, "#Fields:", &rest)) {
		columns_read(fields, rest);
	} else if (line_begins(line, "#Date:", &rest)) {
		cursor_skip_blanks(&rest);
		if (!cursor_word(&rest, &day) || !record_set(&record, COLUMN_DATE, day))
			return;
		cursor_skip_blanks(&rest);
		if (cursor_word(&rest, &clock))
			record_set(&record, COLUMN_TIME, clock);
		fields->reader.date = record.time;
	}
}

/* A value in quotes, those in it doubled; false when they are not closed. */
static bool quoted_read(struct fields *fields, struct cursor *line, struct cursor *ret_value)
{
	const char *start = ++line->at, *quote;
	bool doubled = false;
	while ((quote = memchr(line->at, '"', cursor_left(line))) != NULL) {
		line->at = quote + 1;
		if (line->at == line->end || *line->at != '"')
			break;
		line->at++;
		doubled = true;
	}
	if (quote == NULL)
		return false;
	*ret_value = (struct cursor){start, quote};
	if (!doubled)
		return true;
	/* With room around it, as lines have. */
	size_t room = (size_t)(quote - start) + 2 * LINE_ROOM;
	char *to = buffer_room(&fields->text, room), *first;
	if (to == NULL)
		return false;
	memset(to, 0, room);
	first = to += LINE_ROOM;
	for (const char *at = start; at < quote; at++) {
		*to++ = *at;
		at += *at == '"';
	}
	*ret_value = (struct cursor){first, to};
	buffer_took(&fields->text, to + LINE_ROOM);
	return true;
}

/* The value between two places of a line; false when it cannot be.  Moves `place` behind it. */
static inline bool value_take(struct fields *fields, struct cursor line, size_t *place, size_t end)
{
	if (fields->value_count == FIELDS_MOST)
		return false;
	struct cursor *value = &fields->value[fields->value_count++];
	const char *at = line.at + *place;
	if (*at == '"') {
		struct cursor rest = {at, line.end};
		if (!quoted_read(fields, &rest, value))
			return false;
		*place = (size_t)(rest.at - line.at);
		return true;
	}
	*place = end + 1;
	*value = (struct cursor){at, line.at + end};
	if (cursor_left(value) == 1 && *at == '-')
		*value = (struct cursor){NULL, NULL};
	return true;
}

/* Of a line with tabs only these are between values: ISA Server quotes nothing, and has blanks in them. */
static bool tabs_read(struct fields *fields, struct cursor line)
{
	size_t length = cursor_left(&line), place = 0;
	while (place < length) {
		const char *tab = memchr(line.at + place, '\t', length - place);
		size_t end = tab != NULL ? (size_t)(tab - line.at) : length, next = end + 1;
		while (place < end && line.at[place] == ' ')
			place++;
		while (end > place && line.at[end - 1] == ' ')
			end--;
		if (end > place && !value_take(fields, line, &place, end))
			return false;
		place = place > next ? place : next;
	}
	return true;
}

/* Up to a blank: quoted values, none, or more than there may be.  What follows a quoted value at once is the next. */
static bool values_read_slow(struct fields *fields, struct cursor line, const char **at, const char *stop)
{
	size_t place = (size_t)(*at - line.at), end = (size_t)(stop - line.at);
	while (end > place)
		if (!value_take(fields, line, &place, end))
			return false;
	*at = line.at + place + (end == place);
	return true;
}

/* Blanks are found 64 bytes at a time, before anything depends on where they are. */
static bool values_read(struct fields *fields, struct cursor line)
{
	const char *place = line.at;
	struct cursor *value = fields->value, *const most = value + FIELDS_MOST;
	fields->value_count = 0;
	buffer_clear(&fields->text);
	if (fields->tabs && memchr(line.at, '\t', cursor_left(&line)) != NULL)
		return tabs_read(fields, line);
	for (const char *block = line.at; block <= line.end; block += 64) {
		uint64_t blanks = line_blanks_left(block, (size_t)(line.end - block));
		for (; blanks != 0; blanks &= blanks - 1) {
			const char *end = block + __builtin_ctzll(blanks);
			if (end > place && *place != '"' && value < most) {
				bool dash = end - place == 1 && *place == '-';
				value->at = dash ? NULL : place;
				value++->end = dash ? NULL : end;
				place = end + 1;
				continue;
			}
			fields->value_count = (size_t)(value - fields->value);
			if (!values_read_slow(fields, line, &place, end))
				return false;
			value = fields->value + fields->value_count;
		}
	}
	fields->value_count = (size_t)(value - fields->value);
	return true;
}

/* A number is there only with its bit in `has`; texts, and what is added to, begin empty. */
static void record_begin(struct record *record)
{
	const struct cursor none = {NULL, NULL};
	record->has = record->time = 0;
	record->tcpflags = 0;
	record->recovered = false;
	record->source = record->action = record->direction = record->application = record->layer = record->computername = none;
	record->log = record->policy = record->rule = record->filterlist = record->mode = record->interface = none;
}

static bool record_make(struct fields *fields, struct record *record)
{
	record_begin(record);
	if (fields->timed && !fields->dated && fields->reader.date != 0) {
		record->time = fields->reader.date - fields->reader.date % DAY;
		record->has = RECORD_HAS(COLUMN_DATE);
	}
	for (size_t i = 0; i < fields->mapped_count; i++) {
		struct cursor value = fields->value[fields->mapped[i].index];
		if (value.at != NULL && !fields->mapped[i].read(record, (enum record_column)fields->mapped[i].column, value, &fields->day))
			return false;
	}
	if (fields->local && record_has(record, COLUMN_DATE)) {
		if (fields->reader.options.zone_known)
			record->time = (uint64_t)((int64_t)record->time - (int64_t)fields->reader.options.zone * 60 * 10000000);
		else
			record->has &= ~RECORD_HAS(COLUMN_DATE);
	}
	return fields->finish == NULL || fields->finish(fields, record);
}

/* The space of the reader's one event. */
struct fields_event {
	struct fields fields;
	struct record record;
	struct event event;       /* what is the same of all is filled in */
};

static bool line_take(struct fields *fields, struct event *ret_event)
{
	struct record *record = &((struct fields_event *)fields)->record;
	struct event *event = &((struct fields_event *)fields)->event;
	if (fields->value_count != fields->count || !record_make(fields, record))
		return false;
	event->offset = lines_number(fields->lines);
	event->time = record_has(record, COLUMN_DATE) ? record->time : 0;
	event->id = event->id_full = record_has(record, COLUMN_EVENTID) ? record->eventid : EVENT_NO_ID;
	event->number = record_has(record, COLUMN_RECORDNUMBER) ? record->recordnumber : 0;
	event->provider = record->source;
	event->channel = record->log;
	event->computer = record->computername;
	event->recovered = record->recovered;
	*ret_event = *event;
	return true;
}

int fields_next(struct reader *reader, struct event *ret_event)
{
	struct fields *fields = (struct fields *)reader;
	struct cursor line;
	bool cut;
	int got;
	while ((got = lines_next(fields->lines, &line, &cut)) > 0) {
		if (cursor_left(&line) > 0 && *line.at == '#') {
			directive_read(fields, line);
			continue;
		}
		bool values = values_read(fields, line);
		if (values && fields->value_count == 0)
			continue;
		if (cut || !values || fields->count == 0 || !line_take(fields, ret_event)) {
			reader_damage(reader, lines_number(fields->lines), 0, true, cut ? "a line longer than 1 MiB"
					: fields->count == 0 ? "a line before any #Fields" : "a line that does not have the columns of #Fields");
			if (reader->options.strict)
				return ERROR_INPUT;
			continue;
		}
		if ((reader->options.live_only && ret_event->recovered) || !reader_wants(reader, ret_event)) {
			reader->counts.filtered++;
			continue;
		}
		reader->counts.read++;
		reader->counts.recovered += ret_event->recovered;
		return 1;
	}
	if (got == 0 && lines_torn(fields->lines))
		reader_torn(reader);
	return got;
}

void fields_close(struct reader *reader)
{
	struct fields *fields = (struct fields *)reader;
	lines_free(fields->lines);
	free(fields->names);
	buffer_done(&fields->text);
	free(fields);
}

int fields_open(struct input *input, const struct reader_options *options, struct diag *diag, const struct reader_type *type,
		struct fields **ret_fields)
{
	struct fields_event *event = memory_alloc(sizeof(*event));
	*event = (struct fields_event){
		.fields = {.reader = {.type = type, .options = *options, .diag = diag, .file = input_name(input)}, .input = input},
		.event = {.kind = &fields_kind, .source = event, .file = input_name(input), .type = 4},
	};
	event->fields.lines = lines_new(input, options->growing);
	/* Never moved while a line is read: values point into it. */
	buffer_init(&event->fields.text, LINE_MOST + (2 * LINE_ROOM + 1) * FIELDS_MOST);
	(void)buffer_room(&event->fields.text, LINE_MOST + 2 * LINE_ROOM * FIELDS_MOST);
	*ret_fields = &event->fields;
	return 0;
}

/* --- Events --- */

static bool fields_record(const struct event *event, struct record *ret_record)
{
	*ret_record = ((const struct fields_event *)event->source)->record;
	return true;
}

static void fields_data(const struct event *event, event_take take, void *context)
{
	const struct fields *fields = event->source;
	for (size_t i = 0; i < fields->count; i++)
		if (fields->value[i].at != NULL)
			take(context, cursor_text(fields->name[i]), fields->value[i]);
}

static bool fields_column(const struct event *event, const char *name, struct cursor *ret_value)
{
	const struct fields *fields = event->source;
	for (size_t i = 0; i < fields->count; i++)
		if (ascii_equal(fields->name[i], name)) {
			*ret_value = fields->value[i];
			return true;
		}
	return false;
}

static void json_field(struct buffer *buffer, struct cursor name, struct cursor value, bool text)
{
	bool number = !text && event_is_number(value);
	buffer_add_text(buffer, buffer->data[buffer->length - 1] == '{' ? "\"" : ",\"");
	buffer_add_json(buffer, name.at, cursor_left(&name));
	buffer_add_text(buffer, number ? "\":" : "\":\"");
	buffer_add_json(buffer, value.at, cursor_left(&value));
	if (!number)
		buffer_add_char(buffer, '"');
}

static void fields_json(const struct event *event, struct buffer *buffer)
{
	const struct fields *fields = event->source;
	buffer_add_char(buffer, '{');
	for (size_t i = 0; i < fields->count; i++)
		if (fields->value[i].at != NULL)
			json_field(buffer, cursor_text(fields->name[i]), fields->value[i], fields->text_column[i]);
	buffer_add_char(buffer, '}');
}

static const struct event_kind fields_kind = {
	.format = "w3c", .json = fields_json, .xml = event_members_xml, .data = fields_data, .record = fields_record, .column = fields_column,
};
