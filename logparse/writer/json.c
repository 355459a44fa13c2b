/* One JSON object a line: of an event with every field that it has, of a row with its columns. */
#include <math.h>

#include "logparse/text.h"
#include "logparse/writer/writer.h"

static void json_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	(void)output;
	writer->columns = *columns;
}

static void json_cell(const struct cell *cell, struct buffer *output)
{
	bool number = cell->kind == CELL_INTEGER || cell->kind == CELL_UNSIGNED || (cell->kind == CELL_REAL && isfinite(cell->real));
	if (cell->kind == CELL_NULL || (cell->kind == CELL_REAL && !number)) {
		buffer_add_text(output, "null");
	} else if (number) {
		cell_print(cell, output);
	} else if (cell->kind == CELL_TIME) {
		buffer_add_char(output, '"');
		cell_time(cell->time, 'T', output);
		buffer_add_text(output, "Z\"");
	} else {
		buffer_add_char(output, '"');
		buffer_add_json(output, cell->text.at, cursor_left(&cell->text));
		buffer_add_char(output, '"');
	}
}

static void json_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	for (size_t i = 0; i < writer->columns.count; i++) {
		buffer_add_text(output, i > 0 ? ",\"" : "{\"");
		buffer_add_json(output, writer->columns.names[i], strlen(writer->columns.names[i]));
		buffer_add_text(output, "\":");
		json_cell(&cells[i], output);
	}
	buffer_add_text(output, "}\n");
	writer->rows++;
}

static void json_event(struct writer *writer, const struct event *event, struct buffer *output)
{
	event->kind->json(event, output);
	/* Logs whose lines have columns say it by theirs. */
	if (event->recovered && event->kind->record == NULL && output->length > 0 && output->data[output->length - 1] == '}') {
		output->length--;
		buffer_add_text(output, ",\"x-recovered\":\"yes\"}");
	}
	buffer_add_char(output, '\n');
	writer->rows++;
}

static void json_end(struct writer *writer, struct buffer *output)
{
	(void)writer, (void)output;
}

const struct writer_type json_writer = {.name = "JSON", .begin = json_begin, .row = json_row, .event = json_event, .end = json_end};
