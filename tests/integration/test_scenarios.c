/* Real policies, packet by packet: the article's lock-down and the worm policies do what their text says, and
 * iis-standalone shuts what stateless mirrors leave open.  Each row is judged by the text (the expectation), by
 * the classifier and by the kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/host.h"
#include "bootcfg/netsh/netsh.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/profile.h"
#include "tests/integration/tap.h"
#include "tests/integration/verdicts.h"

static const char facts[] =
	"{\"addresses\": [\"192.0.2.10/24\", \"198.51.100.5/25\", \"2001:db8::10/64\"], \"dns\": [\"192.0.2.53\", \"2001:db8::53\"],"
	" \"gateway\": [\"192.0.2.1\"]}";

/* A row that starts with `reply` is the answer to the row before it, sent after that got through. */
struct row {
	const char *packet;
	bool pass;
	unsigned flags;
};

#define ANSWER "reply"

static const struct row lockdown[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:80", true, 0},
	{"in tcp 203.0.113.9:51001 > 198.51.100.5:443", true, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:80", true, WIRE_OPTIONS},
	{"in frag tcp 203.0.113.9:51002 > 192.0.2.10:80", true, 0},
	{"in frag tcp 203.0.113.9:51003 > 192.0.2.10:3389", false, 0},
	{"in frag tcp 203.0.113.9:51004 > 192.0.2.10:3389", false, WIRE_BACKWARDS},
	{"in frag udp 203.0.113.9:51005 > 192.0.2.10:137", false, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:8080", false, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:21", false, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", false, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", false, WIRE_OPTIONS},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", false, WIRE_ACK},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:21", true, 0},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:3389", true, 0},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:445", false, 0},
	{"in tcp 10.2.0.1:51000 > 192.0.2.10:3389", false, 0},
	{"in tcp 10.0.255.255:51000 > 192.0.2.10:3389", false, 0},
	{"in udp 203.0.113.9:51000 > 192.0.2.10:80", false, 0},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", false, 0},
	{"in icmp:3 203.0.113.9 > 192.0.2.10", false, 0},
	{"in 47 203.0.113.9 > 192.0.2.10", false, 0},
	{"in 50 10.1.2.3 > 192.0.2.10", false, 0},
	{"in udp 203.0.113.9:500 > 192.0.2.10:500", true, 0},
	{"in udp 203.0.113.9:500 > 192.0.2.10:501", false, 0},
	{"in udp 192.0.2.77:138 > 192.0.2.255:138", false, 0},
	{"in udp 192.0.2.77:68 > 255.255.255.255:67", false, 0},
	{"in udp 192.0.2.77:5353 > 224.0.0.251:5353", false, 0},
	/* The way out, and what its stateless mirror lets in. */
	{"out udp 192.0.2.10:40000 > 192.0.2.53:53", true, 0},
	{"out tcp 192.0.2.10:40000 > 192.0.2.53:53", true, 0},
	{"out udp 192.0.2.10:40000 > 203.0.113.53:53", false, 0},
	{"in udp 192.0.2.53:53 > 192.0.2.10:40000", true, 0},
	{"in udp 203.0.113.53:53 > 192.0.2.10:40000", false, 0},
	{"out tcp 192.0.2.10:40000 > 203.0.113.80:80", true, 0},
	{"out frag tcp 192.0.2.10:40001 > 203.0.113.80:80", true, 0},
	{"out frag udp 192.0.2.10:40001 > 203.0.113.80:80", false, 0},
	{"in tcp 203.0.113.80:80 > 192.0.2.10:40000", true, 0},
	{"in tcp 203.0.113.66:80 > 192.0.2.10:3389", true, 0}, /* the hole */
	{"out tcp 192.0.2.10:80 > 203.0.113.9:51000", true, 0},
	{"out tcp 192.0.2.10:443 > 203.0.113.9:51000", true, 0},
	{"out tcp 192.0.2.10:3389 > 10.1.2.3:51000", true, 0},
	{"out tcp 192.0.2.10:3389 > 203.0.113.9:51000", false, 0},
	{"out tcp 192.0.2.10:40000 > 203.0.113.9:25", false, 0},
	{"out udp 192.0.2.10:40000 > 203.0.113.9:69", false, 0},
	{"out icmp:8 192.0.2.10 > 203.0.113.9", false, 0},
	{"out 47 192.0.2.10 > 203.0.113.9", false, 0},
	{"out udp 192.0.2.10:138 > 192.0.2.255:138", false, 0},
	{"out udp 192.0.2.10:500 > 203.0.113.9:500", true, 0},
	{"forward tcp 203.0.113.9:51000 > 203.0.113.200:80", false, 0},
	{"forward udp 203.0.113.9:500 > 203.0.113.200:500", false, 0},
	{"out tcp 192.0.2.10:51000 > 192.0.2.10:3389", true, 0}, /* loopback */
	{"out tcp 127.0.0.1:51000 > 127.0.0.1:445", true, 0},
	/* `any` and `me` are both families. */
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", true, 0},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", true, WIRE_OPTIONS},
	{"in frag tcp [2001:db8:9::9]:51000 > [2001:db8::10]:443", true, 0},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389", false, 0},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389", false, WIRE_OPTIONS},
	{"in frag tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389", false, 0},
	{"in icmp:128 2001:db8:9::9 > 2001:db8::10", false, 0},
	{"in icmp:135 fe80::9 > ff02::1", true, 0},
	{"in icmp:134 fe80::9 > ff02::1", true, 0},
	{"in udp [fe80::9]:5353 > [ff02::fb]:5353", false, 0},
	{"in udp [2001:db8:9::9]:500 > [2001:db8::10]:500", true, 0},
	{"out udp [2001:db8::10]:40000 > [2001:db8::53]:53", true, 0},
	{"out udp [2001:db8::10]:40000 > [2001:db8:9::53]:53", false, 0},
	{"out tcp [2001:db8::10]:40000 > [2001:db8:9::9]:80", true, 0},
	{"out tcp [2001:db8::10]:40000 > [2001:db8:9::9]:25", false, 0},
	{"out icmp:128 2001:db8::10 > 2001:db8:9::9", false, 0},
	{"out icmp:136 2001:db8::10 > ff02::1", true, 0},
	{"forward tcp [2001:db8:9::9]:51000 > [2001:db8:8::7]:80", false, 0},
};

