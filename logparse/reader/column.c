#include "logparse/reader/column.h"

enum { SECOND = 10000000 /* units of FILETIME */ };
static const uint64_t whole_day = (uint64_t)86400 * SECOND;

#define BYTES(byte) (UINT64_C(0x0101010101010101) * (byte))

/* The eight bytes before an address, the last `length` of them made digits with zeros before: false when one is none. */
static bool digits_take(const char *end, size_t length, uint32_t *ret_number)
{
	uint64_t bytes;
	memcpy(&bytes, end - 8, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap64(bytes);
#endif
	/* The first character is the lowest byte: what stands before the number becomes zeros. */
	uint64_t before = length < 8 ? ((uint64_t)1 << (8 - length) * 8) - 1 : 0;
	bytes = (bytes ^ BYTES('0')) & ~before;
	if (((bytes | (bytes + BYTES(0x76))) & BYTES(0x80)) != 0)
		return false;
	bytes = bytes * 10 + (bytes >> 8);
	*ret_number = (uint32_t)((((bytes & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x000f424000000064)) +
				  ((bytes >> 16 & UINT64_C(0x000000ff000000ff)) * UINT64_C(0x0000271000000001))) >> 32);
	return true;
}

static bool date_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	if (cursor_left(&text) == sizeof(day->text) && memcmp(text.at, day->text, sizeof(day->text)) == 0 && record->time == 0) {
		record->time = day->time;
		record->has |= RECORD_HAS(COLUMN_DATE);
		return true;
	}
	if (!record_set(record, column, text))
		return false;
	if (cursor_left(&text) == sizeof(day->text)) {
		memcpy(day->text, text.at, sizeof(day->text));
		day->time = record->time - record->time % whole_day;
	}
	return true;
}

/* What is not usual: a fraction of a second, or no seconds at all, which W3C logs may leave out. */
static bool time_set_slow(struct record *record, enum record_column column, struct cursor text)
{
	char whole[8] = {0, 0, 0, 0, 0, ':', '0', '0'};
	if (cursor_left(&text) == 5) {
		memcpy(whole, text.at, 5);
		text = cursor_of(whole, sizeof(whole));
	}
	return record_set(record, column, text);
}

/* 23:59:59 on the day that is known. */
static bool time_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	uint64_t bytes;
	memcpy(&bytes, text.at, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap64(bytes);
#endif
	bytes ^= UINT64_C(0x30303a30303a3030); /* 00:00:00 */
	bool digits = ((bytes | (bytes + BYTES(0x76))) & UINT64_C(0x8080ff8080ff8080)) == UINT64_C(0x0000760000760000);
	unsigned hour = (unsigned)(bytes & 255) * 10 + (unsigned)(bytes >> 8 & 255), minute = (unsigned)(bytes >> 24 & 255) * 10 + (unsigned)(bytes >> 32 & 255);
	unsigned second = (unsigned)(bytes >> 48 & 255) * 10 + (unsigned)(bytes >> 56);
	if (cursor_left(&text) != 8 || record->time != day->time || !digits || hour > 23 || minute > 59 || second > 59)
		return time_set_slow(record, column, text);
	record->time += (uint64_t)(hour * 3600 + minute * 60 + second) * SECOND;
	return true;
}

static bool number_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	(void)day;
	const struct record_field *field = &record_columns[column];
	char *to = (char *)record + field->offset;
	size_t length = cursor_left(&text);
	uint32_t number;
	if (length == 0 || length > 8 || !digits_take(text.end, length, &number) || (field->size < 4 && number >> field->size * 8 != 0))
		return record_set(record, column, text);
	uint8_t one = (uint8_t)number;
	uint16_t two = (uint16_t)number;
	uint64_t eight = number;
	switch (field->size) {
	case 1: memcpy(to, &one, sizeof(one)); break;
	case 2: memcpy(to, &two, sizeof(two)); break;
	case 4: memcpy(to, &number, sizeof(number)); break;
	default: memcpy(to, &eight, sizeof(eight)); break;
	}
	record->has |= RECORD_HAS(column);
	return true;
}

