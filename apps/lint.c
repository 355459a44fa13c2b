/* cordon lint: what is wrong with a policy, though it is well formed. */
#include "core/analysis/lint.h"

#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/emit.h"
#include "apps/loading.h"
#include "apps/visit.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const struct option lint_options[] = {
	{.name = "set", .argument = "NAME=VALUE", .repeats = true, .help = "the value of a variable of the profile or script"},
	{.name = "host", .argument = "FACTS.json", .kind = VALUE_FILE, .help = "with these facts of a host, not this machine's"},
	{.name = NULL},
};

static const char *const lint_examples[] = {
	"cordon --store policy.db lint",
	"checks what is assigned in the store",
	"cordon lint block-all",
	"checks a profile that comes with Cordon, without a store",
	NULL,
};

static int state_lint(struct invocation *invocation, const struct state *state)
{
	struct judge judge;
	int error = judge_init(&judge, invocation, state, MODE_SECURE, invocation_option(invocation, "host"), true);
	if (error == 0)
		lint_check(judge.ruleset, judge.classifier, invocation->diag);
	judge_done(&judge);
	return error;
}

/* What a script has not assigned is looked at all the same, one policy at a time. */
static int each_lint(struct invocation *invocation, struct state *state)
{
	bool any = state_assigned(state);
	int error = any ? state_lint(invocation, state) : 0;
	for (size_t i = 0; !any && i < LOCATION_COUNT; i++) {
		struct location *location = &state->locations[i];
		for (size_t j = 0; error == 0 && j < location->policies.count; j++) {
			struct policy *policy = (struct policy *)location->policies.items[j];
			location_assign(location, policy);
			error = state_lint(invocation, state);
			policy_unassign(policy);
		}
	}
	return error;
}

static int argument_lint(struct invocation *invocation, const char *argument)
{
	struct state *state = state_new();
	int error = loading_any(invocation, state, argument);
	if (error == 0)
		error = each_lint(invocation, state);
	state_free(state);
	return error;
}

static int store_lint(struct invocation *invocation)
{
	struct visit visit;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0 && !state_assigned(visit.state))
		diag_note(invocation->diag, NULL, "no policy is assigned in %s", invocation->store);
	else if (error == 0)
		error = state_lint(invocation, visit.state);
	visit_done(&visit);
	return error;
}

/* The packet that shows it stands in the text between backquotes. */
static void packet_emit(struct buffer *output, const char *text)
{
	const char *open = strchr(text, '`'), *close = open != NULL ? strchr(open + 1, '`') : NULL;
	if (close == NULL || memchr(open, '>', (size_t)(close - open)) == NULL)
		return;
	char *packet = memory_text_n(open + 1, (size_t)(close - open - 1));
	emit_member(output, "packet", packet);
	free(packet);
}

/* With --json the warnings are the result, and are not said again. */
static void warnings_print(struct invocation *invocation)
{
	struct buffer *output = invocation->output;
	const char *separator = "";
	buffer_add_char(output, '[');
	for (size_t i = 0; i < invocation->diag->count; i++) {
		const struct message *message = &invocation->diag->messages[i];
		if (message->severity != SEVERITY_WARNING)
			continue;
		buffer_printf(output, "%s{", separator);
		emit_member(output, "id", message->id);
		emit_member(output, "file", message->file);
		emit_number(output, "line", message->line);
		packet_emit(output, message->text);
		emit_member(output, "text", message->text);
		buffer_add_char(output, '}');
		separator = ",\n ";
	}
	buffer_add_text(output, "]\n");
	diag_clear(invocation->diag);
}

static int lint_run(struct invocation *invocation)
{
	int error = 0;
	if (invocation->word_count == 0)
		error = store_lint(invocation);
	for (size_t i = 0; i < invocation->word_count; i++) {
		int result = argument_lint(invocation, invocation->words[i]);
		if (error == 0)
			error = result;
	}
	if (invocation->json && error == 0)
		warnings_print(invocation);
	return error_exit(error);
}

const struct command lint_command = {
	.name = "lint",
	.arguments = "[PROFILE|SCRIPT…]",
	.help = "warn of what is wrong with a policy, though it is well formed",
	.details = "Checks what is assigned in the store, or the profiles and netsh scripts given, without changing anything. Each "
		   "warning has an id, a place and a packet that shows it: mirror-open, no-block-all, equal-weight, no-management, "
		   "exempt-public; and duplicate, me-to-me, no-server.\n\n"
		   "Warnings do not change the exit code: it is 0 however many there are, and 2 when a profile or script is bad. With "
		   "--json the warnings are printed as a list instead.",
	.options = lint_options,
	.examples = lint_examples,
	.most = WORDS_ANY,
	.words = VALUE_PROFILE,
	.run = lint_run,
};
