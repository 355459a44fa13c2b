/* What the enforcer does, in a machine and a time that are a script. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/json.h"
#include "enforcer_fixture.h"

static struct fixture fixture;

static void setup(void)
{
	fixture_init(&fixture);
}

static void teardown(void)
{
	fixture_done(&fixture);
}

TestSuite(enforcer, .init = setup, .fini = teardown);

static const struct fixture_rule persistent_rule = {LOCATION_PERSISTENT, ACTION_BLOCK, "any", "me", NULL, PROTOCOL_TCP, 3389};
static const struct fixture_rule local_rule = {LOCATION_LOCAL, ACTION_BLOCK, "any", "me", NULL, PROTOCOL_TCP, 445};
static const struct fixture_rule other_rule = {LOCATION_LOCAL, ACTION_BLOCK, "any", "me", NULL, PROTOCOL_TCP, 139};
static const struct fixture_rule negotiate_rule = {LOCATION_LOCAL, ACTION_NEGOTIATE, "any", "me", NULL, PROTOCOL_TCP, 25};

#define MACHINE (&fixture.machine)

static void store_put(const struct fixture_rule *rules, size_t count, const char *set)
{
	cr_assert(fixture_store(fixture.store, rules, count, set, NULL));
}

static bool in_force(void)
{
	char digest[DIGEST_TEXT];
	fixture_digest(fixture.store, digest);
	return MACHINE->present && MACHINE->mode == MODE_SECURE && strcmp(MACHINE->digest, digest) == 0;
}

static void status_read(struct buffer *json)
{
	buffer_init(json, 1 << 20);
	enforcer_status(fixture.enforcer, json);
}

static bool status_has(const char *words)
{
	struct buffer json;
	status_read(&json);
	bool has = strstr(buffer_text(&json), words) != NULL;
	buffer_done(&json);
	return has;
}

static void by_hand(enum driver_state from, enum driver_event event)
{
	struct driver_record record = {.state = driver_next(from, event)->to, .event = event, .from = from,
				       .time = loop_time(fixture.loop) / 1000000, .by = "cordon"};
	cr_assert_eq(driver_write(fixture.driver, &record, NULL), 0);
}

static void change_by(const char *name)
{
	struct nftables_change change = {.ours = true, .pid = 4711};
	snprintf(change.name, sizeof(change.name), "%s", name);
	enforcer_notice_kernel(fixture.enforcer, &change);
}

/* --- Order at start --- */

Test(enforcer, start_applies_persistent_then_local)
{
	const struct fixture_rule rules[] = {persistent_rule, local_rule};
	store_put(rules, 2, NULL);
	fixture_start(&fixture);
	cr_assert(in_force());
	const char *persistent = strstr(MACHINE->events, "the persistent policy comes first");
	const char *local = strstr(MACHINE->events, "all that is assigned is in force");
	cr_assert(persistent != NULL && local != NULL && persistent < local, "%s", MACHINE->events);
	cr_expect(fixture_said(&fixture, "4294 secure"));
	cr_expect_eq(MACHINE->in_force, 1);
	cr_expect(status_has("\"state\":\"secure\""));
}

Test(enforcer, start_touches_nothing_when_the_kernel_is_right)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	unsigned applied = MACHINE->applied;
	fixture_stop(&fixture);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 30000);
	cr_expect_eq(MACHINE->applied, applied);
	cr_expect_eq(MACHINE->in_force, 2, "the collector needs the names");
	cr_expect(fixture_said(&fixture, "the kernel's rules stand"), "a crash is told:\n%s", MACHINE->events);
}

Test(enforcer, nothing_assigned_makes_no_rules)
{
	fixture_start(&fixture);
	loop_advance(fixture.loop, 60000);
	cr_expect_not(MACHINE->present);
	cr_expect(status_has("\"state\":\"permit\""));
	cr_expect(status_has("\"event\":\"nothing assigned\""));
	/* And what is assigned later is in force without a further word. */
	fixture_set(&fixture, &local_rule, 1, NULL);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
	cr_expect(status_has("\"state\":\"secure\""));
}

Test(enforcer, startup_rules_give_way_when_nothing_is_assigned)
{
	MACHINE->present = true;
	MACHINE->mode = MODE_BOOT;
	store_put(&local_rule, 1, NULL);
	store_put(NULL, 0, NULL);
	fixture_start(&fixture);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_PERMIT);
}

