#include "logparse/eventrow.h"

#include "logparse/reader/evtx_value.h"

static void strings_tell(const struct event *event, event_take take, void *context)
{
	const struct eventrow *row = event->source;
	struct cursor rest = row->strings;
	bool more = rest.at != NULL;
	while (more) {
		const char *bar = memchr(rest.at, '|', cursor_left(&rest));
		struct cursor value = {rest.at, bar != NULL ? bar : rest.end};
		take(context, cursor_text(""), value);
		more = bar != NULL;
		rest.at = more ? bar + 1 : rest.end;
	}
}

static const struct event_kind row_kind = {.format = "row", .data = strings_tell};

static size_t data_read(struct eventrow *row, struct cursor hex)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t length = cursor_left(&hex) / 2;
	if (cursor_left(&hex) % 2 != 0 || length > sizeof(row->data))
		return 0;
	for (size_t i = 0; i < length; i++) {
		const char *high = memchr(digits, hex.at[2 * i], 16), *low = memchr(digits, hex.at[2 * i + 1], 16);
		if (high == NULL || low == NULL)
			return 0;
		row->data[i] = (uint8_t)((high - digits) << 4 | (low - digits));
	}
	return length;
}

bool eventrow_event(struct eventrow *row, const struct event *line, struct event *ret_event)
{
	enum { CODE = 0x0c };
	struct cursor data = {NULL, NULL};
	if (line->kind->column == NULL || !line->kind->column(line, "Strings", &row->strings) || !line->kind->column(line, "Data", &data))
		return false;
	*ret_event = *line;
	ret_event->kind = &row_kind;
	ret_event->source = row;
	ret_event->binary = row->data;
	ret_event->binary_length = data.at != NULL ? data_read(row, data) : 0;
	/* The column EventID has the low half; the whole stands in the data. */
	if (ret_event->binary_length >= CODE + 4 && (le32(row->data + CODE) & UINT16_MAX) == line->id)
		ret_event->id_full = le32(row->data + CODE);
	/* EventLog is a file there, and no channel. */
	ret_event->channel = (struct cursor){NULL, NULL};
	return true;
}
