#include "tests/unit/logparse/log_samples.h"

#include <stdlib.h>
#include <string.h>

#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/evtx_make.h"

static const uint64_t time_first = UINT64_C(131000000000000000); /* FILETIME: 2016-02-15 08:53:20 */
enum { UNIX_FIRST = 1063360000 /* 2003-09-12 09:46:40 */ };

/* --- .evt --- */

static void evt_make(size_t size, size_t count, bool dirty, struct buffer *buffer)
{
	struct evt_make *make = malloc(sizeof(*make));
	if (make == NULL)
		abort();
	evt_make_init(make, size, 1);
	evt_make_drops(make, UNIX_FIRST, count);
	evt_make_end(make, dirty);
	buffer_add(buffer, make->bytes, make->size);
	evt_make_done(make);
	free(make);
}

static void evt_clean(size_t count, struct buffer *buffer)
{
	count = count > 0 ? count : 6;
	evt_make(256 + 320 * count, count, false, buffer);
}

static void evt_dirty(size_t count, struct buffer *buffer)
{
	count = count > 0 ? count : 6;
	evt_make(256 + 320 * count, count, true, buffer);
}

/* The oldest have been written over; a record runs over the end of the file. */
static void evt_wrapped(size_t count, struct buffer *buffer)
{
	evt_make(2012, count > 0 ? count : 12, false, buffer);
}

static void evt_wrapped_dirty(size_t count, struct buffer *buffer)
{
	evt_make(2012, count > 0 ? count : 12, true, buffer);
}

/* --- .evtx --- */

static struct evtx_make *evtx_begin(void)
{
	struct evtx_make *make = malloc(sizeof(*make));
	if (make == NULL)
		abort();
	evtx_make_init(make);
	return make;
}

static void evtx_finish(struct evtx_make *make, unsigned claimed, struct buffer *buffer)
{
	evtx_make_end(make, claimed);
	buffer_add(buffer, make->file.data, make->file.length);
	evtx_make_done(make);
	free(make);
}

static void evtx_clean(size_t count, struct buffer *buffer)
{
	struct evtx_make *make = evtx_begin();
	evtx_make_drops(make, 1000, time_first, count > 0 ? count : 8);
	evtx_finish(make, 0, buffer);
}

/* Copied while in use: the header knows of one chunk. */
static void evtx_dirty(size_t count, struct buffer *buffer)
{
	struct evtx_make *make = evtx_begin();
	evtx_make_drops(make, 1000, time_first, count > 0 ? count : 300);
	evtx_finish(make, 1, buffer);
}

