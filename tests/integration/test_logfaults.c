/* The k-th allocation, read, map, write, output, fsync and rename fails in `cordon log`, `query`, `replay` and `audit`.  Each
 * time it is either as if nothing had been (or, where records were lost, as exit code 1 and a message say), or exit code 2
 * or 3 with a message, and then no file has changed.  Never a crash, a hang, half a file in place of a whole one, or
 * anything left beside it.
 * CORDON_LONG=1 tries every k; otherwise some of them. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include "core/base/attr.h"
#include "core/base/memory.h"
#include "tests/integration/process.h"
#include "tests/integration/tap.h"
#include "tests/unit/logparse/log_samples.h"

enum { PATIENCE = 10000 /* ms: then it hangs */, FILES = 3, SAID = 600 };

/* Of a sweep, when it is not the long run. */
#ifdef __SANITIZE_ADDRESS__
enum { RUNS = 3 };
#else
enum { RUNS = 9 };
#endif

static bool long_run(void)
{
	return getenv("CORDON_LONG") != NULL;
}

/* --- What is run --- */

#define CORDON CORDON_BUILD "/apps/cordon"

static const struct scene {
	const char *name;
	const char *words[12];
	const char *files[FILES];  /* that it writes */
	bool replaces;             /* the first is there before */
	const char *state;         /* one of them, that is SQLite's */
	bool summed;               /* of fewer records it is other output, not the beginning of the same */
} scenes[] = {
	{"log evtx", {"log", "in.evtx", "-o", "JSON"}, {0}, false, NULL, false},
	{"log evtx -O, two threads", {"log", "many.evtx", "-o", "CSV", "--threads", "2", "-O", "out"}, {"out"}, true, NULL, false},
	{"log evt -O", {"log", "in.evt", "--layout", "drops", "-O", "out"}, {"out"}, true, NULL, false},
	{"log gzip -O", {"log", "pfirewall.gz", "--zone", "UTC", "-o", "JSON", "-O", "out"}, {"out"}, true, NULL, false},
	{"log w3c", {"log", "drops.log"}, {0}, false, NULL, false},
	{"log w3c -O, a new file", {"log", "drops.log", "-O", "out"}, {"out"}, false, NULL, false},
	{"log --sort -O", {"log", "--sort", "drops.log", "kernel.log", "-O", "out"}, {"out"}, true, NULL, true},
	{"log --checkpoint -O", {"log", "drops.log", "--checkpoint", "mark", "-O", "out"}, {"out", "mark"}, true, NULL, false},
	{"query", {"query", "SELECT src-ip, COUNT(*) FROM drops.log GROUP BY src-ip ORDER BY src-ip", "-o:CSV"}, {0}, false, NULL, true},
	{"query INTO", {"query", "SELECT * INTO out FROM in.evtx", "-o:JSON"}, {"out"}, true, NULL, false},
	{"replay", {"replay", "drops.log", "--policy", "lockdown.netsh", "--host", "host.json", "-v"}, {0}, false, NULL, true},
	{"audit --since-last", {"audit", "job.json", "--since-last", "-q"}, {"out", "state.db"}, true, "state.db", true},
};

static const struct fault {
	const char *name, *call;
	bool mine;                 /* CORDON_FAIL_ALLOC, where malloc is the sanitizer's */
} faults[] = {
#ifdef __SANITIZE_ADDRESS__
	{"allocation", NULL, true},
#else
	{"allocation", "malloc", false},
	{"map", "map", false},
#endif
	{"read", "read", false},
	{"output", "output", false},
	{"write", "write", false},
	{"fsync", "fsync", false},
	{"rename", "rename", false},
};

/* Ends at NULL; the program stands first. */
static void words_make(const struct scene *scene, const char *words[16])
{
	size_t count = 0;
	words[count++] = CORDON;
	for (size_t i = 0; i < ARRAY_LENGTH(scene->words) && scene->words[i] != NULL; i++)
		words[count++] = scene->words[i];
	words[count] = NULL;
}

/* --- Files --- */

static void text_write(const char *path, const void *bytes, size_t length)
{
	FILE *file = fopen(path, "we");
	if (file == NULL || fwrite(bytes, 1, length, file) != length || fclose(file) != 0)
		tap_skip_all("%s cannot be written: %s", path, strerror(errno));
}

