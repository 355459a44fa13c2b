/* One row a function.  What is NULL stays NULL, unless the row says otherwise; texts are UTF-8 and counted in characters. */
#include "logparse/query/functions.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "core/policy/address.h"
#include "logparse/meaning.h"
#include "logparse/query/stamp.h"

enum { RESULT_MOST = 16 << 20 };

struct call {
	sqlite3_context *context;
	sqlite3_value **values;
	int count;
	uint64_t now;
};

/* --- Values --- */

static struct cursor text_of(const struct call *call, int i)
{
	const char *text = (const char *)sqlite3_value_text(call->values[i]);
	return text != NULL ? cursor_of(text, (size_t)sqlite3_value_bytes(call->values[i])) : cursor_text("");
}

static void give_text(const struct call *call, struct cursor text)
{
	sqlite3_result_text64(call->context, text.at, cursor_left(&text), SQLITE_TRANSIENT, SQLITE_UTF8);
}

static void give_buffer(const struct call *call, struct buffer *text)
{
	if (text->full)
		sqlite3_result_error_toobig(call->context);
	else
		give_text(call, cursor_of(buffer_text(text), text->length));
	buffer_done(text);
}

/* Nothing for what cannot be written: a year past 9999. */
static void give_stamp(const struct call *call, const struct stamp *stamp)
{
	struct buffer text;
	buffer_init(&text, 64);
	stamp_print(stamp, &text);
	if (text.length > 0)
		give_text(call, cursor_of(text.data, text.length));
	buffer_done(&text);
}

static bool stamp_of(const struct call *call, int i, struct stamp *ret_stamp)
{
	return sqlite3_value_type(call->values[i]) == SQLITE_TEXT && stamp_parse(text_of(call, i), ret_stamp);
}

static bool is_real(const struct call *call, int i)
{
	return sqlite3_value_numeric_type(call->values[i]) == SQLITE_FLOAT;
}

static bool is_number(const struct call *call, int i)
{
	int type = sqlite3_value_numeric_type(call->values[i]);
	return type == SQLITE_INTEGER || type == SQLITE_FLOAT;
}

/* --- Characters --- */

static size_t char_length(const char *text, size_t left)
{
	size_t length = utf8_length(text, left);
	return length > 0 ? length : 1;
}

static int64_t char_count(struct cursor text)
{
	int64_t count = 0;
	for (; text.at < text.end; count++)
		text.at += char_length(text.at, cursor_left(&text));
	return count;
}

static const char *char_at(struct cursor text, int64_t index)
{
	for (; index > 0 && text.at < text.end; index--)
		text.at += char_length(text.at, cursor_left(&text));
	return text.at;
}

/* From 0 on; negative: from the end. */
static void substr_call(const struct call *call)
{
	struct cursor text = text_of(call, 0);
	int64_t count = char_count(text), start = sqlite3_value_int64(call->values[1]);
	int64_t length = call->count > 2 ? sqlite3_value_int64(call->values[2]) : INT64_MAX;
	start = start < -count ? 0 : start < 0 ? count + start : start > count ? count : start;
	/* A negative length leaves so many off the end. */
	length = length < 0 ? (length < -count ? 0 : count - start + length) : length;
	length = length < 0 ? 0 : length > count - start ? count - start : length;
	const char *from = char_at(text, start);
	give_text(call, (struct cursor){from, char_at((struct cursor){from, text.end}, length)});
}

static void strlen_call(const struct call *call)
{
	sqlite3_result_int64(call->context, char_count(text_of(call, 0)));
}

static void strcat_call(const struct call *call)
{
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	for (int i = 0; i < call->count; i++) {
		struct cursor part = text_of(call, i);
		buffer_add(&text, part.at, cursor_left(&part));
	}
	give_buffer(call, &text);
}

static void case_change(const struct call *call, char first, char last)
{
	struct cursor from = text_of(call, 0);
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	char *to = buffer_room(&text, cursor_left(&from));
	for (; to != NULL && from.at < from.end; from.at++)
		*to++ = (char)(*from.at >= first && *from.at <= last ? *from.at ^ 0x20 : *from.at);
	if (to != NULL)
		buffer_took(&text, to);
	give_buffer(call, &text);
}

