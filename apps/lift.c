/* cordon lift: our rules out of the kernel, and (--restore, --remove) what the last apply did out of the store. */
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "apps/bootdrops.h"
#include "apps/command.h"
#include "apps/emit.h"
#include "apps/force.h"
#include "apps/former.h"
#include "apps/journal.h"
#include "bootcfg/daemon/settings.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/target/nftables_read.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const struct option lift_options[] = {
	{.name = "restore", .help = "assign again what was assigned before the last apply of a profile, with the settings of then, and "
				    "put that into force"},
	{.name = "remove", .help = "delete the applied policy too, with those of its lists and actions that nothing else uses"},
	{.name = NULL},
};

static const char *const lift_examples[] = {
	"cordon lift",
	"takes the containment away, until the next apply or boot",
	"cordon lift --restore --remove",
	"ends a quarantine: what was assigned before it is in force again, and its policy is deleted",
	NULL,
};

/* What the kernel has of ours. */
struct objects {
	bool table;
	size_t chains, rules, maps, counters;
};

static int objects_count(struct diag *diag, struct objects *ret_objects)
{
	struct channel *channel = NULL;
	struct live *live = NULL;
	*ret_objects = (struct objects){.table = false};
	int error = channel_open(&channel);
	if (error == 0)
		error = live_read(channel, &live);
	if (error < 0) {
		diag_error(diag, NULL, "cannot read the kernel's rules: %s", channel_explain(error));
		error = ERROR_SYSTEM;
	} else {
		ret_objects->table = live->present;
		ret_objects->chains = live->chain_count;
		ret_objects->counters = live->counter_count;
		for (size_t i = 0; i < live->chain_count; i++)
			ret_objects->rules += live->chains[i].count;
		for (size_t i = 0; i < live->map_count; i++)
			ret_objects->maps += !live->maps[i].anonymous;
	}
	live_free(live);
	channel_close(channel);
	return error;
}

/* --- What is said --- */

static void boot_say(struct invocation *invocation)
{
	struct buffer *output = invocation->output;
	struct visit visit;
	struct diag said, *diag = invocation->diag;
	bool installed = access(BOOTFILE, F_OK) == 0;
	diag_init(&said);
	invocation->diag = &said;
	int error = visit_read(invocation, 0, &visit);
	invocation->diag = diag;
	diag_done(&said);
	if (error == 0) {
		const char *why;
		bool enabled = driver_service_enabled("");
		enum bootmode mode = driver_bootmode(&visit.state->config, state_assigned(visit.state), enabled, &why);
		if (installed)
			buffer_printf(output, "at the next boot: boot mode %s (%s), from " BOOTFILE "%s\n", bootmode_name(mode), why,
				      enabled ? "; then the service puts what is assigned into force"
					      : "; the service is not enabled, so what is assigned waits for cordon apply");
		else
			buffer_printf(output, "at the next boot: no boot file is installed, so every packet passes%s\n",
				      enabled ? " until the service puts what is assigned into force"
					      : "; the service is not enabled, so what is assigned waits for cordon apply");
	}
	visit_done(&visit);
}

static void lifted_say(struct invocation *invocation, const struct objects *objects, bool was_in_force)
{
	struct buffer *output = invocation->output;
	if (invocation->json) {
		buffer_add_char(output, '{');
		emit_flag(output, "was_in_force", was_in_force);
		emit_flag(output, "table", objects->table);
		emit_number(output, "chains", objects->chains);
		emit_number(output, "rules", objects->rules);
		emit_number(output, "maps", objects->maps);
		emit_number(output, "counters", objects->counters);
		buffer_add_text(output, "}\n");
		return;
	}
	if (invocation->quiet)
		return;
	if (objects->table)
		buffer_printf(output, "lifted: Cordon permits every packet now\nremoved: table inet cordon with %zu chains (%zu rules), %zu "
			      "maps and %zu counters; nothing of other tables\n", objects->chains, objects->rules, objects->maps,
			      objects->counters);
	else
		buffer_add_text(output, "nothing was in force: this kernel holds no table inet cordon, and every packet passes\n");
	boot_say(invocation);
}

