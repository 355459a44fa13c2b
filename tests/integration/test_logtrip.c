/* The same dropped packets by three ways: the service's drops.log, the kernel's own log lines, a capture of the wire.  Each
 * column of the drops layout is the same by all that can know it, and absent by the others.
 *
 * What differs, and why:
 *   kernel    no policy, list, mode or event id: its prefix has the rule alone; no ports of SCTP, and the SPI of an AH among
 *             the headers of IPv6 only with `flags all`; of ICMP errors nothing of the packet that they speak of
 *   capture   nobody has decided yet: no action, direction, rule or interface; fragments are records of their own, those
 *             behind the first without ports, while the filter sees the packet that they make; what the host itself sends
 *             is dropped before it gets there
 *
 * The kernel tells of a namespace only with net.netfilter.nf_log_all_netns=1, which is set for as long as the packets are
 * sent; whatever ends the test, another process puts it back.  Where that cannot be, lines made from the packets in the
 * kernel's format take the place of its own; where it can, they are compared with these. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/unit/daemon/drops_read.h"

enum { PATIENCE = 10000 /* ms */, LINES = 512, PACKET_MOST = 65536, ETHERNET = 14, PIECE = 1480 };

/* --- The packets: each has a source of its own, by which it is known again --- */

enum part {
	PART_OPTIONS = 1u << 0,     /* of IPv4 */
	PART_HOP = 1u << 1, PART_DESTINATION = 1u << 2, PART_ROUTING = 1u << 3, PART_AUTHENTICATION = 1u << 4, /* headers of IPv6 */
	PART_PIECES = 1u << 5,      /* it comes in fragments */
	PART_FORWARD = 1u << 6,
	PART_SPOKEN_OF = 1u << 7,   /* an ICMP error: with the packet that it speaks of */
	PART_PORTS_UNSAID = 1u << 8,/* the kernel does not log them */
};

enum { ESP = 50, AH = 51, SCTP = 132, UDP_LITE = 136 };

static const struct shape {
	const char *what;
	uint8_t family, protocol;
	uint16_t srcport, dstport;
	uint8_t flags;              /* of TCP */
	uint8_t type, code;         /* of ICMP */
	uint32_t spi;
	unsigned parts;
	uint16_t payload;
} shapes[] = {
	{"TCP SYN", 4, 6, 40000, 22, 0x02, 0, 0, 0, 0, 0},
	{"TCP with FIN PSH ACK URG ECE CWR", 4, 6, 40001, 443, 0xf9, 0, 0, 0, 0, 10},
	{"TCP without a flag", 4, 6, 40002, 80, 0, 0, 0, 0, 0, 0},
	{"TCP RST behind options of IPv4", 4, 6, 40003, 3389, 0x14, 0, 0, 0, PART_OPTIONS, 0},
	{"TCP SYN by IPv6", 6, 6, 40004, 22, 0x02, 0, 0, 0, 0, 0},
	{"UDP", 4, 17, 40005, 53, 0, 0, 0, 0, 0, 30},
	{"UDP as large as a frame", 4, 17, 40006, 65535, 0, 0, 0, 0, 0, 1472},
	{"UDP from port 0", 4, 17, 0, 1, 0, 0, 0, 0, 0, 0},
	{"UDP-Lite", 4, UDP_LITE, 40007, 5004, 0, 0, 0, 0, 0, 12},
	{"ICMP echo", 4, 1, 0, 0, 0, 8, 0, 0, 0, 56},
	{"ICMP host unreachable", 4, 1, 0, 0, 0, 3, 1, 0, PART_SPOKEN_OF, 28},
	{"ICMPv6 echo", 6, 58, 0, 0, 0, 128, 0, 0, 0, 56},
	{"ICMPv6 of a type without a name", 6, 58, 0, 0, 0, 200, 7, 0, 0, 0},
	{"UDP behind hop-by-hop options", 6, 17, 40008, 53, 0, 0, 0, 0, PART_HOP, 4},
	{"UDP behind hop-by-hop, destination and routing headers", 6, 17, 40009, 53, 0, 0, 0, 0, PART_HOP | PART_DESTINATION | PART_ROUTING, 4},
	{"TCP behind an authentication header", 6, 6, 40010, 22, 0x02, 0, 0, 0xdeadbeef, PART_AUTHENTICATION, 0},
	{"ESP", 4, ESP, 0, 0, 0, 0, 0, 0xc0ffee01, 0, 40},
	{"AH", 4, AH, 0, 0, 0, 0, 0, 0x00001234, 0, 0},
	{"SCTP", 4, SCTP, 40011, 36412, 0, 0, 0, 0, PART_PORTS_UNSAID, 16},
	{"a protocol without a name", 4, 253, 0, 0, 0, 0, 0, 0, 0, 20},
	{"UDP in three fragments", 4, 17, 40012, 161, 0, 0, 0, 0, PART_PIECES, 2992},
	{"UDP in three fragments of IPv6", 6, 17, 40013, 161, 0, 0, 0, 0, PART_PIECES, 2992},
	{"UDP as large as can be", 4, 17, 40014, 161, 0, 0, 0, 0, PART_PIECES, 65507},
	{"forwarded TCP", 4, 6, 40015, 25, 0x02, 0, 0, 0, PART_FORWARD, 0},
	{"forwarded UDP by IPv6", 6, 17, 40016, 123, 0, 0, 0, 0, PART_FORWARD, 9},
};
enum { SHAPES = ARRAY_LENGTH(shapes) };

