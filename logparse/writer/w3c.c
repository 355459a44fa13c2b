/* W3C extended log text (logs.md 3.2, 3.3).  As Log Parser writes it (logparser_compat) nothing is quoted, so a value with
 * a blank cannot be told from two: by default values are quoted. */
#include "core/record/w3c.h"

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
		/* A name is one word. */
		for (const char *c = columns->names[i]; *c != '\0'; c++)
			buffer_add_char(output, (unsigned char)*c <= ' ' || *c == '"' ? '_' : *c);
	}
	buffer_add_text(output, end);
}

/* As it is, but on one line. */
static void raw_add(struct cursor text, struct buffer *output)
{
	for (const char *at = text.at; at < text.end; at++)
		buffer_add_char(output, (unsigned char)*at < ' ' ? ' ' : *at);
}

static void w3c_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
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
			w3c_text(cell->text.at != NULL ? cell->text : cursor_text(""), writer->options.ascii ? W3C_ASCII : 0, output);
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