Test(enforcer, persistent_failure_blocks_and_is_tried_again)
{
	const struct fixture_rule rules[] = {persistent_rule, local_rule};
	store_put(rules, 2, NULL);
	MACHINE->apply_error = ERROR_SYSTEM;
	fixture_start(&fixture);
	cr_expect(status_has("\"state\":\"block\""), "%s", MACHINE->events);
	cr_expect(fixture_said(&fixture, "4292 block"));
	cr_expect(fixture_said(&fixture, "out of everything"));
	unsigned looked = MACHINE->looked;
	loop_advance(fixture.loop, 600000);
	/* 1, 2, 4, 8, 16, 32, 60, 60 … seconds: about 14 times, with two looks each */
	cr_expect(MACHINE->looked - looked > 10 && MACHINE->looked - looked < 60, "%u", MACHINE->looked - looked);
	cr_expect(status_has("\"error\":\"the kernel refuses"));
	MACHINE->apply_error = 0;
	loop_advance(fixture.loop, 61000);
	cr_expect(in_force());
	cr_expect(status_has("\"state\":\"secure\""));
	cr_expect(status_has("\"error\":null"));
	cr_expect(status_has("\"retry\":null"));
}

Test(enforcer, block_is_what_the_kernel_gets_when_only_the_policy_is_refused)
{
	const struct fixture_rule rules[] = {{LOCATION_PERSISTENT, ACTION_NEGOTIATE, "any", "me", NULL, PROTOCOL_TCP, 25}};
	store_put(rules, 1, NULL);
	fixture_start(&fixture);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_BLOCK);
	cr_expect(fixture_said(&fixture, "a rule negotiates"));
	loop_advance(fixture.loop, 100000);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_BLOCK);
	cr_expect_eq(MACHINE->applied, 1, "the same block rules are not applied again and again");
	fixture_set(&fixture, &persistent_rule, 1, NULL);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force(), "a store that is mended counts at once:\n%s", MACHINE->events);
}

Test(enforcer, local_failure_applies_persistent_then_ends_as_the_table_says)
{
	const struct fixture_rule rules[] = {persistent_rule, negotiate_rule};
	store_put(rules, 2, NULL);
	fixture_start(&fixture);
	const char *persistent = strstr(MACHINE->events, "the persistent policy comes first");
	cr_assert_not_null(persistent, "%s", MACHINE->events);
	enum driver_state state = driver_next(DRIVER_SECURE, DRIVER_LOCAL_FAILED)->to;
	cr_expect_eq(MACHINE->mode, driver_mode(state));
	char words[64];
	snprintf(words, sizeof(words), "\"state\":\"%s\"", driver_state_name(state));
	cr_expect(status_has(words));
}

Test(enforcer, refused_change_of_the_store_leaves_what_is_in_force)
{
	char digest[DIGEST_TEXT];
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	memcpy(digest, MACHINE->digest, sizeof(digest));
	fixture_set(&fixture, &negotiate_rule, 1, NULL);
	loop_advance(fixture.loop, 100000);
	cr_expect_str_eq(MACHINE->digest, digest);
	cr_expect_eq(MACHINE->mode, MODE_SECURE);
	cr_expect(status_has("\"state\":\"secure\""));
	cr_expect(status_has("\"event\":\"apply failed\""));
	/* Tampering then: the old rules come back, not none. */
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 0);
	cr_expect(MACHINE->present);
	cr_expect_str_eq(MACHINE->digest, digest);
}

/* --- The store --- */

Test(enforcer, store_change_is_in_force_within_a_second)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 3000);
	fixture_set(&fixture, &other_rule, 1, NULL);
	cr_expect_not(in_force());
	loop_advance(fixture.loop, 999);
	cr_expect(in_force());
	/* Without being told: the poll. */
	store_put(&local_rule, 1, NULL);
	loop_advance(fixture.loop, 10001);
	cr_expect(in_force());
}

static void file_write(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
}

Test(enforcer, damaged_store_keeps_what_is_in_force)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 3000);
	file_write(fixture.store, "this is no store");
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
	loop_advance(fixture.loop, 30000);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_SECURE);
	cr_expect(fixture_said(&fixture, "what was refused has changed nothing"), "%s", MACHINE->events);
	/* One that is gone is no empty one. */
	unlink(fixture.store);
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
	loop_advance(fixture.loop, 120000);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_SECURE);
	cr_expect(fixture_said(&fixture, "is not there any more"));
}

