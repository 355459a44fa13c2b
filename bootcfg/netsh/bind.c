#include "bootcfg/netsh/bind.h"

#include <string.h>

#include "bootcfg/netsh/value.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static struct span word_span(const struct word *word)
{
	return (struct span){word->at, word->span};
}

/* "add filter" of a row, for messages. */
static const char *row_name(const struct row *row, char text[64])
{
	size_t verb = strlen(row->verb), object = row->object != NULL ? strlen(row->object) : 0;
	if (verb + object + 2 > 64)
		return row->verb;
	memcpy(text, row->verb, verb + 1);
	if (object > 0) {
		text[verb] = ' ';
		memcpy(text + verb + 1, row->object, object + 1);
	}
	return text;
}
#define ROW_NAME(row) row_name((row), (char[64]){0})

/* The alternatives of a row (name | id | all): whether one of them is given. */
static bool one_given(const struct call *call)
{
	for (size_t i = 0; i < call->row->tag_count; i++)
		if ((call->row->tags[i].flags & USE_ONE) != 0 && call_given(call, call->row->tags[i].id))
			return true;
	return false;
}

static int unknown_tag(struct session *session, const struct word *word, size_t length)
{
	const struct row *row = session->call.row;
	const struct place *place = session_at(session, (struct span){word->at, (uint32_t)length});
	struct buffer names;
	buffer_init(&names, 1024);
	const char *nearest = tag_nearest(row, word->text, length);
	if (nearest != NULL)
		buffer_printf(&names, "did you mean \"%s\"?", nearest);
	else {
		buffer_add_text(&names, row->tag_count > 0 ? "its tags are " : "it takes no tags");
		tags_print(row, &names);
	}
	diag_error(session->diag, place, "%s has no tag %s: %s", ROW_NAME(row), QUOTE_N(word->text, length), buffer_text(&names));
	buffer_done(&names);
	return ERROR_INPUT;
}

static int find_tag(struct session *session, const struct word *word, size_t length, const struct tag_use **ret_use)
{
	const struct row *row = session->call.row;
	/* The candidates are wanted only when there are several, which is rare. */
	enum match match = tag_match(row, word->text, length, ret_use, NULL);
	if (match == MATCH_ONE)
		return 0;
	if (match == MATCH_NONE)
		return unknown_tag(session, word, length);
	struct buffer candidates;
	buffer_init(&candidates, 1024);
	tag_match(row, word->text, length, ret_use, &candidates);
	diag_error(session->diag, session_at(session, (struct span){word->at, (uint32_t)length}),
		   "the tag %s of %s could be any of %s: write more of it", QUOTE_N(word->text, length), ROW_NAME(row),
		   buffer_text(&candidates));
	buffer_done(&candidates);
	return ERROR_INPUT;
}

/* Puts a value with its tag. */
static int give(struct session *session, const struct tag_use *use, const struct value *given, struct span tag_span)
{
	struct call *call = &session->call;
	const struct tag *tag = &tags[use->id];
	bool auth = use->id == TAG_KERBEROS || use->id == TAG_PSK || use->id == TAG_ROOTCA;
	if (call_given(call, use->id) && (use->flags & USE_REPEAT) == 0) {
		diag_error(session->diag, session_at(session, tag_span), "%s is given twice in one command", tag->name);
		return ERROR_INPUT;
	}
	struct value *value = &call->values[use->id];
	*value = *given;
	int error = value_parse(session, tag, value);
	if (error < 0)
		return error;
	if (auth && call->auth_count == AUTHS_MOST) {
		diag_error(session->diag, session_at(session, tag_span), "more than %d authentication methods", AUTHS_MOST);
		return ERROR_LIMIT;
	}
	if (auth)
		call->auths[call->auth_count++] = (struct call_auth){(enum tag_id)use->id, *value};
	call->given |= UINT64_C(1) << use->id;
	return 0;
}

static int too_many(struct session *session, const struct word *word)
{
	const struct place *place = session_at(session, word_span(word));
	for (size_t i = (size_t)(word - session->lexer.words); i < session->lexer.count; i++) {
		const struct word *later = &session->lexer.words[i];
		if (!ascii_equal_n(later->text, later->length, "static") && !ascii_equal_n(later->text, later->length, "dynamic"))
			continue;
		diag_error(session->diag, place,
			   "%s here belongs to no tag: it looks as if the line break before a second `netsh ipsec` is missing",
			   QUOTE_N(word->text, word->length));
		return ERROR_INPUT;
	}
	diag_error(session->diag, place, "%s belongs to no tag: %s has a value for each of its tags already; quote a value that "
		   "has blanks", QUOTE_N(word->text, word->length), ROW_NAME(session->call.row));
	return ERROR_INPUT;
}

static bool is_flag(const struct word *word, const struct tag_use *use)
{
	return tags[use->id].type == TYPE_FLAG && !word->quoted && ascii_equal_n(word->text, word->length, tags[use->id].name);
}

/* A value without a tag: `all`, or the first tag of the row that has none yet. */
static int give_positional(struct session *session, const struct word *word)
{
	struct call *call = &session->call;
	const struct row *row = call->row;
	bool one = one_given(call);
	for (size_t i = 0; i < row->tag_count; i++) {
		if (is_flag(word, &row->tags[i])) {
			call->values[row->tags[i].id] = (struct value){.text = word->text, .length = word->length, .span = word_span(word)};
			call->given |= UINT64_C(1) << row->tags[i].id;
			return 0;
		}
	}
	const struct value value = {.text = word->text, .length = word->length, .span = word_span(word)};
	for (size_t i = 0; i < row->tag_count; i++) {
		const struct tag_use *use = &row->tags[i];
		if (tags[use->id].type == TYPE_FLAG || (use->flags & USE_OWN) != 0 || call_given(call, use->id) ||
		    ((use->flags & USE_ONE) != 0 && one))
			continue;
		return give(session, use, &value, value.span);
	}
	return too_many(session, word);
}

