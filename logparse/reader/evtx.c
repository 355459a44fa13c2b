/* Event logs of Windows Vista and later (.evtx): logs.md 2.2, whose pitfalls are numbered there.  The file's header is
 * not believed in anything: chunks are found by their signature, and what is no chunk is searched for records. */
#include <stdlib.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/evtx_checksum.h"
#include "logparse/reader/evtx_template.h"
#include "logparse/reader/reader.h"
#include "logparse/reader/seen.h"

enum {
	FILE_HEAD = 4096,
	CHUNK_HEAD = 512,
	RECORD_HEAD = 24,
	RECORD_LEAST = 28,        /* with the copy of its size */
	SECTOR = 512,
	LINE = 64,
	AHEAD = 4096,
};

/* A stretch of the file that is read on its own. */
struct stretch {
	uint64_t offset;
	uint32_t length;
	uint32_t limit;           /* where records end; what lies behind is of an earlier life, or of a header not yet written */
	bool chunk;               /* has a chunk's header; otherwise records in it are carved */
	bool promised;            /* up to the limit there are records and nothing else */
	bool doubtful;            /* its record numbers lie in another's range as well */
	bool looked;              /* for records that stand elsewhere too */
	uint64_t first, last;     /* record numbers */
	uint64_t order;           /* by which it is read */
	uint32_t *again;          /* where such records begin, in order */
	size_t again_count;
};

struct evtx {
	struct reader reader;
	struct input *input;
	const uint8_t *file;
	size_t length;
	const struct evtx *whole; /* of a part: the reader that it is a part of */
	struct stretch *stretches;
	size_t count, capacity;
	bool unordered;           /* they do not lie in the file as they are read */
	size_t at;                /* of stretches */
	size_t end;
	/* Chunks by their first number, and the highest number of those up to each. */
	struct stretch **sorted;
	uint64_t *reach;
	size_t sorted_count;
	struct seen seen;         /* records that may come twice */
	const struct stretch *found_in; /* where the last record that was looked for is: the next is not far behind */
	size_t found_at;
	/* The stretch that is being read. */
	const uint8_t *bytes;
	size_t ahead;             /* so far its bytes have been asked for */
	bool checked;             /* the checksum of its records has been looked at */
	struct evtx_chunk *chunk;
	size_t position;          /* of the next record in it */
	bool open, chained;       /* chained: the last record ended where this one begins */
	size_t again;             /* of the stretch's again: the first that has not been passed */
	uint64_t number;          /* of the last record */
	const struct evtx_record *record;
	struct buffer text;       /* what the event's cursors point to */
};

static const struct event_kind evtx_kind;

static bool all_zero(const uint8_t *bytes, size_t length)
{
	return length == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, length - 1) == 0);
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

/* --- Records --- */

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

/* --- Stretches --- */

static uint32_t head_checksum(const uint8_t *bytes)
{
	return evtx_checksum(evtx_checksum(0, bytes, 120), bytes + 128, CHUNK_HEAD - 128);
}

/* The same by its records, where the header is not to be believed. */
static void chunk_count(struct stretch *stretch, const uint8_t *bytes, uint32_t promised)
{
	size_t position = CHUNK_HEAD, size;
	stretch->first = stretch->last = 0;
	while (position < stretch->length && (size = record_size(bytes, stretch->length, position)) > 0) {
		stretch->last = le64(bytes + position + 8);
		stretch->first = position == CHUNK_HEAD ? stretch->last : stretch->first;
		position += size;
	}
	stretch->promised = promised > 0;
	stretch->limit = (uint32_t)(promised > position ? promised : position);
}

