/* One filter after the other, one half after the other: does it hold the packet, and if so, is it better than the
 * best so far?  Better is: tunnel before transport, the lower address tier, the lower row of protocol and ports, more
 * bits of both addresses, block before negotiate before permit. */
#include "tests/oracle/oracle.h"

#include <string.h>

/* --- Addresses, bit by bit --- */

static unsigned oracle_bits(const struct ip *ip)
{
	return ip->family == FAMILY_IPV4 ? 32 : 128;
}

static unsigned bit_at(const uint8_t bytes[16], unsigned bit)
{
	return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool same_bits(const uint8_t a[16], const uint8_t b[16], unsigned count)
{
	for (unsigned bit = 0; bit < count; bit++)
		if (bit_at(a, bit) != bit_at(b, bit))
			return false;
	return true;
}

static bool same_ip(const struct ip *a, const struct ip *b)
{
	return a->family == b->family && same_bits(a->bytes, b->bytes, oracle_bits(a));
}

static bool own_address(const struct host *host, const struct ip *ip)
{
	for (size_t i = 0; i < host->address_count; i++)
		if (same_ip(&host->addresses[i].ip, ip))
			return true;
	return false;
}

static bool loopback_address(const struct ip *ip)
{
	if (ip->family == FAMILY_IPV4)
		return ip->bytes[0] == 127;
	for (unsigned i = 0; i < 15; i++)
		if (ip->bytes[i] != 0)
			return false;
	return ip->bytes[15] == 1;
}

static bool multicast_address(const struct ip *ip)
{
	if (ip->family == FAMILY_IPV6)
		return ip->bytes[0] == 255;
	return ip->bytes[0] >= 224 && ip->bytes[0] <= 239;
}

/* All ones, or all ones behind the network of one of the host's addresses, where the network has room for it. */
static bool broadcast_address(const struct host *host, const struct ip *ip)
{
	if (ip->family != FAMILY_IPV4)
		return false;
	unsigned ones = 0;
	while (ones < 32 && bit_at(ip->bytes, 31 - ones) == 1)
		ones++;
	if (ones == 32)
		return true;
	for (size_t i = 0; i < host->address_count; i++) {
		const struct ip_prefix *own = &host->addresses[i];
		if (own->ip.family == FAMILY_IPV4 && own->bits <= 30 && same_bits(own->ip.bytes, ip->bytes, own->bits) &&
		    ones >= 32u - own->bits)
			return true;
	}
	return false;
}

/* --- Exemptions --- */

static bool is_protocol(const struct packet *packet, unsigned a, unsigned b)
{
	return packet->protocol == a || packet->protocol == b;
}

static bool any_negotiates(const struct state *state)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		for (size_t j = 0; j < location->policies.count; j++) {
			const struct policy *policy = (const struct policy *)location->policies.items[j];
			for (size_t k = 0; policy->assigned && k < policy->rules.count; k++) {
				const struct rule *rule = (const struct rule *)policy->rules.items[k];
				if (rule->activate && rule->filteraction->action == ACTION_NEGOTIATE)
					return true;
			}
		}
		for (size_t j = 0; j < location->dynrule_count; j++)
			if (location->dynrules[j]->actioninbound == ACTION_NEGOTIATE ||
			    location->dynrules[j]->actionoutbound == ACTION_NEGOTIATE)
				return true;
	}
	return false;
}

static bool is_own_ike(const struct state *state, const struct host *host, const struct packet *packet)
{
	unsigned port = 0;
	if (packet->protocol != 17)
		return false;
	if (packet->direction == DIRECTION_IN && own_address(host, &packet->dst))
		port = packet->dstport;
	if (packet->direction == DIRECTION_OUT && own_address(host, &packet->src))
		port = packet->srcport;
	return port == 500 || (port == 4500 && any_negotiates(state));
}

static const char *exemption_find(const struct state *state, const struct host *host, const struct packet *packet)
{
	unsigned level = state->config.number[PROPERTY_IPSECEXEMPT];
	bool src_local = own_address(host, &packet->src) || loopback_address(&packet->src);
	bool dst_local = own_address(host, &packet->dst) || loopback_address(&packet->dst);
	if (src_local && dst_local)
		return "loopback";
	if (packet->src.family == FAMILY_IPV6 && packet->protocol == 58 && packet->icmp_type >= 133 && packet->icmp_type <= 136 &&
	    packet->direction != DIRECTION_FORWARD) /* its hop limit would not be 255 any more */
		return "nd";
	if (state->config.number[PROPERTY_IKEEXEMPT] == 1 && is_own_ike(state, host, packet))
		return "ike";
	if (level == 0 || level == 2) {
		if (is_protocol(packet, 6, 17) && (packet->srcport == 88 || packet->dstport == 88))
			return "kerberos";
		if (packet->protocol == 46)
			return "rsvp";
	}
	if (level == 0 || level == 1) {
		if (multicast_address(&packet->dst))
			return "multicast";
		if (broadcast_address(host, &packet->dst))
			return "broadcast";
	}
	return NULL;
}

/* --- Filters --- */