static void upper_call(const struct call *call)
{
	case_change(call, 'a', 'z');
}

static void lower_call(const struct call *call)
{
	case_change(call, 'A', 'Z');
}

static void strrev_call(const struct call *call)
{
	struct cursor from = text_of(call, 0);
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	char *to = buffer_room(&text, cursor_left(&from)), *end = to != NULL ? to + cursor_left(&from) : NULL, *last = end;
	while (to != NULL && from.at < from.end) {
		size_t length = char_length(from.at, cursor_left(&from));
		last -= length;
		memcpy(last, from.at, length);
		from.at += length;
	}
	if (to != NULL)
		buffer_took(&text, end);
	give_buffer(call, &text);
}

static void strrepeat_call(const struct call *call)
{
	struct cursor part = text_of(call, 0);
	sqlite3_int64 times = sqlite3_value_int64(call->values[1]);
	size_t length = cursor_left(&part), whole = length > 0 && times > 0 ? length : 0;
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	if (whole > 0 && (uint64_t)times > RESULT_MOST / length) {
		sqlite3_result_error_toobig(call->context);
		return;
	}
	whole *= whole > 0 ? (size_t)times : 0;
	char *to = buffer_room(&text, whole);
	for (size_t done = 0; to != NULL && done < whole;) {
		/* Each time as much as there is already. */
		size_t more = done == 0 ? length : done < whole - done ? done : whole - done;
		memcpy(to + done, done == 0 ? part.at : to, more);
		done += more;
	}
	if (to != NULL)
		buffer_took(&text, to + whole);
	give_buffer(call, &text);
}

/* --- Searching --- */

static const char *text_find(struct cursor text, struct cursor what)
{
	return cursor_left(&what) == 0 ? NULL : memmem(text.at, cursor_left(&text), what.at, cursor_left(&what));
}

static void index_of_call(const struct call *call)
{
	struct cursor text = text_of(call, 0);
	const char *found = text_find(text, text_of(call, 1));
	if (found != NULL)
		sqlite3_result_int64(call->context, char_count((struct cursor){text.at, found}));
}

static void last_index_of_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), what = text_of(call, 1), rest = text;
	const char *last = NULL, *found;
	while ((found = text_find(rest, what)) != NULL) {
		last = found;
		rest.at = found + 1;
	}
	if (last != NULL)
		sqlite3_result_int64(call->context, char_count((struct cursor){text.at, last}));
}

static void strcnt_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), what = text_of(call, 1);
	sqlite3_int64 count = 0;
	for (const char *found; (found = text_find(text, what)) != NULL; count++)
		text.at = found + cursor_left(&what);
	sqlite3_result_int64(call->context, count);
}

static void replace_str_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), what = text_of(call, 1), with = text_of(call, 2);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	for (const char *found; (found = text_find(text, what)) != NULL && !out.full; text.at = found + cursor_left(&what)) {
		buffer_add(&out, text.at, (size_t)(found - text.at));
		buffer_add(&out, with.at, cursor_left(&with));
	}
	buffer_add(&out, text.at, cursor_left(&text));
	give_buffer(call, &out);
}

/* Any of the characters, by a text. */
static void replace_chr_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), what = text_of(call, 1), with = text_of(call, 2);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	while (text.at < text.end && !out.full) {
		size_t length = char_length(text.at, cursor_left(&text));
		bool hit = cursor_left(&what) > 0 && memmem(what.at, cursor_left(&what), text.at, length) != NULL;
		buffer_add(&out, hit ? with.at : text.at, hit ? cursor_left(&with) : length);
		text.at += length;
	}
	give_buffer(call, &out);
}

/* --- Parts of texts --- */

static struct cursor separator_of(const struct call *call, int i, const char *usual)
{
	struct cursor separator = call->count > i ? text_of(call, i) : cursor_text(usual);
	return cursor_left(&separator) > 0 ? separator : cursor_text(usual);
}

/* Takes what is before the next separator, or all when there is none; false at the end. */
static bool token_take(struct cursor *text, struct cursor separator, struct cursor *ret_token)
{
	if (text->at == NULL)
		return false;
	const char *found = text_find(*text, separator);
	*ret_token = (struct cursor){text->at, found != NULL ? found : text->end};
	*text = found != NULL ? (struct cursor){found + cursor_left(&separator), text->end} : (struct cursor){NULL, NULL};
	return true;
}

