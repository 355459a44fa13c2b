#include "tests/integration/traffic.h"

#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <linux/if_packet.h>

#include "core/base/cursor.h"
#include "core/base/memory.h"
#include "tests/integration/tap.h"

enum {
	MARK = 0x10ad,     /* of what the lab sends from the server */
	FRAMES = TRAFFIC_MOST * WIRE_PIECES,
	BATCH = 64,        /* packets sent before the clock is looked at again */
	BEHIND_MS = 200,   /* so much of the rate may be caught up with after a pause */
	BURST_MS = 10000,
	SETTLE_MS = 2000,  /* so long what was sent may take */
};

/* Shared with the process that sends. */
struct control {
	atomic_uint order, done;   /* odd: send; even: hold; done is the last order to hold that was followed */
	atomic_uint rows;
	atomic_uint_fast64_t sent[TRAFFIC_MOST];
};

struct traffic {
	struct lab *lab;
	struct control *control;
	size_t count;
	bool out[TRAFFIC_MOST];
	pid_t pid;
	uint64_t lost;             /* of the client's interface, before */
	int64_t since, time;       /* ms: of the last go; that it ran until then */
};

/* --- The process --- */

struct frame {
	uint8_t bytes[ETH_HLEN + WIRE_MOST];
	size_t length;
};

struct row {
	struct frame frames[WIRE_PIECES];
	size_t frame_count;
	bool out;
	struct sockaddr_storage to;
	socklen_t to_length;
};

struct sender {
	struct row rows[TRAFFIC_MOST];
	size_t count, next;
	int wire, raw[2];          /* client's interface; server's raw sockets */
	unsigned per_second;
	struct control *control;
};

static void pause_us(long microseconds)
{
	struct timespec time = {.tv_nsec = microseconds * 1000};
	nanosleep(&time, NULL);
}

static int64_t now_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void row_make(const struct lab_packet *packet, struct row *row)
{
	static const uint8_t head[12] = {2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1}; /* server's and client's address */
	struct wire pieces[WIRE_PIECES];
	bool ipv4 = packet->packet.src.family == FAMILY_IPV4;
	row->out = packet->packet.direction == DIRECTION_OUT;
	row->frame_count = wire_build(&packet->packet, packet->id, packet->flags, pieces);
	for (size_t i = 0; i < row->frame_count; i++) {
		struct frame *frame = &row->frames[i];
		size_t before = row->out ? 0 : ETH_HLEN;
		memcpy(frame->bytes, head, sizeof(head));
		frame->bytes[12] = ipv4 ? 0x08 : 0x86;
		frame->bytes[13] = ipv4 ? 0x00 : 0xdd;
		memcpy(frame->bytes + before, pieces[i].bytes, pieces[i].length);
		frame->length = before + pieces[i].length;
	}
	if (ipv4) {
		struct sockaddr_in to = {.sin_family = AF_INET};
		memcpy(&to.sin_addr, packet->packet.dst.bytes, 4);
		memcpy(&row->to, &to, row->to_length = sizeof(to));
	} else {
		struct sockaddr_in6 to = {.sin6_family = AF_INET6};
		memcpy(&to.sin6_addr, packet->packet.dst.bytes, 16);
		memcpy(&row->to, &to, row->to_length = sizeof(to));
	}
}

/* Whether it has left; what the server's own rules drop (EPERM) has left too, as far as it could. */
static bool frame_send(const struct sender *sender, const struct row *row, const struct frame *frame)
{
	ssize_t sent;
	if (row->out) {
		int fd = sender->raw[row->to.ss_family == AF_INET6];
		sent = sendto(fd, frame->bytes, frame->length, 0, (const struct sockaddr *)&row->to, row->to_length);
		return sent >= 0 || errno == EPERM;
	}
	while ((sent = send(sender->wire, frame->bytes, frame->length, 0)) < 0 && (errno == ENOBUFS || errno == EAGAIN || errno == EINTR))
		pause_us(50);
	return sent >= 0;
}