/* Where the records of a chunk end and which numbers they have. */
static void chunk_measure(struct evtx *evtx, struct stretch *stretch, const uint8_t *head)
{
	uint32_t free_space = le32(head + 48), last = le32(head + 44);
	bool sound = le32(head + 124) == head_checksum(head), there = free_space >= CHUNK_HEAD && free_space <= EVTX_CHUNK;
	stretch->first = le64(head + 24);
	stretch->last = le64(head + 32);
	stretch->limit = free_space;
	stretch->promised = there;
	if (!sound || !there || stretch->first > stretch->last) {
		const uint8_t *bytes = evtx->file + stretch->offset;
		/* What the records confirm is believed all the same. */
		there = there && last >= CHUNK_HEAD && last < free_space && last < stretch->length &&
			record_size(bytes, stretch->length, last) == free_space - last;
		chunk_count(stretch, bytes, there ? free_space : 0);
	}
	if (stretch->limit > stretch->length)
		stretch->limit = stretch->length;
}

static void stretch_add(struct evtx *evtx, uint64_t offset, size_t length, const uint8_t *head)
{
	if (evtx->count == evtx->capacity) {
		evtx->capacity = evtx->capacity > 0 ? evtx->capacity * 2 : 64;
		evtx->stretches = memory_resize(evtx->stretches, evtx->capacity * sizeof(*evtx->stretches));
	}
	struct stretch *stretch = &evtx->stretches[evtx->count++];
	*stretch = (struct stretch){.offset = offset, .length = (uint32_t)length, .chunk = head != NULL};
	if (head != NULL)
		chunk_measure(evtx, stretch, head);
}

static bool is_chunk(const uint8_t *head)
{
	return memcmp(head, "ElfChnk", 8) == 0;
}

/* How far it is from an offset to where the next chunk begins, at most one chunk. */
static size_t chunk_search(const struct evtx *evtx, size_t from)
{
	const uint8_t *bytes = evtx->file + from, *mark;
	size_t left = evtx->length - from, length = left < EVTX_CHUNK ? left : EVTX_CHUNK, at = 0;
	while (at < length && left - at >= CHUNK_HEAD) {
		/* The signature may run over the end of what is searched. */
		size_t room = left - at < length - at + 7 ? left - at : length - at + 7;
		if ((mark = memmem(bytes + at, room, "ElfChnk", 8)) == NULL)
			break;
		at = (size_t)(mark - bytes);
		if (left - at >= CHUNK_HEAD)
			return at;
		at++;
	}
	return length;
}

/* The length of the chunk at an offset: less than a whole one where something is missing and the next begins in it. */
static size_t chunk_length(const struct evtx *evtx, size_t at)
{
	uint8_t room[CHUNK_HEAD];
	size_t left = evtx->length - at;
	if (left >= EVTX_CHUNK + CHUNK_HEAD) {
		const uint8_t *next = input_look(evtx->input, at + EVTX_CHUNK, sizeof(room), room);
		if (is_chunk(next) || all_zero(next, sizeof(room)))
			return EVTX_CHUNK;
	}
	size_t next = CHUNK_HEAD + chunk_search(evtx, at + CHUNK_HEAD);
	return next < EVTX_CHUNK ? next : EVTX_CHUNK;
}

static void stretches_find(struct evtx *evtx)
{
	uint8_t room[CHUNK_HEAD];
	size_t at = evtx->length >= FILE_HEAD && memcmp(evtx->file, "ElfFile", 8) == 0 ? FILE_HEAD : 0;
	while (at < evtx->length) {
		size_t left = evtx->length - at, length = left < EVTX_CHUNK ? left : EVTX_CHUNK;
		const uint8_t *head = left >= CHUNK_HEAD ? input_look(evtx->input, at, CHUNK_HEAD, room) : NULL;
		if (head != NULL && is_chunk(head)) {
			length = chunk_length(evtx, at);
			stretch_add(evtx, at, length, head);
		} else {
			length = chunk_search(evtx, at);
			if (!all_zero(evtx->file + at, length))
				stretch_add(evtx, at, length, NULL);
			input_release(evtx->input, at, length);
		}
		at += length;
	}
	evtx->end = evtx->count;
}

