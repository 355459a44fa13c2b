#include "apps/containment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/containment_check.h"
#include "apps/file.h"
#include "bootcfg/contain/agent.h"
#include "bootcfg/contain/notify.h"
#include "bootcfg/contain/pem.h"
#include "bootcfg/contain/ruletable.h"
#include "bootcfg/host.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/base/utf8.h"

enum { CONTAINMENT_NAME_MOST = 256, PROBE_MS = 10000, AGENT_GROUP = 1 };

struct containment {
	struct arena *arena;
	const struct invocation *invocation;
	const char *name;
	bool has_agent;
	struct agent agent;
	struct filter *allows;
	size_t allow_count;
	const char *rules_file;     /* NULL: none */
	struct buffer rules;
	char *cacert;               /* PEM, or NULL */
	struct probe *probes;       /* those of the agent's servers first, in their order */
	size_t probe_count;
	const char *notify;
	size_t notify_length;
	const char **assignments;
	size_t assignment_count;
};

static size_t options_count(const struct invocation *invocation, const char *name)
{
	size_t count = 0;
	for (size_t i = 0; i < invocation->given_count; i++)
		count += strcmp(invocation->given[i].option->name, name) == 0;
	return count;
}

/* --- what the options say --- */

/* Combinations that cannot be meant. */
static int usage_check(const struct invocation *invocation)
{
	bool agent = invocation_option(invocation, "agent") != NULL, probe = false;
	const char *wrong = NULL;
	for (size_t i = 0; i < invocation->given_count; i++) {
		const struct given *given = &invocation->given[i];
		probe |= strcmp(given->option->name, "probe") == 0 && strncmp(given->value, "https://", 8) == 0;
		if (agent && strcmp(given->option->name, "set") == 0 &&
		    (strncmp(given->value, "server=", 7) == 0 || strncmp(given->value, "port=", 5) == 0))
			wrong = "the servers and their ports come from --agent: leave --set server= and --set port= out (--allow "
				"permits others as well)";
	}
	if (agent && invocation->word_count == 0)
		wrong = "--agent goes with a PROFILE whose variables it fills, such as quarantine";
	if (invocation_option(invocation, "cacert") != NULL && !agent && !probe)
		wrong = "--cacert goes with --agent or with a --probe that is an https:// URL";
	if (invocation_option(invocation, "forbid") != NULL && invocation_option(invocation, "observe") != NULL)
		wrong = "--forbid does not go with --observe, which drops nothing";
	if (wrong == NULL)
		return 0;
	diag_error(invocation->diag, NULL, "%s", wrong);
	return ERROR_INPUT;
}

/* A text that goes into the store, or onto terminals. */
static const char *text_wrong(const char *text)
{
	if (*text == '\0')
		return "it is empty";
	return utf8_check(text, strlen(text), NULL) ? NULL : "it is not UTF-8";
}

static int name_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	const char *name = invocation_option(invocation, "name");
	if (name == NULL)
		return 0;
	const char *wrong = text_wrong(name);
	if (wrong == NULL && strlen(name) > CONTAINMENT_NAME_MOST)
		wrong = "it is longer than 256 bytes";
	for (const char *at = name; wrong == NULL && *at != '\0'; at++)
		if ((unsigned char)*at < 0x20 || *at == 0x7f)
			wrong = "it holds a control character";
	if (wrong != NULL) {
		diag_error(invocation->diag, NULL, "--name is %s: %s", QUOTE(name), wrong);
		return ERROR_INPUT;
	}
	containment->name = name;
	return 0;
}

static int notify_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	const char *text = invocation_option(invocation, "notify");
	if (text == NULL)
		return 0;
	const char *wrong = text_wrong(text);
	if (wrong != NULL) {
		diag_error(invocation->diag, NULL, "--notify is %s: %s", QUOTE(text), wrong);
		return ERROR_INPUT;
	}
	containment->notify = text;
	containment->notify_length = notify_cut(text, strlen(text));
	if (text[containment->notify_length] != '\0')
		diag_warning(invocation->diag, "notify-cut", NULL, "--notify is longer than %d characters: it is cut", NOTIFY_CHARACTERS);
	return 0;
}

static int agent_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	const char *file = invocation_option(invocation, "agent");
	struct buffer text;
	if (file == NULL)
		return 0;
	int error = file_read(file, 0, invocation->diag, &text);
	if (error == 0)
		error = agent_parse(buffer_text(&text), text.length, file, containment->arena, invocation->diag, &containment->agent);
	containment->has_agent = error == 0;
	buffer_done(&text);
	return error;
}

