#include "tests/integration/tap.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static unsigned count, failed;

bool tap_ok(bool good, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("%sok %u - ", good ? "" : "not ", ++count);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
	failed += !good;
	return good;
}

void tap_note(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("# ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
}

void tap_skip(const char *reason, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	printf("ok %u - ", ++count);
	vprintf(format, arguments);
	printf(" # SKIP SKIPPED: %s\n", reason);
	fflush(stdout);
	va_end(arguments);
}

void tap_skip_all(const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	fputs("1..0 # SKIP SKIPPED: ", stdout);
	vprintf(format, arguments);
	putchar('\n');
	fflush(stdout);
	va_end(arguments);
	exit(TAP_SKIPPED);
}

int tap_done(void)
{
	printf("1..%u\n", count);
	if (failed > 0)
		printf("# %u of %u failed\n", failed, count);
	fflush(stdout);
	return failed > 0 || count == 0;
}

uint64_t tap_seed(void)
{
	const char *text = getenv("CORDON_SEED");
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint64_t seed = text != NULL ? strtoull(text, NULL, 10) : (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
	tap_note("CORDON_SEED=%llu", (unsigned long long)seed);
	return seed;
}

int64_t tap_now(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
