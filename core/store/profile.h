/* A profile: one policy with its lists and actions as JSON (profiles/profile.schema.json). */
#ifndef CORDON_STORE_PROFILE_H
#define CORDON_STORE_PROFILE_H

#include "core/base/diag.h"
#include "core/policy/host.h"
#include "core/policy/policy.h"

struct profile_variable {
	const char *name, *value;
};

struct profile_options {
	const struct profile_variable *variables; /* --set NAME=VALUE */
	size_t variable_count;
	bool assign;                              /* assign it whatever the profile says */
	bool has_location;                        /* put it there, not where the profile says */
	enum location_id location;
	/* Resolves a DNS name: appends addresses to the list; 0 or negative error with a message.  NULL: names are refused. */
	int (*resolve)(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place);
	void *resolve_context;
};

/* Reads a profile into the state, replacing the policy of that name, and the lists and actions that only that used.
 * One of them that another policy uses with other content is refused (ERROR_IN_USE).  What is the same already
 * stays untouched.  All or nothing: on error the state must be thrown away.  What `config` changes is said as a note a property.  ret_policy (may be NULL) is
 * the policy that was made, ret_location where. */
int profile_load(struct state *state, const char *text, size_t length, const char *file,
		 const struct profile_options *options, struct diag *diag, struct policy **ret_policy,
		 enum location_id *ret_location);

/* The policy as a profile: canonical JSON, two blanks of indent, LF. */
void profile_save(const struct state *state, const struct location *location, const struct policy *policy,
		  struct buffer *buffer);

#endif
