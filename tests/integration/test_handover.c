/* From start-up rules to operational ones under a flood: what cordon-boot has loaded gives way to what `cordon apply` or
 * cordond puts in force, block and stateful in turn.  Nothing that both forbid gets through, everything that both permit
 * does, and every packet that was dropped is either in the records of the start-up rules (x-mode=boot) or in the counters
 * of the operational ones: handed over exactly once.  CORDON_LONG=1 for a thousand. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/bootrun.h"
#include "bootcfg/driver/driver.h"
#include "bootcfg/target/nftables.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/integration/traffic.h"
#include "tests/oracle/sample.h"
#include "tests/unit/daemon/drops_read.h"

enum {
	ROUNDS = 30, ROUNDS_LEAST = 8, ROUNDS_LONG = 1000,
	SHORT = 20000,     /* ms, when it is not the long run */
	OFFERED = 60000,   /* packets a second */
	ASKED = 50000,     /* that must have been offered in the long run */
	PATIENCE = 10000,  /* ms */
};

static const char boot_path[] = "/etc/cordon/boot";
static const char drops_folder[] = "/var/log/cordon";

enum verdict_of { FORBIDDEN, PERMITTED, CHANGES /* stateful start-up rules permit it, the policy does not */ };

static const struct {
	const char *packet;
	enum verdict_of is;
} rows[] = {
	{"in udp 203.0.113.9:5000 > 192.0.2.10:9999", FORBIDDEN},
	{"in udp [2001:db8:9::9]:5001 > [2001:db8::10]:9999", FORBIDDEN},
	{"in frag udp 203.0.113.9:5002 > 192.0.2.10:9999", FORBIDDEN},
	{"in tcp 203.0.113.9:53 > 192.0.2.10:22", FORBIDDEN},
	{"in tcp [2001:db8:9::9]:80 > [2001:db8::10]:445", FORBIDDEN},
	{"in tcp 203.0.113.9:5005 > 192.0.2.10:3389", PERMITTED},
	{"in tcp [2001:db8:9::9]:5006 > [2001:db8::10]:3389", PERMITTED},
	{"in frag tcp 203.0.113.9:5007 > 192.0.2.10:3389", PERMITTED},
	{"in udp 203.0.113.9:514 > 192.0.2.10:40000", PERMITTED}, /* answers */
	{"in udp 203.0.113.1:67 > 192.0.2.10:68", PERMITTED},
	{"out udp 192.0.2.10:40000 > 203.0.113.9:514", PERMITTED},
	{"out udp 192.0.2.10:40001 > 203.0.113.9:9998", CHANGES},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]), ANSWERED = 10 /* the row that the answers answer */ };

static const char exemptions[] = "TCP:0:3389:inbound UDP:0:514:outbound";
static const char policy[] =
	"netsh ipsec static add policy name=lock\n"
	"netsh ipsec static add filteraction name=permit action=permit\n"
	"netsh ipsec static add filteraction name=block action=block\n"
	"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=3389\n"
	"netsh ipsec static add filter filterlist=open srcaddr=me dstaddr=any protocol=udp dstport=514\n"
	"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=udp srcport=67 dstport=68\n"
	"netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=any\n"
	"netsh ipsec static add rule name=open policy=lock filterlist=open filteraction=permit\n"
	"netsh ipsec static add rule name=shut policy=lock filterlist=shut filteraction=block\n"
	"netsh ipsec static set policy name=lock assign=yes\n";

struct proof {
	struct lab *lab;
	struct host host;
	struct lab_packet packets[ROWS];
	struct traffic *traffic;
	struct dice dice;
	struct buffer text;
	struct buffer files[2];      /* of the boot modes */
	char digest[65];             /* of the policy */
	/* What was found. */
	unsigned rounds, failed, applied, served;
	unsigned leaks, losses, wrong_counts, untouched;
	uint64_t passed[ROWS], sent[ROWS], boot_drops, drops;
	struct tally tally;
};

static const enum bootmode modes[2] = {BOOTMODE_BLOCK, BOOTMODE_STATEFUL};

/* --- Start-up rules --- */

