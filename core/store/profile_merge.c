/* What a profile says into the state.  What is there already and is the same stays as it is, so that loading a
 * profile again changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/store/profile_internal.h"

static bool text_equal(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool filters_equal(const struct filterlist *a, const struct filterlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct filter *left = &a->filters[i], *right = &b->filters[i];
		if (!filter_equal(left, right) || !text_equal(left->description, right->description) ||
		    !text_equal(left->src.name, right->src.name) || !text_equal(left->dst.name, right->dst.name))
			return false;
	}
	return true;
}

static bool action_equal(const struct filteraction *a, const struct filteraction *b)
{
	return a->action == b->action && a->qmpfs == b->qmpfs && a->inpass == b->inpass && a->soft == b->soft &&
	       text_equal(a->qmsecmethods, b->qmsecmethods);
}

static bool auths_equal(const struct authlist *a, const struct authlist *b)
{
	if (a->count != b->count)
		return false;
	for (size_t i = 0; i < a->count; i++) {
		const struct auth *left = &a->items[i], *right = &b->items[i];
		if (left->kind != right->kind || !text_equal(left->value, right->value) || left->certmap != right->certmap ||
		    left->excludecaname != right->excludecaname)
			return false;
	}
	return true;
}

static bool rule_equal(const struct rule *a, const struct rule *b)
{
	return text_equal(a->object.name, b->object.name) && text_equal(a->object.description, b->object.description) &&
	       ascii_equal(a->filterlist->object.name, b->filterlist->object.name) &&
	       ascii_equal(a->filteraction->object.name, b->filteraction->object.name) && text_equal(a->tunnel, b->tunnel) &&
	       a->conntype == b->conntype && a->activate == b->activate && auths_equal(&a->auths, &b->auths);
}

static bool rules_equal(const struct policy *a, const struct policy *b)
{
	if (a->rules.count != b->rules.count)
		return false;
	for (size_t i = 0; i < a->rules.count; i++)
		if (!rule_equal((const struct rule *)a->rules.items[i], (const struct rule *)b->rules.items[i]))
			return false;
	return true;
}

static bool policy_equal(const struct policy *a, const struct policy *b)
{
	return text_equal(a->object.name, b->object.name) && text_equal(a->object.description, b->object.description) &&
	       a->mmpfs == b->mmpfs && a->qmpermm == b->qmpermm && a->mmlifetime == b->mmlifetime &&
	       a->pollinginterval == b->pollinginterval && text_equal(a->mmsecmethods, b->mmsecmethods) &&
	       a->defaultrule.activate == b->defaultrule.activate && a->defaultrule.qmpfs == b->defaultrule.qmpfs &&
	       text_equal(a->defaultrule.qmsecmethods, b->defaultrule.qmsecmethods) &&
	       auths_equal(&a->defaultrule.auths, &b->defaultrule.auths);
}

struct merge {
	struct loader *loader;
	struct state *state;
	struct location *location;
	struct policy *policy; /* that is replaced, or NULL */
	const char *last;      /* text copied last, and its copy: files and descriptions come many times */
	const char *last_copy;
};

static const char *text_copy(struct merge *merge, const char *text)
{
	if (text == NULL || *text == '\0')
		return text == NULL ? NULL : "";
	if (merge->last == NULL || strcmp(merge->last, text) != 0) {
		merge->last = text;
		merge->last_copy = arena_text(merge->state->arena, text);
	}
	return merge->last_copy;
}

static struct authlist auths_copy(struct merge *merge, const struct authlist *from)
{
	struct authlist list = {.count = from->count};
	if (from->count > 0)
		list.items = arena_alloc(merge->state->arena, from->count * sizeof(*list.items));
	for (size_t i = 0; i < from->count; i++) {
		list.items[i] = from->items[i];
		list.items[i].value = text_copy(merge, from->items[i].value);
	}
	return list;
}

/* Rules of other policies that refer to a list or action. */
static size_t other_users(const struct merge *merge, size_t users, const void *object)
{
	for (size_t i = 0; merge->policy != NULL && i < merge->policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)merge->policy->rules.items[i];
		users -= rule->filterlist == object || rule->filteraction == object;
	}
	return users;
}

/* A policy other than the one that is replaced that uses the object. */
static const char *other_user(const struct merge *merge, const void *object)
{
	for (size_t i = 0; i < merge->location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)merge->location->policies.items[i];
		for (size_t j = 0; policy != merge->policy && j < policy->rules.count; j++) {
			const struct rule *rule = (const struct rule *)policy->rules.items[j];
			if (rule->filterlist == object || rule->filteraction == object)
				return policy->object.name;
		}
	}
	return "";
}

