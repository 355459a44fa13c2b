/* From one ruleset to the next without a gap (DESIGN, "From one ruleset to the next"):
 *   stage    the new generation goes in under new names that nothing refers to yet
 *   compare  it is read back
 *   flip     one transaction changes the base chains' rules, on condition that nobody changed anything since
 *   clean    the old generation goes, at least NFTABLES_CLEAN_MS later: packets under way still read its maps
 * Whatever fails before the flip leaves the old rules; whatever is left behind is referred to by nothing, and the
 * next run removes it. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bootcfg/target/nftables_commands.h"
#include "bootcfg/target/nftables_compare.h"
#include "bootcfg/target/nftables_lock.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	LOCK_SECONDS = 30,
	FLIPS_MOST = 5,        /* other programs change their tables: read back again, so often */
	MESSAGES_MOST = 1024,  /* element messages in one batch */
	ELEMENT_ROOM = 256,    /* bytes of the longest element, and some */
	STAGE_MOST = 1 << 30,
	DIFFERENCES_SHOWN = 1024,
};

struct application {
	const struct ruleset *ruleset;
	const struct nftables_options *options;
	struct diag *diag;
	struct channel *channel;
	struct plan *plan;
	struct timespec flipped; /* when rules were last seen to change, at the latest */
};

static void put_text(struct nlmsghdr *header, uint16_t attribute, const char *text)
{
	mnl_attr_put_strz(header, attribute, text);
}

/* --- Stage --- */

/* Which matches the messages of a batch hold, so that a refusal names its filter. */
struct sent {
	const struct plan_map *map;
	uint32_t first;
};

