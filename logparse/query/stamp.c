#include "logparse/query/stamp.h"

struct civil {
	int64_t year;
	unsigned month, day, weekday; /* weekday 0: Sunday */
	unsigned hour, minute, second;
	unsigned fraction;            /* 100 ns */
};

enum { YEAR_MOST = 9999, DAYS_1601 = 584694 /* from 0000-03-01 */ };

static int64_t days_of(int64_t year, unsigned month, unsigned day)
{
	year -= month <= 2;
	int64_t era = year / 400;
	int64_t of_era = year - era * 400, of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - DAYS_1601;
}

static void civil_of(int64_t ticks, struct civil *civil)
{
	int64_t day = ticks / STAMP_DAY, rest = ticks % STAMP_DAY;
	if (rest < 0) {
		rest += STAMP_DAY;
		day--;
	}
	*civil = (struct civil){.year = 0, .month = 1, .day = 1};
	if (day < -DAYS_1601)
		return;
	int64_t shifted = day + DAYS_1601, era = shifted / 146097, of_era = shifted % 146097;
	int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	int64_t of_year = of_era - (365 * year + year / 4 - year / 100), month = (5 * of_year + 2) / 153;
	*civil = (struct civil){
		.year = year + era * 400 + (month >= 10), .month = (unsigned)(month < 10 ? month + 3 : month - 9),
		.day = (unsigned)(of_year - (153 * month + 2) / 5 + 1), .weekday = (unsigned)(((day % 7) + 8) % 7),
		.hour = (unsigned)(rest / (INT64_C(3600) * STAMP_SECOND)), .minute = (unsigned)(rest / (INT64_C(60) * STAMP_SECOND) % 60),
		.second = (unsigned)(rest / STAMP_SECOND % 60), .fraction = (unsigned)(rest % STAMP_SECOND),
	};
}

static bool civil_good(const struct civil *civil)
{
	static const unsigned char days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = civil->year % 4 == 0 && (civil->year % 100 != 0 || civil->year % 400 == 0);
	return civil->year >= 1 && civil->year <= YEAR_MOST && civil->month >= 1 && civil->month <= 12 && civil->day >= 1 &&
	       civil->day <= days[civil->month - 1] && (civil->month != 2 || civil->day <= 28u + leap) && civil->hour < 24 && civil->minute < 60 &&
	       civil->second < 60;
}

static int64_t ticks_of(const struct civil *civil)
{
	return days_of(civil->year, civil->month, civil->day) * STAMP_DAY +
	       ((int64_t)civil->hour * 3600 + (int64_t)civil->minute * 60 + (int64_t)civil->second) * STAMP_SECOND + (int64_t)civil->fraction;
}

/* --- The dialect's own form --- */

static bool digits_take(struct cursor *text, size_t least, size_t most, unsigned *ret_number)
{
	const char *start = text->at;
	unsigned number = 0;
	while (text->at < text->end && (size_t)(text->at - start) < most && ascii_digit(*text->at))
		number = number * 10 + (unsigned)(*text->at++ - '0');
	*ret_number = number;
	return (size_t)(text->at - start) >= least;
}

static bool fraction_take(struct cursor *text, unsigned *ret_fraction)
{
	unsigned scale = STAMP_SECOND / 10;
	const char *start = text->at;
	for (; text->at < text->end && ascii_digit(*text->at); text->at++, scale /= 10)
		*ret_fraction += (unsigned)(*text->at - '0') * scale;
	return text->at > start;
}

static bool clock_take(struct cursor *text, struct civil *civil)
{
	if (!digits_take(text, 2, 2, &civil->hour) || !cursor_take(text, ':') || !digits_take(text, 2, 2, &civil->minute))
		return false;
	if (!cursor_take(text, ':'))
		return true;
	if (!digits_take(text, 2, 2, &civil->second))
		return false;
	return !cursor_take(text, '.') || fraction_take(text, &civil->fraction);
}

