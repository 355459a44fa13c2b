/* Everything is drawn from small pools, so that filters overlap, weigh the same and have the same keys often. */
#include "tests/oracle/sample.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"

uint64_t dice_seed(uint64_t otherwise)
{
	const char *text = getenv("CORDON_SEED");
	return text != NULL && *text != '\0' ? strtoull(text, NULL, 0) : otherwise;
}

struct dice dice_new(uint64_t seed)
{
	return (struct dice){seed * 0x9e3779b97f4a7c15u + 1};
}

/* splitmix64 */
uint64_t dice_next(struct dice *dice)
{
	uint64_t z = dice->state += 0x9e3779b97f4a7c15u;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

unsigned dice_below(struct dice *dice, unsigned limit)
{
	return (unsigned)(dice_next(dice) % limit);
}

bool dice_chance(struct dice *dice, unsigned percent)
{
	return dice_below(dice, 100) < percent;
}

#define PICK(dice, array) ((array)[dice_below((dice), (unsigned)ARRAY_LENGTH(array))])

static const char *const hosts4[] = {"192.0.2.10/24", "192.0.2.11/24", "10.1.2.3/8", "172.16.5.9/30", "203.0.113.64/31", "198.51.100.7/32"};
static const char *const hosts6[] = {"2001:db8::10/64", "2001:db8:1::5/48", "fe80::1/64"};
static const char *const places4[] = {
	"192.0.2.10", "192.0.2.11", "10.1.2.3", "10.1.2.4", "10.1.0.0", "10.0.0.0", "10.255.255.255", "192.0.2.255", "192.0.2.0",
	"192.0.2.53", "203.0.113.9", "203.0.113.64", "198.51.100.7", "0.0.0.0", "255.255.255.255", "224.0.0.251", "239.255.255.250",
	"127.0.0.1", "127.255.0.3", "172.16.5.11", "172.16.5.9", "128.0.0.0", "127.255.255.255",
};
static const char *const places6[] = {
	"2001:db8::10", "2001:db8::11", "2001:db8:1::5", "2001:db8:1::", "2001:db8::53", "fe80::1", "fe80::2", "ff02::1", "ff02::fb",
	"::1", "::", "2001:db9::1", "8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
};
static const uint16_t ports[] = {20, 21, 53, 67, 68, 80, 88, 443, 500, 1434, 3389, 4500, 49152, 65535};
static const uint8_t protocols[] = {0, 1, 6, 6, 6, 17, 17, 17, 46, 47, 58, 255};

static struct ip place_draw(struct dice *dice, unsigned family)
{
	const char *text = family == FAMILY_IPV4 ? PICK(dice, places4) : PICK(dice, places6);
	struct ip ip = {0};
	if (!ip_parse(text, strlen(text), &ip))
		abort(); /* a table of ours is wrong */
	return ip;
}

static void host_draw(struct dice *dice, struct host *host, const char *const *texts, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct ip_prefix prefix;
		if (!dice_chance(dice, 55))
			continue;
		if (!ip_prefix_parse(texts[i], strlen(texts[i]), &prefix))
			abort(); /* a table of ours is wrong */
		host_add_address(host, &prefix);
	}
}

struct host random_host(struct dice *dice)
{
	struct host host;
	host_init(&host);
	host_draw(dice, &host, hosts4, ARRAY_LENGTH(hosts4));
	host_draw(dice, &host, hosts6, ARRAY_LENGTH(hosts6));
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++) {
		for (unsigned count = dice_below(dice, 3); count > 0; count--) {
			struct ip ip = place_draw(dice, dice_chance(dice, 60) ? FAMILY_IPV4 : FAMILY_IPV6);
			host_add_server(&host, (enum address_kind)kind, &ip);
		}
	}
	return host;
}

/* --- Filters --- */

static struct address subnet_draw(struct dice *dice, unsigned family)
{
	static const uint8_t bits4[] = {32, 32, 32, 31, 30, 24, 24, 16, 16, 8, 1, 0};
	static const uint8_t bits6[] = {128, 128, 128, 127, 65, 64, 63, 48, 32, 8, 1, 0};
	struct ip ip = place_draw(dice, family);
	return address_subnet(&ip, family == FAMILY_IPV4 ? PICK(dice, bits4) : PICK(dice, bits6));
}

