/* The rules of logs.md 2.1, by their numbers. */
#include <sys/resource.h>
#include <unistd.h>

#include "logparse/reader/evtx_value.h"
#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/log_expect.h"

enum { UNIX = 1063360000 /* 2003-09-12 09:46:40 */, HEAD = 48, END = 40 };

static struct evt_make *make;

static void begin(size_t size, uint32_t first)
{
	make = malloc(sizeof(*make));
	cr_assert_not_null(make);
	evt_make_init(make, size, first);
}

static void finish(void)
{
	evt_make_done(make);
	free(make);
}

/* A record of one string; its number tells them apart. */
static void add(uint32_t id, const char *text)
{
	const char *const strings[] = {"", text};
	evt_make_add(make, &(struct evt_make_record){.time = UNIX + make->number, .written = UNIX + make->number, .id = id, .type = 4,
						     .source = "IPSec", .computer = "WEB01", .strings = strings, .string_count = 2});
}

static void put32(size_t at, uint32_t number)
{
	for (size_t i = 0; i < 4; i++)
		make->bytes[at + i] = (uint8_t)(number >> 8 * i);
}

static void numbers_are(const struct log_reading *reading, const char *what, size_t count, const uint64_t *wanted, size_t recovered)
{
	cr_assert_eq(reading->count, count, "%s: %zu records", what, reading->count);
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(reading->events[i].number, wanted[i], "%s: %zu is %llu", what, i, (unsigned long long)reading->events[i].number);
	cr_expect_eq(reading->counts.recovered, recovered, "%s: %zu recovered", what, (size_t)reading->counts.recovered);
	for (size_t i = 0; i < count; i++)
		cr_expect_eq(reading->events[i].recovered, i >= count - recovered, "%s: %zu", what, i);
}
#define NUMBERS(reading, what, recovered, ...)                                                                          \
	numbers_are((reading), (what), sizeof((uint64_t[]){__VA_ARGS__}) / sizeof(uint64_t), (const uint64_t[]){__VA_ARGS__}, (recovered))

/* Rule 1: every place at which a record or the end record can run over the end of the file. */
Test(evt, wraps_at_every_place)
{
	for (size_t size = 1000; size < 1000 + 160; size += 4) {
		for (unsigned dirty = 0; dirty < 2; dirty++) {
			struct log_reading reading;
			begin(size, 1);
			for (size_t i = 0; i < 17; i++)
				add(4294, "");
			evt_make_end(make, dirty == 1);
			log_bytes(make->bytes, size, NULL, NULL, &reading);
			cr_expect_eq(reading.counts.unreadable, 0);
			size_t live = 0;
			for (size_t i = 0; i < reading.count; i++)
				live += !reading.events[i].recovered;
			cr_expect_eq(live, make->count, "%zu: %zu live of %zu\n%s", size, live, make->count, buffer_text(&reading.damage));
			for (size_t i = 0; i < make->count; i++)
				cr_expect(log_has(&reading, make->live[make->first + i].number, 0));
			log_reading_done(&reading);
			finish();
		}
	}
}

/* Rule 1: filler before the end of the file, too short for a record. */
Test(evt, filler_before_the_end_is_passed_over)
{
	begin(HEAD + 400, 1);
	add(4294, "");
	add(4294, "");
	evt_make_end(make, false);
	size_t size = make->size, record = make->live[0].size;
	/* Moved by hand: the second record stands at the end of the file but 28 bytes, the third at its start. */
	uint8_t *bytes = calloc(1, size), *at = make->bytes;
	memcpy(bytes, at, HEAD);
	size_t second = size - 28 - record, end = HEAD + record;
	memcpy(bytes + second, at + make->live[0].offset, record);
	memcpy(bytes + HEAD, at + make->live[1].offset, record);
	for (size_t i = size - 28; i < size; i += 4)
		memcpy(bytes + i, "\x27\0\0\0", 4);
	const uint32_t marks[10] = {0x28, 0x11111111, 0x22222222, 0x33333333, 0x44444444, (uint32_t)second, (uint32_t)end, 3, 1, 0x28};
	for (size_t i = 0; i < 40; i++)
		bytes[end + i] = (uint8_t)(marks[i / 4] >> 8 * (i % 4));
	const uint32_t head[4] = {(uint32_t)second, (uint32_t)end, 3, 1};
	for (size_t i = 0; i < 16; i++)
		bytes[16 + i] = (uint8_t)(head[i / 4] >> 8 * (i % 4));
	struct log_reading reading;
	log_bytes(bytes, size, NULL, NULL, &reading);
	NUMBERS(&reading, "filler", 0, 1, 2);
	cr_expect_eq(reading.counts.unreadable, 0, "%s", buffer_text(&reading.damage));
	log_reading_done(&reading);
	free(bytes);
	finish();
}

