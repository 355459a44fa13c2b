#include "core/base/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

struct scanner {
	const struct json_document *document;
	struct diag *diag;
	const char *at, *end;
	uint32_t line;
	unsigned depth;
	struct buffer string; /* of the string under way, without escapes */
};

/* ---- places ---- */

void json_path(const struct json *value, struct buffer *buffer)
{
	const struct json *chain[JSON_DEPTH + 1];
	size_t depth = 0;
	for (; value->parent != NULL && depth < ARRAY_LENGTH(chain); value = value->parent)
		chain[depth++] = value;
	buffer_add_char(buffer, '$');
	while (depth-- > 0) {
		value = chain[depth];
		if (value->key == NULL) {
			size_t index = 0;
			for (const struct json *other = value->parent->child; other != NULL && other != value; other = other->next)
				index++;
			buffer_printf(buffer, "[%zu]", index);
			continue;
		}
		bool plain = *value->key != '\0';
		for (const char *at = value->key; plain && *at != '\0'; at++)
			plain = ascii_digit(*at) || *at == '_' || *at == '$' || (ascii_lower(*at) >= 'a' && ascii_lower(*at) <= 'z');
		if (plain) {
			buffer_printf(buffer, ".%s", value->key);
		} else {
			buffer_add_char(buffer, '[');
			buffer_add_text(buffer, QUOTE(value->key));
			buffer_add_char(buffer, ']');
		}
	}
}

static void place_at(const struct json_document *document, size_t offset, uint32_t line, size_t length, struct place *place)
{
	const char *start = document->text + offset, *end = start, *last = document->text + document->length;
	while (start > document->text && start[-1] != '\n')
		start--;
	while (end < last && *end != '\n' && *end != '\r')
		end++;
	size_t rest = (size_t)(end - (document->text + offset));
	*place = (struct place){
		.file = document->file, .line = line, .column = (uint32_t)(document->text + offset - start) + 1,
		.length = (uint32_t)(length < rest ? length : rest), .source = start, .source_length = (size_t)(end - start),
	};
}

void json_place(const struct json_document *document, const struct json *value, bool at_key, struct place *ret_place)
{
	uint32_t line = value->line;
	if (at_key && value->key != NULL) {
		for (uint32_t at = value->key_offset; at < value->offset; at++)
			line -= document->text[at] == '\n';
		place_at(document, value->key_offset, line, strlen(value->key) + 2, ret_place);
	} else {
		place_at(document, value->offset, line, value->size, ret_place);
	}
}

static void error_add(const struct json_document *document, const struct json *value, bool at_key, struct diag *diag,
		      const char *format, va_list arguments) ATTR_PRINTF(5, 0);
static void error_add(const struct json_document *document, const struct json *value, bool at_key, struct diag *diag,
		      const char *format, va_list arguments)
{
	struct buffer path;
	struct place place;
	char text[2048];
	buffer_init(&path, 1024);
	json_path(value, &path);
	json_place(document, value, at_key, &place);
	vsnprintf(text, sizeof(text), format, arguments);
	diag_error(diag, &place, "%s: %s", buffer_text(&path), text);
	buffer_done(&path);
}

void json_error(const struct json_document *document, const struct json *value, struct diag *diag, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	error_add(document, value, false, diag, format, arguments);
	va_end(arguments);
}

void json_key_error(const struct json_document *document, const struct json *value, struct diag *diag, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	error_add(document, value, true, diag, format, arguments);
	va_end(arguments);
}

void json_type_print(unsigned types, struct buffer *buffer)
{
	static const struct {
		unsigned type;
		const char *words;
	} names[] = {
		{JSON_NULL, "null"},	   {JSON_BOOL, "true or false"}, {JSON_NUMBER, "a number"},
		{JSON_STRING, "a string"}, {JSON_ARRAY, "a list"},	 {JSON_OBJECT, "an object"},
	};
	bool first = true;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		if ((types & names[i].type) == 0)
			continue;
		buffer_printf(buffer, "%s%s", first ? "" : " or ", names[i].words);
		first = false;
	}
}

/* ---- reading ---- */

/* Wrong at the cursor, in what is read into `value`. */
static int scan_fail(struct scanner *scanner, const struct json *value, const char *format, ...) ATTR_PRINTF(3, 4);
static int scan_fail(struct scanner *scanner, const struct json *value, const char *format, ...)
{
	struct buffer path;
	struct place place;
	char text[512];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	buffer_init(&path, 1024);
	json_path(value, &path);
	place_at(scanner->document, (size_t)(scanner->at - scanner->document->text), scanner->line, 1, &place);
	diag_error(scanner->diag, &place, "%s: %s", buffer_text(&path), text);
	buffer_done(&path);
	return ERROR_INPUT;
}

