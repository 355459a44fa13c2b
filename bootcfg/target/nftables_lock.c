/* Root's lock is a byte of /run/cordon.lock, the one whose number is the inode of the network namespace: a file
 * that only root can open, so that nobody else can hold changes up.  Who cannot write /run (a user in a namespace
 * of his own) locks the namespace's file itself. */
#include "bootcfg/target/nftables_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"

static const char lock_file[] = "/run/cordon.lock";
static const char lock_namespace[] = "/proc/self/ns/net";

enum { PAUSE_MS = 10 };

static void pause_ms(long milliseconds)
{
	struct timespec time = {.tv_sec = milliseconds / 1000, .tv_nsec = milliseconds % 1000 * 1000000};
	nanosleep(&time, NULL);
}

/* The byte for this namespace; 0 length is the whole file. */
static int range_lock(int fd, ino_t number, off_t length)
{
	struct flock range = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)number, .l_len = length};
	return fcntl(fd, F_OFD_SETLK, &range) < 0 ? -errno : 0;
}

/* 0 when locked, -EAGAIN when another has it, other errnos when it cannot be done here. */
static int file_try(ino_t number, struct lock *lock)
{
	struct stat status;
	int fd = open(lock_file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	int error = range_lock(fd, number, 1);
	/* Its last user removed it between our open and our lock. */
	if (error == 0 && (fstat(fd, &status) < 0 || status.st_nlink == 0))
		error = -EAGAIN;
	if (error < 0) {
		close(fd);
		return error == -EACCES ? -EAGAIN : error;
	}
	*lock = (struct lock){.fd = fd, .file = true};
	return 0;
}

static int namespace_try(struct lock *lock)
{
	int fd = open(lock_namespace, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		int error = -errno;
		close(fd);
		return error;
	}
	*lock = (struct lock){.fd = fd};
	return 0;
}

int lock_take(unsigned seconds, struct diag *diag, struct lock *ret_lock)
{
	struct stat status;
	struct lock lock;
	int error = stat(lock_namespace, &status) < 0 ? -errno : 0;
	for (long waited = 0; error == 0; waited += PAUSE_MS) {
		error = file_try(status.st_ino, &lock);
		if (error < 0 && error != -EAGAIN)
			error = namespace_try(&lock);
		if (error == 0) {
			*ret_lock = lock;
			return 0;
		}
		if (error == -EAGAIN && waited >= (long)seconds * 1000) {
			diag_error(diag, NULL, "another cordon has been changing the kernel's rules for %u seconds; try again when it "
				   "has ended", seconds);
			return ERROR_BUSY;
		}
		if (error == -EAGAIN) {
			error = 0;
			pause_ms(PAUSE_MS);
		}
	}
	diag_error(diag, NULL, "cannot lock %s: %s", lock_namespace, strerror(-error));
	return ERROR_SYSTEM;
}

void lock_release(struct lock *lock)
{
	/* Whoever can lock all of it is alone; one who opened it before sees that it has no name any more. */
	if (lock->file && range_lock(lock->fd, 0, 0) == 0)
		(void)unlink(lock_file);
	close(lock->fd);
}
