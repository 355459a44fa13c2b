/* The collector from a script: datagrams and messages in, drops.log out, time as the test says. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/collector.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/unit/daemon/drops_read.h"
#include "tests/unit/daemon/nflog_make.h"

#define HASH "00000000deadbeef"
#define PREFIX "cordon:block:" HASH ":lock down"

static char folder[64];
static int folder_fd = -1;
static struct loop *loop;
static struct collector *collector;
static uint32_t sequence;

static void folder_make(void)
{
	static const char template[] = "/tmp/cordon-collector-XXXXXX";
	memcpy(folder, template, sizeof(template));
	cr_assert_not_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(folder_fd >= 0);
}

static void folder_remove(void)
{
	DIR *entries = opendir(folder);
	for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
		if (entry->d_name[0] != '.')
			unlinkat(folder_fd, entry->d_name, 0);
	if (entries != NULL)
		closedir(entries);
	close(folder_fd);
	rmdir(folder);
}

static void start_with(const struct collector_options *options)
{
	struct collector_options all = *options;
	all.nflog = -1;
	all.folder = folder_fd;
	loop = loop_new_scripted(1000000);
	collector = collector_new(loop, &all);
	sequence = 0;
}

static void setup(void)
{
	folder_make();
	start_with(&(struct collector_options){0});
}

static void teardown(void)
{
	collector_free(collector);
	loop_free(loop);
	folder_remove();
}

TestSuite(collector, .init = setup, .fini = teardown);

static void settings_tell(uint32_t diagnostics, uint32_t interval, const char *mode)
{
	struct message_settings settings = {.diagnostics = diagnostics, .interval = interval};
	memcpy(settings.mode, mode, strlen(mode) + 1);
	cr_assert_eq(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)), 0);
}

static void name_tell(const char *hash, const char *policy, const char *rule, const char *list)
{
	char tail[256];
	struct message_names names = {.policy = (uint16_t)strlen(policy), .rule = (uint16_t)strlen(rule),
				      .list = (uint16_t)strlen(list)};
	memcpy(names.hash, hash, 17);
	int length = snprintf(tail, sizeof(tail), "%s%s%s", policy, rule, list);
	cr_assert_eq(collector_message(collector, MESSAGE_NAMES, &names, cursor_of(tail, (size_t)length)), 0);
}

static void names_end_tell(void)
{
	cr_assert_eq(collector_message(collector, MESSAGE_NAMES_END, NULL, cursor_of("", 0)), 0);
}

static void event_tell(uint16_t eventid, const char *mode, const char *digest, const char *text)
{
	struct message_event event = {.eventid = eventid, .text = (uint16_t)strlen(text)};
	memcpy(event.mode, mode, strlen(mode) + 1);
	memcpy(event.digest, digest, strlen(digest) + 1);
	cr_assert_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text(text)), 0);
}

static struct made_packet one(uint8_t hook)
{
	return (struct made_packet){
		.prefix = PREFIX, .hook = hook, .src = 0xcb007109, .dst = 0xc000020a, .protocol = 6, .srcport = 5000, .dstport = 22,
		.indev = hook == NF_INET_LOCAL_OUT ? 0 : 1, .outdev = hook == NF_INET_LOCAL_IN ? 0 : 1,
	};
}

/* One datagram of so many packets; the source address of each is one higher by `step`. */
static void drops_send(struct made_packet packet, unsigned count, uint32_t step)
{
	struct buffer datagram;
	buffer_init(&datagram, 1 << 24);
	for (unsigned i = 0; i < count; i++) {
		packet.sequence = sequence++;
		nflog_make(&packet, &datagram);
		packet.src += step;
	}
	nflog_make_end(&datagram);
	collector_datagram(collector, datagram.data, datagram.length);
	buffer_done(&datagram);
}