Test(enforcer, damaged_store_at_start_blocks)
{
	file_write(fixture.store, "this is no store");
	MACHINE->present = true;
	MACHINE->mode = MODE_BOOT;
	fixture_start(&fixture);
	cr_expect_eq(MACHINE->mode, MODE_BLOCK);
	cr_expect(status_has("\"state\":\"block\""));
}

Test(enforcer, damaged_store_at_a_restart_keeps_what_is_in_force)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	fixture_stop(&fixture);
	file_write(fixture.store, "this is no store");
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_SECURE);
	/* What is taken away then is not known any more: everything is blocked. */
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 0);
	cr_expect(MACHINE->present && MACHINE->mode == MODE_BLOCK, "%s", MACHINE->events);
}

Test(enforcer, observe_stays_observe)
{
	char digest[DIGEST_TEXT];
	store_put(&local_rule, 1, NULL);
	fixture_digest(fixture.store, digest);
	MACHINE->present = MACHINE->observe = true;
	memcpy(MACHINE->digest, digest, sizeof(digest));
	fixture_start(&fixture);
	fixture_set(&fixture, &other_rule, 1, NULL);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
	cr_expect(MACHINE->observe);
	MACHINE->present = MACHINE->observe = false;
	change_by("nft");
	loop_advance(fixture.loop, 0);
	cr_expect(MACHINE->present && MACHINE->observe, "also when it is put back");
}

Test(enforcer, diagnostics_count_from_the_boot_or_the_word)
{
	store_put(&local_rule, 1, "ipsecdiagnostics=2");
	fixture_start(&fixture);
	cr_expect_eq(MACHINE->diagnostics, 2);
	fixture_set(&fixture, &local_rule, 1, "ipsecdiagnostics=7");
	loop_advance(fixture.loop, 1000);
	cr_expect_eq(MACHINE->diagnostics, 2);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	cr_expect_eq(MACHINE->diagnostics, 2, "a service that starts again is no boot");
	enforcer_diagnostics(fixture.enforcer);
	cr_expect_eq(MACHINE->diagnostics, 7);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	cr_expect_eq(MACHINE->diagnostics, 7);
}

/* --- By hand --- */

Test(enforcer, lift_is_respected_until_the_next_apply)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	/* The kernel first, the word a moment later. */
	MACHINE->present = false;
	change_by("cordon");
	loop_advance(fixture.loop, 300);
	by_hand(DRIVER_SECURE, DRIVER_LIFT);
	enforcer_notice(fixture.enforcer, ENFORCER_DRIVER_FILE);
	loop_advance(fixture.loop, 100000);
	cr_expect_not(MACHINE->present);
	fixture_set(&fixture, &other_rule, 1, NULL);
	machine_host(MACHINE, "{\"addresses\": [\"192.0.2.99/24\"]}");
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	change_by("nft");
	loop_advance(fixture.loop, 100000);
	cr_expect_not(MACHINE->present);
	fixture_stop(&fixture);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 100000);
	cr_expect_not(MACHINE->present, "a service that starts again is no boot:\n%s", MACHINE->events);
	by_hand(DRIVER_PERMIT, DRIVER_APPLY);
	enforcer_notice(fixture.enforcer, ENFORCER_DRIVER_FILE);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
}

Test(enforcer, lift_without_its_word_is_put_back)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	MACHINE->present = false;
	change_by("cordon");
	loop_advance(fixture.loop, 1000);
	cr_expect_not(MACHINE->present);
	loop_advance(fixture.loop, 2000);
	cr_expect(MACHINE->present);
}

Test(enforcer, apply_by_hand_is_not_taken_back_before_it_is_committed)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	/* The kernel is a step ahead of the store, and facts change just then. */
	memset(MACHINE->digest, 'f', DIGEST_TEXT - 1);
	unsigned applied = MACHINE->applied;
	change_by("cordon");
	loop_advance(fixture.loop, 1500);
	cr_expect_eq(MACHINE->applied, applied);
	store_put(&other_rule, 1, NULL);
	fixture_digest(fixture.store, MACHINE->digest);
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
	unsigned told = MACHINE->in_force;
	loop_advance(fixture.loop, 1000);
	cr_expect_gt(MACHINE->in_force, told);
	cr_expect(in_force());
}

/* --- Tampering --- */

