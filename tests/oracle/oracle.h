/* The verdict on a packet by looking at every filter: written from the text of docs/policy.md (which is Windows'
 * order of specificity and our own additions), sharing nothing with ruleset and classifier but the plain data.
 * Slow and simple on purpose. */
#ifndef CORDON_TESTS_ORACLE_ORACLE_H
#define CORDON_TESTS_ORACLE_ORACLE_H

#include "core/policy/packet.h"
#include "core/policy/policy.h"

struct oracle_verdict {
	enum action action;
	const char *exemption;       /* its name, or NULL */
	const struct filter *filter; /* that decided (the first of several that do the same), or NULL */
	const struct rule *rule;     /* that uses it, or NULL for a dynamic rule */
	bool reverse;                /* by its mirrored half */
	const struct bootexemption *listed; /* with the exemption "boot": which of the settings */
};

/* In mode secure. */
void oracle_judge(const struct state *state, const struct host *host, const struct packet *packet,
		  struct oracle_verdict *ret_verdict);

/* While the machine starts, from the text of docs/modes.md. */
void oracle_judge_boot(const struct state *state, const struct host *host, enum bootmode bootmode, const struct packet *packet,
		       struct oracle_verdict *ret_verdict);

#endif
