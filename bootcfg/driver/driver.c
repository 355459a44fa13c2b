/* The table is whole by construction: an array over states and events, whose every row is written once (the compiler
 * refuses two), and a test that none is missing. */
#include "bootcfg/driver/driver.h"

#include <string.h>

#include "core/base/attr.h"

/* Ids of the records: those of the IPsec driver of Windows 2003 (netevent.dll), with their meaning. */
enum {
	RECORD_BLOCK = 4292,            /* entered block mode */
	RECORD_PERMIT = 4293,           /* entered bypass mode: our permit */
	RECORD_SECURE = 4294,           /* entered secure mode */
	RECORD_STARTUP_PERMIT = 4295,   /* starting in bypass mode */
	RECORD_STARTUP_BLOCK = 4296,    /* starting in block mode */
	RECORD_STARTUP_STATEFUL = 4297, /* starting in stateful mode */
};

static const struct {
	const char *name;
	enum mode mode;
	enum bootmode bootmode;
	const char *passes; /* for docs/modes.md */
} states[DRIVER_STATES] = {
	[DRIVER_STARTUP_PERMIT] = {"startup permit", MODE_BOOT, BOOTMODE_PERMIT, "everything"},
	[DRIVER_STARTUP_BLOCK] = {"startup block", MODE_BOOT, BOOTMODE_BLOCK,
		"loopback, neighbour discovery, DHCP, the boot exemptions and their answers; nothing else"},
	[DRIVER_STARTUP_STATEFUL] = {"startup stateful", MODE_BOOT, BOOTMODE_STATEFUL,
		"the same, and whatever the host sends with the answers to it; nothing is forwarded"},
	[DRIVER_SECURE] = {"secure", MODE_SECURE, BOOTMODE_BLOCK,
		"what the filters of all assigned policies decide; boot exemptions do not count"},
	[DRIVER_PERMIT] = {"permit", MODE_PERMIT, BOOTMODE_BLOCK, "everything"},
	[DRIVER_BLOCK] = {"block", MODE_BLOCK, BOOTMODE_BLOCK,
		"loopback and neighbour discovery; boot exemptions and DHCP do not count"},
};

static const struct {
	const char *name, *meaning;
} events[DRIVER_EVENTS] = {
	[DRIVER_BOOT_PERMIT] = {"boot permit", "the start-up rules are loaded, boot mode permit"},
	[DRIVER_BOOT_BLOCK] = {"boot block", "the start-up rules are loaded, boot mode block"},
	[DRIVER_BOOT_STATEFUL] = {"boot stateful", "the start-up rules are loaded, boot mode stateful"},
	[DRIVER_BOOT_FAILED] = {"boot failed", "the start-up rules are missing, damaged or refused by the kernel"},
	[DRIVER_SERVICE_START] = {"service start", "the service starts"},
	[DRIVER_NO_PERSISTENT] = {"no persistent", "no persistent policy is assigned"},
	[DRIVER_PERSISTENT_APPLIED] = {"persistent applied", "the persistent policy is in force"},
	[DRIVER_PERSISTENT_FAILED] = {"persistent failed", "the persistent policy cannot be applied, or its store cannot be read"},
	[DRIVER_LOCAL_APPLIED] = {"local applied", "all assigned policies are in force"},
	[DRIVER_LOCAL_FAILED] = {"local failed", "the local policy cannot be applied, or its store cannot be read"},
	[DRIVER_NOTHING_ASSIGNED] = {"nothing assigned", "no policy is assigned in any store, and there is no dynamic rule"},
	[DRIVER_APPLY] = {"apply", "by hand, or after a change of store or host"},
	[DRIVER_APPLY_FAILED] = {"apply failed", "the same, refused"},
	[DRIVER_LIFT] = {"lift", "by hand"},
	[DRIVER_SERVICE_STOP] = {"service stop", "the service stops, or makes way for its next version"},
	[DRIVER_CRASH] = {"crash", "the service dies"},
	[DRIVER_ROLLBACK] = {"rollback", "an apply is not confirmed; before it a policy was in force"},
	[DRIVER_ROLLBACK_PERMIT] = {"rollback to permit", "an apply is not confirmed; before it nothing was in force"},
	[DRIVER_ROLLBACK_BLOCK] = {"rollback to block", "an apply is not confirmed; before it everything was blocked"},
};

