/* What many records say together: how many packets were dropped, when, from whom, by what, and whether that was meant.
 * Records come in one by one; memory is bounded whatever they hold. */
#ifndef CORDON_LOGPARSE_AUDIT_SUMMARY_H
#define CORDON_LOGPARSE_AUDIT_SUMMARY_H

#include "logparse/audit/cases.h"
#include "logparse/meaning.h"
#include "logparse/tally.h"

enum { SUMMARY_KEYS = 200000, SUMMARY_CASES = 10000, SUMMARY_MODES = 1000, SUMMARY_PACKETS = 1 << 30 /* of one record */ };

/* The driver or the service has changed its mode. */
struct mode_change {
	uint64_t time;            /* FILETIME; 0: not known */
	const char *mode;         /* "secure", … */
	const char *why;          /* in the words of the log, or "" */
	const char *computer;     /* or "" */
};

struct summary {
	struct arena *arena;
	uint64_t records;         /* that say anything of packets or IPsec */
	uint64_t capped;          /* of them: that claim more packets than SUMMARY_PACKETS, and count as so many */
	uint64_t drops, permits;  /* packets */
	uint64_t lost;            /* of the drops: packets of which nothing is known but their number */
	uint64_t timeless;        /* of the drops: packets whose time is not known */
	uint64_t unkept;          /* of the drops: packets whose source, port, … found no room in a table */
	uint64_t first, last;     /* FILETIME of the records that have one; 0: none */
	struct tally *hours;      /* of drops; keys: 8 bytes, hours since 1601, the highest first (summary_hour) */
	struct tally *sources, *destinations, *ports, *filters; /* of drops, as text */
	struct mode_change *modes;/* in order of coming */
	size_t mode_count, mode_capacity;
	uint64_t modes_more;      /* that found no room */
	/* Of those that were judged */
	uint64_t judged, results[REPLAY_RESULTS]; /* packets */
	struct cases *unexpected;
	uint64_t cases_unkept;    /* unexpected packets that found no room */
	struct tally *whys;       /* of unexplained: what they lack */
	struct buffer key;
};

void summary_init(struct summary *summary);
void summary_done(struct summary *summary);

/* meaning is not MEANING_NONE.  judged: NULL when it was not. */
void summary_add(struct summary *summary, enum meaning meaning, const struct record *record, const struct judged *judged);

/* The hour of a key of `hours`, since 1601. */
uint64_t summary_hour(struct cursor key);

/* Whether an event can be judged: a drop, a permit, or a packet of a capture. */
bool summary_judges(const struct event *event, enum meaning meaning, const struct record *record);

#endif
