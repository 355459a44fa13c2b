/* What keeps the kernel as the store says: order at start, store changes, host changes, tampering, pending changes.
 * Runs in the privileged parent.  Everything that it does is a transition of the driver. */
#ifndef CORDON_BOOTCFG_DAEMON_ENFORCER_H
#define CORDON_BOOTCFG_DAEMON_ENFORCER_H

#include "bootcfg/daemon/loop.h"
#include "bootcfg/driver/driver.h"

struct enforcer;

struct enforcer_event {
	uint16_t eventid;      /* of the driver row, or 4290's kin for others; 0: only a text for the journal */
	enum driver_state state;
	const char *digest;    /* in force, or "" */
	const char *text;      /* one line */
};

struct enforcer_options {
	const char *store;     /* path */
	const char *root;      /* "" or a tree: resolv.conf, leases */
	const char *driver_file;
	/* Told of each happening, and of each new ruleset in force (names for the collector). */
	void (*event)(const struct enforcer_event *event, void *context);
	void (*in_force)(const struct ruleset *ruleset, const struct config *config, bool observe, void *context);
	void *context;
};

/* Opens netlink and inotify and does nothing yet.  Caller frees. */
int enforcer_new(struct loop *loop, const struct enforcer_options *options, struct diag *diag, struct enforcer **ret_enforcer);
void enforcer_free(struct enforcer *enforcer); /* leaves the kernel's rules as they are */

/* Start-up: persistent policy, driver to secure, then local.  Failures end in block and are retried; never fails. */
void enforcer_start(struct enforcer *enforcer);
void enforcer_reload(struct enforcer *enforcer);   /* look at the store now */
void enforcer_status(const struct enforcer *enforcer, struct buffer *ret_json);
/* The store's settings: those in force (diagnostics count from the boot on, or from enforcer_diagnostics). */
void enforcer_diagnostics(struct enforcer *enforcer);

#endif
