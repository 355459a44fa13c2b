/* What the quarantine profile promises, packet by packet, named after what other tools get wrong (docs/quarantine.md);
 * and that putting it into force again opens no window.  Each row is judged by its text, by the classifier and by the
 * kernel. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/profile.h"
#include "tests/integration/tap.h"
#include "tests/integration/verdicts.h"

static const char facts[] =
	"{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\", \"fe80::10/64\"], \"dns\": [\"192.0.2.53\", \"2001:db8::53\"],"
	" \"dhcp\": [\"192.0.2.67\"], \"gateway\": [\"192.0.2.1\"]}";

static const struct profile_variable variables[] = {{"server", "203.0.113.5,2001:db8:2::5"}, {"port", "443"}};

#define ANSWER "reply"

static const struct row {
	const char *promise, *packet; /* ANSWER: to the row before it, sent after that got through */
	bool pass;
	unsigned flags;
} rows[] = {
	{"source port 53 opens nothing", "in udp 203.0.113.9:53 > 192.0.2.10:137", false, 0},
	{"source port 53 opens nothing", "in tcp 203.0.113.9:53 > 192.0.2.10:22", false, 0},
	{"source port 53 opens nothing", "in tcp 203.0.113.9:53 > 192.0.2.10:22", false, WIRE_ACK},
	{"source port 53 opens nothing", "in frag udp 203.0.113.9:53 > 192.0.2.10:137", false, 0},
	{"source port 53 opens nothing", "in udp [2001:db8:9::9]:53 > [2001:db8::10]:137", false, 0},
	{"source port 53 opens nothing", "in udp 192.0.2.53:53 > 192.0.2.10:137", false, 0}, /* the name server itself, unasked */
	{"source port 53 opens nothing", "in tcp 192.0.2.53:53 > 192.0.2.10:22", false, 0},
	{"source port 443 opens nothing", "in tcp 203.0.113.5:443 > 192.0.2.10:22", false, 0},
	{"source port 80 opens nothing", "in tcp 203.0.113.9:80 > 192.0.2.10:22", false, 0},
	{"source port 88 opens nothing", "in udp 203.0.113.9:88 > 192.0.2.10:137", false, 0},
	{"source port 500 opens nothing", "in udp 203.0.113.9:500 > 192.0.2.10:500", false, 0},
	{"source port 67 opens nothing", "in udp 203.0.113.9:67 > 192.0.2.10:68", false, 0},
	{"UDP DNS works", "out udp 192.0.2.10:40000 > 192.0.2.53:53", true, 0},
	{"UDP DNS works", ANSWER, true, 0},
	{"TCP DNS works", "out tcp 192.0.2.10:40001 > 192.0.2.53:53", true, 0},
	{"TCP DNS works", ANSWER, true, 0},
	{"UDP DNS works", "out udp [2001:db8::10]:40002 > [2001:db8::53]:53", true, 0},
	{"UDP DNS works", ANSWER, true, 0},
	{"large DNS answers work", "out frag udp 192.0.2.10:40003 > 192.0.2.53:53", true, 0},
	{"large DNS answers work", ANSWER, true, 0},
	{"DNS to the host's servers only", "out udp 192.0.2.10:40004 > 203.0.113.9:53", false, 0},
	{"DNS to the host's servers only", "out tcp 192.0.2.10:40005 > 203.0.113.9:53", false, 0},
	{"DNS to the host's servers only", "out tcp 192.0.2.10:40006 > 192.0.2.53:853", false, 0},
	{"DHCP renewal works", "out udp 192.0.2.10:68 > 192.0.2.67:67", true, 0},
	{"DHCP renewal works", ANSWER, true, 0},
	{"DHCP renewal works", "out udp [fe80::10]:546 > [ff02::1:2]:547", true, 0},
	{"DHCP renewal works", "in udp [fe80::67]:547 > [fe80::10]:546", true, 0},
	{"DHCP opens nothing else", "out udp 192.0.2.10:68 > 203.0.113.9:67", false, 0},
	{"DHCP opens nothing else", "in udp [2001:db8:9::9]:547 > [2001:db8::10]:546", false, 0},
	{"DHCP opens nothing else", "in udp [fe80::67]:547 > [fe80::10]:22", false, 0},
	{"DHCP opens nothing else", "out udp [fe80::10]:40007 > [ff02::1:2]:547", false, 0},
	{"the agent's server is reached", "out tcp 192.0.2.10:40010 > 203.0.113.5:443", true, 0},
	{"the agent's server is reached", ANSWER, true, 0},
	{"the agent's server is reached", "out tcp [2001:db8::10]:40011 > [2001:db8:2::5]:443", true, 0},
	{"the agent's server is reached", ANSWER, true, 0},
	{"the agent's server on its port only", "out tcp 192.0.2.10:40012 > 203.0.113.5:80", false, 0},
	{"the agent's server on its port only", "out udp 192.0.2.10:40013 > 203.0.113.5:443", false, 0},
	{"nothing else goes out", "out tcp 192.0.2.10:40014 > 203.0.113.9:443", false, 0},
	{"nothing else goes out", "out icmp:8 192.0.2.10 > 203.0.113.9", false, 0},
	{"nothing else goes out", "out 47 192.0.2.10 > 203.0.113.5", false, 0},
	{"nothing else goes out", "out tcp 192.0.2.10:40014 > 203.0.113.9:443", false, WIRE_ACK}, /* a session that lives */
	{"nothing comes in", "in tcp 203.0.113.9:51000 > 192.0.2.10:22", false, 0},
	{"nothing comes in", "in tcp 203.0.113.5:51000 > 192.0.2.10:22", false, 0},
	{"nothing comes in", "in tcp 203.0.113.9:51000 > 192.0.2.10:22", false, WIRE_ACK},
	{"nothing comes in", "in icmp:8 203.0.113.9 > 192.0.2.10", false, 0},
	{"nothing comes in", "in udp 192.0.2.77:138 > 192.0.2.255:138", false, 0},
	{"nothing comes in", "in udp 192.0.2.77:5353 > 224.0.0.251:5353", false, 0},
	{"IPv6 is contained", "in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:22", false, 0},
	{"IPv6 is contained", "in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:22", false, WIRE_OPTIONS},
	{"IPv6 is contained", "out tcp [2001:db8::10]:40015 > [2001:db8:9::9]:443", false, 0},
	{"IPv6 is contained", "in icmpv6:128 2001:db8:9::9 > 2001:db8::10", false, 0},
	{"IPv6 is contained", "in udp [fe80::9]:5355 > [ff02::1:3]:5355", false, 0},
	{"neighbours are found", "in icmp:135 fe80::9 > ff02::1", true, 0},
	{"nothing is forwarded", "forward tcp 203.0.113.9:51000 > 203.0.113.200:80", false, 0},
	{"nothing is forwarded", "forward udp 203.0.113.9:51000 > 192.0.2.53:53", false, 0},
};

