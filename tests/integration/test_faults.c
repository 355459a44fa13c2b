/* The k-th allocation, message to the kernel, write, fsync and rename fails, for k = 1, 2, … until none is reached any more:
 * in `cordon apply` of a profile, in `cordon config set` with a boot file installed, in `cordon boot install --root`, and in
 * cordond while it takes over from start-up rules and follows a change of the store.  Afterwards store, kernel and boot
 * file are the old or the new ones, whole; all the while packets come in, and none that both forbid gets through.
 * CORDON_LONG=1 tries every k, once and from then on; otherwise less and less of the large ones. */
#include <dirent.h>
#include <errno.h>
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
#include "core/base/memory.h"
#include "tests/integration/lab.h"
#include "tests/integration/process.h"
#include "tests/integration/serve.h"
#include "tests/integration/tap.h"
#include "tests/integration/traffic.h"

enum {
	OFFERED = 5000,       /* packets a second */
	SHORT = 4000,         /* ms for each kind of failure, when it is not the long run */
	UNREACHED = 3,        /* runs in a row that say nothing of a message that failed, beyond the */
	SENDS = 150,          /* messages that a run sends at least: then no k is reached any more */
	SETTLE = 10000,       /* ms that the service has to mend what failed */
	SETTLE_FOREVER = 2000,/* the same, where it may never be able to */
};

/* --- Failures --- */

static const struct fault {
	const char *name, *variable, *call; /* call: by the preloaded library */
	bool forever;
	bool developer;
} faults[] = {
	{"allocation", "CORDON_FAIL_ALLOC", NULL, false, true},
	{"message to the kernel", "CORDON_FAIL_SEND", NULL, false, true},
	{"write", "CORDON_FAULT_AT", "write", false, false},
	{"write and all after it", "CORDON_FAULT_AT", "write", true, false},
	{"fsync", "CORDON_FAULT_AT", "fsync", false, false},
	{"rename", "CORDON_FAULT_AT", "rename", false, false},
	{"rename and all after it", "CORDON_FAULT_AT", "rename", true, false},
};
enum { FAULTS = sizeof(faults) / sizeof(faults[0]) };

static char told_path[128], profiles[2][128], tree[128];

static void fault_set(const struct fault *fault, unsigned long k)
{
	char number[24];
	snprintf(number, sizeof(number), "%lu", k);
	(void)unlink(told_path);
	setenv(fault->variable, number, 1);
	if (fault->call == NULL)
		return;
	setenv("CORDON_FAULT", fault->call, 1);
	setenv("CORDON_FAULT_TOLD", told_path, 1);
	setenv("LD_PRELOAD", CORDON_FAULTS, 1);
	if (fault->forever)
		setenv("CORDON_FAULT_FOREVER", "1", 1);
}

static void fault_clear(const struct fault *fault)
{
	static const char *const variables[] = {"CORDON_FAULT", "CORDON_FAULT_TOLD", "LD_PRELOAD", "CORDON_FAULT_FOREVER"};
	unsetenv(fault->variable);
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
		unsetenv(variables[i]);
}

static bool long_run(void)
{
	return getenv("CORDON_LONG") != NULL;
}

static bool fault_possible(const struct fault *fault)
{
#ifdef CORDON_DEVELOPER
	(void)fault;
	return true;
#else
	return !fault->developer;
#endif
}

/* --- Two policies --- */

/* X both forbid; each lets a port of its own in; Y both permit. */
static const char *const rows[] = {
	"in udp 203.0.113.9:5000 > 192.0.2.10:9999", "in udp [2001:db8:9::9]:5001 > [2001:db8::10]:9999",
	"in udp 203.0.113.9:5002 > 192.0.2.10:1111", "in udp 203.0.113.9:5003 > 192.0.2.10:2222",
	"in tcp 203.0.113.9:5004 > 192.0.2.10:80",
};
enum { ROWS = 5, ROW_A = 2, ROW_B = 3, ROW_BOTH = 4 };

