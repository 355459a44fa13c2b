/* UTF-8 and UTF-16, character by character. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/utf16.h"
#include "core/base/utf8.h"

static size_t encode(uint32_t c, char text[4])
{
	if (c < 0x80) {
		text[0] = (char)c;
		return 1;
	}
	size_t length = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = length; i-- > 1; c >>= 6)
		text[i] = (char)(0x80 | (c & 0x3f));
	text[0] = (char)((0xf00u >> length & 0xff) | c);
	return length;
}

Test(utf8, every_character_is_valid_and_no_surrogate_is)
{
	for (uint32_t c = 0; c <= 0x10ffff; c++) {
		char text[4];
		size_t length = encode(c, text);
		bool surrogate = c >= 0xd800 && c <= 0xdfff;
		cr_assert_eq(utf8_length(text, length), surrogate ? 0 : length, "U+%04X", c);
		cr_assert_eq(utf8_length(text, length - 1), 0, "cut: U+%04X", c);
	}
}

Test(utf8, what_is_not_valid_is_found)
{
	static const struct {
		const char *text;
		size_t length, at; /* at == length: valid */
	} rows[] = {
		{"", 0, 0}, {"abc", 3, 3}, {"a\xc3\xbc", 3, 3}, {"a\xc3", 2, 1}, {"a\xc0\x80", 3, 1}, {"\xe0\x80\x80", 3, 0}, {"\x80", 1, 0},
		{"ab\xf5\x80\x80\x80", 6, 2}, {"\xf4\x90\x80\x80", 4, 0}, {"\xf0\x80\x80\x80", 4, 0}, {"\xc3\xc3", 2, 0}, {"a\0b", 3, 3},
		{"\xef\xbb\xbfx", 4, 4}, {"\xfe\xff", 2, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		size_t at = rows[i].length;
		cr_expect_eq(utf8_check(rows[i].text, rows[i].length, &at), rows[i].at == rows[i].length, "%zu", i);
		cr_expect_eq(at, rows[i].at, "%zu", i);
		cr_expect_eq(utf8_check(rows[i].text, rows[i].length, NULL), rows[i].at == rows[i].length, "%zu", i);
	}
}

Test(utf8, utf16_becomes_utf8)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum utf16_order order;
		bool good;
		const char *text;
		size_t at;
	} rows[] = {
		{"a\0b\0", 4, UTF16_LITTLE, true, "ab", 0},
		{"\0a\0b", 4, UTF16_BIG, true, "ab", 0},
		{"\xfc\0\xac\x20", 4, UTF16_LITTLE, true, "\xc3\xbc\xe2\x82\xac", 0},
		{"\x3d\xd8\x00\xde", 4, UTF16_LITTLE, true, "\xf0\x9f\x98\x80", 0},
		{"\xd8\x3d\xde\x00", 4, UTF16_BIG, true, "\xf0\x9f\x98\x80", 0},
		{"a\0\x3d\xd8", 4, UTF16_LITTLE, false, "a", 2},
		{"a\0\x00\xde", 4, UTF16_LITTLE, false, "a", 2},
		{"\x3d\xd8" "b\0", 4, UTF16_LITTLE, false, "", 0},
		{"a\0b", 3, UTF16_LITTLE, false, "a", 2},
		{"", 0, UTF16_BIG, true, "", 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer text;
		size_t at = 0;
		buffer_init(&text, 100);
		cr_expect_eq(utf16_decode(rows[i].bytes, rows[i].length, rows[i].order, &text, &at), rows[i].good, "%zu", i);
		cr_expect_str_eq(buffer_text(&text), rows[i].text, "%zu", i);
		if (!rows[i].good)
			cr_expect_eq(at, rows[i].at, "%zu: %zu", i, at);
		buffer_done(&text);
	}
}
