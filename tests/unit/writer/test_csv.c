/* CSV and TSV, read back by parsers that know nothing of the writers: RFC 4180's grammar; one escape at a time. */
#include <criterion/criterion.h>

#include "core/base/utf8.h"
#include "tests/unit/writer/fixture.h"

enum { VALUES_MOST = 64, VALUE_MOST = 4096 };
struct value {
	char text[VALUE_MOST];
	size_t length;
	bool quoted;
};

/* record = field *(COMMA field) CRLF; field = escaped / non-escaped.  Returns where the record ends, NULL when it is none. */
static const char *csv_record(const char *at, const char *end, struct value *values, size_t *ret_count)
{
	for (size_t count = 0; count < VALUES_MOST; count++) {
		struct value *value = &values[count];
		value->length = 0;
		value->quoted = at < end && *at == '"';
		if (value->quoted) {
			for (at++;; at++) {
				if (at == end || value->length == VALUE_MOST)
					return NULL;
				if (*at == '"' && (at + 1 == end || at[1] != '"'))
					break;
				at += *at == '"';
				value->text[value->length++] = *at;
			}
			at++;
		} else {
			for (; at < end && *at != ',' && *at != '\r'; at++) {
				if (*at == '"' || (unsigned char)*at < ' ' || *at == 0x7f || value->length == VALUE_MOST)
					return NULL;
				value->text[value->length++] = *at;
			}
		}
		if (end - at >= 2 && at[0] == '\r' && at[1] == '\n') {
			*ret_count = count + 1;
			return at + 2;
		}
		if (at == end || *at++ != ',')
			return NULL;
	}
	return NULL;
}

static const struct {
	const char *text;
	size_t length;
	const char *csv;   /* as it stands there */
	const char *back;  /* what a reader of CSV gets; NULL: the text */
	const char *tsv;
} texts[] = {
#define ROW(text, ...) {text, sizeof(text) - 1, __VA_ARGS__}
	ROW("plain", "plain", NULL, "plain"),
	ROW("", "\"\"", NULL, ""),
	ROW("-", "-", NULL, "-"),
	ROW("two words", "two words", NULL, "two words"),
	ROW(" before", "\" before\"", NULL, " before"),
	ROW("behind ", "\"behind \"", NULL, "behind "),
	ROW("a,b", "\"a,b\"", NULL, "a,b"),
	ROW("say \"no\"", "\"say \"\"no\"\"\"", NULL, "say \"no\""),
	ROW("\"", "\"\"\"\"", NULL, "\""),
	ROW("a\r\nb", "\"a\r\nb\"", NULL, "a\\r\\nb"),
	ROW("a\nb", "\"a\nb\"", NULL, "a\\nb"),
	ROW("a\tb", "\"a\tb\"", NULL, "a\\tb"),
	ROW("C:\\new\\table", "C:\\new\\table", NULL, "C:\\\\new\\\\table"),
	ROW("a\0b", "a\xef\xbf\xbd" "b", "a\xef\xbf\xbd" "b", "a\\u0000b"),
	ROW("\x1b[31m\x7f", "\xef\xbf\xbd[31m\xef\xbf\xbd", "\xef\xbf\xbd[31m\xef\xbf\xbd", "\\u001b[31m\\u007f"),
	ROW("\xc2\x9b" "1m", "\xef\xbf\xbd" "1m", "\xef\xbf\xbd" "1m", "\\u009b1m"),
	ROW("a\xff", "a\xef\xbf\xbd", "a\xef\xbf\xbd", "a\xef\xbf\xbd"),
	ROW("\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"),
	ROW("\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80", "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80", NULL, "\xc3\xa4\xe4\xb8\xad\xf0\x9f\x98\x80"),
	ROW("=1+1", "=1+1", NULL, "=1+1"),
#undef ROW
};

static const char *const names[] = {"a", "b,\"c\"", "d"};

