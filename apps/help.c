/* cordon help, and what --help prints. */
#include "apps/help.h"

#include <string.h>

#include "apps/complete.h"
#include "apps/options.h"
#include "core/base/error.h"

VALUES_DEFINE(shell_at, "bash", "zsh")

static const struct option help_options[] = {
	{.name = "man", .help = "print the man page cordon(1) in the man macros"},
	{.name = "completion", .argument = "bash|zsh", .value_at = shell_at, .help = "print the completion for this shell"},
	{.name = NULL},
};

static const char *const help_examples[] = {
	"cordon help load",
	"prints the options of cordon load and two examples",
	"cordon help --completion bash",
	"prints the completion for bash: eval it, or put it where bash-completion looks",
	NULL,
};

const char *const help_exit_codes[] = {
	"0", "done (warnings do not change that)",
	"1", "a finding: kernel and store differ, a script was partly refused under --keep-going",
	"2", "bad input or usage; nothing was changed",
	"3", "the system refused (permission, kernel, a file that cannot be written); nothing was changed",
	"4", "a bug in Cordon",
	NULL,
};

const char *const help_environment[] = {
	"CORDON_STORE", "the store, when --store is not given",
	"CORDON_PROFILES", "folders with profiles, separated by colons, looked at before the ones that come with Cordon",
	"NO_COLOR", "no colour in messages, unless --color always",
	NULL,
};

enum { WIDTH = 100, COLUMN = 30 };

/* How wide text is on a terminal; our own texts have one column a character. */
static size_t text_width(const char *text, size_t length)
{
	size_t width = 0;
	for (size_t i = 0; i < length; i++)
		width += ((unsigned char)text[i] & 0xc0) != 0x80;
	return width;
}

/* Text in lines of at most WIDTH, all but the first indented; `column` is where the first starts. */
static void text_wrap(struct buffer *buffer, const char *text, size_t column, size_t indent)
{
	bool first = true;
	while (*text != '\0') {
		size_t length = strcspn(text, " \n"), width = text_width(text, length);
		if (!first && column + 1 + width > WIDTH) {
			buffer_printf(buffer, "\n%*s", (int)indent, "");
			column = indent;
		} else if (!first) {
			buffer_add_char(buffer, ' ');
			column++;
		}
		buffer_add(buffer, text, length);
		column += width;
		first = false;
		text += length;
		if (text[0] == '\n' && text[1] == '\n') {
			buffer_printf(buffer, "\n\n%*s", (int)indent, "");
			column = indent;
			first = true;
		}
		text += strspn(text, " \n");
	}
	buffer_add_char(buffer, '\n');
}

static void row_print(struct buffer *buffer, const char *name, const char *help)
{
	size_t width = 2 + text_width(name, strlen(name));
	buffer_printf(buffer, "  %s", name);
	if (width + 2 > COLUMN) {
		buffer_add_char(buffer, '\n');
		width = 0;
	}
	buffer_printf(buffer, "%*s", (int)(COLUMN - width), "");
	text_wrap(buffer, help, COLUMN, COLUMN);
}

/* "-f, --file SCRIPT|-" */
static void option_name(const struct option *option, struct buffer *buffer)
{
	if (option->letter != 0)
		buffer_printf(buffer, "-%c, ", option->letter);
	buffer_printf(buffer, "--%s", option->name);
	if (option->argument != NULL)
		buffer_printf(buffer, " %s", option->argument);
}

/* The help, and the values where the argument does not say them. */
static void option_help(const struct option *option, struct buffer *buffer)
{
	buffer_add_text(buffer, option->help);
	if (option->value_at != NULL && strchr(option->argument, '|') == NULL)
		for (size_t i = 0; option->value_at(i) != NULL; i++)
			buffer_printf(buffer, "%s%s", i == 0 ? ": " : ", ", option->value_at(i));
	if (option->repeats)
		buffer_add_text(buffer, " (may be given several times)");
}

static void options_print(const struct option *options, struct buffer *buffer)
{
	struct buffer name, help;
	buffer_init(&name, 4096);
	buffer_init(&help, 4096);
	for (; options != NULL && options->name != NULL; options++) {
		buffer_clear(&name);
		buffer_clear(&help);
		option_name(options, &name);
		option_help(options, &help);
		row_print(buffer, buffer_text(&name), buffer_text(&help));
	}
	buffer_done(&name);
	buffer_done(&help);
}

