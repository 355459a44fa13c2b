/* The outside machine: starts the guest, sends to it from power-on, answers it, sees all that leaves it, and judges.
 *
 *   outside --tap NAME --kernel FILE --initrd FILE --disk FILE --append TEXT --log FOLDER
 *           [--startup REGIME] [--final REGIME|none] [--seconds N] [--settle N] [--cut MS] [--lenient] [--renewal]
 *           [--mark TEXT] [--memory MIB]
 *
 * Runs in a network namespace that holds nothing but the tap.  The machine is in start-up until its console says that
 * the driver is operational; what leaves it until then is judged by --startup, what leaves it later by --final, and
 * around that moment what both forbid is wrong; with --final none it must stay in start-up.  Ends --settle seconds after that (or after the machine is up, with none), at
 * --seconds at the latest; --cut cuts the power earlier.  --mark: a line of
 * the console must hold this.  Exit code: 0 as expected, 1 not.
 *
 * Standard output: `wrong …` for everything that is not as expected; `figure NAME VALUE`, times in ms from power-on.
 * In the folder: console.log, and capture.pcap, what left the guest. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "tests/bootproof/judge.h"
#include "tests/bootproof/machine.h"
#include "tests/bootproof/peer.h"
#include "tests/bootproof/plan.h"

enum {
	RATE = 700,                       /* frames a second, so that 500 are always reached */
	CAPTURE_MOST = 32 * 1024 * 1024,  /* bytes */
	SEEN_MOST = 4 * 1024 * 1024,      /* frames that are kept for the judgement */
	/* The line on the console is not the moment of the change: so long before and behind it either rules count.  On a
	 * starved machine the line comes later yet: a packet that only the later rules let through shows them at work. */
	BEFORE_MS = 1500, BEHIND_MS = 250, BEFORE_MOST_MS = 20000,
	SECONDS_MOST = 900,
};

/* What left the guest, for the judgement at the end. */
struct seen {
	int64_t time; /* ms from power-on */
	enum sort sort;
};

enum phase { PHASE_STARTUP, PHASE_HANDOVER, PHASE_FINAL, PHASES };
static const char *const phase_names[PHASES] = {"startup", "handover", "final"};

struct proof {
	struct machine_options machine_options;
	const char *log;
	enum regime startup, final;
	bool stays;          /* in start-up: --final none */
	bool lenient;        /* what must come is not asked for */
	bool renewal;        /* a renewed lease is asked for */
	const char *mark;    /* what a line of the console must hold; NULL: nothing */
	bool marked;
	int64_t seconds, settle, cut;
	struct machine machine;
	struct peer peer;
	struct seen *seen;
	size_t seen_count, seen_capacity;
	struct tally tallies[PHASES];
	int socket;
	int64_t power_on;    /* us, of the monotonic clock */
	int64_t operational, up; /* ms from power-on; -1: not yet */
	int64_t loopback_works, loopback_fails;
	uint64_t sent, refused, second_sent, least_rate;
	int64_t second;
	FILE *console, *capture;
	long captured;
	char driver[200];    /* the last line about it */
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

static int64_t clock_us(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t proof_ms(const struct proof *proof)
{
	return (clock_us() - proof->power_on) / 1000;
}

/* --- What left the guest, as a file that other programs read. --- */

static void capture_number(FILE *file, uint32_t value)
{
	fwrite(&value, sizeof(value), 1, file);
}

static void capture_start(FILE *file)
{
	static const uint32_t head[6] = {0xa1b2c3d4, 2 | 4 << 16, 0, 0, 65535, 1};
	for (size_t i = 0; i < ARRAY_LENGTH(head); i++)
		capture_number(file, head[i]);
}

static void capture_add(struct proof *proof, const uint8_t *bytes, size_t length)
{
	int64_t us = clock_us() - proof->power_on;
	if (proof->captured > CAPTURE_MOST)
		return;
	proof->captured += (long)(16 + length);
	capture_number(proof->capture, (uint32_t)(us / 1000000));
	capture_number(proof->capture, (uint32_t)(us % 1000000));
	capture_number(proof->capture, (uint32_t)length);
	capture_number(proof->capture, (uint32_t)length);
	fwrite(bytes, 1, length, proof->capture);
}

/* --- The console. --- */

static bool state_operational(const char *driver)
{
	static const char *const states[] = {"secure", "block", "permit"};
	for (size_t i = 0; i < ARRAY_LENGTH(states); i++)
		if (strncmp(driver, states[i], strlen(states[i])) == 0)
			return true;
	return false;
}

/* The driver's record as /run/cordon/driver has it ("driver 1 STATE EVENT …"), or a state alone. */
static void driver_take(struct proof *proof, const char *text, int64_t now)
{
	const char *state = strncmp(text, "driver 1 ", 9) == 0 ? text + 9 : text;
	snprintf(proof->driver, sizeof(proof->driver), "%s", state);
	if (proof->operational < 0 && state_operational(state))
		proof->operational = now;
}

static void console_take(const char *line, void *context)
{
	struct proof *proof = context;
	int64_t now = proof_ms(proof);
	fprintf(proof->console, "[%7" PRId64 "] %s\n", now, line);
	const char *mark = strstr(line, MARK);
	proof->marked |= proof->mark != NULL && strstr(line, proof->mark) != NULL;
	if (mark == NULL)
		return;
	mark += strlen(MARK);
	if (strncmp(mark, "driver ", 7) == 0) {
		driver_take(proof, mark + 7, now);
	} else if (strncmp(mark, "up", 2) == 0 && proof->up < 0) {
		proof->up = now;
	} else if (strcmp(mark, "loopback works") == 0) {
		proof->loopback_works++;
	} else if (strcmp(mark, "loopback fails") == 0) {
		proof->loopback_fails++;
	}
}

/* --- The wire. --- */

static int wire_open(const char *tap)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = (int)if_nametoindex(tap)};
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_ALL)), size = 16 * 1024 * 1024;
	if (fd < 0 || address.sll_ifindex == 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, "outside: %s: %s\n", tap, strerror(errno));
		exit(3);
	}
	setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	return fd;
}

