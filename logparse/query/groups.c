#include "logparse/query/groups.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* A combination: for each column a byte of its kind, then 8 bytes of a number or 4 of a length and the text. */
struct group {
	uint64_t hash, count;
	uint32_t length;
	const unsigned char *key;
};

struct groups {
	struct arena *arena;      /* of the keys */
	size_t columns[GROUPS_COLUMNS], column_count;
	struct group *table;      /* open addressing; key NULL: free */
	size_t used, size;
	size_t memory, taken;
	struct buffer key;
	/* Sorted */
	struct group_order order[GROUPS_COLUMNS];
	size_t order_count;
	size_t at;                /* in the table, now without gaps: 1 is the first */
	uint64_t left;            /* how often this row is to be given out again */
	bool once;
	struct cell cells[GROUPS_COLUMNS]; /* of this row */
};

enum { FIRST_SIZE = 1024, KEY_MOST = 64 << 20 };

struct groups *groups_new(const size_t *columns, size_t count, size_t memory)
{
	struct groups *groups = memory_alloc(sizeof(*groups));
	*groups = (struct groups){.arena = arena_new(), .column_count = count, .size = FIRST_SIZE, .memory = memory};
	memcpy(groups->columns, columns, count * sizeof(*columns));
	groups->table = memory_alloc(groups->size * sizeof(*groups->table));
	buffer_init(&groups->key, KEY_MOST);
	return groups;
}

void groups_free(struct groups *groups)
{
	if (groups == NULL)
		return;
	arena_free(groups->arena);
	free(groups->table);
	buffer_done(&groups->key);
	free(groups);
}

/* --- Coming in --- */

int groups_put(struct groups *groups, const struct cell *cell)
{
	struct buffer *key = &groups->key;
	size_t length = cell->kind == CELL_TEXT ? cursor_left(&cell->text) : 0;
	char *to = buffer_room(key, 1 + sizeof(int64_t) + length);
	if (to == NULL)
		return ERROR_LIMIT;
	*to++ = (char)cell->kind;
	if (cell->kind == CELL_INTEGER) {
		memcpy(to, &cell->integer, sizeof(int64_t));
		to += sizeof(int64_t);
	} else if (cell->kind == CELL_TEXT) {
		uint32_t size = (uint32_t)length;
		memcpy(to, &size, sizeof(size));
		memcpy(to + sizeof(size), cell->text.at, length);
		to += sizeof(size) + length;
	}
	buffer_took(key, to);
	return 0;
}

static uint64_t key_hash(const char *key, size_t length)
{
	const uint64_t odd = 0x9e3779b97f4a7c15u;
	uint64_t hash = length * odd, word;
	for (; length >= sizeof(word); key += sizeof(word), length -= sizeof(word)) {
		memcpy(&word, key, sizeof(word));
		hash = (hash ^ word) * odd;
		hash ^= hash >> 32;
	}
	for (word = 0; length > 0; length--)
		word = word << 8 | (unsigned char)*key++;
	hash = (hash ^ word) * odd;
	return hash ^ hash >> 29;
}

static struct group *group_find(struct group *table, size_t size, uint64_t hash, const char *key, size_t length)
{
	size_t at = (size_t)hash & (size - 1);
	while (table[at].key != NULL && !(table[at].hash == hash && table[at].length == length && memcmp(table[at].key, key, length) == 0))
		at = (at + 1) & (size - 1);
	return &table[at];
}

static void table_grow(struct groups *groups)
{
	size_t size = groups->size * 2;
	struct group *table = memory_alloc(size * sizeof(*table));
	for (size_t i = 0; i < groups->size; i++) {
		size_t at = (size_t)groups->table[i].hash & (size - 1);
		while (groups->table[i].key != NULL && table[at].key != NULL)
			at = (at + 1) & (size - 1);
		if (groups->table[i].key != NULL)
			table[at] = groups->table[i];
	}
	free(groups->table);
	groups->table = table;
	groups->size = size;
}