static void element_put(struct nlmsghdr *header, const struct plan *plan, const struct plan_map *map, const struct match *match)
{
	uint8_t key[PLAN_KEY];
	size_t length = plan_key(plan, map, match, key);
	struct nlattr *item = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	struct nlattr *nest = mnl_attr_nest_start(header, NFTA_SET_ELEM_KEY);
	mnl_attr_put(header, NFTA_DATA_VALUE, length, key);
	mnl_attr_nest_end(header, nest);
	nest = mnl_attr_nest_start(header, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(header, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(header, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_GOTO));
	put_text(header, NFTA_VERDICT_CHAIN, plan->origin_chains[match->origin]);
	mnl_attr_nest_end(header, verdict);
	mnl_attr_nest_end(header, nest);
	mnl_attr_nest_end(header, item);
}

/* One message full of elements; returns the next match. */
static uint32_t elements_put(struct channel *channel, const struct plan *plan, const struct plan_map *map, uint32_t first)
{
	const struct group *group = &plan->ruleset->groups[map->group];
	struct nlmsghdr *header = channel_add(channel, NFT_MSG_NEWSETELEM, NLM_F_CREATE | NLM_F_EXCL, NFPROTO_INET);
	put_text(header, NFTA_SET_ELEM_LIST_TABLE, PLAN_TABLE);
	put_text(header, NFTA_SET_ELEM_LIST_SET, map->name);
	struct nlattr *list = mnl_attr_nest_start(header, NFTA_SET_ELEM_LIST_ELEMENTS);
	while (first < group->count && header->nlmsg_len + ELEMENT_ROOM < CHANNEL_MESSAGE)
		element_put(header, plan, map, &plan->ruleset->matches[group->first + first++]);
	mnl_attr_nest_end(header, list);
	return first;
}

/* The how-manieth element of a message an offset is in. */
static uint32_t element_at(const struct refusal *refusal)
{
	const struct nlattr *attribute, *item;
	uint32_t index = 0;
	attribute_each(attribute, refusal->header, sizeof(struct nfgenmsg)) {
		if (mnl_attr_get_type(attribute) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		attribute_each_nested(item, attribute) {
			size_t end = (size_t)((const char *)item - (const char *)refusal->header) + item->nla_len;
			if (refusal->offset < end)
				return index;
			index++;
		}
	}
	return 0;
}

static int elements_refused(const struct application *application, int error, const struct refusal *refusal,
			    const struct sent *sent, size_t count)
{
	const struct ruleset *ruleset = application->ruleset;
	if (refusal->message >= count || refusal->header == NULL || refusal->offset == 0) {
		diag_error(application->diag, NULL, "the kernel refuses the filters: %s", channel_explain(error));
		return error;
	}
	const struct sent *message = &sent[refusal->message];
	const struct group *group = &ruleset->groups[message->map->group];
	uint32_t index = group->first + message->first + element_at(refusal);
	const struct match *match = &ruleset->matches[index < group->first + group->count ? index : group->first];
	const struct filter *filter = match_filter(ruleset, match);
	struct place place = {.file = filter->file, .line = filter->line};
	struct buffer text;
	buffer_init(&text, DIFFERENCES_SHOWN);
	filter_print(filter, &text);
	diag_error(application->diag, &place, "the kernel refuses filter %u of %s (%s): %s", match->filter,
		   QUOTE(origin_list(&ruleset->origins[match->origin])), buffer_text(&text), strerror(-error));
	buffer_done(&text);
	return error;
}

static int elements_stage(struct application *application)
{
	const struct plan *plan = application->plan;
	struct sent *sent = memory_alloc(MESSAGES_MOST * sizeof(*sent));
	struct refusal refusal;
	size_t count = 0;
	int error = 0;
	for (size_t i = 0; i < plan->map_count && error == 0; i++) {
		const struct plan_map *map = &plan->maps[i];
		for (uint32_t at = 0; at < plan->ruleset->groups[map->group].count && error == 0;) {
			if (count == MESSAGES_MOST || channel_full(application->channel)) {
				error = channel_commit(application->channel, 0, &refusal);
				if (error < 0)
					break;
				count = 0;
			}
			sent[count++] = (struct sent){map, at};
			at = elements_put(application->channel, plan, map, at);
		}
	}
	if (error == 0)
		error = channel_commit(application->channel, 0, &refusal);
	if (error < 0)
		error = elements_refused(application, error, &refusal, sent, count);
	free(sent);
	return error;
}

static int generation_stage(struct application *application)
{
	struct buffer text;
	buffer_init(&text, STAGE_MOST);
	plan_print_stage(application->plan, &text);
	int error = 0;
	if (text.full) {
		diag_error(application->diag, NULL, "the policy needs more than %d bytes of rules", STAGE_MOST);
		error = -EFBIG;
	}
	if (error == 0)
		error = commands_stage(buffer_text(&text), text.length, channel_room(application->channel), application->diag);
	buffer_done(&text);
	return error == 0 ? elements_stage(application) : error;
}

/* --- Compare, flip --- */

static void base_flip(struct channel *channel, const struct plan *plan, const struct plan_base *base, const struct live_chain *live)
{
	struct nlmsghdr *header;
	struct nlattr *nest, *item, *data, *verdict;
	bool right = live != NULL && base_is_right(base, live);
	if (live != NULL && live->count > 0) {
		header = channel_add(channel, NFT_MSG_DELRULE, 0, NFPROTO_INET);
		put_text(header, NFTA_RULE_TABLE, PLAN_TABLE);
		put_text(header, NFTA_RULE_CHAIN, base->name);
	}
	if (live != NULL && !right) {
		header = channel_add(channel, NFT_MSG_DELCHAIN, 0, NFPROTO_INET);
		put_text(header, NFTA_CHAIN_TABLE, PLAN_TABLE);
		put_text(header, NFTA_CHAIN_NAME, base->name);
	}
	if (!right) {
		header = channel_add(channel, NFT_MSG_NEWCHAIN, NLM_F_CREATE, NFPROTO_INET);
		put_text(header, NFTA_CHAIN_TABLE, PLAN_TABLE);
		put_text(header, NFTA_CHAIN_NAME, base->name);
		nest = mnl_attr_nest_start(header, NFTA_CHAIN_HOOK);
		mnl_attr_put_u32(header, NFTA_HOOK_HOOKNUM, htonl(base->hook));
		mnl_attr_put_u32(header, NFTA_HOOK_PRIORITY, 0);
		mnl_attr_nest_end(header, nest);
		mnl_attr_put_u32(header, NFTA_CHAIN_POLICY, htonl(NF_ACCEPT));
		put_text(header, NFTA_CHAIN_TYPE, "filter");
	}
	header = channel_add(channel, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND, NFPROTO_INET);
	put_text(header, NFTA_RULE_TABLE, PLAN_TABLE);
	put_text(header, NFTA_RULE_CHAIN, base->name);
	nest = mnl_attr_nest_start(header, NFTA_RULE_EXPRESSIONS);
	item = mnl_attr_nest_start(header, NFTA_LIST_ELEM);
	put_text(header, NFTA_EXPR_NAME, "immediate");
	struct nlattr *immediate = mnl_attr_nest_start(header, NFTA_EXPR_DATA);
	mnl_attr_put_u32(header, NFTA_IMMEDIATE_DREG, htonl(NFT_REG_VERDICT));
	data = mnl_attr_nest_start(header, NFTA_IMMEDIATE_DATA);
	verdict = mnl_attr_nest_start(header, NFTA_DATA_VERDICT);
	mnl_attr_put_u32(header, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_GOTO));
	put_text(header, NFTA_VERDICT_CHAIN, base->entry);
	mnl_attr_nest_end(header, verdict);
	mnl_attr_nest_end(header, data);
	mnl_attr_nest_end(header, immediate);
	mnl_attr_nest_end(header, item);
	mnl_attr_nest_end(header, nest);
	/* nft's form of a comment: type 0, length, text with its NUL. */
	uint8_t comment[PLAN_COMMENT + 3] = {0};
	size_t length = strlen(plan->comment) + 1;
	comment[1] = (uint8_t)length;
	memcpy(comment + 2, plan->comment, length);
	mnl_attr_put(header, NFTA_RULE_USERDATA, length + 2, comment);
}

/* Reads the new generation back and, when it is what was asked for, puts it in force on condition that nothing has
 * changed since the reading began.  -ERESTART when something has. */
static int generation_flip_once(struct application *application)
{
	const struct plan *plan = application->plan;
	struct channel *channel = application->channel;
	struct live *live = NULL;
	struct buffer differences;
	uint32_t number = 0;
	buffer_init(&differences, DIFFERENCES_SHOWN);
	int error = channel_generation(channel, &number);
	if (error == 0)
		error = live_read(channel, &live);
	if (error < 0)
		goto out;
	struct comparison comparison = {.plan = plan, .live = live, .differences = &differences};
	comparison_generation(&comparison);
	error = comparison_elements(&comparison, channel);
	if (error == 0 && comparison.count > 0) {
		diag_error(application->diag, NULL, "the new rules were changed while they were being put into the kernel: %.*s",
			   (int)strcspn(buffer_text(&differences), "\n"), buffer_text(&differences));
		error = -ESTALE;
	}
	if (error < 0)
		goto out;
	if (live->flags != 0) {
		struct nlmsghdr *header = channel_add(channel, NFT_MSG_NEWTABLE, NLM_F_CREATE, NFPROTO_INET);
		put_text(header, NFTA_TABLE_NAME, PLAN_TABLE);
		mnl_attr_put_u32(header, NFTA_TABLE_FLAGS, 0);
	}
	for (size_t i = 0; i < PLAN_HOOKS; i++)
		base_flip(channel, plan, &plan->bases[i], live_chain_find(live, plan->bases[i].name));
	error = channel_commit(channel, number, NULL);
out:
	live_free(live);
	buffer_done(&differences);
	return error;
}

static int generation_flip(struct application *application)
{
	int error = -ERESTART;
	for (int i = 0; i < FLIPS_MOST && (error == -ERESTART || error == -EINTR); i++)
		error = generation_flip_once(application);
	if (error < 0 && error != -ESTALE)
		diag_error(application->diag, NULL, "the new rules could not be put in force: %s", channel_explain(error));
	clock_gettime(CLOCK_MONOTONIC, &application->flipped);
	return error;
}

/* --- Clean --- */

static void pause_until(const struct timespec *since, long milliseconds)
{
	struct timespec until = {.tv_sec = since->tv_sec, .tv_nsec = since->tv_nsec + milliseconds * 1000000};
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, NULL) == EINTR)
		;
}

