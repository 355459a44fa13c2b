#include "bootcfg/netsh/traced.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

void traced_init(struct traced *traced, size_t maximum)
{
	*traced = (struct traced){.maximum = maximum};
}

void traced_done(struct traced *traced)
{
	free(traced->text);
	free(traced->origin);
	traced_init(traced, traced->maximum);
}

void traced_clear(struct traced *traced)
{
	traced->length = 0;
	traced->full = false;
}

void traced_add(struct traced *traced, const char *bytes, size_t length, uint32_t origin, bool one)
{
	if (traced->full || length > traced->maximum - traced->length) {
		traced->full = true;
		return;
	}
	if (traced->length + length > traced->capacity) {
		size_t capacity = traced->capacity > 0 ? traced->capacity : 256;
		while (capacity < traced->length + length)
			capacity *= 2;
		traced->text = memory_resize(traced->text, capacity);
		traced->origin = memory_resize_array(traced->origin, capacity, sizeof(*traced->origin));
		traced->capacity = capacity;
	}
	if (length > 0)
		memcpy(traced->text + traced->length, bytes, length);
	for (size_t i = 0; i < length; i++)
		traced->origin[traced->length++] = one ? origin : origin + (uint32_t)i;
}

struct piece traced_piece(const struct traced *traced, size_t start, size_t end)
{
	if (start >= end)
		return (struct piece){.text = ""};
	return (struct piece){.text = traced->text + start, .length = end - start, .origin = traced->origin + start};
}

void traced_mark(struct traced *traced, const char *text, size_t length, uint32_t origin)
{
	static const char open = MARK_OPEN, close = MARK_CLOSE;
	traced_add(traced, &open, 1, origin, true);
	traced_add(traced, text, length, origin, false);
	traced_add(traced, &close, 1, origin + (uint32_t)length - (length > 0), true);
}
