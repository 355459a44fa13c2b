/* A drop in the names of the Elastic Common Schema, one JSON object a line. */
#include "logparse/text.h"
#include "logparse/writer/writer.h"

static void text_member(struct buffer *output, const char *name, struct cursor text)
{
	if (text.at == NULL)
		return;
	buffer_printf(output, "%s\"%s\":\"", output->data[output->length - 1] == '{' ? "" : ",", name);
	buffer_add_json(output, text.at, cursor_left(&text));
	buffer_add_char(output, '"');
}

static void number_member(struct buffer *output, const char *name, const struct record *record, enum record_column column)
{
	char value[RECORD_VALUE];
	size_t length = record_value(record, column, value);
	if (length > 0)
		buffer_printf(output, "%s\"%s\":%.*s", output->data[output->length - 1] == '{' ? "" : ",", name, (int)length, value);
}

static void word_member(struct buffer *output, const char *name, const struct record *record, enum record_column column, bool lower)
{
	char value[RECORD_VALUE];
	size_t length = record_value(record, column, value);
	for (size_t i = 0; lower && i < length; i++)
		value[i] = ascii_lower(value[i]);
	if (length > 0)
		text_member(output, name, cursor_of(value, length));
}

static void group_begin(struct buffer *output, const char *name)
{
	buffer_printf(output, ",\"%s\":{", name);
}

static void group_end(struct buffer *output, size_t before)
{
	if (output->data[output->length - 1] == '{') {
		output->length = before;
		output->data[before] = '\0';
	} else {
		buffer_add_char(output, '}');
	}
}

static struct cursor direction(const struct record *record)
{
	bool in = cursor_left(&record->direction) == 2, out = cursor_left(&record->direction) == 3;
	return record->direction.at == NULL ? record->direction : cursor_text(in ? "ingress" : out ? "egress" : "unknown");
}

void ecs_line(const struct record *record, struct buffer *output)
{
	bool dropped = record->action.at != NULL && ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP");
	size_t before;
	buffer_add_text(output, "{\"@timestamp\":");
	if (record_has(record, COLUMN_DATE)) {
		buffer_add_char(output, '"');
		cell_time(record->time, 'T', output);
		buffer_add_text(output, "Z\"");
	} else {
		buffer_add_text(output, "null");
	}
	buffer_printf(output, ",\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"connection\"%s]",
		      record->action.at == NULL ? "" : dropped ? ",\"denied\"" : ",\"allowed\"");
	text_member(output, "action", record->action);
	word_member(output, "code", record, COLUMN_EVENTID, false);
	text_member(output, "provider", record->source);
	text_member(output, "dataset", record->log);
	buffer_add_char(output, '}');
	static const struct { const char *name; enum record_column ip, port; } ends[] = {
		{"source", COLUMN_SRC_IP, COLUMN_SRC_PORT}, {"destination", COLUMN_DST_IP, COLUMN_DST_PORT},
	};
	for (size_t i = 0; i < 2; i++) {
		before = output->length;
		group_begin(output, ends[i].name);
		word_member(output, "ip", record, ends[i].ip, false);
		number_member(output, "port", record, ends[i].port);
		group_end(output, before);
	}
	before = output->length;
	group_begin(output, "network");
	word_member(output, "transport", record, COLUMN_PROTOCOL, true);
	if (record_has(record, COLUMN_PROTOCOL))
		buffer_printf(output, ",\"iana_number\":\"%u\"", record->protocol);
	text_member(output, "direction", direction(record));
	number_member(output, "bytes", record, COLUMN_SIZE);
	number_member(output, "packets", record, COLUMN_COUNT);
	group_end(output, before);
	before = output->length;
	group_begin(output, "rule");
	text_member(output, "name", record->rule);
	text_member(output, "ruleset", record->policy);
	text_member(output, "category", record->filterlist);
	word_member(output, "id", record, COLUMN_FILTER_ID, false);
	group_end(output, before);
	before = output->length;
	group_begin(output, "process");
	number_member(output, "pid", record, COLUMN_PID);
	text_member(output, "executable", record->application);
	group_end(output, before);
	before = output->length;
	group_begin(output, "host");
	text_member(output, "name", record->computername);
	group_end(output, before);
	buffer_add_text(output, "}\n");
}
