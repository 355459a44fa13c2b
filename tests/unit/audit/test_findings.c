#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "logparse/audit/findings.h"
#include "tests/unit/audit/fixture.h"

struct bench {
	struct fixture fixture;
	struct job job;
	struct findings findings;
	struct summary summary;
	struct reader_counts counts;
};

static void bench_init(struct bench *bench)
{
	*bench = (struct bench){.job = {.name = "test", .has_limit = {[LIMIT_UNEXPECTED] = true, [LIMIT_LOST] = true}}};
	fixture_init(&bench->fixture);
	summary_init(&bench->summary);
	findings_init(&bench->findings, &bench->job, FIXTURE_TIME);
}

static void bench_done(struct bench *bench)
{
	findings_done(&bench->findings);
	summary_done(&bench->summary);
	fixture_done(&bench->fixture);
}

static void drops_add(struct bench *bench, const char *src, uint16_t port, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct record record = fixture_record("DROP", src, port, i);
		struct judged judged;
		fixture_judge(&bench->fixture, &record, &judged);
		summary_add(&bench->summary, MEANING_DROP, &record, &judged);
	}
}

static void limit(struct bench *bench, enum job_limit which, uint64_t most)
{
	bench->job.has_limit[which] = true;
	bench->job.limits[which] = most;
}

/* Each line of JSON is an object with the four members that all have. */
static void json_check(const struct findings *findings, size_t lines)
{
	size_t count = 0;
	for (const char *at = buffer_text(&findings->json); *at != '\0'; count++) {
		const char *end = strchr(at, '\n');
		cr_assert_not_null(end);
		cJSON *root = cJSON_ParseWithLength(at, (size_t)(end - at));
		cr_assert_not_null(root, "%s", at);
		cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(root, "time")), "2026-11-21T10:00:00Z");
		cr_expect_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(root, "job")), "test");
		cr_expect_not_null(cJSON_GetStringValue(cJSON_GetObjectItem(root, "kind")));
		cr_expect_not_null(cJSON_GetStringValue(cJSON_GetObjectItem(root, "text")));
		cJSON_Delete(root);
		at = end + 1;
	}
	cr_expect_eq(count, lines, "%zu lines", count);
}

static bool says(const struct bench *bench, const char *text)
{
	return strstr(buffer_text(&bench->findings.text), text) != NULL;
}

Test(findings, clean_is_one_line)
{
	struct bench bench;
	bench_init(&bench);
	drops_add(&bench, "203.0.113.1", 445, 3);
	findings_judge(&bench.findings, &bench.summary, &bench.counts);
	findings_end(&bench.findings, &bench.summary, &bench.counts);
	cr_expect_eq(bench.findings.count, 0);
	cr_expect_str_eq(buffer_text(&bench.findings.text), "summary: clean in 3 records, 3 packets dropped\n");
	json_check(&bench.findings, 1);
	bench_done(&bench);
}

Test(findings, unexpected_packets_are_told_case_by_case)
{
	struct bench bench;
	bench_init(&bench);
	drops_add(&bench, "203.0.113.1", 80, 3);
	drops_add(&bench, "203.0.113.2", 80, 1);
	findings_judge(&bench.findings, &bench.summary, &bench.counts);
	findings_end(&bench.findings, &bench.summary, &bench.counts);
	cr_expect_eq(bench.findings.count, 2);
	cr_expect(says(&bench, "unexpected: 3 packets of TCP 80 from 203.0.113.1 to 192.0.2.10 were dropped: permit by policy \"p\", rule \"web\", list \"http\", filter 1 "
			       "(`in tcp 203.0.113.1:40000 > 192.0.2.10:80`); 2026-11-21T10:00:00Z to 2026-11-21T10:00:02Z\n"), "%s", buffer_text(&bench.findings.text));
	json_check(&bench.findings, 3);
	bench_done(&bench);
}