static const struct evtx_make_value all_types[] = {
	{0x00, "", 0},
	{0x01, "A\0\xe4\0\x3d\xd8\x00\xde", 8}, /* A, a umlaut, U+1F600 */
	{0x02, "ansi\xe4", 5},
	{0x03, "\xff", 1},
	{0x04, "\xff", 1},
	{0x05, "\xfe\xff", 2},
	{0x06, "\xfe\xff", 2},
	{0x07, "\x00\x00\x00\x80", 4},
	{0x08, "\xff\xff\xff\xff", 4},
	{0x09, "\x00\x00\x00\x00\x00\x00\x00\x80", 8},
	{0x0a, "\xff\xff\xff\xff\xff\xff\xff\xff", 8},
	{0x0b, "\x00\x00\xc0\x3f", 4},                 /* 1.5 */
	{0x0c, "\x00\x00\x00\x00\x00\x00\xe0\xbf", 8}, /* -0.5 */
	{0x0d, "\x01\x00\x00\x00", 4},
	{0x0e, "\xde\xad\xbe\xef", 4},
	{0x0f, "\x25\x96\x84\x54\x78\x54\x94\x49\xa5\xba\x3e\x3b\x03\x28\xc3\x0d", 16},
	{0x10, "\x10\x00\x00\x00\x00\x00\x00\x00", 8},
	{0x11, "\x00\x00\x34\xb5\xd2\x67\xd1\x01", 8},
	{0x12, "\xe0\x07\x02\x00\x01\x00\x0f\x00\x08\x00\x35\x00\x14\x00\x7b\x00", 16}, /* 2016-02-15 08:53:20.123 */
	{0x13, "\x01\x02\x00\x00\x00\x00\x00\x05\x20\x00\x00\x00\x20\x02\x00\x00", 16}, /* S-1-5-32-544 */
	{0x14, "\x0c\x00\x00\xc0", 4},
	{0x15, "\x00\x00\x00\x00\x00\x00\x10\x80", 8},
	{0x81, "one\0two\0", 8}, /* no UTF-16, but it must be read as if it were */
	{0x81, "o\0n\0e\0\0\0t\0w\0o\0\0\0", 16},
	{0x86, "\x01\x00\x02\x00\x03\x00", 6},
	{0x88, "\x01\x00\x00\x00\xff\xff\xff\xff", 8},
	{0x8a, "", 0},
	{0x8f, "\x25\x96\x84\x54\x78\x54\x94\x49\xa5\xba\x3e\x3b\x03\x28\xc3\x0d", 16},
	{0x93, "\x01\x01\x00\x00\x00\x00\x00\x05\x12\x00\x00\x00\x01\x01\x00\x00\x00\x00\x00\x05\x13\x00\x00\x00", 24},
	{0x8d, "\x01\x00\x00\x00\x00\x00\x00\x00", 8},
	{0x07, "\x01\x02\x03", 3}, /* a size that is not the type's */
	{0x77, "\x01\x02", 2},     /* a type that is none */
};
enum { TYPES = sizeof(all_types) / sizeof(all_types[0]) };

/* Each type in a Data of its own; then a record without a template, and one with every token. */
static void evtx_types(size_t count, struct buffer *buffer)
{
	struct evtx_make *make = evtx_begin();
	size_t offset = 0;
	(void)count;
	evtx_make_chunk(make);
	for (uint64_t number = 1; number <= 2; number++) {
		evtx_make_record(make, number, time_first);
		evtx_make_fragment(make);
		if (evtx_make_instance(make, 0x11111111, &offset)) {
			evtx_make_element(make, "Event", false, EVTX_MAKE_NO_DEPENDENCY);
			evtx_make_start_end(make);
			for (uint16_t i = 0; i < TYPES; i++) {
				evtx_make_element(make, "Data", false, EVTX_MAKE_NO_DEPENDENCY);
				evtx_make_start_end(make);
				evtx_make_substitution(make, i, all_types[i].type, i % 2 == 0);
				evtx_make_element_end(make);
			}
			evtx_make_element_end(make);
			evtx_make_definition_end(make);
		}
		evtx_make_values(make, all_types, TYPES);
		evtx_make_record_end(make);
	}
	evtx_finish(make, 0, buffer);
}

/* As exports and collectors write them: no template, all is text. */
static void evtx_bare(size_t count, struct buffer *buffer)
{
	struct evtx_make *make = evtx_begin();
	count = count > 0 ? count : 3;
	for (size_t i = 0; i < count; i++) {
		if (!make->open || EVTX_MAKE_CHUNK - make->at < 4096)
			evtx_make_chunk(make);
		evtx_make_record(make, 1 + i, time_first + i);
		evtx_make_fragment(make);
		evtx_make_element(make, "Event", true, 0);
		evtx_make_attribute(make, "xmlns", false);
		evtx_make_text(make, "http://schemas.microsoft.com/win/2004/08/events/event");
		evtx_make_attributes_end(make);
		evtx_make_start_end(make);
		evtx_make_element(make, "System", false, 0);
		evtx_make_start_end(make);
		evtx_make_element(make, "Provider", true, 0);
		evtx_make_attribute(make, "Name", false);
		evtx_make_text(make, "Microsoft-Windows-Security-Auditing");
		evtx_make_attributes_end(make);
		evtx_make_empty_end(make);
		evtx_make_element(make, "EventID", false, 0);
		evtx_make_start_end(make);
		evtx_make_text(make, "5157");
		evtx_make_element_end(make);
		evtx_make_element(make, "EventRecordID", false, 0);
		evtx_make_start_end(make);
		evtx_make_text(make, i == 0 ? "1" : i == 1 ? "2" : "3");
		evtx_make_element_end(make);
		evtx_make_element_end(make);
		evtx_make_element(make, "EventData", false, 0);
		evtx_make_start_end(make);
		evtx_make_element(make, "Data", true, 0);
		evtx_make_attribute(make, "Name", false);
		evtx_make_text(make, "SourceAddress");
		evtx_make_attributes_end(make);
		evtx_make_start_end(make);
		evtx_make_text(make, "203.0.113.9");
		evtx_make_element_end(make);
		evtx_make_element_end(make);
		evtx_make_element_end(make);
		evtx_make_number(make, 0, 1);
		evtx_make_record_end(make);
	}
	evtx_finish(make, 0, buffer);
}

