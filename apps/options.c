#include "apps/options.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/store.h"

VALUES_DEFINE(location_at, "local", "persistent", "dynamic")
VALUES_DEFINE(color_at, "auto", "always", "never")

const struct option global_options[] = {
	{.name = "store", .argument = "FILE", .kind = VALUE_FILE,
	 .help = "the store; otherwise $CORDON_STORE, otherwise " STORE_DEFAULT},
	{.name = "location", .argument = "local|persistent|dynamic", .value_at = location_at,
	 .help = "the part of the store that is meant (default local)"},
	{.name = "json", .help = "print results as JSON"},
	{.name = "color", .argument = "auto|always|never", .value_at = color_at,
	 .help = "colour in messages (default auto: on a terminal, unless $NO_COLOR is set)"},
	{.name = "quiet", .letter = 'q', .help = "print no notes and no warnings"},
	{.name = "verbose", .letter = 'v', .help = "say more"},
	{.name = "version", .help = "print the version"},
	{.name = "help", .letter = 'h', .help = "print help, of the command where one is given"},
	{.name = NULL},
};

/* What is kept while the arguments are read. */
struct parser {
	struct invocation *invocation;
	char **arguments;
	size_t at, count;
	const char *color;
};

const char *invocation_option(const struct invocation *invocation, const char *name)
{
	for (size_t i = invocation->given_count; i-- > 0;)
		if (strcmp(invocation->given[i].option->name, name) == 0)
			return invocation->given[i].value;
	return NULL;
}

const char *nearest_words(const char *word, const char *(*value_at)(size_t index), struct buffer *buffer)
{
	const char *names[NEAREST_NAMES + 1];
	size_t count = 0;
	while (count < NEAREST_NAMES && (names[count] = value_at(count)) != NULL)
		count++;
	names[count] = NULL;
	buffer_clear(buffer);
	const char *nearest = word_nearest(word, strlen(word), names);
	if (nearest != NULL)
		buffer_printf(buffer, "; did you mean %s?", nearest);
	return buffer_text(buffer);
}

static bool option_named(const struct option *option, const char *name, size_t length, char letter)
{
	if (letter != 0)
		return option->letter == letter;
	return strlen(option->name) == length && memcmp(option->name, name, length) == 0;
}

static const struct option *option_in(const struct option *options, const char *name, size_t length, char letter)
{
	for (; options != NULL && options->name != NULL; options++)
		if (option_named(options, name, length, letter))
			return options;
	return NULL;
}

/* By long name, or by letter when that is not 0. */
static const struct option *option_find(const struct command *command, const char *name, size_t length, char letter)
{
	const struct option *option = command != NULL ? option_in(command->options, name, length, letter) : NULL;
	return option != NULL ? option : option_in(global_options, name, length, letter);
}

static void option_unknown(struct parser *parser, const char *name, size_t length)
{
	const struct command *command = parser->invocation->command;
	const char *names[NEAREST_NAMES + 1];
	size_t count = 0;
	for (const struct option *row = command != NULL ? command->options : NULL; row != NULL && row->name != NULL; row++)
		if (count < NEAREST_NAMES)
			names[count++] = row->name;
	for (const struct option *row = global_options; row->name != NULL && count < NEAREST_NAMES; row++)
		names[count++] = row->name;
	names[count] = NULL;
	const char *nearest = word_nearest(name, length, names);
	const char *what = command != NULL ? command->name : "";
	if (nearest != NULL)
		diag_error(parser->invocation->diag, NULL, "unknown option %s; did you mean --%s?",
			   QUOTE(parser->arguments[parser->at]), nearest);
	else
		diag_error(parser->invocation->diag, NULL, "unknown option %s: cordon help%s%s lists those that there are",
			   QUOTE(parser->arguments[parser->at]), *what != '\0' ? " " : "", what);
}

/* One of those that there are, in any case; *value is spelled as it is listed then. */
static int value_check(struct parser *parser, const struct option *option, const char **value)
{
	if (option->value_at == NULL)
		return 0;
	struct buffer list, nearest;
	buffer_init(&list, 4096);
	buffer_init(&nearest, 4096);
	for (size_t i = 0; option->value_at(i) != NULL; i++) {
		if (ascii_equal(option->value_at(i), *value)) {
			*value = option->value_at(i);
			buffer_done(&list);
			return 0;
		}
		buffer_printf(&list, "%s%s", i > 0 ? ", " : "", option->value_at(i));
	}
	diag_error(parser->invocation->diag, NULL, "--%s is %s, which is none of %s%s", option->name, QUOTE(*value),
		   buffer_text(&list), nearest_words(*value, option->value_at, &nearest));
	buffer_done(&list);
	buffer_done(&nearest);
	return ERROR_INPUT;
}

