/* The policy model: what a store holds.  A policy is rules; a rule joins a filter list to a filter action.
 * Lists and actions stand on their own and outlive the policies that use them (DESIGN, meaning 5).
 *
 * Everything lives in the arena of one struct state.  Code that changes an object sets its `changed`; what
 * is removed goes through the functions here, which note the store's row in `gone`. */
#ifndef CORDON_POLICY_POLICY_H
#define CORDON_POLICY_POLICY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/arena.h"
#include "core/base/guid.h"
#include "core/policy/config.h"
#include "core/policy/filter.h"

/* Limits that netsh has too, so that what one door lets in the other can say. */
enum {
	POLICY_NAME_MOST = 1024,          /* bytes of a name */
	POLICY_TEXT_MOST = 4096,          /* bytes of a description or key */
	POLICY_MINUTES_MOST = 71582788,   /* whose seconds fit 32 bits */
	POLICY_QMPERMM_MOST = 2147483647,
};

/* In the order in which they win at equal weight. */
enum action { ACTION_BLOCK, ACTION_NEGOTIATE, ACTION_PERMIT };
enum conntype { CONNTYPE_ALL, CONNTYPE_LAN, CONNTYPE_DIALUP };
enum auth_kind { AUTH_KERBEROS, AUTH_PSK, AUTH_ROOTCA };
enum pfsgroup { PFSGROUP_NOPFS, PFSGROUP_GRP1, PFSGROUP_GRP2, PFSGROUP_GRP3, PFSGROUP_GRPMM };
/* Persistent applies first and stays; local adds to it; dynamic is this boot only. */
enum location_id { LOCATION_PERSISTENT, LOCATION_LOCAL, LOCATION_DYNAMIC, LOCATION_COUNT };

const char *action_name(enum action action);       /* "block", "negotiate", "permit" */
const char *conntype_name(enum conntype conntype); /* "all", "lan", "dialup" */
const char *pfsgroup_name(enum pfsgroup group);    /* "NOPFS", "GRP1", … */
const char *location_name(enum location_id id);    /* "persistent", "local", "dynamic" */
bool action_parse(const char *text, size_t length, enum action *ret_action);
bool conntype_parse(const char *text, size_t length, enum conntype *ret_conntype);
bool pfsgroup_parse(const char *text, size_t length, enum pfsgroup *ret_group);
bool location_parse(const char *text, size_t length, enum location_id *ret_id);

/* What every named object has.  First member of each of them. */
struct object {
	const char *name;        /* free text; compared without ASCII case */
	const char *description; /* "" when there is none */
	struct guid guid;
	int64_t modified;        /* Unix seconds */
	int64_t row;             /* of the store; 0 until it is stored */
	bool changed;            /* differs from the store */
};

/* Named objects in the order in which they were added, found by name in constant time. */
struct collection {
	struct object **items;
	size_t count, capacity;
	struct object **slots; /* open addressing; NULL until the first look-up */
	size_t slot_count, filled;
};

struct auth {
	enum auth_kind kind;
	const char *value;          /* PSK: the key; ROOTCA: the name; KERBEROS: NULL */
	bool certmap, excludecaname;
};

struct authlist {
	struct auth *items; /* in order of preference; none means the default (Kerberos) */
	size_t count;
};

struct filterlist {
	struct object object;
	struct filter *filters;
	size_t count, capacity;
	size_t users; /* rules that refer to it */
};

struct filteraction {
	struct object object;
	enum action action;
	bool qmpfs, inpass, soft;  /* meaningful with negotiate only, kept with all */
	const char *qmsecmethods;  /* canonical text, "" when none given */
	size_t users;
};

struct rule {
	struct object object;
	struct policy *policy;
	struct filterlist *filterlist;
	struct filteraction *filteraction;
	const char *tunnel;        /* end point as given, or NULL */
	enum conntype conntype;
	bool activate;
	struct authlist auths;
};

/* The default response rule: part of every policy, never deleted. */
struct defaultrule {
	bool activate, qmpfs;
	const char *qmsecmethods;  /* "" when none given */
	struct authlist auths;
};

struct policy {
	struct object object;
	bool assigned;
	bool mmpfs;
	uint32_t qmpermm;         /* 0: no limit */
	uint32_t mmlifetime;      /* minutes, default 480 */
	uint32_t pollinginterval; /* minutes, default 180 */
	const char *mmsecmethods; /* canonical text, "" for the system's default */
	struct collection rules;  /* of struct rule */
	struct defaultrule defaultrule;
};

