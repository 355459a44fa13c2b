#include <criterion/criterion.h>

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "logparse/meaning.h"
#include "tests/unit/query/ask.h"

static const char drops[] =
	"#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-21 10:00:00\n"
	"#Fields: date time x-source x-eventid x-action protocol src-ip src-port dst-ip dst-port size x-count x-rule\n"
	"2026-11-21 10:00:00 cordon 4290 DROP TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 \"Drop the rest\"\n"
	"2026-11-21 10:00:01 cordon 4290 DROP TCP 203.0.113.9 51001 192.0.2.10 3389 60 5 \"Drop the rest\"\n"
	"2026-11-21 10:30:00 cordon 4290 DROP UDP 198.51.100.7 5000 192.0.2.10 53 80 1 -\n"
	"2026-11-21 11:00:00 cordon 4291 DROP TCP 192.0.2.10 40000 203.0.113.80 6667 52 2 Web\n";

/* %s in the query is the file. */
static void expect_answer(const char *file, const char *query, const char *expected)
{
	struct answer answer;
	struct buffer text;
	buffer_init(&text, 1 << 16);
	for (const char *at = query; *at != '\0'; at++)
		if (at[0] == '@')
			buffer_add_text(&text, file);
		else
			buffer_add_char(&text, *at);
	ask(buffer_text(&text), NULL, &answer);
	cr_expect_eq(answer.error, 0, "%s: %s", query, buffer_text(&answer.messages));
	cr_expect_str_eq(buffer_text(&answer.text), expected, "%s: got %s", query, buffer_text(&answer.text));
	buffer_done(&text);
	answer_done(&answer);
}

