/* What is installed in a tree: the table, the texts, and that all of it is put in place or nothing.  write, fsync,
 * renameat, linkat, symlinkat, mkdirat and unlinkat of the code under test are ours (-Wl,--wrap), so that the k-th of
 * them fails. */
#include <errno.h>
#include <sys/wait.h>

#include "bootcfg/boot/bootmessages.h"
#include "bootcfg/boot/install.h"
#include "bootcfg/boot/staging.h"
#include "core/base/arena.h"
#include "core/base/error.h"
#include "tree.h"

/* --- Faults --- */

enum call { CALL_WRITE, CALL_FSYNC, CALL_RENAME, CALL_LINK, CALL_SYMLINK, CALL_MKDIR, CALL_UNLINK, CALLS };
static const char *const call_names[CALLS] = {"write", "fsync", "rename", "link", "symlink", "mkdir", "unlink"};
static struct {
	enum call call;
	long left;    /* calls until the one that fails; -1: none does */
	bool forever;
} fault = {.left = -1};

static bool fails(enum call call)
{
	if (fault.left < 0 || fault.call != call || (fault.left > 0 && --fault.left > 0))
		return false;
	fault.left = fault.forever ? 0 : -1;
	errno = EIO;
	return true;
}

ssize_t __real_write(int, const void *, size_t);
ssize_t __wrap_write(int, const void *, size_t);
int __wrap_fsync(int);
int __real_renameat(int, const char *, int, const char *);
int __wrap_renameat(int, const char *, int, const char *);
int __real_linkat(int, const char *, int, const char *, int);
int __wrap_linkat(int, const char *, int, const char *, int);
int __real_symlinkat(const char *, int, const char *);
int __wrap_symlinkat(const char *, int, const char *);
int __real_mkdirat(int, const char *, mode_t);
int __wrap_mkdirat(int, const char *, mode_t);
int __real_unlinkat(int, const char *, int);
int __wrap_unlinkat(int, const char *, int);

/* Half of it is written. */
ssize_t __wrap_write(int descriptor, const void *bytes, size_t length)
{
	if (!fails(CALL_WRITE))
		return __real_write(descriptor, bytes, length);
	(void)__real_write(descriptor, bytes, length / 2);
	errno = ENOSPC;
	return -1;
}
/* Nothing here outlives the test, so nothing must reach the disk. */
int __wrap_fsync(int descriptor) { return fails(CALL_FSYNC) || descriptor < 0 ? -1 : 0; }
int __wrap_renameat(int a, const char *from, int b, const char *to) { return fails(CALL_RENAME) ? -1 : __real_renameat(a, from, b, to); }
int __wrap_linkat(int a, const char *from, int b, const char *to, int flags)
{
	return fails(CALL_LINK) ? -1 : __real_linkat(a, from, b, to, flags);
}
int __wrap_symlinkat(const char *to, int folder, const char *name) { return fails(CALL_SYMLINK) ? -1 : __real_symlinkat(to, folder, name); }
int __wrap_mkdirat(int folder, const char *name, mode_t mode) { return fails(CALL_MKDIR) ? -1 : __real_mkdirat(folder, name, mode); }

int __wrap_unlinkat(int folder, const char *name, int flags) { return flags == 0 && fails(CALL_UNLINK) ? -1 : __real_unlinkat(folder, name, flags); }

/* --- The tree --- */

static struct state *state;
static struct diag diag;

static void begin(void)
{
	tree_fill();
	state = state_new();
	diag_init(&diag);
	struct buffer messages, words;
	buffer_init(&messages, 4096);
	buffer_init(&words, 4096);
	int error = scratch_text("add table inet cordon", &messages, &words);
	if (error == -EUSERS) {
		tree_remove(); /* what is skipped has no end */
		cr_skip_test("SKIPPED: %s", buffer_text(&words));
	}
	buffer_done(&messages);
	buffer_done(&words);
}

static void end(void)
{
	tree_remove();
	state_free(state);
	diag_done(&diag);
}

