/* A random store, reproducible from its seed: every kind of object, every form of address, and names that are
 * hard to write down (quotes, backslashes, percent signs, carets, other scripts, blanks at both ends). */
#ifndef CORDON_TESTS_RANDOM_STATE_H
#define CORDON_TESTS_RANDOM_STATE_H

#include "core/policy/policy.h"

struct state *random_state_new(uint64_t seed);

#endif
