#include "logparse/writer/writer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct writer_type *const writers[] = {
	&w3c_writer, &csv_writer, &tsv_writer, &json_writer, &xml_writer, &nat_writer, NULL,
};

const struct writer_type *writer_named(const char *name)
{
	for (size_t i = 0; writers[i] != NULL; i++)
		if (ascii_equal(writers[i]->name, name))
			return writers[i];
	return NULL;
}

void cell_time(uint64_t time, char separator, struct buffer *buffer)
{
	const struct record record = {.has = RECORD_HAS(COLUMN_DATE), .time = time};
	char text[RECORD_VALUE];
	buffer_add(buffer, text, record_value(&record, COLUMN_DATE, text));
	buffer_add_char(buffer, separator);
	buffer_add(buffer, text, record_value(&record, COLUMN_TIME, text));
}

/* The fewest digits that are this number and no other. */
static void real_print(double real, struct buffer *buffer)
{
	char text[40];
	for (int digits = 15; digits <= 17; digits++) {
		(void)snprintf(text, sizeof(text), "%.*g", digits, real);
		if (strtod(text, NULL) == real)
			break;
	}
	buffer_add_text(buffer, text);
}

void cell_print(const struct cell *cell, struct buffer *buffer)
{
	switch (cell->kind) {
	case CELL_NULL: break;
	case CELL_INTEGER:
		if (cell->integer < 0)
			buffer_add_char(buffer, '-');
		buffer_add_number(buffer, cell->integer < 0 ? 0 - (uint64_t)cell->integer : (uint64_t)cell->integer);
		break;
	case CELL_UNSIGNED: buffer_add_number(buffer, (uint64_t)cell->integer); break;
	case CELL_REAL: real_print(cell->real, buffer); break;
	case CELL_TIME: cell_time(cell->time, ' ', buffer); break;
	case CELL_TEXT: buffer_add(buffer, cell->text.at, cursor_left(&cell->text)); break;
	}
}
