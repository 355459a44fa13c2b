#include "apps/epochs.h"

#include <stdlib.h>
#include <string.h>

#include "apps/loading.h"
#include "apps/visit.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { CHANGES_MOST = 256, MODES = MODE_BOOT + 1 };

/* A policy that was in force from a time on; its rulesets are made when a record of their mode comes. */
struct epoch {
	int64_t since;            /* Unix seconds */
	struct state *state;
	struct ruleset *ruleset[MODES];
	struct classifier *classifier[MODES];
	bool failed[MODES];
};

struct epochs {
	struct invocation *invocation;
	const struct host *host;
	struct epoch *items;      /* by time */
	size_t count;
	bool cut;                 /* there were more before the first */
};

static void epoch_add(struct epochs *epochs, int64_t since, struct state *state)
{
	epochs->items = memory_resize(epochs->items, (epochs->count + 1) * sizeof(*epochs->items));
	epochs->items[epochs->count++] = (struct epoch){.since = since, .state = state};
}

/* One policy of the store, whether it is assigned or not. */
static int named_read(struct epochs *epochs, const char *name)
{
	struct invocation *invocation = epochs->invocation;
	struct visit visit;
	int error = visit_store_exists(invocation) ? visit_read(invocation, 0, &visit) : ERROR_NOT_FOUND;
	if (error == ERROR_NOT_FOUND)
		return error;
	struct policy *policy = error == 0 ? (struct policy *)collection_find(&visit.state->locations[invocation->location].policies, name) : NULL;
	if (policy == NULL && error == 0)
		error = ERROR_NOT_FOUND;
	if (policy != NULL) {
		location_assign(&visit.state->locations[invocation->location], policy);
		epoch_add(epochs, INT64_MIN, visit.state);
		visit.state = NULL;
	}
	visit_done(&visit);
	return error;
}

static bool same_as_before(const struct history *lines, size_t index)
{
	return index > 0 && strcmp(lines[index].digest, lines[index - 1].digest) == 0;
}

/* The first line of the last CHANGES_MOST that changed anything. */
static size_t history_first(const struct history *lines, size_t count)
{
	size_t first = count, changes = 0;
	while (first > 0 && changes < CHANGES_MOST)
		changes += !same_as_before(lines, --first);
	return first;
}

/* What the store had after each of its last changes. */
static int history_read(struct epochs *epochs)
{
	struct invocation *invocation = epochs->invocation;
	struct arena *arena = arena_new();
	struct history *lines;
	struct visit visit;
	size_t count = 0;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		error = store_history(visit.store, arena, invocation->diag, &lines, &count);
	size_t first = error == 0 ? history_first(lines, count) : 0;
	epochs->cut = first > 0;
	for (size_t i = first; i < count && error == 0; i++) {
		struct state *state;
		if (i > first && same_as_before(lines, i))
			continue;
		error = store_read_change(visit.store, lines[i].number, invocation->diag, &state);
		if (error == 0)
			epoch_add(epochs, lines[i].time, state);
	}
	if (error == 0 && first > 0)
		diag_note(invocation->diag, NULL, "the store's history is longer than %d changes: records before those are unexplained", CHANGES_MOST);
	if (error == 0 && epochs->count == 0) {
		diag_error(invocation->diag, NULL, "the store has no policy: %s names one, or a profile or script",
			   invocation->command == &audit_command ? "\"policy\" in the job" : "--policy");
		error = ERROR_INPUT;
	}
	visit_done(&visit);
	arena_free(arena);
	return error;
}

static int policies_read(struct epochs *epochs, const char *policy)
{
	if (policy == NULL)
		return history_read(epochs);
	int error = named_read(epochs, policy);
	if (error != ERROR_NOT_FOUND)
		return error;
	struct state *state = state_new();
	error = loading_any(epochs->invocation, state, policy);
	for (size_t i = 0; i < LOCATION_COUNT && error == 0 && !state_assigned(state); i++)
		if (state->locations[i].policies.count > 0)
			location_assign(&state->locations[i], (struct policy *)state->locations[i].policies.items[0]);
	if (error == 0 && !state_assigned(state)) {
		diag_error(epochs->invocation->diag, NULL, "%s has no policy in it", QUOTE(policy));
		error = ERROR_INPUT;
	}
	epoch_add(epochs, INT64_MIN, state);
	return error;
}

static enum mode record_mode(const struct record *record)
{
	enum mode mode = MODE_SECURE;
	if (record->mode.at == NULL || !mode_parse(record->mode.at, cursor_left(&record->mode), &mode) || mode == MODE_PERMIT)
		mode = MODE_SECURE;
	return mode;
}

const struct classifier *epochs_find(struct epochs *epochs, const struct record *record, const struct ruleset **ret_ruleset)
{
	const int64_t offset = 11644473600; /* seconds from 1601 to 1970 */
	int64_t time = record_has(record, COLUMN_DATE) ? (int64_t)(record->time / 10000000) - offset : INT64_MAX;
	size_t low = 0, high = epochs->count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (epochs->items[middle].since <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	struct epoch *epoch = &epochs->items[low - 1];
	enum mode mode = record_mode(record);
	if (epoch->classifier[mode] == NULL && !epoch->failed[mode]) {
		epoch->failed[mode] = ruleset_build(epoch->state, epochs->host, mode, NULL, &epoch->ruleset[mode]) < 0;
		if (!epoch->failed[mode])
			epoch->classifier[mode] = classifier_new(epoch->ruleset[mode]);
	}
	*ret_ruleset = epoch->ruleset[mode];
	return epoch->classifier[mode];
}

void epochs_judge(struct epochs *epochs, const struct record *record, struct judged *ret_judged)
{
	*ret_judged = (struct judged){.result = REPLAY_UNEXPLAINED, .why = epochs->cut ? "a policy: the store has changed too often since then"
											: "a policy: the store had none then"};
	if (!record_has(record, COLUMN_DATE) && epochs->count > 1) {
		ret_judged->why = "the time: what the store had in force has changed since";
		return;
	}
	const struct classifier *classifier = epochs_find(epochs, record, &ret_judged->ruleset);
	if (classifier != NULL && replay_is_startup(record, ret_judged->ruleset))
		ret_judged->result = replay_judge_startup(record, epochs->host, ret_judged->ruleset, classifier, &ret_judged->packet, &ret_judged->verdict,
							  &ret_judged->why);
	else if (classifier != NULL)
		ret_judged->result = replay_judge(record, epochs->host, classifier, &ret_judged->packet, &ret_judged->verdict, &ret_judged->why);
}

const struct state *epochs_last(const struct epochs *epochs)
{
	return epochs->items[epochs->count - 1].state;
}

int epochs_open(struct invocation *invocation, const char *policy, const struct host *host, struct epochs **ret_epochs)
{
	struct epochs *epochs = memory_alloc(sizeof(*epochs));
	*epochs = (struct epochs){.invocation = invocation, .host = host};
	int error = policies_read(epochs, policy);
	if (error < 0) {
		epochs_free(epochs);
		return error;
	}
	*ret_epochs = epochs;
	return 0;
}

void epochs_free(struct epochs *epochs)
{
	if (epochs == NULL)
		return;
	for (size_t i = 0; i < epochs->count; i++) {
		for (size_t mode = 0; mode < MODES; mode++) {
			classifier_free(epochs->items[i].classifier[mode]);
			ruleset_free(epochs->items[i].ruleset[mode]);
		}
		state_free(epochs->items[i].state);
	}
	free(epochs->items);
	free(epochs);
}
