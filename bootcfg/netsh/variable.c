#include "bootcfg/netsh/variable.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

/* These are the same on every Windows, and stand before programs: %SystemRoot%\system32\netsh.exe. */
static const struct netsh_variable known[] = {
	{"SystemRoot", "C:\\Windows"}, {"windir", "C:\\Windows"}, {"SystemDrive", "C:"},
};

static bool text_good(const char *text)
{
	for (const char *at = text; *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			return false;
	return utf8_check(text, strlen(text), NULL);
}

bool variables_init(struct variables *variables, const struct netsh_options *options, const char **ret_wrong)
{
	*variables = (struct variables){.items = memory_alloc(VARIABLES_MOST * sizeof(struct variable))};
	for (size_t i = 0; i < ARRAY_LENGTH(known); i++)
		variable_set(variables, known[i].name, strlen(known[i].name), known[i].value, strlen(known[i].value), NULL);
	for (size_t i = 0; i < options->variable_count; i++) {
		const struct netsh_variable *variable = &options->variables[i];
		*ret_wrong = variable->name;
		if (variable->name[0] == '\0' || !text_good(variable->name) || !text_good(variable->value) ||
		    !variable_set(variables, variable->name, strlen(variable->name), "", 0, NULL) ||
		    variables->count == VARIABLES_MOST || strlen(variable->value) > VARIABLE_MOST)
			return false;
		/* An empty value that was given is one: cmd.exe cannot have it, --set can. */
		variables->items[variables->count++] = (struct variable){
			.name = memory_text(variable->name), .value = memory_text(variable->value),
			.length = strlen(variable->value), .given = true};
	}
	return true;
}

static void items_free(struct variable *items, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(items[i].name);
		free(items[i].value);
	}
	free(items);
}

void variables_done(struct variables *variables)
{
	while (variables->depth > 0)
		variables_pop(variables);
	items_free(variables->items, variables->count);
	*variables = (struct variables){0};
}

const struct variable *variable_find(const struct variables *variables, const char *name, size_t length)
{
	for (size_t i = 0; i < variables->count; i++)
		if (ascii_equal_n(name, length, variables->items[i].name))
			return &variables->items[i];
	return NULL;
}

bool variable_set(struct variables *variables, const char *name, size_t name_length, const char *value, size_t length,
		  const char *why)
{
	if (length > VARIABLE_MOST || name_length > VARIABLE_MOST)
		return false;
	const struct variable *before = variable_find(variables, name, name_length);
	size_t at = before != NULL ? (size_t)(before - variables->items) : variables->count;
	if (before != NULL) {
		free(variables->items[at].name);
		free(variables->items[at].value);
		variables->items[at] = variables->items[--variables->count];
	}
	if (value != NULL && length == 0)
		return true;
	if (variables->count == VARIABLES_MOST)
		return false;
	variables->items[variables->count++] = (struct variable){
		.name = memory_text_n(name, name_length),
		.value = value != NULL ? memory_text_n(value, length) : NULL,
		.length = length,
		.why = why,
	};
	return true;
}

bool variables_push(struct variables *variables, bool delayed)
{
	if (variables->depth == SETLOCAL_MOST)
		return false;
	struct variable *copy = memory_alloc(VARIABLES_MOST * sizeof(struct variable));
	for (size_t i = 0; i < variables->count; i++) {
		copy[i] = variables->items[i];
		copy[i].name = memory_text(copy[i].name);
		if (copy[i].value != NULL)
			copy[i].value = memory_text_n(copy[i].value, copy[i].length);
	}
	variables->saved[variables->depth].items = variables->items;
	variables->saved[variables->depth].count = variables->count;
	variables->saved[variables->depth++].delayed = variables->delayed;
	variables->items = copy;
	variables->delayed = delayed;
	return true;
}

void variables_pop(struct variables *variables)
{
	if (variables->depth == 0)
		return;
	items_free(variables->items, variables->count);
	variables->items = variables->saved[--variables->depth].items;
	variables->count = variables->saved[variables->depth].count;
	variables->delayed = variables->saved[variables->depth].delayed;
}

/* Appends the value of a variable, or a mark; `at` is where `whole` (with its percent signs) stands. */
static void value_add(const struct variables *variables, const char *name, size_t length, const char *whole,
		      size_t whole_length, uint32_t at, bool unquote, struct traced *traced)
{
	const struct variable *variable = variable_find(variables, name, length);
	if (variable == NULL || variable->value == NULL) {
		traced_mark(traced, whole, whole_length, at);
		return;
	}
	const char *value = variable->value;
	size_t value_length = variable->length;
	if (unquote && value_length > 1 && value[0] == '"' && value[value_length - 1] == '"') {
		value++;
		value_length -= 2;
	}
	traced_add(traced, value, value_length, at, true);
}

/* %1, %*, %~1, %~dp0: how many bytes the argument takes, 0 when it is none. */
static size_t argument_length(const char *text, size_t length)
{
	size_t at = 1;
	if (at < length && (ascii_digit(text[at]) || text[at] == '*'))
		return 2;
	if (at == length || text[at] != '~')
		return 0;
	for (at++; at < length && memchr("fdpnxsatz", ascii_lower(text[at]), 9) != NULL;)
		at++;
	return at < length && ascii_digit(text[at]) ? at + 1 : 0;
}

void variables_expand(const struct variables *variables, const char *line, size_t length, uint32_t origin,
		      struct traced *traced)
{
	for (size_t at = 0; at < length;) {
		const char *text = line + at, *percent = memchr(text, '%', length - at);
		uint32_t from = origin + (uint32_t)at;
		size_t plain = percent != NULL ? (size_t)(percent - text) : length - at, left, used;
		traced_add(traced, text, plain, from, false);
		at += plain;
		if (percent == NULL)
			break;
		text = percent;
		from = origin + (uint32_t)at;
		left = length - at;
		const char *close = left > 1 ? memchr(text + 1, '%', left - 1) : NULL;
		if (left > 1 && text[1] == '%') {
			traced_add(traced, "%", 1, from, true);
			used = 2;
		} else if ((used = argument_length(text, left)) > 0) {
			if (used == 2)
				value_add(variables, text + 1, 1, text, used, from, false, traced);
			else if (used == 3)
				value_add(variables, text + 2, 1, text, used, from, true, traced);
			else
				traced_mark(traced, text, used, from);
		} else if (close != NULL) {
			used = (size_t)(close - text) + 1;
			value_add(variables, text + 1, used - 2, text, used, from, false, traced);
		} else {
			used = 1; /* a lone one goes */
		}
		at += used;
	}
}