/* First and last differ in the last two bytes only, so that the prefixes stay few; sometimes a range is everything. */
static struct address range_draw(struct dice *dice, unsigned family)
{
	struct ip ip = place_draw(dice, family);
	unsigned size = family_bits(family) / 8;
	struct address range = {.kind = ADDRESS_RANGE, .family = (uint8_t)family};
	memcpy(range.first, ip.bytes, sizeof(range.first));
	memcpy(range.last, ip.bytes, sizeof(range.last));
	if (dice_chance(dice, 5)) {
		memset(range.first, 0, size);
		memset(range.last, 0xff, size);
		return range;
	}
	unsigned low = (unsigned)range.first[size - 2] << 8 | range.first[size - 1];
	unsigned high = low + 1 + dice_below(dice, dice_chance(dice, 50) ? 20 : 3000);
	if (high > 0xffff) {
		high = low == 0xffff ? low : 0xffff;
		low -= low == 0xffff;
	}
	range.first[size - 2] = (uint8_t)(low >> 8);
	range.first[size - 1] = (uint8_t)low;
	range.last[size - 2] = (uint8_t)(high >> 8);
	range.last[size - 1] = (uint8_t)high;
	return range;
}

static struct address address_draw(struct dice *dice, unsigned family)
{
	unsigned draw = dice_below(dice, 100);
	if (draw < 25)
		return (struct address){.kind = ADDRESS_ANY};
	if (draw < 50)
		return (struct address){.kind = ADDRESS_ME};
	return draw < 88 ? subnet_draw(dice, family) : range_draw(dice, family);
}

/* The host's own address now and then: it weighs as much as `me`. */
static struct address own_draw(struct dice *dice, const struct host *host)
{
	if (host->address_count == 0)
		return (struct address){.kind = ADDRESS_ME};
	const struct ip *ip = &host->addresses[dice_below(dice, (unsigned)host->address_count)].ip;
	return address_subnet(ip, family_bits(ip->family));
}

static struct filter filter_draw(struct dice *dice, const struct host *host)
{
	struct filter filter = {.description = ""};
	do {
		unsigned family = dice_chance(dice, 60) ? FAMILY_IPV4 : FAMILY_IPV6;
		filter.src = address_draw(dice, family);
		filter.dst = address_draw(dice, family);
		if (dice_chance(dice, 12))
			*(dice_chance(dice, 50) ? &filter.src : &filter.dst) = own_draw(dice, host);
		if (dice_chance(dice, 12)) {
			struct address server = {.kind = (uint8_t)(ADDRESS_DNS + dice_below(dice, 4))}, me = {.kind = ADDRESS_ME};
			bool out = dice_chance(dice, 60);
			filter.src = out ? me : server;
			filter.dst = out ? server : me;
		}
		filter.protocol = PICK(dice, protocols);
		bool ported = filter.protocol == PROTOCOL_TCP || filter.protocol == PROTOCOL_UDP;
		filter.srcport = ported && dice_chance(dice, 30) ? PICK(dice, ports) : 0;
		filter.dstport = ported && dice_chance(dice, 60) ? PICK(dice, ports) : 0;
		filter.mirrored = dice_chance(dice, 70);
		filter.replies = filter.mirrored && dice_chance(dice, 30);
	} while (filter_check(&filter) != NULL);
	return filter;
}

static enum action action_draw(struct dice *dice, unsigned flags)
{
	unsigned draw = dice_below(dice, 100);
	if ((flags & SAMPLE_NEGOTIATE) != 0 && draw < 15)
		return ACTION_NEGOTIATE;
	return draw < 55 ? ACTION_PERMIT : ACTION_BLOCK;
}

static struct bootexemption boot_draw(struct dice *dice)
{
	static const uint8_t drawn[] = {1, 1, 6, 6, 6, 17, 17, 47, 58, 89};
	struct bootexemption boot = {.protocol = PICK(dice, drawn), .outbound = dice_chance(dice, 35)};
	if (boot.protocol == PROTOCOL_TCP || boot.protocol == PROTOCOL_UDP) {
		boot.srcport = dice_chance(dice, 30) ? PICK(dice, ports) : 0;
		boot.dstport = dice_chance(dice, 75) ? PICK(dice, ports) : 0;
	}
	return boot;
}

