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

/* Their lines have neither destination, nor direction, nor source port. */
Test(replay, drops_of_the_start_up_rules_are_judged_as_far_as_they_are_noted)
{
	static const struct {
		const char *label, *src;
		uint8_t protocol;
		uint16_t port;        /* 0: not noted */
		enum bootmode mode;
		enum replay_result result;
	} rows[] = {
		{"from outside", "203.0.113.9", 6, 445, BOOTMODE_STATEFUL, REPLAY_EXPECTED},
		{"without ports", "203.0.113.9", 1, 0, BOOTMODE_BLOCK, REPLAY_EXPECTED},
		{"IPv6", "2001:db8::9", 6, 80, BOOTMODE_BLOCK, REPLAY_EXPECTED},
		{"DHCP: from port 67 it would have passed", "203.0.113.9", 17, 68, BOOTMODE_BLOCK, REPLAY_UNEXPLAINED},
		{"the host itself may go out", "192.0.2.10", 6, 445, BOOTMODE_STATEFUL, REPLAY_UNEXPLAINED},
		{"nothing but DHCP may", "192.0.2.10", 6, 445, BOOTMODE_BLOCK, REPLAY_EXPECTED},
		{"everything may", "203.0.113.9", 6, 445, BOOTMODE_PERMIT, REPLAY_UNEXPECTED},
		{"the port is missing", "203.0.113.9", 6, 0, BOOTMODE_BLOCK, REPLAY_UNEXPLAINED},
	};
	struct fixture fixture;
	fixture_init(&fixture);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct record record = {.action = cursor_text("DROP"), .mode = cursor_text("boot"), .protocol = rows[i].protocol, .dstport = rows[i].port};
		struct judged judged = {.why = NULL};
		struct ruleset *ruleset;
		record.has = RECORD_HAS(COLUMN_PROTOCOL) | (rows[i].port > 0 ? RECORD_HAS(COLUMN_DST_PORT) : 0);
		cr_assert(record_set(&record, COLUMN_SRC_IP, cursor_text(rows[i].src)));
		cr_assert_eq(ruleset_build_boot(fixture.state, &fixture.host, rows[i].mode, NULL, &ruleset), 0);
		struct classifier *classifier = classifier_new(ruleset);
		cr_expect(replay_is_startup(&record, ruleset) && !replay_is_startup(&record, fixture.ruleset));
		judged.result = replay_judge_startup(&record, &fixture.host, ruleset, classifier, &judged.packet, &judged.verdict, &judged.why);
		cr_expect_eq(judged.result, rows[i].result, "%s: %s", rows[i].label, replay_result_name(judged.result));
		cr_expect_eq(judged.why != NULL, rows[i].result == REPLAY_UNEXPLAINED, "%s", rows[i].label);
		classifier_free(classifier);
		ruleset_free(ruleset);
	}
	fixture_done(&fixture);
}
