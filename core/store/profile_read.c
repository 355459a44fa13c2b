/* The document into the draft: every object has a table of the keys that it can have. */
#include <string.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/policy/methods.h"
#include "core/store/profile_internal.h"

bool type_check(struct loader *loader, const struct json *value, unsigned types)
{
	if ((value->type & types) != 0)
		return true;
	struct buffer words;
	buffer_init(&words, 256);
	json_type_print(types, &words);
	buffer_add_text(&words, " is wanted here, not ");
	json_type_print(value->type, &words);
	json_error(&loader->document, value, loader->diag, "%s", buffer_text(&words));
	buffer_done(&words);
	return false;
}

const struct json *member_find(const struct json *node, const char *key)
{
	for (const struct json *child = node->child; child != NULL; child = child->next)
		if (child->key != NULL && strcmp(child->key, key) == 0)
			return child;
	return NULL;
}

static const struct member *member_row(const struct member members[], const char *key)
{
	for (; members->key != NULL; members++)
		if (strcmp(members->key, key) == 0)
			return members;
	return NULL;
}

static void unknown_key(struct loader *loader, const struct json *value, const struct member members[])
{
	const char *names[JSON_KEYS];
	struct buffer known;
	size_t count = 0;
	buffer_init(&known, 1024);
	for (; members[count].key != NULL && count + 1 < ARRAY_LENGTH(names); count++) {
		names[count] = members[count].key;
		buffer_printf(&known, "%s%s", count > 0 ? ", " : "", names[count]);
	}
	names[count] = NULL;
	const char *nearest = word_nearest(value->key, strlen(value->key), names);
	if (nearest != NULL)
		json_key_error(&loader->document, value, loader->diag, "there is no such key: did you mean %s?", nearest);
	else
		json_key_error(&loader->document, value, loader->diag, "there is no such key: the keys here are %s",
			       buffer_text(&known));
	buffer_done(&known);
}

bool members_check(struct loader *loader, const struct json *node, const struct member members[])
{
	size_t errors = loader->diag->errors;
	if (!type_check(loader, node, JSON_OBJECT))
		return false;
	for (const struct json *child = node->child; child != NULL && !loader_full(loader); child = child->next) {
		const struct member *member = member_row(members, child->key);
		if (member == NULL)
			unknown_key(loader, child, members);
		else
			(void)type_check(loader, child, member->types);
	}
	for (; members->key != NULL && !loader_full(loader); members++)
		if (members->required && member_find(node, members->key) == NULL)
			json_error(&loader->document, node, loader->diag, "the key \"%s\" is missing", members->key);
	return loader->diag->errors == errors;
}

void members_read(struct loader *loader, const struct json *node, const struct member members[], void *object)
{
	for (const struct json *child = node->child; child != NULL && !loader_full(loader); child = child->next) {
		const struct member *member = member_row(members, child->key);
		if (member != NULL && (child->type & member->types) != 0)
			member->read(loader, child, object);
	}
}

bool number_read(struct loader *loader, const struct json *value, uint64_t least, uint64_t most, uint64_t *ret_number)
{
	uint64_t number;
	const char *text = NULL;
	bool good;
	if (value->type == JSON_STRING) {
		if (!variables_mentioned(value->text)) {
			json_error(&loader->document, value, loader->diag, "a number is wanted here, without quotes");
			return false;
		}
		text = variables_text(loader, value);
		if (text == NULL)
			return false;
		good = number_parse(text, strlen(text), most, &number) && number >= least;
	} else {
		good = value->whole && value->number >= 0 && (uint64_t)value->number >= least && (uint64_t)value->number <= most;
		number = (uint64_t)value->number;
	}
	if (good)
		*ret_number = number;
	else if (text != NULL)
		json_error(&loader->document, value, loader->diag, "%s is not a whole number from %llu to %llu", QUOTE(text),
			   (unsigned long long)least, (unsigned long long)most);
	else
		json_error(&loader->document, value, loader->diag, "a whole number from %llu to %llu is wanted here",
			   (unsigned long long)least, (unsigned long long)most);
	return good;
}

/* ---- common members ---- */

static void read_nothing(struct loader *loader, const struct json *value, void *object)
{
	(void)loader, (void)value, (void)object; /* looked at elsewhere */
}

static void read_object_description(struct loader *loader, const struct json *value, void *object)
{
	const char *text = variables_text(loader, value);
	if (text != NULL)
		((struct object *)object)->description = text;
}

