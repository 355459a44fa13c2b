#include <criterion/criterion.h>

#include "core/base/error.h"
#include "logparse/query/parts.h"

Test(parse, a_wrong_query_is_refused_with_its_place)
{
	static const struct { const char *text; unsigned line, column; const char *says; } rows[] = {
		{"", 1, 1, "the query is empty"},
		{"  -- nothing\n", 2, 1, "the query is empty"},
		{"DELETE FROM a", 1, 1, "it can only read"},
		{"SELCT * FROM a", 1, 1, "did you mean SELECT?"},
		{"ATTACH 'x' AS y", 1, 1, "it can only read"},
		{"PRAGMA x", 1, 1, "it can only read"},
		{"EXPLAIN SELECT 1", 1, 1, "it can only read"},
		{"SELECT * FROM", 1, 14, "a log is missing"},
		{"SELECT * FROM WHERE x=1", 1, 15, "a log is missing"},
		{"SELECT * FROM a,", 1, 17, "a log is missing"},
		{"SELECT * FROM a WHRE b=1", 1, 17, "did you mean WHERE?"},
		{"SELECT * FROM my log.evt", 1, 18, "a name with blanks stands in quotes"},
		{"SELECT * FROM ''", 1, 15, "an empty name"},
		{"SELECT * FROM a AS WHERE", 1, 20, "AS needs the name"},
		{"SELECT TOP x * FROM a", 1, 12, "TOP needs a number"},
		{"SELECT TOP -1 * FROM a", 1, 12, "TOP needs a number"},
		{"SELECT TOP 1.5 * FROM a", 1, 12, "TOP needs a number"},
		{"SELECT TOP 1 TOP 2 * FROM a", 1, 14, "a second TOP"},
		{"SELECT * INTO b FROM a TO c", 1, 24, "a second file"},
		{"SELECT * FROM a TO", 1, 19, "the name of a file is missing"},
		{"SELECT * INTO FROM a", 1, 15, "the name of a file is missing"},
		{"SELECT (1 FROM a", 1, 8, "is not closed"},
		{"SELECT 1) FROM a", 1, 9, "closes none"},
		{"SELECT 'abc FROM a", 1, 8, "' is missing"},
		{"SELECT \"abc FROM a", 1, 8, "does not end"},
		{"SELECT /* abc FROM a", 1, 8, "*/ is missing"},
		{"SELECT 1; SELECT 2", 1, 11, "one query at a time"},
		{"SELECT *\nFROM a\n  WHRE x", 3, 3, "did you mean WHERE?"},
		{"SELECT \xe2\x80\x98" "a\xe2\x80\x99", 1, 8, "a typographic quote"},
		{"SELECT '\xff'", 1, 9, "not UTF-8"},
		{"SELECT '\x01'", 1, 9, "a control character"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct diag diag;
		struct query *query = NULL;
		diag_init(&diag);
		cr_expect_eq(query_parse(rows[i].text, strlen(rows[i].text), "query", &diag, &query), ERROR_INPUT, "%s", rows[i].text);
		cr_expect_null(query, "%s", rows[i].text);
		cr_assert_eq(diag.count, 1, "%s: %zu messages", rows[i].text, diag.count);
		const struct message *message = &diag.messages[0];
		cr_expect_not_null(strstr(message->text, rows[i].says), "%s: says %s", rows[i].text, message->text);
		cr_expect_eq(message->line, rows[i].line, "%s: line %u", rows[i].text, message->line);
		cr_expect_eq(message->column, rows[i].column, "%s: column %u", rows[i].text, message->column);
		diag_done(&diag);
	}
}

static struct query *parsed(const char *text)
{
	struct diag diag;
	struct query *query = NULL;
	diag_init(&diag);
	cr_assert_eq(query_parse(text, strlen(text), "query", &diag, &query), 0, "%s: %s", text, diag.count > 0 ? diag.messages[0].text : "");
	diag_done(&diag);
	return query;
}

Test(parse, names_of_logs_and_of_the_output)
{
	static const struct { const char *text, *names, *into; } rows[] = {
		{"SELECT * FROM System.evt TO ipsec.log WHERE SourceName='IPSec'", "System.evt|", "ipsec.log"},
		{"SELECT * INTO ipsec.log FROM System.evt WHERE SourceName='IPSec'", "System.evt|", "ipsec.log"},
		{"select * from System", "System|", NULL},
		{"SELECT * FROM a.evt, 'b c.evt' ,C:\\logs\\ex*.log WHERE 1", "a.evt,b c.evt,C:\\logs\\ex*.log|", NULL},
		{"SELECT * FROM /var/log/*.evt", "/var/log/*.evt|", NULL},
		{"SELECT * FROM a--b.evt", "a--b.evt|", NULL},
		{"SELECT * FROM a.evt;", "a.evt|", NULL},
		{"SELECT * FROM a.evt x JOIN [b c.evt] AS y ON x.z = y.z", "a.evt|b c.evt|", NULL},
		{"SELECT * FROM a.evt x, b.evt y", "a.evt|b.evt|", NULL},
		{"SELECT * FROM (SELECT * FROM a.evt) WHERE b IN (SELECT c FROM d.evt)", "a.evt|d.evt|", NULL},
		{"WITH t AS (SELECT * FROM a.evt), u AS (SELECT * FROM t) SELECT * FROM u", "a.evt|", NULL},
		{"SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM e", "e|", NULL},
		{"SELECT 1", "", NULL},
		{"SELECT * FROM -", "-|", NULL},
		{"SELECT * FROM 'it''s' INTO 'x y.csv'", "it's|", "x y.csv"},
		{"SELECT * FROM a UNION SELECT * FROM b", "a|b|", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct query *query = parsed(rows[i].text);
		struct buffer names;
		buffer_init(&names, 1024);
		for (size_t j = 0; j < query->table_count; j++) {
			for (size_t k = 0; k < query->tables[j].name_count; k++)
				buffer_printf(&names, "%s%s", k > 0 ? "," : "", query->tables[j].names[k].text);
			buffer_add_char(&names, '|');
		}
		cr_expect_str_eq(buffer_text(&names), rows[i].names, "%s: %s", rows[i].text, buffer_text(&names));
		const char *into = query_into(query);
		cr_expect((into == NULL) == (rows[i].into == NULL) && (into == NULL || strcmp(into, rows[i].into) == 0), "%s: into %s", rows[i].text,
			  into != NULL ? into : "nothing");
		buffer_done(&names);
		query_free(query);
	}
}

Test(parse, what_is_too_large_is_refused)
{
	struct buffer text;
	struct query *query = NULL;
	buffer_init(&text, 1 << 20);
	buffer_add_text(&text, "SELECT ");
	for (int i = 0; i < QUERY_DEPTH + 1; i++)
		buffer_add_char(&text, '(');
	cr_expect_eq(query_parse(text.data, text.length, "query", NULL, &query), ERROR_INPUT);
	buffer_clear(&text);
	buffer_add_text(&text, "SELECT 1");
	while (text.length < QUERY_TEXT)
		buffer_add_text(&text, ",1");
	cr_expect_eq(query_parse(text.data, text.length, "query", NULL, &query), ERROR_INPUT);
	buffer_clear(&text);
	buffer_add_text(&text, "SELECT 1 FROM a t0");
	for (int i = 1; i <= QUERY_TABLES; i++)
		buffer_printf(&text, ", a t%d", i);
	cr_expect_eq(query_parse(text.data, text.length, "query", NULL, &query), ERROR_INPUT);
	cr_expect_null(query);
	buffer_done(&text);
}
