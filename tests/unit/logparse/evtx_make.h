/* Makes .evtx files for tests, token by token (logs.md 2.2; MS-EVEN6 2.2.12), independently of the reader.  What is made is
 * read by evtxexport as well. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_EVTX_MAKE_H
#define CORDON_TESTS_UNIT_LOGPARSE_EVTX_MAKE_H

#include "core/base/buffer.h"

enum { EVTX_MAKE_CHUNK = 65536, EVTX_MAKE_NO_DEPENDENCY = 0xffff };

struct evtx_make {
	struct buffer file;       /* header and whole chunks; after evtx_make_end all of it */
	uint8_t chunk[EVTX_MAKE_CHUNK];
	size_t at;                /* in the chunk */
	size_t record, last;      /* where the one that is being made, and the last one, begin */
	uint64_t first, number;   /* of the chunk's records */
	unsigned chunks;
	bool open, dependencies;  /* dependencies: within a definition */
	struct {
		char text[64];
		uint32_t offset;
	} names[512];
	size_t name_count;
	size_t elements[128], lists[128], depth; /* where sizes are still to be written */
	size_t definition;
	/* Definitions of evtx_make_event: by the id of the event; 0 is System. */
	struct {
		uint32_t key, offset;
	} templates[256];
	size_t template_count;
};

void evtx_make_init(struct evtx_make *make);
void evtx_make_done(struct evtx_make *make);
/* A new chunk; the one before is closed. */
void evtx_make_chunk(struct evtx_make *make);
/* Closes the last chunk and writes the file's header: as if it had so many chunks, when that is not 0 (a log in use). */
void evtx_make_end(struct evtx_make *make, unsigned claimed_chunks);

void evtx_make_record(struct evtx_make *make, uint64_t number, uint64_t time);
void evtx_make_record_end(struct evtx_make *make);

void evtx_make_bytes(struct evtx_make *make, const void *bytes, size_t length);
void evtx_make_number(struct evtx_make *make, uint64_t number, size_t size); /* little-endian */

/* Tokens. */
void evtx_make_fragment(struct evtx_make *make);
void evtx_make_element(struct evtx_make *make, const char *name, bool attributes, uint16_t dependency);
void evtx_make_attribute(struct evtx_make *make, const char *name, bool more);
void evtx_make_attributes_end(struct evtx_make *make);
void evtx_make_start_end(struct evtx_make *make);   /* > */
void evtx_make_empty_end(struct evtx_make *make);   /* /> */
void evtx_make_element_end(struct evtx_make *make);
void evtx_make_text(struct evtx_make *make, const char *ascii);
void evtx_make_units(struct evtx_make *make, const uint16_t *units, size_t count);
void evtx_make_cdata(struct evtx_make *make, const char *ascii);
void evtx_make_character(struct evtx_make *make, uint16_t unit);
void evtx_make_entity(struct evtx_make *make, const char *name);
void evtx_make_instruction(struct evtx_make *make, const char *target, const char *data);
void evtx_make_substitution(struct evtx_make *make, uint16_t index, uint8_t type, bool optional);

/* A template instance.  *offset 0: it is defined here, true is returned, and the definition follows up to
 * evtx_make_definition_end; then the values. */
bool evtx_make_instance(struct evtx_make *make, uint32_t id, size_t *offset);
void evtx_make_definition_end(struct evtx_make *make);
struct evtx_make_value {
	uint8_t type;
	const void *bytes;
	size_t size;
};
void evtx_make_values(struct evtx_make *make, const struct evtx_make_value *values, size_t count);

/* A whole record as Windows writes them: System by a template of 18 values, EventData by another in a value.  Texts are
 * ASCII; names NULL: Data without names. */
struct evtx_make_event {
	const char *provider, *channel, *computer;
	uint16_t id, version;
	uint64_t keywords;
	const char *const *names, *const *values;
	size_t count;
};
void evtx_make_event(struct evtx_make *make, uint64_t number, uint64_t time, const struct evtx_make_event *event);

/* So many records of 5157, 5152 and 4960 from the number and time on, 1 s apart; chunks are begun as they are needed. */
void evtx_make_drops(struct evtx_make *make, uint64_t number, uint64_t time, size_t count);

/* Writes the checksums of a chunk again, after something was changed in it. */
void evtx_make_seal(uint8_t *chunk);

#endif
