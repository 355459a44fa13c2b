/* What `cordon export --to` can write: one row a target. */
#ifndef CORDON_BOOTCFG_TARGET_TARGET_H
#define CORDON_BOOTCFG_TARGET_TARGET_H

#include "core/base/diag.h"
#include "core/policy/ruleset.h"

enum windows { WINDOWS_2003, WINDOWS_2008, WINDOWS_2016 };

struct target_options {
	enum windows windows;
	const struct host *host; /* facts, for the targets that need them (nftables) */
};

struct target {
	const char *name; /* as after --to */
	const char *help;
	/* Appends the export; warnings about what the target cannot say go to diag. */
	int (*write)(const struct state *state, const struct target_options *options, struct diag *diag, struct buffer *output);
};

extern const struct target targets[]; /* ends with a row whose name is NULL */
const struct target *target_find(const char *name);

#endif
