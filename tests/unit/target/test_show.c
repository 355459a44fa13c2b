/* `show` as text and as JSON. */
#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/show.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "tests/unit/target/random_state.h"

TestSuite(show);

/* One of everything, the example of windows-ipsec.md 1.3 among it. */
static struct state *sample(void)
{
	static struct auth key = {AUTH_PSK, "s3cret", false, false};
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, local, "netbc");
	struct filterlist *list = location_add_filterlist(state, local, "block");
	struct filteraction *action = location_add_filteraction(state, local, "deny");
	struct filter filter = {.src = {.kind = ADDRESS_ANY}, .dst = {.kind = ADDRESS_ME}, .protocol = 6, .dstport = 445,
				.mirrored = true, .description = "445"};
	filterlist_add(state, list, &filter);
	action->action = ACTION_BLOCK;
	struct rule *rule = policy_add_rule(state, policy, "rule 1", list, action);
	rule->auths = (struct authlist){&key, 1};
	location_assign(local, policy);
	return state;
}

static const struct {
	const char *what, *name;
	const char *labels[16]; /* in this order, other fields may stand between */
} orders[] = {
	{"policy", "netbc", {"Policy Name", "Description", "Last Modified", "Assigned", "Master PFS", "Polling Interval", NULL}},
	{"filterlist", "block",
	 {"FilterList Name", "Description", "Store", "Last Modified", "GUID", "No. of Filters", "Filter(s)", "Description", "Mirrored",
	  "Source IP Address", "Source Mask", "Source DNS Name", "Destination IP Address", "Destination DNS Name", "Protocol", NULL}},
	{"filteraction", "deny", {"FilterAction Name", "Description", "Action", "QMPFS", NULL}},
	{"rule", "rule 1", {"Rule Name", "Policy Name", "Activated", "FilterList Name", "FilterAction Name", "Preshared Key", NULL}},
	{"config", NULL,
	 {"IPsec Configuration Parameters", "IPsecDiagnostics", "IKElogging", "StrongCRLCheck", "IPsecloginterval", "IPsecexempt",
	  "Boot Mode", "Boot Mode Exemptions", NULL}},
};

Test(show, fields_stand_in_the_order_of_netsh)
{
	struct state *state = sample();
	for (size_t i = 0; i < ARRAY_LENGTH(orders); i++) {
		const struct netsh_options options = {.location = LOCATION_LOCAL};
		struct buffer out;
		buffer_init(&out, 1 << 20);
		cr_assert_eq(netsh_show(state, LOCATION_LOCAL, orders[i].what, orders[i].name, &options, NULL, &out), 0);
		const char *at = buffer_text(&out);
		for (size_t l = 0; orders[i].labels[l] != NULL; l++) {
			const char *found = strstr(at, orders[i].labels[l]);
			cr_expect_not_null(found, "show %s: no %s after %zu labels:\n%s", orders[i].what, orders[i].labels[l], l,
					   buffer_text(&out));
			at = found != NULL ? found + strlen(orders[i].labels[l]) : at;
		}
		buffer_done(&out);
	}
	state_free(state);
}

Test(show, filter_values_are_those_of_netsh)
{
	static const char *const lines[] = {
		"Mirrored                : YES\n", "Source IP Address       : <Any IP Address>\n", "Source Mask             : 0.0.0.0\n",
		"Destination IP Address  : <My IP Address>\n", "Protocol                : TCP\n", "Source Port             : ANY\n",
		"Destination Port        : 445\n", "No. of Filters          : 1\n",
	};
	struct state *state = sample();
	const struct netsh_options options = {.location = LOCATION_LOCAL};
	struct buffer out;
	buffer_init(&out, 1 << 20);
	cr_assert_eq(netsh_show(state, LOCATION_LOCAL, "filterlist", NULL, &options, NULL, &out), 0);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		cr_expect_not_null(strstr(buffer_text(&out), lines[i]), "no %s in\n%s", lines[i], buffer_text(&out));
	buffer_done(&out);
	state_free(state);
}

