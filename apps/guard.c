#include "apps/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* What goes over the socket: the guard's first words, then one letter from the program that applies. */
struct ready {
	int64_t pid, start;
};
enum { LETTER_ARM = 'A', LETTER_DISMISS = 'D' };

enum {
	READY_SECONDS = 10,
	RETRY_SECONDS = 1,     /* after a kernel or a store that refused */
	STORE_TRIES = 3,       /* before the kernel is put back without the store */
	CONTROL = 3,           /* the descriptor of the socket in the guard */
};

/* The guard's own memory. */
struct watch {
	const struct former *former;
	char *store;                  /* absolute path */
	int64_t deadline;             /* ms of CLOCK_BOOTTIME */
	int control, timer, signals;
	unsigned failed;              /* tries that the store refused */
	bool kernel_done;             /* put back without the store */
};

/* --- Its own process --- */

static void file_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (write(fd, text, strlen(text)) < 0)
		errno = 0; /* what cannot be had here is done without */
	close(fd);
}

/* systemd ends all processes of a session or unit when that ends: the guard is to outlive them.  And it spares those
 * whose command line begins with @ when the machine goes down, instead of waiting for them. */
static void manager_leave(void)
{
	char pid[24];
	if (access("/run/systemd/system", F_OK) != 0)
		return;
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	file_put("/sys/fs/cgroup/cgroup.procs", pid);
	file_put("/sys/fs/cgroup/unified/cgroup.procs", pid);
	file_put("/sys/fs/cgroup/systemd/cgroup.procs", pid);
	program_invocation_name[0] = '@';
}

/* What is wanted at the deadline is there, however short of memory the machine is.  Under a limit, memory to come is not
 * locked: it would be refused instead. */
static void memory_lock(void)
{
	struct rlimit limit = {.rlim_cur = RLIM_INFINITY, .rlim_max = RLIM_INFINITY};
	bool free_of_limits = setrlimit(RLIMIT_MEMLOCK, &limit) == 0;
	(void)mlockall(free_of_limits ? MCL_CURRENT | MCL_FUTURE : MCL_CURRENT);
}

/* Nothing of the terminal, the caller's files or its locks is kept. */
static bool process_settle(struct watch *watch, int socket)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0 || dup2(socket, CONTROL) < 0)
		return false;
	for (int fd = 0; fd < CONTROL; fd++)
		if (dup2(null, fd) < 0)
			return false;
	(void)syscall(SYS_close_range, CONTROL + 1, ~0u, 0);
	watch->control = CONTROL;
	(void)fcntl(CONTROL, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, PENDING_GUARD);
	(void)signal(SIGHUP, SIG_IGN);
	(void)signal(SIGINT, SIG_IGN);
	(void)signal(SIGQUIT, SIG_IGN);
	(void)signal(SIGTERM, SIG_IGN); /* its end is confirm or rollback */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGTSTP, SIG_IGN);
	file_put("/proc/self/oom_score_adj", "-1000");
	manager_leave();
	memory_lock();
	if (chdir("/") != 0)
		return false;
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	watch->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	watch->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	return watch->signals >= 0 && watch->timer >= 0;
}

static void timer_set(struct watch *watch, int64_t milliseconds, bool from_now)
{
	if (milliseconds < 1)
		milliseconds = 1;
	struct itimerspec until = {.it_value = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000}};
	(void)timerfd_settime(watch->timer, from_now ? 0 : TFD_TIMER_ABSTIME, &until, NULL);
}

static int64_t self_start(void)
{
	char text[1024];
	int fd = open("/proc/self/stat", O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text) - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	const char *at = strrchr(text, ')');
	for (int field = 2; field < 22 && at != NULL; field++) {
		at = strchr(at, ' ');
		at += at != NULL;
	}
	uint64_t start = 0;
	struct cursor cursor = cursor_text(at != NULL ? at : "");
	(void)cursor_number(&cursor, INT64_MAX, &start);
	return (int64_t)start;
}

/* --- What it does --- */

/* A fresh invocation, since nobody reads what the guard says: records and the journal do. */
struct errand {
	struct invocation invocation;
	struct diag diag;
	struct buffer output;
	struct visit visit;
};