/* One row, and rows for several states. */
#define GO(from, event, to, record, why) [from][event] = {from, event, to, record, why}
#define STAY(state, event, why) GO(state, event, state, 0, why)
#define STARTUP_GO(event, to, record, why)                                                                             \
	GO(DRIVER_STARTUP_PERMIT, event, to, record, why), GO(DRIVER_STARTUP_BLOCK, event, to, record, why),           \
		GO(DRIVER_STARTUP_STATEFUL, event, to, record, why)
#define STARTUP_STAY(event, why)                                                                                       \
	STAY(DRIVER_STARTUP_PERMIT, event, why), STAY(DRIVER_STARTUP_BLOCK, event, why),                               \
		STAY(DRIVER_STARTUP_STATEFUL, event, why)
#define ALL_GO(event, to, record, why)                                                                                 \
	STARTUP_GO(event, to, record, why), GO(DRIVER_SECURE, event, to, record, why),                                 \
		GO(DRIVER_PERMIT, event, to, record, why), GO(DRIVER_BLOCK, event, to, record, why)
#define ALL_STAY(event, why)                                                                                           \
	STARTUP_STAY(event, why), STAY(DRIVER_SECURE, event, why), STAY(DRIVER_PERMIT, event, why),                    \
		STAY(DRIVER_BLOCK, event, why)

static const char lifted[] = "permit ends with an apply or a boot, not because the service starts";
static const char startup_stands[] = "the start-up rules stay until a policy is in force";
static const char refused[] = "what was refused has changed nothing";
static const char stands[] = "the kernel's rules stand";

