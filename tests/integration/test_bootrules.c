/* The start-up rules in a real kernel: boot exemptions with their answers in both families, what they drop counted by
 * source, protocol and port, a full set that still drops, and the hand-over that takes it all away. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/target/nftables.h"
#include "bootcfg/target/nftables_plan.h"
#include "core/base/memory.h"
#include "tests/integration/tap.h"
#include "tests/integration/verdicts.h"

enum { LISTING = 1 << 22, PACKETS_MOST = 64, FAMILY_FULL = PLAN_BOOT_DROPS };

struct row {
	const char *packet;
	bool pass;
};

/* A row that starts with `reply` is the answer to the row before it. */
static const struct row block_rows[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", true},
	{"reply out tcp 192.0.2.10:3389 > 203.0.113.9:51000", true},
	{"out tcp 192.0.2.10:3389 > 203.0.113.7:51000", false},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389", true},
	{"reply out tcp [2001:db8::10]:3389 > [2001:db8:9::9]:51000", true},
	{"out tcp [2001:db8::10]:3389 > [2001:db8:9::7]:51000", false},
	{"in tcp 203.0.113.9:3389 > 192.0.2.10:51000", false},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", true},
	{"reply out icmp:0 192.0.2.10 > 203.0.113.9", true},
	{"out icmp:0 192.0.2.10 > 203.0.113.7", false},
	{"out icmp:8 192.0.2.10 > 203.0.113.8", false},
	{"in icmp:128 2001:db8:9::9 > 2001:db8::10", true},
	{"reply out icmp:129 2001:db8::10 > 2001:db8:9::9", true},
	{"out icmp:128 2001:db8::10 > 2001:db8:9::8", false},
	{"out udp 192.0.2.10:40000 > 192.0.2.53:53", true},
	{"reply in udp 192.0.2.53:53 > 192.0.2.10:40000", true},
	{"in udp 203.0.113.53:53 > 192.0.2.10:40000", false},
	{"out udp 192.0.2.10:68 > 255.255.255.255:67", true},
	{"in udp 192.0.2.1:67 > 255.255.255.255:68", true},
	{"in udp 192.0.2.1:67 > 192.0.2.10:68", true},
	{"out udp [fe80::10]:546 > [ff02::1:2]:547", true},
	{"in udp [fe80::1]:547 > [fe80::10]:546", true},
	{"in udp [fe80::1]:547 > [fe80::10]:547", false},
	{"in icmp:135 fe80::9 > ff02::1", true},
	{"out tcp 192.0.2.10:40000 > 203.0.113.80:80", false},
	{"out tcp 127.0.0.1:51000 > 127.0.0.1:445", true},
	{"forward tcp 203.0.113.9:51000 > 203.0.113.200:3389", false},
	{"in udp 203.0.113.9:500 > 192.0.2.10:500", false},
	/* What is counted below. */
	{"in tcp 203.0.113.20:51000 > 192.0.2.10:445", false},
	{"in tcp 203.0.113.20:51001 > 192.0.2.10:445", false},
	{"in frag udp 203.0.113.21:51000 > 192.0.2.10:137", false},
	{"in 47 203.0.113.22 > 192.0.2.10", false},
	{"in udp [2001:db8:9::20]:51000 > [2001:db8::10]:161", false},
	{"in 89 2001:db8:9::22 > 2001:db8::10", false},
};

static const struct row stateful_rows[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", true},
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:22", false},
	{"out tcp 192.0.2.10:40000 > 203.0.113.80:80", true},
	{"reply in tcp 203.0.113.80:80 > 192.0.2.10:40000", true},
	{"in tcp 203.0.113.81:80 > 192.0.2.10:40000", false},
	{"out icmp:8 192.0.2.10 > 203.0.113.9", true},
	{"reply in icmp:0 203.0.113.9 > 192.0.2.10", true},
	{"in icmp:0 203.0.113.9 > 192.0.2.10", true}, /* boot exemption */
	{"out udp [2001:db8::10]:40000 > [2001:db8:9::53]:53", true},
	{"reply in udp [2001:db8:9::53]:53 > [2001:db8::10]:40000", true},
	{"in udp [2001:db8:9::54]:53 > [2001:db8::10]:40000", false},
	{"out 47 192.0.2.10 > 203.0.113.9", true},
	{"in udp 192.0.2.77:138 > 192.0.2.255:138", false},
	{"in udp 192.0.2.77:5353 > 224.0.0.251:5353", false},
	{"forward tcp 203.0.113.9:51000 > 203.0.113.200:80", false},
};

static const struct row permit_rows[] = {
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:22", true},
	{"out tcp 192.0.2.10:40000 > 203.0.113.80:80", true},
	{"forward tcp 203.0.113.9:51000 > 203.0.113.200:80", true},
};

