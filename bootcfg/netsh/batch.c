/* Runs what batch_parse.c reads: the netsh commands, and the few words of cmd.exe that decide which of them
 * run.  Nothing else is run; what another program would do or answer is not guessed. */
#include "bootcfg/netsh/batch.h"

#include <string.h>

#include "bootcfg/netsh/grammar.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

enum { FOREIGN_NOTES = 100 }; /* lines of other programs that get a note each */

/* How a command ended, as && and || see it. */
enum status { STATUS_DONE, STATUS_FAILED, STATUS_UNKNOWN };

static enum status node_run(struct batch *batch, const struct node *node);

static enum status refused(struct batch *batch, int error)
{
	struct session *session = batch->session;
	session->result.failed++;
	if (session->check_only)
		return STATUS_DONE; /* the first pass looks at everything that would run if all went well */
	if (!session->options->keep_going) {
		batch->error = error;
		batch->stopped = true;
	}
	return STATUS_FAILED;
}

static enum status refuse(struct batch *batch, struct span span, const char *what, const char *why)
{
	struct session *session = batch->session;
	session->result.commands++;
	diag_error(session->diag, session_at(session, span), "%s%s%s", what, what[0] != '\0' ? ": " : "", why);
	return refused(batch, ERROR_INPUT);
}

/* The program that a command line starts: the last part of its path, without .exe. */
struct program {
	const char *name;
	size_t length;
	struct span span;
	size_t rest; /* where its arguments start */
};

static uint32_t piece_origin(const struct piece *piece, size_t index)
{
	return piece->origin != NULL ? piece->origin[index] : piece->offset + (uint32_t)index;
}

static struct program program_of(const struct piece *text)
{
	size_t at = 0;
	while (at < text->length && (ascii_blank(text->text[at]) || memchr(",;=@", text->text[at], 4) != NULL))
		at++;
	size_t start = at, name = at;
	bool inside = false;
	for (; at < text->length; at++) {
		char c = text->text[at];
		if (c == '"')
			inside = !inside;
		else if (!inside && (ascii_blank(c) || memchr(",;(", c, 3) != NULL || (c == '/' && at > start)))
			break;
		else if (c == '\\' || c == ':')
			name = at + 1;
	}
	struct program program = {.name = text->text + name, .length = at - name, .rest = at};
	if (program.length > 0 && program.name[0] == '"') {
		program.name++;
		program.length--;
	}
	if (program.length > 0 && program.name[program.length - 1] == '"')
		program.length--;
	if (program.length > 4 && ascii_equal_n(program.name + program.length - 4, 4, ".exe"))
		program.length -= 4;
	if (at > start)
		program.span = (struct span){piece_origin(text, start), (uint32_t)(at - start)};
	return program;
}

static bool program_is(const struct program *program, const char *name)
{
	return ascii_equal_n(program->name, program->length, name);
}

static struct piece piece_after(const struct piece *piece, size_t start)
{
	struct piece rest = *piece;
	rest.text += start;
	rest.length -= start;
	rest.offset += (uint32_t)start;
	if (rest.origin != NULL)
		rest.origin += start;
	return rest;
}

/* A part that could not be replaced: says which, and how to give it. */
static bool mark_refused(struct batch *batch, const struct piece *text, enum status *ret_status)
{
	const char *open = memchr(text->text, MARK_OPEN, text->length);
	if (open == NULL)
		return false;
	size_t at = (size_t)(open - text->text), end = at + 1;
	while (end < text->length && text->text[end] != MARK_CLOSE)
		end++;
	const char *whole = open + 1;
	size_t length = end - at - 1;
	const struct span span = {piece_origin(text, at), (uint32_t)length};
	struct session *session = batch->session;
	const struct place *place = session_at(session, span);
	bool argument = length == 2 && whole[0] == '%';
	const char *name = whole + 1;
	size_t name_length = argument ? 1 : length >= 2 ? length - 2 : 0;
	const struct variable *variable = variable_find(&batch->variables, name, name_length);
	session->result.commands++;
	if (variable != NULL && variable->value == NULL)
		diag_error(session->diag, place, "%s is not known: %s; give it with --set %.*s=VALUE, and take that line out",
			   QUOTE_N(whole, length), variable->why, (int)name_length, name);
	else if (memchr(name, ':', name_length) != NULL || (length > 1 && whole[1] == '~'))
		diag_error(session->diag, place, "%s: parts of variables are not understood; write the value", QUOTE_N(whole, length));
	else
		diag_error(session->diag, place, "%s is not defined: give it with --set %.*s=VALUE", QUOTE_N(whole, length),
			   (int)name_length, name);
	*ret_status = refused(batch, ERROR_INPUT);
	return true;
}

