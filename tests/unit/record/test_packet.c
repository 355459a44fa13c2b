/* Captured bytes as a record. */
#include <criterion/criterion.h>

#include "core/record/record.h"

/* Bytes from text: two hexadecimal digits each, blanks ignored, NxZZ for N times the byte ZZ. */
static size_t bytes_of(const char *text, uint8_t bytes[512])
{
	size_t count = 0;
	for (struct cursor cursor = cursor_text(text), word; cursor_word(&cursor, &word); cursor_skip_blanks(&cursor)) {
		for (const char *at = word.at; at + 1 < word.end; at += 2) {
			char pair[3] = {at[0], at[1], '\0'};
			bytes[count++] = (uint8_t)strtoul(pair, NULL, 16);
		}
	}
	return count;
}

/* What is known, as NAME=VALUE. */
static void known(const struct record *record, struct buffer *text)
{
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		char value[RECORD_VALUE];
		size_t length = record_columns[column].kind == RECORD_TEXT ? 0 : record_value(record, column, value);
		if (length > 0)
			buffer_printf(text, "%s%s=%.*s", text->length > 0 ? " " : "", record_columns[column].name, (int)length, value);
	}
}

#define V4(length, offset, protocol) "4500" length "1234" offset "40" protocol "0000 cb007109 c000020a "
#define V6(length, next) "60000000" length next "40 20010db8000000000000000000000009 20010db8000000000000000000000010 "
#define A4 "src-ip=203.0.113.9"
#define B4 "dst-ip=192.0.2.10"
#define A6 "src-ip=2001:db8::9"
#define B6 "dst-ip=2001:db8::10"
#define TCP "1388 0050 00000001 00000000 5012 ffff 0000 0000"

static const struct {
	const char *label, *bytes, *known; /* known NULL: not even a header */
} rows[] = {
	{"TCP", V4("0028", "4000", "06") TCP,
	 "protocol=TCP " A4 " src-port=5000 " B4 " dst-port=80 tcpflags=SA size=40"},
	{"TCP cut behind the ports", V4("0028", "4000", "06") "1388 0050 0000", "protocol=TCP " A4 " src-port=5000 " B4 " dst-port=80 size=40"},
	{"TCP cut in the ports", V4("0028", "4000", "06") "1388 00", "protocol=TCP " A4 " src-port=5000 " B4 " size=40"},
	{"all flags", V4("0028", "0000", "06") "1388 0050 00000001 00000000 50ff",
	 "protocol=TCP " A4 " src-port=5000 " B4 " dst-port=80 tcpflags=SAFRPUEC size=40"},
	{"no flag", V4("0028", "0000", "06") "1388 0050 00000001 00000000 5000",
	 "protocol=TCP " A4 " src-port=5000 " B4 " dst-port=80 tcpflags=0 size=40"},
	{"options", "4700 0030 1234 0000 40 11 0000 cb007109 c000020a 8307040000000000 0035 1234 0008 0000",
	 "protocol=UDP " A4 " src-port=53 " B4 " dst-port=4660 size=48"},
	{"options cut", "4f00 0060 1234 0000 40 11 0000 cb007109 c000020a 83070400", "protocol=UDP " A4 " " B4 " size=96"},
	{"first fragment", V4("0028", "2000", "11") "1388 0050", "protocol=UDP " A4 " src-port=5000 " B4 " dst-port=80 size=40"},
	{"later fragment", V4("0028", "2001", "11") "1388 0050", "protocol=UDP " A4 " " B4 " size=40"},
	{"last fragment", V4("0028", "00b9", "06") TCP, "protocol=TCP " A4 " " B4 " size=40"},
	{"SCTP", V4("0028", "0000", "84") "1388 0050", "protocol=SCTP " A4 " src-port=5000 " B4 " dst-port=80 size=40"},
	{"UDP-Lite", V4("0028", "0000", "88") "1388 0050", "protocol=UDPLITE " A4 " src-port=5000 " B4 " dst-port=80 size=40"},
	{"ICMP", V4("0054", "0000", "01") "0800 1234", "protocol=ICMP " A4 " " B4 " icmptype=8 icmpcode=0 size=84"},
	{"ICMP cut", V4("0054", "0000", "01") "03", "protocol=ICMP " A4 " " B4 " icmptype=3 size=84"},
	{"ESP", V4("0054", "0000", "32") "c0ffee01 00000001", "protocol=ESP " A4 " " B4 " size=84 x-spi=0xC0FFEE01"},
	{"AH", V4("0054", "0000", "33") "0604 0000 c0ffee02 00000001", "protocol=AH " A4 " " B4 " size=84 x-spi=0xC0FFEE02"},
	{"GRE", V4("0054", "0000", "2f") "0000 0800", "protocol=GRE " A4 " " B4 " size=84"},
	{"length 0", V4("0000", "0000", "67") "", "protocol=103 " A4 " " B4},
	{"header cut", "4500 0028 1234 4000 40 06", "protocol=TCP size=40"},
	{"header cut in the source", "4500 0028 1234 4000 40 06 0000 cb0071", "protocol=TCP size=40"},
	{"header cut in the destination", "4500 0028 1234 4000 40 06 0000 cb007109 c000", "protocol=TCP " A4 " size=40"},
	{"one byte", "45", ""},
	{"header length too small", "4400 0028 1234 4000 40 06 0000 cb007109 c000020a", NULL},
	{"no version", "0000", NULL},
	{"version 5", "5500 0028", NULL},
	{"nothing", "", NULL},
	{"IPv6 TCP", V6("0014", "06") TCP, "protocol=TCP " A6 " src-port=5000 " B6 " dst-port=80 tcpflags=SA size=60"},
	{"IPv6 hop by hop, routing, destination", V6("0030", "00") "2b00 010400000000 3c00 000000000000 1100 010400000000 0035 1234",
	 "protocol=UDP " A6 " src-port=53 " B6 " dst-port=4660 size=88"},
	{"IPv6 first fragment", V6("0030", "2c") "1100 0001 12345678 0035 1234",
	 "protocol=UDP " A6 " src-port=53 " B6 " dst-port=4660 size=88"},
	{"IPv6 later fragment", V6("0030", "2c") "1100 0009 12345678 0035 1234", "protocol=UDP " A6 " " B6 " size=88"},
	{"IPv6 AH before TCP", V6("0030", "33") "0604 0000 c0ffee02 00000001 3c000000 00000000 00000000 " TCP,
	 "protocol=TCP " A6 " src-port=5000 " B6 " dst-port=80 tcpflags=SA size=88 x-spi=0xC0FFEE02"},
	{"IPv6 AH cut", V6("0030", "33") "0604 0000 c0ffee02 00000001", "protocol=TCP " A6 " " B6 " size=88 x-spi=0xC0FFEE02"},
	{"IPv6 ESP", V6("0030", "32") "c0ffee03", "protocol=ESP " A6 " " B6 " size=88 x-spi=0xC0FFEE03"},
	{"IPv6 ICMPv6", V6("0008", "3a") "8000", "protocol=ICMPv6 " A6 " " B6 " icmptype=128 icmpcode=0 size=48"},
	{"IPv6 no next header", V6("0000", "3b") "", "protocol=59 " A6 " " B6 " size=40"},
	{"IPv6 jumbo", V6("0000", "06") "1388", "protocol=TCP " A6 " src-port=5000 " B6},
	{"IPv6 extension cut", V6("0030", "00") "11", "protocol=0 " A6 " " B6 " size=88"},
	{"IPv6 extension longer than the capture", V6("0030", "00") "11ff 0104", "protocol=UDP " A6 " " B6 " size=88"},
	{"IPv6 cut in the source", "60000000 0014 06 40 20010db8", "protocol=TCP size=60"},
	{"IPv6 cut in the destination", "60000000 0014 06 40 20010db8000000000000000000000009 2001", "protocol=TCP " A6 " size=60"},
	{"IPv6 four bytes", "60000000", ""},
};

