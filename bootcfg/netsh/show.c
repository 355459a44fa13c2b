#include "bootcfg/netsh/show.h"

#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/page.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/utf8.h"

enum { PAGE_MOST = 1 << 30 };

bool show_names(const char *wanted, const struct object *object)
{
	return wanted == NULL || ascii_equal(wanted, object->name);
}

bool show_selects_rule(const struct show_request *request, const struct rule *rule, size_t index)
{
	return !request->defaultrule && show_names(request->name, &rule->object) &&
	       show_names(request->policy, &rule->policy->object) && (request->id == 0 || request->id == index + 1) &&
	       (request->type == SHOW_ANY || (request->type == SHOW_TUNNEL) == (rule->tunnel != NULL));
}

/* Whether a rule of that name uses the list or the action. */
static bool rule_uses(struct location *location, const char *name, const void *what)
{
	for (size_t i = 0; i < location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)location->policies.items[i];
		for (size_t r = 0; r < policy->rules.count; r++) {
			const struct rule *rule = (const struct rule *)policy->rules.items[r];
			if (ascii_equal(rule->object.name, name) && (rule->filterlist == what || rule->filteraction == what))
				return true;
		}
	}
	return false;
}

bool show_selects_list(const struct show_request *request, struct location *location, const struct filterlist *list)
{
	return show_names(request->name, &list->object) &&
	       (request->rule == NULL || rule_uses(location, request->rule, list));
}

bool show_selects_action(const struct show_request *request, struct location *location, const struct filteraction *action)
{
	return show_names(request->name, &action->object) &&
	       (request->rule == NULL || rule_uses(location, request->rule, action));
}

struct kind {
	bool dynamic;
	const char *what;
	void (*show)(const struct page *page);
	size_t collection; /* offset in struct location of what `name` is looked up in; 0: nothing */
	const char *word;  /* for the message that it is not there */
};

static const struct kind kinds[] = {
	{false, "all", show_static_all, 0, NULL},
	{false, "policy", show_policies, offsetof(struct location, policies), "policy"},
	{false, "rule", show_rules, 0, "rule"},
	{false, "filterlist", show_lists, offsetof(struct location, filterlists), "filter list"},
	{false, "filteraction", show_actions, offsetof(struct location, filteractions), "filter action"},
	{false, "store", show_store, 0, NULL},
	{false, "config", show_config, 0, NULL},
	{false, "gpoassignedpolicy", show_gpo, 0, NULL},
	{true, "all", show_dynamic_all, 0, NULL},
	{true, "config", show_config, 0, NULL},
	{true, "mmfilter", show_mmfilters, 0, NULL},
	{true, "mmpolicy", show_mmpolicies, offsetof(struct location, mmpolicies), "main mode policy"},
	{true, "mmsas", show_mmsas, 0, NULL},
	{true, "qmfilter", show_qmfilters, 0, NULL},
	{true, "qmpolicy", show_qmpolicies, offsetof(struct location, qmpolicies), "quick mode policy"},
	{true, "qmsas", show_qmsas, 0, NULL},
	{true, "rule", show_dynrules, 0, NULL},
	{true, "stats", show_stats, 0, NULL},
};

static const struct kind *kind_find(const struct show_request *request)
{
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (kinds[i].dynamic == request->dynamic && ascii_equal(kinds[i].what, request->what))
			return &kinds[i];
	return NULL;
}

/* The message that something named is not there, with the nearest name that is. */
static int not_found(const struct page *page, const struct collection *collection, const char *word, const char *name,
		     struct diag *diag, const struct place *place)
{
	enum { NEAREST_MOST = 1000 };
	const char *names[NEAREST_MOST + 1] = {NULL};
	for (size_t i = 0; collection != NULL && i < collection->count && i < NEAREST_MOST; i++)
		names[i] = collection->items[i]->name;
	const char *nearest = word_nearest(name, strlen(name), names);
	const char *where = location_name(page->location->id);
	if (nearest != NULL)
		diag_error(diag, place, "no %s %s in the %s store; did you mean %s?", word, QUOTE(name), where, QUOTE(nearest));
	else
		diag_error(diag, place, "no %s %s in the %s store", word, QUOTE(name), where);
	return ERROR_NOT_FOUND;
}

/* The rule that `name`, `id` and `policy` ask for, or that `rule` names, is there. */
static bool rule_there(const struct page *page, const struct show_request *wanted)
{
	for (size_t i = 0; i < page->location->policies.count; i++) {
		const struct policy *policy = (const struct policy *)page->location->policies.items[i];
		for (size_t r = 0; r < policy->rules.count; r++)
			if (show_selects_rule(wanted, (const struct rule *)policy->rules.items[r], r))
				return true;
	}
	return false;
}

