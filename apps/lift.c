/* cordon lift: our rules out of the kernel. */
#include "apps/command.h"
#include "apps/force.h"
#include "apps/emit.h"
#include "core/base/error.h"

static const char *const lift_examples[] = {
	"cordon lift",
	"takes the containment away, until the next apply or boot",
	"cordon lift --json",
	"the same, and says as JSON whether anything was in force",
	NULL,
};

static int lift_run(struct invocation *invocation)
{
	struct nftables_status status;
	int error = force_status(invocation, &status);
	bool present = error == 0 && (status.present || status.altered);
	/* Also where nothing judges packets: what a killed apply has left behind goes too. */
	if (error == 0)
		error = nftables_lift(invocation->diag);
	invocation->changed |= error == 0;
	if (error == 0 && invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_flag(invocation->output, "was_in_force", present);
		buffer_add_text(invocation->output, "}\n");
	} else if (error == 0 && !invocation->quiet) {
		buffer_add_text(invocation->output, present
			? "lifted: Cordon permits every packet now\n"
			: "nothing was in force: Cordon permits every packet\n");
		buffer_add_text(invocation->output, "the store is as it was: the next cordon apply, or boot of a host on which "
						    "Cordon's service runs, puts what is assigned into force again\n");
	}
	nftables_status_done(&status);
	return error_exit(error);
}

const struct command lift_command = {
	.name = "lift",
	.arguments = "",
	.help = "take the rules out of the kernel: permit, until the next apply or boot",
	.details = "Removes the table inet cordon. The store stays as it is, and what is assigned in it is in force again with the "
		   "next apply. Other tables are not touched.",
	.examples = lift_examples,
	.run = lift_run,
};