static const char *said(void)
{
	return diag.count > 0 ? diag.messages[diag.count - 1].text : "";
}

static void mode_set(const char *mode)
{
	cr_assert_eq(config_set(&state->config, PROPERTY_BOOTMODE, mode, strlen(mode), &diag, NULL), 0);
}

enum job { JOB_PUT, JOB_REMOVE, JOB_REFRESH };

static int job_run(enum job job)
{
	struct install install;
	struct bootfile_change *change = NULL;
	bool changed = false;
	diag_clear(&diag);
	if (job == JOB_REFRESH) {
		int staged = bootfile_stage(tree, state, &diag, &change);
		return staged == 0 ? bootfile_publish(change, &diag) : staged;
	}
	int error = install_find(&install, tree, NULL, &diag);
	install.state = state;
	if (error == 0)
		error = job == JOB_PUT ? install_put(&install, &diag, &changed) : install_remove(&install, &diag, &changed);
	install_done(&install);
	return error;
}

static enum install_is is_of(const char *path)
{
	struct install install;
	struct install_item *items;
	size_t count;
	enum install_is is = INSTALL_NOT_NEEDED;
	struct arena *arena = arena_new();
	cr_assert_eq(install_find(&install, tree, NULL, &diag), 0);
	install.state = state;
	install_list(&install, arena, &items, &count);
	for (size_t i = 0; i < count; i++)
		if (strcmp(items[i].path, path) == 0 || strcmp(path, "*") == 0)
			is = items[i].is == INSTALL_MISSING || items[i].is == INSTALL_OTHER || is == INSTALL_NOT_NEEDED ? items[i].is : is;
	install_done(&install);
	arena_free(arena);
	return is;
}

static char *tree_path(const char *path)
{
	static char whole[4][512];
	static unsigned next;
	char *text = whole[next++ % 4];
	snprintf(text, sizeof(whole[0]), "%s%s", tree, path);
	return text;
}

TestSuite(install, .init = begin, .fini = end);

Test(install, put_list_and_remove_read_one_table)
{
	struct buffer before = tree_print(), after;
	mode_set("stateful");
	cr_expect_eq(is_of("*"), INSTALL_MISSING);
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_expect_eq(is_of("*"), INSTALL_OURS);
	struct buffer first = tree_print();
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	after = tree_print();
	cr_expect_str_eq(buffer_text(&first), buffer_text(&after), "again changes nothing");
	buffer_done(&after);
	cr_expect_eq(job_run(JOB_REMOVE), 0, "%s", said());
	cr_expect_eq(is_of("*"), INSTALL_MISSING);
	after = tree_print();
	cr_expect_null(strstr(buffer_text(&after), "cordon.conf"));
	cr_expect_null(strstr(buffer_text(&after), ".service"));
	cr_expect_null(strstr(buffer_text(&after), ".wants"));
	cr_expect_null(strstr(buffer_text(&after), "/etc/cordon/"));
	cr_expect_null(strstr(buffer_text(&after), "hooks/"));
	cr_expect_not_null(strstr(buffer_text(&after), "/usr/bin/cordon-boot"));
	cr_expect_eq(job_run(JOB_REMOVE), 0, "removing nothing is no error");
	buffer_done(&before);
	buffer_done(&first);
	buffer_done(&after);
}

/* The texts are data that others rely on: read the diff. */
Test(units, the_texts_are_those_of_the_golden_files)
{
	static const struct {
		const char *name;
		void (*make)(const struct install *install, struct buffer *text);
	} rows[] = {
		{"cordon-boot.service", unit_boot}, {"cordond.service", unit_service}, {"dropin.conf", unit_dropin},
		{"initramfs.hook", initramfs_hook}, {"initramfs.script", initramfs_script},
	};
	char programs[] = "/usr/bin";
	const struct install install = {.root = "", .programs = programs};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char path[1024], golden[1 << 14];
		struct buffer text;
		buffer_init(&text, sizeof(golden));
		rows[i].make(&install, &text);
		snprintf(path, sizeof(path), "%s/tests/golden/boot/%s", CORDON_SOURCE, rows[i].name);
		if (getenv("CORDON_UPDATE") != NULL) {
			FILE *file = fopen(path, "w");
			cr_assert_not_null(file);
			fputs(buffer_text(&text), file);
			fclose(file);
		}
		FILE *file = fopen(path, "r");
		cr_assert_not_null(file, "%s (CORDON_UPDATE=1 makes it)", path);
		golden[fread(golden, 1, sizeof(golden) - 1, file)] = '\0';
		fclose(file);
		cr_expect_str_eq(buffer_text(&text), golden, "%s", rows[i].name);
		buffer_done(&text);
	}
}