static enum status foreign(struct batch *batch, struct span span, const char *name, size_t length)
{
	struct session *session = batch->session;
	if (session->result.foreign++ < FOREIGN_NOTES)
		diag_note(session->diag, session_at(session, span), "%s is not netsh ipsec: this line is not run", QUOTE_N(name, length));
	else
		batch->foreign_unsaid++;
	return STATUS_UNKNOWN;
}

/* The options of netsh.exe itself.  Leaves in *first the word that the command starts with. */
static const char *netsh_options_check(const struct lexer *lexer, size_t *first)
{
	static const struct {
		const char *option, *why;
	} options[] = {
		{"-f", "it runs another script: run that one with `cordon netsh -f`"},
		{"-r", "it works on another machine"},
		{"-u", "it works as another user"},
		{"-p", "it works as another user"},
		{"-a", "it runs another script first"},
		{"-c", "it chooses a context: write the context before the command instead"},
	};
	for (size_t i = 0; *first < lexer->count && i < ARRAY_LENGTH(options); i++) {
		const struct word *word = &lexer->words[*first];
		if (ascii_equal_n(word->text, word->length, options[i].option))
			return options[i].why;
	}
	return NULL;
}

static enum status netsh_run(struct batch *batch, const struct node *node, const struct piece *text, const struct program *program)
{
	struct session *session = batch->session;
	const struct piece arguments = piece_after(text, program->rest);
	enum status status;
	if (mark_refused(batch, text, &status))
		return status;
	if (!lexer_split(&session->lexer, &arguments))
		return refuse(batch, program->span, "", "this command has more than 1000 words");
	size_t first = 0;
	const char *why = netsh_options_check(&session->lexer, &first);
	if (why != NULL) {
		const struct word *option = &session->lexer.words[first];
		return refuse(batch, (struct span){option->at, option->span}, "this is not done here", why);
	}
	if (session->lexer.count > 0 && session_elsewhere(&session->lexer.words[0])) {
		const struct word *word = &session->lexer.words[0];
		return foreign(batch, (struct span){word->at, word->span}, word->text, word->length);
	}
	session->result.commands++;
	if (session->lexer.count == 0) {
		diag_error(session->diag, session_at(session, program->span),
			   "`netsh` alone would wait for input; if the line was wrapped, join it with the next");
		return refused(batch, ERROR_INPUT);
	}
	if (node != NULL && node->target.length > 0 && !session->check_only)
		diag_note(session->diag, session_at(session, node->span), "no file is written: what this prints goes to the output, not to %s",
			  QUOTE_N(node->target.text, node->target.length));
	session->quiet = node != NULL && node->quiet;
	enum context_id root = CONTEXT_ROOT;
	int error = session_run(session, 0, &root, true);
	session->quiet = false;
	return error < 0 ? refused(batch, error) : STATUS_DONE;
}

/* --- the words of cmd.exe --- */

/* `set policy name=x` is what is left when a line was wrapped behind `netsh ipsec static`. */
static bool set_is_wrapped(const struct cursor *name)
{
	struct cursor cursor = *name, word;
	const struct row *row;
	if (!cursor_word(&cursor, &word) || cursor.at == cursor.end)
		return false;
	cursor_skip_blanks(&cursor);
	return cursor.at < cursor.end && (object_match(CONTEXT_STATIC, "set", word.at, cursor_left(&word), &row, NULL) == MATCH_ONE ||
					  object_match(CONTEXT_DYNAMIC, "set", word.at, cursor_left(&word), &row, NULL) == MATCH_ONE);
}

