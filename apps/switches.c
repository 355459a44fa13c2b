#include "apps/switches.h"

#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "logparse/reader/reader.h"

struct foreign {
	const char *name;
	const char *passed;       /* values, between blanks, that change nothing here; "" any; NULL: none */
	const char *instead;      /* of other values */
	const char *option, *value; /* ours, for this value */
};

static const struct foreign foreign[] = {
	/* Of all */
	{"stats", "", NULL, NULL, NULL}, {"e", "", NULL, NULL, NULL}, {"iw", "", NULL, NULL, NULL}, {"rtp", "", NULL, NULL, NULL},
	{"saveDefaults", NULL, "give the switches each time", NULL, NULL}, {"restoreDefaults", NULL, "give the switches each time", NULL, NULL},
	{"queryInfo", NULL, "use --explain", NULL, NULL}, {"multiSite", NULL, "name the logs after FROM", NULL, NULL}, {"c", NULL, "use SELECT * INTO", NULL, NULL},
	/* Event logs */
	{"fullText", "", NULL, NULL, NULL}, {"msgErrorMode", "", NULL, NULL, NULL}, {"ignoreMessageErrors", "", NULL, NULL, NULL},
	{"resolveSIDs", "OFF", "SID is as the log has it, for the machine that knows its name is not asked", NULL, NULL},
	{"formatMsg", "ON", "Message is one line of our own words", NULL, NULL},
	{"fullEventCode", "OFF", "EventID is the number that Event Viewer shows", NULL, NULL},
	{"direction", "FW", "use ORDER BY TimeGenerated DESC, RecordNumber DESC", NULL, NULL},
	{"stringsSep", "|", "use REPLACE_STR(Strings, '|', '…')", NULL, NULL},
	{"binaryFormat", "HEX", "use HEX_TO_ASC(Data) or HEX_TO_PRINT(Data)", NULL, NULL},
	/* Text logs */
	{"iCodepage", "", NULL, NULL, NULL}, {"recurse", "", NULL, NULL, NULL}, {"dQuotes", "", NULL, NULL, NULL}, {"separator", "", NULL, NULL, NULL},
	{"dirTime", "OFF", "use WHERE on the times of the log", NULL, NULL}, {"minDateMod", NULL, "use WHERE TimeGenerated >= '…'", NULL, NULL},
	{"consolidateLogs", "OFF", "use ORDER BY", NULL, NULL}, {"lineFilter", NULL, "use WHERE", NULL, NULL},
	/* Output */
	{"headers", "ON AUTO", "it is ON or OFF", "no-header", "OFF"}, {"tabs", "", NULL, NULL, NULL},
	{"oDQuotes", "OFF AUTO", "values that need quotes have them anyway", NULL, NULL},
	{"oCodepage", "-1 0 65001", "output is UTF-8: use iconv", NULL, NULL}, {"oDirTime", "", NULL, NULL, NULL},
	{"encodeDelim", "OFF", "values with blanks are in quotes anyway", NULL, NULL}, {"fileMode", "1", "a file is replaced, when all of it is there", NULL, NULL},
	{"oTsFormat", NULL, "use TO_STRING(TimeGenerated, '…')", NULL, NULL}, {"oSeparator", "tab", "use -o:CSV or -o:TSV", NULL, NULL},
	{"rAlign", "", NULL, NULL, NULL}, {"spaceCol", "", NULL, NULL, NULL}, {"colSep", "", NULL, NULL, NULL}, {"autoScroll", "", NULL, NULL, NULL},
	{"tpl", NULL, "use -o:JSON and a program that reads it", NULL, NULL}, {"view", NULL, "use -o:NAT", NULL, NULL},
	{"server", NULL, "use -o:CSV and the database's own import", NULL, NULL}, {"database", NULL, "use -o:CSV and the database's own import", NULL, NULL},
	{"chartType", NULL, "use -o:CSV and a program that draws", NULL, NULL},
};

static bool value_among(const char *list, const char *value)
{
	size_t length = strlen(value);
	for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");
		if (word == length && ascii_prefix(at, word, value))
			return true;
		at += word;
	}
	return *list == '\0';
}

static const struct option *option_of(const struct invocation *invocation, const char *name)
{
	const struct option *row = invocation->command->options;
	while (strcmp(row->name, name) != 0)
		row++;
	return row;
}