struct bytes {
	uint8_t at[PACKET_MOST];
	size_t length;
};

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

static void source_text(size_t index, char text[32])
{
	snprintf(text, 32, shapes[index].family == 4 ? "203.0.113.%zu" : "2001:db8:9::%zx", index + 10);
}

static void addresses_put(size_t index, uint8_t *at)
{
	const struct shape *shape = &shapes[index];
	static const uint8_t four[] = {203, 0, 113, 0, 192, 0, 2, 10}, four_far[] = {198, 51, 100, 7};
	static const uint8_t six[32] = {0x20, 1, 0xd, 0xb8, 0, 9, [16] = 0x20, 1, 0xd, 0xb8, [31] = 0x10}, six_far[] = {0x20, 1, 0xd, 0xb8, 0, 7};
	bool far = (shape->parts & PART_FORWARD) != 0;
	size_t size = shape->family == 4 ? 4 : 16;
	memcpy(at, size == 4 ? four : six, 2 * size);
	at[size - 1] = (uint8_t)(index + 10);
	if (far)
		memcpy(at + size, size == 4 ? four_far : six_far, size == 4 ? sizeof(four_far) : sizeof(six_far));
}

static void ipv4_put(uint8_t *head, size_t header, size_t length, uint8_t protocol, size_t fragment)
{
	uint32_t sum = 0;
	head[0] = (uint8_t)(0x40 | header / 4);
	put16(head + 2, length);
	put16(head + 4, 4242);
	put16(head + 6, fragment);
	head[8] = 64;
	head[9] = protocol;
	memset(head + 20, 1, header - 20); /* no operation */
	put16(head + 10, 0);
	for (size_t i = 0; i < header; i += 2)
		sum += (uint32_t)head[i] << 8 | head[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	put16(head + 10, ~((sum & 0xffff) + (sum >> 16)) & 0xffff);
}

static size_t transport_put(const struct shape *shape, uint8_t *at)
{
	size_t header = shape->protocol == 6 ? 20 : shape->protocol == AH || shape->protocol == SCTP ? 12 : 8;
	if (shape->srcport + shape->dstport > 0) {
		put16(at, shape->srcport);
		put16(at + 2, shape->dstport);
	}
	switch (shape->protocol) {
	case 6:
		put32(at + 4, 1000);
		at[12] = 5 << 4;
		at[13] = shape->flags;
		put16(at + 14, 65535);
		break;
	case 17: case UDP_LITE:
		put16(at + 4, header + shape->payload);
		break;
	case 1: case 58:
		at[0] = shape->type;
		at[1] = shape->code;
		put16(at + 4, (shape->parts & PART_SPOKEN_OF) != 0 ? 0 : 77);
		put16(at + 6, (shape->parts & PART_SPOKEN_OF) != 0 ? 0 : 1);
		break;
	case ESP:
		put32(at, shape->spi);
		break;
	case AH:
		at[0] = 59;
		at[1] = 1;
		put32(at + 4, shape->spi);
		break;
	default:
		break;
	}
	return header + shape->payload;
}

/* One header of IPv6 behind another; *next is where its number stands. */
static uint8_t *header_put(uint8_t *at, uint8_t **next, uint8_t number, size_t length)
{
	**next = number;
	*next = at;
	at[1] = (uint8_t)(number == AH ? length / 4 - 2 : length / 8 - 1);
	return at + length;
}

static uint8_t *headers_put(const struct shape *shape, uint8_t *head)
{
	uint8_t *next = head + 6, *at = head + 40;
	if ((shape->parts & PART_HOP) != 0) {
		at[2] = 1; /* PadN of 4 */
		at[3] = 4;
		at = header_put(at, &next, 0, 8);
	}
	if ((shape->parts & PART_DESTINATION) != 0) {
		at[2] = 1;
		at[3] = 12;
		at = header_put(at, &next, 60, 16);
	}
	if ((shape->parts & PART_ROUTING) != 0) {
		at[2] = 4; /* segments that nothing is left of */
		at = header_put(at, &next, 43, 24);
	}
	if ((shape->parts & PART_AUTHENTICATION) != 0) {
		put32(at + 4, shape->spi);
		at = header_put(at, &next, AH, 16);
	}
	*next = shape->protocol;
	return at;
}

/* The packet, whole. */
static void packet_make(size_t index, struct bytes *packet)
{
	const struct shape *shape = &shapes[index];
	uint8_t *head = packet->at;
	memset(packet->at, 0, sizeof(packet->at));
	if (shape->family == 4) {
		size_t header = (shape->parts & PART_OPTIONS) != 0 ? 28 : 20;
		packet->length = header + transport_put(shape, head + header);
		addresses_put(index, head + 12);
		ipv4_put(head, header, packet->length, shape->protocol, 0);
		if ((shape->parts & PART_SPOKEN_OF) != 0) {
			uint8_t *inner = head + header + 8;
			memcpy(inner + 12, head + 16, 4);
			memcpy(inner + 16, head + 12, 4);
			put16(inner + 20, 1111);
			put16(inner + 22, 2222);
			ipv4_put(inner, 20, 28, 17, 0);
		}
		return;
	}
	head[0] = 0x60;
	head[7] = 64;
	addresses_put(index, head + 8);
	uint8_t *at = headers_put(shape, head);
	packet->length = (size_t)(at - head) + transport_put(shape, at);
	put16(head + 4, packet->length - 40);
}

/* A fragment of it: what of its data from `from` on; the length, and in *ret_next where the next begins (0: there is none). */
static size_t piece_make(const struct bytes *packet, size_t from, uint8_t *out, size_t *ret_next)
{
	bool four = packet->at[0] >> 4 == 4;
	size_t header = four ? 20 : 40, room = four ? PIECE : PIECE - 32, left = packet->length - header - from;
	size_t length = left < room ? left : room, extra = four ? 0 : 8;
	*ret_next = length < left ? from + length : 0;
	memcpy(out, packet->at, header);
	memcpy(out + header + extra, packet->at + header + from, length);
	if (four) {
		ipv4_put(out, header, header + length, packet->at[9], (*ret_next > 0 ? 0x2000u : 0) | from / 8);
		return header + length;
	}
	put16(out + 4, 8 + length);
	out[6] = 44;
	memset(out + header, 0, extra);
	out[header] = packet->at[6];
	put16(out + header + 2, from | (*ret_next > 0 ? 1u : 0));
	put32(out + header + 4, 0x4242);
	return header + extra + length;
}

static size_t piece_count(size_t index)
{
	static struct bytes packet;
	static uint8_t out[PACKET_MOST];
	size_t count = 1, at = 0;
	packet_make(index, &packet);
	if ((shapes[index].parts & PART_PIECES) != 0)
		while ((void)piece_make(&packet, at, out, &at), at > 0)
			count++;
	return count;
}

/* --- The world --- */

struct trip {
	struct lab *lab;
	struct host host;
	int client, wire, kernel;   /* sockets that send and capture; the kernel's log, -1: none */
	int all;                    /* the setting; -1: it cannot be set */
	char before;                /* what it was */
	char rule[32];
	char prefix[160];
	struct buffer text, lines[2], capture; /* of the kernel: plain, and with all it knows */
	size_t pieces;              /* fragments that the kernel told of */
	struct drops drops, kernels[2], captured;
};

/* --- The kernel's log --- */

/* Puts it back when all others have gone. */
static void setting_guard(int setting, char before)
{
	int ends[2];
	char byte;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return;
	pid_t pid = fork();
	if (pid == 0) {
		/* A child of nobody here, in no group that a terminal or a runner of tests ends. */
		if (setsid() < 0 || fork() != 0)
			_exit(0);
		close(ends[1]);
		for (int fd = 0; fd <= 2; fd++)
			close(fd);
		while (read(ends[0], &byte, 1) < 0 && errno == EINTR)
			;
		_exit(pwrite(setting, &before, 1, 0) == 1 ? 0 : 1);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
	close(ends[0]);
	/* The other end is kept open by this process and its children, until the last has ended. */
}

/* Before there is any namespace: it is a setting of the first alone. */
static const char *kernel_open(struct trip *trip)
{
	trip->kernel = -1;
	trip->all = open("/proc/sys/net/netfilter/nf_log_all_netns", O_RDWR | O_CLOEXEC);
	if (trip->all < 0)
		return "net.netfilter.nf_log_all_netns cannot be set from here";
	/* Two of these tests at a time would undo each other's. */
	for (int64_t begin = tap_now(); flock(trip->all, LOCK_EX | LOCK_NB) < 0; serve_pause(50))
		if (tap_now() - begin > PATIENCE)
			return "net.netfilter.nf_log_all_netns is in use by another test";
	if (pread(trip->all, &trip->before, 1, 0) != 1)
		return "net.netfilter.nf_log_all_netns cannot be read";
	/* Whether one may, before it is changed. */
	if (pwrite(trip->all, &trip->before, 1, 0) != 1)
		return "net.netfilter.nf_log_all_netns may not be set";
	trip->kernel = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (trip->kernel < 0 || lseek(trip->kernel, 0, SEEK_END) < 0)
		return "the kernel's log cannot be read";
	if (trip->before != '1')
		setting_guard(trip->all, trip->before);
	return NULL;
}

static bool kernel_tell(struct trip *trip, char how)
{
	return trip->kernel < 0 || pwrite(trip->all, &how, 1, 0) == 1;
}

/* A line of ours goes to a file as syslog writes one: with the time at which it came. */
static void kernel_line(struct trip *trip, const char *text)
{
	struct timespec now;
	struct tm tm;
	char stamp[40];
	size_t length = strlen(trip->prefix), rule = strlen(trip->rule);
	if (strncmp(text, trip->rule, rule) == 0 && strncmp(text + rule, ": IN=", 5) == 0) {
		trip->pieces++;
		return;
	}
	if (strncmp(text, trip->prefix, length) != 0)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	(void)strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &tm);
	buffer_printf(&trip->lines[text[length] == ' '], "%s.%06ld+00:00 host kernel: %s\n", stamp, now.tv_nsec / 1000, text);
}

static void kernel_read(struct trip *trip)
{
	char bytes[8192];
	ssize_t got;
	while (trip->kernel >= 0 && ((got = read(trip->kernel, bytes, sizeof(bytes) - 1)) > 0 || (got < 0 && errno == EPIPE))) {
		if (got < 0)
			continue; /* some were overwritten: whoever misses them says so */
		bytes[got] = '\0';
		char *text = strchr(bytes, ';'), *end = text != NULL ? strchr(text, '\n') : NULL;
		if (end == NULL)
			continue;
		*end = '\0';
		kernel_line(trip, text + 1);
	}
}

/* --- Lines in the kernel's format (nf_log_syslog.c, without flags) --- */

static uint32_t get16(const uint8_t *at)
{
	return (uint32_t)at[0] << 8 | at[1];
}

static void transport_tell(uint8_t protocol, const uint8_t *at, struct buffer *line)
{
	static const char *const names[] = {"FIN ", "SYN ", "RST ", "PSH ", "ACK ", "URG ", "ECE ", "CWR "};
	switch (protocol) {
	case 6:
		buffer_printf(line, "PROTO=TCP SPT=%u DPT=%u WINDOW=%u RES=0x%02x ", get16(at), get16(at + 2), get16(at + 14), (at[12] & 15u) << 2);
		/* From the highest to the lowest, but SYN before FIN: as the bits are. */
		for (unsigned bit = 8; bit-- > 0;)
			if ((at[13] & 1u << bit) != 0)
				buffer_add_text(line, names[bit]);
		buffer_printf(line, "URGP=%u ", get16(at + 18));
		break;
	case 17: case UDP_LITE:
		buffer_printf(line, "PROTO=%s SPT=%u DPT=%u LEN=%u ", protocol == 17 ? "UDP" : "UDPLITE", get16(at), get16(at + 2), get16(at + 4));
		break;
	case 1: case 58:
		buffer_printf(line, "PROTO=%s TYPE=%u CODE=%u ", protocol == 1 ? "ICMP" : "ICMPv6", at[0], at[1]);
		if (at[0] == (protocol == 1 ? 8 : 128))
			buffer_printf(line, "ID=%u SEQ=%u ", get16(at + 4), get16(at + 6));
		break;
	case ESP: case AH:
		at += protocol == AH ? 4 : 0;
		buffer_printf(line, "PROTO=%s SPI=0x%x ", protocol == AH ? "AH" : "ESP", get16(at) << 16 | get16(at + 2));
		break;
	default:
		buffer_printf(line, "PROTO=%u ", protocol);
	}
}

static void ipv4_tell(const uint8_t *at, struct buffer *line)
{
	buffer_printf(line, "SRC=%u.%u.%u.%u DST=%u.%u.%u.%u LEN=%u TOS=0x00 PREC=0x00 TTL=%u ID=%u ", at[12], at[13], at[14], at[15], at[16],
		      at[17], at[18], at[19], get16(at + 2), at[8], get16(at + 4));
	const uint8_t *transport = at + (at[0] & 15) * 4;
	transport_tell(at[9], transport, line);
	if (at[9] == 1 && transport[0] == 3) {
		buffer_add_char(line, '[');
		ipv4_tell(transport + 8, line);
		buffer_add_text(line, "] ");
	}
}

static void ipv6_tell(const struct shape *shape, const uint8_t *at, size_t length, uint8_t ttl, struct buffer *line)
{
	for (unsigned i = 0; i < 16; i++)
		buffer_printf(line, "%s%04x", i == 0 ? "SRC=" : i == 8 ? " DST=" : ":", get16(at + 8 + 2 * (size_t)i));
	buffer_printf(line, " LEN=%zu TC=0 HOPLIMIT=%u FLOWLBL=0 ", length, ttl);
	const size_t header = shape->protocol == 6 ? 20 : 8;
	transport_tell(shape->protocol, at + length - shape->payload - header, line);
}

/* The line of a packet, from IN= on. */
static void line_compose(size_t index, struct buffer *line)
{
	static struct bytes packet;
	const struct shape *shape = &shapes[index];
	bool forward = (shape->parts & PART_FORWARD) != 0;
	packet_make(index, &packet);
	packet.at[shape->family == 4 ? 8 : 7] -= forward; /* a hop further */
	buffer_printf(line, "IN=wire0 OUT=%s MAC=02:00:00:00:00:01:02:00:00:00:01:01:%s ", forward ? "wire1" : "", shape->family == 4 ? "08:00" : "86:dd");
	if (shape->family == 4)
		ipv4_tell(packet.at, line);
	else
		ipv6_tell(shape, packet.at, packet.length, packet.at[7], line);
	/* The kernel ends its lines with a blank, which /dev/kmsg keeps. */
}

static void lines_compose(struct trip *trip)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct buffer line;
		buffer_init(&line, 4096);
		buffer_printf(&line, "%s", trip->prefix);
		line_compose(i, &line);
		kernel_line(trip, buffer_text(&line));
		buffer_done(&line);
	}
}

