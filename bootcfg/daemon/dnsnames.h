/* follownames=yes: the DNS names of filters are resolved again when their answers' time to live ends, and the addresses
 * take the place of those in the state that the service holds in memory.  The store keeps what was resolved when the
 * filter was added: it is never written here, and it is what counts until the first answer.
 *
 * A filter list holds one filter for each address of a name, alike in all else.  In memory such a run becomes one filter
 * for each address of the newest answer, at the place of the first; a filter with a name on both sides becomes one for
 * each pair.  The last good answer is kept: an error, silence or an answer without addresses changes nothing. */
#ifndef CORDON_BOOTCFG_DAEMON_DNSNAMES_H
#define CORDON_BOOTCFG_DAEMON_DNSNAMES_H

#include "bootcfg/daemon/loop.h"
#include "core/base/buffer.h"
#include "core/policy/host.h"
#include "core/policy/policy.h"

enum {
	DNSNAMES_MOST = 256,          /* names that are followed; those past it keep the store's addresses */
	DNSNAMES_ADDRESSES = 64,      /* of one name, both families */
	DNSNAMES_LEAST_S = 30,        /* between two questions for one name */
	DNSNAMES_LONGEST_S = 86400,
	DNSNAMES_AGAIN_S = 60,        /* after a failure */
};

/* Stands in for DNS in tests: 0 with addresses and their time to live in seconds, or a negative error.  What is in the
 * list is freed by the caller, as host_resolve's is. */
typedef int dnsnames_resolve_fn(const char *name, struct ip_list *list, uint32_t *ret_ttl, void *context);

struct dnsnames;

/* changed: told when an answer differs from the last one; then dnsnames_put again.  resolve NULL: evdns on the loop's
 * base, with the name servers of root's /etc/resolv.conf. */
struct dnsnames *dnsnames_new(struct loop *loop, const char *root, dnsnames_resolve_fn *resolve, void *resolve_context,
			      void (*changed)(void *context), void *context);
void dnsnames_free(struct dnsnames *names); /* NULL is fine */

/* Follows the names of what is assigned in the state; NULL: none.  Answers for names that were followed before stay. */
void dnsnames_follow(struct dnsnames *names, const struct state *state);
/* The name servers are others now. */
void dnsnames_servers(struct dnsnames *names);

/* Puts the answers into a state.  Its filters are lent to it until dnsnames_take_back, which puts the state's own back:
 * call that before the state is freed (dnsnames_put with another state calls it first). */
void dnsnames_put(struct dnsnames *names, struct state *state);
void dnsnames_take_back(struct dnsnames *names);

/* [{"name": …, "addresses": [ … ], "age": seconds or null}, …] */
void dnsnames_print(const struct dnsnames *names, struct buffer *buffer);

#endif
