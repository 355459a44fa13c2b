/* What the files of the profile share. */
#ifndef CORDON_STORE_PROFILE_INTERNAL_H
#define CORDON_STORE_PROFILE_INTERNAL_H

#include "core/base/json.h"
#include "core/store/profile.h"

enum {
	PROFILE_ERRORS = 100,   /* then reading stops */
	VARIABLE_VALUES = 4096, /* of one variable that is a list */
	VARIABLE_REPEATS = 1 << 20, /* filters that one filter with lists becomes */
};

struct variable {
	const char *name, *description;
	const char *type;         /* "address", "port" or "text" */
	bool list, optional;
	bool wrong;               /* its declaration is; then nothing more is said of it */
	const struct json *node;  /* its declaration */
	const char **values;      /* NULL: not set */
	size_t count;
	size_t at;                /* which value of a list counts now */
	bool used;                /* by the filter that is being read */
};

/* Names that were resolved, so that one name is the same addresses throughout. */
struct resolved {
	const char *name;
	struct ip_list list;
};

struct loader {
	struct json_document document;
	const struct profile_options *options;
	struct diag *diag;
	size_t errors_before;       /* in diag, when it began */
	struct state *draft;        /* what the profile says, apart from everything else */
	struct location *location;  /* of the draft: where it goes */
	struct policy *policy;      /* of the draft */
	const struct json *lists, *actions, *config;
	bool lost;                  /* a list or action had faults, so that a rule may look for it in vain */
	struct variable *variables;
	size_t variable_count;
	bool in_filter;             /* a list may be used here */
	struct resolved *resolved;
	size_t resolved_count, resolved_capacity;
};

static inline bool loader_failed(const struct loader *loader)
{
	return loader->diag->errors > loader->errors_before;
}
static inline bool loader_full(const struct loader *loader)
{
	return loader->diag->errors >= loader->errors_before + PROFILE_ERRORS;
}

/* profile_variables.c: declarations and what is set; substitution of ${NAME} in a string. */
void variables_read(struct loader *loader, const struct json *node);
/* The text with its variables put in, in the draft's arena; NULL with a message. */
const char *variables_text(struct loader *loader, const struct json *node);
/* The variable of that name, NULL with a message that the node names none. */
struct variable *variables_find(struct loader *loader, const struct json *node, const char *name, size_t length);
bool variables_mentioned(const char *text); /* has a ${NAME} in it */

/* profile_read.c: members of objects by a table. */
struct member {
	const char *key;
	unsigned types;    /* of enum json_type */
	bool required;
	void (*read)(struct loader *loader, const struct json *value, void *object);
};
/* The rows end with one without a key.  Whether it is an object with those keys, of those types, and says what
 * is wrong; the second reads those that are right as well. */
bool members_check(struct loader *loader, const struct json *node, const struct member members[]);
void members_read(struct loader *loader, const struct json *node, const struct member members[], void *object);
const struct json *member_find(const struct json *node, const char *key);
bool type_check(struct loader *loader, const struct json *value, unsigned types);
/* A whole number of a range: a number, or a string that a variable makes one. */
bool number_read(struct loader *loader, const struct json *value, uint64_t least, uint64_t most, uint64_t *ret_number);
void profile_read(struct loader *loader, const struct json *root);

/* profile_filter.c: one filter as it is written becomes one or many; they go to the end of the list. */
void profile_filter_read(struct loader *loader, const struct json *node, struct filterlist *list);
/* Whether a text can be a DNS name (and is not an address with a slip in it). */
bool dns_name_check(const char *text);

/* profile_merge.c: the draft into the state. */
int profile_merge(struct loader *loader, struct state *state, struct policy **ret_policy);

#endif
