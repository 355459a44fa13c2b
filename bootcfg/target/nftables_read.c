#include "bootcfg/target/nftables_read.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/target/nftables_plan.h"
#include "core/base/attr.h"

enum { READS_MOST = 10, ATTRIBUTES = 64 };

/* The attributes of a message or a nest by their number; those past ATTRIBUTES are of no interest. */
struct attributes {
	const struct nlattr *of[ATTRIBUTES];
};

static void attributes_add(struct attributes *attributes, const struct nlattr *attribute)
{
	uint16_t type = mnl_attr_get_type(attribute);
	if (type < ATTRIBUTES)
		attributes->of[type] = attribute;
}

static struct attributes attributes_message(const struct nlmsghdr *message)
{
	struct attributes attributes = {{NULL}};
	const struct nlattr *attribute;
	attribute_each(attribute, message, sizeof(struct nfgenmsg))
		attributes_add(&attributes, attribute);
	return attributes;
}

static struct attributes attributes_nest(const struct nlattr *nest)
{
	struct attributes attributes = {{NULL}};
	const struct nlattr *attribute;
	if (nest != NULL)
		attribute_each_nested(attribute, nest)
			attributes_add(&attributes, attribute);
	return attributes;
}

static uint32_t attribute_u32(const struct nlattr *attribute)
{
	if (attribute == NULL || mnl_attr_validate(attribute, MNL_TYPE_U32) < 0)
		return 0;
	return ntohl(mnl_attr_get_u32(attribute));
}

static uint64_t attribute_u64(const struct nlattr *attribute)
{
	if (attribute == NULL || mnl_attr_validate(attribute, MNL_TYPE_U64) < 0)
		return 0;
	return be64toh(mnl_attr_get_u64(attribute));
}

/* Borrowed from the message; NULL when it is not there or no text. */
static const char *attribute_text(const struct nlattr *attribute)
{
	return attribute != NULL && mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) == 0 ? mnl_attr_get_str(attribute) : NULL;
}

static const char *attribute_copy(struct live *live, const struct nlattr *attribute)
{
	const char *text = attribute_text(attribute);
	return arena_text(live->arena, text != NULL ? text : "");
}

/* User data is type, length, value; a comment has type 0 and ends in NUL. */
static const char *attribute_comment(struct live *live, const struct nlattr *attribute)
{
	size_t left = attribute != NULL ? mnl_attr_get_payload_len(attribute) : 0;
	const uint8_t *at = left > 0 ? mnl_attr_get_payload(attribute) : NULL;
	while (left >= 2 && (size_t)at[1] + 2 <= left) {
		size_t length = at[1];
		if (at[0] == 0 && length > 0)
			return arena_text_n(live->arena, (const char *)at + 2, strnlen((const char *)at + 2, length));
		at += length + 2;
		left -= length + 2;
	}
	return "";
}

static uint8_t message_family(const struct nlmsghdr *message)
{
	return ((const struct nfgenmsg *)mnl_nlmsg_get_payload(message))->nfgen_family;
}

static bool is_ours(const struct nlmsghdr *message, const struct nlattr *table)
{
	const char *name = attribute_text(table);
	return message_family(message) == NFPROTO_INET && name != NULL && strcmp(name, PLAN_TABLE) == 0;
}

static int table_take(const struct nlmsghdr *message, void *context)
{
	struct live *live = context;
	struct attributes attributes = attributes_message(message);
	if (is_ours(message, attributes.of[NFTA_TABLE_NAME])) {
		live->present = true;
		live->flags = attribute_u32(attributes.of[NFTA_TABLE_FLAGS]);
	}
	return 0;
}

