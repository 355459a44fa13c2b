/* What a policy does with packets, asked of two judges at once: the classifier, and the kernel with that policy
 * in force in the lab. */
#ifndef CORDON_TESTS_INTEGRATION_VERDICTS_H
#define CORDON_TESTS_INTEGRATION_VERDICTS_H

#include "core/policy/classifier.h"
#include "core/policy/ruleset.h"
#include "tests/integration/lab.h"

/* A policy bound to a host; in force in the lab's server after verdicts_apply. */
struct verdicts {
	struct lab *lab;
	const struct host *host;
	struct state *state;         /* owned */
	struct ruleset *ruleset;
	struct classifier *classifier;
};

/* Takes the state over.  false, with the reason in `why`, when it cannot be built. */
bool verdicts_init(struct verdicts *verdicts, struct lab *lab, const struct host *host, struct state *state, struct buffer *why);
void verdicts_done(struct verdicts *verdicts);

/* Puts it in force; lifts. */
bool verdicts_apply(struct verdicts *verdicts, struct buffer *why);
bool verdicts_lift(struct lab *lab, struct buffer *why);

/* The verdict of the classifier: whether the packet passes. */
bool verdicts_pass(const struct verdicts *verdicts, const struct packet *packet);

#endif
