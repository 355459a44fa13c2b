#include "core/record/record.h"

#include <string.h>

#include "core/base/attr.h"

#define FIELD(name, kind, member) \
	{name, kind, (uint8_t)sizeof(((struct record *)0)->member), (uint16_t)offsetof(struct record, member)}

const struct record_field record_columns[RECORD_COLUMNS] = {
	[COLUMN_DATE] = FIELD("date", RECORD_DATE, time),
	[COLUMN_TIME] = FIELD("time", RECORD_TIME, time),
	[COLUMN_SOURCE] = FIELD("x-source", RECORD_TEXT, source),
	[COLUMN_EVENTID] = FIELD("x-eventid", RECORD_NUMBER, eventid),
	[COLUMN_ACTION] = FIELD("x-action", RECORD_TEXT, action),
	[COLUMN_DIRECTION] = FIELD("x-direction", RECORD_TEXT, direction),
	[COLUMN_PROTOCOL] = FIELD("protocol", RECORD_PROTOCOL, protocol),
	[COLUMN_SRC_IP] = FIELD("src-ip", RECORD_IP, src),
	[COLUMN_SRC_PORT] = FIELD("src-port", RECORD_NUMBER, srcport),
	[COLUMN_DST_IP] = FIELD("dst-ip", RECORD_IP, dst),
	[COLUMN_DST_PORT] = FIELD("dst-port", RECORD_NUMBER, dstport),
	[COLUMN_TCPFLAGS] = FIELD("tcpflags", RECORD_FLAGS, tcpflags),
	[COLUMN_ICMPTYPE] = FIELD("icmptype", RECORD_NUMBER, icmptype),
	[COLUMN_ICMPCODE] = FIELD("icmpcode", RECORD_NUMBER, icmpcode),
	[COLUMN_SIZE] = FIELD("size", RECORD_NUMBER, size),
	[COLUMN_COUNT] = FIELD("x-count", RECORD_NUMBER, count),
	[COLUMN_SPI] = FIELD("x-spi", RECORD_HEX, spi),
	[COLUMN_PID] = FIELD("x-pid", RECORD_NUMBER, pid),
	[COLUMN_APPLICATION] = FIELD("x-application", RECORD_TEXT, application),
	[COLUMN_LAYER] = FIELD("x-layer", RECORD_TEXT, layer),
	[COLUMN_FILTER_ID] = FIELD("x-filter-id", RECORD_NUMBER, filter_id),
	[COLUMN_STATUS] = FIELD("x-status", RECORD_HEX, status),
	[COLUMN_RECORDNUMBER] = FIELD("x-recordnumber", RECORD_NUMBER, recordnumber),
	[COLUMN_COMPUTERNAME] = FIELD("s-computername", RECORD_TEXT, computername),
	[COLUMN_LOG] = FIELD("x-log", RECORD_TEXT, log),
	[COLUMN_POLICY] = FIELD("x-policy", RECORD_TEXT, policy),
	[COLUMN_RULE] = FIELD("x-rule", RECORD_TEXT, rule),
	[COLUMN_FILTERLIST] = FIELD("x-filterlist", RECORD_TEXT, filterlist),
	[COLUMN_MODE] = FIELD("x-mode", RECORD_TEXT, mode),
	[COLUMN_INTERFACE] = FIELD("x-interface", RECORD_TEXT, interface),
	[COLUMN_RECOVERED] = FIELD("x-recovered", RECORD_YES, recovered),
};

/* The names that the kernel's own log lines use; everything else is a number. */
static const struct {
	uint8_t protocol;
	const char *name;
} protocols[] = {
	{6, "TCP"},  {17, "UDP"}, {1, "ICMP"},  {58, "ICMPv6"}, {2, "IGMP"},
	{47, "GRE"}, {50, "ESP"}, {51, "AH"},   {132, "SCTP"},  {136, "UDPLITE"},
};

/* The letters of pfirewall.log, in the order in which they are written, and two for the flags that it does not know. */
static const struct {
	char letter;
	uint8_t flag;
} flag_letters[] = {{'S', 2}, {'A', 16}, {'F', 1}, {'R', 4}, {'P', 8}, {'U', 32}, {'E', 64}, {'C', 128}};

enum { SECONDS_A_DAY = 86400, UNITS = 10000000 /* of FILETIME in a second */ };
#define UNIX_EPOCH INT64_C(11644473600) /* seconds from 1601 to 1970 */

uint64_t record_time_of_unix(int64_t seconds, uint32_t nanoseconds)
{
	if (seconds < -UNIX_EPOCH)
		return 0;
	/* FILETIME ends in the year 60056. */
	if (seconds > (int64_t)(UINT64_MAX / UNITS) - UNIX_EPOCH - 1)
		return UINT64_MAX;
	return (uint64_t)(seconds + UNIX_EPOCH) * UNITS + nanoseconds / 100;
}

