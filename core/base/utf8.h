/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CORDON_BASE_UTF8_H
#define CORDON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The bytes (1 to 4) of the valid character at the start of text, 0 when there is none. */
size_t utf8_length(const char *text, size_t length);

/* The character that these bytes (as utf8_length has them) stand for. */
uint32_t utf8_point(const char *text, size_t bytes);
/* Whether it has no picture of its own: controls, marks that turn the writing direction, invisible ones.  Shown as it is, it
 * would move a terminal's cursor, or let a name look like another. */
bool utf8_is_hidden(uint32_t point);

/* Whether all of it is valid; otherwise *ret_at (may be NULL) is the offset of the first bad byte. */
bool utf8_check(const char *text, size_t length, size_t *ret_at);

#endif
