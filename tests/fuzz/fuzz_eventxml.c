#include "tests/fuzz/reading.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	reading_check(bytes, length, &eventxml_reader);
	return 0;
}
