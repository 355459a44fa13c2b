/* What goes into the reader and into its groups changes nothing but the time: queries made at random give the same rows with
 * and without. */
#include <criterion/criterion.h>

#include <stdio.h>
#include <unistd.h>

#include "tests/unit/query/ask.h"

static const char drops[] =
	"#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-21 10:00:00\n"
	"#Fields: date time x-source x-eventid x-action protocol src-ip src-port dst-ip dst-port size x-count x-rule\n"
	"2026-11-20 23:59:59 cordon 4290 DROP TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 \"Drop the rest\"\n"
	"2026-11-21 00:00:00 cordon 4290 DROP TCP 203.0.113.9 51001 192.0.2.10 3389 60 5 \"Drop the rest\"\n"
	"2026-11-21 00:00:00 Cordon 4290 DROP TCP 203.0.113.9 51009 192.0.2.10 3389 60 5 -\n"
	"2026-11-21 10:30:00 cordon 4290 DROP UDP 198.51.100.7 5000 192.0.2.10 53 80 1 -\n"
	"2026-11-21 11:00:00 ipsec 4291 DROP TCP 192.0.2.10 40000 203.0.113.80 6667 52 2 Web\n"
	"- - - - PERMIT TCP 192.0.2.10 40001 203.0.113.80 443 52 - Web\n"
	"2026-11-22 00:00:00 IPSec 4284 DROP ICMP 192.0.2.10 - 203.0.113.80 - - 1 -\n";

static uint32_t seed;

static uint32_t random_below(uint32_t limit)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % limit;
}

static const char *random_of(const char *const words[])
{
	uint32_t count = 0;
	while (words[count] != NULL)
		count++;
	return words[random_below(count)];
}

static const char *const columns[] = {"EventID", "RecordNumber", "TimeGenerated", "SourceName", "x-eventid", "x-source", "date", "x-recordnumber",
				      "EventID", "SourceName", "TimeGenerated", "src-port", "time", NULL};
static const char *const operators[] = {"=", "<", "<=", ">", ">=", "<>", "=", "IS", "IS NOT", NULL};
static const char *const values[] = {
	"4290", "4291", "4290.0", "4290.5", "'4290'", "' 4290'", "2", "5", "0", "-1", "9223372036854775807", "4294967295", "4294967296", "'4290x'",
	"'2003-09-12 10:43:00'", "'2003-09-12'", "'2003-09-13'", "'2003'", "'2026-11-21'", "'2026-11-21 00:00:00'", "'2026-11-21 00:00:01'",
	"'2026-11-20 23:59:59'", "'2026-11-21 00:00'", "'2026-11-22 00:00:00.5'", "'2026-02-30'", "'9999-12-31 23:59:59'", "'0001-01-01'",
	"'IPSEC'", "'IPSec'", "'cordon'", "'IPSec '", "''", "NULL", "1e300", NULL,
};

/* What can be compared with a time. */
static const char *const times[] = {
	"'2003-09-12 10:43:00'", "'2003-09-12T10:43:00Z'", "'2003-09-12'", "'2003-09-13'", "'2026-11-21'", "'2026-11-21 00:00:00'", "'2026-11-21T00:00:01'",
	"'2026-11-20 23:59:59'", "'2026-11-21 00:00'", "'2026-11-22 00:00:00.5'", "'9999-12-31 23:59:59'", "'0001-01-01'", "NULL", "TimeWritten",
	"SUB(SYSTEM_TIMESTAMP(), 86400)", "TIMESTAMP('21.11.2026 11:00', 'dd.MM.yyyy HH:mm')", NULL,
};

static void time_term_make(struct buffer *text)
{
	switch (random_below(5)) {
	case 0: buffer_printf(text, "%s %s TimeGenerated", random_of(times), random_of(operators)); break;
	case 1: buffer_printf(text, "TimeGenerated %sIN (%s; %s)", random_below(3) == 0 ? "NOT " : "", random_of(times), random_of(times)); break;
	case 2: buffer_printf(text, "TimeGenerated %sBETWEEN %s AND %s", random_below(4) == 0 ? "NOT " : "", random_of(times), random_of(times)); break;
	default: buffer_printf(text, "%s %s %s", random_below(3) == 0 ? "ADD(TimeGenerated, 0)" : "TimeGenerated", random_of(operators), random_of(times)); break;
	}
}

