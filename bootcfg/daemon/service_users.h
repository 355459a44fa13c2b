/* As whom the children run, and who may ask. */
#ifndef CORDON_BOOTCFG_DAEMON_SERVICE_USERS_H
#define CORDON_BOOTCFG_DAEMON_SERVICE_USERS_H

#include <sys/types.h>

#include "bootcfg/daemon/settings.h"

struct service_users {
	uid_t uid;
	gid_t gid;
	gid_t group;    /* that may ask; (gid_t)-1: root alone */
};

/* Looked up once, before anything depends on it.  ERROR_INPUT for a name in the configuration that this machine does
 * not know, or that is root's. */
int service_users_find(const struct settings *settings, struct diag *diag, struct service_users *ret_users);

#endif