/* How long the prefix is that holds an address, -1 when nothing does.  `me` and servers are single addresses. */
static int prefix_length(const struct address *address, const struct host *host, const struct ip *ip)
{
	unsigned all = oracle_bits(ip);
	switch ((enum address_kind)address->kind) {
	case ADDRESS_ANY:
		return 0;
	case ADDRESS_ME:
		return own_address(host, ip) ? (int)all : -1;
	case ADDRESS_DNS:
	case ADDRESS_WINS:
	case ADDRESS_DHCP:
	case ADDRESS_GATEWAY:
		for (size_t i = 0; i < host->servers[address->kind].count; i++)
			if (same_ip(&host->servers[address->kind].items[i], ip))
				return (int)all;
		return -1;
	case ADDRESS_SUBNET:
		return address->family == ip->family && same_bits(address->first, ip->bytes, address->bits) ? address->bits : -1;
	case ADDRESS_RANGE:
		break;
	}
	if (address->family != ip->family || memcmp(ip->bytes, address->first, all / 8) < 0 ||
	    memcmp(ip->bytes, address->last, all / 8) > 0)
		return -1;
	/* Of the fewest prefixes that make up a range, the one that holds an address is the largest that fits. */
	for (unsigned bits = 0; bits < all; bits++) {
		uint8_t first[16] = {0}, last[16] = {0};
		for (unsigned bit = 0; bit < all; bit++) {
			bool fixed = bit < bits && bit_at(ip->bytes, bit) == 1;
			first[bit / 8] = (uint8_t)(first[bit / 8] | (fixed ? 0x80u >> bit % 8 : 0));
			last[bit / 8] = (uint8_t)(last[bit / 8] | (fixed || bit >= bits ? 0x80u >> bit % 8 : 0));
		}
		if (memcmp(first, address->first, all / 8) >= 0 && memcmp(last, address->last, all / 8) <= 0)
			return (int)bits;
	}
	return (int)all;
}

/* How good a filter is for a packet: lower is better in all but bits. */
struct rank {
	bool tunnel;
	unsigned tier, row, bits;
	enum action action;
};

/* 1 single/single, 2 range/single, 3 single/range, 4 range/range, 5 any/single, 6 single/any, 7 any/range, 8 range/any, 9 any/any */
static unsigned tier_of(unsigned src, unsigned dst, unsigned all)
{
	bool src_single = src == all, dst_single = dst == all, src_any = src == 0, dst_any = dst == 0;
	if (src_any)
		return dst_any ? 9 : dst_single ? 5 : 7;
	if (dst_any)
		return src_single ? 6 : 8;
	if (dst_single)
		return src_single ? 1 : 2;
	return src_single ? 3 : 4;
}

static unsigned row_of(unsigned protocol, unsigned srcport, unsigned dstport)
{
	if (protocol == 0)
		return 5;
	if (srcport == 0 && dstport == 0)
		return 4;
	return srcport == 0 ? 2 : dstport == 0 ? 3 : 1;
}

/* Whether one half of a filter holds a packet, and how good it is. */
static bool half_rank(const struct filter *filter, bool reverse, const struct host *host, const struct packet *packet,
		      struct rank *ret_rank)
{
	const struct address *src = reverse ? &filter->dst : &filter->src, *dst = reverse ? &filter->src : &filter->dst;
	unsigned srcport = reverse ? filter->dstport : filter->srcport, dstport = reverse ? filter->srcport : filter->dstport;
	if (reverse && (!filter->mirrored || (filter->replies && !packet->reply)))
		return false;
	unsigned protocol = filter->protocol;
	if (protocol == 1 && packet->src.family == FAMILY_IPV6)
		protocol = 58;
	if ((protocol != 0 && protocol != packet->protocol) || (srcport != 0 && srcport != packet->srcport) ||
	    (dstport != 0 && dstport != packet->dstport))
		return false;
	int src_bits = prefix_length(src, host, &packet->src), dst_bits = prefix_length(dst, host, &packet->dst);
	if (src_bits < 0 || dst_bits < 0)
		return false;
	ret_rank->tier = tier_of((unsigned)src_bits, (unsigned)dst_bits, oracle_bits(&packet->src));
	ret_rank->row = row_of(protocol, srcport, dstport);
	ret_rank->bits = (unsigned)(src_bits + dst_bits);
	return true;
}

static bool rank_better(const struct rank *a, const struct rank *b)
{
	if (a->tunnel != b->tunnel)
		return a->tunnel;
	if (a->tier != b->tier)
		return a->tier < b->tier;
	if (a->row != b->row)
		return a->row < b->row;
	if (a->bits != b->bits)
		return a->bits > b->bits;
	return a->action < b->action; /* the enum is in the order in which they win */
}

struct search {
	const struct host *host;
	const struct packet *packet;
	struct rank best;
	struct oracle_verdict verdict;
};