/* The dynamic context (`netsh ipsec dynamic`): rules without policy, with an action for each direction. */
struct mmpolicy {
	struct object object;
	uint32_t qmpermm, mmlifetime, softsaexpirationtime; /* minutes */
	const char *mmsecmethods;
};

struct qmpolicy {
	struct object object;
	bool soft;
	enum pfsgroup pfsgroup;
	const char *qmsecmethods;
};

struct dynrule {
	struct filter filter;
	enum action actioninbound, actionoutbound;
	const char *mmpolicy, *qmpolicy; /* names; qmpolicy may be NULL */
	const char *tunnel;              /* tunneldstaddress, or NULL */
	enum conntype conntype;
	struct authlist auths;
	bool changed;                    /* its row is filter.row */
};

struct location {
	enum location_id id;
	struct collection policies;      /* of struct policy */
	struct collection filterlists;   /* of struct filterlist */
	struct collection filteractions; /* of struct filteraction */
	struct collection mmpolicies;    /* of struct mmpolicy; location dynamic only, as are the next two */
	struct collection qmpolicies;    /* of struct qmpolicy */
	struct dynrule **dynrules;
	size_t dynrule_count, dynrule_capacity;
};

enum object_kind { OBJECT_POLICY, OBJECT_RULE, OBJECT_FILTERLIST, OBJECT_FILTERACTION, OBJECT_FILTER, OBJECT_MMPOLICY, OBJECT_QMPOLICY, OBJECT_DYNRULE, OBJECT_KINDS };

/* A row of the store whose object was removed. */
struct gone {
	enum object_kind kind;
	int64_t row;
};

/* Everything that a store holds, at one instant. */
struct state {
	struct arena *arena; /* owns all of it */
	struct location locations[LOCATION_COUNT];
	struct config config;
	struct gone *gone;
	size_t gone_count, gone_capacity;
};

struct state *state_new(void);
void state_free(struct state *state);

struct object *collection_find(struct collection *collection, const char *name);
struct object *collection_find_guid(const struct collection *collection, const struct guid *guid);
/* Iterates: for (size_t i = 0; i < c->count; i++) ((struct policy *)c->items[i]) */

/* Each adds a new, empty object with defaults as windows-ipsec.md 1.2 gives them, `changed` set, a new guid
 * and `modified` now.  The name is copied, must be free (find first). */
struct policy *location_add_policy(struct state *state, struct location *location, const char *name);
struct filterlist *location_add_filterlist(struct state *state, struct location *location, const char *name);
struct filteraction *location_add_filteraction(struct state *state, struct location *location, const char *name);
struct mmpolicy *location_add_mmpolicy(struct state *state, struct location *location, const char *name);
struct qmpolicy *location_add_qmpolicy(struct state *state, struct location *location, const char *name);
struct dynrule *location_add_dynrule(struct state *state, struct location *location);
struct rule *policy_add_rule(struct state *state, struct policy *policy, const char *name,
			     struct filterlist *filterlist, struct filteraction *filteraction);
/* Appends a copy; its texts must already be in the state's arena. */
struct filter *filterlist_add(struct state *state, struct filterlist *list, const struct filter *filter);

/* Points a rule at another list or action. */
void rule_bind(struct rule *rule, struct filterlist *filterlist, struct filteraction *filteraction);

/* Removals.  Lists and actions that a rule refers to are refused: ERROR_IN_USE. */
void location_delete_policy(struct state *state, struct location *location, struct policy *policy);
int location_delete_filterlist(struct state *state, struct location *location, struct filterlist *list);
int location_delete_filteraction(struct state *state, struct location *location, struct filteraction *action);
void location_delete_mmpolicy(struct state *state, struct location *location, struct mmpolicy *policy);
void location_delete_qmpolicy(struct state *state, struct location *location, struct qmpolicy *policy);
void location_delete_dynrule(struct state *state, struct location *location, size_t index);
void policy_delete_rule(struct state *state, struct policy *policy, struct rule *rule);
void filterlist_delete(struct state *state, struct filterlist *list, size_t index);
void location_delete_all(struct state *state, struct location *location);

/* A new name; the caller has checked that it is free. */
void collection_rename(struct state *state, struct collection *collection, struct object *object, const char *name);

/* Assigning unassigns the policy of that location that was assigned before (it is returned, or NULL). */
struct policy *location_assign(struct location *location, struct policy *policy);
struct policy *location_assigned(const struct location *location); /* NULL when none is */
void policy_unassign(struct policy *policy);

/* Whether any policy is assigned or any dynamic rule is there. */
bool state_assigned(const struct state *state);

#endif
