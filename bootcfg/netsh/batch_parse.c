/* The grammar of cmd.exe, as far as scripts for netsh use it.  From loose to tight: & then || then && then |,
 * then one command: ( … ), if, for, a comment, or a line for a program. */
#include <string.h>

#include "bootcfg/netsh/batch.h"
#include "core/base/cursor.h"

static struct node *seq_parse(struct batch *batch);

bool batch_more(struct batch *batch)
{
	const struct session *session = batch->session;
	if (batch->at >= session->length)
		return false;
	const char *line = session->text + batch->at;
	const char *newline = memchr(line, '\n', session->length - batch->at);
	size_t length = newline != NULL ? (size_t)(newline - line) : session->length - batch->at, used = length;
	uint32_t at = (uint32_t)batch->at;
	if (used > 0 && line[used - 1] == '\r')
		used--;
	/* A byte order mark in the middle: files were put together. */
	size_t skip = used >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	variables_expand(&batch->variables, line + skip, used - skip, at + (uint32_t)skip, &batch->logical);
	traced_add(&batch->logical, "\n", 1, at + (uint32_t)used, true);
	batch->at += length + (newline != NULL);
	batch->line++;
	return true;
}

static char peek(const struct batch *batch)
{
	return batch->cursor < batch->logical.length ? batch->logical.text[batch->cursor] : '\n';
}

static char peek_after(const struct batch *batch, size_t more)
{
	size_t at = batch->cursor + more;
	return at < batch->logical.length ? batch->logical.text[at] : '\n';
}

static uint32_t origin_at(const struct batch *batch, size_t index)
{
	return index < batch->logical.length ? batch->logical.origin[index] : (uint32_t)batch->session->length;
}

/* cmd.exe takes these for blanks between words. */
static bool delimiter(char c)
{
	return c == ' ' || c == '\t' || c == ',' || c == ';' || c == '=' || c == '\f' || c == '\v';
}

static void skip_delimiters(struct batch *batch)
{
	while (batch->cursor < batch->logical.length && delimiter(peek(batch)))
		batch->cursor++;
}

static void skip_blanks(struct batch *batch)
{
	while (batch->cursor < batch->logical.length && ascii_blank(peek(batch)))
		batch->cursor++;
}

static void skip_line(struct batch *batch)
{
	while (batch->cursor < batch->logical.length && peek(batch) != '\n')
		batch->cursor++;
}

static struct node *node_new(struct batch *batch, enum node_kind kind, size_t start)
{
	struct node *node = arena_alloc(batch->arena, sizeof(*node));
	node->kind = kind;
	node->span.at = origin_at(batch, start);
	return node;
}

/* How far the node reaches: to the cursor, blanks at its end left out. */
static void node_end(const struct batch *batch, struct node *node, size_t start)
{
	size_t end = batch->cursor;
	while (end > start + 1 && (ascii_blank(batch->logical.text[end - 1]) || batch->logical.text[end - 1] == '\n'))
		end--;
	uint32_t last = end > start ? origin_at(batch, end - 1) : node->span.at;
	node->span.length = last >= node->span.at ? last - node->span.at + 1 : 1;
}

static struct node *bad(struct batch *batch, size_t start, const char *why)
{
	struct node *node = node_new(batch, NODE_BAD, start);
	node->why = why;
	skip_line(batch);
	node_end(batch, node, start);
	return node;
}

/* A word of the language (if, for, rem, …) at the cursor, which a delimiter or something special ends. */
static bool keyword(const struct batch *batch, const char *word)
{
	size_t length = strlen(word);
	if (batch->logical.length - batch->cursor < length ||
	    !ascii_equal_n(batch->logical.text + batch->cursor, length, word))
		return false;
	char after = peek_after(batch, length);
	return delimiter(after) || after == '\n' || memchr("&|<>()\"/:.", after, 10) != NULL;
}

static bool keyword_take(struct batch *batch, const char *word)
{
	if (!keyword(batch, word))
		return false;
	batch->cursor += strlen(word);
	return true;
}

/* A piece of the logical line in the arena, so that it lives when the line grows. */
static struct piece piece_keep(struct batch *batch, const struct traced *text)
{
	struct piece piece = {.text = "", .length = text->length};
	if (text->length == 0)
		return piece;
	uint32_t *origin = arena_alloc(batch->arena, text->length * sizeof(*origin));
	memcpy(origin, text->origin, text->length * sizeof(*origin));
	piece.text = arena_text_n(batch->arena, text->text, text->length);
	piece.origin = origin;
	return piece;
}

static void copy_char(struct batch *batch, struct traced *text)
{
	char c = peek(batch);
	traced_add(text, &c, 1, origin_at(batch, batch->cursor), true);
	batch->cursor++;
}

