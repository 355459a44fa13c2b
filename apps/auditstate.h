/* What the last audit of a job has seen: one SQLite file for all jobs, one transaction a run. */
#ifndef CORDON_APPS_AUDITSTATE_H
#define CORDON_APPS_AUDITSTATE_H

#include "logparse/audit/findings.h"
#include "logparse/audit/marks.h"

#define AUDITSTATE_DEFAULT "/var/lib/cordon/audit.db"

struct auditstate;

/* Makes the file when it is not there, and keeps every other run of a job out until auditstate_close: ERROR_BUSY after
 * five seconds.  Fills in what the job's last run left. */
int auditstate_open(const char *path, const char *job, struct diag *diag, struct marks *marks, struct findings *findings,
		    struct auditstate **ret_state);
/* Ends the run: what `result` says (auditstate_result, written by the process that has read the logs) is what the next one
 * starts from. */
int auditstate_commit(struct auditstate *state, const char *result, size_t length, uint64_t findings, struct diag *diag);
void auditstate_close(struct auditstate *state); /* NULL is fine; without a commit nothing has changed */

/* What a run has seen, as JSON. */
void auditstate_result(const struct marks *marks, const struct findings *findings, struct buffer *buffer);

#endif
