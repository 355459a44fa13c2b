/* Binary XML, compiled: a template definition (or a record without one) becomes, once in its chunk, text runs and the
 * places of values; a record is then rendered by splicing its values in.  logs.md 2.2; MS-EVEN6 2.2.12.
 *
 * JSON has the shape of the XML: {"Event":{"System":{…},"EventData":{…}}}.  An element with attributes is an object with
 * "#attributes" and "#text"; <Data Name="x"> is a member x; siblings of one name are an array. */
#ifndef CORDON_LOGPARSE_READER_EVTX_TEMPLATE_H
#define CORDON_LOGPARSE_READER_EVTX_TEMPLATE_H

#include "core/base/arena.h"
#include "logparse/event.h"
#include "logparse/reader/evtx_value.h"

enum {
	EVTX_CHUNK = 65536,
	EVTX_DEPTH = 64,             /* of elements, and of binary XML in values */
	EVTX_OUTPUT = 16 << 20,      /* bytes that one record may become */
	EVTX_WORK = 1 << 18,         /* nodes that one chunk may be compiled to */
	EVTX_POOL = 16 << 20,        /* bytes of text that they may have */
	EVTX_STEPS = 4 << 20,        /* values that the records of one chunk may have together, each as often as it is used */
	EVTX_CHUNK_OUTPUT = 32 << 20, /* bytes that the records of one chunk may become */
};

/* A chunk and what has been compiled of it. */
struct evtx_chunk;
struct evtx_chunk *evtx_chunk_new(void);
void evtx_chunk_free(struct evtx_chunk *chunk); /* NULL is fine */
/* From now on it is these bytes (at most EVTX_CHUNK); what was compiled before is forgotten. */
void evtx_chunk_set(struct evtx_chunk *chunk, const uint8_t *bytes, size_t length);

/* What of System is looked at before anything is rendered. */
enum evtx_system {
	SYSTEM_PROVIDER, SYSTEM_SOURCE, SYSTEM_EVENTID, SYSTEM_QUALIFIERS, SYSTEM_LEVEL, SYSTEM_TASK, SYSTEM_KEYWORDS, SYSTEM_TIME,
	SYSTEM_RECORD, SYSTEM_CHANNEL, SYSTEM_COMPUTER, SYSTEM_USER,
	SYSTEM_COUNT,
};

/* A record's binary XML, its values found and nothing rendered. */
struct evtx_record;
/* From offset to end of the chunk; number and time are those of the record's head.  NULL, and *ret_why, when it is not
 * readable; *ret_why alone when only a part is: its values without its template, or a value cut off.  Valid until the
 * next call with this chunk. */
const struct evtx_record *evtx_record_open(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t number, uint64_t time,
					   const char **ret_why);

/* The event id of the record that begins there, without opening it; false when that takes more than a look. */
bool evtx_record_peek(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t *ret_id);

/* For a record that was found where none has to be: its templates may have been written over by those of other records.
 * One that is shown to be is not used, and the values stand there without names. */
void evtx_record_distrust(const struct evtx_record *record);
/* Whether it is without its template. */
bool evtx_record_bare(const struct evtx_record *record);

/* A part of System as a number, or as text appended to the buffer; false when the record has none.  Of a record without its
 * template: where its values have the types that System mostly has, in that order. */
bool evtx_record_number(const struct evtx_record *record, enum evtx_system part, uint64_t *ret_number);
bool evtx_record_text(const struct evtx_record *record, enum evtx_system part, struct buffer *buffer);

/* Rendering; false (with what could be rendered, well formed) when something was wrong with it. */
bool evtx_record_json(const struct evtx_record *record, struct buffer *buffer);
bool evtx_record_xml(const struct evtx_record *record, struct buffer *buffer);
void evtx_record_data(const struct evtx_record *record, event_take take, void *context);

#endif