static void wire_send(struct proof *proof, const struct frame *frame)
{
	if (send(proof->socket, frame->bytes, frame->length, 0) == (ssize_t)frame->length) {
		proof->sent++;
		proof->second_sent++;
	} else {
		proof->refused++;
	}
}

static void seen_add(struct proof *proof, enum sort sort, int64_t now)
{
	if (proof->seen_count == proof->seen_capacity && proof->seen_capacity < SEEN_MOST) {
		size_t capacity = proof->seen_capacity != 0 ? proof->seen_capacity * 2 : 1024;
		struct seen *seen = realloc(proof->seen, capacity * sizeof(*seen));
		if (seen == NULL)
			abort();
		proof->seen = seen;
		proof->seen_capacity = capacity;
	}
	if (proof->seen_count < proof->seen_capacity)
		proof->seen[proof->seen_count++] = (struct seen){now, sort};
}

static void wire_take(struct proof *proof)
{
	uint8_t bytes[65536];
	struct sockaddr_ll from;
	for (int i = 0; i < 256; i++) {
		socklen_t size = sizeof(from);
		ssize_t length = recvfrom(proof->socket, bytes, sizeof(bytes), 0, (struct sockaddr *)&from, &size);
		if (length < 0)
			return;
		struct sight sight;
		struct frame answer;
		if (from.sll_pkttype == PACKET_OUTGOING)
			continue;
		capture_add(proof, bytes, (size_t)length);
		if (!frame_parse(bytes, (size_t)length, &sight))
			continue;
		seen_add(proof, sort_of(&sight), proof_ms(proof));
		if (peer_answer(&proof->peer, bytes, (size_t)length, &sight, &answer) != 0)
			wire_send(proof, &answer);
	}
}

/* As many as are due: after a pause of this program at most half a second's. */
static void wire_flood(struct proof *proof, int64_t *due)
{
	int64_t now = clock_us(), step = 1000000 / RATE;
	if (*due < now - 500000)
		*due = now - 500000;
	while (*due <= now) {
		struct frame frames[PEER_FRAMES];
		size_t count = peer_next(&proof->peer, frames);
		for (size_t i = 0; i < count; i++)
			wire_send(proof, &frames[i]);
		*due += step;
	}
}

