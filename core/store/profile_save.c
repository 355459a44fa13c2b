/* A policy as a profile: its canonical text, which loads into the same policy and is saved as the same bytes.
 * A filter is one line.  What has its default is left out of filters and actions. */
#include <stdlib.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/memory.h"
#include "core/base/json.h"
#include "core/store/profile.h"

struct writer {
	struct buffer *out;
	unsigned depth;
	bool filled; /* something stands before, in the same object or list */
	bool flat;   /* all on one line */
};

static void item_start(struct writer *writer, const char *key)
{
	if (writer->filled)
		buffer_add_text(writer->out, writer->flat ? ", " : ",");
	if (!writer->flat && writer->depth > 0) {
		buffer_add_char(writer->out, '\n');
		for (unsigned i = 0; i < writer->depth; i++)
			buffer_add_text(writer->out, "  ");
	}
	if (key != NULL)
		buffer_printf(writer->out, "\"%s\": ", key);
	writer->filled = true;
}

static void open_add(struct writer *writer, const char *key, char bracket)
{
	item_start(writer, key);
	buffer_add_char(writer->out, bracket);
	writer->depth++;
	writer->filled = false;
}

static void close_add(struct writer *writer, char bracket)
{
	bool filled = writer->filled;
	writer->depth--;
	writer->filled = false;
	if (filled && !writer->flat)
		item_start(writer, NULL);
	buffer_add_char(writer->out, bracket);
	if (writer->depth == 0)
		buffer_add_char(writer->out, '\n');
	writer->filled = true;
}

/* The next object on one line. */
static void flat_open(struct writer *writer)
{
	item_start(writer, NULL);
	buffer_add_char(writer->out, '{');
	writer->flat = true;
	writer->filled = false;
}

static void flat_close(struct writer *writer)
{
	buffer_add_char(writer->out, '}');
	writer->flat = false;
	writer->filled = true;
}

/* A ${ of a text is no variable. */
static void text_add(struct writer *writer, const char *key, const char *text)
{
	struct buffer escaped;
	item_start(writer, key);
	if (strstr(text, "${") == NULL) {
		json_text_print(text, writer->out);
		return;
	}
	buffer_init(&escaped, SIZE_MAX / 4);
	for (; *text != '\0'; text++) {
		if (text[0] == '$' && text[1] == '{')
			buffer_add_char(&escaped, '$');
		buffer_add_char(&escaped, *text);
	}
	json_text_print(buffer_text(&escaped), writer->out);
	buffer_done(&escaped);
}

static void text_unless_empty(struct writer *writer, const char *key, const char *text)
{
	if (text != NULL && *text != '\0')
		text_add(writer, key, text);
}

static void number_add(struct writer *writer, const char *key, uint64_t number)
{
	item_start(writer, key);
	buffer_add_number(writer->out, number);
}

static void bool_add(struct writer *writer, const char *key, bool yes)
{
	item_start(writer, key);
	buffer_add_text(writer->out, yes ? "true" : "false");
}

static void bool_if(struct writer *writer, const char *key, bool yes)
{
	if (yes)
		bool_add(writer, key, true);
}

static void address_add(struct writer *writer, const char *key, const char *name_key, const struct address *address)
{
	char text[ADDRESS_TEXT];
	address_print(address, text);
	text_add(writer, key, text);
	text_unless_empty(writer, name_key, address->name);
}

static void filter_add(struct writer *writer, const struct filter *filter)
{
	char protocol[PROTOCOL_TEXT];
	flat_open(writer);
	address_add(writer, "srcaddr", "srcdns", &filter->src);
	address_add(writer, "dstaddr", "dstdns", &filter->dst);
	protocol_print(filter->protocol, protocol);
	for (char *at = protocol; *at != '\0'; at++)
		*at = ascii_lower(*at);
	if (ascii_digit(protocol[0]))
		number_add(writer, "protocol", filter->protocol);
	else
		text_add(writer, "protocol", protocol);
	if (filter->srcport != 0)
		number_add(writer, "srcport", filter->srcport);
	if (filter->dstport != 0)
		number_add(writer, "dstport", filter->dstport);
	bool_add(writer, "mirrored", filter->mirrored);
	bool_if(writer, "replies", filter->replies);
	text_unless_empty(writer, "description", filter->description);
	flat_close(writer);
}

static void auths_add(struct writer *writer, const struct authlist *list)
{
	if (list->count == 0)
		return;
	open_add(writer, "auth", '[');
	for (size_t i = 0; i < list->count; i++) {
		const struct auth *auth = &list->items[i];
		const char *value = auth->value != NULL ? auth->value : "";
		flat_open(writer);
		if (auth->kind == AUTH_KERBEROS)
			bool_add(writer, "kerberos", true);
		else
			text_add(writer, auth->kind == AUTH_PSK ? "psk" : "rootca", value);
		bool_if(writer, "certmap", auth->kind == AUTH_ROOTCA && auth->certmap);
		bool_if(writer, "excludecaname", auth->kind == AUTH_ROOTCA && auth->excludecaname);
		flat_close(writer);
	}
	close_add(writer, ']');
}

