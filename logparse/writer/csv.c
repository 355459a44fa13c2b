/* CSV as RFC 4180 has it, and TSV with \t, \n, \r and \\ escaped. */
#include "logparse/writer/writer.h"

static void csv_text(struct cursor text, struct buffer *output)
{
	bool quoted = cursor_left(&text) == 0;
	for (const char *at = text.at; at < text.end && !quoted; at++)
		quoted = *at == ',' || *at == '"' || *at == '\r' || *at == '\n' || ((at == text.at || at == text.end - 1) && ascii_blank(*at));
	if (!quoted) {
		buffer_add(output, text.at, cursor_left(&text));
		return;
	}
	buffer_add_char(output, '"');
	for (const char *at = text.at; at < text.end; at++) {
		if (*at == '"')
			buffer_add_char(output, '"');
		buffer_add_char(output, *at);
	}
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
	for (const char *at = text.at; at < text.end; at++) {
		const char *escape = *at == '\t' ? "\\t" : *at == '\n' ? "\\n" : *at == '\r' ? "\\r" : *at == '\\' ? "\\\\" : NULL;
		if (escape != NULL)
			buffer_add(output, escape, 2);
		else
			buffer_add_char(output, *at);
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
