/* A logged packet as a record: what its log prefix, hook and bytes say.  Pure. */
#ifndef CORDON_BOOTCFG_DAEMON_DROP_H
#define CORDON_BOOTCFG_DAEMON_DROP_H

#include "bootcfg/daemon/aggregate.h"
#include "bootcfg/daemon/nflog.h"
#include "core/record/record.h"

enum drop_kind { DROP_BLOCK, DROP_OBSERVE, DROP_BOOT };

/* Event ids of the IPsec driver: a packet dropped that came in (or was to be forwarded), that was to go out. */
enum { DROP_IN_EVENT = 4290, DROP_OUT_EVENT = 4291 };

struct drop {
	enum drop_kind kind;
	enum direction direction;
	uint64_t hash;            /* of policy, rule and filter list */
	struct cursor rule;       /* as much as the prefix holds of it */
	uint32_t interface;       /* index; of a forwarded packet the one it came in by */
	uint32_t uid;             /* of who sent it from here; valid with has_uid */
	bool has_uid;
	struct record record;     /* of the packet: no names, no mode, no interface yet */
};

/* False when the prefix is not of our rules: cordon:block:HASH:RULE, observe or boot in the place of block. */
bool drop_read(const struct nflog_packet *packet, struct drop *ret_drop);

/* The level (bit of ipsecdiagnostics) that records it. */
enum { DIAGNOSTICS_ERRORS = 1, DIAGNOSTICS_IN = 2, DIAGNOSTICS_OUT = 4 };
unsigned drop_level(enum direction direction);

/* Under which key it is counted, and the record that stands for such a count (without time and interface). */
void drop_key(const struct drop *drop, struct name *name, struct aggregate_key *ret_key);
void drop_counted(const struct aggregate_entry *entry, struct record *ret_record);

/* Source, event id, action and direction of a record. */
void drop_kind_set(struct record *record, enum drop_kind kind, enum direction direction);
void drop_name_set(struct record *record, const struct name *name);

/* A line for people: "DROP in TCP 203.0.113.9:4000 > 192.0.2.10:22, rule \"lock down\", policy \"p\"". */
void drop_print(const struct record *record, struct buffer *buffer);

#endif