/* What is in the log now; every line of it is whole. */
static struct drops log_now(void)
{
	struct drops drops;
	drops_read(folder, &drops);
	cr_assert_str_eq(drops.trouble, "", "%s", drops.trouble);
	return drops;
}

static void value_is(const struct drops *drops, size_t line, const char *column, const char *expected)
{
	cr_expect_str_eq(drops_value(drops, line, column), expected, "line %zu, %s: %s", line, column, drops_value(drops, line, column));
}

Test(collector, drop_has_all_that_is_known_of_it)
{
	settings_tell(7, 60, "secure");
	name_tell(HASH, "quarantine", "lock down", "every\"thing");
	names_end_tell();
	struct made_packet packet = one(NF_INET_LOCAL_IN);
	packet.seconds = 1785542398;
	drops_send(packet, 1, 0);
	drops_send(one(NF_INET_LOCAL_OUT), 1, 0);
	drops_send(one(NF_INET_FORWARD), 1, 0);
	collector_flush(collector);
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 3);
	char computer[256] = "";
	cr_assert_eq(gethostname(computer, sizeof(computer) - 1), 0);
	static const char *const values[][2] = {
		{"date", "2026-07-31"}, {"time", "23:59:58"}, {"x-source", "cordon"}, {"x-eventid", "4290"}, {"x-action", "DROP"},
		{"x-direction", "in"}, {"protocol", "TCP"}, {"src-ip", "203.0.113.9"}, {"src-port", "5000"}, {"dst-ip", "192.0.2.10"},
		{"dst-port", "22"}, {"tcpflags", "S"}, {"icmptype", "-"}, {"size", "40"}, {"x-count", "-"}, {"x-layer", "-"},
		{"x-filter-id", "-"}, {"x-log", "cordon"}, {"x-policy", "quarantine"}, {"x-rule", "lock down"},
		{"x-filterlist", "every\"thing"}, {"x-mode", "secure"}, {"x-interface", "lo"}, {"x-recovered", "-"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(values); i++)
		value_is(&drops, 0, values[i][0], values[i][1]);
	value_is(&drops, 0, "s-computername", computer);
	/* Without a time of its own: the loop's. */
	value_is(&drops, 1, "date", "1970-01-01");
	value_is(&drops, 1, "time", "00:16:40");
	value_is(&drops, 1, "x-eventid", "4291");
	value_is(&drops, 1, "x-direction", "out");
	value_is(&drops, 1, "x-interface", "lo");
	value_is(&drops, 2, "x-eventid", "4290");
	value_is(&drops, 2, "x-direction", "forward");
	drops_done(&drops);
}

Test(collector, level_decides_what_is_recorded_and_nothing_stops_counting)
{
	static const struct {
		uint32_t level;
		unsigned in, out, errors;
	} rows[] = {{0, 0, 0, 0}, {1, 0, 0, 1}, {2, 2, 0, 0}, {3, 2, 0, 1}, {4, 0, 1, 0}, {5, 0, 1, 1}, {6, 2, 1, 0}, {7, 2, 1, 1}};
	size_t lines = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct message_counts before, counts;
		collector_counts(collector, &before);
		settings_tell(rows[i].level, 60, "secure");
		drops_send(one(NF_INET_LOCAL_IN), 1, 0);
		drops_send(one(NF_INET_FORWARD), 1, 0);
		drops_send(one(NF_INET_LOCAL_OUT), 1, 0);
		event_tell(5000, "secure", "", "something failed");
		event_tell(4294, "secure", "", "mode");
		event_tell(0, "secure", "", "journal only");
		collector_flush(collector);
		struct drops drops = log_now();
		lines += rows[i].in + rows[i].out + rows[i].errors + 1;
		cr_assert_eq(drops.count, lines, "level %u: %zu lines, %zu expected", rows[i].level, drops.count, lines);
		drops_done(&drops);
		collector_counts(collector, &counts);
		cr_expect_eq(counts.received - before.received, 3);
		cr_expect_eq(counts.written - before.written, rows[i].in + rows[i].out);
	}
}

