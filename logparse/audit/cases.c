#include "logparse/audit/cases.h"

#include <stdlib.h>

#include "core/base/arena.h"
#include "core/base/memory.h"

struct entry {
	struct audit_case item;   /* first member: they are sorted as such */
	uint64_t hash;
	const char *key;
	size_t length;
};

struct cases {
	struct arena *arena;
	struct entry *entries;
	size_t count, capacity, most;
	uint32_t *slots;          /* index + 1 */
	size_t slot_count;        /* a power of two */
	struct buffer key, rule;
};

struct cases *cases_new(size_t most)
{
	struct cases *cases = memory_alloc(sizeof(*cases));
	*cases = (struct cases){.arena = arena_new(), .most = most};
	buffer_init(&cases->key, 1 << 16);
	buffer_init(&cases->rule, 1 << 14);
	return cases;
}

void cases_free(struct cases *cases)
{
	if (cases == NULL)
		return;
	arena_free(cases->arena);
	buffer_done(&cases->key);
	buffer_done(&cases->rule);
	free(cases->entries);
	free(cases->slots);
	free(cases);
}

void port_print(uint8_t protocol, bool has_port, uint16_t port, int icmp_type, struct buffer *buffer)
{
	const char *name = record_protocol(protocol);
	if (name != NULL)
		buffer_add_text(buffer, name);
	else
		buffer_printf(buffer, "protocol %u", protocol);
	if (has_port)
		buffer_printf(buffer, " %u", port);
	else if (icmp_type >= 0)
		buffer_printf(buffer, " type %d", icmp_type);
}

static bool has_ports(const struct packet *packet)
{
	return packet->protocol == 6 || packet->protocol == 17;
}

/* Which filter it was, in words that the caller may keep. */
struct named {
	const char *policy, *rule, *list;
	uint32_t filter;
};

static struct named verdict_names(const struct judged *judged, struct buffer *rule)
{
	buffer_clear(rule);
	if (judged->verdict.match == NULL)
		return (struct named){"-", judged->verdict.exemption != NULL ? judged->verdict.exemption->name : "-", "-", 0};
	const struct origin *origin = &judged->ruleset->origins[judged->verdict.match->origin];
	origin_rule(origin, rule);
	return (struct named){origin_policy(origin), buffer_text(rule), origin_list(origin), judged->verdict.match->filter};
}

/* All that tells two cases apart, as bytes.  Names, not pointers: a policy of an earlier time has the same rules. */
static void key_make(struct cases *cases, const struct judged *judged, const struct named *named, bool dropped)
{
	const struct packet *packet = &judged->packet;
	struct buffer *key = &cases->key;
	uint16_t port = has_ports(packet) ? packet->dstport : (uint16_t)packet->icmp_type;
	const uint8_t small[] = {packet->src.family, packet->protocol, packet->direction, (uint8_t)judged->verdict.action, dropped};
	buffer_clear(key);
	buffer_add(key, small, sizeof(small));
	buffer_add(key, &named->filter, sizeof(named->filter));
	buffer_add(key, &port, sizeof(port));
	buffer_add(key, packet->src.bytes, sizeof(packet->src.bytes));
	buffer_add(key, packet->dst.bytes, sizeof(packet->dst.bytes));
	buffer_add(key, named->policy, strlen(named->policy) + 1);
	buffer_add(key, named->rule, strlen(named->rule) + 1);
	buffer_add(key, named->list, strlen(named->list));
}

static uint64_t key_hash(const char *key, size_t length)
{
	uint64_t hash = 0xcbf29ce484222325ull;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ (unsigned char)key[i]) * 0x100000001b3ull;
	return hash ^ hash >> 29;
}

static void cases_grow(struct cases *cases)
{
	cases->slot_count = cases->slot_count > 0 ? cases->slot_count * 2 : 256;
	free(cases->slots);
	cases->slots = memory_alloc(cases->slot_count * sizeof(*cases->slots));
	for (size_t i = 0; i < cases->count; i++) {
		size_t slot = cases->entries[i].hash & (cases->slot_count - 1);
		while (cases->slots[slot] != 0)
			slot = (slot + 1) & (cases->slot_count - 1);
		cases->slots[slot] = (uint32_t)(i + 1);
	}
}

