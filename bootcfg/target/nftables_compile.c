/* From a ruleset to a plan: pure.  The only decisions made here are about form: which chains a packet of a hook,
 * family and kind of address goes through, so that it costs two fib look-ups at most and only those maps that can
 * hold it.  What a filter means was decided in core/policy/ruleset.c. */
#include "bootcfg/target/nftables_plan.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"
#include "core/store/store.h"

enum { TEXT_MOST = 4096 };

static const char ellipsis[] = "\xe2\x80\xa6";

/* --- Text that nft and a terminal can take --- */

/* Copies text without what a comment cannot hold; `bad` lists further bytes that become '_'. */
static void text_clean(struct buffer *buffer, const char *text, const char *bad)
{
	size_t left = strlen(text);
	while (left > 0) {
		size_t length = utf8_length(text, left);
		bool control = (unsigned char)*text < 0x20 || *text == 0x7f ||
			       (length == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0);
		if (length == 0 || control)
			buffer_add_char(buffer, '?');
		else if (*text == '"')
			buffer_add_char(buffer, '\'');
		else if (*text == '|')
			buffer_add_char(buffer, '/');
		else if (strchr(bad, *text) != NULL)
			buffer_add_char(buffer, '_');
		else
			buffer_add(buffer, text, length);
		length = length > 0 ? length : 1;
		text += length;
		left -= length;
	}
}

/* Adds at most `most` bytes of text, whole characters, with an ellipsis when cut. */
static void text_cut(struct buffer *buffer, const char *text, size_t most)
{
	size_t length = strlen(text), end = 0;
	if (length <= most) {
		buffer_add(buffer, text, length);
		return;
	}
	while (end < length) {
		size_t one = utf8_length(text + end, length - end);
		one = one > 0 ? one : 1;
		if (end + one + strlen(ellipsis) > most)
			break;
		end += one;
	}
	buffer_add(buffer, text, end);
	if (most >= strlen(ellipsis))
		buffer_add_text(buffer, ellipsis);
}

static const char names_between[] = " | ";

/* "action | policy | rule | list": long names are cut to the longest that leaves room for all. */
static const char *names_comment(struct arena *arena, const char *const names[NAME_COUNT])
{
	struct buffer clean[NAME_COUNT];
	size_t most = PLAN_COMMENT, total;
	for (size_t i = 0; i < NAME_COUNT; i++) {
		buffer_init(&clean[i], TEXT_MOST);
		text_clean(&clean[i], names[i], "");
	}
	do {
		most--;
		total = (NAME_COUNT - 1) * strlen(names_between);
		for (size_t i = 0; i < NAME_COUNT; i++)
			total += clean[i].length < most ? clean[i].length : most;
	} while (total > PLAN_COMMENT);
	struct buffer text;
	buffer_init(&text, PLAN_COMMENT + 1);
	for (size_t i = 0; i < NAME_COUNT; i++) {
		buffer_add_text(&text, i > 0 ? names_between : "");
		text_cut(&text, buffer_text(&clean[i]), most);
		buffer_done(&clean[i]);
	}
	const char *comment = arena_text(arena, buffer_text(&text));
	buffer_done(&text);
	return comment;
}

bool plan_names_parse(const char *comment, struct cursor ret_names[NAME_COUNT])
{
	struct cursor names[NAME_COUNT];
	const char *at = comment;
	for (size_t i = 0; i < NAME_COUNT; i++) {
		const char *end = i + 1 < NAME_COUNT ? strstr(at, names_between) : at + strlen(at);
		if (end == NULL)
			return false;
		names[i] = cursor_of(at, (size_t)(end - at));
		at = end + strlen(names_between);
	}
	memcpy(ret_names, names, sizeof(names));
	return true;
}

bool plan_generation_parse(const char *name, uint64_t *ret_generation)
{
	struct cursor cursor = cursor_text(name);
	uint64_t generation;
	if (!cursor_take(&cursor, 'g') || !cursor_number(&cursor, UINT64_MAX / 2, &generation) || !cursor_take(&cursor, '_'))
		return false;
	*ret_generation = generation;
	return true;
}

unsigned plan_boot_drops_family(const char *name)
{
	uint64_t generation;
	const char *rest = plan_generation_parse(name, &generation) ? strchr(name, '_') + 1 : "";
	if (strcmp(rest, PLAN_BOOT_DROPS4) == 0)
		return FAMILY_IPV4;
	return strcmp(rest, PLAN_BOOT_DROPS6) == 0 ? FAMILY_IPV6 : FAMILY_NONE;
}