static bool uint32_read(struct loader *loader, const struct json *value, uint64_t least, uint64_t most, uint32_t *ret_number)
{
	uint64_t number;
	if (!number_read(loader, value, least, most, &number))
		return false;
	*ret_number = (uint32_t)number;
	return true;
}

typedef bool methods_parse(const char *text, size_t length, struct buffer *canonical, const char **ret_wrong);

/* "" is the default of the system. */
static void methods_read(struct loader *loader, const struct json *value, methods_parse *parse, const char **ret_text)
{
	const char *text = variables_text(loader, value), *wrong = NULL;
	struct buffer canonical;
	if (text == NULL || *text == '\0')
		return;
	buffer_init(&canonical, 1 << 16);
	if (parse(text, strlen(text), &canonical, &wrong))
		*ret_text = arena_text(loader->draft->arena, buffer_text(&canonical));
	else
		json_error(&loader->document, value, loader->diag, "%s is not right: %s", QUOTE(text), wrong);
	buffer_done(&canonical);
}

/* ---- authentication ---- */

static void read_kerberos(struct loader *loader, const struct json *value, void *object)
{
	(void)object;
	if (!value->yes)
		json_error(&loader->document, value, loader->diag, "write true, or leave the method out");
}

static void read_psk(struct loader *loader, const struct json *value, void *object)
{
	struct auth *auth = object;
	auth->kind = AUTH_PSK;
	auth->value = variables_text(loader, value);
}

static void read_rootca(struct loader *loader, const struct json *value, void *object)
{
	struct auth *auth = object;
	auth->kind = AUTH_ROOTCA;
	auth->value = variables_text(loader, value);
}

static void read_certmap(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct auth *)object)->certmap = value->yes;
}

static void read_excludecaname(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct auth *)object)->excludecaname = value->yes;
}

static const struct member auth_members[] = {
	{"kerberos", JSON_BOOL, false, read_kerberos},
	{"psk", JSON_STRING, false, read_psk},
	{"rootca", JSON_STRING, false, read_rootca},
	{"certmap", JSON_BOOL, false, read_certmap},
	{"excludecaname", JSON_BOOL, false, read_excludecaname},
	{0},
};

static void auths_read(struct loader *loader, const struct json *value, struct authlist *list)
{
	size_t count = 0;
	for (const struct json *child = value->child; child != NULL; child = child->next)
		count++;
	list->items = arena_alloc(loader->draft->arena, count * sizeof(*list->items));
	for (const struct json *child = value->child; child != NULL && !loader_full(loader); child = child->next) {
		struct auth *auth = &list->items[list->count++];
		if (!members_check(loader, child, auth_members))
			continue;
		bool rootca = member_find(child, "rootca") != NULL;
		int methods = (member_find(child, "kerberos") != NULL) + (member_find(child, "psk") != NULL) + rootca;
		if (methods != 1)
			json_error(&loader->document, child, loader->diag, "one method is wanted here: \"kerberos\", \"psk\" or \"rootca\"");
		else if (!rootca && (member_find(child, "certmap") != NULL || member_find(child, "excludecaname") != NULL))
			json_error(&loader->document, child, loader->diag, "certmap and excludecaname go with \"rootca\"");
		else
			members_read(loader, child, auth_members, auth);
	}
}

/* ---- filter lists and actions ---- */

static const struct member list_members[] = {
	{"name", JSON_STRING, true, read_nothing},
	{"description", JSON_STRING, false, read_object_description},
	{"filters", JSON_ARRAY, true, read_nothing},
	{0},
};

/* The name of an object that must be new; NULL with a message. */
static const char *name_new(struct loader *loader, const struct json *node, struct collection *collection)
{
	const struct json *value = member_find(node, "name");
	const char *name = variables_text(loader, value);
	if (name != NULL && (*name == '\0' || strlen(name) > POLICY_NAME_MOST)) {
		json_error(&loader->document, value, loader->diag, *name == '\0' ? "a name cannot be empty"
										  : "a name has at most 1024 bytes");
		return NULL;
	}
	if (name != NULL && collection_find(collection, name) != NULL) {
		json_error(&loader->document, value, loader->diag, "the name %s is there twice (upper and lower case are the same)",
			   QUOTE(name));
		return NULL;
	}
	return name;
}

