/* W3C extended log text (logs.md 3.2, 3.3).  As Log Parser writes it (logparser_compat) nothing is quoted, so a value with
 * a blank cannot be told from two: by default values are quoted. */
#include "core/record/w3c.h"

#include "core/base/utf8.h"
#include "logparse/writer/writer.h"

static const char *line_end(const struct writer *writer)
{
	return writer->options.logparser_compat ? "\r\n" : "\n";
}

static void w3c_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	const char *end = line_end(writer);
	writer->columns = *columns;
	buffer_printf(output, "#Software: %s%s#Version: 1.0%s#Date: ", writer->options.software != NULL ? writer->options.software
		      : writer->options.logparser_compat ? "Microsoft Log Parser" : "Cordon " CORDON_VERSION, end, end);
	cell_time(writer->options.date, ' ', output);
	buffer_printf(output, "%s#Fields:", end);
	for (size_t i = 0; i < columns->count; i++) {
		buffer_add_char(output, ' ');
		/* A name is one word, whatever it is. */
		for (const char *c = columns->names[i]; *c != '\0'; c++)
			buffer_add_char(output, (unsigned char)*c <= ' ' || *c == 0x7f || *c == '"' ? '_' : *c);
		buffer_add_text(output, columns->names[i][0] == '\0' ? "_" : "");
	}
	buffer_add_text(output, end);
}

/* As it is, but on one line, and nothing that a terminal would obey. */
static void raw_add(struct cursor text, struct buffer *output)
{
	while (text.at < text.end) {
		unsigned char first = (unsigned char)*text.at;
		size_t length = first < 0x80 ? 1 : utf8_length(text.at, cursor_left(&text));
		if (first < ' ' || first == 0x7f || (length == 2 && first == 0xc2 && (unsigned char)text.at[1] < 0xa0))
			buffer_add_char(output, ' ');
		else
			buffer_add(output, length > 0 ? text.at : "\xef\xbf\xbd", length > 0 ? length : 3);
		text.at += length > 0 ? length : 1;
	}
}

static void w3c_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	unsigned flags = (writer->options.ascii ? W3C_ASCII : 0) | (writer->options.escape ? W3C_ESCAPE : 0);
	for (size_t i = 0; i < writer->columns.count; i++) {
		const struct cell *cell = &cells[i];
		if (i > 0)
			buffer_add_char(output, ' ');
		if (cell->kind == CELL_NULL) {
			buffer_add_char(output, '-');
		} else if (writer->options.logparser_compat) {
			if (cell->kind == CELL_TEXT)
				raw_add(cell->text, output);
			else
				cell_print(cell, output);
		} else if (cell->kind == CELL_TIME) {
			buffer_add_char(output, '"');
			cell_print(cell, output);
			buffer_add_char(output, '"');
		} else if (cell->kind == CELL_TEXT) {
			w3c_text(cell->text.at != NULL ? cell->text : cursor_text(""), flags, output);
		} else {
			cell_print(cell, output);
		}
	}
	buffer_add_text(output, line_end(writer));
	writer->rows++;
}

static void w3c_end(struct writer *writer, struct buffer *output)
{
	(void)writer, (void)output;
}

const struct writer_type w3c_writer = {.name = "W3C", .begin = w3c_begin, .row = w3c_row, .end = w3c_end};
