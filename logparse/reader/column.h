/* Values of text logs, quickly: hundreds of megabytes a second go through here.  The result is that of record_set, but
 * that a time may lack its seconds; what is usual is read several bytes at a time, and all else is left to it. */
#ifndef CORDON_LOGPARSE_READER_COLUMN_H
#define CORDON_LOGPARSE_READER_COLUMN_H

#include "core/record/record.h"
#include "logparse/reader/lines.h"

/* The date of the line before: nearly always that of the next one too.  All zero at first. */
struct column_day {
	char text[10];            /* 2026-11-21 */
	uint64_t time;            /* when that day begins */
};

/* Gives a column its value.  text: a piece of a line (lines.h), for what lies around it is read as well. */
typedef bool (*column_read)(struct record *record, enum record_column column, struct cursor text, struct column_day *day);
/* How the values of a column are read. */
column_read column_reader(enum record_column column);

#endif
