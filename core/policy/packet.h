/* A packet as users write it (CLI.md):
 *   [in|out|forward] [reply] [frag] PROTO[:TYPE] SRC[:PORT] > DST[:PORT]
 * Fragments are reassembled before they are judged, so `frag` changes no verdict. */
#ifndef CORDON_POLICY_PACKET_H
#define CORDON_POLICY_PACKET_H

#include "core/base/diag.h"
#include "core/policy/host.h"

enum direction { DIRECTION_IN = 1u << 0, DIRECTION_OUT = 1u << 1, DIRECTION_FORWARD = 1u << 2, DIRECTION_ALL = 7u };

struct packet {
	struct ip src, dst;       /* one family */
	uint16_t srcport, dstport; /* of TCP and UDP (and whatever has them); 0 otherwise */
	int16_t icmp_type;        /* -1 when not given */
	uint8_t protocol;
	uint8_t direction;        /* one of enum direction */
	bool reply;               /* answers a packet that was let through */
	bool fragment;
};

const char *direction_name(enum direction direction); /* "in", "out", "forward" */

/* `me` is the host's first address of the other side's family.  The direction is derived from which side is
 * the host's; to loopback, broadcast and multicast see docs/policy.md.  ERROR_INPUT with a message at
 * `place` (its column is moved to the offending word; `place` may be NULL).  diag may be NULL. */
int packet_parse(const char *text, size_t length, const struct host *host, struct diag *diag, const struct place *place,
		 struct packet *ret_packet);

/* The canonical text; parses back to the same packet. */
enum { PACKET_TEXT = 160 };
size_t packet_print(const struct packet *packet, char text[PACKET_TEXT]);

#endif
