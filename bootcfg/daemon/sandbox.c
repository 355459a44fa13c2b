#include "bootcfg/daemon/sandbox.h"

#include <cap-ng.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/landlock.h>
#include <seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "core/base/error.h"

static int refused(struct diag *diag, const char *what)
{
	diag_error(diag, NULL, "%s: %s", what, strerror(errno));
	return ERROR_SYSTEM;
}

/* --- Landlock, by its system calls: the C library has no functions for it --- */

/* Newer than the header that we are built with, perhaps. */
#define RIGHT(bit) (UINT64_C(1) << (bit))
enum {
	RIGHT_WRITE_FILE = 1, RIGHT_READ_FILE = 2, RIGHT_READ_DIR = 3, RIGHT_REMOVE_FILE = 5, RIGHT_MAKE_REG = 8,
	RIGHT_TRUNCATE = 14,
};
struct landlock_attr {
	uint64_t files, net, scoped;
};
/* All that each version of the interface can take away. */
static const struct {
	int version;
	struct landlock_attr all;
} landlock_versions[] = {
	{6, {RIGHT(16) - 1, 3, 3}},  /* signals to others, abstract sockets */
	{5, {RIGHT(16) - 1, 3, 0}},  /* ioctl of devices */
	{4, {RIGHT(15) - 1, 3, 0}},  /* TCP */
	{3, {RIGHT(15) - 1, 0, 0}},  /* truncate */
	{2, {RIGHT(14) - 1, 0, 0}},  /* linking across folders */
	{1, {RIGHT(13) - 1, 0, 0}},
};

static int landlock_version(void)
{
	long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	return version > 0 ? (int)version : 0;
}

static int landlock_enter(const struct sandbox *sandbox, struct diag *diag)
{
	int version = landlock_version();
	struct landlock_attr attr = {0, 0, 0};
	for (size_t i = 0; i < ARRAY_LENGTH(landlock_versions) && attr.files == 0; i++)
		if (version >= landlock_versions[i].version)
			attr = landlock_versions[i].all;
	if (attr.files == 0) {
		diag_warning(diag, "sandbox", NULL, "this kernel has no Landlock: files are guarded by their owners only");
		return 0;
	}
	int fd = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (fd < 0)
		return refused(diag, "Landlock");
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = attr.files & (RIGHT(RIGHT_WRITE_FILE) | RIGHT(RIGHT_READ_FILE) | RIGHT(RIGHT_READ_DIR) |
						RIGHT(RIGHT_REMOVE_FILE) | RIGHT(RIGHT_MAKE_REG) | RIGHT(RIGHT_TRUNCATE)),
		.parent_fd = sandbox->folder,
	};
	int error = 0;
	if (sandbox->folder >= 0 && syscall(SYS_landlock_add_rule, fd, LANDLOCK_RULE_PATH_BENEATH, &beneath, 0) != 0)
		error = refused(diag, "Landlock, the folder of the log");
	if (error == 0 && syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		error = refused(diag, "Landlock");
	(void)close(fd);
	return error;
}

/* --- seccomp --- */

#define COLLECTOR (1u << SANDBOX_COLLECTOR)
#define CONTROL (1u << SANDBOX_CONTROL)
#define BOTH (COLLECTOR | CONTROL)

/* What a call may be given: nothing said, anything. */
enum call_limit { LIMIT_NONE, LIMIT_NOT_EXEC, LIMIT_UNIX, LIMIT_SELF, LIMIT_IFNAME, LIMIT_REFUSED };

struct call {
	const char *name;
	unsigned kinds;
	enum call_limit limit;
};

