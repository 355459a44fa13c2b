/* A thousand changes of ruleset under a flood of packets.  Two policies in turn, of quite different shapes, both
 * forbid X and both permit Y: no X may ever get through, and Y goes on.  Inbound, outbound and forwarded, both
 * families. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/target/nftables.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/integration/lab.h"
#include "tests/integration/tap.h"

enum { CHANGES = 1000, WORKERS = 4, LONGEST = 150000 /* ms */ };

/* Each has a port of its own, by which nft counts it where it has got through. */
static const struct {
	const char *packet;
	const char *port; /* as nft matches it */
	bool forbidden;
} rows[] = {
	{"in udp 203.0.113.9:5000 > 192.0.2.10:9999", "sport 5000", true},
	{"in udp 10.7.8.9:5001 > 192.0.2.10:9999", "sport 5001", true},
	{"in udp [2001:db8:9::9]:5002 > [2001:db8::10]:9999", "sport 5002", true},
	{"out udp 192.0.2.10:5003 > 203.0.113.9:9999", "sport 5003", true},
	{"out udp [2001:db8::10]:5004 > [2001:db8:9::9]:9999", "sport 5004", true},
	{"forward udp 203.0.113.9:5005 > 198.51.100.7:9999", "sport 5005", true},
	{"forward udp [2001:db8:9::9]:5006 > [2001:db8:8::7]:9999", "sport 5006", true},
	{"in frag udp 203.0.113.9:5007 > 192.0.2.10:9999", "sport 5007", true},
	{"out frag udp 192.0.2.10:5008 > 203.0.113.9:9999", "sport 5008", true},
	{"in tcp 203.0.113.9:5009 > 192.0.2.10:80", "sport 5009", false},
	{"in tcp [2001:db8:9::9]:5010 > [2001:db8::10]:80", "sport 5010", false},
	{"out tcp 192.0.2.10:80 > 203.0.113.9:5011", "dport 5011", false},
	{"forward tcp 203.0.113.9:5012 > 198.51.100.7:80", "sport 5012", false},
};
enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static struct filteraction *actions[2];
static struct policy *policy;

static void filter_add(struct state *state, struct filterlist *list, const char *src, const char *dst, uint8_t protocol,
		       uint16_t dstport)
{
	struct filter filter = {.protocol = protocol, .dstport = dstport, .mirrored = protocol == PROTOCOL_TCP, .description = ""};
	if (!address_parse(src, strlen(src), &filter.src) || !address_parse(dst, strlen(dst), &filter.dst))
		abort();
	filterlist_add(state, list, &filter);
}

static struct filterlist *list_add(struct state *state, const char *name, enum action action)
{
	struct filterlist *list = location_add_filterlist(state, &state->locations[LOCATION_LOCAL], name);
	policy_add_rule(state, policy, name, list, actions[action == ACTION_PERMIT]);
	return list;
}

static struct state *state_begin(const char *name)
{
	struct state *state = state_new();
	struct location *local = &state->locations[LOCATION_LOCAL];
	policy = location_add_policy(state, local, name);
	actions[0] = location_add_filteraction(state, local, "block");
	actions[0]->action = ACTION_BLOCK;
	actions[1] = location_add_filteraction(state, local, "permit");
	actions[1]->action = ACTION_PERMIT;
	location_assign(local, policy);
	return state;
}

/* A lock-down: all is blocked but TCP 80. */
static struct state *state_a(unsigned round)
{
	struct state *state = state_begin("A");
	filter_add(state, list_add(state, "everything", ACTION_BLOCK), "any", "any", 0, 0);
	struct filterlist *web = list_add(state, "web", ACTION_PERMIT);
	filter_add(state, web, "any", "any", PROTOCOL_TCP, 80);
	/* Keys that come and go, and that have the other action in B. */
	for (unsigned i = 0; i < 20 + round % 50; i++) {
		char text[64];
		snprintf(text, sizeof(text), "10.%u.%u.0/24", round % 200, i);
		filter_add(state, web, text, "me", PROTOCOL_UDP, (uint16_t)(2000 + i));
	}
	return state;
}