const char *record_protocol(uint8_t protocol)
{
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++)
		if (protocols[i].protocol == protocol)
			return protocols[i].name;
	return NULL;
}

/* --- Values as text --- */

static const char pairs[] = "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445464748"
			    "49505152535455565758596061626364656667686970717273747576777879808182838485868788899091929394959697"
			    "9899";

static char *two_put(char *at, unsigned number)
{
	memcpy(at, pairs + 2 * (size_t)number, 2);
	return at + 2;
}

/* A number of at most eight digits, all of them at once: how many it has cannot be foreseen.  Writes eight bytes. */
static char *short_put(char *at, uint32_t number)
{
	const uint64_t hundredth = UINT64_C(0x7f0000007f), tenth = UINT64_C(0x000f000f000f000f);
	uint64_t halves = number / 10000 | (uint64_t)(number % 10000) << 32;
	uint64_t high = halves * 10486 >> 20 & hundredth;     /* of each half its hundreds: 10486 is 2^20 / 100 */
	uint64_t both = high | (halves - high * 100) << 16;
	uint64_t tens = both * 103 >> 10 & tenth;
	uint64_t digits = tens | (both - tens * 10) << 8;      /* the first is the lowest byte */
	unsigned zeros = (unsigned)__builtin_ctzll(digits | UINT64_C(1) << 56) / 8;
	digits = (digits | UINT64_C(0x3030303030303030)) >> zeros * 8;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	digits = __builtin_bswap64(digits);
#endif
	memcpy(at, &digits, sizeof(digits));
	return at + 8 - zeros;
}

static char *number_put(char *at, uint64_t number)
{
	if (number < 100000000)
		return short_put(at, (uint32_t)number);
	at = number_put(at, number / 10000);
	return two_put(two_put(at, (unsigned)(number % 10000) / 100), (unsigned)(number % 100));
}

/* Days since 1601-01-01 as a date.  Years are counted from March on, so that the leap day is a year's last. */
static char *date_put(char *at, uint64_t days)
{
	unsigned shifted = (unsigned)days + 306;           /* since 1600-03-01; FILETIME has 21 million days */
	unsigned era = shifted / 146097;                   /* of 400 years */
	unsigned day = shifted % 146097;                   /* of the era */
	unsigned year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
	unsigned rest = day - (365 * year + year / 4 - year / 100);
	unsigned month = (5 * rest + 2) / 153;             /* from March */
	unsigned of_month = rest - (153 * month + 2) / 5 + 1;
	unsigned whole = 1600 + era * 400 + year + (month >= 10);
	at = whole < 10000 ? two_put(two_put(at, whole / 100), whole % 100) : number_put(at, whole);
	*at++ = '-';
	at = two_put(at, month < 10 ? month + 3 : month - 9);
	*at++ = '-';
	return two_put(at, of_month);
}

static char *time_put(char *at, unsigned second)
{
	at = two_put(at, second / 3600);
	*at++ = ':';
	at = two_put(at, second / 60 % 60);
	*at++ = ':';
	return two_put(at, second % 60);
}

static char *hex_put(char *at, uint32_t number)
{
	*at++ = '0';
	*at++ = 'x';
	for (unsigned shift = 32; shift > 0;) {
		shift -= 4;
		*at++ = "0123456789ABCDEF"[number >> shift & 15];
	}
	return at;
}

/* A part of an address and the point behind it, and how long both are: four bytes are written, whatever it is. */
static const struct {
	char text[4];
	uint8_t length;
} parts[256] = {
#define DIGIT(number) (char)('0' + (number) % 10)
#define PART(number) \
	{{(number) > 99 ? DIGIT((number) / 100) : (number) > 9 ? DIGIT((number) / 10) : DIGIT(number), \
	  (number) > 99 ? DIGIT((number) / 10) : (number) > 9 ? DIGIT(number) : '.', (number) > 99 ? DIGIT(number) : '.', '.'}, \
	 (number) > 99 ? 4 : (number) > 9 ? 3 : 2}
#define PARTS(number) PART(number), PART((number) + 1), PART((number) + 2), PART((number) + 3)
#define MORE_PARTS(number) PARTS(number), PARTS((number) + 4), PARTS((number) + 8), PARTS((number) + 12)
#define MOST_PARTS(number) MORE_PARTS(number), MORE_PARTS((number) + 16), MORE_PARTS((number) + 32), MORE_PARTS((number) + 48)
	MOST_PARTS(0), MOST_PARTS(64), MOST_PARTS(128), MOST_PARTS(192),
#undef MOST_PARTS
#undef MORE_PARTS
#undef PARTS
#undef PART
#undef DIGIT
};

