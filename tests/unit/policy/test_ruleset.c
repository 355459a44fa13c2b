/* What filters become: weights by Windows' order, shapes and groups, doubles, warnings, exemptions, modes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "core/base/cursor.h"
#include "core/policy/ruleset.h"

enum extent { SINGLE, RANGE, ANY };

/* The order as windows-ipsec.md 4.1 has it in words: tiers from the most specific, and five rows in each. */
static const enum extent tiers[9][2] = {
	{SINGLE, SINGLE}, {RANGE, SINGLE}, {SINGLE, RANGE}, {RANGE, RANGE}, {ANY, SINGLE},
	{SINGLE, ANY},    {ANY, RANGE},    {RANGE, ANY},    {ANY, ANY},
};
static const struct {
	bool protocol, srcport, dstport;
} rows[5] = {{true, true, true}, {true, false, true}, {true, true, false}, {true, false, false}, {false, false, false}};

static uint8_t extent_bits(enum extent extent, unsigned family)
{
	return extent == SINGLE ? (uint8_t)family_bits(family) : extent == RANGE ? 24 : 0;
}

static struct shape shape_of(enum extent src, enum extent dst, unsigned row, unsigned family)
{
	return (struct shape){.family = (uint8_t)family, .src_bits = extent_bits(src, family), .dst_bits = extent_bits(dst, family),
			      .has_protocol = rows[row].protocol, .has_srcport = rows[row].srcport, .has_dstport = rows[row].dstport,
			      .directions = DIRECTION_ALL};
}

Test(ruleset, weight_follows_the_order_of_specificity)
{
	static const unsigned families[] = {FAMILY_IPV4, FAMILY_IPV6};
	for (size_t f = 0; f < 2; f++) {
		uint32_t before = UINT32_MAX;
		for (unsigned i = 0; i < 45; i++) {
			struct shape shape = shape_of(tiers[i / 5][0], tiers[i / 5][1], i % 5, families[f]);
			uint32_t weight = shape_weight(&shape);
			cr_expect_lt(weight, before, "row %u", i + 1);
			before = weight;
		}
	}
	/* Inside one row more bits beat fewer, but never a better row or tier. */
	struct shape narrow = shape_of(RANGE, RANGE, 4, FAMILY_IPV4), wide = narrow, ported = wide;
	narrow.src_bits = 31;
	wide.src_bits = 1;
	cr_expect_gt(shape_weight(&narrow), shape_weight(&wide));
	ported.src_bits = ported.dst_bits = 1;
	ported.has_protocol = true;
	cr_expect_gt(shape_weight(&ported), shape_weight(&narrow));
	/* /16 to /24 weighs what /24 to /16 does; me what an address does; a tunnel beats all. */
	narrow.src_bits = 16;
	narrow.dst_bits = 24;
	wide.src_bits = 24;
	wide.dst_bits = 16;
	cr_expect_eq(shape_weight(&narrow), shape_weight(&wide));
	struct shape me = shape_of(SINGLE, ANY, 4, FAMILY_IPV4), one = me;
	me.src_me = true;
	cr_expect_eq(shape_weight(&me), shape_weight(&one));
	struct shape tunnel = shape_of(ANY, ANY, 4, FAMILY_IPV4), best = shape_of(SINGLE, SINGLE, 0, FAMILY_IPV6);
	tunnel.tunnel = true;
	cr_expect_gt(shape_weight(&tunnel), shape_weight(&best));
}

static bool field_next(struct cursor *line, struct cursor *ret_field)
{
	*ret_field = *line;
	while (line->at < line->end && *line->at != ',')
		line->at++;
	ret_field->end = line->at;
	return ret_field->at < ret_field->end && (cursor_take(line, ',') || line->at == line->end);
}

static bool field_is(const struct cursor *field, const char *word)
{
	return ascii_equal_n(field->at, cursor_left(field), word);
}

