/* How a ruleset is made: every filter of every active rule is expanded into matches (halves of a mirror,
 * families, prefixes of a range, servers of a class); each match has a shape; a hash over (shape, key) finds
 * doubles; the winners are laid out group by group in the order of look-up. */
#include "core/policy/ruleset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { SHAPES_MOST = 1 << 16, MATCHES_MOST = 1 << 26 };

static const char *const mode_names[] = {
	[MODE_SECURE] = "secure", [MODE_PERMIT] = "permit", [MODE_BLOCK] = "block",
	[MODE_BOOT] = "boot",
};

const char *mode_name(enum mode mode)
{
	return mode_names[mode];
}

bool mode_parse(const char *text, size_t length, enum mode *ret_mode)
{
	for (size_t i = 0; i < ARRAY_LENGTH(mode_names); i++) {
		if (ascii_equal_n(text, length, mode_names[i])) {
			*ret_mode = (enum mode)i;
			return true;
		}
	}
	return false;
}

const char *origin_policy(const struct origin *origin)
{
	return origin->policy != NULL ? origin->policy->object.name : "-";
}

void origin_rule(const struct origin *origin, struct buffer *buffer)
{
	if (origin->rule != NULL)
		buffer_add_text(buffer, origin->rule->object.name);
	else
		buffer_printf(buffer, "dynamic %zu", origin->number);
}

const char *origin_list(const struct origin *origin)
{
	return origin->list != NULL ? origin->list->object.name : "-";
}

const struct filter *match_filter(const struct ruleset *ruleset, const struct match *match)
{
	const struct origin *origin = &ruleset->origins[match->origin];
	return origin->list != NULL ? &origin->list->filters[match->filter - 1] : &origin->dynrule->filter;
}

/* --- Weight: windows-ipsec.md 4.1 --- */

enum extent { EXTENT_SINGLE, EXTENT_RANGE, EXTENT_ANY };

static enum extent side_extent(const struct shape *shape, bool me, unsigned bits)
{
	if (me || bits == family_bits(shape->family))
		return EXTENT_SINGLE;
	return bits == 0 ? EXTENT_ANY : EXTENT_RANGE;
}

/* Address tier, [source][destination]: 1 is the most specific. */
static const uint8_t tiers[3][3] = {
	[EXTENT_SINGLE] = {[EXTENT_SINGLE] = 1, [EXTENT_RANGE] = 3, [EXTENT_ANY] = 6},
	[EXTENT_RANGE] = {[EXTENT_SINGLE] = 2, [EXTENT_RANGE] = 4, [EXTENT_ANY] = 8},
	[EXTENT_ANY] = {[EXTENT_SINGLE] = 5, [EXTENT_RANGE] = 7, [EXTENT_ANY] = 9},
};

static unsigned shape_tier(const struct shape *shape)
{
	return tiers[side_extent(shape, shape->src_me, shape->src_bits)][side_extent(shape, shape->dst_me, shape->dst_bits)];
}

static unsigned shape_row(const struct shape *shape)
{
	if (shape->has_srcport && shape->has_dstport)
		return 1;
	if (shape->has_dstport)
		return 2;
	if (shape->has_srcport)
		return 3;
	return shape->has_protocol ? 4 : 5;
}

uint32_t shape_weight(const struct shape *shape)
{
	uint32_t bits = (uint32_t)shape->src_bits + shape->dst_bits;
	return (shape->tunnel ? 1u << 24 : 0) | (9 - shape_tier(shape)) << 16 | (5 - shape_row(shape)) << 12 | bits;
}

const char *shape_compare_words(const struct shape *first, const struct shape *second)
{
	if (first->tunnel != second->tunnel)
		return first->tunnel ? "it belongs to a tunnel rule" : "the other belongs to a tunnel rule";
	if (shape_tier(first) != shape_tier(second))
		return shape_tier(first) < shape_tier(second) ? "its addresses are more specific"
							      : "its addresses are less specific";
	if (shape_row(first) != shape_row(second))
		return shape_row(first) < shape_row(second) ? "its protocol and ports are more specific"
							    : "its protocol and ports are less specific";
	unsigned first_bits = (unsigned)first->src_bits + first->dst_bits;
	unsigned second_bits = (unsigned)second->src_bits + second->dst_bits;
	if (first_bits != second_bits)
		return first_bits > second_bits ? "its prefixes are longer" : "its prefixes are shorter";
	return "both are equally specific";
}

/* --- Exemptions: windows-ipsec.md 4.4, DESIGN meaning 3 and 4 --- */

