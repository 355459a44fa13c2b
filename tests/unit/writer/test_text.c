/* How odd text is written in each format: the table of docs/logs.md.  Twice: out of a log made here, and out of the one that
 * is beside the project. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/evtx_make.h"
#include "tests/unit/writer/fixture.h"

enum { UNITS_MOST = 32 };
#define BAD "\xef\xbf\xbd"
#define GRIN "\xf0\x9f\x98\x80"

/* A text as UTF-16, and how it stands in each format. */
static const struct odd {
	uint16_t units[UNITS_MOST];
	size_t count;
	const char *event_json, *event_xml;      /* every field of the event */
	const char *w3c, *escaped, *compat, *csv, *tsv, *json, *xml, *nat; /* the column Strings of the eventlog layout */
} odds[] = {
	{{'a', 0xd800, ' ', 'b'}, 4, "\"a\\ud800 b\"", "a" BAD " b", "\"a" BAD " b\"", "\"a" BAD " b\"", "a" BAD " b", "a" BAD " b", "a" BAD " b", "\"a" BAD " b\"",
	 "a" BAD " b", "a" BAD " b"},
	{{0xdc00}, 1, "\"\\udc00\"", BAD, BAD, BAD, BAD, BAD, BAD, "\"" BAD "\"", BAD, BAD},
	{{'a', 0, 'b'}, 3, "\"a\\u0000b\"", "a" BAD "b", "a" BAD "b", "a" BAD "b", "a" BAD "b", "a" BAD "b", "a" BAD "b", "\"a" BAD "b\"", "a" BAD "b", "a" BAD "b"},
	{{'a', 1, 0x1b, 'b'}, 4, "\"a\\u0001\\u001bb\"", "a" BAD BAD "b", "\"a b\"", "a\\u0001\\u001Bb", "a  b", "a" BAD BAD "b", "a\\u0001\\u001bb", "\"a\\u0001\\u001bb\"",
	 "a" BAD BAD "b", "a" BAD BAD "b"},
	{{'a', '\t', '\r', '\n', 'b'}, 5, "\"a\\t\\r\\nb\"", "a\t&#13;\nb", "\"a b\"", "a\\u0009\\u000D\\u000Ab", "a   b", "\"a\t\r\nb\"", "a\\t\\r\\nb", "\"a\\t\\r\\nb\"",
	 "a\t&#13;\nb", "a" BAD BAD BAD "b"},
	{{0x7f, 0x9b}, 2, "\"\\u007f\\u009b\"", "&#127;&#155;", "\" \"", "\\u007F\\u009B", "  ", BAD BAD, "\\u007f\\u009b", "\"\\u007f\\u009b\"", "&#127;&#155;", BAD BAD},
	{{'-'}, 1, "\"-\"", "-", "\"-\"", "\"-\"", "-", "-", "-", "\"-\"", "-", "-"},
	{{'#', 'a'}, 2, "\"#a\"", "#a", "\"#a\"", "\"#a\"", "#a", "#a", "#a", "\"#a\"", "#a", "#a"},
	{{'"', 'q', '"', ',', '<', '&', '>', '\\', '\''}, 9, "\"\\\"q\\\",<&>\\\\'\"", "&quot;q&quot;,&lt;&amp;&gt;\\'", "\"\"\"q\"\",<&>\\'\"", "\"\"\"q\"\",<&>\\'\"",
	 "\"q\",<&>\\'", "\"\"\"q\"\",<&>\\'\"", "\"q\",<&>\\\\'", "\"\\\"q\\\",<&>\\\\'\"", "&quot;q&quot;,&lt;&amp;&gt;\\'", "\"q\",<&>\\'"},
	{{0xe4, 0x4e2d, 0xd83d, 0xde00}, 4, "\"\xc3\xa4\xe4\xb8\xad" GRIN "\"", "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN,
	 "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN, "\"\xc3\xa4\xe4\xb8\xad" GRIN "\"", "\xc3\xa4\xe4\xb8\xad" GRIN,
	 "\xc3\xa4\xe4\xb8\xad" GRIN},
	{{0xfffe}, 1, "\"\xef\xbf\xbe\"", BAD, "\xef\xbf\xbe", "\xef\xbf\xbe", "\xef\xbf\xbe", "\xef\xbf\xbe", "\xef\xbf\xbe", "\"\xef\xbf\xbe\"", BAD, "\xef\xbf\xbe"},
};