static int foreign_take(struct invocation *invocation, const struct foreign *row, const char *value)
{
	if (row->option != NULL && value != NULL && ascii_equal(value, row->value)) {
		invocation->given[invocation->given_count++] = (struct given){option_of(invocation, row->option), ""};
		return 1;
	}
	if (row->passed != NULL && value_among(row->passed, value != NULL ? value : "ON"))
		return 1;
	diag_error(invocation->diag, NULL, "Log Parser's -%s%s%s is not there: %s", row->name, value != NULL && *value != '\0' ? ":" : "",
		   value != NULL && *value != '\0' ? QUOTE(value) : "", row->instead);
	return ERROR_INPUT;
}

static int foreign_unknown(struct invocation *invocation, const char *argument, size_t length)
{
	const char *names[ARRAY_LENGTH(foreign) + 1];
	for (size_t i = 0; i < ARRAY_LENGTH(foreign); i++)
		names[i] = foreign[i].name;
	names[ARRAY_LENGTH(foreign)] = NULL;
	const char *nearest = word_nearest(argument + 1, length, names);
	diag_error(invocation->diag, NULL, "there is no switch %s%s%s%s", QUOTE(argument), nearest != NULL ? "; did you mean -" : ": cordon help query lists those that there are",
		   nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	return ERROR_INPUT;
}

int switch_take(struct invocation *invocation, const char *argument)
{
	size_t length = strcspn(argument + 1, ":");
	const char *value = argument[1 + length] == ':' ? argument + length + 2 : NULL;
	if (length == 1 && (argument[1] == 'i' || argument[1] == 'o' || argument[1] == 'O' || value == NULL) && strchr("ce", argument[1]) == NULL)
		return 0;
	if (ascii_equal_n(argument + 1, length, "iCheckpoint") && value != NULL && *value != '\0') {
		invocation->given[invocation->given_count++] = (struct given){option_of(invocation, "checkpoint"), value};
		return 1;
	}
	if (ascii_equal_n(argument + 1, length, "q") && value != NULL) {
		invocation->quiet = ascii_equal(value, "ON");
		return 1;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(foreign); i++)
		if (ascii_equal_n(argument + 1, length, foreign[i].name))
			return foreign_take(invocation, &foreign[i], value);
	/* -Ofile:1.csv is ours. */
	return value == NULL || argument[1] == 'O' ? 0 : foreign_unknown(invocation, argument, length);
}

/* --- Formats --- */

bool switch_format(const char *name, const char **ret_ours, const char **ret_instead)
{
	static const struct { const char *theirs, *ours, *instead; } names[] = {
		{"IISW3C", "w3c", NULL}, {"XML", "eventxml", NULL}, {"EVT", NULL, NULL}, {"NETMON", NULL, "use -i:pcap"},
		{"CSV", NULL, "logs are read, and W3C text"}, {"TSV", NULL, "logs are read, and W3C text"}, {"TEXTLINE", NULL, "logs are read: use grep"},
		{"TEXTWORD", NULL, "logs are read: use grep"}, {"IIS", NULL, "W3C text is the format of IIS that is read"}, {"NCSA", NULL, "W3C text is read"},
		{"IISODBC", NULL, "W3C text is read"}, {"BIN", NULL, "W3C text is read"}, {"IISMSID", NULL, "W3C text is read"}, {"HTTPERR", "w3c", NULL},
		{"URLSCAN", NULL, "W3C text is read"}, {"FS", NULL, "only logs are read"}, {"REG", NULL, "only logs are read"}, {"ADS", NULL, "only logs are read"},
		{"COM", NULL, "only logs are read"}, {"ETW", NULL, "export it as evtx"},
	};
	*ret_ours = *ret_instead = NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		/* Log Parser's EVT reads both kinds of event log, and so does the guess; evt is ours. */
		if (!ascii_equal(names[i].theirs, name) || strcmp(name, "evt") == 0)
			continue;
		*ret_ours = names[i].ours;
		*ret_instead = names[i].instead;
		return true;
	}
	for (size_t i = 0; readers[i] != NULL && *ret_ours == NULL; i++)
		if (ascii_equal(readers[i]->name, name))
			*ret_ours = readers[i]->name;
	return *ret_ours != NULL;
}
