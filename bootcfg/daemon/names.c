#include "bootcfg/daemon/names.h"

#include <stdlib.h>

#include "core/base/memory.h"

struct names {
	struct name **slots;      /* open addressing, NULL: free; a power of two of them */
	size_t slot_count, count;
	size_t strange, bytes;
	uint64_t generation;      /* that is being told */
	struct name rest;
};

enum { SLOTS_FIRST = 64 };

struct names *names_new(void)
{
	struct names *names = memory_alloc(sizeof(*names));
	names->slots = memory_alloc(SLOTS_FIRST * sizeof(*names->slots));
	names->slot_count = SLOTS_FIRST;
	names->generation = 1;
	return names;
}

static size_t texts_length(const struct name *name)
{
	size_t length = 0;
	const struct cursor *const texts[] = {&name->policy, &name->rule, &name->list};
	for (size_t i = 0; i < 3; i++)
		length += texts[i]->at != NULL ? cursor_left(texts[i]) : 0;
	return length;
}

static void name_free(struct names *names, struct name *name)
{
	names->bytes -= texts_length(name);
	names->strange -= !name->known;
	names->count--;
	free(name->texts);
	free(name);
}

void names_free(struct names *names)
{
	if (names == NULL)
		return;
	for (size_t i = 0; i < names->slot_count; i++) {
		if (names->slots[i] != NULL)
			free(names->slots[i]->texts);
		free(names->slots[i]);
	}
	free(names->slots);
	free(names);
}

/* The numbers are hashes already, of names that the administrator chose. */
static struct name **slot_find(const struct names *names, uint64_t hash)
{
	size_t at = (size_t)((hash ^ hash >> 32) * 0x9e3779b97f4a7c15u >> 20) & (names->slot_count - 1);
	while (names->slots[at] != NULL && names->slots[at]->hash != hash)
		at = (at + 1) & (names->slot_count - 1);
	return &names->slots[at];
}

/* Puts all that are wanted into a new array; the others are freed. */
static void names_rebuild(struct names *names, size_t slot_count, bool (*wanted)(const struct names *, const struct name *))
{
	struct name **old = names->slots;
	size_t old_count = names->slot_count;
	names->slots = memory_alloc(slot_count * sizeof(struct name *));
	names->slot_count = slot_count;
	for (size_t i = 0; i < old_count; i++) {
		if (old[i] == NULL)
			continue;
		if (wanted == NULL || wanted(names, old[i]))
			*slot_find(names, old[i]->hash) = old[i];
		else
			name_free(names, old[i]);
	}
	free(old);
}

static struct cursor text_keep(char **at, struct cursor text)
{
	if (text.at == NULL)
		return text;
	size_t length = cursor_left(&text);
	char *copy = *at;
	memcpy(copy, text.at, length);
	*at += length;
	return cursor_of(copy, length);
}

/* Gives a name copies of the texts of another; false when there is no room for them. */
static bool texts_set(struct names *names, struct name *name, const struct name *from)
{
	size_t length = texts_length(from), before = texts_length(name);
	if (length > NAMES_BYTES - (names->bytes - before))
		return false;
	char *texts = memory_alloc(length), *at = texts;
	name->policy = text_keep(&at, from->policy);
	name->rule = text_keep(&at, from->rule);
	name->list = text_keep(&at, from->list);
	free(name->texts);
	name->texts = texts;
	names->bytes += length - before;
	return true;
}

/* NULL when the table is full. */
static struct name *name_insert(struct names *names, const struct name *from)
{
	if (names->count >= NAMES_MOST)
		return NULL;
	struct name *name = memory_alloc(sizeof(*name));
	*name = (struct name){.hash = from->hash, .known = from->known, .generation = names->generation};
	if (!texts_set(names, name, from)) {
		free(name);
		return NULL;
	}
	names->strange += !name->known;
	names->count++;
	if (names->count * 2 > names->slot_count)
		names_rebuild(names, names->slot_count * 2, NULL);
	*slot_find(names, name->hash) = name;
	return name;
}

bool names_add(struct names *names, uint64_t hash, struct cursor policy, struct cursor rule, struct cursor list)
{
	const struct name from = {.hash = hash, .policy = policy, .rule = rule, .list = list, .known = true};
	struct name *name = *slot_find(names, hash);
	if (name == NULL)
		return name_insert(names, &from) != NULL;
	name->generation = names->generation;
	/* The number is made of the names, so one that is known says the same. */
	if (name->known)
		return true;
	if (!texts_set(names, name, &from))
		return false;
	name->known = true;
	names->strange--;
	return true;
}

static bool name_lives(const struct names *names, const struct name *name)
{
	return name->holds > 0 || name->generation + 1 >= names->generation;
}

void names_end(struct names *names)
{
	names_rebuild(names, names->slot_count, name_lives);
	names->generation++;
}

struct name *names_find(struct names *names, uint64_t hash, struct cursor rule)
{
	struct name *name = *slot_find(names, hash);
	if (name != NULL)
		return name;
	const struct name from = {.hash = hash, .rule = rule};
	if (names->strange < NAMES_STRANGE)
		name = name_insert(names, &from);
	return name != NULL ? name : &names->rest;
}
