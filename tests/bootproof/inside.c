/* What runs in the machine whose boot is proved: a static program that needs nothing but the kernel.
 *
 *   inside traffic   serves ports that the policy permits and ports that it forbids, and sends to destinations of
 *                    both kinds, from the moment that it is started; where it runs already it ends at once
 *   inside watch     tells on the console what becomes of the driver, and that loopback works
 *
 * It judges nothing: the judge is the outside machine, which sees what leaves. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "tests/bootproof/plan.h"

enum { TICK_MS = 20, OPEN_MOST = 32 };

static const uint16_t tcp_ports[] = {PORT_PERMITTED, PORT_FORBIDDEN, PORT_EXEMPT, PORT_OTHER, PORT_LOOPBACK};
static const uint16_t udp_ports[] = {PORT_PERMITTED, PORT_FORBIDDEN, PORT_IKE};
enum { LISTENERS = ARRAY_LENGTH(tcp_ports) + ARRAY_LENGTH(udp_ports) };

static int socket_open(int type, uint16_t port)
{
	int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, no = 0;
	struct sockaddr_in6 address = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 || (type == SOCK_STREAM && listen(fd, 256) != 0)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Takes what has come and answers it with the same bytes. */
static void listener_serve(int fd, bool stream)
{
	char bytes[2048];
	struct sockaddr_in6 from;
	for (int i = 0; i < 64; i++) {
		socklen_t size = sizeof(from);
		if (stream) {
			int taken = accept(fd, (struct sockaddr *)&from, &size);
			if (taken < 0)
				return;
			close(taken);
			continue;
		}
		ssize_t length = recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
		if (length < 0)
			return;
		(void)sendto(fd, bytes, (size_t)length, 0, (struct sockaddr *)&from, size);
	}
}

/* Destinations, forbidden and permitted, in turn; both families, as IPv6 sockets. */
static const struct target {
	const char *address;
	int type; /* SOCK_RAW: an echo request */
	uint16_t port;
} targets[] = {
	{"::ffff:" PLACE_FORBIDDEN4, SOCK_STREAM, 80},  {"::ffff:" PLACE_FORBIDDEN4, SOCK_DGRAM, 53},
	{"::ffff:" PLACE_FORBIDDEN4, SOCK_RAW, 0},      {PLACE_FORBIDDEN6, SOCK_STREAM, 80},
	{PLACE_FORBIDDEN6, SOCK_DGRAM, 53},             {PLACE_FORBIDDEN6, SOCK_RAW, 0},
	{"::ffff:" PLACE_SERVER4, SOCK_STREAM, PORT_SERVER}, {PLACE_SERVER6, SOCK_STREAM, PORT_SERVER},
	{"::ffff:" PLACE_SERVER4, SOCK_STREAM, 80},     {"::ffff:" PLACE_DNS4, SOCK_DGRAM, 53},
	{"::ffff:255.255.255.255", SOCK_DGRAM, 9},      {"ff02::1", SOCK_DGRAM, 9},
};

static void echo_send(const char *address)
{
	bool v4 = strncmp(address, "::ffff:", 7) == 0;
	uint8_t message[16] = {v4 ? 8 : 128, 0, 0, 0, 0, 77, 0, 1};
	uint32_t total = 0;
	for (size_t i = 0; i < sizeof(message); i += 2)
		total += (uint32_t)(message[i] << 8 | message[i + 1]);
	total = ~(total + (total >> 16)) & 0xffff;
	message[2] = v4 ? (uint8_t)(total >> 8) : 0; /* the kernel fills in that of ICMPv6 */
	message[3] = v4 ? (uint8_t)total : 0;
	int fd = socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);
	struct sockaddr_in to4 = {.sin_family = AF_INET};
	struct sockaddr_in6 to6 = {.sin6_family = AF_INET6};
	inet_pton(v4 ? AF_INET : AF_INET6, v4 ? address + 7 : address, v4 ? (void *)&to4.sin_addr : (void *)&to6.sin6_addr);
	if (fd >= 0)
		(void)sendto(fd, message, sizeof(message), 0, v4 ? (void *)&to4 : (void *)&to6, v4 ? sizeof(to4) : sizeof(to6));
	if (fd >= 0)
		close(fd);
}

/* Connections under way, the oldest given up first. */
struct attempts {
	int fds[OPEN_MOST];
	size_t next;
	uint16_t port;
};

static void attempt_close(int fd)
{
	struct linger hard = {1, 0};
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard));
	close(fd);
}

