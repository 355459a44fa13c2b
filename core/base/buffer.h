/* A growing text or byte buffer, born with a maximum.  Past the maximum nothing more is added and `full`
 * latches, so a caller adds freely and looks once at the end.  Always ends in a NUL that is not counted. */
#ifndef CORDON_BASE_BUFFER_H
#define CORDON_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"

struct buffer {
	char *data; /* NULL while empty: use buffer_text */
	size_t length, capacity, maximum;
	bool full;
};

void buffer_init(struct buffer *buffer, size_t maximum);
void buffer_done(struct buffer *buffer);
void buffer_clear(struct buffer *buffer); /* empties, keeps the room */

void buffer_add(struct buffer *buffer, const void *bytes, size_t length);
/* Room for so many bytes behind the text, for who writes them himself and then says where they end; NULL (and full) past
 * the maximum. */
char *buffer_room(struct buffer *buffer, size_t length);
static inline void buffer_took(struct buffer *buffer, char *end)
{
	buffer->length = (size_t)(end - buffer->data);
	*end = '\0';
}
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_char(struct buffer *buffer, char c);
void buffer_add_number(struct buffer *buffer, uint64_t number);
void buffer_printf(struct buffer *buffer, const char *format, ...) ATTR_PRINTF(2, 3);

/* Text for a message: control characters and bytes that are not UTF-8 as \xNN, in double quotes. */
void buffer_add_quoted(struct buffer *buffer, const char *text, size_t length);
/* The same without quotes, for names of files. */
void buffer_add_shown(struct buffer *buffer, const char *text);

/* The text, "" while empty.  Borrowed from the buffer until its next change. */
const char *buffer_text(const struct buffer *buffer);

/* Hostile text in an error message: QUOTE(name) gives an escaped, quoted, shortened copy that lives until
 * the end of the enclosing block. */
struct quote {
	char text[132];
};
const char *quote_text(struct quote *quote, const char *text, size_t length);
#define QUOTE_N(text, length) quote_text(&(struct quote){{0}}, (text), (length))
#define QUOTE(text) QUOTE_N((text), strlen(text))

#endif
