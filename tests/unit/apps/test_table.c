/* The table of commands, and that help, man page and completion say all that is in it. */
#include <criterion/criterion.h>
#include <string.h>

#include "apps/command.h"
#include "apps/complete.h"
#include "apps/help.h"
#include "apps/options.h"
#include "core/base/cursor.h"

enum { TEXT_MOST = 1u << 22 };

static bool name_is_good(const char *name)
{
	for (const char *at = name; *at != '\0'; at++)
		if (*at != '-' && !ascii_digit(*at) && (*at < 'a' || *at > 'z'))
			return false;
	return *name != '\0' && *name != '-';
}

static void option_check(const char *owner, const struct option *option)
{
	cr_expect(name_is_good(option->name), "%s --%s", owner, option->name);
	cr_expect(option->help != NULL && option->help[0] != '\0', "%s --%s has no help", owner, option->name);
	cr_expect(option->value_at == NULL || option->argument != NULL, "%s --%s has values and no argument", owner, option->name);
	cr_expect(!option->required || option->argument != NULL, "%s --%s", owner, option->name);
	/* An argument written as a|b|c lists exactly the values. */
	if (option->value_at == NULL || strchr(option->argument, '|') == NULL)
		return;
	struct buffer list;
	buffer_init(&list, 4096);
	for (size_t i = 0; option->value_at(i) != NULL; i++)
		buffer_printf(&list, "%s%s", i > 0 ? "|" : "", option->value_at(i));
	cr_expect_str_eq(buffer_text(&list), option->argument, "%s --%s", owner, option->name);
	buffer_done(&list);
}

Test(table, rows_are_whole)
{
	for (size_t i = 0; commands[i] != NULL; i++) {
		const struct command *command = commands[i];
		cr_expect(name_is_good(command->name), "%s", command->name);
		cr_expect(command->run != NULL && command->arguments != NULL && command->help[0] != '\0' &&
			  command->details[0] != '\0', "%s", command->name);
		cr_expect_eq(command->most == 0, command->arguments[0] == '\0', "%s: words and arguments differ", command->name);
		cr_expect_leq(command->least, command->most, "%s", command->name);
		cr_expect_eq(command_find(command->name), command, "%s is there twice", command->name);
		size_t examples = 0;
		while (command->examples[examples] != NULL)
			examples++;
		cr_expect_eq(examples, 4, "%s: two examples, each with what it does", command->name);
		for (size_t j = 0; j < examples; j += 2)
			cr_expect(strstr(command->examples[j], "cordon ") != NULL && strstr(command->examples[j], command->name) != NULL,
				  "%s: %s", command->name, command->examples[j]);
	}
}

/* One name or letter never means two things. */
Test(table, options_are_unambiguous)
{
	for (const struct option *row = global_options; row->name != NULL; row++)
		option_check("cordon", row);
	for (size_t i = 0; commands[i] != NULL; i++) {
		for (const struct option *row = commands[i]->options; row != NULL && row->name != NULL; row++) {
			option_check(commands[i]->name, row);
			for (const struct option *other = row + 1; other->name != NULL; other++)
				cr_expect(strcmp(other->name, row->name) != 0 && (row->letter == 0 || row->letter != other->letter),
					  "%s --%s", commands[i]->name, row->name);
			for (const struct option *other = global_options; other->name != NULL; other++)
				cr_expect(strcmp(other->name, row->name) != 0 && (row->letter == 0 || row->letter != other->letter),
					  "%s --%s is a global one too", commands[i]->name, row->name);
		}
	}
}

/* The words of a text, line ends and indents aside, so that wrapping does not matter. */
static void text_flatten(struct buffer *text)
{
	struct buffer flat;
	buffer_init(&flat, TEXT_MOST);
	for (const char *at = buffer_text(text); *at != '\0';) {
		size_t blanks = strspn(at, " \n"), length = strcspn(at + blanks, " \n");
		if (blanks > 0)
			buffer_add_char(&flat, ' ');
		buffer_add(&flat, at + blanks, length);
		at += blanks + length;
	}
	buffer_done(text);
	*text = flat;
}