static const struct call calls[] = {
	/* the loop */
	{"epoll_wait", BOTH, 0}, {"epoll_pwait", BOTH, 0}, {"epoll_pwait2", BOTH, 0}, {"epoll_ctl", BOTH, 0},
	{"poll", BOTH, 0}, {"ppoll", BOTH, 0}, {"read", BOTH, 0}, {"write", BOTH, 0}, {"close", BOTH, 0},
	{"timerfd_settime", BOTH, 0}, {"clock_gettime", BOTH, 0}, {"gettimeofday", BOTH, 0}, {"time", BOTH, 0},
	{"restart_syscall", BOTH, 0}, {"recvmsg", BOTH, 0}, {"recvfrom", BOTH, 0}, {"sendmsg", BOTH, 0},
	/* the C library */
	{"brk", BOTH, 0}, {"mmap", BOTH, LIMIT_NOT_EXEC}, {"mprotect", BOTH, LIMIT_NOT_EXEC}, {"munmap", BOTH, 0},
	{"mremap", BOTH, 0}, {"madvise", BOTH, 0}, {"futex", BOTH, 0}, {"getrandom", BOTH, 0}, {"getpid", BOTH, 0},
	{"gettid", BOTH, 0}, {"rt_sigreturn", BOTH, 0}, {"rt_sigprocmask", BOTH, 0}, {"rt_sigaction", BOTH, 0},
	{"tgkill", BOTH, LIMIT_SELF}, {"alarm", BOTH, 0}, {"setitimer", BOTH, 0}, {"exit", BOTH, 0}, {"exit_group", BOTH, 0}, {"fstat", BOTH, 0}, {"writev", BOTH, 0},
	{"prctl", BOTH, LIMIT_REFUSED}, {"ioctl", CONTROL, LIMIT_REFUSED}, {"ioctl", COLLECTOR, LIMIT_IFNAME},
	/* the control socket */
	{"accept4", CONTROL, 0}, {"getsockopt", CONTROL, 0}, {"shutdown", CONTROL, 0},
	/* the log: files by the descriptor of their folder */
	{"openat", COLLECTOR, 0}, {"newfstatat", COLLECTOR, 0}, {"statx", COLLECTOR, 0}, {"fstatfs", COLLECTOR, 0},
	{"renameat", COLLECTOR, 0}, {"renameat2", COLLECTOR, 0}, {"unlinkat", COLLECTOR, 0}, {"ftruncate", COLLECTOR, 0},
	{"fallocate", COLLECTOR, 0}, {"fsync", COLLECTOR, 0}, {"fdatasync", COLLECTOR, 0}, {"lseek", COLLECTOR, 0},
	{"pread64", COLLECTOR, 0}, {"pwrite64", COLLECTOR, 0}, {"getdents64", COLLECTOR, 0}, {"fcntl", COLLECTOR, 0},
	{"fchmod", COLLECTOR, 0}, {"flock", COLLECTOR, 0}, {"dup", COLLECTOR, 0}, {"uname", COLLECTOR, 0}, {"readv", COLLECTOR, 0},
	{"recvmmsg", COLLECTOR, 0}, {"getsockopt", COLLECTOR, 0}, {"clock_nanosleep", COLLECTOR, LIMIT_REFUSED},
	/* the journal: a datagram socket, and a sealed memory file for what is long */
	{"socket", COLLECTOR, LIMIT_UNIX}, {"connect", COLLECTOR, 0}, {"setsockopt", COLLECTOR, 0}, {"sendto", COLLECTOR, 0},
	{"memfd_create", COLLECTOR, 0}, {"getuid", COLLECTOR, 0}, {"geteuid", COLLECTOR, 0}, {"getgid", COLLECTOR, 0},
	{"getegid", COLLECTOR, 0},
#if defined(__SANITIZE_ADDRESS__)
	{"sigaltstack", BOTH, 0}, {"sched_yield", BOTH, 0}, {"getrlimit", BOTH, 0}, {"prlimit64", BOTH, 0}, {"readlink", BOTH, 0},
	{"openat", CONTROL, LIMIT_REFUSED}, {"sched_getaffinity", BOTH, 0},
#endif
};

static int call_add(scmp_filter_ctx filter, const struct call *call)
{
	int number = seccomp_syscall_resolve_name(call->name);
	/* One that this machine, or the library, does not have cannot be called. */
	if (number == __NR_SCMP_ERROR || number < 0)
		return 0;
	switch (call->limit) {
	case LIMIT_NOT_EXEC:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	case LIMIT_UNIX:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
	case LIMIT_SELF:
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
	case LIMIT_IFNAME:
		if (seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 1, SCMP_A1(SCMP_CMP_NE, SIOCGIFNAME, 0)) != 0)
			return -EINVAL;
		return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 1, SCMP_A1(SCMP_CMP_EQ, SIOCGIFNAME, 0));
	case LIMIT_REFUSED:
		return seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), number, 0);
	case LIMIT_NONE:
		break;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, number, 0);
}

static bool seccomp_here(void)
{
	return prctl(PR_GET_SECCOMP, 0, 0, 0, 0) >= 0;
}

static int seccomp_enter(enum sandbox_kind kind, struct diag *diag)
{
	if (!seccomp_here()) {
		diag_warning(diag, "sandbox", NULL, "this kernel has no seccomp: system calls are not restricted");
		return 0;
	}
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int error = filter == NULL ? -ENOMEM : seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
	for (size_t i = 0; error == 0 && i < ARRAY_LENGTH(calls); i++)
		if ((calls[i].kinds & (1u << kind)) != 0)
			error = call_add(filter, &calls[i]);
	if (error == 0)
		error = seccomp_load(filter);
	if (filter != NULL)
		seccomp_release(filter);
	errno = -error;
	return error == 0 ? 0 : refused(diag, "seccomp");
}