static char *ipv4_put(char *at, const uint8_t *bytes)
{
	for (unsigned i = 0; i < 4; i++) {
		memcpy(at, parts[bytes[i]].text, sizeof(parts[0].text));
		at += parts[bytes[i]].length;
	}
	return at - 1;
}

/* By itself: its text would cost each number that is written a guarded stack. */
static __attribute__((noinline)) char *ipv6_put(char *at, const struct ip *ip)
{
	char text[IP_TEXT];
	ip_print(ip, text);
	size_t length = strlen(text);
	memcpy(at, text, length);
	return at + length;
}

static char *flags_put(char *at, uint8_t flags)
{
	if (flags == 0)
		*at++ = '0';
	for (size_t i = 0; i < ARRAY_LENGTH(flag_letters); i++)
		if (flags & flag_letters[i].flag)
			*at++ = flag_letters[i].letter;
	return at;
}

static char *protocol_put(char *at, uint8_t protocol)
{
	const char *name = record_protocol(protocol);
	if (name == NULL)
		return number_put(at, protocol);
	while (*name != '\0')
		*at++ = *name++;
	return at;
}

static uint64_t number_get(const void *from, size_t size)
{
	uint8_t byte;
	uint16_t two;
	uint32_t four;
	uint64_t eight;
	switch (size) {
	case 1:
		memcpy(&byte, from, size);
		return byte;
	case 2:
		memcpy(&two, from, size);
		return two;
	case 4:
		memcpy(&four, from, size);
		return four;
	default:
		memcpy(&eight, from, sizeof(eight));
		return eight;
	}
}

char *record_put(const struct record *record, enum record_column column, char *at)
{
	const struct record_field *field = &record_columns[column];
	const char *from = (const char *)record + field->offset;
	const struct ip *ip;
	switch ((enum record_kind)field->kind) {
	case RECORD_DATE:
		return date_put(at, record->time / UNITS / SECONDS_A_DAY);
	case RECORD_TIME:
		return time_put(at, (unsigned)(record->time / UNITS % SECONDS_A_DAY));
	case RECORD_NUMBER:
		return number_put(at, number_get(from, field->size));
	case RECORD_HEX:
		return hex_put(at, (uint32_t)number_get(from, field->size));
	case RECORD_PROTOCOL:
		return protocol_put(at, record->protocol);
	case RECORD_IP:
		ip = (const struct ip *)(const void *)from;
		return ip->family == FAMILY_IPV4 ? ipv4_put(at, ip->bytes) : ipv6_put(at, ip);
	case RECORD_FLAGS:
		return flags_put(at, record->tcpflags);
	case RECORD_YES:
		memcpy(at, "yes", 3);
		return at + 3;
	case RECORD_TEXT:
		break;
	}
	return at;
}

size_t record_value(const struct record *record, enum record_column column, char text[RECORD_VALUE])
{
	bool there = column == COLUMN_RECOVERED ? record->recovered : record_has(record, column == COLUMN_TIME ? COLUMN_DATE : column);
	return there ? (size_t)(record_put(record, column, text) - text) : 0;
}

struct cursor record_text(const struct record *record, enum record_column column)
{
	struct cursor text = {NULL, NULL};
	if (record_columns[column].kind == RECORD_TEXT)
		memcpy(&text, (const char *)record + record_columns[column].offset, sizeof(text));
	return text;
}

/* --- And back --- */

/* So many digits exactly. */
static bool digits_take(struct cursor *cursor, size_t count, unsigned *ret_number)
{
	unsigned number = 0;
	if (cursor_left(cursor) < count)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (!ascii_digit(cursor->at[i]))
			return false;
		number = number * 10 + (unsigned)(cursor->at[i] - '0');
	}
	cursor->at += count;
	*ret_number = number;
	return true;
}

/* Days from 1601-01-01 on; a day that its month does not have is refused. */
static bool date_parse(struct cursor text, uint64_t *ret_days)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	unsigned year, month, day;
	size_t digits = cursor_left(&text) == 11 ? 5 : 4;
	if (!digits_take(&text, digits, &year) || !cursor_take(&text, '-') || !digits_take(&text, 2, &month) ||
	    !cursor_take(&text, '-') || !digits_take(&text, 2, &day) || cursor_left(&text) > 0)
		return false;
	if (year < 1601 || year > 60000 || month < 1 || month > 12)
		return false;
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	if (day < 1 || day > (unsigned)lengths[month - 1] + (month == 2 && leap))
		return false;
	unsigned from_march = month > 2 ? month - 3 : month + 9, shifted = year - 1600 - (month <= 2);
	*ret_days = (uint64_t)shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + (153 * from_march + 2) / 5 + day - 1 - 306;
	return true;
}

