/* From the store to the kernel. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/daemon/enforcer_internal.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* --- What is wanted --- */

void wanted_done(struct enforcer *enforcer, struct wanted *wanted)
{
	(void)enforcer;
	ruleset_free(wanted->ruleset);
	state_free(wanted->state);
	host_done(&wanted->host);
	*wanted = (struct wanted){.ruleset = NULL};
}

/* The answers of names go into a state only while its ruleset is built of it, or it is the one that is wanted. */
static void wanted_build(struct enforcer *enforcer, struct state *state, enum mode mode, struct wanted *ret_wanted)
{
	struct wanted wanted = {.state = state, .mode = mode};
	state_digest(state, wanted.digest);
	if (mode == MODE_SECURE && state->config.number[PROPERTY_FOLLOWNAMES] != 0)
		dnsnames_put(enforcer->names, state);
	state_digest(state, wanted.kernel_digest);
	host_copy(&enforcer->facts, &wanted.host);
	*ret_wanted = wanted;
}

/* Second step, since a ruleset borrows its host by address. */
static int wanted_compile(struct wanted *wanted, struct diag *diag)
{
	struct ruleset *ruleset = NULL;
	int error = ruleset_build(wanted->state, &wanted->host, wanted->mode, diag, &ruleset);
	if (error == 0)
		wanted->ruleset = ruleset;
	return error;
}

static int kernel_apply(struct enforcer *enforcer, const struct ruleset *ruleset, struct diag *diag, bool *ret_changed)
{
	bool changed = false;
	struct nftables_options options = {
		.observe = enforcer->observe,
		.no_wait = true,
		.clean_later = true,
		.changed = &changed,
	};
	int error = enforcer->world.apply(ruleset, &options, diag, enforcer->world.context);
	/* Packets under way still read the maps of the generation before. */
	if (changed && enforcer->startup_rules) {
		enforcer->startup_rules = false;
		enforcer->bootdrops = true;
	}
	if (changed)
		enforcer_at(enforcer, DUE_CLEAN, CLEAN_MS);
	else if (error != ERROR_BUSY)
		enforcer_soon(enforcer, DUE_CLEAN, CLEAN_MS);
	*ret_changed = changed;
	return error;
}

/* Whether the generation before is still to be deleted: changes that can wait do, so that it has its turn. */
static bool clean_first(struct enforcer *enforcer, enum due due)
{
	int64_t clean = enforcer->due[DUE_CLEAN];
	if (clean == 0)
		return false;
	enforcer_soon(enforcer, due, clean - loop_now(enforcer->loop) + 1);
	return true;
}

/* Those settings that count from the boot on are as they were then. */
void policy_told(struct enforcer *enforcer)
{
	static const enum property_id boot_settings[] = {PROPERTY_IPSECDIAGNOSTICS, PROPERTY_IPSECLOGINTERVAL, PROPERTY_BOOTMODE};
	if (enforcer->options.in_force == NULL || enforcer->wanted.ruleset == NULL)
		return;
	struct config config = enforcer->config;
	for (size_t i = 0; i < ARRAY_LENGTH(boot_settings) && enforcer->boot_config_known; i++) {
		config.number[boot_settings[i]] = enforcer->boot_config.number[boot_settings[i]];
		config.set[boot_settings[i]] = enforcer->boot_config.set[boot_settings[i]];
	}
	enforcer->options.in_force(enforcer->wanted.ruleset, &config, enforcer->observe, enforcer->options.context);
}

/* After one that was not to be: the old one is wanted again, with the names' answers in it. */
static void wanted_restore(struct enforcer *enforcer)
{
	struct wanted *wanted = &enforcer->wanted;
	struct ruleset *ruleset = NULL;
	dnsnames_take_back(enforcer->names);
	if (wanted->state == NULL || wanted->state->config.number[PROPERTY_FOLLOWNAMES] == 0 || wanted->mode != MODE_SECURE)
		return;
	dnsnames_put(enforcer->names, wanted->state);
	if (ruleset_build(wanted->state, &wanted->host, wanted->mode, NULL, &ruleset) == 0) {
		ruleset_free(wanted->ruleset);
		wanted->ruleset = ruleset;
	}
}

