#include "tests/unit/logparse/log_expect.h"

#define HEAD(columns) "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: " columns "\n\n"
#define SIXTEEN "date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info"

/* Hours east of UTC. */
static struct reader_options zone(int hours)
{
	return (struct reader_options){.zone_known = true, .zone = hours * 60};
}

Test(pfirewall, columns_by_fields_sixteen_seventeen_eighteen)
{
	static const char old[] = "#Verson: 1.0\r\n#Software: Microsoft Internet Connection Firewall\r\n#Time Format: Local\r\n#Fields: " SIXTEEN
		"\r\n\r\n2003-09-12 00:30:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1234567890 0 64240 - - -\r\n";
	static const char usual[] = HEAD(SIXTEEN " path")
		"2026-11-21 00:30:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 SAFRPU 1234567890 0 64240 - - - RECEIVE\n"
		"2026-11-21 10:00:01 ALLOW UDP 192.0.2.10 192.0.2.53 50001 53 0 - - - - - - - SEND\n"
		"2026-11-21 10:00:02 DROP ICMP 203.0.113.9 192.0.2.10 - - 60 - - - - 8 0 - RECEIVE\n"
		"2026-11-21 10:00:03 DROP 58 2001:db8::9 2001:db8::10 - - 60 0 1 2 3 133 0 - FORWARD\n"
		"2026-11-21 10:00:04 INFO-EVENTS-LOST - - - - - - - - - - - - 17 -\n"
		"2026-11-21 10:00:05 CLOSE TCP 192.0.2.10 203.0.113.9 50001 80 - - - - - - - - UNKNOWN\n"
		"2026-11-21 10:00:06 OPEN-INBOUND TCP 203.0.113.9 192.0.2.10 51000 80 - - - - - - - - -   \n";
	static const char newest[] = HEAD(SIXTEEN " path pid")
		"2026-11-21 10:00:00 ALLOW TCP 192.0.2.10 203.0.113.9 50001 443 0 - 0 0 0 - - - SEND 4711\n";
	struct reader_options east = zone(1);
	struct log_reading reading;
	LOG_TEXT(old, &east, &reading);
	cr_expect_str_eq(reading.type->name, "pfirewall");
	LINES_ARE(&reading.drops, "2003-09-11 23:30:00 pfirewall - DROP - TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 52 - - - - - - - - - pfirewall.log - - - - - -");
	log_reading_done(&reading);
	LOG_TEXT(usual, &east, &reading);
	LINES_ARE(&reading.drops,
		  "2026-11-20 23:30:00 pfirewall - DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 SAFRPU - - 52 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:01 pfirewall - ALLOW out UDP 192.0.2.10 50001 192.0.2.53 53 - - - 0 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:02 pfirewall - DROP in ICMP 203.0.113.9 - 192.0.2.10 - - 8 0 60 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:03 pfirewall - DROP forward ICMPv6 2001:db8::9 - 2001:db8::10 - 0 133 0 60 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:04 pfirewall - INFO-EVENTS-LOST - - - - - - - - - - 17 - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:05 pfirewall - CLOSE - TCP 192.0.2.10 50001 203.0.113.9 80 - - - - - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 09:00:06 pfirewall - OPEN-INBOUND - TCP 203.0.113.9 51000 192.0.2.10 80 - - - - - - - - - - - - - pfirewall.log - - - - - -");
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
	LOG_TEXT(newest, &east, &reading);
	LINES_ARE(&reading.drops, "2026-11-21 09:00:00 pfirewall - ALLOW out TCP 192.0.2.10 50001 203.0.113.9 443 - - - 0 - - 4711 - - - - - - pfirewall.log - - - - - -");
	log_reading_done(&reading);
}

Test(pfirewall, no_zone_is_no_time)
{
	struct log_reading reading;
	struct buffer buffer;
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	log_sample_named("pfirewall")->make(1, &buffer);
	log_bytes(buffer.data, buffer.length, NULL, NULL, &reading);
	LINES_ARE(&reading.drops, "- - pfirewall - DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 52 - - - - - - - - - pfirewall.log - - - - - -");
	cr_expect_eq(reading.events[0].time, 0);
	/* The columns as they stand are all there. */
	HOLDS(&reading.json, "{\"date\":\"2026-11-21\",\"time\":\"10:00:00\",\"action\":\"DROP\",\"protocol\":\"TCP\",\"src-ip\":\"203.0.113.9\",\"dst-ip\":"
	      "\"192.0.2.10\",\"src-port\":51000,\"dst-port\":3389,\"size\":52,\"tcpflags\":\"S\",\"tcpsyn\":1234567890,\"tcpack\":0,\"tcpwin\":64240,"
	      "\"path\":\"RECEIVE\"}");
	log_reading_done(&reading);
	/* --since finds nothing that it does not know. */
	struct reader_options since = {.filter = {.since = 1}};
	log_bytes(buffer.data, buffer.length, NULL, &since, &reading);
	cr_expect_eq(reading.counts.read, 0);
	cr_expect_eq(reading.counts.filtered, 1);
	log_reading_done(&reading);
	buffer_done(&buffer);
}

