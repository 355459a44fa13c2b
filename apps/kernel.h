/* The kernel's rules against those that the store asks for: what status --check, drift and audit have to say of them. */
#ifndef CORDON_APPS_KERNEL_H
#define CORDON_APPS_KERNEL_H

#include "apps/force.h"

/* Compares everything, one by one; each difference is a line, appended to `differences`.  What the store has changed since
 * it was applied is said in its own words. */
int kernel_check(const struct visit *visit, const struct force *force, struct buffer *differences, bool *ret_same);

#endif
