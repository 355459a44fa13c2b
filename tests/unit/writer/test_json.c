/* JSON lines, read back with cJSON: rows, events of each sample, and the names of the Elastic Common Schema. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/utf8.h"
#include "tests/unit/logparse/log_samples.h"
#include "tests/unit/writer/fixture.h"

static const char *const names[] = {"t", "q\"\\\n"};

/* \u0000 ends cJSON's strings: where one is, only that the text goes on is looked at. */
static const struct {
	const char *text;
	size_t length;
	const char *json;
	const char *back;  /* NULL: the text */
} texts[] = {
#define ROW(text, ...) {text, sizeof(text) - 1, __VA_ARGS__}
#define BAD "\xef\xbf\xbd"
	ROW("plain", "plain", NULL),
	ROW("", "", NULL),
	ROW("\"\\/", "\\\"\\\\/", NULL),
	ROW("\b\t\n\f\r", "\\b\\t\\n\\f\\r", NULL),
	ROW("\x1b\x01\x7f", "\\u001b\\u0001\\u007f", NULL),
	ROW("\xc2\x9b\xc2\xa0", "\\u009b\xc2\xa0", NULL),
	ROW("a\0b", "a\\u0000b", "a"),
	ROW("\xff\xc2 \xc3", BAD BAD " " BAD, BAD BAD " " BAD),
	ROW("\xed\xa0\x80", BAD BAD BAD, BAD BAD BAD),
	ROW("\xc3\xa4\xf0\x9f\x98\x80\xe2\x80\xa8", "\xc3\xa4\xf0\x9f\x98\x80\xe2\x80\xa8", NULL),
};

Test(json, each_text_is_read_back)
{
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		const struct cell cells[] = {cell_bytes(texts[i].text, texts[i].length), cell_null};
		struct buffer text;
		char expected[256];
		(void)snprintf(expected, sizeof(expected), "{\"t\":\"%s\",\"q\\\"\\\\\\n\":null}\n", texts[i].json);
		rows_write(&json_writer, NULL, names, 2, cells, 1, &text);
		cr_expect_str_eq(buffer_text(&text), expected, "text %zu: %s", i, buffer_text(&text));
		cJSON *object = cJSON_Parse(buffer_text(&text));
		const char *back = cJSON_GetStringValue(cJSON_GetObjectItem(object, "t"));
		cr_expect_str_eq(back, texts[i].back != NULL ? texts[i].back : texts[i].text, "text %zu", i);
		cr_expect(cJSON_IsNull(cJSON_GetObjectItem(object, names[1])), "text %zu", i);
		cJSON_Delete(object);
		buffer_done(&text);
	}
}

Test(json, numbers_are_exact)
{
	const struct {
		struct cell cell;
		const char *json;
	} rows[] = {
		{cell_unsigned(UINT64_MAX), "18446744073709551615"},
		{cell_unsigned(UINT64_C(9007199254740993)), "9007199254740993"},
		{cell_integer(INT64_MIN), "-9223372036854775808"},
		{cell_integer(0), "0"},
		{cell_real(0.1), "0.1"},
		{cell_real(-1.0 / 3), "-0.3333333333333333"},
		{cell_real(1e300), "1e+300"},
		{cell_real(5e-324), "4.94065645841247e-324"},
		{cell_real((double)INFINITY), "null"},
		{cell_real((double)NAN), "null"},
		{cell_moment(UINT64_C(131000000000000000)), "\"2016-02-15T08:53:20Z\""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer text;
		char expected[128];
		(void)snprintf(expected, sizeof(expected), "{\"t\":%s}\n", rows[i].json);
		rows_write(&json_writer, NULL, names, 1, &rows[i].cell, 1, &text);
		cr_expect_str_eq(buffer_text(&text), expected, "row %zu: %s", i, buffer_text(&text));
		cJSON *object = cJSON_Parse(buffer_text(&text)), *number = cJSON_GetObjectItem(object, "t");
		cr_expect(number != NULL);
		if (rows[i].cell.kind == CELL_REAL && isfinite(rows[i].cell.real))
			cr_expect(number->valuedouble == rows[i].cell.real, "row %zu: %.17g", i, number->valuedouble);
		cJSON_Delete(object);
		buffer_done(&text);
	}
}

/* A line for each event, each an object, its fields with names. */
static size_t lines_check(const struct buffer *text, const char *what)
{
	size_t count = 0;
	const char *at = buffer_text(text), *end = at + text->length;
	cr_expect(utf8_check(at, text->length, NULL), "%s", what);
	for (; at < end; count++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at)), *parsed = NULL;
		cr_assert(newline != NULL, "%s: line %zu has no end", what, count);
		cJSON *object = cJSON_ParseWithLengthOpts(at, (size_t)(newline - at), &parsed, 0);
		cr_expect(cJSON_IsObject(object) && parsed == newline && object->child != NULL, "%s: %.*s", what, (int)(newline - at), at);
		cJSON_Delete(object);
		at = newline + 1;
	}
	return count;
}