static void case_fill(struct cases *cases, const struct judged *judged, const struct named *named, bool dropped, struct audit_case *item)
{
	char text[PACKET_TEXT];
	const struct packet *packet = &judged->packet;
	item->done = dropped ? "dropped" : "let through";
	item->verdict = action_name(judged->verdict.action);
	item->policy = arena_text(cases->arena, named->policy);
	item->rule = arena_text(cases->arena, named->rule);
	item->list = arena_text(cases->arena, named->list);
	item->filter = named->filter;
	packet_print(packet, text);
	item->packet = arena_text(cases->arena, text);
	ip_print(&packet->src, text);
	item->src = arena_text(cases->arena, text);
	ip_print(&packet->dst, text);
	item->dst = arena_text(cases->arena, text);
	buffer_clear(&cases->key);
	port_print(packet->protocol, has_ports(packet), packet->dstport, packet->icmp_type, &cases->key);
	item->port = arena_text(cases->arena, buffer_text(&cases->key));
}

static struct entry *entry_find(struct cases *cases, const struct judged *judged, bool dropped)
{
	if (2 * cases->count >= cases->slot_count)
		cases_grow(cases);
	struct named named = verdict_names(judged, &cases->rule);
	key_make(cases, judged, &named, dropped);
	uint64_t hash = key_hash(cases->key.data, cases->key.length);
	size_t slot = hash & (cases->slot_count - 1);
	for (; cases->slots[slot] != 0; slot = (slot + 1) & (cases->slot_count - 1)) {
		struct entry *entry = &cases->entries[cases->slots[slot] - 1];
		if (entry->hash == hash && entry->length == cases->key.length && memcmp(entry->key, cases->key.data, entry->length) == 0)
			return entry;
	}
	if (cases->count >= cases->most)
		return NULL;
	if (cases->count == cases->capacity) {
		cases->capacity = cases->capacity > 0 ? cases->capacity * 2 : 64;
		cases->entries = memory_resize(cases->entries, cases->capacity * sizeof(*cases->entries));
	}
	struct entry *entry = &cases->entries[cases->count++];
	*entry = (struct entry){.hash = hash, .key = arena_text_n(cases->arena, cases->key.data, cases->key.length), .length = cases->key.length};
	cases->slots[slot] = (uint32_t)cases->count;
	case_fill(cases, judged, &named, dropped, &entry->item);
	return entry;
}

bool cases_add(struct cases *cases, const struct record *record, const struct judged *judged, uint64_t count)
{
	bool dropped = record->action.at != NULL && ascii_equal_n(record->action.at, cursor_left(&record->action), "DROP");
	struct entry *entry = entry_find(cases, judged, dropped);
	if (entry == NULL)
		return false;
	entry->item.count += count;
	if (!record_has(record, COLUMN_DATE))
		return true;
	if (entry->item.first == 0 || record->time < entry->item.first)
		entry->item.first = record->time;
	if (record->time > entry->item.last)
		entry->item.last = record->time;
	return true;
}

static int case_compare(const void *a, const void *b)
{
	const struct audit_case *left = a, *right = b;
	if (left->count != right->count)
		return left->count > right->count ? -1 : 1;
	int order = strcmp(left->src, right->src);
	if (order == 0)
		order = strcmp(left->dst, right->dst);
	return order != 0 ? order : strcmp(left->packet, right->packet);
}

const struct audit_case *cases_sorted(struct cases *cases, size_t *ret_count)
{
	struct audit_case *sorted = arena_alloc(cases->arena, (cases->count + 1) * sizeof(*sorted));
	for (size_t i = 0; i < cases->count; i++)
		sorted[i] = cases->entries[i].item;
	if (cases->count > 1)
		qsort(sorted, cases->count, sizeof(*sorted), case_compare);
	*ret_count = cases->count;
	return sorted;
}

void case_print(const struct audit_case *item, struct buffer *buffer)
{
	bool many = item->count != 1;
	buffer_printf(buffer, "%llu packet%s of %s from %s to %s %s %s: ", (unsigned long long)item->count, many ? "s" : "", item->port, item->src, item->dst,
		      many ? "were" : "was", item->done);
	if (item->filter > 0)
		buffer_printf(buffer, "%s by policy %s, rule %s, list %s, filter %u", item->verdict, QUOTE(item->policy), QUOTE(item->rule), QUOTE(item->list),
			      item->filter);
	else if (item->rule[0] != '-')
		buffer_printf(buffer, "%s by the exemption %s", item->verdict, item->rule);
	else
		buffer_printf(buffer, "%s, since no filter matches", item->verdict);
	buffer_printf(buffer, " (`%s`)", item->packet);
}