static void lists_read(struct loader *loader, const struct json *node)
{
	for (const struct json *child = node->child; child != NULL && !loader_full(loader); child = child->next) {
		const char *name = NULL;
		if (members_check(loader, child, list_members))
			name = name_new(loader, child, &loader->location->filterlists);
		loader->lost |= name == NULL;
		if (name == NULL)
			continue;
		struct filterlist *list = location_add_filterlist(loader->draft, loader->location, name);
		members_read(loader, child, list_members, list);
		const struct json *filters = member_find(child, "filters");
		for (const struct json *filter = filters->child; filter != NULL && !loader_full(loader); filter = filter->next)
			profile_filter_read(loader, filter, list);
	}
}

static void read_action(struct loader *loader, const struct json *value, void *object)
{
	if (!action_parse(value->text, strlen(value->text), &((struct filteraction *)object)->action))
		json_error(&loader->document, value, loader->diag, "%s is no action: write \"permit\", \"block\" or \"negotiate\"",
			   QUOTE(value->text));
}

static void read_action_qmpfs(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct filteraction *)object)->qmpfs = value->yes;
}

static void read_inpass(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct filteraction *)object)->inpass = value->yes;
}

static void read_soft(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct filteraction *)object)->soft = value->yes;
}

static void read_action_qmsecmethods(struct loader *loader, const struct json *value, void *object)
{
	methods_read(loader, value, qmsecmethods_parse, &((struct filteraction *)object)->qmsecmethods);
}

static const struct member action_members[] = {
	{"name", JSON_STRING, true, read_nothing},
	{"description", JSON_STRING, false, read_object_description},
	{"action", JSON_STRING, true, read_action},
	{"qmpfs", JSON_BOOL, false, read_action_qmpfs},
	{"inpass", JSON_BOOL, false, read_inpass},
	{"soft", JSON_BOOL, false, read_soft},
	{"qmsecmethods", JSON_STRING, false, read_action_qmsecmethods},
	{0},
};

static void actions_read(struct loader *loader, const struct json *node)
{
	for (const struct json *child = node->child; child != NULL && !loader_full(loader); child = child->next) {
		const char *name = NULL;
		if (members_check(loader, child, action_members))
			name = name_new(loader, child, &loader->location->filteractions);
		loader->lost |= name == NULL;
		if (name != NULL)
			members_read(loader, child, action_members, location_add_filteraction(loader->draft, loader->location, name));
	}
}

/* ---- the policy and its rules ---- */

static void read_activate(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct rule *)object)->activate = value->yes;
}

static void read_conntype(struct loader *loader, const struct json *value, void *object)
{
	if (!conntype_parse(value->text, strlen(value->text), &((struct rule *)object)->conntype))
		json_error(&loader->document, value, loader->diag, "%s is no type of connection: write \"all\", \"lan\" or \"dialup\"",
			   QUOTE(value->text));
}

static void read_tunnel(struct loader *loader, const struct json *value, void *object)
{
	struct ip ip;
	const char *text = variables_text(loader, value);
	if (text == NULL)
		return;
	if (ip_parse(text, strlen(text), &ip) || dns_name_check(text))
		((struct rule *)object)->tunnel = text;
	else
		json_error(&loader->document, value, loader->diag, "%s is no end point of a tunnel: write an address or a DNS name",
			   QUOTE(text));
}

static void read_rule_auth(struct loader *loader, const struct json *value, void *object)
{
	auths_read(loader, value, &((struct rule *)object)->auths);
}

static const struct member rule_members[] = {
	{"name", JSON_STRING, true, read_nothing},
	{"description", JSON_STRING, false, read_object_description},
	{"filterlist", JSON_STRING, true, read_nothing},
	{"filteraction", JSON_STRING, true, read_nothing},
	{"activate", JSON_BOOL, false, read_activate},
	{"conntype", JSON_STRING, false, read_conntype},
	{"tunnel", JSON_STRING, false, read_tunnel},
	{"auth", JSON_ARRAY, false, read_rule_auth},
	{0},
};

/* The list or action of the profile that a rule names; NULL with a message. */
static struct object *reference_find(struct loader *loader, const struct json *value, struct collection *collection,
				     const char *what)
{
	const char *name = variables_text(loader, value), *names[64];
	struct object *object = name != NULL ? collection_find(collection, name) : NULL;
	if (object != NULL || name == NULL || loader->lost)
		return object;
	size_t count = 0;
	for (; count < collection->count && count + 1 < ARRAY_LENGTH(names); count++)
		names[count] = collection->items[count]->name;
	names[count] = NULL;
	const char *nearest = word_nearest(name, strlen(name), names);
	json_error(&loader->document, value, loader->diag, "this profile has no %s %s%s%s%s", what, QUOTE(name),
		   nearest != NULL ? ": did you mean " : "", nearest != NULL ? QUOTE(nearest) : "", nearest != NULL ? "?" : "");
	return NULL;
}