/* --- The store --- */

/* The last apply that changed the store, and was not taken back: its number, 0 when there is none. */
static int apply_find(struct visit *visit, int64_t *ret_number)
{
	static const char word[] = "apply ";
	struct arena *arena = arena_new();
	struct history *lines = NULL;
	size_t count = 0;
	int64_t number = 0;
	int error = store_history(visit->store, arena, visit->invocation->diag, &lines, &count);
	for (size_t i = count; error == 0 && i-- > 0 && number == 0;) {
		uint64_t back;
		static const char reverted[] = "back to change ";
		struct cursor cursor = cursor_text(lines[i].changes);
		if (strncmp(lines[i].changes, reverted, sizeof(reverted) - 1) == 0 && (cursor.at += sizeof(reverted) - 1, true) &&
		    cursor_number(&cursor, (uint64_t)lines[i].number - 1, &back))
			i = (size_t)back; /* what was in between does not count: on with that change */
		else if (strncmp(lines[i].changes, "back to the empty store", 23) == 0)
			break;
		else if (strncmp(lines[i].command, word, sizeof(word) - 1) == 0 && strcmp(lines[i].changes, "confirmed") != 0)
			number = lines[i].number;
	}
	arena_free(arena);
	if (error == 0)
		*ret_number = number;
	return error;
}

/* What one location had assigned before, assigned again. */
static int location_restore(struct invocation *invocation, struct location *location, const struct location *before,
			    const struct location *after)
{
	const struct policy *old = location_assigned(before), *applied = location_assigned(after);
	struct policy *now = location_assigned(location);
	if (old == NULL && applied == NULL)
		return 0;
	if (old == NULL) {
		if (now != NULL)
			policy_unassign(now);
		return 0;
	}
	struct policy *policy = (struct policy *)collection_find(&location->policies, old->object.name);
	if (policy == NULL) {
		diag_error(invocation->diag, NULL, "policy %s, which was assigned before the last apply, is not in the store any more",
			   QUOTE(old->object.name));
		return ERROR_NOT_FOUND;
	}
	if (policy != now)
		location_assign(location, policy);
	return 0;
}

/* A setting that the apply has changed, and nobody since. */
static void property_restore(struct config *config, const struct config *before, const struct config *after, enum property_id id)
{
	struct buffer values[3];
	const struct config *const configs[3] = {before, after, config};
	for (size_t i = 0; i < 3; i++) {
		buffer_init(&values[i], 65536);
		config_print(configs[i], id, &values[i]);
	}
	bool changed = before->set[id] != after->set[id] || strcmp(buffer_text(&values[0]), buffer_text(&values[1])) != 0;
	bool same = config->set[id] == after->set[id] && strcmp(buffer_text(&values[2]), buffer_text(&values[1])) == 0;
	if (changed && same) {
		(void)config_set(config, id, buffer_text(&values[0]), values[0].length, NULL, NULL);
		config->set[id] = before->set[id];
		config->changed = true;
	}
	for (size_t i = 0; i < 3; i++)
		buffer_done(&values[i]);
}

static int state_restore(struct visit *visit, int64_t number)
{
	struct state *before = NULL, *after = NULL;
	struct diag *diag = visit->invocation->diag;
	int error = store_read_change(visit->store, number, diag, &after);
	if (error == 0 && number > 1)
		error = store_read_change(visit->store, number - 1, diag, &before);
	else if (error == 0)
		before = state_new();
	for (size_t i = 0; error == 0 && i < LOCATION_DYNAMIC; i++)
		error = location_restore(visit->invocation, &visit->state->locations[i], &before->locations[i], &after->locations[i]);
	for (unsigned i = 0; error == 0 && i < PROPERTY_COUNT; i++)
		property_restore(&visit->state->config, &before->config, &after->config, (enum property_id)i);
	state_free(before);
	state_free(after);
	return error;
}

