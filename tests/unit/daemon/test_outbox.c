#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bootcfg/daemon/outbox.h"
#include "core/base/buffer.h"
#include "core/base/error.h"

enum { MOST = 1 << 20 };

static struct loop *loop;
static struct outbox *outbox;
static int ends[2];
static unsigned goings;
static char bytes[MESSAGE_MOST];

static void gone(void *context)
{
	cr_assert_eq(context, &goings);
	goings++;
}

static void open_all(void)
{
	loop = loop_new_scripted(0);
	outbox = outbox_new(loop, MOST, gone, &goings);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
}

static void close_all(void)
{
	outbox_free(outbox);
	loop_free(loop);
	close(ends[0]);
	close(ends[1]);
}

TestSuite(outbox, .init = open_all, .fini = close_all);

/* What is there to be read now: a letter a message. */
static const char *received(void)
{
	static char text[65536];
	size_t length = 0;
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	while (length < sizeof text - 1 && message_receive(ends[1], bytes, &type, &fixed, &tail) == 0)
		text[length++] = type == MESSAGE_REFUSED && cursor_left(&tail) > 0 ? tail.at[0] : type == MESSAGE_NAMES_END ? 'E' : '?';
	text[length] = '\0';
	return text;
}

static void got_add(char *got, size_t size, const char *more)
{
	size_t length = strlen(got), add = strnlen(more, size - length - 1);
	memcpy(got + length, more, add);
	got[length + add] = '\0';
}

static bool add(char c, size_t length)
{
	static char tail[MESSAGE_TAIL];
	memset(tail, c, length);
	return outbox_add(outbox, MESSAGE_REFUSED, NULL, tail, length);
}

Test(outbox, what_waits_goes_out_in_order_when_somebody_is_there)
{
	cr_expect(add('1', 1));
	cr_expect(add('2', 1));
	cr_expect_gt(outbox_waiting(outbox), 2);
	outbox_attach(outbox, ends[0]);
	cr_expect(add('3', 1));
	cr_expect_str_eq(received(), "123");
	cr_expect_eq(outbox_waiting(outbox), 0);
}

Test(outbox, a_reader_that_is_late_gets_all_of_it_and_what_is_too_much_is_counted)
{
	char want[400] = "";
	unsigned taken = 0;
	outbox_attach(outbox, ends[0]);
	for (unsigned i = 0; i < 300; i++)
		if (add((char)('a' + i % 26), 8000))
			want[taken++] = (char)('a' + i % 26);
	cr_expect_gt(taken, 130, "%u", taken);
	cr_expect_lt(taken, 300);
	cr_expect_eq(outbox_lost(outbox), 300 - taken);
	cr_expect_leq(outbox_waiting(outbox), MOST);
	char got[400] = "";
	for (unsigned round = 0; round < 400 && strlen(got) < taken; round++) {
		got_add(got, sizeof got, received());
		loop_advance(loop, 0);
	}
	cr_expect_str_eq(got, want);
	cr_expect_eq(outbox_waiting(outbox), 0);
}

Test(outbox, a_successor_gets_the_table_first_and_then_what_waited)
{
	outbox_table_begin(outbox);
	cr_expect(outbox_table_add(outbox, MESSAGE_REFUSED, NULL, "T", 1));
	cr_expect(outbox_table_add(outbox, MESSAGE_NAMES_END, NULL, NULL, 0));
	outbox_attach(outbox, ends[0]);
	cr_expect_str_eq(received(), "", "a table that is not whole holds all back");
	add('1', 1);
	outbox_table_end(outbox);
	cr_expect_str_eq(received(), "TE1");
	outbox_detach(outbox);
	add('2', 1);
	close(ends[0]);
	close(ends[1]);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	outbox_attach(outbox, ends[0]);
	cr_expect_str_eq(received(), "TE2");
	outbox_table_begin(outbox);
	cr_expect(outbox_table_add(outbox, MESSAGE_REFUSED, NULL, "U", 1));
	outbox_table_end(outbox);
	cr_expect_str_eq(received(), "U", "the new one alone");
	cr_expect_eq(goings, 0);
}

Test(outbox, tells_once_that_the_other_side_is_gone_and_keeps_what_waits)
{
	outbox_attach(outbox, ends[0]);
	close(ends[1]);
	add('1', 1);
	add('2', 1);
	cr_expect_eq(goings, 1);
	cr_assert_eq(close(ends[0]), 0);
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, ends), 0);
	outbox_attach(outbox, ends[0]);
	cr_expect_str_eq(received(), "12");
	outbox_detach(outbox);
	add('3', 1);
	outbox_clear(outbox);
	outbox_attach(outbox, ends[0]);
	cr_expect_str_eq(received(), "");
}

Test(outbox, a_table_that_is_too_large_loses_some_and_keeps_its_end)
{
	static char tail[MESSAGE_TAIL];
	uint64_t lost = 0;
	memset(tail, 'n', sizeof tail);
	outbox_table_begin(outbox);
	for (unsigned i = 0; i < OUTBOX_TABLE / MESSAGE_TAIL + 10; i++)
		lost += !outbox_table_add(outbox, MESSAGE_REFUSED, NULL, tail, sizeof tail);
	cr_expect_gt(lost, 5);
	cr_expect_eq(outbox_lost(outbox), lost);
	cr_expect(outbox_table_add(outbox, MESSAGE_NAMES_END, NULL, NULL, 0));
	outbox_table_end(outbox);
	outbox_attach(outbox, ends[0]);
	char last = 0;
	while (outbox_waiting(outbox) > 0) {
		const char *text = received();
		cr_assert(text[0] != '\0', "it goes on");
		loop_advance(loop, 0);
	}
	const char *text = received();
	last = text[0] != '\0' ? text[strlen(text) - 1] : 0;
	cr_expect_eq(last, 'E');
}

Test(outbox, what_is_no_message_is_not_taken)
{
	cr_expect_not(outbox_add(outbox, MESSAGE_NAMES_END, NULL, "x", 1));
	cr_expect_eq(outbox_lost(outbox), 1);
	cr_expect_eq(outbox_waiting(outbox), 0);
}
