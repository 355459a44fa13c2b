/* What is compared with a time is a time, or an error at its place: never a silent answer. */
#include <criterion/criterion.h>

#include <stdio.h>

#include "core/base/error.h"
#include "tests/unit/query/ask.h"

static const char drops[] =
	"#Fields: date time x-source x-eventid src-port\n"
	"2025-11-18 09:00:00 cordon 4290 1\n"
	"2025-11-20 09:00:00 cordon 4290 2\n"
	"2025-11-21 08:30:00 cordon 4290 3\n"
	"2025-11-21 09:59:59 cordon 4290 4\n";

static void ask_where(const char *file, const char *condition, struct answer *ret_answer)
{
	struct buffer text;
	buffer_init(&text, 8192);
	buffer_printf(&text, "SELECT GROUP_CONCAT(src-port, '') AS n FROM %s WHERE %s", file, condition);
	ask(buffer_text(&text), NULL, ret_answer);
	buffer_done(&text);
}

Test(times, literals_are_read_as_times)
{
	/* It is 2025-11-21 10:00:00. */
	static const char *const rows[][2] = {
		{"TimeGenerated >= '2025-11-21T08:30:00'", "34"}, {"TimeGenerated >= '2025-11-21T08:30:00Z'", "34"}, {"TimeGenerated > '2025-11-21 08:30'", "4"},
		{"TimeGenerated = '2025-11-20T09:00:00Z'", "2"}, {"TimeGenerated <> '2025-11-20T09:00'", "134"}, {"TimeGenerated < '2025-11-21'", "12"},
		{"'2025-11-21T08:30:00' <= TimeGenerated", "34"}, {"TimeGenerated BETWEEN '2025-11-20' AND '2025-11-21T08:30:00'", "23"},
		{"TimeGenerated NOT BETWEEN '2025-11-20' AND '2025-11-21T08:30:00'", "14"}, {"TimeGenerated IN ('2025-11-20T09:00:00'; '2025-11-21 08:30:00')", "23"},
		{"TimeGenerated NOT IN ('2025-11-20T09:00:00'; '2025-11-21 08:30:00')", "14"}, {"[TimeWritten] >= '2025-11-21T08:30:00.0'", "34"},
		{"TimeGenerated > '2025-11-21 08:30:00.5'", "4"}, {"EventID = 4290 AND TimeGenerated >= '2025-11-21T08:30:00' AND src-port > 3", "4"},
		{"NOT (TimeGenerated >= '2025-11-21T08:30:00')", "12"}, {"ADD(TimeGenerated, 60) > '2025-11-21T10:00:00'", "4"},
		{"QUANTIZE(TimeGenerated, 3600) = '2025-11-21T08:00:00'", "3"}, {"TO_TIMESTAMP(date, time) >= '2025-11-21T08:30:00Z'", "34"},
		{"TO_DATE(TimeGenerated) = '2025-11-21T00:00:00'", "34"}, {"TO_TIME(TimeGenerated) = '09:00'", "12"}, {"TimeGenerated = TimeWritten", "1234"},
		{"TimeGenerated > '2025-11-20' || ' 12:00'", "34"}, {"TimeGenerated >= SYSTEM_DATE()", "34"}, {"TimeGenerated > NULL", ""},
		{"TimeGenerated > (SELECT MIN(TimeGenerated) FROM @)", "234"}, {"TimeGenerated > CASE src-port WHEN 3 THEN '2025-11-21' ELSE 'never' END", "3"},
		{"TimeGenerated > TO_TIMESTAMP('20/11/2025', 'dd/MM/yyyy')", "234"}, {"TimeGenerated > TO_TIMESTAMP('20/11/2025 10:00', 'dd/MM/yyyy HH:mm')", "34"},
		{"TimeGenerated LIKE '2025-11-21%'", "34"}, {"TimeGenerated IS NOT NULL", "1234"}, {"TimeGenerated > x-source", ""},
		{"CASE TimeGenerated WHEN '2025-11-20T09:00:00' THEN CASE TimeGenerated WHEN '2025-11-20T09:00' THEN 1 END END = 1", "2"},
		/* Log Parser's spans. */
		{"TimeGenerated >= SUB(SYSTEM_TIMESTAMP(), TO_TIMESTAMP('0000-01-02', 'yyyy-MM-dd'))", "34"}, {"TimeGenerated >= SUB(SYSTEM_TIMESTAMP(), 86400)", "34"},
		{"TimeGenerated >= SUB(TO_TIMESTAMP(SYSTEM_DATE(), SYSTEM_TIME()), TIMESTAMP('0000-01-03 00:00', 'yyyy-MM-dd HH:mm'))", "234"},
		{"SUB(SYSTEM_TIMESTAMP(), TimeGenerated) < TIMESTAMP('0000-01-02', 'yyyy-MM-dd')", "34"},
		{"SUB(SYSTEM_TIMESTAMP(), TimeGenerated) <= TIMESTAMP('01:30:00', 'hh:mm:ss')", "34"}, {"SUB(SYSTEM_TIMESTAMP(), TimeGenerated) < '01:30:00'", "4"},
		{"SUB(SYSTEM_TIMESTAMP(), TimeGenerated) < 5400", "4"},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		struct buffer condition;
		buffer_init(&condition, 4096);
		for (const char *at = rows[i][0]; *at != '\0'; at++)
			if (*at == '@')
				buffer_add_text(&condition, file);
			else
				buffer_add_char(&condition, *at);
		ask_where(file, buffer_text(&condition), &answer);
		const char *text = buffer_text(&answer.text);
		size_t length = strlen(rows[i][1]);
		cr_expect_eq(answer.error, 0, "%s: %s", rows[i][0], buffer_text(&answer.messages));
		cr_expect(strncmp(text, "n\n", 2) == 0 && strncmp(text + 2, rows[i][1], length) == 0 && text[2 + length] == '\n', "%s: %s", rows[i][0], text);
		answer_done(&answer);
		buffer_done(&condition);
	}
}

