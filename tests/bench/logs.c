/* Logs for the bench of `cordon log`, on standard output.
 *
 *   bench_logs densest FOLDER       the .evtx file of a folder that has the most records for its size; its name
 *   bench_logs evtx FOLDER MB       one log of all intact chunks of the .evtx files in a folder, each once, and all of them again
 *                                   until it has that many million bytes; record numbers are changed where two chunks would
 *                                   have the same, so that none counts twice
 *   bench_logs pfirewall MB         lines of a firewall log
 *   bench_logs kernel MB            lines of a kernel, as journalctl gives them
 *   bench_logs w3c MB               lines of our own drop log
 *
 * Exit code 0; 3 when something could not be read or written. */
#include <dirent.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FILE_HEAD = 4096, CHUNK = 65536, CHUNK_HEAD = 512, RECORD_LEAST = 28, CHUNKS_MOST = 65535, MB = 1000000 };

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint64_t get64(const uint8_t *at)
{
	return (uint64_t)get32(at) | (uint64_t)get32(at + 4) << 32;
}

static void put32(uint8_t *at, uint32_t number)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(number >> 8 * i);
}

static void put64(uint8_t *at, uint64_t number)
{
	put32(at, (uint32_t)number);
	put32(at + 4, (uint32_t)(number >> 32));
}

static uint32_t crc(uint32_t before, const uint8_t *bytes, size_t length)
{
	return (uint32_t)crc32(before, bytes, (uInt)length);
}

static uint32_t head_crc(const uint8_t *chunk)
{
	return crc(crc(0, chunk, 120), chunk + 128, CHUNK_HEAD - 128);
}

/* How many records a chunk holds: 0 unless both its checksums hold and its records follow each other up to its end. */
static size_t chunk_records(const uint8_t *chunk)
{
	uint32_t end = get32(chunk + 48), at = CHUNK_HEAD;
	size_t count = 0;
	if (memcmp(chunk, "ElfChnk", 8) != 0 || end < CHUNK_HEAD + RECORD_LEAST || end > CHUNK)
		return 0;
	if (get32(chunk + 52) != crc(0, chunk + CHUNK_HEAD, end - CHUNK_HEAD) || get32(chunk + 124) != head_crc(chunk))
		return 0;
	for (; at < end; count++) {
		uint32_t size = end - at >= RECORD_LEAST && get32(chunk + at) == 0x2a2a ? get32(chunk + at + 4) : 0;
		if (size < RECORD_LEAST || size > end - at || get32(chunk + at + size - 4) != size)
			return 0;
		at += size;
	}
	return count;
}

/* The records of a chunk get the numbers from `first` on; returns the number after the last. */
static uint64_t chunk_renumber(uint8_t *chunk, uint64_t first)
{
	uint32_t end = get32(chunk + 48);
	uint64_t number = first;
	for (uint32_t at = CHUNK_HEAD; at < end; at += get32(chunk + at + 4))
		put64(chunk + at + 8, number++);
	put64(chunk + 8, first);
	put64(chunk + 16, number - 1);
	put64(chunk + 24, first);
	put64(chunk + 32, number - 1);
	put32(chunk + 52, crc(0, chunk + CHUNK_HEAD, end - CHUNK_HEAD));
	put32(chunk + 124, head_crc(chunk));
	return number;
}

/* What goes over the files of a folder: the log that is made, or the densest file so far. */
struct walk {
	uint64_t hashes[CHUNKS_MOST], next;
	size_t count;
	FILE *kept;
	double density;
	char densest[4096];
};

/* Each chunk once; numbers go up, and stay as they are where they do so by themselves. */
static void chunk_keep(struct walk *walk, uint8_t *chunk)
{
	enum { LEAP = 100000 };
	uint64_t hash = (uint64_t)crc(0, chunk, CHUNK) << 32 | adler32(1, chunk, CHUNK), first = get64(chunk + 24);
	for (size_t i = 0; i < walk->count; i++)
		if (walk->hashes[i] == hash)
			return;
	if (walk->count == CHUNKS_MOST)
		return;
	walk->hashes[walk->count++] = hash;
	walk->next = chunk_renumber(chunk, first >= walk->next && first < walk->next + LEAP ? first : walk->next);
	fwrite(chunk, 1, CHUNK, walk->kept);
}

