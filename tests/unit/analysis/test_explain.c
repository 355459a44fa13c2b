/* Golden texts of explain in its three forms. */
#include "core/analysis/explain.h"
#include "tests/unit/analysis/fixture.h"

static const struct fixture_line lock[] = {
	{ACTION_BLOCK, "any", "any", 0, 0, 0, true, false, NULL},
	{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false, "web for all"},
	{ACTION_PERMIT, "10.0.0.0/8", "me", 6, 0, 3389, true, false, NULL},
	{ACTION_BLOCK, "10.1.0.0/16", "me", 6, 0, 3389, true, false, NULL},
	{ACTION_PERMIT, "me", "any", 6, 0, 443, true, true, NULL},
	{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false, "once more"},
	{ACTION_BLOCK, "any", "192.0.2.10", 6, 0, 25, false, false, NULL},
	{ACTION_PERMIT, "any", "me", 6, 0, 25, false, false, NULL},
};

static struct fixture lock_make(enum mode mode)
{
	struct fixture fixture = {.state = NULL};
	fixture_fill(&fixture, FIXTURE_HOST, lock, sizeof(lock) / sizeof(lock[0]));
	struct location *location = &fixture.state->locations[LOCATION_DYNAMIC];
	struct dynrule *rule = location_add_dynrule(fixture.state, location);
	rule->filter.dst.kind = ADDRESS_ME;
	rule->filter.protocol = 17;
	rule->filter.mirrored = false;
	rule->filter.dstport = 69;
	rule->actioninbound = rule->actionoutbound = ACTION_BLOCK;
	fixture_build(&fixture, mode);
	return fixture;
}

Test(explain, lines_have_the_columns_of_the_documentation)
{
	static const struct {
		const char *packet, *line;
	} rows[] = {
		{"tcp 203.0.113.9:51000 > me:80", "permit\tLock\tR2\tL2\t1\tin tcp 203.0.113.9:51000 > 192.0.2.10:80"},
		{"tcp 203.0.113.9:51000 > me:81", "block\tLock\tR1\tL1\t1\tin tcp 203.0.113.9:51000 > 192.0.2.10:81"},
		{"tcp 10.2.0.1:51000 > me:3389", "permit\tLock\tR3\tL3\t1\tin tcp 10.2.0.1:51000 > 192.0.2.10:3389"},
		{"udp 203.0.113.9:500 > me:500", "permit\t-\tike\t-\t-\tin udp 203.0.113.9:500 > 192.0.2.10:500"},
		{"tcp 127.0.0.1:1 > 127.0.0.1:2", "permit\t-\tloopback\t-\t-\tout tcp 127.0.0.1:1 > 127.0.0.1:2"},
		{"icmpv6:135 2001:db8::9 > me", "permit\t-\tnd\t-\t-\tin icmpv6:135 2001:db8::9 > 2001:db8::10"},
		{"udp 203.0.113.9:51000 > me:69", "block\t-\tdynamic 1\t-\t1\tin udp 203.0.113.9:51000 > 192.0.2.10:69"},
		{"reply tcp 203.0.113.9:443 > me:51000", "permit\tLock\tR5\tL5\t1\tin reply tcp 203.0.113.9:443 > 192.0.2.10:51000"},
	};
	struct fixture fixture = lock_make(MODE_SECURE);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct packet packet = fixture_packet(&fixture, rows[i].packet);
		struct verdict verdict;
		struct buffer buffer;
		buffer_init(&buffer, 10000);
		classifier_judge(fixture.classifier, &packet, &verdict);
		explain_line(fixture.ruleset, &verdict, &packet, &buffer);
		cr_expect_str_eq(buffer_text(&buffer), rows[i].line, "%s", buffer_text(&buffer));
		buffer_done(&buffer);
	}
	fixture_done(&fixture);
}

