/* Conversations that were under way when a policy comes, with real TCP: what it does not permit ends, both ways, also
 * where the kernel had tracked it; what it permits goes on.  And the session that one sits at is noticed. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/policy/address.h"
#include "tests/integration/alone.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"

static const char program[] = CORDON_BUILD "/apps/cordon";
static char store[128];
static int spaces[2]; /* network namespaces */
enum { HOST, OUTSIDE };

static void enter(int space)
{
	if (setns(spaces[space], CLONE_NEWNET) < 0)
		abort();
}

static bool shell(const char *line)
{
	struct buffer said;
	buffer_init(&said, 65536);
	int code = process_run((const char *const[]){"/bin/sh", "-c", line, NULL}, &said, &said);
	if (code != 0)
		tap_note("%s: exit code %d: %s", line, code, buffer_text(&said));
	buffer_done(&said);
	return code == 0;
}

static bool spaces_make(void)
{
	int ready[2];
	if (unshare(CLONE_NEWNET) < 0 || pipe(ready) < 0)
		return false;
	spaces[HOST] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	pid_t child = fork();
	if (child == 0) {
		char c = 0;
		close(ready[0]);
		if (unshare(CLONE_NEWNET) == 0 && write(ready[1], &c, 1) == 1)
			pause();
		_exit(0);
	}
	char c, path[64];
	close(ready[1]);
	bool good = read(ready[0], &c, 1) == 1;
	close(ready[0]);
	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)child);
	spaces[OUTSIDE] = good ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	char link[96];
	snprintf(link, sizeof(link), "ip link set lo up && ip link add end0 type veth peer name end1 netns %d", (int)child);
	good = good && spaces[OUTSIDE] >= 0 && shell(link) &&
	       shell("ip address add 203.0.113.10/24 dev end0 && ip address add 2001:db8::10/64 dev end0 nodad && ip link set end0 up");
	if (good) {
		enter(OUTSIDE);
		good = shell("for a in 5 9 80; do ip address add 203.0.113.$a/24 dev end1 && ip address add 2001:db8::$a/64 dev end1 nodad || "
			     "exit 1; done; ip link set lo up && ip link set end1 up");
		enter(HOST);
	}
	if (child > 0) {
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	return good;
}

/* --- Connections --- */

union endpoint {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
};

static socklen_t endpoint_make(const char *text, unsigned port, union endpoint *ret)
{
	struct ip ip;
	if (!ip_parse(text, strlen(text), &ip))
		abort();
	memset(ret, 0, sizeof(*ret));
	if (ip.family == FAMILY_IPV4) {
		ret->v4.sin_family = AF_INET;
		ret->v4.sin_port = htons((uint16_t)port);
		memcpy(&ret->v4.sin_addr, ip.bytes, 4);
		return sizeof(ret->v4);
	}
	ret->v6.sin6_family = AF_INET6;
	ret->v6.sin6_port = htons((uint16_t)port);
	memcpy(&ret->v6.sin6_addr, ip.bytes, 16);
	return sizeof(ret->v6);
}

struct conversation {
	const char *name;
	int fds[2];   /* HOST, OUTSIDE */
	int listener; /* stays, as a server's does: it tells who came from who was called */
};

static int socket_listen(const char *address, unsigned port)
{
	union endpoint end;
	int on = 1;
	socklen_t length = endpoint_make(address, port, &end);
	int fd = socket(end.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (bind(fd, &end.any, length) < 0 || listen(fd, 4) < 0)
		return -1;
	return fd;
}

/* -1 when there is no answer within half a second. */
static int socket_connect(const char *from, const char *to, unsigned port)
{
	union endpoint end;
	socklen_t length = endpoint_make(from, 0, &end);
	int fd = socket(end.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), error = 0;
	socklen_t size = sizeof(error);
	(void)bind(fd, &end.any, length);
	length = endpoint_make(to, port, &end);
	(void)connect(fd, &end.any, length);
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	if (poll(&wait, 1, 500) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0 && error == 0)
		return fd;
	close(fd);
	return -1;
}

/* `opener` connects to the other's port. */
static bool converse(struct conversation *conversation, int opener, const char *from, const char *to, unsigned port)
{
	enter(!opener);
	int listener = socket_listen(to, port);
	enter(opener);
	int fd = listener >= 0 ? socket_connect(from, to, port) : -1;
	conversation->fds[opener] = fd;
	conversation->fds[!opener] = fd >= 0 ? accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK) : -1;
	conversation->listener = listener;
	enter(HOST);
	return conversation->fds[0] >= 0 && conversation->fds[1] >= 0;
}

