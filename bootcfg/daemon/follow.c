#include "bootcfg/daemon/follow.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "bootcfg/daemon/filewatch.h"
#include "core/base/attr.h"
#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { PATH_BYTES = 8192 };

struct follow {
	struct mnl_socket *socket;
	struct watch *watch;
	struct filewatch *files;
	void (*changed)(void *context);
	void *context;
};

/* What was told does not matter: everything is read anew, also after ENOBUFS, when something was not told. */
static void netlink_ready(void *context)
{
	struct follow *follow = context;
	char bytes[8192];
	bool any = false;
	ssize_t length;
	do {
		length = recv(mnl_socket_get_fd(follow->socket), bytes, sizeof(bytes), MSG_DONTWAIT | MSG_TRUNC);
		any |= length >= 0 || errno == ENOBUFS;
	} while (length >= 0 || errno == EINTR || errno == ENOBUFS);
	if (any)
		follow->changed(follow->context);
}

static void file_changed(unsigned number, void *context)
{
	struct follow *follow = context;
	(void)number;
	follow->changed(follow->context);
}

static int netlink_open(struct follow *follow, struct loop *loop, struct diag *diag)
{
	/* Links as well: with a link its routes go, and IPv4's are not told then. */
	unsigned groups = RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
	follow->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	if (follow->socket == NULL || mnl_socket_bind(follow->socket, groups, MNL_SOCKET_AUTOPID) < 0) {
		diag_error(diag, NULL, "cannot listen to changes of addresses and routes (rtnetlink): %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	follow->watch = loop_readable(loop, mnl_socket_get_fd(follow->socket), netlink_ready, follow);
	if (follow->watch == NULL) {
		diag_error(diag, NULL, "cannot listen to changes of addresses and routes: the event loop refuses the socket");
		return ERROR_SYSTEM;
	}
	return 0;
}

static int files_open(struct follow *follow, struct loop *loop, const char *root, struct diag *diag)
{
	static const char *const paths[] = {"/etc/resolv.conf", "/run/systemd/resolve/resolv.conf", "/var/lib/dhcp/",
					    "/run/systemd/netif/leases/"};
	int error = filewatch_new(loop, file_changed, follow, diag, &follow->files);
	for (size_t i = 0; i < ARRAY_LENGTH(paths) && error == 0; i++) {
		struct buffer path;
		buffer_init(&path, PATH_BYTES);
		buffer_printf(&path, "%s%s", root, paths[i]);
		/* One that cannot be watched is still read with the others, now and then. */
		if (filewatch_add(follow->files, buffer_text(&path), (unsigned)i) < 0)
			diag_note(diag, NULL, "%s cannot be watched: its changes are seen at the next poll", QUOTE(buffer_text(&path)));
		buffer_done(&path);
	}
	return error;
}

int follow_new(struct loop *loop, const char *root, void (*changed)(void *context), void *context, struct diag *diag,
	       struct follow **ret_follow)
{
	struct follow *follow = memory_alloc(sizeof(*follow));
	*follow = (struct follow){.changed = changed, .context = context};
	int error = netlink_open(follow, loop, diag);
	if (error == 0)
		error = files_open(follow, loop, root, diag);
	if (error < 0)
		follow_free(follow);
	else
		*ret_follow = follow;
	return error;
}

void follow_free(struct follow *follow)
{
	if (follow == NULL)
		return;
	watch_free(follow->watch);
	if (follow->socket != NULL)
		mnl_socket_close(follow->socket);
	filewatch_free(follow->files);
	free(follow);
}
