/* cordond as a whole: what it does at start and end, who is answered, what its processes may still do, and that none of
 * them takes another with it. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"

static const char drops_log[] = "/var/log/cordon/drops.log";
static struct buffer text;  /* scratch */
static struct lab *lab;
static struct host host;
static pid_t service;

static const char policy[] =
	"netsh ipsec static add policy name=web\n"
	"netsh ipsec static add filteraction name=permit action=permit\n"
	"netsh ipsec static add filteraction name=block action=block\n"
	"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
	"netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=me\n"
	"netsh ipsec static add rule name=open policy=web filterlist=open filteraction=permit\n"
	"netsh ipsec static add rule name=\"Drop the rest\" policy=web filterlist=shut filteraction=block\n"
	"netsh ipsec static set policy name=web assign=yes\n"
	"netsh ipsec dynamic set config property=ipsecdiagnostics value=7\n";

/* --- Packets: whether a forbidden and a permitted one get through --- */

static struct lab_packet packets[2];

static bool packets_make(void)
{
	static const char *const rows[] = {"in udp 203.0.113.9:5000 > 192.0.2.10:9999", "in tcp 203.0.113.9:5000 > 192.0.2.10:80"};
	bool good = true;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		good = good && packet_parse(rows[i], strlen(rows[i]), &host, NULL, NULL, &packets[i].packet) == 0;
	return good;
}

static bool contained(void)
{
	lab_send(lab, packets, ARRAY_LENGTH(packets));
	return !packets[0].arrived && packets[1].arrived;
}

/* --- --- */

static void start(void)
{
	lab_enter(lab, LAB_SERVER);
	service = serve_start();
	lab_leave(lab);
}

static void status_of(pid_t pid, struct buffer *ret_text)
{
	char path[64];
	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	serve_read(path, ret_text);
}

static bool has(const char *words)
{
	return strstr(buffer_text(&text), words) != NULL;
}

static bool log_has(const char *words)
{
	serve_read(drops_log, &text);
	return has(words);
}

static bool eventually(bool (*holds)(void *context), void *context)
{
	for (int64_t begin = tap_now(); tap_now() - begin < 10000; serve_pause(10))
		if (holds(context))
			return true;
	return false;
}

static long pid_of(const char *object)
{
	return serve_ask(&text) ? serve_number(&text, object, "pid") : -1;
}

