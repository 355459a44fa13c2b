/* Names of network interfaces by index, without a system call for each packet. */
#ifndef CORDON_BOOTCFG_DAEMON_INTERFACES_H
#define CORDON_BOOTCFG_DAEMON_INTERFACES_H

#include <stdint.h>

#include "core/base/cursor.h"

struct interfaces;

enum { INTERFACES_MOST = 64, INTERFACES_AGE = 10000 /* ms after which a name is asked for again */ };

struct interfaces *interfaces_new(void);
void interfaces_free(struct interfaces *interfaces);

/* The name, "index:7" when there is none; `at` NULL for index 0.  Valid until the next call. */
struct cursor interfaces_name(struct interfaces *interfaces, uint32_t index, int64_t now);

#endif