static int errand_begin(struct errand *errand, const struct watch *watch, enum store_access access)
{
	diag_init(&errand->diag);
	buffer_init(&errand->output, 65536);
	errand->invocation = (struct invocation){.store = watch->store, .diag = &errand->diag, .output = &errand->output, .quiet = true};
	errand->visit = (struct visit){.invocation = &errand->invocation};
	return store_open(watch->store, access, &errand->diag, &errand->visit.store);
}

static void errand_end(struct errand *errand)
{
	visit_done(&errand->visit);
	buffer_done(&errand->output);
	diag_done(&errand->diag);
}

enum found { FOUND_NOTHING, FOUND_MINE, FOUND_UNKNOWN };

/* The row of this guard. */
static enum found row_find(const struct watch *watch, struct pending *ret_pending)
{
	struct errand errand;
	bool present = false;
	int error = errand_begin(&errand, watch, STORE_READ);
	if (error == 0 && !visit_store_exists(&errand.invocation))
		error = ERROR_NOT_FOUND; /* removed: that is no confirmation */
	if (error == 0)
		error = store_pending(errand.visit.store, &errand.diag, &present, ret_pending);
	errand_end(&errand);
	if (error < 0)
		return FOUND_UNKNOWN;
	return present && ret_pending->pid == getpid() && ret_pending->guard_start == self_start() ? FOUND_MINE : FOUND_NOTHING;
}

/* why NULL: its time is over.  False: to be tried again.  A store that cannot be had must not keep the owner out: after some tries the kernel is put
 * back without it, and the store whenever it can be had again. */
static bool change_restore(struct watch *watch, const char *why)
{
	static const char *const words[] = {
		[PENDING_CONFIRM] = "guard: not confirmed in time",
		[PENDING_FOR] = "guard: the time of --for is over",
	};
	struct errand errand;
	struct pending pending;
	enum found found = row_find(watch, &pending);
	if (found == FOUND_NOTHING)
		return true;
	int error = ERROR_SYSTEM;
	if (found == FOUND_MINE) {
		error = errand_begin(&errand, watch, STORE_WRITE);
		if (error == 0)
			error = former_restore(&errand.visit, &pending, watch->former, why != NULL ? why : words[pending.kind]);
		errand_end(&errand);
	}
	if (error == 0 || error == ERROR_NOT_FOUND)
		return true;
	if (++watch->failed >= STORE_TRIES && !watch->kernel_done)
		watch->kernel_done = former_force(watch->former, NULL) == 0;
	return watch->kernel_done && access(watch->store, F_OK) != 0;
}

/* What the store says now; its deadline is taken over. */
static enum found change_look(struct watch *watch)
{
	struct pending pending;
	enum found found = row_find(watch, &pending);
	if (found == FOUND_MINE && pending.deadline_boottime != watch->deadline) {
		watch->deadline = pending.deadline_boottime;
		timer_set(watch, watch->deadline, false);
	}
	return found;
}

/* The program that applies has spoken, or died without a word: then it may have stopped half-way. */
static bool control_read(struct watch *watch, bool *ret_over)
{
	char letter = 0;
	ssize_t length = recv(watch->control, &letter, 1, MSG_DONTWAIT);
	close(watch->control);
	watch->control = -1;
	*ret_over = length != 1;
	return length == 1 && letter == LETTER_DISMISS;
}

/* The deadline.  While the row is still about to be made, it waits for that. */
static bool deadline_look(struct watch *watch, enum found found)
{
	struct pending_clock clock;
	pending_clock_read(&clock);
	if (found != FOUND_MINE && watch->control >= 0) {
		timer_set(watch, RETRY_SECONDS * 1000, true);
		return false;
	}
	return clock.boottime >= watch->deadline;
}

