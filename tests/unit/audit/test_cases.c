#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/audit/fixture.h"

static void add(struct cases *cases, const struct fixture *fixture, const char *src, uint16_t port, unsigned seconds, uint64_t count, bool kept)
{
	struct record record = fixture_record("DROP", src, port, seconds);
	struct judged judged;
	record.srcport = (uint16_t)(40000 + seconds);
	fixture_judge(fixture, &record, &judged);
	cr_expect_eq(cases_add(cases, &record, &judged, count), kept, "%s %u", src, port);
}

Test(cases, gathers_by_source_and_port_and_keeps_first_and_last)
{
	struct fixture fixture;
	size_t count;
	fixture_init(&fixture);
	struct cases *cases = cases_new(100);
	add(cases, &fixture, "203.0.113.1", 80, 50, 1, true);
	add(cases, &fixture, "203.0.113.2", 80, 20, 7, true);
	add(cases, &fixture, "203.0.113.1", 80, 10, 2, true);
	add(cases, &fixture, "203.0.113.1", 80, 90, 1, true);
	const struct audit_case *rows = cases_sorted(cases, &count);
	cr_assert_eq(count, 2);
	cr_expect_str_eq(rows[0].src, "203.0.113.2");
	cr_expect_eq(rows[0].count, 7);
	cr_expect_eq(rows[1].count, 4);
	cr_expect_eq(rows[1].first, FIXTURE_TIME + UINT64_C(100000000));
	cr_expect_eq(rows[1].last, FIXTURE_TIME + UINT64_C(900000000));
	cr_expect_str_eq(rows[1].packet, "in tcp 203.0.113.1:40050 > 192.0.2.10:80");
	cr_expect_str_eq(rows[1].rule, "web");
	cr_expect_str_eq(rows[1].port, "TCP 80");
	cr_expect_eq(rows[1].filter, 1);
	cases_free(cases);
	fixture_done(&fixture);
}

Test(cases, a_full_table_keeps_what_it_has_and_says_so)
{
	struct fixture fixture;
	size_t count;
	fixture_init(&fixture);
	struct cases *cases = cases_new(2);
	add(cases, &fixture, "203.0.113.1", 80, 0, 1, true);
	add(cases, &fixture, "203.0.113.2", 80, 0, 1, true);
	add(cases, &fixture, "203.0.113.3", 80, 0, 1, false);
	add(cases, &fixture, "203.0.113.1", 80, 0, 1, true);
	(void)cases_sorted(cases, &count);
	cr_expect_eq(count, 2);
	cases_free(cases);
	fixture_done(&fixture);
}

Test(cases, many_are_found_again)
{
	struct fixture fixture;
	size_t count;
	char src[32];
	fixture_init(&fixture);
	struct cases *cases = cases_new(100000);
	for (unsigned round = 0; round < 2; round++)
		for (unsigned i = 0; i < 3000; i++) {
			(void)snprintf(src, sizeof(src), "203.%u.%u.9", i / 200, i % 200);
			add(cases, &fixture, src, 80, 0, 1, true);
		}
	const struct audit_case *rows = cases_sorted(cases, &count);
	cr_expect_eq(count, 3000);
	for (size_t i = 0; i < count; i++)
		cr_assert_eq(rows[i].count, 2, "%s", rows[i].src);
	cases_free(cases);
	fixture_done(&fixture);
}

Test(cases, sentence_names_the_filter_or_says_there_is_none)
{
	static const struct {
		struct audit_case item;
		const char *text;
	} rows[] = {
		{{.done = "dropped", .verdict = "permit", .policy = "p", .rule = "a\"\n", .list = "l", .filter = 2, .packet = "in …", .src = "1.2.3.4", .dst = "5.6.7.8",
		  .port = "TCP 80", .count = 3},
		 "3 packets of TCP 80 from 1.2.3.4 to 5.6.7.8 were dropped: permit by policy \"p\", rule \"a\\\"\\x0a\", list \"l\", filter 2 (`in …`)"},
		{{.done = "dropped", .verdict = "permit", .policy = "-", .rule = "-", .list = "-", .packet = "x", .src = "s", .dst = "d", .port = "GRE", .count = 1},
		 "1 packet of GRE from s to d was dropped: permit, since no filter matches (`x`)"},
		{{.done = "dropped", .verdict = "permit", .policy = "-", .rule = "ike", .list = "-", .packet = "x", .src = "s", .dst = "d", .port = "UDP 500", .count = 1},
		 "1 packet of UDP 500 from s to d was dropped: permit by the exemption ike (`x`)"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct buffer text;
		buffer_init(&text, 4096);
		case_print(&rows[i].item, &text);
		cr_expect_str_eq(buffer_text(&text), rows[i].text);
		buffer_done(&text);
	}
}