/* HH:MM:SS, with a fraction or none, in FILETIME units of the day. */
static bool time_parse(struct cursor text, uint64_t *ret_units)
{
	unsigned hour, minute, second;
	if (!digits_take(&text, 2, &hour) || !cursor_take(&text, ':') || !digits_take(&text, 2, &minute) ||
	    !cursor_take(&text, ':') || !digits_take(&text, 2, &second) || hour > 23 || minute > 59 || second > 59)
		return false;
	uint64_t units = (uint64_t)(hour * 3600 + minute * 60 + second) * UNITS;
	if (cursor_take(&text, '.')) {
		uint64_t unit = UNITS / 10;
		if (cursor_left(&text) == 0)
			return false;
		for (; text.at < text.end && ascii_digit(*text.at); text.at++, unit /= 10)
			units += unit * (uint64_t)(*text.at - '0');
	}
	*ret_units = units;
	return cursor_left(&text) == 0;
}

static bool hex_parse(struct cursor text, uint64_t *ret_number)
{
	uint64_t number = 0;
	if (!cursor_take(&text, '0') || !cursor_take(&text, 'x') || cursor_left(&text) == 0 || cursor_left(&text) > 8)
		return false;
	for (; text.at < text.end; text.at++) {
		char c = ascii_lower(*text.at);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		number = number << 4 | (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_number = number;
	return true;
}

static bool protocol_read(struct cursor text, uint64_t *ret_number)
{
	for (size_t i = 0; i < ARRAY_LENGTH(protocols); i++) {
		if (ascii_equal_n(text.at, cursor_left(&text), protocols[i].name)) {
			*ret_number = protocols[i].protocol;
			return true;
		}
	}
	return number_parse(text.at, cursor_left(&text), UINT8_MAX, ret_number);
}

static bool flags_parse(struct cursor text, uint64_t *ret_number)
{
	uint64_t flags = 0;
	if (cursor_left(&text) == 1 && *text.at == '0') {
		*ret_number = 0;
		return true;
	}
	for (const char *at = text.at; at < text.end; at++) {
		size_t i = 0;
		while (i < ARRAY_LENGTH(flag_letters) && flag_letters[i].letter != *at)
			i++;
		if (i == ARRAY_LENGTH(flag_letters))
			return false;
		flags |= flag_letters[i].flag;
	}
	*ret_number = flags;
	return cursor_left(&text) > 0;
}

static void number_keep(void *to, size_t size, uint64_t number)
{
	uint8_t byte = (uint8_t)number;
	uint16_t two = (uint16_t)number;
	uint32_t four = (uint32_t)number;
	const void *const from[] = {[1] = &byte, [2] = &two, [4] = &four, [8] = &number};
	memcpy(to, from[size], size);
}

static uint64_t number_most(size_t size)
{
	return size == 8 ? UINT64_MAX : (UINT64_C(1) << size * 8) - 1;
}

static bool moment_set(struct record *record, enum record_kind kind, struct cursor text)
{
	const uint64_t day = (uint64_t)SECONDS_A_DAY * UNITS;
	uint64_t number;
	if (kind == RECORD_TIME) {
		if (!time_parse(text, &number))
			return false;
		record->time = record->time - record->time % day + number;
		return true;
	}
	if (!date_parse(text, &number))
		return false;
	record->time = number * day + record->time % day;
	record->has |= RECORD_HAS(COLUMN_DATE);
	return true;
}

static bool number_read(const struct record_field *field, struct cursor text, uint64_t *ret_number)
{
	switch ((enum record_kind)field->kind) {
	case RECORD_NUMBER:
		return number_parse(text.at, cursor_left(&text), number_most(field->size), ret_number);
	case RECORD_HEX:
		return hex_parse(text, ret_number);
	case RECORD_PROTOCOL:
		return protocol_read(text, ret_number);
	case RECORD_FLAGS:
		return flags_parse(text, ret_number);
	default:
		return false;
	}
}

bool record_set(struct record *record, enum record_column column, struct cursor text)
{
	const struct record_field *field = &record_columns[column];
	char *to = (char *)record + field->offset;
	struct ip ip;
	uint64_t number;
	switch ((enum record_kind)field->kind) {
	case RECORD_DATE:
	case RECORD_TIME:
		return moment_set(record, (enum record_kind)field->kind, text);
	case RECORD_TEXT:
		memcpy(to, &text, sizeof(text));
		return true;
	case RECORD_YES:
		if (!ascii_equal_n(text.at, cursor_left(&text), "yes"))
			return false;
		record->recovered = true;
		return true;
	case RECORD_IP:
		if (!ip_parse(text.at, cursor_left(&text), &ip))
			return false;
		memcpy(to, &ip, sizeof(ip));
		break;
	default:
		if (!number_read(field, text, &number))
			return false;
		number_keep(to, field->size, number);
		break;
	}
	record->has |= RECORD_HAS(column);
	return true;
}

