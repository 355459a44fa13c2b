/* Scripts that others wrote, where they are present: each is imported with keep_going into an empty store, and gives the
 * policy that it means.  What is refused, and why, is in docs/formats.md. */
#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "core/base/attr.h"
#include "core/base/memory.h"
#include "core/policy/host.h"

enum { FILE_LARGEST = 1 << 20, FILES = 42 };

/* What a file gives: commands met, refused, lines of other programs; then what is in the store. */
static const struct expectation {
	unsigned file;
	size_t commands, failed, foreign;
	size_t policies, rules, filterlists, filters, filteractions;
	const char *assigned; /* the policy, or NULL */
} expectations[] = {
	{1, 15, 0, 0, 1, 3, 3, 4, 3, NULL},
	{2, 6, 0, 44, 0, 0, 0, 0, 0, NULL},
	{3, 4, 4, 0, 0, 0, 0, 0, 0, NULL},
	{4, 4, 4, 0, 0, 0, 0, 0, 0, NULL},
	{5, 1, 1, 0, 0, 0, 0, 0, 0, NULL},
	{6, 1, 1, 0, 0, 0, 0, 0, 0, NULL},
	{7, 8, 0, 8, 1, 1, 1, 2, 2, "APU安全策略"},
	{8, 10, 1, 1, 1, 1, 4, 2, 2, "默认策略名称"},
	{9, 19, 0, 0, 1, 4, 4, 8, 2, NULL},
	{10, 25, 0, 0, 1, 4, 4, 12, 2, "IPSec"},
	{11, 27, 1, 2, 1, 2, 2, 15, 2, "ipsec_base_config"},
	{12, 21, 4, 0, 1, 1, 4, 9, 2, NULL},
	{13, 27, 0, 0, 1, 1, 1, 22, 1, "drop"},
	{14, 26, 0, 0, 1, 1, 1, 21, 1, "drop"},
	{15, 21, 1, 0, 1, 1, 1, 16, 1, "关闭危险端口"},
	{16, 21, 1, 0, 1, 1, 1, 16, 1, "关闭危险端口"},
	{17, 7, 3, 0, 1, 0, 1, 1, 1, "test-filter-policy"},
	{18, 9, 3, 0, 1, 0, 1, 3, 1, "test-filter-policy"},
	{19, 7, 3, 0, 1, 0, 1, 1, 1, "test-filter-policy"},
	{20, 7, 3, 0, 1, 0, 1, 1, 1, "test-filter-policy"},
	{21, 12, 1, 0, 1, 2, 2, 5, 2, "VelociraptorQuarantine"},
	{22, 7, 0, 0, 1, 1, 1, 1, 1, NULL},
	{24, 6, 6, 0, 0, 0, 0, 0, 0, NULL},
	{26, 7, 0, 0, 1, 1, 1, 3, 1, NULL},
	{28, 24, 9, 11, 0, 0, 1, 7, 2, NULL},
	{31, 1, 0, 1, 0, 0, 0, 0, 0, NULL},
	{32, 11, 0, 1, 1, 1, 1, 7, 1, "BlockPolicy"},
	{34, 6, 5, 0, 1, 0, 0, 0, 0, "MBB_POL_1"},
	{37, 6, 0, 0, 1, 1, 1, 1, 1, "SMB Security Policy"},
	{38, 4, 4, 0, 0, 0, 0, 0, 0, NULL},
	{39, 4, 2, 0, 0, 0, 0, 0, 0, NULL},
	{41, 8, 2, 0, 1, 1, 1, 1, 1, "ITTOOL_BLOCK_ICMP_POLICY"},
	{43, 12, 0, 0, 1, 2, 2, 3, 2, NULL},
	{45, 12, 0, 0, 1, 1, 1, 7, 1, "soft"},
	{47, 10, 5, 0, 1, 1, 1, 0, 1, "SpyLogBlock"},
	{49, 8, 2, 0, 1, 1, 1, 2, 1, NULL},
	{52, 6, 0, 0, 1, 1, 1, 1, 1, "netbc"},
	{54, 3, 3, 1, 0, 0, 0, 0, 0, NULL},
	{56, 3, 2, 0, 0, 0, 0, 0, 0, NULL},
	{58, 4, 4, 0, 0, 0, 0, 0, 0, NULL},
	{60, 28, 19, 0, 0, 0, 2, 1, 1, NULL},
	{62, 11, 0, 0, 0, 0, 0, 0, 0, NULL},
};

