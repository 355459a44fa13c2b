/* Captures made byte by byte, in both byte orders. */
#include "tests/unit/logparse/log_expect.h"

enum { UNIX = 1063360000 /* 2003-09-12 09:46:40 */ };
#define WHEN "2003-09-12 09:46:40"

static bool big; /* the byte order that is made */

static void put(struct buffer *buffer, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buffer_add_char(buffer, (char)(number >> 8 * (big ? size - 1 - i : i)));
}

static void pcap_head(struct buffer *buffer, uint32_t magic, uint32_t link)
{
	buffer_clear(buffer);
	put(buffer, magic, 4);
	put(buffer, 2, 2);
	put(buffer, 4, 2);
	put(buffer, 0, 8);
	put(buffer, 262144, 4);
	put(buffer, link, 4);
}

static void pcap_packet(struct buffer *buffer, uint32_t fraction, const void *bytes, size_t length)
{
	put(buffer, UNIX, 4);
	put(buffer, fraction, 4);
	put(buffer, length, 4);
	put(buffer, length + 10, 4); /* some was cut off */
	buffer_add(buffer, bytes, length);
}

#define SYN "\x45\0\0\x28\0\1\x40\0\x40\6\0\0\xcb\0\x71\x09\xc0\0\2\x0a\xc7\x38\x0d\x3d\0\0\0\1\0\0\0\0\x50\2\xfa\xf0\0\0\0\0"
#define SYN_DROP WHEN " pcap - - - TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 40 - - - - - - - 1 - - - - - - - -"
#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"
#define SIX(next, payload, length)                                                                                          \
	"\x60\0\0\0" length next "\x40" "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x09" "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x10" payload
#define SIX_DROP(rest) WHEN " pcap - - - " rest " - - - - - - - 1 - - - - - - - -"

