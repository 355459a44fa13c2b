/* Values of a record as text and back. */
#include <criterion/criterion.h>
#include <stdio.h>

#include <time.h>

#include "core/record/record.h"

static struct cursor value_of(const struct record *record, enum record_column column, char text[RECORD_VALUE])
{
	return cursor_of(text, record_value(record, column, text));
}

static void value_is(const struct record *record, enum record_column column, const char *expected)
{
	char text[RECORD_VALUE];
	struct cursor value = value_of(record, column, text);
	cr_expect(cursor_left(&value) == strlen(expected) && memcmp(value.at, expected, strlen(expected)) == 0,
		  "%s: expected %s, got %.*s", record_columns[column].name, expected, (int)cursor_left(&value), value.at);
}

Test(record, columns_are_those_of_the_layout)
{
	static const char fields[] =
		"date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port tcpflags icmptype "
		"icmpcode size x-count x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber s-computername x-log "
		"x-policy x-rule x-filterlist x-mode x-interface x-recovered";
	struct buffer text;
	buffer_init(&text, 4096);
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++)
		buffer_printf(&text, "%s%s", column > 0 ? " " : "", record_columns[column].name);
	cr_expect_str_eq(buffer_text(&text), fields);
	buffer_done(&text);
}

Test(record, time_is_filetime)
{
	cr_expect_eq(record_time_of_unix(0, 0), UINT64_C(116444736000000000));
	cr_expect_eq(record_time_of_unix(1, 999999900), UINT64_C(116444736019999999));
	cr_expect_eq(record_time_of_unix(-UINT32_C(1), 0), UINT64_C(116444736000000000) + UINT64_C(4294967295) * 10000000);
	cr_expect_eq(record_time_of_unix(-11644473600, 0), 0);
	cr_expect_eq(record_time_of_unix(-11644473601, 0), 0);
	cr_expect_eq(record_time_of_unix(INT64_MIN, 0), 0);
	cr_expect_eq(record_time_of_unix(INT64_MAX, 0), UINT64_MAX);
}

/* Against the C library's calendar, over centuries, with every leap rule. */
Test(record, dates_are_those_of_the_calendar)
{
	for (int64_t day = -134774; day < 500000; day += 13) {
		int64_t second = day * 86400 + (day % 86400 + 86400) % 86400;
		time_t when = (time_t)second;
		struct tm parts;
		char date[32], clock[32], text[RECORD_VALUE];
		struct record record = {.has = RECORD_HAS(COLUMN_DATE), .time = record_time_of_unix(second, 0)}, back = {0};
		gmtime_r(&when, &parts);
		strftime(date, sizeof(date), "%Y-%m-%d", &parts);
		strftime(clock, sizeof(clock), "%H:%M:%S", &parts);
		value_is(&record, COLUMN_DATE, date);
		value_is(&record, COLUMN_TIME, clock);
		cr_assert(record_set(&back, COLUMN_DATE, value_of(&record, COLUMN_DATE, text)), "%s", date);
		cr_assert(record_set(&back, COLUMN_TIME, value_of(&record, COLUMN_TIME, text)), "%s", clock);
		cr_assert_eq(back.time, record.time, "%s %s", date, clock);
	}
}

Test(record, last_moment_of_filetime_has_a_date)
{
	const struct record record = {.has = RECORD_HAS(COLUMN_DATE), .time = UINT64_MAX};
	value_is(&record, COLUMN_DATE, "60056-05-28");
	value_is(&record, COLUMN_TIME, "05:36:10");
	const struct record first = {.has = RECORD_HAS(COLUMN_DATE)};
	value_is(&first, COLUMN_DATE, "1601-01-01");
}