static int64_t token_count(struct cursor text, struct cursor separator)
{
	struct cursor token;
	int64_t count = 0;
	while (token_take(&text, separator, &token))
		count++;
	return count;
}

/* From 0 on; -1 is the last.  Beyond: NULL. */
static void extract_token_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), separator = separator_of(call, 2, ","), token;
	int64_t index = sqlite3_value_int64(call->values[1]);
	if (index < 0)
		index = index < -INT64_C(1000000000) ? -1 : index + token_count(text, separator);
	while (index >= 0 && token_take(&text, separator, &token))
		if (index-- == 0)
			give_text(call, token);
}

/* The first so many tokens, with the separators between: index 0 is the first alone. */
static void extract_prefix_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), separator = separator_of(call, 2, ","), rest = text, token;
	int64_t index = sqlite3_value_int64(call->values[1]);
	while (index >= 0 && token_take(&rest, separator, &token))
		if (index-- == 0)
			give_text(call, (struct cursor){text.at, token.end});
}

/* The last so many: index 0 is the last alone. */
static void extract_suffix_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), separator = separator_of(call, 2, ","), rest = text, token;
	int64_t index = sqlite3_value_int64(call->values[1]), skip = token_count(text, separator) - 1 - (index < 0 ? INT64_MAX / 2 : index);
	while (index >= 0 && skip >= 0 && token_take(&rest, separator, &token))
		if (skip-- == 0)
			give_text(call, (struct cursor){token.at, text.end});
}

/* name=value&name=value */
static void extract_value_call(const struct call *call)
{
	struct cursor text = text_of(call, 0), name = text_of(call, 1), separator = separator_of(call, 2, "&"), token;
	size_t length = cursor_left(&name);
	while (token_take(&text, separator, &token)) {
		if (cursor_left(&token) <= length || token.at[length] != '=' || !ascii_prefix(token.at, length, name.at))
			continue;
		give_text(call, (struct cursor){token.at + length + 1, token.end});
		return;
	}
}

static const char *file_start(struct cursor path)
{
	const char *start = path.at;
	for (const char *at = path.at; at < path.end; at++)
		if (*at == '\\' || *at == '/')
			start = at + 1;
	return start;
}

static void extract_filename_call(const struct call *call)
{
	struct cursor path = text_of(call, 0);
	give_text(call, (struct cursor){file_start(path), path.end});
}

static void extract_path_call(const struct call *call)
{
	struct cursor path = text_of(call, 0);
	const char *start = file_start(path);
	give_text(call, (struct cursor){path.at, start > path.at ? start - 1 : start});
}

static void extract_extension_call(const struct call *call)
{
	struct cursor path = text_of(call, 0);
	const char *dot = NULL;
	for (const char *at = file_start(path); at < path.end; at++)
		dot = *at == '.' ? at + 1 : dot;
	give_text(call, (struct cursor){dot != NULL ? dot : path.end, path.end});
}

/* %%14592 and its kin, wherever they stand. */
static void resolve_call(const struct call *call)
{
	struct cursor text = text_of(call, 0);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	while (text.at < text.end) {
		struct cursor digits = text;
		uint64_t number;
		const char *name = NULL;
		if (cursor_take(&digits, '%') && cursor_take(&digits, '%') && cursor_number(&digits, UINT32_MAX, &number))
			name = parameter_text((uint32_t)number);
		if (name != NULL) {
			buffer_add_text(&out, name);
			text.at = digits.at;
		} else {
			buffer_add_char(&out, *text.at++);
		}
	}
	give_buffer(call, &out);
}

/* --- Numbers and times --- */

/* A number of seconds, or a time of day that stands for so many. */
static bool duration_of(const struct call *call, int i, int64_t *ret_ticks)
{
	struct stamp stamp;
	if (stamp_of(call, i, &stamp) && !stamp.has_date) {
		*ret_ticks = stamp.ticks;
		return true;
	}
	if (!is_number(call, i))
		return false;
	double seconds = sqlite3_value_double(call->values[i]);
	if (!(fabs(seconds) < 1e11))
		return false;
	*ret_ticks = (int64_t)(seconds * STAMP_SECOND);
	return true;
}

