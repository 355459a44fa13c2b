/* Connections that the kernel has tracked since before a policy came: what it remembers of them must not count as
 * answers now.  Read and deleted through ctnetlink; nothing is asked where nothing is tracked. */
#ifndef CORDON_BOOTCFG_TARGET_CONNTRACK_H
#define CORDON_BOOTCFG_TARGET_CONNTRACK_H

#include "core/base/diag.h"
#include "core/policy/packet.h"

/* Asks about the two directions of every tracked connection: [0] as it began, [1] its answer (`reply` is set), after
 * address translation where there is some; direction is 0, which the caller fills in.  What is not kept is deleted: the
 * next packet of it begins a new one, in its own direction.  *ret_deleted: how many (may be NULL).
 * ERROR_SYSTEM with a message when the kernel refuses; a kernel without connection tracking has none to delete. */
int conntrack_clean(bool (*keep)(const struct packet packets[2], void *context), void *context, struct diag *diag,
		    size_t *ret_deleted);

#endif