enum found { FOUND_A, FOUND_B, FOUND_STARTUP, FOUND_BLOCK, FOUND_OPEN, FOUND_MIXED, FOUNDS };

static struct lab *lab;
static struct host host;
static struct traffic *traffic;
static struct buffer text;
static char *dumps[2];

static void policy_text(unsigned which, char script[2048])
{
	char c = "AB"[which];
	snprintf(script, 2048,
		 "netsh ipsec static delete all\n"
		 "netsh ipsec static add policy name=%c\n"
		 "netsh ipsec static add filteraction name=permit action=permit\n"
		 "netsh ipsec static add filteraction name=block action=block\n"
		 "netsh ipsec static add filter filterlist=open%c srcaddr=any dstaddr=me protocol=udp dstport=%s\n"
		 "netsh ipsec static add filter filterlist=open%c srcaddr=any dstaddr=me protocol=tcp dstport=80\n"
		 "netsh ipsec static add filter filterlist=shut%c srcaddr=any dstaddr=me\n"
		 "netsh ipsec static add rule name=open policy=%c filterlist=open%c filteraction=permit\n"
		 "netsh ipsec static add rule name=shut policy=%c filterlist=shut%c filteraction=block\n"
		 "netsh ipsec static set policy name=%c assign=yes\n",
		 c, c, which == 0 ? "1111" : "2222", c, c, c, c, c, c, c);
}

static int run(const char *const words[])
{
	buffer_clear(&text);
	lab_enter(lab, LAB_SERVER);
	int code = serve_cordon(words, &text);
	lab_leave(lab);
	return code;
}

static char *dump_take(void)
{
	return run((const char *const[]){"dump", NULL}) == 0 ? memory_text(buffer_text(&text)) : NULL;
}

/* Of the store: A, B, or something else. */
static enum found store_found(void)
{
	char *now = dump_take();
	enum found found = FOUND_MIXED;
	for (unsigned i = 0; i < 2; i++)
		if (now != NULL && dumps[i] != NULL && strcmp(now, dumps[i]) == 0)
			found = i == 0 ? FOUND_A : FOUND_B;
	free(now);
	return found;
}

/* Of the kernel, by packets of each kind: all of it or nothing must get through. */
static enum found kernel_found(void)
{
	static const bool passes[FOUND_MIXED][ROWS] = {
		[FOUND_A] = {false, false, true, false, true},
		[FOUND_B] = {false, false, false, true, true},
		[FOUND_STARTUP] = {false, false, false, false, true},
		[FOUND_BLOCK] = {false, false, false, false, false},
		[FOUND_OPEN] = {true, true, true, true, true},
	};
	struct tally before, after;
	if (!traffic_read(traffic, &before))
		return FOUND_MIXED;
	traffic_burst(traffic, 3);
	if (!traffic_read(traffic, &after))
		return FOUND_MIXED;
	struct tally since = tally_since(&before, &after);
	for (unsigned found = 0; found < FOUND_MIXED; found++) {
		bool same = true;
		for (size_t i = 0; i < ROWS; i++)
			same = same && since.sent[i] > 0 &&
			       (passes[found][i] ? since.seen[i] + since.lost >= since.sent[i] : since.seen[i] == 0);
		if (same)
			return (enum found)found;
	}
	return FOUND_MIXED;
}

static const char *found_name(enum found found)
{
	static const char *const names[FOUNDS] = {"A", "B", "start-up", "block", "open", "mixed"};
	return names[found];
}

/* None that both forbid got through since. */
static bool none_leaked(const struct tally *before)
{
	struct tally now;
	if (!traffic_read(traffic, &now))
		return false;
	struct tally since = tally_since(before, &now);
	return since.sent[0] > 0 && since.seen[0] == 0 && since.seen[1] == 0;
}

/* Every one that both permit did. */
static bool none_lost(const struct tally *before)
{
	struct tally now;
	if (!traffic_read(traffic, &now))
		return false;
	struct tally since = tally_since(before, &now);
	return since.sent[ROW_BOTH] > 0 && since.seen[ROW_BOTH] + since.lost >= since.sent[ROW_BOTH];
}