static const char *const observe_names[] = {"enforced", "observed"};
static const char boot_observe[] = " observe"; /* behind the boot mode: with more words the comment would be too long */

static bool word_take(struct cursor *cursor, const char *word)
{
	size_t length = strlen(word);
	if (cursor_left(cursor) < length || memcmp(cursor->at, word, length) != 0)
		return false;
	cursor->at += length;
	return true;
}

/* enforced, observed; with MODE_BOOT the boot mode. */
static bool manner_take(struct cursor *cursor, struct plan_head *head)
{
	static const enum bootmode bootmodes[] = {BOOTMODE_STATEFUL, BOOTMODE_BLOCK, BOOTMODE_PERMIT};
	for (size_t i = 0; head->mode != MODE_BOOT && i < ARRAY_LENGTH(observe_names); i++) {
		if (word_take(cursor, observe_names[i])) {
			head->observe = i > 0;
			return true;
		}
	}
	for (size_t i = 0; head->mode == MODE_BOOT && i < ARRAY_LENGTH(bootmodes); i++) {
		if (word_take(cursor, bootmode_name(bootmodes[i]))) {
			head->bootmode = bootmodes[i];
			head->observe = word_take(cursor, boot_observe);
			return true;
		}
	}
	return false;
}

static const char *plan_comment(struct plan *plan)
{
	const struct ruleset *ruleset = plan->ruleset;
	bool boot = ruleset->mode == MODE_BOOT;
	return arena_printf(plan->arena, "generation %llu, %s, %s%s, digest %s", (unsigned long long)plan->generation,
			    mode_name(ruleset->mode), boot ? bootmode_name(ruleset->bootmode) : observe_names[plan->observe],
			    boot && plan->observe ? boot_observe : "", plan->digest);
}

bool plan_comment_parse(const char *comment, struct plan_head *ret_head)
{
	struct cursor cursor = cursor_text(comment);
	struct plan_head head = {0};
	if (!word_take(&cursor, "generation ") || !cursor_number(&cursor, UINT64_MAX / 2, &head.generation) ||
	    !word_take(&cursor, ", "))
		return false;
	const char *comma = memchr(cursor.at, ',', cursor_left(&cursor));
	if (comma == NULL || !mode_parse(cursor.at, (size_t)(comma - cursor.at), &head.mode))
		return false;
	cursor.at = comma;
	if (!word_take(&cursor, ", ") || !manner_take(&cursor, &head) || !word_take(&cursor, ", digest ") ||
	    cursor_left(&cursor) != sizeof(head.digest) - 1)
		return false;
	memcpy(head.digest, cursor.at, sizeof(head.digest) - 1);
	*ret_head = head;
	return true;
}

/* --- Pieces of a plan --- */

static struct plan_chain *chain_add(struct plan *plan, const char *name)
{
	plan->chains = arena_grow(plan->arena, plan->chains, plan->chain_count, &plan->chain_capacity, sizeof(*plan->chains));
	struct plan_chain *chain = &plan->chains[plan->chain_count++];
	*chain = (struct plan_chain){.name = name};
	return chain;
}

static void rule_add(struct plan *plan, struct plan_chain *chain, const char *text, const char *comment)
{
	chain->rules = arena_grow(plan->arena, chain->rules, chain->count, &chain->capacity, sizeof(*chain->rules));
	chain->rules[chain->count++] = (struct plan_rule){text, comment};
}

#define NAME(plan, format, ...) \
	arena_printf((plan)->arena, "g%llu_" format, (unsigned long long)(plan)->generation, __VA_ARGS__)

/* FNV-1a over texts with their ends; stable from run to run, so that counters live on. */
static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (const char *at = text;; at++) {
		hash = (hash ^ (unsigned char)*at) * 0x100000001b3u;
		if (*at == '\0')
			return hash;
	}
}

static int counter_compare(const void *a, const void *b)
{
	return strcmp(((const struct plan_counter *)a)->name, ((const struct plan_counter *)b)->name);
}

static void counter_add(struct plan *plan, const char *name, const char *comment)
{
	plan->counters = arena_grow(plan->arena, plan->counters, plan->counter_count, &plan->counter_capacity,
				    sizeof(*plan->counters));
	plan->counters[plan->counter_count++] = (struct plan_counter){name, comment};
}