struct trial {
	struct lab *lab;
	struct host host;
	struct state *state;
	struct ruleset *ruleset;
	struct classifier *classifier;
};

static bool packet_of(const struct trial *trial, const char *text, struct lab_packet *ret_packet)
{
	char ordered[PACKET_TEXT];
	/* The row says first whether it answers; a packet says its direction first. */
	if (strncmp(text, "reply ", 6) == 0) {
		size_t direction = strcspn(text + 6, " ");
		snprintf(ordered, sizeof(ordered), "%.*s reply%s", (int)direction, text + 6, text + 6 + direction);
		text = ordered;
	}
	*ret_packet = (struct lab_packet){0};
	return packet_parse(text, strlen(text), &trial->host, NULL, NULL, &ret_packet->packet) == 0;
}

static void rows_check(struct trial *trial, const char *label, const struct row *rows, size_t count)
{
	bool kernel = true, judged = true;
	lab_forget(trial->lab);
	for (size_t i = 0; i < count; i++) {
		struct lab_packet one;
		struct verdict verdict;
		if (!packet_of(trial, rows[i].packet, &one)) {
			tap_ok(false, "%s: no packet: %s", label, rows[i].packet);
			return;
		}
		lab_send(trial->lab, &one, 1);
		classifier_judge(trial->classifier, &one.packet, &verdict);
		if (one.arrived != rows[i].pass)
			tap_note("%s: the kernel %s: %s", label, one.arrived ? "passes" : "drops", rows[i].packet);
		if ((verdict.action == ACTION_PERMIT) != rows[i].pass)
			tap_note("%s: the classifier %s: %s", label, verdict.action == ACTION_PERMIT ? "passes" : "drops", rows[i].packet);
		kernel &= one.arrived == rows[i].pass;
		judged &= (verdict.action == ACTION_PERMIT) == rows[i].pass;
	}
	tap_ok(kernel, "%s: %zu packets in the kernel", label, count);
	tap_ok(judged, "%s: %zu packets in the classifier", label, count);
}

/* Ruleset and classifier of a mode; the old ones go. */
static bool rules_make(struct trial *trial, enum mode mode, enum bootmode bootmode)
{
	classifier_free(trial->classifier);
	ruleset_free(trial->ruleset);
	trial->classifier = NULL;
	trial->ruleset = NULL;
	int error = mode == MODE_BOOT ? ruleset_build_boot(trial->state, &trial->host, bootmode, NULL, &trial->ruleset)
				      : ruleset_build(trial->state, &trial->host, mode, NULL, &trial->ruleset);
	if (error == 0)
		trial->classifier = classifier_new(trial->ruleset);
	return error == 0;
}

static bool rules_apply(struct trial *trial, enum mode mode, enum bootmode bootmode)
{
	struct nftables_options options = {0};
	struct diag diag;
	struct buffer why;
	diag_init(&diag);
	buffer_init(&why, 4096);
	bool good = rules_make(trial, mode, bootmode);
	lab_enter(trial->lab, LAB_SERVER);
	good = good && nftables_apply(trial->ruleset, &options, &diag) == 0;
	lab_leave(trial->lab);
	diag_render(&diag, 0, 0, &why);
	tap_ok(good, "%s %s is put in force %s", mode_name(mode), mode == MODE_BOOT ? bootmode_name(bootmode) : "", buffer_text(&why));
	buffer_done(&why);
	diag_done(&diag);
	return good;
}

static struct nftables_status status_of(struct trial *trial)
{
	struct nftables_status status = {0};
	lab_enter(trial->lab, LAB_SERVER);
	bool good = nftables_status_read(NULL, &status) == 0;
	lab_leave(trial->lab);
	if (!good)
		tap_ok(false, "the kernel can be read");
	return status;
}

/* Packets that the start-up rules have dropped, by their own total. */
static uint64_t total_of(struct trial *trial)
{
	struct nftables_status status = status_of(trial);
	uint64_t total = 0;
	for (size_t i = 0; i < status.hit_count; i++)
		if (strcmp(status.hits[i].rule, "boot") == 0)
			total += status.hits[i].packets;
	nftables_status_done(&status);
	return total;
}

static bool kernel_same(struct trial *trial, struct buffer *differences)
{
	struct nftables_options options = {0};
	bool same = false;
	lab_enter(trial->lab, LAB_SERVER);
	int error = nftables_check(trial->ruleset, &options, NULL, differences, &same);
	lab_leave(trial->lab);
	return error == 0 && same;
}

/* The text of a set of the generation in force, or "". */
static void set_list(struct trial *trial, const char *name, struct buffer *text)
{
	struct nftables_status status = status_of(trial);
	char command[128];
	snprintf(command, sizeof(command), "list set inet cordon g%llu_%s\n", (unsigned long long)status.generation, name);
	buffer_clear(text);
	if (!lab_nft(trial->lab, LAB_SERVER, command, text))
		buffer_clear(text);
	nftables_status_done(&status);
}

