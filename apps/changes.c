#include "apps/changes.h"

#include <stdlib.h>
#include <string.h>

#include "apps/emit.h"
#include "core/base/memory.h"

/* The filters of one side, growing in the arena. */
struct side {
	struct arena *arena;
	struct buffer text;
	struct filter_change *items;
	size_t count, capacity;
};

static void side_add(struct side *side, const struct filter *filter, struct filter_change item)
{
	buffer_clear(&side->text);
	filter_print(filter, &side->text);
	item.filter = arena_text(side->arena, buffer_text(&side->text));
	side->items = arena_grow(side->arena, side->items, side->count, &side->capacity, sizeof(*side->items));
	side->items[side->count++] = item;
}

/* Texts are copied: the state may go before the plan does. */
static void policy_add(struct side *side, enum location_id location, const struct policy *policy)
{
	const char *name = arena_text(side->arena, policy->object.name);
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		if (!rule->activate)
			continue;
		struct filter_change item = {
			.location = location,
			.policy = name,
			.rule = arena_text(side->arena, rule->object.name),
			.list = arena_text(side->arena, rule->filterlist->object.name),
			.action = action_name(rule->filteraction->action),
		};
		for (size_t j = 0; j < rule->filterlist->count; j++)
			side_add(side, &rule->filterlist->filters[j], item);
	}
}

static void dynrules_add(struct side *side, const struct location *location)
{
	for (size_t i = 0; i < location->dynrule_count; i++) {
		const struct dynrule *rule = location->dynrules[i];
		const char *in = action_name(rule->actioninbound), *out = action_name(rule->actionoutbound);
		struct filter_change item = {
			.location = location->id,
			.policy = "",
			.rule = "dynamic",
			.list = "-",
			.action = rule->actioninbound == rule->actionoutbound
					  ? in
					  : arena_printf(side->arena, "in %s, out %s", in, out),
		};
		side_add(side, &rule->filter, item);
	}
}

static void side_fill(struct side *side, struct arena *arena, const struct state *state)
{
	*side = (struct side){.arena = arena};
	buffer_init(&side->text, 65536);
	for (size_t i = 0; state != NULL && i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		const struct policy *policy = location_assigned(location);
		if (policy != NULL)
			policy_add(side, location->id, policy);
		dynrules_add(side, location);
	}
	buffer_done(&side->text);
}

/* Which filter it is: where, and what packets. */
static int place_compare(const struct filter_change *a, const struct filter_change *b)
{
	if (a->location != b->location)
		return a->location < b->location ? -1 : 1;
	int order = strcmp(a->policy, b->policy);
	return order != 0 ? order : strcmp(a->filter, b->filter);
}

static int whole_compare(const struct filter_change *a, const struct filter_change *b)
{
	int order = place_compare(a, b);
	if (order == 0)
		order = strcmp(a->action, b->action);
	if (order == 0)
		order = strcmp(a->rule, b->rule);
	return order != 0 ? order : strcmp(a->list, b->list);
}

static int pointer_compare(const void *a, const void *b)
{
	return whole_compare(*(struct filter_change *const *)a, *(struct filter_change *const *)b);
}

static struct filter_change **side_sort(struct filter_change *items, size_t count)
{
	struct filter_change **sorted = memory_alloc((count + 1) * sizeof(struct filter_change *));
	for (size_t i = 0; i < count; i++)
		sorted[i] = &items[i];
	if (count > 0)
		qsort(sorted, count, sizeof(struct filter_change *), pointer_compare);
	return sorted;
}

/* Pairs the old and new filters that compare equal and have no partner yet; both lists are sorted.  Old ones without
 * a partner are REMOVED, new ones ADDED. */
static void sides_pair(struct changes *changes, struct filter_change **before, struct filter_change **after,
		       int (*compare)(const struct filter_change *, const struct filter_change *), enum change_kind change)
{
	size_t i = 0, j = 0;
	while (i < changes->before_count && j < changes->after_count) {
		if (before[i]->change != CHANGE_REMOVED) {
			i++;
			continue;
		}
		if (after[j]->change != CHANGE_ADDED) {
			j++;
			continue;
		}
		int order = compare(before[i], after[j]);
		if (order == 0) {
			before[i]->change = CHANGE_SAME;
			after[j]->change = change;
			after[j]->was = before[i];
		}
		i += order <= 0;
		j += order >= 0;
	}
}

static void properties_compare(struct changes *changes, const struct config *before, const struct config *after)
{
	struct config defaults;
	struct buffer text;
	buffer_init(&text, 65536);
	if (before == NULL) {
		config_init(&defaults);
		before = &defaults;
	}
	changes->properties = arena_alloc(changes->arena, PROPERTY_COUNT * sizeof(*changes->properties));
	for (size_t i = 0; i < PROPERTY_COUNT; i++) {
		if (config_value_equal(before, after, (enum property_id)i))
			continue;
		struct property_change *property = &changes->properties[changes->property_count++];
		property->name = properties[i].name;
		buffer_clear(&text);
		config_print(before, (enum property_id)i, &text);
		property->before = arena_text(changes->arena, buffer_text(&text));
		buffer_clear(&text);
		config_print(after, (enum property_id)i, &text);
		property->after = arena_text(changes->arena, buffer_text(&text));
	}
	buffer_done(&text);
}

static void changes_count(struct changes *changes)
{
	for (size_t i = 0; i < changes->before_count; i++)
		changes->removed += changes->before[i].change == CHANGE_REMOVED;
	for (size_t i = 0; i < changes->after_count; i++) {
		changes->added += changes->after[i].change == CHANGE_ADDED;
		changes->changed += changes->after[i].change == CHANGE_CHANGED;
		changes->same += changes->after[i].change == CHANGE_SAME;
	}
}

