/* The dynamic context: main-mode and quick-mode policies, and rules with an action for each direction. */
#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/filterspec.h"
#include "bootcfg/netsh/handlers.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const char mm_kind[] = "main-mode policy", qm_kind[] = "quick-mode policy";

static struct location *dynamic_location(struct call *call)
{
	return &call->session->state->locations[LOCATION_DYNAMIC];
}

/* The static commands can work in the dynamic store too; messages of this context always name it. */
static struct object *dynamic_find(struct call *call, struct collection *collection, const char *kind, enum tag_id id)
{
	enum location_id location = call->session->location;
	call->session->location = LOCATION_DYNAMIC;
	struct object *object = call_find(call, collection, kind, id);
	call->session->location = location;
	return object;
}

static bool dynamic_free(struct call *call, struct collection *collection, const char *kind)
{
	enum location_id location = call->session->location;
	call->session->location = LOCATION_DYNAMIC;
	bool is_free = call_free(call, collection, kind, TAG_NAME, NULL, "");
	call->session->location = location;
	return is_free;
}

int netsh_dynamic_delete_all(struct call *call)
{
	struct state *state = call->session->state;
	struct location *location = dynamic_location(call);
	for (size_t i = location->dynrule_count; i-- > 0;)
		location_delete_dynrule(state, location, i);
	for (size_t i = location->mmpolicies.count; i-- > 0;)
		location_delete_mmpolicy(state, location, (struct mmpolicy *)location->mmpolicies.items[i]);
	for (size_t i = location->qmpolicies.count; i-- > 0;)
		location_delete_qmpolicy(state, location, (struct qmpolicy *)location->qmpolicies.items[i]);
	return 0;
}

static void mmpolicy_fill(struct call *call, struct mmpolicy *policy)
{
	policy->qmpermm = call_number(call, TAG_QMPERMM, policy->qmpermm);
	policy->mmlifetime = call_number(call, TAG_MMLIFETIME, policy->mmlifetime);
	policy->softsaexpirationtime = call_number(call, TAG_SOFTSAEXPIRATIONTIME, policy->softsaexpirationtime);
	policy->mmsecmethods = call_methods(call, TAG_MMSECMETHODS, policy->mmsecmethods);
}

int netsh_add_mmpolicy(struct call *call)
{
	struct location *location = dynamic_location(call);
	if (!dynamic_free(call, &location->mmpolicies, mm_kind))
		return ERROR_EXISTS;
	mmpolicy_fill(call, location_add_mmpolicy(call->session->state, location, call_name(call, TAG_NAME)));
	return 0;
}

int netsh_set_mmpolicy(struct call *call)
{
	struct object *policy = dynamic_find(call, &dynamic_location(call)->mmpolicies, mm_kind, TAG_NAME);
	if (policy == NULL)
		return ERROR_NOT_FOUND;
	mmpolicy_fill(call, (struct mmpolicy *)policy);
	object_touch(call, policy);
	return 0;
}

static void qmpolicy_fill(struct call *call, struct qmpolicy *policy)
{
	policy->soft = call_flag(call, TAG_SOFT, policy->soft);
	policy->pfsgroup = (enum pfsgroup)call_number(call, TAG_PFSGROUP, policy->pfsgroup);
	policy->qmsecmethods = call_methods(call, TAG_QMSECMETHODS, policy->qmsecmethods);
}

int netsh_add_qmpolicy(struct call *call)
{
	struct location *location = dynamic_location(call);
	if (!dynamic_free(call, &location->qmpolicies, qm_kind))
		return ERROR_EXISTS;
	qmpolicy_fill(call, location_add_qmpolicy(call->session->state, location, call_name(call, TAG_NAME)));
	return 0;
}

int netsh_set_qmpolicy(struct call *call)
{
	struct object *policy = dynamic_find(call, &dynamic_location(call)->qmpolicies, qm_kind, TAG_NAME);
	if (policy == NULL)
		return ERROR_NOT_FOUND;
	qmpolicy_fill(call, (struct qmpolicy *)policy);
	object_touch(call, policy);
	return 0;
}

/* Whether a rule names this policy; main mode and quick mode have names of their own. */
static bool policy_used(const struct location *location, const char *name, bool main_mode)
{
	for (size_t i = 0; i < location->dynrule_count; i++) {
		const char *used = main_mode ? location->dynrules[i]->mmpolicy : location->dynrules[i]->qmpolicy;
		if (used != NULL && ascii_equal(used, name))
			return true;
	}
	return false;
}

/* The policies that `name=` or `all` selects; refused when a rule needs one of them. */
static int policies_select(struct call *call, struct collection *policies, bool main_mode, size_t *ret_first, size_t *ret_last)
{
	const struct location *location = dynamic_location(call);
	const char *kind = main_mode ? mm_kind : qm_kind;
	size_t first = 0, last = policies->count;
	if (!call_given(call, TAG_ALL)) {
		const struct object *policy = dynamic_find(call, policies, kind, TAG_NAME);
		if (policy == NULL)
			return ERROR_NOT_FOUND;
		while (policies->items[first] != policy)
			first++;
		last = first + 1;
	}
	for (size_t i = first; i < last; i++)
		if (policy_used(location, policies->items[i]->name, main_mode))
			return call_in_use(call, kind, policies->items[i]);
	*ret_first = first;
	*ret_last = last;
	return 0;
}

