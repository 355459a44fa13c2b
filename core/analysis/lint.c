/* Every warning is shown by a packet, and the packet is judged before the warning is given: what the classifier
 * does not confirm is not said.  Each check looks at a filter or a match once; two filters that share packets
 * are found by hashing what both name, so that large policies take no longer than they must. */
#include "core/analysis/lint.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/memory.h"

enum {
	WARNINGS_MOST = 50,     /* of one id; the rest are counted */
	MEETS_MOST = 4000000,   /* matches that equal-weight looks at, one look a pair of shapes */
	PORT_HIGH = 51000,      /* a port of nobody's service */
};

struct lint {
	const struct ruleset *ruleset;
	const struct classifier *classifier;
	struct diag *diag;
	struct ip me[2], remote[2]; /* by family: IPv4, IPv6; FAMILY_NONE when there is none */
	size_t given;               /* warnings of the id that is looked for now */
	uint64_t *pairs;            /* of filters that were warned of: a set of hashes, 0 is an empty slot */
	size_t pair_count, pair_capacity;
};

/* Far away, and not an address of the host. */
static const struct ip remotes[] = {
	{FAMILY_IPV4, {203, 0, 113, 9}}, {FAMILY_IPV4, {198, 51, 100, 9}}, {FAMILY_IPV4, {192, 0, 2, 9}},
	{FAMILY_IPV6, {0x20, 0x01, 0x0d, 0xb8, 0x02, 0x03, [15] = 9}}, {FAMILY_IPV6, {0x20, 0x01, 0x0d, 0xb8, 0x01, 0x98, [15] = 9}},
};

static void lint_init(struct lint *lint)
{
	const struct host *host = lint->ruleset->host;
	static const enum family families[] = {FAMILY_IPV4, FAMILY_IPV6};
	for (size_t f = 0; f < ARRAY_LENGTH(families); f++) {
		const struct ip *me = host_first(host, families[f]);
		if (me != NULL)
			lint->me[f] = *me;
		for (size_t i = ARRAY_LENGTH(remotes); i-- > 0;)
			if (remotes[i].family == families[f] && !host_is_me(host, &remotes[i]) && !host_is_broadcast(host, &remotes[i]))
				lint->remote[f] = remotes[i];
	}
}

static struct verdict lint_judge(const struct lint *lint, const struct packet *packet)
{
	struct verdict verdict;
	classifier_judge(lint->classifier, packet, &verdict);
	return verdict;
}

static struct packet packet_tcp(unsigned direction, const struct ip *src, uint16_t srcport, const struct ip *dst, uint16_t dstport)
{
	return (struct packet){.src = *src, .dst = *dst, .srcport = srcport, .dstport = dstport, .icmp_type = -1,
			       .protocol = PROTOCOL_TCP, .direction = (uint8_t)direction};
}

/* Gives a port only to protocols that have them. */
static void packet_protocol(struct packet *packet, uint8_t protocol)
{
	packet->protocol = protocol;
	if (protocol != PROTOCOL_TCP && protocol != PROTOCOL_UDP)
		packet->srcport = packet->dstport = 0;
}

static void filter_name(const struct origin *origin, uint32_t number, struct buffer *buffer)
{
	struct buffer rule;
	if (origin->rule == NULL) {
		buffer_printf(buffer, "dynamic rule %zu", origin->number);
		return;
	}
	buffer_init(&rule, 1024);
	origin_rule(origin, &rule);
	buffer_printf(buffer, "filter %u of %s (rule %s)", number, QUOTE(origin_list(origin)), QUOTE(buffer_text(&rule)));
	buffer_done(&rule);
}

static struct place filter_place(const struct filter *filter)
{
	return filter != NULL ? (struct place){.file = filter->file, .line = filter->line} : (struct place){.file = NULL};
}

/* Whether one more warning of an id is given; past the limit they are only counted. */
static bool lint_room(struct lint *lint)
{
	return ++lint->given <= WARNINGS_MOST;
}

