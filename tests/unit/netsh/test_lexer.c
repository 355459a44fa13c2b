/* Words of a command line: blanks, quotes, backslashes, and where each word came from. */
#include <criterion/criterion.h>
#include <string.h>

#include "bootcfg/netsh/lexer.h"
#include "core/base/attr.h"

/* The words in | |, a `=` that separates as a `:`; a word whose value was quoted ends in ", an unclosed one in !. */
static void words_print(const struct lexer *lexer, struct buffer *out)
{
	buffer_clear(out);
	for (size_t i = 0; i < lexer->count; i++) {
		const struct word *word = &lexer->words[i];
		buffer_add_char(out, '|');
		buffer_add(out, word->text, word->equals);
		if (word->equals < word->length) {
			buffer_add_char(out, ':');
			buffer_add(out, word->text + word->equals + 1, word->length - word->equals - 1);
		}
		if (word->value_quoted)
			buffer_add_char(out, '"');
		if (word->unclosed)
			buffer_add_char(out, '!');
	}
	buffer_add_char(out, '|');
}

Test(netsh_lexer, splits_by_the_argv_rule)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"", "|"},
		{"  \t ", "|"},
		{"add policy x", "|add|policy|x|"},
		{"\tname=x  y ", "|name:x|y|"},
		{"name = x", "|name|:|x|"},
		{"name =x", "|name|:x|"},
		{"name= x", "|name:|x|"},
		{"name=\"a b\"", "|name:a b\"|"},
		{"\"name=a b\" c", "|name:a b\"|c|"},
		{"name=\"\" c", "|name:\"|c|"},
		{"na\"me=a\"b", "|name:ab\"|"},
		{"psk=a=b==", "|psk:a=b==|"},
		{"\"\" x", "||x|"},
		{"a\"b c\"d", "|ab cd|"},
		{"\"a\\\"b\" c", "|a\"b|c|"},
		{"\"a\\\\\" c", "|a\\|c|"},
		{"\"a\\\\\\\"b\" c", "|a\\\"b|c|"},
		{"C:\\x\\y \"C:\\x y\\z\"", "|C:\\x\\y|C:\\x y\\z|"},
		{"\"open to the end", "|open to the end!|"},
		{"x=\"open", "|x:open\"!|"},
		{"a\\", "|a\\|"},
		{"\"a\\", "|a\\!|"},
		{"rootca=\"C=US,O=\\'R\\' certmap:yes\"", "|rootca:C=US,O=\\'R\\' certmap:yes\"|"},
	};
	struct lexer lexer;
	struct buffer out;
	lexer_init(&lexer);
	buffer_init(&out, 4096);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct piece piece = {.text = rows[i].line, .length = strlen(rows[i].line)};
		cr_expect(lexer_split(&lexer, &piece));
		words_print(&lexer, &out);
		cr_expect_str_eq(buffer_text(&out), rows[i].words, "%s: %s, not %s", rows[i].line, buffer_text(&out), rows[i].words);
	}
	buffer_done(&out);
	lexer_done(&lexer);
}

Test(netsh_lexer, knows_where_words_and_values_were)
{
	static const char line[] = "add \"name=a b\" desc=\"x\" last";
	const struct piece piece = {.text = line, .length = sizeof(line) - 1, .offset = 100};
	static const struct {
		uint32_t at, span, value_at;
	} expected[] = {{100, 3, 103}, {104, 10, 110}, {115, 8, 120}, {124, 4, 128}};
	struct lexer lexer;
	lexer_init(&lexer);
	cr_assert(lexer_split(&lexer, &piece));
	cr_assert_eq(lexer.count, ARRAY_LENGTH(expected));
	for (size_t i = 0; i < ARRAY_LENGTH(expected); i++) {
		cr_expect_eq(lexer.words[i].at, expected[i].at, "word %zu starts at %u", i, lexer.words[i].at);
		cr_expect_eq(lexer.words[i].span, expected[i].span, "word %zu spans %u", i, lexer.words[i].span);
		cr_expect_eq(lexer.words[i].value_at, expected[i].value_at, "value %zu is at %u", i, lexer.words[i].value_at);
	}
	lexer_done(&lexer);
}

Test(netsh_lexer, refuses_more_words_than_its_limit)
{
	static char line[2 * WORDS_MOST + 2];
	for (size_t i = 0; i + 1 < sizeof(line); i++)
		line[i] = i % 2 == 0 ? 'w' : ' ';
	struct lexer lexer;
	lexer_init(&lexer);
	const struct piece good = {.text = line, .length = 2 * WORDS_MOST}, bad = {.text = line, .length = sizeof(line) - 1};
	cr_expect(lexer_split(&lexer, &good));
	cr_expect_eq(lexer.count, WORDS_MOST);
	cr_expect_not(lexer_split(&lexer, &bad));
	lexer_done(&lexer);
}
