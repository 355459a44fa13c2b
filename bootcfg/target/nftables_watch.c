/* The kernel tells each object of a transaction, several in a datagram, and at the end the number of the new ruleset
 * (NFT_MSG_NEWGEN) with the process that asked for it. */
#include "bootcfg/target/nftables_watch.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bootcfg/target/nftables_channel.h"
#include "bootcfg/target/nftables_plan.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	RECEIVE_BYTES = 65536,
	RECEIVE_BUFFER = 4 << 20, /* of the socket: the elements of a large policy are told one by one */
	QUEUE = 64,               /* transactions of one datagram: more count as one */
};

struct nftables_watch {
	struct mnl_socket *socket; /* or NULL */
	struct nftables_change now; /* the transaction that is being told */
	struct nftables_change queue[QUEUE];
	size_t first, count;
	uint32_t pid;              /* this process, as the kernel names it */
	char name[16];
	char *bytes;
};

static void generation_take(const struct nlmsghdr *message, struct nftables_change *change)
{
	const struct nlattr *attribute;
	attribute_each(attribute, message, sizeof(struct nfgenmsg)) {
		uint16_t type = mnl_attr_get_type(attribute);
		if (type == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			change->number = ntohl(mnl_attr_get_u32(attribute));
		else if (type == NFTA_GEN_PROC_PID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			change->pid = ntohl(mnl_attr_get_u32(attribute));
		else if (type == NFTA_GEN_PROC_NAME && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0)
			memccpy(change->name, mnl_attr_get_str(attribute), '\0', sizeof(change->name) - 1);
	}
}

/* The table that a message is about: attribute 1 of every kind that we know. */
static const char *message_table(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	attribute_each(attribute, message, sizeof(struct nfgenmsg))
		if (mnl_attr_get_type(attribute) == NFTA_TABLE_NAME)
			return mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attribute) : NULL;
	return NULL;
}

static void change_end(struct nftables_watch *watch)
{
	struct nftables_change *change = &watch->now;
	change->self = !change->overrun && change->pid != 0 && change->pid == watch->pid && strcmp(change->name, watch->name) == 0;
	if (watch->count < QUEUE) {
		watch->queue[watch->count++] = *change;
	} else {
		/* Whose they were is not known any more, but that something happened is. */
		watch->queue[QUEUE - 1].ours |= change->ours;
		watch->queue[QUEUE - 1].others |= change->others;
		watch->queue[QUEUE - 1].overrun = true;
		watch->queue[QUEUE - 1].self = false;
	}
	watch->now = (struct nftables_change){.ours = false};
}

static void message_take(struct nftables_watch *watch, const struct nlmsghdr *message)
{
	if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    mnl_nlmsg_get_payload_len(message) < sizeof(struct nfgenmsg))
		return;
	uint16_t kind = message->nlmsg_type & 0xff;
	if (kind == NFT_MSG_NEWGEN) {
		generation_take(message, &watch->now);
		change_end(watch);
		return;
	}
	const struct nfgenmsg *head = mnl_nlmsg_get_payload(message);
	const char *table = message_table(message);
	bool ours = head->nfgen_family == NFPROTO_INET && table != NULL && strcmp(table, PLAN_TABLE) == 0;
	watch->now.ours |= ours;
	watch->now.others |= !ours && (kind == NFT_MSG_NEWCHAIN || kind == NFT_MSG_DELCHAIN);
}

void nftables_watch_take(struct nftables_watch *watch, const void *bytes, size_t length)
{
	const struct nlmsghdr *message = bytes;
	int left = length <= INT32_MAX ? (int)length : 0;
	/* mnl takes a length past INT_MAX for a small one. */
	while (mnl_nlmsg_ok(message, left) && message->nlmsg_len <= (uint32_t)left) {
		message_take(watch, message);
		message = mnl_nlmsg_next(message, &left);
	}
}

struct nftables_watch *nftables_watch_new(void)
{
	struct nftables_watch *watch = memory_alloc(sizeof(*watch));
	watch->bytes = memory_alloc(RECEIVE_BYTES);
	return watch;
}

/* The kernel's answer names who asked: us, as it will name us in what we change. */
static int self_ask(struct mnl_socket *socket, char *bytes, struct nftables_change *ret_self)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
	header->nlmsg_type = NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETGEN;
	header->nlmsg_flags = NLM_F_REQUEST;
	header->nlmsg_seq = 1;
	struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = AF_UNSPEC;
	message->version = NFNETLINK_V0;
	if (mnl_socket_sendto(socket, header, header->nlmsg_len) < 0)
		return -errno;
	ssize_t length = mnl_socket_recvfrom(socket, bytes, RECEIVE_BYTES);
	if (length < 0)
		return -errno;
	header = (struct nlmsghdr *)(void *)bytes;
	if (!mnl_nlmsg_ok(header, (int)length) || header->nlmsg_type != (NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_NEWGEN))
		return -EPROTO;
	generation_take(header, ret_self);
	return 0;
}

int nftables_watch_open(struct diag *diag, struct nftables_watch **ret_watch)
{
	struct nftables_watch *watch = nftables_watch_new();
	struct nftables_change self = {.pid = 0};
	int size = RECEIVE_BUFFER, group = NFNLGRP_NFTABLES, error = 0;
	watch->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (watch->socket == NULL || mnl_socket_bind(watch->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		error = -errno;
	if (error == 0)
		error = self_ask(watch->socket, watch->bytes, &self);
	if (error == 0) {
		int fd = mnl_socket_get_fd(watch->socket);
		if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
			(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
		if (mnl_socket_setsockopt(watch->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			error = -errno;
	}
	if (error < 0) {
		diag_error(diag, NULL, "cannot listen to changes of the kernel's rules: %s", channel_explain(error));
		nftables_watch_close(watch);
		return ERROR_SYSTEM;
	}
	watch->pid = self.pid;
	memcpy(watch->name, self.name, sizeof(watch->name));
	*ret_watch = watch;
	return 0;
}

void nftables_watch_close(struct nftables_watch *watch)
{
	if (watch == NULL)
		return;
	if (watch->socket != NULL)
		mnl_socket_close(watch->socket);
	free(watch->bytes);
	free(watch);
}

int nftables_watch_fd(const struct nftables_watch *watch)
{
	return watch->socket != NULL ? mnl_socket_get_fd(watch->socket) : -1;
}

/* Reads one datagram; false when none is there. */
static bool datagram_read(struct nftables_watch *watch)
{
	ssize_t length;
	if (watch->socket == NULL)
		return false;
	do
		length = recv(mnl_socket_get_fd(watch->socket), watch->bytes, RECEIVE_BYTES, MSG_DONTWAIT | MSG_TRUNC);
	while (length < 0 && errno == EINTR);
	if (length < 0 && errno != ENOBUFS)
		return false;
	if (length < 0 || length > RECEIVE_BYTES) {
		watch->now.overrun = true;
		change_end(watch);
		return true;
	}
	nftables_watch_take(watch, watch->bytes, (size_t)length);
	return true;
}

bool nftables_watch_next(struct nftables_watch *watch, struct nftables_change *ret_change)
{
	while (watch->first == watch->count) {
		watch->first = watch->count = 0;
		if (!datagram_read(watch))
			return false;
	}
	*ret_change = watch->queue[watch->first++];
	return true;
}