void random_sample(struct dice *dice, const struct host *host, unsigned flags, struct sample *ret_sample)
{
	struct sample *sample = ret_sample;
	memset(sample, 0, sizeof(*sample));
	sample->rule_count = 1 + dice_below(dice, SAMPLE_RULES);
	sample->filter_count = 1 + dice_below(dice, dice_chance(dice, 40) ? 6 : SAMPLE_FILTERS);
	sample->dynrule_count = (flags & SAMPLE_DYNAMIC) != 0 && dice_chance(dice, 40) ? 1 + dice_below(dice, SAMPLE_DYNRULES) : 0;
	sample->exempt = (uint8_t)dice_below(dice, 4);
	sample->ikeexempt = dice_chance(dice, 60);
	sample->decoy = dice_chance(dice, 20);
	unsigned lists = 1 + dice_below(dice, SAMPLE_LISTS);
	for (size_t i = 0; i < sample->rule_count; i++)
		sample->rules[i] = (struct sample_rule){.list = (uint8_t)dice_below(dice, lists), .action = action_draw(dice, flags),
							.activate = dice_chance(dice, 88),
							.tunnel = (flags & SAMPLE_TUNNELS) != 0 && dice_chance(dice, 5)};
	for (size_t i = 0; i < sample->filter_count; i++)
		sample->filters[i] = (struct sample_filter){.list = (uint8_t)dice_below(dice, lists), .filter = filter_draw(dice, host)};
	for (size_t i = 0; i < sample->dynrule_count; i++) {
		sample->dynrules[i] = (struct sample_dynrule){.filter = filter_draw(dice, host), .in = action_draw(dice, flags)};
		sample->dynrules[i].tunnel = (flags & SAMPLE_TUNNELS) != 0 && dice_chance(dice, 10);
		sample->dynrules[i].out = dice_chance(dice, 50) ? sample->dynrules[i].in : action_draw(dice, flags);
	}
	if ((flags & SAMPLE_BOOT) == 0)
		return;
	static const enum bootmode bootmodes[] = {BOOTMODE_STATEFUL, BOOTMODE_STATEFUL, BOOTMODE_BLOCK, BOOTMODE_BLOCK, BOOTMODE_PERMIT};
	sample->boot = true;
	sample->bootmode = PICK(dice, bootmodes);
	sample->boot_count = dice_below(dice, SAMPLE_BOOTS + 1);
	for (size_t i = 0; i < sample->boot_count; i++)
		sample->boots[i] = boot_draw(dice);
}

/* --- A state of it --- */

static void location_fill(struct state *state, const struct sample *sample, struct location *location)
{
	struct filterlist *lists[SAMPLE_LISTS] = {NULL};
	struct filteraction *actions[ACTION_PERMIT + 1];
	struct policy *policy = location_add_policy(state, location, "sample"), *decoy = NULL;
	if (sample->decoy)
		decoy = location_add_policy(state, location, "decoy");
	for (unsigned i = 0; i < ARRAY_LENGTH(actions); i++) {
		actions[i] = location_add_filteraction(state, location, action_name((enum action)i));
		actions[i]->action = (enum action)i;
	}
	for (unsigned i = location->id; i < SAMPLE_LISTS; i += LOCATION_COUNT) {
		lists[i] = location_add_filterlist(state, location, arena_printf(state->arena, "list %u", i));
		for (size_t j = 0; j < sample->filter_count; j++)
			if (sample->filters[j].list == i)
				filterlist_add(state, lists[i], &sample->filters[j].filter);
		if (decoy != NULL)
			(void)policy_add_rule(state, decoy, arena_printf(state->arena, "decoy %u", i), lists[i], actions[ACTION_BLOCK]);
	}
	for (size_t i = 0; i < sample->rule_count; i++) {
		const struct sample_rule *from = &sample->rules[i];
		if (from->list % LOCATION_COUNT != location->id)
			continue;
		struct rule *rule = policy_add_rule(state, policy, arena_printf(state->arena, "rule %zu", i), lists[from->list],
						    actions[from->action]);
		rule->activate = from->activate;
		rule->tunnel = from->tunnel ? "192.0.2.99" : NULL;
	}
	(void)location_assign(location, policy);
}

struct state *sample_state(const struct sample *sample)
{
	struct state *state = state_new();
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		location_fill(state, sample, &state->locations[i]);
	for (size_t i = 0; i < sample->dynrule_count; i++) {
		struct dynrule *rule = location_add_dynrule(state, &state->locations[LOCATION_DYNAMIC]);
		rule->filter = sample->dynrules[i].filter;
		rule->actioninbound = sample->dynrules[i].in;
		rule->actionoutbound = sample->dynrules[i].out;
		rule->tunnel = sample->dynrules[i].tunnel ? "192.0.2.99" : NULL;
	}
	state->config.number[PROPERTY_IPSECEXEMPT] = sample->exempt;
	state->config.number[PROPERTY_IKEEXEMPT] = sample->ikeexempt;
	if (!sample->boot)
		return state;
	state->config.number[PROPERTY_BOOTMODE] = sample->bootmode;
	state->config.set[PROPERTY_BOOTMODE] = true;
	memcpy(state->config.bootexemptions, sample->boots, sizeof(sample->boots));
	state->config.bootexemption_count = sample->boot_count;
	return state;
}

