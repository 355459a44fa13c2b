/* Each warning where it belongs and nowhere else; the packet in it does what the warning says. */
#include <stdio.h>
#include <time.h>

#include "core/analysis/lint.h"
#include "tests/unit/analysis/fixture.h"

enum { MOST = 8 };
#define BLOCK_ALL {ACTION_BLOCK, "any", "any", 0, 0, 0, true, false, NULL}
#define MANAGED {ACTION_PERMIT, "10.0.0.0/8", "me", 6, 0, 3389, true, true, NULL}

static const struct {
	const char *what;
	struct fixture_line lines[MOST];
	size_t count;
	unsigned exempt;
	const char *facts;
	const char *ids;    /* in order, with their lines */
	const char *packet; /* of the first */
	const char *verdict;
} rows[] = {
	{"a sane lock-down",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "any", "me", 6, 0, 80, true, true, NULL}, {ACTION_PERMIT, "me", "any", 6, 0, 443, true, true, NULL},
	  {ACTION_PERMIT, "me", "dns", 17, 0, 53, true, true, NULL}, {ACTION_PERMIT, "10.0.0.0/8", "me", 1, 0, 0, true, false, NULL}},
	 6, 3, FIXTURE_HOST, "", NULL, NULL},
	{"the stateless mirror of what goes out",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "me", "any", 6, 0, 80, true, false, NULL}}, 3, 3, FIXTURE_HOST, "mirror-open:3",
	 "in tcp 203.0.113.9:80 > 192.0.2.10:3389", "permit"},
	{"the same the other way round",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "any", "me", 17, 53, 0, true, false, NULL}}, 3, 3, FIXTURE_HOST, "mirror-open:3",
	 "in udp 203.0.113.9:53 > 192.0.2.10:3389", "permit"},
	{"from any, in an IPv6 world",
	 {BLOCK_ALL, {ACTION_PERMIT, "any", "any", 6, 0, 80, true, false, NULL}, {ACTION_PERMIT, "2001:db8::/32", "me", 6, 0, 22, true, true, NULL}},
	 3, 3, "{\"addresses\": [\"2001:db8::10/64\"]}", "mirror-open:2", "in tcp [2001:db8:203::9]:80 > [2001:db8::10]:3389", "permit"},
	{"a mirror to a network is no hole for all",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "me", "198.51.100.0/24", 6, 0, 80, true, false, NULL}}, 3, 3, FIXTURE_HOST, "", NULL, NULL},
	{"a mirror that a better filter closes",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "me", "any", 6, 0, 80, true, false, NULL}, {ACTION_BLOCK, "0.0.0.0/1", "me", 6, 80, 0, false, false, NULL},
	  {ACTION_BLOCK, "128.0.0.0/1", "me", 6, 80, 0, false, false, NULL}, {ACTION_BLOCK, "::/1", "me", 6, 80, 0, false, false, NULL},
	  {ACTION_BLOCK, "8000::/1", "me", 6, 80, 0, false, false, NULL}},
	 7, 3, FIXTURE_HOST, "", NULL, NULL},
	{"permits and nothing that blocks the rest",
	 {{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false, NULL}, {ACTION_BLOCK, "any", "me", 6, 0, 23, true, false, NULL}}, 2, 3,
	 FIXTURE_HOST, "no-block-all:1", "in tcp 203.0.113.9:51000 > 192.0.2.10:3389", "permit"},
	{"blocks with an exception are no lock-down",
	 {{ACTION_BLOCK, "any", "me", 6, 0, 23, true, false, NULL}, {ACTION_PERMIT, "10.0.0.0/8", "me", 6, 0, 23, true, false, NULL}}, 2, 3,
	 FIXTURE_HOST, "", NULL, NULL},
	{"a block of what is the host's only",
	 {{ACTION_BLOCK, "any", "me", 0, 0, 0, true, false, NULL}, MANAGED}, 2, 3, FIXTURE_HOST, "no-block-all:1",
	 "forward tcp 203.0.113.9:51000 > 198.51.100.7:3389", "permit"},
	{"an exception whose mirrored half nobody blocks",
	 {{ACTION_BLOCK, "any", "me", 6, 0, 23, false, false, NULL}, {ACTION_PERMIT, "10.0.0.0/8", "me", 6, 0, 23, true, false, NULL}}, 2, 3,
	 FIXTURE_HOST, "", NULL, NULL},
	{"a worm block", {{ACTION_BLOCK, "any", "me", 17, 0, 1434, true, false, NULL}, {ACTION_BLOCK, "me", "any", 17, 0, 1434, true, false, NULL}}, 2, 3,
	 FIXTURE_HOST, "", NULL, NULL},
	{"lengths that add up to the same",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "10.1.0.0/16", "192.0.2.0/24", 0, 0, 0, false, false, NULL},
	  {ACTION_BLOCK, "10.1.2.0/24", "192.0.0.0/16", 0, 0, 0, false, false, NULL}},
	 4, 3, FIXTURE_HOST, "equal-weight:3", "forward tcp 10.1.2.1:51000 > 192.0.2.1:51000", "block"},
	{"me and the host's address",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "any", "me", 6, 0, 25, false, false, NULL}, {ACTION_BLOCK, "any", "192.0.2.10", 6, 0, 25, false, false, NULL}},
	 4, 3, FIXTURE_HOST, "equal-weight:3", "in tcp 203.0.113.9:51000 > 192.0.2.10:25", "block"},
	{"two filters that meet in both halves and both families",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "me", "any", 17, 0, 99, true, true, NULL}, {ACTION_BLOCK, "any", "me", 17, 99, 0, true, false, NULL}},
	 4, 3, FIXTURE_HOST, "equal-weight:3", "in reply udp [2001:db8:203::9]:99 > [2001:db8::10]:51000", "block"},
	{"me and another's address share nothing",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "any", "me", 6, 0, 25, false, false, NULL}, {ACTION_BLOCK, "any", "192.0.2.11", 6, 0, 25, false, false, NULL}},
	 4, 3, FIXTURE_HOST, "", NULL, NULL},
	{"equal lengths, other packets",
	 {BLOCK_ALL, MANAGED, {ACTION_PERMIT, "10.1.0.0/16", "192.0.2.0/24", 0, 0, 0, false, false, NULL},
	  {ACTION_BLOCK, "10.2.2.0/24", "192.0.0.0/16", 0, 0, 0, false, false, NULL}},
	 4, 3, FIXTURE_HOST, "", NULL, NULL},
	{"nobody can log in", {BLOCK_ALL, {ACTION_PERMIT, "any", "me", 6, 0, 80, true, true, NULL}}, 2, 3, FIXTURE_HOST, "no-management:1",
	 "in tcp 203.0.113.9:51000 > 192.0.2.10:3389", "block"},
	{"in, but no way back out", {BLOCK_ALL, {ACTION_PERMIT, "any", "me", 6, 0, 3389, false, false, NULL}}, 2, 3, FIXTURE_HOST,
	 "no-management:1", "out reply tcp 192.0.2.10:3389 > 203.0.113.9:51000", "block"},
	{"a negotiated way in", {BLOCK_ALL, {ACTION_NEGOTIATE, "192.0.2.0/24", "me", 0, 0, 0, true, false, NULL}}, 2, 3, FIXTURE_HOST, "", NULL, NULL},
	{"one administrator", {BLOCK_ALL, {ACTION_PERMIT, "10.0.0.7", "192.0.2.10", 6, 0, 5986, true, false, NULL}}, 2, 3, FIXTURE_HOST, "", NULL, NULL},
	{"everything exempt, in public", {BLOCK_ALL, MANAGED}, 2, 0, FIXTURE_HOST, "exempt-public:0",
	 "in tcp 203.0.113.9:88 > 192.0.2.10:3389", "permit"},
	{"broadcast exempt, in public", {BLOCK_ALL, MANAGED}, 2, 1, FIXTURE_HOST, "exempt-public:0",
	 "in udp 203.0.113.9:51000 > 224.0.0.1:1434", "permit"},
	{"level 2 is not asked about", {BLOCK_ALL, MANAGED}, 2, 2, FIXTURE_HOST, "", NULL, NULL},
	{"a private host may be open", {BLOCK_ALL, MANAGED}, 2, 0,
	 "{\"addresses\": [\"10.9.9.9/8\", \"192.168.1.1/24\", \"172.31.0.1/16\", \"fe80::1/64\", \"fd00::1/64\"]}", "", NULL, NULL},
	{"a host that is not known", {BLOCK_ALL, {ACTION_PERMIT, "me", "any", 6, 0, 80, true, false, NULL}}, 2, 0, "{}", "", NULL, NULL},
};

