#include "tests/bootproof/frame.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ETHERNET = 14, IPV4_HEADER = 20, IPV6_HEADER = 40, TCP_HEADER = 20, UDP_HEADER = 8, FRAGMENT_HEADER = 8 };
enum { ETHERTYPE_4 = 0x0800, ETHERTYPE_ARP = 0x0806, ETHERTYPE_6 = 0x86dd };

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

struct place place_of(const char *text)
{
	struct place place = {.v6 = strchr(text, ':') != NULL};
	if (inet_pton(place.v6 ? AF_INET6 : AF_INET, text, place.bytes) != 1) {
		fprintf(stderr, "outside: not an address: %s\n", text);
		exit(4);
	}
	return place;
}

bool place_equal(const struct place *a, const struct place *b)
{
	return a->v6 == b->v6 && memcmp(a->bytes, b->bytes, a->v6 ? 16 : 4) == 0;
}

bool place_is_multicast(const struct place *place)
{
	return place->v6 ? place->bytes[0] == 0xff : place->bytes[0] >= 224;
}

static uint32_t sum(uint32_t total, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		total += get16(bytes + i);
	return length % 2 != 0 ? total + (uint32_t)(bytes[length - 1] << 8) : total;
}

static uint16_t sum_end(uint32_t total)
{
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

/* The checksum of a transport with its pseudo header. */
static uint16_t sum_transport(const struct route *route, uint8_t protocol, const uint8_t *data, size_t length)
{
	size_t size = route->src.v6 ? 16 : 4;
	uint32_t total = sum(protocol + (uint32_t)length, route->src.bytes, size);
	total = sum(total, route->dst.bytes, size);
	return sum_end(sum(total, data, length));
}

static uint8_t *header_ipv4(const struct route *route, uint8_t protocol, size_t length, uint8_t *at)
{
	static uint16_t id;
	memset(at, 0, IPV4_HEADER);
	at[0] = 0x45;
	put16(at + 2, (uint32_t)(IPV4_HEADER + length));
	put16(at + 4, ++id);
	at[8] = route->hop_limit != 0 ? route->hop_limit : 64;
	at[9] = protocol;
	memcpy(at + 12, route->src.bytes, 4);
	memcpy(at + 16, route->dst.bytes, 4);
	put16(at + 10, sum_end(sum(0, at, IPV4_HEADER)));
	return at + IPV4_HEADER;
}

static uint8_t *header_ipv6(const struct route *route, uint8_t protocol, size_t length, uint8_t *at)
{
	memset(at, 0, IPV6_HEADER);
	at[0] = 0x60;
	put16(at + 4, (uint32_t)length);
	at[6] = protocol;
	at[7] = route->hop_limit != 0 ? route->hop_limit : 64;
	memcpy(at + 8, route->src.bytes, 16);
	memcpy(at + 24, route->dst.bytes, 16);
	return at + IPV6_HEADER;
}

/* Both headers; returns where the data goes. */
static uint8_t *frame_start(struct frame *frame, const struct route *route, uint8_t protocol, size_t length)
{
	uint8_t *at = frame->bytes;
	memcpy(at, route->dst_mac, MAC_LENGTH);
	memcpy(at + 6, route->src_mac, MAC_LENGTH);
	put16(at + 12, route->src.v6 ? ETHERTYPE_6 : ETHERTYPE_4);
	frame->length = (size_t)ETHERNET + (route->src.v6 ? IPV6_HEADER : IPV4_HEADER) + length;
	if (frame->length > FRAME_MOST)
		abort();
	return route->src.v6 ? header_ipv6(route, protocol, length, at + ETHERNET) :
			       header_ipv4(route, protocol, length, at + ETHERNET);
}

void frame_tcp(struct frame *frame, const struct route *route, uint16_t srcport, uint16_t dstport, uint8_t flags,
	       uint32_t sequence, uint32_t acknowledged)
{
	uint8_t *at = frame_start(frame, route, IPPROTO_TCP, TCP_HEADER);
	memset(at, 0, TCP_HEADER);
	put16(at, srcport);
	put16(at + 2, dstport);
	put32(at + 4, sequence);
	put32(at + 8, acknowledged);
	at[12] = TCP_HEADER / 4 << 4;
	at[13] = flags;
	put16(at + 14, 65535);
	put16(at + 16, sum_transport(route, IPPROTO_TCP, at, TCP_HEADER));
}

void frame_udp(struct frame *frame, const struct route *route, uint16_t srcport, uint16_t dstport, const uint8_t *data,
	       size_t length)
{
	uint8_t *at = frame_start(frame, route, IPPROTO_UDP, UDP_HEADER + length);
	put16(at, srcport);
	put16(at + 2, dstport);
	put16(at + 4, (uint32_t)(UDP_HEADER + length));
	put16(at + 6, 0);
	memcpy(at + UDP_HEADER, data, length);
	uint16_t checksum = sum_transport(route, IPPROTO_UDP, at, UDP_HEADER + length);
	put16(at + 6, checksum != 0 ? checksum : 0xffff);
}

void frame_icmp(struct frame *frame, const struct route *route, const uint8_t *message, size_t length)
{
	uint8_t protocol = route->src.v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP;
	uint8_t *at = frame_start(frame, route, protocol, length);
	memcpy(at, message, length);
	put16(at + 2, 0);
	put16(at + 2, route->src.v6 ? sum_transport(route, protocol, at, length) : sum_end(sum(0, at, length)));
}

static void piece_ipv4(const struct frame *whole, uint16_t id, size_t offset, size_t length, bool more, struct frame *piece)
{
	uint8_t *head = piece->bytes + ETHERNET;
	memcpy(piece->bytes, whole->bytes, ETHERNET + IPV4_HEADER);
	memcpy(head + IPV4_HEADER, whole->bytes + ETHERNET + IPV4_HEADER + offset, length);
	put16(head + 2, (uint32_t)(IPV4_HEADER + length));
	put16(head + 4, id);
	put16(head + 6, (more ? 0x2000u : 0) | (uint32_t)(offset / 8));
	put16(head + 10, 0);
	put16(head + 10, sum_end(sum(0, head, IPV4_HEADER)));
	piece->length = ETHERNET + IPV4_HEADER + length;
}

static void piece_ipv6(const struct frame *whole, uint16_t id, size_t offset, size_t length, bool more, struct frame *piece)
{
	uint8_t *head = piece->bytes + ETHERNET, *fragment = head + IPV6_HEADER;
	memcpy(piece->bytes, whole->bytes, ETHERNET + IPV6_HEADER);
	memset(fragment, 0, FRAGMENT_HEADER);
	fragment[0] = head[6];
	put16(fragment + 2, (uint32_t)offset | (more ? 1u : 0));
	put32(fragment + 4, id);
	memcpy(fragment + FRAGMENT_HEADER, whole->bytes + ETHERNET + IPV6_HEADER + offset, length);
	head[6] = IPPROTO_FRAGMENT;
	put16(head + 4, (uint32_t)(FRAGMENT_HEADER + length));
	piece->length = ETHERNET + IPV6_HEADER + FRAGMENT_HEADER + length;
}

void frame_split(const struct frame *whole, uint16_t id, size_t cut, struct frame pieces[2])
{
	bool v6 = get16(whole->bytes + 12) == ETHERTYPE_6;
	size_t data = whole->length - ETHERNET - (v6 ? IPV6_HEADER : IPV4_HEADER);
	void (*make)(const struct frame *, uint16_t, size_t, size_t, bool, struct frame *) = v6 ? piece_ipv6 : piece_ipv4;
	make(whole, id, 0, cut, true, &pieces[0]);
	make(whole, id, cut, data - cut, false, &pieces[1]);
}

void frame_arp(struct frame *frame, const uint8_t mac[MAC_LENGTH], const uint8_t *request)
{
	uint8_t *at = frame->bytes;
	memcpy(at, request + 6, MAC_LENGTH);
	memcpy(at + 6, mac, MAC_LENGTH);
	memcpy(at + 12, request + 12, 8); /* the type, and ARP's own of Ethernet and IPv4 */
	put16(at + 20, 2);
	memcpy(at + 22, mac, MAC_LENGTH);
	memcpy(at + 28, request + 38, 4);
	memcpy(at + 32, request + 22, MAC_LENGTH + 4);
	frame->length = 42;
}

static bool parse_transport(const uint8_t *at, size_t length, struct sight *sight)
{
	size_t header = sight->protocol == IPPROTO_TCP ? TCP_HEADER : UDP_HEADER;
	if (sight->fragment_later || (sight->protocol != IPPROTO_TCP && sight->protocol != IPPROTO_UDP &&
				      sight->protocol != IPPROTO_ICMP && sight->protocol != IPPROTO_ICMPV6))
		return true;
	if (length < header)
		return false;
	sight->data = at + header;
	sight->length = length - header;
	if (sight->protocol == IPPROTO_ICMP || sight->protocol == IPPROTO_ICMPV6) {
		sight->type = at[0];
		sight->code = at[1];
		sight->data = at;
		sight->length = length;
		return true;
	}
	sight->srcport = get16(at);
	sight->dstport = get16(at + 2);
	if (sight->protocol == IPPROTO_TCP) {
		sight->sequence = get32(at + 4);
		sight->acknowledged = get32(at + 8);
		sight->flags = at[13];
	}
	return true;
}

static bool parse_ipv4(const uint8_t *at, size_t length, struct sight *sight)
{
	size_t header = length >= IPV4_HEADER ? (size_t)(at[0] & 15) * 4 : 0;
	if (header < IPV4_HEADER || header > length || get16(at + 2) < header || get16(at + 2) > length)
		return false;
	memcpy(sight->src.bytes, at + 12, 4);
	memcpy(sight->dst.bytes, at + 16, 4);
	sight->protocol = at[9];
	sight->hop_limit = at[8];
	sight->fragment_later = (get16(at + 6) & 0x1fff) != 0;
	return parse_transport(at + header, get16(at + 2) - header, sight);
}

/* Extension headers: as many as a frame of this size can hold. */
static bool parse_ipv6(const uint8_t *at, size_t length, struct sight *sight)
{
	if (length < IPV6_HEADER || get16(at + 4) > length - IPV6_HEADER)
		return false;
	memcpy(sight->src.bytes, at + 8, 16);
	memcpy(sight->dst.bytes, at + 24, 16);
	sight->src.v6 = sight->dst.v6 = true;
	sight->protocol = at[6];
	sight->hop_limit = at[7];
	size_t left = get16(at + 4);
	at += IPV6_HEADER;
	while (sight->protocol == IPPROTO_HOPOPTS || sight->protocol == IPPROTO_DSTOPTS || sight->protocol == IPPROTO_FRAGMENT) {
		size_t header = left < 8 ? SIZE_MAX : sight->protocol == IPPROTO_FRAGMENT ? 8 : (size_t)(at[1] + 1) * 8;
		if (header > left)
			return false;
		if (sight->protocol == IPPROTO_FRAGMENT)
			sight->fragment_later = (get16(at + 2) & 0xfff8) != 0;
		sight->protocol = at[0];
		at += header;
		left -= header;
	}
	return parse_transport(at, left, sight);
}

bool frame_parse(const uint8_t *bytes, size_t length, struct sight *ret_sight)
{
	struct sight sight = {0};
	if (length < ETHERNET)
		return false;
	uint16_t type = get16(bytes + 12);
	memcpy(sight.src_mac, bytes + 6, MAC_LENGTH);
	sight.arp = type == ETHERTYPE_ARP && length >= 42;
	sight.ip = type == ETHERTYPE_4 || type == ETHERTYPE_6;
	if (sight.ip && !(type == ETHERTYPE_4 ? parse_ipv4 : parse_ipv6)(bytes + ETHERNET, length - ETHERNET, &sight))
		return false;
	*ret_sight = sight;
	return sight.arp || sight.ip;
}
