/* Two hundred SIGKILLs at random moments of `cordon netsh -f` and of `cordon apply`.  After each the store, or the
 * kernel, is the old one or the new one, whole; the next run works, and cleans up what the killed one left. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"
#include "tests/oracle/sample.h"

enum { KILLS = 200, FILTERS = 300, LONGEST = 60000 /* ms, of each kind of kill */ };

static const char program[] = CORDON_BUILD "/apps/cordon";
static char paths[6][128]; /* of the files below */
enum { STORE, SCRIPT_A, SCRIPT_B, STORE_A, STORE_B };

/* Both forbid X; A lets UDP 1111 in, B UDP 2222; both let TCP 80 in. */
static bool script_write(const char *path, bool b)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	fprintf(file, "netsh ipsec static delete all\nnetsh ipsec static add policy name=%s\n"
		      "netsh ipsec static add filteraction name=permit action=permit\n"
		      "netsh ipsec static add filteraction name=block action=block\n", b ? "B" : "A");
	fprintf(file, "netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=udp dstport=%d\n"
		      "netsh ipsec static add filter filterlist=open srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
		      "netsh ipsec static add filter filterlist=shut srcaddr=any dstaddr=me\n", b ? 2222 : 1111);
	for (int i = 0; i < FILTERS; i++)
		fprintf(file, "netsh ipsec static add filter filterlist=many srcaddr=10.%d.%d.0 srcmask=%d dstaddr=me protocol=tcp dstport=%d\n",
			b, i % 250, 24 + (b ? 0 : i % 3) * 2, 1000 + i);
	fprintf(file, "netsh ipsec static add rule name=open policy=%c filterlist=open filteraction=permit\n"
		      "netsh ipsec static add rule name=shut policy=%c filterlist=shut filteraction=block\n"
		      "netsh ipsec static add rule name=many policy=%c filterlist=many filteraction=block\n"
		      "netsh ipsec static set policy name=%c assign=yes\n", "AB"[b], "AB"[b], "AB"[b], "AB"[b]);
	return fclose(file) == 0;
}

/* Starts it and kills it after some microseconds; true when it was killed, not ended by itself. */
static bool run_killed(const char *const words[], uint32_t microseconds)
{
	pid_t pid = process_start(words, -1, -1);
	if (pid < 0)
		return false;
	struct timespec pause = {.tv_sec = microseconds / 1000000, .tv_nsec = (long)(microseconds % 1000000) * 1000};
	nanosleep(&pause, NULL);
	kill(pid, SIGKILL);
	int status;
	waitpid(pid, &status, 0);
	return WIFSIGNALED(status);
}

/* How long a run takes, in microseconds; 0 when it fails. */
static uint32_t run_timed(const char *const words[])
{
	struct buffer output;
	struct timespec before, after;
	buffer_init(&output, 1 << 16);
	clock_gettime(CLOCK_MONOTONIC, &before);
	int code = process_run(words, &output, &output);
	clock_gettime(CLOCK_MONOTONIC, &after);
	if (code != 0)
		tap_note("exit code %d: %s", code, buffer_text(&output));
	buffer_done(&output);
	if (code != 0)
		return 0;
	return (uint32_t)((after.tv_sec - before.tv_sec) * 1000000 + (after.tv_nsec - before.tv_nsec) / 1000);
}

static char *dump_take(const char *store)
{
	struct buffer text;
	buffer_init(&text, 1 << 24);
	const char *const words[] = {program, "--store", store, "dump", NULL};
	char *copy = process_run(words, &text, NULL) == 0 ? memory_text(buffer_text(&text)) : NULL;
	buffer_done(&text);
	return copy;
}

