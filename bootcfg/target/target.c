#include "bootcfg/target/target.h"

#include "bootcfg/target/netsh.h"
#include "bootcfg/target/nftables.h"
#include "bootcfg/target/regfile.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static int nftables_write(const struct state *state, const struct target_options *options, struct diag *diag,
			  struct buffer *output)
{
	const struct nftables_options plain = {0};
	struct ruleset *ruleset;
	if (options->host == NULL) {
		diag_error(diag, NULL, "export to nftables needs the facts of a host");
		return ERROR_INPUT;
	}
	int error = ruleset_build(state, options->host, MODE_SECURE, diag, &ruleset);
	if (error < 0)
		return error;
	for (size_t i = 0; i < ruleset->origin_count; i++) {
		if (ruleset->origins[i].action == ACTION_NEGOTIATE) {
			diag_warning(diag, "negotiate", NULL, "nothing enforces negotiate yet: packets that should be secured are "
				     "dropped by these rules, and `cordon apply` refuses such a policy");
			break;
		}
	}
	nftables_print(ruleset, &plain, output);
	ruleset_free(ruleset);
	return 0;
}

const struct target targets[] = {
	{"netsh", "a script for `netsh -f` on Windows", netsh_write},
	{"cmd", "a batch file of netsh commands, which counts its errors", cmd_write},
	{"reg", "the settings as a registry file (Windows Registry Editor Version 5.00)", regfile_write},
	{"nftables", "the rules of this policy as text for `nft -f`", nftables_write},
	{NULL, NULL, NULL},
};

const struct target *target_find(const char *name)
{
	for (const struct target *target = targets; target->name != NULL; target++)
		if (ascii_equal(target->name, name))
			return target;
	return NULL;
}
