/* Tuple space in memory.  All matches are in one table of slots (a part of the hash beside the index of the
 * match); each group has its own stretch of it, so a look-up is a mask, a hash and mostly one slot.
 *
 * A ruleset may have hundreds of groups, and a packet can match in few of them.  So each packet first gets sets
 * of groups, one bit a group: those that have a source prefix which holds its source, the same for the
 * destination, those with its protocol, its ports, its direction; the bits that all sets share are looked up in
 * order.  Sets for addresses come from the prefixes of all matches cut into intervals: within an interval
 * the set is the same, and binary search finds the interval.  The same search tells what the address is to
 * the host (its own, loopback, multicast, broadcast), which is all that exemptions and `me` ask.
 *
 * With more groups than bits, one bit stands for several neighbours in the order: the sets may then name too many
 * groups, never too few, and the look-up has the last word. */
#include "core/policy/classifier.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/memory.h"

enum {
	FAMILIES = 2,                   /* IPv4 and IPv6, in this order */
	BITS_MOST = 512,                /* of a set; a multiple of 64 */
	SETS_BYTES_MOST = 13 << 20,     /* what the sets of one address index may take: more makes them narrower */
	PORTS = 1 << 16,
	INDEX_BITS_MOST = 16,
};

enum address_flag { FLAG_ME = 1u << 0, FLAG_LOOPBACK = 1u << 1, FLAG_MULTICAST = 1u << 2, FLAG_BROADCAST = 1u << 3 };

/* Sets of groups, each kept once.  A set is `words` words of bits, then one word of flags. */
struct sets {
	uint64_t *items;
	size_t words;               /* of one set, flags included */
	size_t count, capacity;
	uint32_t *slots;            /* only while sets are added */
	size_t slot_count;
};

/* The addresses from `high`, `low` up to the next interval. */
struct interval {
	uint64_t high, low;
	uint32_t set;
};

/* Intervals in order; IPv4 addresses are in the top half of `high`. */
struct address_index {
	struct interval *intervals;
	size_t count;
	uint32_t *first;            /* by the top bits of an address: the interval that its first address is in */
	unsigned shift;             /* of `high`, to the top bits */
	struct sets sets;
};

struct port_index {
	uint16_t *set_of;           /* of each port; NULL when no match has such a port */
	struct sets sets;
};

/* A slot of the hash: 0 when empty, else tag << 32 | index of the match + 1. */
struct table {
	uint64_t masks[4];          /* of source and destination, as packet_key lays them out */
	uint64_t ports_mask;
	uint32_t first, mask;       /* its stretch of slots: a power of 2, minus 1 */
	uint32_t group;
	uint8_t directions, src_flags, dst_flags;
	bool reply;
};

struct family_index {
	struct table *tables;       /* one a group, in order */
	size_t count;
	size_t words, run;          /* words of a set; tables that one bit stands for */
	struct address_index src, dst;
	struct port_index srcport, dstport;
	uint64_t *protocols;        /* 256 sets: tables that ask for no protocol, or this one */
	uint64_t *ways;             /* a set for each direction and reply: see way_of */
};

struct classifier {
	const struct ruleset *ruleset;
	struct family_index families[FAMILIES];
	uint64_t *slots;
	uint32_t exempt_first[257]; /* by protocol: where in exempt its exemptions start */
	uint16_t *exempt;           /* indexes of exemptions, in order */
};

/* Source and destination as whole words (IPv4: both in the first), ports and protocol in the last. */
struct packet_key {
	uint64_t address[4];
	uint64_t ports;
};

static inline uint64_t word_load(const uint8_t bytes[8])
{
	uint64_t word;
	memcpy(&word, bytes, sizeof(word));
	return __builtin_bswap64(word);
}

static inline uint32_t half_load(const uint8_t bytes[4])
{
	uint32_t half;
	memcpy(&half, bytes, sizeof(half));
	return __builtin_bswap32(half);
}

static inline void key_load(bool six, const uint8_t src[16], const uint8_t dst[16], struct packet_key *ret_key)
{
	if (!six) {
		ret_key->address[0] = (uint64_t)half_load(src) << 32 | half_load(dst);
		ret_key->address[1] = ret_key->address[2] = ret_key->address[3] = 0;
		return;
	}
	ret_key->address[0] = word_load(src);
	ret_key->address[1] = word_load(src + 8);
	ret_key->address[2] = word_load(dst);
	ret_key->address[3] = word_load(dst + 8);
}

