/* Golden files of the writers: NAME.in is a netsh script (or a batch file); every NAME.SUFFIX beside it is what
 * that writer makes of the store that the script fills.  A suffix that is not there is not claimed; a new,
 * empty file and --update claim it.  For each script, whatever its files:
 *   dump, run on an empty store, dumps the same bytes;
 *   the export for the newest Windows, run on an empty store, shows the same, unless a warning names a loss.
 *
 * golden_writers DIRECTORY [--update] */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "bootcfg/netsh/show.h"
#include "bootcfg/target/netsh.h"
#include "bootcfg/target/regfile.h"
#include "core/base/attr.h"
#include "core/base/memory.h"

enum { OUTPUT_MOST = 1 << 26 };

/* What www.example.net and nothing else resolves to. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static struct ip addresses[2] = {
		{FAMILY_IPV4, {198, 51, 100, 10}}, {FAMILY_IPV6, {0x20, 0x01, 0x0d, 0xb8, [15] = 0x10}},
	};
	(void)context;
	if (strcmp(name, "www.example.net") != 0) {
		diag_error(diag, place, "the name %s does not resolve", QUOTE(name));
		return -1;
	}
	list->items = memory_resize_array(list->items, list->count + 2, sizeof(*list->items));
	memcpy(list->items + list->count, addresses, sizeof(addresses));
	list->count += 2;
	list->capacity = list->count;
	return 0;
}

/* Random guids and the time of day do not belong into a golden file. */
static void object_settle(struct object *object, unsigned *serial)
{
	memset(&object->guid, 0, sizeof(object->guid));
	object->guid.bytes[15] = (uint8_t)++*serial;
	object->modified = 1000000000;
}

static void collection_settle(struct collection *collection, unsigned *serial)
{
	for (size_t i = 0; i < collection->count; i++)
		object_settle(collection->items[i], serial);
}

static void state_settle(struct state *state)
{
	unsigned serial = 0;
	for (size_t i = 0; i < LOCATION_COUNT; i++) {
		struct location *location = &state->locations[i];
		collection_settle(&location->policies, &serial);
		for (size_t p = 0; p < location->policies.count; p++)
			collection_settle(&((struct policy *)location->policies.items[p])->rules, &serial);
		collection_settle(&location->filterlists, &serial);
		collection_settle(&location->filteractions, &serial);
		collection_settle(&location->mmpolicies, &serial);
		collection_settle(&location->qmpolicies, &serial);
	}
}

/* NULL, with the messages on stderr, when the script is refused. */
static struct state *state_of(const char *text, size_t length, const char *name)
{
	const struct netsh_options options = {.location = LOCATION_LOCAL, .resolve = resolve};
	struct state *state = state_new();
	struct netsh_result result;
	struct buffer output, messages;
	struct diag diag;
	buffer_init(&output, OUTPUT_MOST);
	buffer_init(&messages, OUTPUT_MOST);
	diag_init(&diag);
	if (netsh_run_script(state, text, length, name, &options, &diag, &output, &result) < 0) {
		diag_render(&diag, 0, DIAG_CARET, &messages);
		fprintf(stderr, "%s", buffer_text(&messages));
		state_free(state);
		state = NULL;
	} else {
		state_settle(state);
	}
	diag_done(&diag);
	buffer_done(&messages);
	buffer_done(&output);
	return state;
}

static void show_write(struct state *state, const struct show_request *request, struct buffer *output)
{
	static const enum location_id order[] = {LOCATION_LOCAL, LOCATION_PERSISTENT, LOCATION_DYNAMIC};
	for (size_t i = 0; i < ARRAY_LENGTH(order); i++) {
		struct show_request one = *request;
		one.location = order[i];
		if (!one.json)
			buffer_printf(output, "=== %s\n", location_name(order[i]));
		(void)show_run(state, &one, NULL, NULL, output);
	}
}

static void show_all(struct state *state, struct buffer *output)
{
	show_write(state, &(struct show_request){.what = "all"}, output);
}

static void show_policy(struct state *state, struct buffer *output)
{
	show_write(state, &(struct show_request){.what = "policy"}, output);
}

static void show_normal(struct state *state, struct buffer *output)
{
	show_write(state, &(struct show_request){.what = "all", .normal = true}, output);
}

