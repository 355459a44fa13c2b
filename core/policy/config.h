/* The settings of the driver: the seven properties of `netsh ipsec dynamic set config`, and two of our own.
 * One table: parser, printer, help and documentation read its rows.  Reference: windows-ipsec.md 2.1. */
#ifndef CORDON_POLICY_CONFIG_H
#define CORDON_POLICY_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"
#include "core/base/diag.h"

enum bootmode { BOOTMODE_STATEFUL, BOOTMODE_BLOCK, BOOTMODE_PERMIT };

enum property_id {
	PROPERTY_IPSECDIAGNOSTICS, /* 0..7 */
	PROPERTY_IPSECLOGINTERVAL, /* 60..86400 seconds */
	PROPERTY_IPSECEXEMPT,      /* 0..3 */
	PROPERTY_IKELOGGING,       /* 0, 1 */
	PROPERTY_STRONGCRLCHECK,   /* 0..2 */
	PROPERTY_BOOTMODE,         /* stateful, block, permit */
	PROPERTY_BOOTEXEMPTIONS,   /* none, or PROTOCOL:SRCPORT:DSTPORT:DIRECTION … */
	PROPERTY_IKEEXEMPT,        /* yes, no: our own */
	PROPERTY_FOLLOWNAMES,      /* yes, no: our own */
	PROPERTY_COUNT,
};

/* When a change is in force. */
enum property_effect { EFFECT_BOOT, EFFECT_APPLY, EFFECT_NOW };

struct property {
	const char *name;      /* as netsh spells it */
	const char *shown;     /* as `show config` prints it on Windows */
	const char *values;    /* what is right, for messages: "0 to 7" */
	const char *help;
	enum property_effect effect;
	bool own;              /* not Windows' */
};
extern const struct property properties[PROPERTY_COUNT];

struct bootexemption {
	uint8_t protocol;
	uint16_t srcport, dstport; /* 0 any */
	bool outbound;
};
enum { BOOTEXEMPTIONS_MOST = 64 };

struct config {
	uint32_t number[PROPERTY_COUNT]; /* the value; bootmode: enum bootmode; yes/no: 1/0; bootexemptions: unused */
	bool set[PROPERTY_COUNT];        /* false: the default holds */
	struct bootexemption bootexemptions[BOOTEXEMPTIONS_MOST];
	size_t bootexemption_count;
	bool changed;                    /* differs from the store */
};

void config_init(struct config *config); /* all defaults */
const char *bootmode_name(enum bootmode mode);

/* By name, any case; an unambiguous prefix will do.  NULL when there is none. */
const struct property *property_find(const char *name, size_t length);
static inline enum property_id property_index(const struct property *property)
{
	return (enum property_id)(property - properties);
}

/* Sets a property from text; "default" (our own word) makes it what it is when nothing is set.  ERROR_INPUT with a message at `place` when the value is none of the right ones;
 * then nothing has changed.  Sets `changed` when it did. */
int config_set(struct config *config, enum property_id id, const char *value, size_t length, struct diag *diag,
	       const struct place *place);
/* The canonical value: what config_set takes. */
void config_print(const struct config *config, enum property_id id, struct buffer *buffer);
bool config_value_equal(const struct config *a, const struct config *b, enum property_id id);

/* One exemption in its canonical spelling, such as TCP:0:3389:inbound. */
void bootexemption_print(const struct bootexemption *exemption, struct buffer *buffer);

#endif
