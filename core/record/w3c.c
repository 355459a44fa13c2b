/* A line is written straight into the buffer, a column at a time: hundreds of megabytes a second go through here. */
#include "core/record/w3c.h"

#include <stdio.h>

#include "core/base/attr.h"
#include "core/base/utf8.h"

enum {
	ROOM = RECORD_COLUMNS * (RECORD_VALUE + 1), /* for all that is no text */
	GROWTH = 6,                                 /* \uXXXX out of one byte */
};

enum {
	PLAIN = 0,
	QUOTED = 1,  /* makes the value stand in quotes: blank, quote */
	CONTROL = 2,
	WIDE = 3,    /* the first byte of a character beyond ASCII, or no UTF-8 at all */
};
static const uint8_t classes[256] = {
	2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, /* 00 */
	1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 20 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, /* 40 */
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, /* 60 */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* 80 */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
};

/* The character at the start of a text whose first byte is above 7F; its length, 0 when it is none. */
static size_t wide_take(const char *at, size_t left, uint32_t *ret_point)
{
	size_t length = utf8_length(at, left);
	if (length == 0)
		return 0;
	uint32_t point = (uint8_t)at[0] & (0xffu >> (length + 1));
	for (size_t i = 1; i < length; i++)
		point = point << 6 | ((uint8_t)at[i] & 0x3fu);
	*ret_point = point;
	return length;
}

static char *hex_put(char *at, uint32_t number, unsigned digits)
{
	while (digits > 0)
		*at++ = "0123456789ABCDEF"[number >> --digits * 4 & 15];
	return at;
}

/* One character beyond ASCII; C1 controls are controls. */
static char *wide_put(char *at, struct cursor *text, unsigned flags, bool *run)
{
	static const char replacement[] = "\xef\xbf\xbd";
	uint32_t point = 0xfffd;
	size_t length = wide_take(text->at, cursor_left(text), &point);
	bool control = length > 0 && point < 0xa0, again = *run;
	*run = control;
	if (control && (flags & W3C_ESCAPE) != 0) {
		*at++ = '\\';
		*at++ = 'u';
		at = hex_put(at, point, 4);
	} else if (control) {
		if (!again)
			*at++ = ' ';
	} else if ((flags & W3C_ASCII) != 0) {
		*at++ = 'U';
		*at++ = '+';
		at = hex_put(at, point, point > 0xfffff ? 6 : point > 0xffff ? 5 : 4);
	} else {
		memcpy(at, length > 0 ? text->at : replacement, length > 0 ? length : 3);
		at += length > 0 ? length : 3;
	}
	text->at += length > 0 ? length : 1;
	return at;
}

/* Whether any of eight bytes is not PLAIN, all at once. */
static bool special(uint64_t bytes)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), high = ones << 7;
	uint64_t quote = bytes ^ ones * '"', last = bytes ^ ones * 0x7f;
	return (((bytes - ones * '!') & ~bytes) | ((quote - ones) & ~quote) | ((last - ones) & ~last) | bytes) & high;
}

/* A value that needs quotes and nothing else: blanks in it are all that is special. */
static bool blanks_only(struct cursor text)
{
	const uint64_t ones = UINT64_C(0x0101010101010101), low = ones * 0x7f;
	uint64_t bytes, others;
	bool blank = memchr(text.at, ' ', cursor_left(&text)) != NULL;
	for (; blank && cursor_left(&text) >= sizeof(bytes); text.at += sizeof(bytes)) {
		memcpy(&bytes, text.at, sizeof(bytes));
		/* Blanks become another character that is none of the special ones. */
		others = bytes ^ ones * ' ';
		if (special(bytes | ~(((others & low) + low) | others | low) >> 1))
			return false;
	}
	for (; text.at < text.end; text.at++)
		if (classes[(unsigned char)*text.at] != PLAIN && *text.at != ' ')
			return false;
	return blank;
}

/* A value that does not stand there as it is, between quotes when it needs them. */
static __attribute__((noinline)) char *slow_put(char *at, struct cursor text, unsigned flags)
{
	if (blanks_only(text)) {
		*at++ = '"';
		memcpy(at, text.at, cursor_left(&text));
		at += cursor_left(&text);
		*at++ = '"';
		return at;
	}
	char *start = at;
	bool quoted = cursor_left(&text) == 0 || *text.at == '#' || (cursor_left(&text) == 1 && *text.at == '-');
	bool run = false; /* of controls */
	*at++ = '"';
	while (text.at < text.end) {
		unsigned char byte = (unsigned char)*text.at;
		unsigned class = classes[byte];
		if (class == WIDE) {
			at = wide_put(at, &text, flags, &run);
			quoted = quoted || (run && (flags & W3C_ESCAPE) == 0);
			continue;
		}
		text.at++;
		quoted = quoted || class == QUOTED || (class == CONTROL && (flags & W3C_ESCAPE) == 0);
		if (class != CONTROL) {
			if (byte == '"')
				*at++ = '"';
			*at++ = (char)byte;
		} else if (flags & W3C_ESCAPE) {
			*at++ = '\\';
			*at++ = 'u';
			at = hex_put(at, byte, 4);
		} else if (!run) {
			*at++ = ' ';
		}
		run = class == CONTROL;
	}
	if (quoted) {
		*at++ = '"';
		return at;
	}
	memmove(start, start + 1, (size_t)(at - start - 1));
	return at - 1;
}