static bool bootfile_fill(struct proof *proof, unsigned which)
{
	struct bootfile_head head;
	struct buffer messages;
	struct diag diag;
	struct state *state = state_new();
	const char *mode = modes[which] == BOOTMODE_BLOCK ? "block" : "stateful";
	diag_init(&diag);
	buffer_init(&messages, BOOTFILE_MOST);
	buffer_init(&proof->files[which], BOOTFILE_MOST);
	config_set(&state->config, PROPERTY_BOOTMODE, mode, strlen(mode), &diag, NULL);
	config_set(&state->config, PROPERTY_BOOTEXEMPTIONS, exemptions, strlen(exemptions), &diag, NULL);
	int error = bootfile_compile(state, true, 1, &diag, &head, &messages);
	if (error == 0)
		bootfile_print(&head, &messages, &proof->files[which]);
	for (size_t i = 0; i < diag.count; i++)
		tap_note("%s", diag.messages[i].text);
	buffer_done(&messages);
	diag_done(&diag);
	state_free(state);
	return error == 0;
}

static void file_remove(const char *path)
{
	(void)unlink(path);
}

/* As at power-on: nothing of before is there but the store. */
static bool boot(struct proof *proof, unsigned which)
{
	static const char *const left[] = {DRIVER_FILE, DRIVER_FILE ".settings", "/var/log/cordon/drops.log", boot_path};
	struct diag diag;
	for (size_t i = 0; i < ARRAY_LENGTH(left); i++)
		file_remove(left[i]);
	mkdir("/etc/cordon", 0755);
	int fd = open(boot_path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	const struct buffer *file = &proof->files[which];
	bool good = fd >= 0 && write(fd, file->data, file->length) == (ssize_t)file->length;
	if (fd >= 0)
		close(fd);
	diag_init(&diag);
	lab_enter(proof->lab, LAB_SERVER);
	good = good && nftables_lift(&diag) == 0 && bootrun(boot_path, "cordon-boot", DRIVER_FILE, &diag) == EXIT_DONE;
	lab_leave(proof->lab);
	for (size_t i = 0; i < diag.count && !good; i++)
		tap_note("boot: %s", diag.messages[i].text);
	diag_done(&diag);
	/* What begins the conversation whose answers come all the time. */
	traffic_choose(proof->traffic, 1u << ANSWERED);
	traffic_burst(proof->traffic, 1);
	traffic_choose(proof->traffic, ~0u);
	return good;
}

/* --- Hand-over --- */

/* Whether the policy is in force, and nothing of the start-up rules is left. */
static bool handed_over(struct proof *proof)
{
	struct nftables_status status = {.present = false};
	bool good = nftables_status_read(NULL, &status) == 0 && status.present && status.mode == MODE_SECURE &&
		    strcmp(status.digest, proof->digest) == 0;
	nftables_status_done(&status);
	if (!good)
		return false;
	buffer_clear(&proof->text);
	return lab_nft(proof->lab, LAB_SERVER, "list sets table inet cordon", &proof->text) &&
	       strstr(buffer_text(&proof->text), "drops") == NULL;
}

static bool hand_apply(struct proof *proof)
{
	buffer_clear(&proof->text);
	bool good = serve_cordon((const char *const[]){"apply", "--force", NULL}, &proof->text) == EXIT_DONE;
	if (!good)
		tap_note("apply: %s", buffer_text(&proof->text));
	proof->applied++;
	return good;
}

static void log_note(struct proof *proof, bool handed, bool alone, int status)
{
	enum { LAST = 1500 };
	serve_read(serve_log(), &proof->text);
	tap_note("cordond: %s, %s, status %d: %s", handed ? "handed over" : "did not take over", alone ? "all have ended" : "some live on",
		 status, buffer_text(&proof->text) + (proof->text.length > LAST ? proof->text.length - LAST : 0));
}

static bool hand_serve(struct proof *proof)
{
	pid_t pid = serve_start();
	bool good = false;
	for (int64_t begin = tap_now(); pid > 0 && !good && tap_now() - begin < PATIENCE; serve_pause(5)) {
		lab_enter(proof->lab, LAB_SERVER);
		good = handed_over(proof);
		lab_enter(proof->lab, LAB_SERVER); /* lab_nft leaves it */
	}
	int status = serve_end(pid, SIGTERM);
	bool alone = traffic_alone(proof->traffic, PATIENCE), well = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	proof->served++;
	if (!good || !alone || !well)
		log_note(proof, good, alone, status);
	return good && alone && well;
}

/* --- Judging --- */

/* What the rules in force have dropped since they are. */
static uint64_t dropped_now(struct proof *proof)
{
	struct nftables_status status = {.present = false};
	uint64_t packets = 0;
	lab_enter(proof->lab, LAB_SERVER);
	if (nftables_status_read(NULL, &status) == 0)
		for (size_t i = 0; i < status.hit_count; i++)
			packets += strcmp(status.hits[i].action, "block") == 0 ? status.hits[i].packets : 0;
	nftables_status_done(&status);
	lab_leave(proof->lab);
	return packets;
}

static uint64_t dropped_boot(void)
{
	struct drops drops;
	drops_read(drops_folder, &drops);
	if (drops.trouble[0] != '\0')
		tap_note("the log: %s", drops.trouble);
	uint64_t packets = drops_sum(&drops, "x-mode", "boot");
	drops_done(&drops);
	return packets;
}

static void round_judge(struct proof *proof, unsigned which, const struct tally *now, const char *by)
{
	struct tally since = tally_since(&proof->tally, now);
	uint64_t sent = 0, seen = 0, boot_drops = dropped_boot(), drops = dropped_now(proof);
	for (size_t i = 0; i < ROWS; i++) {
		bool leaks = since.seen[i] > 0 && (rows[i].is == FORBIDDEN || (rows[i].is == CHANGES && modes[which] == BOOTMODE_BLOCK));
		bool lost = rows[i].is == PERMITTED && since.seen[i] + since.lost < since.sent[i];
		sent += since.sent[i];
		seen += since.seen[i];
		proof->sent[i] += since.sent[i];
		proof->passed[i] += since.seen[i];
		proof->leaks += leaks;
		proof->losses += lost;
		if (leaks || lost)
			tap_note("round %u by %s: %llu of %llu of %s got through, %llu lost on the wire", proof->rounds, by,
				 (unsigned long long)since.seen[i], (unsigned long long)since.sent[i], rows[i].packet,
				 (unsigned long long)since.lost);
	}
	/* A fragment that is lost on the wire takes its packet along. */
	uint64_t known = seen + boot_drops + drops;
	bool wrong = known > sent || known + since.lost < sent;
	if (wrong)
		tap_note("round %u by %s: %llu sent, %llu got through, %llu dropped at start-up, %llu since, %llu lost on the wire",
			 proof->rounds, by, (unsigned long long)sent, (unsigned long long)seen, (unsigned long long)boot_drops,
			 (unsigned long long)drops, (unsigned long long)since.lost);
	proof->wrong_counts += wrong;
	proof->untouched += boot_drops == 0 || drops == 0;
	proof->boot_drops += boot_drops;
	proof->drops += drops;
}

static void round_make(struct proof *proof)
{
	unsigned which = proof->rounds % 2;
	bool by_hand = proof->rounds / 2 % 2 == 0;
	struct tally now;
	if (!boot(proof, which) || !traffic_read(proof->traffic, &proof->tally)) {
		proof->failed++;
		return;
	}
	traffic_go(proof->traffic);
	traffic_wait(proof->traffic, 5);
	serve_pause((int)dice_below(&proof->dice, 20));
	lab_enter(proof->lab, LAB_SERVER);
	bool good = by_hand ? hand_apply(proof) : hand_serve(proof);
	lab_leave(proof->lab);
	traffic_wait(proof->traffic, 5);
	traffic_hold(proof->traffic);
	good = traffic_read(proof->traffic, &now) && good;
	proof->failed += !good;
	round_judge(proof, which, &now, by_hand ? "cordon apply" : "cordond");
}

/* cordond is killed right after the change of rules, before it has told of what the start-up rules counted. */
static void killed_make(struct proof *proof)
{
	struct nftables_status status = {.present = false};
	bool flipped = false;
	lab_enter(proof->lab, LAB_SERVER);
	pid_t pid = serve_start();
	for (int64_t begin = tap_now(); pid > 0 && !flipped && tap_now() - begin < PATIENCE; serve_pause(1)) {
		flipped = nftables_status_read(NULL, &status) == 0 && status.mode == MODE_SECURE;
		nftables_status_done(&status);
	}
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	(void)traffic_alone(proof->traffic, PATIENCE);
	flipped = flipped && lab_nft(proof->lab, LAB_SERVER, "list sets table inet cordon", &proof->text);
	lab_enter(proof->lab, LAB_SERVER);
	bool left = strstr(buffer_text(&proof->text), "drops") != NULL;
	if (!left)
		tap_note("it was killed too late: that counts for nothing");
	tap_ok(flipped && hand_serve(proof), "cordond, killed right after the hand-over, and the next one");
	lab_leave(proof->lab);
}

static void killed_test(struct proof *proof)
{
	struct tally now;
	unsigned before = proof->wrong_counts;
	buffer_clear(&proof->text);
	if (!tap_ok(boot(proof, 0) && traffic_read(proof->traffic, &proof->tally), "start-up rules once more"))
		return;
	traffic_go(proof->traffic);
	serve_pause(10);
	killed_make(proof);
	traffic_hold(proof->traffic);
	tap_ok(traffic_read(proof->traffic, &now), "the counters are read");
	round_judge(proof, 0, &now, "two cordonds, the first killed");
	tap_ok(proof->wrong_counts == before && proof->leaks == 0, "what the start-up rules counted is told once all the same");
}

/* --- The whole --- */

static bool long_run(void)
{
	return getenv("CORDON_LONG") != NULL;
}

static void results_say(struct proof *proof, int64_t time)
{
	static const char *const words[] = {[FORBIDDEN] = "is dropped", [PERMITTED] = "gets through", [CHANGES] = "changes its verdict"};
	double rate = traffic_rate(proof->traffic);
	tap_note("%u rounds in %lld ms; %.0f packets a second were offered", proof->rounds, (long long)time, rate);
	for (size_t i = 0; i < ROWS; i++)
		tap_note("%s %s: %llu of %llu", rows[i].packet, words[rows[i].is], (unsigned long long)proof->passed[i],
			 (unsigned long long)proof->sent[i]);
	tap_ok(proof->rounds >= (long_run() ? ROUNDS_LONG : ROUNDS_LEAST) && proof->failed == 0,
	       "%u hand-overs, %u by cordon apply, %u by cordond; %u failed", proof->rounds, proof->applied, proof->served, proof->failed);
	tap_ok(proof->untouched == 0, "packets came under the rules of both, each time");
	tap_ok(proof->leaks == 0, "nothing that both forbid got through");
	tap_ok(proof->losses == 0, "everything that both permit did");
	tap_ok(proof->wrong_counts == 0, "every drop is told exactly once: %llu by the start-up rules, %llu by the policy",
	       (unsigned long long)proof->boot_drops, (unsigned long long)proof->drops);
	/* A machine that runs other tests beside may not have that much to give. */
	if (long_run())
		tap_ok(rate >= ASKED, "%d packets a second were offered: %.0f", ASKED, rate);
}

static bool proof_begin(struct proof *proof, struct buffer *why)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	buffer_init(&proof->text, 1 << 24);
	host_init(&proof->host);
	proof->dice = dice_new(tap_seed());
	if (host_parse(facts, strlen(facts), "facts", NULL, &proof->host) < 0)
		abort();
	proof->lab = lab_new(&proof->host, why);
	if (proof->lab == NULL)
		return false;
	for (size_t i = 0; i < ROWS; i++)
		if (packet_parse(rows[i].packet, strlen(rows[i].packet), &proof->host, NULL, NULL, &proof->packets[i].packet) < 0)
			abort();
	lab_send(proof->lab, proof->packets, ROWS);
	for (size_t i = 0; i < ROWS; i++)
		tap_ok(proof->packets[i].arrived, "%s gets through where there are no rules", rows[i].packet);
	return true;
}

