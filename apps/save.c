/* cordon save: a policy out of the store, as a profile. */
#include <string.h>

#include "apps/command.h"
#include "apps/file.h"
#include "apps/moment.h"
#include "apps/visit.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/store/profile.h"

static const struct option save_options[] = {
	{.name = "policy", .argument = "NAME", .required = true, .help = "the policy"},
	{.name = "output", .letter = 'O', .argument = "FILE", .kind = VALUE_FILE,
	 .help = "write it there (mode 0600: keys may be in it) instead of standard output"},
	{.name = "at", .argument = "TIME", .help = "the policy as it was then: 2026-11-21T10:00:00Z, \"2026-11-21 10:00\", 2h (ago)"},
	{.name = NULL},
};

static const char *const save_examples[] = {
	"cordon --store policy.db save --policy web -O web.json",
	"writes the policy web to the file web.json",
	"cordon --store policy.db save --policy web --at 1s",
	"prints it as it was a second ago",
	NULL,
};

enum { PROFILE_MOST = 1u << 30 };

static struct policy *policy_find(struct state *state, enum location_id id, const char *name)
{
	return (struct policy *)collection_find(&state->locations[id].policies, name);
}

/* Where else it is, or what it might be called. */
static void missing_say(struct invocation *invocation, struct state *state, const char *name)
{
	enum { NAMES_MOST = 1000 };
	const struct collection *policies = &state->locations[invocation->location].policies;
	const char *names[NAMES_MOST + 1];
	size_t count = 0;
	for (; count < policies->count && count < NAMES_MOST; count++)
		names[count] = policies->items[count]->name;
	names[count] = NULL;
	const char *nearest = word_nearest(name, strlen(name), names);
	diag_error(invocation->diag, NULL, "no policy %s in the %s store%s%s%s", QUOTE(name),
		   location_name(invocation->location), nearest != NULL ? "; did you mean " : "",
		   nearest != NULL ? QUOTE(nearest) : "", nearest != NULL ? "?" : "");
	for (enum location_id id = 0; id < LOCATION_COUNT; id++)
		if (id != invocation->location && policy_find(state, id, name) != NULL)
			diag_note(invocation->diag, NULL, "the %s store has it: --location %s", location_name(id), location_name(id));
}

static int policy_save(struct invocation *invocation, struct state *state)
{
	const char *name = invocation_option(invocation, "policy");
	const struct policy *policy = policy_find(state, invocation->location, name);
	if (policy == NULL) {
		missing_say(invocation, state, name);
		return EXIT_INPUT;
	}
	struct buffer text;
	buffer_init(&text, PROFILE_MOST);
	profile_save(state, &state->locations[invocation->location], policy, &text);
	int code = file_deliver(invocation, &text);
	buffer_done(&text);
	return code;
}

static int save_run(struct invocation *invocation)
{
	struct visit visit = {.invocation = invocation};
	int64_t at;
	int error = moment_option(invocation, &at);
	if (error == 0)
		error = visit_read(invocation, at, &visit);
	int code = error == 0 ? policy_save(invocation, visit.state) : error_exit(error);
	visit_done(&visit);
	return code;
}

const struct command save_command = {
	.name = "save",
	.arguments = "",
	.help = "write a policy of the store as a profile",
	.details = "Prints the policy with its lists and actions as JSON, in the form that cordon load reads; the file is written "
		   "beside its place and renamed. What is loaded and saved again is the same policy.",
	.options = save_options,
	.examples = save_examples,
	.run = save_run,
};
