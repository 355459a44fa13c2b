/* Times as users write them. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "apps/moment.h"
#include "core/base/error.h"

enum { NOW = 1795255200 }; /* 2026-11-21T10:00:00Z */

Test(moment, reads_what_it_should)
{
	static const struct {
		const char *text;
		int64_t time;
	} rows[] = {
		{"2026-11-21T10:00:00Z", NOW},
		{"2026-11-21t10:00:00z", NOW},
		{"2026-11-21 10:00:00Z", NOW},
		{"2026-11-21T10:00Z", NOW},
		{"2026-11-21 10:00 Z", NOW},
		{"2026-11-21T11:30:00+01:30", NOW},
		{"2026-11-21T11:30:00+0130", NOW},
		{"2026-11-21T05:00:00-05", NOW},
		{"2024-02-29T00:00:00Z", 1709164800},
		{"1970-01-01T00:00:01Z", 1},
		{"0s", NOW}, {"90s", NOW - 90}, {"30m", NOW - 1800}, {"2h", NOW - 7200}, {"3d", NOW - 259200}, {"1W", NOW - 604800},
		/* Without a zone it is the machine's: here three hours east. */
		{"2026-11-21 13:00", NOW},
		{"2026-11-21T13:00:00", NOW},
		{"2026-11-21", NOW - 13 * 3600},
	};
	(void)setenv("TZ", "TST-3", 1);
	tzset();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		int64_t time = -1;
		cr_expect_eq(moment_parse(rows[i].text, NOW, NULL, &time), 0, "%s", rows[i].text);
		cr_expect_eq(time, rows[i].time, "%s: %lld", rows[i].text, (long long)time);
	}
}

Test(moment, refuses_the_rest)
{
	static const char *const rows[] = {
		"", "now", "yesterday", "2h30m", "h", "2", "-2h", "2 h", "2y", "99999999999999999999h", "100000000w",
		"2026-13-01", "2026-00-01", "2026-02-29", "2026-04-31", "2026-11-21T24:00Z", "2026-11-21T10:60Z", "2026-11-21T10",
		"2026-11-21T10:00:00+15:00", "2026-11-21T10:00:00X", "2026-11-21T10:00:00Zjunk", "26-11-21", "2026/11/21", "1969-12-31T00:00Z",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct diag diag;
		int64_t time = -1;
		diag_init(&diag);
		cr_expect_eq(moment_parse(rows[i], NOW, &diag, &time), ERROR_INPUT, "%s gives %lld", rows[i], (long long)time);
		cr_expect_eq(diag.errors, 1, "%s", rows[i]);
		cr_expect_eq(time, -1, "%s", rows[i]);
		diag_done(&diag);
	}
}

Test(moment, prints_what_it_reads)
{
	static const int64_t rows[] = {1, 86399, 951782400, NOW, 4102444800, 253402300799};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[MOMENT_TEXT];
		int64_t time = 0;
		moment_print(rows[i], text);
		cr_expect_eq(moment_parse(text, NOW, NULL, &time), 0, "%s", text);
		cr_expect_eq(time, rows[i], "%s", text);
	}
}