static inline uint64_t ports_load(uint16_t srcport, uint16_t dstport, uint8_t protocol)
{
	return (uint64_t)srcport << 32 | (uint64_t)dstport << 16 | protocol;
}

static inline uint64_t key_hash(bool six, const struct packet_key *key)
{
	uint64_t hash = (key->address[0] ^ key->ports * 0x9e3779b97f4a7c15u) * 0xff51afd7ed558ccdu;
	for (size_t i = 1; six && i < ARRAY_LENGTH(key->address); i++)
		hash = (hash ^ hash >> 31 ^ key->address[i]) * 0xc4ceb9fe1a85ec53u;
	hash = (hash ^ hash >> 32) * 0x9fb21c651e98df25u;
	return hash ^ hash >> 28;
}

/* --- Sets --- */

static uint64_t *set_at(const struct sets *sets, uint32_t set)
{
	return sets->items + (size_t)set * sets->words;
}

static size_t set_hash(const uint64_t *set, size_t words)
{
	uint64_t hash = 0;
	for (size_t i = 0; i < words; i++)
		hash = (hash ^ set[i]) * 0xff51afd7ed558ccdu ^ hash >> 29;
	return (size_t)(hash ^ hash >> 32);
}

static void sets_rehash(struct sets *sets)
{
	free(sets->slots);
	sets->slot_count = sets->slot_count > 0 ? sets->slot_count * 2 : 64;
	sets->slots = memory_alloc(sets->slot_count * sizeof(*sets->slots));
	for (uint32_t i = 0; i < sets->count; i++) {
		size_t slot = set_hash(set_at(sets, i), sets->words) & (sets->slot_count - 1);
		while (sets->slots[slot] != 0)
			slot = (slot + 1) & (sets->slot_count - 1);
		sets->slots[slot] = i + 1;
	}
}

/* The number of a set; the set is copied when it is new. */
static uint32_t sets_intern(struct sets *sets, const uint64_t *set)
{
	if (sets->count * 2 >= sets->slot_count)
		sets_rehash(sets);
	size_t size = sets->words * sizeof(*set);
	size_t slot = set_hash(set, sets->words) & (sets->slot_count - 1);
	for (; sets->slots[slot] != 0; slot = (slot + 1) & (sets->slot_count - 1))
		if (memcmp(set_at(sets, sets->slots[slot] - 1), set, size) == 0)
			return sets->slots[slot] - 1;
	if (sets->count == sets->capacity) {
		sets->capacity = sets->capacity > 0 ? sets->capacity * 2 : 16;
		sets->items = memory_resize_array(sets->items, sets->capacity, size);
	}
	memcpy(set_at(sets, (uint32_t)sets->count), set, size);
	sets->slots[slot] = (uint32_t)++sets->count;
	return (uint32_t)sets->count - 1;
}

/* No more will be added. */
static void sets_close(struct sets *sets)
{
	free(sets->slots);
	sets->slots = NULL;
	sets->slot_count = 0;
}

/* --- Addresses --- */

/* A prefix and what it adds to the sets of the addresses in it: a bit, or flags. */
struct prefix {
	uint64_t high, low;
	uint16_t bit;
	uint8_t bits, flags;
};
enum { BIT_NONE = UINT16_MAX };

struct prefixes {
	struct prefix *items;
	size_t count, capacity;
};

static void prefixes_add(struct prefixes *prefixes, struct prefix prefix)
{
	if (prefixes->count == prefixes->capacity) {
		prefixes->capacity = prefixes->capacity > 0 ? prefixes->capacity * 2 : 256;
		prefixes->items = memory_resize_array(prefixes->items, prefixes->capacity, sizeof(prefix));
	}
	prefixes->items[prefixes->count++] = prefix;
}

/* By first address, the shorter first: whatever holds a prefix comes before it. */
static int prefix_compare(const void *a, const void *b)
{
	const struct prefix *x = a, *y = b;
	if (x->high != y->high)
		return x->high < y->high ? -1 : 1;
	if (x->low != y->low)
		return x->low < y->low ? -1 : 1;
	if (x->bits != y->bits)
		return x->bits < y->bits ? -1 : 1;
	return (x->bit > y->bit) - (x->bit < y->bit);
}

