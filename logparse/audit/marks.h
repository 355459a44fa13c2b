/* How far each log was read by the last audit, so that the next takes what is new only.
 *
 * A log whose records are numbered is known by its name: what has a higher number, or a later time (it was cleared), is
 * new.  A log of lines is known by its first bytes, whatever its name: it may be rotated and packed, and is still the
 * same; what is behind the last line is new. */
#ifndef CORDON_LOGPARSE_AUDIT_MARKS_H
#define CORDON_LOGPARSE_AUDIT_MARKS_H

#include "core/base/arena.h"
#include "logparse/event.h"

enum { MARK_HEAD = 4096, MARK_DIGEST = 65 };

struct mark {
	const char *name;
	uint64_t number, time;    /* of the newest numbered record; 0: none */
	uint64_t line;            /* or offset, of the last of the others; 0: none */
	uint64_t head_length;     /* of the first bytes that the digest is of; 0: none */
	char head[MARK_DIGEST];   /* hex SHA-256 */
	uint64_t run;             /* in which it was seen last */
};

struct marks {
	struct arena *arena;
	struct mark *old, *now;   /* of the runs before; of this one */
	size_t old_count, old_capacity, now_count, now_capacity;
	const struct mark *by_name, *by_head; /* of the log that is being read, among the old; or NULL */
	struct mark *current;
	struct mark blind;        /* current, where a log cannot be told from others */
	bool fresh;               /* something new with a number was in it */
};

void marks_init(struct marks *marks);
void marks_done(struct marks *marks);
/* One of the runs before; copied. */
void marks_add(struct marks *marks, const struct mark *mark);

/* A log begins: its name and first bytes (at most MARK_HEAD are looked at), unpacked. */
void marks_begin(struct marks *marks, const char *name, const uint8_t *head, size_t length);
/* One begins whose first bytes cannot be read: nothing of it passes, and what was known of it stays. */
void marks_blind(struct marks *marks, const char *name);
/* Whether an event of it is new; remembers it, unless it was recovered: then its number and time may be anything. */
bool marks_pass(struct marks *marks, const struct event *event);

#endif
