#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "logparse/reader/evtx_template.h"
#include "tests/unit/logparse/evtx_make.h"
#include "tests/unit/logparse/log_read.h"
#include "tests/unit/logparse/log_samples.h"

enum { FILE_HEAD = 4096, CHUNK_HEAD = 512 };
static const uint64_t time_first = UINT64_C(131000000000000000);

static void sample_read(const char *name, struct log_reading *reading)
{
	struct buffer buffer;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	log_sample_named(name)->make(0, &buffer);
	log_read(buffer.data, buffer.length, NULL, NULL, LOG_ALL, reading);
	cr_expect_str_eq(reading->type->name, "evtx");
	cr_expect_null(reading->wrong, "%s: %s", name, reading->wrong);
	buffer_done(&buffer);
}

static void line_is(const struct buffer *buffer, size_t index, const char *wanted)
{
	struct cursor line = log_line(buffer, index);
	cr_expect(cursor_left(&line) == strlen(wanted) && memcmp(line.at, wanted, strlen(wanted)) == 0, "line %zu is\n%.*s\nnot\n%s", index,
		  (int)cursor_left(&line), line.at, wanted);
}

/* --- Values, tokens, templates --- */

static void line_has(const struct buffer *buffer, size_t index, const char *wanted)
{
	struct cursor line = log_line(buffer, index);
	cr_expect_not_null(memmem(line.at, cursor_left(&line), wanted, strlen(wanted)), "%s\n%.*s", wanted, (int)cursor_left(&line), line.at);
}

Test(evtx, renders_every_type)
{
	struct log_reading reading;
	sample_read("evtx-types", &reading);
	static const char json[] =
		"{\"Event\":{\"Data\":[\"A\xc3\xa4\xf0\x9f\x98\x80\",\"ansi\xc3\xa4\",-1,255,-2,65534,-2147483648,4294967295,-9223372036854775808,"
		"18446744073709551615,\"1.5\",\"-0.5\",true,\"DEADBEEF\",\"{54849625-5478-4994-a5ba-3e3b0328c30d}\",\"0x10\","
		"\"2016-02-15T09:24:45.1332096Z\",\"2016-02-15T08:53:20.123Z\",\"S-1-5-32-544\",\"0xc000000c\",\"0x8010000000000000\","
		"\"\xe6\xb9\xaf\x65\xe7\x9d\xb4\x6f\",\"one\",\"two\",1,2,3,1,4294967295,\"\",\"{54849625-5478-4994-a5ba-3e3b0328c30d}\",\"S-1-5-18\","
		"\"S-1-5-19\",true,false,\"010203\",\"0102\"]}}";
	cr_expect_eq(reading.counts.read, 2);
	line_is(&reading.json, 0, json);
	/* The second uses the definition that stands in the first. */
	line_is(&reading.json, 1, json);
	struct cursor xml = log_line(&reading.xml, 0);
	cr_expect(memmem(xml.at, cursor_left(&xml), "<Data>one</Data><Data>two</Data>", 32) != NULL);
	cr_expect(memmem(xml.at, cursor_left(&xml), "<Data>-9223372036854775808</Data>", 33) != NULL);
	log_reading_done(&reading);
}

Test(evtx, reads_every_token)
{
	struct log_reading reading;
	sample_read("evtx-tokens", &reading);
	/* U+0000 and half a surrogate exactly in JSON; XML cannot hold them. */
	line_is(&reading.json, 0, "{\"Event\":{\"EventData\":{\"#attributes\":{\"a\":\"1 < 2\",\"b\":\"\\\"x\"},\"Empty\":null,\"Odd\":[\"a\\ud800 \\u0000\\u0001\\u001b"
		"\xf0\x9f\x98\x80\xef\xbf\xbe<&\\\"\\r\\n\\t\",\"again\"],\"#text\":\"before <cdata & more>\xc3\xa4&\xef\xbf\xbd\"}}}");
	static const char xml[] =
		"<Event><EventData a=\"1 &lt; 2\" b=\"&quot;x\">before <Empty/>&lt;cdata &amp; more&gt;\xc3\xa4&amp;\xef\xbf\xbd<Odd>a\xef\xbf\xbd \xef\xbf\xbd"
		"\xef\xbf\xbd\xef\xbf\xbd\xf0\x9f\x98\x80\xef\xbf\xbd&lt;&amp;&quot;&#13;\n\t</Odd><Odd>again</Odd></EventData></Event>\n";
	cr_expect(reading.xml.length == sizeof(xml) - 1 && memcmp(reading.xml.data, xml, sizeof(xml) - 1) == 0, "%s", buffer_text(&reading.xml));
	log_reading_done(&reading);
}

