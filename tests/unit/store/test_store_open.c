/* What may be at the path: nothing, something else, a store that is damaged, newer, or not ours to write. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "core/store/store_internal.h"
#include "tests/unit/store/support.h"

TestSuite(store_open, .init = folder_make, .fini = folder_remove);

/* Opens and reads it: the error, and what was said; *ret_text (caller frees) when it was read. */
static int read_at(const char *path, struct diag *diag, char **ret_text)
{
	struct store *store = NULL;
	struct state *state = NULL;
	int error = store_open(path, STORE_READ, diag, &store);
	if (error == 0)
		error = store_read(store, 0, diag, &state);
	if (error == 0)
		*ret_text = state_text(state, true);
	state_free(state);
	store_close(store);
	return error;
}

static int open_to_write(const char *path, struct diag *diag)
{
	struct store *store = NULL;
	struct state *state = NULL;
	int error = store_open(path, STORE_WRITE, diag, &store);
	if (error == 0)
		error = store_begin(store, diag, &state);
	state_free(state);
	store_close(store);
	return error;
}

/* A store with something in it; returns its text, caller frees. */
static char *make_store(const char *path, uint64_t seed)
{
	struct random random = {seed};
	struct store *store = NULL;
	struct state *state = NULL;
	cr_assert_eq(store_open(path, STORE_WRITE, NULL, &store), 0);
	cr_assert_eq(store_begin(store, NULL, &state), 0);
	location_assign(&state->locations[LOCATION_LOCAL], random_policy(&random, state, &state->locations[LOCATION_LOCAL]));
	struct object *list = state->locations[LOCATION_LOCAL].filterlists.items[0];
	for (unsigned i = 0; i < 60; i++) {
		struct filter filter;
		random_filter(&random, state, &filter);
		filterlist_add(state, (struct filterlist *)list, &filter);
	}
	cr_assert_eq(store_commit(store, state, "made", NULL), 0);
	char *text = state_text(state, true);
	state_free(state);
	store_close(store);
	return text;
}

