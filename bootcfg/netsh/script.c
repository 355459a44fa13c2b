/* Scripts: which form one has, the two passes, and the form of `netsh -f`; batch files are run by batch.c.
 *
 * Without keep_going a first pass looks at all lines (grammar and values, no state) and reports every bad one;
 * only when there is none does the second pass change the state. */
#include <string.h>

#include "bootcfg/netsh/batch.h"
#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/session.h"
#include "core/base/cursor.h"
#include "core/base/encoding.h"
#include "core/base/error.h"

enum {
	SCRIPT_LINE_MOST = 1 << 20, /* bytes of one line */
	CONTEXTS_MOST = 64,         /* pushd in pushd */
	TEXT_MOST = 1 << 30,
};

/* --- which form --- */

/* The word at the start of the text, as a program: without quotes, path and .exe. */
static bool starts_program(struct cursor text)
{
	static const char *const programs[] = {"netsh", "ipsecpol", "ipseccmd"};
	cursor_take(&text, '"');
	struct cursor word = {text.at, text.at};
	for (; text.at < text.end && !ascii_blank(*text.at) && memchr("\"&|<>()", *text.at, 7) == NULL; text.at++)
		if (*text.at == '\\' || *text.at == '/')
			word.at = text.at + 1;
	word.end = text.at;
	size_t length = cursor_left(&word);
	if (length > 4 && ascii_equal_n(word.end - 4, 4, ".exe"))
		length -= 4;
	for (size_t i = 0; i < ARRAY_LENGTH(programs); i++)
		if (ascii_equal_n(word.at, length, programs[i]))
			return true;
	return false;
}

static bool is_word(const struct cursor *word, const char *name)
{
	return ascii_equal_n(word->at, cursor_left(word), name);
}

/* Whether a command in this line starts with netsh (or its older kin, which are batch as well). */
static bool line_is_batch(struct cursor line)
{
	bool anywhere = false, inside = false;
	while (line.at < line.end && (ascii_blank(*line.at) || *line.at == '@' || *line.at == '('))
		line.at++;
	if (line.at == line.end || *line.at == '#' || *line.at == ':')
		return false;
	if (starts_program(line))
		return true;
	struct cursor rest = line, word;
	if (cursor_word(&rest, &word)) {
		if (is_word(&word, "rem"))
			return false;
		anywhere = is_word(&word, "if") || is_word(&word, "for");
	}
	size_t backslashes = 0; /* an odd run makes a quote part of a value, in both forms that matter here */
	for (; line.at < line.end; line.at++) {
		inside ^= *line.at == '"' && backslashes % 2 == 0;
		backslashes = *line.at == '\\' ? backslashes + 1 : 0;
		if (inside || !(memchr("&|(", *line.at, 3) != NULL || (anywhere && ascii_blank(*line.at))))
			continue;
		struct cursor after = {line.at + 1, line.end};
		cursor_skip_blanks(&after);
		if (starts_program(after))
			return true;
	}
	return false;
}

/* The next line, without its end; false at the end of the text. */
static bool line_next(struct cursor *text, struct cursor *ret_line)
{
	if (text->at == text->end)
		return false;
	const char *newline = memchr(text->at, '\n', cursor_left(text));
	*ret_line = (struct cursor){text->at, newline != NULL ? newline : text->end};
	text->at = newline != NULL ? newline + 1 : text->end;
	if (ret_line->end > ret_line->at && ret_line->end[-1] == '\r')
		ret_line->end--;
	if (cursor_left(ret_line) >= 3 && memcmp(ret_line->at, "\xef\xbb\xbf", 3) == 0)
		ret_line->at += 3;
	return true;
}

static bool text_is_batch(const struct session *session)
{
	struct cursor text = cursor_of(session->text, session->length), line;
	while (line_next(&text, &line))
		if (line_is_batch(line))
			return true;
	return false;
}

/* --- the form of netsh -f --- */

struct shell {
	struct session *session;
	enum context_id context, stack[CONTEXTS_MOST];
	size_t depth;
	bool stopped;
};

static int shell_error(struct shell *shell, const struct word *word, const char *what)
{
	diag_error(shell->session->diag, session_at(shell->session, (struct span){word->at, word->span}), "%s", what);
	return ERROR_INPUT;
}

static int pushd_run(struct shell *shell)
{
	const struct word *words = shell->session->lexer.words;
	if (shell->depth == CONTEXTS_MOST)
		return shell_error(shell, &words[0], "more than 64 pushd without popd");
	enum context_id context = shell->context;
	if (shell->session->lexer.count == 2 && ascii_equal_n(words[1].text, words[1].length, "..")) {
		context = context_parent(context);
	} else if (shell->session->lexer.count > 1) {
		int error = session_run(shell->session, 1, &context, false);
		if (error < 0)
			return error;
	}
	shell->stack[shell->depth++] = shell->context;
	shell->context = context;
	return 0;
}

static int popd_run(struct shell *shell)
{
	if (shell->depth == 0)
		return shell_error(shell, &shell->session->lexer.words[0], "popd without a pushd before it");
	shell->context = shell->stack[--shell->depth];
	return 0;
}