Test(collector, lines_wait_for_the_interval)
{
	settings_tell(7, 60, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 5, 1);
	loop_advance(loop, 59999);
	struct drops drops = log_now();
	cr_expect_eq(drops.count, 0);
	drops_done(&drops);
	loop_advance(loop, 1);
	drops = log_now();
	cr_expect_eq(drops.count, 5);
	value_is(&drops, 0, "src-ip", "203.0.113.9");
	value_is(&drops, 4, "src-ip", "203.0.113.13");
	drops_done(&drops);
}

Test(collector, threshold_writes_before_the_interval_in_order)
{
	settings_tell(7, 3600, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 1500, 1);
	struct drops drops = log_now();
	cr_expect(drops.count > 0 && drops.count < 1500, "%zu", drops.count);
	drops_done(&drops);
	collector_flush(collector);
	drops = log_now();
	cr_assert_eq(drops.count, 1500);
	uint32_t src = 0xcb007109;
	for (size_t i = 0; i < drops.count; i++, src++) {
		char text[32];
		snprintf(text, sizeof(text), "%u.%u.%u.%u", src >> 24, src >> 16 & 255, src >> 8 & 255, src & 255);
		value_is(&drops, i, "src-ip", text);
	}
	drops_done(&drops);
}

Test(collector, new_settings_write_what_was_recorded_under_the_old)
{
	settings_tell(7, 3600, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	settings_tell(0, 3600, "block");
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	collector_flush(collector);
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 1);
	value_is(&drops, 0, "x-mode", "secure");
	drops_done(&drops);
}

Test(collector, observed_packets_are_no_drops)
{
	settings_tell(7, 60, "observe");
	struct made_packet packet = one(NF_INET_LOCAL_IN);
	packet.prefix = "cordon:observe:" HASH ":lock down";
	drops_send(packet, 1, 0);
	collector_flush(collector);
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 1);
	value_is(&drops, 0, "x-action", "ALLOW");
	value_is(&drops, 0, "x-mode", "observe");
	value_is(&drops, 0, "x-eventid", "4290");
	drops_done(&drops);
}

/* Names are of the ruleset in force and of the one before; then the prefix says what it can. */
Test(collector, names_live_for_two_generations)
{
	settings_tell(7, 60, "secure");
	name_tell(HASH, "first", "lock down, whole name", "all");
	names_end_tell();
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	name_tell("0123456789abcdef", "second", "other", "all");
	names_end_tell();
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	name_tell("0123456789abcdef", "second", "other", "all");
	names_end_tell();
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	struct made_packet packet = one(NF_INET_LOCAL_IN);
	packet.prefix = "cordon:block:0123456789abcdef:ot";
	drops_send(packet, 1, 0);
	/* What was only seen gets its names when they are told. */
	name_tell(HASH, "third", "lock down, whole name", "all");
	names_end_tell();
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	collector_flush(collector);
	static const char *const expected[][4] = {
		{"first", "lock down, whole name", "all", "-"}, {"first", "lock down, whole name", "all", "-"},
		{"-", "lock down", "-", "3735928559"}, {"second", "other", "all", "-"}, {"third", "lock down, whole name", "all", "-"},
	};
	struct drops drops = log_now();
	cr_assert_eq(drops.count, ARRAY_LENGTH(expected));
	for (size_t i = 0; i < drops.count; i++) {
		value_is(&drops, i, "x-policy", expected[i][0]);
		value_is(&drops, i, "x-rule", expected[i][1]);
		value_is(&drops, i, "x-filterlist", expected[i][2]);
		value_is(&drops, i, "x-filter-id", expected[i][3]);
	}
	drops_done(&drops);
}