struct state *random_state(struct dice *dice, const struct host *host, unsigned flags)
{
	struct sample sample;
	random_sample(dice, host, flags, &sample);
	return sample_state(&sample);
}

/* --- Packets --- */

static void ip_step(struct ip *ip, bool up)
{
	for (unsigned i = family_bits(ip->family) / 8; i-- > 0;) {
		ip->bytes[i] = (uint8_t)(ip->bytes[i] + (up ? 1 : 255));
		if (ip->bytes[i] != (up ? 0 : 255))
			return;
	}
}

/* The first or last address of a filter's address, or one beside it. */
static struct ip edge_draw(struct dice *dice, const struct address *address)
{
	struct ip ip = {.family = address->family};
	bool last = dice_chance(dice, 50);
	memcpy(ip.bytes, address->first, sizeof(ip.bytes));
	if (last && address->kind == ADDRESS_RANGE)
		memcpy(ip.bytes, address->last, sizeof(ip.bytes));
	for (unsigned bit = address->bits; last && address->kind == ADDRESS_SUBNET && bit < family_bits(address->family); bit++)
		ip.bytes[bit / 8] = (uint8_t)(ip.bytes[bit / 8] | 0x80u >> bit % 8);
	unsigned beside = dice_below(dice, 4);
	if (beside < 2) /* inside or outside */
		ip_step(&ip, beside == 1);
	return ip;
}

static struct ip side_draw(struct dice *dice, const struct address *address, const struct host *host, unsigned family)
{
	if (address->family == family && dice_chance(dice, 90))
		return edge_draw(dice, address);
	const struct ip_list *servers = &host->servers[address->kind <= ADDRESS_GATEWAY ? address->kind : ADDRESS_ANY];
	if (address_is_server(address) && servers->count > 0) {
		const struct ip *ip = &servers->items[dice_below(dice, (unsigned)servers->count)];
		if (ip->family == family)
			return *ip;
	}
	if (address->kind == ADDRESS_ME && host->address_count > 0) {
		const struct ip *ip = &host->addresses[dice_below(dice, (unsigned)host->address_count)].ip;
		if (ip->family == family)
			return *ip;
	}
	return place_draw(dice, family);
}

static uint16_t port_draw(struct dice *dice, uint16_t port)
{
	unsigned draw = dice_below(dice, 100);
	if (port != 0 && draw < 70)
		return port;
	if (port != 0 && draw < 85)
		return (uint16_t)(draw < 78 ? port + 1 : port - 1);
	return draw < 97 ? PICK(dice, ports) : (uint16_t)dice_below(dice, 65536);
}

/* One of all filters, rules in force or not. */
static const struct filter *filter_pick(struct dice *dice, const struct state *state)
{
	const struct filter *picked = NULL;
	unsigned seen = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		for (size_t j = 0; j < location->filterlists.count; j++) {
			const struct filterlist *list = (const struct filterlist *)location->filterlists.items[j];
			if (list->count == 0)
				continue;
			seen += (unsigned)list->count;
			if (dice_below(dice, seen) < list->count)
				picked = &list->filters[dice_below(dice, (unsigned)list->count)];
		}
		for (size_t j = 0; j < location->dynrule_count; j++)
			if (dice_below(dice, ++seen) == 0)
				picked = &location->dynrules[j]->filter;
	}
	return picked;
}

static void protocol_draw(struct dice *dice, const struct filter *filter, struct packet *packet)
{
	static const uint8_t common[] = {1, 6, 6, 17, 17, 46, 47, 58, 255, 0, 2};
	static const int16_t types[] = {-1, 0, 8, 132, 133, 134, 135, 136, 137};
	packet->protocol = filter->protocol != 0 && dice_chance(dice, 90) ? filter->protocol : PICK(dice, common);
	if (packet->protocol == PROTOCOL_ICMP && packet->src.family == FAMILY_IPV6 && dice_chance(dice, 90))
		packet->protocol = PROTOCOL_ICMPV6;
	packet->icmp_type = -1;
	if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6)
		packet->icmp_type = PICK(dice, types);
}

