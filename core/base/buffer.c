#include "core/base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/utf8.h"

void buffer_init(struct buffer *buffer, size_t maximum)
{
	*buffer = (struct buffer){.maximum = maximum};
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){.maximum = buffer->maximum};
}

void buffer_clear(struct buffer *buffer)
{
	buffer->length = 0;
	buffer->full = false;
	if (buffer->data != NULL)
		buffer->data[0] = '\0';
}

/* Room for `more` bytes and the NUL; false, and latched, when that is past the maximum. */
static bool buffer_reserve(struct buffer *buffer, size_t more)
{
	if (buffer->full || more > buffer->maximum - buffer->length) {
		buffer->full = true;
		return false;
	}
	size_t need = buffer->length + more + 1;
	if (need > buffer->capacity) {
		size_t capacity = buffer->capacity > 0 ? buffer->capacity : 64;
		while (capacity < need)
			capacity *= 2;
		buffer->data = memory_resize(buffer->data, capacity);
		buffer->capacity = capacity;
	}
	return true;
}

char *buffer_room(struct buffer *buffer, size_t length)
{
	return buffer_reserve(buffer, length) ? buffer->data + buffer->length : NULL;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t length)
{
	if (length == 0 || !buffer_reserve(buffer, length))
		return;
	memcpy(buffer->data + buffer->length, bytes, length);
	buffer->length += length;
	buffer->data[buffer->length] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_add_char(struct buffer *buffer, char c)
{
	buffer_add(buffer, &c, 1);
}

void buffer_add_number(struct buffer *buffer, uint64_t number)
{
	char digits[20];
	size_t at = sizeof(digits);
	do
		digits[--at] = (char)('0' + number % 10);
	while ((number /= 10) > 0);
	buffer_add(buffer, digits + at, sizeof(digits) - at);
}

void buffer_printf(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	int length = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (length < 0 || !buffer_reserve(buffer, (size_t)length))
		return;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->length, (size_t)length + 1, format, arguments);
	va_end(arguments);
	buffer->length += (size_t)length;
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data != NULL ? buffer->data : "";
}

/* The bytes of the next piece of text that may be shown as they are, or 0 when the next byte must be escaped. */
static size_t printable(const char *text, size_t length)
{
	size_t bytes = utf8_length(text, length);
	return bytes == 0 || utf8_is_hidden(utf8_point(text, bytes)) || *text == '"' || *text == '\\' ? 0 : bytes;
}

static size_t escape(char out[5], char c)
{
	if (c == '"' || c == '\\')
		return (size_t)snprintf(out, 5, "\\%c", c);
	return (size_t)snprintf(out, 5, "\\x%02x", (unsigned)(unsigned char)c);
}

void buffer_add_quoted(struct buffer *buffer, const char *text, size_t length)
{
	buffer_add_char(buffer, '"');
	for (size_t at = 0; at < length;) {
		size_t bytes = printable(text + at, length - at);
		if (bytes > 0) {
			buffer_add(buffer, text + at, bytes);
			at += bytes;
		} else {
			char escaped[5];
			buffer_add(buffer, escaped, escape(escaped, text[at++]));
		}
	}
	buffer_add_char(buffer, '"');
}

void buffer_add_shown(struct buffer *buffer, const char *text)
{
	size_t length = strlen(text);
	for (size_t at = 0; at < length;) {
		size_t bytes = utf8_length(text + at, length - at);
		char escaped[5];
		if (bytes > 0 && !utf8_is_hidden(utf8_point(text + at, bytes))) {
			buffer_add(buffer, text + at, bytes);
			at += bytes;
		} else {
			buffer_add(buffer, escaped, escape(escaped, text[at++]));
		}
	}
}

const char *quote_text(struct quote *quote, const char *text, size_t length)
{
	size_t used = 0;
	quote->text[used++] = '"';
	for (size_t at = 0; at < length;) {
		char escaped[5];
		size_t bytes = printable(text + at, length - at);
		const char *piece = text + at;
		at += bytes > 0 ? bytes : 1;
		if (bytes == 0) {
			bytes = escape(escaped, *piece);
			piece = escaped;
		}
		if (used + bytes + sizeof("...\"") > sizeof(quote->text)) {
			memcpy(quote->text + used, "...", 3);
			used += 3;
			break;
		}
		memcpy(quote->text + used, piece, bytes);
		used += bytes;
	}
	quote->text[used++] = '"';
	quote->text[used] = '\0';
	return quote->text;
}
