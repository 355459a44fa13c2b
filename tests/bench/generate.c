/* Filters as Windows servers have them, and packets for them, the same in every form that is compared: a
 * netsh script, nft rules (one a filter), one nft interval map, a list of packets for explain.
 *
 *   bench_generate FORM COUNT SHAPES SEED [PACKETS]     our own generator
 *   bench_generate FORM @FILE 0 SEED [PACKETS]          a ClassBench set instead
 *
 * FORM is netsh, rules, map or packets.  Our own filters have sources that share no address (/24 to /32, one in
 * each /24 from 16.0.0.0 on), destinations any, me or one address, and five ways of giving protocol and
 * ports: SHAPES (1 to 135) says how many of these combinations occur.  Of a ClassBench set only what netsh can
 * say is taken (a port that is any or exact, a whole protocol); how much was left out is said on stderr.
 * All filters of ours block, those of ClassBench permit (the sets have a match-all, and the packets of the flood are to
 * pass); none is mirrored. */
#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

enum { TCP = 6, UDP = 17, PORT_LAST = 65535, SHAPES_MOST = 135, LIST_SIZE = 1000, FILTERS_MOST = 1000000 };

#define ME "192.0.2.10"

struct bench_filter {
	uint32_t src, dst; /* host byte order, host bits clear */
	uint8_t src_bits, dst_bits;
	bool dst_me;
	uint8_t protocol;
	uint16_t srcport, dstport;
};

struct bench_filters {
	struct bench_filter *items;
	size_t count;
	bool permit;
};

static void die(const char *what, const char *text)
{
	fprintf(stderr, "bench_generate: %s: %s\n", what, text);
	exit(2);
}

/* splitmix64: the same numbers from the same seed everywhere. */
static uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15u;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t *state, uint32_t limit)
{
	return (uint32_t)(random_next(state) % limit);
}

static uint32_t prefix_mask(unsigned bits)
{
	return bits == 0 ? 0 : ~(uint32_t)0 << (32 - bits);
}

/* The j-th combination of source length, kind of destination and way of giving ports: all 135 differ. */
static void filter_shape(struct bench_filter *filter, unsigned j, uint64_t *state)
{
	static const uint16_t ports[] = {21, 23, 25, 80, 135, 139, 443, 445, 1433, 1434, 3389, 5985};
	unsigned row = (j % 27 + 2 * (j / 27)) % 5;
	uint16_t port = ports[random_below(state, ARRAY_LENGTH(ports))];

	filter->src_bits = (uint8_t)(24 + j % 9);
	switch (j / 9 % 3) {
	case 0:
		break;
	case 1:
		filter->dst_me = true;
		break;
	default:
		filter->dst = (198u << 24) + (51u << 16) + (100u << 8) + random_below(state, 250);
		filter->dst_bits = 32;
		break;
	}
	filter->protocol = row == 0 ? 0 : random_below(state, 2) ? TCP : UDP;
	filter->dstport = row == 2 || row == 4 ? port : 0;
	filter->srcport = row == 3 || row == 4 ? (uint16_t)(1024 + random_below(state, 60000)) : 0;
}

static struct bench_filters filters_own(size_t count, unsigned shapes, uint64_t *state)
{
	struct bench_filters filters = {calloc(count, sizeof(struct bench_filter)), count, false};

	if (filters.items == NULL)
		die("memory", "out of it");
	for (size_t i = 0; i < count; i++) {
		struct bench_filter *filter = &filters.items[i];
		uint32_t block = (16u << 24) + ((uint32_t)i << 8);

		filter_shape(filter, (unsigned)(i % shapes), state);
		filter->src = (block + random_below(state, 256)) & prefix_mask(filter->src_bits);
	}
	return filters;
}

static unsigned long field_number(const char **at, int base, unsigned long most)
{
	char *end;
	unsigned long number;

	*at += strspn(*at, " \t:/.@");
	number = strtoul(*at, &end, base);
	if (end == *at || number > most)
		die("not a line of a ClassBench set, at", *at);
	*at = end;
	return number;
}

static uint32_t field_prefix(const char **at, uint8_t *ret_bits)
{
	uint32_t address = 0;

	for (int part = 0; part < 4; part++)
		address = address << 8 | (uint32_t)field_number(at, 10, 255);
	*ret_bits = (uint8_t)field_number(at, 10, 32);
	return address & prefix_mask(*ret_bits);
}

/* False when the range is neither one port nor all. */
static bool field_port(const char **at, uint16_t *ret_port)
{
	unsigned long first = field_number(at, 10, PORT_LAST), last = field_number(at, 10, PORT_LAST);

	*ret_port = first == last ? (uint16_t)first : 0;
	return first == last || (first == 0 && last == PORT_LAST);
}

