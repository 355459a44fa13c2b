/* Variables of a profile: `${NAME}` in any string, given by --set NAME=VALUE.  None has a value by itself. */
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/utf8.h"
#include "core/store/profile_internal.h"

static const char *const types[] = {"address", "port", "text", NULL};

static bool name_check(const char *name)
{
	if (*name == '\0')
		return false;
	for (; *name != '\0'; name++)
		if (!ascii_digit(*name) && *name != '_' && *name != '-' && (ascii_lower(*name) < 'a' || ascii_lower(*name) > 'z'))
			return false;
	return true;
}

static void read_description(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct variable *)object)->description = value->text;
}

static void read_type(struct loader *loader, const struct json *value, void *object)
{
	struct variable *variable = object;
	for (const char *const *type = types; *type != NULL; type++)
		if (strcmp(*type, value->text) == 0)
			variable->type = *type;
	if (strcmp(variable->type, value->text) != 0)
		json_error(&loader->document, value, loader->diag, "%s is no type of a variable: write \"address\", \"port\" or "
			   "\"text\"", QUOTE(value->text));
}

static void read_list(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct variable *)object)->list = value->yes;
}

static void read_optional(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct variable *)object)->optional = value->yes;
}

static const struct member variable_members[] = {
	{"description", JSON_STRING, true, read_description},
	{"type", JSON_STRING, false, read_type},
	{"list", JSON_BOOL, false, read_list},
	{"optional", JSON_BOOL, false, read_optional},
	{0},
};

/* Whether a value is of the type of its variable; else what would be right. */
static const char *value_wrong(const struct variable *variable, const char *text)
{
	struct address address;
	uint64_t port;
	size_t length = strlen(text);
	if (length == 0)
		return variable->list ? "one of its values is empty" : "it is empty";
	if (!utf8_check(text, length, NULL))
		return "it is not UTF-8 text";
	if (strcmp(variable->type, "address") == 0 && !address_parse(text, length, &address) && !dns_name_check(text))
		return "an address is wanted: any, me, dns, wins, dhcp, gateway, 192.0.2.1, 192.0.2.0/24, "
		       "192.0.2.1-192.0.2.9, an IPv6 one, or a DNS name";
	if (strcmp(variable->type, "port") == 0 && (!number_parse(text, length, UINT16_MAX, &port) || port == 0))
		return "a port is wanted: 1 to 65535";
	return NULL;
}

static void value_add(struct loader *loader, struct variable *variable, const char *text, size_t length)
{
	while (variable->list && length > 0 && ascii_blank(*text))
		text++, length--;
	while (variable->list && length > 0 && ascii_blank(text[length - 1]))
		length--;
	const char *value = arena_text_n(loader->draft->arena, text, length);
	const char *wrong = value_wrong(variable, value);
	if (wrong == NULL && variable->count == VARIABLE_VALUES)
		wrong = "it has more than 4096 values";
	if (wrong != NULL) {
		json_key_error(&loader->document, variable->node, loader->diag, "--set %s=%s is not right: %s", variable->name,
			       QUOTE(value), wrong);
		return;
	}
	variable->values[variable->count++] = value;
}

static void variable_set(struct loader *loader, struct variable *variable, const char *text)
{
	size_t values = 1;
	for (const char *at = text; variable->list && *at != '\0'; at++)
		values += *at == ',';
	if (values > VARIABLE_VALUES)
		values = VARIABLE_VALUES;
	variable->values = arena_alloc(loader->draft->arena, values * sizeof(*variable->values));
	const char *comma = text;
	while (variable->list && (comma = strchr(text, ',')) != NULL && !loader_full(loader)) {
		value_add(loader, variable, text, (size_t)(comma - text));
		text = comma + 1;
	}
	value_add(loader, variable, text, strlen(text));
}

/* The nearest name that is declared, as words for a message. */
static void nearest_print(const struct loader *loader, const char *name, size_t length, struct buffer *buffer)
{
	const char *names[JSON_KEYS + 1];
	size_t count = 0;
	for (; count < loader->variable_count && count < JSON_KEYS; count++)
		names[count] = loader->variables[count].name;
	names[count] = NULL;
	const char *nearest = word_nearest(name, length, names);
	if (nearest != NULL) {
		buffer_printf(buffer, "did you mean %s?", nearest);
		return;
	}
	buffer_add_text(buffer, count == 0 ? "this profile has no variables" : "its variables are");
	for (size_t i = 0; i < count; i++)
		buffer_printf(buffer, "%s %s", i > 0 ? "," : "", names[i]);
}

static struct variable *variable_named(struct loader *loader, const char *name, size_t length)
{
	for (size_t i = 0; i < loader->variable_count; i++)
		if (strlen(loader->variables[i].name) == length && memcmp(loader->variables[i].name, name, length) == 0)
			return &loader->variables[i];
	return NULL;
}

struct variable *variables_find(struct loader *loader, const struct json *node, const char *name, size_t length)
{
	struct variable *variable = variable_named(loader, name, length);
	if (variable != NULL)
		return variable;
	struct buffer hint;
	buffer_init(&hint, 1024);
	nearest_print(loader, name, length, &hint);
	json_error(&loader->document, node, loader->diag, "there is no variable %s: %s", QUOTE_N(name, length),
		   buffer_text(&hint));
	buffer_done(&hint);
	return NULL;
}

