#include "enforcer_fixture.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* --- The store --- */

static struct address address_of(const char *text)
{
	struct address address = {.kind = ADDRESS_ANY};
	if (text != NULL && !address_parse(text, strlen(text), &address))
		abort();
	return address;
}

static void rule_put(struct state *state, const struct fixture_rule *rule, size_t number)
{
	struct location *location = &state->locations[rule->location];
	struct filter filter = {
		.src = address_of(rule->src),
		.dst = address_of(rule->dst),
		.dstport = rule->dstport,
		.protocol = rule->protocol,
		.description = "",
	};
	if (rule->dstname != NULL)
		filter.dst.name = arena_text(state->arena, rule->dstname);
	if (rule->location == LOCATION_DYNAMIC) {
		struct dynrule *dynrule = location_add_dynrule(state, location);
		dynrule->filter = filter;
		dynrule->actioninbound = dynrule->actionoutbound = rule->action;
		return;
	}
	struct policy *policy = location_assigned(location);
	if (policy == NULL) {
		policy = location_add_policy(state, location, "policy");
		location_assign(location, policy);
	}
	char *name = arena_printf(state->arena, "%zu", number);
	struct filteraction *action = (struct filteraction *)collection_find(&location->filteractions, action_name(rule->action));
	if (action == NULL) {
		action = location_add_filteraction(state, location, action_name(rule->action));
		action->action = rule->action;
	}
	struct filterlist *list = location_add_filterlist(state, location, name);
	filterlist_add(state, list, &filter);
	policy_add_rule(state, policy, name, list, action);
}

bool fixture_store(const char *path, const struct fixture_rule *rules, size_t count, const char *set, struct pending *pending)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct diag diag;
	diag_init(&diag);
	int error = store_open(path, STORE_WRITE, &diag, &store);
	if (error == 0)
		error = store_begin(store, &diag, &state);
	for (size_t i = 0; i < LOCATION_COUNT && error == 0; i++)
		location_delete_all(state, &state->locations[i]);
	for (size_t i = 0; i < count && error == 0; i++) {
		/* Filters of one name are one list's. */
		struct filterlist *list = NULL;
		struct location *location = &state->locations[rules[i].location];
		if (i > 0 && rules[i].dstname != NULL && rules[i].location != LOCATION_DYNAMIC &&
		    rules[i - 1].dstname != NULL && location->filterlists.count > 0)
			list = (struct filterlist *)location->filterlists.items[location->filterlists.count - 1];
		if (list == NULL) {
			rule_put(state, &rules[i], i);
			continue;
		}
		struct filter filter = list->filters[0];
		filter.dst = address_of(rules[i].dst);
		filter.dst.name = arena_text(state->arena, rules[i].dstname);
		filter.row = 0;
		filterlist_add(state, list, &filter);
	}
	if (error == 0 && set != NULL) {
		const char *value = strchr(set, '=') + 1;
		const struct property *property = property_find(set, (size_t)(value - set - 1));
		error = config_set(&state->config, property_index(property), value, strlen(value), &diag, NULL);
	}
	if (error == 0)
		error = pending != NULL ? store_commit_pending(store, state, "test", pending, &diag)
					: store_commit(store, state, "test", &diag);
	if (error < 0)
		fprintf(stderr, "store: %s\n", diag.count > 0 ? diag.messages[0].text : error_text(error));
	state_free(state);
	store_close(store);
	diag_done(&diag);
	return error == 0;
}

void fixture_digest(const char *path, char digest[DIGEST_TEXT])
{
	struct store *store = NULL;
	struct state *state = NULL;
	if (store_open(path, STORE_READ, NULL, &store) < 0 || store_read(store, 0, NULL, &state) < 0)
		abort();
	state_digest(state, digest);
	state_free(state);
	store_close(store);
}

/* --- The machine --- */

void machine_init(struct machine *machine)
{
	*machine = (struct machine){.refuses_negotiate = true, .ttl = 60};
	host_init(&machine->host);
}

void machine_done(struct machine *machine)
{
	host_done(&machine->host);
}

