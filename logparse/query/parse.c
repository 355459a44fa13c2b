/* Clauses: what is Log Parser's (TOP, INTO, TO, files in FROM, semicolons in lists) is taken out here, the rest stays as it is. */
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/query/parts.h"

enum { NAMES_MOST = 1000, WORDS_MOST = 16384, CTES_MOST = 64 };

/* One parenthesis, or the whole. */
struct level {
	struct token open;
	bool has_limit;
	uint64_t limit;
	bool select;              /* it is a query */
	bool from;                /* in its FROM: after a comma there is another log */
	bool with;                /* between WITH and its SELECT */
	bool having, compound;
	bool joined;              /* there was a JOIN: USING is SQL's */
	struct token share;       /* a PROPCOUNT; of no length: none */
};

struct parsing {
	struct query *query;
	struct lexer *lexer;
	struct level levels[QUERY_DEPTH + 1];
	size_t depth;
	struct token ctes[CTES_MOST];
	size_t cte_count;
};

static int parsing_error(struct parsing *parsing, const struct token *token, const char *text)
{
	struct place place;
	lexer_place(parsing->lexer, token->at, token->length > 0 ? token->length : 1, &place);
	diag_error(parsing->lexer->diag, &place, "%s", text);
	return ERROR_INPUT;
}

/* --- Words --- */

static const char *const clauses[] = {
	"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "INTO", "TO", "UNION", "EXCEPT", "INTERSECT", "JOIN", "LEFT", "RIGHT", "FULL", "INNER",
	"CROSS", "NATURAL", "ON", "USING", "AS", "SELECT", "FROM", "WINDOW", "OFFSET", "OUTER", NULL,
};
static const char *const others[] = {
	"AND", "OR", "NOT", "IN", "IS", "NULL", "LIKE", "GLOB", "BETWEEN", "CASE", "WHEN", "THEN", "ELSE", "END", "DISTINCT", "ALL", "BY", "ASC",
	"DESC", "EXISTS", "CAST", "ESCAPE", "COLLATE", "OVER", "PARTITION", "WITH", "RECURSIVE", "MATERIALIZED", "VALUES", "TOP", "FILTER",
	"NULLS", "FIRST", "LAST", "ISNULL", "NOTNULL", "ROWS", "RANGE", "CURRENT", "PRECEDING", "FOLLOWING", "UNBOUNDED", "REGEXP", "MATCH", NULL,
};

/* What ends the list of a SELECT that has no FROM. */
static const char *const enders[] = {"WHERE", "GROUP", "HAVING", "ORDER", "LIMIT", "UNION", "EXCEPT", "INTERSECT", "WINDOW", NULL};

static bool word_in(const struct lexer *lexer, const struct token *token, const char *const words[])
{
	for (size_t i = 0; token->kind == TOKEN_WORD && words[i] != NULL; i++)
		if (token_is(lexer, token, words[i]))
			return true;
	return false;
}

bool keyword_is(const struct lexer *lexer, const struct token *token)
{
	return word_in(lexer, token, clauses) || word_in(lexer, token, others);
}

const char *keyword_nearest(const struct lexer *lexer, const struct token *token)
{
	if (token->kind != TOKEN_WORD || keyword_is(lexer, token))
		return NULL;
	const char *nearest = word_nearest(lexer->text + token->at, token->length, clauses);
	return nearest != NULL ? nearest : word_nearest(lexer->text + token->at, token->length, others);
}

/* --- Pieces --- */

static int piece_add(struct parsing *parsing, enum piece_kind kind, struct token token, uint64_t number)
{
	struct query *query = parsing->query;
	if (query->piece_count == WORDS_MOST)
		return parsing_error(parsing, &token, "the query is too long: more than 16,384 words");
	query->pieces = arena_grow(query->arena, query->pieces, query->piece_count, &query->piece_capacity, sizeof(*query->pieces));
	query->pieces[query->piece_count++] = (struct piece){.kind = kind, .token = token, .number = number};
	return 0;
}

static bool piece_is(const struct parsing *parsing, size_t back, const char *word)
{
	const struct query *query = parsing->query;
	if (query->piece_count < back || query->pieces[query->piece_count - back].kind != PIECE_TOKEN)
		return false;
	return token_is(parsing->lexer, &query->pieces[query->piece_count - back].token, word);
}

