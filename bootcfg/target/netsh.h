/* The store as netsh commands for a Windows machine: a clean slate, the settings, policies, filter actions,
 * filter lists, filters, rules, and last the assignment.  What that Windows cannot do is there as a comment,
 * and a warning names what does it today. */
#ifndef CORDON_BOOTCFG_TARGET_NETSH_H
#define CORDON_BOOTCFG_TARGET_NETSH_H

#include "bootcfg/target/target.h"

/* For `netsh -f`: LF, comments with #. */
int netsh_write(const struct state *state, const struct target_options *options, struct diag *diag, struct buffer *output);

/* A batch file: CRLF; the exit code is the number of commands that failed. */
int cmd_write(const struct state *state, const struct target_options *options, struct diag *diag, struct buffer *output);

/* "2003", "2008", "2016+" as --os takes them. */
const char *windows_name(enum windows windows);
bool windows_parse(const char *text, enum windows *ret_windows);

#endif
