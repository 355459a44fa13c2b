/* The boot rules with real packets: what cordon-boot loads of each boot mode, and what it has built in, lets pass
 * exactly what it must; what it drops is counted and read back. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootrun.h"
#include "bootcfg/target/nftables.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"

static const char facts_json[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
static const char exemptions[] = "TCP:0:3389:inbound UDP:0:514:outbound ICMP:inbound";

/* In which modes a packet passes. */
enum { PERMIT = 1, BLOCK = 2, STATEFUL = 4, BUILTIN = 8, ALWAYS = PERMIT | BLOCK | STATEFUL | BUILTIN };

static const struct {
	unsigned bit;
	const char *name; /* of the boot mode; NULL: there is no file */
} modes[] = {{PERMIT, "permit"}, {BLOCK, "block"}, {STATEFUL, "stateful"}, {BUILTIN, NULL}};

static const struct {
	const char *packet;
	unsigned passes;
} rows[] = {
	/* Nobody gets in, whatever port he sends from. */
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:80", PERMIT},
	{"in tcp 203.0.113.9:53 > 192.0.2.10:22", PERMIT},
	{"in udp 203.0.113.9:53 > 192.0.2.10:1434", PERMIT},
	{"in udp 203.0.113.9:88 > 192.0.2.10:500", PERMIT},
	{"in frag tcp 203.0.113.9:80 > 192.0.2.10:81", PERMIT},
	{"in 47 203.0.113.9 > 192.0.2.10", PERMIT},
	{"in udp 203.0.113.9:137 > 192.0.2.255:137", PERMIT},
	{"in udp 203.0.113.9:5353 > 224.0.0.251:5353", PERMIT},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", PERMIT},
	{"in udp [2001:db8:9::9]:53 > [2001:db8::10]:1434", PERMIT},
	{"in frag udp [2001:db8:9::9]:53 > [2001:db8::10]:1434", PERMIT},
	/* But for the boot exemptions, in both families; not for their mirror image. */
	{"in tcp 203.0.113.9:51000 > 192.0.2.10:3389", PERMIT | BLOCK | STATEFUL},
	{"in frag tcp 203.0.113.9:51000 > 192.0.2.10:3389", PERMIT | BLOCK | STATEFUL},
	{"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:3389", PERMIT | BLOCK | STATEFUL},
	{"in icmp:8 203.0.113.9 > 192.0.2.10", PERMIT | BLOCK | STATEFUL},
	{"in icmp:128 2001:db8:9::9 > 2001:db8::10", PERMIT | BLOCK | STATEFUL},
	{"out udp 192.0.2.10:51000 > 203.0.113.9:514", PERMIT | BLOCK | STATEFUL},
	{"in tcp 203.0.113.9:3389 > 192.0.2.10:51000", PERMIT},
	{"in udp 203.0.113.9:514 > 192.0.2.10:51001", PERMIT},
	{"out tcp 192.0.2.10:51000 > 203.0.113.9:3389", PERMIT | STATEFUL},
	/* DHCP, with its directions. */
	{"out udp 192.0.2.10:68 > 255.255.255.255:67", ALWAYS},
	{"out udp 192.0.2.10:68 > 203.0.113.1:67", ALWAYS},
	{"in udp 203.0.113.1:67 > 192.0.2.10:68", ALWAYS},
	{"in udp 203.0.113.1:68 > 192.0.2.10:67", PERMIT},
	{"in tcp 203.0.113.1:67 > 192.0.2.10:68", PERMIT},
	{"out udp [2001:db8::10]:546 > [2001:db8:9::9]:547", ALWAYS},
	{"in udp [2001:db8:9::9]:547 > [2001:db8::10]:546", ALWAYS},
	{"in udp [2001:db8:9::9]:546 > [2001:db8::10]:547", PERMIT},
	/* Neighbours and loopback. */
	{"in icmp:135 fe80::9 > ff02::1", ALWAYS},
	{"in icmp:134 fe80::9 > ff02::1", ALWAYS},
	{"in icmp:137 fe80::9 > ff02::1", PERMIT | BLOCK | STATEFUL},
	{"out udp 127.0.0.1:51000 > 127.0.0.1:81", ALWAYS},
	{"out tcp [::1]:51000 > [::1]:81", ALWAYS},
	{"out tcp 192.0.2.10:51000 > 192.0.2.10:81", ALWAYS},
	/* Out. */
	{"out tcp 192.0.2.10:51000 > 203.0.113.9:80", PERMIT | STATEFUL},
	{"out udp 192.0.2.10:51000 > 203.0.113.9:53", PERMIT | STATEFUL},
	{"out icmp:8 192.0.2.10 > 203.0.113.9", PERMIT | STATEFUL},
	{"out tcp [2001:db8::10]:51000 > [2001:db8:9::9]:443", PERMIT | STATEFUL},
	{"out udp 192.0.2.10:51000 > 192.0.2.255:138", PERMIT | STATEFUL},
	/* Through. */
	{"forward tcp 203.0.113.9:51000 > 198.51.100.7:80", PERMIT},
	{"forward udp [2001:db8:9::9]:547 > [2001:db8:8::7]:546", PERMIT},
};

