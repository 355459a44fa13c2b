/* A table for the terminal.  The widths of its columns are those of the first rows; what is wider later is wider. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "logparse/writer/writer.h"

enum { LOOKED_AT = 200, COLUMNS_MOST = 256, WIDTH_MOST = 60, HELD_MOST = 4 << 20 };

struct table {
	size_t width[COLUMNS_MOST];
	bool right[COLUMNS_MOST]; /* numbers */
	struct buffer held;       /* rows not yet written: each cell ends in a NUL */
	size_t count;             /* of them */
	bool begun;
};

/* Characters, not bytes; what is no UTF-8 and what is a control counts and shows as one. */
static size_t text_width(const char *text, size_t length)
{
	size_t width = 0;
	while (length > 0) {
		size_t size = utf8_length(text, length);
		size = size > 0 ? size : 1;
		text += size;
		length -= size;
		width++;
	}
	return width;
}

static void text_add(const char *text, size_t length, struct buffer *output)
{
	while (length > 0) {
		size_t size = utf8_length(text, length);
		bool bad = size == 0 || (unsigned char)*text < ' ' || *text == 0x7f || (size == 2 && (unsigned char)*text == 0xc2 && (unsigned char)text[1] < 0xa0);
		size = size > 0 ? size : 1;
		if (bad)
			buffer_add(output, "\xef\xbf\xbd", 3);
		else
			buffer_add(output, text, size);
		text += size;
		length -= size;
	}
}

static void pad(size_t count, struct buffer *output)
{
	while (count-- > 0)
		buffer_add_char(output, ' ');
}

static void line_add(const struct writer *writer, const struct table *table, const char *cells, struct buffer *output)
{
	for (size_t i = 0; i < writer->columns.count; i++) {
		size_t length = strlen(cells), width = text_width(cells, length), room = table->width[i];
		if (i > 0)
			buffer_add_text(output, "  ");
		if (table->right[i])
			pad(room > width ? room - width : 0, output);
		text_add(cells, length, output);
		if (!table->right[i] && i + 1 < writer->columns.count)
			pad(room > width ? room - width : 0, output);
		cells += length + 1;
	}
	buffer_add_char(output, '\n');
}

static void head_add(const struct writer *writer, const struct table *table, struct buffer *output)
{
	buffer_add_text(output, writer->options.color ? "\x1b[1m" : "");
	for (size_t i = 0; i < writer->columns.count; i++) {
		size_t width = text_width(writer->columns.names[i], strlen(writer->columns.names[i]));
		if (i > 0)
			buffer_add_text(output, "  ");
		if (table->right[i])
			pad(table->width[i] - width, output);
		text_add(writer->columns.names[i], strlen(writer->columns.names[i]), output);
		if (!table->right[i] && i + 1 < writer->columns.count)
			pad(table->width[i] - width, output);
	}
	buffer_add_text(output, writer->options.color ? "\x1b[0m\n" : "\n");
	for (size_t i = 0; i < writer->columns.count; i++) {
		if (i > 0)
			buffer_add_text(output, "  ");
		for (size_t j = 0; j < table->width[i]; j++)
			buffer_add_char(output, '-');
	}
	buffer_add_char(output, '\n');
}

static void held_write(struct writer *writer, struct table *table, struct buffer *output)
{
	const char *cells = buffer_text(&table->held);
	if (!table->begun)
		head_add(writer, table, output);
	table->begun = true;
	for (size_t row = 0; row < table->count; row++) {
		line_add(writer, table, cells, output);
		for (size_t i = 0; i < writer->columns.count; i++)
			cells += strlen(cells) + 1;
	}
	buffer_clear(&table->held);
	table->count = 0;
}

static void nat_begin(struct writer *writer, const struct columns *columns, struct buffer *output)
{
	struct table *table = memory_alloc(sizeof(*table));
	*table = (struct table){.count = 0};
	(void)output;
	buffer_init(&table->held, HELD_MOST);
	writer->columns = *columns;
	if (writer->columns.count > COLUMNS_MOST)
		writer->columns.count = COLUMNS_MOST;
	writer->own = table;
	for (size_t i = 0; i < writer->columns.count; i++) {
		table->width[i] = text_width(columns->names[i], strlen(columns->names[i]));
		table->right[i] = true;
	}
}

static void nat_row(struct writer *writer, const struct cell *cells, struct buffer *output)
{
	struct table *table = writer->own;
	for (size_t i = 0; i < writer->columns.count; i++) {
		size_t before = table->held.length;
		if (cells[i].kind == CELL_NULL)
			buffer_add_char(&table->held, '-');
		else
			cell_print(&cells[i], &table->held);
		/* A NUL in a text would end the cell. */
		for (size_t j = before; j < table->held.length; j++)
			if (table->held.data[j] == '\0')
				table->held.data[j] = ' ';
		size_t width = text_width(buffer_text(&table->held) + before, table->held.length - before);
		if (!table->begun) {
			width = width < WIDTH_MOST ? width : WIDTH_MOST;
			table->width[i] = width > table->width[i] ? width : table->width[i];
			table->right[i] &= cells[i].kind != CELL_TEXT && cells[i].kind != CELL_TIME;
		}
		buffer_add_char(&table->held, '\0');
	}
	table->count++;
	writer->rows++;
	if (table->begun || writer->options.live || table->count == LOOKED_AT || table->held.length > HELD_MOST / 2)
		held_write(writer, table, output);
}

static void nat_end(struct writer *writer, struct buffer *output)
{
	struct table *table = writer->own;
	if (table == NULL)
		return;
	held_write(writer, table, output);
	buffer_done(&table->held);
	free(table);
	writer->own = NULL;
}

const struct writer_type nat_writer = {.name = "NAT", .begin = nat_begin, .row = nat_row, .end = nat_end};