static void settings_read(struct loader *loader)
{
	struct place place = {.file = loader->document.file};
	for (size_t i = 0; i < loader->options->variable_count && !loader_full(loader); i++) {
		const struct profile_variable *given = &loader->options->variables[i];
		struct variable *variable = variable_named(loader, given->name, strlen(given->name));
		if (variable == NULL) {
			struct buffer hint;
			buffer_init(&hint, 1024);
			nearest_print(loader, given->name, strlen(given->name), &hint);
			diag_error(loader->diag, &place, "--set %s=…: there is no such variable: %s", QUOTE(given->name),
				   buffer_text(&hint));
			buffer_done(&hint);
		} else if (variable->values != NULL) {
			diag_error(loader->diag, &place, "--set %s=%s: it is set already%s", variable->name, QUOTE(given->value),
				   variable->list ? "; several values go into one --set, with commas" : "");
		} else {
			variable_set(loader, variable, given->value);
		}
	}
}

void variables_read(struct loader *loader, const struct json *node)
{
	size_t count = 0;
	for (const struct json *child = node != NULL ? node->child : NULL; child != NULL; child = child->next)
		count++;
	loader->variables = arena_alloc(loader->draft->arena, count * sizeof(*loader->variables));
	for (const struct json *child = node != NULL ? node->child : NULL; child != NULL; child = child->next) {
		size_t errors = loader->diag->errors;
		struct variable *variable = &loader->variables[loader->variable_count++];
		*variable = (struct variable){.name = child->key, .description = "", .type = "text", .node = child};
		if (!name_check(child->key))
			json_key_error(&loader->document, child, loader->diag, "a name of a variable is letters, digits, _ and -");
		if (members_check(loader, child, variable_members))
			members_read(loader, child, variable_members, variable);
		variable->wrong = loader->diag->errors > errors;
	}
	settings_read(loader);
	for (size_t i = 0; i < loader->variable_count && !loader_full(loader); i++) {
		const struct variable *variable = &loader->variables[i];
		if (variable->values == NULL && !variable->optional && !variable->wrong)
			json_key_error(&loader->document, variable->node, loader->diag,
				       "the variable %s is not set (%s): add --set %s=VALUE%s", variable->name,
				       *variable->description != '\0' ? variable->description : "it has no description",
				       variable->name, variable->list ? ", or several values with commas between them" : "");
	}
}

bool variables_mentioned(const char *text)
{
	for (const char *at = strstr(text, "${"); at != NULL; at = strstr(at + 2, "${"))
		if (at == text || at[-1] != '$')
			return true;
	return false;
}

/* The value of ${NAME}, at its name; NULL with a message. */
static const char *variable_value(struct loader *loader, const struct json *node, const char *name, size_t length)
{
	struct variable *variable = variables_find(loader, node, name, length);
	if (variable == NULL)
		return NULL;
	variable->used = true;
	if (variable->list && !loader->in_filter)
		json_error(&loader->document, node, loader->diag, "the variable %s is a list, which only a filter can use (it is "
			   "repeated for each value)", variable->name);
	else if (variable->optional && !loader->in_filter)
		json_error(&loader->document, node, loader->diag, "the variable %s is optional, which only a filter can use (it is "
			   "left out when the variable is not set)", variable->name);
	else if (variable->at < variable->count)
		return variable->values[variable->at];
	else if (loader->in_filter && variable->optional && variable->values == NULL)
		return ""; /* the filter is left out */
	return NULL; /* wrong or missing, which has been said */
}

/* No name, text or key may hold a line end or another control character: no script could say it. */
static const char *text_check(struct loader *loader, const struct json *node, const char *text)
{
	if (strlen(text) > POLICY_TEXT_MOST) {
		json_error(&loader->document, node, loader->diag, "it is longer than %d bytes", POLICY_TEXT_MOST);
		return NULL;
	}
	for (const char *at = text; *at != '\0'; at++) {
		if ((unsigned char)*at < 0x20 || *at == 0x7f) {
			json_error(&loader->document, node, loader->diag,
				   "%s holds a control character, such as a line end: write it without", QUOTE(text));
			return NULL;
		}
	}
	return text;
}

const char *variables_text(struct loader *loader, const struct json *node)
{
	if (strstr(node->text, "${") == NULL)
		return text_check(loader, node, node->text);
	struct buffer text;
	const char *result = NULL;
	buffer_init(&text, JSON_BYTES);
	for (const char *at = node->text; *at != '\0';) {
		if (strncmp(at, "$${", 3) == 0) { /* a ${ that is meant as it is */
			buffer_add_text(&text, "${");
			at += 3;
		} else if (strncmp(at, "${", 2) == 0) {
			const char *end = strchr(at, '}');
			if (end == NULL) {
				json_error(&loader->document, node, loader->diag, "${ without }: a variable is ${NAME}; for the "
					   "text itself write $${");
				goto out;
			}
			const char *value = variable_value(loader, node, at + 2, (size_t)(end - at - 2));
			if (value == NULL)
				goto out;
			buffer_add_text(&text, value);
			at = end + 1;
		} else {
			buffer_add_char(&text, *at++);
		}
	}
	result = text_check(loader, node, arena_text_n(loader->draft->arena, buffer_text(&text), text.length));
out:
	buffer_done(&text);
	return result;
}
