#include <stdio.h>
#include <stdlib.h>

#include <criterion/criterion.h>

#include "logparse/query/functions.h"
#include "tests/unit/query/ask.h"

/* One expression, its value as CSV has it. */
static void expect_value(const char *expression, const char *expected)
{
	struct answer answer;
	struct buffer query;
	buffer_init(&query, 4096);
	buffer_printf(&query, "SELECT %s AS v", expression);
	ask(buffer_text(&query), NULL, &answer);
	cr_expect_eq(answer.error, 0, "%s: %s", expression, buffer_text(&answer.messages));
	const char *text = buffer_text(&answer.text);
	text = strncmp(text, "v\n", 2) == 0 ? text + 2 : text;
	size_t length = strcspn(text, "\n");
	cr_expect(length == strlen(expected) && memcmp(text, expected, length) == 0, "%s is %.*s, not %s", expression, (int)length, text, expected);
	answer_done(&answer);
	buffer_done(&query);
}

static void expect_values(const char *const rows[][2], size_t count)
{
	for (size_t i = 0; i < count; i++)
		expect_value(rows[i][0], rows[i][1]);
}
#define EXPECT_VALUES(rows) expect_values(rows, sizeof(rows) / sizeof(rows[0]))

Test(functions, texts)
{
	static const char *const rows[][2] = {
		{"SUBSTR('abcdef', 0, 2)", "ab"}, {"SUBSTR('abcdef', 2)", "cdef"}, {"SUBSTR('abcdef', -2)", "ef"}, {"SUBSTR('abcdef', 9)", "\"\""},
		{"SUBSTR('abcdef', 1, -1)", "bcde"}, {"SUBSTR('\xc3\xa4\xc3\xb6\xc3\xbc', 1, 1)", "\xc3\xb6"}, {"SUBSTR('abc', -9, 2)", "ab"},
		{"STRLEN('\xc3\xa4\xc3\xb6')", "2"}, {"STRLEN('')", "0"}, {"STRLEN(123)", "3"}, {"STRCAT('a', 'b')", "ab"}, {"STRCAT('a', 1, 'c')", "a1c"},
		{"TO_UPPERCASE('abC1')", "ABC1"}, {"TO_LOWERCASE('ABc-Z')", "abc-z"}, {"STRREV('abc')", "cba"}, {"STRREV('a\xc3\xa4')", "\xc3\xa4" "a"},
		{"STRREPEAT('ab', 3)", "ababab"}, {"STRREPEAT('ab', -1)", "\"\""}, {"INDEX_OF('abcabc', 'c')", "2"}, {"INDEX_OF('abc', 'x')", ""},
		{"LAST_INDEX_OF('abcabc', 'c')", "5"}, {"STRCNT('aXbXc', 'X')", "2"}, {"STRCNT('aaa', 'aa')", "1"}, {"STRCNT('a', '')", "0"},
		{"REPLACE_STR('a.b.c', '.', '--')", "a--b--c"}, {"REPLACE_STR('abc', '', 'x')", "abc"}, {"REPLACE_CHR('a.b,c', '.,', '_')", "a_b_c"},
		{"EXTRACT_TOKEN('a|b|c', 1, '|')", "b"}, {"EXTRACT_TOKEN('a,b', 0)", "a"}, {"EXTRACT_TOKEN('a|b|c', -1, '|')", "c"},
		{"EXTRACT_TOKEN('a|b|c', 3, '|')", ""}, {"EXTRACT_TOKEN('a|b|c', -4, '|')", ""}, {"EXTRACT_TOKEN('a||c', 1, '|')", "\"\""},
		{"EXTRACT_TOKEN('a::b', 1, '::')", "b"}, {"EXTRACT_PREFIX('a,b,c', 1)", "\"a,b\""}, {"EXTRACT_SUFFIX('a,b,c', 1)", "\"b,c\""},
		{"EXTRACT_SUFFIX('a,b,c', 9)", ""}, {"EXTRACT_VALUE('a=1&bc=2&c=3', 'bc')", "2"}, {"EXTRACT_VALUE('a=1', 'b')", ""},
		{"EXTRACT_FILENAME('C:\\a\\b.txt')", "b.txt"}, {"EXTRACT_PATH('C:\\a\\b.txt')", "C:\\a"}, {"EXTRACT_EXTENSION('/a.b/c.tar.gz')", "gz"},
		{"EXTRACT_EXTENSION('/a.b/c')", "\"\""}, {"RESOLVE('%%14592 and %%16389')", "Inbound and Block"}, {"RESOLVE('%%99 100%')", "%%99 100%"},
		{"'it''s'", "it's"}, {"'\\u0027\\u00e4'", "'\xc3\xa4"}, {"'C:\\users'", "C:\\users"}, {"'\\ud83d\\ude00'", "\xf0\x9f\x98\x80"},
		{"'\\ud83d'", "\xef\xbf\xbd"}, {"'\\u0000'", "\xef\xbf\xbd"},
	};
	EXPECT_VALUES(rows);
}

