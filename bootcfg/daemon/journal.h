/* Records to the systemd journal, by its own protocol (one datagram an entry, NAME=value lines), so that nothing ever
 * waits for it: what it does not take now is tried again, and counted when there is too much of it. */
#ifndef CORDON_BOOTCFG_DAEMON_JOURNAL_H
#define CORDON_BOOTCFG_DAEMON_JOURNAL_H

#include "core/record/record.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

struct journal;

enum {
	JOURNAL_BYTES = 512 * 1024, /* entries that wait */
	JOURNAL_BURST = 500,        /* entries at once, and */
	JOURNAL_RATE = 100,         /* a second */
	JOURNAL_RETRY = 5000,       /* ms until a journal that was gone is looked for again */
};

/* Connects to it when it is there; path NULL: JOURNAL_SOCKET.  Never fails: a journal that is not there is looked for
 * again. */
struct journal *journal_new(const char *path);
void journal_free(struct journal *journal);

/* Queues one entry: a column of the record that is there is a field CORDON_SRC_IP=, CORDON_RULE= and so on (the
 * column's name without s- or x-, in capitals). */
void journal_add(struct journal *journal, const struct record *record, int priority, const char *text);
/* Whether one more finds room; when not, it is counted as missed. */
bool journal_room(struct journal *journal);
/* Lets all that is queued go out. */
void journal_release(struct journal *journal);
/* Sends what may go at this time (ms); true when something is left that may go later. */
bool journal_pump(struct journal *journal, int64_t now);

/* Entries that did not reach the journal: too many, or it was gone for too long. */
uint64_t journal_missed(const struct journal *journal);

/* The fields of an entry, as they go over the socket. */
void journal_entry_print(const struct record *record, int priority, const char *text, struct buffer *buffer);

#endif
