/* add filter, delete filter; and the filter that is in every dynamic rule. */
#include "core/policy/filter.h"

#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/filterspec.h"
#include "bootcfg/netsh/handlers.h"
#include "bootcfg/netsh/value.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/policy/host.h"

/* The tags of one side of a filter. */
struct side {
	enum tag_id address, mask, port, name;
};
static const struct side sides[2] = {
	{TAG_SRCADDR, TAG_SRCMASK, TAG_SRCPORT, TAG_SRCDNS},
	{TAG_DSTADDR, TAG_DSTMASK, TAG_DSTPORT, TAG_DSTDNS},
};

static struct address *side_address(struct filter *filter, size_t side)
{
	return side == 0 ? &filter->src : &filter->dst;
}

static int mask_wrong(struct call *call, const struct side *side, const char *why)
{
	const struct value *mask = &call->values[side->mask];
	diag_error(call->session->diag, call_place(call, side->mask), "%s is %s: %s", tags[side->mask].name,
		   QUOTE_N(mask->text, mask->length), why);
	return ERROR_INPUT;
}

/* A mask belongs to one address.  With any, me and the server types it is ignored: scripts that work have it. */
static int mask_apply(struct call *call, const struct side *side, struct address *address)
{
	const struct value *mask = call_value(call, side->mask);
	if (mask == NULL)
		return 0;
	if (!call_given(call, side->address))
		return mask_wrong(call, side, "a mask needs its address");
	if (address->kind == ADDRESS_RANGE)
		return mask_wrong(call, side, "a range has no mask");
	if (call->values[side->address].named) {
		if (mask->number == 32 || mask->number == 128)
			return 0;
		return mask_wrong(call, side, "a name stands for single addresses, which have no mask");
	}
	if (address->kind != ADDRESS_SUBNET)
		return 0;
	if (mask->dotted && address->family == FAMILY_IPV6)
		return mask_wrong(call, side, "the address is IPv6, whose prefix is a length from 0 to 128");
	if (mask->number == 0)
		return mask_wrong(call, side, "a mask has at least one bit; all addresses are any");
	if (mask->number > family_bits(address->family))
		return mask_wrong(call, side, "the prefix of an IPv4 address is at most 32");
	address->bits = (uint8_t)mask->number;
	ip_mask(address->first, address->bits);
	return 0;
}

/* srcdns= and dstdns=: the name that the address beside it was resolved from. */
static int dns_check(struct call *call, const struct side *side, const struct address *address)
{
	const struct value *name = call_value(call, side->name);
	if (name == NULL)
		return 0;
	if (address->kind != ADDRESS_SUBNET || !dnsname_check(name->text, name->length)) {
		diag_error(call->session->diag, call_place(call, side->name), "%s is %s: it is the DNS name of the address in %s",
			   tags[side->name].name, QUOTE_N(name->text, name->length), tags[side->address].name);
		return ERROR_INPUT;
	}
	return 0;
}

/* With a server type on one side the other is the host itself. */
static int servers_check(struct call *call, struct filter *filter)
{
	for (size_t i = 0; i < 2; i++) {
		const struct address *address = side_address(filter, i);
		struct address *other = side_address(filter, 1 - i);
		const struct side *other_side = &sides[1 - i];
		if (!address_is_server(address))
			continue;
		if (address_is_server(other)) {
			diag_error(call->session->diag, call_place(call, other_side->address),
				   "both sides are server types: one of them must be `me`");
			return ERROR_INPUT;
		}
		if (other->kind != ADDRESS_ME) {
			const struct value *value = &call->values[other_side->address];
			diag_warning(call->session->diag, "server-me", call_place(call, other_side->address),
				     "%s becomes `me`, not %s: with a server type on one side the other is always the host",
				     tags[other_side->address].name, QUOTE_N(value->text, value->length));
			call->values[other_side->address].named = false;
		}
		*other = (struct address){.kind = ADDRESS_ME};
	}
	return 0;
}

static int ports_check(struct call *call, const struct filter *filter)
{
	if (filter->protocol == PROTOCOL_TCP || filter->protocol == PROTOCOL_UDP)
		return 0;
	for (size_t i = 0; i < 2; i++) {
		if (call_number(call, sides[i].port, 0) == 0)
			continue;
		char protocol[PROTOCOL_TEXT];
		protocol_print(filter->protocol, protocol);
		diag_error(call->session->diag, call_place(call, sides[i].port),
			   "%s needs protocol=TCP or protocol=UDP; the protocol is %s", tags[sides[i].port].name, protocol);
		return ERROR_INPUT;
	}
	return 0;
}