/* Runs in a process of another user and group; its exit code. */
static int as_user(uid_t uid, gid_t gid, int (*act)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(setgid(gid) != 0 || setuid(uid) != 0 ? 99 : act());
	waitpid(pid, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* 0: answered; 1: refused with the right words; 2: another way. */
static int act_ask(void)
{
	struct diag diag;
	struct buffer answer;
	diag_init(&diag);
	buffer_init(&answer, 1 << 20);
	int error = control_ask(CONTROL_SOCKET, MESSAGE_STATUS, &diag, &answer);
	int code = error == 0 ? 0
		   : error == ERROR_SYSTEM && diag.count == 1 && strstr(diag.messages[0].text, "only root and members of the service's group") != NULL
			   ? 1
			   : 2;
	buffer_done(&answer);
	diag_done(&diag);
	return code;
}

static int check_code;

static int act_check(void)
{
	static const char *const words[] = {CORDON_BUILD "/apps/cordond", "--check", NULL};
	struct buffer output;
	buffer_init(&output, 1 << 20);
	int code = process_run(words, &output, &output);
	bool good = strstr(buffer_text(&output), check_code == 0 ? "children: user 4290 (cordon)" : "$.nolog: there is no such key") != NULL;
	if (!good || code != check_code)
		tap_note("exit code %d: %s", code, buffer_text(&output));
	buffer_done(&output);
	return code == check_code ? 0 : 1;
}

static int journal = -1;

static bool journal_listen(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/systemd/journal/socket"};
	mkdir("/run/systemd", 0755);
	mkdir("/run/systemd/journal", 0755);
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	return bind(journal, (const struct sockaddr *)&address, sizeof address) == 0 && chmod(address.sun_path, 0666) == 0;
}

/* Takes what has come. */
static bool journal_has(void *context)
{
	char bytes[8192];
	ssize_t got;
	bool found = false;
	while ((got = recv(journal, bytes, sizeof bytes - 1, 0)) > 0) {
		bytes[got] = '\0';
		found = found || strstr(bytes, context) != NULL;
	}
	return found;
}

static void config_write(const char *config)
{
	FILE *file = fopen("/etc/cordon/cordond.json", "w");
	if (file == NULL || fputs(config, file) < 0 || fclose(file) != 0)
		abort();
}

static void check_test(void)
{
	tap_ok(as_user(65534, 65534, act_check) == 0, "--check as nobody: exit code 0");
	mkdir("/etc/cordon", 0755);
	config_write("{\"nolog\": true}");
	check_code = EXIT_INPUT;
	tap_ok(as_user(65534, 65534, act_check) == 0, "--check of a wrong configuration: exit code 2");
	static const char *const words[] = {CORDON_BUILD "/apps/cordond", NULL};
	tap_ok(process_run(words, NULL, NULL) == EXIT_INPUT, "and it does not start with it");
	remove("/etc/cordon/cordond.json");
}

static void start_test(void)
{
	tap_ok(serve_script(policy), "a policy in the store");
	lab_send(lab, packets, ARRAY_LENGTH(packets));
	tap_ok(packets[0].arrived && packets[1].arrived, "nothing is contained before");
	int64_t begin = tap_now();
	start();
	bool ready = serve_ready();
	tap_ok(ready, "cordond answers, after %lld ms", (long long)(tap_now() - begin));
	tap_ok(serve_ask(&text) && has("\"state\":\"secure\""), "the driver is secure");
	tap_ok(contained(), "and the policy is in force");
	tap_ok(eventually(journal_has, (char[]){"CORDON_MODE=secure"}), "the journal has it, with fields");
	static const char *const words[] = {CORDON_BUILD "/apps/cordond", "--foreground", NULL};
	buffer_clear(&text);
	tap_ok(process_run(words, NULL, &text) == EXIT_SYSTEM && has("cordond runs already, as process "), "a second one is refused");
	buffer_clear(&text);
	lab_enter(lab, LAB_SERVER);
	tap_ok(serve_cordon((const char *const[]){"status", NULL}, &text) == 0 && has("driver: secure since ") && has("cordond: running, process "),
	       "cordon status shows driver and service");
	buffer_clear(&text);
	tap_ok(serve_cordon((const char *const[]){"config", "set", "ipsecdiagnostics=7", "--now", NULL}, &text) == 0 && !has("cordond has not taken them"),
	       "cordon config set --now: the service takes it");
	lab_leave(lab);
}

static void rights_test(void)
{
	static const char *const objects[] = {"collector", "control"};
	char uid[64];
	snprintf(uid, sizeof uid, "Uid:\t%d\t%d\t%d\t%d\n", SERVE_UID, SERVE_UID, SERVE_UID, SERVE_UID);
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
		status_of((pid_t)pid_of(objects[i]), &text);
		tap_ok(has(uid) && has("Groups:\t \n"), "the %s is not root", objects[i]);
		tap_ok(has("CapPrm:\t0000000000000000") && has("CapEff:\t0000000000000000") && has("CapBnd:\t0000000000000000"),
		       "the %s has no capability, nor can it have one", objects[i]);
		tap_ok(has("NoNewPrivs:\t1") && has("Seccomp:\t2"), "the %s has a filter of system calls, and gets no new rights", objects[i]);
	}
	status_of(service, &text);
	const char *line = strstr(buffer_text(&text), "CapBnd:\t");
	unsigned long long bound = line != NULL ? strtoull(line + strlen("CapBnd:\t"), NULL, 16) : ~0ull;
	tap_ok((bound & ~0x2011e2ull) == 0 && has("NoNewPrivs:\t1"), "the parent keeps few capabilities: %llx", bound);
}

static void users_test(void)
{
	struct stat status;
	tap_ok(stat(CONTROL_SOCKET, &status) == 0 && (status.st_mode & 07777) == 0660 && status.st_gid == SERVE_GID,
	       "the socket is for root and the group");
	tap_ok(act_ask() == 0, "root is answered");
	tap_ok(as_user(1000, SERVE_GID, act_ask) == 0, "the group is answered");
	tap_ok(as_user(1000, 1000, act_ask) == 1, "another user is refused, with a message");
	chmod(CONTROL_SOCKET, 0666);
	tap_ok(as_user(1000, 1000, act_ask) == 1, "also when the socket lets everybody in");
	chmod(CONTROL_SOCKET, 0660);
}

/* --- Clients that behave badly --- */

static int client_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = CONTROL_SOCKET};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool hangs_up(int fd)
{
	char byte[4096];
	ssize_t got;
	/* What it says first, then its end. */
	while ((got = recv(fd, byte, sizeof byte, 0)) > 0 || (got < 0 && errno == ECONNRESET))
		;
	return got == 0;
}

