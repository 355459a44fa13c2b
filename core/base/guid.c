#include "core/base/guid.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static const int dash_before[16] = {[4] = 1, [6] = 1, [8] = 1, [10] = 1};

struct guid guid_new(void)
{
	struct guid guid;
	if (getrandom(guid.bytes, sizeof(guid.bytes), 0) != (ssize_t)sizeof(guid.bytes))
		abort(); /* 16 bytes are never short on a running kernel */
	guid.bytes[6] = (uint8_t)((guid.bytes[6] & 0x0f) | 0x40);
	guid.bytes[8] = (uint8_t)((guid.bytes[8] & 0x3f) | 0x80);
	return guid;
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool guid_parse(const char *text, size_t length, struct guid *ret_guid)
{
	if (length == 38 && text[0] == '{' && text[37] == '}') {
		text++;
		length = 36;
	}
	if (length != 36)
		return false;
	struct guid guid;
	for (size_t i = 0; i < sizeof(guid.bytes); i++) {
		if (dash_before[i] && *text++ != '-')
			return false;
		int high = hex_value(text[0]), low = hex_value(text[1]);
		if (high < 0 || low < 0)
			return false;
		guid.bytes[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	*ret_guid = guid;
	return true;
}

void guid_print(const struct guid *guid, char text[GUID_TEXT])
{
	static const char digits[] = "0123456789abcdef";
	*text++ = '{';
	for (size_t i = 0; i < sizeof(guid->bytes); i++) {
		if (dash_before[i])
			*text++ = '-';
		*text++ = digits[guid->bytes[i] >> 4];
		*text++ = digits[guid->bytes[i] & 15];
	}
	*text++ = '}';
	*text = '\0';
}

bool guid_equal(const struct guid *a, const struct guid *b)
{
	return memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}
