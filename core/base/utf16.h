/* UTF-16 as bytes, into UTF-8. */
#ifndef CORDON_BASE_UTF16_H
#define CORDON_BASE_UTF16_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buffer.h"

enum utf16_order { UTF16_LITTLE, UTF16_BIG };

/* Appends the text.  False when a surrogate stands alone or the last unit is half there: then *ret_at (may
 * be NULL) is the offset of the bad unit, and what was before it has been appended. */
bool utf16_decode(const char *bytes, size_t length, enum utf16_order order, struct buffer *text, size_t *ret_at);

#endif
