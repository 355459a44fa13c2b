/* What is in force in the kernel, and how that and the store change together. */
#ifndef CORDON_APPS_FORCE_H
#define CORDON_APPS_FORCE_H

#include "apps/visit.h"
#include "bootcfg/target/nftables.h"

struct force {
	struct nftables_status status;
	struct state *state;   /* the store as it was when this was applied; NULL: not in force, or not in the history */
	int64_t number, time;  /* the change that made it so; 0: before the first */
};

/* Reads the kernel, and finds in the history what it was made of.  force_done in any case. */
int force_read(struct visit *visit, struct force *ret_force);
void force_done(struct force *force);

/* Applies the visit's state and, when command is not NULL, commits it: both or neither.  When the commit fails, what
 * was in force before is put back. */
int force_apply(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
		const char *command);

/* visit_commit, and what is in force follows it at once; nothing in force stays nothing. */
int force_commit(struct visit *visit, const char *command);

/* nftables_status_read; *ret_status is empty when it fails, so that nftables_status_done takes it in any case. */
int force_status(struct invocation *invocation, struct nftables_status *ret_status);

#endif