static const struct exemption always_exempt[] = {
	{.name = "loopback", .directions = DIRECTION_ALL, .loopback = true},
	/* Forwarding would have lowered the hop limit. */
	{.name = "nd", .family = FAMILY_IPV6, .directions = DIRECTION_IN | DIRECTION_OUT, .protocol = PROTOCOL_ICMPV6,
	 .type_first = 133, .type_last = 136, .hop_limit = 255},
};

/* While the machine starts, in the boot modes block and stateful. */
static const struct exemption boot_exempt[] = {
	{.name = "dhcp", .family = FAMILY_IPV4, .directions = DIRECTION_OUT, .protocol = PROTOCOL_UDP, .srcport = 68, .dstport = 67},
	{.name = "dhcp", .family = FAMILY_IPV4, .directions = DIRECTION_IN, .protocol = PROTOCOL_UDP, .srcport = 67, .dstport = 68},
	{.name = "dhcp", .family = FAMILY_IPV6, .directions = DIRECTION_OUT, .protocol = PROTOCOL_UDP, .srcport = 546, .dstport = 547},
	{.name = "dhcp", .family = FAMILY_IPV6, .directions = DIRECTION_IN, .protocol = PROTOCOL_UDP, .srcport = 547, .dstport = 546},
};

/* Besides, in the boot mode stateful. */
static const struct exemption stateful_exempt[] = {
	{.name = "outbound", .directions = DIRECTION_OUT},
	{.name = "reply", .directions = DIRECTION_IN, .reply = true},
};

enum exempt_class { EXEMPT_IKE, EXEMPT_IKE_NAT, EXEMPT_KERBEROS, EXEMPT_RSVP, EXEMPT_MULTICAST, EXEMPT_BROADCAST };

/* In the order in which explain names them. */
static const struct {
	enum exempt_class class;
	struct exemption exemption;
} exempt_rows[] = {
	{EXEMPT_IKE, {.name = "ike", .directions = DIRECTION_IN, .protocol = PROTOCOL_UDP, .dst_me = true, .dstport = 500}},
	{EXEMPT_IKE, {.name = "ike", .directions = DIRECTION_OUT, .protocol = PROTOCOL_UDP, .src_me = true, .srcport = 500}},
	{EXEMPT_IKE_NAT, {.name = "ike", .directions = DIRECTION_IN, .protocol = PROTOCOL_UDP, .dst_me = true, .dstport = 4500}},
	{EXEMPT_IKE_NAT, {.name = "ike", .directions = DIRECTION_OUT, .protocol = PROTOCOL_UDP, .src_me = true, .srcport = 4500}},
	{EXEMPT_KERBEROS, {.name = "kerberos", .directions = DIRECTION_ALL, .protocol = PROTOCOL_TCP, .dstport = 88}},
	{EXEMPT_KERBEROS, {.name = "kerberos", .directions = DIRECTION_ALL, .protocol = PROTOCOL_TCP, .srcport = 88}},
	{EXEMPT_KERBEROS, {.name = "kerberos", .directions = DIRECTION_ALL, .protocol = PROTOCOL_UDP, .dstport = 88}},
	{EXEMPT_KERBEROS, {.name = "kerberos", .directions = DIRECTION_ALL, .protocol = PROTOCOL_UDP, .srcport = 88}},
	{EXEMPT_RSVP, {.name = "rsvp", .directions = DIRECTION_ALL, .protocol = 46}},
	{EXEMPT_MULTICAST, {.name = "multicast", .directions = DIRECTION_ALL, .dst_multicast = true}},
	{EXEMPT_BROADCAST, {.name = "broadcast", .family = FAMILY_IPV4, .directions = DIRECTION_ALL, .dst_broadcast = true}},
};

/* What is exempt at each level of ipsecexempt, as bits of enum exempt_class. */
static const uint8_t exempt_levels[4] = {
	[0] = 1u << EXEMPT_MULTICAST | 1u << EXEMPT_BROADCAST | 1u << EXEMPT_RSVP | 1u << EXEMPT_KERBEROS,
	[1] = 1u << EXEMPT_MULTICAST | 1u << EXEMPT_BROADCAST,
	[2] = 1u << EXEMPT_RSVP | 1u << EXEMPT_KERBEROS,
	[3] = 0,
};

static void exemption_add(struct ruleset *ruleset, const struct exemption *exemption)
{
	ruleset->exemptions = arena_grow(ruleset->arena, ruleset->exemptions, ruleset->exemption_count,
					 &ruleset->exemption_capacity, sizeof(*ruleset->exemptions));
	ruleset->exemptions[ruleset->exemption_count++] = *exemption;
	ruleset->uses_src_me |= exemption->src_me;
	ruleset->uses_dst_me |= exemption->dst_me;
	ruleset->uses_reply |= exemption->reply;
}