static void show_table(struct state *state, struct buffer *output)
{
	show_write(state, &(struct show_request){.what = "all", .table = true, .width = 100}, output);
}

static void show_json_all(struct state *state, struct buffer *output)
{
	show_write(state, &(struct show_request){.what = "all", .json = true}, output);
}

static void show_dynamic(struct state *state, struct buffer *output)
{
	static const char *const whats[] = {"all", "config", "mmfilter", "mmpolicy", "mmsas", "qmfilter", "qmpolicy", "qmsas", "rule", "stats"};
	for (size_t i = 0; i < ARRAY_LENGTH(whats); i++) {
		buffer_printf(output, "=== %s\n", whats[i]);
		(void)show_run(state, &(struct show_request){.what = whats[i], .dynamic = true}, NULL, NULL, output);
	}
}

typedef int (*write_function)(const struct state *, const struct target_options *, struct diag *, struct buffer *);

/* The export, or with `messages` what is said about it. */
static void export_write(const struct state *state, write_function write, enum windows windows, bool messages, struct buffer *output)
{
	const struct target_options options = {.windows = windows};
	struct buffer text;
	struct diag diag;
	buffer_init(&text, OUTPUT_MOST);
	diag_init(&diag);
	(void)write(state, &options, &diag, messages ? &text : output);
	if (messages)
		diag_render(&diag, 0, 0, output);
	diag_done(&diag);
	buffer_done(&text);
}

static const struct {
	const char *suffix;
	void (*show)(struct state *state, struct buffer *output); /* or: */
	write_function write;
	enum windows windows;
	bool messages;
} forms[] = {
	{"show", show_all, NULL, 0, false},
	{"policy", show_policy, NULL, 0, false},
	{"normal", show_normal, NULL, 0, false},
	{"table", show_table, NULL, 0, false},
	{"json", show_json_all, NULL, 0, false},
	{"dynamic", show_dynamic, NULL, 0, false},
	{"dump", netsh_dump, NULL, 0, false},
	{"netsh-2003", NULL, netsh_write, WINDOWS_2003, false},
	{"netsh-2008", NULL, netsh_write, WINDOWS_2008, false},
	{"netsh-2016", NULL, netsh_write, WINDOWS_2016, false},
	{"netsh-2003.err", NULL, netsh_write, WINDOWS_2003, true},
	{"netsh-2008.err", NULL, netsh_write, WINDOWS_2008, true},
	{"cmd-2003", NULL, cmd_write, WINDOWS_2003, false},
	{"cmd-2008", NULL, cmd_write, WINDOWS_2008, false},
	{"cmd-2016", NULL, cmd_write, WINDOWS_2016, false},
	{"cmd-2003.err", NULL, cmd_write, WINDOWS_2003, true},
	{"reg-2003", NULL, regfile_write, WINDOWS_2003, false},
	{"reg-2016", NULL, regfile_write, WINDOWS_2016, false},
	{"reg-2016.err", NULL, regfile_write, WINDOWS_2016, true},
};

struct run {
	const char *directory;
	bool update;
	unsigned checks, failures;
};

static bool file_read(const char *path, struct buffer *buffer)
{
	char bytes[4096];
	size_t got;
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buffer_add(buffer, bytes, got);
	(void)fclose(file);
	return true;
}

static void file_write(const char *path, const struct buffer *buffer)
{
	FILE *file = fopen(path, "wb");
	if (file == NULL || fwrite(buffer_text(buffer), 1, buffer->length, file) != buffer->length || fclose(file) != 0) {
		perror(path);
		exit(1);
	}
}

/* Says where the two part. */
static void compare(struct run *run, const char *what, const struct buffer *want, const struct buffer *got)
{
	const char *a = buffer_text(want), *b = buffer_text(got);
	size_t line = 1, at = 0, start = 0;
	run->checks++;
	if (want->length == got->length && memcmp(a, b, want->length) == 0)
		return;
	run->failures++;
	for (; at < want->length && at < got->length && a[at] == b[at]; at++) {
		if (a[at] == '\n') {
			line++;
			start = at + 1;
		}
	}
	printf("FAIL %s: line %zu\n  want: %.*s\n  got:  %.*s\n", what, line, (int)strcspn(a + start, "\n"), a + start,
	       (int)strcspn(b + start, "\n"), b + start);
}