int netsh_delete_mmpolicy(struct call *call)
{
	struct location *location = dynamic_location(call);
	size_t first, last;
	int error = policies_select(call, &location->mmpolicies, true, &first, &last);
	while (error == 0 && last-- > first)
		location_delete_mmpolicy(call->session->state, location, (struct mmpolicy *)location->mmpolicies.items[last]);
	return error;
}

int netsh_delete_qmpolicy(struct call *call)
{
	struct location *location = dynamic_location(call);
	size_t first, last;
	int error = policies_select(call, &location->qmpolicies, false, &first, &last);
	while (error == 0 && last-- > first)
		location_delete_qmpolicy(call->session->state, location, (struct qmpolicy *)location->qmpolicies.items[last]);
	return error;
}

int netsh_check_dynrule(struct call *call)
{
	return filterspec_check(call);
}

int netsh_check_add_dynrule(struct call *call)
{
	return filterspec_check(call);
}

static void dynrule_fill(struct call *call, struct dynrule *rule)
{
	rule->mmpolicy = call_text(call, TAG_MMPOLICY, rule->mmpolicy);
	rule->qmpolicy = call_text(call, TAG_QMPOLICY, rule->qmpolicy);
	rule->tunnel = call_text(call, TAG_TUNNELDSTADDRESS, rule->tunnel);
	rule->conntype = (enum conntype)call_number(call, TAG_CONNTYPE, rule->conntype);
	rule->actioninbound = (enum action)call_number(call, TAG_ACTIONINBOUND, rule->actioninbound);
	rule->actionoutbound = (enum action)call_number(call, TAG_ACTIONOUTBOUND, rule->actionoutbound);
	if (call->auth_count > 0)
		rule->auths = call_auths(call);
	rule->changed = true;
}

/* The policies that a rule names must be there. */
static int dynrule_policies(struct call *call)
{
	struct location *location = dynamic_location(call);
	if (call_given(call, TAG_MMPOLICY) && dynamic_find(call, &location->mmpolicies, mm_kind, TAG_MMPOLICY) == NULL)
		return ERROR_NOT_FOUND;
	if (call_given(call, TAG_QMPOLICY) && dynamic_find(call, &location->qmpolicies, qm_kind, TAG_QMPOLICY) == NULL)
		return ERROR_NOT_FOUND;
	return 0;
}

static int dynrule_append(struct call *call, const struct filter *filter, void *context)
{
	struct dynrule *rule = location_add_dynrule(call->session->state, context);
	rule->filter = *filter;
	dynrule_fill(call, rule);
	return 0;
}

int netsh_add_dynrule(struct call *call)
{
	int error = dynrule_policies(call);
	return error < 0 ? error : filterspec_each(call, dynrule_append, dynamic_location(call));
}

bool dynrule_matches(const struct call *call, const struct dynrule *rule)
{
	const struct value *tunnel = call_value(call, TAG_TUNNELDSTADDRESS);
	return filterspec_matches(call, &rule->filter) &&
	       (!call_given(call, TAG_CONNTYPE) || rule->conntype == (enum conntype)call_number(call, TAG_CONNTYPE, 0)) &&
	       (tunnel == NULL || (rule->tunnel != NULL && ascii_equal_n(tunnel->text, tunnel->length, rule->tunnel)));
}

static int no_dynrule(struct call *call)
{
	diag_error(call->session->diag, session_at(call->session, call->span), "no dynamic rule matches these tags");
	return ERROR_NOT_FOUND;
}

int netsh_set_dynrule(struct call *call)
{
	struct location *location = dynamic_location(call);
	int error = dynrule_policies(call);
	if (error < 0)
		return error;
	size_t count = 0;
	for (size_t i = 0; i < location->dynrule_count; i++) {
		if (!dynrule_matches(call, location->dynrules[i]))
			continue;
		dynrule_fill(call, location->dynrules[i]);
		count++;
	}
	return count > 0 ? 0 : no_dynrule(call);
}

int netsh_delete_dynrule(struct call *call)
{
	struct location *location = dynamic_location(call);
	/* Those that go are brought to the end first, as with filters. */
	struct dynrule **going = memory_alloc((location->dynrule_count + 1) * sizeof(struct dynrule *));
	size_t stay = 0, gone = 0;
	for (size_t i = 0; i < location->dynrule_count; i++) {
		if (dynrule_matches(call, location->dynrules[i]))
			going[gone++] = location->dynrules[i];
		else
			location->dynrules[stay++] = location->dynrules[i];
	}
	if (gone > 0)
		memcpy(location->dynrules + stay, going, gone * sizeof(struct dynrule *));
	free(going);
	if (gone == 0)
		return no_dynrule(call);
	while (gone-- > 0)
		location_delete_dynrule(call->session->state, location, location->dynrule_count - 1);
	return 0;
}
