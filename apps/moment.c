#include "apps/moment.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apps/command.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* Exactly so many digits, and no more than `most`. */
static bool digits_take(struct cursor *cursor, size_t count, int least, int most, int *ret_number)
{
	uint64_t number;
	if (cursor_left(cursor) < count || !number_parse(cursor->at, count, (uint64_t)most, &number) || (int)number < least)
		return false;
	cursor->at += count;
	*ret_number = (int)number;
	return true;
}

static bool date_take(struct cursor *cursor, struct tm *date)
{
	static const int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	if (!digits_take(cursor, 4, 1970, 9999, &date->tm_year) || !cursor_take(cursor, '-') ||
	    !digits_take(cursor, 2, 1, 12, &date->tm_mon) || !cursor_take(cursor, '-') ||
	    !digits_take(cursor, 2, 1, days[date->tm_mon - 1], &date->tm_mday))
		return false;
	bool leap = (date->tm_year % 4 == 0 && date->tm_year % 100 != 0) || date->tm_year % 400 == 0;
	if (date->tm_mon == 2 && date->tm_mday == 29 && !leap)
		return false;
	date->tm_year -= 1900;
	date->tm_mon -= 1;
	return true;
}

static bool clock_take(struct cursor *cursor, struct tm *date)
{
	if (!digits_take(cursor, 2, 0, 23, &date->tm_hour) || !cursor_take(cursor, ':') ||
	    !digits_take(cursor, 2, 0, 59, &date->tm_min))
		return false;
	return !cursor_take(cursor, ':') || digits_take(cursor, 2, 0, 60, &date->tm_sec);
}

/* The end: Z, an offset, or nothing. */
static bool zone_take(struct cursor *cursor, struct tm *date, int64_t *ret_time)
{
	if (cursor_left(cursor) == 0) {
		date->tm_isdst = -1;
		*ret_time = mktime(date);
		return true;
	}
	*ret_time = timegm(date);
	if (cursor_take(cursor, 'Z') || cursor_take(cursor, 'z'))
		return cursor_left(cursor) == 0;
	bool east = cursor_take(cursor, '+');
	int hours, minutes = 0;
	if ((!east && !cursor_take(cursor, '-')) || !digits_take(cursor, 2, 0, 14, &hours))
		return false;
	if (cursor_left(cursor) > 0 && ((void)cursor_take(cursor, ':'), !digits_take(cursor, 2, 0, 59, &minutes)))
		return false;
	int64_t offset = (hours * 60 + minutes) * 60;
	*ret_time += east ? -offset : offset;
	return cursor_left(cursor) == 0;
}

static bool date_parse(const char *text, int64_t *ret_time)
{
	struct cursor cursor = cursor_text(text);
	struct tm date = {0};
	if (!date_take(&cursor, &date))
		return false;
	if (cursor_take(&cursor, 'T') || cursor_take(&cursor, 't') || cursor_take(&cursor, ' ')) {
		cursor_skip_blanks(&cursor);
		if (!clock_take(&cursor, &date))
			return false;
		cursor_skip_blanks(&cursor);
	}
	return zone_take(&cursor, &date, ret_time);
}

static bool ago_parse(const char *text, int64_t now, int64_t *ret_time)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	struct cursor cursor = cursor_text(text);
	uint64_t number;
	if (!cursor_number(&cursor, 100000000, &number) || cursor_left(&cursor) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(units); i++) {
		if (ascii_lower(*cursor.at) == units[i].letter) {
			*ret_time = now - (int64_t)number * units[i].seconds;
			return true;
		}
	}
	return false;
}

int moment_parse(const char *text, int64_t now, struct diag *diag, int64_t *ret_time)
{
	int64_t moment;
	if (!ago_parse(text, now, &moment) && !date_parse(text, &moment)) {
		diag_error(diag, NULL, "%s is no time: write 2026-11-21T10:00:00Z, \"2026-11-21 10:00\" or, for as long ago, 2h",
			   QUOTE(text));
		return ERROR_INPUT;
	}
	if (moment <= 0) {
		diag_error(diag, NULL, "%s is before 1970", QUOTE(text));
		return ERROR_INPUT;
	}
	*ret_time = moment;
	return 0;
}

void moment_print(int64_t moment, char text[MOMENT_TEXT])
{
	time_t seconds = moment;
	struct tm date;
	if (gmtime_r(&seconds, &date) == NULL || strftime(text, MOMENT_TEXT, "%Y-%m-%dT%H:%M:%SZ", &date) == 0)
		(void)snprintf(text, MOMENT_TEXT, "%lld", (long long)moment);
}

int moment_option(struct invocation *invocation, int64_t *ret_time)
{
	const char *text = invocation_option(invocation, "at");
	*ret_time = 0;
	return text != NULL ? moment_parse(text, time(NULL), invocation->diag, ret_time) : 0;
}