static void names_set(struct enforcer *enforcer)
{
	const struct state *state = enforcer->wanted.state;
	bool follow = state != NULL && enforcer->wanted.mode == MODE_SECURE && state->config.number[PROPERTY_FOLLOWNAMES] != 0;
	dnsnames_follow(enforcer->names, follow ? state : NULL);
}

static bool is_followed(const struct state *state)
{
	return state->config.number[PROPERTY_FOLLOWNAMES] != 0;
}

int wanted_apply_state(struct enforcer *enforcer, struct state *state, enum mode mode, struct diag *diag, bool *ret_changed)
{
	struct wanted next;
	dnsnames_take_back(enforcer->names);
	/* Names that are known already count from the first ruleset on. */
	if (mode == MODE_SECURE && is_followed(state))
		dnsnames_follow(enforcer->names, state);
	wanted_build(enforcer, state, mode, &next);
	int error = wanted_compile(&next, diag);
	if (error == 0)
		error = kernel_apply(enforcer, next.ruleset, diag, ret_changed);
	if (error < 0) {
		dnsnames_take_back(enforcer->names);
		wanted_done(enforcer, &next);
		wanted_restore(enforcer);
		names_set(enforcer);
		return error;
	}
	struct wanted old = enforcer->wanted;
	enforcer->wanted = next;
	/* The ruleset borrows the host of the struct that it was built in. */
	enforcer->wanted.ruleset->host = &enforcer->wanted.host;
	wanted_done(enforcer, &old);
	enforcer->lagging = false;
	names_set(enforcer);
	return 0;
}

/* --- The store --- */

static void signature_take(const char *path, struct signature *ret_signature)
{
	static const char *const suffixes[] = {"", "-wal"};
	*ret_signature = (struct signature){0};
	for (size_t i = 0; i < ARRAY_LENGTH(suffixes); i++) {
		struct stat status;
		size_t size = strlen(path) + strlen(suffixes[i]) + 1;
		char *name = memory_alloc(size);
		snprintf(name, size, "%s%s", path, suffixes[i]);
		if (stat(name, &status) == 0) {
			ret_signature->file[i].inode = (int64_t)status.st_ino;
			ret_signature->file[i].size = (int64_t)status.st_size;
			ret_signature->file[i].seconds = (int64_t)status.st_mtim.tv_sec;
			ret_signature->file[i].nanoseconds = (int64_t)status.st_mtim.tv_nsec;
		}
		free(name);
	}
}

/* An empty -wal says as little as none. */
static bool signature_same(const struct signature *a, const struct signature *b)
{
	if (memcmp(&a->file[0], &b->file[0], sizeof(a->file[0])) != 0)
		return false;
	return (a->file[1].size == 0 && b->file[1].size == 0) || memcmp(&a->file[1], &b->file[1], sizeof(a->file[1])) == 0;
}

bool signature_differs(const struct enforcer *enforcer)
{
	struct signature signature;
	signature_take(enforcer->options.store, &signature);
	return !signature_same(&signature, &enforcer->signature);
}

/* A store that is not there is an empty one, unless there was one: then it is lost. */
static int store_expected(const struct enforcer *enforcer, struct diag *diag)
{
	if (access(enforcer->options.store, F_OK) == 0 || errno != ENOENT)
		return 0;
	bool restrictive = enforcer->state != DRIVER_STARTUP_PERMIT && enforcer->state != DRIVER_PERMIT;
	if (!enforcer->store_seen && !restrictive)
		return 0;
	diag_error(diag, NULL, "the store %s is not there any more", QUOTE(enforcer->options.store));
	return ERROR_NOT_FOUND;
}

