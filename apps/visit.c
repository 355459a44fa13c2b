#include "apps/visit.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "apps/file.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/host.h"
#include "core/analysis/lint.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

/* The default store belongs to root: whoever is not learns of --store. */
static int visit_open(struct visit *visit, enum store_access access)
{
	struct invocation *invocation = visit->invocation;
	int error = store_open(invocation->store, access, invocation->diag, &visit->store);
	if (error < 0 && geteuid() != 0 && strcmp(invocation->store, STORE_DEFAULT) == 0)
		diag_note(invocation->diag, NULL, "the store of this machine, %s, needs root; --store FILE takes another one",
			  STORE_DEFAULT);
	return error;
}

bool visit_store_exists(const struct invocation *invocation)
{
	return access(invocation->store, F_OK) == 0 || errno != ENOENT;
}

int visit_read(struct invocation *invocation, int64_t at, struct visit *visit)
{
	*visit = (struct visit){.invocation = invocation};
	if (!visit_store_exists(invocation))
		diag_note(invocation->diag, NULL, "there is no store %s: it reads as an empty one", QUOTE(invocation->store));
	int error = visit_open(visit, STORE_READ);
	return error < 0 ? error : store_read(visit->store, at, invocation->diag, &visit->state);
}

int visit_begin(struct invocation *invocation, struct visit *visit)
{
	*visit = (struct visit){.invocation = invocation};
	int error = visit_open(visit, STORE_WRITE);
	return error < 0 ? error : store_begin(visit->store, invocation->diag, &visit->state);
}

static bool visit_boots(const struct visit *visit)
{
	return strcmp(visit->invocation->store, STORE_DEFAULT) == 0;
}

int visit_boot_refresh(struct visit *visit)
{
	struct bootfile_change *change = NULL;
	int error = visit_boots(visit) ? bootfile_stage("", visit->state, visit->invocation->diag, &change) : 0;
	return error == 0 ? bootfile_publish(change, visit->invocation->diag) : error;
}

int visit_commit(struct visit *visit, const char *command)
{
	struct diag *diag = visit->invocation->diag;
	struct bootfile_change *change = NULL;
	if (visit_boots(visit) && state_differs(visit->state) && bootfile_stage("", visit->state, diag, &change) < 0) {
		diag_error(diag, NULL, "nothing was changed: the boot file could not be made again, and it must follow the store "
			   "(cordon boot uninstall ends that)");
		store_rollback(visit->store);
		return ERROR_SYSTEM;
	}
	int error = store_commit(visit->store, visit->state, command, diag);
	visit->invocation->changed |= error == 0;
	if (error < 0) {
		bootfile_discard(change);
	} else if (bootfile_publish(change, diag) < 0) {
		diag_error(diag, NULL, "the store was changed, but the boot file still says what it said before; cordon boot install "
			   "makes it again");
		error = ERROR_SYSTEM;
	}
	return error;
}

void visit_done(struct visit *visit)
{
	state_free(visit->state);
	store_close(visit->store);
	visit->state = NULL;
	visit->store = NULL;
}

static bool collection_differs(const struct collection *collection)
{
	for (size_t i = 0; i < collection->count; i++)
		if (collection->items[i]->changed || collection->items[i]->row == 0)
			return true;
	return false;
}

static bool location_differs(const struct location *location)
{
	if (collection_differs(&location->policies) || collection_differs(&location->filterlists) ||
	    collection_differs(&location->filteractions) || collection_differs(&location->mmpolicies) ||
	    collection_differs(&location->qmpolicies))
		return true;
	for (size_t i = 0; i < location->policies.count; i++)
		if (collection_differs(&((const struct policy *)location->policies.items[i])->rules))
			return true;
	for (size_t i = 0; i < location->dynrule_count; i++)
		if (location->dynrules[i]->changed)
			return true;
	return false;
}

bool state_differs(const struct state *state)
{
	bool differs = state->config.changed || state->gone_count > 0;
	for (size_t i = 0; i < LOCATION_COUNT && !differs; i++)
		differs = location_differs(&state->locations[i]);
	return differs;
}

static int host_here(struct invocation *invocation, struct host *ret_host)
{
	struct diag notes;
	diag_init(&notes);
	int error = host_read("", &notes, ret_host);
	if (error < 0 || invocation->verbose)
		diag_move(invocation->diag, &notes);
	diag_done(&notes);
	return error;
}

static int host_file(struct invocation *invocation, const char *path, struct host *ret_host)
{
	struct buffer text;
	int error = file_read(path, 0, invocation->diag, &text);
	if (error == 0)
		error = host_parse(buffer_text(&text), text.length, path, invocation->diag, ret_host);
	buffer_done(&text);
	return error;
}

int facts_read(struct invocation *invocation, const char *file, struct host *ret_host)
{
	return file != NULL ? host_file(invocation, file, ret_host) : host_here(invocation, ret_host);
}

/* A host that has no address yet (an image, a boot before DHCP) is warned as one with private addresses: the rules
 * are the same, since `me` is not expanded. */
static void host_stand_in(struct host *host)
{
	static const struct ip_prefix addresses[] = {
		{{.family = FAMILY_IPV4, .bytes = {192, 168, 0, 10}}, 24},
		{{.family = FAMILY_IPV6, .bytes = {0xfd, [15] = 0x10}}, 64},
	};
	if (host->address_count > 0)
		return;
	host_add_address(host, &addresses[0]);
	host_add_address(host, &addresses[1]);
}

