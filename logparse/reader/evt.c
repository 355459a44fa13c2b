/* Event logs of Windows NT to 2003 (.evt): logs.md 2.1, whose rules are numbered there.  The file is a ring: a record or
 * the record that ends it may run over the end of the file and go on behind the header.  A log that was copied while in
 * use has a stale header; the end record is believed instead. */
#include <stdlib.h>
#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/meaning.h"
#include "logparse/reader/evtx_value.h"
#include "logparse/reader/reader.h"
#include "logparse/reader/seen.h"
#include "logparse/text.h"

enum {
	HEAD = 48,
	END = 40,                 /* the record that ends the ring */
	FIXED = 56,               /* of a record, before its texts */
	RECORD_LEAST = FIXED + 4, /* with the copy of its length */
	RECORD_MOST = 1 << 20,    /* of one that is not whole */
	TEXT_MOST = 1 << 20,
	STRINGS_MOST = 65535,
	STRIDE = 8 << 20,         /* what is gone through at once before it is let go: a multiple of 4 */
};
static const uint8_t signature[4] = {'L', 'f', 'L', 'e'};

enum phase { PHASE_LIVE, PHASE_STALE, PHASE_OVER };

struct evt {
	struct reader reader;
	struct input *input;
	const uint8_t *bytes;
	size_t length;
	enum phase phase;
	size_t at;                /* of the next record, or where the search for stale ones is */
	size_t end;               /* of the live chain: where the end record is */
	bool wrapped;             /* the chain has passed the end of the file */
	bool chained;             /* it is known where the live chain begins */
	bool open;                /* the file was cut off: the chain has no end record */
	uint64_t number;          /* that the next live record should have */
	uint64_t left;            /* live records that are still to come, at most */
	uint64_t lost;            /* said to be, since the last record of the chain */
	size_t released;          /* before this nothing of the search or the chain is in memory */
	struct seen seen;
	struct buffer record;     /* one that runs over the end, put together */
	struct buffer text;
	/* Of the record that was read last. */
	const uint8_t *here;
	size_t size;
	size_t strings, string_count; /* in text: each ends in a NUL */
	bool short_strings;       /* fewer than the record says */
	uint64_t again;           /* live records that the search for stale ones will come across */
};

static const struct event_kind evt_kind;

static int evt_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	if (length >= HEAD && le32(head) == HEAD && memcmp(head + 4, signature, 4) == 0)
		return 100;
	/* Carved, or its header gone. */
	for (size_t at = 0; at + FIXED <= length; at += 4)
		if (memcmp(head + at + 4, signature, 4) == 0 && le32(head + at) >= FIXED && le32(head + at) % 4 == 0)
			return 60;
	*ret_why = "no LfLe header";
	return 0;
}

/* --- The ring --- */

/* So many bytes of the ring from an offset on, put together when they run over the end. */
static const uint8_t *ring(struct evt *evt, size_t offset, size_t size)
{
	size_t there = evt->length - offset;
	if (size <= there)
		return evt->bytes + offset;
	if (size - there > evt->length - HEAD)
		return NULL;
	buffer_clear(&evt->record);
	buffer_add(&evt->record, evt->bytes + offset, there);
	buffer_add(&evt->record, evt->bytes + HEAD, size - there);
	return evt->record.full ? NULL : (const uint8_t *)evt->record.data;
}

static size_t ring_after(const struct evt *evt, size_t offset, size_t size)
{
	size_t there = evt->length - offset;
	return size < there ? offset + size : HEAD + (size - there);
}

/* The size of the record at an offset, 0 when there is none.  wraps: it may run over the end of the file. */
static size_t record_size(struct evt *evt, size_t offset, bool wraps)
{
	const uint8_t *head = wraps || evt->length - offset >= 8 ? ring(evt, offset, 8) : NULL;
	if (head == NULL || memcmp(head + 4, signature, 4) != 0)
		return 0;
	size_t size = le32(head), most = wraps ? evt->length - HEAD : evt->length - offset;
	if (size < RECORD_LEAST || size > most || size % 4 != 0)
		return 0;
	const uint8_t *bytes = ring(evt, offset, size);
	return bytes != NULL && le32(bytes + size - 4) == size ? size : 0;
}

