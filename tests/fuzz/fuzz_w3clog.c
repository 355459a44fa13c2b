#include "tests/fuzz/reading.h"

/* pfirewall.log and W3C have their lines in common. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	reading_check(bytes, length, &w3c_reader);
	reading_check(bytes, length, &pfirewall_reader);
	return 0;
}