Test(record_packet, gives_what_is_there)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		uint8_t bytes[512], *exact;
		struct record record = {0};
		struct buffer text;
		size_t length = bytes_of(rows[i].bytes, bytes);
		exact = malloc(length + (length == 0));
		memcpy(exact, bytes, length);
		buffer_init(&text, 4096);
		bool good = record_packet(&record, exact, length);
		known(&record, &text);
		cr_expect_eq(good, rows[i].known != NULL, "%s", rows[i].label);
		cr_expect_str_eq(buffer_text(&text), rows[i].known != NULL ? rows[i].known : "", "%s: %s", rows[i].label, buffer_text(&text));
		buffer_done(&text);
		free(exact);
	}
}

/* A chain of headers that never ends is followed so far and no further. */
Test(record_packet, chain_of_headers_is_bounded)
{
	uint8_t bytes[40 + 8 * 64] = {0x60, 0, 0, 0, 2, 0, 0, 64};
	struct record record = {0};
	cr_expect(record_packet(&record, bytes, sizeof(bytes)));
	cr_expect_eq(record.protocol, 0);
	cr_expect_not(record_has(&record, COLUMN_DST_PORT));
}

/* Every length of every packet: read within its bounds (the sanitizers look), and nothing that the whole does not say. */
Test(record_packet, every_truncation_is_harmless)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		uint8_t bytes[512];
		struct record whole = {0};
		size_t length = bytes_of(rows[i].bytes, bytes);
		(void)record_packet(&whole, bytes, length);
		for (size_t cut = 0; cut < length; cut++) {
			uint8_t *exact = malloc(cut + (cut == 0));
			struct record record = {0};
			memcpy(exact, bytes, cut);
			(void)record_packet(&record, exact, cut);
			cr_expect_eq(record.has & ~whole.has, 0, "%s cut at %zu", rows[i].label, cut);
			free(exact);
		}
	}
}