/* PROPCOUNT beside HAVING: all groups count, so HAVING must look at them after it (query_translate).  Only the outermost SELECT is
 * written anew. */
static int shares_check(struct parsing *parsing)
{
	struct query *query = parsing->query;
	const struct level *level = &parsing->levels[parsing->depth];
	if (level->having && level->share.length > 0 && (parsing->depth > 0 || level->compound))
		return parsing_error(parsing, &level->share, "this cannot stand beside HAVING in a part of a query: only in a SELECT that is the whole of it");
	if (parsing->depth == 0 && level->share.length == 0)
		query->having_from = query->having_to = 0;
	return 0;
}

/* The end of a SELECT: TOP becomes LIMIT. */
static int level_end(struct parsing *parsing, struct token token)
{
	struct level *level = &parsing->levels[parsing->depth];
	int error = shares_check(parsing);
	return level->has_limit && error == 0 ? piece_add(parsing, PIECE_LIMIT, token, level->limit) : error;
}

static int top_read(struct parsing *parsing, struct token top)
{
	struct level *level = &parsing->levels[parsing->depth];
	struct token number;
	int error = lexer_next(parsing->lexer, &number);
	if (error < 0)
		return error;
	if (number.kind != TOKEN_NUMBER || !number_parse(parsing->lexer->text + number.at, number.length, INT64_MAX, &level->limit))
		return parsing_error(parsing, &number, "TOP needs a number of rows, such as TOP 10");
	if (level->has_limit)
		return parsing_error(parsing, &top, "a second TOP for the same rows");
	level->has_limit = true;
	return 0;
}

/* SELECT [ALL|DISTINCT] [TOP n], the two in any order. */
static int select_read(struct parsing *parsing, struct token select)
{
	struct query *query = parsing->query;
	int error = piece_add(parsing, PIECE_TOKEN, select, 0);
	while (error == 0) {
		struct lexer before = *parsing->lexer;
		struct token token;
		error = lexer_next(parsing->lexer, &token);
		if (error < 0)
			return error;
		if (token_is(parsing->lexer, &token, "TOP")) {
			error = top_read(parsing, token);
		} else if (token_is(parsing->lexer, &token, "DISTINCT")) {
			error = piece_add(parsing, PIECE_TOKEN, token, 0);
		} else if (!token_is(parsing->lexer, &token, "ALL")) {
			*parsing->lexer = before;
			break;
		}
	}
	parsing->levels[parsing->depth].with = false;
	parsing->levels[parsing->depth].select = true;
	if (parsing->depth == 0) {
		if (!query->has_list)
			query->list_from = query->list_to = query->piece_count;
		query->has_list = true;
	}
	return error;
}

static void list_end(struct parsing *parsing)
{
	struct query *query = parsing->query;
	if (parsing->depth == 0 && query->has_list && query->list_to == query->list_from)
		query->list_to = query->piece_count;
}

/* --- FROM --- */

static bool is_cte(const struct parsing *parsing, const struct token *token)
{
	const char *text = parsing->lexer->text;
	for (size_t i = 0; i < parsing->cte_count; i++)
		if (parsing->ctes[i].length == token->length && ascii_prefix(text + token->at, token->length, text + parsing->ctes[i].at))
			return true;
	return false;
}

static const char *token_copy(const struct parsing *parsing, const struct token *token)
{
	struct buffer text;
	buffer_init(&text, QUERY_TEXT);
	token_text(parsing->lexer, token, &text);
	const char *copy = arena_text_n(parsing->query->arena, buffer_text(&text), text.length);
	buffer_done(&text);
	return copy;
}

static struct log_table *table_add(struct parsing *parsing)
{
	struct query *query = parsing->query;
	if (query->table_count == QUERY_TABLES)
		return NULL;
	query->tables = arena_grow(query->arena, query->tables, query->table_count, &query->table_capacity, sizeof(*query->tables));
	struct log_table *table = &query->tables[query->table_count++];
	*table = (struct log_table){.alias = {.kind = TOKEN_END}};
	return table;
}

