#include "tests/integration/process.h"

#include <fcntl.h>
#include <ftw.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/memory.h"

pid_t process_start(const char *const words[], int out, int err)
{
	pid_t parent = getpid(), pid = fork();
	if (pid != 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(127);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	dup2(null, STDIN_FILENO);
	dup2(out >= 0 ? out : null, STDOUT_FILENO);
	dup2(err >= 0 ? err : null, STDERR_FILENO);
	size_t count = 0;
	while (words[count] != NULL)
		count++;
	char **copy = memory_alloc((count + 1) * sizeof(*copy));
	for (size_t i = 0; i < count; i++)
		copy[i] = memory_text(words[i]);
	execv(copy[0], copy);
	_exit(127);
}

static void gather(int fd, struct buffer *buffer)
{
	char bytes[4096];
	off_t at = 0;
	for (ssize_t got; fd >= 0 && buffer != NULL && (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got)
		buffer_add(buffer, bytes, (size_t)got);
	if (fd >= 0)
		close(fd);
}

int process_run(const char *const words[], struct buffer *out, struct buffer *err)
{
	int fds[2] = {out != NULL ? memfd_create("out", MFD_CLOEXEC) : -1, -1};
	if (err != NULL && err != out)
		fds[1] = memfd_create("err", MFD_CLOEXEC);
	pid_t pid = process_start(words, fds[0], err == out ? fds[0] : fds[1]);
	int status = 0, code = -1;
	if (pid > 0 && waitpid(pid, &status, 0) == pid)
		code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	gather(fds[0], out);
	gather(fds[1], err == out ? NULL : err);
	return code;
}

static char folder[64];
static pid_t owner;

static int remove_one(const char *path, const struct stat *status, int flag, struct FTW *ftw)
{
	(void)status, (void)flag, (void)ftw;
	return remove(path);
}

static void folder_remove(void)
{
	if (getpid() == owner)
		nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void signal_take(int number)
{
	folder_remove();
	_exit(128 + number);
}

const char *process_folder(void)
{
	static const char template[] = "/tmp/cordon-test-XXXXXX";
	if (owner != 0)
		return folder;
	memcpy(folder, template, sizeof(template));
	if (mkdtemp(folder) == NULL)
		return NULL;
	owner = getpid();
	atexit(folder_remove);
	signal(SIGINT, signal_take);
	signal(SIGTERM, signal_take);
	signal(SIGHUP, signal_take);
	return folder;
}
