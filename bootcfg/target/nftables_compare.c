#include "bootcfg/target/nftables_compare.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/memory.h"

enum { LINE_MOST = 2048 };

static void ATTR_PRINTF(2, 3) differ(struct comparison *comparison, const char *format, ...)
{
	char line[LINE_MOST];
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	comparison->count++;
	/* Whole lines or nothing. */
	struct buffer *lines = comparison->differences;
	if (!lines->full && lines->length + strlen(line) + 1 < lines->maximum)
		buffer_printf(lines, "%s\n", line);
}

/* --- Chains and maps --- */

static void rule_compare(struct comparison *comparison, const struct plan_chain *chain, const struct live_chain *live, size_t index)
{
	const struct plan_rule *rule = &chain->rules[index];
	const struct live_rule *found = &live->rules[index];
	if (strcmp(rule->comment, found->comment) != 0) {
		differ(comparison, "chain %s, rule %zu: %s is expected, %s is there", chain->name, index + 1, QUOTE(rule->comment),
		       QUOTE(found->comment));
		return;
	}
	const struct live_chain *model = comparison->reference != NULL ? live_chain_find(comparison->reference, chain->name) : NULL;
	if (model == NULL || index >= model->count)
		return;
	if (model->rules[index].length != found->length ||
	    memcmp(model->rules[index].expressions, found->expressions, found->length) != 0)
		differ(comparison, "chain %s, rule %zu (%s): it has been changed; expected: %s", chain->name, index + 1,
		       rule->comment, rule->text);
}

/* The first of the live rules that has no counterpart tells which one is too many. */
static void rule_extra(struct comparison *comparison, const struct plan_chain *chain, const struct live_chain *live)
{
	size_t at = 0;
	while (at < chain->count && strcmp(chain->rules[at].comment, live->rules[at].comment) == 0)
		at++;
	differ(comparison, "chain %s: %zu rules, expected %zu: rule %zu (handle %llu, %s) is not ours", chain->name, live->count,
	       chain->count, at + 1, (unsigned long long)live->rules[at].handle,
	       live->rules[at].comment[0] != '\0' ? QUOTE(live->rules[at].comment) : "no comment");
}

static void rule_missing(struct comparison *comparison, const struct plan_chain *chain, const struct live_chain *live)
{
	size_t at = 0;
	while (at < live->count && strcmp(chain->rules[at].comment, live->rules[at].comment) == 0)
		at++;
	differ(comparison, "chain %s: %zu rules, expected %zu: rule %zu is missing: %s (%s)", chain->name, live->count,
	       chain->count, at + 1, chain->rules[at].text, chain->rules[at].comment);
}

static void chain_compare(struct comparison *comparison, const struct plan_chain *chain)
{
	const struct live_chain *live = live_chain_find(comparison->live, chain->name);
	if (live == NULL)
		differ(comparison, "chain %s is missing", chain->name);
	else if (live->base)
		differ(comparison, "chain %s: it has a hook, and should have none", chain->name);
	else if (live->count > chain->count)
		rule_extra(comparison, chain, live);
	else if (live->count < chain->count)
		rule_missing(comparison, chain, live);
	else
		for (size_t i = 0; i < chain->count; i++)
			rule_compare(comparison, chain, live, i);
}

static void map_compare(struct comparison *comparison, const struct plan_map *map)
{
	const struct live_map *live = live_map_find(comparison->live, map->name);
	if (live == NULL)
		differ(comparison, "map %s is missing", map->name);
	else if (live->key_type_length != map->key_length || (live->flags & ~(uint32_t)NFT_SET_CONCAT) != NFT_SET_MAP ||
		 live->data_type != NFT_DATA_VERDICT)
		differ(comparison, "map %s: it is of another type than %s : verdict", map->name, map->type);
}

void comparison_generation(struct comparison *comparison)
{
	const struct plan *plan = comparison->plan;
	uint64_t generation;
	size_t chains = 0;
	for (size_t i = 0; i < plan->chain_count; i++)
		chain_compare(comparison, &plan->chains[i]);
	for (size_t i = 0; i < plan->map_count; i++)
		map_compare(comparison, &plan->maps[i]);
	for (size_t i = 0; i < comparison->live->chain_count; i++)
		chains += plan_generation_parse(comparison->live->chains[i].name, &generation) && generation == plan->generation;
	if (chains > plan->chain_count)
		differ(comparison, "generation %llu has %zu chains, expected %zu: some are not ours",
		       (unsigned long long)plan->generation, chains, plan->chain_count);
}

