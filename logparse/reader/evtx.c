/* Event logs of Windows Vista and later (.evtx): logs.md 2.2, whose pitfalls are numbered there.  The file's header is
 * not believed in anything: chunks are found by their signature, and what is no chunk is searched for records. */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/evtx_template.h"
#include "logparse/reader/reader.h"
#include "logparse/reader/seen.h"

enum {
	FILE_HEAD = 4096,
	CHUNK_HEAD = 512,
	RECORD_HEAD = 24,
	RECORD_LEAST = 28,        /* with the copy of its size */
	SECTOR = 512,
};

/* A stretch of the file that is read on its own. */
struct stretch {
	uint64_t offset;
	uint32_t length;
	bool chunk;               /* has a chunk's header; otherwise records in it are carved */
	bool doubtful;            /* its record numbers lie in another's range as well */
	uint64_t first, last;     /* record numbers, as its header says */
};

struct evtx {
	struct reader reader;
	const uint8_t *bytes;
	size_t length;
	struct input *input;      /* NULL: a part, which shares what the whole has */
	struct stretch *stretches;
	size_t count, capacity;
	size_t at;                /* of stretches */
	size_t end;
	/* The stretch that is being read. */
	struct evtx_chunk *chunk;
	size_t position;          /* of the next record in it */
	size_t limit;             /* where its header says that records end */
	bool open, chained;       /* chained: the last record ended where this one begins */
	uint64_t number;          /* of the last record */
	const struct evtx_record *record;
	struct buffer text;       /* what the event's cursors point to */
	struct seen seen;         /* records that may come twice */
};

static const struct event_kind evtx_kind;

static bool all_zero(const uint8_t *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
}

static bool is_chunk(const struct evtx *evtx, size_t offset)
{
	return evtx->length - offset >= CHUNK_HEAD && memcmp(evtx->bytes + offset, "ElfChnk", 8) == 0;
}

static int evtx_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	if (length >= 8 && memcmp(head, "ElfFile", 8) == 0)
		return 100;
	for (size_t at = 0; at + 8 <= length; at += SECTOR)
		if (memcmp(head + at, "ElfChnk", 8) == 0)
			return 90;
	*ret_why = "no ElfFile header and no ElfChnk";
	return 0;
}

/* --- Stretches --- */

static void stretch_add(struct evtx *evtx, size_t offset, size_t length, bool chunk)
{
	if (evtx->count == evtx->capacity) {
		evtx->capacity = evtx->capacity > 0 ? evtx->capacity * 2 : 64;
		evtx->stretches = memory_resize(evtx->stretches, evtx->capacity * sizeof(*evtx->stretches));
	}
	const uint8_t *bytes = evtx->bytes + offset;
	evtx->stretches[evtx->count++] = (struct stretch){
		.offset = offset, .length = (uint32_t)length, .chunk = chunk,
		.first = chunk ? le64(bytes + 24) : 0, .last = chunk ? le64(bytes + 32) : 0,
	};
}

/* Where the next chunk begins, looking at sectors from an offset on, at most one chunk further. */
static size_t chunk_search(const struct evtx *evtx, size_t from)
{
	size_t end = from + EVTX_CHUNK < evtx->length ? from + EVTX_CHUNK : evtx->length;
	for (size_t at = from; at < end; at += SECTOR)
		if (is_chunk(evtx, at))
			return at;
	return end;
}

static void stretches_find(struct evtx *evtx)
{
	size_t at = evtx->length >= 8 && memcmp(evtx->bytes, "ElfFile", 8) == 0 ? FILE_HEAD : 0;
	while (at < evtx->length) {
		size_t left = evtx->length - at, length = left < EVTX_CHUNK ? left : EVTX_CHUNK;
		if (is_chunk(evtx, at)) {
			/* A chunk that begins within this one was cut off by it: only where this one has no records left. */
			stretch_add(evtx, at, length, true);
		} else {
			length = chunk_search(evtx, at + SECTOR) - at;
			if (!all_zero(evtx->bytes + at, length))
				stretch_add(evtx, at, length, false);
		}
		at += length;
	}
	evtx->end = evtx->count;
}

static int range_compare(const void *a, const void *b)
{
	const struct stretch *const *left = a, *const *right = b;
	return (*left)->first < (*right)->first ? -1 : (*left)->first > (*right)->first;
}