static void read_rules(struct loader *loader, const struct json *value, void *object)
{
	for (const struct json *child = value->child; child != NULL && !loader_full(loader); child = child->next) {
		if (!members_check(loader, child, rule_members))
			continue;
		const char *name = name_new(loader, child, &((struct policy *)object)->rules);
		struct object *list = reference_find(loader, member_find(child, "filterlist"), &loader->location->filterlists,
						     "filter list");
		struct object *action = reference_find(loader, member_find(child, "filteraction"),
						       &loader->location->filteractions, "filter action");
		if (name != NULL && list != NULL && action != NULL)
			members_read(loader, child, rule_members,
				     policy_add_rule(loader->draft, object, name, (struct filterlist *)list, (struct filteraction *)action));
	}
}

static void read_default_activate(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct defaultrule *)object)->activate = value->yes;
}

static void read_default_qmpfs(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct defaultrule *)object)->qmpfs = value->yes;
}

static void read_default_qmsecmethods(struct loader *loader, const struct json *value, void *object)
{
	methods_read(loader, value, qmsecmethods_parse, &((struct defaultrule *)object)->qmsecmethods);
}

static void read_default_auth(struct loader *loader, const struct json *value, void *object)
{
	auths_read(loader, value, &((struct defaultrule *)object)->auths);
}

static const struct member defaultrule_members[] = {
	{"activate", JSON_BOOL, false, read_default_activate},
	{"qmpfs", JSON_BOOL, false, read_default_qmpfs},
	{"qmsecmethods", JSON_STRING, false, read_default_qmsecmethods},
	{"auth", JSON_ARRAY, false, read_default_auth},
	{0},
};

static void read_defaultrule(struct loader *loader, const struct json *value, void *object)
{
	if (members_check(loader, value, defaultrule_members))
		members_read(loader, value, defaultrule_members, &((struct policy *)object)->defaultrule);
}

static void read_assigned(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct policy *)object)->assigned = value->yes;
}

static void read_mmpfs(struct loader *loader, const struct json *value, void *object)
{
	(void)loader;
	((struct policy *)object)->mmpfs = value->yes;
}

static void read_qmpermm(struct loader *loader, const struct json *value, void *object)
{
	(void)uint32_read(loader, value, 0, POLICY_QMPERMM_MOST, &((struct policy *)object)->qmpermm);
}

static void read_mmlifetime(struct loader *loader, const struct json *value, void *object)
{
	(void)uint32_read(loader, value, 1, POLICY_MINUTES_MOST, &((struct policy *)object)->mmlifetime);
}

static void read_pollinginterval(struct loader *loader, const struct json *value, void *object)
{
	(void)uint32_read(loader, value, 1, POLICY_MINUTES_MOST, &((struct policy *)object)->pollinginterval);
}

static void read_mmsecmethods(struct loader *loader, const struct json *value, void *object)
{
	methods_read(loader, value, mmsecmethods_parse, &((struct policy *)object)->mmsecmethods);
}

static const struct member policy_members[] = {
	{"name", JSON_STRING, true, read_nothing},
	{"description", JSON_STRING, false, read_object_description},
	{"assigned", JSON_BOOL, false, read_assigned},
	{"mmpfs", JSON_BOOL, false, read_mmpfs},
	{"qmpermm", JSON_NUMBER, false, read_qmpermm},
	{"mmlifetime", JSON_NUMBER, false, read_mmlifetime},
	{"pollinginterval", JSON_NUMBER, false, read_pollinginterval},
	{"mmsecmethods", JSON_STRING, false, read_mmsecmethods},
	{"rules", JSON_ARRAY, true, read_rules},
	{"defaultrule", JSON_OBJECT, false, read_defaultrule},
	{0},
};

/* Without a description of its own the policy gets that of the profile, as one line. */
static const char *description_line(struct loader *loader, const char *text)
{
	char *line = arena_text(loader->draft->arena, text);
	for (char *at = line; *at != '\0'; at++)
		if (*at == '\n')
			*at = ' ';
	return line;
}