/* What the exemption lets pass, and the answers to it. */
static void bootexemption_add(struct ruleset *ruleset, const struct bootexemption *row, const char *name, uint8_t family, uint8_t protocol)
{
	struct exemption there = {
		.name = name,
		.family = family,
		.directions = row->outbound ? DIRECTION_OUT : DIRECTION_IN,
		.protocol = protocol,
		.srcport = row->srcport,
		.dstport = row->dstport,
	};
	struct exemption back = there;
	back.directions = row->outbound ? DIRECTION_IN : DIRECTION_OUT;
	back.srcport = row->dstport;
	back.dstport = row->srcport;
	back.reply = true;
	exemption_add(ruleset, &there);
	exemption_add(ruleset, &back);
}

static void bootexemptions_add(struct ruleset *ruleset)
{
	const struct config *config = &ruleset->state->config;
	for (size_t i = 0; i < config->bootexemption_count; i++) {
		const struct bootexemption *row = &config->bootexemptions[i];
		struct buffer text;
		buffer_init(&text, 256);
		buffer_add_text(&text, "boot:");
		bootexemption_print(row, &text);
		const char *name = arena_text(ruleset->arena, buffer_text(&text));
		buffer_done(&text);
		if (row->protocol == PROTOCOL_ICMP) {
			bootexemption_add(ruleset, row, name, FAMILY_IPV4, PROTOCOL_ICMP);
			bootexemption_add(ruleset, row, name, FAMILY_IPV6, PROTOCOL_ICMPV6);
		} else {
			bootexemption_add(ruleset, row, name, FAMILY_NONE, row->protocol);
		}
	}
}

static void startup_add(struct ruleset *ruleset)
{
	if (ruleset->bootmode == BOOTMODE_PERMIT)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(boot_exempt); i++)
		exemption_add(ruleset, &boot_exempt[i]);
	bootexemptions_add(ruleset);
	for (size_t i = 0; ruleset->bootmode == BOOTMODE_STATEFUL && i < ARRAY_LENGTH(stateful_exempt); i++)
		exemption_add(ruleset, &stateful_exempt[i]);
}

static void exemptions_add(struct ruleset *ruleset)
{
	for (size_t i = 0; i < ARRAY_LENGTH(always_exempt); i++)
		exemption_add(ruleset, &always_exempt[i]);
	if (ruleset->mode == MODE_BOOT)
		startup_add(ruleset);
	if (ruleset->mode != MODE_SECURE)
		return;
	const struct config *config = &ruleset->state->config;
	unsigned classes = exempt_levels[config->number[PROPERTY_IPSECEXEMPT] & 3];
	bool negotiates = false;
	for (size_t i = 0; i < ruleset->origin_count; i++)
		negotiates |= ruleset->origins[i].action == ACTION_NEGOTIATE;
	if (config->number[PROPERTY_IKEEXEMPT] != 0)
		classes |= 1u << EXEMPT_IKE | (negotiates ? 1u << EXEMPT_IKE_NAT : 0);
	for (size_t i = 0; i < ARRAY_LENGTH(exempt_rows); i++)
		if ((classes & 1u << exempt_rows[i].class) != 0)
			exemption_add(ruleset, &exempt_rows[i].exemption);
}

static bool is_local(const struct host *host, const struct ip *ip)
{
	return ip_is_loopback(ip) || host_is_me(host, ip);
}

bool exemption_holds(const struct exemption *exemption, const struct host *host, const struct packet *packet)
{
	if ((exemption->directions & packet->direction) == 0 ||
	    (exemption->family != FAMILY_NONE && exemption->family != packet->src.family) ||
	    (exemption->protocol != 0 && exemption->protocol != packet->protocol) ||
	    (exemption->srcport != 0 && exemption->srcport != packet->srcport) ||
	    (exemption->dstport != 0 && exemption->dstport != packet->dstport) || (exemption->reply && !packet->reply))
		return false;
	if (exemption->type_last != 0 &&
	    (packet->icmp_type < exemption->type_first || packet->icmp_type > exemption->type_last))
		return false;
	if ((exemption->src_me && !host_is_me(host, &packet->src)) || (exemption->dst_me && !host_is_me(host, &packet->dst)))
		return false;
	if (exemption->loopback && !(is_local(host, &packet->src) && is_local(host, &packet->dst)))
		return false;
	if ((exemption->dst_multicast && !ip_is_multicast(&packet->dst)) ||
	    (exemption->dst_broadcast && !host_is_broadcast(host, &packet->dst)))
		return false;
	return true;
}