static void file_look(struct walk *walk, const char *path)
{
	enum { RECORDS_ENOUGH = 1000 };
	static uint8_t chunk[CHUNK];
	size_t records = 0, chunks = 1;
	bool whole = true;
	FILE *file = fopen(path, "rb");
	if (file == NULL || fseek(file, FILE_HEAD, SEEK_SET) != 0) {
		fprintf(stderr, "bench_logs: cannot read %s\n", path);
		exit(3);
	}
	for (; fread(chunk, 1, CHUNK, file) == CHUNK; chunks++) {
		size_t count = chunk_records(chunk);
		records += count;
		whole &= count > 0 || memcmp(chunk, "ElfChnk", 8) != 0;
		if (count > 0 && walk->kept != NULL)
			chunk_keep(walk, chunk);
	}
	fclose(file);
	/* A few records say nothing of speed, and peers give up at a chunk that is damaged. */
	double density = whole && records >= RECORDS_ENOUGH ? (double)records / (double)chunks : 0;
	if (density > walk->density) {
		walk->density = density;
		(void)snprintf(walk->densest, sizeof(walk->densest), "%s", path);
	}
}

static void folder_look(struct walk *walk, const char *folder)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort);
	if (count < 0) {
		fprintf(stderr, "bench_logs: cannot read %s\n", folder);
		exit(3);
	}
	for (int i = 0; i < count; i++) {
		char path[4096];
		size_t length = strlen(entries[i]->d_name);
		if (length > 5 && strcmp(entries[i]->d_name + length - 5, ".evtx") == 0 &&
		    snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name) < (int)sizeof(path))
			file_look(walk, path);
		free(entries[i]);
	}
	free(entries);
}

static int densest_write(const char *folder)
{
	static struct walk walk;
	folder_look(&walk, folder);
	puts(walk.densest);
	return walk.density > 0 ? 0 : 3;
}

static int evtx_write(const char *folder, size_t bytes)
{
	static struct walk walk = {.next = 1};
	static uint8_t chunk[CHUNK];
	uint8_t head[FILE_HEAD] = {0};
	walk.kept = tmpfile();
	if (walk.kept == NULL) {
		perror("bench_logs");
		return 3;
	}
	folder_look(&walk, folder);
	size_t count = bytes / CHUNK > walk.count ? bytes / CHUNK : walk.count;
	if (walk.count == 0 || count > CHUNKS_MOST) {
		fprintf(stderr, "bench_logs: %s: no chunk, or more than a header can say\n", folder);
		return 3;
	}
	memcpy(head, "ElfFile", 8);
	put64(head + 16, count - 1);
	put64(head + 24, walk.next);
	put32(head + 32, 128);
	put32(head + 36, 3 << 16 | 1);
	put32(head + 40, FILE_HEAD | (uint32_t)count << 16);
	put32(head + 124, crc(0, head, 120));
	fwrite(head, 1, sizeof(head), stdout);
	for (size_t i = 0; i < count; i++) {
		if (i % walk.count == 0)
			rewind(walk.kept);
		if (fread(chunk, 1, CHUNK, walk.kept) != CHUNK)
			return 3;
		if (i >= walk.count)
			walk.next = chunk_renumber(chunk, walk.next);
		fwrite(chunk, 1, CHUNK, stdout);
	}
	fclose(walk.kept);
	return 0;
}

/* --- Text --- */

/* What varies from line to line, the same in each run. */
struct line {
	unsigned day, hour, minute, second, source, port, service, size;
};

static struct line line_make(unsigned number)
{
	static const unsigned services[] = {22, 80, 135, 139, 443, 445, 3389, 5985};
	unsigned mixed = number * 2654435761u;
	return (struct line){1 + number / 86400 % 28, number / 3600 % 24, number / 60 % 60, number % 60, mixed >> 16 & 255, 1024 + (mixed >> 7) % 60000,
			     services[mixed >> 29], 40 + (mixed >> 3) % 1400};
}

