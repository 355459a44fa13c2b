/* Drops of a real kernel in drops.log: what each line says, and that under a flood the counts of the log are those of
 * the kernel's own counters, to the packet: one source, many sources, a collector that is held up until the kernel has
 * no room for more, a disk that is full. */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/target/nftables.h"
#include "core/base/error.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"
#include "tests/unit/daemon/drops_read.h"

enum { RATE = 200000, SETTLE = 400 /* ms */ };

/* --- A collector in a process of its own, in the server's namespace --- */

struct shared {
	struct message_counts counts;
	char why[200];
};

struct service {
	pid_t pid;
	int ask, answer;       /* ends of pipes */
	char folder[4096];
	struct shared *shared;
};

struct member {
	struct loop *loop;
	struct collector *collector;
	struct shared *shared;
	int ask, answer;
	int room;              /* bytes of the socket's buffer; 0: as it is made */
};

static void member_asked(void *context)
{
	struct member *member = context;
	char question;
	if (read(member->ask, &question, 1) != 1) {
		loop_stop(member->loop);
		return;
	}
	collector_flush(member->collector);
	collector_counts(member->collector, &member->shared->counts);
	if (write(member->answer, "", 1) != 1)
		loop_stop(member->loop);
}

static void names_tell(struct collector *collector, const struct ruleset *ruleset)
{
	for (uint32_t i = 0; i < ruleset->origin_count; i++) {
		const struct origin *origin = &ruleset->origins[i];
		struct message_names names = {.action = (uint8_t)origin->action};
		struct buffer rule, tail;
		buffer_init(&rule, 1024);
		buffer_init(&tail, 4096);
		nftables_counter_hash(ruleset, i, names.hash);
		origin_rule(origin, &rule);
		buffer_printf(&tail, "%s%s%s", origin_policy(origin), buffer_text(&rule), origin_list(origin));
		names.policy = (uint16_t)strlen(origin_policy(origin));
		names.rule = (uint16_t)rule.length;
		names.list = (uint16_t)strlen(origin_list(origin));
		if (collector_message(collector, MESSAGE_NAMES, &names, cursor_of(tail.data, tail.length)) != 0)
			abort();
		buffer_done(&rule);
		buffer_done(&tail);
	}
	(void)collector_message(collector, MESSAGE_NAMES_END, NULL, cursor_of("", 0));
}

static int member_run(struct member *member, const char *folder, const struct ruleset *ruleset)
{
	const struct message_settings settings = {.diagnostics = 7, .interval = 60, .mode = "secure"};
	struct collector_options options = {.folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct diag diag;
	diag_init(&diag);
	member->loop = loop_new();
	if (member->loop == NULL || options.folder < 0 || collector_socket(NFTABLES_GROUP, &diag, &options.nflog) != 0) {
		snprintf(member->shared->why, sizeof(member->shared->why), "%s", diag.count > 0 ? diag.messages[0].text : strerror(errno));
		return 1;
	}
	/* So that the kernel's room is used up soon. */
	if (member->room > 0)
		(void)setsockopt(options.nflog, SOL_SOCKET, SO_RCVBUFFORCE, &member->room, sizeof(member->room));
	member->collector = collector_new(member->loop, &options);
	(void)collector_message(member->collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0));
	names_tell(member->collector, ruleset);
	struct watch *asked = loop_readable(member->loop, member->ask, member_asked, member);
	if (write(member->answer, "", 1) != 1)
		return 1;
	int error = loop_run(member->loop);
	watch_free(asked);
	collector_free(member->collector);
	loop_free(member->loop);
	close(options.nflog);
	close(options.folder);
	diag_done(&diag);
	return error != 0;
}

static bool answer_wait(const struct service *service)
{
	char byte;
	return read(service->answer, &byte, 1) == 1;
}

