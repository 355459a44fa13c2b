#include "apps/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"

/* All that reading, computing and writing to what is open already needs; all else fails with EPERM. */
static const char *const calls[] = {
	"read", "readv", "pread64", "write", "writev", "close", "lseek", "fstat", "stat", "lstat", "newfstatat", "statx", "fcntl", "dup",
	"dup2", "dup3", "getdents64", "getdents", "ioctl", "poll", "ppoll", "select", "pselect6", "mmap", "munmap", "mremap", "madvise",
	"mprotect", "brk", "futex", "clone", "clone3", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
	"exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "clock_gettime", "clock_nanosleep",
	"nanosleep", "gettimeofday", "time", "getrandom", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrlimit",
	"prlimit64", "getcwd", "readlink", "readlinkat", "access", "faccessat", "faccessat2", "uname", "sysinfo", "prctl", "arch_prctl",
	"restart_syscall", "fadvise64", "fsync", "tgkill", "getrusage", "timerfd_create", "timerfd_settime", "setitimer", "ftruncate",
};

static int calls_limit(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	if (filter == NULL)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		int number = seccomp_syscall_resolve_name(calls[i]);
		if (number >= 0)
			(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
	}
	/* Opening for reading: no bit that writes, makes or cuts off. */
	const scmp_datum_t writes = O_WRONLY | O_RDWR | O_CREAT | O_TRUNC;
	(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(openat), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, writes, 0));
	(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(open), 1, SCMP_A1(SCMP_CMP_MASKED_EQ, writes, 0));
	int error = seccomp_load(filter);
	seccomp_release(filter);
	return error;
}

void confine_enter(struct invocation *invocation)
{
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || calls_limit() != 0)
		diag_warning(invocation->diag, "sandbox", NULL, "this kernel has no seccomp: the logs are read without a sandbox");
}

static int child_wait(struct invocation *invocation, pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_SYSTEM;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	if (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM) {
		(void)signal(WTERMSIG(status), SIG_DFL);
		(void)raise(WTERMSIG(status));
	}
	diag_error(invocation->diag, NULL, "the process that reads the logs was ended by signal %d: this is a bug of Cordon's", WTERMSIG(status));
	return EXIT_BUG;
}

int confine_run(struct invocation *invocation, int output, int (*work)(struct invocation *invocation, void *context), void *context)
{
	if (!invocation_flush(invocation))
		return EXIT_SYSTEM;
	pid_t child = fork();
	if (child < 0) {
		diag_error(invocation->diag, NULL, "no process to read the logs with: %s", strerror(errno));
		return EXIT_SYSTEM;
	}
	if (child > 0)
		return child_wait(invocation, child);
	if (output >= 0)
		(void)dup2(output, STDOUT_FILENO);
	confine_enter(invocation);
	int code = work(invocation, context);
	if (!invocation_flush(invocation) && invocation->failed)
		code = EXIT_SYSTEM;
	/* Not exit: what the parent has registered is the parent's. */
	_exit(code);
}
