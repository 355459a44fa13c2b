#include "nft_policy.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

enum { WORDS_MOST = 12 };

struct maker {
	struct nft_policy *policy;
	struct policy *assigned;
	struct filterlist *list; /* of the rule that is being filled */
};

static struct location *local(struct maker *maker)
{
	return &maker->policy->state->locations[LOCATION_LOCAL];
}

static bool filter_take(const struct cursor *words, size_t count, struct filter *ret_filter)
{
	struct filter filter = {.description = ""};
	uint64_t srcport, dstport;
	if (count < 5 || !address_parse(words[0].at, cursor_left(&words[0]), &filter.src) ||
	    !address_parse(words[1].at, cursor_left(&words[1]), &filter.dst) ||
	    !protocol_parse(words[2].at, cursor_left(&words[2]), &filter.protocol) ||
	    !number_parse(words[3].at, cursor_left(&words[3]), UINT16_MAX, &srcport) ||
	    !number_parse(words[4].at, cursor_left(&words[4]), UINT16_MAX, &dstport))
		return false;
	filter.srcport = (uint16_t)srcport;
	filter.dstport = (uint16_t)dstport;
	for (size_t i = 5; i < count; i++) {
		filter.mirrored |= ascii_equal_n(words[i].at, cursor_left(&words[i]), "mirrored");
		filter.replies |= ascii_equal_n(words[i].at, cursor_left(&words[i]), "replies");
	}
	*ret_filter = filter;
	return filter_check(&filter) == NULL;
}

static bool rule_take(struct maker *maker, const struct cursor *words, const struct cursor *line)
{
	struct state *state = maker->policy->state;
	enum action action;
	if (!action_parse(words[1].at, cursor_left(&words[1]), &action))
		return false;
	char *name = arena_text_n(state->arena, words[1].end + 1, (size_t)(line->end - words[1].end - 1));
	struct object *known = collection_find(&local(maker)->filteractions, action_name(action));
	struct filteraction *bound = known != NULL ? (struct filteraction *)known
						   : location_add_filteraction(state, local(maker), action_name(action));
	bound->action = action;
	maker->list = location_add_filterlist(state, local(maker), name);
	policy_add_rule(state, maker->assigned, name, maker->list, bound);
	return true;
}

static bool dynamic_take(struct maker *maker, const struct cursor *words, size_t count)
{
	struct state *state = maker->policy->state;
	struct filter filter;
	enum action in, out;
	if (!action_parse(words[1].at, cursor_left(&words[1]), &in) || !action_parse(words[2].at, cursor_left(&words[2]), &out) ||
	    !filter_take(words + 3, count - 3, &filter))
		return false;
	struct dynrule *rule = location_add_dynrule(state, &state->locations[LOCATION_DYNAMIC]);
	rule->filter = filter;
	rule->actioninbound = in;
	rule->actionoutbound = out;
	return true;
}

static bool host_take(struct maker *maker, const struct cursor *words)
{
	struct ip_prefix prefix;
	if (!ip_prefix_parse(words[1].at, cursor_left(&words[1]), &prefix))
		return false;
	if (ascii_equal_n(words[0].at, cursor_left(&words[0]), "host"))
		host_add_address(&maker->policy->host, &prefix);
	else
		host_add_server(&maker->policy->host, ADDRESS_DNS, &prefix.ip);
	return true;
}

/* NAME=VALUE; a value may have blanks in it. */
static bool setting_take(struct maker *maker, const struct cursor *word)
{
	const char *equals = memchr(word->at, '=', cursor_left(word));
	if (equals == NULL)
		return false;
	size_t length = (size_t)(equals - word->at);
	if (ascii_equal_n(word->at, length, "mode"))
		return mode_parse(equals + 1, (size_t)(word->end - equals - 1), &maker->policy->mode);
	const struct property *property = property_find(word->at, length);
	return property != NULL && config_set(&maker->policy->state->config, property_index(property), equals + 1,
					      (size_t)(word->end - equals - 1), NULL, NULL) == 0;
}

static bool line_take(struct maker *maker, struct cursor line)
{
	struct cursor words[WORDS_MOST], rest = line;
	size_t count = 0;
	cursor_skip_blanks(&rest);
	while (count < WORDS_MOST && cursor_word(&rest, &words[count])) {
		count++;
		cursor_skip_blanks(&rest);
	}
	if (count == 0 || *words[0].at == '#')
		return true;
	size_t first = cursor_left(&words[0]);
	if (ascii_equal_n(words[0].at, first, "observe"))
		return maker->policy->options.observe = true;
	if (memchr(words[0].at, '=', first) != NULL)
		return setting_take(maker, &(struct cursor){words[0].at, words[count - 1].end});
	if (ascii_equal_n(words[0].at, first, "rule"))
		return count > 2 && rule_take(maker, words, &line);
	if (ascii_equal_n(words[0].at, first, "dynamic"))
		return count > 3 && dynamic_take(maker, words, count);
	if (ascii_equal_n(words[0].at, first, "host") || ascii_equal_n(words[0].at, first, "dns"))
		return count > 1 && host_take(maker, words);
	struct filter filter;
	if (maker->list == NULL || !filter_take(words, count, &filter))
		return false;
	filterlist_add(maker->policy->state, maker->list, &filter);
	return true;
}

bool nft_policy_make(const char *text, struct nft_policy *policy)
{
	*policy = (struct nft_policy){.state = state_new(), .mode = MODE_SECURE};
	host_init(&policy->host);
	config_init(&policy->state->config);
	struct maker maker = {.policy = policy};
	maker.assigned = location_add_policy(policy->state, local(&maker), "Lock \"down\"");
	location_assign(local(&maker), maker.assigned);
	for (const char *at = text; *at != '\0';) {
		size_t length = strcspn(at, "\n");
		if (!line_take(&maker, cursor_of(at, length))) {
			fprintf(stderr, "not a line of a policy: %.*s\n", (int)length, at);
			nft_policy_done(policy);
			return false;
		}
		at += length + (at[length] == '\n');
	}
	return ruleset_build(policy->state, &policy->host, policy->mode, NULL, &policy->ruleset) == 0;
}

void nft_policy_done(struct nft_policy *policy)
{
	ruleset_free(policy->ruleset);
	state_free(policy->state);
	host_done(&policy->host);
	policy->ruleset = NULL;
	policy->state = NULL;
}

static bool file_write(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	bool good = fputs(text, file) >= 0;
	return fclose(file) == 0 && good;
}

/* Who is not root becomes root of a user namespace before the test runner starts its threads: later is too late. */
static void __attribute__((constructor)) namespace_prepare(void)
{
	char uids[64], gids[64];
	snprintf(uids, sizeof(uids), "0 %u 1", (unsigned)geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", (unsigned)getegid());
	if (geteuid() == 0 || unshare(CLONE_NEWUSER) < 0)
		return;
	if (!file_write("/proc/self/setgroups", "deny") || !file_write("/proc/self/uid_map", uids) ||
	    !file_write("/proc/self/gid_map", gids))
		fprintf(stderr, "nft_policy: no user namespace: %s\n", strerror(errno));
}

bool nft_namespace(void)
{
	if (unshare(CLONE_NEWNET) == 0)
		return true;
	fprintf(stderr, "SKIPPED: no network namespace can be made here: %s\n", strerror(errno));
	return false;
}