static void policy_read_node(struct loader *loader, const struct json *node, const struct json *description)
{
	if (!members_check(loader, node, policy_members))
		return;
	const char *name = name_new(loader, node, &loader->location->policies);
	if (name == NULL)
		return;
	loader->policy = location_add_policy(loader->draft, loader->location, name);
	if (description != NULL)
		loader->policy->object.description = description_line(loader, description->text);
	members_read(loader, node, policy_members, loader->policy);
}

/* ---- settings ---- */

/* yes and no are true and false, the mode and the exemptions strings, all others numbers. */
static unsigned property_types(enum property_id id)
{
	if (properties[id].own)
		return JSON_BOOL;
	return id == PROPERTY_BOOTMODE || id == PROPERTY_BOOTEXEMPTIONS ? JSON_STRING : JSON_NUMBER;
}

static void property_read(struct loader *loader, const struct json *value, enum property_id id)
{
	struct place place;
	char number[24];
	const char *text = number;
	json_place(&loader->document, value, false, &place);
	if (!type_check(loader, value, property_types(id)))
		return;
	uint64_t given = 0;
	if (value->type == JSON_BOOL) {
		text = value->yes ? "yes" : "no";
	} else if (value->type == JSON_STRING) {
		text = variables_text(loader, value);
	} else {
		struct buffer digits;
		if (!number_read(loader, value, 0, UINT32_MAX, &given))
			return;
		buffer_init(&digits, sizeof(number));
		buffer_add_number(&digits, given);
		memcpy(number, buffer_text(&digits), digits.length + 1);
		buffer_done(&digits);
	}
	struct diag own;
	diag_init(&own);
	if (text != NULL && config_set(&loader->draft->config, id, text, strlen(text), &own, &place) < 0)
		json_error(&loader->document, value, loader->diag, "%s", own.count > 0 ? own.messages[0].text : "not right");
	diag_done(&own);
}

static void config_read(struct loader *loader, const struct json *node)
{
	const char *names[PROPERTY_COUNT + 1] = {NULL};
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		names[i] = properties[i].name;
	for (const struct json *child = node->child; child != NULL && !loader_full(loader); child = child->next) {
		size_t id = 0;
		while (id < PROPERTY_COUNT && strcmp(names[id], child->key) != 0)
			id++;
		const char *nearest = id == PROPERTY_COUNT ? word_nearest(child->key, strlen(child->key), names) : NULL;
		if (id < PROPERTY_COUNT)
			property_read(loader, child, (enum property_id)id);
		else
			json_key_error(&loader->document, child, loader->diag, "there is no such property%s%s%s",
				       nearest != NULL ? ": did you mean " : " (cordon help config lists them)",
				       nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	}
}

/* ---- the whole ---- */

static const struct member profile_members[] = {
	{"$schema", JSON_STRING, false, read_nothing},
	{"description", JSON_STRING, false, read_nothing},
	{"location", JSON_STRING, false, read_nothing},
	{"variables", JSON_OBJECT, false, read_nothing},
	{"config", JSON_OBJECT, false, read_nothing},
	{"policy", JSON_OBJECT, true, read_nothing},
	{"filterlists", JSON_ARRAY, false, read_nothing},
	{"filteractions", JSON_ARRAY, false, read_nothing},
	{0},
};

static void location_read(struct loader *loader, const struct json *node)
{
	enum location_id id = LOCATION_LOCAL;
	if (node != NULL && !location_parse(node->text, strlen(node->text), &id))
		json_error(&loader->document, node, loader->diag, "%s is no location: write \"local\", \"persistent\" or "
			   "\"dynamic\"", QUOTE(node->text));
	if (loader->options->has_location)
		id = loader->options->location;
	loader->location = &loader->draft->locations[id];
}

void profile_read(struct loader *loader, const struct json *root)
{
	if (!members_check(loader, root, profile_members))
		return;
	loader->lists = member_find(root, "filterlists");
	loader->actions = member_find(root, "filteractions");
	loader->config = member_find(root, "config");
	location_read(loader, member_find(root, "location"));
	variables_read(loader, member_find(root, "variables"));
	if (loader->config != NULL)
		config_read(loader, loader->config);
	if (loader->actions != NULL)
		actions_read(loader, loader->actions);
	if (loader->lists != NULL)
		lists_read(loader, loader->lists);
	policy_read_node(loader, member_find(root, "policy"), member_find(root, "description"));
}