static void config_add(struct writer *writer, const struct config *config)
{
	struct buffer value;
	bool any = false;
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		any |= config->set[i];
	if (!any)
		return;
	buffer_init(&value, 1 << 14);
	open_add(writer, "config", '{');
	for (unsigned i = 0; i < PROPERTY_COUNT; i++) {
		if (!config->set[i])
			continue;
		buffer_clear(&value);
		config_print(config, (enum property_id)i, &value);
		if (i == PROPERTY_BOOTMODE || i == PROPERTY_BOOTEXEMPTIONS)
			text_add(writer, properties[i].name, buffer_text(&value));
		else if (properties[i].own)
			bool_add(writer, properties[i].name, config->number[i] != 0);
		else
			number_add(writer, properties[i].name, config->number[i]);
	}
	close_add(writer, '}');
	buffer_done(&value);
}

static void rule_add(struct writer *writer, const struct rule *rule)
{
	open_add(writer, NULL, '{');
	text_add(writer, "name", rule->object.name);
	text_unless_empty(writer, "description", rule->object.description);
	text_add(writer, "filterlist", rule->filterlist->object.name);
	text_add(writer, "filteraction", rule->filteraction->object.name);
	bool_add(writer, "activate", rule->activate);
	text_add(writer, "conntype", conntype_name(rule->conntype));
	text_unless_empty(writer, "tunnel", rule->tunnel);
	auths_add(writer, &rule->auths);
	close_add(writer, '}');
}

static void policy_add(struct writer *writer, const struct policy *policy)
{
	open_add(writer, "policy", '{');
	text_add(writer, "name", policy->object.name);
	text_add(writer, "description", policy->object.description);
	bool_add(writer, "assigned", policy->assigned);
	bool_add(writer, "mmpfs", policy->mmpfs);
	number_add(writer, "qmpermm", policy->qmpermm);
	number_add(writer, "mmlifetime", policy->mmlifetime);
	number_add(writer, "pollinginterval", policy->pollinginterval);
	text_add(writer, "mmsecmethods", policy->mmsecmethods);
	open_add(writer, "rules", '[');
	for (size_t i = 0; i < policy->rules.count; i++)
		rule_add(writer, (const struct rule *)policy->rules.items[i]);
	close_add(writer, ']');
	open_add(writer, "defaultrule", '{');
	bool_add(writer, "activate", policy->defaultrule.activate);
	bool_add(writer, "qmpfs", policy->defaultrule.qmpfs);
	text_add(writer, "qmsecmethods", policy->defaultrule.qmsecmethods);
	auths_add(writer, &policy->defaultrule.auths);
	close_add(writer, '}');
	close_add(writer, '}');
}

static void list_add(struct writer *writer, const struct filterlist *list)
{
	open_add(writer, NULL, '{');
	text_add(writer, "name", list->object.name);
	text_unless_empty(writer, "description", list->object.description);
	open_add(writer, "filters", '[');
	for (size_t i = 0; i < list->count; i++)
		filter_add(writer, &list->filters[i]);
	close_add(writer, ']');
	close_add(writer, '}');
}

static void action_add(struct writer *writer, const struct filteraction *action)
{
	open_add(writer, NULL, '{');
	text_add(writer, "name", action->object.name);
	text_unless_empty(writer, "description", action->object.description);
	text_add(writer, "action", action_name(action->action));
	bool_if(writer, "qmpfs", action->qmpfs);
	bool_if(writer, "inpass", action->inpass);
	bool_if(writer, "soft", action->soft);
	text_unless_empty(writer, "qmsecmethods", action->qmsecmethods);
	close_add(writer, '}');
}

static int pointer_compare(const void *a, const void *b)
{
	const void *left = *(const void *const *)a, *right = *(const void *const *)b;
	return left < right ? -1 : left > right;
}

/* The lists (or actions) that the rules of a policy refer to, sorted by where they are; caller frees. */
static const void **used_find(const struct policy *policy, bool lists)
{
	const void **used = memory_alloc((policy->rules.count + 1) * sizeof(const void *));
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		used[i] = lists ? (const void *)rule->filterlist : (const void *)rule->filteraction;
	}
	qsort(used, policy->rules.count, sizeof(*used), pointer_compare);
	return used;
}

static bool is_used(const struct policy *policy, const void **used, const void *object)
{
	return bsearch(&object, used, policy->rules.count, sizeof(*used), pointer_compare) != NULL;
}

void profile_save(const struct state *state, const struct location *location, const struct policy *policy,
		  struct buffer *buffer)
{
	struct writer writer = {.out = buffer};
	const void **lists = used_find(policy, true), **actions = used_find(policy, false);
	open_add(&writer, NULL, '{');
	text_add(&writer, "location", location_name(location->id));
	config_add(&writer, &state->config);
	policy_add(&writer, policy);
	open_add(&writer, "filterlists", '[');
	for (size_t i = 0; i < location->filterlists.count; i++)
		if (is_used(policy, lists, location->filterlists.items[i]))
			list_add(&writer, (const struct filterlist *)location->filterlists.items[i]);
	close_add(&writer, ']');
	open_add(&writer, "filteractions", '[');
	for (size_t i = 0; i < location->filteractions.count; i++)
		if (is_used(policy, actions, location->filteractions.items[i]))
			action_add(&writer, (const struct filteraction *)location->filteractions.items[i]);
	close_add(&writer, ']');
	close_add(&writer, '}');
	free(lists);
	free(actions);
}
