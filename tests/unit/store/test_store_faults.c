/* Whatever fails, and whenever: the store is the old one or the new one, whole. */
#include <signal.h>
#include <sqlite3.h>
#include <sys/wait.h>
#include <time.h>

#include "core/store/store_internal.h"
#include "tests/unit/store/support.h"

TestSuite(store_faults, .init = folder_make, .fini = folder_remove, .timeout = 120);

static const char *store_path(void)
{
	return folder_path("store.db");
}

/* State number n: everything in it says n, and there are 1 + n % 40 filters. */
static void state_set(struct state *state, unsigned n)
{
	struct location *local = &state->locations[LOCATION_LOCAL];
	location_delete_all(state, local);
	struct filterlist *list = location_add_filterlist(state, local, "list");
	for (unsigned i = 0; i <= n % 40; i++) {
		struct filter filter = {.protocol = 6, .srcport = (uint16_t)n, .dstport = (uint16_t)(i + 1), .description = ""};
		filterlist_add(state, list, &filter);
	}
	struct filteraction *action = location_add_filteraction(state, local, "action");
	struct policy *policy = location_add_policy(state, local, "policy");
	policy->object.description = arena_printf(state->arena, "%u", n);
	policy_add_rule(state, policy, "rule", list, action);
	location_assign(local, policy);
}

/* Which of these states it is; -1 when it is none of them.  0 is the empty store. */
static long state_number(const struct state *state)
{
	const struct location *local = &state->locations[LOCATION_LOCAL];
	if (local->policies.count == 0)
		return local->filterlists.count + local->filteractions.count == 0 ? 0 : -1;
	const struct policy *policy = (const struct policy *)local->policies.items[0];
	long n = strtol(policy->object.description, NULL, 10);
	if (local->policies.count != 1 || local->filterlists.count != 1 || local->filteractions.count != 1 ||
	    policy->rules.count != 1 || !policy->assigned)
		return -1;
	const struct filterlist *list = (const struct filterlist *)local->filterlists.items[0];
	if (list->count != 1 + (size_t)n % 40)
		return -1;
	for (size_t i = 0; i < list->count; i++)
		if (list->filters[i].srcport != n || list->filters[i].dstport != i + 1)
			return -1;
	return n;
}

/* One change to state n; the error of the first call that fails. */
static int change_to(unsigned n, struct diag *diag)
{
	struct store *store = NULL;
	struct state *state = NULL;
	int error = store_open(store_path(), STORE_WRITE, diag, &store);
	if (error == 0)
		error = store_begin(store, diag, &state);
	if (error == 0) {
		state_set(state, n);
		error = store_commit(store, state, "change", diag);
	}
	state_free(state);
	store_close(store);
	return error;
}