/* Sorts them, each once. */
static void counters_finish(struct plan *plan)
{
	size_t kept = 0;
	if (plan->counter_count > 0)
		qsort(plan->counters, plan->counter_count, sizeof(*plan->counters), counter_compare);
	for (size_t i = 0; i < plan->counter_count; i++)
		if (kept == 0 || counter_compare(&plan->counters[kept - 1], &plan->counters[i]) != 0)
			plan->counters[kept++] = plan->counters[i];
	plan->counter_count = kept;
}

/* --- Origins: count, log, verdict --- */

/* Negotiate is enforced by nothing yet: nothing may leave in clear. */
static bool action_drops(enum action action)
{
	return action != ACTION_PERMIT;
}

struct verdict_row {
	const char *counter;
	bool drops;
	uint64_t id;         /* in the prefix of the log */
};

static void verdict_add(struct plan *plan, struct plan_chain *chain, const char *const names[NAME_COUNT], const struct verdict_row *row)
{
	const char *comment = names_comment(plan->arena, names);
	counter_add(plan, row->counter, comment);
	struct buffer text, rule;
	buffer_init(&text, TEXT_MOST);
	buffer_printf(&text, "counter name \"%s\" ", row->counter);
	if (row->drops) {
		buffer_init(&rule, TEXT_MOST);
		text_clean(&rule, names[NAME_RULE], "$\\");
		buffer_add_text(&text, "log prefix \"");
		size_t start = text.length;
		buffer_printf(&text, "cordon:%s:%016llx:", plan->observe ? "observe" : "block", (unsigned long long)row->id);
		text_cut(&text, buffer_text(&rule), PLAN_PREFIX - (text.length - start));
		buffer_printf(&text, "\" snaplen %d group %u ", PLAN_SNAPLEN, plan->nflog_group);
		buffer_done(&rule);
	}
	buffer_add_text(&text, row->drops && !plan->observe ? "drop" : "accept");
	rule_add(plan, chain, arena_text(plan->arena, buffer_text(&text)), comment);
	buffer_done(&text);
}

static const char *counter_name(struct plan *plan, uint64_t id)
{
	return arena_printf(plan->arena, "c_%016llx", (unsigned long long)id);
}

static uint64_t origin_hash(const struct origin *origin, const char *const names[NAME_COUNT])
{
	struct buffer filter;
	buffer_init(&filter, TEXT_MOST);
	if (origin->dynrule != NULL)
		filter_print(&origin->dynrule->filter, &filter);
	uint64_t id = hash_text(0xcbf29ce484222325u, location_name(origin->location));
	for (size_t i = 0; i < NAME_COUNT; i++)
		id = hash_text(id, names[i]);
	/* Dynamic rules are numbered anew when one goes: the filter tells which it is. */
	id = hash_text(id, buffer_text(&filter));
	buffer_done(&filter);
	return id;
}

void nftables_counter_hash(const struct ruleset *ruleset, uint32_t origin, char text[NFTABLES_HASH])
{
	const struct origin *from = &ruleset->origins[origin];
	struct buffer rule;
	buffer_init(&rule, TEXT_MOST);
	origin_rule(from, &rule);
	const char *const names[NAME_COUNT] = {
		[NAME_ACTION] = action_name(from->action), [NAME_POLICY] = origin_policy(from),
		[NAME_RULE] = buffer_text(&rule), [NAME_LIST] = origin_list(from)};
	(void)snprintf(text, NFTABLES_HASH, "%016llx", (unsigned long long)origin_hash(from, names));
	buffer_done(&rule);
}

static void origin_compile(struct plan *plan, size_t index)
{
	const struct origin *origin = &plan->ruleset->origins[index];
	struct buffer rule;
	buffer_init(&rule, TEXT_MOST);
	origin_rule(origin, &rule);
	const char *const names[NAME_COUNT] = {
		[NAME_ACTION] = action_name(origin->action), [NAME_POLICY] = origin_policy(origin),
		[NAME_RULE] = buffer_text(&rule), [NAME_LIST] = origin_list(origin)};
	uint64_t id = origin_hash(origin, names);
	plan->origin_chains[index] = NAME(plan, "o%zu", index);
	const struct verdict_row row = {counter_name(plan, id), action_drops(origin->action), id};
	verdict_add(plan, chain_add(plan, plan->origin_chains[index]), names, &row);
	buffer_done(&rule);
}

