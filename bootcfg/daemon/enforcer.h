/* What keeps the kernel as the store says: order at start, store changes, host changes, tampering, pending changes.
 * Runs in the privileged parent.  Everything that it does is a transition of the driver.
 *
 *   store      what is committed is in force within a second; a change that waits for its confirmation is left alone,
 *              and taken back when its time is over and its guard has not done it
 *   host       addresses, links, routes, name servers, leases: applied when the ruleset differs (follow.h)
 *   names      follownames=yes: filters' DNS names are resolved again, in memory only (dnsnames.h)
 *   kernel     what others change in our table is put back; what they put before it is reported
 *   by hand    what cordon does (processes whose name begins with "cordon") and what the driver's file says is respected:
 *              after a lift nothing is applied until the next apply or boot
 *
 * Every failure on the way to secure ends as the driver's table says, and is tried again, with pauses that double. */
#ifndef CORDON_BOOTCFG_DAEMON_ENFORCER_H
#define CORDON_BOOTCFG_DAEMON_ENFORCER_H

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/loop.h"
#include "bootcfg/driver/driver.h"
#include "bootcfg/target/nftables.h"
#include "bootcfg/target/nftables_watch.h"

struct enforcer;

struct enforcer_event {
	uint16_t eventid;      /* of the driver's row; 0: only a text for the journal */
	enum driver_state state;
	const char *digest;    /* in force, or "" */
	const char *text;      /* one line; names from outside are quoted in it */
};

/* What it touches of the machine, so that a test can stand in for it.  A function left out is the real one. */
struct enforcer_world {
	int (*host)(const char *root, struct diag *diag, struct host *ret_host, void *context);
	int (*apply)(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag, void *context);
	int (*clean)(const struct nftables_options *options, struct diag *diag, void *context);
	int (*lift)(struct diag *diag, void *context);
	int (*status)(struct diag *diag, struct nftables_status *ret_status, void *context);
	int (*resolve)(const char *name, struct ip_list *list, uint32_t *ret_ttl, void *context); /* see dnsnames.h */
	bool blind;            /* opens no netlink and no inotify: changes come by enforcer_notice, or the polls find them */
	void *context;
};

struct enforcer_options {
	const char *store;     /* path */
	const char *root;      /* "" or a tree: resolv.conf, leases */
	const char *driver_file; /* NULL: none.  Beside it, NAME.settings keeps the settings that count until the next boot */
	/* Told of each happening, and of each new ruleset in force (names for the collector).  The ruleset and the
	 * configuration are borrowed for the call. */
	void (*event)(const struct enforcer_event *event, void *context);
	void (*in_force)(const struct ruleset *ruleset, const struct config *config, bool observe, void *context);
	/* What start-up rules had dropped when they gave way.  May be NULL. */
	void (*bootdrop)(const struct bootdrop *drop, void *context);
	void *context;
	const struct enforcer_world *world; /* NULL: the machine; otherwise it must outlive the enforcer */
};

/* Opens netlink and inotify and does nothing yet.  Caller frees.  ERROR_SYSTEM with a message. */
int enforcer_new(struct loop *loop, const struct enforcer_options *options, struct diag *diag, struct enforcer **ret_enforcer);
void enforcer_free(struct enforcer *enforcer); /* leaves the kernel's rules as they are; NULL is fine */

/* Start-up: persistent policy, driver to secure, then local.  Failures end in block and are retried; never fails. */
void enforcer_start(struct enforcer *enforcer);
void enforcer_stop(struct enforcer *enforcer);     /* says so in the driver's file; the rules stand */
void enforcer_reload(struct enforcer *enforcer);   /* look at the store now */
/* One JSON object:
 *   state, event, why, since     of the driver; since: Unix seconds
 *   digest                       of what is in force; observe
 *   pending                      null, or {kind, seconds}
 *   following                    {addresses, servers: {dns, wins, dhcp, gateway}, names: […] (dnsnames.h)}
 *   repairs, offender            how often others' changes were put back; null, or {pid, name, seconds}: who was the
 *                                last, so long ago (pid 0, name null: not known)
 *   others                       base chains of other tables that see packets before ours
 *   retry, error                 null, or seconds until it is tried again, and why */
void enforcer_status(const struct enforcer *enforcer, struct buffer *ret_json);
/* ipsecdiagnostics and ipsecloginterval, which count from the boot on, count as the store has them from now on. */
void enforcer_diagnostics(struct enforcer *enforcer);

/* What the watches call; with a blind world, the test. */
enum enforcer_notice { ENFORCER_STORE, ENFORCER_HOST, ENFORCER_DRIVER_FILE };
void enforcer_notice(struct enforcer *enforcer, enum enforcer_notice notice);
void enforcer_notice_kernel(struct enforcer *enforcer, const struct nftables_change *change);

#endif