int groups_add(struct groups *groups)
{
	size_t length = groups->key.length;
	const char *key = buffer_text(&groups->key);
	uint64_t hash = key_hash(key, length);
	struct group *group = group_find(groups->table, groups->size, hash, key, length);
	groups->key.length = 0;
	if (group->key != NULL) {
		group->count++;
		return 0;
	}
	/* The table is doubled while the old one is there, and is at most three quarters full. */
	groups->taken += length + 16 + 4 * sizeof(*group);
	if (groups->taken > groups->memory)
		return ERROR_LIMIT;
	*group = (struct group){hash, 1, (uint32_t)length, (const unsigned char *)arena_text_n(groups->arena, key, length)};
	if (++groups->used > groups->size / 4 * 3)
		table_grow(groups);
	return 0;
}

/* --- Going out --- */

static void cells_read(const struct groups *groups, const struct group *group, struct cell *cells)
{
	const unsigned char *at = group->key;
	for (size_t i = 0; i < groups->column_count; i++) {
		cells[i] = (struct cell){.kind = (enum cell_kind)*at++};
		if (cells[i].kind == CELL_INTEGER) {
			memcpy(&cells[i].integer, at, sizeof(int64_t));
			at += sizeof(int64_t);
		} else if (cells[i].kind == CELL_TEXT) {
			uint32_t size;
			memcpy(&size, at, sizeof(size));
			cells[i].text = cursor_of((const char *)at + sizeof(size), size);
			at += sizeof(size) + size;
		}
	}
}

/* SQLite's order: NULL, numbers, texts byte by byte. */
static int cell_compare(const struct cell *a, const struct cell *b, bool no_case)
{
	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	if (a->kind == CELL_INTEGER)
		return a->integer < b->integer ? -1 : a->integer > b->integer;
	if (a->kind != CELL_TEXT)
		return 0;
	size_t left = cursor_left(&a->text), right = cursor_left(&b->text), least = left < right ? left : right;
	int result = no_case ? 0 : memcmp(a->text.at, b->text.at, least);
	for (size_t i = 0; no_case && i < least && result == 0; i++)
		result = (unsigned char)ascii_lower(a->text.at[i]) - (unsigned char)ascii_lower(b->text.at[i]);
	return result != 0 ? result : left < right ? -1 : left > right;
}

static size_t column_place(const struct groups *groups, size_t column)
{
	size_t i = 0;
	while (i < groups->column_count && groups->columns[i] != column)
		i++;
	return i;
}

static int group_compare(const void *left, const void *right, void *context)
{
	const struct groups *groups = context;
	struct cell a[GROUPS_COLUMNS], b[GROUPS_COLUMNS];
	cells_read(groups, left, a);
	cells_read(groups, right, b);
	for (size_t i = 0; i < groups->order_count; i++) {
		size_t place = groups->order[i].column;
		int result = cell_compare(&a[place], &b[place], groups->order[i].no_case);
		if (result != 0)
			return groups->order[i].descending ? -result : result;
	}
	return 0;
}

void groups_sort(struct groups *groups, const struct group_order *order, size_t count, bool once)
{
	size_t filled = 0;
	for (size_t i = 0; i < groups->size; i++)
		if (groups->table[i].key != NULL)
			groups->table[filled++] = groups->table[i];
	for (size_t i = 0; i < count; i++) {
		groups->order[i] = order[i];
		groups->order[i].column = column_place(groups, order[i].column);
	}
	groups->order_count = count;
	groups->once = once;
	groups->at = 0;
	groups->left = 0;
	qsort_r(groups->table, filled, sizeof(*groups->table), group_compare, groups);
}

bool groups_next(struct groups *groups)
{
	if (groups->left > 0) {
		groups->left--;
		return true;
	}
	if (groups->at == groups->used)
		return false;
	const struct group *group = &groups->table[groups->at++];
	cells_read(groups, group, groups->cells);
	groups->left = groups->once ? 0 : group->count - 1;
	return true;
}

struct cell groups_cell(const struct groups *groups, size_t column)
{
	size_t place = column_place(groups, column);
	return place < groups->column_count ? groups->cells[place] : (struct cell){.kind = CELL_NULL};
}