/* Rotated logs put behind each other, one of XP with columns of its own. */
Test(pfirewall, a_second_header_changes_the_columns)
{
	static const char text[] = HEAD(SIXTEEN " path")
		"2026-11-21 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1 0 2 - - - RECEIVE\n"
		"#Verson: 1.0\n#Fields: " SIXTEEN "\n"
		"2026-11-21 10:00:01 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1 0 2 - - -\n"
		"#Fields: time date src-ip action\n"
		"10:00:02 2026-11-21 203.0.113.7 DROP\n";
	struct reader_options utc = zone(0);
	struct log_reading reading;
	LOG_TEXT(text, &utc, &reading);
	LINES_ARE(&reading.drops,
		  "2026-11-21 10:00:00 pfirewall - DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 52 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 10:00:01 pfirewall - DROP - TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 52 - - - - - - - - - pfirewall.log - - - - - -",
		  "2026-11-21 10:00:02 pfirewall - DROP - - 203.0.113.7 - - - - - - - - - - - - - - - - pfirewall.log - - - - - -");
	log_reading_done(&reading);
}

Test(pfirewall, a_bad_line_costs_itself)
{
	static const char text[] = HEAD(SIXTEEN " path")
		"2026-11-21 10:00:00 DROP TCP 203.0.113.9\n"
		"2026-11-21 10:00:00 DROP TCP 203.0.113.900 192.0.2.10 51000 3389 52 S 1 0 2 - - - RECEIVE\n"
		"2026-11-21 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 65536 52 S 1 0 2 - - - RECEIVE\n"
		"2026-02-30 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1 0 2 - - - RECEIVE\n"
		"2026-11-21 10:00:00 DROP TCP 203.0.113.9 192.0.2.10 51000 3389 52 S 1 0 2 - - - RECEIVE\n"
		"2026-11-21 10:00:00 DR";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	cr_expect_eq(reading.counts.read, 1);
	cr_expect_eq(reading.counts.unreadable, 5);
	cr_expect_eq(reading.events[0].offset, 10);
	HOLDS(&reading.damage, "6 0 lost a line that does not have the columns of #Fields\n7 0 lost");
	HOLDS(&reading.damage, "11 0 lost");
	cr_expect_eq(reading.damaged_lines, 5);
	log_reading_done(&reading);
	struct reader_options strict = {.strict = true};
	LOG_TEXT(text, &strict, &reading);
	cr_expect_lt(reading.error, 0);
	cr_expect_eq(reading.counts.read, 0);
	log_reading_done(&reading);
}

/* As a shell of Windows writes what is redirected. */
Test(pfirewall, utf16)
{
	struct buffer narrow, wide;
	struct log_reading reading;
	buffer_init(&narrow, LOG_SAMPLE_MOST);
	log_sample_named("pfirewall")->make(3000, &narrow);
	for (int big = 0; big < 2; big++) {
		buffer_init(&wide, LOG_SAMPLE_MOST);
		buffer_add(&wide, big ? "\xfe\xff" : "\xff\xfe", 2);
		for (size_t i = 0; i < narrow.length; i++)
			buffer_add(&wide, (const char[]){big ? '\0' : narrow.data[i], big ? narrow.data[i] : '\0'}, 2);
		log_bytes(wide.data, wide.length, NULL, NULL, &reading);
		cr_expect_str_eq(reading.type->name, "pfirewall");
		cr_expect_eq(reading.counts.read, 3000);
		cr_expect_eq(reading.counts.unreadable, 0);
		log_reading_done(&reading);
		buffer_done(&wide);
	}
	buffer_done(&narrow);
}

Test(pfirewall, real_logs)
{
	static const char *const names[] = {"pfirewall/SEC505__Day1_pfirewall.log", "pfirewall/SEC505__Day4_Sample_pfirewall.log"};
	for (size_t i = 0; i < 2; i++) {
		struct log_reading reading;
		if (!LOG_FILE(names[i], NULL, NULL, &reading))
			continue;
		cr_expect_str_eq(reading.type->name, "pfirewall");
		cr_expect_eq(reading.counts.read, 359);
		cr_expect_eq(reading.counts.unreadable, 0);
		cr_expect_eq(log_times(&reading.data, "path=SEND"), 203);
		cr_expect_eq(log_times(&reading.data, "path=RECEIVE"), 156);
		cr_expect_eq(log_times(&reading.data, "action=DROP\nprotocol=TCP"), 124);
		cr_expect_eq(log_times(&reading.data, "action=ALLOW\nprotocol=TCP"), 114);
		cr_expect_eq(log_times(&reading.data, "action=ALLOW\nprotocol=UDP"), 90);
		cr_expect_eq(log_times(&reading.data, "action=DROP\nprotocol=UDP"), 31);
		log_reading_done(&reading);
	}
}