bool match_holds(const struct shape *shape, const struct match *match, const struct host *host,
		 const struct packet *packet)
{
	if (shape->family != packet->src.family || (shape->directions & packet->direction) == 0 ||
	    (shape->reply && !packet->reply) || (shape->has_protocol && match->protocol != packet->protocol) ||
	    (shape->has_srcport && match->srcport != packet->srcport) ||
	    (shape->has_dstport && match->dstport != packet->dstport))
		return false;
	bool src = shape->src_me ? host_is_me(host, &packet->src)
				 : ip_in_prefix(packet->src.bytes, match->src, shape->src_bits);
	bool dst = shape->dst_me ? host_is_me(host, &packet->dst)
				 : ip_in_prefix(packet->dst.bytes, match->dst, shape->dst_bits);
	return src && dst;
}

/* --- Making it --- */

/* One side of a half, bound to the host: me, or prefixes of one family. */
struct side {
	bool me;
	size_t count;
	struct ip_prefix prefixes[ADDRESS_PREFIXES];
};

struct builder {
	struct ruleset *ruleset;
	struct diag *diag;
	struct match *matches;  /* in the order of origins and filters, doubles too */
	uint32_t *shape_of;     /* of each match: index into shapes */
	uint32_t *winner_of;    /* of each match: itself, or the match that has its key */
	size_t count, capacity;
	struct shape *shapes;
	size_t shape_count, shape_capacity;
	uint32_t last_shape;    /* neighbours mostly have the same */
	uint32_t *slots;        /* hash over (shape, key): index of the match plus 1 */
	size_t slot_count;
	uint32_t warned[4];     /* origin and filter of the last two that were warned of */
	const struct filter *warned_server;
};

static int shape_compare(const struct shape *a, const struct shape *b)
{
	const uint8_t x[] = {a->tunnel, a->family, a->src_me, a->dst_me, a->src_bits, a->dst_bits, a->has_protocol,
			     a->has_srcport, a->has_dstport, a->reply, a->directions};
	const uint8_t y[] = {b->tunnel, b->family, b->src_me, b->dst_me, b->src_bits, b->dst_bits, b->has_protocol,
			     b->has_srcport, b->has_dstport, b->reply, b->directions};
	return memcmp(x, y, sizeof(x));
}

static uint32_t shape_index(struct builder *builder, const struct shape *shape)
{
	if (builder->last_shape < builder->shape_count &&
	    shape_compare(shape, &builder->shapes[builder->last_shape]) == 0)
		return builder->last_shape;
	size_t at = 0;
	while (at < builder->shape_count && shape_compare(shape, &builder->shapes[at]) != 0)
		at++;
	if (at == builder->shape_count) {
		if (builder->shape_count == builder->shape_capacity) {
			builder->shape_capacity = builder->shape_capacity > 0 ? builder->shape_capacity * 2 : 64;
			builder->shapes = memory_resize_array(builder->shapes, builder->shape_capacity, sizeof(*shape));
		}
		builder->shapes[builder->shape_count++] = *shape;
	}
	builder->last_shape = (uint32_t)at;
	return (uint32_t)at;
}

static bool key_equal(const struct match *a, const struct match *b)
{
	return memcmp(a->src, b->src, sizeof(a->src)) == 0 && memcmp(a->dst, b->dst, sizeof(a->dst)) == 0 &&
	       a->srcport == b->srcport && a->dstport == b->dstport && a->protocol == b->protocol;
}

static uint64_t key_hash(const struct match *match, uint32_t shape)
{
	uint64_t words[4], hash = (uint64_t)shape * 0x9e3779b97f4a7c15u;
	memcpy(words, match->src, sizeof(match->src));
	memcpy(words + 2, match->dst, sizeof(match->dst));
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		hash = (hash ^ words[i]) * 0xff51afd7ed558ccdu ^ hash >> 32;
	hash ^= (uint64_t)match->srcport << 32 | (uint64_t)match->dstport << 16 | match->protocol;
	hash *= 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 29;
}

static void builder_rehash(struct builder *builder)
{
	size_t need = builder->slot_count > 0 ? builder->slot_count * 2 : 1024;
	free(builder->slots);
	builder->slots = memory_alloc(need * sizeof(*builder->slots));
	builder->slot_count = need;
	for (size_t i = 0; i < builder->count; i++) {
		if (builder->winner_of[i] != i)
			continue;
		size_t slot = key_hash(&builder->matches[i], builder->shape_of[i]) & (need - 1);
		while (builder->slots[slot] != 0)
			slot = (slot + 1) & (need - 1);
		builder->slots[slot] = (uint32_t)i + 1;
	}
}