static bool service_start(struct lab *lab, const char *name, const struct ruleset *ruleset, int room, struct service *service)
{
	int ask[2], answer[2];
	snprintf(service->folder, sizeof(service->folder), "%s/%s", process_folder(), name);
	service->shared = mmap(NULL, sizeof(*service->shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if ((mkdir(service->folder, 0700) < 0 && errno != EEXIST) || service->shared == MAP_FAILED || pipe2(ask, O_CLOEXEC) < 0 ||
	    pipe2(answer, O_CLOEXEC) < 0)
		return false;
	service->pid = fork();
	if (service->pid == 0) {
		struct member member = {.shared = service->shared, .ask = ask[0], .answer = answer[1], .room = room};
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(ask[1]);
		close(answer[0]);
		lab_enter(lab, LAB_SERVER);
		_exit(member_run(&member, service->folder, ruleset));
	}
	close(ask[0]);
	close(answer[1]);
	service->ask = ask[1];
	service->answer = answer[0];
	return tap_ok(service->pid > 0 && answer_wait(service), "%s: a collector runs %s", name, service->shared->why);
}

static bool service_flush(const struct service *service)
{
	return write(service->ask, "f", 1) == 1 && answer_wait(service);
}

static bool service_stop(struct service *service)
{
	int status = 1;
	close(service->ask);
	bool good = waitpid(service->pid, &status, 0) == service->pid && status == 0;
	close(service->answer);
	return good;
}

/* --- The kernel's side --- */

static struct ruleset *rules_make(struct lab *lab, const struct host *host, struct state **ret_state)
{
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, local, "quarantine of \"alpha\"");
	struct filterlist *list = location_add_filterlist(state, local, "all traffic");
	struct filteraction *block = location_add_filteraction(state, local, "block");
	const struct filter filter = {.src = {.kind = ADDRESS_ANY}, .dst = {.kind = ADDRESS_ANY}, .mirrored = true, .description = ""};
	struct ruleset *ruleset = NULL;
	struct nftables_options options = {0};
	struct diag diag;
	diag_init(&diag);
	block->action = ACTION_BLOCK;
	filterlist_add(state, list, &filter);
	policy_add_rule(state, policy, "lock down: nothing in, nothing out", list, block);
	location_assign(local, policy);
	lab_enter(lab, LAB_SERVER);
	int error = ruleset_build(state, host, MODE_SECURE, NULL, &ruleset);
	if (error == 0)
		error = nftables_apply(ruleset, &options, &diag);
	lab_leave(lab);
	if (error != 0)
		tap_note("%s", diag.count > 0 ? diag.messages[0].text : "no ruleset");
	diag_done(&diag);
	*ret_state = state;
	return error == 0 ? ruleset : NULL;
}

/* What the kernel has counted as blocked. */
static uint64_t kernel_drops(struct lab *lab)
{
	struct nftables_status status;
	uint64_t packets = 0;
	lab_enter(lab, LAB_SERVER);
	int error = nftables_status_read(NULL, &status);
	lab_leave(lab);
	if (error != 0)
		return UINT64_MAX;
	for (size_t i = 0; i < status.hit_count; i++)
		if (strcmp(status.hits[i].action, "block") == 0)
			packets += status.hits[i].packets;
	nftables_status_done(&status);
	return packets;
}

/* --- The flood: UDP frames straight onto the client's end of the wire --- */

struct frame {
	uint8_t bytes[60];
};

static void frame_make(struct frame *frame, uint32_t source)
{
	static const uint8_t head[] = {
		2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1, 8, 0, 0x45, 0, 0, 46, 0, 0, 0, 0, 64, 17, 0, 0, 203, 0, 113, 9, 192, 0, 2, 10,
		0x13, 0x88, 0x27, 0x0f, 0, 26, 0, 0,
	};
	memset(frame, 0, sizeof(*frame));
	memcpy(frame->bytes, head, sizeof(head));
	if (source != 0)
		for (unsigned i = 0; i < 4; i++)
			frame->bytes[26 + i] = (uint8_t)(source >> (24 - 8 * i));
	uint32_t sum = 0;
	for (unsigned i = 14; i < 34; i += 2)
		sum += (uint32_t)frame->bytes[i] << 8 | frame->bytes[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	frame->bytes[24] = (uint8_t)(sum >> 8);
	frame->bytes[25] = (uint8_t)sum;
}

static int flood_socket(struct lab *lab)
{
	lab_enter(lab, LAB_CLIENT);
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0), yes = 1;
	struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("end0")};
	if (fd >= 0 && bind(fd, (const struct sockaddr *)&at, sizeof(at)) < 0) {
		close(fd);
		fd = -1;
	}
	(void)setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes));
	lab_leave(lab);
	return fd;
}

