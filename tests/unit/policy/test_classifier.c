/* The classifier against two judges that look at everything: the oracle, written from the text alone, and the
 * conditions of the ruleset one by one.  Seeds are printed; CORDON_SEED=N repeats a run. */
#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/policy/classifier.h"
#include "tests/oracle/oracle.h"
#include "tests/oracle/sample.h"

enum { POLICIES = 2500, PACKETS = 480, SEED = 20030416 };

/* What the ruleset's own conditions say, in order. */
static void linear_judge(const struct ruleset *ruleset, const struct packet *packet, struct verdict *ret_verdict)
{
	*ret_verdict = (struct verdict){.action = ruleset->otherwise};
	for (size_t i = 0; i < ruleset->exemption_count; i++) {
		if (exemption_holds(&ruleset->exemptions[i], ruleset->host, packet)) {
			*ret_verdict = (struct verdict){.action = ACTION_PERMIT, .exemption = &ruleset->exemptions[i]};
			return;
		}
	}
	for (uint32_t g = 0; g < ruleset->group_count; g++) {
		const struct group *group = &ruleset->groups[g];
		for (uint32_t i = group->first; i < group->first + group->count; i++) {
			if (match_holds(&group->shape, &ruleset->matches[i], ruleset->host, packet)) {
				*ret_verdict = (struct verdict){.action = (enum action)ruleset->matches[i].action,
								.match = &ruleset->matches[i], .group = g};
				return;
			}
		}
	}
}

static bool text_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* The verdict, the exemption's name, whether a filter decided, and that filter's action in its origin. */
static bool verdicts_agree(const struct ruleset *ruleset, const struct verdict *verdict, const struct oracle_verdict *oracle)
{
	if (verdict->action != oracle->action || (verdict->match != NULL) != (oracle->filter != NULL) ||
	    !text_same(verdict->exemption != NULL ? verdict->exemption->name : NULL, oracle->exemption))
		return false;
	return verdict->match == NULL || ruleset->origins[verdict->match->origin].action == oracle->action;
}

static bool oracle_differs(void *context, const struct state *state, const struct host *host, const struct packet *packet)
{
	struct ruleset *ruleset;
	struct verdict verdict;
	struct oracle_verdict oracle;
	(void)context;
	if (ruleset_build(state, host, MODE_SECURE, NULL, &ruleset) != 0)
		return true;
	struct classifier *classifier = classifier_new(ruleset);
	classifier_judge(classifier, packet, &verdict);
	oracle_judge(state, host, packet, &oracle);
	bool agree = verdicts_agree(ruleset, &verdict, &oracle);
	classifier_free(classifier);
	ruleset_free(ruleset);
	return !agree;
}

static void disagreement_report(struct sample *sample, const struct host *host, struct packet *packet, uint64_t seed, size_t number)
{
	const struct sample_compare compare = {.differ = oracle_differs};
	struct buffer text;
	buffer_init(&text, 1 << 20);
	sample_shrink(sample, host, packet, &compare);
	sample_print(sample, host, packet, &text);
	cr_expect(false, "CORDON_SEED=%" PRIu64 ", policy %zu: classifier and oracle disagree; the smallest policy:\n%s", seed, number,
		  buffer_text(&text));
	buffer_done(&text);
}

static size_t policy_compare(uint64_t seed, size_t number, size_t counts[ACTION_PERMIT + 3])
{
	struct dice dice = dice_new(seed + number);
	struct host host = random_host(&dice);
	struct sample sample;
	random_sample(&dice, &host, SAMPLE_ALL, &sample);
	struct state *state = sample_state(&sample);
	struct ruleset *ruleset;
	size_t wrong = 0;
	cr_assert_eq(ruleset_build(state, &host, MODE_SECURE, NULL, &ruleset), 0);
	struct classifier *classifier = classifier_new(ruleset);
	for (size_t i = 0; i < PACKETS && wrong == 0; i++) {
		struct packet packet = random_packet(&dice, state, &host);
		struct verdict verdict;
		struct oracle_verdict oracle;
		classifier_judge(classifier, &packet, &verdict);
		oracle_judge(state, &host, &packet, &oracle);
		counts[verdict.exemption != NULL ? ACTION_PERMIT + 1 : verdict.match == NULL ? ACTION_PERMIT + 2 : verdict.action]++;
		if (!verdicts_agree(ruleset, &verdict, &oracle)) {
			disagreement_report(&sample, &host, &packet, seed, number);
			wrong++;
		}
	}
	classifier_free(classifier);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
	return wrong;
}