/* Rule 2: a stale header is not believed, nor is a clean one that points nowhere; of two end records the newer is. */
Test(evt, stale_headers)
{
	for (unsigned i = 0; i < 5; i++) {
		struct log_reading reading;
		begin(1200, 10);
		for (size_t j = 0; j < 5; j++)
			add(4294, "");
		evt_make_end(make, i == 0);
		if (i == 1)
			put32(20, 0xfffffff0);
		else if (i == 2)
			put32(16, 7), put32(20, 60), put32(24, 0), put32(28, 0);
		else if (i == 3)
			put32(36, 1), put32(24, 12); /* the flag alone */
		else if (i == 4) { /* an older end record, where one of a longer file was */
			const uint32_t old[10] = {0x28, 0x11111111, 0x22222222, 0x33333333, 0x44444444, HEAD, 1120, 3, 1, 0x28};
			put32(36, 1);
			for (size_t j = 0; j < 10; j++)
				put32(1120 + 4 * j, old[j]);
		}
		log_bytes(make->bytes, make->size, NULL, NULL, &reading);
		NUMBERS(&reading, "stale header", 0, 10, 11, 12, 13, 14);
		cr_expect_eq(reading.counts.unreadable, 0);
		log_reading_done(&reading);
		finish();
	}
}

/* Rule 3: what lies outside the chain is recovered, and each record comes once. */
Test(evt, stale_copies)
{
	struct log_reading reading;
	begin(4000, 1);
	for (size_t i = 0; i < 6; i++)
		add(4294, "");
	evt_make_end(make, false);
	/* The chain begins at the third now; the first two are left over, and copies of the fourth. */
	size_t oldest = make->live[2].offset, end = make->at, size = make->live[3].size;
	put32(16, (uint32_t)oldest);
	put32(28, 3);
	put32(end + 20, (uint32_t)oldest);
	put32(end + 32, 3);
	memcpy(make->bytes + 2000, make->bytes + make->live[3].offset, size);
	memcpy(make->bytes + 2400, make->bytes + make->live[3].offset, size);
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	NUMBERS(&reading, "stale copies", 2, 3, 4, 5, 6, 1, 2);
	cr_expect_eq(reading.counts.duplicates, 2);
	cr_expect_eq(reading.counts.recovered, 2);
	log_reading_done(&reading);
	struct reader_options live = {.live_only = true};
	log_bytes(make->bytes, make->size, NULL, &live, &reading);
	NUMBERS(&reading, "live only", 0, 3, 4, 5, 6);
	log_reading_done(&reading);
	/* The same number at another time is another record. */
	memcpy(make->bytes + 2000 + 12, "\1\2\3\4", 4);
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	NUMBERS(&reading, "same number", 3, 3, 4, 5, 6, 1, 2, 4);
	log_reading_done(&reading);
	finish();
}

/* Rule 4: no end record, no header, both gone, or nothing but a piece of a file. */
Test(evt, carves)
{
	for (unsigned i = 0; i < 4; i++) {
		struct log_reading reading;
		begin(1600, 1);
		for (size_t j = 0; j < 5; j++)
			add(4294, "");
		evt_make_end(make, true);
		if (i != 1)
			memset(make->bytes + make->at, 0, END);
		if (i == 1 || i == 2)
			memset(make->bytes, 0, HEAD);
		size_t skip = i == 3 ? make->live[0].offset + 20 : 0;
		log_bytes(make->bytes + skip, make->size - skip, "evt", NULL, &reading);
		if (i == 3)
			NUMBERS(&reading, "a piece", 4, 2, 3, 4, 5);
		else
			NUMBERS(&reading, "carved", 5, 1, 2, 3, 4, 5);
		HOLDS(&reading.damage, "every record is searched for");
		cr_expect_eq(reading.counts.duplicates, 0);
		log_reading_done(&reading);
		finish();
	}
}

