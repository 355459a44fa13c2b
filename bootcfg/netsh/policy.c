/* add, set and delete policy; set defaultrule, which is part of one. */
#include "core/policy/policy.h"

#include <string.h>

#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/session.h"
#include "core/base/error.h"

static const char kind[] = "policy";

static void policy_fill(struct call *call, struct policy *policy)
{
	policy->mmpfs = call_flag(call, TAG_MMPFS, policy->mmpfs);
	policy->qmpermm = call_number(call, TAG_QMPERMM, policy->qmpermm);
	policy->mmlifetime = call_number(call, TAG_MMLIFETIME, policy->mmlifetime);
	policy->defaultrule.activate = call_flag(call, TAG_ACTIVATEDEFAULTRULE, policy->defaultrule.activate);
	policy->pollinginterval = call_number(call, TAG_POLLINGINTERVAL, policy->pollinginterval);
	policy->mmsecmethods = call_methods(call, TAG_MMSECMETHODS, policy->mmsecmethods);
}

static void policy_assign(struct call *call, struct policy *policy)
{
	if (!call_given(call, TAG_ASSIGN))
		return;
	if (!call_flag(call, TAG_ASSIGN, false)) {
		policy_unassign(policy);
		return;
	}
	struct policy *before = location_assign(call_location(call), policy);
	if (before == NULL)
		return;
	object_touch(call, &before->object);
	diag_note(call->session->diag, call_place(call, TAG_ASSIGN),
		  "the policy %s was assigned until now: one policy of a store is assigned at a time", QUOTE(before->object.name));
}

int netsh_add_policy(struct call *call)
{
	struct location *location = call_location(call);
	if (!call_free(call, &location->policies, kind, TAG_NAME, NULL, ""))
		return ERROR_EXISTS;
	struct policy *policy = location_add_policy(call->session->state, location, call_name(call, TAG_NAME));
	policy->object.description = call_text(call, TAG_DESCRIPTION, "");
	policy_fill(call, policy);
	policy_assign(call, policy);
	return 0;
}

int netsh_check_set_policy(struct call *call)
{
	if (!call_given(call, TAG_GPONAME))
		return 0;
	diag_error(call->session->diag, call_place(call, TAG_GPONAME),
		   "gponame assigns a policy of a domain; there are no domain policies here: leave it out");
	return ERROR_INPUT;
}

int netsh_set_policy(struct call *call)
{
	struct collection *policies = &call_location(call)->policies;
	struct object *object = call_find_any(call, policies, kind);
	if (object == NULL)
		return ERROR_NOT_FOUND;
	int error = call_rename(call, policies, object, kind, "");
	if (error < 0)
		return error;
	policy_fill(call, (struct policy *)object);
	policy_assign(call, (struct policy *)object);
	return 0;
}

int netsh_set_defaultrule(struct call *call)
{
	struct policy *policy = (struct policy *)call_find(call, &call_location(call)->policies, kind, TAG_POLICY);
	if (policy == NULL)
		return ERROR_NOT_FOUND;
	struct defaultrule *rule = &policy->defaultrule;
	rule->activate = call_flag(call, TAG_ACTIVATE, rule->activate);
	rule->qmpfs = call_flag(call, TAG_QMPFS, rule->qmpfs);
	rule->qmsecmethods = call_methods(call, TAG_QMSECMETHODS, rule->qmsecmethods);
	if (call->auth_count > 0)
		rule->auths = call_auths(call);
	object_touch(call, &policy->object);
	return 0;
}

int netsh_delete_policy(struct call *call)
{
	struct location *location = call_location(call);
	struct state *state = call->session->state;
	if (!call_given(call, TAG_ALL)) {
		struct object *policy = call_find(call, &location->policies, kind, TAG_NAME);
		if (policy == NULL)
			return ERROR_NOT_FOUND;
		location_delete_policy(state, location, (struct policy *)policy);
		return 0;
	}
	for (size_t i = location->policies.count; i-- > 0;)
		location_delete_policy(state, location, (struct policy *)location->policies.items[i]);
	return 0;
}
