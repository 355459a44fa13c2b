/* How two states differ, in filters and settings. */
#include <criterion/criterion.h>
#include <string.h>

#include "apps/changes.h"
#include "core/base/error.h"

struct row {
	const char *rule, *list, *src, *dst;
	enum action action;
	uint16_t port;
};

/* A state with one assigned policy; rows with one rule name share it. */
static struct state *state_of(const char *name, const struct row *rows, size_t count)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, name);
	for (size_t i = 0; i < count; i++) {
		const struct row *row = &rows[i];
		struct filterlist *list = (struct filterlist *)collection_find(&location->filterlists, row->list);
		if (list == NULL)
			list = location_add_filterlist(state, location, row->list);
		struct filter filter = {.protocol = PROTOCOL_TCP, .dstport = row->port, .mirrored = true, .description = ""};
		cr_assert(address_parse(row->src, strlen(row->src), &filter.src));
		cr_assert(address_parse(row->dst, strlen(row->dst), &filter.dst));
		filterlist_add(state, list, &filter);
		if (collection_find(&policy->rules, row->rule) != NULL)
			continue;
		struct filteraction *action = location_add_filteraction(state, location, row->rule);
		action->action = row->action;
		policy_add_rule(state, policy, row->rule, list, action);
	}
	location_assign(location, policy);
	return state;
}

static const struct row old_rows[] = {
	{"web", "web", "any", "me", ACTION_PERMIT, 80},
	{"web", "web", "any", "me", ACTION_PERMIT, 443},
	{"ftp", "ftp", "10.0.0.0/8", "me", ACTION_PERMIT, 21},
	{"all", "all", "any", "me", ACTION_BLOCK, 0},
};
static const struct row new_rows[] = {
	{"all", "all", "any", "me", ACTION_BLOCK, 0},
	{"web", "web", "any", "me", ACTION_PERMIT, 443},
	{"http", "http", "any", "me", ACTION_BLOCK, 80},
	{"rdp", "rdp", "10.0.0.0/8", "me", ACTION_PERMIT, 3389},
};

static void counts_expect(const struct changes *changes, size_t added, size_t removed, size_t changed, size_t same)
{
	cr_expect_eq(changes->added, added, "added %zu", changes->added);
	cr_expect_eq(changes->removed, removed, "removed %zu", changes->removed);
	cr_expect_eq(changes->changed, changed, "changed %zu", changes->changed);
	cr_expect_eq(changes->same, same, "same %zu", changes->same);
}

Test(changes, tells_added_removed_changed_and_same)
{
	struct state *before = state_of("p", old_rows, ARRAY_LENGTH(old_rows));
	struct state *after = state_of("p", new_rows, ARRAY_LENGTH(new_rows));
	cr_assert_eq(config_set(&after->config, PROPERTY_IPSECEXEMPT, "0", 1, NULL, NULL), 0);
	struct changes *changes = changes_new(before, after);
	state_free(before);
	state_free(after);
	counts_expect(changes, 1, 1, 1, 2);
	cr_assert_eq(changes->property_count, 1);
	cr_expect_str_eq(changes->properties[0].before, "3");
	cr_expect_str_eq(changes->properties[0].after, "0");
	struct buffer text;
	buffer_init(&text, 65536);
	changes_print(changes, 0, &text);
	static const char *const lines[] = {"- permit ", "~ block ", "was permit  was in rule \"web\"", "+ permit ", "~ ipsecexempt 0  was 3",
					    "1 filters added, 1 removed, 1 changed, 2 unchanged\n"};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		cr_expect(strstr(buffer_text(&text), lines[i]) != NULL, "lacks %s in\n%s", lines[i], buffer_text(&text));
	buffer_clear(&text);
	changes_print(changes, 1, &text);
	cr_expect(strstr(buffer_text(&text), "and 2 more") != NULL, "%s", buffer_text(&text));
	buffer_done(&text);
	changes_free(changes);
}

Test(changes, nothing_in_force_adds_everything)
{
	struct state *after = state_of("p", new_rows, ARRAY_LENGTH(new_rows));
	struct changes *changes = changes_new(NULL, after);
	counts_expect(changes, ARRAY_LENGTH(new_rows), 0, 0, 0);
	changes_free(changes);
	changes = changes_new(after, after);
	counts_expect(changes, 0, 0, 0, ARRAY_LENGTH(new_rows));
	changes_free(changes);
	state_free(after);
}

Test(changes, what_is_not_assigned_or_not_active_does_not_count)
{
	struct state *after = state_of("p", new_rows, ARRAY_LENGTH(new_rows));
	struct policy *policy = location_assigned(&after->locations[LOCATION_LOCAL]);
	((struct rule *)policy->rules.items[0])->activate = false;
	struct changes *changes = changes_new(NULL, after);
	counts_expect(changes, ARRAY_LENGTH(new_rows) - 1, 0, 0, 0);
	changes_free(changes);
	policy_unassign(policy);
	changes = changes_new(NULL, after);
	counts_expect(changes, 0, 0, 0, 0);
	changes_free(changes);
	state_free(after);
}

/* The same filter three times before and twice after: one is gone, whatever pairs with what. */
Test(changes, doubles_pair_one_to_one)
{
	static const struct row rows[] = {
		{"a", "a", "any", "me", ACTION_PERMIT, 80}, {"b", "b", "any", "me", ACTION_BLOCK, 80}, {"c", "c", "any", "me", ACTION_PERMIT, 80},
	};
	struct state *before = state_of("p", rows, 3), *after = state_of("p", rows + 1, 2);
	struct changes *changes = changes_new(before, after);
	counts_expect(changes, 0, 1, 0, 2);
	changes_free(changes);
	changes = changes_new(after, before);
	counts_expect(changes, 1, 0, 0, 2);
	changes_free(changes);
	state_free(before);
	state_free(after);
}
