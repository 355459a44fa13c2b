#include <criterion/criterion.h>
#include <string.h>

#include "core/base/error.h"

Test(error, every_code_has_a_text_and_an_exit_code)
{
	static const char *texts[64];
	size_t count = 0;
	for (int error = ERROR_INPUT; error <= ERROR_LAST; error++) {
		const char *text = error_text(error);
		cr_expect_str_neq(text, "unknown error", "%d", error);
		for (size_t i = 0; i < count; i++)
			cr_expect_str_neq(text, texts[i], "two codes, one text");
		texts[count++] = text;
		cr_expect(error_exit(error) >= EXIT_INPUT && error_exit(error) <= EXIT_BUG);
	}
	cr_expect_str_eq(error_text(0), "done");
	cr_expect_eq(error_exit(0), EXIT_DONE);
	cr_expect_eq(error_exit(ERROR_INPUT), 2);
	cr_expect_eq(error_exit(ERROR_NOT_FOUND), 2);
	cr_expect_eq(error_exit(ERROR_SYSTEM), 3);
	cr_expect_eq(error_exit(ERROR_BUG), 4);
	cr_expect_eq(error_exit(-1), 4, "what is none of ours is a bug");
	cr_expect_str_eq(error_text(-1), "unknown error");
}
