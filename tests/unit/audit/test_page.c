#include <criterion/criterion.h>
#include <string.h>

#include "logparse/audit/chart.h"
#include "logparse/audit/page.h"
#include "tests/unit/audit/fixture.h"

static void page_make(struct summary *summary, const char *policy, struct buffer *output)
{
	static const char *const inputs[] = {"<evil> & \"file\".log"};
	static const struct page_damage damages[] = {{"a<b>.log", "bad & lost", 12, 0, true}};
	const struct page page = {.summary = summary, .inputs = inputs, .input_count = 1, .made = FIXTURE_TIME, .policy = policy, .unjudged = "no <policy>",
				  .damages = damages, .damage_count = 1, .counts = {.read = 5, .unreadable = 1}};
	buffer_init(output, 1 << 24);
	page_print(&page, output);
	cr_expect(!output->full);
}

static bool has(const struct buffer *output, const char *text)
{
	return strstr(buffer_text(output), text) != NULL;
}

/* No element of the page but those that it has itself. */
static void escaped_check(const struct buffer *output)
{
	static const char *const never[] = {"<evil", "<b>.log", "<policy", "<script", "<img", "onerror=\"", "http:", "https:", "url("};
	for (size_t i = 0; i < sizeof(never) / sizeof(never[0]); i++)
		cr_expect(!has(output, never[i]), "%s", never[i]);
	cr_expect(has(output, "&lt;evil&gt; &amp; &quot;file&quot;.log"));
	cr_expect(has(output, "lost: bad &amp; lost"));
}

Test(page, hostile_text_is_escaped_wherever_it_stands)
{
	struct summary summary;
	struct buffer output;
	struct record record = fixture_record("DROP", "203.0.113.1", 80, 0), mode = {.mode = cursor_text("<script>"), .rule = cursor_text("<img src=x onerror=\"y\">")};
	record.rule = cursor_text("</td><script>alert(1)</script>");
	record.policy = cursor_text("a\x01\xff");
	summary_init(&summary);
	summary_add(&summary, MEANING_DROP, &record, NULL);
	mode.time = FIXTURE_TIME;
	mode.has = RECORD_HAS(COLUMN_DATE);
	summary_add(&summary, MEANING_OTHER, &mode, NULL);
	page_make(&summary, NULL, &output);
	escaped_check(&output);
	cr_expect(has(&output, "&lt;script&gt;alert(1)"));
	cr_expect(has(&output, "Not judged by a policy: no &lt;policy&gt;."));
	buffer_done(&output);
	summary_done(&summary);
}

Test(page, shows_what_was_unexpected)
{
	struct fixture fixture;
	struct summary summary;
	struct buffer output;
	struct judged judged;
	struct record record = fixture_record("DROP", "203.0.113.1", 80, 3);
	fixture_init(&fixture);
	summary_init(&summary);
	fixture_judge(&fixture, &record, &judged);
	summary_add(&summary, MEANING_DROP, &record, &judged);
	page_make(&summary, "the policy", &output);
	cr_expect(has(&output, "permit: p / web / http #1"));
	cr_expect(has(&output, "in tcp 203.0.113.1:40000 &gt; 192.0.2.10:80"));
	cr_expect(has(&output, "2026-11-21 10:00:03"));
	buffer_done(&output);
	summary_done(&summary);
	fixture_done(&fixture);
}

Test(page, without_a_record_it_is_a_whole_page)
{
	struct summary summary;
	struct buffer output;
	summary_init(&summary);
	page_make(&summary, "p", &output);
	cr_expect(has(&output, "No drop whose time is known"));
	cr_expect(has(&output, "No change of the mode"));
	cr_expect(has(&output, "Nothing was unexpected"));
	cr_expect(has(&output, "</html>"));
	buffer_done(&output);
	summary_done(&summary);
}

static void hours_add(struct summary *summary, uint64_t hour, uint64_t count)
{
	struct record record = fixture_record("DROP", "203.0.113.1", 80, 0);
	record.time = hour * UINT64_C(36000000000);
	record.count = count;
	record.has |= RECORD_HAS(COLUMN_COUNT);
	summary_add(summary, MEANING_DROP, &record, NULL);
}

Test(chart, bars_are_at_most_two_hundred_whatever_the_span)
{
	static const uint64_t spans[] = {0, 1, 23, 199, 200, 500, 5000, 100000, 3000000, 500000000};
	for (size_t i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		struct summary summary;
		struct chart chart;
		struct buffer output;
		summary_init(&summary);
		hours_add(&summary, 1000, 5);
		hours_add(&summary, 1000 + spans[i], 7);
		chart_init(&chart, &summary);
		cr_expect_leq((chart.last - chart.first) / chart.step + 1, 201, "span %llu", (unsigned long long)spans[i]);
		cr_expect_leq(chart.first, 1000);
		cr_expect_eq(chart.outside, 0);
		buffer_init(&output, 1 << 24);
		chart_drops(&chart, &output);
		cr_expect(strstr(buffer_text(&output), "</svg>") != NULL);
		cr_expect(strstr(buffer_text(&output), "nan") == NULL && strstr(buffer_text(&output), "inf") == NULL);
		buffer_done(&output);
		chart_done(&chart);
		summary_done(&summary);
	}
}

Test(chart, a_clock_that_was_wrong_for_a_moment_does_not_spoil_it)
{
	struct summary summary;
	struct chart chart;
	summary_init(&summary);
	for (uint64_t hour = 0; hour < 48; hour++)
		hours_add(&summary, 3733000 + hour, 1000);
	hours_add(&summary, 10, 3);
	hours_add(&summary, 400000000, 4);
	chart_init(&chart, &summary);
	cr_expect_eq(chart.step, 1);
	cr_expect_geq(chart.first, 3733000 - 24);
	cr_expect_eq(chart.last, 3733047);
	cr_expect_eq(chart.outside, 7);
	chart_done(&chart);
	summary_done(&summary);
}

Test(chart, numbers_are_grouped)
{
	static const struct { uint64_t number; const char *text; } rows[] = {
		{0, "0"}, {999, "999"}, {1000, "1\xe2\x80\xaf" "000"}, {1234567, "1\xe2\x80\xaf" "234\xe2\x80\xaf" "567"},
		{UINT64_MAX, "18\xe2\x80\xaf" "446\xe2\x80\xaf" "744\xe2\x80\xaf" "073\xe2\x80\xaf" "709\xe2\x80\xaf" "551\xe2\x80\xaf" "615"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer output;
		buffer_init(&output, 256);
		chart_number(rows[i].number, &output);
		cr_expect_str_eq(buffer_text(&output), rows[i].text);
		buffer_done(&output);
	}
}
