/* dump and the exports, read back by the parser. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "bootcfg/target/netsh.h"
#include "core/base/attr.h"
#include "core/base/memory.h"
#include "tests/unit/target/random_state.h"

TestSuite(dump);

enum { OUTPUT_MOST = 1 << 26 };

/* A resolver that must not be asked: what is dumped is resolved already. */
static int resolve_never(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	(void)context;
	(void)list;
	(void)diag;
	(void)place;
	cr_expect_fail("asked to resolve %s", name);
	return -1;
}

/* Runs a script on a state; the messages, when it is refused, go into the failure. */
static bool run(struct state *state, const struct buffer *script, const char *label)
{
	const struct netsh_options options = {.location = LOCATION_LOCAL, .resolve = resolve_never};
	struct netsh_result result;
	struct buffer output, messages;
	struct diag diag;
	buffer_init(&output, OUTPUT_MOST);
	buffer_init(&messages, OUTPUT_MOST);
	diag_init(&diag);
	int error = netsh_run_script(state, buffer_text(script), script->length, "dump", &options, &diag, &output, &result);
	diag_render(&diag, 0, DIAG_CARET, &messages);
	cr_expect_eq(error, 0, "%s: %s", label, buffer_text(&messages));
	cr_expect_eq(diag.errors, 0, "%s: %s", label, buffer_text(&messages));
	diag_done(&diag);
	buffer_done(&messages);
	buffer_done(&output);
	return error == 0;
}

Test(dump, run_on_an_empty_store_dumps_the_same_bytes)
{
	for (uint64_t seed = 0; seed < 300; seed++) {
		struct state *state = random_state_new(seed), *copy = state_new();
		struct buffer first, second;
		char label[32];
		(void)snprintf(label, sizeof(label), "seed %d", (int)seed);
		buffer_init(&first, OUTPUT_MOST);
		buffer_init(&second, OUTPUT_MOST);
		netsh_dump(state, &first);
		cr_assert(run(copy, &first, label));
		netsh_dump(copy, &second);
		cr_expect_str_eq(buffer_text(&second), buffer_text(&first), "%s", label);
		buffer_done(&second);
		buffer_done(&first);
		state_free(copy);
		state_free(state);
	}
}

/* But for settings that the other has set: netsh has no word to unset one. */
Test(dump, run_on_another_store_replaces_what_was_there)
{
	for (uint64_t seed = 0; seed < 100; seed++) {
		struct state *state = random_state_new(seed), *other = random_state_new(seed + 1000);
		struct buffer first, second;
		buffer_init(&first, OUTPUT_MOST);
		buffer_init(&second, OUTPUT_MOST);
		netsh_dump(state, &first);
		config_init(&other->config);
		cr_assert(run(other, &first, "another store"));
		netsh_dump(other, &second);
		cr_expect_str_eq(buffer_text(&second), buffer_text(&first), "seed %d", (int)seed);
		buffer_done(&second);
		buffer_done(&first);
		state_free(other);
		state_free(state);
	}
}

/* Takes away what no Windows has, so that an export loses nothing. */
static void plain(struct state *state)
{
	location_delete_all(state, &state->locations[LOCATION_PERSISTENT]);
	struct location *dynamic = &state->locations[LOCATION_DYNAMIC];
	while (dynamic->policies.count > 0)
		location_delete_policy(state, dynamic, (struct policy *)dynamic->policies.items[0]);
	while (dynamic->filterlists.count > 0)
		(void)location_delete_filterlist(state, dynamic, (struct filterlist *)dynamic->filterlists.items[0]);
	while (dynamic->filteractions.count > 0)
		(void)location_delete_filteraction(state, dynamic, (struct filteraction *)dynamic->filteractions.items[0]);
	for (size_t i = 0; i < dynamic->dynrule_count; i++)
		dynamic->dynrules[i]->filter.src.name = dynamic->dynrules[i]->filter.dst.name = NULL;
	struct location *local = &state->locations[LOCATION_LOCAL];
	for (size_t i = 0; i < local->filterlists.count; i++) {
		struct filterlist *list = (struct filterlist *)local->filterlists.items[i];
		struct filter any = {.src = {.kind = ADDRESS_ANY}, .dst = {.kind = ADDRESS_ME}, .mirrored = true, .description = ""};
		filterlist_add(state, list, &any); /* an empty list is a loss of its own */
		for (size_t f = 0; f < list->count; f++) {
			list->filters[f].replies = false;
			list->filters[f].src.name = list->filters[f].dst.name = NULL;
		}
	}
	config_init(&state->config);
	(void)config_set(&state->config, PROPERTY_IPSECEXEMPT, "2", 1, NULL, NULL);
	(void)config_set(&state->config, PROPERTY_STRONGCRLCHECK, "1", 1, NULL, NULL); /* an export writes its default */
}

