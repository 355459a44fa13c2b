/* One filter of a profile: variables that are lists repeat it, DNS names and the addresses behind them too. */
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/store/profile_internal.h"

bool dns_name_check(const char *text)
{
	size_t length = strlen(text), label = 0;
	bool digits = true; /* of the last label */
	if (length > 0 && text[length - 1] == '.')
		length--;
	if (length == 0 || length > 253)
		return false;
	for (size_t i = 0; i < length; i++) {
		char c = ascii_lower(text[i]);
		if (c == '.') {
			if (label == 0 || text[i - 1] == '-')
				return false;
			label = 0;
			digits = true;
			continue;
		}
		bool letter = (c >= 'a' && c <= 'z') || c == '_';
		if ((!letter && !ascii_digit(c) && c != '-') || (c == '-' && label == 0) || ++label > 63)
			return false;
		digits &= ascii_digit(c);
	}
	return label > 0 && text[length - 1] != '-' && !digits;
}

/* A filter as it is written, with its variables put in. */
struct written {
	const struct json *src, *dst, *srcmask, *dstmask;
	const char *srcname, *dstname; /* srcdns, dstdns */
	struct filter filter;
};

static void read_nothing(struct loader *loader, const struct json *value, void *object)
{
	(void)loader, (void)value, (void)object; /* looked at elsewhere */
}

#define READ_NODE(field)                                                                              \
	static void read_##field(struct loader *loader, const struct json *value, void *object)        \
	{                                                                                              \
		(void)loader;                                                                          \
		((struct written *)object)->field = value;                                             \
	}
READ_NODE(src)
READ_NODE(dst)
READ_NODE(srcmask)
READ_NODE(dstmask)

static void read_srcdns(struct loader *loader, const struct json *value, void *object)
{
	((struct written *)object)->srcname = variables_text(loader, value);
}

static void read_dstdns(struct loader *loader, const struct json *value, void *object)
{
	((struct written *)object)->dstname = variables_text(loader, value);
}

static void read_protocol(struct loader *loader, const struct json *value, void *object)
{
	struct written *written = object;
	uint64_t number;
	const char *text = value->type == JSON_STRING ? variables_text(loader, value) : NULL;
	if (value->type == JSON_NUMBER) {
		if (number_read(loader, value, 0, UINT8_MAX, &number))
			written->filter.protocol = (uint8_t)number;
	} else if (text != NULL && !protocol_parse(text, strlen(text), &written->filter.protocol)) {
		json_error(&loader->document, value, loader->diag, "%s is no protocol: write \"any\", \"icmp\", \"tcp\", \"udp\", "
			   "\"raw\" or a number from 0 to 255", QUOTE(text));
	}
}

static void read_srcport(struct loader *loader, const struct json *value, void *object)
{
	uint64_t number;
	if (number_read(loader, value, 0, UINT16_MAX, &number))
		((struct written *)object)->filter.srcport = (uint16_t)number;
}

static void read_dstport(struct loader *loader, const struct json *value, void *object)
{
	uint64_t number;
	if (number_read(loader, value, 0, UINT16_MAX, &number))
		((struct written *)object)->filter.dstport = (uint16_t)number;
}

static void read_mirrored(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct written *)object)->filter.mirrored = value->yes;
}

static void read_replies(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct written *)object)->filter.replies = value->yes;
}

static void read_description(struct loader *loader, const struct json *value, void *object)
{
	const char *text = variables_text(loader, value);
	if (text != NULL)
		((struct written *)object)->filter.description = text;
}

static const struct member filter_members[] = {
	{"srcaddr", JSON_STRING, true, read_src},
	{"srcdns", JSON_STRING, false, read_srcdns},
	{"srcmask", JSON_STRING | JSON_NUMBER, false, read_srcmask},
	{"dstaddr", JSON_STRING, true, read_dst},
	{"dstdns", JSON_STRING, false, read_dstdns},
	{"dstmask", JSON_STRING | JSON_NUMBER, false, read_dstmask},
	{"protocol", JSON_STRING | JSON_NUMBER, false, read_protocol},
	{"srcport", JSON_STRING | JSON_NUMBER, false, read_srcport},
	{"dstport", JSON_STRING | JSON_NUMBER, false, read_dstport},
	{"mirrored", JSON_BOOL, false, read_mirrored},
	{"replies", JSON_BOOL, false, read_replies},
	{"description", JSON_STRING, false, read_description},
	{"when", JSON_STRING, false, read_nothing},
	{"unless", JSON_STRING, false, read_nothing},
	{0},
};

