/* What is in force in the kernel, and how that and the store change together. */
#ifndef CORDON_APPS_FORCE_H
#define CORDON_APPS_FORCE_H

#include "apps/visit.h"
#include "bootcfg/driver/driver.h"
#include "bootcfg/target/nftables.h"
#include "core/store/pending.h"

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

/* The same for a change that waits for its confirmation or its end: the store comes first, since what it says is what
 * whoever finds us dead goes by.  A kernel that refuses leaves the store as it was, by one more change.  The boot file
 * follows unless the change waits for a confirmation. */
int force_apply_pending(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
			const char *command, struct pending *pending);

/* bootfile_stage for a change that is committed by other means than visit_commit: nothing (NULL) unless the store is the
 * machine's own. */
struct bootfile_change;
int force_boot_stage(struct visit *visit, struct bootfile_change **ret_change);

/* The driver's state: what its file says, else what the kernel has. */
enum driver_state force_state(struct invocation *invocation);
/* What has happened in that state, into the driver file and the log.  Neither may fail a change that is made: warnings.
 * digest: of what is in force now. */
void force_record(struct invocation *invocation, enum driver_state from, enum driver_event event, const char *digest,
		  const char *text);

/* Where connections are tracked, those that the rules in force would not have let begin are forgotten: otherwise what
 * comes back of them would still pass as an answer.  judge NULL: nothing is in force.  Failing is a warning. */
void force_tracked_clean(struct invocation *invocation, const struct judge *judge);

/* visit_commit, and what is in force follows it at once; nothing in force stays nothing. */
int force_commit(struct visit *visit, const char *command);

/* nftables_status_read; *ret_status is empty when it fails, so that nftables_status_done takes it in any case. */
int force_status(struct invocation *invocation, struct nftables_status *ret_status);

#endif