Test(install, a_change_of_anything_is_seen_and_mended)
{
	static const char *const paths[] = {
		"/etc/systemd/system/cordon-boot.service", "/etc/systemd/system/cordond.service", "/etc/initramfs-tools/hooks/cordon",
		"/etc/initramfs-tools/scripts/init-top/cordon", "/etc/systemd/system/ifup@.service.d/cordon.conf", "/etc/cordon/boot",
	};
	mode_set("block");
	for (size_t i = 0; i < ARRAY_LENGTH(paths); i++) {
		cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
		cr_expect_eq(is_of("*"), INSTALL_OURS, "%s", paths[i]);
		cr_assert_eq(chmod(tree_path(paths[i]), 0666), 0);
		cr_expect_eq(is_of(paths[i]), INSTALL_OTHER, "mode of %s", paths[i]);
		cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
		cr_expect_eq(is_of("*"), INSTALL_OURS, "%s", paths[i]);
		tree_file(paths[i], 0644);
		cr_expect_eq(is_of(paths[i]), INSTALL_OTHER, "content of %s", paths[i]);
		cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
		cr_assert_eq(unlink(tree_path(paths[i])), 0);
		cr_expect_eq(is_of(paths[i]), INSTALL_MISSING, "%s", paths[i]);
	}
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_assert_eq(unlink(tree_path("/etc/systemd/system/sysinit.target.wants/cordon-boot.service")), 0);
	cr_assert_eq(symlink("/dev/null", tree_path("/etc/systemd/system/sysinit.target.wants/cordon-boot.service")), 0);
	cr_expect_eq(is_of("/etc/systemd/system/sysinit.target.wants/cordon-boot.service"), INSTALL_OTHER);
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_expect_eq(is_of("*"), INSTALL_OURS);
}

/* Everything but the units still works; what is not there is not served. */
Test(install, without_systemd_or_initramfs_tools)
{
	cr_assert_eq(unlink(tree_path("/usr/lib/systemd/systemd")), 0);
	mode_set("block");
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_expect_eq(is_of("/etc/cordon/boot"), INSTALL_OURS);
	cr_expect_eq(is_of("/etc/initramfs-tools/hooks/cordon"), INSTALL_OURS);
	cr_expect_eq(is_of("/etc/systemd/system/cordon-boot.service"), INSTALL_NOT_NEEDED);
	cr_expect_eq(job_run(JOB_REMOVE), 0);
	cr_assert_eq(unlink(tree_path("/usr/share/initramfs-tools/hook-functions")), 0);
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_expect_eq(is_of("/etc/initramfs-tools/hooks/cordon"), INSTALL_NOT_NEEDED);
	tree_file("/lib/systemd/systemd", 0755);
	cr_assert_eq(unlink(tree_path("/usr/bin/cordond")), 0);
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_expect_eq(is_of("/etc/systemd/system/cordon-boot.service"), INSTALL_OURS);
	cr_expect_eq(is_of("/etc/systemd/system/cordond.service"), INSTALL_NOT_NEEDED, "no cordond there");
}

Test(install, without_the_program_nothing_is_installed)
{
	struct buffer before, after;
	cr_assert_eq(unlink(tree_path("/usr/bin/cordon-boot")), 0);
	before = tree_print();
	cr_expect_eq(job_run(JOB_PUT), ERROR_SYSTEM);
	cr_expect_not_null(strstr(said(), "there is no cordon-boot in"), "%s", said());
	after = tree_print();
	cr_expect_str_eq(buffer_text(&before), buffer_text(&after));
	buffer_done(&before);
	buffer_done(&after);
}