static const struct row slammer[] = {
	{"in udp 203.0.113.9:51000 > 192.0.2.10:1434", false, 0},
	{"in udp 203.0.113.9:51000 > 198.51.100.5:1434", false, 0},
	{"in frag udp 203.0.113.9:51001 > 192.0.2.10:1434", false, 0},
	{"in frag udp 203.0.113.9:51002 > 192.0.2.10:1434", false, WIRE_TINY},
	{"in udp 203.0.113.9:51000 > 192.0.2.10:1434", false, WIRE_OPTIONS},
	{"in udp 203.0.113.9:51000 > 192.0.2.10:1433", true, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:1434", true, 0},
	{"in udp 203.0.113.9:1434 > 192.0.2.10:51000", false, 0}, /* the mirrored half of the second filter */
	{"out udp 192.0.2.10:51000 > 203.0.113.9:1434", false, 0},
	{"out frag udp 192.0.2.10:51003 > 203.0.113.9:1434", false, 0},
	{"out udp 192.0.2.10:1434 > 203.0.113.9:51000", false, 0},
	{"out udp 192.0.2.10:51000 > 203.0.113.9:1433", true, 0},
	{"out tcp 192.0.2.10:51000 > 203.0.113.9:1434", true, 0},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", true, 0},
	{"in udp [2001:db8:9::9]:51000 > [2001:db8::10]:1434", false, 0},
	{"in udp [2001:db8:9::9]:51000 > [2001:db8::10]:1434", false, WIRE_OPTIONS},
	{"in frag udp [2001:db8:9::9]:51000 > [2001:db8::10]:1434", false, 0},
	{"out udp [2001:db8::10]:51000 > [2001:db8:9::9]:1434", false, 0},
	{"in udp [2001:db8:9::9]:51000 > [2001:db8::10]:53", true, 0},
	{"forward udp 203.0.113.9:51000 > 203.0.113.200:1434", true, 0}, /* the policy speaks of `me` only */
	{"in udp 192.0.2.77:51000 > 192.0.2.255:1434", true, 0},         /* a broadcast address is not `me` */
	{"in udp 192.0.2.77:51000 > 224.0.0.251:1434", true, 0},
};

static const struct row slammer_oneway[] = {
	{"in udp 203.0.113.9:51000 > 192.0.2.10:1434", false, 0},
	{"in frag udp 203.0.113.9:51000 > 192.0.2.10:1434", false, 0},
	{"in udp [2001:db8:9::9]:51000 > [2001:db8::10]:1434", false, 0},
	{"in udp 203.0.113.9:1434 > 192.0.2.10:51000", true, 0},
	{"out udp 192.0.2.10:1434 > 203.0.113.9:51000", true, 0},
	{"out udp 192.0.2.10:51000 > 203.0.113.9:1434", true, 0},
	{"out udp [2001:db8::10]:1434 > [2001:db8:9::9]:51000", true, 0},
};

static const struct row standalone[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:80", true, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:443", true, 0},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:443", true, 0},
	{"out tcp 192.0.2.10:443 > 203.0.113.9:51000", true, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", false, 0},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:3389", true, 0},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:21", true, 0},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:21", false, 0},
	{"in tcp 10.1.2.3:51000 > 192.0.2.10:445", false, 0},
	/* What the stateless mirrors of the article leave open. */
	{"in tcp 203.0.113.66:80 > 192.0.2.10:3389", false, 0},
	{"in tcp 203.0.113.66:443 > 192.0.2.10:3389", false, 0},
	{"in tcp 203.0.113.66:80 > 192.0.2.10:3389", false, WIRE_ACK},
	{"in frag tcp 203.0.113.66:80 > 192.0.2.10:3389", false, 0},
	{"in tcp [2001:db8:9::66]:80 > [2001:db8::10]:3389", false, 0},
	{"in udp 192.0.2.53:53 > 192.0.2.10:137", false, 0},
	{"in udp 203.0.113.66:53 > 192.0.2.10:137", false, 0},
	/* The way out, and its answers. */
	{"out tcp 192.0.2.10:40000 > 203.0.113.80:80", true, 0},
	{ANSWER, true, 0},
	{"out tcp 192.0.2.10:40001 > 203.0.113.80:443", true, 0},
	{ANSWER, true, 0},
	{"out udp 192.0.2.10:40002 > 192.0.2.53:53", true, 0},
	{ANSWER, true, 0},
	{"out frag udp 192.0.2.10:40003 > 192.0.2.53:53", true, 0},
	{ANSWER, true, 0},
	{"out tcp [2001:db8::10]:40004 > [2001:db8:9::80]:80", true, 0},
	{ANSWER, true, 0},
	{"out udp [2001:db8::10]:40005 > [2001:db8::53]:53", true, 0},
	{ANSWER, true, 0},
	{"out udp 192.0.2.10:40000 > 203.0.113.53:53", false, 0},
	{"out tcp 192.0.2.10:40000 > 203.0.113.9:25", false, 0},
	{"out udp 192.0.2.10:40000 > 203.0.113.9:69", false, 0},
	{"out icmp:8 192.0.2.10 > 203.0.113.9", false, 0},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", false, 0},
	{"forward tcp 203.0.113.9:51000 > 203.0.113.200:80", false, 0},
	{"in icmp:135 fe80::9 > ff02::1", true, 0},
};