/* The slowest whole second but the first, in which QEMU opens its end. */
static void proof_rate(struct proof *proof)
{
	int64_t second = proof_ms(proof) / 1000;
	if (second == proof->second)
		return;
	if (proof->second > 0 && proof->second_sent < proof->least_rate)
		proof->least_rate = proof->second_sent;
	proof->second = second;
	proof->second_sent = 0;
}

static bool proof_over(const struct proof *proof)
{
	int64_t now = proof_ms(proof);
	int64_t since = proof->stays ? proof->up : proof->operational;
	if (proof->cut >= 0)
		return now >= proof->cut;
	return now >= proof->seconds * 1000 || (since >= 0 && now >= since + proof->settle * 1000);
}

/* True when the machine was still on at the end. */
static bool proof_run(struct proof *proof)
{
	int64_t due = clock_us();
	while (!interrupted && !proof_over(proof)) {
		struct pollfd polls[2] = {{.fd = proof->socket, .events = POLLIN}, {.fd = proof->machine.console, .events = POLLIN}};
		poll(polls, 2, 1);
		wire_take(proof); /* first: what the console says is later than what is on the wire */
		if (!machine_read(&proof->machine, console_take, proof))
			return false;
		wire_flood(proof, &due);
		proof_rate(proof);
	}
	return true;
}

/* --- The result. --- */

/* From when on the later rules may be at work, given when the machine says so. */
static int64_t proof_change(const struct proof *proof, int64_t said)
{
	int64_t change = said - BEFORE_MS;
	for (size_t i = 0; i < proof->seen_count && proof->seen[i].time < change; i++) {
		enum sort sort = proof->seen[i].sort;
		if (proof->seen[i].time >= said - BEFORE_MOST_MS && !regime_lets(proof->startup, sort) && regime_lets(proof->final, sort))
			return proof->seen[i].time;
	}
	return change;
}

/* A machine whose power was cut may have changed its rules and not said so yet. */
static void proof_sort(struct proof *proof)
{
	int64_t said = proof->operational;
	if (said < 0)
		said = proof->stays ? INT64_MAX - BEHIND_MS : proof_ms(proof);
	int64_t change = proof->stays ? said : proof_change(proof, said);
	tally_init(&proof->tallies[PHASE_STARTUP], proof->startup);
	tally_init(&proof->tallies[PHASE_HANDOVER], proof->startup);
	tally_init(&proof->tallies[PHASE_FINAL], proof->final);
	for (size_t i = 0; i < proof->seen_count; i++) {
		int64_t time = proof->seen[i].time;
		enum phase phase = time < change ? PHASE_STARTUP : time <= said + BEHIND_MS ? PHASE_HANDOVER : PHASE_FINAL;
		tally_add(&proof->tallies[phase], proof->seen[i].sort, time);
	}
}

static int64_t earliest(const struct proof *proof, enum sort a, enum sort b)
{
	int64_t best = -1;
	for (size_t i = 0; i < PHASES; i++) {
		int64_t times[2] = {proof->tallies[i].first[a], proof->tallies[i].first[b]};
		for (size_t k = 0; k < 2; k++)
			if (times[k] >= 0 && (best < 0 || times[k] < best))
				best = times[k];
	}
	return best;
}

static int64_t latest(const struct proof *proof, enum sort a, enum sort b)
{
	int64_t best = -1;
	for (size_t i = 0; i < PHASES; i++) {
		const int64_t *last = proof->tallies[i].last;
		best = last[a] > best ? last[a] : best;
		best = last[b] > best ? last[b] : best;
	}
	return best;
}

