/* Packets that a Linux kernel has logged (logs.md 1.5): its own lines, as dmesg, the journal and syslog keep them, and the
 * JSON lines of ulogd.  Lines that are about something else are passed over. */
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/column.h"
#include "logparse/reader/evtx_value.h"
#include "logparse/reader/lines.h"
#include "logparse/reader/reader.h"

struct nflog {
	struct reader reader;
	struct lines *lines;
	struct cursor line;
	struct record record;
	struct column_day day;
	struct buffer text;
	int64_t last;             /* of Unix: when the log was written last, at the latest */
	unsigned year;            /* of that */
};

static const struct event_kind nflog_kind;

/* --- Time --- */

static bool digits(struct cursor *text, unsigned count, unsigned *ret_number)
{
	unsigned number = 0;
	if (cursor_left(text) < count)
		return false;
	for (unsigned i = 0; i < count; i++) {
		if (!ascii_digit(text->at[i]))
			return false;
		number = number * 10 + (unsigned)(text->at[i] - '0');
	}
	text->at += count;
	*ret_number = number;
	return true;
}

/* Days since 1970-01-01 (H. Hinnant, days_from_civil). */
static int64_t days(unsigned year, unsigned month, unsigned day)
{
	int64_t y = (int64_t)year - (month <= 2), era = y / 400;
	int64_t of_era = y - era * 400, of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool clock_take(struct cursor *text, int64_t *ret_seconds)
{
	unsigned hour, minute, second;
	if (!digits(text, 2, &hour) || !cursor_take(text, ':') || !digits(text, 2, &minute) || !cursor_take(text, ':') ||
	    !digits(text, 2, &second) || hour > 23 || minute > 59 || second > 60)
		return false;
	*ret_seconds = (int64_t)hour * 3600 + minute * 60 + second;
	return true;
}

static uint32_t fraction_take(struct cursor *text)
{
	uint32_t nanoseconds = 0, unit = 100000000;
	if (!cursor_take(text, '.') && !cursor_take(text, ','))
		return 0;
	for (; text->at < text->end && ascii_digit(*text->at); text->at++, unit /= 10)
		nanoseconds += (uint32_t)(*text->at - '0') * unit;
	return nanoseconds;
}

/* Minutes east of UTC: Z, +01:00, +0100. */
static bool zone_take(struct cursor *text, int64_t *ret_minutes)
{
	unsigned hours, minutes;
	*ret_minutes = 0;
	if (cursor_take(text, 'Z'))
		return true;
	bool west = cursor_left(text) > 0 && *text->at == '-';
	if (!cursor_take(text, '+') && !cursor_take(text, '-'))
		return false;
	if (!digits(text, 2, &hours))
		return false;
	cursor_take(text, ':');
	if (!digits(text, 2, &minutes))
		return false;
	*ret_minutes = ((int64_t)hours * 60 + minutes) * (west ? -1 : 1);
	return true;
}

/* 2026-11-21T03:32:06,765135+00:00; without a zone the one of the options. */
static bool time_iso(const struct nflog *nflog, struct cursor *text, struct record *record)
{
	unsigned year, month, day;
	int64_t seconds, zone;
	struct cursor at = *text;
	if (!digits(&at, 4, &year) || !cursor_take(&at, '-') || !digits(&at, 2, &month) || !cursor_take(&at, '-') ||
	    !digits(&at, 2, &day) || (!cursor_take(&at, 'T') && !cursor_take(&at, ' ')) || !clock_take(&at, &seconds) || month < 1 ||
	    month > 12 || day < 1 || day > 31)
		return false;
	uint32_t fraction = fraction_take(&at);
	bool known = zone_take(&at, &zone);
	if (!known)
		zone = nflog->reader.options.zone;
	if (known || nflog->reader.options.zone_known) {
		record->time = record_time_of_unix(days(year, month, day) * 86400 + seconds - zone * 60, fraction);
		record->has |= RECORD_HAS(COLUMN_DATE);
	}
	*text = at;
	return true;
}

/* Nov 21, or Nov  1. */
static bool day_take(struct cursor *text, unsigned *ret_month, unsigned *ret_day)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned month = 0;
	if (cursor_left(text) < 6)
		return false;
	while (month < 12 && memcmp(text->at, months + 3 * (size_t)month, 3) != 0)
		month++;
	text->at += 3;
	*ret_month = month + 1;
	return month < 12 && cursor_take(text, ' ') && (cursor_take(text, ' ') ? digits(text, 1, ret_day) : digits(text, 2, ret_day)) &&
	       *ret_day >= 1 && *ret_day <= 31;
}

