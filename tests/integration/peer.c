/* The other side of a test's network, and this one's programs: small servers and questions for the scripts.
 *
 *   peer tcp ADDRESS PORT              echoes what it gets on each connection
 *   peer udp ADDRESS PORT [FROM]       echoes each datagram (FROM: one port only)
 *   peer dns ADDRESS NAME=ADDRESS…     a name server, over UDP and TCP
 *   peer count ADDRESS PORT FILE       writes how many datagrams and connections have come to FILE
 *   peer flood ADDRESS PORT [SPORT]    sends datagrams and SYNs there as fast as 2,000/s
 *   peer ask tcp|udp ADDRESS PORT [SPORT [FROM]]   exit 0: the echo came within $PEER_MS (5000); 1: it did not
 *   peer resolve udp|tcp SERVER NAME   prints the address; exit 1 when none comes
 *   peer hold ADDRESS PORT             a connection that lives: a line on stdin asks, "yes" or "no" on stdout answers
 *
 * The servers print "ready" and run until they are killed; all die with the test. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cursor.h"

enum { ASK_MS = 5000, HOLD_MS = 1000, CLIENTS_MOST = 64, MESSAGE_MOST = 1500, FLOOD_RATE = 2000, LIFE_SECONDS = 300 };

struct end {
	struct sockaddr_storage address;
	socklen_t length;
};

static void die(const char *what)
{
	fprintf(stderr, "peer: %s: %s\n", what, strerror(errno));
	exit(2);
}

static uint16_t port_of(const char *text)
{
	uint64_t port;
	if (!number_parse(text, strlen(text), UINT16_MAX, &port)) {
		fprintf(stderr, "peer: %s is no port\n", text);
		exit(2);
	}
	return (uint16_t)port;
}

static struct end end_of(const char *address, uint16_t port)
{
	struct end end = {.length = sizeof(struct sockaddr_in)};
	struct sockaddr_in *four = (struct sockaddr_in *)(void *)&end.address;
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)(void *)&end.address;
	if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
		four->sin_family = AF_INET;
		four->sin_port = htons(port);
		return end;
	}
	if (inet_pton(AF_INET6, address, &six->sin6_addr) != 1) {
		fprintf(stderr, "peer: %s is no address\n", address);
		exit(2);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons(port);
	end.length = sizeof(*six);
	return end;
}

static int socket_make(const struct end *end, int type, bool bound)
{
	int one = 1, made = socket(end->address.ss_family, type | SOCK_CLOEXEC, 0);
	if (made < 0)
		die("socket");
	(void)setsockopt(made, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (end->address.ss_family == AF_INET6)
		(void)setsockopt(made, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bound && bind(made, (const struct sockaddr *)(const void *)&end->address, end->length) < 0)
		die("bind");
	if (bound && type == SOCK_STREAM && listen(made, CLIENTS_MOST) < 0)
		die("listen");
	return made;
}

static void ready(void)
{
	puts("ready");
	fflush(stdout);
}

/* --- servers --- */

/* What is done with a message; returns the length of the answer that is left in its place, 0 for none. */
typedef size_t (*answer)(uint8_t *message, size_t length, void *context);

static size_t echo(uint8_t *message, size_t length, void *context)
{
	(void)message, (void)context;
	return length;
}

static void datagram_serve(int server, answer reply, void *context, uint16_t from)
{
	uint8_t message[MESSAGE_MOST];
	struct end peer = {.length = sizeof(peer.address)};
	ssize_t length = recvfrom(server, message, sizeof(message), MSG_DONTWAIT, (struct sockaddr *)(void *)&peer.address, &peer.length);
	if (length <= 0)
		return;
	if (from != 0 && ntohs(((const struct sockaddr_in *)(const void *)&peer.address)->sin_port) != from)
		return;
	size_t back = reply(message, (size_t)length, context);
	if (back > 0)
		(void)sendto(server, message, back, MSG_NOSIGNAL, (const struct sockaddr *)(const void *)&peer.address, peer.length);
}

