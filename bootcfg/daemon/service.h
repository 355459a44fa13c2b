/* cordond: a privileged parent that holds netlink and applies (enforcer), an unprivileged child that writes the log of
 * drops (collector), one that talks to users (control).  Whatever ends any of them, the kernel's rules stand. */
#ifndef CORDON_BOOTCFG_DAEMON_SERVICE_H
#define CORDON_BOOTCFG_DAEMON_SERVICE_H

#include "bootcfg/daemon/settings.h"
#include "core/base/diag.h"

#define SERVICE_FOLDER "/run/cordon"
#define SERVICE_LOCK SERVICE_FOLDER "/cordond.lock"

/* Runs until SIGTERM or SIGINT; SIGHUP: looks at the store now.  `ready` (may be NULL) is called once the driver has
 * decided for the first time.  0; ERROR_BUSY: another cordond runs; ERROR_SYSTEM; each with a message. */
int service_run(const struct settings *settings, void (*ready)(void *context), void *context, struct diag *diag);

/* What service_run would do, without doing it and without rights: the settings in force, users, the store and what it
 * asks for, what keeps the children in.  A store that this user may not read is a warning; one that is damaged an error. */
int service_check(const struct settings *settings, struct diag *diag, struct buffer *output);

/* The main function of a child, `words` being what follows --child.  Returns an exit code. */
int service_child(size_t count, char *const words[]);

#endif