/* What of ours the base chains do not lead to. */
static bool chain_is_left(const struct live *live, const struct live_chain *chain)
{
	uint64_t generation;
	return !chain->base && plan_generation_parse(chain->name, &generation) && !live_in_force(live, generation);
}

static bool map_is_left(const struct live *live, const struct live_map *map)
{
	uint64_t generation;
	return !map->anonymous && plan_generation_parse(map->name, &generation) && !live_in_force(live, generation);
}

/* Chains that are none of ours, such as a base chain that somebody put into our table. */
static bool chain_is_foreign(const struct live_chain *chain)
{
	static const char *const names[] = {"input", "forward", "output"};
	uint64_t generation;
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		if (strcmp(chain->name, names[i]) == 0)
			return false;
	return chain->base || !plan_generation_parse(chain->name, &generation);
}

static bool left_any(const struct live *live)
{
	for (size_t i = 0; i < live->chain_count; i++)
		if (chain_is_left(live, &live->chains[i]))
			return true;
	for (size_t i = 0; i < live->map_count; i++)
		if (map_is_left(live, &live->maps[i]))
			return true;
	return false;
}

static int message_flush(struct channel *channel)
{
	return channel_full(channel) ? channel_commit(channel, 0, NULL) : 0;
}

static int delete_named(struct channel *channel, uint16_t message, uint16_t table_attribute, uint16_t name_attribute, const char *name)
{
	struct nlmsghdr *header = channel_add(channel, message, 0, NFPROTO_INET);
	put_text(header, table_attribute, PLAN_TABLE);
	put_text(header, name_attribute, name);
	return message_flush(channel);
}