static int rules_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	containment->rules_file = invocation_option(invocation, "rules");
	if (containment->rules_file == NULL)
		return 0;
	buffer_done(&containment->rules);
	return file_read(containment->rules_file, 0, invocation->diag, &containment->rules);
}

static int cacert_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	const char *file = invocation_option(invocation, "cacert");
	struct buffer text;
	if (file == NULL)
		return 0;
	int error = file_read(file, 0, invocation->diag, &text);
	const char *wrong = error == 0 ? pem_wrong(buffer_text(&text), text.length) : NULL;
	if (wrong != NULL) {
		struct place place = {.file = file, .line = 1, .column = 1};
		diag_error(invocation->diag, &place, "%s", wrong);
		error = ERROR_INPUT;
	}
	if (error == 0)
		containment->cacert = arena_text_n(containment->arena, buffer_text(&text), text.length);
	buffer_done(&text);
	return error;
}

/* --- --allow --- */

/* A host that has no address yet of a family: `me` in a packet is not expanded in the filter, so any will do. */
static void host_stand_in(struct host *host)
{
	static const struct ip_prefix addresses[] = {
		{{.family = FAMILY_IPV4, .bytes = {192, 168, 0, 10}}, 24},
		{{.family = FAMILY_IPV6, .bytes = {0xfd, [15] = 0x10}}, 64},
	};
	if (host_first(host, FAMILY_IPV4) == NULL)
		host_add_address(host, &addresses[0]);
	if (host_first(host, FAMILY_IPV6) == NULL)
		host_add_address(host, &addresses[1]);
}

static const char *allow_wrong(const struct packet *packet, bool src_me, bool dst_me)
{
	if (packet->reply)
		return "leave `reply` out: the answers are permitted by themselves";
	if (packet->fragment)
		return "leave `frag` out: fragments are reassembled before they are judged";
	if (packet->icmp_type >= 0)
		return "filters have no ICMP type: leave it out";
	if (src_me && dst_me)
		return "both sides are this host: what it sends to itself is never filtered";
	if (!src_me && !dst_me)
		return "one side must be `me`, as in: tcp me > 203.0.113.5:443";
	if (packet->direction != (src_me ? DIRECTION_OUT : DIRECTION_IN))
		return src_me ? "what `me` sends goes out" : "what is sent to `me` comes in";
	if (ip_is_loopback(&packet->src) || ip_is_loopback(&packet->dst))
		return "what a host sends to itself is never filtered";
	return NULL;
}

static int allow_parse(struct containment *containment, const struct host *host, const char *text)
{
	struct diag *diag = containment->invocation->diag;
	struct place place = {.file = "--allow", .line = 1, .column = 1, .length = (uint32_t)strlen(text), .source = text,
			      .source_length = strlen(text)};
	struct packet packet;
	int error = packet_parse(text, strlen(text), host, diag, &place, &packet);
	if (error < 0)
		return error;
	bool src_me = host_is_me(host, &packet.src), dst_me = host_is_me(host, &packet.dst);
	const char *wrong = allow_wrong(&packet, src_me, dst_me);
	if (wrong != NULL) {
		diag_error(diag, &place, "%s: %s", QUOTE(text), wrong);
		return ERROR_INPUT;
	}
	struct filter filter = {
		.src = address_subnet(&packet.src, family_bits(packet.src.family)),
		.dst = address_subnet(&packet.dst, family_bits(packet.dst.family)),
		.srcport = packet.srcport, .dstport = packet.dstport, .protocol = packet.protocol,
		.mirrored = true, .replies = true, .description = "--allow",
	};
	*(src_me ? &filter.src : &filter.dst) = (struct address){.kind = ADDRESS_ME};
	containment->allows[containment->allow_count++] = filter;
	return 0;
}

static int allows_read(struct containment *containment)
{
	struct invocation given = *containment->invocation;
	size_t count = options_count(&given, "allow");
	struct host host;
	if (count == 0)
		return 0;
	containment->allows = arena_alloc(containment->arena, count * sizeof(*containment->allows));
	host_init(&host);
	int error = facts_read(&given, NULL, &host);
	host_stand_in(&host);
	for (size_t i = 0; i < given.given_count && error == 0; i++)
		if (strcmp(given.given[i].option->name, "allow") == 0)
			error = allow_parse(containment, &host, given.given[i].value);
	host_done(&host);
	return error;
}

/* --- probes --- */

/* A certificate of a private authority that says no other name of its own. */
static const char *agent_pinned(const struct agent *agent)
{
	return agent->pinned != NULL ? agent->pinned : agent->self_signed ? "VelociraptorServer" : NULL;
}

