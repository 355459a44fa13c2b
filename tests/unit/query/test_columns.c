#include <criterion/criterion.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/error.h"
#include "tests/unit/query/ask.h"

static void expect_ask(const char *query, const struct query_places *places, const char *expected)
{
	struct answer answer;
	ask_at(query, places, NULL, &answer);
	cr_expect_eq(answer.error, 0, "%s: %s", query, buffer_text(&answer.messages));
	cr_expect_str_eq(buffer_text(&answer.text), expected, "%s: got %s", query, buffer_text(&answer.text));
	answer_done(&answer);
}

static const struct query_places nowhere = {.logs = NULL};

static const char *with_file(struct buffer *text, const char *format, const char *file)
{
	buffer_clear(text);
	for (const char *at = format; *at != '\0'; at++)
		if (*at == '@')
			buffer_add_text(text, file);
		else
			buffer_add_char(text, *at);
	return buffer_text(text);
}

Test(columns, a_text_log_has_those_of_its_own)
{
	const char *file = ask_file("iis.log",
				    "#Software: Microsoft Internet Information Services 6.0\n#Version: 1.0\n#Date: 2004-01-12 09:00:00\n"
				    "#Fields: date time c-ip cs-method cs-uri-stem sc-status cs(User-Agent) time-taken param#1\n"
				    "2004-01-12 09:00:01 192.0.2.1 GET /a 200 Mozilla/4.0+(x) 15 007\n"
				    "2004-01-12 09:00:02 192.0.2.2 GET /b 404 - 7 12\n"
				    "#Fields: date time sc-status c-ip\n"
				    "2004-01-12 09:00:03 500 192.0.2.3\n");
	static const char *const rows[][2] = {
		{"SELECT * FROM @ WHERE sc-status = 404", "date,time,c-ip,cs-method,cs-uri-stem,sc-status,cs(User-Agent),time-taken,param#1\n"
							  "2004-01-12,09:00:02,192.0.2.2,GET,/b,404,,7,12\n"},
		{"SELECT cs(User-Agent), time-taken-1 AS t FROM @ WHERE cs(User-Agent) IS NOT NULL", "cs(User-Agent),t\nMozilla/4.0+(x),14\n"},
		{"SELECT param#1 FROM @ WHERE param#1 = '007'", "param#1\n007\n"},
		{"SELECT param#1 FROM @ WHERE param#1 = 12 OR param#1 = '12'", "param#1\n12\n"},
		{"SELECT c-ip, src-ip, cs-method FROM @ WHERE sc-status='500'", "c-ip,src-ip,cs-method\n192.0.2.3,192.0.2.3,\n"},
		{"SELECT MAX(sc-status), SUM(time-taken) FROM @", "MAX(sc-status),SUM(time-taken)\n500,22\n"},
	};
	struct buffer text;
	buffer_init(&text, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_ask(with_file(&text, rows[i][0], file), &nowhere, rows[i][1]);
	buffer_done(&text);
}

Test(columns, of_a_later_fields_line_or_another_log_are_found)
{
	const char *one = ask_file("one.log", "#Fields: date c-ip\n2004-01-12 192.0.2.1\n#Fields: date cs-host\n2004-01-13 www\n");
	const char *other = ask_file("other.log", "#Fields: date sc-status\n2004-01-14 404\n");
	struct buffer text;
	struct answer answer;
	buffer_init(&text, 4096);
	expect_ask(with_file(&text, "SELECT c-ip, cs-host FROM @ WHERE cs-host = 'www' OR c-ip IS NOT NULL", one), &nowhere, "c-ip,cs-host\n192.0.2.1,\n,www\n");
	buffer_clear(&text);
	buffer_printf(&text, "SELECT date, cs-host, sc-status, LogRow, RowNumber FROM %s, %s WHERE sc-status = 404 OR cs-host = 'www'", one, other);
	expect_ask(buffer_text(&text), &nowhere, "date,cs-host,sc-status,LogRow,RowNumber\n2004-01-13,www,,4,4\n2004-01-14,,404,2,2\n");
	/* SELECT * stays what the first #Fields says. */
	expect_ask(with_file(&text, "SELECT * FROM @ WHERE cs-host = 'www'", one), &nowhere, "date,c-ip\n2004-01-13,\n");
	ask(with_file(&text, "SELECT cs-hosst FROM @", one), NULL, &answer);
	cr_expect_not_null(strstr(buffer_text(&answer.messages), "there is no column \"cs-hosst\"; did you mean cs-host?"), "%s", buffer_text(&answer.messages));
	answer_done(&answer);
	ask(with_file(&text, "SELECT xyz-abc FROM @", one), NULL, &answer);
	cr_expect_not_null(strstr(buffer_text(&answer.messages), "there is no column \"xyz-abc\"; columns are date, c-ip;"), "%s", buffer_text(&answer.messages));
	answer_done(&answer);
	ask(with_file(&text, "SELECT @.c-ip FROM @", one), NULL, &answer);
	cr_expect_eq(answer.error, ERROR_INPUT);
	answer_done(&answer);
	buffer_clear(&text);
	buffer_printf(&text, "SELECT LogFilename, COUNT(*) AS n FROM %s, %s GROUP BY LogFilename ORDER BY n", one, other);
	ask(buffer_text(&text), NULL, &answer);
	buffer_clear(&text);
	buffer_printf(&text, "LogFilename,n\n%s,1\n%s,2\n", other, one);
	cr_expect_str_eq(buffer_text(&answer.text), buffer_text(&text));
	answer_done(&answer);
	buffer_done(&text);
}

Test(columns, every_recovered_event_says_so)
{
	const char *file = CORDON_DATA "/evt/log2timeline__SysEvent.Evt";
	struct buffer text;
	if (access(file, R_OK) != 0)
		cr_skip_test("SKIPPED: there is no %s", file);
	buffer_init(&text, 4096);
	expect_ask(with_file(&text, "SELECT x-recovered, COUNT(*) AS n FROM @ GROUP BY x-recovered", file), &nowhere, "x-recovered,n\n,6063\nyes,257\n");
	expect_ask(with_file(&text, "SELECT COUNT(*) AS n FROM @ WHERE x-recovered = 'yes'", file), &nowhere, "n\n257\n");
	buffer_done(&text);
}

Test(columns, a_log_without_a_line_has_its_columns)
{
	struct buffer text;
	buffer_init(&text, 4096);
	const char *file = ask_file("none.log", "#Version: 1.0\n#Fields: date time x-own\n");
	expect_ask(with_file(&text, "SELECT * FROM @", file), &nowhere, "date,time,x-own\n");
	expect_ask(with_file(&text, "SELECT COUNT(x-own) FROM @", file), &nowhere, "COUNT(x-own)\n0\n");
	buffer_done(&text);
}

/* Times of a firewall log are local; without its zone they are what the file says. */
Test(columns, windows_firewall)
{
	const char *file = ask_file("pfirewall.log",
				    "#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n"
				    "#Fields: date time action protocol src-ip dst-ip src-port dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n\n"
				    "2017-12-25 10:07:08 DROP UDP 192.0.2.1 192.0.2.255 1900 1900 479 - - - - - - - RECEIVE\n");
	struct query_options zoned = {.now = ask_now, .reader = {.zone_known = true, .zone = 60}};
	struct answer answer;
	struct buffer text;
	buffer_init(&text, 4096);
	expect_ask(with_file(&text, "SELECT date, time, path, x-direction, TimeGenerated FROM @", file), &nowhere,
		   "date,time,path,x-direction,TimeGenerated\n2017-12-25,10:07:08,RECEIVE,in,\n");
	ask(with_file(&text, "SELECT date, time, path, x-direction, TimeGenerated FROM @", file), &zoned, &answer);
	cr_expect_str_eq(buffer_text(&answer.text), "date,time,path,x-direction,TimeGenerated\n2017-12-25,09:07:08,RECEIVE,in,2017-12-25 09:07:08\n");
	answer_done(&answer);
	buffer_done(&text);
}

Test(columns, this_hosts_records_are_those_of_the_driver)
{
	static const char drops[] =
		"#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port s-computername x-log x-mode\n"
		"2026-11-21 10:00:00 cordon 4290 DROP in TCP 203.0.113.9 51000 192.0.2.10 3389 web01 cordon secure\n"
		"2026-11-21 10:00:01 cordon 4291 DROP out ICMP 192.0.2.10 - 203.0.113.9 - web01 cordon secure\n"
		"2026-11-21 10:00:02 cordon 4294 - - - - - - - web01 cordon secure\n";
	const char *const files[] = {ask_file("drops.log.1", drops)};
	const struct query_places places = {.host = files, .host_count = 1};
	expect_ask("SELECT * FROM System", &places,
		   "EventLog,RecordNumber,TimeGenerated,TimeWritten,EventID,EventType,EventTypeName,EventCategory,EventCategoryName,SourceName,Strings,ComputerName,SID,Message,Data\n"
		   "System,2,2026-11-21 10:00:00,2026-11-21 10:00:00,4290,4,Information event,0,None,IPSec,\\Device\\IPSEC|203.0.113.9|192.0.2.10|TCP|51000|3389,web01,,inbound packet dropped,\n"
		   "System,3,2026-11-21 10:00:01,2026-11-21 10:00:01,4291,4,Information event,0,None,IPSec,\\Device\\IPSEC|192.0.2.10|203.0.113.9|ICMP|-|-,web01,,outbound packet dropped,\n"
		   "System,4,2026-11-21 10:00:02,2026-11-21 10:00:02,4294,4,Information event,0,None,IPSec,\"\",web01,,the driver entered secure mode,\n");
	expect_ask("SELECT EventID, src-ip FROM Security WHERE SourceName = 'ipsec' AND EventID IN (4290; 4291)", &places,
		   "EventID,src-ip\n4290,203.0.113.9\n4291,192.0.2.10\n");
	expect_ask("SELECT COUNT(*) FROM System WHERE SourceName = 'cordon'", &places, "COUNT(*)\n0\n");
	expect_ask("SELECT RecordNumber FROM System WHERE RecordNumber = 3", &places, "RecordNumber\n3\n");
}

Test(columns, logs_of_a_machine_are_found_by_their_names)
{
	static const char drop[] = "#Fields: x-eventid\n1\n";
	static const char *const names[] = {"SysEvent.Evt", "security.evtx", "Microsoft-Windows-X%4Operational.evtx", "other.txt"};
	static const char *const logs[][2] = {{"System", "SysEvent.Evt"}, {"Security", "security.evtx"}, {"'Microsoft-Windows-X/Operational'", "Microsoft-Windows-X%4Operational.evtx"},
					      {"other.txt", "other.txt"}, {"SysEvent.Evt", "SysEvent.Evt"}};
	const char *files[4];
	for (size_t i = 0; i < 4; i++)
		files[i] = ask_file(names[i], drop);
	struct buffer folder, text;
	buffer_init(&folder, 4096);
	buffer_init(&text, 4096);
	buffer_add(&folder, files[0], (size_t)(strrchr(files[0], '/') - files[0]));
	const struct query_places places = {.logs = buffer_text(&folder)};
	for (size_t i = 0; i < sizeof(logs) / sizeof(logs[0]); i++) {
		struct diag diag;
		struct query *query = NULL;
		diag_init(&diag);
		buffer_clear(&text);
		buffer_printf(&text, "SELECT * FROM %s", logs[i][0]);
		cr_assert_eq(query_parse(text.data, text.length, "query", &diag, &query), 0);
		cr_expect_eq(query_find(query, &places, &diag), 0, "%s", logs[i][0]);
		size_t count;
		const char *const *paths = query_paths(query, &count);
		cr_assert_eq(count, 1, "%s: %zu", logs[i][0], count);
		cr_expect_str_eq(strrchr(paths[0], '/') + 1, logs[i][1]);
		query_free(query);
		diag_done(&diag);
	}
	struct answer answer;
	ask_at("SELECT * FROM Application", &places, NULL, &answer);
	cr_expect_eq(answer.error, ERROR_INPUT);
	cr_expect_not_null(strstr(answer.diag.messages[0].text, "no log of this name in"));
	answer_done(&answer);
	ask_at("SELECT * FROM System", &nowhere, NULL, &answer);
	cr_expect_eq(answer.error, ERROR_INPUT);
	cr_expect_not_null(strstr(answer.diag.messages[0].text, "--logs DIR"));
	answer_done(&answer);
	/* A pattern. */
	buffer_clear(&text);
	buffer_printf(&text, "SELECT COUNT(*) FROM %s/*.txt", folder.data);
	expect_ask(buffer_text(&text), &nowhere, "COUNT(*)\n1\n");
	buffer_clear(&text);
	buffer_printf(&text, "SELECT COUNT(*) FROM %s/*.nothing", folder.data);
	ask_at(buffer_text(&text), &nowhere, NULL, &answer);
	cr_expect_eq(answer.error, ERROR_INPUT);
	answer_done(&answer);
	buffer_done(&folder);
	buffer_done(&text);
}

Test(columns, event_logs_have_log_parsers_fifteen)
{
	const char *file = CORDON_DATA "/evt-synthetic/ipsec-clean.evt";
	struct buffer text;
	if (access(file, R_OK) != 0)
		cr_skip_test("SKIPPED: there is no %s", file);
	buffer_init(&text, 4096);
	expect_ask(with_file(&text, "SELECT RecordNumber, TimeGenerated, EventID, EventTypeName, SourceName, Strings, ComputerName, SID, Message FROM @ WHERE SourceName='ipsec' AND EventID=4291", file),
		   &nowhere, "RecordNumber,TimeGenerated,EventID,EventTypeName,SourceName,Strings,ComputerName,SID,Message\n"
			     "5,2003-09-12 10:44:00,4291,Information event,IPSec,|192.0.2.80|203.0.113.66|6|1071|6667,WEB01,,outbound packet dropped\n");
	expect_ask(with_file(&text, "SELECT src-ip, dst-port, protocol, x-action, DATA(2), DATA('3') FROM @ WHERE x-eventid=4291", file), &nowhere,
		   "src-ip,dst-port,protocol,x-action,DATA(2),DATA('3')\n192.0.2.80,6667,TCP,DROP,192.0.2.80,203.0.113.66\n");
	buffer_done(&text);
}

Test(columns, values_of_an_event_by_their_names)
{
	const char *file = CORDON_DATA "/evtx-synthetic/ipsec-wfp-clean.evtx";
	struct buffer text;
	if (access(file, R_OK) != 0)
		cr_skip_test("SKIPPED: there is no %s", file);
	buffer_init(&text, 4096);
	expect_ask(with_file(&text, "SELECT COUNT(*) FROM @ WHERE DATA('SourceAddress') IS NOT NULL AND DATA('SourceAddress') <> src-ip", file), &nowhere, "COUNT(*)\n0\n");
	expect_ask(with_file(&text, "SELECT COUNT(*) > 0 AS some FROM @ WHERE DATA('sourceaddress') = src-ip", file), &nowhere, "some\n1\n");
	expect_ask(with_file(&text, "SELECT COUNT(*) FROM @ WHERE DATA('NoSuchValue') IS NOT NULL", file), &nowhere, "COUNT(*)\n0\n");
	buffer_done(&text);
}
