#include "logparse/reader/seen.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static uint64_t seen_hash(uint64_t number, uint64_t time)
{
	uint64_t hash = (number ^ time << 21) * 0x9e3779b97f4a7c15ull ^ time * 0xc2b2ae3d27d4eb4full;
	hash ^= hash >> 29;
	hash *= 0xbf58476d1ce4e5b9ull;
	hash ^= hash >> 32;
	return hash != 0 ? hash : 1;
}

static void seen_put(uint64_t *table, size_t capacity, uint64_t hash)
{
	size_t slot = hash & (capacity - 1);
	while (table[slot] != 0)
		slot = (slot + 1) & (capacity - 1);
	table[slot] = hash;
}

static void seen_grow(struct seen *seen)
{
	size_t capacity = seen->capacity > 0 ? seen->capacity * 4 : 4096;
	uint64_t *table = memory_alloc(capacity * sizeof(*table));
	memset(table, 0, capacity * sizeof(*table));
	for (size_t i = 0; i < seen->capacity; i++)
		if (seen->table[i] != 0)
			seen_put(table, capacity, seen->table[i]);
	free(seen->table);
	seen->table = table;
	seen->capacity = capacity;
}

bool seen_before(struct seen *seen, uint64_t number, uint64_t time)
{
	uint64_t hash = seen_hash(number, time);
	if (2 * seen->count >= seen->capacity)
		seen_grow(seen);
	for (size_t slot = hash & (seen->capacity - 1); seen->table[slot] != 0; slot = (slot + 1) & (seen->capacity - 1))
		if (seen->table[slot] == hash)
			return true;
	seen_put(seen->table, seen->capacity, hash);
	seen->count++;
	return false;
}

void seen_done(struct seen *seen)
{
	free(seen->table);
	*seen = (struct seen){.table = NULL};
}
