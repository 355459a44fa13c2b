/* Entries to the journal, on a socket that the test listens to. */
#include <criterion/criterion.h>

#include <endian.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/journal.h"
#include "tests/unit/daemon/nflog_make.h"

static char folder[64], path[96];
static int listener = -1;

static void listen_now(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	memcpy(address.sun_path, path, strlen(path) + 1);
	listener = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	cr_assert(listener >= 0);
	cr_assert_eq(bind(listener, (const struct sockaddr *)&address, sizeof(address)), 0);
}

static void listen_end(void)
{
	close(listener);
	unlink(path);
	listener = -1;
}

static void setup(void)
{
	static const char template[] = "/tmp/cordon-journal-XXXXXX";
	memcpy(folder, template, sizeof(template));
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/socket", folder);
	listen_now();
}

static void teardown(void)
{
	if (listener >= 0)
		listen_end();
	rmdir(folder);
}

TestSuite(journal, .init = setup, .fini = teardown);

/* The next entry; its length, or -1. */
static ssize_t entry_read(char *bytes, size_t room)
{
	ssize_t length = recv(listener, bytes, room - 1, 0);
	bytes[length > 0 ? length : 0] = '\0';
	return length;
}

static unsigned entries_read(void)
{
	char bytes[8192];
	unsigned count = 0;
	while (entry_read(bytes, sizeof(bytes)) > 0)
		count++;
	return count;
}

/* A field of an entry, by the journal's own rules; "" when it is not there. */
static const char *field_of(const char *bytes, size_t length, const char *name, char value[512])
{
	const char *at = bytes, *end = bytes + length;
	value[0] = '\0';
	while (at < end) {
		const char *line = memchr(at, '\n', (size_t)(end - at));
		cr_assert_not_null(line, "an entry ends in the middle of a field");
		const char *equals = memchr(at, '=', (size_t)(line - at));
		size_t name_length = (size_t)((equals != NULL ? equals : line) - at), value_length;
		const char *from = equals != NULL ? equals + 1 : line + 9;
		if (equals != NULL) {
			value_length = (size_t)(line - from);
		} else {
			uint64_t little;
			cr_assert(end - line > 9);
			memcpy(&little, line + 1, sizeof(little));
			value_length = (size_t)le64toh(little);
			cr_assert(value_length < (size_t)(end - from));
		}
		cr_assert_eq(from[value_length], '\n');
		if (name_length == strlen(name) && memcmp(at, name, name_length) == 0 && value_length < 512) {
			memcpy(value, from, value_length);
			value[value_length] = '\0';
		}
		at = from + value_length + 1;
	}
	return value;
}

static void add(struct journal *journal, const char *rule)
{
	struct record record = {.has = RECORD_HAS(COLUMN_EVENTID), .eventid = 4290};
	record.rule = cursor_text(rule);
	journal_add(journal, &record, 6, "text");
}

Test(journal, entry_has_the_columns_as_fields)
{
	struct journal *journal = journal_new(path);
	struct record record = {.has = RECORD_HAS(COLUMN_SRC_IP) | RECORD_HAS(COLUMN_DST_PORT) | RECORD_HAS(COLUMN_PROTOCOL),
				.src = {FAMILY_IPV4, {203, 0, 113, 9}}, .dstport = 22, .protocol = 6};
	char bytes[8192], value[512];
	record.rule = cursor_text("two\nlines=1");
	record.policy = cursor_text("p=q");
	record.computername = cursor_text("host");
	journal_add(journal, &record, 4, "a message");
	cr_expect_eq(entry_read(bytes, sizeof(bytes)), -1);
	cr_expect_not(journal_pump(journal, 0));
	cr_expect_eq(entry_read(bytes, sizeof(bytes)), -1); /* not released yet */
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 0));
	ssize_t length = entry_read(bytes, sizeof(bytes));
	cr_assert(length > 0);
	static const char *const fields[][2] = {
		{"MESSAGE", "a message"}, {"PRIORITY", "4"}, {"SYSLOG_IDENTIFIER", "cordon"}, {"CORDON_SRC_IP", "203.0.113.9"},
		{"CORDON_DST_PORT", "22"}, {"CORDON_PROTOCOL", "TCP"}, {"CORDON_RULE", "two\nlines=1"}, {"CORDON_POLICY", "p=q"},
		{"CORDON_COMPUTERNAME", "host"}, {"CORDON_MODE", ""}, {"CORDON_COUNT", ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fields); i++)
		cr_expect_str_eq(field_of(bytes, (size_t)length, fields[i][0], value), fields[i][1], "%s: %s", fields[i][0], value);
	cr_expect_eq(journal_missed(journal), 0);
	journal_free(journal);
}