static void clients_test(void)
{
	static int clients[1000];
	static const struct timeval patience = {10, 0};
	unsigned ended = 0;
	int fd = client_connect();
	tap_ok(send(fd, "CRD1", 4, 0) == 4 && hangs_up(fd), "half a message is hung up on");
	close(fd);
	static char large[200000];
	fd = client_connect();
	tap_ok(send(fd, large, sizeof large, MSG_NOSIGNAL) < 0 || hangs_up(fd), "one that is too large too");
	close(fd);
	int64_t begin = tap_now();
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++) {
		clients[i] = client_connect();
		setsockopt(clients[i], SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	}
	int64_t connected = tap_now();
	tap_ok(connected - begin < 8000, "1,000 silent clients come in %lld ms", (long long)(connected - begin));
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++)
		ended += hangs_up(clients[i]);
	tap_ok(ended == ARRAY_LENGTH(clients) && tap_now() - connected < 8000, "all are hung up on, after %lld ms", (long long)(tap_now() - connected));
	for (size_t i = 0; i < ARRAY_LENGTH(clients); i++)
		close(clients[i]);
	tap_ok(act_ask() == 0, "and who asks then is answered");
}

static void noise_test(void)
{
	long control = pid_of("control");
	uint64_t seed = tap_seed() | 1;
	for (unsigned round = 0; round < 1000; round++) {
		uint64_t noise[32];
		for (size_t i = 0; i < ARRAY_LENGTH(noise); i++)
			noise[i] = seed = seed * 6364136223846793005u + 1442695040888963407u;
		uint32_t head[4] = {MESSAGE_MAGIC, (uint32_t)(noise[0] % (MESSAGE_TYPES + 1)), (uint32_t)(noise[1] >> 32) % 9, (uint32_t)(noise[2] >> 32) % 9};
		memcpy(noise, head, sizeof head);
		int fd = client_connect();
		(void)send(fd, noise, 16 + (noise[3] >> 32) % 200, MSG_NOSIGNAL);
		close(fd);
	}
	tap_ok(pid_of("control") == control, "1,000 random messages: the same control child answers");
}

/* --- Children that die, lie or hang --- */

static int descriptor_take(pid_t pid, int fd)
{
	int process = (int)syscall(SYS_pidfd_open, pid, 0);
	int taken = (int)syscall(SYS_pidfd_getfd, process, fd, 0);
	close(process);
	return taken;
}

struct successor {
	const char *object;
	long before;
};

static bool successor_there(void *context)
{
	const struct successor *successor = context;
	long now = pid_of(successor->object);
	return now > 0 && now != successor->before;
}

