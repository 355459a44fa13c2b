#include "core/base/utf16.h"

static unsigned unit_at(const unsigned char *at, enum utf16_order order)
{
	return order == UTF16_LITTLE ? at[0] | (unsigned)at[1] << 8 : (unsigned)at[0] << 8 | at[1];
}

static void code_add(struct buffer *text, unsigned code)
{
	unsigned char bytes[4];
	size_t length = 0;
	if (code < 0x80) {
		bytes[length++] = (unsigned char)code;
	} else if (code < 0x800) {
		bytes[length++] = (unsigned char)(0xc0 | code >> 6);
	} else if (code < 0x10000) {
		bytes[length++] = (unsigned char)(0xe0 | code >> 12);
		bytes[length++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	} else {
		bytes[length++] = (unsigned char)(0xf0 | code >> 18);
		bytes[length++] = (unsigned char)(0x80 | (code >> 12 & 0x3f));
		bytes[length++] = (unsigned char)(0x80 | (code >> 6 & 0x3f));
	}
	if (code >= 0x80)
		bytes[length++] = (unsigned char)(0x80 | (code & 0x3f));
	buffer_add(text, bytes, length);
}

bool utf16_decode(const char *bytes, size_t length, enum utf16_order order, struct buffer *text, size_t *ret_at)
{
	const unsigned char *at = (const unsigned char *)bytes;
	for (size_t i = 0; i < length; i += 2) {
		unsigned code = 0, low = 0;
		bool good = length - i >= 2;
		if (good)
			code = unit_at(at + i, order);
		if (good && code >= 0xd800 && code < 0xe000) {
			good = code < 0xdc00 && length - i >= 4;
			if (good)
				low = unit_at(at + i + 2, order);
			good = good && low >= 0xdc00 && low < 0xe000;
			if (good) {
				code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
				i += 2;
			}
		}
		if (!good) {
			if (ret_at != NULL)
				*ret_at = i;
			return false;
		}
		code_add(text, code);
	}
	return true;
}