static void proof_figures(const struct proof *proof)
{
	const struct { const char *name; int64_t value; } figures[] = {
		{"seen", earliest(proof, SORT_NEIGHBOUR, SORT_DHCP)},
		{"first-forbidden", earliest(proof, SORT_FORBIDDEN_ANSWER, SORT_FORBIDDEN_OUT)},
		{"last-forbidden", latest(proof, SORT_FORBIDDEN_ANSWER, SORT_FORBIDDEN_OUT)},
		{"first-forbidden-answer", earliest(proof, SORT_FORBIDDEN_ANSWER, SORT_FORBIDDEN_ANSWER)},
		{"first-permitted", earliest(proof, SORT_PERMITTED_IN, SORT_PERMITTED_OUT)},
		{"operational", proof->operational}, {"up", proof->up}, {"end", proof_ms(proof)},
		{"sent", (int64_t)proof->sent}, {"rate", proof->least_rate == UINT64_MAX ? -1 : (int64_t)proof->least_rate},
		{"dhcp-requests", (int64_t)proof->peer.requests}, {"dhcp-renewals", (int64_t)proof->peer.renewals},
		{"loopback-works", proof->loopback_works},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(figures); i++)
		printf("figure %s %" PRId64 "\n", figures[i].name, figures[i].value);
	for (size_t i = 0; i < PHASES; i++)
		for (size_t k = 0; k < SORTS; k++)
			printf("figure %s-%s %" PRIu64 "\n", phase_names[i], sort_name((enum sort)k), proof->tallies[i].count[k]);
	printf("driver %s\n", proof->driver[0] != '\0' ? proof->driver : "-");
}

static unsigned wrong_if(bool wrong, const char *text)
{
	if (wrong)
		printf("wrong %s\n", text);
	return wrong ? 1 : 0;
}

static unsigned proof_judge(const struct proof *proof, bool on)
{
	bool least = !proof->lenient && proof->cut < 0;
	/* What a start-up phase must show can be asked for only where the machine stays in it. */
	unsigned wrong = tally_check(&proof->tallies[PHASE_STARTUP], NULL, "startup", least && proof->stays, stdout);
	if (!proof->stays) {
		wrong += tally_check(&proof->tallies[PHASE_HANDOVER], &proof->final, "handover", false, stdout);
		wrong += tally_check(&proof->tallies[PHASE_FINAL], NULL, "final", least, stdout);
	}
	wrong += wrong_if(proof->seen_count == SEEN_MOST, "judge: more packets than can be kept");
	wrong += wrong_if(proof->stays && proof->operational >= 0, "driver: operational, and start-up was to last");
	wrong += wrong_if(proof->loopback_fails > 0, "loopback: does not work");
	wrong += wrong_if(proof->mark != NULL && !proof->marked, "machine: it did not do what the scenario asks for");
	if (!least)
		return wrong;
	wrong += wrong_if(earliest(proof, SORT_NEIGHBOUR, SORT_NEIGHBOUR) < 0, "neighbours: neither ARP nor discovery was seen");
	wrong += wrong_if(!on, "machine: went off by itself");
	wrong += wrong_if(proof->operational < 0 && !proof->stays, "driver: never operational");
	wrong += wrong_if(proof->up < 0, "machine: never up");
	wrong += wrong_if(proof->peer.requests == 0, "dhcp: no lease was asked for");
	wrong += wrong_if(proof->renewal && proof->peer.renewals == 0, "dhcp: the lease was never renewed");
	wrong += wrong_if(proof->loopback_works == 0, "loopback: never seen to work");
	wrong += wrong_if(proof->least_rate < 500, "outside: fewer than 500 packets in a second");
	return wrong;
}

static int64_t number_of(const char *text, int64_t most)
{
	char *end;
	errno = 0;
	long long value = strtoll(text, &end, 10);
	if (errno != 0 || *text == '\0' || *end != '\0' || value < 0 || value > most) {
		fprintf(stderr, "outside: not a number from 0 to %" PRId64 ": %s\n", most, text);
		exit(2);
	}
	return value;
}

static enum regime regime_of(const char *text)
{
	enum regime regime;
	if (!regime_parse(text, &regime)) {
		fprintf(stderr, "outside: there is no regime \"%s\"\n", text);
		exit(2);
	}
	return regime;
}

enum option_id { OPTION_TAP = 1, OPTION_KERNEL, OPTION_INITRD, OPTION_DISK, OPTION_APPEND, OPTION_LOG, OPTION_STARTUP,
	OPTION_FINAL, OPTION_SECONDS, OPTION_SETTLE, OPTION_CUT, OPTION_LENIENT, OPTION_RENEWAL, OPTION_MEMORY, OPTION_MARK };

