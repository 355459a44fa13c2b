/* cordon(1), in the man macros, from the table of commands. */
#include <string.h>

#include "apps/help.h"
#include "apps/options.h"
#include "core/base/utf8.h"
#include "core/store/store.h"

/* The character that is `bytes` long, as a number. */
static unsigned code_point(const char *text, size_t bytes)
{
	static const unsigned char first[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
	unsigned code = (unsigned char)text[0] & first[bytes];
	for (size_t i = 1; i < bytes; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return code;
}

/* Text that roff takes as it is: no macro at the start of a line, no escape, no clever dash or quote. */
static void roff_add(struct buffer *buffer, const char *text)
{
	static const struct {
		char plain;
		const char *roff;
	} escapes[] = {{'\\', "\\e"}, {'-', "\\-"}, {'\'', "\\(aq"}, {'`', "\\(ga"}, {'^', "\\(ha"}, {'~', "\\(ti"}, {'"', "\\(dq"}};
	if (*text == '.')
		buffer_add_text(buffer, "\\&");
	for (size_t bytes; *text != '\0'; text += bytes) {
		const char *roff = NULL;
		bytes = utf8_length(text, strlen(text));
		for (size_t i = 0; i < ARRAY_LENGTH(escapes); i++)
			if (*text == escapes[i].plain)
				roff = escapes[i].roff;
		if (bytes > 1)
			buffer_printf(buffer, "\\[u%04X]", code_point(text, bytes));
		else if (roff != NULL)
			buffer_add_text(buffer, roff);
		else
			buffer_add_char(buffer, *text);
		if (bytes == 0)
			bytes = 1;
	}
}

/* Paragraphs are separated by empty lines. */
static void paragraphs_add(struct buffer *buffer, const char *text)
{
	struct buffer part;
	buffer_init(&part, 65536);
	while (*text != '\0') {
		const char *end = strstr(text, "\n\n");
		buffer_clear(&part);
		buffer_add(&part, text, end != NULL ? (size_t)(end - text) : strlen(text));
		buffer_add_text(buffer, ".PP\n");
		roff_add(buffer, buffer_text(&part));
		buffer_add_char(buffer, '\n');
		text = end != NULL ? end + 2 : text + strlen(text);
	}
	buffer_done(&part);
}

static void bold_add(struct buffer *buffer, const char *text)
{
	buffer_add_text(buffer, "\\fB");
	roff_add(buffer, text);
	buffer_add_text(buffer, "\\fR");
}

static void options_add(struct buffer *buffer, const struct option *options)
{
	for (; options != NULL && options->name != NULL; options++) {
		buffer_add_text(buffer, ".TP\n");
		if (options->letter != 0)
			buffer_printf(buffer, "\\fB\\-%c\\fR, ", options->letter);
		buffer_add_text(buffer, "\\fB\\-\\-");
		roff_add(buffer, options->name);
		buffer_add_text(buffer, "\\fR");
		if (options->argument != NULL) {
			buffer_add_text(buffer, " \\fI");
			roff_add(buffer, options->argument);
			buffer_add_text(buffer, "\\fR");
		}
		buffer_add_char(buffer, '\n');
		roff_add(buffer, options->help);
		if (options->value_at != NULL && strchr(options->argument, '|') == NULL) {
			for (size_t i = 0; options->value_at(i) != NULL; i++) {
				buffer_add_text(buffer, i == 0 ? ": " : ", ");
				roff_add(buffer, options->value_at(i));
			}
		}
		buffer_add_text(buffer, options->repeats ? " (may be given several times)\n" : "\n");
	}
}

static void pairs_add(struct buffer *buffer, const char *const *pairs)
{
	for (; *pairs != NULL; pairs += 2) {
		buffer_add_text(buffer, ".TP\n");
		bold_add(buffer, pairs[0]);
		buffer_add_char(buffer, '\n');
		roff_add(buffer, pairs[1]);
		buffer_add_char(buffer, '\n');
	}
}

static void command_add(struct buffer *buffer, const struct command *command)
{
	struct buffer usage;
	buffer_init(&usage, 4096);
	usage_print(command, &usage);
	buffer_printf(buffer, ".SS cordon %s\n", command->name);
	roff_add(buffer, buffer_text(&usage));
	buffer_add_char(buffer, '\n');
	buffer_done(&usage);
	paragraphs_add(buffer, command->details);
	options_add(buffer, command->options);
	for (const char *const *example = command->examples; *example != NULL; example += 2) {
		buffer_add_text(buffer, ".PP\nExample: ");
		roff_add(buffer, example[1]);
		buffer_add_text(buffer, "\n.PP\n.RS 4\n.nf\n");
		roff_add(buffer, example[0]);
		buffer_add_text(buffer, "\n.fi\n.RE\n");
	}
}

void manual_print(struct buffer *buffer)
{
	buffer_add_text(buffer,
			".\\\" Printed by `cordon help --man` from the table of commands.\n"
			".TH CORDON 1 \"\" \"Cordon " CORDON_VERSION "\" \"User Commands\"\n"
			".SH NAME\ncordon \\- contain a server, in the policy language of Windows IPsec\n"
			".SH SYNOPSIS\n\\fBcordon\\fR [\\fIOPTION\\fR]... \\fICOMMAND\\fR [\\fIOPTION\\fR]... [\\fIWORD\\fR]...\n"
			".SH DESCRIPTION\n");
	roff_add(buffer, "Cordon takes a policy in the language of netsh ipsec, or as a JSON profile, keeps it in a store, says what it "
			 "does with a packet, and puts it into force in the kernel's nftables.");
	buffer_add_char(buffer, '\n');
	paragraphs_add(buffer, "Results go to standard output, messages to standard error as FILE:LINE:COLUMN: error: TEXT. What was "
			       "refused has changed nothing.");
	buffer_add_text(buffer, ".SH OPTIONS\nBefore or after the command, of all commands:\n");
	options_add(buffer, global_options);
	buffer_add_text(buffer, ".PP\nOptions end at \\fB\\-\\-\\fR; what follows are words.\n.SH COMMANDS\n");
	for (size_t i = 0; commands[i] != NULL; i++)
		command_add(buffer, commands[i]);
	buffer_add_text(buffer, ".SH EXIT STATUS\n");
	pairs_add(buffer, help_exit_codes);
	buffer_add_text(buffer, ".SH ENVIRONMENT\n");
	pairs_add(buffer, help_environment);
	buffer_add_text(buffer, ".SH FILES\n.TP\n");
	bold_add(buffer, STORE_DEFAULT);
	buffer_add_text(buffer, "\nthe store of this machine\n");
}
