/* The layouts of cordon log, golden: an .evt and an .evtx made here, and what each layout says of their records. */
#include <criterion/criterion.h>

#include "tests/unit/logparse/evt_make.h"
#include "tests/unit/logparse/log_samples.h"
#include "tests/unit/writer/fixture.h"

#define DATE UINT64_C(127183520000000000) /* 2004-01-12 03:33:20 */

static void lines_check(struct buffer *log, enum layout layout, const char *expected, const char *what)
{
	struct log_writing writing = {.type = &w3c_writer, .options = {.date = DATE}, .layout = layout};
	struct buffer text;
	log_write(buffer_text(log), log->length, &writing, &text);
	const char *fields = strstr(buffer_text(&text), "#Fields: ");
	cr_expect(fields != NULL && strcmp(fields + 9, expected) == 0, "%s: %s", what, buffer_text(&text));
	buffer_done(&text);
}

#define DROPS_FIELDS                                                                                                                             \
	"date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags icmptype icmpcode size x-count "    \
	"x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber s-computername x-log x-policy x-rule x-filterlist x-mode "        \
	"x-interface x-recovered\n"
#define EVENTLOG_FIELDS                                                                                                                          \
	"EventLog RecordNumber TimeGenerated TimeWritten EventID EventType EventTypeName EventCategory EventCategoryName SourceName Strings "    \
	"ComputerName SID Message Data\n"
#define ISA_FIELDS "date time r-ip s-ip protocol param#1 param#2 tcp-flags s-filter-rule s-interface rs-ip-header rs-payload\n"

static const uint8_t syn_ack[] = {0x45, 0, 0, 48, 0, 1, 0x40, 0, 128, 6, 0, 0, 203, 0, 113, 9, 192, 0, 2, 80, 4, 1, 1, 0xbd,
				  0, 0, 0, 1, 0, 0, 0, 0, 0x70, 0x3f, 0x40, 0, 0, 0, 0, 0};
static const uint8_t echo[] = {0x46, 0, 0, 60, 0, 1, 0, 0, 128, 1, 0, 0, 203, 0, 113, 9, 192, 0, 2, 80, 0x94, 4, 0, 0, 8, 0, 1, 2};

/* Inbound TCP with all of ISA's flags, outbound ICMP whose header has options, a counter, and what is no packet. */
static void evt_log(struct buffer *log)
{
	static struct evt_make make;
	static const char *const tcp[] = {"", "203.0.113.9", "192.0.2.80", "6", "1025", "445"}, *const icmp[] = {"", "203.0.113.9", "192.0.2.80", "1", "0", "0"};
	static const char *const counter[] = {"", "12", "203.0.113.5"}, *const other[] = {"two words", "", "-", "say \"no\""};
	static const uint8_t sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
	uint8_t data[256];
	evt_make_init(&make, 4096, 7);
	evt_make_add(&make, &(struct evt_make_record){.time = 1063360000, .written = 1063360001, .id = 0x400010c2, .type = 4, .source = "IPSec", .computer = "WEB01",
		.strings = tcp, .string_count = 6, .data = data, .data_size = evt_make_dump(0x400010c2, 0xc0000001, syn_ack, sizeof(syn_ack), data)});
	evt_make_add(&make, &(struct evt_make_record){.time = 1063360001, .written = 1063360001, .id = 0x400010c3, .type = 4, .source = "IPSec", .computer = "WEB01",
		.strings = icmp, .string_count = 6, .data = data, .data_size = evt_make_dump(0x400010c3, 0xc0000022, echo, sizeof(echo), data)});
	evt_make_add(&make, &(struct evt_make_record){.time = 1063360002, .written = 1063360002, .id = 0xc00010bc, .type = 1, .source = "IPSec", .computer = "WEB01",
		.strings = counter, .string_count = 3});
	evt_make_add(&make, &(struct evt_make_record){.time = 1063360003, .written = 1063360003, .id = 7, .type = 16, .category = 3, .source = "Some Service",
		.computer = "", .sid = sid, .sid_size = sizeof(sid), .strings = other, .string_count = 4, .data = (const uint8_t *)"\x00\xff\x0a", .data_size = 3});
	evt_make_end(&make, false);
	buffer_init(log, 65536);
	buffer_add(log, make.bytes, make.size);
	evt_make_done(&make);
}

