/* XML, read back with expat: rows, and events of each sample. */
#include <criterion/criterion.h>
#include <expat.h>
#include <string.h>

#include "tests/unit/logparse/log_samples.h"
#include "tests/unit/writer/fixture.h"

struct reading {
	struct buffer names, texts; /* each with a NUL; NULs in them cannot be */
	size_t rows, events, fields, depth;
};

static void XMLCALL begin(void *context, const char *element, const char **attributes)
{
	struct reading *reading = context;
	reading->depth++;
	reading->rows += strcmp(element, "Row") == 0;
	reading->events += reading->depth == 2;
	if (strcmp(element, "Field") != 0)
		return;
	reading->fields++;
	cr_assert(strcmp(attributes[0], "Name") == 0 && attributes[2] == NULL);
	buffer_add(&reading->names, attributes[1], strlen(attributes[1]) + 1);
}

static void XMLCALL end(void *context, const char *element)
{
	struct reading *reading = context;
	reading->depth--;
	if (strcmp(element, "Field") == 0)
		buffer_add_char(&reading->texts, '\0');
}

static void XMLCALL text(void *context, const char *at, int length)
{
	struct reading *reading = context;
	if (reading->depth == 3)
		buffer_add(&reading->texts, at, (size_t)length);
}

static void xml_read(const struct buffer *xml, struct reading *reading)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	*reading = (struct reading){.rows = 0};
	buffer_init(&reading->names, WRITTEN_MOST);
	buffer_init(&reading->texts, WRITTEN_MOST);
	XML_SetUserData(parser, reading);
	XML_SetElementHandler(parser, begin, end);
	XML_SetCharacterDataHandler(parser, text);
	bool good = XML_Parse(parser, buffer_text(xml), (int)xml->length, 1) == XML_STATUS_OK;
	cr_expect(good, "line %lu: %s", (unsigned long)XML_GetCurrentLineNumber(parser), XML_ErrorString(XML_GetErrorCode(parser)));
	XML_ParserFree(parser);
}

static void reading_done(struct reading *reading)
{
	buffer_done(&reading->names);
	buffer_done(&reading->texts);
}

#define BAD "\xef\xbf\xbd"
static const struct {
	const char *text;
	size_t length;
	const char *back;  /* NULL: the text */
} texts[] = {
#define ROW(text, back) {text, sizeof(text) - 1, back}
	ROW("plain", NULL), ROW("", NULL), ROW("-", NULL), ROW("<a b=\"c\">&amp;'</a>", NULL), ROW("]]>", NULL), ROW("a\r\nb\rc\td ", NULL),
	ROW("a\0b", "a" BAD "b"), ROW("\x1b\x01", BAD BAD), ROW("\x7f", NULL), ROW("\xc2\x9b", NULL), ROW("\xff", BAD), ROW("\xed\xa0\x80", BAD BAD BAD),
	ROW("\xef\xbf\xbe\xef\xbf\xbf", BAD BAD), ROW("\xf0\x9f\x98\x80\xc3\xa4", NULL), ROW("\xf4\x8f\xbf\xbf", NULL),
};

Test(xml, each_text_is_read_back)
{
	static const char *const names[] = {"a", "q\"<\n\t>&'", "n", "z"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		const struct cell cells[] = {cell_bytes(texts[i].text, texts[i].length), cell_text("x"), cell_null, cell_unsigned(UINT64_MAX)};
		struct reading reading;
		struct buffer xml;
		rows_write(&xml_writer, NULL, names, 4, cells, 1, &xml);
		xml_read(&xml, &reading);
		cr_expect(reading.rows == 1 && reading.fields == 3, "text %zu: NULL is no field", i);
		const char *name = buffer_text(&reading.names), *value = buffer_text(&reading.texts);
		cr_expect(strcmp(name, "a") == 0 && strcmp(name + 2, names[1]) == 0, "text %zu: %s", i, name + 2);
		cr_expect_str_eq(value, texts[i].back != NULL ? texts[i].back : texts[i].text, "text %zu: %s", i, value);
		value += strlen(value) + 1;
		cr_expect(strcmp(value, "x") == 0 && strcmp(value + 2, "18446744073709551615") == 0, "text %zu", i);
		reading_done(&reading);
		buffer_done(&xml);
	}
}

Test(xml, no_rows_are_a_document_too)
{
	struct reading reading;
	struct buffer xml;
	rows_write(&xml_writer, NULL, NULL, 0, NULL, 0, &xml);
	xml_read(&xml, &reading);
	cr_expect_eq(reading.events, 0);
	reading_done(&reading);
	buffer_done(&xml);
}

/* Every event, and every row of a layout, of each sample. */
Test(xml, samples_are_documents)
{
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++) {
		struct log_writing whole = {.type = &xml_writer, .whole = true}, rows = {.type = &xml_writer, .layout = LAYOUT_EVENTLOG};
		struct reading reading;
		struct buffer bytes, xml;
		buffer_init(&bytes, LOG_SAMPLE_MOST);
		sample->make(0, &bytes);
		log_write(buffer_text(&bytes), bytes.length, &whole, &xml);
		xml_read(&xml, &reading);
		cr_expect(whole.events >= sample->least && reading.events == whole.events, "%s: %zu of %zu events", sample->name, reading.events, whole.events);
		reading_done(&reading);
		buffer_done(&xml);
		log_write(buffer_text(&bytes), bytes.length, &rows, &xml);
		xml_read(&xml, &reading);
		cr_expect(reading.rows == rows.events, "%s: %zu of %zu rows", sample->name, reading.rows, rows.events);
		reading_done(&reading);
		buffer_done(&xml);
		buffer_done(&bytes);
	}
}