/* Asked and answered: where the question passes its answer does, and nothing else about it. */
static const struct {
	const char *question;
	unsigned passes;
} questions[] = {
	{"out tcp 192.0.2.10:52000 > 203.0.113.9:80", PERMIT | STATEFUL},
	{"out udp 192.0.2.10:52000 > 203.0.113.9:514", PERMIT | BLOCK | STATEFUL},
	{"out udp [2001:db8::10]:52000 > [2001:db8:9::9]:53", PERMIT | STATEFUL},
	{"in tcp 203.0.113.9:52000 > 192.0.2.10:3389", PERMIT | BLOCK | STATEFUL},
	{"in udp 203.0.113.9:52000 > 192.0.2.10:9999", PERMIT},
};

struct proof {
	struct lab *lab;
	struct host host;
	struct state *state;
	char file[512], record[512];
};

static bool packet_of(const char *text, const struct host *host, struct packet *ret)
{
	return packet_parse(text, strlen(text), host, NULL, NULL, ret) == 0;
}

/* The file of a mode, or none. */
static bool file_put(struct proof *proof, const char *mode)
{
	struct bootfile_head head;
	struct buffer messages, text;
	struct diag diag;
	(void)unlink(proof->file);
	if (mode == NULL)
		return true;
	diag_init(&diag);
	buffer_init(&messages, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	config_set(&proof->state->config, PROPERTY_BOOTMODE, mode, strlen(mode), &diag, NULL);
	config_set(&proof->state->config, PROPERTY_BOOTEXEMPTIONS, exemptions, strlen(exemptions), &diag, NULL);
	int error = bootfile_compile(proof->state, true, 1, &diag, &head, &messages);
	bootfile_print(&head, &messages, &text);
	int descriptor = open(proof->file, O_WRONLY | O_CREAT | O_EXCL, 0600);
	bool good = error == 0 && descriptor >= 0 && write(descriptor, buffer_text(&text), text.length) == (ssize_t)text.length;
	if (descriptor >= 0)
		close(descriptor);
	if (!good && diag.count > 0)
		tap_note("%s", diag.messages[0].text);
	buffer_done(&messages);
	buffer_done(&text);
	diag_done(&diag);
	return good;
}

/* In the server, as at power-on. */
static bool mode_load(struct proof *proof, const char *mode)
{
	struct diag diag;
	if (!file_put(proof, mode))
		return false;
	diag_init(&diag);
	lab_enter(proof->lab, LAB_SERVER);
	int error = nftables_lift(&diag), code = bootrun(proof->file, "cordon-boot", proof->record, &diag);
	lab_leave(proof->lab);
	bool good = error == 0 && code == (mode != NULL ? EXIT_DONE : EXIT_FINDING);
	for (size_t i = 0; i < diag.count && !good; i++)
		tap_note("%s", diag.messages[i].text);
	diag_done(&diag);
	return good && lab_forget(proof->lab);
}

static void rows_send(struct proof *proof, unsigned bit, const char *name)
{
	struct lab_packet packets[ARRAY_LENGTH(rows)] = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		if (!packet_of(rows[i].packet, &proof->host, &packets[i].packet))
			tap_ok(false, "not a packet: %s", rows[i].packet);
	lab_send(proof->lab, packets, ARRAY_LENGTH(rows));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		bool passes = (rows[i].passes & bit) != 0;
		tap_ok(packets[i].arrived == passes, "%s: %s %s", name, rows[i].packet, passes ? "passes" : "is dropped");
	}
}

