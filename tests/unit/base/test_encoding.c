/* The encodings that scripts come in. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/encoding.h"
#include "core/base/error.h"

Test(encoding, scripts_of_every_editor_are_read)
{
	static const struct {
		const char *bytes;
		size_t length;
		enum encoding encoding;
		const char *text;
	} rows[] = {
		{"add x", 5, ENCODING_UTF8, "add x"},
		{"", 0, ENCODING_UTF8, ""},
		{"\xef\xbb\xbf" "add", 6, ENCODING_UTF8, "add"},
		{"n=\xc3\xbc\r\n", 6, ENCODING_UTF8, "n=\xc3\xbc\r\n"},
		{"\xff\xfe" "a\0d\0d\0", 8, ENCODING_UTF16LE, "add"},
		{"\xfe\xff\0a\0d\0d", 8, ENCODING_UTF16BE, "add"},
		{"a\0d\0d\0 \0x\0", 10, ENCODING_UTF16LE, "add x"},
		{"n=\xbe\xdc\xbe\xf8", 6, ENCODING_GB18030, "n=\xe6\x8b\x92\xe7\xbb\x9d"},
		{"add\x1a", 4, ENCODING_UTF8, "add"},
		{"a\tb\fc\r\n", 7, ENCODING_UTF8, "a\tb\fc\r\n"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag;
		struct buffer buffer;
		struct decoded decoded;
		diag_init(&diag);
		buffer_init(&buffer, 1000);
		int error = encoding_decode(rows[i].bytes, rows[i].length, "script", &diag, &buffer, &decoded);
		cr_expect_eq(error, 0, "%zu: %s", i, diag.count > 0 ? diag.messages[0].text : "");
		if (error == 0) {
			cr_expect_eq(decoded.length, strlen(rows[i].text), "%zu", i);
			cr_expect_eq(memcmp(decoded.text, rows[i].text, strlen(rows[i].text)), 0, "%zu", i);
			cr_expect_eq(decoded.encoding, rows[i].encoding, "%zu: %s", i, encoding_name(decoded.encoding));
		}
		buffer_done(&buffer);
		diag_done(&diag);
	}
}

Test(encoding, what_is_no_text_is_refused_with_its_line)
{
	static const struct {
		const char *bytes;
		size_t length;
		unsigned line; /* 0: not asked */
	} rows[] = {
		{"add\n\0x\n", 7, 2}, {"one\ntwo\n\x01three", 14, 3}, {"\x7f\x45\x4c\x46\x02\x01\x01\x00\x00", 9, 1},
		{"\xff\xfe" "a\0\x00\xd8", 6, 1}, {"a\n\xff\xff\xff", 5, 2}, {"a\x1b[31m", 6, 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag;
		struct buffer buffer;
		struct decoded decoded;
		diag_init(&diag);
		buffer_init(&buffer, 1000);
		cr_expect_eq(encoding_decode(rows[i].bytes, rows[i].length, "script", &diag, &buffer, &decoded), ERROR_INPUT, "%zu", i);
		cr_assert_geq(diag.errors, 1, "%zu", i);
		cr_expect_str_eq(diag.messages[0].file, "script");
		cr_expect_eq(diag.messages[0].line, rows[i].line, "%zu: line %u", i, diag.messages[0].line);
		buffer_done(&buffer);
		diag_done(&diag);
	}
}
