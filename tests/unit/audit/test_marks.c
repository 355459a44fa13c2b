#include <criterion/criterion.h>
#include <string.h>

#include "logparse/audit/marks.h"

/* One run over logs; what is new in it is counted. */
struct log {
	const char *name, *head;
	bool numbered;
	uint64_t first, last;     /* numbers or lines */
	uint64_t time;            /* of the first; one more for each */
};

static unsigned run(struct marks *before, struct marks *now, const struct log *logs, size_t count)
{
	unsigned fresh = 0;
	marks_init(now);
	for (size_t i = 0; before != NULL && i < before->now_count; i++)
		marks_add(now, &before->now[i]);
	for (size_t i = 0; i < count; i++) {
		marks_begin(now, logs[i].name, logs[i].name, (const uint8_t *)logs[i].head, strlen(logs[i].head));
		for (uint64_t at = logs[i].first; at <= logs[i].last; at++) {
			const struct event event = {.file = logs[i].name, .offset = logs[i].numbered ? 77 : at, .number = logs[i].numbered ? at : 0,
						    .time = logs[i].time + at - logs[i].first};
			fresh += marks_pass(now, &event);
		}
	}
	if (before != NULL)
		marks_done(before);
	return fresh;
}

Test(marks, lines_are_told_by_the_first_bytes_whatever_the_name)
{
	struct marks marks[5];
	const struct log first[] = {{"drops.log", "header one, line a", false, 4, 10, 100}};
	cr_expect_eq(run(NULL, &marks[0], first, 1), 7, "all at first");
	cr_expect_eq(run(&marks[0], &marks[1], first, 1), 0, "nothing new");
	const struct log grown[] = {{"drops.log", "header one, line a and more", false, 4, 12, 100}};
	cr_expect_eq(run(&marks[1], &marks[2], grown, 1), 2, "two lines more");
	const struct log rotated[] = {
		{"drops.log", "header two", false, 4, 6, 100}, {"drops.log.1.gz", "header one, line a and more", false, 4, 13, 100},
	};
	cr_expect_eq(run(&marks[2], &marks[3], rotated, 2), 3 + 1, "a new log, and one line that the old one got before");
	cr_expect_eq(run(&marks[3], &marks[4], rotated, 2), 0, "both are known");
	marks_done(&marks[4]);
}

Test(marks, numbered_records_are_told_by_name_number_and_time)
{
	struct marks marks[5];
	const struct log first[] = {{"Security.evtx", "ElfFile", true, 100, 200, 5000}};
	cr_expect_eq(run(NULL, &marks[0], first, 1), 101);
	const struct log copied[] = {{"Security.evtx", "ElfFile, dirty", true, 150, 220, 5050}};
	cr_expect_eq(run(&marks[0], &marks[1], copied, 1), 20, "only what has a higher number");
	const struct log cleared[] = {{"Security.evtx", "ElfFile", true, 1, 5, 9000}};
	cr_expect_eq(run(&marks[1], &marks[2], cleared, 1), 5, "low numbers, later times");
	cr_expect_eq(run(&marks[2], &marks[3], cleared, 1), 0);
	const struct log more[] = {{"Security.evtx", "ElfFile", true, 1, 8, 9000}};
	cr_expect_eq(run(&marks[3], &marks[4], more, 1), 3, "after it was cleared");
	marks_done(&marks[4]);
}

Test(marks, order_of_chunks_does_not_matter)
{
	struct marks marks[2];
	const struct log wrapped[] = {{"a.evtx", "h", true, 500, 600, 5000}, {"a.evtx", "h", true, 400, 499, 4900}};
	/* One log whose newest chunk comes first. */
	marks_init(&marks[0]);
	marks_begin(&marks[0], "a.evtx", "a.evtx", (const uint8_t *)"h", 1);
	for (size_t i = 0; i < 2; i++)
		for (uint64_t at = wrapped[i].first; at <= wrapped[i].last; at++) {
			const struct event event = {.file = "a.evtx", .number = at, .time = wrapped[i].time + at - wrapped[i].first};
			cr_expect(marks_pass(&marks[0], &event));
		}
	const struct log again[] = {{"a.evtx", "h", true, 400, 601, 4900}};
	cr_expect_eq(run(&marks[0], &marks[1], again, 1), 1);
	marks_done(&marks[1]);
}

