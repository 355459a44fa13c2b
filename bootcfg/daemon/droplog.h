/* The file /var/log/cordon/drops.log: W3C text, whole lines only, rotated by size.  The collector writes it; `cordon`
 * itself writes its mode changes (apply, lift, rollback), service or no service. */
#ifndef CORDON_BOOTCFG_DAEMON_DROPLOG_H
#define CORDON_BOOTCFG_DAEMON_DROPLOG_H

#include "bootcfg/driver/driver.h"
#include "core/record/record.h"

#define DROPLOG_FOLDER "/var/log/cordon"
#define DROPLOG_FILE "drops.log"

/* A mode change as a record, appended to the log and sent to the journal.  A log that cannot be written is a warning
 * (id "log"): the change itself stands. */
void droplog_mode(const struct driver_row *row, const char *digest, const char *text, struct diag *diag);

#endif