/* The next row that is chosen; false when none is. */
static bool row_send(struct sender *sender)
{
	unsigned chosen = atomic_load_explicit(&sender->control->rows, memory_order_relaxed);
	size_t left = sender->count;
	do
		sender->next = (sender->next + 1) % sender->count;
	while ((chosen >> sender->next & 1) == 0 && --left > 0);
	if (left == 0)
		return false;
	const struct row *row = &sender->rows[sender->next];
	bool good = true;
	for (size_t i = 0; i < row->frame_count; i++)
		good = frame_send(sender, row, &row->frames[i]) && good;
	if (good)
		atomic_fetch_add_explicit(&sender->control->sent[sender->next], 1, memory_order_relaxed);
	return true;
}

static void sender_run(struct sender *sender, pid_t parent)
{
	struct control *control = sender->control;
	int64_t begin = 0;
	uint64_t sent = 0;
	while (getppid() == parent) {
		unsigned order = atomic_load(&control->order);
		if (order % 2 == 0) {
			atomic_store(&control->done, order);
			begin = 0;
			pause_us(100);
			continue;
		}
		int64_t now = now_us();
		uint64_t due = begin > 0 ? (uint64_t)(now - begin) * sender->per_second / 1000000 : 0;
		if (begin == 0 || due > sent + sender->per_second * (uint64_t)BEHIND_MS / 1000) {
			begin = now;
			sent = due = 0;
		}
		if (due <= sent)
			pause_us(100);
		for (unsigned i = 0; i < BATCH && sent < due; i++, sent++)
			if (!row_send(sender))
				break;
	}
}

/* --- Making it --- */

static int wire_open(struct lab *lab)
{
	lab_enter(lab, LAB_CLIENT);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), one = 1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("end0")};
	bool good = fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) == 0;
	/* Straight to the interface: a queue between would drop without counting. */
	good = good && setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof(one)) == 0;
	lab_leave(lab);
	return good ? fd : -1;
}

static int raw_open(struct lab *lab, int family)
{
	int one = 1, mark = MARK, nothing = 0;
	lab_enter(lab, LAB_SERVER);
	int fd = socket(family, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
	bool good = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) == 0 &&
		    setsockopt(fd, family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6, family == AF_INET ? IP_HDRINCL : IPV6_HDRINCL, &one,
			       sizeof(one)) == 0;
	if (good)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &nothing, sizeof(nothing)); /* nobody reads it */
	lab_leave(lab);
	return good ? fd : -1;
}

/* In the server behind all chains, in the client before any. */
static bool counters_make(struct traffic *traffic, const struct lab_packet *packets)
{
	static const char *const chains[2] = {"inet probe seen", "inet mute arrivals"};
	static const char *const tables[2] = {"inet probe", "inet mute"};
	bool good = true;
	for (unsigned space = LAB_CLIENT; space <= LAB_SERVER; space++) {
		bool server = space == LAB_SERVER;
		struct buffer rules;
		buffer_init(&rules, 1 << 16);
		/* What is counted need not be logged. */
		if (server)
			buffer_add_text(&rules, "flush chain inet probe seen\n");
		for (size_t i = 0; i < traffic->count; i++) {
			const struct packet *packet = &packets[i].packet;
			if (traffic->out[i] == server)
				continue;
			buffer_printf(&rules, "add counter %s row%zu\nadd rule %s th %s %u counter name row%zu\n", tables[!server], i,
				      chains[!server], server ? "sport" : "dport", server ? packet->srcport : packet->dstport, i);
		}
		good = good && (rules.length == 0 || lab_nft(traffic->lab, space, buffer_text(&rules), NULL));
		buffer_done(&rules);
	}
	return good;
}

/* Packets that did not get from the client's interface to the server's. */
static bool lost_read(struct traffic *traffic, uint64_t *ret_lost)
{
	char line[512];
	bool found = false;
	lab_enter(traffic->lab, LAB_CLIENT);
	FILE *file = fopen("/proc/thread-self/net/dev", "re");
	while (file != NULL && !found && fgets(line, sizeof(line), file) != NULL) {
		char *at = strstr(line, "end0:");
		/* Eight numbers of what came, then bytes, packets, errors and drops of what went. */
		for (unsigned i = 0; at != NULL && i < 12; i++) {
			at += i == 0 ? strlen("end0:") : 0;
			*ret_lost = strtoull(at, &at, 10);
		}
		found = at != NULL;
	}
	if (file != NULL)
		fclose(file);
	lab_leave(traffic->lab);
	return found;
}