static const struct option options[] = {
	{"tap", 1, NULL, OPTION_TAP}, {"kernel", 1, NULL, OPTION_KERNEL}, {"initrd", 1, NULL, OPTION_INITRD},
	{"disk", 1, NULL, OPTION_DISK}, {"append", 1, NULL, OPTION_APPEND}, {"log", 1, NULL, OPTION_LOG},
	{"startup", 1, NULL, OPTION_STARTUP}, {"final", 1, NULL, OPTION_FINAL}, {"seconds", 1, NULL, OPTION_SECONDS},
	{"settle", 1, NULL, OPTION_SETTLE}, {"cut", 1, NULL, OPTION_CUT}, {"lenient", 0, NULL, OPTION_LENIENT},
	{"renewal", 0, NULL, OPTION_RENEWAL}, {"memory", 1, NULL, OPTION_MEMORY}, {"mark", 1, NULL, OPTION_MARK}, {NULL, 0, NULL, 0},
};

static void proof_options(struct proof *proof, int argc, char **argv)
{
	const char **texts[] = {
		[OPTION_TAP] = &proof->machine_options.tap, [OPTION_KERNEL] = &proof->machine_options.kernel,
		[OPTION_INITRD] = &proof->machine_options.initrd, [OPTION_DISK] = &proof->machine_options.disk,
		[OPTION_APPEND] = &proof->machine_options.append, [OPTION_LOG] = &proof->log,
		[OPTION_MEMORY] = &proof->machine_options.memory, [OPTION_MARK] = &proof->mark,
	};
	for (int id = getopt_long(argc, argv, "", options, NULL); id != -1; id = getopt_long(argc, argv, "", options, NULL)) {
		switch (id) {
		case OPTION_STARTUP: proof->startup = regime_of(optarg); break;
		case OPTION_FINAL:
			proof->stays = strcmp(optarg, "none") == 0;
			proof->final = proof->stays ? proof->final : regime_of(optarg);
			break;
		case OPTION_SECONDS: proof->seconds = number_of(optarg, SECONDS_MOST); break;
		case OPTION_SETTLE: proof->settle = number_of(optarg, SECONDS_MOST); break;
		case OPTION_CUT: proof->cut = number_of(optarg, SECONDS_MOST * 1000); break;
		case OPTION_LENIENT: proof->lenient = true; break;
		case OPTION_RENEWAL: proof->renewal = true; break;
		case '?': exit(2);
		default: *texts[id] = optarg; break;
		}
	}
	for (size_t i = OPTION_TAP; i <= OPTION_LOG; i++) {
		if (*texts[i] == NULL) {
			fprintf(stderr, "outside: --%s is missing\n", options[i - 1].name);
			exit(2);
		}
	}
}

static FILE *file_make(const char *folder, const char *name)
{
	char path[1024];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "we");
	if (file == NULL) {
		fprintf(stderr, "outside: %s: %s\n", path, strerror(errno));
		exit(3);
	}
	return file;
}

int main(int argc, char **argv)
{
	static struct proof proof;
	proof = (struct proof){.seconds = 300, .settle = 12, .cut = -1, .operational = -1, .up = -1, .least_rate = UINT64_MAX,
			       .startup = REGIME_OPEN, .final = REGIME_SECURE, .machine_options.memory = "512"};
	proof_options(&proof, argc, argv);
	struct sigaction action = {.sa_handler = interrupt};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	proof.console = file_make(proof.log, "console.log");
	proof.capture = file_make(proof.log, "capture.pcap");
	capture_start(proof.capture);
	/* The guest may starve on a busy machine; what is sent to it may not. */
	(void)setpriority(PRIO_PROCESS, 0, -10);
	proof.socket = wire_open(proof.machine_options.tap);
	proof.power_on = clock_us();
	int error = machine_start(&proof.machine, &proof.machine_options);
	bool on = error == 0 && proof_run(&proof);
	if (error != 0)
		fprintf(stderr, "outside: the machine does not start: %s\n", strerror(-error));
	machine_cut(&proof.machine);
	proof_sort(&proof);
	proof_figures(&proof);
	unsigned wrong = interrupted ? 0 : proof_judge(&proof, on);
	fclose(proof.capture);
	fclose(proof.console);
	close(proof.socket);
	free(proof.seen);
	return interrupted ? 130 : error != 0 ? 3 : wrong != 0 ? 1 : 0;
}