static void lint_finish(struct lint *lint, const char *id)
{
	if (lint->given > WARNINGS_MOST)
		diag_warning(lint->diag, id, NULL, "%zu more filters are like this", lint->given - WARNINGS_MOST);
	lint->given = 0;
}

/* --- mirror-open --- */

/* One side is the whole world with one port, the other names no port.  Whether the other is the host, the packet tells. */
static bool mirror_is_open(const struct filter *filter, uint16_t *ret_port)
{
	bool out = filter->dst.kind == ADDRESS_ANY && filter->dstport != 0 && filter->srcport == 0;
	bool in = filter->src.kind == ADDRESS_ANY && filter->srcport != 0 && filter->dstport == 0;
	*ret_port = out ? filter->dstport : filter->srcport;
	return filter->mirrored && !filter->replies && (out || in);
}

static void mirror_check(struct lint *lint, uint32_t origin_index, const struct filter *filter, uint32_t number)
{
	static const uint16_t locals[] = {3389, 22, 445, 135, PORT_HIGH};
	const struct origin *origin = &lint->ruleset->origins[origin_index];
	uint16_t port;
	if (!mirror_is_open(filter, &port))
		return;
	for (size_t i = 0; i < 2 * ARRAY_LENGTH(locals); i++) {
		size_t f = i / ARRAY_LENGTH(locals);
		if (lint->me[f].family == FAMILY_NONE || lint->remote[f].family == FAMILY_NONE)
			continue;
		struct packet packet = packet_tcp(DIRECTION_IN, &lint->remote[f], port, &lint->me[f], locals[i % ARRAY_LENGTH(locals)]);
		packet.protocol = filter->protocol;
		struct verdict verdict = lint_judge(lint, &packet);
		if (verdict.match == NULL || verdict.action != ACTION_PERMIT || verdict.match->origin != origin_index ||
		    verdict.match->filter != number)
			continue;
		if (!lint_room(lint))
			return;
		char text[PACKET_TEXT];
		struct buffer name;
		struct place place = filter_place(filter);
		buffer_init(&name, 1024);
		filter_name(origin, number, &name);
		packet_print(&packet, text);
		diag_warning(lint->diag, "mirror-open", &place,
			     "%s is mirrored and lets anyone in who sends from port %u: it permits `%s`; replies=yes closes that",
			     buffer_text(&name), port, text);
		buffer_done(&name);
		return;
	}
}

static void mirror_open(struct lint *lint)
{
	for (uint32_t i = 0; i < lint->ruleset->origin_count; i++) {
		const struct origin *origin = &lint->ruleset->origins[i];
		if (origin->action != ACTION_PERMIT)
			continue;
		if (origin->dynrule != NULL)
			mirror_check(lint, i, &origin->dynrule->filter, 1);
		for (size_t j = 0; origin->list != NULL && j < origin->list->count; j++)
			mirror_check(lint, i, &origin->list->filters[j], (uint32_t)j + 1);
	}
	lint_finish(lint, "mirror-open");
}

/* --- Packets of matches --- */

/* The first address of one side; of `any` one far away, of `me` the host's. */
static bool side_address(const struct lint *lint, const struct shape *shape, const struct match *match, bool dst, struct ip *ret_ip)
{
	size_t f = shape->family == FAMILY_IPV6;
	bool me = dst ? shape->dst_me : shape->src_me;
	unsigned bits = dst ? shape->dst_bits : shape->src_bits;
	struct ip ip = {.family = shape->family};
	memcpy(ip.bytes, dst ? match->dst : match->src, sizeof(ip.bytes));
	if (me || bits == 0)
		ip = me ? lint->me[f] : lint->remote[f];
	else if (bits < family_bits(shape->family))
		ip.bytes[shape->family == FAMILY_IPV6 ? 15 : 3] |= 1; /* the first address of a network is nobody's */
	*ret_ip = ip;
	return ip.family != FAMILY_NONE;
}