/* --- What nothing let pass --- */

/* Nobody listens to the log while the machine starts: what is dropped is counted in a set.  A set that is full ends the
 * rule that adds to it, so these are rules of their own, in chains that come back to the rule that drops. */
static void drops_compile(struct plan *plan, struct plan_chain *chain, unsigned family)
{
	static const struct {
		uint8_t protocol;
		const char *comment;
	} with_ports[] = {
		{PROTOCOL_TCP, "TCP"}, {PROTOCOL_UDP, "UDP"}, {132, "SCTP"}, {136, "UDP-Lite"}};
	bool four = family == FAMILY_IPV4;
	const char *name = NAME(plan, "drops%u", family), *ports = NAME(plan, "drops%u_ports", family);
	const char *set = NAME(plan, "%s", four ? PLAN_BOOT_DROPS4 : PLAN_BOOT_DROPS6), *source = four ? "ip saddr" : "ip6 saddr";
	plan->sets[plan->set_count++] = (struct plan_set){
		.name = set,
		.type = four ? "ipv4_addr . inet_proto . inet_service" : "ipv6_addr . inet_proto . inet_service",
		.size = PLAN_BOOT_DROPS,
	};
	rule_add(plan, chain, arena_printf(plan->arena, "meta nfproto ipv%u jump %s", family, name), "counted by source");
	struct plan_chain *count = chain_add(plan, ports);
	rule_add(plan, count, arena_printf(plan->arena, "add @%s { %s . meta l4proto . th dport counter }", set, source),
		 "by source, protocol and port");
	count = chain_add(plan, name);
	for (size_t i = 0; i < ARRAY_LENGTH(with_ports); i++)
		rule_add(plan, count, arena_printf(plan->arena, "meta l4proto %u goto %s", with_ports[i].protocol, ports),
			 with_ports[i].comment);
	rule_add(plan, count, arena_printf(plan->arena, "add @%s { %s . meta l4proto . 0 counter }", set, source),
		 "by source and protocol");
}

/* In the modes block and boot. */
static const char *otherwise_compile(struct plan *plan)
{
	bool boot = plan->ruleset->mode == MODE_BOOT;
	const char *rule = boot ? "boot" : "otherwise";
	const char *const names[NAME_COUNT] = {[NAME_ACTION] = action_name(ACTION_BLOCK), [NAME_POLICY] = "-",
					       [NAME_RULE] = rule, [NAME_LIST] = "-"};
	uint64_t id = hash_text(0xcbf29ce484222325u, rule);
	const struct verdict_row row = {boot ? PLAN_BOOT_TOTAL : counter_name(plan, id), true, id};
	const char *name = NAME(plan, "%s", "otherwise");
	/* Chains move when one is added: this one is filled beside them. */
	struct plan_chain chain = {.name = name};
	if (boot) {
		drops_compile(plan, &chain, FAMILY_IPV4);
		drops_compile(plan, &chain, FAMILY_IPV6);
	}
	verdict_add(plan, &chain, names, &row);
	*chain_add(plan, name) = chain;
	return name;
}

/* --- Maps: one a group that has a key --- */

static unsigned shape_parts(const struct shape *shape)
{
	return (!shape->src_me && shape->src_bits > 0 ? PART_SRC : 0u) |
	       (!shape->dst_me && shape->dst_bits > 0 ? PART_DST : 0u) | (shape->has_protocol ? PART_PROTOCOL : 0u) |
	       (shape->has_srcport ? PART_SRCPORT : 0u) | (shape->has_dstport ? PART_DSTPORT : 0u);
}

static const enum plan_part part_order[] = {PART_SRC, PART_DST, PART_PROTOCOL, PART_SRCPORT, PART_DSTPORT};

static size_t part_size(enum plan_part part, unsigned family)
{
	if (part == PART_SRC || part == PART_DST)
		return family_bits(family) / 8;
	return part == PART_PROTOCOL ? 1 : 2;
}

static const char *part_type(enum plan_part part, unsigned family)
{
	if (part == PART_SRC || part == PART_DST)
		return family == FAMILY_IPV4 ? "ipv4_addr" : "ipv6_addr";
	return part == PART_PROTOCOL ? "inet_proto" : "inet_service";
}

