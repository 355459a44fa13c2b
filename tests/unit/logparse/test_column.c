/* What is read and written several bytes at a time, beside what does the same byte by byte. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/record/w3c.h"
#include "logparse/reader/column.h"

/* A text as a piece of a line: with room around it, in which other things stand. */
static struct cursor in_line(const char *text, char around)
{
	static char line[2 * LINE_ROOM + 256];
	size_t length = strlen(text);
	memset(line, around, sizeof(line));
	memcpy(line + LINE_ROOM, text, length);
	return cursor_of(line + LINE_ROOM, length);
}

/* Both readers of a column make the same of a text. */
static bool same(enum record_column column, const char *text, char around)
{
	struct record quick = {0}, slow = {0};
	struct column_day day = {{0}, 0};
	struct cursor value = in_line(text, around);
	bool quickly = column_reader(column)(&quick, column, value, &day), slowly = record_set(&slow, column, value);
	return quickly == slowly && memcmp(&quick, &slow, sizeof(quick)) == 0;
}

Test(column, every_part_of_an_address_is_read_as_by_record_set)
{
	static const struct { const char *before, *behind; } forms[] = {{"", ".0.2.1"}, {"192.", ".2.1"}, {"192.0.", ".1"}, {"192.0.2.", ""}};
	for (size_t form = 0; form < sizeof(forms) / sizeof(forms[0]); form++)
		for (int width = 1; width <= 4; width++)
			for (int number = 0; number < 1100; number++) {
				char text[64];
				(void)snprintf(text, sizeof(text), "%s%0*d%s", forms[form].before, width, number, forms[form].behind);
				cr_assert(same(COLUMN_SRC_IP, text, ' '), "%s", text);
				cr_assert(same(COLUMN_DST_IP, text, '7'), "%s between digits", text);
			}
}

