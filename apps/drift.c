/* cordon drift: what a machine has against what is assigned to it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "apps/changes.h"
#include "apps/command.h"
#include "apps/emit.h"
#include "apps/kernel.h"
#include "apps/loading.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

static const struct option drift_options[] = {
	{.name = "set", .argument = "NAME=VALUE", .repeats = true, .help = "the value of a variable of the script or profile"},
	{.name = NULL},
};

static const char *const drift_examples[] = {
	"cordon drift",
	"exit code 1 when this machine's kernel does not hold what is assigned",
	"cordon --store policy.db drift web01-dump.txt",
	"the same for another machine, from what its netsh ipsec dump has printed",
	NULL,
};

/* --- The kernel --- */

static void lines_json(const char *lines, struct buffer *output)
{
	struct buffer line;
	buffer_init(&line, 1 << 20);
	emit_name(output, "differences");
	buffer_add_char(output, '[');
	for (const char *separator = ""; *lines != '\0'; separator = ", ") {
		size_t length = strcspn(lines, "\n");
		buffer_clear(&line);
		buffer_add(&line, lines, length);
		buffer_add_text(output, separator);
		emit_text(output, buffer_text(&line));
		lines += length + (lines[length] == '\n');
	}
	buffer_add_text(output, "]}\n");
	buffer_done(&line);
}

static int kernel_drift(struct visit *visit)
{
	enum { DIFFERENCES_MOST = 64u << 20 };
	struct invocation *invocation = visit->invocation;
	struct buffer differences;
	struct force force;
	bool same = false;
	buffer_init(&differences, DIFFERENCES_MOST);
	int error = force_read(visit, &force);
	if (error == 0)
		error = kernel_check(visit, &force, &differences, &same);
	int code = error == 0 && !same ? EXIT_FINDING : error_exit(error);
	if (error == 0 && invocation->json) {
		buffer_add_text(invocation->output, "{");
		emit_flag(invocation->output, "drift", !same);
		emit_member(invocation->output, "of", "kernel");
		lines_json(same ? "" : buffer_text(&differences), invocation->output);
	} else if (error == 0 && !same) {
		buffer_printf(invocation->output, "the kernel differs from what is assigned:\n%s", buffer_text(&differences));
	} else if (error == 0 && !invocation->quiet) {
		buffer_add_text(invocation->output, force.status.present ? "the kernel holds what is assigned\n" : "nothing is in force, and nothing is assigned\n");
	}
	force_done(&force);
	buffer_done(&differences);
	return code;
}

/* --- A dump --- */

/* What a file is that no importer reads yet, or NULL. */
static const char *registry_kind(const char *path)
{
#define KIND(bytes, kind) {bytes, sizeof(bytes) - 1, kind}
	static const struct { const char *bytes; size_t length; const char *kind; } kinds[] = {
		KIND("regf", "a registry hive"),
		KIND("Windows Registry", "a .reg file"),
		KIND("REGEDIT4", "a .reg file"),
		KIND("\xff\xfeW\0i\0n\0d\0o\0w\0s\0 \0R\0e\0g\0", "a .reg file"),
	};
#undef KIND
	char head[64];
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t got = descriptor >= 0 ? read(descriptor, head, sizeof(head)) : -1;
	if (descriptor >= 0)
		(void)close(descriptor);
	for (size_t i = 0; i < ARRAY_LENGTH(kinds); i++)
		if (got >= (ssize_t)kinds[i].length && memcmp(head, kinds[i].bytes, kinds[i].length) == 0)
			return kinds[i].kind;
	return NULL;
}

/* A script that assigns nothing: its one policy is meant. */
static int policy_assume(struct invocation *invocation, struct state *state, const char *path, const char **ret_unassigned)
{
	struct policy *only = NULL;
	struct location *where = NULL;
	size_t count = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		struct location *location = &state->locations[i];
		count += location->policies.count;
		if (location->policies.count == 0)
			continue;
		where = location;
		only = (struct policy *)location->policies.items[0];
	}
	if (state_assigned(state) || count == 0)
		return 0;
	if (count > 1) {
		diag_error(invocation->diag, &(struct place){.file = path}, "has %zu policies, and none of them is assigned: set policy name=… assign=yes "
			   "says which one counts", count);
		return ERROR_INPUT;
	}
	diag_note(invocation->diag, &(struct place){.file = path}, "does not assign its policy %s: compared as if it did", QUOTE(only->object.name));
	*ret_unassigned = only->object.name;
	location_assign(where, only);
	return 0;
}

