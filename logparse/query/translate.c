/* The pieces of a query as SQLite's SQL: names with dashes, functions, strings. */
#include "core/base/error.h"
#include "core/base/utf16.h"
#include "logparse/query/functions.h"
#include "logparse/query/parts.h"

enum { SQL_MOST = 1 << 20, DATA_MOST = 64, NESTED_MOST = 4 };

struct translating {
	struct query *query;
	const struct lexer *lexer;
	struct translation *to;
	const char *const *columns; /* of all tables */
	unsigned nested;            /* PROPCOUNT within PROPCOUNT */
	bool spelled;               /* names of columns of the result stand for what they name */
};

static int translate_error(const struct translating *translating, const struct token *token, const char *text)
{
	struct place place;
	lexer_place(translating->lexer, token->at, token->length, &place);
	diag_error(translating->lexer->diag, &place, "%s", text);
	return ERROR_INPUT;
}

/* --- What is written, and where it came from --- */

static void part_begin(struct translating *translating, const struct token *token)
{
	struct translation *to = translating->to;
	if (to->sql.length > 0)
		buffer_add_char(&to->sql, ' ');
	to->map = arena_grow(translating->query->arena, to->map, to->count, &to->capacity, sizeof(*to->map));
	to->map[to->count++] = (struct mapping){(uint32_t)to->sql.length, token->at, token->length};
}

static void name_add(struct buffer *sql, const char *name, size_t length)
{
	buffer_add_char(sql, '"');
	for (size_t i = 0; i < length; i++) {
		buffer_add_char(sql, name[i]);
		if (name[i] == '"')
			buffer_add_char(sql, '"');
	}
	buffer_add_char(sql, '"');
}