/* Single doors shut: by address, by prefix, by port; all else is open. */
static struct state *state_b(unsigned round)
{
	struct state *state = state_begin("B");
	struct filterlist *shut = list_add(state, "shut", ACTION_BLOCK);
	filter_add(state, shut, "any", "me", PROTOCOL_UDP, 9999);
	filter_add(state, shut, "me", "any", PROTOCOL_UDP, 9999);
	filter_add(state, shut, "203.0.113.0/24", "198.51.100.7", PROTOCOL_UDP, 9999);
	filter_add(state, shut, "2001:db8:9::/48", "any", PROTOCOL_UDP, 9999);
	filter_add(state, shut, "10.0.0.0/8", "me", 0, 0);
	filter_add(state, shut, "10.7.0.0/16", "me", PROTOCOL_UDP, 0);
	for (unsigned i = 0; i < 20 + round % 70; i++) {
		char text[64];
		snprintf(text, sizeof(text), "10.%u.%u.0/24", round % 200, i);
		filter_add(state, shut, text, "me", PROTOCOL_UDP, (uint16_t)(2000 + i));
	}
	struct filterlist *open = list_add(state, "open", ACTION_PERMIT);
	filter_add(state, open, "any", "any", PROTOCOL_TCP, 80);
	return state;
}

static bool change(struct lab *lab, const struct host *host, struct state *state, struct buffer *why)
{
	struct ruleset *ruleset = NULL;
	struct diag diag;
	diag_init(&diag);
	struct nftables_options options = {0};
	lab_enter(lab, LAB_SERVER);
	int error = ruleset_build(state, host, MODE_SECURE, NULL, &ruleset);
	if (error == 0)
		error = nftables_apply(ruleset, &options, &diag);
	lab_leave(lab);
	if (error != 0)
		diag_render(&diag, 0, 0, why);
	ruleset_free(ruleset);
	state_free(state);
	diag_done(&diag);
	return error == 0;
}

/* In each namespace a counter for each row, where packets have got through. */
static bool counters_make(struct lab *lab, struct buffer *why)
{
	static const char *const chains[LAB_SPACES] = {"mute arrivals", "probe seen", "mute arrivals"};
	static const char *const tables[LAB_SPACES] = {"mute", "probe", "mute"};
	bool good = true;
	for (unsigned space = 0; space < LAB_SPACES; space++) {
		struct buffer rules;
		buffer_init(&rules, 1 << 16);
		/* What is counted need not be logged. */
		if (space == LAB_SERVER)
			buffer_add_text(&rules, "flush chain inet probe seen\n");
		for (size_t i = 0; i < ROWS; i++)
			buffer_printf(&rules, "add counter inet %s row%zu\nadd rule inet %s th %s counter name row%zu\n",
				      tables[space], i, chains[space], rows[i].port, i);
		char *text = memory_text(buffer_text(&rules));
		good = good && lab_nft(lab, space, text, why);
		free(text);
		buffer_done(&rules);
	}
	return good;
}

/* How many of each row have got through until now, wherever. */
static bool counters_read(struct lab *lab, uint64_t seen[ROWS])
{
	memset(seen, 0, ROWS * sizeof(seen[0]));
	for (unsigned space = 0; space < LAB_SPACES; space++) {
		struct buffer text;
		buffer_init(&text, 1 << 16);
		if (!lab_nft(lab, space, "list counters", &text))
			return false;
		size_t found = 0;
		char *end = NULL;
		for (const char *at = strstr(buffer_text(&text), "counter row"); at != NULL; at = strstr(at, "counter row")) {
			size_t row = strtoul(at + strlen("counter row"), &end, 10);
			at = strstr(end, "packets ");
			if (at == NULL || row >= ROWS)
				return false;
			seen[row] += strtoull(at + strlen("packets "), NULL, 10);
			found++;
		}
		buffer_done(&text);
		if (found != ROWS)
			return false;
	}
	return true;
}

/* What one worker has to tell; shared with the parent. */
struct result {
	char why[400];          /* it could not begin; "" when it did */
	char trouble[400];      /* the change that failed, and its reason */
	bool before[3][ROWS];   /* got through: without a policy, under A, under B */
	unsigned made;
	uint64_t sent, seen[ROWS];
	bool counted[ROWS];     /* after the lift */
	bool done;
	int64_t time;
};

static void changes_make(struct lab *lab, const struct host *host, unsigned first, struct result *result)
{
	struct buffer why;
	buffer_init(&why, sizeof(result->trouble));
	int64_t start = tap_now();
	for (; result->made < CHANGES / WORKERS && tap_now() - start < LONGEST; result->made++) {
		unsigned round = first + result->made;
		if (!change(lab, host, round % 2 == 0 ? state_a(round) : state_b(round), &why)) {
			snprintf(result->trouble, sizeof(result->trouble), "change %u: %s", round, buffer_text(&why));
			break;
		}
	}
	result->time = tap_now() - start;
	buffer_done(&why);
}