/* --- What is set beside the filters --- */

struct setting {
	const char *policy, *rule; /* rule NULL: of the policy */
	const char *name, *before, *after;
};

struct settings_drift {
	struct arena *arena;
	struct setting *items;
	size_t count, capacity;
	const char *policy, *rule; /* that are being compared */
};

static void setting_compare(struct settings_drift *drift, const char *name, const char *before, const char *after)
{
	if (strcmp(before, after) == 0)
		return;
	drift->items = arena_grow(drift->arena, drift->items, drift->count, &drift->capacity, sizeof(*drift->items));
	drift->items[drift->count++] = (struct setting){
		.policy = arena_text(drift->arena, drift->policy), .rule = drift->rule != NULL ? arena_text(drift->arena, drift->rule) : NULL, .name = name,
		.before = arena_text(drift->arena, before[0] != '\0' ? before : "-"), .after = arena_text(drift->arena, after[0] != '\0' ? after : "-"),
	};
}

static void flag_compare(struct settings_drift *drift, const char *name, bool before, bool after)
{
	setting_compare(drift, name, before ? "yes" : "no", after ? "yes" : "no");
}

static void number_compare(struct settings_drift *drift, const char *name, uint32_t before, uint32_t after)
{
	setting_compare(drift, name, arena_printf(drift->arena, "%u", before), arena_printf(drift->arena, "%u", after));
}

/* Keys are compared, and not shown. */
static const char *auths_text(struct arena *arena, const struct authlist *auths, const struct authlist *other)
{
	const char *text = auths->count == 0 ? "kerberos" : "";
	for (size_t i = 0; i < auths->count; i++) {
		const struct auth *auth = &auths->items[i];
		bool another = i < other->count && other->items[i].kind == auth->kind && auth->value != NULL && other->items[i].value != NULL &&
			       strcmp(auth->value, other->items[i].value) != 0;
		const char *name = auth->kind == AUTH_KERBEROS ? "kerberos" : auth->kind == AUTH_PSK ? "psk" : "rootca";
		text = arena_printf(arena, "%s%s%s", text, i > 0 ? ", " : "", name);
		if (auth->kind == AUTH_ROOTCA && auth->value != NULL)
			text = arena_printf(arena, "%s %s%s%s", text, QUOTE(auth->value), auth->certmap ? " certmap" : "",
					    auth->excludecaname ? " excludecaname" : "");
		else if (another)
			text = arena_printf(arena, "%s (another key)", text);
	}
	return text;
}

static void auths_compare(struct settings_drift *drift, const char *name, const struct authlist *before, const struct authlist *after)
{
	static const struct authlist none = {NULL, 0};
	/* Said on the machine's side alone. */
	setting_compare(drift, name, auths_text(drift->arena, before, &none), auths_text(drift->arena, after, before));
}

static void rules_compare(struct settings_drift *drift, const struct rule *before, const struct rule *after)
{
	const struct filteraction *a = before->filteraction, *b = after->filteraction;
	drift->rule = before->object.name;
	setting_compare(drift, "conntype", conntype_name(before->conntype), conntype_name(after->conntype));
	setting_compare(drift, "tunnel", before->tunnel != NULL ? before->tunnel : "", after->tunnel != NULL ? after->tunnel : "");
	/* That the action is another is told of each filter. */
	if (a->action != ACTION_NEGOTIATE || b->action != ACTION_NEGOTIATE)
		return;
	auths_compare(drift, "authentication", &before->auths, &after->auths);
	flag_compare(drift, "inpass", a->inpass, b->inpass);
	flag_compare(drift, "soft", a->soft, b->soft);
	flag_compare(drift, "qmpfs", a->qmpfs, b->qmpfs);
	setting_compare(drift, "qmsecmethods", a->qmsecmethods, b->qmsecmethods);
}