Test(query, the_dialect)
{
	static const char *const rows[][2] = {
		{"SELECT src-ip, dst-port FROM @ WHERE x-eventid = 4291", "src-ip,dst-port\n192.0.2.10,6667\n"},
		{"select SRC-IP from @ where Dst-Port=53", "src-ip\n198.51.100.7\n"},
		{"SELECT src-ip, COUNT(*) AS n FROM @ GROUP BY src-ip ORDER BY n DESC, src-ip", "src-ip,n\n203.0.113.9,2\n192.0.2.10,1\n198.51.100.7,1\n"},
		{"SELECT TOP 1 src-ip, SUM(x-count) FROM @ GROUP BY src-ip ORDER BY SUM(x-count) DESC", "src-ip,SUM(x-count)\n203.0.113.9,6\n"},
		{"SELECT DISTINCT protocol FROM @ ORDER BY protocol", "protocol\nTCP\nUDP\n"},
		{"SELECT TOP 1 DISTINCT protocol FROM @", "protocol\nTCP\n"},
		{"SELECT DISTINCT TOP 1 protocol FROM @ ORDER BY protocol DESC", "protocol\nUDP\n"},
		{"SELECT ALL dst-port FROM @ WHERE dst-port IN (53; 6667)", "dst-port\n53\n6667\n"},
		{"SELECT dst-port FROM @ WHERE dst-port IN ('53'; '6667')", "dst-port\n53\n6667\n"},
		{"SELECT dst-port-1 AS d FROM @ WHERE dst-port BETWEEN 50 AND 60", "d\n52\n"},
		{"SELECT x-rule FROM @ WHERE x-rule LIKE 'drop%'", "x-rule\nDrop the rest\nDrop the rest\n"},
		{"SELECT COUNT(*) FROM @ WHERE x-rule IS NULL", "COUNT(*)\n1\n"},
		{"SELECT COUNT(ALL x-rule), COUNT(DISTINCT x-rule) FROM @", "COUNT(ALL x-rule),COUNT(DISTINCT x-rule)\n3,2\n"},
		{"SELECT protocol, PROPCOUNT(*) FROM @ GROUP BY protocol ORDER BY protocol", "protocol,PROPCOUNT(*)\nTCP,0.75\nUDP,0.25\n"},
		{"SELECT protocol, dst-port, PROPCOUNT(*) ON (protocol) AS p FROM @ GROUP BY protocol, dst-port ORDER BY p, protocol",
		 "protocol,dst-port,p\nTCP,6667,0.3333333333333333\nTCP,3389,0.6666666666666666\nUDP,53,1\n"},
		/* All groups count, those that HAVING leaves out too; and HAVING may look at it. */
		{"SELECT protocol, PROPCOUNT(*) AS p FROM @ GROUP BY protocol HAVING COUNT(*) > 1", "protocol,p\nTCP,0.75\n"},
		{"SELECT src-ip, PROPCOUNT(*) AS p FROM @ GROUP BY src-ip HAVING p > 0.1 AND src-ip LIKE '%.%' ORDER BY p DESC, src-ip DESC",
		 "src-ip,p\n203.0.113.9,0.5\n198.51.100.7,0.25\n192.0.2.10,0.25\n"},
		{"SELECT TOP 1 PROPCOUNT(*) * 4, src-ip AS \"a b\" FROM @ GROUP BY src-ip HAVING PROPCOUNT(*) < 0.5 AND \"a b\" > '192' ORDER BY src-ip DESC;",
		 "PROPCOUNT(*) * 4,a b\n1,198.51.100.7\n"},
		{"WITH t AS (SELECT src-ip FROM @) SELECT t.src-ip, PROPCOUNT(*) p FROM t GROUP BY src-ip HAVING COUNT(*) > 1", "src-ip,p\n203.0.113.9,0.5\n"},
		{"SELECT protocol, dst-port, PROPCOUNT(*) ON (protocol) AS p FROM @ GROUP BY protocol, dst-port HAVING p BETWEEN 0.6 AND 0.7",
		 "protocol,dst-port,p\nTCP,3389,0.6666666666666666\n"},
		{"SELECT protocol, PROPSUM(x-count) FROM @ GROUP BY protocol ORDER BY protocol DESC", "protocol,PROPSUM(x-count)\nUDP,0.1111111111111111\nTCP,0.8888888888888888\n"},
		{"SELECT QUANTIZE(TimeGenerated, 3600) AS hour, COUNT(*) FROM @ GROUP BY hour", "hour,COUNT(*)\n2026-11-21 10:00:00,3\n2026-11-21 11:00:00,1\n"},
		{"SELECT CASE dst-port WHEN 53 THEN 'dns' ELSE 'other' END AS what, COUNT(*) AS n FROM @ GROUP BY what", "what,n\ndns,1\nother,3\n"},
		{"SELECT protocol, COUNT(*) FROM @ GROUP BY protocol HAVING COUNT(*) > 1", "protocol,COUNT(*)\nTCP,3\n"},
		{"SELECT IN_ROW_NUMBER() AS r, src-ip FROM @ WHERE x-eventid = 4291", "r,src-ip\n4,192.0.2.10\n"},
		{"SELECT src-ip, 'a b', 1 + 1 FROM @ WHERE IN_NETWORK(src-ip, '198.51.100.0/24') = 1", "src-ip,'a b',1 + 1\n198.51.100.7,a b,2\n"},
		{"SELECT COUNT(*) FROM @, @", "COUNT(*)\n8\n"},
		{"SELECT COUNT(*) FROM @ a JOIN @ b ON a.dst-port = b.dst-port", "COUNT(*)\n6\n"},
		{"SELECT a.src-ip, b.dst-port FROM @ AS a, @ AS b WHERE a.dst-port = 53 AND b.dst-port = 6667", "src-ip,dst-port\n198.51.100.7,6667\n"},
		{"SELECT MAX(n) FROM (SELECT src-ip, COUNT(*) AS n FROM @ GROUP BY src-ip)", "MAX(n)\n2\n"},
		{"SELECT src-ip FROM @ WHERE dst-port = (SELECT MAX(dst-port) FROM @)", "src-ip\n192.0.2.10\n"},
		{"WITH t AS (SELECT TOP 2 dst-port AS p FROM @) SELECT SUM(p) FROM t", "SUM(p)\n6778\n"},
		{"SELECT dst-port FROM @ WHERE dst-port < 100 UNION SELECT x-eventid FROM @ ORDER BY 1", "dst-port\n53\n4290\n4291\n"},
		{"-- all\nSELECT /* how many */ COUNT(*) -- of them\nFROM @;", "COUNT(*)\n4\n"},
		{"SELECT [src-ip], \"dst-port\" FROM @ WHERE `dst-port` = 53", "src-ip,dst-port\n198.51.100.7,53\n"},
		{"SELECT DATA('x-rule') AS d FROM @ WHERE DATA('x-count') = 2", "d\nWeb\n"},
		{"SELECT TO_STRING(time, 'hh') AS h FROM @ WHERE date = '2026-11-21' AND dst-port = 53", "h\n10\n"},
		{"SELECT src-ip FROM @ WHERE TimeGenerated > TIMESTAMP('2026-11-21 10:30:00', 'yyyy-MM-dd hh:mm:ss')", "src-ip\n192.0.2.10\n"},
		{"SELECT src-ip FROM @ ORDER BY src-ip DESC LIMIT 1 OFFSET 1", "src-ip\n203.0.113.9\n"},
		{"SELECT 1 WHERE 0", "1\n"},
		/* Plain SQL */
		{"SELECT a FROM (WITH t AS (SELECT 1 AS a), \"u v\" AS (SELECT a FROM t) SELECT a FROM \"u v\")", "a\n1\n"},
		{"WITH RECURSIVE hours(h) AS (SELECT 10 UNION ALL SELECT h + 1 FROM hours WHERE h < 12) SELECT h, COUNT(src-ip) AS n FROM hours "
		 "LEFT JOIN @ l ON TO_STRING(TimeGenerated, 'hh') = '' || h GROUP BY h", "h,n\n10,3\n11,1\n12,0\n"},
		{"WITH t(x) AS (SELECT 53 UNION SELECT 443) SELECT x, src-ip FROM t, @ WHERE x = dst-port", "x,src-ip\n53,198.51.100.7\n"},
		{"SELECT n, src-ip FROM (SELECT MAX(dst-port) AS n FROM @) AS m, @ l WHERE l.dst-port = n", "n,src-ip\n6667,192.0.2.10\n"},
		{"SELECT dst-port, RANK() OVER (ORDER BY size DESC) AS r FROM @ ORDER BY r, dst-port LIMIT 2", "dst-port,r\n53,1\n3389,2\n"},
		{"SELECT dst-port FROM @ a WHERE EXISTS (SELECT 1 FROM @ b WHERE b.dst-ip = a.src-ip)", "dst-port\n6667\n"},
		{"SELECT COUNT(*) FROM @ a LEFT JOIN @ b ON a.size = b.size AND b.dst-port = 53 WHERE b.size IS NULL", "COUNT(*)\n3\n"},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_answer(file, rows[i][0], rows[i][1]);
}

Test(query, a_wrong_query_points_into_its_text_and_names_what_is_near)
{
	static const struct { const char *text; unsigned line, column; const char *says; } rows[] = {
		{"SELECT src-iq FROM @", 1, 8, "did you mean src-ip?"},
		{"SELECT a,\n  dst_port FROM @", 1, 8, "there is no column \"a\"; columns are date, time, x-source"},
		{"SELECT dst_port FROM @", 1, 8, "did you mean dst-port?"},
		{"SELECT 1,\n  EventIDs FROM @", 2, 3, "did you mean EventID?"},
		{"SELECT STRLN(src-ip) FROM @", 1, 8, "there is no function \"STRLN\"; did you mean STRLEN?"},
		{"SELECT REVERSEDNS(src-ip) FROM @", 1, 8, "\"REVERSEDNS\" is Log Parser's, and not here: "},
		{"SELECT 1 + SUBSTR(src-ip) FROM @", 1, 12, "SUBSTR(text, start [, length])"},
		{"SELECT src-ip, FROM @", 1, 16, "this cannot stand here: \"FROM\""},
		{"SELECT src-ip FORM @", 1, 20, "did you mean FROM before it?"},
		{"SELECT src-ip FROM @ GROUP BY src-ip HAVIN COUNT(*) > 1", 0, 0, "did you mean HAVING?"},
		{"SELECT src-ip FROM @ WHERE size IZ NULL", 0, 0, "this cannot stand here: \"IZ\""},
		{"SELECT src-ip FROM @ WHERE", 0, 0, "the query ends too early"},
		{"SELECT src-ip FROM @ GROUP src-ip", 0, 0, "this cannot stand here: \"src-ip\""},
		{"SELECT src-ip FROM @ WHERE src-ip = \"x\"", 0, 0, "a text stands in '…'"},
		{"SELECT load_extension('x')", 1, 8, "a query can only read"},
		{"SELECT randomblob(1000000000)", 1, 8, "a query can only read"},
		{"SELECT ? FROM @", 1, 8, "no value can be given"},
		{"SELECT :x FROM @", 1, 8, "no value can be given"},
		{"SELECT DATA(src-ip) FROM @", 1, 8, "DATA needs the name"},
		{"SELECT DATA('') FROM @", 1, 8, "DATA needs the name"},
		{"SELECT IN_ROW_NUMBER(1) FROM @", 1, 8, "takes nothing"},
		{"SELECT PROPCOUNT(PROPCOUNT(PROPCOUNT(PROPCOUNT(PROPCOUNT(*))))) FROM @", 1, 48, "nested too deeply"},
		{"SELECT x.src-ip FROM @", 1, 8, "there is no column"},
		{"SELECT 1 FROM (SELECT 1), log", 1, 27, "there is no such file"},
		{"WITH x AS (SELECT 1) DELETE FROM @", 1, 22, "a query can only read"},
		{"WITH x AS (SELECT 1) UPDATE y SET z = 1", 1, 22, "a query can only read"},
		{"WITH x AS (SELECT 1) CREATE VIRTUAL TABLE y USING fts5(z)", 1, 22, "a query can only read"},
		{"WITH x AS (SELECT 1) PRAGMA y", 1, 22, "a query can only read"},
		{"SELECT zeroblob(1000000000)", 1, 8, "a query can only read"},
		{"SELECT printf('%*c', 1000000000, 'x')", 1, 8, "a query can only read"},
		{"SELECT fts3_tokenizer('x')", 1, 8, "a query can only read"},
		{"SELECT protocol FROM @ WHERE PROPCOUNT(*) > 1", 0, 0, "stands in SELECT, HAVING and ORDER BY"},
		{"SELECT protocol FROM @ WHERE COUNT(*) > 1", 0, 0, "stands in SELECT, HAVING and ORDER BY"},
		{"SELECT protocol FROM @ WHERE RANK() OVER () > 1", 0, 0, "functions with OVER in SELECT"},
		{"SELECT *, PROPCOUNT(*) FROM @ GROUP BY protocol HAVING COUNT(*) > 1", 1, 8, "all columns are named"},
		{"SELECT 1 FROM (SELECT PROPCOUNT(*) FROM @ GROUP BY protocol HAVING COUNT(*) > 1)", 1, 23, "beside HAVING"},
		{"SELECT PROPCOUNT(*) FROM @ GROUP BY protocol HAVING COUNT(*) > 1 UNION SELECT 1", 1, 8, "beside HAVING"},
		{"SELECT protocol, COUNT(*) FROM @ GROUP BY protocol WITH ROLLUP", 0, 0, "WITH ROLLUP is Log Parser's, and not here"},
		{"SELECT * FROM (SELECT name FROM pragma_database_list)", 1, 33, "there is no such file"},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		struct buffer text;
		buffer_init(&text, 1 << 16);
		for (const char *at = rows[i].text; *at != '\0'; at++)
			if (*at == '@')
				buffer_add_text(&text, file);
			else
				buffer_add_char(&text, *at);
		ask(buffer_text(&text), NULL, &answer);
		cr_expect_eq(answer.error, ERROR_INPUT, "%s", rows[i].text);
		cr_expect_eq(answer.text.length, 0, "%s: no output", rows[i].text);
		cr_assert_geq(answer.diag.count, 1, "%s", rows[i].text);
		const struct message *message = &answer.diag.messages[0];
		cr_expect_not_null(strstr(message->text, rows[i].says), "%s: says %s", rows[i].text, message->text);
		if (rows[i].line > 0) {
			cr_expect_eq(message->line, rows[i].line, "%s: line %u", rows[i].text, message->line);
			cr_expect_eq(message->column, rows[i].column, "%s: column %u", rows[i].text, message->column);
		}
		buffer_done(&text);
		answer_done(&answer);
	}
}

/* --- What the reader is asked for --- */

static void expect_explained(const char *file, const char *condition, const char *says)
{
	struct query *query = NULL;
	struct diag diag;
	struct buffer text, explained;
	const struct query_options options = {.now = ask_now};
	const struct query_places places = {.logs = NULL};
	diag_init(&diag);
	buffer_init(&text, 4096);
	buffer_init(&explained, 1 << 20);
	buffer_printf(&text, "SELECT EventID FROM %s WHERE %s", file, condition);
	cr_assert_eq(query_parse(text.data, text.length, "query", &diag, &query), 0, "%s", condition);
	cr_assert_eq(query_find(query, &places, &diag), 0);
	cr_assert_eq(query_explain(query, &options, &diag, &explained), 0, "%s: %s", condition, diag.count > 0 ? diag.messages[0].text : "");
	struct buffer line;
	buffer_init(&line, 4096);
	buffer_printf(&line, "asked of the reader: %s\n", says);
	cr_expect_not_null(strstr(buffer_text(&explained), buffer_text(&line)), "%s: %s", condition, buffer_text(&explained));
	buffer_done(&line);
	buffer_done(&explained);
	buffer_done(&text);
	query_free(query);
	diag_done(&diag);
}

Test(query, conditions_go_into_the_reader)
{
	static const char *const rows[][2] = {
		{"EventID = 4290", "event 4290"}, {"EventID IN (1; 2)", "event 1, 2"}, {"EventID = 1 OR EventID = 2", "event 1, 2"},
		{"4290 = EventID", "event 4290"}, {"SourceName = 'IPSec'", "provider \"IPSec\""}, {"SourceName IN ('a'; 'b') AND EventID = 3", "provider \"a\", \"b\"; event 3"},
		{"TimeGenerated >= '2004-01-12 09:14:57'", "from 2004-01-12 09:14:57"}, {"TimeGenerated > '2004-01-12 09:14:57'", "from 2004-01-12 09:14:58"},
		{"TimeGenerated < '2004-01-12 09:14:57'", "before 2004-01-12 09:14:57"}, {"TimeGenerated <= '2004-01-12 09:14:57'", "before 2004-01-12 09:14:58"},
		{"TimeGenerated > '2004-01-12'", "from 2004-01-12 00:00:01"}, {"TimeGenerated <= '2004-01-12'", "before 2004-01-12 00:00:01"},
		{"TimeGenerated BETWEEN '2004-01-12' AND '2004-01-13'", "from 2004-01-12 00:00:00; before 2004-01-13 00:00:01"},
		{"TimeGenerated > TIMESTAMP('12.01.2004', 'dd.MM.yyyy')", "from 2004-01-12 00:00:01"}, {"'2004-01-12T09:14:57Z' <= TimeGenerated", "from 2004-01-12 09:14:57"},
		{"TimeGenerated >= SUB(SYSTEM_TIMESTAMP(), TO_TIMESTAMP('0000-01-02', 'yyyy-MM-dd'))", "from 2025-11-20 10:00:00"},
		{"TimeGenerated > SUB(SYSTEM_TIMESTAMP(), 3600)", "from 2025-11-21 09:00:01"},
		{"TimeGenerated = '2004-01-12'", "from 2004-01-12 00:00:00; before 2004-01-12 00:00:01"},
		{"TimeGenerated = '2004-01-12 09:14:57'", "from 2004-01-12 09:14:57; before 2004-01-12 09:14:58"},
		{"date = '2004-01-12'", "from 2004-01-12 00:00:00; before 2004-01-13 00:00:00"}, {"date > '2004-01-12'", "from 2004-01-13 00:00:00"},
		{"RecordNumber > 5 AND RecordNumber <= 9", "records from 6 to 9"}, {"RecordNumber = 7", "records from 7 to 7"},
		{"x-eventid = 5 AND x-source = 'x'", "provider \"x\"; event 5"}, {"EventID = 1 AND src-port > 5", "event 1"},
		/* What cannot be asked for is not. */
		{"EventID = 1 OR RecordNumber = 2", "all events"}, {"EventID > 5", "all events"}, {"EventID = 'x'", "all events"}, {"EventID <> 1", "all events"},
		{"NOT EventID = 1", "all events"}, {"EventID = -1", "all events"}, {"EventID = 4294967296", "all events"}, {"EventID = RecordNumber", "all events"},
		{"TimeGenerated <> '2004-01-12'", "all events"}, {"SourceName = 5", "all events"}, {"SourceName = 'x ' COLLATE RTRIM", "all events"},
		{"SourceName LIKE 'IP%'", "all events"}, {"EventID IS NULL", "all events"}, {"EventID = 1 AND IN_ROW_NUMBER() > 5", "all events"},
		{"EventID IN (1; 'x')", "all events"}, {"RecordNumber > 9223372036854775807", "all events"}, {"TRUE", "all events"},
	};
	const char *file = ask_file("kernel.log",
				    "Nov 21 10:00:00 vb kernel: BLK-IN: IN=eth0 OUT= MAC= SRC=192.0.2.1 DST=192.0.2.2 LEN=60 TOS=0x00 PREC=0x00 TTL=64 ID=1 DF PROTO=TCP "
				    "SPT=58352 DPT=3389 WINDOW=64240 RES=0x00 SYN URGP=0\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		expect_explained(file, rows[i][0], rows[i][1]);
}

/* The same rows come back whether the reader or SQLite looks at a condition: `+x` keeps it from the reader. */
Test(query, what_the_reader_leaves_out_is_what_sqlite_would_have_left_out)
{
	static const char *const columns[] = {"EventID", "RecordNumber", "TimeGenerated", "SourceName", "x-eventid", "date", "x-recordnumber"};
	static const char *const operators[] = {"=", "<", "<=", ">", ">="};
	static const char *const values[] = {"4290", "2", "8", "0", "'4290'", "'2003-09-12 10:43:00'", "'2003-09-12'", "'2003-09-13'", "'IPSEC'", "'IPSec'", "NULL", "2.5"};
	const char *file = CORDON_DATA "/evt-synthetic/ipsec-clean.evt";
	if (access(file, R_OK) != 0)
		cr_skip_test("SKIPPED: there is no %s", file);
	for (size_t i = 0; i < 7 * 5 * 12; i++) {
		const char *column = columns[i % 7], *op = operators[i / 7 % 5], *value = values[i / 35];
		struct answer with, without;
		struct buffer text;
		buffer_init(&text, 4096);
		buffer_printf(&text, "SELECT RecordNumber FROM %s WHERE %s %s %s", file, column, op, value);
		ask(buffer_text(&text), NULL, &with);
		buffer_clear(&text);
		buffer_printf(&text, "SELECT RecordNumber FROM %s WHERE (%s %s %s) IS TRUE", file, column, op, value);
		ask(buffer_text(&text), NULL, &without);
		/* A time is compared with times only. */
		bool refused = strcmp(column, "TimeGenerated") == 0 && strchr(value, '-') == NULL && strcmp(value, "NULL") != 0;
		cr_expect_eq(with.error, refused ? ERROR_INPUT : 0, "%s %s %s", column, op, value);
		cr_expect_eq(with.error, without.error);
		cr_expect_str_eq(buffer_text(&with.text), buffer_text(&without.text), "%s %s %s", column, op, value);
		buffer_done(&text);
		answer_done(&with);
		answer_done(&without);
	}
}

/* Grouping in the reader gives what grouping in SQLite gives (an expression keeps it there). */
Test(query, grouped_while_reading_is_grouped)
{
	static const char *const rows[][2] = {
		{"SELECT src-ip, COUNT(*), SUM(x-count) FROM @ GROUP BY src-ip", "SELECT src-ip, COUNT(*), SUM(x-count) FROM @ GROUP BY src-ip || ''"},
		{"SELECT SourceName, EventID, COUNT(*) FROM @ GROUP BY SourceName, EventID", "SELECT SourceName, EventID, COUNT(*) FROM @ GROUP BY SourceName || '', EventID + 0"},
		{"SELECT DISTINCT x-rule, protocol FROM @ ORDER BY x-rule DESC", "SELECT DISTINCT x-rule || '', protocol FROM @ ORDER BY x-rule || '' DESC"},
		{"SELECT x-rule, MIN(dst-port), MAX(dst-port), AVG(size) FROM @ WHERE size > 52 GROUP BY x-rule",
		 "SELECT x-rule, MIN(dst-port), MAX(dst-port), AVG(size) FROM @ WHERE size > 52 GROUP BY x-rule || ''"},
		{"SELECT dst-port FROM @ GROUP BY dst-port HAVING COUNT(*) > 1", "SELECT dst-port FROM @ GROUP BY dst-port + 0 HAVING COUNT(*) > 1"},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answers[2];
		for (size_t j = 0; j < 2; j++) {
			struct buffer text;
			buffer_init(&text, 4096);
			for (const char *at = rows[i][j]; *at != '\0'; at++)
				if (*at == '@')
					buffer_add_text(&text, file);
				else
					buffer_add_char(&text, *at);
			ask(buffer_text(&text), NULL, &answers[j]);
			cr_expect_eq(answers[j].error, 0, "%s", rows[i][j]);
			buffer_done(&text);
		}
		const char *one = strchr(buffer_text(&answers[0].text), '\n'), *other = strchr(buffer_text(&answers[1].text), '\n');
		cr_assert(one != NULL && other != NULL && strlen(one) > 1, "%s", rows[i][0]);
		cr_expect_str_eq(one, other, "%s: %s", rows[i][0], one);
		answer_done(&answers[0]);
		answer_done(&answers[1]);
	}
}

/* --- Ends --- */

Test(query, a_deadline_ends_it)
{
	struct timespec now;
	struct answer answer;
	struct buffer text;
	const char *file = ask_file("drops.log", drops);
	clock_gettime(CLOCK_MONOTONIC, &now);
	struct query_options options = {.now = ask_now, .deadline = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + 100};
	buffer_init(&text, 1 << 16);
	buffer_add_text(&text, "SELECT COUNT(*) FROM");
	for (int i = 0; i < 14; i++)
		buffer_printf(&text, "%s %s t%d", i > 0 ? "," : "", file, i);
	ask(buffer_text(&text), &options, &answer);
	cr_expect_eq(answer.error, 0);
	cr_expect(answer.outcome.stopped);
	cr_expect_eq(answer.text.length, 0);
	buffer_done(&text);
	answer_done(&answer);
}

static const volatile sig_atomic_t stop_now = 1;

Test(query, stop_ends_it)
{
	struct answer answer;
	struct buffer text;
	const struct query_options options = {.now = ask_now, .stop = &stop_now};
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT SUM(a.size) FROM %s a, ", ask_file("drops.log", drops));
	buffer_printf(&text, "%s b, %s c, %s d, %s e", ask_file("drops.log", drops), ask_file("drops.log", drops), ask_file("drops.log", drops), ask_file("drops.log", drops));
	ask(buffer_text(&text), &options, &answer);
	cr_expect(answer.outcome.stopped);
	buffer_done(&text);
	answer_done(&answer);
}

Test(query, memory_is_bounded)
{
	struct answer answer;
	struct buffer text;
	const struct query_options options = {.now = ask_now, .memory = 4 << 20};
	const char *file = ask_file("drops.log", drops);
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT DISTINCT STRCAT(STRREPEAT('x', 20000), a.x-row, b.x-row, c.x-row, d.x-row, e.x-row) AS s FROM %s a, %s b, %s c, %s d, %s e ORDER BY s",
		      file, file, file, file, file);
	ask(buffer_text(&text), &options, &answer);
	cr_expect_eq(answer.error, ERROR_LIMIT);
	cr_expect_not_null(strstr(buffer_text(&answer.messages), "needs more memory"));
	buffer_done(&text);
	answer_done(&answer);
}

static bool pass_second(const struct event *event, void *context)
{
	(void)context;
	return event->id == 4291;
}

Test(query, who_asks_can_leave_events_out)
{
	struct answer answer;
	struct buffer text;
	const struct query_options options = {.now = ask_now, .pass = pass_second};
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT dst-port FROM %s", ask_file("drops.log", drops));
	ask(buffer_text(&text), &options, &answer);
	cr_expect_str_eq(buffer_text(&answer.text), "dst-port\n6667\n");
	buffer_done(&text);
	answer_done(&answer);
}

Test(query, no_log_that_can_be_read_is_no_output)
{
	struct answer answer;
	struct buffer text;
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT * FROM %s", ask_file("empty.log", ""));
	ask(buffer_text(&text), NULL, &answer);
	cr_expect_eq(answer.error, ERROR_INPUT);
	cr_expect_eq(answer.text.length, 0);
	cr_expect_eq(answer.outcome.failed, 1);
	buffer_clear(&text);
	buffer_printf(&text, "SELECT COUNT(*) FROM %s, %s", ask_file("empty.log", ""), ask_file("drops.log", drops));
	answer_done(&answer);
	ask(buffer_text(&text), NULL, &answer);
	cr_expect_eq(answer.error, 0);
	cr_expect_str_eq(buffer_text(&answer.text), "COUNT(*)\n4\n");
	cr_expect_eq(answer.outcome.failed, 1);
	buffer_done(&text);
	answer_done(&answer);
}

Test(query, damage_is_counted_once)
{
	struct answer answer;
	struct buffer text;
	const char *file = ask_file("drops.log", "#Fields: a b\n1 2\n1 2 3\n3 4\n");
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT COUNT(*) FROM %s x, %s y", file, file);
	ask(buffer_text(&text), NULL, &answer);
	cr_expect_str_eq(buffer_text(&answer.text), "COUNT(*)\n4\n");
	/* Each of the two tables once, however often it was read. */
	cr_expect_eq(answer.outcome.counts.unreadable, 2);
	cr_expect_eq(answer.outcome.counts.read, 4);
	buffer_done(&text);
	answer_done(&answer);
}