/* The way a packet goes, among those that are left. */
static unsigned direction_of(const struct lint *lint, const struct packet *packet, unsigned directions)
{
	const struct host *host = lint->ruleset->host;
	unsigned natural = host_is_me(host, &packet->src) ? DIRECTION_OUT : host_is_me(host, &packet->dst) ? DIRECTION_IN : DIRECTION_FORWARD;
	if ((directions & natural) != 0)
		return natural;
	return (directions & DIRECTION_IN) != 0 ? DIRECTION_IN : directions & -directions;
}

/* A packet that a match holds; false when the host has no such address. */
static bool match_packet(const struct lint *lint, const struct shape *shape, const struct match *match, struct packet *ret_packet)
{
	struct ip src, dst;
	if (!side_address(lint, shape, match, false, &src) || !side_address(lint, shape, match, true, &dst))
		return false;
	/* From any to any: something that arrives. */
	size_t f = shape->family == FAMILY_IPV6;
	if (shape->src_bits == 0 && shape->dst_bits == 0 && !shape->dst_me && lint->me[f].family != FAMILY_NONE)
		dst = lint->me[f];
	struct packet packet = packet_tcp(DIRECTION_IN, &src, match->srcport != 0 ? match->srcport : PORT_HIGH, &dst,
					  match->dstport != 0 ? match->dstport : PORT_HIGH);
	if (shape->has_protocol)
		packet_protocol(&packet, match->protocol);
	packet.reply = shape->reply;
	packet.direction = (uint8_t)direction_of(lint, &packet, shape->directions);
	*ret_packet = packet;
	return true;
}

/* --- no-block-all --- */

/* Whether only permits hold a packet; *ret_first is the one that decides, NULL when none does. */
static bool permits_only(const struct lint *lint, const struct packet *packet, const struct match **ret_first)
{
	struct verdict found[64];
	size_t count = classifier_matches(lint->classifier, packet, found, ARRAY_LENGTH(found));
	*ret_first = count > 0 ? found[0].match : NULL;
	for (size_t i = 0; i < count && i < ARRAY_LENGTH(found); i++)
		if (found[i].action != ACTION_PERMIT)
			return false;
	return count <= ARRAY_LENGTH(found);
}

/* Whether anything but a permit holds the packet of a permit, or its answer where the filter is mirrored: if nothing
 * does, the permit permits what passes anyway. */
static bool permit_is_idle(const struct lint *lint, const struct shape *shape, const struct match *match)
{
	struct packet packet;
	const struct match *first;
	if (!match_packet(lint, shape, match, &packet) || !permits_only(lint, &packet, &first) || first != match)
		return false;
	if (!match_filter(lint->ruleset, match)->mirrored)
		return true;
	struct packet answer = packet;
	answer.src = packet.dst;
	answer.dst = packet.src;
	answer.srcport = packet.dstport;
	answer.dstport = packet.srcport;
	answer.reply = !packet.reply;
	if (packet.direction != DIRECTION_FORWARD)
		answer.direction = packet.direction == DIRECTION_IN ? DIRECTION_OUT : DIRECTION_IN;
	return permits_only(lint, &answer, &first);
}

/* The same for what is forwarded: no filter on `me` knows it. */
static bool passer_find(const struct lint *lint, struct packet *ret_packet)
{
	static const struct ip other = {.family = FAMILY_IPV4, .bytes = {198, 51, 100, 7}};
	if (lint->remote[0].family == FAMILY_NONE || host_is_me(lint->ruleset->host, &other))
		return false;
	struct packet packet = packet_tcp(DIRECTION_FORWARD, &lint->remote[0], PORT_HIGH, &other, 3389);
	struct verdict verdict = lint_judge(lint, &packet);
	if (verdict.match != NULL || verdict.exemption != NULL)
		return false;
	*ret_packet = packet;
	return true;
}

