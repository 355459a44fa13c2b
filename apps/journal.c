#include "apps/journal.h"

#include <string.h>

#include "core/base/cursor.h"

/* A word such that it could be typed again. */
static void word_add(struct buffer *buffer, const char *word)
{
	bool plain = *word != '\0';
	for (const char *at = word; *at != '\0' && plain; at++)
		plain = *at > ' ' && *at < 0x7f && strchr("\"'\\&|<>$`*?;()#~", *at) == NULL;
	buffer_add_char(buffer, ' ');
	if (plain)
		buffer_add_text(buffer, word);
	else
		buffer_add_quoted(buffer, word, strlen(word));
}

/* Whether text speaks of a secret: "psk", "agentkey", "password". */
static bool is_secret_name(const char *name, size_t length)
{
	static const char *const parts[] = {"psk", "key", "secret", "pass", "token"};
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		for (size_t at = 0; at + strlen(parts[i]) <= length; at++)
			if (ascii_equal_n(name + at, strlen(parts[i]), parts[i]))
				return true;
	return false;
}

static void given_add(struct buffer *buffer, const struct given *given)
{
	buffer_printf(buffer, " --%s", given->option->name);
	if (given->option->argument == NULL)
		return;
	size_t length = strcspn(given->value, "=");
	if (given->value[length] == '=' && is_secret_name(given->value, length))
		buffer_printf(buffer, " %.*s=***", (int)(length < 64 ? length : 64), given->value);
	else
		word_add(buffer, given->value);
}

/* What the words before say about the next one. */
struct masker {
	size_t arguments; /* after `rule` or `defaultrule`; 0: that has not been met */
	bool is_rule;
	bool key_next;    /* `psk =` stood before */
};

enum { POSITIONAL_KEY = 6 }; /* the first place in which a key without its tag can stand: set defaultrule */

/* psk=KEY in all the ways that netsh takes it: in quotes, shortened, with blanks around the sign, and as the value in
 * its place without the tag. */
static bool word_is_secret(struct masker *masker, const char *word, size_t *ret_shown)
{
	const char *start = *word == '"' ? word + 1 : word;
	size_t tag = strcspn(start, "=");
	size_t name = tag;
	while (name > 0 && ascii_blank(start[name - 1]))
		name--;
	bool signed_word = start[tag] == '=';
	bool is_key = name >= 2 && ascii_prefix(start, name, "psk");
	*ret_shown = signed_word && tag > 0 ? (size_t)(start - word) + tag + 1 : 0;
	if (masker->key_next && !(tag == 0 && signed_word && start[1] == '\0')) {
		masker->key_next = false;
		*ret_shown = 0;
		return true;
	}
	if (is_key && (!signed_word || start[tag + 1] == '\0')) {
		masker->key_next = true;
		return false;
	}
	if (is_key)
		return true;
	if (masker->is_rule)
		masker->arguments++;
	else
		masker->is_rule = ascii_equal(word, "rule") || ascii_prefix(word, strlen(word), "defaultrule");
	*ret_shown = 0;
	return masker->is_rule && !signed_word && masker->arguments >= POSITIONAL_KEY;
}

void journal_print(const struct invocation *invocation, struct buffer *buffer)
{
	buffer_add_text(buffer, invocation->command->name);
	if (invocation->has_location)
		buffer_printf(buffer, " --location %s", location_name(invocation->location));
	for (size_t i = 0; i < invocation->given_count; i++)
		given_add(buffer, &invocation->given[i]);
	struct masker masker = {0};
	for (size_t i = 0; i < invocation->word_count && buffer->length < JOURNAL_MOST; i++) {
		const char *word = invocation->words[i];
		size_t shown;
		if (!invocation->command->raw || !word_is_secret(&masker, word, &shown)) {
			word_add(buffer, word);
			continue;
		}
		buffer_add_char(buffer, ' ');
		buffer_add(buffer, word, shown);
		buffer_add_text(buffer, "***");
	}
	if (buffer->length > JOURNAL_MOST) {
		/* Cut between characters, never inside one. */
		size_t length = JOURNAL_MOST;
		while (length > 0 && ((unsigned char)buffer->data[length] & 0xc0) == 0x80)
			length--;
		char *text = buffer->data;
		text[length] = '\0';
		buffer->length = length;
		buffer_add_text(buffer, " ...");
	}
}