static int place_compare(const void *a, const void *b)
{
	const struct stretch *left = a, *right = b;
	if (left->order != right->order)
		return left->order < right->order ? -1 : 1;
	return (left->offset > right->offset) - (left->offset < right->offset);
}

/* A log that is full goes on over its oldest chunks: their numbers tell the order (pitfall 13).  What is no chunk stays with
 * the one before it. */
static void stretches_order(struct evtx *evtx)
{
	uint64_t order = 0;
	for (size_t i = 0; i < evtx->count; i++) {
		struct stretch *stretch = &evtx->stretches[i];
		bool numbered = stretch->chunk && stretch->limit > CHUNK_HEAD;
		evtx->unordered |= numbered && stretch->first < order;
		if (numbered)
			order = stretch->first;
		stretch->order = order;
	}
	if (evtx->unordered)
		qsort(evtx->stretches, evtx->count, sizeof(*evtx->stretches), place_compare);
}

static int range_compare(const void *a, const void *b)
{
	const struct stretch *const *left = a, *const *right = b;
	if ((*left)->first != (*right)->first)
		return (*left)->first < (*right)->first ? -1 : 1;
	return ((*left)->offset > (*right)->offset) - ((*left)->offset < (*right)->offset);
}

/* Chunks whose numbers no other has need no look at what was there before. */
static void doubts_find(struct evtx *evtx)
{
	evtx->sorted = memory_alloc((evtx->count + 1) * sizeof(struct stretch *));
	evtx->reach = memory_alloc((evtx->count + 1) * sizeof(*evtx->reach));
	for (size_t i = 0; i < evtx->count; i++)
		if (evtx->stretches[i].chunk && evtx->stretches[i].limit > CHUNK_HEAD)
			evtx->sorted[evtx->sorted_count++] = &evtx->stretches[i];
	qsort(evtx->sorted, evtx->sorted_count, sizeof(struct stretch *), range_compare);
	struct stretch *widest = NULL;
	for (size_t i = 0; i < evtx->sorted_count; i++) {
		struct stretch *stretch = evtx->sorted[i];
		if (widest != NULL && widest->last >= stretch->first)
			stretch->doubtful = widest->doubtful = true;
		if (widest == NULL || stretch->last > widest->last)
			widest = stretch;
		evtx->reach[i] = widest->last;
	}
}

/* --- Records that stand elsewhere too --- */

/* Whether a record is one of those that a chunk promises, or that go on behind them. */
static bool stretch_holds(struct evtx *evtx, const struct stretch *stretch, uint64_t number, uint64_t time)
{
	const uint8_t *bytes = evtx->file + stretch->offset;
	size_t position = CHUNK_HEAD;
	uint64_t before = 0;
	if (evtx->found_in == stretch && le64(bytes + evtx->found_at + 8) < number)
		position = evtx->found_at;
	while (position < stretch->length) {
		size_t size = record_size(bytes, stretch->length, position);
		if (size == 0 && position >= stretch->limit)
			return false;
		if (size == 0) {
			position = record_search(bytes, stretch->length, position);
			continue;
		}
		uint64_t here = le64(bytes + position + 8);
		if (position >= stretch->limit && here != before + 1)
			return false;
		if (here == number && le64(bytes + position + 16) == time) {
			evtx->found_in = stretch;
			evtx->found_at = position;
			return true;
		}
		before = here;
		position += size;
	}
	return false;
}

/* Whether a record that lies at an offset where none has to be stands in a chunk. */
static bool is_live_elsewhere(struct evtx *evtx, const struct stretch *from, size_t position, uint64_t number, uint64_t time)
{
	enum { CANDIDATES = 8 };
	size_t low = 0, high = evtx->sorted_count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (evtx->sorted[middle]->first <= number)
			low = middle + 1;
		else
			high = middle;
	}
	/* The nearest may hold more than its header says: a log in use. */
	for (size_t i = low, tried = 0; i > 0 && tried < CANDIDATES && (tried == 0 || evtx->reach[i - 1] >= number); i--, tried++) {
		const struct stretch *stretch = evtx->sorted[i - 1];
		if (tried > 0 && stretch->last < number)
			continue;
		if (!stretch_holds(evtx, stretch, number, time))
			continue;
		if (stretch != from || evtx->found_at != position)
			return true;
	}
	return false;
}

