/* The file /var/log/cordon/drops.log: W3C text, whole lines only, rotated by size (drops.log.1 is the newest of the old
 * ones).  The collector writes it; `cordon` itself writes its mode changes (apply, lift, rollback), service or no service.
 * Both append whole lines with one write each, so they never run into each other; whoever cuts or rotates holds a lock. */
#ifndef CORDON_BOOTCFG_DAEMON_DROPLOG_H
#define CORDON_BOOTCFG_DAEMON_DROPLOG_H

#include "bootcfg/driver/driver.h"
#include "core/record/record.h"

#define DROPLOG_FOLDER "/var/log/cordon"
#define DROPLOG_FILE "drops.log"

enum {
	DROPLOG_MOST = 8 * 1024 * 1024, /* bytes of one file, when nothing else is asked for */
	DROPLOG_FILES = 8,              /* how many are kept, the one that is written included */
	DROPLOG_FILES_MOST = 1000,
};

struct droplog;

/* `folder` is borrowed.  Opens nothing yet.  0 means the defaults. */
struct droplog *droplog_new(int folder, size_t most, unsigned files);
void droplog_free(struct droplog *log);

/* Appends whole lines, each ending in a newline, and returns how many bytes of them were written: whole lines again,
 * less than `length` when the disk is full or the file cannot be written (errno says why).  Opens, mends and rotates as
 * need be; time (FILETIME) goes into the header of a new file.  Never waits. */
size_t droplog_write(struct droplog *log, const char *lines, size_t length, uint64_t time);

/* A mode change as a record: W3C line, journal text.  What it means is in docs/drops.md. */
void droplog_mode_record(uint16_t eventid, const char *mode, const char *digest, const char *text, struct record *ret_record);

/* A mode change as a record, appended to the log and sent to the journal.  A log that cannot be written is a warning
 * (id "log"): the change itself stands. */
void droplog_mode(const struct driver_row *row, const char *digest, const char *text, struct diag *diag);
/* The same into another folder and journal, for tests and --root. */
void droplog_mode_at(const char *folder, const char *journal, const struct driver_row *row, const char *digest, const char *text,
		     struct diag *diag);

#endif
