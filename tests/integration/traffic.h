/* A flood that is counted to the packet: it runs at a given rate in a process of its own, can be held and let go, and
 * tells of each kind of packet how many were sent and how many got through.  So "none" and "every one" can be judged,
 * and not only "most".
 *
 * Each row is known by its source port (inbound) or its destination port (outbound): no two rows may share one. */
#ifndef CORDON_TESTS_INTEGRATION_TRAFFIC_H
#define CORDON_TESTS_INTEGRATION_TRAFFIC_H

#include "tests/integration/lab.h"

struct traffic;

enum { TRAFFIC_MOST = 16 };

/* Makes the counters in the lab's server and client, and the process, which is held at first.  The packets come in or go
 * out; those that come in may be fragments.  NULL when it cannot be made.  One at a time in a lab. */
struct traffic *traffic_new(struct lab *lab, const struct lab_packet *packets, size_t count, unsigned per_second);
void traffic_free(struct traffic *traffic); /* NULL is fine */

/* Only the rows whose bit is set are sent from the next traffic_go on; all of them at first. */
void traffic_choose(struct traffic *traffic, unsigned rows);
void traffic_go(struct traffic *traffic);
/* Returns when nothing is being sent any more, and all that was sent has arrived or has been dropped. */
void traffic_hold(struct traffic *traffic);

/* Waits, while it goes, until so many more of each chosen row were sent, at most for ten seconds. */
void traffic_wait(struct traffic *traffic, unsigned count);
/* go, wait and hold. */
void traffic_burst(struct traffic *traffic, unsigned count);

/* Reaps what ends of this process' children, until it has no other than the traffic's; false when some are left after so
 * many ms. */
bool traffic_alone(const struct traffic *traffic, int milliseconds);

/* What happened to each row since the beginning.  Held: to the packet.  False when the counters cannot be read. */
struct tally {
	uint64_t sent[TRAFFIC_MOST], seen[TRAFFIC_MOST];
	uint64_t lost;   /* of all rows: between the client's interface and the server's (a full backlog) */
};
bool traffic_read(struct traffic *traffic, struct tally *ret_tally);
/* b - a, each. */
struct tally tally_since(const struct tally *a, const struct tally *b);

/* Packets of all rows that were sent a second while it ran. */
double traffic_rate(const struct traffic *traffic);

#endif
