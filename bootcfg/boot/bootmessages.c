#include "bootcfg/boot/bootmessages.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

#include "bootcfg/boot/attribute.h"
#include "bootcfg/target/nftables_channel.h"
#include "core/base/arena.h"
#include "core/base/attr.h"

/* The order in which one transaction can take them: what is referred to comes before who refers to it, and what
 * puts all of it in force comes last. */
enum section {
	SECTION_TABLE, SECTION_OBJECTS, SECTION_CHAINS, SECTION_SETS, SECTION_ELEMENTS, SECTION_RULES, SECTION_BASES,
	SECTION_BASE_RULES,
	SECTIONS,
};

enum { MESSAGES_MOST = 32 << 20, ELEMENTS_MOST = 30000 /* bytes of elements in one message */ };

static const char table[] = "cordon";

/* A set whose elements are still to be read. */
struct dumped_set {
	const char *name;
	bool fixed; /* its elements are not for packets to add */
};

struct reading {
	struct arena *arena;
	struct buffer sections[SECTIONS];
	struct dumped_set *sets;
	size_t set_count, set_capacity;
	struct element *elements; /* of one set */
	size_t element_count, element_capacity;
};

struct element {
	const char *bytes;
	size_t length;
};

/* --- Which attributes are kept --- */

#define BIT(attribute) (1u << (attribute))

/* Everything else is the kernel's own: handles, positions, use counts, counters, what it says for convenience. */
static const struct kind {
	uint16_t get, put, table_attribute, flags;
	uint32_t kept;
} kinds[] = {
	{NFT_MSG_GETTABLE, NFT_MSG_NEWTABLE, NFTA_TABLE_NAME, NLM_F_CREATE, BIT(NFTA_TABLE_NAME) | BIT(NFTA_TABLE_FLAGS)},
	{NFT_MSG_GETOBJ, NFT_MSG_NEWOBJ, NFTA_OBJ_TABLE, NLM_F_CREATE,
	 BIT(NFTA_OBJ_TABLE) | BIT(NFTA_OBJ_NAME) | BIT(NFTA_OBJ_TYPE) | BIT(NFTA_OBJ_USERDATA)},
	{NFT_MSG_GETCHAIN, NFT_MSG_NEWCHAIN, NFTA_CHAIN_TABLE, NLM_F_CREATE,
	 BIT(NFTA_CHAIN_TABLE) | BIT(NFTA_CHAIN_NAME) | BIT(NFTA_CHAIN_HOOK) | BIT(NFTA_CHAIN_POLICY) | BIT(NFTA_CHAIN_TYPE) |
		 BIT(NFTA_CHAIN_USERDATA)},
	{NFT_MSG_GETSET, NFT_MSG_NEWSET, NFTA_SET_TABLE, NLM_F_CREATE,
	 BIT(NFTA_SET_TABLE) | BIT(NFTA_SET_NAME) | BIT(NFTA_SET_FLAGS) | BIT(NFTA_SET_KEY_TYPE) | BIT(NFTA_SET_KEY_LEN) |
		 BIT(NFTA_SET_DATA_TYPE) | BIT(NFTA_SET_DATA_LEN) | BIT(NFTA_SET_POLICY) | BIT(NFTA_SET_DESC) |
		 BIT(NFTA_SET_TIMEOUT) | BIT(NFTA_SET_GC_INTERVAL) | BIT(NFTA_SET_USERDATA) | BIT(NFTA_SET_OBJ_TYPE) |
		 BIT(NFTA_SET_EXPR) | BIT(NFTA_SET_EXPRESSIONS)},
	{NFT_MSG_GETRULE, NFT_MSG_NEWRULE, NFTA_RULE_TABLE, NLM_F_CREATE | NLM_F_APPEND,
	 BIT(NFTA_RULE_TABLE) | BIT(NFTA_RULE_CHAIN) | BIT(NFTA_RULE_USERDATA)},
};

static const uint32_t element_kept = BIT(NFTA_SET_ELEM_KEY) | BIT(NFTA_SET_ELEM_DATA) | BIT(NFTA_SET_ELEM_FLAGS) |
				     BIT(NFTA_SET_ELEM_USERDATA) | BIT(NFTA_SET_ELEM_OBJREF) | BIT(NFTA_SET_ELEM_KEY_END);

/* Attributes in the order of their numbers, whatever the kernel's is. */
static void kept_put(struct attributes attributes, uint32_t kept, struct buffer *buffer)
{
	struct attribute attribute;
	for (uint16_t type = 0; type < 32; type++)
		if ((kept & BIT(type)) != 0 && attribute_find(attributes, type, &attribute))
			attribute_put(buffer, attribute.type, attribute.bytes, attribute.length);
}

static bool is_zero(const struct attribute *attribute)
{
	for (size_t i = 0; i < attribute->length; i++)
		if (attribute->bytes[i] != 0)
			return false;
	return true;
}

