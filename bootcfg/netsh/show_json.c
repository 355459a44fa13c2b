/* `show --json`: one object, every tag under its netsh name in lower case.  Numbers are numbers, yes and no are
 * true and false, addresses the texts of a profile.  Only what was asked for is there: `show policy` gives
 * "policies", `show all` gives everything.  Written by hand: a filter is a line, and none is built in memory. */
#include <string.h>

#include "bootcfg/netsh/show.h"
#include "core/base/cursor.h"
#include "core/base/json.h"

struct json_output {
	struct buffer *out;
	unsigned depth;
	bool filled; /* the innermost list or object has something in it */
	bool flat;   /* no line ends: what is written stays on one line */
};

static void line_start(struct json_output *json)
{
	if (json->flat)
		return;
	buffer_add_char(json->out, '\n');
	for (unsigned i = 0; i < json->depth; i++)
		buffer_add_text(json->out, "  ");
}

/* Before each value: the comma, the line, the key (NULL in a list). */
static void value_start(struct json_output *json, const char *key)
{
	if (json->filled)
		buffer_add_text(json->out, json->flat ? ", " : ",");
	if (json->depth > 0)
		line_start(json);
	json->filled = true;
	if (key != NULL) {
		json_text_print(key, json->out);
		buffer_add_text(json->out, ": ");
	}
}

static void open_add(struct json_output *json, const char *key, char bracket)
{
	value_start(json, key);
	buffer_add_char(json->out, bracket);
	json->depth++;
	json->filled = false;
}

static void close_add(struct json_output *json, char bracket)
{
	json->depth--;
	if (json->filled)
		line_start(json);
	buffer_add_char(json->out, bracket);
	json->filled = true;
}

static void string_add(struct json_output *json, const char *key, const char *text)
{
	value_start(json, key);
	json_text_print(text, json->out);
}

static void string_unless_null(struct json_output *json, const char *key, const char *text)
{
	if (text != NULL)
		string_add(json, key, text);
}

static void number_add(struct json_output *json, const char *key, uint64_t number)
{
	value_start(json, key);
	buffer_add_number(json->out, number);
}

static void bool_add(struct json_output *json, const char *key, bool yes)
{
	value_start(json, key);
	buffer_add_text(json->out, yes ? "true" : "false");
}

/* The tags of one side, as `add filter` takes them: a mask only where there is one. */
static void address_add(struct json_output *json, const struct address *address, const char *const tags[3])
{
	char text[ADDRESS_TEXT];
	struct address whole = *address;
	whole.bits = (uint8_t)family_bits(address->family);
	address_print(&whole, text);
	string_add(json, tags[0], text);
	if (address->kind == ADDRESS_SUBNET && address->bits != whole.bits) {
		if (address->family == FAMILY_IPV4) {
			mask_print(address->bits, text);
			string_add(json, tags[1], text);
		} else {
			number_add(json, tags[1], address->bits);
		}
	}
	string_unless_null(json, tags[2], address->name);
}

static void filter_tags(struct json_output *json, const struct filter *filter)
{
	static const char *const src[] = {"srcaddr", "srcmask", "srcdns"};
	static const char *const dst[] = {"dstaddr", "dstmask", "dstdns"};
	char protocol[PROTOCOL_TEXT];
	address_add(json, &filter->src, src);
	address_add(json, &filter->dst, dst);
	protocol_print(filter->protocol, protocol);
	if (ascii_digit(protocol[0])) {
		number_add(json, "protocol", filter->protocol);
	} else {
		for (char *at = protocol; *at != '\0'; at++)
			*at = ascii_lower(*at);
		string_add(json, "protocol", protocol);
	}
	number_add(json, "srcport", filter->srcport);
	number_add(json, "dstport", filter->dstport);
	bool_add(json, "mirrored", filter->mirrored);
	bool_add(json, "replies", filter->replies);
}

static void filter_add(struct json_output *json, const struct filter *filter)
{
	value_start(json, NULL);
	buffer_add_char(json->out, '{');
	struct json_output line = {.out = json->out, .flat = true, .depth = 1};
	filter_tags(&line, filter);
	string_add(&line, "description", filter->description);
	buffer_add_char(json->out, '}');
}

static void guid_add(struct json_output *json, const struct guid *guid)
{
	char text[GUID_TEXT];
	guid_print(guid, text);
	string_add(json, "guid", text);
}

static void list_add(struct json_output *json, const struct filterlist *list)
{
	open_add(json, NULL, '{');
	string_add(json, "name", list->object.name);
	string_add(json, "description", list->object.description);
	guid_add(json, &list->object.guid);
	open_add(json, "filters", '[');
	for (size_t i = 0; i < list->count; i++)
		filter_add(json, &list->filters[i]);
	close_add(json, ']');
	close_add(json, '}');
}