static void evtx_tokens(size_t count, struct buffer *buffer)
{
	struct evtx_make *make = evtx_begin();
	static const uint16_t odd[] = {'a', 0xd800, ' ', 0, 1, 0x1b, 0xd83d, 0xde00, 0xfffe, '<', '&', '"', '\r', '\n', '\t'};
	(void)count;
	evtx_make_chunk(make);
	evtx_make_record(make, 1, time_first);
	evtx_make_fragment(make);
	evtx_make_instruction(make, "target", "for somebody else");
	evtx_make_element(make, "Event", false, 0);
	evtx_make_start_end(make);
	evtx_make_element(make, "EventData", true, 0);
	evtx_make_attribute(make, "a", true);
	evtx_make_text(make, "1 < 2");
	evtx_make_attribute(make, "b", false);
	evtx_make_entity(make, "quot");
	evtx_make_character(make, 'x');
	evtx_make_attributes_end(make);
	evtx_make_start_end(make);
	evtx_make_text(make, "before ");
	evtx_make_element(make, "Empty", false, 0);
	evtx_make_empty_end(make);
	evtx_make_cdata(make, "<cdata & more>");
	evtx_make_character(make, 0xe4);
	evtx_make_entity(make, "amp");
	evtx_make_entity(make, "unknown");
	evtx_make_instruction(make, "target", "inside");
	evtx_make_element(make, "Odd", false, 0);
	evtx_make_start_end(make);
	evtx_make_units(make, odd, sizeof(odd) / sizeof(odd[0]));
	evtx_make_element_end(make);
	evtx_make_element(make, "Odd", false, 0);
	evtx_make_start_end(make);
	evtx_make_text(make, "again");
	evtx_make_element_end(make);
	evtx_make_element_end(make);
	evtx_make_element_end(make);
	evtx_make_number(make, 0, 1);
	evtx_make_record_end(make);
	evtx_finish(make, 0, buffer);
}

/* --- Text --- */

static void lines_make(const char *head, const char *const *lines, size_t line_count, size_t count, struct buffer *buffer)
{
	buffer_add_text(buffer, head);
	for (size_t i = 0; i < (count > 0 ? count : line_count); i++) {
		buffer_add_text(buffer, lines[i % line_count]);
		buffer_add_char(buffer, '\n');
	}
}
#define LINES(head, lines, count, buffer) lines_make(head, lines, sizeof(lines) / sizeof((lines)[0]), count, buffer)