/* Opens it, has SQLite check all of it, and says which state it holds. */
static long number_now(const char *when)
{
	struct store *store = NULL;
	struct state *state = NULL;
	struct diag diag;
	int64_t bad = 1;
	diag_init(&diag);
	int error = store_open(store_path(), STORE_READ, &diag, &store);
	cr_assert_eq(error, 0, "%s: %s", when, said(&diag));
	if (store->db != NULL) {
		cr_assert_eq(store_number(store, &diag, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'", &bad), 0);
		cr_assert_eq(bad, 0, "%s", when);
	}
	cr_assert_eq(store_read(store, 0, &diag, &state), 0, "%s: %s", when, said(&diag));
	long number = state_number(state);
	struct arena *arena = arena_new();
	struct history *lines;
	size_t count;
	cr_assert_eq(store_history(store, arena, &diag, &lines, &count), 0, "%s: %s", when, said(&diag));
	if (count > 0) {
		char digest[DIGEST_TEXT];
		state_digest(state, digest);
		cr_expect_str_eq(lines[count - 1].digest, digest, "%s: history and policy are of one change", when);
	}
	arena_free(arena);
	state_free(state);
	store_close(store);
	diag_done(&diag);
	return number;
}

static void sleep_us(long us)
{
	struct timespec time = {.tv_nsec = us * 1000};
	nanosleep(&time, NULL);
}

Test(store_faults, killed_at_any_moment)
{
	unsigned state = 0;
	struct random random = {(uint64_t)getpid()};
	fprintf(stderr, "seed %d\n", (int)getpid());
	for (unsigned round = 0; round < 60; round++) {
		int ends[2];
		cr_assert_eq(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0) {
			for (unsigned n = state + 1;; n++) {
				if (change_to(n, NULL) != 0 || write(ends[1], &n, sizeof(n)) != sizeof(n))
					_exit(1);
			}
		}
		close(ends[1]);
		/* After so many changes, and a part of the next one. */
		unsigned told = state, n;
		for (uint32_t more = random_below(&random, 4); more > 0 && read(ends[0], &n, sizeof(n)) == sizeof(n); more--)
			told = n;
		sleep_us((long)random_below(&random, random_below(&random, 2) ? 3000 : 12000));
		kill(child, SIGKILL);
		int status;
		waitpid(child, &status, 0);
		cr_assert(WIFSIGNALED(status), "round %u: the child ended by itself", round);
		while (read(ends[0], &n, sizeof(n)) == sizeof(n))
			told = n;
		close(ends[0]);
		char when[32];
		snprintf(when, sizeof(when), "round %u", round);
		long now = number_now(when);
		cr_assert(now == told || now == (long)told + 1, "%s: told of %u, found %ld", when, told, now);
		state = (unsigned)now;
	}
	cr_expect_gt(state, 40, "the rounds have made %u changes", state);
}

Test(store_faults, out_of_memory_at_the_kth_allocation)
{
	cr_assert_eq(change_to(1, NULL), 0);
	unsigned long k = 1, state = 1, failed = 0;
	for (int exit_code = EXIT_SYSTEM; exit_code != 0; k++) {
		pid_t child = fork();
		if (child == 0) {
			if (freopen("/dev/null", "w", stderr) == NULL)
				_exit(99);
			memory_fail_at(k);
			int error = change_to((unsigned)state + 1, NULL);
			memory_fail_at(0);
			_exit(error == 0 ? 0 : 98);
		}
		int status;
		waitpid(child, &status, 0);
		cr_assert(WIFEXITED(status));
		exit_code = WEXITSTATUS(status);
		cr_assert(exit_code == 0 || exit_code == EXIT_SYSTEM, "allocation %lu: exit code %d", k, exit_code);
		failed += exit_code != 0;
		char when[32];
		snprintf(when, sizeof(when), "allocation %lu", k);
		long now = number_now(when);
		cr_assert(now == (long)state || now == (long)state + 1, "%s: found %ld", when, now);
		cr_assert(exit_code != 0 || now == (long)state + 1, "%s", when);
		state = (unsigned long)now;
	}
	cr_expect_gt(failed, 15, "%lu allocations were failed", failed);
}

/* ---- SQLite's own memory ---- */

static sqlite3_mem_methods real_memory;
static long memory_left = -1; /* calls until the one that fails; -1 for none */
static bool memory_forever;

static bool memory_fails(void)
{
	if (memory_left < 0 || (memory_left > 0 && --memory_left > 0))
		return false;
	memory_left = memory_forever ? 0 : -1;
	return true;
}

static void *fault_malloc(int size)
{
	return memory_fails() ? NULL : real_memory.xMalloc(size);
}

static void *fault_realloc(void *memory, int size)
{
	return memory_fails() ? NULL : real_memory.xRealloc(memory, size);
}

Test(store_faults, out_of_memory_inside_of_sqlite)
{
	sqlite3_mem_methods methods;
	cr_assert_eq(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real_memory), SQLITE_OK);
	methods = real_memory;
	methods.xMalloc = fault_malloc;
	methods.xRealloc = fault_realloc;
	cr_assert_eq(sqlite3_config(SQLITE_CONFIG_MALLOC, &methods), SQLITE_OK);
	cr_assert_eq(change_to(1, NULL), 0);
	unsigned state = 1, refused = 0;
	for (unsigned forever = 0; forever < 2; forever++) {
		for (long k = 1, good = 0; good < 3; k += k < 100 ? 1 : 17) {
			struct diag diag;
			diag_init(&diag);
			memory_forever = forever;
			memory_left = k;
			int error = change_to(state + 1, &diag);
			bool reached = memory_left <= 0;
			memory_left = -1;
			cr_expect_eq(error != 0, diag.errors > 0, "call %ld: an error is said", k);
			cr_expect_neq(error, ERROR_DAMAGED, "call %ld: lack of memory is no damage: %s", k, said(&diag));
			diag_done(&diag);
			char when[32];
			snprintf(when, sizeof(when), "call %ld", k);
			long now = number_now(when);
			cr_assert(now == (error == 0 ? (long)state + 1 : (long)state), "%s: %d, found %ld after %u", when, error, now, state);
			state = (unsigned)now;
			refused += error != 0;
			good = reached ? 0 : good + 1;
		}
	}
	cr_expect_gt(refused, 100, "%u changes were refused", refused);
}

/* ---- failing files: a layer over the file system of SQLite ---- */

enum operation { OPERATION_WRITE = 1, OPERATION_SYNC = 2, OPERATION_TRUNCATE = 4, OPERATION_READ = 8 };

static struct {
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
	long left;          /* calls until the one that fails; -1 for none */
	unsigned which;     /* operations that count */
	bool forever, half; /* half: a write that fails has written half of it */
	long calls;
} disk = {.left = -1};

struct disk_file {
	sqlite3_file base;
	sqlite3_file real[]; /* with what the real one has behind it */
};

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct disk_file *)file)->real;
}