/* Chunks whose numbers no other has need no look at what was there before; with any other stretch all are doubtful. */
static void doubts_find(struct evtx *evtx)
{
	struct stretch **sorted = memory_alloc((evtx->count + 1) * sizeof(struct stretch *));
	bool carved = false;
	for (size_t i = 0; i < evtx->count; i++) {
		sorted[i] = &evtx->stretches[i];
		carved |= !evtx->stretches[i].chunk;
	}
	qsort(sorted, evtx->count, sizeof(struct stretch *), range_compare);
	struct stretch *widest = NULL;
	for (size_t i = 0; i < evtx->count; i++) {
		struct stretch *stretch = sorted[i];
		stretch->doubtful = carved || !stretch->chunk || stretch->last < stretch->first;
		if (widest != NULL && widest->last >= stretch->first)
			stretch->doubtful = widest->doubtful = true;
		if (widest == NULL || stretch->last > widest->last)
			widest = stretch;
	}
	free(sorted);
}

/* --- Records --- */

static const uint8_t *stretch_bytes(const struct evtx *evtx)
{
	return evtx->bytes + evtx->stretches[evtx->at].offset;
}

/* The size of the record at a position, 0 when there is none. */
static size_t record_size(const uint8_t *bytes, size_t length, size_t position)
{
	if (length - position < RECORD_LEAST || le32(bytes + position) != 0x00002a2a)
		return 0;
	size_t size = le32(bytes + position + 4);
	return size >= RECORD_LEAST && size <= length - position && le32(bytes + position + size - 4) == size ? size : 0;
}

/* Where the next record begins, or the end. */
static size_t record_search(const uint8_t *bytes, size_t length, size_t position)
{
	while (position < length) {
		const uint8_t *star = memchr(bytes + position, 0x2a, length - position);
		if (star == NULL)
			return length;
		position = (size_t)(star - bytes);
		if (record_size(bytes, length, position) > 0)
			return position;
		position++;
	}
	return length;
}

static void say(struct evtx *evtx, size_t position, uint64_t number, bool lost, const char *text)
{
	reader_damage(&evtx->reader, evtx->stretches[evtx->at].offset + position, number, lost, text);
}

static void stretch_open(struct evtx *evtx)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = stretch_bytes(evtx);
	evtx->open = true;
	evtx->number = 0;
	evtx->chained = stretch->chunk;
	evtx->position = stretch->chunk ? CHUNK_HEAD : 0;
	evtx->limit = stretch->length;
	evtx_chunk_set(evtx->chunk, bytes, stretch->length);
	if (!stretch->chunk) {
		say(evtx, 0, 0, false, "not a chunk: searched for records");
		return;
	}
	uint32_t free_space = le32(bytes + 48), last = le32(bytes + 44);
	if (free_space >= CHUNK_HEAD && free_space <= stretch->length && last < free_space)
		evtx->limit = free_space;
	if (stretch->length < EVTX_CHUNK)
		say(evtx, 0, 0, false, "the file ends within this chunk");
}

static void event_texts(struct evtx *evtx, struct event *event)
{
	static const struct { enum evtx_system part; size_t member; } texts[] = {
		{SYSTEM_PROVIDER, offsetof(struct event, provider)}, {SYSTEM_CHANNEL, offsetof(struct event, channel)},
		{SYSTEM_COMPUTER, offsetof(struct event, computer)}, {SYSTEM_USER, offsetof(struct event, sid)},
	};
	size_t ends[sizeof(texts) / sizeof(texts[0]) + 1] = {0};
	buffer_clear(&evtx->text);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		evtx_record_text(evtx->record, texts[i].part, &evtx->text);
		ends[i + 1] = evtx->text.length;
	}
	const char *base = buffer_text(&evtx->text);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cursor *cursor = (struct cursor *)(void *)((char *)event + texts[i].member);
		*cursor = (struct cursor){base + ends[i], base + ends[i + 1]};
	}
}

/* Level and keywords as the event types of older logs. */
static uint32_t event_type(const struct evtx_record *record)
{
	const uint64_t failure = 0x0010000000000000ull, success = 0x0020000000000000ull;
	uint64_t keywords = 0, level = 4;
	evtx_record_number(record, SYSTEM_KEYWORDS, &keywords);
	evtx_record_number(record, SYSTEM_LEVEL, &level);
	if ((keywords & failure) != 0)
		return 16;
	if ((keywords & success) != 0)
		return 8;
	return level == 1 || level == 2 ? 1 : level == 3 ? 2 : 4;
}