/* The data of an expression.  The kernel tells a timeout of 0 for a set that has none, and takes none back there. */
static void expression_put(const struct attribute *name, const struct attribute *data, struct buffer *buffer)
{
	struct attributes rest = attributes_of(data);
	struct attribute attribute;
	size_t nest = nest_begin(buffer, NFTA_EXPR_DATA);
	bool dynset = attribute_is(name, "dynset");
	while (attribute_take(&rest, &attribute)) {
		bool no_timeout = attribute.type == NFTA_DYNSET_TIMEOUT && is_zero(&attribute);
		if (!dynset || !(no_timeout || attribute.type == NFTA_DYNSET_PAD))
			attribute_put(buffer, attribute.type, attribute.bytes, attribute.length);
	}
	nest_end(buffer, nest);
}

static void expressions_put(struct attributes expressions, struct buffer *buffer)
{
	struct attribute item, name, data;
	size_t list = nest_begin(buffer, NFTA_RULE_EXPRESSIONS);
	while (attribute_take(&expressions, &item)) {
		size_t nest = nest_begin(buffer, NFTA_LIST_ELEM);
		if (attribute_find(attributes_of(&item), NFTA_EXPR_NAME, &name)) {
			attribute_put(buffer, NFTA_EXPR_NAME, name.bytes, name.length);
			if (attribute_find(attributes_of(&item), NFTA_EXPR_DATA, &data))
				expression_put(&name, &data, buffer);
		}
		nest_end(buffer, nest);
	}
	nest_end(buffer, list);
}

static bool is_base(const struct netmessage *message, uint16_t name_attribute)
{
	static const char *const bases[] = {"input", "forward", "output"};
	struct attribute name;
	for (size_t i = 0; i < ARRAY_LENGTH(bases) && attribute_find(message->attributes, name_attribute, &name); i++)
		if (attribute_is(&name, bases[i]))
			return true;
	return false;
}

static enum section message_section(const struct kind *kind, const struct netmessage *message)
{
	switch (kind->put) {
	case NFT_MSG_NEWTABLE:
		return SECTION_TABLE;
	case NFT_MSG_NEWOBJ:
		return SECTION_OBJECTS;
	case NFT_MSG_NEWCHAIN:
		return is_base(message, NFTA_CHAIN_NAME) ? SECTION_BASES : SECTION_CHAINS;
	case NFT_MSG_NEWSET:
		return SECTION_SETS;
	default:
		return is_base(message, NFTA_RULE_CHAIN) ? SECTION_BASE_RULES : SECTION_RULES;
	}
}

static void set_remember(struct reading *reading, const struct netmessage *message)
{
	struct attribute name, flags;
	if (!attribute_find(message->attributes, NFTA_SET_NAME, &name) || name.length == 0)
		return;
	reading->sets = arena_grow(reading->arena, reading->sets, reading->set_count, &reading->set_capacity, sizeof(*reading->sets));
	reading->sets[reading->set_count++] = (struct dumped_set){
		.name = arena_text_n(reading->arena, name.bytes, strnlen(name.bytes, name.length)),
		.fixed = !attribute_find(message->attributes, NFTA_SET_FLAGS, &flags) || (attribute_number(&flags) & NFT_SET_EVAL) == 0,
	};
}

/* --- Reading --- */

struct kind_reading {
	struct reading *reading;
	const struct kind *kind;
};

static bool message_of(const struct nlmsghdr *header, struct netmessage *ret_message)
{
	const char *bytes = (const char *)header;
	struct attributes run = {bytes, bytes + header->nlmsg_len};
	return netmessage_take(&run, ret_message) && header->nlmsg_len >= MESSAGE_HEAD;
}

static int thing_take(const struct nlmsghdr *header, void *context)
{
	const struct kind_reading *one = context;
	const struct kind *kind = one->kind;
	struct netmessage message;
	struct attribute name;
	if (!message_of(header, &message))
		return -EPROTO;
	if (message.netfilter.nfgen_family != NFPROTO_INET || !attribute_find(message.attributes, kind->table_attribute, &name) ||
	    !attribute_is(&name, table))
		return 0;
	enum section section = message_section(kind, &message);
	struct buffer *buffer = &one->reading->sections[section];
	/* Chains and sets of a generation are new or the whole is refused: nothing is mixed with what bears their names. */
	uint16_t alone = section == SECTION_CHAINS || section == SECTION_SETS ? NLM_F_EXCL : 0;
	size_t begin = netmessage_begin_table(buffer, kind->put, (uint16_t)(kind->flags | alone));
	kept_put(message.attributes, kind->kept, buffer);
	if (kind->put == NFT_MSG_NEWRULE && attribute_find(message.attributes, NFTA_RULE_EXPRESSIONS, &name))
		expressions_put(attributes_of(&name), buffer);
	if (kind->put == NFT_MSG_NEWOBJ)
		nest_end(buffer, nest_begin(buffer, NFTA_OBJ_DATA));
	if (kind->put == NFT_MSG_NEWSET) {
		set_remember(one->reading, &message);
		attribute_put_number(buffer, NFTA_SET_ID, (uint32_t)one->reading->set_count);
	}
	netmessage_end(buffer, begin);
	return buffer->full ? -EFBIG : 0;
}

