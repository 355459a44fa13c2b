/* Rows through a writer, and logs in memory through reader, layout and writer, as cordon log does it. */
#ifndef CORDON_TESTS_UNIT_WRITER_FIXTURE_H
#define CORDON_TESTS_UNIT_WRITER_FIXTURE_H

#include "logparse/reader/reader.h"
#include "logparse/writer/writer.h"

enum { WRITTEN_MOST = 64 << 20 };

struct cell cell_text(const char *text);
struct cell cell_bytes(const char *text, size_t length);
struct cell cell_integer(int64_t number);
struct cell cell_unsigned(uint64_t number);
struct cell cell_real(double number);
struct cell cell_moment(uint64_t time);
extern const struct cell cell_null;

/* Rows of `columns` cells each, one after the other in `cells`, with header and end.  The buffer is begun here. */
void rows_write(const struct writer_type *type, const struct writer_options *options, const char *const *names, size_t columns, const struct cell *cells,
		size_t rows, struct buffer *ret_text);

struct log_writing {
	const struct writer_type *type;
	struct writer_options options;  /* a date of 0: that of the log's header */
	bool whole;                     /* every field of every event (JSON, XML) */
	bool ecs;
	bool own_layout;                /* that of the first event; otherwise `layout` */
	enum layout layout;
	/* Of what was done */
	size_t events, lost;
};
/* The buffer is begun here. */
void log_write(const void *bytes, size_t length, struct log_writing *writing, struct buffer *ret_text);

#endif