static int store_see(struct enforcer *enforcer, struct diag *diag, struct state **ret_state)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct signature before;
	signature_take(enforcer->options.store, &before);
	int error = store_expected(enforcer, diag);
	if (error == 0)
		error = store_open(enforcer->options.store, STORE_READ, diag, &store);
	if (error == 0)
		error = store_pending(store, diag, &enforcer->pending_present, &enforcer->pending);
	if (error == 0)
		error = store_read(store, 0, diag, &state);
	store_close(store);
	signature_take(enforcer->options.store, &enforcer->signature);
	if (error < 0)
		return error;
	/* Closing the last connection tidies up, which looks like a change: then it is read once more. */
	if (!signature_same(&before, &enforcer->signature)) {
		enforcer->signature = before;
		enforcer_soon(enforcer, DUE_STORE, STORE_DEBOUNCE_MS);
	}
	enforcer->store_seen |= before.file[0].inode != 0;
	*ret_state = state;
	return 0;
}

/* --- Failures --- */

/* Whether the rules that are wanted judge packets now: then a failure has opened nothing. */
static bool rules_stand(struct enforcer *enforcer)
{
	struct nftables_status status = {.present = false};
	if (enforcer->world.status(NULL, &status, enforcer->world.context) < 0)
		return false;
	bool stand = status.present && (status.mode == MODE_SECURE || status.mode == MODE_BLOCK) &&
		     (enforcer->wanted.ruleset == NULL || strcmp(status.digest, enforcer->wanted.kernel_digest) == 0);
	nftables_status_done(&status);
	return stand;
}

static void retry_later(struct enforcer *enforcer)
{
	enforcer->settled = false;
	enforcer->store_look = true;
	enforcer_soon(enforcer, DUE_STORE, pause_next(&enforcer->retry));
}

static void block_apply(struct enforcer *enforcer)
{
	struct diag diag;
	bool changed = false;
	diag_init(&diag);
	int error = wanted_apply_state(enforcer, state_new(), MODE_BLOCK, &diag, &changed);
	if (error == 0)
		policy_told(enforcer);
	else if (error != ERROR_BUSY)
		enforcer_say(enforcer, "the block rules could not be put in force either: %s", enforcer_error(enforcer, &diag, error));
	if (error == ERROR_BUSY)
		enforcer_soon(enforcer, DUE_STORE, BUSY_MS);
	diag_done(&diag);
}

/* The driver goes where its table says, the kernel first: nobody is to read "block" while packets pass. */
static void fail_to(struct enforcer *enforcer, enum driver_event event, const char *text)
{
	if (driver_next(enforcer->state, event)->to == DRIVER_BLOCK)
		block_apply(enforcer);
	enforcer_step(enforcer, event, text);
}

/* The store again, with its persistent policy alone; NULL when it cannot be read. */
static struct state *persistent_read(const struct enforcer *enforcer)
{
	struct store *store = NULL;
	struct state *state = NULL;
	if (store_open(enforcer->options.store, STORE_READ, NULL, &store) < 0)
		return NULL;
	if (store_read(store, 0, NULL, &state) == 0) {
		struct policy *local = location_assigned(&state->locations[LOCATION_LOCAL]);
		if (local != NULL)
			policy_unassign(local);
		for (size_t i = 0; i < LOCATION_COUNT; i++)
			state->locations[i].dynrule_count = 0;
	}
	store_close(store);
	return state;
}

static bool has_persistent(const struct state *state)
{
	return location_assigned(&state->locations[LOCATION_PERSISTENT]) != NULL;
}

static bool has_others(const struct state *state)
{
	bool others = location_assigned(&state->locations[LOCATION_LOCAL]) != NULL;
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		others |= state->locations[i].dynrule_count > 0;
	return others;
}

/* On the way up: the persistent policy first, alone.  True when it is in force. */
static bool persistent_apply(struct enforcer *enforcer)
{
	struct state *state = persistent_read(enforcer);
	bool changed = false;
	if (state == NULL || wanted_apply_state(enforcer, state, MODE_SECURE, NULL, &changed) < 0)
		return false;
	enforcer_step(enforcer, DRIVER_PERSISTENT_APPLIED, NULL);
	return true;
}