/* The name of a table, after AS or alone before what ends it. */
static int alias_read(struct parsing *parsing, struct token *ret_alias)
{
	struct lexer *lexer = parsing->lexer, before = *lexer;
	struct token token, after;
	bool as = false;
	ret_alias->kind = TOKEN_END;
	int error = lexer_next(lexer, &token);
	if (error == 0 && token_is(lexer, &token, "AS")) {
		as = true;
		error = lexer_next(lexer, &token);
	}
	if (error < 0)
		return error;
	bool name = token.kind == TOKEN_QUOTED || (token.kind == TOKEN_WORD && !keyword_is(lexer, &token));
	if (as && !name)
		return parsing_error(parsing, &token, "AS needs the name by which the log is called");
	if (!name) {
		*lexer = before;
		return 0;
	}
	struct lexer here = *lexer;
	error = lexer_next(lexer, &after);
	bool ends = after.kind == TOKEN_END || word_in(lexer, &after, clauses) || token_is(lexer, &after, ",") || token_is(lexer, &after, ")") ||
		    token_is(lexer, &after, ";");
	if (error == 0 && !ends) {
		const char *nearest = word_nearest(lexer->text + token.at, token.length, clauses);
		if (nearest != NULL)
			return parsing_error(parsing, &token, arena_printf(parsing->query->arena, "this is no clause; did you mean %s?", nearest));
		return parsing_error(parsing, &token, "WHERE, GROUP BY, ORDER BY, TO, or a comma and another log can stand here; a name with blanks stands in quotes");
	}
	*lexer = here;
	*ret_alias = token;
	return error;
}

static int log_add(struct parsing *parsing, struct log_table *table, const struct token *token)
{
	struct query *query = parsing->query;
	const char *text = token_copy(parsing, token);
	if (*text == '\0')
		return parsing_error(parsing, token, "an empty name: a log is needed, such as System.evt");
	if (table->name_count == NAMES_MOST)
		return parsing_error(parsing, token, "more than 1,000 logs: name their folder instead");
	table->names = arena_grow(query->arena, table->names, table->name_count, &table->name_capacity, sizeof(*table->names));
	table->names[table->name_count++] = (struct log_name){*token, text};
	return 0;
}

/* One log, or several with commas between; a name of their own makes them a table of their own.  What is no log (a subquery,
 * a name of WITH) is left to SQL. */
static int logs_read(struct parsing *parsing, bool several)
{
	struct lexer *lexer = parsing->lexer;
	struct log_table *table = NULL;
	for (;;) {
		struct lexer before = *lexer;
		struct token token, next;
		int error = lexer_name(lexer, &token);
		if (error < 0)
			return error;
		if (token.kind == TOKEN_END && lexer->at < lexer->length && lexer->text[lexer->at] == '(' && table == NULL)
			return 0;
		if (token.kind == TOKEN_END || word_in(lexer, &token, clauses))
			return parsing_error(parsing, &token, "a log is missing here: a file, a folder, - for standard input, or System");
		if (table == NULL && is_cte(parsing, &token)) {
			*lexer = before;
			return 0;
		}
		if (table == NULL && (table = table_add(parsing)) == NULL)
			return parsing_error(parsing, &token, "more than 16 tables in one query");
		error = log_add(parsing, table, &token);
		if (error == 0)
			error = alias_read(parsing, &table->alias);
		before = *lexer;
		if (error == 0)
			error = lexer_next(lexer, &next);
		if (error < 0)
			return error;
		bool comma = several && token_is(lexer, &next, ",");
		if (comma && table->alias.kind == TOKEN_END)
			continue;
		error = piece_add(parsing, PIECE_TABLE, table->names[0].token, (uint64_t)(table - parsing->query->tables));
		if (!comma)
			*lexer = before;
		else if (error == 0)
			error = piece_add(parsing, PIECE_TOKEN, next, 0);
		if (error < 0 || !comma)
			return error;
		table = NULL;
	}
}

