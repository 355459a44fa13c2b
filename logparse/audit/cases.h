/* Records that are not as the policy has it, gathered: one case is all packets of one source, destination, protocol and
 * destination port that met the same filter. */
#ifndef CORDON_LOGPARSE_AUDIT_CASES_H
#define CORDON_LOGPARSE_AUDIT_CASES_H

#include "logparse/audit/replay.h"

/* What a record was found to be. */
struct judged {
	enum replay_result result;
	const struct ruleset *ruleset;
	struct verdict verdict;   /* unless unexplained */
	struct packet packet;
	const char *why;          /* of unexplained: what is missing */
};

struct audit_case {
	const char *done;         /* "dropped" or "let through" */
	const char *verdict;      /* of the policy: "permit", "block", "negotiate" */
	const char *policy, *rule, *list; /* "-" where no filter matched; an exemption is a rule */
	uint32_t filter;          /* its number in the list; 0: none */
	const char *packet;       /* the first of them, as explain takes it */
	const char *src, *dst, *port; /* "TCP 445", "ICMP type 8", or the protocol alone */
	uint64_t count;           /* packets */
	uint64_t first, last;     /* FILETIME; 0: not known */
};

struct cases;
struct cases *cases_new(size_t most);
void cases_free(struct cases *cases); /* NULL is fine */
/* False when it is a new case and there are `most` already: it is not kept. */
bool cases_add(struct cases *cases, const struct record *record, const struct judged *judged, uint64_t count);
/* By count, the highest first.  Texts are borrowed. */
const struct audit_case *cases_sorted(struct cases *cases, size_t *ret_count);

/* One sentence, without a newline: "12 packets of TCP 80 from … to … were dropped: permit by policy "p", rule "r", list "l",
 * filter 2 (`in tcp …`)".
 * Hostile text is quoted. */
void case_print(const struct audit_case *item, struct buffer *buffer);

/* "TCP 445", "ICMP type 8", "GRE": what of a record or packet is counted as its port. */
void port_print(uint8_t protocol, bool has_port, uint16_t port, int icmp_type, struct buffer *buffer);

#endif
