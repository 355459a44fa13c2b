#include "logparse/reader/evtx_value.h"

#include <stdio.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/record/record.h"
#include "logparse/zone.h"

/* --- Text --- */

static void utf8_put(char **at, uint32_t point)
{
	char *to = *at;
	if (point < 0x80) {
		*to++ = (char)point;
	} else if (point < 0x800) {
		*to++ = (char)(0xc0 | point >> 6);
		*to++ = (char)(0x80 | (point & 0x3f));
	} else if (point < 0x10000) {
		*to++ = (char)(0xe0 | point >> 12);
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	} else {
		*to++ = (char)(0xf0 | point >> 18);
		*to++ = (char)(0x80 | (point >> 12 & 0x3f));
		*to++ = (char)(0x80 | (point >> 6 & 0x3f));
		*to++ = (char)(0x80 | (point & 0x3f));
	}
	*at = to;
}

static const char hex_digits[] = "0123456789abcdef";
static const char hex_capitals[] = "0123456789ABCDEF";

static void unicode_escape(char **at, uint32_t unit)
{
	char *to = *at;
	*to++ = '\\';
	*to++ = 'u';
	for (int shift = 12; shift >= 0; shift -= 4)
		*to++ = hex_digits[unit >> shift & 15];
	*at = to;
}

static void json_put(char **at, uint32_t point)
{
	static const char shorts[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	if (point == '"' || point == '\\') {
		*(*at)++ = '\\';
		*(*at)++ = (char)point;
	} else if (point < 0x20 && shorts[point] != 0) {
		*(*at)++ = '\\';
		*(*at)++ = shorts[point];
	} else if (point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0xd800 && point < 0xe000)) {
		unicode_escape(at, point);
	} else {
		utf8_put(at, point);
	}
}

static void text_put(char **at, const char *text)
{
	size_t length = strlen(text);
	memcpy(*at, text, length);
	*at += length;
}

static void xml_put(char **at, uint32_t point)
{
	if (point == '<')
		text_put(at, "&lt;");
	else if (point == '>')
		text_put(at, "&gt;");
	else if (point == '&')
		text_put(at, "&amp;");
	else if (point == '"')
		text_put(at, "&quot;");
	else if (point == '\r')
		text_put(at, "&#13;");
	else if (point >= 0x7f && point < 0xa0)
		text_put(at, (const char[]){'&', '#', '1', (char)('0' + point / 10 % 10), (char)('0' + point % 10), ';', '\0'});
	else if ((point < 0x20 && point != '\t' && point != '\n') || (point >= 0xd800 && point < 0xe000) || point >= 0xfffe)
		utf8_put(at, point < 0xfffe || point > 0xffff ? (point >= 0x10000 ? point : 0xfffd) : 0xfffd);
	else
		utf8_put(at, point);
}

static void plain_put(char **at, uint32_t point)
{
	utf8_put(at, point == 0 || (point >= 0xd800 && point < 0xe000) ? 0xfffd : point);
}

/* Whether a unit is written as it is: ASCII without controls and what the form escapes. */
static inline bool unit_is_plain(uint32_t unit, enum evtx_form form)
{
	if (unit < 0x20 || unit >= 0x7f)
		return form == FORM_PLAIN && unit < 0x80 && unit != 0;
	if (form == FORM_JSON)
		return unit != '"' && unit != '\\';
	return form == FORM_PLAIN || (unit != '"' && unit != '<' && unit != '>' && unit != '&');
}

#ifdef __SSE2__
/* Which of 16 bytes are not plain, all at once; units beyond 255 were made 255, or 0 when they are negative as shorts. */
static inline int not_plain(__m128i text, enum evtx_form form)
{
	/* As signed bytes: below a blank is also all from 0x80 on. */
	__m128i bad = _mm_or_si128(_mm_cmpgt_epi8(_mm_set1_epi8(0x20), text), _mm_cmpeq_epi8(text, _mm_set1_epi8(0x7f)));
	if (form != FORM_PLAIN)
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(text, _mm_set1_epi8('"')));
	if (form == FORM_JSON)
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(text, _mm_set1_epi8('\\')));
	if (form == FORM_XML) {
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(text, _mm_set1_epi8('<')));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(text, _mm_set1_epi8('>')));
		bad = _mm_or_si128(bad, _mm_cmpeq_epi8(text, _mm_set1_epi8('&')));
	}
	return _mm_movemask_epi8(bad);
}

