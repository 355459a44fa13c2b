/* Probes judged before anything is applied. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/containment_check.h"
#include "core/base/error.h"
#include "core/store/profile.h"

static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"192.0.2.53\"]}";

/* The quarantine profile with a server, as the kernel would get it. */
struct bench {
	struct state *state;
	struct judge judge;
};

static void bench_init(struct bench *bench, const char *profile, const char *host_facts)
{
	static const struct profile_variable variables[] = {{"server", "203.0.113.5"}, {"port", "443"}};
	static char text[1 << 16];
	struct profile_options options = {.variables = variables, .variable_count = strstr(profile, "quarantine") != NULL ? 2 : 0, .assign = true};
	char path[512];
	snprintf(path, sizeof(path), CORDON_SOURCE "/%s", profile);
	FILE *file = fopen(path, "r");
	cr_assert_not_null(file);
	size_t length = fread(text, 1, sizeof(text), file);
	fclose(file);
	bench->state = state_new();
	bench->judge = (struct judge){.ruleset = NULL};
	cr_assert_eq(profile_load(bench->state, text, length, path, &options, NULL, NULL, NULL), 0);
	cr_assert_eq(host_parse(host_facts, strlen(host_facts), "facts", NULL, &bench->judge.host), 0);
	cr_assert_eq(ruleset_build(bench->state, &bench->judge.host, MODE_SECURE, NULL, &bench->judge.ruleset), 0);
	bench->judge.classifier = classifier_new(bench->judge.ruleset);
}

static void bench_done(struct bench *bench)
{
	judge_done(&bench->judge);
	state_free(bench->state);
}

/* A probe whose name has that address, without asking anybody. */
static struct probe named_probe(const char *name, struct ip *ip, const char *address, uint16_t port)
{
	struct probe probe = {.text = name, .host = name, .port = port};
	cr_assert(ip_parse(address, strlen(address), ip));
	probe.addresses = (struct ip_list){.items = ip, .count = 1, .capacity = 1};
	return probe;
}

Test(check, probes_against_the_quarantine)
{
	static const struct {
		const char *text;
		bool forbid;
		const char *says; /* NULL: it is good */
	} rows[] = {
		{"203.0.113.5:443", false, NULL},
		{"https://203.0.113.5/server.pem", false, NULL},
		{"203.0.113.5:444", false, "the policy blocks it: 203.0.113.5: rule \"block the rest\" of policy \"quarantine\""},
		{"203.0.113.9:443", false, "rule \"block the rest\""},
		{"[2001:db8::5]:443", false, "no IPv6 address"},
		{"127.0.0.1:22", false, NULL},
		{"192.0.2.10:22", false, NULL},
		{"203.0.113.9:80", true, NULL},
		{"[2001:db8::5]:443", true, NULL},
		{"203.0.113.5:443", true, "the policy permits it (203.0.113.5): rule \"agent\""},
		{"192.0.2.53:53", true, "rule \"the host's own servers\""},
		{"127.0.0.1:22", true, "this host itself"},
	};
	struct bench bench;
	struct arena *arena = arena_new();
	bench_init(&bench, "profiles/quarantine.json", facts);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct probe probe;
		struct diag diag;
		diag_init(&diag);
		cr_assert_eq(probe_prepare(&probe, rows[i].text, rows[i].forbid, arena, NULL), 0);
		int error = probes_check(&probe, 1, "/nonexistent", &bench.judge, &diag);
		cr_expect_eq(error, rows[i].says == NULL ? 0 : ERROR_INPUT, "%s: %d", rows[i].text, error);
		cr_expect_eq(diag.errors, rows[i].says != NULL, "%s", rows[i].text);
		if (rows[i].says != NULL && diag.errors > 0)
			cr_expect(strstr(diag.messages[0].text, rows[i].says) != NULL, "%s: %s", rows[i].text, diag.messages[0].text);
		probe_done(&probe);
		diag_done(&diag);
	}
	bench_done(&bench);
	arena_free(arena);
}

/* Of the agent's servers one is enough. */
Test(check, a_group_needs_one)
{
	struct bench bench;
	struct ip ips[2];
	struct diag diag;
	diag_init(&diag);
	bench_init(&bench, "profiles/quarantine.json", facts);
	struct probe probes[] = {
		named_probe("a.example.com", &ips[0], "203.0.113.9", 443), named_probe("b.example.com", &ips[1], "203.0.113.5", 443),
	};
	cr_expect_eq(probes_check(probes, 2, "/nonexistent", &bench.judge, &diag), ERROR_INPUT, "each stands for itself");
	probes[0].group = probes[1].group = 1;
	cr_expect_eq(probes_check(probes, 2, "/nonexistent", &bench.judge, &diag), 0);
	probes[1].port = 444;
	cr_expect_eq(probes_check(probes, 2, "/nonexistent", &bench.judge, &diag), ERROR_INPUT);
	diag_done(&diag);
	bench_done(&bench);
}