Test(layout, drops_of_evt)
{
	struct buffer log;
	evt_log(&log);
	lines_check(&log, LAYOUT_DROPS, DROPS_FIELDS
		    "2003-09-12 09:46:40 IPSec 4290 DROP in TCP 203.0.113.9 1025 192.0.2.80 445 SAFRPU - - 48 - - - - - - 0xC0000001 7 WEB01 System - - - - - -\n"
		    "2003-09-12 09:46:41 IPSec 4291 DROP out ICMP 203.0.113.9 - 192.0.2.80 - - 8 0 60 - - - - - - 0xC0000022 8 WEB01 System - - - - - -\n"
		    "2003-09-12 09:46:42 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 12 - - - - - - 9 WEB01 System - - - - - -\n", "drops");
	buffer_done(&log);
}

Test(layout, eventlog_of_evt)
{
	struct buffer log;
	evt_log(&log);
	lines_check(&log, LAYOUT_EVENTLOG, EVENTLOG_FIELDS
		    "log 7 \"2003-09-12 09:46:40\" \"2003-09-12 09:46:41\" 4290 4 \"Information event\" 0 None IPSec |203.0.113.9|192.0.2.80|6|1025|445 WEB01 - "
		    "\"inbound packet dropped\" "
		    "000028000500000000000000C210004000000000010000C000000000000000000000000000000000"
		    "450000300001400080060000CB007109C0000250040101BD0000000100000000703F400000000000\n"
		    "log 8 \"2003-09-12 09:46:41\" \"2003-09-12 09:46:41\" 4291 4 \"Information event\" 0 None IPSec |203.0.113.9|192.0.2.80|1|0|0 WEB01 - "
		    "\"outbound packet dropped\" "
		    "00001C000500000000000000C310004000000000220000C000000000000000000000000000000000"
		    "4600003C0001000080010000CB007109C00002509404000008000102\n"
		    "log 9 \"2003-09-12 09:46:42\" \"2003-09-12 09:46:42\" 4284 1 \"Error event\" 0 None IPSec |12|203.0.113.5 WEB01 - "
		    "\"packets in the clear that should have been secured\" -\n"
		    "log 10 \"2003-09-12 09:46:43\" \"2003-09-12 09:46:43\" 7 16 \"Failure Audit event\" 3 - \"Some Service\" \"two words||-|say \"\"no\"\"\" \"\" S-1-5-18 "
		    "- 00FF0A\n", "eventlog");
	buffer_done(&log);
}

/* Counters stand for packets that nobody has seen; the last record is no packet at all. */
Test(layout, isa_of_evt)
{
	struct buffer log;
	evt_log(&log);
	lines_check(&log, LAYOUT_ISA, ISA_FIELDS
		    "2003-09-12 09:46:40 203.0.113.9 192.0.2.80 TCP 1025 445 \"FIN SYN RST PSH ACK URG\" 0 - "
		    "450000300001400080060000CB007109C0000250 040101BD0000000100000000703F400000000000\n"
		    "2003-09-12 09:46:41 203.0.113.9 192.0.2.80 ICMP 8 0 - 0 - 4600003C0001000080010000CB007109C000025094040000 08000102\n"
		    "2003-09-12 09:46:42 203.0.113.5 - - - - - 0 - - -\n", "isa");
	buffer_done(&log);
}

Test(layout, evtx)
{
	struct buffer log;
	buffer_init(&log, LOG_SAMPLE_MOST);
	log_sample_named("evtx")->make(2, &log);
	lines_check(&log, LAYOUT_DROPS, DROPS_FIELDS
		    "2016-02-15 08:53:20 Microsoft-Windows-Security-Auditing 5157 DROP in TCP 203.0.113.1 50000 192.0.2.10 3389 - - - - - - 4 System Transport 67607 - 1000 "
		    "WEB01.example Security - - - - - -\n"
		    "2016-02-15 08:53:21 Microsoft-Windows-Security-Auditing 5152 DROP in TCP 203.0.113.2 50001 192.0.2.10 3389 - - - - - - 4 System Transport 67607 - 1001 "
		    "WEB01.example Security - - - - - -\n", "drops");
	lines_check(&log, LAYOUT_ISA, ISA_FIELDS "2016-02-15 08:53:20 203.0.113.1 192.0.2.10 TCP 50000 3389 - 0 - - -\n"
		    "2016-02-15 08:53:21 203.0.113.2 192.0.2.10 TCP 50001 3389 - 0 - - -\n", "isa");
	buffer_done(&log);
}