static bool disk_fails(enum operation operation)
{
	if ((disk.which & operation) == 0)
		return false;
	disk.calls++;
	if (disk.left < 0 || (disk.left > 0 && --disk.left > 0))
		return false;
	disk.left = disk.forever ? 0 : -1;
	return true;
}

static int disk_close(sqlite3_file *file) { return real_of(file)->pMethods->xClose(real_of(file)); }
static int disk_read(sqlite3_file *file, void *bytes, int size, sqlite3_int64 at)
{
	return disk_fails(OPERATION_READ) ? SQLITE_IOERR_READ : real_of(file)->pMethods->xRead(real_of(file), bytes, size, at);
}
static int disk_write(sqlite3_file *file, const void *bytes, int size, sqlite3_int64 at)
{
	if (!disk_fails(OPERATION_WRITE))
		return real_of(file)->pMethods->xWrite(real_of(file), bytes, size, at);
	if (disk.half && size > 1)
		(void)real_of(file)->pMethods->xWrite(real_of(file), bytes, size / 2, at);
	return disk.half ? SQLITE_IOERR_WRITE : SQLITE_FULL;
}
static int disk_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	return disk_fails(OPERATION_TRUNCATE) ? SQLITE_IOERR_TRUNCATE : real_of(file)->pMethods->xTruncate(real_of(file), size);
}
static int disk_sync(sqlite3_file *file, int flags)
{
	return disk_fails(OPERATION_SYNC) ? SQLITE_IOERR_FSYNC : real_of(file)->pMethods->xSync(real_of(file), flags);
}
static int disk_size(sqlite3_file *file, sqlite3_int64 *size) { return real_of(file)->pMethods->xFileSize(real_of(file), size); }
static int disk_lock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xLock(real_of(file), lock); }
static int disk_unlock(sqlite3_file *file, int lock) { return real_of(file)->pMethods->xUnlock(real_of(file), lock); }
static int disk_reserved(sqlite3_file *file, int *out) { return real_of(file)->pMethods->xCheckReservedLock(real_of(file), out); }
static int disk_control(sqlite3_file *file, int op, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), op, argument);
}
static int disk_sector(sqlite3_file *file) { return real_of(file)->pMethods->xSectorSize(real_of(file)); }
static int disk_characteristics(sqlite3_file *file) { return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file)); }
static int disk_shm_map(sqlite3_file *file, int page, int size, int extend, void volatile **out)
{
	return real_of(file)->pMethods->xShmMap(real_of(file), page, size, extend, out);
}
static int disk_shm_lock(sqlite3_file *file, int offset, int n, int flags)
{
	return real_of(file)->pMethods->xShmLock(real_of(file), offset, n, flags);
}
static void disk_shm_barrier(sqlite3_file *file) { real_of(file)->pMethods->xShmBarrier(real_of(file)); }
static int disk_shm_unmap(sqlite3_file *file, int remove) { return real_of(file)->pMethods->xShmUnmap(real_of(file), remove); }