/* --- Base chains --- */

bool base_is_right(const struct plan_base *base, const struct live_chain *chain)
{
	return chain->base && chain->filter && chain->hook == base->hook && chain->priority == 0 && chain->policy == NF_ACCEPT;
}

static void base_compare(struct comparison *comparison, const struct plan_base *base)
{
	const struct live_chain *live = live_chain_find(comparison->live, base->name);
	struct plan_head wanted, found;
	if (live == NULL) {
		differ(comparison, "base chain %s is missing: nothing is judged there", base->name);
		return;
	}
	if (!base_is_right(base, live))
		differ(comparison, "base chain %s: type, hook, priority or policy has been changed (expected: type filter hook %s "
		       "priority filter; policy accept)", base->name, base->name);
	if (live->count != 1) {
		size_t other = 0;
		while (other < live->count && live->rules[other].goes_to != NULL && strcmp(live->rules[other].goes_to, base->entry) == 0)
			other++;
		if (live->count == 0)
			differ(comparison, "base chain %s: its rule is missing: nothing is judged there", base->name);
		else
			differ(comparison, "base chain %s: %zu rules, expected 1: rule %zu (handle %llu) is not ours", base->name,
			       live->count, other + 1, (unsigned long long)live->rules[other < live->count ? other : 0].handle);
		return;
	}
	const struct live_chain *model = comparison->reference != NULL ? live_chain_find(comparison->reference, base->name) : NULL;
	bool changed = live->rules[0].goes_to == NULL || strcmp(live->rules[0].goes_to, base->entry) != 0;
	if (model != NULL && model->count == 1)
		changed |= model->rules[0].length != live->rules[0].length ||
			   memcmp(model->rules[0].expressions, live->rules[0].expressions, live->rules[0].length) != 0;
	/* The digest is left out: a change of the store that changes no rule is no difference here. */
	if (!plan_comment_parse(live->rules[0].comment, &found) || !plan_comment_parse(comparison->plan->comment, &wanted))
		changed = true;
	else if (found.mode != wanted.mode || found.bootmode != wanted.bootmode || found.observe != wanted.observe ||
		 found.generation != wanted.generation)
		differ(comparison, "base chain %s: %s is expected, %s is there", base->name, QUOTE(comparison->plan->comment),
		       QUOTE(live->rules[0].comment));
	if (changed)
		differ(comparison, "base chain %s: its rule has been changed; expected: goto %s", base->name, base->entry);
}

void comparison_bases(struct comparison *comparison)
{
	const struct live *live = comparison->live;
	uint64_t generation;
	if (!live->present) {
		differ(comparison, "the table inet " PLAN_TABLE " is missing");
		return;
	}
	if (live->flags != 0)
		differ(comparison, "the table inet " PLAN_TABLE " is switched off (flags %#x)", live->flags);
	for (size_t i = 0; i < PLAN_HOOKS; i++)
		base_compare(comparison, &comparison->plan->bases[i]);
	for (size_t i = 0; i < live->chain_count; i++) {
		bool ours = plan_generation_parse(live->chains[i].name, &generation) && !live->chains[i].base;
		for (size_t j = 0; j < PLAN_HOOKS && !ours; j++)
			ours = strcmp(live->chains[i].name, comparison->plan->bases[j].name) == 0;
		if (!ours)
			differ(comparison, "chain %s is not ours", QUOTE(live->chains[i].name));
	}
}

/* --- Elements --- */

/* The keys of a map, to be found by their bytes and ticked off; keys are encoded anew when they are asked. */
struct ledger {
	struct comparison *comparison;
	const struct plan_map *map;
	const struct group *group;
	uint32_t *slots; /* number of the match in its group plus 1 */
	size_t mask;
	uint8_t *seen;
};

static uint64_t key_hash(const uint8_t *key, size_t length)
{
	uint64_t hash = length;
	for (size_t at = 0; at < length; at += sizeof(uint32_t)) {
		uint32_t word = 0;
		memcpy(&word, key + at, length - at < sizeof(word) ? length - at : sizeof(word));
		hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 32;
	}
	return hash;
}

static const struct match *ledger_match(const struct ledger *ledger, uint32_t index)
{
	return &ledger->comparison->plan->ruleset->matches[ledger->group->first + index];
}