static void policies_compare(struct settings_drift *drift, const struct policy *before, struct policy *after)
{
	const struct defaultrule *a = &before->defaultrule, *b = &after->defaultrule;
	drift->policy = before->object.name;
	drift->rule = NULL;
	flag_compare(drift, "activatedefaultrule", a->activate, b->activate);
	flag_compare(drift, "mmpfs", before->mmpfs, after->mmpfs);
	number_compare(drift, "qmpermm", before->qmpermm, after->qmpermm);
	number_compare(drift, "mmlifetime", before->mmlifetime, after->mmlifetime);
	number_compare(drift, "pollinginterval", before->pollinginterval, after->pollinginterval);
	setting_compare(drift, "mmsecmethods", before->mmsecmethods, after->mmsecmethods);
	if (a->activate && b->activate) {
		flag_compare(drift, "defaultrule qmpfs", a->qmpfs, b->qmpfs);
		setting_compare(drift, "defaultrule qmsecmethods", a->qmsecmethods, b->qmsecmethods);
		auths_compare(drift, "defaultrule authentication", &a->auths, &b->auths);
	}
	for (size_t i = 0; i < before->rules.count; i++) {
		const struct rule *rule = (const struct rule *)before->rules.items[i];
		const struct rule *other = (const struct rule *)collection_find(&after->rules, rule->object.name);
		if (other != NULL && rule->activate && other->activate)
			rules_compare(drift, rule, other);
	}
}

static void states_compare(struct settings_drift *drift, const struct state *before, const struct state *after)
{
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		const struct policy *a = location_assigned(&before->locations[i]);
		struct policy *b = location_assigned(&after->locations[i]);
		if (a != NULL && b != NULL)
			policies_compare(drift, a, b);
	}
}

static void settings_print(const struct settings_drift *drift, struct buffer *output)
{
	for (size_t i = 0; i < drift->count; i++) {
		const struct setting *item = &drift->items[i];
		buffer_printf(output, "setting  %s %s  assigned: %s  (policy %s", item->name, item->after, item->before, QUOTE(item->policy));
		if (item->rule != NULL)
			buffer_printf(output, ", rule %s", QUOTE(item->rule));
		buffer_add_text(output, ")\n");
	}
}

static void settings_json(const struct settings_drift *drift, struct buffer *output)
{
	emit_name(output, "settings");
	buffer_add_char(output, '[');
	for (size_t i = 0; i < drift->count; i++) {
		const struct setting *item = &drift->items[i];
		buffer_add_text(output, i > 0 ? ",\n {" : "{");
		emit_member(output, "policy", item->policy);
		emit_member(output, "rule", item->rule);
		emit_member(output, "name", item->name);
		emit_member(output, "before", item->before);
		emit_member(output, "after", item->after);
		buffer_add_char(output, '}');
	}
	buffer_add_char(output, ']');
}

/* --- What is printed --- */

static void where_print(const struct filter_change *item, struct buffer *output)
{
	if (item->policy[0] == '\0')
		buffer_add_text(output, "  (dynamic rule)\n");
	else
		buffer_printf(output, "  (%s policy %s, rule %s, list %s)\n", location_name(item->location), QUOTE(item->policy), QUOTE(item->rule),
			      QUOTE(item->list));
}

