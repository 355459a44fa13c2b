/* cordon confirm: what was applied with --confirm stays. */
#include <inttypes.h>
#include <string.h>

#include "apps/command.h"
#include "apps/emit.h"
#include "apps/force.h"
#include "apps/guard.h"
#include "apps/journal.h"
#include "apps/session.h"
#include "bootcfg/boot/bootfile.h"
#include "core/base/error.h"

static const struct option confirm_options[] = {
	{.name = "keep", .help = "end the time of --for as well: what was applied stays until it is changed"},
	{.name = NULL},
};

static const char *const confirm_examples[] = {
	"cordon confirm",
	"from a new connection or terminal: what `cordon apply --confirm` has applied stays",
	"cordon confirm --keep",
	"the same, and it does not end when the time of --for is over either",
	NULL,
};

/* What there is to confirm, and whether this is who may. */
static int pending_check(struct visit *visit, bool keep, struct pending *ret_pending)
{
	struct diag *diag = visit->invocation->diag;
	struct pending_clock clock;
	struct session session;
	bool present = false;
	int error = store_pending(visit->store, diag, &present, ret_pending);
	if (error < 0)
		return error;
	pending_clock_read(&clock);
	if (!present) {
		diag_error(diag, NULL, "nothing waits for a confirmation");
		return ERROR_INPUT;
	}
	if (pending_left(ret_pending, &clock) == 0) {
		diag_error(diag, NULL, "change %" PRId64 " cannot be confirmed any more: its time is over, and it is being taken back",
			   ret_pending->after);
		return ERROR_INPUT;
	}
	if (ret_pending->kind == PENDING_FOR && !keep) {
		char left[PENDING_TEXT];
		pending_print_left(pending_left(ret_pending, &clock), left);
		diag_error(diag, NULL, "nothing waits for a confirmation: change %" PRId64 " ends by itself in %s; `cordon confirm "
			   "--keep` makes it stay, `cordon rollback` ends it now", ret_pending->after, left);
		return ERROR_INPUT;
	}
	session_find(&session);
	if (ret_pending->kind == PENDING_CONFIRM && session_same(&session, ret_pending->session)) {
		diag_error(diag, NULL, "this is the session that applied it, and it proves nothing about new ones: open a new "
			   "connection or terminal, and say `cordon confirm` there");
		return ERROR_INPUT;
	}
	return 0;
}

static void confirmed_say(struct invocation *invocation, const struct pending *pending, bool keep)
{
	bool goes_on = !keep && pending->until != 0;
	if (invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_number(invocation->output, "change", (uint64_t)pending->after);
		emit_flag(invocation->output, "ends_by_itself", goes_on);
		buffer_add_text(invocation->output, "}\n");
	} else if (!invocation->quiet) {
		buffer_printf(invocation->output, "change %" PRId64 " is confirmed: it stays%s\n", pending->after,
			      goes_on ? " until the time of --for is over" : "");
	}
}

static int confirm_run(struct invocation *invocation)
{
	bool keep = invocation_option(invocation, "keep") != NULL;
	struct visit visit = {.invocation = invocation};
	struct bootfile_change *change = NULL;
	struct pending pending;
	struct buffer command;
	int error = 0;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	if (!visit_store_exists(invocation)) {
		diag_error(invocation->diag, NULL, "nothing waits for a confirmation: there is no store %s", QUOTE(invocation->store));
		error = ERROR_INPUT;
	}
	if (error == 0)
		error = visit_begin(invocation, &visit);
	if (error == 0)
		error = pending_check(&visit, keep, &pending);
	/* From here on a boot is no way back any more. */
	if (error == 0)
		error = force_boot_stage(&visit, &change);
	if (error == 0)
		error = keep ? store_keep(visit.store, buffer_text(&command), invocation->diag)
			     : store_confirm(visit.store, buffer_text(&command), invocation->diag);
	if (error == 0) {
		invocation->changed = true;
		guard_wake(&pending);
		if (bootfile_publish(change, invocation->diag) < 0)
			diag_error(invocation->diag, NULL, "it is confirmed, but the boot file is the old one: `cordon boot install`");
		confirmed_say(invocation, &pending, keep);
	} else {
		bootfile_discard(change);
	}
	visit_done(&visit);
	buffer_done(&command);
	return error_exit(error);
}

const struct command confirm_command = {
	.name = "confirm",
	.arguments = "",
	.help = "keep what `cordon apply --confirm` has applied",
	.details = "From another connection or terminal than the one that applied: that a session which was open before still works "
		   "says nothing about new ones. Without it, what was in force before comes back when the time is over, and at the next "
		   "boot. From now on the boot file holds the new rules. What was applied with --for as well still ends by itself, "
		   "unless --keep is given. Exit code 2 when nothing waits.",
	.options = confirm_options,
	.examples = confirm_examples,
	.run = confirm_run,
};