/* As many units as are plain, 16 and then 8 at a time; what is written behind them does not count. */
static inline size_t run_put(const uint8_t *bytes, size_t units, char *to, enum evtx_form form)
{
	size_t done = 0;
	while (units - done >= 16) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * done));
		__m128i b = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * done + 16));
		__m128i text = _mm_packus_epi16(a, b);
		int bad = not_plain(text, form);
		_mm_storeu_si128((__m128i *)(void *)(to + done), text);
		if (bad != 0)
			return done + (size_t)__builtin_ctz((unsigned)bad);
		done += 16;
	}
	while (units - done >= 8) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * done));
		__m128i text = _mm_packus_epi16(a, a);
		int bad = not_plain(text, form) & 0xff;
		_mm_storel_epi64((__m128i *)(void *)(to + done), text);
		if (bad != 0)
			return done + (size_t)__builtin_ctz((unsigned)bad);
		done += 8;
	}
	/* The last few with some that were looked at already. */
	if (done > 0 && done < units) {
		__m128i a = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 2 * (units - 8)));
		__m128i text = _mm_packus_epi16(a, a);
		int bad = not_plain(text, form) & 0xff;
		_mm_storel_epi64((__m128i *)(void *)(to + units - 8), text);
		return bad == 0 ? units : units - 8 + (size_t)__builtin_ctz((unsigned)bad);
	}
	return done;
}
#else
static inline size_t run_put(const uint8_t *bytes, size_t units, char *to, enum evtx_form form)
{
	(void)bytes, (void)units, (void)to, (void)form;
	return 0;
}
#endif

/* Made for each form by itself: the compiler knows it then. */
static inline char *units_put(const uint8_t *bytes, size_t units, char *to, enum evtx_form form)
{
	for (size_t i = 0; i < units;) {
		if (units - i >= 8) {
			size_t run = run_put(bytes + 2 * i, units - i, to, form);
			to += run;
			i += run;
		}
		/* Then some one by one, so that text full of odd characters does not cost a vector each. */
		for (size_t end = i + 8 < units ? i + 8 : units; i < end; i++) {
			uint32_t unit = le16(bytes + 2 * i);
			if (unit_is_plain(unit, form)) {
				*to++ = (char)unit;
				continue;
			}
			if (unit >= 0xd800 && unit < 0xdc00 && i + 1 < units) {
				uint32_t next = le16(bytes + 2 * i + 2);
				if (next >= 0xdc00 && next < 0xe000) {
					unit = 0x10000 + ((unit - 0xd800) << 10) + (next - 0xdc00);
					i++;
				}
			}
			if (form == FORM_JSON)
				json_put(&to, unit);
			else if (form == FORM_XML)
				xml_put(&to, unit);
			else
				plain_put(&to, unit);
		}
	}
	return to;
}

void evtx_text(const uint8_t *bytes, size_t units, enum evtx_form form, struct buffer *buffer)
{
	char *to = buffer_room(buffer, units * 6 + 16); /* the longest are \u0000 and &quot; */
	if (to == NULL)
		return;
	switch (form) {
	case FORM_JSON: to = units_put(bytes, units, to, FORM_JSON); break;
	case FORM_XML: to = units_put(bytes, units, to, FORM_XML); break;
	case FORM_PLAIN: to = units_put(bytes, units, to, FORM_PLAIN); break;
	}
	buffer_took(buffer, to);
}

/* --- Numbers --- */

enum { GUID_LENGTH = 38 };

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
			    "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
			    "9899";

static void bytes_put(char *to, uint64_t bytes)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap64(bytes);
#endif
	memcpy(to, &bytes, sizeof(bytes));
}

