/* A change that waits for its owner's word (apply --confirm), or for its time to end (apply --for): kept in the store,
 * in the same transaction as the change itself, so that whatever dies in between, the next who looks knows.
 *
 * While there is one, store_commit refuses every other change.  It ends by store_confirm (the change stands) or by
 * store_revert (the store is again as it was).  Whoever takes a change back does it in this order, all of it under
 * the store's write lock, so that a guard, the service and a user at once do it once, and a death in between leaves
 * the row for the next one:
 *   store_begin; store_pending and pending_same: still the one that was seen; the kernel as it was before (in_force,
 *   mode, observe; nothing when it was not enforced); store_revert(pending.before), which commits. */
#ifndef CORDON_STORE_PENDING_H
#define CORDON_STORE_PENDING_H

#include "core/store/store.h"

enum pending_kind { PENDING_CONFIRM, PENDING_FOR };

struct pending {
	enum pending_kind kind;
	int64_t before, after;     /* numbers of changes: the store then, and now (before 0: the empty store) */
	bool enforced, observe;    /* what was in force before */
	int mode, bootmode;        /* enum mode of it; with MODE_BOOT the enum bootmode too */
	int64_t in_force;          /* the change whose state it was made of (the kernel may have lagged behind `before`) */
	char boot_id[64];          /* of the boot in which it was applied */
	int64_t deadline_boottime; /* ms of CLOCK_BOOTTIME, in that boot */
	int64_t deadline;          /* Unix seconds; counts in every other boot */
	int64_t until_boottime;    /* of PENDING_CONFIRM with --for: what the deadlines are after the confirmation */
	int64_t until;             /* 0: without --for */
	uint32_t uid;
	int64_t pid;               /* of the guard, and when it started (clock ticks, /proc/PID/stat) */
	int64_t guard_start;
	char session[192];         /* terminal and peer of who applied: confirm must come from another */
};

/* *ret_present tells; ret_pending is filled then.  Also inside an open change. */
int store_pending(struct store *store, struct diag *diag, bool *ret_present, struct pending *ret_pending);

/* Whether two are the same one (a confirmation that made --for of --confirm makes another). */
bool pending_same(const struct pending *a, const struct pending *b);

/* An instant, as deadlines need it. */
struct pending_clock {
	char boot_id[64];
	int64_t boottime;          /* ms of CLOCK_BOOTTIME */
	int64_t now;               /* Unix seconds */
};
void pending_clock_read(struct pending_clock *ret_clock);
/* Milliseconds left; 0: it is to be taken back now, since its time is over, or since the machine was started again
 * before it was confirmed. */
int64_t pending_left(const struct pending *pending, const struct pending_clock *clock);
/* "1 h 59 min", "42 s". */
enum { PENDING_TEXT = 48 };
void pending_print_left(int64_t milliseconds, char text[PENDING_TEXT]);
/* Whether its guard lives (a process of that number, name and start); while it does, nobody else has to act. */
bool pending_guarded(const struct pending *pending);
#define PENDING_GUARD "cordon-guard" /* its name in /proc/PID/comm */

/* ERROR_BUSY, and a message that says what is pending, how long, and what to do, when one is; else 0. */
int store_pending_refuse(struct store *store, struct diag *diag);

/* store_commit, and the pending row with it (before, after, boot_id and uid are filled in).  ERROR_BUSY with a message
 * when one is pending already.  A state that has not changed makes a row all the same (before = after). */
int store_commit_pending(struct store *store, struct state *state, const char *command, struct pending *pending, struct diag *diag);

/* Ends the waiting: the change stands.  With `until` set it goes on as PENDING_FOR.  One line of history.  Takes the open
 * change, or one of its own.  ERROR_NOT_FOUND with a message when none waits for a confirmation. */
int store_confirm(struct store *store, const char *command, struct diag *diag);
/* The same for whatever is pending, --for too: the change stands, without an end. */
int store_keep(struct store *store, const char *command, struct diag *diag);

/* The store as it was after change `number` (0: empty), as one new change; a pending row goes with it.  The rows keep
 * their ids, so that order and digest are those of then.  One line of history, also when nothing differs.  Takes the
 * change that store_begin has opened (whose state is thrown away by the caller), or one of its own. */
int store_revert(struct store *store, int64_t number, const char *command, struct diag *diag);

#endif
