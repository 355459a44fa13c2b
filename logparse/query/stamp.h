/* Times of the dialect: text such as 2004-01-12 09:14:57, or either half of it, which sorts as it should. */
#ifndef CORDON_LOGPARSE_QUERY_STAMP_H
#define CORDON_LOGPARSE_QUERY_STAMP_H

#include "core/base/buffer.h"
#include "core/base/cursor.h"

enum { STAMP_SECOND = 10000000, STAMP_TEXT = 20 };
#define STAMP_DAY (INT64_C(86400) * STAMP_SECOND)

struct stamp {
	int64_t ticks;       /* 100 ns since 1601-01-01; of a time without a date since midnight */
	bool has_date, has_clock;
};

/* 2004-01-12, 09:14, 09:14:57.25, both with a blank or T between, Z at the end; all of the text. */
bool stamp_parse(struct cursor text, struct stamp *ret_stamp);
/* In its shortest form; a fraction of a second only when there is one. */
void stamp_print(const struct stamp *stamp, struct buffer *text);

/* By a format of Log Parser's: yyyy yy MM M MMM MMMM dd d ddd dddd hh h mm m ss s, l to lll (ms), n (ns), tt (AM, PM), texts
 * in '…', all else as it is.  HH is hh, but of 24 beside tt too.  Reading, ? is any character. */
bool stamp_read(struct cursor text, struct cursor format, struct stamp *ret_stamp);
/* A time of the year 0, which is Log Parser's way to write a span: 0000-01-02 is one day. */
bool stamp_read_span(struct cursor text, struct cursor format, int64_t *ret_ticks);
/* What is wrong with a format that somebody wrote, or NULL. */
const char *stamp_format_wrong(struct cursor format);
void stamp_format(const struct stamp *stamp, struct cursor format, struct buffer *text);

/* A FILETIME in whole seconds, without a NUL; its length, 0 beyond what a FILETIME holds.  A damaged record may be of the year 30828:
 * that is written too, though it is no time here. */
size_t stamp_put(uint64_t time, char text[STAMP_TEXT]);

#endif
