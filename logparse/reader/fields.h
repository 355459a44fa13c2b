/* The line of a W3C extended log: values between blanks or tabs, in quotes where they hold one; columns by a #Fields line,
 * never by position (logs.md 1.4, 3.1, 3.2). */
#ifndef CORDON_LOGPARSE_READER_FIELDS_H
#define CORDON_LOGPARSE_READER_FIELDS_H

#include "core/record/record.h"
#include "logparse/event.h"
#include "logparse/reader/lines.h"
#include "logparse/reader/reader.h"

enum { FIELDS_MOST = 256 };

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
	int16_t column[FIELDS_MOST];        /* enum record_column, or -1 */
	size_t count;
	struct cursor value[FIELDS_MOST];   /* of the line; at NULL: a dash */
	size_t value_count;
	struct buffer text;                 /* values whose quotes were doubled */
	/* What a dialect makes of a line beyond the columns that have a name in records; false: the line is none. */
	const struct field_name *dialect;   /* ends with a row whose name is NULL; NULL: record_columns alone */
	bool (*finish)(struct fields *fields, struct record *record);
	bool local;                         /* times are the local ones of the zone in the options */
};

int fields_open(struct input *input, const struct reader_options *options, struct diag *diag, const struct reader_type *type,
		struct fields **ret_fields);
int fields_next(struct reader *reader, struct event *ret_event);
void fields_close(struct reader *reader);

/* The value of a column by its name; at NULL when there is none. */
struct cursor fields_value(const struct fields *fields, const char *name);

#endif
