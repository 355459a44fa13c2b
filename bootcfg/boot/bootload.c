#include "bootcfg/boot/bootload.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "bootcfg/boot/attribute.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/memory.h"

enum {
	RECEIVE = 64 << 10,     /* the kernel's dumps come in pieces of at most 32 KiB */
	BATCH_EXTRA = 4096,     /* begin, end and what goes away */
	ANSWER_SECONDS = 30,
	READS_MOST = 10,
	BASES = 3,
};

/* Must be those of plan_base (nftables_compile.c): the tests compare them. */
static const char *const bases[BASES] = {"input", "forward", "output"};
static const char table[] = "cordon";

struct bootload {
	int socket;
	uint32_t sequence;
	char *receive;
};

const char *bootload_explain(int error)
{
	switch (-error) {
	case EPERM:
	case EACCES:
		return "no permission: this needs root (CAP_NET_ADMIN)";
	case EPROTONOSUPPORT:
	case EAFNOSUPPORT:
	case EOPNOTSUPP:
	case EINVAL:
		return "the kernel has no nftables, or lacks a part of it that is needed";
	case ENOENT:
		return "the kernel lacks a part of nftables that is needed (modules nft_fib_inet, nft_ct, nft_log, nft_tproxy)";
	case ETIMEDOUT:
		return "the kernel does not answer";
	default:
		return strerror(-error);
	}
}

int bootload_open(struct bootload **ret_load)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	struct timeval patience = {.tv_sec = ANSWER_SECONDS};
	int room = 1 << 20, on = 1;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	/* A refused transaction brings an answer for each message. */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	struct bootload *load = memory_alloc(sizeof(*load));
	*load = (struct bootload){.socket = fd, .sequence = 1, .receive = memory_alloc(RECEIVE)};
	*ret_load = load;
	return 0;
}

void bootload_close(struct bootload *load)
{
	if (load == NULL)
		return;
	close(load->socket);
	free(load->receive);
	free(load);
}

