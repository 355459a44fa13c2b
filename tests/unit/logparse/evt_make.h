/* Makes .evt files for tests (logs.md 2.1), independently of the reader: a ring that is written as Windows does, the
 * oldest records giving way.  What is made is read by evtexport as well. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_EVT_MAKE_H
#define CORDON_TESTS_UNIT_LOGPARSE_EVT_MAKE_H

#include "core/base/buffer.h"

struct evt_make_record {
	uint32_t time, written;   /* of Unix */
	uint32_t id;
	uint16_t type, category;
	const char *source, *computer; /* ASCII */
	const uint8_t *sid;
	size_t sid_size;
	const char *const *strings;
	size_t string_count;
	const uint8_t *data;
	size_t data_size;
};

enum { EVT_MAKE_HEAD = 48, EVT_MAKE_RECORDS = 65536 };

struct evt_make {
	uint8_t *bytes;
	size_t size;              /* of the file, header included */
	size_t at;                /* where the next record goes */
	uint32_t number;          /* that it gets */
	bool wrapped;
	/* Live records, the oldest first. */
	struct {
		size_t offset, size;
		uint32_t number;
	} live[EVT_MAKE_RECORDS];
	size_t first, count;
};

/* size: of the file, a multiple of 4. */
void evt_make_init(struct evt_make *make, size_t size, uint32_t first_number);
void evt_make_done(struct evt_make *make);
void evt_make_add(struct evt_make *make, const struct evt_make_record *record);
/* Writes the record that ends the ring, and the header: dirty as of a log in use, when its numbers are those of an
 * empty one. */
void evt_make_end(struct evt_make *make, bool dirty);

/* The data of IPSec 4290 and 4291: an error-log packet of 40 bytes, then `length` bytes of a packet.  Its size. */
size_t evt_make_dump(uint32_t id, uint32_t status, const uint8_t *packet, size_t length, uint8_t data[256]);
/* So many drops of IPSec, 1 s apart. */
void evt_make_drops(struct evt_make *make, uint32_t time, size_t count);

#endif
