/* cordon export: the store in the form of another system. */
#include <string.h>

#include "apps/command.h"
#include "apps/file.h"
#include "apps/visit.h"
#include "bootcfg/target/target.h"
#include "core/base/error.h"

static const char *target_at(size_t index)
{
	return targets[index].name;
}
VALUES_DEFINE(os_at, "2003", "2008", "2016+")

static const struct option export_options[] = {
	{.name = "to", .argument = "TARGET", .required = true, .value_at = target_at, .help = "the form"},
	{.name = "os", .argument = "2003|2008|2016+", .value_at = os_at,
	 .help = "the Windows it is for (default 2003); what that lacks becomes a comment and a warning"},
	{.name = "output", .letter = 'O', .argument = "FILE", .kind = VALUE_FILE,
	 .help = "write it there (mode 0600: keys may be in it) instead of standard output"},
	{.name = NULL},
};

static const char *const export_examples[] = {
	"cordon --store policy.db export --to cmd -O lockdown.cmd",
	"writes a batch file that sets the same policy on a Windows machine",
	"cordon --store policy.db export --to nftables",
	"prints the ruleset of this host as text that nft -c -f accepts",
	NULL,
};

enum { EXPORT_MOST = 1u << 30 };

static enum windows windows_find(const char *os)
{
	static const struct {
		const char *name;
		enum windows windows;
	} rows[] = {{"2003", WINDOWS_2003}, {"2008", WINDOWS_2008}, {"2016+", WINDOWS_2016}};
	for (size_t i = 0; os != NULL && i < ARRAY_LENGTH(rows); i++)
		if (strcmp(rows[i].name, os) == 0)
			return rows[i].windows;
	return WINDOWS_2003;
}

static int export_run(struct invocation *invocation)
{
	const struct target *target = target_find(invocation_option(invocation, "to"));
	struct visit visit;
	struct host host;
	struct buffer text;
	host_init(&host);
	buffer_init(&text, EXPORT_MOST);
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		error = facts_read(invocation, NULL, &host);
	if (error == 0) {
		struct target_options options = {
			.windows = windows_find(invocation_option(invocation, "os")),
			.host = &host,
		};
		error = target->write(visit.state, &options, invocation->diag, &text);
	}
	int code = error == 0 ? file_deliver(invocation, &text) : error_exit(error);
	buffer_done(&text);
	host_done(&host);
	visit_done(&visit);
	return code;
}

const struct command export_command = {
	.name = "export",
	.arguments = "",
	.help = "write the store in the form of another system",
	.details = "The batch file and the netsh script start from a clean slate, then set the properties, policies, actions, "
		   "lists, filters and rules of both locations, and assign. Text for nftables is made with the facts of this host.",
	.options = export_options,
	.examples = export_examples,
	.run = export_run,
};