Test(collector, names_of_a_count_that_waits_are_kept)
{
	settings_tell(7, 3600, "secure");
	name_tell(HASH, "first", "lock down", "all");
	names_end_tell();
	drops_send(one(NF_INET_LOCAL_IN), COLLECTOR_BURST + 1, 0);
	for (unsigned i = 0; i < 5; i++)
		names_end_tell();
	collector_flush(collector);
	struct drops drops = log_now();
	value_is(&drops, drops.count - 1, "x-policy", "first");
	value_is(&drops, drops.count - 1, "x-layer", "counted");
	drops_done(&drops);
}

Test(collector, strange_numbers_are_bounded)
{
	settings_tell(7, 3600, "secure");
	for (unsigned i = 0; i < 3000; i++) {
		char prefix[64];
		struct made_packet packet = one(NF_INET_LOCAL_IN);
		snprintf(prefix, sizeof(prefix), "cordon:block:%016x:rule %u", i + 1, i);
		packet.prefix = prefix;
		drops_send(packet, 1, 0);
	}
	collector_flush(collector);
	struct drops drops = log_now();
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), 3000);
	value_is(&drops, 0, "x-rule", "rule 0");
	drops_done(&drops);
}

Test(collector, flood_is_counted_by_source)
{
	settings_tell(7, 60, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 50000, 0);
	struct made_packet other = one(NF_INET_LOCAL_OUT);
	other.protocol = 17;
	other.dstport = 53;
	drops_send(other, 700, 0);
	loop_advance(loop, 60000);
	struct drops drops = log_now();
	struct message_counts counts;
	collector_counts(collector, &counts);
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), 50700);
	cr_expect_eq(counts.received, 50700);
	cr_expect_eq(counts.written, COLLECTOR_BURST);
	cr_expect_eq(counts.counted, 50700 - COLLECTOR_BURST);
	cr_assert_eq(drops.count, COLLECTOR_BURST + 2);
	value_is(&drops, COLLECTOR_BURST, "x-count", "48000");
	value_is(&drops, COLLECTOR_BURST, "x-layer", "counted");
	value_is(&drops, COLLECTOR_BURST, "src-ip", "203.0.113.9");
	value_is(&drops, COLLECTOR_BURST, "src-port", "-");
	value_is(&drops, COLLECTOR_BURST, "dst-port", "22");
	value_is(&drops, COLLECTOR_BURST, "x-eventid", "4290");
	value_is(&drops, COLLECTOR_BURST + 1, "x-count", "700");
	value_is(&drops, COLLECTOR_BURST + 1, "protocol", "UDP");
	value_is(&drops, COLLECTOR_BURST + 1, "x-eventid", "4291");
	drops_done(&drops);
}

Test(collector, single_lines_come_back_after_a_flood)
{
	struct message_counts before, counts;
	settings_tell(7, 60, "secure");
	drops_send(one(NF_INET_LOCAL_IN), COLLECTOR_BURST + 500, 0);
	collector_counts(collector, &before);
	loop_advance(loop, 1000);
	drops_send(one(NF_INET_LOCAL_IN), 500, 0);
	collector_counts(collector, &counts);
	cr_expect_eq(counts.written - before.written, COLLECTOR_RATE);
	loop_advance(loop, 3600000);
	drops_send(one(NF_INET_LOCAL_IN), COLLECTOR_BURST + 1, 0);
	collector_counts(collector, &before);
	cr_expect_eq(before.written - counts.written, COLLECTOR_BURST);
}