Test(classifier, agrees_with_the_oracle)
{
	uint64_t seed = dice_seed(SEED);
	size_t counts[ACTION_PERMIT + 3] = {0}, wrong = 0, total = 0;
	for (size_t i = 0; i < POLICIES && wrong < 3; i++)
		wrong += policy_compare(seed, i, counts);
	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++) {
		total += counts[i];
		/* A generator that no longer reaches a kind of verdict would prove nothing about it. */
		cr_expect_gt(counts[i], 20000, "only %zu verdicts of kind %zu", counts[i], i);
	}
	printf("classifier and oracle: %zu verdicts, CORDON_SEED=%" PRIu64 "\n", total, seed);
	cr_expect_geq(total, 1000000);
	cr_expect_eq(wrong, 0);
}

/* The name of a boot exemption is "boot:" and what is listed. */
static bool boot_verdicts_agree(const struct verdict *verdict, const struct oracle_verdict *oracle)
{
	struct buffer name;
	buffer_init(&name, 256);
	if (oracle->exemption != NULL)
		buffer_add_text(&name, oracle->exemption);
	if (oracle->listed != NULL) {
		buffer_add_char(&name, ':');
		bootexemption_print(oracle->listed, &name);
	}
	bool same = verdict->action == oracle->action && verdict->match == NULL &&
		    text_same(verdict->exemption != NULL ? verdict->exemption->name : NULL,
			      oracle->exemption != NULL ? buffer_text(&name) : NULL);
	buffer_done(&name);
	return same;
}

static bool boot_judges_agree(const struct ruleset *ruleset, const struct classifier *classifier, const struct packet *packet,
			      struct oracle_verdict *ret_oracle)
{
	struct verdict verdict, linear;
	classifier_judge(classifier, packet, &verdict);
	linear_judge(ruleset, packet, &linear);
	oracle_judge_boot(ruleset->state, ruleset->host, ruleset->bootmode, packet, ret_oracle);
	return boot_verdicts_agree(&verdict, ret_oracle) && linear.exemption == verdict.exemption && linear.action == verdict.action;
}

static bool boot_differs(void *context, const struct state *state, const struct host *host, const struct packet *packet)
{
	struct ruleset *ruleset;
	struct oracle_verdict oracle;
	(void)context;
	if (ruleset_build(state, host, MODE_BOOT, NULL, &ruleset) != 0)
		return true;
	struct classifier *classifier = classifier_new(ruleset);
	bool agree = boot_judges_agree(ruleset, classifier, packet, &oracle);
	classifier_free(classifier);
	ruleset_free(ruleset);
	return !agree;
}

/* counts: by exemption, in the order of `kinds`; the last one is for what is dropped. */
static const char *const boot_kinds[] = {"loopback", "nd", "dhcp", "boot", "outbound", "reply"};

static void boot_report(struct sample *sample, const struct host *host, struct packet *packet, uint64_t seed)
{
	const struct sample_compare compare = {.differ = boot_differs};
	struct buffer text;
	buffer_init(&text, 1 << 20);
	sample_shrink(sample, host, packet, &compare);
	sample_print(sample, host, packet, &text);
	cr_expect(false, "CORDON_SEED=%" PRIu64 ": boot rules: classifier and oracle disagree; the smallest:\n%s", seed, buffer_text(&text));
	buffer_done(&text);
}

static bool boot_compare(uint64_t seed, size_t counts[7])
{
	struct dice dice = dice_new(seed);
	struct host host = random_host(&dice);
	struct sample sample;
	struct ruleset *ruleset;
	bool good = true;
	random_sample(&dice, &host, SAMPLE_ALL | SAMPLE_BOOT, &sample);
	struct state *state = sample_state(&sample);
	cr_assert_eq(ruleset_build(state, &host, MODE_BOOT, NULL, &ruleset), 0);
	cr_expect_eq(ruleset->bootmode, sample.bootmode);
	struct classifier *classifier = classifier_new(ruleset);
	for (size_t i = 0; i < PACKETS / 4 && good; i++) {
		struct packet packet = random_boot_packet(&dice, state, &host);
		struct oracle_verdict oracle;
		good = boot_judges_agree(ruleset, classifier, &packet, &oracle);
		for (size_t kind = 0; oracle.exemption != NULL && kind < 6; kind++)
			counts[kind] += strcmp(oracle.exemption, boot_kinds[kind]) == 0;
		counts[6] += oracle.action == ACTION_BLOCK;
		if (!good)
			boot_report(&sample, &host, &packet, seed);
	}
	classifier_free(classifier);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
	return good;
}

