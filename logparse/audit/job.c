#include "logparse/audit/job.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "logparse/zone.h"

const char *const job_limit_names[LIMITS] = {
	[LIMIT_DROPS] = "drops", [LIMIT_SOURCE] = "one_source", [LIMIT_PORT] = "one_port", [LIMIT_UNEXPECTED] = "unexpected",
	[LIMIT_UNEXPLAINED] = "unexplained", [LIMIT_LOST] = "lost", [LIMIT_RECOVERED] = "recovered", [LIMIT_RECORDS] = "least_records",
};

struct loading {
	struct json_document document;
	struct diag *diag;
	struct job *job;
	struct job_source *source; /* that is being read */
	struct job_output *output;
};

/* A key of an object, its type, and what takes its value. */
struct key {
	const char *name;
	unsigned types;
	bool required;
	void (*take)(struct loading *loading, const struct json *value);
};

static bool type_holds(struct loading *loading, const struct json *value, unsigned types)
{
	struct buffer words;
	if ((value->type & types) != 0)
		return true;
	buffer_init(&words, 256);
	json_type_print(types, &words);
	buffer_add_text(&words, " is wanted here, not ");
	json_type_print(value->type, &words);
	json_error(&loading->document, value, loading->diag, "%s", buffer_text(&words));
	buffer_done(&words);
	return false;
}

static void unknown_say(struct loading *loading, const struct json *value, const struct key *keys)
{
	enum { NAMES = 32 };
	const char *names[NAMES];
	struct buffer known;
	size_t count = 0;
	buffer_init(&known, 1024);
	for (; keys[count].name != NULL && count + 1 < NAMES; count++) {
		names[count] = keys[count].name;
		buffer_printf(&known, "%s%s", count > 0 ? ", " : "", names[count]);
	}
	names[count] = NULL;
	const char *nearest = word_nearest(value->key, strlen(value->key), names);
	json_key_error(&loading->document, value, loading->diag, nearest != NULL ? "there is no such key: did you mean %s?" : "there is no such key: the keys here are %s",
		       nearest != NULL ? nearest : buffer_text(&known));
	buffer_done(&known);
}

static void object_read(struct loading *loading, const struct json *object, const struct key *keys)
{
	if (!type_holds(loading, object, JSON_OBJECT))
		return;
	for (const struct json *child = object->child; child != NULL; child = child->next) {
		const struct key *key = keys;
		while (key->name != NULL && strcmp(key->name, child->key) != 0)
			key++;
		if (key->name == NULL)
			unknown_say(loading, child, keys);
		else if (type_holds(loading, child, key->types) && key->take != NULL)
			key->take(loading, child);
	}
	for (; keys->name != NULL; keys++) {
		const struct json *child = object->child;
		while (child != NULL && strcmp(child->key, keys->name) != 0)
			child = child->next;
		if (keys->required && child == NULL)
			json_error(&loading->document, object, loading->diag, "the key \"%s\" is missing", keys->name);
	}
}

static size_t list_count(const struct json *list)
{
	size_t count = 0;
	for (const struct json *child = list->child; child != NULL; child = child->next)
		count++;
	return count;
}

/* A path, or another text that may not be empty. */
static const char *text_of(struct loading *loading, const struct json *value)
{
	if (value->text[0] == '\0')
		json_error(&loading->document, value, loading->diag, "may not be empty");
	return value->text;
}

/* --- Sources --- */

static void path_take(struct loading *loading, const struct json *value)
{
	loading->source->path = text_of(loading, value);
	if (strcmp(value->text, "-") == 0)
		json_error(&loading->document, value, loading->diag, "standard input cannot be a source of a job");
}

static void format_take(struct loading *loading, const struct json *value)
{
	struct buffer names;
	loading->source->type = reader_named(value->text);
	if (loading->source->type != NULL)
		return;
	buffer_init(&names, 4096);
	for (size_t i = 0; readers[i] != NULL; i++)
		buffer_printf(&names, "%s%s", i > 0 ? ", " : "", readers[i]->name);
	json_error(&loading->document, value, loading->diag, "there is no format %s: it is one of %s", QUOTE(value->text), buffer_text(&names));
	buffer_done(&names);
}

static void zone_take(struct loading *loading, const struct json *value)
{
	loading->source->zone_known = zone_parse(value->text, &loading->source->zone);
	if (!loading->source->zone_known)
		json_error(&loading->document, value, loading->diag, "%s is no zone: it is UTC, or the hours and minutes east of it, such as +01:00",
			   QUOTE(value->text));
}

static void sources_take(struct loading *loading, const struct json *value)
{
	static const struct key keys[] = {
		{"path", JSON_STRING, true, path_take}, {"format", JSON_STRING, false, format_take}, {"zone", JSON_STRING, false, zone_take}, {NULL, 0, false, NULL},
	};
	struct job *job = loading->job;
	size_t count = list_count(value);
	if (count == 0 || count > JOB_SOURCES) {
		json_error(&loading->document, value, loading->diag, "from 1 to %d sources are needed", JOB_SOURCES);
		return;
	}
	job->sources = arena_alloc(loading->document.arena, count * sizeof(*job->sources));
	for (const struct json *child = value->child; child != NULL; child = child->next) {
		loading->source = &job->sources[job->source_count++];
		if (!type_holds(loading, child, JSON_STRING | JSON_OBJECT))
			continue;
		if (child->type == JSON_STRING)
			path_take(loading, child);
		else
			object_read(loading, child, keys);
	}
}