/* The eight digits of a number below 10^8, all at once: the first is the lowest byte. */
static inline uint64_t digits_of(uint32_t number)
{
	uint64_t halves = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t high = halves * 10486 >> 20 & UINT64_C(0x7f0000007f); /* of each half its hundreds: 10486 is 2^20 / 100 */
	uint64_t both = high | (halves - high * 100) << 16;
	uint64_t tens = both * 103 >> 10 & UINT64_C(0x000f000f000f000f);
	return tens | (both - tens * 10) << 8;
}

#define ZEROS UINT64_C(0x3030303030303030)

/* How many digits a number has cannot be foreseen: no jump depends on it. */
static char *number_put(char *to, uint64_t number)
{
	if (number >= 100000000) {
		to = number_put(to, number / 100000000);
		bytes_put(to, digits_of((uint32_t)(number % 100000000)) | ZEROS);
		return to + 8;
	}
	uint64_t digits = digits_of((uint32_t)number);
	unsigned none = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
	bytes_put(to, (digits | ZEROS) >> none * 8);
	return to + 8 - none;
}

static char *signed_put(char *to, int64_t number)
{
	if (number >= 0)
		return number_put(to, (uint64_t)number);
	*to++ = '-';
	return number_put(to, 0 - (uint64_t)number);
}

/* The eight hexadecimal digits of a number. */
static inline void hex8_put(char *to, uint32_t number)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t digits = (uint64_t)(number & 0xffff) << 32 | number >> 16;
	digits = (digits & UINT64_C(0xff000000ff)) << 16 | (digits >> 8 & UINT64_C(0xff000000ff));
	digits = (digits & UINT64_C(0x000f000f000f000f)) << 8 | (digits >> 4 & UINT64_C(0x000f000f000f000f));
	bytes_put(to, digits + ZEROS + (((digits + 6 * ones) >> 4) & ones) * ('a' - '0' - 10));
}

static char *hex_put(char *to, uint64_t number)
{
	char digits[16];
	size_t none = (size_t)__builtin_clzll(number | 1) / 4;
	hex8_put(digits, (uint32_t)(number >> 32));
	hex8_put(digits + 8, (uint32_t)number);
	*to++ = '0';
	*to++ = 'x';
	memcpy(to, digits + none, sizeof(digits) - none);
	return to + sizeof(digits) - none;
}

static char *two(char *to, unsigned number)
{
	memcpy(to, pairs + 2 * (size_t)(number % 100), 2);
	return to + 2;
}

/* Days since 1601-01-01 as a date: the year begins in March (H. Hinnant, "chrono-compatible low-level date algorithms"). */
static char *date_put(char *to, uint64_t days)
{
	uint64_t shifted = days + 584694; /* since 0000-03-01 */
	uint64_t era = shifted / 146097, day = shifted % 146097;
	uint64_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	uint64_t in_year = day - (365 * year + year / 4 - year / 100);
	uint64_t month = (5 * in_year + 2) / 153;
	unsigned in_month = (unsigned)(in_year - (153 * month + 2) / 5 + 1);
	unsigned calendar = (unsigned)(month < 10 ? month + 3 : month - 9);
	unsigned whole = (unsigned)(year + era * 400 + (calendar <= 2));
	to = two(to, whole / 100);
	to = two(to, whole);
	*to++ = '-';
	to = two(to, calendar);
	*to++ = '-';
	return two(to, in_month);
}

static char *clock_put(char *to, unsigned seconds)
{
	*to++ = 'T';
	to = two(to, seconds / 3600);
	*to++ = ':';
	to = two(to, seconds / 60 % 60);
	*to++ = ':';
	return two(to, seconds % 60);
}

static char *time_put(char *to, uint64_t filetime)
{
	enum { SECOND = 10000000 };
	const uint64_t last = 2650467743999999999ULL; /* 9999-12-31T23:59:59.9999999Z */
	if (filetime > last)
		return number_put(to, filetime);
	uint64_t seconds = filetime / SECOND;
	unsigned fraction = (unsigned)(filetime % SECOND);
	to = date_put(to, seconds / 86400);
	to = clock_put(to, (unsigned)(seconds % 86400));
	/* Seven digits: the point stands where the eighth would be. */
	bytes_put(to, digits_of(fraction) | ZEROS);
	*to = '.';
	to += 8;
	*to++ = 'Z';
	return to;
}

