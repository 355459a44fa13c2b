/* What nearly every command does first: the store opened and read, the host's facts, and the ruleset with its
 * classifier made of both. */
#ifndef CORDON_APPS_VISIT_H
#define CORDON_APPS_VISIT_H

#include "apps/command.h"
#include "core/policy/classifier.h"
#include "core/store/store.h"

struct visit {
	struct invocation *invocation;
	struct store *store;
	struct state *state;
};

/* Opens the store of the invocation and reads it as it was at a time (0: now); never waits for a writer and makes no
 * file.  visit_done in any case. */
int visit_read(struct invocation *invocation, int64_t at, struct visit *visit);

/* Whether there is a file at the path of the store; what may not be looked at counts as there. */
bool visit_store_exists(const struct invocation *invocation);

/* Opens it for one change; visit_commit ends that, visit_done throws it away. */
int visit_begin(struct invocation *invocation, struct visit *visit);
/* The boot file, where one is installed, follows the machine's own store: both change, or neither. */
int visit_commit(struct visit *visit, const char *command);
/* Makes the boot file again from the visit's state, when it is that of the machine's own store and a boot file is
 * installed; otherwise nothing.  For a change that was committed without it (apply --confirm) and is confirmed now. */
int visit_boot_refresh(struct visit *visit);
void visit_done(struct visit *visit);

/* Whether a state differs from the store that it was read from. */
bool state_differs(const struct state *state);

/* The facts of a file, or (NULL) of this machine; what could not be found out of these is said with -v.  ret_host must
 * be initialised. */
int facts_read(struct invocation *invocation, const char *file, struct host *ret_host);

/* What the policy means here: facts, ruleset, classifier. */
struct judge {
	struct host host;
	struct ruleset *ruleset;
	struct classifier *classifier;
};

/* facts: a file with a host's facts, NULL for those of this machine.  Warnings of the ruleset go to the invocation's
 * diag when warn is set.  judge_done in any case; the state must outlive it. */
int judge_init(struct judge *judge, struct invocation *invocation, const struct state *state, enum mode mode,
	       const char *facts, bool warn);
void judge_done(struct judge *judge);

/* What ruleset and lint have to say about what is assigned; nothing when nothing is.  Failing to find out is a
 * warning too: the change itself stands. */
void visit_warn(struct visit *visit);

/* Moves the warnings that were gathered to the invocation, at most 20 of one id unless -v was given. */
void warnings_move(struct invocation *invocation, struct diag *said);

/* Why nothing enforces this policy yet (negotiate, tunnel, conntype): one error for each rule.  ERROR_INPUT. */
int enforceable_check(const struct state *state, struct diag *diag);

#endif