/* --- A run of failures --- */

struct sweep {
	const struct fault *fault;
	unsigned runs, refused, wrong, apart, quiet;
	unsigned long k;
	bool reached_all;
	int64_t begin;
};

/* One run with a failure: what it gave back; *ret_told: the failure came (where that is known). */
typedef int attempt_fn(struct sweep *sweep);

static void sweep_make(const char *what, const struct fault *fault, attempt_fn *attempt, unsigned dense)
{
	struct sweep sweep = {.fault = fault, .begin = tap_now()};
	if (!fault_possible(fault)) {
		tap_skip("no fault injection in this build", "%s, %s", what, fault->name);
		return;
	}
	for (sweep.k = 1; !sweep.reached_all && sweep.wrong < 3; sweep.k += long_run() ? 1 : 1 + sweep.k / dense) {
		if (!long_run() && tap_now() - sweep.begin > SHORT)
			break;
		int code = attempt(&sweep);
		bool told = fault->call != NULL && access(told_path, F_OK) == 0;
		sweep.runs++;
		sweep.refused += code != 0;
		sweep.quiet = code == 0 && !told ? sweep.quiet + 1 : 0;
		/* A failed allocation ends the run; the file tells; a message may fail where it is tried again. */
		bool sends = strcmp(fault->variable, "CORDON_FAIL_SEND") == 0;
		sweep.reached_all = sends ? sweep.quiet >= UNREACHED && sweep.k > SENDS : sweep.quiet > 0;
	}
	tap_ok(sweep.wrong == 0 && sweep.runs > 0, "%s, %s: the old or the new each time, up to the %luth, %u runs, %u refused, %lld ms%s", what,
	       fault->name, sweep.k, sweep.runs, sweep.refused, (long long)(tap_now() - sweep.begin),
	       sweep.reached_all ? "" : " (the end was not reached)");
	if (sweep.apart > 0)
		tap_note("%s, %s: %u times it ended between the two, and the next run mended it", what, fault->name, sweep.apart);
	if (long_run())
		tap_ok(sweep.reached_all, "%s, %s: every one was tried", what, fault->name);
}

static void wrong_say(struct sweep *sweep, const char *what, int code, enum found store, enum found kernel, const char *said)
{
	sweep->wrong++;
	tap_note("%s: %lu. %s: exit code %d, store %s, kernel %s: %.400s", what, sweep->k, sweep->fault->name, code, found_name(store),
		 found_name(kernel), said);
}

/* --- apply PROFILE --- */

static int apply_attempt(struct sweep *sweep)
{
	enum found before = store_found(), target = before == FOUND_A ? FOUND_B : FOUND_A;
	struct tally tally;
	char said[400];
	(void)traffic_read(traffic, &tally);
	traffic_go(traffic);
	fault_set(sweep->fault, sweep->k);
	int code = run((const char *const[]){"apply", profiles[target == FOUND_B], "--force", NULL});
	fault_clear(sweep->fault);
	snprintf(said, sizeof(said), "%s", buffer_text(&text));
	traffic_burst(traffic, 1); /* it may have been quick */
	bool well = none_leaked(&tally) && none_lost(&tally);
	enum found store = store_found(), kernel = kernel_found();
	bool good = well && (store == FOUND_A || store == FOUND_B) && (kernel == FOUND_A || kernel == FOUND_B);
	good = good && (code != 0 || (store == target && kernel == target));
	/* A refusal says that nothing was changed.  Only a death between the two may leave them apart; the store never is
	 * ahead of the kernel. */
	bool died = sweep->fault->developer && strcmp(sweep->fault->variable, "CORDON_FAIL_ALLOC") == 0;
	bool apart = store == before && kernel == target;
	good = good && (code == 0 || (store == before && kernel == before) || (died && (apart || (store == target && kernel == target))));
	sweep->apart += apart;
	if (!good)
		wrong_say(sweep, "apply", code, store, kernel, said);
	/* The next one mends it. */
	if (store != kernel && (run((const char *const[]){"apply", "--force", NULL}) != 0 || kernel_found() != store))
		wrong_say(sweep, "the apply after it", code, store, kernel, buffer_text(&text));
	return code;
}

