#include "logparse/audit/findings.h"

#include <sha2.h>
#include <string.h>

#include "core/base/json.h"
#include "logparse/audit/chart.h"

enum { OUTPUT_MOST = 256 << 20 };

void findings_init(struct findings *findings, const struct job *job, uint64_t now)
{
	*findings = (struct findings){.arena = arena_new(), .job = job, .now = now};
	buffer_init(&findings->text, OUTPUT_MOST);
	buffer_init(&findings->json, OUTPUT_MOST);
}

void findings_done(struct findings *findings)
{
	buffer_done(&findings->text);
	buffer_done(&findings->json);
	arena_free(findings->arena);
}

void findings_know(struct findings *findings, const char *key)
{
	findings->before = arena_grow(findings->arena, findings->before, findings->before_count, &findings->before_capacity, sizeof(*findings->before));
	findings->before[findings->before_count++] = arena_text(findings->arena, key);
}

/* --- One line --- */

static void member_text(struct buffer *json, const char *name, const char *text)
{
	buffer_printf(json, ", \"%s\": ", name);
	json_text_print(text, json);
}

static void member_number(struct buffer *json, const char *name, uint64_t number)
{
	buffer_printf(json, ", \"%s\": %llu", name, (unsigned long long)number);
}

static void member_time(struct buffer *json, const char *name, uint64_t time)
{
	if (time == 0)
		return;
	buffer_printf(json, ", \"%s\": \"", name);
	chart_time(time, 'T', json);
	buffer_add_text(json, "Z\"");
}

/* The object is left open for what this kind has besides. */
static void line_begin(struct findings *findings, const char *kind)
{
	buffer_add_text(&findings->json, "{\"time\": \"");
	chart_time(findings->now, 'T', &findings->json);
	buffer_printf(&findings->json, "Z\", \"job\": \"%s\", \"kind\": \"%s\"", findings->job->name, kind);
	buffer_printf(&findings->text, "%s: ", kind);
}

static void line_end(struct findings *findings, const char *text)
{
	member_text(&findings->json, "text", text);
	buffer_add_text(&findings->json, "}\n");
	/* One line stays one, on whatever terminal. */
	for (; *text != '\0'; text++)
		buffer_add_char(&findings->text, (unsigned char)*text < ' ' || *text == 0x7f ? '?' : *text);
	buffer_add_char(&findings->text, '\n');
	findings->count++;
}

/* --- What lasts --- */

static bool key_known(const struct findings *findings, const char *key)
{
	for (size_t i = 0; i < findings->before_count; i++)
		if (strcmp(findings->before[i], key) == 0)
			return true;
	return false;
}

void findings_lasting(struct findings *findings, const char *kind, const char *text)
{
	char key[FINDINGS_KEY];
	SHA2_CTX hash;
	SHA256Init(&hash);
	SHA256Update(&hash, (const uint8_t *)kind, strlen(kind) + 1);
	SHA256Update(&hash, (const uint8_t *)text, strlen(text));
	(void)SHA256End(&hash, key);
	findings->after = arena_grow(findings->arena, findings->after, findings->after_count, &findings->after_capacity, sizeof(*findings->after));
	findings->after[findings->after_count++] = arena_text(findings->arena, key);
	if (findings->since_last && key_known(findings, key))
		return;
	line_begin(findings, kind);
	line_end(findings, text);
}

/* --- Thresholds --- */

static bool over(const struct findings *findings, enum job_limit limit, uint64_t count)
{
	return findings->job->has_limit[limit] && count > findings->job->limits[limit];
}

/* "lost", but only when the number is another than the last run's: the same damage is there every day. */
static void counts_judge(struct findings *findings, const struct reader_counts *counts)
{
	struct buffer text;
	buffer_init(&text, 1024);
	if (over(findings, LIMIT_LOST, counts->unreadable)) {
		buffer_printf(&text, "%llu records could not be read; at most %llu are taken", (unsigned long long)counts->unreadable,
			      (unsigned long long)findings->job->limits[LIMIT_LOST]);
		findings_lasting(findings, "lost", buffer_text(&text));
	}
	buffer_clear(&text);
	if (over(findings, LIMIT_RECOVERED, counts->recovered)) {
		buffer_printf(&text, "%llu records were recovered; at most %llu are taken", (unsigned long long)counts->recovered,
			      (unsigned long long)findings->job->limits[LIMIT_RECOVERED]);
		findings_lasting(findings, "recovered", buffer_text(&text));
	}
	buffer_done(&text);
}

static void threshold_say(struct findings *findings, enum job_limit limit, const char *of, uint64_t count, const char *what)
{
	struct buffer text;
	buffer_init(&text, 4096);
	line_begin(findings, "threshold");
	member_text(&findings->json, "threshold", job_limit_names[limit]);
	if (of != NULL)
		member_text(&findings->json, "of", of);
	member_number(&findings->json, "count", count);
	member_number(&findings->json, "limit", findings->job->limits[limit]);
	buffer_printf(&text, "%llu %s%s%s; at %s %llu are expected", (unsigned long long)count, what, of != NULL ? " " : "", of != NULL ? of : "",
		      limit == LIMIT_RECORDS ? "least" : "most", (unsigned long long)findings->job->limits[limit]);
	line_end(findings, buffer_text(&text));
	buffer_done(&text);
}