/* The policy with its lists and actions that nothing uses any more. */
static void policy_remove(struct state *state, struct location *location, struct policy *policy)
{
	struct arena *arena = arena_new();
	size_t count = policy->rules.count;
	struct filterlist **lists = arena_alloc(arena, (count + 1) * sizeof(struct filterlist *));
	struct filteraction **actions = arena_alloc(arena, (count + 1) * sizeof(struct filteraction *));
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		lists[i] = rule->filterlist;
		actions[i] = rule->filteraction;
		for (size_t j = 0; j < i; j++) { /* each once */
			if (lists[j] == lists[i])
				lists[i] = NULL;
			if (actions[j] == actions[i])
				actions[i] = NULL;
		}
	}
	location_delete_policy(state, location, policy);
	for (size_t i = 0; i < count; i++) {
		if (lists[i] != NULL && lists[i]->users == 0)
			(void)location_delete_filterlist(state, location, lists[i]);
		if (actions[i] != NULL && actions[i]->users == 0)
			(void)location_delete_filteraction(state, location, actions[i]);
	}
	arena_free(arena);
}

struct lifting {
	struct invocation *invocation;
	struct visit visit;
	bool restore, remove;
	enum location_id location;
};

static int lifting_state(struct lifting *lifting)
{
	struct invocation *invocation = lifting->invocation;
	struct location *location = &lifting->visit.state->locations[lifting->location];
	struct policy *applied = location_assigned(location);
	int64_t number = 0;
	int error = 0;
	if (lifting->remove && applied == NULL) {
		diag_error(invocation->diag, NULL, "no %s policy is assigned, so there is none to remove; `cordon lift` takes the rules out "
			   "of the kernel", location_name(lifting->location));
		return ERROR_INPUT;
	}
	if (lifting->restore)
		error = apply_find(&lifting->visit, &number);
	if (error == 0 && lifting->restore && number == 0) {
		diag_error(invocation->diag, NULL, "the history of this store has no apply of a profile, so there is nothing to restore");
		return ERROR_INPUT;
	}
	if (error == 0 && lifting->restore)
		error = state_restore(&lifting->visit, number);
	if (error == 0 && lifting->remove && applied == location_assigned(location) && lifting->restore) {
		diag_error(invocation->diag, NULL, "policy %s was assigned before the last apply too: --restore and --remove contradict "
			   "each other here", QUOTE(applied->object.name));
		return ERROR_INPUT;
	}
	if (error == 0 && lifting->remove)
		policy_remove(lifting->visit.state, location, applied);
	return error;
}

/* Store and kernel in one step; what is assigned then (--restore) is in force, otherwise nothing. */
static int lifting_commit(struct lifting *lifting, const char *command)
{
	struct invocation *invocation = lifting->invocation;
	struct judge judge = {.ruleset = NULL};
	struct nftables_options options = {.observe = false, .nflog_group = settings_nfloggroup()};
	host_init(&judge.host);
	if (!lifting->restore || !state_assigned(lifting->visit.state)) {
		/* The store first: what it would still have assigned, the service would put into force again. */
		int error = visit_commit(&lifting->visit, command);
		if (error == 0)
			bootdrops_write(invocation->diag);
		return error == 0 ? nftables_lift(invocation->diag) : error;
	}
	int error = enforceable_check(lifting->visit.state, invocation->diag);
	if (error == 0)
		error = judge_init(&judge, invocation, lifting->visit.state, MODE_SECURE, NULL, false);
	if (error == 0)
		error = force_apply(&lifting->visit, &judge, &options, command);
	judge_done(&judge);
	return error;
}

static void restored_say(const struct lifting *lifting, bool in_force)
{
	struct invocation *invocation = lifting->invocation;
	if (invocation->json || invocation->quiet || !in_force)
		return;
	for (size_t i = 0; i < LOCATION_DYNAMIC; i++) {
		const struct policy *policy = location_assigned(&lifting->visit.state->locations[i]);
		if (policy != NULL)
			buffer_printf(invocation->output, "in force again: %s policy %s\n", location_name((enum location_id)i),
				      QUOTE(policy->object.name));
	}
}