static void element(struct evtx_make *make, const char *name, uint16_t index)
{
	evtx_make_element(make, name, false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	evtx_make_substitution(make, index, 0x01, false);
	evtx_make_element_end(make);
}

/* As text in the record itself. */
static void bare_record(struct evtx_make *make, const struct odd *odd)
{
	static const char *const around[] = {"Event", "EventData", "Data"};
	for (size_t i = 0; i < ARRAY_LENGTH(around); i++) {
		evtx_make_element(make, around[i], false, 0);
		evtx_make_start_end(make);
	}
	evtx_make_units(make, odd->units, odd->count);
	for (size_t i = 0; i < ARRAY_LENGTH(around); i++)
		evtx_make_element_end(make);
}

/* As the one value of a template. */
static void template_record(struct evtx_make *make, const struct odd *odd, size_t *offset)
{
	uint8_t bytes[2 * UNITS_MOST];
	for (size_t j = 0; j < odd->count; j++) {
		bytes[2 * j] = (uint8_t)odd->units[j];
		bytes[2 * j + 1] = (uint8_t)(odd->units[j] >> 8);
	}
	if (evtx_make_instance(make, 0x11111111, offset)) {
		evtx_make_element(make, "Event", false, EVTX_MAKE_NO_DEPENDENCY);
		evtx_make_start_end(make);
		evtx_make_element(make, "EventData", false, EVTX_MAKE_NO_DEPENDENCY);
		evtx_make_start_end(make);
		element(make, "Data", 0);
		evtx_make_element_end(make);
		evtx_make_element_end(make);
		evtx_make_definition_end(make);
	}
	evtx_make_values(make, &(struct evtx_make_value){0x01, bytes, 2 * odd->count}, 1);
}

/* Each odd text in two records. */
static void evtx_log(struct buffer *log)
{
	static struct evtx_make make;
	size_t offset = 0;
	evtx_make_init(&make);
	evtx_make_chunk(&make);
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(odds); i++) {
		evtx_make_record(&make, 1 + i, UINT64_C(131000000000000000));
		evtx_make_fragment(&make);
		if (i % 2 == 0)
			template_record(&make, &odds[i / 2], &offset);
		else
			bare_record(&make, &odds[i / 2]);
		evtx_make_record_end(&make);
	}
	evtx_make_end(&make, 0);
	buffer_init(log, 1 << 20);
	buffer_add(log, make.file.data, make.file.length);
	evtx_make_done(&make);
}

/* The pieces come one after the other, twice each, behind the names of the columns. */
static void pieces_check(const struct buffer *text, const char *before, const char *(*piece)(const struct odd *), const char *after, const char *what)
{
	const char *at = buffer_text(text), *end = at + text->length;
	bool head = *at != '{' && *at != '<';
	at = head ? strstr(at, "Strings") : at;
	cr_expect_eq(memchr(buffer_text(text), '\0', text->length), NULL, "%s: a NUL", what);
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(odds); i++) {
		char expected[256];
		int length = snprintf(expected, sizeof(expected), "%s%s%s", before, piece(&odds[i / 2]), after);
		const char *found = at < end ? strstr(at, expected) : NULL;
		cr_assert(found != NULL, "%s: record %zu: %s is not in %.700s", what, i + 1, expected, at);
		at = found + length;
	}
}

