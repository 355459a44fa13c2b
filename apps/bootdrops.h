/* What the start-up rules have dropped, when a command takes their place: the service would write it down, and without
 * the service this does. */
#ifndef CORDON_APPS_BOOTDROPS_H
#define CORDON_APPS_BOOTDROPS_H

#include "bootcfg/target/nftables.h"
#include "core/base/diag.h"

/* The options with a before_clean that appends what was counted to the log of drops, as records with x-mode=boot, and
 * forgets nothing: the counts go with the rules, right after.  A log that cannot be written is a warning. */
struct nftables_options bootdrops_options(const struct nftables_options *options, struct diag *diag);

/* The same at once, for what takes the whole table away. */
void bootdrops_write(struct diag *diag);

#endif