/* Something that no filter knows, and that passes for that reason. */
static bool stranger_find(const struct lint *lint, struct packet *ret_packet)
{
	static const uint16_t ports[] = {3389, 445, 135, 23, 4444, 31337, PORT_HIGH};
	static const uint8_t protocols[] = {PROTOCOL_TCP, PROTOCOL_UDP};
	for (size_t i = 0; i < 2 * 2 * ARRAY_LENGTH(protocols) * ARRAY_LENGTH(ports); i++) {
		size_t f = i / (2 * ARRAY_LENGTH(protocols) * ARRAY_LENGTH(ports));
		bool out = i / (ARRAY_LENGTH(protocols) * ARRAY_LENGTH(ports)) % 2 == 1;
		if (lint->me[f].family == FAMILY_NONE || lint->remote[f].family == FAMILY_NONE)
			continue;
		struct packet packet = packet_tcp(out ? DIRECTION_OUT : DIRECTION_IN, out ? &lint->me[f] : &lint->remote[f], PORT_HIGH,
						  out ? &lint->remote[f] : &lint->me[f], ports[i % ARRAY_LENGTH(ports)]);
		packet_protocol(&packet, protocols[i / ARRAY_LENGTH(ports) % ARRAY_LENGTH(protocols)]);
		struct verdict verdict = lint_judge(lint, &packet);
		if (verdict.match == NULL && verdict.exemption == NULL) {
			*ret_packet = packet;
			return true;
		}
	}
	return passer_find(lint, ret_packet);
}

/* A block of everything between the host and the world, or of a whole protocol: what a lock-down is made of. */
static bool match_is_broad_block(const struct shape *shape, const struct match *match)
{
	bool src = shape->src_me || shape->src_bits == 0, dst = shape->dst_me || shape->dst_bits == 0;
	return match->action == ACTION_BLOCK && src && dst && !shape->has_srcport && !shape->has_dstport && !match->reverse &&
	       (!shape->has_protocol || match->protocol == PROTOCOL_TCP);
}

static void no_block_all(struct lint *lint)
{
	const struct ruleset *ruleset = lint->ruleset;
	const struct match *idle = NULL, *broad = NULL;
	bool permits = false;
	struct packet packet;
	if (!stranger_find(lint, &packet))
		return;
	for (size_t i = 0; i < ruleset->group_count && idle == NULL; i++) {
		const struct group *group = &ruleset->groups[i];
		for (uint32_t j = group->first; j < group->first + group->count && idle == NULL; j++) {
			const struct match *match = &ruleset->matches[j];
			permits |= match->action == ACTION_PERMIT;
			if (match->action == ACTION_PERMIT && permit_is_idle(lint, &group->shape, match))
				idle = match;
			else if (broad == NULL && match_is_broad_block(&group->shape, match))
				broad = match;
		}
	}
	const struct match *match = idle != NULL ? idle : permits ? broad : NULL;
	if (match == NULL)
		return;
	char text[PACKET_TEXT];
	struct buffer name;
	struct place place = filter_place(match_filter(ruleset, match));
	buffer_init(&name, 1024);
	filter_name(&ruleset->origins[match->origin], match->filter, &name);
	packet_print(&packet, text);
	diag_warning(lint->diag, "no-block-all", &place, "%s %s: `%s` passes; a lock-down needs a filter from any to any, all "
		     "protocols, that blocks", buffer_text(&name), idle != NULL
		     ? "permits what passes anyway, for no filter blocks the rest" : "does not block everything", text);
	buffer_done(&name);
}

/* --- equal-weight --- */

/* What the packets that two shapes share must agree in.  Both have one weight, so both name the same of protocol and ports. */
struct meet {
	uint8_t src_bits, dst_bits;
	bool src_me, dst_me; /* the one shape says `me`, the other an address: that must be the host's */
};

/* The first match of each action that has a key; 0 is none, else the index plus 1. */
struct meet_slot {
	struct match key;
	uint32_t first[ACTION_PERMIT + 1];
	bool used;
};

static bool shapes_meet(const struct shape *a, const struct shape *b, struct meet *ret_meet)
{
	if (a->family != b->family || (a->directions & b->directions) == 0 || a->tunnel != b->tunnel ||
	    a->has_protocol != b->has_protocol || a->has_srcport != b->has_srcport || a->has_dstport != b->has_dstport)
		return false;
	*ret_meet = (struct meet){
		.src_bits = a->src_bits < b->src_bits ? a->src_bits : b->src_bits,
		.dst_bits = a->dst_bits < b->dst_bits ? a->dst_bits : b->dst_bits,
		.src_me = a->src_me || b->src_me,
		.dst_me = a->dst_me || b->dst_me,
	};
	return true;
}

