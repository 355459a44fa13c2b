#include "tests/unit/logparse/wellformed.h"

#include <expat.h>
#include <string.h>

#include "core/base/utf8.h"

enum { DEPTH_MOST = 1000 };

struct look {
	const char *at, *end;
	unsigned depth;
};

static bool take(struct look *look, char c)
{
	if (look->at == look->end || *look->at != c)
		return false;
	look->at++;
	return true;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

static bool string_pass(struct look *look)
{
	if (!take(look, '"'))
		return false;
	while (look->at < look->end && *look->at != '"') {
		char c = *look->at++;
		if ((unsigned char)c < 0x20)
			return false;
		if (c != '\\')
			continue;
		if (look->at == look->end)
			return false;
		c = *look->at++;
		if (c == 'u') {
			for (size_t i = 0; i < 4; i++)
				if (look->at == look->end || !is_hex(*look->at++))
					return false;
		} else if (strchr("\"\\/bfnrt", c) == NULL || c == '\0') {
			return false;
		}
	}
	return take(look, '"');
}

static bool digits_pass(struct look *look)
{
	const char *start = look->at;
	while (look->at < look->end && *look->at >= '0' && *look->at <= '9')
		look->at++;
	return look->at > start;
}

static bool number_pass(struct look *look)
{
	take(look, '-');
	if (!take(look, '0') && !digits_pass(look))
		return false;
	if (take(look, '.') && !digits_pass(look))
		return false;
	if (!take(look, 'e') && !take(look, 'E'))
		return true;
	if (!take(look, '+'))
		take(look, '-');
	return digits_pass(look);
}

static bool word_pass(struct look *look, const char *word)
{
	size_t length = strlen(word);
	if ((size_t)(look->end - look->at) < length || memcmp(look->at, word, length) != 0)
		return false;
	look->at += length;
	return true;
}

static bool value_pass(struct look *look);

static bool items_pass(struct look *look, bool members, char close)
{
	look->at++;
	if (take(look, close))
		return true;
	do
		if ((members && (!string_pass(look) || !take(look, ':'))) || !value_pass(look))
			return false;
	while (take(look, ','));
	return take(look, close);
}

static bool value_pass(struct look *look)
{
	bool good;
	if (look->at == look->end || ++look->depth > DEPTH_MOST)
		return false;
	switch (*look->at) {
	case '{': good = items_pass(look, true, '}'); break;
	case '[': good = items_pass(look, false, ']'); break;
	case '"': good = string_pass(look); break;
	case 't': good = word_pass(look, "true"); break;
	case 'f': good = word_pass(look, "false"); break;
	case 'n': good = word_pass(look, "null"); break;
	default: good = number_pass(look); break;
	}
	look->depth--;
	return good;
}

bool is_json(const char *text, size_t length)
{
	struct look look = {text, text + length, 0};
	return utf8_check(text, length, NULL) && value_pass(&look) && look.at == look.end;
}

bool is_xml(const char *text, size_t length)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	bool good = parser != NULL && XML_Parse(parser, text, (int)length, 1) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good;
}