Test(enforcer, tampering_is_put_back_at_once_and_told)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 99);
	cr_expect(in_force());
	cr_expect(fixture_said(&fixture, "by process 4711, \"nft\""), "%s", MACHINE->events);
	cr_expect(status_has("\"repairs\":1"));
	cr_expect(status_has("\"offender\":{\"pid\":4711,\"name\":\"nft\""));
	/* Our own changes are none. */
	struct nftables_change own = {.ours = true, .self = true, .pid = 1, .name = "cordond"};
	unsigned looked = MACHINE->looked;
	enforcer_notice_kernel(fixture.enforcer, &own);
	loop_advance(fixture.loop, 1000);
	cr_expect_eq(MACHINE->looked, looked);
	/* Messages were lost: looked at, not blamed on anybody. */
	struct nftables_change lost = {.overrun = true};
	enforcer_notice_kernel(fixture.enforcer, &lost);
	loop_advance(fixture.loop, 1000);
	cr_expect_gt(MACHINE->looked, looked);
	cr_expect(status_has("\"repairs\":1"));
	MACHINE->present = false;
	enforcer_notice_kernel(fixture.enforcer, &lost);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
	cr_expect(status_has("\"offender\":{\"pid\":0,\"name\":null"));
}

Test(enforcer, fight_is_bounded_and_told_together)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	unsigned applied = MACHINE->applied;
	for (int i = 0; i < 10000; i++) {
		if (MACHINE->present) {
			MACHINE->present = false;
			change_by("nft\x1b[2J");
		}
		loop_advance(fixture.loop, 1);
	}
	unsigned repairs = MACHINE->applied - applied;
	cr_expect(repairs >= 150 && repairs <= 10 * 30, "%u repairs in 10 s", repairs);
	cr_expect_lt(fixture_count(&fixture, "put back"), 20);
	cr_expect_null(strchr(MACHINE->events, '\x1b'), "a name is hostile text");
	cr_expect_gt(MACHINE->cleaned, 10, "old generations go in between");
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
}

Test(enforcer, large_policy_that_is_gone_is_blocked_before_it_is_put_back)
{
	enum { MANY = 6000 };
	static struct fixture_rule rules[MANY];
	static char texts[MANY][16];
	for (unsigned i = 0; i < MANY; i++) {
		snprintf(texts[i], sizeof(texts[i]), "10.0.%u.%u", i / 250, i % 250);
		rules[i] = (struct fixture_rule){LOCATION_LOCAL, ACTION_BLOCK, "me", texts[i], "one.list", PROTOCOL_TCP, 80};
	}
	store_put(rules, MANY, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	unsigned applied = MACHINE->applied;
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 0);
	cr_expect(in_force());
	cr_assert_eq(MACHINE->applied, applied + 2);
	cr_expect_eq(MACHINE->modes[applied], MODE_BLOCK);
	cr_expect_eq(MACHINE->modes[applied + 1], MODE_SECURE);
}

Test(enforcer, changes_that_were_not_told_are_found_by_the_poll)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	MACHINE->present = false;
	loop_advance(fixture.loop, 10100);
	cr_expect(in_force());
}

Test(enforcer, tables_of_others_are_told_once)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	MACHINE->other = "table inet evil, chain first (type filter, hook input, priority -300)";
	struct nftables_change change = {.others = true, .pid = 99, .name = "nft"};
	enforcer_notice_kernel(fixture.enforcer, &change);
	loop_advance(fixture.loop, 200);
	enforcer_notice_kernel(fixture.enforcer, &change);
	loop_advance(fixture.loop, 60000);
	cr_expect_eq(fixture_count(&fixture, "table inet evil, chain first"), 1);
	cr_expect(status_has("table inet evil"));
}

/* --- The host --- */

static const struct fixture_rule dns_rule = {LOCATION_LOCAL, ACTION_PERMIT, "me", "dns", NULL, PROTOCOL_UDP, 53};

Test(enforcer, facts_are_followed_and_a_storm_is_gathered)
{
	store_put(&dns_rule, 1, NULL);
	fixture_start(&fixture);
	cr_expect_not_null(strstr(MACHINE->targets, "192.0.2.53 "));
	loop_advance(fixture.loop, 5000);
	machine_host(MACHINE, "{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"198.51.100.53\"]}");
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	loop_advance(fixture.loop, 100);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.100.53 "));
	cr_expect_null(strstr(MACHINE->targets, "192.0.2.53 "));
	/* A storm: not put off for ever, and not one apply for each. */
	unsigned applied = MACHINE->applied;
	for (unsigned i = 0; i < 2000; i++) {
		char json[128];
		snprintf(json, sizeof(json), "{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"198.51.%u.%u\"]}", i / 250, i % 250 + 1);
		machine_host(MACHINE, json);
		enforcer_notice(fixture.enforcer, ENFORCER_HOST);
		loop_advance(fixture.loop, 1);
	}
	unsigned times = MACHINE->applied - applied;
	cr_expect(times >= 5 && times <= 35, "%u", times);
	loop_advance(fixture.loop, 300);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.7.250 "), "%s", MACHINE->targets);
}

