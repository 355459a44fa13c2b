#include "apps/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"

/* All that reading, computing and writing to what is open already needs; all else fails with EPERM. */
static const char *const calls[] = {
	"read", "readv", "pread64", "write", "writev", "close", "lseek", "fstat", "stat", "lstat", "newfstatat", "statx", "fcntl", "dup",
	"dup2", "dup3", "getdents64", "getdents", "poll", "ppoll", "select", "pselect6", "mmap", "munmap", "mremap", "madvise",
	"mprotect", "brk", "futex", "clone", "clone3", "set_robust_list", "rseq", "set_tid_address", "sched_yield", "sched_getaffinity",
	"exit", "exit_group", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "clock_gettime", "clock_nanosleep",
	"nanosleep", "gettimeofday", "time", "getrandom", "getpid", "gettid", "getuid", "geteuid", "getgid", "getegid", "getrlimit",
	"getcwd", "readlink", "readlinkat", "access", "faccessat", "faccessat2", "uname", "sysinfo", "prctl", "arch_prctl",
	"restart_syscall", "fadvise64", "fsync", "getrusage", "timerfd_create", "timerfd_settime", "setitimer", "ftruncate",
};

/* What would be harmless with other arguments only: a terminal is asked and not typed into (TIOCSTI), limits are read, and
 * signals go to this process. */
static void calls_limit_arguments(scmp_filter_ctx filter)
{
	static const scmp_datum_t asked[] = {TCGETS, TIOCGWINSZ, FIONREAD};
	for (size_t i = 0; i < ARRAY_LENGTH(asked); i++)
		(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1, SCMP_A1(SCMP_CMP_EQ, asked[i]));
	(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A2(SCMP_CMP_EQ, 0));
	(void)seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

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
	calls_limit_arguments(filter);
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

/* --- Signals --- */

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

/* The signal that came, or 0; and the process that it is passed on to. */
static volatile sig_atomic_t came, reader;

/* The first one ends the process that reads.  timeout(1) sends two of each; a third ends this process as well, whatever is
 * left behind. */
static void signal_note(int number)
{
	if (came == number)
		(void)signal(number, SIG_DFL);
	came = number;
	if (reader > 0)
		(void)kill((pid_t)reader, number);
}

void confine_hold(void)
{
	struct sigaction action = {.sa_handler = signal_note}, before;
	sigemptyset(&action.sa_mask);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == SIG_DFL)
			(void)sigaction(signals[i], &action, NULL);
}

void confine_end(void)
{
	if (came == 0)
		return;
	(void)signal((int)came, SIG_DFL);
	(void)raise((int)came);
}

/* The process that reads ends by them as any does, unless the command takes them itself. */
static void signals_leave(void)
{
	struct sigaction before;
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler == signal_note)
			(void)signal(signals[i], SIG_DFL);
}

/* --- The other process --- */

static int child_wait(struct invocation *invocation, pid_t child)
{
	int status;
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_SYSTEM;
	reader = 0;
	if (WIFEXITED(status) && came == 0)
		return WEXITSTATUS(status);
	if (WIFSIGNALED(status) && (WTERMSIG(status) == SIGINT || WTERMSIG(status) == SIGTERM || WTERMSIG(status) == SIGHUP))
		came = WTERMSIG(status);
	if (came != 0)
		return EXIT_SYSTEM;
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGBUS) {
		diag_error(invocation->diag, NULL, "a log cannot be read to its end: it became shorter, or its disk failed, while it was read");
		return EXIT_SYSTEM;
	}
	diag_error(invocation->diag, NULL, "the process that reads the logs was ended by signal %d: this is a bug of Cordon's", WTERMSIG(status));
	return EXIT_BUG;
}

/* No signal comes between the look whether one has and the note of whom the next is for. */
static pid_t child_make(void)
{
	sigset_t set, before;
	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LENGTH(signals); i++)
		sigaddset(&set, signals[i]);
	(void)sigprocmask(SIG_BLOCK, &set, &before);
	pid_t child = fork();
	if (child > 0) {
		reader = child;
		if (came != 0)
			(void)kill(child, (int)came);
	} else if (child == 0) {
		signals_leave();
	}
	(void)sigprocmask(SIG_SETMASK, &before, NULL);
	return child;
}

int confine_run(struct invocation *invocation, int output, int (*work)(struct invocation *invocation, void *context), void *context)
{
	if (!invocation_flush(invocation))
		return EXIT_SYSTEM;
	confine_hold();
	pid_t child = child_make();
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