/* One part of an address, of one to three digits and no zero before others.  Nothing in it is a jump: how long parts are
 * cannot be foreseen. */
static inline bool part_take(const char *end, size_t length, uint32_t *ret_part)
{
	const uint32_t most = 0x020505;
	unsigned last = (8 * ((unsigned)length - 1)) & 31; /* where the first digit is, counted from the last */
	uint32_t bytes;
	memcpy(&bytes, end - 4, sizeof(bytes));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	bytes = __builtin_bswap32(bytes);
#endif
	/* The last digit is the highest byte; what stands before the first becomes zeros. */
	bytes = (bytes ^ 0x30303030) & UINT32_MAX << ((24 - last) & 31);
	*ret_part = bytes * UINT32_C(0x640a01) >> 24; /* 1, 10 and 100 times them meet there */
	bool digits = ((bytes | (bytes + 0x76767676)) & 0x80808080) == 0;
	bytes = __builtin_bswap32(bytes);
	return ((length - 1 <= 2) & digits & (bytes >= (1u << last & ~1u)) & (bytes <= most)) != 0;
}

/* Where the points of an address are, as bits. */
static uint32_t points(const char *at)
{
	uint32_t found = 0;
#ifdef __SSE2__
	__m128i text = _mm_loadu_si128((const __m128i *)(const void *)at);
	found = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(text, _mm_set1_epi8('.')));
#else
	for (unsigned i = 0; i < 16; i++)
		found |= (uint32_t)(at[i] == '.') << i;
#endif
	return found;
}

static bool ip_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	(void)day;
	enum { LONGEST = 15 };
	uint32_t parts[4];
	size_t length = cursor_left(&text), start = 0;
	uint32_t found = length <= LONGEST ? (points(text.at) & ((1u << length) - 1)) | 1u << length : 0;
	bool good = true;
	for (size_t part = 0; part < 4; part++, found &= found - 1) {
		if (found == 0)
			return record_set(record, column, text);
		size_t end = (size_t)__builtin_ctz(found);
		good &= part_take(text.at + end, end - start, &parts[part]);
		start = end + 1;
	}
	if (!good || found != 0)
		return record_set(record, column, text);
	/* Four bytes at once: to read again what was written in pieces takes its time. */
	uint32_t whole = parts[0] << 24 | parts[1] << 16 | parts[2] << 8 | parts[3];
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	whole = __builtin_bswap32(whole);
#endif
	struct ip *ip = (struct ip *)(void *)((char *)record + record_columns[column].offset);
	ip->family = FAMILY_IPV4;
	memcpy(ip->bytes, &whole, sizeof(whole));
	memset(ip->bytes + sizeof(whole), 0, sizeof(ip->bytes) - sizeof(whole));
	record->has |= RECORD_HAS(column);
	return true;
}

static bool protocol_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	bool three = cursor_left(&text) == 3;
	(void)day;
	if (three && memcmp(text.at, "TCP", 3) == 0)
		record->protocol = 6;
	else if (three && memcmp(text.at, "UDP", 3) == 0)
		record->protocol = 17;
	else
		return record_set(record, column, text);
	record->has |= RECORD_HAS(COLUMN_PROTOCOL);
	return true;
}

static bool text_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	(void)day;
	memcpy((char *)record + record_columns[column].offset, &text, sizeof(text));
	return true;
}

static bool other_set(struct record *record, enum record_column column, struct cursor text, struct column_day *day)
{
	(void)day;
	return record_set(record, column, text);
}

column_read column_reader(enum record_column column)
{
	switch ((enum record_kind)record_columns[column].kind) {
	case RECORD_DATE: return date_set;
	case RECORD_TIME: return time_set;
	case RECORD_NUMBER: return number_set;
	case RECORD_IP: return ip_set;
	case RECORD_PROTOCOL: return protocol_set;
	case RECORD_TEXT: return text_set;
	default: return other_set;
	}
}
