/* What is in force: read only. */
#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/target/nftables_compare.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static int kernel_read(struct diag *diag, struct channel **ret_channel, struct live **ret_live)
{
	struct channel *channel = NULL;
	int error = channel_open(&channel);
	if (error == 0)
		error = live_read(channel, ret_live);
	if (error == 0) {
		*ret_channel = channel;
		return 0;
	}
	channel_close(channel);
	diag_error(diag, NULL, "cannot read the kernel's rules: %s", channel_explain(error));
	return ERROR_SYSTEM;
}

static char *name_copy(const struct cursor *name)
{
	return memory_text_n(name->at, cursor_left(name));
}

/* By policy, rule and list; what no policy has (exemptions) comes last. */
static int hits_compare(const void *a, const void *b)
{
	const struct nftables_hits *x = a, *y = b;
	bool x_last = strcmp(x->policy, "-") == 0 && strcmp(x->list, "-") == 0;
	bool y_last = strcmp(y->policy, "-") == 0 && strcmp(y->list, "-") == 0;
	if (x_last != y_last)
		return x_last ? 1 : -1;
	int order = strcmp(x->policy, y->policy);
	order = order != 0 ? order : strcmp(x->rule, y->rule);
	return order != 0 ? order : strcmp(x->list, y->list);
}

static void hits_fill(const struct live *live, struct nftables_status *status)
{
	status->hits = memory_alloc((live->counter_count + 1) * sizeof(*status->hits));
	for (size_t i = 0; i < live->counter_count; i++) {
		const struct live_counter *counter = &live->counters[i];
		struct cursor names[NAME_COUNT];
		if (counter->other || !plan_names_parse(counter->comment, names))
			continue;
		status->hits[status->hit_count++] = (struct nftables_hits){
			.policy = name_copy(&names[NAME_POLICY]),
			.rule = name_copy(&names[NAME_RULE]),
			.list = name_copy(&names[NAME_LIST]),
			.action = name_copy(&names[NAME_ACTION]),
			.packets = counter->packets,
			.bytes = counter->bytes,
		};
	}
	if (status->hit_count > 0)
		qsort(status->hits, status->hit_count, sizeof(*status->hits), hits_compare);
}

static const char *family_name(unsigned family)
{
	static const struct {
		unsigned family;
		const char *name;
	} names[] = {{NFPROTO_INET, "inet"}, {NFPROTO_IPV4, "ip"}, {NFPROTO_IPV6, "ip6"}, {NFPROTO_NETDEV, "netdev"}};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (names[i].family == family)
			return names[i].name;
	return NULL;
}

/* Bridges and ARP are beside the packets that we judge.  In netdev, hook 0 is ingress and 1 egress. */
static const char *hook_before_ours(const struct live_other *other)
{
	static const char *const hooks[] = {
		[NF_INET_PRE_ROUTING] = "prerouting", [NF_INET_LOCAL_IN] = "input", [NF_INET_FORWARD] = "forward",
		[NF_INET_LOCAL_OUT] = "output", [NF_INET_POST_ROUTING] = NULL, [NF_INET_INGRESS] = "ingress"};
	if (other->family == NFPROTO_NETDEV)
		return other->hook == NF_NETDEV_INGRESS ? "ingress" : NULL;
	if (other->hook >= ARRAY_LENGTH(hooks) || hooks[other->hook] == NULL)
		return NULL;
	bool path_start = other->hook == NF_INET_PRE_ROUTING || other->hook == NF_INET_INGRESS;
	return path_start || other->priority <= 0 ? hooks[other->hook] : NULL;
}

static void others_fill(const struct live *live, struct nftables_status *status)
{
	status->others = memory_alloc((live->other_count + 1) * sizeof(*status->others));
	for (size_t i = 0; i < live->other_count; i++) {
		const struct live_other *other = &live->others[i];
		const char *family = family_name(other->family), *hook = hook_before_ours(other);
		if (family == NULL || hook == NULL)
			continue;
		struct buffer text;
		buffer_init(&text, 1024);
		buffer_printf(&text, "table %s %s, chain %s (type %s, hook %s, priority %d)", family, other->table, other->chain,
			      other->type, hook, other->priority);
		status->others[status->other_count++] = memory_text(buffer_text(&text));
		buffer_done(&text);
	}
}

int nftables_status_read(struct diag *diag, struct nftables_status *ret_status)
{
	static const char *const bases[] = {"input", "forward", "output"};
	struct nftables_status status = {.present = false, .mode = MODE_PERMIT};
	struct channel *channel = NULL;
	struct live *live = NULL;
	int error = kernel_read(diag, &channel, &live);
	if (error < 0)
		return error;
	size_t judging = 0;
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++) {
		const struct live_chain *chain = live_chain_find(live, bases[i]);
		struct plan_head head;
		if (chain == NULL || !chain->base || chain->count == 0 || !plan_comment_parse(chain->rules[0].comment, &head))
			continue;
		judging++;
		status.mode = head.mode;
		status.bootmode = head.bootmode;
		status.observe = head.observe;
		status.generation = head.generation;
		memcpy(status.digest, head.digest, sizeof(status.digest));
	}
	status.present = live->present && live->flags == 0 && judging == ARRAY_LENGTH(bases);
	status.altered = live->present && !status.present;
	hits_fill(live, &status);
	others_fill(live, &status);
	live_free(live);
	channel_close(channel);
	*ret_status = status;
	return 0;
}

void nftables_status_done(struct nftables_status *status)
{
	for (size_t i = 0; i < status->hit_count; i++) {
		free(status->hits[i].policy);
		free(status->hits[i].rule);
		free(status->hits[i].list);
		free(status->hits[i].action);
	}
	for (size_t i = 0; i < status->other_count; i++)
		free(status->others[i]);
	free(status->hits);
	free(status->others);
	*status = (struct nftables_status){0};
}

/* The generation that the kernel's base chains name, for the names to compare with. */
static uint64_t generation_in_force(const struct live *live)
{
	static const char *const bases[] = {"input", "forward", "output"};
	uint64_t generation;
	for (size_t i = 0; i < ARRAY_LENGTH(bases); i++) {
		const struct live_chain *chain = live_chain_find(live, bases[i]);
		for (size_t j = 0; chain != NULL && j < chain->count; j++)
			if (chain->rules[j].goes_to != NULL && plan_generation_parse(chain->rules[j].goes_to, &generation))
				return generation;
	}
	return live_highest(live);
}

int nftables_check(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag,
		   struct buffer *differences, bool *ret_same)
{
	struct channel *channel = NULL;
	struct live *live = NULL, *reference = NULL;
	int error = kernel_read(diag, &channel, &live);
	if (error < 0)
		return error;
	struct plan *plan = plan_compile(ruleset, options, generation_in_force(live));
	struct comparison comparison = {.plan = plan, .live = live, .differences = differences};
	int scratch = live->present ? scratch_read(plan, &reference) : 0;
	if (scratch == 0)
		comparison.reference = reference;
	else
		diag_warning(diag, "check-structure", NULL,
			     "no scratch network namespace could be made (%s): rules were compared by number, order and comment only",
			     strerror(-scratch));
	comparison_bases(&comparison);
	if (live->present) {
		comparison_generation(&comparison);
		error = comparison_elements(&comparison, channel);
	}
	if (error < 0) {
		diag_error(diag, NULL, "cannot read the kernel's rules: %s", channel_explain(error));
		error = ERROR_SYSTEM;
	} else {
		*ret_same = comparison.count == 0;
	}
	plan_free(plan);
	live_free(reference);
	live_free(live);
	channel_close(channel);
	return error;
}