Test(ruleset, weight_follows_the_published_table)
{
	FILE *file = fopen(CORDON_DATA "/netsh/specificity_order_fossen.csv", "r");
	char text[256];
	unsigned count = 0;
	uint32_t before = UINT32_MAX;
	if (file == NULL) {
		printf("SKIPPED: no %s\n", CORDON_DATA "/netsh/specificity_order_fossen.csv");
		cr_skip_test("no data");
	}
	while (fgets(text, sizeof(text), file) != NULL) {
		struct cursor line = cursor_of(text, strcspn(text, "\r\n")), fields[7];
		if (cursor_left(&line) == 0 || *line.at == '#')
			continue;
		for (size_t i = 0; i < 7; i++)
			cr_assert(field_next(&line, &fields[i]), "%s", text);
		enum extent extents[2];
		for (size_t i = 0; i < 2; i++)
			extents[i] = field_is(&fields[i * 2], "Single_IP_Address") ? SINGLE : field_is(&fields[i * 2], "Any") ? ANY : RANGE;
		struct shape shape = shape_of(extents[0], extents[1], 4, FAMILY_IPV4);
		shape.has_protocol = !field_is(&fields[4], "Any");
		shape.has_srcport = !field_is(&fields[5], "Any");
		shape.has_dstport = !field_is(&fields[6], "Any");
		cr_expect_lt(shape_weight(&shape), before, "%s", text);
		before = shape_weight(&shape);
		count++;
	}
	fclose(file);
	cr_expect_eq(count, 45);
}

/* --- A small policy from lines: "ACTION SRC DST PROTOCOL SRCPORT DSTPORT FLAGS" --- */

struct line {
	enum action action;
	const char *src, *dst;
	uint8_t protocol;
	uint16_t srcport, dstport;
	bool mirrored, replies;
};

static struct host host_make(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"], \"dns\": [\"192.0.2.53\", \"2001:db8::53\"]}";
	struct host host;
	cr_assert_eq(host_parse(facts, strlen(facts), NULL, NULL, &host), 0);
	return host;
}

static struct state *state_of(const struct line *lines, size_t count)
{
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "P");
	for (size_t i = 0; i < count; i++) {
		struct filter filter = {.protocol = lines[i].protocol, .srcport = lines[i].srcport, .dstport = lines[i].dstport,
					.mirrored = lines[i].mirrored, .replies = lines[i].replies, .description = "",
					.file = "lines", .line = (uint32_t)i + 1};
		cr_assert(address_parse(lines[i].src, strlen(lines[i].src), &filter.src));
		cr_assert(address_parse(lines[i].dst, strlen(lines[i].dst), &filter.dst));
		struct filterlist *list = location_add_filterlist(state, location, arena_printf(state->arena, "L%zu", i + 1));
		struct filteraction *action = location_add_filteraction(state, location, arena_printf(state->arena, "A%zu", i + 1));
		action->action = lines[i].action;
		filterlist_add(state, list, &filter);
		(void)policy_add_rule(state, policy, arena_printf(state->arena, "R%zu", i + 1), list, action);
	}
	location_assign(location, policy);
	return state;
}

static struct ruleset *ruleset_of(const struct state *state, const struct host *host, enum mode mode, struct diag *diag)
{
	struct ruleset *ruleset;
	cr_assert_eq(ruleset_build(state, host, mode, diag, &ruleset), 0);
	return ruleset;
}