Test(enforcer, facts_that_change_no_rule_are_not_applied)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	unsigned looked = MACHINE->looked;
	machine_host(MACHINE, "{\"addresses\": [\"192.0.2.77/24\", \"2001:db8::7/64\"], \"gateway\": [\"192.0.2.254\"]}");
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	loop_advance(fixture.loop, 1000);
	cr_expect_eq(MACHINE->looked, looked);
	cr_expect(status_has("\"addresses\":[\"192.0.2.77/24\",\"2001:db8::7/64\"]"));
	cr_expect(status_has("\"gateway\":[\"192.0.2.254\"]"));
}

Test(enforcer, facts_that_cannot_be_read_stay)
{
	store_put(&dns_rule, 1, NULL);
	fixture_start(&fixture);
	MACHINE->host_error = ERROR_SYSTEM;
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	loop_advance(fixture.loop, 300000);
	cr_expect_not_null(strstr(MACHINE->targets, "192.0.2.53 "));
	cr_expect_eq(fixture_count(&fixture, "the facts of the host cannot be read"), 1);
	MACHINE->host_error = 0;
	machine_host(MACHINE, "{\"dns\": [\"198.51.100.53\"]}");
	loop_advance(fixture.loop, 61000);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.100.53 "));
}

Test(enforcer, refused_facts_are_tried_again)
{
	store_put(&dns_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	MACHINE->apply_error = ERROR_SYSTEM;
	machine_host(MACHINE, "{\"dns\": [\"198.51.100.53\"]}");
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	loop_advance(fixture.loop, 3000);
	cr_expect_not_null(strstr(MACHINE->targets, "192.0.2.53 "));
	cr_expect(status_has("\"state\":\"secure\""));
	cr_expect_not(status_has("\"retry\":null"));
	MACHINE->apply_error = ERROR_BUSY;
	loop_advance(fixture.loop, 10000);
	MACHINE->apply_error = 0;
	loop_advance(fixture.loop, 6000);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.100.53 "));
}

/* --- Names --- */

static const struct fixture_rule name_rules[] = {
	{LOCATION_LOCAL, ACTION_PERMIT, "me", "203.0.113.1", "www.example", PROTOCOL_TCP, 443},
	{LOCATION_LOCAL, ACTION_PERMIT, "me", "203.0.113.2", "www.example", PROTOCOL_TCP, 443},
};

Test(enforcer, names_are_not_followed_unless_asked)
{
	MACHINE->answer = "198.51.100.1";
	store_put(name_rules, 2, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 3600000);
	cr_expect_eq(MACHINE->asked, 0);
	cr_expect_not_null(strstr(MACHINE->targets, "203.0.113.1 "));
}

Test(enforcer, names_are_followed_by_their_time_to_live)
{
	char before[DIGEST_TEXT], after[DIGEST_TEXT];
	store_put(name_rules, 2, "follownames=yes");
	fixture_digest(fixture.store, before);
	MACHINE->answer = "198.51.100.3 198.51.100.1 198.51.100.2";
	MACHINE->ttl = 60;
	fixture_start(&fixture);
	cr_expect_not_null(strstr(MACHINE->targets, "203.0.113.1 "), "the store's addresses until the first answer");
	loop_advance(fixture.loop, 1000);
	cr_expect_eq(MACHINE->asked, 1);
	cr_expect_null(strstr(MACHINE->targets, "203.0.113."), "%s", MACHINE->targets);
	cr_expect_eq(MACHINE->permits, 3);
	cr_expect(status_has("\"name\":\"www.example\",\"addresses\":[\"198.51.100.1\",\"198.51.100.2\",\"198.51.100.3\"]"));
	/* The same in another order is the same. */
	unsigned applied = MACHINE->applied;
	MACHINE->answer = "198.51.100.1 198.51.100.2 198.51.100.3";
	loop_advance(fixture.loop, 61000);
	cr_expect_eq(MACHINE->asked, 2);
	cr_expect_eq(MACHINE->applied, applied);
	/* No answer: the last good one stays. */
	MACHINE->answer = NULL;
	loop_advance(fixture.loop, 600000);
	cr_expect_eq(MACHINE->permits, 3);
	MACHINE->answer = "";
	loop_advance(fixture.loop, 600000);
	cr_expect_eq(MACHINE->permits, 3);
	/* A short life is no reason to ask all the time. */
	MACHINE->answer = "198.51.100.9";
	MACHINE->ttl = 0;
	loop_advance(fixture.loop, 61000);
	cr_expect_str_eq(MACHINE->targets, "198.51.100.9 ");
	unsigned asked = MACHINE->asked;
	loop_advance(fixture.loop, 300000);
	cr_expect(MACHINE->asked - asked >= 9 && MACHINE->asked - asked <= 11, "%u", MACHINE->asked - asked);
	fixture_digest(fixture.store, after);
	cr_expect_str_eq(before, after, "the store is not written");
	/* A change of the store keeps what is known. */
	const struct fixture_rule more[] = {name_rules[0], name_rules[1], local_rule};
	fixture_set(&fixture, more, 3, NULL);
	loop_advance(fixture.loop, 1000);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.100.9 "));
	cr_expect_null(strstr(MACHINE->targets, "203.0.113."), "%s", MACHINE->targets);
	/* And the word no makes it as the store has it. */
	fixture_set(&fixture, more, 3, "follownames=no");
	loop_advance(fixture.loop, 1000);
	cr_expect_not_null(strstr(MACHINE->targets, "203.0.113.2 "));
	cr_expect(in_force());
}

Test(enforcer, names_of_a_refused_policy_do_not_spoil_the_old_one)
{
	store_put(name_rules, 2, "follownames=yes");
	MACHINE->answer = "198.51.100.1";
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	const struct fixture_rule more[] = {name_rules[0], name_rules[1], negotiate_rule};
	fixture_set(&fixture, more, 3, NULL);
	loop_advance(fixture.loop, 20000);
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 0);
	cr_expect_str_eq(MACHINE->targets, "198.51.100.1 ");
}

