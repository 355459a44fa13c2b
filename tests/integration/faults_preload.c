/* Preloaded into a program under test: the k-th write, fsync or rename of each of its processes fails.
 *
 *   CORDON_FAULT=write|fsync|rename   which
 *   CORDON_FAULT_AT=K                 the how-manieth; those after it fail too with CORDON_FAULT_FOREVER=1
 *   CORDON_FAULT_TOLD=FILE            is made when one has failed
 *
 * Only files count, and not the standard streams.  A write that fails has written half of it first. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_asked(const char *call)
{
	const char *asked = getenv("CORDON_FAULT");
	return asked != NULL && strcmp(asked, call) == 0;
}

static bool fails(const char *call)
{
	static atomic_ulong count;
	const char *at = getenv("CORDON_FAULT_AT"), *told = getenv("CORDON_FAULT_TOLD");
	if (!is_asked(call) || at == NULL)
		return false;
	unsigned long k = strtoul(at, NULL, 10), now = atomic_fetch_add(&count, 1) + 1;
	if (now != k && (now < k || getenv("CORDON_FAULT_FOREVER") == NULL))
		return false;
	int fd = told != NULL ? (int)syscall(SYS_openat, AT_FDCWD, told, O_WRONLY | O_CREAT | O_CLOEXEC, 0666) : -1;
	if (fd >= 0)
		syscall(SYS_close, fd);
	return true;
}

static bool is_file(int fd)
{
	struct stat status;
	return fd > STDERR_FILENO && fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* The real function of that name: a pointer to an object is made one to a function as POSIX has it. */
static void real_find(const char *name, void *ret_function)
{
	void *found = dlsym(RTLD_NEXT, name);
	memcpy(ret_function, &found, sizeof(found));
}

ssize_t write(int fd, const void *bytes, size_t length)
{
	if (!is_asked("write") || !is_file(fd) || !fails("write"))
		return syscall(SYS_write, fd, bytes, length);
	(void)syscall(SYS_write, fd, bytes, length / 2);
	errno = ENOSPC;
	return -1;
}

static ssize_t pwrite_judged(int fd, const void *bytes, size_t length, off_t at)
{
	if (!is_asked("write") || !is_file(fd) || !fails("write"))
		return syscall(SYS_pwrite64, fd, bytes, length, at);
	(void)syscall(SYS_pwrite64, fd, bytes, length / 2, at);
	errno = ENOSPC;
	return -1;
}

ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at)
{
	return pwrite_judged(fd, bytes, length, at);
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at)
{
	return pwrite_judged(fd, bytes, length, at);
}

static int failed(int error)
{
	errno = error;
	return -1;
}

int fsync(int fd)
{
	return fails("fsync") ? failed(EIO) : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
	return fails("fsync") ? failed(EIO) : (int)syscall(SYS_fdatasync, fd);
}

int rename(const char *from, const char *to)
{
	int (*real)(const char *, const char *) = NULL;
	real_find("rename", &real);
	return fails("rename") ? failed(EIO) : real(from, to);
}

int renameat(int folder, const char *from, int other, const char *to)
{
	int (*real)(int, const char *, int, const char *) = NULL;
	real_find("renameat", &real);
	return fails("rename") ? failed(EIO) : real(folder, from, other, to);
}

int renameat2(int folder, const char *from, int other, const char *to, unsigned flags)
{
	int (*real)(int, const char *, int, const char *, unsigned) = NULL;
	real_find("renameat2", &real);
	return fails("rename") ? failed(EIO) : real(folder, from, other, to, flags);
}