static bool meet_side(const struct lint *lint, const struct shape *shape, uint8_t bytes[16], bool me, bool meet_me, unsigned bits)
{
	struct ip ip = {.family = shape->family};
	memcpy(ip.bytes, bytes, sizeof(ip.bytes));
	if (meet_me && !me && !host_is_me(lint->ruleset->host, &ip))
		return false;
	ip_mask(bytes, meet_me ? 0 : bits);
	return true;
}

/* A match reduced to what the other shape sees of it; false when it can share nothing. */
static bool meet_key(const struct lint *lint, const struct meet *meet, const struct shape *shape, const struct match *match,
		     struct match *ret_key)
{
	struct match key = {.srcport = match->srcport, .dstport = match->dstport, .protocol = match->protocol};
	memcpy(key.src, match->src, sizeof(key.src));
	memcpy(key.dst, match->dst, sizeof(key.dst));
	if (!meet_side(lint, shape, key.src, shape->src_me, meet->src_me, meet->src_bits) ||
	    !meet_side(lint, shape, key.dst, shape->dst_me, meet->dst_me, meet->dst_bits))
		return false;
	*ret_key = key;
	return true;
}

static struct meet_slot *meet_find(struct meet_slot *slots, size_t count, const struct match *key)
{
	uint64_t words[4], hash = (uint64_t)key->srcport << 32 | (uint64_t)key->dstport << 16 | key->protocol;
	memcpy(words, key->src, sizeof(key->src));
	memcpy(words + 2, key->dst, sizeof(key->dst));
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
		hash = (hash ^ words[i] ^ hash >> 31) * 0xff51afd7ed558ccdu;
	size_t at = (size_t)(hash ^ hash >> 32) & (count - 1);
	while (slots[at].used &&
	       (memcmp(slots[at].key.src, key->src, sizeof(key->src)) != 0 || memcmp(slots[at].key.dst, key->dst, sizeof(key->dst)) != 0 ||
		slots[at].key.srcport != key->srcport || slots[at].key.dstport != key->dstport ||
		slots[at].key.protocol != key->protocol))
		at = (at + 1) & (count - 1);
	return &slots[at];
}

/* A packet that both hold: the longer prefix of each side decides. */
static bool shared_packet(const struct lint *lint, const struct shape *a, const struct match *x, const struct shape *b,
			  const struct match *y, struct packet *ret_packet)
{
	struct shape shape = *a;
	struct match match = *x;
	if (b->src_bits > a->src_bits || a->src_me) {
		shape.src_bits = b->src_bits;
		shape.src_me = b->src_me;
		memcpy(match.src, y->src, sizeof(match.src));
	}
	if (b->dst_bits > a->dst_bits || a->dst_me) {
		shape.dst_bits = b->dst_bits;
		shape.dst_me = b->dst_me;
		memcpy(match.dst, y->dst, sizeof(match.dst));
	}
	shape.directions = a->directions & b->directions;
	shape.reply = a->reply || b->reply;
	return match_packet(lint, &shape, &match, ret_packet);
}

static bool pairs_put(uint64_t *pairs, size_t capacity, uint64_t hash)
{
	size_t at = (size_t)hash & (capacity - 1);
	while (pairs[at] != 0 && pairs[at] != hash)
		at = (at + 1) & (capacity - 1);
	bool is_new = pairs[at] == 0;
	pairs[at] = hash;
	return is_new;
}

