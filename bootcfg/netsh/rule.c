/* add, set and delete rule, in a policy. */
#include <string.h>

#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/error.h"

static const char kind[] = "rule";

static struct policy *rule_policy(struct call *call)
{
	return (struct policy *)call_find(call, &call_location(call)->policies, "policy", TAG_POLICY);
}

/* By name, or by its number in its policy. */
static struct rule *rule_find(struct call *call, struct policy *policy)
{
	if (!call_given(call, TAG_ID))
		return (struct rule *)call_find(call, &policy->rules, kind, TAG_NAME);
	uint32_t id = call_number(call, TAG_ID, 0);
	if (id <= policy->rules.count)
		return (struct rule *)policy->rules.items[id - 1];
	diag_error(call->session->diag, call_place(call, TAG_ID), "there is no rule %u in the policy %s: it has %zu", id,
		   QUOTE(policy->object.name), policy->rules.count);
	return NULL;
}

static void rule_fill(struct call *call, struct rule *rule)
{
	rule->tunnel = call_text(call, TAG_TUNNEL, rule->tunnel);
	rule->conntype = (enum conntype)call_number(call, TAG_CONNTYPE, rule->conntype);
	rule->activate = call_flag(call, TAG_ACTIVATE, rule->activate);
	if (call->auth_count > 0)
		rule->auths = call_auths(call);
}

/* The list and the action that the tags name; those of `rule` (may be NULL) where a tag is not given. */
static int rule_parts(struct call *call, const struct rule *rule, struct filterlist **ret_list, struct filteraction **ret_action)
{
	struct location *location = call_location(call);
	struct filterlist *list = rule != NULL ? rule->filterlist : NULL;
	struct filteraction *action = rule != NULL ? rule->filteraction : NULL;
	if (call_given(call, TAG_FILTERLIST))
		list = (struct filterlist *)call_find(call, &location->filterlists, "filter list", TAG_FILTERLIST);
	if (list != NULL && call_given(call, TAG_FILTERACTION))
		action = (struct filteraction *)call_find(call, &location->filteractions, "filter action", TAG_FILTERACTION);
	if (list == NULL || action == NULL)
		return ERROR_NOT_FOUND;
	*ret_list = list;
	*ret_action = action;
	return 0;
}

int netsh_add_rule(struct call *call)
{
	struct policy *policy = rule_policy(call);
	struct filterlist *list;
	struct filteraction *action;
	if (policy == NULL)
		return ERROR_NOT_FOUND;
	int error = rule_parts(call, NULL, &list, &action);
	if (error < 0)
		return error;
	if (collection_find(&policy->rules, call_name(call, TAG_NAME)) != NULL) {
		diag_error(call->session->diag, call_place(call, TAG_NAME), "the policy %s has a rule %s already: give it a name of its own",
			   QUOTE(policy->object.name), QUOTE(call_name(call, TAG_NAME)));
		return ERROR_EXISTS;
	}
	struct rule *rule = policy_add_rule(call->session->state, policy, call_name(call, TAG_NAME), list, action);
	rule->object.description = call_text(call, TAG_DESCRIPTION, "");
	rule_fill(call, rule);
	object_touch(call, &policy->object);
	return 0;
}

int netsh_set_rule(struct call *call)
{
	struct policy *policy = rule_policy(call);
	struct rule *rule = policy != NULL ? rule_find(call, policy) : NULL;
	struct filterlist *list;
	struct filteraction *action;
	if (rule == NULL)
		return ERROR_NOT_FOUND;
	int error = rule_parts(call, rule, &list, &action);
	if (error == 0)
		error = call_rename(call, &policy->rules, &rule->object, kind, "");
	if (error < 0)
		return error;
	if (list != rule->filterlist || action != rule->filteraction)
		rule_bind(rule, list, action);
	rule_fill(call, rule);
	object_touch(call, &policy->object);
	return 0;
}

int netsh_delete_rule(struct call *call)
{
	struct policy *policy = rule_policy(call);
	struct state *state = call->session->state;
	if (policy == NULL)
		return ERROR_NOT_FOUND;
	if (call_given(call, TAG_ALL)) {
		for (size_t i = policy->rules.count; i-- > 0;)
			policy_delete_rule(state, policy, (struct rule *)policy->rules.items[i]);
	} else {
		struct rule *rule = rule_find(call, policy);
		if (rule == NULL)
			return ERROR_NOT_FOUND;
		policy_delete_rule(state, policy, rule);
	}
	object_touch(call, &policy->object);
	return 0;
}
