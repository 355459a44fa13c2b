/* A change that waits for its owner's word, or for its time to end.  Its guard takes it back; when the guard is dead, or
 * late, the service does, in the order that pending.h gives. */
#include <string.h>

#include "bootcfg/daemon/enforcer_internal.h"
#include "core/base/error.h"

static void clock_now(const struct enforcer *enforcer, struct pending_clock *ret_clock)
{
	pending_clock_read(ret_clock);
	ret_clock->boottime = loop_now(enforcer->loop);
	ret_clock->now = loop_time(enforcer->loop) / 1000000;
}

int64_t pending_rest(const struct enforcer *enforcer)
{
	struct pending_clock clock;
	clock_now(enforcer, &clock);
	return pending_left(&enforcer->pending, &clock);
}

/* The kernel as it was before the change.  ERROR_BUSY: another changes it now. */
static int kernel_back(struct enforcer *enforcer, struct store *store, struct diag *diag)
{
	const struct pending *pending = &enforcer->pending;
	struct state *state = NULL;
	bool changed = false;
	if (!pending->enforced)
		return enforcer->world.lift(diag, enforcer->world.context);
	/* What start-up rules were, the store of before says better: it is applied when it is back. */
	if (pending->mode != MODE_SECURE && pending->mode != MODE_BLOCK)
		return 0;
	int error = 0;
	if (pending->in_force > 0)
		error = store_read_change(store, pending->in_force, diag, &state);
	else
		state = state_new();
	if (error < 0)
		return error;
	enforcer->observe = pending->observe;
	return wanted_apply_state(enforcer, state, (enum mode)pending->mode, diag, &changed);
}

static enum driver_event back_event(const struct pending *pending)
{
	enum driver_state before = !pending->enforced		   ? DRIVER_PERMIT
				   : pending->mode == MODE_BLOCK  ? DRIVER_BLOCK
								   : DRIVER_SECURE;
	return driver_rollback_event(before);
}

static int change_back(struct enforcer *enforcer, bool this_boot, struct store *store, struct diag *diag)
{
	struct state *state = NULL;
	struct pending now;
	bool present = false;
	int error = store_begin(store, diag, &state);
	if (error < 0)
		return error;
	state_free(state);
	error = store_pending(store, diag, &present, &now);
	if (error < 0 || !present || !pending_same(&now, &enforcer->pending)) {
		store_rollback(store);
		return error; /* somebody else has done it, or confirmed it */
	}
	/* A boot is a way back for the kernel already. */
	error = this_boot ? kernel_back(enforcer, store, diag) : 0;
	if (error == ERROR_BUSY) {
		store_rollback(store);
		return error;
	}
	if (error < 0)
		enforcer_say(enforcer, "the rules of before could not be put back: %s", enforcer_error(enforcer, diag, error));
	error = store_revert(store, enforcer->pending.before,
			     now.kind == PENDING_FOR ? "cordond: the time of apply --for is over"
						     : "cordond: apply --confirm was not confirmed", diag);
	if (error == 0)
		enforcer_step(enforcer, back_event(&now), now.kind == PENDING_FOR ? "the time of apply --for is over"
										  : "apply --confirm was not confirmed");
	return error;
}

static void look_in(struct enforcer *enforcer, int64_t after)
{
	enforcer->pending_due = loop_now(enforcer->loop) + after;
	enforcer_soon(enforcer, DUE_STORE, after);
}

static enum pending_answer pending_back(struct enforcer *enforcer, bool this_boot)
{
	struct store *store = NULL;
	struct diag diag;
	diag_init(&diag);
	int error = store_open(enforcer->options.store, STORE_WRITE, &diag, &store);
	if (error == 0)
		error = change_back(enforcer, this_boot, store, &diag);
	store_close(store);
	if (error == ERROR_BUSY) {
		look_in(enforcer, BUSY_MS);
	} else if (error < 0) {
		enforcer_say(enforcer, "the change that was not confirmed could not be taken back, it is tried again: %s",
			     enforcer_error(enforcer, &diag, error));
		look_in(enforcer, pause_next(&enforcer->retry));
	} else {
		pause_reset(&enforcer->retry);
	}
	diag_done(&diag);
	return error == 0 ? PENDING_BACK : error == ERROR_BUSY || this_boot ? PENDING_WAITS : PENDING_BEFORE;
}

enum pending_answer pending_check(struct enforcer *enforcer)
{
	const struct pending *pending = &enforcer->pending;
	struct pending_clock clock;
	if (!enforcer->pending_present)
		return PENDING_NONE;
	clock_now(enforcer, &clock);
	int64_t left = pending_left(pending, &clock);
	bool this_boot = strcmp(pending->boot_id, clock.boot_id) == 0;
	if (left == 0 && this_boot && pending_guarded(pending)) {
		left = pending->deadline_boottime + GUARD_MS - clock.boottime;
		left = left > 0 ? left : 0;
	}
	if (left > 0) {
		look_in(enforcer, left);
		return pending->kind == PENDING_CONFIRM ? PENDING_WAITS : PENDING_NONE;
	}
	return pending_back(enforcer, this_boot);
}