/* The stores are dumped and compared: the dump has all that a script can set. */
static void store_kills(struct dice *dice)
{
	const char *const words[2][7] = {
		{program, "--store", paths[STORE], "netsh", "-f", paths[SCRIPT_A], NULL},
		{program, "--store", paths[STORE], "netsh", "-f", paths[SCRIPT_B], NULL},
	};
	uint32_t time_a = run_timed(words[0]);
	char *dumps[2] = {dump_take(paths[STORE]), NULL};
	uint32_t time_b = run_timed(words[1]);
	dumps[1] = dump_take(paths[STORE]);
	if (!tap_ok(time_a > 0 && time_b > 0 && dumps[0] != NULL && dumps[1] != NULL && strcmp(dumps[0], dumps[1]) != 0,
		    "netsh: both scripts run, in %u and %u ms", time_a / 1000, time_b / 1000))
		goto out;
	unsigned killed = 0, counts[2] = {0, 0}, done = 0, wrong = 0;
	int64_t start = tap_now();
	for (; killed < KILLS && tap_now() - start < LONGEST; done++) {
		bool was_killed = run_killed(words[done % 2], dice_below(dice, (time_a + time_b) * 11 / 20));
		killed += was_killed;
		char *now = dump_take(paths[STORE]);
		bool is_a = now != NULL && strcmp(now, dumps[0]) == 0, is_b = now != NULL && strcmp(now, dumps[1]) == 0;
		wrong += !is_a && !is_b;
		counts[1] += is_b;
		counts[0] += is_a;
		if (!was_killed)
			wrong += done % 2 == 0 ? !is_a : !is_b;
		free(now);
	}
	tap_ok(killed == KILLS, "netsh: %u killed of %u runs", killed, done);
	tap_ok(wrong == 0, "netsh: the store was the old or the new each time (%u A, %u B, %u neither)", counts[0], counts[1], wrong);
	tap_ok(counts[0] > 0 && counts[1] > 0, "netsh: both were seen");
	tap_ok(run_timed(words[0]) > 0, "netsh: the next run works");
	char *now = dump_take(paths[STORE]);
	tap_ok(now != NULL && strcmp(now, dumps[0]) == 0, "netsh: and does what it says");
	free(now);
out:
	free(dumps[0]);
	free(dumps[1]);
}

/* X, what only A lets in, what only B lets in, what both do. */
static const char *const packets_text[] = {
	"in udp 203.0.113.9:5000 > 192.0.2.10:9999", "in udp [2001:db8:9::9]:5000 > [2001:db8::10]:9999",
	"in udp 203.0.113.9:5000 > 192.0.2.10:1111", "in udp 203.0.113.9:5000 > 192.0.2.10:2222",
	"in tcp 203.0.113.9:5000 > 192.0.2.10:80", "in tcp [2001:db8:9::9]:5000 > [2001:db8::10]:80",
};
enum { PACKETS = 6 };

enum found { FOUND_NONE, FOUND_A, FOUND_B, FOUND_MIXED };

/* What packets say of the kernel's policy. */
static enum found packets_ask(struct lab *lab, struct lab_packet packets[PACKETS])
{
	static const bool passes[3][PACKETS] = {
		[FOUND_NONE] = {true, true, true, true, true, true},
		[FOUND_A] = {false, false, true, false, true, true},
		[FOUND_B] = {false, false, false, true, true, true},
	};
	lab_send(lab, packets, PACKETS);
	for (unsigned found = FOUND_NONE; found < FOUND_MIXED; found++) {
		bool same = true;
		for (size_t i = 0; i < PACKETS; i++)
			same = same && packets[i].arrived == passes[found][i];
		if (same)
			return (enum found)found;
	}
	return FOUND_MIXED;
}

/* The same by comparing the kernel with a store. */
static bool check_ask(struct lab *lab, const char *store)
{
	const char *const words[] = {program, "--store", store, "status", "--check", NULL};
	lab_enter(lab, LAB_SERVER);
	int code = process_run(words, NULL, NULL);
	lab_leave(lab);
	return code == 0;
}

/* How many chains and maps our table has. */
static unsigned table_count(struct lab *lab)
{
	struct buffer text;
	buffer_init(&text, 1 << 24);
	unsigned count = 0;
	if (lab_nft(lab, LAB_SERVER, "list table inet cordon", &text))
		for (const char *at = buffer_text(&text); (at = strchr(at, '{')) != NULL; at++)
			count += at[1] == '\n';
	buffer_done(&text);
	return count;
}

struct applies {
	struct lab *lab;
	const char *words[2][5];
	uint32_t times[2];
	struct lab_packet packets[PACKETS];
	unsigned size; /* of the table after a whole apply of A */
};