Test(column, odd_values_are_read_as_by_record_set)
{
	static const struct { enum record_column column; const char *text; } rows[] = {
		{COLUMN_SRC_IP, ""}, {COLUMN_SRC_IP, "."}, {COLUMN_SRC_IP, "..."}, {COLUMN_SRC_IP, "1.2.3"}, {COLUMN_SRC_IP, "1.2.3."},
		{COLUMN_SRC_IP, ".1.2.3"}, {COLUMN_SRC_IP, "1..2.3"}, {COLUMN_SRC_IP, "1.2.3.4.5"}, {COLUMN_SRC_IP, "1.2.3.4."}, {COLUMN_SRC_IP, "1.2.3.x"},
		{COLUMN_SRC_IP, "1.2.3./"}, {COLUMN_SRC_IP, "1.2.3.:"}, {COLUMN_SRC_IP, "1.2.3.\xb1"}, {COLUMN_SRC_IP, "255.255.255.255"},
		{COLUMN_SRC_IP, "255.255.255.2555"}, {COLUMN_SRC_IP, "1.22.333.4444"}, {COLUMN_SRC_IP, "::1"}, {COLUMN_SRC_IP, "2001:db8::5"}, {COLUMN_SRC_IP, "::ffff:192.0.2.1"},
		{COLUMN_SRC_IP, "fe80::1%2"}, {COLUMN_SRC_PORT, ""}, {COLUMN_SRC_PORT, "0"}, {COLUMN_SRC_PORT, "00080"}, {COLUMN_SRC_PORT, "65535"}, {COLUMN_SRC_PORT, "65536"},
		{COLUMN_SRC_PORT, "-1"}, {COLUMN_SRC_PORT, "8 "}, {COLUMN_SRC_PORT, "8a"}, {COLUMN_ICMPTYPE, "255"}, {COLUMN_ICMPTYPE, "256"},
		{COLUMN_SIZE, "99999999"}, {COLUMN_SIZE, "100000000"}, {COLUMN_SIZE, "4294967295"}, {COLUMN_SIZE, "4294967296"},
		{COLUMN_RECORDNUMBER, "18446744073709551615"}, {COLUMN_RECORDNUMBER, "18446744073709551616"}, {COLUMN_PROTOCOL, "TCP"}, {COLUMN_PROTOCOL, "udp"},
		{COLUMN_PROTOCOL, "ICMP"}, {COLUMN_PROTOCOL, "256"}, {COLUMN_PROTOCOL, "TCX"}, {COLUMN_TCPFLAGS, "SA"}, {COLUMN_TCPFLAGS, "X"},
		{COLUMN_DATE, "2026-02-29"}, {COLUMN_DATE, "2024-02-29"}, {COLUMN_DATE, "2026-1-1"}, {COLUMN_STATUS, "0xC0000022"}, {COLUMN_STATUS, "C0"},
		{COLUMN_SPI, "305419896"}, {COLUMN_RECOVERED, "yes"}, {COLUMN_RECOVERED, "no"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect(same(rows[i].column, rows[i].text, ' '), "%s: \"%s\"", record_columns[rows[i].column].name, rows[i].text);
		cr_expect(same(rows[i].column, rows[i].text, '9'), "%s: \"%s\" between digits", record_columns[rows[i].column].name, rows[i].text);
	}
}

/* A number and those beside it, as printf has them. */
static void number_check(uint64_t number)
{
	struct record record = {.has = RECORD_HAS(COLUMN_RECORDNUMBER), .recordnumber = number};
	char text[RECORD_VALUE], wanted[32];
	size_t length = record_value(&record, COLUMN_RECORDNUMBER, text);
	(void)snprintf(wanted, sizeof(wanted), "%" PRIu64, number);
	cr_assert(length == strlen(wanted) && memcmp(text, wanted, length) == 0, "%s", wanted);
}

Test(column, numbers_are_written_as_by_printf)
{
	uint64_t edge = 1, mixed = 1;
	for (uint64_t number = 0; number < 100000; number++)
		number_check(number);
	for (unsigned digits = 0; digits < 20; digits++, edge *= 10) {
		number_check(edge - 1);
		number_check(edge);
		number_check(edge + 1);
	}
	number_check(UINT64_MAX);
	for (unsigned i = 0; i < 100000; i++) {
		mixed = mixed * UINT64_C(6364136223846793005) + 1442695040888963407u;
		number_check(mixed >> i % 64);
	}
}

Test(column, addresses_are_written_part_by_part)
{
	for (unsigned number = 0; number < 256; number++) {
		struct record record = {.has = RECORD_HAS(COLUMN_SRC_IP), .src = {.family = FAMILY_IPV4, .bytes = {10, (uint8_t)number, 0, (uint8_t)(255 - number)}}};
		char text[RECORD_VALUE], wanted[32];
		size_t length = record_value(&record, COLUMN_SRC_IP, text);
		(void)snprintf(wanted, sizeof(wanted), "10.%u.0.%u", number, 255 - number);
		cr_assert(length == strlen(wanted) && memcmp(text, wanted, length) == 0, "%s", wanted);
	}
}

/* Texts of all lengths with a blank, a quote or a control at each place. */
Test(column, texts_are_quoted_wherever_the_odd_character_stands)
{
	static const struct { char odd; const char *written; } rows[] = {{' ', " "}, {'"', "\"\""}, {'\t', " "}, {'\x7f', " "}};
	for (size_t row = 0; row < sizeof(rows) / sizeof(rows[0]); row++)
		for (size_t length = 1; length < 40; length++)
			for (size_t place = 0; place < length; place++) {
				struct buffer line, wanted;
				char text[40];
				memset(text, 'a', sizeof(text));
				text[place] = rows[row].odd;
				buffer_init(&line, 4096);
				buffer_init(&wanted, 4096);
				w3c_text(cursor_of(text, length), 0, &line);
				buffer_printf(&wanted, "\"%.*s%s%.*s\"", (int)place, text, rows[row].written, (int)(length - place - 1), text + place + 1);
				cr_expect_str_eq(buffer_text(&line), buffer_text(&wanted));
				buffer_done(&line);
				buffer_done(&wanted);
			}
}