/* Whether a word is the start of another tag=value. */
static bool starts_tag(const struct session *session, const struct word *word)
{
	const struct tag_use *use;
	return word->equals > 0 && word->equals < word->length && !word->quoted &&
	       tag_match(session->call.row, word->text, word->equals, &use, NULL) != MATCH_NONE;
}

static int no_value(struct session *session, const struct tag_use *use, const struct word *word)
{
	diag_error(session->diag, session_at(session, word_span(word)), "%s= has no value%s", tags[use->id].name,
		   tags[use->id].type == TYPE_TEXT ? ": write \"\" for an empty one" : "");
	return ERROR_INPUT;
}

/* tag=value, with blanks around the `=` or not; *index is of the tag's word, and becomes that of the last. */
static int give_tagged(struct session *session, size_t *index)
{
	const struct word *words = session->lexer.words, *word = &words[*index];
	size_t left = session->lexer.count - *index - 1, length = word->equals, skip = 0;
	const struct tag_use *use = NULL;
	struct value value = {0};
	int error = find_tag(session, word, length, &use);
	if (error < 0)
		return error;
	const struct word *from = word; /* the word that has the value, behind its `=` */
	if (length == word->length)
		from = &words[*index + ++skip]; /* the `=` starts the next word */
	if (from->equals + 1 == from->length && !from->value_quoted) {
		bool absent = left == skip || starts_tag(session, &words[*index + skip + 1]);
		if (!absent) {
			from = &words[*index + ++skip];
			value = (struct value){.text = from->text, .length = from->length, .span = word_span(from)};
		} else if (!session->words) {
			return no_value(session, use, word);
		}
	}
	if (value.text == NULL) {
		value.text = from->text + from->equals + 1;
		value.length = from->length - from->equals - 1;
		value.span = (struct span){from->value_at, from->at + from->span - from->value_at};
	}
	*index += skip;
	return give(session, use, &value, (struct span){word->at, (uint32_t)length});
}

/* All required tags, one of the alternatives, and not two of them. */
static int complete(struct session *session)
{
	struct call *call = &session->call;
	const struct row *row = call->row;
	struct buffer missing, ones;
	size_t one_tags = 0, ones_given = 0;
	bool optional = false;
	buffer_init(&missing, 1024);
	buffer_init(&ones, 1024);
	for (size_t i = 0; i < row->tag_count; i++) {
		const struct tag_use *use = &row->tags[i];
		const char *end = tags[use->id].type == TYPE_FLAG ? "" : "=";
		if ((use->flags & USE_REQUIRED) != 0 && !call_given(call, use->id))
			buffer_printf(&missing, "%s%s%s", missing.length > 0 ? ", " : "", tags[use->id].name, end);
		if ((use->flags & USE_ONE) == 0)
			continue;
		optional |= (use->flags & USE_OPTIONAL) != 0;
		ones_given += call_given(call, use->id);
		buffer_printf(&ones, "%s%s%s", one_tags++ > 0 ? " or " : "", tags[use->id].name, end);
	}
	int error = 0;
	if (optional && ones_given == 2 && call_given(call, TAG_ALL)) {
		/* Microsoft's page has `show policy name=X all`; the name says more. */
		call->given &= ~(UINT64_C(1) << TAG_ALL);
		diag_warning(session->diag, "all-ignored", call_place(call, TAG_ALL), "`all` beside a name is ignored");
	} else if (ones_given > 1) {
		diag_error(session->diag, session_at(session, call->span), "%s takes one of %s, not several", ROW_NAME(row),
			   buffer_text(&ones));
		error = ERROR_INPUT;
	}
	if (one_tags > 0 && ones_given == 0 && !optional)
		buffer_printf(&missing, "%s%s", missing.length > 0 ? ", and " : "", buffer_text(&ones));
	if (error == 0 && missing.length > 0) {
		diag_error(session->diag, session_at(session, call->span), "%s needs %s", ROW_NAME(row), buffer_text(&missing));
		error = ERROR_INPUT;
	}
	buffer_done(&missing);
	buffer_done(&ones);
	return error;
}

int bind_words(struct session *session, size_t first)
{
	const struct lexer *lexer = &session->lexer;
	struct call *call = &session->call;
	call->given = 0;
	call->auth_count = 0;
	for (size_t i = first; i < lexer->count; i++) {
		const struct word *word = &lexer->words[i];
		bool spaced = i + 1 < lexer->count && lexer->words[i + 1].length > 0 && lexer->words[i + 1].equals == 0 &&
			      lexer->words[i + 1].text[0] == '=';
		int error;
		if (word->unclosed) {
			diag_error(session->diag, session_at(session, word_span(word)),
				   "the quote is not closed on this line: if the line was wrapped, join it with the next");
			error = ERROR_INPUT;
		} else if (word->length > 0 && word->equals == 0) {
			diag_error(session->diag, session_at(session, word_span(word)), "a `=` without a tag before it");
			error = ERROR_INPUT;
		} else if (word->equals < word->length || (spaced && !word->quoted)) {
			error = give_tagged(session, &i);
		} else {
			error = give_positional(session, word);
		}
		if (error < 0)
			return error;
	}
	return complete(session);
}
