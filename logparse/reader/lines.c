#include "logparse/reader/lines.h"

#include <stdlib.h>

#include "core/base/memory.h"
#include "logparse/reader/evtx_value.h"

enum { READ_MOST = 1 << 17, ROOM = LINE_MOST + READ_MOST, BLOCK = 1 << 16 };

struct lines {
	struct input *input;
	char *room, *bytes;       /* from `at` to `end` not yet given out; LINE_ROOM around them */
	size_t at, end;
	uint64_t number;
	bool ended, begun;
	bool skipping;            /* the rest of a line that was cut */
	bool growing;             /* who writes the last line may not be done with it */
	int wide;                 /* 1: UTF-16LE, 2: UTF-16BE */
	uint8_t *raw;             /* of UTF-16: as read */
	size_t raw_length;
	struct buffer text;
};

struct lines *lines_new(struct input *input, bool growing)
{
	struct lines *lines = memory_alloc(sizeof(*lines));
	*lines = (struct lines){.input = input, .growing = growing};
	lines->room = memory_alloc(ROOM + 2 * LINE_ROOM);
	lines->bytes = lines->room + LINE_ROOM;
	memset(lines->room, 0, LINE_ROOM);
	buffer_init(&lines->text, 16 * BLOCK);
	return lines;
}

void lines_free(struct lines *lines)
{
	if (lines == NULL)
		return;
	free(lines->room);
	free(lines->raw);
	buffer_done(&lines->text);
	free(lines);
}

uint64_t lines_number(const struct lines *lines)
{
	return lines->number;
}

bool lines_torn(const struct lines *lines)
{
	return lines->growing && lines->ended && lines->at < lines->end;
}

/* A block of UTF-16, as UTF-8, in `text`; what is half a character at its end waits for the next. */
static int64_t wide_read(struct lines *lines)
{
	int64_t got = input_read(lines->input, lines->raw + lines->raw_length, BLOCK - lines->raw_length);
	if (got < 0)
		return got;
	size_t length = lines->raw_length + (size_t)got, units = length / 2;
	if (lines->wide == 2)
		for (size_t i = lines->raw_length & ~(size_t)1; i + 1 < length; i += 2) {
			uint8_t high = lines->raw[i];
			lines->raw[i] = lines->raw[i + 1];
			lines->raw[i + 1] = high;
		}
	if (units > 0 && got > 0 && (le16(lines->raw + 2 * (units - 1)) & 0xfc00) == 0xd800)
		units--;
	buffer_clear(&lines->text);
	evtx_text(lines->raw, units, FORM_PLAIN, &lines->text);
	lines->raw_length = length - 2 * units;
	memmove(lines->raw, lines->raw + 2 * units, lines->raw_length);
	return got;
}

static void marks_pass(struct lines *lines)
{
	const uint8_t *head;
	size_t length;
	uint8_t mark[3];
	lines->begun = true;
	/* No more than that: a pipe may give its next line much later. */
	if (input_peek(lines->input, sizeof(mark), &head, &length) < 0 || length < 2)
		return;
	if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
		(void)input_read(lines->input, mark, 3);
	lines->wide = memcmp(head, "\xff\xfe", 2) == 0 ? 1 : memcmp(head, "\xfe\xff", 2) == 0 ? 2 : 0;
	if (lines->wide == 0)
		return;
	(void)input_read(lines->input, mark, 2);
	lines->raw = memory_alloc(BLOCK);
}

/* More bytes behind those that are there.  1, 0 at the end, or an error. */
static int lines_fill(struct lines *lines)
{
	if (!lines->begun)
		marks_pass(lines);
	memmove(lines->bytes, lines->bytes + lines->at, lines->end - lines->at);
	lines->end -= lines->at;
	lines->at = 0;
	int64_t got;
	if (lines->wide == 0) {
		/* Not as much as there is room for: what was read last is still in the processor's cache. */
		size_t room = ROOM - lines->end;
		got = input_read(lines->input, lines->bytes + lines->end, room < READ_MOST ? room : READ_MOST);
		lines->end += got > 0 ? (size_t)got : 0;
	} else {
		got = wide_read(lines);
		if (got >= 0) {
			memcpy(lines->bytes + lines->end, buffer_text(&lines->text), lines->text.length);
			lines->end += lines->text.length;
		}
	}
	if (got < 0)
		return (int)got;
	memset(lines->bytes + lines->end, 0, LINE_ROOM);
	lines->ended = got == 0;
	return got > 0;
}

int lines_next(struct lines *lines, struct cursor *ret_line, bool *ret_cut)
{
	size_t looked = 0;
	for (;;) {
		char *start = lines->bytes + lines->at;
		char *newline = memchr(start + looked, '\n', lines->end - lines->at - looked);
		size_t length = newline != NULL ? (size_t)(newline - start) : lines->end - lines->at;
		bool whole = newline != NULL, cut = length > LINE_MOST;
		looked = length;
		if (!whole && !cut && !lines->ended) {
			int got = lines_fill(lines);
			if (got < 0)
				return got;
			continue;
		}
		if (!whole && lines->ended && (length == 0 || (lines->growing && !cut)))
			return 0;
		lines->at += whole ? length + 1 : length;
		bool skip = lines->skipping;
		lines->skipping = !whole && !lines->ended;
		looked = 0;
		if (skip)
			continue;
		lines->number++;
		if (length > LINE_MOST)
			length = LINE_MOST;
		if (length > 0 && start[length - 1] == '\r')
			length--;
		*ret_line = cursor_of(start, length);
		*ret_cut = cut;
		return 1;
	}
}
