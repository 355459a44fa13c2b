/* What an event says of packets: Windows' events by provider and id (never by id alone: netevent.dll of Windows 8 uses
 * 4290 to 4294 for something else), the lines of text logs by themselves.  logs.md 1.1 to 1.6. */
#ifndef CORDON_LOGPARSE_MEANING_H
#define CORDON_LOGPARSE_MEANING_H

#include "logparse/event.h"

/* What a record's texts point to when the event does not hold them as they are. */
struct meaning_space {
	struct buffer text;
};
void meaning_init(struct meaning_space *space);
void meaning_done(struct meaning_space *space);

enum meaning {
	MEANING_NONE,    /* nothing about packets or IPsec */
	MEANING_DROP,    /* one packet, or several (count), dropped */
	MEANING_PERMIT,  /* a packet or connection let through */
	MEANING_OTHER,   /* IPsec, firewall or driver: mode changes, policies applied, negotiations */
};
/* Fills the record with what is known; its texts live as long as the event and the space's next use. */
enum meaning event_meaning(const struct event *event, struct meaning_space *space, struct record *ret_record);

/* The packet that an IPSec 4290 or 4291 has caught, by itself: to compare with its strings (logs.md 1.1: strings win, a
 * mismatch is reported).  False when there is none. */
bool event_dump(const struct event *event, struct record *ret_dump);
/* Whether that packet is another than the one that the event's strings name (addresses, protocol, ports): somebody has
 * changed one of the two, or an address translation lay between.  False where there is no packet. */
bool event_dump_differs(const struct event *event);

/* The Log Parser columns of an event (logs.md 3.3) that are not in struct event itself: its strings joined by '|', its
 * message in our own words where we have some, and its data as capital hex. */
void event_strings(const struct event *event, struct buffer *buffer);
void event_message(const struct event *event, struct buffer *buffer);
const char *event_type_name(uint32_t type); /* "Error event", "Failure Audit event" … */

/* %%14592 and its kin (msobjs.dll): "Inbound"; NULL when the number is unknown. */
const char *parameter_text(uint32_t number);

#endif