/* Two filters meet once, however many halves and families they share. */
static bool pair_is_new(struct lint *lint, const struct match *x, const struct match *y)
{
	uint64_t hash = ((uint64_t)x->origin << 32 | x->filter) * 0xff51afd7ed558ccdu;
	hash = (hash ^ hash >> 31 ^ ((uint64_t)y->origin << 32 | y->filter)) * 0xc4ceb9fe1a85ec53u;
	hash = (hash ^ hash >> 32) | 1;
	if (lint->pair_count * 2 >= lint->pair_capacity) {
		size_t capacity = lint->pair_capacity > 0 ? lint->pair_capacity * 2 : 64;
		uint64_t *pairs = memory_alloc(capacity * sizeof(*pairs));
		for (size_t i = 0; i < lint->pair_capacity; i++)
			if (lint->pairs[i] != 0)
				(void)pairs_put(pairs, capacity, lint->pairs[i]);
		free(lint->pairs);
		lint->pairs = pairs;
		lint->pair_capacity = capacity;
	}
	bool is_new = pairs_put(lint->pairs, lint->pair_capacity, hash);
	lint->pair_count += is_new;
	return is_new;
}

/* Warns when one of the two decides a packet that both hold. */
static void pair_check(struct lint *lint, const struct group *first, const struct match *x, const struct group *second,
		       const struct match *y)
{
	struct packet packet;
	if (!shared_packet(lint, &first->shape, x, &second->shape, y, &packet))
		return;
	struct verdict verdict = lint_judge(lint, &packet);
	if (verdict.match != x && verdict.match != y)
		return;
	if (!match_holds(&first->shape, x, lint->ruleset->host, &packet) || !match_holds(&second->shape, y, lint->ruleset->host, &packet))
		return;
	const struct match *loser = verdict.match == x ? y : x;
	if (!pair_is_new(lint, loser, verdict.match) || !lint_room(lint))
		return;
	char text[PACKET_TEXT];
	struct buffer names[2];
	for (size_t i = 0; i < 2; i++) {
		const struct match *match = i == 0 ? loser : verdict.match;
		buffer_init(&names[i], 1024);
		filter_name(&lint->ruleset->origins[match->origin], match->filter, &names[i]);
	}
	struct place place = filter_place(match_filter(lint->ruleset, loser));
	packet_print(&packet, text);
	diag_warning(lint->diag, "equal-weight", &place,
		     "%s would %s, but %s is as specific and would %s: the stricter action holds for `%s`", buffer_text(&names[0]),
		     action_name((enum action)loser->action), buffer_text(&names[1]), action_name((enum action)verdict.match->action), text);
	buffer_done(&names[0]);
	buffer_done(&names[1]);
}

/* All pairs of matches of two groups that share packets and differ in action, one for each match of the second. */
static void groups_meet(struct lint *lint, const struct group *first, const struct group *second)
{
	const struct match *matches = lint->ruleset->matches;
	struct meet meet;
	struct match key;
	if (!shapes_meet(&first->shape, &second->shape, &meet))
		return;
	size_t count = 16;
	while (count < (size_t)first->count * 2)
		count *= 2;
	struct meet_slot *slots = memory_alloc(count * sizeof(*slots));
	for (uint32_t i = first->first; i < first->first + first->count; i++) {
		if (!meet_key(lint, &meet, &first->shape, &matches[i], &key))
			continue;
		struct meet_slot *slot = meet_find(slots, count, &key);
		slot->key = key;
		slot->used = true;
		if (slot->first[matches[i].action] == 0)
			slot->first[matches[i].action] = i + 1;
	}
	for (uint32_t i = second->first; i < second->first + second->count; i++) {
		if (!meet_key(lint, &meet, &second->shape, &matches[i], &key))
			continue;
		const struct meet_slot *slot = meet_find(slots, count, &key);
		for (unsigned action = 0; slot->used && action <= ACTION_PERMIT; action++)
			if (action != matches[i].action && slot->first[action] != 0)
				pair_check(lint, first, &matches[slot->first[action] - 1], second, &matches[i]);
	}
	free(slots);
}

/* Whether two groups can differ in action at all: of one action only, they are known by their first match. */
static bool groups_differ(const struct ruleset *ruleset, const struct group *a, const struct group *b)
{
	return a->mixed || b->mixed || ruleset->matches[a->first].action != ruleset->matches[b->first].action;
}

