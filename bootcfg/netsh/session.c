#include "bootcfg/netsh/session.h"

#include <string.h>
#include <time.h>

#include "bootcfg/netsh/bind.h"
#include "bootcfg/netsh/handlers.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

void session_init(struct session *session, struct state *state, const struct netsh_options *options, struct diag *diag,
		  struct buffer *output)
{
	*session = (struct session){
		.state = state, .options = options, .diag = diag, .output = output, .line = 1, .location = options->location,
	};
	session->now = (int64_t)time(NULL);
	session->call.session = session;
	lexer_init(&session->lexer);
}

void session_done(struct session *session)
{
	lexer_done(&session->lexer);
}

void session_advance(struct session *session, size_t at, uint32_t line)
{
	session->line_at = at;
	session->line = line;
}

uint32_t session_line(const struct session *session, size_t at)
{
	size_t start = at >= session->line_at ? session->line_at : 0;
	uint32_t line = at >= session->line_at ? session->line : 1;
	for (const char *newline; (newline = memchr(session->text + start, '\n', at - start)) != NULL; line++)
		start = (size_t)(newline - session->text) + 1;
	return line;
}

const struct place *session_at(struct session *session, struct span span)
{
	size_t at = span.at < session->length ? span.at : session->length;
	size_t start = at;
	while (start > 0 && session->text[start - 1] != '\n')
		start--;
	const char *end = memchr(session->text + at, '\n', session->length - at);
	size_t stop = end != NULL ? (size_t)(end - session->text) : session->length;
	if (stop > start && session->text[stop - 1] == '\r')
		stop--;
	session->place = (struct place){
		.file = session->file,
		.line = session_line(session, at),
		.column = (uint32_t)(at - start) + 1,
		.length = span.length > 0 ? span.length : 1,
		.source = session->text + start,
		.source_length = stop > start ? stop - start : 0,
	};
	return &session->place;
}

/* Other contexts of netsh: its commands for them are not ours. */
bool session_elsewhere(const struct word *word)
{
	static const char *const contexts[] = {
		"advfirewall", "aaaa", "bridge", "branchcache", "dhcp", "dhcpclient", "diag", "dnsclient", "exec", "firewall", "fw",
		"http", "int", "interface", "ip", "lan", "mbn", "namespace", "netio", "nlm", "p2p", "ras", "routing", "rpc",
		"trace", "wcn", "wfp", "winhttp", "wins", "winsock", "wlan",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(contexts); i++)
		if (ascii_equal_n(word->text, word->length, contexts[i]))
			return true;
	return false;
}

static bool is_help(const struct word *word)
{
	static const char *const words[] = {"?", "/?", "-?", "help", "/help", "-help", "--help"};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		if (!word->quoted && ascii_equal_n(word->text, word->length, words[i]))
			return true;
	return false;
}

static struct span words_span(const struct lexer *lexer, size_t first)
{
	if (lexer->count == 0)
		return (struct span){0};
	const struct word *last = &lexer->words[lexer->count - 1], *from = &lexer->words[first < lexer->count ? first : lexer->count - 1];
	uint32_t end = last->at + last->span;
	return (struct span){from->at, end > from->at ? end - from->at : from->span};
}

static struct buffer *help_output(struct session *session)
{
	return session->check_only || session->quiet ? NULL : session->output;
}

static void help_row(struct session *session, const struct row *row)
{
	struct buffer *output = help_output(session);
	if (output == NULL)
		return;
	row_print(row, output);
	if (row->note != NULL)
		buffer_printf(output, "  %s\n", row->note);
}

/* `add ?`: the syntax of all that can be added. */
static void help_verb(struct session *session, enum context_id context, const char *verb)
{
	for (size_t i = 0; i < row_count; i++)
		if (rows[i].context == context && strcmp(rows[i].verb, verb) == 0)
			help_row(session, &rows[i]);
}

/* Whether a line that starts with this word is a piece of a command: it has a tag where none can be, or the end of
 * a text that was opened on the line before. */
static bool is_piece(const struct session *session, const struct word *first)
{
	if (first->unclosed)
		return true;
	for (const struct word *word = first; word < session->lexer.words + session->lexer.count; word++)
		for (size_t i = 0; word->equals > 0 && word->equals < word->length && i < TAG_COUNT; i++)
			if (ascii_equal_n(word->text, word->equals, tags[i].name))
				return true;
	return false;
}

