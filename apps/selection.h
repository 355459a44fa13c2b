/* Which packets of a log are asked for: the options --drops, --src, --dst and --port that the commands which read logs share. */
#ifndef CORDON_APPS_SELECTION_H
#define CORDON_APPS_SELECTION_H

#include "apps/command.h"
#include "logparse/meaning.h"

#define SELECTION_OPTIONS                                                                                              \
	{.name = "drops", .help = "only what says that a packet was dropped, from any source"},                            \
	{.name = "src", .argument = "ADDRESS", .help = "only packets from this address or network"},                       \
	{.name = "dst", .argument = "ADDRESS", .help = "only packets to this address or network"},                         \
	{.name = "port", .argument = "N", .help = "only packets from or to this port"}

struct selection {
	bool drops;
	bool has_src, has_dst, has_port;
	struct ip_prefix src, dst;
	uint16_t port;
};

/* What the options say.  ERROR_INPUT with a message. */
int selection_read(const struct invocation *invocation, struct selection *ret_selection);
/* Whether anything is left out: then the meaning of each event must be known. */
bool selection_asks(const struct selection *selection);
/* The record is looked at only where the meaning is not MEANING_NONE. */
bool selection_holds(const struct selection *selection, enum meaning meaning, const struct record *record);

#endif
