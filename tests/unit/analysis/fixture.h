/* A policy of a few lines, the ruleset and the classifier of it, for the tests of this folder. */
#ifndef CORDON_TESTS_ANALYSIS_FIXTURE_H
#define CORDON_TESTS_ANALYSIS_FIXTURE_H

#include <criterion/criterion.h>
#include <string.h>

#include "core/policy/classifier.h"

#define FIXTURE_HOST                                                                                                        \
	"{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"], \"dns\": [\"192.0.2.53\"], \"gateway\": [\"192.0.2.1\"]}"

struct fixture_line {
	enum action action;
	const char *src, *dst;
	uint8_t protocol;
	uint16_t srcport, dstport;
	bool mirrored, replies;
	const char *description; /* NULL: none */
};

struct fixture {
	struct host host;
	struct state *state;
	struct ruleset *ruleset;
	struct classifier *classifier;
};

/* Line i is filter 1 of list Li of rule Ri of policy "Lock", as if from lock.txt:i. */
static inline void fixture_fill(struct fixture *fixture, const char *facts, const struct fixture_line *lines, size_t count)
{
	cr_assert_eq(host_parse(facts, strlen(facts), NULL, NULL, &fixture->host), 0);
	fixture->state = state_new();
	struct location *location = &fixture->state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(fixture->state, location, "Lock");
	for (size_t i = 0; i < count; i++) {
		const struct fixture_line *line = &lines[i];
		struct filter filter = {.protocol = line->protocol, .srcport = line->srcport, .dstport = line->dstport,
					.mirrored = line->mirrored, .replies = line->replies,
					.description = line->description != NULL ? line->description : "", .file = "lock.txt",
					.line = (uint32_t)i + 1};
		cr_assert(address_parse(line->src, strlen(line->src), &filter.src), "%s", line->src);
		cr_assert(address_parse(line->dst, strlen(line->dst), &filter.dst), "%s", line->dst);
		cr_assert_eq(filter_check(&filter), NULL, "line %zu", i + 1);
		struct filterlist *list =
			location_add_filterlist(fixture->state, location, arena_printf(fixture->state->arena, "L%zu", i + 1));
		struct filteraction *action =
			location_add_filteraction(fixture->state, location, arena_printf(fixture->state->arena, "A%zu", i + 1));
		action->action = line->action;
		filterlist_add(fixture->state, list, &filter);
		(void)policy_add_rule(fixture->state, policy, arena_printf(fixture->state->arena, "R%zu", i + 1), list, action);
	}
	location_assign(location, policy);
}

static inline void fixture_build(struct fixture *fixture, enum mode mode)
{
	cr_assert_eq(ruleset_build(fixture->state, &fixture->host, mode, NULL, &fixture->ruleset), 0);
	fixture->classifier = classifier_new(fixture->ruleset);
}

static inline void fixture_done(struct fixture *fixture)
{
	classifier_free(fixture->classifier);
	ruleset_free(fixture->ruleset);
	state_free(fixture->state);
	host_done(&fixture->host);
}

static inline struct packet fixture_packet(const struct fixture *fixture, const char *text)
{
	struct packet packet;
	cr_assert_eq(packet_parse(text, strlen(text), &fixture->host, NULL, NULL, &packet), 0, "%s", text);
	return packet;
}

#endif