static void global_set(struct parser *parser, const struct option *option, const char *value)
{
	struct invocation *invocation = parser->invocation;
	const struct {
		const char *name;
		bool *flag;
		const char **text;
	} rows[] = {
		{"store", NULL, &invocation->store}, {"color", NULL, &parser->color},
		{"json", &invocation->json, NULL},   {"quiet", &invocation->quiet, NULL},
		{"verbose", &invocation->verbose, NULL}, {"version", &invocation->version, NULL},
		{"help", &invocation->help, NULL},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		if (strcmp(option->name, rows[i].name) != 0)
			continue;
		if (rows[i].flag != NULL)
			*rows[i].flag = true;
		else
			*rows[i].text = value;
	}
	if (strcmp(option->name, "location") == 0) {
		invocation->has_location = true;
		(void)location_parse(value, strlen(value), &invocation->location);
	}
}

static int option_set(struct parser *parser, const struct option *option, const char *value)
{
	struct invocation *invocation = parser->invocation;
	if (option->argument != NULL && value[0] == '\0' && option->kind != VALUE_TEXT) {
		diag_error(invocation->diag, NULL, "--%s is empty: it needs %s", option->name, option->argument);
		return ERROR_INPUT;
	}
	int error = value_check(parser, option, &value);
	if (error < 0)
		return error;
	if (option_in(global_options, option->name, strlen(option->name), 0) == option) {
		global_set(parser, option, value);
		return 0;
	}
	if (!option->repeats && option->argument != NULL && invocation_option(invocation, option->name) != NULL) {
		diag_error(invocation->diag, NULL, "--%s was given twice", option->name);
		return ERROR_INPUT;
	}
	invocation->given[invocation->given_count++] = (struct given){option, value};
	return 0;
}

/* The argument after this one, as the value of an option. */
static int value_next(struct parser *parser, const struct option *option)
{
	if (parser->at + 1 == parser->count) {
		diag_error(parser->invocation->diag, NULL, "--%s needs %s after it", option->name, option->argument);
		return ERROR_INPUT;
	}
	return option_set(parser, option, parser->arguments[++parser->at]);
}

static int long_parse(struct parser *parser, const char *name)
{
	size_t length = strcspn(name, "=");
	const struct option *option = option_find(parser->invocation->command, name, length, 0);
	if (option == NULL) {
		option_unknown(parser, name, length);
		return ERROR_INPUT;
	}
	if (option->argument == NULL && name[length] == '=') {
		diag_error(parser->invocation->diag, NULL, "--%s takes no value", option->name);
		return ERROR_INPUT;
	}
	if (option->argument == NULL)
		return option_set(parser, option, "");
	return name[length] == '=' ? option_set(parser, option, name + length + 1) : value_next(parser, option);
}

/* -q, -qv, -f FILE, -fFILE */
static int short_parse(struct parser *parser, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct option *option = option_find(parser->invocation->command, "", 0, *letters);
		if (option == NULL) {
			option_unknown(parser, "", 0);
			return ERROR_INPUT;
		}
		if (option->argument != NULL)
			return letters[1] != '\0' ? option_set(parser, option, letters + 1) : value_next(parser, option);
		int error = option_set(parser, option, "");
		if (error < 0)
			return error;
	}
	return 0;
}

const char *command_at(size_t index)
{
	return commands[index] != NULL ? commands[index]->name : NULL;
}

static int word_parse(struct parser *parser, const char *word)
{
	struct invocation *invocation = parser->invocation;
	if (invocation->command != NULL) {
		invocation->words[invocation->word_count++] = word;
		return 0;
	}
	invocation->command = command_find(word);
	if (invocation->command != NULL)
		return 0;
	struct buffer nearest;
	buffer_init(&nearest, 4096);
	const char *words = nearest_words(word, command_at, &nearest);
	diag_error(invocation->diag, NULL, "unknown command %s%s", QUOTE(word),
		   *words != '\0' ? words : ": cordon help lists the commands of this release");
	buffer_done(&nearest);
	return ERROR_INPUT;
}

/* In the words of a raw command only our own long options, spelt in full, are options. */
static bool is_option(const struct invocation *invocation, const char *argument)
{
	if (argument[0] != '-' || argument[1] == '\0')
		return false;
	if (invocation->command == NULL || !invocation->command->raw || invocation->word_count == 0)
		return true;
	return argument[1] == '-' && option_find(invocation->command, argument + 2, strcspn(argument + 2, "="), 0) != NULL;
}