/* An end record at an offset of the ring: its four numbers. */
static bool end_read(struct evt *evt, size_t offset, uint32_t ret_numbers[4])
{
	static const uint8_t marks[20] = {0x28, 0, 0, 0, 0x11, 0x11, 0x11, 0x11, 0x22, 0x22, 0x22, 0x22,
					  0x33, 0x33, 0x33, 0x33, 0x44, 0x44, 0x44, 0x44};
	const uint8_t *bytes = evt->length - offset >= 4 && le32(evt->bytes + offset) == END ? ring(evt, offset, END) : NULL;
	if (bytes == NULL || memcmp(bytes, marks, sizeof(marks)) != 0)
		return false;
	for (size_t i = 0; i < 4; i++)
		ret_numbers[i] = le32(bytes + 20 + 4 * i); /* oldest offset, end offset, next number, oldest number */
	return true;
}

/* Keeps the end record at an offset when it says that it is there, and its number is the highest. */
static void end_keep(struct evt *evt, size_t at, bool *found, uint32_t kept[4])
{
	uint32_t numbers[4];
	if (!end_read(evt, at, numbers) || numbers[1] != at || numbers[0] < HEAD || numbers[0] >= evt->length || (*found && numbers[2] <= kept[2]))
		return;
	memcpy(kept, numbers, sizeof(numbers));
	*found = true;
}

/* The next place, from an offset that is a multiple of 4 on, where the second mark of an end record stands; or the end. */
static size_t mark_find(const uint8_t *bytes, size_t length, size_t at)
{
	const uint32_t mark = 0x11111111;
#ifdef __SSE2__
	for (; length - at >= 16; at += 16) {
		__m128i found = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)(const void *)(bytes + at)), _mm_set1_epi32((int)mark));
		int mask = _mm_movemask_epi8(found);
		if (mask != 0)
			return at + (size_t)__builtin_ctz((unsigned)mask);
	}
#endif
	while (length - at >= 4 && le32(bytes + at) != mark)
		at += 4;
	return length - at >= 4 ? at : length;
}

static bool end_find(struct evt *evt, uint32_t ret_numbers[4])
{
	bool found = false;
	size_t at = HEAD, kept = HEAD;
	while (at < evt->length) {
		size_t limit = evt->length - at > STRIDE ? at + STRIDE : evt->length, mark = mark_find(evt->bytes, limit, at);
		if (mark < limit && mark >= HEAD + 4)
			end_keep(evt, mark - 4, &found, ret_numbers);
		at = mark < limit ? mark + 4 : limit;
		if (at - kept >= STRIDE) {
			input_release(evt->input, kept, at - kept);
			kept = at;
		}
	}
	/* One that runs over the end of the file may have its mark in two pieces. */
	for (at = evt->length > HEAD + END ? (evt->length - END) & ~(size_t)3 : HEAD; at + 4 <= evt->length; at += 4)
		end_keep(evt, at, &found, ret_numbers);
	return found;
}

/* Without an end record: the header's numbers, where the oldest record is the one that it names.  Of a log in use it does
 * not know how far the chain goes. */
static bool chain_open(struct evt *evt, bool dirty, uint32_t ret_numbers[4])
{
	size_t oldest = le32(evt->bytes + 16);
	uint32_t number = le32(evt->bytes + 28), next = le32(evt->bytes + 24);
	if (oldest < HEAD || oldest >= evt->length || record_size(evt, oldest, false) == 0 || le32(evt->bytes + oldest + 8) != number ||
	    (!dirty && next <= number))
		return false;
	evt->open = true;
	ret_numbers[0] = (uint32_t)oldest;
	ret_numbers[1] = UINT32_MAX;
	ret_numbers[2] = dirty ? UINT32_MAX : next;
	ret_numbers[3] = number;
	return true;
}

/* Whether the header of a log that was closed says that there was more than there is. */
static bool is_cut(const struct evt *evt)
{
	enum { DIRTY = 1 };
	return (le32(evt->bytes + 36) & DIRTY) == 0 && (le32(evt->bytes + 16) >= evt->length || le32(evt->bytes + 20) >= evt->length);
}