/* Packets of an element "KEY counter packets N"; 0 when it is not there. */
static unsigned long element_packets(const struct buffer *text, const char *key)
{
	char words[128];
	snprintf(words, sizeof(words), "%s counter packets ", key);
	const char *at = strstr(buffer_text(text), words);
	return at != NULL ? strtoul(at + strlen(words), NULL, 10) : 0;
}

/* The packets of all elements. */
static unsigned long elements_sum(const struct buffer *text)
{
	static const char words[] = " counter packets ";
	unsigned long sum = 0;
	for (const char *at = buffer_text(text); (at = strstr(at, words)) != NULL; at++)
		sum += strtoul(at + strlen(words), NULL, 10);
	return sum;
}

static void counts_check(struct trial *trial)
{
	static const struct {
		const char *set, *key;
		unsigned long packets;
	} rows[] = {
		{PLAN_BOOT_DROPS4, "203.0.113.20 . tcp . 445", 2},
		{PLAN_BOOT_DROPS4, "203.0.113.21 . udp . 137", 1},
		{PLAN_BOOT_DROPS4, "203.0.113.22 . gre . 0", 1},
		{PLAN_BOOT_DROPS4, "192.0.2.10 . tcp . 80", 1}, /* going out: the source is the host */
		{PLAN_BOOT_DROPS6, "2001:db8:9::20 . udp . 161", 1},
		{PLAN_BOOT_DROPS6, "2001:db8:9::22 . ospf . 0", 1},
	};
	struct buffer text, differences;
	buffer_init(&text, LISTING);
	buffer_init(&differences, 4096);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		set_list(trial, rows[i].set, &text);
		unsigned long packets = element_packets(&text, rows[i].key);
		tap_ok(packets == rows[i].packets, "%s is counted: %lu", rows[i].key, packets);
	}
	/* The kernel of the lab sends one or the other by itself: multicast listener reports. */
	unsigned long dropped = 0, counted;
	for (size_t i = 0; i < sizeof(block_rows) / sizeof(block_rows[0]); i++)
		dropped += !block_rows[i].pass;
	uint64_t before = total_of(trial);
	set_list(trial, PLAN_BOOT_DROPS4, &text);
	counted = elements_sum(&text);
	set_list(trial, PLAN_BOOT_DROPS6, &text);
	counted += elements_sum(&text);
	uint64_t after = total_of(trial);
	tap_ok(before <= counted && counted <= after && counted >= dropped,
	       "each dropped packet is counted once: %llu to %llu in all, %lu by source, %lu of ours", (unsigned long long)before,
	       (unsigned long long)after, counted, dropped);
	tap_ok(kernel_same(trial, &differences), "counted packets are no difference: %s", buffer_text(&differences));
	buffer_done(&text);
	buffer_done(&differences);
}

/* As many elements as the set takes, of addresses that no packet has. */
static void set_fill(struct trial *trial, uint64_t generation, unsigned family)
{
	struct buffer commands, why;
	buffer_init(&commands, LISTING);
	buffer_init(&why, 4096);
	const char *name = family == FAMILY_IPV4 ? PLAN_BOOT_DROPS4 : PLAN_BOOT_DROPS6;
	buffer_printf(&commands, "flush set inet cordon g%llu_%s\nadd element inet cordon g%llu_%s {", (unsigned long long)generation,
		      name, (unsigned long long)generation, name);
	for (unsigned i = 0; i < FAMILY_FULL; i++)
		if (family == FAMILY_IPV4)
			buffer_printf(&commands, " 10.7.%u.%u . tcp . 1,", i >> 8, i & 255);
		else
			buffer_printf(&commands, " 2001:db8:7::%x . tcp . 1,", i + 1);
	buffer_add_text(&commands, " }\n");
	tap_ok(lab_nft(trial->lab, LAB_SERVER, buffer_text(&commands), &why), "IPv%u: the set is full %s", family, buffer_text(&why));
	buffer_done(&commands);
	buffer_done(&why);
}