static int lift_stored(struct lifting *lifting, const char *command, bool *ret_in_force)
{
	struct invocation *invocation = lifting->invocation;
	if (!visit_store_exists(invocation)) {
		diag_error(invocation->diag, NULL, "there is no store %s, so there is nothing to %s; `cordon lift` takes the rules out of "
			   "the kernel", QUOTE(invocation->store), lifting->restore ? "restore" : "remove");
		return ERROR_INPUT;
	}
	int error = visit_begin(invocation, &lifting->visit);
	if (error == 0)
		error = lifting_state(lifting);
	if (error == 0)
		error = lifting_commit(lifting, command);
	if (error == 0)
		*ret_in_force = lifting->restore && state_assigned(lifting->visit.state);
	return error;
}

/* What waits for a confirmation is taken back first: a guard must not bring rules back behind a lift. */
static int pending_end(struct invocation *invocation)
{
	struct visit visit = {.invocation = invocation};
	struct pending pending;
	bool present = false;
	if (!visit_store_exists(invocation))
		return 0;
	/* A store that cannot be read is no reason to keep the rules. */
	int error = store_open(invocation->store, STORE_READ, NULL, &visit.store);
	if (error == 0)
		error = store_pending(visit.store, NULL, &present, &pending);
	visit_done(&visit);
	if (error < 0 || !present)
		return 0;
	error = former_rollback(invocation, "lift: what was pending is taken back first", &pending);
	if (error == 0)
		diag_note(invocation->diag, NULL, "change %" PRId64 ", which was pending, has been taken back first: the store is as after "
			  "change %" PRId64, pending.after, pending.before);
	if (error < 0 && error != ERROR_NOT_FOUND) {
		/* The owner's word opens the kernel whatever the store can do. */
		diag_warning(invocation->diag, "lift-pending", NULL, "change %" PRId64 " is pending and could not be taken back: the store still has "
			     "it, and who watches over it may put the old rules back at its deadline", pending.after);
		error = 0;
	}
	return error == ERROR_NOT_FOUND ? 0 : error;
}

static int lift_run(struct invocation *invocation)
{
	struct lifting lifting = {
		.invocation = invocation,
		.visit.invocation = invocation,
		.restore = invocation_option(invocation, "restore") != NULL,
		.remove = invocation_option(invocation, "remove") != NULL,
		.location = invocation->has_location ? invocation->location : LOCATION_LOCAL,
	};
	struct nftables_status status;
	struct objects objects;
	struct buffer command;
	bool in_force = false;
	enum driver_state from = force_state(invocation);
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	int error = force_status(invocation, &status);
	bool present = error == 0 && (status.present || status.altered);
	if (error == 0)
		error = objects_count(invocation->diag, &objects);
	if (error == 0)
		error = pending_end(invocation);
	if (error == 0 && (lifting.restore || lifting.remove))
		error = lift_stored(&lifting, buffer_text(&command), &in_force);
	else if (error == 0) {
		bootdrops_write(invocation->diag);
		/* Also where nothing judges packets: what a killed apply has left behind goes too. */
		error = nftables_lift(invocation->diag);
	}
	invocation->changed |= error == 0;
	if (error == 0 && in_force) {
		restored_say(&lifting, true);
	} else if (error == 0) {
		force_record(invocation, from, DRIVER_LIFT, "", buffer_text(&command));
		visit_done(&lifting.visit);
		lifted_say(invocation, &objects, present);
	}
	visit_done(&lifting.visit);
	nftables_status_done(&status);
	buffer_done(&command);
	return error_exit(error);
}

const struct command lift_command = {
	.name = "lift",
	.arguments = "",
	.help = "take the rules out of the kernel: permit, until the next apply or boot",
	.details = "Removes the table inet cordon, and says what of it was removed and what the next boot will do. The store stays as it "
		   "is, and what is assigned in it is in force again with the next apply. Other tables are not touched. A change that "
		   "waits for its confirmation is taken back first.\n\n"
		   "With --restore the policies that were assigned before the last `cordon apply PROFILE` are assigned and in force again, "
		   "and settings that it changed are as before. With --remove the policy that is assigned is deleted, with those of its "
		   "filter lists and filter actions that no other policy uses. Store and kernel change together.",
	.options = lift_options,
	.examples = lift_examples,
	.run = lift_run,
};