Test(times, what_is_no_time_is_an_error_at_its_place)
{
	/* The place is that of the first character that ^ stands before. */
	static const char *const rows[][2] = {
		{"TimeGenerated > ^'yesterday'", "\"yesterday\" cannot be read as a time: write it as '2004-01-12 09:14:57'"},
		{"TimeGenerated > ^'12/09/2003'", "cannot be read"}, {"TimeGenerated >= ^'2003-9-12'", "cannot be read"}, {"TimeGenerated = ^''", "cannot be read"},
		{"^'garbage' < TimeGenerated", "cannot be read"}, {"TimeGenerated BETWEEN '2003-09-12' AND ^'2003-09-31'", "cannot be read"},
		{"TimeGenerated IN ('2003-09-12'; ^'x')", "cannot be read"}, {"TimeWritten <> ^'10:45:00'", "cannot be read"},
		{"TimeGenerated > ^20030912", "a number"}, {"TimeGenerated > ^-1", "a number"}, {"TimeGenerated > ^SUB(SYSTEM_TIMESTAMP(), TimeWritten)", "a number"},
		{"TimeGenerated > ^TIMESTAMP('0000-01-02', 'yyyy-MM-dd')", "a number"}, {"TimeGenerated > ^SYSTEM_TIME()", "a time of day"},
		{"TimeGenerated > ^STRCAT('never', '')", "cannot be read"}, {"TimeGenerated > ^1 + 1", "a number"}, {"TimeGenerated > ^ADD(src-port, 1)", "a number"},
		{"CASE TimeGenerated WHEN ^'x' THEN 1 END = 1", "cannot be read"},
		{"TO_DATE(TimeGenerated) = ^'2003-9-12'", "cannot be read"}, {"TO_TIME(TimeGenerated) > ^'2003-09-12'", "write it as '09:14:57'"},
		{"QUANTIZE(TimeGenerated, 3600) > ^'now'", "cannot be read"}, {"TO_TIMESTAMP(date, time) > ^'now'", "cannot be read"},
		{"TO_TIMESTAMP(date, ^'yyyy-mm-dd') IS NULL", "months are MM"}, {"TO_STRING(TimeGenerated, ^'YYYY') = ''", "a letter that no format has"},
		{"TO_TIMESTAMP(^'12/09/2003', 'yyyy-MM-dd') IS NULL", "\"12/09/2003\" is no time of the form \"yyyy-MM-dd\""},
		{"IN_NETWORK(src-ip, ^'10.0.0.0/40') = 1", "is no network"}, {"IN_NETWORK(src-ip, ^'ten') = 1", "is no network"},
	};
	const char *file = ask_file("drops.log", drops);
	char head[1024];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		struct buffer condition;
		size_t at = strcspn(rows[i][0], "^");
		buffer_init(&condition, 4096);
		buffer_add(&condition, rows[i][0], at);
		buffer_add_text(&condition, rows[i][0] + at + 1);
		ask_where(file, buffer_text(&condition), &answer);
		(void)snprintf(head, sizeof(head), "cordon: query:1:%zu: error: ", sizeof("SELECT GROUP_CONCAT(src-port, '') AS n FROM  WHERE ") + strlen(file) + at);
		cr_expect_eq(answer.error, ERROR_INPUT, "%s", rows[i][0]);
		cr_expect_eq(answer.text.length, 0, "%s: %s", rows[i][0], buffer_text(&answer.text));
		cr_expect_not_null(strstr(buffer_text(&answer.messages), rows[i][1]), "%s: %s", rows[i][0], buffer_text(&answer.messages));
		cr_expect_not_null(strstr(buffer_text(&answer.messages), head), "%s: %s, not %s", rows[i][0], buffer_text(&answer.messages), head);
		answer_done(&answer);
		buffer_done(&condition);
	}
}