/* What is assigned cannot be applied.  persistent, others: what of it there is.  */
static void policy_fail(struct enforcer *enforcer, bool persistent, bool others, const char *text)
{
	enum driver_event event = persistent ? DRIVER_PERSISTENT_FAILED : DRIVER_LOCAL_FAILED;
	/* Nothing has been in force, and now there is a persistent policy: that is as at start-up, and fails as there. */
	if (persistent && enforcer->state == DRIVER_PERMIT && !enforcer_lifted(enforcer))
		enforcer->state = DRIVER_STARTUP_PERMIT;
	enum mode mode = driver_mode(enforcer->state);
	if (mode == MODE_PERMIT || (enforcer->state == DRIVER_SECURE && rules_stand(enforcer)))
		event = DRIVER_APPLY_FAILED;
	else if (mode == MODE_BOOT && persistent && others && persistent_apply(enforcer))
		event = DRIVER_LOCAL_FAILED;
	else if (enforcer->state == DRIVER_SECURE)
		event = DRIVER_LOCAL_FAILED; /* only this row of the table leads from secure to block */
	fail_to(enforcer, event, text);
	retry_later(enforcer);
}

static void store_lost(struct enforcer *enforcer, const struct diag *diag, int error)
{
	char text[ERROR_TEXT];
	if (enforcer_lifted(enforcer))
		return;
	snprintf(text, sizeof(text), "%s", enforcer_error(enforcer, diag, error));
	policy_fail(enforcer, true, false, text);
}

/* --- Success --- */

static void policy_applied(struct enforcer *enforcer, bool persistent, bool others, bool changed)
{
	bool startup = driver_mode(enforcer->state) == MODE_BOOT || enforcer->state == DRIVER_BLOCK;
	if (startup) {
		enforcer_step(enforcer, persistent ? DRIVER_PERSISTENT_APPLIED : DRIVER_NO_PERSISTENT, NULL);
		if (others)
			enforcer_step(enforcer, DRIVER_LOCAL_APPLIED, NULL);
	} else if (changed || enforcer->state != DRIVER_SECURE) {
		enforcer_step(enforcer, DRIVER_APPLY, NULL);
	}
	pause_reset(&enforcer->retry);
	enforcer->error[0] = '\0';
	enforcer->settled = true;
	policy_told(enforcer);
}

/* Nothing is assigned: every packet passes.  Rules that do so stand; where there are none, none are made. */
static void nothing_enforce(struct enforcer *enforcer, struct state *state)
{
	struct nftables_status status = {.present = false};
	struct wanted next;
	struct diag diag;
	bool changed = false, permits = true;
	int error = 0;
	diag_init(&diag);
	char digest[DIGEST_TEXT];
	state_digest(state, digest);
	if (enforcer->world.status(&diag, &status, enforcer->world.context) == 0) {
		bool ours = status.mode == MODE_PERMIT || (status.mode == MODE_SECURE && strcmp(status.digest, digest) == 0);
		permits = !status.present || ours;
		nftables_status_done(&status);
	}
	if (!permits) {
		error = wanted_apply_state(enforcer, state, MODE_PERMIT, &diag, &changed);
	} else {
		dnsnames_take_back(enforcer->names);
		wanted_build(enforcer, state, MODE_PERMIT, &next);
		wanted_done(enforcer, &enforcer->wanted);
		enforcer->wanted = next;
		error = wanted_compile(&enforcer->wanted, &diag);
		names_set(enforcer);
	}
	if (error == ERROR_BUSY) {
		enforcer->store_look = true;
		enforcer_soon(enforcer, DUE_STORE, BUSY_MS);
	} else if (error < 0) {
		char text[ERROR_TEXT];
		snprintf(text, sizeof(text), "%s", enforcer_error(enforcer, &diag, error));
		enforcer_step(enforcer, DRIVER_APPLY_FAILED, text);
		retry_later(enforcer);
	} else {
		if (enforcer->state != DRIVER_PERMIT || enforcer->event != DRIVER_NOTHING_ASSIGNED)
			enforcer_step(enforcer, DRIVER_NOTHING_ASSIGNED, NULL);
		pause_reset(&enforcer->retry);
		enforcer->settled = true;
		policy_told(enforcer);
	}
	diag_done(&diag);
}