static void part_expression(enum plan_part part, const struct shape *shape, struct buffer *buffer)
{
	static const struct {
		enum plan_part part;
		const char *text;
	} plain[] = {{PART_PROTOCOL, "meta l4proto"}, {PART_SRCPORT, "th sport"}, {PART_DSTPORT, "th dport"}};
	for (size_t i = 0; i < ARRAY_LENGTH(plain); i++) {
		if (plain[i].part == part) {
			buffer_add_text(buffer, plain[i].text);
			return;
		}
	}
	unsigned bits = part == PART_SRC ? shape->src_bits : shape->dst_bits;
	buffer_printf(buffer, "%s %s", shape->family == FAMILY_IPV4 ? "ip" : "ip6", part == PART_SRC ? "saddr" : "daddr");
	if (bits == family_bits(shape->family))
		return;
	struct ip mask = {.family = shape->family};
	char text[IP_TEXT];
	memset(mask.bytes, 0xff, family_bits(shape->family) / 8);
	ip_mask(mask.bytes, bits);
	ip_print(&mask, text);
	buffer_printf(buffer, " & %s", text);
}

static void map_compile(struct plan *plan, uint32_t group)
{
	const struct shape *shape = &plan->ruleset->groups[group].shape;
	unsigned parts = shape_parts(shape), count = 0;
	if (parts == 0)
		return;
	struct plan_map *map = &plan->maps[plan->map_count++];
	*map = (struct plan_map){.name = NAME(plan, "m%u", group), .group = group, .parts = parts};
	struct buffer type;
	buffer_init(&type, TEXT_MOST);
	size_t last = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(part_order); i++) {
		if ((parts & part_order[i]) == 0)
			continue;
		buffer_printf(&type, "%s%s", count++ > 0 ? " . " : "", part_type(part_order[i], shape->family));
		last = part_size(part_order[i], shape->family);
		map->key_length += (last + 3) / 4 * 4;
	}
	if (count == 1)
		map->key_length = last;
	map->type = arena_text(plan->arena, buffer_text(&type));
	buffer_done(&type);
}

size_t plan_key(const struct plan *plan, const struct plan_map *map, const struct match *match, uint8_t key[PLAN_KEY])
{
	const struct shape *shape = &plan->ruleset->groups[map->group].shape;
	const uint8_t ports[2][2] = {{(uint8_t)(match->srcport >> 8), (uint8_t)match->srcport},
				     {(uint8_t)(match->dstport >> 8), (uint8_t)match->dstport}};
	const uint8_t *const values[] = {match->src, match->dst, &match->protocol, ports[0], ports[1]};
	size_t at = 0;
	memset(key, 0, map->key_length);
	for (size_t i = 0; i < ARRAY_LENGTH(part_order); i++) {
		if ((map->parts & part_order[i]) == 0)
			continue;
		size_t size = part_size(part_order[i], shape->family);
		memcpy(key + at, values[i], size);
		at += (size + 3) / 4 * 4;
	}
	return map->key_length;
}

void plan_key_print(const struct plan *plan, const struct plan_map *map, const uint8_t *key, struct buffer *buffer)
{
	const struct shape *shape = &plan->ruleset->groups[map->group].shape;
	static const char *const words[] = {"from ", "to ", "protocol ", "source port ", "port "};
	const char *between = "";
	for (size_t i = 0; i < ARRAY_LENGTH(part_order); i++) {
		if ((map->parts & part_order[i]) == 0)
			continue;
		size_t size = part_size(part_order[i], shape->family);
		buffer_printf(buffer, "%s%s", between, words[i]);
		between = " ";
		if (part_order[i] == PART_PROTOCOL) {
			buffer_add_number(buffer, key[0]);
		} else if (part_order[i] == PART_SRCPORT || part_order[i] == PART_DSTPORT) {
			buffer_add_number(buffer, (uint64_t)key[0] << 8 | key[1]);
		} else {
			struct ip ip = {.family = shape->family};
			char text[IP_TEXT];
			memcpy(ip.bytes, key, size);
			ip_print(&ip, text);
			buffer_printf(buffer, "%s/%u", text, part_order[i] == PART_SRC ? shape->src_bits : shape->dst_bits);
		}
		key += (size + 3) / 4 * 4;
	}
}

/* --- Chains of look-ups --- */

/* Also an ICMP error about what we sent (state related): it answers a packet that was let through. */
static const char *const reply_guard = "ct direction reply ";

