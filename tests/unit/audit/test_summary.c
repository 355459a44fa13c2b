#include <criterion/criterion.h>

#include "tests/unit/audit/fixture.h"

static uint64_t tally_of(struct tally *tally, const char *key)
{
	size_t count;
	const struct tallied *rows = tally_sorted(tally, &count);
	for (size_t i = 0; i < count; i++)
		if (cursor_left(&rows[i].key) == strlen(key) && memcmp(rows[i].key.at, key, strlen(key)) == 0)
			return rows[i].count;
	return 0;
}

Test(summary, a_record_counts_as_the_packets_it_stands_for)
{
	struct summary summary;
	struct record record = fixture_record("DROP", "203.0.113.1", 445, 0);
	summary_init(&summary);
	summary_add(&summary, MEANING_DROP, &record, NULL);
	record.count = 41;
	record.has |= RECORD_HAS(COLUMN_COUNT);
	record.rule = cursor_text("r");
	record.policy = cursor_text("p");
	record.time += UINT64_C(36000000000);
	summary_add(&summary, MEANING_DROP, &record, NULL);
	cr_expect_eq(summary.records, 2);
	cr_expect_eq(summary.drops, 42);
	cr_expect_eq(tally_of(summary.sources, "203.0.113.1"), 42);
	cr_expect_eq(tally_of(summary.destinations, "192.0.2.10"), 42);
	cr_expect_eq(tally_of(summary.ports, "TCP 445"), 42);
	cr_expect_eq(tally_of(summary.filters, "p / r"), 41);
	cr_expect_eq(tally_of(summary.filters, "not known"), 1);
	size_t hours;
	const struct tallied *rows = tally_sorted(summary.hours, &hours);
	cr_assert_eq(hours, 2);
	cr_expect_eq(rows[0].count, 41);
	cr_expect_eq(summary_hour(rows[0].key), FIXTURE_TIME / UINT64_C(36000000000) + 1);
	cr_expect_eq(summary_hour(rows[1].key), FIXTURE_TIME / UINT64_C(36000000000));
	summary_done(&summary);
}

Test(summary, a_count_that_cannot_be_does_not_wrap_the_sum)
{
	struct summary summary;
	struct record record = fixture_record("DROP", "203.0.113.1", 445, 0);
	record.count = UINT64_MAX;
	record.has |= RECORD_HAS(COLUMN_COUNT);
	summary_init(&summary);
	for (int i = 0; i < 3; i++)
		summary_add(&summary, MEANING_DROP, &record, NULL);
	cr_expect_eq(summary.drops, 3 * (UINT64_C(1) << 30));
	summary_done(&summary);
}

Test(summary, judged_packets_are_counted_by_result)
{
	static const struct {
		const char *action;
		uint16_t port;
	} rows[] = {{"DROP", 445}, {"DROP", 80}, {"ALLOW", 80}, {"ALLOW", 22}};
	struct fixture fixture;
	struct summary summary;
	size_t count;
	fixture_init(&fixture);
	summary_init(&summary);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = fixture_record(rows[i].action, "203.0.113.1", rows[i].port, 0);
		struct judged judged;
		fixture_judge(&fixture, &record, &judged);
		summary_add(&summary, rows[i].action[0] == 'D' ? MEANING_DROP : MEANING_PERMIT, &record, &judged);
	}
	cr_expect_eq(summary.judged, 4);
	cr_expect_eq(summary.results[REPLAY_EXPECTED], 2);
	cr_expect_eq(summary.results[REPLAY_UNEXPECTED], 2);
	cr_expect_eq(summary.permits, 2);
	(void)cases_sorted(summary.unexpected, &count);
	cr_expect_eq(count, 2);
	/* A drop whose record does not name its filter has that of the policy. */
	cr_expect_eq(tally_of(summary.filters, "p / all / every"), 1);
	summary_done(&summary);
	fixture_done(&fixture);
}

Test(summary, modes_are_kept_in_order_and_bounded)
{
	struct summary summary;
	struct record record = {.mode = cursor_text("secure"), .rule = cursor_text("because"), .time = FIXTURE_TIME, .has = RECORD_HAS(COLUMN_DATE)};
	summary_init(&summary);
	for (unsigned i = 0; i < SUMMARY_MODES + 5; i++)
		summary_add(&summary, MEANING_OTHER, &record, NULL);
	cr_expect_eq(summary.mode_count, SUMMARY_MODES);
	cr_expect_eq(summary.modes_more, 5);
	cr_expect_str_eq(summary.modes[0].mode, "secure");
	cr_expect_str_eq(summary.modes[0].why, "because");
	cr_expect_eq(summary.drops, 0);
	summary_done(&summary);
}