Test(ruleset, filters_become_matches)
{
	static const struct {
		struct line line;
		size_t matches, groups;
		bool me_src, me_dst, reply;
	} cases[] = {
		{{ACTION_PERMIT, "any", "me", 6, 0, 80, false, false}, 2, 2, false, true, false},
		{{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false}, 4, 4, true, true, false},
		{{ACTION_PERMIT, "me", "any", 6, 0, 80, true, true}, 4, 4, true, true, true},
		{{ACTION_BLOCK, "any", "any", 0, 0, 0, true, false}, 2, 2, false, false, false},
		{{ACTION_BLOCK, "10.0.0.0/8", "me", 0, 0, 0, true, false}, 2, 2, true, true, false},
		{{ACTION_BLOCK, "10.0.0.1-10.0.0.6", "10.0.0.0/8", 0, 0, 0, false, false}, 4, 2, false, false, false},
		{{ACTION_BLOCK, "me", "dns", 17, 0, 53, true, false}, 4, 4, true, true, false},
		{{ACTION_BLOCK, "me", "wins", 17, 0, 137, true, false}, 0, 0, false, false, false},
		{{ACTION_BLOCK, "2001:db8::/32", "any", 1, 0, 0, false, false}, 1, 1, false, false, false},
		{{ACTION_BLOCK, "0.0.0.0-255.255.255.255", "any", 0, 0, 0, false, false}, 1, 1, false, false, false},
	};
	struct host host = host_make();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state *state = state_of(&cases[i].line, 1);
		struct ruleset *ruleset = ruleset_of(state, &host, MODE_SECURE, NULL);
		cr_expect_eq(ruleset->match_count, cases[i].matches, "%zu: %zu matches", i, ruleset->match_count);
		cr_expect_eq(ruleset->group_count, cases[i].groups, "%zu: %zu groups", i, ruleset->group_count);
		if (cases[i].matches > 0) {
			cr_expect_eq(ruleset->uses_src_me, cases[i].me_src || state->config.number[PROPERTY_IKEEXEMPT], "%zu", i);
			cr_expect_eq(ruleset->uses_reply, cases[i].reply, "%zu", i);
		}
		for (size_t j = 1; j < ruleset->group_count; j++)
			cr_expect_leq(ruleset->groups[j].weight, ruleset->groups[j - 1].weight);
		ruleset_free(ruleset);
		state_free(state);
	}
	host_done(&host);
}

Test(ruleset, doubles_are_set_aside_and_the_stricter_action_holds)
{
	static const struct line lines[] = {
		{ACTION_PERMIT, "any", "me", 6, 0, 80, false, false},
		{ACTION_BLOCK, "any", "me", 6, 0, 80, false, false},
		{ACTION_NEGOTIATE, "any", "me", 6, 0, 80, false, false},
	};
	struct host host = host_make();
	struct state *state = state_of(lines, 3);
	struct diag diag;
	diag_init(&diag);
	struct ruleset *ruleset = ruleset_of(state, &host, MODE_SECURE, &diag);
	cr_assert_eq(ruleset->match_count, 2, "one a family");
	cr_expect_eq(ruleset->shadowed_count, 4);
	for (size_t i = 0; i < 2; i++) {
		cr_expect_eq(ruleset->matches[i].action, ACTION_BLOCK);
		cr_expect_str_eq(ruleset->origins[ruleset->matches[i].origin].rule->object.name, "R2");
	}
	for (size_t i = 0; i < ruleset->shadowed_count; i++)
		cr_expect_lt(ruleset->shadowed[i].winner, ruleset->match_count);
	cr_assert_geq(diag.warnings, 2);
	cr_expect_str_eq(diag.messages[0].id, "duplicate");
	cr_expect_str_eq(diag.messages[0].file, "lines");
	cr_expect_eq(diag.messages[0].line, 1, "the place of the one that loses");
	cr_expect(strstr(diag.messages[0].text, "stricter") != NULL);
	diag_done(&diag);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

Test(ruleset, what_matches_nothing_is_warned_of)
{
	static const struct {
		struct line line;
		const char *id;
	} cases[] = {
		{{ACTION_PERMIT, "me", "wins", 17, 0, 137, true, false}, "no-server"},
		{{ACTION_PERMIT, "dhcp", "me", 17, 67, 68, true, false}, "no-server"},
		{{ACTION_PERMIT, "me", "me", 0, 0, 0, true, false}, "me-to-me"},
		{{ACTION_PERMIT, "me", "dns", 17, 0, 53, true, false}, NULL},
	};
	struct host host = host_make();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct state *state = state_of(&cases[i].line, 1);
		struct diag diag;
		diag_init(&diag);
		struct ruleset *ruleset = ruleset_of(state, &host, MODE_SECURE, &diag);
		cr_expect_eq(diag.warnings, cases[i].id != NULL, "%zu", i);
		if (cases[i].id != NULL && diag.count > 0)
			cr_expect_str_eq(diag.messages[0].id, cases[i].id);
		diag_done(&diag);
		ruleset_free(ruleset);
		state_free(state);
	}
	host_done(&host);
}

