#include "apps/force.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "apps/bootdrops.h"
#include "bootcfg/daemon/settings.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/droplog.h"
#include "bootcfg/target/conntrack.h"
#include "core/base/cursor.h"
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
	struct nftables_options options = {.observe = before->observe, .nflog_group = settings_nfloggroup()};
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

/* --- What is left behind: driver file, record, tracked connections --- */

enum driver_state force_state(struct invocation *invocation)
{
	struct driver_record record;
	struct nftables_status status;
	if (driver_read(DRIVER_FILE, &record) == 0)
		return record.state;
	struct diag *diag = invocation->diag;
	invocation->diag = NULL;
	bool present = force_status(invocation, &status) == 0 && status.present;
	invocation->diag = diag;
	enum driver_state state = !present			    ? DRIVER_STARTUP_PERMIT
				  : status.mode == MODE_BOOT	    ? driver_startup(status.bootmode)
				  : status.mode == MODE_BLOCK	    ? DRIVER_BLOCK
				  : status.mode == MODE_PERMIT	    ? DRIVER_PERMIT
								    : DRIVER_SECURE;
	nftables_status_done(&status);
	return state;
}

void force_record(struct invocation *invocation, enum driver_state from, enum driver_event event, const char *digest,
		  const char *text)
{
	struct driver_record now = {.from = from, .event = event, .time = time(NULL), .by = "cordon"};
	const struct driver_row *row = driver_next(from, event);
	now.state = row->to;
	if (row->to == DRIVER_SECURE || row->to == DRIVER_BLOCK)
		snprintf(now.digest, sizeof(now.digest), "%s", digest);
	struct diag said;
	diag_init(&said);
	if (driver_write(DRIVER_FILE, &now, &said) < 0)
		diag_warning(invocation->diag, "driver-file", NULL, "the change is made, but what led to it could not be kept: %s",
			     said.count > 0 ? said.messages[0].text : DRIVER_FILE);
	diag_done(&said);
	droplog_mode(row, now.digest, text, invocation->diag);
}

static uint8_t direction_of(const struct host *host, const struct packet *packet)
{
	if (host_is_me(host, &packet->src))
		return DIRECTION_OUT;
	return host_is_me(host, &packet->dst) ? DIRECTION_IN : DIRECTION_FORWARD;
}

/* Whether the rules in force would have let it begin. */
static bool tracked_keep(const struct packet packets[2], void *context)
{
	const struct judge *judge = context;
	struct packet first = packets[0];
	struct verdict verdict;
	if (ip_is_loopback(&first.src) || (host_is_me(&judge->host, &first.src) && host_is_me(&judge->host, &first.dst)))
		return true;
	first.direction = direction_of(&judge->host, &first);
	classifier_judge(judge->classifier, &first, &verdict);
	return verdict.action == ACTION_PERMIT;
}

void force_tracked_clean(struct invocation *invocation, const struct judge *judge)
{
	struct diag said;
	if (judge == NULL || judge->classifier == NULL || !judge->ruleset->uses_reply)
		return;
	diag_init(&said);
	if (conntrack_clean(tracked_keep, (void *)(uintptr_t)judge, &said, NULL) < 0)
		diag_warning(invocation->diag, "tracked", NULL, "%s; what comes back of connections from before may still pass as "
			     "an answer", said.count > 0 ? said.messages[0].text : "tracked connections were not looked at");
	diag_done(&said);
}

int force_boot_stage(struct visit *visit, struct bootfile_change **ret_change)
{
	if (strcmp(visit->invocation->store, STORE_DEFAULT) != 0) {
		*ret_change = NULL;
		return 0;
	}
	return bootfile_stage("", visit->state, visit->invocation->diag, ret_change);
}

static void applied_record(struct visit *visit, enum driver_state from, const char *command)
{
	char digest[DIGEST_TEXT];
	state_digest(visit->state, digest);
	force_record(visit->invocation, from, state_assigned(visit->state) ? DRIVER_APPLY : DRIVER_NOTHING_ASSIGNED, digest, command);
}

int force_apply(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
		const char *command)
{
	struct nftables_status before;
	struct nftables_options with = bootdrops_options(options, visit->invocation->diag);
	enum driver_state from = force_state(visit->invocation);
	int error = store_pending_refuse(visit->store, visit->invocation->diag);
	if (error < 0)
		return error;
	error = force_status(visit->invocation, &before);
	if (error == 0) {
		error = nftables_apply(judge->ruleset, &with, visit->invocation->diag);
		if (error == 0 && command != NULL && (error = visit_commit(visit, command)) < 0)
			force_restore(visit, &before);
	}
	nftables_status_done(&before);
	if (error == 0) {
		force_tracked_clean(visit->invocation, options->observe ? NULL : judge);
		applied_record(visit, from, command != NULL ? command : "apply");
	}
	return error;
}

/* Store, then kernel. */
static int pending_commit(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
			  const char *command, struct pending *pending)
{
	struct invocation *invocation = visit->invocation;
	struct nftables_options with = bootdrops_options(options, invocation->diag);
	int error = store_commit_pending(visit->store, visit->state, command, pending, invocation->diag);
	if (error < 0)
		return error;
	error = nftables_apply(judge->ruleset, &with, invocation->diag);
	if (error < 0 && store_revert(visit->store, pending->before, "the kernel refused what was applied", invocation->diag) < 0)
		diag_error(invocation->diag, NULL, "and the store could not be put back: `cordon rollback` does that");
	return error;
}

int force_apply_pending(struct visit *visit, const struct judge *judge, const struct nftables_options *options,
			const char *command, struct pending *pending)
{
	struct invocation *invocation = visit->invocation;
	struct bootfile_change *change = NULL;
	enum driver_state from = force_state(invocation);
	int error = pending->kind == PENDING_FOR ? force_boot_stage(visit, &change) : 0;
	if (error == 0)
		error = pending_commit(visit, judge, options, command, pending);
	if (error < 0) {
		bootfile_discard(change);
		return error;
	}
	invocation->changed = true;
	if (bootfile_publish(change, invocation->diag) < 0)
		diag_error(invocation->diag, NULL, "what was applied is in force, but the boot file is the old one: `cordon boot install`");
	force_tracked_clean(invocation, options->observe ? NULL : judge);
	applied_record(visit, from, command);
	return 0;
}

int force_commit(struct visit *visit, const char *command)
{
	struct invocation *invocation = visit->invocation;
	struct nftables_status status;
	struct judge judge = {.ruleset = NULL};
	int error = force_status(invocation, &status);
	bool present = error == 0 && status.present;
	struct nftables_options options = {.observe = status.observe, .nflog_group = settings_nfloggroup()};
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
