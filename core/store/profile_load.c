/* A profile into a state: read as JSON, made into a draft that stands alone, and only then merged. */
#include <stdlib.h>

#include "core/base/error.h"
#include "core/store/profile_internal.h"

int profile_load(struct state *state, const char *text, size_t length, const char *file,
		 const struct profile_options *options, struct diag *diag, struct policy **ret_policy,
		 enum location_id *ret_location)
{
	struct diag own;
	struct arena *arena = arena_new();
	struct json *root = NULL;
	struct policy *policy = NULL;
	static const struct profile_options none;
	diag_init(&own);
	struct loader loader = {
		.document = {.arena = arena, .file = file, .text = text, .length = length},
		.options = options != NULL ? options : &none,
		.diag = &own,
		.draft = state_new(),
	};
	int error = json_read(&loader.document, &own, &root);
	if (error == 0) {
		profile_read(&loader, root);
		error = loader_failed(&loader) ? ERROR_INPUT : 0;
	}
	if (error == 0)
		error = profile_merge(&loader, state, &policy);
	if (error == 0) {
		if (ret_policy != NULL)
			*ret_policy = policy;
		if (ret_location != NULL)
			*ret_location = loader.location->id;
	}
	for (size_t i = 0; i < loader.resolved_count; i++)
		free(loader.resolved[i].list.items);
	state_free(loader.draft);
	arena_free(arena);
	if (diag != NULL)
		diag_move(diag, &own);
	diag_done(&own);
	return error;
}