Test(csv, each_text_is_read_back)
{
	static struct value values[VALUES_MOST];
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		const struct cell cells[] = {cell_bytes(texts[i].text, texts[i].length), cell_null, cell_text("z")};
		struct buffer text;
		size_t count = 0;
		rows_write(&csv_writer, NULL, names, 3, cells, 1, &text);
		const char *end = buffer_text(&text) + text.length, *row = csv_record(buffer_text(&text), end, values, &count);
		cr_assert(row != NULL && count == 3, "row %zu: header", i);
		cr_expect(values[1].length == 5 && memcmp(values[1].text, "b,\"c\"", 5) == 0, "row %zu: a name", i);
		size_t length = strlen(texts[i].csv);
		cr_expect(strncmp(row, texts[i].csv, length) == 0 && strcmp(row + length, ",,z\r\n") == 0, "row %zu: %s", i, row);
		cr_assert_eq(csv_record(row, end, values, &count), end, "row %zu: %s", i, row);
		cr_expect_eq(count, 3, "row %zu", i);
		const char *back = texts[i].back != NULL ? texts[i].back : texts[i].text;
		size_t expected = texts[i].back != NULL ? strlen(back) : texts[i].length;
		cr_expect(values[0].length == expected && memcmp(values[0].text, back, expected) == 0, "row %zu: %s", i, row);
		cr_expect(values[1].length == 0 && !values[1].quoted, "row %zu: NULL is nothing", i);
		cr_expect(utf8_check(buffer_text(&text), text.length, NULL), "row %zu", i);
		buffer_done(&text);
	}
}

/* All pairs of bytes: one record, three values, and nothing that moves a cursor but line ends and tabs. */
Test(csv, every_pair_of_bytes_is_one_value)
{
	static struct value values[VALUES_MOST];
	struct writer writer = {.type = &csv_writer, .columns = {names, 3}};
	struct buffer text;
	buffer_init(&text, WRITTEN_MOST);
	for (unsigned pair = 0; pair < 65536; pair++) {
		const char bytes[] = {(char)(pair >> 8), (char)pair};
		const struct cell cells[] = {cell_bytes(bytes, 2), cell_text(""), cell_null};
		size_t count = 0;
		buffer_clear(&text);
		csv_writer.row(&writer, cells, &text);
		const char *end = buffer_text(&text) + text.length;
		cr_assert_eq(csv_record(buffer_text(&text), end, values, &count), end, "%04x", pair);
		cr_assert(count == 3 && values[1].quoted && !values[2].quoted, "%04x", pair);
		for (size_t i = 0; i < values[0].length; i++) {
			unsigned char c = (unsigned char)values[0].text[i];
			cr_assert(c >= ' ' ? c != 0x7f : c == '\t' || c == '\r' || c == '\n', "%04x", pair);
		}
		bool ascii = pair >> 8 < 0x80 && (pair & 255) < 0x80;
		if (ascii && pair >> 8 >= ' ' && (pair & 255) >= ' ' && pair >> 8 != 0x7f && (pair & 255) != 0x7f)
			cr_assert(values[0].length == 2 && memcmp(values[0].text, bytes, 2) == 0, "%04x", pair);
	}
	buffer_done(&text);
}

static const struct {
	struct cell cell;
	const char *text;
} numbers[] = {
	{{.kind = CELL_INTEGER, .integer = INT64_MIN}, "-9223372036854775808"},
	{{.kind = CELL_INTEGER, .integer = INT64_MAX}, "9223372036854775807"},
	{{.kind = CELL_INTEGER, .integer = -1}, "-1"},
	{{.kind = CELL_UNSIGNED, .integer = -1}, "18446744073709551615"},
	{{.kind = CELL_UNSIGNED, .integer = 0}, "0"},
	{{.kind = CELL_UNSIGNED, .integer = INT64_C(9007199254740993)}, "9007199254740993"},
	{{.kind = CELL_REAL, .real = 2.5}, "2.5"},
	{{.kind = CELL_REAL, .real = 0.1}, "0.1"},
	{{.kind = CELL_REAL, .real = 1.0 / 3}, "0.3333333333333333"},
	{{.kind = CELL_REAL, .real = 1e300}, "1e+300"},
	{{.kind = CELL_TIME, .time = 0}, "1601-01-01 00:00:00"},
	{{.kind = CELL_TIME, .time = UINT64_C(131000000009999999)}, "2016-02-15 08:53:20"},
	{{.kind = CELL_TIME, .time = UINT64_MAX}, "60056-05-28 05:36:10"},
};

