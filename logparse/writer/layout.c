/* The layouts of `cordon log` (logs.md 1.6, 3.3, 3.4). */
#include <stdlib.h>

#include "core/base/memory.h"
#include "logparse/meaning.h"
#include "logparse/text.h"
#include "logparse/writer/writer.h"

static const char *drops_names[RECORD_COLUMNS];
static const char *const eventlog_names[] = {
	"EventLog", "RecordNumber", "TimeGenerated", "TimeWritten", "EventID", "EventType", "EventTypeName", "EventCategory",
	"EventCategoryName", "SourceName", "Strings", "ComputerName", "SID", "Message", "Data",
};
static const char *const isa_names[] = {
	"date", "time", "r-ip", "s-ip", "protocol", "param#1", "param#2", "tcp-flags", "s-filter-rule", "s-interface", "rs-ip-header", "rs-payload",
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool layout_parse(const char *name, enum layout *ret_layout)
{
	static const char *const names[] = {[LAYOUT_DROPS] = "drops", [LAYOUT_EVENTLOG] = "eventlog", [LAYOUT_ISA] = "isa"};
	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(name, names[i]) == 0) {
			*ret_layout = (enum layout)i;
			return true;
		}
	return false;
}

const struct columns *layout_columns(enum layout layout)
{
	static const struct columns columns[] = {
		[LAYOUT_DROPS] = {drops_names, RECORD_COLUMNS},
		[LAYOUT_EVENTLOG] = {eventlog_names, COUNT(eventlog_names)},
		[LAYOUT_ISA] = {isa_names, COUNT(isa_names)},
	};
	for (size_t i = 0; layout == LAYOUT_DROPS && i < RECORD_COLUMNS; i++)
		drops_names[i] = record_columns[i].name;
	return &columns[layout];
}

/* Each cell whose text is made here has a place of its own. */
enum { PLACES = RECORD_COLUMNS, PLACE_MOST = 17 << 20 };
struct layout_space {
	struct buffer text[PLACES];
};

struct layout_space *layout_space_new(void)
{
	struct layout_space *space = memory_alloc(sizeof(*space));
	for (size_t i = 0; i < PLACES; i++)
		buffer_init(&space->text[i], PLACE_MOST);
	return space;
}

void layout_space_free(struct layout_space *space)
{
	for (size_t i = 0; space != NULL && i < PLACES; i++)
		buffer_done(&space->text[i]);
	free(space);
}

static struct cell text_cell(struct cursor text)
{
	return (struct cell){.kind = text.at != NULL ? CELL_TEXT : CELL_NULL, .text = text};
}

static struct cell number_cell(uint64_t number)
{
	return (struct cell){.kind = CELL_UNSIGNED, .integer = (int64_t)number};
}

static struct cell time_cell(uint64_t time)
{
	return (struct cell){.kind = time != 0 ? CELL_TIME : CELL_NULL, .time = time};
}

static struct cell place_cell(const struct layout_space *space, size_t place)
{
	return text_cell(cursor_of(buffer_text(&space->text[place]), space->text[place].length));
}

static struct cell record_cell(const struct record *record, enum record_column column, struct layout_space *space, size_t place)
{
	struct cursor text = record_text(record, column);
	uint64_t number;
	if (record_columns[column].kind == RECORD_TEXT)
		return text_cell(text);
	struct buffer *buffer = &space->text[place];
	buffer_clear(buffer);
	char *at = buffer_room(buffer, RECORD_VALUE);
	buffer_took(buffer, at + record_value(record, column, at));
	if (buffer->length == 0)
		return (struct cell){.kind = CELL_NULL};
	if (record_columns[column].kind == RECORD_NUMBER && number_parse(buffer->data, buffer->length, UINT64_MAX, &number))
		return number_cell(number);
	return place_cell(space, place);
}

static void drops_cells(const struct record *record, struct layout_space *space, struct cell *cells)
{
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++)
		cells[column] = record_cell(record, column, space, column);
}

static void hex_place(struct layout_space *space, size_t place, const uint8_t *bytes, size_t length)
{
	buffer_clear(&space->text[place]);
	buffer_add_hex(&space->text[place], bytes, length);
}

static void eventlog_cells(const struct event *event, struct layout_space *space, struct cell *cells)
{
	const struct cell null = {.kind = CELL_NULL};
	buffer_clear(&space->text[10]);
	event_strings(event, &space->text[10]);
	buffer_clear(&space->text[13]);
	event_message(event, &space->text[13]);
	hex_place(space, 14, event->binary, event->binary_length);
	const struct cell all[] = {
		text_cell(cursor_text(event->file)), event->number == 0 ? null : number_cell(event->number), time_cell(event->time),
		time_cell(event->written != 0 ? event->written : event->time), event->id == EVENT_NO_ID ? null : number_cell(event->id),
		number_cell(event->type), text_cell(cursor_text(event_type_name(event->type))), number_cell(event->category),
		event->category == 0 ? text_cell(cursor_text("None")) : null, text_cell(event->provider), place_cell(space, 10),
		text_cell(event->computer), cursor_left(&event->sid) > 0 ? text_cell(event->sid) : null,
		space->text[13].length > 0 ? place_cell(space, 13) : null, event->binary_length > 0 ? place_cell(space, 14) : null,
	};
	memcpy(cells, all, sizeof(all));
}