/* As the child that is there now; false while it is not yet what it is to be, and has no channel. */
static int channel_take(struct successor *successor)
{
	successor->before = pid_of(successor->object);
	return successor->before > 0 ? descriptor_take((pid_t)successor->before, 3) : -1;
}

static bool rubbish_sent(void *context)
{
	int channel = channel_take(context);
	bool sent = channel >= 0 && send(channel, "no message", 10, MSG_NOSIGNAL) == 10;
	close(channel);
	return sent;
}

static bool order_sent(void *context)
{
	static const struct message_settings wrong = {.mode = "secure"};
	int channel = channel_take(context);
	bool sent = channel >= 0 && message_send(channel, MESSAGE_SETTINGS, &wrong, sizeof wrong, NULL, 0) == 0;
	close(channel);
	return sent;
}

static void children_test(void)
{
	static const char *const objects[] = {"collector", "control"};
	for (size_t i = 0; i < ARRAY_LENGTH(objects); i++) {
		struct successor successor = {objects[i], pid_of(objects[i])};
		kill((pid_t)successor.before, SIGKILL);
		tap_ok(eventually(successor_there, &successor), "a %s that is killed is started again", objects[i]);
		tap_ok(eventually(rubbish_sent, &successor), "as the %s, something is sent that is no message", objects[i]);
		tap_ok(eventually(successor_there, &successor), "that %s is ended, and another is started", objects[i]);
		tap_ok(eventually(order_sent, &successor), "as the %s, a message that only the parent sends", objects[i]);
		tap_ok(eventually(successor_there, &successor), "that %s is ended too", objects[i]);
	}
	tap_ok(kill(service, 0) == 0 && contained(), "the parent lives on, and the policy is in force");
	tap_ok(serve_said("sends what it must not"), "it was said");
}

static bool file_has(void *context)
{
	return log_has(context);
}

static void drops_test(void)
{
	for (unsigned i = 0; i < 5; i++)
		(void)contained();
	int status = serve_end(service, SIGTERM);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "SIGTERM: exit code 0");
	tap_ok(serve_orphans(5000) == 0, "no child is left");
	tap_ok(access(CONTROL_SOCKET, F_OK) != 0, "nor the socket");
	tap_ok(contained(), "the kernel's rules stand");
	tap_ok(eventually(file_has, (char[]){"203.0.113.9"}) && has(" 9999 ") && has("web") && has("\"Drop the rest\"") && has("shut"),
	       "the drops are in the log, with policy, rule and filter list");
	struct stat file;
	tap_ok(stat(drops_log, &file) == 0 && file.st_uid == SERVE_UID && (file.st_mode & 07) == 0, "which belongs to the collector");
	buffer_clear(&text);
	lab_enter(lab, LAB_SERVER);
	tap_ok(serve_cordon((const char *const[]){"status", NULL}, &text) == EXIT_DONE && has("cordond: not running"),
	       "cordon status: not running");
	buffer_clear(&text);
	tap_ok(serve_cordon((const char *const[]){"config", "set", "ipsecdiagnostics=7", "--now", NULL}, &text) == 0 && has("cordond has not taken them"),
	       "cordon config set --now says that nobody takes it");
	lab_leave(lab);
}

/* Another group, and a log that is rotated: within the sandbox. */
static void rotation_test(void)
{
	config_write("{\"logsize\": 4096, \"logfiles\": 3, \"nfloggroup\": 77, \"user\": \"nobody\", \"logfolder\": \"/var/log/other\"}");
	/* Rules that are in force keep the group that they were made with. */
	tap_ok(lab_nft(lab, LAB_SERVER, "delete table inet cordon", NULL), "somebody takes our table away");
	start();
	tap_ok(serve_ready() && contained(), "with another configuration the service starts, and contains");
	for (unsigned i = 0; i < 60; i++)
		(void)contained();
	serve_end(service, SIGTERM);
	(void)serve_orphans(5000);
	struct stat file;
	tap_ok(stat("/var/log/other/drops.log.1", &file) == 0 && file.st_uid == 65534 && file.st_size < 2 * 4096, "the log was rotated");
	tap_ok(access("/var/log/other/drops.log.3", F_OK) != 0, "and no more files are kept than were asked for");
	tap_ok(!serve_said("by its sandbox"), "no child has met the end of its sandbox");
	remove("/etc/cordon/cordond.json");
}