/* What is assigned stands in `before`, what the machine has in `after`. */
static void drift_print(const struct changes *changes, const struct settings_drift *settings, const char *unassigned, struct buffer *output)
{
	if (unassigned != NULL)
		buffer_printf(output, "unassigned  the machine has policy %s, but it is not assigned: nothing of it is in force\n", QUOTE(unassigned));
	for (size_t i = 0; i < changes->before_count; i++) {
		const struct filter_change *item = &changes->before[i];
		if (item->change != CHANGE_REMOVED)
			continue;
		buffer_printf(output, "missing  %-9s %s", item->action, item->filter);
		where_print(item, output);
	}
	for (size_t i = 0; i < changes->after_count; i++) {
		const struct filter_change *item = &changes->after[i];
		if (item->change != CHANGE_ADDED && item->change != CHANGE_CHANGED)
			continue;
		buffer_printf(output, "%s  %-9s %s", item->change == CHANGE_ADDED ? "extra  " : "changed", item->action, item->filter);
		if (item->change == CHANGE_CHANGED && strcmp(item->action, item->was->action) != 0)
			buffer_printf(output, "  assigned: %s", item->was->action);
		if (item->change == CHANGE_CHANGED && strcmp(item->rule, item->was->rule) != 0)
			buffer_printf(output, "  assigned: in rule %s", QUOTE(item->was->rule));
		where_print(item, output);
	}
	for (size_t i = 0; i < changes->property_count; i++)
		buffer_printf(output, "setting  %s %s  assigned: %s\n", changes->properties[i].name, changes->properties[i].after,
			      changes->properties[i].before);
	settings_print(settings, output);
	buffer_printf(output, "%zu filter%s missing, %zu extra, %zu changed, %zu the same\n", changes->removed, changes->removed == 1 ? "" : "s",
		      changes->added, changes->changed, changes->same);
}

static int file_drift(struct visit *visit, const char *path)
{
	struct invocation *invocation = visit->invocation;
	const char *kind = registry_kind(path);
	if (kind != NULL) {
		diag_error(invocation->diag, &(struct place){.file = path}, "is %s, and nothing here reads policies out of those yet; give what "
			   "netsh ipsec dump prints on that machine", kind);
		return EXIT_INPUT;
	}
	if (!state_assigned(visit->state)) {
		diag_error(invocation->diag, NULL, "%s has no policy assigned: there is nothing to compare with", QUOTE(invocation->store));
		return EXIT_INPUT;
	}
	struct state *state = state_new();
	const char *unassigned = NULL;
	int error = loading_any(invocation, state, path);
	if (error == 0)
		error = policy_assume(invocation, state, path, &unassigned);
	if (error < 0) {
		state_free(state);
		return error_exit(error);
	}
	struct changes *changes = changes_new(visit->state, state);
	struct settings_drift settings = {.arena = changes->arena};
	states_compare(&settings, visit->state, state);
	bool drift = unassigned != NULL || changes->removed + changes->added + changes->changed + changes->property_count + settings.count > 0;
	if (invocation->json) {
		buffer_add_text(invocation->output, "{");
		emit_flag(invocation->output, "drift", drift);
		emit_member(invocation->output, "of", path);
		emit_member(invocation->output, "unassigned", unassigned);
		settings_json(&settings, invocation->output);
		changes_json(changes, invocation->output);
		buffer_add_text(invocation->output, "}\n");
	} else if (drift || !invocation->quiet) {
		drift_print(changes, &settings, unassigned, invocation->output);
	}
	changes_free(changes);
	state_free(state);
	return drift ? EXIT_FINDING : EXIT_DONE;
}

/* --- The command --- */

static int drift_run(struct invocation *invocation)
{
	struct visit visit;
	int error = visit_read(invocation, 0, &visit), code = error_exit(error);
	if (error == 0)
		code = invocation->word_count > 0 ? file_drift(&visit, invocation->words[0]) : kernel_drift(&visit);
	visit_done(&visit);
	return code;
}

const struct command drift_command = {
	.name = "drift",
	.arguments = "[FILE]",
	.help = "compare what a machine has with the policy that is assigned to it",
	.details = "Without FILE the kernel of this machine is compared with the store, element by element, as status --check does it. With FILE the "
		   "policy in it is: a netsh script (what netsh ipsec dump prints on a Windows machine, or cordon dump), or a profile. Each filter of "
		   "an active rule that is missing, that is there besides, or that has another action or rule is a line, and so is each setting, and that "
		   "the policy is there but not assigned.\n\n"
		   "Exit code 1: there is a difference. With --json \"added\" is what the machine has besides, \"removed\" what it lacks. Registry hives "
		   "and .reg files cannot be compared yet.",
	.options = drift_options,
	.examples = drift_examples,
	.most = 1,
	.words = VALUE_FILE,
	.run = drift_run,
};
