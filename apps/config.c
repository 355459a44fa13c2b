/* cordon config: the settings, read and changed. */
#include "core/policy/config.h"

#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/cut.h"
#include "apps/daemon.h"
#include "apps/force.h"
#include "apps/journal.h"
#include "apps/emit.h"
#include "apps/visit.h"
#include "bootcfg/driver/driver.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

VALUES_DEFINE(config_at, "get", "set")

static const struct option config_options[] = {
	{.name = "now", .help = "with set: put into force at once what otherwise counts from the next apply, and ipsecdiagnostics and "
				"ipsecloginterval, which count from the next boot"},
	FORCE_OPTION,
	{.name = NULL},
};

static const char *const config_examples[] = {
	"cordon --store policy.db config get bootmode",
	"prints one property, and says when it is only the default",
	"cordon --store policy.db config set ipsecexempt=3 bootmode=block",
	"sets two properties in one change",
	NULL,
};

/* By name; ERROR_INPUT with a message and the nearest name. */
static int property_named(struct invocation *invocation, const char *name, size_t length, const struct property **ret_property)
{
	const char *names[PROPERTY_COUNT + 1] = {NULL};
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		names[i] = properties[i].name;
	*ret_property = property_find(name, length);
	if (*ret_property != NULL)
		return 0;
	const char *nearest = word_nearest(name, length, names);
	struct buffer list;
	buffer_init(&list, 4096);
	for (size_t i = 0; i < PROPERTY_COUNT; i++)
		buffer_printf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
	diag_error(invocation->diag, NULL, "no property %s: it is one of %s%s%s%s", QUOTE_N(name, length), buffer_text(&list),
		   nearest != NULL ? "; did you mean " : "", nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
	buffer_done(&list);
	return ERROR_INPUT;
}

/* What is in force of a property, and why when nothing is set (NULL when it is).  The boot mode depends on whether there
 * is a policy and whether the service starts (windows-ipsec.md 2.1). */
static const char *property_value(const struct state *state, enum property_id id, struct buffer *value)
{
	const char *why = "default";
	if (id == PROPERTY_BOOTMODE)
		buffer_add_text(value, bootmode_name(driver_bootmode(&state->config, state_assigned(state), driver_service_enabled(""), &why)));
	else
		config_print(&state->config, id, value);
	return state->config.set[id] ? NULL : why;
}

static void property_print(struct invocation *invocation, const struct state *state, enum property_id id)
{
	struct buffer value, *output = invocation->output;
	buffer_init(&value, 65536);
	const char *why = property_value(state, id, &value);
	if (invocation->json) {
		emit_name(output, properties[id].name);
		buffer_add_char(output, '{');
		emit_member(output, "value", buffer_text(&value));
		emit_flag(output, "default", why != NULL);
		if (why != NULL && id == PROPERTY_BOOTMODE)
			emit_member(output, "why", why);
		buffer_add_char(output, '}');
	} else {
		buffer_printf(output, "%s %s", properties[id].name, buffer_text(&value));
		if (why != NULL)
			buffer_printf(output, "  (%s)", why);
		buffer_add_char(output, '\n');
	}
	buffer_done(&value);
}

static int config_get(struct invocation *invocation)
{
	const struct property *property = NULL;
	struct visit visit = {.invocation = invocation};
	int error = 0;
	if (invocation->word_count > 2) {
		diag_error(invocation->diag, NULL, "config get takes one property, or none for all of them");
		error = ERROR_INPUT;
	} else if (invocation->word_count == 2) {
		error = property_named(invocation, invocation->words[1], strlen(invocation->words[1]), &property);
	}
	if (error == 0)
		error = visit_read(invocation, 0, &visit);
	if (error == 0) {
		if (invocation->json)
			buffer_add_char(invocation->output, '{');
		for (size_t i = 0; i < PROPERTY_COUNT; i++)
			if (property == NULL || property == &properties[i])
				property_print(invocation, visit.state, (enum property_id)i);
		if (invocation->json)
			buffer_add_text(invocation->output, "}\n");
	}
	visit_done(&visit);
	return error_exit(error);
}

/* Sets all that is given; what is wrong is said for each. */
static int words_set(struct invocation *invocation, struct config *config)
{
	int result = 0;
	for (size_t i = 1; i < invocation->word_count; i++) {
		const char *word = invocation->words[i];
		size_t length = strcspn(word, "=");
		const struct property *property;
		int error = ERROR_INPUT;
		if (word[length] != '=')
			diag_error(invocation->diag, NULL, "%s is not of the form PROPERTY=VALUE", QUOTE(word));
		else
			error = property_named(invocation, word, length, &property);
		if (error == 0)
			error = config_set(config, property_index(property), word + length + 1, strlen(word + length + 1),
					   invocation->diag, NULL);
		if (error != 0)
			result = error;
	}
	return result;
}

static bool diagnostic(enum property_id id)
{
	return id == PROPERTY_IPSECDIAGNOSTICS || id == PROPERTY_IPSECLOGINTERVAL;
}

/* With --now the service takes them at once, also those that were set before without it. */
static void diagnostics_tell(struct invocation *invocation)
{
	bool named = false;
	for (size_t i = 1; i < invocation->word_count; i++) {
		const char *word = invocation->words[i];
		const struct property *property = property_find(word, strcspn(word, "="));
		named = named || (property != NULL && diagnostic(property_index(property)));
	}
	if (named && !daemon_tell(invocation, MESSAGE_DIAGNOSTICS))
		diag_note(invocation->diag, NULL, "cordond has not taken them: ipsecdiagnostics and ipsecloginterval count from the next boot, "
			  "or with --now once it runs");
}

static void effect_say(struct invocation *invocation, const struct config *before, const struct config *after, bool now)
{
	static const char *const effects[] = {
		[EFFECT_BOOT] = "counts from the next boot",
		[EFFECT_APPLY] = "counts from the next cordon apply (or at once with --now)",
		[EFFECT_NOW] = NULL,
	};
	for (size_t i = 0; i < PROPERTY_COUNT; i++) {
		const char *effect = effects[properties[i].effect];
		if (config_value_equal(before, after, (enum property_id)i) || effect == NULL ||
		    (now && (properties[i].effect == EFFECT_APPLY || diagnostic((enum property_id)i))))
			continue;
		diag_note(invocation->diag, NULL, "%s %s", properties[i].name, effect);
	}
}

/* Store and kernel both, or neither. */
static int config_commit(struct invocation *invocation, struct visit *visit, bool now)
{
	struct buffer command;
	buffer_init(&command, 1u << 24);
	journal_print(invocation, &command);
	int error = now ? force_commit(visit, buffer_text(&command))
			: visit_commit_watched(visit, buffer_text(&command));
	buffer_done(&command);
	return error;
}

static int config_change(struct invocation *invocation)
{
	bool now = invocation_option(invocation, "now") != NULL;
	struct visit visit = {.invocation = invocation};
	struct config before;
	config_init(&before);
	/* First without the store: what is refused makes none. */
	int error = words_set(invocation, &before);
	if (error == 0)
		error = visit_begin(invocation, &visit);
	if (error == 0) {
		before = visit.state->config;
		error = words_set(invocation, &visit.state->config);
	}
	if (error == 0)
		error = config_commit(invocation, &visit, now);
	if (error == 0)
		effect_say(invocation, &before, &visit.state->config, now);
	visit_done(&visit);
	if (error == 0 && now)
		diagnostics_tell(invocation);
	return error_exit(error);
}

static int config_run(struct invocation *invocation)
{
	const char *verb = invocation->words[0];
	bool get = strcmp(verb, "get") == 0;
	if (get && invocation_option(invocation, "now") == NULL)
		return config_get(invocation);
	if (strcmp(verb, "set") == 0 && invocation->word_count > 1)
		return config_change(invocation);
	if (get)
		diag_error(invocation->diag, NULL, "--now goes with config set");
	else if (strcmp(verb, "set") == 0)
		diag_error(invocation->diag, NULL, "config set needs PROPERTY=VALUE");
	else
		diag_error(invocation->diag, NULL, "config %s: it is config get or config set", QUOTE(verb));
	return EXIT_INPUT;
}

const struct command config_command = {
	.name = "config",
	.arguments = "get [PROPERTY] | set PROPERTY=VALUE…",
	.help = "print or change the settings of the driver",
	.details = "get prints a line NAME VALUE for each property, with (default) where nothing is set; for bootmode it says why: "
		   "the default is stateful once a policy is assigned and the service is enabled, otherwise permit. set changes all "
		   "that are given, or none.\n\n"
		   "The properties are the seven of netsh ipsec dynamic set config: ipsecdiagnostics, ipsecloginterval, ipsecexempt, "
		   "ikelogging, strongcrlcheck, bootmode, bootexemptions; and two of our own: ikeexempt, follownames.",
	.options = config_options,
	.examples = config_examples,
	.least = 1,
	.most = WORDS_ANY,
	.word_at = config_at,
	.run = config_run,
};
