/* The settings as regedit writes them: "Windows Registry Editor Version 5.00", UTF-16LE with a byte order mark,
 * CRLF (windows-ipsec.md 3.1).  Only properties that are set are written; policy objects are not. */
#ifndef CORDON_BOOTCFG_TARGET_REGFILE_H
#define CORDON_BOOTCFG_TARGET_REGFILE_H

#include "bootcfg/target/target.h"

int regfile_write(const struct state *state, const struct target_options *options, struct diag *diag,
		  struct buffer *output);

#endif