static const struct {
	const char *what;
	uint32_t link;
	const char *bytes;
	size_t length;
	const char *drop;         /* NULL: the link is not known */
	const char *json;         /* of it, of frames that are no IP */
} packets[] = {
#define PACKET(what, link, bytes, drop) {what, link, bytes, sizeof(bytes) - 1, drop, NULL}
/* Of no IP: its size, and what it is. */
#define FRAME(what, link, bytes, size, json) \
	{what, link, bytes, sizeof(bytes) - 1, WHEN " pcap - - - - - - - - - - - " size " - - - - - - - 1 - - - - - - - -", json}
	PACKET("Ethernet", 1, MACS "\x08\0" SYN, SYN_DROP),
	PACKET("VLAN", 1, MACS "\x81\0\0\x05\x08\0" SYN, SYN_DROP),
	PACKET("VLAN in VLAN", 1, MACS "\x88\xa8\0\x05\x81\0\0\x06\x08\0" SYN, SYN_DROP),
	PACKET("VLAN in VLAN, as of old", 1, MACS "\x91\0\0\x05\x81\0\0\x06\x08\0" SYN, SYN_DROP),
	FRAME("ARP", 1, MACS "\x08\6\0\1\x08\0\6\4\0\1", "32", "\"size\":32,\"x-recordnumber\":1,\"ethertype\":\"0x0806\"}"),
	FRAME("PPPoE in a VLAN", 1, MACS "\x81\0\0\x05\x88\x64" SYN, "68", "\"ethertype\":\"0x8864\"}"),
	FRAME("LLC", 1, MACS "\0\x26\x42\x42\3\0\0", "29", "\"frame\":\"LLC\"}"),
	FRAME("ARP, cooked", 113, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\6\0\1", "28", "\"ethertype\":\"0x0806\"}"),
	FRAME("half a header", 1, MACS "\x08", "23", "\"x-recordnumber\":1}"),
	FRAME("half a tag", 1, MACS "\x81\0\0", "25", "\"x-recordnumber\":1}"),
	PACKET("cooked", 113, "\0\0\0\1\0\6\2\0\0\0\0\1\0\0\x08\0" SYN, SYN_DROP),
	PACKET("cooked 2", 276, "\x08\0\0\0\0\0\0\2\0\1\0\6\2\0\0\0\0\1\0\0" SYN, SYN_DROP),
	PACKET("raw", 101, SYN, SYN_DROP),
	PACKET("raw of BSD", 12, SYN, SYN_DROP),
	PACKET("IPv4 alone", 228, SYN, SYN_DROP),
	PACKET("loopback", 0, "\2\0\0\0" SYN, SYN_DROP),
	PACKET("loopback of OpenBSD", 108, "\0\0\0\2" SYN, SYN_DROP),
	PACKET("a link that nobody knows", 147, SYN, NULL),
	FRAME("nothing", 101, "", "10", "\"x-recordnumber\":1}"),
	FRAME("neither 4 nor 6", 101, "\x50\0\0\0", "14", "\"x-recordnumber\":1}"),
	PACKET("options", 101, "\x46\0\0\x2c\0\1\x40\0\x40\x11\0\0\xcb\0\x71\x09\xc0\0\2\x0a\x94\4\0\0\0\x01\0\x35\0\x10\0\0",
	       WHEN " pcap - - - UDP 203.0.113.9 1 192.0.2.10 53 - - - 44 - - - - - - - 1 - - - - - - - -"),
	PACKET("first fragment", 101, "\x45\0\5\xdc\0\1\x20\0\x40\x11\0\0\xcb\0\x71\x09\xc0\0\2\x0a\0\x01\0\x35\0\x10\0\0",
	       WHEN " pcap - - - UDP 203.0.113.9 1 192.0.2.10 53 - - - 1500 - - - - - - - 1 - - - - - - - -"),
	PACKET("later fragment", 101, "\x45\0\5\xdc\0\1\x20\xb9\x40\x11\0\0\xcb\0\x71\x09\xc0\0\2\x0a\0\x01\0\x35\0\x10\0\0",
	       WHEN " pcap - - - UDP 203.0.113.9 - 192.0.2.10 - - - - 1500 - - - - - - - 1 - - - - - - - -"),
	PACKET("cut off in the ports", 101, "\x45\0\0\x28\0\1\x40\0\x40\6\0\0\xcb\0\x71\x09\xc0\0\2\x0a\xc7\x38\x0d",
	       WHEN " pcap - - - TCP 203.0.113.9 51000 192.0.2.10 - - - - 40 - - - - - - - 1 - - - - - - - -"),
	PACKET("ping", 101, "\x45\0\0\x1c\0\1\x40\0\x40\1\0\0\xcb\0\x71\x09\xc0\0\2\x0a\x08\0\0\0\0\1\0\1",
	       WHEN " pcap - - - ICMP 203.0.113.9 - 192.0.2.10 - - 8 0 28 - - - - - - - 1 - - - - - - - -"),
	PACKET("ESP", 101, "\x45\0\0\x1c\0\1\x40\0\x40\x32\0\0\xcb\0\x71\x09\xc0\0\2\x0a\xde\xad\xbe\xef\0\0\0\1",
	       WHEN " pcap - - - ESP 203.0.113.9 - 192.0.2.10 - - - - 28 - 0xDEADBEEF - - - - - 1 - - - - - - - -"),
	PACKET("IPv6", 229, SIX("\x3a", "\x80\0\0\0\0\1\0\1", "\0\x08"), SIX_DROP("ICMPv6 2001:db8::9 - 2001:db8::10 - - 128 0 48")),
	PACKET("IPv6, headers between", 101, SIX("\0", "\x3c\0\1\4\0\0\0\0" "\x11\0\1\4\0\0\0\0" "\0\1\0\x35\0\x08\0\0", "\0\x18"),
	       SIX_DROP("UDP 2001:db8::9 1 2001:db8::10 53 - - - 64")),
	PACKET("IPv6, later fragment", 1, MACS "\x86\xdd" SIX("\x2c", "\x11\0\0\x09\0\0\0\1" "\0\1\0\x35\0\x08\0\0", "\0\x10"),
	       SIX_DROP("UDP 2001:db8::9 - 2001:db8::10 - - - - 56")),
};