static void term_make(struct buffer *text)
{
	const char *column = random_of(columns);
	if (strcmp(column, "TimeGenerated") == 0) {
		time_term_make(text);
		return;
	}
	switch (random_below(12)) {
	case 0: buffer_printf(text, "%s %s %s", random_of(values), random_of(operators), column); break;
	case 1: buffer_printf(text, "%s %sIN (%s; %s; %s)", column, random_below(3) == 0 ? "NOT " : "", random_of(values), random_of(values), random_of(values)); break;
	case 2: buffer_printf(text, "%s %sBETWEEN %s AND %s", column, random_below(4) == 0 ? "NOT " : "", random_of(values), random_of(values)); break;
	case 3: buffer_printf(text, "%s IS %sNULL", column, random_below(2) == 0 ? "NOT " : ""); break;
	case 4: buffer_printf(text, "%s LIKE '%s%%'", column, random_below(2) == 0 ? "ip" : "20"); break;
	case 5: buffer_printf(text, "COALESCE(%s, %s) %s %s", column, random_of(values), random_of(operators), random_of(values)); break;
	case 6: buffer_printf(text, "ADD(%s, 0) %s %s", column, random_of(operators), random_of(values)); break;
	case 7: buffer_printf(text, "%s %s %s", column, random_of(operators), random_of(columns)); break;
	case 8: buffer_printf(text, "%s %s %s COLLATE %s", column, random_of(operators), random_of(values), random_below(2) == 0 ? "NOCASE" : "BINARY"); break;
	default: buffer_printf(text, "%s %s %s", column, random_of(operators), random_of(values)); break;
	}
}

static void condition_make(struct buffer *text, unsigned depth)
{
	uint32_t kind = random_below(8);
	if (depth == 0 || kind < 2) {
		term_make(text);
		return;
	}
	buffer_add_text(text, kind == 2 ? "NOT (" : "(");
	condition_make(text, depth - 1);
	if (kind > 2) {
		buffer_add_text(text, kind < 6 ? ") AND (" : ") OR (");
		condition_make(text, depth - 1);
	}
	buffer_add_char(text, ')');
}

/* Asks both, which must give the same rows; returns how many. */
static uint64_t expect_same(const char *one, const char *other)
{
	struct answer answers[2];
	ask(one, NULL, &answers[0]);
	ask(other, NULL, &answers[1]);
	cr_expect_eq(answers[0].error, 0, "%s: %s", one, buffer_text(&answers[0].messages));
	cr_expect_eq(answers[1].error, 0, "%s: %s", other, buffer_text(&answers[1].messages));
	cr_expect_str_eq(buffer_text(&answers[0].text), buffer_text(&answers[1].text), "%s\n%s\nbut %s\n%s", one, buffer_text(&answers[0].text), other,
			 buffer_text(&answers[1].text));
	uint64_t rows = answers[0].outcome.rows;
	answer_done(&answers[0]);
	answer_done(&answers[1]);
	return rows;
}

static void conditions_compare(const char *file, uint32_t count)
{
	uint64_t rows = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct buffer condition, with, without;
		buffer_init(&condition, 8192);
		buffer_init(&with, 16384);
		buffer_init(&without, 16384);
		condition_make(&condition, 3);
		buffer_printf(&with, "SELECT EventID, TimeGenerated, src-port FROM '%s' WHERE %s", file, buffer_text(&condition));
		/* A query that counts rows sees every record. */
		buffer_printf(&without, "SELECT EventID, TimeGenerated, src-port FROM '%s' WHERE ((%s) IS TRUE) AND IN_ROW_NUMBER() > 0", file, buffer_text(&condition));
		rows += expect_same(buffer_text(&with), buffer_text(&without));
		buffer_done(&condition);
		buffer_done(&with);
		buffer_done(&without);
	}
	cr_expect_gt(rows, count / 2, "%s: conditions that let nothing through prove nothing", file);
}