static bool process_make(struct traffic *traffic, const struct lab_packet *packets, unsigned per_second)
{
	struct sender *sender = memory_alloc(sizeof(*sender));
	*sender = (struct sender){.count = traffic->count, .per_second = per_second, .control = traffic->control};
	for (size_t i = 0; i < traffic->count; i++)
		row_make(&packets[i], &sender->rows[i]);
	sender->wire = wire_open(traffic->lab);
	sender->raw[0] = raw_open(traffic->lab, AF_INET);
	sender->raw[1] = raw_open(traffic->lab, AF_INET6);
	bool good = sender->wire >= 0 && sender->raw[0] >= 0 && sender->raw[1] >= 0;
	pid_t parent = getpid();
	fflush(NULL);
	traffic->pid = good ? fork() : -1;
	if (traffic->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, "traffic");
		sender_run(sender, parent);
		_exit(0);
	}
	if (sender->wire >= 0)
		close(sender->wire);
	for (unsigned i = 0; i < 2; i++)
		if (sender->raw[i] >= 0)
			close(sender->raw[i]);
	free(sender);
	return traffic->pid > 0;
}

struct traffic *traffic_new(struct lab *lab, const struct lab_packet *packets, size_t count, unsigned per_second)
{
	struct traffic *traffic = memory_alloc(sizeof(*traffic));
	struct control *control = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	*traffic = (struct traffic){.lab = lab, .control = control, .count = count, .pid = -1};
	if (control == MAP_FAILED || count > TRAFFIC_MOST) {
		free(traffic);
		return NULL;
	}
	for (size_t i = 0; i < count; i++)
		traffic->out[i] = packets[i].packet.direction == DIRECTION_OUT;
	atomic_store(&control->rows, ~0u);
	atomic_store(&control->done, 1);
	if (!counters_make(traffic, packets) || !lost_read(traffic, &traffic->lost) || !process_make(traffic, packets, per_second)) {
		traffic_free(traffic);
		return NULL;
	}
	traffic_hold(traffic);
	return traffic;
}

void traffic_free(struct traffic *traffic)
{
	if (traffic == NULL)
		return;
	if (traffic->pid > 0) {
		kill(traffic->pid, SIGKILL);
		waitpid(traffic->pid, NULL, 0);
	}
	munmap(traffic->control, sizeof(*traffic->control));
	free(traffic);
}

/* --- Using it --- */

void traffic_choose(struct traffic *traffic, unsigned rows)
{
	atomic_store(&traffic->control->rows, rows);
}

void traffic_go(struct traffic *traffic)
{
	atomic_fetch_or(&traffic->control->order, 1);
	traffic->since = tap_now();
}

static uint64_t total(const uint64_t numbers[TRAFFIC_MOST])
{
	uint64_t sum = 0;
	for (size_t i = 0; i < TRAFFIC_MOST; i++)
		sum += numbers[i];
	return sum;
}

void traffic_hold(struct traffic *traffic)
{
	struct tally before = {.lost = 0}, now = {.lost = 0};
	unsigned order = atomic_load(&traffic->control->order);
	if (order % 2 != 0) {
		traffic->time += tap_now() - traffic->since;
		atomic_store(&traffic->control->order, ++order);
	}
	while (atomic_load(&traffic->control->done) != order && kill(traffic->pid, 0) == 0)
		pause_us(100);
	/* The other end of the wire may be behind: until nothing changes any more. */
	int64_t begin = tap_now();
	if (!traffic_read(traffic, &now))
		return;
	do {
		before = now;
		pause_us(5000);
	} while (traffic_read(traffic, &now) && total(before.seen) != total(now.seen) && tap_now() - begin < SETTLE_MS);
}

