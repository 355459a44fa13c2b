/* Velociraptor's rule table as CSV (RFC 4180): Action, SrcAddr, SrcMask, SrcPort, DstAddr, DstMask, DstPort, Protocol,
 * Mirrored, Description, in any order, named by the header line.  What Velociraptor drops silently (an unknown action, a
 * field that is not one) is an error with file, line and column.
 *
 * The mirrored half of a permit lets in answers only (replies=yes): as plain mirrors, which is what Windows makes of
 * them, `me to any port 53` would let in whoever sends from port 53. */
#ifndef CORDON_BOOTCFG_CONTAIN_RULETABLE_H
#define CORDON_BOOTCFG_CONTAIN_RULETABLE_H

#include "core/policy/host.h"
#include "core/policy/policy.h"

enum { RULETABLE_BYTES = 16 << 20, RULETABLE_ROWS = 100000, RULETABLE_ERRORS = 100 };

typedef int (*ruletable_resolve)(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place);

/* Adds the table's filters to the lists of two rules of the policy, "NAME permit" and "NAME block" (ruletable_list).
 * resolve as the other readers of policy take it.  All or nothing but for the arena: ERROR_INPUT with messages. */
int ruletable_read(const char *text, size_t length, const char *file, struct state *state, struct policy *policy,
		   ruletable_resolve resolve, void *context, struct diag *diag);

/* The filter list of the policy's rule "NAME permit" or "NAME block" (NAME: of the policy), both made when there are
 * none.  A list of that name that no rule refers to is emptied; one that another rule refers to is ERROR_IN_USE. */
int ruletable_list(struct state *state, struct policy *policy, enum action action, struct diag *diag, struct filterlist **ret_list);

#endif
