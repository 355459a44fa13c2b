/* A change that waits for its owner's word (apply --confirm), or for its time to end (apply --for): kept in the store,
 * in the same transaction as the change itself, so that whatever dies in between, the next who looks knows. */
#ifndef CORDON_STORE_PENDING_H
#define CORDON_STORE_PENDING_H

#include "core/store/store.h"

enum pending_kind { PENDING_CONFIRM, PENDING_FOR };

struct pending {
	enum pending_kind kind;
	int64_t before, after;     /* numbers of changes: the store then, and now (before 0: the empty store) */
	bool enforced, observe;    /* what was in force before */
	char boot_id[37];          /* of the boot in which it was applied */
	int64_t deadline_boottime; /* ms of CLOCK_BOOTTIME, in that boot */
	int64_t deadline;          /* Unix seconds */
	uint32_t uid;
	int64_t pid;               /* of the guard */
	char session[64];          /* terminal and peer of who applied: confirm must come from another */
};

/* *ret_present tells; ret_pending is filled then. */
int store_pending(struct store *store, struct diag *diag, bool *ret_present, struct pending *ret_pending);

/* store_commit, and the pending row with it (before and after are filled in).  ERROR_BUSY with a message when one is
 * pending already.  A state that has not changed makes a row all the same (before = after). */
int store_commit_pending(struct store *store, struct state *state, const char *command, struct pending *pending, struct diag *diag);

/* Ends it: the change stands.  One line of history. */
int store_confirm(struct store *store, const char *command, struct diag *diag);

/* The store as it was after change `number` (0: empty), as one new change; the pending row goes with it. */
int store_revert(struct store *store, int64_t number, const char *command, struct diag *diag);

#endif
