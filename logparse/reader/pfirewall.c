/* The log of Windows Firewall and of its forerunner in XP, pfirewall.log (logs.md 1.4): a W3C log with columns of its own,
 * in local time of a zone that the file does not say. */
#include "logparse/reader/fields.h"

#include "core/base/error.h"

static const struct field_name names[] = {
	{"action", COLUMN_ACTION}, {"pid", COLUMN_PID}, {NULL, RECORD_COLUMNS},
};

static const char *const own_names[] = {"path", "info", NULL};

static const struct {
	const char *path, *direction;
	uint8_t length, direction_length;
} paths[] = {
	{"RECEIVE", "in", 7, 2}, {"SEND", "out", 4, 3}, {"FORWARD", "forward", 7, 7},
};

static bool pfirewall_finish(struct fields *fields, struct record *record)
{
	struct cursor path = fields_own(fields, 0), info = fields_own(fields, 1);
	record->source = cursor_text("pfirewall");
	record->log = cursor_text("pfirewall.log");
	for (size_t i = 0; path.at != NULL && i < sizeof(paths) / sizeof(paths[0]); i++)
		if (cursor_left(&path) == paths[i].length &&
		    (memcmp(path.at, paths[i].path, paths[i].length) == 0 || ascii_equal_n(path.at, paths[i].length, paths[i].path)))
			record->direction = (struct cursor){paths[i].direction, paths[i].direction + paths[i].direction_length};
	/* So many drops were not written for want of time. */
	if (record->action.at != NULL && ascii_lower(*record->action.at) == 'i' && ascii_equal_n(record->action.at, cursor_left(&record->action), "INFO-EVENTS-LOST") && info.at != NULL)
		record_set(record, COLUMN_COUNT, info);
	return true;
}

static int pfirewall_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	struct cursor text = cursor_of((const char *)head, length < 4096 ? length : 4096);
	for (const char *at = text.at; at + 27 <= text.end; at++) {
		if (*at == 'M' && ascii_equal_n(at, 26, "Microsoft Windows Firewall"))
			return 95;
		if (*at == 'I' && ascii_equal_n(at, 27, "Internet Connection Firewal"))
			return 95;
		if (*at == 'd' && ascii_equal_n(at, 23, "date time action protoc"))
			return 95;
	}
	*ret_why = "no header of Windows Firewall";
	return 0;
}

static int pfirewall_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct fields *fields;
	int error = fields_open(input, options, diag, &pfirewall_reader, &fields);
	if (error < 0)
		return error;
	fields->dialect = names;
	fields->own_names = own_names;
	fields->finish = pfirewall_finish;
	fields->local = true;
	*ret_reader = &fields->reader;
	return 0;
}

const struct reader_type pfirewall_reader = {
	.name = "pfirewall",
	.what = "log of Windows Firewall",
	.lines = true,
	.guess = pfirewall_guess,
	.open = pfirewall_open,
	.next = fields_next,
	.close = fields_close,
};
