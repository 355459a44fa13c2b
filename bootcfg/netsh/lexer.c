#include "bootcfg/netsh/lexer.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/memory.h"

void lexer_init(struct lexer *lexer)
{
	*lexer = (struct lexer){0};
}

void lexer_done(struct lexer *lexer)
{
	free(lexer->words);
	free(lexer->scratch);
	lexer_init(lexer);
}

static struct word *word_add(struct lexer *lexer)
{
	if (lexer->count == lexer->capacity) {
		lexer->capacity = lexer->capacity > 0 ? lexer->capacity * 2 : 32;
		lexer->words = memory_resize_array(lexer->words, lexer->capacity, sizeof(*lexer->words));
	}
	struct word *word = &lexer->words[lexer->count++];
	*word = (struct word){0};
	return word;
}

static uint32_t origin_of(const struct piece *piece, size_t index)
{
	if (piece->origin == NULL)
		return piece->offset + (uint32_t)index;
	/* Behind the last byte: one more than where that was. */
	return index < piece->length ? piece->origin[index] : piece->origin[piece->length - 1] + 1;
}

/* Where the word came from: start to end (not included) of the piece. */
static void word_place(struct word *word, const struct piece *piece, size_t start, size_t end, size_t value)
{
	uint32_t last = origin_of(piece, end - 1);
	word->at = origin_of(piece, start);
	word->span = last >= word->at ? last - word->at + 1 : 1;
	word->value_at = value < end ? origin_of(piece, value) : last + 1;
}

/* A word with quotes, from `start` on: copied without them.  Returns where it ends. */
static size_t word_unquote(struct word *word, const struct piece *piece, size_t start, char *out)
{
	size_t at = start, length = 0, value = SIZE_MAX;
	bool inside = false;
	for (; at < piece->length && (inside || !ascii_blank(piece->text[at])); at++) {
		size_t backslashes = 0;
		while (at < piece->length && piece->text[at] == '\\') {
			backslashes++;
			at++;
		}
		bool quote = at < piece->length && piece->text[at] == '"';
		bool literal = quote && backslashes % 2 == 1;
		for (size_t i = quote ? backslashes / 2 : backslashes; i > 0; i--)
			out[length++] = '\\';
		if (at == piece->length || (!inside && ascii_blank(piece->text[at])))
			break;
		if (quote && !literal) {
			inside = !inside;
			word->quoted = true;
			word->value_quoted |= value != SIZE_MAX;
			continue;
		}
		if (piece->text[at] == '=' && value == SIZE_MAX) {
			word->equals = (uint32_t)length;
			value = at + 1;
			word->value_quoted = inside;
		}
		out[length++] = piece->text[at];
	}
	word->text = out;
	word->length = (uint32_t)length;
	word->unclosed = inside;
	if (value == SIZE_MAX)
		word->equals = (uint32_t)length;
	word_place(word, piece, start, at, value);
	return at;
}

bool lexer_split(struct lexer *lexer, const struct piece *piece)
{
	size_t used = 0;
	lexer->count = 0;
	for (size_t at = 0; at < piece->length;) {
		if (ascii_blank(piece->text[at])) {
			at++;
			continue;
		}
		if (lexer->count == WORDS_MOST)
			return false;
		struct word *word = word_add(lexer);
		size_t start = at, equals = SIZE_MAX;
		for (; at < piece->length && !ascii_blank(piece->text[at]) && piece->text[at] != '"'; at++)
			if (piece->text[at] == '=' && equals == SIZE_MAX)
				equals = at;
		if (at < piece->length && piece->text[at] == '"') {
			if (lexer->scratch_size < piece->length) {
				/* Words that point there move with it only when none does yet: one size for the whole piece. */
				free(lexer->scratch);
				lexer->scratch = memory_alloc(piece->length);
				lexer->scratch_size = piece->length;
			}
			at = word_unquote(word, piece, start, lexer->scratch + used);
			used += word->length;
			continue;
		}
		word->text = piece->text + start;
		word->length = (uint32_t)(at - start);
		word->equals = equals != SIZE_MAX ? (uint32_t)(equals - start) : word->length;
		word_place(word, piece, start, at, equals != SIZE_MAX ? equals + 1 : SIZE_MAX);
	}
	return true;
}

bool lexer_take(struct lexer *lexer, const char *const *texts, size_t count)
{
	uint32_t at = 0;
	lexer->count = 0;
	if (count > WORDS_MOST)
		return false;
	for (size_t i = 0; i < count; i++) {
		struct word *word = word_add(lexer);
		word->text = texts[i];
		word->length = (uint32_t)strlen(texts[i]);
		const char *equals = memchr(texts[i], '=', word->length);
		word->equals = equals != NULL ? (uint32_t)(equals - texts[i]) : word->length;
		word->at = at;
		word->span = word->length;
		word->value_at = equals != NULL ? at + word->equals + 1 : at + word->length;
		at += word->length + 1;
	}
	return true;
}