/* The text between the first two backticks. */
static void packet_of(const char *text, char packet[PACKET_TEXT])
{
	const char *first = strchr(text, '`'), *last = first != NULL ? strchr(first + 1, '`') : NULL;
	packet[0] = '\0';
	if (last != NULL && last - first < PACKET_TEXT) {
		memcpy(packet, first + 1, (size_t)(last - first - 1));
		packet[last - first - 1] = '\0';
	}
}

static void first_check(const struct fixture *fixture, const struct message *message, size_t row)
{
	char text[PACKET_TEXT];
	struct verdict verdict;
	packet_of(message->text, text);
	cr_expect_str_eq(text, rows[row].packet, "%s: %s", rows[row].what, message->text);
	if (text[0] == '\0')
		return;
	struct packet packet = fixture_packet(fixture, text);
	classifier_judge(fixture->classifier, &packet, &verdict);
	cr_expect_str_eq(action_name(verdict.action), rows[row].verdict, "%s", rows[row].what);
}

Test(lint, warns_of_each_fault_and_of_nothing_else)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct fixture fixture = {.state = NULL};
		struct diag diag;
		char ids[1000] = "";
		size_t used = 0;
		fixture_fill(&fixture, rows[i].facts, rows[i].lines, rows[i].count);
		fixture.state->config.number[PROPERTY_IPSECEXEMPT] = rows[i].exempt;
		fixture_build(&fixture, MODE_SECURE);
		diag_init(&diag);
		lint_check(fixture.ruleset, fixture.classifier, &diag);
		for (size_t j = 0; j < diag.count; j++)
			used += (size_t)snprintf(ids + used, sizeof(ids) - used, "%s%s:%u", j > 0 ? " " : "", diag.messages[j].id,
						 diag.messages[j].line);
		cr_expect_str_eq(ids, rows[i].ids, "%s: %s: %s", rows[i].what, ids, diag.count > 0 ? diag.messages[0].text : "");
		cr_expect_eq(diag.errors, 0);
		if (diag.count > 0 && rows[i].packet != NULL)
			first_check(&fixture, &diag.messages[0], i);
		diag_done(&diag);
		fixture_done(&fixture);
	}
}

