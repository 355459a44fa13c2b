/* cordon apply: what is assigned, into the kernel. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/changes.h"
#include "apps/command.h"
#include "apps/containment.h"
#include "apps/emit.h"
#include "apps/force.h"
#include "apps/guard.h"
#include "apps/journal.h"
#include "apps/loading.h"
#include "apps/session.h"
#include "apps/cut.h"
#include "apps/visit.h"
#include "bootcfg/daemon/settings.h"
#include "bootcfg/boot/bootfile.h"
#include "core/analysis/lint.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static const struct option apply_options[] = {
	SET_OPTION,
	CONTAINMENT_OPTIONS,
	{.name = "confirm", .argument = "SECONDS", .help = "all goes back unless `cordon confirm` comes in time, from a new connection"},
	{.name = "for", .argument = "TIME", .help = "all goes back after this time: 90s, 30m, 2h, 1d"},
	{.name = "dry-run", .help = "print what would change, and change nothing"},
	{.name = "observe", .help = "count and log what would be dropped, and drop nothing"},
	{.name = "force", .help = "apply even what cuts the session that you sit at"},
	{.name = NULL},
};

static const char *const apply_examples[] = {
	"cordon apply --dry-run",
	"says which filters would be added, removed and changed",
	"cordon apply web-server --confirm 120",
	"all goes back unless `cordon confirm` comes within two minutes, from a new connection",
	NULL,
};

enum {
	CONFIRM_LEAST = 1, CONFIRM_SHORT = 10, CONFIRM_MOST = 86400, /* seconds */
	FOR_MOST = 366 * 86400,
	PROBE_SECONDS = 120, /* for probes without --confirm: within it they have worked, or all goes back */
};

/* How there is a way back from it. */
struct wayback {
	int64_t confirm;        /* seconds, 0: none */
	int64_t until;          /* seconds of --for, 0: none */
	bool probes;            /* --probe, --forbid, or an --agent whose servers are asked */
	bool former_known;
	struct former former;
	struct guard guard;
	struct pending pending;
};

/* What a run of apply works with. */
struct application {
	struct invocation *invocation;
	struct visit visit;
	struct judge judge;
	struct nftables_options options;
	struct containment *containment;
	struct session session;
	struct wayback back;
	struct given *given;    /* the invocation's own, while --agent's values stand beside them */
	size_t given_count;
	bool dry;
	bool extends;           /* --name, --allow, --rules: the policy changes without a profile too */
};

static bool application_is_pending(const struct application *application)
{
	return application->back.confirm > 0 || application->back.until > 0 || application->back.probes;
}

/* --- What was asked for --- */

static int confirm_parse(struct application *application)
{
	struct invocation *invocation = application->invocation;
	const char *text = invocation_option(invocation, "confirm");
	uint64_t seconds;
	if (text == NULL)
		return 0;
	if (!number_parse(text, strlen(text), CONFIRM_MOST, &seconds) || seconds < CONFIRM_LEAST) {
		diag_error(invocation->diag, NULL, "--confirm %s: seconds until all goes back, from %d to %d, such as 120", QUOTE(text),
			   CONFIRM_LEAST, CONFIRM_MOST);
		return ERROR_INPUT;
	}
	if (seconds < CONFIRM_SHORT)
		diag_warning(invocation->diag, "short-confirm", NULL, "%u seconds are not enough for a person to open a new connection "
			     "and confirm", (unsigned)seconds);
	application->back.confirm = (int64_t)seconds;
	return 0;
}

static int until_parse(struct application *application)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 7 * 86400}};
	struct invocation *invocation = application->invocation;
	const char *text = invocation_option(invocation, "for");
	uint64_t number = 0;
	if (text == NULL)
		return 0;
	struct cursor cursor = cursor_text(text);
	if (cursor_number(&cursor, FOR_MOST, &number) && number > 0 && cursor_left(&cursor) == 1)
		for (size_t i = 0; i < ARRAY_LENGTH(units); i++)
			if (units[i].letter == *cursor.at && (int64_t)number * units[i].seconds <= FOR_MOST)
				application->back.until = (int64_t)number * units[i].seconds;
	if (application->back.until > 0)
		return 0;
	diag_error(invocation->diag, NULL, "--for %s: how long it is to last, a number and s, m, h, d or w, such as 90s, 30m, 2h or 1d, "
		   "at most 366d", QUOTE(text));
	return ERROR_INPUT;
}

