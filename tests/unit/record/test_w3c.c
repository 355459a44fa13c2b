/* Lines of W3C extended log text: logs.md 3.2. */
#include <criterion/criterion.h>

#include "core/record/w3c.h"

static const struct {
	const char *text;
	unsigned flags;
	const char *line;
} rows[] = {
	{"plain", 0, "plain"},
	{"", 0, "\"\""},
	{"-", 0, "\"-\""},
	{"--", 0, "--"},
	{"two words", 0, "\"two words\""},
	{"#1", 0, "\"#1\""},
	{"a#1", 0, "a#1"},
	{"say \"no\"", 0, "\"say \"\"no\"\"\""},
	{"\"", 0, "\"\"\"\""},
	{"a\tb", 0, "\"a b\""},
	{"a\r\nb", 0, "\"a b\""},
	{"a\r\n \x01" "b", 0, "\"a   b\""},
	{"\x7f", 0, "\" \""},
	{"a\xc2\x85\xc2\x9b" "b", 0, "\"a b\""},
	{"caf\xc3\xa9", 0, "caf\xc3\xa9"},
	{"caf\xc3\xa9 \xf0\x9f\x98\x80", 0, "\"caf\xc3\xa9 \xf0\x9f\x98\x80\""},
	{"a\xff" "b", 0, "a\xef\xbf\xbd" "b"},
	{"\xed\xa0\x80", 0, "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
	{"\xc3", 0, "\xef\xbf\xbd"},
	{"a\tb", W3C_ESCAPE, "a\\u0009b"},
	{"a\x1b[0m b", W3C_ESCAPE, "\"a\\u001B[0m b\""},
	{"\xc2\x9b", W3C_ESCAPE, "\\u009B"},
	{"caf\xc3\xa9", W3C_ASCII, "cafU+00E9"},
	{"\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf", W3C_ASCII, "U+1F600U+10FFFF"},
	{"\xff", W3C_ASCII, "U+FFFD"},
	{"\xe2\x82\xac\n", W3C_ASCII | W3C_ESCAPE, "U+20AC\\u000A"},
};

Test(w3c, text_is_quoted_where_it_must_be)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer buffer;
		buffer_init(&buffer, 4096);
		w3c_text(cursor_text(rows[i].text), rows[i].flags, &buffer);
		cr_expect_str_eq(buffer_text(&buffer), rows[i].line, "row %zu: %s", i, buffer_text(&buffer));
		buffer_done(&buffer);
	}
}

Test(w3c, absent_text_is_a_dash)
{
	struct buffer buffer;
	buffer_init(&buffer, 64);
	w3c_text((struct cursor){NULL, NULL}, 0, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "-");
	buffer_done(&buffer);
}

Test(w3c, every_byte_gives_one_printable_line)
{
	for (unsigned first = 0; first < 256; first++) {
		for (unsigned second = 0; second < 256; second++) {
			const char text[] = {'a', (char)first, (char)second, 'z'};
			struct buffer buffer;
			buffer_init(&buffer, 4096);
			w3c_text(cursor_of(text, sizeof(text)), 0, &buffer);
			for (size_t i = 0; i < buffer.length; i++)
				cr_assert((unsigned char)buffer.data[i] >= ' ' && buffer.data[i] != 0x7f, "%02x %02x", first, second);
			buffer_done(&buffer);
		}
	}
}

/* Texts are looked at several bytes at once: each byte in each place of each length is seen. */
Test(w3c, every_byte_is_seen_in_every_place)
{
	struct buffer buffer;
	buffer_init(&buffer, 4096);
	for (size_t length = 1; length <= 20; length++) {
		for (size_t place = 0; place < length; place++) {
			for (unsigned byte = 0; byte < 128; byte++) {
				char text[20];
				memset(text, 'a', sizeof(text));
				text[place] = (char)byte;
				bool plain = byte > ' ' && byte != '"' && byte != 0x7f && (byte != '#' || place > 0) &&
					     (byte != '-' || length > 1);
				buffer_clear(&buffer);
				w3c_text(cursor_of(text, length), 0, &buffer);
				cr_assert_eq(buffer.data[0] != '"', plain, "byte %02x at %zu of %zu", byte, place, length);
				if (plain)
					cr_assert(buffer.length == length && memcmp(buffer.data, text, length) == 0);
			}
		}
	}
	buffer_done(&buffer);
}

static const struct record full = {
	.has = UINT64_MAX, .time = UINT64_C(134123456789012345), .eventid = 4290, .protocol = 6,
	.src = {FAMILY_IPV4, {203, 0, 113, 9}}, .dst = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 0x10}},
	.srcport = 5000, .dstport = 80, .tcpflags = 2, .icmptype = 8, .icmpcode = 0, .size = 1500, .count = 12, .spi = 0xabc,
	.pid = 77, .filter_id = 99, .recordnumber = 5, .status = 0xc0000022, .recovered = true,
};

Test(w3c, line_has_all_columns)
{
	struct record record = full;
	struct buffer buffer;
	record.source = cursor_text("cordon");
	record.rule = cursor_text("lock down");
	record.mode = cursor_text("");
	buffer_init(&buffer, 1 << 16);
	w3c_line(&record, &buffer);
	cr_expect_str_eq(buffer_text(&buffer),
			 "2026-01-08 11:34:38 cordon 4290 - - TCP 203.0.113.9 5000 2001:db8::10 80 S 8 0 1500 12 0x00000ABC 77 - - 99 "
			 "0xC0000022 5 - - - \"lock down\" - \"\" - yes\n", "%s", buffer_text(&buffer));
	buffer_clear(&buffer);
	w3c_line(&(struct record){0}, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - -\n");
	buffer_done(&buffer);
}

Test(w3c, full_buffer_takes_no_half_line)
{
	struct buffer buffer;
	buffer_init(&buffer, 100);
	w3c_line(&full, &buffer);
	cr_expect(buffer.full);
	cr_expect_eq(buffer.length, 0);
	buffer_done(&buffer);
}

Test(w3c, header_names_every_column)
{
	struct buffer buffer;
	buffer_init(&buffer, 4096);
	w3c_header(record_time_of_unix(1785542398, 0), &buffer);
	static const char start[] = "#Software: Cordon " CORDON_VERSION "\n#Version: 1.0\n#Date: 2026-07-31 23:59:58\n#Fields: date time x-source ";
	cr_expect(strncmp(buffer_text(&buffer), start, sizeof(start) - 1) == 0, "%s", buffer_text(&buffer));
	size_t words = 0;
	struct cursor cursor = cursor_text(strstr(buffer_text(&buffer), "#Fields:") + strlen("#Fields:")), word;
	for (cursor_skip_blanks(&cursor); cursor_word(&cursor, &word); cursor_skip_blanks(&cursor))
		words++;
	cr_expect_eq(words, RECORD_COLUMNS);
	buffer_done(&buffer);
}
