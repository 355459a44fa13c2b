#include <criterion/criterion.h>
#include <string.h>

#include "core/base/buffer.h"
#include "core/base/utf8.h"

Test(buffer, grows_and_always_ends_in_nul)
{
	struct buffer buffer;
	buffer_init(&buffer, 1000000);
	cr_expect_str_eq(buffer_text(&buffer), "");
	buffer_add(&buffer, NULL, 0);
	cr_expect_str_eq(buffer_text(&buffer), "");
	for (unsigned i = 0; i < 1000; i++) {
		buffer_add_text(&buffer, "ab");
		buffer_add_char(&buffer, 'c');
		cr_assert_eq(buffer.data[buffer.length], '\0');
	}
	cr_expect_eq(buffer.length, 3000);
	buffer_clear(&buffer);
	cr_expect_str_eq(buffer_text(&buffer), "");
	buffer_add(&buffer, "a\0b", 3);
	cr_expect_eq(buffer.length, 3);
	buffer_done(&buffer);
	cr_expect_str_eq(buffer_text(&buffer), "");
}

Test(buffer, numbers_are_whole)
{
	static const struct {
		uint64_t number;
		const char *text;
	} rows[] = {{0, "0"}, {9, "9"}, {10, "10"}, {UINT32_MAX, "4294967295"}, {UINT64_MAX, "18446744073709551615"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer buffer;
		buffer_init(&buffer, 100);
		buffer_add_number(&buffer, rows[i].number);
		cr_expect_str_eq(buffer_text(&buffer), rows[i].text);
		buffer_done(&buffer);
	}
}

/* Past the maximum nothing is added, and that is known at the end. */
Test(buffer, the_maximum_latches)
{
	struct buffer buffer;
	buffer_init(&buffer, 10);
	buffer_add_text(&buffer, "0123456789");
	cr_expect(!buffer.full);
	buffer_add_char(&buffer, 'x');
	cr_expect(buffer.full);
	cr_expect_str_eq(buffer_text(&buffer), "0123456789");
	buffer_clear(&buffer);
	cr_expect(!buffer.full);
	buffer_add_text(&buffer, "01234567");
	buffer_add_text(&buffer, "too long");
	buffer_add_text(&buffer, "8");
	cr_expect(buffer.full);
	cr_expect_str_eq(buffer_text(&buffer), "01234567", "latched: not even what would fit");
	buffer_clear(&buffer);
	buffer_printf(&buffer, "%d", 1234567890);
	cr_expect_str_eq(buffer_text(&buffer), "1234567890");
	buffer_printf(&buffer, "%s", "x");
	cr_expect(buffer.full);
	buffer_done(&buffer);
	buffer_init(&buffer, 0);
	buffer_add_char(&buffer, 'x');
	cr_expect(buffer.full && buffer.length == 0);
	buffer_done(&buffer);
}

static const struct {
	const char *text;
	size_t length;
	const char *quoted;
} quotes[] = {
	{"plain", 5, "\"plain\""},
	{"", 0, "\"\""},
	{"a\"b\\c", 5, "\"a\\\"b\\\\c\""},
	{"a\nb\tc\x7f", 6, "\"a\\x0ab\\x09c\\x7f\""},
	{"\033[31m", 5, "\"\\x1b[31m\""},
	{"a\0b", 3, "\"a\\x00b\""},
	{"gr\xc3\xbc\xc3\x9f", 6, "\"gr\xc3\xbc\xc3\x9f\""},
	{"\xff\xc0\xaf", 3, "\"\\xff\\xc0\\xaf\""},
	{"\xed\xa0\x80", 3, "\"\\xed\\xa0\\x80\""},
	{"\xc2\x9b" "31m", 5, "\"\\xc2\\x9b31m\""},
	{"a\xe2\x80\xae" "b", 5, "\"a\\xe2\\x80\\xaeb\""},
	{"a\xe2\x81\xa6\xef\xbb\xbf", 7, "\"a\\xe2\\x81\\xa6\\xef\\xbb\\xbf\""},
	{"\xe4\xbd\xa0\xf0\x9f\x98\x80", 7, "\"\xe4\xbd\xa0\xf0\x9f\x98\x80\""},
};

Test(buffer, hostile_text_is_escaped)
{
	for (size_t i = 0; i < sizeof(quotes) / sizeof(quotes[0]); i++) {
		struct buffer buffer;
		buffer_init(&buffer, 1000);
		buffer_add_quoted(&buffer, quotes[i].text, quotes[i].length);
		cr_expect_str_eq(buffer_text(&buffer), quotes[i].quoted, "%zu: %s", i, buffer_text(&buffer));
		cr_expect_str_eq(QUOTE_N(quotes[i].text, quotes[i].length), quotes[i].quoted, "%zu", i);
		buffer_done(&buffer);
	}
}

Test(buffer, names_are_shown_without_what_moves_the_cursor)
{
	struct buffer buffer;
	buffer_init(&buffer, 1000);
	buffer_add_shown(&buffer, "C:\\logs\\\"gr\xc3\xbcn\" \033[2J\n\xe2\x80\xaegol.exe\xff");
	cr_expect_str_eq(buffer_text(&buffer), "C:\\logs\\\"gr\xc3\xbcn\" \\x1b[2J\\x0a\\xe2\\x80\\xaegol.exe\\xff", "%s", buffer_text(&buffer));
	buffer_done(&buffer);
}

Test(buffer, a_long_quote_is_cut_between_characters)
{
	char text[400];
	for (size_t length = 100; length < 400; length++) {
		memset(text, 'a', sizeof(text));
		for (size_t i = length % 3; i + 3 <= length; i += 3)
			memcpy(text + i, "\xe4\xbd\xa0", 3);
		const char *quoted = QUOTE_N(text, length);
		size_t got = strlen(quoted);
		cr_assert_lt(got, sizeof(struct quote));
		cr_assert(quoted[0] == '"' && quoted[got - 1] == '"');
		cr_assert(utf8_check(quoted, got, NULL), "cut at %zu", length);
		if (length > 140)
			cr_assert_str_eq(quoted + got - 4, "...\"");
		memset(text, 1, sizeof(text));
		cr_assert_lt(strlen(QUOTE_N(text, length)), sizeof(struct quote));
	}
}
