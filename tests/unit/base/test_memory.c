#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

Test(memory, what_it_gives_is_zeroed_and_kept)
{
	unsigned char *bytes = memory_alloc(1000);
	for (size_t i = 0; i < 1000; i++)
		cr_assert_eq(bytes[i], 0);
	memset(bytes, 7, 1000);
	bytes = memory_resize(bytes, 100000);
	for (size_t i = 0; i < 1000; i++)
		cr_assert_eq(bytes[i], 7);
	free(bytes);
	free(memory_alloc(0));
	char *text = memory_text("text"), *part = memory_text_n("text", 2);
	cr_expect_str_eq(text, "text");
	cr_expect_str_eq(part, "te");
	free(text);
	free(part);
}

Test(memory, the_kth_allocation_ends_the_program, .exit_code = 3)
{
	memory_fail_at(3);
	free(memory_alloc(1));
	free(memory_alloc(1));
	free(memory_alloc(1));
	exit(0);
}

Test(memory, a_size_that_cannot_be_ends_the_program, .exit_code = 3)
{
	free(memory_resize_array(NULL, SIZE_MAX / 2, 16));
	exit(0);
}
