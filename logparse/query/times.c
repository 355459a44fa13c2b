/* Times are texts for SQLite, and it would compare them with anything.  So what is compared with a time is made one here: literals
 * while the query is translated, other values by a function; what is none is an error at its place. */
#include <sqlite3.h>

#include "core/base/error.h"
#include "core/policy/address.h"
#include "logparse/query/parts.h"
#include "logparse/query/stamp.h"

enum { NAMES_MOST = 256, KIND_DEPTH = 32 };

enum kind { KIND_OTHER, KIND_TIME, KIND_DATE, KIND_CLOCK, KIND_NUMBER /* a span is one, of seconds */ };

/* How TIME_FUNCTION takes what is no time. */
enum strictness {
	STRICT_NONE,    /* values of logs: NULL */
	STRICT_NUMBERS, /* what is computed of them: a number is a mistake in the query */
	STRICT_ALL,     /* what is the same for all records */
};

struct timing {
	struct query *query;
	const struct lexer *lexer;
	/* Names of the result (AS n), and what they are. */
	struct { struct token token; enum kind kind; } names[NAMES_MOST];
	size_t name_count;
};

static int timing_error(const struct timing *timing, size_t from, size_t to, const char *text)
{
	struct place place;
	const struct token *first = &timing->query->pieces[from].token, *last = &timing->query->pieces[to - 1].token;
	lexer_place(timing->lexer, first->at, last->at + last->length - first->at, &place);
	diag_error(timing->lexer->diag, &place, "%s", text);
	return ERROR_INPUT;
}

/* --- Pieces --- */

static const struct token *token_at(const struct timing *timing, size_t at)
{
	static const struct token none = {.kind = TOKEN_END};
	const struct query *query = timing->query;
	return at < query->piece_count && query->pieces[at].kind == PIECE_TOKEN ? &query->pieces[at].token : &none;
}

static bool is(const struct timing *timing, size_t at, const char *word)
{
	return token_is(timing->lexer, token_at(timing, at), word);
}

static bool in(const struct timing *timing, size_t at, const char *const words[])
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (is(timing, at, words[i]))
			return true;
	return false;
}

static bool is_kind(const struct timing *timing, size_t at, enum token_kind kind)
{
	return token_at(timing, at)->kind == kind;
}

static bool is_comma(const struct timing *timing, size_t at)
{
	return is(timing, at, ",") || (at < timing->query->piece_count && timing->query->pieces[at].kind == PIECE_COMMA);
}

static bool is_name(const struct timing *timing, size_t at)
{
	/* Words that mean something behind others only. */
	static const char *const soft[] = {"FIRST", "LAST", "CURRENT", NULL};
	const struct token *token = token_at(timing, at);
	return token->kind == TOKEN_QUOTED || in(timing, at, soft) || (token->kind == TOKEN_WORD && !keyword_is(timing->lexer, token));
}

static bool is_call(const struct timing *timing, size_t at)
{
	return is(timing, at + 1, "(") && (is_name(timing, at) || is(timing, at, "CAST"));
}

static bool ends_value(const struct timing *timing, size_t at)
{
	return is_name(timing, at) || is_kind(timing, at, TOKEN_STRING) || is_kind(timing, at, TOKEN_NUMBER) || is(timing, at, ")") ||
	       is(timing, at, "END") || is(timing, at, "NULL");
}

/* Behind the parenthesis that closes the one at `open`. */
static size_t close_of(const struct timing *timing, size_t open)
{
	size_t depth = 0, at = open;
	for (; at < timing->query->piece_count; at++) {
		depth += is(timing, at, "(");
		depth -= is(timing, at, ")");
		if (depth == 0)
			return at + 1;
	}
	return at;
}

/* The pair to what is at `from`, going back: the parenthesis, or CASE of an END. */
static size_t back_to(const struct timing *timing, size_t from, const char *close, const char *open)
{
	size_t depth = 0, at = from;
	for (;; at--) {
		depth += is(timing, at, close);
		depth -= is(timing, at, open) && depth > 0;
		if (depth == 0 || at == 0)
			return at;
	}
}