/* Finds those of a stretch, before it is read; stretches have to be looked at in the order of the file. */
static void again_find(struct evtx *evtx, struct stretch *stretch)
{
	const uint8_t *bytes = evtx->file + stretch->offset;
	size_t position = !stretch->chunk ? 0 : stretch->doubtful ? CHUNK_HEAD : stretch->limit, capacity = 0;
	if (stretch->looked)
		return;
	stretch->looked = true;
	while ((position = record_search(bytes, stretch->length, position)) < stretch->length) {
		uint64_t number = le64(bytes + position + 8), time = le64(bytes + position + 16);
		bool live = stretch->chunk && position < stretch->limit;
		if ((!live && is_live_elsewhere(evtx, stretch, position, number, time)) || seen_before(&evtx->seen, number, time)) {
			if (stretch->again_count == capacity) {
				capacity = capacity > 0 ? capacity * 2 : 8;
				stretch->again = memory_resize(stretch->again, capacity * sizeof(*stretch->again));
			}
			stretch->again[stretch->again_count++] = (uint32_t)position;
		}
		position += record_size(bytes, stretch->length, position);
	}
}

/* Whether the record at the position is one of them. */
static bool is_again(struct evtx *evtx)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	while (evtx->again < stretch->again_count && stretch->again[evtx->again] < evtx->position)
		evtx->again++;
	return evtx->again < stretch->again_count && stretch->again[evtx->again] == evtx->position;
}

/* --- Reading a stretch --- */

static void say(struct evtx *evtx, size_t position, uint64_t number, bool lost, const char *text)
{
	reader_damage(&evtx->reader, evtx->stretches[evtx->at].offset + position, number, lost, text);
}

static void stretch_open(struct evtx *evtx)
{
	struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = evtx->bytes = evtx->file + stretch->offset;
	evtx->open = true;
	evtx->checked = false;
	evtx->ahead = 0;
	evtx->number = 0;
	evtx->again = 0;
	evtx->chained = stretch->chunk;
	evtx->position = stretch->chunk ? CHUNK_HEAD : 0;
	evtx_chunk_set(evtx->chunk, bytes, stretch->length);
	if (evtx->whole == NULL)
		again_find(evtx, stretch);
	if (!stretch->chunk) {
		say(evtx, 0, 0, false, "not a chunk: searched for records");
		return;
	}
	uint32_t free_space = le32(bytes + 48);
	if (le32(bytes + 124) != head_checksum(bytes))
		say(evtx, 0, 0, false, "the checksum of the chunk's header is wrong");
	if (stretch->length < EVTX_CHUNK)
		say(evtx, 0, 0, free_space > stretch->length && free_space <= EVTX_CHUNK,
		    "the chunk is cut off: the file ends, or the next begins within it");
}

/* Looked at when a record of the chunk is given out: who asks for one in a thousand need not wait for the others. */
static void checksum_check(struct evtx *evtx)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	uint32_t free_space = le32(evtx->bytes + 48);
	if (evtx->checked || !stretch->promised || stretch->length < EVTX_CHUNK)
		return;
	evtx->checked = true;
	if (le32(evtx->bytes + 52) != evtx_checksum(0, evtx->bytes + CHUNK_HEAD, free_space - CHUNK_HEAD))
		say(evtx, 0, 0, false, "the checksum of the chunk's records is wrong: it was copied while in use, or they were changed");
}

