/* What drops cost in processor time: the datagrams of a flood through the collector into a log in this folder, and
 * records as lines.
 *
 *   bench_drops one|many      drops a second of processor time, from one source or from 100,000
 *   bench_drops line          bytes of W3C text a second, in MB
 *   bench_drops packet        captured packets a second that become records */
#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "core/record/w3c.h"
#include "tests/unit/daemon/nflog_make.h"

enum { DROPS = 2000000, PER_DATAGRAM = 100, SOURCES = 100000, LINES = 2000000 };

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct made_packet packet_of(unsigned number, unsigned sources)
{
	return (struct made_packet){
		.prefix = "cordon:block:00000000deadbeef:lock down", .sequence = number, .hook = NF_INET_LOCAL_IN, .indev = 1,
		.src = 0x0b000000 + number % sources, .dst = 0xc000020a, .protocol = 17, .srcport = (uint16_t)number, .dstport = 53,
		.seconds = 1785542398,
	};
}

/* Datagrams are made beforehand; each is given again and again with the numbers that it has, so a gap is seen where it
 * begins anew: that costs what it costs in a flood that loses some. */
static double drops_measure(unsigned sources)
{
	enum { DATAGRAMS = SOURCES / PER_DATAGRAM };
	static struct buffer datagrams[DATAGRAMS];
	const struct message_settings settings = {.diagnostics = 7, .interval = 3600, .mode = "secure"};
	const struct collector_options options = {.nflog = -1, .folder = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
	struct loop *loop = loop_new();
	struct collector *collector = collector_new(loop, &options);
	double start;

	(void)collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0));
	for (unsigned i = 0; i < SOURCES; i++) {
		struct buffer *datagram = &datagrams[i / PER_DATAGRAM];
		const struct made_packet made = packet_of(i, sources);

		if (i % PER_DATAGRAM == 0)
			buffer_init(datagram, 1 << 20);
		nflog_make(&made, datagram);
	}
	start = seconds();
	for (unsigned i = 0; i < DROPS / PER_DATAGRAM; i++)
		collector_datagram(collector, datagrams[i % DATAGRAMS].data, datagrams[i % DATAGRAMS].length);
	collector_flush(collector);
	double rate = DROPS / (seconds() - start);
	collector_free(collector);
	loop_free(loop);
	for (unsigned i = 0; i < DATAGRAMS; i++)
		buffer_done(&datagrams[i]);
	close(options.folder);
	return rate;
}

static struct record record_of(const uint8_t *bytes, size_t length, unsigned number)
{
	struct record record = {.time = record_time_of_unix(1785542398 + number / 1000, 0), .eventid = 4290,
				.has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_EVENTID)};

	record.source = record.log = cursor_text("cordon");
	record.action = cursor_text("DROP");
	record.direction = cursor_text("in");
	record.computername = cursor_text("server1");
	record.policy = cursor_text("quarantine");
	record.rule = cursor_text("lock down");
	record.filterlist = cursor_text("all traffic");
	record.mode = cursor_text("secure");
	record.interface = cursor_text("eth0");
	(void)record_packet(&record, bytes, length);
	return record;
}

static double lines_measure(void)
{
	struct buffer lines;
	uint8_t bytes[MADE_PACKET];
	size_t total = 0;
	double start = seconds();

	buffer_init(&lines, 1 << 20);
	for (unsigned i = 0; i < LINES; i++) {
		const struct made_packet made = packet_of(i, SOURCES);
		const struct record record = record_of(bytes, packet_make(&made, bytes), i);

		w3c_line(&record, &lines);
		if (lines.length > 1 << 16) {
			total += lines.length;
			buffer_clear(&lines);
		}
	}
	total += lines.length;
	buffer_done(&lines);
	return (double)total / 1e6 / (seconds() - start);
}

static double packets_measure(void)
{
	uint8_t bytes[MADE_PACKET];
	uint64_t sum = 0;
	double start = seconds();

	for (unsigned i = 0; i < LINES; i++) {
		const struct made_packet made = packet_of(i, SOURCES);
		struct record record = {0};
		size_t length = packet_make(&made, bytes);

		(void)record_packet(&record, bytes, length);
		sum += record.dstport;
	}
	if (sum != (uint64_t)LINES * 53)
		return 0;
	return LINES / (seconds() - start);
}

int main(int argc, char **argv)
{
	double figure = 0;

	if (argc == 2 && strcmp(argv[1], "one") == 0)
		figure = drops_measure(1);
	else if (argc == 2 && strcmp(argv[1], "many") == 0)
		figure = drops_measure(SOURCES);
	else if (argc == 2 && strcmp(argv[1], "line") == 0)
		figure = lines_measure();
	else if (argc == 2 && strcmp(argv[1], "packet") == 0)
		figure = packets_measure();
	else
		fprintf(stderr, "usage: bench_drops one|many|line|packet\n");
	printf("%.0f\n", figure);
	return figure > 0 ? 0 : 2;
}