/* Only `show` leaves addresses out. */
static struct address side_given(const struct call *call, const struct side *side)
{
	return call_given(call, side->address) ? call->values[side->address].address : (struct address){.kind = ADDRESS_ANY};
}

int filterspec_check(struct call *call)
{
	struct filter filter = {
		.src = side_given(call, &sides[0]),
		.dst = side_given(call, &sides[1]),
		.srcport = (uint16_t)call_number(call, TAG_SRCPORT, 0),
		.dstport = (uint16_t)call_number(call, TAG_DSTPORT, 0),
		.protocol = (uint8_t)call_number(call, TAG_PROTOCOL, PROTOCOL_ANY),
		.mirrored = call_flag(call, TAG_MIRRORED, true),
		.replies = call_flag(call, TAG_REPLIES, false),
		.description = "",
	};
	int error = 0;
	for (size_t i = 0; i < 2 && error == 0; i++) {
		error = mask_apply(call, &sides[i], side_address(&filter, i));
		if (error == 0)
			error = dns_check(call, &sides[i], side_address(&filter, i));
	}
	if (error == 0)
		error = servers_check(call, &filter);
	if (error == 0)
		error = ports_check(call, &filter);
	if (error < 0)
		return error;
	const char *why = filter_check(&filter);
	if (why != NULL) {
		bool replies = filter.replies && !filter.mirrored;
		diag_error(call->session->diag, call_place(call, replies ? TAG_REPLIES : TAG_DSTADDR), "%s", why);
		return ERROR_INPUT;
	}
	call->filter = filter;
	return 0;
}

/* What one side stands for: the addresses of a name, or the one that is there already. */
struct ends {
	struct address one;
	struct address *items;
	size_t count;
};

static int ends_resolve(struct call *call, const struct side *side, const struct address *address, struct ends *ends)
{
	struct session *session = call->session;
	const struct value *value = &call->values[side->address];
	*ends = (struct ends){.one = *address, .count = 1};
	ends->items = &ends->one;
	if (call_given(call, side->name))
		ends->one.name = call_text(call, side->name, NULL);
	if (!value->named)
		return 0;
	const char *name = call_text(call, side->address, NULL);
	const struct place *place = call_place(call, side->address);
	if (session->options->resolve == NULL) {
		diag_error(session->diag, place, "%s is %s: names are not resolved here, write an address", tags[side->address].name,
			   QUOTE(name));
		return ERROR_INPUT;
	}
	struct ip_list list = {0};
	int error = session->options->resolve(session->options->resolve_context, name, &list, session->diag, place);
	if (error == 0 && list.count == 0) {
		diag_error(session->diag, place, "%s has no address", QUOTE(name));
		error = ERROR_NOT_FOUND;
	}
	if (error == 0) {
		ends->items = memory_alloc(list.count * sizeof(*ends->items));
		ends->count = list.count;
		for (size_t i = 0; i < list.count; i++) {
			ends->items[i] = address_subnet(&list.items[i], family_bits(list.items[i].family));
			ends->items[i].name = name;
		}
	}
	free(list.items);
	return error;
}

static void ends_done(struct ends *ends)
{
	if (ends->items != &ends->one)
		free(ends->items);
}

static bool family_match(const struct address *a, const struct address *b)
{
	return a->family == FAMILY_NONE || b->family == FAMILY_NONE || a->family == b->family;
}

int filterspec_each(struct call *call, int (*each)(struct call *call, const struct filter *filter, void *context), void *context)
{
	struct filter filter = call->filter;
	struct session *session = call->session;
	struct ends src = {.items = &src.one}, dst = {.items = &dst.one};
	size_t count = 0;
	int error = ends_resolve(call, &sides[0], &filter.src, &src);
	if (error == 0)
		error = ends_resolve(call, &sides[1], &filter.dst, &dst);
	if (session->filter_file == NULL && session->file != NULL && !session->words)
		session->filter_file = arena_text(session->state->arena, session->file);
	filter.description = call_text(call, TAG_DESCRIPTION, "");
	filter.file = session->filter_file;
	filter.line = session->words ? 0 : session_line(session, call->span.at);
	for (size_t s = 0; s < src.count && error == 0; s++) {
		for (size_t d = 0; d < dst.count && error == 0; d++) {
			if (!family_match(&src.items[s], &dst.items[d]))
				continue;
			filter.src = src.items[s];
			filter.dst = dst.items[d];
			error = each(call, &filter, context);
			count++;
		}
	}
	if (error == 0 && count == 0) {
		diag_error(session->diag, call_place(call, TAG_DSTADDR),
			   "no address of one side is of the family (IPv4 or IPv6) of the other");
		error = ERROR_INPUT;
	}
	ends_done(&src);
	ends_done(&dst);
	return error;
}

