/* A log format is one file in this folder and one row in readers[]. */
#ifndef CORDON_LOGPARSE_READER_READER_H
#define CORDON_LOGPARSE_READER_READER_H

#include "core/base/diag.h"
#include "logparse/event.h"
#include "logparse/input.h"

/* What is asked for: readers may leave out what does not match before they render anything; the caller need not look
 * again.  Everything empty: all events. */
struct event_filter {
	struct cursor *providers;  /* any of them, ASCII case aside */
	size_t provider_count;
	uint32_t *ids;             /* any of them */
	size_t id_count;
	uint64_t since, until;     /* FILETIME, since <= time < until; 0: no limit */
	uint64_t number_first, number_last; /* of the record; 0: no limit */
};
bool event_filter_holds(const struct event_filter *filter, const struct event *event);
/* Without the provider: what needs no text. */
bool event_filter_holds_numbers(const struct event_filter *filter, const struct event *event);

/* The same, for readers of logs that may not say when something was: such events are counted. */
struct reader;
bool reader_wants(struct reader *reader, const struct event *event);

/* Where something was wrong.  lost: a record could not be had. */
struct damage {
	const char *file;
	uint64_t offset, number;   /* number 0: not known */
	bool lost;
	const char *text;          /* what was wrong */
	bool line;                 /* offset is the number of a line, from 1 */
};

struct reader_options {
	struct event_filter filter;
	bool live_only;            /* no recovered records */
	bool strict;               /* stop at the first damage */
	bool zone_known;           /* of logs in local time */
	int32_t zone;              /* minutes east of UTC */
	void (*damage)(const struct damage *damage, void *context); /* may be NULL */
	void *context;
	bool growing;              /* logs go on being written: a last line that has no end yet is left for the next run */
	void (*begin)(struct input *input, void *context); /* of each input, before anything of it is read; may be NULL */
	void *begin_context;
};

struct reader_counts {
	uint64_t read, recovered, unreadable, filtered, duplicates;
	uint64_t timeless;         /* read or filtered, and nobody knows when they were: no zone, or since a start */
};
void reader_counts_add(struct reader_counts *sum, const struct reader_counts *counts);

struct reader;
struct reader_type {
	const char *name;          /* of -i */
	const char *what;          /* for people: "event log of Windows 2000 to 2003" */
	bool lines;                /* its offsets, of events and of damage, are numbers of lines */
	/* How sure it is of these first bytes (at most READER_HEAD): 0 not mine, 100 certain.  Not mine: *ret_why says why. */
	int (*guess)(const uint8_t *head, size_t length, const char *name, const char **ret_why);
	int (*open)(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader);
	/* 1: an event, 0: the end, negative: an error with a message in the diag of open. */
	int (*next)(struct reader *reader, struct event *ret_event);
	void (*close)(struct reader *reader);
	/* Formats whose parts can be read independently (evtx chunks): how many there are, and a reader for one of them that
	 * shares the input of the whole and may be used in another thread.  *part is NULL at first, and can be given again for
	 * another index; the caller closes it.  NULL: one part. */
	size_t (*parts)(struct reader *reader);
	int (*part)(struct reader *reader, size_t index, struct reader **part);
	/* The parts before this index have been read: what they are made of need not stay in memory. */
	void (*passed)(struct reader *reader, size_t index);
};
enum { READER_HEAD = 65536 };

/* What every reader begins with. */
struct reader {
	const struct reader_type *type;
	struct reader_options options;
	struct reader_counts counts;
	struct diag *diag;         /* borrowed */
	const char *file;
	uint64_t date;             /* FILETIME: that the log's header gives, or 0 */
};

extern const struct reader_type eventxml_reader, evt_reader, evtx_reader, pcap_reader, nflog_reader, pfirewall_reader, w3c_reader;
extern const struct reader_type *const readers[]; /* ends with NULL */
const struct reader_type *reader_named(const char *name);
/* By content; ERROR_INPUT with a message that says which formats were tried and why not. */
int reader_guess(struct input *input, struct diag *diag, const struct reader_type **ret_type);

/* Says that a last line was left for the next run (options.growing). */
void reader_torn(const struct reader *reader);
/* Says a damage to whoever listens and counts it. */
void reader_damage(struct reader *reader, uint64_t offset, uint64_t number, bool lost, const char *text);

#endif
