/* What cordon-boot does to a kernel, in a network namespace of its own. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../target/nft_policy.h"
#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootload.h"
#include "bootcfg/boot/bootmessages.h"
#include "bootcfg/boot/bootrun.h"
#include "bootcfg/driver/driver.h"
#include "bootcfg/target/nftables_commands.h"
#include "bootcfg/target/nftables_plan.h"
#include "bootcfg/target/nftables_read.h"
#include "core/base/attr.h"
#include "core/base/error.h"

static char folder[64];
static struct diag diag;
static struct state *state;
static bool alone; /* false: no namespace can be had */

static void begin(void)
{
	snprintf(folder, sizeof(folder), "/tmp/cordon-test-XXXXXX");
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
	diag_init(&diag);
	state = state_new();
	alone = nft_namespace();
}

static void end(void)
{
	unlink("boot");
	unlink("driver");
	cr_expect_eq(chdir("/"), 0);
	cr_expect_eq(rmdir(folder), 0, "nothing else is left");
	state_free(state);
	diag_done(&diag);
}

TestSuite(bootrun, .init = begin, .fini = end);

static bool said(const char *words)
{
	for (size_t i = 0; i < diag.count; i++)
		if (strstr(diag.messages[i].text, words) != NULL)
			return true;
	for (size_t i = 0; i < diag.count; i++)
		fprintf(stderr, "said: %s\n", diag.messages[i].text);
	return false;
}

