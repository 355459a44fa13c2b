/* From a ruleset to a plan, without a kernel: keys, chains, names, comments. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bootcfg/target/nftables_plan.h"
#include "core/base/attr.h"
#include "nft_policy.h"

static const struct plan_chain *chain_of(const struct plan *plan, const char *name)
{
	for (size_t i = 0; i < plan->chain_count; i++)
		if (strcmp(plan->chains[i].name, name) == 0)
			return &plan->chains[i];
	return NULL;
}

static bool any_rule_has(const struct plan *plan, const char *words)
{
	for (size_t i = 0; i < plan->chain_count; i++)
		for (size_t j = 0; j < plan->chains[i].count; j++)
			if (strstr(plan->chains[i].rules[j].text, words) != NULL)
				return true;
	return false;
}

static struct plan *plan_of(struct nft_policy *policy, const char *text, uint64_t generation)
{
	cr_assert(nft_policy_make(text, policy));
	return plan_compile(policy->ruleset, &policy->options, generation);
}

static void done(struct nft_policy *policy, struct plan *plan)
{
	plan_free(plan);
	nft_policy_done(policy);
}

Test(nftables_compile, encodes_keys_as_the_kernel_has_them)
{
	static const struct {
		const char *policy;
		const char *type;
		uint8_t key[PLAN_KEY];
		size_t length;
	} rows[] = {
		{"192.0.2.1 any any 0 0", "ipv4_addr", {192, 0, 2, 1}, 4},
		{"any 10.0.0.0/8 any 0 0", "ipv4_addr", {10, 0, 0, 0}, 4},
		{"2001:db8::1 any any 0 0", "ipv6_addr", {0x20, 1, 0x0d, 0xb8, [15] = 1}, 16},
		{"any me 47 0 0", "inet_proto", {47}, 1},
		{"any me tcp 0 443", "inet_proto . inet_service", {6, 0, 0, 0, 1, 187, 0, 0}, 8},
		{"192.0.2.1 198.51.100.0/24 udp 53 1024", "ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service",
		 {192, 0, 2, 1, 198, 51, 100, 0, 17, 0, 0, 0, 0, 53, 0, 0, 4, 0, 0, 0}, 20},
		{"2001:db8::/32 2001:db8::2 tcp 0 22", "ipv6_addr . ipv6_addr . inet_proto . inet_service",
		 {0x20, 1, 0x0d, 0xb8, [16] = 0x20, 1, 0x0d, 0xb8, [31] = 2, 6, [37] = 22}, 40},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct nft_policy policy;
		char text[256];
		uint8_t key[PLAN_KEY];
		snprintf(text, sizeof(text), "rule block x\n%s\n", rows[i].policy);
		struct plan *plan = plan_of(&policy, text, 1);
		cr_assert_geq(plan->map_count, 1, "%s", rows[i].policy);
		const struct plan_map *map = &plan->maps[plan->map_count - 1];
		cr_expect_str_eq(map->type, rows[i].type, "%s: type %s", rows[i].policy, map->type);
		cr_expect_eq(map->key_length, rows[i].length, "%s: length %zu", rows[i].policy, map->key_length);
		plan_key(plan, map, &policy.ruleset->matches[policy.ruleset->groups[map->group].first], key);
		cr_expect_eq(memcmp(key, rows[i].key, rows[i].length), 0, "%s: key", rows[i].policy);
		done(&policy, plan);
	}
}

Test(nftables_compile, asks_only_what_the_policy_needs)
{
	static const struct {
		const char *policy;
		bool daddr, saddr, ct;
	} rows[] = {
		{"rule block x\nany any any 0 0\n", false, false, false},
		{"rule block x\nany me tcp 0 80\n", true, false, false},
		{"rule block x\nme any tcp 0 80\n", false, true, false},
		{"rule block x\nme any tcp 0 80 mirrored\n", true, true, false},
		{"rule permit x\nme any tcp 0 80 mirrored replies\n", true, true, true},
		{"mode=permit\nrule permit x\nme any tcp 0 80 mirrored replies\n", false, false, false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct nft_policy policy;
		char text[256];
		snprintf(text, sizeof(text), "ikeexempt=no\nipsecexempt=3\n%s", rows[i].policy);
		struct plan *plan = plan_of(&policy, text, 1);
		cr_expect_eq(any_rule_has(plan, "fib daddr"), rows[i].daddr, "%s: fib daddr", rows[i].policy);
		cr_expect_eq(any_rule_has(plan, "fib saddr"), rows[i].saddr, "%s: fib saddr", rows[i].policy);
		cr_expect_eq(any_rule_has(plan, "ct "), rows[i].ct, "%s: ct", rows[i].policy);
		cr_expect(any_rule_has(plan, "tproxy ip6"), "%s: reassembly", rows[i].policy);
		done(&policy, plan);
	}
}

/* A filter that names me is looked up only where that side is the host's. */
Test(nftables_compile, puts_me_into_its_chains_only)
{
	struct nft_policy policy;
	struct plan *plan = plan_of(&policy, "ikeexempt=no\nrule permit in\nany me tcp 0 80\nrule permit out\nme any tcp 0 81\n"
				    "rule block all\nany any any 0 0\n", 3);
	static const struct {
		const char *chain;
		size_t lookups; /* rules that are look-ups, the last one not counted: it blocks */
	} rows[] = {{"g3_ip4", 0}, {"g3_ip4_d", 1}, {"g3_ip4_s", 1}, {"g3_ip4_sd", 2}, {"g3_ip6_sd", 2}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		const struct plan_chain *chain = chain_of(plan, rows[i].chain);
		size_t lookups = 0;
		cr_assert_not_null(chain, "%s", rows[i].chain);
		for (size_t j = 0; j < chain->count; j++)
			lookups += strstr(chain->rules[j].text, "vmap") != NULL;
		cr_expect_eq(lookups, rows[i].lookups, "%s: %zu", rows[i].chain, lookups);
		cr_expect_str_eq(chain->rules[chain->count - 1].text, "goto g3_o2", "%s ends in %s", rows[i].chain,
				 chain->rules[chain->count - 1].text);
	}
	done(&policy, plan);
}

