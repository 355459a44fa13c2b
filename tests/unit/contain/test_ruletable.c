/* Velociraptor's rule table: what it becomes, and what is refused instead of dropped. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/contain/ruletable.h"
#include "core/base/error.h"
#include "core/base/memory.h"

#define HEADER "Action,SrcAddr,SrcMask,SrcPort,DstAddr,DstMask,DstPort,Protocol,Mirrored,Description\n"

/* Knows two.example.com, with an address of each family, and four.example.com. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static const char *const addresses[] = {"192.0.2.4", "2001:db8::4"};
	bool four = strcmp(name, "four.example.com") == 0;
	(void)context;
	if (!four && strcmp(name, "two.example.com") != 0) {
		diag_error(diag, place, "the name %s does not resolve", QUOTE(name));
		return ERROR_INPUT;
	}
	list->items = memory_alloc(2 * sizeof(*list->items));
	for (; list->count < (four ? 1 : 2); list->count++)
		if (!ip_parse(addresses[list->count], strlen(addresses[list->count]), &list->items[list->count]))
			abort();
	return 0;
}

struct bench {
	struct state *state;
	struct policy *policy;
	struct diag diag;
};

static void bench_init(struct bench *bench)
{
	bench->state = state_new();
	bench->policy = location_add_policy(bench->state, &bench->state->locations[LOCATION_LOCAL], "quarantine");
	diag_init(&bench->diag);
}

static void bench_done(struct bench *bench)
{
	state_free(bench->state);
	diag_done(&bench->diag);
}

static int read_text(struct bench *bench, const char *text, size_t length)
{
	return ruletable_read(text, length, "rules.csv", bench->state, bench->policy, resolve, NULL, &bench->diag);
}

static const char *list_print(struct bench *bench, const char *name, struct buffer *buffer)
{
	const struct rule *rule = (const struct rule *)collection_find(&bench->policy->rules, name);
	buffer_clear(buffer);
	for (size_t i = 0; rule != NULL && i < rule->filterlist->count; i++) {
		filter_print(&rule->filterlist->filters[i], buffer);
		buffer_add_char(buffer, '\n');
	}
	return buffer_text(buffer);
}

static const char default_table[] =
	HEADER
	"Permit,me,,0,any,,53,udp,yes,DNS\n"
	"Permit,me,,0,any,,53,tcp,yes,DNS TCP\n"
	"Permit,me,,68,any,,67,udp,yes,DHCP\n"
	"Block,any,,,any,,,,yes,All other traffic\n";

Test(ruletable, the_artifacts_own_table)
{
	struct bench bench;
	struct buffer text;
	bench_init(&bench);
	buffer_init(&text, 1 << 16);
	cr_assert_eq(read_text(&bench, default_table, strlen(default_table)), 0, "%s", bench.diag.count > 0 ? bench.diag.messages[0].text : "");
	cr_expect_str_eq(list_print(&bench, "quarantine permit", &text),
			 "udp me -> any:53, and the replies\ntcp me -> any:53, and the replies\nudp me:68 -> any:67, and the replies\n");
	cr_expect_str_eq(list_print(&bench, "quarantine block", &text), "any any -> any, mirrored\n");
	const struct rule *rule = (const struct rule *)collection_find(&bench.policy->rules, "quarantine permit");
	cr_expect_eq(rule->filteraction->action, ACTION_PERMIT);
	cr_expect_str_eq(rule->filterlist->filters[1].description, "DNS TCP");
	cr_expect_eq(rule->filterlist->filters[1].line, 3);
	cr_expect_str_eq(rule->filterlist->filters[1].file, "rules.csv");
	rule = (const struct rule *)collection_find(&bench.policy->rules, "quarantine block");
	cr_expect_eq(rule->filteraction->action, ACTION_BLOCK);
	buffer_done(&text);
	bench_done(&bench);
}

Test(ruletable, forms_that_are_right)
{
	static const struct {
		const char *text, *permit, *block;
	} rows[] = {
		{"\xef\xbb\xbf" "action,srcaddr,dstaddr\r\nPERMIT,me,192.0.2.1\r\n", "any me -> 192.0.2.1, and the replies\n", ""},
		{"DstAddr , SrcAddr,Action\nme,192.0.2.1,block", "", "any 192.0.2.1 -> me, mirrored\n"},
		{HEADER "Permit,me,,,192.0.2.0,255.255.255.0,,6,YES,\"a \"\"quoted\"\", text\"\n",
		 "tcp me -> 192.0.2.0/24, and the replies\n", ""},
		{HEADER "\"Permit\" ,\"me\",,,192.0.2.77,24,,,no,\n\n ,,,,,,,,,\n", "any me -> 192.0.2.0/24\n", ""},
		{HEADER "Block,10.0.0.1-10.0.0.9,,,me,,445,tcp,no,\n", "", "tcp 10.0.0.1-10.0.0.9 -> me:445\n"},
		{HEADER "Permit,me,,,2001:db8::,32,443,tcp,yes,\n", "tcp me -> [2001:db8::/32]:443, and the replies\n", ""},
		{HEADER "Permit,me,,,2001:db8::/32,,443,tcp,yes,\n", "tcp me -> [2001:db8::/32]:443, and the replies\n", ""},
		{HEADER "Permit,me,,,dns,,53,udp,yes,\n", "udp me -> dns:53, and the replies\n", ""},
		{HEADER "Permit,me,,,two.example.com,,443,tcp,yes,\n",
		 "tcp me -> 192.0.2.4:443, and the replies\ntcp me -> [2001:db8::4]:443, and the replies\n", ""},
		{HEADER "Permit,2001:db8::9,,,two.example.com,,443,tcp,no,\n", "tcp 2001:db8::9 -> [2001:db8::4]:443\n", ""},
		{HEADER "Block,any,,,any,,,255,no,\n", "", "raw any -> any\n"},
	};
	struct buffer text;
	buffer_init(&text, 1 << 16);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bench bench;
		bench_init(&bench);
		cr_expect_eq(read_text(&bench, rows[i].text, strlen(rows[i].text)), 0, "%zu: %s", i,
			     bench.diag.count > 0 ? bench.diag.messages[0].text : "");
		cr_expect_str_eq(list_print(&bench, "quarantine permit", &text), rows[i].permit, "%zu: %s", i, buffer_text(&text));
		cr_expect_str_eq(list_print(&bench, "quarantine block", &text), rows[i].block, "%zu: %s", i, buffer_text(&text));
		bench_done(&bench);
	}
	buffer_done(&text);
}

static const struct {
	const char *text;
	uint32_t line, column;
	const char *says;
} wrongs[] = {
	{"", 1, 1, "empty"},
	{HEADER, 2, 1, "no row"},
	{"Action,SrcAddr\nPermit,me\n", 1, 1, "DstAddr is missing"},
	{"Action;SrcAddr;DstAddr\nPermit;me;any\n", 1, 1, "separated by commas"},
	{"Action,SrcAddress,DstAddr\nPermit,me,any\n", 1, 8, "no column"},
	{"Action,SrcAdr,DstAddr\nPermit,me,any\n", 1, 8, "did you mean SrcAddr?"},
	{"Action,SrcAddr,DstAddr,Action\nPermit,me,any,Permit\n", 1, 24, "twice"},
	{"Permit,me,any\n", 1, 1, "no column"},
	{HEADER "Allow,me,,,any,,,,yes,\n", 2, 1, "write Permit or Block"},
	{HEADER ",me,,,any,,,,yes,\n", 2, 1, "write Permit or Block"},
	{HEADER "Permit,me,,,any,,,,yes\n", 2, 20, "9 fields"},
	{HEADER "Permit,me,,,any,,,,yes,,x\n", 2, 25, "one field too many"},
	{HEADER "Permit,me,,0,any,,53,udp,yes,\nPermit,me,,0,any,,5 3,udp,yes,\n", 3, 19, "a port is a number"},
	{HEADER "Permit,me,,0,any,,65536,udp,yes,\n", 2, 19, "a port is a number"},
	{HEADER "Permit,me,,0,any,,1-5,udp,yes,\n", 2, 19, "a port is a number"},
	{HEADER "Permit,me,,,any,,53,,yes,\n", 2, 18, "Protocol TCP or UDP"},
	{HEADER "Permit,me,,68,any,,,icmp,yes,\n", 2, 12, "Protocol TCP or UDP"},
	{HEADER "Permit,me,,,any,,,http,yes,\n", 2, 19, "icmp, tcp, udp"},
	{HEADER "Permit,me,,,any,,,tcp,maybe,\n", 2, 23, "yes or no"},
	{HEADER "Permit,,,,any,,,tcp,yes,\n", 2, 8, "write me"},
	{HEADER "Permit,me,,,,,,tcp,yes,\n", 2, 13, "write me"},
	{HEADER "Permit,me,,,192.0.2.256,,,tcp,yes,\n", 2, 13, "DNS name"},
	{HEADER "Permit,me,,,no such name,,,tcp,yes,\n", 2, 13, "DNS name"},
	{HEADER "Permit,me,,,missing.example.com,,,tcp,yes,\n", 2, 13, "does not resolve"},
	{HEADER "Permit,me,255.255.255.0,,any,,,tcp,yes,\n", 2, 11, "one single address"},
	{HEADER "Permit,me,,,192.0.2.1,255.0.255.0,,tcp,yes,\n", 2, 23, "255.255.255.0"},
	{HEADER "Permit,me,,,192.0.2.1,33,,tcp,yes,\n", 2, 23, "1 to 32"},
	{HEADER "Permit,me,,,192.0.2.1,0,,tcp,yes,\n", 2, 23, "1 to 32"},
	{HEADER "Permit,me,,,2001:db8::,129,,tcp,yes,\n", 2, 24, "1 to 128"},
	{HEADER "Permit,me,,,two.example.com,24,,tcp,yes,\n", 2, 29, "one single address"},
	{HEADER "Permit,192.0.2.1,,,2001:db8::1,,,tcp,yes,\n", 2, 20, "one family"},
	{HEADER "Permit,2001:db8::9,,,four.example.com,,,tcp,yes,\n", 2, 22, "other side's family"},
	{HEADER "Permit,any,,,dns,,,tcp,yes,\n", 2, 14, "`me`"},
	{HEADER "Permit,me,,,any,,,tcp,yes,a\"b\n", 2, 28, "a quote inside"},
	{HEADER "Permit,me,,,any,,,tcp,yes,\"ab\n", 2, 27, "not closed"},
	{HEADER "Permit,me,,,any,,,tcp,yes,\"ab\ncd\"\n", 2, 27, "not closed"},
	{HEADER "Permit,me,,,any,,,tcp,yes,\"ab\"c\n", 2, 31, "behind the closing quote"},
	{HEADER "Permit,me,,,any,,,tcp,yes,a\x01" "b\n", 2, 27, "control character"},
	{HEADER "Permit,me,,,any,,,tcp,yes,a\rb\n", 2, 27, "control character"},
	{HEADER "Permit,me,,,any,,,tcp,yes,\xff\n", 2, 27, "UTF-8"},
};

Test(ruletable, what_is_wrong_is_said_with_its_place)
{
	for (size_t i = 0; i < ARRAY_LENGTH(wrongs); i++) {
		struct bench bench;
		bench_init(&bench);
		cr_expect_eq(read_text(&bench, wrongs[i].text, strlen(wrongs[i].text)), ERROR_INPUT, "%zu: %s", i, wrongs[i].text);
		cr_assert_geq(bench.diag.errors, 1, "%zu: %s", i, wrongs[i].text);
		const struct message *message = &bench.diag.messages[0];
		cr_expect(strstr(message->text, wrongs[i].says) != NULL, "%zu: %s", i, message->text);
		cr_expect(message->line == wrongs[i].line && message->column == wrongs[i].column, "%zu: %s: at %u:%u, and %u:%u is meant", i,
			  message->text, message->line, message->column, wrongs[i].line, wrongs[i].column);
		cr_expect_eq(bench.policy->rules.count, 0, "%zu: nothing is added", i);
		bench_done(&bench);
	}
}

Test(ruletable, all_faults_are_told_up_to_a_limit)
{
	struct bench bench;
	struct buffer text;
	bench_init(&bench);
	buffer_init(&text, 1 << 20);
	buffer_add_text(&text, HEADER);
	for (size_t i = 0; i < 3 * RULETABLE_ERRORS; i++)
		buffer_add_text(&text, "Allow,me,,,any,,,tcp,yes,\n");
	cr_expect_eq(read_text(&bench, buffer_text(&text), text.length), ERROR_INPUT);
	cr_expect_eq(bench.diag.errors, RULETABLE_ERRORS);
	buffer_done(&text);
	bench_done(&bench);
}

Test(ruletable, a_list_of_somebody_else_is_not_touched)
{
	struct bench bench;
	bench_init(&bench);
	struct location *local = &bench.state->locations[LOCATION_LOCAL];
	struct policy *other = location_add_policy(bench.state, local, "other");
	struct filterlist *list = location_add_filterlist(bench.state, local, "quarantine permit");
	struct filteraction *action = location_add_filteraction(bench.state, local, "permit");
	action->action = ACTION_PERMIT;
	policy_add_rule(bench.state, other, "theirs", list, action);
	cr_expect_eq(read_text(&bench, default_table, strlen(default_table)), ERROR_IN_USE);
	cr_expect_eq(list->count, 0);
	cr_expect_eq(bench.diag.errors, 1);
	bench_done(&bench);
}

Test(ruletable, what_an_earlier_run_left_unused_is_emptied)
{
	struct bench bench;
	struct buffer text;
	bench_init(&bench);
	buffer_init(&text, 1 << 16);
	struct location *local = &bench.state->locations[LOCATION_LOCAL];
	struct filter filter = {.src = {.kind = ADDRESS_ANY}, .dst = {.kind = ADDRESS_ME}, .mirrored = true, .description = ""};
	filterlist_add(bench.state, location_add_filterlist(bench.state, local, "quarantine permit"), &filter);
	cr_assert_eq(read_text(&bench, HEADER "Permit,me,,,192.0.2.1,,,,yes,\n", strlen(HEADER "Permit,me,,,192.0.2.1,,,,yes,\n")), 0);
	cr_expect_str_eq(list_print(&bench, "quarantine permit", &text), "any me -> 192.0.2.1, and the replies\n");
	cr_assert_eq(read_text(&bench, HEADER "Permit,me,,,192.0.2.2,,,,yes,\n", strlen(HEADER "Permit,me,,,192.0.2.2,,,,yes,\n")), 0);
	cr_expect_str_eq(list_print(&bench, "quarantine permit", &text),
			 "any me -> 192.0.2.1, and the replies\nany me -> 192.0.2.2, and the replies\n", "a second table adds");
	buffer_done(&text);
	bench_done(&bench);
}

/* An action that has the usual name and another meaning is left alone. */
Test(ruletable, an_action_of_the_wrong_kind_is_not_used)
{
	struct bench bench;
	bench_init(&bench);
	location_add_filteraction(bench.state, &bench.state->locations[LOCATION_LOCAL], "permit")->action = ACTION_BLOCK;
	cr_assert_eq(read_text(&bench, HEADER "Permit,me,,,192.0.2.1,,,,yes,\n", strlen(HEADER "Permit,me,,,192.0.2.1,,,,yes,\n")), 0);
	const struct rule *rule = (const struct rule *)collection_find(&bench.policy->rules, "quarantine permit");
	cr_expect_eq(rule->filteraction->action, ACTION_PERMIT);
	cr_expect_str_eq(rule->filteraction->object.name, "quarantine permit");
	bench_done(&bench);
}

Test(ruletable, limits)
{
	struct bench bench;
	struct buffer text;
	bench_init(&bench);
	buffer_init(&text, RULETABLE_BYTES + 16);
	buffer_add_text(&text, HEADER);
	for (size_t i = 0; i <= RULETABLE_ROWS; i++)
		buffer_printf(&text, "Permit,me,,,10.%zu.%zu.%zu,,,,yes,\n", i >> 16, i >> 8 & 255, i & 255);
	cr_expect_eq(read_text(&bench, buffer_text(&text), text.length), ERROR_INPUT);
	cr_expect(strstr(bench.diag.messages[0].text, "more than 100000 rows") != NULL, "%s", bench.diag.messages[0].text);
	while (!text.full)
		buffer_add_text(&text, "Permit,me,,,any");
	diag_clear(&bench.diag);
	cr_expect_eq(read_text(&bench, buffer_text(&text), RULETABLE_BYTES + 1), ERROR_INPUT);
	buffer_done(&text);
	bench_done(&bench);
}
