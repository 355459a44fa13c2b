/* What the fuzz targets share. */
#ifndef CORDON_TESTS_FUZZ_FUZZ_H
#define CORDON_TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* libFuzzer calls it with each input; so does replay.c.  Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length);

/* What must hold whatever the input is: otherwise the target dies, which both runners take for a finding. */
#define FUZZ_ASSERT(condition)                                                                        \
	do {                                                                                          \
		if (!(condition)) {                                                                   \
			fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition); \
			abort();                                                                      \
		}                                                                                     \
	} while (0)

#endif
