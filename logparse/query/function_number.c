/* Functions of numbers, times and addresses. */
#include <math.h>
#include <stdio.h>
#include <sys/utsname.h>
#include <time.h>

#include "core/policy/address.h"
#include "logparse/query/argument.h"

/* --- Numbers and times --- */

/* A number of seconds, or a time of day that stands for so many. */
static bool duration_of(const struct call *call, int i, int64_t *ret_ticks)
{
	struct stamp stamp;
	if (argument_stamp(call, i, &stamp) && !stamp.has_date) {
		*ret_ticks = stamp.ticks;
		return true;
	}
	if (!argument_is_number(call, i))
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
		result_give_stamp(call, &stamp);
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
	bool first = argument_stamp(call, 0, &a), second = argument_stamp(call, 1, &b);
	if (operation == OPERATION_SUB && first && second && a.has_date == b.has_date) {
		sqlite3_result_int64(call->context, (a.ticks - b.ticks) / STAMP_SECOND);
	} else if (operation <= OPERATION_SUB && first && duration_of(call, 1, &ticks)) {
		give_shifted(call, a, operation == OPERATION_ADD ? ticks : -ticks);
	} else if (operation == OPERATION_ADD && second && duration_of(call, 0, &ticks)) {
		give_shifted(call, b, ticks);
	} else if (argument_is_number(call, 0) && argument_is_number(call, 1)) {
		if (argument_is_real(call, 0) || argument_is_real(call, 1))
			reals_compute(call, operation);
		else
			integers_compute(call, operation);
	}
}

void add_call(const struct call *call)
{
	compute(call, OPERATION_ADD);
}

void sub_call(const struct call *call)
{
	compute(call, OPERATION_SUB);
}

void mul_call(const struct call *call)
{
	compute(call, OPERATION_MUL);
}

void div_call(const struct call *call)
{
	compute(call, OPERATION_DIV);
}

void mod_call(const struct call *call)
{
	compute(call, OPERATION_MOD);
}

/* Down to a multiple; times to one of so many seconds since Monday, 1601-01-01. */
void quantize_call(const struct call *call)
{
	struct stamp stamp;
	int64_t step;
	if (argument_stamp(call, 0, &stamp)) {
		if (!duration_of(call, 1, &step) || step <= 0)
			return;
		int64_t rest = stamp.ticks % step;
		stamp.ticks -= rest < 0 ? rest + step : rest;
		result_give_stamp(call, &stamp);
	} else if (argument_is_number(call, 0) && (argument_is_real(call, 0) || argument_is_real(call, 1))) {
		double real = sqlite3_value_double(call->values[1]);
		if (real > 0)
			sqlite3_result_double(call->context, floor(sqlite3_value_double(call->values[0]) / real) * real);
	} else if (argument_is_number(call, 0) && (step = sqlite3_value_int64(call->values[1])) > 0) {
		int64_t number = sqlite3_value_int64(call->values[0]), rest = number % step;
		if (!__builtin_sub_overflow(number, rest < 0 ? rest + step : rest, &number))
			sqlite3_result_int64(call->context, number);
	}
}

void to_date_call(const struct call *call)
{
	struct stamp stamp;
	if (!argument_stamp(call, 0, &stamp) || !stamp.has_date)
		return;
	stamp.has_clock = false;
	result_give_stamp(call, &stamp);
}

void to_time_call(const struct call *call)
{
	struct stamp stamp;
	if (!argument_stamp(call, 0, &stamp) || !stamp.has_clock)
		return;
	stamp.has_date = false;
	stamp.ticks %= STAMP_DAY;
	stamp.ticks += stamp.ticks < 0 ? STAMP_DAY : 0;
	result_give_stamp(call, &stamp);
}

/* A text alone, a date and a time, or a text by its format. */
void to_timestamp_call(const struct call *call)
{
	struct stamp stamp, clock;
	bool parsed = argument_stamp(call, 0, &stamp);
	if (call->count == 1) {
		if (parsed)
			result_give_stamp(call, &stamp);
		return;
	}
	if (parsed && stamp.has_date && !stamp.has_clock && argument_stamp(call, 1, &clock) && !clock.has_date) {
		stamp.ticks += clock.ticks;
		stamp.has_clock = true;
		result_give_stamp(call, &stamp);
	} else if (stamp_read(argument_text(call, 0), argument_text(call, 1), &stamp)) {
		result_give_stamp(call, &stamp);
	}
}

void to_string_call(const struct call *call)
{
	struct stamp stamp;
	struct buffer text;
	if (call->count == 1 || !argument_stamp(call, 0, &stamp)) {
		result_give_text(call, argument_text(call, 0));
		return;
	}
	buffer_init(&text, 65536);
	stamp_format(&stamp, argument_text(call, 1), &text);
	result_give_buffer(call, &text);
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
	if (!argument_stamp(call, 0, &stamp) || !stamp.has_date)
		return;
	stamp.has_clock = true;
	stamp.ticks += local_offset(stamp.ticks, to_local) * STAMP_SECOND;
	result_give_stamp(call, &stamp);
}

void to_localtime_call(const struct call *call)
{
	zone_change(call, true);
}

void to_utctime_call(const struct call *call)
{
	zone_change(call, false);
}

