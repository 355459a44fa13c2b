#include <criterion/criterion.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/message.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/policy.h"

static int ends[2];
static _Alignas(16) char bytes[MESSAGE_MOST + 1];

static void pair_open(void)
{
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
}

static void pair_close(void)
{
	close(ends[0]);
	close(ends[1]);
}

TestSuite(message, .init = pair_open, .fini = pair_close);

struct received {
	int error;
	enum message_type type;
	const void *fixed;
	struct cursor tail;
};

static struct received receive(void)
{
	struct received got = {0};
	/* Any alignment will do. */
	got.error = message_receive(ends[1], bytes + 1, &got.type, &got.fixed, &got.tail);
	return got;
}

static const struct message_settings settings = {.diagnostics = 7, .interval = 60, .mode = "secure"};
static const struct message_names names = {
	.hash = "0123456789abcdef", .action = ACTION_BLOCK, .policy = 3, .rule = 4, .list = 0};
static const struct message_event event = {.eventid = 4292, .mode = "block", .digest = "ab", .text = 5};
static const struct message_counts counts = {1, 2, 3, UINT64_MAX};
static const struct message_ask ask = {77};
static const struct bootdrop bootdrop = {
	.src = {.family = FAMILY_IPV4, .bytes = {192, 0, 2, 1}}, .family = FAMILY_IPV4, .protocol = 6, .dstport = 22, .packets = 3};

static const struct row {
	enum message_type type;
	const void *fixed;
	size_t length;
	const char *tail;
} rows[] = {
	{MESSAGE_SETTINGS, &settings, sizeof settings, ""},
	{MESSAGE_NAMES, &names, sizeof names, "webrule"},
	{MESSAGE_NAMES_END, NULL, 0, ""},
	{MESSAGE_EVENT, &event, sizeof event, "hello"},
	{MESSAGE_BOOTDROP, &bootdrop, sizeof bootdrop, ""},
	{MESSAGE_FLUSH, NULL, 0, ""},
	{MESSAGE_COUNTS, &counts, sizeof counts, ""},
	{MESSAGE_STATUS, &ask, sizeof ask, "{}"},
	{MESSAGE_RELOAD, &ask, sizeof ask, ""},
	{MESSAGE_DIAGNOSTICS, &ask, sizeof ask, "done"},
	{MESSAGE_REFUSED, NULL, 0, "no"},
	{MESSAGE_ALIVE, NULL, 0, ""},
};

Test(message, arrives_as_it_was_sent)
{
	cr_assert_eq(sizeof rows / sizeof rows[0], MESSAGE_TYPES - 1, "every type is tested");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		const struct row *row = &rows[i];
		cr_expect_eq(message_fixed(row->type), row->length);
		cr_expect_eq(message_send(ends[0], row->type, row->fixed, row->length, row->tail, strlen(row->tail)), 0, "row %zu", i);
		struct received got = receive();
		cr_assert_eq(got.error, 0, "row %zu", i);
		cr_expect_eq(got.type, row->type);
		cr_expect_eq((uintptr_t)got.fixed % 16, 0);
		cr_expect(row->length == 0 || memcmp(got.fixed, row->fixed, row->length) == 0, "row %zu", i);
		cr_expect_eq(cursor_left(&got.tail), strlen(row->tail));
		cr_expect(memcmp(got.tail.at, row->tail, strlen(row->tail)) == 0, "row %zu", i);
	}
}

Test(message, the_longest_tail_goes_through_and_one_more_byte_does_not)
{
	static char tail[MESSAGE_TAIL + 1];
	memset(tail, 'x', sizeof tail);
	cr_expect_eq(message_send(ends[0], MESSAGE_STATUS, &ask, sizeof ask, tail, MESSAGE_TAIL), 0);
	struct received got = receive();
	cr_assert_eq(got.error, 0);
	cr_expect_eq(cursor_left(&got.tail), MESSAGE_TAIL);
	cr_expect_eq(message_send(ends[0], MESSAGE_STATUS, &ask, sizeof ask, tail, MESSAGE_TAIL + 1), ERROR_BUG);
}