static void form_check(struct run *run, struct state *state, const char *name, size_t form)
{
	char path[4096];
	struct buffer want, got;
	buffer_init(&want, OUTPUT_MOST);
	buffer_init(&got, OUTPUT_MOST);
	(void)snprintf(path, sizeof(path), "%s/%s.%s", run->directory, name, forms[form].suffix);
	if (file_read(path, &want)) {
		if (forms[form].show != NULL)
			forms[form].show(state, &got);
		else
			export_write(state, forms[form].write, forms[form].windows, forms[form].messages, &got);
		if (run->update)
			file_write(path, &got);
		else
			compare(run, path, &want, &got);
	}
	buffer_done(&got);
	buffer_done(&want);
}

/* A text that a writer made, run on an empty store, is shown by `show` as the store that it came from. */
static void back_check(struct run *run, struct state *state, const char *what, const struct buffer *text,
		       void (*show)(struct state *, struct buffer *))
{
	struct buffer want, got;
	buffer_init(&want, OUTPUT_MOST);
	buffer_init(&got, OUTPUT_MOST);
	show(state, &want);
	struct state *back = state_of(buffer_text(text), text->length, what);
	/* An export writes settings at their default too: set to that is the same. */
	for (size_t i = 0; back != NULL && i < PROPERTY_COUNT; i++)
		if (!state->config.set[i] && config_value_equal(&state->config, &back->config, (enum property_id)i))
			back->config.set[i] = false;
	if (back != NULL)
		show(back, &got);
	compare(run, what, &want, &got);
	state_free(back);
	buffer_done(&got);
	buffer_done(&want);
}

static bool has_loss(const struct state *state, write_function write)
{
	struct buffer messages;
	buffer_init(&messages, OUTPUT_MOST);
	export_write(state, write, WINDOWS_2016, true, &messages);
	bool lost = messages.length > 0;
	buffer_done(&messages);
	return lost;
}

static void script_check(struct run *run, const char *name)
{
	static const struct {
		const char *name;
		write_function write;
	} exports[] = {{"netsh", netsh_write}, {"cmd", cmd_write}};
	char path[4096], what[512];
	struct buffer text;
	buffer_init(&text, OUTPUT_MOST);
	(void)snprintf(path, sizeof(path), "%s/%s.in", run->directory, name);
	(void)file_read(path, &text);
	struct state *state = state_of(buffer_text(&text), text.length, path);
	if (state == NULL) {
		run->failures++;
		buffer_done(&text);
		return;
	}
	for (size_t i = 0; i < ARRAY_LENGTH(forms); i++)
		form_check(run, state, name, i);
	buffer_clear(&text);
	netsh_dump(state, &text);
	(void)snprintf(what, sizeof(what), "%s: its dump", name);
	back_check(run, state, what, &text, netsh_dump);
	for (size_t i = 0; i < ARRAY_LENGTH(exports); i++) {
		if (has_loss(state, exports[i].write))
			continue;
		buffer_clear(&text);
		export_write(state, exports[i].write, WINDOWS_2016, false, &text);
		(void)snprintf(what, sizeof(what), "%s: its export to %s", name, exports[i].name);
		back_check(run, state, what, &text, netsh_dump);
	}
	state_free(state);
	buffer_done(&text);
}

static int is_script(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);
	return length > 3 && strcmp(entry->d_name + length - 3, ".in") == 0;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "golden_writers DIRECTORY [--update]\n");
		return 2;
	}
	struct run run = {.directory = argv[1], .update = argc > 2 && strcmp(argv[2], "--update") == 0};
	struct dirent **entries = NULL;
	int count = scandir(run.directory, &entries, is_script, alphasort);
	for (int i = 0; i < count; i++) {
		char name[256];
		(void)snprintf(name, sizeof(name), "%.*s", (int)(strlen(entries[i]->d_name) - 3), entries[i]->d_name);
		script_check(&run, name);
		free(entries[i]);
	}
	free(entries);
	printf("golden writers: %d scripts, %u checks, %u failed\n", count, run.checks, run.failures);
	return count > 0 && run.failures == 0 ? 0 : 1;
}