static void stream_serve(int *client, answer reply, void *context)
{
	uint8_t message[MESSAGE_MOST];
	ssize_t length = recv(*client, message, sizeof(message), MSG_DONTWAIT);
	size_t back = length > 0 ? reply(message, (size_t)length, context) : 0;
	if (back > 0) {
		(void)send(*client, message, back, MSG_NOSIGNAL);
	} else if (length == 0 || (length < 0 && errno != EAGAIN)) {
		close(*client);
		*client = -1;
	}
}

static void client_add(struct pollfd *polls, int client)
{
	for (size_t i = 2; i < 2 + CLIENTS_MOST; i++) {
		if (polls[i].fd >= 0)
			continue;
		polls[i].fd = client;
		return;
	}
	close(client);
}

/* Serves datagrams and connections (-1: none of that kind) until killed. */
static void serve(int datagrams, int streams, answer datagram_reply, answer stream_reply, void *context, uint16_t from)
{
	struct pollfd polls[2 + CLIENTS_MOST];
	for (size_t i = 0; i < 2 + CLIENTS_MOST; i++)
		polls[i] = (struct pollfd){.fd = i == 0 ? datagrams : i == 1 ? streams : -1, .events = POLLIN};
	ready();
	while (poll(polls, 2 + CLIENTS_MOST, -1) >= 0 || errno == EINTR) {
		if (polls[0].revents != 0)
			datagram_serve(datagrams, datagram_reply, context, from);
		if (polls[1].revents != 0)
			client_add(polls, accept4(streams, NULL, NULL, SOCK_CLOEXEC));
		for (size_t i = 2; i < 2 + CLIENTS_MOST; i++)
			if (polls[i].fd >= 0 && polls[i].revents != 0)
				stream_serve(&polls[i].fd, stream_reply, context);
	}
}

/* --- DNS --- */

struct zone {
	char *const *entries; /* NAME=ADDRESS */
	size_t count;
};

/* The name of the question as text; where its type stands, 0 when it is none. */
static size_t question_read(const uint8_t *message, size_t length, char name[256])
{
	size_t at = 12, out = 0;
	while (at < length && message[at] != 0) {
		size_t label = message[at++];
		if (label > 63 || at + label >= length || out + label + 2 > 256)
			return 0;
		if (out > 0)
			name[out++] = '.';
		memcpy(name + out, message + at, label);
		out += label;
		at += label;
	}
	name[out] = '\0';
	return at + 5 <= length ? at + 1 : 0;
}

static size_t record_add(uint8_t *at, const char *address, unsigned type)
{
	static const uint8_t head[] = {0xc0, 12, 0, 0, 0, 1, 0, 0, 0, 60, 0, 0};
	uint8_t bytes[16];
	bool six = inet_pton(AF_INET, address, bytes) != 1;
	if (six && inet_pton(AF_INET6, address, bytes) != 1)
		return 0;
	if (type != (six ? 28 : 1))
		return 0;
	memcpy(at, head, sizeof(head));
	at[3] = (uint8_t)type;
	at[11] = six ? 16 : 4;
	memcpy(at + sizeof(head), bytes, at[11]);
	return sizeof(head) + at[11];
}

static size_t dns_answer(uint8_t *message, size_t length, void *context)
{
	const struct zone *zone = context;
	char name[256];
	size_t type_at = length > 17 ? question_read(message, length, name) : 0, at = type_at + 4;
	bool known = false;
	if (type_at == 0)
		return 0;
	unsigned type = (unsigned)message[type_at] << 8 | message[type_at + 1];
	message[2] = 0x81;
	message[3] = 0x80;
	memset(message + 6, 0, 6);
	for (size_t i = 0; i < zone->count; i++) {
		const char *entry = zone->entries[i], *sign = strchr(entry, '=');
		size_t words = sign != NULL ? (size_t)(sign - entry) : 0;
		if (sign == NULL || strlen(name) != words || strncasecmp(entry, name, words) != 0 || at + 64 > MESSAGE_MOST - 2)
			continue;
		known = true;
		size_t added = record_add(message + at, sign + 1, type);
		message[7] = (uint8_t)(message[7] + (added > 0));
		at += added;
	}
	if (!known)
		message[3] = 0x83;
	return at;
}

static size_t dns_answer_stream(uint8_t *message, size_t length, void *context)
{
	if (length < 3)
		return 0;
	size_t back = dns_answer(message + 2, length - 2, context);
	message[0] = (uint8_t)(back >> 8);
	message[1] = (uint8_t)back;
	return back > 0 ? back + 2 : 0;
}