static void attempt_start(struct attempts *attempts, const struct target *target)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(target->port)};
	inet_pton(AF_INET6, target->address, &to.sin6_addr);
	if (target->type == SOCK_RAW) {
		echo_send(target->address);
		return;
	}
	attempts->port = (uint16_t)(PORT_INSIDE_FIRST + (attempts->port + 1) % PORT_INSIDE_COUNT);
	int fd = socket(AF_INET6, target->type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1, no = 0;
	if (fd < 0)
		return;
	struct sockaddr_in6 own = {.sin6_family = AF_INET6, .sin6_port = htons(attempts->port)};
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
	setsockopt(fd, SOL_SOCKET, SO_BROADCAST, &yes, sizeof(yes));
	setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &no, sizeof(no));
	(void)bind(fd, (struct sockaddr *)&own, sizeof(own));
	if (target->type == SOCK_DGRAM)
		(void)sendto(fd, "inside", 6, 0, (struct sockaddr *)&to, sizeof(to));
	else
		(void)connect(fd, (struct sockaddr *)&to, sizeof(to));
	if (attempts->fds[attempts->next] >= 0)
		attempt_close(attempts->fds[attempts->next]);
	attempts->fds[attempts->next] = fd;
	attempts->next = (attempts->next + 1) % OPEN_MOST;
}

/* A name that only one process of this machine can have. */
static bool first_of_all(void)
{
	struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "\0bootproof-traffic"};
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	return fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof(name)) == 0;
}

static int run_traffic(void)
{
	struct pollfd polls[LISTENERS];
	struct attempts attempts = {.next = 0};
	if (!first_of_all())
		return 0; /* the one that was started in the initial RAM disk goes on */
	for (size_t i = 0; i < LISTENERS; i++) {
		bool stream = i < ARRAY_LENGTH(tcp_ports);
		polls[i] = (struct pollfd){.events = POLLIN};
		polls[i].fd = stream ? socket_open(SOCK_STREAM, tcp_ports[i]) :
				       socket_open(SOCK_DGRAM, udp_ports[i - ARRAY_LENGTH(tcp_ports)]);
	}
	for (size_t i = 0; i < OPEN_MOST; i++)
		attempts.fds[i] = -1;
	for (size_t turn = 0;; turn++) {
		attempt_start(&attempts, &targets[turn % ARRAY_LENGTH(targets)]);
		struct timespec start, now;
		clock_gettime(CLOCK_MONOTONIC, &start);
		int left = TICK_MS;
		while (left > 0) {
			if (poll(polls, LISTENERS, left) > 0)
				for (size_t i = 0; i < LISTENERS; i++)
					if (polls[i].revents != 0)
						listener_serve(polls[i].fd, i < ARRAY_LENGTH(tcp_ports));
			clock_gettime(CLOCK_MONOTONIC, &now);
			left = TICK_MS - (int)((now.tv_sec - start.tv_sec) * 1000 + (now.tv_nsec - start.tv_nsec) / 1000000);
		}
	}
}

/* One line to the console, in one write. */
static void console_say(const char *what, const char *text)
{
	char line[512];
	int length = snprintf(line, sizeof(line), "\n" MARK "%s %s\n", what, text);
	int fd = open("/dev/console", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd < 0 || length < 0)
		return;
	(void)!write(fd, line, (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
	close(fd);
}

static size_t file_read(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	text[strcspn(text, "\n")] = '\0';
	return strlen(text);
}

/* Whether a service of this machine answers over loopback: at the second try too, since in a flood the kernel itself may
 * have no room for a packet, and an emulated machine may stand still for seconds. */
static bool loopback_connects(const char *address)
{
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons(PORT_LOOPBACK)};
	struct timeval limit = {10, 0};
	inet_pton(AF_INET6, address, &to.sin6_addr);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	bool works = fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0;
	if (fd >= 0)
		close(fd);
	return works;
}

static bool loopback_works(const char *address)
{
	return loopback_connects(address) || loopback_connects(address);
}

static void run_watch(void)
{
	char text[400], last[400] = "";
	for (unsigned turn = 0;; turn++) {
		file_read("/run/cordon/driver", text, sizeof(text));
		if (strcmp(text, last) != 0) {
			console_say("driver", text);
			memcpy(last, text, sizeof(last));
		}
		if (turn % 250 == 100)
			console_say("loopback", loopback_works("::ffff:127.0.0.1") && loopback_works("::1") ? "works" : "fails");
		usleep(20000);
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "traffic") == 0)
		return run_traffic();
	if (argc == 2 && strcmp(argv[1], "watch") == 0)
		run_watch();
	if (argc == 4 && strcmp(argv[1], "say") == 0) {
		console_say(argv[2], argv[3]);
		return 0;
	}
	fprintf(stderr, "usage: inside traffic | watch | say WHAT TEXT\n");
	return 2;
}
