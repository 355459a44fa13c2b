/* The outside machine's half of every exchange: what it sends unasked, and what it answers.  It answers for every
 * address but the guest's, so that whatever the guest may reach is reached. */
#ifndef CORDON_TESTS_BOOTPROOF_PEER_H
#define CORDON_TESTS_BOOTPROOF_PEER_H

#include "tests/bootproof/frame.h"

enum { PEER_FRAMES = 2, PEER_LEASE = 40 /* seconds; a renewal comes after half of it */ };

extern const uint8_t peer_mac[MAC_LENGTH], peer_guest_mac[MAC_LENGTH];

struct peer {
	size_t next;              /* row of the table */
	unsigned turn;
	uint64_t discovers, requests, renewals; /* of DHCP; a renewal is asked by a guest that has the address */
};

/* The next of what it sends unasked; returns how many frames. */
size_t peer_next(struct peer *peer, struct frame frames[PEER_FRAMES]);

/* What it answers to a frame of the guest; returns how many frames, 0 or 1. */
size_t peer_answer(struct peer *peer, const uint8_t *bytes, size_t length, const struct sight *sight, struct frame *frame);

#endif