static void chain_begin(struct evt *evt)
{
	enum { DIRTY = 1 };
	uint32_t numbers[4] = {0};
	bool head = evt->length >= HEAD && le32(evt->bytes) == HEAD && memcmp(evt->bytes + 4, signature, 4) == 0, found = false;
	if (head && (le32(evt->bytes + 36) & DIRTY) == 0 && le32(evt->bytes + 20) < evt->length && le32(evt->bytes + 20) >= HEAD)
		found = end_read(evt, le32(evt->bytes + 20), numbers) && numbers[1] == le32(evt->bytes + 20) && numbers[0] >= HEAD &&
			numbers[0] < evt->length;
	found = found || (head && (end_find(evt, numbers) || chain_open(evt, (le32(evt->bytes + 36) & DIRTY) != 0, numbers)));
	if (!found) {
		reader_damage(&evt->reader, 0, 0, head && is_cut(evt), head ? "no end record: every record is searched for" : "no header: every record is searched for");
		evt->phase = PHASE_STALE;
		return;
	}
	evt->chained = true;
	evt->at = numbers[0];
	evt->end = numbers[1];
	evt->number = numbers[3];
	evt->left = numbers[2] - numbers[3];
}

/* --- A record --- */

/* The text that ends in a NUL, or at the limit, in a form. */
static void text_take(const struct evt *evt, size_t from, size_t limit, enum evtx_form form, struct buffer *text, size_t *ret_next)
{
	size_t at = from;
#ifdef __SSE2__
	for (; at + 16 <= limit; at += 16) {
		__m128i units = _mm_loadu_si128((const __m128i *)(const void *)(evt->here + at));
		int zero = _mm_movemask_epi8(_mm_cmpeq_epi16(units, _mm_setzero_si128()));
		if (zero != 0) {
			at += (size_t)__builtin_ctz((unsigned)zero);
			break;
		}
	}
#endif
	while (at + 1 < limit && le16(evt->here + at) != 0)
		at += 2;
	if (from < limit)
		evtx_text(evt->here + from, (at - from) / 2, form, text);
	*ret_next = at + 2;
}

/* Where a string ends in `text` is told by NULs: U+0000 cannot be in a string of this format. */
static void strings_take(struct evt *evt)
{
	size_t at = le32(evt->here + 36), count = le16(evt->here + 26), limit = evt->size - 4;
	evt->strings = evt->text.length;
	evt->string_count = 0;
	for (; evt->string_count < count && at >= FIXED && at + 1 < limit; evt->string_count++) {
		text_take(evt, at, limit, FORM_PLAIN, &evt->text, &at);
		buffer_add_char(&evt->text, '\0');
	}
	evt->short_strings = evt->string_count < count;
}

static uint64_t filetime(uint32_t seconds)
{
	return seconds == 0 ? 0 : record_time_of_unix((int64_t)seconds, 0);
}

static void event_make(struct evt *evt, size_t offset, struct event *event)
{
	const uint8_t *here = evt->here;
	size_t next, limit = evt->size - 4, sid = le32(here + 44), sid_size = le32(here + 40), data = le32(here + 52), data_size = le32(here + 48);
	size_t marks[4];
	buffer_clear(&evt->text);
	text_take(evt, FIXED, limit, FORM_PLAIN, &evt->text, &next);
	marks[0] = evt->text.length;
	text_take(evt, next, limit, FORM_PLAIN, &evt->text, &next);
	marks[1] = evt->text.length;
	if (sid_size > 0 && sid_size <= UINT16_MAX && sid < limit && sid_size <= limit - sid)
		evtx_value_text(&(struct evtx_value){here + sid, (uint16_t)sid_size, EVTX_SID}, FORM_PLAIN, &evt->text);
	marks[2] = evt->text.length;
	strings_take(evt);
	const char *text = buffer_text(&evt->text);
	*event = (struct event){
		.kind = &evt_kind, .source = evt, .file = evt->reader.file, .offset = offset,
		.time = filetime(le32(here + 12)), .written = filetime(le32(here + 16)), .number = le32(here + 8),
		.id = le16(here + 20), .id_full = le32(here + 20), .type = le16(here + 24), .category = le16(here + 28),
		.provider = {text, text + marks[0]}, .computer = {text + marks[0], text + marks[1]}, .sid = {text + marks[1], text + marks[2]},
	};
	if (data_size > 0 && data < limit && data_size <= limit - data) {
		event->binary = here + data;
		event->binary_length = data_size;
	}
}

