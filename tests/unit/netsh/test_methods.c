/* Security methods: what is taken, in which spelling, and what is refused. */
#include <criterion/criterion.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/policy/methods.h"

struct row {
	const char *text, *canonical; /* NULL: refused */
};

static void rows_check(const struct row *rows, size_t count,
		       bool (*parse)(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong))
{
	for (size_t i = 0; i < count; i++) {
		struct buffer canonical;
		const char *wrong = NULL;
		buffer_init(&canonical, 4096);
		bool good = parse(rows[i].text, strlen(rows[i].text), &canonical, &wrong);
		cr_expect_eq(good, rows[i].canonical != NULL, "%s", rows[i].text);
		cr_expect_eq(good, wrong == NULL, "%s", rows[i].text);
		cr_expect_str_eq(buffer_text(&canonical), rows[i].canonical != NULL ? rows[i].canonical : "", "%s", rows[i].text);
		cr_expect_eq(parse(rows[i].text, strlen(rows[i].text), NULL, &wrong), good);
		if (good) {
			struct buffer again;
			buffer_init(&again, 4096);
			cr_expect(parse(canonical.data, canonical.length, &again, &wrong));
			cr_expect_str_eq(buffer_text(&again), buffer_text(&canonical));
			buffer_done(&again);
		}
		buffer_done(&canonical);
	}
}

Test(policy_methods, quick_mode)
{
	static const struct row rows[] = {
		{"ESP[3DES,SHA1]", "ESP[3DES,SHA1]"},
		{" esp[des,none]  Ah[sha1] ", "ESP[DES,None] AH[SHA1]"},
		{"AH[MD5]+ESP[None,SHA1]", "AH[MD5]+ESP[None,SHA1]"},
		{"AH[MD5]:204800k/300s ESP[DES,SHA1]:30000K/480S", "AH[MD5]:204800k/300s ESP[DES,SHA1]:30000k/480s"},
		{"ESP[3DES,SHA1]:3600s", "ESP[3DES,SHA1]:3600s"},
		{"ESP[3DES,SHA1]:20480k", "ESP[3DES,SHA1]:20480k"},
		{"ESP[3DES,SHA1]:2147483647k/172799s", "ESP[3DES,SHA1]:2147483647k/172799s"},
		{"", NULL},
		{"  ", NULL},
		{"ESP[None,None]", NULL},
		{"ESP[3DES]", NULL},
		{"ESP[3DES,SHA1", NULL},
		{"ESP[3DES,SHA1]x", NULL},
		{"ESP[3DES,SHA256]", NULL},
		{"ESP[AES,SHA1]", NULL},
		{"ESP:3DES-SHA1", NULL},
		{"AH[None]", NULL},
		{"AH[MD5,SHA1]", NULL},
		{"AH[MD5]+AH[SHA1]", NULL},
		{"ESP[3DES,SHA1]+AH[MD5]", NULL},
		{"3DES-SHA1;AES128-SHA256", NULL},
		{"ESP[3DES,SHA1]:", NULL},
		{"ESP[3DES,SHA1]:3600", NULL},
		{"ESP[3DES,SHA1]:299s", NULL},
		{"ESP[3DES,SHA1]:172800s", NULL},
		{"ESP[3DES,SHA1]:20479k", NULL},
		{"ESP[3DES,SHA1]:2147483648k", NULL},
		{"ESP[3DES,SHA1]:300s/20480k", NULL},
		{"ESP[3DES,SHA1]:300s/300s", NULL},
		{"ESP[3DES,SHA1]:20480k/300s/300s", NULL},
	};
	rows_check(rows, ARRAY_LENGTH(rows), qmsecmethods_parse);
}

Test(policy_methods, main_mode)
{
	static const struct row rows[] = {
		{"3DES-SHA1-2", "3DES-SHA1-2"},
		{"3des-sha1-3 DES-md5-1", "3DES-SHA1-3 DES-MD5-1"},
		{"3DES-SHA1-3 3 DES-SHA1-2", NULL},
		{"3DES-SHA1", NULL},
		{"3DES-SHA1-4", NULL},
		{"3DES-SHA1-2-2", NULL},
		{"None-SHA1-2", NULL},
		{"3DES-None-2", NULL},
		{"AES256-SHA1-2", NULL},
		{"3DES-SHA1-DHGroup2", NULL},
		{"3DES-SHA1 DHGroup2;AES128-SHA256 DHGroup14", NULL},
		{"", NULL},
	};
	rows_check(rows, ARRAY_LENGTH(rows), mmsecmethods_parse);
}

Test(policy_methods, a_list_has_a_limit)
{
	struct buffer text;
	const char *wrong;
	buffer_init(&text, 4096);
	for (int i = 0; i < METHODS_MOST; i++)
		buffer_add_text(&text, "AH[MD5] ");
	cr_expect(qmsecmethods_parse(text.data, text.length, NULL, &wrong));
	buffer_add_text(&text, "AH[MD5]");
	cr_expect_not(qmsecmethods_parse(text.data, text.length, NULL, &wrong));
	cr_expect(strstr(wrong, "64") != NULL);
	buffer_done(&text);
}
