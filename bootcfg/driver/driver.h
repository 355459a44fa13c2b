/* The IPsec driver as a state machine without I/O: which rules the kernel is to have, and why.  One table holds every
 * transition (windows-ipsec.md 4.5; DESIGN, meaning 6); docs/modes.md is printed from it.  Every failure on the way to
 * secure ends in block. */
#ifndef CORDON_BOOTCFG_DRIVER_DRIVER_H
#define CORDON_BOOTCFG_DRIVER_DRIVER_H

#include "core/base/buffer.h"
#include "core/policy/config.h"
#include "core/policy/ruleset.h"

enum driver_state {
	DRIVER_STARTUP_PERMIT, DRIVER_STARTUP_BLOCK, DRIVER_STARTUP_STATEFUL, /* until the service has applied policy */
	DRIVER_SECURE, DRIVER_PERMIT, DRIVER_BLOCK,                            /* operational */
	DRIVER_STATES,
};
const char *driver_state_name(enum driver_state state); /* "startup stateful", "secure", … */
bool driver_state_parse(const char *text, enum driver_state *ret_state);
enum mode driver_mode(enum driver_state state);         /* of the ruleset that the state asks for */

enum driver_event {
	DRIVER_BOOT_PERMIT, DRIVER_BOOT_BLOCK, DRIVER_BOOT_STATEFUL, /* power-on, by boot mode */
	DRIVER_BOOT_FAILED,        /* the boot rules could not be loaded: the built-in block set */
	DRIVER_SERVICE_START, DRIVER_NO_PERSISTENT, DRIVER_PERSISTENT_APPLIED, DRIVER_PERSISTENT_FAILED,
	DRIVER_LOCAL_APPLIED, DRIVER_LOCAL_FAILED, DRIVER_NOTHING_ASSIGNED,
	DRIVER_APPLY, DRIVER_APPLY_FAILED, /* by hand */
	DRIVER_LIFT,               /* by hand */
	DRIVER_SERVICE_STOP, DRIVER_CRASH, /* the kernel's rules stand */
	DRIVER_ROLLBACK,
	DRIVER_EVENTS,
};
const char *driver_event_name(enum driver_event event);
bool driver_event_parse(const char *text, enum driver_event *ret_event);

struct driver_row {
	enum driver_state from;
	enum driver_event event;
	enum driver_state to;
	uint16_t record;      /* event id that is logged, 4291 to 4297's meaning; 0: none */
	const char *why;      /* one sentence */
};
/* Never NULL: every state has a row for every event. */
const struct driver_row *driver_next(enum driver_state state, enum driver_event event);

/* The boot mode in force at the next boot: what is set, or Windows' own default (stateful once a policy is assigned
 * and the service is enabled, otherwise permit).  ret_why: a sentence for `config get bootmode`. */
enum bootmode driver_bootmode(const struct config *config, bool assigned, bool service_enabled, const char **ret_why);

/* docs/modes.md, its tables. */
void driver_document(struct buffer *buffer);

/* --- Where it is kept: /run/cordon/driver, one line, replaced as a whole; gone with the boot. --- */
#define DRIVER_FILE "/run/cordon/driver"
struct driver_record {
	enum driver_state state;
	enum driver_event event;  /* that led there */
	enum driver_state from;
	int64_t time;             /* Unix seconds */
	char digest[65];          /* of the state in force, or "" */
	char by[16];              /* program: "cordon", "cordond", "cordon-boot" */
};
/* ERROR_NOT_FOUND when there is none; ERROR_DAMAGED when it is none of ours. */
int driver_read(const char *path, struct driver_record *ret_record);
int driver_write(const char *path, const struct driver_record *record, struct diag *diag);

/* Whether the service is enabled in a tree ("" for this machine): the unit's link in *.wants of /etc/systemd/system. */
bool driver_service_enabled(const char *root);

#endif