/* 1: an event, 0: not wanted. */
static int record_take(struct evt *evt, size_t offset, size_t size, bool recovered, struct event *ret_event)
{
	evt->here = ring(evt, offset, size);
	evt->size = size;
	uint32_t number = le32(evt->here + 8), time = le32(evt->here + 12), data_size = le32(evt->here + 48);
	if (recovered && evt->reader.options.live_only) {
		evt->reader.counts.filtered++;
		return 0;
	}
	if (seen_before(&evt->seen, number, time)) {
		if (evt->again > 0)
			evt->again--;
		else
			evt->reader.counts.duplicates++;
		return 0;
	}
	evt->again += !recovered && offset + size <= evt->length;
	event_make(evt, offset, ret_event);
	ret_event->recovered = recovered;
	if (!event_filter_holds(&evt->reader.options.filter, ret_event)) {
		evt->reader.counts.filtered++;
		return 0;
	}
	if (evt->short_strings)
		reader_damage(&evt->reader, offset, number, false, "has fewer strings than it says");
	if (data_size > 0 && ret_event->binary == NULL)
		reader_damage(&evt->reader, offset, number, false, "its data is outside of it");
	if (le32(evt->here + 40) > 0 && cursor_left(&ret_event->sid) == 0)
		reader_damage(&evt->reader, offset, number, false, "its SID is outside of it, or none");
	if ((ret_event->id == 4290 || ret_event->id == 4291) && event_dump_differs(ret_event))
		reader_damage(&evt->reader, offset, number, false, "the packet that it caught is not the one that its strings name: the strings are believed");
	evt->reader.counts.read++;
	evt->reader.counts.recovered += recovered;
	return 1;
}

/* A record cut off: its length is not repeated at its end.  What is there of it is an event all the same; -1: one that is not wanted. */
static int record_take_torn(struct evt *evt, size_t offset, struct event *ret_event)
{
	size_t there = evt->length - offset, size = there >= FIXED ? le32(evt->bytes + offset) : 0;
	if (size < RECORD_LEAST || memcmp(evt->bytes + offset + 4, signature, 4) != 0 || size > there)
		return 0;
	reader_damage(&evt->reader, offset, le32(evt->bytes + offset + 8), false, "its length is not the one at its end: cut off");
	return record_take(evt, offset, size, true, ret_event) > 0 ? 1 : -1;
}

/* The same where there is no chain to say that a record should be here: zeros stand for its end, or the file ends within. */
static int stale_take_torn(struct evt *evt, size_t offset, struct event *ret_event)
{
	size_t there = evt->length - offset, size = le32(evt->bytes + offset);
	bool ends = size > there;
	if ((evt->chained && !evt->open) || there < RECORD_LEAST || size < RECORD_LEAST || size > RECORD_MOST || size % 4 != 0 ||
	    (!ends && le32(evt->bytes + offset + size - 4) != 0))
		return 0;
	int taken = record_take(evt, offset, ends ? there : size, true, ret_event);
	if (taken > 0)
		reader_damage(&evt->reader, offset, ret_event->number, ends && !evt->open, ends ? "the file ends within it" : "zeros stand for its end: cut off");
	return taken;
}

/* The next offset at which the record of this number, or one after it, begins; the length when there is none. */
static size_t live_search(struct evt *evt, size_t from, uint64_t number, uint64_t last)
{
	size_t kept = from;
	for (size_t at = (from + 3) & ~(size_t)3; at + FIXED <= evt->length; at += 4) {
		if (evt->bytes[at + 4] == 'L' && record_size(evt, at, !evt->open) > 0 && le32(evt->bytes + at + 8) >= number &&
		    le32(evt->bytes + at + 8) < last)
			return at;
		if (at - kept >= STRIDE) {
			input_release(evt->input, kept, at - kept);
			kept = at;
		}
	}
	return evt->length;
}

