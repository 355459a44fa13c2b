/* A word to everybody who is logged in, as wall says it: on each terminal that utmp names.  Only on those that are
 * terminals and belong to the user who is logged in there; a terminal that takes nothing is passed over, never waited for. */
#ifndef CORDON_BOOTCFG_CONTAIN_NOTIFY_H
#define CORDON_BOOTCFG_CONTAIN_NOTIFY_H

#include <stdbool.h>
#include <stddef.h>

#include "core/base/buffer.h"

enum { NOTIFY_CHARACTERS = 256 };

/* The bytes of the first 256 characters (not bytes) of a UTF-8 text; all of it when it is not longer. */
size_t notify_cut(const char *text, size_t length);

/* How it went, terminal by terminal; bounded text for people. */
struct notified {
	size_t written, passed_over;
	const char *why;  /* the reason of the last one that was passed over (static), or NULL */
};

/* Writes the text, its control characters escaped, with a line that says who speaks.  utmp: the file, NULL for the
 * machine's own. */
void notify_write(const char *text, size_t length, const char *utmp, struct notified *ret_notified);

/* What is written, for tests: lines end in CR LF. */
void notify_print(const char *text, size_t length, const char *speaker, struct buffer *buffer);

#endif
