/* PACKET notation, and the verdict on it: what is accepted prints to a text that parses to the same packet, and the
 * classifier's look-ups find what a search through all matches finds. */
#include <string.h>

#include "core/base/buffer.h"
#include "core/policy/classifier.h"
#include "tests/fuzz/fuzz.h"

static const char facts[] =
	"{\"addresses\": [\"192.0.2.10/24\", \"10.1.2.3/8\", \"2001:db8::10/64\"], \"dns\": [\"192.0.2.53\", \"2001:db8::53\"],"
	" \"gateway\": [\"192.0.2.1\"]}";

/* The policy that judges: a filter of every kind of address, rows of ports, both actions. */
static const struct filter_row {
	const char *src, *dst;
	uint8_t protocol;
	uint16_t srcport, dstport;
	bool mirrored, replies, block;
} filter_rows[] = {
	{"any", "any", 0, 0, 0, true, false, true},
	{"any", "me", PROTOCOL_TCP, 0, 80, true, false, false},
	{"10.0.0.0/8", "me", PROTOCOL_TCP, 0, 3389, true, false, false},
	{"10.1.0.0/16", "me", PROTOCOL_TCP, 0, 3389, true, false, true},
	{"me", "dns", PROTOCOL_UDP, 0, 53, true, true, false},
	{"me", "any", PROTOCOL_TCP, 0, 443, true, true, false},
	{"me", "203.0.113.5-203.0.113.77", 0, 0, 0, true, false, false},
	{"2001:db8:1::/48", "me", PROTOCOL_ICMP, 0, 0, true, false, false},
	{"192.0.2.0/24", "198.51.100.0/24", PROTOCOL_UDP, 1434, 0, false, false, false},
	{"any", "198.51.100.9", 47, 0, 0, false, false, true},
};

struct judge {
	struct host host;
	struct state *state;
	struct ruleset *ruleset;
	struct classifier *classifier;
};

static struct address address_of(const char *text)
{
	struct address address;

	FUZZ_ASSERT(address_parse(text, strlen(text), &address));
	return address;
}

static void judge_init(struct judge *judge)
{
	struct location *location;
	struct policy *policy;
	struct filterlist *lists[2];
	struct filteraction *actions[2];

	FUZZ_ASSERT(host_parse(facts, strlen(facts), "facts", NULL, &judge->host) == 0);
	judge->state = state_new();
	location = &judge->state->locations[LOCATION_LOCAL];
	policy = location_add_policy(judge->state, location, "fuzz");
	for (size_t i = 0; i < 2; i++) {
		lists[i] = location_add_filterlist(judge->state, location, i ? "block" : "permit");
		actions[i] = location_add_filteraction(judge->state, location, i ? "block" : "permit");
		actions[i]->action = i ? ACTION_BLOCK : ACTION_PERMIT;
		(void)policy_add_rule(judge->state, policy, i ? "block" : "permit", lists[i], actions[i]);
	}
	for (size_t i = 0; i < ARRAY_LENGTH(filter_rows); i++) {
		const struct filter_row *row = &filter_rows[i];
		const struct filter filter = {
			.src = address_of(row->src), .dst = address_of(row->dst), .protocol = row->protocol,
			.srcport = row->srcport, .dstport = row->dstport, .mirrored = row->mirrored,
			.replies = row->replies, .description = "",
		};

		FUZZ_ASSERT(filter_check(&filter) == NULL);
		(void)filterlist_add(judge->state, lists[row->block], &filter);
	}
	(void)location_assign(location, policy);
	FUZZ_ASSERT(ruleset_build(judge->state, &judge->host, MODE_SECURE, NULL, &judge->ruleset) == 0);
	judge->classifier = classifier_new(judge->ruleset);
}

/* The verdict by looking at everything in order. */
static struct verdict judge_slowly(const struct judge *judge, const struct packet *packet)
{
	const struct ruleset *ruleset = judge->ruleset;

	for (size_t i = 0; i < ruleset->exemption_count; i++) {
		if (exemption_holds(&ruleset->exemptions[i], &judge->host, packet))
			return (struct verdict){.action = ACTION_PERMIT, .exemption = &ruleset->exemptions[i]};
	}
	for (uint32_t g = 0; g < ruleset->group_count; g++) {
		const struct group *group = &ruleset->groups[g];

		for (uint32_t i = 0; i < group->count; i++) {
			const struct match *match = &ruleset->matches[group->first + i];

			if (match_holds(&group->shape, match, &judge->host, packet))
				return (struct verdict){.action = (enum action)match->action, .match = match, .group = g};
		}
	}
	return (struct verdict){.action = ruleset->otherwise};
}

static bool packet_equal(const struct packet *a, const struct packet *b)
{
	return ip_equal(&a->src, &b->src) && ip_equal(&a->dst, &b->dst) && a->srcport == b->srcport && a->dstport == b->dstport &&
	       a->icmp_type == b->icmp_type && a->protocol == b->protocol && a->direction == b->direction &&
	       a->reply == b->reply && a->fragment == b->fragment;
}

static void packet_check(const struct judge *judge, const char *text, size_t length)
{
	struct packet packet, again;
	struct verdict quick, slow;
	struct diag diag;
	char printed[PACKET_TEXT];
	int error;

	diag_init(&diag);
	error = packet_parse(text, length, &judge->host, &diag, NULL, &packet);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	diag_done(&diag);
	if (error != 0)
		return;
	FUZZ_ASSERT(packet_print(&packet, printed) == strlen(printed));
	error = packet_parse(printed, strlen(printed), &judge->host, NULL, NULL, &again);
	if (error != 0 || !packet_equal(&packet, &again))
		fprintf(stderr, "printed: %s\n", printed);
	FUZZ_ASSERT(error == 0);
	FUZZ_ASSERT(packet_equal(&packet, &again));
	classifier_judge(judge->classifier, &packet, &quick);
	slow = judge_slowly(judge, &packet);
	if (quick.action != slow.action || quick.exemption != slow.exemption || quick.match != slow.match)
		fprintf(stderr, "judged differently: %s\n", printed);
	FUZZ_ASSERT(quick.action == slow.action && quick.exemption == slow.exemption && quick.match == slow.match);
}

static struct judge the_judge; /* made once, kept to the end: reachable, so no leak */

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	if (the_judge.classifier == NULL)
		judge_init(&the_judge);
	packet_check(&the_judge, (const char *)bytes, length);
	return 0;
}