static const struct driver_row rows[DRIVER_STATES][DRIVER_EVENTS] = {
	ALL_GO(DRIVER_BOOT_PERMIT, DRIVER_STARTUP_PERMIT, RECORD_STARTUP_PERMIT, "the boot mode is permit"),
	ALL_GO(DRIVER_BOOT_BLOCK, DRIVER_STARTUP_BLOCK, RECORD_STARTUP_BLOCK, "the boot mode is block"),
	ALL_GO(DRIVER_BOOT_STATEFUL, DRIVER_STARTUP_STATEFUL, RECORD_STARTUP_STATEFUL, "the boot mode is stateful"),
	ALL_GO(DRIVER_BOOT_FAILED, DRIVER_STARTUP_BLOCK, RECORD_STARTUP_BLOCK,
	       "the start-up rules could not be loaded: the built-in set blocks, without boot exemptions"),

	STARTUP_STAY(DRIVER_SERVICE_START, startup_stands),
	STAY(DRIVER_SECURE, DRIVER_SERVICE_START, "the rules that were left standing stay until newer ones are in force"),
	STAY(DRIVER_PERMIT, DRIVER_SERVICE_START, lifted),
	STAY(DRIVER_BLOCK, DRIVER_SERVICE_START, "blocked until a policy is in force"),

	STARTUP_STAY(DRIVER_NO_PERSISTENT, startup_stands),
	STAY(DRIVER_SECURE, DRIVER_NO_PERSISTENT, "the local policy is what counts"),
	STAY(DRIVER_PERMIT, DRIVER_NO_PERSISTENT, lifted),
	STAY(DRIVER_BLOCK, DRIVER_NO_PERSISTENT, "blocked until it is known what is assigned"),

	STARTUP_GO(DRIVER_PERSISTENT_APPLIED, DRIVER_SECURE, RECORD_SECURE, "the persistent policy comes first"),
	GO(DRIVER_SECURE, DRIVER_PERSISTENT_APPLIED, DRIVER_SECURE, RECORD_SECURE, "the persistent policy comes first"),
	STAY(DRIVER_PERMIT, DRIVER_PERSISTENT_APPLIED, lifted),
	GO(DRIVER_BLOCK, DRIVER_PERSISTENT_APPLIED, DRIVER_SECURE, RECORD_SECURE, "what had failed is in force now"),

	STARTUP_GO(DRIVER_PERSISTENT_FAILED, DRIVER_BLOCK, RECORD_BLOCK, "every failure on the way to secure ends in block; it is tried again"),
	STAY(DRIVER_SECURE, DRIVER_PERSISTENT_FAILED, "the rules in force were applied as a whole and stand; it is tried again"),
	STAY(DRIVER_PERMIT, DRIVER_PERSISTENT_FAILED, lifted),
	STAY(DRIVER_BLOCK, DRIVER_PERSISTENT_FAILED, "still blocked; it is tried again"),

	STARTUP_GO(DRIVER_LOCAL_APPLIED, DRIVER_SECURE, RECORD_SECURE, "all that is assigned is in force"),
	GO(DRIVER_SECURE, DRIVER_LOCAL_APPLIED, DRIVER_SECURE, RECORD_SECURE, "all that is assigned is in force"),
	STAY(DRIVER_PERMIT, DRIVER_LOCAL_APPLIED, lifted),
	GO(DRIVER_BLOCK, DRIVER_LOCAL_APPLIED, DRIVER_SECURE, RECORD_SECURE, "what had failed is in force now"),

	STARTUP_GO(DRIVER_LOCAL_FAILED, DRIVER_BLOCK, RECORD_BLOCK, "every failure on the way to secure ends in block; it is tried again"),
	GO(DRIVER_SECURE, DRIVER_LOCAL_FAILED, DRIVER_BLOCK, RECORD_BLOCK,
	   "the persistent policy alone may permit what the local one blocks: blocked; it is tried again"),
	STAY(DRIVER_PERMIT, DRIVER_LOCAL_FAILED, lifted),
	STAY(DRIVER_BLOCK, DRIVER_LOCAL_FAILED, "still blocked; it is tried again"),

	STARTUP_GO(DRIVER_NOTHING_ASSIGNED, DRIVER_PERMIT, RECORD_PERMIT, "there is no policy to put in force"),
	GO(DRIVER_SECURE, DRIVER_NOTHING_ASSIGNED, DRIVER_PERMIT, RECORD_PERMIT, "the last policy was unassigned by its owner"),
	STAY(DRIVER_PERMIT, DRIVER_NOTHING_ASSIGNED, "there is no policy to put in force"),
	GO(DRIVER_BLOCK, DRIVER_NOTHING_ASSIGNED, DRIVER_PERMIT, RECORD_PERMIT, "the policy that failed was unassigned by its owner"),

	ALL_GO(DRIVER_APPLY, DRIVER_SECURE, RECORD_SECURE, "all that is assigned is in force"),

	STARTUP_STAY(DRIVER_APPLY_FAILED, refused),
	STAY(DRIVER_SECURE, DRIVER_APPLY_FAILED, "what was refused has changed nothing: the rules before it stand"),
	STAY(DRIVER_PERMIT, DRIVER_APPLY_FAILED, refused),
	STAY(DRIVER_BLOCK, DRIVER_APPLY_FAILED, refused),

	STARTUP_GO(DRIVER_LIFT, DRIVER_PERMIT, RECORD_PERMIT, "the owner's word, until the next apply or boot"),
	GO(DRIVER_SECURE, DRIVER_LIFT, DRIVER_PERMIT, RECORD_PERMIT, "the owner's word, until the next apply or boot"),
	STAY(DRIVER_PERMIT, DRIVER_LIFT, "nothing was in force"),
	GO(DRIVER_BLOCK, DRIVER_LIFT, DRIVER_PERMIT, RECORD_PERMIT, "the owner's word, until the next apply or boot"),

	ALL_STAY(DRIVER_SERVICE_STOP, stands),
	ALL_STAY(DRIVER_CRASH, stands),

	STARTUP_STAY(DRIVER_ROLLBACK, "a boot is a way back already: the start-up rules are those of before"),
	GO(DRIVER_SECURE, DRIVER_ROLLBACK, DRIVER_SECURE, RECORD_SECURE, "the policy of before is in force again"),
	STAY(DRIVER_PERMIT, DRIVER_ROLLBACK, "lifted by hand meanwhile: nothing comes back"),
	GO(DRIVER_BLOCK, DRIVER_ROLLBACK, DRIVER_SECURE, RECORD_SECURE, "the policy of before is in force again"),

	STARTUP_STAY(DRIVER_ROLLBACK_PERMIT, "a boot is a way back already: the start-up rules are those of before"),
	GO(DRIVER_SECURE, DRIVER_ROLLBACK_PERMIT, DRIVER_PERMIT, RECORD_PERMIT, "before the apply nothing was in force"),
	STAY(DRIVER_PERMIT, DRIVER_ROLLBACK_PERMIT, "nothing is in force"),
	GO(DRIVER_BLOCK, DRIVER_ROLLBACK_PERMIT, DRIVER_PERMIT, RECORD_PERMIT, "before the apply nothing was in force"),

	STARTUP_STAY(DRIVER_ROLLBACK_BLOCK, "a boot is a way back already: the start-up rules are those of before"),
	GO(DRIVER_SECURE, DRIVER_ROLLBACK_BLOCK, DRIVER_BLOCK, RECORD_BLOCK, "before the apply everything was blocked"),
	STAY(DRIVER_PERMIT, DRIVER_ROLLBACK_BLOCK, "lifted by hand meanwhile: nothing comes back"),
	STAY(DRIVER_BLOCK, DRIVER_ROLLBACK_BLOCK, "everything is blocked"),
};