static enum status set_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	struct cursor rest = cursor_of(text->text + program->rest, text->length - program->rest);
	const char *why = NULL;
	cursor_skip_blanks(&rest);
	if (cursor_left(&rest) >= 2 && rest.at[0] == '/') {
		bool prompt = ascii_lower(rest.at[1]) == 'p';
		why = prompt ? "`set /p` asks for it" : "`set /a` calculates it";
		rest.at += 2;
		cursor_skip_blanks(&rest);
	}
	if (cursor_take(&rest, '"')) {
		const char *close = memrchr(rest.at, '"', cursor_left(&rest));
		if (close != NULL)
			rest.end = close;
	}
	const char *equals = memchr(rest.at, '=', cursor_left(&rest));
	if (equals == NULL || equals == rest.at)
		return STATUS_DONE; /* shows variables */
	const struct cursor name = {rest.at, equals};
	size_t length = (size_t)(rest.end - equals - 1);
	if (set_is_wrapped(&name))
		return refuse(batch, program->span, "this looks like the rest of a wrapped line", "join it with the line before");
	if (why == NULL && memchr(text->text, MARK_OPEN, text->length) != NULL)
		why = "it is made of a variable that is not defined";
	if (why == NULL && batch->unsure)
		why = "whether it is set depends on another program";
	const struct variable *before = variable_find(&batch->variables, name.at, cursor_left(&name));
	if (before != NULL && before->given) {
		/* Who gives a value for a variable that the script sets means that value. */
		diag_note(batch->session->diag, session_at(batch->session, program->span), "%s keeps the value that --set gives it",
			  QUOTE_N(name.at, cursor_left(&name)));
		return STATUS_DONE;
	}
	if (!variable_set(&batch->variables, name.at, cursor_left(&name), why == NULL ? equals + 1 : NULL, length, why))
		return refuse(batch, program->span, "", "too many variables (256 at most), or a value longer than 32767 bytes");
	return STATUS_DONE;
}

static enum status setlocal_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	static const char word[] = "enabledelayedexpansion";
	bool delayed = batch->variables.delayed;
	for (size_t at = program->rest; at + strlen(word) <= text->length; at++)
		delayed |= ascii_equal_n(text->text + at, strlen(word), word);
	if (!variables_push(&batch->variables, delayed))
		return refuse(batch, program->span, "", "more than 32 `setlocal` in each other");
	return STATUS_DONE;
}

static enum status endlocal_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	(void)text;
	(void)program;
	variables_pop(&batch->variables);
	return STATUS_DONE;
}

static enum status exit_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	(void)text;
	(void)program;
	batch->stopped = true;
	return STATUS_DONE;
}

static enum status goto_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	struct cursor rest = cursor_of(text->text + program->rest, text->length - program->rest), word = {0};
	cursor_skip_blanks(&rest);
	if (program_is(program, "goto") && cursor_word(&rest, &word) && ascii_equal_n(word.at, cursor_left(&word), ":eof")) {
		batch->stopped = true;
		return STATUS_DONE;
	}
	struct quote quote = {{0}};
	return refuse(batch, program->span, quote_text(&quote, program->name, program->length),
		      "jumps and calls are not understood: write the commands in the order in which they run");
}

static enum status ipsecpol_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	(void)text;
	struct quote quote = {{0}};
	return refuse(batch, program->span, quote_text(&quote, program->name, program->length),
		      "commands of the older tools ipsecpol and ipseccmd are not read here: that comes later");
}

static enum status echo_run(struct batch *batch, const struct piece *text, const struct program *program)
{
	struct cursor rest = cursor_of(text->text + program->rest, text->length - program->rest), word = {0};
	cursor_skip_blanks(&rest);
	bool one = cursor_word(&rest, &word);
	cursor_skip_blanks(&rest);
	if (program_is(program, "echo") && one && rest.at == rest.end &&
	    (ascii_equal_n(word.at, cursor_left(&word), "off") || ascii_equal_n(word.at, cursor_left(&word), "on")))
		return STATUS_DONE;
	(void)foreign(batch, program->span, program->name, program->length);
	return STATUS_DONE;
}

