/* A summary as one HTML page that needs nothing else: no network, no script; charts are SVG, and beside each stands the
 * table that it was made from.  All text of the logs is escaped. */
#ifndef CORDON_LOGPARSE_AUDIT_PAGE_H
#define CORDON_LOGPARSE_AUDIT_PAGE_H

#include "logparse/audit/summary.h"
#include "logparse/reader/reader.h"

struct page_damage {
	const char *file, *text;
	uint64_t offset, number;  /* number 0: not known */
	bool lost;
};

struct page {
	struct summary *summary;  /* its tallies are sorted */
	const char *const *inputs;
	size_t input_count;
	uint64_t made;            /* FILETIME */
	const char *policy;       /* what the packets were judged by, in words; NULL: they were not */
	const char *unjudged;     /* then: why not */
	struct reader_counts counts;
	size_t failed;            /* inputs that could not be read */
	const struct page_damage *damages;
	size_t damage_count;
	uint64_t damages_more;    /* that are not listed */
};

void page_print(const struct page *page, struct buffer *output);

#endif
