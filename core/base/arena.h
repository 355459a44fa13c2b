/* An arena: memory for one document that dies as a whole.  Nothing in it is freed singly. */
#ifndef CORDON_BASE_ARENA_H
#define CORDON_BASE_ARENA_H

#include <stddef.h>

#include "core/base/attr.h"

struct arena;

struct arena *arena_new(void);
void arena_free(struct arena *arena); /* NULL is fine */

/* All return zeroed memory (or text) that lives as long as the arena; never NULL. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_text(struct arena *arena, const char *text);
char *arena_text_n(struct arena *arena, const char *text, size_t length);
char *arena_printf(struct arena *arena, const char *format, ...) ATTR_PRINTF(2, 3);

/* Grows an array that is in the arena: when count has reached *capacity, moves it to twice the room (the
 * old copy stays until the arena goes).  Returns where the array is now. */
void *arena_grow(struct arena *arena, void *array, size_t count, size_t *capacity, size_t size);

#endif
