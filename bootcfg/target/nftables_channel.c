#include "bootcfg/target/nftables_channel.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "core/base/memory.h"

enum {
	BATCH_MOST = 8 << 20,     /* bytes; less where the socket's buffer is smaller */
	BATCH_FIRST = 128 << 10,
	SEND_BUFFER = 8 << 20,
	RECEIVE_BUFFER = 64 << 10, /* the kernel's dumps come in pieces of at most 32 KiB */
	ANSWER_SECONDS = 30,
};

struct channel {
	struct mnl_socket *socket;
	uint32_t sequence;
	char *receive;
	char *batch;
	size_t capacity, maximum;  /* of the batch */
	size_t room;               /* channel_room */
	size_t length;             /* of all that is complete: the begin and all messages but the last */
	struct nlmsghdr *last;     /* the message that is being filled, or NULL */
	size_t count;              /* messages */
	uint32_t first;            /* sequence of the begin; message i has first + 1 + i */
};

int channel_send_fault(void)
{
#ifdef CORDON_DEVELOPER
	static unsigned long count;
	const char *k = getenv("CORDON_FAIL_SEND");
	if (k != NULL && ++count == strtoul(k, NULL, 10))
		return -ENOBUFS;
#endif
	return 0;
}

const char *channel_explain(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "no permission: this needs root (CAP_NET_ADMIN)";
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
	case EINVAL:
		return "the kernel has no nftables, or lacks a part of it that is needed (modules nf_tables, nft_fib_inet, "
		       "nft_tproxy, nft_log, nfnetlink_log)";
	case ERESTART:
		return "another program keeps changing the kernel's rules";
	case EINTR:
		return "the kernel's rules kept changing while they were read";
	case EMSGSIZE:
		return "the socket's buffer is too small (net.core.wmem_max)";
	default:
		return strerror(-error);
	}
}

static struct nlmsghdr *header_put(void *room, uint16_t type, uint16_t flags, uint32_t sequence, uint8_t family, uint16_t resource)
{
	struct nlmsghdr *header = mnl_nlmsg_put_header(room);
	header->nlmsg_type = type;
	header->nlmsg_flags = (uint16_t)(NLM_F_REQUEST | flags);
	header->nlmsg_seq = sequence;
	struct nfgenmsg *message = mnl_nlmsg_put_extra_header(header, sizeof(*message));
	message->nfgen_family = family;
	message->version = NFNETLINK_V0;
	message->res_id = htons(resource);
	return header;
}

static uint16_t message_type(uint16_t message)
{
	return (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | message);
}

int channel_open(struct channel **ret_channel)
{
	struct mnl_socket *socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (socket == NULL)
		return -errno;
	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
		int error = -errno;
		mnl_socket_close(socket);
		return error;
	}
	int fd = mnl_socket_get_fd(socket), wanted = SEND_BUFFER, standard = BATCH_FIRST, got = BATCH_FIRST, on = 1;
	socklen_t size = sizeof(got);
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	/* Whole transactions go in one send: as root of the machine any size; otherwise as large as is allowed. */
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &standard, &size);
	bool forced = setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) == 0;
	if (!forced)
		(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
	(void)getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &got, &size);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* Errors come with the place in the message, and without the message itself. */
	(void)mnl_socket_setsockopt(socket, NETLINK_EXT_ACK, &on, sizeof(on));
	(void)mnl_socket_setsockopt(socket, NETLINK_CAP_ACK, &on, sizeof(on));
	struct channel *channel = memory_alloc(sizeof(*channel));
	*channel = (struct channel){
		.socket = socket,
		.sequence = 1,
		.receive = memory_alloc(RECEIVE_BUFFER),
		.maximum = (size_t)got < BATCH_MOST ? (size_t)got : BATCH_MOST,
		/* libnftables enlarges its socket's buffer by force or not at all. */
		.room = (size_t)(forced ? got : standard),
	};
	*ret_channel = channel;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (channel == NULL)
		return;
	mnl_socket_close(channel->socket);
	free(channel->receive);
	free(channel->batch);
	free(channel);
}

/* Answers to what came before, such as those behind one that was too much for the buffer, are not for us. */
static void channel_drain(struct channel *channel)
{
	ssize_t length;
	do
		length = recv(mnl_socket_get_fd(channel->socket), channel->receive, RECEIVE_BUFFER, MSG_DONTWAIT);
	while (length > 0 || (length < 0 && (errno == EINTR || errno == ENOBUFS)));
}

