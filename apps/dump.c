/* cordon dump: the store as a script. */
#include "apps/command.h"
#include "apps/visit.h"
#include "bootcfg/netsh/netsh.h"
#include "core/base/error.h"

static const char *const dump_examples[] = {
	"cordon --store policy.db dump",
	"prints the whole store as a netsh script",
	"cordon --store policy.db dump | cordon --store copy.db netsh -f -",
	"copies one store into another",
	NULL,
};

static int dump_run(struct invocation *invocation)
{
	struct visit visit;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		netsh_dump(visit.state, invocation->output);
	visit_done(&visit);
	return error_exit(error);
}

const struct command dump_command = {
	.name = "dump",
	.arguments = "",
	.help = "print the whole store as a netsh script that recreates it",
	.details = "The script holds all locations and the settings. Run on an empty store with cordon netsh -f it recreates the "
		   "store; dumped again, it is the same script. Pre-shared keys are in it.",
	.examples = dump_examples,
	.run = dump_run,
};
