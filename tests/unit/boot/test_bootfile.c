/* Making the boot file: what a scratch kernel makes of the rules loads again, to the same. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "../target/nft_policy.h"
#include "bootcfg/boot/attribute.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootload.h"
#include "bootcfg/boot/bootmessages.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/store/store.h"

static struct state *state;
static struct diag diag;

static void begin(void)
{
	state = state_new();
	diag_init(&diag);
	struct buffer messages, words;
	buffer_init(&messages, 4096);
	buffer_init(&words, 4096);
	int error = scratch_text("add table inet cordon", &messages, &words);
	if (error == -EUSERS)
		cr_skip_test("SKIPPED: %s", buffer_text(&words));
	buffer_done(&messages);
	buffer_done(&words);
}

static void end(void)
{
	state_free(state);
	diag_done(&diag);
}

static const char *said(void)
{
	return diag.count > 0 ? diag.messages[diag.count - 1].text : "";
}

static void set(enum property_id id, const char *value)
{
	cr_assert_eq(config_set(&state->config, id, value, strlen(value), &diag, NULL), 0, "%s", said());
}

/* The file of the state; the caller frees it. */
static struct buffer make(const struct buffer *old, bool *same)
{
	struct buffer text;
	buffer_init(&text, BOOTFILE_MOST);
	int error = bootfile_make(state, true, old, &diag, same, &text);
	cr_assert_eq(error, 0, "%s", said());
	return text;
}

static struct bootfile_head head_of(const struct buffer *text, const char **messages)
{
	struct bootfile_head head;
	cr_assert_eq(bootfile_parse(buffer_text(text), text->length, "boot", &diag, &head, messages), 0, "%s", said());
	return head;
}

TestSuite(bootfile, .init = begin, .fini = end);

Test(bootfile, every_mode_makes_a_file_that_loads_to_the_same)
{
	static const char *const modes[] = {"stateful", "block", "permit"};
	static const char *const exemptions[] = {"none", "TCP:0:3389:inbound", "TCP:0:3389:inbound UDP:0:53:outbound ICMP:inbound"};
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++)
		for (size_t j = 0; j < ARRAY_LENGTH(exemptions); j++) {
			bool same;
			const char *messages;
			char digest[DIGEST_TEXT];
			set(PROPERTY_BOOTMODE, modes[i]);
			set(PROPERTY_BOOTEXEMPTIONS, exemptions[j]);
			struct buffer text = make(NULL, &same);
			struct bootfile_head head = head_of(&text, &messages);
			state_digest(state, digest);
			cr_expect_not(same);
			cr_expect_str_eq(head.mode, modes[i]);
			cr_expect_str_eq(head.digest, digest);
			cr_expect_eq(head.generation, 1);
			cr_expect_eq(bootfile_try(buffer_text(&text), text.length, "boot", &diag), 0, "%s, %s: %s", modes[i], exemptions[j], said());
			buffer_done(&text);
		}
}

/* Handles, positions and interface indexes are of one kernel; names of another machine. */
Test(bootfile, it_holds_nothing_of_this_kernel_alone)
{
	static const struct {
		uint16_t kind, attribute;
	} own[] = {
		{NFT_MSG_NEWTABLE, NFTA_TABLE_HANDLE}, {NFT_MSG_NEWTABLE, NFTA_TABLE_USE}, {NFT_MSG_NEWCHAIN, NFTA_CHAIN_HANDLE},
		{NFT_MSG_NEWCHAIN, NFTA_CHAIN_USE}, {NFT_MSG_NEWCHAIN, NFTA_CHAIN_COUNTERS}, {NFT_MSG_NEWRULE, NFTA_RULE_HANDLE},
		{NFT_MSG_NEWRULE, NFTA_RULE_POSITION}, {NFT_MSG_NEWSET, NFTA_SET_HANDLE}, {NFT_MSG_NEWOBJ, NFTA_OBJ_HANDLE},
		{NFT_MSG_NEWOBJ, NFTA_OBJ_USE},
	};
	bool same;
	const char *messages;
	size_t count = 0, last_base = 0;
	set(PROPERTY_BOOTMODE, "stateful");
	struct buffer text = make(NULL, &same);
	struct bootfile_head head = head_of(&text, &messages);
	struct attributes rest = {messages, messages + head.length};
	struct netmessage message;
	struct attribute attribute;
	for (; netmessage_take(&rest, &message); count++) {
		for (size_t i = 0; i < ARRAY_LENGTH(own); i++)
			cr_expect(netmessage_kind(&message) != own[i].kind || !attribute_find(message.attributes, own[i].attribute, &attribute),
				  "message %zu, kind %u: attribute %u", count, own[i].kind, own[i].attribute);
		if (netmessage_kind(&message) == NFT_MSG_NEWCHAIN && attribute_find(message.attributes, NFTA_CHAIN_HOOK, &attribute))
			last_base = count;
	}
	cr_expect_eq(last_base + 4, count, "after the base chains come their three rules, and nothing else");
	buffer_done(&text);
}