/* What is asked, what must and must not be in the answer. */
static const struct {
	struct show_request request;
	const char *has, *lacks;
} answers[] = {
	{{.what = "rule", .location = LOCATION_LOCAL}, "s3cret", "(not shown)"},
	{{.what = "rule", .location = LOCATION_LOCAL, .normal = true}, "Rule Name", "s3cret"},
	{{.what = "all", .location = LOCATION_LOCAL, .normal = true}, "Policy Name", "s3cret"},
	{{.what = "filterlist", .location = LOCATION_LOCAL, .normal = true}, "No. of Filters          : 1", "Source IP"},
	{{.what = "filterlist", .location = LOCATION_LOCAL, .table = true}, "ANY      445      445\n", "Source IP Address"},
	{{.what = "policy", .location = LOCATION_LOCAL, .table = true}, "netbc", "Polling"},
	{{.what = "rule", .location = LOCATION_LOCAL, .defaultrule = true}, "default response rule", "rule 1"},
	{{.what = "rule", .location = LOCATION_LOCAL, .type = SHOW_TUNNEL}, "No. of Rules            : 0", "rule 1"},
	{{.what = "rule", .location = LOCATION_LOCAL, .id = 1}, "rule 1", "default response"},
	{{.what = "filterlist", .location = LOCATION_LOCAL, .rule = "RULE 1"}, "block", "deny"},
	{{.what = "policy", .location = LOCATION_PERSISTENT}, "No. of policies         : 0", "netbc"},
	{{.what = "all", .location = LOCATION_DYNAMIC}, "No. of Dynamic Rules    : 0", "netbc"},
	{{.what = "mmsas", .dynamic = true}, "There are no main mode security associations", "error"},
	{{.what = "qmsas", .dynamic = true}, "There are no quick mode security associations", "error"},
	{{.what = "stats", .dynamic = true}, "There are no IKE or IPsec statistics", "error"},
	{{.what = "gpoassignedpolicy", .location = LOCATION_LOCAL}, "No policy is assigned by group policy", "netbc"},
};

Test(show, answers_what_was_asked)
{
	struct state *state = sample();
	for (size_t i = 0; i < ARRAY_LENGTH(answers); i++) {
		struct buffer out;
		buffer_init(&out, 1 << 20);
		cr_expect_eq(show_run(state, &answers[i].request, NULL, NULL, &out), 0, "row %zu", i);
		cr_expect_not_null(strstr(buffer_text(&out), answers[i].has), "row %zu lacks %s:\n%s", i, answers[i].has, buffer_text(&out));
		cr_expect_null(strstr(buffer_text(&out), answers[i].lacks), "row %zu has %s:\n%s", i, answers[i].lacks, buffer_text(&out));
		buffer_done(&out);
	}
	state_free(state);
}

