/* Tells that the facts of the host may have changed: addresses, links and routes (rtnetlink), name servers (resolv.conf,
 * systemd-resolved), leases (dhclient, systemd-networkd).  What they are then, host_read says. */
#ifndef CORDON_BOOTCFG_DAEMON_FOLLOW_H
#define CORDON_BOOTCFG_DAEMON_FOLLOW_H

#include "bootcfg/daemon/loop.h"
#include "core/base/diag.h"

struct follow;

/* Listens to the network namespace of the caller.  changed is told each time, storms included: the caller gathers.
 * root: "" or a tree that holds the files.  ERROR_SYSTEM with a message. */
int follow_new(struct loop *loop, const char *root, void (*changed)(void *context), void *context, struct diag *diag,
	       struct follow **ret_follow);
void follow_free(struct follow *follow); /* NULL is fine */

#endif
