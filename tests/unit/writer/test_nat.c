/* The table for the terminal. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/unit/writer/fixture.h"

static const char *const names[] = {"name", "n", "when"};

Test(nat, columns_are_as_wide_as_their_widest)
{
	const struct cell cells[] = {
		cell_text("a"), cell_unsigned(1), cell_moment(UINT64_C(131000000000000000)),
		cell_text("longer name"), cell_unsigned(UINT64_MAX), cell_null,
		cell_text(""), cell_null, cell_null,
	};
	struct buffer text;
	rows_write(&nat_writer, NULL, names, 3, cells, 3, &text);
	cr_expect_str_eq(buffer_text(&text), "name                            n  when\n"
					     "-----------  --------------------  -------------------\n"
					     "a                               1  2016-02-15 08:53:20\n"
					     "longer name  18446744073709551615  -\n"
					     "                                -  -\n", "%s", buffer_text(&text));
	buffer_done(&text);
}

/* What a terminal would obey, or what would make a name look like another, is a sign of its own. */
Test(nat, odd_characters_keep_the_columns)
{
	static const struct {
		const char *text;
		size_t length;
		const char *shown;
		size_t width;
	} rows[] = {
#define ROW(text, shown, width) {text, sizeof(text) - 1, shown, width}
#define BAD "\xef\xbf\xbd"
		ROW("a\0b", "a" BAD "b", 3),
		ROW("\x1b[2J", BAD "[2J", 4),
		ROW("a\tb\r\n\x7f", "a" BAD "b" BAD BAD BAD, 6),
		ROW("\xc2\x9b", BAD, 1),
		ROW("\xff\xfe", BAD BAD, 2),
		ROW("gpj.\xe2\x80\xae" "exe", "gpj." BAD "exe", 8),
		ROW("\xef\xbb\xbf" "x", BAD "x", 2),
		ROW("caf\xc3\xa9", "caf\xc3\xa9", 4),
		ROW("\xe4\xb8\xad\xe6\x96\x87", "\xe4\xb8\xad\xe6\x96\x87", 4),
		ROW("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80", 2),
		ROW("e\xcc\x81", "e\xcc\x81", 1),
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		static const char *const two[] = {"x", "y"};
		const struct cell cells[] = {cell_bytes(rows[i].text, rows[i].length), cell_text("z"), cell_text("0123456789"), cell_text("z")};
		struct buffer text;
		char expected[256];
		(void)snprintf(expected, sizeof(expected), "x           y\n----------  -\n%s%*sz\n0123456789  z\n", rows[i].shown, (int)(12 - rows[i].width), "");
		rows_write(&nat_writer, NULL, two, 2, cells, 2, &text);
		cr_expect_str_eq(buffer_text(&text), expected, "row %zu: %s", i, buffer_text(&text));
		buffer_done(&text);
	}
}

/* Widths are those of the first 200 rows, at most 60; what is wider later is not cut. */
Test(nat, nothing_is_cut)
{
	static struct cell cells[600][2];
	static char texts[600][128];
	static const char *const two[] = {"x", "y"};
	for (size_t i = 0; i < 600; i++) {
		(void)snprintf(texts[i], sizeof(texts[i]), "%0*zu", (int)(i % 120 + 1), i);
		cells[i][0] = cell_text(texts[i]);
		cells[i][1] = cell_unsigned(i);
	}
	struct buffer text;
	rows_write(&nat_writer, NULL, two, 2, &cells[0][0], 600, &text);
	const char *at = buffer_text(&text);
	for (size_t i = 0; i < 2; i++)
		at = strchr(at, '\n') + 1;
	for (size_t i = 0; i < 600; i++) {
		size_t length = strlen(texts[i]), line = strcspn(at, "\n");
		char number[32];
		(void)snprintf(number, sizeof(number), "  %3zu", i);
		cr_assert(strncmp(at, texts[i], length) == 0 && line == (length > 60 ? length : 60) + 5, "row %zu", i);
		cr_assert(strncmp(at + line - 5, number, 5) == 0, "row %zu: %.*s", i, (int)line, at);
		at += line + 1;
	}
	buffer_done(&text);
}

Test(nat, rows_of_a_live_log_come_at_once)
{
	const struct columns columns = {names, 3};
	struct writer writer = {.type = &nat_writer, .options = {.live = true, .color = true}};
	const struct cell cells[] = {cell_text("a"), cell_unsigned(1), cell_null};
	struct buffer text;
	buffer_init(&text, 65536);
	nat_writer.begin(&writer, &columns, &text);
	nat_writer.row(&writer, cells, &text);
	cr_expect_str_eq(buffer_text(&text), "\x1b[1mname  n  when\x1b[0m\n----  -  ----\na     1     -\n", "%s", buffer_text(&text));
	buffer_clear(&text);
	nat_writer.row(&writer, cells, &text);
	cr_expect_str_eq(buffer_text(&text), "a     1     -\n");
	nat_writer.end(&writer, &text);
	buffer_done(&text);
}