static void event_texts(struct evtx *evtx, struct event *event)
{
	static const struct { enum evtx_system part; size_t member; } texts[] = {
		{SYSTEM_CHANNEL, offsetof(struct event, channel)}, {SYSTEM_COMPUTER, offsetof(struct event, computer)},
		{SYSTEM_USER, offsetof(struct event, sid)},
	};
	/* The provider is there already. */
	size_t ends[sizeof(texts) / sizeof(texts[0]) + 1] = {evtx->text.length}, provider = evtx->text.length;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		evtx_record_text(evtx->record, texts[i].part, &evtx->text);
		ends[i + 1] = evtx->text.length;
	}
	const char *base = buffer_text(&evtx->text);
	event->provider = (struct cursor){base, base + provider};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct cursor *cursor = (struct cursor *)(void *)((char *)event + texts[i].member);
		*cursor = (struct cursor){base + ends[i], base + ends[i + 1]};
	}
}

static void event_provider(struct evtx *evtx, struct event *event)
{
	buffer_clear(&evtx->text);
	evtx_record_text(evtx->record, SYSTEM_PROVIDER, &evtx->text);
	event->provider = cursor_of(buffer_text(&evtx->text), evtx->text.length);
}

/* When it happened: a FILETIME, or the text of one in records without a template. */
static void event_time(struct evtx *evtx, struct event *event)
{
	if (evtx_record_number(evtx->record, SYSTEM_TIME, &event->time))
		return;
	buffer_clear(&evtx->text);
	if (evtx_record_text(evtx->record, SYSTEM_TIME, &evtx->text))
		(void)evtx_time_parse(buffer_text(&evtx->text), &event->time);
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
	const uint8_t *bytes = evtx->bytes + evtx->position;
	uint64_t id = EVENT_NO_ID, qualifiers = 0, task = 0, time = le64(bytes + 16);
	*event = (struct event){
		.kind = &evtx_kind, .source = evtx, .file = evtx->reader.file, .number = le64(bytes + 8), .written = time, .time = time,
		.offset = evtx->stretches[evtx->at].offset + evtx->position,
	};
	if (evtx_record_number(record, SYSTEM_EVENTID, &id) && id > UINT16_MAX)
		id &= UINT16_MAX;
	event_time(evtx, event);
	/* A copy may count its records anew: what the event says is what people know it by. */
	if (evtx_record_number(record, SYSTEM_RECORD, &event->number))
		event->sequence = le64(bytes + 8);
	event->id = (uint32_t)id;
	evtx_record_number(record, SYSTEM_QUALIFIERS, &qualifiers);
	event->id_full = id == EVENT_NO_ID ? EVENT_NO_ID : (uint32_t)(id | (qualifiers & UINT16_MAX) << 16);
	if (!event_filter_holds_numbers(filter, event))
		return false;
	event_provider(evtx, event);
	if (!event_filter_holds(filter, event))
		return false;
	evtx_record_number(record, SYSTEM_TASK, &task);
	event->category = (uint32_t)task;
	event->type = event_type(record);
	event_texts(evtx, event);
	return true;
}

/* Whether the filter can do without the record already: its id is known and not asked for. */
static bool is_other(struct evtx *evtx, size_t size)
{
	const struct event_filter *filter = &evtx->reader.options.filter;
	uint64_t id;
	if (filter->id_count == 0 || !evtx_record_peek(evtx->chunk, evtx->position + RECORD_HEAD, evtx->position + size - 4, &id))
		return false;
	for (size_t i = 0; i < filter->id_count; i++)
		if (filter->ids[i] == (id & UINT16_MAX))
			return false;
	return true;
}

