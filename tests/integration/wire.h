/* Packets as bytes: a struct packet made into what goes over the wire, with an identity in its payload by
 * which it is known again wherever it turns up. */
#ifndef CORDON_TESTS_INTEGRATION_WIRE_H
#define CORDON_TESTS_INTEGRATION_WIRE_H

#include "core/policy/filter.h"
#include "core/policy/packet.h"

enum wire_flag {
	WIRE_OPTIONS = 1u << 0,   /* IPv4 options, or an IPv6 destination options header, before the ports */
	WIRE_ACK = 1u << 1,       /* TCP: an acknowledgement, not a SYN */
	WIRE_TINY = 1u << 2,      /* with packet.fragment: the first piece ends right behind the ports */
	WIRE_BACKWARDS = 1u << 3, /* with packet.fragment: the last piece goes first */
};

enum { WIRE_MOST = 400, WIRE_PIECES = 2 };

struct wire {
	uint8_t bytes[WIRE_MOST]; /* an IP packet, or a fragment of one */
	size_t length;
};

/* Makes one packet, or its WIRE_PIECES fragments, in the order in which they are sent; returns how many. */
size_t wire_build(const struct packet *packet, uint32_t id, unsigned flags, struct wire pieces[WIRE_PIECES]);

/* The identity found in some bytes, or 0. */
uint32_t wire_find(const uint8_t *bytes, size_t length);

/* What answers it: ends exchanged, echo request made echo reply, `reply` set. */
struct packet wire_answer(const struct packet *packet);

#endif
