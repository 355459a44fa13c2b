#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/diag.h"

static void render(const struct diag *diag, unsigned flags, const char *expected)
{
	struct buffer buffer;
	buffer_init(&buffer, 1000000);
	diag_render(diag, 0, flags, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), expected, "got:\n%s\nexpected:\n%s", buffer_text(&buffer), expected);
	buffer_done(&buffer);
}

Test(diag, messages_have_the_form_of_the_documentation)
{
	struct diag diag;
	struct place whole = {.file = "a.txt", .line = 3, .column = 5, .length = 2, .source = "add xx yy", .source_length = 9};
	struct place line = {.file = "a.txt", .line = 3}, file = {.file = "-"};
	diag_init(&diag);
	diag_error(&diag, &whole, "no %s", "good");
	diag_warning(&diag, "mirror-open", &line, "open");
	diag_note(&diag, &file, "read");
	diag_error(&diag, NULL, "bare");
	cr_expect_eq(diag.errors, 2);
	cr_expect_eq(diag.warnings, 1);
	render(&diag, 0, "cordon: a.txt:3:5: error: no good\ncordon: a.txt:3: warning: open [mirror-open]\ncordon: -: note: read\n"
			 "cordon: error: bare\n");
	render(&diag, DIAG_QUIET, "cordon: a.txt:3:5: error: no good\ncordon: error: bare\n");
	render(&diag, DIAG_CARET | DIAG_QUIET,
	       "cordon: a.txt:3:5: error: no good\n    add xx yy\n        ^~\ncordon: error: bare\n");
	render(&diag, DIAG_COLOR | DIAG_QUIET,
	       "cordon: a.txt:3:5: \033[31merror:\033[0m no good\ncordon: \033[31merror:\033[0m bare\n");
	diag_clear(&diag);
	cr_expect_eq(diag.count + diag.errors + diag.warnings, 0);
	diag_done(&diag);
}

Test(diag, the_caret_stands_under_its_characters)
{
	static const struct {
		const char *source;
		unsigned column, length;
		const char *shown;
	} rows[] = {
		{"abc", 1, 1, "    abc\n    ^\n"},
		{"abc", 4, 1, "    abc\n       ^\n"},
		{"abc", 1, 3, "    abc\n    ^~~\n"},
		{"gr\xc3\xbc\xc3\x9f x", 8, 1, "    gr\xc3\xbc\xc3\x9f x\n         ^\n"},
		{"a\tb", 3, 1, "    a b\n      ^\n"},
		{"a\033[1mb", 6, 1, "    a?[1mb\n         ^\n"},
		{"\xff\xfe x", 4, 1, "    ?? x\n       ^\n"},
		{"abc", 9, 1, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag;
		char expected[200];
		struct place place = {.line = 1, .column = rows[i].column, .length = rows[i].length, .source = rows[i].source,
				      .source_length = strlen(rows[i].source)};
		snprintf(expected, sizeof(expected), "cordon: error: x\n%s", rows[i].shown);
		diag_init(&diag);
		diag_error(&diag, &place, "x");
		render(&diag, DIAG_CARET, expected);
		diag_done(&diag);
	}
}

Test(diag, everything_is_copied_and_bounded)
{
	struct diag diag;
	char source[2000], file[] = "name";
	memset(source, 'a', sizeof(source));
	struct place place = {.file = file, .line = 1, .column = 1, .source = source, .source_length = sizeof(source)};
	diag_init(&diag);
	for (unsigned i = 0; i < DIAG_MOST + 5; i++)
		diag_error(&diag, &place, "%u", i);
	file[0] = 'X';
	cr_expect_eq(diag.count, DIAG_MOST);
	cr_expect_eq(diag.errors, DIAG_MOST + 5);
	cr_expect_eq(diag.unkept, 5);
	cr_expect_str_eq(diag.messages[0].file, "name");
	cr_expect_lt(strlen(diag.messages[0].source), 1000);
	struct buffer buffer;
	buffer_init(&buffer, 1 << 20);
	diag_render(&diag, DIAG_MOST - 1, 0, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "cordon: name:1:1: error: 999\ncordon: note: 5 more messages are not shown\n");
	buffer_done(&buffer);
	diag_error(NULL, &place, "nobody listens");
	diag_warning(NULL, "id", NULL, "nobody listens");
	diag_note(NULL, NULL, "nobody listens");
	diag_done(&diag);
}

Test(diag, moving_takes_all_along)
{
	struct diag to, from;
	diag_init(&to);
	diag_init(&from);
	diag_note(&to, NULL, "first");
	for (unsigned i = 0; i < DIAG_MOST; i++)
		diag_warning(&from, "id", NULL, "%u", i);
	diag_move(&to, &from);
	cr_expect_eq(from.count, 0);
	cr_expect_eq(to.count, DIAG_MOST);
	cr_expect_eq(to.unkept, 1);
	cr_expect_eq(to.warnings, DIAG_MOST);
	cr_expect_str_eq(to.messages[1].text, "0");
	diag_done(&from);
	diag_done(&to);
}
