/* The other end of the demo's connections: listens on a few ports, or tries one connection and says whether it
 * got through.  No other program is needed, and the source port can be chosen.
 *
 *   demo_peer listen tcp:80 udp:53 …                          answers until it is killed
 *   demo_peer try tcp|udp ADDRESS PORT [SOURCE-PORT [MS]]     prints "open" (answered) or "closed"; exit 0 or 1
 *
 * Exit 2: wrong usage, or the system refused something that has nothing to do with a filter. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LISTENERS_MOST = 32, EXIT_CLOSED = 1, EXIT_TROUBLE = 2, WAIT_DEFAULT = 400 };

static void die(const char *what)
{
	fprintf(stderr, "demo_peer: %s: %s\n", what, strerror(errno));
	exit(EXIT_TROUBLE);
}

static unsigned number(const char *text, unsigned most)
{
	char *end;
	unsigned long value = strtoul(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value > most) {
		fprintf(stderr, "demo_peer: \"%s\" is not a number from 0 to %u\n", text, most);
		exit(EXIT_TROUBLE);
	}
	return (unsigned)value;
}

static int socket_new(bool tcp, unsigned port)
{
	const struct sockaddr_in local = {
		.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
	};
	int one = 1;
	int fd = socket(AF_INET, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0)
		die("SO_REUSEADDR");
	if (bind(fd, (const struct sockaddr *)&local, sizeof(local)) < 0)
		die("bind");
	return fd;
}

/* No TIME_WAIT: the same pair of ports is used again a moment later. */
static void close_at_once(int fd)
{
	const struct linger linger = {.l_onoff = 1, .l_linger = 0};

	if (setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)) < 0)
		die("SO_LINGER");
	close(fd);
}

static void answer_datagram(int fd)
{
	char bytes[2048];
	struct sockaddr_in from;
	socklen_t size = sizeof(from);
	ssize_t length = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);

	/* An answer that the filter drops is no trouble of ours. */
	if (length >= 0)
		(void)sendto(fd, bytes, (size_t)length, 0, (const struct sockaddr *)&from, size);
}

static void answer_connection(int fd)
{
	static const char greeting[] = "hello\n";
	char byte;
	int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

	if (peer < 0)
		return;
	if (send(peer, greeting, sizeof(greeting) - 1, MSG_NOSIGNAL) > 0) {
		struct pollfd wait = {.fd = peer, .events = POLLIN};

		/* Until the other side has closed, so that the greeting is not cut off by our reset. */
		if (poll(&wait, 1, WAIT_DEFAULT) > 0)
			(void)recv(peer, &byte, 1, MSG_DONTWAIT);
	}
	close_at_once(peer);
}

static int peer_listen(char **words, int count)
{
	struct pollfd fds[LISTENERS_MOST];

	if (count < 1 || count > LISTENERS_MOST) {
		fprintf(stderr, "demo_peer: listen needs 1 to %d of tcp:PORT, udp:PORT\n", LISTENERS_MOST);
		return EXIT_TROUBLE;
	}
	for (int i = 0; i < count; i++) {
		bool tcp = strncmp(words[i], "tcp:", 4) == 0;

		if (!tcp && strncmp(words[i], "udp:", 4) != 0) {
			fprintf(stderr, "demo_peer: \"%s\" is neither tcp:PORT nor udp:PORT\n", words[i]);
			return EXIT_TROUBLE;
		}
		fds[i] = (struct pollfd){.fd = socket_new(tcp, number(words[i] + 4, UINT16_MAX)), .events = POLLIN};
		if (tcp && listen(fds[i].fd, 16) < 0)
			die("listen");
	}
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, (nfds_t)count, -1) < 0 && errno != EINTR)
			die("poll");
		for (int i = 0; i < count; i++) {
			if (fds[i].revents & POLLIN)
				(words[i][0] == 't' ? answer_connection : answer_datagram)(fds[i].fd);
		}
	}
}

static long milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000L + now.tv_nsec / 1000000L;
}

/* Waits for events until the deadline; false when it has passed. */
static bool wait_for(int fd, short events, long deadline)
{
	struct pollfd wait = {.fd = fd, .events = events};
	long left = deadline - milliseconds();

	return left > 0 && poll(&wait, 1, (int)left) > 0;
}

static bool is_answered(int fd, bool tcp, const struct sockaddr_in *to, long deadline)
{
	char byte;

	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)) < 0 && errno != EINPROGRESS && errno != EPERM)
		return false;
	if (tcp && !wait_for(fd, POLLOUT, deadline))
		return false;
	/* A drop in our own output hook comes back as EPERM: closed, as any other drop. */
	if (!tcp && send(fd, "?", 1, MSG_NOSIGNAL) < 0)
		return false;
	return wait_for(fd, POLLIN, deadline) && recv(fd, &byte, 1, 0) == 1;
}

static int peer_try(char **words, int count)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	bool tcp, open;
	int fd;

	if (count < 3 || count > 5 || inet_pton(AF_INET, words[1], &to.sin_addr) != 1) {
		fprintf(stderr, "demo_peer: try needs tcp|udp ADDRESS PORT [SOURCE-PORT [MS]]\n");
		return EXIT_TROUBLE;
	}
	tcp = strcmp(words[0], "tcp") == 0;
	to.sin_port = htons((uint16_t)number(words[2], UINT16_MAX));
	fd = socket_new(tcp, count > 3 ? number(words[3], UINT16_MAX) : 0);
	open = is_answered(fd, tcp, &to, milliseconds() + (count > 4 ? (long)number(words[4], 60000) : WAIT_DEFAULT));
	if (tcp)
		close_at_once(fd);
	puts(open ? "open" : "closed");
	return open ? EXIT_SUCCESS : EXIT_CLOSED;
}

int main(int argc, char **argv)
{
	if (argc >= 2 && strcmp(argv[1], "listen") == 0)
		return peer_listen(argv + 2, argc - 2);
	if (argc >= 2 && strcmp(argv[1], "try") == 0)
		return peer_try(argv + 2, argc - 2);
	fprintf(stderr, "usage: demo_peer listen tcp:PORT|udp:PORT… | demo_peer try tcp|udp ADDRESS PORT [SOURCE-PORT [MS]]\n");
	return EXIT_TROUBLE;
}