void machine_host(struct machine *machine, const char *json)
{
	struct host host;
	host_init(&host);
	if (host_parse(json, strlen(json), "facts", NULL, &host) < 0)
		abort();
	host_done(&machine->host);
	machine->host = host;
}

static int machine_facts(const char *root, struct diag *diag, struct host *ret_host, void *context)
{
	const struct machine *machine = context;
	(void)root;
	if (machine->host_error < 0) {
		diag_error(diag, NULL, "the kernel does not tell");
		return machine->host_error;
	}
	host_init(ret_host);
	for (size_t i = 0; i < machine->host.address_count; i++)
		host_add_address(ret_host, &machine->host.addresses[i]);
	for (unsigned kind = ADDRESS_DNS; kind <= ADDRESS_GATEWAY; kind++)
		for (size_t i = 0; i < machine->host.servers[kind].count; i++)
			host_add_server(ret_host, (enum address_kind)kind, &machine->host.servers[kind].items[i]);
	return 0;
}

static void targets_note(struct machine *machine, const struct ruleset *ruleset)
{
	size_t length = 0;
	machine->targets[0] = '\0';
	machine->permits = 0;
	for (size_t i = 0; i < ruleset->group_count; i++) {
		const struct group *group = &ruleset->groups[i];
		for (size_t j = 0; j < group->count; j++) {
			const struct match *match = &ruleset->matches[group->first + j];
			struct ip ip = {.family = group->shape.family};
			char text[IP_TEXT];
			memcpy(ip.bytes, match->dst, 16);
			ip_print(&ip, text);
			machine->permits += match->action == ACTION_PERMIT;
			if (group->shape.family == FAMILY_IPV4 && length + sizeof(text) + 1 < sizeof(machine->targets))
				length += (size_t)snprintf(machine->targets + length, sizeof(machine->targets) - length, "%s ", text);
		}
	}
}

static int machine_apply(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag, void *context)
{
	struct machine *machine = context;
	char digest[DIGEST_TEXT], targets[sizeof(machine->targets)];
	machine->looked++;
	if (machine->apply_error < 0) {
		diag_error(diag, NULL, "the kernel refuses the new rules: out of everything");
		return machine->apply_error;
	}
	for (size_t i = 0; i < ruleset->origin_count; i++)
		if (machine->refuses_negotiate && ruleset->origins[i].action == ACTION_NEGOTIATE) {
			diag_error(diag, NULL, "a rule negotiates: nothing enforces that");
			return ERROR_INPUT;
		}
	state_digest(ruleset->state, digest);
	memcpy(targets, machine->targets, sizeof(targets));
	targets_note(machine, ruleset);
	if (machine->present && machine->mode == ruleset->mode && machine->observe == options->observe &&
	    strcmp(machine->digest, digest) == 0 && strcmp(machine->targets, targets) == 0 &&
	    machine->matches == ruleset->match_count)
		return 0;
	machine->present = true;
	machine->mode = ruleset->mode;
	machine->observe = options->observe;
	machine->matches = ruleset->match_count;
	memcpy(machine->digest, digest, sizeof(digest));
	if (machine->applied < ARRAY_LENGTH(machine->modes))
		machine->modes[machine->applied] = ruleset->mode;
	machine->applied++;
	*options->changed = true;
	return 0;
}

static int machine_clean(const struct nftables_options *options, struct diag *diag, void *context)
{
	struct machine *machine = context;
	(void)diag;
	options->before_clean(options->context);
	machine->cleaned++;
	return 0;
}

static int machine_lift(struct diag *diag, void *context)
{
	struct machine *machine = context;
	(void)diag;
	machine->present = false;
	machine->lifted++;
	return 0;
}

static int machine_status(struct diag *diag, struct nftables_status *ret_status, void *context)
{
	const struct machine *machine = context;
	(void)diag;
	*ret_status = (struct nftables_status){.present = machine->present, .observe = machine->observe, .mode = machine->mode};
	memcpy(ret_status->digest, machine->digest, sizeof(ret_status->digest));
	if (machine->other != NULL) {
		ret_status->others = malloc(sizeof(char *));
		ret_status->others[ret_status->other_count++] = strdup(machine->other);
	}
	return 0;
}

