#include "apps/force.h"

#include <string.h>

#include "core/base/error.h"

int force_status(struct invocation *invocation, struct nftables_status *ret_status)
{
	*ret_status = (struct nftables_status){0};
	return nftables_status_read(invocation->diag, ret_status);
}

/* The store as it was after a change (0: as it is), when that is what is in force. */
static bool state_match(struct visit *visit, int64_t number, struct force *force)
{
	struct state *state = NULL;
	char digest[DIGEST_TEXT];
	int error = number == 0 ? store_read(visit->store, 0, NULL, &state)
				: store_read_change(visit->store, number, NULL, &state);
	if (error < 0)
		return false;
	state_digest(state, digest);
	if (strcmp(digest, force->status.digest) != 0) {
		state_free(state);
		return false;
	}
	force->state = state;
	return true;
}

/* The newest change after which the digest was this one. */
static int state_find(struct visit *visit, struct force *force)
{
	struct arena *arena = arena_new();
	struct history *lines = NULL;
	size_t count = 0;
	int error = store_history(visit->store, arena, visit->invocation->diag, &lines, &count);
	bool found = error == 0 && state_match(visit, 0, force);
	for (size_t i = count; error == 0 && i-- > 0;) {
		if (strcmp(lines[i].digest, force->status.digest) != 0)
			continue;
		if (!found && !state_match(visit, lines[i].number, force))
			continue;
		/* The oldest of an unbroken run is when it became so. */
		while (i > 0 && strcmp(lines[i - 1].digest, lines[i].digest) == 0)
			i--;
		force->number = lines[i].number;
		force->time = lines[i].time;
		break;
	}
	arena_free(arena);
	return error;
}

int force_read(struct visit *visit, struct force *ret_force)
{
	*ret_force = (struct force){.state = NULL};
	int error = force_status(visit->invocation, &ret_force->status);
	return error == 0 && ret_force->status.present ? state_find(visit, ret_force) : error;
}

void force_done(struct force *force)
{
	nftables_status_done(&force->status);
	state_free(force->state);
	force->state = NULL;
}

/* After the store has refused a change that the kernel has taken. */
static void force_restore(struct visit *visit, const struct nftables_status *before)
{
	struct invocation *invocation = visit->invocation;
	struct force force = {.status = *before};
	struct judge judge = {.ruleset = NULL};
	struct nftables_options options = {.observe = before->observe};
	int error = 0;
	if (!before->present) {
		error = nftables_lift(invocation->diag);
	} else {
		error = state_find(visit, &force);
		if (error == 0 && force.state == NULL)
			error = store_read(visit->store, 0, invocation->diag, &force.state);
		if (error == 0)
			error = judge_init(&judge, invocation, force.state, before->mode, NULL, false);
		if (error == 0)
			error = nftables_apply(judge.ruleset, &options, invocation->diag);
	}
	if (error < 0)
		diag_error(invocation->diag, NULL, "the kernel could not be put back either: it has the new rules, the store "
			   "the old ones; cordon apply makes them the same");
	judge_done(&judge);
	state_free(force.state);
}

int force_apply(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
		const char *command)
{
	struct nftables_status before;
	int error = force_status(visit->invocation, &before);
	if (error == 0) {
		error = nftables_apply(judge->ruleset, options, visit->invocation->diag);
		if (error == 0 && command != NULL && (error = visit_commit(visit, command)) < 0)
			force_restore(visit, &before);
	}
	nftables_status_done(&before);
	return error;
}

int force_commit(struct visit *visit, const char *command)
{
	struct invocation *invocation = visit->invocation;
	struct nftables_status status;
	struct judge judge = {.ruleset = NULL};
	int error = force_status(invocation, &status);
	bool present = error == 0 && status.present;
	struct nftables_options options = {.observe = status.observe};
	if (error == 0 && !present) {
		diag_note(invocation->diag, NULL, "nothing is in force, so this counts from the next cordon apply");
		error = visit_commit(visit, command);
	}
	if (present)
		error = enforceable_check(visit->state, invocation->diag);
	if (present && error == 0)
		error = judge_init(&judge, invocation, visit->state, MODE_SECURE, NULL, false);
	if (present && error == 0)
		error = force_apply(visit, &judge, &options, command);
	judge_done(&judge);
	nftables_status_done(&status);
	return error;
}
