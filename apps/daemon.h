/* What the driver and the service say of themselves, for `cordon status`: the driver's file, the control socket, the
 * pending change of the store. */
#ifndef CORDON_APPS_DAEMON_H
#define CORDON_APPS_DAEMON_H

#include "apps/command.h"
#include "bootcfg/daemon/message.h"
#include "bootcfg/driver/driver.h"
#include "core/base/arena.h"
#include "core/base/json.h"
#include "core/store/pending.h"

struct daemon {
	bool has_record;              /* the driver's file is there */
	struct driver_record record;
	bool running;                 /* cordond has answered, or refused to */
	struct buffer answer;         /* JSON; empty when it is not running or refuses */
	struct arena *arena;
	const struct json *root;      /* of the answer; NULL: none */
	char *refusal;                /* why there is no answer of one that runs; NULL: it has answered, or does not run */
	bool has_pending;
	struct pending pending;
};

/* Never fails: what cannot be found out is left out, or said as a warning.  store: an open one, or NULL.  daemon_done
 * in any case. */
void daemon_read(struct invocation *invocation, struct store *store, struct daemon *ret_daemon);
void daemon_done(struct daemon *daemon);

void daemon_print(const struct daemon *daemon, struct buffer *output);      /* lines */
void daemon_print_json(const struct daemon *daemon, struct buffer *output); /* members: driver, cordond, pending */

/* Where the service of this machine is asked: what its configuration says.  Owned by the arena. */
const char *daemon_socket(struct arena *arena);

/* Asks the service of this machine to look at something now.  False, with a warning (id "service") when there was an answer but
 * no good one: what the caller has changed stands. */
bool daemon_tell(struct invocation *invocation, enum message_type type);

#endif