static void sample_write(const char *path, const char *name, size_t count, bool packed)
{
	struct buffer bytes;
	buffer_init(&bytes, LOG_SAMPLE_MOST);
	log_sample_named(name)->make(count, &bytes);
	gzFile file = packed ? gzopen(path, "wbe") : NULL;
	if (!packed)
		text_write(path, bytes.data, bytes.length);
	else if (file == NULL || gzwrite(file, bytes.data, (unsigned)bytes.length) != (int)bytes.length || gzclose(file) != Z_OK)
		tap_skip_all("%s cannot be written", path);
	buffer_done(&bytes);
}

static void logs_make(void)
{
	static const char host[] = "{\"addresses\": [\"192.0.2.10/24\"]}";
	static const char policy[] =
		"ipsec static add policy name=lockdown assign=yes\n"
		"ipsec static add filteraction name=no action=block\n"
		"ipsec static add filter filterlist=every srcaddr=any dstaddr=any\n"
		"ipsec static add rule name=all policy=lockdown filterlist=every filteraction=no\n";
	static const char job[] =
		"{\"name\": \"faults\", \"sources\": [\"drops.log\", \"in.evt\"], \"policy\": \"lockdown.netsh\", \"host\": \"host.json\", \"thresholds\": {\"unexpected\": 100},"
		" \"outputs\": [{\"format\": \"text\", \"file\": \"out\"}], \"state\": \"state.db\"}";
	struct buffer drops;
	buffer_init(&drops, 1 << 20);
	buffer_add_text(&drops, "#Software: Cordon\n#Version: 1.0\n#Date: 2026-11-20 00:00:00\n"
				"#Fields: date time x-source x-eventid x-action x-direction protocol src-ip src-port dst-ip dst-port x-count x-rule x-mode\n");
	for (unsigned i = 0; i < 4000; i++)
		buffer_printf(&drops, "2026-11-20 10:%02u:%02u cordon 4290 DROP in TCP 203.0.113.%u 40000 192.0.2.10 445 - all secure\n", i / 60 % 60, i % 60, i % 200);
	text_write("drops.log", drops.data, drops.length);
	buffer_done(&drops);
	text_write("host.json", host, sizeof(host) - 1);
	text_write("lockdown.netsh", policy, sizeof(policy) - 1);
	text_write("job.json", job, sizeof(job) - 1);
	sample_write("in.evtx", "evtx", 0, false);
	sample_write("many.evtx", "evtx", 1000, false);
	sample_write("in.evt", "evt", 0, false);
	sample_write("kernel.log", "kernel", 0, false);
	sample_write("pfirewall.gz", "pfirewall", 0, true);
}

