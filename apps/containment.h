/* What apply adds to a profile on the command line: --name, --agent, --allow, --rules; and --probe, --forbid, --notify,
 * --cacert.  apply.c calls these in this order; everything that can be refused is refused before anything changes. */
#ifndef CORDON_APPS_CONTAINMENT_H
#define CORDON_APPS_CONTAINMENT_H

#include "apps/command.h"
#include "apps/visit.h"
#include "bootcfg/contain/probe.h"

struct containment; /* everything that was read and resolved, frozen */

/* The rows of the options, for apply's own table. */
#define CONTAINMENT_OPTIONS                                                                                            \
	{.name = "name", .argument = "NAME", .help = "the name of the policy and of the case, for the audit trail"},       \
	{.name = "agent", .argument = "FILE", .kind = VALUE_FILE, .help = "the servers of this Velociraptor client configuration"}, \
	{.name = "allow", .argument = "PACKET", .repeats = true, .help = "permit this as well, such as 'tcp me > 203.0.113.5:443'"}, \
	{.name = "rules", .argument = "FILE", .kind = VALUE_FILE, .help = "filters from a CSV file with Velociraptor's columns"}, \
	{.name = "probe", .argument = "HOST:PORT|URL", .repeats = true, .help = "must work after applying, or all goes back"}, \
	{.name = "forbid", .argument = "HOST:PORT", .repeats = true, .help = "must not work after applying, or all goes back"}, \
	{.name = "cacert", .argument = "FILE", .kind = VALUE_FILE, .help = "the authority that signs what --probe asks"}, \
	{.name = "notify", .argument = "TEXT", .help = "written to every logged-in terminal afterwards, at most 256 characters"}

/* Reads the options of the invocation: files, packets, probes; resolves every name.  Caller frees in any case. */
int containment_open(struct invocation *invocation, struct containment **ret_containment);
void containment_free(struct containment *containment); /* NULL is fine */

/* Whether there is anything for containment_probe to do: --probe, --forbid, or an --agent whose servers are asked. */
bool containment_probes(const struct containment *containment);

/* The values that it gives to a profile's variables: the agent's servers and ports ("server=…", "port=…"). */
size_t containment_variables(const struct containment *containment, const char *const **ret_assignments);

/* Adds --allow, --rules and --name to the assigned policy of the state: that of the location that --location names,
 * otherwise the local one, otherwise the persistent one (ERROR_INPUT when there is none); and the agent's servers as far
 * as the profile's variables could not say them.  The state must outlive no more than this call. */
int containment_extend(struct containment *containment, struct state *state, struct diag *diag);

/* Before applying: a probe that needs a name server, or an address, that the ruleset cuts is refused here. */
int containment_check(const struct containment *containment, const struct judge *judge, struct diag *diag);

/* After applying: EXIT_DONE, or EXIT_FINDING with what was seen in the diag.  Prints a line a probe, but not where JSON
 * was asked for. */
int containment_probe(const struct containment *containment, struct diag *diag, struct buffer *output);
/* --notify; that it was cut has been said by containment_open. */
void containment_notify(const struct containment *containment, struct diag *diag);

#endif