static void exemption_names(unsigned level, bool ike, enum action action, enum mode mode, struct buffer *names)
{
	struct line line = {action, "any", "me", 6, 0, 80, false, false};
	struct host host = host_make();
	struct state *state = state_of(&line, 1);
	state->config.number[PROPERTY_IPSECEXEMPT] = level;
	state->config.number[PROPERTY_IKEEXEMPT] = ike;
	struct ruleset *ruleset = ruleset_of(state, &host, mode, NULL);
	const char *before = "";
	for (size_t i = 0; i < ruleset->exemption_count; i++) {
		if (strcmp(before, ruleset->exemptions[i].name) != 0)
			buffer_printf(names, "%s%s", names->length > 0 ? " " : "", ruleset->exemptions[i].name);
		before = ruleset->exemptions[i].name;
	}
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

Test(ruleset, exemptions_are_those_of_the_level)
{
	static const struct {
		unsigned level;
		bool ike;
		enum mode mode;
		const char *names;
	} cases[] = {
		{0, true, MODE_SECURE, "loopback nd ike kerberos rsvp multicast broadcast"},
		{1, true, MODE_SECURE, "loopback nd ike multicast broadcast"},
		{2, true, MODE_SECURE, "loopback nd ike kerberos rsvp"},
		{3, true, MODE_SECURE, "loopback nd ike"},
		{3, false, MODE_SECURE, "loopback nd"},
		{0, false, MODE_SECURE, "loopback nd kerberos rsvp multicast broadcast"},
		{0, true, MODE_BLOCK, "loopback nd"},
		{0, true, MODE_PERMIT, "loopback nd"},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct buffer names;
		buffer_init(&names, 1000);
		exemption_names(cases[i].level, cases[i].ike, ACTION_PERMIT, cases[i].mode, &names);
		cr_expect_str_eq(buffer_text(&names), cases[i].names, "%zu", i);
		buffer_done(&names);
	}
}

Test(ruleset, modes_without_filters_have_none)
{
	static const struct line line = {ACTION_BLOCK, "any", "any", 0, 0, 0, true, false};
	struct host host = host_make();
	struct state *state = state_of(&line, 1);
	for (unsigned i = 0; i <= MODE_BOOT; i++) {
		struct ruleset *ruleset = ruleset_of(state, &host, (enum mode)i, NULL);
		enum mode again;
		cr_expect_eq(ruleset->match_count, i == MODE_SECURE ? 2 : 0);
		cr_expect_eq(ruleset->otherwise, i == MODE_BLOCK || i == MODE_BOOT ? ACTION_BLOCK : ACTION_PERMIT);
		cr_expect(mode_parse(mode_name((enum mode)i), strlen(mode_name((enum mode)i)), &again) && again == i);
		ruleset_free(ruleset);
	}
	enum mode mode;
	cr_expect(!mode_parse("booted", 6, &mode));
	ruleset_free(NULL);
	state_free(state);
	host_done(&host);
}

/* The exemptions of a start-up ruleset as text, one a line: NAME FAMILY DIRECTIONS PROTOCOL SRCPORT DSTPORT [reply]. */
static void startup_text(const struct ruleset *ruleset, struct buffer *text)
{
	for (size_t i = 2; i < ruleset->exemption_count; i++) {
		const struct exemption *row = &ruleset->exemptions[i];
		buffer_printf(text, "%s %u %s %u %u %u%s\n", row->name, row->family, direction_name((enum direction)row->directions),
			      row->protocol, row->srcport, row->dstport, row->reply ? " reply" : "");
	}
}

#define DHCP_ROWS                                                                                                      \
	"dhcp 4 out 17 68 67\n"                                                                                        \
	"dhcp 4 in 17 67 68\n"                                                                                         \
	"dhcp 6 out 17 546 547\n"                                                                                      \
	"dhcp 6 in 17 547 546\n"
#define STATEFUL_ROWS                                                                                                  \
	"outbound 0 out 0 0 0\n"                                                                                       \
	"reply 0 in 0 0 0 reply\n"

Test(ruleset, startup_exempts_dhcp_and_what_is_listed_with_its_answers)
{
	static const struct {
		enum bootmode bootmode;
		const char *exemptions, *rows;
		bool reply;
	} cases[] = {
		{BOOTMODE_PERMIT, "tcp:0:3389:inbound", "", false},
		{BOOTMODE_BLOCK, "none", DHCP_ROWS, false},
		{BOOTMODE_STATEFUL, "none", DHCP_ROWS STATEFUL_ROWS, true},
		{BOOTMODE_BLOCK, "tcp:0:3389:inbound",
		 DHCP_ROWS "boot:TCP:0:3389:inbound 0 in 6 0 3389\nboot:TCP:0:3389:inbound 0 out 6 3389 0 reply\n", true},
		{BOOTMODE_BLOCK, "udp:1024:53:outbound",
		 DHCP_ROWS "boot:UDP:1024:53:outbound 0 out 17 1024 53\nboot:UDP:1024:53:outbound 0 in 17 53 1024 reply\n", true},
		{BOOTMODE_BLOCK, "ICMP:inbound",
		 DHCP_ROWS "boot:ICMP:inbound 4 in 1 0 0\nboot:ICMP:inbound 4 out 1 0 0 reply\n"
			   "boot:ICMP:inbound 6 in 58 0 0\nboot:ICMP:inbound 6 out 58 0 0 reply\n", true},
		{BOOTMODE_BLOCK, "58:outbound",
		 DHCP_ROWS "boot:58:outbound 0 out 58 0 0\nboot:58:outbound 0 in 58 0 0 reply\n", true},
		{BOOTMODE_STATEFUL, "47:inbound tcp:0:22:inbound tcp:0:22:inbound",
		 DHCP_ROWS "boot:47:inbound 0 in 47 0 0\nboot:47:inbound 0 out 47 0 0 reply\n"
			   "boot:TCP:0:22:inbound 0 in 6 0 22\nboot:TCP:0:22:inbound 0 out 6 22 0 reply\n" STATEFUL_ROWS, true},
	};
	struct host host = host_make();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		static const struct line line = {ACTION_PERMIT, "any", "any", 0, 0, 0, true, false};
		struct state *state = state_of(&line, 1);
		struct ruleset *ruleset;
		struct buffer text;
		buffer_init(&text, 10000);
		cr_assert_eq(config_set(&state->config, PROPERTY_BOOTEXEMPTIONS, cases[i].exemptions, strlen(cases[i].exemptions), NULL, NULL), 0);
		cr_assert_eq(ruleset_build_boot(state, &host, cases[i].bootmode, NULL, &ruleset), 0);
		startup_text(ruleset, &text);
		cr_expect_str_eq(ruleset->exemptions[0].name, "loopback");
		cr_expect_str_eq(ruleset->exemptions[1].name, "nd");
		cr_expect_str_eq(buffer_text(&text), cases[i].rows, "%zu: %s", i, buffer_text(&text));
		cr_expect_eq(ruleset->uses_reply, cases[i].reply, "%zu", i);
		cr_expect_eq(ruleset->group_count, 0, "no filter is asked");
		cr_expect_eq(ruleset->otherwise, cases[i].bootmode == BOOTMODE_PERMIT ? ACTION_PERMIT : ACTION_BLOCK);
		cr_expect(ruleset->mode == MODE_BOOT && ruleset->bootmode == cases[i].bootmode);
		ruleset_free(ruleset);
		/* The operational block does not know them. */
		cr_assert_eq(ruleset_build(state, &host, MODE_BLOCK, NULL, &ruleset), 0);
		cr_expect_eq(ruleset->exemption_count, 2);
		ruleset_free(ruleset);
		buffer_done(&text);
		state_free(state);
	}
	host_done(&host);
}

