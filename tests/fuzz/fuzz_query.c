/* Any text as a query, on a small log: it ends in time, in bounded memory, and what it says fits to what it returns. */
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "logparse/query/query.h"
#include "tests/fuzz/fuzz.h"

static const char log_text[] =
	"#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-21 10:00:00\n"
	"#Fields: date time x-source x-eventid x-action protocol src-ip src-port dst-ip dst-port size x-count x-rule cs(User-Agent) param#1\n"
	"2026-11-21 10:00:00 cordon 4290 DROP TCP 203.0.113.9 51000 192.0.2.10 3389 60 1 \"Drop the rest\" - 1\n"
	"2026-11-21 10:00:01 cordon 4290 DROP TCP 203.0.113.9 51001 192.0.2.10 3389 60 5 \"\" x 007\n"
	"2026-11-21 10:30:00 cordon 4291 DROP UDP 198.51.100.7 5000 192.0.2.10 53 80 1 - y -\n";

static char path[64];

static void log_make(void)
{
	int fd = memfd_create("log", 0);
	FUZZ_ASSERT(fd >= 0);
	FUZZ_ASSERT(write(fd, log_text, sizeof(log_text) - 1) == (ssize_t)sizeof(log_text) - 1);
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
}

static bool row_take(const struct cell *cells, void *context)
{
	const struct columns *columns = context;
	size_t bytes = 0;
	for (size_t i = 0; i < columns->count; i++)
		if (cells[i].kind == CELL_TEXT)
			for (const char *at = cells[i].text.at; at < cells[i].text.end; at++)
				bytes += *at != '\0';
	return bytes < SIZE_MAX;
}

static struct columns known;
static void columns_take(const struct columns *columns, void *context)
{
	(void)context;
	known = *columns;
	for (size_t i = 0; i < columns->count; i++)
		FUZZ_ASSERT(columns->names[i] != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	enum { MILLISECONDS = 300, MEMORY = 32 << 20 };
	struct query *query = NULL;
	struct query_outcome outcome;
	struct buffer text;
	struct diag diag;
	struct timespec now;
	if (path[0] == '\0')
		log_make();
	diag_init(&diag);
	buffer_init(&text, 1 << 22);
	clock_gettime(CLOCK_MONOTONIC, &now);
	const struct query_options options = {
		.now = UINT64_C(134081928000000000), .memory = MEMORY, .deadline = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000 + MILLISECONDS,
	};
	const struct query_sink sink = {columns_take, row_take, &known};
	int error = query_parse((const char *)bytes, length, "query", &diag, &query);
	FUZZ_ASSERT((error == 0) == (query != NULL) && (error == 0) == (diag.errors == 0));
	if (query != NULL) {
		/* Names in a hostile query must not be opened. */
		query_paths_set(query, path);
		error = query_explain(query, &options, &diag, &text);
		FUZZ_ASSERT((error == 0) == (diag.errors == 0));
		diag_clear(&diag);
		error = query_run(query, &options, &sink, &diag, &outcome);
		FUZZ_ASSERT((error == 0) == (diag.errors == 0));
		FUZZ_ASSERT(error == 0 || error == ERROR_INPUT || error == ERROR_LIMIT);
	}
	query_free(query);
	buffer_done(&text);
	diag_done(&diag);
	return 0;
}
