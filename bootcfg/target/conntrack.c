#include "bootcfg/target/conntrack.h"

#include <arpa/inet.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bootcfg/target/nftables_channel.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	MESSAGE_ROOM = 65536,
	DELETE_ROOM = 512,
	ENTRIES_MOST = 1 << 22,
	KEPT_ATTRIBUTES = 256,  /* bytes of a tuple as the kernel sent it */
};

/* What names an entry when it is deleted: its first tuple, its zone and its id. */
struct entry {
	uint8_t family;
	bool has_zone, has_id;
	uint16_t zone;
	uint32_t id;
	uint16_t length;
	uint8_t tuple[KEPT_ATTRIBUTES];
};

struct cleaning {
	bool (*keep)(const struct packet packets[2], void *context);
	void *context;
	struct entry *entries;
	size_t count, capacity;
};

static const struct nlattr *nest_find(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *attribute;
	attribute_each_nested(attribute, nest)
		if (mnl_attr_get_type(attribute) == type)
			return attribute;
	return NULL;
}

static bool ip_get(const struct nlattr *addresses, uint16_t type, size_t size, struct ip *ret_ip)
{
	const struct nlattr *attribute = nest_find(addresses, type);
	if (attribute == NULL || mnl_attr_get_payload_len(attribute) != size)
		return false;
	*ret_ip = (struct ip){.family = size == 4 ? FAMILY_IPV4 : FAMILY_IPV6};
	memcpy(ret_ip->bytes, mnl_attr_get_payload(attribute), size);
	return true;
}

static uint32_t number_get(const struct nlattr *nest, uint16_t type, uint32_t none)
{
	const struct nlattr *attribute = nest_find(nest, type);
	if (attribute == NULL)
		return none;
	switch (mnl_attr_get_payload_len(attribute)) {
	case 1:
		return mnl_attr_get_u8(attribute);
	case 2:
		return ntohs(mnl_attr_get_u16(attribute));
	case 4:
		return ntohl(mnl_attr_get_u32(attribute));
	default:
		return none;
	}
}

static bool tuple_read(const struct nlattr *tuple, uint8_t family, struct packet *ret_packet)
{
	const struct nlattr *addresses = nest_find(tuple, CTA_TUPLE_IP), *protocol = nest_find(tuple, CTA_TUPLE_PROTO);
	bool v4 = family == AF_INET;
	*ret_packet = (struct packet){.icmp_type = -1};
	if (addresses == NULL || protocol == NULL ||
	    !ip_get(addresses, v4 ? CTA_IP_V4_SRC : CTA_IP_V6_SRC, v4 ? 4 : 16, &ret_packet->src) ||
	    !ip_get(addresses, v4 ? CTA_IP_V4_DST : CTA_IP_V6_DST, v4 ? 4 : 16, &ret_packet->dst))
		return false;
	ret_packet->protocol = (uint8_t)number_get(protocol, CTA_PROTO_NUM, 0);
	ret_packet->srcport = (uint16_t)number_get(protocol, CTA_PROTO_SRC_PORT, 0);
	ret_packet->dstport = (uint16_t)number_get(protocol, CTA_PROTO_DST_PORT, 0);
	uint32_t type = number_get(protocol, v4 ? CTA_PROTO_ICMP_TYPE : CTA_PROTO_ICMPV6_TYPE, UINT32_MAX);
	if (type <= UINT8_MAX)
		ret_packet->icmp_type = (int16_t)type;
	return true;
}

static void entry_add(struct cleaning *cleaning, const struct entry *entry)
{
	if (cleaning->count == cleaning->capacity) {
		cleaning->capacity = cleaning->capacity > 0 ? cleaning->capacity * 2 : 64;
		cleaning->entries = memory_resize_array(cleaning->entries, cleaning->capacity, sizeof(*cleaning->entries));
	}
	cleaning->entries[cleaning->count++] = *entry;
}

