#include "core/base/utf8.h"

size_t utf8_length(const char *text, size_t length)
{
	if (length == 0)
		return 0;
	const unsigned char *at = (const unsigned char *)text;
	if (at[0] < 0x80)
		return 1;
	size_t bytes;
	unsigned char low = 0x80, high = 0xbf;
	if (at[0] >= 0xc2 && at[0] <= 0xdf) {
		bytes = 2;
	} else if (at[0] >= 0xe0 && at[0] <= 0xef) {
		bytes = 3;
		if (at[0] == 0xe0)
			low = 0xa0;
		if (at[0] == 0xed)
			high = 0x9f;
	} else if (at[0] >= 0xf0 && at[0] <= 0xf4) {
		bytes = 4;
		if (at[0] == 0xf0)
			low = 0x90;
		if (at[0] == 0xf4)
			high = 0x8f;
	} else {
		return 0;
	}
	if (length < bytes || at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < bytes; i++)
		if (at[i] < 0x80 || at[i] > 0xbf)
			return 0;
	return bytes;
}

uint32_t utf8_point(const char *text, size_t bytes)
{
	uint32_t point = (unsigned char)text[0];
	if (bytes > 1)
		point &= 0xffu >> (bytes + 1);
	for (size_t i = 1; i < bytes; i++)
		point = point << 6 | ((unsigned char)text[i] & 0x3fu);
	return point;
}

bool utf8_is_hidden(uint32_t point)
{
	return point < ' ' || (point >= 0x7f && point < 0xa0) || (point >= 0x200b && point <= 0x200f) || (point >= 0x2028 && point <= 0x202e) ||
	       (point >= 0x2060 && point <= 0x206f) || point == 0xfeff;
}

bool utf8_check(const char *text, size_t length, size_t *ret_at)
{
	for (size_t at = 0; at < length;) {
		size_t bytes = utf8_length(text + at, length - at);
		if (bytes == 0) {
			if (ret_at != NULL)
				*ret_at = at;
			return false;
		}
		at += bytes;
	}
	return true;
}