Test(evtx, reads_records_without_templates)
{
	struct log_reading reading;
	sample_read("evtx-bare", &reading);
	cr_expect_eq(reading.counts.read, 3);
	line_is(&reading.json, 1, "{\"Event\":{\"#attributes\":{\"xmlns\":\"http://schemas.microsoft.com/win/2004/08/events/event\"},\"System\":{\"Provider\":"
		"{\"#attributes\":{\"Name\":\"Microsoft-Windows-Security-Auditing\"}},\"EventID\":\"5157\",\"EventRecordID\":\"2\"},\"EventData\":"
		"{\"SourceAddress\":\"203.0.113.9\"}}}");
	cr_expect_eq(reading.events[1].id, 5157);
	log_reading_done(&reading);
}

/* An exported log counts its records anew, and says when it wrote them: the event itself knows better. */
Test(evtx, the_event_says_its_number_and_time)
{
	struct evtx_make make;
	struct log_reading reading;
	evtx_make_init(&make);
	evtx_make_chunk(&make);
	evtx_make_record(&make, 55, UINT64_C(132773000000000000));
	evtx_make_fragment(&make);
	evtx_make_element(&make, "Event", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(&make);
	evtx_make_element(&make, "System", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(&make);
	evtx_make_element(&make, "TimeCreated", true, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_attribute(&make, "SystemTime", false);
	evtx_make_text(&make, "2021-09-14T17:02:40.123456700+02:00");
	evtx_make_attributes_end(&make);
	evtx_make_empty_end(&make);
	evtx_make_element(&make, "EventRecordID", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(&make);
	evtx_make_text(&make, "3178178");
	evtx_make_element_end(&make);
	evtx_make_element_end(&make);
	evtx_make_element_end(&make);
	evtx_make_record_end(&make);
	evtx_make_end(&make, 0);
	log_read(make.file.data, make.file.length, NULL, NULL, LOG_ALL, &reading);
	cr_assert_eq(reading.count, 1);
	cr_expect_eq(reading.events[0].number, 55, "the one to count by");
	cr_expect_eq(reading.events[0].time, UINT64_C(132761053601234567), "%llu", (unsigned long long)reading.events[0].time);
	line_has(&reading.eventlog, 0, " 3178178 \"2021-09-14 15:02:40\" \"2021-09-28 ");
	log_reading_done(&reading);
	evtx_make_done(&make);
}

/* Without its template, a record's values are where System mostly has them. */
Test(evtx, values_without_a_template_are_known_by_their_types)
{
	static const char *const names[] = {"SourceAddress"}, *const values[] = {"203.0.113.9"};
	const struct evtx_make_event event = {"Microsoft-Windows-Security-Auditing", "Security", "WEB01", 5157, 1, UINT64_C(0x8010000000000000), names, values, 1};
	struct evtx_make make;
	struct log_reading reading;
	evtx_make_init(&make);
	evtx_make_chunk(&make);
	evtx_make_event(&make, 1, UINT64_C(132773000000000000), &event);
	evtx_make_event(&make, 2, UINT64_C(132773000010000000), &event);
	evtx_make_end(&make, 0);
	/* The definition of System is said to have no bytes: the record that it stands in is lost, the other is not. */
	uint8_t *chunk = (uint8_t *)make.file.data + 4096;
	size_t definition = le32(chunk + CHUNK_HEAD + 24 + 4 + 6);
	memset(chunk + definition + 20, 0, 4);
	evtx_make_seal(chunk);
	log_read(make.file.data, make.file.length, NULL, NULL, LOG_ALL, &reading);
	cr_assert_eq(reading.count, 1, "%s", buffer_text(&reading.damage));
	cr_expect_eq(reading.events[0].id, 5157);
	cr_expect_eq(reading.events[0].time, UINT64_C(132773000010000000));
	line_has(&reading.eventlog, 0, " Microsoft-Windows-Security-Auditing 203.0.113.9 ");
	line_has(&reading.json, 0, "\"EventID\":5157,\"Channel\":\"Security\"");
	log_reading_done(&reading);
	evtx_make_done(&make);
}

/* MS-EVEN6 4.4 in the form of the file: an element with text, by hand.  Names have their offset before them and, where they
 * stand for the first time, the next of their bucket (0), hash and length. */
static size_t listing_read(const uint8_t *body, size_t length, struct log_reading *reading)
{
	static uint8_t file[EVTX_MAKE_CHUNK];
	memset(file, 0, sizeof(file));
	size_t size = 24 + length + 4;
	memcpy(file, "ElfChnk", 8);
	file[8] = file[16] = file[24] = file[32] = 1;
	file[40] = 128;
	file[44] = 0;
	file[45] = 2; /* the last record is at 512 */
	file[48] = (uint8_t)(CHUNK_HEAD + size);
	file[49] = (uint8_t)((CHUNK_HEAD + size) >> 8);
	uint8_t *record = file + CHUNK_HEAD;
	memcpy(record, "**\0", 4);
	record[4] = (uint8_t)size;
	record[5] = (uint8_t)(size >> 8);
	record[8] = 1;
	memcpy(record + 24, body, length);
	memcpy(record + 24 + length, record + 4, 4);
	evtx_make_seal(file);
	log_read(file, sizeof(file), NULL, NULL, LOG_ALL, reading);
	return size;
}

Test(evtx, simple_listing)
{
	/* <SomeElement>text</SomeElement>; the record's body is at 0x218 of the chunk. */
	static const uint8_t body[] = {
		0x0f, 0x01, 0x01, 0x00,                         /* 218: fragment, version 1.1 */
		0x01, 0x32, 0x00, 0x00, 0x00,                   /* 21c: element, 50 bytes from 221 on */
		0x25, 0x02, 0x00, 0x00,                         /* 221: its name is at 225 */
		0x00, 0x00, 0x00, 0x00, 0x68, 0xc6, 0x0b, 0x00, /* 225: next, hash, 11 characters */
		'S', 0, 'o', 0, 'm', 0, 'e', 0, 'E', 0, 'l', 0, 'e', 0, 'm', 0, 'e', 0, 'n', 0, 't', 0, 0, 0,
		0x02,                                           /* 245: > */
		0x05, 0x01, 0x04, 0x00, 't', 0, 'e', 0, 'x', 0, 't', 0,
		0x04,                                           /* 252: </ */
		0x00,                                           /* 253: end */
	};
	struct log_reading reading;
	listing_read(body, sizeof(body), &reading);
	cr_expect_null(reading.wrong);
	line_is(&reading.json, 0, "{\"SomeElement\":\"text\"}");
	line_is(&reading.xml, 0, "<SomeElement>text</SomeElement>");
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
}

Test(evtx, template_listing)
{
	/* MS-EVEN6 4.8: <SomeEvent><PropA> %1 </PropA><PropB> %2 </PropB></SomeEvent> with 99 and 101, both int32. */
	static const uint8_t body[] = {
		0x0f, 0x01, 0x01, 0x00,                                     /* 218: fragment */
		0x0c, 0x01, 0xd2, 0x04, 0x00, 0x00, 0x26, 0x02, 0x00, 0x00, /* 21c: instance of template 0x4d2, whose definition is at 226 */
		0x00, 0x00, 0x00, 0x00,                                     /* 226: next definition: none */
		0xd2, 0x04, 0x00, 0x00, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, /* 22a: its GUID */
		0x90, 0x00, 0x00, 0x00,                                     /* 23a: 144 bytes */
		0x0f, 0x01, 0x01, 0x00,                                     /* 23e */
		0x01, 0xff, 0xff, 0x84, 0x00, 0x00, 0x00,                   /* 242: element, no dependency */
		0x4d, 0x02, 0x00, 0x00,                                     /* 249: name at 24d */
		0x00, 0x00, 0x00, 0x00, 0xa6, 0xa3, 0x09, 0x00, 'S', 0, 'o', 0, 'm', 0, 'e', 0, 'E', 0, 'v', 0, 'e', 0, 'n', 0, 't', 0, 0, 0,
		0x02,                                                       /* 269 */
		0x01, 0xff, 0xff, 0x2a, 0x00, 0x00, 0x00,                   /* 26a */
		0x75, 0x02, 0x00, 0x00,                                     /* 271: name at 275 */
		0x00, 0x00, 0x00, 0x00, 0x1e, 0x7a, 0x05, 0x00, 'P', 0, 'r', 0, 'o', 0, 'p', 0, 'A', 0, 0, 0,
		0x02,                                                       /* 289 */
		0x05, 0x01, 0x01, 0x00, ' ', 0,                             /* 28a */
		0x0d, 0x00, 0x00, 0x07,                                     /* 290: value 0, int32 */
		0x05, 0x01, 0x01, 0x00, ' ', 0,
		0x04,
		0x01, 0xff, 0xff, 0x2a, 0x00, 0x00, 0x00,                   /* 29b */
		0xa6, 0x02, 0x00, 0x00,                                     /* 2a2: name at 2a6 */
		0x00, 0x00, 0x00, 0x00, 0x1f, 0x7a, 0x05, 0x00, 'P', 0, 'r', 0, 'o', 0, 'p', 0, 'B', 0, 0, 0,
		0x02,
		0x05, 0x01, 0x01, 0x00, ' ', 0,
		0x0e, 0x01, 0x00, 0x07,                                     /* value 1, optional */
		0x05, 0x01, 0x01, 0x00, ' ', 0,
		0x04,
		0x04,
		0x00,                                                       /* end of the definition */
		0x02, 0x00, 0x00, 0x00,                                     /* two values: size, type */
		0x04, 0x00, 0x07, 0x00, 0x04, 0x00, 0x07, 0x00,
		0x63, 0x00, 0x00, 0x00, 0x65, 0x00, 0x00, 0x00,             /* 99, 101 */
		0x00,
	};
	struct log_reading reading;
	listing_read(body, sizeof(body), &reading);
	cr_expect_null(reading.wrong);
	line_is(&reading.xml, 0, "<SomeEvent><PropA> 99 </PropA><PropB> 101 </PropB></SomeEvent>");
	line_is(&reading.json, 0, "{\"SomeEvent\":{\"PropA\":\" 99 \",\"PropB\":\" 101 \"}}");
	cr_expect_eq(reading.counts.unreadable, 0, "%s", buffer_text(&reading.damage));
	log_reading_done(&reading);
}

/* One template with an element for each rule, values given. */
static void rules_read(const struct evtx_make_value values[3], struct log_reading *reading)
{
	struct evtx_make *make = malloc(sizeof(*make));
	size_t offset = 0;
	evtx_make_init(make);
	evtx_make_chunk(make);
	evtx_make_record(make, 1, time_first);
	evtx_make_fragment(make);
	evtx_make_instance(make, 7, &offset);
	/* The root hangs on value 2, and is there all the same. */
	evtx_make_element(make, "Event", false, 2);
	evtx_make_start_end(make);
	evtx_make_element(make, "A", true, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_attribute(make, "x", false);
	evtx_make_substitution(make, 0, 0x01, true);
	evtx_make_attributes_end(make);
	evtx_make_start_end(make);
	evtx_make_text(make, "kept");
	evtx_make_element_end(make);
	evtx_make_element(make, "B", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	evtx_make_text(make, "with ");
	evtx_make_substitution(make, 0, 0x01, true);
	evtx_make_element_end(make);
	evtx_make_element(make, "C", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	evtx_make_substitution(make, 0, 0x01, false);
	evtx_make_element_end(make);
	evtx_make_element(make, "D", false, 1);
	evtx_make_start_end(make);
	evtx_make_text(make, "by value 1");
	evtx_make_element_end(make);
	evtx_make_element_end(make);
	evtx_make_definition_end(make);
	evtx_make_values(make, values, 3);
	evtx_make_record_end(make);
	evtx_make_end(make, 0);
	log_read(make->file.data, make->file.length, NULL, NULL, LOG_ALL, reading);
	cr_expect_null(reading->wrong);
	evtx_make_done(make);
	free(make);
}

Test(evtx, optional_values_take_their_element_with_them)
{
	static const struct evtx_make_value null[3] = {{0, "", 0}, {0, "", 0}, {0, "", 0}};
	static const struct evtx_make_value there[3] = {{1, "v\0", 2}, {8, "\1\0\0\0", 4}, {0, "", 0}};
	struct log_reading reading;
	rules_read(null, &reading);
	line_is(&reading.xml, 0, "<Event><A>kept</A><C></C></Event>");
	line_is(&reading.json, 0, "{\"Event\":{\"A\":\"kept\",\"C\":\"\"}}");
	log_reading_done(&reading);
	rules_read(there, &reading);
	line_is(&reading.xml, 0, "<Event><A x=\"v\">kept</A><B>with v</B><C>v</C><D>by value 1</D></Event>");
	line_is(&reading.json, 0, "{\"Event\":{\"A\":{\"#attributes\":{\"x\":\"v\"},\"#text\":\"kept\"},\"B\":\"with v\",\"C\":\"v\",\"D\":\"by value 1\"}}");
	log_reading_done(&reading);
}

/* --- Chunks --- */

Test(evtx, walks_the_file_and_not_its_header)
{
	struct log_reading reading;
	sample_read("evtx-dirty", &reading);
	cr_expect_eq(reading.counts.read, 300);
	cr_expect_eq(reading.counts.recovered, 0);
	cr_expect_eq(reading.events[299].number, 1299);
	log_reading_done(&reading);
}

static struct buffer drops_make(size_t count)
{
	struct buffer buffer;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	log_sample_named("evtx")->make(count, &buffer);
	return buffer;
}

static uint8_t *chunk_of(const struct buffer *buffer, size_t index)
{
	return (uint8_t *)buffer->data + FILE_HEAD + index * EVTX_MAKE_CHUNK;
}

static void all_read(const struct buffer *buffer, struct log_reading *reading)
{
	log_read(buffer->data, buffer->length, &evtx_reader, NULL, LOG_JSON, reading);
	cr_expect_null(reading->wrong);
}

/* Each number from first to last once, and no other. */
static bool numbers_are(const struct log_reading *reading, uint64_t first, uint64_t last)
{
	for (uint64_t number = first; number <= last; number++)
		if (!log_has(reading, number, 0))
			return false;
	return reading->count == last - first + 1;
}

Test(evtx, chunks_swapped_and_doubled)
{
	struct buffer buffer = drops_make(300);
	size_t chunks = (buffer.length - FILE_HEAD) / EVTX_MAKE_CHUNK;
	struct log_reading reading;
	static uint8_t kept[EVTX_MAKE_CHUNK];
	cr_assert_geq(chunks, 3);
	memcpy(kept, chunk_of(&buffer, 0), sizeof(kept));
	memcpy(chunk_of(&buffer, 0), chunk_of(&buffer, 1), sizeof(kept));
	memcpy(chunk_of(&buffer, 1), kept, sizeof(kept));
	all_read(&buffer, &reading);
	cr_expect(numbers_are(&reading, 1000, 1299));
	for (size_t i = 1; i < reading.count; i++)
		cr_expect_eq(reading.events[i].number, reading.events[i - 1].number + 1, "record %zu: their numbers are the order", i);
	log_reading_done(&reading);
	/* The first again at the end. */
	buffer_add(&buffer, kept, sizeof(kept));
	all_read(&buffer, &reading);
	cr_expect(numbers_are(&reading, 1000, 1299));
	cr_expect_gt(reading.counts.duplicates, 50);
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
	buffer_done(&buffer);
}

Test(evtx, chunk_zeroed_loses_its_records_only)
{
	struct buffer buffer = drops_make(300);
	struct log_reading whole, reading;
	all_read(&buffer, &whole);
	memset(chunk_of(&buffer, 1), 0, EVTX_MAKE_CHUNK);
	all_read(&buffer, &reading);
	for (size_t i = 0; i < whole.count; i++) {
		bool inside = whole.events[i].offset >= FILE_HEAD + EVTX_MAKE_CHUNK && whole.events[i].offset < FILE_HEAD + 2 * EVTX_MAKE_CHUNK;
		cr_expect_eq(log_has(&reading, whole.events[i].number, 0), !inside, "record %llu", (unsigned long long)whole.events[i].number);
	}
	log_reading_done(&reading);
	log_reading_done(&whole);
	buffer_done(&buffer);
}

Test(evtx, zeros_over_the_end_of_a_chunk_are_said_one_by_one)
{
	struct buffer buffer = drops_make(300);
	struct log_reading whole, reading;
	all_read(&buffer, &whole);
	/* Over the last 8,000 bytes of the first chunk and the head of the second. */
	memset(chunk_of(&buffer, 1) - 8000, 0, 8000 + CHUNK_HEAD);
	all_read(&buffer, &reading);
	size_t lost = 0;
	for (size_t i = 0; i < whole.count; i++)
		lost += !log_has(&reading, whole.events[i].number, 0);
	cr_expect_gt(lost, 2);
	cr_expect_lt(lost, 20);
	cr_expect_eq(reading.counts.unreadable, lost, "%llu said, %zu lost\n%s", (unsigned long long)reading.counts.unreadable, lost,
		     buffer_text(&reading.damage));
	log_reading_done(&reading);
	log_reading_done(&whole);
	buffer_done(&buffer);
}

Test(evtx, bytes_missing_in_the_middle)
{
	struct buffer buffer = drops_make(300);
	struct log_reading reading;
	/* 1,000 bytes of the first chunk's end are gone: all that follows is out of step. */
	uint8_t *from = chunk_of(&buffer, 0) + 40000;
	memmove(from, from + 1000, buffer.length - (size_t)((char *)from - buffer.data) - 1000);
	buffer.length -= 1000;
	all_read(&buffer, &reading);
	cr_expect_geq(reading.count, 290);
	cr_expect(log_has(&reading, 1299, 0));
	cr_expect_gt(reading.counts.unreadable, 0);
	log_reading_done(&reading);
	buffer_done(&buffer);
}

Test(evtx, stale_copies_behind_the_end_are_dropped)
{
	struct buffer buffer = drops_make(300);
	struct log_reading reading;
	uint8_t *last = chunk_of(&buffer, (buffer.length - FILE_HEAD) / EVTX_MAKE_CHUNK - 1), *second = chunk_of(&buffer, 1);
	uint32_t end = le32(last + 48);
	/* Behind the end of the last chunk: records 3 and on of the second, as they lay there before. */
	size_t from = CHUNK_HEAD;
	for (size_t i = 0; i < 3; i++)
		from += le32(second + from + 4);
	size_t length = EVTX_MAKE_CHUNK - (end > from ? end : from);
	memcpy(last + (end > from ? end : from), second + (end > from ? end : from), length);
	all_read(&buffer, &reading);
	cr_expect(numbers_are(&reading, 1000, 1299));
	cr_expect_gt(reading.counts.duplicates, 10);
	log_reading_done(&reading);
	/* The second chunk is gone: now they are what is left of it, without the templates that stood in it. */
	memset(second, 0, EVTX_MAKE_CHUNK);
	all_read(&buffer, &reading);
	cr_expect_gt(reading.counts.recovered, 10);
	cr_expect_eq(reading.counts.duplicates, 0);
	cr_expect(memmem(reading.json.data, reading.json.length, "#unreadable", 11) != NULL || reading.counts.recovered > 0);
	log_reading_done(&reading);
	buffer_done(&buffer);
}

Test(evtx, a_log_in_use_goes_on_behind_its_header)
{
	struct buffer buffer = drops_make(60);
	struct log_reading reading, live;
	uint8_t *chunk = chunk_of(&buffer, 0);
	/* The header as it was 10 records before. */
	size_t at = CHUNK_HEAD, last = 0;
	for (size_t i = 0; i < 50; i++, at += le32(chunk + at + 4))
		last = at;
	chunk[44] = (uint8_t)last, chunk[45] = (uint8_t)(last >> 8);
	chunk[48] = (uint8_t)at, chunk[49] = (uint8_t)(at >> 8);
	chunk[16] = chunk[32] = (uint8_t)(1049 & 255), chunk[17] = chunk[33] = 1049 >> 8;
	evtx_make_seal(chunk);
	all_read(&buffer, &reading);
	cr_expect(numbers_are(&reading, 1000, 1059));
	cr_expect_eq(reading.counts.recovered, 0);
	log_reading_done(&reading);
	log_read(buffer.data, buffer.length, &evtx_reader, &(struct reader_options){.live_only = true}, LOG_JSON, &live);
	cr_expect(numbers_are(&live, 1000, 1059));
	log_reading_done(&live);
	buffer_done(&buffer);
}

/* --- Parts --- */

Test(evtx, parts_together_are_the_whole)
{
	struct buffer buffer = drops_make(300);
	struct log_reading whole;
	(void)buffer_room(&buffer, EVTX_MAKE_CHUNK);
	buffer_add(&buffer, chunk_of(&buffer, 0), EVTX_MAKE_CHUNK);
	all_read(&buffer, &whole);
	int fd = memfd_create("log", MFD_CLOEXEC);
	cr_assert(fd >= 0 && write(fd, buffer.data, buffer.length) == (ssize_t)buffer.length && lseek(fd, 0, SEEK_SET) == 0);
	struct input *input;
	struct reader *reader, *part = NULL;
	struct event event;
	struct buffer json;
	buffer_init(&json, LOG_SAMPLE_MOST);
	cr_assert_eq(input_open_fd(fd, "log", NULL, &input), 0);
	cr_assert_eq(evtx_reader.open(input, &(struct reader_options){.strict = false}, NULL, &reader), 0);
	size_t parts = evtx_reader.parts(reader);
	cr_expect_geq(parts, 4);
	/* In any order, as threads take them. */
	for (size_t turn = 0; turn < 2; turn++) {
		buffer_clear(&json);
		for (size_t i = 0; i < parts; i++) {
			cr_assert_eq(evtx_reader.part(reader, turn == 0 ? i : parts - 1 - i, &part), 0);
			while (evtx_reader.next(part, &event) > 0) {
				event.kind->json(&event, &json);
				buffer_add_char(&json, '\n');
			}
		}
		cr_expect_eq(json.length, whole.json.length);
		cr_expect(turn > 0 || memcmp(json.data, whole.json.data, json.length) == 0);
	}
	/* Who has asked how many parts there are may still read them all at once. */
	size_t count = 0;
	while (evtx_reader.next(reader, &event) > 0)
		count++;
	cr_expect_eq(count, whole.count);
	cr_expect_eq(reader->counts.duplicates, whole.counts.duplicates);
	evtx_reader.close(part);
	evtx_reader.close(reader);
	input_close(input);
	buffer_done(&json);
	log_reading_done(&whole);
	buffer_done(&buffer);
}

/* --- Filters --- */

Test(evtx, filters_by_id_provider_time_and_number)
{
	struct buffer buffer = drops_make(90);
	uint32_t ids[] = {4960};
	struct cursor providers[] = {cursor_text("microsoft-windows-security-auditing")}, others[] = {cursor_text("Security")};
	const struct { const char *what; struct event_filter filter; size_t count; } cases[] = {
		{"one id", {.ids = ids, .id_count = 1}, 30},
		{"provider, whatever the case", {.providers = providers, .provider_count = 1}, 90},
		{"another provider", {.providers = others, .provider_count = 1}, 0},
		{"both", {.ids = ids, .id_count = 1, .providers = providers, .provider_count = 1}, 30},
		{"from the tenth second on", {.since = time_first + 10 * UINT64_C(10000000)}, 80},
		{"before the tenth second", {.until = time_first + 10 * UINT64_C(10000000)}, 10},
		{"numbers", {.number_first = 1010, .number_last = 1019}, 10},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct log_reading reading;
		log_read(buffer.data, buffer.length, &evtx_reader, &(struct reader_options){.filter = cases[i].filter}, LOG_JSON, &reading);
		cr_expect_eq(reading.count, cases[i].count, "%s: %zu", cases[i].what, reading.count);
		cr_expect_eq(reading.counts.filtered, 90 - cases[i].count, "%s", cases[i].what);
		log_reading_done(&reading);
	}
	buffer_done(&buffer);
}

/* --- Bombs --- */

/* A template that uses its value many times, and in that value the same again, and so on. */
static void bomb_make(struct evtx_make *make, size_t uses, size_t depth, size_t values, bool text)
{
	static uint8_t nested[8][16384];
	size_t size[8] = {0}, offset = 0;
	evtx_make_chunk(make);
	evtx_make_record(make, 1, time_first);
	evtx_make_fragment(make);
	evtx_make_instance(make, 7, &offset);
	evtx_make_element(make, "Event", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	for (size_t i = 0; i < uses; i++)
		evtx_make_substitution(make, 0, text ? 0x01 : 0x21, false);
	evtx_make_element_end(make);
	evtx_make_definition_end(make);
	/* The innermost first: an instance of the same template, with an empty value and many more. */
	for (size_t level = 0; level < depth; level++) {
		uint8_t *at = nested[level];
		size_t inner = level > 0 ? size[level - 1] : 0, count = level == 0 ? values : 1;
		memcpy(at, "\x0f\x01\x01\x00\x0c\x01\x07\x00\x00\x00", 10);
		for (size_t i = 0; i < 4; i++) {
			at[10 + i] = (uint8_t)(offset >> 8 * i);
			at[14 + i] = (uint8_t)(count >> 8 * i);
		}
		memset(at + 18, 0, 4 * count);
		at[18] = (uint8_t)inner, at[19] = (uint8_t)(inner >> 8), at[20] = inner > 0 ? 0x21 : 0;
		if (inner > 0)
			memcpy(at + 18 + 4 * count, nested[level - 1], inner);
		size[level] = 18 + 4 * count + inner;
	}
	const struct evtx_make_value value = {text ? 0x01 : 0x21, nested[depth - 1], size[depth - 1]};
	evtx_make_values(make, &value, 1);
	evtx_make_record_end(make);
}

static void bomb_read(size_t uses, size_t depth, size_t values, bool text)
{
	struct evtx_make *make = malloc(sizeof(*make));
	struct log_reading reading;
	evtx_make_init(make);
	bomb_make(make, uses, depth, values, text);
	/* The same record many times, each with another number. */
	size_t first = CHUNK_HEAD, size = le32(make->chunk + first + 4);
	(void)size;
	evtx_make_end(make, 0);
	log_read(make->file.data, make->file.length, NULL, NULL, LOG_JSON | LOG_XML | LOG_DATA, &reading);
	cr_expect_eq(reading.count, 1);
	cr_expect_null(reading.wrong);
	cr_expect_leq(reading.json.length, 33 << 20);
	cr_expect_leq(reading.xml.length, 33 << 20);
	cr_expect_gt(reading.counts.unreadable, 0, "nothing was said of it");
	log_reading_done(&reading);
	evtx_make_done(make);
	free(make);
}

Test(evtx, bombs_are_bounded_and_said, .timeout = 30)
{
	bomb_read(1000, 4, 1, false);   /* 10^12 documents */
	bomb_read(1000, 3, 4000, false); /* each with many values */
	bomb_read(5, 8, 1, false);
}

Test(evtx, text_used_again_and_again_is_bounded, .timeout = 30)
{
	/* 5,000 times a value of 16,000 bytes: 40 MB of text. */
	struct evtx_make *make = malloc(sizeof(*make));
	struct log_reading reading;
	static char text[8001];
	size_t offset = 0;
	static uint8_t units[16000];
	for (size_t i = 0; i < sizeof(units); i += 2)
		units[i] = 'x';
	memset(text, 'x', sizeof(text) - 1);
	evtx_make_init(make);
	evtx_make_chunk(make);
	evtx_make_record(make, 1, time_first);
	evtx_make_fragment(make);
	evtx_make_instance(make, 7, &offset);
	evtx_make_element(make, "Event", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	for (size_t i = 0; i < 5000; i++)
		evtx_make_substitution(make, 0, 0x01, false);
	evtx_make_element_end(make);
	evtx_make_definition_end(make);
	evtx_make_values(make, &(struct evtx_make_value){0x01, units, sizeof(units)}, 1);
	evtx_make_record_end(make);
	evtx_make_end(make, 0);
	log_read(make->file.data, make->file.length, NULL, NULL, LOG_JSON, &reading);
	cr_expect_null(reading.wrong);
	cr_expect_leq(reading.json.length, EVTX_OUTPUT + 100000);
	cr_expect_gt(reading.counts.unreadable, 0);
	log_reading_done(&reading);
	evtx_make_done(make);
	free(make);
}

Test(evtx, elements_by_the_thousand_are_read_in_time, .timeout = 30)
{
	/* Siblings with names of their own, then elements nested as deep as they may be, and deeper. */
	struct evtx_make *make = malloc(sizeof(*make));
	struct log_reading reading;
	evtx_make_init(make);
	evtx_make_chunk(make);
	evtx_make_record(make, 1, time_first);
	evtx_make_fragment(make);
	evtx_make_element(make, "Event", false, 0);
	evtx_make_start_end(make);
	for (size_t i = 0; i < 1500; i++) {
		char name[16];
		(void)snprintf(name, sizeof(name), "n%zu", i);
		evtx_make_element(make, name, false, 0);
		evtx_make_empty_end(make);
	}
	evtx_make_element_end(make);
	evtx_make_record_end(make);
	for (size_t depth = 60; depth <= 70; depth += 10) {
		evtx_make_record(make, 2 + (depth > 60), time_first);
		evtx_make_fragment(make);
		for (size_t i = 0; i < depth; i++) {
			evtx_make_element(make, "e", false, 0);
			evtx_make_start_end(make);
		}
		for (size_t i = 0; i < depth; i++)
			evtx_make_element_end(make);
		evtx_make_record_end(make);
	}
	evtx_make_end(make, 0);
	log_read(make->file.data, make->file.length, NULL, NULL, LOG_ALL, &reading);
	cr_expect_null(reading.wrong);
	cr_expect_eq(reading.count, 2);
	cr_expect_eq(reading.counts.unreadable, 1);
	cr_expect(memmem(reading.damage.data, reading.damage.length, "nested deeper than 64", 21) != NULL);
	log_reading_done(&reading);
	evtx_make_done(make);
	free(make);
}