static int up_run(struct shell *shell)
{
	shell->context = context_parent(shell->context);
	return 0;
}

static int exit_run(struct shell *shell)
{
	shell->stopped = true;
	return 0;
}

static const struct {
	const char *name;
	int (*run)(struct shell *shell);
} shell_words[] = {
	{"pushd", pushd_run}, {"popd", popd_run}, {"..", up_run}, {"exit", exit_run}, {"quit", exit_run}, {"bye", exit_run},
};

static int shell_command(struct shell *shell)
{
	struct session *session = shell->session;
	const struct word *first = &session->lexer.words[0];
	for (size_t i = 0; i < ARRAY_LENGTH(shell_words); i++)
		if (ascii_equal_n(first->text, first->length, shell_words[i].name))
			return shell_words[i].run(shell);
	if (shell->context == CONTEXT_ROOT && session_elsewhere(first)) {
		if (session->lexer.count < 3)
			return shell_error(shell, first, "this context of netsh is not known here: only ipsec static and ipsec dynamic are");
		session->result.foreign++;
		diag_note(session->diag, session_at(session, (struct span){first->at, first->span}),
			  "%s is not netsh ipsec: this line is not run", QUOTE_N(first->text, first->length));
		return 0;
	}
	return session_run(session, 0, &shell->context, false);
}

static int shell_run(struct session *session)
{
	struct shell shell = {.session = session};
	struct cursor text = cursor_of(session->text, session->length), line;
	uint32_t number = 1;
	int first_error = 0;
	for (size_t at = 0; !shell.stopped && line_next(&text, &line); number++, at = (size_t)(text.at - session->text)) {
		session_advance(session, at, number);
		cursor_skip_blanks(&line);
		if (line.at == line.end || *line.at == '#')
			continue;
		const struct piece piece = {
			.text = line.at, .length = cursor_left(&line), .offset = (uint32_t)(line.at - session->text)};
		session->result.commands++;
		int error = 0;
		if (!lexer_split(&session->lexer, &piece)) {
			diag_error(session->diag, session_at(session, (struct span){piece.offset, 1}),
				   "this command has more than 1000 words");
			error = ERROR_INPUT;
		} else if (session->lexer.count > 0) {
			error = shell_command(&shell);
		}
		if (error == 0)
			continue;
		session->result.failed++;
		if (first_error == 0)
			first_error = error;
		if (!session->check_only && !session->options->keep_going)
			break;
	}
	return first_error;
}

/* --- a whole script --- */

static int lines_check(const struct session *session, struct diag *diag)
{
	struct cursor text = cursor_of(session->text, session->length), line;
	bool empty = true;
	for (uint32_t number = 1; line_next(&text, &line); number++) {
		const struct place place = {.file = session->file, .line = number, .column = 1};
		if (cursor_left(&line) > SCRIPT_LINE_MOST) {
			diag_error(diag, &place, "this line is longer than 1 MiB: this is no script");
			return ERROR_LIMIT;
		}
		cursor_skip_blanks(&line);
		empty &= line.at == line.end;
	}
	if (!empty)
		return 0;
	const struct place place = {.file = session->file};
	diag_error(diag, &place, "the script is empty");
	return ERROR_INPUT;
}

/* Whether the words are a verb of a context and one of its objects. */
static bool line_has_verb(enum context_id context, const struct cursor *word, struct cursor rest)
{
	const char *verb;
	const struct row *row;
	struct cursor object;
	if (verb_match(context, word->at, cursor_left(word), &verb, NULL) != MATCH_ONE)
		return false;
	cursor_skip_blanks(&rest);
	return row_alone(context, verb) != NULL || !cursor_word(&rest, &object) ||
	       object_match(context, verb, object.at, cursor_left(&object), &row, NULL) != MATCH_NONE;
}

/* Whether a line starts as a command of `netsh -f` can: with a context, a verb, or a word of the shell. */
static bool line_is_command(struct cursor line)
{
	enum context_id below;
	struct cursor word;
	if (!cursor_word(&line, &word))
		return false;
	size_t length = cursor_left(&word);
	const struct word first = {.text = word.at, .length = (uint32_t)length};
	bool known = session_elsewhere(&first) || is_word(&word, "help") || is_word(&word, "?");
	for (size_t i = 0; i < ARRAY_LENGTH(shell_words); i++)
		known |= is_word(&word, shell_words[i].name);
	for (size_t i = 0; i < CONTEXT_COUNT && !known; i++)
		known = context_match((enum context_id)i, word.at, length, &below) != MATCH_NONE ||
			line_has_verb((enum context_id)i, &word, line);
	return known;
}

enum { STRANGE_LINES = 3 }; /* so many lines without one command are no script with a slip, but something else */