static void questions_send(struct proof *proof, unsigned bit, const char *name)
{
	struct lab_packet asks[ARRAY_LENGTH(questions)] = {0}, answers[ARRAY_LENGTH(questions)] = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(questions); i++) {
		packet_of(questions[i].question, &proof->host, &asks[i].packet);
		answers[i].packet = wire_answer(&asks[i].packet);
	}
	lab_send(proof->lab, asks, ARRAY_LENGTH(questions));
	lab_send(proof->lab, answers, ARRAY_LENGTH(questions));
	for (size_t i = 0; i < ARRAY_LENGTH(questions); i++) {
		bool passes = (questions[i].passes & bit) != 0;
		/* In stateful mode the host may send anything, an answer that nobody let in too. */
		bool answer = passes || (bit == STATEFUL && answers[i].packet.direction == DIRECTION_OUT);
		tap_ok(asks[i].arrived == passes && answers[i].arrived == answer, "%s: %s and its answer %s", name, questions[i].question,
		       passes ? "pass" : "do not pass");
	}
}

/* --- What was counted --- */

struct tally {
	struct bootdrop drops[8192];
	size_t count;
	uint64_t packets;
};

static int drop_take(const struct bootdrop *drop, void *context)
{
	struct tally *tally = context;
	if (tally->count < ARRAY_LENGTH(tally->drops))
		tally->drops[tally->count++] = *drop;
	tally->packets += drop->packets;
	return 0;
}

static struct tally *drops_read(struct proof *proof)
{
	struct tally *tally = memory_alloc(sizeof(*tally));
	struct diag diag;
	diag_init(&diag);
	lab_enter(proof->lab, LAB_SERVER);
	int error = bootdrop_read(&diag, drop_take, tally);
	lab_leave(proof->lab);
	tap_ok(error == 0, "the counted drops are read%s%s", error == 0 ? "" : ": ", diag.count > 0 ? diag.messages[0].text : "");
	diag_done(&diag);
	return tally;
}

static uint64_t counted(const struct tally *tally, const char *source, uint8_t protocol, uint16_t port)
{
	for (size_t i = 0; i < tally->count; i++) {
		char text[IP_TEXT];
		ip_print(&tally->drops[i].src, text);
		if (tally->drops[i].protocol == protocol && tally->drops[i].dstport == port && strcmp(text, source) == 0)
			return tally->drops[i].packets;
	}
	return 0;
}

static void drops_check(struct proof *proof)
{
	static const char *const texts[] = {
		"in tcp 203.0.113.9:51000 > 192.0.2.10:80", "in tcp 203.0.113.9:51001 > 192.0.2.10:80",
		"in udp 203.0.113.9:53 > 192.0.2.10:1434", "in 47 203.0.113.9 > 192.0.2.10",
		"in tcp [2001:db8:9::9]:51000 > [2001:db8::10]:80", "out tcp 192.0.2.10:51000 > 203.0.113.9:8080",
		"forward udp 203.0.113.9:51000 > 198.51.100.7:1434",
	};
	struct lab_packet packets[ARRAY_LENGTH(texts)] = {0};
	for (size_t i = 0; i < ARRAY_LENGTH(texts); i++)
		packet_of(texts[i], &proof->host, &packets[i].packet);
	if (!tap_ok(mode_load(proof, "block"), "block is loaded again"))
		return;
	lab_send(proof->lab, packets, ARRAY_LENGTH(texts));
	struct tally *tally = drops_read(proof);
	tap_ok(counted(tally, "203.0.113.9", 6, 80) == 2, "two packets to port 80 in one count: %llu",
	       (unsigned long long)counted(tally, "203.0.113.9", 6, 80));
	tap_ok(counted(tally, "203.0.113.9", 17, 1434) == 2, "UDP, in and through");
	tap_ok(counted(tally, "203.0.113.9", 47, 0) == 1, "a protocol without ports");
	tap_ok(counted(tally, "2001:db8:9::9", 6, 80) == 1, "IPv6");
	tap_ok(counted(tally, "192.0.2.10", 6, 8080) == 1, "what the host itself sent");
	tap_ok(tally->packets == ARRAY_LENGTH(texts), "and nothing else: %llu packets", (unsigned long long)tally->packets);
	free(tally);
}