/* Whether the address of a filter is the one that the tags name.  Without a mask every mask will do. */
static bool side_matches(const struct call *call, const struct side *side, const struct address *wanted, const struct address *address)
{
	const struct value *value = &call->values[side->address];
	if (!call_given(call, side->address))
		return true;
	if (value->named)
		return address->name != NULL && ascii_equal_n(value->text, value->length, address->name);
	if (address->kind == ADDRESS_SUBNET && wanted->kind == ADDRESS_SUBNET && !call_given(call, side->mask))
		return address->family == wanted->family && memcmp(address->first, wanted->first, sizeof(wanted->first)) == 0;
	return address_equal(address, wanted);
}

bool filterspec_matches(const struct call *call, const struct filter *filter)
{
	const struct filter *wanted = &call->filter;
	return (!call_given(call, TAG_PROTOCOL) || filter->protocol == wanted->protocol) &&
	       (!call_given(call, TAG_SRCPORT) || filter->srcport == wanted->srcport) &&
	       (!call_given(call, TAG_DSTPORT) || filter->dstport == wanted->dstport) &&
	       (!call_given(call, TAG_MIRRORED) || filter->mirrored == wanted->mirrored) &&
	       (!call_given(call, TAG_REPLIES) || filter->replies == wanted->replies) &&
	       side_matches(call, &sides[0], &wanted->src, &filter->src) &&
	       side_matches(call, &sides[1], &wanted->dst, &filter->dst);
}

int netsh_check_add_filter(struct call *call)
{
	return filterspec_check(call);
}

static int filter_append(struct call *call, const struct filter *filter, void *context)
{
	filterlist_add(call->session->state, context, filter);
	return 0;
}

/* A list that is not there is made, but only when the filter is good. */
static int filter_append_new(struct call *call, const struct filter *filter, void *context)
{
	struct filterlist **list = context;
	if (*list == NULL)
		*list = location_add_filterlist(call->session->state, call_location(call), call_name(call, TAG_FILTERLIST));
	return filter_append(call, filter, *list);
}

int netsh_add_filter(struct call *call)
{
	struct filterlist *list =
		(struct filterlist *)collection_find(&call_location(call)->filterlists, call_name(call, TAG_FILTERLIST));
	int error = filterspec_each(call, filter_append_new, &list);
	if (error == 0)
		object_touch(call, &list->object);
	return error;
}

int netsh_check_delete_filter(struct call *call)
{
	return filterspec_check(call);
}

/* Those that go are brought to the end first, in one pass, so that deleting moves nothing. */
static size_t filters_part(const struct call *call, struct filterlist *list)
{
	struct filter *going = memory_alloc((list->count > 0 ? list->count : 1) * sizeof(*going));
	size_t stay = 0, gone = 0;
	for (size_t i = 0; i < list->count; i++) {
		if (filterspec_matches(call, &list->filters[i]))
			going[gone++] = list->filters[i];
		else
			list->filters[stay++] = list->filters[i];
	}
	if (gone > 0)
		memcpy(list->filters + stay, going, gone * sizeof(*going));
	free(going);
	return gone;
}

int netsh_delete_filter(struct call *call)
{
	struct filterlist *list =
		(struct filterlist *)call_find(call, &call_location(call)->filterlists, "filter list", TAG_FILTERLIST);
	if (list == NULL)
		return ERROR_NOT_FOUND;
	size_t gone = filters_part(call, list);
	if (gone == 0) {
		diag_error(call->session->diag, session_at(call->session, call->span), "no filter of %s matches these tags",
			   QUOTE(list->object.name));
		return ERROR_NOT_FOUND;
	}
	while (gone-- > 0)
		filterlist_delete(call->session->state, list, list->count - 1);
	object_touch(call, &list->object);
	return 0;
}