/* The last address of a prefix.  Bits count from the top of the 128, for IPv4 too. */
static void prefix_last(const struct prefix *prefix, uint64_t *ret_high, uint64_t *ret_low)
{
	unsigned bits = prefix->bits;
	*ret_high = prefix->high | (bits == 0 ? ~(uint64_t)0 : bits < 64 ? ~(uint64_t)0 >> bits : 0);
	*ret_low = prefix->low | (bits <= 64 ? ~(uint64_t)0 : bits < 128 ? ~(uint64_t)0 >> (bits - 64) : 0);
}

static void interval_add(struct address_index *index, uint64_t high, uint64_t low, uint32_t set)
{
	struct interval *last = index->count > 0 ? &index->intervals[index->count - 1] : NULL;
	if (last != NULL && last->high == high && last->low == low) {
		last->set = set;
		return;
	}
	if (last == NULL || last->set != set)
		index->intervals[index->count++] = (struct interval){high, low, set};
}

/* The prefixes around the place where the sweep is, the innermost last. */
struct nest {
	struct {
		uint64_t high, low; /* the last address */
		uint32_t set;
	} levels[130];
	size_t depth;
};

/* Leaves the prefixes that end before an address (or all): behind each, the one around it goes on. */
static void nest_leave(struct nest *nest, struct address_index *index, const struct prefix *next)
{
	while (nest->depth > 1) {
		uint64_t high = nest->levels[nest->depth - 1].high, low = nest->levels[nest->depth - 1].low;
		if (next != NULL && (high > next->high || (high == next->high && low >= next->low)))
			return;
		nest->depth--;
		if (++low == 0 && ++high == 0)
			return; /* that was the last address of all */
		interval_add(index, high, low, nest->levels[nest->depth - 1].set);
	}
}

static void intervals_make(struct address_index *index, struct prefixes *prefixes)
{
	struct nest nest = {.depth = 1};
	uint64_t set[BITS_MOST / 64 + 1] = {0};
	nest.levels[0].set = sets_intern(&index->sets, set);
	nest.levels[0].high = nest.levels[0].low = UINT64_MAX;
	index->intervals = memory_alloc((prefixes->count * 2 + 1) * sizeof(*index->intervals));
	interval_add(index, 0, 0, nest.levels[0].set);
	if (prefixes->count > 0)
		qsort(prefixes->items, prefixes->count, sizeof(*prefixes->items), prefix_compare);
	const struct prefix *before = NULL;
	for (const struct prefix *prefix = prefixes->items; prefix < prefixes->items + prefixes->count; prefix++) {
		bool same = before != NULL && before->high == prefix->high && before->low == prefix->low &&
			    before->bits == prefix->bits;
		if (!same)
			nest_leave(&nest, index, prefix);
		uint32_t around = nest.levels[nest.depth - 1].set;
		memcpy(set, set_at(&index->sets, around), index->sets.words * sizeof(*set));
		if (prefix->bit != BIT_NONE)
			set[prefix->bit / 64] |= (uint64_t)1 << prefix->bit % 64;
		set[index->sets.words - 1] |= prefix->flags;
		if (!same)
			prefix_last(prefix, &nest.levels[nest.depth].high, &nest.levels[nest.depth].low);
		nest.depth += !same;
		nest.levels[nest.depth - 1].set = sets_intern(&index->sets, set);
		interval_add(index, prefix->high, prefix->low, nest.levels[nest.depth - 1].set);
		before = prefix;
	}
	nest_leave(&nest, index, NULL);
	sets_close(&index->sets);
	index->intervals = memory_resize_array(index->intervals, index->count, sizeof(*index->intervals));
}

/* The table over the top bits: as many entries as there are intervals, within reason. */
static void index_make(struct address_index *index)
{
	unsigned bits = 1;
	while (bits < INDEX_BITS_MOST && (size_t)1 << bits < index->count)
		bits++;
	index->shift = 64 - bits;
	index->first = memory_alloc((((size_t)1 << bits) + 1) * sizeof(*index->first));
	size_t at = 0;
	for (size_t top = 0; top < (size_t)1 << bits; top++) {
		uint64_t high = (uint64_t)top << index->shift;
		while (at + 1 < index->count && (index->intervals[at + 1].high < high ||
						 (index->intervals[at + 1].high == high && index->intervals[at + 1].low == 0)))
			at++;
		index->first[top] = (uint32_t)at;
	}
	index->first[(size_t)1 << bits] = (uint32_t)index->count - 1;
}

