/* Who a packet comes from or goes to, as a filter names it: any, me, a server class, an address, a prefix,
 * a range, or a DNS name (which was resolved when the filter was added: `name` is kept beside the address).
 * Source: netsh ipsec "add filter", reference windows-ipsec.md 1.2. */
#ifndef CORDON_POLICY_ADDRESS_H
#define CORDON_POLICY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"

enum family { FAMILY_NONE = 0, FAMILY_IPV4 = 4, FAMILY_IPV6 = 6 };

/* One address.  IPv4 is in the first four bytes, the rest are zero; network byte order. */
struct ip {
	uint8_t family;
	uint8_t bytes[16];
};

/* An address with the length of its network, such as a host has on an interface. */
struct ip_prefix {
	struct ip ip;
	uint8_t bits;
};

enum address_kind {
	ADDRESS_ANY,     /* every address of both families */
	ADDRESS_ME,      /* every unicast address of the host, now and later */
	ADDRESS_DNS,     /* server classes: the servers that the host's facts name */
	ADDRESS_WINS,
	ADDRESS_DHCP,
	ADDRESS_GATEWAY,
	ADDRESS_SUBNET,  /* first address and bits: one address has 32 or 128 */
	ADDRESS_RANGE,   /* first to last, both included; never a single address */
};

struct address {
	uint8_t kind;
	uint8_t family;     /* of SUBNET and RANGE; FAMILY_NONE otherwise */
	uint8_t bits;       /* of SUBNET */
	uint8_t first[16];  /* SUBNET: host bits are zero */
	uint8_t last[16];   /* of RANGE */
	const char *name;   /* the DNS name that it was resolved from, or NULL */
};

/* 32 or 128; 0 for FAMILY_NONE. */
unsigned family_bits(unsigned family);

/* An IPv4 or IPv6 address in text, whole; no zone, no prefix, no brackets.  IPv4 is four decimal parts. */
bool ip_parse(const char *text, size_t length, struct ip *ret_ip);
enum { IP_TEXT = 46 };
void ip_print(const struct ip *ip, char text[IP_TEXT]); /* RFC 5952 */
bool ip_equal(const struct ip *a, const struct ip *b);
/* Whether the first `bits` bits are those of `first`. */
bool ip_in_prefix(const uint8_t bytes[16], const uint8_t first[16], unsigned bits);
/* Clears all but the first `bits` bits of an address of `size` bits. */
void ip_mask(uint8_t bytes[16], unsigned bits);

/* ADDRESS/LENGTH, or a lone address as its whole length.  Host bits are kept. */
bool ip_prefix_parse(const char *text, size_t length, struct ip_prefix *ret_prefix);

/* "any", "me", "dns", "wins", "dhcp", "gateway" in any case. */
bool address_kind_parse(const char *text, size_t length, enum address_kind *ret_kind);

/* The canonical text of an address: any, me, dns…, A, A/BITS, or A-B.  Parses to itself. */
enum { ADDRESS_TEXT = 2 * IP_TEXT };
void address_print(const struct address *address, char text[ADDRESS_TEXT]);

/* That text back (host bits are cleared; a range of one address becomes that address); false when it is none
 * of these.  DNS names are not looked at here: `name` becomes NULL. */
bool address_parse(const char *text, size_t length, struct address *ret_address);

struct address address_subnet(const struct ip *ip, unsigned bits);

/* A dotted mask ("255.255.0.0", contiguous) as its number of bits. */
bool mask_parse(const char *text, size_t length, unsigned *ret_bits);
/* Dotted for IPv4 (text needs 16 bytes). */
void mask_print(unsigned bits, char text[IP_TEXT]);

/* Same kind, same addresses (the DNS name aside). */
bool address_equal(const struct address *a, const struct address *b);

/* Whether it is a server class: dns, wins, dhcp, gateway. */
bool address_is_server(const struct address *address);

/* The fewest prefixes that make up first..last of a family; at most 254 (IPv6) and 62 (IPv4).
 * Fills `prefixes` (room for ADDRESS_PREFIXES) and returns how many. */
enum { ADDRESS_PREFIXES = 254 };
size_t address_prefixes(const struct address *address, struct ip_prefix prefixes[ADDRESS_PREFIXES]);

#endif
