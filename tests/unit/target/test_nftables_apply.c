/* Apply, check, status and lift in the kernel, in network namespaces of their own. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/target/nftables_channel.h"
#include "bootcfg/target/nftables_commands.h"
#include "bootcfg/target/nftables_plan.h"
#include "bootcfg/target/nftables_read.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "nft_policy.h"

static const char policy_a[] = "ipsecexempt=3\nikeexempt=no\nrule block all\nany any any 0 0\n"
			       "rule permit web\nany me tcp 0 80 mirrored\n192.0.2.0/24 me tcp 0 3389\n"
			       "rule block worm\nany any udp 0 1434\n";
static const char policy_b[] = "ipsecexempt=3\nikeexempt=no\nrule block worm\nany any udp 0 1434\n"
			       "rule permit dns\nme any udp 0 53 mirrored replies\n";

enum { LINES_MOST = 1 << 16 };

static int apply(struct nft_policy *policy, struct diag *diag)
{
	diag_clear(diag);
	return nftables_apply(policy->ruleset, &policy->options, diag);
}

static const char *said(const struct diag *diag)
{
	return diag->count > 0 ? diag->messages[diag->count - 1].text : "";
}

/* Whether the kernel holds a policy; the differences are left in `lines`. */
static bool holds(struct nft_policy *policy, struct buffer *lines)
{
	bool same = false;
	struct diag diag;
	diag_init(&diag);
	buffer_clear(lines);
	int error = nftables_check(policy->ruleset, &policy->options, &diag, lines, &same);
	cr_expect_eq(error, 0, "check: %s", said(&diag));
	cr_expect_eq(diag.warnings, 0, "check: %s", said(&diag));
	diag_done(&diag);
	return same;
}

static uint64_t generation(void)
{
	struct nftables_status status = {.generation = 0};
	struct diag diag;
	diag_init(&diag);
	cr_expect_eq(nftables_status_read(&diag, &status), 0, "%s", said(&diag));
	uint64_t found = status.present ? status.generation : 0;
	nftables_status_done(&status);
	diag_done(&diag);
	return found;
}

static uint64_t hits(const char *rule)
{
	struct nftables_status status;
	uint64_t packets = 0;
	cr_assert_eq(nftables_status_read(NULL, &status), 0);
	for (size_t i = 0; i < status.hit_count; i++)
		if (strcmp(status.hits[i].rule, rule) == 0)
			packets = status.hits[i].packets;
	nftables_status_done(&status);
	return packets;
}

/* Chains and maps of any generation but that in force. */
static size_t leftovers(void)
{
	struct channel *channel = NULL;
	struct live *live = NULL;
	size_t count = 0;
	uint64_t number;
	cr_assert_eq(channel_open(&channel), 0);
	cr_assert_eq(live_read(channel, &live), 0);
	for (size_t i = 0; i < live->chain_count; i++)
		count += plan_generation_parse(live->chains[i].name, &number) && !live_in_force(live, number);
	for (size_t i = 0; i < live->map_count; i++)
		count += plan_generation_parse(live->maps[i].name, &number) && !live_in_force(live, number);
	live_free(live);
	channel_close(channel);
	return count;
}

/* Runs commands in which g# stands for the generation. */
static void run(const char *commands, uint64_t number)
{
	struct buffer text;
	struct diag diag;
	diag_init(&diag);
	buffer_init(&text, LINES_MOST);
	for (const char *at = commands; *at != '\0'; at++) {
		if (at[0] == 'g' && at[1] == '#')
			buffer_printf(&text, "g%llu", (unsigned long long)number);
		else if (at[0] != '#')
			buffer_add_char(&text, *at);
	}
	cr_expect_eq(commands_run(buffer_text(&text), &diag), 0, "%s: %s", commands, said(&diag));
	buffer_done(&text);
	diag_done(&diag);
}

struct fixture {
	struct nft_policy a, b;
	struct diag diag;
	struct buffer lines;
};

static bool begin(struct fixture *fixture)
{
	if (!nft_namespace())
		return false;
	cr_assert(nft_policy_make(policy_a, &fixture->a));
	cr_assert(nft_policy_make(policy_b, &fixture->b));
	diag_init(&fixture->diag);
	buffer_init(&fixture->lines, LINES_MOST);
	return true;
}