static int machine_resolve(const char *name, struct ip_list *list, uint32_t *ret_ttl, void *context)
{
	struct machine *machine = context;
	struct cursor cursor, word;
	(void)name;
	machine->asked++;
	if (machine->answer == NULL)
		return ERROR_NOT_FOUND;
	cursor = cursor_text(machine->answer);
	list->items = calloc(16, sizeof(*list->items));
	list->capacity = 16;
	for (cursor_skip_blanks(&cursor); cursor_word(&cursor, &word); cursor_skip_blanks(&cursor))
		if (list->count == 16 || !ip_parse(word.at, cursor_left(&word), &list->items[list->count++]))
			abort();
	*ret_ttl = machine->ttl;
	return 0;
}

static void machine_event(const struct enforcer_event *event, void *context)
{
	struct machine *machine = &((struct fixture *)context)->machine;
	size_t length = strlen(machine->events);
	if (length < sizeof(machine->events) - 1024)
		snprintf(machine->events + length, sizeof(machine->events) - length, "%u %s | %s\n", event->eventid,
			 driver_state_name(event->state), event->text);
}

static void machine_in_force(const struct ruleset *ruleset, const struct config *config, bool observe, void *context)
{
	struct fixture *fixture = context;
	(void)ruleset;
	(void)observe;
	fixture->machine.in_force++;
	fixture->machine.diagnostics = config->number[PROPERTY_IPSECDIAGNOSTICS];
}

/* --- The whole --- */

void fixture_init(struct fixture *fixture)
{
	const char *temporary = getenv("TMPDIR");
	*fixture = (struct fixture){.loop = NULL};
	snprintf(fixture->folder, sizeof(fixture->folder), "%s/enforcer-XXXXXX", temporary != NULL ? temporary : "/tmp");
	if (mkdtemp(fixture->folder) == NULL)
		abort();
	snprintf(fixture->store, sizeof(fixture->store), "%s/store.db", fixture->folder);
	snprintf(fixture->driver, sizeof(fixture->driver), "%s/driver", fixture->folder);
	machine_init(&fixture->machine);
	machine_host(&fixture->machine, "{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"192.0.2.53\"], \"gateway\": [\"192.0.2.1\"]}");
	fixture->world = (struct enforcer_world){
		.host = machine_facts,
		.apply = machine_apply,
		.clean = machine_clean,
		.lift = machine_lift,
		.status = machine_status,
		.resolve = machine_resolve,
		.blind = true,
		.context = &fixture->machine,
	};
	fixture->loop = loop_new_scripted(1000000);
}

void fixture_start(struct fixture *fixture)
{
	struct enforcer_options options = {
		.store = fixture->store,
		.root = "",
		.driver_file = fixture->driver,
		.event = machine_event,
		.in_force = machine_in_force,
		.context = fixture,
		.world = &fixture->world,
	};
	if (enforcer_new(fixture->loop, &options, NULL, &fixture->enforcer) < 0)
		abort();
	enforcer_start(fixture->enforcer);
}

void fixture_stop(struct fixture *fixture)
{
	enforcer_free(fixture->enforcer);
	fixture->enforcer = NULL;
}

static int path_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status;
	(void)type;
	(void)place;
	return remove(path);
}

void fixture_done(struct fixture *fixture)
{
	fixture_stop(fixture);
	loop_free(fixture->loop);
	machine_done(&fixture->machine);
	(void)nftw(fixture->folder, path_remove, 8, FTW_DEPTH | FTW_PHYS);
}

void fixture_set(struct fixture *fixture, const struct fixture_rule *rules, size_t count, const char *set)
{
	if (!fixture_store(fixture->store, rules, count, set, NULL))
		abort();
	enforcer_notice(fixture->enforcer, ENFORCER_STORE);
}

bool fixture_said(const struct fixture *fixture, const char *words)
{
	return strstr(fixture->machine.events, words) != NULL;
}

size_t fixture_count(const struct fixture *fixture, const char *words)
{
	size_t count = 0;
	for (const char *at = fixture->machine.events; (at = strstr(at, words)) != NULL; at++)
		count++;
	return count;
}
