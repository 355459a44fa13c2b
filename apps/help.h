/* Help, the man page: both are printed from the table of commands. */
#ifndef CORDON_APPS_HELP_H
#define CORDON_APPS_HELP_H

#include "apps/command.h"

/* What --help prints for a command, or for the program when it is NULL. */
void help_print(const struct command *command, struct buffer *buffer);

/* cordon(1) in the man macros. */
void manual_print(struct buffer *buffer);

/* cordon load [--set NAME=VALUE]… [PROFILE] */
void usage_print(const struct command *command, struct buffer *buffer);

extern const char *const help_exit_codes[];  /* code, meaning, …; NULL */
extern const char *const help_environment[]; /* variable, meaning, …; NULL */

#endif