static const char *const operators[] = {"||", "+", "-", "*", "/", "%", "<<", ">>", "&", "|", NULL};
static const char *const signs[] = {"-", "+", "~", NULL};

/* Where the value that begins here ends; `at` when there is none. */
static size_t value_end(const struct timing *timing, size_t at)
{
	for (;; at++) {
		while (in(timing, at, signs))
			at++;
		if (is(timing, at, "(")) {
			at = close_of(timing, at);
		} else if (is(timing, at, "CASE")) {
			size_t depth = 0;
			do {
				depth += is(timing, at, "CASE");
				depth -= is(timing, at, "END");
				at++;
			} while (depth > 0 && at < timing->query->piece_count);
		} else if (is_call(timing, at)) {
			at = close_of(timing, at + 1);
		} else if (ends_value(timing, at) && !is(timing, at, ")")) {
			for (at++; is(timing, at, ".");)
				at += 2;
		} else {
			return at;
		}
		if (!in(timing, at, operators))
			return at;
	}
}

/* Where the value that ends before this begins. */
static size_t value_start(const struct timing *timing, size_t at)
{
	while (at > 0 && ends_value(timing, at - 1)) {
		at--;
		if (is(timing, at, ")"))
			at = back_to(timing, at, ")", "(");
		else if (is(timing, at, "END"))
			at = back_to(timing, at, "END", "CASE");
		if (at > 0 && is(timing, at, "(") && is_call(timing, at - 1))
			at--;
		while (at > 1 && is(timing, at - 1, "."))
			at -= 2;
		if (at == 0 || !in(timing, at - 1, operators))
			break;
		at--;
		while (at > 0 && in(timing, at, signs) && !ends_value(timing, at - 1) && in(timing, at - 1, signs))
			at--;
		if (at == 0 || !ends_value(timing, at - 1))
			break;
	}
	return at;
}

/* --- What a value is --- */

static enum kind kind_of(const struct timing *timing, size_t from, size_t to, unsigned depth);

static bool name_is(const struct timing *timing, const struct token *token, const char *name)
{
	struct buffer text;
	buffer_init(&text, QUERY_TEXT);
	token_text(timing->lexer, token, &text);
	bool same = ascii_equal(buffer_text(&text), name);
	buffer_done(&text);
	return same;
}

static enum kind name_kind(const struct timing *timing, const struct token *token)
{
	if (name_is(timing, token, "TimeGenerated") || name_is(timing, token, "TimeWritten"))
		return KIND_TIME;
	for (size_t i = 0; i < timing->name_count; i++) {
		const struct token *other = &timing->names[i].token;
		if (other->length == token->length && ascii_prefix(timing->lexer->text + other->at, other->length, timing->lexer->text + token->at))
			return timing->names[i].kind;
	}
	return KIND_OTHER;
}

/* What a text in the query says. */
static struct cursor literal_of(const struct timing *timing, size_t at)
{
	struct buffer text;
	buffer_init(&text, QUERY_TEXT);
	token_text(timing->lexer, token_at(timing, at), &text);
	const struct cursor copy = cursor_of(arena_text_n(timing->query->arena, buffer_text(&text), text.length), text.length);
	buffer_done(&text);
	return copy;
}

/* By the letters of its format. */
static enum kind format_kind(struct cursor format)
{
	bool date = false, clock = false;
	for (; format.at < format.end; format.at++) {
		date |= strchr("yMd", *format.at) != NULL;
		clock |= strchr("hHmslnt", *format.at) != NULL;
	}
	return date && clock ? KIND_TIME : date ? KIND_DATE : clock ? KIND_CLOCK : KIND_OTHER;
}

/* TO_TIMESTAMP(date, time), TO_TIMESTAMP(text, 'format') */
static enum kind timestamp_kind(const struct timing *timing, size_t second, size_t close)
{
	struct stamp stamp;
	if (second >= close)
		return KIND_OTHER;
	if (close - second != 1 || !is_kind(timing, second, TOKEN_STRING) || stamp_parse(literal_of(timing, second), &stamp))
		return KIND_TIME;
	return format_kind(literal_of(timing, second));
}