/* Copies a text while it looks at it; false when it needs the slow way.  */
static bool plain_copy(char *at, const char *text, size_t length)
{
	uint64_t eight;
	uint32_t four[2];
	size_t done = 0;
	for (; length - done >= 8; done += 8) {
		memcpy(&eight, text + done, sizeof(eight));
		memcpy(at + done, &eight, sizeof(eight));
		if (special(eight))
			return false;
	}
	if (done == length)
		return true;
	if (length >= 8) { /* the last eight, some of them again */
		memcpy(&eight, text + length - 8, sizeof(eight));
		memcpy(at + length - 8, &eight, sizeof(eight));
		return !special(eight);
	}
	if (length >= 4) {
		memcpy(&four[0], text, sizeof(four[0]));
		memcpy(&four[1], text + length - 4, sizeof(four[1]));
		memcpy(at, &four[0], sizeof(four[0]));
		memcpy(at + length - 4, &four[1], sizeof(four[1]));
		memcpy(&eight, four, sizeof(eight));
		return !special(eight);
	}
	unsigned found = PLAIN;
	for (; done < length; done++) {
		found |= classes[(unsigned char)text[done]];
		at[done] = text[done];
	}
	return found == PLAIN;
}

static inline char *text_put(char *at, struct cursor text, unsigned flags)
{
	size_t length = cursor_left(&text);
	if (text.at == NULL) {
		*at++ = '-';
		return at;
	}
	if (length == 0 || *text.at == '#' || (length == 1 && *text.at == '-') || !plain_copy(at, text.at, length))
		return slow_put(at, text, flags);
	return at + length;
}

void w3c_text(struct cursor text, unsigned flags, struct buffer *buffer)
{
	char *at = buffer_room(buffer, text.at == NULL ? 1 : cursor_left(&text) * GROWTH + 2);
	if (at != NULL)
		buffer_took(buffer, text_put(at, text, flags));
}

/* Which columns a record has, texts included; and how long its texts are together. */
static uint64_t columns_there(const struct record *record, size_t *ret_length)
{
	static const struct {
		uint8_t column;
		uint16_t offset;
	} texts[] = {
#define TEXT(column, member) {column, (uint16_t)offsetof(struct record, member)}
		TEXT(COLUMN_SOURCE, source), TEXT(COLUMN_ACTION, action), TEXT(COLUMN_DIRECTION, direction),
		TEXT(COLUMN_APPLICATION, application), TEXT(COLUMN_LAYER, layer), TEXT(COLUMN_COMPUTERNAME, computername),
		TEXT(COLUMN_LOG, log), TEXT(COLUMN_POLICY, policy), TEXT(COLUMN_RULE, rule), TEXT(COLUMN_FILTERLIST, filterlist),
		TEXT(COLUMN_MODE, mode), TEXT(COLUMN_INTERFACE, interface),
#undef TEXT
	};
	const uint64_t both = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_TIME);
	uint64_t there = record->has & RECORD_HAS(COLUMN_DATE) ? record->has | both : record->has & ~both;
	size_t length = 0;
	there &= ~RECORD_HAS(COLUMN_RECOVERED);
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		const struct cursor *text = (const void *)((const char *)record + texts[i].offset);
		there &= ~RECORD_HAS(texts[i].column);
		there |= (uint64_t)(text->at != NULL) << texts[i].column;
		length += cursor_left(text); /* 0 where there is none */
	}
	*ret_length = length;
	return record->recovered ? there | RECORD_HAS(COLUMN_RECOVERED) : there;
}

void w3c_line(const struct record *record, struct buffer *buffer)
{
	static const char dashes[2 * RECORD_COLUMNS + 1] = "- - - - - - - - - - - - - - - - - - - - - - - - - - - - - - - ";
	size_t length;
	uint64_t there = columns_there(record, &length);
	char *at = buffer_room(buffer, ROOM + sizeof(dashes) + length * GROWTH);
	if (at == NULL)
		return;
	/* Most columns of a record are absent. */
	for (unsigned column = 0; column < RECORD_COLUMNS; column++) {
		unsigned present = there >> column != 0 ? column + (unsigned)__builtin_ctzll(there >> column) : RECORD_COLUMNS;
		if (present > column) {
			memcpy(at, dashes, sizeof(dashes));
			at += 2 * (size_t)(present - column);
			column = present;
		}
		if (column == RECORD_COLUMNS)
			break;
		const struct record_field *field = &record_columns[column];
		if (field->kind == RECORD_TEXT)
			at = text_put(at, *(const struct cursor *)(const void *)((const char *)record + field->offset), 0);
		else
			at = record_put(record, (enum record_column)column, at);
		*at++ = ' ';
	}
	at[-1] = '\n';
	buffer_took(buffer, at);
}

void w3c_header(uint64_t time, struct buffer *buffer)
{
	const struct record record = {.has = RECORD_HAS(COLUMN_DATE), .time = time};
	char date[RECORD_VALUE], clock[RECORD_VALUE];
	size_t date_length = record_value(&record, COLUMN_DATE, date), clock_length = record_value(&record, COLUMN_TIME, clock);
	buffer_printf(buffer, "#Software: Cordon " CORDON_VERSION "\n#Version: 1.0\n#Date: %.*s %.*s\n#Fields:", (int)date_length,
		      date, (int)clock_length, clock);
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++)
		buffer_printf(buffer, " %s", record_columns[column].name);
	buffer_add_char(buffer, '\n');
}