/* The program beside the caller is taken when it is in the tree, and named as the tree names it. */
Test(install, programs_beside_the_caller_come_first)
{
	struct install install;
	tree_file("/opt/here/cordon-boot", 0755);
	cr_assert_eq(install_find(&install, tree, tree_path("/opt/here"), &diag), 0);
	cr_expect_str_eq(install.programs, "/opt/here");
	cr_expect_not(install.service);
	install_done(&install);
	cr_assert_eq(install_find(&install, tree, "/usr", &diag), 0);
	cr_expect_str_eq(install.programs, "/usr/bin");
	cr_expect(install.service);
	install_done(&install);
	tree_file("/opt/a b/cordon-boot", 0755);
	cr_assert_eq(install_find(&install, tree, tree_path("/opt/a b"), &diag), 0);
	bool changed;
	install.state = state;
	cr_expect_eq(install_put(&install, &diag, &changed), ERROR_SYSTEM, "a unit cannot name it plainly");
	install_done(&install);
	cr_expect_eq(install_find(&install, "/does/not/exist", NULL, &diag), ERROR_INPUT);
	install_done(&install);
}

/* Links in a tree are meant for who boots it: absolute ones must not lead out of it. */
Test(install, no_link_leads_out_of_the_tree)
{
	char outside[] = "/tmp/cordon-test-XXXXXX";
	struct stat status;
	cr_assert_not_null(mkdtemp(outside));
	mode_set("block");
	tree_file("/etc/x", 0644);
	cr_assert_eq(symlink(outside, tree_path("/etc/cordon")), 0);
	cr_assert_eq(symlink("../../../../../../../../tmp", tree_path("/etc/initramfs-tools")), 0);
	cr_expect_neq(job_run(JOB_PUT), 0, "the link leads to a folder that the tree has not");
	char *inside = tree_path(outside);
	cr_assert_eq(mkdir(tree_path("/tmp"), 0755), 0);
	cr_assert_eq(mkdir(inside, 0755), 0);
	cr_expect_eq(job_run(JOB_PUT), 0, "%s", said());
	char path[512];
	snprintf(path, sizeof(path), "%s/boot", inside);
	cr_expect_eq(lstat(path, &status), 0, "it is where the tree's own /tmp is");
	cr_expect_eq(lstat(tree_path("/tmp/hooks/cordon"), &status), 0);
	cr_expect_eq(rmdir(outside), 0, "and nothing is outside");
}

/* --- The k-th failure --- */

/* What stands before each sweep, and what the job makes of it. */
static void scene_set(enum job job)
{
	fault.left = -1;
	mode_set("stateful");
	tree_file("/usr/bin/cordon-boot", 0755);
	if (job == JOB_REMOVE || job == JOB_REFRESH)
		cr_assert_eq(job_run(JOB_PUT), 0, "%s", said());
	if (job == JOB_REFRESH)
		mode_set("block");
}

/* Returns how many calls were failed. */
static unsigned sweep(enum job job, enum call call, bool forever, const char *old, const char *new)
{
	unsigned failed = 0;
	for (long k = 1;; k++) {
		scene_set(job);
		fault.call = call;
		fault.forever = forever;
		fault.left = k;
		int error = job_run(job);
		bool reached = fault.left <= 0;
		fault.left = -1;
		/* What cannot be unlinked is left under a name that nobody looks at, and its folder with it; the next run
		 * takes it away. */
		tree_leftovers_hidden = call == CALL_UNLINK;
		struct buffer now = tree_print();
		tree_leftovers_hidden = false;
		cr_assert(error == 0 || error == ERROR_SYSTEM, "%s %ld: %s", call_names[call], k, said());
		cr_assert_eq(error != 0, diag.errors > 0, "%s %ld: an error is said", call_names[call], k);
		if (call == CALL_UNLINK && error == 0)
			cr_assert_eq(is_of("*"), job == JOB_REMOVE ? INSTALL_MISSING : INSTALL_OURS, "unlink number %ld", k);
		else
			cr_assert_str_eq(buffer_text(&now), error == 0 ? new : old, "%s number %ld%s, job %d: %s", call_names[call], k,
				 forever ? " and all after it" : "", (int)job, said());
		buffer_done(&now);
		failed += error != 0;
		/* Back to the scene. */
		if (error == 0 && job == JOB_PUT)
			cr_assert_eq(job_run(JOB_REMOVE), 0);
		if (job == JOB_REFRESH)
			cr_assert_eq(job_run(JOB_REMOVE), 0);
		if (error == 0 && !reached)
			return failed;
		cr_assert_lt(k, 500);
	}
}