struct changes *changes_new(const struct state *before, const struct state *after)
{
	struct arena *arena = arena_new();
	struct changes *changes = arena_alloc(arena, sizeof(*changes));
	struct side old, new;
	side_fill(&old, arena, before);
	side_fill(&new, arena, after);
	*changes = (struct changes){.arena = arena, .before = old.items, .before_count = old.count, .after = new.items,
			      .after_count = new.count};
	for (size_t i = 0; i < old.count; i++)
		old.items[i].change = CHANGE_REMOVED;
	for (size_t i = 0; i < new.count; i++)
		new.items[i].change = CHANGE_ADDED;
	struct filter_change **olds = side_sort(old.items, old.count), **news = side_sort(new.items, new.count);
	sides_pair(changes, olds, news, whole_compare, CHANGE_SAME);
	sides_pair(changes, olds, news, place_compare, CHANGE_CHANGED);
	free(olds);
	free(news);
	changes_count(changes);
	properties_compare(changes, before != NULL ? &before->config : NULL, &after->config);
	return changes;
}

void changes_free(struct changes *changes)
{
	if (changes != NULL)
		arena_free(changes->arena);
}

static void where_print(const struct filter_change *item, struct buffer *buffer)
{
	if (item->policy[0] == '\0')
		buffer_printf(buffer, "(dynamic rule)\n");
	else
		buffer_printf(buffer, "(%s policy %s, rule %s, list %s)\n", location_name(item->location), QUOTE(item->policy),
			      QUOTE(item->rule), QUOTE(item->list));
}

static void filter_line(const struct filter_change *item, struct buffer *buffer)
{
	static const char signs[] = {[CHANGE_SAME] = ' ', [CHANGE_ADDED] = '+', [CHANGE_REMOVED] = '-', [CHANGE_CHANGED] = '~'};
	buffer_printf(buffer, "%c %-9s ", signs[item->change], item->action);
	buffer_add_text(buffer, item->filter);
	buffer_add_text(buffer, "  ");
	if (item->change == CHANGE_CHANGED && strcmp(item->was->action, item->action) != 0)
		buffer_printf(buffer, "was %s  ", item->was->action);
	if (item->change == CHANGE_CHANGED && strcmp(item->was->rule, item->rule) != 0)
		buffer_printf(buffer, "was in rule %s  ", QUOTE(item->was->rule));
	where_print(item, buffer);
}

void changes_print(const struct changes *changes, size_t most, struct buffer *buffer)
{
	size_t printed = 0, total = changes->added + changes->removed + changes->changed;
	if (most == 0)
		most = total;
	for (size_t i = 0; i < changes->before_count && printed < most; i++) {
		if (changes->before[i].change == CHANGE_REMOVED) {
			filter_line(&changes->before[i], buffer);
			printed++;
		}
	}
	for (size_t i = 0; i < changes->after_count && printed < most; i++) {
		if (changes->after[i].change != CHANGE_SAME) {
			filter_line(&changes->after[i], buffer);
			printed++;
		}
	}
	if (printed < total)
		buffer_printf(buffer, "  … and %zu more (-v prints all)\n", total - printed);
	for (size_t i = 0; i < changes->property_count; i++)
		buffer_printf(buffer, "~ %s %s  was %s\n", changes->properties[i].name, changes->properties[i].after,
			      changes->properties[i].before);
	buffer_printf(buffer, "%zu filters added, %zu removed, %zu changed, %zu unchanged\n", changes->added, changes->removed,
		      changes->changed, changes->same);
}

static void filters_json(const char *name, const struct filter_change *items, size_t count, enum change_kind change,
			 struct buffer *buffer)
{
	emit_name(buffer, name);
	buffer_add_char(buffer, '[');
	bool first = true;
	for (size_t i = 0; i < count; i++) {
		if (items[i].change != change)
			continue;
		buffer_add_text(buffer, first ? "{" : ",\n {");
		first = false;
		emit_member(buffer, "store", location_name(items[i].location));
		emit_member(buffer, "policy", items[i].policy[0] != '\0' ? items[i].policy : NULL);
		emit_member(buffer, "rule", items[i].rule);
		emit_member(buffer, "filterlist", items[i].list);
		emit_member(buffer, "filter", items[i].filter);
		emit_member(buffer, "action", items[i].action);
		if (change == CHANGE_CHANGED) {
			emit_member(buffer, "was_action", items[i].was->action);
			emit_member(buffer, "was_rule", items[i].was->rule);
		}
		buffer_add_char(buffer, '}');
	}
	buffer_add_char(buffer, ']');
}

void changes_json(const struct changes *changes, struct buffer *buffer)
{
	filters_json("added", changes->after, changes->after_count, CHANGE_ADDED, buffer);
	filters_json("removed", changes->before, changes->before_count, CHANGE_REMOVED, buffer);
	filters_json("changed", changes->after, changes->after_count, CHANGE_CHANGED, buffer);
	emit_number(buffer, "unchanged", changes->same);
	emit_name(buffer, "properties");
	buffer_add_char(buffer, '{');
	for (size_t i = 0; i < changes->property_count; i++) {
		emit_name(buffer, changes->properties[i].name);
		buffer_add_char(buffer, '{');
		emit_member(buffer, "before", changes->properties[i].before);
		emit_member(buffer, "after", changes->properties[i].after);
		buffer_add_char(buffer, '}');
	}
	buffer_add_char(buffer, '}');
}
