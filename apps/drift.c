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
static int policy_assume(struct invocation *invocation, struct state *state, const char *path)
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
	diag_note(invocation->diag, &(struct place){.file = path}, "does not assign its policy %s: taken as if it did", QUOTE(only->object.name));
	location_assign(where, only);
	return 0;
}

static void where_print(const struct filter_change *item, struct buffer *output)
{
	if (item->policy[0] == '\0')
		buffer_add_text(output, "  (dynamic rule)\n");
	else
		buffer_printf(output, "  (%s policy %s, rule %s, list %s)\n", location_name(item->location), QUOTE(item->policy), QUOTE(item->rule),
			      QUOTE(item->list));
}

/* What is assigned stands in `before`, what the machine has in `after`. */
static void drift_print(const struct changes *changes, struct buffer *output)
{
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
	buffer_printf(output, "%zu filters missing, %zu extra, %zu changed, %zu the same\n", changes->removed, changes->added, changes->changed,
		      changes->same);
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
	int error = loading_any(invocation, state, path);
	if (error == 0)
		error = policy_assume(invocation, state, path);
	if (error < 0) {
		state_free(state);
		return error_exit(error);
	}
	struct changes *changes = changes_new(visit->state, state);
	bool drift = changes->removed + changes->added + changes->changed + changes->property_count > 0;
	if (invocation->json) {
		buffer_add_text(invocation->output, "{");
		emit_flag(invocation->output, "drift", drift);
		emit_member(invocation->output, "of", path);
		changes_json(changes, invocation->output);
		buffer_add_text(invocation->output, "}\n");
	} else if (drift || !invocation->quiet) {
		drift_print(changes, invocation->output);
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
		   "an active rule that is missing, that is there besides, or that has another action or rule is a line, and so is each setting.\n\n"
		   "Exit code 1: there is a difference. With --json \"added\" is what the machine has besides, \"removed\" what it lacks. Registry hives "
		   "and .reg files cannot be compared yet.",
	.options = drift_options,
	.examples = drift_examples,
	.most = 1,
	.words = VALUE_FILE,
	.run = drift_run,
};