static int chain_take(const struct nlmsghdr *message, void *context)
{
	struct live *live = context;
	struct attributes attributes = attributes_message(message);
	struct attributes hook = attributes_nest(attributes.of[NFTA_CHAIN_HOOK]);
	const char *type = attribute_text(attributes.of[NFTA_CHAIN_TYPE]);
	bool base = attributes.of[NFTA_CHAIN_HOOK] != NULL;
	int32_t priority = (int32_t)attribute_u32(hook.of[NFTA_HOOK_PRIORITY]);
	uint32_t number = attribute_u32(hook.of[NFTA_HOOK_HOOKNUM]);
	if (!is_ours(message, attributes.of[NFTA_CHAIN_TABLE])) {
		if (!base)
			return 0;
		live->others = arena_grow(live->arena, live->others, live->other_count, &live->other_capacity, sizeof(*live->others));
		live->others[live->other_count++] = (struct live_other){
			.family = message_family(message),
			.table = attribute_copy(live, attributes.of[NFTA_CHAIN_TABLE]),
			.chain = attribute_copy(live, attributes.of[NFTA_CHAIN_NAME]),
			.type = arena_text(live->arena, type != NULL ? type : ""),
			.hook = number,
			.priority = priority,
		};
		return 0;
	}
	live->chains = arena_grow(live->arena, live->chains, live->chain_count, &live->chain_capacity, sizeof(*live->chains));
	live->chains[live->chain_count++] = (struct live_chain){
		.name = attribute_copy(live, attributes.of[NFTA_CHAIN_NAME]),
		.base = base,
		.filter = type != NULL && strcmp(type, "filter") == 0,
		.hook = number,
		.policy = attribute_u32(attributes.of[NFTA_CHAIN_POLICY]),
		.priority = priority,
	};
	return 0;
}

/* The chain that a rule without conditions goes to. */
static const char *rule_goes_to(struct live *live, const struct nlattr *expressions)
{
	const struct nlattr *first = NULL, *attribute;
	if (expressions == NULL)
		return NULL;
	attribute_each_nested(attribute, expressions) {
		first = attribute;
		break;
	}
	struct attributes expression = attributes_nest(first);
	const char *name = attribute_text(expression.of[NFTA_EXPR_NAME]);
	if (name == NULL || strcmp(name, "immediate") != 0)
		return NULL;
	struct attributes immediate = attributes_nest(expression.of[NFTA_EXPR_DATA]);
	struct attributes data = attributes_nest(immediate.of[NFTA_IMMEDIATE_DATA]);
	struct attributes verdict = attributes_nest(data.of[NFTA_DATA_VERDICT]);
	const char *chain = attribute_text(verdict.of[NFTA_VERDICT_CHAIN]);
	return chain != NULL ? arena_text(live->arena, chain) : NULL;
}

static int rule_take(const struct nlmsghdr *message, void *context)
{
	struct live *live = context;
	struct attributes attributes = attributes_message(message);
	const char *name = attribute_text(attributes.of[NFTA_RULE_CHAIN]);
	struct live_chain *chain = name != NULL && is_ours(message, attributes.of[NFTA_RULE_TABLE]) ? live_chain_find(live, name) : NULL;
	if (chain == NULL)
		return 0;
	const struct nlattr *expressions = attributes.of[NFTA_RULE_EXPRESSIONS];
	size_t length = expressions != NULL ? mnl_attr_get_payload_len(expressions) : 0;
	uint8_t *copy = arena_alloc(live->arena, length + 1);
	if (length > 0)
		memcpy(copy, mnl_attr_get_payload(expressions), length);
	chain->rules = arena_grow(live->arena, chain->rules, chain->count, &chain->capacity, sizeof(*chain->rules));
	chain->rules[chain->count++] = (struct live_rule){
		.handle = attribute_u64(attributes.of[NFTA_RULE_HANDLE]),
		.comment = attribute_comment(live, attributes.of[NFTA_RULE_USERDATA]),
		.goes_to = rule_goes_to(live, expressions),
		.expressions = copy,
		.length = length,
	};
	return 0;
}

