#include "bootcfg/daemon/nflog.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_log.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/error.h"

/* --- Reading --- */

struct attribute {
	uint16_t type;
	const uint8_t *value;
	size_t length;
};

static size_t aligned(size_t length)
{
	return (length + 3) & ~(size_t)3;
}

/* The two highest bits of a type are flags. */
static bool attribute_next(struct nflog_reader *rest, struct attribute *ret_attribute)
{
	struct nlattr head;
	size_t left = (size_t)(rest->end - rest->at);
	if (left < sizeof(head))
		return false;
	memcpy(&head, rest->at, sizeof(head));
	if (head.nla_len < sizeof(head) || head.nla_len > left)
		return false;
	*ret_attribute = (struct attribute){(uint16_t)(head.nla_type & 0x3fff), rest->at + sizeof(head), head.nla_len - sizeof(head)};
	rest->at += aligned(head.nla_len) < left ? aligned(head.nla_len) : left;
	return true;
}

/* A number of four bytes in network order; false when it has another size. */
static bool number_take(const struct attribute *attribute, uint32_t *ret_number)
{
	uint32_t number;
	if (attribute->length != sizeof(number))
		return false;
	memcpy(&number, attribute->value, sizeof(number));
	*ret_number = ntohl(number);
	return true;
}

static void time_take(const struct attribute *attribute, struct nflog_packet *packet)
{
	struct nfulnl_msg_packet_timestamp stamp;
	if (attribute->length != sizeof(stamp))
		return;
	memcpy(&stamp, attribute->value, sizeof(stamp));
	uint64_t seconds = be64toh(stamp.sec), microseconds = be64toh(stamp.usec);
	if (seconds > INT64_MAX / 10000000 || microseconds > 999999)
		return;
	packet->seconds = (int64_t)seconds;
	packet->microseconds = (uint32_t)microseconds;
	packet->has_time = true;
}

static void attribute_take(const struct attribute *attribute, struct nflog_packet *packet)
{
	struct nfulnl_msg_packet_hdr head;
	const char *text = (const char *)attribute->value;
	switch (attribute->type) {
	case NFULA_PACKET_HDR:
		if (attribute->length != sizeof(head))
			break;
		memcpy(&head, attribute->value, sizeof(head));
		packet->hook = head.hook;
		break;
	case NFULA_PREFIX:
		packet->prefix = cursor_of(text, strnlen(text, attribute->length));
		break;
	case NFULA_PAYLOAD:
		packet->payload = attribute->value;
		packet->payload_length = attribute->length;
		break;
	case NFULA_TIMESTAMP:
		time_take(attribute, packet);
		break;
	case NFULA_IFINDEX_INDEV:
		(void)number_take(attribute, &packet->indev);
		break;
	case NFULA_IFINDEX_OUTDEV:
		(void)number_take(attribute, &packet->outdev);
		break;
	case NFULA_SEQ:
		packet->has_sequence = number_take(attribute, &packet->sequence);
		break;
	case NFULA_UID:
		packet->has_uid = number_take(attribute, &packet->uid);
		break;
	default:
		break;
	}
}

static void packet_read(const uint8_t *at, const uint8_t *end, struct nflog_packet *packet)
{
	struct nflog_reader rest = {at, end};
	struct attribute attribute;
	*packet = (struct nflog_packet){.prefix = {"", ""}};
	packet->prefix.end = packet->prefix.at;
	while (attribute_next(&rest, &attribute))
		attribute_take(&attribute, packet);
}

int nflog_next(struct nflog_reader *reader, struct nflog_packet *ret_packet)
{
	static const uint16_t wanted = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_PACKET;
	while (reader->at < reader->end) {
		struct nlmsghdr head;
		size_t left = (size_t)(reader->end - reader->at);
		if (left < sizeof(head))
			return ERROR_DAMAGED;
		memcpy(&head, reader->at, sizeof(head));
		if (head.nlmsg_len < sizeof(head) || head.nlmsg_len > left)
			return ERROR_DAMAGED;
		const uint8_t *at = reader->at, *end = at + head.nlmsg_len;
		reader->at += aligned(head.nlmsg_len) < left ? aligned(head.nlmsg_len) : left;
		if (head.nlmsg_type != wanted || head.nlmsg_len < sizeof(head) + sizeof(struct nfgenmsg))
			continue; /* the end of a batch, an answer to somebody */
		packet_read(at + sizeof(head) + sizeof(struct nfgenmsg), end, ret_packet);
		return 1;
	}
	return 0;
}

/* --- The socket --- */