/* What the kernel has written of each is what line_compose makes of it. */
static void lines_compare(struct trip *trip)
{
	for (size_t i = 0; i < SHAPES; i++) {
		struct buffer line;
		buffer_init(&line, 4096);
		buffer_printf(&line, "kernel: %s", trip->prefix);
		line_compose(i, &line);
		bool same = strstr(buffer_text(&trip->lines[0]), buffer_text(&line)) != NULL;
		tap_ok(same, "%s: the kernel's line is as its format has it", shapes[i].what);
		if (!same)
			tap_note("%s", buffer_text(&line));
		buffer_done(&line);
	}
}

/* --- The wire --- */

static int wire_open(struct trip *trip, enum lab_space space, const char *name, int protocol)
{
	int one = 1, room = 8 << 20;
	lab_enter(trip->lab, space);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons((uint16_t)protocol));
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_protocol = htons((uint16_t)protocol), .sll_ifindex = (int)if_nametoindex(name)};
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	(void)setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof(one));
	(void)setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &one, sizeof(one));
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		fd = -1;
	}
	lab_leave(trip->lab);
	return fd;
}

static bool frame_send(struct trip *trip, int family, const uint8_t *packet, size_t length)
{
	static uint8_t frame[ETHERNET + PACKET_MOST];
	static const uint8_t head[] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1};
	memcpy(frame, head, sizeof(head));
	put16(frame + sizeof(head), family == 4 ? 0x0800 : 0x86dd);
	memcpy(frame + ETHERNET, packet, length);
	return send(trip->client, frame, ETHERNET + length, 0) == (ssize_t)(ETHERNET + length);
}