static int elements_take(const struct nlmsghdr *header, void *context)
{
	struct reading *reading = context;
	struct netmessage message;
	struct attribute list, item;
	struct buffer buffer;
	if (!message_of(header, &message))
		return -EPROTO;
	if (!attribute_find(message.attributes, NFTA_SET_ELEM_LIST_ELEMENTS, &list))
		return 0;
	buffer_init(&buffer, UINT16_MAX);
	for (struct attributes rest = attributes_of(&list); attribute_take(&rest, &item);) {
		buffer_clear(&buffer);
		kept_put(attributes_of(&item), element_kept, &buffer);
		reading->elements = arena_grow(reading->arena, reading->elements, reading->element_count,
					       &reading->element_capacity, sizeof(*reading->elements));
		reading->elements[reading->element_count++] = (struct element){
			arena_text_n(reading->arena, buffer_text(&buffer), buffer.length), buffer.length};
	}
	buffer_done(&buffer);
	return 0;
}

static int element_compare(const void *a, const void *b)
{
	const struct element *first = a, *second = b;
	size_t length = first->length < second->length ? first->length : second->length;
	int order = memcmp(first->bytes, second->bytes, length);
	return order != 0 ? order : (first->length > second->length) - (first->length < second->length);
}

/* As many as fit one message, from one on; returns the next. */
static size_t elements_put(struct reading *reading, const char *set, size_t at)
{
	struct buffer *buffer = &reading->sections[SECTION_ELEMENTS];
	size_t begin = netmessage_begin_table(buffer, NFT_MSG_NEWSETELEM, NLM_F_CREATE);
	attribute_put_text(buffer, NFTA_SET_ELEM_LIST_TABLE, table);
	attribute_put_text(buffer, NFTA_SET_ELEM_LIST_SET, set);
	size_t list = nest_begin(buffer, NFTA_SET_ELEM_LIST_ELEMENTS), first = buffer->length;
	for (; at < reading->element_count && buffer->length - first < ELEMENTS_MOST && !buffer->full; at++) {
		size_t item = nest_begin(buffer, NFTA_LIST_ELEM);
		buffer_add(buffer, reading->elements[at].bytes, reading->elements[at].length);
		nest_end(buffer, item);
	}
	nest_end(buffer, list);
	netmessage_end(buffer, begin);
	return at;
}

static int set_read(struct channel *channel, struct reading *reading, const char *set)
{
	const struct channel_query query = {NFT_MSG_GETSETELEM, NFPROTO_INET, NFTA_SET_ELEM_LIST_TABLE, NFTA_SET_ELEM_LIST_SET,
					    table, set};
	reading->element_count = 0;
	int error = channel_dump(channel, &query, elements_take, reading);
	if (error == 0 && reading->element_count > 0)
		qsort(reading->elements, reading->element_count, sizeof(*reading->elements), element_compare);
	for (size_t at = 0; error == 0 && at < reading->element_count;) {
		at = elements_put(reading, set, at);
		error = reading->sections[SECTION_ELEMENTS].full ? -EFBIG : 0;
	}
	return error;
}

static int all_read(struct channel *channel, struct reading *reading)
{
	int error = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(kinds) && error == 0; i++) {
		struct channel_query query = {.message = kinds[i].get, .family = NFPROTO_INET};
		struct kind_reading one = {reading, &kinds[i]};
		error = channel_dump(channel, &query, thing_take, &one);
	}
	for (size_t i = 0; i < reading->set_count && error == 0; i++)
		if (reading->sets[i].fixed)
			error = set_read(channel, reading, reading->sets[i].name);
	return error;
}

int bootmessages_read(struct buffer *ret_messages)
{
	struct channel *channel = NULL;
	struct reading reading = {.arena = arena_new()};
	for (size_t i = 0; i < SECTIONS; i++)
		buffer_init(&reading.sections[i], MESSAGES_MOST);
	int error = channel_open(&channel);
	if (error == 0)
		error = all_read(channel, &reading);
	for (size_t i = 0; i < SECTIONS; i++) {
		if (error == 0)
			buffer_add(ret_messages, buffer_text(&reading.sections[i]), reading.sections[i].length);
		buffer_done(&reading.sections[i]);
	}
	channel_close(channel);
	arena_free(reading.arena);
	return error == 0 && ret_messages->full ? -EFBIG : error;
}
