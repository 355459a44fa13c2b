/* SIGKILLs at random moments: two hundred of `cordon netsh -f`, of `cordon apply`, and forty of `apply --confirm`.  After
 * each the store, or the kernel, is the old one or the new one, whole; the next run works, and cleans up what the killed
 * one left.  With --confirm both are the old, or both the new with a guard that will take it back.  The same for each
 * allocation and each message to the kernel that fails. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/store/pending.h"
#include "tests/integration/alone.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"
#include "tests/oracle/sample.h"

enum { KILLS = 200, FILTERS = 300, LONGEST = 60000 /* ms, of each kind of kill */,
       CONFIRM_KILLS = 40, CONFIRMS_LONGEST = 600000, FAULTS_LONGEST = 60000 };

static const char program[] = CORDON_BUILD "/apps/cordon";
static char paths[6][128]; /* of the files below */
enum { STORE, SCRIPT_A, SCRIPT_B, STORE_A, STORE_B, PROFILE_B };

/* Both forbid X; A lets UDP 1111 in, B UDP 2222; both let TCP 80 in. */
static bool script_write(const char *path, bool b)
{
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	fprintf(file, "netsh ipsec static delete all\nnetsh ipsec static add policy name=%s\n"
		      "netsh ipsec static add filteraction name=permit action=permit\n"
		      "netsh ipsec static add filteraction name=block action=block\n", b ? "B" : "A");
	char c = "AB"[b];
	fprintf(file, "netsh ipsec static add filter filterlist=open%c srcaddr=any dstaddr=me protocol=udp dstport=%d\n"
		      "netsh ipsec static add filter filterlist=open%c srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
		      "netsh ipsec static add filter filterlist=shut%c srcaddr=any dstaddr=me\n", c, b ? 2222 : 1111, c, c);
	for (int i = 0; i < FILTERS; i++)
		fprintf(file, "netsh ipsec static add filter filterlist=many%c srcaddr=10.%d.%d.0 srcmask=%d dstaddr=me protocol=tcp dstport=%d\n",
			c, b, i % 250, 24 + (b ? 0 : i % 3) * 2, 1000 + i);
	fprintf(file, "netsh ipsec static add rule name=open policy=%c filterlist=open%c filteraction=permit\n"
		      "netsh ipsec static add rule name=shut policy=%c filterlist=shut%c filteraction=block\n"
		      "netsh ipsec static add rule name=many policy=%c filterlist=many%c filteraction=block\n"
		      "netsh ipsec static set policy name=%c assign=yes\n", c, c, c, c, c, c, c);
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

/* --- apply --confirm --- */

struct confirms {
	struct lab *lab;
	struct lab_packet packets[PACKETS];
	const char *apply[9], *rollback[5];
	char *dumps[2];
	uint32_t time;
};

static bool pending_read(struct pending *pending)
{
	struct store *store = NULL;
	bool present = false;
	if (store_open(paths[STORE], STORE_READ, NULL, &store) == 0 && store_pending(store, NULL, &present, pending) < 0)
		present = false;
	store_close(store);
	return present;
}

static bool dump_is(const char *dump)
{
	char *now = dump_take(paths[STORE]);
	bool same = now != NULL && strcmp(now, dump) == 0;
	free(now);
	return same;
}

/* What there is, once the guard of a killed run has done its work: FOUND_A the old, FOUND_B the new with its way back,
 * FOUND_MIXED anything else for longer than it may take. */
static enum found confirms_ask(struct confirms *confirms)
{
	enum { PATIENCE_MS = 8000, PAUSE_MS = 50 };
	int64_t start = tap_now();
	struct pending pending;
	do {
		bool present = pending_read(&pending);
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		enum found found = packets_ask(confirms->lab, confirms->packets);
		if (!present && found == FOUND_A && dump_is(confirms->dumps[0]))
			return FOUND_A;
		if (present && found == FOUND_B && pending_guarded(&pending) && dump_is(confirms->dumps[1]))
			return FOUND_B;
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_MS * 1000000}, NULL);
	} while (tap_now() - start < PATIENCE_MS);
	return FOUND_MIXED;
}