/* "found X", for messages. */
static const char *scan_found(const struct scanner *scanner, struct quote *quote)
{
	if (scanner->at >= scanner->end)
		return "the end of the file";
	size_t length = utf8_length(scanner->at, (size_t)(scanner->end - scanner->at));
	return quote_text(quote, scanner->at, length > 0 ? length : 1);
}

static void scan_blanks(struct scanner *scanner)
{
	for (; scanner->at < scanner->end; scanner->at++) {
		if (*scanner->at == '\n')
			scanner->line++;
		else if (*scanner->at != ' ' && *scanner->at != '\t' && *scanner->at != '\r')
			return;
	}
}

/* Four hexadecimal digits. */
static bool scan_hex(struct scanner *scanner, uint32_t *ret_unit)
{
	uint32_t unit = 0;
	if (scanner->end - scanner->at < 4)
		return false;
	for (unsigned i = 0; i < 4; i++) {
		char c = ascii_lower(scanner->at[i]);
		if (!ascii_digit(c) && (c < 'a' || c > 'f'))
			return false;
		unit = unit << 4 | (uint32_t)(ascii_digit(c) ? c - '0' : c - 'a' + 10);
	}
	scanner->at += 4;
	*ret_unit = unit;
	return true;
}

static void utf8_add(struct buffer *buffer, uint32_t code)
{
	if (code < 0x80) {
		buffer_add_char(buffer, (char)code);
		return;
	}
	unsigned more = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint32_t marks[] = {0, 0xc0, 0xe0, 0xf0};
	buffer_add_char(buffer, (char)(marks[more] | code >> (6 * more)));
	while (more-- > 0)
		buffer_add_char(buffer, (char)(0x80 | (code >> (6 * more) & 0x3f)));
}

/* What follows \u. */
static int scan_unicode(struct scanner *scanner, const struct json *value)
{
	uint32_t unit, low;
	if (!scan_hex(scanner, &unit))
		return scan_fail(scanner, value, "\\u needs four hexadecimal digits");
	if (unit == 0)
		return scan_fail(scanner, value, "a NUL (\\u0000) cannot be kept in any text here");
	if (unit >= 0xdc00 && unit <= 0xdfff)
		return scan_fail(scanner, value, "\\u%04x is the second half of a pair without the first", (unsigned)unit);
	if (unit >= 0xd800 && unit <= 0xdbff) {
		bool pair = scanner->end - scanner->at >= 6 && scanner->at[0] == '\\' && scanner->at[1] == 'u';
		if (pair)
			scanner->at += 2;
		if (!pair || !scan_hex(scanner, &low) || low < 0xdc00 || low > 0xdfff)
			return scan_fail(scanner, value, "\\u%04x is the first half of a pair without the second", (unsigned)unit);
		unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
	}
	utf8_add(&scanner->string, unit);
	return 0;
}

static int scan_escape(struct scanner *scanner, const struct json *value)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	scanner->at++;
	if (scanner->at < scanner->end && *scanner->at == 'u') {
		scanner->at++;
		return scan_unicode(scanner, value);
	}
	const char *which = scanner->at < scanner->end && *scanner->at != '\0' ? strchr(from, *scanner->at) : NULL;
	if (which == NULL)
		return scan_fail(scanner, value, "after a backslash comes one of \" \\ / b f n r t u; a backslash itself is written twice");
	buffer_add_char(&scanner->string, to[which - from]);
	scanner->at++;
	return 0;
}

/* A string, at its first quote; its text is in the arena. */
static int scan_string(struct scanner *scanner, const struct json *value, const char **ret_text)
{
	buffer_clear(&scanner->string);
	for (scanner->at++; scanner->at < scanner->end && *scanner->at != '"';) {
		if (*scanner->at == '\\') {
			int error = scan_escape(scanner, value);
			if (error < 0)
				return error;
			continue;
		}
		if ((unsigned char)*scanner->at < 0x20)
			return scan_fail(scanner, value, "%s", *scanner->at == '\n' || *scanner->at == '\r'
				? "the string does not end in its line: a \" is missing, or a line end must be written \\n"
				: "a control character in a string must be written as \\u00XX");
		const char *start = scanner->at;
		while (scanner->at < scanner->end && *scanner->at != '"' && *scanner->at != '\\' &&
		       (unsigned char)*scanner->at >= 0x20)
			scanner->at++;
		buffer_add(&scanner->string, start, (size_t)(scanner->at - start));
	}
	if (scanner->at >= scanner->end)
		return scan_fail(scanner, value, "the file ends inside of a string");
	scanner->at++;
	*ret_text = arena_text_n(scanner->document->arena, buffer_text(&scanner->string), scanner->string.length);
	return 0;
}