static void pfirewall_write(size_t bytes)
{
	size_t written = 0;
	puts("#Version: 1.5\n#Software: Microsoft Windows Firewall\n#Time Format: Local\n#Fields: date time action protocol src-ip dst-ip src-port "
	     "dst-port size tcpflags tcpsyn tcpack tcpwin icmptype icmpcode info path\n");
	for (unsigned i = 0; written < bytes; i++) {
		const struct line line = line_make(i);
		if (i % 4 == 3)
			written += (size_t)printf("2026-11-%02u %02u:%02u:%02u ALLOW UDP 192.0.2.10 192.0.2.53 %u 53 0 - - - - - - - SEND\n", line.day, line.hour, line.minute,
			       line.second, line.port);
		else
			written += (size_t)printf("2026-11-%02u %02u:%02u:%02u DROP TCP 203.0.113.%u 192.0.2.10 %u %u %u S %u 0 64240 - - - RECEIVE\n", line.day, line.hour,
			       line.minute, line.second, line.source, line.port, line.service, line.size, i * 7919u);
	}
}

static void kernel_write(size_t bytes)
{
	size_t written = 0;
	for (unsigned i = 0; written < bytes; i++) {
		const struct line line = line_make(i);
		written += (size_t)printf("2026-11-%02uT%02u:%02u:%02u.%06u+00:00 host kernel: [%8u.%06u] drop-in: IN=eth0 OUT= MAC=52:54:00:12:34:56:52:54:00:65:43:21:08:00 "
		       "SRC=203.0.113.%u DST=192.0.2.10 LEN=%u TOS=0x00 PREC=0x00 TTL=64 ID=%u DF PROTO=TCP SPT=%u DPT=%u WINDOW=64240 RES=0x00 SYN URGP=0\n",
		       line.day, line.hour, line.minute, line.second, line.port, i, line.port, line.source, line.size, i & 65535, line.port, line.service);
	}
}

static void w3c_write(size_t bytes)
{
	size_t written = 0;
	puts("#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-01 00:00:00\n#Fields: date time x-source x-eventid x-action x-direction protocol src-ip "
	     "src-port dst-ip dst-port tcpflags icmptype icmpcode size x-count x-spi x-pid x-application x-layer x-filter-id x-status x-recordnumber "
	     "s-computername x-log x-policy x-rule x-filterlist x-mode x-interface x-recovered");
	for (unsigned i = 0; written < bytes; i++) {
		const struct line line = line_make(i);
		written += (size_t)printf("2026-11-%02u %02u:%02u:%02u cordon - DROP in TCP 203.0.113.%u %u 192.0.2.10 %u S - - %u 1 - - - - - - - - - \"Server lockdown\" \"block "
		       "all\" all secure eth0 -\n",
		       line.day, line.hour, line.minute, line.second, line.source, line.port, line.service, line.size);
	}
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*write)(size_t bytes); } texts[] = {
		{"pfirewall", pfirewall_write}, {"kernel", kernel_write}, {"w3c", w3c_write},
	};
	int code = -1;
	if (argc == 3 && strcmp(argv[1], "densest") == 0)
		code = densest_write(argv[2]);
	if (argc == 4 && strcmp(argv[1], "evtx") == 0)
		code = evtx_write(argv[2], strtoul(argv[3], NULL, 10) * MB);
	for (size_t i = 0; argc == 3 && i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(argv[1], texts[i].name) == 0) {
			texts[i].write(strtoul(argv[2], NULL, 10) * MB);
			code = 0;
		}
	if (code < 0) {
		fputs("usage: bench_logs densest FOLDER | evtx FOLDER MB | pfirewall MB | kernel MB | w3c MB\n", stderr);
		return 2;
	}
	return fflush(stdout) != 0 || ferror(stdout) ? 3 : code;
}
