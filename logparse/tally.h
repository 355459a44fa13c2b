/* How often each key came: for --count. */
#ifndef CORDON_LOGPARSE_TALLY_H
#define CORDON_LOGPARSE_TALLY_H

#include "core/base/cursor.h"

/* Counts come out of logs, which may claim anything: a sum that is too large for 64 bits stays at the largest. */
#define TALLY_MOST UINT64_MAX
static inline uint64_t tally_sum(uint64_t a, uint64_t b)
{
	return a <= TALLY_MOST - b ? a + b : TALLY_MOST;
}

struct tally;
struct tally *tally_new(void);
void tally_free(struct tally *tally); /* NULL is fine */
void tally_add(struct tally *tally, struct cursor key, uint64_t count);
/* The same, but false, and nothing is counted, when the key is a new one and there are `most` already. */
bool tally_add_most(struct tally *tally, struct cursor key, uint64_t count, size_t most);

struct tallied {
	struct cursor key;
	uint64_t count;
};
/* Sorted by count, the highest first, then by key.  Lives until the next tally_add. */
const struct tallied *tally_sorted(struct tally *tally, size_t *ret_count);
/* Adds all of another. */
void tally_merge(struct tally *tally, const struct tally *other);

#endif
