/* Ethernet frames of the outside machine: built and taken apart.  Nothing here touches a network. */
#ifndef CORDON_TESTS_BOOTPROOF_FRAME_H
#define CORDON_TESTS_BOOTPROOF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { FRAME_MOST = 1514, MAC_LENGTH = 6 };

/* An address of either family. */
struct place {
	bool v6;
	uint8_t bytes[16];
};
struct place place_of(const char *text); /* an address that we wrote ourselves: ends the program when it is none */
bool place_equal(const struct place *a, const struct place *b);
bool place_is_multicast(const struct place *place); /* the limited broadcast too */

struct frame {
	uint8_t bytes[FRAME_MOST];
	size_t length;
};

/* Where a frame goes and what its IP header says. */
struct route {
	uint8_t src_mac[MAC_LENGTH], dst_mac[MAC_LENGTH];
	struct place src, dst;
	uint8_t hop_limit; /* 0: 64 */
};

enum tcp_flag { TCP_FIN = 1, TCP_SYN = 2, TCP_RST = 4, TCP_PUSH = 8, TCP_ACK = 16 };

void frame_tcp(struct frame *frame, const struct route *route, uint16_t srcport, uint16_t dstport, uint8_t flags,
	       uint32_t sequence, uint32_t acknowledged);
void frame_udp(struct frame *frame, const struct route *route, uint16_t srcport, uint16_t dstport, const uint8_t *data,
	       size_t length);
/* The eight bytes of the header and what follows; the checksum is filled in. */
void frame_icmp(struct frame *frame, const struct route *route, const uint8_t *message, size_t length);
/* Two fragments out of a frame, the cut behind `cut` bytes of its data (a multiple of 8). */
void frame_split(const struct frame *whole, uint16_t id, size_t cut, struct frame pieces[2]);
/* An answer to an ARP request. */
void frame_arp(struct frame *frame, const uint8_t mac[MAC_LENGTH], const uint8_t *request);

/* A frame taken apart.  Numbers that it does not have are 0. */
struct sight {
	bool arp, ip, fragment_later; /* a fragment that has no ports */
	struct place src, dst;
	uint8_t src_mac[MAC_LENGTH], protocol, hop_limit, flags, type, code;
	uint16_t srcport, dstport;
	uint32_t sequence, acknowledged;
	const uint8_t *data; /* behind the header of TCP and UDP; the whole message of ICMP */
	size_t length;
};
/* False when it is no frame that any of this is about (cut short, another protocol). */
bool frame_parse(const uint8_t *bytes, size_t length, struct sight *ret_sight);

#endif
