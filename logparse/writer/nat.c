/* A table for the terminal.  The widths of its columns are those of the first rows; what is wider later is wider. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "logparse/writer/writer.h"

enum { LOOKED_AT = 200, COLUMNS_MOST = 256, WIDTH_MOST = 60, HELD_MOST = 4 << 20 };

struct table {
	size_t width[COLUMNS_MOST];
	bool right[COLUMNS_MOST]; /* numbers */
	struct buffer held;       /* rows not yet written: each cell as it is shown, where no NUL is, and a NUL */
	size_t count;             /* of them */
	bool begun;
};

/* Of East Asian scripts and pictures, which take two places; combining marks take none. */
static size_t point_width(uint32_t point)
{
	static const struct { uint32_t first, last; size_t width; } ranges[] = {
		{0x300, 0x36f, 0}, {0x1100, 0x115f, 2}, {0x20d0, 0x20ff, 0}, {0x2e80, 0x303e, 2}, {0x3041, 0xa4cf, 2}, {0xac00, 0xd7a3, 2},
		{0xf900, 0xfaff, 2}, {0xfe00, 0xfe0f, 0}, {0xfe20, 0xfe2f, 0}, {0xfe30, 0xfe6f, 2}, {0xff00, 0xff60, 2}, {0xffe0, 0xffe6, 2},
		{0x1f300, 0x1f64f, 2}, {0x1f900, 0x1f9ff, 2}, {0x20000, 0x3fffd, 2},
	};
	for (size_t i = 0; point >= ranges[0].first && i < sizeof(ranges) / sizeof(ranges[0]); i++)
		if (point >= ranges[i].first && point <= ranges[i].last)
			return ranges[i].width;
	return 1;
}

/* The next character as it is shown (U+FFFD for what cannot be), and how many places it takes. */
static struct cursor shown_take(struct cursor *text, size_t *ret_width)
{
	size_t length = utf8_length(text->at, cursor_left(text));
	struct cursor character = {text->at, text->at + length};
	uint32_t point = length > 0 ? utf8_point(text->at, length) : 0;
	text->at += length > 0 ? length : 1;
	bool bad = length == 0 || utf8_is_hidden(point);
	*ret_width = bad ? 1 : point_width(point);
	return bad ? cursor_text("\xef\xbf\xbd") : character;
}

static size_t text_width(struct cursor text)
{
	size_t width = 0, one;
	for (; text.at < text.end; width += one)
		(void)shown_take(&text, &one);
	return width;
}

static void text_add(struct cursor text, struct buffer *output)
{
	size_t width;
	while (text.at < text.end) {
		struct cursor character = shown_take(&text, &width);
		buffer_add(output, character.at, cursor_left(&character));
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
		size_t length = strlen(cells), width = text_width(cursor_of(cells, length)), room = table->width[i];
		if (i > 0)
			buffer_add_text(output, "  ");
		if (table->right[i])
			pad(room > width ? room - width : 0, output);
		buffer_add(output, cells, length);
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
		const struct cursor name = cursor_text(writer->columns.names[i]);
		size_t width = text_width(name);
		if (i > 0)
			buffer_add_text(output, "  ");
		if (table->right[i])
			pad(table->width[i] - width, output);
		text_add(name, output);
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
		table->width[i] = text_width(cursor_text(columns->names[i]));
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
		else if (cells[i].kind == CELL_TEXT)
			text_add(cells[i].text, &table->held);
		else
			cell_print(&cells[i], &table->held);
		size_t width = text_width(cursor_of(buffer_text(&table->held) + before, table->held.length - before));
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
