/* `show`: the objects of one location as netsh prints them (its fields, in its order), as a table, or as one
 * JSON object whose keys are netsh's tags. */
#ifndef CORDON_BOOTCFG_NETSH_SHOW_H
#define CORDON_BOOTCFG_NETSH_SHOW_H

#include "core/base/diag.h"
#include "core/policy/policy.h"

enum show_type { SHOW_ANY, SHOW_TRANSPORT, SHOW_TUNNEL }; /* of rules: type= */

/* What was asked for.  All zeros, with `what`, is everything of its kind, in full. */
struct show_request {
	enum location_id location;
	bool dynamic;           /* `ipsec dynamic show` */
	const char *what;       /* static: all policy rule filterlist filteraction store config gpoassignedpolicy;
	                         * dynamic: all config mmfilter mmpolicy mmsas qmfilter qmpolicy qmsas rule stats */
	const char *name;       /* NULL: all */
	const char *policy;     /* rule: of this policy; NULL: of all */
	const char *rule;       /* filterlist, filteraction: what this rule uses */
	uint64_t id;            /* rule: its number in its policy, from 1; 0: any */
	bool defaultrule;       /* rule: the default response rule */
	enum show_type type;    /* rule */
	bool normal;            /* level=normal: without the parts, and without keys */
	bool table;             /* format=table */
	bool wide;              /* wide=yes: lines are not cut */
	bool resolvedns;        /* resolvedns=yes: the name that an address was given by, in its place; nothing is looked up */
	bool json;
	unsigned width;         /* of the terminal; 0: lines are not cut */
	const char *store_name; /* of the store file; NULL: not said */
};

/* Appends it to output.  ERROR_NOT_FOUND with a message at `place` when something named is not there. */
int show_run(struct state *state, const struct show_request *request, struct diag *diag, const struct place *place,
	     struct buffer *output);

/* The same as JSON; what is named is there.  Called by show_run. */
void show_json(struct state *state, const struct show_request *request, struct buffer *output);

/* Which objects a request selects; shared by both forms.  A wanted name of NULL is any. */
bool show_names(const char *wanted, const struct object *object);
bool show_selects_rule(const struct show_request *request, const struct rule *rule, size_t index);
bool show_selects_list(const struct show_request *request, struct location *location, const struct filterlist *list);
bool show_selects_action(const struct show_request *request, struct location *location,
			 const struct filteraction *action);

/* The value that holds: bootmode, while it is not set, depends on whether a policy is assigned. */
void show_value(const struct state *state, enum property_id id, struct buffer *value);

#endif