const char *driver_state_name(enum driver_state state)
{
	return states[state].name;
}

bool driver_state_parse(const char *text, enum driver_state *ret_state)
{
	for (size_t i = 0; i < DRIVER_STATES; i++) {
		if (strcmp(text, states[i].name) == 0) {
			*ret_state = (enum driver_state)i;
			return true;
		}
	}
	return false;
}

enum mode driver_mode(enum driver_state state)
{
	return states[state].mode;
}

enum bootmode driver_startup_bootmode(enum driver_state state)
{
	return states[state].bootmode;
}

enum driver_state driver_startup(enum bootmode bootmode)
{
	static const enum driver_state startups[] = {
		[BOOTMODE_STATEFUL] = DRIVER_STARTUP_STATEFUL,
		[BOOTMODE_BLOCK] = DRIVER_STARTUP_BLOCK,
		[BOOTMODE_PERMIT] = DRIVER_STARTUP_PERMIT,
	};
	return startups[bootmode];
}

const char *driver_event_name(enum driver_event event)
{
	return events[event].name;
}

bool driver_event_parse(const char *text, enum driver_event *ret_event)
{
	for (size_t i = 0; i < DRIVER_EVENTS; i++) {
		if (strcmp(text, events[i].name) == 0) {
			*ret_event = (enum driver_event)i;
			return true;
		}
	}
	return false;
}

enum driver_event driver_rollback_event(enum driver_state before)
{
	static const enum driver_event ways[DRIVER_STATES] = {
		[DRIVER_STARTUP_PERMIT] = DRIVER_BOOT_PERMIT,
		[DRIVER_STARTUP_BLOCK] = DRIVER_BOOT_BLOCK,
		[DRIVER_STARTUP_STATEFUL] = DRIVER_BOOT_STATEFUL,
		[DRIVER_SECURE] = DRIVER_ROLLBACK,
		[DRIVER_PERMIT] = DRIVER_ROLLBACK_PERMIT,
		[DRIVER_BLOCK] = DRIVER_ROLLBACK_BLOCK,
	};
	return ways[before];
}