static bool file_take(const char *path, struct buffer *text)
{
	char bytes[65536];
	size_t got;
	FILE *file = fopen(path, "re");
	buffer_clear(text);
	while (file != NULL && (got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buffer_add(text, bytes, got);
	return file != NULL && fclose(file) == 0;
}

/* What is in the folder, as one text. */
static void names_take(struct buffer *names)
{
	struct dirent **entries = NULL;
	int count = scandir(".", &entries, NULL, alphasort);
	buffer_clear(names);
	for (int i = 0; i < count; i++) {
		buffer_printf(names, "%s ", entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
}

/* --- A run --- */

struct run {
	int code;
	struct buffer out, err, files[FILES], names;
	bool there[FILES];
};

static void run_init(struct run *run)
{
	struct buffer *const buffers[] = {&run->out, &run->err, &run->files[0], &run->files[1], &run->files[2], &run->names};
	for (size_t i = 0; i < ARRAY_LENGTH(buffers); i++)
		buffer_init(buffers[i], 16 << 20);
}

static void run_done(struct run *run)
{
	struct buffer *const buffers[] = {&run->out, &run->err, &run->files[0], &run->files[1], &run->files[2], &run->names};
	for (size_t i = 0; i < ARRAY_LENGTH(buffers); i++)
		buffer_done(buffers[i]);
}

static void gather(int fd, struct buffer *text)
{
	char bytes[65536];
	off_t at = 0;
	buffer_clear(text);
	for (ssize_t got; (got = pread(fd, bytes, sizeof(bytes), at)) > 0; at += got)
		buffer_add(text, bytes, (size_t)got);
	close(fd);
}

/* The exit code, 128 and the signal, or -1: it hangs. */
static int program_run(const char *const words[], struct buffer *out, struct buffer *err)
{
	int fds[2] = {memfd_create("out", MFD_CLOEXEC), memfd_create("err", MFD_CLOEXEC)}, status = 0, code = -1;
	pid_t pid = process_start(words, fds[0], fds[1]), ended = 0;
	for (int64_t begin = tap_now(); pid > 0 && ended == 0 && tap_now() - begin < PATIENCE;) {
		ended = waitpid(pid, &status, WNOHANG);
		if (ended == 0)
			nanosleep(&(struct timespec){.tv_nsec = 500000}, NULL);
	}
	if (pid > 0 && ended == 0) {
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
	} else if (ended == pid) {
		code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	gather(fds[0], out);
	gather(fds[1], err);
	return code;
}

/* A header says when it was written. */
static void dates_hide(struct buffer *text)
{
	for (char *at = text->data; at != NULL && text->length > 0 && (at = strstr(at, "#Date: ")) != NULL; at += 7)
		for (size_t i = 7; at[i] != '\0' && at[i] != '\n' && at[i] != '\r'; i++)
			at[i] = '0';
}

static const char old_text[] = "what was there before\n";

static void scene_begin(const struct scene *scene)
{
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++)
		(void)unlink(scene->files[i]);
	if (scene->replaces)
		text_write(scene->files[0], old_text, sizeof(old_text) - 1);
}

static void scene_run(const struct scene *scene, struct run *run)
{
	const char *words[16];
	words_make(scene, words);
	run->code = program_run(words, &run->out, &run->err);
	dates_hide(&run->out);
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++) {
		run->there[i] = file_take(scene->files[i], &run->files[i]);
		dates_hide(&run->files[i]);
	}
	names_take(&run->names);
}

/* --- Faults --- */

struct counted {
	unsigned long count, failed;
};

static void fault_set(const struct fault *fault, unsigned long k)
{
	static const struct counted none;
	char number[24];
	snprintf(number, sizeof(number), "%lu", k);
	if (fault->mine) {
		setenv("CORDON_FAIL_ALLOC", number, 1);
		return;
	}
	text_write("../counted", &none, sizeof(none));
	setenv("CORDON_FAULT", fault->call, 1);
	setenv("CORDON_FAULT_AT", number, 1);
	setenv("CORDON_FAULT_SHARED", "../counted", 1);
	setenv("LD_PRELOAD", CORDON_FAULTS, 1);
}

/* How many there were, and how many of them failed. */
static struct counted fault_clear(void)
{
	static const char *const variables[] = {"CORDON_FAIL_ALLOC", "CORDON_FAULT", "CORDON_FAULT_AT", "CORDON_FAULT_SHARED", "LD_PRELOAD"};
	struct counted counted = {0, 0};
	for (size_t i = 0; i < ARRAY_LENGTH(variables); i++)
		unsetenv(variables[i]);
	FILE *file = fopen("../counted", "re");
	if (file != NULL) {
		if (fread(&counted, sizeof(counted), 1, file) != 1)
			counted.count = 0;
		fclose(file);
	}
	(void)unlink("../counted");
	return counted;
}

/* --- Judging --- */

static bool same(const struct buffer *a, const struct buffer *b)
{
	return a->length == b->length && (a->length == 0 || memcmp(a->data, b->data, a->length) == 0);
}

static bool begins(const struct buffer *whole, const struct buffer *part)
{
	return part->length <= whole->length && (part->length == 0 || memcmp(whole->data, part->data, part->length) == 0);
}

/* The state of an audit is SQLite's: whether it is whole the next run tells. */
static bool is_state(const struct scene *scene, size_t file)
{
	return scene->state != NULL && strcmp(scene->files[file], scene->state) == 0;
}

static bool files_same(const struct scene *scene, const struct run *a, const struct run *b)
{
	bool good = true;
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++)
		if (!is_state(scene, i))
			good = good && a->there[i] == b->there[i] && (!a->there[i] || same(&a->files[i], &b->files[i]));
	return good;
}

static bool files_old(const struct scene *scene, const struct run *run)
{
	bool good = true;
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++) {
		bool before = i == 0 && scene->replaces;
		bool kept = run->files[i].length == sizeof(old_text) - 1 && memcmp(run->files[i].data, old_text, sizeof(old_text) - 1) == 0;
		if (!is_state(scene, i))
			good = good && run->there[i] == before && (!before || kept);
	}
	return good;
}

static bool name_known(const struct scene *scene, const struct buffer *names, const char *name)
{
	/* What SQLite undoes by when it opens the state again, as the next run does. */
	bool known = scene->state != NULL && strcmp(name, "state.db-journal") == 0;
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++)
		known = known || strcmp(scene->files[i], name) == 0;
	size_t length = strlen(name);
	for (const char *at = buffer_text(names); !known && (at = strstr(at, name)) != NULL; at += length)
		known = at[length] == ' ' && (at == buffer_text(names) || at[-1] == ' ');
	return known;
}

