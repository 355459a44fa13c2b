#include "apps/former.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "apps/guard.h"
#include "bootcfg/daemon/settings.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* The ruleset of the state, as it was in force. */
static int former_compile(struct visit *visit, struct former *former)
{
	struct judge *judge = &former->judge;
	if (former->mode != MODE_BOOT)
		return judge_init(judge, visit->invocation, former->state, former->mode, NULL, false);
	int error = facts_read(visit->invocation, NULL, &judge->host);
	return error == 0 ? ruleset_build_boot(former->state, &judge->host, former->bootmode, NULL, &judge->ruleset) : error;
}

static void former_init(struct former *former)
{
	*former = (struct former){.enforced = false};
	host_init(&former->judge.host);
}

/* The change whose state is in force: where no line has its digest (rules of an earlier boot have ended since), the
 * newest one. */
static int number_find(struct visit *visit, const struct force *force, int64_t *ret_number)
{
	struct arena *arena = arena_new();
	struct history *lines = NULL;
	size_t count = 0;
	int error = force->number == 0 ? store_history(visit->store, arena, visit->invocation->diag, &lines, &count) : 0;
	if (error == 0)
		*ret_number = force->number > 0 ? force->number : (int64_t)count;
	arena_free(arena);
	return error;
}

int former_read(struct visit *visit, struct former *ret_former)
{
	struct diag *diag = visit->invocation->diag;
	struct force force;
	former_init(ret_former);
	int error = force_read(visit, &force);
	if (error == 0 && force.status.altered && !force.status.present) {
		diag_error(diag, NULL, "somebody has altered Cordon's rules in the kernel, so they could not be put back as they are: "
			   "`cordon apply` mends them, or `cordon lift` takes them away; then try again");
		error = ERROR_INPUT;
	} else if (error == 0 && force.status.present && force.state == NULL) {
		diag_error(diag, NULL, "what is in force is not in the history of this store, so it could not be put back: apply "
			   "without --confirm and --for, or `cordon lift` first");
		error = ERROR_INPUT;
	}
	if (error == 0 && force.status.present) {
		ret_former->enforced = true;
		ret_former->observe = force.status.observe;
		ret_former->mode = force.status.mode;
		ret_former->bootmode = force.status.bootmode;
		ret_former->generation = force.status.generation;
		memcpy(ret_former->digest, force.status.digest, sizeof(ret_former->digest));
		ret_former->state = force.state;
		force.state = NULL;
		error = number_find(visit, &force, &ret_former->number);
		if (error == 0)
			error = former_compile(visit, ret_former);
	}
	force_done(&force);
	return error;
}

int former_recall(struct visit *visit, const struct pending *pending, struct former *ret_former)
{
	former_init(ret_former);
	ret_former->enforced = pending->enforced;
	if (!pending->enforced)
		return 0;
	ret_former->observe = pending->observe;
	ret_former->mode = (enum mode)pending->mode;
	ret_former->bootmode = (enum bootmode)pending->bootmode;
	ret_former->number = pending->in_force;
	int error = 0;
	if (pending->in_force == 0)
		ret_former->state = state_new();
	else
		error = store_read_change(visit->store, pending->in_force, visit->invocation->diag, &ret_former->state);
	if (error == 0) {
		state_digest(ret_former->state, ret_former->digest);
		error = former_compile(visit, ret_former);
	}
	return error;
}

void former_done(struct former *former)
{
	judge_done(&former->judge);
	state_free(former->state);
	former->state = NULL;
}

void former_note(const struct former *former, struct pending *pending)
{
	pending->enforced = former->enforced;
	pending->observe = former->observe;
	pending->mode = (int)former->mode;
	pending->bootmode = (int)former->bootmode;
	pending->in_force = former->number;
}

int former_force(const struct former *former, struct diag *diag)
{
	struct nftables_options options = {.observe = former->observe, .nflog_group = settings_nfloggroup()};
	return former->enforced ? nftables_apply(former->judge.ruleset, &options, diag) : nftables_lift(diag);
}

static enum driver_event former_event(const struct former *former)
{
	if (!former->enforced || former->mode == MODE_PERMIT)
		return driver_rollback_event(DRIVER_PERMIT);
	if (former->mode == MODE_BOOT)
		return driver_rollback_event(driver_startup(former->bootmode));
	return driver_rollback_event(former->mode == MODE_BLOCK ? DRIVER_BLOCK : DRIVER_SECURE);
}

