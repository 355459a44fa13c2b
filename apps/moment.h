/* A time as users write it (--at), and as we print it. */
#ifndef CORDON_APPS_MOMENT_H
#define CORDON_APPS_MOMENT_H

#include <stdint.h>

#include "core/base/diag.h"

/* "2026-11-21T10:00:00Z", with an offset such as +01:00 instead of the Z, or without either for the time of this
 * machine; a blank for the T; the seconds, and the whole time of day, may be left out.  Or how long ago: "90s", "30m",
 * "2h", "3d", "1w".  Unix seconds, greater than 0.  ERROR_INPUT with a message. */
int moment_parse(const char *text, int64_t now, struct diag *diag, int64_t *ret_time);

enum { MOMENT_TEXT = 32 };
void moment_print(int64_t time, char text[MOMENT_TEXT]); /* 2026-11-21T10:00:00Z */

/* The option --at of a command: 0 when it was not given. */
struct invocation;
int moment_option(struct invocation *invocation, int64_t *ret_time);

#endif
