/* Scripts: any bytes as a netsh script or batch file, all or nothing and with keep_going.  What a script made is
 * dumped, and the dump must run and give the same dump again. */
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/policy/host.h"
#include "tests/fuzz/fuzz.h"

enum { OUTPUT_MOST = 1 << 22, NAMES_MOST = 3 };

/* No fuzz run asks a name server: a name has one address, or three, or none, by its length. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static struct ip addresses[NAMES_MOST] = {
		{.family = FAMILY_IPV4, .bytes = {192, 0, 2, 1}},
		{.family = FAMILY_IPV4, .bytes = {192, 0, 2, 2}},
		{.family = FAMILY_IPV6, .bytes = {0x20, 0x01, 0x0d, 0xb8}},
	};

	(void)context;
	if (strlen(name) % 4 == 0) {
		diag_error(diag, place, "%s does not resolve", QUOTE(name));
		return ERROR_NOT_FOUND;
	}
	for (size_t i = 0; i < strlen(name) % 4; i++) {
		list->items = memory_resize_array(list->items, list->count + 1, sizeof(list->items[0]));
		list->items[list->count++] = addresses[i];
		list->capacity = list->count;
	}
	return 0;
}

/* Runs a script on a fresh state; the state when it was accepted, else NULL. */
static struct state *script_run(const char *bytes, size_t length, bool keep_going, struct buffer *output)
{
	static const struct netsh_variable variables[] = {{"1", "argument"}, {"NAME", "a value"}};
	const struct netsh_options options = {
		.location = LOCATION_LOCAL,
		.keep_going = keep_going,
		.variables = variables,
		.variable_count = ARRAY_LENGTH(variables),
		.resolve = resolve,
		.store_name = "store.db",
	};
	struct state *state = state_new();
	struct netsh_result result;
	struct diag diag;
	int error;

	diag_init(&diag);
	error = netsh_run_script(state, bytes, length, "script", &options, &diag, output, &result);
	if (keep_going)
		FUZZ_ASSERT(error == 0 || diag.errors > 0);
	else
		FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	diag_done(&diag);
	if (error == 0)
		return state;
	state_free(state);
	return NULL;
}

/* dump, run, dump is the same bytes. */
static void dump_check(struct state *state)
{
	struct buffer first, second, output;
	struct state *again;

	buffer_init(&first, OUTPUT_MOST);
	buffer_init(&second, OUTPUT_MOST);
	buffer_init(&output, OUTPUT_MOST);
	netsh_dump(state, &first);
	if (!first.full) {
		again = script_run(buffer_text(&first), first.length, false, &output);
		if (again == NULL)
			fprintf(stderr, "dump refused:\n%s\n", buffer_text(&first));
		FUZZ_ASSERT(again != NULL);
		netsh_dump(again, &second);
		if (strcmp(buffer_text(&first), buffer_text(&second)) != 0)
			fprintf(stderr, "first dump:\n%s\nsecond dump:\n%s\n", buffer_text(&first), buffer_text(&second));
		FUZZ_ASSERT(strcmp(buffer_text(&first), buffer_text(&second)) == 0);
		state_free(again);
	}
	buffer_done(&first);
	buffer_done(&second);
	buffer_done(&output);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	for (int keep_going = 0; keep_going <= 1; keep_going++) {
		struct buffer output;
		struct state *state;

		buffer_init(&output, OUTPUT_MOST);
		state = script_run((const char *)bytes, length, keep_going, &output);
		if (state != NULL)
			dump_check(state);
		state_free(state);
		buffer_done(&output);
	}
	return 0;
}
