/* The service's configuration: any bytes; what is accepted prints to what reads to the same print. */
#include <string.h>

#include "bootcfg/daemon/settings.h"
#include "core/base/arena.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
	struct arena *arena = arena_new();
	struct settings settings;
	struct diag diag;
	struct buffer first, second;
	diag_init(&diag);
	buffer_init(&first, 1 << 20);
	buffer_init(&second, 1 << 20);
	int error = settings_parse((const char *)bytes, length, "cordond.json", arena, &diag, &settings);
	FUZZ_ASSERT((error == 0) == (diag.errors == 0));
	if (error == 0) {
		settings_print(&settings, &first);
		FUZZ_ASSERT(settings_parse(first.data, first.length, "again.json", arena, &diag, &settings) == 0);
		settings_print(&settings, &second);
		FUZZ_ASSERT(strcmp(buffer_text(&first), buffer_text(&second)) == 0);
	}
	buffer_done(&first);
	buffer_done(&second);
	diag_done(&diag);
	arena_free(arena);
	return 0;
}
