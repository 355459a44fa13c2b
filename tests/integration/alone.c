#include "tests/integration/alone.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"

bool alone_begin(void)
{
	static const char *const folders[] = {"/run", "/var/log", "/var/lib"};
	if (prctl(PR_SET_CHILD_SUBREAPER, 1) < 0 || unshare(CLONE_NEWNS) < 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return false;
	for (size_t i = 0; i < ARRAY_LENGTH(folders); i++)
		if (mount("none", folders[i], "tmpfs", 0, "mode=0755,size=256m") < 0)
			return false;
	return true;
}

/* Whether a process is a child of this one. */
static bool is_child(const char *number)
{
	char path[64], text[512];
	snprintf(path, sizeof(path), "/proc/%.20s/stat", number);
	FILE *file = fopen(path, "re");
	size_t length = file != NULL ? fread(text, 1, sizeof(text) - 1, file) : 0;
	if (file != NULL)
		fclose(file);
	text[length] = '\0';
	const char *at = strrchr(text, ')');
	uint64_t parent = 0;
	if (at == NULL || strlen(at) < 5)
		return false;
	struct cursor cursor = cursor_text(at + 4); /* ") S PARENT" */
	return cursor_number(&cursor, INT32_MAX, &parent) && (pid_t)parent == getpid();
}

unsigned alone_reap(void)
{
	unsigned count = 0;
	DIR *folder = opendir("/proc");
	for (struct dirent *entry; folder != NULL && (entry = readdir(folder)) != NULL;) {
		uint64_t pid;
		if (number_parse(entry->d_name, strlen(entry->d_name), INT32_MAX, &pid) && is_child(entry->d_name))
			kill((pid_t)pid, SIGKILL);
	}
	if (folder != NULL)
		closedir(folder);
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		count++;
	return count;
}
