/* The lab itself: what it says about packets must be right before anything is proved with it.  Also what
 * host_read says about namespaces whose addresses and routes are known. */
#include <stdlib.h>
#include <string.h>

#include "bootcfg/host.h"
#include "tests/integration/lab.h"
#include "tests/integration/tap.h"

static struct host facts(const char *json)
{
	struct host host;
	struct diag diag;
	diag_init(&diag);
	if (host_parse(json, strlen(json), "facts", &diag, &host) < 0)
		abort();
	diag_done(&diag);
	return host;
}

/* A packet as users write it, sent; with nothing in the way, a rule for all of UDP and TCP 80, and rules
 * for what is not a fragment. */
static const struct {
	const char *packet;
	unsigned flags;
	bool open, filtered; /* expected to arrive */
} rows[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:80", 0, true, false},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:81", 0, true, true},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:81", WIRE_OPTIONS, true, true},
	{"in frag tcp 203.0.113.9:51000 > 192.0.2.10:81", 0, true, true},
	{"in udp 203.0.113.9:53 > 192.0.2.10:1434", 0, true, false},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", 0, true, true},
	{"in 47 203.0.113.9 > 192.0.2.10", 0, true, true},
	{"in udp 192.0.2.77:138 > 192.0.2.255:138", 0, true, false},
	{"in 89 192.0.2.77 > 255.255.255.255", 0, true, true},
	{"in udp 192.0.2.77:5353 > 224.0.0.251:5353", 0, true, false},
	{"in 89 192.0.2.77 > 224.0.0.251", 0, true, true},
	{"in 89 192.0.2.77 > 224.0.0.250", 0, false, false},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", 0, true, false},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", WIRE_OPTIONS, true, false},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:81", WIRE_OPTIONS, true, true},
	{"in frag tcp [2001:db8:9::9]:51000 > [2001:db8::10]:81", 0, true, true},
	{"in icmp:128 2001:db8:9::9 > 2001:db8::10", 0, true, true},
	{"in icmp:135 fe80::9 > ff02::1", 0, true, true},
	{"in udp [fe80::9]:5353 > [ff02::fb]:5353", 0, true, false},
	{"in tcp 127.0.0.9:51000 > 192.0.2.10:81", 0, false, false},
	{"in tcp 192.0.2.10:51000 > 192.0.2.10:81", 0, false, false},
	{"out tcp 192.0.2.10:51000 > 203.0.113.9:80", 0, true, false},
	{"out tcp 192.0.2.10:51000 > 203.0.113.9:81", 0, true, true},
	{"out frag tcp 192.0.2.10:51000 > 203.0.113.9:81", 0, true, true},
	{"out icmp:8 192.0.2.10 > 203.0.113.9", 0, true, true},
	{"out 89 192.0.2.10 > 255.255.255.255", 0, true, true},
	{"out 89 192.0.2.10 > 192.0.2.255", 0, true, true},
	{"out 89 192.0.2.10 > 224.0.0.5", 0, true, true},
	{"out 89 203.0.113.200 > 203.0.113.9", 0, true, true},
	{"out tcp [2001:db8::10]:51000 > [2001:db8:9::9]:80", 0, true, false},
	{"out tcp [2001:db8::10]:51000 > [2001:db8:9::9]:81", 0, true, true},
	{"out frag tcp [2001:db8::10]:51000 > [2001:db8:9::9]:81", 0, true, true},
	{"out 89 2001:db8::10 > ff02::5", 0, true, true},
	{"forward tcp 203.0.113.9:51000 > 198.51.100.7:80", 0, true, false},
	{"forward tcp 203.0.113.9:51000 > 198.51.100.7:81", 0, true, true},
	{"forward tcp [2001:db8:9::9]:51000 > [2001:db8:8::7]:80", 0, true, false},
	{"forward 47 2001:db8:9::9 > 2001:db8:8::7", 0, true, true},
	{"forward frag 89 203.0.113.9 > 198.51.100.7", 0, true, true},
	{"forward reply tcp 198.51.100.7:81 > 203.0.113.9:51000", 0, true, true},
	{"out tcp 192.0.2.10:51000 > 192.0.2.10:81", 0, true, true},
	{"out tcp 192.0.2.10:51000 > 192.0.2.10:80", 0, true, false},
	{"out tcp [::1]:51000 > [::1]:81", 0, true, true},
	{"out udp 127.0.0.1:51000 > 127.0.0.1:81", 0, true, false},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static bool packet_of(const char *text, const struct host *host, struct packet *ret)
{
	return packet_parse(text, strlen(text), host, NULL, NULL, ret) == 0;
}

