#include "tests/unit/logparse/log_expect.h"

#define DROPS                                                                                                                      \
	"#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags icmptype icmpcode size " \
	"x-count x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber s-computername x-log x-policy x-rule x-filterlist "     \
	"x-mode x-interface x-recovered\n"

/* Reading is the inverse of writing: what we have written comes out with the same bytes. */
Test(w3c, what_we_write_comes_back)
{
	static const char first[] = "2026-11-21 10:00:00 cordon - DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 S - - 60 1 - - - - - - - host - "
				    "\"Server lockdown\" \"say \"\"no\"\"\" \"\" secure eth0 -";
	static const char second[] = "2026-11-21 10:00:01 IPSec 4284 DROP in - 203.0.113.5 - - - - - - - 18446744073709551615 0xDEADBEEF - - - "
				     "18446744073709551615 0xC0000022 8 WEB01 System \"-\" \"#x\" \"\"\"\" \"a b\" - yes";
	struct buffer text;
	struct log_reading reading;
	buffer_init(&text, LOG_SAMPLE_MOST);
	buffer_printf(&text, "#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-21 09:59:59\n" DROPS "%s\n%s\n", first, second);
	log_bytes(text.data, text.length, NULL, NULL, &reading);
	cr_expect_str_eq(reading.type->name, "w3c");
	LINES_ARE(&reading.drops, first, second);
	cr_expect_eq(reading.counts.recovered, 1);
	cr_expect(reading.events[1].recovered);
	cr_expect_eq(reading.events[1].id, 4284);
	cr_expect_eq(reading.events[1].number, 8);
	/* A dash in quotes is a text, one without is nothing. */
	HOLDS(&reading.data, "x-policy=-\n");
	HOLDS(&reading.data, "x-filterlist=\"\n");
	log_reading_done(&reading);
	buffer_done(&text);
}

Test(w3c, iis)
{
	static const char text[] =
		"#Software: Microsoft Internet Information Services 6.0\r\n#Version: 1.0\r\n#Date: 2003-09-12 00:00:00\r\n"
		"#Fields: date time s-sitename s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) sc-status sc-win32-status\r\n"
		"2003-09-12 00:00:07 W3SVC1 192.0.2.80 GET /default.htm - 80 - 203.0.113.5 Mozilla/4.0+(compatible;+MSIE+6.0) 200 0\r\n"
		"#Software: Microsoft Internet Information Services 6.0\r\n#Version: 1.0\r\n#Date: 2003-09-12 08:00:00\r\n"
		"#Fields: time c-ip cs-method s-port\r\n"
		"08:00:01 203.0.113.6 POST 443\r\n"
		"08:00:02\t203.0.113.7\tPOST\t443\r\n"
		"08:00:03 203.0.113.7 POST\r\n"
		"#Date: 2003-09-13 00:00:00\r\n"
		"08:00:04 203.0.113.8 POST 443";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	/* Without a date the one of the last #Date is meant. */
	LINES_ARE(&reading.drops, "2003-09-12 00:00:07 - - - - - 203.0.113.5 - 192.0.2.80 80 - - - - - - - - - - - - - W3SVC1 - - - - - -",
		  "2003-09-12 08:00:01 - - - - - 203.0.113.6 - - 443 - - - - - - - - - - - - - - - - - - - -",
		  "2003-09-12 08:00:02 - - - - - 203.0.113.7 - - 443 - - - - - - - - - - - - - - - - - - - -",
		  "2003-09-13 08:00:04 - - - - - 203.0.113.8 - - 443 - - - - - - - - - - - - - - - - - - - -");
	HOLDS(&reading.data, "cs(User-Agent)=Mozilla/4.0+(compatible;+MSIE+6.0)\n");
	HOLDS(&reading.damage, "12 0 lost a line that does not have the columns of #Fields\n");
	log_reading_done(&reading);
}

Test(w3c, isa)
{
	static const char text[] =
		"\xef\xbb\xbf#Software: Microsoft(R) Internet Security and Acceleration Server 2000\r\n#Version: 1.0\r\n#Date: 2003-09-12 00:00:00\r\n"
		"#Fields: date\ttime\tr-ip\ts-ip\tprotocol\tparam#1\tparam#2\ttcp-flags\ts-filter-rule\ts-interface\trs-ip-header\trs-payload\r\n"
		"2003-09-12\t09:47:15\t203.0.113.36\t192.0.2.80\tTCP\t1025\t445\tSYN ACK FIN\t0\tLocal Area Connection\t4500\t0401\r\n"
		"2003-09-12\t09:47:16\t203.0.113.37\t192.0.2.80\tICMP\t8\t0\t-\t1\t-\t-\t-\r\n"
		"2003-09-12\t09:47:17\t203.0.113.37\t192.0.2.80\t47\t-\t-\t-\t0\t-\t-\t-\r\n";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	LINES_ARE(&reading.drops,
		  "2003-09-12 09:47:15 - - DROP - TCP 203.0.113.36 1025 192.0.2.80 445 SAF - - - - - - - - - - - - - - - - - \"Local Area Connection\" -",
		  "2003-09-12 09:47:16 - - ALLOW - ICMP 203.0.113.37 - 192.0.2.80 - - 8 0 - - - - - - - - - - - - - - - - -",
		  "2003-09-12 09:47:17 - - DROP - GRE 203.0.113.37 - 192.0.2.80 - - - - - - - - - - - - - - - - - - - - -");
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
}

