/* The leases of dhclient, as dhclient.leases(5) describes them: statements that end in a semicolon, in blocks named
 * lease and lease6.  Of each interface the last lease of either kind counts, unless it has expired or was released.
 *
 * Taken are the DHCP server (dhcp-server-identifier) and the WINS servers (netbios-name-servers).  A DHCPv6 lease
 * names its server by DUID, and has its address only where the server sent option 12 (dhcp6.unicast). */
#ifndef CORDON_BOOTCFG_LEASE_H
#define CORDON_BOOTCFG_LEASE_H

#include "core/base/cursor.h"
#include "core/base/diag.h"
#include "core/policy/address.h"

/* Gets each server, and the place of its lease. */
typedef void lease_fn(void *context, enum address_kind kind, const struct ip *ip, const struct place *place);

/* Reads one file that somebody else wrote: what cannot be understood is skipped with a note in diag.  now: Unix
 * seconds, by which leases expire. */
void lease_parse(const char *bytes, size_t length, const char *file, int64_t now, struct diag *diag, lease_fn *add, void *context);

/* An address as such files write it: a zone behind it (%eth0) is left out. */
bool lease_address(struct cursor word, struct ip *ret_ip);

#endif
