#include "logparse/audit/marks.h"

#include <sha2.h>
#include <stdlib.h>
#include <string.h>

void marks_init(struct marks *marks)
{
	*marks = (struct marks){.arena = arena_new()};
}

void marks_done(struct marks *marks)
{
	arena_free(marks->arena);
}

void marks_add(struct marks *marks, const struct mark *mark)
{
	marks->old = arena_grow(marks->arena, marks->old, marks->old_count, &marks->old_capacity, sizeof(*marks->old));
	marks->old[marks->old_count] = *mark;
	marks->old[marks->old_count++].name = arena_text(marks->arena, mark->name);
	marks->sorted = false;
}

static void head_digest(const SHA2_CTX *hash, char text[MARK_DIGEST])
{
	SHA2_CTX end = *hash;
	(void)SHA256End(&end, text);
}

static int head_compare(const void *a, const void *b)
{
	const struct mark *left = a, *right = b;
	if (left->head_length != right->head_length)
		return left->head_length < right->head_length ? -1 : 1;
	/* The newest last; of one run what was read least: rather a line twice than none. */
	if (left->run != right->run)
		return left->run < right->run ? -1 : 1;
	return (left->line < right->line) - (left->line > right->line);
}

/* The longest head of those that these bytes begin with; of several such that of this name, or else the newest. */
static const struct mark *head_find(struct marks *marks, const char *name, const uint8_t *head, size_t length)
{
	const struct mark *found = NULL;
	char digest[MARK_DIGEST] = "";
	uint64_t digested = 0;
	SHA2_CTX hash;
	SHA256Init(&hash);
	for (size_t i = 0; i < marks->old_count && marks->old[i].head_length <= length; i++) {
		const struct mark *mark = &marks->old[i];
		if (mark->head_length == 0)
			continue;
		if (mark->head_length != digested) {
			SHA256Update(&hash, head + digested, (size_t)(mark->head_length - digested));
			head_digest(&hash, digest);
			digested = mark->head_length;
		}
		bool better = found == NULL || found->head_length < mark->head_length || strcmp(found->name, name) != 0;
		if (better && memcmp(digest, mark->head, MARK_DIGEST) == 0)
			found = mark;
	}
	return found;
}

static const struct mark *name_find(const struct marks *marks, const char *name)
{
	const struct mark *found = NULL;
	for (size_t i = 0; i < marks->old_count; i++)
		if (strcmp(marks->old[i].name, name) == 0 && (found == NULL || marks->old[i].run > found->run))
			found = &marks->old[i];
	return found;
}

static struct reading *reading_find(struct marks *marks, const char *file)
{
	if (marks->last < marks->reading_count && strcmp(marks->readings[marks->last].file, file) == 0)
		return &marks->readings[marks->last];
	for (size_t i = 0; i < marks->reading_count; i++)
		if (strcmp(marks->readings[i].file, file) == 0)
			return &marks->readings[marks->last = i];
	return NULL;
}

static struct reading *reading_add(struct marks *marks, const char *file)
{
	marks->readings = arena_grow(marks->arena, marks->readings, marks->reading_count, &marks->reading_capacity, sizeof(*marks->readings));
	struct reading *reading = &marks->readings[marks->last = marks->reading_count++];
	*reading = (struct reading){.file = arena_text(marks->arena, file), .now = MARKS_NONE};
	return reading;
}

void marks_begin(struct marks *marks, const char *file, const char *name, const uint8_t *head, size_t length)
{
	if (reading_find(marks, file) != NULL)
		return;
	if (!marks->sorted && marks->old_count > 1)
		qsort(marks->old, marks->old_count, sizeof(*marks->old), head_compare);
	marks->sorted = true;
	length = length < MARK_HEAD ? length : MARK_HEAD;
	struct reading *reading = reading_add(marks, file);
	const struct mark *by_name = name_find(marks, name), *by_head = head_find(marks, name, head, length);
	marks->now = arena_grow(marks->arena, marks->now, marks->now_count, &marks->now_capacity, sizeof(*marks->now));
	reading->now = marks->now_count++;
	struct mark *mark = &marks->now[reading->now];
	*mark = (struct mark){.name = arena_text(marks->arena, name), .head_length = length};
	if (length > 0) {
		SHA2_CTX hash;
		SHA256Init(&hash);
		SHA256Update(&hash, head, length);
		head_digest(&hash, mark->head);
	}
	if (by_name != NULL) {
		reading->numbered = true;
		reading->by_name = *by_name;
		mark->number = by_name->number;
		mark->time = by_name->time;
		mark->first_number = by_name->first_number;
		mark->first_time = by_name->first_time;
	}
	if (by_head != NULL) {
		reading->lined = true;
		reading->by_head = *by_head;
		mark->line = by_head->line;
	}
}

void marks_blind(struct marks *marks, const char *file)
{
	if (reading_find(marks, file) == NULL)
		(void)reading_add(marks, file);
}

/* In one life of a log no number comes before its oldest, and that one has its time. */
static void oldest_note(struct reading *reading, struct mark *mark, uint64_t number, uint64_t time)
{
	const struct mark *old = &reading->by_name;
	if (!reading->other && old->first_number != 0 && (number < old->first_number || (number == old->first_number && time != old->first_time))) {
		reading->other = true;
		mark->number = mark->time = mark->first_number = 0;
	}
	if (mark->first_number == 0 || number < mark->first_number) {
		mark->first_number = number;
		mark->first_time = time;
	}
}

static bool numbered_pass(struct reading *reading, struct mark *mark, const struct event *event)
{
	const struct mark *old = &reading->by_name;
	uint64_t number = event->sequence > 0 ? event->sequence : event->number;
	if (!event->recovered)
		oldest_note(reading, mark, number, event->time);
	if (reading->numbered && !reading->other && number <= old->number && event->time <= old->time)
		return false;
	if (event->recovered)
		return true;
	/* A log that was cleared begins with low numbers again: the highest of what is new counts, not of all. */
	if (!reading->fresh || number > mark->number)
		mark->number = number;
	if (event->time > mark->time)
		mark->time = event->time;
	reading->fresh = true;
	return true;
}

bool marks_pass(struct marks *marks, const struct event *event)
{
	struct reading *reading = reading_find(marks, event->file);
	if (reading == NULL || reading->now == MARKS_NONE)
		return false;
	struct mark *mark = &marks->now[reading->now];
	/* A number in a line is what somebody wrote there: its place counts. */
	if (event->number != 0 && (event->kind == NULL || event->kind->record == NULL))
		return numbered_pass(reading, mark, event);
	if (event->offset > mark->line)
		mark->line = event->offset;
	return !reading->lined || event->offset > reading->by_head.line;
}
