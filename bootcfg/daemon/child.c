#include "bootcfg/daemon/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/notice.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	PAUSE_FIRST = 100,      /* ms before a child that died is started again */
	PAUSE_MOST = 30000,
	LIVED = 10000,          /* one that has lived so long had no trouble with its start */
	CHANNEL_BYTES = 1 << 20,
	ABOVE = 16,             /* descriptors are moved here first, out of the way of those that they become */
};

struct child {
	struct loop *loop;
	const struct child_options *options;
	pid_t pid;              /* 0: none */
	int fd;                 /* our end of the channel, -1: none */
	struct watch *readable, *again;
	struct outbox *outbox;
	char *bytes;            /* MESSAGE_MOST, to receive into */
	int64_t started, seen, asked, pause;
	bool waits;             /* for the answer to MESSAGE_ALIVE */
	bool stopping;
	uint64_t restarts;
};

/* --- Between fork and exec: no allocation, no lock, nothing of the parent's loop --- */

static int descriptor_above(int fd)
{
	return fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, ABOVE);
}

ATTR_NORETURN static void child_exec(const struct child_options *options, int channel)
{
	static char program[] = "cordond", word[] = "--child";
	union {
		const char *in[CHILD_WORDS + 4];
		char *out[CHILD_WORDS + 4];
	} words = {.in = {program, word, options->name}};
	const int from[] = {descriptor_above(channel), descriptor_above(options->first), descriptor_above(options->second)};
	static const int to[] = {CHILD_CHANNEL, CHILD_FIRST, CHILD_SECOND};
	for (size_t i = 0; i < ARRAY_LENGTH(to); i++) {
		/* What stands there now is marked to be closed by exec, or is none of ours. */
		(void)close(to[i]);
		if (from[i] >= 0 && dup2(from[i], to[i]) != to[i])
			_exit(EXIT_SYSTEM);
	}
	(void)close_range(CHILD_SECOND + 1, ~0u, 0);
	for (size_t i = 0; i < CHILD_WORDS && options->words[i] != NULL; i++)
		words.in[i + 3] = options->words[i];
	(void)execv("/proc/self/exe", words.out);
	_exit(EXIT_SYSTEM);
}

/* --- --- */

static void child_start(void *context);

static void channel_close(struct child *child)
{
	outbox_detach(child->outbox);
	watch_free(child->readable);
	child->readable = NULL;
	if (child->fd >= 0)
		(void)close(child->fd);
	child->fd = -1;
}

void child_kill(struct child *child)
{
	/* Not reaped yet, so the number is still its own. */
	if (child->pid > 0)
		(void)kill(child->pid, SIGKILL);
}

static void channel_gone(void *context)
{
	struct child *child = context;
	channel_close(child);
	/* It ends by itself when it is hung up on; if it lives on without a channel it is of no use. */
	if (!child->stopping)
		child_kill(child);
}

static void channel_readable(void *context)
{
	struct child *child = context;
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	int error = message_receive(child->fd, child->bytes, &type, &fixed, &tail);
	if (error == ERROR_NOT_FOUND)
		return;
	if (error == 0 && type == MESSAGE_ALIVE) {
		child->seen = loop_now(child->loop);
		child->waits = false;
	} else if (error == 0) {
		error = child->options->message(type, fixed, tail, child->options->context);
	}
	if (error == 0)
		return;
	if (error != ERROR_SYSTEM)
		notice_say(SEVERITY_ERROR, "the %s (process %d) sends what it must not: it is ended", child->options->name, (int)child->pid);
	channel_gone(child);
}

static void start_later(struct child *child)
{
	if (child->stopping)
		return;
	if (child->again == NULL)
		child->again = loop_timer(child->loop, child->pause, child_start, child);
	else
		watch_again(child->again, child->pause);
	child->pause = child->pause * 2 > PAUSE_MOST ? PAUSE_MOST : child->pause * 2;
}

