#include "bootcfg/contain/pem.h"

#include "core/base/cursor.h"

static const char begin_mark[] = "-----BEGIN CERTIFICATE-----", end_mark[] = "-----END CERTIFICATE-----";

static int base64_value(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c != '\0' ? strchr(digits, c) : NULL;
	return at != NULL ? (int)(at - digits) : -1;
}

/* What is seen of the bytes behind the base64 text: the head, and how many there are. */
struct der {
	unsigned char head[6];
	size_t length;
	unsigned bits, count; /* not yet a byte */
};

static void der_add(struct der *der, unsigned value)
{
	der->bits = (der->bits << 6 | value) & 0xffff;
	der->count += 6;
	if (der->count < 8)
		return;
	der->count -= 8;
	if (der->length < sizeof(der->head))
		der->head[der->length] = (unsigned char)(der->bits >> der->count);
	der->length++;
}

/* A SEQUENCE that is as long as it says, and no more follows. */
static bool der_whole(const struct der *der)
{
	if (der->length < 6 || der->head[0] != 0x30)
		return false;
	size_t bytes = 0, length = der->head[1];
	if (length & 0x80) {
		bytes = length & 0x7f;
		if (bytes == 0 || bytes > 4)
			return false;
		length = 0;
		for (size_t i = 0; i < bytes; i++)
			length = length << 8 | der->head[2 + i];
	}
	return der->length == 2 + bytes + length;
}

static bool body_check(const char *at, const char *end)
{
	struct der der = {.length = 0};
	size_t padding = 0;
	for (; at < end; at++) {
		if (ascii_blank(*at) || *at == '\r' || *at == '\n')
			continue;
		int value = base64_value(*at);
		if (*at == '=')
			padding++;
		else if (value < 0 || padding > 0)
			return false;
		else
			der_add(&der, (unsigned)value);
	}
	return padding <= 2 && der_whole(&der);
}

const char *pem_wrong(const char *text, size_t length)
{
	const char *at = text, *end = text + length;
	size_t count = 0;
	if (length > PEM_MOST)
		return "it is larger than 1 MiB";
	if (length > 0 && memchr(text, '\0', length) != NULL)
		return "it holds a NUL byte: PEM is text";
	while (at < end) {
		const char *begin = memmem(at, (size_t)(end - at), begin_mark, sizeof(begin_mark) - 1);
		if (begin == NULL)
			break;
		begin += sizeof(begin_mark) - 1;
		const char *stop = memmem(begin, (size_t)(end - begin), end_mark, sizeof(end_mark) - 1);
		if (stop == NULL)
			return "a certificate is cut short: -----END CERTIFICATE----- is missing";
		if (!body_check(begin, stop))
			return "what stands between BEGIN CERTIFICATE and END CERTIFICATE is damaged";
		count++;
		at = stop + sizeof(end_mark) - 1;
	}
	return count > 0 ? NULL : "it holds no certificate: PEM starts with -----BEGIN CERTIFICATE-----";
}
