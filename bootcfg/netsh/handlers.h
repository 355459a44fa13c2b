/* What the rows of the grammar run: `check` looks at the values alone, `run` changes the state.  One file a
 * noun.  Each returns 0, or an error code with a message. */
#ifndef CORDON_BOOTCFG_NETSH_HANDLERS_H
#define CORDON_BOOTCFG_NETSH_HANDLERS_H

#include <stdbool.h>

struct call;
struct dynrule;

/* filter.c */
int netsh_check_add_filter(struct call *call);
int netsh_add_filter(struct call *call);
int netsh_check_delete_filter(struct call *call);
int netsh_delete_filter(struct call *call);

/* filterlist.c */
int netsh_add_filterlist(struct call *call);
int netsh_set_filterlist(struct call *call);
int netsh_delete_filterlist(struct call *call);

/* filteraction.c */
int netsh_add_filteraction(struct call *call);
int netsh_set_filteraction(struct call *call);
int netsh_delete_filteraction(struct call *call);

/* policy.c */
int netsh_add_policy(struct call *call);
int netsh_check_set_policy(struct call *call);
int netsh_set_policy(struct call *call);
int netsh_set_defaultrule(struct call *call);
int netsh_delete_policy(struct call *call);

/* rule.c */
int netsh_add_rule(struct call *call);
int netsh_set_rule(struct call *call);
int netsh_delete_rule(struct call *call);

/* store.c: what concerns a store as a whole */
int netsh_delete_all(struct call *call);
int netsh_check_set_store(struct call *call);
int netsh_set_store(struct call *call);
int netsh_set_batch(struct call *call);
int netsh_refuse_files(struct call *call);    /* exportpolicy, importpolicy */
int netsh_refuse_examples(struct call *call); /* restorepolicyexamples */

/* config.c */
int netsh_check_set_config(struct call *call);
int netsh_set_config(struct call *call);
int netsh_check_static_set_config(struct call *call);

/* dynamic.c */
int netsh_dynamic_delete_all(struct call *call);
int netsh_add_mmpolicy(struct call *call);
int netsh_set_mmpolicy(struct call *call);
int netsh_delete_mmpolicy(struct call *call);
int netsh_add_qmpolicy(struct call *call);
int netsh_set_qmpolicy(struct call *call);
int netsh_delete_qmpolicy(struct call *call);
int netsh_check_dynrule(struct call *call);
int netsh_check_add_dynrule(struct call *call);
int netsh_add_dynrule(struct call *call);
bool dynrule_matches(const struct call *call, const struct dynrule *rule); /* the given tags of a rule */
int netsh_set_dynrule(struct call *call);
int netsh_delete_dynrule(struct call *call);

/* display.c: show and dump */
int netsh_check_display(struct call *call); /* of filters */
int netsh_display(struct call *call);
int netsh_display_dump(struct call *call);

#endif