static int map_take(const struct nlmsghdr *message, void *context)
{
	struct live *live = context;
	struct attributes attributes = attributes_message(message);
	if (!is_ours(message, attributes.of[NFTA_SET_TABLE]))
		return 0;
	uint32_t flags = attribute_u32(attributes.of[NFTA_SET_FLAGS]);
	live->maps = arena_grow(live->arena, live->maps, live->map_count, &live->map_capacity, sizeof(*live->maps));
	live->maps[live->map_count++] = (struct live_map){
		.name = attribute_copy(live, attributes.of[NFTA_SET_NAME]),
		.key_type_length = attribute_u32(attributes.of[NFTA_SET_KEY_LEN]),
		.flags = flags,
		.data_type = attribute_u32(attributes.of[NFTA_SET_DATA_TYPE]),
		.anonymous = (flags & NFT_SET_ANONYMOUS) != 0,
	};
	return 0;
}

static int object_take(const struct nlmsghdr *message, void *context)
{
	struct live *live = context;
	struct attributes attributes = attributes_message(message);
	if (!is_ours(message, attributes.of[NFTA_OBJ_TABLE]))
		return 0;
	struct attributes data = attributes_nest(attributes.of[NFTA_OBJ_DATA]);
	live->counters = arena_grow(live->arena, live->counters, live->counter_count, &live->counter_capacity,
				    sizeof(*live->counters));
	live->counters[live->counter_count++] = (struct live_counter){
		.name = attribute_copy(live, attributes.of[NFTA_OBJ_NAME]),
		.comment = attribute_comment(live, attributes.of[NFTA_OBJ_USERDATA]),
		.use = attribute_u32(attributes.of[NFTA_OBJ_USE]),
		.packets = attribute_u64(data.of[NFTA_COUNTER_PACKETS]),
		.bytes = attribute_u64(data.of[NFTA_COUNTER_BYTES]),
		.other = attribute_u32(attributes.of[NFTA_OBJ_TYPE]) != NFT_OBJECT_COUNTER,
	};
	return 0;
}

static int chain_compare(const void *a, const void *b)
{
	return strcmp(((const struct live_chain *)a)->name, ((const struct live_chain *)b)->name);
}

static int map_compare(const void *a, const void *b)
{
	return strcmp(((const struct live_map *)a)->name, ((const struct live_map *)b)->name);
}

struct live_chain *live_chain_find(const struct live *live, const char *name)
{
	struct live_chain key = {.name = name};
	return live->chain_count > 0 ? bsearch(&key, live->chains, live->chain_count, sizeof(key), chain_compare) : NULL;
}

struct live_map *live_map_find(const struct live *live, const char *name)
{
	struct live_map key = {.name = name};
	return live->map_count > 0 ? bsearch(&key, live->maps, live->map_count, sizeof(key), map_compare) : NULL;
}

/* Which generations the base chains lead to. */
static void in_force_fill(struct live *live)
{
	uint64_t generation;
	for (size_t i = 0; i < live->chain_count; i++) {
		const struct live_chain *chain = &live->chains[i];
		for (size_t j = 0; chain->base && j < chain->count; j++) {
			if (chain->rules[j].goes_to == NULL || !plan_generation_parse(chain->rules[j].goes_to, &generation) ||
			    live_in_force(live, generation))
				continue;
			live->in_force = arena_grow(live->arena, live->in_force, live->in_force_count, &live->in_force_capacity,
						    sizeof(*live->in_force));
			live->in_force[live->in_force_count++] = generation;
		}
	}
}

/* In this order: rules are put into their chains. */
static int live_fill(struct channel *channel, struct live *live)
{
	static const struct {
		struct channel_query query;
		int (*take)(const struct nlmsghdr *message, void *context);
	} rows[] = {
		{{.message = NFT_MSG_GETTABLE, .family = NFPROTO_INET}, table_take},
		{{.message = NFT_MSG_GETCHAIN, .family = AF_UNSPEC}, chain_take},
		{{NFT_MSG_GETRULE, NFPROTO_INET, NFTA_RULE_TABLE, 0, PLAN_TABLE, NULL}, rule_take},
		{{NFT_MSG_GETSET, NFPROTO_INET, NFTA_SET_TABLE, 0, PLAN_TABLE, NULL}, map_take},
		{{NFT_MSG_GETOBJ, NFPROTO_INET, NFTA_OBJ_TABLE, 0, PLAN_TABLE, NULL}, object_take},
	};
	int error = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(rows) && error == 0; i++) {
		if (i > 1 && !live->present)
			return 0;
		error = channel_dump(channel, &rows[i].query, rows[i].take, live);
		if (rows[i].take == chain_take && live->chain_count > 0)
			qsort(live->chains, live->chain_count, sizeof(*live->chains), chain_compare);
	}
	if (live->map_count > 0)
		qsort(live->maps, live->map_count, sizeof(*live->maps), map_compare);
	in_force_fill(live);
	return error;
}

