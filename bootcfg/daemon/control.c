#include "bootcfg/daemon/control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	BACKLOG = 128,
	ACCEPTS = 32,                               /* in one go: answers must not wait for a crowd */
	CLIENTS_OTHERS = CONTROL_CLIENTS / 4 * 3,   /* of users that are not root, all together */
	CLIENTS_USER = CONTROL_CLIENTS / 4,         /* of one of them */
	GROUPS_MOST = 256,                          /* groups of a peer that are looked at */
};

struct client {
	struct client *next, **link;
	struct control *control;
	int fd;
	uid_t uid;
	struct watch *readable, *timer;
	bool asked;            /* the parent has its question */
	enum message_type type;
	uint32_t number;       /* ours, for the parent */
	uint32_t theirs;       /* the client's */
};

struct control {
	struct loop *loop;
	struct control_options options;
	struct watch *readable;
	struct client *first;
	size_t count;
	uint32_t numbers;
	char *bytes;           /* MESSAGE_MOST, to receive into */
};

static void client_free(struct client *client)
{
	*client->link = client->next;
	if (client->next != NULL)
		client->next->link = client->link;
	client->control->count--;
	watch_free(client->readable);
	watch_free(client->timer);
	(void)close(client->fd);
	free(client);
}

/* Says why, if it reads, and is rid of it. */
static void refuse(int fd, const char *why)
{
	(void)message_send(fd, MESSAGE_REFUSED, NULL, 0, why, strlen(why));
}

static void client_refuse(struct client *client, const char *why)
{
	refuse(client->fd, why);
	client_free(client);
}

static void client_late(void *context)
{
	struct client *client = context;
	client_refuse(client, client->asked ? "the service is too busy to answer: try again"
					    : "no question came within 5 s");
}

static bool question_good(enum message_type type, struct cursor tail)
{
	return (type == MESSAGE_STATUS || type == MESSAGE_RELOAD || type == MESSAGE_DIAGNOSTICS) && cursor_left(&tail) == 0;
}

static void client_readable(void *context)
{
	struct client *client = context;
	struct control *control = client->control;
	const struct message_ask *ask;
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	int error = message_receive(client->fd, control->bytes, &type, &fixed, &tail);
	if (error == ERROR_NOT_FOUND)
		return;
	if (error == ERROR_SYSTEM) {
		client_free(client);
	} else if (error != 0 || client->asked || !question_good(type, tail)) {
		client_refuse(client, "that is no question of cordon's: is it of the same version?");
	} else {
		ask = fixed;
		client->asked = true;
		client->type = type;
		client->theirs = ask->number;
		client->number = ++control->numbers;
		watch_again(client->timer, CONTROL_TIMEOUT);
		control->options.ask(type, client->number, control->options.context);
	}
}

static struct client *client_find(struct control *control, uint32_t number)
{
	struct client *client = control->first;
	while (client != NULL && !(client->asked && client->number == number))
		client = client->next;
	return client;
}

void control_answer(struct control *control, enum message_type type, uint32_t number, struct cursor text)
{
	struct client *client = client_find(control, number);
	if (client == NULL || client->type != type)
		return;
	struct message_ask ask = {client->theirs};
	/* It fits into the socket, or the client has filled it by its own doing: then it is dropped. */
	(void)message_send(client->fd, type, &ask, sizeof ask, text.at, cursor_left(&text));
	client_free(client);
}

void control_refuse(struct control *control, uint32_t number, const char *why)
{
	struct client *client = client_find(control, number);
	if (client != NULL)
		client_refuse(client, why);
}

/* --- Who may ask --- */

