/* What the commands that read logs share: their options, what is said of damage, progress, and where output goes. */
#ifndef CORDON_APPS_LOGS_H
#define CORDON_APPS_LOGS_H

#include <pthread.h>

#include "apps/command.h"
#include "logparse/source.h"

const char *logs_format_at(size_t index); /* the formats of -i */

/* The rows of options; LOGS_FORMAT alone for who selects in another way. */
#define LOGS_FORMAT                                                                                                    \
	{.name = "input-format", .letter = 'i', .argument = "FORMAT", .value_at = logs_format_at,                          \
	 .help = "of the input: evt, evtx, eventxml, pfirewall, w3c, nflog, pcap; found out from the content when left out"}, \
	{.name = "zone", .argument = "ZONE", .help = "of logs that are in local time and do not say whose: UTC, +01:00, -0500"}, \
	{.name = "strict", .help = "stop at the first damage"},                                                            \
	{.name = "live-only", .help = "leave out records that were recovered: of an earlier life of the file, or carved"}
#define LOGS_OPTIONS                                                                                                   \
	LOGS_FORMAT,                                                                                                       \
	{.name = "provider", .argument = "NAME", .repeats = true, .help = "only events of this provider or source"},       \
	{.name = "event", .argument = "ID[,ID…]", .repeats = true, .help = "only events with these ids"},                  \
	{.name = "since", .argument = "TIME", .help = "only from then on: 2026-11-21T10:00:00Z, 2026-11-21, or 2h (ago)"}, \
	{.name = "until", .argument = "TIME", .help = "only before then"}

/* What they say. */
struct logs {
	struct reader_options reader;
	const struct reader_type *type;
	struct cursor *providers;
	uint32_t *ids;
};
/* ERROR_INPUT with a message.  logs_done in any case. */
int logs_read(struct invocation *invocation, int64_t now, struct logs *logs);
void logs_done(struct logs *logs);

/* What was wrong with the logs: each with -v, the first few otherwise; one line at the end.  Several threads may say it. */
struct damages {
	struct invocation *invocation;
	bool verbose;
	uint64_t said, kept_back;
	pthread_mutex_t lock;
};
void damages_begin(struct damages *damages, struct reader_options *options);
/* The line of what was read; error: of source_next.  Returns the exit code. */
int damages_end(struct damages *damages, const struct source *source, int error);
/* The line alone, where something is to be told: of several sources together. */
void damages_sum(const struct invocation *invocation, const struct reader_counts *counts, bool kept_back);

/* A line on the terminal that tells how far it is, while it takes long; nothing where stderr is none. */
struct progress {
	bool shown, wanted;
	int64_t next;             /* ms: when it is due */
	unsigned skipped;
};
void progress_begin(struct progress *progress, const struct invocation *invocation);
void progress_say(struct progress *progress, const struct source *source);
void progress_end(struct progress *progress);

/* Where output goes: standard output, or beside a file that is renamed when all is there. */
struct target {
	struct invocation *invocation;
	char *path;               /* what a link leads to; NULL: not renamed */
	char *beside;
	int descriptor;           /* -1: standard output */
};
/* A file beside another goes when there is no more memory, unless it is forgotten; the name is borrowed until then. */
void beside_note(const char *name);
void beside_forget(const char *name);
/* ERROR_INPUT when the file is one of the inputs (the words of the invocation), in a folder that is one, the store, or what
 * another option of the command names. */
int target_open(struct invocation *invocation, const char *path, struct target *ret_target);
/* ERROR_INPUT with a message when a path (NULL: standard output) is another file's, by whatever name: "is WHAT too". */
int target_apart(const struct invocation *invocation, const char *path, const char *other, const char *what);
/* What the file has already is kept in front of what is written. */
int target_append(struct target *target);
/* good: it becomes the file; otherwise it goes. */
int target_close(struct target *target, bool good);

#endif