static void give_shifted(const struct call *call, struct stamp stamp, int64_t ticks)
{
	if (__builtin_add_overflow(stamp.ticks, ticks, &stamp.ticks))
		return;
	stamp.has_clock |= stamp.ticks % STAMP_DAY != 0;
	if (!stamp.has_date && (stamp.ticks < 0 || stamp.ticks >= STAMP_DAY))
		sqlite3_result_int64(call->context, stamp.ticks / STAMP_SECOND);
	else
		give_stamp(call, &stamp);
}

enum operation { OPERATION_ADD, OPERATION_SUB, OPERATION_MUL, OPERATION_DIV, OPERATION_MOD };

static void integers_compute(const struct call *call, enum operation operation)
{
	int64_t a = sqlite3_value_int64(call->values[0]), b = sqlite3_value_int64(call->values[1]), result = 0;
	bool bad = false;
	switch (operation) {
	case OPERATION_ADD: bad = __builtin_add_overflow(a, b, &result); break;
	case OPERATION_SUB: bad = __builtin_sub_overflow(a, b, &result); break;
	case OPERATION_MUL: bad = __builtin_mul_overflow(a, b, &result); break;
	case OPERATION_DIV:
	case OPERATION_MOD:
		bad = b == 0 || (a == INT64_MIN && b == -1);
		if (!bad)
			result = operation == OPERATION_DIV ? a / b : a % b;
		break;
	}
	if (!bad)
		sqlite3_result_int64(call->context, result);
}

static void reals_compute(const struct call *call, enum operation operation)
{
	double a = sqlite3_value_double(call->values[0]), b = sqlite3_value_double(call->values[1]);
	double result = operation == OPERATION_ADD ? a + b : operation == OPERATION_SUB ? a - b : operation == OPERATION_MUL ? a * b : (double)NAN;
	if (operation == OPERATION_DIV && b != 0)
		result = a / b;
	else if (operation == OPERATION_MOD && b != 0)
		result = fmod(a, b);
	if (isfinite(result))
		sqlite3_result_double(call->context, result);
}

static void compute(const struct call *call, enum operation operation)
{
	struct stamp a, b;
	int64_t ticks;
	bool first = stamp_of(call, 0, &a), second = stamp_of(call, 1, &b);
	if (operation == OPERATION_SUB && first && second && a.has_date == b.has_date) {
		sqlite3_result_int64(call->context, (a.ticks - b.ticks) / STAMP_SECOND);
	} else if (operation <= OPERATION_SUB && first && duration_of(call, 1, &ticks)) {
		give_shifted(call, a, operation == OPERATION_ADD ? ticks : -ticks);
	} else if (operation == OPERATION_ADD && second && duration_of(call, 0, &ticks)) {
		give_shifted(call, b, ticks);
	} else if (is_number(call, 0) && is_number(call, 1)) {
		if (is_real(call, 0) || is_real(call, 1))
			reals_compute(call, operation);
		else
			integers_compute(call, operation);
	}
}

static void add_call(const struct call *call)
{
	compute(call, OPERATION_ADD);
}

static void sub_call(const struct call *call)
{
	compute(call, OPERATION_SUB);
}

static void mul_call(const struct call *call)
{
	compute(call, OPERATION_MUL);
}

static void div_call(const struct call *call)
{
	compute(call, OPERATION_DIV);
}

static void mod_call(const struct call *call)
{
	compute(call, OPERATION_MOD);
}

/* Down to a multiple; times to one of so many seconds since Monday, 1601-01-01. */
static void quantize_call(const struct call *call)
{
	struct stamp stamp;
	int64_t step;
	if (stamp_of(call, 0, &stamp)) {
		if (!duration_of(call, 1, &step) || step <= 0)
			return;
		int64_t rest = stamp.ticks % step;
		stamp.ticks -= rest < 0 ? rest + step : rest;
		give_stamp(call, &stamp);
	} else if (is_number(call, 0) && (is_real(call, 0) || is_real(call, 1))) {
		double real = sqlite3_value_double(call->values[1]);
		if (real > 0)
			sqlite3_result_double(call->context, floor(sqlite3_value_double(call->values[0]) / real) * real);
	} else if (is_number(call, 0) && (step = sqlite3_value_int64(call->values[1])) > 0) {
		int64_t number = sqlite3_value_int64(call->values[0]), rest = number % step;
		if (!__builtin_sub_overflow(number, rest < 0 ? rest + step : rest, &number))
			sqlite3_result_int64(call->context, number);
	}
}

