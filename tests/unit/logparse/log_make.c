/* Writes a log for tests to standard output: log_make NAME [COUNT].  Without arguments: the names. */
#include <stdio.h>
#include <stdlib.h>

#include "tests/unit/logparse/log_samples.h"

int main(int argc, char **argv)
{
	const struct log_sample *sample = argc > 1 ? log_sample_named(argv[1]) : NULL;
	struct buffer buffer;
	if (sample == NULL) {
		for (sample = log_samples; sample->name != NULL; sample++)
			printf("%s %s %zu\n", sample->name, sample->format, sample->least);
		return argc > 1 ? 2 : 0;
	}
	buffer_init(&buffer, LOG_SAMPLE_MOST);
	sample->make(argc > 2 ? strtoul(argv[2], NULL, 10) : 0, &buffer);
	bool good = fwrite(buffer_text(&buffer), 1, buffer.length, stdout) == buffer.length && fflush(stdout) == 0;
	buffer_done(&buffer);
	return good ? 0 : 3;
}