/* @SRC/BITS DST/BITS LOW : HIGH LOW : HIGH PROTOCOL/MASK FLAGS/MASK */
static bool filter_classbench(struct bench_filter *filter, const char *line)
{
	const char *at = line;
	bool good;
	unsigned long mask;

	filter->src = field_prefix(&at, &filter->src_bits);
	filter->dst = field_prefix(&at, &filter->dst_bits);
	good = field_port(&at, &filter->srcport);
	good = field_port(&at, &filter->dstport) && good;
	filter->protocol = (uint8_t)field_number(&at, 16, 255);
	mask = field_number(&at, 16, 255);
	if (mask == 0)
		filter->protocol = 0;
	else if (mask != 255)
		return false;
	return good && ((filter->srcport == 0 && filter->dstport == 0) || filter->protocol == TCP || filter->protocol == UDP);
}

static struct bench_filters filters_classbench(const char *file)
{
	struct bench_filters filters = {calloc(FILTERS_MOST, sizeof(struct bench_filter)), 0, true};
	size_t skipped = 0;
	char line[256];
	FILE *stream = fopen(file, "r");

	if (stream == NULL || filters.items == NULL)
		die("cannot read", file);
	while (filters.count < FILTERS_MOST && fgets(line, sizeof(line), stream) != NULL) {
		struct bench_filter filter = {0};

		if (filter_classbench(&filter, line))
			filters.items[filters.count++] = filter;
		else
			skipped++;
	}
	fclose(stream);
	fprintf(stderr, "%zu filters of %zu\n", filters.count, filters.count + skipped);
	return filters;
}

struct dotted {
	char text[INET_ADDRSTRLEN];
};

static struct dotted dotted(uint32_t address)
{
	struct in_addr network = {htonl(address)};
	struct dotted dotted;

	inet_ntop(AF_INET, &network, dotted.text, sizeof(dotted.text));
	return dotted;
}

static const char *protocol_text(uint8_t protocol, char buffer[4])
{
	snprintf(buffer, 4, "%u", protocol);
	return protocol == TCP ? "tcp" : protocol == UDP ? "udp" : buffer;
}

static void netsh_address(const char *side, uint32_t address, unsigned bits)
{
	if (bits == 0)
		printf(" %saddr=any", side);
	else if (bits == 32)
		printf(" %saddr=%s", side, dotted(address).text);
	else
		printf(" %saddr=%s %smask=%u", side, dotted(address).text, side, bits);
}

static void netsh_filter(const struct bench_filter *filter, size_t list)
{
	char number[4];

	printf("add filter filterlist=\"Sources %03zu\"", list);
	netsh_address("src", filter->src, filter->src_bits);
	if (filter->dst_me)
		fputs(" dstaddr=me", stdout);
	else
		netsh_address("dst", filter->dst, filter->dst_bits);
	if (filter->protocol != 0)
		printf(" protocol=%s", protocol_text(filter->protocol, number));
	if (filter->srcport != 0)
		printf(" srcport=%u", filter->srcport);
	if (filter->dstport != 0)
		printf(" dstport=%u", filter->dstport);
	puts(" mirrored=no");
}

static void write_netsh(const struct bench_filters *filters)
{
	printf("# Made by bench_generate.\npushd ipsec static\nadd policy name=Bench activatedefaultrule=no\n"
	       "add filteraction name=Action action=%s\n", filters->permit ? "permit" : "block");
	for (size_t i = 0; i < filters->count; i++) {
		size_t list = i / LIST_SIZE;

		if (i % LIST_SIZE == 0)
			printf("add filterlist name=\"Sources %03zu\"\n", list);
		netsh_filter(&filters->items[i], list);
		if (i % LIST_SIZE == LIST_SIZE - 1 || i + 1 == filters->count)
			printf("add rule name=\"Rule %03zu\" policy=Bench filterlist=\"Sources %03zu\" filteraction=Action\n", list, list);
	}
	puts("set policy name=Bench assign=yes\npopd\nexit");
}

static void nft_rule(const struct bench_filter *filter, const char *verdict)
{
	char number[4];

	fputs("\t\t", stdout);
	if (filter->src_bits > 0)
		printf("ip saddr %s/%u ", dotted(filter->src).text, filter->src_bits);
	if (filter->dst_me)
		fputs("ip daddr " ME " ", stdout);
	else if (filter->dst_bits > 0)
		printf("ip daddr %s/%u ", dotted(filter->dst).text, filter->dst_bits);
	if (filter->protocol != 0 && filter->srcport == 0 && filter->dstport == 0)
		printf("meta l4proto %u ", filter->protocol);
	if (filter->srcport != 0)
		printf("%s sport %u ", protocol_text(filter->protocol, number), filter->srcport);
	if (filter->dstport != 0)
		printf("%s dport %u ", protocol_text(filter->protocol, number), filter->dstport);
	printf("counter %s\n", verdict);
}

