/* Words of one command line, by the argv rule of the C runtime that netsh.exe is built with: blanks separate,
 * double quotes hold together, a run of backslashes before a quote is halved and an odd one makes the quote
 * literal.  Every word knows where it came from, also when variables were replaced before. */
#ifndef CORDON_BOOTCFG_NETSH_LEXER_H
#define CORDON_BOOTCFG_NETSH_LEXER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"

/* A piece of text and where in the script each byte of it was. */
struct piece {
	const char *text;
	size_t length;
	const uint32_t *origin; /* of each byte; NULL: the text is the script's own, from `offset` on */
	uint32_t offset;
};

struct word {
	const char *text;     /* without quotes; borrowed from the piece or from the lexer */
	uint32_t length;
	uint32_t at, span;    /* in the script, quotes included */
	uint32_t equals;      /* index of the first `=`; length when there is none */
	uint32_t value_at;    /* in the script: what follows that `=` */
	bool quoted;          /* some of it was in quotes */
	bool value_quoted;    /* a quote stood after the first `=` (or around the whole word) */
	bool unclosed;        /* the quote was not closed before the end of the line */
};

struct lexer {
	struct word *words;
	size_t count, capacity;
	char *scratch;        /* the words that had quotes */
	size_t scratch_size;
};

enum { WORDS_MOST = 1000 }; /* in one command */

void lexer_init(struct lexer *lexer);
void lexer_done(struct lexer *lexer);

/* Splits a piece; the words before are forgotten.  False when there are more than WORDS_MOST. */
bool lexer_split(struct lexer *lexer, const struct piece *piece);
/* Takes words as they are, from argv: `texts` joined by single blanks is the script. */
bool lexer_take(struct lexer *lexer, const char *const *texts, size_t count);

#endif
