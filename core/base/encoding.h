/* Scripts come in the encodings that Windows editors write: UTF-8 with and without a byte order mark, UTF-16
 * of both orders with and without one, GB18030 (which GBK and GB2312 are parts of).  One way in: bytes of
 * any of them become UTF-8. */
#ifndef CORDON_BASE_ENCODING_H
#define CORDON_BASE_ENCODING_H

#include <stddef.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"

enum encoding { ENCODING_UTF8, ENCODING_UTF16LE, ENCODING_UTF16BE, ENCODING_GB18030 };

const char *encoding_name(enum encoding encoding); /* "UTF-8", … */

/* UTF-8 without a byte order mark at its start. */
struct decoded {
	const char *text; /* borrowed: from the bytes when they were UTF-8 already, else from the buffer */
	size_t length;
	enum encoding encoding;
};

/* ERROR_INPUT with a message that names `file` and the line when it is none of these, or holds bytes that no
 * text has: NUL, control characters other than tab, line feed, carriage return and form feed.  A Ctrl-Z at
 * the end, as DOS editors write it, is cut off.  The buffer takes what had to be converted. */
int encoding_decode(const char *bytes, size_t length, const char *file, struct diag *diag, struct buffer *buffer,
		    struct decoded *ret_decoded);

#endif