/* Rule 5: a record cut off is read up to the cut; offsets that lead out of it, and more strings than are there. */
Test(evt, torn_records)
{
	struct log_reading reading;
	begin(1600, 1);
	for (size_t j = 0; j < 3; j++)
		add(4294, "some text that is long enough to be cut off");
	evt_make_end(make, false);
	size_t second = make->live[1].offset, size = make->live[1].size;
	memset(make->bytes + second + size - 40, 0, 40);
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 3);
	cr_expect(log_has(&reading, 2, 0));
	HOLDS(&reading.damage, "cut off");
	HOLDS(&reading.json, "\"some text that is long en");
	log_reading_done(&reading);
	/* Without an end record the header leads on. */
	memset(make->bytes + make->at, 0, END);
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	cr_assert_eq(reading.count, 3);
	for (size_t i = 0; i < 3; i++)
		cr_expect(reading.events[i].number == i + 1 && reading.events[i].recovered == (i == 1), "%zu", i);
	HOLDS(&reading.damage, "2 its length is not the one at its end: cut off\n");
	log_reading_done(&reading);
	/* The same without a chain. */
	memset(make->bytes, 0, HEAD);
	log_bytes(make->bytes, make->size, "evt", NULL, &reading);
	NUMBERS(&reading, "torn and carved", 3, 1, 2, 3);
	HOLDS(&reading.damage, "2 zeros stand for its end: cut off\n");
	log_reading_done(&reading);
	/* A file cut off within the last: what there is of it is had, the rest is lost. */
	log_bytes(make->bytes, make->live[2].offset + size - 30, "evt", NULL, &reading);
	cr_expect(log_has(&reading, 3, 0));
	HOLDS(&reading.damage, "3 lost the file ends within it\n");
	log_reading_done(&reading);
	finish();
}

/* A closed log that is cut off (head -c 500): what the chain from the header's oldest offset reaches is live, the rest is
 * said to be lost. */
Test(evt, a_file_cut_off)
{
	begin(1600, 7);
	for (size_t j = 0; j < 3; j++)
		add(4294, "some text that is long enough to be cut off");
	evt_make_end(make, false);
	size_t third = make->live[2].offset, end = make->at;
	for (size_t length = third; length < end + END; length++) {
		struct log_reading reading;
		log_bytes(make->bytes, length, NULL, NULL, &reading);
		size_t live = length < end ? 2 : 3;
		cr_assert_geq(reading.count, live, "%zu: %zu", length, reading.count);
		for (size_t i = 0; i < reading.count; i++)
			cr_expect(reading.events[i].number == 7 + i && reading.events[i].recovered == (i >= live), "%zu: %zu", length, i);
		cr_expect_eq(reading.counts.unreadable, 3 - live, "%zu: %zu\n%s", length, (size_t)reading.counts.unreadable, buffer_text(&reading.damage));
		log_reading_done(&reading);
	}
	/* Of three records that are missing three are. */
	struct log_reading reading;
	log_bytes(make->bytes, make->live[0].offset + 8, NULL, NULL, &reading);
	cr_expect_geq(reading.counts.unreadable, 1);
	log_reading_done(&reading);
	log_bytes(make->bytes, make->live[1].offset + 30, NULL, NULL, &reading);
	NUMBERS(&reading, "the first", 0, 7);
	cr_expect_eq(reading.counts.unreadable, 2);
	log_reading_done(&reading);
	finish();
	/* A ring that has been written round: wherever it is cut off something is missing, and it is said. */
	begin(1200, 1);
	for (size_t j = 0; j < 17; j++)
		add(4294, "");
	evt_make_end(make, false);
	for (size_t length = HEAD; length < make->size; length += 4) {
		log_bytes(make->bytes, length, NULL, NULL, &reading);
		cr_expect_gt(reading.counts.unreadable, 0, "%zu\n%s", length, buffer_text(&reading.damage));
		log_reading_done(&reading);
	}
	finish();
}

