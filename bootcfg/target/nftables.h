/* The kernel.  Compile (nftables_compile.c) is pure: a ruleset becomes a plan of chains, maps and elements.
 * Apply (nftables_apply.c) touches the system: stage, read back, flip, clean up (DESIGN, kernel form). */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_H

#include "core/base/diag.h"
#include "core/policy/ruleset.h"

struct nftables_options {
	bool observe;          /* count and log what would be dropped, and drop nothing */
	uint16_t nflog_group;  /* 0: the default, NFTABLES_GROUP */
	/* For a program that must not stand still (the service).  All may be left out. */
	bool no_wait;          /* ERROR_BUSY at once when another changes the rules now */
	bool clean_later;      /* the old generation is left to nftables_clean, at least NFTABLES_CLEAN_MS later */
	bool *changed;         /* set when rules were put in force; untouched when the kernel held them already */
	/* Called after the flip and before the old generation is deleted: what it has counted can still be read. */
	void (*before_clean)(void *context);
	void *context;
};
enum { NFTABLES_GROUP = 4290, NFTABLES_CLEAN_MS = 100 };

/* The whole as text that `nft -c -f` accepts (export --to nftables). */
void nftables_print(const struct ruleset *ruleset, const struct nftables_options *options, struct buffer *output);

/* Puts a ruleset in force: on any error the old rules stand.  When the kernel holds it already, nothing is done. */
int nftables_apply(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag);

/* Deletes what is in our table and not in force: the second half of nftables_apply with clean_later.  Looks at no_wait,
 * before_clean and context only. */
int nftables_clean(const struct nftables_options *options, struct diag *diag);

/* Takes our table away (permit). */
int nftables_lift(struct diag *diag);

/* The 16 digits in the name of an origin's counter and in the prefix of its log lines. */
enum { NFTABLES_HASH = 17 };
void nftables_counter_hash(const struct ruleset *ruleset, uint32_t origin, char text[NFTABLES_HASH]);

struct nftables_hits {
	char *policy, *rule, *list, *action; /* as the rule's comment names them */
	uint64_t packets, bytes;
};
struct nftables_status {
	bool present;              /* our table is there and its base chains judge packets */
	bool altered;              /* our table is there, but its base chains are not as we left them */
	bool observe;
	enum mode mode;
	enum bootmode bootmode;    /* with MODE_BOOT */
	uint64_t generation;
	char digest[65];           /* of the state in force: state_digest at apply */
	struct nftables_hits *hits;
	size_t hit_count;
	char **others;             /* base chains of other tables that see packets before ours and may drop or accept */
	size_t other_count;
};
int nftables_status_read(struct diag *diag, struct nftables_status *ret_status);
void nftables_status_done(struct nftables_status *status);

/* Compares the kernel with what the ruleset asks for; each difference is a line in `differences` (missing
 * element with its filter, rule that is not ours, …).  *ret_same tells. */
int nftables_check(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag,
		   struct buffer *differences, bool *ret_same);

#endif
