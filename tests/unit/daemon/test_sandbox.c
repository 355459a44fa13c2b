#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/sandbox.h"
#include "core/base/error.h"

static char folder[256], file[300];
static int folder_fd = -1;

static void begin(void)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%s/cordon-sandbox-XXXXXX", temporary != NULL ? temporary : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(file, sizeof file, "%s/beside", folder);
	cr_assert_eq(mkdir(file, 0777), 0);
	cr_assert_eq(chmod(file, 0777), 0);
	cr_assert_eq(chmod(folder, 0777), 0);
	folder_fd = open(file, O_RDONLY | O_DIRECTORY);
	cr_assert_geq(folder_fd, 0);
	if (geteuid() != 0)
		cr_skip_test("needs root to give it up");
}

static void end(void)
{
	char name[320];
	snprintf(name, sizeof name, "%s/in", file);
	unlink(name);
	rmdir(file);
	rmdir(folder);
	close(folder_fd);
}

TestSuite(sandbox, .init = begin, .fini = end);

/* Runs `act` in a child within the sandbox: its exit status as of waitpid; exit code 99: no sandbox. */
static int within(enum sandbox_kind kind, int (*act)(void))
{
	int status;
	pid_t pid = fork();
	if (pid == 0) {
		const struct sandbox sandbox = {kind, 65534, 65534, kind == SANDBOX_COLLECTOR ? folder_fd : -1};
		_exit(sandbox_enter(&sandbox, NULL) != 0 ? 99 : act());
	}
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static bool exited(int status, int code)
{
	return WIFEXITED(status) && WEXITSTATUS(status) == code;
}

static bool killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
}

static int act_nothing(void)
{
	return 0;
}

static int act_fork(void)
{
	return fork() >= 0 ? 0 : 1;
}

static int act_execve(void)
{
	char *words[] = {NULL};
	return execve("/bin/true", words, words);
}

static int act_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 ? 0 : 1;
}

static int act_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW, 12) >= 0 ? 0 : 1;
}

static int act_unix(void)
{
	return socket(AF_UNIX, SOCK_DGRAM, 0) >= 0 ? 0 : 1;
}

static int act_ptrace(void)
{
	return (int)syscall(SYS_ptrace, 0, 0, 0, 0);
}

static int act_setuid(void)
{
	return (int)syscall(SYS_setuid, 0);
}

static int act_kill(void)
{
	return kill(getppid(), 0);
}

static int act_exec_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : 1;
}

static int act_memory(void)
{
	return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED ? 0 : 1;
}

static int act_abort(void)
{
	signal(SIGABRT, SIG_DFL);
	abort();
}

static int act_open(void)
{
	return openat(AT_FDCWD, "/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 ? 0 : 1;
}

static int act_interface(void)
{
	struct ifreq request = {.ifr_ifindex = 1};
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	return ioctl(fd, SIOCGIFNAME, &request) == 0 && strcmp(request.ifr_name, "lo") == 0 && ioctl(fd, SIOCGIFCONF, &request) != 0 &&
			       errno == EPERM
		       ? 0
		       : 1;
}

static int act_write_inside(void)
{
	int fd = openat(folder_fd, "in", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	return fd >= 0 && write(fd, "x", 1) == 1 && fsync(fd) == 0 && renameat(folder_fd, "in", folder_fd, "in2") == 0 &&
			       renameat(folder_fd, "in2", folder_fd, "in") == 0
		       ? 0
		       : 1;
}

static int act_write_outside(void)
{
	return openat(folder_fd, "../out", O_WRONLY | O_CREAT, 0640) >= 0 ? 0 : 1;
}

Test(sandbox, a_forbidden_call_ends_the_process)
{
	static const struct {
		const char *name;
		int (*act)(void);
		bool collector_may;
	} rows[] = {
		{"fork", act_fork, false},
		{"execve", act_execve, false},
		{"socket(AF_INET)", act_internet, false},
		{"socket(AF_NETLINK)", act_netlink, false},
		{"socket(AF_UNIX)", act_unix, true},
		{"ptrace", act_ptrace, false},
		{"setuid", act_setuid, false},
		{"kill", act_kill, false},
		{"mmap(PROT_EXEC)", act_exec_memory, false},
	};
	if (prctl(PR_GET_SECCOMP) < 0)
		cr_skip_test("no seccomp in this kernel");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		int status = within(SANDBOX_CONTROL, rows[i].act);
		cr_expect(killed(status), "control: %s: %x", rows[i].name, (unsigned)status);
		status = within(SANDBOX_COLLECTOR, rows[i].act);
		cr_expect(rows[i].collector_may ? exited(status, 0) : killed(status), "collector: %s: %x", rows[i].name, (unsigned)status);
	}
}

Test(sandbox, what_a_child_needs_it_may)
{
	for (enum sandbox_kind kind = 0; kind < SANDBOX_KINDS; kind++) {
		cr_expect(exited(within(kind, act_nothing), 0), "kind %d", (int)kind);
		cr_expect(exited(within(kind, act_memory), 0), "kind %d", (int)kind);
		int status = within(kind, act_abort);
		cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT, "kind %d dies as it should: %x", (int)kind, (unsigned)status);
	}
}