Test(explain, controls_in_names_cannot_break_a_line)
{
	static const struct fixture_line line = {ACTION_BLOCK, "any", "any", 0, 0, 0, true, false, NULL};
	struct fixture fixture = {.state = NULL};
	fixture_fill(&fixture, FIXTURE_HOST, &line, 1);
	struct location *location = &fixture.state->locations[LOCATION_LOCAL];
	location->policies.items[0]->name = "a\tb\nc\x01\x7f\xc3\xbc";
	fixture_build(&fixture, MODE_SECURE);
	struct packet packet = fixture_packet(&fixture, "tcp 203.0.113.9:1 > me:2");
	struct verdict verdict;
	struct buffer buffer;
	buffer_init(&buffer, 10000);
	classifier_judge(fixture.classifier, &packet, &verdict);
	explain_line(fixture.ruleset, &verdict, &packet, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), "block\ta\\x09b\\x0ac\\x01\\x7f\xc3\xbc\tR1\tL1\t1\tin tcp 203.0.113.9:1 > 192.0.2.10:2");
	buffer_done(&buffer);
	fixture_done(&fixture);
}

static void text_expect(const struct fixture *fixture, const char *text, const char *expected)
{
	struct packet packet = fixture_packet(fixture, text);
	struct buffer buffer;
	buffer_init(&buffer, 100000);
	explain_text(fixture->ruleset, fixture->classifier, &packet, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), expected, "%s gives\n%s", text, buffer_text(&buffer));
	buffer_done(&buffer);
}

