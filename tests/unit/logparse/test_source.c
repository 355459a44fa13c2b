/* Several logs as one stream, folders, and how often each key came. */
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "logparse/source.h"
#include "logparse/tally.h"
#include "logparse/zone.h"
#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/log_expect.h"

/* A folder of the test's own, gone at its end. */
static char folder[256];
static char made[16][512];
static size_t made_count;

static void folder_make(void)
{
	const char *base = getenv("TMPDIR");
	(void)snprintf(folder, sizeof(folder), "%s/cordon-source-XXXXXX", base != NULL ? base : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
}

static void folder_gone(void)
{
	while (made_count > 0)
		(void)remove(made[--made_count]);
	(void)rmdir(folder);
}

static const char *file_make(const char *name, const void *bytes, size_t length)
{
	char *path = made[made_count++];
	(void)snprintf(path, sizeof(made[0]), "%s/%s", folder, name);
	FILE *file = fopen(path, "wb");
	cr_assert(file != NULL && fwrite(bytes, 1, length, file) == length && fclose(file) == 0);
	return path;
}

static void folder_add(const char *name)
{
	char *path = made[made_count++];
	(void)snprintf(path, sizeof(made[0]), "%s/%s", folder, name);
	cr_assert_eq(mkdir(path, 0700), 0);
}

TestSuite(source, .init = folder_make, .fini = folder_gone);

#define HEAD "#Version: 1.0\n#Date: 2026-11-21 09:00:00\n#Fields: date time x-source x-recordnumber\n"

/* What a source gives: "NUMBER NUMBER …"; its last result. */
struct gone {
	struct buffer numbers, said;
	struct reader_counts counts;
	size_t failed;
	uint64_t done, all, date;
	int result;
};

static void source_read(const char *const *paths, size_t count, const struct source_options *options, struct gone *gone)
{
	struct source *source = NULL;
	struct event event;
	struct diag diag;
	*gone = (struct gone){.failed = 0};
	buffer_init(&gone->numbers, 1 << 20);
	buffer_init(&gone->said, 1 << 20);
	diag_init(&diag);
	gone->result = source_open(paths, count, options, &diag, &source);
	if (gone->result == 0) {
		while ((gone->result = source_next(source, &event)) > 0)
			buffer_printf(&gone->numbers, "%llu ", (unsigned long long)event.number);
		source_counts(source, &gone->counts, &gone->failed);
		source_progress(source, &gone->done, &gone->all);
		gone->date = source_date(source);
		source_close(source);
	}
	diag_render(&diag, 0, 0, &gone->said);
	diag_done(&diag);
}

static void gone_done(struct gone *gone)
{
	buffer_done(&gone->numbers);
	buffer_done(&gone->said);
}

static const char one[] = HEAD "2026-11-21 10:00:00 a 1\n2026-11-21 10:00:20 a 3\n2026-11-21 10:00:40 a 5\n";
static const char two[] = HEAD "2026-11-21 10:00:10 b 2\n2026-11-21 10:00:20 b 4\n2026-11-21 10:00:50 b 6\n";
static const char bad[] = HEAD "2026-11-21 10:00:10 b\n2026-11-21 10:00:30 b 7\n";
#define FILE_MAKE(name, text) file_make((name), (text), sizeof(text) - 1)

Test(source, one_after_the_other_or_by_time)
{
	const char *const paths[] = {FILE_MAKE("one.log", one), FILE_MAKE("two.log", two), FILE_MAKE("bad.log", bad)};
	struct source_options options = {.sort = false};
	struct gone gone;
	source_read(paths, 3, &options, &gone);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 3 5 2 4 6 7 ");
	cr_expect_eq(gone.counts.read, 7);
	cr_expect_eq(gone.counts.unreadable, 1);
	cr_expect_eq(gone.failed, 0);
	cr_expect(gone.done == gone.all && gone.all == sizeof(one) + sizeof(two) + sizeof(bad) - 3);
	cr_expect_eq(gone.date, record_time_of_unix(1795251600, 0));
	gone_done(&gone);
	/* Where two are of the same time, the first input's comes first. */
	options.sort = true;
	source_read(paths, 3, &options, &gone);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 2 3 4 7 5 6 ");
	cr_expect_eq(gone.counts.read, 7);
	gone_done(&gone);
	options.reader.strict = true;
	source_read(paths, 3, &options, &gone);
	cr_expect_lt(gone.result, 0);
	gone_done(&gone);
	options.sort = false;
	source_read(paths, 3, &options, &gone);
	cr_expect_lt(gone.result, 0);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 3 5 2 4 6 ");
	HOLDS(&gone.said, "bad.log: error: stopped at the first damage (--strict)");
	gone_done(&gone);
}

/* One that cannot be read is said, and the others are. */
Test(source, an_input_that_is_not_there)
{
	const char *const paths[] = {"/nowhere/at/all", FILE_MAKE("one.log", one), FILE_MAKE("text", "nothing like a log\n"), FILE_MAKE("empty", "")};
	struct source_options options = {.sort = false};
	for (unsigned i = 0; i < 2; i++) {
		struct gone gone;
		options.sort = i == 1;
		source_read(paths, 4, &options, &gone);
		cr_expect_str_eq(buffer_text(&gone.numbers), "1 3 5 ");
		cr_expect_eq(gone.failed, 3);
		HOLDS(&gone.said, "/nowhere/at/all: error: cannot open it");
		HOLDS(&gone.said, "text: error: not a log (evtx: no ElfFile header");
		HOLDS(&gone.said, "empty: error: the file is empty");
		gone_done(&gone);
	}
}

/* By name, with what lies in folders in it; links are not followed, and what is no log is passed over with a note. */
Test(source, folders)
{
	struct gone gone;
	struct source_options options = {.sort = false};
	char link[512];
	const char *const paths[] = {folder};
	folder_add("b");
	file_make("b/two.log", two, sizeof(two) - 1);
	FILE_MAKE("c.log", bad);
	const char *log = FILE_MAKE("a.log", one);
	FILE_MAKE("readme.txt", "nothing like a log\n");
	(void)snprintf(link, sizeof(link), "%s/z.log", folder);
	cr_assert_eq(symlink(log, link), 0);
	source_read(paths, 1, &options, &gone);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 3 5 2 4 6 7 ");
	cr_expect_eq(gone.failed, 0);
	HOLDS(&gone.said, "readme.txt: note: passed over: not a log");
	gone_done(&gone);
	(void)remove(link);
}

Test(source, folders_without_logs)
{
	struct gone gone;
	struct source_options options = {.sort = false};
	const char *const paths[] = {folder};
	source_read(paths, 1, &options, &gone);
	cr_expect_eq(gone.result, ERROR_INPUT);
	HOLDS(&gone.said, "a folder without a file in it");
	gone_done(&gone);
	FILE_MAKE("readme.txt", "nothing like a log\n");
	source_read(paths, 1, &options, &gone);
	cr_expect_eq(gone.result, 0);
	cr_expect_eq(gone.failed, 1);
	HOLDS(&gone.said, "there is no log in the folder");
	gone_done(&gone);
	/* A log without a record is a log. */
	FILE_MAKE("empty.log", HEAD);
	source_read(paths, 1, &options, &gone);
	cr_expect_eq(gone.failed, 0);
	HOLDS_NOT(&gone.said, "there is no log in the folder");
	gone_done(&gone);
}

/* The same record twice in a file comes once; the same in two files, which may be of two machines, comes twice. */
Test(source, duplicates)
{
	struct gone gone;
	struct source_options options = {.sort = true};
	struct buffer log;
	buffer_init(&log, LOG_SAMPLE_MOST);
	log_sample_named("evt")->make(0, &log);
	/* A copy of the first record where nothing else is. */
	size_t size = (size_t)(uint8_t)log.data[48] | (size_t)(uint8_t)log.data[49] << 8, room = log.length;
	(void)buffer_room(&log, size);
	buffer_add(&log, log.data + 48, size);
	cr_expect_eq(log.length, room + size);
	const char *const paths[] = {file_make("a.evt", log.data, log.length), file_make("b.evt", log.data, log.length)};
	source_read(paths, 1, &options, &gone);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 2 3 4 5 6 ");
	cr_expect_eq(gone.counts.duplicates, 1);
	gone_done(&gone);
	source_read(paths, 2, &options, &gone);
	cr_expect_str_eq(buffer_text(&gone.numbers), "1 1 2 2 3 3 4 4 5 5 6 6 ");
	cr_expect_eq(gone.counts.duplicates, 2);
	gone_done(&gone);
	buffer_done(&log);
}

/* --- Tally --- */

Test(tally, counts_many_keys)
{
	enum { KEYS = 5000 };
	struct tally *tally = tally_new(), *other = tally_new();
	size_t count;
	for (unsigned i = 0; i < 3 * KEYS; i++) {
		char key[32];
		int length = snprintf(key, sizeof(key), "key %u", i % KEYS);
		tally_add(i < 2 * KEYS ? tally : other, cursor_of(key, (size_t)length), i % KEYS == 7 ? 10 : 1);
	}
	tally_add(other, cursor_text(""), 1);
	tally_add(other, (struct cursor){NULL, NULL}, UINT64_C(1) << 40);
	tally_merge(tally, other);
	const struct tallied *sorted = tally_sorted(tally, &count);
	cr_assert_eq(count, KEYS + 1);
	/* The highest first, then by key; NULL and "" are the same. */
	cr_expect(cursor_left(&sorted[0].key) == 0 && sorted[0].count == (UINT64_C(1) << 40) + 1);
	cr_expect(cursor_left(&sorted[1].key) == 5 && memcmp(sorted[1].key.at, "key 7", 5) == 0 && sorted[1].count == 30);
	for (size_t i = 2; i < count; i++) {
		cr_expect_eq(sorted[i].count, 3);
		size_t a = cursor_left(&sorted[i - 1].key), b = cursor_left(&sorted[i].key);
		int order = memcmp(sorted[i - 1].key.at, sorted[i].key.at, a < b ? a : b);
		cr_expect(i == 2 || order < 0 || (order == 0 && a < b));
	}
	/* It can be added to after it was sorted, and no further than is allowed. */
	cr_expect(tally_add_most(tally, cursor_text("key 7"), 1, 10));
	cr_expect(!tally_add_most(tally, cursor_text("a new one"), 1, 10));
	sorted = tally_sorted(tally, &count);
	cr_expect(count == KEYS + 1 && sorted[1].count == 31);
	tally_free(tally);
	tally_free(other);
	tally_free(NULL);
}

Test(zone, words_and_offsets)
{
	static const struct { const char *text; int32_t minutes; } good[] = {{"UTC", 0}, {"z", 0}, {"+01:00", 60}, {"-0530", -330}, {"+14", 840}, {"-00:00", 0}};
	static const char *const none[] = {"", "1", "+1", "+15", "+01:60", "+01:0", "01:00", "+01.00", "+01:00 ", "CET", "--1"};
	int32_t minutes;
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		cr_expect(zone_parse(good[i].text, &minutes), "%s", good[i].text);
		cr_expect_eq(minutes, good[i].minutes, "%s", good[i].text);
	}
	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		cr_expect_not(zone_parse(none[i], &minutes), "%s", none[i]);
}
