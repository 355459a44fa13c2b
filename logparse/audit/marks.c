#include "logparse/audit/marks.h"

#include <sha2.h>
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
}

static void head_digest(const uint8_t *head, size_t length, char text[MARK_DIGEST])
{
	SHA2_CTX hash;
	SHA256Init(&hash);
	SHA256Update(&hash, head, length);
	(void)SHA256End(&hash, text);
}

/* The longest head of those that these bytes begin with. */
static const struct mark *head_find(const struct marks *marks, const uint8_t *head, size_t length)
{
	const struct mark *found = NULL;
	char digest[MARK_DIGEST] = "";
	uint64_t digested = 0;
	for (size_t i = 0; i < marks->old_count; i++) {
		const struct mark *mark = &marks->old[i];
		if (mark->head_length == 0 || mark->head_length > length || (found != NULL && found->head_length >= mark->head_length))
			continue;
		if (mark->head_length != digested)
			head_digest(head, (size_t)(digested = mark->head_length), digest);
		if (memcmp(digest, mark->head, MARK_DIGEST) == 0)
			found = mark;
	}
	return found;
}

void marks_begin(struct marks *marks, const char *name, const uint8_t *head, size_t length)
{
	length = length < MARK_HEAD ? length : MARK_HEAD;
	marks->by_name = NULL;
	marks->fresh = false;
	for (size_t i = 0; i < marks->old_count && marks->by_name == NULL; i++)
		if (strcmp(marks->old[i].name, name) == 0)
			marks->by_name = &marks->old[i];
	marks->by_head = head_find(marks, head, length);
	marks->now = arena_grow(marks->arena, marks->now, marks->now_count, &marks->now_capacity, sizeof(*marks->now));
	marks->current = &marks->now[marks->now_count++];
	*marks->current = (struct mark){.name = arena_text(marks->arena, name), .head_length = length};
	if (length > 0)
		head_digest(head, length, marks->current->head);
	if (marks->by_name != NULL) {
		marks->current->number = marks->by_name->number;
		marks->current->time = marks->by_name->time;
	}
	if (marks->by_head != NULL)
		marks->current->line = marks->by_head->line;
}

void marks_blind(struct marks *marks, const char *name)
{
	marks->blind = (struct mark){.name = arena_text(marks->arena, name)};
	marks->current = &marks->blind;
}

bool marks_pass(struct marks *marks, const struct event *event)
{
	struct mark *current = marks->current;
	if (current == &marks->blind)
		return false;
	if (event->number == 0) {
		bool fresh = marks->by_head == NULL || event->offset > marks->by_head->line;
		if (event->offset > current->line)
			current->line = event->offset;
		return fresh;
	}
	const struct mark *old = marks->by_name;
	uint64_t number = event->sequence > 0 ? event->sequence : event->number;
	if (old != NULL && number <= old->number && event->time <= old->time)
		return false;
	if (event->recovered)
		return true;
	/* A log that was cleared begins with low numbers again: the highest of what is new counts, not of all. */
	if (!marks->fresh || number > current->number)
		current->number = number;
	if (event->time > current->time)
		current->time = event->time;
	marks->fresh = true;
	return true;
}