static inline const uint64_t *address_set(const struct address_index *index, uint64_t high, uint64_t low)
{
	size_t top = (size_t)(high >> index->shift);
	const struct interval *base = index->intervals + index->first[top];
	size_t count = index->first[top + 1] - index->first[top] + 1;
	/* The last interval that does not start behind the address. */
	while (count > 1) {
		size_t half = count / 2;
		const struct interval *middle = base + half;
		bool behind = middle->high > high || (middle->high == high && middle->low > low);
		base = behind ? base : middle;
		count = behind ? half : count - half;
	}
	return set_at(&index->sets, base->set);
}

/* --- Making it --- */

static uint64_t bits_mask(unsigned bits)
{
	return bits == 0 ? 0 : bits >= 64 ? ~(uint64_t)0 : ~(~(uint64_t)0 >> bits);
}

static void side_masks(uint64_t masks[2], bool me, unsigned bits)
{
	masks[0] = me ? 0 : bits_mask(bits);
	masks[1] = me || bits < 64 ? 0 : bits_mask(bits - 64);
}

static void table_init(struct table *table, const struct shape *shape)
{
	uint64_t src[2], dst[2];
	side_masks(src, shape->src_me, shape->src_bits);
	side_masks(dst, shape->dst_me, shape->dst_bits);
	if (shape->family == FAMILY_IPV6) {
		memcpy(table->masks, src, sizeof(src));
		memcpy(table->masks + 2, dst, sizeof(dst));
	} else {
		table->masks[0] = src[0] | dst[0] >> 32;
	}
	table->ports_mask = ports_load(shape->has_srcport ? UINT16_MAX : 0, shape->has_dstport ? UINT16_MAX : 0,
				       shape->has_protocol ? UINT8_MAX : 0);
	table->directions = shape->directions;
	table->src_flags = shape->src_me ? FLAG_ME : 0;
	table->dst_flags = shape->dst_me ? FLAG_ME : 0;
	table->reply = shape->reply;
}

static void slots_fill(struct classifier *classifier, const struct table *table)
{
	const struct group *group = &classifier->ruleset->groups[table->group];
	bool six = group->shape.family == FAMILY_IPV6;
	for (uint32_t i = group->first; i < group->first + group->count; i++) {
		const struct match *match = &classifier->ruleset->matches[i];
		struct packet_key key;
		key_load(six, match->src, match->dst, &key);
		key.ports = ports_load(match->srcport, match->dstport, match->protocol);
		uint64_t hash = key_hash(six, &key);
		uint32_t slot = (uint32_t)hash & table->mask;
		while (classifier->slots[table->first + slot] != 0)
			slot = (slot + 1) & table->mask;
		classifier->slots[table->first + slot] = (hash & 0xffffffff00000000u) | (i + 1);
	}
}

/* One table a group, each with a stretch of slots at most half full. */
static void tables_make(struct classifier *classifier)
{
	const struct ruleset *ruleset = classifier->ruleset;
	size_t slots = 0;
	for (size_t f = 0; f < FAMILIES; f++)
		classifier->families[f].tables = memory_alloc((ruleset->group_count + 1) * sizeof(struct table));
	for (uint32_t g = 0; g < ruleset->group_count; g++) {
		const struct group *group = &ruleset->groups[g];
		struct family_index *family = &classifier->families[group->shape.family == FAMILY_IPV6];
		struct table *table = &family->tables[family->count++];
		table_init(table, &group->shape);
		uint32_t size = 2;
		while (size < group->count * 2)
			size *= 2;
		table->group = g;
		table->first = (uint32_t)slots;
		table->mask = size - 1;
		slots += size;
	}
	classifier->slots = memory_alloc(slots * sizeof(*classifier->slots));
	for (size_t f = 0; f < FAMILIES; f++)
		for (size_t i = 0; i < classifier->families[f].count; i++)
			slots_fill(classifier, &classifier->families[f].tables[i]);
}