static bool digest_take(struct proof *proof)
{
	struct nftables_status status = {.present = false};
	lab_enter(proof->lab, LAB_SERVER);
	bool good = hand_apply(proof) && nftables_status_read(NULL, &status) == 0;
	memcpy(proof->digest, status.digest, sizeof(proof->digest));
	nftables_status_done(&status);
	lab_leave(proof->lab);
	proof->applied = 0;
	return good;
}

int main(void)
{
	struct proof proof = {.lab = NULL};
	struct buffer why;
	unsigned count = long_run() ? ROUNDS_LONG : ROUNDS;
	serve_enter();
	unsetenv("SSH_CONNECTION");
	buffer_init(&why, 4096);
	if (!proof_begin(&proof, &why))
		tap_skip_all("no lab: %s", buffer_text(&why));
	bool good = tap_ok(serve_script(policy) && digest_take(&proof), "a policy") &&
		    tap_ok(bootfile_fill(&proof, 0) && bootfile_fill(&proof, 1), "two boot files");
	proof.traffic = good ? traffic_new(proof.lab, proof.packets, ROWS, OFFERED) : NULL;
	if (tap_ok(proof.traffic != NULL, "a flood")) {
		int64_t begin = tap_now();
		bool more = true;
		for (; more && proof.failed < 3; proof.rounds++) {
			round_make(&proof);
			more = proof.rounds + 1 < count && (long_run() || proof.rounds + 1 < ROUNDS_LEAST || tap_now() - begin < SHORT);
		}
		results_say(&proof, tap_now() - begin);
		killed_test(&proof);
	}
	traffic_free(proof.traffic);
	lab_free(proof.lab);
	host_done(&proof.host);
	buffer_done(&proof.files[0]);
	buffer_done(&proof.files[1]);
	buffer_done(&proof.text);
	buffer_done(&why);
	return tap_done();
}