static void equal_weight(struct lint *lint)
{
	const struct ruleset *ruleset = lint->ruleset;
	size_t looks = 0;
	for (size_t i = 0; i < ruleset->group_count; i++) {
		const struct group *first = &ruleset->groups[i];
		for (size_t j = i + 1; j < ruleset->group_count && ruleset->groups[j].weight == first->weight; j++) {
			const struct group *second = &ruleset->groups[j];
			if (!groups_differ(ruleset, first, second))
				continue;
			looks += (size_t)first->count + second->count;
			if (looks <= MEETS_MOST)
				groups_meet(lint, first, second);
		}
	}
	for (size_t i = 0; i < ruleset->shadowed_count; i++) {
		const struct shadowed *shadowed = &ruleset->shadowed[i];
		const struct group *group = &ruleset->groups[shadowed->group];
		const struct match *winner = &ruleset->matches[shadowed->winner];
		if (shadowed->match.action != winner->action && looks++ <= MEETS_MOST)
			pair_check(lint, group, winner, group, &shadowed->match);
	}
	lint_finish(lint, "equal-weight");
}

/* --- no-management --- */

static const struct {
	uint16_t port;
	const char *name;
} managements[] = {{3389, "RDP"}, {22, "SSH"}, {5985, "WinRM"}, {5986, "WinRM"}};

/* In, and the answer back out. */
static bool is_managed(const struct lint *lint, const struct ip *src, const struct ip *dst, uint16_t port)
{
	struct packet in = packet_tcp(DIRECTION_IN, src, PORT_HIGH, dst, port);
	struct packet out = packet_tcp(DIRECTION_OUT, dst, port, src, PORT_HIGH);
	out.reply = true;
	return lint_judge(lint, &in).action != ACTION_BLOCK && lint_judge(lint, &out).action != ACTION_BLOCK;
}

/* Whether a match that lets in could let in an administrator. */
static bool match_manages(const struct lint *lint, const struct shape *shape, const struct match *match)
{
	const struct host *host = lint->ruleset->host;
	struct ip src, dst;
	if (match->action == ACTION_BLOCK || (shape->directions & DIRECTION_IN) == 0 || shape->reply || shape->src_me ||
	    shape->has_srcport || (shape->has_protocol && match->protocol != PROTOCOL_TCP) ||
	    !side_address(lint, shape, match, false, &src) || !side_address(lint, shape, match, true, &dst))
		return false;
	if (!shape->dst_me && !host_is_me(host, &dst)) {
		bool found = false;
		for (size_t i = 0; i < host->address_count && !found; i++) {
			dst = host->addresses[i].ip;
			found = dst.family == shape->family && ip_in_prefix(dst.bytes, match->dst, shape->dst_bits);
		}
		if (!found)
			return false;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(managements); i++)
		if ((!shape->has_dstport || match->dstport == managements[i].port) && is_managed(lint, &src, &dst, managements[i].port))
			return true;
	return false;
}

static void no_management(struct lint *lint)
{
	const struct ruleset *ruleset = lint->ruleset;
	size_t f = lint->me[0].family != FAMILY_NONE ? 0 : 1;
	if (lint->me[f].family == FAMILY_NONE || lint->remote[f].family == FAMILY_NONE)
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(managements) * 2; i++) {
		size_t family = i % 2, port = i / 2;
		if (lint->me[family].family != FAMILY_NONE && lint->remote[family].family != FAMILY_NONE &&
		    is_managed(lint, &lint->remote[family], &lint->me[family], managements[port].port))
			return;
	}
	for (size_t i = 0; i < ruleset->group_count; i++) {
		const struct group *group = &ruleset->groups[i];
		for (uint32_t j = group->first; j < group->first + group->count; j++)
			if (match_manages(lint, &group->shape, &ruleset->matches[j]))
				return;
	}
	struct packet packet = packet_tcp(DIRECTION_IN, &lint->remote[f], PORT_HIGH, &lint->me[f], managements[0].port);
	struct verdict verdict = lint_judge(lint, &packet);
	if (verdict.action != ACTION_BLOCK) { /* then its answer is what is blocked */
		packet = packet_tcp(DIRECTION_OUT, &lint->me[f], managements[0].port, &lint->remote[f], PORT_HIGH);
		packet.reply = true;
		verdict = lint_judge(lint, &packet);
	}
	char text[PACKET_TEXT];
	struct place place = filter_place(verdict.match != NULL ? match_filter(ruleset, verdict.match) : NULL);
	packet_print(&packet, text);
	diag_warning(lint->diag, "no-management", &place,
		     "nothing lets in SSH (22), RDP (3389) or WinRM (5985, 5986): in force, the machine cannot be managed over the "
		     "network; `%s` is blocked", text);
}