static int channel_send(struct channel *channel, const void *bytes, size_t length)
{
	int error = channel_send_fault();
	channel_drain(channel);
	if (error == 0 && mnl_socket_sendto(channel->socket, bytes, length) < 0)
		error = -errno;
	return error;
}

static int channel_receive(struct channel *channel, int *ret_length)
{
	ssize_t length;
	do
		length = mnl_socket_recvfrom(channel->socket, channel->receive, RECEIVE_BUFFER);
	while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	*ret_length = (int)length;
	return 0;
}

/* --- Asking --- */

/* One message of an answer.  *ret_done: it was the last. */
static int answer_take(const struct nlmsghdr *message, int (*take)(const struct nlmsghdr *, void *), void *context, bool *ret_done)
{
	if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
		const struct nlmsgerr *end = mnl_nlmsg_get_payload(message);
		*ret_done = true;
		if (mnl_nlmsg_get_payload_len(message) < sizeof(end->error))
			return -EPROTO;
		return end->error < 0 ? end->error : 0;
	}
	return take(message, context);
}

/* Reads a whole answer.  What is left of a dump after an error is read too, so that the next answer is not mixed
 * with it. */
static int channel_answer(struct channel *channel, uint32_t sequence, bool dump,
			  int (*take)(const struct nlmsghdr *, void *), void *context)
{
	bool done = false, changed = false;
	int result = 0;
	while (!done) {
		int left = 0, error = channel_receive(channel, &left);
		if (error < 0)
			return error;
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)channel->receive;
		for (; !done && mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			if (message->nlmsg_seq != sequence)
				continue;
			changed |= (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			error = result == 0 || message->nlmsg_type < NLMSG_MIN_TYPE ? answer_take(message, take, context, &done) : 0;
			result = result == 0 ? error : result;
			done |= !dump;
		}
	}
	return result == 0 && changed ? -EINTR : result;
}

static int generation_take(const struct nlmsghdr *message, void *context)
{
	const struct nlattr *attribute;
	attribute_each(attribute, message, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) == NFTA_GEN_ID && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0) {
			*(uint32_t *)context = ntohl(mnl_attr_get_u32(attribute));
			return 0;
		}
	}
	return -EPROTO;
}

int channel_generation(struct channel *channel, uint32_t *ret_generation)
{
	char room[256];
	uint32_t sequence = channel->sequence++;
	struct nlmsghdr *header = header_put(room, message_type(NFT_MSG_GETGEN), 0, sequence, AF_UNSPEC, 0);
	int error = channel_send(channel, header, header->nlmsg_len);
	return error < 0 ? error : channel_answer(channel, sequence, false, generation_take, ret_generation);
}

int channel_dump(struct channel *channel, const struct channel_query *query,
		 int (*take)(const struct nlmsghdr *message, void *context), void *context)
{
	char room[1024];
	uint32_t sequence = channel->sequence++;
	struct nlmsghdr *header = header_put(room, message_type(query->message), NLM_F_DUMP, sequence, query->family, 0);
	if (query->table != NULL && !mnl_attr_put_strz_check(header, sizeof(room), query->table_attribute, query->table))
		return -EINVAL;
	if (query->name != NULL && !mnl_attr_put_strz_check(header, sizeof(room), query->name_attribute, query->name))
		return -EINVAL;
	int error = channel_send(channel, header, header->nlmsg_len);
	return error < 0 ? error : channel_answer(channel, sequence, true, take, context);
}

/* --- Changing --- */

static void batch_end_last(struct channel *channel)
{
	if (channel->last == NULL)
		return;
	channel->length += channel->last->nlmsg_len;
	channel->last = NULL;
}

/* Room for one more message of the largest size, and the end. */
static void batch_reserve(struct channel *channel)
{
	size_t need = channel->length + CHANNEL_MESSAGE + 4096;
	if (need <= channel->capacity)
		return;
	size_t capacity = channel->capacity > 0 ? channel->capacity : BATCH_FIRST;
	while (capacity < need)
		capacity *= 2;
	channel->batch = memory_resize(channel->batch, capacity);
	channel->capacity = capacity;
}