Test(classifier, agrees_with_the_oracle_while_the_machine_starts)
{
	uint64_t seed = dice_seed(SEED) + 2000000;
	size_t counts[7] = {0}, wrong = 0;
	for (size_t i = 0; i < 400 && wrong < 3; i++)
		wrong += !boot_compare(seed + i, counts);
	for (size_t i = 0; i < 7; i++)
		cr_expect_gt(counts[i], 150, "only %zu of kind %zu", counts[i], i);
	cr_expect_eq(wrong, 0);
}

Test(classifier, finds_the_same_match_as_a_search_in_order)
{
	uint64_t seed = dice_seed(SEED) + 1000000;
	for (size_t number = 0; number < 300; number++) {
		struct dice dice = dice_new(seed + number);
		struct host host = random_host(&dice);
		struct state *state = random_state(&dice, &host, SAMPLE_ALL);
		struct ruleset *ruleset;
		cr_assert_eq(ruleset_build(state, &host, MODE_SECURE, NULL, &ruleset), 0);
		struct classifier *classifier = classifier_new(ruleset);
		for (size_t i = 0; i < 200; i++) {
			struct packet packet = random_packet(&dice, state, &host);
			struct verdict fast, slow, all[512];
			classifier_judge(classifier, &packet, &fast);
			linear_judge(ruleset, &packet, &slow);
			cr_assert(fast.match == slow.match && fast.exemption == slow.exemption && fast.action == slow.action &&
					  fast.group == slow.group,
				  "seed %" PRIu64, seed + number);
			size_t count = classifier_matches(classifier, &packet, all, 512), expected = 0;
			for (uint32_t g = 0; g < ruleset->group_count; g++)
				for (uint32_t j = 0; j < ruleset->groups[g].count; j++) {
					const struct match *match = &ruleset->matches[ruleset->groups[g].first + j];
					if (!match_holds(&ruleset->groups[g].shape, match, &host, &packet))
						continue;
					cr_assert(expected < count && all[expected].match == match && all[expected].group == g);
					expected++;
				}
			cr_assert_eq(count, expected);
		}
		classifier_free(classifier);
		ruleset_free(ruleset);
		state_free(state);
		host_done(&host);
	}
}

/* A judge that forgets one thing: that at equal weight block comes before permit. */
static bool broken_differs(void *context, const struct state *state, const struct host *host, const struct packet *packet)
{
	struct ruleset *ruleset;
	struct verdict verdict;
	struct oracle_verdict oracle;
	(void)context;
	cr_assert_eq(ruleset_build(state, host, MODE_SECURE, NULL, &ruleset), 0);
	struct classifier *classifier = classifier_new(ruleset);
	struct verdict all[64];
	classifier_judge(classifier, packet, &verdict);
	size_t count = classifier_matches(classifier, packet, all, 64);
	for (size_t i = 1; verdict.match != NULL && i < count && i < 64; i++)
		if (ruleset->groups[all[i].group].weight == ruleset->groups[all[0].group].weight)
			verdict = all[i];
	oracle_judge(state, host, packet, &oracle);
	bool agree = verdicts_agree(ruleset, &verdict, &oracle);
	classifier_free(classifier);
	ruleset_free(ruleset);
	return !agree;
}

Test(classifier, a_broken_judge_is_noticed_and_its_case_made_small)
{
	const struct sample_compare compare = {.differ = broken_differs};
	uint64_t seed = dice_seed(SEED) + 2000000;
	bool found = false;
	for (size_t number = 0; number < 500 && !found; number++) {
		struct dice dice = dice_new(seed + number);
		struct host host = random_host(&dice);
		struct sample sample;
		random_sample(&dice, &host, SAMPLE_ALL, &sample);
		struct state *state = sample_state(&sample);
		for (size_t i = 0; i < 20 && !found; i++) {
			struct packet packet = random_packet(&dice, state, &host);
			if (!broken_differs(NULL, state, &host, &packet))
				continue;
			found = true;
			struct buffer text;
			buffer_init(&text, 1 << 20);
			sample_shrink(&sample, &host, &packet, &compare);
			sample_print(&sample, &host, &packet, &text);
			/* Two filters in two rules are what it takes. */
			cr_expect_leq(sample.filter_count + sample.dynrule_count, 2, "%s", buffer_text(&text));
			cr_expect_leq(sample.rule_count, 2, "%s", buffer_text(&text));
			cr_expect(strstr(buffer_text(&text), "packet: ") != NULL);
			cr_expect(strstr(buffer_text(&text), "list ") != NULL || strstr(buffer_text(&text), "dynamic: ") != NULL);
			struct state *small = sample_state(&sample);
			cr_expect(broken_differs(NULL, small, &host, &packet), "the smallest case must still differ");
			state_free(small);
			buffer_done(&text);
		}
		state_free(state);
		host_done(&host);
	}
	cr_expect(found, "no policy showed that the judge is broken");
}