Test(bootfile, the_same_rules_make_the_same_file)
{
	bool same = false;
	const char *messages;
	set(PROPERTY_BOOTMODE, "block");
	struct buffer first = make(NULL, &same);
	struct buffer second = make(&first, &same);
	cr_expect(same);
	cr_expect_eq(second.length, 0, "untouched");
	/* A change that the boot rules do not show. */
	set(PROPERTY_IPSECLOGINTERVAL, "120");
	second = make(&first, &same);
	cr_expect(same, "another digest alone makes no other file");
	/* One that they show: under names of their own, so that both can be in the kernel. */
	set(PROPERTY_BOOTEXEMPTIONS, "TCP:0:22:inbound");
	second = make(&first, &same);
	cr_expect_not(same);
	cr_expect_eq(head_of(&second, &messages).generation, 2);
	cr_expect_eq(bootfile_try(buffer_text(&second), second.length, "boot", &diag), 0, "%s", said());
	set(PROPERTY_BOOTMODE, "permit");
	struct buffer third = make(&second, &same);
	cr_expect_not(same);
	cr_expect_eq(head_of(&third, &messages).generation, 3);
	struct buffer fourth = make(&third, &same);
	cr_expect(same);
	buffer_done(&first);
	buffer_done(&second);
	buffer_done(&third);
	buffer_done(&fourth);
}

Test(bootfile, a_damaged_file_in_place_is_made_anew)
{
	bool same = true;
	const char *messages;
	struct buffer damaged;
	buffer_init(&damaged, 100);
	buffer_add_text(&damaged, "cordon-boot 1\nmode");
	set(PROPERTY_BOOTMODE, "block");
	struct buffer text = make(&damaged, &same);
	cr_expect_not(same);
	cr_expect_eq(head_of(&text, &messages).generation, 1);
	buffer_done(&text);
	buffer_done(&damaged);
}

Test(bootfile, the_default_mode_asks_policy_and_service)
{
	static const struct {
		bool assigned, enabled;
		const char *mode;
	} rows[] = {{false, false, "permit"}, {false, true, "permit"}, {true, false, "permit"}, {true, true, "stateful"}};
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct policy *policy = location_add_policy(state, location, "p");
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bootfile_head head;
		struct buffer messages;
		buffer_init(&messages, BOOTFILE_MOST);
		if (rows[i].assigned)
			location_assign(location, policy);
		cr_assert_eq(bootfile_compile(state, rows[i].enabled, 1, &diag, &head, &messages), 0, "%s", said());
		cr_expect_str_eq(head.mode, rows[i].mode, "row %zu", i);
		cr_expect_eq(messages.length > 0, strcmp(rows[i].mode, "permit") != 0);
		buffer_done(&messages);
	}
}