Test(enforcer, names_of_dynamic_rules_are_followed_too)
{
	const struct fixture_rule rules[] = {
		{LOCATION_DYNAMIC, ACTION_BLOCK, "me", "203.0.113.1", "www.example", PROTOCOL_TCP, 443},
		{LOCATION_DYNAMIC, ACTION_BLOCK, "me", "203.0.113.2", "www.example", PROTOCOL_TCP, 443},
	};
	store_put(rules, 2, "follownames=yes");
	MACHINE->answer = "198.51.100.1";
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	cr_expect_null(strstr(MACHINE->targets, "203.0.113."), "%s", MACHINE->targets);
	cr_expect_not_null(strstr(MACHINE->targets, "198.51.100.1 "));
}

/* --- A change that waits --- */

static void apply_confirm(enum pending_kind kind, int64_t milliseconds, bool enforced)
{
	struct pending pending = {
		.kind = kind,
		.enforced = enforced,
		.mode = MODE_SECURE,
		.in_force = enforced ? 1 : 0,
		.deadline_boottime = loop_now(fixture.loop) + milliseconds,
		.deadline = (loop_time(fixture.loop) / 1000 + milliseconds) / 1000,
	};
	cr_assert(fixture_store(fixture.store, &other_rule, 1, NULL, &pending));
	fixture_digest(fixture.store, MACHINE->digest);
	MACHINE->present = true;
	MACHINE->mode = MODE_SECURE;
	change_by("cordon");
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
}

Test(enforcer, pending_change_is_taken_back_at_its_deadline)
{
	char before[DIGEST_TEXT];
	store_put(&local_rule, 1, NULL);
	fixture_digest(fixture.store, before);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	apply_confirm(PENDING_CONFIRM, 60000, true);
	loop_advance(fixture.loop, 1000);
	cr_expect(status_has("\"pending\":{\"kind\":\"confirm\",\"seconds\":59}"));
	/* It is kept while it waits. */
	MACHINE->present = false;
	change_by("nft");
	loop_advance(fixture.loop, 10);
	cr_expect(in_force());
	loop_advance(fixture.loop, 58000);
	cr_expect(in_force());
	cr_expect(strcmp(MACHINE->digest, before) != 0);
	/* No guard lives: taken back at once. */
	loop_advance(fixture.loop, 2000);
	cr_expect_str_eq(MACHINE->digest, before);
	cr_expect(in_force(), "the store too");
	cr_expect(fixture_said(&fixture, "apply --confirm was not confirmed"), "%s", MACHINE->events);
	cr_expect(status_has("\"pending\":null"));
	cr_expect(status_has("\"state\":\"secure\""));
}

