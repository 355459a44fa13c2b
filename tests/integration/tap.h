/* Test Anything Protocol for the tests that need a process of their own: "ok 1 - …", a plan at the end, and
 * exit code 1 when something failed.  A test that cannot run says why and ends with 77, which CTest knows
 * as skipped. */
#ifndef CORDON_TESTS_INTEGRATION_TAP_H
#define CORDON_TESTS_INTEGRATION_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "core/base/attr.h"

enum { TAP_SKIPPED = 77 };

/* One result; returns what it was given. */
bool tap_ok(bool good, const char *format, ...) ATTR_PRINTF(2, 3);
/* A line for people. */
void tap_note(const char *format, ...) ATTR_PRINTF(1, 2);
/* One part that cannot run here. */
void tap_skip(const char *reason, const char *format, ...) ATTR_PRINTF(2, 3);
/* The whole cannot run here. */
ATTR_NORETURN void tap_skip_all(const char *format, ...) ATTR_PRINTF(1, 2);
/* Prints the plan; the exit code of main. */
int tap_done(void);

/* CORDON_SEED, or one from the clock; printed, so that a run can be repeated. */
uint64_t tap_seed(void);

/* Milliseconds of the steady clock. */
int64_t tap_now(void);

#endif
