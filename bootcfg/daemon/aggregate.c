#include "bootcfg/daemon/aggregate.h"

#include <stdlib.h>
#include <sys/random.h>

#include "core/base/memory.h"

enum { WORDS = sizeof(struct aggregate_key) / sizeof(uint64_t), LEAST = 16 };
_Static_assert(sizeof(struct aggregate_key) == WORDS * sizeof(uint64_t) && sizeof(struct aggregate_key) == 56,
	       "a key has no padding but its own");

struct table {
	struct aggregate_entry *entries; /* in the order in which they came */
	uint32_t *slots;                 /* number of an entry, from 1; 0: free */
	size_t most, count, mask;
};

struct aggregate {
	struct table sources, rules;
	struct aggregate_entry rest;
	uint64_t secret[WORDS + 1];      /* sources are chosen by whoever sends: the places of their slots must not be */
};

static void table_init(struct table *table, size_t most)
{
	size_t slots = LEAST;
	while (slots < most * 2)
		slots *= 2;
	*table = (struct table){.most = most, .mask = slots - 1};
	table->entries = memory_alloc(most * sizeof(*table->entries));
	table->slots = memory_alloc(slots * sizeof(*table->slots));
}

struct aggregate *aggregate_new(size_t most)
{
	struct aggregate *aggregate = memory_alloc(sizeof(*aggregate));
	most = most > LEAST ? most : LEAST;
	table_init(&aggregate->sources, most);
	table_init(&aggregate->rules, most / 8 > LEAST ? most / 8 : LEAST);
	/* Without the kernel's numbers the order of memory must do. */
	if (getrandom(aggregate->secret, sizeof(aggregate->secret), GRND_NONBLOCK) != (ssize_t)sizeof(aggregate->secret))
		for (size_t i = 0; i <= WORDS; i++)
			aggregate->secret[i] ^= (uint64_t)(uintptr_t)aggregate * (2 * i + 1);
	return aggregate;
}

void aggregate_free(struct aggregate *aggregate)
{
	if (aggregate == NULL)
		return;
	free(aggregate->sources.entries);
	free(aggregate->sources.slots);
	free(aggregate->rules.entries);
	free(aggregate->rules.slots);
	free(aggregate);
}

static uint64_t mix(uint64_t a, uint64_t b)
{
	__extension__ typedef unsigned __int128 wide;
	wide product = (wide)a * b;
	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static uint64_t key_hash(const struct aggregate *aggregate, const struct aggregate_key *key)
{
	uint64_t words[WORDS], hash = aggregate->secret[WORDS];
	memcpy(words, key, sizeof(words));
	for (size_t i = 0; i < WORDS; i++)
		hash = mix(hash ^ words[i], aggregate->secret[i] | 1);
	return hash;
}

/* The entry of a key, made when it is new; NULL when there is no room. */
static struct aggregate_entry *table_find(const struct aggregate *aggregate, struct table *table, const struct aggregate_key *key)
{
	size_t at = (size_t)key_hash(aggregate, key) & table->mask;
	for (; table->slots[at] != 0; at = (at + 1) & table->mask) {
		struct aggregate_entry *entry = &table->entries[table->slots[at] - 1];
		if (memcmp(&entry->key, key, sizeof(*key)) == 0)
			return entry;
	}
	if (table->count == table->most)
		return NULL;
	struct aggregate_entry *entry = &table->entries[table->count++];
	table->slots[at] = (uint32_t)table->count;
	*entry = (struct aggregate_entry){.key = *key};
	key->name->holds++;
	return entry;
}

void aggregate_add(struct aggregate *aggregate, const struct aggregate_key *key, uint64_t packets, uint64_t time)
{
	struct aggregate_entry *entry = table_find(aggregate, &aggregate->sources, key);
	if (entry == NULL) {
		struct aggregate_key rule = {0};
		rule.name = key->name;
		rule.direction = key->direction;
		rule.kind = key->kind;
		entry = table_find(aggregate, &aggregate->rules, &rule);
		if (entry != NULL)
			entry->rule = true;
	}
	if (entry == NULL)
		entry = &aggregate->rest;
	entry->count += packets;
	entry->time = time > entry->time ? time : entry->time;
}

bool aggregate_crowded(const struct aggregate *aggregate)
{
	return aggregate->sources.count >= aggregate->sources.most - aggregate->sources.most / 4;
}

size_t aggregate_count(const struct aggregate *aggregate)
{
	return aggregate->sources.count + aggregate->rules.count + (aggregate->rest.count > 0);
}

static unsigned entry_rank(const struct aggregate_entry *entry)
{
	return entry->key.name == NULL ? 2 : entry->rule;
}

/* By time; of one time the sources in the order in which they came, then rules, then the last number. */
static int entry_compare(const void *a, const void *b)
{
	const struct aggregate_entry *first = *(const struct aggregate_entry *const *)a;
	const struct aggregate_entry *second = *(const struct aggregate_entry *const *)b;
	if (first->time != second->time)
		return first->time < second->time ? -1 : 1;
	if (entry_rank(first) != entry_rank(second))
		return entry_rank(first) < entry_rank(second) ? -1 : 1;
	return first < second ? -1 : first > second;
}

/* Takes out the entries that have no count any more; the others keep their order. */
static void table_clean(const struct aggregate *aggregate, struct table *table)
{
	size_t kept = 0;
	memset(table->slots, 0, (table->mask + 1) * sizeof(*table->slots));
	for (size_t i = 0; i < table->count; i++) {
		const struct aggregate_entry entry = table->entries[i];
		if (entry.count == 0) {
			entry.key.name->holds--;
			continue;
		}
		size_t at = (size_t)key_hash(aggregate, &entry.key) & table->mask;
		while (table->slots[at] != 0)
			at = (at + 1) & table->mask;
		table->entries[kept++] = entry;
		table->slots[at] = (uint32_t)kept;
	}
	table->count = kept;
}

void aggregate_take(struct aggregate *aggregate, bool (*take)(const struct aggregate_entry *entry, void *context), void *context)
{
	size_t count = 0;
	if (aggregate_count(aggregate) == 0)
		return;
	struct aggregate_entry **order = memory_alloc(aggregate_count(aggregate) * sizeof(*order));
	for (size_t i = 0; i < aggregate->sources.count; i++)
		order[count++] = &aggregate->sources.entries[i];
	for (size_t i = 0; i < aggregate->rules.count; i++)
		order[count++] = &aggregate->rules.entries[i];
	if (aggregate->rest.count > 0)
		order[count++] = &aggregate->rest;
	qsort(order, count, sizeof(struct aggregate_entry *), entry_compare);
	for (size_t i = 0; i < count && take(order[i], context); i++)
		order[i]->count = 0;
	free(order);
	table_clean(aggregate, &aggregate->sources);
	table_clean(aggregate, &aggregate->rules);
	if (aggregate->rest.count == 0)
		aggregate->rest = (struct aggregate_entry){0};
}