static uint8_t direction_draw(struct dice *dice, const struct packet *packet, const struct host *host)
{
	static const uint8_t all[] = {DIRECTION_IN, DIRECTION_OUT, DIRECTION_FORWARD};
	if (dice_chance(dice, 25))
		return PICK(dice, all);
	if (host_is_me(host, &packet->src))
		return DIRECTION_OUT;
	return host_is_me(host, &packet->dst) || dice_chance(dice, 70) ? DIRECTION_IN : DIRECTION_FORWARD;
}

struct packet random_packet(struct dice *dice, const struct state *state, const struct host *host)
{
	static const struct filter nothing = {.src = {.kind = ADDRESS_ANY}, .dst = {.kind = ADDRESS_ANY}};
	const struct filter *filter = filter_pick(dice, state);
	if (filter == NULL || dice_chance(dice, 15))
		filter = &nothing;
	bool reverse = dice_chance(dice, 45);
	unsigned family = filter->src.family != 0 ? filter->src.family : filter->dst.family;
	if (family == 0)
		family = dice_chance(dice, 60) ? FAMILY_IPV4 : FAMILY_IPV6;
	struct packet packet = {0};
	packet.src = side_draw(dice, reverse ? &filter->dst : &filter->src, host, family);
	packet.dst = side_draw(dice, reverse ? &filter->src : &filter->dst, host, family);
	if (dice_chance(dice, 8))
		packet.dst = place_draw(dice, family);
	protocol_draw(dice, filter, &packet);
	if (packet.protocol == PROTOCOL_TCP || packet.protocol == PROTOCOL_UDP) {
		packet.srcport = port_draw(dice, reverse ? filter->dstport : filter->srcport);
		packet.dstport = port_draw(dice, reverse ? filter->srcport : filter->dstport);
	}
	packet.direction = direction_draw(dice, &packet, host);
	packet.reply = dice_chance(dice, 35);
	packet.fragment = dice_chance(dice, 5);
	return packet;
}

/* One that an exemption names, or nearly; `back`: an answer to such a one. */
static void boot_aim(struct dice *dice, const struct bootexemption *boot, bool back, struct packet *packet)
{
	bool six = packet->src.family == FAMILY_IPV6, out = boot->outbound != back;
	packet->protocol = boot->protocol == PROTOCOL_ICMP && six ? PROTOCOL_ICMPV6 : boot->protocol;
	packet->srcport = packet->dstport = 0;
	packet->icmp_type = -1;
	if (packet->protocol == PROTOCOL_TCP || packet->protocol == PROTOCOL_UDP) {
		packet->srcport = port_draw(dice, back ? boot->dstport : boot->srcport);
		packet->dstport = port_draw(dice, back ? boot->srcport : boot->dstport);
	}
	if (packet->protocol == PROTOCOL_ICMP || packet->protocol == PROTOCOL_ICMPV6)
		packet->icmp_type = (int16_t)((six ? 128 : 8) + (back && six ? 1 : back ? -8 : 0));
	unsigned any = 1u << dice_below(dice, 3), way = out ? DIRECTION_OUT : DIRECTION_IN;
	packet->direction = (uint8_t)(dice_chance(dice, 85) ? way : any);
}

struct packet random_boot_packet(struct dice *dice, const struct state *state, const struct host *host)
{
	struct packet packet = random_packet(dice, state, host);
	unsigned kind = dice_below(dice, 100);
	bool back = dice_chance(dice, 40);
	if (kind < 25) {
		bool six = packet.src.family == FAMILY_IPV6;
		struct bootexemption dhcp = {PROTOCOL_UDP, six ? 546 : 68, six ? 547 : 67, true};
		boot_aim(dice, &dhcp, back, &packet);
	} else if (kind < 75 && state->config.bootexemption_count > 0) {
		boot_aim(dice, &state->config.bootexemptions[dice_below(dice, (unsigned)state->config.bootexemption_count)], back, &packet);
	} else {
		return packet;
	}
	/* From the host when it goes out, to it when it comes in: the sides of the draw may be the other way round. */
	if (host_is_me(host, packet.direction == DIRECTION_IN ? &packet.src : &packet.dst)) {
		struct ip src = packet.src;
		packet.src = packet.dst;
		packet.dst = src;
	}
	return packet;
}
