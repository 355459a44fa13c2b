/* The enforcer against a real kernel, in the server's namespace of the lab: the store, the host and other programs
 * change things, and it is measured how long it takes until the kernel is right again. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/enforcer.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/pending.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"
#include "tests/unit/daemon/enforcer_fixture.h"

enum { PATH_BYTES = 512, SECOND = 1000, REPAIR = 100, REPAIRS = 9 };

static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
static struct lab *lab;
static volatile int64_t *changed; /* when a child's nft command had been taken; shared */
static char store[PATH_BYTES], driver[PATH_BYTES], root[PATH_BYTES], events[PATH_BYTES], resolv_conf[PATH_BYTES];

static const struct fixture_rule everything = {LOCATION_LOCAL, ACTION_BLOCK, "any", "any", NULL, 0, 0};
static const struct fixture_rule web = {LOCATION_LOCAL, ACTION_PERMIT, "any", "me", NULL, PROTOCOL_TCP, 80};
static const struct fixture_rule mail = {LOCATION_LOCAL, ACTION_PERMIT, "any", "me", NULL, PROTOCOL_TCP, 25};
static const struct fixture_rule dns = {LOCATION_LOCAL, ACTION_PERMIT, "me", "dns", NULL, PROTOCOL_UDP, 53};
static const struct fixture_rule gateway = {LOCATION_LOCAL, ACTION_PERMIT, "me", "gateway", NULL, PROTOCOL_ICMP, 0};
static const struct fixture_rule negotiate = {LOCATION_PERSISTENT, ACTION_NEGOTIATE, "any", "me", NULL, PROTOCOL_TCP, 25};

/* --- The service, in a process of its own --- */

