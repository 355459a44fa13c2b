/* Programs started by a test: none outlives it. */
#ifndef CORDON_TESTS_INTEGRATION_PROCESS_H
#define CORDON_TESTS_INTEGRATION_PROCESS_H

#include <sys/types.h>

#include "core/base/buffer.h"

/* Starts a program; words ends with NULL, the first is its path.  Its output goes to descriptors, -1: nowhere.
 * Returns its process, or -1. */
pid_t process_start(const char *const words[], int out, int err);

/* Runs it to its end and gathers its output (out and err may be NULL, or the same buffer); the exit code, 128 and
 * the signal, or -1 when it could not be started. */
int process_run(const char *const words[], struct buffer *out, struct buffer *err);

/* A folder of the test's own: made once, removed with all that is in it when the test exits (also by SIGINT and
 * SIGTERM).  NULL when it cannot be made. */
const char *process_folder(void);

#endif