static void to_date_call(const struct call *call)
{
	struct stamp stamp;
	if (!stamp_of(call, 0, &stamp) || !stamp.has_date)
		return;
	stamp.has_clock = false;
	give_stamp(call, &stamp);
}

static void to_time_call(const struct call *call)
{
	struct stamp stamp;
	if (!stamp_of(call, 0, &stamp) || !stamp.has_clock)
		return;
	stamp.has_date = false;
	stamp.ticks %= STAMP_DAY;
	stamp.ticks += stamp.ticks < 0 ? STAMP_DAY : 0;
	give_stamp(call, &stamp);
}

/* A text alone, a date and a time, or a text by its format. */
static void to_timestamp_call(const struct call *call)
{
	struct stamp stamp, clock;
	bool parsed = stamp_of(call, 0, &stamp);
	if (call->count == 1) {
		if (parsed)
			give_stamp(call, &stamp);
		return;
	}
	if (parsed && stamp.has_date && !stamp.has_clock && stamp_of(call, 1, &clock) && !clock.has_date) {
		stamp.ticks += clock.ticks;
		stamp.has_clock = true;
		give_stamp(call, &stamp);
	} else if (stamp_read(text_of(call, 0), text_of(call, 1), &stamp)) {
		give_stamp(call, &stamp);
	}
}

static void to_string_call(const struct call *call)
{
	struct stamp stamp;
	struct buffer text;
	if (call->count == 1 || !stamp_of(call, 0, &stamp)) {
		give_text(call, text_of(call, 0));
		return;
	}
	buffer_init(&text, 65536);
	stamp_format(&stamp, text_of(call, 1), &text);
	give_buffer(call, &text);
}

static int64_t local_offset(int64_t ticks, bool to_local)
{
	const int64_t epoch = INT64_C(11644473600);
	time_t seconds = (time_t)(ticks / STAMP_SECOND - epoch);
	struct tm tm;
	if (to_local)
		return localtime_r(&seconds, &tm) != NULL ? tm.tm_gmtoff : 0;
	if (gmtime_r(&seconds, &tm) == NULL)
		return 0;
	tm.tm_isdst = -1;
	time_t utc = mktime(&tm);
	return utc == (time_t)-1 ? 0 : (int64_t)utc - (int64_t)seconds;
}

static void zone_change(const struct call *call, bool to_local)
{
	struct stamp stamp;
	if (!stamp_of(call, 0, &stamp) || !stamp.has_date)
		return;
	stamp.has_clock = true;
	stamp.ticks += local_offset(stamp.ticks, to_local) * STAMP_SECOND;
	give_stamp(call, &stamp);
}

static void to_localtime_call(const struct call *call)
{
	zone_change(call, true);
}

static void to_utctime_call(const struct call *call)
{
	zone_change(call, false);
}

static void to_int_call(const struct call *call)
{
	const int64_t epoch = INT64_C(11644473600);
	struct stamp stamp;
	if (stamp_of(call, 0, &stamp)) {
		sqlite3_result_int64(call->context, stamp.ticks / STAMP_SECOND - (stamp.has_date ? epoch : 0));
	} else if (is_real(call, 0)) {
		double real = trunc(sqlite3_value_double(call->values[0]));
		if (fabs(real) < 9.2e18)
			sqlite3_result_int64(call->context, (sqlite3_int64)real);
	} else if (is_number(call, 0)) {
		sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]));
	}
}

static void to_real_call(const struct call *call)
{
	if (is_number(call, 0))
		sqlite3_result_double(call->context, sqlite3_value_double(call->values[0]));
}

static void to_hex_call(const struct call *call)
{
	char text[24];
	if (!is_number(call, 0))
		return;
	int length = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)sqlite3_value_int64(call->values[0]));
	give_text(call, cursor_of(text, (size_t)length));
}