static bool packets_send(struct trip *trip)
{
	static struct bytes packet;
	static uint8_t piece[PACKET_MOST];
	bool good = true;
	for (size_t i = 0; i < SHAPES; i++) {
		packet_make(i, &packet);
		if ((shapes[i].parts & PART_PIECES) == 0)
			good = frame_send(trip, shapes[i].family, packet.at, packet.length) && good;
		for (size_t at = 0, more = (shapes[i].parts & PART_PIECES) != 0; more; more = at > 0) {
			size_t length = piece_make(&packet, at, piece, &at);
			good = frame_send(trip, shapes[i].family, piece, length) && good;
		}
		kernel_read(trip);
	}
	return good;
}

static void capture_add(struct trip *trip, const void *bytes, size_t length)
{
	buffer_add(&trip->capture, bytes, length);
}

/* One packet of the capture; its stamp is the kernel's. */
static bool capture_take(struct trip *trip)
{
	static uint8_t bytes[ETHERNET + PACKET_MOST];
	union { struct cmsghdr head; char room[256]; } control;
	struct iovec part = {bytes, sizeof(bytes)};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)};
	ssize_t got = recvmsg(trip->wire, &message, MSG_DONTWAIT);
	struct timespec stamp = {0};
	if (got <= 0)
		return false;
	for (struct cmsghdr *at = CMSG_FIRSTHDR(&message); at != NULL; at = CMSG_NXTHDR(&message, at))
		if (at->cmsg_level == SOL_SOCKET && at->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&stamp, CMSG_DATA(at), sizeof(stamp));
	const uint32_t head[] = {(uint32_t)stamp.tv_sec, (uint32_t)stamp.tv_nsec, (uint32_t)got, (uint32_t)got};
	capture_add(trip, head, sizeof(head));
	capture_add(trip, bytes, (size_t)got);
	return true;
}

