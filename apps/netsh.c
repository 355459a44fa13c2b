/* cordon netsh: netsh ipsec commands against the store, one change of it for all of them. */
#include "bootcfg/netsh/netsh.h"

#include <string.h>

#include "apps/command.h"
#include "apps/cut.h"
#include "apps/file.h"
#include "apps/journal.h"
#include "apps/options.h"
#include "apps/visit.h"
#include "apps/terminal.h"
#include "bootcfg/host.h"
#include "core/base/error.h"

static const struct option netsh_options_rows[] = {
	{.name = "file", .letter = 'f', .argument = "SCRIPT|-", .kind = VALUE_FILE,
	 .help = "run this script (- is standard input): netsh -f form, or a batch file when any command starts with netsh"},
	{.name = "keep-going", .help = "report a bad line and go on, as netsh does; good lines are kept"},
	FORCE_OPTION,
	{.name = "set", .argument = "VAR=VALUE", .repeats = true, .help = "value of %VAR% in a batch file; 1=VALUE is that of %1"},
	{.name = NULL},
};

static const char *const netsh_examples[] = {
	"cordon --store policy.db netsh ipsec static add policy name=lockdown assign=yes",
	"adds a policy to the store policy.db and assigns it",
	"cordon --store policy.db netsh -f lockdown.cmd",
	"runs a whole batch file as one change: one bad line, and nothing is changed",
	NULL,
};

/* One run of what was asked for, against one state. */
struct run {
	struct invocation *invocation;
	const struct buffer *script; /* NULL: the words */
	const char *file;
	struct netsh_options options;
	struct netsh_result result;
	bool resolved;               /* a name had to be resolved, which a look only does not need */
	bool looking;                /* first look: names are not resolved */
};

static int name_resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	struct run *run = context;
	run->resolved = true;
	return run->looking ? ERROR_INPUT : host_resolve(NULL, name, list, diag, place);
}

static int run_once(struct run *run, struct state *state)
{
	struct invocation *invocation = run->invocation;
	run->result = (struct netsh_result){0};
	if (run->script != NULL)
		return netsh_run_script(state, buffer_text(run->script), run->script->length, run->file, &run->options,
					invocation->diag, invocation->output, &run->result);
	return netsh_run_words(state, invocation->words, invocation->word_count, &run->options, invocation->diag,
			       invocation->output);
}

static int code_of(const struct run *run, int error)
{
	if (error < 0)
		return error_exit(error);
	return run->result.failed > 0 ? EXIT_FINDING : EXIT_DONE;
}

/* Commands that only show need no lock, no writable store, and make no file: so small jobs run on what was read
 * first, and again under the lock when they turn out to change something.  *ret_done tells whether they did not. */
static int look(struct run *run, bool *ret_done)
{
	struct visit visit;
	*ret_done = true;
	int error = visit_read(run->invocation, 0, &visit);
	if (error == 0) {
		run->looking = true;
		error = run_once(run, visit.state);
		run->looking = false;
		*ret_done = !run->resolved && (error < 0 || !state_differs(visit.state));
	}
	visit_done(&visit);
	return code_of(run, error);
}

static int change(struct run *run)
{
	struct invocation *invocation = run->invocation;
	struct visit visit;
	struct buffer command;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	int error = visit_begin(invocation, &visit);
	if (error == 0)
		error = run_once(run, visit.state);
	bool changed = error == 0 && state_differs(visit.state);
	if (changed)
		error = visit_commit_watched(&visit, buffer_text(&command));
	if (changed && error == 0)
		visit_warn(&visit);
	visit_done(&visit);
	buffer_done(&command);
	return code_of(run, error);
}

enum { LOOK_MOST = 64 * 1024 }; /* larger scripts change something, surely enough to go for the lock at once */

static int run_all(struct run *run)
{
	bool done = false;
	int code = EXIT_DONE;
	if (run->script == NULL || run->script->length <= LOOK_MOST) {
		code = look(run, &done);
		if (!done) {
			diag_clear(run->invocation->diag);
			buffer_clear(run->invocation->output);
		}
	}
	if (!done)
		code = change(run);
	if (code == EXIT_INPUT && run->script != NULL && !run->options.keep_going)
		diag_note(run->invocation->diag, NULL, "nothing was changed; with --keep-going bad lines are left out, as netsh does");
	if (run->invocation->verbose && run->script != NULL)
		diag_note(run->invocation->diag, NULL, "%zu commands, %zu refused; %zu lines of other programs were not run",
			  run->result.commands, run->result.failed, run->result.foreign);
	return code;
}

static int netsh_run(struct invocation *invocation)
{
	const char *file = invocation_option(invocation, "file");
	if ((file != NULL) == (invocation->word_count > 0)) {
		diag_error(invocation->diag, NULL, file != NULL
				? "-f and words: give a script or a command, not both"
				: "what to run is missing: -f SCRIPT, or the words of a command (cordon help netsh)");
		return EXIT_INPUT;
	}
	struct arena *arena = arena_new();
	struct profile_variable *pairs;
	size_t count;
	struct buffer script;
	buffer_init(&script, FILE_MOST);
	struct run run = {.invocation = invocation, .file = file};
	int error = options_pairs(invocation, "set", arena, &pairs, &count);
	if (error == 0 && file != NULL) {
		error = file_read(file, LINE_MOST, invocation->diag, &script);
		run.script = &script;
	}
	int code = error_exit(error);
	if (error == 0) {
		struct netsh_variable *variables = arena_alloc(arena, (count + 1) * sizeof(*variables));
		for (size_t i = 0; i < count; i++)
			variables[i] = (struct netsh_variable){pairs[i].name, pairs[i].value};
		run.options = (struct netsh_options){
			.location = invocation->location,
			.keep_going = invocation_option(invocation, "keep-going") != NULL,
			.json = invocation->json,
			.variables = variables,
			.variable_count = count,
			.resolve = name_resolve,
			.resolve_context = &run,
			.width = terminal_width(),
			.store_name = invocation->store,
		};
		code = run_all(&run);
	}
	buffer_done(&script);
	arena_free(arena);
	return code;
}

const struct command netsh_command = {
	.name = "netsh",
	.arguments = "[WORDS…]",
	.help = "run netsh ipsec commands against the store",
	.details = "Runs a script, or the one command given as words, in the language of Windows' netsh ipsec (static and "
		   "dynamic). The words netsh and ipsec at the front may be left out. Everything is one change of the store: when "
		   "one line is bad, nothing is changed and the exit code is 2. With --keep-going bad lines are reported and left "
		   "out; the exit code is 1 when there were any.\n\n"
		   "A script in which any command starts with netsh is a batch file (rem, ^, redirections, &, variables, for); any "
		   "other is in the form of netsh -f. Lines that call other programs are never run.\n\n"
		   "After a change the assigned policies are checked as by cordon lint.",
	.options = netsh_options_rows,
	.examples = netsh_examples,
	.raw = true,
	.most = WORDS_ANY,
	.run = netsh_run,
};