static bool is_day_of(unsigned year, unsigned month, unsigned day)
{
	static const uint8_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	return day <= (unsigned)lengths[month - 1] + (month == 2 && leap);
}

/* Nov 21 03:32:06: of the last year that has this day and in which it is not later than the log was written last (the
 * file's time, or now where that is not known); a day's difference is a clock that was wrong.  The zone has to be given. */
static bool time_syslog(const struct nflog *nflog, struct cursor *text, struct record *record)
{
	struct cursor at = *text;
	unsigned month, day;
	int64_t seconds;
	if (!day_take(&at, &month, &day) || !cursor_take(&at, ' ') || !clock_take(&at, &seconds))
		return false;
	*text = at;
	if (!nflog->reader.options.zone_known || !is_day_of(2000, month, day))
		return true;
	int64_t when = INT64_MAX;
	/* One more than that of the last: its first hours may be in the next year already, in another zone. */
	for (unsigned year = nflog->year + 1; when > nflog->last + 86400; year--)
		if (is_day_of(year, month, day))
			when = days(year, month, day) * 86400 + seconds - (int64_t)nflog->reader.options.zone * 60;
	record->time = record_time_of_unix(when, 0);
	record->has |= RECORD_HAS(COLUMN_DATE);
	return true;
}

/* Sat Nov 21 03:32:06 2026, of dmesg -T; local. */
static bool time_ctime(const struct nflog *nflog, struct cursor *text, struct record *record)
{
	struct cursor at = *text;
	unsigned month, day, year;
	int64_t seconds;
	if (cursor_left(&at) < 24 || at.at[3] != ' ')
		return false;
	at.at += 4;
	if (!day_take(&at, &month, &day) || !cursor_take(&at, ' ') || !clock_take(&at, &seconds) || !cursor_take(&at, ' ') || !digits(&at, 4, &year))
		return false;
	*text = at;
	if (!nflog->reader.options.zone_known)
		return true;
	record->time = record_time_of_unix(days(year, month, day) * 86400 + seconds - (int64_t)nflog->reader.options.zone * 60, 0);
	record->has |= RECORD_HAS(COLUMN_DATE);
	return true;
}

/* --- The kernel's lines --- */

static struct cursor find(struct cursor text, const char *word)
{
	const char *at = memmem(text.at, cursor_left(&text), word, strlen(word));
	return at != NULL ? (struct cursor){at, text.end} : (struct cursor){text.end, text.end};
}

/* Words of a line, by their first letter: KEY=value, or the name of a flag alone. */
static const struct {
	char text[8];
	uint8_t length, column, flag;
} words[] = {
	{"ACK", 3, 0, 16},
	{"CODE=", 5, COLUMN_ICMPCODE, 0}, {"CWR", 3, 0, 128},
	{"DST=", 4, COLUMN_DST_IP, 0}, {"DPT=", 4, COLUMN_DST_PORT, 0},
	{"ECE", 3, 0, 64},
	{"FIN", 3, 0, 1},
	{"LEN=", 4, COLUMN_SIZE, 0},
	{"PROTO=", 6, COLUMN_PROTOCOL, 0}, {"PSH", 3, 0, 8},
	{"RST", 3, 0, 4},
	{"SRC=", 4, COLUMN_SRC_IP, 0}, {"SPT=", 4, COLUMN_SRC_PORT, 0}, {"SYN", 3, 0, 2}, {"SPI=", 4, COLUMN_SPI, 0},
	{"TYPE=", 5, COLUMN_ICMPTYPE, 0},
	{"URG", 3, 0, 32},
};
static const struct {
	uint8_t first, count;
} letters[26] = {
	['A' - 'A'] = {0, 1}, ['C' - 'A'] = {1, 2}, ['D' - 'A'] = {3, 2}, ['E' - 'A'] = {5, 1}, ['F' - 'A'] = {6, 1}, ['L' - 'A'] = {7, 1},
	['P' - 'A'] = {8, 2}, ['R' - 'A'] = {10, 1}, ['S' - 'A'] = {11, 4}, ['T' - 'A'] = {15, 1}, ['U' - 'A'] = {16, 1},
};

