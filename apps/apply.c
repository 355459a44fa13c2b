/* cordon apply: what is assigned, into the kernel. */
#include <string.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/force.h"
#include "apps/journal.h"
#include "apps/emit.h"
#include "apps/loading.h"
#include "apps/changes.h"
#include "apps/visit.h"
#include "core/analysis/lint.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const struct option apply_options[] = {
	SET_OPTION,
	{.name = "dry-run", .help = "print what would change, and change nothing"},
	{.name = "observe", .help = "count and log what would be dropped, and drop nothing"},
	{.name = NULL},
};

static const char *const apply_examples[] = {
	"cordon apply --dry-run",
	"says which filters would be added, removed and changed",
	"cordon apply web-server --observe",
	"loads a profile, assigns it, and counts what it would drop",
	NULL,
};

/* What a run of apply works with. */
struct application {
	struct invocation *invocation;
	struct visit visit;
	struct judge judge;
	struct nftables_options options;
	bool dry;
};

/* The store as it would be: as it is, or with the profile. */
static int application_open(struct application *application)
{
	struct invocation *invocation = application->invocation;
	struct loaded loaded;
	bool profile = invocation->word_count > 0;
	int error;
	if (!profile && !visit_store_exists(invocation)) {
		/* A path that is mistyped must not lift what is in force. */
		diag_error(invocation->diag, NULL, "there is no store %s, so there is nothing to apply; `cordon lift` takes the rules "
			   "out of the kernel", QUOTE(invocation->store));
		return ERROR_INPUT;
	}
	if (profile && !application->dry)
		return loading_begin(invocation, invocation->words[0], true, &application->visit, &loaded);
	error = visit_read(invocation, 0, &application->visit);
	if (error == 0 && profile)
		error = loading_profile(invocation, application->visit.state, invocation->words[0], true, &loaded);
	return error;
}

static size_t lines_count(const char *text, const char *word)
{
	size_t count = 0, length = strlen(word);
	for (const char *line = text; line != NULL && *line != '\0';) {
		while (ascii_blank(*line))
			line++;
		count += strncmp(line, word, length) == 0;
		line = strchr(line, '\n');
		line += line != NULL;
	}
	return count;
}

/* How large the kernel's form is: counted in its text, so that it cannot be wrong about it. */
static void kernel_say(const struct application *application, struct buffer *output, bool json)
{
	enum { TEXT_MOST = 1u << 30 };
	const struct ruleset *ruleset = application->judge.ruleset;
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	nftables_print(ruleset, &application->options, &text);
	size_t chains = lines_count(buffer_text(&text), "chain "), maps = lines_count(buffer_text(&text), "map ");
	buffer_done(&text);
	if (json) {
		emit_number(output, "chains", chains);
		emit_number(output, "maps", maps);
		emit_flag(output, "conntrack", ruleset->uses_reply);
		return;
	}
	buffer_printf(output, "kernel: %zu chains, %zu maps; connection tracking %s\n", chains, maps,
		      ruleset->uses_reply ? "is needed (a filter has replies=yes)" : "is not needed");
}

/* What is in force now; a kernel that may not be read is no reason not to plan. */
static void force_look(struct application *application, struct force *ret_force, bool *ret_known)
{
	struct diag said;
	diag_init(&said);
	struct diag *diag = application->invocation->diag;
	application->invocation->diag = &said;
	int error = force_read(&application->visit, ret_force);
	application->invocation->diag = diag;
	*ret_known = error == 0 && (!ret_force->status.present || ret_force->state != NULL);
	if (error < 0)
		diag_note(diag, NULL, "what is in force now could not be read (%s): the plan starts from nothing",
			  said.count > 0 ? said.messages[0].text : error_text(error));
	else if (!*ret_known)
		diag_note(diag, NULL, "what is in force now is not in the history of this store: the plan starts from nothing");
	diag_done(&said);
}

static void plan_say(struct application *application)
{
	struct invocation *invocation = application->invocation;
	struct buffer *output = invocation->output;
	struct force force;
	bool known;
	force_look(application, &force, &known);
	struct changes *changes = changes_new(known ? force.state : NULL, application->visit.state);
	const char *now = force.status.altered ? "altered rules of Cordon's" : !force.status.present ? "nothing" : force.status.observe ? "observe" : mode_name(force.status.mode);
	const char *then = application->options.observe ? "observe" : mode_name(MODE_SECURE);
	if (invocation->json) {
		buffer_add_char(output, '{');
		emit_member(output, "in_force", now);
		emit_member(output, "mode", then);
		changes_json(changes, output);
		kernel_say(application, output, true);
		buffer_add_text(output, "}\n");
	} else {
		enum { LINES_MOST = 200 };
		buffer_printf(output, "mode: %s (in force now: %s)\n", then, now);
		changes_print(changes, invocation->verbose ? 0 : LINES_MOST, output);
		kernel_say(application, output, false);
		buffer_add_text(output, "dry run: nothing was changed\n");
	}
	changes_free(changes);
	force_done(&force);
}

