/* The service's messages: any bytes as one message, and as what a client sends to the control socket.  What is taken
 * for a message is whole and prints to the same bytes; a client gets an answer, a refusal or nothing, and is forgotten. */
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "tests/fuzz/fuzz.h"

static void parse_check(const uint8_t *bytes, size_t length)
{
	static _Alignas(16) char copy[MESSAGE_MOST];
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	struct buffer print;
	if (length > sizeof copy)
		return;
	memcpy(copy, bytes, length);
	int error = message_parse(copy, length, &type, &fixed, &tail);
	FUZZ_ASSERT(error == 0 || error == ERROR_DAMAGED);
	if (error != 0)
		return;
	FUZZ_ASSERT(tail.end == copy + length && tail.at >= (const char *)fixed);
	FUZZ_ASSERT((size_t)(tail.at - (const char *)fixed) == message_fixed(type));
	buffer_init(&print, MESSAGE_MOST);
	FUZZ_ASSERT(message_print(type, fixed, message_fixed(type), tail.at, cursor_left(&tail), &print) == 0);
	FUZZ_ASSERT(print.length == length && memcmp(print.data, copy, length) == 0);
	buffer_done(&print);
}

static struct control *control;

static void answer(enum message_type type, uint32_t number, void *context)
{
	unsigned *asked = context;
	++*asked;
	FUZZ_ASSERT(type == MESSAGE_STATUS || type == MESSAGE_RELOAD || type == MESSAGE_DIAGNOSTICS);
	control_answer(control, type, number, cursor_text("ok"));
}

/* Two datagrams, the first as long as the first byte says. */
static void client_send(int fd, const uint8_t *bytes, size_t length)
{
	size_t first = length > 0 ? bytes[0] : 0;
	if (first > length)
		first = length;
	(void)send(fd, bytes, first, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (length > first)
		(void)send(fd, bytes + first, length - first, MSG_DONTWAIT | MSG_NOSIGNAL);
}

/* The same bytes as one datagram, too. */
static void control_check(struct loop *loop, const struct sockaddr_un *address, socklen_t size, const uint8_t *bytes, size_t length)
{
	for (unsigned split = 0; split < 2; split++) {
		int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
		FUZZ_ASSERT(fd >= 0 && connect(fd, (const struct sockaddr *)address, size) == 0);
		if (split == 1)
			client_send(fd, bytes, length);
		else
			(void)send(fd, bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
		loop_advance(loop, 0);
		loop_advance(loop, CONTROL_TIMEOUT);
		FUZZ_ASSERT(control_clients(control) == 0);
		close(fd);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	socklen_t size = sizeof address.sun_family;
	unsigned asked = 0;
	parse_check(bytes, length);
	int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	/* A name that the kernel chooses: no file. */
	FUZZ_ASSERT(listener >= 0 && bind(listener, (const struct sockaddr *)&address, size) == 0 && listen(listener, 8) == 0);
	size = sizeof address;
	FUZZ_ASSERT(getsockname(listener, (struct sockaddr *)&address, &size) == 0);
	struct loop *loop = loop_new_scripted(0);
	const struct control_options options = {listener, getegid(), answer, &asked};
	control = control_new(loop, &options);
	control_check(loop, &address, size, bytes, length);
	FUZZ_ASSERT(asked <= 2);
	control_free(control);
	loop_free(loop);
	close(listener);
	return 0;
}