Test(csv, numbers_are_exact)
{
	for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++) {
		static const char *const one[] = {"n"};
		struct buffer csv, tsv;
		rows_write(&csv_writer, NULL, one, 1, &numbers[i].cell, 1, &csv);
		rows_write(&tsv_writer, NULL, one, 1, &numbers[i].cell, 1, &tsv);
		size_t length = strlen(numbers[i].text);
		cr_expect(strncmp(buffer_text(&csv) + 3, numbers[i].text, length) == 0 && strcmp(buffer_text(&csv) + 3 + length, "\r\n") == 0, "%s", buffer_text(&csv));
		cr_expect(strncmp(buffer_text(&tsv) + 2, numbers[i].text, length) == 0 && strcmp(buffer_text(&tsv) + 2 + length, "\n") == 0, "%s", buffer_text(&tsv));
		buffer_done(&csv);
		buffer_done(&tsv);
	}
}

Test(tsv, each_text_is_one_value_of_one_line)
{
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		const struct cell cells[] = {cell_bytes(texts[i].text, texts[i].length), cell_null, cell_text("z")};
		struct buffer text;
		rows_write(&tsv_writer, NULL, names, 3, cells, 1, &text);
		static const char head[] = "a\tb,\"c\"\td\n";
		size_t length = strlen(texts[i].tsv), start = sizeof(head) - 1;
		cr_expect(strncmp(buffer_text(&text), head, start) == 0);
		cr_expect(strncmp(buffer_text(&text) + start, texts[i].tsv, length) == 0 && strcmp(buffer_text(&text) + start + length, "\t\tz\n") == 0, "row %zu: %s",
			  i, buffer_text(&text));
		buffer_done(&text);
	}
}

/* What cannot be had back is only what was no UTF-8. */
Test(tsv, every_pair_of_bytes_is_read_back)
{
	struct writer writer = {.type = &tsv_writer, .columns = {names, 1}};
	struct buffer text;
	buffer_init(&text, WRITTEN_MOST);
	for (unsigned pair = 0; pair < 65536; pair++) {
		const char bytes[] = {(char)(pair >> 8), (char)pair};
		const struct cell cell = cell_bytes(bytes, 2);
		char back[16];
		size_t length = 0;
		buffer_clear(&text);
		tsv_writer.row(&writer, &cell, &text);
		const char *at = buffer_text(&text), *end = at + text.length - 1;
		while (at < end) {
			cr_assert((unsigned char)*at >= ' ' && *at != 0x7f, "%04x", pair);
			if (*at != '\\') {
				back[length++] = *at++;
			} else if (at[1] == 'u') {
				unsigned long number = strtoul((const char[]){at[2], at[3], at[4], at[5], '\0'}, NULL, 16);
				if (number >= 0x80)
					back[length++] = (char)0xc2;
				back[length++] = (char)number;
				at += 6;
			} else {
				back[length++] = at[1] == 't' ? '\t' : at[1] == 'n' ? '\n' : at[1] == 'r' ? '\r' : at[1];
				at += 2;
			}
		}
		if (utf8_check(bytes, 2, NULL))
			cr_assert(length == 2 && memcmp(back, bytes, 2) == 0, "%04x", pair);
		else
			cr_assert(utf8_check(back, length, NULL) && length >= 3, "%04x", pair);
	}
	buffer_done(&text);
}
