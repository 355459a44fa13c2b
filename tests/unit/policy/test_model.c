/* The model: names, defaults, who refers to whom, what may go and what is remembered of it. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/error.h"
#include "core/policy/policy.h"

Test(model, names_and_values_go_both_ways)
{
	enum action action;
	enum conntype conntype;
	enum pfsgroup group;
	enum location_id location;
	for (unsigned i = 0; i <= ACTION_PERMIT; i++)
		cr_expect(action_parse(action_name(i), strlen(action_name(i)), &action) && action == i);
	for (unsigned i = 0; i <= CONNTYPE_DIALUP; i++)
		cr_expect(conntype_parse(conntype_name(i), strlen(conntype_name(i)), &conntype) && conntype == i);
	for (unsigned i = 0; i <= PFSGROUP_GRPMM; i++)
		cr_expect(pfsgroup_parse(pfsgroup_name(i), strlen(pfsgroup_name(i)), &group) && group == i);
	for (unsigned i = 0; i < LOCATION_COUNT; i++)
		cr_expect(location_parse(location_name(i), strlen(location_name(i)), &location) && location == i);
	cr_expect(action_parse("PERMIT", 6, &action) && action == ACTION_PERMIT);
	cr_expect(!action_parse("permi", 5, &action) && !action_parse("", 0, &action));
	cr_expect(!location_parse("domain", 6, &location));
	cr_expect_lt(ACTION_BLOCK, ACTION_NEGOTIATE);
	cr_expect_lt(ACTION_NEGOTIATE, ACTION_PERMIT);
}

Test(model, new_objects_have_the_defaults_of_netsh)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "Policy");
	cr_expect_eq(policy->qmpermm, 0);
	cr_expect_eq(policy->mmlifetime, 480);
	cr_expect_eq(policy->pollinginterval, 180);
	cr_expect(!policy->assigned && !policy->mmpfs && policy->defaultrule.activate);
	cr_expect_str_eq(policy->mmsecmethods, "");
	struct filteraction *action = location_add_filteraction(state, location, "Action");
	cr_expect_eq(action->action, ACTION_NEGOTIATE);
	cr_expect(!action->qmpfs && !action->inpass && !action->soft);
	struct filterlist *list = location_add_filterlist(state, location, "List");
	struct rule *rule = policy_add_rule(state, policy, "Rule", list, action);
	cr_expect(rule->activate && rule->tunnel == NULL && rule->policy == policy);
	cr_expect_eq(rule->conntype, CONNTYPE_ALL);
	cr_expect(policy->object.changed && list->object.changed && rule->object.changed);
	cr_expect(!guid_equal(&policy->object.guid, &list->object.guid));
	cr_expect_gt(policy->object.modified, 0);
	struct dynrule *dynrule = location_add_dynrule(state, &state->locations[LOCATION_DYNAMIC]);
	cr_expect(dynrule->filter.mirrored && dynrule->changed);
	state_free(state);
	state_free(NULL);
}

Test(model, thousands_of_names_are_found_without_case)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	enum { COUNT = 3000 };
	char name[32];
	cr_expect_eq(collection_find(&location->filterlists, "x"), NULL);
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "List %u", i);
		cr_assert_eq(collection_find(&location->filterlists, name), NULL);
		(void)location_add_filterlist(state, location, name);
		snprintf(name, sizeof(name), "LIST %u", i);
		cr_assert(collection_find(&location->filterlists, name) != NULL, "%s", name);
	}
	/* Every third goes; a few are renamed. */
	for (unsigned i = 0; i < COUNT; i += 3) {
		snprintf(name, sizeof(name), "list %u", i);
		cr_assert_eq(location_delete_filterlist(state, location, (struct filterlist *)collection_find(&location->filterlists, name)), 0);
	}
	for (unsigned i = 0; i < COUNT; i++) {
		snprintf(name, sizeof(name), "liSt %u", i);
		cr_expect_eq(collection_find(&location->filterlists, name) == NULL, i % 3 == 0, "%s", name);
	}
	struct object *object = collection_find(&location->filterlists, "list 1");
	collection_rename(state, &location->filterlists, object, "Another");
	cr_expect_eq(collection_find(&location->filterlists, "list 1"), NULL);
	cr_expect_eq(collection_find(&location->filterlists, "ANOTHER"), object);
	cr_expect_eq(collection_find_guid(&location->filterlists, &object->guid), object);
	struct guid other = guid_new();
	cr_expect_eq(collection_find_guid(&location->filterlists, &other), NULL);
	cr_expect_eq(location->filterlists.count, COUNT - COUNT / 3);
	state_free(state);
}