static bool passes(const struct conversation *conversation, int from, int milliseconds)
{
	char c = 'x';
	struct pollfd wait = {.fd = conversation->fds[!from], .events = POLLIN};
	while (read(conversation->fds[!from], &c, 1) > 0)
		;
	if (write(conversation->fds[from], &c, 1) != 1)
		return false;
	return poll(&wait, 1, milliseconds) == 1 && read(wait.fd, &c, 1) == 1;
}

enum { LONG_MS = 3000, SHORT_MS = 600 };

static void is_cut(const struct conversation *conversation, const char *when)
{
	tap_ok(!passes(conversation, OUTSIDE, SHORT_MS), "%s: %s: nothing comes in", when, conversation->name);
	tap_ok(!passes(conversation, HOST, SHORT_MS), "%s: %s: nothing goes out", when, conversation->name);
}

static void conversations_end(struct conversation *conversations, size_t count)
{
	struct linger at_once = {.l_onoff = 1};
	for (size_t i = 0; i < count; i++) {
		for (int j = 0; j < 2; j++) {
			if (conversations[i].fds[j] < 0)
				continue;
			(void)setsockopt(conversations[i].fds[j], SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
			close(conversations[i].fds[j]);
		}
		if (conversations[i].listener >= 0)
			close(conversations[i].listener);
		conversations[i] = (struct conversation){conversations[i].name, {-1, -1}, -1};
	}
}

/* --- The program --- */

/* What the program said only where it went wrong. */
static bool did(bool good, const struct buffer *said, const char *name)
{
	if (!tap_ok(good, "%s", name))
		tap_note("%s", buffer_text(said));
	return good;
}

enum { WORDS_MOST = 24 };
static int cordon(struct buffer *said, const char *const words[])
{
	const char *all[WORDS_MOST] = {program, "--store", store};
	size_t count = 3;
	for (size_t i = 0; words[i] != NULL && count + 1 < WORDS_MOST; i++)
		all[count++] = words[i];
	buffer_clear(said);
	return process_run(all, said, said);
}
#define CORDON(said, ...) cordon((said), (const char *const[]){__VA_ARGS__, NULL})
#define QUARANTINE "apply", "quarantine", "--set", "server=203.0.113.5", "--set", "port=8000"

/* tracked: the kernel has tracked connections since before, and has seen the other side speak first. */
static void quarantine_try(bool tracked, struct buffer *said)
{
	const char *when = tracked ? "tracked before" : "not tracked before";
	struct conversation all[] = {
		{"from outside", {-1, -1}, -1}, {"from outside, IPv6", {-1, -1}, -1}, {"to a third party", {-1, -1}, -1}, {"to the agent's server", {-1, -1}, -1},
	};
	bool good = converse(&all[0], OUTSIDE, "203.0.113.9", "203.0.113.10", 22) &&
		    converse(&all[1], OUTSIDE, "2001:db8::9", "2001:db8::10", 22) &&
		    converse(&all[2], HOST, "203.0.113.10", "203.0.113.80", 443) && converse(&all[3], HOST, "203.0.113.10", "203.0.113.5", 8000);
	if (tracked)
		good = good && shell("nft 'table inet track { chain input { type filter hook input priority -200; ct state new counter; }; "
				     "chain output { type filter hook output priority -200; ct state new counter; }; }'");
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++)
		good = good && passes(&all[i], OUTSIDE, LONG_MS) && passes(&all[i], HOST, LONG_MS);
	if (tap_ok(good, "%s: four conversations are under way", when) &&
	    did(CORDON(said, QUARANTINE, "--force") == 0, said, "quarantine")) {
		for (size_t i = 0; i < 3; i++)
			is_cut(&all[i], when);
		tap_ok(passes(&all[3], HOST, LONG_MS), "%s: %s: goes on", when, all[3].name);
		tap_ok(passes(&all[3], OUTSIDE, LONG_MS), "%s: %s: and is answered", when, all[3].name);
		enter(OUTSIDE);
		int fd = socket_connect("203.0.113.5", "203.0.113.10", 22);
		enter(HOST);
		tap_ok(fd < 0, "%s: nobody gets in anew, not even the agent's server", when);
		if (fd >= 0)
			close(fd);
	}
	conversations_end(all, ARRAY_LENGTH(all));
	if (tracked)
		shell("nft delete table inet track");
	tap_ok(CORDON(said, "lift") == 0, "%s: lift", when);
}

/* A conversation that a filter let through with replies=yes, and that a more specific one, of one direction, now
 * forbids to begin: its answers are none any more. */
