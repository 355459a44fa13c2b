/* The drawings of a page, as SVG, and the numbers and times in it as people read them. */
#ifndef CORDON_LOGPARSE_AUDIT_CHART_H
#define CORDON_LOGPARSE_AUDIT_CHART_H

#include "logparse/audit/summary.h"

/* Packets dropped in an hour, in order of time. */
struct chart_hour {
	uint64_t hour;            /* since 1601 */
	uint64_t count;
};

/* What the axis of time shows, in hours since 1601; of a log with a few times that are far off from all others, without
 * them. */
struct chart {
	struct chart_hour *hours;
	size_t count;
	uint64_t first, last;     /* hours; the last one is included */
	uint64_t step;            /* hours of one bar */
	uint64_t outside;         /* packets that are not on it */
	bool empty;
};
void chart_init(struct chart *chart, struct summary *summary);
void chart_done(struct chart *chart);

/* Bars of drops.  title: of the drawing, for who does not see it. */
void chart_drops(const struct chart *chart, struct buffer *output);
/* A band of the modes, over the same time. */
void chart_modes(const struct chart *chart, const struct summary *summary, struct buffer *output);

void chart_step_print(uint64_t hours, struct buffer *output);     /* "hour", "6 hours", "day" */
void chart_number(uint64_t number, struct buffer *output);        /* 1 234 567, with narrow blanks */
void chart_time(uint64_t time, char separator, struct buffer *output); /* FILETIME as 2026-11-21 10:00:00 */
const char *chart_mode_class(const char *mode);                   /* CSS class of its colour */

#endif
