#include <time.h>

#include "tests/unit/logparse/log_expect.h"

/* A line of the kernel's, and the drop that it is; NULL: none. */
static const struct {
	const char *line, *drop;
} kernel[] = {
	/* dmesg: no wall clock. */
	{"[ 5429.765135] BLK-IN: IN=vb OUT= MACSRC=36:f2:ff:f1:a5:4e MACDST=56:ef:21:b7:cb:86 MACPROTO=0800 SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 "
	 "PREC=0x00 TTL=64 ID=33867 DF PROTO=TCP SPT=58352 DPT=3389 SEQ=3095556548 ACK=0 WINDOW=64240 RES=0x00 SYN URGP=0 OPT (020405B4) ",
	 "- - nflog - DROP in TCP 192.0.2.1 58352 192.0.2.2 3389 S - - 60 - - - - - - - - - - - BLK-IN - - vb -"},
	/* iptables: MAC=, no prefix but a word; ACK=0 above is no flag, this ACK is one. */
	{"2026-11-21T03:32:06,765135+01:00 IN=eth0 OUT= MAC=56:ef:21:b7:cb:86:36:f2:ff:f1:a5:4e:08:00 SRC=192.0.2.1 DST=192.0.2.2 LEN=40 TOS=0x00 PREC=0x00 "
	 "TTL=64 ID=1 CE DF MF PROTO=TCP SPT=1 DPT=2 WINDOW=0 RES=0x00 CWR ECE URG ACK PSH RST SYN FIN URGP=0",
	 "2026-11-21 02:32:06 nflog - - in TCP 192.0.2.1 1 192.0.2.2 2 SAFRPUEC - - 40 - - - - - - - - - - - - - - eth0 -"},
	/* The journal and syslog, host and the kernel's own stamp. */
	{"2026-11-21T03:32:06+00:00 gate kernel: iptables denied: IN= OUT=eth0 SRC=192.0.2.2 DST=192.0.2.1 LEN=30 TOS=0x00 PREC=0x00 TTL=64 ID=31292 DF PROTO=UDP "
	 "SPT=57691 DPT=9999 LEN=10 UID=0 GID=0 MARK=0x1",
	 "2026-11-21 03:32:06 nflog - DROP out UDP 192.0.2.2 57691 192.0.2.1 9999 - - - 30 - - - - - - - - gate - - \"iptables denied\" - - eth0 -"},
	{"Nov  1 03:32:06 gate kernel: [  12.345678] allow-out IN= OUT=eth0 SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10",
	 "- - nflog - ALLOW out UDP 192.0.2.2 1 192.0.2.1 2 - - - 30 - - - - - - - - gate - - allow-out - - eth0 -"},
	{"[   12.345678] gate kernel: drop it IN=eth0 OUT= SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10",
	 "- - nflog - DROP in UDP 192.0.2.2 1 192.0.2.1 2 - - - 30 - - - - - - - - gate - - \"drop it\" - - eth0 -"},
	{"<4>[   12.345678] drop it IN=eth0 OUT= SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10",
	 "- - nflog - DROP in UDP 192.0.2.2 1 192.0.2.1 2 - - - 30 - - - - - - - - - - - \"drop it\" - - eth0 -"},
	/* Our own prefix names the rule. */
	{"[ 1.0] cordon:block:0123456789abcdef:Server lockdown IN=eth0 OUT=eth1 SRC=2001:0db8:0000:0000:0000:0000:0000:0009 "
	 "DST=2001:0db8:0000:0000:0000:0000:0000:0010 LEN=104 TC=0 HOPLIMIT=64 FLOWLBL=0 PROTO=ICMPv6 TYPE=128 CODE=0 ID=4660 SEQ=1",
	 "- - cordon - DROP forward ICMPv6 2001:db8::9 - 2001:db8::10 - - 128 0 104 - - - - - - - - - - - \"Server lockdown\" - - eth0 -"},
	/* The packet that an error speaks of is another one. */
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=56 TOS=0x00 PREC=0x00 TTL=64 ID=29241 DF PROTO=ICMP TYPE=3 CODE=3 [SRC=10.0.0.1 DST=10.0.0.2 "
	 "LEN=32 PROTO=UDP SPT=1111 DPT=53 LEN=12 ] ",
	 "- - nflog - - in ICMP 192.0.2.1 - 192.0.2.2 - - 3 3 56 - - - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=52 ID=36769 DF PROTO=ESP SPI=0xdeadbeef ",
	 "- - nflog - - in ESP 192.0.2.1 - 192.0.2.2 - - - - 52 - 0xDEADBEEF - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=44 DF PROTO=AH SPI=0xcafe ",
	 "- - nflog - - in AH 192.0.2.1 - 192.0.2.2 - - - - 44 - 0x0000CAFE - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=44 PROTO=132 ", "- - nflog - - in SCTP 192.0.2.1 - 192.0.2.2 - - - - 44 - - - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=44 PROTO=UDPLITE SPT=1 DPT=2", "- - nflog - - in UDPLITE 192.0.2.1 1 192.0.2.2 2 - - - 44 - - - - - - - - - - - x - - vb -"},
	/* A later fragment, and a header that is cut off. */
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=1500 ID=7 MF FRAG:185 PROTO=UDP ",
	 "- - nflog - - in UDP 192.0.2.1 - 192.0.2.2 - - - - 1500 - - - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=26 DF PROTO=TCP INCOMPLETE [6 bytes] ",
	 "- - nflog - - in TCP 192.0.2.1 - 192.0.2.2 - 0 - - 26 - - - - - - - - - - - x - - vb -"},
	{"[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=35 TOS=0x18 PREC=0xA0 TTL=64 ID=15808 DF OPT (94040000) PROTO=UDP SPT=37627 DPT=7 LEN=11 ",
	 "- - nflog - - in UDP 192.0.2.1 37627 192.0.2.2 7 - - - 35 - - - - - - - - - - - x - - vb -"},
	/* A bridge; somebody who logs in lower case; words that are no keys. */
	{"[ 1.0] x: IN=br0 OUT=br0 PHYSIN=eth0 PHYSOUT=eth1 SRC=192.0.2.1 DST=192.0.2.2 LEN=35 PROTO=UDP SPT=1 DPT=7 SPTX=9 XDPT=8 LEN=11 ",
	 "- - nflog - - forward UDP 192.0.2.1 1 192.0.2.2 7 - - - 35 - - - - - - - - - - - x - - br0 -"},
	{"[ 1236.0] usb 1-1: new device, OUT= of order", NULL},
	{"Nov 21 10:00:00 gate sshd[12]: session opened", NULL},
	{"[ 1236.0] arp: IN=eth0 OUT= ARP HTYPE=1 PTYPE=0x0800 OPCODE=1 MACSRC=36:f2:ff:f1:a5:4e IPSRC=192.0.2.1", NULL},
	{"", NULL},
};

