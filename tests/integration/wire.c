#include "tests/integration/wire.h"

#include <netinet/in.h>
#include <string.h>

static const uint8_t magic[4] = {'C', 'o', 'R', 'd'};

enum {
	PAYLOAD = 96,           /* bytes, all of it magic and identity in turn */
	OTHER_HEADER = 8,       /* zeros before the payload of a protocol that is not known here */
	PIECE = 48, TINY = 8,   /* bytes of the first fragment's data; multiples of 8 */
};

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

static uint32_t sum(uint32_t total, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i + 1 < length; i += 2)
		total += (uint32_t)bytes[i] << 8 | bytes[i + 1];
	if (length % 2 != 0)
		total += (uint32_t)bytes[length - 1] << 8;
	return total;
}

static uint32_t sum_end(uint32_t total)
{
	while (total >> 16 != 0)
		total = (total & 0xffff) + (total >> 16);
	return ~total & 0xffff;
}

/* Where each protocol keeps its checksum, and how long its header is. */
static const struct layout {
	uint8_t protocol, header;
	uint8_t checksum;   /* offset; 0: none */
	bool pseudo;        /* the addresses count */
} layouts[] = {
	{PROTOCOL_TCP, 20, 16, true},  {PROTOCOL_UDP, 8, 6, true}, {PROTOCOL_ICMP, 8, 2, false},
	{PROTOCOL_ICMPV6, 8, 2, true}, {136 /* UDP-Lite */, 8, 6, true},
};

static const struct layout *layout_find(uint8_t protocol)
{
	static const struct layout other = {0, OTHER_HEADER, 0, false};
	for (size_t i = 0; i < ARRAY_LENGTH(layouts); i++)
		if (layouts[i].protocol == protocol)
			return &layouts[i];
	return &other;
}

/* The header of the transport and the payload; returns the length. */
static size_t data_build(const struct packet *packet, uint32_t id, unsigned flags, uint8_t *data)
{
	const struct layout *layout = layout_find(packet->protocol);
	size_t length = layout->header + (size_t)PAYLOAD;
	memset(data, 0, length);
	for (size_t at = layout->header; at < length; at += 8) {
		memcpy(data + at, magic, sizeof(magic));
		put32(data + at + 4, id);
	}
	switch (packet->protocol) {
	case PROTOCOL_TCP: {
		bool ack = packet->reply || (flags & WIRE_ACK) != 0;
		put32(data + 4, packet->reply ? 7000 : 1000); /* sequence */
		put32(data + 8, ack ? 1001 + (uint32_t)PAYLOAD : 0);
		data[12] = 5 << 4;
		data[13] = packet->reply ? 0x12 : ack ? 0x10 : 0x02; /* SYN+ACK, ACK, SYN */
		put16(data + 14, 65535);
		break;
	}
	case PROTOCOL_UDP:
		put16(data + 4, (uint32_t)length);
		break;
	case 136:
		put16(data + 4, 0); /* the checksum covers all */
		break;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		data[0] = packet->icmp_type >= 0 ? (uint8_t)packet->icmp_type : packet->protocol == PROTOCOL_ICMP ? 8 : 128;
		put16(data + 4, 77); /* identifier */
		put16(data + 6, 1);
		break;
	default:
		break;
	}
	if (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP || packet->protocol == 136) {
		put16(data, packet->srcport);
		put16(data + 2, packet->dstport);
	}
	if (layout->checksum != 0) {
		size_t size = packet->src.family == FAMILY_IPV4 ? 4 : 16;
		uint32_t total = sum(0, data, length);
		if (layout->pseudo)
			total = sum(sum(total + packet->protocol + (uint32_t)length, packet->src.bytes, size), packet->dst.bytes, size);
		uint32_t checksum = sum_end(total);
		put16(data + layout->checksum, checksum != 0 ? checksum : 0xffff);
	}
	return length;
}

struct piece {
	size_t offset, length;
	bool more, fragment;
};