static int application_parse(struct application *application)
{
	struct invocation *invocation = application->invocation;
	static const char *const extending[] = {"name", "allow", "rules"};
	application->options.observe = invocation_option(invocation, "observe") != NULL;
	application->options.nflog_group = settings_nfloggroup();
	application->dry = invocation_option(invocation, "dry-run") != NULL;
	for (size_t i = 0; i < ARRAY_LENGTH(extending); i++)
		application->extends |= invocation_option(invocation, extending[i]) != NULL;
	static const char *const with_profile[] = {"set", "agent"};
	for (size_t i = 0; i < ARRAY_LENGTH(with_profile); i++) {
		if (invocation->word_count > 0 || invocation_option(invocation, with_profile[i]) == NULL)
			continue;
		diag_error(invocation->diag, NULL, "--%s goes with a PROFILE", with_profile[i]);
		return ERROR_INPUT;
	}
	int error = confirm_parse(application);
	if (error == 0)
		error = until_parse(application);
	if (error == 0 && application->dry && (application->back.confirm > 0 || application->back.until > 0)) {
		diag_error(invocation->diag, NULL, "--dry-run changes nothing, so there is nothing to go back from: leave out %s",
			   application->back.confirm > 0 ? "--confirm" : "--for");
		error = ERROR_INPUT;
	}
	return error;
}

/* --- The way back, before anything is changed --- */

static int wayback_begin(struct application *application)
{
	struct invocation *invocation = application->invocation;
	struct wayback *back = &application->back;
	struct visit visit;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		error = store_pending_refuse(visit.store, invocation->diag);
	if (error == 0) {
		back->former_known = true;
		error = former_read(&visit, &back->former);
		if (error < 0)
			diag_note(invocation->diag, NULL, "--confirm, --for, --probe and --forbid need a running system whose rules can "
				  "be put back");
	}
	visit_done(&visit);
	struct pending_clock clock;
	pending_clock_read(&clock);
	int64_t seconds = back->confirm > 0 ? back->confirm : back->probes ? PROBE_SECONDS : back->until;
	return error == 0 ? guard_start(invocation, &back->former, clock.boottime + seconds * 1000, &back->guard) : error;
}

/* What the guard holds must still be what is in force. */
static int wayback_check(struct application *application)
{
	struct invocation *invocation = application->invocation;
	const struct former *former = &application->back.former;
	struct nftables_status status;
	int error = force_status(invocation, &status);
	if (error == 0 && (status.present != former->enforced ||
			   (status.present && (status.generation != former->generation || strcmp(status.digest, former->digest) != 0)))) {
		diag_error(invocation->diag, NULL, "another program has changed what is in force meanwhile; try again");
		error = ERROR_BUSY;
	}
	nftables_status_done(&status);
	return error;
}

static void wayback_fill(struct application *application)
{
	struct wayback *back = &application->back;
	struct pending *pending = &back->pending;
	struct pending_clock clock;
	pending_clock_read(&clock);
	former_note(&back->former, pending);
	bool waits = back->confirm > 0 || back->probes;
	int64_t seconds = back->confirm > 0 ? back->confirm : back->probes ? PROBE_SECONDS : back->until;
	pending->kind = waits ? PENDING_CONFIRM : PENDING_FOR;
	pending->deadline_boottime = clock.boottime + seconds * 1000;
	pending->deadline = clock.now + seconds;
	pending->until = waits && back->until > 0 ? clock.now + back->until : 0;
	pending->until_boottime = waits && back->until > 0 ? clock.boottime + back->until * 1000 : 0;
	pending->pid = back->guard.pid;
	pending->guard_start = back->guard.start;
	session_print(&application->session, pending->session);
}

/* --- The store as it would be --- */

/* What --agent says of a profile's variables, as if --set had said it. */
static void given_extend(struct application *application)
{
	struct invocation *invocation = application->invocation;
	const char *const *assignments = NULL;
	size_t count = containment_variables(application->containment, &assignments), at = 0;
	const struct option *set = apply_options;
	while (set->name != NULL && strcmp(set->name, "set") != 0)
		set++;
	application->given = memory_alloc((invocation->given_count + count + 1) * sizeof(*application->given));
	for (; at < invocation->given_count; at++)
		application->given[at] = invocation->given[at];
	for (size_t i = 0; i < count; i++)
		application->given[at++] = (struct given){.option = set, .value = assignments[i]};
	struct given *own = invocation->given;
	invocation->given = application->given;
	application->given = own;
	application->given_count = invocation->given_count;
	invocation->given_count = at;
}

static void given_restore(struct application *application)
{
	struct invocation *invocation = application->invocation;
	if (application->given == NULL)
		return;
	free(invocation->given);
	invocation->given = application->given;
	invocation->given_count = application->given_count;
	application->given = NULL;
}