static const struct profile_variable standalone_variables[] = {
	{"internal", "10.1.0.0/16"},
};

static const struct scenario {
	const char *name, *file;
	bool profile;
	const struct row *rows;
	size_t count;
} scenarios[] = {
	{"lock-down", "tests/integration/fixtures/lockdown.cmd", false, lockdown, ARRAY_LENGTH(lockdown)},
	{"slammer", "tests/integration/fixtures/slammer.netsh", false, slammer, ARRAY_LENGTH(slammer)},
	{"slammer, one way", "tests/integration/fixtures/slammer-oneway.netsh", false, slammer_oneway, ARRAY_LENGTH(slammer_oneway)},
	{"iis-standalone", "profiles/iis-standalone.json", true, standalone, ARRAY_LENGTH(standalone)},
};

static bool file_read(const char *name, struct buffer *text)
{
	char path[512], bytes[4096];
	snprintf(path, sizeof(path), "%s/%s", CORDON_SOURCE, name);
	FILE *file = fopen(path, "r");
	if (file == NULL)
		return false;
	for (size_t got; (got = fread(bytes, 1, sizeof(bytes), file)) > 0;)
		buffer_add(text, bytes, got);
	fclose(file);
	return true;
}

static struct state *scenario_load(const struct scenario *scenario, struct buffer *why)
{
	struct state *state = state_new();
	struct diag diag;
	struct buffer text, output;
	diag_init(&diag);
	buffer_init(&text, 1 << 20);
	buffer_init(&output, 1 << 20);
	int error = ERROR_NOT_FOUND;
	if (!file_read(scenario->file, &text)) {
		buffer_printf(why, "%s is not there", scenario->file);
	} else if (scenario->profile) {
		struct profile_options options = {
			.variables = standalone_variables, .variable_count = ARRAY_LENGTH(standalone_variables),
			.assign = true, .resolve = host_resolve,
		};
		error = profile_load(state, buffer_text(&text), text.length, scenario->file, &options, &diag, NULL, NULL);
	} else {
		struct netsh_options options = {.location = LOCATION_LOCAL, .resolve = host_resolve, .store_name = "test"};
		struct netsh_result result;
		error = netsh_run_script(state, buffer_text(&text), text.length, scenario->file, &options, &diag, &output, &result);
	}
	diag_render(&diag, 0, 0, why);
	if (error < 0) {
		state_free(state);
		state = NULL;
	}
	buffer_done(&text);
	buffer_done(&output);
	diag_done(&diag);
	return state;
}

