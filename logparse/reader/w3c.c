/* W3C extended logs: our own, ISA's packet filter log (logs.md 3.4), IIS and others.  A #Fields line in the middle changes
 * the columns, as IIS writes one at every start. */
#include "logparse/reader/fields.h"

#include "core/base/error.h"

/* ISA Server's names; IIS's client and server; Log Parser's of event logs. */
static const struct field_name names[] = {
	{"r-ip", COLUMN_SRC_IP}, {"c-ip", COLUMN_SRC_IP}, {"s-ip", COLUMN_DST_IP}, {"c-port", COLUMN_SRC_PORT}, {"s-port", COLUMN_DST_PORT},
	{"s-interface", COLUMN_INTERFACE}, {"s-sitename", COLUMN_LOG},
	{"EventLog", COLUMN_LOG}, {"RecordNumber", COLUMN_RECORDNUMBER}, {"EventID", COLUMN_EVENTID}, {"SourceName", COLUMN_SOURCE},
	{"ComputerName", COLUMN_COMPUTERNAME}, {NULL, RECORD_COLUMNS},
};

static const char *const own_names[] = {"param#1", "param#2", "s-filter-rule", "tcp-flags", "TimeGenerated", NULL};

/* 2004-01-12 09:14:57, in one column. */
static void moment_set(struct cursor text, struct record *record)
{
	struct cursor day = {text.at, text.at != NULL ? memchr(text.at, ' ', cursor_left(&text)) : NULL};
	if (day.end != NULL && record_set(record, COLUMN_DATE, day))
		(void)record_set(record, COLUMN_TIME, (struct cursor){day.end + 1, text.end});
}

/* ISA: ports or ICMP's type and code in the same two columns; 0 dropped, 1 accepted. */
static bool w3c_finish(struct fields *fields, struct record *record)
{
	struct cursor first = fields_own(fields, 0), second = fields_own(fields, 1);
	struct cursor rule = fields_own(fields, 2), flags = fields_own(fields, 3);
	bool icmp = record_has(record, COLUMN_PROTOCOL) && (record->protocol == 1 || record->protocol == 58);
	moment_set(fields_own(fields, 4), record);
	if (first.at != NULL && !record_set(record, icmp ? COLUMN_ICMPTYPE : COLUMN_SRC_PORT, first))
		return false;
	if (second.at != NULL && !record_set(record, icmp ? COLUMN_ICMPCODE : COLUMN_DST_PORT, second))
		return false;
	if (rule.at != NULL)
		record->action = cursor_text(*rule.at == '0' ? "DROP" : "ALLOW");
	static const struct { const char *name; uint8_t flag; } words[] = {
		{"FIN", 1}, {"SYN", 2}, {"RST", 4}, {"PSH", 8}, {"ACK", 16}, {"URG", 32},
	};
	for (size_t i = 0; flags.at != NULL && i < sizeof(words) / sizeof(words[0]); i++)
		for (const char *at = flags.at; at + 3 <= flags.end; at++)
			if (ascii_equal_n(at, 3, words[i].name)) {
				record->tcpflags |= words[i].flag;
				record->has |= RECORD_HAS(COLUMN_TCPFLAGS);
			}
	return true;
}

static int w3c_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	struct cursor text = cursor_of((const char *)head, length);
	bool fields = false, windows = false;
	if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		text.at += 3;
	bool first = cursor_left(&text) > 0 && *text.at == '#';
	while (text.at < text.end && *text.at == '#') {
		const char *end = memchr(text.at, '\n', cursor_left(&text));
		struct cursor line = {text.at, end != NULL ? end : text.end};
		fields |= cursor_left(&line) > 8 && ascii_equal_n(line.at, 8, "#Fields:");
		for (const char *at = line.at; at + 8 <= line.end; at++)
			windows |= ascii_equal_n(at, 8, "Firewall") && cursor_left(&line) > 10 && ascii_equal_n(line.at, 10, "#Software:");
		text.at = end != NULL ? end + 1 : text.end;
	}
	if (first && fields)
		return windows ? 40 : 90;
	if (first && length >= 9 && (ascii_equal_n((const char *)head, 9, "#Software") || ascii_equal_n((const char *)head, 8, "#Version")))
		return 30;
	*ret_why = "no #Fields line at the start";
	return 0;
}

static int w3c_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct fields *fields;
	int error = fields_open(input, options, diag, &w3c_reader, &fields);
	if (error < 0)
		return error;
	fields->dialect = names;
	fields->own_names = own_names;
	fields->finish = w3c_finish;
	*ret_reader = &fields->reader;
	return 0;
}

const struct reader_type w3c_reader = {
	.name = "w3c",
	.what = "W3C extended log: Cordon's own, ISA, IIS",
	.lines = true,
	.guess = w3c_guess,
	.open = w3c_open,
	.next = fields_next,
	.close = fields_close,
};
