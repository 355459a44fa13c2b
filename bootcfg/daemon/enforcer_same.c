/* Whether facts or rulesets say the same: pure. */
#include <string.h>

#include "bootcfg/daemon/enforcer_internal.h"

void host_copy(const struct host *from, struct host *ret_to)
{
	host_init(ret_to);
	for (size_t i = 0; i < from->address_count; i++)
		host_add_address(ret_to, &from->addresses[i]);
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++)
		for (size_t i = 0; i < from->servers[kind].count; i++)
			host_add_server(ret_to, (enum address_kind)kind, &from->servers[kind].items[i]);
}

/* Their order counts: it is the order in which a server class is expanded. */
bool host_same(const struct host *a, const struct host *b)
{
	if (a->address_count != b->address_count)
		return false;
	for (size_t i = 0; i < a->address_count; i++)
		if (!ip_equal(&a->addresses[i].ip, &b->addresses[i].ip) || a->addresses[i].bits != b->addresses[i].bits)
			return false;
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++) {
		const struct ip_list *x = &a->servers[kind], *y = &b->servers[kind];
		if (x->count != y->count)
			return false;
		for (size_t i = 0; i < x->count; i++)
			if (!ip_equal(&x->items[i], &y->items[i]))
				return false;
	}
	return true;
}

static bool exemption_same(const struct exemption *a, const struct exemption *b)
{
	return strcmp(a->name, b->name) == 0 && a->family == b->family && a->directions == b->directions &&
	       a->protocol == b->protocol && a->type_first == b->type_first && a->type_last == b->type_last &&
	       a->hop_limit == b->hop_limit && a->loopback == b->loopback && a->src_me == b->src_me && a->dst_me == b->dst_me &&
	       a->dst_multicast == b->dst_multicast && a->dst_broadcast == b->dst_broadcast && a->srcport == b->srcport &&
	       a->dstport == b->dstport && a->reply == b->reply;
}

static bool shape_same(const struct shape *a, const struct shape *b)
{
	return a->family == b->family && a->src_me == b->src_me && a->dst_me == b->dst_me && a->src_bits == b->src_bits &&
	       a->dst_bits == b->dst_bits && a->has_protocol == b->has_protocol && a->has_srcport == b->has_srcport &&
	       a->has_dstport == b->has_dstport && a->reply == b->reply && a->tunnel == b->tunnel &&
	       a->directions == b->directions;
}

static bool match_same(const struct match *a, const struct match *b)
{
	return memcmp(a->src, b->src, sizeof(a->src)) == 0 && memcmp(a->dst, b->dst, sizeof(a->dst)) == 0 &&
	       a->srcport == b->srcport && a->dstport == b->dstport && a->protocol == b->protocol && a->action == b->action &&
	       a->reverse == b->reverse && a->origin == b->origin;
}

static bool origin_same(const struct origin *a, const struct origin *b)
{
	return a->location == b->location && a->action == b->action && a->policy == b->policy && a->rule == b->rule &&
	       a->list == b->list && a->number == b->number;
}

bool ruleset_same(const struct ruleset *a, const struct ruleset *b)
{
	if (a->mode != b->mode || a->bootmode != b->bootmode || a->exemption_count != b->exemption_count ||
	    a->origin_count != b->origin_count || a->group_count != b->group_count || a->match_count != b->match_count ||
	    a->otherwise != b->otherwise)
		return false;
	for (size_t i = 0; i < a->exemption_count; i++)
		if (!exemption_same(&a->exemptions[i], &b->exemptions[i]))
			return false;
	for (size_t i = 0; i < a->origin_count; i++)
		if (!origin_same(&a->origins[i], &b->origins[i]))
			return false;
	for (size_t i = 0; i < a->group_count; i++)
		if (!shape_same(&a->groups[i].shape, &b->groups[i].shape) || a->groups[i].first != b->groups[i].first ||
		    a->groups[i].count != b->groups[i].count)
			return false;
	for (size_t i = 0; i < a->match_count; i++)
		if (!match_same(&a->matches[i], &b->matches[i]))
			return false;
	return true;
}