/* --- config set, with a boot file --- */

static const char *const exemptions[2] = {"bootexemptions=tcp:0:80:inbound", "bootexemptions=tcp:0:80:inbound tcp:0:22:inbound"};

static enum found exemptions_found(void)
{
	if (run((const char *const[]){"config", "get", "bootexemptions", NULL}) != 0)
		return FOUND_MIXED;
	return strstr(buffer_text(&text), ":22:") != NULL ? FOUND_B : strstr(buffer_text(&text), ":80:") != NULL ? FOUND_A : FOUND_MIXED;
}

/* Whether it would load, and says what the store says: then it is that, otherwise the other. */
static enum found boot_found(void)
{
	enum found store = exemptions_found();
	(void)run((const char *const[]){"boot", "status", "--json", NULL});
	bool loads = strstr(buffer_text(&text), "\"loads\": true") != NULL;
	if (!loads || store == FOUND_MIXED)
		return FOUND_MIXED;
	if (strstr(buffer_text(&text), "\"current\": true") != NULL)
		return store;
	return strstr(buffer_text(&text), "\"current\": false") == NULL ? FOUND_MIXED : store == FOUND_A ? FOUND_B : FOUND_A;
}

static int config_attempt(struct sweep *sweep)
{
	enum found before = exemptions_found(), target = before == FOUND_A ? FOUND_B : FOUND_A;
	char said[400];
	fault_set(sweep->fault, sweep->k);
	int code = run((const char *const[]){"config", "set", exemptions[target == FOUND_B], NULL});
	fault_clear(sweep->fault);
	snprintf(said, sizeof(said), "%s", buffer_text(&text));
	enum found store = exemptions_found(), boot = boot_found();
	bool whole = (store == FOUND_A || store == FOUND_B) && (boot == FOUND_A || boot == FOUND_B);
	bool died = strcmp(sweep->fault->variable, "CORDON_FAIL_ALLOC") == 0;
	/* The boot file comes after the commit: a death or a failure in between is said, and status finds it. */
	bool good = whole && (code != 0 || (store == target && boot == target)) && (store == boot || store == target);
	good = good && (code == 0 || store == boot || died || strstr(said, "cordon boot install") != NULL);
	sweep->apart += whole && store != boot;
	if (!good)
		wrong_say(sweep, "config set", code, store, boot, said);
	if (store != boot && (run((const char *const[]){"boot", "install", NULL}) != 0 || boot_found() != store))
		wrong_say(sweep, "boot install after it", code, store, boot, buffer_text(&text));
	return code;
}

/* --- boot install --root --- */