static void hex_to_int_call(const struct call *call)
{
	struct cursor text = text_of(call, 0);
	uint64_t number = 0;
	if (cursor_left(&text) > 2 && *text.at == '0' && (text.at[1] | 0x20) == 'x')
		text.at += 2;
	if (cursor_left(&text) == 0 || cursor_left(&text) > 16)
		return;
	for (; text.at < text.end; text.at++) {
		char c = ascii_lower(*text.at);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return;
		number = number << 4 | (uint64_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	if (number <= INT64_MAX)
		sqlite3_result_int64(call->context, (sqlite3_int64)number);
}

static void bit_and_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) & sqlite3_value_int64(call->values[1]));
}

static void bit_or_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) | sqlite3_value_int64(call->values[1]));
}

static void bit_xor_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) ^ sqlite3_value_int64(call->values[1]));
}

/* --- Now --- */

static void system_call(const struct call *call, bool date, bool clock)
{
	struct stamp stamp = {(int64_t)(call->now - call->now % STAMP_SECOND), date, clock};
	if (!date)
		stamp.ticks %= STAMP_DAY;
	give_stamp(call, &stamp);
}

static void system_timestamp_call(const struct call *call)
{
	system_call(call, true, true);
}

static void system_date_call(const struct call *call)
{
	system_call(call, true, false);
}

static void system_time_call(const struct call *call)
{
	system_call(call, false, true);
}

/* --- Addresses --- */

static void ipv4_to_int_call(const struct call *call)
{
	struct cursor text = text_of(call, 0);
	uint32_t address = 0;
	for (int i = 0; i < 4; i++) {
		uint64_t number;
		if ((i > 0 && !cursor_take(&text, '.')) || !cursor_number(&text, 255, &number))
			return;
		address = address << 8 | (uint32_t)number;
	}
	if (cursor_left(&text) == 0)
		sqlite3_result_int64(call->context, (sqlite3_int64)address);
}

static void int_to_ipv4_call(const struct call *call)
{
	sqlite3_int64 number = sqlite3_value_int64(call->values[0]);
	char text[16];
	if (!is_number(call, 0) || number < 0 || number > UINT32_MAX)
		return;
	uint32_t address = (uint32_t)number;
	int length = snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
	give_text(call, cursor_of(text, (size_t)length));
}

/* Ours: whether an address is in a network. */
static void in_network_call(const struct call *call)
{
	struct cursor address = text_of(call, 0), network = text_of(call, 1);
	struct ip_prefix one, prefix;
	if (!ip_prefix_parse(address.at, cursor_left(&address), &one) || !ip_prefix_parse(network.at, cursor_left(&network), &prefix))
		return;
	sqlite3_result_int(call->context, one.ip.family == prefix.ip.family && one.bits >= prefix.bits &&
						  ip_in_prefix(one.ip.bytes, prefix.ip.bytes, prefix.bits));
}

/* --- Conditions --- */

static void replace_if_not_null_call(const struct call *call)
{
	if (sqlite3_value_type(call->values[0]) != SQLITE_NULL)
		sqlite3_result_value(call->context, call->values[1]);
}

/* --- The table --- */

struct function {
	const char *name;
	int least, most;          /* arguments */
	bool takes_null;
	void (*call)(const struct call *call);
	const char *usage;
};