/* What a filter asks first is set first; false when it does not hold. */
static bool event_fill(struct evtx *evtx, struct event *event)
{
	const struct event_filter *filter = &evtx->reader.options.filter;
	const struct evtx_record *record = evtx->record;
	const uint8_t *bytes = stretch_bytes(evtx) + evtx->position;
	uint64_t id = EVENT_NO_ID, qualifiers = 0, task = 0, time = le64(bytes + 16);
	*event = (struct event){
		.kind = &evtx_kind, .source = record, .file = evtx->reader.file, .number = le64(bytes + 8), .written = time, .time = time,
		.offset = evtx->stretches[evtx->at].offset + evtx->position,
	};
	if (evtx_record_number(record, SYSTEM_EVENTID, &id) && id > UINT16_MAX)
		id &= UINT16_MAX;
	evtx_record_number(record, SYSTEM_TIME, &event->time);
	event->id = (uint32_t)id;
	evtx_record_number(record, SYSTEM_QUALIFIERS, &qualifiers);
	event->id_full = id == EVENT_NO_ID ? EVENT_NO_ID : (uint32_t)(id | (qualifiers & UINT16_MAX) << 16);
	if (!event_filter_holds_numbers(filter, event))
		return false;
	evtx_record_number(record, SYSTEM_TASK, &task);
	event->category = (uint32_t)task;
	event->type = event_type(record);
	event_texts(evtx, event);
	return event_filter_holds(filter, event);
}

/* Whether a record of an earlier life, or one that stands elsewhere too. */
static bool record_again(struct evtx *evtx, uint64_t number, uint64_t time)
{
	if (evtx->input == NULL || !evtx->stretches[evtx->at].doubtful)
		return false;
	return seen_before(&evtx->seen, number, time);
}

/* The record at the position.  1: an event, 0: there is none in it, -1: one that is not wanted. */
static int record_take(struct evtx *evtx, size_t size, bool torn, struct event *ret_event)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = stretch_bytes(evtx) + evtx->position;
	uint64_t number = le64(bytes + 8), time = le64(bytes + 16);
	/* Behind the end that the header gives, a record goes on with the numbers while the log was in use, or is a stale one. */
	bool beyond = evtx->position >= evtx->limit && number != evtx->number + 1;
	bool recovered = !stretch->chunk || !evtx->chained || beyond;
	if (recovered && evtx->reader.options.live_only) {
		evtx->reader.counts.filtered++;
		return -1;
	}
	if (record_again(evtx, number, time)) {
		evtx->reader.counts.duplicates++;
		return -1;
	}
	const char *why = NULL;
	evtx->record = evtx_record_open(evtx->chunk, evtx->position + RECORD_HEAD, evtx->position + size - (torn ? 0 : 4), number, time,
					&why);
	/* What is left of an earlier life is no loss. */
	if (why != NULL && (evtx->record != NULL || !torn))
		say(evtx, evtx->position, number, evtx->record == NULL && !recovered, why);
	else if (torn && evtx->record != NULL)
		say(evtx, evtx->position, number, false, "its size is not the one at its end");
	if (evtx->record == NULL)
		return 0;
	evtx->number = number;
	if (!event_fill(evtx, ret_event)) {
		evtx->reader.counts.filtered++;
		return -1;
	}
	ret_event->recovered = recovered;
	evtx->reader.counts.read++;
	evtx->reader.counts.recovered += recovered;
	return 1;
}

/* Something that begins as a record and does not end as one, before the next that does: as much of it as is there. */
static int record_take_torn(struct evtx *evtx, size_t next, struct event *ret_event)
{
	const uint8_t *bytes = stretch_bytes(evtx) + evtx->position;
	size_t there = next - evtx->position;
	if (there < RECORD_LEAST || le32(bytes) != 0x00002a2a)
		return 0;
	size_t size = le32(bytes + 4);
	evtx->chained = false;
	return record_take(evtx, size >= RECORD_LEAST && size < there ? size : there, true, ret_event);
}

/* What lies between records: nothing when it is zeros or behind the last one, otherwise a record that cannot be had whole.
 * 1: an event all the same. */