static bool rows_parse(const struct scenario *scenario, const struct host *host, struct lab_packet *packets)
{
	for (size_t i = 0; i < scenario->count; i++) {
		const struct row *row = &scenario->rows[i];
		packets[i].flags = row->flags;
		if (strcmp(row->packet, ANSWER) == 0)
			packets[i].packet = wire_answer(&packets[i - 1].packet);
		else if (packet_parse(row->packet, strlen(row->packet), host, NULL, NULL, &packets[i].packet) < 0)
			return tap_ok(false, "not a packet: %s", row->packet);
	}
	return true;
}

/* Questions first, then what answers them. */
static void rows_send(struct lab *lab, struct lab_packet *packets, size_t count)
{
	for (unsigned answers = 0; answers < 2; answers++)
		for (size_t i = 0, next; i < count; i = next) {
			for (next = i; next < count && packets[next].packet.reply == packets[i].packet.reply; next++)
				;
			if (packets[i].packet.reply == (answers > 0))
				lab_send(lab, packets + i, next - i);
		}
}

static void scenario_run(struct lab *lab, const struct host *host, const struct scenario *scenario)
{
	struct buffer why;
	buffer_init(&why, 1 << 16);
	struct lab_packet *packets = memory_alloc(scenario->count * sizeof(*packets));
	bool *possible = memory_alloc(scenario->count * sizeof(*possible));
	struct verdicts verdicts = {0};
	struct state *state = scenario_load(scenario, &why);
	if (!tap_ok(state != NULL, "%s: %s", scenario->name, scenario->file)) {
		tap_note("%s", buffer_text(&why));
		goto out;
	}
	if (!rows_parse(scenario, host, packets) || !tap_ok(verdicts_lift(lab, &why), "%s: lifted", scenario->name))
		goto out;
	rows_send(lab, packets, scenario->count);
	for (size_t i = 0; i < scenario->count; i++)
		possible[i] = packets[i].arrived;
	buffer_clear(&why);
	if (!tap_ok(verdicts_init(&verdicts, lab, host, state, &why) && verdicts_apply(&verdicts, &why), "%s: in force", scenario->name)) {
		tap_note("%s", buffer_text(&why));
		goto out;
	}
	rows_send(lab, packets, scenario->count);
	for (size_t i = 0; i < scenario->count; i++) {
		char text[PACKET_TEXT];
		bool pass = scenario->rows[i].pass, classified = verdicts_pass(&verdicts, &packets[i].packet);
		packet_print(&packets[i].packet, text);
		tap_ok(possible[i] && classified == pass && packets[i].arrived == pass, "%s: %s, flags %u: %s (classifier %s, kernel %s%s)",
		       scenario->name, text, packets[i].flags, pass ? "passes" : "is dropped", classified ? "passes" : "drops",
		       packets[i].arrived ? "passes" : "drops", possible[i] ? "" : "; does not arrive without a policy either");
	}
out:
	verdicts_done(&verdicts);
	free(packets);
	free(possible);
	buffer_done(&why);
}

int main(void)
{
	struct host host;
	struct buffer why;
	buffer_init(&why, 4096);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	struct lab *lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	for (size_t i = 0; i < ARRAY_LENGTH(scenarios); i++)
		scenario_run(lab, &host, &scenarios[i]);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