static int disk_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *ret_flags)
{
	(void)vfs;
	int code = disk.real->xOpen(disk.real, name, real_of(file), flags, ret_flags);
	file->pMethods = code == SQLITE_OK ? &disk.methods : NULL;
	return code;
}

static void disk_install(void)
{
	disk.real = sqlite3_vfs_find(NULL);
	disk.vfs = *disk.real;
	disk.vfs.zName = "faults";
	disk.vfs.szOsFile = (int)sizeof(struct disk_file) + disk.real->szOsFile;
	disk.vfs.xOpen = disk_open;
	disk.methods = (sqlite3_io_methods){
		.iVersion = 2, .xClose = disk_close, .xRead = disk_read, .xWrite = disk_write, .xTruncate = disk_truncate,
		.xSync = disk_sync, .xFileSize = disk_size, .xLock = disk_lock, .xUnlock = disk_unlock,
		.xCheckReservedLock = disk_reserved, .xFileControl = disk_control, .xSectorSize = disk_sector,
		.xDeviceCharacteristics = disk_characteristics, .xShmMap = disk_shm_map, .xShmLock = disk_shm_lock,
		.xShmBarrier = disk_shm_barrier, .xShmUnmap = disk_shm_unmap,
	};
	cr_assert_eq(sqlite3_vfs_register(&disk.vfs, 1), SQLITE_OK);
}

/* Fails the k-th call for k = 1, 2, … until none is reached any more; returns how many changes were refused. */
static unsigned disk_sweep(unsigned which, bool forever, bool half)
{
	unsigned state = 1, refused = 0, made = 0;
	cr_assert_eq(change_to(state, NULL), 0);
	for (long k = 1;; k++) {
		struct diag diag;
		diag_init(&diag);
		disk.which = which;
		disk.forever = forever;
		disk.half = half;
		disk.left = k;
		int error = change_to(state + 1, &diag);
		bool reached = disk.left <= 0;
		disk.left = -1;
		const char *words = said(&diag);
		cr_expect_eq(error != 0, *words != '\0', "operation %ld: an error is said", k);
		cr_expect(error == 0 || error == ERROR_SYSTEM, "operation %ld: %s: %s", k, error_text(error), words);
		diag_done(&diag);
		char when[48];
		snprintf(when, sizeof(when), "operations %u, number %ld", which, k);
		long now = number_now(when);
		cr_assert(now == (long)state || now == (long)state + 1, "%s: found %ld after %u", when, now, state);
		cr_assert(error != 0 || now == (long)state + 1, "%s: what was said to be done is done", when);
		refused += error != 0;
		made += now == (long)state + 1;
		state = (unsigned)now;
		if (!reached) {
			cr_expect_eq(error, 0, "%s", when);
			break;
		}
	}
	cr_expect_gt(made, 0);
	return refused;
}

Test(store_faults, the_kth_write_sync_truncate_or_read_fails)
{
	disk_install();
	for (unsigned forever = 0; forever < 2; forever++) {
		for (unsigned half = 0; half < 2; half++)
			cr_expect_gt(disk_sweep(OPERATION_WRITE, forever, half), 5);
		cr_expect_gt(disk_sweep(OPERATION_SYNC, forever, false), 0);
		(void)disk_sweep(OPERATION_TRUNCATE, forever, false);
		cr_expect_gt(disk_sweep(OPERATION_READ, forever, false), 5);
	}
}

