/* Sends UDP packets as fast as one thread can and prints the nanoseconds of processor time that each took: the way
 * through the output hook, where the rules under test are.  The route leads to an interface without a
 * carrier, so that nothing after the hook costs much.
 *
 *   bench_flood ADDRESS PORT PACKETS */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64 };

static void die(const char *what)
{
	fprintf(stderr, "bench_flood: %s: %s\n", what, strerror(errno));
	exit(3);
}

static double processor_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void send_batches(int fd, long batches)
{
	char byte = 'x';
	struct iovec bytes = {&byte, 1};
	struct mmsghdr messages[BATCH];

	memset(messages, 0, sizeof(messages));
	for (size_t i = 0; i < BATCH; i++) {
		messages[i].msg_hdr.msg_iov = &bytes;
		messages[i].msg_hdr.msg_iovlen = 1;
	}
	for (long batch = 0; batch < batches; batch++) {
		/* A packet that was dropped in the hook ends the call with EPERM: then the figure would be wrong. */
		if (sendmmsg(fd, messages, BATCH, 0) != BATCH)
			die("sendmmsg");
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = {.sin_family = AF_INET};
	double before;
	long batches;
	int fd;

	if (argc != 4 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: bench_flood ADDRESS PORT PACKETS\n");
		return 2;
	}
	to.sin_port = htons((unsigned short)strtoul(argv[2], NULL, 10));
	batches = strtol(argv[3], NULL, 10) / BATCH;
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || batches < 1 || connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		die("connect");
	send_batches(fd, batches / 10 + 1); /* warm */
	before = processor_seconds();
	send_batches(fd, batches);
	printf("%.1f\n", (processor_seconds() - before) * 1e9 / ((double)batches * BATCH));
	close(fd);
	return 0;
}
