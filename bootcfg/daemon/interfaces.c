#include "bootcfg/daemon/interfaces.h"

#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/memory.h"

struct interfaces {
	unsigned next; /* whose place is taken when all are */
	struct {
		uint32_t index;
		int64_t asked;
		char name[IFNAMSIZ + 8];
	} known[INTERFACES_MOST];
};

struct interfaces *interfaces_new(void)
{
	return memory_alloc(sizeof(struct interfaces));
}

void interfaces_free(struct interfaces *interfaces)
{
	free(interfaces);
}

/* A socket that is bound to an index tells the name of it: calls that a sandboxed process has, as ioctl is not.  A
 * kernel that wants a privilege for that (before 5.7) is asked by ioctl. */
static bool name_ask(uint32_t index, char name[IFNAMSIZ])
{
	const int bound = (int)index;
	struct ifreq request = {.ifr_ifindex = (int)index};
	socklen_t length = IFNAMSIZ;
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	bool found = setsockopt(fd, SOL_SOCKET, SO_BINDTOIFINDEX, &bound, sizeof(bound)) == 0 &&
		     getsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, name, &length) == 0 && length > 0;
	if (!found && ioctl(fd, SIOCGIFNAME, &request) == 0) {
		memcpy(name, request.ifr_name, IFNAMSIZ);
		found = true;
	}
	close(fd);
	return found;
}

static void name_read(uint32_t index, char *name, size_t size)
{
	char found[IFNAMSIZ] = "";
	if (name_ask(index, found))
		snprintf(name, size, "%.*s", IFNAMSIZ, found);
	else
		snprintf(name, size, "index:%u", index);
}

struct cursor interfaces_name(struct interfaces *interfaces, uint32_t index, int64_t now)
{
	unsigned at = 0;
	if (index == 0)
		return (struct cursor){NULL, NULL};
	while (at < INTERFACES_MOST && interfaces->known[at].index != index)
		at++;
	bool found = at < INTERFACES_MOST;
	if (!found) {
		at = interfaces->next;
		interfaces->next = (interfaces->next + 1) % INTERFACES_MOST;
	}
	if (!found || now - interfaces->known[at].asked >= INTERFACES_AGE) {
		interfaces->known[at].index = index;
		interfaces->known[at].asked = now;
		name_read(index, interfaces->known[at].name, sizeof(interfaces->known[at].name));
	}
	return cursor_text(interfaces->known[at].name);
}