static enum kind call_kind(const struct timing *timing, size_t at, size_t close, unsigned depth)
{
	static const char *const same[] = {"MIN", "MAX", "TO_LOCALTIME", "TO_UTCTIME", "QUANTIZE", NULL};
	static const char *const sums[] = {"ADD", "SUB", NULL}, *const stamps[] = {"TO_TIMESTAMP", "TIMESTAMP", NULL};
	static const char *const numbers[] = {"COUNT", "STRLEN", "TO_INT", "TO_REAL", "INDEX_OF", "LENGTH", "UNIXEPOCH", NULL};
	size_t first = at + 2, comma = value_end(timing, first), second = is_comma(timing, comma) ? comma + 1 : close;
	if (is(timing, at, "SYSTEM_TIMESTAMP"))
		return KIND_TIME;
	if (is(timing, at, "TO_DATE") || is(timing, at, "SYSTEM_DATE"))
		return KIND_DATE;
	if (is(timing, at, "TO_TIME") || is(timing, at, "SYSTEM_TIME"))
		return KIND_CLOCK;
	if (in(timing, at, numbers))
		return KIND_NUMBER;
	if (in(timing, at, stamps))
		return timestamp_kind(timing, second, close);
	enum kind kind = in(timing, at, same) || in(timing, at, sums) ? kind_of(timing, first, comma, depth + 1) : KIND_OTHER;
	if (!in(timing, at, sums) || second >= close)
		return kind == KIND_TIME ? kind : KIND_OTHER;
	enum kind other = kind_of(timing, second, close, depth + 1);
	if (kind == KIND_TIME && other == KIND_TIME && is(timing, at, "SUB"))
		return KIND_NUMBER;
	return kind == KIND_TIME && (other == KIND_NUMBER || other == KIND_CLOCK) ? KIND_TIME : KIND_OTHER;
}

static enum kind kind_of(const struct timing *timing, size_t from, size_t to, unsigned depth)
{
	if (from >= to || depth > KIND_DEPTH)
		return KIND_OTHER;
	if (timing->query->pieces[from].instead != NULL && from + timing->query->pieces[from].over == to)
		return KIND_NUMBER;
	while (to - from > 1 && (is(timing, from, "-") || is(timing, from, "+")))
		from++;
	if (to - from == 1 && is_kind(timing, from, TOKEN_NUMBER))
		return KIND_NUMBER;
	if (is_name(timing, from) && (to - from == 1 || (to - from == 3 && is(timing, from + 1, "."))))
		return name_kind(timing, token_at(timing, to - 1));
	if (is(timing, from, "(") && close_of(timing, from) == to)
		return kind_of(timing, from + 1, value_end(timing, from + 1) == to - 1 ? to - 1 : from, depth + 1);
	if (is_call(timing, from) && close_of(timing, from + 1) == to)
		return call_kind(timing, from, to - 1, depth);
	return KIND_OTHER;
}

/* --- What is compared with a time --- */

static const char *stamp_text(const struct timing *timing, const struct stamp *stamp)
{
	struct buffer text;
	buffer_init(&text, 64);
	stamp_print(stamp, &text);
	const char *copy = arena_printf(timing->query->arena, "'%s'", buffer_text(&text));
	buffer_done(&text);
	return copy;
}

/* A literal in the form that columns have. */
static int literal_fit(struct timing *timing, size_t at, enum kind kind)
{
	const struct cursor text = literal_of(timing, at);
	struct stamp stamp;
	if (!stamp_parse(text, &stamp) || stamp.has_date != (kind != KIND_CLOCK))
		return timing_error(timing, at, at + 1,
				    arena_printf(timing->query->arena, "%s cannot be read as a time: %s", QUOTE_N(text.at, cursor_left(&text)),
						 kind == KIND_CLOCK ? "write it as '09:14:57'" : "write it as '2004-01-12 09:14:57' or '2004-01-12'"));
	stamp.has_clock = kind != KIND_DATE || (stamp.ticks % STAMP_DAY + STAMP_DAY) % STAMP_DAY != 0;
	timing->query->pieces[at].instead = stamp_text(timing, &stamp);
	timing->query->pieces[at].over = 1;
	return 0;
}