static int agent_probes_read(struct containment *containment)
{
	const struct agent *agent = &containment->agent;
	struct buffer authority;
	buffer_init(&authority, 2 * PEM_MOST + 2);
	if (agent->ca != NULL)
		buffer_printf(&authority, "%s\n", agent->ca);
	if (containment->cacert != NULL)
		buffer_add_text(&authority, containment->cacert);
	const char *ca = authority.length > 0 ? arena_text(containment->arena, buffer_text(&authority)) : NULL;
	buffer_done(&authority);
	for (size_t i = 0; i < agent->count; i++) {
		struct probe *probe = &containment->probes[containment->probe_count++];
		int error = probe_prepare(probe, agent->servers[i].probe, false, containment->arena, containment->invocation->diag);
		if (error < 0)
			return error;
		probe->ca_pem = ca;
		probe->pinned = agent_pinned(agent);
		probe->system_too = !agent->self_signed;
		probe->status = 200;
		probe->group = AGENT_GROUP;
	}
	return 0;
}

static int probe_read(struct containment *containment, const char *text, bool forbid)
{
	struct probe *probe = &containment->probes[containment->probe_count++];
	int error = probe_prepare(probe, text, forbid, containment->arena, containment->invocation->diag);
	probe->ca_pem = containment->cacert;
	probe->any_name = containment->cacert != NULL;
	return error;
}

static int probes_read(struct containment *containment)
{
	const struct invocation *invocation = containment->invocation;
	size_t given = options_count(invocation, "probe") + options_count(invocation, "forbid");
	if (given > PROBES_MOST) {
		diag_error(invocation->diag, NULL, "%zu probes: at most %d of --probe and --forbid together", given, PROBES_MOST);
		return ERROR_INPUT;
	}
	containment->probes = arena_alloc(containment->arena, (given + containment->agent.count) * sizeof(*containment->probes));
	int error = agent_probes_read(containment);
	for (size_t i = 0; i < invocation->given_count && error == 0; i++) {
		const char *name = invocation->given[i].option->name;
		bool forbid = strcmp(name, "forbid") == 0;
		if (forbid || strcmp(name, "probe") == 0)
			error = probe_read(containment, invocation->given[i].value, forbid);
	}
	return error;
}

/* --- variables --- */

/* The addresses of the servers that have the first one's port; those with others are added to the policy itself, since
 * variables would permit every port on every server. */
static void variables_make(struct containment *containment)
{
	const struct agent *agent = &containment->agent;
	struct buffer list;
	buffer_init(&list, 1 << 20);
	for (size_t i = 0; i < agent->count; i++) {
		const struct ip_list *addresses = &containment->probes[i].addresses;
		for (size_t j = 0; j < addresses->count && agent->servers[i].port == agent->servers[0].port; j++) {
			char text[IP_TEXT];
			ip_print(&addresses->items[j], text);
			buffer_printf(&list, "%s%s", list.length > 0 ? "," : "server=", text);
		}
	}
	containment->assignments = arena_alloc(containment->arena, 2 * sizeof(*containment->assignments));
	containment->assignments[0] = arena_text(containment->arena, buffer_text(&list));
	containment->assignments[1] = arena_printf(containment->arena, "port=%u", (unsigned)agent->servers[0].port);
	containment->assignment_count = 2;
	buffer_done(&list);
}

size_t containment_variables(const struct containment *containment, const char *const **ret_assignments)
{
	*ret_assignments = containment->assignments;
	return containment->assignment_count;
}

int containment_open(struct invocation *invocation, struct containment **ret_containment)
{
	static int (*const readers[])(struct containment *) = {
		name_read, notify_read, agent_read, cacert_read, rules_read, allows_read, probes_read,
	};
	struct containment *containment = memory_alloc(sizeof(*containment));
	*containment = (struct containment){.arena = arena_new(), .invocation = invocation};
	buffer_init(&containment->rules, 1);
	*ret_containment = containment;
	int error = usage_check(invocation);
	for (size_t i = 0; i < ARRAY_LENGTH(readers) && error == 0; i++)
		error = readers[i](containment);
	if (error == 0 && containment->has_agent)
		variables_make(containment);
	return error;
}

void containment_free(struct containment *containment)
{
	if (containment == NULL)
		return;
	for (size_t i = 0; i < containment->probe_count; i++)
		probe_done(&containment->probes[i]);
	buffer_done(&containment->rules);
	arena_free(containment->arena);
	free(containment);
}

bool containment_probes(const struct containment *containment)
{
	return containment->probe_count > 0;
}

/* --- into the policy --- */

