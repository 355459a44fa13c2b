/* The table of commands: a new one is a file with its row, and a line here. */
#include "apps/command.h"

#include <string.h>

const struct command *const commands[] = {
	&netsh_command,
	&load_command,
	&save_command,
	&show_command,
	&dump_command,
	&config_command,
	&export_command,
	&explain_command,
	&lint_command,
	&apply_command,
	&confirm_command,
	&rollback_command,
	&lift_command,
	&status_command,
	&boot_command,
	&log_command,
	&query_command,
	&tail_command,
	&replay_command,
	&drift_command,
	&audit_command,
	&report_command,
	&help_command,
	NULL,
};

const struct command *command_find(const char *name)
{
	for (size_t i = 0; commands[i] != NULL; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}