static void packet_is(size_t i, const struct log_reading *reading)
{
	struct cursor drop = log_line(&reading->drops, 0);
	const char *wanted = packets[i].drop != NULL ? packets[i].drop : "";
	cr_expect(cursor_left(&drop) == strlen(wanted) && memcmp(drop.at, wanted, strlen(wanted)) == 0, "%s\nis %.*s\nnot %s", packets[i].what,
		  (int)cursor_left(&drop), drop.at, wanted);
	cr_expect_eq(reading->counts.unreadable, packets[i].drop == NULL, "%s", packets[i].what);
	if (packets[i].json != NULL)
		HOLDS(&reading->json, packets[i].json);
}

Test(pcap, every_link_and_packet)
{
	struct buffer buffer;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct log_reading reading;
		big = i % 2 == 1;
		pcap_head(&buffer, 0xa1b2c3d4, packets[i].link);
		pcap_packet(&buffer, 0, packets[i].bytes, packets[i].length);
		log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
		cr_expect_str_eq(reading.type->name, "pcap");
		packet_is(i, &reading);
		log_reading_done(&reading);
	}
	buffer_done(&buffer);
}

Test(pcap, micro_and_nanoseconds)
{
	struct buffer buffer;
	const uint64_t second = (uint64_t)(UNIX + INT64_C(11644473600)) * 10000000;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	for (unsigned i = 0; i < 4; i++) {
		struct log_reading reading;
		big = i % 2 == 1;
		pcap_head(&buffer, i < 2 ? 0xa1b2c3d4 : 0xa1b23c4d, 101);
		pcap_packet(&buffer, i < 2 ? 123456 : 123456700, SYN, sizeof(SYN) - 1);
		pcap_packet(&buffer, i < 2 ? 999999 : 999999999, SYN, sizeof(SYN) - 1);
		log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
		cr_assert_eq(reading.count, 2);
		cr_expect_eq(reading.events[0].time, second + (i < 2 ? 1234560 : 1234567));
		cr_expect_eq(reading.events[1].time, second + (i < 2 ? 9999990 : 9999999));
		cr_expect_eq(reading.events[1].number, 2);
		log_reading_done(&reading);
	}
	buffer_done(&buffer);
}

/* --- pcapng --- */

static void block_add(struct buffer *buffer, uint32_t type, const struct buffer *body)
{
	size_t padded = (body->length + 3) & ~(size_t)3;
	put(buffer, type, 4);
	put(buffer, padded + 12, 4);
	buffer_add(buffer, buffer_text(body), body->length);
	put(buffer, 0, padded - body->length);
	put(buffer, padded + 12, 4);
}

static void section_add(struct buffer *buffer)
{
	struct buffer body;
	buffer_init(&body, 1024);
	put(&body, 0x1a2b3c4d, 4);
	put(&body, 1, 2);
	put(&body, 0, 2);
	put(&body, UINT64_MAX, 8);
	block_add(buffer, 0x0a0d0d0a, &body);
	buffer_done(&body);
}

/* units: as the option has it, 0: none.  offset: seconds. */
static void interface_add(struct buffer *buffer, unsigned link, uint8_t units, int64_t offset)
{
	struct buffer body;
	buffer_init(&body, 1024);
	put(&body, link, 2);
	put(&body, 0, 2);
	put(&body, 0, 4);
	put(&body, 2, 2); /* its name: passed over */
	put(&body, 5, 2);
	buffer_add(&body, "eth00\0\0\0", 8);
	if (units != 0) {
		put(&body, 9, 2);
		put(&body, 1, 2);
		buffer_add(&body, (const uint8_t[]){units, 0, 0, 0}, 4);
	}
	if (offset != 0) {
		put(&body, 14, 2);
		put(&body, 8, 2);
		put(&body, (uint64_t)offset, 8);
	}
	put(&body, 0, 4);
	block_add(buffer, 1, &body);
	buffer_done(&body);
}