/* A process that looks like the guard of a pending change. */
static pid_t guard_start(struct pending *pending)
{
	int ends[2];
	char path[64], text[1024], byte;
	cr_assert_eq(pipe(ends), 0);
	pid_t guard = fork();
	if (guard == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		prctl(PR_SET_NAME, PENDING_GUARD);
		if (write(ends[1], "", 1) == 1)
			pause();
		_exit(0);
	}
	cr_assert_eq(read(ends[0], &byte, 1), 1);
	close(ends[0]);
	close(ends[1]);
	snprintf(path, sizeof(path), "/proc/%d/stat", (int)guard);
	int fd = open(path, O_RDONLY);
	ssize_t length = read(fd, text, sizeof(text) - 1);
	close(fd);
	cr_assert_gt(length, 0);
	text[length] = '\0';
	const char *at = strrchr(text, ')') + 2;
	for (int field = 3; field < 22; field++)
		at = strchr(at, ' ') + 1;
	pending->pid = guard;
	pending->guard_start = strtoll(at, NULL, 10);
	cr_assert(pending->guard_start > 0);
	return guard;
}

Test(enforcer, pending_change_is_left_to_its_guard_for_two_seconds)
{
	char before[DIGEST_TEXT];
	struct pending pending = {.kind = PENDING_CONFIRM, .enforced = true, .mode = MODE_SECURE, .in_force = 1,
				  .deadline_boottime = loop_now(fixture.loop) + 60000, .deadline = loop_now(fixture.loop) / 1000 + 60};
	store_put(&local_rule, 1, NULL);
	fixture_digest(fixture.store, before);
	fixture_start(&fixture);
	pid_t guard = guard_start(&pending);
	cr_assert(fixture_store(fixture.store, &other_rule, 1, NULL, &pending));
	fixture_digest(fixture.store, MACHINE->digest);
	change_by("cordon");
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
	loop_advance(fixture.loop, 61500);
	cr_expect(strcmp(MACHINE->digest, before) != 0, "the guard lives, and is not late yet");
	loop_advance(fixture.loop, 1000);
	cr_expect_str_eq(MACHINE->digest, before);
	cr_expect(in_force());
	kill(guard, SIGKILL);
	waitpid(guard, NULL, 0);
}

Test(enforcer, pending_change_from_nothing_goes_back_to_nothing)
{
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	apply_confirm(PENDING_CONFIRM, 60000, false);
	loop_advance(fixture.loop, 59000);
	cr_expect(MACHINE->present);
	loop_advance(fixture.loop, 3000);
	cr_expect_not(MACHINE->present);
	cr_expect_eq(MACHINE->lifted, 1);
	cr_expect(status_has("\"state\":\"permit\""));
	/* That was no lift: what is assigned from now on counts. */
	fixture_set(&fixture, &local_rule, 1, NULL);
	loop_advance(fixture.loop, 1000);
	cr_expect(in_force());
}

Test(enforcer, pending_change_that_is_confirmed_stays)
{
	store_put(&local_rule, 1, NULL);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	apply_confirm(PENDING_CONFIRM, 60000, true);
	loop_advance(fixture.loop, 30000);
	struct store *store = NULL;
	cr_assert_eq(store_open(fixture.store, STORE_WRITE, NULL, &store), 0);
	cr_assert_eq(store_confirm(store, "confirm", NULL), 0);
	store_close(store);
	enforcer_notice(fixture.enforcer, ENFORCER_STORE);
	loop_advance(fixture.loop, 100000);
	cr_expect(in_force());
	cr_expect_not(fixture_said(&fixture, "not confirmed"));
}

Test(enforcer, pending_change_with_an_end_ends)
{
	char before[DIGEST_TEXT];
	store_put(&local_rule, 1, NULL);
	fixture_digest(fixture.store, before);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	apply_confirm(PENDING_FOR, 7200000, true);
	loop_advance(fixture.loop, 7199000);
	cr_expect(in_force());
	cr_expect(strcmp(MACHINE->digest, before) != 0);
	loop_advance(fixture.loop, 4000);
	cr_expect_str_eq(MACHINE->digest, before);
	cr_expect(fixture_said(&fixture, "the time of apply --for is over"));
}

