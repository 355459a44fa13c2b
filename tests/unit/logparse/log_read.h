/* A log in memory, read and rendered in every way, and looked at while that is done. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_LOG_READ_H
#define CORDON_TESTS_UNIT_LOGPARSE_LOG_READ_H

#include "logparse/reader/reader.h"
#include "logparse/writer/writer.h"

struct log_event {
	uint64_t number, time, offset; /* number: by which the log counts it (event.sequence) */
	uint32_t id;
	bool recovered;
};

struct log_reading {
	int error;                /* of open or next; 0: it was read to its end */
	const struct reader_type *type;
	struct reader_counts counts;
	struct log_event *events;
	size_t count, capacity;
	struct buffer json, xml;  /* a line each */
	struct buffer data;       /* NAME=VALUE, a newline behind each; an empty line behind each event */
	struct buffer drops, eventlog; /* lines of W3C, without their headers */
	struct buffer damage;     /* OFFSET NUMBER [lost] TEXT */
	size_t damaged_lines;     /* of them: whose OFFSET is the number of a line */
	struct buffer said;       /* the diag's messages */
	const char *wrong;        /* what must not be: output that is not well formed, and the like; NULL: nothing */
};

/* What is to be rendered, beside the meaning of each event. */
enum log_form { LOG_JSON = 1u << 0, LOG_XML = 1u << 1, LOG_DATA = 1u << 2, LOG_ROWS = 1u << 3, LOG_ALL = 15 };

/* type NULL: guessed.  options NULL: none. */
void log_read(const void *bytes, size_t length, const struct reader_type *type, const struct reader_options *options, unsigned forms,
	      struct log_reading *ret_reading);
void log_reading_done(struct log_reading *reading);

/* Line number `index` (from 0) of a buffer, without its end; "" when there is none. */
struct cursor log_line(const struct buffer *buffer, size_t index);
/* Whether an event with this number (and time, when that is not 0) was read. */
bool log_has(const struct log_reading *reading, uint64_t number, uint64_t time);

#endif