/* More sources than there is room for: the rest is counted for its rule. */
Test(collector, full_table_counts_by_rule)
{
	collector_free(collector);
	loop_free(loop);
	start_with(&(struct collector_options){.sources = 64, .burst = 1, .rate = 1});
	settings_tell(7, 60, "secure");
	name_tell(HASH, "p", "lock down", "all");
	names_end_tell();
	/* The first time that the table fills up it is written at once. */
	drops_send(one(NF_INET_LOCAL_IN), 49, 1);
	struct drops drops = log_now();
	cr_expect_eq(drops.count, 49);
	drops_done(&drops);
	drops_send(one(NF_INET_LOCAL_IN), 5000, 1);
	loop_advance(loop, 60000);
	drops = log_now();
	cr_expect_eq(drops_sum(&drops, NULL, NULL), 5049);
	cr_expect_eq(drops_sum(&drops, "x-layer", "overflow"), 5000 - 64);
	cr_assert_eq(drops.count, 49 + 64 + 1);
	value_is(&drops, drops.count - 1, "x-rule", "lock down");
	value_is(&drops, drops.count - 1, "src-ip", "-");
	value_is(&drops, drops.count - 1, "x-direction", "in");
	drops_done(&drops);
}

/* And more rules than that: one last number. */
Test(collector, full_tables_count_all_the_same)
{
	collector_free(collector);
	loop_free(loop);
	start_with(&(struct collector_options){.sources = 16, .burst = 1, .rate = 1});
	settings_tell(7, 60, "secure");
	for (unsigned i = 0; i < 500; i++) {
		char prefix[64];
		struct made_packet packet = one(NF_INET_LOCAL_IN);
		snprintf(prefix, sizeof(prefix), "cordon:block:%016x:rule %u", i + 1, i);
		packet.prefix = prefix;
		packet.src += i;
		drops_send(packet, 3, 0);
	}
	collector_flush(collector);
	struct drops drops = log_now();
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), 1500);
	cr_expect(drops.count < 100, "%zu", drops.count);
	drops_done(&drops);
}

Test(collector, gaps_are_drops_that_were_lost)
{
	settings_tell(6, 60, "secure");
	sequence = UINT32_MAX - 5; /* the number wraps */
	drops_send(one(NF_INET_LOCAL_IN), 3, 0);
	sequence += 40;
	drops_send(one(NF_INET_LOCAL_IN), 3, 0);
	sequence += 2;
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	loop_advance(loop, 60000);
	struct drops drops = log_now();
	struct message_counts counts;
	collector_counts(collector, &counts);
	cr_expect_eq(counts.lost, 42);
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), 49);
	cr_expect_eq(drops_sum(&drops, "x-layer", "lost"), 42);
	cr_assert_eq(drops.count, 8);
	value_is(&drops, 7, "src-ip", "-");
	value_is(&drops, 7, "x-count", "42");
	drops_done(&drops);
}

Test(collector, new_numbering_is_no_loss)
{
	settings_tell(6, 60, "secure");
	sequence = 5000;
	drops_send(one(NF_INET_LOCAL_IN), 3, 0);
	sequence = 0;
	drops_send(one(NF_INET_LOCAL_IN), 3, 0);
	struct message_counts counts;
	collector_counts(collector, &counts);
	cr_expect_eq(counts.lost, 0);
	cr_expect_eq(counts.received, 6);
}

Test(collector, loss_at_the_end_is_said_before_its_number_is_known)
{
	settings_tell(2, 60, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	collector_overrun(collector);
	loop_advance(loop, 60000);
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 2);
	value_is(&drops, 1, "x-layer", "lost");
	value_is(&drops, 1, "x-count", "0");
	drops_done(&drops);
	sequence += 9;
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	collector_flush(collector);
	drops = log_now();
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), 11);
	drops_done(&drops);
}

static void boot_tell(const char *src, uint8_t protocol, uint16_t port, uint64_t packets)
{
	struct bootdrop drop = {.protocol = protocol, .dstport = port, .packets = packets, .bytes = packets * 60};
	if (src != NULL)
		cr_assert(ip_parse(src, strlen(src), &drop.src));
	drop.family = drop.src.family;
	cr_assert_eq(collector_message(collector, MESSAGE_BOOTDROP, &drop, cursor_of("", 0)), 0);
}

