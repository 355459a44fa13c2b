#include "logparse/tally.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/memory.h"

struct tally {
	struct arena *arena;      /* of the keys */
	struct tallied *entries;
	size_t count, capacity;
	uint32_t *slots;          /* index + 1 */
	size_t slot_count;        /* a power of two */
};

struct tally *tally_new(void)
{
	struct tally *tally = memory_alloc(sizeof(*tally));
	*tally = (struct tally){.arena = arena_new()};
	return tally;
}

void tally_free(struct tally *tally)
{
	if (tally == NULL)
		return;
	arena_free(tally->arena);
	free(tally->entries);
	free(tally->slots);
	free(tally);
}

static uint64_t key_hash(struct cursor key)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	for (const char *at = key.at; at < key.end; at++)
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3ull;
	return hash ^ hash >> 29;
}

static bool key_equal(struct cursor a, struct cursor b)
{
	return cursor_left(&a) == cursor_left(&b) && (cursor_left(&a) == 0 || memcmp(a.at, b.at, cursor_left(&a)) == 0);
}

static size_t slot_of(const struct tally *tally, struct cursor key)
{
	size_t slot = key_hash(key) & (tally->slot_count - 1);
	while (tally->slots[slot] != 0 && !key_equal(tally->entries[tally->slots[slot] - 1].key, key))
		slot = (slot + 1) & (tally->slot_count - 1);
	return slot;
}

static void tally_grow(struct tally *tally)
{
	tally->slot_count = tally->slot_count > 0 ? tally->slot_count * 2 : 1024;
	free(tally->slots);
	tally->slots = memory_alloc(tally->slot_count * sizeof(*tally->slots));
	memset(tally->slots, 0, tally->slot_count * sizeof(*tally->slots));
	for (size_t i = 0; i < tally->count; i++)
		tally->slots[slot_of(tally, tally->entries[i].key)] = (uint32_t)(i + 1);
}

bool tally_add_most(struct tally *tally, struct cursor key, uint64_t count, size_t most)
{
	if (2 * tally->count >= tally->slot_count)
		tally_grow(tally);
	size_t slot = slot_of(tally, key);
	if (tally->slots[slot] != 0) {
		struct tallied *entry = &tally->entries[tally->slots[slot] - 1];
		entry->count = tally_sum(entry->count, count);
		return true;
	}
	if (tally->count >= most)
		return false;
	if (tally->count == tally->capacity) {
		tally->capacity = tally->capacity > 0 ? tally->capacity * 2 : 256;
		tally->entries = memory_resize(tally->entries, tally->capacity * sizeof(*tally->entries));
	}
	const char *text = arena_text_n(tally->arena, key.at != NULL ? key.at : "", cursor_left(&key));
	tally->entries[tally->count++] = (struct tallied){cursor_of(text, cursor_left(&key)), count};
	tally->slots[slot] = (uint32_t)tally->count;
	return true;
}

void tally_add(struct tally *tally, struct cursor key, uint64_t count)
{
	(void)tally_add_most(tally, key, count, UINT32_MAX - 1);
}

static int tallied_compare(const void *a, const void *b)
{
	const struct tallied *left = a, *right = b;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	size_t l = cursor_left(&left->key), r = cursor_left(&right->key), least = l < r ? l : r;
	int order = memcmp(left->key.at, right->key.at, least);
	return order != 0 ? order : (l > r) - (l < r);
}

const struct tallied *tally_sorted(struct tally *tally, size_t *ret_count)
{
	*ret_count = tally->count;
	if (tally->count > 1)
		qsort(tally->entries, tally->count, sizeof(*tally->entries), tallied_compare);
	/* The slots are of the order that was. */
	tally->slot_count /= 2;
	if (tally->slot_count > 0)
		tally_grow(tally);
	return tally->entries;
}

void tally_merge(struct tally *tally, const struct tally *other)
{
	for (size_t i = 0; i < other->count; i++)
		tally_add(tally, other->entries[i].key, other->entries[i].count);
}