/* No file is there that was not before and is none of the scene's; it does not stay. */
static bool none_left(const struct scene *scene, const struct run *clean)
{
	struct dirent **entries = NULL;
	int count = scandir(".", &entries, NULL, alphasort);
	bool good = true;
	for (int i = 0; i < count; i++) {
		if (!name_known(scene, &clean->names, entries[i]->d_name)) {
			good = false;
			(void)unlink(entries[i]->d_name);
		}
		free(entries[i]);
	}
	free(entries);
	return good;
}

/* The next run of an audit has nothing new to tell, or all of it, as the failed one said. */
static bool state_whole(const struct scene *scene, bool done)
{
	struct run next;
	run_init(&next);
	scene_run(scene, &next);
	const char *wanted = done ? "in 0 new records" : "in 4006 new records";
	bool good = next.code <= 1 && next.there[0] && strstr(buffer_text(&next.files[0]), wanted) != NULL;
	if (!good)
		tap_note("%s: the run after it: exit code %d, %.200s %.200s", scene->name, next.code, buffer_text(&next.err), buffer_text(&next.files[0]));
	run_done(&next);
	return good;
}

/* Two files cannot change at one moment: when the second fails at its very end the first is new, and the message is about
 * the second, which is the old one. */
static bool between(const struct scene *scene, const struct run *run, const struct run *clean)
{
	char named[64];
	if (scene->files[1] == NULL || !run->there[0] || !same(&run->files[0], &clean->files[0]))
		return false;
	snprintf(named, sizeof(named), "cordon: %s: error: ", scene->files[1]);
	return strstr(buffer_text(&run->err), named) != NULL && (is_state(scene, 1) || !run->there[1]);
}

/* What was lost is said, and the rest is whole. */
static const char *lost_judge(const struct scene *scene, const struct run *run, const struct run *clean)
{
	const struct buffer *got = scene->files[0] != NULL ? &run->files[0] : &run->out, *whole = scene->files[0] != NULL ? &clean->files[0] : &clean->out;
	if (scene->files[0] != NULL && !run->there[0])
		return "there is no file";
	if (got->length > 0 && got->data[got->length - 1] != '\n')
		return "the last line is not whole";
	return scene->summed || begins(whole, got) ? NULL : "records are lost, and others than at the end";
}

/* NULL, or what is wrong. */
static const char *run_judge(const struct scene *scene, const struct run *run, const struct run *clean)
{
	bool said = strstr(buffer_text(&run->err), "cordon: ") != NULL;
	bool left = !none_left(scene, clean);
	if (run->code < 0)
		return "it hangs";
	if (left)
		return "something is left";
	if (strstr(buffer_text(&run->err), "runtime error") != NULL || strstr(buffer_text(&run->err), "Sanitizer") != NULL)
		return "a sanitizer speaks";
	if (run->code == clean->code && same(&run->out, &clean->out) && files_same(scene, run, clean))
		return scene->state != NULL && !state_whole(scene, true) ? "its state is not what it said" : NULL;
	/* An audit says it where it says all. */
	bool found = scene->state != NULL && strstr(buffer_text(&run->files[0]), "unreadable: ") != NULL;
	if (run->code == 1 && clean->code == 0 && (said || found))
		return lost_judge(scene, run, clean);
	if (run->code != 2 && run->code != 3)
		return run->code >= 128 ? "a signal ended it" : "an exit code that is not documented, or other output";
	if (!said)
		return "it does not say why";
	if (!files_old(scene, run) && !between(scene, run, clean))
		return "a file has changed";
	if (!begins(&clean->out, &run->out))
		return "its output is not the beginning of what it should be";
	return scene->state != NULL && !state_whole(scene, false) ? "its state has changed" : NULL;
}

/* --- Sweeps --- */

struct sweep {
	const struct scene *scene;
	const struct fault *fault;
	const struct run *clean;
	unsigned long total;       /* of such calls in a run; 0: not known */
	unsigned runs, refused, wrong, failed;
};