/* --- Users and capabilities --- */

static int capabilities_set(capng_select_t which, struct diag *diag)
{
	if (capng_apply(which) == 0)
		return 0;
	diag_error(diag, NULL, "capabilities cannot be given up");
	return ERROR_SYSTEM;
}

static int ids_drop(const struct sandbox *sandbox, struct diag *diag)
{
	if (geteuid() != 0)
		return 0;
	if (sandbox->uid == 0) {
		diag_error(diag, NULL, "a child of the service must not run as root");
		return ERROR_BUG;
	}
	capng_clear(CAPNG_SELECT_BOTH);
	/* The bounding set first: it takes a capability to reduce it. */
	int error = capabilities_set(CAPNG_SELECT_BOUNDS, diag);
	if (error == 0 && (setgroups(0, NULL) != 0 || setresgid(sandbox->gid, sandbox->gid, sandbox->gid) != 0 ||
			   setresuid(sandbox->uid, sandbox->uid, sandbox->uid) != 0))
		error = refused(diag, "the user of the children");
	if (error == 0 && (setresuid(0, 0, 0) == 0 || getuid() != sandbox->uid)) {
		diag_error(diag, NULL, "root can be had back: this is no sandbox");
		error = ERROR_SYSTEM;
	}
	return error;
}

static int privileges_drop(const struct sandbox *sandbox, struct diag *diag)
{
	int error = ids_drop(sandbox, diag);
	capng_clear(CAPNG_SELECT_BOTH);
	if (error == 0)
		error = capabilities_set(CAPNG_SELECT_CAPS, diag);
	if (error == 0 && capng_get_caps_process() == 0 && capng_have_capabilities(CAPNG_SELECT_CAPS) != CAPNG_NONE) {
		diag_error(diag, NULL, "a capability is left over: this is no sandbox");
		error = ERROR_SYSTEM;
	}
	if (error == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		error = refused(diag, "no_new_privs");
	/* Set now: a change of user clears it.  The parent may be gone already: then the end of its channel tells. */
	if (error == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM, 0, 0, 0) != 0)
		error = refused(diag, "the signal of the parent's death");
	/* No core files, no debugger of the same user, no processes. */
	static const struct rlimit none = {0, 0};
	if (error == 0 && (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 || setrlimit(RLIMIT_CORE, &none) != 0 ||
			   setrlimit(RLIMIT_NPROC, &none) != 0))
		error = refused(diag, "limits");
	return error;
}

int sandbox_enter(const struct sandbox *sandbox, struct diag *diag)
{
	int error = privileges_drop(sandbox, diag);
	if (error == 0)
		error = landlock_enter(sandbox, diag);
	return error == 0 ? seccomp_enter(sandbox->kind, diag) : error;
}

/* NET_ADMIN: netlink.  SYS_ADMIN: the scratch namespace in which rules are tried.  SETUID, SETGID, SETPCAP: children
 * that give up root.  KILL: children that do not end.  DAC_OVERRIDE: a store, or leases, that root does not own. */
static const unsigned parent_keeps[] = {CAP_NET_ADMIN, CAP_SYS_ADMIN, CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL, CAP_DAC_OVERRIDE};

int sandbox_parent(struct diag *diag)
{
	bool has[ARRAY_LENGTH(parent_keeps)];
	if (capng_get_caps_process() != 0) {
		diag_error(diag, NULL, "the capabilities of this process cannot be read");
		return ERROR_SYSTEM;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(parent_keeps); i++)
		has[i] = capng_have_capability(CAPNG_PERMITTED, parent_keeps[i]) != 0;
	bool reduces = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
	capng_clear(CAPNG_SELECT_BOTH);
	for (size_t i = 0; i < ARRAY_LENGTH(parent_keeps); i++)
		if (has[i])
			(void)capng_update(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED | CAPNG_BOUNDING_SET, parent_keeps[i]);
	int error = capabilities_set(reduces ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS, diag);
	if (error == 0 && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		error = refused(diag, "no_new_privs");
	return error;
}

void sandbox_describe(struct buffer *buffer)
{
	int version = landlock_version();
	buffer_add_text(buffer, seccomp_here() ? "seccomp" : "no seccomp");
	if (version > 0)
		buffer_printf(buffer, ", Landlock (version %d)", version);
	else
		buffer_add_text(buffer, ", no Landlock");
}
