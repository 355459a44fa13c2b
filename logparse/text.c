#include "logparse/text.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/base/utf8.h"

static const char hex[] = "0123456789abcdef";

/* How many bytes from here on stand for themselves: ASCII without controls, quotes, backslash, <, >, &. */
static size_t plain_run(const char *text, size_t length)
{
	size_t run = 0;
#ifdef __SSE2__
	for (; length - run >= 16; run += 16) {
		__m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(text + run));
		/* As signed bytes: below a blank is also all from 0x80 on. */
		__m128i bad = _mm_or_si128(_mm_cmpgt_epi8(_mm_set1_epi8(0x20), bytes), _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f)));
		for (const char *c = "\"\\<>&"; *c != '\0'; c++)
			bad = _mm_or_si128(bad, _mm_cmpeq_epi8(bytes, _mm_set1_epi8(*c)));
		int found = _mm_movemask_epi8(bad);
		if (found != 0)
			return run + (size_t)__builtin_ctz((unsigned)found);
	}
#endif
	while (run < length) {
		unsigned char c = (unsigned char)text[run];
		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&')
			break;
		run++;
	}
	return run;
}

/* DEL and the controls behind it (C1), which terminals obey as well; 0: it is none of them. */
static unsigned late_control(const char *text, size_t length, size_t *ret_taken)
{
	unsigned first = (unsigned char)text[0], second = length > 1 ? (unsigned char)text[1] : 0;
	bool wide = first == 0xc2 && second >= 0x80 && second < 0xa0;
	if (!wide && first != 0x7f)
		return 0;
	*ret_taken = wide ? 2 : 1;
	return wide ? second : first;
}

static size_t other_take(struct buffer *buffer, const char *text, size_t length)
{
	size_t size = (unsigned char)text[0] >= 0x80 ? utf8_length(text, length) : 1;
	if (size == 0) {
		buffer_add(buffer, "\xef\xbf\xbd", 3);
		return 1;
	}
	buffer_add(buffer, text, size);
	return size;
}

void buffer_add_json(struct buffer *buffer, const char *text, size_t length)
{
	static const char shorts[0x20] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
	while (length > 0) {
		size_t run = plain_run(text, length);
		unsigned char c = run < length ? (unsigned char)text[run] : 0;
		buffer_add(buffer, text, run);
		text += run;
		length -= run;
		if (length == 0)
			break;
		size_t taken = 1;
		unsigned control = c < 0x20 ? c : late_control(text, length, &taken);
		if (c == '"' || c == '\\')
			buffer_add(buffer, (const char[]){'\\', (char)c}, 2);
		else if (c < 0x20 && shorts[c] != 0)
			buffer_add(buffer, (const char[]){'\\', shorts[c]}, 2);
		else if (c < 0x20 || control != 0)
			buffer_add(buffer, (const char[]){'\\', 'u', '0', '0', hex[control >> 4], hex[control & 15]}, 6);
		else
			taken = other_take(buffer, text, length);
		text += taken;
		length -= taken;
	}
}

void buffer_add_xml(struct buffer *buffer, const char *text, size_t length)
{
	static const struct { char c; const char *entity; } entities[] = {
		{'<', "&lt;"}, {'>', "&gt;"}, {'&', "&amp;"}, {'"', "&quot;"}, {'\r', "&#13;"}, {'\n', "\n"}, {'\t', "\t"},
	};
	while (length > 0) {
		size_t run = plain_run(text, length);
		buffer_add(buffer, text, run);
		text += run;
		length -= run;
		if (length == 0)
			break;
		const char *entity = (unsigned char)*text < 0x20 ? "\xef\xbf\xbd" : NULL;
		for (size_t i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
			if (*text == entities[i].c)
				entity = entities[i].entity;
		size_t taken = 1;
		unsigned control = late_control(text, length, &taken);
		if (entity != NULL)
			buffer_add_text(buffer, entity);
		else if (control != 0)
			buffer_printf(buffer, "&#%u;", control);
		else if (length >= 3 && (memcmp(text, "\xef\xbf\xbe", 3) == 0 || memcmp(text, "\xef\xbf\xbf", 3) == 0))
			buffer_add(buffer, "\xef\xbf\xbd", taken = 3);
		else
			taken = other_take(buffer, text, length);
		text += taken;
		length -= taken;
	}
}

void buffer_add_hex(struct buffer *buffer, const uint8_t *bytes, size_t length)
{
	static const char digits[] = "0123456789ABCDEF";
	char *to = buffer_room(buffer, 2 * length);
	for (size_t i = 0; to != NULL && i < length; i++) {
		*to++ = digits[bytes[i] >> 4];
		*to++ = digits[bytes[i] & 15];
	}
	if (to != NULL)
		buffer_took(buffer, to);
}
