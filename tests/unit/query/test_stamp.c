#include <criterion/criterion.h>

#include "logparse/query/stamp.h"

static const char *printed(const struct stamp *stamp)
{
	static char text[64];
	struct buffer buffer;
	buffer_init(&buffer, 64);
	stamp_print(stamp, &buffer);
	memcpy(text, buffer_text(&buffer), buffer.length + 1);
	buffer_done(&buffer);
	return text;
}

Test(stamp, what_is_printed_parses_back_to_the_same)
{
	static const struct { const char *text, *same; } rows[] = {
		{"2004-01-12 09:14:57", NULL}, {"1601-01-01 00:00:00", NULL}, {"0001-01-01 00:00:00", NULL}, {"9999-12-31 23:59:59.9999999", NULL},
		{"2004-02-29", NULL}, {"09:14:57", NULL}, {"00:00:00", NULL}, {"2000-02-29 12:00:00.25", NULL}, {"1600-12-31 23:59:59", NULL},
		{"2004-01-12T09:14:57Z", "2004-01-12 09:14:57"}, {"09:14", "09:14:00"}, {"2004-01-12 09:14", "2004-01-12 09:14:00"},
		{"1999-12-31", NULL}, {"2100-02-28", NULL}, {"1970-01-01 00:00:00", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stamp stamp;
		bool parsed = stamp_parse(cursor_text(rows[i].text), &stamp);
		cr_expect(parsed, "%s", rows[i].text);
		if (parsed)
			cr_expect_str_eq(printed(&stamp), rows[i].same != NULL ? rows[i].same : rows[i].text);
	}
}

Test(stamp, what_is_no_time_is_refused)
{
	static const char *const rows[] = {
		"", "2004", "2004-01", "2004-13-01", "2004-02-30", "2003-02-29", "1900-02-29", "0000-01-01", "2004-01-12 ", "2004-01-12 24:00:00",
		"2004-01-12 09:60:00", "9:14:57", "09:14:57 ", "09:14:57Z", "2004-01-12 09:14:57.", "2004/01/12", "+004-01-12", "2004-1-2", "12:00:00-01",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stamp stamp = {.ticks = 42};
		cr_expect_not(stamp_parse(cursor_text(rows[i]), &stamp), "%s", rows[i]);
		cr_expect_eq(stamp.ticks, 42, "%s: untouched", rows[i]);
	}
}

Test(stamp, every_day_of_ten_thousand_years_is_the_day_after_the_one_before)
{
	struct stamp stamp;
	cr_assert(stamp_parse(cursor_text("0001-01-01"), &stamp));
	int64_t ticks = stamp.ticks;
	size_t days = 0;
	for (; ; days++, ticks += STAMP_DAY) {
		const struct stamp day = {ticks, true, false};
		struct stamp back;
		const char *text = printed(&day);
		if (*text == '\0')
			break;
		cr_assert(stamp_parse(cursor_text(text), &back) && back.ticks == ticks, "%s", text);
	}
	cr_expect_eq(days, 3652059);
}

Test(stamp, filetime_is_put_in_whole_seconds)
{
	static const struct { uint64_t time; const char *text; } rows[] = {
		{UINT64_C(127183364979999999), "2004-01-11 23:14:57"}, {1, "1601-01-01 00:00:00"}, {UINT64_C(2650467743990000000), "9999-12-31 23:59:59"},
		{UINT64_C(2650467744000000000), "10000-01-01 00:00:00"}, {INT64_MAX, "30828-09-14 02:48:05"}, {UINT64_C(1) << 63, ""}, {UINT64_MAX, ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char text[STAMP_TEXT];
		size_t length = stamp_put(rows[i].time, text);
		cr_expect(length == strlen(rows[i].text) && memcmp(text, rows[i].text, length) == 0, "%s: %.*s", rows[i].text, (int)length, text);
	}
}

Test(stamp, formats_of_log_parser)
{
	static const struct { const char *text, *format, *out; } rows[] = {
		{"2004-01-02 03:04:05.678", "yyyy-MM-dd hh:mm:ss", "2004-01-02 03:04:05"},
		{"2004-01-02 13:04:05", "M/d/yy h:mm:ss tt", "1/2/04 1:04:05 PM"},
		{"2004-01-02 00:04:05", "hh tt", "12 AM"}, {"2004-01-02 13:04:05", "HH:mm tt", "13:04 PM"}, {"2004-01-02 03:04:05", "H:mm", "3:04"},
		{"2004-01-02 03:04:05", "yyyy-MM-ddTHH:mm:ssZ", "2004-01-02T03:04:05Z"},
		{"2004-01-02 03:04:05", "dddd, d MMMM yyyy", "Friday, 2 January 2004"},
		{"2004-05-02 03:04:05", "ddd dd MMM", "Sun 02 May"},
		{"2004-01-02 03:04:05.678", "ss.lll", "05.678"},
		{"2004-01-02 03:04:05.0000001", "ss.nnnnnnnnn", "05.000000100"},
		{"2004-01-02", "yyyyMMdd", "20040102"},
		{"2004-01-02 03:04:05", "'day' d", "day 2"},
		{"1601-01-01", "dddd", "Monday"},
		{"1600-12-31", "dddd", "Sunday"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stamp stamp;
		struct buffer out;
		buffer_init(&out, 256);
		cr_assert(stamp_parse(cursor_text(rows[i].text), &stamp));
		stamp_format(&stamp, cursor_text(rows[i].format), &out);
		cr_expect_str_eq(buffer_text(&out), rows[i].out, "%s: %s", rows[i].format, buffer_text(&out));
		buffer_done(&out);
	}
}

Test(stamp, texts_are_read_by_a_format)
{
	static const struct { const char *text, *format, *out; } rows[] = {
		{"1/2/2004 1:04:05 PM", "M/d/yyyy h:mm:ss tt", "2004-01-02 13:04:05"},
		{"12:30 AM", "hh:mm tt", "00:30:00"}, {"2004-01-02T13:04:05", "yyyy-MM-ddTHH:mm:ss", "2004-01-02 13:04:05"},
		{"20040102", "yyyyMMdd", "2004-01-02"},
		{"02 May 99", "dd MMM yy", "1999-05-02"},
		{"2 September 2004", "d MMMM yyyy", "2004-09-02"},
		{"[02/Jan/2004:03:04:05", "?dd/MMM/yyyy:hh:mm:ss", "2004-01-02 03:04:05"},
		{"03:04:05.678", "hh:mm:ss.lll", "03:04:05.678"},
		{"2004-01-02", "yyyy-MM-dd hh", NULL},
		{"2004-01-02x", "yyyy-MM-dd", NULL},
		{"13 PM", "hh tt", NULL},
		{"2004-02-30", "yyyy-MM-dd", NULL},
		{"abc", "'abc'", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct stamp stamp;
		bool good = stamp_read(cursor_text(rows[i].text), cursor_text(rows[i].format), &stamp);
		cr_expect_eq(good, rows[i].out != NULL, "%s by %s", rows[i].text, rows[i].format);
		if (good && rows[i].out != NULL)
			cr_expect_str_eq(printed(&stamp), rows[i].out);
	}
}

Test(stamp, formats_that_mean_something_else_are_told)
{
	static const struct { const char *format; bool good; } rows[] = {
		{"yyyy-MM-dd hh:mm:ss", true}, {"yyyy-MM-ddTHH:mm:ssZ", true}, {"dd/MMM/yyyy:hh:mm:ss", true}, {"'at' hh", true}, {"?dd", true}, {"", true}, {"hh:mm", true},
		{"mm:ss", true}, {"YYYY-MM-dd", false}, {"yyyy-MM-DD", false}, {"yyyy-mm-dd", false}, {"at hh", false}, {"T", false}, {"Zhh", false}, {"hh:mm:SS", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(stamp_format_wrong(cursor_text(rows[i].format)) == NULL, rows[i].good, "%s", rows[i].format);
}

Test(stamp, times_of_the_year_0_are_spans)
{
	static const struct { const char *text, *format; int64_t seconds; } rows[] = {
		{"0000-01-01", "yyyy-MM-dd", 0}, {"0000-01-02", "yyyy-MM-dd", 86400}, {"0000-02-29", "yyyy-MM-dd", 59 * 86400}, {"0000-12-31", "yyyy-MM-dd", 365 * 86400},
		{"0000-01-01 00:05", "yyyy-MM-dd hh:mm", 300}, {"0000-02-30", "yyyy-MM-dd", -1}, {"2004-01-02", "yyyy-MM-dd", -1}, {"00:05", "hh:mm", -1},
		{"0001-01-01", "yyyy-MM-dd", -1}, {"x", "yyyy", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t ticks = -STAMP_SECOND;
		(void)stamp_read_span(cursor_text(rows[i].text), cursor_text(rows[i].format), &ticks);
		cr_expect_eq(ticks, rows[i].seconds * STAMP_SECOND, "%s", rows[i].text);
	}
}