static void scan_digits(struct scanner *scanner)
{
	while (scanner->at < scanner->end && ascii_digit(*scanner->at))
		scanner->at++;
}

static int scan_number(struct scanner *scanner, struct json *value)
{
	struct cursor rest = cursor_of(scanner->at, (size_t)(scanner->end - scanner->at));
	bool minus = cursor_take(&rest, '-');
	scanner->at = rest.at;
	const char *digits = scanner->at;
	scan_digits(scanner);
	size_t count = (size_t)(scanner->at - digits);
	if (count == 0 || (count > 1 && *digits == '0'))
		return scan_fail(scanner, value, count == 0 ? "a number needs a digit here" : "a number has no leading zero");
	uint64_t number = 0;
	if (!number_parse(digits, count, INT64_MAX, &number))
		number = INT64_MAX;
	value->number = minus ? -(int64_t)number : (int64_t)number;
	value->whole = true;
	if (scanner->at < scanner->end && *scanner->at == '.') {
		digits = ++scanner->at;
		scan_digits(scanner);
		value->whole = false;
		if (scanner->at == digits)
			return scan_fail(scanner, value, "a number needs a digit after its point");
	}
	if (scanner->at < scanner->end && ascii_lower(*scanner->at) == 'e') {
		scanner->at++;
		if (scanner->at < scanner->end && (*scanner->at == '+' || *scanner->at == '-'))
			scanner->at++;
		digits = scanner->at;
		scan_digits(scanner);
		value->whole = false;
		if (scanner->at == digits)
			return scan_fail(scanner, value, "a number needs a digit in its exponent");
	}
	return 0;
}

static int scan_word(struct scanner *scanner, struct json *value)
{
	static const struct {
		const char *word;
		uint8_t type;
		bool yes;
	} words[] = {{"true", JSON_BOOL, true}, {"false", JSON_BOOL, false}, {"null", JSON_NULL, false}};
	struct quote quote;
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		size_t length = strlen(words[i].word);
		if ((size_t)(scanner->end - scanner->at) >= length && memcmp(scanner->at, words[i].word, length) == 0) {
			value->type = words[i].type;
			value->yes = words[i].yes;
			scanner->at += length;
			return 0;
		}
	}
	return scan_fail(scanner, value, "a value is expected here (a string in quotes, a number, true, false, null, [ or {), "
			 "not %s", scan_found(scanner, &quote));
}

static int scan_value(struct scanner *scanner, struct json *value);

/* "key": before a member, which must be new in its object. */
static int scan_key(struct scanner *scanner, struct json *object, struct json *member, size_t count)
{
	struct quote quote;
	if (scanner->at >= scanner->end || *scanner->at != '"')
		return scan_fail(scanner, object, "a key in quotes is expected here, not %s", scan_found(scanner, &quote));
	const char *start = scanner->at;
	member->key_offset = (uint32_t)(start - scanner->document->text);
	int error = scan_string(scanner, object, &member->key);
	for (const struct json *other = object->child; error == 0 && other != NULL; other = other->next) {
		if (strcmp(other->key, member->key) == 0) {
			scanner->at = start;
			return scan_fail(scanner, member, "the key is there twice, the first time in line %u: which of the two counts?",
					 (unsigned)other->line);
		}
	}
	if (error == 0 && count >= JSON_KEYS)
		error = scan_fail(scanner, object, "an object can have at most %d keys", JSON_KEYS);
	scan_blanks(scanner);
	if (error == 0 && (scanner->at >= scanner->end || *scanner->at != ':'))
		error = scan_fail(scanner, member, "a : is expected after the key, not %s", scan_found(scanner, &quote));
	scanner->at++;
	scan_blanks(scanner);
	return error;
}

/* The inside of [ ] or { }. */
static int scan_children(struct scanner *scanner, struct json *value, char close)
{
	struct json **link = &value->child;
	struct quote quote;
	size_t count = 0;
	scanner->at++;
	if (++scanner->depth > JSON_DEPTH)
		return scan_fail(scanner, value, "values are nested deeper than %d", JSON_DEPTH);
	scan_blanks(scanner);
	if (scanner->at < scanner->end && *scanner->at == close)
		goto out;
	for (;; count++) {
		struct json *child = arena_alloc(scanner->document->arena, sizeof(*child));
		child->parent = value;
		int error = close == '}' ? scan_key(scanner, value, child, count) : 0;
		if (error == 0) {
			*link = child; /* before it is read, so that its path shows where it is */
			error = scan_value(scanner, child);
		}
		if (error < 0)
			return error;
		link = &child->next;
		scan_blanks(scanner);
		if (scanner->at < scanner->end && *scanner->at == close)
			goto out;
		if (scanner->at >= scanner->end || *scanner->at != ',')
			return scan_fail(scanner, value, "a , or a %c is expected here, not %s", close, scan_found(scanner, &quote));
		scanner->at++;
		scan_blanks(scanner);
		if (scanner->at < scanner->end && *scanner->at == close)
			return scan_fail(scanner, value, "there is no , before the %c", close);
	}
out:
	scanner->at++;
	scanner->depth--;
	return 0;
}