/* --- counting --- */

static size_t count_one(uint8_t *message, size_t length, void *context)
{
	(void)message, (void)length;
	static unsigned long count;
	FILE *file = fopen(context, "w");
	if (file == NULL)
		die(context);
	fprintf(file, "%lu\n", ++count);
	fclose(file);
	return 0;
}

static void count_run(const struct end *end, char *path)
{
	int datagrams = socket_make(end, SOCK_DGRAM, true), streams = socket_make(end, SOCK_STREAM, true);
	struct pollfd polls[2] = {{.fd = datagrams, .events = POLLIN}, {.fd = streams, .events = POLLIN}};
	uint8_t message[MESSAGE_MOST];
	ready();
	while (poll(polls, 2, -1) >= 0 || errno == EINTR) {
		if (polls[0].revents != 0 && recv(datagrams, message, sizeof(message), MSG_DONTWAIT) >= 0)
			(void)count_one(message, 0, path);
		int client = polls[1].revents != 0 ? accept4(streams, NULL, NULL, SOCK_CLOEXEC) : -1;
		if (client >= 0) {
			(void)count_one(message, 0, path);
			close(client);
		}
	}
}

static void flood_run(const struct end *end, uint16_t sport)
{
	struct end from = {.address = {.ss_family = end->address.ss_family}, .length = end->length};
	((struct sockaddr_in *)(void *)&from.address)->sin_port = htons(sport);
	int datagrams = socket_make(&from, SOCK_DGRAM, true);
	const struct timespec pause = {.tv_nsec = 1000000000 / FLOOD_RATE * 2};
	ready();
	for (unsigned long i = 0;; i++) {
		(void)sendto(datagrams, "flood", 5, MSG_DONTWAIT, (const struct sockaddr *)(const void *)&end->address, end->length);
		int stream = socket(end->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
		if (stream >= 0) {
			(void)connect(stream, (const struct sockaddr *)(const void *)&end->address, end->length);
			close(stream);
		}
		nanosleep(&pause, NULL);
	}
}

/* --- questions --- */

/* How long an answer is waited for. */
static int patience(void)
{
	const char *text = getenv("PEER_MS");
	return text != NULL ? port_of(text) : ASK_MS;
}

static bool wait_for(int descriptor, short events, int milliseconds)
{
	struct pollfd one = {.fd = descriptor, .events = events};
	return poll(&one, 1, milliseconds) == 1;
}

/* A socket that is connected to there, from a port of its own when that is not 0; -1 when it is not in time. */
static int reach(const struct end *end, int type, uint16_t sport, int milliseconds, const char *address)
{
	struct end from = {.address = {.ss_family = end->address.ss_family}, .length = end->length};
	if (address != NULL)
		from = end_of(address, sport);
	((struct sockaddr_in *)(void *)&from.address)->sin_port = htons(sport); /* at the same place in both families */
	int made = socket_make(&from, type | SOCK_NONBLOCK, false);
	if (sport != 0 && bind(made, (const struct sockaddr *)(const void *)&from.address, from.length) < 0)
		die("bind");
	int error = 0;
	socklen_t length = sizeof(error);
	if (connect(made, (const struct sockaddr *)(const void *)&end->address, end->length) == 0)
		return made;
	if (errno == EINPROGRESS && wait_for(made, POLLOUT, milliseconds) && getsockopt(made, SOL_SOCKET, SO_ERROR, &error, &length) == 0 && error == 0)
		return made;
	close(made);
	return -1;
}

static bool exchange(int descriptor, const void *question, size_t length, int milliseconds, uint8_t *ret_answer, size_t *ret_length)
{
	if (send(descriptor, question, length, MSG_NOSIGNAL) != (ssize_t)length || !wait_for(descriptor, POLLIN, milliseconds))
		return false;
	ssize_t got = recv(descriptor, ret_answer, MESSAGE_MOST, 0);
	*ret_length = got > 0 ? (size_t)got : 0;
	return got > 0;
}

static int ask(const char *kind, const struct end *end, uint16_t sport, int milliseconds, const char *from)
{
	uint8_t back[MESSAGE_MOST];
	size_t length;
	int made = reach(end, strcmp(kind, "tcp") == 0 ? SOCK_STREAM : SOCK_DGRAM, sport, milliseconds, from);
	return made >= 0 && exchange(made, "hello", 5, milliseconds, back, &length) && length == 5 && memcmp(back, "hello", 5) == 0 ? 0 : 1;
}

static int resolve(const char *kind, const struct end *server, const char *name)
{
	bool tcp = strcmp(kind, "tcp") == 0;
	uint8_t question[512] = {0, 0, 7, 7, 1, 0, 0, 1}, back[MESSAGE_MOST], *at = question + 14;
	size_t length = 0, shift = tcp ? 2 : 0;
	while (*name != '\0') {
		size_t label = strcspn(name, ".");
		if (label == 0 || label > 63 || (size_t)(at - question) + label > 400)
			return 2;
		*at++ = (uint8_t)label;
		memcpy(at, name, label);
		at += label;
		name += label + (name[label] == '.');
	}
	*at++ = 0;
	*at++ = 0;
	*at++ = 1;
	*at++ = 0;
	*at++ = 1;
	size_t size = (size_t)(at - question) - 2;
	question[1] = (uint8_t)size;
	int made = reach(server, tcp ? SOCK_STREAM : SOCK_DGRAM, 0, patience(), NULL);
	if (made < 0 || !exchange(made, question + 2 - shift, size + shift, patience(), back, &length) || length < size + shift + 16 || back[shift + 7] == 0)
		return 1;
	const uint8_t *ip = back + length - 4;
	printf("%u.%u.%u.%u\n", ip[0], ip[1], ip[2], ip[3]);
	return 0;
}

static int hold(const struct end *end)
{
	uint8_t back[MESSAGE_MOST];
	char line[64];
	size_t length;
	int made = reach(end, SOCK_STREAM, 0, ASK_MS, NULL);
	if (made < 0)
		return 1;
	ready();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		puts(exchange(made, line, strlen(line), HOLD_MS, back, &length) ? "yes" : "no");
		fflush(stdout);
	}
	return 0;
}

