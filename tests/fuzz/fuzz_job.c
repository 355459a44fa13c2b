/* The job of an audit: any bytes as JOB.json; what is accepted keeps what the header says. */
#include <string.h>

#include "logparse/audit/job.h"
#include "tests/fuzz/fuzz.h"

static void job_check(const struct job *job)
{
	FUZZ_ASSERT(job->name != NULL && *job->name != '\0' && strlen(job->name) <= JOB_NAME && strchr(job->name, '"') == NULL);
	FUZZ_ASSERT(job->source_count > 0 && job->source_count <= JOB_SOURCES && job->output_count <= JOB_OUTPUTS);
	for (size_t i = 0; i < job->source_count; i++) {
		FUZZ_ASSERT(job->sources[i].path != NULL && *job->sources[i].path != '\0');
		FUZZ_ASSERT(job->sources[i].zone_known || job->sources[i].zone == 0);
		FUZZ_ASSERT(job->sources[i].zone > -15 * 60 && job->sources[i].zone < 15 * 60);
	}
	for (size_t i = 0; i < job->output_count; i++)
		FUZZ_ASSERT(job->outputs[i].file != NULL && *job->outputs[i].file != '\0');
	FUZZ_ASSERT(job->has_limit[LIMIT_UNEXPECTED] && job->has_limit[LIMIT_LOST]);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct arena *arena = arena_new();
	struct job *job = NULL;
	struct diag diag;
	diag_init(&diag);
	int error = job_read(arena, "job.json", (const char *)bytes, length, &diag, &job);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0) && (error == 0) == (job != NULL));
	if (error == 0)
		job_check(job);
	diag_done(&diag);
	arena_free(arena);
	return 0;
}