/* --- Reading back --- */

/* What `cordon log` makes of a file, as a folder of drops.log. */
static bool log_run(struct trip *trip, const char *name, const struct buffer *bytes, struct drops *ret_drops)
{
	char input[200], folder[220], output[240];
	snprintf(input, sizeof(input), "%s/%s", process_folder(), name);
	snprintf(folder, sizeof(folder), "%s.d", input);
	snprintf(output, sizeof(output), "%s/drops.log", folder);
	FILE *file = fopen(input, "we");
	if (file == NULL || fwrite(bytes->data, 1, bytes->length, file) != bytes->length || fclose(file) != 0 || mkdir(folder, 0700) < 0)
		return tap_ok(false, "%s: %s", name, strerror(errno));
	const char *const words[] = {CORDON_BUILD "/apps/cordon", "log", input, "-o", "W3C", "--layout", "drops", "-O", output, NULL};
	buffer_clear(&trip->text);
	int code = process_run(words, &trip->text, &trip->text);
	bool good = tap_ok(code == 0, "%s: cordon log reads it: %d %s", name, code, buffer_text(&trip->text));
	drops_read(folder, ret_drops);
	return tap_ok(ret_drops->trouble[0] == '\0', "%s: every line is whole %s", name, ret_drops->trouble) && good;
}

/* The n-th line of a source, or -1. */
static long line_find(const struct drops *drops, const char *source, size_t n)
{
	for (size_t i = 0; i < drops->count; i++)
		if (strcmp(drops_value(drops, i, "src-ip"), source) == 0 && n-- == 0)
			return (long)i;
	return -1;
}

enum way { WAY_SAME, WAY_ABSENT, WAY_OWN };