void evtx_time(uint64_t filetime, struct buffer *buffer)
{
	char *to = buffer_room(buffer, 48);
	if (to != NULL)
		buffer_took(buffer, time_put(to, filetime));
}

bool evtx_time_parse(const char *text, uint64_t *ret_filetime)
{
	struct record record = {0};
	size_t length = strlen(text);
	int32_t zone = 0;
	if (length < 19 || !record_set(&record, COLUMN_DATE, cursor_of(text, 10)))
		return false;
	size_t end = 11 + strcspn(text + 11, "Z+-");
	if (!record_set(&record, COLUMN_TIME, cursor_of(text + 11, end - 11)) || (text[end] != '\0' && !zone_parse(text + end, &zone)))
		return false;
	*ret_filetime = record.time - (uint64_t)((int64_t)zone * 60 * 10000000);
	return true;
}

static char *systemtime_put(char *to, const uint8_t *bytes)
{
	unsigned part[8];
	for (size_t i = 0; i < 8; i++)
		part[i] = le16(bytes + 2 * i);
	/* year, month, day of week, day, hour, minute, second, millisecond */
	static const unsigned most[8] = {9999, 12, 6, 31, 23, 59, 60, 999};
	for (size_t i = 0; i < 8; i++)
		if (part[i] > most[i])
			part[i] = most[i];
	to = two(to, part[0] / 100);
	to = two(to, part[0]);
	*to++ = '-';
	to = two(to, part[1]);
	*to++ = '-';
	to = two(to, part[3]);
	to = clock_put(to, part[4] * 3600 + part[5] * 60 + part[6]);
	*to++ = '.';
	*to++ = (char)('0' + part[7] / 100);
	to = two(to, part[7] % 100);
	*to++ = 'Z';
	return to;
}

/* {01234567-89ab-cdef-0123-456789abcdef}: the first three parts are numbers, the last two bytes in their order. */
static char *guid_put(char *to, const uint8_t *bytes)
{
	char digits[32];
	hex8_put(digits, le32(bytes));
	hex8_put(digits + 8, (uint32_t)le16(bytes + 4) << 16 | le16(bytes + 6));
	hex8_put(digits + 16, __builtin_bswap32(le32(bytes + 8)));
	hex8_put(digits + 24, __builtin_bswap32(le32(bytes + 12)));
	memcpy(to, "{........-....-....-....-............}", GUID_LENGTH);
	memcpy(to + 1, digits, 8);
	memcpy(to + 10, digits + 8, 4);
	memcpy(to + 15, digits + 12, 4);
	memcpy(to + 20, digits + 16, 4);
	memcpy(to + 25, digits + 20, 12);
	return to + GUID_LENGTH;
}

static bool sid_is_whole(const struct evtx_value *value)
{
	return value->size >= 8 && value->bytes[1] <= 15 && value->size >= 8 + 4u * value->bytes[1];
}

static char *sid_put(char *to, const uint8_t *bytes)
{
	uint64_t authority = 0;
	for (size_t i = 2; i < 8; i++)
		authority = authority << 8 | bytes[i];
	*to++ = 'S';
	*to++ = '-';
	to = number_put(to, bytes[0]);
	*to++ = '-';
	to = authority < 1ull << 32 ? number_put(to, authority) : hex_put(to, authority);
	for (size_t i = 0; i < bytes[1]; i++) {
		*to++ = '-';
		to = number_put(to, le32(bytes + 8 + 4 * i));
	}
	return to;
}

/* --- Values --- */

static void binary_text(const uint8_t *bytes, size_t length, struct buffer *buffer)
{
	char *to = buffer_room(buffer, 2 * length);
	if (to == NULL)
		return;
	for (size_t i = 0; i < length; i++) {
		*to++ = hex_capitals[bytes[i] >> 4];
		*to++ = hex_capitals[bytes[i] & 15];
	}
	buffer_took(buffer, to);
}