static void sweep_all(enum job job, unsigned least)
{
	unsigned failed = 0;
	/* Once there and back: folders that are made stay. */
	scene_set(JOB_PUT);
	cr_assert_eq(job_run(JOB_PUT), 0, "%s", said());
	cr_assert_eq(job_run(JOB_REMOVE), 0, "%s", said());
	scene_set(job);
	struct buffer old = tree_print();
	cr_assert_eq(job_run(job), 0, "%s", said());
	struct buffer new = tree_print();
	cr_assert_str_neq(buffer_text(&old), buffer_text(&new));
	cr_assert_eq(job_run(JOB_REMOVE), 0, "%s", said());
	for (int call = 0; call < CALLS; call++)
		for (int forever = 0; forever < (call == CALL_UNLINK ? 1 : 2); forever++) {
			unsigned count = sweep(job, (enum call)call, forever, buffer_text(&old), buffer_text(&new));
			fprintf(stderr, "job %d, %s%s: %u refused\n", (int)job, call_names[call], forever ? " forever" : "", count);
			failed += count;
		}
	cr_expect_geq(failed, least, "%u were refused", failed);
	buffer_done(&old);
	buffer_done(&new);
}

Test(install, any_failure_of_an_installation_leaves_nothing) { sweep_all(JOB_PUT, 60); }
Test(install, any_failure_of_a_removal_leaves_all) { sweep_all(JOB_REMOVE, 30); }
Test(install, any_failure_of_a_refresh_leaves_the_old_file) { sweep_all(JOB_REFRESH, 5); }

Test(install, two_at_once_wait_for_each_other)
{
	struct staging *staging = NULL;
	cr_assert_eq(staging_new(tree, &diag, &staging), 0);
	pid_t child = fork();
	if (child == 0) {
		mode_set("block");
		_exit(job_run(JOB_PUT) == 0 ? 0 : 1);
	}
	int status = 0;
	cr_expect_eq(waitpid(child, &status, WNOHANG), 0, "it waits");
	staging_free(staging);
	waitpid(child, &status, 0);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	cr_expect_eq(is_of("*"), INSTALL_OURS);
}

/* The boot file follows the store only where one is installed. */
Test(install, a_refresh_needs_an_installed_file)
{
	struct bootfile_change *change = NULL;
	mode_set("block");
	cr_expect_eq(bootfile_stage(tree, state, &diag, &change), 0);
	cr_expect_null(change, "none is installed");
	cr_expect_eq(job_run(JOB_PUT), 0);
	cr_expect_eq(bootfile_stage(tree, state, &diag, &change), 0);
	cr_expect_null(change, "it says the same already");
	struct buffer before = tree_print();
	mode_set("stateful");
	cr_expect_eq(bootfile_stage(tree, state, &diag, &change), 0);
	cr_assert_not_null(change);
	bootfile_discard(change);
	struct buffer after = tree_print();
	cr_expect_str_eq(buffer_text(&before), buffer_text(&after), "what is discarded leaves nothing");
	buffer_done(&before);
	buffer_done(&after);
	cr_expect_eq(bootfile_publish(NULL, &diag), 0);
	bootfile_discard(NULL);
}
