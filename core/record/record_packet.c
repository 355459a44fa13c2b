/* The packet bytes that a record caught.  They are the start of a packet only, and hostile: each field is taken when
 * all of its bytes are there, and no chain of headers is followed further than EXTENSIONS_MOST. */
#include <string.h>

#include "core/base/attr.h"
#include "core/record/record.h"

enum { EXTENSIONS_MOST = 16, IPV4_LEAST = 20, IPV6_HEADER = 40 };

/* Protocol numbers that say how to go on. */
enum {
	HOP_BY_HOP = 0, ICMP = 1, TCP = 6, UDP = 17, DCCP = 33, ROUTING = 43, FRAGMENT = 44, ESP = 50, AH = 51,
	ICMPV6 = 58, NO_NEXT = 59, DESTINATION = 60, SCTP = 132, UDP_LITE = 136,
};

static uint16_t read16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t read32(const uint8_t *at)
{
	return (uint32_t)read16(at) << 16 | read16(at + 2);
}

static void address_take(struct record *record, enum record_column column, uint8_t family, const uint8_t *bytes)
{
	struct ip ip = {.family = family};
	memcpy(ip.bytes, bytes, family == FAMILY_IPV4 ? 4 : 16);
	if (column == COLUMN_SRC_IP)
		record->src = ip;
	else
		record->dst = ip;
	record->has |= RECORD_HAS(column);
}

static void ports_take(struct record *record, const uint8_t *bytes, size_t length)
{
	if (length >= 2) {
		record->srcport = read16(bytes);
		record->has |= RECORD_HAS(COLUMN_SRC_PORT);
	}
	if (length >= 4) {
		record->dstport = read16(bytes + 2);
		record->has |= RECORD_HAS(COLUMN_DST_PORT);
	}
}

static void tcp_take(struct record *record, const uint8_t *bytes, size_t length)
{
	ports_take(record, bytes, length);
	if (length >= 14) {
		record->tcpflags = bytes[13];
		record->has |= RECORD_HAS(COLUMN_TCPFLAGS);
	}
}

static void icmp_take(struct record *record, const uint8_t *bytes, size_t length)
{
	if (length >= 1) {
		record->icmptype = bytes[0];
		record->has |= RECORD_HAS(COLUMN_ICMPTYPE);
	}
	if (length >= 2) {
		record->icmpcode = bytes[1];
		record->has |= RECORD_HAS(COLUMN_ICMPCODE);
	}
}

static void spi_take(struct record *record, const uint8_t *bytes, size_t length)
{
	if (length >= 4) {
		record->spi = read32(bytes);
		record->has |= RECORD_HAS(COLUMN_SPI);
	}
}

static void ah_take(struct record *record, const uint8_t *bytes, size_t length)
{
	if (length >= 8)
		spi_take(record, bytes + 4, length - 4);
}

static const struct {
	uint8_t protocol;
	void (*take)(struct record *record, const uint8_t *bytes, size_t length);
} transports[] = {
	{TCP, tcp_take},   {UDP, ports_take},  {ICMP, icmp_take},    {ICMPV6, icmp_take}, {ESP, spi_take},
	{AH, ah_take},     {SCTP, ports_take}, {UDP_LITE, ports_take}, {DCCP, ports_take},
};

static void transport_take(struct record *record, uint8_t protocol, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < ARRAY_LENGTH(transports); i++) {
		if (transports[i].protocol == protocol) {
			transports[i].take(record, bytes, length);
			return;
		}
	}
}

static void protocol_take(struct record *record, uint8_t protocol)
{
	record->protocol = protocol;
	record->has |= RECORD_HAS(COLUMN_PROTOCOL);
}

static bool ipv4_take(struct record *record, const uint8_t *bytes, size_t length)
{
	size_t header = (size_t)(bytes[0] & 15) * 4;
	if (header < IPV4_LEAST)
		return false;
	/* 0: a packet that the network card cuts into pieces later on; its length is not in the header. */
	if (length >= 4 && read16(bytes + 2) > 0) {
		record->size = read16(bytes + 2);
		record->has |= RECORD_HAS(COLUMN_SIZE);
	}
	if (length >= 10)
		protocol_take(record, bytes[9]);
	if (length >= 16)
		address_take(record, COLUMN_SRC_IP, FAMILY_IPV4, bytes + 12);
	if (length >= IPV4_LEAST)
		address_take(record, COLUMN_DST_IP, FAMILY_IPV4, bytes + 16);
	bool first = length >= 8 && (read16(bytes + 6) & 0x1fff) == 0;
	if (first && length > header)
		transport_take(record, bytes[9], bytes + header, length - header);
	return true;
}

/* Whether a header of IPv6 is followed by another one whose number it holds, as the kernel's meta l4proto has it. */
static bool extension_is(uint8_t protocol)
{
	return protocol == HOP_BY_HOP || protocol == ROUTING || protocol == FRAGMENT || protocol == AH || protocol == DESTINATION;
}

/* From the first header after the fixed one to the transport. */
static void extensions_take(struct record *record, uint8_t next, const uint8_t *bytes, size_t length)
{
	for (unsigned count = 0; extension_is(next) && length >= 2 && count < EXTENSIONS_MOST; count++) {
		size_t header = next == FRAGMENT ? 8 : next == AH ? ((size_t)bytes[1] + 2) * 4 : ((size_t)bytes[1] + 1) * 8;
		bool later = next == FRAGMENT && length >= 4 && (read16(bytes + 2) & 0xfff8) != 0;
		if (next == AH)
			ah_take(record, bytes, length);
		next = bytes[0];
		protocol_take(record, next);
		if (later || header > length)
			return;
		bytes += header;
		length -= header;
	}
	transport_take(record, next, bytes, length);
}

static bool ipv6_take(struct record *record, const uint8_t *bytes, size_t length)
{
	/* 0 without "no next header": a jumbogram or one that is cut into pieces later on. */
	if (length >= 7 && (read16(bytes + 4) > 0 || bytes[6] == NO_NEXT)) {
		record->size = IPV6_HEADER + (uint32_t)read16(bytes + 4);
		record->has |= RECORD_HAS(COLUMN_SIZE);
	}
	if (length >= 7)
		protocol_take(record, bytes[6]);
	if (length >= 24)
		address_take(record, COLUMN_SRC_IP, FAMILY_IPV6, bytes + 8);
	if (length >= IPV6_HEADER) {
		address_take(record, COLUMN_DST_IP, FAMILY_IPV6, bytes + 24);
		extensions_take(record, bytes[6], bytes + IPV6_HEADER, length - IPV6_HEADER);
	}
	return true;
}

bool record_packet(struct record *record, const uint8_t *bytes, size_t length)
{
	unsigned version = length > 0 ? bytes[0] >> 4 : 0;
	return version == 4 ? ipv4_take(record, bytes, length) : version == 6 && ipv6_take(record, bytes, length);
}