static void pfirewall(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"2026-11-21 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1234567890 0 64240 - - - RECEIVE",
		"2026-11-21 10:00:01 ALLOW UDP 192.0.2.10 192.0.2.53 50001 53 0 - - - - - - - SEND",
		"2026-11-21 10:00:02 DROP ICMP 203.0.113.9 192.0.2.10 - - 60 - - - - 8 0 - RECEIVE",
		"2026-11-21 10:00:03 DROP TCP 2001:db8::9 2001:db8::10 51000 445 60 SA 1 2 3 - - - FORWARD",
		"2026-11-21 10:00:04 INFO-EVENTS-LOST - - - - - - - - - - - - 17 -",
		"2026-11-21 10:00:05 DROP 47 203.0.113.9 192.0.2.10 - - 100 - - - - - - - UNKNOWN",
	};
	LINES("#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port "
	      "dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n", lines, count, buffer);
}

static void pfirewall_old(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"2003-09-12 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1234567890 0 64240 - - -",
		"2003-09-12 10:00:01 OPEN UDP 192.0.2.10 192.0.2.53 50001 53 - - - - - - - -",
		"2003-09-12 10:00:02 OPEN-INBOUND TCP 203.0.113.9 192.0.2.10 51000 80 - - - - - - - -",
	};
	LINES("#Verson: 1.0\r\n#Software: Microsoft Internet Connection Firewall\r\n#Time Format: Local\r\n#Fields: date time action protocol src-ip "
	      "dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info\r\n\r\n", lines, count, buffer);
}

static void w3c(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"2026-11-21 10:00:00 cordon - DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 60 1 - - - - - - - host - \"Server lockdown\" "
		"\"say \"\"no\"\"\" \"\" secure eth0 -",
		"2026-11-21 10:00:01.123 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 3 - - - - - - 8 WEB01 System - - - - - yes",
		"2026-11-21 10:00:02 cordon - DROP out ICMPv6 2001:db8::10 - 2001:db8::9 - - 128 0 104 18446744073709551615 0xDEADBEEF 4 System "
		"Transport 67607 0xC0000022 9 host Security \"-\" \"#x\" b block lo -",
	};
	LINES("#Software: Cordon 0.1.0\n#Version: 1.0\n#Date: 2026-11-21 09:59:59\n#Fields: date time x-source x-eventid x-action x-direction protocol src-ip "
	      "src-port dst-ip dst-port tcpflags icmptype icmpcode size x-count x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber "
	      "s-computername x-log x-policy x-rule x-filterlist x-mode x-interface x-recovered\n", lines, count, buffer);
}

static void isa(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"2003-09-12\t09:47:15\t203.0.113.36\t192.0.2.80\tTCP\t1025\t445\tSYN ACK\t0\teth0\t4500\t0401",
		"2003-09-12 09:47:16 203.0.113.37 192.0.2.80 ICMP 8 0 - 1 - - -",
		"#Fields: date time c-ip s-port cs(User-Agent)",
		"2003-09-12 09:47:17 203.0.113.38 80 Mozilla/4.0+(compatible)",
	};
	LINES("\xef\xbb\xbf#Software: Microsoft ISA\r\n#Version: 1.0\r\n#Date: 2003-09-12 00:00:00\r\n#Fields: date\ttime\tr-ip\ts-ip\tprotocol\tparam#1\tparam#2\t"
	      "tcp-flags\ts-filter-rule\ts-interface\trs-ip-header\trs-payload\r\n", lines, count, buffer);
}

static void kernel(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"[ 1234.567890] drop-in: IN=eth0 OUT= MACSRC=52:54:00:12:34:56 MACDST=52:54:00:65:43:21 MACPROTO=0800 SRC=203.0.113.9 DST=192.0.2.10 LEN=60 "
		"TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP SPT=51000 DPT=3389 WINDOW=64240 RES=0x00 SYN URGP=0 ",
		"2026-11-21T10:00:00,123456+00:00 IN= OUT=eth0 SRC=192.0.2.10 DST=192.0.2.53 LEN=80 TOS=0x00 PREC=0x00 TTL=64 ID=2 PROTO=UDP SPT=50001 DPT=53 LEN=60 ",
		"Nov 21 10:00:01 host kernel: [ 1.0] cordon:block:0123456789abcdef: IN=eth0 OUT=eth1 SRC=2001:0db8:0000:0000:0000:0000:0000:0009 "
		"DST=2001:0db8:0000:0000:0000:0000:0000:0010 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=1 CODE=4 [SRC=2001:db8::10 DST=2001:db8::9 "
		"LEN=60 PROTO=TCP SPT=1 DPT=2 ] ",
		"[ 1235.0] usb 1-1: new device, OUT= of order",
		"[ 1236.0] x IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.10 LEN=100 FRAG:64 PROTO=ESP SPI=0xdeadbeef UID=0 GID=0 MARK=0x1 OPT (0204) ",
		"[ 1237.0] x IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.10 LEN=28 PROTO=UDP INCOMPLETE [6 bytes] ",
		"[ 1238.0] x IN=eth0 OUT= SRC=203.0.113.9 DST=192.0.2.10 LEN=60 PROTO=47 ",
	};
	LINES("", lines, count, buffer);
}