/* Bytes of an unknown code page: as Windows-1252's common part with ISO 8859-1. */
static void ansi_text(const uint8_t *bytes, size_t length, enum evtx_form form, struct buffer *buffer)
{
	while (length > 0 && bytes[length - 1] == 0)
		length--;
	for (size_t i = 0; i < length; i++) {
		const uint8_t unit[2] = {bytes[i], 0};
		evtx_text(unit, 1, form, buffer);
	}
}

static uint64_t unsigned_of(const struct evtx_value *value, size_t width)
{
	return width == 1 ? value->bytes[0] : width == 2 ? le16(value->bytes) : width == 4 ? le32(value->bytes) : le64(value->bytes);
}

static int64_t signed_of(const struct evtx_value *value, size_t width)
{
	uint64_t number = unsigned_of(value, width);
	return width == 1 ? (int8_t)number : width == 2 ? (int16_t)number : width == 4 ? (int32_t)number : (int64_t)number;
}

/* The width that a type has to have; 0: any. */
static size_t type_width(uint8_t type)
{
	static const uint8_t widths[0x24] = {
		[EVTX_INT8] = 1, [EVTX_UINT8] = 1, [EVTX_INT16] = 2, [EVTX_UINT16] = 2, [EVTX_INT32] = 4, [EVTX_UINT32] = 4,
		[EVTX_INT64] = 8, [EVTX_UINT64] = 8, [EVTX_FLOAT] = 4, [EVTX_DOUBLE] = 8, [EVTX_GUID] = 16, [EVTX_FILETIME] = 8,
		[EVTX_SYSTEMTIME] = 16, [EVTX_HEX32] = 4, [EVTX_HEX64] = 8,
	};
	return type < sizeof(widths) ? widths[type] : 0;
}

static char *real_put(char *to, const struct evtx_value *value)
{
	double number;
	if (value->type == EVTX_FLOAT) {
		float single;
		memcpy(&single, value->bytes, sizeof(single));
		number = (double)single;
	} else {
		memcpy(&number, value->bytes, sizeof(number));
	}
	return to + snprintf(to, 40, value->type == EVTX_FLOAT ? "%.9g" : "%.17g", number);
}

/* Types of a known width, whose text is ASCII without anything to escape. */
static char *fixed_put(char *to, const struct evtx_value *value)
{
	switch (value->type) {
	case EVTX_INT8: case EVTX_INT16: case EVTX_INT32: case EVTX_INT64:
		return signed_put(to, signed_of(value, value->size));
	case EVTX_UINT8: case EVTX_UINT16: case EVTX_UINT32: case EVTX_UINT64:
		return number_put(to, unsigned_of(value, value->size));
	case EVTX_FLOAT: case EVTX_DOUBLE: return real_put(to, value);
	case EVTX_GUID: return guid_put(to, value->bytes);
	case EVTX_FILETIME: return time_put(to, le64(value->bytes));
	case EVTX_SYSTEMTIME: return systemtime_put(to, value->bytes);
	default: return hex_put(to, unsigned_of(value, value->size));
	}
}

static bool is_width(size_t size)
{
	return size == 1 || size == 2 || size == 4 || size == 8;
}

void evtx_value_text(const struct evtx_value *value, enum evtx_form form, struct buffer *buffer)
{
	uint8_t type = value->type & 0x7f;
	size_t width = type_width(type);
	if (type == EVTX_NULL || value->size == 0)
		return;
	if (type == EVTX_STRING) {
		size_t units = value->size / 2;
		while (units > 0 && le16(value->bytes + 2 * (units - 1)) == 0)
			units--;
		evtx_text(value->bytes, units, form, buffer);
		return;
	}
	if (type == EVTX_ANSI) {
		ansi_text(value->bytes, value->size, form, buffer);
		return;
	}
	char *to = buffer_room(buffer, 256);
	if (to == NULL)
		return;
	if (width == value->size && width > 0)
		buffer_took(buffer, fixed_put(to, value));
	else if (type == EVTX_BOOL && is_width(value->size))
		buffer_add_text(buffer, unsigned_of(value, value->size) != 0 ? "true" : "false");
	else if ((type == EVTX_SIZE || type == EVTX_HANDLE) && is_width(value->size))
		buffer_took(buffer, hex_put(to, unsigned_of(value, value->size)));
	else if (type == EVTX_SID && sid_is_whole(value))
		buffer_took(buffer, sid_put(to, value->bytes));
	else
		binary_text(value->bytes, value->size, buffer);
}