static bool hex_unit(const char *at, const char *end, unsigned *ret_unit)
{
	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return false;
	*ret_unit = 0;
	for (int i = 2; i < 6; i++) {
		char c = ascii_lower(at[i]);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		*ret_unit = *ret_unit << 4 | (unsigned)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	return true;
}

/* \u0027 is a character; all other backslashes stand for themselves (C:\Windows). */
static void string_add(struct translating *translating, const struct token *token)
{
	struct buffer *sql = &translating->to->sql;
	const char *at = translating->lexer->text + token->at + 1, *end = at + token->length - 2;
	buffer_add_char(sql, '\'');
	while (at < end) {
		char units[4];
		unsigned unit, low;
		if (!hex_unit(at, end, &unit)) {
			buffer_add_char(sql, *at++);
			continue;
		}
		bool pair = (unit & 0xfc00) == 0xd800 && hex_unit(at + 6, end, &low) && (low & 0xfc00) == 0xdc00;
		units[0] = (char)(unit & 255);
		units[1] = (char)(unit >> 8);
		units[2] = (char)(pair ? low & 255 : 0);
		units[3] = (char)(pair ? low >> 8 : 0);
		if (unit == '\'')
			buffer_add_text(sql, "''");
		else if (unit == 0 || !utf16_decode(units, pair ? 4 : 2, UTF16_LITTLE, sql, NULL))
			buffer_add_text(sql, "\xef\xbf\xbd");
		at += pair ? 12 : 6;
	}
	buffer_add_char(sql, '\'');
}

/* --- Names --- */

/* The longest name of a column that begins here and is not the beginning of a longer word. */
static const char *column_here(const struct translating *translating, size_t at, size_t *ret_length)
{
	const char *text = translating->lexer->text, *best = NULL;
	size_t left = translating->lexer->length - at, best_length = 0;
	for (size_t i = 0; translating->columns[i] != NULL; i++) {
		size_t length = strlen(translating->columns[i]);
		if (length <= best_length || length > left || !ascii_equal_n(text + at, length, translating->columns[i]))
			continue;
		if (length < left && word_byte(text[at + length]) && word_byte(text[at + length - 1]))
			continue;
		best = translating->columns[i];
		best_length = length;
	}
	*ret_length = best_length;
	return best;
}

static bool piece_symbol(const struct translating *translating, size_t at, const char *symbol)
{
	const struct query *query = translating->query;
	return at < query->piece_count && query->pieces[at].kind == PIECE_TOKEN && token_is(translating->lexer, &query->pieces[at].token, symbol);
}

/* The piece after the parenthesis that closes the one at `open`. */
static size_t close_find(const struct translating *translating, size_t open)
{
	size_t depth = 0, at = open;
	for (; at < translating->query->piece_count; at++) {
		depth += piece_symbol(translating, at, "(");
		depth -= piece_symbol(translating, at, ")");
		if (depth == 0)
			break;
	}
	return at + 1;
}

static int range_add(struct translating *translating, size_t from, size_t to);
static int spelled_add(struct translating *translating, size_t piece, size_t *ret_next);

static void text_part(struct translating *translating, const struct token *token, const char *sql)
{
	part_begin(translating, token);
	buffer_add_text(&translating->to->sql, sql);
}

/* PROPCOUNT(*) is the part that a group has of all groups; ON (a, b): of those with the same a and b. */
static int share_add(struct translating *translating, size_t at, const char *function, size_t *ret_next)
{
	const struct token *token = &translating->query->pieces[at].token;
	size_t open = at + 1, close = close_find(translating, open), next = close, on = 0;
	if (translating->nested == NESTED_MOST)
		return translate_error(translating, token, "nested too deeply");
	translating->nested++;
	text_part(translating, token, "(CAST(");
	text_part(translating, token, function);
	int error = range_add(translating, open, close);
	text_part(translating, token, "AS REAL) / SUM(");
	text_part(translating, token, function);
	if (error == 0)
		error = range_add(translating, open, close);
	text_part(translating, token, ") OVER (");
	if (piece_symbol(translating, next, "ON") && piece_symbol(translating, next + 1, "(")) {
		on = next + 2;
		next = close_find(translating, next + 1);
		text_part(translating, token, "PARTITION BY");
		if (error == 0)
			error = range_add(translating, on, next - 1);
	}
	text_part(translating, token, "))");
	translating->nested--;
	*ret_next = next;
	return error;
}

/* DATA('SourceAddress'): a value of the event's data, by its name or its number. */
static int data_name(const struct translating *translating, size_t at, struct buffer *name)
{
	const struct query *query = translating->query;
	const struct piece *piece = at + 2 < query->piece_count ? &query->pieces[at + 2] : NULL;
	bool good = piece != NULL && piece->kind == PIECE_TOKEN && piece_symbol(translating, at + 3, ")") &&
		    (piece->token.kind == TOKEN_STRING || piece->token.kind == TOKEN_NUMBER);
	if (good)
		token_text(translating->lexer, &piece->token, name);
	if (!good || name->length == 0)
		return translate_error(translating, &query->pieces[at].token, "DATA needs the name of a value, or its number: DATA('SourceAddress'), DATA(2)");
	return 0;
}

static int data_add(struct translating *translating, size_t at)
{
	struct buffer name;
	buffer_init(&name, 1024);
	int error = data_name(translating, at, &name);
	if (error == 0) {
		part_begin(translating, &translating->query->pieces[at].token);
		buffer_add_text(&translating->to->sql, "\"data:");
		for (size_t i = 0; i < name.length; i++) {
			buffer_add_char(&translating->to->sql, name.data[i]);
			if (name.data[i] == '"')
				buffer_add_char(&translating->to->sql, '"');
		}
		buffer_add_char(&translating->to->sql, '"');
	}
	buffer_done(&name);
	return error;
}

/* What is written otherwise here than in SQL; *ret_next stays 0 when it is not. */
static int call_add(struct translating *translating, size_t at, size_t *ret_next)
{
	const struct token *token = &translating->query->pieces[at].token;
	const struct lexer *lexer = translating->lexer;
	if (token_is(lexer, token, "PROPCOUNT"))
		return share_add(translating, at, "COUNT", ret_next);
	if (token_is(lexer, token, "PROPSUM"))
		return share_add(translating, at, "SUM", ret_next);
	if (token_is(lexer, token, "DATA")) {
		*ret_next = at + 4;
		return data_add(translating, at);
	}
	if (token_is(lexer, token, "IN_ROW_NUMBER")) {
		if (!piece_symbol(translating, at + 2, ")"))
			return translate_error(translating, token, "IN_ROW_NUMBER() takes nothing between its parentheses");
		text_part(translating, token, "\"x-row\"");
		*ret_next = at + 3;
	} else if (function_ours(lexer->text + token->at, token->length)) {
		part_begin(translating, token);
		name_add(&translating->to->sql, lexer->text + token->at, token->length);
		*ret_next = at + 1;
	}
	return 0;
}

static int word_add(struct translating *translating, size_t at, size_t *ret_next)
{
	const struct query *query = translating->query;
	struct token token = query->pieces[at].token;
	const struct lexer *lexer = translating->lexer;
	size_t length;
	*ret_next = 0;
	/* COUNT(ALL x) is COUNT(x). */
	if (token_is(lexer, &token, "ALL") && at > 0 && piece_symbol(translating, at - 1, "(")) {
		*ret_next = at + 1;
		return 0;
	}
	const char *column = keyword_is(lexer, &token) ? NULL : column_here(translating, token.at, &length);
	bool call = piece_symbol(translating, at + 1, "(");
	if (column != NULL && (!call || length > token.length)) {
		token.length = (uint32_t)length;
		part_begin(translating, &token);
		name_add(&translating->to->sql, column, length);
		for (*ret_next = at + 1; *ret_next < query->piece_count && query->pieces[*ret_next].token.at < token.at + length;)
			(*ret_next)++;
		return 0;
	}
	if (call && !keyword_is(lexer, &token)) {
		int error = call_add(translating, at, ret_next);
		if (error < 0 || *ret_next > 0)
			return error;
	}
	part_begin(translating, &token);
	buffer_add(&translating->to->sql, lexer->text + token.at, token.length);
	*ret_next = at + 1;
	return 0;
}

static int token_add(struct translating *translating, size_t at, size_t *ret_next)
{
	const struct token *token = &translating->query->pieces[at].token;
	const char *text = translating->lexer->text + token->at;
	if (translating->spelled) {
		int error = spelled_add(translating, at, ret_next);
		if (error < 0 || *ret_next > 0)
			return error;
	}
	*ret_next = at + 1;
	if (token->kind == TOKEN_WORD)
		return word_add(translating, at, ret_next);
	if (token->kind == TOKEN_SYMBOL && strchr("?:@$", *text) != NULL)
		return translate_error(translating, token, "no value can be given for this: write it into the query");
	part_begin(translating, token);
	if (token->kind == TOKEN_STRING)
		string_add(translating, token);
	else
		buffer_add(&translating->to->sql, text, token->length);
	return 0;
}

static void table_add(struct translating *translating, const struct piece *piece)
{
	const struct log_table *table = &translating->query->tables[piece->number];
	struct buffer *sql = &translating->to->sql;
	part_begin(translating, &piece->token);
	buffer_printf(sql, "log%llu", (unsigned long long)piece->number);
	if (table->alias.kind == TOKEN_END)
		return;
	buffer_add_text(sql, " AS ");
	if (table->alias.kind == TOKEN_WORD)
		name_add(sql, translating->lexer->text + table->alias.at, table->alias.length);
	else
		buffer_add(sql, translating->lexer->text + table->alias.at, table->alias.length);
}

static int piece_add(struct translating *translating, size_t at, size_t *ret_next)
{
	const struct piece *piece = &translating->query->pieces[at];
	*ret_next = at + 1;
	if (piece->instead != NULL) {
		text_part(translating, &piece->token, piece->instead);
		*ret_next = at + piece->over;
		return 0;
	}
	switch (piece->kind) {
	case PIECE_TOKEN: return token_add(translating, at, ret_next);
	case PIECE_COMMA: text_part(translating, &piece->token, ","); break;
	case PIECE_TABLE: table_add(translating, piece); break;
	case PIECE_LIMIT:
		part_begin(translating, &piece->token);
		buffer_printf(&translating->to->sql, "LIMIT %llu", (unsigned long long)piece->number);
		break;
	}
	return 0;
}

static int range_add(struct translating *translating, size_t from, size_t to)
{
	const struct query *query = translating->query;
	int error = 0;
	for (size_t at = from, next; at < to && error == 0 && !translating->to->sql.full; at = next) {
		if (query->pieces[at].before != NULL)
			text_part(translating, &query->pieces[at].token, query->pieces[at].before);
		error = piece_add(translating, at, &next);
		for (size_t i = at; i < next && i < query->piece_count; i++)
			if (query->pieces[i].after != NULL)
				text_part(translating, &query->pieces[i].token, query->pieces[i].after);
	}
	return error;
}

/* --- The columns of the result --- */

static bool piece_names(const struct translating *translating, size_t at)
{
	const struct piece *piece = &translating->query->pieces[at];
	if (piece->kind != PIECE_TOKEN)
		return false;
	return piece->token.kind == TOKEN_QUOTED || (piece->token.kind == TOKEN_WORD && !keyword_is(translating->lexer, &piece->token));
}

static bool piece_ends_value(const struct translating *translating, size_t at)
{
	const struct piece *piece = &translating->query->pieces[at];
	return piece->kind == PIECE_TOKEN && (piece->token.kind == TOKEN_NUMBER || piece->token.kind == TOKEN_STRING || piece_names(translating, at) ||
					      piece_symbol(translating, at, ")") || piece_symbol(translating, at, "END"));
}

/* Whether SQLite would name a column after our SQL: an expression without a name of its own. */
static bool item_is_nameless(const struct translating *translating, size_t from, size_t to)
{
	size_t length;
	for (size_t i = from, depth = 0; i < to; i++) {
		depth += piece_symbol(translating, i, "(");
		depth -= piece_symbol(translating, i, ")");
		if (depth == 0 && piece_symbol(translating, i, "AS"))
			return false;
	}
	const struct token *first = &translating->query->pieces[from].token, *last = &translating->query->pieces[to - 1].token;
	if (to - from == 1 || (piece_symbol(translating, to - 1, "*") && !piece_symbol(translating, to - 2, "(")))
		return first->kind == TOKEN_STRING;
	/* A column whose name has dashes, alone or of a table. */
	size_t at = to - from >= 3 && piece_symbol(translating, from + 1, ".") ? translating->query->pieces[from + 2].token.at : first->at;
	if (column_here(translating, at, &length) != NULL && at + length == last->at + last->length)
		return false;
	if (to - from == 3 && piece_symbol(translating, from + 1, "."))
		return false;
	return !(piece_names(translating, to - 1) && piece_ends_value(translating, to - 2));
}

/* --- PROPCOUNT beside HAVING --- */

/* The items of the SELECT list; *at begins at list_from. */
static bool item_next(const struct translating *translating, size_t *at, size_t *ret_from, size_t *ret_to)
{
	const size_t end = translating->query->list_to;
	size_t depth = 0;
	if (*at >= end)
		return false;
	for (*ret_from = *at; *at < end; ++*at) {
		depth += piece_symbol(translating, *at, "(");
		depth -= piece_symbol(translating, *at, ")");
		if (depth == 0 && piece_symbol(translating, *at, ","))
			break;
	}
	*ret_to = (*at)++;
	return true;
}

/* Where the expression of an item ends: before AS and its name, or before the name alone. */
static size_t item_end(const struct translating *translating, size_t from, size_t to)
{
	if (to - from < 2 || !piece_names(translating, to - 1))
		return to;
	if (piece_symbol(translating, to - 2, "AS"))
		return to - 2;
	return piece_ends_value(translating, to - 2) ? to - 1 : to;
}

static bool same_name(const struct translating *translating, const struct token *a, const struct token *b)
{
	struct buffer one, other;
	buffer_init(&one, QUERY_TEXT);
	buffer_init(&other, QUERY_TEXT);
	token_text(translating->lexer, a, &one);
	token_text(translating->lexer, b, &other);
	bool same = ascii_equal_n(one.data, one.length, buffer_text(&other));
	buffer_done(&one);
	buffer_done(&other);
	return same;
}

/* In HAVING that became a column: `n` is what the item with AS n says.  *ret_next stays 0 when it names no item. */
static int spelled_add(struct translating *translating, size_t piece, size_t *ret_next)
{
	const struct query *query = translating->query;
	size_t from, to, at = query->list_from;
	*ret_next = 0;
	if (!piece_names(translating, piece) || piece_symbol(translating, piece + 1, "(") || piece_symbol(translating, piece - 1, "."))
		return 0;
	while (item_next(translating, &at, &from, &to)) {
		size_t end = item_end(translating, from, to);
		if (end == to || !same_name(translating, &query->pieces[to - 1].token, &query->pieces[piece].token))
			continue;
		translating->spelled = false;
		text_part(translating, &query->pieces[piece].token, "(");
		int error = range_add(translating, from, end);
		text_part(translating, &query->pieces[piece].token, ")");
		translating->spelled = true;
		*ret_next = piece + 1;
		return error;
	}
	return 0;
}

/* What a column of the result is called: the name after AS, the column that it is, or its text. */
static void item_name(const struct translating *translating, size_t from, size_t to, struct buffer *name)
{
	const struct query *query = translating->query;
	const struct token *last = &query->pieces[to - 1].token;
	size_t length, bare = to - from >= 3 && piece_symbol(translating, from + 1, ".") ? from + 2 : from;
	const struct token *first = &query->pieces[bare].token;
	const char *column = column_here(translating, first->at, &length);
	if (item_end(translating, from, to) < to || bare + 1 == to)
		token_text(translating->lexer, last, name);
	else if (column != NULL && first->at + length == last->at + last->length)
		buffer_add(name, column, length);
	else
		buffer_add(name, translating->lexer->text + query->pieces[from].token.at, last->at + last->length - query->pieces[from].token.at);
}

static bool item_is_star(const struct translating *translating, size_t from, size_t to)
{
	return piece_symbol(translating, to - 1, "*") && (to - from == 1 || piece_symbol(translating, to - 2, "."));
}

/* SELECT "c0" AS "src-ip", "c1" AS "p" FROM (WITH "all groups"("c0", "c1", … */
static int outer_list(struct translating *translating, const struct token *place)
{
	const struct query *query = translating->query;
	struct buffer *sql = &translating->to->sql, name;
	size_t from, to, at = query->list_from, count = 0;
	buffer_init(&name, QUERY_TEXT);
	for (; item_next(translating, &at, &from, &to); count++) {
		if (to == from || item_is_star(translating, from, to)) {
			buffer_done(&name);
			return translate_error(translating, &query->pieces[from].token, "beside PROPCOUNT and HAVING all columns are named");
		}
		buffer_clear(&name);
		item_name(translating, from, to, &name);
		part_begin(translating, &query->pieces[from].token);
		buffer_printf(sql, "%s\"c%zu\" AS ", count > 0 ? ", " : "", count);
		name_add(sql, buffer_text(&name), name.length);
	}
	buffer_done(&name);
	text_part(translating, place, "FROM (WITH \"all groups\"(");
	for (size_t i = 0; i < count; i++)
		buffer_printf(sql, "\"c%zu\", ", i);
	buffer_add_text(sql, "\"having\") AS (SELECT");
	return 0;
}

/* HAVING leaves groups out before SQLite counts what all groups have: so it becomes a column here, and the groups are left out
 * around that. */
static int shares_translate(struct translating *translating)
{
	const struct query *query = translating->query;
	const struct token *having = &query->pieces[query->having_from].token;
	size_t limit = query->having_to, depth = 0, from, to, at = query->list_from;
	for (; limit < query->piece_count; limit++) {
		depth += piece_symbol(translating, limit, "(");
		depth -= piece_symbol(translating, limit, ")");
		if (depth == 0 && (query->pieces[limit].kind == PIECE_LIMIT || piece_symbol(translating, limit, "LIMIT")))
			break;
	}
	int error = range_add(translating, 0, query->list_from);
	if (error == 0)
		error = outer_list(translating, having);
	while (error == 0 && item_next(translating, &at, &from, &to)) {
		error = range_add(translating, from, to);
		text_part(translating, having, ",");
	}
	text_part(translating, having, "(");
	translating->spelled = true;
	if (error == 0)
		error = range_add(translating, query->having_from + 1, query->having_to);
	translating->spelled = false;
	text_part(translating, having, ") ");
	if (error == 0)
		error = range_add(translating, query->list_to, query->having_from);
	if (error == 0)
		error = range_add(translating, query->having_to, limit);
	text_part(translating, having, ") SELECT * FROM \"all groups\") WHERE \"having\"");
	return error == 0 ? range_add(translating, limit, query->piece_count) : error;
}

/* --- The whole --- */

static int item_add(struct translating *translating, size_t from, size_t to)
{
	const struct query *query = translating->query;
	int error = range_add(translating, from, to);
	if (from == to || error < 0 || !item_is_nameless(translating, from, to))
		return error;
	const struct token *first = &query->pieces[from].token, *last = &query->pieces[to - 1].token;
	part_begin(translating, last);
	buffer_add_text(&translating->to->sql, "AS ");
	name_add(&translating->to->sql, translating->lexer->text + first->at, last->at + last->length - first->at);
	return 0;
}

static int list_add(struct translating *translating)
{
	const struct query *query = translating->query;
	size_t at = query->list_from, from, to;
	int error = 0;
	while (error == 0 && item_next(translating, &at, &from, &to)) {
		error = item_add(translating, from, to);
		if (to < query->list_to)
			text_part(translating, &query->pieces[to].token, ",");
	}
	return error;
}

/* Values of events that are asked for by name are columns too. */
static int data_collect(struct translating *translating)
{
	struct query *query = translating->query;
	struct buffer name;
	int error = 0;
	query->data_count = 0;
	buffer_init(&name, 1024);
	for (size_t i = 0; i + 1 < query->piece_count && error == 0; i++) {
		if (!piece_symbol(translating, i, "DATA") || !piece_symbol(translating, i + 1, "("))
			continue;
		buffer_clear(&name);
		error = data_name(translating, i, &name);
		if (error == 0 && query->data_count == DATA_MOST)
			error = translate_error(translating, &query->pieces[i].token, "more than 64 values of events");
		if (error < 0)
			break;
		query->data = arena_grow(query->arena, query->data, query->data_count, &query->data_capacity, sizeof(*query->data));
		query->data[query->data_count++] = arena_text_n(query->arena, name.data, name.length);
	}
	buffer_done(&name);
	return error;
}

int query_data(struct query *query)
{
	struct translating translating = {.query = query, .lexer = &query->lexer};
	return data_collect(&translating);
}

int query_translate(struct query *query, struct translation *translation)
{
	struct translating translating = {.query = query, .lexer = &query->lexer, .to = translation, .columns = query_columns(query)};
	const struct token end = {.kind = TOKEN_END, .at = (uint32_t)query->lexer.length};
	buffer_init(&translation->sql, SQL_MOST);
	int error = query_times(query);
	if (error < 0)
		return error;
	error = query->having_to > 0 ? shares_translate(&translating) : range_add(&translating, 0, query->list_from);
	if (error == 0 && query->having_to == 0)
		error = list_add(&translating);
	if (error == 0 && query->having_to == 0)
		error = range_add(&translating, query->list_to, query->piece_count);
	part_begin(&translating, &end);
	if (error == 0 && translation->sql.full) {
		diag_error(query->lexer.diag, &(struct place){.file = query->lexer.file}, "the query is too long");
		error = ERROR_INPUT;
	}
	return error;
}