static struct state *profile_state(struct buffer *why)
{
	struct profile_options options = {.variables = variables, .variable_count = ARRAY_LENGTH(variables), .assign = true};
	static char text[1 << 16];
	struct state *state = state_new();
	struct diag diag;
	FILE *file = fopen(CORDON_SOURCE "/profiles/quarantine.json", "r");
	size_t length = file != NULL ? fread(text, 1, sizeof(text), file) : 0;
	if (file != NULL)
		fclose(file);
	diag_init(&diag);
	int error = profile_load(state, text, length, "profiles/quarantine.json", &options, &diag, NULL, NULL);
	if (error < 0)
		diag_render(&diag, 0, 0, why);
	diag_done(&diag);
	if (error == 0)
		return state;
	state_free(state);
	return NULL;
}

static void rows_parse(const struct host *host, struct lab_packet *packets)
{
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		packets[i].flags = rows[i].flags;
		if (strcmp(rows[i].packet, ANSWER) == 0)
			packets[i].packet = wire_answer(&packets[i - 1].packet);
		else if (packet_parse(rows[i].packet, strlen(rows[i].packet), host, NULL, NULL, &packets[i].packet) < 0)
			tap_ok(false, "not a packet: %s", rows[i].packet);
	}
}

/* Questions first, then what answers them. */
static void rows_send(struct lab *lab, struct lab_packet *packets)
{
	for (unsigned answers = 0; answers < 2; answers++)
		for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
			if (packets[i].packet.reply == (answers > 0))
				lab_send(lab, packets + i, 1);
}

static void promises_test(struct lab *lab, struct verdicts *verdicts)
{
	struct lab_packet packets[ARRAY_LENGTH(rows)] = {0};
	bool possible[ARRAY_LENGTH(rows)];
	struct buffer why;
	buffer_init(&why, 1 << 16);
	rows_parse(verdicts->host, packets);
	rows_send(lab, packets);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		possible[i] = packets[i].arrived;
	if (!tap_ok(lab_forget(lab) && verdicts_apply(verdicts, &why), "the quarantine is in force %s", buffer_text(&why)))
		return;
	rows_send(lab, packets);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[PACKET_TEXT];
		bool pass = rows[i].pass, classified = verdicts_pass(verdicts, &packets[i].packet);
		packet_print(&packets[i].packet, text);
		tap_ok(possible[i] && classified == pass && packets[i].arrived == pass, "%s: %s, flags %u: %s (classifier %s, kernel %s%s)",
		       rows[i].promise, text, packets[i].flags, pass ? "passes" : "is dropped", classified ? "passes" : "drops",
		       packets[i].arrived ? "passes" : "drops", possible[i] ? "" : "; does not arrive without a policy either");
	}
	buffer_done(&why);
}

/* --- again and again, under a flood --- */