/* ---- two writers ---- */

/* A process that takes the lock, says so, and lets go after a time, or when the write end is closed that is put
 * into *ret_hold. */
static pid_t lock_held(long ms, int *ret_hold)
{
	int ready[2], hold[2];
	char byte;
	cr_assert(pipe(ready) == 0 && pipe(hold) == 0);
	pid_t child = fork();
	if (child == 0) {
		struct store *store = NULL;
		struct state *state = NULL;
		close(hold[1]);
		if (store_open(store_path(), STORE_WRITE, NULL, &store) != 0 || store_begin(store, NULL, &state) != 0 ||
		    write(ready[1], "x", 1) != 1)
			_exit(1);
		if (ret_hold == NULL)
			sleep_us(ms * 1000);
		else if (read(hold[0], &byte, 1) != 0)
			_exit(2);
		state_set(state, 100);
		int error = store_commit(store, state, "first", NULL);
		state_free(state);
		store_close(store);
		_exit(error != 0);
	}
	cr_assert_eq(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	close(hold[0]);
	if (ret_hold != NULL)
		*ret_hold = hold[1];
	else
		close(hold[1]);
	return child;
}

static int child_result(pid_t child)
{
	int status;
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 99;
}

Test(store_faults, a_second_writer_waits_for_the_first)
{
	cr_assert_eq(change_to(1, NULL), 0);
	pid_t child = lock_held(300, NULL);
	struct diag diag;
	diag_init(&diag);
	cr_expect_eq(change_to(200, &diag), 0, "%s", said(&diag));
	cr_expect_eq(child_result(child), 0);
	cr_expect_eq(number_now("after both"), 200);
	diag_done(&diag);
}

Test(store_faults, a_second_writer_that_waits_in_vain_says_for_whom)
{
	cr_assert_eq(change_to(1, NULL), 0);
	int hold;
	pid_t child = lock_held(0, &hold);
	struct diag diag;
	char process[64];
	diag_init(&diag);
	store_busy_ms = 100;
	cr_expect_eq(change_to(200, &diag), ERROR_BUSY);
	const char *words = said(&diag);
	cr_expect_not_null(strstr(words, "is writing to this store"), "%s", words);
	snprintf(process, sizeof(process), "another cordon (process %d)", (int)child);
	if (strstr(words, "(process ") != NULL)
		cr_expect_not_null(strstr(words, process), "%s", words);
	else
		fprintf(stderr, "SKIPPED: which process it is (/proc/locks does not tell here)\n");
	cr_expect_eq(number_now("while it is locked"), 1, "readers are not held up");
	close(hold);
	cr_expect_eq(child_result(child), 0);
	cr_expect_eq(number_now("after it"), 100);
	diag_done(&diag);
}

static int make_and_change(unsigned n)
{
	return change_to(n, NULL);
}

Test(store_faults, many_processes_make_and_change_one_store_at_once)
{
	for (unsigned round = 0; round < 10; round++) {
		pid_t children[6];
		unlink(store_path());
		for (unsigned i = 0; i < 6; i++) {
			children[i] = fork();
			if (children[i] == 0)
				_exit(make_and_change(i + 1) == 0 ? 0 : 1);
		}
		for (unsigned i = 0; i < 6; i++)
			cr_expect_eq(child_result(children[i]), 0, "round %u, process %u", round, i);
		cr_expect_gt(number_now("after all"), 0);
		struct store *store = NULL;
		int64_t changes = 0;
		cr_assert_eq(store_open(store_path(), STORE_READ, NULL, &store), 0);
		store_number(store, NULL, "SELECT count(*) FROM change", &changes);
		cr_expect_eq(changes, 6, "round %u", round);
		store_close(store);
	}
}
