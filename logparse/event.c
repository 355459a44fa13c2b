#include "logparse/event.h"

#include "logparse/text.h"

bool event_is_number(struct cursor value)
{
	size_t length = cursor_left(&value);
	uint64_t number;
	return length > 0 && (length == 1 || *value.at != '0') && number_parse(value.at, length, UINT64_MAX, &number);
}

/* A column of a record that holds numbers, known by where its name is: no text of a log can be that. */
static bool is_numbers(struct cursor name)
{
	for (size_t i = 0; i < RECORD_COLUMNS; i++)
		if (record_columns[i].name == name.at)
			return record_columns[i].kind == RECORD_NUMBER;
	return false;
}

static void json_member(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	bool number = is_numbers(name) && event_is_number(value);
	buffer_add_text(buffer, buffer->data[buffer->length - 1] == '{' ? "\"" : ",\"");
	buffer_add_json(buffer, name.at, cursor_left(&name));
	buffer_add_text(buffer, number ? "\":" : "\":\"");
	buffer_add_json(buffer, value.at, cursor_left(&value));
	if (!number)
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