static void shape_words(const struct shape *shape, struct buffer *buffer)
{
	static const char *const arrow[] = {"", " -> "};
	for (size_t side = 0; side < 2; side++) {
		unsigned bits = side == 0 ? shape->src_bits : shape->dst_bits;
		buffer_add_text(buffer, arrow[side]);
		if (side == 0 ? shape->src_me : shape->dst_me)
			buffer_add_text(buffer, "me");
		else if (bits == 0)
			buffer_add_text(buffer, "any");
		else
			buffer_printf(buffer, "/%u", bits);
	}
	buffer_add_text(buffer, shape->has_protocol ? " protocol" : "");
	buffer_add_text(buffer, shape->has_srcport ? " srcport" : "");
	buffer_add_text(buffer, shape->has_dstport ? " dstport" : "");
	buffer_add_text(buffer, shape->reply ? " reply" : "");
}

/* One look-up; returns whether nothing can come after it. */
static bool group_compile(struct plan *plan, struct plan_chain *chain, uint32_t index)
{
	const struct group *group = &plan->ruleset->groups[index];
	const struct shape *shape = &group->shape;
	unsigned parts = shape_parts(shape);
	struct buffer text, words;
	buffer_init(&text, TEXT_MOST);
	buffer_init(&words, PLAN_COMMENT);
	buffer_add_text(&text, shape->reply ? reply_guard : "");
	shape_words(shape, &words);
	if (parts == 0) {
		/* All matches of a group have different keys, so here there is one. */
		const struct match *match = &plan->ruleset->matches[group->first];
		buffer_printf(&text, "goto %s", plan->origin_chains[match->origin]);
	} else {
		const char *between = "";
		for (size_t i = 0; i < ARRAY_LENGTH(part_order); i++) {
			if ((parts & part_order[i]) == 0)
				continue;
			buffer_add_text(&text, between);
			part_expression(part_order[i], shape, &text);
			between = " . ";
		}
		buffer_printf(&text, " vmap @g%llu_m%u", (unsigned long long)plan->generation, index);
	}
	rule_add(plan, chain, arena_text(plan->arena, buffer_text(&text)), arena_text(plan->arena, buffer_text(&words)));
	buffer_done(&text);
	buffer_done(&words);
	return parts == 0 && !shape->reply;
}

/* A family in a hook, with what its groups ask. */
struct family_part {
	unsigned family;
	enum direction direction;
	bool src_me, dst_me;
	const char *otherwise; /* chain for what no group holds, or NULL */
};

/* The groups that can hold a packet whose source and destination are, or are not, the host's. */
static void lookups_compile(struct plan *plan, struct plan_chain *chain, const struct family_part *part, bool src_me, bool dst_me)
{
	for (size_t i = 0; i < plan->ruleset->group_count; i++) {
		const struct shape *shape = &plan->ruleset->groups[i].shape;
		if (shape->family != part->family || (shape->directions & part->direction) == 0 ||
		    (shape->src_me && !src_me) || (shape->dst_me && !dst_me))
			continue;
		if (group_compile(plan, chain, (uint32_t)i))
			return;
	}
	if (part->otherwise != NULL)
		rule_add(plan, chain, arena_printf(plan->arena, "goto %s", part->otherwise), "otherwise");
}

/* One chain for each answer to the two questions; the first asks on. */
static void family_compile(struct plan *plan, const char *name, const struct family_part *part)
{
	static const struct {
		const char *suffix;
		bool src_me, dst_me;
	} kinds[] = {{"", false, false}, {"_d", false, true}, {"_s", true, false}, {"_sd", true, true}};
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++) {
		bool dst_me = kinds[i].dst_me, src_me = kinds[i].src_me;
		if ((src_me && !part->src_me) || (dst_me && !part->dst_me))
			continue;
		struct plan_chain *chain = chain_add(plan, arena_printf(plan->arena, "%s%s", name, kinds[i].suffix));
		if (part->dst_me && !dst_me && !src_me)
			rule_add(plan, chain, arena_printf(plan->arena, "fib daddr type local goto %s_d", name),
				 "to an address of this host");
		if (part->src_me && !src_me)
			rule_add(plan, chain,
				 arena_printf(plan->arena, "fib saddr type local goto %s_s%s", name, dst_me ? "d" : ""),
				 "from an address of this host");
		lookups_compile(plan, chain, part, src_me, dst_me);
	}
}