/* Each column: texts that are its values print to themselves; others are refused and set nothing. */
Test(record, values_print_to_what_was_read)
{
	static const struct {
		enum record_column column;
		const char *text, *printed; /* printed NULL: refused */
	} rows[] = {
		{COLUMN_DATE, "2026-02-28", "2026-02-28"},   {COLUMN_DATE, "2024-02-29", "2024-02-29"},
		{COLUMN_DATE, "2026-02-29", NULL},           {COLUMN_DATE, "1900-02-29", NULL},
		{COLUMN_DATE, "2000-02-29", "2000-02-29"},   {COLUMN_DATE, "1600-12-31", NULL},
		{COLUMN_DATE, "2026-13-01", NULL},           {COLUMN_DATE, "2026-00-01", NULL},
		{COLUMN_DATE, "2026-04-31", NULL},           {COLUMN_DATE, "26-04-01", NULL},
		{COLUMN_DATE, "2026-04-01x", NULL},          {COLUMN_DATE, "", NULL},
		{COLUMN_EVENTID, "4294967295", "4294967295"}, {COLUMN_EVENTID, "4294967296", NULL},
		{COLUMN_EVENTID, "-1", NULL},                {COLUMN_EVENTID, "", NULL},
		{COLUMN_PROTOCOL, "TCP", "TCP"},             {COLUMN_PROTOCOL, "tcp", "TCP"},
		{COLUMN_PROTOCOL, "6", "TCP"},               {COLUMN_PROTOCOL, "icmpv6", "ICMPv6"},
		{COLUMN_PROTOCOL, "0", "0"},                 {COLUMN_PROTOCOL, "103", "103"},
		{COLUMN_PROTOCOL, "256", NULL},              {COLUMN_PROTOCOL, "tcpx", NULL},
		{COLUMN_SRC_IP, "0.0.0.0", "0.0.0.0"},       {COLUMN_SRC_IP, "255.249.99.100", "255.249.99.100"},
		{COLUMN_SRC_IP, "2001:DB8:0::1", "2001:db8::1"}, {COLUMN_DST_IP, "::", "::"},
		{COLUMN_DST_IP, "1.2.3", NULL},              {COLUMN_DST_IP, "1.2.3.4 ", NULL},
		{COLUMN_SRC_PORT, "0", "0"},                 {COLUMN_DST_PORT, "65535", "65535"},
		{COLUMN_DST_PORT, "65536", NULL},            {COLUMN_TCPFLAGS, "0", "0"},
		{COLUMN_TCPFLAGS, "SA", "SA"},               {COLUMN_TCPFLAGS, "CEUPRFAS", "SAFRPUEC"},
		{COLUMN_TCPFLAGS, "", NULL},                 {COLUMN_TCPFLAGS, "S-", NULL},
		{COLUMN_ICMPTYPE, "255", "255"},             {COLUMN_ICMPCODE, "256", NULL},
		{COLUMN_COUNT, "18446744073709551615", "18446744073709551615"},
		{COLUMN_COUNT, "18446744073709551616", NULL},
		{COLUMN_SPI, "0xdeadbeef", "0xDEADBEEF"},    {COLUMN_SPI, "0x1", "0x00000001"},
		{COLUMN_SPI, "0x", NULL},                    {COLUMN_SPI, "1", NULL},
		{COLUMN_STATUS, "0xC0000022", "0xC0000022"}, {COLUMN_STATUS, "0x1C0000022", NULL},
		{COLUMN_STATUS, "0xg", NULL},                {COLUMN_FILTER_ID, "18446744073709551615", "18446744073709551615"},
		{COLUMN_RECORDNUMBER, "7", "7"},             {COLUMN_RECOVERED, "yes", "yes"},
		{COLUMN_RECOVERED, "no", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct record record = {0};
		static const struct record empty;
		bool good = record_set(&record, rows[i].column, cursor_text(rows[i].text));
		cr_expect_eq(good, rows[i].printed != NULL, "%s: %s", record_columns[rows[i].column].name, rows[i].text);
		if (good && rows[i].printed != NULL)
			value_is(&record, rows[i].column, rows[i].printed);
		else
			cr_expect(memcmp(&record, &empty, sizeof(record)) == 0, "%s changed something", rows[i].text);
	}
}

Test(record, times_keep_their_date_and_fraction)
{
	struct record record = {0};
	cr_assert(record_set(&record, COLUMN_DATE, cursor_text("2026-07-31")));
	cr_assert(record_set(&record, COLUMN_TIME, cursor_text("23:59:58.25")));
	cr_expect_eq(record.time, record_time_of_unix(1785542398, 250000000));
	cr_assert(record_set(&record, COLUMN_DATE, cursor_text("2026-08-01")));
	cr_expect_eq(record.time, record_time_of_unix(1785542398 + 86400, 250000000));
	static const char *const bad[] = {"24:00:00", "00:60:00", "00:00:60", "1:00:00", "00:00", "00:00:00.", "00:00:00.5x", "-"};
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++)
		cr_expect_not(record_set(&record, COLUMN_TIME, cursor_text(bad[i])), "%s", bad[i]);
}

