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
enum mode driver_mode(enum driver_state state);         /* of the ruleset that the state asks for: MODE_BOOT at start-up */
enum bootmode driver_startup_bootmode(enum driver_state state); /* of a start-up state; BOOTMODE_BLOCK for all others */
enum driver_state driver_startup(enum bootmode bootmode);       /* the start-up state of a boot mode */

enum driver_event {
	/* The start-up rules of a boot mode were loaded: power-on, `cordon boot load`, or the way back to them. */
	DRIVER_BOOT_PERMIT, DRIVER_BOOT_BLOCK, DRIVER_BOOT_STATEFUL,
	DRIVER_BOOT_FAILED,        /* they could not be loaded: the built-in block set */
	DRIVER_SERVICE_START,
	/* What the service finds when it starts, the persistent store first.  A store that cannot be read is a failure, not
	 * an empty one.  In the state secure (a service that starts again, a change of the store) a failure while the rules
	 * in force stand as a whole is DRIVER_APPLY_FAILED; DRIVER_LOCAL_FAILED there means that only the persistent part
	 * got in. */
	DRIVER_NO_PERSISTENT, DRIVER_PERSISTENT_APPLIED, DRIVER_PERSISTENT_FAILED,
	DRIVER_LOCAL_APPLIED,      /* all that is assigned is in force, whatever its store */
	DRIVER_LOCAL_FAILED,
	DRIVER_NOTHING_ASSIGNED,   /* nor is there a dynamic rule */
	DRIVER_APPLY, DRIVER_APPLY_FAILED, /* by hand, or a change of store or host while secure */
	DRIVER_LIFT,               /* by hand */
	DRIVER_SERVICE_STOP, DRIVER_CRASH, /* the kernel's rules stand */
	/* The way back from an apply that was not confirmed, by what was there before: see driver_rollback_event. */
	DRIVER_ROLLBACK, DRIVER_ROLLBACK_PERMIT, DRIVER_ROLLBACK_BLOCK,
	DRIVER_EVENTS,
};
const char *driver_event_name(enum driver_event event); /* "persistent failed", … */
bool driver_event_parse(const char *text, enum driver_event *ret_event);
/* What happens when the state before an apply comes back. */
enum driver_event driver_rollback_event(enum driver_state before);

struct driver_row {
	enum driver_state from;
	enum driver_event event;
	enum driver_state to;
	uint16_t record;      /* id of the event that is logged, 4292 to 4297; 0: none */
	const char *why;      /* one sentence, without its full stop */
};
/* Never NULL: every state has a row for every event.  Both must be in range. */
const struct driver_row *driver_next(enum driver_state state, enum driver_event event);

/* The boot mode in force at the next boot: what is set, or Windows' own default (stateful once a policy is assigned
 * and the service is enabled, otherwise permit).  assigned: in any store (state_assigned).  ret_why: static words for
 * `config get bootmode`: "set", or "default: …". */
enum bootmode driver_bootmode(const struct config *config, bool assigned, bool service_enabled, const char **ret_why);

/* The tables of docs/modes.md, as Markdown. */
void driver_document(struct buffer *buffer);

/* --- Where it is kept: /run/cordon/driver, one line, replaced as a whole; gone with the boot. --- */
#define DRIVER_FILE "/run/cordon/driver"
struct driver_record {
	enum driver_state state;
	enum driver_event event;  /* that led there */
	enum driver_state from;
	int64_t time;             /* Unix seconds, not negative */
	char digest[65];          /* of the state in force, or "" */
	char by[16];              /* program: "cordon", "cordond", "cordon-boot"; lower case letters and - only */
};
/* ERROR_NOT_FOUND when there is none; ERROR_DAMAGED when it is none of ours; ERROR_SYSTEM when it cannot be read. */
int driver_read(const char *path, struct driver_record *ret_record);
/* Makes the folder when it is missing (not those above it).  A row that stays where it was and logs nothing is no news:
 * in permit it must not replace the record, which says whether it was lifted or nothing is assigned.  ERROR_BUG for a
 * record that is no row of the table, ERROR_SYSTEM with a message when the system refuses: then the old file stands. */
int driver_write(const char *path, const struct driver_record *record, struct diag *diag);

/* Whether the service is enabled in a tree ("" for this machine): the unit's link in some *.wants or *.requires of
 * /etc/systemd/system, and the unit is not masked. */
#define DRIVER_UNIT "cordond.service"
bool driver_service_enabled(const char *root);

#endif