/* Each packet once, with nothing in the way and under either policy. */
static bool worker_begin(struct lab *lab, const struct host *host, struct lab_packet *packets, struct result *result, struct buffer *why)
{
	for (size_t i = 0; i < ROWS; i++) {
		if (packet_parse(rows[i].packet, strlen(rows[i].packet), host, NULL, NULL, &packets[i].packet) < 0) {
			buffer_printf(why, "not a packet: %s", rows[i].packet);
			return false;
		}
	}
	for (unsigned policies = 0; policies < 3; policies++) {
		if (policies > 0 && !change(lab, host, policies == 1 ? state_a(0) : state_b(0), why))
			return false;
		lab_send(lab, packets, ROWS);
		for (size_t i = 0; i < ROWS; i++)
			result->before[policies][i] = packets[i].arrived;
	}
	return counters_make(lab, why);
}

static void worker_flood(struct lab *lab, const struct host *host, struct lab_packet *packets, unsigned first, struct result *result)
{
	struct lab_flood flood;
	if (!lab_flood_start(lab, packets, ROWS, &flood))
		return;
	changes_make(lab, host, first, result);
	lab_flood_stop(&flood);
	result->sent = *flood.sent;
	bool good = counters_read(lab, result->seen);
	/* The counters count: with the policy lifted, what was forbidden is seen. */
	lab_enter(lab, LAB_SERVER);
	good = good && nftables_lift(NULL) == 0;
	lab_leave(lab);
	lab_send(lab, packets, ROWS);
	uint64_t seen[ROWS];
	good = good && counters_read(lab, seen);
	for (size_t i = 0; i < ROWS; i++)
		result->counted[i] = good && seen[i] == result->seen[i] + 1;
	result->done = good;
}

/* A lab of its own, and its share of the changes: most of the time of a change is a wait. */
static void worker_run(unsigned number, struct result *result)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	struct lab_packet packets[ROWS] = {0};
	struct host host;
	struct buffer why;
	buffer_init(&why, sizeof(result->why));
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	struct lab *lab = lab_new(&host, &why);
	if (lab != NULL && worker_begin(lab, &host, packets, result, &why))
		worker_flood(lab, &host, packets, number * (CHANGES / WORKERS), result);
	else
		snprintf(result->why, sizeof(result->why), "%s", buffer_text(&why));
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
}

static void result_say(unsigned worker, const struct result *result)
{
	tap_note("worker %u: %u changes in %lld ms, %llu packets of each kind", worker, result->made, (long long)result->time,
		 (unsigned long long)result->sent);
	tap_ok(result->done && result->made == CHANGES / WORKERS, "worker %u: %u changes of ruleset %s", worker, result->made, result->trouble);
	tap_ok(result->sent > 10 * (uint64_t)result->made, "worker %u: the flood went on meanwhile", worker);
	for (size_t i = 0; i < ROWS; i++) {
		bool forbidden = rows[i].forbidden;
		const bool (*before)[ROWS] = result->before;
		tap_ok(before[0][i] && before[1][i] == !forbidden && before[2][i] == !forbidden && result->counted[i],
		       "worker %u: %s alone is let through, under A, under B, counted: %d %d %d %d", worker, rows[i].packet,
		       before[0][i], before[1][i], before[2][i], result->counted[i]);
		unsigned long long seen = result->seen[i], sent = result->sent;
		if (forbidden)
			tap_ok(seen == 0, "worker %u: none of %s got through (%llu)", worker, rows[i].packet, seen);
		else /* the flood was killed in the middle of a round; a full backlog of the kernel may lose a few */
			tap_ok(seen <= sent + 1 && seen + sent / 1000 + 1 >= sent, "worker %u: every %s got through (%llu of %llu)",
			       worker, rows[i].packet, seen, sent);
	}
}

int main(void)
{
	struct result *results = mmap(NULL, WORKERS * sizeof(*results), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t workers[WORKERS], parent = getpid();
	if (results == MAP_FAILED)
		return 1;
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i] = fork();
		if (workers[i] != 0)
			continue;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() == parent)
			worker_run(i, &results[i]);
		_exit(0);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		waitpid(workers[i], NULL, 0);
	if (results[0].why[0] != '\0' && results[0].made == 0 && !results[0].before[0][0])
		tap_skip_all("no lab: %s", results[0].why);
	unsigned made = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		tap_ok(results[i].why[0] == '\0', "worker %u began %s", i, results[i].why);
		result_say(i, &results[i]);
		made += results[i].made;
	}
	tap_ok(made == CHANGES, "%u changes of ruleset under flood", made);
	return tap_done();
}