/* As it is, or with the profile. */
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
	if (application->dry || (!profile && !application->extends && !application_is_pending(application)))
		error = visit_read(invocation, 0, &application->visit);
	else if (profile)
		return loading_begin(invocation, invocation->words[0], true, &application->visit, &loaded);
	else
		error = visit_begin(invocation, &application->visit);
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

static void assigned_say(const struct application *application, const char *mode)
{
	struct buffer *output = application->invocation->output;
	const struct state *state = application->visit.state;
	buffer_printf(output, "in force, mode %s%s:\n", mode, application->options.observe ? " (nothing is dropped)" : "");
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct policy *policy = location_assigned(&state->locations[i]);
		if (policy != NULL)
			buffer_printf(output, "    %s policy %s\n", location_name((enum location_id)i), QUOTE(policy->object.name));
		if (state->locations[i].dynrule_count > 0)
			buffer_printf(output, "    %zu dynamic rules\n", state->locations[i].dynrule_count);
	}
}

static void wayback_say(const struct application *application)
{
	struct buffer *output = application->invocation->output;
	const struct wayback *back = &application->back;
	char text[PENDING_TEXT];
	if (back->confirm > 0) {
		pending_print_left(back->confirm * 1000, text);
		buffer_printf(output, "all goes back in %s unless `cordon confirm` comes from a new connection or terminal; `cordon rollback` "
			      "takes it back at once\n", text);
	}
	if (back->until > 0) {
		pending_print_left(back->until * 1000, text);
		buffer_printf(output, "it ends by itself in %s%s\n", text, back->confirm > 0 ? ", if it is confirmed" : "");
	}
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
		if (application->back.confirm > 0)
			emit_number(output, "confirm_within", (uint64_t)application->back.confirm);
		if (application->back.until > 0)
			emit_number(output, "ends_after", (uint64_t)application->back.until);
		buffer_add_text(output, "}\n");
		return;
	}
	if (invocation->quiet)
		return;
	if (!state_assigned(state))
		buffer_add_text(output, "nothing is assigned: every packet passes\n");
	else
		assigned_say(application, mode);
	wayback_say(application);
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

/* --- The whole --- */

/* From the commit to the guard's word nothing is to come between: a session that is cut sends SIGHUP. */
static int application_commit(struct application *application, const char *command)
{
	struct wayback *back = &application->back;
	bool store_changes = application->invocation->word_count > 0 || application->extends;
	sigset_t set, before;
	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGQUIT);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, &before);
	int error;
	if (application_is_pending(application)) {
		wayback_fill(application);
		error = wayback_check(application);
		if (error == 0)
			error = force_apply_pending(&application->visit, &application->judge, &application->options, command, &back->pending);
		if (error == 0)
			guard_arm(&back->guard);
	} else {
		error = force_apply(&application->visit, &application->judge, &application->options, store_changes ? command : NULL);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	return error;
}

/* Up to where something changes. */
static int application_prepare(struct application *application)
{
	struct invocation *invocation = application->invocation;
	int error = application_parse(application);
	if (error == 0)
		error = containment_open(invocation, &application->containment);
	application->back.probes = error == 0 && containment_probes(application->containment);
	if (error == 0 && !application->dry)
		error = former_settle(invocation);
	if (error == 0 && !application->dry && application_is_pending(application))
		error = wayback_begin(application);
	if (error < 0)
		return error;
	/* What was said until now is not to be lost when a new store is tried first. */
	struct diag said;
	diag_init(&said);
	diag_move(&said, invocation->diag);
	given_extend(application);
	error = application_open(application);
	given_restore(application);
	diag_move(&said, invocation->diag);
	diag_move(invocation->diag, &said);
	diag_done(&said);
	if (error == 0)
		error = containment_extend(application->containment, application->visit.state, invocation->diag);
	if (error == 0)
		error = application_check(application);
	if (error == 0)
		session_find(&application->session);
	/* Observing drops nothing, and so cuts nothing. */
	if (error == 0 && !application->options.observe)
		error = containment_check(application->containment, &application->judge, invocation->diag);
	if (error == 0 && !application->options.observe)
		error = session_cut_check(application->invocation, &application->session, &application->judge,
					  application->back.confirm > 0 || application->dry ||
						  invocation_option(application->invocation, "force") != NULL,
					  "apply with --confirm SECONDS, which brings the old state back unless a new connection "
					  "confirms, or with --force");
	return error;
}

