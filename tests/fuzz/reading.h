/* A fuzz target for a log reader: any bytes, read and rendered in every way.  It ends in time and in bounded memory, what
 * comes out is well formed, and what it says fits to what it returns. */
#ifndef CORDON_TESTS_FUZZ_READING_H
#define CORDON_TESTS_FUZZ_READING_H

#include "tests/fuzz/fuzz.h"
#include "tests/unit/logparse/log_read.h"

static inline void reading_check(const uint8_t *bytes, size_t length, const struct reader_type *type)
{
	struct log_reading whole, live, strict;
	const struct reader_options live_only = {.live_only = true, .zone_known = true, .zone = 60}, strictly = {.strict = true};
	log_read(bytes, length, type, NULL, LOG_ALL, &whole);
	log_read(bytes, length, type, &live_only, 0, &live);
	log_read(bytes, length, type, &strictly, 0, &strict);
	if (whole.wrong != NULL)
		fprintf(stderr, "%s\n", whole.wrong);
	FUZZ_ASSERT(whole.wrong == NULL);
	FUZZ_ASSERT(live.count <= whole.count && strict.count <= whole.count);
	FUZZ_ASSERT(live.counts.recovered == 0 || type == &w3c_reader || type == &pfirewall_reader);
	log_reading_done(&whole);
	log_reading_done(&live);
	log_reading_done(&strict);
}

#endif