Test(message, what_would_be_refused_is_not_sent)
{
	struct message_names wrong = names;
	wrong.list = 1;
	cr_expect_eq(message_send(ends[0], MESSAGE_NAMES, &wrong, sizeof wrong, "webrule", 7), ERROR_BUG);
	wrong = names;
	wrong.hash[3] = 'G';
	cr_expect_eq(message_send(ends[0], MESSAGE_NAMES, &wrong, sizeof wrong, "webrule", 7), ERROR_BUG);
	wrong = names;
	wrong.action = ACTION_PERMIT + 1;
	cr_expect_eq(message_send(ends[0], MESSAGE_NAMES, &wrong, sizeof wrong, "webrule", 7), ERROR_BUG);
	struct message_settings bad = settings;
	memset(bad.mode, 'x', sizeof bad.mode);
	cr_expect_eq(message_send(ends[0], MESSAGE_SETTINGS, &bad, sizeof bad, NULL, 0), ERROR_BUG);
	bad = settings;
	bad.diagnostics = 8;
	cr_expect_eq(message_send(ends[0], MESSAGE_SETTINGS, &bad, sizeof bad, NULL, 0), ERROR_BUG);
	struct message_event open = event;
	memset(open.digest, 'a', sizeof open.digest);
	cr_expect_eq(message_send(ends[0], MESSAGE_EVENT, &open, sizeof open, "hello", 5), ERROR_BUG);
	struct bootdrop drop = bootdrop;
	drop.src.family = FAMILY_IPV6;
	cr_expect_eq(message_send(ends[0], MESSAGE_BOOTDROP, &drop, sizeof drop, NULL, 0), ERROR_BUG);
	cr_expect_eq(message_send(ends[0], MESSAGE_TYPES, NULL, 0, NULL, 0), ERROR_BUG);
	cr_expect_eq(message_send(ends[0], (enum message_type)0, NULL, 0, NULL, 0), ERROR_BUG);
	cr_expect_eq(message_send(ends[0], MESSAGE_FLUSH, &ask, sizeof ask, NULL, 0), ERROR_BUG);
	cr_expect_eq(receive().error, ERROR_NOT_FOUND, "nothing was sent");
}

/* One byte changed or cut off at every place of every message: refused, or another message that is whole. */
Test(message, damaged_bytes_are_refused_or_are_a_whole_message)
{
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buffer good;
		buffer_init(&good, MESSAGE_MOST);
		cr_assert_eq(message_print(rows[i].type, rows[i].fixed, rows[i].length, rows[i].tail, strlen(rows[i].tail), &good), 0);
		_Alignas(16) char copy[256];
		cr_assert_lt(good.length, sizeof copy);
		struct received got = {0};
		for (size_t length = 0; length < good.length; length++) {
			memcpy(copy, good.data, good.length);
			cr_expect_eq(message_parse(copy, length, &got.type, &got.fixed, &got.tail), ERROR_DAMAGED, "row %zu cut to %zu", i, length);
		}
		memcpy(copy, good.data, good.length);
		cr_expect_eq(message_parse(copy, good.length + 1, &got.type, &got.fixed, &got.tail), ERROR_DAMAGED, "row %zu with a byte more", i);
		for (size_t at = 0; at < good.length * 8; at++) {
			memcpy(copy, good.data, good.length);
			copy[at / 8] = (char)(copy[at / 8] ^ (1 << at % 8));
			int error = message_parse(copy, good.length, &got.type, &got.fixed, &got.tail);
			cr_expect(error == ERROR_DAMAGED || (error == 0 && got.tail.end == copy + good.length), "row %zu bit %zu", i, at);
			cr_expect(error != 0 || at / 8 >= 4, "row %zu: a wrong magic", i);
		}
		buffer_done(&good);
	}
}

Test(message, descriptors_are_not_taken)
{
	struct buffer good;
	buffer_init(&good, MESSAGE_MOST);
	cr_assert_eq(message_print(MESSAGE_FLUSH, NULL, 0, NULL, 0, &good), 0);
	int next = dup(0);
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {.head = {CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS}};
	memcpy(CMSG_DATA(&control.head), &next, sizeof next);
	struct iovec part = {good.data, good.length};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	cr_assert_eq(sendmsg(ends[0], &message, 0), (ssize_t)good.length);
	close(next);
	cr_expect_eq(receive().error, ERROR_DAMAGED);
	int now = dup(0);
	cr_expect_eq(now, next, "none was installed");
	close(now);
	buffer_done(&good);
}

Test(message, says_when_nobody_reads_and_when_nobody_is_there)
{
	unsigned sent = 0;
	int error;
	cr_expect_eq(receive().error, ERROR_NOT_FOUND);
	while ((error = message_send(ends[0], MESSAGE_COUNTS, &counts, sizeof counts, NULL, 0)) == 0)
		sent++;
	cr_expect_eq(error, ERROR_BUSY);
	cr_expect_gt(sent, 10);
	for (; sent > 0; sent--)
		cr_assert_eq(receive().error, 0);
	close(ends[0]);
	cr_expect_eq(receive().error, ERROR_SYSTEM);
	ends[0] = dup(ends[1]);
	cr_expect_eq(message_send(ends[1], MESSAGE_FLUSH, NULL, 0, NULL, 0), ERROR_SYSTEM, "and no SIGPIPE");
}

Test(message, a_datagram_that_is_too_large_is_refused)
{
	static char large[MESSAGE_MOST + 100];
	cr_assert_eq(send(ends[0], large, sizeof large, 0), (ssize_t)sizeof large);
	cr_expect_eq(receive().error, ERROR_DAMAGED);
}