/* Nothing but zeros for long, before the records, between them and behind them: it is gone through and let go again. */
Test(evt, long_runs_of_zeros_do_not_stay_in_memory)
{
	enum { RUN = 64 << 20 };
	const char *base = getenv("TMPDIR");
	char name[256];
	struct diag diag;
	struct rusage before, after;
	begin(1600, 1);
	add(4294, "");
	add(4294, "");
	evt_make_end(make, false);
	size_t size = make->live[0].size;
	/* Dirty: the end record has to be looked for.  It knows of both records, but between them are zeros. */
	put32(36, 1);
	put32(make->at + 24, 3 * RUN);
	put32(make->at + 20, HEAD);
	(void)snprintf(name, sizeof(name), "%s/cordon-zeros-XXXXXX", base != NULL ? base : "/tmp");
	int fd = mkstemp(name);
	cr_assert_geq(fd, 0);
	cr_assert_eq(unlink(name), 0);
	bool good = ftruncate(fd, 4 * (off_t)RUN) == 0 && pwrite(fd, make->bytes, HEAD + size, 0) == (ssize_t)(HEAD + size) &&
		    pwrite(fd, make->bytes + HEAD + size, size, 2 * (off_t)RUN) == (ssize_t)size && pwrite(fd, make->bytes + make->at, END, 3 * (off_t)RUN) == END;
	cr_assert(good);
	struct input *input;
	struct reader *reader;
	struct event event;
	struct reader_options options = {.strict = false};
	size_t count = 0;
	diag_init(&diag);
	(void)getrusage(RUSAGE_SELF, &before);
	cr_assert_eq(input_open_fd(fd, "zeros", &diag, &input), 0);
	cr_assert_eq(evt_reader.open(input, &options, &diag, &reader), 0);
	for (; reader->type->next(reader, &event) > 0; count++)
		cr_expect_eq(event.number, count + 1);
	(void)getrusage(RUSAGE_SELF, &after);
	cr_expect_eq(count, 2);
	cr_expect_lt(after.ru_maxrss - before.ru_maxrss, 40 << 10, "%ld KiB", after.ru_maxrss - before.ru_maxrss);
	reader->type->close(reader);
	input_close(input);
	diag_done(&diag);
	finish();
}

