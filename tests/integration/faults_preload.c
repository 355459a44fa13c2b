/* Preloaded into a program under test: the k-th write, fsync, rename, … of each of its processes fails.
 *
 *   CORDON_FAULT=write|fsync|rename   which
 *   CORDON_FAULT=read|map|malloc      reading a file, mapping one, allocating (not beside a sanitizer, which has its own,
 *                                     and not by libseccomp, which frees twice what it could not get)
 *   CORDON_FAULT=output               writing to standard output
 *   CORDON_FAULT=short                no failure: each read of a file gives 7 bytes at most
 *   CORDON_FAULT_AT=K                 the how-manieth; those after it fail too with CORDON_FAULT_FOREVER=1
 *   CORDON_FAULT_TOLD=FILE            is made when one has failed
 *   CORDON_FAULT_SHARED=FILE          of 16 bytes, zeros: all processes count together, in it; then how many failed
 *
 * But for `output` only files count, and not the standard streams.  A write that fails has written half of it first. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static bool is_asked(const char *call)
{
	const char *asked = getenv("CORDON_FAULT");
	return asked != NULL && strcmp(asked, call) == 0;
}

/* Of this process, or of all. */
static struct tally {
	atomic_ulong count, failed;
} own, *tally = &own;

/* From now on allocations count: what the loader makes before does not. */
static bool mallocs;

/* The code of libseccomp. */
static uintptr_t spared[2];

static int spared_find(struct dl_phdr_info *object, size_t size, void *context)
{
	(void)size;
	(void)context;
	for (unsigned i = 0; strstr(object->dlpi_name, "libseccomp") != NULL && i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &object->dlpi_phdr[i];
		if (part->p_type != PT_LOAD || (part->p_flags & PF_X) == 0)
			continue;
		spared[0] = object->dlpi_addr + part->p_vaddr;
		spared[1] = spared[0] + part->p_memsz;
	}
	return 0;
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("CORDON_FAULT_SHARED");
	int fd = path != NULL ? (int)syscall(SYS_openat, AT_FDCWD, path, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		long at = syscall(SYS_mmap, NULL, sizeof(*tally), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0l);
		if (at != -1)
			tally = (struct tally *)(uintptr_t)at;
		syscall(SYS_close, fd);
	}
	(void)dl_iterate_phdr(spared_find, NULL);
	mallocs = is_asked("malloc");
}

static bool fails(const char *call)
{
	const char *at = getenv("CORDON_FAULT_AT"), *told = getenv("CORDON_FAULT_TOLD");
	if (!is_asked(call) || at == NULL)
		return false;
	unsigned long k = strtoul(at, NULL, 10), now = atomic_fetch_add(&tally->count, 1) + 1;
	if (now != k && (now < k || getenv("CORDON_FAULT_FOREVER") == NULL))
		return false;
	atomic_fetch_add(&tally->failed, 1);
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
	bool counts = fd == STDOUT_FILENO ? is_asked("output") : is_asked("write") && is_file(fd);
	if (!counts || !fails(fd == STDOUT_FILENO ? "output" : "write"))
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

/* --- Reading --- */

/* How many bytes a read may give: 0, it fails. */
static size_t read_most(int fd, size_t length)
{
	if (is_asked("short") && is_file(fd))
		return length < 7 ? length : 7;
	return is_asked("read") && is_file(fd) && fails("read") ? 0 : length;
}

ssize_t read(int fd, void *bytes, size_t length)
{
	size_t most = read_most(fd, length);
	return most < length && most == 0 ? failed(EIO) : syscall(SYS_read, fd, bytes, most);
}

static ssize_t pread_judged(int fd, void *bytes, size_t length, off_t at)
{
	size_t most = read_most(fd, length);
	return most < length && most == 0 ? failed(EIO) : syscall(SYS_pread64, fd, bytes, most, at);
}

ssize_t pread(int fd, void *bytes, size_t length, off_t at)
{
	return pread_judged(fd, bytes, length, at);
}

ssize_t pread64(int fd, void *bytes, size_t length, off64_t at)
{
	return pread_judged(fd, bytes, length, at);
}

#ifndef __SANITIZE_ADDRESS__
static void *map_judged(void *where, size_t length, int protection, int flags, int fd, off_t at)
{
	if (is_asked("map") && is_file(fd) && fails("map")) {
		errno = ENOMEM;
		return MAP_FAILED;
	}
	long got = syscall(SYS_mmap, where, length, protection, flags, fd, at);
	return got == -1 ? MAP_FAILED : (void *)(uintptr_t)got;
}

void *mmap(void *where, size_t length, int protection, int flags, int fd, off_t at)
{
	return map_judged(where, length, protection, flags, fd, at);
}

void *mmap64(void *where, size_t length, int protection, int flags, int fd, off64_t at)
{
	return map_judged(where, length, protection, flags, fd, at);
}

/* --- Allocating --- */

extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);

static bool none_left(const void *caller)
{
	if (!mallocs || ((uintptr_t)caller >= spared[0] && (uintptr_t)caller < spared[1]) || !fails("malloc"))
		return false;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return none_left(__builtin_return_address(0)) ? NULL : __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	return none_left(__builtin_return_address(0)) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
	return none_left(__builtin_return_address(0)) ? NULL : __libc_realloc(memory, size);
}
#endif