/* What the kernel's lines and the capture know of what drops.log says. */
static const struct knowledge {
	const char *column;
	enum way kernel, capture;
} columns[] = {
	{"x-source", WAY_SAME, WAY_OWN},        {"x-eventid", WAY_ABSENT, WAY_ABSENT},  {"x-action", WAY_SAME, WAY_ABSENT},
	{"x-direction", WAY_SAME, WAY_ABSENT},  {"protocol", WAY_SAME, WAY_SAME},       {"src-ip", WAY_SAME, WAY_SAME},
	{"src-port", WAY_SAME, WAY_SAME},       {"dst-ip", WAY_SAME, WAY_SAME},         {"dst-port", WAY_SAME, WAY_SAME},
	{"tcpflags", WAY_SAME, WAY_SAME},       {"icmptype", WAY_SAME, WAY_SAME},       {"icmpcode", WAY_SAME, WAY_SAME},
	{"size", WAY_SAME, WAY_SAME},           {"x-count", WAY_SAME, WAY_SAME},        {"x-spi", WAY_SAME, WAY_SAME},
	{"x-pid", WAY_SAME, WAY_SAME},          {"x-application", WAY_SAME, WAY_SAME},  {"x-layer", WAY_SAME, WAY_SAME},
	{"x-filter-id", WAY_SAME, WAY_SAME},    {"x-status", WAY_SAME, WAY_SAME},       {"x-recordnumber", WAY_SAME, WAY_OWN},
	{"s-computername", WAY_OWN, WAY_ABSENT},{"x-log", WAY_ABSENT, WAY_ABSENT},      {"x-policy", WAY_ABSENT, WAY_ABSENT},
	{"x-rule", WAY_SAME, WAY_ABSENT},       {"x-filterlist", WAY_ABSENT, WAY_ABSENT},{"x-mode", WAY_ABSENT, WAY_ABSENT},
	{"x-interface", WAY_SAME, WAY_ABSENT},  {"x-recovered", WAY_SAME, WAY_SAME},
};

/* Seconds of the day. */
static long clock_of(const struct drops *drops, size_t line)
{
	const char *text = drops_value(drops, line, "time");
	return strtol(text, NULL, 10) * 3600 + strtol(text + 3, NULL, 10) * 60 + strtol(text + 6, NULL, 10);
}

static bool times_near(const struct drops *a, size_t line_a, const struct drops *b, size_t line_b)
{
	enum { NEAR = 3, DAY = 86400 };
	long apart = (clock_of(a, line_a) - clock_of(b, line_b) + DAY) % DAY;
	return apart <= NEAR || apart >= DAY - NEAR;
}

static bool column_holds(enum way way, const char *ours, const char *theirs)
{
	return way == WAY_OWN || strcmp(theirs, way == WAY_ABSENT ? "-" : ours) == 0;
}

/* `but`: a column that is not known this time, or "". */
static void line_compare(const struct trip *trip, size_t line, const struct drops *other, long found, bool capture, const char *but, const char *what)
{
	if (!tap_ok(found >= 0, "%s: it is there", what))
		return;
	bool good = times_near(&trip->drops, line, other, (size_t)found);
	if (!good)
		tap_note("time: %s, %s", drops_value(&trip->drops, line, "time"), drops_value(other, (size_t)found, "time"));
	for (size_t i = 0; i < ARRAY_LENGTH(columns); i++) {
		const char *ours = drops_value(&trip->drops, line, columns[i].column), *theirs = drops_value(other, (size_t)found, columns[i].column);
		bool unknown = strstr(but, columns[i].column) != NULL;
		enum way way = unknown ? WAY_ABSENT : capture ? columns[i].capture : columns[i].kernel;
		if (column_holds(way, ours, theirs))
			continue;
		tap_note("%s: %s: drops.log %s, here %s", what, columns[i].column, ours, theirs);
		good = false;
	}
	tap_ok(good, "%s: the same line", what);
}

/* The first fragment is the packet but for its size; the others have addresses, protocol and size alone.  Their data is all
 * of the packet's. */
static void pieces_compare(const struct trip *trip, size_t index, const char *source, const char *size)
{
	const struct drops *captured = &trip->captured;
	size_t count = 0, sum = 0, header = shapes[index].family == 4 ? 20 : 48;
	bool good = true;
	for (long line; (line = line_find(captured, source, count)) >= 0; count++) {
		const char *port = drops_value(captured, (size_t)line, "dst-port");
		good = good && strcmp(drops_value(captured, (size_t)line, "protocol"), "UDP") == 0 && strcmp(port, count == 0 ? "161" : "-") == 0;
		sum += strtoul(drops_value(captured, (size_t)line, "size"), NULL, 10) - header;
	}
	header = shapes[index].family == 4 ? 20 : 40;
	tap_ok(good && count == piece_count(index) && sum + header == strtoul(size, NULL, 10), "%s: captured in %zu fragments, ports in the first only, of %zu bytes; dropped %s",
	       shapes[index].what, count, sum, size);
}

/* What drops.log itself says of a shape. */
static bool line_right(const struct trip *trip, size_t index, size_t line)
{
	const struct shape *shape = &shapes[index];
	static struct bytes packet;
	char size[24], port[24];
	packet_make(index, &packet);
	snprintf(size, sizeof(size), "%zu", packet.length);
	snprintf(port, sizeof(port), "%u", shape->dstport);
	return strcmp(drops_value(&trip->drops, line, "size"), size) == 0 &&
	       strcmp(drops_value(&trip->drops, line, "dst-port"), shape->dstport > 0 ? port : "-") == 0 &&
	       strcmp(drops_value(&trip->drops, line, "x-rule"), trip->rule) == 0 &&
	       strcmp(drops_value(&trip->drops, line, "x-direction"), (shape->parts & PART_FORWARD) != 0 ? "forward" : "in") == 0;
}