Test(record, what_is_not_known_has_no_value)
{
	static const struct record record;
	char text[RECORD_VALUE];
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		if (record_columns[column].kind == RECORD_TEXT)
			cr_expect_null(record_text(&record, column).at, "%s", record_columns[column].name);
		else
			cr_expect_eq(record_value(&record, column, text), 0, "%s", record_columns[column].name);
	}
}

Test(record, texts_are_borrowed_and_may_be_empty)
{
	struct record record = {0};
	static const char rule[] = "rule";
	cr_expect(record_set(&record, COLUMN_RULE, cursor_text(rule)));
	cr_expect_eq(record.rule.at, rule);
	cr_expect(record_set(&record, COLUMN_MODE, cursor_of(rule, 0)));
	cr_expect_eq(record_text(&record, COLUMN_MODE).at, rule);
	cr_expect_null(record_text(&record, COLUMN_EVENTID).at);
}

/* Every small number, both sides of each power of ten and of two, and others: as printf has it. */
static void number_check(uint64_t number)
{
	const struct record record = {.has = UINT64_MAX, .count = number, .pid = number, .size = (uint32_t)number, .dstport = (uint16_t)number,
				      .icmptype = (uint8_t)number};
	static const enum record_column columns[] = {COLUMN_COUNT, COLUMN_PID, COLUMN_SIZE, COLUMN_DST_PORT, COLUMN_ICMPTYPE};
	const uint64_t values[] = {number, number, (uint32_t)number, (uint16_t)number, (uint8_t)number};
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		char text[RECORD_VALUE], expected[32];
		size_t length = record_value(&record, columns[i], text), wanted = (size_t)snprintf(expected, sizeof(expected), "%llu", (unsigned long long)values[i]);
		struct record back = {0};
		cr_assert(length == wanted && memcmp(text, expected, length) == 0, "%s: %.*s", expected, (int)length, text);
		cr_assert(record_set(&back, columns[i], cursor_of(text, length)), "%s", expected);
		cr_assert(i > 0 || back.count == number, "%s", expected);
	}
}

Test(record, numbers_are_exact)
{
	uint64_t power = 1, number = 1;
	for (uint64_t i = 0; i < 200000; i++)
		number_check(i);
	for (unsigned i = 0; i < 20; i++, power *= 10)
		for (uint64_t j = 0; j < 5; j++)
			number_check(power + j - 2);
	for (unsigned i = 0; i < 64; i++)
		for (uint64_t j = 0; j < 3; j++)
			number_check((UINT64_C(1) << i) + j - 1);
	for (unsigned i = 0; i < 200000; i++) {
		number = number * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		number_check(number >> i % 64);
	}
	number_check(UINT64_MAX);
}

Test(record, addresses_are_exact)
{
	for (unsigned i = 0; i < 65536; i++) {
		const struct record record = {.has = UINT64_MAX, .src = {FAMILY_IPV4, {(uint8_t)(i >> 8), (uint8_t)i, (uint8_t)(i * 7), (uint8_t)(i * 13 >> 4)}}};
		char text[RECORD_VALUE], expected[32];
		const uint8_t *bytes = record.src.bytes;
		size_t length = record_value(&record, COLUMN_SRC_IP, text);
		size_t wanted = (size_t)snprintf(expected, sizeof(expected), "%u.%u.%u.%u", bytes[0], bytes[1], bytes[2], bytes[3]);
		cr_assert(length == wanted && memcmp(text, expected, length) == 0, "%s: %.*s", expected, (int)length, text);
	}
}