Test(evt, offsets_that_lead_out_of_the_record)
{
	static const struct { size_t at; uint32_t value; const char *damage; } rows[] = {
		{26, 9, "has fewer strings than it says"}, {36, 0xfffffff0, "has fewer strings than it says"}, {36, 3, "has fewer strings than it says"},
		{48, 400, "its data is outside of it"}, {52, 0xfffffff0, NULL}, {40, 28, "its SID is outside of it, or none"}, {44, 0xfffffff0, NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct log_reading reading;
		begin(1600, 1);
		add(4294, "text");
		evt_make_end(make, false);
		size_t at = make->live[0].offset + rows[i].at;
		if (rows[i].at == 26)
			make->bytes[at] = (uint8_t)rows[i].value;
		else
			put32(at, rows[i].value);
		log_bytes(make->bytes, make->size, NULL, NULL, &reading);
		cr_expect_eq(reading.count, 1);
		cr_expect_eq(reading.counts.unreadable, 0);
		if (rows[i].damage != NULL)
			HOLDS(&reading.damage, rows[i].damage);
		else
			cr_expect_eq(reading.damage.length, 0, "%zu: %s", rows[i].at, buffer_text(&reading.damage));
		log_reading_done(&reading);
		finish();
	}
}

/* Rule 6: text as any process has written it. */
Test(evt, odd_text)
{
	struct log_reading reading;
	begin(1600, 1);
	add(4294, "QQQQQQQQ");
	evt_make_end(make, false);
	uint8_t *text = memmem(make->bytes, make->size, "Q\0Q\0", 4);
	static const uint16_t odd[8] = {0xd800, '\r', '\n', '\t', 1, 0xe4, 0xd83d, 0xde00};
	for (size_t i = 0; i < 8; i++) {
		text[2 * i] = (uint8_t)odd[i];
		text[2 * i + 1] = (uint8_t)(odd[i] >> 8);
	}
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	HOLDS(&reading.json, "\"Strings\":[\"\",\"\\ud800\\r\\n\\t\\u0001\xc3\xa4\xf0\x9f\x98\x80\"]");
	HOLDS(&reading.eventlog, " \"|\xef\xbf\xbd \xc3\xa4\xf0\x9f\x98\x80\" ");
	log_reading_done(&reading);
	/* Empty source and computer. */
	size_t at = make->live[0].offset + 56;
	memset(make->bytes + at, 0, 2 * (sizeof("IPSec") + sizeof("WEB01")));
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	HOLDS(&reading.json, "\"SourceName\":\"\",\"ComputerName\":\"\"");
	cr_expect_eq(reading.drops.length, 0);
	log_reading_done(&reading);
	finish();
}

/* Everything that a record says, and what of it is not. */
Test(evt, every_field)
{
	static const uint8_t sid[] = {1, 2, 0, 0, 0, 0, 0, 5, 32, 0, 0, 0, 32, 2, 0, 0};
	static const char *const strings[] = {"one", "", "three"};
	struct log_reading reading;
	begin(1600, 4294967295u);
	evt_make_add(make, &(struct evt_make_record){.time = 0x7fffffff, .written = 0xffffffff, .id = 0xc0000223, .type = 16, .category = 65535,
		.source = "Security", .computer = "WEB01", .sid = sid, .sid_size = sizeof(sid), .strings = strings, .string_count = 3,
		.data = (const uint8_t *)"\xde\xad", .data_size = 2});
	evt_make_end(make, false);
	log_bytes(make->bytes, make->size, NULL, NULL, &reading);
	LINES_ARE(&reading.json, "{\"RecordNumber\":4294967295,\"TimeGenerated\":\"2038-01-19T03:14:07.0000000Z\",\"TimeWritten\":\"2106-02-07T06:28:15.0000000Z\",\"EventID\":547,"
		  "\"EventIDFull\":3221226019,\"EventType\":16,\"EventTypeName\":\"Failure Audit event\",\"EventCategory\":65535,\"SourceName\":\"Security\","
		  "\"ComputerName\":\"WEB01\",\"SID\":\"S-1-5-32-544\",\"Strings\":[\"one\",\"\",\"three\"],\"Data\":\"DEAD\",\"ReservedFlags\":0,"
		  "\"ClosingRecordNumber\":0}");
	log_reading_done(&reading);
	finish();
}

Test(evt, filters)
{
	struct log_reading reading;
	struct cursor providers[] = {{NULL, NULL}};
	uint32_t ids[] = {4291};
	begin(4000, 1);
	evt_make_drops(make, UNIX, 10);
	evt_make_end(make, false);
	providers[0] = cursor_text("ipsec");
	struct reader_options options = {.filter = {.providers = providers, .provider_count = 1, .ids = ids, .id_count = 1, .number_first = 3, .number_last = 8,
						    .since = record_time_of_unix(UNIX + 4, 0), .until = record_time_of_unix(UNIX + 7, 0)}};
	log_bytes(make->bytes, make->size, NULL, &options, &reading);
	NUMBERS(&reading, "filtered", 0, 6);
	cr_expect_eq(reading.counts.filtered, 9);
	log_reading_done(&reading);
	providers[0] = cursor_text("IPSe");
	log_bytes(make->bytes, make->size, NULL, &options, &reading);
	cr_expect_eq(reading.count, 0);
	log_reading_done(&reading);
	finish();
}

/* --- Real ones, and those that others have made --- */

Test(evt, real_logs)
{
	static const struct { const char *name; size_t live, recovered; } files[] = {
		{"evt/fox-it__TestLog.evt", 5, 0}, {"evt/fox-it__TestLog-dirty.evt", 5, 0},
		{"evt-synthetic/ipsec-clean.evt", 8, 0}, {"evt-synthetic/ipsec-dirty.evt", 8, 0}, {"evt-synthetic/ipsec-wrapped.evt", 5, 0},
		{"evt-synthetic/ipsec-wrapped-gap.evt", 4, 1},
	};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct log_reading reading;
		if (!LOG_FILE(files[i].name, NULL, NULL, &reading))
			continue;
		cr_expect_str_eq(reading.type->name, "evt");
		cr_expect_eq(reading.counts.read, files[i].live + files[i].recovered, "%s: %zu", files[i].name, (size_t)reading.counts.read);
		cr_expect_eq(reading.counts.recovered, files[i].recovered, "%s: %zu", files[i].name, (size_t)reading.counts.recovered);
		cr_expect_eq(reading.counts.unreadable, 0, "%s", files[i].name);
		log_reading_done(&reading);
	}
}