static struct prefix prefix_of(const uint8_t bytes[16], unsigned family, unsigned bits)
{
	struct prefix prefix = {.bits = (uint8_t)bits, .bit = BIT_NONE};
	if (family == FAMILY_IPV6) {
		prefix.high = word_load(bytes);
		prefix.low = word_load(bytes + 8);
	} else {
		prefix.high = (uint64_t)half_load(bytes) << 32;
	}
	return prefix;
}

/* What addresses are to the host.  Candidates only: whether one is, the functions of host.c say. */
static void host_prefixes(const struct host *host, unsigned family, struct prefixes *prefixes)
{
	static const struct {
		struct ip first;
		uint8_t bits, flag;
	} fixed[] = {
		{{FAMILY_IPV4, {127}}, 8, FLAG_LOOPBACK},
		{{FAMILY_IPV4, {224}}, 4, FLAG_MULTICAST},
		{{FAMILY_IPV4, {255, 255, 255, 255}}, 32, FLAG_BROADCAST},
		{{FAMILY_IPV6, {[15] = 1}}, 128, FLAG_LOOPBACK},
		{{FAMILY_IPV6, {0xff}}, 8, FLAG_MULTICAST},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(fixed); i++) {
		if (fixed[i].first.family != family)
			continue;
		struct prefix prefix = prefix_of(fixed[i].first.bytes, family, fixed[i].bits);
		prefix.flags = fixed[i].flag;
		prefixes_add(prefixes, prefix);
	}
	for (size_t i = 0; i < host->address_count; i++) {
		struct ip ip = host->addresses[i].ip;
		if (ip.family != family)
			continue;
		struct prefix prefix = prefix_of(ip.bytes, family, family_bits(family));
		prefix.flags = FLAG_ME;
		prefixes_add(prefixes, prefix);
		for (unsigned bit = host->addresses[i].bits; family == FAMILY_IPV4 && bit < 32; bit++)
			ip.bytes[bit / 8] = (uint8_t)(ip.bytes[bit / 8] | 0x80u >> bit % 8);
		if (!host_is_broadcast(host, &ip))
			continue;
		prefix = prefix_of(ip.bytes, family, 32);
		prefix.flags = FLAG_BROADCAST;
		prefixes_add(prefixes, prefix);
	}
}

/* One side of one table: a prefix for each match, or for each address of the host, or one for all. */
static void table_prefixes(const struct ruleset *ruleset, const struct group *group, bool dst, uint16_t bit,
			   struct prefixes *prefixes)
{
	const struct shape *shape = &group->shape;
	unsigned bits = dst ? shape->dst_bits : shape->src_bits;
	bool me = dst ? shape->dst_me : shape->src_me;
	if (me) {
		for (size_t i = 0; i < ruleset->host->address_count; i++) {
			const struct ip *ip = &ruleset->host->addresses[i].ip;
			if (ip->family != shape->family)
				continue;
			struct prefix prefix = prefix_of(ip->bytes, ip->family, family_bits(ip->family));
			prefix.bit = bit;
			prefixes_add(prefixes, prefix);
		}
		return;
	}
	struct prefix before = {.bits = UINT8_MAX};
	for (uint32_t i = 0; i < (bits == 0 ? 1 : group->count); i++) {
		const struct match *match = &ruleset->matches[group->first + i];
		struct prefix prefix = prefix_of(dst ? match->dst : match->src, shape->family, bits);
		prefix.bit = bit;
		if (prefix_compare(&before, &prefix) != 0)
			prefixes_add(prefixes, prefix);
		before = prefix;
	}
}

static void address_index_make(const struct ruleset *ruleset, const struct family_index *family, unsigned number, bool dst,
			       struct address_index *ret_index)
{
	struct prefixes prefixes = {0};
	host_prefixes(ruleset->host, number, &prefixes);
	for (size_t i = 0; i < family->count; i++)
		table_prefixes(ruleset, &ruleset->groups[family->tables[i].group], dst, (uint16_t)(i / family->run), &prefixes);
	ret_index->sets.words = family->words + 1;
	intervals_make(ret_index, &prefixes);
	index_make(ret_index);
	free(prefixes.items);
}

static void set_mark(uint64_t *set, size_t bit)
{
	set[bit / 64] |= (uint64_t)1 << bit % 64;
}

/* A port of one side and the bit of a group that has it. */
struct port_use {
	uint16_t port, bit;
};

static int port_use_compare(const void *a, const void *b)
{
	const struct port_use *x = a, *y = b;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return (x->bit > y->bit) - (x->bit < y->bit);
}