/* The record at the position.  1: an event, 0: there is none in it, -1: one that is not wanted. */
static int record_take(struct evtx *evtx, size_t size, bool torn, struct event *ret_event)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = evtx->bytes + evtx->position;
	uint64_t number = le64(bytes + 8), time = le64(bytes + 16);
	/* Behind the end that the header gives, a record goes on with the numbers while the log was in use, or is a stale one. */
	bool beyond = evtx->position >= stretch->limit && number != evtx->number + 1;
	bool recovered = !stretch->chunk || !evtx->chained || beyond;
	if (recovered && evtx->reader.options.live_only) {
		evtx->reader.counts.filtered++;
		return -1;
	}
	if (is_again(evtx)) {
		evtx->reader.counts.duplicates++;
		return -1;
	}
	if (!recovered && is_other(evtx, size)) {
		evtx->number = number;
		evtx->reader.counts.filtered++;
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
	if (recovered)
		evtx_record_distrust(evtx->record);
	evtx->number = number;
	if (!event_fill(evtx, ret_event)) {
		evtx->reader.counts.filtered++;
		return -1;
	}
	checksum_check(evtx);
	ret_event->recovered = recovered;
	evtx->reader.counts.read++;
	evtx->reader.counts.recovered += recovered;
	return 1;
}

/* Something that begins as a record and does not end as one, before the next that does: as much of it as is there. */
static int record_take_torn(struct evtx *evtx, size_t next, struct event *ret_event)
{
	const uint8_t *bytes = evtx->bytes + evtx->position;
	size_t there = next - evtx->position;
	if (there < RECORD_LEAST || le32(bytes) != 0x00002a2a)
		return 0;
	size_t size = le32(bytes + 4);
	evtx->chained = false;
	return record_take(evtx, size >= RECORD_LEAST && size < there ? size : there, true, ret_event);
}

/* Says each record that should lie between two positions and does not, by its number where that is known. */
static void lost_say(struct evtx *evtx, size_t from, size_t to, uint64_t before, uint64_t taken)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = evtx->bytes;
	size_t end = to < stretch->limit ? to : stretch->limit;
	const char *what = all_zero(bytes + from, end - from) ? "zeros where a record should be" : "no record where one should be";
	uint64_t first = before != 0 ? before + 1 : stretch->first, after = to < stretch->limit ? le64(bytes + to + 8) : stretch->last + 1;
	bool known = after >= first && after - first <= (to - from) / RECORD_LEAST + 1;
	uint64_t count = known ? after - first : 1;
	for (uint64_t i = 0; i < count; i++)
		if (!known || first + i != taken)
			say(evtx, from, known ? first + i : 0, !(taken != 0 && !known), what);
	if (count == 0)
		say(evtx, from, 0, false, "bytes between two records that are no record");
}

/* What lies between records: nothing when it is behind the last one, otherwise a record that cannot be had whole.
 * 1: an event all the same. */
static int gap_pass(struct evtx *evtx, struct event *ret_event)
{
	const struct stretch *stretch = &evtx->stretches[evtx->at];
	const uint8_t *bytes = evtx->bytes;
	size_t next = record_search(bytes, stretch->length, evtx->position);
	bool promised = stretch->promised && evtx->position < stretch->limit;
	uint64_t before = evtx->number;
	int taken = record_take_torn(evtx, next, ret_event);
	evtx->chained = false;
	if (promised)
		lost_say(evtx, evtx->position, next, before, taken != 0 ? le64(bytes + evtx->position + 8) : 0);
	evtx->position = next;
	return taken > 0;
}

static void evtx_passed(struct reader *reader, size_t count)
{
	const struct evtx *evtx = (const struct evtx *)reader;
	const struct stretch *stretch = count > 0 && count <= evtx->count ? &evtx->stretches[count - 1] : NULL;
	if (stretch != NULL && evtx->unordered)
		input_release(evtx->input, stretch->offset, stretch->length);
	else if (stretch != NULL)
		input_forget(evtx->input, stretch->offset + stretch->length);
}

