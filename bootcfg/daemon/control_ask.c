/* The client's side of the control socket. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* Connects within the time-out; errno tells why not. */
static int service_connect(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	static const struct timeval limit = {CONTROL_TIMEOUT / 1000, 0};
	size_t length = strlen(path);
	if (length >= sizeof address.sun_path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(address.sun_path, path, length + 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	/* The limit of sending is that of connecting too: to a full queue of a service that hangs. */
	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit) == 0 &&
	    connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	int saved = errno;
	if (fd >= 0)
		(void)close(fd);
	errno = saved;
	return -1;
}

static int connect_failed(const char *path, struct diag *diag)
{
	if (errno == ENOENT || errno == ECONNREFUSED || errno == ENOTDIR)
		return ERROR_NOT_FOUND;
	if (errno == EACCES || errno == EPERM)
		diag_error(diag, NULL, "%s: only root and members of the service's group may ask cordond", QUOTE(path));
	else if (errno == EAGAIN)
		diag_error(diag, NULL, "cordond does not answer at %s: too many ask, or it hangs", QUOTE(path));
	else
		diag_error(diag, NULL, "%s: %s", QUOTE(path), strerror(errno));
	return ERROR_SYSTEM;
}

/* Waits for one message.  A service that has hung up may have said why before: the error comes first, once. */
static int answer_receive(int fd, char *bytes, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail)
{
	int error = ERROR_NOT_FOUND;
	for (unsigned tries = 0; tries < 3; tries++) {
		struct pollfd wait = {fd, POLLIN, 0};
		int ready = poll(&wait, 1, CONTROL_TIMEOUT);
		if (ready < 0 && errno == EINTR)
			continue;
		if (ready <= 0)
			return ERROR_BUSY;
		error = message_receive(fd, bytes, ret_type, ret_fixed, ret_tail);
		if (error != ERROR_SYSTEM && error != ERROR_NOT_FOUND)
			break;
	}
	return error;
}

static int answer_take(enum message_type asked, enum message_type type, const void *fixed, struct cursor tail, struct diag *diag,
		       struct buffer *ret_answer)
{
	const struct message_ask *ask = fixed;
	if (type == MESSAGE_REFUSED) {
		diag_error(diag, NULL, "cordond refuses: %s", QUOTE_N(tail.at, cursor_left(&tail)));
		return ERROR_SYSTEM;
	}
	if (type != asked || ask->number != 1) {
		diag_error(diag, NULL, "cordond answers something else than what was asked: is it of the same version?");
		return ERROR_SYSTEM;
	}
	buffer_add(ret_answer, tail.at, cursor_left(&tail));
	return 0;
}

int control_ask(const char *path, enum message_type type, struct diag *diag, struct buffer *ret_answer)
{
	static const struct message_ask ask = {1};
	int fd = service_connect(path);
	if (fd < 0)
		return connect_failed(path, diag);
	char *bytes = memory_alloc(MESSAGE_MOST);
	const void *fixed;
	struct cursor tail;
	enum message_type answer;
	/* One that has hung up already may have said why. */
	(void)message_send(fd, type, &ask, sizeof ask, NULL, 0);
	int error = answer_receive(fd, bytes, &answer, &fixed, &tail);
	if (error == 0) {
		error = answer_take(type, answer, fixed, tail, diag, ret_answer);
	} else {
		diag_error(diag, NULL, error == ERROR_BUSY	? "cordond does not answer within 5 s"
				       : error == ERROR_DAMAGED ? "cordond answers with what is no message: is it of the same version?"
								: "cordond has hung up");
		error = ERROR_SYSTEM;
	}
	free(bytes);
	(void)close(fd);
	return error;
}