static int run_inside(struct confirms *confirms, const char *const words[])
{
	struct buffer output;
	buffer_init(&output, 1 << 16);
	lab_enter(confirms->lab, LAB_SERVER);
	int code = process_run(words, &output, &output);
	lab_leave(confirms->lab);
	if (code != 0)
		tap_note("%s: exit code %d: %.300s", words[3], code, buffer_text(&output));
	buffer_done(&output);
	return code;
}

/* A is in force and in the store; B is a profile. */
static bool confirms_begin(struct confirms *confirms, struct lab *lab, const struct host *host)
{
	*confirms = (struct confirms){.lab = lab};
	const char *const fill[] = {program, "--store", paths[STORE], "netsh", "-f", paths[SCRIPT_A], NULL};
	const char *const save[] = {program, "--store", paths[STORE_B], "save", "--policy", "B", "-O", paths[PROFILE_B], NULL};
	const char *const plain[] = {program, "--store", paths[STORE], "apply", NULL};
	memcpy(confirms->apply, ((const char *const[]){program, "--store", paths[STORE], "apply", paths[PROFILE_B], "--confirm", "300",
			"--force", NULL}), sizeof(confirms->apply));
	memcpy(confirms->rollback, ((const char *const[]){program, "--store", paths[STORE], "rollback", NULL}), sizeof(confirms->rollback));
	for (size_t i = 0; i < PACKETS; i++)
		if (packet_parse(packets_text[i], strlen(packets_text[i]), host, NULL, NULL, &confirms->packets[i].packet) < 0)
			return false;
	bool good = run_timed(fill) > 0 && process_run(save, NULL, NULL) == 0 && run_inside(confirms, plain) == 0;
	confirms->dumps[0] = dump_take(paths[STORE]);
	lab_enter(lab, LAB_SERVER);
	confirms->time = good ? run_timed(confirms->apply) : 0;
	lab_leave(lab);
	confirms->dumps[1] = dump_take(paths[STORE]);
	good = good && confirms->time > 0 && confirms->dumps[0] != NULL && confirms->dumps[1] != NULL &&
	       strcmp(confirms->dumps[0], confirms->dumps[1]) != 0 && confirms_ask(confirms) == FOUND_B;
	good = good && run_inside(confirms, confirms->rollback) == 0 && confirms_ask(confirms) == FOUND_A;
	return tap_ok(good, "confirm: apply in %u ms, and rollback", confirms->time / 1000);
}

/* Back to A; counts what was found. */
static bool confirms_settle(struct confirms *confirms, unsigned counts[FOUND_MIXED + 1])
{
	enum found found = confirms_ask(confirms);
	counts[found]++;
	if (found == FOUND_A)
		return true;
	/* It may say that nothing is pending: killed before its last word, the guard takes it back just now. */
	lab_enter(confirms->lab, LAB_SERVER);
	int code = process_run(confirms->rollback, NULL, NULL);
	lab_leave(confirms->lab);
	return found == FOUND_B && (code == EXIT_DONE || code == EXIT_INPUT) && confirms_ask(confirms) == FOUND_A;
}

/* CORDON_KILLS=200 for the long proof. */
static void confirm_kills(struct confirms *confirms, struct dice *dice)
{
	unsigned killed = 0, done = 0, wrong = 0, counts[FOUND_MIXED + 1] = {0};
	int64_t start = tap_now();
	const char *asked = getenv("CORDON_KILLS");
	uint64_t kills = CONFIRM_KILLS;
	if (asked != NULL)
		(void)number_parse(asked, strlen(asked), 100000, &kills);
	for (; killed < kills && wrong == 0 && tap_now() - start < CONFIRMS_LONGEST; done++) {
		lab_enter(confirms->lab, LAB_SERVER);
		killed += run_killed(confirms->apply, dice_below(dice, confirms->time * 11 / 10));
		lab_leave(confirms->lab);
		wrong += !confirms_settle(confirms, counts);
	}
	tap_ok(killed == kills, "confirm: %u killed of %u runs", killed, done);
	tap_ok(wrong == 0, "confirm: each time the old, or the new with its way back (%u old, %u new)", counts[FOUND_A], counts[FOUND_B]);
	tap_ok(counts[FOUND_A] > 0 && counts[FOUND_B] > 0, "confirm: both were seen");
}