static void shape_compare(struct trip *trip, size_t index)
{
	const struct shape *shape = &shapes[index];
	char source[32], what[200];
	source_text(index, source);
	long line = line_find(&trip->drops, source, 0);
	if (!tap_ok(line >= 0 && line_find(&trip->drops, source, 1) < 0 && line_right(trip, index, (size_t)line), "%s: one line of drops.log", shape->what))
		return;
	for (unsigned all = 0; all < 2; all++) {
		const char *but = (shape->parts & PART_PORTS_UNSAID) != 0 ? "src-port dst-port" : (shape->parts & PART_AUTHENTICATION) != 0 && all == 0 ? "x-spi" : "";
		if (trip->lines[all].length == 0)
			continue;
		snprintf(what, sizeof(what), "%s, by the kernel%s", shape->what, all ? " with all flags" : "");
		line_compare(trip, (size_t)line, &trip->kernels[all], line_find(&trip->kernels[all], source, 0), false, but, what);
		tap_ok(line_find(&trip->kernels[all], source, 1) < 0, "%s: once", what);
	}
	if ((shape->parts & PART_PIECES) != 0) {
		pieces_compare(trip, index, source, drops_value(&trip->drops, (size_t)line, "size"));
		return;
	}
	snprintf(what, sizeof(what), "%s, captured", shape->what);
	line_compare(trip, (size_t)line, &trip->captured, line_find(&trip->captured, source, 0), true, "", what);
}

/* What the host sends is dropped before a capture could see it. */
static void out_compare(struct trip *trip)
{
	long line = line_find(&trip->drops, "192.0.2.10", 0);
	if (!tap_ok(line >= 0 && strcmp(drops_value(&trip->drops, (size_t)line, "x-direction"), "out") == 0, "UDP out: a line of drops.log"))
		return;
	for (unsigned all = 0; all < 2 && trip->kernel >= 0; all++)
		line_compare(trip, (size_t)line, &trip->kernels[all], line_find(&trip->kernels[all], "192.0.2.10", 0), false, "", all ? "UDP out, with all flags" : "UDP out");
	tap_ok(line_find(&trip->captured, "192.0.2.10", 0) < 0, "UDP out: no capture has it");
}

/* --- The whole --- */

static bool policy_begin(struct trip *trip)
{
	char script[1024];
	static const char log[] = "log prefix \"";
	snprintf(script, sizeof(script),
		 "netsh ipsec static add policy name=\"by three ways\"\n"
		 "netsh ipsec static add filteraction name=block action=block\n"
		 "netsh ipsec static add filter filterlist=\"all traffic\" srcaddr=any dstaddr=any\n"
		 "netsh ipsec static add rule name=\"%s\" policy=\"by three ways\" filterlist=\"all traffic\" filteraction=block\n"
		 "netsh ipsec static set policy name=\"by three ways\" assign=yes\n",
		 trip->rule);
	lab_enter(trip->lab, LAB_SERVER);
	buffer_clear(&trip->text);
	bool good = serve_script(script) && serve_cordon((const char *const[]){"config", "set", "ipsecdiagnostics=7", NULL}, &trip->text) == 0 &&
		    serve_cordon((const char *const[]){"apply", "--force", NULL}, &trip->text) == 0;
	lab_leave(trip->lab);
	if (!good)
		tap_note("%s", buffer_text(&trip->text));
	/* The prefix of the rule that drops, to the letter. */
	buffer_clear(&trip->text);
	good = good && lab_nft(trip->lab, LAB_SERVER, "list table inet cordon", &trip->text);
	const char *at = good ? strstr(buffer_text(&trip->text), log) : NULL, *end = at != NULL ? strchr(at + sizeof(log), '"') : NULL;
	if (end != NULL)
		snprintf(trip->prefix, sizeof(trip->prefix), "%.*s", (int)(end - at - (long)sizeof(log) + 1), at + sizeof(log) - 1);
	return tap_ok(end != NULL && strstr(trip->prefix, trip->rule) != NULL, "a policy that drops all, its rule logs as %s", trip->prefix);
}

/* Two lines a packet, where Cordon's own rules drop it next; and one a fragment of IPv4, before they are put together. */
static bool rules_begin(struct trip *trip)
{
	static const char *const hooks[] = {"input", "forward", "output"};
	struct buffer rules;
	buffer_init(&rules, 4096);
	buffer_add_text(&rules, "table inet trip {\n");
	for (size_t i = 0; i < ARRAY_LENGTH(hooks); i++)
		buffer_printf(&rules,
			      "\tchain %s {\n\t\ttype filter hook %s priority -10; policy accept;\n"
			      "\t\tlog prefix \"%s\" level debug\n\t\tlog prefix \"%s \" level debug flags all\n\t}\n",
			      hooks[i], hooks[i], trip->prefix, trip->prefix);
	buffer_printf(&rules, "\tchain pieces {\n\t\ttype filter hook prerouting priority -450; policy accept;\n"
			      "\t\tip frag-off & 0x3fff != 0 log prefix \"%s: \" level debug\n\t}\n}\n", trip->rule);
	buffer_clear(&trip->text);
	bool good = lab_nft(trip->lab, LAB_SERVER, buffer_text(&rules), &trip->text);
	if (!tap_ok(good, "rules that tell the kernel to log"))
		tap_note("%s", buffer_text(&trip->text));
	buffer_done(&rules);
	return good;
}