Test(nflog, the_kernels_lines)
{
	for (size_t i = 0; i < sizeof(kernel) / sizeof(kernel[0]); i++) {
		struct log_reading reading;
		log_bytes(kernel[i].line, strlen(kernel[i].line), "nflog", NULL, &reading);
		struct cursor drop = log_line(&reading.drops, 0);
		const char *wanted = kernel[i].drop != NULL ? kernel[i].drop : "";
		cr_expect(cursor_left(&drop) == strlen(wanted) && memcmp(drop.at, wanted, strlen(wanted)) == 0, "%s\nis %.*s\nnot %s", kernel[i].line,
			  (int)cursor_left(&drop), drop.at, wanted);
		cr_expect_eq(reading.counts.unreadable, 0, "%s", kernel[i].line);
		log_reading_done(&reading);
	}
}

/* A stamp without a zone is a time only when somebody says which zone; one without a year is of the last twelve months. */
Test(nflog, stamps)
{
	static const char line[] = "IN=eth0 OUT= SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10";
	static const struct { const char *stamp, *zone, *utc; } rows[] = {
		{"2026-11-21T03:32:06,765135+00:00 ", NULL, "2026-11-21 03:32:06"}, {"2026-11-21T03:32:06.765135Z gate kernel: ", NULL, "2026-11-21 03:32:06"},
		{"2026-11-21T03:32:06-0530 gate kernel: ", NULL, "2026-11-21 09:02:06"}, {"2026-11-21 03:32:06 ", "1", "2026-11-21 02:32:06"},
		{"2026-11-21T03:32:06 ", NULL, "- -"}, {"[Sat Nov 21 03:32:06 2026] ", "1", "2026-11-21 02:32:06"}, {"[Sat Nov 21 03:32:06 2026] ", NULL, "- -"},
		{"Sat Nov  7 03:32:06 2026 kernel: [1.0] ", "1", "2026-11-07 02:32:06"}, {"[ 123.456] ", "1", "- -"},
		{"2026-13-21T03:32:06Z ", NULL, "- -"}, {"2026-11-21T24:32:06Z ", NULL, "- -"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512];
		struct log_reading reading;
		struct reader_options options = {.zone_known = rows[i].zone != NULL, .zone = 60};
		(void)snprintf(text, sizeof(text), "%s%s\n", rows[i].stamp, line);
		log_bytes(text, strlen(text), "nflog", &options, &reading);
		cr_expect_eq(strncmp(buffer_text(&reading.drops), rows[i].utc, strlen(rows[i].utc)), 0, "%s: %s", rows[i].stamp, buffer_text(&reading.drops));
		log_reading_done(&reading);
	}
	struct reader_options utc = {.zone_known = true};
	struct log_reading reading;
	static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	uint64_t now = record_time_of_unix((int64_t)time(NULL), 0), day = UINT64_C(864000000000);
	for (size_t i = 0; i < 12; i++) {
		char text[512];
		(void)snprintf(text, sizeof(text), "%s 15 03:32:06 gate kernel: %s\n", months[i], line);
		log_bytes(text, strlen(text), "nflog", &utc, &reading);
		cr_assert_eq(reading.count, 1);
		cr_expect_lt(reading.events[0].time, now + day + 1, "%s", months[i]);
		cr_expect_gt(reading.events[0].time, now - 367 * day, "%s", months[i]);
		log_reading_done(&reading);
	}
}

