#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"

Test(cursor, compares_without_ascii_case)
{
	static const struct {
		const char *a, *b;
		bool equal, prefix;
	} rows[] = {
		{"", "", true, true}, {"a", "A", true, true}, {"Name", "nAME", true, true}, {"nam", "name", false, true},
		{"name", "nam", false, false}, {"", "x", false, true}, {"x", "", false, false}, {"\xc3\x84", "\xc3\xa4", false, false},
		{"[", "{", false, false}, {"@", "`", false, false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		cr_expect_eq(ascii_equal(rows[i].a, rows[i].b), rows[i].equal, "%s %s", rows[i].a, rows[i].b);
		cr_expect_eq(ascii_prefix(rows[i].a, strlen(rows[i].a), rows[i].b), rows[i].prefix, "%s %s", rows[i].a, rows[i].b);
	}
	cr_expect(ascii_equal_n("name=x", 4, "NAME"));
	cr_expect(!ascii_equal_n("name=x", 5, "NAME"));
}

Test(cursor, words_end_at_blanks)
{
	struct cursor cursor = cursor_text(" \tone two\t three"), word;
	static const char *const words[] = {"one", "two", "three"};
	for (size_t i = 0; i < 3; i++) {
		cursor_skip_blanks(&cursor);
		cr_assert(cursor_word(&cursor, &word));
		cr_expect_eq(cursor_left(&word), strlen(words[i]));
		cr_expect_eq(memcmp(word.at, words[i], strlen(words[i])), 0);
	}
	cr_expect(!cursor_word(&cursor, &word));
	cursor = cursor_text("ab");
	cr_expect(!cursor_take(&cursor, 'b'));
	cr_expect(cursor_take(&cursor, 'a') && cursor_take(&cursor, 'b') && !cursor_take(&cursor, '\0'));
}

Test(cursor, numbers_are_strict)
{
	static const struct {
		const char *text;
		uint64_t most;
		bool good;
		uint64_t number;
	} rows[] = {
		{"0", 9, true, 0}, {"65535", 65535, true, 65535}, {"65536", 65535, false, 0}, {"007", 9, true, 7}, {"", 9, false, 0},
		{" 1", 9, false, 0}, {"1 ", 9, false, 0}, {"+1", 9, false, 0}, {"-1", 9, false, 0}, {"1x", 9, false, 0}, {"0x1", 9, false, 0},
		{"18446744073709551615", UINT64_MAX, true, UINT64_MAX}, {"18446744073709551616", UINT64_MAX, false, 0},
		{"99999999999999999999999999", UINT64_MAX, false, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint64_t number = 77;
		/* A copy of the exact length: reading on would be seen. */
		char *copy = malloc(strlen(rows[i].text) + 1);
		memcpy(copy, rows[i].text, strlen(rows[i].text));
		cr_expect_eq(number_parse(copy, strlen(rows[i].text), rows[i].most, &number), rows[i].good, "%s", rows[i].text);
		cr_expect_eq(number, rows[i].good ? rows[i].number : 77, "%s", rows[i].text);
		free(copy);
	}
	struct cursor cursor = cursor_text("12ab");
	uint64_t number;
	cr_expect(cursor_number(&cursor, 99, &number) && number == 12 && *cursor.at == 'a');
	cr_expect(!cursor_number(&cursor, 99, &number) && *cursor.at == 'a');
}

Test(cursor, distances_count_changes)
{
	static const struct {
		const char *a, *b;
		unsigned distance;
	} rows[] = {
		{"", "", 0}, {"abc", "ABC", 0}, {"abc", "abd", 1}, {"abc", "ab", 1}, {"ab", "abc", 1}, {"abc", "acb", 1}, {"", "abc", 3},
		{"kitten", "sitting", 3}, {"filterlist", "fliterlist", 1}, {"srcaddr", "dstaddr", 3},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		cr_expect_eq(word_distance(rows[i].a, strlen(rows[i].a), rows[i].b), rows[i].distance, "%s %s", rows[i].a, rows[i].b);
	char text[100];
	memset(text, 'a', sizeof(text));
	cr_expect_eq(word_distance(text, 64, "a"), 99);
	cr_expect_neq(word_distance(text, 63, "a"), 99);
}

Test(cursor, the_nearest_word_is_near)
{
	static const char *const names[] = {"permit", "block", "negotiate", "any", NULL};
	static const struct {
		const char *word, *nearest;
	} rows[] = {
		{"permti", "permit"}, {"blok", "block"}, {"PERMIT", "permit"}, {"negociate", "negotiate"}, {"nay", "any"}, {"xy", NULL},
		{"", NULL}, {"something", NULL}, {"an", NULL},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *nearest = word_nearest(rows[i].word, strlen(rows[i].word), names);
		cr_expect((nearest == NULL) == (rows[i].nearest == NULL), "%s gives %s", rows[i].word, nearest);
		if (nearest != NULL && rows[i].nearest != NULL)
			cr_expect_str_eq(nearest, rows[i].nearest, "%s", rows[i].word);
	}
}