static void event_write(const struct enforcer_event *event, void *context)
{
	(void)context;
	int fd = open(events, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	dprintf(fd, "%lld %u %s | %s\n", (long long)tap_now(), event->eventid, driver_state_name(event->state), event->text);
	close(fd);
}

static void bootdrop_write(const struct bootdrop *drop, void *context)
{
	char src[IP_TEXT] = "-", text[128];
	(void)context;
	if (drop->family != FAMILY_NONE)
		ip_print(&drop->src, src);
	snprintf(text, sizeof(text), "dropped %llu of protocol %u to port %u from %s", (unsigned long long)drop->packets,
		 drop->protocol, drop->dstport, src);
	event_write(&(struct enforcer_event){.text = text}, NULL);
}

static void service_run(void)
{
	struct enforcer_options options = {.store = store, .root = root, .driver_file = driver, .event = event_write,
					   .bootdrop = bootdrop_write};
	struct enforcer *enforcer = NULL;
	struct diag diag;
	diag_init(&diag);
	struct loop *loop = loop_new();
	if (loop == NULL || enforcer_new(loop, &options, &diag, &enforcer) < 0) {
		fprintf(stderr, "# %s\n", diag.count > 0 ? diag.messages[0].text : "no loop");
		_exit(1);
	}
	enforcer_start(enforcer);
	_exit(loop_run(loop) < 0);
}

/* A child of that name in the server's namespace. */
static pid_t child_start(const char *name)
{
	pid_t parent = getpid(), child = fork();
	if (child != 0)
		return child;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(1);
	prctl(PR_SET_NAME, name);
	return 0;
}

static void service_end(pid_t service)
{
	kill(service, SIGKILL);
	waitpid(service, NULL, 0);
}

static pid_t service_begin(void)
{
	pid_t child = child_start("cordond");
	if (child == 0)
		service_run();
	return child;
}

/* --- Looking --- */

static void look(struct nftables_status *ret_status)
{
	*ret_status = (struct nftables_status){.present = false};
	if (nftables_status_read(NULL, ret_status) == 0)
		nftables_status_done(&(struct nftables_status){.hits = ret_status->hits, .hit_count = ret_status->hit_count,
							       .others = ret_status->others, .other_count = ret_status->other_count});
	ret_status->hits = NULL;
	ret_status->others = NULL;
}

static void pause_ms(long milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
}

static bool in_force(const char *digest)
{
	struct nftables_status status;
	look(&status);
	return status.present && status.mode == MODE_SECURE && strcmp(status.digest, digest) == 0;
}

/* How long until the store's policy is in force; -1: not within 5 s. */
static int64_t wait_in_force(void)
{
	char digest[DIGEST_TEXT];
	fixture_digest(store, digest);
	int64_t start = tap_now();
	while (tap_now() - start < 5 * SECOND) {
		if (in_force(digest))
			return tap_now() - start;
		pause_ms(1);
	}
	return -1;
}

static uint64_t generation(void)
{
	struct nftables_status status;
	look(&status);
	return status.present ? status.generation : 0;
}

static int64_t wait_other_generation(uint64_t before)
{
	int64_t start = tap_now();
	while (tap_now() - start < 5 * SECOND) {
		uint64_t now = generation();
		if (now != 0 && now != before)
			return tap_now() - start;
		pause_ms(1);
	}
	return -1;
}

static bool said(const char *words)
{
	struct buffer text;
	char bytes[4096];
	buffer_init(&text, 1 << 20);
	int fd = open(events, O_RDONLY | O_CLOEXEC);
	for (ssize_t length; (length = read(fd, bytes, sizeof(bytes))) > 0;)
		buffer_add(&text, bytes, (size_t)length);
	close(fd);
	bool found = strstr(buffer_text(&text), words) != NULL;
	buffer_done(&text);
	return found;
}

static bool wait_said(const char *words)
{
	int64_t start = tap_now();
	while (!said(words) && tap_now() - start < 2 * SECOND)
		pause_ms(5);
	return said(words);
}

static void events_show(void)
{
	char line[1024];
	FILE *file = fopen(events, "re");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		tap_note("%.*s", (int)strcspn(line, "\n"), line);
	if (file != NULL)
		fclose(file);
}

/* --- Doing --- */

static void store_set(const struct fixture_rule *rules, size_t count)
{
	if (!fixture_store(store, rules, count, NULL, NULL))
		abort();
}

static void text_write(const char *path, const char *text)
{
	char beside[PATH_BYTES + 8];
	snprintf(beside, sizeof(beside), "%s.new", path);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text) || close(fd) < 0 || rename(beside, path) < 0)
		abort();
}