#define PIECE(member) static const char *member##_of(const struct odd *odd) { return odd->member; }
PIECE(event_json)
PIECE(event_xml)
PIECE(w3c)
PIECE(escaped)
PIECE(compat)
PIECE(csv)
PIECE(tsv)
PIECE(json)
PIECE(xml)
PIECE(nat)

Test(text, odd_texts_in_each_format)
{
	static const struct {
		const char *what;
		struct log_writing writing;
		const char *(*piece)(const struct odd *);
		const char *before, *after;
	} forms[] = {
		{"events as JSON", {.type = &json_writer, .whole = true}, event_json_of, "\"EventData\":{\"Data\":", "}"},
		{"events as XML", {.type = &xml_writer, .whole = true}, event_xml_of, "<Data>", "</Data>"},
		{"W3C", {.type = &w3c_writer, .layout = LAYOUT_EVENTLOG}, w3c_of, " ", " "},
		{"W3C --escape", {.type = &w3c_writer, .layout = LAYOUT_EVENTLOG, .options.escape = true}, escaped_of, " ", " "},
		{"W3C --logparser-compat", {.type = &w3c_writer, .layout = LAYOUT_EVENTLOG, .options.logparser_compat = true}, compat_of, " ", " "},
		{"CSV", {.type = &csv_writer, .layout = LAYOUT_EVENTLOG}, csv_of, ",", ","},
		{"TSV", {.type = &tsv_writer, .layout = LAYOUT_EVENTLOG}, tsv_of, "\t", "\t"},
		{"JSON", {.type = &json_writer, .layout = LAYOUT_EVENTLOG}, json_of, "\"Strings\":", ","},
		{"XML", {.type = &xml_writer, .layout = LAYOUT_EVENTLOG}, xml_of, "<Field Name=\"Strings\">", "</Field>"},
		{"NAT", {.type = &nat_writer, .layout = LAYOUT_EVENTLOG}, nat_of, "  ", " "},
	};
	struct buffer log;
	evtx_log(&log);
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++) {
		struct log_writing writing = forms[i].writing;
		struct buffer text;
		log_write(buffer_text(&log), log.length, &writing, &text);
		cr_expect(writing.events == 2 * ARRAY_LENGTH(odds) && writing.lost == 0, "%s: %zu events", forms[i].what, writing.events);
		pieces_check(&text, forms[i].before, forms[i].piece, forms[i].after, forms[i].what);
		buffer_done(&text);
	}
	buffer_done(&log);
}

/* A string of .evt ends at its NUL; half a surrogate, controls and U+FFFE are in it as in the other. */
Test(text, odd_texts_of_evt)
{
	static const char *const strings[] = {"aXYZb", ""};
	static const uint16_t odd[] = {0xd800, 0x1b, 0xfffe};
	static struct evt_make make;
	evt_make_init(&make, 1024, 1);
	evt_make_add(&make, &(struct evt_make_record){.time = 1063360000, .written = 1063360000, .id = 1, .type = 4, .source = "S", .computer = "C", .strings = strings,
						      .string_count = 2});
	evt_make_end(&make, false);
	uint8_t *at = memmem(make.bytes, make.size, "a\0X\0Y\0Z\0b\0", 10);
	cr_assert(at != NULL);
	for (size_t i = 0; i < ARRAY_LENGTH(odd); i++) {
		at[2 + 2 * i] = (uint8_t)odd[i];
		at[3 + 2 * i] = (uint8_t)(odd[i] >> 8);
	}
	struct log_writing whole = {.type = &json_writer, .whole = true}, rows = {.type = &tsv_writer, .layout = LAYOUT_EVENTLOG};
	struct buffer text;
	log_write(make.bytes, make.size, &whole, &text);
	cr_expect(strstr(buffer_text(&text), "[\"a\\ud800\\u001b\xef\xbf\xbe" "b\",\"\"]") != NULL, "%s", buffer_text(&text));
	buffer_done(&text);
	log_write(make.bytes, make.size, &rows, &text);
	cr_expect(strstr(buffer_text(&text), "\ta" BAD "\\u001b\xef\xbf\xbe" "b|\t") != NULL, "%s", buffer_text(&text));
	buffer_done(&text);
	evt_make_done(&make);
}

