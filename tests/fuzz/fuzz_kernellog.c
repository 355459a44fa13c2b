#include "tests/fuzz/reading.h"

/* The reader nflog: lines of the kernel and of ulogd (the target nflog is the messages of the kernel itself). */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	reading_check(bytes, length, &nflog_reader);
	return 0;
}
