#include "core/policy/policy.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	QMPERMM_DEFAULT = 0,
	MMLIFETIME_DEFAULT = 480,     /* minutes */
	POLLINGINTERVAL_DEFAULT = 180, /* minutes */
};

static const char *const action_names[] = {
	[ACTION_BLOCK] = "block", [ACTION_NEGOTIATE] = "negotiate", [ACTION_PERMIT] = "permit",
};
static const char *const conntype_names[] = {
	[CONNTYPE_ALL] = "all", [CONNTYPE_LAN] = "lan", [CONNTYPE_DIALUP] = "dialup",
};
static const char *const pfsgroup_names[] = {
	[PFSGROUP_NOPFS] = "NOPFS", [PFSGROUP_GRP1] = "GRP1",   [PFSGROUP_GRP2] = "GRP2",
	[PFSGROUP_GRP3] = "GRP3",   [PFSGROUP_GRPMM] = "GRPMM",
};
static const char *const location_names[] = {
	[LOCATION_PERSISTENT] = "persistent", [LOCATION_LOCAL] = "local", [LOCATION_DYNAMIC] = "dynamic",
};

static bool name_find(const char *const *names, size_t count, const char *text, size_t length, size_t *ret_index)
{
	for (size_t i = 0; i < count; i++) {
		if (ascii_equal_n(text, length, names[i])) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

const char *action_name(enum action action) { return action_names[action]; }
const char *conntype_name(enum conntype conntype) { return conntype_names[conntype]; }
const char *pfsgroup_name(enum pfsgroup group) { return pfsgroup_names[group]; }
const char *location_name(enum location_id id) { return location_names[id]; }

bool action_parse(const char *text, size_t length, enum action *ret_action)
{
	size_t index;
	if (!name_find(action_names, ARRAY_LENGTH(action_names), text, length, &index))
		return false;
	*ret_action = (enum action)index;
	return true;
}

bool conntype_parse(const char *text, size_t length, enum conntype *ret_conntype)
{
	size_t index;
	if (!name_find(conntype_names, ARRAY_LENGTH(conntype_names), text, length, &index))
		return false;
	*ret_conntype = (enum conntype)index;
	return true;
}

bool pfsgroup_parse(const char *text, size_t length, enum pfsgroup *ret_group)
{
	size_t index;
	if (!name_find(pfsgroup_names, ARRAY_LENGTH(pfsgroup_names), text, length, &index))
		return false;
	*ret_group = (enum pfsgroup)index;
	return true;
}

bool location_parse(const char *text, size_t length, enum location_id *ret_id)
{
	size_t index;
	if (!name_find(location_names, ARRAY_LENGTH(location_names), text, length, &index))
		return false;
	*ret_id = (enum location_id)index;
	return true;
}

struct state *state_new(void)
{
	struct arena *arena = arena_new();
	struct state *state = arena_alloc(arena, sizeof(*state));
	state->arena = arena;
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		state->locations[i].id = (enum location_id)i;
	config_init(&state->config);
	return state;
}

/* The index over names is the one thing outside the arena: it is thrown away whenever it grows. */
static void collection_done(struct collection *collection)
{
	free(collection->slots);
	collection->slots = NULL;
	collection->slot_count = 0;
}

static void location_done(struct location *location)
{
	for (size_t i = 0; i < location->policies.count; i++)
		collection_done(&((struct policy *)location->policies.items[i])->rules);
	collection_done(&location->policies);
	collection_done(&location->filterlists);
	collection_done(&location->filteractions);
	collection_done(&location->mmpolicies);
	collection_done(&location->qmpolicies);
}

void state_free(struct state *state)
{
	if (state == NULL)
		return;
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		location_done(&state->locations[i]);
	arena_free(state->arena);
}

/* FNV-1a over the name without ASCII case. */
static size_t name_hash(const char *name)
{
	uint64_t hash = 0xcbf29ce484222325u;
	for (; *name != '\0'; name++)
		hash = (hash ^ (unsigned char)ascii_lower(*name)) * 0x100000001b3u;
	return (size_t)(hash ^ hash >> 29);
}

/* Marks a slot whose object was removed: look-ups go on behind it. */
static struct object removed = {.name = ""};

static void collection_index(struct collection *collection, struct object *object)
{
	size_t slot = name_hash(object->name) & (collection->slot_count - 1);
	while (collection->slots[slot] != NULL && collection->slots[slot] != &removed)
		slot = (slot + 1) & (collection->slot_count - 1);
	collection->slots[slot] = object;
}

/* Makes the index when there is none, or it is over half full. */
static void collection_reindex(struct collection *collection)
{
	size_t need = 16;
	while (need < collection->count * 2 + 2)
		need *= 2;
	collection_done(collection);
	collection->slots = memory_alloc(need * sizeof(struct object *));
	collection->slot_count = need;
	for (size_t i = 0; i < collection->count; i++)
		collection_index(collection, collection->items[i]);
	collection->filled = collection->count;
}

struct object *collection_find(struct collection *collection, const char *name)
{
	if (collection->count == 0)
		return NULL;
	if (collection->slots == NULL)
		collection_reindex(collection);
	size_t slot = name_hash(name) & (collection->slot_count - 1);
	for (; collection->slots[slot] != NULL; slot = (slot + 1) & (collection->slot_count - 1))
		if (collection->slots[slot] != &removed && ascii_equal(collection->slots[slot]->name, name))
			return collection->slots[slot];
	return NULL;
}

struct object *collection_find_guid(const struct collection *collection, const struct guid *guid)
{
	for (size_t i = 0; i < collection->count; i++)
		if (guid_equal(&collection->items[i]->guid, guid))
			return collection->items[i];
	return NULL;
}

static void collection_unindex(struct collection *collection, const struct object *object)
{
	if (collection->slots == NULL)
		return;
	size_t slot = name_hash(object->name) & (collection->slot_count - 1);
	for (; collection->slots[slot] != NULL; slot = (slot + 1) & (collection->slot_count - 1)) {
		if (collection->slots[slot] == object) {
			collection->slots[slot] = &removed;
			return;
		}
	}
}

/* A new object of `size` bytes, at the end of a collection. */
static void *collection_add(struct state *state, struct collection *collection, const char *name, size_t size)
{
	struct object *object = arena_alloc(state->arena, size);
	object->name = arena_text(state->arena, name);
	object->description = "";
	object->guid = guid_new();
	object->modified = time(NULL);
	object->changed = true;
	collection->items = arena_grow(state->arena, collection->items, collection->count, &collection->capacity,
				       sizeof(*collection->items));
	collection->items[collection->count++] = object;
	if (collection->slots != NULL) {
		/* Removed ones fill slots too: `filled` never sinks until the index is made anew. */
		if (++collection->filled * 2 > collection->slot_count)
			collection_reindex(collection);
		else
			collection_index(collection, object);
	}
	return object;
}

static void gone_add(struct state *state, enum object_kind kind, int64_t row)
{
	if (row == 0)
		return;
	state->gone = arena_grow(state->arena, state->gone, state->gone_count, &state->gone_capacity, sizeof(*state->gone));
	state->gone[state->gone_count++] = (struct gone){kind, row};
}

static void collection_remove(struct state *state, struct collection *collection, const struct object *object,
			      enum object_kind kind)
{
	size_t at = collection->count;
	while (at > 0 && collection->items[at - 1] != object)
		at--;
	if (at-- == 0)
		return;
	gone_add(state, kind, object->row);
	collection_unindex(collection, object);
	collection->count--;
	memmove(collection->items + at, collection->items + at + 1, (collection->count - at) * sizeof(*collection->items));
}

struct policy *location_add_policy(struct state *state, struct location *location, const char *name)
{
	struct policy *policy = collection_add(state, &location->policies, name, sizeof(*policy));
	policy->qmpermm = QMPERMM_DEFAULT;
	policy->mmlifetime = MMLIFETIME_DEFAULT;
	policy->pollinginterval = POLLINGINTERVAL_DEFAULT;
	policy->mmsecmethods = "";
	policy->defaultrule = (struct defaultrule){.activate = true, .qmsecmethods = ""};
	return policy;
}

struct filterlist *location_add_filterlist(struct state *state, struct location *location, const char *name)
{
	return collection_add(state, &location->filterlists, name, sizeof(struct filterlist));
}

struct filteraction *location_add_filteraction(struct state *state, struct location *location, const char *name)
{
	struct filteraction *action = collection_add(state, &location->filteractions, name, sizeof(*action));
	action->action = ACTION_NEGOTIATE;
	action->qmsecmethods = "";
	return action;
}

struct mmpolicy *location_add_mmpolicy(struct state *state, struct location *location, const char *name)
{
	struct mmpolicy *policy = collection_add(state, &location->mmpolicies, name, sizeof(*policy));
	policy->mmlifetime = MMLIFETIME_DEFAULT;
	policy->mmsecmethods = "";
	return policy;
}

struct qmpolicy *location_add_qmpolicy(struct state *state, struct location *location, const char *name)
{
	struct qmpolicy *policy = collection_add(state, &location->qmpolicies, name, sizeof(*policy));
	policy->qmsecmethods = "";
	return policy;
}

struct dynrule *location_add_dynrule(struct state *state, struct location *location)
{
	struct dynrule *rule = arena_alloc(state->arena, sizeof(*rule));
	rule->filter.mirrored = true;
	rule->filter.description = "";
	rule->actioninbound = rule->actionoutbound = ACTION_NEGOTIATE;
	rule->mmpolicy = "";
	rule->changed = true;
	location->dynrules = arena_grow(state->arena, location->dynrules, location->dynrule_count,
					&location->dynrule_capacity, sizeof(struct dynrule *));
	location->dynrules[location->dynrule_count++] = rule;
	return rule;
}

struct rule *policy_add_rule(struct state *state, struct policy *policy, const char *name,
			     struct filterlist *filterlist, struct filteraction *filteraction)
{
	struct rule *rule = collection_add(state, &policy->rules, name, sizeof(*rule));
	rule->policy = policy;
	rule->activate = true;
	rule_bind(rule, filterlist, filteraction);
	return rule;
}

struct filter *filterlist_add(struct state *state, struct filterlist *list, const struct filter *filter)
{
	list->filters = arena_grow(state->arena, list->filters, list->count, &list->capacity, sizeof(*list->filters));
	list->filters[list->count] = *filter;
	list->object.changed = true;
	return &list->filters[list->count++];
}

void rule_bind(struct rule *rule, struct filterlist *filterlist, struct filteraction *filteraction)
{
	if (rule->filterlist != NULL)
		rule->filterlist->users--;
	if (rule->filteraction != NULL)
		rule->filteraction->users--;
	rule->filterlist = filterlist;
	rule->filteraction = filteraction;
	if (filterlist != NULL)
		filterlist->users++;
	if (filteraction != NULL)
		filteraction->users++;
	rule->object.changed = true;
}

void policy_delete_rule(struct state *state, struct policy *policy, struct rule *rule)
{
	rule_bind(rule, NULL, NULL);
	collection_remove(state, &policy->rules, &rule->object, OBJECT_RULE);
}

void location_delete_policy(struct state *state, struct location *location, struct policy *policy)
{
	for (size_t i = policy->rules.count; i-- > 0;)
		policy_delete_rule(state, policy, (struct rule *)policy->rules.items[i]);
	collection_done(&policy->rules);
	collection_remove(state, &location->policies, &policy->object, OBJECT_POLICY);
}

int location_delete_filterlist(struct state *state, struct location *location, struct filterlist *list)
{
	if (list->users > 0)
		return ERROR_IN_USE;
	for (size_t i = 0; i < list->count; i++)
		gone_add(state, OBJECT_FILTER, list->filters[i].row);
	collection_remove(state, &location->filterlists, &list->object, OBJECT_FILTERLIST);
	return 0;
}

int location_delete_filteraction(struct state *state, struct location *location, struct filteraction *action)
{
	if (action->users > 0)
		return ERROR_IN_USE;
	collection_remove(state, &location->filteractions, &action->object, OBJECT_FILTERACTION);
	return 0;
}

void location_delete_mmpolicy(struct state *state, struct location *location, struct mmpolicy *policy)
{
	collection_remove(state, &location->mmpolicies, &policy->object, OBJECT_MMPOLICY);
}

void location_delete_qmpolicy(struct state *state, struct location *location, struct qmpolicy *policy)
{
	collection_remove(state, &location->qmpolicies, &policy->object, OBJECT_QMPOLICY);
}

void location_delete_dynrule(struct state *state, struct location *location, size_t index)
{
	gone_add(state, OBJECT_DYNRULE, location->dynrules[index]->filter.row);
	location->dynrule_count--;
	memmove(location->dynrules + index, location->dynrules + index + 1,
		(location->dynrule_count - index) * sizeof(*location->dynrules));
}

void filterlist_delete(struct state *state, struct filterlist *list, size_t index)
{
	gone_add(state, OBJECT_FILTER, list->filters[index].row);
	list->count--;
	memmove(list->filters + index, list->filters + index + 1, (list->count - index) * sizeof(*list->filters));
	list->object.changed = true;
}

/* From the end, so that nothing is moved. */
void location_delete_all(struct state *state, struct location *location)
{
	for (size_t i = location->policies.count; i-- > 0;)
		location_delete_policy(state, location, (struct policy *)location->policies.items[i]);
	for (size_t i = location->filterlists.count; i-- > 0;)
		(void)location_delete_filterlist(state, location, (struct filterlist *)location->filterlists.items[i]);
	for (size_t i = location->filteractions.count; i-- > 0;)
		(void)location_delete_filteraction(state, location,
						   (struct filteraction *)location->filteractions.items[i]);
	for (size_t i = location->mmpolicies.count; i-- > 0;)
		location_delete_mmpolicy(state, location, (struct mmpolicy *)location->mmpolicies.items[i]);
	for (size_t i = location->qmpolicies.count; i-- > 0;)
		location_delete_qmpolicy(state, location, (struct qmpolicy *)location->qmpolicies.items[i]);
	for (size_t i = location->dynrule_count; i-- > 0;)
		location_delete_dynrule(state, location, i);
}

void collection_rename(struct state *state, struct collection *collection, struct object *object, const char *name)
{
	object->name = arena_text(state->arena, name);
	object->changed = true;
	collection_done(collection);
}

struct policy *location_assigned(const struct location *location)
{
	for (size_t i = 0; i < location->policies.count; i++) {
		struct policy *policy = (struct policy *)location->policies.items[i];
		if (policy->assigned)
			return policy;
	}
	return NULL;
}

void policy_unassign(struct policy *policy)
{
	policy->object.changed |= policy->assigned;
	policy->assigned = false;
}

struct policy *location_assign(struct location *location, struct policy *policy)
{
	struct policy *before = location_assigned(location);
	if (before == policy)
		return NULL;
	if (before != NULL)
		policy_unassign(before);
	policy->assigned = true;
	policy->object.changed = true;
	return before;
}

bool state_assigned(const struct state *state)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		if (location_assigned(&state->locations[i]) != NULL || state->locations[i].dynrule_count > 0)
			return true;
	return false;
}