/* Takes the state. */
static void policy_enforce(struct enforcer *enforcer, struct state *state)
{
	struct diag diag;
	bool changed = false, persistent = has_persistent(state), others = has_others(state);
	if (!state_assigned(state)) {
		nothing_enforce(enforcer, state);
		return;
	}
	diag_init(&diag);
	int error = wanted_apply_state(enforcer, state, MODE_SECURE, &diag, &changed);
	if (error == 0) {
		policy_applied(enforcer, persistent, others, changed);
	} else if (error == ERROR_BUSY) {
		enforcer->settled = false;
		enforcer->store_look = true;
		enforcer_soon(enforcer, DUE_STORE, BUSY_MS);
	} else {
		char text[ERROR_TEXT];
		snprintf(text, sizeof(text), "%s", enforcer_error(enforcer, &diag, error));
		policy_fail(enforcer, persistent, others, text);
	}
	diag_done(&diag);
}

/* --- What is due --- */

/* Between what cordon does to the kernel and what it commits: true when we must wait for the second. */
static bool hand_busy(struct enforcer *enforcer, const char *digest)
{
	struct nftables_status status = {.present = false};
	int64_t left = enforcer->hold - loop_now(enforcer->loop);
	if (left <= 0 || enforcer->world.status(NULL, &status, enforcer->world.context) < 0)
		return false;
	bool same = status.present && strcmp(status.digest, digest) == 0;
	nftables_status_done(&status);
	if (same)
		enforcer->hold = 0;
	else
		enforcer_soon(enforcer, DUE_STORE, left);
	return !same;
}

/* A change that waits for its confirmation is in force already, by who applied it: ours to keep, not to change.  Takes
 * the state. */
static void pending_adopt(struct enforcer *enforcer, struct state *state, const char *digest)
{
	struct nftables_status status = {.present = false};
	bool in_force = false, changed = false;
	if (enforcer->world.status(NULL, &status, enforcer->world.context) == 0) {
		in_force = status.present && status.mode == MODE_SECURE && strcmp(status.digest, digest) == 0;
		if (in_force)
			enforcer->observe = status.observe;
		nftables_status_done(&status);
	}
	if (!in_force) {
		state_free(state);
	} else if (strcmp(enforcer->wanted.digest, digest) == 0 && enforcer->wanted.mode == MODE_SECURE) {
		state_free(state);
	} else if (wanted_apply_state(enforcer, state, MODE_SECURE, NULL, &changed) == 0) {
		enforcer->settled = true;
		policy_told(enforcer);
	}
}

/* What the store said before a change that is not to count. */
static void before_enforce(struct enforcer *enforcer)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct diag diag;
	diag_init(&diag);
	int error = store_open(enforcer->options.store, STORE_READ, &diag, &store);
	if (error == 0 && enforcer->pending.before > 0)
		error = store_read_change(store, enforcer->pending.before, &diag, &state);
	else if (error == 0)
		state = state_new();
	store_close(store);
	if (error < 0)
		store_lost(enforcer, &diag, error);
	else
		policy_enforce(enforcer, state);
	diag_done(&diag);
}

/* Whether there is anything to look at; a change that waits is looked at when its time comes. */
static bool store_is_due(struct enforcer *enforcer)
{
	int64_t wait = enforcer->pending_present ? enforcer->pending_due - loop_now(enforcer->loop) : 1;
	if (!enforcer->store_look && wait > 0 && !signature_differs(enforcer)) {
		if (enforcer->pending_present)
			enforcer_soon(enforcer, DUE_STORE, wait);
		return false;
	}
	return !clean_first(enforcer, DUE_STORE);
}

static void config_see(struct enforcer *enforcer, const struct config *config)
{
	enforcer->config = *config;
	if (enforcer->boot_config_known)
		return;
	enforcer->boot_config = *config;
	enforcer->boot_config_known = true;
	settings_write(enforcer);
}

static bool is_lifted(const struct enforcer *enforcer, const struct state *state)
{
	/* Back to nothing, where nothing is assigned, is no lift. */
	return enforcer_lifted(enforcer) && !(enforcer->event == DRIVER_ROLLBACK_PERMIT && !state_assigned(state));
}