static struct address subnet(struct dice *dice, unsigned family, unsigned bits)
{
	struct ip ip = {.family = (uint8_t)family};
	for (unsigned i = 0; i < family_bits(family) / 8; i++)
		ip.bytes[i] = (uint8_t)(0x20 + dice_below(dice, 2)); /* few, so that prefixes of all lengths nest */
	return address_subnet(&ip, bits);
}

/* More groups than a set has bits: one bit stands for several groups. */
Test(classifier, thousands_of_shapes_are_judged_in_order)
{
	struct dice dice = dice_new(dice_seed(SEED));
	struct host host = random_host(&dice);
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "wide");
	for (unsigned i = 0; i < 2; i++) {
		struct filterlist *list = location_add_filterlist(state, location, i == 0 ? "a" : "b");
		struct filteraction *action = location_add_filteraction(state, location, i == 0 ? "permit" : "block");
		action->action = i == 0 ? ACTION_PERMIT : ACTION_BLOCK;
		(void)policy_add_rule(state, policy, action->object.name, list, action);
		for (unsigned j = 0; j < 2000; j++) {
			unsigned family = j % 3 == 0 ? FAMILY_IPV4 : FAMILY_IPV6, bits = family_bits(family) + 1;
			struct filter filter = {.src = subnet(&dice, family, dice_below(&dice, bits)),
						.dst = subnet(&dice, family, dice_below(&dice, bits)),
						.mirrored = j % 2 == 0, .description = ""};
			filterlist_add(state, list, &filter);
		}
	}
	location_assign(location, policy);
	struct ruleset *ruleset;
	cr_assert_eq(ruleset_build(state, &host, MODE_SECURE, NULL, &ruleset), 0);
	cr_assert_gt(ruleset->group_count, 2500);
	struct classifier *classifier = classifier_new(ruleset);
	size_t matched = 0;
	for (size_t i = 0; i < 4000; i++) {
		unsigned family = i % 3 == 0 ? FAMILY_IPV4 : FAMILY_IPV6;
		struct address src = subnet(&dice, family, family_bits(family)), dst = subnet(&dice, family, family_bits(family));
		struct packet packet = {.protocol = 6, .icmp_type = -1, .direction = DIRECTION_FORWARD};
		packet.src.family = packet.dst.family = (uint8_t)family;
		memcpy(packet.src.bytes, src.first, 16);
		memcpy(packet.dst.bytes, dst.first, 16);
		struct verdict fast, slow;
		classifier_judge(classifier, &packet, &fast);
		linear_judge(ruleset, &packet, &slow);
		cr_assert_eq(fast.match, slow.match);
		matched += fast.match != NULL;
	}
	cr_expect_gt(matched, 1000);
	classifier_free(classifier);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