static void rest_say(struct findings *findings, const char *kind, uint64_t count, const char *what)
{
	struct buffer text;
	if (count == 0)
		return;
	buffer_init(&text, 1024);
	line_begin(findings, kind);
	member_number(&findings->json, "count", count);
	buffer_printf(&text, "and %llu more %s", (unsigned long long)count, what);
	line_end(findings, buffer_text(&text));
	buffer_done(&text);
}

static void tally_judge(struct findings *findings, enum job_limit limit, struct tally *tally, const char *what)
{
	size_t count, over_count = 0;
	const struct tallied *rows = findings->job->has_limit[limit] ? tally_sorted(tally, &count) : NULL;
	if (rows == NULL)
		return;
	for (size_t i = 0; i < count && rows[i].count > findings->job->limits[limit]; i++) {
		char *key = arena_text_n(findings->arena, rows[i].key.at, cursor_left(&rows[i].key));
		if (strcmp(key, "not known") == 0)
			continue;
		if (++over_count <= FINDINGS_EACH)
			threshold_say(findings, limit, key, rows[i].count, what);
	}
	rest_say(findings, "threshold", over_count > FINDINGS_EACH ? over_count - FINDINGS_EACH : 0, "of these");
}

static void case_say(struct findings *findings, const struct audit_case *item)
{
	struct buffer text;
	buffer_init(&text, 8192);
	line_begin(findings, "unexpected");
	struct buffer *json = &findings->json;
	member_number(json, "count", item->count);
	member_text(json, "was", item->done);
	member_text(json, "verdict", item->verdict);
	member_text(json, "policy", item->policy);
	member_text(json, "rule", item->rule);
	member_text(json, "filterlist", item->list);
	member_number(json, "filter", item->filter);
	member_text(json, "src", item->src);
	member_text(json, "dst", item->dst);
	member_text(json, "port", item->port);
	member_text(json, "packet", item->packet);
	member_time(json, "first", item->first);
	member_time(json, "last", item->last);
	case_print(item, &text);
	if (item->first > 0) {
		buffer_add_text(&text, "; ");
		chart_time(item->first, 'T', &text);
		buffer_add_text(&text, item->last > item->first ? "Z to " : "Z");
	}
	if (item->last > item->first) {
		chart_time(item->last, 'T', &text);
		buffer_add_char(&text, 'Z');
	}
	line_end(findings, buffer_text(&text));
	buffer_done(&text);
}

static void unexpected_judge(struct findings *findings, struct summary *summary)
{
	size_t count;
	if (!over(findings, LIMIT_UNEXPECTED, summary->results[REPLAY_UNEXPECTED]))
		return;
	const struct audit_case *cases = cases_sorted(summary->unexpected, &count);
	for (size_t i = 0; i < count && i < FINDINGS_EACH; i++)
		case_say(findings, &cases[i]);
	uint64_t rest = summary->cases_unkept;
	for (size_t i = FINDINGS_EACH; i < count; i++)
		rest += cases[i].count;
	rest_say(findings, "unexpected", rest, "packets of other kinds");
}

void findings_judge(struct findings *findings, struct summary *summary, const struct reader_counts *counts)
{
	unexpected_judge(findings, summary);
	if (over(findings, LIMIT_UNEXPLAINED, summary->results[REPLAY_UNEXPLAINED]))
		threshold_say(findings, LIMIT_UNEXPLAINED, NULL, summary->results[REPLAY_UNEXPLAINED], "packets cannot be judged");
	if (over(findings, LIMIT_DROPS, summary->drops))
		threshold_say(findings, LIMIT_DROPS, NULL, summary->drops, "packets were dropped");
	tally_judge(findings, LIMIT_SOURCE, summary->sources, "packets were dropped from");
	tally_judge(findings, LIMIT_PORT, summary->ports, "packets were dropped to");
	if (findings->job->has_limit[LIMIT_RECORDS] && summary->records < findings->job->limits[LIMIT_RECORDS])
		threshold_say(findings, LIMIT_RECORDS, NULL, summary->records, "records came");
	counts_judge(findings, counts);
}

void findings_end(struct findings *findings, const struct summary *summary, const struct reader_counts *counts)
{
	uint64_t count = findings->count;
	struct buffer text;
	buffer_init(&text, 1024);
	line_begin(findings, "summary");
	member_number(&findings->json, "findings", count);
	member_number(&findings->json, "records", summary->records);
	member_number(&findings->json, "drops", summary->drops);
	member_number(&findings->json, "permits", summary->permits);
	for (size_t i = 0; i < REPLAY_WOULD; i++)
		member_number(&findings->json, replay_result_name((enum replay_result)i), summary->results[i]);
	member_number(&findings->json, "lost", counts->unreadable);
	if (summary->capped > 0)
		member_number(&findings->json, "capped", summary->capped);
	if (count == 0)
		buffer_add_text(&text, "clean");
	else
		buffer_printf(&text, "%llu finding%s", (unsigned long long)count, count > 1 ? "s" : "");
	buffer_printf(&text, " in %llu %srecords, %llu%s packets dropped", (unsigned long long)summary->records, findings->since_last ? "new " : "",
		      (unsigned long long)summary->drops, summary->capped > 0 ? "+" : "");
	line_end(findings, buffer_text(&text));
	findings->count = count;
	buffer_done(&text);
}
