/* The guard of a change that waits for its confirmation, or for its end: a process of its own, which holds what was in
 * force before, and puts it back when the time is over, whatever has become of the program that applied, of the
 * service and of the terminal.
 *
 * It is started before anything changes, and before the store is opened (SQLite's locks do not survive a fork).  When
 * the program that started it dies without a word, what it had begun is taken back at once. */
#ifndef CORDON_APPS_GUARD_H
#define CORDON_APPS_GUARD_H

#include "apps/former.h"

struct guard {
	int fd;           /* to it; -1: none */
	int64_t pid, start;
};

/* Starts it and waits until it is ready.  deadline_boottime: of the row that will be made. */
int guard_start(struct invocation *invocation, const struct former *former, int64_t deadline_boottime, struct guard *ret_guard);
/* The change is made: from now on the guard is on its own. */
void guard_arm(struct guard *guard);
/* Nothing was changed: it ends.  Also fine without one. */
void guard_dismiss(struct guard *guard);

/* Tells the guard of a row to look at the store again: after confirm and rollback. */
void guard_wake(const struct pending *pending);

#endif
