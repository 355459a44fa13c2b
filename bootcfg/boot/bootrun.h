/* Puts the boot file in force: all that cordon-boot does, and `cordon boot load`.  Needs core/base, the driver's record
 * and libc only. */
#ifndef CORDON_BOOTCFG_BOOT_BOOTRUN_H
#define CORDON_BOOTCFG_BOOT_BOOTRUN_H

#include "core/base/diag.h"

/* file: BOOTFILE or another; by: the program's name for the driver's record (record: DRIVER_FILE).
 *
 *   nothing of ours in force     the file's rules are loaded, one transaction
 *   start-up rules in force      (the initial RAM disk loaded them) the same: nothing; others: the base chains change
 *                                over in one transaction.  A file that says permit never takes them away
 *   what the service applied     stays
 *   the file is missing, damaged or refused   what is in force stays; when nothing is: the built-in block set
 *
 * What was done is a note in diag, what is wrong an error.  Returns an exit code: EXIT_DONE; EXIT_FINDING when
 * something is wrong and the machine is contained all the same; EXIT_SYSTEM when nothing could be loaded. */
int bootrun(const char *file, const char *by, const char *record, struct diag *diag);

#endif