/* --- Outputs --- */

static void output_format_take(struct loading *loading, const struct json *value)
{
	bool json = strcmp(value->text, "json") == 0;
	loading->output->format = json ? JOB_JSON : JOB_TEXT;
	if (!json && strcmp(value->text, "text") != 0)
		json_error(&loading->document, value, loading->diag, "there is no format %s: it is text or json", QUOTE(value->text));
}

static void output_file_take(struct loading *loading, const struct json *value)
{
	loading->output->file = text_of(loading, value);
}

static void outputs_take(struct loading *loading, const struct json *value)
{
	static const struct key keys[] = {
		{"format", JSON_STRING, true, output_format_take}, {"file", JSON_STRING, true, output_file_take}, {NULL, 0, false, NULL},
	};
	struct job *job = loading->job;
	size_t count = list_count(value);
	if (count > JOB_OUTPUTS) {
		json_error(&loading->document, value, loading->diag, "more than %d outputs", JOB_OUTPUTS);
		return;
	}
	job->outputs = arena_alloc(loading->document.arena, (count + 1) * sizeof(*job->outputs));
	for (const struct json *child = value->child; child != NULL; child = child->next) {
		loading->output = &job->outputs[job->output_count++];
		object_read(loading, child, keys);
	}
}

/* --- Thresholds --- */

static void limit_take(struct loading *loading, const struct json *value)
{
	size_t limit = 0;
	while (strcmp(job_limit_names[limit], value->key) != 0)
		limit++;
	if (!value->whole || value->number < 0) {
		json_error(&loading->document, value, loading->diag, "a whole number from 0 on is wanted here");
		return;
	}
	loading->job->has_limit[limit] = true;
	loading->job->limits[limit] = (uint64_t)value->number;
}

static void thresholds_take(struct loading *loading, const struct json *value)
{
	struct key keys[LIMITS + 1];
	for (size_t i = 0; i < LIMITS; i++)
		keys[i] = (struct key){job_limit_names[i], JSON_NUMBER, false, limit_take};
	keys[LIMITS] = (struct key){NULL, 0, false, NULL};
	object_read(loading, value, keys);
}

/* --- The job --- */

static void variables_take(struct loading *loading, const struct json *value)
{
	struct job *job = loading->job;
	job->variables = arena_alloc(loading->document.arena, (list_count(value) + 1) * sizeof(*job->variables));
	for (const struct json *child = value->child; child != NULL; child = child->next)
		if (type_holds(loading, child, JSON_STRING))
			job->variables[job->variable_count++] = (struct job_variable){child->key, child->text};
}

/* It stands in output and in the state: a word that needs no quotes. */
static void name_take(struct loading *loading, const struct json *value)
{
	size_t length = strlen(value->text), good = strspn(value->text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-");
	if (length == 0 || length > JOB_NAME || good != length)
		json_error(&loading->document, value, loading->diag, "%s is no name of a job: letters, digits, dots, dashes and underscores, at most %d",
			   QUOTE(value->text), JOB_NAME);
	loading->job->name = value->text;
}

#define TEXT_TAKE(member)                                                                                              \
	static void member##_take(struct loading *loading, const struct json *value)                                       \
	{                                                                                                                  \
		loading->job->member = text_of(loading, value);                                                                \
	}
#define FLAG_TAKE(member)                                                                                              \
	static void member##_take(struct loading *loading, const struct json *value)                                       \
	{                                                                                                                  \
		loading->job->member = value->yes;                                                                             \
	}
TEXT_TAKE(policy)
TEXT_TAKE(host)
TEXT_TAKE(store)
TEXT_TAKE(state)
FLAG_TAKE(judge)
FLAG_TAKE(kernel)
FLAG_TAKE(lint)

int job_read(struct arena *arena, const char *file, const char *text, size_t length, struct diag *diag, struct job **ret_job)
{
	static const struct key keys[] = {
		{"$schema", JSON_STRING, false, NULL}, {"name", JSON_STRING, true, name_take}, {"description", JSON_STRING, false, NULL},
		{"sources", JSON_ARRAY, true, sources_take}, {"judge", JSON_BOOL, false, judge_take}, {"policy", JSON_STRING, false, policy_take},
		{"variables", JSON_OBJECT, false, variables_take}, {"host", JSON_STRING, false, host_take}, {"store", JSON_STRING, false, store_take},
		{"kernel", JSON_BOOL, false, kernel_take}, {"lint", JSON_BOOL, false, lint_take}, {"thresholds", JSON_OBJECT, false, thresholds_take},
		{"outputs", JSON_ARRAY, false, outputs_take}, {"state", JSON_STRING, false, state_take}, {NULL, 0, false, NULL},
	};
	struct job *job = arena_alloc(arena, sizeof(*job));
	*job = (struct job){.judge = true, .has_limit = {[LIMIT_UNEXPECTED] = true, [LIMIT_LOST] = true}};
	struct loading loading = {.document = {arena, file, text, length}, .diag = diag, .job = job};
	size_t errors = diag->errors;
	struct json *root;
	int error = json_read(&loading.document, diag, &root);
	if (error < 0)
		return error;
	object_read(&loading, root, keys);
	if (diag->errors > errors)
		return ERROR_INPUT;
	*ret_job = job;
	return 0;
}