Test(pushdown, conditions_on_a_text_log)
{
	seed = 1;
	conditions_compare(ask_file("drops.log", drops), 160);
}

Test(pushdown, conditions_on_an_event_log)
{
	static const char *const files[] = {CORDON_DATA "/evt-synthetic/ipsec-clean.evt", CORDON_DATA "/evt-synthetic/ipsec-wrapped-gap.evt",
					    CORDON_DATA "/evtx/mdecrevoisier__ID2003-4950-Firewall_disabled.evtx"};
	seed = 2;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		if (access(files[i], R_OK) != 0)
			cr_skip_test("SKIPPED: there is no %s", files[i]);
		conditions_compare(files[i], 60);
	}
}

Test(pushdown, conditions_between_two_readings_of_a_log)
{
	static const char *const joins[] = {
		"a.EventID = b.EventID AND b.RecordNumber > 2", "a.EventID = b.x-eventid", "b.TimeGenerated <= a.TimeGenerated AND b.EventID = 4290",
		"b.EventID IN (a.EventID; 4291)", "b.EventID = 4290 OR a.EventID = b.EventID", "NOT b.EventID = a.EventID", "b.SourceName = a.x-source",
	};
	static const char *const kinds[] = {"JOIN", "LEFT JOIN"};
	const char *file = ask_file("drops.log", drops);
	uint64_t rows = 0;
	for (size_t i = 0; i < 2 * sizeof(joins) / sizeof(joins[0]); i++) {
		struct buffer with, without;
		buffer_init(&with, 8192);
		buffer_init(&without, 8192);
		buffer_printf(&with, "SELECT a.src-port, b.src-port FROM '%s' a %s '%s' b ON %s ORDER BY 1, 2", file, kinds[i % 2], file, joins[i / 2]);
		buffer_printf(&without, "SELECT a.src-port, b.src-port FROM '%s' a %s '%s' b ON ((%s) IS TRUE) AND b.x-row > 0 ORDER BY 1, 2", file, kinds[i % 2],
			      file, joins[i / 2]);
		rows += expect_same(buffer_text(&with), buffer_text(&without));
		buffer_done(&with);
		buffer_done(&without);
	}
	cr_expect_gt(rows, 60);
}

static const char *const group_columns[] = {"protocol", "src-ip", "dst-port", "x-rule", "x-eventid", "size", "x-action", "EventID", "date", NULL};
static const char *const aggregates[] = {"COUNT(*)", "SUM(x-count)", "MIN(dst-port)", "MAX(x-rule)", "COUNT(DISTINCT protocol)", "COUNT(x-rule)", "AVG(size)", NULL};

/* A query over one or two columns, from the log itself or from all that it holds, put aside before. */
static void grouped_make(struct buffer *with, struct buffer *without, const char *file)
{
	const char *one = random_of(group_columns), *two = random_of(group_columns), *sum = random_of(aggregates), *other = random_of(aggregates);
	bool distinct = random_below(4) == 0;
	struct buffer rest;
	buffer_init(&rest, 4096);
	const char *names = "protocol, src-ip, dst-port, x-rule, x-eventid, size, x-action, EventID, date, x-count, src-port";
	buffer_printf(with, "SELECT %s%s AS a, %s AS b", distinct ? "DISTINCT " : "", one, two);
	buffer_printf(without, "WITH t AS MATERIALIZED (SELECT %s FROM '%s') SELECT %s%s AS a, %s AS b", names, file, distinct ? "DISTINCT " : "", one, two);
	if (!distinct) {
		buffer_printf(with, ", %s AS n, %s AS m", sum, other);
		buffer_printf(without, ", %s AS n, %s AS m", sum, other);
	}
	if (random_below(3) == 0)
		buffer_printf(&rest, " WHERE %s %s %s", random_of(group_columns), random_below(2) == 0 ? "IS NOT" : ">", random_below(2) == 0 ? "NULL" : "60");
	if (!distinct)
		buffer_printf(&rest, " GROUP BY %s, %s%s", one, two, random_below(3) == 0 ? " HAVING COUNT(*) > 1" : "");
	buffer_printf(&rest, " ORDER BY a %s, b %s", random_below(2) == 0 ? "DESC" : "ASC", random_below(2) == 0 ? "DESC" : "ASC");
	buffer_printf(with, " FROM '%s'%s", file, buffer_text(&rest));
	buffer_printf(without, " FROM t%s", buffer_text(&rest));
	buffer_done(&rest);
}