static enum strictness strictness_of(const struct timing *timing, size_t from, size_t to)
{
	bool column = false, computed = false;
	for (size_t i = from; i < to; i++) {
		bool call = is_call(timing, i);
		column |= (is_name(timing, i) && !call) || is(timing, i, "DATA") || is(timing, i, "SELECT");
		computed |= call && !is(timing, i, "DATA");
	}
	return !column ? STRICT_ALL : computed ? STRICT_NUMBERS : STRICT_NONE;
}

/* Makes a time of what stands there. */
static int time_fit(struct timing *timing, size_t from, size_t to, enum kind kind)
{
	struct query *query = timing->query;
	enum kind own = kind_of(timing, from, to, 0);
	if (from >= to || query->pieces[from].before != NULL || own == kind || (to - from == 1 && is(timing, from, "NULL")))
		return 0;
	if (own == KIND_NUMBER || (kind == KIND_TIME && own == KIND_CLOCK))
		return timing_error(timing, from, to,
				    own == KIND_CLOCK ? "a time of day is compared with a whole time: TO_TIME(…) of that is one"
						      : "a number (of seconds, perhaps) is compared with a time: write '2004-01-12 09:14:57', or count back from "
							"now with SUB(SYSTEM_TIMESTAMP(), 86400)");
	if (to - from == 1 && query->pieces[from].instead != NULL)
		return 0;
	if (to - from == 1 && is_kind(timing, from, TOKEN_STRING))
		return literal_fit(timing, from, kind);
	if (kind != KIND_TIME)
		return 0;
	const struct token *first = token_at(timing, from), *last = token_at(timing, to - 1);
	query->pieces[from].before = "\"" TIME_FUNCTION "\"(";
	query->pieces[to - 1].after = arena_printf(query->arena, ", %lu, %lu, %d)", (unsigned long)first->at,
						   (unsigned long)(last->at + last->length - first->at), (int)strictness_of(timing, from, to));
	return 0;
}

/* A time of day beside a number of seconds is so many. */
static void span_fit(struct timing *timing, size_t from, size_t to)
{
	struct stamp stamp;
	struct piece *piece = &timing->query->pieces[from];
	bool call = to - from == 6 && is_call(timing, from) && is_kind(timing, from + 2, TOKEN_STRING);
	if (!(to - from == 1 && is_kind(timing, from, TOKEN_STRING)) && !(call && kind_of(timing, from, to, 0) == KIND_CLOCK))
		return;
	const struct cursor text = literal_of(timing, call ? from + 2 : from);
	if ((!call && !stamp_parse(text, &stamp)) || (call && !stamp_read(text, literal_of(timing, from + 4), &stamp)) || stamp.has_date)
		return;
	piece->instead = arena_printf(timing->query->arena, "%lld", (long long)(stamp.ticks / STAMP_SECOND));
	piece->over = to - from;
}

static int pair_fit(struct timing *timing, size_t left, size_t left_end, size_t right, size_t right_end)
{
	if (left >= left_end || right >= right_end)
		return 0;
	enum kind one = kind_of(timing, left, left_end, 0), other = kind_of(timing, right, right_end, 0);
	if (one == KIND_TIME || (other != KIND_TIME && (one == KIND_DATE || one == KIND_CLOCK)))
		return time_fit(timing, right, right_end, one);
	if (other == KIND_TIME || other == KIND_DATE || other == KIND_CLOCK) {
		if (one != KIND_NUMBER || other != KIND_CLOCK)
			return time_fit(timing, left, left_end, other);
		span_fit(timing, right, right_end);
	} else if (one == KIND_NUMBER && is(timing, left, "SUB")) {
		span_fit(timing, right, right_end);
	}
	return 0;
}