Test(json, samples_are_lines)
{
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++) {
		struct log_writing whole = {.type = &json_writer, .whole = true}, rows = {.type = &json_writer, .layout = LAYOUT_EVENTLOG};
		struct log_writing ecs = {.type = &json_writer, .ecs = true, .whole = true};
		struct log_writing *const all[] = {&whole, &rows, &ecs};
		struct buffer bytes;
		buffer_init(&bytes, LOG_SAMPLE_MOST);
		sample->make(0, &bytes);
		for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
			struct buffer text;
			log_write(buffer_text(&bytes), bytes.length, all[i], &text);
			/* cJSON takes no half surrogates, though RFC 8259 does. */
			if (strstr(buffer_text(&text), "\\ud800") == NULL)
				cr_expect_eq(lines_check(&text, sample->name), all[i]->events, "%s, form %zu", sample->name, i);
			cr_expect_geq(all[i]->events, sample->least, "%s", sample->name);
			buffer_done(&text);
		}
		buffer_done(&bytes);
	}
}

Test(json, what_was_recovered_says_so)
{
	static const char *const samples[] = {"evt-wrapped", "evtx"};
	for (size_t i = 0; i < ARRAY_LENGTH(samples); i++) {
		struct log_writing writing = {.type = &json_writer, .whole = true};
		struct buffer bytes, text;
		size_t marked = 0;
		buffer_init(&bytes, LOG_SAMPLE_MOST);
		log_sample_named(samples[i])->make(0, &bytes);
		/* Without its header, or its chunk's, all of it has to be searched for. */
		memset(bytes.data + (i == 0 ? 0 : 4096), 0, i == 0 ? 48 : 8);
		log_write(buffer_text(&bytes), bytes.length, &writing, &text);
		cr_expect_gt(writing.events, 0, "%s", samples[i]);
		for (const char *at = buffer_text(&text); (at = strstr(at, ",\"x-recovered\":\"yes\"}\n")) != NULL; at++)
			marked++;
		cr_expect_eq(marked, writing.events, "%s: %zu of %zu", samples[i], marked, writing.events);
		cr_expect_eq(lines_check(&text, samples[i]), writing.events);
		buffer_done(&text);
		buffer_done(&bytes);
	}
}

/* --- The Elastic Common Schema --- */

static void ecs_check(const struct record *record, const char *expected)
{
	struct buffer text;
	buffer_init(&text, 65536);
	ecs_line(record, &text);
	cr_expect_str_eq(buffer_text(&text), expected, "%s", buffer_text(&text));
	cr_expect_eq(lines_check(&text, "ecs"), 1);
	buffer_done(&text);
}