void traffic_wait(struct traffic *traffic, unsigned count)
{
	uint64_t before[TRAFFIC_MOST];
	unsigned chosen = atomic_load(&traffic->control->rows);
	int64_t begin = tap_now();
	for (size_t i = 0; i < traffic->count; i++)
		before[i] = atomic_load(&traffic->control->sent[i]);
	bool enough = false;
	while (!enough && tap_now() - begin < BURST_MS) {
		pause_us(500);
		enough = true;
		for (size_t i = 0; i < traffic->count; i++)
			enough = enough && ((chosen >> i & 1) == 0 || atomic_load(&traffic->control->sent[i]) >= before[i] + count);
	}
}

void traffic_burst(struct traffic *traffic, unsigned count)
{
	traffic_go(traffic);
	traffic_wait(traffic, count);
	traffic_hold(traffic);
}

/* A child of this process that is not the traffic's. */
static bool is_other_child(const struct traffic *traffic, const char *number)
{
	char path[64], line[512];
	uint64_t pid, parent = 0;
	snprintf(path, sizeof(path), "/proc/%.20s/stat", number);
	if (!number_parse(number, strlen(number), INT32_MAX, &pid) || (pid_t)pid == traffic->pid)
		return false;
	FILE *file = fopen(path, "re");
	size_t length = file != NULL ? fread(line, 1, sizeof(line) - 1, file) : 0;
	if (file != NULL)
		fclose(file);
	line[length] = '\0';
	const char *at = strrchr(line, ')');
	if (at == NULL || strlen(at) < 5)
		return false;
	struct cursor cursor = cursor_text(at + 4); /* ") S PARENT" */
	return cursor_number(&cursor, INT32_MAX, &parent) && (pid_t)parent == getpid();
}

bool traffic_alone(const struct traffic *traffic, int milliseconds)
{
	bool others = true;
	for (int64_t begin = tap_now(); others && tap_now() - begin < milliseconds; pause_us(2000)) {
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		others = false;
		DIR *folder = opendir("/proc");
		for (struct dirent *entry; folder != NULL && !others && (entry = readdir(folder)) != NULL;)
			others = is_other_child(traffic, entry->d_name);
		if (folder != NULL)
			closedir(folder);
	}
	return !others;
}

static bool counters_read(struct traffic *traffic, enum lab_space space, uint64_t seen[TRAFFIC_MOST])
{
	struct buffer text;
	char *end = NULL;
	buffer_init(&text, 1 << 16);
	const char *table = space == LAB_SERVER ? "list counters table inet probe" : "list counters table inet mute";
	bool good = lab_nft(traffic->lab, space, table, &text);
	for (const char *at = strstr(buffer_text(&text), "counter row"); good && at != NULL; at = strstr(at, "counter row")) {
		size_t row = strtoul(at + strlen("counter row"), &end, 10);
		at = strstr(end, "packets ");
		good = at != NULL && row < traffic->count;
		if (good)
			seen[row] = strtoull(at + strlen("packets "), NULL, 10);
	}
	buffer_done(&text);
	return good;
}

bool traffic_read(struct traffic *traffic, struct tally *ret_tally)
{
	struct tally tally = {.lost = 0};
	bool good = counters_read(traffic, LAB_SERVER, tally.seen) && counters_read(traffic, LAB_CLIENT, tally.seen) &&
		    lost_read(traffic, &tally.lost);
	for (size_t i = 0; i < traffic->count; i++)
		tally.sent[i] = atomic_load(&traffic->control->sent[i]);
	tally.lost -= traffic->lost;
	if (good)
		*ret_tally = tally;
	return good;
}

struct tally tally_since(const struct tally *a, const struct tally *b)
{
	struct tally difference = {.lost = b->lost - a->lost};
	for (size_t i = 0; i < TRAFFIC_MOST; i++) {
		difference.sent[i] = b->sent[i] - a->sent[i];
		difference.seen[i] = b->seen[i] - a->seen[i];
	}
	return difference;
}

double traffic_rate(const struct traffic *traffic)
{
	uint64_t sent = 0;
	for (size_t i = 0; i < traffic->count; i++)
		sent += atomic_load(&traffic->control->sent[i]);
	return traffic->time > 0 ? (double)sent * 1000.0 / (double)traffic->time : 0;
}