/* More sources and ports than the sets hold: none is lost. */
static void overflow_check(struct proof *proof)
{
	enum { MORE = 4500, AT_ONCE = 500 };
	struct lab_packet *packets = memory_alloc(AT_ONCE * sizeof(*packets));
	if (!tap_ok(mode_load(proof, "block"), "block is loaded again"))
		return;
	for (unsigned first = 0; first < MORE; first += AT_ONCE) {
		memset(packets, 0, AT_ONCE * sizeof(*packets));
		for (unsigned i = 0; i < AT_ONCE; i++) {
			packet_of("in udp 203.0.113.9:53 > 192.0.2.10:1434", &proof->host, &packets[i].packet);
			packets[i].packet.dstport = (uint16_t)(10000 + first + i);
		}
		lab_send(proof->lab, packets, AT_ONCE);
	}
	free(packets);
	struct tally *tally = drops_read(proof);
	const struct bootdrop *last = tally->count > 0 ? &tally->drops[tally->count - 1] : NULL;
	tap_ok(tally->count > 3000 && tally->count < MORE, "%zu counted singly", tally->count);
	tap_ok(last != NULL && last->protocol == 0 && last->packets > 0, "the rest comes last, without a source: %llu",
	       last != NULL ? (unsigned long long)last->packets : 0);
	tap_ok(tally->packets == MORE, "together all of them: %llu of %d", (unsigned long long)tally->packets, (int)MORE);
	free(tally);
}

/* Start-up rules that give way to others under way (stale initial RAM disk): what was counted stays readable. */
static void replace_check(struct proof *proof)
{
	struct lab_packet packet = {0};
	packet_of("in tcp 203.0.113.9:51000 > 192.0.2.10:80", &proof->host, &packet.packet);
	if (!tap_ok(mode_load(proof, NULL), "the built-in set is loaded"))
		return;
	lab_send(proof->lab, &packet, 1);
	file_put(proof, "block");
	lab_enter(proof->lab, LAB_SERVER);
	int code = bootrun(proof->file, "cordon-boot", proof->record, NULL);
	lab_leave(proof->lab);
	tap_ok(code == EXIT_DONE, "and then the file's");
	lab_send(proof->lab, &packet, 1);
	struct tally *tally = drops_read(proof);
	tap_ok(!packet.arrived && tally->packets == 2 && counted(tally, "203.0.113.9", 6, 80) == 1, "both have counted: %llu",
	       (unsigned long long)tally->packets);
	free(tally);
}

int main(void)
{
	struct proof proof = {.lab = NULL};
	struct buffer why;
	struct diag diag;
	const char *folder = process_folder();
	buffer_init(&why, 4096);
	diag_init(&diag);
	host_init(&proof.host);
	if (folder == NULL || host_parse(facts_json, strlen(facts_json), "facts", &diag, &proof.host) < 0)
		return 1;
	proof.lab = lab_new(&proof.host, &why);
	if (proof.lab == NULL)
		tap_skip_all("%s", buffer_text(&why));
	snprintf(proof.file, sizeof(proof.file), "%s/boot", folder);
	snprintf(proof.record, sizeof(proof.record), "%s/driver", folder);
	proof.state = state_new();
	for (size_t i = 0; i < ARRAY_LENGTH(modes); i++) {
		const char *name = modes[i].name != NULL ? modes[i].name : "built-in";
		if (!tap_ok(mode_load(&proof, modes[i].name), "%s is loaded", name))
			continue;
		rows_send(&proof, modes[i].bit, name);
		lab_forget(proof.lab);
		questions_send(&proof, modes[i].bit, name);
	}
	drops_check(&proof);
	overflow_check(&proof);
	replace_check(&proof);
	tap_ok(lab_overflows(proof.lab) == 0, "no packet was seen by nobody");
	state_free(proof.state);
	lab_free(proof.lab);
	host_done(&proof.host);
	diag_done(&diag);
	buffer_done(&why);
	return tap_done();
}