/* At every level: there is no second chance to tell it. */
Test(collector, drops_of_the_boot_are_counts)
{
	boot_tell("203.0.113.9", 6, 22, 12);
	boot_tell("2001:db8::9", 58, 0, 3);
	boot_tell("203.0.113.9", 17, 53, 0);
	boot_tell(NULL, 0, 0, 7);
	loop_advance(loop, 1000);
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 3);
	for (size_t i = 0; i < 3; i++) {
		value_is(&drops, i, "x-mode", "boot");
		value_is(&drops, i, "x-action", "DROP");
		value_is(&drops, i, "x-eventid", "4290");
		value_is(&drops, i, "x-direction", "-");
	}
	value_is(&drops, 0, "src-ip", "203.0.113.9");
	value_is(&drops, 0, "dst-port", "22");
	value_is(&drops, 0, "x-count", "12");
	value_is(&drops, 1, "src-ip", "2001:db8::9");
	value_is(&drops, 1, "protocol", "ICMPv6");
	value_is(&drops, 1, "dst-port", "-");
	value_is(&drops, 2, "src-ip", "-");
	value_is(&drops, 2, "x-count", "7");
	drops_done(&drops);
}

Test(collector, mode_changes_are_written_at_once_with_their_digest)
{
	settings_tell(7, 3600, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	event_tell(4292, "block", "d1d2", "the persistent policy \"p\" cannot be applied\nat all");
	struct drops drops = log_now();
	cr_assert_eq(drops.count, 2);
	value_is(&drops, 0, "x-action", "DROP");
	value_is(&drops, 1, "x-eventid", "4292");
	value_is(&drops, 1, "x-action", "-");
	value_is(&drops, 1, "x-mode", "block");
	value_is(&drops, 1, "x-policy", "d1d2");
	value_is(&drops, 1, "x-rule", "the persistent policy \"p\" cannot be applied at all");
	drops_done(&drops);
}

Test(collector, messages_that_are_not_right_are_refused)
{
	const struct message_names names = {.hash = "0123456789abcdeX", .rule = 3};
	const struct message_names lengths = {.hash = "0123456789abcdef", .rule = 3};
	struct message_settings settings = {.diagnostics = 8, .interval = 60, .mode = "secure"};
	struct message_event event = {.eventid = 4292, .text = 2};
	const struct bootdrop boot = {.src = {.family = 9}, .packets = 1};
	cr_expect_eq(collector_message(collector, MESSAGE_NAMES, &names, cursor_text("abc")), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_NAMES, &lengths, cursor_text("abcd")), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)), ERROR_DAMAGED);
	settings.diagnostics = 7;
	memset(settings.mode, 'x', sizeof(settings.mode));
	cr_expect_eq(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text("abc")), ERROR_DAMAGED);
	memset(event.mode, 'x', sizeof(event.mode));
	cr_expect_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text("ab")), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_BOOTDROP, &boot, cursor_of("", 0)), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_COUNTS, NULL, cursor_of("", 0)), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_STATUS, NULL, cursor_of("", 0)), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, (enum message_type)4711, NULL, cursor_of("", 0)), ERROR_DAMAGED);
	cr_expect_eq(collector_message(collector, MESSAGE_FLUSH, NULL, cursor_of("", 0)), 0);
}

Test(collector, foreign_and_damaged_messages_are_no_drops)
{
	struct message_counts counts;
	struct made_packet packet = one(NF_INET_LOCAL_IN);
	settings_tell(7, 60, "secure");
	packet.prefix = "somebody else: ";
	drops_send(packet, 3, 0);
	collector_datagram(collector, "garbage that is no netlink at all", 33);
	collector_datagram(collector, "", 0);
	drops_send(one(NF_INET_LOCAL_IN), 1, 0);
	collector_counts(collector, &counts);
	cr_expect_eq(counts.received, 1);
	cr_expect_eq(counts.lost, 0);
}

