/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CORDON_BASE_UTF8_H
#define CORDON_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* The bytes (1 to 4) of the valid character at the start of text, 0 when there is none. */
size_t utf8_length(const char *text, size_t length);

/* Whether all of it is valid; otherwise *ret_at (may be NULL) is the offset of the first bad byte. */
bool utf8_check(const char *text, size_t length, size_t *ret_at);

#endif