/* A first word that nothing knows. */
static int unknown_word(struct session *session, enum context_id context, const struct word *word)
{
	const struct place *place = session_at(session, (struct span){word->at, word->span});
	struct buffer known;
	buffer_init(&known, 1024);
	const char *nearest = verb_nearest(context, word->text, word->length);
	if (nearest == NULL && is_piece(session, word)) {
		diag_error(session->diag, place, "%s is no command: it looks like the rest of a wrapped line; join it with the line before",
			   QUOTE_N(word->text, word->length));
	} else if (nearest != NULL) {
		diag_error(session->diag, place, "%s is no command here: did you mean \"%s\"?",
			   QUOTE_N(word->text, word->length), nearest);
	} else {
		verbs_print(context, &known);
		diag_error(session->diag, place, "%s is no command of netsh%s%s: expected one of %s",
			   QUOTE_N(word->text, word->length), context == CONTEXT_ROOT ? "" : " ", context_name(context),
			   buffer_text(&known));
	}
	buffer_done(&known);
	return ERROR_INPUT;
}

static int ambiguous(struct session *session, const struct word *word, const char *candidates)
{
	diag_error(session->diag, session_at(session, (struct span){word->at, word->span}),
		   "%s could be any of %s: write more of it", QUOTE_N(word->text, word->length), candidates);
	return ERROR_INPUT;
}

static int unknown_object(struct session *session, enum context_id context, const char *verb, const struct word *word)
{
	struct buffer known;
	buffer_init(&known, 1024);
	const char *nearest = object_nearest(context, verb, word->text, word->length);
	if (nearest != NULL)
		buffer_printf(&known, "did you mean \"%s\"?", nearest);
	else {
		buffer_add_text(&known, "expected one of ");
		objects_print(context, verb, &known);
	}
	diag_error(session->diag, session_at(session, (struct span){word->at, word->span}), "%s %s is no command of netsh %s: %s",
		   verb, QUOTE_N(word->text, word->length), context_name(context), buffer_text(&known));
	buffer_done(&known);
	return ERROR_INPUT;
}

/* Commands that use the store follow a `set store`; what they do decides whether it was of any use. */
static void store_followed(struct session *session, const struct row *row)
{
	if (session->store_span.length == 0 || row->context != CONTEXT_STATIC || row->run == netsh_set_store ||
	    row->run == netsh_set_batch || row->run == netsh_set_config)
		return;
	if (session->batch && session->location != session->options->location)
		diag_warning(session->diag, "store-session", session_at(session, session->store_span),
			     "in a batch file every netsh is a session of its own, and Windows forgets the store at its end; here "
			     "the commands that follow go to the %s store: in a script for `netsh -f` they do so everywhere",
			     location_name(session->location));
	session->store_span.length = 0;
}

static int row_run(struct session *session, const struct row *row, size_t first, size_t arguments)
{
	struct call *call = &session->call;
	call->row = row;
	call->span = words_span(&session->lexer, first);
	store_followed(session, row);
	int error = bind_words(session, arguments);
	if (error == 0 && row->check != NULL)
		error = row->check(call);
	if (error == 0 && !session->check_only && row->run != NULL)
		error = row->run(call);
	return error;
}

/* A script is thousands of lines that begin with the same words: the row they stand for is looked up once. */
static void last_keep(struct session *session, enum context_id from, const struct row *row, size_t first, size_t at)
{
	size_t used = 0, words = at - first;
	session->last.words = 0;
	if (words > ARRAY_LENGTH(session->last.lengths))
		return;
	for (size_t i = 0; i < words; i++) {
		const struct word *word = &session->lexer.words[first + i];
		if (word->length > sizeof(session->last.text) - used)
			return;
		memcpy(session->last.text + used, word->text, word->length);
		session->last.lengths[i] = word->length;
		used += word->length;
	}
	session->last.context = from;
	session->last.row = row;
	session->last.words = words;
}

static bool last_same(const struct session *session, enum context_id from, size_t first)
{
	size_t used = 0;
	if (session->last.words == 0 || session->last.context != from || session->lexer.count - first <= session->last.words)
		return false;
	for (size_t i = 0; i < session->last.words; i++) {
		const struct word *word = &session->lexer.words[first + i];
		if (word->length != session->last.lengths[i] ||
		    memcmp(word->text, session->last.text + used, word->length) != 0)
			return false;
		used += word->length;
	}
	return true;
}

static int row_start(struct session *session, const struct row *row, size_t first, size_t at)
{
	if (at + 1 == session->lexer.count && is_help(&session->lexer.words[at])) {
		help_row(session, row);
		return 0;
	}
	return row_run(session, row, first, at);
}