static int gap_pass(struct evtx *evtx, struct event *ret_event)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = stretch_bytes(evtx);
	size_t next = record_search(bytes, stretch->length, evtx->position), end = next < evtx->limit ? next : evtx->limit;
	bool promised = stretch->chunk && evtx->position < evtx->limit;
	int taken = record_take_torn(evtx, next, ret_event);
	evtx->chained = false;
	if (taken == 0 && promised)
		say(evtx, evtx->position, 0, true, all_zero(bytes + evtx->position, end - evtx->position)
			? "zeros where a record should be" : "no record where one should be");
	evtx->position = next;
	return taken > 0;
}

static int evtx_next(struct reader *reader, struct event *ret_event)
{
	struct evtx *evtx = (struct evtx *)reader;
	for (; evtx->at < evtx->end; evtx->at++, evtx->open = false) {
		if (!evtx->open)
			stretch_open(evtx);
		size_t length = evtx->stretches[evtx->at].length;
		const uint8_t *bytes = stretch_bytes(evtx);
		while (evtx->position < length) {
			size_t size = record_size(bytes, length, evtx->position);
			int taken = size > 0 ? record_take(evtx, size, false, ret_event) : gap_pass(evtx, ret_event);
			evtx->position += size;
			if (reader->options.strict && reader->counts.unreadable > 0)
				return ERROR_INPUT;
			if (taken > 0)
				return taken;
		}
		if (evtx->input != NULL)
			input_forget(evtx->input, evtx->stretches[evtx->at].offset + length);
	}
	return 0;
}

/* --- Opening --- */

static void evtx_close(struct reader *reader)
{
	struct evtx *evtx = (struct evtx *)reader;
	if (evtx->input != NULL)
		free(evtx->stretches);
	seen_done(&evtx->seen);
	evtx_chunk_free(evtx->chunk);
	buffer_done(&evtx->text);
	free(evtx);
}

static struct evtx *evtx_make(const struct reader_options *options, struct diag *diag, const char *file)
{
	struct evtx *evtx = memory_alloc(sizeof(*evtx));
	*evtx = (struct evtx){.reader = {.type = &evtx_reader, .options = *options, .diag = diag, .file = file}};
	evtx->chunk = evtx_chunk_new();
	buffer_init(&evtx->text, EVTX_OUTPUT);
	return evtx;
}

static int evtx_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct evtx *evtx = evtx_make(options, diag, input_name(input));
	evtx->input = input;
	int error = input_whole(input, &evtx->bytes, &evtx->length);
	if (error < 0) {
		evtx_close(&evtx->reader);
		return error;
	}
	stretches_find(evtx);
	doubts_find(evtx);
	*ret_reader = &evtx->reader;
	return 0;
}

/* Records that come twice are known only to who reads all stretches: then they are one part. */
static size_t evtx_parts(struct reader *reader)
{
	const struct evtx *evtx = (const struct evtx *)reader;
	for (size_t i = 0; i < evtx->count; i++)
		if (evtx->stretches[i].doubtful)
			return 1;
	return evtx->count > 0 ? evtx->count : 1;
}

static int evtx_part(struct reader *reader, size_t index, struct reader **ret_reader)
{
	const struct evtx *whole = (const struct evtx *)reader;
	bool one = evtx_parts(reader) == 1;
	if (*ret_reader == NULL)
		*ret_reader = &evtx_make(&reader->options, reader->diag, reader->file)->reader;
	struct evtx *part = (struct evtx *)*ret_reader;
	part->bytes = whole->bytes;
	part->length = whole->length;
	part->stretches = whole->stretches;
	part->at = one ? 0 : index;
	part->end = one ? whole->count : index + 1;
	part->open = false;
	return 0;
}

/* --- Events --- */

static void evtx_json(const struct event *event, struct buffer *buffer)
{
	evtx_record_json(event->source, buffer);
}

static void evtx_xml(const struct event *event, struct buffer *buffer)
{
	evtx_record_xml(event->source, buffer);
}

static void evtx_data(const struct event *event, event_take take, void *context)
{
	evtx_record_data(event->source, take, context);
}

static const struct event_kind evtx_kind = {.format = "evtx", .json = evtx_json, .xml = evtx_xml, .data = evtx_data};

const struct reader_type evtx_reader = {
	.name = "evtx",
	.what = "event log of Windows Vista and later",
	.guess = evtx_guess,
	.open = evtx_open,
	.next = evtx_next,
	.close = evtx_close,
	.parts = evtx_parts,
	.part = evtx_part,
};
