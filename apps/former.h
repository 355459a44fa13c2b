/* What was in force before a change that may be taken back, compiled and ready to be put back. */
#ifndef CORDON_APPS_FORMER_H
#define CORDON_APPS_FORMER_H

#include "apps/force.h"
#include "core/store/pending.h"

struct former {
	bool enforced;         /* something was in force; otherwise the way back is to lift */
	bool observe;
	enum mode mode;
	enum bootmode bootmode; /* with MODE_BOOT */
	int64_t number;        /* the change that it was made of */
	char digest[DIGEST_TEXT];
	uint64_t generation;   /* of the kernel then */
	struct state *state;
	struct judge judge;    /* without a ruleset when not enforced */
};

/* What is in force now.  What could not be put back is refused: ERROR_INPUT with a message that says what would be right
 * (altered by somebody; not in the history of this store).  former_done in any case. */
int former_read(struct visit *visit, struct former *ret_former);
/* What a pending row says was in force, out of the history. */
int former_recall(struct visit *visit, const struct pending *pending, struct former *ret_former);
void former_done(struct former *former);

/* Into the row of the change that is about to be made. */
void former_note(const struct former *former, struct pending *pending);

/* Takes a pending change back, whole, in the order that core/store/pending.h gives; and the boot file and the record.
 * The visit's store is open for writing, without a change.  ERROR_NOT_FOUND without a message: it is not pending any
 * more.  former NULL: the kernel is left as it is (a boot has been the way back already). */
int former_restore(struct visit *visit, const struct pending *pending, const struct former *former, const char *command);
/* The kernel alone, when the store cannot be had. */
int former_force(const struct former *former, struct diag *diag);

/* If what is pending is over, it is taken back now, with a note: for commands that want to change something.  For a
 * store that is not there nothing is done. */
int former_settle(struct invocation *invocation);
/* The same for one that is pending, over or not: what rollback does.  ERROR_NOT_FOUND with a message when none is. */
int former_rollback(struct invocation *invocation, const char *command, struct pending *ret_pending);

#endif
