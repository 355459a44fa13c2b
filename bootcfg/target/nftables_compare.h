/* Compares what the kernel holds with a plan. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_COMPARE_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_COMPARE_H

#include "bootcfg/target/nftables_plan.h"
#include "bootcfg/target/nftables_read.h"

struct comparison {
	const struct plan *plan;
	const struct live *live;
	const struct live *reference; /* the same plan as a scratch kernel namespace holds it, or NULL: then rules are
				       * compared by number, order and comment only */
	struct buffer *differences;   /* a line each; past its maximum they are counted and left out */
	size_t count;
};

/* Chains and maps of the plan's generation. */
void comparison_generation(struct comparison *comparison);
/* The table, its base chains, and what is in it that is none of ours. */
void comparison_bases(struct comparison *comparison);
/* All elements of all maps, exactly.  0, or a negative errno when they cannot be read. */
int comparison_elements(struct comparison *comparison, struct channel *channel);

/* The base chain is as it must be, whatever its rules. */
bool base_is_right(const struct plan_base *base, const struct live_chain *chain);

/* Loads the plan without elements into a network namespace of its own and reads it back.  0 or a negative errno
 * (no permission to make one, most often).  Caller frees with live_free. */
int scratch_read(const struct plan *plan, struct live **ret_live);

#endif
