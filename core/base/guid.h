/* A GUID as Windows prints it: {8-4-4-4-12}.  Kept in the order of its text. */
#ifndef CORDON_BASE_GUID_H
#define CORDON_BASE_GUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct guid {
	uint8_t bytes[16];
};

enum { GUID_TEXT = 39 }; /* with braces and NUL */

/* A new random one (version 4). */
struct guid guid_new(void);
bool guid_parse(const char *text, size_t length, struct guid *ret_guid); /* braces optional, any case */
void guid_print(const struct guid *guid, char text[GUID_TEXT]);
bool guid_equal(const struct guid *a, const struct guid *b);

#endif
