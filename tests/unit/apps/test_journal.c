/* What history remembers of a command: no secrets, no flood. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "apps/journal.h"
#include "core/base/memory.h"

enum { WORDS_MOST = 24 };

static void journal_of(const char *const *words, struct buffer *buffer)
{
	const char *copy[WORDS_MOST];
	struct invocation invocation = {.command = &netsh_command, .words = copy};
	while (words[invocation.word_count] != NULL) {
		copy[invocation.word_count] = words[invocation.word_count];
		invocation.word_count++;
	}
	buffer_init(buffer, 1u << 22);
	journal_print(&invocation, buffer);
}

Test(journal, hides_keys_however_they_are_written)
{
	static const char *const rows[][WORDS_MOST] = {
		{"add", "rule", "name=r", "psk=S3cret"},
		{"add", "rule", "name=r", "PSK=S3cret"},
		{"add", "rule", "name=r", "ps=S3cret"},
		{"add", "rule", "name=r", "psk = S3cret"},
		{"add", "rule", "name=r", "psk=S3cret with blanks"},
		{"add", "rule", "name=r", "\"psk=S3cret\""},
		{"add", "rule", "name=r", "psk", "=", "S3cret"},
		{"add", "rule", "name=r", "psk=", "S3cret"},
		{"add", "rule", "name=r", "psk", "=S3cret"},
		{"set", "rule", "name=r", "policy=p", "psk=a=b=S3cret"},
		{"set", "defaultrule", "p", "no", "no", "m", "no", "S3cret"},
		{"add", "rule", "r", "p", "l", "a", "t", "all", "yes", "d", "no", "S3cret"},
		{"dynamic", "set", "rule", "psk=S3cret"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer text;
		journal_of(rows[i], &text);
		cr_expect(strstr(buffer_text(&text), "S3cret") == NULL, "row %zu: %s", i, buffer_text(&text));
		cr_expect(strstr(buffer_text(&text), "***") != NULL, "row %zu: %s", i, buffer_text(&text));
		buffer_done(&text);
	}
}

Test(journal, keeps_the_rest)
{
	static const struct {
		const char *words[WORDS_MOST];
		const char *text;
	} rows[] = {
		{{"ipsec", "static", "add", "policy", "name=web"}, "netsh ipsec static add policy name=web"},
		{{"add", "policy", "name=my web"}, "netsh add policy \"name=my web\""},
		{{"add", "policy", "name="}, "netsh add policy name="},
		{{"add", "policy", "a\nb"}, "netsh add policy \"a\\x0Ab\""},
		{{"add", "rule", "name=r", "policy=p", "filterlist=l", "filteraction=a", "activate=yes"},
		 "netsh add rule name=r policy=p filterlist=l filteraction=a activate=yes"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer text;
		journal_of(rows[i].words, &text);
		cr_expect(strcasecmp(buffer_text(&text), rows[i].text) == 0, "%s", buffer_text(&text));
		buffer_done(&text);
	}
}

Test(journal, is_bounded_and_cut_between_characters)
{
	for (size_t shift = 0; shift < 4; shift++) {
		char *word = memory_alloc(100000);
		memset(word, 'x', shift);
		for (size_t i = shift; i + 4 < 99999; i += 2)
			memcpy(word + i, "\xc3\xa9", 2);
		const char *words[] = {"add", word, NULL};
		struct buffer text;
		journal_of(words, &text);
		cr_expect_leq(text.length, JOURNAL_MOST + 4u);
		size_t end = text.length - 4;
		cr_expect_str_eq(buffer_text(&text) + end, " ...");
		cr_expect(((unsigned char)text.data[end - 1] & 0xc0) != 0xc0, "cut inside a character");
		buffer_done(&text);
		free(word);
	}
}

Test(journal, hides_values_whose_name_speaks_of_a_secret)
{
	static const struct option set = {.name = "set", .argument = "NAME=VALUE", .help = "h"};
	struct given given[] = {{&set, "agentkey=S3cret"}, {&set, "Password=S3cret"}, {&set, "site=203.0.113.9"}};
	const char *words[] = {"quarantine"};
	struct invocation invocation = {.command = &load_command, .words = words, .word_count = 1, .given = given, .given_count = 3};
	struct buffer text;
	buffer_init(&text, 65536);
	journal_print(&invocation, &text);
	cr_expect_str_eq(buffer_text(&text), "load --set agentkey=*** --set Password=*** --set site=203.0.113.9 quarantine");
	buffer_done(&text);
}
