/* The text of a query as tokens, each with its place. */
#ifndef CORDON_LOGPARSE_QUERY_LEXER_H
#define CORDON_LOGPARSE_QUERY_LEXER_H

#include "core/base/cursor.h"
#include "core/base/diag.h"

enum token_kind {
	TOKEN_END,
	TOKEN_WORD,     /* keyword, name */
	TOKEN_QUOTED,   /* name in "…", […] or `…` */
	TOKEN_STRING,   /* '…' */
	TOKEN_NUMBER,
	TOKEN_SYMBOL,   /* one character, or one of <> <= >= != == || << >> */
};
struct token {
	enum token_kind kind;
	uint32_t at, length;   /* in the text, quotes included */
};

struct lexer {
	const char *text;      /* UTF-8 without controls: lexer_check has looked */
	size_t length;
	size_t at;
	const char *file;
	struct diag *diag;
};

/* ERROR_INPUT when there are bytes in it that no query has. */
int lexer_check(const struct lexer *lexer);
/* The next token; blanks and comments are passed over.  ERROR_INPUT: a string, name or comment that does not end. */
int lexer_next(struct lexer *lexer, struct token *ret_token);
/* The name of a file, at this place: in quotes, or all up to a blank, a comma, a parenthesis or a semicolon.  TOKEN_END: none. */
int lexer_name(struct lexer *lexer, struct token *ret_token);

bool token_is(const struct lexer *lexer, const struct token *token, const char *word);
/* Whether a byte can be within a word. */
bool word_byte(char c);

/* An error at a place in the text. */
void lexer_place(const struct lexer *lexer, size_t at, size_t length, struct place *ret_place);

/* What a string or quoted name says, without its quotes. */
void token_text(const struct lexer *lexer, const struct token *token, struct buffer *buffer);

#endif