static struct place filter_place(const struct filter *filter)
{
	return (struct place){.file = filter->file, .line = filter->line};
}

static void builder_name(const struct builder *builder, const struct match *match, struct buffer *buffer)
{
	const struct origin *origin = &builder->ruleset->origins[match->origin];
	struct buffer rule;
	buffer_init(&rule, 256);
	origin_rule(origin, &rule);
	buffer_printf(buffer, "filter %u of %s (rule %s, %s)", match->filter, QUOTE(origin_list(origin)),
		      QUOTE(buffer_text(&rule)), action_name(origin->action));
	buffer_done(&rule);
}

/* Once for two filters, however many matches they share. */
static void duplicate_warn(struct builder *builder, const struct match *winner, const struct match *loser)
{
	uint32_t pair[4] = {winner->origin, winner->filter, loser->origin, loser->filter};
	bool itself = winner->origin == loser->origin && winner->filter == loser->filter;
	if (builder->diag == NULL || itself || memcmp(pair, builder->warned, sizeof(pair)) == 0)
		return;
	memcpy(builder->warned, pair, sizeof(pair));
	struct buffer text;
	buffer_init(&text, 2048);
	builder_name(builder, loser, &text);
	buffer_add_text(&text, " has the same packets as ");
	builder_name(builder, winner, &text);
	bool differ = builder->ruleset->origins[winner->origin].action != builder->ruleset->origins[loser->origin].action;
	buffer_add_text(&text, differ ? ": the stricter action holds" : "");
	struct place place = filter_place(match_filter(builder->ruleset, loser));
	diag_warning(builder->diag, "duplicate", &place, "%s", buffer_text(&text));
	buffer_done(&text);
}

/* Finds the match with the same key; the stricter action, then the first, is the winner. */
static void builder_contest(struct builder *builder, uint32_t index)
{
	if (builder->count * 2 > builder->slot_count) {
		/* The new one is not in the index yet. */
		builder->winner_of[index] = UINT32_MAX;
		builder_rehash(builder);
	}
	builder->winner_of[index] = index;
	const struct match *match = &builder->matches[index];
	size_t slot = key_hash(match, builder->shape_of[index]) & (builder->slot_count - 1);
	for (; builder->slots[slot] != 0; slot = (slot + 1) & (builder->slot_count - 1)) {
		uint32_t other = builder->slots[slot] - 1;
		if (builder->shape_of[other] != builder->shape_of[index] || !key_equal(&builder->matches[other], match))
			continue;
		bool stricter = match->action < builder->matches[other].action;
		duplicate_warn(builder, stricter ? match : &builder->matches[other],
			       stricter ? &builder->matches[other] : match);
		if (stricter) {
			builder->winner_of[other] = index;
			builder->slots[slot] = index + 1;
		} else {
			builder->winner_of[index] = other;
		}
		return;
	}
	builder->slots[slot] = index + 1;
}

static int builder_add(struct builder *builder, const struct match *match, const struct shape *shape)
{
	if (builder->count == builder->capacity) {
		builder->capacity = builder->capacity > 0 ? builder->capacity * 2 : 256;
		builder->matches = memory_resize_array(builder->matches, builder->capacity, sizeof(*builder->matches));
		builder->shape_of = memory_resize_array(builder->shape_of, builder->capacity, sizeof(*builder->shape_of));
		builder->winner_of = memory_resize_array(builder->winner_of, builder->capacity, sizeof(*builder->winner_of));
	}
	uint32_t index = (uint32_t)builder->count;
	builder->matches[index] = *match;
	builder->shape_of[index] = shape_index(builder, shape);
	builder->count++;
	if (builder->count > MATCHES_MOST || builder->shape_count > SHAPES_MOST) {
		diag_error(builder->diag, NULL, "the policy needs more than %d matches or %d shapes", MATCHES_MOST, SHAPES_MOST);
		return ERROR_LIMIT;
	}
	builder_contest(builder, index);
	return 0;
}

/* What an address means in one family on this host; nothing when it has no address there. */
static void side_bind(const struct builder *builder, const struct address *address, unsigned family, struct side *ret_side)
{
	struct side *side = ret_side;
	side->me = address->kind == ADDRESS_ME;
	side->count = 0;
	if (address->kind == ADDRESS_ANY || side->me) {
		side->prefixes[side->count++] = (struct ip_prefix){
			.ip = {.family = (uint8_t)family}, .bits = side->me ? (uint8_t)family_bits(family) : 0};
	} else if (address_is_server(address)) {
		const struct ip_list *servers = &builder->ruleset->host->servers[address->kind];
		for (size_t i = 0; i < servers->count && side->count < ADDRESS_PREFIXES; i++)
			if (servers->items[i].family == family)
				side->prefixes[side->count++] =
					(struct ip_prefix){servers->items[i], (uint8_t)family_bits(family)};
	} else if (address->family == family) {
		side->count = address_prefixes(address, side->prefixes);
	}
}