Test(times, names_of_the_result_are_times_too)
{
	static const struct { const char *query; bool good; } rows[] = {
		{"SELECT TimeGenerated AS t, COUNT(*) AS n FROM %s WHERE t >= '2025-11-21T08:30:00' GROUP BY t", true},
		{"SELECT QUANTIZE(TimeGenerated, 3600) AS hour, COUNT(*) AS n FROM %s GROUP BY hour HAVING hour > '2025-11-21T00:00:00'", true},
		{"SELECT QUANTIZE(TimeGenerated, 3600) AS hour, COUNT(*) AS n FROM %s GROUP BY hour HAVING hour > 'today'", false},
		{"SELECT QUANTIZE(TimeGenerated, 3600) AS hour, PROPCOUNT(*) AS n FROM %s GROUP BY hour HAVING hour > '2025-11-21T00:00:00'", true},
		{"SELECT src-port, MAX(TimeGenerated) AS last FROM %s GROUP BY src-port HAVING last > 20250912", false},
	};
	const char *file = ask_file("drops.log", drops);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		struct buffer text;
		buffer_init(&text, 4096);
		for (const char *at = rows[i].query; *at != '\0'; at++)
			if (*at == '%' && at[1] == 's')
				buffer_add_text(&text, file), at++;
			else
				buffer_add_char(&text, *at);
		ask(buffer_text(&text), NULL, &answer);
		cr_expect_eq(answer.error, rows[i].good ? 0 : ERROR_INPUT, "%s: %s", rows[i].query, buffer_text(&answer.messages));
		cr_expect_eq(answer.outcome.rows, rows[i].good ? 2 : 0, "%s: %s", rows[i].query, buffer_text(&answer.text));
		answer_done(&answer);
		buffer_done(&text);
	}
}

/* Words in any order: a message, or an answer, and never a crash. */
Test(times, words_in_any_order)
{
	static const char *const words[] = {
		"TimeGenerated", "'2025-11-21T08:30:00'", "'x'", "=", "<", ">=", "BETWEEN", "AND", "IN", "(", ")", ",", "CASE", "WHEN", "THEN", "END", "NOT", "-", "+", "||",
		"SUB", "TO_TIMESTAMP", "TIMESTAMP", "TO_STRING", "'yyyy-MM-dd'", "'0000-01-02'", "5", ".", "AS", "n", "SELECT", "GROUP BY", "MAX", "IN_NETWORK", "NULL", "CAST", ";",
	};
	const char *file = ask_file("drops.log", drops);
	uint32_t seed = 7;
	for (unsigned i = 0; i < 1000; i++) {
		struct answer answer;
		struct buffer text;
		buffer_init(&text, 8192);
		buffer_printf(&text, "SELECT EventID FROM %s WHERE", file);
		for (unsigned j = 0; j < 3 + i % 12; j++) {
			seed = seed * 1664525u + 1013904223u;
			buffer_printf(&text, " %s", words[(seed >> 8) % (sizeof(words) / sizeof(words[0]))]);
		}
		ask(buffer_text(&text), NULL, &answer);
		cr_expect(answer.error == 0 || answer.diag.count > 0, "%s: no message", buffer_text(&text));
		answer_done(&answer);
		buffer_done(&text);
	}
}
