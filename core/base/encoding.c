#include "core/base/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

#include "core/base/error.h"
#include "core/base/utf16.h"
#include "core/base/utf8.h"

static const char *const names[] = {
	[ENCODING_UTF8] = "UTF-8", [ENCODING_UTF16LE] = "UTF-16LE",
	[ENCODING_UTF16BE] = "UTF-16BE", [ENCODING_GB18030] = "GB18030",
};

const char *encoding_name(enum encoding encoding)
{
	return names[encoding];
}

static bool starts_with(const char *bytes, size_t length, const char *mark, size_t mark_length)
{
	return length >= mark_length && memcmp(bytes, mark, mark_length) == 0;
}

/* UTF-16 without a mark: its first units are ASCII, so that every second byte is zero and the others never are. */
static bool looks_utf16(const char *bytes, size_t length, size_t zero)
{
	size_t look = length < 64 ? length & ~(size_t)1 : 64;
	for (size_t i = 0; i < look; i++)
		if ((bytes[i] == '\0') != (i % 2 == zero))
			return false;
	return look >= 4;
}

static enum encoding encoding_guess(const char *bytes, size_t length)
{
	if (starts_with(bytes, length, "\xff\xfe", 2) || looks_utf16(bytes, length, 1))
		return ENCODING_UTF16LE;
	if (starts_with(bytes, length, "\xfe\xff", 2) || looks_utf16(bytes, length, 0))
		return ENCODING_UTF16BE;
	return ENCODING_UTF8;
}

static int gb18030_decode(const char *bytes, size_t length, struct buffer *text, size_t *ret_at)
{
	iconv_t converter = iconv_open("UTF-8", "GB18030");
	if (converter == (iconv_t)-1)
		return ERROR_SYSTEM;
	char *in = (char *)(uintptr_t)bytes; /* iconv does not write there; its prototype has no const */
	size_t left = length;
	int error = 0;
	while (left > 0 && error == 0) {
		char piece[4096], *out = piece;
		size_t room = sizeof(piece);
		size_t result = iconv(converter, &in, &left, &out, &room);
		buffer_add(text, piece, sizeof(piece) - room);
		if (result == (size_t)-1 && errno != E2BIG)
			error = ERROR_INPUT;
	}
	iconv_close(converter);
	*ret_at = length - left;
	return error;
}

/* The line and column of an offset, for text in bytes. */
static struct place place_at(const char *bytes, size_t at, const char *file)
{
	struct place place = {.file = file, .line = 1, .column = 1, .length = 1};
	for (size_t i = 0; i < at; i++) {
		place.column++;
		if (bytes[i] == '\n') {
			place.line++;
			place.column = 1;
		}
	}
	return place;
}

/* The first byte that no text has; the length when there is none. */
static size_t control_find(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r' && c != '\f') || c == 0x7f)
			return i;
	}
	return length;
}

static int text_check(const char *text, size_t length, const char *file, struct diag *diag)
{
	size_t at = control_find(text, length);
	if (at == length)
		return 0;
	struct place place = place_at(text, at, file);
	if (text[at] == '\0')
		diag_error(diag, &place, "a NUL byte: this is not a text file");
	else
		diag_error(diag, &place, "the control character 0x%02x: this is not a text file", (unsigned)(unsigned char)text[at]);
	return ERROR_INPUT;
}

/* A DOS editor ends a file with Ctrl-Z. */
static size_t end_trim(const char *text, size_t length)
{
	size_t end = length;
	while (end > 0 && (text[end - 1] == '\x1a' || text[end - 1] == '\0'))
		end--;
	return end < length && text[end] == '\x1a' ? end : length;
}

static int utf16_text(const char *bytes, size_t length, enum encoding encoding, const char *file, struct diag *diag,
		      struct buffer *text)
{
	enum utf16_order order = encoding == ENCODING_UTF16LE ? UTF16_LITTLE : UTF16_BIG;
	size_t at, start = text->length;
	if (utf16_decode(bytes, length, order, text, &at))
		return 0;
	struct place place = place_at(buffer_text(text) + start, text->length - start, file);
	diag_error(diag, &place, "this is no %s text: %s", names[encoding],
		   length - at < 2 ? "half a character at the end" : "half of a surrogate pair");
	return ERROR_INPUT;
}

static int gb18030_text(const char *bytes, size_t length, const char *file, struct diag *diag, struct buffer *text)
{
	size_t at;
	int error = gb18030_decode(bytes, length, text, &at);
	if (error == 0)
		return 0;
	struct place place;
	if (error == ERROR_SYSTEM) {
		utf8_check(bytes, length, &at);
		place = place_at(bytes, at, file);
		diag_error(diag, &place, "this is not UTF-8, and this machine has no converter for GB18030: save the file as UTF-8");
		return error;
	}
	place = place_at(bytes, at, file);
	diag_error(diag, &place, "the byte 0x%02x: the text is neither UTF-8 nor UTF-16 nor GB18030; save the file as UTF-8",
		   (unsigned)(unsigned char)bytes[at]);
	return ERROR_INPUT;
}

/* UTF-16 or GB18030 into the buffer. */
static int text_convert(const char *bytes, size_t length, enum encoding encoding, const char *file, struct diag *diag,
			struct buffer *buffer)
{
	int error;
	if (encoding == ENCODING_GB18030) {
		error = gb18030_text(bytes, length, file, diag, buffer);
	} else {
		bool marked = starts_with(bytes, length, "\xff\xfe", 2) || starts_with(bytes, length, "\xfe\xff", 2);
		error = utf16_text(bytes + (marked ? 2 : 0), length - (marked ? 2 : 0), encoding, file, diag, buffer);
	}
	if (error == 0 && buffer->full) {
		const struct place place = {.file = file};
		diag_error(diag, &place, "the text is larger than %zu bytes", buffer->maximum);
		error = ERROR_LIMIT;
	}
	return error;
}

int encoding_decode(const char *bytes, size_t length, const char *file, struct diag *diag, struct buffer *buffer,
		    struct decoded *ret_decoded)
{
	static const char utf8_mark[] = "\xef\xbb\xbf";
	struct decoded decoded = {bytes, length, encoding_guess(bytes, length)};
	if (decoded.encoding == ENCODING_UTF8) {
		if (starts_with(bytes, length, utf8_mark, 3)) {
			decoded.text += 3;
			decoded.length -= 3;
		}
		decoded.length = end_trim(decoded.text, decoded.length);
		/* Bytes that no text has say more about a file than that it is not UTF-8. */
		if (memchr(decoded.text, '\0', decoded.length) == NULL && !utf8_check(decoded.text, decoded.length, NULL))
			decoded.encoding = ENCODING_GB18030;
	}
	if (decoded.encoding != ENCODING_UTF8) {
		int error = text_convert(decoded.text, decoded.length, decoded.encoding, file, diag, buffer);
		if (error < 0)
			return error;
		decoded.text = buffer_text(buffer);
		decoded.length = end_trim(decoded.text, buffer->length);
	}
	int error = text_check(decoded.text, decoded.length, file, diag);
	if (error == 0)
		*ret_decoded = decoded;
	return error;
}
