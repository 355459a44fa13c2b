/* Text that was put together from a script, with the place in the script that each byte came from. */
#ifndef CORDON_BOOTCFG_NETSH_TRACED_H
#define CORDON_BOOTCFG_NETSH_TRACED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bootcfg/netsh/lexer.h"

struct traced {
	char *text;
	uint32_t *origin;
	size_t length, capacity, maximum;
	bool full; /* latched: something did not fit */
};

void traced_init(struct traced *traced, size_t maximum);
void traced_done(struct traced *traced);
void traced_clear(struct traced *traced);

/* Appends bytes that stand in the script from `origin` on; or, with `one`, all of them at that one place. */
void traced_add(struct traced *traced, const char *bytes, size_t length, uint32_t origin, bool one);

/* The bytes from `start` to `end`, borrowed until the next change. */
struct piece traced_piece(const struct traced *traced, size_t start, size_t end);

/* What no script can hold marks a part that could not be replaced: MARK_OPEN, its text, MARK_CLOSE. */
enum { MARK_OPEN = 1, MARK_CLOSE = 2 };
void traced_mark(struct traced *traced, const char *text, size_t length, uint32_t origin);

#endif
