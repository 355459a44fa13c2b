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