/* Until it is done. */
static void watch_run(struct watch *watch)
{
	bool over = false, died = false; /* over: it is being taken back */
	timer_set(watch, watch->deadline, false);
	for (;;) {
		struct pollfd polls[] = {{.fd = watch->control, .events = POLLIN}, {.fd = watch->timer, .events = POLLIN},
					 {.fd = watch->signals, .events = POLLIN}};
		struct signalfd_siginfo told;
		uint64_t count;
		bool look = false;
		if (poll(polls, 3, -1) < 0)
			continue;
		if (polls[0].revents != 0) {
			if (control_read(watch, &died))
				return;
			over |= died;
			look = true;
		}
		look |= read(watch->signals, &told, sizeof(told)) > 0;
		look |= read(watch->timer, &count, sizeof(count)) > 0;
		if (look && !over) {
			/* Confirmed or taken back by somebody, or --confirm has become --for. */
			enum found found = change_look(watch);
			if (found == FOUND_NOTHING && watch->control < 0)
				return;
			over = deadline_look(watch, found);
		}
		if (over && change_restore(watch, died ? "guard: the program that applied it has died" : NULL))
			return;
		if (over)
			timer_set(watch, RETRY_SECONDS * 1000, true);
	}
}

/* --- Its start and end, in the program that applies --- */

static void guard_run(struct watch *watch, int socket)
{
	struct ready ready;
	memory_fail_at(0); /* the tests' faults are the applying program's */
	if (!process_settle(watch, socket))
		_exit(1);
	ready = (struct ready){.pid = getpid(), .start = self_start()};
	if (send(watch->control, &ready, sizeof(ready), MSG_NOSIGNAL) != (ssize_t)sizeof(ready))
		_exit(1);
	watch_run(watch);
	_exit(0);
}

/* Twice, so that nobody has to wait for it; in a session of its own. */
static bool guard_fork(struct watch *watch, int ours, int theirs)
{
	pid_t middle = fork();
	if (middle == 0) {
		close(ours);
		if (setsid() < 0)
			_exit(1);
		pid_t guard = fork();
		if (guard == 0)
			guard_run(watch, theirs);
		_exit(guard < 0);
	}
	int status = 1;
	while (middle > 0 && waitpid(middle, &status, 0) < 0 && errno == EINTR)
		;
	return middle > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Where the store is, from everywhere; it need not be there yet. */
static char *path_absolute(const char *path)
{
	if (*path == '/')
		return memory_text(path);
	char *folder = getcwd(NULL, 0);
	if (folder == NULL)
		return memory_text(path);
	struct buffer text;
	buffer_init(&text, 65536);
	buffer_printf(&text, "%s/%s", folder, path);
	char *whole = memory_text(buffer_text(&text));
	buffer_done(&text);
	free(folder);
	return whole;
}

int guard_start(struct invocation *invocation, const struct former *former, int64_t deadline_boottime, struct guard *ret_guard)
{
	int sockets[2];
	struct ready ready;
	struct watch watch = {.former = former, .deadline = deadline_boottime, .store = path_absolute(invocation->store)};
	bool good = socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sockets) == 0;
	if (good) {
		good = guard_fork(&watch, sockets[0], sockets[1]);
		close(sockets[1]);
		struct pollfd wait = {.fd = sockets[0], .events = POLLIN};
		good = good && poll(&wait, 1, READY_SECONDS * 1000) == 1 &&
		       recv(sockets[0], &ready, sizeof(ready), 0) == (ssize_t)sizeof(ready);
		if (!good)
			close(sockets[0]);
	}
	free(watch.store);
	if (!good) {
		diag_error(invocation->diag, NULL, "the guard, which would take the change back, cannot be started: %s",
			   errno != 0 ? strerror(errno) : "no answer from it");
		return ERROR_SYSTEM;
	}
	*ret_guard = (struct guard){.fd = sockets[0], .pid = ready.pid, .start = ready.start};
	return 0;
}

static void guard_tell(struct guard *guard, char letter)
{
	if (guard->fd < 0)
		return;
	(void)send(guard->fd, &letter, 1, MSG_NOSIGNAL);
	close(guard->fd);
	guard->fd = -1;
}

void guard_arm(struct guard *guard)
{
	guard_tell(guard, LETTER_ARM);
}

void guard_dismiss(struct guard *guard)
{
	guard_tell(guard, LETTER_DISMISS);
}

void guard_wake(const struct pending *pending)
{
	/* A handle first, then the look: the number cannot have become another process's in between. */
	int handle = pending->pid > 1 ? (int)syscall(SYS_pidfd_open, (pid_t)pending->pid, 0) : -1;
	if (handle < 0)
		return;
	if (pending_guarded(pending))
		(void)syscall(SYS_pidfd_send_signal, handle, SIGUSR1, NULL, 0);
	close(handle);
}