/* Takes the state. */
static void state_decide(struct enforcer *enforcer, struct state *state, const char *digest, bool look, bool changed)
{
	enum pending_answer answer = pending_check(enforcer);
	if (answer == PENDING_WAITS) {
		pending_adopt(enforcer, state, digest);
		return;
	}
	if (answer == PENDING_NONE && !is_lifted(enforcer, state) && (look || changed || !enforcer->settled)) {
		if (changed || !hand_busy(enforcer, digest)) {
			policy_enforce(enforcer, state);
			return;
		}
		enforcer->store_look = true;
	}
	state_free(state);
	if (answer == PENDING_BEFORE)
		before_enforce(enforcer);
	if (answer != PENDING_BACK)
		return;
	enforcer->store_look = true;
	enforcer_soon(enforcer, DUE_STORE, 0);
}

void policy_store(struct enforcer *enforcer)
{
	struct state *state = NULL;
	struct diag diag;
	char digest[DIGEST_TEXT];
	bool look = enforcer->store_look;
	if (!store_is_due(enforcer))
		return;
	diag_init(&diag);
	int error = store_see(enforcer, &diag, &state);
	if (error == ERROR_BUSY)
		enforcer_soon(enforcer, DUE_STORE, HOST_DEBOUNCE_MS);
	else if (error < 0)
		store_lost(enforcer, &diag, error);
	diag_done(&diag);
	if (error < 0)
		return;
	state_digest(state, digest);
	bool changed = strcmp(digest, enforcer->store_digest) != 0;
	memcpy(enforcer->store_digest, digest, sizeof(digest));
	config_see(enforcer, &state->config);
	enforcer->store_look = false;
	if (changed)
		enforcer->hold = 0;
	state_decide(enforcer, state, digest, look, changed);
}

void policy_follow(struct enforcer *enforcer)
{
	struct wanted *wanted = &enforcer->wanted;
	if (wanted->ruleset == NULL || wanted->mode != MODE_SECURE || enforcer_lifted(enforcer) || clean_first(enforcer, DUE_FOLLOW))
		return;
	struct wanted next;
	struct diag diag;
	bool changed = false;
	dnsnames_take_back(enforcer->names);
	wanted_build(enforcer, wanted->state, MODE_SECURE, &next);
	diag_init(&diag);
	int error = wanted_compile(&next, &diag);
	if (error == 0) {
		bool same = ruleset_same(next.ruleset, wanted->ruleset) && !enforcer->lagging;
		ruleset_free(wanted->ruleset);
		host_done(&wanted->host);
		*wanted = next;
		wanted->ruleset->host = &wanted->host;
		enforcer->lagging = !same;
		if (!same)
			error = kernel_apply(enforcer, wanted->ruleset, &diag, &changed);
	} else {
		host_done(&next.host);
		wanted_restore(enforcer);
	}
	if (error == ERROR_BUSY) {
		enforcer_soon(enforcer, DUE_FOLLOW, BUSY_MS);
	} else if (error < 0) {
		if (enforcer->follow_pause.now == 0)
			enforcer_say(enforcer, "the rules could not follow the host, those of before stand: %s",
				     enforcer_error(enforcer, &diag, error));
		enforcer_soon(enforcer, DUE_FOLLOW, pause_next(&enforcer->follow_pause));
	} else {
		enforcer->lagging = false;
		pause_reset(&enforcer->follow_pause);
		if (changed)
			enforcer_step(enforcer, DRIVER_APPLY, "the host's facts are others now");
		if (changed)
			policy_told(enforcer);
	}
	diag_done(&diag);
}

static void repair_tell(struct enforcer *enforcer)
{
	int64_t now = loop_now(enforcer->loop);
	enforcer->repairs++;
	enforcer->repairs_untold++;
	if (enforcer->repairs_in_second > 1 && now - enforcer->repairs_told < REPAIRS_TOLD_MS)
		return;
	char who[128];
	if (enforcer->offender_pid == 0)
		snprintf(who, sizeof(who), "a process that is not known");
	else
		snprintf(who, sizeof(who), "process %u, %s", enforcer->offender_pid, QUOTE(enforcer->offender));
	if (enforcer->repairs_untold > 1)
		enforcer_say(enforcer, "our rules were changed and put back %llu times; the last time by %s",
			     (unsigned long long)enforcer->repairs_untold, who);
	else
		enforcer_say(enforcer, "our rules were changed by %s, and put back", who);
	enforcer->repairs_untold = 0;
	enforcer->repairs_told = now;
}