static bool applies_begin(struct applies *applies, struct lab *lab, const struct host *host)
{
	*applies = (struct applies){.lab = lab};
	bool good = true;
	for (unsigned i = 0; i < 2; i++) {
		const char *const fill[] = {program, "--store", paths[STORE_A + i], "netsh", "-f", paths[SCRIPT_A + i], NULL};
		good = good && run_timed(fill) > 0;
		memcpy(applies->words[i], ((const char *const[]){program, "--store", paths[STORE_A + i], "apply", NULL}), sizeof(applies->words[i]));
	}
	for (size_t i = 0; i < PACKETS; i++)
		good = good && packet_parse(packets_text[i], strlen(packets_text[i]), host, NULL, NULL, &applies->packets[i].packet) == 0;
	/* A, B, A: the first has no old rules to wait for, and its time does not count. */
	for (unsigned step = 0; good && step < 3; step++) {
		unsigned i = step % 2;
		lab_enter(lab, LAB_SERVER);
		applies->times[i] = run_timed(applies->words[i]);
		lab_leave(lab);
		good = applies->times[i] > 0 && packets_ask(lab, applies->packets) == (i == 0 ? FOUND_A : FOUND_B) &&
		       check_ask(lab, paths[STORE_A + i]) && !check_ask(lab, paths[STORE_A + !i]);
	}
	applies->size = table_count(lab);
	return tap_ok(good && applies->size > 0, "apply: both policies, in %u and %u ms; the packets and the check tell them apart",
		      applies->times[0] / 1000, applies->times[1] / 1000);
}

static void apply_kills(struct lab *lab, const struct host *host, struct dice *dice)
{
	struct applies applies;
	if (!applies_begin(&applies, lab, host))
		return;
	unsigned killed = 0, done = 0, wrong = 0, unchecked = 0, counts[FOUND_MIXED + 1] = {0};
	int64_t start = tap_now();
	for (; killed < KILLS && tap_now() - start < LONGEST; done++) {
		lab_enter(lab, LAB_SERVER);
		/* The last part of its time it only waits: most of the kills come before that. */
		uint32_t time = applies.times[done % 2], most = dice_chance(dice, 75) ? time / 4 : time * 11 / 10;
		bool was_killed = run_killed(applies.words[done % 2], dice_below(dice, most + 1));
		lab_leave(lab);
		killed += was_killed;
		enum found found = packets_ask(lab, applies.packets);
		counts[found]++;
		wrong += found != FOUND_A && found != FOUND_B;
		wrong += !was_killed && found != (done % 2 == 0 ? FOUND_A : FOUND_B);
		/* Both hold when the rules in force are whole: the check may well name what the killed run left over. */
		unchecked += !check_ask(lab, paths[STORE_A]) && !check_ask(lab, paths[STORE_B]);
	}
	tap_ok(killed == KILLS, "apply: %u killed of %u runs", killed, done);
	tap_ok(wrong == 0, "apply: the kernel had the old or the new each time (%u A, %u B, %u mixed, %u nothing)", counts[FOUND_A],
	       counts[FOUND_B], counts[FOUND_MIXED], counts[FOUND_NONE]);
	tap_ok(counts[FOUND_A] > 0 && counts[FOUND_B] > 0, "apply: both were seen");
	tap_note("%u times the check found leftovers of a killed run", unchecked);
	for (unsigned i = 2; i-- > 0;) {
		lab_enter(lab, LAB_SERVER);
		tap_ok(run_timed(applies.words[i]) > 0, "apply: the next run works");
		lab_leave(lab);
		tap_ok(packets_ask(lab, applies.packets) == (i == 0 ? FOUND_A : FOUND_B) && check_ask(lab, paths[STORE_A + i]),
		       "apply: and does what it says");
	}
	tap_ok(table_count(lab) == applies.size, "apply: nothing is left over: %u chains and maps, %u after the first run",
	       table_count(lab), applies.size);
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	static const char *const names[] = {"store.db", "a.netsh", "b.netsh", "a.db", "b.db"};
	const char *folder = process_folder();
	if (access(program, X_OK) < 0)
		tap_skip_all("%s is not there", program);
	if (folder == NULL)
		tap_skip_all("no folder can be made");
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	struct dice dice = dice_new(tap_seed());
	tap_ok(script_write(paths[SCRIPT_A], false) && script_write(paths[SCRIPT_B], true), "two scripts");
	store_kills(&dice);
	struct host host;
	struct buffer why;
	buffer_init(&why, 4096);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	struct lab *lab = lab_new(&host, &why);
	if (lab == NULL)
		tap_skip(buffer_text(&why), "apply, killed");
	else
		apply_kills(lab, &host, &dice);
	lab_free(lab);
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