/* At a caret: the next character counts as it is; a caret at the end joins the next line. */
static void copy_escaped(struct batch *batch, struct traced *text)
{
	batch->cursor++;
	if (peek(batch) == '\n') {
		batch->cursor++;
		if (batch->cursor >= batch->logical.length)
			batch_more(batch);
		return;
	}
	copy_char(batch, text);
}

/* > file, 2>&1, < file: taken off the command. */
static void redirection(struct batch *batch, struct node *node, struct traced *text)
{
	char handle = peek(batch) == '<' ? '0' : '1';
	size_t end = text->length;
	if (end > 0 && ascii_digit(text->text[end - 1]) && (end == 1 || ascii_blank(text->text[end - 2])) && batch->cursor > 0 &&
	    batch->logical.text[batch->cursor - 1] == text->text[end - 1])
		handle = text->text[--text->length];
	batch->cursor++;
	if (peek(batch) == '>')
		batch->cursor++;
	if (peek(batch) == '&') {
		batch->cursor++;
		skip_blanks(batch);
		if (ascii_digit(peek(batch)))
			batch->cursor++;
		return;
	}
	struct traced target;
	traced_init(&target, LOGICAL_MOST);
	skip_delimiters(batch);
	for (bool inside = false; peek(batch) != '\n'; ) {
		char c = peek(batch);
		if (!inside && (delimiter(c) || memchr("&|<>()", c, 6) != NULL))
			break;
		if (c == '^' && !inside) {
			copy_escaped(batch, &target);
			continue;
		}
		inside ^= c == '"';
		if (c == '"')
			batch->cursor++;
		else
			copy_char(batch, &target);
	}
	if (target.length == 0) {
		node->kind = NODE_BAD;
		node->why = "a redirection needs a file behind it, such as > nul";
	}
	if (handle == '1' && target.length == 3 && ascii_equal_n(target.text, 3, "nul"))
		node->quiet = true;
	else if (handle == '1')
		node->target = piece_keep(batch, &target);
	traced_done(&target);
}

/* The words for one program, up to what ends a command. */
static struct node *simple_parse(struct batch *batch)
{
	size_t start = batch->cursor;
	struct node *node = node_new(batch, NODE_SIMPLE, start);
	struct traced text;
	bool inside = false;
	traced_init(&text, LOGICAL_MOST);
	while (peek(batch) != '\n') {
		char c = peek(batch);
		if (c == '"') {
			inside = !inside;
			copy_char(batch, &text);
		} else if (inside) {
			copy_char(batch, &text);
		} else if (c == '^') {
			copy_escaped(batch, &text);
		} else if (c == '&' || c == '|' || (c == ')' && batch->blocks > 0)) {
			break;
		} else if (c == '<' || c == '>') {
			redirection(batch, node, &text);
		} else {
			copy_char(batch, &text);
		}
	}
	node->text = piece_keep(batch, &text);
	traced_done(&text);
	node_end(batch, node, start);
	return node;
}

static void child_add(struct node *parent, struct node **last, struct node *child)
{
	if (*last == NULL)
		parent->first = child;
	else
		(*last)->next = child;
	*last = child;
}

/* The lines in parentheses. */
static struct node *block_parse(struct batch *batch)
{
	size_t start = batch->cursor++;
	struct node *block = node_new(batch, NODE_BLOCK, start), *last = NULL;
	batch->blocks++;
	for (;;) {
		while (batch->cursor < batch->logical.length && (delimiter(peek(batch)) || peek(batch) == '\n'))
			batch->cursor++;
		if (batch->logical.full || (batch->cursor >= batch->logical.length && !batch_more(batch))) {
			block = bad(batch, start, batch->logical.full ? "this block is too large" : "this parenthesis is not closed");
			break;
		}
		if (batch->cursor >= batch->logical.length || delimiter(peek(batch)) || peek(batch) == '\n')
			continue;
		if (peek(batch) == ')') {
			batch->cursor++;
			break;
		}
		size_t before = batch->cursor;
		child_add(block, &last, seq_parse(batch));
		if (batch->cursor == before)
			batch->cursor++; /* a stray & or | that began nothing */
	}
	batch->blocks--;
	if (block->kind == NODE_BAD)
		return block;
	node_end(batch, block, start);
	/* What all of it writes goes where the redirection says; ours prints no other way. */
	struct traced none;
	traced_init(&none, 16);
	for (skip_blanks(batch); peek(batch) == '>' || peek(batch) == '<' ||
				 (ascii_digit(peek(batch)) && (peek_after(batch, 1) == '>' || peek_after(batch, 1) == '<'));
	     skip_blanks(batch)) {
		if (ascii_digit(peek(batch)))
			batch->cursor++;
		redirection(batch, block, &none);
	}
	traced_done(&none);
	return block;
}