static const struct {
	struct show_request request;
	int error;
	const char *message;
} refusals[] = {
	{{.what = "policy", .name = "netbd", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no policy \"netbd\" in the local store; did you mean \"netbc\"?"},
	{{.what = "filterlist", .name = "x", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no filter list \"x\" in the local store"},
	{{.what = "filteraction", .name = "x", .location = LOCATION_PERSISTENT}, ERROR_NOT_FOUND, "no filter action \"x\" in the persistent store"},
	{{.what = "rule", .name = "x", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no rule \"x\" in the local store"},
	{{.what = "rule", .id = 9, .policy = "netbc", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no rule with the number 9 in the local store"},
	{{.what = "rule", .policy = "x\n", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no policy \"x\\x0a\" in the local store"},
	{{.what = "filterlist", .rule = "x", .location = LOCATION_LOCAL}, ERROR_NOT_FOUND, "no rule \"x\" in the local store"},
	{{.what = "qmpolicy", .name = "x", .dynamic = true}, ERROR_NOT_FOUND, "no quick mode policy \"x\" in the dynamic store"},
	{{.what = "nonsense", .location = LOCATION_LOCAL}, ERROR_INPUT, "show \"nonsense\": there is no such thing to show"},
};

Test(show, says_what_is_not_there)
{
	struct state *state = sample();
	for (size_t i = 0; i < ARRAY_LENGTH(refusals); i++) {
		for (int json = 0; json < 2; json++) {
			struct show_request request = refusals[i].request;
			struct buffer out;
			struct diag diag;
			buffer_init(&out, 1 << 20);
			diag_init(&diag);
			request.json = json != 0;
			cr_expect_eq(show_run(state, &request, &diag, NULL, &out), refusals[i].error, "row %zu", i);
			cr_assert_eq(diag.count, 1, "row %zu", i);
			cr_expect_str_eq(diag.messages[0].text, refusals[i].message, "row %zu: %s", i, diag.messages[0].text);
			cr_expect_eq(out.length, 0, "row %zu", i);
			diag_done(&diag);
			buffer_done(&out);
		}
	}
	state_free(state);
}

Test(show, lines_are_cut_at_the_width_by_characters)
{
	struct state *state = sample();
	state->locations[LOCATION_LOCAL].policies.items[0]->description = "\xc3\x9f\xc3\x9f\xc3\x9f\xc3\x9f";
	struct show_request request = {.what = "policy", .location = LOCATION_LOCAL, .width = 28};
	struct buffer out;
	buffer_init(&out, 1 << 20);
	cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
	cr_expect_not_null(strstr(buffer_text(&out), ": \xc3\x9f\xc3\x9f\n"), "%s", buffer_text(&out));
	buffer_clear(&out);
	request.wide = true;
	cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
	cr_expect_not_null(strstr(buffer_text(&out), ": \xc3\x9f\xc3\x9f\xc3\x9f\xc3\x9f\n"));
	buffer_done(&out);
	state_free(state);
}

Test(show, controls_in_names_do_not_reach_the_terminal)
{
	struct state *state = sample();
	state->locations[LOCATION_LOCAL].policies.items[0]->description = "a\x1b[31mb\xc2\x9b" "c\xff";
	const struct show_request request = {.what = "policy", .location = LOCATION_LOCAL};
	struct buffer out;
	buffer_init(&out, 1 << 20);
	cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
	cr_expect_not_null(strstr(buffer_text(&out), ": a\\x1b[31mb\\xc2\\x9bc\\xff\n"), "%s", buffer_text(&out));
	buffer_done(&out);
	state_free(state);
}

/* A property that is added must be shown. */
Test(show, config_shows_every_property)
{
	struct state *state = state_new();
	const struct show_request request = {.what = "config"};
	struct buffer out;
	buffer_init(&out, 1 << 20);
	cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		cr_expect_not_null(strstr(buffer_text(&out), properties[i].shown), "%s", properties[i].name);
	buffer_done(&out);
	state_free(state);
}

Test(show, bootmode_that_is_not_set_depends_on_the_assignment)
{
	static const struct {
		bool assigned;
		const char *set, *want;
	} rows[] = {{true, NULL, "Stateful"}, {false, NULL, "Permit"}, {true, "permit", "Permit"}, {false, "block", "Block"}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct state *state = sample();
		const struct show_request request = {.what = "config"};
		struct buffer out;
		char want[64];
		if (!rows[i].assigned)
			policy_unassign((struct policy *)state->locations[LOCATION_LOCAL].policies.items[0]);
		if (rows[i].set != NULL)
			(void)config_set(&state->config, PROPERTY_BOOTMODE, rows[i].set, strlen(rows[i].set), NULL, NULL);
		buffer_init(&out, 1 << 20);
		cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
		(void)snprintf(want, sizeof(want), "Boot Mode               : %s\n", rows[i].want);
		cr_expect_not_null(strstr(buffer_text(&out), want), "row %zu: %s", i, buffer_text(&out));
		buffer_done(&out);
		state_free(state);
	}
}

static const cJSON *member(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
	cr_assert_not_null(item, "no %s", key);
	return item;
}

Test(show, json_has_the_shape_of_the_command_line_document)
{
	struct state *state = sample();
	const struct show_request request = {.what = "all", .location = LOCATION_LOCAL, .json = true};
	struct buffer out;
	buffer_init(&out, 1 << 20);
	cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
	cJSON *json = cJSON_ParseWithLengthOpts(buffer_text(&out), out.length + 1, NULL, true);
	cr_assert_not_null(json, "%s", buffer_text(&out));
	cr_expect_str_eq(member(json, "store")->valuestring, "local");
	const cJSON *policy = cJSON_GetArrayItem(member(json, "policies"), 0);
	cr_expect_str_eq(member(policy, "name")->valuestring, "netbc");
	cr_expect(cJSON_IsTrue(member(policy, "assigned")));
	cr_expect_eq(member(policy, "mmlifetime")->valueint, 480);
	cr_expect(cJSON_IsTrue(member(member(policy, "defaultrule"), "activate")));
	cr_expect_eq(cJSON_GetArraySize(member(policy, "rules")), 1);
	const cJSON *rule = cJSON_GetArrayItem(member(policy, "rules"), 0);
	cr_expect_str_eq(member(rule, "filterlist")->valuestring, "block");
	cr_expect_str_eq(member(rule, "filteraction")->valuestring, "deny");
	cr_expect(cJSON_IsTrue(member(rule, "activate")));
	const cJSON *filter = cJSON_GetArrayItem(member(cJSON_GetArrayItem(member(json, "filterlists"), 0), "filters"), 0);
	cr_expect_str_eq(member(filter, "srcaddr")->valuestring, "any");
	cr_expect_str_eq(member(filter, "dstaddr")->valuestring, "me");
	cr_expect_str_eq(member(filter, "description")->valuestring, "445");
	cr_expect_eq(member(filter, "dstport")->valueint, 445);
	cr_expect_eq(member(filter, "srcport")->valueint, 0);
	cr_expect(cJSON_IsTrue(member(filter, "mirrored")));
	cr_expect_str_eq(member(cJSON_GetArrayItem(member(json, "filteractions"), 0), "action")->valuestring, "block");
	const cJSON *config = member(json, "config");
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		(void)member(config, properties[i].name);
	cr_expect_eq(member(config, "ipsecexempt")->valueint, 3);
	cJSON_Delete(json);
	buffer_done(&out);
	state_free(state);
}

Test(show, json_of_random_stores_parses_and_keeps_every_name)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct state *state = random_state_new(seed);
		for (int id = 0; id < LOCATION_COUNT; id++) {
			struct location *location = &state->locations[id];
			const struct show_request request = {.what = "all", .location = location->id, .json = true};
			struct buffer out;
			buffer_init(&out, 1 << 24);
			cr_assert_eq(show_run(state, &request, NULL, NULL, &out), 0);
			cJSON *json = cJSON_ParseWithLengthOpts(buffer_text(&out), out.length + 1, NULL, true);
			cr_assert_not_null(json, "seed %d: %s", (int)seed, buffer_text(&out));
			const cJSON *lists = member(json, "filterlists");
			cr_assert_eq((size_t)cJSON_GetArraySize(lists), location->filterlists.count);
			for (size_t i = 0; i < location->filterlists.count; i++) {
				const struct filterlist *list = (const struct filterlist *)location->filterlists.items[i];
				const cJSON *item = cJSON_GetArrayItem(lists, (int)i);
				cr_expect_str_eq(member(item, "name")->valuestring, list->object.name);
				cr_expect_eq((size_t)cJSON_GetArraySize(member(item, "filters")), list->count);
			}
			cJSON_Delete(json);
			buffer_done(&out);
		}
		state_free(state);
	}
}