/* Whether the same groups of a family count in both directions. */
static bool directions_alike(const struct ruleset *ruleset, unsigned family, enum direction a, enum direction b)
{
	for (size_t i = 0; i < ruleset->group_count; i++) {
		const struct shape *shape = &ruleset->groups[i].shape;
		if (shape->family == family && ((shape->directions & a) == 0) != ((shape->directions & b) == 0))
			return false;
	}
	return true;
}

/* The chain of a family in a hook: made once for all hooks in which it would be the same.  NULL when empty. */
static const char *family_chain(struct plan *plan, const char *const made[PLAN_HOOKS], size_t hook, unsigned family,
				const char *otherwise)
{
	const struct ruleset *ruleset = plan->ruleset;
	struct family_part part = {.family = family, .direction = plan->bases[hook].direction, .otherwise = otherwise};
	bool any = otherwise != NULL, all = true;
	for (size_t i = 0; i < hook; i++)
		if (directions_alike(ruleset, family, plan->bases[i].direction, part.direction))
			return made[i];
	for (size_t i = 0; i < ruleset->group_count; i++) {
		const struct shape *shape = &ruleset->groups[i].shape;
		if (shape->family != family)
			continue;
		all &= shape->directions == DIRECTION_ALL;
		if ((shape->directions & part.direction) == 0)
			continue;
		any = true;
		part.src_me |= shape->src_me;
		part.dst_me |= shape->dst_me;
	}
	if (!any)
		return NULL;
	const char *name = NAME(plan, "ip%u%s%s", family, all ? "" : "_", all ? "" : plan->bases[hook].name);
	family_compile(plan, name, &part);
	return name;
}

/* --- Exemptions --- */

/* The conditions of an exemption, cheap ones first; NULL when it cannot hold in that hook. */
static const char *exemption_text(struct plan *plan, const struct exemption *exemption, enum direction direction)
{
	static const char *const devices[] = {
		[DIRECTION_IN] = "meta iiftype loopback ", [DIRECTION_OUT] = "meta oiftype loopback ", [DIRECTION_FORWARD] = NULL};
	static const struct {
		size_t offset;
		const char *text;
	} flags[] = {
		{offsetof(struct exemption, src_me), "fib saddr type local "},
		{offsetof(struct exemption, dst_me), "fib daddr type local "},
		{offsetof(struct exemption, dst_broadcast), "fib daddr type broadcast "},
	};
	if ((exemption->directions & direction) == 0 || (exemption->loopback && devices[direction] == NULL))
		return NULL;
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	if (exemption->loopback)
		buffer_add_text(&text, devices[direction]);
	if (exemption->family != FAMILY_NONE)
		buffer_printf(&text, "meta nfproto ipv%u ", exemption->family);
	if (exemption->protocol != 0)
		buffer_printf(&text, "meta l4proto %u ", exemption->protocol);
	if (exemption->type_last != 0)
		buffer_printf(&text, "icmpv6 type %u-%u ", exemption->type_first, exemption->type_last);
	if (exemption->hop_limit != 0)
		buffer_printf(&text, "ip6 hoplimit %u ", exemption->hop_limit);
	if (exemption->srcport != 0)
		buffer_printf(&text, "th sport %u ", exemption->srcport);
	if (exemption->dstport != 0)
		buffer_printf(&text, "th dport %u ", exemption->dstport);
	for (size_t i = 0; i < ARRAY_LENGTH(flags); i++)
		if (*(const bool *)((const char *)exemption + flags[i].offset))
			buffer_add_text(&text, flags[i].text);
	if (exemption->reply)
		buffer_add_text(&text, reply_guard);
	const char *copy = arena_text(plan->arena, buffer_text(&text));
	buffer_done(&text);
	return copy;
}