/* Where the assigned policy is that the options speak of. */
static struct policy *policy_find(const struct containment *containment, struct state *state, struct location **ret_location)
{
	const struct invocation *invocation = containment->invocation;
	static const enum location_id order[] = {LOCATION_LOCAL, LOCATION_PERSISTENT};
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		struct location *location = &state->locations[order[i]];
		if (invocation->has_location && invocation->location != order[i])
			continue;
		*ret_location = location;
		if (location_assigned(location) != NULL)
			return location_assigned(location);
	}
	return NULL;
}

/* Rules of one policy that refer to a list. */
static size_t own_users(const struct policy *policy, const struct filterlist *list)
{
	size_t users = 0;
	for (size_t i = 0; i < policy->rules.count; i++)
		users += ((const struct rule *)policy->rules.items[i])->filterlist == list;
	return users;
}

/* Takes a policy out, with the lists and actions that only it used. */
static void policy_delete(struct state *state, struct location *location, struct policy *policy)
{
	size_t count = policy->rules.count;
	struct filterlist **lists = memory_alloc((count + 1) * sizeof(*lists));
	struct filteraction **actions = memory_alloc((count + 1) * sizeof(*actions));
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		lists[i] = rule->filterlist;
		actions[i] = rule->filteraction;
		for (size_t j = 0; j < i; j++) {
			lists[i] = lists[j] == rule->filterlist ? NULL : lists[i];
			actions[i] = actions[j] == rule->filteraction ? NULL : actions[i];
		}
	}
	location_delete_policy(state, location, policy);
	for (size_t i = 0; i < count; i++) {
		if (lists[i] != NULL && lists[i]->users == 0)
			(void)location_delete_filterlist(state, location, lists[i]);
		if (actions[i] != NULL && actions[i]->users == 0)
			(void)location_delete_filteraction(state, location, actions[i]);
	}
	free(lists);
	free(actions);
}

/* The lists of the policy alone get its new name too: the profile may be loaded again, for another case. */
static int lists_rename(struct state *state, struct location *location, const struct policy *policy, const char *name, struct diag *diag)
{
	for (size_t i = 0; i < policy->rules.count; i++) {
		struct filterlist *list = ((const struct rule *)policy->rules.items[i])->filterlist;
		const char *wanted = arena_printf(state->arena, "%s: %s", name, list->object.name);
		size_t length = strlen(name);
		bool named = strncmp(list->object.name, name, length) == 0 && list->object.name[length] == ':';
		if (list->users != own_users(policy, list) || named || strlen(wanted) > POLICY_NAME_MOST)
			continue;
		struct filterlist *other = (struct filterlist *)collection_find(&location->filterlists, wanted);
		if (other != NULL && location_delete_filterlist(state, location, other) < 0) {
			diag_error(diag, NULL, "--name is %s: there is a filter list %s already that another policy uses", QUOTE(name),
				   QUOTE(wanted));
			return ERROR_IN_USE;
		}
		collection_rename(state, &location->filterlists, &list->object, wanted);
	}
	return 0;
}

static int name_apply(const struct containment *containment, struct state *state, struct location *location, struct policy *policy,
		      struct diag *diag)
{
	struct policy *other = (struct policy *)collection_find(&location->policies, containment->name);
	if (other != NULL && other != policy) {
		/* What the same profile made under that name before is replaced; anything else is somebody's work. */
		if (strcmp(other->object.description, policy->object.description) != 0) {
			diag_error(diag, NULL, "--name is %s: there is another policy of that name already; choose another one",
				   QUOTE(containment->name));
			return ERROR_EXISTS;
		}
		policy_delete(state, location, other);
	}
	if (strcmp(policy->object.name, containment->name) != 0)
		collection_rename(state, &location->policies, &policy->object, containment->name);
	return lists_rename(state, location, policy, containment->name, diag);
}

/* The filter that permits a server already, as the profile's variables made it. */
static struct filter *filter_find(const struct policy *policy, const struct filter *wanted, struct filterlist **ret_list)
{
	for (size_t i = 0; i < policy->rules.count; i++) {
		const struct rule *rule = (const struct rule *)policy->rules.items[i];
		if (rule->filteraction->action != ACTION_PERMIT || !rule->activate)
			continue;
		for (size_t j = 0; j < rule->filterlist->count; j++) {
			if (!filter_equal(&rule->filterlist->filters[j], wanted))
				continue;
			*ret_list = rule->filterlist;
			return &rule->filterlist->filters[j];
		}
	}
	return NULL;
}