/* A name, while the policy cuts all name servers: nothing but its server is permitted. */
Test(check, a_name_whose_name_servers_are_cut)
{
	static const char permit_one[] =
		"{\"policy\": {\"name\": \"x\", \"rules\": [{\"name\": \"one\", \"filterlist\": \"one\", \"filteraction\": \"permit\"}, {\"name\": \"rest\", "
		"\"filterlist\": \"all\", \"filteraction\": \"block\"}]}, \"filterlists\": [{\"name\": \"one\", \"filters\": [{\"srcaddr\": \"me\", "
		"\"dstaddr\": \"203.0.113.5\", \"mirrored\": true, \"replies\": true}]}, {\"name\": \"all\", \"filters\": [{\"srcaddr\": \"any\", \"dstaddr\": "
		"\"any\"}]}], \"filteractions\": [{\"name\": \"permit\", \"action\": \"permit\"}, {\"name\": \"block\", \"action\": \"block\"}]}";
	static const struct {
		const char *facts;
		bool good;
	} rows[] = {
		{facts, false},
		{"{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"192.0.2.53\", \"203.0.113.5\"]}", true}, /* one is enough */
		{"{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"127.0.0.53\"]}", true},               /* whom it asks is not known */
		{"{\"addresses\": [\"192.0.2.10/24\"], \"dns\": [\"127.0.0.53\", \"192.0.2.53\"]}", false},
		{"{\"addresses\": [\"192.0.2.10/24\"]}", true},
	};
	struct profile_options options = {.assign = true};
	struct ip ip;
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct bench bench = {.state = state_new()};
		struct diag diag;
		diag_init(&diag);
		cr_assert_eq(profile_load(bench.state, permit_one, strlen(permit_one), "x.json", &options, &diag, NULL, NULL), 0, "%s",
			     diag.count > 0 ? diag.messages[0].text : "");
		cr_assert_eq(host_parse(rows[i].facts, strlen(rows[i].facts), "facts", NULL, &bench.judge.host), 0);
		cr_assert_eq(ruleset_build(bench.state, &bench.judge.host, MODE_SECURE, NULL, &bench.judge.ruleset), 0);
		bench.judge.classifier = classifier_new(bench.judge.ruleset);
		struct probe probe = named_probe("vr.example.com", &ip, "203.0.113.5", 443);
		cr_expect_eq(probes_check(&probe, 1, "/nonexistent", &bench.judge, &diag), rows[i].good ? 0 : ERROR_INPUT, "%zu", i);
		if (!rows[i].good)
			cr_expect(strstr(diag.messages[0].text, "its name needs a name server") != NULL, "%s", diag.messages[0].text);
		probe.is_address = true;
		cr_expect_eq(probes_check(&probe, 1, "/nonexistent", &bench.judge, &diag), 0, "an address needs none");
		diag_done(&diag);
		bench_done(&bench);
	}
}

/* A name that stands in /etc/hosts needs no name server either. */
Test(check, names_of_the_hosts_file)
{
	static const char hosts[] = "# vr.example.com\n\n127.0.0.1 localhost\n203.0.113.5\tvr other.example.com VR.example.com # x\n";
	static const struct {
		const char *name;
		bool known;
	} rows[] = {{"vr.example.com", true}, {"vr", true}, {"203.0.113.5", false}, {"x", false}, {"example.com", false}};
	char root[] = "/tmp/cordon-check-XXXXXX", path[64];
	struct bench bench;
	struct ip ip;
	cr_assert_not_null(mkdtemp(root));
	snprintf(path, sizeof(path), "%s/etc", root);
	cr_assert_eq(mkdir(path, 0700), 0);
	snprintf(path, sizeof(path), "%s/etc/hosts", root);
	int file = open(path, O_WRONLY | O_CREAT, 0600);
	cr_assert_eq(write(file, hosts, strlen(hosts)), (ssize_t)strlen(hosts));
	close(file);
	bench_init(&bench, "profiles/block-all.json", facts);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct diag diag;
		diag_init(&diag);
		/* Loopback always passes, so that only the name is judged. */
		struct probe probe = named_probe(rows[i].name, &ip, "127.0.0.1", 443);
		cr_expect_eq(probes_check(&probe, 1, root, &bench.judge, &diag), rows[i].known ? 0 : ERROR_INPUT, "%s: %s", rows[i].name,
			     diag.count > 0 ? diag.messages[0].text : "");
		diag_done(&diag);
	}
	bench_done(&bench);
	unlink(path);
	snprintf(path, sizeof(path), "%s/etc", root);
	rmdir(path);
	rmdir(root);
}
