/* One event of a log, as its reader sees it: what a filter needs is read, the rest is rendered when somebody asks.
 * Everything is valid until the reader's next event, and text is UTF-8. */
#ifndef CORDON_LOGPARSE_EVENT_H
#define CORDON_LOGPARSE_EVENT_H

#include "core/base/buffer.h"
#include "core/base/cursor.h"
#include "core/record/record.h"

struct event;

/* One value of an event: its name ("" when it has none) and its text. */
typedef void (*event_take)(void *context, struct cursor name, struct cursor value);

/* How the events of a format are rendered: one table a format. */
struct event_kind {
	const char *format;       /* "evtx" */
	/* One JSON object with every field, without a newline. */
	void (*json)(const struct event *event, struct buffer *buffer);
	/* The event as Event Viewer's XML has it, without a newline. */
	void (*xml)(const struct event *event, struct buffer *buffer);
	/* The values of its data in order (EventData, Strings, the columns of a text log). */
	void (*data)(const struct event *event, event_take take, void *context);
	/* What it says of packets, for formats whose lines are records themselves (pfirewall, w3c, nflog, pcap); NULL: the
	 * meaning is looked up by provider and id (logparse/meaning.h).  False: nothing about a packet. */
	bool (*record)(const struct event *event, struct record *ret_record);
	/* The value of a column, for logs whose lines have columns with names (NULL: others); at NULL: a dash.  False: no such
	 * column. */
	bool (*column)(const struct event *event, const char *name, struct cursor *ret_value);
};

#define EVENT_NO_ID UINT32_MAX

struct event {
	const struct event_kind *kind;
	const void *source;       /* of the reader */
	const char *file;         /* as the user named it */
	uint64_t offset;          /* in the file (of what was unpacked); line number of text logs */
	uint64_t time;            /* FILETIME: when it happened; 0: unknown */
	uint64_t written;         /* FILETIME: when it was written; 0: not told apart */
	uint64_t number;          /* of the record; 0: none */
	uint64_t sequence;        /* by which the log itself counts its records, where that is another; 0: number */
	uint32_t id;              /* EVENT_NO_ID: none.  Of evt the low 16 bits */
	uint32_t id_full;         /* with severity, facility (evt) or qualifiers (evtx) in the high word */
	uint32_t type;            /* evt: 1 error, 2 warning, 4 information, 8 audit success, 16 audit failure; of evtx from level and keywords */
	uint32_t category;
	struct cursor provider, channel, computer, sid;
	const uint8_t *binary;    /* evt: the data of the record */
	size_t binary_length;
	bool recovered;           /* carved, or of an earlier life of the file */
};

/* For formats whose data says everything: {"name":"value",…} and <Entry><Field Name="name">value</Field>…</Entry>. */
void event_members_json(const struct event *event, struct buffer *buffer);
void event_members_xml(const struct event *event, struct buffer *buffer);
/* Digits that mean the same as a number: no sign, no zero before them, exact in 64 bits. */
bool event_is_number(struct cursor value);
/* The columns of a record that are there, by their names (those of record_columns, by which event_members_json knows which
 * are numbers). */
void event_record_data(const struct record *record, event_take take, void *context);

#endif