static int rule_check(const struct page *page, const char *name, const char *policy, uint64_t id, struct diag *diag,
		      const struct place *place)
{
	struct show_request wanted = {.name = name, .policy = policy, .id = id};
	if (policy != NULL && collection_find(&page->location->policies, policy) == NULL)
		return not_found(page, &page->location->policies, "policy", policy, diag, place);
	if ((name == NULL && id == 0) || rule_there(page, &wanted))
		return 0;
	if (name != NULL)
		return not_found(page, NULL, "rule", name, diag, place);
	diag_error(diag, place, "no rule with the number %llu in the %s store", (unsigned long long)id,
		   location_name(page->location->id));
	return ERROR_NOT_FOUND;
}

static int request_check(const struct page *page, const struct kind *kind, struct diag *diag, const struct place *place)
{
	const struct show_request *request = page->request;
	if (kind->collection != 0 && request->name != NULL) {
		struct collection *collection = (struct collection *)((char *)page->location + kind->collection);
		if (collection_find(collection, request->name) == NULL)
			return not_found(page, collection, kind->word, request->name, diag, place);
	}
	if (request->rule != NULL)
		return rule_check(page, request->rule, NULL, 0, diag, place);
	if (kind->show == show_rules)
		return rule_check(page, request->name, request->policy, request->id, diag, place);
	return 0;
}

void show_value(const struct state *state, enum property_id id, struct buffer *value)
{
	bool assigned = false;
	for (size_t i = 0; i < LOCATION_COUNT; i++)
		assigned |= location_assigned(&state->locations[i]) != NULL;
	if (id == PROPERTY_BOOTMODE && !state->config.set[id] && assigned)
		buffer_add_text(value, bootmode_name(BOOTMODE_STATEFUL));
	else
		config_print(&state->config, id, value);
}

/* Copies the lines, each cut to the width of the terminal; characters are counted, not bytes. */
static void lines_cut(const struct buffer *page, unsigned width, struct buffer *output)
{
	const char *at = buffer_text(page), *end = at + page->length;
	unsigned column = 0;
	while (at < end) {
		size_t bytes = utf8_length(at, (size_t)(end - at));
		bytes = bytes == 0 ? 1 : bytes;
		column = *at == '\n' ? 0 : column + 1;
		if (column <= width)
			buffer_add(output, at, bytes);
		at += bytes;
	}
}

int show_run(struct state *state, const struct show_request *request, struct diag *diag, const struct place *place,
	     struct buffer *output)
{
	struct buffer lines;
	struct page page = {state, &state->locations[request->dynamic ? LOCATION_DYNAMIC : request->location], request, &lines};
	const struct kind *kind = kind_find(request);
	if (kind == NULL) {
		diag_error(diag, place, "show %s: there is no such thing to show", QUOTE(request->what));
		return ERROR_INPUT;
	}
	int error = request_check(&page, kind, diag, place);
	if (error < 0)
		return error;
	if (request->json) {
		show_json(state, request, output);
		return 0;
	}
	buffer_init(&lines, PAGE_MOST);
	kind->show(&page);
	/* A store for this boot holds dynamic objects as well as policies. */
	if (!request->dynamic && request->location == LOCATION_DYNAMIC && request->name == NULL) {
		struct show_request dynamic = *request;
		dynamic.dynamic = true;
		bool more = ascii_equal(request->what, "all") || ascii_equal(request->what, "rule");
		page.request = &dynamic;
		if (more) {
			page_gap(&page);
			show_dynrules(&page);
		}
		if (ascii_equal(request->what, "all")) {
			page_gap(&page);
			show_mmpolicies(&page);
			page_gap(&page);
			show_qmpolicies(&page);
		}
	}
	if (request->wide || request->width == 0)
		buffer_add(output, buffer_text(&lines), lines.length);
	else
		lines_cut(&lines, request->width, output);
	buffer_done(&lines);
	return 0;
}

int netsh_show(struct state *state, enum location_id location, const char *what, const char *name,
	       const struct netsh_options *options, struct diag *diag, struct buffer *output)
{
	const struct show_request request = {
		.location = location,
		.what = what,
		.name = name != NULL && ascii_equal(name, "all") ? NULL : name, /* as netsh takes it */
		.json = options->json,
		.wide = true,
		.store_name = options->store_name,
	};
	return show_run(state, &request, diag, NULL, output);
}
