/* The lines of a text log, streamed: UTF-8 with or without a byte order mark, UTF-16 with one, LF or CRLF. */
#ifndef CORDON_LOGPARSE_READER_LINES_H
#define CORDON_LOGPARSE_READER_LINES_H

#include "core/base/cursor.h"
#include "logparse/input.h"

/* Before and behind a line so many bytes can be read, whatever they are: for who looks at several at once. */
enum { LINE_MOST = 1 << 20, LINE_ROOM = 64 };

struct lines;
struct lines *lines_new(struct input *input);
void lines_free(struct lines *lines); /* NULL is fine */

/* 1: a line without its end, valid until the next call; 0: the end; negative: an error.  A line longer than LINE_MOST is
 * cut there, and *ret_cut says so. */
int lines_next(struct lines *lines, struct cursor *ret_line, bool *ret_cut);
uint64_t lines_number(const struct lines *lines); /* of the line that was read last, from 1 */

#endif
