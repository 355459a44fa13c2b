/* What is wrong with a policy, though it is well formed: warnings with an id and a packet that shows it. */
#ifndef CORDON_ANALYSIS_LINT_H
#define CORDON_ANALYSIS_LINT_H

#include "core/policy/classifier.h"

/* Adds a warning for each fault of what is assigned.  The ids (docs/lint.md explains each):
 *   mirror-open      a mirrored permit that lets in any remote from one source port
 *   no-block-all     a lock-down (it blocks and permits) without an any-any block
 *   equal-weight     two filters of one weight and different actions that share packets
 *   no-management    nothing lets in SSH, RDP or WinRM, so the machine cannot be managed over the network
 *   exempt-public    ipsecexempt 0 or 1 on a host with a public address
 * A filter that came from a file has its place in the message. */
void lint_check(const struct ruleset *ruleset, const struct classifier *classifier, struct diag *diag);

#endif
