/* cordon replay: logged packets against a policy. */
#include <stdlib.h>
#include <string.h>

#include "apps/command.h"
#include "apps/confine.h"
#include "apps/emit.h"
#include "apps/epochs.h"
#include "apps/logs.h"
#include "apps/visit.h"
#include "core/analysis/explain.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/audit/chart.h"
#include "logparse/audit/summary.h"

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

enum { FLUSH_AT = 1 << 18 };

struct replay {
	struct invocation *invocation;
	struct logs logs;
	struct host host;
	struct epochs *epochs;
	struct meaning_space meaning;
	uint64_t results[REPLAY_RESULTS];
	struct tally *filters, *sources, *ports, *whys; /* of the unexpected; filters: of all */
	struct buffer key;
};

/* --- The records --- */

/* Where the record stands, so that it can be found: FILE:LINE, or FILE and its number or offset. */
static bool has_lines(const struct event *event)
{
	return event->kind->record != NULL && strcmp(event->kind->format, "pcap") != 0;
}

static void place_text(const struct event *event, struct buffer *output)
{
	for (const char *at = event->file; *at != '\0'; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			buffer_printf(output, "\\x%02x", (unsigned char)*at);
		else
			buffer_add_char(output, *at);
	if (has_lines(event))
		buffer_printf(output, ":%llu", (unsigned long long)event->offset);
	else if (event->number > 0)
		buffer_printf(output, " record %llu", (unsigned long long)event->number);
	else
		buffer_printf(output, " offset %llu", (unsigned long long)event->offset);
}

static void place_json(const struct event *event, const struct record *record, struct buffer *output)
{
	if (record_has(record, COLUMN_DATE)) {
		buffer_add_text(output, ", \"time\": \"");
		chart_time(record->time, 'T', output);
		buffer_add_text(output, "Z\"");
	}
	emit_member(output, "file", event->file);
	emit_number(output, has_lines(event) ? "line" : "offset", event->offset);
	if (event->number > 0)
		emit_number(output, "record", event->number);
}

/* What is known of a packet that cannot be judged: PROTOCOL SRC:PORT > DST:PORT, a dash for what is not. */
static void parts_print(const struct record *record, struct buffer *output)
{
	static const struct { const char *before; enum record_column column; } parts[] = {
		{"", COLUMN_PROTOCOL}, {" ", COLUMN_SRC_IP}, {":", COLUMN_SRC_PORT}, {" > ", COLUMN_DST_IP}, {":", COLUMN_DST_PORT},
	};
	char value[RECORD_VALUE];
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++) {
		size_t length = record_value(record, parts[i].column, value);
		buffer_add_text(output, parts[i].before);
		buffer_add(output, length > 0 ? value : "-", length > 0 ? length : 1);
	}
}

static void line_json(struct replay *replay, const struct event *event, const struct record *record, const struct judged *judged, uint64_t count)
{
	struct buffer *output = replay->invocation->output, *packet = &replay->key;
	buffer_printf(output, "{\"result\": \"%s\", \"count\": %llu", replay_result_name(judged->result), (unsigned long long)count);
	if (judged->result != REPLAY_UNEXPLAINED)
		emit_member(output, "verdict", action_name(judged->verdict.action));
	else
		emit_member(output, "why", judged->why);
	if (judged->result != REPLAY_UNEXPLAINED && judged->verdict.match != NULL) {
		const struct origin *origin = &judged->ruleset->origins[judged->verdict.match->origin];
		buffer_clear(&replay->key);
		origin_rule(origin, &replay->key);
		emit_member(output, "policy", origin_policy(origin));
		emit_member(output, "rule", buffer_text(&replay->key));
		emit_member(output, "filterlist", origin_list(origin));
	}
	char text[PACKET_TEXT];
	buffer_clear(packet);
	if (judged->result == REPLAY_UNEXPLAINED)
		parts_print(record, packet);
	else
		buffer_add(packet, text, packet_print(&judged->packet, text));
	emit_member(output, "packet", buffer_text(packet));
	place_json(event, record, output);
	buffer_add_text(output, "}\n");
}