static void packet_add(struct buffer *buffer, uint32_t interface, uint64_t stamp, const void *bytes, size_t length)
{
	struct buffer body;
	buffer_init(&body, 1 << 20);
	put(&body, interface, 4);
	put(&body, stamp >> 32, 4);
	put(&body, stamp & UINT32_MAX, 4);
	put(&body, length, 4);
	put(&body, length + 10, 4);
	buffer_add(&body, bytes, length);
	block_add(buffer, 6, &body);
	buffer_done(&body);
}

Test(pcap, blocks_sections_and_interfaces)
{
	struct buffer buffer, body;
	struct log_reading reading;
	const uint64_t second = (uint64_t)(UNIX + INT64_C(11644473600)) * 10000000;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	buffer_init(&body, 1024);
	big = false;
	section_add(&buffer);
	interface_add(&buffer, 1, 0, 0);
	interface_add(&buffer, 101, 9, 0);               /* nanoseconds */
	interface_add(&buffer, 101, 0x80 | 10, 1000000); /* 1/1024 s, and a million seconds later */
	packet_add(&buffer, 0, (uint64_t)UNIX * 1000000 + 123456, MACS "\x08\0" SYN, sizeof(MACS "\x08\0" SYN) - 1);
	packet_add(&buffer, 1, (uint64_t)UNIX * 1000000000 + 123456700, SYN, sizeof(SYN) - 1);
	packet_add(&buffer, 2, (uint64_t)(UNIX - 1000000) * 1024 + 512, SYN, sizeof(SYN) - 1);
	buffer_add_text(&body, "whatever it is");
	block_add(&buffer, 0x0bad0bad, &body);
	big = true; /* the next section is of another machine */
	section_add(&buffer);
	interface_add(&buffer, 101, 6, 0);
	packet_add(&buffer, 0, (uint64_t)UNIX * 1000000, SYN, sizeof(SYN) - 1);
	buffer_clear(&body);
	put(&body, sizeof(SYN) - 1, 4);
	buffer_add(&body, SYN, sizeof(SYN) - 1);
	block_add(&buffer, 3, &body); /* a simple one: no time */
	buffer_clear(&body);
	put(&body, 0, 2);
	put(&body, 0, 2);
	put(&body, (uint64_t)UNIX * 1000000 >> 32, 4);
	put(&body, (uint64_t)UNIX * 1000000 & UINT32_MAX, 4);
	put(&body, sizeof(SYN) - 1, 4);
	put(&body, sizeof(SYN) - 1, 4);
	buffer_add(&body, SYN, sizeof(SYN) - 1);
	block_add(&buffer, 2, &body); /* one of old */
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	cr_expect_eq(reading.counts.unreadable, 0);
	cr_assert_eq(reading.count, 6);
	const uint64_t times[] = {second + 1234560, second + 1234567, second + 5000000, second, 0, second};
	for (size_t i = 0; i < 6; i++)
		cr_expect_eq(reading.events[i].time, times[i], "%zu", i);
	cr_expect_eq(log_times(&reading.drops, " TCP 203.0.113.9 51000 192.0.2.10 3389 S "), 6);
	log_reading_done(&reading);
	buffer_done(&body);
	buffer_done(&buffer);
}

/* Numbers are numbers in JSON, the rest is text. */
Test(pcap, json)
{
	struct buffer buffer;
	struct log_reading reading;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	big = false;
	pcap_head(&buffer, 0xa1b2c3d4, 101);
	pcap_packet(&buffer, 0, SYN, sizeof(SYN) - 1);
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	LINES_ARE(&reading.json, "{\"date\":\"2003-09-12\",\"time\":\"09:46:40\",\"x-source\":\"pcap\",\"protocol\":\"TCP\",\"src-ip\":\"203.0.113.9\","
		  "\"src-port\":51000,\"dst-ip\":\"192.0.2.10\",\"dst-port\":3389,\"tcpflags\":\"S\",\"size\":40,\"x-recordnumber\":1}");
	log_reading_done(&reading);
	buffer_done(&buffer);
}