/* SysEvent.Evt as its notes have it: records 1392 to 7454 are live, 1572 runs over the end of the file; 6320 different ones are in it. */
Test(evt, real_system_log)
{
	struct log_reading reading;
	if (!LOG_FILE("evt/log2timeline__SysEvent.Evt", NULL, NULL, &reading))
		return;
	cr_assert_eq(reading.count, 6320);
	cr_expect_eq(reading.counts.recovered, 257);
	cr_expect_eq(reading.counts.unreadable, 0);
	for (size_t i = 0; i < 6063; i++)
		cr_assert(reading.events[i].number == 1392 + i && !reading.events[i].recovered, "%zu: %llu", i, (unsigned long long)reading.events[i].number);
	cr_expect_eq(reading.events[1572 - 1392].offset, 2031616 - 240);
	for (size_t i = 6063; i < reading.count; i++)
		cr_expect(reading.events[i].number >= 1135 && reading.events[i].number <= 7454);
	cr_expect_eq(log_times(&reading.json, "\"SourceName\":\"Service Control Manager\""), 3933);
	log_reading_done(&reading);
}

/* The values that the script says. */
Test(evt, made_by_others)
{
	static const char *const names[] = {"evt-synthetic/ipsec-clean.evt", "evt-synthetic/ipsec-dirty.evt"};
	for (size_t i = 0; i < 2; i++) {
		struct log_reading reading;
		if (!LOG_FILE(names[i], NULL, NULL, &reading))
			continue;
		LINES_ARE(&reading.drops, "2003-09-12 10:40:00 IPSec 4296 - - - - - - - - - - - - - - - - - - 1 WEB01 System - - - boot - -",
			  "2003-09-12 10:41:00 IPSec 4290 DROP in TCP 192.0.2.7 1055 192.0.2.80 3389 S - - 40 - - - - - - 0xC0000022 2 WEB01 System - - - - - -",
			  "2003-09-12 10:42:00 IPSec 4290 DROP in UDP 198.51.100.9 1434 192.0.2.80 1434 - - - 404 - - - - - - 0xC0000022 3 WEB01 System - - - - - -",
			  "2003-09-12 10:43:00 IPSec 4290 DROP in ICMP 203.0.113.5 - 192.0.2.80 - - 8 0 32 - - - - - - 0xC0000022 4 WEB01 System - - - - - -",
			  "2003-09-12 10:44:00 IPSec 4291 DROP out TCP 192.0.2.80 1071 203.0.113.66 6667 - - - 28 - - - - - - 0xC0000022 5 WEB01 System - - - - - -",
			  "2003-09-12 10:45:00 IPSec 4283 DROP in - 203.0.113.5 - - - - - - - 12 - - - - - - 6 WEB01 System - - - - - -",
			  "2003-09-12 10:46:00 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 3 - - - - - - 7 WEB01 System - - - - - -",
			  "2003-09-12 10:47:00 IPSec 4294 - - - - - - - - - - - - - - - - - - 8 WEB01 System - - - secure - -");
		/* In one the script gave the packet other ports than the strings. */
		LINES_ARE(&reading.damage, "916 5 the packet that it caught is not the one that its strings name: the strings are believed");
		log_reading_done(&reading);
	}
	struct log_reading reading;
	if (!LOG_FILE("evt-synthetic/ipsec-wrapped-gap.evt", NULL, NULL, &reading))
		return;
	NUMBERS(&reading, "wrapped, a gap", 1, 10, 11, 12, 13, 9);
	log_reading_done(&reading);
}
