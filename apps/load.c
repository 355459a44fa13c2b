/* cordon load: a profile into the store. */
#include <string.h>

#include "apps/command.h"
#include "apps/cut.h"
#include "apps/file.h"
#include "apps/journal.h"
#include "apps/emit.h"
#include "apps/loading.h"
#include "apps/visit.h"
#include "apps/shipped.h"
#include "core/base/error.h"
#include "core/base/json.h"

static const struct option load_options[] = {
	SET_OPTION,
	{.name = "assign", .help = "assign the policy, whatever the profile says; the one assigned before is unassigned"},
	FORCE_OPTION,
	{.name = "list", .help = "list the profiles that come with Cordon (with -q only their names)"},
	{.name = NULL},
};

static const char *const load_examples[] = {
	"cordon --store policy.db load web-server --assign",
	"puts a profile that comes with Cordon into the store and assigns its policy",
	"cordon load --list",
	"says which profiles there are, what they are for, and which values they need",
	NULL,
};

/* A member of an object, or NULL. */
static const struct json *member_find(const struct json *object, const char *key)
{
	const struct json *member = object != NULL && object->type == JSON_OBJECT ? object->child : NULL;
	while (member != NULL && strcmp(member->key, key) != 0)
		member = member->next;
	return member;
}

/* The description of a profile or variable; a variable may be its description. */
static const char *description_of(const struct json *value)
{
	if (value != NULL && value->type == JSON_STRING)
		return value->text;
	const struct json *description = member_find(value, "description");
	return description != NULL && description->type == JSON_STRING ? description->text : "";
}

static void lines_print(struct buffer *output, const char *text)
{
	for (size_t length; *text != '\0'; text += length + (text[length] == '\n')) {
		length = strcspn(text, "\n");
		buffer_add_text(output, "    ");
		buffer_add(output, text, length);
		buffer_add_char(output, '\n');
	}
}

static void described_print(struct invocation *invocation, const struct shipped *item, const struct json *root, bool first)
{
	struct buffer *output = invocation->output;
	const struct json *variables = member_find(root, "variables");
	const struct json *variable = variables != NULL && variables->type == JSON_OBJECT ? variables->child : NULL;
	if (invocation->json) {
		buffer_add_text(output, first ? "{" : ",\n {");
		emit_member(output, "name", item->name);
		emit_member(output, "description", description_of(root));
		emit_member(output, "file", item->path);
		emit_name(output, "variables");
		buffer_add_char(output, '{');
	} else {
		buffer_printf(output, "%s\n", item->name);
		lines_print(output, description_of(root));
	}
	for (; variable != NULL; variable = variable->next) {
		if (invocation->json)
			emit_member(output, variable->key, description_of(variable));
		else
			buffer_printf(output, "    --set %s=…  %s\n", variable->key, description_of(variable));
	}
	if (invocation->json)
		buffer_add_text(output, "}}");
}

/* A file that is no profile is said to be none, and left out. */
static void item_print(struct invocation *invocation, struct arena *arena, const struct shipped *item, bool *first)
{
	struct buffer bytes;
	struct json *root = NULL;
	if (file_read(item->path, 0, invocation->diag, &bytes) == 0) {
		struct json_document document = {arena, item->path, buffer_text(&bytes), bytes.length};
		if (json_read(&document, invocation->diag, &root) == 0) {
			described_print(invocation, item, root, *first);
			*first = false;
		}
	}
	buffer_done(&bytes);
}

static int list_print(struct invocation *invocation)
{
	struct arena *arena = arena_new();
	struct shipped *items;
	size_t count;
	bool first = true;
	shipped_list(arena, &items, &count);
	if (invocation->json)
		buffer_add_char(invocation->output, '[');
	for (size_t i = 0; i < count; i++) {
		if (invocation->quiet && !invocation->json) {
			buffer_printf(invocation->output, "%s\n", items[i].name);
			continue;
		}
		item_print(invocation, arena, &items[i], &first);
	}
	if (invocation->json)
		buffer_add_text(invocation->output, "]\n");
	else if (count == 0)
		diag_note(invocation->diag, NULL, "no profiles were found; $CORDON_PROFILES names a folder with some");
	arena_free(arena);
	return EXIT_DONE;
}

static void loaded_print(struct invocation *invocation, const struct loaded *loaded)
{
	const struct policy *policy = loaded->policy;
	if (invocation->json) {
		buffer_add_char(invocation->output, '{');
		emit_member(invocation->output, "policy", policy->object.name);
		emit_member(invocation->output, "store", location_name(loaded->location));
		emit_flag(invocation->output, "assigned", policy->assigned);
		emit_number(invocation->output, "rules", policy->rules.count);
		buffer_add_text(invocation->output, "}\n");
	} else if (!invocation->quiet) {
		buffer_printf(invocation->output, "loaded policy %s (%zu rules) into the %s store, %s\n",
			      QUOTE(policy->object.name), policy->rules.count, location_name(loaded->location),
			      policy->assigned ? "assigned" : "not assigned");
	}
}

static int load_run(struct invocation *invocation)
{
	if (invocation->word_count == 0 || invocation_option(invocation, "list") != NULL)
		return list_print(invocation);
	struct visit visit;
	struct buffer command;
	struct loaded loaded;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	bool assign = invocation_option(invocation, "assign") != NULL;
	int error = loading_begin(invocation, invocation->words[0], assign, &visit, &loaded);
	if (error == 0)
		error = visit_commit_watched(&visit, buffer_text(&command));
	if (error == 0) {
		loaded_print(invocation, &loaded);
		visit_warn(&visit);
	}
	visit_done(&visit);
	buffer_done(&command);
	return error_exit(error);
}

const struct command load_command = {
	.name = "load",
	.arguments = "[PROFILE]",
	.help = "put a profile into the store, replacing the policy of that name",
	.details = "PROFILE is a JSON file, or the name of a profile that comes with Cordon. A profile may need values: they are "
		   "given with --set and have no silent defaults. It names its own location; --location puts it elsewhere. Without "
		   "PROFILE the ones that come with Cordon are listed.\n\n"
		   "Profiles that come with Cordon are looked for in the folders that $CORDON_PROFILES names and where they were "
		   "installed. After a change the assigned policies are checked as by cordon lint.",
	.options = load_options,
	.examples = load_examples,
	.most = 1,
	.words = VALUE_PROFILE,
	.run = load_run,
};