/* Every port that some match has gets its own set; all others share set 0: the tables that ask for no port.
 * There are at most 65535 ports besides 0, so the numbers of the sets have room in 16 bits. */
static void port_sets_make(struct port_index *index, const uint64_t *asked_by_none, const struct port_use *uses, size_t count)
{
	uint64_t set[BITS_MOST / 64] = {0};
	size_t size = index->sets.words * sizeof(*set);
	index->set_of = memory_alloc(PORTS * sizeof(*index->set_of));
	(void)sets_intern(&index->sets, asked_by_none);
	for (size_t first = 0, at = 0; first < count; first = at) {
		memcpy(set, asked_by_none, size);
		for (; at < count && uses[at].port == uses[first].port; at++)
			set_mark(set, uses[at].bit);
		index->set_of[uses[first].port] = (uint16_t)sets_intern(&index->sets, set);
	}
	sets_close(&index->sets);
}

static void port_index_make(const struct ruleset *ruleset, const struct family_index *family, bool dst, struct port_index *ret_index)
{
	uint64_t asked_by_none[BITS_MOST / 64] = {0};
	size_t count = 0, capacity = 0;
	for (size_t i = 0; i < family->count; i++) {
		const struct group *group = &ruleset->groups[family->tables[i].group];
		if (dst ? group->shape.has_dstport : group->shape.has_srcport)
			capacity += group->count;
		else
			set_mark(asked_by_none, i / family->run);
	}
	if (capacity == 0)
		return;
	struct port_use *uses = memory_alloc(capacity * sizeof(*uses));
	for (size_t i = 0; i < family->count; i++) {
		const struct group *group = &ruleset->groups[family->tables[i].group];
		bool has = dst ? group->shape.has_dstport : group->shape.has_srcport;
		for (uint32_t j = 0; has && j < group->count; j++) {
			const struct match *match = &ruleset->matches[group->first + j];
			uses[count++] = (struct port_use){dst ? match->dstport : match->srcport, (uint16_t)(i / family->run)};
		}
	}
	qsort(uses, count, sizeof(*uses), port_use_compare);
	ret_index->sets.words = family->words;
	port_sets_make(ret_index, asked_by_none, uses, count);
	free(uses);
}

/* Which of the six sets of `ways` a packet asks. */
static inline size_t way_of(unsigned direction, bool reply)
{
	return (size_t)(direction >> 1) * 2 + reply; /* in 0, out 1, forward 2 */
}

static void masks_make(const struct ruleset *ruleset, struct family_index *family)
{
	family->protocols = memory_alloc(256 * family->words * sizeof(uint64_t));
	family->ways = memory_alloc(6 * family->words * sizeof(uint64_t));
	for (size_t i = 0; i < family->count; i++) {
		const struct group *group = &ruleset->groups[family->tables[i].group];
		size_t bit = i / family->run;
		for (size_t protocol = 0; !group->shape.has_protocol && protocol < 256; protocol++)
			set_mark(family->protocols + protocol * family->words, bit);
		for (uint32_t j = 0; group->shape.has_protocol && j < group->count; j++)
			set_mark(family->protocols + ruleset->matches[group->first + j].protocol * family->words, bit);
		for (unsigned direction = DIRECTION_IN; direction <= DIRECTION_FORWARD; direction <<= 1)
			for (unsigned reply = group->shape.reply; reply < 2 && (group->shape.directions & direction) != 0; reply++)
				set_mark(family->ways + way_of(direction, reply) * family->words, bit);
	}
}

/* How many bits a set has: one a table when that is affordable. */
static void family_width(const struct ruleset *ruleset, struct family_index *family)
{
	size_t matches = 0, bits = 64;
	for (size_t i = 0; i < family->count; i++)
		matches += ruleset->groups[family->tables[i].group].count;
	/* Each match may make two intervals, and each interval a set of its own. */
	while (bits < family->count && bits < BITS_MOST && matches * 2 * (bits * 2 / 8) <= SETS_BYTES_MOST)
		bits *= 2;
	family->run = (family->count + bits - 1) / bits;
	if (family->run == 0)
		family->run = 1;
	family->words = ((family->count + family->run - 1) / family->run + 63) / 64;
	if (family->words == 0)
		family->words = 1;
}