static void sql_run(const char *path, const char *sql)
{
	sqlite3 *db = NULL;
	cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(store_open, what_is_no_store_is_refused_by_its_kind)
{
	file_write(folder_path("text"), "policy web\n", 11);
	file_write(folder_path("empty"), "", 0);
	static const char zeros[8192];
	file_write(folder_path("zeros"), zeros, sizeof(zeros));
	file_write(folder_path("header"), "SQLite format 3\0", 16);
	sql_run(folder_path("other"), "CREATE TABLE t(a); PRAGMA user_version=1");
	sql_run(folder_path("theirs"), "PRAGMA application_id=252006673; CREATE TABLE t(a)");
	free(make_store(folder_path("newer"), 1));
	sql_run(folder_path("newer"), "PRAGMA user_version=999");
	free(make_store(folder_path("lacking"), 1));
	sql_run(folder_path("lacking"), "DROP TABLE rule");
	free(make_store(folder_path("trigger"), 1));
	sql_run(folder_path("trigger"), "CREATE TRIGGER x AFTER INSERT ON filter BEGIN DELETE FROM policy; END");
	free(make_store(folder_path("view"), 1));
	sql_run(folder_path("view"), "CREATE VIEW x AS SELECT 1");
	mkfifo(folder_path("fifo"), 0600);
	cr_assert_eq(symlink("nowhere", folder_path("dangling")), 0);
	static const struct {
		const char *name;
		int error;
		const char *words;
	} rows[] = {
		{".", ERROR_DAMAGED, "a directory, not a store"},
		{"fifo", ERROR_DAMAGED, "not a regular file, not a store"},
		{"text", ERROR_DAMAGED, "not a store: it is not an SQLite file"},
		{"empty", ERROR_DAMAGED, "the file is empty, which no store is"},
		{"zeros", ERROR_DAMAGED, "not an SQLite file"},
		{"header", ERROR_DAMAGED, "not an SQLite file"},
		{"other", ERROR_DAMAGED, "an SQLite file of another program"},
		{"theirs", ERROR_DAMAGED, "an SQLite file of another program"},
		{"newer", ERROR_DAMAGED, "this store has version 999, and this Cordon knows versions up to"},
		{"lacking", ERROR_DAMAGED, "the store is damaged"},
		{"trigger", ERROR_DAMAGED, "it has triggers or views"},
		{"view", ERROR_DAMAGED, "it has triggers or views"},
		{"text/store.db", ERROR_SYSTEM, "Not a directory"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		for (unsigned write = 0; write < 2; write++) {
			struct diag diag;
			char *text = NULL;
			diag_init(&diag);
			const char *path = folder_path(rows[i].name);
			int error = write ? open_to_write(path, &diag) : read_at(path, &diag, &text);
			cr_expect_eq(error, rows[i].error, "%s: %s", rows[i].name, error_text(error));
			cr_expect_eq(diag.errors, 1, "%s", rows[i].name);
			const char *words = said(&diag);
			cr_expect_not_null(strstr(words, rows[i].words), "%s: %s", rows[i].name, words);
			cr_expect_not_null(strstr(words, path), "%s: %s", rows[i].name, words);
			free(text);
			diag_done(&diag);
		}
	}
	struct diag diag;
	diag_init(&diag);
	cr_expect_eq(open_to_write(folder_path("no/such/folder.db"), &diag), ERROR_SYSTEM);
	cr_expect_not_null(strstr(said(&diag), "No such file or directory"));
	diag_done(&diag);
}

Test(store_open, odd_names_of_files_work)
{
	static const char *const names[] = {"a b?c=d&e#f%41.db", "caf\xc3\xa9.db", "new\nline.db", "file:x.db"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++) {
		char *want = make_store(folder_path(names[i]), 5), *got = NULL;
		cr_assert_eq(read_at(folder_path(names[i]), NULL, &got), 0, "%s", names[i]);
		cr_expect_str_eq(got, want);
		free(want);
		free(got);
	}
}

Test(store_open, a_truncated_file_is_found_out)
{
	free(make_store(folder_path("store.db"), 2));
	size_t length;
	char *bytes = file_read(folder_path("store.db"), &length);
	for (size_t cut = 1; cut < length; cut += cut < 200 ? 13 : 1021) {
		struct diag diag;
		char *text = NULL;
		diag_init(&diag);
		file_write(folder_path("cut.db"), bytes, length - cut);
		int error = read_at(folder_path("cut.db"), &diag, &text);
		cr_expect_eq(error, ERROR_DAMAGED, "%zu of %zu bytes: %s", length - cut, length, said(&diag));
		free(text);
		diag_done(&diag);
	}
	free(bytes);
}

Test(store_open, a_changed_byte_is_found_or_changes_nothing)
{
	char *want = make_store(folder_path("store.db"), 3);
	size_t length, found = 0, harmless = 0;
	char *bytes = file_read(folder_path("store.db"), &length);
	struct random random = {11};
	for (unsigned i = 0; i < 1500; i++) {
		size_t at = random_below(&random, i < 300 ? 200 : (uint32_t)length);
		char before = bytes[at];
		bytes[at] = (char)(bytes[at] ^ (1 << random_below(&random, 8)));
		file_write(folder_path("bad.db"), bytes, length);
		struct diag diag;
		char *text = NULL;
		diag_init(&diag);
		int error = read_at(folder_path("bad.db"), &diag, &text);
		cr_expect(error < 0 || strcmp(text, want) == 0, "byte %zu of %zu: a wrong state was read", at, length);
		cr_expect_eq(error < 0, diag.errors > 0, "byte %zu: every refusal says why", at);
		found += error < 0;
		harmless += error == 0;
		free(text);
		diag_done(&diag);
		bytes[at] = before;
		unlink(folder_path("bad.db-wal"));
		unlink(folder_path("bad.db-shm"));
	}
	cr_expect(found > 200 && harmless > 0, "%zu found, %zu harmless", found, harmless);
	free(bytes);
	free(want);
}

Test(store_open, rows_changed_behind_its_back_are_found)
{
	static const char *const changes[] = {
		"UPDATE filter SET dstport=4711 WHERE id=(SELECT max(id) FROM filter WHERE protocol=6)",
		"UPDATE filter SET srcaddr='any',dstaddr='any'",
		"DELETE FROM filter WHERE id=(SELECT max(id) FROM filter)",
		"DELETE FROM filter",
		"DELETE FROM rule",
		"DELETE FROM policy",
		"UPDATE policy SET assigned=1-assigned",
		"UPDATE filteraction SET action='permit',sum=sum+1",
		"UPDATE config SET value='0'",
		"INSERT INTO filter SELECT id+1000000,born,sum,filterlist,srcaddr,srcname,dstaddr,dstname,protocol,srcport,dstport,"
		"mirrored,replies,description,file,line FROM filter LIMIT 1",
		"DELETE FROM change",
		"UPDATE change SET total=total+1",
		"UPDATE change SET user=user||'x'",
		"UPDATE filterlist SET name='x'",
	};
	struct store *store = NULL;
	struct state *state = NULL;
	free(make_store(folder_path("store.db"), 4));
	cr_assert_eq(store_open(folder_path("store.db"), STORE_WRITE, NULL, &store), 0);
	cr_assert_eq(store_begin(store, NULL, &state), 0);
	config_set(&state->config, PROPERTY_IPSECEXEMPT, "3", 1, NULL, NULL);
	if (location_assigned(&state->locations[LOCATION_LOCAL])->rules.count == 0) {
		struct location *local = &state->locations[LOCATION_LOCAL];
		policy_add_rule(state, location_assigned(local), "r", (struct filterlist *)local->filterlists.items[0],
				(struct filteraction *)local->filteractions.items[0]);
	}
	cr_assert_eq(store_commit(store, state, "config", NULL), 0);
	state_free(state);
	store_close(store);
	size_t length;
	char *bytes = file_read(folder_path("store.db"), &length);
	for (size_t i = 0; i < ARRAY_LENGTH(changes); i++) {
		struct diag diag;
		char *text = NULL;
		diag_init(&diag);
		file_write(folder_path("bad.db"), bytes, length);
		sql_run(folder_path("bad.db"), changes[i]);
		int error = read_at(folder_path("bad.db"), &diag, &text);
		cr_expect_eq(error, ERROR_DAMAGED, "%s", changes[i]);
		cr_expect_not_null(strstr(said(&diag), "damaged and nothing of it was used"), "%s", changes[i]);
		free(text);
		diag_done(&diag);
	}
	free(bytes);
}

/* ---- as somebody else, or where nothing can be written ---- */

/* Runs it in a child that has no privilege; 0 when it is satisfied. */
static int run_as_nobody(int (*run)(void))
{
	pid_t child = fork();
	if (child == 0) {
		if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
			_exit(99);
		_exit(run());
	}
	int status = 0;
	cr_assert_eq(waitpid(child, &status, 0), child);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 98;
}

static char *wanted; /* the text of the store */

static int reads_what_is_wanted(void)
{
	struct diag diag;
	char *text = NULL;
	diag_init(&diag);
	if (read_at(folder_path("store.db"), &diag, &text) != 0) {
		fputs(said(&diag), stderr);
		return 1;
	}
	int wrong = strcmp(text, wanted) != 0;
	free(text);
	free(wanted);
	diag_done(&diag);
	return wrong ? 2 : 0;
}

static int is_refused_to_write(void)
{
	struct diag diag;
	diag_init(&diag);
	int error = open_to_write(folder_path("store.db"), &diag);
	const char *words = said(&diag);
	bool good = error == ERROR_SYSTEM && strstr(words, folder_path("store.db")) != NULL &&
		    (strstr(words, "Permission denied") != NULL || strstr(words, "Read-only file system") != NULL);
	if (!good)
		fprintf(stderr, "%s: %s", error_text(error), words);
	diag_done(&diag);
	free(wanted);
	return good ? 0 : 1;
}

static int is_refused_to_read(void)
{
	struct diag diag;
	char *text = NULL;
	diag_init(&diag);
	int error = read_at(folder_path("store.db"), &diag, &text);
	const char *words = said(&diag);
	bool good = error == ERROR_SYSTEM && strstr(words, "Permission denied") != NULL;
	if (!good)
		fprintf(stderr, "%s: %s", error_text(error), words);
	free(text);
	free(wanted);
	diag_done(&diag);
	return good ? 0 : 1;
}

Test(store_open, without_permission_to_write_it_is_read)
{
	wanted = make_store(folder_path("store.db"), 6);
	chmod(folder_path("store.db"), 0444);
	chmod(test_folder, 0555);
	cr_expect_eq(run_as_nobody(reads_what_is_wanted), 0);
	cr_expect_eq(run_as_nobody(is_refused_to_write), 0);
	/* A folder that can be written does not make the file one that can. */
	chmod(test_folder, 0777);
	cr_expect_eq(run_as_nobody(reads_what_is_wanted), 0);
	cr_expect_eq(run_as_nobody(is_refused_to_write), 0);
	/* And a file that can be written needs its folder for what goes beside it. */
	chmod(test_folder, 0555);
	chmod(folder_path("store.db"), 0666);
	cr_expect_eq(run_as_nobody(reads_what_is_wanted), 0);
	cr_expect_eq(run_as_nobody(is_refused_to_write), 0);
	chmod(test_folder, 0755);
	chmod(folder_path("store.db"), 0600);
	if (getuid() == 0)
		cr_expect_eq(run_as_nobody(is_refused_to_read), 0);
	else
		fprintf(stderr, "SKIPPED: a store of another user (this test does not run as root)\n");
	chmod(test_folder, 0000);
	if (getuid() == 0)
		cr_expect_eq(run_as_nobody(is_refused_to_read), 0);
	chmod(test_folder, 0700);
	free(wanted);
}

/* A copy of a store in use, as an image of a machine that crashed has it: the changes are in the -wal. */
static void make_crashed(void)
{
	struct store *store = NULL;
	struct state *state = NULL;
	size_t length;
	free(make_store(folder_path("live.db"), 8));
	cr_assert_eq(store_open(folder_path("live.db"), STORE_WRITE, NULL, &store), 0);
	cr_assert_eq(store_begin(store, NULL, &state), 0);
	config_set(&state->config, PROPERTY_BOOTMODE, "block", 5, NULL, NULL);
	cr_assert_eq(store_commit(store, state, "in the wal", NULL), 0);
	wanted = state_text(state, true);
	state_free(state);
	char *bytes = file_read(folder_path("live.db-wal"), &length);
	cr_assert_gt(length, 0);
	file_write(folder_path("store.db-wal"), bytes, length);
	free(bytes);
	bytes = file_read(folder_path("live.db"), &length);
	file_write(folder_path("store.db"), bytes, length);
	free(bytes);
	store_close(store);
}

Test(store_open, what_a_crash_left_in_the_wal_is_read_from_media_that_cannot_be_written)
{
	make_crashed();
	chmod(folder_path("store.db"), 0444);
	chmod(folder_path("store.db-wal"), 0444);
	mkdir(folder_path("tmp"), 0777);
	chmod(folder_path("tmp"), 0777);
	setenv("TMPDIR", folder_path("tmp"), 1);
	chmod(test_folder, 0555);
	cr_expect_eq(run_as_nobody(reads_what_is_wanted), 0);
	chmod(test_folder, 0700);
	cr_expect_eq(rmdir(folder_path("tmp")), 0, "nothing is left behind in TMPDIR");
	/* Where it can be written, it is recovered. */
	chmod(folder_path("store.db"), 0600);
	chmod(folder_path("store.db-wal"), 0600);
	char *text = NULL;
	cr_assert_eq(read_at(folder_path("store.db"), NULL, &text), 0);
	cr_expect_str_eq(text, wanted);
	cr_expect_neq(access(folder_path("store.db-wal"), F_OK), 0, "and tidied up");
	free(text);
	free(wanted);
}

static int in_read_only_mount(void)
{
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(test_folder, test_folder, NULL, MS_BIND, NULL) != 0 ||
	    mount(NULL, test_folder, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL) != 0)
		return 77;
	char *kept = memory_text(wanted);
	int result = reads_what_is_wanted();
	wanted = kept;
	return result != 0 ? result : is_refused_to_write() != 0 ? 3 : 0;
}

Test(store_open, a_store_on_read_only_media_is_read)
{
	wanted = make_store(folder_path("store.db"), 9);
	pid_t child = fork();
	if (child == 0)
		_exit(in_read_only_mount());
	int status = 0;
	waitpid(child, &status, 0);
	cr_assert(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		fprintf(stderr, "SKIPPED: a read-only mount (mount namespaces are not allowed here)\n");
	else
		cr_expect_eq(WEXITSTATUS(status), 0);
	free(wanted);
}

/* No file can grow any more: SQLite cannot make the -shm that it reads by. */
static int on_full_disk(void)
{
	const struct rlimit none = {0, 0};
	char *kept = memory_text(wanted);
	signal(SIGXFSZ, SIG_IGN);
	if (setrlimit(RLIMIT_FSIZE, &none) != 0)
		return 4;
	int result = reads_what_is_wanted();
	wanted = kept;
	/* And again, beside what the first has left of it. */
	return result != 0 ? result : reads_what_is_wanted();
}

Test(store_open, a_store_on_a_full_disk_is_read)
{
	wanted = make_store(folder_path("store.db"), 11);
	pid_t child = fork();
	if (child == 0)
		_exit(on_full_disk());
	int status = 0;
	waitpid(child, &status, 0);
	cr_assert(WIFEXITED(status));
	cr_expect_eq(WEXITSTATUS(status), 0);
	/* With room again it is written as ever. */
	struct diag diag;
	diag_init(&diag);
	cr_expect_eq(open_to_write(folder_path("store.db"), &diag), 0, "%s", said(&diag));
	diag_done(&diag);
	free(wanted);
}

Test(store_open, reading_leaves_no_files_behind)
{
	free(make_store(folder_path("store.db"), 10));
	cr_expect_neq(access(folder_path("store.db-wal"), F_OK), 0);
	char *text = NULL;
	cr_assert_eq(read_at(folder_path("store.db"), NULL, &text), 0);
	free(text);
	cr_expect_neq(access(folder_path("store.db-wal"), F_OK), 0);
	cr_expect_neq(access(folder_path("store.db-shm"), F_OK), 0);
	struct store *store = NULL;
	struct state *state = NULL;
	cr_assert_eq(store_open(folder_path("store.db"), STORE_READ, NULL, &store), 0);
	cr_assert_eq(store_begin(store, NULL, &state), 0);
	struct diag diag;
	diag_init(&diag);
	state->config.changed = true;
	cr_expect_lt(store_commit(store, state, "not allowed", &diag), 0);
	cr_expect_not_null(strstr(said(&diag), "opened for reading only"));
	diag_done(&diag);
	state_free(state);
	store_close(store);
}