/* Sends at a rate for so long, from `sources` addresses (1: always the same); how many went out. */
static uint64_t flood(int fd, unsigned rate, unsigned milliseconds, uint32_t sources)
{
	enum { BATCH = 64 };
	static struct frame frames[BATCH];
	static struct mmsghdr messages[BATCH];
	static struct iovec parts[BATCH];
	uint64_t sent = 0;
	uint32_t next = 0;
	int64_t start = tap_now(), now = start;
	for (unsigned i = 0; i < BATCH; i++) {
		frame_make(&frames[i], 0);
		parts[i] = (struct iovec){frames[i].bytes, sizeof(frames[i].bytes)};
		messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
	}
	while ((now = tap_now()) - start < milliseconds) {
		if (sent >= (uint64_t)(now - start + 1) * rate / 1000) {
			nanosleep(&(struct timespec){.tv_nsec = 200000}, NULL);
			continue;
		}
		for (unsigned i = 0; sources > 1 && i < BATCH; i++, next++)
			frame_make(&frames[i], 0x0b000000 + next * 2654435761u % sources);
		int count = sendmmsg(fd, messages, BATCH, 0);
		sent += count > 0 ? (uint64_t)count : 0;
	}
	return sent;
}

static void settle(void)
{
	nanosleep(&(struct timespec){.tv_nsec = SETTLE * 1000000l}, NULL);
}

/* The log says what the kernel's counters say.  What was lost last is told by one more drop. */
static void sums_compare(struct lab *lab, struct service *service, int wire, uint64_t before, const char *what)
{
	struct drops drops;
	const struct message_counts *counts = &service->shared->counts;
	settle();
	(void)flood(wire, 1000, 3, 1);
	uint64_t kernel = kernel_drops(lab) - before;
	bool answers = true;
	/* On a busy machine it takes its time. */
	for (unsigned tries = 0; answers && tries < 50 && (tries == 0 || counts->received + counts->lost < kernel); tries++) {
		settle();
		answers = service_flush(service);
	}
	tap_ok(answers, "%s: the collector answers", what);
	drops_read(service->folder, &drops);
	uint64_t logged = drops_sum(&drops, "x-action", "DROP");
	tap_note("%s: kernel %llu, log %llu in %zu lines (%zu bytes); single %llu, counted %llu, lost %llu", what,
		 (unsigned long long)kernel, (unsigned long long)logged, drops.count, drops.bytes, (unsigned long long)counts->written,
		 (unsigned long long)counts->counted, (unsigned long long)counts->lost);
	tap_ok(drops.trouble[0] == '\0', "%s: every line is whole %s", what, drops.trouble);
	tap_ok(kernel == logged && kernel > 0, "%s: the log says %llu, the kernel's counters %llu", what, (unsigned long long)logged,
	       (unsigned long long)kernel);
	tap_ok(counts->received + counts->lost == kernel, "%s: every drop was received or missed: %llu + %llu", what,
	       (unsigned long long)counts->received, (unsigned long long)counts->lost);
	drops_done(&drops);
}

/* --- What a line says --- */

