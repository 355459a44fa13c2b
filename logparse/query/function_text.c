/* Functions of texts: UTF-8, counted in characters. */
#include "core/base/utf8.h"
#include "logparse/meaning.h"
#include "logparse/query/argument.h"

/* --- Characters --- */

static size_t char_length(const char *text, size_t left)
{
	size_t length = utf8_length(text, left);
	return length > 0 ? length : 1;
}

static int64_t char_count(struct cursor text)
{
	int64_t count = 0;
	for (; text.at < text.end; count++)
		text.at += char_length(text.at, cursor_left(&text));
	return count;
}

static const char *char_at(struct cursor text, int64_t index)
{
	for (; index > 0 && text.at < text.end; index--)
		text.at += char_length(text.at, cursor_left(&text));
	return text.at;
}

/* From 0 on; negative: from the end. */
void substr_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
	int64_t count = char_count(text), start = sqlite3_value_int64(call->values[1]);
	int64_t length = call->count > 2 ? sqlite3_value_int64(call->values[2]) : INT64_MAX;
	start = start < -count ? 0 : start < 0 ? count + start : start > count ? count : start;
	/* A negative length leaves so many off the end. */
	length = length < 0 ? (length < -count ? 0 : count - start + length) : length;
	length = length < 0 ? 0 : length > count - start ? count - start : length;
	const char *from = char_at(text, start);
	result_give_text(call, (struct cursor){from, char_at((struct cursor){from, text.end}, length)});
}

void strlen_call(const struct call *call)
{
	sqlite3_result_int64(call->context, char_count(argument_text(call, 0)));
}

void strcat_call(const struct call *call)
{
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	for (int i = 0; i < call->count; i++) {
		struct cursor part = argument_text(call, i);
		buffer_add(&text, part.at, cursor_left(&part));
	}
	result_give_buffer(call, &text);
}

static void case_change(const struct call *call, char first, char last)
{
	struct cursor from = argument_text(call, 0);
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	char *to = buffer_room(&text, cursor_left(&from));
	for (; to != NULL && from.at < from.end; from.at++)
		*to++ = (char)(*from.at >= first && *from.at <= last ? *from.at ^ 0x20 : *from.at);
	if (to != NULL)
		buffer_took(&text, to);
	result_give_buffer(call, &text);
}

void upper_call(const struct call *call)
{
	case_change(call, 'a', 'z');
}

void lower_call(const struct call *call)
{
	case_change(call, 'A', 'Z');
}

void strrev_call(const struct call *call)
{
	struct cursor from = argument_text(call, 0);
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	char *to = buffer_room(&text, cursor_left(&from)), *end = to != NULL ? to + cursor_left(&from) : NULL, *last = end;
	while (to != NULL && from.at < from.end) {
		size_t length = char_length(from.at, cursor_left(&from));
		last -= length;
		memcpy(last, from.at, length);
		from.at += length;
	}
	if (to != NULL)
		buffer_took(&text, end);
	result_give_buffer(call, &text);
}

void strrepeat_call(const struct call *call)
{
	struct cursor part = argument_text(call, 0);
	sqlite3_int64 times = sqlite3_value_int64(call->values[1]);
	size_t length = cursor_left(&part), whole = length > 0 && times > 0 ? length : 0;
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	if (whole > 0 && (uint64_t)times > RESULT_MOST / length) {
		sqlite3_result_error_toobig(call->context);
		return;
	}
	whole *= whole > 0 ? (size_t)times : 0;
	char *to = buffer_room(&text, whole);
	for (size_t done = 0; to != NULL && done < whole;) {
		/* Each time as much as there is already. */
		size_t more = done == 0 ? length : done < whole - done ? done : whole - done;
		memcpy(to + done, done == 0 ? part.at : to, more);
		done += more;
	}
	if (to != NULL)
		buffer_took(&text, to + whole);
	result_give_buffer(call, &text);
}

/* --- Searching --- */

static const char *text_find(struct cursor text, struct cursor what)
{
	return cursor_left(&what) == 0 ? NULL : memmem(text.at, cursor_left(&text), what.at, cursor_left(&what));
}

void index_of_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
	const char *found = text_find(text, argument_text(call, 1));
	if (found != NULL)
		sqlite3_result_int64(call->context, char_count((struct cursor){text.at, found}));
}

void last_index_of_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), what = argument_text(call, 1), rest = text;
	const char *last = NULL, *found;
	while ((found = text_find(rest, what)) != NULL) {
		last = found;
		rest.at = found + 1;
	}
	if (last != NULL)
		sqlite3_result_int64(call->context, char_count((struct cursor){text.at, last}));
}

void strcnt_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), what = argument_text(call, 1);
	sqlite3_int64 count = 0;
	for (const char *found; (found = text_find(text, what)) != NULL; count++)
		text.at = found + cursor_left(&what);
	sqlite3_result_int64(call->context, count);
}

