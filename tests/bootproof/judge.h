/* The judge: every frame that leaves the guest belongs to one sort, and what is expected of each sort is a table, by what
 * rules are in force (DESIGN, meaning 3, 4, 6). */
#ifndef CORDON_TESTS_BOOTPROOF_JUDGE_H
#define CORDON_TESTS_BOOTPROOF_JUDGE_H

#include <stdio.h>

#include "tests/bootproof/frame.h"

enum sort {
	SORT_NEIGHBOUR,        /* ARP and neighbour discovery: below the policy */
	SORT_DHCP,
	SORT_PERMITTED_IN,     /* answers that the policy permits */
	SORT_PERMITTED_OUT,    /* what the policy lets the guest begin */
	SORT_EXEMPT,           /* answers of the port that is a boot exemption */
	SORT_IKE,              /* answers of the host's own IKE port */
	SORT_DNS,              /* questions to the host's own name server */
	SORT_OTHER,            /* answers that only a change that nobody confirmed permits */
	SORT_FORBIDDEN_ANSWER,
	SORT_FORBIDDEN_OUT,
	SORTS,
};
const char *sort_name(enum sort sort);
enum sort sort_of(const struct sight *sight);

/* What is in force, as far as the judge sees it. */
enum regime {
	REGIME_OPEN,       /* start-up permit, or no filter at all */
	REGIME_STATEFUL,   /* start-up */
	REGIME_BLOCK,      /* start-up */
	REGIME_BUILTIN,    /* cordon-boot's own block set */
	REGIME_SECURE,     /* the policy of this proof */
	REGIME_QUARANTINE, /* the profile of that name */
	REGIME_PENDING,    /* the policy, with one port more, not yet confirmed */
	REGIME_HALT,       /* operational block */
	REGIME_DARK,       /* no network at all */
	REGIMES,
};
bool regime_parse(const char *name, enum regime *ret_regime);
bool regime_lets(enum regime regime, enum sort sort); /* whether any of the sort may leave */

/* What was seen while a regime was expected. */
struct tally {
	enum regime regime;
	uint64_t count[SORTS];
	int64_t first[SORTS], last[SORTS]; /* ms from power-on; -1: never */
};
void tally_init(struct tally *tally, enum regime regime);
void tally_add(struct tally *tally, enum sort sort, int64_t time);

/* Prints a line for each sort that is not as expected; returns how many.  other: what another regime lets through is
 * right too (NULL: there is none).  least: also what must come (not only what must not). */
unsigned tally_check(const struct tally *tally, const enum regime *other, const char *phase, bool least, FILE *output);

#endif
