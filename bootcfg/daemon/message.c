#include "bootcfg/daemon/message.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "bootcfg/boot/bootfile.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/policy/config.h"

struct message_head {
	uint32_t magic, type, fixed, tail;
};
enum { HEAD = sizeof(struct message_head), ALIGNMENT = 16, DATAGRAM_MOST = MESSAGE_MOST - ALIGNMENT };
_Static_assert(HEAD == ALIGNMENT, "the fixed part is aligned as the head is");
_Static_assert(HEAD + sizeof(struct message_event) + sizeof(struct bootdrop) + MESSAGE_TAIL < DATAGRAM_MOST,
	       "every message fits into a receiver's memory");

static bool ends_in_nul(const char *text, size_t size)
{
	return memchr(text, '\0', size) != NULL;
}

static bool settings_good(const void *fixed, size_t tail)
{
	const struct message_settings *settings = fixed;
	return tail == 0 && settings->diagnostics <= 7 && settings->observe <= 1 &&
	       ends_in_nul(settings->mode, sizeof settings->mode);
}

static bool names_good(const void *fixed, size_t tail)
{
	const struct message_names *names = fixed;
	return (size_t)names->policy + names->rule + names->list == tail && names->action <= ACTION_PERMIT &&
	       strspn(names->hash, "0123456789abcdef") == 16 && names->hash[16] == '\0';
}

static bool event_good(const void *fixed, size_t tail)
{
	const struct message_event *event = fixed;
	return event->text == tail && ends_in_nul(event->mode, sizeof event->mode) &&
	       ends_in_nul(event->digest, sizeof event->digest);
}

static bool bootdrop_good(const void *fixed, size_t tail)
{
	const struct bootdrop *drop = fixed;
	unsigned family = drop->family, source = drop->src.family;
	return tail == 0 && (family == FAMILY_NONE || family == FAMILY_IPV4 || family == FAMILY_IPV6) &&
	       (source == FAMILY_NONE || source == family);
}

static bool no_tail(const void *fixed, size_t tail)
{
	(void)fixed;
	return tail == 0;
}

/* A question has no tail, an answer has text: who receives knows which of them it waits for. */
static bool any_tail(const void *fixed, size_t tail)
{
	(void)fixed;
	return tail <= MESSAGE_TAIL;
}

static const struct {
	size_t fixed;
	bool (*good)(const void *fixed, size_t tail);
} types[MESSAGE_TYPES] = {
	[MESSAGE_SETTINGS] = {sizeof(struct message_settings), settings_good},
	[MESSAGE_NAMES] = {sizeof(struct message_names), names_good},
	[MESSAGE_NAMES_END] = {0, no_tail},
	[MESSAGE_EVENT] = {sizeof(struct message_event), event_good},
	[MESSAGE_BOOTDROP] = {sizeof(struct bootdrop), bootdrop_good},
	[MESSAGE_FLUSH] = {0, no_tail},
	[MESSAGE_COUNTS] = {sizeof(struct message_counts), no_tail},
	[MESSAGE_STATUS] = {sizeof(struct message_ask), any_tail},
	[MESSAGE_RELOAD] = {sizeof(struct message_ask), any_tail},
	[MESSAGE_DIAGNOSTICS] = {sizeof(struct message_ask), any_tail},
	[MESSAGE_REFUSED] = {0, any_tail},
	[MESSAGE_ALIVE] = {0, no_tail},
};

/* `fixed` is aligned; both lengths are what is there. */
static bool message_good(uint32_t type, const void *fixed, size_t fixed_length, size_t tail_length)
{
	return type < MESSAGE_TYPES && types[type].good != NULL && types[type].fixed == fixed_length &&
	       tail_length <= MESSAGE_TAIL && types[type].good(fixed, tail_length);
}

size_t message_fixed(enum message_type type)
{
	return types[type].fixed;
}

int message_parse(const void *bytes, size_t length, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail)
{
	const struct message_head *head = bytes;
	const char *fixed = (const char *)bytes + HEAD;
	if (length < HEAD || length > DATAGRAM_MOST || head->magic != MESSAGE_MAGIC)
		return ERROR_DAMAGED;
	size_t left = length - HEAD;
	if (head->fixed > left || head->tail != left - head->fixed || !message_good(head->type, fixed, head->fixed, head->tail))
		return ERROR_DAMAGED;
	*ret_type = (enum message_type)head->type;
	*ret_fixed = fixed;
	*ret_tail = cursor_of(fixed + head->fixed, head->tail);
	return 0;
}

int message_print(enum message_type type, const void *fixed, size_t fixed_length, const void *tail, size_t tail_length,
		  struct buffer *buffer)
{
	if (!message_good((uint32_t)type, fixed, fixed_length, tail_length))
		return ERROR_BUG;
	struct message_head head = {MESSAGE_MAGIC, (uint32_t)type, (uint32_t)fixed_length, (uint32_t)tail_length};
	buffer_add(buffer, &head, sizeof head);
	if (fixed_length > 0)
		buffer_add(buffer, fixed, fixed_length);
	if (tail_length > 0)
		buffer_add(buffer, tail, tail_length);
	return 0;
}

/* sendmsg does not write to what its vector points at, but cannot say so. */
static void *unconst(const void *pointer)
{
	union {
		const void *in;
		void *out;
	} both = {pointer};
	return both.out;
}

static int message_write(int fd, struct iovec *parts, size_t count)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t sent;
	do {
		sent = sendmsg(fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	} while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return 0;
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS || errno == ENOMEM ? ERROR_BUSY : ERROR_SYSTEM;
}

int message_send_bytes(int fd, const void *bytes, size_t length)
{
	struct iovec part = {unconst(bytes), length};
	return message_write(fd, &part, 1);
}

int message_send(int fd, enum message_type type, const void *fixed, size_t fixed_length, const void *tail, size_t tail_length)
{
	if (!message_good((uint32_t)type, fixed, fixed_length, tail_length))
		return ERROR_BUG;
	struct message_head head = {MESSAGE_MAGIC, (uint32_t)type, (uint32_t)fixed_length, (uint32_t)tail_length};
	struct iovec parts[] = {{&head, sizeof head}, {unconst(fixed), fixed_length}, {unconst(tail), tail_length}};
	return message_write(fd, parts, ARRAY_LENGTH(parts));
}

int message_receive(int fd, void *bytes, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail)
{
	char *at = bytes;
	at += (ALIGNMENT - (uintptr_t)at % ALIGNMENT) % ALIGNMENT;
	struct iovec part = {at, DATAGRAM_MOST};
	/* No room for control data: descriptors that somebody sends are closed by the kernel, and MSG_CTRUNC tells. */
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
	ssize_t length;
	do {
		length = recvmsg(fd, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
	} while (length < 0 && errno == EINTR);
	if (length < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK ? ERROR_NOT_FOUND : ERROR_SYSTEM;
	if (length == 0 && (message.msg_flags & MSG_CTRUNC) == 0)
		return ERROR_SYSTEM; /* its end, or an empty datagram: no use in either */
	if ((message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0)
		return ERROR_DAMAGED;
	return message_parse(at, (size_t)length, ret_type, ret_fixed, ret_tail);
}
