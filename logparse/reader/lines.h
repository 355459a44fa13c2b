/* The lines of a text log, streamed: UTF-8 with or without a byte order mark, UTF-16 with one, LF or CRLF. */
#ifndef CORDON_LOGPARSE_READER_LINES_H
#define CORDON_LOGPARSE_READER_LINES_H

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#include "core/base/cursor.h"
#include "logparse/input.h"

/* Before and behind a line so many bytes can be read, whatever they are: for who looks at several at once. */
enum { LINE_MOST = 1 << 20, LINE_ROOM = 64 };

/* Which of the 64 bytes from there on are blanks or tabs: bit 0 is the first. */
static inline uint64_t line_blanks(const char *at)
{
	uint64_t found = 0;
#ifdef __SSE2__
	for (unsigned i = 0; i < 4; i++) {
		__m128i text = _mm_loadu_si128((const __m128i *)(const void *)(at + 16 * (size_t)i));
		__m128i blank = _mm_or_si128(_mm_cmpeq_epi8(text, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(text, _mm_set1_epi8('\t')));
		found |= (uint64_t)(uint16_t)_mm_movemask_epi8(blank) << 16 * i;
	}
#else
	for (unsigned i = 0; i < 64; i++)
		found |= (uint64_t)ascii_blank(at[i]) << i;
#endif
	return found;
}
/* The same of a line of which so many bytes are left: its end is a blank too, and nothing is behind that. */
static inline uint64_t line_blanks_left(const char *at, size_t left)
{
	uint64_t found = line_blanks(at);
	return left < 64 ? (found | (uint64_t)1 << left) & (UINT64_MAX >> (63 - left)) : found;
}

struct lines;
/* growing: a last line without an end is not given out. */
struct lines *lines_new(struct input *input, bool growing);
void lines_free(struct lines *lines); /* NULL is fine */

/* 1: a line without its end, valid until the next call; 0: the end; negative: an error.  A line longer than LINE_MOST is
 * cut there, and *ret_cut says so. */
int lines_next(struct lines *lines, struct cursor *ret_line, bool *ret_cut);
uint64_t lines_number(const struct lines *lines); /* of the line that was read last, from 1 */
bool lines_torn(const struct lines *lines); /* at the end: the last line was not given out */

#endif
