/* How far each log was read by the last run, so that the next takes what is new only.
 *
 * A log of lines (or of packets) is known by its first bytes, whatever its name: it may be rotated and packed, and is still
 * the same; what is behind the last line is new.  One that was begun anew has other first bytes, and all of it is new,
 * whatever its times say.  A log whose records are numbered is known by its name: what has a higher number, or a later time,
 * is new; and all of it, when its oldest record is another than that of the last run, or has a lower number: then it
 * was cleared, or is another log. */
#ifndef CORDON_LOGPARSE_AUDIT_MARKS_H
#define CORDON_LOGPARSE_AUDIT_MARKS_H

#include "core/base/arena.h"
#include "logparse/event.h"

enum { MARK_HEAD = 65536 /* the kernel's log begins with 4 KiB that each start of a machine repeats */, MARK_DIGEST = 65 };

struct mark {
	const char *name;
	uint64_t number, time;    /* of the newest numbered record; 0: none */
	uint64_t first_number, first_time; /* of the oldest that was seen; 0: none */
	uint64_t line;            /* or offset, of the last of the others; 0: none */
	uint64_t head_length;     /* of the first bytes that the digest is of; 0: none */
	char head[MARK_DIGEST];   /* hex SHA-256 */
	uint64_t run;             /* in which it was seen last */
};

/* A log of this run. */
struct reading {
	const char *file;         /* as its events name it */
	size_t now;               /* its mark; MARKS_NONE: it cannot be told from others */
	bool numbered, lined;     /* among the old there is one of that name, of those bytes: */
	struct mark by_name, by_head;
	bool fresh;               /* something new with a number was in it */
	bool other;               /* it is not what was known by its name */
};
#define MARKS_NONE SIZE_MAX

struct marks {
	struct arena *arena;
	struct mark *old, *now;   /* of the runs before; of this one */
	size_t old_count, old_capacity, now_count, now_capacity;
	struct reading *readings;
	size_t reading_count, reading_capacity, last;
	bool sorted;              /* the old ones: by the length of their heads */
};

void marks_init(struct marks *marks);
void marks_done(struct marks *marks);
/* One of the runs before; copied. */
void marks_add(struct marks *marks, const struct mark *mark);

/* A log begins: as its events name it, its name for later runs, and its first bytes (at most MARK_HEAD are looked at),
 * unpacked.  One that is read again in the same run goes on as it was. */
void marks_begin(struct marks *marks, const char *file, const char *name, const uint8_t *head, size_t length);
/* One begins whose first bytes cannot be read: nothing of it passes, and what was known of it stays. */
void marks_blind(struct marks *marks, const char *file);
/* Whether an event of it is new; remembers it, unless it was recovered: then its number and time may be anything. */
bool marks_pass(struct marks *marks, const struct event *event);

#endif
