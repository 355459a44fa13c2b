#include "tests/unit/logparse/log_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/base/memory.h"
#include "core/record/w3c.h"
#include "logparse/meaning.h"
#include "tests/unit/logparse/wellformed.h"

enum { TEXT_MOST = 512 << 20 };

static void damage_take(const struct damage *damage, void *context)
{
	struct log_reading *reading = context;
	buffer_printf(&reading->damage, "%llu %llu %s%s\n", (unsigned long long)damage->offset, (unsigned long long)damage->number,
		      damage->lost ? "lost " : "", damage->text);
	reading->damaged_lines += damage->line;
}

static void wrong(struct log_reading *reading, bool good, const char *what)
{
	if (!good && reading->wrong == NULL)
		reading->wrong = what;
}

static void event_keep(struct log_reading *reading, const struct event *event)
{
	if (reading->count == reading->capacity) {
		reading->capacity = reading->capacity > 0 ? 2 * reading->capacity : 64;
		reading->events = memory_resize(reading->events, reading->capacity * sizeof(*reading->events));
	}
	reading->events[reading->count++] = (struct log_event){event->sequence > 0 ? event->sequence : event->number, event->time, event->offset, event->id, event->recovered};
}

static void data_take(void *context, struct cursor name, struct cursor value)
{
	struct log_reading *reading = context;
	buffer_add(&reading->data, name.at, cursor_left(&name));
	buffer_add_char(&reading->data, '=');
	buffer_add(&reading->data, value.at, cursor_left(&value));
	buffer_add_char(&reading->data, '\n');
}

/* What was added is one line. */
static bool is_line(const struct buffer *buffer, size_t from)
{
	return buffer->full || (buffer->length > from && buffer->data[buffer->length - 1] == '\n' &&
				memchr(buffer->data + from, '\n', buffer->length - from) == buffer->data + buffer->length - 1);
}

static void event_render(struct log_reading *reading, const struct event *event, unsigned forms)
{
	size_t json = reading->json.length, xml = reading->xml.length;
	if (forms & LOG_JSON) {
		event->kind->json(event, &reading->json);
		wrong(reading, reading->json.full || is_json(reading->json.data + json, reading->json.length - json), "JSON that is none");
		buffer_add_char(&reading->json, '\n');
		wrong(reading, is_line(&reading->json, json), "JSON on more than one line");
	}
	if (forms & LOG_XML) {
		event->kind->xml(event, &reading->xml);
		wrong(reading, reading->xml.full || is_xml(reading->xml.data + xml, reading->xml.length - xml), "XML that is none");
		buffer_add_char(&reading->xml, '\n');
	}
	if (forms & LOG_DATA) {
		event->kind->data(event, data_take, reading);
		buffer_add_char(&reading->data, '\n');
	}
}

/* What is kept from event to event. */
struct rows {
	struct meaning_space meaning;
	struct layout_space *layout;
	struct writer writer;
};

static void rows_render(struct log_reading *reading, const struct event *event, struct rows *rows)
{
	struct record record;
	struct cell cells[RECORD_COLUMNS];
	size_t drops = reading->drops.length, eventlog = reading->eventlog.length;
	if (event_meaning(event, &rows->meaning, &record) != MEANING_NONE) {
		w3c_line(&record, &reading->drops);
		wrong(reading, is_line(&reading->drops, drops), "a drop on more than one line");
		if (layout_cells(LAYOUT_ISA, event, &record, rows->layout, cells))
			wrong(reading, cells[0].kind == CELL_NULL || cells[0].kind == CELL_TEXT, "a date that is none");
	}
	if (!layout_cells(LAYOUT_EVENTLOG, event, NULL, rows->layout, cells))
		return;
	rows->writer.columns = *layout_columns(LAYOUT_EVENTLOG);
	w3c_writer.row(&rows->writer, cells, &reading->eventlog);
	wrong(reading, is_line(&reading->eventlog, eventlog), "a row on more than one line");
}

static int events_read(struct log_reading *reading, struct reader *reader, unsigned forms)
{
	struct rows rows = {.layout = layout_space_new(), .writer = {.type = &w3c_writer}};
	struct event event;
	int got;
	meaning_init(&rows.meaning);
	while ((got = reader->type->next(reader, &event)) > 0) {
		event_keep(reading, &event);
		event_render(reading, &event, forms);
		if (forms & LOG_ROWS)
			rows_render(reading, &event, &rows);
	}
	wrong(reading, reader->counts.read == reading->count, "the count of records is not their number");
	meaning_done(&rows.meaning);
	layout_space_free(rows.layout);
	return got;
}

void log_read(const void *bytes, size_t length, const struct reader_type *type, const struct reader_options *options, unsigned forms,
	      struct log_reading *ret_reading)
{
	struct log_reading *reading = ret_reading;
	struct reader_options mine = options != NULL ? *options : (struct reader_options){.strict = false};
	struct input *input = NULL;
	struct reader *reader = NULL;
	struct diag diag;
	*reading = (struct log_reading){.type = type};
	struct buffer *const buffers[] = {&reading->json, &reading->xml, &reading->data, &reading->drops, &reading->eventlog, &reading->damage,
					  &reading->said};
	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
		buffer_init(buffers[i], TEXT_MOST);
	mine.damage = damage_take;
	mine.context = reading;
	diag_init(&diag);
	int fd = memfd_create("log", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	reading->error = input_open_fd(fd, "log", &diag, &input);
	if (reading->error == 0 && type == NULL)
		reading->error = reader_guess(input, &diag, &reading->type);
	if (reading->error == 0)
		reading->error = reading->type->open(input, &mine, &diag, &reader);
	if (reading->error == 0) {
		reading->error = events_read(reading, reader, forms);
		reading->counts = reader->counts;
		reader->type->close(reader);
	}
	input_close(input);
	diag_render(&diag, 0, 0, &reading->said);
	diag_done(&diag);
}

void log_reading_done(struct log_reading *reading)
{
	struct buffer *const buffers[] = {&reading->json, &reading->xml, &reading->data, &reading->drops, &reading->eventlog, &reading->damage,
					  &reading->said};
	for (size_t i = 0; i < sizeof(buffers) / sizeof(buffers[0]); i++)
		buffer_done(buffers[i]);
	free(reading->events);
}

struct cursor log_line(const struct buffer *buffer, size_t index)
{
	const char *at = buffer_text(buffer), *end = at + buffer->length, *newline;
	for (; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			newline = end;
		if (index-- == 0)
			return (struct cursor){at, newline};
		if (newline == end)
			break;
	}
	return cursor_text("");
}

bool log_has(const struct log_reading *reading, uint64_t number, uint64_t time)
{
	for (size_t i = 0; i < reading->count; i++)
		if (reading->events[i].number == number && (time == 0 || reading->events[i].time == time))
			return true;
	return false;
}