Test(functions, texts_that_stand_for_bytes)
{
	static const char *const rows[][2] = {
		{"URLESCAPE('a b&\xc3\xbc/~')", "a%20b%26%C3%BC/~"}, {"URLUNESCAPE('a%20b+%c3%bc%')", "a b+\xc3\xbc%"}, {"URLUNESCAPE('%ff%00')", "\xef\xbf\xbd\xef\xbf\xbd"},
		{"URLUNESCAPE(URLESCAPE('\xf0\x9f\x98\x80 100%'))", "\xf0\x9f\x98\x80 100%"}, {"HEX_TO_ASC('4869000aFF')", "Hi..."}, {"HEX_TO_ASC('0x48 0x69')", "Hi"},
		{"HEX_TO_PRINT('4869000aFF')", "Hi"}, {"HEX_TO_ASC('486')", ""}, {"HEX_TO_ASC('xy')", ""}, {"HEX_TO_ASC('')", "\"\""}, {"HEX_TO_HEX8('0a0B')", "0x0A 0x0B"},
		{"HEX_TO_HEX16('0102030405')", "0x0201 0x0403 0x05"}, {"HEX_TO_HEX32('0102030405')", "0x04030201 0x05"}, {"ROT13('Hello, Nz')", "\"Uryyb, Am\""},
	};
	EXPECT_VALUES(rows);
}

Test(functions, values_by_their_number)
{
	const char *file = ask_file("seen.log", "#Fields: a\nx\ny\nx\n-\nz\ny\n");
	struct buffer text;
	struct answer answer;
	buffer_init(&text, 4096);
	buffer_printf(&text, "SELECT HASHSEQ(a) AS n FROM %s", file);
	ask(buffer_text(&text), NULL, &answer);
	cr_expect_str_eq(buffer_text(&answer.text), "n\n1\n2\n1\n\n3\n2\n");
	answer_done(&answer);
	ask("WITH RECURSIVE t(x) AS (SELECT 0 UNION ALL SELECT x + 1 FROM t LIMIT 9000) SELECT MAX(n) AS m, SUM(n = x % 3000 + 1) AS s FROM (SELECT x, HASHSEQ(x % 3000) AS n FROM t)",
	    NULL, &answer);
	cr_expect_str_eq(buffer_text(&answer.text), "m,s\n3000,9000\n");
	answer_done(&answer);
	buffer_done(&text);
}