/* A large ruleset takes longer to put back than a machine may be open: where nothing judges packets, the few rules of
 * block come first. */
static void block_first(struct enforcer *enforcer)
{
	struct nftables_status status = {.present = false};
	struct ruleset *ruleset = NULL;
	struct host host;
	bool changed = false;
	if (enforcer->observe || enforcer->wanted.ruleset->match_count < REPAIR_LARGE ||
	    enforcer->world.status(NULL, &status, enforcer->world.context) < 0)
		return;
	bool open = !status.present;
	nftables_status_done(&status);
	if (!open)
		return;
	struct state *state = state_new();
	host_init(&host);
	if (ruleset_build(state, &host, MODE_BLOCK, NULL, &ruleset) == 0)
		(void)kernel_apply(enforcer, ruleset, NULL, &changed);
	ruleset_free(ruleset);
	host_done(&host);
	state_free(state);
}

void policy_repair(struct enforcer *enforcer)
{
	struct diag diag;
	bool changed = false;
	if (enforcer_lifted(enforcer) || enforcer->wanted.mode == MODE_PERMIT)
		return;
	if (enforcer->wanted.ruleset == NULL) {
		/* What was in force is not known, since the store could not be read: if it is gone, everything is blocked. */
		if ((enforcer->state == DRIVER_SECURE || enforcer->state == DRIVER_BLOCK) && !rules_stand(enforcer))
			policy_fail(enforcer, false, true, "the rules were taken away, and the store cannot be read");
		return;
	}
	diag_init(&diag);
	block_first(enforcer);
	int error = kernel_apply(enforcer, enforcer->wanted.ruleset, &diag, &changed);
	if (error == ERROR_BUSY) {
		enforcer_soon(enforcer, DUE_REPAIR, BUSY_MS);
	} else if (error < 0) {
		char text[ERROR_TEXT];
		snprintf(text, sizeof(text), "%s", enforcer_error(enforcer, &diag, error));
		if (enforcer->state == DRIVER_SECURE && !rules_stand(enforcer))
			policy_fail(enforcer, false, true, text);
		else
			enforcer_soon(enforcer, DUE_REPAIR, pause_next(&enforcer->follow_pause));
	} else if (changed) {
		pause_reset(&enforcer->follow_pause);
		repair_tell(enforcer);
		policy_told(enforcer);
	}
	diag_done(&diag);
}

/* --- The old generation --- */

static int bootdrop_take(const struct bootdrop *drop, void *context)
{
	struct enforcer *enforcer = context;
	enforcer->options.bootdrop(drop, enforcer->options.context);
	return 0;
}

static void bootdrops_tell(void *context)
{
	struct enforcer *enforcer = context;
	struct diag diag;
	if (!enforcer->bootdrops || enforcer->options.bootdrop == NULL || enforcer->world.blind)
		return;
	diag_init(&diag);
	int error = bootdrop_read(&diag, bootdrop_take, enforcer);
	if (error < 0)
		enforcer_say(enforcer, "what the start-up rules have dropped cannot be read: %s", enforcer_error(enforcer, &diag, error));
	enforcer->bootdrops = false;
	diag_done(&diag);
}

void policy_clean(struct enforcer *enforcer)
{
	struct nftables_options options = {.no_wait = true, .before_clean = bootdrops_tell, .context = enforcer};
	struct diag diag;
	diag_init(&diag);
	int error = enforcer->world.clean(&options, &diag, enforcer->world.context);
	if (error == ERROR_BUSY)
		enforcer_soon(enforcer, DUE_CLEAN, BUSY_MS);
	else if (error < 0)
		enforcer_say(enforcer, "%s", diag.count > 0 ? diag.messages[0].text : error_text(error));
	diag_done(&diag);
}