static bool channel_open(int ret_ends[2])
{
	static const int size = CHANNEL_BYTES;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ret_ends) != 0)
		return false;
	/* Room for a burst; without the right to it the usual room has to do. */
	for (size_t i = 0; i < 2; i++)
		(void)setsockopt(ret_ends[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
	return true;
}

static void child_start(void *context)
{
	struct child *child = context;
	int ends[2];
	if (!channel_open(ends)) {
		notice_say(SEVERITY_ERROR, "the %s cannot be started: %s", child->options->name, strerror(errno));
		start_later(child);
		return;
	}
	pid_t pid = fork();
	if (pid == 0)
		child_exec(child->options, ends[1]);
	int saved = errno;
	(void)close(ends[1]);
	child->fd = ends[0];
	if (pid > 0)
		child->readable = loop_readable(child->loop, child->fd, channel_readable, child);
	if (pid < 0 || child->readable == NULL) {
		child->pid = pid > 0 ? pid : 0;
		notice_say(SEVERITY_ERROR, "the %s cannot be started: %s", child->options->name, strerror(saved));
		channel_gone(child);
		if (pid < 0)
			start_later(child);
		return;
	}
	child->pid = pid;
	child->started = child->seen = loop_now(child->loop);
	child->waits = false;
	outbox_attach(child->outbox, child->fd);
}

struct child *child_new(struct loop *loop, const struct child_options *options)
{
	struct child *child = memory_alloc(sizeof *child);
	child->loop = loop;
	child->options = options;
	child->fd = -1;
	child->pause = PAUSE_FIRST;
	child->bytes = memory_alloc(MESSAGE_MOST);
	child->outbox = outbox_new(loop, options->waits_most, channel_gone, child);
	child_start(child);
	return child;
}

void child_free(struct child *child)
{
	if (child == NULL)
		return;
	child->stopping = true;
	channel_close(child);
	child_kill(child);
	if (child->pid > 0)
		while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
			;
	watch_free(child->again);
	outbox_free(child->outbox);
	free(child->bytes);
	free(child);
}

static void end_say(const struct child *child, int status)
{
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS)
		notice_say(SEVERITY_ERROR, "the %s (process %d) was ended by its sandbox: it made a system call that it must not make",
			   child->options->name, (int)child->pid);
	else if (WIFSIGNALED(status))
		notice_say(SEVERITY_WARNING, "the %s (process %d) was ended by signal %d", child->options->name, (int)child->pid,
			   WTERMSIG(status));
	else
		notice_say(SEVERITY_WARNING, "the %s (process %d) ended with code %d", child->options->name, (int)child->pid,
			   WEXITSTATUS(status));
}

void child_reap(struct child *child)
{
	int status;
	if (child->pid <= 0 || waitpid(child->pid, &status, WNOHANG) != child->pid)
		return;
	if (!child->stopping)
		end_say(child, status);
	child->pid = 0;
	channel_close(child);
	if (!child->options->keeps)
		outbox_clear(child->outbox);
	if (child->stopping)
		return;
	if (loop_now(child->loop) - child->started >= LIVED)
		child->pause = PAUSE_FIRST;
	child->restarts++;
	start_later(child);
}

void child_ask(struct child *child)
{
	int64_t now = loop_now(child->loop);
	if (child->pid <= 0 || child->stopping)
		return;
	if (!child->waits) {
		child->waits = outbox_add(child->outbox, MESSAGE_ALIVE, NULL, NULL, 0);
		child->asked = now;
	} else if (now - child->asked >= CHILD_HANGS) {
		notice_say(SEVERITY_ERROR, "the %s (process %d) has not answered for %d s: it is ended", child->options->name,
			   (int)child->pid, CHILD_HANGS / 1000);
		channel_gone(child);
	}
}

void child_stop(struct child *child)
{
	child->stopping = true;
	watch_free(child->again);
	child->again = NULL;
	channel_close(child);
}

struct outbox *child_outbox(struct child *child)
{
	return child->outbox;
}

pid_t child_pid(const struct child *child)
{
	return child->pid;
}

uint64_t child_restarts(const struct child *child)
{
	return child->restarts;
}

int64_t child_seen(const struct child *child)
{
	return child->pid > 0 ? child->seen : -1;
}