static bool type_is_number(uint8_t type)
{
	return type >= EVTX_INT8 && type <= EVTX_UINT64;
}

bool evtx_value_item(const struct evtx_value *value, size_t *position, struct evtx_value *ret_item)
{
	bool array = (value->type & EVTX_ARRAY) != 0;
	uint8_t type = value->type & 0x7f;
	size_t at = *position, left = value->size - (at < value->size ? at : value->size), width = type_width(type);
	if (!array || (value->size == 0 && at == 0)) {
		if (at != 0)
			return false;
		*ret_item = (struct evtx_value){value->bytes, array ? 0 : value->size, type};
		*position = SIZE_MAX;
		return true;
	}
	if (at >= value->size)
		return false;
	*ret_item = (struct evtx_value){value->bytes + at, (uint16_t)left, type};
	size_t step = left;
	if (type == EVTX_STRING) {
		size_t units = 0;
		while (2 * units + 1 < left && le16(value->bytes + at + 2 * units) != 0)
			units++;
		ret_item->size = (uint16_t)(2 * units);
		step = 2 * units + 2;
	} else if (type == EVTX_ANSI) {
		const uint8_t *end = memchr(value->bytes + at, 0, left);
		ret_item->size = (uint16_t)(end != NULL ? (size_t)(end - (value->bytes + at)) : left);
		step = ret_item->size + 1u;
	} else if (type == EVTX_BOOL) {
		width = 4;
	} else if (type == EVTX_SID && sid_is_whole(ret_item)) {
		width = 8 + 4u * ret_item->bytes[1];
	}
	if (width > 0 && width <= left) {
		ret_item->size = (uint16_t)width;
		step = width;
	}
	*position = at + step;
	return true;
}

/* Most values are texts. */
static void string_json(const struct evtx_value *value, struct buffer *buffer)
{
	size_t units = value->size / 2;
	char *to = buffer_room(buffer, units * 6 + 16 + 2);
	if (to == NULL)
		return;
	while (units > 0 && le16(value->bytes + 2 * (units - 1)) == 0)
		units--;
	*to++ = '"';
	to = units_put(value->bytes, units, to, FORM_JSON);
	*to++ = '"';
	buffer_took(buffer, to);
}

static void scalar_json(const struct evtx_value *value, struct buffer *buffer)
{
	uint8_t type = value->type;
	if (type == EVTX_STRING) {
		string_json(value, buffer);
	} else if (type == EVTX_NULL) {
		buffer_add(buffer, "null", 4);
	} else if ((type_is_number(type) && value->size == type_width(type)) || (type == EVTX_BOOL && is_width(value->size))) {
		evtx_value_text(value, FORM_JSON, buffer);
	} else {
		buffer_add_char(buffer, '"');
		evtx_value_text(value, FORM_JSON, buffer);
		buffer_add_char(buffer, '"');
	}
}

void evtx_value_json(const struct evtx_value *value, struct buffer *buffer)
{
	if ((value->type & EVTX_ARRAY) == 0) {
		scalar_json(value, buffer);
		return;
	}
	struct evtx_value item;
	size_t position = 0;
	buffer_add_char(buffer, '[');
	for (bool first = true; evtx_value_item(value, &position, &item); first = false) {
		if (!first)
			buffer_add_char(buffer, ',');
		scalar_json(&item, buffer);
	}
	buffer_add_char(buffer, ']');
}

bool evtx_value_number(const struct evtx_value *value, uint64_t *ret_number)
{
	uint8_t type = value->type;
	bool known = type_is_number(type) || type == EVTX_HEX32 || type == EVTX_HEX64 || type == EVTX_FILETIME || type == EVTX_SIZE;
	if (!known || !is_width(value->size))
		return false;
	*ret_number = unsigned_of(value, value->size);
	return true;
}