static void end(struct fixture *fixture)
{
	nft_policy_done(&fixture->a);
	nft_policy_done(&fixture->b);
	diag_done(&fixture->diag);
	buffer_done(&fixture->lines);
}

Test(nftables_apply, first_then_same_then_other)
{
	struct fixture f;
	if (!begin(&f))
		return;
	cr_expect_not(holds(&f.a, &f.lines), "an empty kernel holds nothing");
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	cr_expect(holds(&f.a, &f.lines), "%s", buffer_text(&f.lines));
	cr_expect_not(holds(&f.b, &f.lines));
	cr_expect_eq(generation(), 1);
	cr_assert_eq(apply(&f.a, &f.diag), 0);
	cr_expect_eq(generation(), 1, "what is there already is left alone");
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	cr_expect(holds(&f.b, &f.lines), "%s", buffer_text(&f.lines));
	cr_expect_eq(generation(), 2);
	cr_expect_eq(leftovers(), 0);
	f.b.options.observe = true;
	cr_expect_not(holds(&f.b, &f.lines), "observing is another state");
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	cr_expect(holds(&f.b, &f.lines), "%s", buffer_text(&f.lines));
	cr_expect_eq(generation(), 3);
	f.b.options.nflog_group = 77;
	cr_expect_not(holds(&f.b, &f.lines), "another group to log to is another rule");
	cr_assert_eq(apply(&f.b, &f.diag), 0);
	cr_expect_eq(generation(), 4);
	cr_assert_eq(nftables_lift(&f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(generation(), 0);
	cr_assert_eq(nftables_lift(&f.diag), 0, "lifting nothing is fine");
	end(&f);
}

Test(nftables_apply, every_golden_policy_is_held)
{
	static const char *const texts[] = {
		"mode=block\n", "mode=permit\n", "ipsecexempt=0\nikeexempt=yes\n",
		"dynamic block permit any any tcp 0 25\ndynamic permit block me any udp 0 53\n",
		"rule block x\n198.51.100.8-198.51.100.21 me tcp 0 22\n2001:db8::/33 2001:db8::7 udp 7 9\nany any 47 0 0\n",
	};
	struct fixture f;
	if (!begin(&f))
		return;
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++) {
		struct nft_policy policy;
		cr_assert(nft_policy_make(texts[i], &policy));
		cr_assert_eq(apply(&policy, &f.diag), 0, "%s: %s", texts[i], said(&f.diag));
		cr_expect(holds(&policy, &f.lines), "%s: %s", texts[i], buffer_text(&f.lines));
		cr_expect_eq(leftovers(), 0);
		nft_policy_done(&policy);
	}
	end(&f);
}

/* One packet to UDP 1434 of a neighbour that is not there: 0, or why it could not leave. */
static int worm_send(void)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(1434), .sin_addr = {htonl(0xc0000263)}};
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	int error = sendto(fd, "x", 1, 0, (const struct sockaddr *)&to, sizeof(to)) < 0 ? errno : 0;
	close(fd);
	return error;
}

Test(nftables_apply, counters_live_on_and_go_with_their_rule)
{
	struct fixture f;
	if (!begin(&f))
		return;
	if (system("PATH=$PATH:/sbin:/usr/sbin; ip link add v0 type veth peer name v1 && ip addr add 192.0.2.10/24 dev v0 && "
		   "ip link set v1 up && ip link set v0 up") != 0) {
		fprintf(stderr, "SKIPPED: no veth interfaces can be made (ip is needed)\n");
		end(&f);
		return;
	}
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	for (int i = 0; i < 3; i++)
		cr_expect_eq(worm_send(), EPERM, "it went out");
	cr_expect_eq(hits("worm"), 3);
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(hits("worm"), 3, "counters live on");
	f.b.options.observe = true;
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(worm_send(), 0, "observing drops nothing");
	cr_expect_eq(hits("worm"), 4);
	struct nft_policy none;
	cr_assert(nft_policy_make("mode=permit\n", &none));
	cr_assert_eq(apply(&none, &f.diag), 0);
	cr_assert_eq(apply(&f.b, &f.diag), 0);
	cr_expect_eq(hits("worm"), 0, "a counter goes with its rule");
	nft_policy_done(&none);
	end(&f);
}