Test(model, lists_and_actions_in_use_cannot_go)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "P");
	struct filterlist *list = location_add_filterlist(state, location, "L"), *second = location_add_filterlist(state, location, "M");
	struct filteraction *action = location_add_filteraction(state, location, "A");
	struct rule *rule = policy_add_rule(state, policy, "R", list, action);
	cr_expect_eq(location_delete_filterlist(state, location, list), ERROR_IN_USE);
	cr_expect_eq(location_delete_filteraction(state, location, action), ERROR_IN_USE);
	cr_expect_eq(location->filterlists.count, 2);
	rule_bind(rule, second, action);
	cr_expect_eq(list->users, 0);
	cr_expect_eq(second->users, 1);
	cr_expect_eq(action->users, 1);
	cr_expect_eq(location_delete_filterlist(state, location, list), 0);
	/* Deleting a policy deletes its rules; lists and actions stay. */
	location_delete_policy(state, location, policy);
	cr_expect_eq(location->policies.count, 0);
	cr_expect_eq(collection_find(&location->filterlists, "M"), &second->object);
	cr_expect_eq(second->users, 0);
	cr_expect_eq(location_delete_filterlist(state, location, second), 0);
	cr_expect_eq(location_delete_filteraction(state, location, action), 0);
	cr_expect_eq(state->gone_count, 0, "nothing was in the store");
	state_free(state);
}

Test(model, what_was_stored_and_goes_is_remembered)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "P");
	struct filterlist *list = location_add_filterlist(state, location, "L");
	struct filteraction *action = location_add_filteraction(state, location, "A");
	struct rule *rule = policy_add_rule(state, policy, "R", list, action);
	struct filter filter = {.description = "", .row = 5};
	for (unsigned i = 0; i < 3; i++) {
		filter.srcport = (uint16_t)i;
		filterlist_add(state, list, &filter)->row = 5 + i;
	}
	policy->object.row = 1;
	list->object.row = 2;
	action->object.row = 3;
	rule->object.row = 4;
	filterlist_delete(state, list, 1);
	cr_expect_eq(list->count, 2);
	cr_expect_eq(list->filters[1].row, 7);
	struct dynrule *dynrule = location_add_dynrule(state, &state->locations[LOCATION_DYNAMIC]);
	dynrule->filter.row = 8;
	location_delete_all(state, &state->locations[LOCATION_DYNAMIC]);
	location_delete_all(state, location);
	static const struct gone expected[] = {
		{OBJECT_FILTER, 6}, {OBJECT_DYNRULE, 8}, {OBJECT_RULE, 4}, {OBJECT_POLICY, 1},
		{OBJECT_FILTER, 5}, {OBJECT_FILTER, 7}, {OBJECT_FILTERLIST, 2}, {OBJECT_FILTERACTION, 3},
	};
	cr_assert_eq(state->gone_count, sizeof(expected) / sizeof(expected[0]));
	for (size_t i = 0; i < state->gone_count; i++)
		cr_expect(state->gone[i].kind == expected[i].kind && state->gone[i].row == expected[i].row, "%zu", i);
	cr_expect_eq(location->policies.count + location->filterlists.count + location->filteractions.count, 0);
	state_free(state);
}

Test(model, one_policy_is_assigned_per_location)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL], *other = &state->locations[LOCATION_PERSISTENT];
	struct policy *a = location_add_policy(state, location, "A"), *b = location_add_policy(state, location, "B");
	struct policy *c = location_add_policy(state, other, "C");
	cr_expect_eq(location_assigned(location), NULL);
	cr_expect_eq(location_assign(location, a), NULL);
	cr_expect_eq(location_assign(location, a), NULL, "again is no change");
	cr_expect_eq(location_assign(other, c), NULL);
	a->object.changed = b->object.changed = false;
	cr_expect_eq(location_assign(location, b), a);
	cr_expect(!a->assigned && b->assigned && c->assigned && a->object.changed && b->object.changed);
	policy_unassign(b);
	cr_expect_eq(location_assigned(location), NULL);
	state_free(state);
}