static void search_filter(struct search *search, const struct filter *filter, const struct rule *rule, bool tunnel, enum action action)
{
	for (unsigned reverse = 0; reverse < 2; reverse++) {
		struct rank rank = {.tunnel = tunnel, .action = action};
		if (!half_rank(filter, reverse == 1, search->host, search->packet, &rank))
			continue;
		if (search->verdict.filter != NULL && !rank_better(&rank, &search->best))
			continue;
		search->best = rank;
		search->verdict.action = action;
		search->verdict.filter = filter;
		search->verdict.rule = rule;
		search->verdict.reverse = reverse == 1;
	}
}

/* A dynamic rule has an action for each direction; what is forwarded gets the stricter of the two. */
static enum action dynrule_action(const struct dynrule *rule, unsigned direction)
{
	if (direction == DIRECTION_IN)
		return rule->actioninbound;
	if (direction == DIRECTION_OUT)
		return rule->actionoutbound;
	return rule->actioninbound < rule->actionoutbound ? rule->actioninbound : rule->actionoutbound;
}

void oracle_judge(const struct state *state, const struct host *host, const struct packet *packet,
		  struct oracle_verdict *ret_verdict)
{
	struct search search = {.host = host, .packet = packet, .verdict = {.action = ACTION_PERMIT}};
	search.verdict.exemption = exemption_find(state, host, packet);
	for (size_t i = 0; search.verdict.exemption == NULL && i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		for (size_t j = 0; j < location->policies.count; j++) {
			const struct policy *policy = (const struct policy *)location->policies.items[j];
			for (size_t k = 0; policy->assigned && k < policy->rules.count; k++) {
				const struct rule *rule = (const struct rule *)policy->rules.items[k];
				for (size_t f = 0; rule->activate && f < rule->filterlist->count; f++)
					search_filter(&search, &rule->filterlist->filters[f], rule, rule->tunnel != NULL,
						      rule->filteraction->action);
			}
		}
		for (size_t j = 0; j < location->dynrule_count; j++) {
			const struct dynrule *rule = location->dynrules[j];
			search_filter(&search, &rule->filter, NULL, rule->tunnel != NULL, dynrule_action(rule, packet->direction));
		}
	}
	*ret_verdict = search.verdict;
}

/* --- Start-up --- */

static bool is_startup_dhcp(const struct packet *packet)
{
	unsigned client = packet->src.family == FAMILY_IPV4 ? 68 : 546, server = client == 68 ? 67 : 547;
	if (packet->protocol != 17)
		return false;
	return packet->direction == DIRECTION_IN ? packet->srcport == server && packet->dstport == client
						 : packet->direction == DIRECTION_OUT && packet->srcport == client && packet->dstport == server;
}

/* Whether a boot exemption lets the packet pass, as what it names or as an answer to that. */
static bool is_listed(const struct bootexemption *listed, const struct packet *packet)
{
	bool as_named = packet->direction == (listed->outbound ? DIRECTION_OUT : DIRECTION_IN);
	bool as_answer = packet->reply && packet->direction == (listed->outbound ? DIRECTION_IN : DIRECTION_OUT);
	unsigned protocol = listed->protocol == 1 && packet->src.family == FAMILY_IPV6 ? 58 : listed->protocol;
	if (packet->protocol != protocol)
		return false;
	return (as_named && (listed->srcport == 0 || listed->srcport == packet->srcport) &&
		(listed->dstport == 0 || listed->dstport == packet->dstport)) ||
	       (as_answer && (listed->srcport == 0 || listed->srcport == packet->dstport) &&
		(listed->dstport == 0 || listed->dstport == packet->srcport));
}

static const char *startup_find(const struct state *state, const struct host *host, enum bootmode bootmode, const struct packet *packet,
				const struct bootexemption **ret_listed)
{
	bool src_local = own_address(host, &packet->src) || loopback_address(&packet->src);
	bool dst_local = own_address(host, &packet->dst) || loopback_address(&packet->dst);
	if (src_local && dst_local)
		return "loopback";
	if (packet->src.family == FAMILY_IPV6 && packet->protocol == 58 && packet->icmp_type >= 133 && packet->icmp_type <= 136 &&
	    packet->direction != DIRECTION_FORWARD)
		return "nd";
	if (bootmode == BOOTMODE_PERMIT)
		return NULL;
	if (is_startup_dhcp(packet))
		return "dhcp";
	for (size_t i = 0; i < state->config.bootexemption_count; i++) {
		if (is_listed(&state->config.bootexemptions[i], packet)) {
			*ret_listed = &state->config.bootexemptions[i];
			return "boot";
		}
	}
	if (bootmode == BOOTMODE_STATEFUL && packet->direction == DIRECTION_OUT)
		return "outbound";
	return bootmode == BOOTMODE_STATEFUL && packet->direction == DIRECTION_IN && packet->reply ? "reply" : NULL;
}

void oracle_judge_boot(const struct state *state, const struct host *host, enum bootmode bootmode, const struct packet *packet,
		       struct oracle_verdict *ret_verdict)
{
	struct oracle_verdict verdict = {.action = ACTION_PERMIT};
	verdict.exemption = startup_find(state, host, bootmode, packet, &verdict.listed);
	if (verdict.exemption == NULL && bootmode != BOOTMODE_PERMIT)
		verdict.action = ACTION_BLOCK;
	*ret_verdict = verdict;
}