int judge_init(struct judge *judge, struct invocation *invocation, const struct state *state, enum mode mode,
	       const char *facts, bool warn)
{
	*judge = (struct judge){.ruleset = NULL};
	host_init(&judge->host);
	int error = facts_read(invocation, facts, &judge->host);
	if (error == 0 && warn)
		host_stand_in(&judge->host);
	if (error == 0)
		error = ruleset_build(state, &judge->host, mode, warn ? invocation->diag : NULL, &judge->ruleset);
	if (error == 0)
		judge->classifier = classifier_new(judge->ruleset);
	return error;
}

void judge_done(struct judge *judge)
{
	classifier_free(judge->classifier);
	ruleset_free(judge->ruleset);
	host_done(&judge->host);
}

/* How many messages before this one have its id. */
static size_t id_count(const struct diag *diag, size_t before)
{
	size_t count = 0;
	for (size_t i = 0; i < before; i++)
		count += diag->messages[i].id != NULL && strcmp(diag->messages[i].id, diag->messages[before].id) == 0;
	return count;
}

void warnings_move(struct invocation *invocation, struct diag *said)
{
	enum { SAME_MOST = 20 };
	size_t left = said->unkept;
	for (size_t i = 0; i < said->count && !invocation->verbose; i++) {
		const struct message *message = &said->messages[i];
		if (message->severity != SEVERITY_WARNING || message->id == NULL)
			continue;
		if (id_count(said, i) >= SAME_MOST) {
			left++;
			continue;
		}
		struct place place = {.file = message->file, .line = message->line, .column = message->column,
				      .length = message->length, .source = message->source,
				      .source_length = message->source != NULL ? strlen(message->source) : 0};
		diag_warning(invocation->diag, message->id, &place, "%s", message->text);
	}
	if (invocation->verbose)
		diag_move(invocation->diag, said);
	else if (left > 0)
		diag_note(invocation->diag, NULL, "%zu more warnings of these kinds (cordon lint prints them)", left);
	diag_clear(said);
}

void visit_warn(struct visit *visit)
{
	struct invocation *invocation = visit->invocation;
	if (!state_assigned(visit->state) || invocation->quiet)
		return;
	struct judge judge;
	struct diag said;
	diag_init(&said);
	struct diag *diag = invocation->diag;
	invocation->diag = &said;
	if (judge_init(&judge, invocation, visit->state, MODE_SECURE, NULL, true) == 0)
		lint_check(judge.ruleset, judge.classifier, &said);
	else
		diag_warning(diag, "unchecked", NULL, "what is assigned could not be checked: %s",
			     said.count > 0 ? said.messages[said.count - 1].text : "no reason is known");
	judge_done(&judge);
	invocation->diag = diag;
	if (said.errors == 0)
		warnings_move(invocation, &said);
	diag_done(&said);
}

static void rule_refuse(const struct rule *rule, struct diag *diag, size_t *refused)
{
	const char *policy = rule->policy->object.name, *name = rule->object.name;
	const struct filteraction *action = rule->filteraction;
	if (action->action == ACTION_NEGOTIATE)
		diag_error(diag, NULL, "rule %s of policy %s: its action %s negotiates security, and nothing enforces that yet; "
			   "use permit or block, or deactivate the rule", QUOTE(name), QUOTE(policy), QUOTE(action->object.name));
	if (rule->tunnel != NULL)
		diag_error(diag, NULL, "rule %s of policy %s: it has the tunnel end point %s, and nothing enforces tunnels yet; "
			   "deactivate the rule", QUOTE(name), QUOTE(policy), QUOTE(rule->tunnel));
	if (rule->conntype != CONNTYPE_ALL)
		diag_error(diag, NULL, "rule %s of policy %s: its conntype is %s, and nothing enforces that yet; use conntype=all, "
			   "or deactivate the rule", QUOTE(name), QUOTE(policy), conntype_name(rule->conntype));
	*refused += action->action == ACTION_NEGOTIATE || rule->tunnel != NULL || rule->conntype != CONNTYPE_ALL;
}

static void dynrule_refuse(const struct dynrule *rule, size_t number, struct diag *diag, size_t *refused)
{
	const char *why = NULL;
	if (rule->actioninbound == ACTION_NEGOTIATE || rule->actionoutbound == ACTION_NEGOTIATE)
		why = "it negotiates security";
	else if (rule->tunnel != NULL)
		why = "it has a tunnel end point";
	else if (rule->conntype != CONNTYPE_ALL)
		why = "its conntype is not all";
	if (why == NULL)
		return;
	diag_error(diag, NULL, "dynamic rule %zu: %s, and nothing enforces that yet; delete the rule", number, why);
	(*refused)++;
}

int enforceable_check(const struct state *state, struct diag *diag)
{
	size_t refused = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct location *location = &state->locations[i];
		const struct policy *policy = location_assigned(location);
		for (size_t j = 0; policy != NULL && j < policy->rules.count; j++) {
			const struct rule *rule = (const struct rule *)policy->rules.items[j];
			if (rule->activate)
				rule_refuse(rule, diag, &refused);
		}
		for (size_t j = 0; j < location->dynrule_count; j++)
			dynrule_refuse(location->dynrules[j], j + 1, diag, &refused);
	}
	return refused > 0 ? ERROR_INPUT : 0;
}
