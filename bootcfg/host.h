/* The facts of this machine: addresses and routes by netlink, name servers from resolv.conf (and systemd-resolved's
 * own file where that names the stub), DHCP and WINS servers from the leases of dhclient and systemd-networkd. */
#ifndef CORDON_BOOTCFG_HOST_H
#define CORDON_BOOTCFG_HOST_H

#include "core/base/diag.h"
#include "core/policy/host.h"

/* root is "" for this machine's files, or a folder that holds such a tree (tests).  What cannot be read is
 * said as a note and left empty; only netlink failing is an error. */
int host_read(const char *root, struct diag *diag, struct host *ret_host);

/* The name resolver that commands pass in: getaddrinfo, all addresses, sorted, no doubles. */
int host_resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place);

#endif