/* Rules first, then maps, then chains: each is what the next is referred to by.  Where one batch does not hold all,
 * what was deleted was referred to by nothing. */
static int chains_clean(struct channel *channel, const struct live *live, bool foreign)
{
	int error = 0;
	for (size_t i = 0; i < live->chain_count && error == 0; i++)
		if ((chain_is_left(live, &live->chains[i]) || (foreign && chain_is_foreign(&live->chains[i]))) &&
		    live->chains[i].count > 0)
			error = delete_named(channel, NFT_MSG_DELRULE, NFTA_RULE_TABLE, NFTA_RULE_CHAIN, live->chains[i].name);
	for (size_t i = 0; i < live->map_count && error == 0; i++)
		if (map_is_left(live, &live->maps[i]))
			error = delete_named(channel, NFT_MSG_DELSET, NFTA_SET_TABLE, NFTA_SET_NAME, live->maps[i].name);
	for (size_t i = 0; i < live->chain_count && error == 0; i++)
		if (chain_is_left(live, &live->chains[i]) || (foreign && chain_is_foreign(&live->chains[i])))
			error = delete_named(channel, NFT_MSG_DELCHAIN, NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME, live->chains[i].name);
	return error == 0 ? channel_commit(channel, 0, NULL) : error;
}

/* Counters that no rule counts with any more. */
static int counters_clean(struct channel *channel, const struct live *live)
{
	int error = 0;
	for (size_t i = 0; i < live->counter_count && error == 0; i++) {
		if (live->counters[i].use > 0 || live->counters[i].other)
			continue;
		struct nlmsghdr *header = channel_add(channel, NFT_MSG_DELOBJ, 0, NFPROTO_INET);
		put_text(header, NFTA_OBJ_TABLE, PLAN_TABLE);
		put_text(header, NFTA_OBJ_NAME, live->counters[i].name);
		mnl_attr_put_u32(header, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
		error = message_flush(channel);
	}
	return error == 0 ? channel_commit(channel, 0, NULL) : error;
}

/* Removes every generation that is not in force.  foreign: chains that are none of ours as well. */
static int generations_clean(struct channel *channel, bool foreign)
{
	struct live *live = NULL;
	int error = live_read(channel, &live);
	if (error == 0 && live->present) {
		error = chains_clean(channel, live, foreign);
		live_free(live);
		live = NULL;
		if (error == 0)
			error = live_read(channel, &live);
		if (error == 0)
			error = counters_clean(channel, live);
	}
	live_free(live);
	channel_discard(channel);
	return error;
}

static int table_delete(struct channel *channel)
{
	struct nlmsghdr *header = channel_add(channel, NFT_MSG_DELTABLE, 0, NFPROTO_INET);
	put_text(header, NFTA_TABLE_NAME, PLAN_TABLE);
	return channel_commit(channel, 0, NULL);
}

/* --- The whole --- */

/* Whether the kernel holds exactly this already, expression by expression where a scratch namespace can be had. */
static int already_there(struct application *application, const struct live *live, bool *ret_same)
{
	const struct live_chain *chain = live_chain_find(live, application->plan->bases[0].name);
	struct plan_head head;
	*ret_same = false;
	if (chain == NULL || chain->count != 1 || !plan_comment_parse(chain->rules[0].comment, &head) ||
	    strcmp(head.digest, application->plan->digest) != 0)
		return 0;
	struct plan *plan = plan_compile(application->ruleset, application->options, head.generation);
	struct live *reference = NULL;
	struct buffer differences;
	buffer_init(&differences, DIFFERENCES_SHOWN);
	struct comparison comparison = {.plan = plan, .live = live, .differences = &differences};
	comparison_bases(&comparison);
	comparison_generation(&comparison);
	int error = comparison.count == 0 ? comparison_elements(&comparison, application->channel) : 0;
	if (error == 0 && comparison.count == 0 && scratch_read(plan, &reference) == 0) {
		comparison.reference = reference;
		comparison_bases(&comparison);
		comparison_generation(&comparison);
	}
	if (error == 0)
		*ret_same = comparison.count == 0;
	live_free(reference);
	buffer_done(&differences);
	plan_free(plan);
	return error;
}

static void clean_after(struct application *application, bool foreign)
{
	if (application->options->clean_later)
		return;
	pause_until(&application->flipped, NFTABLES_CLEAN_MS);
	if (application->options->before_clean != NULL)
		application->options->before_clean(application->options->context);
	int error = generations_clean(application->channel, foreign);
	if (error < 0)
		diag_warning(application->diag, "left-behind", NULL,
			     "the old rules are out of force but could not be deleted: %s; the next apply removes them",
			     channel_explain(error));
}

/* Negative errno with a message, or 0. */
static int apply_once(struct application *application)
{
	struct live *live = NULL;
	bool same = false, present = false;
	int error = live_read(application->channel, &live);
	if (error < 0) {
		diag_error(application->diag, NULL, "cannot read the kernel's rules: %s", channel_explain(error));
		return error;
	}
	application->plan = plan_compile(application->ruleset, application->options, live_highest(live) + 1);
	present = live->present;
	if (present)
		error = already_there(application, live, &same);
	bool left = left_any(live);
	live_free(live);
	if (error < 0) {
		diag_error(application->diag, NULL, "cannot read the kernel's rules: %s", channel_explain(error));
		goto out;
	}
	if (same) {
		diag_note(application->diag, NULL, "the kernel holds these rules already: nothing to do");
		if (left)
			clean_after(application, false);
		goto out;
	}
	error = generation_stage(application);
	if (error == 0)
		error = generation_flip(application);
	channel_discard(application->channel);
	if (error == 0 && application->options->changed != NULL)
		*application->options->changed = true;
	if (error == 0 && present)
		clean_after(application, true);
	else if (error < 0 && !present)
		(void)table_delete(application->channel);
	else if (error < 0 && !application->options->clean_later)
		(void)generations_clean(application->channel, false);
out:
	plan_free(application->plan);
	application->plan = NULL;
	return error;
}

static int enforceable(const struct ruleset *ruleset, struct diag *diag)
{
	int error = 0;
	for (size_t i = 0; i < ruleset->origin_count; i++) {
		const struct origin *origin = &ruleset->origins[i];
		const char *tunnel = origin->rule != NULL ? origin->rule->tunnel : origin->dynrule->tunnel;
		enum conntype conntype = origin->rule != NULL ? origin->rule->conntype : origin->dynrule->conntype;
		const char *what = origin->action == ACTION_NEGOTIATE ? "negotiates security (IPsec)"
				   : tunnel != NULL		      ? "has a tunnel end point"
				   : conntype != CONNTYPE_ALL	      ? "is for one connection type only"
								      : NULL;
		if (what == NULL)
			continue;
		struct buffer rule;
		buffer_init(&rule, DIFFERENCES_SHOWN);
		origin_rule(origin, &rule);
		diag_error(diag, NULL, "rule %s of policy %s %s: nothing enforces that here yet", QUOTE(buffer_text(&rule)),
			   QUOTE(origin_policy(origin)), what);
		buffer_done(&rule);
		error = ERROR_INPUT;
	}
	return error;
}

/* Somebody else's hand in our table, as far as an errno tells: worth one more try. */
static bool is_interference(int error)
{
	return error == -ENOENT || error == -ERESTART || error == -EINTR || error == -ESTALE || error == -EEXIST || error == -EBUSY;
}

static int channel_open_worded(struct diag *diag, struct channel **ret_channel)
{
	int error = channel_open(ret_channel);
	if (error < 0) {
		diag_error(diag, NULL, "cannot speak to the kernel: %s", channel_explain(error));
		return ERROR_SYSTEM;
	}
	return 0;
}

int nftables_apply(const struct ruleset *ruleset, const struct nftables_options *options, struct diag *diag)
{
	struct application application = {.ruleset = ruleset, .options = options};
	struct diag attempt;
	struct lock lock;
	int error = enforceable(ruleset, diag);
	if (error == 0)
		error = lock_take(options->no_wait ? 0 : LOCK_SECONDS, diag, &lock);
	if (error < 0)
		return error;
	diag_init(&attempt);
	application.diag = &attempt;
	error = channel_open_worded(&attempt, &application.channel);
	if (error == 0) {
		clock_gettime(CLOCK_MONOTONIC, &application.flipped);
		error = apply_once(&application);
		if (error < 0 && is_interference(error)) {
			diag_clear(&attempt);
			error = apply_once(&application);
		}
		channel_close(application.channel);
	}
	if (diag != NULL)
		diag_move(diag, &attempt);
	diag_done(&attempt);
	lock_release(&lock);
	return error == 0 ? 0 : ERROR_SYSTEM;
}

int nftables_clean(const struct nftables_options *options, struct diag *diag)
{
	struct channel *channel = NULL;
	struct lock lock;
	int error = lock_take(options->no_wait ? 0 : LOCK_SECONDS, diag, &lock);
	if (error < 0)
		return error;
	error = channel_open_worded(diag, &channel);
	if (error == 0) {
		if (options->before_clean != NULL)
			options->before_clean(options->context);
		error = generations_clean(channel, true);
		if (error < 0) {
			diag_error(diag, NULL, "the old rules are out of force but could not be deleted: %s", channel_explain(error));
			error = ERROR_SYSTEM;
		}
		channel_close(channel);
	}
	lock_release(&lock);
	return error;
}

int nftables_lift(struct diag *diag)
{
	struct channel *channel = NULL;
	struct lock lock;
	int error = lock_take(LOCK_SECONDS, diag, &lock);
	if (error < 0)
		return error;
	error = channel_open_worded(diag, &channel);
	if (error == 0) {
		error = table_delete(channel);
		if (error == -ENOENT) {
			diag_note(diag, NULL, "the kernel holds no rules of Cordon");
			error = 0;
		} else if (error < 0) {
			diag_error(diag, NULL, "the kernel's rules could not be lifted: %s", channel_explain(error));
			error = ERROR_SYSTEM;
		}
		channel_close(channel);
	}
	lock_release(&lock);
	return error;
}
