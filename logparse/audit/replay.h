/* Logged packets against a policy: what each drop or permit says of it.  Rulesets and events come in, nothing is read. */
#ifndef CORDON_LOGPARSE_AUDIT_REPLAY_H
#define CORDON_LOGPARSE_AUDIT_REPLAY_H

#include "core/policy/classifier.h"
#include "core/record/record.h"

enum replay_result {
	REPLAY_EXPECTED,    /* dropped, and the policy blocks it or wants it protected; or let through, and it permits it */
	REPLAY_UNEXPECTED,  /* dropped, and the policy permits it; or let through, and it blocks it */
	REPLAY_UNEXPLAINED, /* the record lacks something: what */
	REPLAY_WOULD,       /* a captured packet: what would become of it */
	REPLAY_RESULTS,
};
const char *replay_result_name(enum replay_result result); /* "expected", … */

/* The packet of a record; NULL, or what it lacks ("the source address"), in words.  Where the record does not say the
 * direction it follows from which side is the host's. */
const char *replay_packet(const struct record *record, const struct host *host, struct packet *ret_packet);

/* *ret_verdict is set unless unexplained; *ret_why then says what is missing. */
enum replay_result replay_judge(const struct record *record, const struct host *host, const struct classifier *classifier,
				struct packet *ret_packet, struct verdict *ret_verdict, const char **ret_why);

/* A drop of the start-up rules (ruleset of MODE_BOOT), which count by source, protocol and destination port alone: what they
 * do not note is left open, and when the verdict would depend on it the drop is unexplained.  In *ret_packet that is zeros. */
bool replay_is_startup(const struct record *record, const struct ruleset *ruleset);
enum replay_result replay_judge_startup(const struct record *record, const struct host *host, const struct ruleset *ruleset,
					const struct classifier *classifier, struct packet *ret_packet, struct verdict *ret_verdict, const char **ret_why);

#endif
