#include "logparse/event.h"

#include "logparse/text.h"

static void json_member(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	buffer_add_text(buffer, buffer->data[buffer->length - 1] == '{' ? "\"" : ",\"");
	buffer_add_json(buffer, name.at, cursor_left(&name));
	buffer_add_text(buffer, "\":\"");
	buffer_add_json(buffer, value.at, cursor_left(&value));
	buffer_add_char(buffer, '"');
}

void event_members_json(const struct event *event, struct buffer *buffer)
{
	buffer_add_char(buffer, '{');
	event->kind->data(event, json_member, buffer);
	buffer_add_char(buffer, '}');
}

static void xml_member(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	buffer_add_text(buffer, "<Field Name=\"");
	buffer_add_xml(buffer, name.at, cursor_left(&name));
	buffer_add_text(buffer, "\">");
	buffer_add_xml(buffer, value.at, cursor_left(&value));
	buffer_add_text(buffer, "</Field>");
}

void event_members_xml(const struct event *event, struct buffer *buffer)
{
	buffer_add_text(buffer, "<Entry>");
	event->kind->data(event, xml_member, buffer);
	buffer_add_text(buffer, "</Entry>");
}

void event_record_data(const struct record *record, event_take take, void *context)
{
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		char value[RECORD_VALUE];
		struct cursor text = record_text(record, column);
		if (text.at == NULL)
			text = cursor_of(value, record_value(record, column, value));
		if (text.at != value || text.end > text.at)
			take(context, cursor_text(record_columns[column].name), text);
	}
}