static int entry_take(const struct nlmsghdr *message, void *context)
{
	struct cleaning *cleaning = context;
	const struct nlattr *attribute, *tuples[2] = {NULL, NULL};
	struct packet packets[2];
	if (mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	struct entry entry = {.family = head->nfgen_family};
	attribute_each(attribute, message, sizeof(struct nfgenmsg)) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (type == CTA_TUPLE_ORIG || type == CTA_TUPLE_REPLY) {
			tuples[type == CTA_TUPLE_REPLY] = attribute;
		} else if (type == CTA_ZONE && mnl_attr_get_payload_len(attribute) == 2) {
			entry.has_zone = true;
			entry.zone = mnl_attr_get_u16(attribute);
		} else if (type == CTA_ID && mnl_attr_get_payload_len(attribute) == 4) {
			entry.has_id = true;
			entry.id = mnl_attr_get_u32(attribute);
		}
	}
	if (tuples[0] == NULL || tuples[1] == NULL || (entry.family != AF_INET && entry.family != AF_INET6) ||
	    mnl_attr_get_payload_len(tuples[0]) > KEPT_ATTRIBUTES || cleaning->count >= ENTRIES_MOST ||
	    !tuple_read(tuples[0], entry.family, &packets[0]) || !tuple_read(tuples[1], entry.family, &packets[1]))
		return MNL_CB_OK;
	/* As the rules meet them: what is translated on the way in is so already, what is on the way out not yet. */
	packets[0].dst = packets[1].src;
	packets[0].dstport = packets[1].srcport;
	packets[1].dst = packets[0].src;
	packets[1].dstport = packets[0].srcport;
	packets[1].reply = true;
	if (cleaning->keep(packets, cleaning->context))
		return MNL_CB_OK;
	entry.length = mnl_attr_get_payload_len(tuples[0]);
	memcpy(entry.tuple, mnl_attr_get_payload(tuples[0]), entry.length);
	entry_add(cleaning, &entry);
	return MNL_CB_OK;
}

static struct nlmsghdr *message_begin(char *room, uint16_t message, uint16_t flags, uint32_t sequence, uint8_t family)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(room);
	header->nlmsg_type = (uint16_t)(NFNL_SUBSYS_CTNETLINK << 8 | message);
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = sequence;
	struct nfgenmsg *head = mnl_nlmsg_put_extra_header(header, sizeof(*head));
	head->nfgen_family = family;
	head->version = NFNETLINK_V0;
	return header;
}

/* The answers to one message; a negative errno, or 0. */
static int answers_read(struct mnl_socket *socket, char *room, uint32_t sequence, mnl_cb_t take, void *context)
{
	int more = MNL_CB_OK;
	while (more > MNL_CB_STOP) {
		ssize_t length = mnl_socket_recvfrom(socket, room, MESSAGE_ROOM);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return -errno;
		more = mnl_cb_run(room, (size_t)length, sequence, mnl_socket_get_portid(socket), take, context);
		if (more < 0)
			return -errno;
	}
	return 0;
}

static int entries_dump(struct mnl_socket *socket, char *room, uint32_t sequence, struct cleaning *cleaning)
{
	struct nlmsghdr *header = message_begin(room, IPCTNL_MSG_CT_GET, NLM_F_DUMP, sequence, AF_UNSPEC);
	if (channel_send_fault() < 0)
		return -ENOBUFS;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	return answers_read(socket, room, sequence, entry_take, cleaning);
}

static int entry_delete(struct mnl_socket *socket, char *room, uint32_t sequence, const struct entry *entry)
{
	struct nlmsghdr *header = message_begin(room, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, sequence, entry->family);
	mnl_attr_put(header, CTA_TUPLE_ORIG | NLA_F_NESTED, entry->length, entry->tuple);
	if (entry->has_zone)
		mnl_attr_put_u16(header, CTA_ZONE, entry->zone);
	if (entry->has_id)
		mnl_attr_put_u32(header, CTA_ID, entry->id);
	if (channel_send_fault() < 0)
		return -ENOBUFS;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	int error = answers_read(socket, room, sequence, NULL, NULL);
	return error == -ENOENT ? 0 : error; /* it has ended by itself */
}

/* A kernel without the module answers like one that does not know the message. */
static bool is_absent(int error)
{
	return error == -EINVAL || error == -EOPNOTSUPP || error == -EPROTONOSUPPORT || error == -ENOPROTOOPT;
}

int conntrack_clean(bool (*keep)(const struct packet packets[2], void *context), void *context, struct diag *diag,
		    size_t *ret_deleted)
{
	struct cleaning cleaning = {.keep = keep, .context = context};
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	uint32_t sequence = (uint32_t)time(NULL);
	char *room = memory_alloc(MESSAGE_ROOM);
	int error = socket == NULL || mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0 ? -errno : 0;
	if (error == 0)
		error = entries_dump(socket, room, sequence, &cleaning);
	if (is_absent(error))
		error = 0;
	for (size_t i = 0; error == 0 && i < cleaning.count; i++)
		error = entry_delete(socket, room, ++sequence, &cleaning.entries[i]);
	if (error < 0) {
		diag_error(diag, NULL, "the kernel's table of tracked connections could not be cleaned: %s", strerror(-error));
		error = ERROR_SYSTEM;
	} else if (ret_deleted != NULL) {
		*ret_deleted = cleaning.count;
	}
	if (socket != NULL)
		mnl_socket_close(socket);
	free(room);
	free(cleaning.entries);
	return error;
}