static const struct function functions[] = {
	{"ADD", 2, 2, false, add_call, "ADD(a, b): numbers, or a time and seconds"},
	{"BIT_AND", 2, 2, false, bit_and_call, "BIT_AND(a, b)"},
	{"BIT_OR", 2, 2, false, bit_or_call, "BIT_OR(a, b)"},
	{"BIT_XOR", 2, 2, false, bit_xor_call, "BIT_XOR(a, b)"},
	{"DIV", 2, 2, false, div_call, "DIV(a, b)"},
	{"EXTRACT_EXTENSION", 1, 1, false, extract_extension_call, "EXTRACT_EXTENSION(path)"},
	{"EXTRACT_FILENAME", 1, 1, false, extract_filename_call, "EXTRACT_FILENAME(path)"},
	{"EXTRACT_PATH", 1, 1, false, extract_path_call, "EXTRACT_PATH(path)"},
	{"EXTRACT_PREFIX", 2, 3, false, extract_prefix_call, "EXTRACT_PREFIX(text, index [, separator])"},
	{"EXTRACT_SUFFIX", 2, 3, false, extract_suffix_call, "EXTRACT_SUFFIX(text, index [, separator])"},
	{"EXTRACT_TOKEN", 2, 3, false, extract_token_call, "EXTRACT_TOKEN(text, index [, separator])"},
	{"EXTRACT_VALUE", 2, 3, false, extract_value_call, "EXTRACT_VALUE(text, name [, separator])"},
	{"HEX_TO_INT", 1, 1, false, hex_to_int_call, "HEX_TO_INT(text)"},
	{"INDEX_OF", 2, 2, false, index_of_call, "INDEX_OF(text, part)"},
	{"INT_TO_IPV4", 1, 1, false, int_to_ipv4_call, "INT_TO_IPV4(number)"},
	{"IN_NETWORK", 2, 2, false, in_network_call, "IN_NETWORK(address, '192.0.2.0/24')"},
	{"IPV4_TO_INT", 1, 1, false, ipv4_to_int_call, "IPV4_TO_INT(address)"},
	{"LAST_INDEX_OF", 2, 2, false, last_index_of_call, "LAST_INDEX_OF(text, part)"},
	{"MOD", 2, 2, false, mod_call, "MOD(a, b)"},
	{"MUL", 2, 2, false, mul_call, "MUL(a, b)"},
	{"QUANTIZE", 2, 2, false, quantize_call, "QUANTIZE(number or time, step or seconds)"},
	{"REPLACE_CHR", 3, 3, false, replace_chr_call, "REPLACE_CHR(text, characters, with)"},
	{"REPLACE_IF_NOT_NULL", 2, 2, true, replace_if_not_null_call, "REPLACE_IF_NOT_NULL(value, with)"},
	{"REPLACE_STR", 3, 3, false, replace_str_call, "REPLACE_STR(text, part, with)"},
	{"RESOLVE", 1, 1, false, resolve_call, "RESOLVE(text): %%14592 is Inbound"},
	{"STRCAT", 1, 100, false, strcat_call, "STRCAT(text, text …)"},
	{"STRCNT", 2, 2, false, strcnt_call, "STRCNT(text, part)"},
	{"STRLEN", 1, 1, false, strlen_call, "STRLEN(text)"},
	{"STRREPEAT", 2, 2, false, strrepeat_call, "STRREPEAT(text, times)"},
	{"STRREV", 1, 1, false, strrev_call, "STRREV(text)"},
	{"SUB", 2, 2, false, sub_call, "SUB(a, b): numbers, a time and seconds, or two times (seconds between)"},
	{"SUBSTR", 2, 3, false, substr_call, "SUBSTR(text, start [, length]): the first character is 0"},
	{"SYSTEM_DATE", 0, 0, false, system_date_call, "SYSTEM_DATE()"},
	{"SYSTEM_TIME", 0, 0, false, system_time_call, "SYSTEM_TIME()"},
	{"SYSTEM_TIMESTAMP", 0, 0, false, system_timestamp_call, "SYSTEM_TIMESTAMP()"},
	{"TIMESTAMP", 2, 2, false, to_timestamp_call, "TIMESTAMP('2004-01-12', 'yyyy-MM-dd')"},
	{"TO_DATE", 1, 1, false, to_date_call, "TO_DATE(time)"},
	{"TO_HEX", 1, 1, false, to_hex_call, "TO_HEX(number)"},
	{"TO_INT", 1, 1, false, to_int_call, "TO_INT(value)"},
	{"TO_LOCALTIME", 1, 1, false, to_localtime_call, "TO_LOCALTIME(time)"},
	{"TO_LOWERCASE", 1, 1, false, lower_call, "TO_LOWERCASE(text)"},
	{"TO_REAL", 1, 1, false, to_real_call, "TO_REAL(value)"},
	{"TO_STRING", 1, 2, false, to_string_call, "TO_STRING(value [, 'yyyy-MM-dd hh:mm:ss'])"},
	{"TO_TIME", 1, 1, false, to_time_call, "TO_TIME(time)"},
	{"TO_TIMESTAMP", 1, 2, false, to_timestamp_call, "TO_TIMESTAMP(date, time) or TO_TIMESTAMP(text, 'yyyy-MM-dd hh:mm:ss')"},
	{"TO_UPPERCASE", 1, 1, false, upper_call, "TO_UPPERCASE(text)"},
	{"TO_UTCTIME", 1, 1, false, to_utctime_call, "TO_UTCTIME(time)"},
};
enum { FUNCTIONS = sizeof(functions) / sizeof(functions[0]) };