/* Notes of the kernel's side ("nothing to do") would confuse here. */
static int kernel_restore(struct visit *visit, const struct former *former)
{
	struct diag said;
	diag_init(&said);
	int error = former_force(former, &said);
	if (error < 0)
		diag_move(visit->invocation->diag, &said);
	diag_done(&said);
	if (error == 0)
		force_tracked_clean(visit->invocation, former->enforced && !former->observe ? &former->judge : NULL);
	return error;
}

int former_restore(struct visit *visit, const struct pending *pending, const struct former *former, const char *command)
{
	struct diag *diag = visit->invocation->diag;
	struct pending now;
	bool present = false;
	enum driver_state from = force_state(visit->invocation);
	int error = store_begin(visit->store, diag, &visit->state);
	if (error < 0)
		return error;
	error = store_pending(visit->store, diag, &present, &now);
	if (error == 0 && (!present || !pending_same(&now, pending)))
		error = ERROR_NOT_FOUND;
	if (error == 0 && former != NULL)
		error = kernel_restore(visit, former);
	if (error < 0) {
		store_rollback(visit->store);
		return error;
	}
	visit->invocation->changed = true;
	error = store_revert(visit->store, pending->before, command, diag);
	if (former != NULL)
		force_record(visit->invocation, from, former_event(former), former->digest, command);
	state_free(visit->state);
	visit->state = NULL;
	if (error == 0)
		error = store_read(visit->store, 0, diag, &visit->state);
	if (error == 0)
		(void)visit_boot_refresh(visit);
	return error;
}

/* After a boot, what a machine that had nothing in force has now is its boot rules: they are no part of the change. */
static bool kernel_stays(const struct pending *pending)
{
	struct pending_clock clock;
	pending_clock_read(&clock);
	return !pending->enforced && pending->kind == PENDING_CONFIRM && strcmp(pending->boot_id, clock.boot_id) != 0;
}

static int visit_restore(struct visit *visit, const struct pending *pending, const char *command)
{
	struct former former;
	int error = former_recall(visit, pending, &former);
	if (error == 0)
		error = former_restore(visit, pending, kernel_stays(pending) ? NULL : &former, command);
	former_done(&former);
	guard_wake(pending);
	return error;
}

int former_settle(struct invocation *invocation)
{
	struct visit visit = {.invocation = invocation};
	struct pending pending;
	struct pending_clock clock;
	bool present = false;
	if (!visit_store_exists(invocation))
		return 0;
	int error = store_open(invocation->store, STORE_READ, invocation->diag, &visit.store);
	if (error == 0)
		error = store_pending(visit.store, invocation->diag, &present, &pending);
	pending_clock_read(&clock);
	bool over = error == 0 && present && pending_left(&pending, &clock) == 0;
	visit_done(&visit);
	if (!over)
		return error;
	visit = (struct visit){.invocation = invocation};
	error = store_open(invocation->store, STORE_WRITE, invocation->diag, &visit.store);
	if (error == 0)
		error = visit_restore(&visit, &pending, pending.kind == PENDING_FOR ? "the time of --for is over" : "not confirmed in time");
	if (error == 0)
		diag_note(invocation->diag, NULL, "change %" PRId64 " was over (%s): it has been taken back first", pending.after,
			  pending.kind == PENDING_FOR ? "--for" : "not confirmed");
	visit_done(&visit);
	return error == ERROR_NOT_FOUND ? 0 : error;
}

int former_rollback(struct invocation *invocation, const char *command, struct pending *ret_pending)
{
	struct visit visit = {.invocation = invocation};
	bool present = false;
	int error = 0;
	if (visit_store_exists(invocation))
		error = store_open(invocation->store, STORE_WRITE, invocation->diag, &visit.store);
	if (error == 0 && visit.store != NULL)
		error = store_pending(visit.store, invocation->diag, &present, ret_pending);
	if (error == 0 && present)
		error = visit_restore(&visit, ret_pending, command);
	if (error == 0 && !present)
		error = ERROR_NOT_FOUND;
	if (error == ERROR_NOT_FOUND)
		diag_error(invocation->diag, NULL, "nothing is pending that could be taken back; `cordon show history` says what has "
			   "been done, `cordon lift` takes the rules out of the kernel");
	visit_done(&visit);
	return error;
}