/* --- The manager --- */

static int manager = -1;

/* What it was told within so many ms. */
static void manager_hear(int milliseconds)
{
	char bytes[4096];
	buffer_clear(&text);
	for (int64_t begin = tap_now(); tap_now() - begin < milliseconds; serve_pause(5)) {
		ssize_t got = recv(manager, bytes, sizeof bytes, MSG_DONTWAIT);
		if (got > 0) {
			buffer_add(&text, bytes, (size_t)got);
			buffer_add_char(&text, '\n');
		}
	}
}

static void manager_test(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "/run/notify"};
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	tap_ok(bind(manager, (const struct sockaddr *)&address, sizeof address) == 0, "a manager");
	setenv("NOTIFY_SOCKET", address.sun_path, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	start();
	(void)serve_ready();
	manager_hear(2000);
	const char *ready = strstr(buffer_text(&text), "READY=1"), *secure = strstr(buffer_text(&text), "STATUS=secure");
	tap_ok(ready != NULL && secure != NULL && secure < ready, "READY=1 comes after the driver has decided");
	tap_ok(has("WATCHDOG=1"), "and signs of life after it");
	pid_t control = (pid_t)pid_of("control");
	kill(control, SIGSTOP);
	manager_hear(2000);
	manager_hear(2000);
	tap_ok(!has("WATCHDOG=1"), "none while a child hangs");
	kill(control, SIGCONT);
	manager_hear(2000);
	tap_ok(has("WATCHDOG=1"), "and again when it goes on");
	kill(service, SIGHUP);
	tap_ok(act_ask() == 0, "SIGHUP does not end it");
	int status = serve_end(service, SIGTERM);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "SIGTERM: exit code 0");
	manager_hear(200);
	tap_ok(has("STOPPING=1"), "STOPPING=1 is said");
	close(manager);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	(void)serve_orphans(5000);
}

/* --- Crash, and into the background --- */

static void crash_test(void)
{
	start();
	(void)serve_ready();
	int status = serve_end(service, SIGKILL);
	tap_ok(WIFSIGNALED(status), "the parent is killed");
	tap_ok(serve_orphans(8000) == 0, "its children end by themselves");
	tap_ok(contained(), "the kernel's rules stand");
	start();
	tap_ok(serve_ready() && contained(), "the next one starts over it");
	(void)serve_end(service, SIGINT);
	(void)serve_orphans(5000);
}

static void background_test(void)
{
	static const char *const words[] = {CORDON_BUILD "/apps/cordond", NULL};
	lab_enter(lab, LAB_SERVER);
	buffer_clear(&text);
	int code = process_run(words, NULL, &text);
	lab_leave(lab);
	tap_ok(code == 0 && act_ask() == 0, "without --foreground it comes back when the service is there");
	serve_read("/run/cordon/cordond.lock", &text);
	pid_t pid = (pid_t)strtol(buffer_text(&text), NULL, 10);
	status_of(pid, &text);
	tap_ok(pid > 1 && has("Name:\tcordond"), "it runs in the background, as process %d", (int)pid);
	kill(pid, SIGTERM);
	tap_ok(serve_orphans(8000) == 0, "and ends by SIGTERM");
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct buffer why;
	serve_enter();
	buffer_init(&text, 1 << 24);
	buffer_init(&why, 4096);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	tap_ok(packets_make() && journal_listen(), "two packets, and a journal");
	check_test();
	start_test();
	rights_test();
	users_test();
	clients_test();
	noise_test();
	children_test();
	drops_test();
	rotation_test();
	manager_test();
	crash_test();
	background_test();
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	buffer_done(&text);
	return tap_done();
}
