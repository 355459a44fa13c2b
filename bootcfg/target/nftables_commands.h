/* Commands for nft, run through libnftables. */
#ifndef CORDON_BOOTCFG_TARGET_NFTABLES_COMMANDS_H
#define CORDON_BOOTCFG_TARGET_NFTABLES_COMMANDS_H

#include <stddef.h>

#include "core/base/diag.h"

/* Runs lines of commands, in as many transactions as a socket buffer of `room` bytes (channel_room) asks for: only
 * for what nothing refers to yet.  0 or a negative errno, -ENOENT when something that the text names is not there; the message names
 * the line. */
int commands_stage(const char *text, size_t length, size_t room, struct diag *diag);
/* One transaction. */
int commands_run(const char *text, struct diag *diag);

#endif
