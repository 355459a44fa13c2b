/* A laboratory: three network namespaces, client -- server -- client2, joined by veth pairs, in which packets
 * of any kind are sent and it is seen which of them get through.
 *
 * The namespaces have no names and are held by file descriptors of this process alone, so whatever ends the
 * process takes them away.  Needs root, or a kernel that lets users make namespaces of their own.
 *
 * What is made sure of: the server's kernel answers nothing by itself (an answer would change the state of its
 * connection tracking), resolves no neighbours, and has exactly the addresses of the host's facts; the clients
 * drop all that they get, after it was seen.  In: a packet got through when the last chain of the input hook
 * logged it.  Out and forward: when it was seen on the far end of the wire. */
#ifndef CORDON_TESTS_INTEGRATION_LAB_H
#define CORDON_TESTS_INTEGRATION_LAB_H

#include "core/base/buffer.h"
#include "core/policy/host.h"
#include "core/policy/packet.h"
#include "tests/integration/wire.h"

struct lab;

enum lab_space { LAB_CLIENT, LAB_SERVER, LAB_CLIENT2, LAB_SPACES };

struct lab_packet {
	struct packet packet;
	unsigned flags;   /* of enum wire_flag */
	bool arrived;     /* any piece of it */
	uint32_t id;      /* of the last sending */
};

/* Makes the lab with a server that has these addresses; NULL, and in `why` the reason, when it cannot be. */
struct lab *lab_new(const struct host *host, struct buffer *why);
void lab_free(struct lab *lab);

/* Gives the server the addresses of another host; false, with the reason in `why`, when the kernel refuses. */
bool lab_host(struct lab *lab, const struct host *host, struct buffer *why);

/* Moves this process into one of the namespaces; lab_leave moves it back to where it came from. */
void lab_enter(struct lab *lab, enum lab_space space);
void lab_leave(struct lab *lab);

/* Runs nft commands in a namespace; what they print or complain of goes to `output` (may be NULL). */
bool lab_nft(struct lab *lab, enum lab_space space, const char *commands, struct buffer *output);

/* Sends them in order and waits until no more arrive; sets `arrived` and `id` of each. */
void lab_send(struct lab *lab, struct lab_packet *packets, size_t count);

/* How often a socket of the lab overflowed: then a packet may have arrived unseen. */
unsigned lab_overflows(const struct lab *lab);

/* Forgets all connections that the server tracks; false when the kernel cannot. */
bool lab_forget(struct lab *lab);

/* Sends the packets again and again in a process of its own, as fast as it can, until lab_flood_stop (or the
 * end of this process).  Their identities are those that lab_send gave them last. */
struct lab_flood {
	int pid;
	volatile uint64_t *sent; /* how often all of them were sent; shared */
};
bool lab_flood_start(struct lab *lab, const struct lab_packet *packets, size_t count, struct lab_flood *flood);
void lab_flood_stop(struct lab_flood *flood);

#endif