static void exempt_make(struct classifier *classifier)
{
	const struct ruleset *ruleset = classifier->ruleset;
	uint32_t count = 0;
	classifier->exempt = memory_alloc(256 * ruleset->exemption_count * sizeof(*classifier->exempt));
	for (unsigned protocol = 0; protocol < 256; protocol++) {
		classifier->exempt_first[protocol] = count;
		for (size_t i = 0; i < ruleset->exemption_count; i++)
			if (ruleset->exemptions[i].protocol == 0 || ruleset->exemptions[i].protocol == protocol)
				classifier->exempt[count++] = (uint16_t)i;
	}
	classifier->exempt_first[256] = count;
}

struct classifier *classifier_new(const struct ruleset *ruleset)
{
	static const uint8_t numbers[FAMILIES] = {FAMILY_IPV4, FAMILY_IPV6};
	struct classifier *classifier = memory_alloc(sizeof(*classifier));
	classifier->ruleset = ruleset;
	tables_make(classifier);
	exempt_make(classifier);
	for (size_t f = 0; f < FAMILIES; f++) {
		struct family_index *family = &classifier->families[f];
		family_width(ruleset, family);
		masks_make(ruleset, family);
		address_index_make(ruleset, family, numbers[f], false, &family->src);
		address_index_make(ruleset, family, numbers[f], true, &family->dst);
		port_index_make(ruleset, family, false, &family->srcport);
		port_index_make(ruleset, family, true, &family->dstport);
	}
	return classifier;
}

static void address_index_done(struct address_index *index)
{
	free(index->intervals);
	free(index->first);
	free(index->sets.items);
}

void classifier_free(struct classifier *classifier)
{
	if (classifier == NULL)
		return;
	for (size_t f = 0; f < FAMILIES; f++) {
		struct family_index *family = &classifier->families[f];
		address_index_done(&family->src);
		address_index_done(&family->dst);
		free(family->srcport.set_of);
		free(family->srcport.sets.items);
		free(family->dstport.set_of);
		free(family->dstport.sets.items);
		free(family->protocols);
		free(family->ways);
		free(family->tables);
	}
	free(classifier->slots);
	free(classifier->exempt);
	free(classifier);
}

/* --- Judging --- */

/* A packet with all that its look-ups need. */
struct question {
	const struct packet *packet;
	const struct family_index *family;
	struct packet_key key;
	const uint64_t *src, *dst;     /* sets; the word behind them has the flags */
	unsigned src_flags, dst_flags;
	bool six;
};

static void question_ask(const struct classifier *classifier, const struct packet *packet, struct question *ret_question)
{
	struct question *question = ret_question;
	question->packet = packet;
	question->six = packet->src.family == FAMILY_IPV6;
	question->family = &classifier->families[question->six];
	key_load(question->six, packet->src.bytes, packet->dst.bytes, &question->key);
	question->key.ports = ports_load(packet->srcport, packet->dstport, packet->protocol);
	const uint64_t *address = question->key.address;
	if (question->six) {
		question->src = address_set(&question->family->src, address[0], address[1]);
		question->dst = address_set(&question->family->dst, address[2], address[3]);
	} else {
		question->src = address_set(&question->family->src, address[0] & 0xffffffff00000000u, 0);
		question->dst = address_set(&question->family->dst, address[0] << 32, 0);
	}
	question->src_flags = (unsigned)question->src[question->family->words];
	question->dst_flags = (unsigned)question->dst[question->family->words];
}

/* exemption_holds, with what is known of the addresses. */
static bool question_exempt(const struct question *question, const struct exemption *exemption)
{
	const struct packet *packet = question->packet;
	const unsigned local = FLAG_ME | FLAG_LOOPBACK;
	return (exemption->directions & packet->direction) != 0 &&
	       (exemption->family == FAMILY_NONE || exemption->family == packet->src.family) &&
	       (exemption->srcport == 0 || exemption->srcport == packet->srcport) &&
	       (exemption->dstport == 0 || exemption->dstport == packet->dstport) && (!exemption->reply || packet->reply) &&
	       (exemption->type_last == 0 ||
		(packet->icmp_type >= exemption->type_first && packet->icmp_type <= exemption->type_last)) &&
	       (!exemption->src_me || (question->src_flags & FLAG_ME) != 0) &&
	       (!exemption->dst_me || (question->dst_flags & FLAG_ME) != 0) &&
	       (!exemption->loopback || ((question->src_flags & local) != 0 && (question->dst_flags & local) != 0)) &&
	       (!exemption->dst_multicast || (question->dst_flags & FLAG_MULTICAST) != 0) &&
	       (!exemption->dst_broadcast || (question->dst_flags & FLAG_BROADCAST) != 0);
}