static void file_make(const char *path, const char *bytes)
{
	char whole[256];
	snprintf(whole, sizeof(whole), "%s%s", tree, path);
	for (char *at = strchr(whole + strlen(tree) + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
		*at = '\0';
		mkdir(whole, 0755);
		*at = '/';
	}
	FILE *file = fopen(whole, "we");
	if (file == NULL || fputs(bytes, file) < 0 || fclose(file) != 0 || chmod(whole, 0755) < 0)
		abort();
}

/* A line for each file of the tree: its name, and its length.  Folders, and files on the way that nothing looks at and
 * the next run removes, do not count where a run has died.  */
static void tree_list(const char *folder, bool all, struct buffer *list)
{
	struct dirent **entries = NULL;
	int count = scandir(folder, &entries, NULL, alphasort);
	for (int i = 0; i < count; i++) {
		char path[512];
		struct stat status;
		snprintf(path, sizeof(path), "%s/%s", folder, entries[i]->d_name);
		bool dot = strcmp(entries[i]->d_name, ".") == 0 || strcmp(entries[i]->d_name, "..") == 0;
		bool counts = all || strstr(entries[i]->d_name, ".cordon-") == NULL;
		if (!dot && counts && lstat(path, &status) == 0) {
			if (all || !S_ISDIR(status.st_mode))
				buffer_printf(list, "%s %o %lld\n", path + strlen(tree), status.st_mode, S_ISDIR(status.st_mode) ? 0LL : (long long)status.st_size);
			if (S_ISDIR(status.st_mode))
				tree_list(path, all, list);
		}
		free(entries[i]);
	}
	free(entries);
}

static char *tree_take(bool all)
{
	struct buffer list;
	buffer_init(&list, 1 << 20);
	tree_list(tree, all, &list);
	char *copy = memory_text(buffer_text(&list));
	buffer_done(&list);
	return copy;
}

static char *trees[2][2]; /* without and with what is installed; not all, all */

static int install_run(const char *word)
{
	return run((const char *const[]){"boot", word, "--root", tree, NULL});
}

static int install_attempt(struct sweep *sweep)
{
	char said[400];
	fault_set(sweep->fault, sweep->k);
	int code = install_run("install");
	fault_clear(sweep->fault);
	snprintf(said, sizeof(said), "%s", buffer_text(&text));
	bool died = strcmp(sweep->fault->variable, "CORDON_FAIL_ALLOC") == 0;
	char *now = tree_take(!died);
	bool installed = strcmp(now, trees[1][!died]) == 0, old = strcmp(now, trees[0][!died]) == 0;
	if ((!installed && !old) || (code == 0 && !installed)) {
		wrong_say(sweep, "boot install", code, installed ? FOUND_B : old ? FOUND_A : FOUND_MIXED, FOUND_A, said);
		tap_note("%s", now);
	}
	free(now);
	if (install_run("uninstall") != 0)
		wrong_say(sweep, "boot uninstall after it", code, FOUND_MIXED, FOUND_MIXED, buffer_text(&text));
	now = tree_take(true);
	if (strcmp(now, trees[0][1]) != 0)
		wrong_say(sweep, "what uninstall leaves", code, FOUND_MIXED, FOUND_MIXED, now);
	free(now);
	return code;
}

static bool install_begin(void)
{
	static const char *const files[] = {"/usr/bin/cordon-boot", "/usr/bin/cordond", "/usr/lib/systemd/systemd",
					    "/usr/share/initramfs-tools/hook-functions", "/etc/systemd/system/x.service",
					    "/etc/initramfs-tools/hooks/x", "/etc/initramfs-tools/scripts/init-top/x", "/etc/cordon/x",
					    "/var/lib/x"};
	for (size_t i = 0; i < ARRAY_LENGTH(files); i++)
		file_make(files[i], "");
	for (unsigned all = 0; all < 2; all++)
		trees[0][all] = tree_take(all);
	bool good = install_run("install") == 0;
	for (unsigned all = 0; all < 2; all++)
		trees[1][all] = tree_take(all);
	good = good && install_run("uninstall") == 0;
	char *again = tree_take(true);
	good = good && strcmp(again, trees[0][1]) == 0 && strcmp(trees[0][0], trees[1][0]) != 0;
	free(again);
	return tap_ok(good, "boot install and uninstall in a tree: %.200s", good ? "" : buffer_text(&text));
}

/* --- The service --- */

static pid_t service;

static void service_begin(void)
{
	lab_enter(lab, LAB_SERVER);
	service = serve_start();
	lab_leave(lab);
}

static bool service_ended(void)
{
	return service <= 0 || (waitpid(service, NULL, WNOHANG) == service && (service = -1, true));
}

static void service_end(void)
{
	if (service > 0) {
		kill(service, SIGKILL);
		waitpid(service, NULL, 0);
	}
	service = -1;
	(void)traffic_alone(traffic, SETTLE);
}

/* As at power-on, with start-up rules that block. */
static bool startup_load(void)
{
	(void)unlink(DRIVER_FILE);
	(void)unlink(DRIVER_FILE ".settings");
	lab_enter(lab, LAB_SERVER);
	bool good = nftables_lift(NULL) == 0 && bootrun(BOOTFILE, "cordon-boot", DRIVER_FILE, NULL) == EXIT_DONE;
	lab_leave(lab);
	return good;
}

/* Waits until the kernel has it, at most so long; what it has. */
static enum found kernel_wait(enum found wanted, int64_t most, bool while_it_runs)
{
	enum found found = FOUND_MIXED;
	for (int64_t begin = tap_now(); tap_now() - begin < most; serve_pause(10)) {
		bool ended = while_it_runs && service_ended();
		/* In the middle of a change it is a bit of both. */
		found = kernel_found();
		if (found == wanted || ended)
			break;
	}
	return kernel_found() == found ? found : kernel_found();
}

static bool store_set(unsigned which)
{
	char script[2048];
	policy_text(which, script);
	return serve_script(script);
}

static int service_attempt(struct sweep *sweep)
{
	struct tally tally;
	if (!store_set(0) || !startup_load() || kernel_found() != FOUND_STARTUP) {
		wrong_say(sweep, "start-up", 0, FOUND_A, kernel_found(), "");
		return 0;
	}
	(void)traffic_read(traffic, &tally);
	serve_read(serve_log(), &text);
	size_t said = text.length;
	fault_set(sweep->fault, sweep->k);
	service_begin();
	fault_clear(sweep->fault);
	enum found first = kernel_wait(FOUND_A, sweep->fault->forever ? SETTLE_FOREVER : SETTLE, true);
	bool alive = !service_ended();
	bool set = store_set(1);
	enum found second = alive ? kernel_wait(FOUND_B, sweep->fault->forever ? SETTLE_FOREVER : SETTLE, true) : kernel_found();
	bool died = service_ended();
	/* Who lives on gets there, unless all goes on failing; who dies leaves the old, or block.  (What fails on the way to
	 * secure blocks for a moment, also what is permitted.) */
	bool blocks = second == FOUND_STARTUP || second == FOUND_BLOCK;
	bool good = set && none_leaked(&tally) && first != FOUND_OPEN && first != FOUND_MIXED && first != FOUND_B &&
		    (second == FOUND_B || (died && second == FOUND_A) || ((died || sweep->fault->forever) && blocks));
	if (!good) {
		serve_read(serve_log(), &text);
		wrong_say(sweep, "cordond", died, first, second, buffer_text(&text) + (text.length > 380 ? text.length - 380 : 0));
	}
	service_end();
	if (died) {
		/* The next one repairs. */
		service_begin();
		enum found after = kernel_wait(FOUND_B, SETTLE, false);
		if (after != FOUND_B || !none_leaked(&tally))
			wrong_say(sweep, "the cordond after it", 0, FOUND_B, after, "");
		service_end();
	}
	serve_read(serve_log(), &text);
	bool told = strstr(buffer_text(&text) + (text.length > said ? said : text.length), strerror(ENOBUFS)) != NULL;
	return died || told;
}

/* --- The whole --- */

static bool world_begin(struct buffer *why)
{
	static const char facts[] = "{\"addresses\": [\"192.0.2.10/24\", \"2001:db8::10/64\"]}";
	static struct lab_packet packets[ROWS];
	host_init(&host);
	if (host_parse(facts, strlen(facts), "facts", NULL, &host) < 0)
		abort();
	lab = lab_new(&host, why);
	if (lab == NULL)
		return false;
	for (size_t i = 0; i < ROWS; i++)
		if (packet_parse(rows[i], strlen(rows[i]), &host, NULL, NULL, &packets[i].packet) < 0)
			abort();
	lab_send(lab, packets, ROWS);
	traffic = traffic_new(lab, packets, ROWS, OFFERED);
	return tap_ok(traffic != NULL && kernel_found() == FOUND_OPEN, "without rules all packets get through");
}

static bool policies_begin(void)
{
	bool good = true;
	for (unsigned i = 0; i < 2 && good; i++) {
		const char name[] = {"AB"[i], '\0'};
		good = store_set(i) && run((const char *const[]){"save", "--policy", name, "-O", profiles[i], NULL}) == 0;
	}
	/* B, A, and B again: as they are after an apply of the other. */
	for (unsigned i = 0; i < 3 && good; i++) {
		unsigned which = 1 - i % 2;
		int code = run((const char *const[]){"apply", profiles[which], "--force", NULL});
		good = code == 0 && kernel_found() == (which == 0 ? FOUND_A : FOUND_B);
		if (!good)
			tap_note("apply: exit code %d: %s", code, buffer_text(&text));
		free(dumps[which]);
		dumps[which] = dump_take();
	}
	return tap_ok(good && strcmp(dumps[0], dumps[1]) != 0 && store_found() == FOUND_B, "two profiles are applied in turn: %.300s",
		      good ? "" : buffer_text(&text));
}

static bool boot_begin(void)
{
	bool good = run((const char *const[]){"config", "set", "bootmode=block", NULL}) == 0 &&
		    run((const char *const[]){"boot", "install", NULL}) == 0;
	for (unsigned i = 2; i-- > 0 && good;)
		good = run((const char *const[]){"config", "set", exemptions[i], NULL}) == 0 &&
		       boot_found() == (i == 0 ? FOUND_A : FOUND_B);
	/* What the store says is more than the two policies now. */
	for (unsigned i = 0; i < 2 && good; i++) {
		good = run((const char *const[]){"apply", profiles[i], "--force", NULL}) == 0;
		free(dumps[i]);
		dumps[i] = dump_take();
	}
	return tap_ok(good && boot_found() == FOUND_A,
		      "a boot file is installed: %.300s", good ? "" : buffer_text(&text));
}

static void parts_run(void)
{
	static const struct {
		const char *what;
		attempt_fn *attempt;
		unsigned dense[FAULTS]; /* for the short run; 0: not there */
	} parts[] = {
		{"apply", apply_attempt, {2, 4, 6, 2, 7, 3, 3}},
		{"config set", config_attempt, {2, 0, 6, 2, 7, 3, 3}},
		{"boot install --root", install_attempt, {2, 0, 6, 2, 6, 6, 2}},
		{"cordond", service_attempt, {1, 3, 2, 1, 2, 3, 1}},
	};
	const char *only = getenv("CORDON_PART");
	for (size_t i = 0; i < ARRAY_LENGTH(parts); i++)
		for (size_t j = 0; j < FAULTS; j++)
			if (parts[i].dense[j] > 0 && (only == NULL || strstr(parts[i].what, only) != NULL))
				sweep_make(parts[i].what, &faults[j], parts[i].attempt, parts[i].dense[j]);
}

int main(void)
{
	struct buffer why;
	serve_enter();
	unsetenv("SSH_CONNECTION");
	buffer_init(&text, 1 << 24);
	buffer_init(&why, 4096);
	const char *folder = process_folder();
	snprintf(told_path, sizeof(told_path), "%s/told", folder);
	snprintf(tree, sizeof(tree), "%s/tree", folder);
	mkdir(tree, 0755);
	for (unsigned i = 0; i < 2; i++)
		snprintf(profiles[i], sizeof(profiles[i]), "%s/%c.json", folder, "AB"[i]);
	if (!world_begin(&why))
		tap_skip_all("no lab: %s", buffer_text(&why));
	if (policies_begin() && boot_begin() && install_begin())
		parts_run();
	traffic_free(traffic);
	lab_free(lab);
	host_done(&host);
	for (unsigned i = 0; i < 2; i++) {
		free(dumps[i]);
		free(trees[i][0]);
		free(trees[i][1]);
	}
	buffer_done(&why);
	buffer_done(&text);
	return tap_done();
}
