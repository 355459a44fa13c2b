/* The line of a W3C extended log: values between blanks or tabs, in quotes where they hold one; columns by a #Fields line,
 * never by position (logs.md 1.4, 3.1, 3.2). */
#ifndef CORDON_LOGPARSE_READER_FIELDS_H
#define CORDON_LOGPARSE_READER_FIELDS_H

#include "logparse/reader/column.h"
#include "logparse/event.h"
#include "logparse/reader/lines.h"
#include "logparse/reader/reader.h"

enum { FIELDS_MOST = 256, FIELDS_OWN = 8 };

/* A name of a column in a dialect, and what it is of a record. */
struct field_name {
	const char *name;
	enum record_column column;
};

struct fields {
	struct reader reader;
	struct input *input;
	struct lines *lines;
	char *names;                        /* of the columns, one after the other, each with a NUL */
	const char *name[FIELDS_MOST];
	size_t count;
	struct {
		column_read read;
		uint8_t index, column;      /* of `value`, and enum record_column */
	} mapped[FIELDS_MOST];              /* columns that records have */
	size_t mapped_count;
	bool text_column[FIELDS_MOST];      /* no number in records, though it may look like one */
	bool timed, dated;                  /* one of them is the time, the date; without that the one of #Date is meant */
	bool tabs;                          /* names are between tabs: then values may be too, with blanks in them */
	struct cursor value[FIELDS_MOST];   /* of the line; at NULL: a dash */
	size_t value_count;
	struct buffer text;                 /* values whose quotes were doubled */
	struct column_day day;
	/* What a dialect makes of a line beyond the columns that have a name in records; false: the line is none. */
	const struct field_name *dialect;   /* ends with a row whose name is NULL; NULL: record_columns alone */
	const char *const *own_names;       /* columns that finish looks at; ends with NULL */
	int16_t own[FIELDS_OWN];            /* where they are, or -1 */
	bool (*finish)(struct fields *fields, struct record *record);
	bool local;                         /* times are the local ones of the zone in the options */
};

int fields_open(struct input *input, const struct reader_options *options, struct diag *diag, const struct reader_type *type,
		struct fields **ret_fields);
int fields_next(struct reader *reader, struct event *ret_event);
void fields_close(struct reader *reader);

/* The value of a column of own_names by its index; at NULL when there is none. */
static inline struct cursor fields_own(const struct fields *fields, size_t index)
{
	return fields->own[index] >= 0 ? fields->value[fields->own[index]] : (struct cursor){NULL, NULL};
}

#endif
