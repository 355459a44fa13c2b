/* Runs one command and prints what it took: MILLISECONDS PEAK-KIB PROCESSOR-MILLISECONDS, the largest memory and all
 * processor time of the command and whatever it waited for.
 *
 *   bench_measure [-p] OUTPUT-FILE COMMAND [WORD…]      the command's standard output goes to the file
 *
 * -p: the second figure is instead the memory that it and the processes that it began had for themselves at once, at
 * most: RssAnon and RssShmem of /proc/PID/status, so without what is mapped from files (programs, inputs).  It is
 * looked at a thousand times a second, which costs time: the first figure is of no use then.
 *
 * Exit code: the command's own. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void run(const char *output, char **words)
{
	int fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || dup2(fd, STDOUT_FILENO) < 0) {
		fprintf(stderr, "bench_measure: %s: %s\n", output, strerror(errno));
		_exit(126);
	}
	close(fd);
	execvp(words[0], words);
	fprintf(stderr, "bench_measure: %s: %s\n", words[0], strerror(errno));
	_exit(127);
}

/* KiB that the process has for itself; 0 when it has gone. */
static long own_memory(long pid)
{
	char path[64], line[256];
	long sum = 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", pid);
	FILE *file = fopen(path, "r");
	while (file != NULL && fgets(line, sizeof(line), file) != NULL)
		if (strncmp(line, "RssAnon:", 8) == 0 || strncmp(line, "RssShmem:", 9) == 0)
			sum += strtol(strchr(line, ':') + 1, NULL, 10);
	if (file != NULL)
		fclose(file);
	return sum;
}

/* The same of it and its children, down to a few generations. */
static long family_memory(long pid, unsigned depth)
{
	char path[64], children[1024] = "", *at = children, *end;
	long sum = own_memory(pid);
	(void)snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", pid, pid);
	FILE *file = depth > 0 ? fopen(path, "r") : NULL;
	if (file == NULL)
		return sum;
	children[fread(children, 1, sizeof(children) - 1, file)] = '\0';
	fclose(file);
	for (long child; (child = strtol(at, &end, 10)) > 0; at = end)
		sum += family_memory(child, depth - 1);
	return sum;
}

/* Waits for the command and looks at its memory meanwhile. */
static pid_t watch(pid_t pid, int *ret_status, long *ret_most)
{
	const struct timespec pause = {0, 1000000};
	pid_t got;
	while ((got = waitpid(pid, ret_status, WNOHANG)) == 0) {
		long now = family_memory(pid, 4);
		if (now > *ret_most)
			*ret_most = now;
		nanosleep(&pause, NULL);
	}
	return got;
}

int main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage usage = {.ru_maxrss = 0};
	int status;
	pid_t pid;

	bool own = argc > 1 && strcmp(argv[1], "-p") == 0;
	argv += own;
	argc -= own;
	if (argc < 3) {
		fprintf(stderr, "usage: bench_measure [-p] OUTPUT-FILE COMMAND [WORD…]\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0)
		run(argv[1], argv + 2);
	if (pid < 0 || (own ? watch(pid, &status, &usage.ru_maxrss) : wait4(pid, &status, 0, &usage)) != pid) {
		fprintf(stderr, "bench_measure: %s\n", strerror(errno));
		return 3;
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	struct rusage times;
	getrusage(RUSAGE_CHILDREN, &times);
	printf("%.2f %ld %.2f\n", (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6,
	       usage.ru_maxrss, (double)(times.ru_utime.tv_sec + times.ru_stime.tv_sec) * 1e3 + (double)(times.ru_utime.tv_usec + times.ru_stime.tv_usec) / 1e3);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
