/* The tags of a filter (srcaddr, dstaddr, masks, protocol, ports, mirrored), which `add filter`, `delete
 * filter` and the dynamic rules share.  In filter.c. */
#ifndef CORDON_BOOTCFG_NETSH_FILTERSPEC_H
#define CORDON_BOOTCFG_NETSH_FILTERSPEC_H

#include "bootcfg/netsh/session.h"

/* Makes call->filter of the tags; names are not resolved yet.  ERROR_INPUT with a message. */
int filterspec_check(struct call *call);

/* Calls `each` with every filter that they stand for: one, or more when names have several addresses.  Texts
 * are in the arena of the state. */
int filterspec_each(struct call *call, int (*each)(struct call *call, const struct filter *filter, void *context),
		    void *context);

/* Whether a filter is one that the given tags describe. */
bool filterspec_matches(const struct call *call, const struct filter *filter);

#endif
