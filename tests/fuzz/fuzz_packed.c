/* Any bytes as a packed log: unpacked within bounds, and guessed. */
#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct log_reading reading;
	log_read(bytes, length, NULL, NULL, LOG_JSON | LOG_ROWS, &reading);
	FUZZ_ASSERT(reading.wrong == NULL);
	log_reading_done(&reading);
	return 0;
}