Test(nftables_apply, tampering_is_found_and_mended)
{
	/* g#: the generation in force. */
	static const struct {
		const char *commands;
		const char *words; /* in the differences */
	} rows[] = {
		{"insert rule inet cordon input accept", "base chain input: 2 rules"},
		{"add rule inet cordon output accept comment \"x\"", "base chain output: 2 rules"},
		{"flush chain inet cordon forward", "base chain forward: its rule is missing"},
		{"flush chain inet cordon input\nadd rule inet cordon input accept", "base chain input: its rule has been changed"},
		{"flush chain inet cordon input\ndelete chain inet cordon input", "base chain input is missing"},
		{"add chain inet cordon output { policy drop; }", "base chain output: type, hook, priority or policy"},
		{"add chain inet cordon extra { type filter hook input priority -5; }", "chain \"extra\" is not ours"},
		{"add chain inet cordon side", "chain \"side\" is not ours"},
		{"add table inet cordon { flags dormant; }", "switched off"},
		{"insert rule inet cordon g#_input accept", "is not ours"},
		{"flush chain inet cordon g#_o2", "rule 1 is missing"},
		{"flush chain inet cordon g#_o2\nadd rule inet cordon g#_o2 accept comment \"block | Lock 'down' | worm | worm\"",
		 "it has been changed"},
		{"delete element inet cordon g#_m0 { 192.0.2.0 . 6 . 3389 }", "of \"web\" (rule \"web\"): tcp 192.0.2.0/24 -> me:3389 is missing"},
		{"delete element inet cordon g#_m0 { 192.0.2.0 . 6 . 3389 }\n"
		 "add element inet cordon g#_m0 { 198.51.100.0 . 6 . 3389 : accept }", "a key that no filter asks for: from 198.51.100.0/24"},
		{"delete element inet cordon g#_m0 { 192.0.2.0 . 6 . 3389 }\nadd element inet cordon g#_m0 { 192.0.2.0 . 6 . 3389 : drop }",
		 "does not go to"},
		{"delete table inet cordon", "the table inet cordon is missing"},
	};
	struct fixture f;
	if (!begin(&f))
		return;
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cr_assert(holds(&f.a, &f.lines), "before %s: %s", rows[i].commands, buffer_text(&f.lines));
		run(rows[i].commands, generation());
		cr_expect_not(holds(&f.a, &f.lines), "not found: %s", rows[i].commands);
		cr_expect_not_null(strstr(buffer_text(&f.lines), rows[i].words), "%s gives %s", rows[i].commands, buffer_text(&f.lines));
		cr_assert_eq(apply(&f.a, &f.diag), 0, "after %s: %s", rows[i].commands, said(&f.diag));
		cr_expect_eq(leftovers(), 0, "after %s", rows[i].commands);
	}
	cr_expect(holds(&f.a, &f.lines), "%s", buffer_text(&f.lines));
	end(&f);
}

static char *listing(const char *command)
{
	char *text = memory_alloc(LINES_MOST);
	FILE *pipe = popen(command, "r");
	cr_assert_not_null(pipe);
	text[fread(text, 1, LINES_MOST - 1, pipe)] = '\0';
	pclose(pipe);
	return text;
}

Test(nftables_apply, other_tables_are_not_touched_and_are_named)
{
	struct fixture f;
	if (!begin(&f))
		return;
	run("table ip other {\n set s {\n type ipv4_addr\n elements = { 192.0.2.1 }\n }\n chain c {\n type filter hook input priority -10; "
	    "policy drop;\n ip saddr @s accept\n }\n chain late {\n type filter hook output priority 10;\n }\n}", 0);
	static const char command[] = "PATH=$PATH:/usr/sbin nft list table ip other";
	char *before = listing(command);
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	struct nftables_status status;
	cr_assert_eq(nftables_status_read(&f.diag, &status), 0);
	cr_expect_eq(status.other_count, 1, "%zu", status.other_count);
	cr_expect(status.other_count > 0 && strstr(status.others[0], "table ip other, chain c") != NULL);
	nftables_status_done(&status);
	cr_assert_eq(nftables_lift(&f.diag), 0);
	char *after = listing(command);
	cr_expect_str_eq(before, after);
	cr_expect_not_null(strstr(before, "192.0.2.1"), "%s", before);
	free(before);
	free(after);
	end(&f);
}