enum {
	COPY_BYTES = 128,       /* of a packet; the rule has its own limit, the smaller one counts */
	KERNEL_BUFFER = 31744,  /* what the kernel gathers before it sends: just fits its 32 KiB */
	GATHER_MESSAGES = 1000, /* never reached: bytes or time come first */
	GATHER_TIME = 10,       /* hundredths of a second */
	REQUEST = 512,
};

static struct nlmsghdr *request_begin(char *bytes, uint16_t group, uint32_t number)
{
	struct nlmsghdr *head = mnl_nlmsg_put_header(bytes);
	head->nlmsg_type = NFNL_SUBSYS_ULOG << 8 | NFULNL_MSG_CONFIG;
	head->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	head->nlmsg_seq = number;
	struct nfgenmsg *general = mnl_nlmsg_put_extra_header(head, sizeof(*general));
	general->nfgen_family = AF_UNSPEC;
	general->version = NFNETLINK_V0;
	general->res_id = htons(group);
	return head;
}

/* Sends it and waits for its answer; 0 or a negative errno.  Packets may come before the answer: they are dropped
 * here and are no loss, for the sequence starts with the first one that the collector sees. */
static int request_run(int fd, const struct nlmsghdr *head)
{
	static char answer[NFLOG_DATAGRAM];
	if (send(fd, head, head->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t length = recv(fd, answer, sizeof(answer), 0);
		if (length < 0 && (errno == EINTR || errno == ENOBUFS))
			continue;
		if (length < 0)
			return -errno;
		int left = (int)length;
		for (const struct nlmsghdr *at = (const void *)answer; mnl_nlmsg_ok(at, left); at = mnl_nlmsg_next(at, &left)) {
			const struct nlmsgerr *error = mnl_nlmsg_get_payload(at);
			if (at->nlmsg_type == NLMSG_ERROR && at->nlmsg_seq == head->nlmsg_seq &&
			    mnl_nlmsg_get_payload_len(at) >= sizeof(*error))
				return error->error;
		}
	}
}

static int group_bind(int fd, uint16_t group)
{
	char bytes[REQUEST];
	struct nlmsghdr *head = request_begin(bytes, group, 1);
	const struct nfulnl_msg_config_cmd bind_group = {.command = NFULNL_CFG_CMD_BIND};
	mnl_attr_put(head, NFULA_CFG_CMD, sizeof(bind_group), &bind_group);
	int error = request_run(fd, head);
	if (error != 0)
		return error;
	const struct nfulnl_msg_config_mode mode = {.copy_range = htonl(COPY_BYTES), .copy_mode = NFULNL_COPY_PACKET};
	head = request_begin(bytes, group, 2);
	mnl_attr_put(head, NFULA_CFG_MODE, sizeof(mode), &mode);
	mnl_attr_put_u32(head, NFULA_CFG_NLBUFSIZ, htonl(KERNEL_BUFFER));
	mnl_attr_put_u32(head, NFULA_CFG_TIMEOUT, htonl(GATHER_TIME));
	mnl_attr_put_u32(head, NFULA_CFG_QTHRESH, htonl(GATHER_MESSAGES));
	mnl_attr_put_u16(head, NFULA_CFG_FLAGS, htons(NFULNL_CFG_F_SEQ));
	return request_run(fd, head);
}

/* Room for bursts; no ENOBUFS, after which the kernel would drop until all is read: the sequence tells what was lost. */
static void socket_tune(int fd)
{
	const int room = NFLOG_RECEIVE, yes = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	(void)setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &yes, sizeof(yes));
}

int nflog_open(uint16_t group, struct diag *diag, int *ret_fd)
{
	struct sockaddr_nl address = {.nl_family = AF_NETLINK};
	const struct timeval patience = {.tv_sec = 5};
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof(address)) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) < 0) {
		diag_error(diag, NULL, "no netlink socket for drops: %s", strerror(errno));
		if (fd >= 0)
			close(fd);
		return ERROR_SYSTEM;
	}
	socket_tune(fd);
	int error = group_bind(fd, group);
	if (error != 0) {
		diag_error(diag, NULL, "the kernel's log group %u for drops: %s%s", group, strerror(-error),
			   error == -EBUSY || error == -EEXIST ? ": another program listens to it"
			   : error == -EPERM		       ? ": needs CAP_NET_ADMIN"
							       : " (kernel module: nfnetlink_log)");
		close(fd);
		return ERROR_SYSTEM;
	}
	const struct timeval none = {0, 0};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &none, sizeof(none));
	*ret_fd = fd;
	return 0;
}

uint32_t nflog_overflows(int fd)
{
	uint32_t memory[SK_MEMINFO_VARS] = {0};
	socklen_t length = sizeof(memory);
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory, &length) < 0 || length < (SK_MEMINFO_DROPS + 1) * sizeof(memory[0]))
		return 0;
	return memory[SK_MEMINFO_DROPS];
}
