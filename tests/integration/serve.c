#include "tests/integration/serve.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "core/base/attr.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"

static char log_path[128], script_path[128];

static void file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (file == NULL || fputs(text, file) < 0 || fclose(file) != 0)
		tap_skip_all("%s cannot be written: %s", path, strerror(errno));
}

static void mounts_make(void)
{
	static const char *const empty[] = {"/etc", "/run", "/var/lib", "/var/log"};
	char text[512];
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 || mount("proc", "/proc", "proc", 0, NULL) != 0)
		tap_skip_all("no mounts of our own can be made: %s", strerror(errno));
	for (size_t i = 0; i < ARRAY_LENGTH(empty); i++)
		if (mount("none", empty[i], "tmpfs", 0, "mode=755") != 0)
			tap_skip_all("%s cannot be hidden: %s", empty[i], strerror(errno));
	snprintf(text, sizeof text, "root:x:0:0::/:/bin/sh\nnobody:x:65534:65534::/:/bin/false\ncordon:x:%d:%d::/:/bin/false\n", SERVE_UID, SERVE_GID);
	file_write("/etc/passwd", text);
	snprintf(text, sizeof text, "root:x:0:\nnogroup:x:65534:\ncordon:x:%d:\n", SERVE_GID);
	file_write("/etc/group", text);
	file_write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n");
}

static int code_of(pid_t pid)
{
	int status;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Goes on in a child, which dies with its parent; the parent is done when that is. */
static void child_enter(void (*end)(int code))
{
	pid_t pid = fork();
	if (pid < 0)
		tap_skip_all("no process: %s", strerror(errno));
	if (pid > 0)
		end(code_of(pid));
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

void serve_enter(void)
{
	if (geteuid() != 0)
		tap_skip_all("the service needs root");
	if (access(CORDON_BUILD "/apps/cordond", X_OK) != 0 || access(CORDON_BUILD "/apps/cordon", X_OK) != 0)
		tap_skip_all("the programs are not there");
	/* Made, and taken away whatever ends it, by the first process: the others die with it. */
	const char *folder = process_folder();
	if (folder == NULL)
		tap_skip_all("no folder can be made");
	child_enter(exit);
	if (unshare(CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET) != 0)
		tap_skip_all("no namespaces of our own: %s", strerror(errno));
	/* The second can make no more processes when the third, the first of its namespace, has ended. */
	child_enter(_exit);
	mounts_make();
	snprintf(log_path, sizeof log_path, "%s/cordond.log", folder);
	snprintf(script_path, sizeof script_path, "%s/script.netsh", folder);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("JOURNAL_STREAM");
	unsetenv("CORDON_STORE");
}

const char *serve_log(void)
{
	return log_path;
}

pid_t serve_start(void)
{
	static const char *const words[] = {CORDON_BUILD "/apps/cordond", "--foreground", NULL};
	int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	pid_t pid = process_start(words, log, log);
	close(log);
	return pid;
}

void serve_pause(int milliseconds)
{
	struct timespec time = {milliseconds / 1000, (long)(milliseconds % 1000) * 1000000};
	while (nanosleep(&time, &time) != 0 && errno == EINTR)
		;
}

bool serve_ask(struct buffer *answer)
{
	buffer_clear(answer);
	return control_ask(CONTROL_SOCKET, MESSAGE_STATUS, NULL, answer) == 0;
}

bool serve_ready(void)
{
	struct buffer answer;
	buffer_init(&answer, 1 << 20);
	bool good = false;
	for (int64_t start = tap_now(); !good && tap_now() - start < 10000; good = serve_ask(&answer))
		serve_pause(5);
	buffer_done(&answer);
	return good;
}

long serve_number(const struct buffer *answer, const char *object, const char *key)
{
	char name[64];
	snprintf(name, sizeof name, "\"%s\": {", object);
	const char *at = strstr(buffer_text(answer), name);
	snprintf(name, sizeof name, "\"%s\": ", key);
	at = at != NULL ? strstr(at, name) : NULL;
	return at != NULL ? strtol(at + strlen(name), NULL, 10) : -1;
}

pid_t serve_child(pid_t parent, const char *name)
{
	char path[64];
	struct buffer children, comm;
	pid_t found = 0;
	buffer_init(&children, 4096);
	buffer_init(&comm, 4096);
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
	serve_read(path, &children);
	char *end;
	for (const char *at = buffer_text(&children); found == 0; at = end) {
		long pid = strtol(at, &end, 10);
		if (end == at)
			break;
		snprintf(path, sizeof path, "/proc/%ld/comm", pid);
		serve_read(path, &comm);
		if (strncmp(buffer_text(&comm), name, strlen(name)) == 0)
			found = (pid_t)pid;
	}
	buffer_done(&comm);
	buffer_done(&children);
	return found;
}

int serve_end(pid_t pid, int signal_number)
{
	int status;
	kill(pid, signal_number);
	for (int64_t start = tap_now(); tap_now() - start < 10000; serve_pause(2)) {
		pid_t ended = waitpid(pid, &status, WNOHANG);
		if (ended != 0)
			return ended == pid ? status : -1;
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	return -1;
}

unsigned serve_orphans(int milliseconds)
{
	/* All that is left of the service has our own process for a parent; so have others, that the test started: they
	 * are reaped by it, by their numbers, before this is called. */
	unsigned left = 1;
	for (int64_t start = tap_now(); left > 0 && tap_now() - start < milliseconds; serve_pause(2)) {
		pid_t ended = waitpid(-1, NULL, WNOHANG);
		left = ended < 0 && errno == ECHILD ? 0 : 1;
	}
	return left;
}

void serve_read(const char *path, struct buffer *text)
{
	char bytes[4096];
	ssize_t got;
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	buffer_clear(text);
	while (fd >= 0 && (got = read(fd, bytes, sizeof bytes)) > 0)
		buffer_add(text, bytes, (size_t)got);
	if (fd >= 0)
		close(fd);
}

bool serve_said(const char *text)
{
	struct buffer log;
	buffer_init(&log, 1 << 24);
	serve_read(log_path, &log);
	bool found = strstr(buffer_text(&log), text) != NULL;
	buffer_done(&log);
	return found;
}

int serve_cordon(const char *const words[], struct buffer *output)
{
	const char *all[16] = {CORDON_BUILD "/apps/cordon"};
	for (size_t i = 0; words[i] != NULL && i + 2 < ARRAY_LENGTH(all); i++)
		all[i + 1] = words[i];
	return process_run(all, output, output);
}

bool serve_script(const char *text)
{
	struct buffer output;
	buffer_init(&output, 1 << 20);
	file_write(script_path, text);
	int code = serve_cordon((const char *const[]){"netsh", "-f", script_path, NULL}, &output);
	if (code != 0)
		tap_note("netsh -f: exit code %d: %s", code, buffer_text(&output));
	buffer_done(&output);
	return code == 0;
}
