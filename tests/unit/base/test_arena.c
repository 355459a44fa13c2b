#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

#include "core/base/arena.h"

Test(arena, pieces_are_zeroed_aligned_and_apart)
{
	struct arena *arena = arena_new();
	unsigned char *pieces[500];
	for (size_t i = 0; i < 500; i++) {
		size_t size = i * 37 % 3000;
		pieces[i] = arena_alloc(arena, size);
		cr_assert_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		for (size_t j = 0; j < size; j++)
			cr_assert_eq(pieces[i][j], 0);
		memset(pieces[i], (int)(i & 255), size);
	}
	for (size_t i = 0; i < 500; i++)
		for (size_t j = 0; j < i * 37 % 3000; j++)
			cr_assert_eq(pieces[i][j], (i & 255));
	arena_free(arena);
	arena_free(NULL);
}

Test(arena, a_large_piece_leaves_room_for_small_ones)
{
	struct arena *arena = arena_new();
	char *small = arena_alloc(arena, 16);
	memset(arena_alloc(arena, 5 << 20), 1, 5 << 20);
	char *next = arena_alloc(arena, 16);
	cr_expect_eq(next, small + 16, "the block that was begun is gone on with");
	arena_free(arena);
}

Test(arena, texts_are_copied)
{
	struct arena *arena = arena_new();
	char text[] = "some text";
	const char *whole = arena_text(arena, text), *part = arena_text_n(arena, text, 4), *none = arena_text_n(arena, NULL, 0);
	text[0] = 'X';
	cr_expect_str_eq(whole, "some text");
	cr_expect_str_eq(part, "some");
	cr_expect_str_eq(none, "");
	cr_expect_str_eq(arena_printf(arena, "%s %d", "number", 42), "number 42");
	char *large = arena_printf(arena, "%*d", 10000, 1);
	cr_expect_eq(strlen(large), 10000);
	arena_free(arena);
}

Test(arena, arrays_grow_and_keep_what_they_hold)
{
	struct arena *arena = arena_new();
	unsigned *array = NULL;
	size_t count = 0, capacity = 0;
	for (unsigned i = 0; i < 10000; i++) {
		array = arena_grow(arena, array, count, &capacity, sizeof(*array));
		cr_assert_lt(count, capacity);
		array[count++] = i;
	}
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(array[i], i);
	arena_free(arena);
}