static void write_rules(const struct bench_filters *filters)
{
	puts("table inet peer {\n\tchain judge {");
	for (size_t i = 0; i < filters->count; i++)
		nft_rule(&filters->items[i], filters->permit ? "accept" : "drop");
	puts("\t}\n\tchain input { type filter hook input priority 0; jump judge; }\n"
	     "\tchain output { type filter hook output priority 0; jump judge; }\n}");
}

static void map_port(uint16_t port)
{
	if (port == 0)
		fputs(" . 0-65535", stdout);
	else
		printf(" . %u", port);
}

static void write_map(const struct bench_filters *filters)
{
	puts("table inet peer {\n\tmap judge {\n"
	     "\t\ttype ipv4_addr . ipv4_addr . inet_proto . inet_service . inet_service : verdict\n\t\tflags interval\n"
	     "\t\telements = {");
	for (size_t i = 0; i < filters->count; i++) {
		const struct bench_filter *filter = &filters->items[i];

		printf("%s/%u", dotted(filter->src).text, filter->src_bits);
		if (filter->dst_me)
			fputs(" . " ME "/32", stdout);
		else
			printf(" . %s/%u", dotted(filter->dst).text, filter->dst_bits);
		if (filter->protocol == 0)
			fputs(" . 0-255", stdout);
		else
			printf(" . %u", filter->protocol);
		map_port(filter->srcport);
		map_port(filter->dstport);
		printf(" : %s,\n", filters->permit ? "accept" : "drop");
	}
	puts("\t\t}\n\t}\n\tchain judge { ip saddr . ip daddr . meta l4proto . th sport . th dport vmap @judge; }\n"
	     "\tchain input { type filter hook input priority 0; jump judge; }\n"
	     "\tchain output { type filter hook output priority 0; jump judge; }\n}");
}

/* A packet that the filter holds. */
static void packet_of(const struct bench_filter *filter, bool miss, uint64_t *state)
{
	uint32_t src = filter->src | (uint32_t)(random_next(state) & ~prefix_mask(filter->src_bits));
	uint32_t dst = filter->dst | (uint32_t)(random_next(state) & ~prefix_mask(filter->dst_bits));
	unsigned srcport = filter->srcport != 0 ? filter->srcport : 1024 + random_below(state, 60000);
	unsigned dstport = filter->dstport != 0 ? filter->dstport : 1 + random_below(state, 10000);
	uint8_t protocol = filter->protocol != 0 ? filter->protocol : random_below(state, 2) ? TCP : UDP;
	char number[4];

	if (miss) /* 9.0.0.0/8 is nobody's source */
		src = (9u << 24) + (src & 0x00ffffffu);
	printf("in %s %s", protocol_text(protocol, number), dotted(src).text);
	if (protocol == TCP || protocol == UDP)
		printf(":%u > %s:%u\n", srcport, filter->dst_me ? ME : dotted(dst).text, dstport);
	else
		printf(" > %s\n", filter->dst_me ? ME : dotted(dst).text);
}

/* Every second packet is held by no filter of ours (in ClassBench sets it may be). */
static void write_packets(const struct bench_filters *filters, size_t count, uint64_t *state)
{
	for (size_t i = 0; i < count; i++)
		packet_of(&filters->items[random_below(state, (uint32_t)filters->count)], i % 2 == 1, state);
}

static size_t number(const char *text, size_t most)
{
	char *end;
	unsigned long long value = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0' || value > most)
		die("not a number, or too large", text);
	return (size_t)value;
}

int main(int argc, char **argv)
{
	struct bench_filters filters;
	uint64_t state;

	if (argc < 5 || argc > 6)
		die("usage", "bench_generate netsh|rules|map|packets COUNT|@FILE SHAPES SEED [PACKETS]");
	state = number(argv[4], UINT32_MAX);
	if (argv[2][0] == '@') {
		filters = filters_classbench(argv[2] + 1);
	} else {
		size_t shapes = number(argv[3], SHAPES_MOST);

		if (shapes == 0)
			die("shapes are 1 to 135, not", argv[3]);
		filters = filters_own(number(argv[2], FILTERS_MOST), (unsigned)shapes, &state);
	}
	if (filters.count == 0)
		die("no filters in", argv[2]);
	if (strcmp(argv[1], "netsh") == 0)
		write_netsh(&filters);
	else if (strcmp(argv[1], "rules") == 0)
		write_rules(&filters);
	else if (strcmp(argv[1], "map") == 0)
		write_map(&filters);
	else if (strcmp(argv[1], "packets") == 0 && argc == 6)
		write_packets(&filters, number(argv[5], 100000000), &state);
	else
		die("unknown form (packets needs how many)", argv[1]);
	free(filters.items);
	return fflush(stdout) == 0 && !ferror(stdout) ? 0 : 3;
}
