/* A rule table: any bytes as CSV; what is accepted are filters that are right, what is not has changed nothing. */
#include <string.h>

#include "bootcfg/contain/ruletable.h"
#include "core/base/memory.h"
#include "tests/fuzz/fuzz.h"

/* Names that start with n do not resolve; all others have one address of each family. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	(void)context;
	if (name[0] == 'n') {
		diag_error(diag, place, "the name %s does not resolve", QUOTE(name));
		return -1;
	}
	list->items = memory_alloc(2 * sizeof(*list->items));
	list->items[0] = (struct ip){.family = FAMILY_IPV4, .bytes = {192, 0, 2, 4}};
	list->items[1] = (struct ip){.family = FAMILY_IPV6, .bytes = {0x20, 1, 0xd, 0xb8}};
	list->count = list->capacity = 2;
	return 0;
}

static void policy_check(const struct policy *policy)
{
	FUZZ_ASSERT(policy->rules.count > 0 && policy->rules.count <= 2);
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		FUZZ_ASSERT(rule->filterlist->count > 0);
		for (size_t j = 0; j < rule->filterlist->count; j++) {
			const struct filter *filter = &rule->filterlist->filters[j];
			FUZZ_ASSERT(filter_check(filter) == NULL);
			FUZZ_ASSERT(filter->line > 1);
			FUZZ_ASSERT(filter->replies == (filter->mirrored && rule->filteraction->action == ACTION_PERMIT));
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct state *state = state_new();
	struct policy *policy = location_add_policy(state, &state->locations[LOCATION_LOCAL], "quarantine");
	struct diag diag;
	diag_init(&diag);
	int error = ruletable_read((const char *)bytes, length, "rules.csv", state, policy, resolve, NULL, &diag);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	FUZZ_ASSERT(diag.errors <= RULETABLE_ERRORS + 10);
	if (error == 0) {
		policy_check(policy);
	} else {
		FUZZ_ASSERT(policy->rules.count == 0);
		FUZZ_ASSERT(diag.messages[0].line > 0 && diag.messages[0].column > 0);
	}
	diag_done(&diag);
	state_free(state);
	return 0;
}