Test(ecs, record_with_everything)
{
	struct record record = {
		.has = UINT64_MAX, .time = UINT64_C(131000000001234567), .eventid = 4290, .protocol = 6,
		.src = {FAMILY_IPV4, {203, 0, 113, 9}}, .dst = {FAMILY_IPV6, {0x20, 1, 0xd, 0xb8, [15] = 0x10}},
		.srcport = 5000, .dstport = 80, .tcpflags = 2, .icmptype = 8, .icmpcode = 0, .size = UINT32_MAX, .count = UINT64_MAX, .spi = 0xabc,
		.pid = UINT64_C(9007199254740993), .filter_id = UINT64_MAX, .recordnumber = UINT64_MAX - 1, .status = 0xc0000022, .recovered = true,
		.source = cursor_text("cordon"), .action = cursor_text("DROP"), .direction = cursor_text("in"), .application = cursor_text("\\device\\\"x\""),
		.layer = cursor_text("Transport"), .computername = cursor_text("WEB01"), .log = cursor_text("Security"), .policy = cursor_text("P"),
		.rule = cursor_of("a\0b", 3), .filterlist = cursor_text("list"), .mode = cursor_text("secure"), .interface = cursor_text("eth0"),
	};
	ecs_check(&record,
		  "{\"@timestamp\":\"2016-02-15T08:53:20.1234567Z\",\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],"
		  "\"type\":[\"connection\",\"denied\"],\"action\":\"DROP\",\"code\":\"4290\",\"provider\":\"cordon\",\"dataset\":\"Security\","
		  "\"sequence\":18446744073709551614},\"source\":{\"ip\":\"203.0.113.9\",\"port\":5000},\"destination\":{\"ip\":\"2001:db8::10\",\"port\":80},"
		  "\"network\":{\"type\":\"ipv4\",\"transport\":\"tcp\",\"iana_number\":\"6\",\"direction\":\"ingress\",\"bytes\":4294967295,"
		  "\"packets\":18446744073709551615},\"rule\":{\"name\":\"a\\u0000b\",\"ruleset\":\"P\",\"category\":\"list\",\"id\":\"18446744073709551615\"},"
		  "\"process\":{\"pid\":9007199254740993,\"executable\":\"\\\\device\\\\\\\"x\\\"\"},\"host\":{\"name\":\"WEB01\"},"
		  "\"observer\":{\"ingress\":{\"interface\":{\"name\":\"eth0\"}}},\"cordon\":{\"tcpflags\":\"S\",\"icmptype\":8,\"icmpcode\":0,"
		  "\"spi\":\"0x00000ABC\",\"layer\":\"Transport\",\"status\":\"0xC0000022\",\"mode\":\"secure\",\"recovered\":\"yes\"}}\n");
}

Test(ecs, record_with_little)
{
	ecs_check(&(struct record){.has = 0}, "{\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],"
					      "\"type\":[\"connection\"]}}\n");
	ecs_check(&(struct record){.has = RECORD_HAS(COLUMN_DST_IP) | RECORD_HAS(COLUMN_PROTOCOL) | RECORD_HAS(COLUMN_DATE), .dst = {FAMILY_IPV6, {[15] = 1}}, .protocol = 58,
				   .time = UINT64_C(131000000000000000), .action = cursor_text("ALLOW"), .direction = cursor_text("out"), .interface = cursor_text("lo")},
		  "{\"@timestamp\":\"2016-02-15T08:53:20Z\",\"ecs\":{\"version\":\"8.11.0\"},\"event\":{\"kind\":\"event\",\"category\":[\"network\"],"
		  "\"type\":[\"connection\",\"allowed\"],\"action\":\"ALLOW\"},\"destination\":{\"ip\":\"::1\"},\"network\":{\"type\":\"ipv6\",\"transport\":\"icmpv6\","
		  "\"iana_number\":\"58\",\"direction\":\"egress\"},\"observer\":{\"egress\":{\"interface\":{\"name\":\"lo\"}}}}\n");
}