struct nlmsghdr *channel_add(struct channel *channel, uint16_t message, uint16_t flags, uint8_t family)
{
	batch_end_last(channel);
	batch_reserve(channel);
	if (channel->length == 0) {
		channel->first = channel->sequence++;
		channel->length = header_put(channel->batch, NFNL_MSG_BATCH_BEGIN, 0, channel->first, AF_UNSPEC,
					     NFNL_SUBSYS_NFTABLES)->nlmsg_len;
		/* Filled in by channel_commit: mnl's attribute takes 8 bytes. */
		mnl_attr_put_u32((struct nlmsghdr *)(void *)channel->batch, NFNL_BATCH_GENID, 0);
		channel->length = ((struct nlmsghdr *)(void *)channel->batch)->nlmsg_len;
	}
	channel->last = header_put(channel->batch + channel->length, message_type(message), flags, channel->sequence++, family, 0);
	channel->count++;
	return channel->last;
}

bool channel_full(const struct channel *channel)
{
	size_t length = channel->length + (channel->last != NULL ? channel->last->nlmsg_len : 0);
	return length + 2 * CHANNEL_MESSAGE > channel->maximum;
}

size_t channel_room(const struct channel *channel)
{
	return channel->room;
}

bool channel_empty(const struct channel *channel)
{
	return channel->count == 0;
}

void channel_discard(struct channel *channel)
{
	channel->length = 0;
	channel->last = NULL;
	channel->count = 0;
}

/* The offset that the kernel's extended answer gives, or 0. */
static uint32_t error_offset(const struct nlmsghdr *message)
{
	const struct nlattr *attribute;
	if ((message->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
		return 0;
	attribute_each(attribute, message, sizeof(struct nlmsgerr))
		if (mnl_attr_get_type(attribute) == NLMSGERR_ATTR_OFFS && mnl_attr_validate(attribute, MNL_TYPE_U32) == 0)
			return mnl_attr_get_u32(attribute);
	return 0;
}

static const struct nlmsghdr *batch_message(const struct channel *channel, size_t index, size_t length)
{
	const char *at = channel->batch;
	for (size_t i = 0; at < channel->batch + length; i++) {
		const struct nlmsghdr *header = (const struct nlmsghdr *)(const void *)at;
		if (i == index + 1)
			return header;
		at += (header->nlmsg_len + 3u) & ~3u;
	}
	return NULL;
}

/* The kernel has judged the batch when the send returns; the last message asks for an answer, and errors are told
 * in any case.  The first error counts: the rest follow from it. */
static int batch_answers(struct channel *channel, uint32_t last, size_t length, struct refusal *refusal)
{
	int error = 0;
	for (bool done = false; !done;) {
		int left = 0, received = channel_receive(channel, &left);
		if (received < 0)
			return error < 0 ? error : received;
		const struct nlmsghdr *message = (const struct nlmsghdr *)(const void *)channel->receive;
		for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
			uint32_t place = message->nlmsg_seq - channel->first;
			if (message->nlmsg_type != NLMSG_ERROR || place > last - channel->first ||
			    mnl_nlmsg_get_payload_len(message) < sizeof(struct nlmsgerr))
				continue;
			const struct nlmsgerr *answer = mnl_nlmsg_get_payload(message);
			/* An error of the batch as a whole has the number of its begin. */
			done |= place == 0 || message->nlmsg_seq == last;
			if (answer->error == 0 || error < 0)
				continue;
			error = answer->error;
			refusal->message = place == 0 ? SIZE_MAX : place - 1;
			refusal->offset = error_offset(message);
			refusal->header = place == 0 ? NULL : batch_message(channel, place - 1, length);
		}
	}
	return error;
}

int channel_commit(struct channel *channel, uint32_t generation, struct refusal *ret_refusal)
{
	struct refusal unused, *refusal = ret_refusal != NULL ? ret_refusal : &unused;
	*refusal = (struct refusal){.message = SIZE_MAX};
	if (channel_empty(channel))
		return 0;
	struct nlmsghdr *last = channel->last;
	last->nlmsg_flags = (uint16_t)(last->nlmsg_flags | NLM_F_ACK);
	uint32_t last_sequence = last->nlmsg_seq;
	batch_end_last(channel);
	struct nlmsghdr *begin = (struct nlmsghdr *)(void *)channel->batch;
	struct nlattr *genid = mnl_nlmsg_get_payload_offset(begin, sizeof(struct nfgenmsg));
	uint32_t number = htonl(generation);
	memcpy(mnl_attr_get_payload(genid), &number, sizeof(number));
	size_t length = channel->length;
	length += header_put(channel->batch + length, NFNL_MSG_BATCH_END, 0, channel->sequence++, AF_UNSPEC,
			     NFNL_SUBSYS_NFTABLES)->nlmsg_len;
	int error = channel_send(channel, channel->batch, length);
	if (error == 0)
		error = batch_answers(channel, last_sequence, length, refusal);
	channel_discard(channel);
	return error;
}
