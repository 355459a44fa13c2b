/* What the service says to people besides the log of drops: on standard error, or to syslog once it is in the
 * background. */
#ifndef CORDON_BOOTCFG_DAEMON_NOTICE_H
#define CORDON_BOOTCFG_DAEMON_NOTICE_H

#include "core/base/diag.h"

/* Under systemd each line gets its priority in front (sd-daemon(3)). */
void notice_open(const char *program);
void notice_background(void); /* syslog from now on */

/* One line; text from outside is quoted by who says it. */
void notice_say(enum severity severity, const char *format, ...) ATTR_PRINTF(2, 3);
/* All messages of a diag, which is empty then. */
void notice_diag(struct diag *diag);

#endif
