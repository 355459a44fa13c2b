#include "tests/bootproof/peer.h"

#include <netinet/in.h>
#include <string.h>

#include "core/base/attr.h"
#include "tests/bootproof/plan.h"

const uint8_t peer_mac[MAC_LENGTH] = {0x52, 0x54, 0, 0, 0, 1};
const uint8_t peer_guest_mac[MAC_LENGTH] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};
static const uint8_t everyone[MAC_LENGTH] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t all_nodes[MAC_LENGTH] = {0x33, 0x33, 0, 0, 0, 1};

enum how { PLAIN, FRAGMENTS, TO_ALL, TO_NET, LINK_LOCAL, FAKED };

/* What it sends unasked: each row for both families, where it has one in both. */
static const struct row {
	uint8_t protocol; /* IPPROTO_ICMP: an echo request */
	enum how how;
	uint16_t srcport; /* 0: any */
	uint16_t dstport;
	uint8_t flags;
} rows[] = {
	{IPPROTO_TCP, PLAIN, 0, PORT_PERMITTED, TCP_SYN},   {IPPROTO_UDP, PLAIN, 0, PORT_PERMITTED, 0},
	{IPPROTO_TCP, PLAIN, 0, PORT_FORBIDDEN, TCP_SYN},   {IPPROTO_TCP, PLAIN, 53, PORT_FORBIDDEN, TCP_SYN},
	{IPPROTO_TCP, PLAIN, 80, PORT_FORBIDDEN, TCP_SYN},  {IPPROTO_TCP, PLAIN, 88, PORT_FORBIDDEN, TCP_SYN},
	{IPPROTO_UDP, PLAIN, 0, PORT_FORBIDDEN, 0},         {IPPROTO_UDP, PLAIN, 53, PORT_FORBIDDEN, 0},
	{IPPROTO_UDP, PLAIN, 80, PORT_FORBIDDEN, 0},        {IPPROTO_UDP, PLAIN, 88, PORT_FORBIDDEN, 0},
	{IPPROTO_TCP, PLAIN, 0, PORT_CLOSED, TCP_SYN},      {IPPROTO_UDP, PLAIN, 0, PORT_CLOSED, 0},
	{IPPROTO_TCP, PLAIN, 443, PORT_FORBIDDEN, TCP_SYN}, {IPPROTO_TCP, PLAIN, 0, PORT_FORBIDDEN, TCP_ACK},
	{IPPROTO_TCP, PLAIN, 0, PORT_EXEMPT, TCP_SYN},      {IPPROTO_TCP, PLAIN, 0, PORT_OTHER, TCP_SYN},
	{IPPROTO_ICMP, PLAIN, 0, 0, 0},                     {IPPROTO_UDP, PLAIN, 0, PORT_IKE, 0},
	{IPPROTO_UDP, PLAIN, PORT_IKE, PORT_FORBIDDEN, 0},  {IPPROTO_UDP, FRAGMENTS, 0, PORT_FORBIDDEN, 0},
	{IPPROTO_UDP, FRAGMENTS, 0, PORT_PERMITTED, 0},     {IPPROTO_ICMP, FRAGMENTS, 0, 0, 0},
	{IPPROTO_UDP, TO_ALL, 0, PORT_FORBIDDEN, 0},        {IPPROTO_UDP, TO_NET, 0, PORT_FORBIDDEN, 0},
	{IPPROTO_ICMP, TO_ALL, 0, 0, 0},                    {IPPROTO_TCP, LINK_LOCAL, 0, PORT_FORBIDDEN, TCP_SYN},
	{IPPROTO_TCP, LINK_LOCAL, 0, PORT_PERMITTED, TCP_SYN}, {IPPROTO_ICMP, LINK_LOCAL, 0, 0, 0},
	{IPPROTO_TCP, FAKED, 80, PORT_FAKED, TCP_SYN | TCP_ACK}, {IPPROTO_UDP, FAKED, 53, PORT_FAKED, 0},
};

static struct route row_route(const struct row *row, bool v6)
{
	struct route route = {.src = place_of(v6 ? PLACE_CLIENT6 : PLACE_CLIENT4), .dst = place_of(v6 ? PLACE_GUEST6 : PLACE_GUEST4)};
	memcpy(route.src_mac, peer_mac, MAC_LENGTH);
	memcpy(route.dst_mac, peer_guest_mac, MAC_LENGTH);
	switch (row->how) {
	case TO_ALL:
	case TO_NET:
		/* The near one asks: the answer needs no route. */
		route.src = place_of(v6 ? PLACE_NEAR6 : PLACE_GATEWAY4);
		route.dst = place_of(v6 ? "ff02::1" : row->how == TO_ALL ? "255.255.255.255" : "192.0.2.255");
		memcpy(route.dst_mac, v6 ? all_nodes : everyone, MAC_LENGTH);
		break;
	case LINK_LOCAL:
		route.src = place_of(v6 ? PLACE_NEAR6 : PLACE_GATEWAY4);
		route.dst = place_of(v6 ? PLACE_LOCAL6 : PLACE_GUEST4);
		break;
	case FAKED:
		route.src = place_of(v6 ? PLACE_FORBIDDEN6 : PLACE_FORBIDDEN4);
		break;
	case PLAIN:
	case FRAGMENTS:
		break;
	}
	return route;
}