bool stamp_parse(struct cursor text, struct stamp *ret_stamp)
{
	struct civil civil = {.year = 1601, .month = 1, .day = 1};
	struct stamp stamp = {.has_date = cursor_left(&text) >= 5 && text.at[4] == '-'};
	unsigned year;
	if (stamp.has_date) {
		if (!digits_take(&text, 4, 4, &year) || !cursor_take(&text, '-') || !digits_take(&text, 2, 2, &civil.month) ||
		    !cursor_take(&text, '-') || !digits_take(&text, 2, 2, &civil.day))
			return false;
		civil.year = (int64_t)year;
	}
	if (!stamp.has_date || cursor_take(&text, ' ') || cursor_take(&text, 'T')) {
		if (!clock_take(&text, &civil))
			return false;
		stamp.has_clock = true;
		(void)(stamp.has_date && cursor_take(&text, 'Z'));
	}
	if (cursor_left(&text) > 0 || !civil_good(&civil))
		return false;
	stamp.ticks = ticks_of(&civil);
	*ret_stamp = stamp;
	return true;
}

static char *digits_put(char *to, unsigned number, unsigned count)
{
	for (unsigned i = count; i-- > 0; number /= 10)
		to[i] = (char)('0' + number % 10);
	return to + count;
}

static char *date_put(char *to, const struct civil *civil)
{
	to = digits_put(to, (unsigned)civil->year, civil->year > YEAR_MOST ? 5 : 4);
	*to++ = '-';
	to = digits_put(to, civil->month, 2);
	*to++ = '-';
	return digits_put(to, civil->day, 2);
}

static char *clock_put(char *to, const struct civil *civil)
{
	to = digits_put(to, civil->hour, 2);
	*to++ = ':';
	to = digits_put(to, civil->minute, 2);
	*to++ = ':';
	return digits_put(to, civil->second, 2);
}

size_t stamp_put(uint64_t time, char text[STAMP_TEXT])
{
	struct civil civil;
	char *to = text;
	if (time > INT64_MAX)
		return 0;
	civil_of((int64_t)time, &civil);
	to = date_put(to, &civil);
	*to++ = ' ';
	return (size_t)(clock_put(to, &civil) - text);
}

void stamp_print(const struct stamp *stamp, struct buffer *text)
{
	struct civil civil;
	char room[40], *to = room;
	civil_of(stamp->ticks, &civil);
	if (civil.year < 1 || civil.year > YEAR_MOST)
		return;
	if (stamp->has_date)
		to = date_put(to, &civil);
	if (stamp->has_date && stamp->has_clock)
		*to++ = ' ';
	if (stamp->has_clock) {
		to = clock_put(to, &civil);
		if (civil.fraction > 0) {
			*to++ = '.';
			to = digits_put(to, civil.fraction, 7);
			while (to[-1] == '0')
				to--;
		}
	}
	buffer_add(text, room, (size_t)(to - room));
}

/* --- Formats --- */

static const char *const months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
				     "November", "December"};
static const char *const weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};

/* The next run of one letter, or a text in quotes. */
static bool format_next(struct cursor *format, char *ret_letter, size_t *ret_count, struct cursor *ret_text)
{
	if (format->at == format->end)
		return false;
	const char *start = format->at;
	char c = *start;
	*ret_letter = '\0';
	*ret_count = 1;
	*ret_text = (struct cursor){start, start};
	if (c == '\'') {
		const char *close = memchr(start + 1, '\'', cursor_left(format) - 1);
		const char *end = close != NULL ? close : format->end;
		*ret_text = (struct cursor){start + 1, end};
		format->at = close != NULL ? close + 1 : end;
		return true;
	}
	format->at++;
	if (strchr("yMdhHmslnt", c) == NULL) {
		*ret_text = (struct cursor){start, format->at};
		return true;
	}
	while (format->at < format->end && *format->at == c)
		format->at++;
	*ret_letter = c;
	*ret_count = (size_t)(format->at - start);
	return true;
}