Test(dump, exports_without_a_warning_come_back_the_same)
{
	static int (*const writes[])(const struct state *, const struct target_options *, struct diag *, struct buffer *) = {netsh_write, cmd_write};
	for (uint64_t seed = 0; seed < 200; seed++) {
		for (size_t w = 0; w < ARRAY_LENGTH(writes); w++) {
			struct state *state = random_state_new(seed), *copy = state_new();
			const struct target_options options = {.windows = WINDOWS_2016};
			struct buffer text, first, second;
			struct diag diag;
			char label[48];
			(void)snprintf(label, sizeof(label), "writer %d, seed %d", (int)w, (int)seed);
			buffer_init(&text, OUTPUT_MOST);
			buffer_init(&first, OUTPUT_MOST);
			buffer_init(&second, OUTPUT_MOST);
			diag_init(&diag);
			plain(state);
			cr_assert_eq(writes[w](state, &options, &diag, &text), 0);
			cr_expect_eq(diag.count, 0, "%s: %s", label, diag.count > 0 ? diag.messages[0].text : "");
			cr_assert(run(copy, &text, label));
			netsh_dump(state, &first);
			netsh_dump(copy, &second);
			cr_expect_str_eq(buffer_text(&second), buffer_text(&first), "%s:\n%s", label, buffer_text(&text));
			diag_done(&diag);
			buffer_done(&second);
			buffer_done(&first);
			buffer_done(&text);
			state_free(copy);
			state_free(state);
		}
	}
}

static void file_read(const char *path, struct buffer *buffer)
{
	char bytes[4096];
	size_t got;
	FILE *file = fopen(path, "rb");
	cr_assert_not_null(file, "%s", path);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buffer_add(buffer, bytes, got);
	(void)fclose(file);
}

static int resolve_some(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static const struct ip ip = {FAMILY_IPV4, {198, 51, 100, 10}};
	(void)context;
	(void)name;
	(void)diag;
	(void)place;
	list->items = memory_resize_array(list->items, list->count + 1, sizeof(*list->items));
	list->items[list->count++] = ip;
	list->capacity = list->count;
	return 0;
}

/* Scripts that people wrote: what they mean is dumped and comes back. */
Test(dump, of_every_script_of_the_corpus_is_a_fixed_point)
{
	DIR *directory = opendir(CORDON_DATA "/netsh");
	size_t scripts = 0, filters = 0;
	if (directory == NULL) {
		printf("SKIPPED: no corpus of scripts at %s\n", CORDON_DATA "/netsh");
		cr_skip_test("no corpus of scripts");
	}
	for (const struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		const struct netsh_options options = {.location = LOCATION_LOCAL, .keep_going = true, .resolve = resolve_some};
		struct state *state, *copy;
		struct buffer script, first, second, output;
		struct netsh_result result;
		char path[1024];
		if (strstr(entry->d_name, ".txt") == NULL)
			continue;
		state = state_new();
		copy = state_new();
		buffer_init(&script, OUTPUT_MOST);
		buffer_init(&first, OUTPUT_MOST);
		buffer_init(&second, OUTPUT_MOST);
		buffer_init(&output, OUTPUT_MOST);
		(void)snprintf(path, sizeof(path), "%s/netsh/%s", CORDON_DATA, entry->d_name);
		file_read(path, &script);
		cr_assert_eq(netsh_run_script(state, buffer_text(&script), script.length, entry->d_name, &options, NULL, &output, &result), 0);
		netsh_dump(state, &first);
		cr_assert(run(copy, &first, entry->d_name));
		netsh_dump(copy, &second);
		cr_expect_str_eq(buffer_text(&second), buffer_text(&first), "%s", entry->d_name);
		for (size_t i = 0; i < state->locations[LOCATION_LOCAL].filterlists.count; i++)
			filters += ((const struct filterlist *)state->locations[LOCATION_LOCAL].filterlists.items[i])->count;
		scripts++;
		buffer_done(&output);
		buffer_done(&second);
		buffer_done(&first);
		buffer_done(&script);
		state_free(copy);
		state_free(state);
	}
	(void)closedir(directory);
	cr_expect_gt(scripts, 0);
	cr_expect_gt(filters, 100, "the corpus makes filters");
}
