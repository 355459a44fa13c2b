#include "bootcfg/daemon/notify.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/cursor.h"

bool notify_wanted(void)
{
	const char *path = getenv("NOTIFY_SOCKET");
	return path != NULL && (path[0] == '/' || path[0] == '@');
}

void notify_send(const char *text)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const char *path = getenv("NOTIFY_SOCKET");
	size_t length = path != NULL ? strlen(path) : 0;
	if (!notify_wanted() || length >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, length);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* abstract */
	else
		size++; /* its NUL */
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return;
	/* A manager that does not listen is not told; the rules do not depend on it. */
	(void)sendto(fd, text, strlen(text), MSG_NOSIGNAL, (const struct sockaddr *)&address, size);
	(void)close(fd);
}

int64_t notify_watchdog(void)
{
	const char *time = getenv("WATCHDOG_USEC"), *process = getenv("WATCHDOG_PID");
	uint64_t microseconds, pid;
	if (time == NULL || !number_parse(time, strlen(time), INT64_MAX, &microseconds) || microseconds < 4000)
		return 0;
	if (process != NULL && (!number_parse(process, strlen(process), INT32_MAX, &pid) || pid != (uint64_t)getpid()))
		return 0;
	return (int64_t)(microseconds / 1000);
}
