/* Profiles: any bytes as JSON.  What is accepted is saved, and the saved form must load and save to itself. */
#include <string.h>

#include "core/store/profile.h"
#include "tests/fuzz/fuzz.h"

enum { OUTPUT_MOST = 1 << 22 };

/* A variable that a profile does not have is refused, so each input is tried with none, one and both. */
static const struct profile_variable variables[] = {{"internal", "10.0.0.0/8,2001:db8::/32"}, {"port", "8080"}};

/* Loads into a fresh state and saves into the buffer; false when it is refused. */
static bool profile_round(const char *text, size_t length, size_t variable_count, struct buffer *saved)
{
	const struct profile_options options = {.variables = variables, .variable_count = variable_count};
	struct state *state = state_new();
	struct policy *policy = NULL;
	enum location_id location = LOCATION_LOCAL;
	struct diag diag;
	int error;

	diag_init(&diag);
	error = profile_load(state, text, length, "profile.json", &options, &diag, &policy, &location);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	if (error == 0) {
		FUZZ_ASSERT(policy != NULL && location < LOCATION_COUNT);
		profile_save(state, &state->locations[location], policy, saved);
	}
	diag_done(&diag);
	state_free(state);
	return error == 0;
}

/* The saved form has no variables left: it is loaded without any. */
static void saved_check(const struct buffer *first)
{
	struct buffer second;
	bool again;

	buffer_init(&second, OUTPUT_MOST);
	again = profile_round(buffer_text(first), first->length, 0, &second);
	if (!again || strcmp(buffer_text(first), buffer_text(&second)) != 0)
		fprintf(stderr, "saved:\n%s\nsaved again:\n%s\n", buffer_text(first), buffer_text(&second));
	FUZZ_ASSERT(again);
	FUZZ_ASSERT(strcmp(buffer_text(first), buffer_text(&second)) == 0);
	buffer_done(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	for (size_t count = 0; count <= ARRAY_LENGTH(variables); count++) {
		struct buffer first;

		buffer_init(&first, OUTPUT_MOST);
		if (profile_round((const char *)bytes, length, count, &first) && !first.full)
			saved_check(&first);
		buffer_done(&first);
	}
	return 0;
}
