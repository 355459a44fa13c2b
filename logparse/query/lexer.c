#include "logparse/query/lexer.h"

#include "core/base/error.h"
#include "core/base/utf8.h"

void lexer_place(const struct lexer *lexer, size_t at, size_t length, struct place *ret_place)
{
	size_t start = at, line = 1;
	while (start > 0 && lexer->text[start - 1] != '\n')
		start--;
	for (size_t i = 0; i < start; i++)
		line += lexer->text[i] == '\n';
	const char *end = memchr(lexer->text + start, '\n', lexer->length - start);
	*ret_place = (struct place){
		.file = lexer->file, .line = (uint32_t)line, .column = (uint32_t)(at - start + 1), .length = (uint32_t)length,
		.source = lexer->text + start, .source_length = end != NULL ? (size_t)(end - lexer->text) - start : lexer->length - start,
	};
}

static int lexer_error(const struct lexer *lexer, size_t at, size_t length, const char *text)
{
	struct place place;
	lexer_place(lexer, at, length, &place);
	diag_error(lexer->diag, &place, "%s", text);
	return ERROR_INPUT;
}

int lexer_check(const struct lexer *lexer)
{
	size_t bad;
	if (!utf8_check(lexer->text, lexer->length, &bad))
		return lexer_error(lexer, bad, 1, "a byte that is not UTF-8");
	for (size_t i = 0; i < lexer->length; i++) {
		unsigned char c = (unsigned char)lexer->text[i];
		if ((c < ' ' && c != '\t' && c != '\n' && c != '\r') || c == 0x7f)
			return lexer_error(lexer, i, 1, "a control character");
	}
	return 0;
}

bool word_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || ascii_digit(c) || c == '_' || c == '$' || c == '#' || (unsigned char)c >= 0x80;
}

static char char_at(const struct lexer *lexer, size_t at)
{
	return at < lexer->length ? lexer->text[at] : '\0';
}

static int blanks_pass(struct lexer *lexer)
{
	for (;;) {
		char c = char_at(lexer, lexer->at);
		if (c == ' ' || c == '\t' || c == '\n' || c == '\r') {
			lexer->at++;
		} else if (c == '-' && char_at(lexer, lexer->at + 1) == '-') {
			while (lexer->at < lexer->length && lexer->text[lexer->at] != '\n')
				lexer->at++;
		} else if (c == '/' && char_at(lexer, lexer->at + 1) == '*') {
			size_t start = lexer->at;
			for (lexer->at += 2; lexer->at < lexer->length; lexer->at++)
				if (lexer->text[lexer->at] == '*' && char_at(lexer, lexer->at + 1) == '/')
					break;
			if (lexer->at >= lexer->length)
				return lexer_error(lexer, start, 2, "a comment that does not end: */ is missing");
			lexer->at += 2;
		} else {
			return 0;
		}
	}
}

/* From the opening quote to the closing one; a doubled one is within. */
static int quoted_pass(struct lexer *lexer, char close, struct token *token)
{
	size_t start = lexer->at++;
	for (; lexer->at < lexer->length; lexer->at++) {
		if (lexer->text[lexer->at] != close)
			continue;
		if (close == ']' || char_at(lexer, lexer->at + 1) != close)
			break;
		lexer->at++;
	}
	if (lexer->at >= lexer->length)
		return lexer_error(lexer, start, 1, close == '\'' ? "a text that does not end: ' is missing" : "a name in quotes that does not end");
	lexer->at++;
	*token = (struct token){close == '\'' ? TOKEN_STRING : TOKEN_QUOTED, (uint32_t)start, (uint32_t)(lexer->at - start)};
	return 0;
}

/* 12, 1.5, .5, 1e9, 0x1f */
static void number_pass(struct lexer *lexer)
{
	const char *text = lexer->text;
	if (text[lexer->at] == '0' && (char_at(lexer, lexer->at + 1) | 0x20) == 'x') {
		for (lexer->at += 2; word_byte(char_at(lexer, lexer->at));)
			lexer->at++;
		return;
	}
	bool point = false;
	for (; lexer->at < lexer->length; lexer->at++) {
		char c = text[lexer->at], next = char_at(lexer, lexer->at + 1);
		bool exponent = (c | 0x20) == 'e' && (ascii_digit(next) || ((next == '-' || next == '+') && ascii_digit(char_at(lexer, lexer->at + 2))));
		if (exponent)
			lexer->at += !ascii_digit(next);
		else if (c == '.' && !point)
			point = true;
		else if (!ascii_digit(c))
			break;
	}
}

static size_t symbol_length(const struct lexer *lexer)
{
	static const char pairs[][3] = {"<>", "<=", ">=", "!=", "==", "||", "<<", ">>"};
	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (lexer->text[lexer->at] == pairs[i][0] && char_at(lexer, lexer->at + 1) == pairs[i][1])
			return 2;
	return 1;
}

int lexer_next(struct lexer *lexer, struct token *ret_token)
{
	int error = blanks_pass(lexer);
	if (error < 0)
		return error;
	size_t start = lexer->at;
	char c = char_at(lexer, start);
	*ret_token = (struct token){TOKEN_END, (uint32_t)start, 0};
	if (start == lexer->length)
		return 0;
	if (c == '\'' || c == '"' || c == '`' || c == '[')
		return quoted_pass(lexer, c == '[' ? ']' : c, ret_token);
	/* What a word processor makes of quotes. */
	if (lexer->length - start >= 3 && memcmp(lexer->text + start, "\xe2\x80", 2) == 0 && ((unsigned char)lexer->text[start + 2] & 0xf8u) == 0x98)
		return lexer_error(lexer, start, 3, "a typographic quote: texts stand between '…'");
	if (ascii_digit(c) || (c == '.' && ascii_digit(char_at(lexer, start + 1)))) {
		number_pass(lexer);
		ret_token->kind = TOKEN_NUMBER;
	} else if (word_byte(c)) {
		while (word_byte(char_at(lexer, lexer->at)))
			lexer->at++;
		ret_token->kind = TOKEN_WORD;
	} else {
		lexer->at += symbol_length(lexer);
		ret_token->kind = TOKEN_SYMBOL;
	}
	ret_token->length = (uint32_t)(lexer->at - start);
	return 0;
}

int lexer_name(struct lexer *lexer, struct token *ret_token)
{
	int error = blanks_pass(lexer);
	if (error < 0)
		return error;
	size_t start = lexer->at;
	char c = char_at(lexer, start);
	if (c == '\'' || c == '"' || c == '[')
		return quoted_pass(lexer, c == '[' ? ']' : c, ret_token);
	while (lexer->at < lexer->length && strchr(" \t\r\n,();", lexer->text[lexer->at]) == NULL)
		lexer->at++;
	*ret_token = (struct token){lexer->at > start ? TOKEN_WORD : TOKEN_END, (uint32_t)start, (uint32_t)(lexer->at - start)};
	return 0;
}

bool token_is(const struct lexer *lexer, const struct token *token, const char *word)
{
	return (token->kind == TOKEN_WORD || token->kind == TOKEN_SYMBOL) && ascii_equal_n(lexer->text + token->at, token->length, word);
}

void token_text(const struct lexer *lexer, const struct token *token, struct buffer *buffer)
{
	const char *at = lexer->text + token->at, *end = at + token->length;
	if (token->kind != TOKEN_STRING && token->kind != TOKEN_QUOTED) {
		buffer_add(buffer, at, token->length);
		return;
	}
	char close = *at == '[' ? ']' : *at;
	for (at++, end--; at < end; at++) {
		buffer_add_char(buffer, *at);
		at += *at == close && close != ']';
	}
}
