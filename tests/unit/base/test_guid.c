#include <criterion/criterion.h>
#include <string.h>

#include "core/base/guid.h"

Test(guid, text_parses_back)
{
	static const char *const rows[] = {"{72385235-70fa-11d1-864c-14a300000000}", "72385235-70FA-11D1-864C-14A300000000"};
	char text[GUID_TEXT];
	struct guid guid, again;
	for (size_t i = 0; i < 2; i++) {
		cr_assert(guid_parse(rows[i], strlen(rows[i]), &guid));
		guid_print(&guid, text);
		cr_expect_str_eq(text, rows[0]);
	}
	cr_expect_eq(guid.bytes[0], 0x72);
	cr_expect_eq(guid.bytes[15], 0);
	for (unsigned i = 0; i < 100; i++) {
		guid = guid_new();
		guid_print(&guid, text);
		cr_assert_eq(strlen(text), GUID_TEXT - 1);
		cr_assert(guid_parse(text, strlen(text), &again));
		cr_expect(guid_equal(&guid, &again));
		cr_expect_eq(guid.bytes[6] >> 4, 4, "version 4");
		cr_expect_eq(guid.bytes[8] >> 6, 2);
		again = guid_new();
		cr_expect(!guid_equal(&guid, &again));
	}
}

Test(guid, anything_else_is_refused)
{
	static const char *const rows[] = {
		"", "{}", "{72385235-70fa-11d1-864c-14a30000000}", "{72385235-70fa-11d1-864c-14a3000000000}",
		"{72385235-70fa-11d1-864c-14a300000000", "72385235-70fa-11d1-864c-14a300000000}", "{72385235 70fa-11d1-864c-14a300000000}",
		"{7238523g-70fa-11d1-864c-14a300000000}", "7238523570fa11d1864c14a300000000", "{72385235-70fa11d1-864c-14a3000000000}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct guid guid = {{9}};
		cr_expect(!guid_parse(rows[i], strlen(rows[i]), &guid), "%s", rows[i]);
		cr_expect_eq(guid.bytes[0], 9, "untouched");
	}
}