static const struct builtin {
	const char *name;
	bool matters; /* decides what netsh commands do */
	enum status (*run)(struct batch *batch, const struct piece *text, const struct program *program);
} builtins[] = {
	{"set", true, set_run},
	{"setlocal", true, setlocal_run},
	{"endlocal", true, endlocal_run},
	{"exit", true, exit_run},
	{"goto", true, goto_run},
	{"call", true, goto_run},
	{"shift", true, goto_run},
	{"ipsecpol", true, ipsecpol_run},
	{"ipseccmd", true, ipsecpol_run},
	/* these always succeed, and do nothing that matters */
	{"echo", false, echo_run},
	{"pause", false, echo_run},
	{"cls", false, echo_run},
	{"color", false, echo_run},
	{"title", false, echo_run},
	{"timeout", false, echo_run},
};

static const struct builtin *builtin_find(const struct program *program)
{
	/* echo. and echo: print an empty line */
	size_t length = program->length;
	if (length > 4 && ascii_equal_n(program->name, 4, "echo") && memchr(".:;[+(", program->name[4], 6) != NULL)
		length = 4;
	for (size_t i = 0; i < ARRAY_LENGTH(builtins); i++)
		if (ascii_equal_n(program->name, length, builtins[i].name))
			return &builtins[i];
	return NULL;
}

/* Tags that no other program has: a line with one of them is a piece of a netsh command. */
static bool looks_wrapped(const struct piece *text, const struct program *program)
{
	static const char *const distinct[] = {
		"srcaddr", "dstaddr", "srcmask", "dstmask", "srcport", "dstport", "filterlist", "filteraction", "mirrored",
		"qmsecmethods", "mmsecmethods", "actioninbound", "actionoutbound", "activatedefaultrule",
	};
	struct cursor cursor = cursor_of(text->text, text->length), word;
	(void)program;
	for (cursor_skip_blanks(&cursor); cursor_word(&cursor, &word); cursor_skip_blanks(&cursor)) {
		const char *equals = memchr(word.at, '=', cursor_left(&word));
		for (size_t i = 0; equals != NULL && i < ARRAY_LENGTH(distinct); i++)
			if (ascii_equal_n(word.at, (size_t)(equals - word.at), distinct[i]))
				return true;
	}
	return false;
}

/* `add policy …`, `tag=value …`: the program of such a line is none. */
static bool program_wrapped(const struct piece *text, const struct program *program)
{
	static const char *const verbs[] = {"add", "delete", "show"};
	struct cursor cursor = cursor_of(text->text + program->rest, text->length - program->rest), word;
	const struct row *row;
	cursor_skip_blanks(&cursor);
	for (size_t i = 0; i < ARRAY_LENGTH(verbs); i++)
		if (program_is(program, verbs[i]) && cursor_word(&cursor, &word) &&
		    (object_match(CONTEXT_STATIC, verbs[i], word.at, cursor_left(&word), &row, NULL) != MATCH_NONE ||
		     object_match(CONTEXT_DYNAMIC, verbs[i], word.at, cursor_left(&word), &row, NULL) != MATCH_NONE))
			return true;
	return looks_wrapped(text, program);
}

/* --- variables of loops --- */

static const struct loop *loop_find(const struct batch *batch, char variable)
{
	for (size_t i = batch->loop_count; i-- > 0;)
		if (batch->loops[i].variable == variable)
			return &batch->loops[i];
	return NULL;
}

/* %I and %~I at `at`: how many bytes they take, 0 when there is no such loop. */
static size_t loop_take(const struct batch *batch, const struct piece *text, size_t at, const struct loop **ret_loop,
			bool *ret_unquote, bool *ret_bad)
{
	size_t end = at + 1;
	*ret_unquote = *ret_bad = false;
	if (end < text->length && text->text[end] == '~') {
		*ret_unquote = true;
		end++;
		while (end + 1 < text->length && loop_find(batch, text->text[end]) == NULL &&
		       memchr("fdpnxsatz", ascii_lower(text->text[end]), 9) != NULL) {
			*ret_bad = true;
			end++;
		}
	}
	*ret_loop = end < text->length ? loop_find(batch, text->text[end]) : NULL;
	return *ret_loop != NULL ? end + 1 - at : 0;
}

