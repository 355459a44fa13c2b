/* cordon rollback: what is pending, taken back at once. */
#include <inttypes.h>

#include "apps/command.h"
#include "apps/emit.h"
#include "apps/former.h"
#include "apps/journal.h"
#include "core/base/error.h"

static const char *const rollback_examples[] = {
	"cordon rollback",
	"takes back what `cordon apply --confirm` or `--for` has applied, without waiting for its time",
	"cordon rollback --json",
	"the same, and says as JSON what was taken back",
	NULL,
};

static int rollback_run(struct invocation *invocation)
{
	struct pending pending;
	struct buffer command;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	int error = former_rollback(invocation, buffer_text(&command), &pending);
	if (error == 0 && invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_number(invocation->output, "change", (uint64_t)pending.after);
		emit_number(invocation->output, "back_to", (uint64_t)pending.before);
		emit_flag(invocation->output, "in_force", pending.enforced);
		buffer_add_text(invocation->output, "}\n");
	} else if (error == 0 && !invocation->quiet) {
		buffer_printf(invocation->output, "change %" PRId64 " is taken back: the store is as after change %" PRId64 ", %s\n",
			      pending.after, pending.before, pending.enforced ? "and what was in force before is in force again"
									       : "and nothing is in force, as before");
	}
	buffer_done(&command);
	return error_exit(error);
}

const struct command rollback_command = {
	.name = "rollback",
	.arguments = "",
	.help = "take back at once what waits for a confirmation, or for its time to end",
	.details = "Store and kernel are as they were before `cordon apply --confirm` or `--for`, and so is the boot file. From any "
		   "terminal. Exit code 2 when nothing is pending.",
	.examples = rollback_examples,
	.run = rollback_run,
};
