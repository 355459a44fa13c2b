/* A record as a line of W3C extended log text (logs.md 3.2), and the header lines.
 *
 * A value that is empty, is a dash, holds a blank or a quote, or begins with # stands in quotes, quotes in it doubled.
 * Control characters cannot be written: each run of them becomes one blank.  Bytes that are not UTF-8 become U+FFFD. */
#ifndef CORDON_RECORD_W3C_H
#define CORDON_RECORD_W3C_H

#include "core/record/record.h"

/* "#Software: …", "#Version: 1.0", "#Date: …" (UTC), "#Fields: …" with all columns of the drops layout. */
void w3c_header(uint64_t time, struct buffer *buffer);
/* All columns, blanks between, "-" for what is absent, a newline at the end. */
void w3c_line(const struct record *record, struct buffer *buffer);

/* One text value as it stands in a line; absent (`at` NULL): a dash. */
enum w3c_flag {
	W3C_ESCAPE = 1u << 0, /* control characters as \uXXXX instead of blanks */
	W3C_ASCII = 1u << 1,  /* characters beyond ASCII as U+XXXX */
};
void w3c_text(struct cursor text, unsigned flags, struct buffer *buffer);

#endif