static const char *exemption_counter(struct plan *plan, const struct exemption *exemption, const char **ret_comment)
{
	const char *const names[NAME_COUNT] = {[NAME_ACTION] = action_name(ACTION_PERMIT), [NAME_POLICY] = "-",
					       [NAME_RULE] = exemption->name, [NAME_LIST] = "-"};
	struct buffer name;
	buffer_init(&name, TEXT_MOST);
	buffer_add_text(&name, "exempt_");
	for (const char *at = exemption->name; *at != '\0'; at++)
		buffer_add_char(&name, (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z') || ascii_digit(*at) ? *at : '_');
	const char *copy = arena_text(plan->arena, buffer_text(&name));
	buffer_done(&name);
	*ret_comment = names_comment(plan->arena, names);
	counter_add(plan, copy, *ret_comment);
	return copy;
}

static void exemption_compile(struct plan *plan, struct plan_chain *chain, const struct exemption *exemption, enum direction direction)
{
	static const char *const multicast[] = {"ip daddr 224.0.0.0/4 ", "ip6 daddr ff00::/8 "};
	static const unsigned families[] = {FAMILY_IPV4, FAMILY_IPV6};
	const char *text = exemption_text(plan, exemption, direction), *comment;
	if (text == NULL)
		return;
	const char *counter = exemption_counter(plan, exemption, &comment);
	if (!exemption->dst_multicast) {
		rule_add(plan, chain, arena_printf(plan->arena, "%scounter name \"%s\" accept", text, counter), comment);
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
		if (exemption->family == FAMILY_NONE || exemption->family == families[i])
			rule_add(plan, chain,
				 arena_printf(plan->arena, "%s%scounter name \"%s\" accept", multicast[i], text, counter),
				 comment);
}

/* --- The whole --- */

static const struct plan_base base_rows[PLAN_HOOKS] = {
	{.name = "input", .hook = NF_INET_LOCAL_IN, .direction = DIRECTION_IN},
	{.name = "forward", .hook = NF_INET_FORWARD, .direction = DIRECTION_FORWARD},
	{.name = "output", .hook = NF_INET_LOCAL_OUT, .direction = DIRECTION_OUT},
};

static void hooks_compile(struct plan *plan)
{
	static const unsigned families[] = {FAMILY_IPV4, FAMILY_IPV6};
	const char *made[ARRAY_LENGTH(families)][PLAN_HOOKS] = {{NULL}};
	const char *otherwise = plan->ruleset->otherwise == ACTION_PERMIT ? NULL : otherwise_compile(plan);
	for (size_t hook = 0; hook < PLAN_HOOKS; hook++) {
		struct plan_base *base = &plan->bases[hook];
		for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
			made[i][hook] = family_chain(plan, made[i], hook, families[i], otherwise);
		base->entry = NAME(plan, "%s", base->name);
		struct plan_chain *entry = chain_add(plan, base->entry);
		for (size_t i = 0; i < plan->ruleset->exemption_count; i++)
			exemption_compile(plan, entry, &plan->ruleset->exemptions[i], base->direction);
		for (size_t i = 0; i < ARRAY_LENGTH(families); i++)
			if (made[i][hook] != NULL)
				rule_add(plan, entry,
					 arena_printf(plan->arena, "meta nfproto ipv%u goto %s", families[i], made[i][hook]),
					 families[i] == FAMILY_IPV4 ? "IPv4" : "IPv6");
	}
}

/* Reassembly without connection tracking: DESIGN, meaning 7. */
static void defrag_compile(struct plan *plan)
{
	struct plan_chain *chain = chain_add(plan, NAME(plan, "%s", "defrag"));
	rule_add(plan, chain, "meta nfproto ipv4 meta l4proto 6 tproxy ip to :1", "never reached: switches reassembly on");
	rule_add(plan, chain, "meta nfproto ipv6 meta l4proto 6 tproxy ip6 to :1", "never reached: switches reassembly on");
}

struct plan *plan_compile(const struct ruleset *ruleset, const struct nftables_options *options, uint64_t generation)
{
	struct arena *arena = arena_new();
	struct plan *plan = arena_alloc(arena, sizeof(*plan));
	*plan = (struct plan){.arena = arena, .ruleset = ruleset, .generation = generation, .observe = options->observe,
			      .nflog_group = options->nflog_group != 0 ? options->nflog_group : NFTABLES_GROUP};
	memcpy(plan->bases, base_rows, sizeof(plan->bases));
	state_digest(ruleset->state, plan->digest);
	plan->comment = plan_comment(plan);
	plan->origin_chains = arena_alloc(arena, (ruleset->origin_count + 1) * sizeof(*plan->origin_chains));
	plan->maps = arena_alloc(arena, (ruleset->group_count + 1) * sizeof(*plan->maps));
	for (size_t i = 0; i < ruleset->origin_count; i++)
		origin_compile(plan, i);
	for (size_t i = 0; i < ruleset->group_count; i++)
		map_compile(plan, (uint32_t)i);
	hooks_compile(plan);
	defrag_compile(plan);
	counters_finish(plan);
	return plan;
}

void plan_free(struct plan *plan)
{
	if (plan != NULL)
		arena_free(plan->arena);
}
