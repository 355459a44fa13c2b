/* Which records have been there already, by number and time: 64 bits of a hash for each. */
#ifndef CORDON_LOGPARSE_READER_SEEN_H
#define CORDON_LOGPARSE_READER_SEEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct seen {
	uint64_t *table;
	size_t count, capacity;
};

/* Whether it was there already; remembers it.  All zero is an empty one. */
bool seen_before(struct seen *seen, uint64_t number, uint64_t time);
void seen_done(struct seen *seen);

#endif