/* Sources that the set has no room for: dropped, and in the total. */
static void full_check(struct trial *trial, unsigned family)
{
	struct lab_packet packets[PACKETS_MOST];
	struct buffer text;
	size_t arrived = 0;
	buffer_init(&text, LISTING);
	struct nftables_status status = status_of(trial);
	set_fill(trial, status.generation, family);
	nftables_status_done(&status);
	uint64_t before = total_of(trial);
	for (unsigned i = 0; i < PACKETS_MOST; i++) {
		char packet[PACKET_TEXT];
		if (family == FAMILY_IPV4)
			snprintf(packet, sizeof(packet), i % 2 == 0 ? "in udp 203.0.113.%u:5000 > 192.0.2.10:445"
								    : "in 47 203.0.113.%u > 192.0.2.10", i + 100);
		else
			snprintf(packet, sizeof(packet), i % 2 == 0 ? "in udp [2001:db8:9::%x]:5000 > [2001:db8::10]:445"
								    : "in 89 2001:db8:9::%x > 2001:db8::10", i + 100);
		if (!packet_of(trial, packet, &packets[i]))
			tap_ok(false, "no packet: %s", packet);
	}
	lab_send(trial->lab, packets, PACKETS_MOST);
	for (size_t i = 0; i < PACKETS_MOST; i++)
		arrived += packets[i].arrived;
	tap_ok(arrived == 0, "IPv%u: a full set drops all the same: %zu of %d arrived", family, arrived, PACKETS_MOST);
	tap_ok(total_of(trial) - before >= PACKETS_MOST, "IPv%u: and the total has them", family);
	set_list(trial, family == FAMILY_IPV4 ? PLAN_BOOT_DROPS4 : PLAN_BOOT_DROPS6, &text);
	tap_ok(strstr(buffer_text(&text), family == FAMILY_IPV4 ? "203.0.113." : "2001:db8:9::") == NULL, "IPv%u: it has grown by none", family);
	buffer_done(&text);
}

/* What the table has of the start-up rules. */
static bool startup_left(struct trial *trial)
{
	struct buffer text;
	buffer_init(&text, LISTING);
	bool good = lab_nft(trial->lab, LAB_SERVER, "list table inet cordon\n", &text);
	bool left = !good || strstr(buffer_text(&text), "boot") != NULL;
	buffer_done(&text);
	return left;
}

static void handover_check(struct trial *trial)
{
	struct nftables_status before = status_of(trial);
	tap_ok(before.present && before.mode == MODE_BOOT && before.bootmode == BOOTMODE_BLOCK && before.digest[0] != '\0',
	       "status: mode boot, and which");
	(void)rules_apply(trial, MODE_BOOT, BOOTMODE_BLOCK);
	struct nftables_status again = status_of(trial);
	tap_ok(again.generation == before.generation, "applied again: the kernel has it already");
	(void)rules_apply(trial, MODE_BOOT, BOOTMODE_STATEFUL);
	struct nftables_status other = status_of(trial);
	tap_ok(other.bootmode == BOOTMODE_STATEFUL && other.generation != before.generation, "another boot mode is another ruleset");
	rows_check(trial, "stateful", stateful_rows, sizeof(stateful_rows) / sizeof(stateful_rows[0]));
	(void)rules_apply(trial, MODE_BOOT, BOOTMODE_PERMIT);
	rows_check(trial, "permit", permit_rows, sizeof(permit_rows) / sizeof(permit_rows[0]));
	(void)rules_apply(trial, MODE_BOOT, BOOTMODE_BLOCK);
	(void)rules_apply(trial, MODE_SECURE, BOOTMODE_BLOCK);
	tap_ok(!startup_left(trial), "handed over: nothing of the start-up rules is left");
	struct nftables_status after = status_of(trial);
	tap_ok(after.mode == MODE_SECURE, "status: mode secure");
	nftables_status_done(&before);
	nftables_status_done(&again);
	nftables_status_done(&other);
	nftables_status_done(&after);
}

static bool trial_init(struct trial *trial, struct buffer *why)
{
	static const char *const addresses[] = {"192.0.2.10/24", "2001:db8::10/64", "fe80::10/64"};
	static const char listed[] = "tcp:0:3389:inbound ICMP:inbound udp:0:53:outbound";
	host_init(&trial->host);
	for (size_t i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		struct ip_prefix prefix;
		if (ip_prefix_parse(addresses[i], strlen(addresses[i]), &prefix))
			host_add_address(&trial->host, &prefix);
	}
	trial->state = state_new();
	trial->lab = lab_new(&trial->host, why);
	return config_set(&trial->state->config, PROPERTY_BOOTEXEMPTIONS, listed, strlen(listed), NULL, NULL) == 0 && trial->lab != NULL;
}

int main(void)
{
	struct trial trial = {0};
	struct buffer why;
	buffer_init(&why, 4096);
	if (!trial_init(&trial, &why))
		tap_skip_all("no lab: %s", buffer_text(&why));
	if (rules_apply(&trial, MODE_BOOT, BOOTMODE_BLOCK)) {
		rows_check(&trial, "block", block_rows, sizeof(block_rows) / sizeof(block_rows[0]));
		counts_check(&trial);
		full_check(&trial, FAMILY_IPV4);
		full_check(&trial, FAMILY_IPV6);
		handover_check(&trial);
	}
	classifier_free(trial.classifier);
	ruleset_free(trial.ruleset);
	state_free(trial.state);
	lab_free(trial.lab);
	host_done(&trial.host);
	buffer_done(&why);
	return tap_done();
}
