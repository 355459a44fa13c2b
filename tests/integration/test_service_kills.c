/* SIGKILLs of cordond's parent, collector or control child at random moments, also while it starts and while the store
 * changes, and packets come in without a pause.  Nothing that both policies forbid ever gets through and everything that
 * both permit does; where the parent has died the kernel has the old rules or the new ones, whole; no process is left over;
 * the next start brings what the store says, and cleans up; the log of drops has whole lines.  CORDON_LONG=1 for two
 * hundred. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/buffer.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/integration/traffic.h"
#include "tests/oracle/sample.h"
#include "tests/unit/daemon/drops_read.h"

enum {
	KILLS = 24, KILLS_LONG = 200,
	LONGEST = 20000,   /* ms, when it is not the long run */
	OFFERED = 5000,    /* packets a second */
	PATIENCE = 10000,  /* ms */
};

/* What each policy lets in of these is told by two bits. */
enum { IN_A = 1, IN_B = 2 };

static const struct {
	const char *packet;
	unsigned in;
} rows[] = {
	{"in udp 203.0.113.9:5000 > 192.0.2.10:9999", 0},
	{"in udp [2001:db8:9::9]:5001 > [2001:db8::10]:9999", 0},
	{"in tcp 203.0.113.9:53 > 192.0.2.10:22", 0},
	{"in udp 203.0.113.9:5003 > 192.0.2.10:1111", IN_A},
	{"in udp [2001:db8:9::9]:5004 > [2001:db8::10]:1111", IN_A},
	{"in udp 203.0.113.9:5005 > 192.0.2.10:2222", IN_B},
	{"in tcp 203.0.113.9:5006 > 192.0.2.10:80", IN_A | IN_B},
	{"in tcp [2001:db8:9::9]:5007 > [2001:db8::10]:80", IN_A | IN_B},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct buffer text;
static struct lab *lab;
static struct traffic *traffic;
static char scripts[2][128];

/* Their keys and shapes differ. */
static bool script_write(unsigned which)
{
	FILE *file = fopen(scripts[which], "we");
	char c = "AB"[which];
	if (file == NULL)
		return false;
	fprintf(file,
		"netsh ipsec static delete all\n"
		"netsh ipsec dynamic set config property=ipsecdiagnostics value=7\n"
		"netsh ipsec static add policy name=%c\n"
		"netsh ipsec static add filteraction name=permit action=permit\n"
		"netsh ipsec static add filteraction name=block action=block\n"
		"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
		"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=udp dstport=%s\n"
		"netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=me%s\n"
		"netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=me protocol=udp\n"
		"netsh ipsec static add rule name=open policy=%c filterlist=open filteraction=permit\n"
		"netsh ipsec static add rule name=shut policy=%c filterlist=shut filteraction=block\n"
		"netsh ipsec static set policy name=%c assign=yes\n",
		c, which == 0 ? "1111" : "2222", which == 0 ? "" : " protocol=tcp", c, c, c);
	return fclose(file) == 0;
}

/* Starts a change of the store, that goes on by itself. */
static pid_t change_start(unsigned which)
{
	const char *const words[] = {CORDON_BUILD "/apps/cordon", "netsh", "-f", scripts[which], NULL};
	return process_start(words, -1, -1);
}

static bool change_wait(pid_t pid)
{
	int status = 0;
	return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static pid_t start(void)
{
	lab_enter(lab, LAB_SERVER);
	pid_t pid = serve_start();
	lab_leave(lab);
	return pid;
}

/* The policy that packets tell: 0, 1, or -1 for anything else. */
static int found(bool say)
{
	struct tally before, after;
	if (!traffic_read(traffic, &before))
		return -1;
	traffic_burst(traffic, 3);
	if (!traffic_read(traffic, &after))
		return -1;
	struct tally since = tally_since(&before, &after);
	bool is[2] = {true, true};
	for (unsigned which = 0; which < 2; which++)
		for (size_t i = 0; i < ROWS; i++)
			is[which] = is[which] && ((rows[i].in & (IN_A << which)) != 0 ? since.seen[i] + since.lost >= since.sent[i]
										       : since.seen[i] == 0);
	for (size_t i = 0; i < ROWS && say && !is[0] && !is[1]; i++)
		tap_note("%s: %llu of %llu", rows[i].packet, (unsigned long long)since.seen[i], (unsigned long long)since.sent[i]);
	return is[0] ? 0 : is[1] ? 1 : -1;
}

struct proof {
	unsigned kills, killed[3], alive[3];
	unsigned mixed, absent, late, orphans, refused;
	unsigned seen[2];            /* which policy was found after a death */
	unsigned policy;             /* that the store has */
	pid_t parent;
	struct dice dice;
	struct tally before;
};

/* Who is to die; the parent when that child is not there. */
static pid_t victim(const struct proof *proof, unsigned who)
{
	static const char *const names[] = {NULL, "cordond-collect", "cordond-control"};
	pid_t pid = who > 0 ? serve_child(proof->parent, names[who]) : 0;
	return pid > 0 ? pid : proof->parent;
}

/* The end of what the service said. */
static void log_note(void)
{
	enum { LAST = 1000 };
	serve_read(serve_log(), &text);
	tap_note("%s", buffer_text(&text) + (text.length > LAST ? text.length - LAST : 0));
}

static bool policy_wait(const struct proof *proof)
{
	int now = -1;
	for (int64_t begin = tap_now(); now != (int)proof->policy && tap_now() - begin < PATIENCE; serve_pause(10))
		now = found(false);
	return now == (int)proof->policy;
}

/* The parent is dead: what the kernel has does not change now. */
static void death_judge(struct proof *proof)
{
	proof->orphans += !traffic_alone(traffic, PATIENCE);
	int now = found(true);
	if (now < 0)
		proof->mixed++;
	else
		proof->seen[now]++;
	traffic_go(traffic);
}

static void kill_make(struct proof *proof)
{
	unsigned who = dice_below(&proof->dice, 3);
	bool changes = dice_chance(&proof->dice, 50);
	pid_t change = changes ? change_start(!proof->policy) : -1;
	serve_pause((int)dice_below(&proof->dice, changes ? 200 : 80));
	pid_t pid = victim(proof, who);
	kill(pid, SIGKILL);
	proof->killed[pid == proof->parent ? 0 : who]++;
	if (changes) {
		proof->refused += !change_wait(change);
		proof->policy = !proof->policy;
	}
	if (pid == proof->parent) {
		waitpid(proof->parent, NULL, 0);
		death_judge(proof);
		proof->parent = start();
	}
	/* Otherwise it is often killed again while it starts. */
	if (!dice_chance(&proof->dice, 50))
		return;
	if (!serve_ready()) {
		proof->absent++;
		log_note();
	}
	proof->late += !policy_wait(proof);
	traffic_go(traffic);
}

static bool long_run(void)
{
	return getenv("CORDON_LONG") != NULL;
}

static void kills_make(struct proof *proof)
{
	unsigned most = long_run() ? KILLS_LONG : KILLS;
	int64_t begin = tap_now();
	traffic_go(traffic);
	for (; proof->kills < most && (long_run() || tap_now() - begin < LONGEST); proof->kills++)
		kill_make(proof);
	tap_note("%u kills in %lld ms: %u times the parent, %u the collector, %u the control child", proof->kills,
		 (long long)(tap_now() - begin), proof->killed[0], proof->killed[1], proof->killed[2]);
	tap_ok(proof->killed[0] > most / 12 && proof->killed[1] + proof->killed[2] > most / 12, "all of them were killed");
	tap_ok(proof->mixed == 0, "without it the kernel has the old rules or the new ones, whole (%u and %u times; %u times neither)",
	       proof->seen[0], proof->seen[1], proof->mixed);
	tap_ok(proof->orphans == 0, "no process outlives its parent");
	tap_ok(proof->absent == 0 && proof->late == 0, "it was there again each time that it was waited for, and so was what the store says");
	tap_ok(proof->refused == 0, "no change of the store was refused");
}

static void packets_judge(struct proof *proof)
{
	struct tally now;
	traffic_hold(traffic);
	if (!tap_ok(traffic_read(traffic, &now), "the counters are read"))
		return;
	struct tally since = tally_since(&proof->before, &now);
	for (size_t i = 0; i < ROWS; i++) {
		unsigned long long seen = since.seen[i], sent = since.sent[i];
		if (rows[i].in == 0)
			tap_ok(seen == 0 && sent > 0, "none of %s got through: %llu of %llu", rows[i].packet, seen, sent);
		else if (rows[i].in == (IN_A | IN_B))
			tap_ok(seen + since.lost >= sent && sent > 0, "every %s did: %llu of %llu", rows[i].packet, seen, sent);
	}
}

static void log_judge(void)
{
	struct drops drops;
	drops_read("/var/log/cordon", &drops);
	tap_ok(drops.trouble[0] == '\0' && drops.count > 0, "the log of drops has whole lines: %zu of %zu bytes, %zu remarks %s", drops.count,
	       drops.bytes, drops.remarks, drops.trouble);
	drops_done(&drops);
}

static void end_judge(struct proof *proof)
{
	tap_ok(serve_ready() && policy_wait(proof), "at the end what the store says is in force");
	tap_ok(serve_ask(&text) && strstr(buffer_text(&text), "\"state\":\"secure\"") != NULL, "and the driver is secure");
	/* One generation, that in force. */
	serve_pause(400);
	buffer_clear(&text);
	tap_ok(lab_nft(lab, LAB_SERVER, "list table inet cordon", &text), "the kernel's rules are read");
	unsigned inputs = 0;
	for (const char *at = buffer_text(&text); (at = strstr(at, "_input {")) != NULL; at++)
		inputs++;
	tap_ok(inputs == 1, "nothing that a killed one has left behind is there any more: %u generations", inputs);
	int status = serve_end(proof->parent, SIGTERM);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && traffic_alone(traffic, PATIENCE), "and all of it ends");
}

static bool packets_begin(const struct host *host)
{
	static struct lab_packet packets[ROWS];
	bool good = true;
	for (size_t i = 0; i < ROWS; i++)
		if (packet_parse(rows[i].packet, strlen(rows[i].packet), host, NULL, NULL, &packets[i].packet) < 0)
			abort();
	lab_send(lab, packets, ROWS);
	for (size_t i = 0; i < ROWS; i++)
		good = good && packets[i].arrived;
	traffic = traffic_new(lab, packets, ROWS, OFFERED);
	return tap_ok(good && traffic != NULL, "all get through without the service");
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct proof proof = {.kills = 0};
	struct host host;
	struct buffer why;
	serve_enter();
	buffer_init(&text, 1 << 20);
	buffer_init(&why, 4096);
	proof.dice = dice_new(tap_seed());
	for (unsigned i = 0; i < 2; i++)
		snprintf(scripts[i], sizeof(scripts[i]), "%s/%c.netsh", process_folder(), "AB"[i]);
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	bool good = packets_begin(&host) && script_write(0) && script_write(1) && change_wait(change_start(0));
	if (tap_ok(good, "a policy in the store")) {
		proof.parent = start();
		tap_ok(serve_ready() && policy_wait(&proof) && traffic_read(traffic, &proof.before), "the service runs");
		kills_make(&proof);
		end_judge(&proof);
		packets_judge(&proof);
		log_judge();
	}
	traffic_free(traffic);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	buffer_done(&text);
	return tap_done();
}
