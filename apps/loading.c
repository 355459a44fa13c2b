#include "apps/loading.h"

#include <unistd.h>

#include "apps/options.h"
#include "apps/shipped.h"
#include "bootcfg/host.h"
#include "core/store/profile.h"

int loading_bytes(struct invocation *invocation, struct state *state, const char *file, const struct buffer *bytes, bool assign,
		  struct loaded *ret_loaded)
{
	struct arena *arena = arena_new();
	struct profile_variable *variables;
	size_t count;
	int error = options_pairs(invocation, "set", arena, &variables, &count);
	if (error == 0) {
		struct profile_options options = {
			.variables = variables,
			.variable_count = count,
			.assign = assign,
			.has_location = invocation->has_location,
			.location = invocation->location,
			.resolve = host_resolve,
		};
		error = profile_load(state, buffer_text(bytes), bytes->length, file, &options, invocation->diag,
				     &ret_loaded->policy, &ret_loaded->location);
	}
	arena_free(arena);
	return error;
}

int loading_profile(struct invocation *invocation, struct state *state, const char *profile, bool assign,
		    struct loaded *ret_loaded)
{
	struct arena *arena = arena_new();
	struct buffer bytes;
	const char *path;
	int error = shipped_read(arena, profile, invocation->diag, &path, &bytes);
	if (error == 0)
		error = loading_bytes(invocation, state, path, &bytes, assign, ret_loaded);
	buffer_done(&bytes);
	arena_free(arena);
	return error;
}

/* Tried on the empty store that a missing file is. */
static int loading_try(struct invocation *invocation, const char *file, const struct buffer *bytes, bool assign)
{
	struct visit visit;
	struct loaded loaded;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		error = loading_bytes(invocation, visit.state, file, bytes, assign, &loaded);
	visit_done(&visit);
	if (error == 0)
		diag_clear(invocation->diag);
	return error;
}

int loading_begin(struct invocation *invocation, const char *profile, bool assign, struct visit *visit,
		  struct loaded *ret_loaded)
{
	struct arena *arena = arena_new();
	struct buffer bytes;
	const char *path;
	*visit = (struct visit){.invocation = invocation};
	int error = shipped_read(arena, profile, invocation->diag, &path, &bytes);
	if (error == 0 && access(invocation->store, F_OK) != 0)
		error = loading_try(invocation, path, &bytes, assign);
	if (error == 0)
		error = visit_begin(invocation, visit);
	if (error == 0)
		error = loading_bytes(invocation, visit->state, path, &bytes, assign, ret_loaded);
	buffer_done(&bytes);
	arena_free(arena);
	return error;
}
