/* Drops that are counted instead of being written one by one: per source, destination, protocol, destination port,
 * interface, direction and rule in a bounded table; per rule when that is full; and one last number when even that is. */
#ifndef CORDON_BOOTCFG_DAEMON_AGGREGATE_H
#define CORDON_BOOTCFG_DAEMON_AGGREGATE_H

#include "bootcfg/daemon/names.h"

/* Compared and hashed as bytes: make it of zeros, then fill it in. */
struct aggregate_key {
	uint8_t src[16], dst[16];
	struct name *name;        /* held while the entry is there */
	uint32_t interface;       /* index */
	uint16_t port;            /* destination; of ICMP type and code */
	uint8_t family, protocol;
	uint8_t direction;        /* of enum direction */
	uint8_t kind;             /* the collector's: blocked, observed, at boot */
	uint8_t has;              /* of enum aggregate_has */
	uint8_t padding[5];
};
enum aggregate_has { AGGREGATE_SRC = 1, AGGREGATE_DST = 2, AGGREGATE_PROTOCOL = 4, AGGREGATE_PORT = 8, AGGREGATE_ICMP = 16 };

struct aggregate_entry {
	struct aggregate_key key;
	uint64_t count;
	uint64_t time;            /* FILETIME of the last one */
	bool rule;                /* counted for its rule only: the key has nothing but name, direction and kind */
};

struct aggregate;

/* `most` sources and an eighth as many rules. */
struct aggregate *aggregate_new(size_t most);
void aggregate_free(struct aggregate *aggregate);

void aggregate_add(struct aggregate *aggregate, const struct aggregate_key *key, uint64_t packets, uint64_t time);
/* Whether the table of sources is nearly full: write it out, or the next ones are counted per rule only. */
bool aggregate_crowded(const struct aggregate *aggregate);
/* How many entries there are. */
size_t aggregate_count(const struct aggregate *aggregate);
/* Gives the entries to `take` in order of time; each that it takes (true) leaves the table, at the first one that it does
 * not take it ends.  One that has no name (key.name NULL) is the last number. */
void aggregate_take(struct aggregate *aggregate, bool (*take)(const struct aggregate_entry *entry, void *context), void *context);

#endif