/* One word of the line.  LEN and ID stand there twice: the first is IP's. */
static bool word_take(struct nflog *nflog, struct cursor word)
{
	struct record *record = &nflog->record;
	unsigned letter = (unsigned char)*word.at - (unsigned)'A';
	size_t length = cursor_left(&word);
	if (letter >= ARRAY_LENGTH(letters))
		return true;
	for (size_t i = letters[letter].first, end = i + letters[letter].count; i < end; i++) {
		if (length < words[i].length || memcmp(word.at, words[i].text, words[i].length) != 0)
			continue;
		struct cursor value = {word.at + words[i].length, word.end};
		enum record_column column = (enum record_column)words[i].column;
		if (words[i].flag != 0)
			record->tcpflags |= value.at == value.end ? words[i].flag : 0;
		else if (value.at < value.end && !record_has(record, column))
			return column_reader(column)(record, column, value, &nflog->day);
		return true;
	}
	return true;
}

/* Of a word in another script too: what stands beside it is no end of it. */
static bool is_letter(char c)
{
	return (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z') || (unsigned char)c >= 0x80;
}

static bool letters_take(struct cursor *text, struct cursor *ret_word)
{
	while (text->at < text->end && !is_letter(*text->at))
		text->at++;
	ret_word->at = text->at;
	while (text->at < text->end && is_letter(*text->at))
		text->at++;
	ret_word->end = text->at;
	return ret_word->at < ret_word->end;
}

static bool is_one_of(struct cursor word, const char *const *wanted)
{
	while (*wanted != NULL && !ascii_equal_n(word.at, cursor_left(&word), *wanted))
		wanted++;
	return *wanted != NULL;
}

/* What a prefix says becomes of the packet, by its whole words; one that is negated ("no-drop", "not allowed") says
 * nothing.  Of both the drop is believed. */
static const char *prefix_action(struct cursor prefix)
{
	static const char *const drops[] = {"drop", "drops", "dropped", "dropping", "blk", "block", "blocks", "blocked", "blocking",
					    "reject", "rejects", "rejected", "rejecting", "deny", "denies", "denied", "denying", NULL};
	static const char *const permits[] = {"accept", "accepts", "accepted", "accepting", "allow", "allows", "allowed", "allowing",
					      "pass", "passes", "passed", "passing", "permit", "permits", "permitted", "permitting", NULL};
	static const char *const negations[] = {"no", "non", "not", "never", "dont", "without", NULL};
	const char *action = NULL;
	bool negated = false;
	struct cursor word;
	for (; letters_take(&prefix, &word); negated = is_one_of(word, negations)) {
		if (!negated && is_one_of(word, drops))
			return "DROP";
		if (!negated && is_one_of(word, permits))
			action = "ALLOW";
	}
	return action;
}

/* Our own prefix names the rule; of others the words that people use. */
static void prefix_take(struct record *record, struct cursor prefix)
{
	static const char own[] = "cordon:";
	while (prefix.at < prefix.end && ascii_blank(prefix.end[-1]))
		prefix.end--;
	struct cursor ours = find(prefix, own), action, hash;
	record->source = cursor_text("nflog");
	if (cursor_left(&ours) > sizeof(own)) {
		ours.at += sizeof(own) - 1;
		action = hash = (struct cursor){ours.at, ours.end};
		const char *colon = memchr(ours.at, ':', cursor_left(&ours));
		if (colon != NULL && cursor_left(&hash) > (size_t)(colon - ours.at) + 17 && colon[17] == ':') {
			action.end = colon;
			record->source = cursor_text("cordon");
			record->rule = (struct cursor){colon + 18, prefix.end};
			record->action = cursor_text(ascii_equal_n(action.at, cursor_left(&action), "block") ? "DROP" : "ALLOW");
			return;
		}
	}
	while (prefix.at < prefix.end && (ascii_blank(prefix.end[-1]) || prefix.end[-1] == ':'))
		prefix.end--;
	if (prefix.at < prefix.end)
		record->rule = prefix;
	const char *said = prefix_action(prefix);
	if (said != NULL)
		record->action = cursor_text(said);
}

static void interfaces_take(struct record *record, struct cursor in, struct cursor out)
{
	bool inward = cursor_left(&in) > 0, outward = cursor_left(&out) > 0;
	record->interface = inward ? in : out;
	if (inward || outward)
		record->direction = cursor_text(inward && outward ? "forward" : inward ? "in" : "out");
	else
		record->interface = (struct cursor){NULL, NULL};
}

/* Seconds since the start, or the thread or processor that speaks ("T123", "C0"). */
static bool is_kernel_stamp(struct cursor text)
{
	const char *digits_of;
	cursor_skip_blanks(&text);
	if (cursor_left(&text) > 1 && (*text.at == 'T' || *text.at == 'C'))
		text.at++;
	for (digits_of = text.at; text.at < text.end && (ascii_digit(*text.at) || *text.at == '.'); text.at++)
		continue;
	return text.at == text.end && text.at > digits_of;
}

/* A stamp in brackets: seconds since the start, which are no time, or one for people.  Others belong to the prefix:
 * "[UFW BLOCK]". */
static bool bracket_take(const struct nflog *nflog, struct cursor *head, struct record *record)
{
	const char *close = cursor_left(head) > 0 && *head->at == '[' ? memchr(head->at, ']', cursor_left(head)) : NULL;
	if (close == NULL)
		return false;
	struct cursor stamp = {head->at + 1, close};
	if (!is_kernel_stamp(stamp) && !time_ctime(nflog, &stamp, record))
		return false;
	head->at = close + 1;
	return true;
}

/* host kernel: of the journal and of syslog; some leave the host out. */
static void host_take(struct cursor *head, struct record *record)
{
	struct cursor rest = *head, host, word;
	cursor_skip_blanks(&rest);
	if (!cursor_word(&rest, &host))
		return;
	cursor_skip_blanks(&rest);
	bool alone = ascii_equal_n(host.at, cursor_left(&host), "kernel:");
	if (!alone && (!cursor_word(&rest, &word) || !ascii_equal_n(word.at, cursor_left(&word), "kernel:")))
		return;
	if (alone)
		rest.at = host.end;
	else
		record->computername = host;
	head->at = rest.at;
}

/* What stands before the packet: perhaps a level, a stamp, the host and "kernel:", the kernel's own stamp; the prefix. */
static void head_take(struct nflog *nflog, struct cursor head)
{
	struct record *record = &nflog->record;
	const char *level = cursor_left(&head) > 2 && *head.at == '<' ? memchr(head.at, '>', cursor_left(&head)) : NULL;
	if (level != NULL && ascii_digit(head.at[1]))
		head.at = level + 1;
	if (time_iso(nflog, &head, record) || time_syslog(nflog, &head, record) || time_ctime(nflog, &head, record) ||
	    bracket_take(nflog, &head, record))
		host_take(&head, record);
	cursor_skip_blanks(&head);
	while (bracket_take(nflog, &head, record))
		cursor_skip_blanks(&head);
	prefix_take(record, head);
}

/* All words behind OUT=, up to the packet that an ICMP error speaks of. */
static bool words_take(struct nflog *nflog, struct cursor rest)
{
	size_t length = cursor_left(&rest), place = 0;
	for (size_t base = 0; base <= length; base += 64) {
		for (uint64_t blanks = line_blanks_left(rest.at + base, length - base); blanks != 0; blanks &= blanks - 1) {
			size_t end = base + (size_t)__builtin_ctzll(blanks);
			struct cursor word = {rest.at + place, rest.at + end};
			place = end + 1;
			if (word.at < word.end && *word.at == '[')
				return true;
			if (word.at < word.end && !word_take(nflog, word))
				return false;
		}
	}
	return true;
}

/* 1: a packet, 0: something else, -1: a packet that cannot be read.  The line has room around it (lines.h). */
static int kernel_take(struct nflog *nflog, struct cursor line)
{
	struct cursor out = find(line, " OUT=");
	struct record *record = &nflog->record;
	if (cursor_left(&out) == 0)
		return 0;
	const char *in = out.at;
	while (in - line.at >= 3 && memcmp(in - 3, "IN=", 3) != 0)
		in--;
	if (in - line.at < 3)
		return 0;
	*record = (struct record){0};
	struct cursor rest = {out.at + 5, line.end}, outer = {rest.at, rest.at};
	while (outer.end < rest.end && *outer.end != ' ')
		outer.end++;
	bool whole = words_take(nflog, (struct cursor){outer.end, line.end});
	/* Somebody else's line. */
	if (whole && !record_has(record, COLUMN_SRC_IP) && !record_has(record, COLUMN_PROTOCOL))
		return 0;
	head_take(nflog, (struct cursor){line.at, in - 3});
	interfaces_take(record, (struct cursor){in, out.at}, outer);
	if (record_has(record, COLUMN_PROTOCOL) && record->protocol == 6)
		record->has |= RECORD_HAS(COLUMN_TCPFLAGS);
	return whole && record_has(record, COLUMN_SRC_IP) ? 1 : -1;
}

/* --- ulogd --- */

static char *utf8_put(char *to, unsigned code)
{
	if (code < 0x80) {
		*to++ = (char)code;
		return to;
	}
	unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	*to++ = (char)((0xf0u << (3 - more) & 0xff) | code >> 6 * more);
	while (more-- > 0)
		*to++ = (char)(0x80 | (code >> 6 * more & 0x3f));
	return to;
}

static bool hex_take(struct cursor *text, unsigned *ret_unit)
{
	unsigned unit = 0;
	if (cursor_left(text) < 4)
		return false;
	for (const char *end = text->at + 4; text->at < end; text->at++) {
		char c = ascii_lower(*text->at);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		unit = unit << 4 | (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	*ret_unit = unit;
	return true;
}

/* What a backslash stands for; never longer than it is written.  Half a surrogate becomes U+FFFD. */
static bool escape_take(struct cursor *text, char **to)
{
	static const char letters_of[] = "btnfr", meant[] = "\b\t\n\f\r";
	unsigned unit, low;
	if (cursor_left(text) == 0)
		return false;
	char letter = *text->at++;
	const char *known = memchr(letters_of, letter, sizeof(letters_of) - 1);
	if (letter != 'u') {
		*(*to)++ = known != NULL ? meant[known - letters_of] : letter;
		return true;
	}
	if (!hex_take(text, &unit))
		return false;
	struct cursor second = *text;
	if ((unit & 0xfc00) == 0xd800 && cursor_take(&second, '\\') && cursor_take(&second, 'u') && hex_take(&second, &low) &&
	    (low & 0xfc00) == 0xdc00) {
		*text = second;
		unit = 0x10000 + ((unit & 0x3ff) << 10 | (low & 0x3ff));
	}
	*to = utf8_put(*to, (unit & 0xfffff800) == 0xd800 ? 0xfffd : unit);
	return true;
}

/* An array or object: passed over. */
static bool json_pass(struct cursor *text, struct cursor *ret_value)
{
	size_t depth = 0;
	bool quoted = false;
	ret_value->at = text->at;
	for (; text->at < text->end; text->at++) {
		char c = *text->at;
		if (quoted) {
			text->at += c == '\\' && text->at + 1 < text->end;
			quoted = c != '"';
			continue;
		}
		quoted = c == '"';
		depth += c == '[' || c == '{';
		if ((c == ']' || c == '}') && --depth == 0) {
			ret_value->end = ++text->at;
			return true;
		}
	}
	return false;
}

/* A value of an object: a number or word as it stands, a string without its escapes. */
static bool json_value(struct nflog *nflog, struct cursor *text, struct cursor *ret_value)
{
	if (cursor_left(text) > 0 && (*text->at == '[' || *text->at == '{'))
		return json_pass(text, ret_value);
	if (!cursor_take(text, '"')) {
		ret_value->at = text->at;
		while (text->at < text->end && *text->at != ',' && *text->at != '}' && *text->at != ' ')
			text->at++;
		ret_value->end = text->at;
		return ret_value->end > ret_value->at;
	}
	ret_value->at = text->at;
	while (text->at < text->end && *text->at != '"' && *text->at != '\\')
		text->at++;
	ret_value->end = text->at;
	if (cursor_take(text, '"'))
		return true;
	char *to = buffer_room(&nflog->text, cursor_left(text) + cursor_left(ret_value)), *start = to;
	if (to == NULL)
		return false;
	memcpy(to, ret_value->at, cursor_left(ret_value));
	to += cursor_left(ret_value);
	while (text->at < text->end && *text->at != '"') {
		if (!cursor_take(text, '\\'))
			*to++ = *text->at++;
		else if (!escape_take(text, &to))
			return false;
	}
	buffer_took(&nflog->text, to);
	*ret_value = (struct cursor){start, to};
	return cursor_take(text, '"');
}

static bool is_yes(struct cursor value)
{
	return cursor_left(&value) == 1 ? *value.at != '0' : cursor_left(&value) == 4 && *value.at == 't';
}

static bool ulogd_member(struct nflog *nflog, struct cursor key, struct cursor value, struct cursor *in, struct cursor *out)
{
	static const struct { const char *key; enum record_column column; } members[] = {
		{"src_ip", COLUMN_SRC_IP}, {"dest_ip", COLUMN_DST_IP}, {"src_port", COLUMN_SRC_PORT}, {"dest_port", COLUMN_DST_PORT},
		{"ip.protocol", COLUMN_PROTOCOL}, {"ip6.nexthdr", COLUMN_PROTOCOL}, {"ip.totlen", COLUMN_SIZE}, {"icmp.type", COLUMN_ICMPTYPE},
		{"icmp.code", COLUMN_ICMPCODE}, {"icmpv6.type", COLUMN_ICMPTYPE}, {"icmpv6.code", COLUMN_ICMPCODE},
	};
	static const struct { const char *key; uint8_t flag; } bits[] = {
		{"tcp.fin", 1}, {"tcp.syn", 2}, {"tcp.rst", 4}, {"tcp.psh", 8}, {"tcp.ack", 16}, {"tcp.urg", 32}, {"tcp.ece", 64}, {"tcp.cwr", 128},
	};
	struct record *record = &nflog->record;
	size_t length = cursor_left(&key);
	struct cursor stamp = value;
	for (size_t i = 0; i < ARRAY_LENGTH(members); i++)
		if (ascii_equal_n(key.at, length, members[i].key))
			return record_set(record, members[i].column, value);
	for (size_t i = 0; i < ARRAY_LENGTH(bits); i++)
		if (ascii_equal_n(key.at, length, bits[i].key)) {
			record->has |= RECORD_HAS(COLUMN_TCPFLAGS);
			record->tcpflags |= is_yes(value) ? bits[i].flag : 0;
		}
	if (ascii_equal_n(key.at, length, "oob.in"))
		*in = value;
	else if (ascii_equal_n(key.at, length, "oob.out"))
		*out = value;
	else if (ascii_equal_n(key.at, length, "oob.prefix"))
		prefix_take(record, value);
	else if (ascii_equal_n(key.at, length, "timestamp") && !record_has(record, COLUMN_DATE))
		time_iso(nflog, &stamp, record);
	else if (ascii_equal_n(key.at, length, "oob.hook") && cursor_left(&value) == 1)
		record->direction = cursor_text(*value.at == '1' ? "in" : *value.at == '3' ? "out" : "forward");
	return true;
}

/* Seconds and microseconds are UTC, the text stamp local: these win. */
static void ulogd_time(struct record *record, uint64_t seconds, uint64_t microseconds)
{
	if (seconds == 0 || seconds > UINT32_MAX || microseconds > 999999)
		return;
	record->time = record_time_of_unix((int64_t)seconds, (uint32_t)microseconds * 1000);
	record->has |= RECORD_HAS(COLUMN_DATE);
}

/* What stands beside the packet's columns. */
struct object {
	struct cursor in, out, message, host;
	uint64_t seconds, microseconds;
};

static bool object_read(struct nflog *nflog, struct object *object)
{
	struct cursor text = nflog->line;
	const struct { const char *key; uint64_t *number; } numbers[] = {
		{"oob.time.sec", &object->seconds}, {"oob.time.usec", &object->microseconds}, {"__REALTIME_TIMESTAMP", &object->microseconds},
	};
	const struct { const char *key; struct cursor *text; } texts[] = {{"MESSAGE", &object->message}, {"_HOSTNAME", &object->host}};
	cursor_take(&text, '{');
	for (;;) {
		struct cursor key, value;
		cursor_skip_blanks(&text);
		if (cursor_take(&text, '}'))
			return true;
		if (cursor_left(&text) == 0 || *text.at != '"' || !json_value(nflog, &text, &key))
			return false;
		cursor_skip_blanks(&text);
		if (!cursor_take(&text, ':'))
			return false;
		cursor_skip_blanks(&text);
		if (!json_value(nflog, &text, &value) || !ulogd_member(nflog, key, value, &object->in, &object->out))
			return false;
		for (size_t i = 0; i < ARRAY_LENGTH(numbers); i++)
			if (ascii_equal_n(key.at, cursor_left(&key), numbers[i].key))
				number_parse(value.at, cursor_left(&value), UINT64_MAX, numbers[i].number);
		for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
			if (ascii_equal_n(key.at, cursor_left(&key), texts[i].key))
				*texts[i].text = value;
		cursor_skip_blanks(&text);
		cursor_take(&text, ',');
	}
}

/* journalctl -o json: the kernel's line is a member, and its time and host are others. */
static int journal_take(struct nflog *nflog, const struct object *object)
{
	size_t length = cursor_left(&object->message);
	char *room = buffer_room(&nflog->text, length + 2 * LINE_ROOM);
	if (room == NULL)
		return -1;
	memset(room, 0, length + 2 * LINE_ROOM);
	memcpy(room + LINE_ROOM, object->message.at, length);
	int taken = kernel_take(nflog, cursor_of(room + LINE_ROOM, length));
	if (taken <= 0)
		return taken;
	if (object->host.at != NULL)
		nflog->record.computername = object->host;
	ulogd_time(&nflog->record, object->microseconds / 1000000, object->microseconds % 1000000);
	return taken;
}

static int ulogd_take(struct nflog *nflog)
{
	struct object object = {.seconds = 0};
	nflog->record = (struct record){.source = cursor_text("nflog")};
	buffer_clear(&nflog->text);
	if (!object_read(nflog, &object))
		return -1;
	if (object.message.at != NULL)
		return journal_take(nflog, &object);
	ulogd_time(&nflog->record, object.seconds, object.microseconds);
	struct cursor direction = nflog->record.direction;
	if (object.in.at != NULL || object.out.at != NULL)
		interfaces_take(&nflog->record, object.in, object.out);
	if (direction.at != NULL)
		nflog->record.direction = direction;
	return record_has(&nflog->record, COLUMN_SRC_IP) ? 1 : 0;
}

/* --- The reader --- */

static int nflog_next(struct reader *reader, struct event *ret_event)
{
	struct nflog *nflog = (struct nflog *)reader;
	bool cut;
	int got;
	while ((got = lines_next(nflog->lines, &nflog->line, &cut)) > 0) {
		bool json = cursor_left(&nflog->line) > 0 && *nflog->line.at == '{';
		int taken = cut ? -1 : json ? ulogd_take(nflog) : kernel_take(nflog, nflog->line);
		const struct record *record = &nflog->record;
		if (taken < 0) {
			reader_damage(reader, lines_number(nflog->lines), 0, true, cut ? "a line longer than 1 MiB" : "a packet's line that cannot be read");
			if (reader->options.strict)
				return ERROR_INPUT;
		}
		if (taken <= 0)
			continue;
		*ret_event = (struct event){
			.kind = &nflog_kind, .source = nflog, .file = reader->file, .offset = lines_number(nflog->lines), .type = 4,
			.time = record_has(record, COLUMN_DATE) ? record->time : 0, .id = EVENT_NO_ID, .id_full = EVENT_NO_ID,
			.provider = record->source, .computer = record->computername,
		};
		if (!reader_wants(reader, ret_event)) {
			reader->counts.filtered++;
			continue;
		}
		reader->counts.read++;
		return 1;
	}
	if (got == 0 && lines_torn(nflog->lines))
		reader_torn(reader);
	return got;
}

static int nflog_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	struct cursor text = cursor_of((const char *)head, length);
	*ret_why = "no line with IN=, OUT= and SRC=, and no JSON of ulogd or the journal";
	if (length > 0 && *head == '{' && (memmem(head, length, "\"oob.", 5) != NULL || memmem(head, length, "\"__REALTIME_TIMESTAMP\"", 22) != NULL))
		return 85;
	struct cursor out = find(text, " OUT=");
	if (cursor_left(&out) == 0)
		return 0;
	return cursor_left(&(struct cursor){find(text, " SRC=").at, text.end}) > 0 ? 80 : 0;
}

/* When the log can have been written last: what the file system says of it, or now.  A time before there were such logs
 * is one that an archive has made up. */
static void last_find(struct nflog *nflog)
{
	const int64_t least = days(1991, 9, 17) * 86400;
	const char *name = nflog->reader.file;
	struct stat status;
	struct tm parts;
	time_t last = time(NULL);
	bool known = (strcmp(name, "-") == 0 ? fstat(STDIN_FILENO, &status) : stat(name, &status)) == 0 && S_ISREG(status.st_mode);
	if (known && status.st_mtim.tv_sec < last && status.st_mtim.tv_sec >= least)
		last = status.st_mtim.tv_sec;
	nflog->last = (int64_t)last;
	nflog->year = gmtime_r(&last, &parts) != NULL ? (unsigned)parts.tm_year + 1900 : 1970;
}

static int nflog_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct nflog *nflog = memory_alloc(sizeof(*nflog));
	*nflog = (struct nflog){.reader = {.type = &nflog_reader, .options = *options, .diag = diag, .file = input_name(input)}};
	nflog->lines = lines_new(input, options->growing);
	last_find(nflog);
	/* Never moved while a line is read: values point into it. */
	buffer_init(&nflog->text, 4 * LINE_MOST);
	(void)buffer_room(&nflog->text, 3 * LINE_MOST);
	*ret_reader = &nflog->reader;
	return 0;
}

static void nflog_close(struct reader *reader)
{
	struct nflog *nflog = (struct nflog *)reader;
	lines_free(nflog->lines);
	buffer_done(&nflog->text);
	free(nflog);
}

static bool nflog_record(const struct event *event, struct record *ret_record)
{
	*ret_record = ((const struct nflog *)event->source)->record;
	return true;
}

/* What is known of the packet, and the line as it stands. */
static void nflog_data(const struct event *event, event_take take, void *context)
{
	const struct nflog *nflog = event->source;
	event_record_data(&nflog->record, take, context);
	take(context, cursor_text("line"), nflog->line);
}

static const struct event_kind nflog_kind = {
	.format = "nflog", .json = event_members_json, .xml = event_members_xml, .data = nflog_data, .record = nflog_record,
};

const struct reader_type nflog_reader = {
	.name = "nflog",
	.what = "packets logged by a Linux kernel: its lines in dmesg, journal, syslog; ulogd's JSON",
	.lines = true,
	.guess = nflog_guess,
	.open = nflog_open,
	.next = nflog_next,
	.close = nflog_close,
};