static int arguments_parse(struct parser *parser)
{
	bool ended = false;
	for (; parser->at < parser->count; parser->at++) {
		const char *argument = parser->arguments[parser->at];
		int error;
		if (!ended && strcmp(argument, "--") == 0) {
			ended = true;
			continue;
		}
		const struct command *command = parser->invocation->command;
		bool option = !ended && is_option(parser->invocation, argument);
		int taken = option && argument[1] != '-' && command != NULL && command->foreign != NULL ? command->foreign(parser->invocation, argument) : 0;
		if (taken != 0)
			error = taken < 0 ? taken : 0;
		else if (!option)
			error = word_parse(parser, argument);
		else if (argument[1] == '-')
			error = long_parse(parser, argument + 2);
		else
			error = short_parse(parser, argument + 1);
		if (error < 0)
			return error;
	}
	return 0;
}

/* What no single argument shows: options and words that must be there, and words that must not. */
static int whole_check(struct invocation *invocation)
{
	const struct command *command = invocation->command;
	for (const struct option *row = command->options; row != NULL && row->name != NULL; row++) {
		if (row->required && invocation_option(invocation, row->name) == NULL) {
			diag_error(invocation->diag, NULL, "cordon %s needs --%s %s", command->name, row->name, row->argument);
			return ERROR_INPUT;
		}
	}
	if (invocation->word_count < command->least) {
		diag_error(invocation->diag, NULL, "cordon %s needs %s: see cordon help %s", command->name, command->arguments,
			   command->name);
		return ERROR_INPUT;
	}
	if (invocation->word_count > command->most) {
		diag_error(invocation->diag, NULL, "%s is one word too many: see cordon help %s",
			   QUOTE(invocation->words[command->most]), command->name);
		return ERROR_INPUT;
	}
	return 0;
}

static void render_choose(struct invocation *invocation, const char *color)
{
	bool terminal = isatty(STDERR_FILENO) == 1;
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	bool plain = (no_color != NULL && *no_color != '\0') || (term != NULL && strcmp(term, "dumb") == 0);
	bool always = color != NULL && strcmp(color, "always") == 0, never = color != NULL && strcmp(color, "never") == 0;
	invocation->render = (always || (!never && terminal && !plain) ? DIAG_COLOR : 0u) | (terminal ? DIAG_CARET : 0u) |
			     (invocation->quiet ? DIAG_QUIET : 0u);
}

int options_parse(struct invocation *invocation, int argc, char **argv)
{
	size_t count = argc > 0 ? (size_t)argc : 0;
	struct parser parser = {.invocation = invocation, .arguments = argv, .at = 1, .count = count};
	invocation->location = LOCATION_LOCAL;
	invocation->words = memory_alloc((count + 1) * sizeof(*invocation->words));
	/* Letters come in clusters, so there may be more options than arguments. */
	size_t most = count + 1;
	for (size_t i = 1; i < count; i++)
		most += argv[i][0] == '-' && argv[i][1] != '-' ? strlen(argv[i]) : 0;
	invocation->given = memory_alloc(most * sizeof(*invocation->given));
	int error = arguments_parse(&parser);
	const char *store = getenv("CORDON_STORE");
	if (invocation->store == NULL)
		invocation->store = store != NULL && *store != '\0' ? store : STORE_DEFAULT;
	render_choose(invocation, parser.color);
	if (error < 0 || invocation->help || invocation->version)
		return error;
	if (invocation->command == NULL) {
		diag_error(invocation->diag, NULL, "a command is missing: cordon help lists them");
		return ERROR_INPUT;
	}
	return whole_check(invocation);
}

void options_done(struct invocation *invocation)
{
	free(invocation->words);
	free(invocation->given);
	invocation->words = NULL;
	invocation->given = NULL;
}

int options_pairs(struct invocation *invocation, const char *name, struct arena *arena,
		  struct profile_variable **ret_pairs, size_t *ret_count)
{
	struct profile_variable *pairs = arena_alloc(arena, (invocation->given_count + 1) * sizeof(*pairs));
	size_t count = 0;
	for (size_t i = 0; i < invocation->given_count; i++) {
		const struct given *given = &invocation->given[i];
		if (strcmp(given->option->name, name) != 0)
			continue;
		size_t length = strcspn(given->value, "=");
		if (length == 0 || given->value[length] != '=') {
			diag_error(invocation->diag, NULL, "--%s is %s: write it as %s", name, QUOTE(given->value),
				   given->option->argument);
			return ERROR_INPUT;
		}
		pairs[count++] = (struct profile_variable){arena_text_n(arena, given->value, length), given->value + length + 1};
	}
	*ret_pairs = pairs;
	*ret_count = count;
	return 0;
}

int options_number(const struct invocation *invocation, const char *name, uint64_t least, uint64_t most, uint64_t *ret_number)
{
	const char *text = invocation_option(invocation, name);
	if (text == NULL)
		return 0;
	if (number_parse(text, strlen(text), most, ret_number) && *ret_number >= least)
		return 1;
	diag_error(invocation->diag, NULL, "--%s %s: a number from %llu to %llu is needed", name, QUOTE(text), (unsigned long long)least,
		   (unsigned long long)most);
	return ERROR_INPUT;
}