Test(collector, interface_without_a_name_is_its_index)
{
	settings_tell(7, 60, "secure");
	struct made_packet packet = one(NF_INET_LOCAL_IN);
	packet.indev = 999999;
	drops_send(packet, 1, 0);
	packet.indev = 0;
	drops_send(packet, 1, 0);
	collector_flush(collector);
	struct drops drops = log_now();
	value_is(&drops, 0, "x-interface", "index:999999");
	value_is(&drops, 1, "x-interface", "-");
	drops_done(&drops);
}

Test(collector, without_a_folder_it_counts)
{
	struct message_counts counts;
	collector_free(collector);
	collector = collector_new(loop, &(struct collector_options){.nflog = -1, .folder = -1});
	settings_tell(7, 60, "secure");
	drops_send(one(NF_INET_LOCAL_IN), 5000, 0);
	loop_advance(loop, 60000);
	collector_counts(collector, &counts);
	cr_expect_eq(counts.received, 5000);
}

/* docs/drops.md names every column, and its table of levels is the one of the test above. */
Test(collector, document_says_what_is_so)
{
	static const char *const levels[] = {
		"| 0 | no | no | no |", "| 1 | no | no | yes |", "| 2 | yes | no | no |", "| 3 | yes | no | yes |",
		"| 4 | no | yes | no |", "| 5 | no | yes | yes |", "| 6 | yes | yes | no |", "| 7 | yes | yes | yes |",
	};
	FILE *file = fopen(CORDON_SOURCE "/docs/drops.md", "r");
	char *text = memory_alloc(1 << 20), word[64];
	cr_assert_not_null(file);
	cr_assert_gt(fread(text, 1, (1 << 20) - 1, file), 0);
	fclose(file);
	for (size_t i = 0; i < ARRAY_LENGTH(levels); i++)
		cr_expect_not_null(strstr(text, levels[i]), "%s", levels[i]);
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		snprintf(word, sizeof(word), "`%s`", record_columns[column].name);
		cr_expect_not_null(strstr(text, word), "%s", word);
	}
	snprintf(word, sizeof(word), "%d,%03d drops have a line", COLLECTOR_BURST / 1000, COLLECTOR_BURST % 1000);
	cr_expect_not_null(strstr(text, word), "%s", word);
	snprintf(word, sizeof(word), "from then on %d a second", COLLECTOR_RATE);
	cr_expect_not_null(strstr(text, word), "%s", word);
	free(text);
}

static size_t memory_used(void)
{
	return mallinfo2().uordblks;
}

/* A day: a flood each hour, drops each minute, new names each ten, the log rotated all the time. */
Test(collector, day_leaves_memory_flat, .timeout = 120)
{
	size_t after_first = 0;
	collector_free(collector);
	loop_free(loop);
	start_with(&(struct collector_options){.log_most = 256 * 1024, .log_files = 3, .sources = 4096});
	settings_tell(7, 600, "secure");
	for (unsigned minute = 0; minute < 24 * 60; minute++) {
		if (minute % 10 == 0) {
			char hash[17];
			snprintf(hash, sizeof(hash), "%016x", minute + 1);
			name_tell(HASH, "p", "lock down", "all");
			name_tell(hash, "p", "now", "all");
			names_end_tell();
		}
		struct made_packet packet = one(NF_INET_LOCAL_IN);
		packet.src += minute * 7919;
		drops_send(packet, minute % 60 == 0 ? 6000 : 10, 1);
		loop_advance(loop, 60000);
		if (minute == 2 * 60)
			after_first = memory_used();
	}
	collector_flush(collector);
	cr_expect(memory_used() <= after_first + 64 * 1024, "%zu bytes after two hours, %zu after a day", after_first, memory_used());
	struct drops drops = log_now();
	cr_expect(drops.files <= 3);
	cr_expect(drops.bytes <= 3 * (256 * 1024 + 4096), "%zu", drops.bytes);
	drops_done(&drops);
}
