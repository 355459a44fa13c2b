/* Netlink messages and attributes in memory, bounds checked, with libc only. */
#ifndef CORDON_BOOTCFG_BOOT_ATTRIBUTE_H
#define CORDON_BOOTCFG_BOOT_ATTRIBUTE_H

#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "core/base/buffer.h"

/* To whole units of four bytes, as attributes and messages are. */
static inline size_t padded(size_t length)
{
	return (length + 3) / 4 * 4;
}

/* A run of attributes: what of it has not been looked at. */
struct attributes {
	const char *at, *end;
};

struct attribute {
	uint16_t type;     /* without its flags */
	const char *bytes;
	size_t length;
	size_t whole;      /* with header, without padding */
};

static inline struct attributes attributes_of(const struct attribute *nest)
{
	return (struct attributes){nest->bytes, nest->bytes + nest->length};
}

/* The next attribute; false at the end and at the first that does not fit: then at != end. */
static inline bool attribute_take(struct attributes *attributes, struct attribute *ret_attribute)
{
	struct nlattr header;
	size_t left = (size_t)(attributes->end - attributes->at);
	if (left < sizeof(header))
		return false;
	memcpy(&header, attributes->at, sizeof(header));
	if (header.nla_len < sizeof(header) || header.nla_len > left)
		return false;
	*ret_attribute = (struct attribute){
		.type = (uint16_t)(header.nla_type & ~(NLA_F_NESTED | NLA_F_NET_BYTEORDER)),
		.bytes = attributes->at + sizeof(header),
		.length = header.nla_len - sizeof(header),
		.whole = header.nla_len,
	};
	size_t step = padded(header.nla_len);
	attributes->at += step < left ? step : left;
	return true;
}

static inline bool attribute_find(struct attributes attributes, uint16_t type, struct attribute *ret_attribute)
{
	struct attribute attribute;
	while (attribute_take(&attributes, &attribute))
		if (attribute.type == type) {
			*ret_attribute = attribute;
			return true;
		}
	return false;
}

/* A text with its NUL and no other. */
static inline bool attribute_is(const struct attribute *attribute, const char *text)
{
	return attribute->length == strlen(text) + 1 && memcmp(attribute->bytes, text, attribute->length) == 0;
}

/* A number in network order; 0 when it is none. */
static inline uint32_t attribute_number(const struct attribute *attribute)
{
	const unsigned char *bytes = (const unsigned char *)attribute->bytes;
	return attribute->length != 4 ? 0
				      : (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* --- Messages: header, struct nfgenmsg, attributes; each padded to four bytes. --- */

enum { MESSAGE_HEAD = NLMSG_HDRLEN + sizeof(struct nfgenmsg) };

struct netmessage {
	struct nlmsghdr header;
	struct nfgenmsg netfilter;
	const char *bytes;            /* the whole of it */
	struct attributes attributes;
};

/* The next message of a run of them; false at the end and at the first that does not fit: then at != end. */
static inline bool netmessage_take(struct attributes *messages, struct netmessage *ret_message)
{
	struct netmessage message = {.bytes = messages->at};
	size_t left = (size_t)(messages->end - messages->at);
	if (left < NLMSG_HDRLEN)
		return false;
	memcpy(&message.header, messages->at, sizeof(message.header));
	if (message.header.nlmsg_len < NLMSG_HDRLEN || message.header.nlmsg_len > left)
		return false;
	if (message.header.nlmsg_len >= MESSAGE_HEAD) {
		memcpy(&message.netfilter, messages->at + NLMSG_HDRLEN, sizeof(message.netfilter));
		message.attributes = (struct attributes){messages->at + MESSAGE_HEAD, messages->at + message.header.nlmsg_len};
	} else {
		message.attributes = (struct attributes){messages->at, messages->at};
	}
	size_t step = padded(message.header.nlmsg_len);
	messages->at += step < left ? step : left;
	*ret_message = message;
	return true;
}

static inline uint16_t netmessage_kind(const struct netmessage *message)
{
	return message->header.nlmsg_type >> 8 == NFNL_SUBSYS_NFTABLES ? message->header.nlmsg_type & 0xff : UINT16_MAX;
}

/* --- Writing them.  begin returns where the thing began, for its end. --- */

size_t netmessage_begin(struct buffer *buffer, uint16_t type, uint16_t flags, uint8_t family, uint16_t resource);
void netmessage_end(struct buffer *buffer, size_t begin);
size_t nest_begin(struct buffer *buffer, uint16_t type);
void nest_end(struct buffer *buffer, size_t begin);
void attribute_put(struct buffer *buffer, uint16_t type, const void *bytes, size_t length);
void attribute_put_text(struct buffer *buffer, uint16_t type, const char *text);   /* with its NUL */
void attribute_put_number(struct buffer *buffer, uint16_t type, uint32_t number);  /* in network order */
/* A message for nf_tables: NFT_MSG_…, family inet. */
size_t netmessage_begin_table(struct buffer *buffer, uint16_t kind, uint16_t flags);

#endif