/* The log beside the project, made by another program: eight records. */
Test(text, synthetic_oddities)
{
	static const struct {
		const char *json, *w3c, *csv, *tsv, *xml;
	} rows[] = {
		{"\"lone \\ud800 surrogate\"", "\"lone " BAD " surrogate\"", "lone " BAD " surrogate", "lone " BAD " surrogate", "lone " BAD " surrogate"},
		{"\"nul \\u0000 inside\"", "\"nul " BAD " inside\"", "nul " BAD " inside", "nul " BAD " inside", "nul " BAD " inside"},
		{"\"ctl \\u0001\\u001b tab\\t crlf\\r\\n end\"", "\"ctl   tab  crlf  end\"", "\"ctl " BAD BAD " tab\t crlf\r\n end\"", "ctl \\u0001\\u001b tab\\t crlf\\r\\n end",
		 "ctl " BAD BAD " tab\t crlf&#13;\n end"},
		{"\"\"", "\"\"", "\"\"", "", ""},
		{"\"-\"", "\"-\"", "-", "-", "-"},
		{"\"\\\"q\\\" <&> '\"", "\"\"\"q\"\" <&> '\"", "\"\"\"q\"\" <&> '\"", "\"q\" <&> '", "&quot;q&quot; &lt;&amp;&gt; '"},
		{"\"\xc3\xa4\xe4\xb8\xad" GRIN "\"", "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN, "\xc3\xa4\xe4\xb8\xad" GRIN},
		{"\"#hash first\"", "\"#hash first\"", "#hash first", "#hash first", "#hash first"},
	};
	static char bytes[1 << 20];
	FILE *file = fopen(CORDON_DATA "/evtx-synthetic/text-oddities.evtx", "rb");
	if (file == NULL)
		cr_skip_test("SKIPPED: there is no " CORDON_DATA "/evtx-synthetic/text-oddities.evtx");
	size_t length = fread(bytes, 1, sizeof(bytes), file);
	(void)fclose(file);
	struct log_writing writings[] = {
		{.type = &json_writer, .whole = true}, {.type = &w3c_writer, .layout = LAYOUT_EVENTLOG}, {.type = &csv_writer, .layout = LAYOUT_EVENTLOG},
		{.type = &tsv_writer, .layout = LAYOUT_EVENTLOG}, {.type = &xml_writer, .whole = true},
	};
	static const char *const around[][2] = {
		{"\"EventData\":{\"Policy\":", "}"}, {"Microsoft-Windows-Security-Auditing ", " WEB01 "}, {"Microsoft-Windows-Security-Auditing,", ",WEB01,"},
		{"Microsoft-Windows-Security-Auditing\t", "\tWEB01\t"}, {"<Data Name=\"Policy\">", "</Data>"},
	};
	for (size_t form = 0; form < ARRAY_LENGTH(writings); form++) {
		struct buffer text;
		log_write(bytes, length, &writings[form], &text);
		cr_expect_eq(writings[form].events, ARRAY_LENGTH(rows), "form %zu", form);
		const char *at = buffer_text(&text);
		for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
			const char *const pieces[] = {rows[i].json, rows[i].w3c, rows[i].csv, rows[i].tsv, rows[i].xml};
			char expected[256];
			(void)snprintf(expected, sizeof(expected), "%s%s%s", around[form][0], pieces[form], around[form][1]);
			const char *found = strstr(at, expected);
			cr_assert(found != NULL, "form %zu: %s is not in %.400s", form, expected, at);
			at = found + strlen(expected);
		}
		buffer_done(&text);
	}
}
