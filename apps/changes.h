/* How what would be in force differs from what is, in the user's terms: filters, rules, properties. */
#ifndef CORDON_APPS_CHANGES_H
#define CORDON_APPS_CHANGES_H

#include "apps/command.h"
#include "core/policy/policy.h"

/* One active filter of what is assigned. */
struct filter_change {
	enum location_id location;
	const char *policy, *rule, *list, *action; /* policy "" for a dynamic rule */
	const char *filter;                        /* as filter_print writes it */
	const struct filter_change *was;             /* CHANGED: the old one */
	enum change_kind { CHANGE_SAME, CHANGE_ADDED, CHANGE_REMOVED, CHANGE_CHANGED } change;
};

struct property_change {
	const char *name, *before, *after;
};

struct changes {
	struct arena *arena;
	struct filter_change *before, *after; /* in the order of location, policy, rule, list; CHANGED ones stand in after */
	size_t before_count, after_count;
	struct property_change *properties;   /* those that differ */
	size_t property_count;
	size_t added, removed, changed, same;
};

/* before may be NULL: nothing is in force.  changes_free takes NULL. */
struct changes *changes_new(const struct state *before, const struct state *after);
void changes_free(struct changes *changes);

/* At most `most` filters as lines with + - ~ (0: all), and how many more there are. */
void changes_print(const struct changes *changes, size_t most, struct buffer *buffer);
/* Members "added", "removed", "changed", "unchanged", "properties" of an object that is open. */
void changes_json(const struct changes *changes, struct buffer *buffer);

#endif
