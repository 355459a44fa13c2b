/* Runs one command and prints what it took: MILLISECONDS PEAK-KIB, the largest memory of the command and whatever
 * it waited for.
 *
 *   bench_measure OUTPUT-FILE COMMAND [WORD…]      the command's standard output goes to the file
 *
 * Exit code: the command's own. */
#include <errno.h>
#include <fcntl.h>
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

int main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage usage;
	int status;
	pid_t pid;

	if (argc < 3) {
		fprintf(stderr, "usage: bench_measure OUTPUT-FILE COMMAND [WORD…]\n");
		return 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &before);
	pid = fork();
	if (pid == 0)
		run(argv[1], argv + 2);
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid) {
		fprintf(stderr, "bench_measure: %s\n", strerror(errno));
		return 3;
	}
	clock_gettime(CLOCK_MONOTONIC, &after);
	printf("%.1f %ld\n", (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6,
	       usage.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
