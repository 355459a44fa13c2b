/* Probes judged before anything is applied: what the policy would cut is not found out by cutting it. */
#ifndef CORDON_APPS_CONTAINMENT_CHECK_H
#define CORDON_APPS_CONTAINMENT_CHECK_H

#include "apps/visit.h"
#include "bootcfg/contain/probe.h"

/* ERROR_INPUT with messages that name the rule: a probe whose packets, or whose answers, are blocked; one given by a name
 * that is not in ROOT/etc/hosts while the policy cuts every name server of the host; one that must not work and that the
 * policy permits.  root: "" for this machine. */
int probes_check(const struct probe *probes, size_t count, const char *root, const struct judge *judge, struct diag *diag);

#endif
