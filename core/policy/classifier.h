/* The verdict on a packet: the ruleset as hash maps in memory, one look-up a group, the same structure that
 * the kernel gets. */
#ifndef CORDON_POLICY_CLASSIFIER_H
#define CORDON_POLICY_CLASSIFIER_H

#include "core/policy/ruleset.h"

struct classifier;

struct verdict {
	enum action action;
	const struct exemption *exemption; /* that let it pass, or NULL */
	const struct match *match;         /* that decided, or NULL: neither means that nothing matched */
	uint32_t group;                    /* of the match */
};

/* Borrows the ruleset, which must outlive it.  Caller frees with classifier_free. */
struct classifier *classifier_new(const struct ruleset *ruleset);
void classifier_free(struct classifier *classifier);

void classifier_judge(const struct classifier *classifier, const struct packet *packet, struct verdict *ret_verdict);

/* Every match that holds the packet, exemptions aside, in the order of look-up: the first is the one that
 * decides.  Fills at most `most`, returns how many there are; each group gives at most one. */
size_t classifier_matches(const struct classifier *classifier, const struct packet *packet, struct verdict *verdicts,
			  size_t most);

#endif