/* One direction of a filter in one family. */
static int half_expand(struct builder *builder, const struct filter *filter, unsigned family, bool reverse,
		       const struct match *base, const struct shape *base_shape)
{
	struct side src, dst;
	side_bind(builder, reverse ? &filter->dst : &filter->src, family, &src);
	side_bind(builder, reverse ? &filter->src : &filter->dst, family, &dst);
	struct match match = *base;
	struct shape shape = *base_shape;
	match.reverse = reverse;
	match.srcport = reverse ? filter->dstport : filter->srcport;
	match.dstport = reverse ? filter->srcport : filter->dstport;
	match.protocol = filter->protocol;
	if (family == FAMILY_IPV6 && filter->protocol == PROTOCOL_ICMP)
		match.protocol = PROTOCOL_ICMPV6;
	shape.family = (uint8_t)family;
	shape.src_me = src.me;
	shape.dst_me = dst.me;
	shape.has_protocol = filter->protocol != PROTOCOL_ANY;
	shape.has_srcport = match.srcport != 0;
	shape.has_dstport = match.dstport != 0;
	shape.reply = reverse && filter->replies;
	builder->ruleset->uses_reply |= shape.reply;
	builder->ruleset->uses_src_me |= src.me;
	builder->ruleset->uses_dst_me |= dst.me;
	int error = 0;
	for (size_t i = 0; i < src.count && error == 0; i++) {
		shape.src_bits = src.prefixes[i].bits;
		memcpy(match.src, src.prefixes[i].ip.bytes, sizeof(match.src));
		for (size_t j = 0; j < dst.count && error == 0; j++) {
			shape.dst_bits = dst.prefixes[j].bits;
			memcpy(match.dst, dst.prefixes[j].ip.bytes, sizeof(match.dst));
			error = builder_add(builder, &match, &shape);
		}
	}
	return error;
}

/* A mirror that is its own reverse gives nothing new. */
static bool filter_is_symmetric(const struct filter *filter)
{
	return !filter->replies && filter->srcport == filter->dstport && address_equal(&filter->src, &filter->dst);
}

static void filter_warn(struct builder *builder, const struct filter *filter)
{
	const struct address *sides[] = {&filter->src, &filter->dst};
	struct place place = filter_place(filter);
	for (size_t i = 0; i < ARRAY_LENGTH(sides); i++) {
		char text[ADDRESS_TEXT];
		if (address_is_server(sides[i]) && builder->ruleset->host->servers[sides[i]->kind].count == 0) {
			address_print(sides[i], text);
			diag_warning(builder->diag, "no-server", &place,
				     "no %s server is known for this host: the filter matches nothing", text);
		}
	}
	if (filter->src.kind == ADDRESS_ME && filter->dst.kind == ADDRESS_ME)
		diag_warning(builder->diag, "me-to-me", &place,
			     "a filter from me to me matches nothing: loopback is never filtered");
}

static int filter_expand(struct builder *builder, const struct filter *filter, const struct match *base,
			 const struct shape *shape)
{
	static const unsigned families[] = {FAMILY_IPV4, FAMILY_IPV6};
	if (filter != builder->warned_server)
		filter_warn(builder, filter);
	builder->warned_server = filter;
	int error = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(families) && error == 0; i++) {
		error = half_expand(builder, filter, families[i], false, base, shape);
		if (error == 0 && filter->mirrored && !filter_is_symmetric(filter))
			error = half_expand(builder, filter, families[i], true, base, shape);
	}
	return error;
}

static uint32_t origin_add(struct ruleset *ruleset, const struct origin *origin)
{
	ruleset->origins = arena_grow(ruleset->arena, ruleset->origins, ruleset->origin_count, &ruleset->origin_capacity,
				      sizeof(*ruleset->origins));
	ruleset->origins[ruleset->origin_count] = *origin;
	return (uint32_t)ruleset->origin_count++;
}

static int rule_expand(struct builder *builder, enum location_id location, const struct policy *policy,
		       const struct rule *rule)
{
	struct origin origin = {.location = location, .action = rule->filteraction->action, .policy = policy,
				.rule = rule, .list = rule->filterlist};
	struct match base = {.action = (uint8_t)origin.action, .origin = origin_add(builder->ruleset, &origin)};
	struct shape shape = {.directions = DIRECTION_ALL, .tunnel = rule->tunnel != NULL};
	int error = 0;
	for (size_t i = 0; i < rule->filterlist->count && error == 0; i++) {
		base.filter = (uint32_t)i + 1;
		error = filter_expand(builder, &rule->filterlist->filters[i], &base, &shape);
	}
	return error;
}