/* Runs nft's words as a process of that name; true when they were taken. */
static bool nft_as(const char *name, const char *commands)
{
	int status = 0;
	pid_t child = child_start(name);
	if (child == 0) {
		bool good = lab_nft(lab, LAB_SERVER, commands, NULL);
		*changed = tap_now();
		_exit(good ? 0 : 1);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* What `cordon apply` and `cordon lift` do to the kernel, by a process of its name. */
static void hand_apply(const struct state *state)
{
	pid_t child = child_start("cordon");
	if (child == 0) {
		struct host host;
		struct ruleset *ruleset = NULL;
		struct nftables_options options = {.observe = false};
		host_init(&host);
		_exit(ruleset_build(state, &host, MODE_SECURE, NULL, &ruleset) < 0 || nftables_apply(ruleset, &options, NULL) < 0);
	}
	waitpid(child, NULL, 0);
}

static void hand_lift(void)
{
	pid_t child = child_start("cordon");
	if (child == 0)
		_exit(nftables_lift(NULL) < 0);
	waitpid(child, NULL, 0);
}

static void hand_write(enum driver_state from, enum driver_event event)
{
	struct driver_record record = {.state = driver_next(from, event)->to, .event = event, .from = from,
				       .time = (int64_t)time(NULL), .by = "cordon"};
	if (driver_write(driver, &record, NULL) < 0)
		abort();
}

static struct state *store_state(void)
{
	struct store *opened = NULL;
	struct state *state = NULL;
	if (store_open(store, STORE_READ, NULL, &opened) < 0 || store_read(opened, 0, NULL, &state) < 0)
		abort();
	store_close(opened);
	return state;
}

/* --- The tests --- */

/* The start-up rules of boot mode block, and packets that they drop. */
static void boot_test(void)
{
	static const char text[] = "in udp 203.0.113.9:5000 > 192.0.2.10:9999";
	struct lab_packet packets[3] = {0};
	struct state *state = store_state();
	struct host host;
	struct ruleset *ruleset = NULL;
	struct nftables_options options = {.observe = false};
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	for (size_t i = 0; i < 3; i++)
		if (packet_parse(text, strlen(text), &host, NULL, NULL, &packets[i].packet) < 0)
			abort();
	bool good = ruleset_build_boot(state, &host, BOOTMODE_BLOCK, NULL, &ruleset) == 0 &&
		    nftables_apply(ruleset, &options, NULL) == 0;
	hand_write(DRIVER_STARTUP_PERMIT, DRIVER_BOOT_BLOCK);
	lab_leave(lab);
	lab_send(lab, packets, 3);
	lab_enter(lab, LAB_SERVER);
	tap_ok(good && !packets[0].arrived, "start-up rules are in force");
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

static void start_test(pid_t *service)
{
	const struct fixture_rule rules[] = {everything, web, dns, gateway};
	store_set(rules, 4);
	boot_test();
	*service = service_begin();
	int64_t time = wait_in_force();
	tap_ok(time >= 0, "the service starts and applies (%lld ms)", (long long)time);
	tap_ok(wait_said("4294 secure"), "and says so");
	tap_ok(wait_said("dropped 3 of protocol 17 to port 9999 from 203.0.113.9"), "and what the start-up rules have dropped");
}

static int time_compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* The median is judged: a machine that is busy with other tests may be late once.  -1: one never came. */
static void times_judge(int64_t *times, size_t count, int64_t most, const char *what)
{
	qsort(times, count, sizeof(times[0]), time_compare);
	tap_ok(times[0] >= 0 && times[count / 2] < most, "%s: within %lld ms (median %lld ms, longest %lld ms)", what,
	       (long long)most, (long long)times[count / 2], (long long)times[count - 1]);
}

static void store_test(void)
{
	const struct fixture_rule first[] = {everything, mail, dns, gateway}, second[] = {everything, web, dns, gateway};
	int64_t times[6];
	for (int i = 0; i < 6; i++) {
		store_set(i % 2 == 0 ? first : second, 4);
		times[i] = wait_in_force();
	}
	times_judge(times, 6, SECOND, "a change of the store is in force");
}

static void folder_make(const char *name)
{
	char path[PATH_BYTES + 32];
	snprintf(path, sizeof(path), "%s%s", root, name);
	mkdir(path, 0755);
}

/* Writes a name server into a file, which is followed. */
static int64_t server_set(const char *path, unsigned number)
{
	char text[64];
	uint64_t before = generation();
	snprintf(text, sizeof(text), "nameserver 198.51.100.%u\n", number);
	text_write(path, text);
	return wait_other_generation(before);
}

static void servers_test(void)
{
	int64_t times[5];
	char path[PATH_BYTES + 64];
	for (unsigned i = 0; i < 5; i++)
		times[i] = server_set(resolv_conf, i + 1);
	times_judge(times, 5, SECOND, "another name server is followed");
	/* systemd-resolved's way: the stub, and its own file, in folders that were not there. */
	folder_make("/run");
	folder_make("/run/systemd");
	folder_make("/run/systemd/resolve");
	uint64_t before = generation();
	text_write(resolv_conf, "nameserver 127.0.0.53\n");
	(void)wait_other_generation(before);
	snprintf(path, sizeof(path), "%s/run/systemd/resolve/resolv.conf", root);
	for (unsigned i = 0; i < 5; i++)
		times[i] = server_set(path, i + 10);
	times_judge(times, 5, SECOND, "one of systemd-resolved is followed");
}

static void gateway_test(void)
{
	const char *words[] = {"/usr/sbin/ip", "route", "replace", "default", "via", "", "dev", "wire0", "onlink", NULL};
	int64_t times[4];
	for (int i = 0; i < 4; i++) {
		uint64_t before = generation();
		words[5] = i % 2 == 0 ? "198.18.255.3" : "198.18.255.1";
		times[i] = process_run(words, NULL, NULL) == 0 ? wait_other_generation(before) : -1;
	}
	times_judge(times, 4, SECOND, "another gateway is followed");
}

static void tamper_test(const char *what, const char *name, const char *pattern)
{
	int64_t times[REPAIRS];
	char words[64];
	for (int i = 0; i < REPAIRS; i++) {
		char commands[256];
		uint64_t before = generation();
		int split = (int)strcspn(pattern, "@"); /* stands for the generation's number */
		if (pattern[split] == '@')
			snprintf(commands, sizeof(commands), "%.*s%llu%s", split, pattern, (unsigned long long)before, pattern + split + 1);
		else
			snprintf(commands, sizeof(commands), "%s", pattern);
		bool good = nft_as(name, commands);
		/* A flush takes the numbers along, so the new generation may have the old one's. */
		times[i] = !good ? -1 : pattern[split] != '@' ? wait_in_force() : wait_other_generation(before);
		times[i] = times[i] >= 0 ? tap_now() - *changed : -1;
		pause_ms(120);
	}
	times_judge(times, REPAIRS, REPAIR, what);
	snprintf(words, sizeof(words), "\"%s\"", name);
	tap_ok(wait_said(words), "%s: its process is named", what);
}

static void tampers_test(void)
{
	static const struct {
		const char *what, *name, *commands;
	} rows[] = {
		{"flush ruleset is put back", "nft-flush", "flush ruleset"},
		{"delete table is put back", "nft-delete", "delete table inet cordon"},
		{"the flush of a map is put back", "nft-map", "flush map inet cordon g@_m0"},
		{"a rule before ours is taken away", "nft-rule", "insert rule inet cordon input accept comment \"@\""},
		{"an emptied chain is filled again", "nft-chain", "flush chain inet cordon g@_input"},
	};
	struct lab_packet packet = {0};
	struct host host;
	struct lab_flood flood;
	bool flooding = false;
	static const char text[] = "in udp 203.0.113.9:5000 > 192.0.2.10:9999";
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) == 0 &&
	    packet_parse(text, strlen(text), &host, NULL, NULL, &packet.packet) == 0) {
		lab_leave(lab);
		lab_send(lab, &packet, 1);
		flooding = lab_flood_start(lab, &packet, 1, &flood);
		lab_enter(lab, LAB_SERVER);
	}
	tap_ok(flooding && !packet.arrived, "a flood of what is forbidden");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		tamper_test(rows[i].what, rows[i].name, rows[i].commands);
	if (flooding)
		lab_flood_stop(&flood);
	host_done(&host);
}

static void others_test(void)
{
	bool made = nft_as("nft-other", "add table inet first\n"
			   "add chain inet first gate { type filter hook input priority -300; policy accept; }");
	tap_ok(made && wait_said("table inet first, chain gate"), "a table of others that sees packets first is told");
	nft_as("nft-other", "delete table inet first");
}

static void restart_test(pid_t *service)
{
	service_end(*service);
	uint64_t before = generation();
	tap_ok(before != 0, "the rules stand when the service is killed");
	*service = service_begin();
	pause_ms(1500);
	tap_ok(generation() == before, "and are not touched when it starts again");
}

static void lift_test(void)
{
	hand_lift();
	pause_ms(100);
	hand_write(DRIVER_SECURE, DRIVER_LIFT);
	pause_ms(3500);
	tap_ok(generation() == 0, "what was lifted by hand stays lifted");
	const struct fixture_rule rules[] = {everything, mail};
	store_set(rules, 2);
	pause_ms(1200);
	tap_ok(generation() == 0, "also when the store changes");
	hand_write(DRIVER_PERMIT, DRIVER_APPLY);
	int64_t time = wait_in_force();
	tap_ok(time >= 0, "until the next apply (%lld ms)", (long long)time);
}

static void pending_test(void)
{
	char before[DIGEST_TEXT], after[DIGEST_TEXT];
	const struct fixture_rule rules[] = {everything, web, mail};
	struct pending_clock clock;
	pending_clock_read(&clock);
	struct pending pending = {.kind = PENDING_CONFIRM, .enforced = true, .mode = MODE_SECURE,
				  .deadline_boottime = clock.boottime + 2000, .deadline = clock.now + 2};
	struct store *opened = NULL;
	struct arena *arena = arena_new();
	struct history *lines = NULL;
	size_t count = 0;
	fixture_digest(store, before);
	if (store_open(store, STORE_READ, NULL, &opened) < 0 || store_history(opened, arena, NULL, &lines, &count) < 0)
		abort();
	pending.in_force = lines[count - 1].number;
	store_close(opened);
	arena_free(arena);
	if (!fixture_store(store, rules, 3, NULL, &pending))
		abort();
	struct state *state = store_state();
	hand_apply(state);
	state_free(state);
	fixture_digest(store, after);
	pause_ms(1000);
	tap_ok(in_force(after), "what waits for its confirmation is left alone");
	int64_t start = tap_now();
	while (!in_force(before) && tap_now() - start < 5 * SECOND)
		pause_ms(5);
	pending_clock_read(&clock);
	tap_ok(in_force(before), "and taken back when its time is over and no guard does it (%lld ms after it)",
	       (long long)(clock.boottime - pending.deadline_boottime));
	while (fixture_digest(store, after), strcmp(before, after) != 0 && tap_now() - start < 5 * SECOND)
		pause_ms(5);
	tap_ok(strcmp(before, after) == 0, "in the store as well");
}

static void failure_test(pid_t *service)
{
	struct nftables_status status;
	service_end(*service);
	(void)nftables_lift(NULL);
	unlink(driver);
	store_set(&negotiate, 1);
	*service = service_begin();
	bool good = wait_said("nothing enforces that here yet");
	int64_t start = tap_now();
	do
		look(&status);
	while (!(status.present && status.mode == MODE_BLOCK) && tap_now() - start < 2 * SECOND);
	tap_ok(good && status.present && status.mode == MODE_BLOCK, "a persistent policy that cannot be applied blocks");
	const struct fixture_rule rules[] = {everything, web};
	store_set(rules, 2);
	int64_t time = wait_in_force();
	tap_ok(time >= 0, "one that can is in force (%lld ms)", (long long)time);
}

static void paths_make(void)
{
	const char *folder = process_folder();
	char etc[PATH_BYTES];
	if (folder == NULL)
		tap_skip_all("no folder for the test");
	snprintf(store, sizeof(store), "%s/store.db", folder);
	snprintf(driver, sizeof(driver), "%s/driver", folder);
	snprintf(events, sizeof(events), "%s/events", folder);
	snprintf(root, sizeof(root), "%s/root", folder);
	snprintf(etc, sizeof(etc), "%.500s/etc", root);
	mkdir(root, 0755);
	mkdir(etc, 0755);
	snprintf(resolv_conf, sizeof(resolv_conf), "%.450s/etc/resolv.conf", root);
	text_write(resolv_conf, "nameserver 192.0.2.53\n");
}

int main(void)
{
	struct host host;
	struct buffer why;
	pid_t service = 0;
	buffer_init(&why, 4096);
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		return 1;
	paths_make();
	changed = mmap(NULL, sizeof(*changed), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (changed == MAP_FAILED)
		return 1;
	lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	lab_enter(lab, LAB_SERVER);
	start_test(&service);
	store_test();
	servers_test();
	gateway_test();
	restart_test(&service);
	tampers_test();
	others_test();
	lift_test();
	pending_test();
	failure_test(&service);
	service_end(service);
	int code = tap_done();
	if (code != 0)
		events_show();
	lab_leave(lab);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return code;
}
