/* The machine changes under traffic while cordond runs: an address comes and goes, the interface gets another name, the
 * default route another gateway, somebody takes the rules away.  What the policy forbids never gets through, but for the
 * time that the last of these opens, which is measured; what it permits to `me`, which is not expanded, is never lost.
 * CORDON_LONG=1 for two hundred of each. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/target/nftables.h"
#include "core/base/attr.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/integration/traffic.h"

enum {
	TIMES = 5, TIMES_LONG = 200,
	OFFERED = 20000,   /* packets a second */
	REPAIR = 100,      /* ms, the median */
	PATIENCE = 5000,   /* ms */
	/* Packets on the way through rules whose maps somebody empties fall through to what blocks: that is his doing. */
	UNDER_WAY = 2,
};

enum row_is { FORBIDDEN, PERMITTED, COMES /* permitted; sent only while its address is there */ };

static const struct {
	const char *packet;
	enum row_is is;
} rows[] = {
	{"in udp 203.0.113.9:5000 > 192.0.2.10:9999", FORBIDDEN},
	{"in udp [2001:db8:9::9]:5001 > [2001:db8::10]:9999", FORBIDDEN},
	{"in udp 203.0.113.9:5002 > 192.0.2.11:9999", FORBIDDEN}, /* its address is there and gone */
	{"in udp [2001:db8:9::9]:5003 > [2001:db8::11]:9999", FORBIDDEN},
	{"out udp 192.0.2.10:5004 > 203.0.113.9:9997", FORBIDDEN},
	{"in tcp 203.0.113.9:5005 > 192.0.2.10:80", PERMITTED},
	{"in tcp [2001:db8:9::9]:5006 > [2001:db8::10]:80", PERMITTED},
	{"out tcp 192.0.2.10:80 > 203.0.113.9:5007", PERMITTED},
	{"in tcp 203.0.113.9:5008 > 192.0.2.11:80", COMES},
	{"in tcp [2001:db8:9::9]:5009 > [2001:db8::11]:80", COMES},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const char policy[] =
	"netsh ipsec static add policy name=web\n"
	"netsh ipsec static add filteraction name=permit action=permit\n"
	"netsh ipsec static add filteraction name=block action=block\n"
	"netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
	"netsh ipsec static add filter filterlist=open srcaddr=me dstaddr=dns protocol=udp dstport=53\n"
	"netsh ipsec static add filter filterlist=open srcaddr=me dstaddr=gateway protocol=icmp\n"
	"netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=any\n"
	"netsh ipsec static add rule name=open policy=web filterlist=open filteraction=permit\n"
	"netsh ipsec static add rule name=shut policy=web filterlist=shut filteraction=block\n"
	"netsh ipsec static set policy name=web assign=yes\n";

static struct lab *lab;
static struct traffic *traffic;
static struct buffer text;

static unsigned rows_of(bool with_those_that_come)
{
	unsigned bits = 0;
	for (unsigned i = 0; i < ROWS; i++)
		bits |= with_those_that_come || rows[i].is != COMES ? 1u << i : 0;
	return bits;
}

/* --- Changes --- */

static bool ip(const char *words)
{
	char copy[256];
	const char *list[24] = {"/usr/sbin/ip"};
	size_t count = 1;
	snprintf(copy, sizeof(copy), "%s", words);
	for (char *word = copy; word != NULL && count + 1 < ARRAY_LENGTH(list); count++) {
		char *end = strchr(word, ' ');
		if (end != NULL)
			*end++ = '\0';
		list[count] = word;
		word = end;
	}
	buffer_clear(&text);
	lab_enter(lab, LAB_SERVER);
	int code = process_run(list, &text, &text);
	lab_leave(lab);
	if (code != 0)
		tap_note("ip %s: %s", words, buffer_text(&text));
	return code == 0;
}

static uint64_t generation(void)
{
	struct nftables_status status = {.present = false};
	lab_enter(lab, LAB_SERVER);
	uint64_t number = nftables_status_read(NULL, &status) == 0 && status.present ? status.generation : 0;
	nftables_status_done(&status);
	lab_leave(lab);
	return number;
}

static bool follows(uint64_t before)
{
	for (int64_t begin = tap_now(); tap_now() - begin < PATIENCE; serve_pause(5)) {
		uint64_t now = generation();
		if (now != 0 && now != before)
			return true;
	}
	return false;
}

/* The kernel makes an address of IPv6 its own a little later than it says so: a worker of its own does it. */
static bool address_there(void)
{
	for (int64_t begin = tap_now(); tap_now() - begin < PATIENCE; serve_pause(1))
		if (ip("-6 route show table local 2001:db8::11") && strstr(buffer_text(&text), "local 2001:db8::11") != NULL)
			return true;
	return false;
}

/* The address comes; from the moment on that it is there what is permitted to `me` gets through to it. */
static bool address_change(unsigned round)
{
	(void)round;
	bool good = ip("addr add 192.0.2.11/24 dev wire0 noprefixroute") && ip("addr add 2001:db8::11/64 dev wire0 nodad noprefixroute") &&
		    address_there();
	traffic_choose(traffic, rows_of(true));
	serve_pause(40);
	/* None of them may be under way when the address goes. */
	traffic_hold(traffic);
	traffic_choose(traffic, rows_of(false));
	traffic_go(traffic);
	serve_pause(10);
	return good && ip("addr del 192.0.2.11/24 dev wire0") && ip("addr del 2001:db8::11/64 dev wire0");
}

static bool name_change(unsigned round)
{
	(void)round;
	bool good = ip("link set wire0 name outside0");
	serve_pause(80);
	return ip("link set outside0 name wire0") && good;
}

static bool route_change(unsigned round)
{
	uint64_t before = generation();
	bool good = ip(round % 2 == 0 ? "route replace default via 198.18.255.3 dev wire0 onlink"
				      : "route replace default via 198.18.255.1 dev wire0 onlink");
	/* The filter of the gateway is another one. */
	return good && follows(before);
}

static bool server_write(unsigned number)
{
	FILE *file = fopen("/etc/resolv.conf.new", "we");
	bool good = file != NULL && fprintf(file, "nameserver 198.51.100.%u\n", number) > 0;
	return file != NULL && fclose(file) == 0 && good && rename("/etc/resolv.conf.new", "/etc/resolv.conf") == 0;
}

static bool server_change(unsigned round)
{
	uint64_t before = generation();
	return server_write(round % 200 + 1) && follows(before);
}

/* --- Judging --- */

static void rows_note(const struct tally *since)
{
	for (size_t i = 0; i < ROWS; i++)
		tap_note("%s: %llu of %llu", rows[i].packet, (unsigned long long)since->seen[i], (unsigned long long)since->sent[i]);
	tap_note("%llu were lost on the wire", (unsigned long long)since->lost);
}

static void rows_count(const struct tally *since, unsigned *ret_leaks, unsigned *ret_losses)
{
	*ret_leaks = *ret_losses = 0;
	for (size_t i = 0; i < ROWS; i++) {
		*ret_leaks += rows[i].is == FORBIDDEN && since->seen[i] > 0;
		*ret_losses += rows[i].is != FORBIDDEN && since->seen[i] + since->lost < since->sent[i];
	}
}

static unsigned times(void)
{
	return getenv("CORDON_LONG") != NULL ? TIMES_LONG : TIMES;
}

static void change_test(const char *what, bool (*change)(unsigned round))
{
	struct tally before, after;
	unsigned made = 0, leaks = 0, losses = 0;
	bool known = traffic_read(traffic, &before);
	traffic_choose(traffic, rows_of(false));
	traffic_go(traffic);
	for (unsigned i = 0; i < times(); i++)
		made += change(i);
	serve_pause(150);
	traffic_hold(traffic);
	known = traffic_read(traffic, &after) && known;
	struct tally since = tally_since(&before, &after);
	rows_count(&since, &leaks, &losses);
	if (!tap_ok(known && made == times(), "%s: %u times", what, made) || leaks > 0 || losses > 0)
		rows_note(&since);
	tap_ok(leaks == 0 && since.sent[0] > 0, "%s: none of %llu of each kind that is forbidden got through", what,
	       (unsigned long long)since.sent[0]);
	tap_ok(losses == 0, "%s: and every one that is permitted", what);
}

/* --- Tampering --- */

static int number_compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

/* How many ms worth of a forbidden packet got through; -1: it could not be done. */
static double tamper(const char *commands, bool *ret_lost)
{
	struct tally before, after, later;
	unsigned leaks = 0, losses = 0;
	if (!traffic_read(traffic, &before))
		return -1;
	int64_t begin = tap_now();
	traffic_go(traffic);
	serve_pause(20);
	bool good = lab_nft(lab, LAB_SERVER, commands, NULL);
	/* Until it is right again for longer than it may be wrong. */
	struct tally now = before, last;
	do {
		last = now;
		serve_pause(2 * REPAIR);
		good = traffic_read(traffic, &now) && good;
	} while (good && now.seen[0] != last.seen[0] && tap_now() - begin < PATIENCE);
	traffic_hold(traffic);
	double time = (double)(tap_now() - begin);
	good = traffic_read(traffic, &after) && good;
	/* And then it is right: not one more. */
	traffic_go(traffic);
	serve_pause(50);
	traffic_hold(traffic);
	good = traffic_read(traffic, &later) && good;
	struct tally since = tally_since(&after, &later), opened = tally_since(&before, &after);
	rows_count(&since, &leaks, &losses);
	if (leaks > 0)
		rows_note(&since);
	for (size_t i = 0; i < ROWS; i++)
		*ret_lost = *ret_lost || (rows[i].is == PERMITTED && opened.seen[i] + opened.lost + UNDER_WAY < opened.sent[i]);
	if (*ret_lost)
		rows_note(&opened);
	return good && leaks == 0 && opened.sent[0] > 0 ? time * (double)opened.seen[0] / (double)opened.sent[0] : -1;
}

static void tamper_test(const char *what, const char *pattern)
{
	double windows[TIMES_LONG];
	unsigned lost = 0, count = times();
	for (unsigned i = 0; i < count; i++) {
		char commands[256];
		bool lost_now = false;
		int split = (int)strcspn(pattern, "@"); /* stands for the generation's number */
		snprintf(commands, sizeof(commands), "%.*s", split, pattern);
		if (pattern[split] == '@')
			snprintf(commands, sizeof(commands), "%.*s%llu%s", split, pattern, (unsigned long long)generation(), pattern + split + 1);
		windows[i] = tamper(commands, &lost_now);
		lost += lost_now;
	}
	qsort(windows, count, sizeof(windows[0]), number_compare);
	tap_ok(windows[0] >= 0 && windows[count / 2] < REPAIR,
	       "%s: what is forbidden gets through for %.1f ms (median), at most %.1f ms; then not one", what, windows[count / 2],
	       windows[count - 1]);
	/* While the rules are being deleted the kernel itself may lose a packet or two. */
	tap_ok(2 * lost <= count, "%s: what is permitted is lost at most while somebody deletes (%u of %u times)", what, (unsigned)lost,
	       (unsigned)count);
}

static bool traffic_begin(const struct host *host)
{
	static struct lab_packet packets[ROWS];
	for (size_t i = 0; i < ROWS; i++)
		if (packet_parse(rows[i].packet, strlen(rows[i].packet), host, NULL, NULL, &packets[i].packet) < 0)
			abort();
	lab_send(lab, packets, ROWS);
	for (size_t i = 0; i < ROWS; i++) {
		bool there = strstr(rows[i].packet, "2.11:") == NULL && strstr(rows[i].packet, "8::11]") == NULL;
		if (there)
			tap_ok(packets[i].arrived, "%s gets through where there are no rules", rows[i].packet);
	}
	traffic = traffic_new(lab, packets, ROWS, OFFERED);
	return tap_ok(traffic != NULL, "traffic");
}

static void tests_run(void)
{
	change_test("an address comes and goes", address_change);
	change_test("the interface gets another name", name_change);
	change_test("the default route has another gateway", route_change);
	change_test("another name server", server_change);
	tamper_test("the table is deleted", "delete table inet cordon");
	tamper_test("the base chain is emptied", "flush chain inet cordon input");
	tamper_test("a rule before ours accepts", "insert rule inet cordon input accept");
	tamper_test("the rules of a generation are emptied", "flush chain inet cordon g@_input");
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct host host;
	struct buffer why;
	serve_enter();
	buffer_init(&text, 1 << 20);
	buffer_init(&why, 4096);
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip_all("no lab: %s", buffer_text(&why));
	bool good = traffic_begin(&host) && tap_ok(serve_script(policy), "a policy in the store");
	/* Out by either gateway, and no neighbour is asked for. */
	good = good && ip("neigh add 198.18.255.3 lladdr 02:00:00:00:01:01 nud permanent dev wire0") && server_write(250);
	lab_enter(lab, LAB_SERVER);
	pid_t service = good ? serve_start() : -1;
	lab_leave(lab);
	if (tap_ok(good && serve_ready() && generation() != 0, "cordond runs, and the policy is in force"))
		tests_run();
	int status = service > 0 ? serve_end(service, SIGTERM) : -1;
	tap_ok(WIFEXITED(status) && WEXITSTATUS(status) == 0 && traffic_alone(traffic, PATIENCE), "cordond lives to its end");
	traffic_free(traffic);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	buffer_done(&text);
	return tap_done();
}