static void lost_say(struct evt *evt, size_t offset, uint64_t count, const char *text)
{
	reader_damage(&evt->reader, offset, evt->number, true, text);
	evt->reader.counts.unreadable += count - 1;
	evt->lost += count;
}

/* So many records of the chain, by their numbers, are not where they should be; some of them have been said already. */
static void missing_say(struct evt *evt, size_t offset, uint64_t count)
{
	/* More than there is room for are none: a number is wrong. */
	if (count > evt->lost && count <= evt->length / RECORD_LEAST)
		lost_say(evt, offset, count - evt->lost, "records are missing before this");
}

/* The end of a chain without an end record.  The header of a log that was closed says how many are missing. */
static void cut_say(struct evt *evt, size_t at)
{
	enum { DIRTY = 1 };
	size_t most = (le32(evt->bytes + 20) > le32(evt->bytes + 32) ? le32(evt->bytes + 20) : le32(evt->bytes + 32)) / RECORD_LEAST;
	bool known = (le32(evt->bytes + 36) & DIRTY) == 0 && evt->left <= most, begun = evt->length - at >= 8 && memcmp(evt->bytes + at + 4, signature, 4) == 0;
	if (known || begun || evt->length - at < END)
		lost_say(evt, at, known ? evt->left : 1, known ? "the file ends before the last records that its header counts" : "the file ends before its end record");
	else
		reader_damage(&evt->reader, at, 0, false, "no end record: what follows is searched for");
	evt->left = 0;
}

/* What is no record where one should be: filler before the end of the file, or damage. */
static int live_gap(struct evt *evt, struct event *ret_event)
{
	size_t at = evt->at, left = evt->length - at;
	int taken = record_take_torn(evt, at, ret_event);
	size_t next = live_search(evt, at + 4, evt->number + (taken != 0), evt->number + evt->left);
	if (evt->open && next == evt->length && taken == 0) {
		cut_say(evt, at);
		return 0;
	}
	bool filler = left < RECORD_LEAST || (next == evt->length && !evt->wrapped && evt->end < at);
	if (!filler && taken == 0)
		lost_say(evt, at, 1, "no record where one should be");
	if (evt->open || (next < evt->length && (evt->end <= at || next < evt->end))) {
		evt->at = next;
	} else if (!evt->wrapped && evt->end <= at) {
		evt->wrapped = true;
		evt->at = HEAD;
	} else {
		missing_say(evt, at, evt->left - (taken != 0));
		evt->left = 0;
	}
	/* One that is not wanted is there all the same. */
	if (taken != 0 && evt->left > 0) {
		evt->number++;
		evt->left--;
	}
	return taken;
}

/* What lies before the place that is read need not stay in memory; after the end of the ring that begins anew. */
static void release_behind(struct evt *evt)
{
	if (evt->at < evt->released)
		evt->released = 0;
	if (evt->at - evt->released >= STRIDE) {
		input_release(evt->input, evt->released, evt->at - evt->released);
		evt->released = evt->at;
	}
}

static int live_next(struct evt *evt, struct event *ret_event)
{
	while (evt->left > 0 && evt->at != evt->end) {
		release_behind(evt);
		size_t offset = evt->at, size = record_size(evt, offset, !evt->wrapped && !evt->open);
		if (size == 0) {
			if (live_gap(evt, ret_event) > 0)
				return 1;
			continue;
		}
		uint64_t number = le32(ring(evt, offset, size) + 8);
		uint64_t passed = number >= evt->number ? number - evt->number + 1 : 1;
		if (passed <= evt->left)
			missing_say(evt, offset, passed - 1);
		evt->lost = 0;
		evt->number = number + 1;
		evt->left -= passed < evt->left ? passed : evt->left;
		evt->at = evt->open ? offset + size : ring_after(evt, offset, size);
		evt->wrapped |= evt->at < offset;
		if (record_take(evt, offset, size, false, ret_event) > 0)
			return 1;
	}
	missing_say(evt, evt->at, evt->left);
	evt->left = 0;
	evt->phase = PHASE_STALE;
	evt->at = 0;
	return 0;
}