enum { APPLIES = 20, FLOOD_PORT = 9999 };

static const char *const forbidden[] = {
	"in udp 203.0.113.9:53 > 192.0.2.10:9999", "in tcp 203.0.113.9:51000 > 192.0.2.10:9999",
	"in udp [2001:db8:9::9]:53 > [2001:db8::10]:9999", "out udp 192.0.2.10:40000 > 203.0.113.9:9999",
	"out tcp [2001:db8::10]:40000 > [2001:db8:9::9]:9999", "in frag udp 203.0.113.9:53 > 192.0.2.10:9999",
	"forward tcp 203.0.113.9:51000 > 203.0.113.200:9999",
};
static const char permitted[] = "out tcp 192.0.2.10:40020 > 203.0.113.5:443";

/* Counts in each namespace what has got through. */
static bool counters_make(struct lab *lab, struct buffer *why)
{
	static const char client[] =
		"add counter inet mute bad\nadd counter inet mute good\n"
		"add rule inet mute arrivals th dport 9999 counter name bad\nadd rule inet mute arrivals th dport 443 counter name good\n";
	static const char server[] =
		"flush chain inet probe seen\nadd counter inet probe bad\nadd counter inet probe good\n"
		"add rule inet probe seen th dport 9999 counter name bad\n";
	return lab_nft(lab, LAB_CLIENT, client, why) && lab_nft(lab, LAB_CLIENT2, client, why) && lab_nft(lab, LAB_SERVER, server, why);
}

static bool counters_read(struct lab *lab, uint64_t *ret_bad, uint64_t *ret_good)
{
	*ret_bad = *ret_good = 0;
	for (unsigned space = 0; space < LAB_SPACES; space++) {
		struct buffer text;
		buffer_init(&text, 1 << 16);
		bool listed = lab_nft(lab, space, "list counters", &text);
		const char *bad = strstr(buffer_text(&text), "counter bad"), *good = strstr(buffer_text(&text), "counter good");
		const char *bads = bad != NULL ? strstr(bad, "packets ") : NULL, *goods = good != NULL ? strstr(good, "packets ") : NULL;
		if (bads != NULL && goods != NULL) {
			*ret_bad += strtoull(bads + 8, NULL, 10);
			*ret_good += strtoull(goods + 8, NULL, 10);
		}
		buffer_done(&text);
		if (!listed || bads == NULL || goods == NULL)
			return false;
	}
	return true;
}

static void reapply_test(struct lab *lab, struct verdicts *verdicts)
{
	struct lab_packet packets[ARRAY_LENGTH(forbidden) + 1] = {0};
	struct lab_flood flood;
	struct buffer why;
	uint64_t bad = 0, good = 0;
	buffer_init(&why, 1 << 16);
	for (size_t i = 0; i <= ARRAY_LENGTH(forbidden); i++) {
		const char *text = i < ARRAY_LENGTH(forbidden) ? forbidden[i] : permitted;
		if (packet_parse(text, strlen(text), verdicts->host, NULL, NULL, &packets[i].packet) < 0)
			abort();
	}
	lab_send(lab, packets, ARRAY_LENGTH(packets));
	if (!tap_ok(counters_make(lab, &why), "counters %s", buffer_text(&why)) ||
	    !tap_ok(lab_flood_start(lab, packets, ARRAY_LENGTH(packets), &flood), "flood"))
		return;
	unsigned made = 0;
	while (made < APPLIES && verdicts_apply(verdicts, &why))
		made++;
	lab_flood_stop(&flood);
	unsigned long long sent = *flood.sent;
	bool read = counters_read(lab, &bad, &good);
	tap_ok(made == APPLIES, "re-apply without a window: %u of %d applies %s", made, APPLIES, buffer_text(&why));
	tap_ok(read && sent > 100 && bad == 0, "re-apply without a window: %llu of each forbidden packet sent meanwhile, %llu got through", sent,
	       (unsigned long long)bad);
	tap_ok(good + sent / 100 + 1 >= sent, "re-apply without a gap: of %llu permitted ones %llu got through", sent, (unsigned long long)good);
	tap_ok(verdicts_lift(lab, &why), "lifted");
	lab_send(lab, packets, ARRAY_LENGTH(packets));
	tap_ok(counters_read(lab, &bad, &good) && bad >= ARRAY_LENGTH(forbidden), "without it they are counted (%llu)", (unsigned long long)bad);
	buffer_done(&why);
}

int main(void)
{
	struct host host;
	struct buffer why;
	struct verdicts verdicts = {0};
	buffer_init(&why, 1 << 16);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	struct lab *lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	struct state *state = profile_state(&why);
	if (tap_ok(state != NULL && verdicts_init(&verdicts, lab, &host, state, &why), "the profile is read %s", buffer_text(&why))) {
		promises_test(lab, &verdicts);
		reapply_test(lab, &verdicts);
	}
	verdicts_done(&verdicts);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