/* A file that is no script at all gets one message, not one for each of its lines. */
static int shell_check(struct session *session)
{
	struct cursor text = cursor_of(session->text, session->length), line, first = {0};
	size_t strange = 0;
	while (line_next(&text, &line)) {
		cursor_skip_blanks(&line);
		if (line.at == line.end || *line.at == '#')
			continue;
		if (line_is_command(line))
			return 0;
		if (strange++ == 0)
			first = line;
	}
	if (strange < STRANGE_LINES)
		return 0;
	session->result.commands = session->result.failed = 1;
	const struct span span = {(uint32_t)(first.at - session->text), (uint32_t)cursor_left(&first)};
	const char *older = memmem(session->text, session->length, "ipsecpol", 8) != NULL ||
					    memmem(session->text, session->length, "IPSECPOL", 8) != NULL
				    ? "; commands of the older tool ipsecpol inside other programs are not read"
				    : "";
	diag_error(session->diag, session_at(session, span), "this is no netsh script: no line of it starts with a command of netsh%s", older);
	return ERROR_INPUT;
}

/* One pass over the script; the result is in session->result. */
static int pass_run(struct session *session, bool batch)
{
	session->location = session->options->location;
	session->store_span = (struct span){0};
	session->result = (struct netsh_result){0};
	int error = batch ? batch_run(session) : shell_run(session);
	session_end(session);
	return error;
}

static int first_pass(struct session *session, bool batch, struct diag *diag)
{
	struct diag found;
	diag_init(&found);
	session->check_only = true;
	session->diag = &found;
	int error = pass_run(session, batch);
	session->check_only = false;
	session->diag = diag;
	if (error == 0 && session->result.failed > 0)
		error = ERROR_INPUT;
	if (error < 0)
		diag_move(diag, &found);
	diag_done(&found);
	return error;
}

static int text_run(struct session *session, const struct netsh_options *options, struct diag *diag)
{
	int error = lines_check(session, diag);
	if (error < 0)
		return error;
	bool batch = text_is_batch(session);
	const struct place place = {.file = session->file};
	if (!batch && options->variable_count > 0)
		diag_warning(diag, "set-unused", &place,
			     "variables are of batch files; this script has the form of `netsh -f`, where %% is just text");
	if (!batch)
		error = shell_check(session);
	if (error == 0 && !options->keep_going)
		error = first_pass(session, batch, diag);
	if (error == 0)
		error = pass_run(session, batch);
	if (error == 0 && session->result.commands == 0)
		diag_warning(diag, "no-command", &place, "there is no netsh command in this script");
	return options->keep_going ? 0 : error;
}

int netsh_run_script(struct state *state, const char *bytes, size_t length, const char *file,
		     const struct netsh_options *options, struct diag *diag, struct buffer *output,
		     struct netsh_result *ret_result)
{
	struct buffer converted;
	struct decoded decoded;
	struct session session;
	buffer_init(&converted, TEXT_MOST);
	session_init(&session, state, options, diag, output);
	session.file = file;
	int error = 0;
	if (length > TEXT_MOST) {
		const struct place place = {.file = file};
		diag_error(diag, &place, "the script is larger than 1 GiB");
		error = ERROR_LIMIT;
	}
	if (error == 0)
		error = encoding_decode(bytes != NULL ? bytes : "", length, file, diag, &converted, &decoded);
	if (error == 0 && decoded.encoding == ENCODING_GB18030) {
		const struct place place = {.file = file};
		diag_note(diag, &place, "this is not UTF-8, and was read as GB18030: if names look wrong, save it as UTF-8");
	}
	if (error == 0) {
		session.text = decoded.text;
		session.length = decoded.length;
		error = text_run(&session, options, diag);
	}
	if (ret_result != NULL)
		*ret_result = session.result;
	session_done(&session);
	buffer_done(&converted);
	return error;
}

int netsh_run_words(struct state *state, const char *const *words, size_t count, const struct netsh_options *options,
		    struct diag *diag, struct buffer *output)
{
	struct session session;
	struct buffer joined;
	enum context_id context = CONTEXT_ROOT, below;
	size_t first = 0;
	buffer_init(&joined, TEXT_MOST);
	session_init(&session, state, options, diag, output);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buffer_add_char(&joined, ' ');
		buffer_add_text(&joined, words[i]);
	}
	session.text = buffer_text(&joined);
	session.length = joined.length;
	session.file = "command line";
	session.words = true;
	int error = 0;
	if (count > 0 && (ascii_equal(words[0], "netsh") || ascii_equal(words[0], "netsh.exe")))
		first = 1;
	if (first == count || joined.full || !lexer_take(&session.lexer, words, count)) {
		diag_error(diag, NULL, "%s", first == count ? "no command is given: write one such as `ipsec static show all`"
							     : "the command is too long");
		error = ERROR_INPUT;
	} else if (context_match(CONTEXT_ROOT, words[first], strlen(words[first]), &below) == MATCH_NONE) {
		context = CONTEXT_IPSEC; /* `ipsec` may be left out */
	}
	if (error == 0)
		error = session_run(&session, first, &context, true);
	if (error == 0)
		session_end(&session);
	session_done(&session);
	buffer_done(&joined);
	return error;
}
