#include <criterion/criterion.h>

#include "tests/unit/audit/fixture.h"

Test(replay, tells_what_was_meant)
{
	static const struct {
		const char *label, *action, *mode;
		uint16_t port;
		enum replay_result result;
	} rows[] = {
		{"dropped and blocked", "DROP", NULL, 445, REPLAY_EXPECTED},
		{"dropped and permitted", "DROP", NULL, 80, REPLAY_UNEXPECTED},
		{"let through and permitted", "ALLOW", NULL, 80, REPLAY_EXPECTED},
		{"let through and blocked", "ALLOW", NULL, 445, REPLAY_UNEXPECTED},
		{"observed: let through and blocked", "ALLOW", "observe", 445, REPLAY_EXPECTED},
		{"observed: let through and permitted", "ALLOW", "observe", 80, REPLAY_UNEXPECTED},
		{"action in another case", "drop", NULL, 445, REPLAY_EXPECTED},
	};
	struct fixture fixture;
	fixture_init(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = fixture_record(rows[i].action, "203.0.113.9", rows[i].port, 0);
		struct judged judged;
		if (rows[i].mode != NULL)
			record.mode = cursor_text(rows[i].mode);
		fixture_judge(&fixture, &record, &judged);
		cr_expect_eq(judged.result, rows[i].result, "%s: %s", rows[i].label, replay_result_name(judged.result));
	}
	fixture_done(&fixture);
}

Test(replay, says_what_a_record_lacks)
{
	static const struct {
		enum record_column column;
		const char *lacks;
	} rows[] = {
		{COLUMN_SRC_IP, "the source address"}, {COLUMN_DST_IP, "the destination address"}, {COLUMN_PROTOCOL, "the protocol"},
		{COLUMN_SRC_PORT, "the ports"}, {COLUMN_DST_PORT, "the ports"},
	};
	struct fixture fixture;
	fixture_init(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = fixture_record("DROP", "203.0.113.9", 445, 0);
		struct judged judged;
		record.has &= ~RECORD_HAS(rows[i].column);
		fixture_judge(&fixture, &record, &judged);
		cr_expect_eq(judged.result, REPLAY_UNEXPLAINED, "%s", rows[i].lacks);
		cr_expect_str_eq(judged.why, rows[i].lacks);
	}
	fixture_done(&fixture);
}

Test(replay, direction_follows_from_the_hosts_addresses)
{
	static const struct {
		const char *src, *dst;
		enum direction direction; /* 0: unexplained */
	} rows[] = {
		{"203.0.113.9", "192.0.2.10", DIRECTION_IN}, {"192.0.2.10", "203.0.113.9", DIRECTION_OUT}, {"203.0.113.9", "192.0.2.255", DIRECTION_IN},
		{"203.0.113.9", "239.1.2.3", DIRECTION_IN}, {"203.0.113.9", "198.51.100.7", 0},
	};
	struct fixture fixture;
	fixture_init(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = fixture_record("DROP", rows[i].src, 445, 0);
		struct packet packet = {.direction = 0};
		record.direction = (struct cursor){NULL, NULL};
		cr_assert(record_set(&record, COLUMN_DST_IP, cursor_text(rows[i].dst)));
		const char *lacks = replay_packet(&record, &fixture.host, &packet);
		cr_expect_eq(lacks == NULL, rows[i].direction != 0, "%s to %s", rows[i].src, rows[i].dst);
		cr_expect_eq(packet.direction, rows[i].direction, "%s to %s", rows[i].src, rows[i].dst);
	}
	fixture_done(&fixture);
}

Test(replay, what_is_to_be_negotiated_may_be_dropped)
{
	struct fixture fixture;
	struct judged judged;
	fixture_init(&fixture);
	for (size_t i = 0; i < fixture.state->locations[LOCATION_LOCAL].filteractions.count; i++)
		((struct filteraction *)fixture.state->locations[LOCATION_LOCAL].filteractions.items[i])->action = ACTION_NEGOTIATE;
	classifier_free(fixture.classifier);
	ruleset_free(fixture.ruleset);
	cr_assert_eq(ruleset_build(fixture.state, &fixture.host, MODE_SECURE, NULL, &fixture.ruleset), 0);
	fixture.classifier = classifier_new(fixture.ruleset);
	struct record record = fixture_record("DROP", "203.0.113.9", 445, 0);
	fixture_judge(&fixture, &record, &judged);
	cr_expect_eq(judged.verdict.action, ACTION_NEGOTIATE);
	cr_expect_eq(judged.result, REPLAY_EXPECTED, "dropped");
	record = fixture_record("ALLOW", "203.0.113.9", 445, 0);
	fixture_judge(&fixture, &record, &judged);
	cr_expect_eq(judged.result, REPLAY_UNEXPLAINED, "let through: IPsec may have protected it");
	fixture_done(&fixture);
}