/* SYN ACK, as ISA writes them. */
static struct cell flags_cell(const struct record *record, struct layout_space *space)
{
	static const char *const flags[] = {"FIN", "SYN", "RST", "PSH", "ACK", "URG"};
	struct buffer *buffer = &space->text[7];
	buffer_clear(buffer);
	for (size_t i = 0; record_has(record, COLUMN_TCPFLAGS) && i < COUNT(flags); i++)
		if ((record->tcpflags >> i & 1) != 0)
			buffer_printf(buffer, "%s%s", buffer->length > 0 ? " " : "", flags[i]);
	return buffer->length > 0 ? place_cell(space, 7) : (struct cell){.kind = CELL_NULL};
}

/* The header and the payload of the packet that IPSec 4290 and 4291 have caught. */
static void isa_packet(const struct event *event, struct layout_space *space, struct cell *cells)
{
	enum { ERROR_PACKET = 0x28 };
	struct record dump;
	cells[10] = cells[11] = (struct cell){.kind = CELL_NULL};
	if (!event_dump(event, &dump))
		return;
	const uint8_t *packet = event->binary + ERROR_PACKET;
	size_t length = event->binary_length - ERROR_PACKET, header = packet[0] >> 4 == 4 ? 4 * (size_t)(packet[0] & 15) : 40;
	header = header < length ? header : length;
	hex_place(space, 10, packet, header);
	hex_place(space, 11, packet + header, length - header);
	cells[10] = place_cell(space, 10);
	if (length > header)
		cells[11] = place_cell(space, 11);
}

static void isa_cells(const struct event *event, const struct record *record, struct layout_space *space, struct cell *cells)
{
	bool icmp = record_has(record, COLUMN_ICMPTYPE);
	static const enum record_column columns[] = {COLUMN_DATE, COLUMN_TIME, COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_PROTOCOL};
	for (size_t i = 0; i < COUNT(columns); i++)
		cells[i] = record_cell(record, columns[i], space, i);
	cells[5] = record_cell(record, icmp ? COLUMN_ICMPTYPE : COLUMN_SRC_PORT, space, 5);
	cells[6] = record_cell(record, icmp ? COLUMN_ICMPCODE : COLUMN_DST_PORT, space, 6);
	cells[7] = flags_cell(record, space);
	cells[8] = record->action.at == NULL ? (struct cell){.kind = CELL_NULL}
					     : number_cell(!ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP"));
	cells[9] = text_cell(record->interface);
	isa_packet(event, space, cells);
}

/* --- Logs that have a layout's columns already --- */

enum layout layout_of(const struct event *event)
{
	struct cursor value;
	bool columns = event->kind->column != NULL;
	if (event->kind->record == NULL || (columns && event->kind->column(event, "EventLog", &value) && event->kind->column(event, "Strings", &value)))
		return LAYOUT_EVENTLOG;
	return columns && event->kind->column(event, "r-ip", &value) && event->kind->column(event, "param#1", &value) ? LAYOUT_ISA : LAYOUT_DROPS;
}

/* Numbers and times as such where they are written in our way, so that formats which tell them apart do; all else as text. */
static struct cell copied_cell(struct cursor text)
{
	enum { DAY = 10, MOMENT = 19 };
	size_t length = cursor_left(&text);
	struct record record = {.has = 0};
	uint64_t number;
	if (text.at == NULL)
		return (struct cell){.kind = CELL_NULL};
	if (length > 0 && (length == 1 || *text.at != '0') && number_parse(text.at, length, UINT64_MAX, &number))
		return number_cell(number);
	if (length == MOMENT && text.at[DAY] == ' ' && record_set(&record, COLUMN_DATE, cursor_of(text.at, DAY)) &&
	    record_set(&record, COLUMN_TIME, (struct cursor){text.at + DAY + 1, text.end}))
		return (struct cell){.kind = CELL_TIME, .time = record.time};
	return text_cell(text);
}

static bool is_typed(enum layout layout, size_t column)
{
	static const bool eventlog[] = {[1] = true, [2] = true, [3] = true, [4] = true, [5] = true, [7] = true};
	static const bool isa[] = {[5] = true, [6] = true, [8] = true};
	return layout == LAYOUT_EVENTLOG ? column < COUNT(eventlog) && eventlog[column] : column < COUNT(isa) && isa[column];
}

static bool is_copied(enum layout layout, const struct event *event, struct cell *cells)
{
	const struct columns *columns = layout_columns(layout);
	if (layout == LAYOUT_DROPS || event->kind->column == NULL || layout_of(event) != layout)
		return false;
	for (size_t i = 0; i < columns->count; i++) {
		struct cursor value = {NULL, NULL};
		(void)event->kind->column(event, columns->names[i], &value);
		cells[i] = is_typed(layout, i) ? copied_cell(value) : text_cell(value);
	}
	return true;
}

bool layout_cells(enum layout layout, const struct event *event, const struct record *record, struct layout_space *space,
		  struct cell *cells)
{
	if (is_copied(layout, event, cells))
		return true;
	if (layout == LAYOUT_EVENTLOG) {
		eventlog_cells(event, space, cells);
		return true;
	}
	if (record == NULL || (layout == LAYOUT_ISA && record->action.at == NULL))
		return false;
	if (layout == LAYOUT_DROPS)
		drops_cells(record, space, cells);
	else
		isa_cells(event, record, space, cells);
	return true;
}
