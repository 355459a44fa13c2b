/* PACKET notation: what is good and how it prints, what is bad and where. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <string.h>

#include "core/base/error.h"
#include "core/policy/packet.h"
#include "tests/oracle/sample.h"

static struct host host_of(const char *const *addresses)
{
	struct host host;
	host_init(&host);
	for (; *addresses != NULL; addresses++) {
		struct ip_prefix prefix;
		cr_assert(ip_prefix_parse(*addresses, strlen(*addresses), &prefix));
		host_add_address(&host, &prefix);
	}
	return host;
}

static const char *const both[] = {"192.0.2.10/24", "10.1.2.3/8", "2001:db8::10/64", NULL};

Test(packet, good_ones_print_canonically)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"tcp 203.0.113.9:51000 > me:80", "in tcp 203.0.113.9:51000 > 192.0.2.10:80"},
		{"tcp me:80 > 203.0.113.9:51000", "out tcp 192.0.2.10:80 > 203.0.113.9:51000"},
		{"icmp:8 10.0.0.1 > me", "in icmp:8 10.0.0.1 > 192.0.2.10"},
		{"udp [2001:db8::5]:5353 > [ff02::fb]:5353", "in udp [2001:db8::5]:5353 > [ff02::fb]:5353"},
		{"reply tcp 203.0.113.80:80 > me:40000", "in reply tcp 203.0.113.80:80 > 192.0.2.10:40000"},
		{"47 10.0.0.1 > me", "in 47 10.0.0.1 > 192.0.2.10"},
		{"gre 10.0.0.1 > me", "in 47 10.0.0.1 > 192.0.2.10"},
		{"ESP 10.0.0.1 > ME", "in 50 10.0.0.1 > 192.0.2.10"},
		{"rsvp 10.0.0.1 > me", "in 46 10.0.0.1 > 192.0.2.10"},
		{"raw 10.0.0.1 > me", "in raw 10.0.0.1 > 192.0.2.10"},
		{"255 10.0.0.1 > me", "in raw 10.0.0.1 > 192.0.2.10"},
		{"6 10.0.0.1:1 > me:2", "in tcp 10.0.0.1:1 > 192.0.2.10:2"},
		{"0 10.0.0.1 > me", "in 0 10.0.0.1 > 192.0.2.10"},
		{"icmp 2001:db8::1 > me", "in icmpv6 2001:db8::1 > 2001:db8::10"},
		{"icmp:128 2001:db8::1 > me", "in icmpv6:128 2001:db8::1 > 2001:db8::10"},
		{"icmpv6:135 2001:db8::1 > me", "in icmpv6:135 2001:db8::1 > 2001:db8::10"},
		{"1 2001:db8::1 > me", "in 1 2001:db8::1 > 2001:db8::10"},
		{"58:135 2001:db8::1 > me", "in icmpv6:135 2001:db8::1 > 2001:db8::10"},
		{"icmpv6 me > 2001:db8::1", "out icmpv6 2001:db8::10 > 2001:db8::1"},
		{"in icmpv6 me > me", "in icmpv6 2001:db8::10 > 2001:db8::10"},
		{"in tcp me:1 > me:2", "in tcp 192.0.2.10:1 > 192.0.2.10:2"},
		{"frag udp 10.0.0.1:7 > me:9", "in frag udp 10.0.0.1:7 > 192.0.2.10:9"},
		{"out reply frag tcp me:1 > 10.9.9.9:2", "out reply frag tcp 192.0.2.10:1 > 10.9.9.9:2"},
		{"forward tcp 203.0.113.1:1 > 203.0.113.2:2", "forward tcp 203.0.113.1:1 > 203.0.113.2:2"},
		{"out tcp 203.0.113.9:1 > me:2", "out tcp 203.0.113.9:1 > 192.0.2.10:2"},
		{"tcp 10.1.2.3:1 > 203.0.113.9:2", "out tcp 10.1.2.3:1 > 203.0.113.9:2"},
		{"tcp 1.2.3.4 > me:80", "in tcp 1.2.3.4 > 192.0.2.10:80"},
		{"tcp 1.2.3.4:0 > me:80", "in tcp 1.2.3.4 > 192.0.2.10:80"},
		{"tcp 2001:db8::1 > me", "in tcp 2001:db8::1 > 2001:db8::10"},
		{"tcp [2001:db8::1] > me", "in tcp 2001:db8::1 > 2001:db8::10"},
		{"icmp [2001:db8::1] > me", "in icmpv6 2001:db8::1 > 2001:db8::10"},
		{"tcp [2001:DB8:0:0::1]:65535 > me:1", "in tcp [2001:db8::1]:65535 > [2001:db8::10]:1"},
		{"udp me:68 > 255.255.255.255:67", "out udp 192.0.2.10:68 > 255.255.255.255:67"},
		{"udp 192.0.2.1:67 > 255.255.255.255:68", "in udp 192.0.2.1:67 > 255.255.255.255:68"},
		{"udp 192.0.2.1:67 > 192.0.2.255:68", "in udp 192.0.2.1:67 > 192.0.2.255:68"},
		{"udp 192.0.2.1:1 > 10.255.255.255:2", "in udp 192.0.2.1:1 > 10.255.255.255:2"},
		{"udp 192.0.2.1:1900 > 239.255.255.250:1900", "in udp 192.0.2.1:1900 > 239.255.255.250:1900"},
		{"tcp 127.0.0.1:5 > 127.0.0.1:6", "out tcp 127.0.0.1:5 > 127.0.0.1:6"},
		{"tcp me:5 > 127.0.0.1:6", "out tcp 192.0.2.10:5 > 127.0.0.1:6"},
		{"tcp [::1]:5 > [::1]:6", "out tcp [::1]:5 > [::1]:6"},
		{"  tcp\t10.0.0.1:1   >\tme:2  ", "in tcp 10.0.0.1:1 > 192.0.2.10:2"},
		{"tcp 10.0.0.1:1>me:2", "in tcp 10.0.0.1:1 > 192.0.2.10:2"},
		{"IN Reply TCP 10.0.0.1:1 > Me:2", "in reply tcp 10.0.0.1:1 > 192.0.2.10:2"},
	};
	struct host host = host_of(both);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet, again;
		struct diag diag;
		char text[PACKET_TEXT];
		diag_init(&diag);
		int error = packet_parse(rows[i].text, strlen(rows[i].text), &host, &diag, NULL, &packet);
		cr_expect_eq(error, 0, "%s: %s", rows[i].text, diag.count > 0 ? diag.messages[0].text : "?");
		cr_expect_eq(diag.count, error == 0 ? 0 : diag.count);
		if (error == 0) {
			cr_expect_eq(packet_print(&packet, text), strlen(text));
			cr_expect_str_eq(text, rows[i].printed, "%s gives %s", rows[i].text, text);
			cr_expect_eq(packet_parse(text, strlen(text), &host, NULL, NULL, &again), 0, "%s", text);
			cr_expect_eq(memcmp(&packet, &again, sizeof(packet)), 0, "%s", text);
		}
		diag_done(&diag);
	}
	host_done(&host);
}

Test(packet, fields_are_what_was_written)
{
	struct host host = host_of(both);
	static const char text[] = "in reply frag icmp:255 10.0.0.1 > me";
	struct packet packet;
	cr_assert_eq(packet_parse(text, strlen(text), &host, NULL, NULL, &packet), 0);
	cr_expect_eq(packet.direction, DIRECTION_IN);
	cr_expect(packet.reply && packet.fragment);
	cr_expect_eq(packet.protocol, 1);
	cr_expect_eq(packet.icmp_type, 255);
	cr_expect_eq(packet.srcport, 0);
	static const char tcp[] = "tcp 10.0.0.1:65535 > me:1";
	cr_assert_eq(packet_parse(tcp, strlen(tcp), &host, NULL, NULL, &packet), 0);
	cr_expect_eq(packet.srcport, 65535);
	cr_expect_eq(packet.dstport, 1);
	cr_expect_eq(packet.icmp_type, -1);
	cr_expect(!packet.reply && !packet.fragment);
	host_done(&host);
}

/* The column is that of the offending word; what is wrong is in the message. */
Test(packet, bad_ones_say_where_and_what)
{
	static const struct {
		const char *text;
		unsigned column, length;
		const char *says;
	} rows[] = {
		{"", 1, 1, "a protocol is expected"},
		{"   ", 4, 1, "a protocol is expected"},
		{"in", 3, 1, "a protocol is expected"},
		{"tpc 10.0.0.1:1 > me:2", 1, 3, "did you mean tcp"},
		{"icmpv66 10.0.0.1 > me", 1, 7, "did you mean icmpv6"},
		{"in upd 10.0.0.1:1 > me:2", 4, 3, "did you mean udp"},
		{"forwrad tcp 10.0.0.1:1 > me:2", 1, 7, "did you mean forward"},
		{"any 10.0.0.1 > me", 1, 3, "a packet has one protocol"},
		{"256 10.0.0.1 > me", 1, 3, "0 to 255"},
		{"10.0.0.1:1 > me:2", 1, 10, "a protocol comes first"},
		{"reply in tcp 10.0.0.1:1 > me:2", 7, 2, "the order is"},
		{"in in tcp 10.0.0.1:1 > me:2", 4, 2, "the order is"},
		{"tcp:80 10.0.0.1 > me", 1, 6, "only icmp and icmpv6 have a type"},
		{"icmp:256 10.0.0.1 > me", 6, 3, "0 to 255"},
		{"icmp: 10.0.0.1 > me", 6, 1, "0 to 255"},
		{"icmp:echo 10.0.0.1 > me", 6, 4, "0 to 255"},
		{"tcp", 4, 1, "a source address is expected"},
		{"tcp > me:80", 5, 1, "a source address is expected"},
		{"tcp 10.0.0.1:1", 15, 1, "a > is expected"},
		{"tcp 10.0.0.1:1 me:2", 16, 4, "a > is expected"},
		{"tcp 10.0.0.1:1 -> me:2", 16, 1, "a > is expected"},
		{"tcp 10.0.0.1:1 >", 17, 1, "a destination address is expected"},
		{"tcp 10.0.0.1:1 > me:2 now", 23, 3, "nothing may follow"},
		{"tcp 10.0.0.1:65536 > me:2", 14, 5, "0 to 65535"},
		{"tcp 10.0.0.1: > me:2", 14, 1, "0 to 65535"},
		{"tcp 10.0.0.1:http > me:2", 14, 4, "0 to 65535"},
		{"tcp 10.0.0.1:-1 > me:2", 14, 2, "0 to 65535"},
		{"icmp 10.0.0.1:7 > me", 14, 2, "only tcp and udp have ports"},
		{"47 10.0.0.1 > me:80", 17, 3, "only tcp and udp have ports"},
		{"tcp 10.0.0.256:1 > me:2", 5, 10, "an IPv4 or IPv6 address or me"},
		{"tcp 10.0.0.01:1 > me:2", 5, 9, "an IPv4 or IPv6 address or me"},
		{"tcp www.example.com:1 > me:2", 5, 15, "names are not looked up"},
		{"tcp any:1 > me:2", 5, 3, "for filters"},
		{"tcp 10.0.0.1:1 > dns:53", 18, 3, "for filters"},
		{"tcp 10.0.0.0/8:1 > me:2", 5, 10, "not a network"},
		{"tcp 10.0.0.1-10.0.0.9:1 > me:2", 5, 17, "not a range"},
		{"icmp fe80::1%eth0 > me", 6, 12, "without its zone"},
		{"tcp [10.0.0.1]:1 > me:2", 5, 12, "IPv6 addresses only"},
		{"tcp [2001:db8::1:1 > me:2", 5, 14, "brackets"},
		{"tcp [2001:db8::1]1 > me:2", 5, 14, "brackets"},
		{"tcp 10.0.0.1:1 > 2001:db8::10", 18, 12, "one family"},
		{"tcp 203.0.113.1:1 > 203.0.113.2:2", 21, 13, "neither address is the host's"},
		{"tcp me:1 > 10.1.2.3:2", 12, 10, "both addresses are the host's"},
		{"tcp me:1 > me:2", 12, 4, "both addresses are the host's"},
		{"tcp 10.0.0.1:1 > me:2 \xff", 23, 1, "nothing may follow"},
	};
	struct host host = host_of(both);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet = {.protocol = 99};
		struct diag diag;
		diag_init(&diag);
		cr_expect_eq(packet_parse(rows[i].text, strlen(rows[i].text), &host, &diag, NULL, &packet), ERROR_INPUT, "%s", rows[i].text);
		cr_expect_eq(packet.protocol, 99, "untouched on failure: %s", rows[i].text);
		cr_assert_eq(diag.errors, 1, "%s", rows[i].text);
		const struct message *message = &diag.messages[0];
		cr_expect_eq(message->column, rows[i].column, "%s: column %u, not %u", rows[i].text, message->column, rows[i].column);
		cr_expect_eq(message->length, rows[i].length, "%s: length %u, not %u", rows[i].text, message->length, rows[i].length);
		cr_expect(strstr(message->text, rows[i].says) != NULL, "%s: %s", rows[i].text, message->text);
		diag_done(&diag);
	}
	host_done(&host);
}