static int evtx_next(struct reader *reader, struct event *ret_event)
{
	struct evtx *evtx = (struct evtx *)reader;
	for (; evtx->at < evtx->end; evtx->at++, evtx->open = false) {
		if (!evtx->open)
			stretch_open(evtx);
		size_t length = evtx->stretches[evtx->at].length;
		const uint8_t *bytes = evtx->bytes;
		while (evtx->position < length) {
			/* Where the next record is stands in this one: memory would be waited for at each. */
			for (; evtx->ahead < evtx->position + AHEAD && evtx->ahead < length; evtx->ahead += LINE)
				__builtin_prefetch(bytes + evtx->ahead);
			size_t size = record_size(bytes, length, evtx->position);
			int taken = size > 0 ? record_take(evtx, size, false, ret_event) : gap_pass(evtx, ret_event);
			evtx->position += size;
			if (reader->options.strict && reader->counts.unreadable > 0)
				return ERROR_INPUT;
			if (taken > 0)
				return taken;
		}
		if (evtx->whole == NULL)
			evtx_passed(&evtx->reader, evtx->at + 1);
	}
	return 0;
}

/* --- Opening --- */

static void evtx_close(struct reader *reader)
{
	struct evtx *evtx = (struct evtx *)reader;
	if (evtx->whole == NULL) {
		for (size_t i = 0; i < evtx->count; i++)
			free(evtx->stretches[i].again);
		free(evtx->stretches);
	}
	free(evtx->sorted);
	free(evtx->reach);
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
	int error = input_whole(input, &evtx->file, &evtx->length);
	if (error < 0) {
		evtx_close(&evtx->reader);
		return error;
	}
	stretches_find(evtx);
	stretches_order(evtx);
	doubts_find(evtx);
	*ret_reader = &evtx->reader;
	return 0;
}

static size_t evtx_parts(struct reader *reader)
{
	struct evtx *evtx = (struct evtx *)reader;
	/* Records that come twice are known only to who has looked at all stretches in order. */
	for (size_t i = 0; i < evtx->count; i++)
		if (!evtx->stretches[i].chunk || evtx->stretches[i].doubtful || evtx->stretches[i].limit < evtx->stretches[i].length)
			again_find(evtx, &evtx->stretches[i]);
	return evtx->count > 0 ? evtx->count : 1;
}

static int evtx_part(struct reader *reader, size_t index, struct reader **ret_reader)
{
	const struct evtx *whole = (const struct evtx *)reader;
	if (*ret_reader == NULL)
		*ret_reader = &evtx_make(&reader->options, reader->diag, reader->file)->reader;
	struct evtx *part = (struct evtx *)*ret_reader;
	part->whole = whole;
	part->file = whole->file;
	part->length = whole->length;
	part->stretches = whole->stretches;
	part->at = index;
	part->end = index < whole->count ? index + 1 : index;
	part->open = false;
	return 0;
}

/* --- Events --- */

/* The event is the reader's own, whoever shows it as const: that a part of it cannot be rendered is found out now.  What is
 * known to be without its template has been said, and what is left of an earlier life is no loss. */
static void rendered(const struct event *event, bool whole, bool bare)
{
	if (!whole && !bare && !event->recovered)
		reader_damage((struct reader *)(uintptr_t)event->source, event->offset, event->number, true,
			      "a part of it cannot be read, or it becomes more than it may");
}

static void evtx_json(const struct event *event, struct buffer *buffer)
{
	const struct evtx_record *record = ((const struct evtx *)event->source)->record;
	bool bare = evtx_record_bare(record);
	rendered(event, evtx_record_json(record, buffer), bare);
}

static void evtx_xml(const struct event *event, struct buffer *buffer)
{
	const struct evtx_record *record = ((const struct evtx *)event->source)->record;
	bool bare = evtx_record_bare(record);
	rendered(event, evtx_record_xml(record, buffer), bare);
}

static void evtx_data(const struct event *event, event_take take, void *context)
{
	evtx_record_data(((const struct evtx *)event->source)->record, take, context);
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
	.passed = evtx_passed,
};