/* ISA's own log, with blanks in a value between tabs: all twelve columns are copied. */
Test(layout, isa_log_is_copied)
{
	static const char isa[] = "#Software: Microsoft(R) Internet Security and Acceleration Server 2000\r\n#Version: 1.0\r\n#Date: 2004-01-12 03:33:20\r\n"
				  "#Fields: date\ttime\tr-ip\ts-ip\tprotocol\tparam#1\tparam#2\ttcp-flags\ts-filter-rule\ts-interface\trs-ip-header\trs-payload\r\n"
				  "2003-09-12\t09:47:15\t203.0.113.36\t192.0.2.80\tTCP\t1025\t445\tSYN ACK\t1\teth0\t45 00\t-\r\n"
				  "2003-09-12\t09:47:16\t-\t-\tICMPv6\t128\t0\t-\t0\t-\t-\t-\r\n";
	struct log_writing writing = {.type = &json_writer, .own_layout = true};
	struct buffer log, text;
	buffer_init(&log, 65536);
	buffer_add_text(&log, isa);
	lines_check(&log, LAYOUT_ISA, ISA_FIELDS "2003-09-12 09:47:15 203.0.113.36 192.0.2.80 TCP 1025 445 \"SYN ACK\" 1 eth0 \"45 00\" -\n"
		    "2003-09-12 09:47:16 - - ICMPv6 128 0 - 0 - - -\n", "isa");
	lines_check(&log, LAYOUT_DROPS, DROPS_FIELDS
		    "2003-09-12 09:47:15 - - ALLOW - TCP 203.0.113.36 1025 192.0.2.80 445 SA - - - - - - - - - - - - - - - - - eth0 -\n"
		    "2003-09-12 09:47:16 - - DROP - ICMPv6 - - - - - 128 0 - - - - - - - - - - - - - - - - -\n", "drops");
	log_write(buffer_text(&log), log.length, &writing, &text);
	cr_expect(writing.layout == LAYOUT_ISA && strstr(buffer_text(&text), "\"param#1\":1025,\"param#2\":445,\"tcp-flags\":\"SYN ACK\",\"s-filter-rule\":1,") != NULL,
		  "%s", buffer_text(&text));
	buffer_done(&text);
	buffer_done(&log);
}

/* Log Parser's columns, read again: numbers and times are such, and the record has its id, source and time. */
Test(layout, eventlog_log_is_copied_with_its_types)
{
	struct log_writing writing = {.type = &w3c_writer, .options = {.date = DATE}, .layout = LAYOUT_EVENTLOG}, json = {.type = &json_writer, .own_layout = true};
	struct buffer log, text, copy;
	evt_log(&log);
	log_write(buffer_text(&log), log.length, &writing, &text);
	log_write(buffer_text(&text), text.length, &json, &copy);
	cr_expect(json.layout == LAYOUT_EVENTLOG && json.events == 4);
	static const char first[] = "{\"EventLog\":\"log\",\"RecordNumber\":7,\"TimeGenerated\":\"2003-09-12T09:46:40Z\",\"TimeWritten\":\"2003-09-12T09:46:41Z\","
				    "\"EventID\":4290,\"EventType\":4,\"EventTypeName\":\"Information event\",\"EventCategory\":0,\"EventCategoryName\":\"None\","
				    "\"SourceName\":\"IPSec\",";
	cr_expect(strncmp(buffer_text(&copy), first, sizeof(first) - 1) == 0, "%s", buffer_text(&copy));
	/* They are events still: what an event of the log itself says of packets. */
	lines_check(&text, LAYOUT_DROPS, DROPS_FIELDS
		    "2003-09-12 09:46:40 IPSec 4290 DROP in TCP 203.0.113.9 1025 192.0.2.80 445 SAFRPU - - 48 - - - - - - 0xC0000001 7 WEB01 System - - - - - -\n"
		    "2003-09-12 09:46:41 IPSec 4291 DROP out ICMP 203.0.113.9 - 192.0.2.80 - - 8 0 60 - - - - - - 0xC0000022 8 WEB01 System - - - - - -\n"
		    "2003-09-12 09:46:42 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 12 - - - - - - 9 WEB01 System - - - - - -\n"
		    "2003-09-12 09:46:43 \"Some Service\" 7 - - - - - - - - - - - - - - - - - - 10 \"\" log - - - - - -\n", "drops");
	buffer_done(&copy);
	buffer_done(&text);
	buffer_done(&log);
}
