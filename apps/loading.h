/* A profile into a state, with the options of the command line: what load, lint and apply share. */
#ifndef CORDON_APPS_LOADING_H
#define CORDON_APPS_LOADING_H

#include "apps/command.h"
#include "apps/visit.h"

/* The option --set that they have. */
#define SET_OPTION                                                                                                     \
	{.name = "set", .argument = "NAME=VALUE", .repeats = true, .help = "the value of a variable of the profile"}

struct loaded {
	struct policy *policy; /* borrowed from the state */
	enum location_id location;
};

/* PROFILE as shipped_find takes it.  On error the state must be thrown away. */
int loading_profile(struct invocation *invocation, struct state *state, const char *profile, bool assign,
		    struct loaded *ret_loaded);

/* The same from the bytes of a file. */
int loading_bytes(struct invocation *invocation, struct state *state, const char *file, const struct buffer *bytes, bool assign,
		  struct loaded *ret_loaded);

/* A profile, which is assigned, or a netsh script (told apart by their content) into a state that is not a store's. */
int loading_any(struct invocation *invocation, struct state *state, const char *argument);

/* visit_begin and loading_profile; a profile that is refused makes no store.  visit_done in any case. */
int loading_begin(struct invocation *invocation, const char *profile, bool assign, struct visit *visit,
		  struct loaded *ret_loaded);

#endif
