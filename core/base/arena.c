#include "core/base/arena.h"

#include <stdarg.h>
#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { BLOCK_FIRST = 4096, BLOCK_MOST = 1 << 20 };

struct block {
	struct block *next;
	size_t used, size;
	alignas(max_align_t) unsigned char bytes[];
};

struct arena {
	struct block *blocks;
	size_t next_size;
};

struct arena *arena_new(void)
{
	struct arena *arena = memory_alloc(sizeof(*arena));
	arena->next_size = BLOCK_FIRST;
	return arena;
}

void arena_free(struct arena *arena)
{
	if (arena == NULL)
		return;
	for (struct block *block = arena->blocks, *next; block != NULL; block = next) {
		next = block->next;
		free(block);
	}
	free(arena);
}

void *arena_alloc(struct arena *arena, size_t size)
{
	size_t room = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (room < size)
		room = SIZE_MAX / 2; /* dies in memory_alloc */
	struct block *block = arena->blocks;
	if (block == NULL || block->size - block->used < room) {
		size_t block_size = room > arena->next_size ? room : arena->next_size;
		block = memory_alloc(sizeof(*block) + block_size);
		block->size = block_size;
		/* A large piece gets a block of its own behind the current one, which keeps its room. */
		if (room > arena->next_size && arena->blocks != NULL) {
			block->next = arena->blocks->next;
			arena->blocks->next = block;
		} else {
			block->next = arena->blocks;
			arena->blocks = block;
		}
		if (arena->next_size < BLOCK_MOST)
			arena->next_size *= 2;
	}
	void *memory = block->bytes + block->used;
	block->used += room;
	return memory;
}

char *arena_text_n(struct arena *arena, const char *text, size_t length)
{
	char *copy = arena_alloc(arena, length + 1);
	if (length > 0)
		memcpy(copy, text, length);
	return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
	return arena_text_n(arena, text, strlen(text));
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0)
		return arena_text(arena, "");
	char *text = arena_alloc(arena, (size_t)length + 1);
	va_start(arguments, format);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	va_end(arguments);
	return text;
}

void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size)
{
	if (count < *capacity)
		return array;
	size_t larger = *capacity > 0 ? *capacity * 2 : 2;
	void *moved = arena_alloc(arena, larger * size);
	if (count > 0)
		memcpy(moved, array, count * size);
	*capacity = larger;
	return moved;
}
