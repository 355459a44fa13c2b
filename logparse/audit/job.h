/* The job of an audit, as a file of strict JSON (profiles/audit.schema.json): which logs, by what policy, what is too much,
 * and where it is said.  Nothing is opened here. */
#ifndef CORDON_LOGPARSE_AUDIT_JOB_H
#define CORDON_LOGPARSE_AUDIT_JOB_H

#include "core/base/arena.h"
#include "logparse/audit/summary.h"
#include "logparse/reader/reader.h"

enum { JOB_SOURCES = 1000, JOB_OUTPUTS = 16, JOB_NAME = 100 };

struct job_source {
	const char *path;         /* as the file has it */
	const struct reader_type *type; /* NULL: guessed from the content */
	bool zone_known;
	int32_t zone;             /* minutes east of UTC */
};

enum job_format { JOB_TEXT, JOB_JSON };
struct job_output {
	enum job_format format;
	const char *file;         /* ${date} in it is the day */
};

/* What may not be more than so many; the last: not less. */
enum job_limit {
	LIMIT_DROPS,              /* packets dropped */
	LIMIT_SOURCE,             /* packets dropped from one source */
	LIMIT_PORT,               /* packets dropped to one port */
	LIMIT_UNEXPECTED,         /* packets; 0 when the file does not say */
	LIMIT_UNEXPLAINED,
	LIMIT_LOST,               /* records that could not be read; 0 when the file does not say */
	LIMIT_RECOVERED,
	LIMIT_RECORDS,            /* at least so many records: a log that has fallen silent */
	LIMITS,
};
extern const char *const job_limit_names[LIMITS]; /* keys of "thresholds" */

struct job_variable {
	const char *name, *value;
};

struct job {
	const char *name;
	struct job_source *sources;
	size_t source_count;
	bool judge;               /* by the policy */
	const char *policy;       /* name of one of the store's, profile or script; NULL: what was in force at each time */
	struct job_variable *variables;
	size_t variable_count;
	const char *host, *store, *state; /* paths, or NULL */
	bool kernel, lint;
	bool has_limit[LIMITS];
	uint64_t limits[LIMITS];
	struct job_output *outputs;
	size_t output_count;
};

/* ERROR_INPUT with located messages.  Texts are in the arena. */
int job_read(struct arena *arena, const char *file, const char *text, size_t length, struct diag *diag, struct job **ret_job);

#endif