static void ulogd(size_t count, struct buffer *buffer)
{
	static const char *const lines[] = {
		"{\"timestamp\": \"2026-11-21T03:32:06.765135+0000\", \"dvc\": \"Netfilter\", \"raw.pktlen\": 60, \"oob.prefix\": \"drop-in: \", \"oob.time.sec\": "
		"1795231926, \"oob.time.usec\": 765135, \"oob.hook\": 1, \"oob.in\": \"eth0\", \"oob.out\": \"\", \"ip.protocol\": 6, \"ip.totlen\": 60, \"src_ip\": "
		"\"203.0.113.9\", \"dest_ip\": \"192.0.2.10\", \"src_port\": 51000, \"dest_port\": 3389, \"tcp.syn\": true, \"tcp.ack\": 0}",
		"{\"oob.prefix\": \"say \\\"x\\\\\", \"src_ip\": \"2001:db8::9\", \"icmpv6.type\": 128, \"icmpv6.code\": 0}",
		"{\"oob.prefix\": \"no packet\"}",
	};
	LINES("", lines, count, buffer);
}

static void eventxml(size_t count, struct buffer *buffer)
{
	static const char event[] =
		"<Event xmlns='http://schemas.microsoft.com/win/2004/08/events/event'><System><Provider Name='Microsoft-Windows-Security-Auditing'/>"
		"<EventID Qualifiers='0'>5157</EventID><Level>0</Level><Task>12810</Task><Keywords>0x8010000000000000</Keywords><TimeCreated "
		"SystemTime='2016-02-15T08:53:20.1234567Z'/><EventRecordID>7</EventRecordID><Channel>Security</Channel><Computer>a&amp;b</Computer><Security "
		"UserID='S-1-5-18'/></System><EventData><Data Name='SourceAddress'>203.0.113.9</Data><Data Name='DestPort'>3389</Data><Data>&lt;x&gt;</Data>"
		"</EventData></Event>\n";
	for (size_t i = 0; i < (count > 0 ? count : 3); i++)
		buffer_add_text(buffer, event);
}

static void eventxml_wide(size_t count, struct buffer *buffer)
{
	struct buffer narrow;
	buffer_init(&narrow, LOG_SAMPLE_MOST);
	buffer_add_text(&narrow, "<?xml version=\"1.0\" encoding=\"utf-16\"?><Events>");
	eventxml(count, &narrow);
	buffer_add_text(&narrow, "</Events>");
	buffer_add(buffer, "\xff\xfe", 2);
	for (size_t i = 0; i < narrow.length; i++)
		buffer_add(buffer, (const char[]){narrow.data[i], 0}, 2);
	buffer_done(&narrow);
}

/* --- Captures --- */

static void number_add(struct buffer *buffer, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		buffer_add_char(buffer, (char)(number >> 8 * i));
}

static const uint8_t tcp_packet[] = {
	2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, /* Ethernet */
	0x45, 0, 0, 40, 0, 1, 0x40, 0, 64, 6, 0, 0, 203, 0, 113, 9, 192, 0, 2, 10, 0xc7, 0x38, 0x0d, 0x3d, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xfa, 0xf0, 0, 0, 0, 0,
};

