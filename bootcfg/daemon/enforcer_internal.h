/* The parts of the enforcer among themselves. */
#ifndef CORDON_BOOTCFG_DAEMON_ENFORCER_INTERNAL_H
#define CORDON_BOOTCFG_DAEMON_ENFORCER_INTERNAL_H

#include "bootcfg/daemon/enforcer.h"
#include "bootcfg/daemon/filewatch.h"
#include "bootcfg/daemon/follow.h"
#include "bootcfg/daemon/dnsnames.h"
#include "core/store/pending.h"

/* Work that is due, in the order in which it is done when several are. */
enum due {
	DUE_ACCEPT,   /* cordon has changed something by hand: see what */
	DUE_REPAIR,   /* others have changed our table */
	DUE_STORE,    /* look at the store, and apply what it says */
	DUE_HOST,     /* read the facts */
	DUE_FOLLOW,   /* facts or names have changed: does the ruleset? */
	DUE_CLEAN,    /* delete the generation before this one */
	DUE_OTHERS,   /* look which tables see packets before ours */
	DUE_BELT,     /* look at everything, in case something was not told */
	DUE_KINDS,
};

enum {
	BELT_MS = 10000,
	HOST_DEBOUNCE_MS = 60,
	STORE_DEBOUNCE_MS = 20,
	ACCEPT_MS = 150,
	HOLD_MS = 2000,            /* so long cordon may take between its change of the kernel and of the store */
	GUARD_MS = 2000,           /* so long a guard may take after its deadline */
	BUSY_MS = 15,              /* another cordon holds the lock */
	RETRY_FIRST_MS = 1000, RETRY_MOST_MS = 60000,
	FOLLOW_FIRST_MS = 100, FOLLOW_MOST_MS = 5000,
	REPAIRS_PER_SECOND = 20, REPAIR_PAUSE_MS = 110, /* longer than CLEAN_MS, so that it gets its turn */
	REPAIR_LARGE = 5000,       /* matches: from here on, block comes first */
	REPAIRS_TOLD_MS = 10000,   /* many repairs are told together, so often */
	OTHERS_MOST = 64,
	CLEAN_MS = NFTABLES_CLEAN_MS + 2,
	ERROR_TEXT = 512,
};

/* A ruleset and what it is made of. */
struct wanted {
	struct state *state;
	struct host host;
	struct ruleset *ruleset;   /* NULL: it is not known what is wanted */
	enum mode mode;
	char digest[DIGEST_TEXT];  /* of the store's state */
	char kernel_digest[DIGEST_TEXT]; /* of the state with the names' answers: what the kernel's rules are marked with */
};

/* By which a file is seen to have changed. */
struct signature {
	struct {
		int64_t inode, size, seconds, nanoseconds;
	} file[2];                 /* the store and its -wal */
};

/* Pauses that double. */
struct pause {
	int64_t now, first, most;
};

struct enforcer {
	struct loop *loop;
	struct enforcer_options options; /* its texts are ours */
	struct enforcer_world world;     /* whole */
	char *settings_file;

	struct filewatch *files;
	struct follow *follow;
	struct nftables_watch *kernel;
	struct watch *kernel_watch, *work;
	struct dnsnames *names;
	int64_t due[DUE_KINDS];    /* ms of the loop; 0: not due */

	/* The driver. */
	enum driver_state state;
	enum driver_event event;
	enum driver_state from;
	int64_t since;             /* Unix seconds */
	bool started;

	/* The store, as last seen. */
	struct signature signature;
	char store_digest[DIGEST_TEXT];
	bool store_seen, store_look; /* look: whatever its signature and digest say */
	struct config config;      /* of the store */
	struct config boot_config; /* whose settings count until the next boot */
	bool boot_config_known;
	bool pending_present;
	struct pending pending;
	int64_t pending_due;       /* ms of the loop: when to look at it again */

	/* The kernel. */
	struct host facts;
	bool facts_known;
	struct wanted wanted;
	bool settled;              /* what the store says is in force */
	bool lagging;              /* facts or names have changed, and the ruleset could not follow yet */
	bool observe;
	bool startup_rules;        /* are in force */
	bool bootdrops;            /* they have given way, and what they counted is not told yet */
	int64_t hold;              /* until then cordon is changing things by hand */
	struct pause retry, follow_pause, host_pause;
	char error[ERROR_TEXT];
	char **others;
	size_t other_count;

	/* Tampering. */
	uint64_t repairs;
	uint32_t offender_pid;
	char offender[16];
	int64_t offended;          /* ms of the loop */
	int64_t repair_second;     /* when the second began in which repairs are counted */
	unsigned repairs_in_second;
	uint64_t repairs_untold;
	int64_t repairs_told;
};

/* enforcer.c */
void enforcer_soon(struct enforcer *enforcer, enum due due, int64_t after); /* not later than it is due already */
void enforcer_at(struct enforcer *enforcer, enum due due, int64_t after);   /* then, and not before */
void enforcer_say(struct enforcer *enforcer, const char *format, ...) ATTR_PRINTF(2, 3);
/* One transition of the driver: kept in its file, told.  text: what is told instead of the row's own words, or NULL. */
void enforcer_step(struct enforcer *enforcer, enum driver_event event, const char *text);
bool enforcer_lifted(const struct enforcer *enforcer);
/* The first message of a diag, or the error's words; kept as the reason of the last failure. */
const char *enforcer_error(struct enforcer *enforcer, const struct diag *diag, int error);
void pause_reset(struct pause *pause);
int64_t pause_next(struct pause *pause);

/* enforcer_policy.c */
void policy_store(struct enforcer *enforcer);
void policy_follow(struct enforcer *enforcer);
void policy_repair(struct enforcer *enforcer);
void policy_clean(struct enforcer *enforcer);
void policy_told(struct enforcer *enforcer); /* in_force, with what is in force */
void wanted_done(struct enforcer *enforcer, struct wanted *wanted);
/* Makes a ruleset of a state (which it takes) the wanted one and applies it.  ERROR_BUSY: the old one is still wanted. */
int wanted_apply_state(struct enforcer *enforcer, struct state *state, enum mode mode, struct diag *diag, bool *ret_changed);
bool signature_differs(const struct enforcer *enforcer);

/* enforcer_same.c */
void host_copy(const struct host *from, struct host *ret_to);
bool host_same(const struct host *a, const struct host *b);
bool ruleset_same(const struct ruleset *a, const struct ruleset *b);

/* enforcer_pending.c */
enum pending_answer {
	PENDING_NONE,  /* what the store says counts */
	PENDING_WAITS, /* what is in force stays */
	PENDING_BACK,  /* it was taken back, or by somebody else: look at the store again */
	PENDING_BEFORE,/* the machine was started again, and the store cannot be written: what it said before counts */
};
enum pending_answer pending_check(struct enforcer *enforcer);
int64_t pending_rest(const struct enforcer *enforcer); /* ms left */

/* enforcer_settings.c: diagnostics that count until the next boot. */
void settings_read(struct enforcer *enforcer);
void settings_write(struct enforcer *enforcer);

#endif