Test(packet, column_counts_from_the_place_given)
{
	struct host host = host_of(both);
	static const char line[] = "see: tpc 10.0.0.1:1 > me:2";
	struct place place = {.file = "packets.txt", .line = 7, .column = 6, .source = line, .source_length = strlen(line)};
	struct diag diag;
	struct packet packet;
	diag_init(&diag);
	cr_expect_eq(packet_parse(line + 5, strlen(line + 5), &host, &diag, &place, &packet), ERROR_INPUT);
	cr_expect_eq(diag.messages[0].column, 6);
	cr_expect_eq(diag.messages[0].line, 7);
	cr_expect_str_eq(diag.messages[0].file, "packets.txt");
	cr_expect_eq(place.column, 6, "the caller's place is its own");
	diag_done(&diag);
	/* Nobody need listen. */
	cr_expect_eq(packet_parse("x", 1, &host, NULL, NULL, &packet), ERROR_INPUT);
	host_done(&host);
}

Test(packet, me_needs_an_address_of_the_family)
{
	static const char *const four[] = {"192.0.2.10/24", NULL}, *const six[] = {"2001:db8::10/64", NULL}, *const none[] = {NULL};
	static const struct {
		const char *const *addresses;
		const char *text, *result;
	} rows[] = {
		{four, "tcp [2001:db8::1]:1 > me:2", "the host has no IPv6 address"},
		{six, "tcp 10.0.0.1:1 > me:2", "the host has no IPv4 address"},
		{none, "in tcp me:1 > me:2", "the host has no IPv6 address"},
		{six, "in tcp me:1 > me:2", NULL},
		{four, "in icmpv6 me > me", "the host has no IPv6 address"},
		{none, "udp 10.0.0.1:1 > 255.255.255.255:2", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct host host = host_of(rows[i].addresses);
		struct diag diag;
		struct packet packet;
		diag_init(&diag);
		int error = packet_parse(rows[i].text, strlen(rows[i].text), &host, &diag, NULL, &packet);
		cr_expect_eq(error, rows[i].result != NULL ? ERROR_INPUT : 0, "%s", rows[i].text);
		if (rows[i].result != NULL && diag.count > 0)
			cr_expect(strstr(diag.messages[0].text, rows[i].result) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		diag_done(&diag);
		host_done(&host);
	}
}

/* A long word, a NUL, the end at every place: nothing is read that is not there (ASan looks on). */
Test(packet, every_cut_of_a_packet_is_refused_or_parsed)
{
	static const char text[] = "forward reply frag udp [2001:db8::5]:5353 > [ff02::fb]:5353";
	struct host host = host_of(both);
	for (size_t length = 0; length <= strlen(text); length++) {
		char *copy = malloc(length + 1);
		memcpy(copy, text, length);
		struct packet packet;
		struct diag diag;
		diag_init(&diag);
		int error = packet_parse(copy, length, &host, &diag, NULL, &packet);
		cr_expect_eq(error == 0, diag.errors == 0, "%zu", length);
		cr_expect_eq(error, length < strlen("forward reply frag udp [2001:db8::5]:5353 > [ff02::fb]") ? ERROR_INPUT
				   : length == strlen("forward reply frag udp [2001:db8::5]:5353 > [ff02::fb]:") ? ERROR_INPUT : 0,
			     "%.*s", (int)length, text);
		diag_done(&diag);
		free(copy);
	}
	static const char nul[] = "tcp 10.0.0.1\0:1 > me:2";
	struct packet packet;
	cr_expect_eq(packet_parse(nul, sizeof(nul) - 1, &host, NULL, NULL, &packet), ERROR_INPUT);
	host_done(&host);
}

Test(packet, random_packets_print_to_themselves)
{
	uint64_t seed = dice_seed(7);
	struct dice dice = dice_new(seed);
	for (size_t i = 0; i < 200; i++) {
		struct host host = random_host(&dice);
		struct state *state = random_state(&dice, &host, SAMPLE_ALL);
		for (size_t j = 0; j < 200; j++) {
			struct packet packet = random_packet(&dice, state, &host), again = {0};
			char text[PACKET_TEXT];
			packet_print(&packet, text);
			cr_assert_eq(packet_parse(text, strlen(text), &host, NULL, NULL, &again), 0, "%s, CORDON_SEED=%" PRIu64, text, seed);
			bool same = ip_equal(&packet.src, &again.src) && ip_equal(&packet.dst, &again.dst) &&
				    packet.srcport == again.srcport && packet.dstport == again.dstport &&
				    packet.icmp_type == again.icmp_type && packet.protocol == again.protocol &&
				    packet.direction == again.direction && packet.reply == again.reply && packet.fragment == again.fragment;
			cr_assert(same, "%s, CORDON_SEED=%" PRIu64, text, seed);
		}
		state_free(state);
		host_done(&host);
	}
}

Test(packet, directions_have_names)
{
	cr_expect_str_eq(direction_name(DIRECTION_IN), "in");
	cr_expect_str_eq(direction_name(DIRECTION_OUT), "out");
	cr_expect_str_eq(direction_name(DIRECTION_FORWARD), "forward");
	cr_expect_str_eq(direction_name(DIRECTION_ALL), "-");
}
