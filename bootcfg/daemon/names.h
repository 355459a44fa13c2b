/* What the number in a log prefix stands for: policy, rule and filter list.  The parent tells them for each ruleset in
 * force; those of the one before stay, for its packets may still be under way. */
#ifndef CORDON_BOOTCFG_DAEMON_NAMES_H
#define CORDON_BOOTCFG_DAEMON_NAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/cursor.h"

struct name {
	uint64_t hash;
	struct cursor policy, rule, list; /* `at` NULL: not known */
	char *texts;                      /* which they are pieces of */
	bool known;                       /* told by the parent; else only the rule is, out of a prefix */
	uint32_t holds;                   /* a name that somebody holds is not forgotten */
	uint64_t generation;              /* in which it was told last */
};

struct names;

enum {
	NAMES_MOST = 262144,            /* of both generations */
	NAMES_BYTES = 64 * 1024 * 1024, /* of their texts */
	NAMES_STRANGE = 1024,           /* that were not told, only seen */
};

struct names *names_new(void);
void names_free(struct names *names);

/* Texts are copied.  False when the table is full: then the number stays unknown. */
bool names_add(struct names *names, uint64_t hash, struct cursor policy, struct cursor rule, struct cursor list);
/* The table is whole: what was not told in it nor in the one before is forgotten. */
void names_end(struct names *names);

/* Never NULL.  One that was not told gets its rule from the prefix; when there are too many of those, one name stands
 * for all of them (its rule unknown, its hash 0).  Valid until names_end unless held. */
struct name *names_find(struct names *names, uint64_t hash, struct cursor rule);

#endif