int live_read(struct channel *channel, struct live **ret_live)
{
	int error = -EINTR;
	for (int attempt = 0; attempt < READS_MOST && (error == -EINTR || error == -ENOENT); attempt++) {
		uint32_t before = 0, after = 0;
		struct arena *arena = arena_new();
		struct live *live = arena_alloc(arena, sizeof(*live));
		live->arena = arena;
		error = channel_generation(channel, &before);
		if (error == 0)
			error = live_fill(channel, live);
		if (error == 0)
			error = channel_generation(channel, &after);
		if (error == 0 && before == after) {
			*ret_live = live;
			return 0;
		}
		error = error == 0 ? -EINTR : error;
		live_free(live);
	}
	return error;
}

void live_free(struct live *live)
{
	if (live != NULL)
		arena_free(live->arena);
}

/* --- Elements --- */

struct element_reader {
	int (*take)(const struct live_element *element, void *context);
	void *context;
};

static int element_take(const struct nlmsghdr *message, void *context)
{
	const struct element_reader *reader = context;
	const struct nlattr *list = attributes_message(message).of[NFTA_SET_ELEM_LIST_ELEMENTS], *item;
	if (list == NULL)
		return 0;
	attribute_each_nested(item, list) {
		const struct nlattr *attribute, *key_nest = NULL, *data_nest = NULL, *inner;
		struct live_element element = {.verdict = 0};
		attribute_each_nested(attribute, item) {
			if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_KEY)
				key_nest = attribute;
			else if (mnl_attr_get_type(attribute) == NFTA_SET_ELEM_DATA)
				data_nest = attribute;
		}
		if (key_nest != NULL)
			attribute_each_nested(inner, key_nest) {
				element.key = mnl_attr_get_payload(inner);
				element.key_length = mnl_attr_get_payload_len(inner);
			}
		if (data_nest != NULL)
			attribute_each_nested(inner, data_nest)
				if (mnl_attr_get_type(inner) == NFTA_DATA_VERDICT)
					attribute_each_nested(attribute, inner) {
						if (mnl_attr_get_type(attribute) == NFTA_VERDICT_CODE)
							element.verdict = (int32_t)attribute_u32(attribute);
						else if (mnl_attr_get_type(attribute) == NFTA_VERDICT_CHAIN)
							element.chain = attribute_text(attribute);
					}
		int error = reader->take(&element, reader->context);
		if (error < 0)
			return error;
	}
	return 0;
}

int live_elements(struct channel *channel, const char *map, int (*take)(const struct live_element *element, void *context),
		  void *context)
{
	const struct channel_query query = {NFT_MSG_GETSETELEM, NFPROTO_INET, NFTA_SET_ELEM_LIST_TABLE,
					    NFTA_SET_ELEM_LIST_SET, PLAN_TABLE, map};
	struct element_reader reader = {take, context};
	return channel_dump(channel, &query, element_take, &reader);
}

/* --- Generations --- */

uint64_t live_highest(const struct live *live)
{
	uint64_t highest = 0, generation;
	for (size_t i = 0; i < live->chain_count; i++)
		if (plan_generation_parse(live->chains[i].name, &generation) && generation > highest)
			highest = generation;
	for (size_t i = 0; i < live->map_count; i++)
		if (plan_generation_parse(live->maps[i].name, &generation) && generation > highest)
			highest = generation;
	return highest;
}

bool live_in_force(const struct live *live, uint64_t generation)
{
	for (size_t i = 0; i < live->in_force_count; i++)
		if (live->in_force[i] == generation)
			return true;
	return false;
}