static bool received(struct trip *trip, long wanted)
{
	return serve_ask(&trip->text) && serve_number(&trip->text, "collector", "received") >= wanted;
}

static void pcap_begin(struct trip *trip)
{
	enum { NANOSECONDS = (int)0xa1b23c4d };
	const struct { uint32_t magic; uint16_t major, minor; uint32_t zone, figures, longest, link; } head = {(uint32_t)NANOSECONDS, 2, 4, 0, 0, 262144, 1};
	capture_add(trip, &head, sizeof(head));
}

static bool packets_drop(struct trip *trip)
{
	struct lab_packet out = {.flags = 0};
	static const char text[] = "out udp 192.0.2.10:5004 > 203.0.113.200:123";
	size_t captured = 0, wanted = 0;
	lab_enter(trip->lab, LAB_SERVER);
	pid_t service = serve_start();
	bool good = serve_ready();
	lab_leave(trip->lab);
	if (!tap_ok(good && packet_parse(text, strlen(text), &trip->host, NULL, NULL, &out.packet) == 0, "cordond runs"))
		return false;
	pcap_begin(trip);
	for (size_t i = 0; i < SHAPES; i++)
		wanted += piece_count(i);
	tap_ok(kernel_tell(trip, '1'), "the kernel tells of namespaces");
	good = packets_send(trip);
	lab_send(trip->lab, &out, 1);
	for (int64_t begin = tap_now(); tap_now() - begin < PATIENCE; serve_pause(20)) {
		kernel_read(trip);
		while (capture_take(trip))
			captured++;
		if (captured >= wanted && received(trip, SHAPES + 1))
			break;
	}
	kernel_read(trip);
	tap_ok(kernel_tell(trip, trip->before), "the setting is what it was");
	tap_ok(good && captured == wanted, "%zu frames sent, %zu captured", wanted, captured);
	int status = serve_end(service, SIGTERM);
	return tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "cordond ends well");
}

static void ways_compare(struct trip *trip)
{
	static const char *const names[] = {"kernel.log", "kernel-all.log"};
	size_t fragments = 0;
	drops_read("/var/log/cordon", &trip->drops);
	tap_ok(trip->drops.trouble[0] == '\0', "drops.log: every line is whole %s", trip->drops.trouble);
	for (size_t i = 0; i < SHAPES; i++)
		fragments += shapes[i].family == 4 && (shapes[i].parts & PART_PIECES) != 0 ? piece_count(i) : 0;
	if (trip->kernel >= 0) {
		lines_compare(trip);
		tap_ok(trip->pieces == fragments, "the kernel saw %zu fragments of %zu", trip->pieces, fragments);
	} else {
		lines_compose(trip);
	}
	for (unsigned all = 0; all < 2; all++)
		if (trip->lines[all].length > 0)
			(void)log_run(trip, names[all], &trip->lines[all], &trip->kernels[all]);
	tap_ok(trip->lines[0].length > 0 && (trip->kernel < 0 || trip->lines[1].length > 0), "there are lines of the kernel");
	(void)log_run(trip, "wire.pcap", &trip->capture, &trip->captured);
	for (size_t i = 0; i < SHAPES; i++)
		shape_compare(trip, i);
	out_compare(trip);
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	static struct trip trip;
	struct buffer why;
	const char *silent = kernel_open(&trip);
	snprintf(trip.rule, sizeof(trip.rule), "trip %d", (int)getpid());
	serve_enter();
	unsetenv("SSH_CONNECTION");
	buffer_init(&why, 4096);
	buffer_init(&trip.text, 1 << 20);
	buffer_init(&trip.lines[0], 1 << 20);
	buffer_init(&trip.lines[1], 1 << 20);
	buffer_init(&trip.capture, 4 << 20);
	if (host_parse(facts, strlen(facts), "facts", NULL, &trip.host) != 0)
		return 1;
	trip.lab = lab_new(&trip.host, &why);
	if (trip.lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	if (silent != NULL)
		tap_skip(silent, "lines of the kernel itself; lines in its format take their place");
	trip.client = wire_open(&trip, LAB_CLIENT, "end0", 0);
	trip.wire = wire_open(&trip, LAB_SERVER, "wire0", ETH_P_ALL);
	if (tap_ok(trip.client >= 0 && trip.wire >= 0, "the wire") && policy_begin(&trip) && rules_begin(&trip) && packets_drop(&trip))
		ways_compare(&trip);
	drops_done(&trip.drops);
	drops_done(&trip.kernels[0]);
	drops_done(&trip.kernels[1]);
	drops_done(&trip.captured);
	lab_free(trip.lab);
	host_done(&trip.host);
	struct buffer *const buffers[] = {&why, &trip.text, &trip.lines[0], &trip.lines[1], &trip.capture};
	for (size_t i = 0; i < ARRAY_LENGTH(buffers); i++)
		buffer_done(buffers[i]);
	return tap_done();
}