const struct driver_row *driver_next(enum driver_state state, enum driver_event event)
{
	return &rows[state][event];
}

enum bootmode driver_bootmode(const struct config *config, bool assigned, bool service_enabled, const char **ret_why)
{
	if (config->set[PROPERTY_BOOTMODE]) {
		*ret_why = "set";
		return (enum bootmode)config->number[PROPERTY_BOOTMODE];
	}
	if (assigned && service_enabled) {
		*ret_why = "default: stateful, since a policy is assigned and the service is enabled";
		return BOOTMODE_STATEFUL;
	}
	*ret_why = !assigned ? "default: permit, since no policy is assigned"
			     : "default: permit, since the service is not enabled";
	return BOOTMODE_PERMIT;
}

/* --- docs/modes.md --- */

static void states_document(struct buffer *buffer)
{
	buffer_add_text(buffer, "| phase | state | what passes |\n|---|---|---|\n");
	for (size_t i = 0; i < DRIVER_STATES; i++)
		buffer_printf(buffer, "| %s | %s | %s |\n", states[i].mode == MODE_BOOT ? "start-up" : "operational", states[i].name,
			      states[i].passes);
}

/* Rows that say the same are one line: where it leads is a state, or for each the one where it was. */
static bool rows_alike(const struct driver_row *a, const struct driver_row *b)
{
	bool same = a->to == b->to || (a->to == a->from && b->to == b->from);
	return same && a->record == b->record && strcmp(a->why, b->why) == 0;
}

/* "any", or the states by name; those of the start-up together have one name. */
static void from_document(const struct driver_row *const alike[], size_t count, struct buffer *buffer)
{
	size_t startup = 0;
	while (startup < count && driver_mode(alike[startup]->from) == MODE_BOOT)
		startup++;
	if (count == DRIVER_STATES) {
		buffer_add_text(buffer, "any");
		return;
	}
	bool together = startup == DRIVER_STARTUP_STATEFUL + 1;
	if (together)
		buffer_add_text(buffer, "any start-up");
	for (size_t i = together ? startup : 0; i < count; i++)
		buffer_printf(buffer, "%s%s", i > 0 ? ", " : "", driver_state_name(alike[i]->from));
}

static void row_document(const struct driver_row *const alike[], size_t count, struct buffer *buffer)
{
	bool stays = true;
	for (size_t i = 0; i < count; i++)
		stays &= alike[i]->to == alike[i]->from;
	buffer_printf(buffer, "| %s | ", driver_event_name(alike[0]->event));
	from_document(alike, count, buffer);
	buffer_printf(buffer, " | %s | ", stays ? "the same" : driver_state_name(alike[0]->to));
	if (alike[0]->record != 0)
		buffer_add_number(buffer, alike[0]->record);
	buffer_printf(buffer, " | %s |\n", alike[0]->why);
}

static void event_document(enum driver_event event, struct buffer *buffer)
{
	bool told[DRIVER_STATES] = {false};
	for (size_t first = 0; first < DRIVER_STATES; first++) {
		const struct driver_row *alike[DRIVER_STATES];
		size_t count = 0;
		for (size_t i = first; i < DRIVER_STATES && !told[first]; i++)
			if (rows_alike(&rows[first][event], &rows[i][event]))
				alike[count++] = &rows[i][event];
		for (size_t i = 0; i < count; i++)
			told[alike[i]->from] = true;
		if (count > 0)
			row_document(alike, count, buffer);
	}
}

void driver_document(struct buffer *buffer)
{
	states_document(buffer);
	buffer_add_text(buffer, "\n| event | what it is |\n|---|---|\n");
	for (size_t i = 0; i < DRIVER_EVENTS; i++)
		buffer_printf(buffer, "| %s | %s |\n", events[i].name, events[i].meaning);
	buffer_add_text(buffer, "\n| event | from | to | record | why |\n|---|---|---|---|---|\n");
	for (size_t i = 0; i < DRIVER_EVENTS; i++)
		event_document((enum driver_event)i, buffer);
}
