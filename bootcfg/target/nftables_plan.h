/* What the kernel is to hold, as data: counters, verdict maps, chains of rules in nft's words, and how the
 * elements of each map follow from the matches of its group.  Elements are never stored: they are encoded
 * straight from ruleset->matches, so that a plan for 100,000 filters is as small as one for ten.
 *
 *   base chain (input, forward, output)   one rule: goto the entry chain of the generation in force
 *   g7_input, g7_forward, g7_output       exemptions, then one goto a family
 *   g7_ip4, g7_ip6 …                      at most two fib look-ups, then the maps in the order of the groups;
 *                                         _s, _d, _sd: source, destination, both are addresses of the host
 *   g7_m0 …                               a map a group: what the key holds, to the chain of an origin
 *   g7_o0 …                               one an origin: count, log, verdict
 *   g7_defrag                             nothing refers to it: its tproxy makes the kernel reassemble fragments
 *
 * What a start-up ruleset drops is counted by source, protocol and port before anybody listens:
 *
 *   g7_drops4, g7_drops6              one a family, before the rule that drops
 *   g7_drops4_ports …                 the same for protocols that have ports
 *   g7_boot_drops4, g7_boot_drops6    dynamic sets: see PLAN_BOOT_DROPS4
 *
 * Everything but base chains and counters has the number of its generation in its name; counters are named by
 * what they count, so they live on. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_PLAN_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_PLAN_H

#include "bootcfg/target/nftables.h"
#include "core/base/arena.h"
#include "core/base/cursor.h"

#define PLAN_TABLE "cordon"

/* The sets of a start-up ruleset, behind the number of their generation (g1_boot_drops4).  Key: source address, l4
 * protocol, destination port (0 for all but TCP, UDP, UDP-Lite, SCTP), each part padded to four bytes with its value
 * first and in network order: 12 bytes for IPv4, 24 for IPv6.  Each element has a counter.  A full set takes no new
 * keys and the packet is dropped all the same: the counter PLAN_BOOT_TOTAL has all packets, so what it has more than
 * the elements of both sets together did not fit. */
#define PLAN_BOOT_DROPS4 "boot_drops4"
#define PLAN_BOOT_DROPS6 "boot_drops6"
#define PLAN_BOOT_TOTAL "boot_dropped"

enum {
	PLAN_HOOKS = 3,
	PLAN_BOOT_DROPS = 4096, /* elements of each of them */
	PLAN_COMMENT = 127,  /* bytes of a comment that nft takes */
	PLAN_PREFIX = 127,   /* bytes of a log prefix that the kernel takes */
	PLAN_KEY = 64,       /* bytes of a key that the kernel takes */
	PLAN_SNAPLEN = 128,  /* bytes of a dropped packet that are logged */
};

/* What a map's key is made of, in this order. */
enum plan_part {
	PART_SRC = 1u << 0,
	PART_DST = 1u << 1,
	PART_PROTOCOL = 1u << 2,
	PART_SRCPORT = 1u << 3,
	PART_DSTPORT = 1u << 4,
};

struct plan_rule {
	const char *text;    /* without the comment */
	const char *comment; /* never NULL */
};

struct plan_chain {
	const char *name;
	struct plan_rule *rules;
	size_t count, capacity;
};

struct plan_map {
	const char *name;
	const char *type;   /* "ipv4_addr . inet_service" */
	uint32_t group;     /* whose matches are its elements */
	unsigned parts;     /* of enum plan_part */
	size_t key_length;  /* as the kernel has it: parts of a concatenation are padded to four bytes */
};

/* A set that packets fill. */
struct plan_set {
	const char *name;
	const char *type;   /* of its key */
	uint32_t size;      /* elements at most */
};

struct plan_counter {
	const char *name, *comment;
};

/* A hook: its base chain and the one rule in it. */
struct plan_base {
	const char *name;    /* of the hook and of the chain */
	uint32_t hook;       /* NF_INET_… */
	enum direction direction;
	const char *entry;   /* the chain that it goes to */
};

struct plan {
	struct arena *arena;
	const struct ruleset *ruleset; /* borrowed: must outlive the plan */
	uint64_t generation;
	bool observe;
	uint16_t nflog_group;
	const char *comment;           /* of the rules in the base chains: plan_comment_parse takes it apart */
	char digest[65];
	struct plan_base bases[PLAN_HOOKS];
	struct plan_counter *counters; /* no name is there twice */
	size_t counter_count, counter_capacity;
	struct plan_map *maps;
	size_t map_count;
	struct plan_set sets[2];       /* of a start-up ruleset */
	size_t set_count;
	struct plan_chain *chains;     /* of the generation */
	size_t chain_count, chain_capacity;
	const char **origin_chains;    /* by index of the origin */
};

/* Pure.  Caller frees with plan_free. */
struct plan *plan_compile(const struct ruleset *ruleset, const struct nftables_options *options, uint64_t generation);
void plan_free(struct plan *plan);

/* The key of a match in its map; returns its length (map->key_length). */
size_t plan_key(const struct plan *plan, const struct plan_map *map, const struct match *match, uint8_t key[PLAN_KEY]);
/* A key for people: "203.0.113.0/24 -> any tcp :80". */
void plan_key_print(const struct plan *plan, const struct plan_map *map, const uint8_t *key, struct buffer *buffer);

/* What the comment of a base chain's rule says; false when it is none of ours. */
struct plan_head {
	uint64_t generation;
	enum mode mode;
	enum bootmode bootmode;        /* with MODE_BOOT */
	bool observe;
	char digest[65];
};
bool plan_comment_parse(const char *comment, struct plan_head *ret_head);

/* The comment of a counter and of an origin's rule, taken apart: action, policy, rule, filter list.  False when it
 * is none of ours. */
enum plan_name { NAME_ACTION, NAME_POLICY, NAME_RULE, NAME_LIST, NAME_COUNT };
bool plan_names_parse(const char *comment, struct cursor ret_names[NAME_COUNT]);

/* The number in a name such as g7_input; false when it has none. */
bool plan_generation_parse(const char *name, uint64_t *ret_generation);

/* Whether a name is that of a set of counted start-up drops, such as g1_boot_drops4; its family, else FAMILY_NONE. */
unsigned plan_boot_drops_family(const char *name);

/* The table with all elements, as `nft -f` reads it. */
void plan_print(const struct plan *plan, struct buffer *buffer);
/* The generation without elements and without base chains, one command a line (nothing refers to it yet). */
void plan_print_stage(const struct plan *plan, struct buffer *buffer);
/* The base chains, which put it in force. */
void plan_print_bases(const struct plan *plan, struct buffer *buffer);

#endif
