/* JSON as RFC 8259 has it, read strictly, with the place of every value: profiles and facts are written in it.
 *
 * Refused, each with its path, line and column: text after the value, a key that comes twice, bytes that are
 * not UTF-8, half surrogates, NUL in any spelling, nesting deeper than 32, objects of more than 256 keys,
 * more than 64 MiB.  Numbers are exact: whole ones are kept as such, others are known not to be whole.  (cJSON
 * makes doubles of all, passes most of the above, and does not know where a value was.) */
#ifndef CORDON_BASE_JSON_H
#define CORDON_BASE_JSON_H

#include "core/base/arena.h"
#include "core/base/diag.h"

enum { JSON_DEPTH = 32, JSON_KEYS = 256, JSON_BYTES = 64 << 20 };

/* Bits, so that a set of them can be asked for. */
enum json_type {
	JSON_NULL = 1u << 0,
	JSON_BOOL = 1u << 1,
	JSON_NUMBER = 1u << 2,
	JSON_STRING = 1u << 3,
	JSON_ARRAY = 1u << 4,
	JSON_OBJECT = 1u << 5,
};

struct json {
	struct json *parent, *next, *child; /* child: the first of an array or object */
	const char *key;                    /* of a member of an object, else NULL */
	const char *text;                   /* of a string, without escapes */
	int64_t number;                     /* of a whole number; the nearest end of the range when it is past it */
	uint32_t offset, size;              /* of the value in the file */
	uint32_t key_offset;
	uint32_t line;                      /* of the value */
	uint8_t type;
	bool yes;                           /* of true */
	bool whole;                         /* of a number: no fraction, no exponent */
};

struct json_document {
	struct arena *arena; /* owns the values; borrowed */
	const char *file, *text;
	size_t length;
};

/* Reads the document's text; ERROR_INPUT or ERROR_LIMIT with a message.  The root is borrowed from the arena. */
int json_read(const struct json_document *document, struct diag *diag, struct json **ret_root);

/* "a string", "true or false", … of one type or several. */
void json_type_print(unsigned types, struct buffer *buffer);
/* $.policy.rules[2].name */
void json_path(const struct json *value, struct buffer *buffer);
void json_place(const struct json_document *document, const struct json *value, bool at_key, struct place *ret_place);
/* A message that starts with the path, at the place of the value or of its key. */
void json_error(const struct json_document *document, const struct json *value, struct diag *diag, const char *format, ...)
	ATTR_PRINTF(4, 5);
void json_key_error(const struct json_document *document, const struct json *value, struct diag *diag, const char *format, ...)
	ATTR_PRINTF(4, 5);

/* Appends a text as a JSON string; what is not UTF-8 becomes U+FFFD. */
void json_text_print(const char *text, struct buffer *buffer);

#endif