static int into_read(struct parsing *parsing, struct token word)
{
	struct token name;
	int error = lexer_name(parsing->lexer, &name);
	if (error < 0)
		return error;
	if (name.kind == TOKEN_END || word_in(parsing->lexer, &name, clauses))
		return parsing_error(parsing, &name, "the name of a file is missing here");
	static const char *const shown[] = {"DATAGRID", "CHART", "SYSLOG", NULL};
	if (word_in(parsing->lexer, &name, shown))
		return parsing_error(parsing, &name, "this output is Log Parser's, and not here: name a file, or STDOUT, and see -o:NAT for a table");
	if (parsing->query->into != NULL)
		return parsing_error(parsing, &word, "a second file to write to: INTO or TO, once");
	parsing->query->into = token_copy(parsing, &name);
	list_end(parsing);
	return 0;
}

/* --- All of it --- */

static int symbol_read(struct parsing *parsing, struct token token)
{
	struct lexer *lexer = parsing->lexer;
	struct token after;
	int error;
	if (token_is(lexer, &token, "(")) {
		if (parsing->depth == QUERY_DEPTH)
			return parsing_error(parsing, &token, "parentheses nested deeper than 64");
		parsing->levels[++parsing->depth] = (struct level){.open = token};
	} else if (token_is(lexer, &token, ")")) {
		if (parsing->depth == 0)
			return parsing_error(parsing, &token, "this parenthesis closes none");
		error = level_end(parsing, token);
		parsing->depth--;
		return error == 0 ? piece_add(parsing, PIECE_TOKEN, token, 0) : error;
	} else if (token_is(lexer, &token, ";")) {
		if (parsing->depth > 0)
			return piece_add(parsing, PIECE_COMMA, token, 0);
		error = lexer_next(lexer, &after);
		if (error == 0 && after.kind != TOKEN_END)
			return parsing_error(parsing, &after, "one query at a time: nothing may follow the semicolon");
		return error;
	}
	error = piece_add(parsing, PIECE_TOKEN, token, 0);
	/* After a subquery, or a name of WITH: logs_read has left them to SQL. */
	bool more = token_is(lexer, &token, ",") && parsing->levels[parsing->depth].from;
	return error == 0 && more ? logs_read(parsing, true) : error;
}

/* Names that WITH gives to queries are no logs. */
static void cte_look(struct parsing *parsing, const struct token *token)
{
	bool first = piece_is(parsing, 1, "WITH") || piece_is(parsing, 1, "RECURSIVE") || piece_is(parsing, 1, ",");
	if (parsing->levels[parsing->depth].with && first && parsing->cte_count < CTES_MOST && !token_is(parsing->lexer, token, "RECURSIVE"))
		parsing->ctes[parsing->cte_count++] = *token;
}

/* What shares_check and query_translate need of the clauses. */
static void clause_look(struct parsing *parsing, const struct token *token)
{
	static const char *const after_having[] = {"ORDER", "LIMIT", "WINDOW", "UNION", "EXCEPT", "INTERSECT", NULL};
	static const char *const compounds[] = {"UNION", "EXCEPT", "INTERSECT", NULL}, *const shares[] = {"PROPCOUNT", "PROPSUM", NULL};
	const struct lexer *lexer = parsing->lexer;
	struct query *query = parsing->query;
	struct level *level = &parsing->levels[parsing->depth], *select = level;
	level->having |= token_is(lexer, token, "HAVING");
	level->compound |= word_in(lexer, token, compounds);
	if (word_in(lexer, token, shares)) {
		while (select > parsing->levels && !select->select)
			select--;
		select->share = *token;
	}
	if (parsing->depth > 0)
		return;
	if (token_is(lexer, token, "HAVING"))
		query->having_from = query->having_to = query->piece_count;
	else if (query->having_to == query->having_from && query->having_from > 0 && word_in(lexer, token, after_having))
		query->having_to = query->piece_count;
}