static void row_build(const struct row *row, bool v6, unsigned turn, struct frame *frame)
{
	struct route route = row_route(row, v6);
	/* A port of its own every time: no connection that the guest still remembers is met again. */
	uint16_t srcport = row->srcport != 0 ? row->srcport : (uint16_t)(30000 + turn % 30000);
	uint8_t data[272] = {0};
	memcpy(data, "outside", 7);
	if (row->protocol == IPPROTO_TCP) {
		frame_tcp(frame, &route, srcport, row->dstport, row->flags, turn * 100000, (row->flags & TCP_ACK) != 0 ? 1 : 0);
	} else if (row->protocol == IPPROTO_UDP) {
		frame_udp(frame, &route, srcport, row->dstport, data, row->how == FRAGMENTS ? sizeof(data) : 16);
	} else {
		data[0] = v6 ? 128 : 8;
		data[1] = data[2] = data[3] = 0;
		frame_icmp(frame, &route, data, row->how == FRAGMENTS ? sizeof(data) : 16);
	}
}

size_t peer_next(struct peer *peer, struct frame frames[PEER_FRAMES])
{
	const struct row *row = &rows[peer->next / 2];
	bool v6 = peer->next % 2 != 0;
	peer->next = (peer->next + 1) % (ARRAY_LENGTH(rows) * 2);
	peer->turn++;
	struct frame whole;
	row_build(row, v6, peer->turn, &whole);
	if (row->how != FRAGMENTS) {
		frames[0] = whole;
		return 1;
	}
	frame_split(&whole, (uint16_t)(peer->turn | 1), 160, frames);
	return 2;
}

/* --- What it answers. --- */

enum { DHCP_FIXED = 236, DHCP_OPTIONS = 240, DHCP_MOST = 320 };

/* The value of an option of a DHCP message, or 0. */
static uint8_t dhcp_kind(const uint8_t *data, size_t length)
{
	for (size_t at = DHCP_OPTIONS; at + 2 < length && data[at] != 255; at += data[at] == 0 ? 1 : (size_t)data[at + 1] + 2)
		if (data[at] == 53)
			return data[at + 2];
	return 0;
}

static uint8_t *option_put(uint8_t *at, uint8_t number, const void *value, uint8_t length)
{
	at[0] = number;
	at[1] = length;
	memcpy(at + 2, value, length);
	return at + 2 + length;
}

static size_t dhcp_answer(struct peer *peer, const struct sight *sight, struct frame *frame)
{
	static const uint8_t lease[4] = {0, 0, 0, PEER_LEASE}, mask[4] = {255, 255, 255, 0};
	const uint8_t *asked = sight->data;
	uint8_t kind = sight->length > DHCP_OPTIONS ? dhcp_kind(asked, sight->length) : 0;
	if (kind != 1 && kind != 3)
		return 0;
	bool renewal = kind == 3 && memcmp(asked + 12, (const uint8_t[4]){0}, 4) != 0;
	*(kind == 1 ? &peer->discovers : renewal ? &peer->renewals : &peer->requests) += 1;
	struct place server = place_of(PLACE_DHCP4), guest = place_of(PLACE_GUEST4);
	struct place gateway = place_of(PLACE_GATEWAY4), dns = place_of(PLACE_DNS4);
	uint8_t message[DHCP_MOST] = {2, 1, 6, 0}, answer = kind == 1 ? 2 : 5;
	memcpy(message + 4, asked + 4, 4);   /* transaction */
	memcpy(message + 10, asked + 10, 6); /* flags, and the address that the client has */
	memcpy(message + 16, guest.bytes, 4);
	memcpy(message + 28, asked + 28, 16);
	memcpy(message + DHCP_FIXED, "\x63\x82\x53\x63", 4);
	uint8_t *at = option_put(message + DHCP_OPTIONS, 53, &answer, 1);
	at = option_put(at, 54, server.bytes, 4);
	at = option_put(at, 51, lease, 4);
	at = option_put(at, 1, mask, 4);
	at = option_put(at, 3, gateway.bytes, 4);
	at = option_put(at, 6, dns.bytes, 4);
	*at = 255;
	struct route route = {.src = server, .dst = renewal ? guest : place_of("255.255.255.255")};
	memcpy(route.src_mac, peer_mac, MAC_LENGTH);
	memcpy(route.dst_mac, renewal ? peer_guest_mac : everyone, MAC_LENGTH);
	frame_udp(frame, &route, 67, 68, message, sizeof(message));
	return 1;
}

