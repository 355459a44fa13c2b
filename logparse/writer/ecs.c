/* A drop in the names of the Elastic Common Schema, one JSON object a line. */
#include "logparse/text.h"
#include "logparse/writer/writer.h"

static void name_add(struct buffer *output, const char *name)
{
	if (output->data[output->length - 1] != '{')
		buffer_add_char(output, ',');
	buffer_add_char(output, '"');
	buffer_add_text(output, name);
	buffer_add(output, "\":", 2);
}

static void text_member(struct buffer *output, const char *name, struct cursor text)
{
	if (text.at == NULL)
		return;
	name_add(output, name);
	buffer_add_char(output, '"');
	buffer_add_json(output, text.at, cursor_left(&text));
	buffer_add_char(output, '"');
}

static void number_member(struct buffer *output, const char *name, const struct record *record, enum record_column column)
{
	char value[RECORD_VALUE];
	size_t length = record_value(record, column, value);
	if (length > 0) {
		name_add(output, name);
		buffer_add(output, value, length);
	}
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
	buffer_add(output, ",\"", 2);
	buffer_add_text(output, name);
	buffer_add(output, "\":{", 3);
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

static bool is_dropped(const struct record *record)
{
	return record->action.at != NULL && ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP");
}

/* When, to 100 ns (who collects it takes the time of arrival where that is not known), and what kind of event it is. */
static void event_group(const struct record *record, struct buffer *output)
{
	enum { SECOND = 10000000 };
	buffer_add_char(output, '{');
	if (record_has(record, COLUMN_DATE)) {
		buffer_add_text(output, "\"@timestamp\":\"");
		cell_time(record->time, 'T', output);
		if (record->time % SECOND != 0)
			buffer_printf(output, ".%07u", (unsigned)(record->time % SECOND));
		buffer_add_text(output, "Z\",");
	}
	buffer_add_text(output, "\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],\"type\":[\"connection\"");
	buffer_add_text(output, record->action.at == NULL ? "]" : is_dropped(record) ? ",\"denied\"]" : ",\"allowed\"]");
	text_member(output, "action", record->action);
	word_member(output, "code", record, COLUMN_EVENTID, false);
	text_member(output, "provider", record->source);
	text_member(output, "dataset", record->log);
	number_member(output, "sequence", record, COLUMN_RECORDNUMBER);
	buffer_add_char(output, '}');
}

static void ends_group(const struct record *record, struct buffer *output)
{
	static const struct { const char *name; enum record_column ip, port; } ends[] = {
		{"source", COLUMN_SRC_IP, COLUMN_SRC_PORT}, {"destination", COLUMN_DST_IP, COLUMN_DST_PORT},
	};
	for (size_t i = 0; i < 2; i++) {
		size_t before = output->length;
		group_begin(output, ends[i].name);
		word_member(output, "ip", record, ends[i].ip, false);
		number_member(output, "port", record, ends[i].port);
		group_end(output, before);
	}
}

static void network_group(const struct record *record, struct buffer *output)
{
	size_t before = output->length;
	const struct ip *ip = record_has(record, COLUMN_SRC_IP) ? &record->src : record_has(record, COLUMN_DST_IP) ? &record->dst : NULL;
	group_begin(output, "network");
	if (ip != NULL)
		text_member(output, "type", cursor_text(ip->family == FAMILY_IPV4 ? "ipv4" : "ipv6"));
	word_member(output, "transport", record, COLUMN_PROTOCOL, true);
	if (record_has(record, COLUMN_PROTOCOL)) {
		name_add(output, "iana_number");
		buffer_add_char(output, '"');
		buffer_add_number(output, record->protocol);
		buffer_add_char(output, '"');
	}
	text_member(output, "direction", direction(record));
	number_member(output, "bytes", record, COLUMN_SIZE);
	number_member(output, "packets", record, COLUMN_COUNT);
	group_end(output, before);
}

static void rule_group(const struct record *record, struct buffer *output)
{
	size_t before = output->length;
	group_begin(output, "rule");
	text_member(output, "name", record->rule);
	text_member(output, "ruleset", record->policy);
	text_member(output, "category", record->filterlist);
	word_member(output, "id", record, COLUMN_FILTER_ID, false);
	group_end(output, before);
}

static void places_group(const struct record *record, struct buffer *output)
{
	size_t before = output->length;
	group_begin(output, "process");
	number_member(output, "pid", record, COLUMN_PID);
	text_member(output, "executable", record->application);
	group_end(output, before);
	before = output->length;
	group_begin(output, "host");
	text_member(output, "name", record->computername);
	group_end(output, before);
	if (record->interface.at != NULL) {
		bool out = record->direction.at != NULL && ascii_equal_n(record->direction.at, cursor_left(&record->direction), "out");
		buffer_printf(output, ",\"observer\":{\"%s\":{\"interface\":{", out ? "egress" : "ingress");
		text_member(output, "name", record->interface);
		buffer_add_text(output, "}}}");
	}
}

/* What that schema has no name for. */
static void own_group(const struct record *record, struct buffer *output)
{
	static const struct { const char *name; enum record_column column; } members[] = {
		{"tcpflags", COLUMN_TCPFLAGS}, {"icmptype", COLUMN_ICMPTYPE}, {"icmpcode", COLUMN_ICMPCODE}, {"spi", COLUMN_SPI}, {"layer", COLUMN_LAYER},
		{"status", COLUMN_STATUS}, {"mode", COLUMN_MODE}, {"recovered", COLUMN_RECOVERED},
	};
	size_t before = output->length;
	group_begin(output, "cordon");
	for (size_t i = 0; i < sizeof(members) / sizeof(members[0]); i++) {
		uint8_t kind = record_columns[members[i].column].kind;
		if (kind == RECORD_TEXT)
			text_member(output, members[i].name, record_text(record, members[i].column));
		else if (kind == RECORD_NUMBER)
			number_member(output, members[i].name, record, members[i].column);
		else
			word_member(output, members[i].name, record, members[i].column, false);
	}
	group_end(output, before);
}

void ecs_line(const struct record *record, struct buffer *output)
{
	event_group(record, output);
	ends_group(record, output);
	network_group(record, output);
	rule_group(record, output);
	places_group(record, output);
	own_group(record, output);
	buffer_add_text(output, "}\n");
}
