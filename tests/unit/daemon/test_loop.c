#include <criterion/criterion.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bootcfg/daemon/loop.h"

struct record {
	struct loop *loop;
	struct watch *watch, *other;
	char text[64];
	size_t length;
	int64_t at[64];
	unsigned calls;
	int fd;
};

static void note(struct record *record, char c)
{
	if (record->length < sizeof record->text - 1) {
		record->at[record->length] = loop_now(record->loop);
		record->text[record->length++] = c;
	}
}

#define NOTE(name, c)                       \
	static void name(void *context)     \
	{                                   \
		note(context, c);           \
	}
NOTE(note_a, 'a')
NOTE(note_b, 'b')
NOTE(note_c, 'c')

static void note_again(void *context)
{
	struct record *record = context;
	note(record, 'x');
	watch_again(record->watch, 1000);
}

static void note_and_free(void *context)
{
	struct record *record = context;
	note(record, 'f');
	watch_free(record->watch);
	watch_free(record->other);
	record->watch = record->other = NULL;
}

static void read_one(void *context)
{
	struct record *record = context;
	char byte;
	record->calls++;
	if (read(record->fd, &byte, 1) == 1)
		note(record, byte);
}

static void stop(void *context)
{
	struct record *record = context;
	note(record, 's');
	loop_stop(record->loop);
}

Test(loop, scripted_timers_run_in_their_order_at_their_time)
{
	struct record record = {.loop = loop_new_scripted(5000)};
	loop_timer(record.loop, 300, note_c, &record);
	loop_timer(record.loop, 100, note_a, &record);
	loop_timer(record.loop, 300, note_b, &record);
	loop_timer(record.loop, -5, note_a, &record);
	cr_expect_eq(record.length, 0, "not from within loop_timer");
	loop_advance(record.loop, 299);
	cr_expect_str_eq(record.text, "aa");
	cr_expect_eq(record.at[0], 5000);
	cr_expect_eq(record.at[1], 5100);
	loop_advance(record.loop, 1);
	cr_expect_str_eq(record.text, "aacb", "together: in the order in which they were set");
	cr_expect_eq(loop_now(record.loop), 5300);
	cr_expect_eq(loop_time(record.loop), 5300000);
	loop_free(record.loop);
}

Test(loop, a_day_of_script_takes_no_time)
{
	struct record record = {.loop = loop_new_scripted(0)};
	record.watch = loop_timer(record.loop, 1000, note_again, &record);
	loop_advance(record.loop, 24 * 3600 * 1000);
	cr_expect_eq(loop_now(record.loop), 24 * 3600 * 1000);
	cr_expect_eq(record.length, sizeof record.text - 1, "it went on");
	cr_expect_eq(record.at[10], 11000);
	loop_free(record.loop);
}

Test(loop, a_watch_may_free_itself_and_others_that_are_due)
{
	struct record record = {.loop = loop_new_scripted(0)};
	record.watch = loop_timer(record.loop, 10, note_and_free, &record);
	record.other = loop_timer(record.loop, 10, note_a, &record);
	loop_advance(record.loop, 100);
	cr_expect_str_eq(record.text, "f");
	watch_free(NULL);
	loop_free(record.loop);
	loop_free(NULL);
}

Test(loop, scripted_descriptors_are_seen_between_timers)
{
	int ends[2];
	struct record record = {.loop = loop_new_scripted(0)};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	record.fd = ends[0];
	struct watch *watch = loop_readable(record.loop, ends[0], read_one, &record);
	loop_timer(record.loop, 50, note_a, &record);
	loop_advance(record.loop, 10);
	cr_expect_eq(record.calls, 0, "nothing to read");
	cr_assert_eq(write(ends[1], "12", 2), 2);
	loop_advance(record.loop, 50);
	cr_expect_str_eq(record.text, "12a");
	cr_assert_eq(close(ends[1]), 0);
	loop_advance(record.loop, 0);
	cr_expect_gt(record.calls, 2, "the end is readable");
	watch_free(watch);
	unsigned calls = record.calls;
	loop_advance(record.loop, 0);
	cr_expect_eq(record.calls, calls);
	close(ends[0]);
	loop_free(record.loop);
}

Test(loop, scripted_run_ends_when_nothing_is_left)
{
	struct record record = {.loop = loop_new_scripted(0)};
	loop_timer(record.loop, 7000, note_a, &record);
	loop_timer(record.loop, 3000, note_b, &record);
	cr_expect_eq(loop_run(record.loop), 0);
	cr_expect_str_eq(record.text, "ba");
	cr_expect_eq(loop_now(record.loop), 7000);
	loop_timer(record.loop, 1, stop, &record);
	loop_timer(record.loop, 1, note_c, &record);
	cr_expect_eq(loop_run(record.loop), 0);
	cr_expect_str_eq(record.text, "bas", "nothing after loop_stop");
	cr_expect_eq(loop_run(record.loop), 0);
	cr_expect_str_eq(record.text, "basc", "a second run goes on");
	loop_free(record.loop);
}

/* The real loop, with timers of some milliseconds and no sleep. */
Test(loop, libevent_runs_timers_and_descriptors_in_order, .timeout = 20)
{
	int ends[2];
	struct record record = {.loop = loop_new()};
	cr_assert_not_null(record.loop);
	cr_assert_not_null(loop_base(record.loop));
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	record.fd = ends[0];
	struct watch *watch = loop_readable(record.loop, ends[0], read_one, &record);
	cr_assert_not_null(watch);
	cr_assert_eq(write(ends[1], "1", 1), 1);
	loop_timer(record.loop, 20, stop, &record);
	loop_timer(record.loop, 10, note_a, &record);
	int64_t before = loop_now(record.loop);
	cr_expect_eq(loop_run(record.loop), 0);
	cr_expect_str_eq(record.text, "1as");
	cr_expect_geq(record.at[1] - before, 9);
	cr_expect_geq(record.at[2] - before, 19);
	watch_free(watch);
	close(ends[0]);
	close(ends[1]);
	loop_free(record.loop);
}

Test(loop, libevent_survives_watches_freed_in_their_calls, .timeout = 20)
{
	struct record record = {.loop = loop_new()};
	record.watch = loop_timer(record.loop, 1, note_and_free, &record);
	record.other = loop_timer(record.loop, 1, note_a, &record);
	loop_timer(record.loop, 5, stop, &record);
	cr_expect_eq(loop_run(record.loop), 0);
	cr_expect_str_eq(record.text, "fs");
	loop_stop(record.loop);
	cr_expect_eq(loop_run(record.loop), 0, "a stop before the run ends it at once");
	loop_free(record.loop);
}

Test(loop, a_plain_file_cannot_be_watched)
{
	struct loop *loop = loop_new();
	int fd = open("/proc/self/exe", O_RDONLY);
	cr_assert_geq(fd, 0);
	cr_expect_null(loop_readable(loop, fd, note_a, NULL));
	close(fd);
	loop_free(loop);
}