/* Every name has one address here, so that no test asks a name server. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	(void)context, (void)name, (void)diag, (void)place;
	list->items = memory_alloc(sizeof(*list->items));
	list->count = ip_parse("192.0.2.80", 10, &list->items[0]);
	return 0;
}

static size_t file_read(const char *path, char *bytes)
{
	FILE *file = fopen(path, "rb");
	size_t length = file != NULL ? fread(bytes, 1, FILE_LARGEST, file) : 0;
	if (file != NULL)
		fclose(file);
	return length;
}

struct import {
	struct state *state;
	struct diag diag;
	struct netsh_result result;
};

static void import_file(struct import *import, const char *path)
{
	char *bytes = memory_alloc(FILE_LARGEST);
	const struct netsh_options options = {.location = LOCATION_LOCAL, .keep_going = true, .resolve = resolve};
	struct buffer output;
	buffer_init(&output, 1 << 24);
	diag_init(&import->diag);
	import->state = state_new();
	size_t length = file_read(path, bytes);
	cr_assert_gt(length, 0, "%s", path);
	cr_expect_eq(netsh_run_script(import->state, bytes, length, path, &options, &import->diag, &output, &import->result), 0);
	buffer_done(&output);
	free(bytes);
}

static void import_done(struct import *import)
{
	state_free(import->state);
	diag_done(&import->diag);
}

/* The path of the file with this number at its front; false when the data is not there. */
static bool file_find(unsigned number, char path[4096])
{
	DIR *folder = opendir(CORDON_DATA "/netsh");
	bool found = false;
	if (folder == NULL)
		return false;
	for (const struct dirent *entry; !found && (entry = readdir(folder)) != NULL;) {
		found = strtoul(entry->d_name, NULL, 10) == number && strchr(entry->d_name, '_') == entry->d_name + 2;
		if (found)
			snprintf(path, 4096, "%s/%s", CORDON_DATA "/netsh", entry->d_name);
	}
	closedir(folder);
	return found;
}

static bool data_present(void)
{
	char path[4096];
	if (file_find(1, path))
		return true;
	fprintf(stderr, "SKIPPED: the corpus of netsh scripts is not at %s\n", CORDON_DATA "/netsh");
	return false;
}

static struct expectation import_count(const struct import *import, unsigned file)
{
	struct location *location = &import->state->locations[LOCATION_LOCAL];
	const struct policy *assigned = location_assigned(location);
	struct expectation got = {
		.file = file,
		.commands = import->result.commands,
		.failed = import->result.failed,
		.foreign = import->result.foreign,
		.policies = location->policies.count,
		.filterlists = location->filterlists.count,
		.filteractions = location->filteractions.count,
		.assigned = assigned != NULL ? assigned->object.name : NULL,
	};
	for (size_t i = 0; i < location->policies.count; i++)
		got.rules += ((struct policy *)location->policies.items[i])->rules.count;
	for (size_t i = 0; i < location->filterlists.count; i++)
		got.filters += ((struct filterlist *)location->filterlists.items[i])->count;
	return got;
}

Test(netsh_corpus, each_script_gives_the_policy_that_it_means)
{
	if (!data_present())
		return;
	cr_assert_eq(ARRAY_LENGTH(expectations), FILES);
	for (size_t i = 0; i < ARRAY_LENGTH(expectations); i++) {
		const struct expectation *want = &expectations[i];
		char path[4096];
		struct import import;
		cr_assert(file_find(want->file, path), "file %02u", want->file);
		import_file(&import, path);
		struct expectation got = import_count(&import, want->file);
		bool same = got.commands == want->commands && got.failed == want->failed && got.foreign == want->foreign &&
			    got.policies == want->policies && got.rules == want->rules && got.filterlists == want->filterlists &&
			    got.filters == want->filters && got.filteractions == want->filteractions &&
			    strcmp(got.assigned != NULL ? got.assigned : "", want->assigned != NULL ? want->assigned : "") == 0;
		cr_expect(same, "{%u, %zu, %zu, %zu, %zu, %zu, %zu, %zu, %zu, %s}", got.file, got.commands, got.failed, got.foreign,
			  got.policies, got.rules, got.filterlists, got.filters, got.filteractions, got.assigned);
		cr_expect_eq(import.diag.errors, want->failed, "file %02u: one message for each refused command", want->file);
		import_done(&import);
	}
}