static void applied_say(const struct application *application)
{
	struct invocation *invocation = application->invocation;
	struct buffer *output = invocation->output;
	const struct state *state = application->visit.state;
	const char *mode = application->options.observe ? "observe" : mode_name(MODE_SECURE);
	if (invocation->json) {
		char digest[DIGEST_TEXT];
		state_digest(state, digest);
		buffer_add_char(output, '{');
		emit_member(output, "mode", mode);
		emit_member(output, "digest", digest);
		buffer_add_text(output, "}\n");
		return;
	}
	if (invocation->quiet)
		return;
	if (!state_assigned(state)) {
		buffer_add_text(output, "nothing is assigned: every packet passes\n");
		return;
	}
	buffer_printf(output, "in force, mode %s%s:\n", mode, application->options.observe ? " (nothing is dropped)" : "");
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct policy *policy = location_assigned(&state->locations[i]);
		if (policy != NULL)
			buffer_printf(output, "    %s policy %s\n", location_name((enum location_id)i), QUOTE(policy->object.name));
		if (state->locations[i].dynrule_count > 0)
			buffer_printf(output, "    %zu dynamic rules\n", state->locations[i].dynrule_count);
	}
}

/* Most who apply nothing have forgotten to assign what they have. */
static void unassigned_warn(const struct state *state, struct diag *diag)
{
	const struct collection *policies = &state->locations[LOCATION_LOCAL].policies;
	if (policies->count > 0)
		diag_warning(diag, "nothing-assigned", NULL, "no policy is assigned, so every packet is permitted; `cordon netsh ipsec "
			     "static set policy name=%s assign=yes` assigns one", QUOTE(policies->items[0]->name));
	else
		diag_warning(diag, "nothing-assigned", NULL, "no policy is assigned, so every packet is permitted");
}

/* Warnings are gathered first: there may be very many of one kind. */
static int application_check(struct application *application)
{
	struct invocation *invocation = application->invocation;
	const struct state *state = application->visit.state;
	int error = enforceable_check(state, invocation->diag);
	if (error < 0)
		return error;
	struct diag said, *diag = invocation->diag;
	diag_init(&said);
	invocation->diag = &said;
	error = judge_init(&application->judge, invocation, state, MODE_SECURE, NULL, true);
	if (error == 0 && !state_assigned(state))
		unassigned_warn(state, &said);
	else if (error == 0)
		lint_check(application->judge.ruleset, application->judge.classifier, &said);
	invocation->diag = diag;
	if (error == 0)
		warnings_move(invocation, &said);
	else
		diag_move(diag, &said);
	diag_done(&said);
	return error;
}

static int apply_run(struct invocation *invocation)
{
	struct application application = {
		.invocation = invocation,
		.options.observe = invocation_option(invocation, "observe") != NULL,
		.dry = invocation_option(invocation, "dry-run") != NULL,
	};
	if (invocation->word_count == 0 && invocation_option(invocation, "set") != NULL) {
		diag_error(invocation->diag, NULL, "--set goes with a PROFILE");
		return EXIT_INPUT;
	}
	struct buffer command;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	int error = application_open(&application);
	if (error == 0)
		error = application_check(&application);
	if (error == 0 && application.dry)
		plan_say(&application);
	else if (error == 0)
		error = force_apply(&application.visit, &application.judge, &application.options,
				    invocation->word_count > 0 ? buffer_text(&command) : NULL);
	if (error == 0 && !application.dry) {
		invocation->changed = true;
		applied_say(&application);
	}
	judge_done(&application.judge);
	visit_done(&application.visit);
	buffer_done(&command);
	return error_exit(error);
}

const struct command apply_command = {
	.name = "apply",
	.arguments = "[PROFILE]",
	.help = "put what is assigned into force in the kernel",
	.details = "Makes the ruleset of the assigned policies with the facts of this host and puts it into the kernel's nftables in "
		   "one step: no packet is judged by neither or by half of it. With PROFILE that is loaded and assigned first, in the "
		   "same change: store and kernel both have it, or neither has.\n\n"
		   "A policy with rules that negotiate, have a tunnel, or a conntype other than all is refused: nothing enforces "
		   "those yet. The rules of other tables are never touched.",
	.options = apply_options,
	.examples = apply_examples,
	.most = 1,
	.words = VALUE_PROFILE,
	.run = apply_run,
};