/* The object of a verb, and the command. */
static int verb_run(struct session *session, enum context_id from, enum context_id context, const char *verb, size_t first,
		    size_t at)
{
	const struct lexer *lexer = &session->lexer;
	const struct row *row = row_alone(context, verb);
	if (row == NULL) {
		if (at == lexer->count) {
			struct buffer known;
			buffer_init(&known, 1024);
			objects_print(context, verb, &known);
			diag_error(session->diag, session_at(session, words_span(lexer, first)), "%s what? Expected one of %s", verb,
				   buffer_text(&known));
			buffer_done(&known);
			return ERROR_INPUT;
		}
		const struct word *word = &lexer->words[at];
		if (is_help(word)) {
			help_verb(session, context, verb);
			return 0;
		}
		struct buffer candidates;
		buffer_init(&candidates, 1024);
		enum match match = object_match(context, verb, word->text, word->length, &row, &candidates);
		int error = match == MATCH_ONE	  ? 0
			    : match == MATCH_MANY ? ambiguous(session, word, buffer_text(&candidates))
						  : unknown_object(session, context, verb, word);
		buffer_done(&candidates);
		if (error < 0)
			return error;
		at++;
	}
	last_keep(session, from, row, first, at);
	return row_start(session, row, first, at);
}

/* Walks down contexts as far as the words name them. */
static int context_walk(struct session *session, size_t first, size_t *at, enum context_id *context, const char **ret_verb)
{
	const struct lexer *lexer = &session->lexer;
	const enum context_id origin = *context;
	struct buffer candidates;
	buffer_init(&candidates, 1024);
	int error = 0;
	*ret_verb = NULL;
	while (error == 0 && *ret_verb == NULL && *at < lexer->count && !is_help(&lexer->words[*at])) {
		const struct word *word = &lexer->words[*at];
		enum context_id below = *context;
		const char *verb = NULL;
		buffer_clear(&candidates);
		enum match down = context_match(*context, word->text, word->length, &below);
		enum match match = verb_match(*context, word->text, word->length, &verb, &candidates);
		bool exact = down == MATCH_ONE && strlen(context_word(below)) == word->length;
		if (down == MATCH_ONE && (exact || match == MATCH_NONE)) {
			*context = below;
			(*at)++;
		} else if (down == MATCH_NONE && match == MATCH_ONE) {
			*ret_verb = verb;
			(*at)++;
		} else if (down == MATCH_NONE && match == MATCH_NONE) {
			/* What a context does not know, the ones above it may. */
			if (*at == first && *context != CONTEXT_ROOT)
				*context = context_parent(*context);
			else
				error = unknown_word(session, *at == first ? origin : *context, word);
		} else {
			if (down != MATCH_NONE)
				buffer_printf(&candidates, "%s%s", candidates.length > 0 ? ", " : "",
					      match == MATCH_ONE ? verb : "static, dynamic");
			error = ambiguous(session, word, buffer_text(&candidates));
		}
	}
	buffer_done(&candidates);
	return error;
}

int session_run(struct session *session, size_t first, enum context_id *context, bool whole)
{
	size_t at = first;
	enum context_id here = *context;
	const char *verb;
	if (last_same(session, here, first))
		return row_start(session, session->last.row, first, first + session->last.words);
	int error = context_walk(session, first, &at, &here, &verb);
	if (error < 0)
		return error;
	if (verb != NULL)
		return verb_run(session, *context, here, verb, first, at);
	if (at < session->lexer.count) {
		struct buffer *output = help_output(session);
		if (output != NULL)
			context_help(here, output);
		return 0;
	}
	if (!whole) {
		*context = here;
		return 0;
	}
	struct buffer known;
	buffer_init(&known, 1024);
	verbs_print(here, &known);
	diag_error(session->diag, session_at(session, words_span(&session->lexer, 0)),
		   "the command ends here, netsh would wait for input: expected one of %s; if the line was wrapped, join it with "
		   "the next", buffer_text(&known));
	buffer_done(&known);
	return ERROR_INPUT;
}

void session_end(struct session *session)
{
	if (session->store_span.length == 0 || session->location == session->options->location ||
	    session->location == LOCATION_LOCAL)
		return;
	diag_warning(session->diag, "store-unused", session_at(session, session->store_span),
		     "no command follows this `set store`: it moves nothing, it selects the store of the commands after it; "
		     "what stands before it is in the %s store", location_name(session->store_before));
	session->store_span.length = 0;
}