/* Where there is no chain: a record of which the file has too little to read anything in it. */
static void stale_end(struct evt *evt)
{
	for (size_t at = evt->length > RECORD_LEAST ? (evt->length - RECORD_LEAST + 4) & ~(size_t)3 : 0; at + 8 <= evt->length; at += 4)
		if (memcmp(evt->bytes + at + 4, signature, 4) == 0 && le32(evt->bytes + at) >= RECORD_LEAST && le32(evt->bytes + at) <= RECORD_MOST) {
			reader_damage(&evt->reader, at, 0, true, "the file ends within it");
			return;
		}
}

/* Records that the chain does not hold: of an earlier round, or all of them where there is no chain. */
static int stale_next(struct evt *evt, struct event *ret_event)
{
	while (evt->at + FIXED <= evt->length) {
		release_behind(evt);
		size_t offset = evt->at, left = evt->length - offset - 4, most = left < STRIDE ? left : STRIDE;
		const uint8_t *mark = evt->bytes[offset + 4] == 'L' ? evt->bytes + offset + 4 : memchr(evt->bytes + offset + 4, 'L', most);
		if (mark == NULL && most < left) {
			evt->at += most;
			continue;
		}
		if (mark == NULL)
			break;
		offset = ((size_t)(mark - evt->bytes) - 4 + 3) & ~(size_t)3;
		evt->at = offset + 4;
		if (offset + FIXED > evt->length || memcmp(evt->bytes + offset + 4, signature, 4) != 0)
			continue;
		size_t size = record_size(evt, offset, true);
		if ((size > 0 ? record_take(evt, offset, size, true, ret_event) : stale_take_torn(evt, offset, ret_event)) > 0)
			return 1;
	}
	if (!evt->chained)
		stale_end(evt);
	evt->phase = PHASE_OVER;
	return 0;
}

static int evt_next(struct reader *reader, struct event *ret_event)
{
	struct evt *evt = (struct evt *)reader;
	int taken = 0;
	if (evt->phase == PHASE_LIVE)
		taken = live_next(evt, ret_event);
	if (reader->options.strict && reader->counts.unreadable > 0)
		return ERROR_INPUT;
	if (taken == 0 && evt->phase == PHASE_STALE && !reader->options.live_only)
		taken = stale_next(evt, ret_event);
	return taken;
}

static void evt_close(struct reader *reader)
{
	struct evt *evt = (struct evt *)reader;
	seen_done(&evt->seen);
	buffer_done(&evt->record);
	buffer_done(&evt->text);
	free(evt);
}

static int evt_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct evt *evt = memory_alloc(sizeof(*evt));
	*evt = (struct evt){.reader = {.type = &evt_reader, .options = *options, .diag = diag, .file = input_name(input)}, .input = input};
	buffer_init(&evt->record, (size_t)1 << 31);
	buffer_init(&evt->text, TEXT_MOST * 16);
	int error = input_whole(input, &evt->bytes, &evt->length);
	if (error < 0) {
		evt_close(&evt->reader);
		return error;
	}
	chain_begin(evt);
	*ret_reader = &evt->reader;
	return 0;
}

/* --- Events --- */

static void evt_data(const struct event *event, event_take take, void *context)
{
	const struct evt *evt = event->source;
	const char *at = buffer_text(&evt->text) + evt->strings;
	for (size_t i = 0; i < evt->string_count; i++) {
		size_t length = strlen(at);
		take(context, (struct cursor){"", ""}, (struct cursor){at, at + length});
		at += length + 1;
	}
}

#define ADD(buffer, literal) buffer_add((buffer), (literal), sizeof(literal) - 1)

/* Texts once more from the record: JSON can hold half a surrogate, UTF-8 cannot. */
static void json_text(const struct evt *evt, const char *before, size_t from, size_t *ret_next, struct buffer *buffer)
{
	buffer_add_text(buffer, before);
	text_take(evt, from, evt->size - 4, FORM_JSON, buffer, ret_next);
	buffer_add_char(buffer, '"');
}

static void json_strings(const struct evt *evt, struct buffer *buffer)
{
	size_t at = le32(evt->here + 36);
	for (size_t i = 0; i < evt->string_count; i++)
		json_text(evt, i == 0 ? "\"" : ",\"", at, &at, buffer);
}