/* The filter that a published article shows for a positional address behind a named one. */
Test(netsh_corpus, a_positional_address_fills_the_first_free_tag)
{
	char path[4096];
	struct import import;
	if (!data_present() || !file_find(52, path))
		return;
	import_file(&import, path);
	const struct filterlist *list =
		(const struct filterlist *)collection_find(&import.state->locations[LOCATION_LOCAL].filterlists, "block");
	cr_assert(list != NULL && list->count == 1);
	cr_expect_eq(list->filters[0].src.kind, ADDRESS_ANY);
	cr_expect_eq(list->filters[0].dst.kind, ADDRESS_ME);
	cr_expect_eq(list->filters[0].dstport, 445);
	cr_expect_eq(list->filters[0].protocol, PROTOCOL_TCP);
	cr_expect(list->filters[0].mirrored);
	cr_expect_str_eq(list->filters[0].description, "445");
	import_done(&import);
}

/* Trailing words without a tag are the description; its bytes are those of the file. */
Test(netsh_corpus, trailing_words_are_the_description)
{
	char path[4096];
	struct import import;
	if (!data_present() || !file_find(11, path))
		return;
	import_file(&import, path);
	const struct filterlist *list =
		(const struct filterlist *)collection_find(&import.state->locations[LOCATION_LOCAL].filterlists, "permitlist");
	cr_assert(list != NULL && list->count == 14);
	cr_expect_str_eq(list->filters[2].description, "VPN-IP");
	cr_expect_eq(list->filters[2].src.kind, ADDRESS_SUBNET);
	cr_expect_eq(list->filters[2].src.bits, 32);
	cr_expect_eq(list->filters[4].srcport, 123);
	import_done(&import);
}

/* Arguments of the batch file are given from outside. */
Test(netsh_corpus, arguments_are_given_by_name)
{
	static const struct netsh_variable variables[] = {{"1", "1"}, {"2", "192.0.2.9"}};
	const struct netsh_options options = {
		.location = LOCATION_LOCAL, .keep_going = true, .variables = variables, .variable_count = ARRAY_LENGTH(variables)};
	char path[4096];
	if (!data_present() || !file_find(34, path))
		return;
	struct state *state = state_new();
	struct diag diag;
	struct buffer output;
	struct netsh_result result;
	char *bytes = memory_alloc(FILE_LARGEST);
	diag_init(&diag);
	buffer_init(&output, 1 << 20);
	cr_expect_eq(netsh_run_script(state, bytes, file_read(path, bytes), path, &options, &diag, &output, &result), 0);
	/* It deletes the policy, and then a rule of it: the last line cannot succeed. */
	cr_expect_eq(result.commands, 6);
	cr_expect_eq(result.failed, 1);
	cr_expect_not_null(collection_find(&state->locations[LOCATION_LOCAL].filterlists, "MBB_1"));
	state_free(state);
	diag_done(&diag);
	buffer_done(&output);
	free(bytes);
}

/* GB18030 and its UTF-8 twin mean the same. */
Test(netsh_corpus, the_encoding_changes_nothing)
{
	char paths[2][4096];
	struct buffer dumps[2];
	if (!data_present() || !file_find(15, paths[0]) || !file_find(16, paths[1]))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct import import;
		buffer_init(&dumps[i], 1 << 20);
		import_file(&import, paths[i]);
		netsh_dump(import.state, &dumps[i]);
		import_done(&import);
	}
	cr_expect_str_eq(buffer_text(&dumps[0]), buffer_text(&dumps[1]));
	buffer_done(&dumps[0]);
	buffer_done(&dumps[1]);
}

/* What was imported is dumped, and the dump gives the same store without a message. */
Test(netsh_corpus, what_was_imported_dumps_and_comes_back)
{
	const struct netsh_options options = {.location = LOCATION_LOCAL};
	if (!data_present())
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(expectations); i++) {
		char path[4096];
		struct import import;
		struct buffer first, second, output;
		struct diag diag;
		cr_assert(file_find(expectations[i].file, path));
		buffer_init(&first, 1 << 20);
		buffer_init(&second, 1 << 20);
		buffer_init(&output, 1 << 20);
		diag_init(&diag);
		import_file(&import, path);
		netsh_dump(import.state, &first);
		struct state *again = state_new();
		struct netsh_result result;
		cr_expect_eq(netsh_run_script(again, first.data, first.length, "dump", &options, &diag, &output, &result), 0, "file %02u",
			     expectations[i].file);
		cr_expect_eq(diag.count, 0, "file %02u: %s", expectations[i].file, diag.count > 0 ? diag.messages[0].text : "");
		netsh_dump(again, &second);
		cr_expect_str_eq(buffer_text(&first), buffer_text(&second), "file %02u", expectations[i].file);
		state_free(again);
		import_done(&import);
		diag_done(&diag);
		buffer_done(&first);
		buffer_done(&second);
		buffer_done(&output);
	}
}