/* One operand of a comparison: up to a blank, or `==`, outside quotes. */
static struct piece operand_parse(struct batch *batch)
{
	struct traced text;
	bool inside = false;
	traced_init(&text, LOGICAL_MOST);
	skip_blanks(batch);
	while (peek(batch) != '\n') {
		char c = peek(batch);
		if (!inside && (delimiter(c) || memchr("&|<>()", c, 6) != NULL))
			break;
		if (c == '^' && !inside) {
			copy_escaped(batch, &text);
			continue;
		}
		inside ^= c == '"';
		copy_char(batch, &text);
	}
	struct piece piece = piece_keep(batch, &text);
	traced_done(&text);
	return piece;
}

/* What stands between if and its command.  Returns NULL or what is wrong. */
static const char *condition_parse(struct batch *batch, struct condition *condition)
{
	static const char *const compares[] = {"EQU", "NEQ", "LSS", "LEQ", "GTR", "GEQ"};
	static const char *const unknown[] = {"exist", "errorlevel", "cmdextversion"};
	for (;;) {
		skip_delimiters(batch);
		if (peek(batch) == '/' && ascii_lower(peek_after(batch, 1)) == 'i') {
			condition->nocase = true;
			batch->cursor += 2;
		} else if (keyword_take(batch, "not")) {
			condition->negate = !condition->negate;
		} else {
			break;
		}
	}
	for (size_t i = 0; i < ARRAY_LENGTH(unknown); i++) {
		if (keyword_take(batch, unknown[i])) {
			condition->kind = CONDITION_UNKNOWN;
			condition->compare = unknown[i];
			condition->left = operand_parse(batch);
			return NULL;
		}
	}
	if (keyword_take(batch, "defined")) {
		condition->kind = CONDITION_DEFINED;
		condition->left = operand_parse(batch);
		return condition->left.length > 0 ? NULL : "`if defined` names no variable";
	}
	condition->left = operand_parse(batch);
	skip_blanks(batch);
	if (peek(batch) == '=' && peek_after(batch, 1) == '=') {
		while (peek(batch) == '=')
			batch->cursor++;
		condition->kind = CONDITION_EQUAL;
		condition->right = operand_parse(batch);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(compares); i++) {
		if (keyword_take(batch, compares[i])) {
			condition->kind = CONDITION_COMPARE;
			condition->compare = compares[i];
			condition->right = operand_parse(batch);
			return NULL;
		}
	}
	return "this `if` is not understood: write if [not] \"A\"==\"B\" COMMAND";
}

/* Everything behind the condition belongs to it, to the end of the line, or to `else` behind a block. */
static struct node *if_parse(struct batch *batch)
{
	size_t start = batch->cursor;
	struct node *node = node_new(batch, NODE_IF, start), *last = NULL;
	batch->cursor += strlen("if");
	const char *why = condition_parse(batch, &node->condition);
	if (why != NULL)
		return bad(batch, start, why);
	node_end(batch, node, start);
	child_add(node, &last, seq_parse(batch));
	skip_delimiters(batch);
	if (keyword_take(batch, "else"))
		child_add(node, &last, seq_parse(batch));
	return node;
}

/* The items in parentheses, which may be on several lines. */
static const char *items_parse(struct batch *batch, struct node *node)
{
	struct traced text;
	bool inside = false;
	const char *why = NULL;
	traced_init(&text, LOGICAL_MOST);
	for (batch->cursor++; inside || peek(batch) != ')';) {
		if (peek(batch) == '\n') {
			inside = false;
			traced_add(&text, " ", 1, origin_at(batch, batch->cursor), true);
			batch->cursor++;
			if (batch->cursor >= batch->logical.length && (batch->logical.full || !batch_more(batch))) {
				why = "the items of this `for` have no closing parenthesis";
				break;
			}
			continue;
		}
		if (peek(batch) == '^' && !inside) {
			copy_escaped(batch, &text);
			continue;
		}
		inside ^= peek(batch) == '"';
		copy_char(batch, &text);
	}
	if (why == NULL)
		batch->cursor++;
	node->text = piece_keep(batch, &text);
	traced_done(&text);
	return why;
}

/* The options of for: /L is counted, the others look at files or programs.  Returns NULL or what is wrong. */
static const char *for_options(struct batch *batch, struct node *node)
{
	for (skip_delimiters(batch); peek(batch) == '/'; skip_delimiters(batch)) {
		char option = ascii_lower(peek_after(batch, 1));
		batch->cursor += 2;
		if (option == 'l')
			node->numbers = true;
		else if (option == 'f')
			node->why = "`for /f` takes apart what a file or a program gives, which is not known here";
		else if (option == 'd' || option == 'r')
			node->why = "`for /d` and `for /r` walk through folders, which are not known here";
		else
			return "this option of `for` is not known: write for %%i in (ITEMS) do COMMAND";
		/* "tokens=…" of /f, the folder of /r */
		skip_delimiters(batch);
		if (option != 'l' && peek(batch) != '%' && peek(batch) != '/')
			(void)operand_parse(batch);
	}
	return NULL;
}