static void action_add(struct json_output *json, const struct filteraction *action)
{
	open_add(json, NULL, '{');
	string_add(json, "name", action->object.name);
	string_add(json, "description", action->object.description);
	guid_add(json, &action->object.guid);
	string_add(json, "action", action_name(action->action));
	bool_add(json, "qmpfs", action->qmpfs);
	bool_add(json, "inpass", action->inpass);
	bool_add(json, "soft", action->soft);
	string_add(json, "qmsecmethods", action->qmsecmethods);
	close_add(json, '}');
}

/* In order of preference, each under its tag. */
static void auths_add(struct json_output *json, const struct authlist *auths)
{
	open_add(json, "auth", '[');
	for (size_t i = 0; i < auths->count; i++) {
		const struct auth *auth = &auths->items[i];
		open_add(json, NULL, '{');
		if (auth->kind == AUTH_KERBEROS) {
			bool_add(json, "kerberos", true);
		} else if (auth->kind == AUTH_PSK) {
			string_add(json, "psk", auth->value);
		} else {
			string_add(json, "rootca", auth->value);
			bool_add(json, "certmap", auth->certmap);
			bool_add(json, "excludecaname", auth->excludecaname);
		}
		close_add(json, '}');
	}
	close_add(json, ']');
}

static void rule_add(struct json_output *json, const struct rule *rule, size_t id)
{
	open_add(json, NULL, '{');
	string_add(json, "name", rule->object.name);
	number_add(json, "id", id);
	string_add(json, "description", rule->object.description);
	string_add(json, "filterlist", rule->filterlist->object.name);
	string_add(json, "filteraction", rule->filteraction->object.name);
	bool_add(json, "activate", rule->activate);
	string_add(json, "conntype", conntype_name(rule->conntype));
	string_unless_null(json, "tunnel", rule->tunnel);
	auths_add(json, &rule->auths);
	close_add(json, '}');
}

static void defaultrule_add(struct json_output *json, const struct defaultrule *rule)
{
	open_add(json, "defaultrule", '{');
	bool_add(json, "activate", rule->activate);
	bool_add(json, "qmpfs", rule->qmpfs);
	string_add(json, "qmsecmethods", rule->qmsecmethods);
	auths_add(json, &rule->auths);
	close_add(json, '}');
}

/* `request` picks the rules (show rule); NULL: all of them. */
static void policy_add(struct json_output *json, const struct policy *policy, const struct show_request *request)
{
	open_add(json, NULL, '{');
	string_add(json, "name", policy->object.name);
	string_add(json, "description", policy->object.description);
	guid_add(json, &policy->object.guid);
	bool_add(json, "assigned", policy->assigned);
	bool_add(json, "mmpfs", policy->mmpfs);
	number_add(json, "qmpermm", policy->qmpermm);
	number_add(json, "mmlifetime", policy->mmlifetime);
	bool_add(json, "activatedefaultrule", policy->defaultrule.activate);
	number_add(json, "pollinginterval", policy->pollinginterval);
	string_add(json, "mmsecmethods", policy->mmsecmethods);
	open_add(json, "rules", '[');
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		if (request == NULL || show_selects_rule(request, rule, i))
			rule_add(json, rule, i + 1);
	}
	close_add(json, ']');
	defaultrule_add(json, &policy->defaultrule);
	close_add(json, '}');
}

/* Whether `show rule` selects something of this policy. */
static bool policy_selected(const struct show_request *request, const struct policy *policy)
{
	if (request->policy != NULL && !ascii_equal(request->policy, policy->object.name))
		return false;
	if (request->name == NULL && request->id == 0)
		return true;
	for (size_t i = 0; i < policy->rules.count; i++)
		if (show_selects_rule(request, (const struct rule *)policy->rules.items[i], i))
			return true;
	return false;
}

static void policies_add(struct json_output *json, const struct location *location, const struct show_request *request)
{
	bool rules = ascii_equal(request->what, "rule");
	open_add(json, "policies", '[');
	for (size_t i = 0; i < location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)location->policies.items[i];
		if (rules ? policy_selected(request, policy)
			  : request->name == NULL || ascii_equal(request->name, policy->object.name))
			policy_add(json, policy, rules ? request : NULL);
	}
	close_add(json, ']');
}

static void lists_add(struct json_output *json, struct location *location, const struct show_request *request)
{
	open_add(json, "filterlists", '[');
	for (size_t i = 0; i < location->filterlists.count; i++) {
		const struct filterlist *list = (const struct filterlist *)location->filterlists.items[i];
		if (show_selects_list(request, location, list))
			list_add(json, list);
	}
	close_add(json, ']');
}

