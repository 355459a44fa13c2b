/* A filter: which packets.  Its action comes from the rule that uses its list. */
#ifndef CORDON_POLICY_FILTER_H
#define CORDON_POLICY_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/policy/address.h"

enum protocol { PROTOCOL_ANY = 0, PROTOCOL_ICMP = 1, PROTOCOL_TCP = 6, PROTOCOL_UDP = 17, PROTOCOL_ICMPV6 = 58, PROTOCOL_RAW = 255 };

struct filter {
	struct address src, dst;
	uint16_t srcport, dstport; /* 0 is any; otherwise protocol is TCP or UDP */
	uint8_t protocol;          /* 0 is any; ICMP means ICMPv6 where the packet is IPv6 */
	bool mirrored;             /* the reverse as well */
	bool replies;              /* our own: the reverse only for packets that answer (DESIGN, meaning 7); needs mirrored */
	const char *description;   /* "" when there is none */
	const char *file;          /* the script or profile that it came from, or NULL */
	uint32_t line;             /* and the line there, 0 when unknown */
	int64_t row;               /* of the store; 0 until it is stored */
};

/* Same packets: everything but description, file, line and row. */
bool filter_equal(const struct filter *a, const struct filter *b);

/* Checks what no single value shows: a port needs TCP or UDP, both sides of one family, a server class
 * needs `me` on the other side, replies needs mirrored.  Returns NULL when good, else what is wrong (static text). */
const char *filter_check(const struct filter *filter);

/* "any", "icmp", "tcp", "udp", "raw" in any case, or 0 to 255. */
bool protocol_parse(const char *text, size_t length, uint8_t *ret_protocol);
/* The name, upper case as netsh prints it, or the number. */
enum { PROTOCOL_TEXT = 8 };
void protocol_print(uint8_t protocol, char text[PROTOCOL_TEXT]);

/* One line for people: "tcp any -> me:80 mirrored" */
void filter_print(const struct filter *filter, struct buffer *buffer);

#endif
