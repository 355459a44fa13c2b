/* cordon: finds the command in the table, runs it, and prints what it says. */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/confine.h"
#include "apps/help.h"
#include "apps/options.h"
#include "core/base/error.h"

enum { OUTPUT_MOST = 1u << 30 };

/* A closed standard descriptor would be given to the next file that is opened; and then a message would be
 * written into the store.  This one takes reads (the end at once) and refuses writes. */
static void descriptors_check(void)
{
	int descriptor;
	do
		descriptor = open("/dev/null", O_RDONLY);
	while (descriptor >= 0 && descriptor <= STDERR_FILENO);
	if (descriptor > STDERR_FILENO)
		(void)close(descriptor);
}

static int invocation_run(struct invocation *invocation)
{
	if (invocation->version) {
		buffer_add_text(invocation->output, "cordon " CORDON_VERSION "\n");
		return EXIT_DONE;
	}
	if (invocation->help) {
		help_print(invocation->command, invocation->output);
		return EXIT_DONE;
	}
	return invocation->command->run(invocation);
}

int main(int argc, char **argv)
{
	descriptors_check();
	(void)signal(SIGPIPE, SIG_IGN);
	/* A limit of file sizes is an error of a write. */
	(void)signal(SIGXFSZ, SIG_IGN);
	struct diag diag;
	struct buffer output;
	diag_init(&diag);
	buffer_init(&output, OUTPUT_MOST);
	struct invocation invocation = {.diag = &diag, .output = &output};
	int code = EXIT_INPUT;
	if (options_parse(&invocation, argc, argv) == 0)
		code = invocation_run(&invocation);
	(void)invocation_flush(&invocation);
	if (invocation.failed && invocation.changed) {
		diag_warning(&diag, "unsaid", NULL, "the change was made all the same; only what was to be said about it is lost");
		(void)invocation_flush(&invocation);
	} else if (invocation.failed) {
		code = EXIT_SYSTEM;
	}
	options_done(&invocation);
	buffer_done(&output);
	diag_done(&diag);
	confine_end();
	return code;
}