/* What a prefix says of the packet: by its whole words, and not where it says that it did not. */
Test(nflog, words_of_prefixes)
{
	static const struct { const char *prefix, *action, *rule; } rows[] = {
		{"[UFW BLOCK] ", "DROP", "\"[UFW BLOCK]\""}, {"[UFW ALLOW] ", "ALLOW", "\"[UFW ALLOW]\""}, {"[ 12.345678] [UFW BLOCK] ", "DROP", "\"[UFW BLOCK]\""},
		{"[T123] [12.5] [UFW BLOCK]", "DROP", "\"[UFW BLOCK]\""}, {"nft-drop ", "DROP", "nft-drop"}, {"DROP_INPUT: ", "DROP", "DROP_INPUT"},
		{"IPT:DROP: ", "DROP", "IPT:DROP"}, {"iptables denied: ", "DROP", "\"iptables denied\""}, {"Reject ", "DROP", "Reject"}, {"deny2 ", "DROP", "deny2"},
		{"pass-or-drop ", "DROP", "pass-or-drop"}, {"accept ", "ALLOW", "accept"}, {"unblocked ", "-", "unblocked"}, {"droplet ", "-", "droplet"},
		{"no-drop ", "-", "no-drop"}, {"not dropped: ", "-", "\"not dropped\""}, {"bypass ", "-", "bypass"}, {"blockade ", "-", "blockade"},
		{"\xc3\xa4" "drop ", "-", "\xc3\xa4" "drop"}, {"not allowed, dropped ", "DROP", "\"not allowed, dropped\""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[512], wanted[512];
		struct log_reading reading;
		(void)snprintf(text, sizeof(text), "%sIN=eth0 OUT= SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10\n", rows[i].prefix);
		(void)snprintf(wanted, sizeof(wanted), "- - nflog - %s in UDP 192.0.2.2 1 192.0.2.1 2 - - - 30 - - - - - - - - - - - %s - - eth0 -\n", rows[i].action,
			       rows[i].rule);
		log_bytes(text, strlen(text), "nflog", NULL, &reading);
		cr_expect_str_eq(buffer_text(&reading.drops), wanted, "%s\nis %snot %s", rows[i].prefix, buffer_text(&reading.drops), wanted);
		log_reading_done(&reading);
	}
}

/* The last 29 February that has been, whatever year it is now; a day that no year has is no time. */
Test(nflog, days_that_not_every_year_has)
{
	static const char line[] = "gate kernel: IN=eth0 OUT= SRC=192.0.2.2 DST=192.0.2.1 LEN=30 PROTO=UDP SPT=1 DPT=2 LEN=10";
	struct reader_options utc = {.zone_known = true};
	struct log_reading reading;
	char text[512], wanted[64];
	time_t now = time(NULL);
	struct tm today;
	cr_assert_not_null(gmtime_r(&now, &today));
	int year = today.tm_year + 1900 - (today.tm_mon < 1 || (today.tm_mon == 1 && today.tm_mday < 28));
	while (year % 4 != 0 || (year % 100 == 0 && year % 400 != 0))
		year--;
	(void)snprintf(wanted, sizeof(wanted), "%d-02-29 00:00:01 ", year);
	(void)snprintf(text, sizeof(text), "Feb 29 00:00:01 %s\nFeb 30 00:00:01 %s\nNov 31 00:00:01 %s\n", line, line, line);
	log_bytes(text, strlen(text), "nflog", &utc, &reading);
	cr_assert_eq(reading.count, 3);
	if (today.tm_mon != 1 || today.tm_mday < 28)
		cr_expect_eq(strncmp(buffer_text(&reading.drops), wanted, strlen(wanted)), 0, "%s not %s", buffer_text(&reading.drops), wanted);
	for (size_t i = 0; i < 3; i++)
		cr_expect_eq(reading.events[i].time != 0, i == 0, "%zu", i);
	log_reading_done(&reading);
}

/* Columns that are numbers are numbers in JSON; what only looks like one is none. */
Test(nflog, json)
{
	static const char text[] = "[ 1.0] 12 IN=7 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=TCP SPT=58352 DPT=3389 SYN\n"
				   "[ 1.0] x: IN=7 OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=28 PROTO=ICMP TYPE=8 CODE=0\n"
				   "{\"oob.prefix\":\"12\",\"oob.in\":\"7\",\"ip.protocol\":17,\"ip.totlen\":60,\"src_port\":1,\"dest_port\":2,"
				   "\"src_ip\":\"192.0.2.1\",\"dest_ip\":\"192.0.2.2\"}\n";
	struct log_reading reading;
	log_bytes(text, strlen(text), "nflog", NULL, &reading);
	cr_expect_eq(reading.count, 3);
	HOLDS(&reading.json, "\"protocol\":\"TCP\",\"src-ip\":\"192.0.2.1\",\"src-port\":58352,\"dst-ip\":\"192.0.2.2\",\"dst-port\":3389,\"tcpflags\":\"S\",\"size\":60,"
			     "\"x-rule\":\"12\",\"x-interface\":\"7\",");
	HOLDS(&reading.json, "\"icmptype\":8,\"icmpcode\":0,\"size\":28,");
	HOLDS(&reading.json, "\"src-port\":1,\"dst-ip\":\"192.0.2.2\",\"dst-port\":2,\"size\":60,\"x-rule\":\"12\",\"x-interface\":\"7\"");
	log_reading_done(&reading);
}

Test(nflog, ulogd)
{
	static const char text[] =
		"{\"timestamp\": \"2026-11-21T03:32:07.678706\", \"dvc\": \"Netfilter\", \"raw.pktlen\": 60, \"oob.prefix\": \"BLK-IN \", \"oob.time.sec\": 1795231927, "
		"\"oob.time.usec\": 678706, \"oob.hook\": 1, \"oob.family\": 2, \"oob.protocol\": 2048, \"ip.protocol\": 6, \"ip.totlen\": 60, \"src_port\": 58352, "
		"\"dest_port\": 3389, \"tcp.ack\": 0, \"tcp.syn\": 1, \"oob.in\": \"vb\", \"oob.out\": \"\", \"src_ip\": \"192.0.2.1\", \"dest_ip\": \"192.0.2.2\"}\n"
		"{\"oob.prefix\":\"say \\\"\\u00e4\\ud83d\\ude00\\ud800\\\\\\\" \",\"oob.out\":\"e\\u0074h1\",\"oob.hook\":3,\"nested\":{\"a\":[1,\"]}\\\"\"]},\"ip.protocol\":1,"
		"\"src_ip\":\"192.0.2.2\",\"dest_ip\":\"192.0.2.1\",\"icmp.type\":8,\"icmp.code\":0}\n"
		"{\"timestamp\": \"2026-11-21T03:32:07+0100\", \"src_ip\": \"2001:db8::1\", \"dest_ip\": \"2001:db8::2\", \"ip.protocol\": 58, \"icmpv6.type\": 128, "
		"\"icmpv6.code\": 0, \"tcp.fin\": true}\n"
		"{\"oob.prefix\": \"of nothing\"}\n"
		"{\"src_ip\": \"192.0.2.300\"}\n"
		"{\"src_ip\": \"192.0.2.3\"\n";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	cr_expect_str_eq(reading.type->name, "nflog");
	LINES_ARE(&reading.drops, "2026-11-21 03:32:07 nflog - DROP in TCP 192.0.2.1 58352 192.0.2.2 3389 S - - 60 - - - - - - - - - - - BLK-IN - - vb -",
		  "- - nflog - - out ICMP 192.0.2.2 - 192.0.2.1 - - 8 0 - - - - - - - - - - - - \"say \"\"\xc3\xa4\xf0\x9f\x98\x80\xef\xbf\xbd\\\"\"\" - - eth1 -",
		  "2026-11-21 02:32:07 nflog - - - ICMPv6 2001:db8::1 - 2001:db8::2 - F 128 0 - - - - - - - - - - - - - - - - -");
	cr_expect_eq(reading.counts.unreadable, 2);
	log_reading_done(&reading);
}

/* journalctl -o json: the line is a member. */
Test(nflog, the_journals_json)
{
	static const char text[] =
		"{\"__CURSOR\":\"s=1\",\"__REALTIME_TIMESTAMP\":\"1795231927678706\",\"_HOSTNAME\":\"gate\",\"PRIORITY\":\"4\",\"MESSAGE\":\"drop \\\"it\\\": IN=vb OUT= "
		"SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=TCP SPT=58352 DPT=3389 SYN\"}\n"
		"{\"MESSAGE\":\"IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=UDP SPT=1 DPT=65535\",\"__REALTIME_TIMESTAMP\":\"1795231927678706\"}\n"
		"{\"MESSAGE\":\"session opened\",\"__REALTIME_TIMESTAMP\":\"1795231927678706\"}\n"
		"{\"MESSAGE\":[255,10],\"__REALTIME_TIMESTAMP\":\"1795231927678706\"}\n";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	LINES_ARE(&reading.drops, "2026-11-21 03:32:07 nflog - DROP in TCP 192.0.2.1 58352 192.0.2.2 3389 S - - 60 - - - - - - - - gate - - \"drop \"\"it\"\"\" - - vb -",
		  "2026-11-21 03:32:07 nflog - - in UDP 192.0.2.1 1 192.0.2.2 65535 - - - 60 - - - - - - - - - - - - - - vb -");
	cr_expect_eq(reading.counts.unreadable, 0);
	log_reading_done(&reading);
}

Test(nflog, a_packet_that_cannot_be_read_is_said)
{
	static const char text[] = "[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=UDP SPT=1 DPT=2\n"
				   "[ 1.0] x: IN=vb OUT= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 PROTO=UDP SPT=1 DPT=65536\n"
				   "[ 1.0] x: IN=vb OUT= SRC=192.0.2.999 DST=192.0.2.2 LEN=60 PROTO=UDP SPT=1 DPT=2\n"
				   "[ 1.0] x: IN=vb OUT= PROTO=UDP SPT=1 DPT=2\n";
	struct log_reading reading;
	LOG_TEXT(text, NULL, &reading);
	cr_expect_eq(reading.counts.read, 1);
	HOLDS(&reading.damage, "2 0 lost a packet's line that cannot be read\n3 0 lost a packet's line that cannot be read\n4 0 lost ");
	cr_expect_eq(reading.damaged_lines, 3);
	log_reading_done(&reading);
}

Test(nflog, real_logs)
{
	static const struct { const char *name; size_t records; } files[] = {
		{"linux/kernel-nft-log.dmesg", 24}, {"linux/kernel-nft-log.iso.dmesg", 24}, {"linux/ulogd.json", 23},
	};
	for (size_t i = 0; i < 3; i++) {
		struct log_reading reading;
		if (!LOG_FILE(files[i].name, NULL, NULL, &reading))
			continue;
		cr_expect_str_eq(reading.type->name, "nflog");
		cr_expect_eq(reading.counts.read, files[i].records, "%s: %zu", files[i].name, (size_t)reading.counts.read);
		cr_expect_eq(reading.counts.unreadable, 0);
		HOLDS(&reading.drops, " nflog - DROP in TCP 192.0.2.1 58352 192.0.2.2 3389 S - - 60 - - - - - - - - - - - BLK-IN - - vb -\n");
		HOLDS(&reading.drops, " nflog - DROP in TCP 192.0.2.1 40063 192.0.2.2 22 SAFRPU - - 44 ");
		HOLDS(&reading.drops, " nflog - DROP in UDP 192.0.2.1 33089 192.0.2.2 53 - - - 3028 ");
		HOLDS(&reading.drops, " nflog - DROP in TCP 2001:db8::1 43992 2001:db8::2 445 S ");
		HOLDS(&reading.drops, " nflog - DROP in ICMP 192.0.2.1 - 192.0.2.2 - - 3 3 56 ");
		HOLDS(&reading.drops, " nflog - DROP out TCP 192.0.2.2 56418 192.0.2.1 6667 S ");
		if (i == 1)
			HOLDS(&reading.drops, "2026-11-21 03:32:0");
		log_reading_done(&reading);
	}
}