/* The addresses of a name, the same each time; NULL with a message. */
static const struct ip_list *name_resolve(struct loader *loader, const struct json *node, const char *name)
{
	for (size_t i = 0; i < loader->resolved_count; i++)
		if (ascii_equal(loader->resolved[i].name, name))
			return &loader->resolved[i].list;
	struct ip_list list = {0};
	struct place place;
	size_t errors = loader->diag->errors;
	json_place(&loader->document, node, false, &place);
	if (loader->options->resolve == NULL) {
		json_error(&loader->document, node, loader->diag, "%s is a DNS name, and names are not resolved here: write an "
			   "address", QUOTE(name));
		return NULL;
	}
	int error = loader->options->resolve(loader->options->resolve_context, name, &list, loader->diag, &place);
	if (error < 0 || list.count == 0) {
		if (loader->diag->errors == errors)
			json_error(&loader->document, node, loader->diag, "the name %s has no address", QUOTE(name));
		free(list.items);
		return NULL;
	}
	loader->resolved = arena_grow(loader->draft->arena, loader->resolved, loader->resolved_count,
				      &loader->resolved_capacity, sizeof(*loader->resolved));
	loader->resolved[loader->resolved_count] = (struct resolved){name, list};
	return &loader->resolved[loader->resolved_count++].list;
}

/* 24, "24" or "255.255.255.0" onto a single address. */
static bool mask_apply(struct loader *loader, const struct json *mask, struct address *address)
{
	unsigned bits = 0, most = family_bits(address->family);
	uint64_t number = 0;
	if (address->kind != ADDRESS_SUBNET || address->bits != most) {
		json_error(&loader->document, mask, loader->diag, "a mask goes with one single address (not with any, me, a server "
			   "type, a range, a name, or ADDRESS/BITS)");
		return false;
	}
	const char *text = mask->type == JSON_STRING ? variables_text(loader, mask) : NULL;
	if (mask->type == JSON_STRING && text == NULL)
		return false;
	if (mask->type == JSON_NUMBER) {
		if (!number_read(loader, mask, 1, most, &number))
			return false;
		bits = (unsigned)number;
	} else if (number_parse(text, strlen(text), most, &number) && number > 0) {
		bits = (unsigned)number;
	} else if (address->family != FAMILY_IPV4 || !mask_parse(text, strlen(text), &bits)) {
		json_error(&loader->document, mask, loader->diag, "%s is no mask: write %s", QUOTE(text),
			   address->family == FAMILY_IPV4 ? "1 to 32, or one such as \"255.255.255.0\"" : "1 to 128");
		return false;
	}
	struct ip ip = {.family = address->family};
	memcpy(ip.bytes, address->first, sizeof(ip.bytes));
	*address = address_subnet(&ip, bits);
	return true;
}

/* One side: an address, or a name and its addresses. */
struct side {
	struct address address;
	const struct ip_list *list; /* of a name that was resolved here */
	const char *name;
};

static bool side_read(struct loader *loader, const struct json *node, const struct json *mask, const char *name,
		      struct side *side)
{
	const char *text = variables_text(loader, node);
	*side = (struct side){.name = name};
	if (text == NULL)
		return false;
	if (address_parse(text, strlen(text), &side->address)) {
		if (name != NULL && !dns_name_check(name)) {
			json_error(&loader->document, node, loader->diag, "%s beside it is no DNS name", QUOTE(name));
			return false;
		}
		side->address.name = name;
		return mask == NULL || mask_apply(loader, mask, &side->address);
	}
	if (!dns_name_check(text) || name != NULL) {
		json_error(&loader->document, node, loader->diag, "%s is no address: write any, me, dns, wins, dhcp, gateway, "
			   "192.0.2.1, 192.0.2.0/24, 192.0.2.1-192.0.2.9, an IPv6 one, or a DNS name", QUOTE(text));
		return false;
	}
	if (mask != NULL) {
		json_error(&loader->document, mask, loader->diag, "a mask goes with one single address, not with a name");
		return false;
	}
	side->name = text;
	side->list = name_resolve(loader, node, text);
	return side->list != NULL;
}

static struct address side_address(const struct side *side, size_t index)
{
	if (side->list == NULL)
		return side->address;
	struct address address = address_subnet(&side->list->items[index], family_bits(side->list->items[index].family));
	address.name = side->name;
	return address;
}

