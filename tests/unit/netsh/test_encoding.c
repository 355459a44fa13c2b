/* Bytes of any encoding that scripts come in, to UTF-8. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/encoding.h"
#include "core/base/error.h"
#include "core/base/utf16.h"

#define BYTES(text) text, sizeof(text) - 1

Test(base_encoding, known_encodings_become_utf8)
{
	static const struct {
		const char *bytes;
		size_t length;
		const char *text; /* NULL: refused */
		enum encoding encoding;
	} rows[] = {
		{BYTES("plain\r\n"), "plain\r\n", ENCODING_UTF8},
		{BYTES("\xef\xbb\xbf" "a"), "a", ENCODING_UTF8},
		{BYTES("\xc3\xa9"), "\xc3\xa9", ENCODING_UTF8},
		{BYTES("a\x1a"), "a", ENCODING_UTF8},
		{BYTES("a\n\x1a\x1a"), "a\n", ENCODING_UTF8},
		{BYTES("\xff\xfe" "a\0\xe9\0"), "a\xc3\xa9", ENCODING_UTF16LE},
		{BYTES("\xfe\xff\0a\0\xe9"), "a\xc3\xa9", ENCODING_UTF16BE},
		{BYTES("a\0b\0c\0"), "abc", ENCODING_UTF16LE},
		{BYTES("\0a\0b\0c"), "abc", ENCODING_UTF16BE},
		{BYTES("\xff\xfe\x3d\xd8\x00\xde"), "\xf0\x9f\x98\x80", ENCODING_UTF16LE},
		{BYTES("x\xb7\xc0\xd3\xf9"), "x\xe9\x98\xb2\xe5\xbe\xa1", ENCODING_GB18030},
		{BYTES("\x84\x31\xa4\x37 \xb7\xc0"), "\xef\xbf\xbd \xe9\x98\xb2", ENCODING_GB18030},
		{BYTES("\xff\xfe\x3d\xd8"), NULL, 0},
		{BYTES("\xff\xfe\x00\xde"), NULL, 0},
		{BYTES("\xff\xfe" "a"), NULL, 0},
		{BYTES("a\0b"), NULL, 0},
		{BYTES("a\x01" "b"), NULL, 0},
		{BYTES("a\x7f"), NULL, 0},
		{BYTES("\xff\xfe\0\0"), NULL, 0},
		{BYTES("\xff\xff\xff"), NULL, 0},
		{BYTES("caf\xe9 "), NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer buffer;
		struct diag diag;
		struct decoded decoded = {0};
		buffer_init(&buffer, 1 << 16);
		diag_init(&diag);
		int error = encoding_decode(rows[i].bytes, rows[i].length, "file", &diag, &buffer, &decoded);
		cr_expect_eq(error == 0, rows[i].text != NULL, "row %zu", i);
		cr_expect_eq(diag.errors, rows[i].text == NULL, "row %zu", i);
		if (error == 0) {
			cr_expect_eq(decoded.encoding, rows[i].encoding, "row %zu is %s", i, encoding_name(decoded.encoding));
			cr_expect(decoded.length == strlen(rows[i].text) && memcmp(decoded.text, rows[i].text, decoded.length) == 0,
				  "row %zu gives %.*s", i, (int)decoded.length, decoded.text);
		}
		diag_done(&diag);
		buffer_done(&buffer);
	}
}

Test(base_encoding, refusals_name_the_line_and_column)
{
	static const char bytes[] = "one\ntwo\nth\0ree";
	struct buffer buffer;
	struct diag diag;
	struct decoded decoded;
	buffer_init(&buffer, 1 << 16);
	diag_init(&diag);
	cr_expect_eq(encoding_decode(bytes, sizeof(bytes) - 1, "file", &diag, &buffer, &decoded), ERROR_INPUT);
	cr_assert_eq(diag.count, 1);
	cr_expect_eq(diag.messages[0].line, 3);
	cr_expect_eq(diag.messages[0].column, 3);
	diag_done(&diag);
	buffer_done(&buffer);
}

Test(base_encoding, text_past_the_limit_of_the_buffer_is_refused)
{
	static const char bytes[] = "\xff\xfe" "a\0b\0c\0d\0";
	struct buffer buffer;
	struct diag diag;
	struct decoded decoded;
	buffer_init(&buffer, 3);
	diag_init(&diag);
	cr_expect_eq(encoding_decode(bytes, sizeof(bytes) - 1, "file", &diag, &buffer, &decoded), ERROR_LIMIT);
	diag_done(&diag);
	buffer_done(&buffer);
}

/* Every code point there and back through units made here. */
Test(base_utf16, all_code_points)
{
	for (unsigned code = 1; code < 0x110000; code++) {
		unsigned units[2] = {code, 0}, count = 1;
		if (code >= 0xd800 && code < 0xe000)
			continue;
		if (code >= 0x10000) {
			units[0] = 0xd800 + ((code - 0x10000) >> 10);
			units[1] = 0xdc00 + ((code - 0x10000) & 0x3ff);
			count = 2;
		}
		char little[4], big[4];
		for (unsigned i = 0; i < count; i++) {
			little[2 * i] = big[2 * i + 1] = (char)(units[i] & 0xff);
			little[2 * i + 1] = big[2 * i] = (char)(units[i] >> 8);
		}
		struct buffer a, b;
		buffer_init(&a, 64);
		buffer_init(&b, 64);
		bool good = utf16_decode(little, 2 * (size_t)count, UTF16_LITTLE, &a, NULL) &&
			    utf16_decode(big, 2 * (size_t)count, UTF16_BIG, &b, NULL);
		size_t expected = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
		const unsigned char *bytes = (const unsigned char *)buffer_text(&a);
		unsigned back = expected == 1 ? bytes[0] : bytes[0] & (0x7fu >> expected);
		for (size_t i = 1; i < expected; i++)
			back = back << 6 | (bytes[i] & 0x3fu);
		if (!good || a.length != expected || back != code || strcmp(buffer_text(&a), buffer_text(&b)) != 0)
			cr_expect_fail("U+%04X", code);
		buffer_done(&a);
		buffer_done(&b);
	}
}