/* The value in the document that has this name, for the place of a message. */
static const struct json *named_node(struct merge *merge, const struct json *list, const char *name)
{
	for (const struct json *child = list->child; child != NULL; child = child->next) {
		const char *text = variables_text(merge->loader, member_find(child, "name"));
		if (text != NULL && ascii_equal(text, name))
			return member_find(child, "name");
	}
	return list;
}

static int used_fail(struct merge *merge, const struct json *list, const struct object *object, const char *what)
{
	json_error(&merge->loader->document, named_node(merge, list, object->name), merge->loader->diag,
		   "the %s %s is used by the policy %s too, with other content: give it another name here, or change it there",
		   what, QUOTE(object->name), QUOTE(other_user(merge, object)));
	return ERROR_IN_USE;
}

static int list_merge(struct merge *merge, const struct filterlist *from)
{
	struct filterlist *list =
		(struct filterlist *)collection_find(&merge->location->filterlists, from->object.name);
	bool fresh = list == NULL;
	/* What another policy uses and has the same content is shared, and keeps its description. */
	if (!fresh && filters_equal(list, from) &&
	    (other_users(merge, list->users, list) > 0 || text_equal(list->object.description, from->object.description)))
		return 0;
	if (fresh) {
		list = location_add_filterlist(merge->state, merge->location, from->object.name);
	} else if (other_users(merge, list->users, list) > 0) {
		return used_fail(merge, merge->loader->lists, &list->object, "filter list");
	} else if (list->users == 0) {
		diag_note(merge->loader->diag, NULL, "the filter list %s, which no rule used, is replaced", QUOTE(list->object.name));
	}
	list->object.description = text_copy(merge, from->object.description);
	list->object.modified = from->object.modified;
	list->object.changed = true;
	if (!fresh && filters_equal(list, from))
		return 0;
	while (list->count > 0)
		filterlist_delete(merge->state, list, list->count - 1);
	for (size_t i = 0; i < from->count; i++) {
		struct filter filter = from->filters[i];
		filter.description = text_copy(merge, filter.description);
		filter.src.name = text_copy(merge, filter.src.name);
		filter.dst.name = text_copy(merge, filter.dst.name);
		filter.file = NULL;
		filterlist_add(merge->state, list, &filter);
	}
	const char *file = text_copy(merge, merge->loader->document.file);
	for (size_t i = 0; i < list->count; i++)
		list->filters[i].file = file;
	return 0;
}

static int action_merge(struct merge *merge, const struct filteraction *from)
{
	struct filteraction *action =
		(struct filteraction *)collection_find(&merge->location->filteractions, from->object.name);
	if (action == NULL) {
		action = location_add_filteraction(merge->state, merge->location, from->object.name);
	} else {
		bool shared = other_users(merge, action->users, action) > 0;
		if (action_equal(action, from) &&
		    (shared || text_equal(action->object.description, from->object.description)))
			return 0;
		if (shared)
			return used_fail(merge, merge->loader->actions, &action->object, "filter action");
		if (action->users == 0)
			diag_note(merge->loader->diag, NULL, "the filter action %s, which no rule used, is replaced",
				  QUOTE(action->object.name));
	}
	action->object.description = text_copy(merge, from->object.description);
	action->object.modified = from->object.modified;
	action->object.changed = true;
	action->action = from->action;
	action->qmpfs = from->qmpfs;
	action->inpass = from->inpass;
	action->soft = from->soft;
	action->qmsecmethods = text_copy(merge, from->qmsecmethods);
	return 0;
}

static void rule_merge(struct merge *merge, struct policy *policy, const struct rule *from)
{
	struct object *list = collection_find(&merge->location->filterlists, from->filterlist->object.name);
	struct object *action = collection_find(&merge->location->filteractions, from->filteraction->object.name);
	struct rule *rule = policy_add_rule(merge->state, policy, from->object.name, (struct filterlist *)list,
					    (struct filteraction *)action);
	rule->object.description = text_copy(merge, from->object.description);
	rule->tunnel = text_copy(merge, from->tunnel);
	rule->conntype = from->conntype;
	rule->activate = from->activate;
	rule->auths = auths_copy(merge, &from->auths);
}

/* What the old rules referred to and nothing refers to any more.  One that two rules shared comes twice: once
 * it is gone, `users` says so. */