/* Links that nobody knows: each packet is one that is lost, and it is said once for each of them. */
Test(pcap, unknown_links_are_said_once)
{
	struct buffer buffer;
	struct log_reading reading;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	big = false;
	section_add(&buffer);
	interface_add(&buffer, 147, 0, 0);
	interface_add(&buffer, 148, 0, 0);
	interface_add(&buffer, 147, 0, 0);
	interface_add(&buffer, 101, 0, 0);
	for (uint32_t i = 0; i < 12; i++)
		packet_add(&buffer, i % 4, (uint64_t)UNIX * 1000000, SYN, sizeof(SYN) - 1);
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 3);
	cr_expect_eq(reading.counts.unreadable, 9);
	cr_expect_eq(log_times(&reading.damage, "lost link type 147: "), 1);
	cr_expect_eq(log_times(&reading.damage, "lost link type 148: "), 1);
	cr_expect_eq(log_times(&reading.damage, "\n"), 2);
	log_reading_done(&reading);
	buffer_done(&buffer);
}

/* Every packet of the table once more, in blocks of both byte orders. */
Test(pcap, every_packet_in_blocks)
{
	struct buffer buffer;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	for (size_t i = 0; i < sizeof(packets) / sizeof(packets[0]); i++) {
		struct log_reading reading;
		big = i % 2 == 0;
		buffer_clear(&buffer);
		section_add(&buffer);
		interface_add(&buffer, packets[i].link, 0, 0);
		packet_add(&buffer, 0, (uint64_t)UNIX * 1000000, packets[i].bytes, packets[i].length);
		log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
		packet_is(i, &reading);
		log_reading_done(&reading);
	}
	buffer_done(&buffer);
}

/* --- Damage --- */

Test(pcap, goes_on_behind_damage)
{
	struct buffer buffer;
	struct log_reading reading;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	big = false;
	pcap_head(&buffer, 0xa1b2c3d4, 101);
	for (size_t i = 0; i < 4; i++)
		pcap_packet(&buffer, 1, SYN, sizeof(SYN) - 1);
	memset(buffer.data + 24 + 56 + 8, 0xff, 8); /* the lengths of the second */
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 3);
	HOLDS(&reading.damage, "80 0 lost no packet where one should be\n");
	cr_expect_eq(reading.damaged_lines, 0);
	log_reading_done(&reading);
	log_bytes(buffer.data, buffer.length - 1, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 2);
	HOLDS(&reading.damage, "the capture ends within a packet\n");
	log_reading_done(&reading);
	buffer_clear(&buffer);
	section_add(&buffer);
	interface_add(&buffer, 101, 0, 0);
	packet_add(&buffer, 0, 1, SYN, sizeof(SYN) - 1);
	size_t second = buffer.length;
	packet_add(&buffer, 0, 1, SYN, sizeof(SYN) - 1);
	packet_add(&buffer, 7, 1, SYN, sizeof(SYN) - 1); /* of an interface that is not there */
	packet_add(&buffer, 0, 1, SYN, sizeof(SYN) - 1);
	buffer.data[second + 4] = 1;
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	cr_expect_eq(reading.count, 2);
	cr_expect_eq(reading.counts.unreadable, 2);
	log_reading_done(&reading);
	buffer_done(&buffer);
	log_bytes("\xd4\xc3\xb2\xa1\0\0", 6, "pcap", NULL, &reading);
	cr_expect_lt(reading.error, 0);
	HOLDS(&reading.said, "not a capture: too short for a header");
	log_reading_done(&reading);
}