static void pcap(size_t count, struct buffer *buffer)
{
	number_add(buffer, 0xa1b2c3d4, 4);
	number_add(buffer, 2, 2);
	number_add(buffer, 4, 2);
	number_add(buffer, 0, 8);
	number_add(buffer, 65535, 4);
	number_add(buffer, 1, 4); /* Ethernet */
	for (size_t i = 0; i < (count > 0 ? count : 3); i++) {
		size_t length = i % 3 == 1 ? 40 : sizeof(tcp_packet);
		number_add(buffer, UNIX_FIRST + i, 4);
		number_add(buffer, 123456, 4);
		number_add(buffer, length, 4);
		number_add(buffer, sizeof(tcp_packet), 4);
		buffer_add(buffer, tcp_packet, length);
	}
}

static void block_add(struct buffer *buffer, uint32_t type, const struct buffer *body)
{
	size_t padded = (body->length + 3) & ~(size_t)3;
	number_add(buffer, type, 4);
	number_add(buffer, padded + 12, 4);
	buffer_add(buffer, buffer_text(body), body->length);
	number_add(buffer, 0, padded - body->length);
	number_add(buffer, padded + 12, 4);
}

static void pcapng(size_t count, struct buffer *buffer)
{
	struct buffer body;
	buffer_init(&body, 65536);
	number_add(&body, 0x1a2b3c4d, 4);
	number_add(&body, 1, 2);
	number_add(&body, 0, 2);
	number_add(&body, UINT64_MAX, 8);
	block_add(buffer, 0x0a0d0d0a, &body);
	buffer_clear(&body);
	number_add(&body, 1, 2);
	number_add(&body, 0, 2);
	number_add(&body, 65535, 4);
	block_add(buffer, 1, &body);
	for (size_t i = 0; i < (count > 0 ? count : 2); i++) {
		uint64_t time = (uint64_t)(UNIX_FIRST + i) * 1000000 + 123456;
		buffer_clear(&body);
		number_add(&body, 0, 4);
		number_add(&body, time >> 32, 4);
		number_add(&body, time, 4);
		number_add(&body, sizeof(tcp_packet), 4);
		number_add(&body, sizeof(tcp_packet), 4);
		buffer_add(&body, tcp_packet, sizeof(tcp_packet));
		block_add(buffer, 6, &body);
	}
	buffer_done(&body);
}

const struct log_sample log_samples[] = {
	{"evt", "evt", 6, evt_clean},
	{"evt-dirty", "evt", 6, evt_dirty},
	{"evt-wrapped", "evt", 8, evt_wrapped},
	{"evt-wrapped-dirty", "evt", 8, evt_wrapped_dirty},
	{"evtx", "evtx", 8, evtx_clean},
	{"evtx-dirty", "evtx", 300, evtx_dirty},
	{"evtx-types", "evtx", 2, evtx_types},
	{"evtx-bare", "evtx", 3, evtx_bare},
	{"evtx-tokens", "evtx", 1, evtx_tokens},
	{"pfirewall", "pfirewall", 6, pfirewall},
	{"pfirewall-old", "pfirewall", 3, pfirewall_old},
	{"w3c", "w3c", 3, w3c},
	{"isa", "w3c", 3, isa},
	{"kernel", "nflog", 6, kernel},
	{"ulogd", "nflog", 2, ulogd},
	{"eventxml", "eventxml", 3, eventxml},
	{"eventxml-wide", "eventxml", 3, eventxml_wide},
	{"pcap", "pcap", 3, pcap},
	{"pcapng", "pcap", 2, pcapng},
	{NULL, NULL, 0, NULL},
};

const struct log_sample *log_sample_named(const char *name)
{
	for (const struct log_sample *sample = log_samples; sample->name != NULL; sample++)
		if (strcmp(sample->name, name) == 0)
			return sample;
	return NULL;
}