/* --- exempt-public --- */

/* Networks that nobody is reached at from the internet.  Documentation's are not among them: they stand for public ones. */
static const struct ip_prefix private_networks[] = {
	{{FAMILY_IPV4, {0}}, 8}, {{FAMILY_IPV4, {10}}, 8}, {{FAMILY_IPV4, {100, 64}}, 10}, {{FAMILY_IPV4, {127}}, 8},
	{{FAMILY_IPV4, {169, 254}}, 16}, {{FAMILY_IPV4, {172, 16}}, 12}, {{FAMILY_IPV4, {192, 168}}, 16},
	{{FAMILY_IPV4, {198, 18}}, 15}, {{FAMILY_IPV6, {0}}, 8}, {{FAMILY_IPV6, {0xfc}}, 7}, {{FAMILY_IPV6, {0xfe, 0x80}}, 10},
};

static bool ip_is_public(const struct ip *ip)
{
	for (size_t i = 0; i < ARRAY_LENGTH(private_networks); i++)
		if (private_networks[i].ip.family == ip->family &&
		    ip_in_prefix(ip->bytes, private_networks[i].ip.bytes, private_networks[i].bits))
			return false;
	return true;
}

static void exempt_public(struct lint *lint)
{
	static const struct ip groups[2] = {{FAMILY_IPV4, {224, 0, 0, 1}}, {FAMILY_IPV6, {0xff, 0x02, [15] = 1}}};
	const struct host *host = lint->ruleset->host;
	uint32_t level = lint->ruleset->state->config.number[PROPERTY_IPSECEXEMPT];
	const struct ip *own = NULL;
	for (size_t i = 0; i < host->address_count && own == NULL; i++)
		if (ip_is_public(&host->addresses[i].ip))
			own = &host->addresses[i].ip;
	if (level > 1 || own == NULL)
		return;
	const struct ip *remote = &lint->remote[own->family == FAMILY_IPV6];
	if (remote->family == FAMILY_NONE)
		return;
	struct packet packet = packet_tcp(DIRECTION_IN, remote, 88, own, 3389);
	if (level == 1) {
		packet = packet_tcp(DIRECTION_IN, remote, PORT_HIGH, &groups[own->family == FAMILY_IPV6], 1434);
		packet_protocol(&packet, PROTOCOL_UDP);
	}
	struct verdict verdict = lint_judge(lint, &packet);
	if (verdict.exemption == NULL)
		return;
	char text[PACKET_TEXT], address[IP_TEXT];
	packet_print(&packet, text);
	ip_print(own, address);
	diag_warning(lint->diag, "exempt-public", NULL,
		     "ipsecexempt is %u on a host with a public address (%s): whatever the filters say, `%s` passes as %s; write "
		     "ipsecexempt=3", level, address, text, verdict.exemption->name);
}

void lint_check(const struct ruleset *ruleset, const struct classifier *classifier, struct diag *diag)
{
	struct lint lint = {.ruleset = ruleset, .classifier = classifier, .diag = diag};
	if (ruleset->mode != MODE_SECURE || ruleset->group_count == 0)
		return;
	lint_init(&lint);
	mirror_open(&lint);
	no_block_all(&lint);
	equal_weight(&lint);
	no_management(&lint);
	exempt_public(&lint);
	free(lint.pairs);
}