static size_t delayed_take(struct batch *batch, const struct piece *text, size_t at)
{
	const char *close = memchr(text->text + at + 1, '!', text->length - at - 1);
	if (close == NULL || close == text->text + at + 1)
		return 0;
	size_t used = (size_t)(close - (text->text + at)) + 1;
	const struct variable *variable = variable_find(&batch->variables, text->text + at + 1, used - 2);
	if (variable != NULL && variable->value != NULL)
		traced_add(&batch->work, variable->value, variable->length, piece_origin(text, at), true);
	else
		traced_mark(&batch->work, text->text + at, used, piece_origin(text, at));
	return used;
}

/* The text with the variables of loops and delayed ones replaced; the text itself when there are none. */
static struct piece loops_replace(struct batch *batch, const struct piece *text)
{
	if ((batch->loop_count == 0 || memchr(text->text, '%', text->length) == NULL) &&
	    (!batch->variables.delayed || memchr(text->text, '!', text->length) == NULL))
		return *text;
	traced_clear(&batch->work);
	for (size_t at = 0, used; at < text->length; at += used) {
		const struct loop *loop;
		bool unquote, bad;
		char c = text->text[at];
		used = c == '%' ? loop_take(batch, text, at, &loop, &unquote, &bad) : 0;
		if (used > 0 && bad) {
			traced_mark(&batch->work, text->text + at, used, piece_origin(text, at));
		} else if (used > 0) {
			bool quotes = unquote && loop->length > 1 && loop->value[0] == '"' && loop->value[loop->length - 1] == '"';
			traced_add(&batch->work, loop->value + quotes, loop->length - 2 * (size_t)quotes, piece_origin(text, at), true);
		} else if (c == '!' && batch->variables.delayed) {
			used = delayed_take(batch, text, at);
		}
		if (used == 0) {
			traced_add(&batch->work, &c, 1, piece_origin(text, at), true);
			used = 1;
		}
	}
	return traced_piece(&batch->work, 0, batch->work.length);
}

/* --- running --- */

static bool counted(struct batch *batch, struct span span)
{
	if (batch->runs++ < RUNS_MOST)
		return true;
	if (!batch->stopped) {
		diag_error(batch->session->diag, session_at(batch->session, span), "more than %d commands are run: the loops are too long",
			   RUNS_MOST);
		batch->session->result.failed++;
		batch->error = ERROR_LIMIT;
	}
	batch->stopped = true;
	return false;
}