static bool peer_in_group(int fd, gid_t gid, gid_t group)
{
	gid_t groups[GROUPS_MOST];
	socklen_t length = sizeof groups;
	if (group == (gid_t)-1)
		return false;
	if (gid == group)
		return true;
	/* A peer in more groups than these is told no: it can make the group its first with sg. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &length) != 0)
		return false;
	for (size_t i = 0; i < length / sizeof groups[0]; i++)
		if (groups[i] == group)
			return true;
	return false;
}

static bool room_left(const struct control *control, uid_t uid)
{
	size_t others = 0, same = 0;
	for (const struct client *client = control->first; client != NULL; client = client->next) {
		others += client->uid != 0;
		same += client->uid == uid;
	}
	return control->count < CONTROL_CLIENTS && (uid == 0 || (others < CLIENTS_OTHERS && same < CLIENTS_USER));
}

/* NULL: it is welcome. */
static const char *refusal(const struct control *control, int fd, uid_t *ret_uid)
{
	struct ucred peer;
	socklen_t length = sizeof peer;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0 || length != sizeof peer)
		return "who asks cannot be told";
	if (peer.uid != 0 && !peer_in_group(fd, peer.gid, control->options.group))
		return "only root and members of the service's group are answered";
	if (!room_left(control, peer.uid))
		return "too many ask at once: try again";
	*ret_uid = peer.uid;
	return NULL;
}

static void client_new(struct control *control, int fd, uid_t uid)
{
	struct client *client = memory_alloc(sizeof *client);
	client->control = control;
	client->fd = fd;
	client->uid = uid;
	client->next = control->first;
	client->link = &control->first;
	if (client->next != NULL)
		client->next->link = &client->next;
	control->first = client;
	control->count++;
	client->timer = loop_timer(control->loop, CONTROL_TIMEOUT, client_late, client);
	client->readable = loop_readable(control->loop, fd, client_readable, client);
	if (client->readable == NULL)
		client_free(client);
}

static void listener_readable(void *context)
{
	struct control *control = context;
	for (unsigned i = 0; i < ACCEPTS; i++) {
		int fd = accept4(control->options.listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd < 0)
			return; /* none is left, or it has gone again; what is the system's trouble passes */
		uid_t uid = 0;
		const char *why = refusal(control, fd, &uid);
		if (why == NULL) {
			client_new(control, fd, uid);
		} else {
			refuse(fd, why);
			(void)close(fd);
		}
	}
}

struct control *control_new(struct loop *loop, const struct control_options *options)
{
	struct control *control = memory_alloc(sizeof *control);
	control->loop = loop;
	control->options = *options;
	control->bytes = memory_alloc(MESSAGE_MOST);
	control->readable = loop_readable(loop, options->listener, listener_readable, control);
	if (control->readable != NULL)
		return control;
	control_free(control);
	return NULL;
}

void control_free(struct control *control)
{
	if (control == NULL)
		return;
	while (control->first != NULL)
		client_free(control->first);
	watch_free(control->readable);
	free(control->bytes);
	free(control);
}

size_t control_clients(const struct control *control)
{
	return control->count;
}

/* --- The socket --- */

/* Bound without rights for anybody, so that nobody slips in between. */
static int bind_closed(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0777);
	int result = bind(fd, (const struct sockaddr *)address, sizeof *address);
	int saved = errno;
	(void)umask(before);
	errno = saved;
	return result;
}

int control_listen(const char *path, gid_t group, struct diag *diag, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t length = strlen(path);
	if (length >= sizeof address.sun_path) {
		diag_error(diag, NULL, "control socket %s: the path is longer than %zu bytes", QUOTE(path), sizeof address.sun_path - 1);
		return ERROR_INPUT;
	}
	memcpy(address.sun_path, path, length + 1);
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct stat old;
	/* Only a socket: somebody's file is not ours to take away. */
	if (lstat(path, &old) == 0 && S_ISSOCK(old.st_mode))
		(void)unlink(path);
	bool shared = group != (gid_t)-1;
	if (fd >= 0 && bind_closed(fd, &address) == 0 && (!shared || chown(path, (uid_t)-1, group) == 0) &&
	    chmod(path, shared ? 0660 : 0600) == 0 && listen(fd, BACKLOG) == 0) {
		*ret_fd = fd;
		return 0;
	}
	diag_error(diag, NULL, "control socket %s: %s", QUOTE(path), strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return ERROR_SYSTEM;
}
