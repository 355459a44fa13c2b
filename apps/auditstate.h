/* What the last audit of a job has seen: one SQLite file for all jobs, one transaction a run. */
#ifndef CORDON_APPS_AUDITSTATE_H
#define CORDON_APPS_AUDITSTATE_H

#include "logparse/audit/findings.h"
#include "logparse/audit/marks.h"

#define AUDITSTATE_DEFAULT "/var/lib/cordon/audit.db"

struct auditstate;

/* Makes the file when it is not there.  Fills in what the job's last run left. */
int auditstate_open(const char *path, const char *job, struct diag *diag, struct marks *marks, struct findings *findings,
		    struct auditstate **ret_state);
/* What the next run starts from: `result` (auditstate_result, written by the process that has read the logs).  It is on the
 * disk only after auditstate_commit.  ERROR_BUSY when another run of the job has ended in between. */
int auditstate_keep(struct auditstate *state, const char *result, size_t length, uint64_t findings, struct diag *diag);
int auditstate_commit(struct auditstate *state, struct diag *diag);
void auditstate_close(struct auditstate *state); /* NULL is fine; without a commit nothing has changed */

/* What a run has seen, as JSON. */
void auditstate_result(const struct marks *marks, const struct findings *findings, struct buffer *buffer);

#endif