/* A dynamic rule has an action for each direction; what is forwarded gets the stricter of the two. */
static int dynrule_expand(struct builder *builder, const struct dynrule *dynrule, size_t number)
{
	bool same = dynrule->actioninbound == dynrule->actionoutbound;
	bool in_stricter = dynrule->actioninbound < dynrule->actionoutbound;
	const struct {
		enum action action;
		unsigned directions;
	} parts[2] = {
		{dynrule->actioninbound,
		 same ? DIRECTION_ALL : in_stricter ? DIRECTION_IN | DIRECTION_FORWARD : DIRECTION_IN},
		{dynrule->actionoutbound, in_stricter ? DIRECTION_OUT : DIRECTION_OUT | DIRECTION_FORWARD},
	};
	int error = 0;
	for (size_t i = 0; i < (same ? 1u : 2u) && error == 0; i++) {
		struct origin origin = {.location = LOCATION_DYNAMIC, .action = parts[i].action, .dynrule = dynrule,
					.number = number};
		struct match base = {.action = (uint8_t)origin.action, .filter = 1,
				     .origin = origin_add(builder->ruleset, &origin)};
		struct shape shape = {.directions = (uint8_t)parts[i].directions, .tunnel = dynrule->tunnel != NULL};
		error = filter_expand(builder, &dynrule->filter, &base, &shape);
	}
	return error;
}

static int location_expand(struct builder *builder, const struct location *location)
{
	const struct policy *policy = location_assigned(location);
	int error = 0;
	for (size_t i = 0; policy != NULL && i < policy->rules.count && error == 0; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		if (rule->activate)
			error = rule_expand(builder, location->id, policy, rule);
	}
	for (size_t i = 0; i < location->dynrule_count && error == 0; i++)
		error = dynrule_expand(builder, location->dynrules[i], i + 1);
	return error;
}

/* A shape with the number of its matches by action, to be put in order. */
struct tally {
	const struct shape *shape;
	uint32_t index, weight;            /* of the shape among the builder's */
	uint32_t counts[ACTION_PERMIT + 1];
	uint32_t group[ACTION_PERMIT + 1]; /* where its matches of that action go */
};

static int tally_compare(const void *a, const void *b)
{
	const struct tally *x = a, *y = b;
	if (x->weight != y->weight)
		return x->weight > y->weight ? -1 : 1;
	return shape_compare(x->shape, y->shape);
}

static void group_add(struct ruleset *ruleset, struct tally *tally, unsigned actions)
{
	struct group *group = &ruleset->groups[ruleset->group_count];
	*group = (struct group){.shape = *tally->shape, .weight = tally->weight};
	unsigned kinds = 0;
	for (unsigned action = 0; action <= ACTION_PERMIT; action++) {
		if ((actions & 1u << action) == 0 || tally->counts[action] == 0)
			continue;
		tally->group[action] = (uint32_t)ruleset->group_count;
		group->count += tally->counts[action];
		kinds++;
	}
	group->mixed = kinds > 1;
	if (group->count > 0)
		ruleset->group_count++;
}

/* Groups in the order of look-up; `tallies` are in order of weight. */
static void groups_make(struct ruleset *ruleset, struct tally *tallies, size_t count)
{
	ruleset->groups = arena_alloc(ruleset->arena, (count * (ACTION_PERMIT + 1) + 1) * sizeof(*ruleset->groups));
	for (size_t first = 0, end; first < count; first = end) {
		for (end = first + 1; end < count && tallies[end].weight == tallies[first].weight;)
			end++;
		if (end == first + 1) {
			group_add(ruleset, &tallies[first], ~0u);
			continue;
		}
		for (unsigned action = 0; action <= ACTION_PERMIT; action++)
			for (size_t i = first; i < end; i++)
				group_add(ruleset, &tallies[i], 1u << action);
	}
	uint32_t at = 0;
	for (size_t i = 0; i < ruleset->group_count; i++) {
		ruleset->groups[i].first = at;
		at += ruleset->groups[i].count;
	}
}