/* The match of one table that holds the packet, or NULL. */
static const struct match *table_find(const struct classifier *classifier, const struct table *table,
				      const struct question *question)
{
	if ((table->directions & question->packet->direction) == 0 || (table->reply && !question->packet->reply) ||
	    (question->src_flags & table->src_flags) != table->src_flags ||
	    (question->dst_flags & table->dst_flags) != table->dst_flags)
		return NULL;
	struct packet_key key;
	for (size_t i = 0; i < ARRAY_LENGTH(key.address); i++)
		key.address[i] = question->key.address[i] & table->masks[i];
	key.ports = question->key.ports & table->ports_mask;
	uint64_t hash = key_hash(question->six, &key);
	const uint64_t *slots = classifier->slots + table->first;
	for (uint32_t slot = (uint32_t)hash & table->mask; slots[slot] != 0; slot = (slot + 1) & table->mask) {
		if ((slots[slot] ^ hash) >> 32 != 0)
			continue;
		const struct match *match = &classifier->ruleset->matches[(uint32_t)slots[slot] - 1];
		struct packet_key other;
		key_load(question->six, match->src, match->dst, &other);
		other.ports = ports_load(match->srcport, match->dstport, match->protocol);
		if (memcmp(&other, &key, sizeof(key)) == 0)
			return match;
	}
	return NULL;
}

/* Goes through the tables that may hold the packet, in order, until `most` were found. */
static size_t question_find(const struct classifier *classifier, const struct question *question, struct verdict *verdicts,
			    size_t most, bool count_on)
{
	const struct family_index *family = question->family;
	const struct packet *packet = question->packet;
	size_t words = family->words, found = 0;
	const uint64_t *protocol = family->protocols + packet->protocol * words;
	const uint64_t *way = family->ways + way_of(packet->direction, packet->reply) * words;
	const struct port_index *srcport = &family->srcport, *dstport = &family->dstport;
	const uint64_t *src = srcport->set_of != NULL ? set_at(&srcport->sets, srcport->set_of[packet->srcport]) : protocol;
	const uint64_t *dst = dstport->set_of != NULL ? set_at(&dstport->sets, dstport->set_of[packet->dstport]) : protocol;
	for (size_t word = 0; word < words; word++) {
		uint64_t bits = question->src[word] & question->dst[word] & protocol[word] & way[word] & src[word] & dst[word];
		for (; bits != 0; bits &= bits - 1) {
			size_t first = (word * 64 + (size_t)__builtin_ctzll(bits)) * family->run;
			for (size_t i = first; i < first + family->run && i < family->count; i++) {
				const struct match *match = table_find(classifier, &family->tables[i], question);
				if (match == NULL)
					continue;
				if (found < most)
					verdicts[found] = (struct verdict){.action = (enum action)match->action, .match = match,
									   .group = family->tables[i].group};
				found++;
				if (found == most && !count_on)
					return found;
			}
		}
	}
	return found;
}

void classifier_judge(const struct classifier *classifier, const struct packet *packet, struct verdict *ret_verdict)
{
	struct question question;
	question_ask(classifier, packet, &question);
	const uint32_t *first = &classifier->exempt_first[packet->protocol];
	for (uint32_t i = first[0]; i < first[1]; i++) {
		const struct exemption *exemption = &classifier->ruleset->exemptions[classifier->exempt[i]];
		if (question_exempt(&question, exemption)) {
			*ret_verdict = (struct verdict){.action = ACTION_PERMIT, .exemption = exemption};
			return;
		}
	}
	if (question_find(classifier, &question, ret_verdict, 1, false) == 0)
		*ret_verdict = (struct verdict){.action = classifier->ruleset->otherwise};
}

size_t classifier_matches(const struct classifier *classifier, const struct packet *packet, struct verdict *verdicts,
			  size_t most)
{
	struct question question;
	question_ask(classifier, packet, &question);
	return question_find(classifier, &question, verdicts, most, true);
}