static void narrower_try(struct buffer *said)
{
	static const char *const script[] = {
		"delete all", "add policy name=p", "add filteraction name=permit action=permit", "add filteraction name=block action=block",
		"add filter filterlist=web srcaddr=me dstaddr=any protocol=tcp dstport=443 mirrored=yes replies=yes",
		"add filter filterlist=all srcaddr=any dstaddr=any",
		"add filter filterlist=not srcaddr=me dstaddr=203.0.113.80 protocol=tcp dstport=443 mirrored=no",
		"add rule name=web policy=p filterlist=web filteraction=permit", "add rule name=all policy=p filterlist=all filteraction=block",
		"set policy name=p assign=yes",
	};
	char path[160];
	snprintf(path, sizeof(path), "%s.netsh", store);
	FILE *file = fopen(path, "w");
	for (size_t i = 0; file != NULL && i < ARRAY_LENGTH(script); i++)
		fprintf(file, "netsh ipsec static %s\n", script[i]);
	if (file != NULL)
		fclose(file);
	struct conversation web[] = {{"to a web server", {-1, -1}, -1}};
	bool good = CORDON(said, "netsh", "-f", path) == 0 && CORDON(said, "apply", "--force") == 0;
	did(good, said, "answers are let in");
	good = good && converse(web, HOST, "203.0.113.10", "203.0.113.80", 443) && passes(web, HOST, LONG_MS) && passes(web, OUTSIDE, LONG_MS);
	tap_ok(good, "a conversation with answers");
	good = good && CORDON(said, "netsh", "ipsec", "static", "add", "rule", "name=not", "policy=p", "filterlist=not", "filteraction=block") == 0 &&
	       CORDON(said, "apply", "--force") == 0;
	if (did(good, said, "a narrower filter forbids it"))
		is_cut(web, "narrower");
	conversations_end(web, 1);
	CORDON(said, "lift");
}

/* This process is what sshd is to a shell: it holds the connection and is the program's ancestor. */
static void sitting_try(struct buffer *said)
{
	struct conversation one[] = {{"the session", {-1, -1}, -1}};
	if (!tap_ok(converse(one, OUTSIDE, "203.0.113.9", "203.0.113.10", 22), "a session from outside"))
		return;
	int code = CORDON(said, QUARANTINE);
	tap_ok(code == 2, "quarantine without --confirm or --force is refused: exit code %d", code);
	did(strstr(buffer_text(said), "cut the session that you sit at: in tcp 203.0.113.9:") != NULL &&
	    strstr(buffer_text(said), "policy \"quarantine\"") != NULL && strstr(buffer_text(said), "--confirm") != NULL, said,
	    "it names the packet, the rule and the way out");
	tap_ok(passes(one, OUTSIDE, LONG_MS) && passes(one, HOST, LONG_MS), "nothing has changed");
	did(CORDON(said, QUARANTINE, "--observe") == 0, said, "observing cuts nobody");
	CORDON(said, "lift");
	did(CORDON(said, QUARANTINE, "--confirm", "60") == 0 && strstr(buffer_text(said), "session-cut") != NULL, said,
	    "with --confirm it is warned");
	tap_ok(!passes(one, OUTSIDE, SHORT_MS), "and cut");
	did(CORDON(said, "rollback") == 0, said, "rollback");
	tap_ok(passes(one, OUTSIDE, LONG_MS) && passes(one, HOST, LONG_MS), "the session goes on");
	tap_ok(CORDON(said, "lift") == 0, "lift");
	conversations_end(one, 1);
	if (!tap_ok(converse(one, HOST, "203.0.113.10", "203.0.113.5", 8000), "a connection to the agent's server"))
		return;
	did(CORDON(said, QUARANTINE) == 0, said, "an agent that quarantines its host is not cut");
	tap_ok(passes(one, HOST, LONG_MS) && passes(one, OUTSIDE, LONG_MS), "its connection goes on");
	conversations_end(one, 1);
	CORDON(said, "lift");
}

int main(void)
{
	const char *folder = process_folder();
	struct buffer said;
	if (access(program, X_OK) < 0)
		tap_skip_all("%s is not there", program);
	if (folder == NULL || geteuid() != 0 || !alone_begin())
		tap_skip_all("no namespaces of one's own can be made: %s", strerror(errno));
	if (!spaces_make())
		tap_skip_all("no network of one's own can be made (ip, package iproute2)");
	snprintf(store, sizeof(store), "%s/store.db", folder);
	setenv("CORDON_PROFILES", CORDON_SOURCE "/profiles", 1);
	unsetenv("SSH_CONNECTION");
	buffer_init(&said, 1 << 20);
	quarantine_try(false, &said);
	quarantine_try(true, &said);
	narrower_try(&said);
	sitting_try(&said);
	buffer_done(&said);
	alone_reap();
	return tap_done();
}