Test(nftables_compile, negotiate_and_block_drop_and_permit_does_not)
{
	static const struct {
		const char *action;
		const char *observe;
		const char *verdict, *prefix;
	} rows[] = {
		{"block", "", " drop", "log prefix \"cordon:block:"},   {"negotiate", "", " drop", "log prefix \"cordon:block:"},
		{"permit", "", " accept", NULL},                         {"block", "observe\n", " accept", "log prefix \"cordon:observe:"},
		{"permit", "observe\n", " accept", NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct nft_policy policy;
		char text[256];
		snprintf(text, sizeof(text), "%srule %s x\nany any any 0 0\n", rows[i].observe, rows[i].action);
		struct plan *plan = plan_of(&policy, text, 1);
		const char *rule = chain_of(plan, "g1_o0")->rules[0].text;
		size_t length = strlen(rule), end = strlen(rows[i].verdict);
		cr_expect(length > end && strcmp(rule + length - end, rows[i].verdict) == 0, "%s%s: %s", rows[i].observe, rows[i].action, rule);
		cr_expect_eq(strstr(rule, "log ") != NULL, rows[i].prefix != NULL, "%s%s: %s", rows[i].observe, rows[i].action, rule);
		cr_expect(rows[i].prefix == NULL || strstr(rule, rows[i].prefix) != NULL, "%s%s: %s", rows[i].observe, rows[i].action, rule);
		done(&policy, plan);
	}
}

Test(nftables_compile, names_stay_within_what_nft_takes)
{
	char name[400], text[600];
	for (size_t length = 1; length < sizeof(name); length += 7) {
		for (size_t i = 0; i < length; i++)
			name[i] = "\"|$\\\n\r\x1b\x7f\xc3\xa9\xff{};#"[i % 16] == '\n' ? '\t' : "\"|$\\\t\r\x1b\x7f\xc3\xa9\xff{};#"[i % 16];
		name[length] = '\0';
		snprintf(text, sizeof(text), "rule block x%s\nany any any 0 0\n", name);
		struct nft_policy policy;
		struct plan *plan = plan_of(&policy, text, 1);
		const struct plan_rule *rule = &chain_of(plan, "g1_o0")->rules[0];
		struct cursor names[NAME_COUNT];
		const char *prefix = strstr(rule->text, "prefix \"") + strlen("prefix \"");
		cr_expect_leq(strlen(rule->comment), (size_t)PLAN_COMMENT, "comment of %zu bytes", strlen(rule->comment));
		cr_expect_leq(strcspn(prefix, "\""), (size_t)PLAN_PREFIX, "prefix of %zu bytes", strcspn(prefix, "\""));
		cr_expect(plan_names_parse(rule->comment, names), "%s", rule->comment);
		cr_expect_eq(cursor_left(&names[NAME_ACTION]), strlen("block"));
		cr_expect_null(strpbrk(rule->comment, "\"\n\r\t\x1b\x7f"), "%s", rule->comment);
		cr_expect_eq(strcspn(prefix, "$\\\n\r\t\x1b\x7f"), strlen(prefix), "%s", prefix);
		done(&policy, plan);
	}
}

Test(nftables_compile, counters_keep_their_names_from_one_ruleset_to_the_next)
{
	struct nft_policy a, b;
	struct plan *x = plan_of(&a, "rule block web\nany me tcp 0 80\n", 1);
	struct plan *y = plan_of(&b, "rule permit other\nany me tcp 0 81\nrule block web\nany me tcp 0 82\n", 9);
	const char *counter = strstr(chain_of(x, "g1_o0")->rules[0].text, "c_");
	bool found = false;
	cr_assert_not_null(counter);
	for (size_t i = 0; i < y->counter_count; i++)
		found |= strncmp(counter, y->counters[i].name, strlen(y->counters[i].name)) == 0;
	cr_expect(found, "%s", counter);
	for (size_t i = 1; i < y->counter_count; i++)
		cr_expect_lt(strcmp(y->counters[i - 1].name, y->counters[i].name), 0, "%s is there twice", y->counters[i].name);
	done(&a, x);
	done(&b, y);
}

Test(nftables_compile, head_parses_back)
{
	static const struct {
		const char *text;
		enum mode mode;
		bool observe;
		enum bootmode bootmode;
	} rows[] = {{"", MODE_SECURE, false, 0}, {"observe\n", MODE_SECURE, true, 0}, {"mode=block\n", MODE_BLOCK, false, 0},
		    {"mode=permit\nobserve\n", MODE_PERMIT, true, 0},
		    {"mode=boot\nbootmode=block\n", MODE_BOOT, false, BOOTMODE_BLOCK},
		    {"mode=boot\nbootmode=permit\n", MODE_BOOT, false, BOOTMODE_PERMIT},
		    {"mode=boot\n", MODE_BOOT, false, BOOTMODE_STATEFUL},
		    {"mode=boot\nbootmode=stateful\nobserve\n", MODE_BOOT, true, BOOTMODE_STATEFUL}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct nft_policy policy;
		struct plan *plan = plan_of(&policy, rows[i].text, UINT64_MAX / 2 - i);
		struct plan_head head;
		cr_expect_leq(strlen(plan->comment), (size_t)PLAN_COMMENT);
		cr_assert(plan_comment_parse(plan->comment, &head), "%s", plan->comment);
		cr_expect_eq(head.generation, UINT64_MAX / 2 - i);
		cr_expect_eq(head.mode, rows[i].mode);
		cr_expect_eq(head.observe, rows[i].observe);
		cr_expect(head.mode != MODE_BOOT || head.bootmode == rows[i].bootmode, "%s", plan->comment);
		cr_expect_str_eq(head.digest, plan->digest);
		done(&policy, plan);
	}
	static const char *const wrong[] = {"", "generation", "generation 1", "generation 1, secure", "generation 1, secure, enforced, digest 12",
					    "generation x, secure, enforced, digest ", "generation 1, odd, enforced, digest ", "permit | a | b | c",
		"generation 1, boot, enforced, digest 0000000000000000000000000000000000000000000000000000000000000000",
		"generation 1, boot, odd, digest 0000000000000000000000000000000000000000000000000000000000000000",
		"generation 1, secure, block, digest 0000000000000000000000000000000000000000000000000000000000000000",
		"generation 1, boot, block observes, digest 0000000000000000000000000000000000000000000000000000000000000000"};
	struct plan_head head;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		cr_expect_not(plan_comment_parse(wrong[i], &head), "%s", wrong[i]);
}

Test(nftables_compile, hooks_differ_only_where_directions_do)
{
	struct nft_policy policy;
	struct plan *plan = plan_of(&policy, "rule block x\nany any tcp 0 80\n", 1);
	cr_expect_not_null(chain_of(plan, "g1_ip4"));
	done(&policy, plan);
	plan = plan_of(&policy, "dynamic block permit any any tcp 0 25\n", 1);
	cr_expect_null(chain_of(plan, "g1_ip4"));
	cr_expect_not_null(chain_of(plan, "g1_ip4_input"));
	cr_expect_not_null(chain_of(plan, "g1_ip4_output"));
	cr_expect_null(chain_of(plan, "g1_ip4_forward"), "what is forwarded is judged as what comes in");
	done(&policy, plan);
}

/* What a start-up ruleset drops is counted before it is dropped, by rules that never end in the verdict. */
Test(nftables_compile, startup_drops_are_counted_in_bounded_sets)
{
	static const struct {
		const char *policy;
		bool counts;
	} rows[] = {
		{"mode=boot\nbootmode=block\n", true},  {"mode=boot\nbootmode=stateful\n", true},
		{"mode=boot\nbootmode=permit\n", false}, {"mode=block\n", false},
		{"rule block x\nany any any 0 0\n", false},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct nft_policy policy;
		struct plan *plan = plan_of(&policy, rows[i].policy, 7);
		cr_expect_eq(plan->set_count, rows[i].counts ? 2 : 0, "%s", rows[i].policy);
		cr_expect_eq(any_rule_has(plan, "add @"), rows[i].counts, "%s", rows[i].policy);
		cr_expect_eq(any_rule_has(plan, "counter name \"" PLAN_BOOT_TOTAL "\""), rows[i].counts, "%s", rows[i].policy);
		const struct plan_chain *chain = chain_of(plan, "g7_otherwise");
		for (size_t j = 0; rows[i].counts && j + 1 < chain->count; j++)
			cr_expect(strstr(chain->rules[j].text, " jump g7_drops") != NULL, "%s", chain->rules[j].text);
		if (rows[i].counts) {
			const char *last = chain->rules[chain->count - 1].text;
			cr_expect(strlen(last) > 5 && strcmp(last + strlen(last) - 5, " drop") == 0, "%s", last);
			cr_expect_null(strstr(last, "add @"), "a full set ends its rule: it must not be this one");
			cr_expect_str_eq(plan->sets[0].name, "g7_" PLAN_BOOT_DROPS4);
			cr_expect_str_eq(plan->sets[1].name, "g7_" PLAN_BOOT_DROPS6);
			cr_expect_eq(plan->sets[0].size, 4096);
		}
		done(&policy, plan);
	}
	static const struct {
		const char *name;
		unsigned family;
	} names[] = {{"g1_boot_drops4", FAMILY_IPV4}, {"g12_boot_drops6", FAMILY_IPV6}, {"boot_drops4", FAMILY_NONE},
		     {"g1_boot_drops", FAMILY_NONE}, {"g1_boot_drops44", FAMILY_NONE}, {"gx_boot_drops4", FAMILY_NONE}, {"", FAMILY_NONE}};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		cr_expect_eq(plan_boot_drops_family(names[i].name), names[i].family, "%s", names[i].name);
}
