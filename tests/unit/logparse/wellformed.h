/* Whether a text is what it claims to be, checked by other means than those that wrote it. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_WELLFORMED_H
#define CORDON_TESTS_UNIT_LOGPARSE_WELLFORMED_H

#include <stdbool.h>
#include <stddef.h>

/* One value of JSON (RFC 8259) on one line, in UTF-8. */
bool is_json(const char *text, size_t length);
/* One document of XML 1.0 (expat). */
bool is_xml(const char *text, size_t length);

#endif