Test(lint, has_nothing_to_say_outside_mode_secure)
{
	static const struct fixture_line line = {ACTION_PERMIT, "me", "any", 6, 0, 80, true, false, NULL};
	for (unsigned mode = MODE_PERMIT; mode <= MODE_BLOCK; mode++) {
		struct fixture fixture = {.state = NULL};
		struct diag diag;
		fixture_fill(&fixture, FIXTURE_HOST, &line, 1);
		fixture_build(&fixture, (enum mode)mode);
		diag_init(&diag);
		lint_check(fixture.ruleset, fixture.classifier, &diag);
		cr_expect_eq(diag.count, 0);
		diag_done(&diag);
		fixture_done(&fixture);
	}
}

/* Filters that all have the fault: the first ones are named, the others counted; and the time does not run away. */
Test(lint, many_faults_are_counted_quickly)
{
	struct fixture fixture = {.state = NULL};
	struct fixture_line first[] = {BLOCK_ALL, MANAGED};
	fixture_fill(&fixture, FIXTURE_HOST, first, 2);
	struct location *location = &fixture.state->locations[LOCATION_LOCAL];
	struct policy *policy = location_assigned(location);
	enum { COUNT = 40000 };
	for (unsigned i = 0; i < 2; i++) {
		struct filterlist *list = location_add_filterlist(fixture.state, location, i == 0 ? "Permits" : "Blocks");
		struct filteraction *action = location_add_filteraction(fixture.state, location, i == 0 ? "P" : "B");
		action->action = i == 0 ? ACTION_PERMIT : ACTION_BLOCK;
		(void)policy_add_rule(fixture.state, policy, action->object.name, list, action);
		for (unsigned j = 0; j < COUNT; j++) {
			struct ip ip = {.family = FAMILY_IPV4, .bytes = {20, (uint8_t)(j >> 8), (uint8_t)j}};
			struct filter filter = {.dst = {.kind = ADDRESS_ANY}, .mirrored = true, .description = ""};
			filter.src = address_subnet(&ip, 24);
			ip = (struct ip){.family = FAMILY_IPV4, .bytes = {198, 51}};
			filter.dst = address_subnet(&ip, 16);
			if (i == 1) { /* one bit from the one side to the other */
				ip = (struct ip){.family = FAMILY_IPV4, .bytes = {20, (uint8_t)(j >> 8), (uint8_t)j, 128}};
				filter.src = address_subnet(&ip, 25);
				ip = (struct ip){.family = FAMILY_IPV4, .bytes = {198, 50}};
				filter.dst = address_subnet(&ip, 15);
			}
			filterlist_add(fixture.state, list, &filter);
		}
	}
	fixture_build(&fixture, MODE_SECURE);
	struct diag diag;
	struct timespec before, after;
	diag_init(&diag);
	clock_gettime(CLOCK_MONOTONIC, &before);
	lint_check(fixture.ruleset, fixture.classifier, &diag);
	clock_gettime(CLOCK_MONOTONIC, &after);
	double seconds = (double)(after.tv_sec - before.tv_sec) + (double)(after.tv_nsec - before.tv_nsec) / 1e9;
	printf("lint of %zu matches: %.0f ms\n", fixture.ruleset->match_count, seconds * 1000);
	cr_expect_lt(seconds, 5.0, "far more than it should ever take, even with sanitizers: %f s", seconds);
	cr_expect_eq(diag.count, 51, "%zu", diag.count);
	cr_expect_str_eq(diag.messages[0].id, "equal-weight");
	if (diag.count == 51)
		cr_expect_str_eq(diag.messages[50].text, "39950 more filters are like this");
	diag_done(&diag);
	fixture_done(&fixture);
}