Test(nftables_apply, leftovers_of_a_killed_apply_go)
{
	static const char litter[] = "add chain inet cordon g7_o0\nadd rule inet cordon g7_o0 drop\n"
				     "add map inet cordon g7_m0 { type ipv4_addr : verdict; }\n"
				     "add element inet cordon g7_m0 { 192.0.2.1 : goto g7_o0 }\n"
				     "add chain inet cordon g7_ip4\nadd rule inet cordon g7_ip4 ip saddr vmap @g7_m0\n"
				     "add counter inet cordon c_0";
	struct fixture f;
	if (!begin(&f))
		return;
	run("add table inet cordon", 0);
	run(litter, 0);
	cr_expect_eq(leftovers(), 3);
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(generation(), 8, "one above the highest found");
	cr_expect_eq(leftovers(), 0);
	run(litter, 0);
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(generation(), 8, "the same rules: only the litter goes");
	cr_expect_eq(leftovers(), 0);
	end(&f);
}

/* Applies in a child; its exit status is 0, or 1 when refused; -1 when it was killed. */
static pid_t apply_start(struct nft_policy *policy)
{
	fflush(NULL);
	pid_t child = fork();
	if (child == 0)
		_exit(nftables_apply(policy->ruleset, &policy->options, NULL) == 0 ? 0 : 1);
	return child;
}