/* A neighbour solicitation for any address that is not the guest's; one that only asks whether an address is free
 * (its source is unspecified) gets none. */
static size_t neighbour_answer(const struct sight *sight, const struct route *back, struct frame *frame)
{
	static const uint8_t nobody[16];
	struct place target = {.v6 = true};
	if (sight->length < 24 || memcmp(sight->src.bytes, nobody, 16) == 0)
		return 0;
	memcpy(target.bytes, sight->data + 8, 16);
	struct place own = place_of(PLACE_GUEST6), local = place_of(PLACE_LOCAL6);
	if (place_equal(&target, &own) || place_equal(&target, &local))
		return 0;
	uint8_t message[32] = {136, 0, 0, 0, 0x60};
	memcpy(message + 8, target.bytes, 16);
	message[24] = 2;
	message[25] = 1;
	memcpy(message + 26, peer_mac, MAC_LENGTH);
	struct route route = *back;
	route.src = target;
	route.hop_limit = 255;
	frame_icmp(frame, &route, message, sizeof(message));
	return 1;
}

static size_t icmp_answer(const struct sight *sight, const struct route *back, struct frame *frame)
{
	uint8_t message[1024];
	if (sight->protocol == IPPROTO_ICMPV6 && sight->type == 135)
		return neighbour_answer(sight, back, frame);
	if (sight->type != (sight->src.v6 ? 128 : 8) || sight->length > sizeof(message))
		return 0;
	memcpy(message, sight->data, sight->length);
	message[0] = sight->src.v6 ? 129 : 0;
	frame_icmp(frame, back, message, sight->length);
	return 1;
}

/* A connection that the guest begins is taken; one that it takes is cut again. */
static size_t tcp_answer(const struct sight *sight, const struct route *back, struct frame *frame)
{
	uint8_t both = sight->flags & (TCP_SYN | TCP_ACK);
	if ((sight->flags & TCP_RST) != 0)
		return 0;
	if (both == TCP_SYN)
		frame_tcp(frame, back, sight->dstport, sight->srcport, TCP_SYN | TCP_ACK, 7000, sight->sequence + 1);
	else if (both == (TCP_SYN | TCP_ACK))
		frame_tcp(frame, back, sight->dstport, sight->srcport, TCP_RST, sight->acknowledged, 0);
	else if ((sight->flags & TCP_FIN) != 0)
		frame_tcp(frame, back, sight->dstport, sight->srcport, TCP_FIN | TCP_ACK, sight->acknowledged, sight->sequence + 1);
	else
		return 0;
	return 1;
}

size_t peer_answer(struct peer *peer, const uint8_t *bytes, size_t length, const struct sight *sight, struct frame *frame)
{
	if (sight->arp) {
		struct place asked = {0}, guest = place_of(PLACE_GUEST4);
		memcpy(asked.bytes, bytes + 38, 4);
		bool request = length >= 42 && bytes[21] == 1 && memcmp(bytes + 28, (const uint8_t[4]){0}, 4) != 0;
		if (!request || place_equal(&asked, &guest) || memcmp(bytes + 28, bytes + 38, 4) == 0)
			return 0;
		frame_arp(frame, peer_mac, bytes);
		return 1;
	}
	struct route back = {.src = sight->dst, .dst = sight->src};
	memcpy(back.src_mac, peer_mac, MAC_LENGTH);
	memcpy(back.dst_mac, peer_guest_mac, MAC_LENGTH);
	if (sight->fragment_later)
		return 0;
	if (sight->protocol == IPPROTO_UDP && sight->srcport == 68 && sight->dstport == 67)
		return dhcp_answer(peer, sight, frame);
	if (sight->protocol == IPPROTO_ICMPV6 || (sight->protocol == IPPROTO_ICMP && !place_is_multicast(&sight->dst)))
		return icmp_answer(sight, &back, frame);
	if (place_is_multicast(&sight->dst))
		return 0;
	if (sight->protocol == IPPROTO_TCP)
		return tcp_answer(sight, &back, frame);
	/* What the guest asks is echoed; what it answers is not, or it would never end. */
	if (sight->protocol == IPPROTO_UDP && sight->srcport >= PORT_INSIDE_FIRST && sight->srcport < PORT_FAKED &&
	    sight->length <= 512) {
		frame_udp(frame, &back, sight->dstport, sight->srcport, sight->data, sight->length);
		return 1;
	}
	return 0;
}