static void unused_delete(struct merge *merge, struct filterlist **lists, struct filteraction **actions, size_t count)
{
	struct location *draft = merge->loader->location;
	for (size_t i = 0; i < count; i++) {
		struct filterlist *list = lists[i];
		if (list->users > 0 || collection_find(&draft->filterlists, list->object.name) != NULL)
			continue;
		(void)location_delete_filterlist(merge->state, merge->location, list);
		list->users = SIZE_MAX;
	}
	for (size_t i = 0; i < count; i++) {
		struct filteraction *action = actions[i];
		if (action->users > 0 || collection_find(&draft->filteractions, action->object.name) != NULL)
			continue;
		(void)location_delete_filteraction(merge->state, merge->location, action);
		action->users = SIZE_MAX;
	}
}

static void rules_merge(struct merge *merge, struct policy *policy, const struct policy *from)
{
	size_t count = policy->rules.count;
	struct arena *arena = merge->loader->draft->arena;
	if (count > 0 && rules_equal(policy, from))
		return;
	struct filterlist **lists = arena_alloc(arena, count * sizeof(struct filterlist *));
	struct filteraction **actions = arena_alloc(arena, count * sizeof(struct filteraction *));
	for (size_t i = count; i-- > 0;) {
		struct rule *rule = (struct rule *)policy->rules.items[i];
		lists[i] = rule->filterlist;
		actions[i] = rule->filteraction;
		policy_delete_rule(merge->state, policy, rule);
	}
	for (size_t i = 0; i < from->rules.count; i++)
		rule_merge(merge, policy, (const struct rule *)from->rules.items[i]);
	unused_delete(merge, lists, actions, count);
}

static struct policy *policy_merge(struct merge *merge, const struct policy *from)
{
	struct policy *policy = merge->policy;
	if (policy == NULL)
		policy = location_add_policy(merge->state, merge->location, from->object.name);
	else if (strcmp(policy->object.name, from->object.name) != 0)
		collection_rename(merge->state, &merge->location->policies, &policy->object, from->object.name);
	rules_merge(merge, policy, from);
	if (!policy_equal(policy, from)) {
		policy->object.description = text_copy(merge, from->object.description);
		policy->object.modified = from->object.modified;
		policy->object.changed = true;
		policy->mmpfs = from->mmpfs;
		policy->qmpermm = from->qmpermm;
		policy->mmlifetime = from->mmlifetime;
		policy->pollinginterval = from->pollinginterval;
		policy->mmsecmethods = text_copy(merge, from->mmsecmethods);
		policy->defaultrule = from->defaultrule;
		policy->defaultrule.qmsecmethods = text_copy(merge, from->defaultrule.qmsecmethods);
		policy->defaultrule.auths = auths_copy(merge, &from->defaultrule.auths);
	}
	if (from->assigned || merge->loader->options->assign)
		(void)location_assign(merge->location, policy);
	return policy;
}

/* Properties that the profile names; what that changes is said. */
static void config_merge(struct merge *merge)
{
	struct config *config = &merge->state->config;
	const struct config *from = &merge->loader->draft->config;
	struct buffer before, after;
	buffer_init(&before, 1 << 14);
	buffer_init(&after, 1 << 14);
	for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
		enum property_id id = (enum property_id)i;
		if (!from->set[id] || (config->set[id] && config_value_equal(config, from, id)))
			continue;
		bool same = config_value_equal(config, from, id);
		buffer_clear(&before);
		buffer_clear(&after);
		config_print(config, id, &before);
		config_print(from, id, &after);
		(void)config_set(config, id, buffer_text(&after), after.length, NULL, NULL);
		if (!same)
			diag_note(merge->loader->diag, NULL, "%s: %s -> %s", properties[id].name, buffer_text(&before),
				  buffer_text(&after));
	}
	buffer_done(&before);
	buffer_done(&after);
}

int profile_merge(struct loader *loader, struct state *state, struct policy **ret_policy)
{
	struct merge merge = {.loader = loader, .state = state, .location = &state->locations[loader->location->id]};
	const struct location *from = loader->location;
	int error = 0;
	merge.policy = (struct policy *)collection_find(&merge.location->policies, loader->policy->object.name);
	for (size_t i = 0; error == 0 && i < from->filterlists.count; i++)
		error = list_merge(&merge, (const struct filterlist *)from->filterlists.items[i]);
	for (size_t i = 0; error == 0 && i < from->filteractions.count; i++)
		error = action_merge(&merge, (const struct filteraction *)from->filteractions.items[i]);
	if (error < 0)
		return error;
	*ret_policy = policy_merge(&merge, loader->policy);
	config_merge(&merge);
	return 0;
}