/* Programs that run the command that follows them. */
static bool program_wraps(const struct program *program)
{
	static const char *const names[] = {"cmd", "start", "runas", "psexec", "powershell", "wmic"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (program_is(program, names[i]))
			return true;
	return false;
}

static bool text_names_netsh(const struct piece *text, size_t from)
{
	static const char word[] = "netsh";
	for (size_t at = from; at + strlen(word) <= text->length; at++)
		if (ascii_equal_n(text->text + at, strlen(word), word))
			return true;
	return false;
}

static enum status simple_run(struct batch *batch, const struct node *node)
{
	const struct piece text = loops_replace(batch, &node->text);
	const struct program program = program_of(&text);
	if (program.length == 0 && program.rest >= text.length && program.span.length == 0)
		return STATUS_DONE;
	if (!counted(batch, node->span))
		return STATUS_FAILED;
	if (batch->work.full)
		return refuse(batch, node->span, "", "this line is too long when its variables are replaced");
	if (program_is(&program, "netsh"))
		return netsh_run(batch, node, &text, &program);
	enum status status;
	const struct piece name = {.text = program.name, .length = program.length, .origin = text.origin != NULL ? text.origin + (program.name - text.text) : NULL,
				   .offset = text.offset + (uint32_t)(program.name - text.text)};
	if (mark_refused(batch, &name, &status))
		return status;
	const struct builtin *builtin = builtin_find(&program);
	if (builtin != NULL)
		return builtin->run(batch, &text, &program);
	if (program_wraps(&program) && text_names_netsh(&text, program.rest))
		return refuse(batch, program.span, "netsh behind another program is not understood",
			      "write the netsh command on a line of its own");
	if (program_wrapped(&text, &program))
		return refuse(batch, program.span, "this looks like the rest of a wrapped line", "join it with the line before");
	return foreign(batch, program.span, program.name, program.length);
}

/* Whether something in there decides about the policy: then it must be known whether it runs. */
static bool node_matters(const struct node *node)
{
	if (node == NULL || node->kind == NODE_NOTHING)
		return false;
	if (node->kind == NODE_BAD)
		return true;
	if (node->kind == NODE_SIMPLE) {
		const struct program program = program_of(&node->text);
		const struct builtin *builtin = builtin_find(&program);
		return program_is(&program, "netsh") || (builtin != NULL && builtin->matters);
	}
	for (const struct node *child = node->first; child != NULL; child = child->next)
		if (node_matters(child))
			return true;
	return false;
}

/* An `if` that nothing here can decide, a loop over what is not known. */
static enum status undecided(struct batch *batch, const struct node *node, const char *what, const char *why)
{
	if (node_matters(node))
		return refuse(batch, node->span, what, why);
	const struct span word = {node->span.at, node->kind == NODE_FOR ? 3 : 2};
	return foreign(batch, word, node->kind == NODE_FOR ? "for" : "if", word.length);
}

/* Behind another program a `set` may or may not happen: its variable is not known from there on. */
static bool node_is_set(const struct node *node)
{
	if (node->kind != NODE_SIMPLE)
		return false;
	const struct program program = program_of(&node->text);
	return program_is(&program, "set");
}

static enum status chain_run(struct batch *batch, const struct node *node)
{
	enum status status = STATUS_DONE, wanted = node->kind == NODE_OR ? STATUS_FAILED : STATUS_DONE;
	for (const struct node *child = node->first; child != NULL && !batch->stopped; child = child->next) {
		bool decided = child == node->first || node->kind == NODE_BLOCK || node->kind == NODE_PIPE;
		bool unsure = !decided && status == STATUS_UNKNOWN;
		if (unsure && node_is_set(child)) {
			batch->unsure = true;
			(void)node_run(batch, child);
			batch->unsure = false;
			continue;
		}
		if (unsure && node_matters(child))
			return refuse(batch, child->span, "whether this runs depends on another program, which is not run here",
				      "put it on a line of its own");
		if (!decided && status != STATUS_UNKNOWN && status != wanted)
			continue;
		status = node_run(batch, child);
	}
	return status;
}

/* An operand without marks.  False when it holds a variable that is not defined here (on Windows it may be: %OS%), or
 * set to what is not known. */
static bool operand_value(struct batch *batch, const struct piece *operand, struct traced *ret_value)
{
	if (operand->length == 0)
		return true;
	const struct piece text = loops_replace(batch, operand);
	for (size_t at = 0; at < text.length; at++) {
		if (text.text[at] == MARK_OPEN)
			return false;
		traced_add(ret_value, text.text + at, 1, 0, true);
	}
	return true;
}

static int compare_text(const struct traced *a, const struct traced *b, bool nocase)
{
	size_t least = a->length < b->length ? a->length : b->length;
	for (size_t i = 0; i < least; i++) {
		int x = (unsigned char)(nocase ? ascii_lower(a->text[i]) : a->text[i]);
		int y = (unsigned char)(nocase ? ascii_lower(b->text[i]) : b->text[i]);
		if (x != y)
			return x < y ? -1 : 1;
	}
	return a->length == b->length ? 0 : a->length < b->length ? -1 : 1;
}

/* EQU and its kin compare numbers as numbers. */
static bool compare_holds(const struct condition *condition, const struct traced *left, const struct traced *right)
{
	static const struct {
		const char *name;
		bool less, equal, greater;
	} kinds[] = {
		{"EQU", false, true, false}, {"NEQ", true, false, true}, {"LSS", true, false, false},
		{"LEQ", true, true, false},  {"GTR", false, false, true}, {"GEQ", false, true, true},
	};
	uint64_t a, b;
	int order = compare_text(left, right, condition->nocase);
	if (left->length > 0 && right->length > 0 && number_parse(left->text, left->length, UINT32_MAX, &a) &&
	    number_parse(right->text, right->length, UINT32_MAX, &b))
		order = a < b ? -1 : a > b;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (strcmp(kinds[i].name, condition->compare) == 0)
			return order < 0 ? kinds[i].less : order == 0 ? kinds[i].equal : kinds[i].greater;
	return false;
}

/* 1, 0, or -1 when it is not known; then *ret_why says why. */
static int condition_holds(struct batch *batch, const struct condition *condition, const char **ret_why)
{
	*ret_why = "it compares a variable whose value is not known here: give it with --set NAME=VALUE";
	if (condition->kind == CONDITION_UNKNOWN) {
		*ret_why = "what it asks (exist, errorlevel, cmdextversion) is not known here: write the commands that shall run";
		return -1;
	}
	struct traced left, right;
	traced_init(&left, LOGICAL_MOST);
	traced_init(&right, LOGICAL_MOST);
	bool known = operand_value(batch, &condition->left, &left) && operand_value(batch, &condition->right, &right);
	int holds = -1;
	if (known && condition->kind == CONDITION_DEFINED) {
		const struct variable *variable = variable_find(&batch->variables, left.length > 0 ? left.text : "", left.length);
		holds = variable != NULL;
	} else if (known && condition->kind == CONDITION_EQUAL) {
		holds = compare_text(&left, &right, condition->nocase) == 0;
	} else if (known) {
		holds = compare_holds(condition, &left, &right);
	}
	traced_done(&left);
	traced_done(&right);
	return holds < 0 ? -1 : holds ^ condition->negate;
}

static enum status if_run(struct batch *batch, const struct node *node)
{
	const char *why;
	int holds = condition_holds(batch, &node->condition, &why);
	if (holds < 0)
		return undecided(batch, node, "this `if` is not decided here", why);
	const struct node *child = holds ? node->first : node->first != NULL ? node->first->next : NULL;
	return child != NULL ? node_run(batch, child) : STATUS_DONE;
}

static enum status turn_run(struct batch *batch, const struct node *node, const char *value, size_t length)
{
	if (!counted(batch, node->span))
		return STATUS_FAILED;
	batch->loops[batch->loop_count++] = (struct loop){node->variable, value, length};
	enum status status = node->first != NULL ? node_run(batch, node->first) : STATUS_DONE;
	batch->loop_count--;
	return status;
}

static enum status numbers_run(struct batch *batch, const struct node *node, const struct piece *items)
{
	int64_t numbers[3] = {0};
	struct cursor cursor = cursor_of(items->text, items->length);
	enum status status = STATUS_DONE;
	for (size_t i = 0; i < 3; i++) {
		while (cursor.at < cursor.end && (ascii_blank(*cursor.at) || *cursor.at == ','))
			cursor.at++;
		uint64_t number;
		bool negative = cursor_take(&cursor, '-');
		if (!cursor_number(&cursor, INT32_MAX, &number))
			return refuse(batch, node->span, "", "`for /l` counts in three numbers: (START,STEP,END)");
		numbers[i] = negative ? -(int64_t)number : (int64_t)number;
	}
	for (int64_t i = numbers[0]; (numbers[1] >= 0 ? i <= numbers[2] : i >= numbers[2]) && !batch->stopped; i += numbers[1]) {
		struct buffer text;
		buffer_init(&text, 32);
		buffer_printf(&text, "%lld", (long long)i);
		status = turn_run(batch, node, text.data, text.length);
		buffer_done(&text);
	}
	return status;
}

static enum status for_run(struct batch *batch, const struct node *node)
{
	if (node->why != NULL)
		return undecided(batch, node, "this loop is not run", node->why);
	/* The items are kept: a loop inside uses batch->work as well. */
	const struct piece replaced = loops_replace(batch, &node->text);
	enum status status = STATUS_DONE;
	if (node_matters(node->first) && mark_refused(batch, &replaced, &status))
		return status;
	struct traced kept;
	traced_init(&kept, LOGICAL_MOST);
	for (size_t i = 0; i < replaced.length; i++)
		traced_add(&kept, replaced.text + i, 1, piece_origin(&replaced, i), true);
	const struct piece items = traced_piece(&kept, 0, kept.length);
	if (node->numbers) {
		status = numbers_run(batch, node, &items);
		traced_done(&kept);
		return status;
	}
	for (size_t at = 0; at < items.length && !batch->stopped;) {
		if (memchr(" \t,;=", items.text[at], 5) != NULL) {
			at++;
			continue;
		}
		size_t start = at;
		bool inside = false, wild = false;
		for (; at < items.length && (inside || memchr(" \t,;=", items.text[at], 5) == NULL); at++) {
			inside ^= items.text[at] == '"';
			wild |= items.text[at] == '*' || items.text[at] == '?';
		}
		if (wild && node_matters(node->first))
			status = refuse(batch, (struct span){piece_origin(&items, start), (uint32_t)(at - start)}, "",
					"`*` and `?` in the items of `for` stand for names of files, which are not known here");
		else
			status = turn_run(batch, node, items.text + start, at - start);
	}
	traced_done(&kept);
	return status;
}

static enum status node_run(struct batch *batch, const struct node *node)
{
	switch (node->kind) {
	case NODE_NOTHING: return STATUS_DONE;
	case NODE_SIMPLE: return simple_run(batch, node);
	case NODE_IF: return if_run(batch, node);
	case NODE_FOR: return for_run(batch, node);
	case NODE_BAD: return refuse(batch, node->span, "", node->why);
	case NODE_BLOCK:
	case NODE_AND:
	case NODE_OR:
	case NODE_PIPE: break;
	}
	return chain_run(batch, node);
}

/* The common line, which needs no parser: netsh, and nothing that cmd.exe looks at. */
static bool plain_run(struct batch *batch)
{
	static const char netsh[] = "netsh";
	static const bool special[256] = {['%'] = true, ['^'] = true, ['&'] = true, ['|'] = true, ['<'] = true,
					  ['>'] = true, ['('] = true, [')'] = true, ['!'] = true, ['\f'] = true};
	struct session *session = batch->session;
	const char *line = session->text + batch->at;
	size_t left = session->length - batch->at, length;
	const char *newline = memchr(line, '\n', left);
	length = newline != NULL ? (size_t)(newline - line) : left;
	size_t used = length > 0 && line[length - 1] == '\r' ? length - 1 : length;
	if (used < strlen(netsh) || !ascii_equal_n(line, strlen(netsh), netsh))
		return false;
	for (size_t i = 0; i < used; i++)
		if (special[(unsigned char)line[i]])
			return false;
	const struct piece text = {.text = line, .length = used, .offset = (uint32_t)batch->at};
	const struct program program = program_of(&text);
	if (!program_is(&program, netsh))
		return false;
	session_advance(session, batch->at, batch->line);
	batch->at += length + (newline != NULL);
	batch->line++;
	if (counted(batch, program.span))
		(void)netsh_run(batch, NULL, &text, &program);
	return true;
}

int batch_run(struct session *session)
{
	struct batch batch = {.session = session, .line = 1};
	const char *wrong = NULL;
	session->batch = true;
	traced_init(&batch.logical, LOGICAL_MOST);
	traced_init(&batch.work, LOGICAL_MOST);
	if (!variables_init(&batch.variables, session->options, &wrong)) {
		diag_error(session->diag, NULL, "the variable %s: names are not empty, values have at most 32767 bytes of text without "
			   "control characters, and there are at most 256", QUOTE(wrong));
		variables_done(&batch.variables);
		return ERROR_INPUT;
	}
	while (!batch.stopped && batch.at < session->length) {
		if (plain_run(&batch))
			continue;
		session_advance(session, batch.at, batch.line);
		const struct node *node = batch_parse(&batch);
		if (node != NULL)
			(void)node_run(&batch, node);
	}
	if (batch.foreign_unsaid > 0)
		diag_note(session->diag, NULL, "%zu more lines of other programs are not run", batch.foreign_unsaid);
	variables_done(&batch.variables);
	traced_done(&batch.logical);
	traced_done(&batch.work);
	arena_free(batch.arena);
	return batch.error;
}