void usage_print(const struct command *command, struct buffer *buffer)
{
	buffer_printf(buffer, "cordon %s", command->name);
	for (const struct option *option = command->options; option != NULL && option->name != NULL; option++) {
		buffer_add_text(buffer, option->required ? " " : " [");
		if (option->letter != 0)
			buffer_printf(buffer, "-%c", option->letter);
		else
			buffer_printf(buffer, "--%s", option->name);
		if (option->argument != NULL)
			buffer_printf(buffer, " %s", option->argument);
		buffer_printf(buffer, "%s%s", option->required ? "" : "]", option->repeats ? "…" : "");
	}
	if (command->arguments[0] != '\0')
		buffer_printf(buffer, " %s", command->arguments);
}

static void pairs_print(const char *const *pairs, struct buffer *buffer)
{
	for (; *pairs != NULL; pairs += 2)
		row_print(buffer, pairs[0], pairs[1]);
}

static void program_print(struct buffer *buffer)
{
	buffer_add_text(buffer, "cordon - contains a server from its first packet, in the policy language of Windows IPsec\n\n"
				"Usage: cordon [OPTION…] COMMAND [OPTION…] [WORD…]\n\nCommands:\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		row_print(buffer, commands[i]->name, commands[i]->help);
	buffer_add_text(buffer, "\nOptions of all commands, before or after the command:\n");
	options_print(global_options, buffer);
	buffer_add_text(buffer, "\nEnvironment:\n");
	pairs_print(help_environment, buffer);
	buffer_add_text(buffer, "\nExit codes:\n");
	pairs_print(help_exit_codes, buffer);
	buffer_add_text(buffer, "\ncordon help COMMAND prints the options of a command and two examples.\n");
}

void help_print(const struct command *command, struct buffer *buffer)
{
	if (command == NULL) {
		program_print(buffer);
		return;
	}
	buffer_printf(buffer, "cordon %s - %s\n\nUsage: ", command->name, command->help);
	struct buffer usage;
	buffer_init(&usage, 4096);
	usage_print(command, &usage);
	text_wrap(buffer, buffer_text(&usage), 7, 11);
	buffer_done(&usage);
	buffer_add_char(buffer, '\n');
	text_wrap(buffer, command->details, 0, 0);
	if (command->options != NULL) {
		buffer_add_text(buffer, "\nOptions:\n");
		options_print(command->options, buffer);
	}
	buffer_add_text(buffer, "\nOptions of all commands:\n");
	options_print(global_options, buffer);
	buffer_add_text(buffer, "\nExamples:\n");
	for (const char *const *example = command->examples; *example != NULL; example += 2) {
		buffer_printf(buffer, "  %s\n      ", example[0]);
		text_wrap(buffer, example[1], 6, 6);
	}
}

static int help_run(struct invocation *invocation)
{
	const char *shell = invocation_option(invocation, "completion");
	bool manual = invocation_option(invocation, "man") != NULL;
	const struct command *command = NULL;
	if (manual + (shell != NULL) + (invocation->word_count > 0) > 1) {
		diag_error(invocation->diag, NULL, "give one of COMMAND, --man and --completion");
		return EXIT_INPUT;
	}
	if (invocation->word_count > 0) {
		const char *name = invocation->words[0];
		command = command_find(name);
		if (command == NULL) {
			struct buffer nearest;
			buffer_init(&nearest, 4096);
			diag_error(invocation->diag, NULL, "unknown command %s%s", QUOTE(name),
				   nearest_words(name, command_at, &nearest));
			buffer_done(&nearest);
			return EXIT_INPUT;
		}
	}
	if (manual)
		manual_print(invocation->output);
	else if (shell != NULL && strcmp(shell, "bash") == 0)
		complete_bash(invocation->output);
	else if (shell != NULL)
		complete_zsh(invocation->output);
	else
		help_print(command, invocation->output);
	return EXIT_DONE;
}

const struct command help_command = {
	.name = "help",
	.arguments = "[COMMAND]",
	.help = "print help, the man page, or completion for a shell",
	.details = "Without COMMAND the commands are listed. Help, man page, completion and the parser read one table, so they "
		   "cannot differ.",
	.options = help_options,
	.examples = help_examples,
	.most = 1,
	.words = VALUE_COMMAND,
	.run = help_run,
};