static void ipv4_build(const struct packet *packet, uint32_t id, unsigned flags, const uint8_t *data,
		       const struct piece *piece, struct wire *wire)
{
	uint8_t *head = wire->bytes;
	size_t header = (flags & WIRE_OPTIONS) != 0 ? 24 : 20;
	wire->length = header + piece->length;
	memset(head, 0, header);
	head[0] = (uint8_t)(0x40 | header / 4);
	put16(head + 2, (uint32_t)wire->length);
	put16(head + 4, (id & 0xffff) != 0 ? id & 0xffff : 1);
	put16(head + 6, (piece->more ? 0x2000u : 0) | (uint32_t)(piece->offset / 8));
	head[8] = 64;
	head[9] = packet->protocol;
	memcpy(head + 12, packet->src.bytes, 4);
	memcpy(head + 16, packet->dst.bytes, 4);
	if (header > 20)
		memset(head + 20, 1, header - 20); /* no operation */
	put16(head + 10, sum_end(sum(0, head, header)));
	memcpy(head + header, data + piece->offset, piece->length);
}

static void ipv6_build(const struct packet *packet, uint32_t id, unsigned flags, const uint8_t *data,
		       const struct piece *piece, struct wire *wire)
{
	uint8_t *head = wire->bytes, *next = head + 6, *at = head + 40;
	bool discovery = packet->protocol == PROTOCOL_ICMPV6 && packet->icmp_type >= 133 && packet->icmp_type <= 136;
	memset(head, 0, 40 + 16);
	head[0] = 0x60;
	head[7] = discovery ? 255 : 64;
	memcpy(head + 8, packet->src.bytes, 16);
	memcpy(head + 24, packet->dst.bytes, 16);
	if (piece->fragment) {
		*next = 44;
		next = at;
		put16(at + 2, (uint32_t)piece->offset | (piece->more ? 1u : 0));
		put32(at + 4, id);
		at += 8;
	}
	*next = packet->protocol;
	if ((flags & WIRE_OPTIONS) != 0) { /* never together with a fragment: then it would be part of the data */
		*next = 60;
		at[0] = packet->protocol;
		at[2] = 1; /* PadN of 4 */
		at[3] = 4;
		at += 8;
	}
	memcpy(at, data + piece->offset, piece->length);
	wire->length = (size_t)(at - head) + piece->length;
	put16(head + 4, (uint32_t)wire->length - 40);
}

size_t wire_build(const struct packet *packet, uint32_t id, unsigned flags, struct wire pieces[WIRE_PIECES])
{
	uint8_t data[PAYLOAD + 20];
	size_t length = data_build(packet, id, flags, data), count = 1;
	struct piece plan[WIRE_PIECES] = {{.length = length}};
	if (packet->fragment) {
		size_t first = (flags & WIRE_TINY) != 0 ? TINY : PIECE;
		if (packet->src.family == FAMILY_IPV6)
			flags &= ~(unsigned)WIRE_OPTIONS;
		plan[0] = (struct piece){.length = first, .more = true, .fragment = true};
		plan[1] = (struct piece){.offset = first, .length = length - first, .fragment = true};
		if ((flags & WIRE_BACKWARDS) != 0) {
			struct piece last = plan[1];
			plan[1] = plan[0];
			plan[0] = last;
		}
		count = 2;
	}
	for (size_t i = 0; i < count; i++) {
		if (packet->src.family == FAMILY_IPV4)
			ipv4_build(packet, id, flags, data, &plan[i], &pieces[i]);
		else
			ipv6_build(packet, id, flags, data, &plan[i], &pieces[i]);
	}
	return count;
}

uint32_t wire_find(const uint8_t *bytes, size_t length)
{
	const uint8_t *at = memmem(bytes, length, magic, sizeof(magic));
	if (at == NULL || (size_t)(bytes + length - at) < 8)
		return 0;
	return (uint32_t)at[4] << 24 | (uint32_t)at[5] << 16 | (uint32_t)at[6] << 8 | at[7];
}

struct packet wire_answer(const struct packet *packet)
{
	struct packet answer = *packet;
	answer.src = packet->dst;
	answer.dst = packet->src;
	answer.srcport = packet->dstport;
	answer.dstport = packet->srcport;
	answer.reply = true;
	if (packet->direction == DIRECTION_IN)
		answer.direction = DIRECTION_OUT;
	else if (packet->direction == DIRECTION_OUT)
		answer.direction = DIRECTION_IN;
	if (packet->protocol == PROTOCOL_ICMP && packet->icmp_type == 8)
		answer.icmp_type = 0;
	else if (packet->protocol == PROTOCOL_ICMPV6 && packet->icmp_type == 128)
		answer.icmp_type = 129;
	return answer;
}
