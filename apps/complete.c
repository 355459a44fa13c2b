#include "apps/complete.h"

#include <string.h>

#include "apps/options.h"

static void values_add(struct buffer *buffer, const char *(*value_at)(size_t index))
{
	for (size_t i = 0; value_at(i) != NULL; i++)
		buffer_printf(buffer, "%s%s", i > 0 ? " " : "", value_at(i));
}

/* The patterns of a shell's case: --file|-f */
static void option_patterns(struct buffer *buffer, const char *before, const struct option *option)
{
	buffer_printf(buffer, "%s--%s", before, option->name);
	if (option->letter != 0)
		buffer_printf(buffer, "|%s-%c", before, option->letter);
}

/* What may follow each option that takes a value; `command` is a pattern. */
static void bash_values(struct buffer *buffer, const char *command, const struct option *options)
{
	struct buffer before;
	buffer_init(&before, 256);
	buffer_printf(&before, "%s:", command);
	for (; options != NULL && options->name != NULL; options++) {
		if (options->argument == NULL)
			continue;
		buffer_add_text(buffer, "\t");
		option_patterns(buffer, buffer_text(&before), options);
		buffer_add_text(buffer, ") ");
		if (options->value_at != NULL) {
			buffer_add_text(buffer, "_cordon_words \"");
			values_add(buffer, options->value_at);
			buffer_add_text(buffer, "\"; ");
		}
		buffer_add_text(buffer, "return ;;\n");
	}
	buffer_done(&before);
}

static void bash_names(struct buffer *buffer, const struct option *options)
{
	for (; options != NULL && options->name != NULL; options++)
		buffer_printf(buffer, " --%s", options->name);
}

/* The first word of a command, where it is one of a few. */
static void bash_words(struct buffer *buffer, const struct command *command)
{
	if (command->word_at != NULL) {
		buffer_printf(buffer, "\t%s) ((words == 0)) && _cordon_words \"", command->name);
		values_add(buffer, command->word_at);
		buffer_add_text(buffer, "\" ;;\n");
	} else if (command->words == VALUE_PROFILE) {
		buffer_printf(buffer, "\t%s) _cordon_words \"$(\"${COMP_WORDS[0]}\" load --list -q 2>/dev/null)\" ;;\n",
			      command->name);
	} else if (command->words == VALUE_COMMAND) {
		buffer_printf(buffer, "\t%s) _cordon_words \"", command->name);
		values_add(buffer, command_at);
		buffer_add_text(buffer, "\" ;;\n");
	}
}

/* Readline takes = for a word of its own, so --mode=sec is three words. */
static const char bash_start[] =
	"# Completion of cordon for bash, printed by `cordon help --completion bash`.\n"
	"_cordon_words()\n{\n"
	"\tmapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$current\")\n}\n\n"
	"_cordon()\n{\n"
	"\tlocal current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} command='' options='' words=0 i\n"
	"\tCOMPREPLY=()\n"
	"\tif [[ $current == = ]]; then\n\t\tcurrent=\n"
	"\telif [[ $previous == = ]]; then\n\t\tprevious=${COMP_WORDS[COMP_CWORD-2]}\n\tfi\n"
	"\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
	"\t\tcase $command:${COMP_WORDS[i]} in\n";

/* A value is no word, and no command. */
static void bash_skips(struct buffer *buffer, const char *command, const struct option *options)
{
	struct buffer before;
	buffer_init(&before, 256);
	buffer_printf(&before, "%s:", command);
	for (; options != NULL && options->name != NULL; options++) {
		if (options->argument == NULL)
			continue;
		buffer_add_text(buffer, "\t\t");
		option_patterns(buffer, buffer_text(&before), options);
		buffer_add_text(buffer, ") [[ ${COMP_WORDS[i+1]} == = ]] && ((i++)); ((i++)) ;;\n");
	}
	buffer_done(&before);
}