/* Rewritten before SQLite sees them. */
static const char *const rewritten[] = {"DATA", "IN_ROW_NUMBER", "PROPCOUNT", "PROPSUM"};

/* SQLite's own that only compute, those behind LIKE and GLOB among them. */
static const char *const builtins[] = {
	"abs", "avg", "ceil", "ceiling", "char", "coalesce", "count", "cume_dist", "date", "datetime", "dense_rank", "exp", "first_value", "floor",
	"glob", "group_concat", "hex", "ifnull", "iif", "instr", "julianday", "lag", "last_value", "lead", "length", "like", "ln", "log", "log10",
	"log2", "lower", "ltrim", "max", "min", "nth_value", "ntile", "nullif", "percent_rank", "pow", "power", "rank", "replace", "round",
	"row_number", "rtrim", "sign", "sqrt", "strftime", "substring", "sum", "time", "total", "trim", "trunc", "typeof", "unicode", "unixepoch",
	"upper",
};

struct bound {
	uint64_t now;
	const struct function *function;
};

static void function_run(sqlite3_context *context, int count, sqlite3_value **values)
{
	const struct bound *bound = sqlite3_user_data(context);
	const struct call call = {context, values, count, bound->now};
	if (count < bound->function->least || count > bound->function->most) {
		sqlite3_result_error(context, bound->function->usage, -1);
		return;
	}
	for (int i = 0; i < count && !bound->function->takes_null; i++)
		if (sqlite3_value_type(values[i]) == SQLITE_NULL)
			return;
	bound->function->call(&call);
}

static int function_make(sqlite3 *db, const struct function *function, uint64_t now)
{
	enum { FEW = 4 };
	bool many = function->most > FEW;
	int code = SQLITE_OK;
	for (int count = function->least; count <= (many ? function->least : function->most) && code == SQLITE_OK; count++) {
		struct bound *bound = memory_alloc(sizeof(*bound));
		*bound = (struct bound){now, function};
		code = sqlite3_create_function_v2(db, function->name, many ? -1 : count, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, bound,
						  function_run, NULL, NULL, free);
	}
	return code;
}

int functions_make(sqlite3 *db, uint64_t now)
{
	int code = SQLITE_OK;
	for (size_t i = 0; i < FUNCTIONS && code == SQLITE_OK; i++)
		code = function_make(db, &functions[i], now);
	return code;
}

static const struct function *function_find(const char *name, size_t length)
{
	for (size_t i = 0; i < FUNCTIONS; i++)
		if (ascii_equal_n(name, length, functions[i].name))
			return &functions[i];
	return NULL;
}

bool function_ours(const char *name, size_t length)
{
	return function_find(name, length) != NULL;
}

bool function_allowed(const char *name)
{
	for (size_t i = 0; i < sizeof(builtins) / sizeof(builtins[0]); i++)
		if (ascii_equal(name, builtins[i]))
			return true;
	return function_ours(name, strlen(name));
}

const char *function_usage(const char *name, size_t length)
{
	const struct function *function = function_find(name, length);
	return function != NULL ? function->usage : NULL;
}

const char *function_nearest(const char *name, size_t length)
{
	enum { REWRITTEN = sizeof(rewritten) / sizeof(rewritten[0]), BUILTINS = sizeof(builtins) / sizeof(builtins[0]) };
	const char *names[FUNCTIONS + REWRITTEN + BUILTINS + 1];
	size_t count = 0;
	for (size_t i = 0; i < FUNCTIONS; i++)
		names[count++] = functions[i].name;
	for (size_t i = 0; i < REWRITTEN; i++)
		names[count++] = rewritten[i];
	for (size_t i = 0; i < BUILTINS; i++)
		names[count++] = builtins[i];
	names[count] = NULL;
	return word_nearest(name, length, names);
}

const char *function_name(size_t index)
{
	if (index < FUNCTIONS)
		return functions[index].name;
	return index - FUNCTIONS < sizeof(rewritten) / sizeof(rewritten[0]) ? rewritten[index - FUNCTIONS] : NULL;
}