static void actions_add(struct json_output *json, struct location *location, const struct show_request *request)
{
	open_add(json, "filteractions", '[');
	for (size_t i = 0; i < location->filteractions.count; i++) {
		const struct filteraction *action = (const struct filteraction *)location->filteractions.items[i];
		if (show_selects_action(request, location, action))
			action_add(json, action);
	}
	close_add(json, ']');
}

static void config_add(struct json_output *json, const struct state *state)
{
	const struct config *config = &state->config;
	struct buffer value;
	buffer_init(&value, 1 << 14);
	open_add(json, "config", '{');
	for (size_t i = 0; i < PROPERTY_COUNT; i++) {
		buffer_clear(&value);
		show_value(state, (enum property_id)i, &value);
		if (i == PROPERTY_BOOTMODE || i == PROPERTY_BOOTEXEMPTIONS)
			string_add(json, properties[i].name, buffer_text(&value));
		else if (properties[i].own)
			bool_add(json, properties[i].name, config->number[i] != 0);
		else
			number_add(json, properties[i].name, config->number[i]);
	}
	close_add(json, '}');
	buffer_done(&value);
}

static void mmpolicies_add(struct json_output *json, const struct location *location, const char *name)
{
	open_add(json, "mmpolicies", '[');
	for (size_t i = 0; i < location->mmpolicies.count; i++) {
		const struct mmpolicy *policy = (const struct mmpolicy *)location->mmpolicies.items[i];
		if (name != NULL && !ascii_equal(name, policy->object.name))
			continue;
		open_add(json, NULL, '{');
		string_add(json, "name", policy->object.name);
		number_add(json, "qmpermm", policy->qmpermm);
		number_add(json, "mmlifetime", policy->mmlifetime);
		number_add(json, "softsaexpirationtime", policy->softsaexpirationtime);
		string_add(json, "mmsecmethods", policy->mmsecmethods);
		close_add(json, '}');
	}
	close_add(json, ']');
}

static void qmpolicies_add(struct json_output *json, const struct location *location, const char *name)
{
	open_add(json, "qmpolicies", '[');
	for (size_t i = 0; i < location->qmpolicies.count; i++) {
		const struct qmpolicy *policy = (const struct qmpolicy *)location->qmpolicies.items[i];
		if (name != NULL && !ascii_equal(name, policy->object.name))
			continue;
		open_add(json, NULL, '{');
		string_add(json, "name", policy->object.name);
		bool_add(json, "soft", policy->soft);
		string_add(json, "pfsgroup", pfsgroup_name(policy->pfsgroup));
		string_add(json, "qmsecmethods", policy->qmsecmethods);
		close_add(json, '}');
	}
	close_add(json, ']');
}

static void dynrules_add(struct json_output *json, const struct location *location)
{
	open_add(json, "rules", '[');
	for (size_t i = 0; i < location->dynrule_count; i++) {
		const struct dynrule *rule = location->dynrules[i];
		open_add(json, NULL, '{');
		number_add(json, "id", i + 1);
		filter_tags(json, &rule->filter);
		string_add(json, "mmpolicy", rule->mmpolicy);
		string_unless_null(json, "qmpolicy", rule->qmpolicy);
		string_add(json, "conntype", conntype_name(rule->conntype));
		string_add(json, "actioninbound", action_name(rule->actioninbound));
		string_add(json, "actionoutbound", action_name(rule->actionoutbound));
		string_unless_null(json, "tunneldstaddress", rule->tunnel);
		auths_add(json, &rule->auths);
		close_add(json, '}');
	}
	close_add(json, ']');
}

/* Whether `what` is `one` or all. */
static bool wants(const struct show_request *request, const char *one)
{
	return ascii_equal(request->what, one) || ascii_equal(request->what, "all");
}

void show_json(struct state *state, const struct show_request *request, struct buffer *output)
{
	struct json_output json = {.out = output};
	struct location *location = &state->locations[request->dynamic ? LOCATION_DYNAMIC : request->location];
	open_add(&json, NULL, '{');
	string_add(&json, "store", location_name(location->id));
	if (!request->dynamic) {
		if (wants(request, "policy") || ascii_equal(request->what, "rule"))
			policies_add(&json, location, request);
		if (wants(request, "filterlist"))
			lists_add(&json, location, request);
		if (wants(request, "filteraction"))
			actions_add(&json, location, request);
	}
	if (location->id == LOCATION_DYNAMIC) {
		if (wants(request, "mmpolicy"))
			mmpolicies_add(&json, location, request->name);
		if (wants(request, "qmpolicy"))
			qmpolicies_add(&json, location, request->name);
		bool filters = ascii_equal(request->what, "mmfilter") || ascii_equal(request->what, "qmfilter");
		if (wants(request, "rule") || filters)
			dynrules_add(&json, location);
	}
	if (wants(request, "config"))
		config_add(&json, state);
	close_add(&json, '}');
	buffer_add_char(output, '\n');
}
