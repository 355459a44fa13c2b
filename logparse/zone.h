/* The zone of times that are local and do not say whose. */
#ifndef CORDON_LOGPARSE_ZONE_H
#define CORDON_LOGPARSE_ZONE_H

#include <stdbool.h>
#include <stdint.h>

/* UTC, Z, or hours and minutes east of it: +01:00, -0500, +02.  In minutes. */
bool zone_parse(const char *text, int32_t *ret_minutes);

#endif
