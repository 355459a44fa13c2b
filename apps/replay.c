/* cordon replay: logged packets against a policy. */
#include "logparse/audit/replay.h"

#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/confine.h"
#include "apps/emit.h"
#include "apps/loading.h"
#include "apps/logs.h"
#include "apps/visit.h"
#include "core/analysis/explain.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/meaning.h"
#include "logparse/tally.h"

static const struct option replay_options[] = {
	LOGS_OPTIONS,
	{.name = "policy", .argument = "NAME|PROFILE|SCRIPT", .kind = VALUE_PROFILE, .help = "against this policy instead of what the store had in force at the time of each record"},
	{.name = "set", .argument = "NAME=VALUE", .repeats = true, .help = "the value of a variable of the profile or script"},
	{.name = "host", .argument = "FACTS.json", .kind = VALUE_FILE, .help = "with these facts of a host, not this machine's"},
	{.name = NULL},
};

static const char *const replay_examples[] = {
	"cordon replay drops.log --policy block-all --host web01.json",
	"was every drop meant? (without --policy: by what was in force at its time)",
	"cordon replay pfirewall.log --zone +01:00 --policy block-all --host web01.json",
	"what another policy would have made of the packets of another machine",
	NULL,
};

enum { CHANGES_MOST = 256, MODES = MODE_BOOT + 1, FLUSH_AT = 1 << 18 };

/* A policy that was in force from a time on; its rulesets are made when a record of their mode comes. */
struct epoch {
	int64_t since;            /* Unix seconds */
	struct state *state;
	struct ruleset *ruleset[MODES];
	struct classifier *classifier[MODES];
	bool failed[MODES];
};

struct replay {
	struct invocation *invocation;
	struct logs logs;
	struct host host;
	struct epoch *epochs;     /* by time */
	size_t epoch_count;
	struct meaning_space meaning;
	uint64_t results[REPLAY_RESULTS];
	struct tally *filters, *sources, *ports, *whys; /* of the unexpected; filters: of all */
	struct buffer key;
};

/* --- The policies --- */

static void epoch_add(struct replay *replay, int64_t since, struct state *state)
{
	replay->epochs = memory_resize(replay->epochs, (replay->epoch_count + 1) * sizeof(*replay->epochs));
	replay->epochs[replay->epoch_count++] = (struct epoch){.since = since, .state = state};
}

/* One policy of the store, whether it is assigned or not. */
static int named_read(struct replay *replay, const char *name)
{
	struct invocation *invocation = replay->invocation;
	struct visit visit;
	int error = visit_store_exists(invocation) ? visit_read(invocation, 0, &visit) : ERROR_NOT_FOUND;
	if (error == ERROR_NOT_FOUND)
		return error;
	struct policy *policy = error == 0 ? (struct policy *)collection_find(&visit.state->locations[invocation->location].policies, name) : NULL;
	if (policy == NULL && error == 0)
		error = ERROR_NOT_FOUND;
	if (policy != NULL) {
		location_assign(&visit.state->locations[invocation->location], policy);
		epoch_add(replay, INT64_MIN, visit.state);
		visit.state = NULL;
	}
	visit_done(&visit);
	return error;
}

/* What the store had after each of its last changes. */
static int history_read(struct replay *replay)
{
	struct invocation *invocation = replay->invocation;
	struct arena *arena = arena_new();
	struct history *lines;
	struct visit visit;
	size_t count = 0;
	int error = visit_read(invocation, 0, &visit);
	if (error == 0)
		error = store_history(visit.store, arena, invocation->diag, &lines, &count);
	size_t first = count > CHANGES_MOST ? count - CHANGES_MOST : 0;
	for (size_t i = first; i < count && error == 0; i++) {
		struct state *state;
		if (i > first && strcmp(lines[i].digest, lines[i - 1].digest) == 0)
			continue;
		error = store_read_change(visit.store, lines[i].number, invocation->diag, &state);
		if (error == 0)
			epoch_add(replay, lines[i].time, state);
	}
	if (error == 0 && first > 0)
		diag_note(invocation->diag, NULL, "the store's history is longer than %d changes: records before those are unexplained", CHANGES_MOST);
	if (error == 0 && replay->epoch_count == 0) {
		diag_error(invocation->diag, NULL, "the store has no policy: --policy names one, or a profile or script");
		error = ERROR_INPUT;
	}
	visit_done(&visit);
	arena_free(arena);
	return error;
}