Test(w3c, quotes_blanks_and_ends)
{
	static const char head[] = "#Version: 1.0\n#Fields: date time x-rule x-policy src-ip\n";
	static const struct { const char *line, *drop; } rows[] = {
		{"2026-11-21 10:00:00 a+b \"c\" 192.0.2.1  ", "2026-11-21 10:00:00 - - - - - 192.0.2.1 - - - - - - - - - - - - - - - - - c a+b - - - -"},
		{"2026-11-21  10:00:00 \t \"\"\"\"  \"\" 192.0.2.1", "2026-11-21 10:00:00 - - - - - 192.0.2.1 - - - - - - - - - - - - - - - - - \"\" \"\"\"\" - - - -"},
		{"2026-11-21 10:00:00 \"a b\"\"\" - 192.0.2.1\r", "2026-11-21 10:00:00 - - - - - 192.0.2.1 - - - - - - - - - - - - - - - - - - \"a b\"\"\" - - - -"},
		/* Without seconds, and with a part of one. */
		{"2026-11-21 23:59 a - 192.0.2.1", "2026-11-21 23:59:00 - - - - - 192.0.2.1 - - - - - - - - - - - - - - - - - - a - - - -"},
		{"2026-11-21 00:00:00.123 a - 192.0.2.1", "2026-11-21 00:00:00 - - - - - 192.0.2.1 - - - - - - - - - - - - - - - - - - a - - - -"},
		{"2026-11-21 24:00 a - 192.0.2.1", NULL},
		{"2026-11-21 10:60 a - 192.0.2.1", NULL},
		{"2026-11-21 10:0 a - 192.0.2.1", NULL},
		{"2026-11-21 10-00 a - 192.0.2.1", NULL},
		{"2026-11-21 10:00:00. a - 192.0.2.1", NULL},
		{"2026-11-21 10:00:00.1x a - 192.0.2.1", NULL},
		{"2026-11-21 10:00:00 \"a - 192.0.2.1", NULL}, /* never closed */
		{"2026-11-21 10:00:00 a b - 192.0.2.1", NULL}, /* one too many */
		{"", ""},
		{"  \t ", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer text;
		struct log_reading reading;
		buffer_init(&text, LOG_SAMPLE_MOST);
		buffer_printf(&text, "%s%s", head, rows[i].line);
		log_bytes(text.data, text.length, "w3c", NULL, &reading);
		struct cursor drop = log_line(&reading.drops, 0);
		const char *wanted = rows[i].drop != NULL ? rows[i].drop : "";
		cr_expect(cursor_left(&drop) == strlen(wanted) && memcmp(drop.at, wanted, strlen(wanted)) == 0, "%s\nis %.*s\nnot %s", rows[i].line,
			  (int)cursor_left(&drop), drop.at, wanted);
		cr_expect_eq(reading.counts.unreadable, rows[i].drop == NULL, "%s", rows[i].line);
		log_reading_done(&reading);
		buffer_done(&text);
	}
}

/* A line without columns, and one that is too long: each is one that is lost, and the next is read. */
Test(w3c, what_is_no_line)
{
	struct buffer text;
	struct log_reading reading;
	buffer_init(&text, LOG_SAMPLE_MOST);
	buffer_add_text(&text, "#Version: 1.0\n2026-11-21 10:00:00 192.0.2.1\n#Fields: date time src-ip\n");
	for (size_t i = 0; i < (1 << 20) + 100; i++)
		buffer_add_char(&text, 'x');
	buffer_add_text(&text, "\n2026-11-21 10:00:00 192.0.2.1\n");
	log_bytes(text.data, text.length, "w3c", NULL, &reading);
	cr_expect_eq(reading.counts.read, 1);
	HOLDS(&reading.damage, "2 0 lost a line before any #Fields\n4 0 lost a line longer than 1 MiB\n");
	cr_expect_eq(reading.damaged_lines, 2);
	cr_expect_eq(reading.events[0].offset, 5);
	log_reading_done(&reading);
	buffer_clear(&text);
	buffer_add_text(&text, "#Fields:");
	for (size_t i = 0; i < 300; i++)
		buffer_printf(&text, " c%zu", i);
	buffer_add_char(&text, '\n');
	for (size_t i = 0; i < 300; i++)
		buffer_add_text(&text, "v ");
	log_bytes(text.data, text.length, "w3c", NULL, &reading);
	HOLDS(&reading.damage, "1 0 more than 256 columns");
	log_reading_done(&reading);
	buffer_done(&text);
}
