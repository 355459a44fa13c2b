#include "core/base/memory.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/error.h"

static unsigned long fail_at;
static void (*at_end)(void);

void memory_fail_at(unsigned long k)
{
	fail_at = k;
}

void memory_at_end(void (*last)(void))
{
	at_end = last;
}

static ATTR_NORETURN void memory_die(void)
{
	static const char text[] = "cordon: error: out of memory\n";
	ssize_t ignored = write(STDERR_FILENO, text, sizeof(text) - 1);
	(void)ignored;
	if (at_end != NULL)
		at_end();
	_exit(EXIT_SYSTEM);
}

static void memory_count(void)
{
#ifdef CORDON_DEVELOPER
	static int asked;
	if (!asked) {
		asked = 1;
		const char *k = getenv("CORDON_FAIL_ALLOC");
		if (k != NULL)
			fail_at = strtoul(k, NULL, 10);
	}
#endif
	if (fail_at > 0 && --fail_at == 0)
		memory_die();
}

void *memory_alloc(size_t size)
{
	memory_count();
	void *memory = calloc(1, size > 0 ? size : 1);
	if (memory == NULL)
		memory_die();
	return memory;
}

void *memory_resize(void *memory, size_t size)
{
	memory_count();
	void *larger = realloc(memory, size > 0 ? size : 1);
	if (larger == NULL)
		memory_die();
	return larger;
}

void *memory_resize_array(void *memory, size_t count, size_t size)
{
	if (size != 0 && count > SIZE_MAX / size)
		memory_die();
	return memory_resize(memory, count * size);
}

char *memory_text_n(const char *text, size_t length)
{
	char *copy = memory_alloc(length + 1);
	if (length > 0)
		memcpy(copy, text, length);
	return copy;
}

char *memory_text(const char *text)
{
	return memory_text_n(text, strlen(text));
}