static struct node *for_parse(struct batch *batch)
{
	size_t start = batch->cursor;
	struct node *node = node_new(batch, NODE_FOR, start), *last = NULL;
	batch->cursor += strlen("for");
	const char *why = for_options(batch, node);
	if (why == NULL && (peek(batch) != '%' || delimiter(peek_after(batch, 1)) || !delimiter(peek_after(batch, 2))))
		why = "`for` names no variable: write for %%i in (ITEMS) do COMMAND";
	if (why != NULL)
		return bad(batch, start, why);
	node->variable = peek_after(batch, 1);
	batch->cursor += 2;
	skip_delimiters(batch);
	if (!keyword_take(batch, "in"))
		return bad(batch, start, "`for` without `in`: write for %%i in (ITEMS) do COMMAND");
	skip_delimiters(batch);
	if (peek(batch) != '(')
		return bad(batch, start, "`for` without items in parentheses: write for %%i in (ITEMS) do COMMAND");
	if (batch->loops_read == FOR_MOST)
		return bad(batch, start, "more than 8 loops in each other");
	why = items_parse(batch, node);
	skip_delimiters(batch);
	if (why == NULL && !keyword_take(batch, "do"))
		why = "`for` without `do`: write for %%i in (ITEMS) do COMMAND";
	if (why != NULL)
		return bad(batch, start, why);
	node_end(batch, node, start);
	batch->loops_read++;
	child_add(node, &last, seq_parse(batch));
	batch->loops_read--;
	return node;
}

static struct node *command_parse(struct batch *batch)
{
	while (batch->cursor < batch->logical.length && (delimiter(peek(batch)) || peek(batch) == '@'))
		batch->cursor++;
	char c = peek(batch);
	if (c == '\n' || c == ')' || c == '&' || c == '|')
		return c == ')' && batch->blocks == 0 ? bad(batch, batch->cursor, "a `)` that closes nothing")
						      : node_new(batch, NODE_NOTHING, batch->cursor);
	if (c == ':' || c == '#' || keyword(batch, "rem")) {
		struct node *comment = node_new(batch, NODE_NOTHING, batch->cursor);
		skip_line(batch);
		return comment;
	}
	bool nested = c == '(' || keyword(batch, "if") || keyword(batch, "for");
	if (!nested)
		return simple_parse(batch);
	if (batch->nest == NEST_MOST)
		return bad(batch, batch->cursor, "more than 64 parentheses, if and for in each other");
	batch->nest++;
	struct node *node = c == '(' ? block_parse(batch) : keyword(batch, "if") ? if_parse(batch) : for_parse(batch);
	batch->nest--;
	return node;
}

/* command OP command OP …, for one operator; a single command stays itself. */
static struct node *chain_parse(struct batch *batch, enum node_kind kind, char c, bool twice,
				struct node *(*part)(struct batch *batch))
{
	size_t start = batch->cursor;
	struct node *node = part(batch), *last = NULL;
	struct node *chain = NULL;
	for (;;) {
		skip_blanks(batch);
		if (peek(batch) != c || (peek_after(batch, 1) == c) != twice)
			break;
		batch->cursor += twice ? 2 : 1;
		if (chain == NULL) {
			chain = node_new(batch, kind, start);
			child_add(chain, &last, node);
		}
		child_add(chain, &last, part(batch));
	}
	if (chain == NULL)
		return node;
	node_end(batch, chain, start);
	return chain;
}

static struct node *pipe_parse(struct batch *batch)
{
	return chain_parse(batch, NODE_PIPE, '|', false, command_parse);
}

static struct node *and_parse(struct batch *batch)
{
	return chain_parse(batch, NODE_AND, '&', true, pipe_parse);
}

static struct node *or_parse(struct batch *batch)
{
	return chain_parse(batch, NODE_OR, '|', true, and_parse);
}

static struct node *seq_parse(struct batch *batch)
{
	return chain_parse(batch, NODE_BLOCK, '&', false, or_parse);
}

const struct node *batch_parse(struct batch *batch)
{
	arena_free(batch->arena);
	batch->arena = arena_new();
	traced_clear(&batch->logical);
	batch->cursor = 0;
	batch->nest = batch->blocks = batch->loops_read = 0;
	if (!batch_more(batch))
		return NULL;
	struct node *node = seq_parse(batch);
	/* Whatever is left of the line began nothing: a stray ) for one. */
	if (batch->logical.full)
		node = bad(batch, 0, "this line is too long when its variables are replaced");
	else if (peek(batch) != '\n')
		node = bad(batch, batch->cursor, "this is not understood: a command was expected");
	return node;
}
