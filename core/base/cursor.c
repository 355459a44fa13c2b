#include "core/base/cursor.h"

bool ascii_equal_n(const char *a, size_t a_length, const char *b)
{
	for (size_t i = 0; i < a_length; i++)
		if (b[i] == '\0' || ascii_lower(a[i]) != ascii_lower(b[i]))
			return false;
	return b[a_length] == '\0';
}

bool ascii_equal(const char *a, const char *b)
{
	return ascii_equal_n(a, strlen(a), b);
}

bool ascii_prefix(const char *prefix, size_t prefix_length, const char *whole)
{
	for (size_t i = 0; i < prefix_length; i++)
		if (whole[i] == '\0' || ascii_lower(prefix[i]) != ascii_lower(whole[i]))
			return false;
	return true;
}

void cursor_skip_blanks(struct cursor *cursor)
{
	while (cursor->at < cursor->end && ascii_blank(*cursor->at))
		cursor->at++;
}

bool cursor_take(struct cursor *cursor, char c)
{
	if (cursor->at == cursor->end || *cursor->at != c)
		return false;
	cursor->at++;
	return true;
}

bool cursor_word(struct cursor *cursor, struct cursor *ret_word)
{
	const char *start = cursor->at;
	while (cursor->at < cursor->end && !ascii_blank(*cursor->at))
		cursor->at++;
	if (cursor->at == start)
		return false;
	*ret_word = (struct cursor){start, cursor->at};
	return true;
}

bool cursor_number(struct cursor *cursor, uint64_t most, uint64_t *ret_number)
{
	const char *at = cursor->at;
	uint64_t number = 0;
	for (; at < cursor->end && ascii_digit(*at); at++) {
		unsigned digit = (unsigned)(*at - '0');
		if (number > (UINT64_MAX - digit) / 10)
			return false;
		number = number * 10 + digit;
	}
	if (at == cursor->at || number > most)
		return false;
	cursor->at = at;
	*ret_number = number;
	return true;
}

bool number_parse(const char *text, size_t length, uint64_t most, uint64_t *ret_number)
{
	struct cursor cursor = cursor_of(text, length);
	uint64_t number;
	if (!cursor_number(&cursor, most, &number) || cursor.at != cursor.end)
		return false;
	*ret_number = number;
	return true;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

unsigned word_distance(const char *a, size_t a_length, const char *b)
{
	enum { MOST = 63 };
	size_t b_length = strlen(b);
	if (a_length > MOST || b_length > MOST)
		return 99;
	unsigned rows[3][MOST + 1];
	unsigned *before = rows[0], *last = rows[1], *row = rows[2];
	for (unsigned j = 0; j <= b_length; j++)
		last[j] = j;
	memset(before, 0, sizeof(rows[0]));
	for (unsigned i = 1; i <= a_length; i++) {
		row[0] = i;
		for (unsigned j = 1; j <= b_length; j++) {
			char x = ascii_lower(a[i - 1]), y = ascii_lower(b[j - 1]);
			row[j] = least(least(last[j] + 1, row[j - 1] + 1), last[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == ascii_lower(b[j - 2]) && ascii_lower(a[i - 2]) == y)
				row[j] = least(row[j], before[j - 2] + 1);
		}
		unsigned *spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b_length];
}

const char *word_nearest(const char *word, size_t length, const char *const names[])
{
	const char *nearest = NULL;
	unsigned best = 3;
	for (; *names != NULL; names++) {
		unsigned distance = word_distance(word, length, *names);
		if (distance < best && distance * 2 < length) {
			best = distance;
			nearest = *names;
		}
	}
	return nearest;
}
