#include "tests/unit/daemon/nflog_make.h"

#include <arpa/inet.h>
#include <endian.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/netlink.h>
#include <string.h>
#include <sys/socket.h>

static void put16(uint8_t *at, uint16_t number)
{
	at[0] = (uint8_t)(number >> 8);
	at[1] = (uint8_t)number;
}

static void put32(uint8_t *at, uint32_t number)
{
	put16(at, (uint16_t)(number >> 16));
	put16(at + 2, (uint16_t)number);
}

size_t packet_make(const struct made_packet *made, uint8_t bytes[MADE_PACKET])
{
	memset(bytes, 0, MADE_PACKET);
	bytes[0] = 0x45;
	put16(bytes + 2, MADE_PACKET);
	bytes[8] = 64;
	bytes[9] = made->protocol;
	put32(bytes + 12, made->src);
	put32(bytes + 16, made->dst);
	put16(bytes + 20, made->srcport);
	put16(bytes + 22, made->dstport);
	bytes[32] = 0x50;
	bytes[33] = 0x02;
	return MADE_PACKET;
}

static void attribute_add(struct buffer *buffer, uint16_t type, const void *value, size_t length)
{
	static const uint8_t zeros[4];
	const struct nlattr head = {.nla_len = (uint16_t)(sizeof(head) + length), .nla_type = type};
	buffer_add(buffer, &head, sizeof(head));
	buffer_add(buffer, value, length);
	buffer_add(buffer, zeros, (4 - length % 4) % 4);
}

static void number_add(struct buffer *buffer, uint16_t type, uint32_t number)
{
	uint32_t network = htonl(number);
	attribute_add(buffer, type, &network, sizeof(network));
}

static void message_finish(struct buffer *datagram, size_t start, uint16_t type)
{
	const struct nlmsghdr head = {.nlmsg_len = (uint32_t)(datagram->length - start), .nlmsg_type = type, .nlmsg_flags = NLM_F_MULTI};
	memcpy(datagram->data + start, &head, sizeof(head));
}

void nflog_make(const struct made_packet *made, struct buffer *datagram)
{
	const struct nfgenmsg general = {.nfgen_family = AF_INET, .version = NFNETLINK_V0, .res_id = htons(4290)};
	const struct nfulnl_msg_packet_hdr hook = {.hw_protocol = htons(0x0800), .hook = made->hook};
	const struct nlmsghdr head = {0};
	size_t start = datagram->length;
	uint8_t packet[MADE_PACKET];
	buffer_add(datagram, &head, sizeof(head));
	buffer_add(datagram, &general, sizeof(general));
	attribute_add(datagram, NFULA_PACKET_HDR, &hook, sizeof(hook));
	if (made->prefix != NULL)
		attribute_add(datagram, NFULA_PREFIX, made->prefix, strlen(made->prefix) + 1);
	if (made->indev != 0)
		number_add(datagram, NFULA_IFINDEX_INDEV, made->indev);
	if (made->outdev != 0)
		number_add(datagram, NFULA_IFINDEX_OUTDEV, made->outdev);
	if (made->seconds != 0) {
		const struct nfulnl_msg_packet_timestamp stamp = {.sec = htobe64((uint64_t)made->seconds), .usec = htobe64(250000)};
		attribute_add(datagram, NFULA_TIMESTAMP, &stamp, sizeof(stamp));
	}
	if (made->uid != 0)
		number_add(datagram, NFULA_UID, made->uid);
	number_add(datagram, NFULA_SEQ, made->sequence);
	attribute_add(datagram, NFULA_PAYLOAD, packet, packet_make(made, packet));
	message_finish(datagram, start, NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET);
}

void nflog_make_end(struct buffer *datagram)
{
	const struct nlmsghdr head = {0};
	const int done = 0;
	size_t start = datagram->length;
	buffer_add(datagram, &head, sizeof(head));
	buffer_add(datagram, &done, sizeof(done));
	message_finish(datagram, start, NLMSG_DONE);
}
