/* The facts of a host, as data: what `me`, the server classes and broadcast mean there. */
#ifndef CORDON_POLICY_HOST_H
#define CORDON_POLICY_HOST_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/diag.h"
#include "core/policy/address.h"

struct ip_list {
	struct ip *items;
	size_t count, capacity;
};

struct host {
	struct ip_prefix *addresses; /* unicast, with the prefix of the interface; the order of the facts */
	size_t address_count, address_capacity;
	struct ip_list servers[ADDRESS_GATEWAY + 1]; /* by address kind: ADDRESS_DNS to ADDRESS_GATEWAY */
};

void host_init(struct host *host);
void host_done(struct host *host);
/* Doubles are left out. */
void host_add_address(struct host *host, const struct ip_prefix *prefix);
void host_add_server(struct host *host, enum address_kind kind, const struct ip *ip);

bool host_is_me(const struct host *host, const struct ip *ip);
/* 255.255.255.255 and the last address of each IPv4 network of the host of at most 30 bits. */
bool host_is_broadcast(const struct host *host, const struct ip *ip);
/* The host's first address of a family, or NULL. */
const struct ip *host_first(const struct host *host, enum family family);

/* {"addresses": ["192.0.2.10/24", …], "dns": […], "wins": […], "dhcp": […], "gateway": […]}; every key may be
 * left out.  ERROR_INPUT with messages when it is not that. */
int host_parse(const char *text, size_t length, const char *file, struct diag *diag, struct host *ret_host);

bool ip_is_multicast(const struct ip *ip);
bool ip_is_loopback(const struct ip *ip);

#endif