/* Puts every winner into its group, in the order in which they came. */
static void matches_place(struct builder *builder, const struct tally *tallies, const uint32_t *tally_of)
{
	struct ruleset *ruleset = builder->ruleset;
	uint32_t *next = memory_alloc((ruleset->group_count + 1) * sizeof(*next));
	uint32_t *placed = memory_alloc((builder->count + 1) * sizeof(*placed));
	for (size_t i = 0; i < ruleset->group_count; i++)
		next[i] = ruleset->groups[i].first;
	ruleset->matches = arena_alloc(ruleset->arena, (ruleset->match_count + 1) * sizeof(*ruleset->matches));
	for (size_t i = 0; i < builder->count; i++) {
		if (builder->winner_of[i] != i)
			continue;
		const struct match *match = &builder->matches[i];
		uint32_t group = tallies[tally_of[builder->shape_of[i]]].group[match->action];
		placed[i] = next[group]++;
		ruleset->matches[placed[i]] = *match;
	}
	for (size_t i = 0; i < builder->count; i++) {
		uint32_t winner = builder->winner_of[i];
		if (winner == i)
			continue;
		while (builder->winner_of[winner] != winner)
			winner = builder->winner_of[winner];
		ruleset->shadowed = arena_grow(ruleset->arena, ruleset->shadowed, ruleset->shadowed_count,
					       &ruleset->shadowed_capacity, sizeof(*ruleset->shadowed));
		uint32_t action = builder->matches[winner].action;
		ruleset->shadowed[ruleset->shadowed_count++] = (struct shadowed){
			.match = builder->matches[i],
			.winner = placed[winner],
			.group = tallies[tally_of[builder->shape_of[i]]].group[action],
		};
	}
	free(next);
	free(placed);
}

static void builder_finish(struct builder *builder)
{
	size_t count = builder->shape_count;
	struct tally *tallies = memory_alloc((count + 1) * sizeof(*tallies));
	uint32_t *tally_of = memory_alloc((count + 1) * sizeof(*tally_of));
	for (size_t i = 0; i < count; i++)
		tallies[i] = (struct tally){.shape = &builder->shapes[i], .index = (uint32_t)i,
					    .weight = shape_weight(&builder->shapes[i])};
	for (size_t i = 0; i < builder->count; i++) {
		if (builder->winner_of[i] != i)
			continue;
		tallies[builder->shape_of[i]].counts[builder->matches[i].action]++;
		builder->ruleset->match_count++;
	}
	if (count > 0)
		qsort(tallies, count, sizeof(*tallies), tally_compare);
	for (size_t i = 0; i < count; i++)
		tally_of[tallies[i].index] = (uint32_t)i;
	groups_make(builder->ruleset, tallies, count);
	matches_place(builder, tallies, tally_of);
	free(tallies);
	free(tally_of);
}

static int ruleset_make(const struct state *state, const struct host *host, enum mode mode, enum bootmode bootmode,
			struct diag *diag, struct ruleset **ret_ruleset)
{
	bool blocks = mode == MODE_BLOCK || (mode == MODE_BOOT && bootmode != BOOTMODE_PERMIT);
	struct arena *arena = arena_new();
	struct ruleset *ruleset = arena_alloc(arena, sizeof(*ruleset));
	*ruleset = (struct ruleset){.arena = arena, .mode = mode, .bootmode = bootmode, .state = state, .host = host,
				    .otherwise = blocks ? ACTION_BLOCK : ACTION_PERMIT};
	struct builder builder = {.ruleset = ruleset, .diag = diag};
	int error = 0;
	for (size_t i = 0; mode == MODE_SECURE && i < LOCATION_COUNT && error == 0; i++)
		error = location_expand(&builder, &state->locations[i]);
	if (error == 0) {
		exemptions_add(ruleset);
		builder_finish(&builder);
		*ret_ruleset = ruleset;
	} else {
		arena_free(arena);
	}
	free(builder.matches);
	free(builder.shape_of);
	free(builder.winner_of);
	free(builder.shapes);
	free(builder.slots);
	return error;
}

int ruleset_build(const struct state *state, const struct host *host, enum mode mode, struct diag *diag,
		  struct ruleset **ret_ruleset)
{
	enum bootmode bootmode = state_assigned(state) ? BOOTMODE_STATEFUL : BOOTMODE_PERMIT;
	if (state->config.set[PROPERTY_BOOTMODE])
		bootmode = (enum bootmode)state->config.number[PROPERTY_BOOTMODE];
	return ruleset_make(state, host, mode, bootmode, diag, ret_ruleset);
}

int ruleset_build_boot(const struct state *state, const struct host *host, enum bootmode bootmode, struct diag *diag,
		       struct ruleset **ret_ruleset)
{
	return ruleset_make(state, host, MODE_BOOT, bootmode, diag, ret_ruleset);
}

void ruleset_free(struct ruleset *ruleset)
{
	if (ruleset != NULL)
		arena_free(ruleset->arena);
}
