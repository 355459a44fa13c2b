#include "logparse/audit/summary.h"

#include <string.h>

#include "core/base/arena.h"

static const uint64_t HOUR = UINT64_C(36000000000); /* in FILETIME units */

void summary_init(struct summary *summary)
{
	*summary = (struct summary){
		.arena = arena_new(), .hours = tally_new(), .sources = tally_new(), .destinations = tally_new(), .ports = tally_new(),
		.filters = tally_new(), .whys = tally_new(), .unexpected = cases_new(SUMMARY_CASES),
	};
	buffer_init(&summary->key, 1 << 16);
}

void summary_done(struct summary *summary)
{
	struct tally *const tallies[] = {summary->hours, summary->sources, summary->destinations, summary->ports, summary->filters, summary->whys};
	for (size_t i = 0; i < sizeof(tallies) / sizeof(tallies[0]); i++)
		tally_free(tallies[i]);
	cases_free(summary->unexpected);
	buffer_done(&summary->key);
	arena_free(summary->arena);
}

uint64_t summary_hour(struct cursor key)
{
	uint64_t hour = 0;
	for (const char *at = key.at; at < key.end; at++)
		hour = hour << 8 | (unsigned char)*at;
	return hour;
}

bool summary_judges(const struct event *event, enum meaning meaning, const struct record *record)
{
	return meaning == MEANING_DROP || meaning == MEANING_PERMIT ||
	       (meaning == MEANING_OTHER && (strcmp(event->kind->format, "pcap") == 0 || record_has(record, COLUMN_SRC_IP)));
}

static bool hour_add(struct summary *summary, uint64_t time, uint64_t count)
{
	char key[8];
	uint64_t hour = time / HOUR;
	for (size_t i = 0; i < sizeof(key); i++)
		key[i] = (char)(unsigned char)(hour >> (56 - 8 * i));
	return tally_add_most(summary->hours, cursor_of(key, sizeof(key)), count, SUMMARY_KEYS);
}

static bool value_add(struct tally *tally, const struct record *record, enum record_column column, uint64_t count)
{
	char value[RECORD_VALUE];
	size_t length = record_value(record, column, value);
	return tally_add_most(tally, length > 0 ? cursor_of(value, length) : cursor_text("not known"), count, SUMMARY_KEYS);
}

static bool port_add(struct summary *summary, const struct record *record, uint64_t count)
{
	struct buffer *key = &summary->key;
	buffer_clear(key);
	if (record_has(record, COLUMN_PROTOCOL))
		port_print(record->protocol, record_has(record, COLUMN_DST_PORT), record->dstport,
			   record_has(record, COLUMN_ICMPTYPE) ? record->icmptype : -1, key);
	else
		buffer_add_text(key, "not known");
	return tally_add_most(summary->ports, cursor_of(buffer_text(key), key->length), count, SUMMARY_KEYS);
}

static void name_add(struct buffer *key, struct cursor name)
{
	if (name.at == NULL)
		return;
	buffer_add_text(key, key->length > 0 ? " / " : "");
	buffer_add(key, name.at, cursor_left(&name));
}

/* As the record names it; otherwise as the policy does. */
static bool filter_add(struct summary *summary, const struct record *record, const struct judged *judged, uint64_t count)
{
	struct buffer *key = &summary->key;
	buffer_clear(key);
	if (record->rule.at != NULL) {
		name_add(key, record->policy);
		name_add(key, record->rule);
		name_add(key, record->filterlist);
	} else if (record_has(record, COLUMN_FILTER_ID)) {
		buffer_printf(key, "filter %llu", (unsigned long long)record->filter_id);
		if (record->layer.at != NULL) {
			buffer_add_text(key, ", ");
			buffer_add(key, record->layer.at, cursor_left(&record->layer));
		}
	} else if (judged != NULL && judged->result == REPLAY_EXPECTED && judged->verdict.match != NULL) {
		const struct origin *origin = &judged->ruleset->origins[judged->verdict.match->origin];
		buffer_printf(key, "%s / ", origin_policy(origin));
		origin_rule(origin, key);
		buffer_printf(key, " / %s", origin_list(origin));
	} else {
		buffer_add_text(key, "not known");
	}
	return tally_add_most(summary->filters, cursor_of(buffer_text(key), key->length), count, SUMMARY_KEYS);
}

static void drop_add(struct summary *summary, const struct record *record, const struct judged *judged, uint64_t count)
{
	summary->drops += count;
	if (!record_has(record, COLUMN_DATE))
		summary->timeless += count;
	bool kept = !record_has(record, COLUMN_DATE) || hour_add(summary, record->time, count);
	if (record->layer.at != NULL && ascii_equal_n(record->layer.at, cursor_left(&record->layer), "lost"))
		summary->lost += count;
	kept &= value_add(summary->sources, record, COLUMN_SRC_IP, count);
	kept &= value_add(summary->destinations, record, COLUMN_DST_IP, count);
	kept &= port_add(summary, record, count);
	kept &= filter_add(summary, record, judged, count);
	summary->unkept += kept ? 0 : count;
}

static const char *text_keep(struct summary *summary, struct cursor text)
{
	enum { TEXT_MOST = 400 };
	size_t length = cursor_left(&text);
	return arena_text_n(summary->arena, text.at != NULL ? text.at : "", length < TEXT_MOST ? length : TEXT_MOST);
}

static void mode_add(struct summary *summary, const struct record *record)
{
	if (summary->mode_count == SUMMARY_MODES) {
		summary->modes_more++;
		return;
	}
	summary->modes = arena_grow(summary->arena, summary->modes, summary->mode_count, &summary->mode_capacity, sizeof(*summary->modes));
	summary->modes[summary->mode_count++] = (struct mode_change){
		.time = record_has(record, COLUMN_DATE) ? record->time : 0,
		.mode = text_keep(summary, record->mode),
		.why = text_keep(summary, record->rule),
		.computer = text_keep(summary, record->computername),
	};
}

static void judged_add(struct summary *summary, const struct record *record, const struct judged *judged, uint64_t count)
{
	summary->judged += count;
	summary->results[judged->result] += count;
	if (judged->result == REPLAY_UNEXPLAINED)
		(void)tally_add_most(summary->whys, cursor_text(judged->why), count, SUMMARY_KEYS);
	if (judged->result == REPLAY_UNEXPECTED && !cases_add(summary->unexpected, record, judged, count))
		summary->cases_unkept += count;
}

void summary_add(struct summary *summary, enum meaning meaning, const struct record *record, const struct judged *judged)
{
	uint64_t count = record_has(record, COLUMN_COUNT) ? record->count : 1;
	/* No sum of what a log claims may wrap. */
	summary->capped += count > SUMMARY_PACKETS;
	count = count < SUMMARY_PACKETS ? count : SUMMARY_PACKETS;
	summary->records++;
	if (record_has(record, COLUMN_DATE)) {
		if (summary->first == 0 || record->time < summary->first)
			summary->first = record->time;
		if (record->time > summary->last)
			summary->last = record->time;
	}
	if (meaning == MEANING_DROP)
		drop_add(summary, record, judged, count);
	else if (meaning == MEANING_PERMIT)
		summary->permits += count;
	else if (record->mode.at != NULL && record->action.at == NULL && !record_has(record, COLUMN_SRC_IP))
		mode_add(summary, record);
	if (judged != NULL)
		judged_add(summary, record, judged, count);
}