static void rows_send(struct lab *lab, const struct host *host, bool filtered)
{
	struct lab_packet packets[ROWS] = {0};
	for (size_t i = 0; i < ROWS; i++) {
		if (!packet_of(rows[i].packet, host, &packets[i].packet))
			tap_ok(false, "not a packet: %s", rows[i].packet);
		packets[i].flags = rows[i].flags;
	}
	lab_send(lab, packets, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		bool expected = filtered ? rows[i].filtered : rows[i].open;
		tap_ok(packets[i].arrived == expected, "%s, flags %u, %s: %s", rows[i].packet, rows[i].flags,
		       filtered ? "filtered" : "open", expected ? "arrives" : "does not arrive");
	}
}

static const char filter_rules[] =
	"table inet some {\n chain in { type filter hook input priority 0; tcp dport 80 drop; meta l4proto udp drop; }\n"
	" chain out { type filter hook output priority 0; tcp dport 80 drop; meta l4proto udp drop; }\n"
	" chain forward { type filter hook forward priority 0; tcp dport 80 drop; meta l4proto udp drop; }\n}\n";

/* An answer passes because its question did; with the connections forgotten, or unasked, it does not. */
static void answers_check(struct lab *lab, const struct host *host)
{
	static const char rules[] =
		"delete table inet some\n"
		"table inet some {\n chain in { type filter hook input priority 0; ct direction reply accept; drop; }\n"
		" chain out { type filter hook output priority 0; ct direction reply accept; tcp dport 80 accept; udp dport 53 accept; icmp type 8 accept; drop; }\n}\n";
	static const char *const questions[] = {
		"out tcp 192.0.2.10:51000 > 203.0.113.9:80", "out udp [2001:db8::10]:51000 > [2001:db8:9::9]:53",
		"out icmp:8 192.0.2.10 > 203.0.113.9", "out frag udp 192.0.2.10:5000 > 203.0.113.9:53",
		"out tcp 192.0.2.10:51000 > 203.0.113.9:81",
	};
	struct lab_packet asks[5] = {0}, answers[5] = {0};
	struct buffer output;
	buffer_init(&output, 1 << 16);
	tap_ok(lab_nft(lab, LAB_SERVER, rules, &output), "rules with connection tracking %s", buffer_text(&output));
	buffer_done(&output);
	for (size_t i = 0; i < 5; i++) {
		packet_of(questions[i], host, &asks[i].packet);
		answers[i].packet = wire_answer(&asks[i].packet);
	}
	lab_send(lab, answers, 5);
	for (size_t i = 0; i < 5; i++)
		tap_ok(!answers[i].arrived, "unasked, the answer to %s is dropped", questions[i]);
	lab_send(lab, asks, 5);
	lab_send(lab, answers, 5);
	for (size_t i = 0; i < 5; i++)
		tap_ok(asks[i].arrived == (i < 4) && answers[i].arrived == (i < 4), "asked: %s", questions[i]);
	if (!lab_forget(lab)) {
		tap_skip("this kernel has no nf_conntrack_netlink", "connections forgotten");
		return;
	}
	lab_send(lab, answers, 4);
	for (size_t i = 0; i < 4; i++)
		tap_ok(!answers[i].arrived, "forgotten, the answer to %s is dropped", questions[i]);
}

static void facts_check(struct lab *lab)
{
	static const char expected_me[] = "192.0.2.10/24 198.51.100.5/25 2001:db8::10/64";
	struct host host;
	struct diag diag;
	struct buffer text;
	diag_init(&diag);
	buffer_init(&text, 4096);
	lab_enter(lab, LAB_SERVER);
	int error = host_read("/nonexistent", &diag, &host);
	lab_leave(lab);
	if (!tap_ok(error == 0, "host_read in the server's namespace"))
		return;
	for (size_t i = 0; i < host.address_count; i++) {
		char one[IP_TEXT];
		ip_print(&host.addresses[i].ip, one);
		buffer_printf(&text, "%s%s/%u", i > 0 ? " " : "", one, host.addresses[i].bits);
	}
	tap_ok(strcmp(buffer_text(&text), expected_me) == 0, "addresses: %s", buffer_text(&text));
	buffer_clear(&text);
	for (size_t i = 0; i < host.servers[ADDRESS_GATEWAY].count; i++) {
		char one[IP_TEXT];
		ip_print(&host.servers[ADDRESS_GATEWAY].items[i], one);
		buffer_printf(&text, "%s ", one);
	}
	tap_ok(strcmp(buffer_text(&text), "198.18.255.1 fe80::c1 ") == 0, "gateways of table main, and no others: %s", buffer_text(&text));
	buffer_done(&text);
	host_done(&host);
	diag_done(&diag);
}

int main(void)
{
	struct host host = facts("{\"addresses\": [\"192.0.2.10/24\", \"198.51.100.5/25\", \"2001:db8::10/64\"]}");
	struct buffer why;
	buffer_init(&why, 4096);
	struct lab *lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	facts_check(lab);
	rows_send(lab, &host, false);
	if (tap_ok(lab_nft(lab, LAB_SERVER, filter_rules, &why), "filter rules %s", buffer_text(&why)))
		rows_send(lab, &host, true);
	answers_check(lab, &host);
	tap_ok(lab_overflows(lab) == 0, "no overflow");
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