static int scan_value(struct scanner *scanner, struct json *value)
{
	const char *start = scanner->at;
	char first = start < scanner->end ? *start : '\0';
	int error;
	value->offset = (uint32_t)(start - scanner->document->text);
	value->line = scanner->line;
	if (first == '{' || first == '[') {
		value->type = first == '{' ? JSON_OBJECT : JSON_ARRAY;
		value->size = 1;
		return scan_children(scanner, value, first == '{' ? '}' : ']');
	}
	if (first == '"') {
		value->type = JSON_STRING;
		error = scan_string(scanner, value, &value->text);
	} else if (first == '-' || ascii_digit(first)) {
		value->type = JSON_NUMBER;
		error = scan_number(scanner, value);
	} else {
		error = scan_word(scanner, value);
	}
	value->size = (uint32_t)(scanner->at - start);
	return error;
}

/* What can be said of the bytes before they are read as JSON. */
static int check_bytes(struct scanner *scanner, const struct json *root)
{
	const struct json_document *document = scanner->document;
	struct place place = {.file = document->file};
	size_t bad;
	if (document->length > JSON_BYTES) {
		diag_error(scanner->diag, &place, "$: the file is larger than %d MiB", JSON_BYTES >> 20);
		return ERROR_LIMIT;
	}
	bool text = utf8_check(document->text, document->length, &bad);
	const char *nul = memchr(document->text, '\0', text ? document->length : bad);
	if (nul != NULL || !text) {
		scanner->at = nul != NULL ? nul : document->text + bad;
		for (const char *at = document->text; at < scanner->at; at++)
			scanner->line += *at == '\n';
		if (nul != NULL)
			return scan_fail(scanner, root, "there is a NUL byte here: this is no JSON (UTF-16 must be converted to UTF-8)");
		return scan_fail(scanner, root, "the byte %s is not UTF-8: the file must be UTF-8 text", QUOTE_N(scanner->at, 1));
	}
	if (document->length >= 3 && memcmp(document->text, "\xef\xbb\xbf", 3) == 0)
		scanner->at += 3;
	scan_blanks(scanner);
	if (scanner->at == scanner->end)
		return scan_fail(scanner, root, "the file is empty");
	return 0;
}

int json_read(const struct json_document *document, struct diag *diag, struct json **ret_root)
{
	struct scanner scanner = {
		.document = document, .diag = diag, .at = document->text, .end = document->text + document->length, .line = 1,
	};
	struct json *root = arena_alloc(document->arena, sizeof(*root));
	buffer_init(&scanner.string, JSON_BYTES);
	int error = check_bytes(&scanner, root);
	if (error == 0)
		error = scan_value(&scanner, root);
	if (error == 0) {
		scan_blanks(&scanner);
		struct quote quote;
		if (scanner.at < scanner.end)
			error = scan_fail(&scanner, root, "the value ends before this, and nothing may follow it: found %s",
					  scan_found(&scanner, &quote));
	}
	buffer_done(&scanner.string);
	if (error == 0)
		*ret_root = root;
	return error;
}

void json_text_print(const char *text, struct buffer *buffer)
{
	static const char from[] = "\"\\\n\t\r\b\f", to[] = "\"\\ntrbf";
	buffer_add_char(buffer, '"');
	for (size_t left = strlen(text), bytes; left > 0; text += bytes, left -= bytes) {
		bytes = utf8_length(text, left);
		const char *which = strchr(from, *text);
		if (bytes == 0) {
			bytes = 1;
			buffer_add_text(buffer, "\xef\xbf\xbd");
		} else if (which != NULL) {
			buffer_add_char(buffer, '\\');
			buffer_add_char(buffer, to[which - from]);
		} else if ((unsigned char)*text < 0x20 || *text == 0x7f) {
			buffer_printf(buffer, "\\u%04x", (unsigned)(unsigned char)*text);
		} else {
			buffer_add(buffer, text, bytes);
		}
	}
	buffer_add_char(buffer, '"');
}