Test(pushdown, groups_counted_while_reading)
{
	const char *file = ask_file("drops.log", drops);
	uint64_t rows = 0;
	seed = 3;
	for (int i = 0; i < 120; i++) {
		struct buffer with, without;
		buffer_init(&with, 8192);
		buffer_init(&without, 8192);
		grouped_make(&with, &without, file);
		rows += expect_same(buffer_text(&with), buffer_text(&without));
		buffer_done(&with);
		buffer_done(&without);
	}
	cr_expect_gt(rows, 250);
}

/* Groups that differ in case only are one group of SourceName: sorted beside each other, SQLite makes them one. */
Test(pushdown, groups_without_case)
{
	static const char *const rows[][2] = {
		{"SELECT COUNT(*) AS n FROM '@' GROUP BY SourceName ORDER BY n", "n\n1\n2\n4\n"},
		{"SELECT COUNT(DISTINCT SourceName) AS n FROM '@'", "n\n2\n"},
		{"SELECT COUNT(*) AS n FROM (SELECT DISTINCT SourceName FROM '@')", "n\n3\n"},
		{"SELECT COUNT(*) AS n FROM '@' WHERE SourceName = 'CORDON'", "n\n4\n"},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		struct buffer text;
		buffer_init(&text, 4096);
		for (const char *at = rows[i][0]; *at != '\0'; at++)
			if (*at == '@')
				buffer_add_text(&text, file);
			else
				buffer_add_char(&text, *at);
		ask(buffer_text(&text), NULL, &answer);
		cr_expect_str_eq(buffer_text(&answer.text), rows[i][1], "%s: %s", rows[i][0], buffer_text(&answer.text));
		buffer_done(&text);
		answer_done(&answer);
	}
}

/* HAVING beside PROPCOUNT is written anew: it must be a WHERE around all groups, and the order must stay. */
Test(pushdown, having_beside_propcount_is_a_condition_on_all_groups)
{
	static const char *const conditions[] = {"n > 1", "p > 0.2", "n > 1 OR p < 0.2", "NOT (n = 1)", "a IS NOT NULL AND p <= 0.5", "p BETWEEN 0.1 AND 0.3 AND a = a"};
	static const char *const orders[] = {"p DESC, a", "a DESC", "n, a"};
	const char *file = ask_file("drops.log", drops);
	uint64_t rows = 0;
	for (size_t i = 0; group_columns[i] != NULL; i++)
		for (size_t j = 0; j < sizeof(conditions) / sizeof(conditions[0]); j++) {
			struct buffer with, without;
			const char *column = group_columns[i], *order = orders[(i + j) % 3];
			buffer_init(&with, 8192);
			buffer_init(&without, 8192);
			buffer_printf(&with, "SELECT %s AS a, COUNT(*) AS n, PROPCOUNT(*) AS p FROM '%s' GROUP BY %s HAVING %s ORDER BY %s", column, file, column,
				      conditions[j], order);
			buffer_printf(&without, "SELECT * FROM (SELECT %s AS a, COUNT(*) AS n, PROPCOUNT(*) AS p FROM '%s' GROUP BY %s) WHERE %s ORDER BY %s", column,
				      file, column, conditions[j], order);
			rows += expect_same(buffer_text(&with), buffer_text(&without));
			buffer_done(&with);
			buffer_done(&without);
		}
	cr_expect_gt(rows, 50);
}