static void file_put(const char *bytes, size_t length)
{
	int descriptor = open("boot", O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert_geq(descriptor, 0);
	cr_assert_eq(write(descriptor, bytes, length), (ssize_t)length);
	close(descriptor);
}

/* The file of a boot mode, with names of a generation. */
static void mode_put(const char *mode, uint64_t generation)
{
	struct bootfile_head head;
	struct buffer messages, text;
	buffer_init(&messages, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	cr_assert_eq(config_set(&state->config, PROPERTY_BOOTMODE, mode, strlen(mode), &diag, NULL), 0);
	cr_assert_eq(bootfile_compile(state, true, generation, &diag, &head, &messages), 0);
	bootfile_print(&head, &messages, &text);
	file_put(buffer_text(&text), text.length);
	buffer_done(&messages);
	buffer_done(&text);
}

static int run(void)
{
	diag_clear(&diag);
	return bootrun("boot", "cordon-boot", "driver", &diag);
}

static struct plan_head in_force(void)
{
	struct bootload *load = NULL;
	struct bootload_state found;
	struct plan_head head = {.generation = UINT64_MAX};
	cr_assert_eq(bootload_open(&load), 0);
	cr_assert_eq(bootload_state(load, &found), 0);
	bootload_close(load);
	if (found.in_force)
		cr_assert(plan_comment_parse(found.comment, &head), "%s", found.comment);
	cr_expect_eq(found.startup, found.in_force && head.mode == MODE_BOOT);
	return head;
}

static bool record_is(enum driver_state wanted)
{
	struct driver_record record = {.state = DRIVER_STATES};
	int error = driver_read("driver", &record);
	if (error != 0 || record.state != wanted)
		fprintf(stderr, "driver_read %d, state %d\n", error, (int)record.state);
	return error == 0 && record.state == wanted && strcmp(record.by, "cordon-boot") == 0;
}

static void builtin_is(const char *when)
{
	struct plan_head head = in_force();
	cr_expect_eq(head.generation, 0, "%s", when);
	cr_expect_eq(head.mode, MODE_BOOT, "%s", when);
	cr_expect_eq(head.bootmode, BOOTMODE_BLOCK, "%s", when);
	cr_expect(said("built-in block set"), "%s", when);
	cr_expect(record_is(DRIVER_STARTUP_BLOCK), "%s", when);
}

static void nft(const char *commands)
{
	cr_assert_eq(commands_run(commands, &diag), 0, "%s", diag.count > 0 ? diag.messages[0].text : "");
}

#define NEED_ALONE()                                                    \
	do {                                                            \
		if (!alone) {                                           \
			fprintf(stderr, "SKIPPED: no namespace\n");     \
			return;                                         \
		}                                                       \
	} while (0)

Test(bootrun, each_mode_is_in_force)
{
	NEED_ALONE();
	mode_put("permit", 1);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect_eq(in_force().generation, UINT64_MAX);
	cr_expect(record_is(DRIVER_STARTUP_PERMIT));
	mode_put("stateful", 2);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect_eq(in_force().generation, 2);
	cr_expect_eq(in_force().bootmode, BOOTMODE_STATEFUL);
	cr_expect(record_is(DRIVER_STARTUP_STATEFUL));
	nft("delete table inet cordon");
	mode_put("block", 3);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect_eq(in_force().bootmode, BOOTMODE_BLOCK);
	cr_expect(record_is(DRIVER_STARTUP_BLOCK));
}

/* As `cordon status` sees it. */
Test(bootrun, status_understands_what_is_loaded)
{
	NEED_ALONE();
	struct nftables_status status;
	cr_expect_eq(run(), EXIT_FINDING, "there is no file");
	builtin_is("no file");
	cr_assert_eq(nftables_status_read(&diag, &status), 0);
	cr_expect(status.present);
	cr_expect_not(status.altered);
	cr_expect_eq(status.mode, MODE_BOOT);
	nftables_status_done(&status);
}

Test(bootrun, run_again_does_nothing)
{
	NEED_ALONE();
	struct channel *channel = NULL;
	uint32_t before = 0, after = 0;
	mode_put("stateful", 1);
	cr_expect_eq(run(), EXIT_DONE);
	cr_assert_eq(channel_open(&channel), 0);
	cr_assert_eq(channel_generation(channel, &before), 0);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect(said("already"));
	cr_assert_eq(channel_generation(channel, &after), 0);
	cr_expect_eq(before, after, "not one transaction");
	channel_close(channel);
}

/* The initial RAM disk held an older file: the base chains change over, and both generations are there. */
Test(bootrun, other_startup_rules_are_replaced)
{
	NEED_ALONE();
	struct channel *channel = NULL;
	struct live *live = NULL;
	mode_put("block", 4);
	cr_expect_eq(run(), EXIT_DONE);
	mode_put("stateful", 5);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect(said("in place of"));
	cr_expect_eq(in_force().generation, 5);
	cr_assert_eq(channel_open(&channel), 0);
	cr_assert_eq(live_read(channel, &live), 0);
	cr_expect_eq(live->in_force_count, 1);
	cr_expect_not_null(live_chain_find(live, "g4_input"), "packets under way still find what they read");
	cr_expect_eq(live_chain_find(live, "input")->count, 1);
	live_free(live);
	channel_close(channel);
}

/* The same names for other rules (installed anew, with the initial RAM disk of before): nothing is mixed. */
Test(bootrun, other_rules_under_the_same_names_are_refused)
{
	NEED_ALONE();
	struct buffer before, after;
	buffer_init(&before, BOOTFILE_MOST);
	buffer_init(&after, BOOTFILE_MOST);
	mode_put("block", 4);
	cr_expect_eq(run(), EXIT_DONE);
	cr_assert_eq(bootmessages_read(&before), 0);
	mode_put("stateful", 4);
	cr_expect_eq(run(), EXIT_FINDING);
	cr_expect(said("the rules in force stay"));
	cr_assert_eq(bootmessages_read(&after), 0);
	cr_expect(before.length == after.length && memcmp(before.data, after.data, before.length) == 0);
	cr_expect(record_is(DRIVER_STARTUP_BLOCK));
	buffer_done(&before);
	buffer_done(&after);
}

Test(bootrun, the_builtin_set_gives_way_to_a_file)
{
	NEED_ALONE();
	cr_expect_eq(run(), EXIT_FINDING);
	builtin_is("no file");
	mode_put("stateful", 1);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect_eq(in_force().generation, 1);
	cr_expect(record_is(DRIVER_STARTUP_STATEFUL));
}

Test(bootrun, a_bad_file_takes_nothing_away)
{
	NEED_ALONE();
	mode_put("stateful", 1);
	cr_expect_eq(run(), EXIT_DONE);
	file_put("rubbish", 7);
	cr_expect_eq(run(), EXIT_FINDING);
	cr_expect(said("stay"));
	cr_expect_eq(in_force().generation, 1);
	mode_put("permit", 2);
	cr_expect_eq(run(), EXIT_FINDING, "permit opens nothing that is closed");
	cr_expect_eq(in_force().generation, 1);
	cr_expect(record_is(DRIVER_STARTUP_STATEFUL));
}

Test(bootrun, what_the_service_applied_stays)
{
	NEED_ALONE();
	struct nft_policy policy;
	cr_assert(nft_policy_make("rule block all\nany any any 0 0\n", &policy));
	cr_assert_eq(nftables_apply(policy.ruleset, &policy.options, &diag), 0);
	uint64_t generation = in_force().generation;
	mode_put("stateful", 9);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect(said("stays"));
	cr_expect_eq(in_force().generation, generation);
	cr_expect_eq(in_force().mode, MODE_SECURE);
	mode_put("permit", 10);
	cr_expect_eq(run(), EXIT_DONE);
	cr_expect_eq(in_force().mode, MODE_SECURE);
	nft_policy_done(&policy);
}

/* And the other way round: the service takes over from start-up rules. */
Test(bootrun, apply_takes_over_from_each)
{
	NEED_ALONE();
	static const char *const modes[] = {"stateful", "block", NULL};
	struct nft_policy policy;
	cr_assert(nft_policy_make("rule block all\nany any any 0 0\n", &policy));
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		if (modes[i] != NULL)
			mode_put(modes[i], 1);
		else
			file_put("", 0);
		cr_expect_eq(run(), modes[i] != NULL ? EXIT_DONE : EXIT_FINDING);
		cr_assert_eq(nftables_apply(policy.ruleset, &policy.options, &diag), 0);
		cr_expect_eq(in_force().mode, MODE_SECURE);
		bool same = false;
		struct buffer lines;
		buffer_init(&lines, 65536);
		cr_expect_eq(nftables_check(policy.ruleset, &policy.options, &diag, &lines, &same), 0);
		cr_expect(same, "%s", buffer_text(&lines));
		buffer_done(&lines);
		nft("delete table inet cordon");
	}
	nft_policy_done(&policy);
}

/* A table of that name that judges nothing: left over, or somebody's work. */
Test(bootrun, what_judges_nothing_is_rebuilt)
{
	static const char *const tables[] = {
		"add table inet cordon\nadd chain inet cordon input\nadd chain inet cordon g1_input\n",
		"add table inet cordon { flags dormant; }\n",
		"add table inet cordon\nadd chain inet cordon input { type filter hook input priority 0; }\n",
		"add table inet cordon\nadd chain inet cordon input { type filter hook input priority 0; }\n"
		"add rule inet cordon input accept comment \"generation 1, boot, block, digest 00\"\n",
	};
	NEED_ALONE();
	for (size_t i = 0; i < ARRAY_LENGTH(tables); i++) {
		nft(tables[i]);
		mode_put("stateful", 1);
		cr_expect_eq(run(), EXIT_DONE, "table %zu", i);
		cr_expect_eq(in_force().generation, 1, "table %zu", i);
		nft("delete table inet cordon");
		nft(tables[i]);
		file_put("", 0);
		cr_expect_eq(run(), EXIT_FINDING, "table %zu", i);
		builtin_is("rebuilt");
		nft("delete table inet cordon");
	}
}

/* Damage at many places, each time in a kernel that has nothing. */
Test(bootrun, a_damaged_file_means_the_builtin_set)
{
	NEED_ALONE();
	struct buffer whole;
	mode_put("stateful", 1);
	cr_assert_eq(bootfile_read("boot", &diag, &whole), 0);
	size_t step = whole.length / 40 + 1, rounds = 0;
	for (size_t at = 0; at < whole.length; at += step, rounds++) {
		char when[64];
		whole.data[at] = (char)(whole.data[at] ^ 4);
		snprintf(when, sizeof(when), "damaged at %zu", at);
		file_put(whole.data, whole.length);
		cr_expect_eq(run(), EXIT_FINDING, "%s", when);
		builtin_is(when);
		nft("delete table inet cordon");
		whole.data[at] = (char)(whole.data[at] ^ 4);
		snprintf(when, sizeof(when), "cut at %zu", at);
		file_put(whole.data, at);
		cr_expect_eq(run(), EXIT_FINDING, "%s", when);
		builtin_is(when);
		nft("delete table inet cordon");
	}
	cr_expect_geq(rounds, 30);
	buffer_done(&whole);
}

/* A file with a right checksum that the kernel refuses. */
Test(bootrun, a_refused_file_means_the_builtin_set)
{
	NEED_ALONE();
	struct bootfile_head head = {.mode = "stateful", .generation = 1, .made = 1};
	struct buffer messages, text;
	buffer_init(&messages, 65536);
	buffer_init(&text, 1 << 17);
	memset(head.digest, '0', sizeof(head.digest) - 1);
	bootblock_messages(&messages);
	/* Chains that are nowhere. */
	for (char *at = messages.data; (at = memmem(at, (size_t)(messages.data + messages.length - at), "g0_output", 9)) != NULL; at += 9) {
		at[1] = '9';
		break;
	}
	bootfile_print(&head, &messages, &text);
	file_put(buffer_text(&text), text.length);
	cr_expect_eq(run(), EXIT_FINDING);
	cr_expect(said("refuses message"));
	builtin_is("refused");
	buffer_done(&messages);
	buffer_done(&text);
}

/* The table, names and comments that bootload.c and bootblock.c have for themselves. */
Test(bootrun, the_loaders_names_are_the_plans)
{
	NEED_ALONE();
	struct nft_policy policy;
	char comment[BOOTLOAD_COMMENT];
	struct buffer messages;
	struct plan_head head;
	buffer_init(&messages, BOOTFILE_MOST);
	cr_assert(nft_policy_make("rule block all\nany any any 0 0\n", &policy));
	struct plan *plan = plan_compile(policy.ruleset, &policy.options, 12);
	cr_assert_eq(bootfile_messages(policy.ruleset, 12, &diag, &messages), 0);
	bootload_comment(buffer_text(&messages), messages.length, comment);
	cr_expect_str_eq(comment, plan->comment);
	cr_expect_str_eq(plan->bases[0].name, "input");
	cr_expect_str_eq(plan->bases[1].name, "forward");
	cr_expect_str_eq(plan->bases[2].name, "output");
	buffer_clear(&messages);
	bootblock_messages(&messages);
	bootload_comment(buffer_text(&messages), messages.length, comment);
	cr_expect(plan_comment_parse(comment, &head), "%s", comment);
	cr_expect_eq(head.bootmode, BOOTMODE_BLOCK);
	cr_expect_not_null(memmem(messages.data, messages.length, PLAN_BOOT_TOTAL, sizeof(PLAN_BOOT_TOTAL)));
	plan_free(plan);
	buffer_done(&messages);
	nft_policy_done(&policy);
}

/* 1,000 filters: at most 30 ms (measured here without the start of a program, which takes less than 1 ms). */
Test(bootrun, a_thousand_filters_in_time)
{
	NEED_ALONE();
	enum { ROUNDS = 5 };
	struct nft_policy policy;
	struct buffer text, messages;
	double best = 1e9;
	buffer_init(&text, 1 << 20);
	buffer_init(&messages, BOOTFILE_MOST);
	for (unsigned i = 0; i < 1000; i++)
		buffer_printf(&text, "%s10.%u.%u.0/%u me %s 0 %u mirrored\n", i == 0 ? "rule block many\n" : "", i / 250, i % 250,
			      i % 3 == 0 ? 32 : i % 3 == 1 ? 28 : 24, i % 2 ? "tcp" : "udp", i + 1);
	cr_assert(nft_policy_make(buffer_text(&text), &policy));
	cr_assert_eq(bootfile_messages(policy.ruleset, 1, &diag, &messages), 0);
	for (int i = 0; i < ROUNDS; i++) {
		struct bootload *load = NULL;
		struct timespec before, after;
		clock_gettime(CLOCK_MONOTONIC, &before);
		cr_assert_eq(bootload_open(&load), 0);
		cr_assert_eq(bootload_send(load, buffer_text(&messages), messages.length, BOOTLOAD_FRESH, NULL), 0);
		clock_gettime(CLOCK_MONOTONIC, &after);
		bootload_close(load);
		double took = (double)(after.tv_sec - before.tv_sec) * 1e3 + (double)(after.tv_nsec - before.tv_nsec) / 1e6;
		best = took < best ? took : best;
		nft("delete table inet cordon");
	}
	fprintf(stderr, "1,000 filters, %zu bytes: %.2f ms\n", messages.length, best);
	cr_expect_leq(best, 30.0);
	buffer_done(&text);
	buffer_done(&messages);
	nft_policy_done(&policy);
}