/* In words, what is wrong with a format that somebody wrote: letters that mean nothing stand in '…', but for the T and Z of
 * 2004-01-12T09:14:57Z. */
const char *stamp_format_wrong(struct cursor format)
{
	struct cursor literal = {NULL, NULL}, whole = format;
	char letter;
	size_t count;
	bool year = false, month = false, hour = false, minute = false;
	while (format_next(&format, &letter, &count, &literal)) {
		year |= letter == 'y';
		month |= letter == 'M';
		hour |= ascii_lower(letter) == 'h';
		minute |= letter == 'm';
		bool quoted = literal.at > whole.at && literal.at[-1] == '\'';
		char c = letter == '\0' && !quoted && cursor_left(&literal) > 0 ? *literal.at : '\0';
		bool joint = (c == 'T' && cursor_left(&format) > 0 && ascii_lower(*format.at) == 'h') || (c == 'Z' && cursor_left(&format) == 0);
		if (((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) && !joint)
			return "a letter that no format has: it is made of yyyy yy MM M MMM MMMM dd d ddd dddd HH hh h mm m ss s lll nnnnnnnnn tt; other letters stand in ''…''";
	}
	return year && minute && !month && !hour ? "mm is the minutes of a time: months are MM" : NULL;
}

static bool has_noon(struct cursor format)
{
	for (const char *at = format.at; at < format.end; at++)
		if (*at == 't')
			return true;
	return false;
}

static void number_add(struct buffer *text, unsigned number, size_t digits)
{
	char room[20];
	digits = digits < sizeof(room) ? digits : sizeof(room);
	size_t least = 1;
	for (unsigned rest = number / 10; rest > 0; rest /= 10)
		least++;
	digits = digits < least ? least : digits;
	buffer_add(text, room, (size_t)(digits_put(room, number, (unsigned)digits) - room));
}

static void word_add(struct buffer *text, const char *name, bool whole)
{
	buffer_add(text, name, whole || strlen(name) < 3 ? strlen(name) : 3);
}

static void part_format(const struct civil *civil, char letter, size_t count, bool noon, struct buffer *text)
{
	unsigned hour = noon ? (civil->hour + 11) % 12 + 1 : civil->hour, year = (unsigned)civil->year;
	switch (letter) {
	case 'y': number_add(text, count >= 4 ? year : count == 3 ? year % 1000 : count == 2 ? year % 100 : year % 10, count); break;
	case 'M':
		if (count <= 2)
			number_add(text, civil->month, count);
		else
			word_add(text, months[civil->month - 1], count > 3);
		break;
	case 'd':
		if (count <= 2)
			number_add(text, civil->day, count);
		else
			word_add(text, weekdays[civil->weekday], count > 3);
		break;
	case 'h': number_add(text, hour, count); break;
	case 'H': number_add(text, civil->hour, count); break;
	case 'm': number_add(text, civil->minute, count); break;
	case 's': number_add(text, civil->second, count); break;
	case 'l': number_add(text, civil->fraction / 10000, count > 3 ? count : 3); break;
	case 'n': number_add(text, civil->fraction * 100, count > 9 ? count : 9); break;
	default: buffer_add_text(text, civil->hour < 12 ? "AM" : "PM"); break;
	}
}

void stamp_format(const struct stamp *stamp, struct cursor format, struct buffer *text)
{
	struct civil civil;
	struct cursor literal = {NULL, NULL};
	char letter;
	size_t count = 0;
	bool noon = has_noon(format);
	civil_of(stamp->ticks, &civil);
	if (civil.year < 1 || civil.year > YEAR_MOST)
		return;
	while (format_next(&format, &letter, &count, &literal))
		if (letter == '\0')
			buffer_add(text, literal.at, cursor_left(&literal));
		else
			part_format(&civil, letter, count, noon, text);
}

/* The name that the text begins with, whole or its first three letters. */
static bool name_take(struct cursor *text, const char *const names[], size_t count, unsigned *ret_index)
{
	for (size_t i = 0; i < count; i++) {
		size_t whole = strlen(names[i]), length = cursor_left(text) >= whole && ascii_equal_n(text->at, whole, names[i]) ? whole : 3;
		if (cursor_left(text) < length || !ascii_prefix(text->at, length, names[i]))
			continue;
		text->at += length;
		*ret_index = (unsigned)i;
		return true;
	}
	return false;
}

struct reading {
	struct civil civil;
	bool date, clock, noon, afternoon;
};

static bool year_read(struct reading *reading, struct cursor *text, size_t count)
{
	unsigned year;
	if (!digits_take(text, count >= 4 ? 4 : count == 2 ? 2 : 1, count >= 4 ? 4 : 2, &year))
		return false;
	reading->civil.year = (int64_t)(count >= 4 ? year : year + (year < 70 ? 2000 : 1900));
	return reading->date = true;
}

static bool part_read(struct reading *reading, struct cursor *text, char letter, size_t count)
{
	struct civil *civil = &reading->civil;
	unsigned index;
	size_t least = count == 2 ? 2 : 1;
	reading->date |= letter == 'y' || letter == 'M' || letter == 'd';
	reading->clock |= strchr("hHmslnt", letter) != NULL;
	switch (letter) {
	case 'y': return year_read(reading, text, count);
	case 'M':
		if (count <= 2)
			return digits_take(text, least, 2, &civil->month);
		if (!name_take(text, months, 12, &index))
			return false;
		civil->month = index + 1;
		return true;
	case 'd': return count <= 2 ? digits_take(text, least, 2, &civil->day) : name_take(text, weekdays, 7, &index);
	case 'h':
	case 'H': return digits_take(text, least, 2, &civil->hour);
	case 'm': return digits_take(text, least, 2, &civil->minute);
	case 's': return digits_take(text, least, 2, &civil->second);
	case 'l':
	case 'n': return fraction_take(text, &civil->fraction);
	default:
		if (cursor_left(text) < 2 || (text->at[1] | 0x20) != 'm' || ((*text->at | 0x20) != 'a' && (*text->at | 0x20) != 'p'))
			return false;
		reading->noon = true;
		reading->afternoon = (*text->at | 0x20) == 'p';
		text->at += 2;
		return true;
	}
}

static bool format_read(struct cursor text, struct cursor format, struct reading *reading)
{
	struct cursor literal = {NULL, NULL};
	char letter;
	size_t count;
	while (format_next(&format, &letter, &count, &literal)) {
		if (letter != '\0' && !part_read(reading, &text, letter, count))
			return false;
		for (; letter == '\0' && literal.at < literal.end; literal.at++, text.at++)
			if (text.at == text.end || (*literal.at != *text.at && *literal.at != '?'))
				return false;
	}
	struct civil *civil = &reading->civil;
	if (reading->noon && (civil->hour == 0 || civil->hour > 12))
		return false;
	if (reading->noon)
		civil->hour = civil->hour % 12 + (reading->afternoon ? 12 : 0);
	return cursor_left(&text) == 0 && (reading->date || reading->clock);
}

bool stamp_read(struct cursor text, struct cursor format, struct stamp *ret_stamp)
{
	struct reading reading = {.civil = {.year = 1601, .month = 1, .day = 1}};
	if (!format_read(text, format, &reading) || !civil_good(&reading.civil))
		return false;
	*ret_stamp = (struct stamp){ticks_of(&reading.civil), reading.date, reading.clock};
	return true;
}

bool stamp_read_span(struct cursor text, struct cursor format, int64_t *ret_ticks)
{
	enum { LEAP = 2000 /* as the year 0 is */ };
	struct reading reading = {.civil = {.year = 1601, .month = 1, .day = 1}};
	if (!format_read(text, format, &reading) || reading.civil.year != 0)
		return false;
	reading.civil.year = LEAP;
	if (!civil_good(&reading.civil))
		return false;
	*ret_ticks = ticks_of(&reading.civil) - days_of(LEAP, 1, 1) * STAMP_DAY;
	return true;
}
