/* CSV as RFC 4180 has it, and TSV with \t, \n, \r and \\ escaped.  RFC 4180 has no controls but the line's end: others
 * become U+FFFD there (a NUL would end the value for half of those who read it), and \uXXXX in TSV.  So does what is not
 * UTF-8 become U+FFFD. */
#include "core/base/utf8.h"
#include "logparse/writer/writer.h"

static const char replacement[] = "\xef\xbf\xbd";

/* The first character of a text that is not empty, as it may stand in UTF-8. */
static struct cursor character_take(struct cursor *text)
{
	size_t length = utf8_length(text->at, cursor_left(text));
	struct cursor character = {text->at, text->at + length};
	text->at += length > 0 ? length : 1;
	return length > 0 ? character : cursor_text(replacement);
}

/* C0, DEL, C1. */
static bool is_control(struct cursor character, unsigned *ret_number)
{
	unsigned char first = (unsigned char)*character.at;
	bool c1 = first == 0xc2 && (unsigned char)character.at[1] < 0xa0;
	*ret_number = c1 ? (unsigned char)character.at[1] : first;
	return c1 || first < ' ' || first == 0x7f;
}

/* Nearly all texts: ASCII of which nothing is special in either format, blanks only within. */
static bool is_plain(struct cursor text)
{
	if (text.at == text.end || *text.at == ' ' || text.end[-1] == ' ')
		return false;
	while (text.at < text.end && *text.at >= ' ' && *text.at < 0x7f && *text.at != '"' && *text.at != ',' && *text.at != '\\')
		text.at++;
	return text.at == text.end;
}

static void csv_text(struct cursor text, struct buffer *output)
{
	if (is_plain(text)) {
		buffer_add(output, text.at, cursor_left(&text));
		return;
	}
	bool quoted = cursor_left(&text) == 0 || ascii_blank(*text.at) || ascii_blank(text.end[-1]);
	for (const char *at = text.at; at < text.end && !quoted; at++)
		quoted = *at == ',' || *at == '"' || *at == '\r' || *at == '\n' || *at == '\t';
	if (quoted)
		buffer_add_char(output, '"');
	while (text.at < text.end) {
		unsigned number;
		struct cursor character = character_take(&text);
		if (is_control(character, &number) && number != '\t' && number != '\r' && number != '\n')
			character = cursor_text(replacement);
		else if (number == '"')
			buffer_add_char(output, '"');
		buffer_add(output, character.at, cursor_left(&character));
	}
	if (quoted)
		buffer_add_char(output, '"');
}

static void csv_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	writer->columns = *columns;
	for (size_t i = 0; i < columns->count; i++) {
		if (i > 0)
			buffer_add_char(output, ',');
		csv_text(cursor_text(columns->names[i]), output);
	}
	buffer_add_text(output, "\r\n");
}

/* NULL is nothing, empty text is "". */
static void csv_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	for (size_t i = 0; i < writer->columns.count; i++) {
		if (i > 0)
			buffer_add_char(output, ',');
		if (cells[i].kind == CELL_TEXT)
			csv_text(cells[i].text, output);
		else
			cell_print(&cells[i], output);
	}
	buffer_add_text(output, "\r\n");
	writer->rows++;
}

static void tsv_text(struct cursor text, struct buffer *output)
{
	if (is_plain(text)) {
		buffer_add(output, text.at, cursor_left(&text));
		return;
	}
	while (text.at < text.end) {
		unsigned number;
		struct cursor character = character_take(&text);
		bool control = is_control(character, &number);
		const char *escape = number == '\t' ? "\\t" : number == '\n' ? "\\n" : number == '\r' ? "\\r" : number == '\\' ? "\\\\" : NULL;
		if (escape != NULL)
			buffer_add(output, escape, 2);
		else if (control)
			buffer_printf(output, "\\u%04x", number);
		else
			buffer_add(output, character.at, cursor_left(&character));
	}
}

static void tsv_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	writer->columns = *columns;
	for (size_t i = 0; i < columns->count; i++) {
		if (i > 0)
			buffer_add_char(output, '\t');
		tsv_text(cursor_text(columns->names[i]), output);
	}
	buffer_add_char(output, '\n');
}

/* NULL and empty text are both nothing. */
static void tsv_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	for (size_t i = 0; i < writer->columns.count; i++) {
		if (i > 0)
			buffer_add_char(output, '\t');
		if (cells[i].kind == CELL_TEXT)
			tsv_text(cells[i].text, output);
		else
			cell_print(&cells[i], output);
	}
	buffer_add_char(output, '\n');
	writer->rows++;
}

static void nothing_end(struct writer *writer, struct buffer *output)
{
	(void)writer, (void)output;
}

const struct writer_type csv_writer = {.name = "CSV", .begin = csv_begin, .row = csv_row, .end = nothing_end};
const struct writer_type tsv_writer = {.name = "TSV", .begin = tsv_begin, .row = tsv_row, .end = nothing_end};