static void ledger_init(struct ledger *ledger, struct comparison *comparison, const struct plan_map *map)
{
	const struct group *group = &comparison->plan->ruleset->groups[map->group];
	size_t slots = 4;
	uint8_t key[PLAN_KEY];
	while (slots < (size_t)group->count * 2)
		slots *= 2;
	*ledger = (struct ledger){comparison, map, group, memory_alloc(slots * sizeof(uint32_t)), slots - 1,
				  memory_alloc(group->count / 8 + 1)};
	for (uint32_t i = 0; i < group->count; i++) {
		size_t slot = key_hash(key, plan_key(comparison->plan, map, ledger_match(ledger, i), key)) & ledger->mask;
		while (ledger->slots[slot] != 0)
			slot = (slot + 1) & ledger->mask;
		ledger->slots[slot] = i + 1;
	}
}

static void ledger_done(struct ledger *ledger)
{
	free(ledger->slots);
	free(ledger->seen);
}

/* "filter 3 of "web" (rule "web in", reverse): tcp any -> me:80" */
static void match_words(const struct ruleset *ruleset, const struct match *match, struct buffer *buffer)
{
	const struct origin *origin = &ruleset->origins[match->origin];
	struct buffer rule;
	buffer_init(&rule, LINE_MOST);
	origin_rule(origin, &rule);
	buffer_printf(buffer, "filter %u of %s (rule %s%s): ", match->filter, QUOTE(origin_list(origin)), QUOTE(buffer_text(&rule)),
		      match->reverse ? ", reverse" : "");
	filter_print(match_filter(ruleset, match), buffer);
	buffer_done(&rule);
}

static int ledger_take(const struct live_element *element, void *context)
{
	struct ledger *ledger = context;
	struct comparison *comparison = ledger->comparison;
	const struct plan *plan = comparison->plan;
	uint8_t key[PLAN_KEY];
	struct buffer words;
	buffer_init(&words, LINE_MOST);
	if (element->key_length != ledger->map->key_length) {
		differ(comparison, "map %s holds a key of %zu bytes, expected %zu", ledger->map->name, element->key_length,
		       ledger->map->key_length);
		return 0;
	}
	size_t slot = key_hash(element->key, element->key_length) & ledger->mask;
	for (; ledger->slots[slot] != 0; slot = (slot + 1) & ledger->mask) {
		uint32_t index = ledger->slots[slot] - 1;
		const struct match *match = ledger_match(ledger, index);
		plan_key(plan, ledger->map, match, key);
		if (memcmp(key, element->key, element->key_length) != 0)
			continue;
		ledger->seen[index / 8] = (uint8_t)(ledger->seen[index / 8] | 1u << index % 8);
		const char *chain = plan->origin_chains[match->origin];
		if (element->verdict == NFT_GOTO && element->chain != NULL && strcmp(element->chain, chain) == 0)
			return 0;
		match_words(plan->ruleset, match, &words);
		differ(comparison, "map %s: the key of %s does not go to %s but %s", ledger->map->name, buffer_text(&words), chain,
		       element->chain != NULL ? element->chain : "to a verdict of its own");
		buffer_done(&words);
		return 0;
	}
	plan_key_print(plan, ledger->map, element->key, &words);
	differ(comparison, "map %s holds a key that no filter asks for: %s", ledger->map->name, buffer_text(&words));
	buffer_done(&words);
	return 0;
}

static void ledger_close(struct ledger *ledger)
{
	for (uint32_t i = 0; i < ledger->group->count; i++) {
		if ((ledger->seen[i / 8] & 1u << i % 8) != 0)
			continue;
		struct buffer words;
		buffer_init(&words, LINE_MOST);
		match_words(ledger->comparison->plan->ruleset, ledger_match(ledger, i), &words);
		differ(ledger->comparison, "map %s: the key of %s is missing", ledger->map->name, buffer_text(&words));
		buffer_done(&words);
	}
}

int comparison_elements(struct comparison *comparison, struct channel *channel)
{
	const struct plan *plan = comparison->plan;
	int error = 0;
	for (size_t i = 0; i < plan->map_count && error == 0; i++) {
		/* A map that is missing or of another type has been told already. */
		const struct live_map *live = live_map_find(comparison->live, plan->maps[i].name);
		if (live == NULL || live->key_type_length != plan->maps[i].key_length)
			continue;
		struct ledger ledger;
		ledger_init(&ledger, comparison, &plan->maps[i]);
		error = live_elements(channel, plan->maps[i].name, ledger_take, &ledger);
		if (error == 0)
			ledger_close(&ledger);
		ledger_done(&ledger);
	}
	return error;
}
