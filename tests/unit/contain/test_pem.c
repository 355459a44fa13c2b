/* What is a certificate in PEM, and what is none. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/contain/pem.h"
#include "core/base/memory.h"
#include "tests/unit/contain/certificate.h"

Test(pem, certificates_are_taken)
{
	static const char *const texts[] = {
		CERTIFICATE, "# of the agent\n" CERTIFICATE, CERTIFICATE CERTIFICATE, "\r\n" CERTIFICATE "\r\n",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		cr_expect_null(pem_wrong(texts[i], strlen(texts[i])), "%zu: %s", i, pem_wrong(texts[i], strlen(texts[i])));
}

Test(pem, anything_else_is_refused)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{"", "no certificate"},
		{"hello", "no certificate"},
		{"-----BEGIN CERTIFICATE-----\n", "cut short"},
		{"-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n", "damaged"},
		{"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n", "damaged"},
		{"-----BEGIN CERTIFICATE-----\nMIIB!\n-----END CERTIFICATE-----\n", "damaged"},
		{"-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----\n", "no certificate"},
		{CERTIFICATE "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "damaged"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *wrong = pem_wrong(rows[i].text, strlen(rows[i].text));
		cr_assert_not_null(wrong, "%zu", i);
		cr_expect(strstr(wrong, rows[i].says) != NULL, "%zu: %s", i, wrong);
	}
	cr_expect_not_null(pem_wrong("a\0b", 3), "NUL");
}

Test(pem, cut_anywhere_it_is_refused)
{
	static const char text[] = CERTIFICATE;
	size_t whole = strlen(text) - 1; /* the last line end may go */
	for (size_t length = 0; length < whole; length++) {
		char *copy = memory_text_n(text, length);
		cr_expect_not_null(pem_wrong(copy, length), "%zu bytes of %zu", length, whole);
		free(copy);
	}
}

/* A letter less: the length inside no longer fits. */
Test(pem, a_missing_letter_is_noticed)
{
	static const char text[] = CERTIFICATE;
	const char *body = strchr(text, '\n') + 1;
	char *copy = memory_text(text);
	for (size_t at = (size_t)(body - text) + 8; at < (size_t)(body - text) + 40; at += 4) {
		memcpy(copy, text, at);
		memmove(copy + at, text + at + 4, strlen(text + at + 4) + 1);
		cr_expect_not_null(pem_wrong(copy, strlen(copy)), "%zu", at);
	}
	free(copy);
}