static void evt_json(const struct event *event, struct buffer *buffer)
{
	const struct evt *evt = event->source;
	size_t next;
	ADD(buffer, "{\"RecordNumber\":");
	buffer_add_number(buffer, event->number);
	ADD(buffer, ",\"TimeGenerated\":\"");
	evtx_time(event->time, buffer);
	ADD(buffer, "\",\"TimeWritten\":\"");
	evtx_time(event->written, buffer);
	ADD(buffer, "\",\"EventID\":");
	buffer_add_number(buffer, event->id);
	ADD(buffer, ",\"EventIDFull\":");
	buffer_add_number(buffer, event->id_full);
	ADD(buffer, ",\"EventType\":");
	buffer_add_number(buffer, event->type);
	ADD(buffer, ",\"EventTypeName\":\"");
	buffer_add_text(buffer, event_type_name(event->type));
	ADD(buffer, "\",\"EventCategory\":");
	buffer_add_number(buffer, event->category);
	json_text(evt, ",\"SourceName\":\"", FIXED, &next, buffer);
	json_text(evt, ",\"ComputerName\":\"", next, &next, buffer);
	ADD(buffer, ",\"SID\":\"");
	buffer_add_json(buffer, event->sid.at, cursor_left(&event->sid));
	ADD(buffer, "\",\"Strings\":[");
	json_strings(evt, buffer);
	ADD(buffer, "],\"Data\":\"");
	buffer_add_hex(buffer, event->binary, event->binary_length);
	ADD(buffer, "\",\"ReservedFlags\":");
	buffer_add_number(buffer, le16(evt->here + 30));
	ADD(buffer, ",\"ClosingRecordNumber\":");
	buffer_add_number(buffer, le32(evt->here + 32));
	buffer_add_char(buffer, '}');
}

static void xml_string(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	(void)name;
	buffer_add_text(buffer, "<Data>");
	buffer_add_xml(buffer, value.at, cursor_left(&value));
	buffer_add_text(buffer, "</Data>");
}

/* As Windows shows events of such sources; level from the type. */
static void evt_xml(const struct event *event, struct buffer *buffer)
{
	unsigned level = event->type == 1 ? 2 : event->type == 2 ? 3 : event->type == 4 ? 4 : 0;
	const char *keywords = event->type == 8 ? "0xa0000000000000" : event->type == 16 ? "0x90000000000000" : "0x80000000000000";
	buffer_add_text(buffer, "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"");
	buffer_add_xml(buffer, event->provider.at, cursor_left(&event->provider));
	buffer_printf(buffer, "\"/><EventID Qualifiers=\"%u\">%u</EventID><Level>%u</Level><Task>%u</Task><Keywords>%s</Keywords>"
		      "<TimeCreated SystemTime=\"", event->id_full >> 16, event->id, level, event->category, keywords);
	evtx_time(event->time, buffer);
	buffer_printf(buffer, "\"/><EventRecordID>%llu</EventRecordID><Computer>", (unsigned long long)event->number);
	buffer_add_xml(buffer, event->computer.at, cursor_left(&event->computer));
	buffer_add_text(buffer, "</Computer>");
	if (cursor_left(&event->sid) > 0) {
		buffer_add_text(buffer, "<Security UserID=\"");
		buffer_add_xml(buffer, event->sid.at, cursor_left(&event->sid));
		buffer_add_text(buffer, "\"/>");
	}
	buffer_add_text(buffer, "</System><EventData>");
	evt_data(event, xml_string, buffer);
	if (event->binary_length > 0) {
		buffer_add_text(buffer, "<Binary>");
		buffer_add_hex(buffer, event->binary, event->binary_length);
		buffer_add_text(buffer, "</Binary>");
	}
	buffer_add_text(buffer, "</EventData></Event>");
}

static const struct event_kind evt_kind = {.format = "evt", .json = evt_json, .xml = evt_xml, .data = evt_data};

const struct reader_type evt_reader = {
	.name = "evt",
	.what = "event log of Windows NT to 2003",
	.guess = evt_guess,
	.open = evt_open,
	.next = evt_next,
	.close = evt_close,
};