/* The k-th fails, until a run does not come so far.  call: of the preloaded library (faults_preload.c), or NULL. */
static void confirm_faults(struct confirms *confirms, const char *variable, const char *call, unsigned dense)
{
	unsigned runs = 0, wrong = 0, refused = 0, counts[FOUND_MIXED + 1] = {0};
	int64_t start = tap_now();
	bool more = true;
	char told[160];
	snprintf(told, sizeof(told), "%s/told", process_folder());
	for (unsigned long k = 1; more && wrong == 0 && tap_now() - start < FAULTS_LONGEST; k += 1 + k / dense, runs++) {
		char number[24];
		snprintf(number, sizeof(number), "%lu", k);
		(void)unlink(told);
		setenv(variable, number, 1);
		if (call != NULL) {
			setenv("CORDON_FAULT", call, 1);
			setenv("CORDON_FAULT_TOLD", told, 1);
			setenv("LD_PRELOAD", CORDON_FAULTS, 1);
		}
		lab_enter(confirms->lab, LAB_SERVER);
		int code = process_run(confirms->apply, NULL, NULL);
		lab_leave(confirms->lab);
		unsetenv("LD_PRELOAD");
		unsetenv(variable);
		more = code != 0 || (call != NULL && access(told, F_OK) == 0);
		unsigned before = counts[FOUND_B];
		wrong += !confirms_settle(confirms, counts);
		refused += code != 0;
		/* What says that nothing was changed has changed nothing. */
		wrong += code != 0 && counts[FOUND_B] > before;
		if (wrong > 0)
			tap_note("%s %s, the %luth: exit code %d", variable, call != NULL ? call : "", k, code);
	}
	const char *what = call != NULL ? call : variable;
	tap_ok(wrong == 0, "%s: %u runs, %u refused: each time the old, or the new with its way back", what, runs, refused);
	tap_ok(refused + (call != NULL) > 0 && !more, "%s: all of a run was tried", what);
}

static void confirms_try(struct lab *lab, const struct host *host, struct dice *dice)
{
	struct confirms confirms;
	unsigned dense = getenv("CORDON_LONG") != NULL ? 1000 : 4;
	if (confirms_begin(&confirms, lab, host)) {
		confirm_kills(&confirms, dice);
#ifdef CORDON_DEVELOPER
		confirm_faults(&confirms, "CORDON_FAIL_SEND", NULL, 1000);
		confirm_faults(&confirms, "CORDON_FAIL_ALLOC", NULL, 6);
#endif
		confirm_faults(&confirms, "CORDON_FAULT_AT", "write", dense);
		confirm_faults(&confirms, "CORDON_FAULT_AT", "fsync", dense);
		confirm_faults(&confirms, "CORDON_FAULT_AT", "rename", dense);
	}
	free(confirms.dumps[0]);
	free(confirms.dumps[1]);
}

int main(void)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	static const char *const names[] = {"store.db", "a.netsh", "b.netsh", "a.db", "b.db", "b.json"};
	const char *folder = process_folder();
	if (access(program, X_OK) < 0)
		tap_skip_all("%s is not there", program);
	if (folder == NULL)
		tap_skip_all("no folder can be made");
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		snprintf(paths[i], sizeof(paths[i]), "%s/%s", folder, names[i]);
	bool alone = geteuid() == 0 && alone_begin();
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
	if (lab != NULL && alone)
		confirms_try(lab, &host, &dice);
	else
		tap_skip("no namespaces of one's own can be made", "apply --confirm, killed");
	lab_free(lab);
	if (alone)
		alone_reap();
	host_done(&host);
	buffer_done(&why);
	return tap_done();
}