static int usage(void)
{
	fputs("peer: tcp|udp|dns|count|flood|ask|resolve|hold …: see the file's own comment\n", stderr);
	return 2;
}

int main(int argc, char **argv)
{
	const char *verb = argc > 3 ? argv[1] : "";
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)alarm(LIFE_SECONDS); /* whatever becomes of the script */
	if (strcmp(verb, "ask") == 0 && argc >= 5) {
		struct end end = end_of(argv[3], port_of(argv[4]));
		return ask(argv[2], &end, argc > 5 ? port_of(argv[5]) : 0, patience(), argc > 6 ? argv[6] : NULL);
	}
	if (strcmp(verb, "resolve") == 0 && argc == 5) {
		struct end end = end_of(argv[3], 53);
		return resolve(argv[2], &end, argv[4]);
	}
	if (strcmp(verb, "dns") == 0) {
		struct zone zone = {.entries = argv + 3, .count = (size_t)argc - 3};
		struct end end = end_of(argv[2], 53);
		serve(socket_make(&end, SOCK_DGRAM, true), socket_make(&end, SOCK_STREAM, true), dns_answer, dns_answer_stream, &zone, 0);
		return 2;
	}
	struct end end = *verb != '\0' && strcmp(verb, "ask") != 0 && strcmp(verb, "resolve") != 0 ? end_of(argv[2], port_of(argv[3])) : (struct end){.length = 0};
	if (strcmp(verb, "tcp") == 0)
		serve(-1, socket_make(&end, SOCK_STREAM, true), echo, echo, NULL, 0);
	else if (strcmp(verb, "udp") == 0)
		serve(socket_make(&end, SOCK_DGRAM, true), -1, echo, echo, NULL, argc > 4 ? port_of(argv[4]) : 0);
	else if (strcmp(verb, "count") == 0 && argc == 5)
		count_run(&end, argv[4]);
	else if (strcmp(verb, "flood") == 0)
		flood_run(&end, argc > 4 ? port_of(argv[4]) : 0);
	else if (strcmp(verb, "hold") == 0)
		return hold(&end);
	return usage();
}
