/* An event out of its row in Log Parser's columns (logs.md 3.3), as the article's command writes them into W3C. */
#ifndef CORDON_LOGPARSE_EVENTROW_H
#define CORDON_LOGPARSE_EVENTROW_H

#include "logparse/event.h"

struct eventrow {
	struct cursor strings;    /* joined by '|' */
	uint8_t data[512];        /* an error-log packet has at most 240 (logs.md 1.1) */
};

/* The event that a line with the columns Strings and Data is of; its strings and its data are those of the row, which has
 * to stay as long.  False: the line has no such columns. */
bool eventrow_event(struct eventrow *row, const struct event *line, struct event *ret_event);

#endif
