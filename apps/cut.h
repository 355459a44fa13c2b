/* Whether a policy cuts the session that one sits at: warned of, and refused where nothing would bring it back. */
#ifndef CORDON_APPS_CUT_H
#define CORDON_APPS_CUT_H

#include "apps/session.h"
#include "apps/visit.h"

/* ERROR_INPUT when it does and that is not allowed; advice: how it could be done. */
int session_cut_check(struct invocation *invocation, const struct session *session, const struct judge *judge, bool allowed,
		      const char *advice);

/* For who commits without applying: where the service runs, the change is in force a second later, so that is said, and
 * the session looked after as apply does. */
int visit_commit_watched(struct visit *visit, const char *command);

#define FORCE_OPTION {.name = "force", .help = "where the service runs: even what cuts the session that you sit at"}

#endif
