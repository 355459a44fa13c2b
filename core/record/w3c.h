/* A record as a line of W3C extended log text (logs.md 3.2: quoting and control characters), and the header lines. */
#ifndef CORDON_RECORD_W3C_H
#define CORDON_RECORD_W3C_H

#include "core/record/record.h"

/* "#Software: …", "#Version: 1.0", "#Date: …" (UTC), "#Fields: …" with all columns of the drops layout. */
void w3c_header(uint64_t time, struct buffer *buffer);
/* All columns, blanks between, "-" for what is absent, a newline at the end. */
void w3c_line(const struct record *record, struct buffer *buffer);

#endif