Test(marks, a_recovered_record_moves_no_mark)
{
	struct marks marks[2];
	struct event event = {.file = "a.evtx", .number = 10, .time = 100};
	marks_init(&marks[0]);
	marks_begin(&marks[0], "a.evtx", "a.evtx", (const uint8_t *)"h", 1);
	cr_expect(marks_pass(&marks[0], &event));
	event = (struct event){.file = "a.evtx", .number = UINT64_MAX, .time = UINT64_MAX, .recovered = true};
	cr_expect(marks_pass(&marks[0], &event));
	const struct log more[] = {{"a.evtx", "h", true, 10, 12, 100}};
	cr_expect_eq(run(&marks[0], &marks[1], more, 1), 2);
	marks_done(&marks[1]);
}

Test(marks, a_log_whose_first_bytes_cannot_be_read_is_told_by_the_next_run)
{
	struct marks marks[3];
	const struct log first[] = {{"drops.log", "header one, line a", false, 4, 10, 100}};
	const struct event event = {.file = "drops.log", .offset = 11, .time = 200};
	cr_expect_eq(run(NULL, &marks[0], first, 1), 7);
	marks_init(&marks[1]);
	marks_add(&marks[1], &marks[0].now[0]);
	marks_blind(&marks[1], "drops.log");
	cr_expect(!marks_pass(&marks[1], &event), "nothing passes");
	cr_expect_eq(marks[1].now_count, 0, "and nothing takes the place of what was known");
	marks_done(&marks[1]);
	const struct log grown[] = {{"drops.log", "header one, line a and more", false, 4, 12, 100}};
	cr_expect_eq(run(&marks[0], &marks[2], grown, 1), 2, "two lines more");
	marks_done(&marks[2]);
}

Test(marks, a_log_that_was_begun_anew_is_new_whatever_its_clock_says)
{
	struct marks marks[6];
	const struct log first[] = {{"a.evtx", "h", true, 1, 20, 5000}, {"dmesg", "boot one", false, 1, 20, 0}};
	cr_expect_eq(run(NULL, &marks[0], first, 2), 40);
	const struct log back[] = {{"a.evtx", "h", true, 1, 20, 100}, {"dmesg", "boot two", false, 1, 20, 0}};
	cr_expect_eq(run(&marks[0], &marks[1], back, 2), 40, "the clock went back, and as many as before");
	cr_expect_eq(run(&marks[1], &marks[2], back, 2), 0);
	const struct log fewer[] = {{"a.evtx", "h", true, 1, 3, 50}, {"dmesg", "boot", false, 1, 3, 0}};
	cr_expect_eq(run(&marks[2], &marks[3], fewer, 2), 6, "fewer");
	const struct log slow[] = {{"a.evtx", "h", true, 1, 3, 50}, {"a.evtx", "h", true, 4, 5, 20}};
	cr_expect_eq(run(&marks[3], &marks[4], slow, 2), 2, "a clock that goes back between two records of one log");
	const struct log wrapped[] = {{"a.evtx", "h", true, 5, 9, 20}};
	cr_expect_eq(run(&marks[4], &marks[5], wrapped, 1), 4, "the oldest were overwritten");
	marks_done(&marks[5]);
}

Test(marks, several_logs_at_a_time)
{
	struct marks marks[2];
	const struct event a = {.file = "a", .offset = 1}, b = {.file = "b", .offset = 1}, c = {.file = "a", .offset = 2};
	marks_init(&marks[0]);
	marks_begin(&marks[0], "a", "/a", (const uint8_t *)"one", 3);
	marks_begin(&marks[0], "b", "/b", (const uint8_t *)"two", 3);
	cr_expect(marks_pass(&marks[0], &a) && marks_pass(&marks[0], &b) && marks_pass(&marks[0], &c));
	marks_begin(&marks[0], "a", "/a", (const uint8_t *)"one", 3);
	cr_expect_eq(marks[0].now_count, 2, "a log that is read twice has one mark");
	cr_expect(marks_pass(&marks[0], &a), "and gives the same both times");
	const struct log again[] = {{"/b", "two and more", false, 1, 3, 0}, {"/c", "one", false, 1, 2, 0}};
	cr_expect_eq(run(&marks[0], &marks[1], again, 2), 2);
	marks_done(&marks[1]);
}