static void line_print(struct replay *replay, const struct event *event, const struct record *record, const struct judged *judged, uint64_t count)
{
	struct buffer *output = replay->invocation->output;
	if (replay->invocation->json) {
		line_json(replay, event, record, judged, count);
		return;
	}
	buffer_printf(output, "%s\t", replay_result_name(judged->result));
	if (judged->result == REPLAY_UNEXPLAINED) {
		buffer_add_text(output, "-\t-\t-\t-\t-\t");
		parts_print(record, output);
	} else {
		explain_line(judged->ruleset, &judged->verdict, &judged->packet, output);
	}
	buffer_printf(output, "\t%llu\t", (unsigned long long)count);
	if (record_has(record, COLUMN_DATE)) {
		chart_time(record->time, 'T', output);
		buffer_add_text(output, "Z\t");
	} else {
		buffer_add_text(output, "-\t");
	}
	place_text(event, output);
	if (judged->result == REPLAY_UNEXPLAINED)
		buffer_printf(output, "\twants %s", judged->why);
	buffer_add_char(output, '\n');
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
	struct judged judged;
	enum meaning meaning = event_meaning(event, &replay->meaning, &record);
	if (!summary_judges(event, meaning, &record))
		return;
	uint64_t count = record_has(&record, COLUMN_COUNT) ? record.count : 1;
	epochs_judge(replay->epochs, &record, &judged);
	replay->results[judged.result] = tally_sum(replay->results[judged.result], count);
	if (judged.result == REPLAY_UNEXPLAINED)
		tally_add(replay->whys, cursor_text(judged.why), count);
	else
		filter_count(replay, judged.ruleset, &judged.verdict, count);
	if (judged.result == REPLAY_UNEXPECTED)
		unexpected_count(replay, &record, count);
	if (judged.result == REPLAY_UNEXPECTED || judged.result == REPLAY_WOULD || replay->invocation->verbose)
		line_print(replay, event, &record, &judged, count);
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

/* A sum that is at its end. */
static const char *more_than(uint64_t count)
{
	return count == TALLY_MOST ? "+" : "";
}

static void sums_check(const struct replay *replay)
{
	for (size_t i = 0; i < REPLAY_RESULTS; i++)
		if (replay->results[i] == TALLY_MOST) {
			diag_warning(replay->invocation->diag, "count", NULL, "a sum is larger than can be counted: %llu stands for at least so many",
				     (unsigned long long)TALLY_MOST);
			return;
		}
}

static void summary_print(struct replay *replay)
{
	struct buffer *output = replay->invocation->output;
	bool json = replay->invocation->json;
	sums_check(replay);
	if (json)
		buffer_add_char(output, '{');
	else
		buffer_add_text(output, "packets:\n");
	for (size_t i = 0; i < REPLAY_RESULTS; i++) {
		const char *name = i == REPLAY_WOULD ? "captured" : replay_result_name((enum replay_result)i);
		if (json)
			emit_number(output, name, replay->results[i]);
		else if (i != REPLAY_WOULD || replay->results[i] > 0)
			buffer_printf(output, "%12llu%s  %s\n", (unsigned long long)replay->results[i], more_than(replay->results[i]), name);
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
	epochs_free(replay->epochs);
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
		error = epochs_open(invocation, invocation_option(invocation, "policy"), &replay.host, &replay.epochs);
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
		   "Unexpected records are printed one a line: RESULT, then as explain --file, then how many packets the record stands for, its time, "
		   "and where it stands (FILE:LINE, or FILE and the record's number or offset); with -v all are, and of an unexplained one what it "
		   "lacks. A summary by filter, source and port follows. Exit code 1: something was unexpected, or records were lost.",
	.options = replay_options,
	.examples = replay_examples,
	.least = 1,
	.most = WORDS_ANY,
	.words = VALUE_FILE,
	.run = replay_run,
};