static const struct row {
	const char *packet;
	unsigned flags;
	const char *values[10][2];
} rows[] = {
	{"in tcp 203.0.113.9:5000 > 192.0.2.10:22", 0,
	 {{"x-eventid", "4290"}, {"x-direction", "in"}, {"protocol", "TCP"}, {"src-ip", "203.0.113.9"}, {"src-port", "5000"},
	  {"dst-ip", "192.0.2.10"}, {"dst-port", "22"}, {"tcpflags", "S"}, {"x-interface", "wire0"}}},
	{"in tcp 203.0.113.9:5001 > 192.0.2.10:22", WIRE_ACK | WIRE_OPTIONS,
	 {{"src-port", "5001"}, {"dst-port", "22"}, {"tcpflags", "A"}}},
	{"in frag udp 203.0.113.9:5002 > 192.0.2.10:53", 0, {{"protocol", "UDP"}, {"src-port", "5002"}, {"dst-port", "53"}}},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", 0, {{"protocol", "ICMP"}, {"icmptype", "8"}, {"icmpcode", "0"}, {"src-port", "-"}}},
	{"in udp [2001:db8:9::9]:5003 > [2001:db8::10]:53", WIRE_OPTIONS,
	 {{"protocol", "UDP"}, {"src-ip", "2001:db8:9::9"}, {"src-port", "5003"}, {"dst-ip", "2001:db8::10"}, {"dst-port", "53"}}},
	{"in icmpv6:128 2001:db8:9::9 > 2001:db8::10", 0, {{"protocol", "ICMPv6"}, {"icmptype", "128"}}},
	{"in 47 203.0.113.9 > 192.0.2.10", 0, {{"protocol", "GRE"}, {"src-port", "-"}}},
	{"out udp 192.0.2.10:5004 > 203.0.113.9:123", 0,
	 {{"x-eventid", "4291"}, {"x-direction", "out"}, {"src-ip", "192.0.2.10"}, {"dst-port", "123"}, {"x-interface", "wire0"}}},
	{"forward tcp 203.0.113.9:5005 > 198.51.100.7:25", 0,
	 {{"x-eventid", "4290"}, {"x-direction", "forward"}, {"dst-ip", "198.51.100.7"}, {"dst-port", "25"}, {"x-interface", "wire0"}}},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char *const always[][2] = {
	{"x-source", "cordon"}, {"x-action", "DROP"}, {"x-policy", "quarantine of \"alpha\""},
	{"x-rule", "lock down: nothing in, nothing out"}, {"x-filterlist", "all traffic"}, {"x-mode", "secure"}, {"x-log", "cordon"},
};

static bool line_fits(const struct drops *drops, size_t line, const char *const (*values)[2], size_t count)
{
	for (size_t i = 0; i < count && values[i][0] != NULL; i++)
		if (strcmp(drops_value(drops, line, values[i][0]), values[i][1]) != 0)
			return false;
	return true;
}

/* Packets of one direction may overtake those of another, so a line is looked for wherever it is. */
static bool row_found(const struct drops *drops, const struct row *row)
{
	for (size_t line = 0; line < drops->count; line++)
		if (line_fits(drops, line, row->values, 10) && line_fits(drops, line, always, sizeof(always) / sizeof(always[0])) &&
		    strlen(drops_value(drops, line, "date")) == 10 && strlen(drops_value(drops, line, "time")) == 8)
			return true;
	return false;
}

static void lines_test(struct lab *lab, const struct host *host, const struct ruleset *ruleset)
{
	struct lab_packet packets[ROWS] = {0};
	struct service service;
	struct drops drops;
	bool answers = true;
	if (!service_start(lab, "lines", ruleset, 0, &service))
		return;
	for (size_t i = 0; i < ROWS; i++) {
		packets[i].flags = rows[i].flags;
		if (packet_parse(rows[i].packet, strlen(rows[i].packet), host, NULL, NULL, &packets[i].packet) != 0)
			abort();
	}
	lab_send(lab, packets, ROWS);
	for (unsigned tries = 0; answers && tries < 50 && service.shared->counts.received < ROWS; tries++) {
		settle();
		answers = service_flush(&service);
	}
	tap_ok(answers, "lines: the collector answers");
	drops_read(service.folder, &drops);
	tap_ok(drops.count == ROWS && drops.trouble[0] == '\0', "lines: %zu of %d, %s", drops.count, ROWS, drops.trouble);
	for (size_t i = 0; i < ROWS; i++)
		tap_ok(row_found(&drops, &rows[i]), "lines: %s", rows[i].packet);
	drops_done(&drops);
	tap_ok(service_stop(&service), "lines: the collector ends well");
}

/* --- Floods --- */

static void flood_test(struct lab *lab, const struct ruleset *ruleset, int wire, const char *name, uint32_t sources)
{
	struct service service;
	uint64_t before = kernel_drops(lab);
	if (!service_start(lab, name, ruleset, 0, &service))
		return;
	int64_t start = tap_now();
	uint64_t sent = flood(wire, RATE, 3000, sources), time = (uint64_t)(tap_now() - start);
	tap_note("%s: %llu sent in %llu ms: %llu a second", name, (unsigned long long)sent, (unsigned long long)time,
		 (unsigned long long)(sent * 1000 / time));
	sums_compare(lab, &service, wire, before, name);
	tap_ok(service_stop(&service), "%s: the collector ends well", name);
}

/* Nobody reads until the kernel has no room for more: what it could not tell is counted all the same. */
static void loss_test(struct lab *lab, const struct ruleset *ruleset, int wire)
{
	struct service service;
	uint64_t before = kernel_drops(lab);
	if (!service_start(lab, "loss", ruleset, 1 << 20, &service))
		return;
	(void)flood(wire, 1000, 100, 1);
	kill(service.pid, SIGSTOP);
	uint64_t sent = 0;
	for (unsigned tries = 0; sent < 100000 && tries < 20; tries++)
		sent += flood(wire, RATE * 2, 500, 1000);
	kill(service.pid, SIGCONT);
	(void)flood(wire, 10000, 200, 1);
	sums_compare(lab, &service, wire, before, "loss");
	tap_ok(service.shared->counts.lost > 0, "loss: there was some");
	tap_ok(service_stop(&service), "loss: the collector ends well");
}

/* A real disk of 128 KiB, full; then there is room again. */
static void full_test(struct lab *lab, const struct ruleset *ruleset, int wire)
{
	char folder[4096];
	struct service service;
	struct drops drops;
	snprintf(folder, sizeof(folder), "%s/full", process_folder());
	if (mkdir(folder, 0700) < 0 || unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", folder, "tmpfs", 0, "size=128k") < 0) {
		tap_skip("this process may not mount", "a full disk");
		return;
	}
	uint64_t before = kernel_drops(lab);
	if (service_start(lab, "full", ruleset, 0, &service)) {
		(void)flood(wire, 20000, 1000, 100);
		tap_ok(service_flush(&service), "full: the collector answers");
		drops_read(folder, &drops);
		tap_ok(drops.bytes <= 128 * 1024 && drops.trouble[0] == '\0', "full: %zu bytes, whole lines %s", drops.bytes, drops.trouble);
		drops_done(&drops);
		tap_ok(mount(NULL, folder, NULL, MS_REMOUNT, "size=64m") == 0, "full: there is room again");
		sums_compare(lab, &service, wire, before, "full");
		tap_ok(service_stop(&service), "full: the collector ends well");
	}
	umount(folder);
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct host host;
	struct buffer why;
	struct state *state = NULL;
	buffer_init(&why, 1000);
	if (process_folder() == NULL || host_parse(facts, strlen(facts), "facts", NULL, &host) != 0)
		return 1;
	struct lab *lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	int wire = flood_socket(lab);
	struct ruleset *ruleset = rules_make(lab, &host, &state);
	if (tap_ok(wire >= 0 && ruleset != NULL, "the rules are in force")) {
		lines_test(lab, &host, ruleset);
		flood_test(lab, ruleset, wire, "one-source", 1);
		flood_test(lab, ruleset, wire, "many-sources", 100000);
		loss_test(lab, ruleset, wire);
		full_test(lab, ruleset, wire);
	}
	close(wire);
	ruleset_free(ruleset);
	state_free(state);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
