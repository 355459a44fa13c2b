/* Functions of texts that stand for bytes (URLs, hex), and of values by their number. */
#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "logparse/query/argument.h"

static const char digits[] = "0123456789ABCDEF";

static int digit_of(char c)
{
	c = ascii_lower(c);
	return ascii_digit(c) ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Bytes as text: what is not UTF-8, and NUL, becomes U+FFFD. */
static void bytes_give(const struct call *call, struct buffer *bytes)
{
	struct cursor text = cursor_of(buffer_text(bytes), bytes->length);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	while (text.at < text.end && !out.full) {
		size_t length = *text.at != '\0' ? utf8_length(text.at, cursor_left(&text)) : 0;
		buffer_add(&out, length > 0 ? text.at : "\xef\xbf\xbd", length > 0 ? length : 3);
		text.at += length > 0 ? length : 1;
	}
	buffer_done(bytes);
	result_give_buffer(call, &out);
}

/* --- URLs --- */

/* All but what RFC 3986 calls unreserved. */
void urlescape_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
	struct buffer out;
	buffer_init(&out, RESULT_MOST);
	for (; text.at < text.end && !out.full; text.at++) {
		unsigned char c = (unsigned char)*text.at;
		bool plain = ascii_digit(*text.at) || (c < 0x80 && ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')) || (c != 0 && c < 0x80 && strchr("-._~/", c) != NULL);
		if (!plain) {
			buffer_add_char(&out, '%');
			buffer_add_char(&out, digits[c >> 4]);
		}
		buffer_add_char(&out, plain ? *text.at : digits[c & 15]);
	}
	result_give_buffer(call, &out);
}

void urlunescape_call(const struct call *call)
{
	struct cursor text = argument_text(call, 0);
	struct buffer bytes;
	buffer_init(&bytes, RESULT_MOST);
	while (text.at < text.end) {
		bool escaped = *text.at == '%' && cursor_left(&text) >= 3 && digit_of(text.at[1]) >= 0 && digit_of(text.at[2]) >= 0;
		const unsigned byte = escaped ? (unsigned)digit_of(text.at[1]) << 4 | (unsigned)digit_of(text.at[2]) : (unsigned char)*text.at;
		buffer_add_char(&bytes, (char)byte);
		text.at += escaped ? 3 : 1;
	}
	bytes_give(call, &bytes);
}

/* --- Hex, as of the column Data: with or without 0x and blanks --- */

/* False at the end, and where it is no hex. */
static bool byte_take(struct cursor *text, unsigned *ret_byte)
{
	while (text->at < text->end && (*text->at == ' ' || *text->at == ','))
		text->at++;
	if (cursor_left(text) >= 2 && *text->at == '0' && (text->at[1] | 0x20) == 'x')
		text->at += 2;
	if (cursor_left(text) < 2 || digit_of(*text->at) < 0 || digit_of(text->at[1]) < 0)
		return false;
	*ret_byte = (unsigned)(digit_of(*text->at) << 4 | digit_of(text->at[1]));
	text->at += 2;
	return true;
}

/* other: in place of bytes that cannot be printed; NUL: nothing. */
static void hex_print(const struct call *call, char other)
{
	struct cursor text = argument_text(call, 0);
	struct buffer out;
	unsigned byte;
	buffer_init(&out, RESULT_MOST);
	while (byte_take(&text, &byte)) {
		bool printed = byte >= ' ' && byte < 0x7f;
		if (printed || other != '\0')
			buffer_add_char(&out, printed ? (char)byte : other);
	}
	if (cursor_left(&text) == 0)
		result_give_buffer(call, &out);
	else
		buffer_done(&out);
}

void hex_to_asc_call(const struct call *call)
{
	hex_print(call, '.');
}

void hex_to_print_call(const struct call *call)
{
	hex_print(call, '\0');
}

/* Numbers of so many bytes, the low one first, as Intel's processors have them. */
static void hex_group(const struct call *call, size_t size)
{
	struct cursor text = argument_text(call, 0);
	struct buffer out;
	unsigned byte;
	uint64_t number = 0;
	size_t count = 0;
	buffer_init(&out, RESULT_MOST);
	while (byte_take(&text, &byte)) {
		number |= (uint64_t)byte << (8 * count);
		if (++count < size && cursor_left(&text) > 0)
			continue;
		buffer_printf(&out, "%s0x%0*llX", out.length > 0 ? " " : "", (int)(2 * count), (unsigned long long)number);
		number = count = 0;
	}
	if (cursor_left(&text) == 0)
		result_give_buffer(call, &out);
	else
		buffer_done(&out);
}

void hex_to_hex8_call(const struct call *call)
{
	hex_group(call, 1);
}

void hex_to_hex16_call(const struct call *call)
{
	hex_group(call, 2);
}

void hex_to_hex32_call(const struct call *call)
{
	hex_group(call, 4);
}

void rot13_call(const struct call *call)
{
	struct cursor from = argument_text(call, 0);
	struct buffer text;
	buffer_init(&text, RESULT_MOST);
	for (; from.at < from.end; from.at++) {
		char c = ascii_lower(*from.at);
		buffer_add_char(&text, (char)(c >= 'a' && c <= 'm' ? *from.at + 13 : c >= 'n' && c <= 'z' ? *from.at - 13 : *from.at));
	}
	result_give_buffer(call, &text);
}

/* --- The number of a value among those that were seen --- */

struct seen {
	uint64_t hash;
	uint32_t length, number;
	const char *text;         /* NULL: free */
};
struct sequence {
	struct arena *arena;
	struct seen *table;       /* open addressing, at most half full */
	size_t size, used, bytes;
};

enum { SEQUENCE_FIRST = 1024, SEQUENCE_MOST = 1 << 22 };
#define SEQUENCE_BYTES ((size_t)256 << 20)

struct sequence *sequence_new(void)
{
	struct sequence *sequence = memory_alloc(sizeof(*sequence));
	*sequence = (struct sequence){.arena = arena_new(), .size = SEQUENCE_FIRST};
	sequence->table = memory_alloc(sequence->size * sizeof(*sequence->table));
	return sequence;
}

void sequence_free(void *context)
{
	struct sequence *sequence = context;
	arena_free(sequence->arena);
	free(sequence->table);
	free(sequence);
}

static struct seen *seen_find(const struct sequence *sequence, uint64_t hash, struct cursor text)
{
	size_t at = (size_t)hash & (sequence->size - 1), length = cursor_left(&text);
	while (sequence->table[at].text != NULL &&
	       !(sequence->table[at].hash == hash && sequence->table[at].length == length && memcmp(sequence->table[at].text, text.at, length) == 0))
		at = (at + 1) & (sequence->size - 1);
	return &sequence->table[at];
}

static void sequence_grow(struct sequence *sequence)
{
	struct sequence larger = *sequence;
	larger.size *= 2;
	larger.table = memory_alloc(larger.size * sizeof(*larger.table));
	for (size_t i = 0; i < sequence->size; i++)
		if (sequence->table[i].text != NULL)
			*seen_find(&larger, sequence->table[i].hash, cursor_of(sequence->table[i].text, sequence->table[i].length)) = sequence->table[i];
	free(sequence->table);
	*sequence = larger;
}

/* From 1 on, in the order in which values come. */
void hashseq_call(const struct call *call)
{
	const uint64_t prime = 0x100000001b3u;
	struct sequence *sequence = call->sequence;
	struct cursor text = argument_text(call, 0);
	uint64_t hash = 0xcbf29ce484222325u;
	for (const char *at = text.at; at < text.end; at++)
		hash = (hash ^ (unsigned char)*at) * prime;
	struct seen *seen = seen_find(sequence, hash, text);
	if (seen->text == NULL) {
		sequence->bytes += cursor_left(&text);
		if (sequence->used == SEQUENCE_MOST || sequence->bytes > SEQUENCE_BYTES) {
			sqlite3_result_error(call->context, "HASHSEQ of more than 4,194,304 values, or of 256 MiB of them", -1);
			return;
		}
		*seen = (struct seen){hash, (uint32_t)cursor_left(&text), (uint32_t)++sequence->used, arena_text_n(sequence->arena, text.at, cursor_left(&text))};
		sqlite3_result_int64(call->context, seen->number);
		if (sequence->used > sequence->size / 2)
			sequence_grow(sequence);
		return;
	}
	sqlite3_result_int64(call->context, seen->number);
}
