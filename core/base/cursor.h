/* A bounded look at text: every parser of words and numbers goes through these.  Nothing here depends on
 * the locale, and nothing reads past the end. */
#ifndef CORDON_BASE_CURSOR_H
#define CORDON_BASE_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct cursor {
	const char *at, *end;
};

static inline struct cursor cursor_text(const char *text)
{
	return (struct cursor){text, text + strlen(text)};
}

static inline struct cursor cursor_of(const char *text, size_t length)
{
	return (struct cursor){text, text + length};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
	return (size_t)(cursor->end - cursor->at);
}

/* ASCII only, whatever the locale. */
static inline bool ascii_blank(char c) { return c == ' ' || c == '\t'; }
static inline bool ascii_digit(char c) { return c >= '0' && c <= '9'; }
static inline char ascii_lower(char c) { return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c; }

/* Compares without regard to ASCII case: exact, or the first being a prefix of the second. */
bool ascii_equal(const char *a, const char *b);
bool ascii_equal_n(const char *a, size_t a_length, const char *b);
bool ascii_prefix(const char *prefix, size_t prefix_length, const char *whole);

void cursor_skip_blanks(struct cursor *cursor);

/* Takes one given character, or nothing. */
bool cursor_take(struct cursor *cursor, char c);

/* Takes a run of bytes up to (not including) a blank or the end; false when there is none. */
bool cursor_word(struct cursor *cursor, struct cursor *ret_word);

/* Takes an unsigned decimal number of at most `most`; false, and nothing taken, when there is none or it is larger. */
bool cursor_number(struct cursor *cursor, uint64_t most, uint64_t *ret_number);

/* The whole text is one decimal number of at most `most`. */
bool number_parse(const char *text, size_t length, uint64_t most, uint64_t *ret_number);

/* The nearest of the names to a misspelt word (edit distance at most 2, and less than half its length), or
 * NULL.  The list ends with NULL. */
const char *word_nearest(const char *word, size_t length, const char *const names[]);

/* How many insertions, deletions, changes and swaps apart two words are, ASCII case aside; words longer
 * than 63 bytes are 99 apart. */
unsigned word_distance(const char *a, size_t a_length, const char *b);

#endif