Test(findings, thresholds_count_from_one_more_on)
{
	struct bench bench;
	bench_init(&bench);
	drops_add(&bench, "203.0.113.1", 445, 5);
	drops_add(&bench, "203.0.113.2", 22, 4);
	limit(&bench, LIMIT_DROPS, 9);
	limit(&bench, LIMIT_SOURCE, 5);
	limit(&bench, LIMIT_PORT, 5);
	limit(&bench, LIMIT_UNEXPLAINED, 0);
	limit(&bench, LIMIT_RECORDS, 9);
	findings_judge(&bench.findings, &bench.summary, &bench.counts);
	cr_expect_eq(bench.findings.count, 0, "%s", buffer_text(&bench.findings.text));
	limit(&bench, LIMIT_DROPS, 8);
	limit(&bench, LIMIT_SOURCE, 4);
	limit(&bench, LIMIT_PORT, 3);
	limit(&bench, LIMIT_RECORDS, 10);
	findings_judge(&bench.findings, &bench.summary, &bench.counts);
	cr_expect_eq(bench.findings.count, 5);
	cr_expect(says(&bench, "threshold: 9 packets were dropped; at most 8 are expected\n"));
	cr_expect(says(&bench, "threshold: 5 packets were dropped from 203.0.113.1; at most 4 are expected\n"));
	cr_expect(!says(&bench, "dropped from 203.0.113.2"));
	cr_expect(says(&bench, "threshold: 5 packets were dropped to TCP 445; at most 3 are expected\n"));
	cr_expect(says(&bench, "threshold: 4 packets were dropped to TCP 22; at most 3 are expected\n"));
	cr_expect(says(&bench, "threshold: 9 records came; at least 10 are expected\n"));
	json_check(&bench.findings, 5);
	bench_done(&bench);
}

Test(findings, what_lasts_is_told_once)
{
	struct bench first, second;
	bench_init(&first);
	first.findings.since_last = true;
	first.counts.unreadable = 3;
	findings_lasting(&first.findings, "kernel", "missing: x");
	findings_judge(&first.findings, &first.summary, &first.counts);
	cr_expect_eq(first.findings.count, 2);
	bench_init(&second);
	second.findings.since_last = true;
	for (size_t i = 0; i < first.findings.after_count; i++)
		findings_know(&second.findings, first.findings.after[i]);
	findings_lasting(&second.findings, "kernel", "missing: x");
	findings_lasting(&second.findings, "lint", "missing: x");
	second.counts.unreadable = 3;
	findings_judge(&second.findings, &second.summary, &second.counts);
	cr_expect_eq(second.findings.count, 1, "%s", buffer_text(&second.findings.text));
	cr_expect_eq(second.findings.after_count, 3, "what is still so stays known");
	second.counts.unreadable = 4;
	findings_judge(&second.findings, &second.summary, &second.counts);
	cr_expect_eq(second.findings.count, 2, "more damage is news");
	bench_done(&first);
	bench_done(&second);
}

Test(findings, without_since_last_all_is_told)
{
	struct bench bench;
	char key[FINDINGS_KEY];
	bench_init(&bench);
	findings_lasting(&bench.findings, "kernel", "x");
	(void)snprintf(key, sizeof(key), "%s", bench.findings.after[0]);
	findings_know(&bench.findings, key);
	findings_lasting(&bench.findings, "kernel", "x");
	cr_expect_eq(bench.findings.count, 2);
	bench_done(&bench);
}

Test(findings, a_line_stays_one)
{
	struct bench bench;
	bench_init(&bench);
	findings_lasting(&bench.findings, "kernel", "a\nb\x1b[31m");
	cr_expect_str_eq(buffer_text(&bench.findings.text), "kernel: a?b?[31m\n");
	json_check(&bench.findings, 1);
	bench_done(&bench);
}

Test(findings, of_very_many_a_thousand_and_how_many_more)
{
	struct bench bench;
	char src[32];
	bench_init(&bench);
	for (unsigned i = 0; i < FINDINGS_EACH + 20; i++) {
		(void)snprintf(src, sizeof(src), "203.%u.%u.9", i / 200, i % 200);
		drops_add(&bench, src, 80, 1);
	}
	findings_judge(&bench.findings, &bench.summary, &bench.counts);
	cr_expect_eq(bench.findings.count, FINDINGS_EACH + 1);
	cr_expect(says(&bench, "unexpected: and 20 more packets of other kinds\n"));
	bench_done(&bench);
}