static int word_read(struct parsing *parsing, struct token token)
{
	struct lexer *lexer = parsing->lexer;
	bool distinct = piece_is(parsing, 1, "DISTINCT") && (piece_is(parsing, 2, "IS") || piece_is(parsing, 2, "NOT"));
	if (token_is(lexer, &token, "SELECT"))
		return select_read(parsing, token);
	if (parsing->depth == 0 && (token_is(lexer, &token, "INTO") || token_is(lexer, &token, "TO")))
		return into_read(parsing, token);
	bool from = token_is(lexer, &token, "FROM") && !distinct, join = token_is(lexer, &token, "JOIN");
	if (from || word_in(lexer, &token, enders)) {
		list_end(parsing);
		parsing->levels[parsing->depth].from = from;
	}
	if (token_is(lexer, &token, "USING") && parsing->depth == 0 && !parsing->levels[0].joined)
		return parsing_error(parsing, &token, "USING with fields is Log Parser's, and not here: name what is computed with AS in SELECT, and use the name");
	parsing->levels[parsing->depth].joined |= join;
	if (token_is(lexer, &token, "ROLLUP") && piece_is(parsing, 1, "WITH"))
		return parsing_error(parsing, &token, "WITH ROLLUP is Log Parser's, and not here: ask for the sums in a query of their own, after UNION ALL");
	if (parsing->depth == 0 && parsing->levels[0].with && piece_is(parsing, 1, ")") && !token_is(lexer, &token, "AS"))
		return parsing_error(parsing, &token, "SELECT is needed here: a query can only read");
	cte_look(parsing, &token);
	clause_look(parsing, &token);
	parsing->levels[parsing->depth].with |= token_is(lexer, &token, "WITH");
	int error = piece_add(parsing, PIECE_TOKEN, token, 0);
	return error == 0 && (from || join) ? logs_read(parsing, from) : error;
}

static int first_read(struct parsing *parsing, const struct token *token)
{
	if (token->kind == TOKEN_END)
		return parsing_error(parsing, token, "the query is empty: SELECT … FROM … is needed");
	if (token_is(parsing->lexer, token, "SELECT") || token_is(parsing->lexer, token, "WITH"))
		return 0;
	static const char *const starts[] = {"SELECT", "WITH", NULL};
	const char *nearest = token->kind == TOKEN_WORD ? word_nearest(parsing->lexer->text + token->at, token->length, starts) : NULL;
	if (nearest != NULL)
		return parsing_error(parsing, token, arena_printf(parsing->query->arena, "a query begins with SELECT; did you mean %s?", nearest));
	return parsing_error(parsing, token, "a query begins with SELECT: it can only read");
}

static int pieces_read(struct parsing *parsing)
{
	struct token token;
	int error = lexer_next(parsing->lexer, &token);
	if (error == 0)
		error = first_read(parsing, &token);
	while (error == 0 && token.kind != TOKEN_END) {
		if (token.kind == TOKEN_WORD) {
			error = word_read(parsing, token);
		} else if (token.kind == TOKEN_SYMBOL) {
			error = symbol_read(parsing, token);
		} else {
			cte_look(parsing, &token);
			error = piece_add(parsing, PIECE_TOKEN, token, 0);
		}
		if (error == 0)
			error = lexer_next(parsing->lexer, &token);
	}
	if (error == 0 && parsing->depth > 0)
		error = parsing_error(parsing, &parsing->levels[parsing->depth].open, "this parenthesis is not closed");
	list_end(parsing);
	if (parsing->query->having_to == parsing->query->having_from && parsing->query->having_from > 0)
		parsing->query->having_to = parsing->query->piece_count;
	return error == 0 ? level_end(parsing, token) : error;
}

int query_parse(const char *text, size_t length, const char *file, struct diag *diag, struct query **ret_query)
{
	if (length > QUERY_TEXT) {
		diag_error(diag, &(struct place){.file = file}, "the query is longer than 64 KiB");
		return ERROR_INPUT;
	}
	struct arena *arena = arena_new();
	struct query *query = arena_alloc(arena, sizeof(*query));
	query->arena = arena;
	query->lexer = (struct lexer){.text = arena_text_n(arena, text, length), .length = length, .file = arena_text(arena, file), .diag = diag};
	struct parsing *parsing = memory_alloc(sizeof(*parsing));
	parsing->query = query;
	parsing->lexer = &query->lexer;
	int error = lexer_check(&query->lexer);
	if (error == 0)
		error = pieces_read(parsing);
	free(parsing);
	query->lexer.diag = NULL;
	if (error < 0) {
		query_free(query);
		return error;
	}
	*ret_query = query;
	return 0;
}

void query_free(struct query *query)
{
	if (query == NULL)
		return;
	for (size_t i = 0; i < query->table_count; i++)
		source_close(query->tables[i].source);
	arena_free(query->arena);
}

const char *query_into(const struct query *query)
{
	return query->into;
}
