#include "bootcfg/boot/attribute.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>

static void padding_put(struct buffer *buffer, size_t begin)
{
	static const char zeros[4] = {0};
	size_t length = buffer->length - begin;
	buffer_add(buffer, zeros, padded(length) - length);
}

size_t netmessage_begin(struct buffer *buffer, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource)
{
	size_t begin = buffer->length;
	const struct nlmsghdr header = {.nlmsg_type = type, .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags)};
	const struct nfgenmsg netfilter = {.nfgen_family = family, .version = NFNETLINK_V0,
					   .res_id = htons(resource)};
	buffer_add(buffer, &header, sizeof(header));
	buffer_add(buffer, &netfilter, sizeof(netfilter));
	return begin;
}

void netmessage_end(struct buffer *buffer, size_t begin)
{
	uint32_t length = (uint32_t)(buffer->length - begin);
	if (!buffer->full)
		memcpy(buffer->data + begin + offsetof(struct nlmsghdr, nlmsg_len), &length, sizeof(length));
}

size_t nest_begin(struct buffer *buffer, uint16_t type)
{
	size_t begin = buffer->length;
	const struct nlattr header = {.nla_type = (uint16_t)(type | NLA_F_NESTED)};
	buffer_add(buffer, &header, sizeof(header));
	return begin;
}

void nest_end(struct buffer *buffer, size_t begin)
{
	size_t length = buffer->length - begin;
	uint16_t number = (uint16_t)length;
	if (length > UINT16_MAX)
		buffer->full = true;
	if (!buffer->full)
		memcpy(buffer->data + begin + offsetof(struct nlattr, nla_len), &number, sizeof(number));
}

void attribute_put(struct buffer *buffer, uint16_t type, const void *bytes, size_t length)
{
	size_t begin = buffer->length;
	const struct nlattr header = {.nla_len = (uint16_t)(sizeof(header) + length), .nla_type = type};
	if (length > UINT16_MAX - sizeof(header)) {
		buffer->full = true;
		return;
	}
	buffer_add(buffer, &header, sizeof(header));
	if (length > 0)
		buffer_add(buffer, bytes, length);
	padding_put(buffer, begin);
}

void attribute_put_text(struct buffer *buffer, uint16_t type, const char *text)
{
	attribute_put(buffer, type, text, strlen(text) + 1);
}

void attribute_put_number(struct buffer *buffer, uint16_t type, uint32_t number)
{
	const unsigned char bytes[] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
				       (unsigned char)(number >> 8), (unsigned char)number};
	attribute_put(buffer, type, bytes, sizeof(bytes));
}

size_t netmessage_begin_table(struct buffer *buffer, uint16_t kind, uint16_t flags)
{
	return netmessage_begin(buffer, (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | kind), flags, NFPROTO_INET, 0);
}