static int apply_wait(pid_t child)
{
	int status = 0;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(nftables_apply, kth_send_fails)
{
#ifndef CORDON_DEVELOPER
	fprintf(stderr, "SKIPPED: no fault injection in this build\n");
#else
	struct fixture f;
	if (!begin(&f))
		return;
	enum { SENDS = 60 }; /* more than an apply needs: the last ones do not fail */
	/* Over other rules, over nothing, and over other rules as the service does it. */
	for (int round = 0; round < 3; round++) {
		unsigned failed = 0;
		bool first = round == 1, later = round == 2;
		for (unsigned k = 1; k <= SENDS; k++) {
			char text[16];
			int result;
			f.a.options.clean_later = later;
			if (first)
				cr_assert_eq(nftables_lift(NULL), 0);
			else
				cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
			snprintf(text, sizeof(text), "%u", k);
			setenv("CORDON_FAIL_SEND", text, 1);
			result = apply_wait(apply_start(&f.a));
			unsetenv("CORDON_FAIL_SEND");
			failed += result != 0;
			if (result == 0)
				cr_expect(holds(&f.a, &f.lines), "send %u, new: %s", k, buffer_text(&f.lines));
			else if (first)
				cr_expect_eq(generation(), 0, "send %u, nothing before", k);
			else
				cr_expect(holds(&f.b, &f.lines), "send %u, old: %s", k, buffer_text(&f.lines));
			if (later)
				cr_expect_eq(nftables_clean(&f.a.options, NULL), 0);
			cr_expect(result == 0 || leftovers() == 0, "send %u leaves something behind", k);
		}
		f.a.options.clean_later = false;
		cr_expect(failed >= 15 && failed < SENDS, "%u of %d sends failed the apply", failed, SENDS);
	}
	end(&f);
#endif
}

Test(nftables_apply, killed_at_any_moment)
{
	struct fixture f;
	if (!begin(&f))
		return;
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	bool now_a = true;
	for (unsigned i = 0; i < 40; i++) {
		struct timespec wait = {.tv_nsec = (long)(i * 9973 % 40) * 300000};
		pid_t child = apply_start(now_a ? &f.b : &f.a);
		nanosleep(&wait, NULL);
		kill(child, SIGKILL);
		apply_wait(child);
		bool a = holds(&f.a, &f.lines), b = holds(&f.b, &f.lines);
		cr_expect(a != b, "kill %u: neither old nor new: %s", i, buffer_text(&f.lines));
		now_a = a;
	}
	cr_assert_eq(apply(&f.a, &f.diag), 0, "%s", said(&f.diag));
	cr_expect_eq(leftovers(), 0);
	end(&f);
}

Test(nftables_apply, two_at_once_wait_for_each_other)
{
	struct fixture f;
	if (!begin(&f))
		return;
	pid_t children[6];
	for (size_t i = 0; i < ARRAY_LENGTH(children); i++)
		children[i] = apply_start(i % 2 == 0 ? &f.a : &f.b);
	for (size_t i = 0; i < ARRAY_LENGTH(children); i++)
		cr_expect_eq(apply_wait(children[i]), 0, "apply %zu", i);
	bool a = holds(&f.a, &f.lines), b = holds(&f.b, &f.lines);
	cr_expect_neq(a, b, "%s", buffer_text(&f.lines));
	cr_expect_eq(leftovers(), 0);
	end(&f);
}

Test(nftables_apply, what_nothing_enforces_is_refused)
{
	struct nft_policy policy;
	struct diag diag;
	diag_init(&diag);
	cr_assert(nft_policy_make("rule negotiate secured\nany me tcp 0 445\n", &policy));
	cr_expect_eq(nftables_apply(policy.ruleset, &policy.options, &diag), ERROR_INPUT);
	cr_expect_eq(diag.errors, 1);
	cr_expect_not_null(strstr(said(&diag), "\"secured\""), "%s", said(&diag));
	nft_policy_done(&policy);
	diag_done(&diag);
}

Test(nftables_apply, without_permission_is_said)
{
	struct nft_policy policy;
	struct nftables_status status;
	struct diag diag;
	if (getuid() == 0 && setuid(65534) != 0) {
		fprintf(stderr, "SKIPPED: cannot become another user\n");
		return;
	}
	diag_init(&diag);
	cr_assert(nft_policy_make(policy_a, &policy));
	cr_expect_eq(nftables_status_read(&diag, &status), ERROR_SYSTEM);
	cr_expect_not_null(strstr(said(&diag), "no permission"), "%s", said(&diag));
	cr_expect_eq(nftables_apply(policy.ruleset, &policy.options, &diag), ERROR_SYSTEM);
	cr_expect_not_null(strstr(said(&diag), "no permission"), "%s", said(&diag));
	cr_expect_eq(nftables_lift(&diag), ERROR_SYSTEM);
	cr_expect_not_null(strstr(said(&diag), "no permission"), "%s", said(&diag));
	nft_policy_done(&policy);
	diag_done(&diag);
}

Test(nftables_apply, words_for_what_the_kernel_lacks)
{
	cr_expect_not_null(strstr(channel_explain(-EPERM), "no permission"));
	cr_expect_not_null(strstr(channel_explain(-EPROTONOSUPPORT), "no nftables"));
	cr_expect_not_null(strstr(channel_explain(-EOPNOTSUPP), "no nftables"));
	cr_expect_str_eq(channel_explain(-ENOMEM), strerror(ENOMEM));
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(nftables_apply, a_hundred_thousand_filters)
{
	enum { COUNT = 100000, SHAPES = 8 };
	struct fixture f;
	if (!begin(&f))
		return;
	struct nft_policy *large = &f.a;
	struct filterlist *list = (struct filterlist *)collection_find(&large->state->locations[LOCATION_LOCAL].filterlists, "worm");
	cr_assert_not_null(list);
	for (uint32_t i = 0; i < COUNT; i++) {
		struct ip ip = {.family = FAMILY_IPV4, .bytes = {(uint8_t)(16 + (i >> 16)), (uint8_t)(i >> 8), (uint8_t)i, 0}};
		struct filter filter = {.src = address_subnet(&ip, 24 + i % SHAPES), .dst = {.kind = ADDRESS_ME}, .protocol = PROTOCOL_TCP,
					.dstport = 80, .mirrored = true, .description = ""};
		filterlist_add(large->state, list, &filter);
	}
	ruleset_free(large->ruleset);
	cr_assert_eq(ruleset_build(large->state, &large->host, MODE_SECURE, NULL, &large->ruleset), 0);
	double before = seconds();
	cr_assert_eq(apply(large, &f.diag), 0, "%s", said(&f.diag));
	double after = seconds();
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	fprintf(stderr, "%zu elements applied in %.3f s; %ld MiB\n", large->ruleset->match_count, after - before, usage.ru_maxrss / 1024);
	cr_expect(holds(large, &f.lines), "%s", buffer_text(&f.lines));
	run("flush map inet cordon g#_m1", 1);
	cr_expect_not(holds(large, &f.lines));
	cr_assert_eq(apply(&f.b, &f.diag), 0, "%s", said(&f.diag));
	cr_expect(holds(&f.b, &f.lines), "%s", buffer_text(&f.lines));
	cr_expect_eq(leftovers(), 0);
	end(&f);
}