/* BETWEEN a AND b, IN (a; b) */
static int list_fit(struct timing *timing, size_t at, size_t left, size_t left_end)
{
	size_t from = at + 1, to = value_end(timing, from);
	if (is(timing, at, "BETWEEN")) {
		int error = pair_fit(timing, left, left_end, from, to);
		from = to + 1;
		return error == 0 && is(timing, to, "AND") ? pair_fit(timing, left, left_end, from, value_end(timing, from)) : error;
	}
	int error = 0;
	if (!is(timing, from, "("))
		return 0;
	do {
		to = value_end(timing, ++from);
		error = pair_fit(timing, left, left_end, from, to);
		from = to;
	} while (error == 0 && is_comma(timing, to));
	return error;
}

/* CASE value WHEN a THEN … */
static int case_fit(struct timing *timing, size_t at)
{
	size_t left = at + 1, left_end = value_end(timing, left), depth = 0;
	int error = 0;
	if (kind_of(timing, left, left_end, 0) == KIND_OTHER)
		return 0;
	for (; at < timing->query->piece_count && error == 0; at++) {
		depth += is(timing, at, "CASE");
		depth -= is(timing, at, "END");
		if (depth == 0)
			break;
		if (depth == 1 && is(timing, at, "WHEN"))
			error = pair_fit(timing, left, left_end, at + 1, value_end(timing, at + 1));
	}
	return error;
}

static int comparison_fit(struct timing *timing, size_t at)
{
	static const char *const pairs[] = {"=", "==", "<>", "!=", "<", ">", "<=", ">=", NULL}, *const lists[] = {"BETWEEN", "IN", NULL};
	size_t end = at > 0 && is(timing, at - 1, "NOT") ? at - 1 : at;
	if (is(timing, at, "CASE"))
		return case_fit(timing, at);
	if (in(timing, at, lists))
		return list_fit(timing, at, value_start(timing, end), end);
	return in(timing, at, pairs) ? pair_fit(timing, value_start(timing, at), at, at + 1, value_end(timing, at + 1)) : 0;
}

/* --- Formats and networks --- */

static int format_check(struct timing *timing, size_t at)
{
	const char *wrong = stamp_format_wrong(literal_of(timing, at));
	return wrong != NULL ? timing_error(timing, at, at + 1, wrong) : 0;
}

/* TIMESTAMP('0000-01-02', 'yyyy-MM-dd'): times of the year 0 are spans in Log Parser, and numbers of seconds here. */
static int timestamp_check(struct timing *timing, size_t at)
{
	struct piece *piece = &timing->query->pieces[at];
	const struct cursor text = literal_of(timing, at + 2), format = literal_of(timing, at + 4);
	struct stamp stamp, clock;
	int64_t ticks;
	if (stamp_parse(text, &stamp) && stamp.has_date && !stamp.has_clock && stamp_parse(format, &clock) && !clock.has_date)
		return 0;
	int error = format_check(timing, at + 4);
	if (error < 0 || stamp_read(text, format, &stamp))
		return error;
	if (!stamp_read_span(text, format, &ticks))
		return timing_error(timing, at + 2, at + 3, arena_printf(timing->query->arena, "%s is no time of the form %s", QUOTE_N(text.at, cursor_left(&text)),
									 QUOTE_N(format.at, cursor_left(&format))));
	piece->instead = ticks % STAMP_SECOND == 0 ? arena_printf(timing->query->arena, "%lld", (long long)(ticks / STAMP_SECOND))
						   : arena_printf(timing->query->arena, "%.7f", (double)ticks / STAMP_SECOND);
	piece->over = 6;
	return 0;
}

