/* How long a ruleset takes from the store: reads all of it and builds the ruleset, and prints the milliseconds of
 * both together.
 *
 *   bench_build STORE FACTS.json */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/policy/host.h"
#include "core/policy/ruleset.h"
#include "core/store/store.h"

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static int facts_read(const char *file, struct diag *diag, struct host *ret_host)
{
	char text[65536];
	FILE *stream = fopen(file, "r");
	size_t length;

	if (stream == NULL)
		return -1;
	length = fread(text, 1, sizeof(text), stream);
	fclose(stream);
	return host_parse(text, length, file, diag, ret_host);
}

static int build(const char *path, const struct host *host, struct diag *diag)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct ruleset *ruleset = NULL;
	double before = milliseconds();
	int error = store_open(path, STORE_READ, diag, &store);

	if (error == 0)
		error = store_read(store, 0, diag, &state);
	if (error == 0)
		error = ruleset_build(state, host, MODE_SECURE, diag, &ruleset);
	if (error == 0)
		printf("%.1f %zu %zu\n", milliseconds() - before, ruleset->match_count, ruleset->group_count);
	ruleset_free(ruleset);
	state_free(state);
	store_close(store);
	return error;
}

int main(int argc, char **argv)
{
	struct diag diag;
	struct host host;
	struct buffer text;
	int error;

	if (argc != 3) {
		fprintf(stderr, "usage: bench_build STORE FACTS.json\n");
		return 2;
	}
	diag_init(&diag);
	host_init(&host);
	buffer_init(&text, 1u << 20);
	error = facts_read(argv[2], &diag, &host);
	if (error == 0)
		error = build(argv[1], &host, &diag);
	if (error != 0) {
		diag_render(&diag, 0, 0, &text);
		fprintf(stderr, "bench_build: failed (%d)\n%s", error, buffer_text(&text));
	}
	buffer_done(&text);
	host_done(&host);
	diag_done(&diag);
	return error == 0 ? 0 : 3;
}