/* Tries one; true: the failure came. */
static bool sweep_try(struct sweep *sweep, unsigned long k)
{
	struct run run = {.code = 0};
	run_init(&run);
	scene_begin(sweep->scene);
	fault_set(sweep->fault, k);
	scene_run(sweep->scene, &run);
	struct counted counted = fault_clear();
	const char *wrong = run_judge(sweep->scene, &run, sweep->clean);
	bool came = sweep->fault->mine ? strstr(buffer_text(&run.err), "out of memory") != NULL : counted.failed > 0;
	sweep->runs++;
	sweep->refused += run.code >= 2;
	sweep->failed += came;
	if (wrong != NULL && sweep->wrong++ < 3)
		tap_note("%s: %lu. %s: %s: exit code %d (as ever: %d): %.*s; files: %s", sweep->scene->name, k, sweep->fault->name, wrong, run.code,
			 sweep->clean->code, SAID, buffer_text(&run.err), buffer_text(&run.names));
	run_done(&run);
	return came;
}

static void sweep_make(const struct scene *scene, const struct fault *fault, const struct run *clean)
{
	struct sweep sweep = {.scene = scene, .fault = fault, .clean = clean};
	if (fault->mine) {
		/* Until none is reached any more; ever fewer of the large ones. */
		for (unsigned long k = 1; sweep_try(&sweep, k) && sweep.wrong < 3;)
			k += long_run() ? 1 : 1 + 2 * k;
	} else {
		struct run run = {.code = 0};
		run_init(&run);
		scene_begin(scene);
		fault_set(fault, 0);
		scene_run(scene, &run);
		sweep.total = fault_clear().count;
		sweep.wrong += run_judge(scene, &run, clean) != NULL;
		run_done(&run);
		unsigned long step = long_run() || sweep.total <= RUNS ? 1 : sweep.total / RUNS;
		for (unsigned long k = 1; k <= sweep.total && sweep.wrong < 3; k += step) {
			/* Where it is set up there is most to fail: its first ones are spread too. */
			(void)sweep_try(&sweep, k);
		}
		if (step > 1 && sweep.wrong < 3)
			(void)sweep_try(&sweep, sweep.total);
	}
	tap_ok(sweep.wrong == 0, "%s, %s: %u tried of %lu, %u came, %u refused", scene->name, fault->name, sweep.runs, sweep.total, sweep.failed, sweep.refused);
}

/* Reads that give little at a time are no failure. */
static void short_test(const struct scene *scene, const struct run *clean)
{
	static const struct fault little = {"short", "short", false};
	struct run run = {.code = 0};
	run_init(&run);
	scene_begin(scene);
	fault_set(&little, 0);
	scene_run(scene, &run);
	(void)fault_clear();
	tap_ok(run.code == clean->code && same(&run.out, &clean->out) && files_same(scene, &run, clean), "%s: the same by reads of 7 bytes", scene->name);
	run_done(&run);
}

static void scene_test(const struct scene *scene)
{
	struct run clean = {.code = 0};
	run_init(&clean);
	scene_begin(scene);
	scene_run(scene, &clean);
	bool wrote = scene->files[0] == NULL ? clean.out.length > 0 : clean.there[0] && clean.files[0].length > sizeof(old_text);
	if (tap_ok(clean.code <= 1 && wrote, "%s: exit code %d", scene->name, clean.code)) {
		short_test(scene, &clean);
		for (size_t i = 0; i < ARRAY_LENGTH(faults); i++)
			sweep_make(scene, &faults[i], &clean);
	} else {
		tap_note("%.*s", SAID, buffer_text(&clean.err));
	}
	scene_begin(scene);
	for (size_t i = 0; i < FILES && scene->files[i] != NULL; i++)
		(void)unlink(scene->files[i]);
	run_done(&clean);
}

int main(void)
{
	char place[256];
	const char *folder = process_folder(), *only = getenv("CORDON_PART");
	if (folder == NULL)
		tap_skip_all("no folder can be made");
	snprintf(place, sizeof(place), "%s/logs", folder);
	if (mkdir(place, 0700) < 0 || chdir(place) < 0)
		tap_skip_all("%s: %s", place, strerror(errno));
	setenv("CORDON_STORE", "../no-store.db", 1);
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
	logs_make();
	for (size_t i = 0; i < ARRAY_LENGTH(scenes); i++)
		if (only == NULL || strstr(scenes[i].name, only) != NULL)
			scene_test(&scenes[i]);
	/* The folder is not removed while somebody is in it. */
	if (chdir("/") < 0)
		tap_note("%s", strerror(errno));
	return tap_done();
}