void complete_bash(struct buffer *buffer)
{
	buffer_add_text(buffer, bash_start);
	bash_skips(buffer, "*", global_options);
	for (size_t i = 0; commands[i] != NULL; i++)
		bash_skips(buffer, commands[i]->name, commands[i]->options);
	buffer_add_text(buffer, "\t\t*:=) ((i++)) ;;\n\t\t*:-*) ;;\n\t\t:*) command=${COMP_WORDS[i]} ;;\n\t\t*) ((words++)) ;;\n\t\tesac\n\tdone\n"
				"\tcase $command:$previous in\n");
	bash_values(buffer, "*", global_options);
	for (size_t i = 0; commands[i] != NULL; i++)
		bash_values(buffer, commands[i]->name, commands[i]->options);
	buffer_add_text(buffer, "\tesac\n\tif [[ $current == -* ]]; then\n\t\tcase $command in\n");
	for (size_t i = 0; commands[i] != NULL; i++) {
		if (commands[i]->options == NULL)
			continue;
		buffer_printf(buffer, "\t\t%s) options='", commands[i]->name);
		bash_names(buffer, commands[i]->options);
		buffer_add_text(buffer, "' ;;\n");
	}
	buffer_add_text(buffer, "\t\tesac\n\t\t_cordon_words \"$options");
	bash_names(buffer, global_options);
	buffer_add_text(buffer, "\"\n\t\treturn\n\tfi\n\tcase $command in\n\t'') _cordon_words \"");
	values_add(buffer, command_at);
	buffer_add_text(buffer, "\" ;;\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		bash_words(buffer, commands[i]);
	buffer_add_text(buffer, "\tesac\n}\ncomplete -o default -F _cordon cordon\n");
}

/* Text within single quotes, and within the brackets or between the colons of a spec of _arguments. */
static void zsh_text(struct buffer *buffer, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == '\'')
			buffer_add_text(buffer, "'\\''");
		else if (strchr("[]:\\", *text) != NULL)
			buffer_printf(buffer, "\\%c", *text);
		else
			buffer_add_char(buffer, *text);
	}
}

static void zsh_kind(struct buffer *buffer, enum value_kind kind, const char *(*value_at)(size_t index))
{
	static const char *const actions[] = {
		[VALUE_TEXT] = " ", [VALUE_FILE] = "_files", [VALUE_PROFILE] = "_cordon_profiles", [VALUE_COMMAND] = "_cordon_commands",
	};
	if (value_at == NULL) {
		buffer_add_text(buffer, actions[kind]);
		return;
	}
	buffer_add_char(buffer, '(');
	values_add(buffer, value_at);
	buffer_add_char(buffer, ')');
}

/* The specs of options, each on a line that goes on. */
static void zsh_options(struct buffer *buffer, const struct option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		const char *sign = options->argument != NULL ? "=" : "";
		buffer_add_text(buffer, " \\\n\t\t");
		if (options->letter != 0)
			buffer_printf(buffer, "'(-%c --%s)'{-%c,--%s%s}'[", options->letter, options->name, options->letter,
				      options->name, sign);
		else
			buffer_printf(buffer, "'%s--%s%s[", options->repeats ? "*" : "", options->name, sign);
		zsh_text(buffer, options->help);
		buffer_add_char(buffer, ']');
		if (options->argument != NULL) {
			buffer_add_char(buffer, ':');
			zsh_text(buffer, options->argument);
			buffer_add_char(buffer, ':');
			zsh_kind(buffer, options->kind, options->value_at);
		}
		buffer_add_char(buffer, '\'');
	}
}

static void zsh_command(struct buffer *buffer, const struct command *command)
{
	buffer_printf(buffer, "\t%s) _arguments", command->name);
	zsh_options(buffer, command->options);
	zsh_options(buffer, global_options);
	if (command->word_at != NULL) {
		buffer_add_text(buffer, " \\\n\t\t'1:word:");
		zsh_kind(buffer, VALUE_TEXT, command->word_at);
		buffer_add_char(buffer, '\'');
	}
	if (command->most > (command->word_at != NULL ? 1u : 0u)) {
		buffer_add_text(buffer, " \\\n\t\t'*:word:");
		zsh_kind(buffer, command->words, NULL);
		buffer_add_char(buffer, '\'');
	}
	buffer_add_text(buffer, " ;;\n");
}

void complete_zsh(struct buffer *buffer)
{
	buffer_add_text(buffer, "#compdef cordon\n"
				"# Completion of cordon for zsh, printed by `cordon help --completion zsh`.\n\n"
				"_cordon_profiles()\n{\n\tlocal -a profiles\n"
				"\tprofiles=(${(f)\"$(cordon load --list -q 2>/dev/null)\"})\n"
				"\t_alternative \"profiles:profile:(($profiles))\" 'files:file:_files'\n}\n\n"
				"_cordon_commands()\n{\n\tlocal -a commands\n\tcommands=(");
	for (size_t i = 0; commands[i] != NULL; i++) {
		buffer_printf(buffer, "\n\t\t'%s:", commands[i]->name);
		zsh_text(buffer, commands[i]->help);
		buffer_add_char(buffer, '\'');
	}
	buffer_add_text(buffer, "\n\t)\n\t_describe command commands\n}\n\n"
				"_cordon()\n{\n\tlocal context state state_descr line\n\ttypeset -A opt_args\n\t_arguments -C");
	zsh_options(buffer, global_options);
	buffer_add_text(buffer, " \\\n\t\t'1:command:_cordon_commands' '*::word:->words' && return\n\tcase $line[1] in\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		zsh_command(buffer, commands[i]);
	buffer_add_text(buffer, "\tesac\n}\n\n_cordon \"$@\"\n");
}
