#include <criterion/criterion.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/json.h"

struct reading {
	struct json_document document;
	struct diag diag;
	struct json *root;
	int error;
};

static void reading_of(struct reading *reading, const char *text, size_t length)
{
	*reading = (struct reading){.document = {arena_new(), "p.json", text, length}};
	diag_init(&reading->diag);
	reading->error = json_read(&reading->document, &reading->diag, &reading->root);
}

static void reading_done(struct reading *reading)
{
	diag_done(&reading->diag);
	arena_free(reading->document.arena);
}

#define BYTES(text) text, sizeof(text) - 1

Test(json, refuses_what_is_not_json_and_says_where)
{
	static const struct {
		const char *text;
		size_t length;
		uint32_t line, column;
		const char *words;
	} rows[] = {
		{BYTES(""), 1, 1, "$: the file is empty"},
		{BYTES("  \n\n "), 3, 2, "the file is empty"},
		{BYTES("{}x"), 1, 3, "nothing may follow it: found \"x\""},
		{BYTES("{} {}"), 1, 4, "nothing may follow it"},
		{BYTES("{\"a\": 1,\n \"b\": 2,\n \"a\": 3}"), 3, 2, "$.a: the key is there twice, the first time in line 1"},
		{BYTES("{\"a\": 1, \"\\u0061\": 3}"), 1, 10, "$.a: the key is there twice"},
		{BYTES("{\"a\": {\"b c\": [1, {\"d\": tru}]}}"), 1, 25, "$.a[\"b c\"][1].d: a value is expected here"},
		{BYTES("{\"a\": 1,}"), 1, 9, "there is no , before the }"},
		{BYTES("[1,]"), 1, 4, "there is no , before the ]"},
		{BYTES("[1 2]"), 1, 4, "a , or a ] is expected here, not \"2\""},
		{BYTES("{\"a\" 1}"), 1, 6, "$.a: a : is expected after the key"},
		{BYTES("{a: 1}"), 1, 2, "a key in quotes is expected here, not \"a\""},
		{BYTES("{'a': 1}"), 1, 2, "a key in quotes"},
		{BYTES("[\"a\nb\"]"), 1, 4, "$[0]: the string does not end in its line"},
		{BYTES("[\"a\tb\"]"), 1, 4, "control character"},
		{BYTES("[\"a\0b\"]"), 1, 4, "NUL byte"},
		{BYTES("[\"a\\u0000b\"]"), 1, 10, "a NUL (\\u0000)"},
		{BYTES("[\"\\ud800\"]"), 1, 9, "first half of a pair"},
		{BYTES("[\"\\ud800\\u0041\"]"), 1, 15, "first half of a pair"},
		{BYTES("[\"\\udc00\"]"), 1, 9, "second half of a pair"},
		{BYTES("[\"\\u12g4\"]"), 1, 5, "four hexadecimal digits"},
		{BYTES("[\"\\x41\"]"), 1, 4, "after a backslash"},
		{BYTES("[\"abc"), 1, 6, "the file ends inside of a string"},
		{BYTES("[\"abc\\"), 1, 7, "after a backslash"},
		{BYTES("[\"\xff\"]"), 1, 3, "the byte \"\\xff\" is not UTF-8"},
		{BYTES("[\"\xc0\xaf\"]"), 1, 3, "not UTF-8"},
		{BYTES("[\n\"\xed\xa0\x80\"]"), 2, 2, "not UTF-8"},
		{BYTES("[01]"), 1, 4, "no leading zero"},
		{BYTES("[-]"), 1, 3, "needs a digit"},
		{BYTES("[1.]"), 1, 4, "digit after its point"},
		{BYTES("[1e]"), 1, 4, "digit in its exponent"},
		{BYTES("[+1]"), 1, 2, "a value is expected here"},
		{BYTES("[.5]"), 1, 2, "a value is expected here"},
		{BYTES("[NaN]"), 1, 2, "a value is expected here"},
		{BYTES("[nul"), 1, 2, "a value is expected here"},
		{BYTES("["), 1, 2, "not the end of the file"},
		{BYTES("{\"a\":"), 1, 6, "not the end of the file"},
		{BYTES("// comment\n{}"), 1, 1, "a value is expected here"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct reading reading;
		reading_of(&reading, rows[i].text, rows[i].length);
		cr_expect_eq(reading.error, ERROR_INPUT, "row %zu: %s", i, rows[i].text);
		cr_assert_eq(reading.diag.count, 1, "row %zu", i);
		const struct message *message = &reading.diag.messages[0];
		cr_expect_not_null(strstr(message->text, rows[i].words), "row %zu: %s", i, message->text);
		cr_expect_eq(message->line, rows[i].line, "row %zu %s: line %u", i, message->text, message->line);
		cr_expect_eq(message->column, rows[i].column, "row %zu %s: column %u", i, message->text, message->column);
		cr_expect_str_eq(message->file, "p.json");
		cr_expect_eq(message->text[0], '$', "row %zu", i);
		reading_done(&reading);
	}
}

Test(json, keeps_values_exactly)
{
	static const char text[] = "\xef\xbb\xbf{ \"n\" : 9007199254740993, \"m\": -5, \"big\": 99999999999999999999, \"half\": 1.5,\r\n"
				   "\"e\": 1e3, \"s\": \"\\u00e9\\ud83d\\udd12\\n\\\"\\/\", \"t\": true, \"f\": false, \"z\": null, "
				   "\"l\": [], \"o\": {}}";
	struct reading reading;
	reading_of(&reading, text, sizeof(text) - 1);
	cr_assert_eq(reading.error, 0);
	const struct json *at = reading.root->child;
	cr_expect_eq(at->number, 9007199254740993, "%lld", (long long)at->number);
	cr_expect(at->whole && at->type == JSON_NUMBER);
	at = at->next;
	cr_expect(at->number == -5 && at->whole);
	at = at->next;
	cr_expect(at->number == INT64_MAX && at->whole);
	at = at->next;
	cr_expect(!at->whole);
	at = at->next;
	cr_expect(!at->whole && at->line == 2);
	at = at->next;
	cr_expect_str_eq(at->text, "\xc3\xa9\xf0\x9f\x94\x92\n\"/");
	at = at->next;
	cr_expect(at->type == JSON_BOOL && at->yes);
	at = at->next;
	cr_expect(at->type == JSON_BOOL && !at->yes);
	at = at->next;
	cr_expect_eq(at->type, JSON_NULL);
	at = at->next;
	cr_expect(at->type == JSON_ARRAY && at->child == NULL);
	at = at->next;
	cr_expect(at->type == JSON_OBJECT && at->child == NULL && at->next == NULL);
	reading_done(&reading);
}

Test(json, stops_at_its_limits)
{
	struct buffer text;
	struct reading reading;
	buffer_init(&text, 1 << 24);
	for (unsigned depth = JSON_DEPTH; depth <= JSON_DEPTH + 1; depth++) {
		buffer_clear(&text);
		for (unsigned i = 0; i < depth; i++)
			buffer_add_char(&text, '[');
		for (unsigned i = 0; i < depth; i++)
			buffer_add_char(&text, ']');
		reading_of(&reading, buffer_text(&text), text.length);
		cr_expect_eq(reading.error, depth <= JSON_DEPTH ? 0 : ERROR_INPUT, "depth %u", depth);
		reading_done(&reading);
	}
	for (unsigned keys = JSON_KEYS; keys <= JSON_KEYS + 1; keys++) {
		buffer_clear(&text);
		buffer_add_char(&text, '{');
		for (unsigned i = 0; i < keys; i++)
			buffer_printf(&text, "%s\"k%u\": 0", i > 0 ? "," : "", i);
		buffer_add_char(&text, '}');
		reading_of(&reading, buffer_text(&text), text.length);
		cr_expect_eq(reading.error, keys <= JSON_KEYS ? 0 : ERROR_INPUT, "keys %u", keys);
		reading_done(&reading);
	}
	/* A million brackets must not use up the stack. */
	buffer_clear(&text);
	for (unsigned i = 0; i < 1000000; i++)
		buffer_add_char(&text, '[');
	reading_of(&reading, buffer_text(&text), text.length);
	cr_expect_eq(reading.error, ERROR_INPUT);
	cr_expect_not_null(strstr(reading.diag.messages[0].text, "nested deeper than 32"));
	reading_done(&reading);
	char *large = memory_alloc((size_t)JSON_BYTES + 1);
	memset(large, ' ', (size_t)JSON_BYTES + 1);
	reading_of(&reading, large, (size_t)JSON_BYTES + 1);
	cr_expect_eq(reading.error, ERROR_LIMIT);
	cr_expect_not_null(strstr(reading.diag.messages[0].text, "larger than 64 MiB"));
	reading_done(&reading);
	free(large);
	buffer_done(&text);
}

Test(json, every_prefix_and_every_changed_byte_is_read_or_refused)
{
	static const char text[] = "{\"policy\": {\"name\": \"a\\u00e9\\n\", \"rules\": [{\"x\": -1.5e+3}, true, null]}, \"k\": \"\xc3\xa9\"}";
	size_t good = 0, bad = 0;
	for (size_t length = 0; length < sizeof(text) - 1; length++) {
		char *copy = memory_text_n(text, length); /* its own block, so that a step past the end is seen */
		struct reading reading;
		reading_of(&reading, copy, length);
		cr_expect_lt(reading.error, 0, "prefix of %zu bytes", length);
		reading_done(&reading);
		free(copy);
	}
	for (size_t at = 0; at < sizeof(text) - 1; at++) {
		for (unsigned byte = 0; byte < 256; byte += 3) {
			char *copy = memory_alloc(sizeof(text) - 1);
			memcpy(copy, text, sizeof(text) - 1);
			copy[at] = (char)byte;
			struct reading reading;
			reading_of(&reading, copy, sizeof(text) - 1);
			good += reading.error == 0;
			bad += reading.error < 0;
			cr_expect_eq(reading.error < 0, reading.diag.errors == 1, "byte %zu as %u", at, byte);
			reading_done(&reading);
			free(copy);
		}
	}
	cr_expect(good > 100 && bad > 1000, "%zu good, %zu bad", good, bad);
}

Test(json, prints_text_that_it_reads_back)
{
	static const char *const texts[] = {"", "plain", "quote \" and \\", "a\nb\tc\rd\be\ff", "\x01\x1f\x7f", "caf\xc3\xa9 \xf0\x9f\x94\x92"};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct buffer out;
		struct reading reading;
		buffer_init(&out, 1000);
		json_text_print(texts[i], &out);
		reading_of(&reading, buffer_text(&out), out.length);
		cr_assert_eq(reading.error, 0, "row %zu: %s", i, buffer_text(&out));
		cr_expect_str_eq(reading.root->text, texts[i], "row %zu", i);
		reading_done(&reading);
		buffer_done(&out);
	}
	struct buffer out;
	buffer_init(&out, 1000);
	json_text_print("a\xff" "b", &out);
	cr_expect_str_eq(buffer_text(&out), "\"a\xef\xbf\xbd" "b\"");
	buffer_done(&out);
}
