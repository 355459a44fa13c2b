/* UTF-8 text of events, escaped for a place in the output.  What is not UTF-8 becomes U+FFFD. */
#ifndef CORDON_LOGPARSE_TEXT_H
#define CORDON_LOGPARSE_TEXT_H

#include "core/base/buffer.h"

/* Within a JSON string (RFC 8259), without its quotes.  Controls, C1 and DEL among them, are escaped here and in XML. */
void buffer_add_json(struct buffer *buffer, const char *text, size_t length);
/* Within an element or an attribute of XML 1.0; what XML cannot hold becomes U+FFFD. */
void buffer_add_xml(struct buffer *buffer, const char *text, size_t length);

/* Bytes as capital hexadecimal digits, without blanks. */
void buffer_add_hex(struct buffer *buffer, const uint8_t *bytes, size_t length);

#endif
