/* A test that runs programs which write /run, /var/log and /var/lib covers those folders for itself and its children. */
#ifndef CORDON_TESTS_INTEGRATION_ALONE_H
#define CORDON_TESTS_INTEGRATION_ALONE_H

#include <stdbool.h>

/* A mount namespace of this process with empty folders there, and processes that outlive their parents become children
 * of this one; false, and errno, when that cannot be had. */
bool alone_begin(void);
/* Ends and reaps every process that was left to this one, and tells how many. */
unsigned alone_reap(void);

#endif