Test(explain, text_names_the_winner_and_why_the_others_lose)
{
	struct fixture fixture = lock_make(MODE_SECURE);
	text_expect(&fixture, "tcp 203.0.113.9:51000 > me:80",
		    "permit: in tcp 203.0.113.9:51000 > 192.0.2.10:80\n"
		    "  by filter 1 of \"L2\", rule \"R2\", policy \"Lock\"\n"
		    "    tcp any -> me:80, mirrored\n"
		    "    \"web for all\"\n"
		    "    from lock.txt:2\n"
		    "It also matches, and loses:\n"
		    "  block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "    because: its addresses are less specific (from any to any; the winner from any to one address)\n"
		    "  permit by filter 1 of \"L6\", rule \"R6\", policy \"Lock\"\n"
		    "    tcp any -> me:80, mirrored\n"
		    "    \"once more\"\n"
		    "    from lock.txt:6\n"
		    "    because: the same packets as an earlier filter (filter 1 of \"L2\", rule \"R2\", policy \"Lock\")\n");
	text_expect(&fixture, "tcp 10.1.2.3:51000 > me:3389",
		    "block: in tcp 10.1.2.3:51000 > 192.0.2.10:3389\n"
		    "  by filter 1 of \"L4\", rule \"R4\", policy \"Lock\"\n"
		    "    tcp 10.1.0.0/16 -> me:3389, mirrored\n"
		    "    from lock.txt:4\n"
		    "It also matches, and loses:\n"
		    "  permit by filter 1 of \"L3\", rule \"R3\", policy \"Lock\"\n"
		    "    tcp 10.0.0.0/8 -> me:3389, mirrored\n"
		    "    from lock.txt:3\n"
		    "    because: its prefixes are shorter (40 bits of addresses, the winner 48)\n"
		    "  block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "    because: its addresses are less specific (from any to any; the winner from a network to one address)\n");
	text_expect(&fixture, "tcp 203.0.113.9:51000 > me:25",
		    "block: in tcp 203.0.113.9:51000 > 192.0.2.10:25\n"
		    "  by filter 1 of \"L7\", rule \"R7\", policy \"Lock\"\n"
		    "    tcp any -> 192.0.2.10:25\n"
		    "    from lock.txt:7\n"
		    "It also matches, and loses:\n"
		    "  permit by filter 1 of \"L8\", rule \"R8\", policy \"Lock\"\n"
		    "    tcp any -> me:25\n"
		    "    from lock.txt:8\n"
		    "    because: both are equally specific: block comes before permit\n"
		    "  block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "    because: its addresses are less specific (from any to any; the winner from any to one address)\n");
	fixture_done(&fixture);
}

Test(explain, text_tells_of_exemptions_answers_and_nothing)
{
	struct fixture fixture = lock_make(MODE_SECURE);
	text_expect(&fixture, "udp 203.0.113.9:500 > me:500",
		    "permit: in udp 203.0.113.9:500 > 192.0.2.10:500\n"
		    "  exempt: ike\n"
		    "    the host's own IKE port is exempt at every level of ipsecexempt; ikeexempt=no closes it\n"
		    "Without the exemption: block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n");
	text_expect(&fixture, "tcp 203.0.113.9:443 > me:3389",
		    "block: in tcp 203.0.113.9:443 > 192.0.2.10:3389\n"
		    "  by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "An answer would be judged by this filter too (permit), but this packet answers none:\n"
		    "  filter 1 of \"L5\", rule \"R5\", policy \"Lock\"\n"
		    "    tcp me -> any:443, and the replies (as an answer)\n"
		    "    from lock.txt:5\n");
	text_expect(&fixture, "tcp me:80 > 203.0.113.9:51000",
		    "permit: out tcp 192.0.2.10:80 > 203.0.113.9:51000\n"
		    "  by filter 1 of \"L2\", rule \"R2\", policy \"Lock\"\n"
		    "    tcp any -> me:80, mirrored (its mirrored half)\n"
		    "    \"web for all\"\n"
		    "    from lock.txt:2\n"
		    "It also matches, and loses:\n"
		    "  block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "    because: its addresses are less specific (from any to any; the winner from one address to any)\n"
		    "  permit by filter 1 of \"L6\", rule \"R6\", policy \"Lock\"\n"
		    "    tcp any -> me:80, mirrored (its mirrored half)\n"
		    "    \"once more\"\n"
		    "    from lock.txt:6\n"
		    "    because: the same packets as an earlier filter (filter 1 of \"L2\", rule \"R2\", policy \"Lock\")\n");
	text_expect(&fixture, "udp 203.0.113.9:51000 > me:69",
		    "block: in udp 203.0.113.9:51000 > 192.0.2.10:69\n"
		    "  by rule 1 of the dynamic context\n"
		    "    udp any -> me:69\n"
		    "It also matches, and loses:\n"
		    "  block by filter 1 of \"L1\", rule \"R1\", policy \"Lock\"\n"
		    "    any any -> any, mirrored\n"
		    "    from lock.txt:1\n"
		    "    because: its addresses are less specific (from any to any; the winner from any to one address)\n");
	fixture_done(&fixture);
	fixture = lock_make(MODE_PERMIT);
	text_expect(&fixture, "tcp 203.0.113.9:51000 > me:81",
		    "permit: in tcp 203.0.113.9:51000 > 192.0.2.10:81\n  no filter is asked in mode permit: everything passes\n");
	fixture_done(&fixture);
	struct fixture empty = {.state = NULL};
	fixture_fill(&empty, FIXTURE_HOST, NULL, 0);
	fixture_build(&empty, MODE_SECURE);
	text_expect(&empty, "tcp 203.0.113.9:51000 > me:81",
		    "permit: in tcp 203.0.113.9:51000 > 192.0.2.10:81\n  no filter matched: permitted\n");
	text_expect(&empty, "udp 203.0.113.9:500 > me:500",
		    "permit: in udp 203.0.113.9:500 > 192.0.2.10:500\n"
		    "  exempt: ike\n"
		    "    the host's own IKE port is exempt at every level of ipsecexempt; ikeexempt=no closes it\n"
		    "Without the exemption no filter would match: permitted all the same.\n");
	fixture_done(&empty);
}

static void json_expect(const struct fixture *fixture, const char *text, const char *expected)
{
	struct packet packet = fixture_packet(fixture, text);
	struct buffer buffer;
	buffer_init(&buffer, 100000);
	explain_json(fixture->ruleset, fixture->classifier, &packet, &buffer);
	cr_expect_str_eq(buffer_text(&buffer), expected, "%s gives\n%s", text, buffer_text(&buffer));
	buffer_done(&buffer);
}

Test(explain, json_is_one_object_on_one_line)
{
	static const struct fixture_line lines[] = {
		{ACTION_BLOCK, "any", "any", 0, 0, 0, true, false, "say \"no\"\n\\ \x01 \xff \xc3\xbc"},
		{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false, NULL},
	};
	struct fixture fixture = {.state = NULL};
	fixture_fill(&fixture, FIXTURE_HOST, lines, 2);
	fixture_build(&fixture, MODE_SECURE);
	json_expect(&fixture, "tcp 203.0.113.9:51000 > me:80",
		    "{\"verdict\": \"permit\", \"packet\": \"in tcp 203.0.113.9:51000 > 192.0.2.10:80\", \"exemption\": null, "
		    "\"location\": \"local\", \"policy\": \"Lock\", \"rule\": \"R2\", \"filterlist\": \"L2\", \"number\": 1, "
		    "\"filter\": \"tcp any -> me:80, mirrored\", \"mirrored_half\": false, \"description\": \"\", "
		    "\"file\": \"lock.txt\", \"line\": 2, \"lost\": [{\"verdict\": \"block\", \"location\": \"local\", \"policy\": \"Lock\", "
		    "\"rule\": \"R1\", \"filterlist\": \"L1\", \"number\": 1, \"filter\": \"any any -> any, mirrored\", "
		    "\"mirrored_half\": false, \"description\": \"say \\\"no\\\"\\u000a\\\\ \\u0001 \\ufffd \xc3\xbc\", "
		    "\"file\": \"lock.txt\", \"line\": 1, \"why\": \"its addresses are less specific\"}]}");
	json_expect(&fixture, "udp 203.0.113.9:500 > me:500",
		    "{\"verdict\": \"permit\", \"packet\": \"in udp 203.0.113.9:500 > 192.0.2.10:500\", \"exemption\": \"ike\", "
		    "\"reason\": \"the host's own IKE port is exempt at every level of ipsecexempt; ikeexempt=no closes it\", "
		    "\"lost\": []}");
	fixture_done(&fixture);
}

/* More filters than are listed: the rest are counted. */
Test(explain, a_packet_that_hundreds_of_filters_hold_is_told_briefly)
{
	struct fixture fixture = {.state = NULL};
	struct fixture_line lines[300];
	char names[300][ADDRESS_TEXT];
	for (unsigned i = 0; i < 300; i++) {
		struct ip ip = {.family = FAMILY_IPV6, .bytes = {0x20, 0x01, 0x0d, 0xb8}};
		struct address address = address_subnet(&ip, i % 129);
		address_print(&address, names[i]);
		lines[i] = (struct fixture_line){i % 2 == 0 ? ACTION_BLOCK : ACTION_PERMIT, names[i], i < 129 ? "any" : "me", i < 258 ? 0 : 6,
						 0, 0, false, false, NULL};
	}
	fixture_fill(&fixture, FIXTURE_HOST, lines, 300);
	fixture_build(&fixture, MODE_SECURE);
	struct packet packet = fixture_packet(&fixture, "tcp [2001:db8::]:1 > me:2");
	struct buffer buffer;
	buffer_init(&buffer, 1000000);
	explain_text(fixture.ruleset, fixture.classifier, &packet, &buffer);
	cr_expect(strstr(buffer_text(&buffer), "  and 199 more\n") != NULL, "%s", buffer_text(&buffer) + buffer.length - 100);
	buffer_clear(&buffer);
	explain_json(fixture.ruleset, fixture.classifier, &packet, &buffer);
	cr_expect(strstr(buffer_text(&buffer), ", \"lost_unlisted\": 199}") != NULL);
	buffer_done(&buffer);
	fixture_done(&fixture);
}