Test(sandbox, the_collector_writes_below_its_folder_and_nowhere_else)
{
	if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1)
		cr_skip_test("no Landlock in this kernel");
	cr_expect(exited(within(SANDBOX_COLLECTOR, act_write_inside), 0));
	cr_expect(exited(within(SANDBOX_COLLECTOR, act_write_outside), 1));
	cr_expect(exited(within(SANDBOX_COLLECTOR, act_open), 1), "nor does it read");
}

Test(sandbox, the_collector_learns_the_name_of_an_interface_and_no_more)
{
	cr_expect(exited(within(SANDBOX_COLLECTOR, act_interface), 0));
}

static int status_pipe[2];

/* The parent reads /proc/PID/status of the process meanwhile: within, there is no way to. */
static int act_wait(void)
{
	char byte;
	return write(status_pipe[1], "", 1) == 1 && read(status_pipe[1], &byte, 1) == 1 ? 0 : 1;
}

static void status_read(pid_t pid, char *text, size_t size)
{
	char name[64];
	snprintf(name, sizeof name, "/proc/%d/status", (int)pid);
	FILE *in = fopen(name, "r");
	cr_assert_not_null(in);
	text[fread(text, 1, size - 1, in)] = '\0';
	fclose(in);
}

static void line_expect(const char *text, const char *line)
{
	cr_expect_not_null(strstr(text, line), "no line %s in:\n%s", line, text);
}

Test(sandbox, nothing_of_root_is_left)
{
	static const char *const lines[] = {
		"\nUid:\t65534\t65534\t65534\t65534\n", "\nGid:\t65534\t65534\t65534\t65534\n", "\nGroups:\t \n",
		"\nCapInh:\t0000000000000000\n", "\nCapPrm:\t0000000000000000\n", "\nCapEff:\t0000000000000000\n",
		"\nCapBnd:\t0000000000000000\n", "\nCapAmb:\t0000000000000000\n", "\nNoNewPrivs:\t1\n", "\nSeccomp:\t2\n"};
	cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, status_pipe), 0);
	for (enum sandbox_kind kind = 0; kind < SANDBOX_KINDS; kind++) {
		char text[8192], byte;
		pid_t pid = fork();
		if (pid == 0) {
			const struct sandbox sandbox = {kind, 65534, 65534, -1};
			_exit(sandbox_enter(&sandbox, NULL) != 0 ? 99 : act_wait());
		}
		cr_assert_eq(read(status_pipe[0], &byte, 1), 1);
		status_read(pid, text, sizeof text);
		for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
			line_expect(text, lines[i]);
		cr_assert_eq(write(status_pipe[0], "", 1), 1);
		int status;
		cr_assert_eq(waitpid(pid, &status, 0), pid);
		cr_expect(exited(status, 0));
	}
}

Test(sandbox, root_is_no_user_of_a_child)
{
	struct diag diag;
	diag_init(&diag);
	const struct sandbox sandbox = {SANDBOX_CONTROL, 0, 0, -1};
	cr_expect_eq(sandbox_enter(&sandbox, &diag), ERROR_BUG);
	cr_expect_eq(diag.errors, 1);
	diag_done(&diag);
}

Test(sandbox, the_parent_keeps_seven_capabilities_at_most)
{
	char text[8192], *line;
	cr_assert_eq(sandbox_parent(NULL), 0);
	status_read(getpid(), text, sizeof text);
	/* DAC_OVERRIDE 1, KILL 5, SETGID 6, SETUID 7, SETPCAP 8, NET_ADMIN 12, SYS_ADMIN 21 */
	uint64_t allowed = 1u << 1 | 1u << 5 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 12 | 1u << 21;
	static const char *const names[] = {"\nCapPrm:\t", "\nCapEff:\t", "\nCapBnd:\t"};
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		line = strstr(text, names[i]);
		cr_assert_not_null(line);
		uint64_t set = strtoull(line + strlen(names[i]), NULL, 16);
		cr_expect_eq(set & ~allowed, 0, "%s%llx", names[i], (unsigned long long)set);
		cr_expect((set & 1u << 12) != 0, "NET_ADMIN is there");
	}
	line_expect(text, "\nNoNewPrivs:\t1\n");
}