Test(enforcer, pending_change_of_an_earlier_boot_is_taken_back_before_anything_is_applied)
{
	char before[DIGEST_TEXT];
	setenv("CORDON_BOOT_ID", "11111111-1111-1111-1111-111111111111", 1);
	store_put(&local_rule, 1, NULL);
	fixture_digest(fixture.store, before);
	fixture_start(&fixture);
	loop_advance(fixture.loop, 5000);
	apply_confirm(PENDING_CONFIRM, 60000, true);
	loop_advance(fixture.loop, 1000);
	fixture_stop(&fixture);
	/* The machine is started again. */
	setenv("CORDON_BOOT_ID", "22222222-2222-2222-2222-222222222222", 1);
	unlink(fixture.driver);
	MACHINE->present = false;
	MACHINE->events[0] = '\0';
	fixture_start(&fixture);
	loop_advance(fixture.loop, 100);
	cr_expect_str_eq(MACHINE->digest, before);
	cr_expect(in_force(), "%s", MACHINE->events);
}

/* --- A day --- */

extern size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static size_t memory_used(void)
{
	return __sanitizer_get_current_allocated_bytes != NULL ? __sanitizer_get_current_allocated_bytes() : mallinfo2().uordblks;
}

static void minute(unsigned number)
{
	char json[256], answer[64];
	snprintf(json, sizeof(json), "{\"addresses\": [\"192.0.2.%u/24\"], \"dns\": [\"198.51.%u.%u\"]}", number % 250 + 1,
		 number / 250 % 250, number % 250 + 1);
	snprintf(answer, sizeof(answer), "203.0.113.%u", number % 250 + 1);
	machine_host(MACHINE, json);
	MACHINE->answer = answer;
	MACHINE->events[0] = '\0';
	enforcer_notice(fixture.enforcer, ENFORCER_HOST);
	if (number % 7 == 0) {
		MACHINE->present = false;
		change_by("nft");
	}
	loop_advance(fixture.loop, 60000);
}

Test(enforcer, day_of_address_changes_leaves_memory_flat)
{
	const struct fixture_rule rules[] = {persistent_rule, dns_rule, name_rules[0], name_rules[1]};
	store_put(rules, 4, "follownames=yes");
	fixture_start(&fixture);
	size_t after_an_hour = 0, most = 0;
	for (unsigned i = 0; i < 24 * 60; i++) {
		minute(i);
		size_t used = memory_used();
		if (i == 60)
			after_an_hour = used;
		most = i > 60 && used > most ? used : most;
	}
	cr_expect_geq(MACHINE->applied, 24 * 60, "%u", MACHINE->applied);
	cr_expect_leq(most, after_an_hour + 4096, "%zu bytes after an hour, %zu at most", after_an_hour, most);
	cr_expect_not_null(strstr(MACHINE->targets, "203.0.113."));
}

/* --- What it says of itself --- */

Test(enforcer, status_is_one_json_object)
{
	static const char *const keys[] = {"state", "event", "why", "since", "digest", "observe", "pending", "following",
					   "repairs", "offender", "others", "retry", "error"};
	struct buffer json;
	struct diag diag;
	struct json *root = NULL;
	store_put(name_rules, 2, "follownames=yes");
	MACHINE->answer = "198.51.100.1";
	MACHINE->other = "table ip \"x\\y\xff";
	fixture_start(&fixture);
	loop_advance(fixture.loop, 1000);
	change_by("\xff\x01\"");
	loop_advance(fixture.loop, 100);
	status_read(&json);
	diag_init(&diag);
	struct json_document document = {arena_new(), "status", buffer_text(&json), json.length};
	cr_assert_eq(json_read(&document, &diag, &root), 0, "%s: %s", buffer_text(&json),
		     diag.count > 0 ? diag.messages[0].text : "");
	for (size_t i = 0; i < ARRAY_LENGTH(keys); i++) {
		const struct json *value = root->child;
		while (value != NULL && strcmp(value->key, keys[i]) != 0)
			value = value->next;
		cr_expect_not_null(value, "%s", keys[i]);
	}
	arena_free(document.arena);
	diag_done(&diag);
	buffer_done(&json);
}
