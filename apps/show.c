/* cordon show: what the store holds, as netsh shows it, and its history. */
#include <string.h>

#include "apps/command.h"
#include "apps/emit.h"
#include "apps/moment.h"
#include "apps/options.h"
#include "apps/visit.h"
#include "apps/terminal.h"
#include "bootcfg/netsh/netsh.h"
#include "core/base/error.h"

VALUES_DEFINE(show_at, "all", "policy", "rule", "filterlist", "filteraction", "store", "config", "history")

static const struct option show_options[] = {
	{.name = "at", .argument = "TIME", .help = "the store as it was then: 2026-11-21T10:00:00Z, \"2026-11-21 10:00\", 2h (ago)"},
	{.name = NULL},
};

static const char *const show_examples[] = {
	"cordon --store policy.db show filterlist web",
	"shows the filters of one list",
	"cordon --store policy.db show history --json",
	"shows who changed what and when, as JSON",
	NULL,
};

static void history_line(struct invocation *invocation, const struct history *line, bool first)
{
	struct buffer *output = invocation->output;
	char time[MOMENT_TEXT];
	moment_print(line->time, time);
	if (invocation->json) {
		buffer_add_text(output, first ? "{" : ",\n {");
		emit_number(output, "number", (uint64_t)line->number);
		emit_member(output, "time", time);
		emit_member(output, "user", line->user);
		emit_number(output, "uid", line->uid);
		emit_member(output, "command", line->command);
		emit_member(output, "digest", line->digest);
		emit_member(output, "changes", line->changes);
		buffer_add_char(output, '}');
		return;
	}
	buffer_printf(output, "%lld  %s  %s  %.12s\n    %s\n", (long long)line->number, time, line->user, line->digest,
		      line->command);
	if (line->changes[0] != '\0')
		buffer_printf(output, "    %s\n", line->changes);
}

/* With --at, the lines up to then. */
static int history_print(struct invocation *invocation, struct store *store, int64_t at)
{
	struct arena *arena = arena_new();
	struct history *lines = NULL;
	size_t count = 0;
	int error = store_history(store, arena, invocation->diag, &lines, &count);
	if (error == 0) {
		if (invocation->json)
			buffer_add_char(invocation->output, '[');
		for (size_t i = 0; i < count && (at == 0 || lines[i].time <= at); i++)
			history_line(invocation, &lines[i], i == 0);
		if (invocation->json)
			buffer_add_text(invocation->output, "]\n");
	}
	arena_free(arena);
	return error_exit(error);
}

static int what_check(struct invocation *invocation, const char *what)
{
	for (size_t i = 0; show_at(i) != NULL; i++)
		if (strcmp(show_at(i), what) == 0)
			return 0;
	struct buffer nearest;
	buffer_init(&nearest, 4096);
	diag_error(invocation->diag, NULL, "cannot show %s: it is one of all, policy, rule, filterlist, filteraction, store, "
		   "config, history%s", QUOTE(what), nearest_words(what, show_at, &nearest));
	buffer_done(&nearest);
	return ERROR_INPUT;
}

static int show_run(struct invocation *invocation)
{
	const char *what = invocation->word_count > 0 ? invocation->words[0] : "all";
	const char *name = invocation->word_count > 1 ? invocation->words[1] : NULL;
	struct visit visit = {.invocation = invocation};
	int64_t at;
	int error = what_check(invocation, what);
	if (error == 0)
		error = moment_option(invocation, &at);
	if (error == 0)
		error = visit_read(invocation, at, &visit);
	int code = error_exit(error);
	if (error == 0 && strcmp(what, "history") == 0) {
		code = history_print(invocation, visit.store, at);
	} else if (error == 0) {
		struct netsh_options options = {
			.location = invocation->location,
			.json = invocation->json,
			.width = terminal_width(),
			.store_name = invocation->store,
		};
		code = error_exit(netsh_show(visit.state, invocation->location, what, name, &options, invocation->diag,
					     invocation->output));
	}
	visit_done(&visit);
	return code;
}

const struct command show_command = {
	.name = "show",
	.arguments = "[all|policy|rule|filterlist|filteraction|store|config|history] [NAME]",
	.help = "show what the store holds",
	.details = "Prints the fields of netsh in netsh's order; with --json one object with every tag under its netsh name. An "
		   "empty store is no error; a name that is not there is. history has a line for each change: its number, when, who, "
		   "the digest of what is assigned after it, the command, and what changed.",
	.options = show_options,
	.examples = show_examples,
	.most = 2,
	.word_at = show_at,
	.run = show_run,
};