static int permit_add(struct state *state, struct policy *policy, const struct filter *filter, struct diag *diag)
{
	struct filterlist *list;
	if (filter_find(policy, filter, &list) != NULL)
		return 0;
	int error = ruletable_list(state, policy, ACTION_PERMIT, diag, &list);
	if (error < 0)
		return error;
	filterlist_add(state, list, filter);
	list->object.changed = true;
	return 0;
}

/* One address of a server: the filter that the variables made gets the name that the address was resolved from; one that
 * they could not say goes beside it (home, NULL when there is no such list). */
static int server_extend(struct state *state, struct policy *policy, const struct filter *filter, struct filterlist **home, struct diag *diag)
{
	struct filterlist *list;
	struct filter *found = filter_find(policy, filter, &list);
	if (found == NULL && *home == NULL)
		return permit_add(state, policy, filter, diag);
	if (found == NULL) {
		filterlist_add(state, *home, filter);
		(*home)->object.changed = true;
		return 0;
	}
	if (found->row == 0 && found->dst.name == NULL)
		found->dst.name = filter->dst.name;
	if (*home == NULL && list->users == own_users(policy, list))
		*home = list;
	return 0;
}

static int agent_extend(const struct containment *containment, struct state *state, struct policy *policy, struct diag *diag)
{
	struct filterlist *home = NULL;
	for (size_t i = 0; i < containment->agent.count; i++) {
		const struct agent_server *server = &containment->agent.servers[i];
		const struct ip_list *addresses = &containment->probes[i].addresses;
		const char *name = server->is_address ? NULL : arena_text(state->arena, server->host);
		for (size_t j = 0; j < addresses->count; j++) {
			struct filter filter = {
				.src = {.kind = ADDRESS_ME}, .dst = address_subnet(&addresses->items[j], family_bits(addresses->items[j].family)),
				.dstport = server->port, .protocol = PROTOCOL_TCP, .mirrored = true, .replies = true, .description = "agent",
			};
			filter.dst.name = name;
			int error = server_extend(state, policy, &filter, &home, diag);
			if (error < 0)
				return error;
		}
	}
	return 0;
}

int containment_extend(struct containment *containment, struct state *state, struct diag *diag)
{
	struct location *location = NULL;
	bool wanted = containment->name != NULL || containment->has_agent || containment->allow_count > 0 || containment->rules_file != NULL;
	if (!wanted)
		return 0;
	struct policy *policy = policy_find(containment, state, &location);
	if (policy == NULL) {
		diag_error(diag, NULL, "no policy is assigned that --name, --agent, --allow or --rules could speak of: name a PROFILE, "
			   "such as quarantine");
		return ERROR_INPUT;
	}
	int error = containment->name != NULL ? name_apply(containment, state, location, policy, diag) : 0;
	if (error == 0)
		error = agent_extend(containment, state, policy, diag);
	for (size_t i = 0; i < containment->allow_count && error == 0; i++)
		error = permit_add(state, policy, &containment->allows[i], diag);
	if (error == 0 && containment->rules_file != NULL)
		error = ruletable_read(buffer_text(&containment->rules), containment->rules.length, containment->rules_file, state, policy,
				       host_resolve, NULL, diag);
	return error;
}

/* --- around the change --- */

int containment_check(const struct containment *containment, const struct judge *judge, struct diag *diag)
{
	return probes_check(containment->probes, containment->probe_count, "", judge, diag);
}

int containment_probe(const struct containment *containment, struct diag *diag, struct buffer *output)
{
	const struct invocation *invocation = containment->invocation;
	struct buffer seen;
	bool good = false;
	buffer_init(&seen, 1 << 20);
	int error = probes_run(containment->probes, containment->probe_count, PROBE_MS, diag, &seen, &good);
	if (!invocation->json && !invocation->quiet)
		buffer_add_text(output, buffer_text(&seen));
	buffer_done(&seen);
	return error == 0 && good ? EXIT_DONE : EXIT_FINDING;
}

void containment_notify(const struct containment *containment, struct diag *diag)
{
	struct notified notified;
	if (containment->notify == NULL)
		return;
	notify_write(containment->notify, containment->notify_length, NULL, &notified);
	if (notified.written == 0 && notified.passed_over == 0)
		diag_warning(diag, "notify", NULL, "--notify: nobody is logged in at a terminal, so nobody was told");
	else if (notified.passed_over > 0)
		diag_warning(diag, "notify", NULL, "--notify: written to %zu terminals; %zu were passed over, the last because %s",
			     notified.written, notified.passed_over, notified.why);
	else
		diag_note(diag, NULL, "--notify: written to %zu terminals", notified.written);
}