Test(journal, rate_is_bounded)
{
	struct journal *journal = journal_new(path);
	unsigned sent = 0;
	for (unsigned i = 0; i < JOURNAL_BURST + 50; i++)
		add(journal, "r");
	journal_release(journal);
	/* A socket takes only so many at once: what it does not take stays. */
	for (unsigned round = 0; round < 1000 && sent < JOURNAL_BURST; round++) {
		cr_expect(journal_pump(journal, 0));
		sent += entries_read();
	}
	cr_expect_eq(sent, JOURNAL_BURST);
	cr_expect(journal_pump(journal, 0));
	cr_expect_eq(entries_read(), 0);
	cr_expect(journal_pump(journal, 100));
	cr_expect_eq(entries_read(), JOURNAL_RATE / 10);
	for (int64_t now = 200; journal_pump(journal, now); now += 100)
		sent += entries_read();
	sent += entries_read();
	cr_expect_eq(sent + JOURNAL_RATE / 10, JOURNAL_BURST + 50);
	cr_expect_eq(journal_missed(journal), 0);
	journal_free(journal);
}

Test(journal, that_is_gone_is_counted_and_found_again)
{
	struct journal *journal = journal_new(path);
	add(journal, "1");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 0));
	cr_expect_eq(entries_read(), 1);
	listen_end();
	add(journal, "2");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 1000));
	cr_expect_eq(journal_missed(journal), 1);
	listen_now();
	add(journal, "3");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 1000 + JOURNAL_RETRY - 1));
	cr_expect_eq(journal_missed(journal), 2);
	add(journal, "4");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 1000 + JOURNAL_RETRY));
	cr_expect_eq(entries_read(), 1);
	/* Another one in its place is taken at once. */
	listen_end();
	listen_now();
	add(journal, "5");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 20000));
	cr_expect_eq(entries_read(), 1);
	cr_expect_eq(journal_missed(journal), 2);
	journal_free(journal);
}

Test(journal, that_does_not_read_is_not_waited_for)
{
	struct journal *journal = journal_new(path);
	unsigned count = 0;
	for (int64_t now = 0; journal_room(journal); now += 1000, count++) {
		add(journal, "r");
		journal_release(journal);
		(void)journal_pump(journal, now);
	}
	cr_expect(count > 1000 && count < 100000, "%u", count);
	cr_expect_eq(journal_missed(journal), 1);
	cr_expect(entries_read() > 0);
	cr_expect(journal_pump(journal, INT64_MAX / 2));
	journal_free(journal);
}

Test(journal, path_that_is_too_long_is_no_journal)
{
	char longer[300];
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	struct journal *journal = journal_new(longer);
	add(journal, "r");
	journal_release(journal);
	cr_expect_not(journal_pump(journal, 0));
	cr_expect_eq(journal_missed(journal), 1);
	journal_free(journal);
}

/* The collector: single drops, counts and mode changes; text for people. */
Test(journal, gets_what_the_log_gets)
{
	struct loop *loop = loop_new_scripted(1000000);
	const struct collector_options options = {.nflog = -1, .folder = -1, .journal = true, .journal_path = path,
						  .burst = 1, .rate = 1};
	struct collector *collector = collector_new(loop, &options);
	const struct message_settings settings = {.diagnostics = 7, .interval = 60, .mode = "secure"};
	const struct message_event event = {.eventid = 4292, .mode = "block", .digest = "abc", .text = 4};
	struct buffer datagram;
	char bytes[8192], value[512];
	buffer_init(&datagram, 1 << 16);
	for (uint32_t i = 0; i < 4; i++)
		nflog_make(&(struct made_packet){.prefix = "cordon:block:00000000deadbeef:r\x1b", .sequence = i, .hook = NF_INET_LOCAL_OUT,
						 .outdev = 1, .src = 0xc000020a, .dst = 0xcb007109, .protocol = 6, .srcport = 5000,
						 .dstport = 25, .uid = 33}, &datagram);
	cr_assert_eq(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)), 0);
	collector_datagram(collector, datagram.data, datagram.length);
	cr_expect_eq(entry_read(bytes, sizeof(bytes)), -1);
	loop_advance(loop, 60000);
	ssize_t length = entry_read(bytes, sizeof(bytes));
	cr_assert(length > 0);
	cr_expect_str_eq(field_of(bytes, (size_t)length, "MESSAGE", value),
			 "DROP out TCP 192.0.2.10:5000 > 203.0.113.9:25, rule \"r\\x1b\", sent by user 33");
	length = entry_read(bytes, sizeof(bytes));
	cr_assert(length > 0);
	cr_expect_str_eq(field_of(bytes, (size_t)length, "CORDON_COUNT", value), "3");
	cr_expect_str_eq(field_of(bytes, (size_t)length, "MESSAGE", value),
			 "DROP out TCP 192.0.2.10 > 203.0.113.9:25, 3 packets, rule \"r\\x1b\"");
	cr_assert_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text("text")), 0);
	length = entry_read(bytes, sizeof(bytes));
	cr_assert(length > 0);
	cr_expect_str_eq(field_of(bytes, (size_t)length, "MESSAGE", value), "text");
	cr_expect_str_eq(field_of(bytes, (size_t)length, "CORDON_POLICY", value), "abc");
	cr_expect_str_eq(field_of(bytes, (size_t)length, "PRIORITY", value), "4");
	collector_free(collector);
	loop_free(loop);
	buffer_done(&datagram);
}