void replace_str_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), what = argument_text(call, 1), with = argument_text(call, 2);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	for (const char *found; (found = text_find(text, what)) != NULL && !out.full; text.at = found + cursor_left(&what)) {
		buffer_add(&out, text.at, (size_t)(found - text.at));
		buffer_add(&out, with.at, cursor_left(&with));
	}
	buffer_add(&out, text.at, cursor_left(&text));
	result_give_buffer(call, &out);
}

/* Any of the characters, by a text. */
void replace_chr_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), what = argument_text(call, 1), with = argument_text(call, 2);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	while (text.at < text.end && !out.full) {
		size_t length = char_length(text.at, cursor_left(&text));
		bool hit = cursor_left(&what) > 0 && memmem(what.at, cursor_left(&what), text.at, length) != NULL;
		buffer_add(&out, hit ? with.at : text.at, hit ? cursor_left(&with) : length);
		text.at += length;
	}
	result_give_buffer(call, &out);
}

/* --- Parts of texts --- */

static struct cursor separator_of(const struct call *call, int i, const char *usual)
{
	struct cursor separator = call->count > i ? argument_text(call, i) : cursor_text(usual);
	return cursor_left(&separator) > 0 ? separator : cursor_text(usual);
}

/* Takes what is before the next separator, or all when there is none; false at the end. */
static bool token_take(struct cursor *text, struct cursor separator, struct cursor *ret_token)
{
	if (text->at == NULL)
		return false;
	const char *found = text_find(*text, separator);
	*ret_token = (struct cursor){text->at, found != NULL ? found : text->end};
	*text = found != NULL ? (struct cursor){found + cursor_left(&separator), text->end} : (struct cursor){NULL, NULL};
	return true;
}

static int64_t token_count(struct cursor text, struct cursor separator)
{
	struct cursor token;
	int64_t count = 0;
	while (token_take(&text, separator, &token))
		count++;
	return count;
}

/* From 0 on; -1 is the last.  Beyond: NULL. */
void extract_token_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), separator = separator_of(call, 2, ","), token;
	int64_t index = sqlite3_value_int64(call->values[1]);
	if (index < 0)
		index = index < -INT64_C(1000000000) ? -1 : index + token_count(text, separator);
	while (index >= 0 && token_take(&text, separator, &token))
		if (index-- == 0)
			result_give_text(call, token);
}

/* The first so many tokens, with the separators between: index 0 is the first alone. */
void extract_prefix_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), separator = separator_of(call, 2, ","), rest = text, token;
	int64_t index = sqlite3_value_int64(call->values[1]);
	while (index >= 0 && token_take(&rest, separator, &token))
		if (index-- == 0)
			result_give_text(call, (struct cursor){text.at, token.end});
}

/* The last so many: index 0 is the last alone. */
void extract_suffix_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), separator = separator_of(call, 2, ","), rest = text, token;
	int64_t index = sqlite3_value_int64(call->values[1]), skip = token_count(text, separator) - 1 - (index < 0 ? INT64_MAX / 2 : index);
	while (index >= 0 && skip >= 0 && token_take(&rest, separator, &token))
		if (skip-- == 0)
			result_give_text(call, (struct cursor){token.at, text.end});
}

/* name=value&name=value */
void extract_value_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0), name = argument_text(call, 1), separator = separator_of(call, 2, "&"), token;
	size_t length = cursor_left(&name);
	while (token_take(&text, separator, &token)) {
		if (cursor_left(&token) <= length || token.at[length] != '=' || !ascii_prefix(token.at, length, name.at))
			continue;
		result_give_text(call, (struct cursor){token.at + length + 1, token.end});
		return;
	}
}

static const char *file_start(struct cursor path)
{
	const char *start = path.at;
	for (const char *at = path.at; at < path.end; at++)
		if (*at == '\\' || *at == '/')
			start = at + 1;
	return start;
}

void extract_filename_call(const struct call *call)
{
	struct cursor path = argument_text(call, 0);
	result_give_text(call, (struct cursor){file_start(path), path.end});
}

void extract_path_call(const struct call *call)
{
	struct cursor path = argument_text(call, 0);
	const char *start = file_start(path);
	result_give_text(call, (struct cursor){path.at, start > path.at ? start - 1 : start});
}

void extract_extension_call(const struct call *call)
{
	struct cursor path = argument_text(call, 0);
	const char *dot = NULL;
	for (const char *at = file_start(path); at < path.end; at++)
		dot = *at == '.' ? at + 1 : dot;
	result_give_text(call, (struct cursor){dot != NULL ? dot : path.end, path.end});
}

/* %%14592 and its kin, wherever they stand. */
void resolve_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	while (text.at < text.end) {
		struct cursor digits = text;
		uint64_t number;
		const char *name = NULL;
		if (cursor_take(&digits, '%') && cursor_take(&digits, '%') && cursor_number(&digits, UINT32_MAX, &number))
			name = parameter_text((uint32_t)number);
		if (name != NULL) {
			buffer_add_text(&out, name);
			text.at = digits.at;
		} else {
			buffer_add_char(&out, *text.at++);
		}
	}
	result_give_buffer(call, &out);
}