static int bytes_send(struct bootload *load, const struct buffer *bytes)
{
	const struct sockaddr_nl kernel = {.nl_family = AF_NETLINK};
	int room = (int)bytes->length * 2 + BATCH_EXTRA;
	/* One transaction is one send. */
	if (setsockopt(load->socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(load->socket, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
	ssize_t sent;
	do
		sent = sendto(load->socket, buffer_text(bytes), bytes->length, 0, (const struct sockaddr *)&kernel, sizeof(kernel));
	while (sent < 0 && errno == EINTR);
	if (sent < 0)
		return -errno;
	return (size_t)sent == bytes->length ? 0 : -EMSGSIZE;
}

/* One datagram of the kernel's, as a run of messages. */
static int bytes_receive(struct bootload *load, struct attributes *ret_messages)
{
	struct sockaddr_nl from;
	for (;;) {
		socklen_t size = sizeof(from);
		ssize_t length = recvfrom(load->socket, load->receive, RECEIVE, MSG_TRUNC, (struct sockaddr *)&from, &size);
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return errno == EAGAIN ? -ETIMEDOUT : -errno;
		/* Other processes can send to this socket too. */
		if (from.nl_pid != 0)
			continue;
		if (length > RECEIVE)
			return -EMSGSIZE;
		*ret_messages = (struct attributes){load->receive, load->receive + length};
		return 0;
	}
}

/* The error that an answer carries (0: done well); -EPROTO when it is cut off. */
static int answer_error(const struct netmessage *message)
{
	int error;
	if (message->header.nlmsg_len < NLMSG_HDRLEN + sizeof(error))
		return -EPROTO;
	memcpy(&error, message->bytes + NLMSG_HDRLEN, sizeof(error));
	return error;
}

static void sequence_set(struct buffer *buffer, size_t begin, uint32_t sequence, uint16_t flags)
{
	struct nlmsghdr header;
	if (buffer->full)
		return;
	memcpy(&header, buffer->data + begin, sizeof(header));
	header.nlmsg_seq = sequence;
	header.nlmsg_flags = (uint16_t)(header.nlmsg_flags | flags);
	memcpy(buffer->data + begin, &header, sizeof(header));
}

/* --- What is there --- */

/* What `in_force` is made of, while it is found out. */
struct found {
	struct bootload_state state;
	unsigned hooked, judged; /* bits of base chains: as they must be; whose first rule is ours */
	bool off;                /* the table is switched off */
	bool several;            /* the rules are not all of one kind */
};

/* Reads all that the kernel has of one kind.  -EINTR: it changed meanwhile. */
static int things_dump(struct bootload *load, uint16_t kind, void (*take)(const struct netmessage *, struct found *),
		       struct found *found)
{
	struct buffer query;
	struct attributes messages = {NULL, NULL};
	struct netmessage message;
	bool done = false, changed = false;
	uint32_t sequence = load->sequence++;
	buffer_init(&query, BATCH_EXTRA);
	size_t begin = netmessage_begin_table(&query, kind, NLM_F_DUMP);
	netmessage_end(&query, begin);
	sequence_set(&query, begin, sequence, 0);
	int error = bytes_send(load, &query), result = 0;
	buffer_done(&query);
	while (error == 0 && !done) {
		error = bytes_receive(load, &messages);
		while (error == 0 && !done && netmessage_take(&messages, &message)) {
			if (message.header.nlmsg_seq != sequence)
				continue;
			changed |= (message.header.nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			done = message.header.nlmsg_type == NLMSG_DONE || message.header.nlmsg_type == NLMSG_ERROR;
			if (done)
				result = answer_error(&message);
			else
				take(&message, found);
		}
	}
	error = error < 0 ? error : result < 0 ? result : 0;
	return error == 0 && changed ? -EINTR : error;
}

/* Whether an attribute of a message names our table. */
static bool is_ours(const struct netmessage *message, uint16_t type)
{
	struct attribute name;
	return message->netfilter.nfgen_family == NFPROTO_INET && attribute_find(message->attributes, type, &name) &&
	       attribute_is(&name, table);
}

static unsigned base_bit(const struct netmessage *message, uint16_t type)
{
	struct attribute name;
	for (unsigned i = 0; i < BASES && attribute_find(message->attributes, type, &name); i++)
		if (attribute_is(&name, bases[i]))
			return 1u << i;
	return 0;
}

static void table_found(const struct netmessage *message, struct found *found)
{
	struct attribute flags;
	if (!is_ours(message, NFTA_TABLE_NAME))
		return;
	found->state.table = true;
	found->off = attribute_find(message->attributes, NFTA_TABLE_FLAGS, &flags) && attribute_number(&flags) != 0;
}

static void chain_found(const struct netmessage *message, struct found *found)
{
	static const uint32_t hooks[BASES] = {NF_INET_LOCAL_IN, NF_INET_FORWARD, NF_INET_LOCAL_OUT};
	unsigned bit = is_ours(message, NFTA_CHAIN_TABLE) ? base_bit(message, NFTA_CHAIN_NAME) : 0;
	struct attribute hook, number, priority;
	found->state.bases |= bit;
	if (bit == 0 || !attribute_find(message->attributes, NFTA_CHAIN_HOOK, &hook) ||
	    !attribute_find(attributes_of(&hook), NFTA_HOOK_HOOKNUM, &number) ||
	    !attribute_find(attributes_of(&hook), NFTA_HOOK_PRIORITY, &priority))
		return;
	for (unsigned i = 0; i < BASES; i++)
		if (bit == 1u << i && attribute_number(&number) == hooks[i] && attribute_number(&priority) == 0)
			found->hooked |= bit;
}

/* nft's form of a comment in user data: type 0, length, text with its NUL. */
static bool comment_take(const struct attribute *data, char ret_comment[BOOTLOAD_COMMENT])
{
	const unsigned char *bytes = (const unsigned char *)data->bytes;
	if (data->length < 3 || bytes[0] != 0 || (size_t)bytes[1] + 2 > data->length || bytes[1] == 0 ||
	    data->bytes[1 + bytes[1]] != '\0')
		return false;
	memcpy(ret_comment, data->bytes + 2, bytes[1]);
	return true;
}

static bool comment_is_ours(const char *comment)
{
	struct cursor cursor = cursor_text(comment);
	static const char begin[] = "generation ";
	uint64_t generation;
	if (cursor_left(&cursor) < sizeof(begin) || memcmp(comment, begin, sizeof(begin) - 1) != 0)
		return false;
	cursor.at += sizeof(begin) - 1;
	return cursor_number(&cursor, UINT64_MAX / 2, &generation) && cursor_take(&cursor, ',');
}

/* The first rule of a base chain is the one that counts. */
static void rule_found(const struct netmessage *message, struct found *found)
{
	unsigned bit = is_ours(message, NFTA_RULE_TABLE) ? base_bit(message, NFTA_RULE_CHAIN) : 0;
	char comment[BOOTLOAD_COMMENT];
	struct attribute data;
	if (bit == 0 || (found->judged & bit) != 0)
		return;
	if (!attribute_find(message->attributes, NFTA_RULE_USERDATA, &data) || !comment_take(&data, comment) ||
	    !comment_is_ours(comment)) {
		found->several = true;
		return;
	}
	found->several |= found->state.comment[0] != '\0' && strcmp(found->state.comment, comment) != 0;
	memcpy(found->state.comment, comment, strlen(comment) + 1);
	found->judged |= bit;
}

static int state_find(struct bootload *load, struct found *found)
{
	static const struct {
		uint16_t kind;
		void (*take)(const struct netmessage *, struct found *);
	} rows[] = {{NFT_MSG_GETTABLE, table_found}, {NFT_MSG_GETCHAIN, chain_found}, {NFT_MSG_GETRULE, rule_found}};
	int error = 0;
	*found = (struct found){.hooked = 0};
	for (size_t i = 0; i < ARRAY_LENGTH(rows) && error == 0 && (i == 0 || found->state.table); i++)
		error = things_dump(load, rows[i].kind, rows[i].take, found);
	return error;
}

int bootload_state(struct bootload *load, struct bootload_state *ret_state)
{
	const unsigned all = (1u << BASES) - 1;
	struct found found;
	int error = -EINTR;
	for (int i = 0; i < READS_MOST && error == -EINTR; i++)
		error = state_find(load, &found);
	if (error < 0)
		return error;
	struct bootload_state *state = &found.state;
	state->in_force = state->table && !found.off && !found.several && found.hooked == all && found.judged == all;
	state->startup = state->in_force && strstr(state->comment, ", boot, ") != NULL;
	if (!state->in_force)
		state->comment[0] = '\0';
	*ret_state = *state;
	return 0;
}

void bootload_comment(const char *messages, size_t length, char ret_comment[BOOTLOAD_COMMENT])
{
	struct attributes rest = {messages, messages + length};
	struct netmessage message;
	struct attribute data;
	ret_comment[0] = '\0';
	while (netmessage_take(&rest, &message))
		if (netmessage_kind(&message) == NFT_MSG_NEWRULE && base_bit(&message, NFTA_RULE_CHAIN) != 0 &&
		    attribute_find(message.attributes, NFTA_RULE_USERDATA, &data) && comment_take(&data, ret_comment))
			return;
}

/* --- Changing it --- */

static void removal_put(struct buffer *batch, uint16_t kind, uint16_t table_attribute, uint16_t chain_attribute, const char *chain)
{
	size_t begin = netmessage_begin_table(batch, kind, 0);
	attribute_put_text(batch, table_attribute, table);
	if (chain != NULL)
		attribute_put_text(batch, chain_attribute, chain);
	netmessage_end(batch, begin);
}

/* What goes first, in the same transaction. */
static size_t removals_put(struct buffer *batch, enum bootload_how how)
{
	if (how == BOOTLOAD_FRESH)
		return 0;
	if (how == BOOTLOAD_REBUILD) {
		removal_put(batch, NFT_MSG_DELTABLE, NFTA_TABLE_NAME, 0, NULL);
		return 1;
	}
	for (size_t i = 0; i < BASES; i++)
		removal_put(batch, NFT_MSG_DELRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, bases[i]);
	return BASES;
}

struct batch {
	struct buffer bytes;
	uint32_t first, last;  /* sequence of the begin and of the last message */
	size_t removals;
};

/* begin, removals, messages, end: numbered, the last message with a wish for an answer. */
static int batch_make(struct bootload *load, const char *messages, size_t length, enum bootload_how how, struct batch *batch)
{
	struct buffer *bytes = &batch->bytes;
	struct attributes rest;
	struct netmessage message;
	size_t begin = netmessage_begin(bytes, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES), last = begin;
	netmessage_end(bytes, begin);
	batch->removals = removals_put(bytes, how);
	buffer_add(bytes, messages, length);
	begin = netmessage_begin(bytes, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	netmessage_end(bytes, begin);
	if (bytes->full)
		return -EFBIG;
	batch->first = load->sequence;
	for (rest = (struct attributes){bytes->data, bytes->data + bytes->length}; netmessage_take(&rest, &message);) {
		size_t at = (size_t)(message.bytes - bytes->data);
		sequence_set(bytes, at, load->sequence++, 0);
		last = at < begin ? at : last;
	}
	if (rest.at != rest.end)
		return -EINVAL;
	batch->last = load->sequence - 2;
	sequence_set(bytes, last, batch->last, NLM_F_ACK);
	return 0;
}

/* The kernel has judged it when the send returns; the last message asks for an answer, errors are told in any case.
 * The first error counts: the rest follow from it. */
static int batch_answers(struct bootload *load, const struct batch *batch, struct bootload_refusal *refusal)
{
	struct attributes messages = {NULL, NULL};
	struct netmessage message;
	int result = 0;
	for (bool done = false; !done;) {
		int error = bytes_receive(load, &messages);
		if (error < 0)
			return result < 0 ? result : error;
		while (netmessage_take(&messages, &message)) {
			uint32_t place = message.header.nlmsg_seq - batch->first;
			if (message.header.nlmsg_type != NLMSG_ERROR || place > batch->last - batch->first)
				continue;
			/* An error of the batch as a whole has the number of its begin. */
			done |= place == 0 || message.header.nlmsg_seq == batch->last;
			if (result == 0 && answer_error(&message) < 0) {
				result = answer_error(&message);
				refusal->message = place > batch->removals ? place - 1 - batch->removals : SIZE_MAX;
			}
		}
	}
	return result;
}

int bootload_send(struct bootload *load, const char *messages, size_t length, enum bootload_how how,
		  struct bootload_refusal *ret_refusal)
{
	struct bootload_refusal unused, *refusal = ret_refusal != NULL ? ret_refusal : &unused;
	struct batch batch;
	*refusal = (struct bootload_refusal){.message = SIZE_MAX};
	if (length == 0)
		return 0;
	buffer_init(&batch.bytes, length + BATCH_EXTRA);
	int error = batch_make(load, messages, length, how, &batch);
	if (error == 0)
		error = bytes_send(load, &batch.bytes);
	if (error == 0)
		error = batch_answers(load, &batch, refusal);
	buffer_done(&batch.bytes);
	return error;
}