Test(functions, what_log_parser_has_and_we_have_not_is_told)
{
	static const char *const rows[][2] = {
		{"SELECT REVERSEDNS('192.0.2.1')", "\"REVERSEDNS\" is Log Parser's, and not here: a name server"}, {"SELECT RESOLVE_SID('S-1-5-18')", "is Log Parser's, and not here"},
		{"SELECT WIN32_ERROR_DESCRIPTION(5)", "net helpmsg"}, {"SELECT 1 INTO DATAGRID", "is Log Parser's, and not here: name a file"}, {"SELECT 1 TO chart", "and not here"},
		{"SELECT a USING 1 AS a FROM x.log", "USING with fields is Log Parser's, and not here"}, {"SELECT 1 FROM x.log GROUP BY a WITH ROLLUP", "is Log Parser's, and not here"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct answer answer;
		ask(rows[i][0], NULL, &answer);
		cr_expect_lt(answer.error, 0, "%s", rows[i][0]);
		cr_expect_not_null(strstr(buffer_text(&answer.messages), rows[i][1]), "%s: %s", rows[i][0], buffer_text(&answer.messages));
		answer_done(&answer);
	}
}

Test(functions, numbers)
{
	static const char *const rows[][2] = {
		{"ADD(1, 2)", "3"}, {"ADD(1.5, 2)", "3.5"}, {"SUB(1, 2)", "-1"}, {"MUL(3, 4)", "12"}, {"DIV(7, 2)", "3"}, {"DIV(7.0, 2)", "3.5"},
		{"DIV(1, 0)", ""}, {"MOD(7, 3)", "1"}, {"MOD(-7, 3)", "-1"}, {"MOD(1, 0)", ""}, {"MOD(7.5, 2)", "1.5"},
		{"ADD(9223372036854775807, 1)", ""}, {"MUL(9223372036854775807, 2)", ""}, {"DIV(-9223372036854775807 - 1, -1)", ""},
		{"MOD(-9223372036854775807 - 1, -1)", ""}, {"QUANTIZE(17, 5)", "15"}, {"QUANTIZE(-1, 5)", "-5"}, {"QUANTIZE(17, 0)", ""},
		{"QUANTIZE(1.7, 0.5)", "1.5"}, {"ADD('a', 1)", ""}, {"TO_INT('42')", "42"}, {"TO_INT(3.9)", "3"}, {"TO_INT(-3.9)", "-3"},
		{"TO_INT('x')", ""}, {"TO_INT(1e300)", ""}, {"TO_REAL('1.5')", "1.5"}, {"TO_HEX(255)", "0xff"}, {"HEX_TO_INT('0xFF')", "255"},
		{"HEX_TO_INT('ff')", "255"}, {"HEX_TO_INT('fg')", ""}, {"HEX_TO_INT('')", ""}, {"HEX_TO_INT('ffffffffffffffffff')", ""},
		{"BIT_NOT(0)", "-1"}, {"BIT_SHL(1, 4)", "16"}, {"BIT_SHL(1, 64)", "0"}, {"BIT_SHL(1, -1)", ""}, {"BIT_SHR(-1, 63)", "1"}, {"SQR(3)", "9"}, {"SQR(1.5)", "2.25"},
		{"SQR(9223372036854775807)", ""}, {"SQRROOT(16)", "4"}, {"SQRROOT(-1)", ""}, {"LOG(1)", "0"}, {"ROUND(LOG(10), 3)", "2.303"}, {"LOG(0)", ""}, {"LOG10(1000)", "3"},
		{"EXP(0)", "1"}, {"EXP(1000)", ""}, {"EXP10(3)", "1000"}, {"FLOOR(-1.5)", "-2"}, {"CEIL(1.2)", "2"}, {"CEIL(9223372036854775807)", "9223372036854775807"},
		{"ROUND(1.5)", "2"}, {"COMPUTER_NAME() <> ''", "1"},
		{"BIT_AND(6, 3)", "2"}, {"BIT_OR(6, 3)", "7"}, {"BIT_XOR(6, 3)", "5"}, {"IPV4_TO_INT('192.0.2.1')", "3221225985"},
		{"IPV4_TO_INT('192.0.2.256')", ""}, {"IPV4_TO_INT('192.0.2')", ""}, {"IPV4_TO_INT('::1')", ""}, {"INT_TO_IPV4(3221225985)", "192.0.2.1"},
		{"INT_TO_IPV4(-1)", ""}, {"IN_NETWORK('10.1.2.3', '10.0.0.0/8')", "1"}, {"IN_NETWORK('11.1.2.3', '10.0.0.0/8')", "0"},
		{"IN_NETWORK('2001:db8::1', '2001:db8::/32')", "1"}, {"IN_NETWORK('x', '10.0.0.0/8')", ""}, {"IN_NETWORK('10.1.2.3', '2001:db8::/32')", "0"},
	};
	EXPECT_VALUES(rows);
}

Test(functions, times)
{
	static const char *const rows[][2] = {
		{"TO_DATE('2004-01-12 09:14:57')", "2004-01-12"}, {"TO_TIME('2004-01-12 09:14:57')", "09:14:57"}, {"TO_TIME('2004-01-12')", ""},
		{"TO_DATE('09:14:57')", ""}, {"TO_DATE('nonsense')", ""}, {"TO_TIMESTAMP('2004-01-12', '09:14:57')", "2004-01-12 09:14:57"},
		{"TO_TIMESTAMP('12.01.2004', 'dd.MM.yyyy')", "2004-01-12"}, {"TIMESTAMP('2004-01-12', 'yyyy-MM-dd')", "2004-01-12"},
		{"TO_TIMESTAMP('2004-01-12T09:14:57Z')", "2004-01-12 09:14:57"}, {"TO_STRING('2004-01-12 09:14:57', 'hh:mm')", "09:14"}, {"TO_STRING(42)", "42"},
		{"QUANTIZE('2004-01-12 09:14:57', 3600)", "2004-01-12 09:00:00"}, {"QUANTIZE('2004-01-12 09:14:57', 86400)", "2004-01-12 00:00:00"},
		{"QUANTIZE('2004-01-14 09:14:57', 604800)", "2004-01-12 00:00:00"}, {"QUANTIZE('09:14:57', 60)", "09:14:00"},
		{"QUANTIZE('2004-01-12 09:14:57', '00:30:00')", "2004-01-12 09:00:00"}, {"QUANTIZE('2004-01-12 09:14:57', 0)", ""},
		{"ADD('2004-01-12 09:14:57', 3)", "2004-01-12 09:15:00"}, {"ADD('2004-01-12', 86400)", "2004-01-13"},
		{"SUB('2004-01-12 00:00:00', '01:00:00')", "2004-01-11 23:00:00"}, {"SUB('2004-01-12 00:01:00', '2004-01-12 00:00:30')", "30"},
		{"ADD('23:00:00', 7200)", "90000"}, {"ADD('9999-12-31 23:59:59', 1)", ""}, {"ADD('2004-01-12', 1e300)", ""},
		{"TO_INT('00:01:00')", "60"}, {"TO_INT('1970-01-02 00:00:00')", "86400"}, {"SYSTEM_TIMESTAMP()", "2025-11-21 10:00:00"},
		{"SYSTEM_DATE()", "2025-11-21"}, {"SYSTEM_TIME()", "10:00:00"}, {"SUB(SYSTEM_TIMESTAMP(), 3600)", "2025-11-21 09:00:00"},
	};
	EXPECT_VALUES(rows);
}

Test(functions, local_time_is_that_of_this_machine)
{
	setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
	expect_value("SYSTEM_UTCOFFSET()", "3600");
	expect_value("TO_LOCALTIME('2004-01-12 09:14:57')", "2004-01-12 10:14:57");
	expect_value("TO_LOCALTIME('2004-07-12 23:14:57')", "2004-07-13 01:14:57");
	expect_value("TO_UTCTIME('2004-07-13 01:14:57')", "2004-07-12 23:14:57");
	expect_value("TO_UTCTIME(TO_LOCALTIME('2004-01-12 09:14:57'))", "2004-01-12 09:14:57");
}

Test(functions, null_stays_null)
{
	for (size_t i = 0; function_name(i) != NULL; i++) {
		const char *name = function_name(i), *usage = function_usage(name, strlen(name));
		if (usage == NULL || strchr(usage, '(')[1] == ')' || strcmp(name, "REPLACE_IF_NOT_NULL") == 0 || strcmp(name, "STRCAT") == 0)
			continue;
		struct buffer call;
		buffer_init(&call, 256);
		/* As many arguments as it says without those in brackets. */
		buffer_printf(&call, "%s(NULL", name);
		for (const char *at = usage; *at != '\0' && *at != '[' && *at != ')'; at++)
			if (*at == ',')
				buffer_add_text(&call, ", 1");
		buffer_add_char(&call, ')');
		expect_value(buffer_text(&call), "");
		buffer_done(&call);
	}
	expect_value("REPLACE_IF_NOT_NULL(NULL, 1)", "");
	expect_value("REPLACE_IF_NOT_NULL('x', 1)", "1");
	expect_value("COALESCE(NULL, 'x')", "x");
	expect_value("CASE 2 WHEN 1 THEN 'a' WHEN 2 THEN 'b' ELSE 'c' END", "b");
	expect_value("STRCAT('a', NULL)", "a");
	expect_value("STRCAT(NULL, NULL)", "\"\"");
	expect_value("STRCAT('/b', REPLACE_IF_NOT_NULL(NULL, STRCAT('?', NULL)))", "/b");
}

Test(functions, results_are_bounded)
{
	struct answer answer;
	static const char *const rows[] = {
		"SELECT STRREPEAT('abcdefgh', 1000000000000)",
		"SELECT REPLACE_STR(STRREPEAT('a', 1000000), 'a', STRREPEAT('b', 1000))", "SELECT REPLACE(STRREPEAT('a', 1000000), 'a', STRREPEAT('b', 1000))",
		"SELECT HEX(HEX(STRREPEAT('a', 10000000)))", "SELECT STRREPEAT('a', 16000000) || STRREPEAT('a', 16000000) || STRREPEAT('a', 16000000)",
		"WITH RECURSIVE t(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t LIMIT 20) SELECT GROUP_CONCAT(STRREPEAT('a', 4000000)) FROM t",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ask(rows[i], NULL, &answer);
		cr_expect_lt(answer.error, 0, "%s", rows[i]);
		cr_expect_eq(answer.text.length, 0, "%s", rows[i]);
		answer_done(&answer);
	}
}

/* Every function of every value in each place: no error, no crash (the sanitizers look), and what is NULL stays NULL. */
#define EXTREMES \
	"(NULL), (''), (0), (1), (-1), (9223372036854775807), (-9223372036854775807 - 1), (1e308), (-1e308), (0.5), ('abc'), ('-1'), ('1e5'), " \
	"('9999-12-31 23:59:59'), ('0001-01-01'), ('23:59:59.9999999'), ('2004-02-30'), ('192.0.2.1'), ('%%4294967295'), ('\xc3\xa4\\ud83d|,=&'), ('abc=1')"

static size_t arguments_of(const char *usage, bool *ret_more)
{
	size_t count = 1;
	*ret_more = false;
	for (const char *at = usage; *at != '\0' && *at != ')'; at++) {
		*ret_more |= *at == '[';
		count += *at == ',' && !*ret_more;
	}
	return count + *ret_more;
}

Test(functions, values_of_any_kind)
{
	for (size_t i = 0; function_name(i) != NULL; i++) {
		const char *name = function_name(i), *usage = function_usage(name, strlen(name));
		bool more;
		if (usage == NULL || strchr(usage, '(')[1] == ')')
			continue;
		size_t count = arguments_of(usage, &more);
		/* STRREPEAT of the largest numbers is too large, and says so. */
		const char *where = strcmp(name, "STRREPEAT") == 0 ? "TYPEOF(b.x) = 'integer' AND b.x < 1000000" : "TRUE";
		struct buffer query;
		struct answer answer;
		buffer_init(&query, 8192);
		buffer_printf(&query, "WITH v(x) AS (VALUES " EXTREMES "), r AS (SELECT %s(a.x%s%s) AS y, a.x IS NULL%s%s AS n FROM v a, v b%s WHERE %s) "
			      "SELECT COUNT(*) AS n, SUM(n AND y IS NOT NULL) AS bad, COUNT(y) > 0 AS some FROM r", name, count > 1 ? ", b.x" : "",
			      count > 2 ? ", c.x" : "", count > 1 ? " OR b.x IS NULL" : "", count > 2 ? " OR c.x IS NULL" : "", count > 2 ? ", v c" : "",
			      where);
		ask(buffer_text(&query), NULL, &answer);
		cr_expect_eq(answer.error, 0, "%s: %s", name, buffer_text(&answer.messages));
		const char *line = strchr(buffer_text(&answer.text), '\n');
		size_t length = line != NULL ? strlen(line) : 0;
		bool own = strcmp(name, "REPLACE_IF_NOT_NULL") == 0 || strcmp(name, "STRCAT") == 0;
		cr_expect(length > 6 && (own || memcmp(line + length - 5, ",0,1\n", 5) == 0), "%s: %s", name, buffer_text(&answer.text));
		buffer_done(&query);
		answer_done(&answer);
	}
}

Test(functions, wrong_kinds_are_null)
{
	static const char *const rows[][2] = {
		{"ADD('abc', 'def')", ""}, {"ADD('2004-01-12', 'x')", ""}, {"SUB('2004-01-12', '10:00:00')", "2004-01-11 14:00:00"}, {"SUB('10:00:00', '2004-01-12')", ""},
		{"MUL('2004-01-12', 2)", ""}, {"DIV('x', 2)", ""}, {"DIV('7', '2')", "3"}, {"MOD(7, 'x')", ""}, {"QUANTIZE('x', 5)", ""}, {"QUANTIZE(7, 'x')", ""},
		{"QUANTIZE(7, -5)", ""}, {"QUANTIZE('2004-01-12 09:14:57', -60)", ""}, {"TO_DATE(42)", ""}, {"TO_TIME(42)", ""}, {"TO_TIMESTAMP(42)", ""},
		{"TO_TIMESTAMP('2004-01-12' || '', 'yyyy')", ""}, {"TO_TIMESTAMP('0000-01-02' || '', 'yyyy-MM-dd')", ""}, {"TO_STRING('x', 'yyyy')", "x"}, {"TO_STRING(1.5)", "1.5"}, {"TO_HEX('x')", ""}, {"TO_HEX(-1)", "0xffffffffffffffff"},
		{"TO_INT('2004-02-30')", ""}, {"TO_REAL('x')", ""}, {"INT_TO_IPV4('x')", ""}, {"INT_TO_IPV4(4294967296)", ""}, {"IPV4_TO_INT(42)", ""},
		{"EXTRACT_TOKEN('a,b', 'x')", "a"}, {"EXTRACT_TOKEN('', 0)", "\"\""}, {"EXTRACT_TOKEN('a,b', -9223372036854775807 - 1)", ""},
		{"SUBSTR('abc', 9223372036854775807, 9223372036854775807)", "\"\""}, {"SUBSTR('abc', 0, -9223372036854775807 - 1)", "\"\""},
		{"SUBSTR('', 0, 5)", "\"\""}, {"STRREPEAT('', 9223372036854775807)", "\"\""}, {"INDEX_OF('abc', '')", ""}, {"BIT_AND('x', 1)", "0"},
		{"RESOLVE('%%18446744073709551617')", "%%18446744073709551617"}, {"IN_NETWORK('10.0.0.0/4', '10.0.0.0/8')", "0"}, {"IN_NETWORK(1, 2)", ""},
		{"STRLEN(1.5)", "3"}, {"STRCAT(1, 2)", "12"}, {"ADD('9999-12-31 23:59:59', 0)", "9999-12-31 23:59:59"}, {"SUB('0001-01-01', 1)", ""},
		{"TO_LOCALTIME('10:00:00')", ""}, {"REPLACE_STR('aaa', 'aa', '')", "a"}, {"HEX_TO_INT('8000000000000000')", ""}, {"HEX_TO_INT('7fffffffffffffff')", "9223372036854775807"},
	};
	EXPECT_VALUES(rows);
}

/* Where SQL leaves a choice: docs/query.md says each. */
Test(functions, sql_itself)
{
	static const char *const rows[][2] = {
		{"7 / 2", "3"}, {"7 / 2.0", "3.5"}, {"-7 / 2", "-3"}, {"7 / 0", ""}, {"7 % 0", ""}, {"1 = '1'", "0"}, {"'a' = 'A'", "0"}, {"'a' LIKE 'A'", "1"},
		{"'abc' LIKE 'a_c'", "1"}, {"'a%c' LIKE 'a!%c' ESCAPE '!'", "1"}, {"'abc' LIKE 'a!%c' ESCAPE '!'", "0"}, {"'Ã¤' LIKE 'Ã'", "0"},
		{"NULL = NULL", ""}, {"NULL IS NULL", "1"}, {"'' IS NULL", "0"}, {"NULL IN (1; 2)", ""}, {"1 NOT IN (2; NULL)", ""}, {"'a' || NULL", ""},
		{"'5' + 3", "8"}, {"'x' + 3", "3"}, {"9223372036854775807 + 1 > 9e18", "1"}, {"TRUE AND NULL", ""}, {"FALSE AND NULL", "0"},
		{"'2004-01-12 09:14:57' > '2004-01-12'", "1"}, {"'10' < '9'", "1"}, {"10 < 9", "0"}, {"'it''s'", "it's"}, {"'a\\b'", "a\\b"},
	};
	EXPECT_VALUES(rows);
}

Test(functions, names_that_are_nearly_right_are_told)
{
	cr_expect_str_eq(function_nearest("EXTRACT_TOKN", 12), "EXTRACT_TOKEN");
	cr_expect_str_eq(function_nearest("PROPCONT", 8), "PROPCOUNT");
	cr_expect_null(function_nearest("XYZZY", 5));
	cr_expect(function_allowed("count") && function_allowed("LIKE") && function_allowed("to_date"));
	cr_expect_not(function_allowed("load_extension"));
	cr_expect_not(function_allowed("randomblob"));
	cr_expect_not(function_allowed("sqlite_version"));
}

Test(functions, all_are_in_the_docs)
{
	FILE *stream = fopen(CORDON_SOURCE "/docs/query.md", "r");
	static char text[1 << 17];
	cr_assert_not_null(stream);
	size_t length = fread(text, 1, sizeof(text) - 1, stream);
	fclose(stream);
	cr_assert(length > 0 && length < sizeof(text) - 1);
	for (size_t i = 0; function_name(i) != NULL; i++)
		cr_expect_not_null(strstr(text, function_name(i)), "%s", function_name(i));
}
