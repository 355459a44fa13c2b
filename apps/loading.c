#include "apps/loading.h"

#include <string.h>
#include <unistd.h>

#include "apps/options.h"
#include "apps/shipped.h"
#include "bootcfg/host.h"
#include "bootcfg/netsh/netsh.h"
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

/* JSON starts with a brace; no script does. */
static bool is_json(const struct buffer *bytes)
{
	const char *text = buffer_text(bytes);
	size_t at = bytes->length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
	at += strspn(text + at, " \t\r\n");
	return text[at] == '{';
}

static int script_run(struct invocation *invocation, struct state *state, const char *file, const struct buffer *bytes)
{
	struct netsh_options options = {.location = invocation->location, .resolve = host_resolve};
	struct netsh_result result;
	struct profile_variable *pairs;
	struct buffer output;
	int error = options_pairs(invocation, "set", state->arena, &pairs, &options.variable_count);
	if (error < 0)
		return error;
	struct netsh_variable *variables = arena_alloc(state->arena, (options.variable_count + 1) * sizeof(*variables));
	for (size_t i = 0; i < options.variable_count; i++)
		variables[i] = (struct netsh_variable){pairs[i].name, pairs[i].value};
	options.variables = variables;
	buffer_init(&output, 1u << 30);
	error = netsh_run_script(state, buffer_text(bytes), bytes->length, file, &options, invocation->diag, &output, &result);
	buffer_done(&output);
	return error;
}

int loading_any(struct invocation *invocation, struct state *state, const char *argument)
{
	struct arena *arena = arena_new();
	struct buffer bytes;
	struct loaded loaded;
	const char *path;
	int error = shipped_read(arena, argument, invocation->diag, &path, &bytes);
	if (error == 0 && is_json(&bytes))
		error = loading_bytes(invocation, state, path, &bytes, true, &loaded);
	else if (error == 0)
		error = script_run(invocation, state, path, &bytes);
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
