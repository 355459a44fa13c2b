/* A policy and records for it. */
#ifndef CORDON_TESTS_UNIT_AUDIT_FIXTURE_H
#define CORDON_TESTS_UNIT_AUDIT_FIXTURE_H

#include "logparse/audit/summary.h"

/* The host is 192.0.2.10/24.  Everything to and from it is blocked (rule "all"), but TCP to its port 80 permitted (rule
 * "web"). */
struct fixture {
	struct state *state;
	struct host host;
	struct ruleset *ruleset;
	struct classifier *classifier;
};
void fixture_init(struct fixture *fixture);
void fixture_done(struct fixture *fixture);

/* A record of TCP to port; times are seconds after 2026-11-21 10:00. */
struct record fixture_record(const char *action, const char *src, uint16_t port, unsigned seconds);
void fixture_judge(const struct fixture *fixture, const struct record *record, struct judged *ret_judged);

/* 2026-11-21 10:00 as FILETIME. */
#define FIXTURE_TIME (UINT64_C(134397288000000000))

#endif
