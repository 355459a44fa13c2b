/* Small logs of each kind for tests: made here, not copied. */
#ifndef CORDON_TESTS_UNIT_LOGPARSE_LOG_SAMPLES_H
#define CORDON_TESTS_UNIT_LOGPARSE_LOG_SAMPLES_H

#include "core/base/buffer.h"

struct log_sample {
	const char *name;         /* "evtx-types" */
	const char *format;       /* of -i */
	size_t least;             /* records in it, when it is made with count 0 */
	/* count: of records, where it can be chosen; 0: a few. */
	void (*make)(size_t count, struct buffer *buffer);
};
extern const struct log_sample log_samples[]; /* ends with a row whose name is NULL */
const struct log_sample *log_sample_named(const char *name);

enum { LOG_SAMPLE_MOST = 256 << 20 };

#endif
