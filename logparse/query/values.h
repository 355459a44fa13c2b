/* The columns of an event, each made when it is asked for. */
#ifndef CORDON_LOGPARSE_QUERY_VALUES_H
#define CORDON_LOGPARSE_QUERY_VALUES_H

#include "logparse/meaning.h"
#include "logparse/query/parts.h"
#include "logparse/query/stamp.h"

/* Log Parser's columns, by their place. */
enum event_column {
	EVENT_LOG, EVENT_NUMBER, EVENT_TIME, EVENT_WRITTEN, EVENT_ID, EVENT_TYPE, EVENT_TYPE_NAME, EVENT_CATEGORY, EVENT_CATEGORY_NAME,
	EVENT_SOURCE, EVENT_STRINGS, EVENT_COMPUTER, EVENT_SID, EVENT_MESSAGE, EVENT_DATA,
};

enum { VALUES_FIELDS = 64 };

struct values {
	const struct log_table *table;
	const struct event *event;   /* of this row */
	int64_t row;
	bool has_meaning;
	enum meaning meaning;
	struct record record;
	struct meaning_space space;
	struct buffer text;
	char record_text[RECORD_VALUE];
	char number_text[24];
	uint64_t stamp_second;       /* of stamp_text: lines that follow each other are often of the same second */
	char stamp_text[STAMP_TEXT];
	size_t stamp_length;
	size_t field_at[VALUES_FIELDS]; /* where fields were found the last time, by column */
};

void values_init(struct values *values, const struct log_table *table);
void values_done(struct values *values);
/* Another event. */
void values_begin(struct values *values, const struct event *event, int64_t row);
/* CELL_NULL, CELL_INTEGER or CELL_TEXT; the text lives until the next call. */
struct cell values_cell(struct values *values, size_t column);

#endif