Test(classifier, without_filters_the_mode_decides)
{
	static const struct {
		enum mode mode;
		const char *packet;
		enum action action;
		const char *exemption;
	} rows[] = {
		{MODE_SECURE, "in tcp 203.0.113.9:51000 > 192.0.2.10:80", ACTION_PERMIT, NULL},
		{MODE_PERMIT, "in tcp 203.0.113.9:51000 > 192.0.2.10:80", ACTION_PERMIT, NULL},
		{MODE_BLOCK, "in tcp 203.0.113.9:51000 > 192.0.2.10:80", ACTION_BLOCK, NULL},
		{MODE_BLOCK, "in udp 203.0.113.9:500 > 192.0.2.10:500", ACTION_BLOCK, NULL},
		{MODE_BLOCK, "out tcp 127.0.0.1:51000 > 127.0.0.1:80", ACTION_PERMIT, "loopback"},
		{MODE_BLOCK, "out tcp 192.0.2.10:51000 > 192.0.2.10:80", ACTION_PERMIT, "loopback"},
		{MODE_BLOCK, "in icmpv6:135 2001:db8::9 > ff02::1", ACTION_PERMIT, "nd"},
		{MODE_BLOCK, "in icmpv6:128 2001:db8::9 > ff02::1", ACTION_BLOCK, NULL},
		{MODE_SECURE, "in udp 203.0.113.9:500 > 192.0.2.10:500", ACTION_PERMIT, "ike"},
		{MODE_BLOCK, "in tcp 203.0.113.9:51000 > 192.0.2.10:3389", ACTION_BLOCK, NULL},
		{MODE_BLOCK, "out udp 0.0.0.0:68 > 255.255.255.255:67", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in tcp 203.0.113.9:51000 > 192.0.2.10:3389", ACTION_PERMIT, "boot:TCP:0:3389:inbound"},
		{MODE_BOOT, "in tcp 203.0.113.9:3389 > 192.0.2.10:51000", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out tcp 192.0.2.10:3389 > 203.0.113.9:51000", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out reply tcp 192.0.2.10:3389 > 203.0.113.9:51000", ACTION_PERMIT, "boot:TCP:0:3389:inbound"},
		{MODE_BOOT, "out reply tcp 192.0.2.10:22 > 203.0.113.9:51000", ACTION_BLOCK, NULL},
		{MODE_BOOT, "forward tcp 203.0.113.9:51000 > 198.51.100.7:3389", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in icmp:8 203.0.113.9 > 192.0.2.10", ACTION_PERMIT, "boot:ICMP:inbound"},
		{MODE_BOOT, "in icmpv6:128 2001:db8::9 > ff02::1", ACTION_PERMIT, "boot:ICMP:inbound"},
		{MODE_BOOT, "in icmpv6:135 2001:db8::9 > ff02::1", ACTION_PERMIT, "nd"},
		{MODE_BOOT, "out reply icmp:0 192.0.2.10 > 203.0.113.9", ACTION_PERMIT, "boot:ICMP:inbound"},
		{MODE_BOOT, "out icmp:8 192.0.2.10 > 203.0.113.9", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out udp 0.0.0.0:68 > 255.255.255.255:67", ACTION_PERMIT, "dhcp"},
		{MODE_BOOT, "in udp 192.0.2.1:67 > 255.255.255.255:68", ACTION_PERMIT, "dhcp"},
		{MODE_BOOT, "in udp 192.0.2.1:67 > 192.0.2.10:68", ACTION_PERMIT, "dhcp"},
		{MODE_BOOT, "in udp 192.0.2.1:68 > 192.0.2.10:67", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out udp 192.0.2.10:67 > 192.0.2.1:68", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in tcp 192.0.2.1:67 > 192.0.2.10:68", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out udp [fe80::1]:546 > [ff02::1:2]:547", ACTION_PERMIT, "dhcp"},
		{MODE_BOOT, "in udp [fe80::9]:547 > [fe80::1]:546", ACTION_PERMIT, "dhcp"},
		{MODE_BOOT, "in udp [fe80::9]:67 > [fe80::1]:68", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in udp 203.0.113.9:500 > 192.0.2.10:500", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in udp 203.0.113.53:53 > 192.0.2.10:40000", ACTION_BLOCK, NULL},
		{MODE_BOOT, "in reply udp 203.0.113.53:53 > 192.0.2.10:40000", ACTION_BLOCK, NULL},
		{MODE_BOOT, "out tcp 127.0.0.1:51000 > 127.0.0.1:80", ACTION_PERMIT, "loopback"},
	};
	struct host host;
	host_init(&host);
	struct ip_prefix own;
	cr_assert(ip_prefix_parse("192.0.2.10/24", 13, &own));
	host_add_address(&host, &own);
	struct state *state = state_new();
	cr_assert_eq(config_set(&state->config, PROPERTY_BOOTMODE, "block", 5, NULL, NULL), 0);
	static const char listed[] = "tcp:0:3389:inbound ICMP:inbound";
	cr_assert_eq(config_set(&state->config, PROPERTY_BOOTEXEMPTIONS, listed, strlen(listed), NULL, NULL), 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct ruleset *ruleset;
		struct packet packet;
		struct verdict verdict;
		cr_assert_eq(ruleset_build(state, &host, rows[i].mode, NULL, &ruleset), 0);
		struct classifier *classifier = classifier_new(ruleset);
		cr_assert_eq(packet_parse(rows[i].packet, strlen(rows[i].packet), &host, NULL, NULL, &packet), 0, "%s", rows[i].packet);
		classifier_judge(classifier, &packet, &verdict);
		cr_expect_eq(verdict.action, rows[i].action, "%s %s", mode_name(rows[i].mode), rows[i].packet);
		cr_expect(text_same(verdict.exemption != NULL ? verdict.exemption->name : NULL, rows[i].exemption), "%s %s",
			  mode_name(rows[i].mode), rows[i].packet);
		cr_expect_eq(verdict.match, NULL);
		classifier_free(classifier);
		ruleset_free(ruleset);
	}
	state_free(state);
	host_done(&host);
	classifier_free(NULL);
}