/* A file with one message that no kernel takes: a rule that goes to a chain that is not there. */
Test(bootfile, what_a_kernel_refuses_does_not_load)
{
	struct bootfile_head head = {.mode = "block", .generation = 1, .made = 1};
	struct buffer messages, text;
	buffer_init(&messages, 65536);
	buffer_init(&text, 1 << 17);
	memset(head.digest, '0', sizeof(head.digest) - 1);
	bootblock_messages(&messages);
	size_t begin = netmessage_begin_table(&messages, NFT_MSG_NEWRULE, NLM_F_CREATE | NLM_F_APPEND);
	attribute_put_text(&messages, NFTA_RULE_TABLE, "cordon");
	attribute_put_text(&messages, NFTA_RULE_CHAIN, "nowhere");
	nest_end(&messages, nest_begin(&messages, NFTA_RULE_EXPRESSIONS));
	netmessage_end(&messages, begin);
	bootfile_print(&head, &messages, &text);
	cr_expect_eq(bootfile_try(buffer_text(&text), text.length, "boot", &diag), ERROR_DAMAGED);
	cr_expect_not_null(strstr(said(), "does not load"), "%s", said());
	cr_expect_not_null(strstr(said(), "message"), "it says which one: %s", said());
	/* Rules that the kernel takes and then has in another order are no file of ours either. */
	buffer_clear(&messages);
	buffer_clear(&text);
	bootblock_messages(&messages);
	begin = netmessage_begin_table(&messages, NFT_MSG_NEWOBJ, NLM_F_CREATE);
	attribute_put_text(&messages, NFTA_OBJ_TABLE, "cordon");
	attribute_put_text(&messages, NFTA_OBJ_NAME, "late");
	attribute_put_number(&messages, NFTA_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nest_end(&messages, nest_begin(&messages, NFTA_OBJ_DATA));
	netmessage_end(&messages, begin);
	bootfile_print(&head, &messages, &text);
	diag_clear(&diag);
	cr_expect_eq(bootfile_try(buffer_text(&text), text.length, "boot", &diag), ERROR_DAMAGED);
	cr_expect_not_null(strstr(said(), "makes other rules of it"), "%s", said());
	buffer_done(&messages);
	buffer_done(&text);
}

/* Every kind of rule that we make, also those of secure mode: maps with elements, verdicts, fib, ct, tproxy, log. */
Test(bootfile, rulesets_of_every_mode_load_again)
{
	static const char *const policies[] = {
		"ipsecexempt=0\nrule block all\nany any any 0 0\nrule permit web\nany me tcp 0 80 mirrored\n"
		"192.0.2.0/24 me tcp 0 3389\n2001:db8::/32 me udp 53 0\nme 203.0.113.7 any 0 0 mirrored replies\n",
		"mode=block\nrule permit web\nany me tcp 0 80\n",
		"mode=permit\n",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(policies); i++) {
		struct nft_policy policy;
		struct buffer first, second, words;
		cr_assert(nft_policy_make(policies[i], &policy));
		buffer_init(&first, BOOTFILE_MOST);
		buffer_init(&second, BOOTFILE_MOST);
		buffer_init(&words, 4096);
		cr_assert_eq(bootfile_messages(policy.ruleset, 7, &diag, &first), 0, "policy %zu: %s", i, said());
		cr_expect_gt(first.length, 0);
		cr_expect_eq(scratch_messages(buffer_text(&first), first.length, &second, &words), 0, "policy %zu: %s", i, buffer_text(&words));
		cr_expect(first.length == second.length && memcmp(first.data, second.data, first.length) == 0, "policy %zu", i);
		buffer_done(&first);
		buffer_done(&second);
		buffer_done(&words);
		nft_policy_done(&policy);
	}
}

/* Elements come from the kernel in the order of a hash with a random seed. */
Test(bootfile, many_elements_come_in_one_order)
{
	struct nft_policy policy;
	struct buffer text, first, second;
	buffer_init(&text, 1 << 20);
	buffer_add_text(&text, "rule block many\n");
	for (unsigned i = 0; i < 3000; i++)
		buffer_printf(&text, "10.%u.%u.1 me tcp 0 %u\n", i / 250, i % 250, i + 1);
	cr_assert(nft_policy_make(buffer_text(&text), &policy));
	buffer_init(&first, BOOTFILE_MOST);
	buffer_init(&second, BOOTFILE_MOST);
	cr_assert_eq(bootfile_messages(policy.ruleset, 1, &diag, &first), 0, "%s", said());
	cr_assert_eq(bootfile_messages(policy.ruleset, 1, &diag, &second), 0, "%s", said());
	cr_expect(first.length == second.length && memcmp(first.data, second.data, first.length) == 0);
	cr_expect_gt(first.length, 3000 * 20);
	buffer_done(&text);
	buffer_done(&first);
	buffer_done(&second);
	nft_policy_done(&policy);
}

/* Where nothing is to be loaded nothing is tried: also on a machine that has no nftables. */
Test(bootfile_permit, permit_needs_no_kernel)
{
	bool same = true;
	const char *messages;
	state = state_new();
	diag_init(&diag);
	set(PROPERTY_BOOTMODE, "permit");
	struct buffer text = make(NULL, &same);
	cr_expect_not(same);
	cr_expect_eq(head_of(&text, &messages).length, 0);
	cr_expect_eq(bootfile_try(buffer_text(&text), text.length, "boot", &diag), 0, "%s", said());
	buffer_done(&text);
	end();
}