/* Ends the waiting that was for the probes only. */
static int probes_confirm(struct application *application)
{
	struct visit visit;
	struct invocation *invocation = application->invocation;
	struct bootfile_change *change = NULL;
	int error = visit_begin(invocation, &visit);
	if (error == 0)
		error = force_boot_stage(&visit, &change);
	if (error == 0)
		error = store_confirm(visit.store, "apply: what was probed is as it must be", invocation->diag);
	if (error == 0) {
		guard_wake(&application->back.pending);
		error = bootfile_publish(change, invocation->diag);
	} else {
		bootfile_discard(change);
	}
	visit_done(&visit);
	return error;
}

/* Does what must work work, and nothing that must not?  Otherwise all goes back.  An exit code. */
static int application_probe(struct application *application)
{
	struct invocation *invocation = application->invocation;
	struct wayback *back = &application->back;
	if (!back->probes)
		return EXIT_DONE;
	visit_done(&application->visit); /* the store is free for who takes it back */
	int code = containment_probe(application->containment, invocation->diag, invocation->output);
	if (code == EXIT_DONE) {
		if (back->confirm > 0)
			return EXIT_DONE;
		return error_exit(probes_confirm(application));
	}
	struct pending pending;
	int error = former_rollback(invocation, "apply: a probe failed", &pending);
	if (error == 0)
		diag_note(invocation->diag, NULL, "all is as it was before: change %" PRId64 " was taken back", pending.after);
	return error == 0 || error == ERROR_NOT_FOUND ? code : error_exit(error);
}

static void application_done(struct application *application)
{
	/* Without a word: the guard looks whether anything is to be taken back. */
	if (application->back.guard.fd >= 0)
		close(application->back.guard.fd);
	judge_done(&application->judge);
	visit_done(&application->visit);
	if (application->back.former_known)
		former_done(&application->back.former);
	containment_free(application->containment);
}

/* In place of what is in force. */
static void returned_say(struct invocation *invocation)
{
	buffer_clear(invocation->output);
	if (invocation->json)
		buffer_add_text(invocation->output, "{\"rolled_back\": true}\n");
	else if (!invocation->quiet)
		buffer_add_text(invocation->output, "taken back: a probe was not as it must be, and what was in force before is in force again\n");
}

static int apply_run(struct invocation *invocation)
{
	struct application application = {.invocation = invocation, .back.guard.fd = -1};
	struct buffer command;
	buffer_init(&command, 1u << 24);
	host_init(&application.judge.host);
	journal_print(invocation, &command);
	int error = application_prepare(&application);
	if (error == 0 && application.dry)
		plan_say(&application);
	else if (error < 0)
		guard_dismiss(&application.back.guard);
	else
		error = application_commit(&application, buffer_text(&command));
	int code = error_exit(error);
	if (error == 0 && !application.dry) {
		invocation->changed = true;
		/* What is said is how it ended: a probe may take it all back. */
		struct buffer seen, *output = invocation->output;
		buffer_init(&seen, 1u << 20);
		applied_say(&application);
		struct buffer said = *output;
		*output = seen;
		code = application_probe(&application);
		seen = *output;
		*output = said;
		if (code == EXIT_FINDING)
			returned_say(invocation);
		buffer_add(output, buffer_text(&seen), seen.length);
		buffer_done(&seen);
		if (code == EXIT_DONE)
			containment_notify(application.containment, invocation->diag);
	}
	application_done(&application);
	buffer_done(&command);
	return code;
}

const struct command apply_command = {
	.name = "apply",
	.arguments = "[PROFILE]",
	.help = "put what is assigned into force in the kernel",
	.details = "Makes the ruleset of the assigned policies with the facts of this host and puts it into the kernel's nftables in "
		   "one step: no packet is judged by neither or by half of it. With PROFILE that is loaded and assigned first, in the "
		   "same change: store and kernel both have it, or neither has.\n\n"
		   "With --confirm the old state returns unless `cordon confirm` comes in time, from a new connection or terminal: "
		   "also when cordon, its service or the machine dies in between. Until then the boot file stays the old one, and "
		   "nothing else can be changed. With --for what is applied ends by itself; with both it is confirmed first. With "
		   "--probe and --forbid all goes back at once, with exit code 1, when what must work does not, or what must not "
		   "does.\n\n"
		   "A policy that would cut the session that you sit at is refused without --confirm or --force.\n\n"
		   "A policy with rules that negotiate, have a tunnel, or a conntype other than all is refused: nothing enforces "
		   "those yet. The rules of other tables are never touched.",
	.options = apply_options,
	.examples = apply_examples,
	.most = 1,
	.words = VALUE_PROFILE,
	.run = apply_run,
};
