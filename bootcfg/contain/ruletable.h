/* Velociraptor's rule table as CSV (RFC 4180): Action, SrcAddr, SrcMask, SrcPort, DstAddr, DstMask, DstPort, Protocol,
 * Mirrored, Description.  What Velociraptor drops silently (an unknown action, a field that is not one) is an error. */
#ifndef CORDON_BOOTCFG_CONTAIN_RULETABLE_H
#define CORDON_BOOTCFG_CONTAIN_RULETABLE_H

#include "core/policy/host.h"
#include "core/policy/policy.h"

/* Adds the table's filters to the lists of two rules of the policy, "NAME permit" and "NAME block", made when there is
 * none.  resolve as the other readers of policy take it. */
typedef int (*ruletable_resolve)(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place);
int ruletable_read(const char *text, size_t length, const char *file, struct state *state, struct policy *policy,
		   ruletable_resolve resolve, struct diag *diag);

#endif
