/* What the kernel holds under our table's name, and which base chains of others stand beside ours. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_READ_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_READ_H

#include "bootcfg/target/nftables_channel.h"
#include "core/base/arena.h"
#include "core/base/diag.h"

struct live_rule {
	uint64_t handle;
	const char *comment;        /* "" when it has none */
	const char *goes_to;        /* the chain of its verdict when it is a plain goto or jump, or NULL */
	const uint8_t *expressions; /* as the kernel sent them */
	size_t length;
};

struct live_chain {
	const char *name;
	bool base, filter;          /* filter: of type "filter" */
	uint32_t hook, policy;
	int32_t priority;
	struct live_rule *rules;
	size_t count, capacity;
};

struct live_map {
	const char *name;
	uint32_t key_type_length, flags, data_type;
	bool anonymous;
};

struct live_counter {
	const char *name, *comment;
	uint32_t use;               /* rules that count with it */
	uint64_t packets, bytes;
	bool other;                 /* not a counter but another kind of object */
};

struct live_other {
	uint8_t family;
	const char *table, *chain, *type;
	uint32_t hook;
	int32_t priority;
};

struct live {
	struct arena *arena;
	bool present;               /* the table is there */
	uint32_t flags;             /* of the table: not 0 means switched off, or owned by a program */
	struct live_chain *chains;  /* sorted by name */
	size_t chain_count, chain_capacity;
	uint64_t *in_force;         /* the generations that base chains go to: one, unless somebody meddled */
	size_t in_force_count, in_force_capacity;
	struct live_map *maps;      /* sorted by name */
	size_t map_count, map_capacity;
	struct live_counter *counters;
	size_t counter_count, counter_capacity;
	struct live_other *others;  /* base chains of other tables, whatever their hook */
	size_t other_count, other_capacity;
};

/* Reads everything but elements, again when it changed meanwhile.  0 or a negative errno; caller frees with
 * live_free. */
int live_read(struct channel *channel, struct live **ret_live);
void live_free(struct live *live); /* NULL is fine */

struct live_chain *live_chain_find(const struct live *live, const char *name);
struct live_map *live_map_find(const struct live *live, const char *name);

/* An element of a map as the kernel has it. */
struct live_element {
	const uint8_t *key;
	size_t key_length;
	int32_t verdict;      /* NFT_GOTO… */
	const char *chain;    /* or NULL */
};
int live_elements(struct channel *channel, const char *map, int (*take)(const struct live_element *element, void *context),
		  void *context);

/* The highest generation that a name has, 0 when none has one. */
uint64_t live_highest(const struct live *live);
/* Whether a base chain goes to a chain of that generation. */
bool live_in_force(const struct live *live, uint64_t generation);

#endif
