/* What library code has to say to the user.  It never prints: it adds messages here, and the program
 * renders them.  A message says what is wrong, where, and what would be right. */
#ifndef CORDON_BASE_DIAG_H
#define CORDON_BASE_DIAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/attr.h"
#include "core/base/buffer.h"

enum severity { SEVERITY_NOTE, SEVERITY_WARNING, SEVERITY_ERROR };

/* A place in somebody's text.  Unknown parts are 0 or NULL; line and column count from 1, columns in bytes. */
struct place {
	const char *file;        /* as the user named it; "-" is standard input */
	uint32_t line, column;
	uint32_t length;         /* of the offending text, for the caret */
	const char *source;      /* the line itself (need not end in NUL) */
	size_t source_length;
};

struct message {
	enum severity severity;
	char *id;     /* of a warning, such as "mirror-open"; or NULL */
	char *text;   /* without the severity and the place */
	char *file;   /* or NULL */
	char *source; /* the source line, or NULL */
	uint32_t line, column, length;
};

struct diag {
	struct message *messages;
	size_t count, capacity;
	size_t errors, warnings;
	size_t unkept; /* messages past the limit (DIAG_MOST) that are counted but not kept */
};

enum { DIAG_MOST = 1000 };

void diag_init(struct diag *diag);
void diag_done(struct diag *diag);
void diag_clear(struct diag *diag);

/* Everything is copied.  `place` may be NULL.  A NULL diag swallows the message. */
void diag_error(struct diag *diag, const struct place *place, const char *format, ...) ATTR_PRINTF(3, 4);
void diag_note(struct diag *diag, const struct place *place, const char *format, ...) ATTR_PRINTF(3, 4);
void diag_warning(struct diag *diag, const char *id, const struct place *place, const char *format, ...) ATTR_PRINTF(4, 5);

/* Moves all messages of one to the end of the other (NULL: away). */
void diag_move(struct diag *to, struct diag *from);

enum { DIAG_COLOR = 1u << 0, DIAG_CARET = 1u << 1, DIAG_QUIET = 1u << 2 };

/* As `cordon: FILE:LINE:COLUMN: error: TEXT`, with DIAG_CARET the source line and a caret below it;
 * DIAG_QUIET leaves out notes and warnings.  `from` is the first message to render. */
void diag_render(const struct diag *diag, size_t from, unsigned flags, struct buffer *buffer);

#endif
