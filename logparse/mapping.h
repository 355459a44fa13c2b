/* A file mapped for reading that may be cut off, or fail, while it is read: what is gone reads as zeros, and that is said. */
#ifndef CORDON_LOGPARSE_MAPPING_H
#define CORDON_LOGPARSE_MAPPING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mapping;

/* The first `length` bytes of a plain file.  NULL: it cannot be mapped (or too many are); then it has to be read.
 * From the first one on SIGBUS is this module's; outside of mappings it does what it did. */
struct mapping *mapping_new(int fd, size_t length);
void mapping_free(struct mapping *mapping); /* NULL is fine */
const uint8_t *mapping_bytes(const struct mapping *mapping);
/* Whether a part of it could not be had so far. */
bool mapping_torn(const struct mapping *mapping);

#endif
