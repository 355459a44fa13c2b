/* What an audit has found, one line each, as text and as JSON; and what of it was known before. */
#ifndef CORDON_LOGPARSE_AUDIT_FINDINGS_H
#define CORDON_LOGPARSE_AUDIT_FINDINGS_H

#include "logparse/audit/job.h"

enum { FINDINGS_KEY = 65, FINDINGS_EACH = 1000 /* of one kind that are told one by one */ };

struct findings {
	struct arena *arena;
	const struct job *job;
	uint64_t now;             /* FILETIME */
	struct buffer text, json; /* what was found */
	uint64_t count;           /* that are told */
	bool since_last;          /* what the last run knew is not told again */
	const char **before;      /* keys of the last run, */
	const char **after;       /* and of this one: hex SHA-256 */
	size_t before_count, before_capacity, after_count, after_capacity;
};

void findings_init(struct findings *findings, const struct job *job, uint64_t now);
void findings_done(struct findings *findings);
/* A key of the last run; copied. */
void findings_know(struct findings *findings, const char *key);

/* One that lasts from run to run until somebody mends it ("kernel", "lint", "unreadable"): told once. */
void findings_lasting(struct findings *findings, const char *kind, const char *text);

/* What the thresholds of the job make of the records that are new. */
void findings_judge(struct findings *findings, struct summary *summary, const struct reader_counts *counts);

/* The last line: how many there are, and of how many records. */
void findings_end(struct findings *findings, const struct summary *summary, const struct reader_counts *counts);

#endif
