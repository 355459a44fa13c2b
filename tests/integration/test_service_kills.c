/* Two hundred SIGKILLs of cordond's parent, collector or control child at random moments, while the store changes and
 * packets come in without a pause: what both policies forbid never gets through, what both permit does, and the service
 * is there again each time. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/attr.h"
#include "core/base/buffer.h"
#include "tests/integration/lab.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/oracle/sample.h"

enum { KILLS = 200, LONGEST = 240000 /* ms */, CHANGE_EVERY = 8 };

static struct buffer text;
static struct lab *lab;

/* Both forbid UDP 9999 and permit TCP 80; their keys and shapes differ. */
static bool policy_set(bool b)
{
	char script[4096];
	snprintf(script, sizeof script,
		 "netsh ipsec static delete all\n"
		 "netsh ipsec static add policy name=%c\n"
		 "netsh ipsec static add filteraction name=permit action=permit\n"
		 "netsh ipsec static add filteraction name=block action=block\n"
		 "netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
		 "netsh ipsec static add filter filterlist=shut srcaddr=%s dstaddr=me%s\n"
		 "netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=me protocol=udp dstport=9999\n"
		 "netsh ipsec static add rule name=open policy=%c filterlist=open filteraction=permit\n"
		 "netsh ipsec static add rule name=shut policy=%c filterlist=shut filteraction=block\n"
		 "netsh ipsec static set policy name=%c assign=yes\n",
		 "AB"[b], b ? "203.0.113.0" : "any", b ? " srcmask=24 protocol=udp" : "", "AB"[b], "AB"[b], "AB"[b]);
	return serve_script(script);
}

static const char *const rows[] = {"in udp 203.0.113.9:5000 > 192.0.2.10:9999", "in udp [2001:db8:9::9]:5001 > [2001:db8::10]:9999",
				   "in tcp 203.0.113.9:5002 > 192.0.2.10:80"};
enum { ROWS = 3, FORBIDDEN = 2 };
static struct lab_packet packets[ROWS];

static bool counters_make(void)
{
	struct buffer rules;
	buffer_init(&rules, 4096);
	buffer_add_text(&rules, "flush chain inet probe seen\n");
	for (unsigned i = 0; i < ROWS; i++)
		buffer_printf(&rules, "add counter inet probe row%u\nadd rule inet probe seen th sport %u counter name row%u\n", i, 5000 + i, i);
	bool good = lab_nft(lab, LAB_SERVER, buffer_text(&rules), NULL);
	buffer_done(&rules);
	return good;
}

/* Packets of a row that got through until now; -1: not known. */
static long long counter(unsigned row)
{
	char name[64];
	snprintf(name, sizeof name, "list counter inet probe row%u", row);
	buffer_clear(&text);
	const char *at = lab_nft(lab, LAB_SERVER, name, &text) ? strstr(buffer_text(&text), "packets ") : NULL;
	return at != NULL ? strtoll(at + strlen("packets "), NULL, 10) : -1;
}

static pid_t start(void)
{
	lab_enter(lab, LAB_SERVER);
	pid_t pid = serve_start();
	lab_leave(lab);
	return pid;
}

struct tally {
	unsigned killed[3], started, changed, absent;
};

/* The end of what the service said. */
static void log_note(void)
{
	enum { LAST = 1000 };
	serve_read(serve_log(), &text);
	tap_note("%s", buffer_text(&text) + (text.length > LAST ? text.length - LAST : 0));
}

/* Who is to die; the parent when that child is not there. */
static pid_t victim(pid_t parent, unsigned who)
{
	static const char *const names[] = {NULL, "cordond-collect", "cordond-control"};
	pid_t pid = who > 0 ? serve_child(parent, names[who]) : 0;
	return pid > 0 ? pid : parent;
}

static void kills_make(struct dice *dice, pid_t *parent, struct tally *tally)
{
	int64_t begin = tap_now();
	for (unsigned i = 0; i < KILLS && tap_now() - begin < LONGEST; i++) {
		if (i % CHANGE_EVERY == 0)
			tally->changed += policy_set(i / CHANGE_EVERY % 2 == 1);
		serve_pause((int)dice_below(dice, 120));
		unsigned who = dice_below(dice, 3);
		pid_t pid = victim(*parent, who);
		kill(pid, SIGKILL);
		tally->killed[pid == *parent ? 0 : who]++;
		if (pid != *parent)
			continue;
		waitpid(*parent, NULL, 0);
		/* Its children, that end by themselves. */
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		*parent = start();
		tally->started++;
		/* Often killed again while it starts. */
		if (dice_chance(dice, 60) && !serve_ready()) {
			tally->absent++;
			log_note();
		}
	}
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct host host;
	struct buffer why;
	serve_enter();
	buffer_init(&text, 1 << 20);
	buffer_init(&why, 4096);
	struct dice dice = dice_new(tap_seed());
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	for (size_t i = 0; i < ROWS; i++)
		tap_ok(packet_parse(rows[i], strlen(rows[i]), &host, NULL, NULL, &packets[i].packet) == 0, "%s", rows[i]);
	tap_ok(policy_set(false), "a policy in the store");
	lab_send(lab, packets, ROWS);
	tap_ok(packets[0].arrived && packets[1].arrived && packets[2].arrived, "all get through without the service");
	pid_t parent = start();
	tap_ok(serve_ready() && counters_make(), "the service runs");
	struct tally tally = {{0}, 0, 0, 0};
	struct lab_flood flood;
	tap_ok(lab_flood_start(lab, packets, ROWS, &flood), "packets come in");
	int64_t begin = tap_now();
	kills_make(&dice, &parent, &tally);
	int64_t time = tap_now() - begin;
	lab_flood_stop(&flood);
	unsigned killed = tally.killed[0] + tally.killed[1] + tally.killed[2];
	tap_ok(killed == KILLS && tally.killed[0] > 20 && tally.killed[1] > 20 && tally.killed[2] > 20,
	       "%u killed in %lld ms: %u times the parent, %u the collector, %u the control child", killed, (long long)time, tally.killed[0],
	       tally.killed[1], tally.killed[2]);
	tap_ok(tally.absent == 0, "it was there again each time it was waited for");
	tap_ok(tally.changed == KILLS / CHANGE_EVERY, "%u changes of the store", tally.changed);
	for (unsigned i = 0; i < ROWS; i++) {
		long long seen = counter(i), sent = (long long)*flood.sent;
		tap_ok(i < FORBIDDEN ? seen == 0 : seen > sent / 2, "%s: %lld of %lld got through", rows[i], seen, sent);
	}
	tap_ok(serve_ready() && serve_ask(&text) && strstr(buffer_text(&text), "\"state\":\"secure\"") != NULL, "at the end the driver is secure");
	int status = serve_end(parent, SIGTERM);
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && serve_orphans(8000) == 0, "and all of it ends");
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	buffer_done(&text);
	return tap_done();
}
