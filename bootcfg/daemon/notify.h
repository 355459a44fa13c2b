/* What the service tells systemd (sd_notify(3)); the protocol is one datagram of text, so no library is asked.
 * Without systemd all of this does nothing. */
#ifndef CORDON_BOOTCFG_DAEMON_NOTIFY_H
#define CORDON_BOOTCFG_DAEMON_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

bool notify_wanted(void);              /* $NOTIFY_SOCKET is set: somebody waits for READY=1 */
void notify_send(const char *text);    /* "READY=1\nSTATUS=…" */
int64_t notify_watchdog(void);         /* ms between two signs of life at most; 0: none is asked for */

#endif