static int policies_read(struct replay *replay)
{
	const char *policy = invocation_option(replay->invocation, "policy");
	if (policy == NULL)
		return history_read(replay);
	int error = named_read(replay, policy);
	if (error != ERROR_NOT_FOUND)
		return error;
	struct state *state = state_new();
	error = loading_any(replay->invocation, state, policy);
	for (size_t i = 0; i < LOCATION_COUNT && error == 0 && !state_assigned(state); i++)
		if (state->locations[i].policies.count > 0)
			location_assign(&state->locations[i], (struct policy *)state->locations[i].policies.items[0]);
	if (error == 0 && !state_assigned(state)) {
		diag_error(replay->invocation->diag, NULL, "%s has no policy in it", QUOTE(policy));
		error = ERROR_INPUT;
	}
	epoch_add(replay, INT64_MIN, state);
	return error;
}

static enum mode record_mode(const struct record *record)
{
	enum mode mode = MODE_SECURE;
	if (record->mode.at == NULL || !mode_parse(record->mode.at, cursor_left(&record->mode), &mode) || mode == MODE_PERMIT)
		mode = MODE_SECURE;
	return mode;
}

/* The classifier of a record's time and mode; NULL when there was none. */
static const struct classifier *classifier_of(struct replay *replay, const struct record *record, struct ruleset **ret_ruleset)
{
	const int64_t offset = 11644473600; /* seconds from 1601 to 1970 */
	int64_t time = record_has(record, COLUMN_DATE) ? (int64_t)(record->time / 10000000) - offset : INT64_MAX;
	size_t low = 0, high = replay->epoch_count;
	while (low < high) {
		size_t middle = (low + high) / 2;
		if (replay->epochs[middle].since <= time)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	struct epoch *epoch = &replay->epochs[low - 1];
	enum mode mode = record_mode(record);
	if (epoch->classifier[mode] == NULL && !epoch->failed[mode]) {
		epoch->failed[mode] = ruleset_build(epoch->state, &replay->host, mode, NULL, &epoch->ruleset[mode]) < 0;
		if (!epoch->failed[mode])
			epoch->classifier[mode] = classifier_new(epoch->ruleset[mode]);
	}
	*ret_ruleset = epoch->ruleset[mode];
	return epoch->classifier[mode];
}

/* --- The records --- */

static void line_print(struct replay *replay, enum replay_result result, const struct ruleset *ruleset, const struct verdict *verdict,
		       const struct packet *packet, uint64_t count)
{
	struct buffer *output = replay->invocation->output;
	if (replay->invocation->json) {
		char text[PACKET_TEXT];
		packet_print(packet, text);
		buffer_printf(output, "{\"result\": \"%s\", \"count\": %llu, \"verdict\": \"%s\"", replay_result_name(result), (unsigned long long)count,
			      action_name(verdict->action));
		if (verdict->match != NULL) {
			const struct origin *origin = &ruleset->origins[verdict->match->origin];
			buffer_clear(&replay->key);
			origin_rule(origin, &replay->key);
			emit_member(output, "policy", origin_policy(origin));
			emit_member(output, "rule", buffer_text(&replay->key));
			emit_member(output, "filterlist", origin_list(origin));
		}
		emit_member(output, "packet", text);
		buffer_add_text(output, "}\n");
		return;
	}
	buffer_printf(output, "%s\t", replay_result_name(result));
	explain_line(ruleset, verdict, packet, output);
	buffer_printf(output, "\t%llu\n", (unsigned long long)count);
}

static void filter_count(struct replay *replay, const struct ruleset *ruleset, const struct verdict *verdict, uint64_t count)
{
	buffer_clear(&replay->key);
	if (verdict->match != NULL) {
		const struct origin *origin = &ruleset->origins[verdict->match->origin];
		buffer_printf(&replay->key, "%s / ", origin_policy(origin));
		origin_rule(origin, &replay->key);
		buffer_printf(&replay->key, " / %s #%u", origin_list(origin), verdict->match->filter);
	} else {
		buffer_add_text(&replay->key, verdict->exemption != NULL ? verdict->exemption->name : "no filter");
	}
	tally_add(replay->filters, cursor_of(buffer_text(&replay->key), replay->key.length), count);
}

static void unexpected_count(struct replay *replay, const struct record *record, uint64_t count)
{
	char value[RECORD_VALUE];
	tally_add(replay->sources, cursor_of(value, record_value(record, COLUMN_SRC_IP, value)), count);
	size_t length = record_value(record, COLUMN_DST_PORT, value);
	tally_add(replay->ports, length > 0 ? cursor_of(value, length) : cursor_text("-"), count);
}

static void event_replay(struct replay *replay, const struct event *event)
{
	struct record record;
	struct packet packet;
	struct verdict verdict;
	struct ruleset *ruleset = NULL;
	const char *why = NULL;
	enum meaning meaning = event_meaning(event, &replay->meaning, &record);
	bool capture = strcmp(event->kind->format, "pcap") == 0;
	if (meaning != MEANING_DROP && meaning != MEANING_PERMIT && !capture && !(meaning == MEANING_OTHER && record_has(&record, COLUMN_SRC_IP)))
		return;
	uint64_t count = record_has(&record, COLUMN_COUNT) ? record.count : 1;
	const struct classifier *classifier = classifier_of(replay, &record, &ruleset);
	enum replay_result result = REPLAY_UNEXPLAINED;
	if (classifier != NULL)
		result = replay_judge(&record, &replay->host, classifier, &packet, &verdict, &why);
	else
		why = "a policy: the store had none then";
	replay->results[result] += count;
	if (result == REPLAY_UNEXPLAINED) {
		tally_add(replay->whys, cursor_text(why), count);
		return;
	}
	filter_count(replay, ruleset, &verdict, count);
	if (result == REPLAY_UNEXPECTED)
		unexpected_count(replay, &record, count);
	if (result == REPLAY_UNEXPECTED || result == REPLAY_WOULD || replay->invocation->verbose)
		line_print(replay, result, ruleset, &verdict, &packet, count);
}

/* --- The summary --- */

static void tally_print(struct replay *replay, struct tally *tally, const char *title)
{
	enum { SHOWN = 10 };
	struct buffer *output = replay->invocation->output;
	bool json = replay->invocation->json;
	size_t count, most = replay->invocation->verbose || json ? SIZE_MAX : SHOWN;
	const struct tallied *rows = tally_sorted(tally, &count);
	if (count == 0)
		return;
	if (json) {
		emit_name(output, title);
		buffer_add_char(output, '{');
	} else {
		buffer_printf(output, "%s:\n", title);
	}
	for (size_t i = 0; i < count && i < most; i++) {
		char *key = memory_text_n(rows[i].key.at, cursor_left(&rows[i].key));
		if (json)
			emit_number(output, key, rows[i].count);
		else
			buffer_printf(output, "%12llu  %s\n", (unsigned long long)rows[i].count, key);
		free(key);
	}
	if (!json && count > most)
		buffer_printf(output, "%12s  and %zu more (-v)\n", "", count - most);
	if (json)
		buffer_add_char(output, '}');
}

static void summary_print(struct replay *replay)
{
	struct buffer *output = replay->invocation->output;
	bool json = replay->invocation->json;
	if (json)
		buffer_add_char(output, '{');
	else
		buffer_add_text(output, "packets:\n");
	for (size_t i = 0; i < REPLAY_RESULTS; i++) {
		const char *name = i == REPLAY_WOULD ? "captured" : replay_result_name((enum replay_result)i);
		if (json)
			emit_number(output, name, replay->results[i]);
		else if (i != REPLAY_WOULD || replay->results[i] > 0)
			buffer_printf(output, "%12llu  %s\n", (unsigned long long)replay->results[i], name);
	}
	tally_print(replay, replay->filters, "by filter");
	tally_print(replay, replay->sources, "unexpected, by source");
	tally_print(replay, replay->ports, "unexpected, by port");
	tally_print(replay, replay->whys, "unexplained, for want of");
	if (json)
		buffer_add_text(output, "}\n");
}

/* --- The command --- */

static int replay_work(struct invocation *invocation, void *context)
{
	struct replay *replay = context;
	struct source_options options = {.reader = replay->logs.reader, .type = replay->logs.type};
	struct damages damages = {.invocation = invocation, .verbose = invocation->verbose};
	struct progress progress;
	struct source *source;
	struct event event;
	damages_begin(&damages, &options.reader);
	int error = source_open(invocation->words, invocation->word_count, &options, invocation->diag, &source);
	if (error < 0)
		return error_exit(error);
	progress_begin(&progress, invocation);
	while ((error = source_next(source, &event)) > 0) {
		event_replay(replay, &event);
		if (invocation->output->length >= FLUSH_AT && !invocation_flush(invocation))
			break;
		progress_say(&progress, source);
	}
	progress_end(&progress);
	int code = damages_end(&damages, source, error < 0 ? error : 0);
	if (code < EXIT_INPUT) {
		summary_print(replay);
		if (replay->results[REPLAY_UNEXPECTED] > 0)
			code = EXIT_FINDING;
	}
	source_close(source);
	return code;
}

static void replay_done(struct replay *replay)
{
	for (size_t i = 0; i < replay->epoch_count; i++) {
		for (size_t mode = 0; mode < MODES; mode++) {
			classifier_free(replay->epochs[i].classifier[mode]);
			ruleset_free(replay->epochs[i].ruleset[mode]);
		}
		state_free(replay->epochs[i].state);
	}
	free(replay->epochs);
	tally_free(replay->filters);
	tally_free(replay->sources);
	tally_free(replay->ports);
	tally_free(replay->whys);
	meaning_done(&replay->meaning);
	buffer_done(&replay->key);
	host_done(&replay->host);
	logs_done(&replay->logs);
}

static int replay_run(struct invocation *invocation)
{
	struct replay replay = {.invocation = invocation, .filters = tally_new(), .sources = tally_new(), .ports = tally_new(), .whys = tally_new()};
	meaning_init(&replay.meaning);
	buffer_init(&replay.key, 65536);
	host_init(&replay.host);
	int error = logs_read(invocation, 0, &replay.logs);
	if (error == 0)
		error = facts_read(invocation, invocation_option(invocation, "host"), &replay.host);
	if (error == 0)
		error = policies_read(&replay);
	int code = error == 0 ? confine_run(invocation, -1, replay_work, &replay) : error_exit(error);
	replay_done(&replay);
	return code;
}

const struct command replay_command = {
	.name = "replay",
	.arguments = "INPUT…",
	.help = "judge each logged packet by a policy: was the drop meant?",
	.details = "Every drop and every permit of the logs is judged by the policy that the store had in force at its time (or by --policy). A drop that "
		   "the policy blocks is expected; one that it permits is unexpected, as is a permit that it blocks; unexplained is a record that lacks "
		   "something, such as its ports. Packets of a capture get the verdict that they would have.\n\n"
		   "Unexpected records are printed one a line: RESULT, then as explain --file, then how many packets the record stands for; with -v all are. A summary by filter, "
		   "source and port follows. Exit code 1: something was unexpected, or records were lost.",
	.options = replay_options,
	.examples = replay_examples,
	.least = 1,
	.most = WORDS_ANY,
	.words = VALUE_FILE,
	.run = replay_run,
};