void to_int_call(const struct call *call)
{
	const int64_t epoch = INT64_C(11644473600);
	struct stamp stamp;
	if (argument_stamp(call, 0, &stamp)) {
		sqlite3_result_int64(call->context, stamp.ticks / STAMP_SECOND - (stamp.has_date ? epoch : 0));
	} else if (argument_is_real(call, 0)) {
		double real = trunc(sqlite3_value_double(call->values[0]));
		if (fabs(real) < 9.2e18)
			sqlite3_result_int64(call->context, (sqlite3_int64)real);
	} else if (argument_is_number(call, 0)) {
		sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]));
	}
}

void to_real_call(const struct call *call)
{
	if (argument_is_number(call, 0))
		sqlite3_result_double(call->context, sqlite3_value_double(call->values[0]));
}

void to_hex_call(const struct call *call)
{
	char text[24];
	if (!argument_is_number(call, 0))
		return;
	int length = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)sqlite3_value_int64(call->values[0]));
	result_give_text(call, cursor_of(text, (size_t)length));
}

void hex_to_int_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
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

void bit_and_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) & sqlite3_value_int64(call->values[1]));
}

void bit_or_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) | sqlite3_value_int64(call->values[1]));
}

void bit_xor_call(const struct call *call)
{
	sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]) ^ sqlite3_value_int64(call->values[1]));
}

void bit_not_call(const struct call *call)
{
	sqlite3_result_int64(call->context, ~sqlite3_value_int64(call->values[0]));
}

/* By how much; 64 and more shifts all out. */
static void shift(const struct call *call, bool left)
{
	uint64_t number = (uint64_t)sqlite3_value_int64(call->values[0]);
	sqlite3_int64 count = sqlite3_value_int64(call->values[1]);
	if (count >= 0)
		sqlite3_result_int64(call->context, count > 63 ? 0 : (sqlite3_int64)(left ? number << count : number >> count));
}

void bit_shl_call(const struct call *call)
{
	shift(call, true);
}

void bit_shr_call(const struct call *call)
{
	shift(call, false);
}

/* --- Of one real number: NULL where there is no result --- */

static void real_give(const struct call *call, double (*function)(double))
{
	double result = argument_is_number(call, 0) ? function(sqlite3_value_double(call->values[0])) : (double)NAN;
	if (isfinite(result))
		sqlite3_result_double(call->context, result);
}

static double power_of_ten(double exponent)
{
	return pow(10, exponent);
}

void sqr_call(const struct call *call)
{
	struct call twice = *call;
	sqlite3_value *values[] = {call->values[0], call->values[0]};
	twice.values = values;
	twice.count = 2;
	compute(&twice, OPERATION_MUL);
}

void sqrroot_call(const struct call *call)
{
	real_give(call, sqrt);
}

void log_call(const struct call *call)
{
	real_give(call, log);
}

void log10_call(const struct call *call)
{
	real_give(call, log10);
}

void exp_call(const struct call *call)
{
	real_give(call, exp);
}

void exp10_call(const struct call *call)
{
	real_give(call, power_of_ten);
}

/* Whole numbers stay as they are. */
static void whole_give(const struct call *call, double (*function)(double))
{
	if (argument_is_number(call, 0) && !argument_is_real(call, 0))
		sqlite3_result_int64(call->context, sqlite3_value_int64(call->values[0]));
	else
		real_give(call, function);
}

void floor_call(const struct call *call)
{
	whole_give(call, floor);
}

void ceil_call(const struct call *call)
{
	whole_give(call, ceil);
}

/* --- This machine --- */

void computer_name_call(const struct call *call)
{
	struct utsname name;
	if (uname(&name) == 0)
		result_give_text(call, cursor_text(name.nodename));
}

/* Seconds east of UTC, now. */
void system_utcoffset_call(const struct call *call)
{
	sqlite3_result_int64(call->context, local_offset((int64_t)call->now, true));
}

/* --- Now --- */

static void now_give(const struct call *call, bool date, bool clock)
{
	struct stamp stamp = {(int64_t)(call->now - call->now % STAMP_SECOND), date, clock};
	if (!date)
		stamp.ticks %= STAMP_DAY;
	result_give_stamp(call, &stamp);
}

void system_timestamp_call(const struct call *call)
{
	now_give(call, true, true);
}

void system_date_call(const struct call *call)
{
	now_give(call, true, false);
}

void system_time_call(const struct call *call)
{
	now_give(call, false, true);
}

/* --- Addresses --- */

void ipv4_to_int_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
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

void int_to_ipv4_call(const struct call *call)
{
	sqlite3_int64 number = sqlite3_value_int64(call->values[0]);
	char text[16];
	if (!argument_is_number(call, 0) || number < 0 || number > UINT32_MAX)
		return;
	uint32_t address = (uint32_t)number;
	int length = snprintf(text, sizeof(text), "%u.%u.%u.%u", address >> 24, address >> 16 & 255, address >> 8 & 255, address & 255);
	result_give_text(call, cursor_of(text, (size_t)length));
}

/* Ours: whether an address is in a network. */
void in_network_call(const struct call *call)
{
	struct cursor address = argument_text(call, 0), network = argument_text(call, 1);
	struct ip_prefix one, prefix;
	if (!ip_prefix_parse(address.at, cursor_left(&address), &one) || !ip_prefix_parse(network.at, cursor_left(&network), &prefix))
		return;
	sqlite3_result_int(call->context, one.ip.family == prefix.ip.family && one.bits >= prefix.bits &&
						  ip_in_prefix(one.ip.bytes, prefix.ip.bytes, prefix.bits));
}