static int call_check(struct timing *timing, size_t at)
{
	static const char *const stamps[] = {"TO_TIMESTAMP", "TIMESTAMP", NULL};
	size_t close = close_of(timing, at + 1) - 1;
	struct ip_prefix prefix;
	struct stamp stamp;
	if (close < at + 4 || !is_kind(timing, close - 1, TOKEN_STRING) || !is_comma(timing, close - 2))
		return 0;
	const struct cursor text = literal_of(timing, close - 1);
	if (is(timing, at, "IN_NETWORK") && !ip_prefix_parse(text.at, cursor_left(&text), &prefix))
		return timing_error(timing, close - 1, close,
				    arena_printf(timing->query->arena, "%s is no network: write it as '192.0.2.0/24' or '2001:db8::/32'", QUOTE_N(text.at, cursor_left(&text))));
	if (in(timing, at, stamps) && close == at + 5 && is_kind(timing, at + 2, TOKEN_STRING))
		return timestamp_check(timing, at);
	bool clock = in(timing, at, stamps) && stamp_parse(text, &stamp);
	return is(timing, at, "TO_STRING") || (in(timing, at, stamps) && !clock) ? format_check(timing, close - 1) : 0;
}

/* --- All of them --- */

/* (expression) AS name */
static void name_note(struct timing *timing, size_t at)
{
	enum kind kind;
	if (!is(timing, at, "AS") || !is_name(timing, at + 1) || timing->name_count == NAMES_MOST)
		return;
	kind = kind_of(timing, value_start(timing, at), at, 0);
	if (kind == KIND_TIME || kind == KIND_DATE || kind == KIND_CLOCK) {
		timing->names[timing->name_count].token = *token_at(timing, at + 1);
		timing->names[timing->name_count++].kind = kind;
	}
}

int query_times(struct query *query)
{
	struct timing timing = {.query = query, .lexer = &query->lexer};
	int error = 0;
	for (size_t i = 0; i < query->piece_count; i++) {
		query->pieces[i].before = query->pieces[i].after = query->pieces[i].instead = NULL;
		query->pieces[i].over = 0;
	}
	for (size_t i = 0; i < query->piece_count && error == 0; i++)
		if (is_call(&timing, i))
			error = call_check(&timing, i);
	for (size_t i = 0; i < query->piece_count; i++)
		name_note(&timing, i);
	for (size_t i = 0; i < query->piece_count && error == 0; i++)
		error = comparison_fit(&timing, i);
	return error;
}

/* --- While it runs --- */

static void time_refuse(sqlite3_context *context, struct log_run *run, sqlite3_value **values, const char *text)
{
	sqlite3_int64 at = sqlite3_value_int64(values[1]), length = sqlite3_value_int64(values[2]);
	sqlite3_int64 whole = (sqlite3_int64)run->query->lexer.length;
	if (at >= 0 && length > 0 && at < whole && length <= whole - at)
		run->wrong = (struct token){TOKEN_WORD, (uint32_t)at, (uint32_t)length};
	sqlite3_result_error(context, text, -1);
}

/* "time of"(value, place, length, strictness) */
static void time_of_call(sqlite3_context *context, int count, sqlite3_value **values)
{
	struct log_run *run = sqlite3_user_data(context);
	int type = sqlite3_value_type(values[0]), strictness = sqlite3_value_int(values[3]);
	struct stamp stamp;
	(void)count;
	if (type == SQLITE_NULL)
		return;
	const char *at = type == SQLITE_TEXT ? (const char *)sqlite3_value_text(values[0]) : NULL;
	if (at != NULL && stamp_parse(cursor_of(at, (size_t)sqlite3_value_bytes(values[0])), &stamp) && stamp.has_date) {
		struct buffer text;
		stamp.has_clock = true;
		buffer_init(&text, 64);
		stamp_print(&stamp, &text);
		sqlite3_result_text64(context, buffer_text(&text), text.length, SQLITE_TRANSIENT, SQLITE_UTF8);
		buffer_done(&text);
	} else if (type != SQLITE_TEXT && strictness != STRICT_NONE) {
		time_refuse(context, run, values, "this is a number (of seconds, perhaps), and it is compared with a time");
	} else if (strictness == STRICT_ALL) {
		time_refuse(context, run, values, "this cannot be read as a time, and it is compared with one");
	}
}

int times_make(sqlite3 *db, struct log_run *run)
{
	run->wrong.length = 0;
	return sqlite3_create_function_v2(db, TIME_FUNCTION, 4, SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, run, time_of_call, NULL, NULL, NULL);
}