Test(ruleset, boot_mode_is_what_is_set_or_follows_from_what_is_assigned)
{
	static const struct line line = {ACTION_PERMIT, "any", "any", 0, 0, 0, true, false};
	struct host host = host_make();
	for (unsigned i = 0; i < 4; i++) {
		struct state *state = i % 2 == 0 ? state_new() : state_of(&line, 1);
		struct ruleset *ruleset;
		if (i >= 2)
			cr_assert_eq(config_set(&state->config, PROPERTY_BOOTMODE, "block", 5, NULL, NULL), 0);
		cr_assert_eq(ruleset_build(state, &host, MODE_BOOT, NULL, &ruleset), 0);
		cr_expect_eq(ruleset->bootmode, i >= 2 ? BOOTMODE_BLOCK : i == 1 ? BOOTMODE_STATEFUL : BOOTMODE_PERMIT, "%u", i);
		ruleset_free(ruleset);
		state_free(state);
	}
	host_done(&host);
}

Test(ruleset, unassigned_policies_and_inactive_rules_count_for_nothing)
{
	static const struct line lines[] = {
		{ACTION_BLOCK, "any", "any", 0, 0, 0, true, false},
		{ACTION_PERMIT, "any", "me", 6, 0, 80, true, false},
	};
	struct host host = host_make();
	struct state *state = state_of(lines, 2);
	struct policy *policy = location_assigned(&state->locations[LOCATION_LOCAL]);
	((struct rule *)policy->rules.items[0])->activate = false;
	struct ruleset *ruleset = ruleset_of(state, &host, MODE_SECURE, NULL);
	cr_expect_eq(ruleset->match_count, 4);
	cr_expect_eq(ruleset->origin_count, 1);
	ruleset_free(ruleset);
	policy_unassign(policy);
	ruleset = ruleset_of(state, &host, MODE_SECURE, NULL);
	cr_expect_eq(ruleset->match_count, 0);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

Test(ruleset, origins_name_dynamic_rules_by_number)
{
	struct host host = host_make();
	struct state *state = state_new();
	struct location *location = &state->locations[LOCATION_DYNAMIC];
	for (unsigned i = 0; i < 2; i++) {
		struct dynrule *rule = location_add_dynrule(state, location);
		rule->filter.src.kind = ADDRESS_ANY;
		rule->filter.dst.kind = ADDRESS_ME;
		rule->filter.protocol = (uint8_t)(6 + i);
		rule->filter.mirrored = false;
		rule->actioninbound = ACTION_BLOCK;
		rule->actionoutbound = i == 0 ? ACTION_BLOCK : ACTION_PERMIT;
	}
	struct ruleset *ruleset = ruleset_of(state, &host, MODE_SECURE, NULL);
	cr_assert_eq(ruleset->origin_count, 3, "one for the first, one a direction for the second");
	struct buffer name;
	buffer_init(&name, 100);
	origin_rule(&ruleset->origins[2], &name);
	cr_expect_str_eq(buffer_text(&name), "dynamic 2");
	cr_expect_str_eq(origin_policy(&ruleset->origins[2]), "-");
	cr_expect_str_eq(origin_list(&ruleset->origins[2]), "-");
	cr_expect_eq(match_filter(ruleset, &ruleset->matches[0]), &ruleset->origins[ruleset->matches[0].origin].dynrule->filter);
	buffer_done(&name);
	ruleset_free(ruleset);
	state_free(state);
	host_done(&host);
}

Test(ruleset, words_say_what_made_the_difference)
{
	struct shape a = shape_of(SINGLE, SINGLE, 4, FAMILY_IPV4), b = shape_of(ANY, ANY, 0, FAMILY_IPV4);
	cr_expect_str_eq(shape_compare_words(&a, &b), "its addresses are more specific");
	cr_expect_str_eq(shape_compare_words(&b, &a), "its addresses are less specific");
	b = shape_of(SINGLE, SINGLE, 3, FAMILY_IPV4);
	cr_expect_str_eq(shape_compare_words(&a, &b), "its protocol and ports are less specific");
	a = b = shape_of(RANGE, ANY, 3, FAMILY_IPV4);
	a.src_bits = 25;
	cr_expect_str_eq(shape_compare_words(&a, &b), "its prefixes are longer");
	cr_expect_str_eq(shape_compare_words(&b, &b), "both are equally specific");
	b.tunnel = true;
	cr_expect_str_eq(shape_compare_words(&b, &a), "it belongs to a tunnel rule");
}