static void options_expect(const char *what, const struct option *options, const struct buffer *text, const char *dashes)
{
	for (; options != NULL && options->name != NULL; options++) {
		struct buffer name;
		buffer_init(&name, 256);
		buffer_add_text(&name, dashes);
		for (const char *at = options->name; *at != '\0'; at++)
			buffer_printf(&name, *dashes == '\\' && *at == '-' ? "\\%c" : "%c", *at);
		cr_expect(strstr(buffer_text(text), buffer_text(&name)) != NULL, "%s lacks %s", what, buffer_text(&name));
		buffer_done(&name);
	}
}

Test(table, help_says_every_option_and_example)
{
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	help_print(NULL, &text);
	text_flatten(&text);
	options_expect("cordon help", global_options, &text, "--");
	for (size_t i = 0; commands[i] != NULL; i++)
		cr_expect(strstr(buffer_text(&text), commands[i]->help) != NULL, "cordon help lacks %s", commands[i]->name);
	buffer_done(&text);
	for (size_t i = 0; commands[i] != NULL; i++) {
		buffer_init(&text, TEXT_MOST);
		help_print(commands[i], &text);
		text_flatten(&text);
		options_expect(commands[i]->name, commands[i]->options, &text, "--");
		for (size_t j = 0; commands[i]->examples[j] != NULL; j++)
			cr_expect(strstr(buffer_text(&text), commands[i]->examples[j]) != NULL, "%s lacks its example %s",
				  commands[i]->name, commands[i]->examples[j]);
		buffer_done(&text);
	}
}

Test(table, help_keeps_within_the_terminal)
{
	for (size_t i = 0; i == 0 || commands[i - 1] != NULL; i++) {
		struct buffer text;
		buffer_init(&text, TEXT_MOST);
		help_print(i == 0 ? NULL : commands[i - 1], &text);
		for (const char *line = buffer_text(&text); *line != '\0';) {
			size_t length = strcspn(line, "\n"), width = 0;
			for (size_t j = 0; j < length; j++)
				width += ((unsigned char)line[j] & 0xc0) != 0x80;
			/* An example is never broken. */
			cr_expect(width <= 100 || strncmp(line, "  cordon", 8) == 0 || strncmp(line, "  printf", 8) == 0, "%.*s",
				  (int)length, line);
			line += length + (line[length] == '\n');
		}
		buffer_done(&text);
	}
}

Test(table, manual_says_every_command_and_option)
{
	struct buffer text;
	buffer_init(&text, TEXT_MOST);
	manual_print(&text);
	options_expect("cordon(1)", global_options, &text, "\\-\\-");
	for (size_t i = 0; commands[i] != NULL; i++) {
		struct buffer heading;
		buffer_init(&heading, 256);
		buffer_printf(&heading, ".SS cordon %s\n", commands[i]->name);
		cr_expect(strstr(buffer_text(&text), buffer_text(&heading)) != NULL, "cordon(1) lacks %s", commands[i]->name);
		options_expect(commands[i]->name, commands[i]->options, &text, "\\-\\-");
		buffer_done(&heading);
	}
	for (size_t i = 0; i < text.length; i++)
		cr_assert((unsigned char)text.data[i] < 0x80, "cordon(1) is not ASCII at byte %zu", i);
	buffer_done(&text);
}

Test(table, completion_says_every_command_and_option)
{
	static const struct {
		const char *name;
		void (*print)(struct buffer *buffer);
	} shells[] = {{"bash", complete_bash}, {"zsh", complete_zsh}};
	for (size_t i = 0; i < ARRAY_LENGTH(shells); i++) {
		struct buffer text;
		buffer_init(&text, TEXT_MOST);
		shells[i].print(&text);
		options_expect(shells[i].name, global_options, &text, "--");
		for (size_t j = 0; commands[j] != NULL; j++) {
			cr_expect(strstr(buffer_text(&text), commands[j]->name) != NULL, "%s lacks %s", shells[i].name,
				  commands[j]->name);
			options_expect(shells[i].name, commands[j]->options, &text, "--");
		}
		buffer_done(&text);
	}
}