/* The filters of every pair of addresses that can meet. */
static void pairs_add(struct loader *loader, const struct json *node, struct filter *filter, const struct side sides[2],
		      struct filterlist *list)
{
	size_t counts[2], added = 0;
	for (size_t i = 0; i < 2; i++)
		counts[i] = sides[i].list != NULL ? sides[i].list->count : 1;
	bool names = sides[0].list != NULL || sides[1].list != NULL;
	for (size_t i = 0; i < counts[0] * counts[1]; i++) {
		filter->src = side_address(&sides[0], i / counts[1]);
		filter->dst = side_address(&sides[1], i % counts[1]);
		if (names && filter->src.family != FAMILY_NONE && filter->dst.family != FAMILY_NONE &&
		    filter->src.family != filter->dst.family)
			continue;
		const char *wrong = filter_check(filter);
		if (wrong != NULL) {
			json_error(&loader->document, node, loader->diag, "%s", wrong);
			return;
		}
		filterlist_add(loader->draft, list, filter);
		added++;
	}
	if (added == 0)
		json_error(&loader->document, node, loader->diag, "the name has no address of the other side's family");
}

/* With the values that the variables have now.  False when it was wrong. */
static bool filter_read_once(struct loader *loader, const struct json *node, struct filterlist *list)
{
	struct written written = {.filter = {.mirrored = true, .description = ""}};
	struct side sides[2];
	size_t errors = loader->diag->errors;
	members_read(loader, node, filter_members, &written);
	bool good = side_read(loader, written.src, written.srcmask, written.srcname, &sides[0]);
	good &= side_read(loader, written.dst, written.dstmask, written.dstname, &sides[1]);
	if (!good || loader->diag->errors > errors)
		return false;
	written.filter.file = loader->document.file;
	written.filter.line = node->line;
	pairs_add(loader, node, &written.filter, sides, list);
	return loader->diag->errors == errors;
}

/* What `when` and `unless` say. */
static bool filter_wanted(struct loader *loader, const struct json *node)
{
	static const char *const keys[] = {"when", "unless"};
	for (size_t i = 0; i < 2; i++) {
		const struct json *value = member_find(node, keys[i]);
		if (value == NULL || value->type != JSON_STRING)
			continue;
		const struct variable *variable = variables_find(loader, value, value->text, strlen(value->text));
		if (variable == NULL)
			return false;
		if (!variable->optional) {
			json_error(&loader->document, value, loader->diag, "the variable %s must always be set: only an optional one "
				   "can decide", variable->name);
			return false;
		}
		if ((variable->values != NULL) == (i == 1))
			return false;
	}
	return true;
}

/* Marks the variables that a filter uses; returns how many filters it becomes, 0 when it is left out. */
static size_t filter_repeats(struct loader *loader, const struct json *node)
{
	size_t repeats = 1;
	for (size_t i = 0; i < loader->variable_count; i++) {
		loader->variables[i].used = false;
		loader->variables[i].at = 0;
	}
	for (const struct json *child = node->child; child != NULL; child = child->next)
		if (child->type == JSON_STRING && variables_mentioned(child->text))
			(void)variables_text(loader, child);
	for (size_t i = 0; i < loader->variable_count; i++) {
		const struct variable *variable = &loader->variables[i];
		if (variable->used && variable->values == NULL)
			return 0; /* optional, or an error that has been told */
		if (variable->used && repeats <= VARIABLE_REPEATS)
			repeats *= variable->count;
	}
	return repeats;
}

/* The next combination of values, the last variable first. */
static void variables_next(struct loader *loader)
{
	for (size_t i = loader->variable_count; i-- > 0;) {
		struct variable *variable = &loader->variables[i];
		if (!variable->used || variable->count < 2)
			continue;
		if (++variable->at < variable->count)
			return;
		variable->at = 0;
	}
}

void profile_filter_read(struct loader *loader, const struct json *node, struct filterlist *list)
{
	/* One that is left out must be right all the same. */
	if (!members_check(loader, node, filter_members) || !filter_wanted(loader, node))
		return;
	loader->in_filter = true;
	size_t errors = loader->diag->errors, repeats = filter_repeats(loader, node);
	if (repeats > VARIABLE_REPEATS)
		json_error(&loader->document, node, loader->diag, "its variables make more than %d filters of it", VARIABLE_REPEATS);
	for (size_t i = 0; loader->diag->errors == errors && i < repeats; i++) {
		if (!filter_read_once(loader, node, list))
			break;
		variables_next(loader);
	}
	loader->in_filter = false;
	for (size_t i = 0; i < loader->variable_count; i++)
		loader->variables[i].at = 0;
}
