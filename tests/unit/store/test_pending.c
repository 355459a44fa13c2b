/* A change that waits: one transaction with its row, everything else refused, and the way back to the very rows. */
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/wait.h>

#include "core/store/pending.h"
#include "core/store/store_internal.h"
#include "tests/unit/store/support.h"

TestSuite(pending, .init = folder_make, .fini = folder_remove);

static struct diag diag; /* each test is a process */

static struct store *open_at(enum store_access access)
{
	struct store *store = NULL;
	cr_assert_eq(store_open(folder_path("store.db"), access, &diag, &store), 0, "%s", said(&diag));
	return store;
}

static struct state *begin(struct store *store)
{
	struct state *state = NULL;
	cr_assert_eq(store_begin(store, &diag, &state), 0, "%s", said(&diag));
	return state;
}

/* A policy of its own, with a list and an action. */
static void add_policy(struct state *state, const char *name)
{
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct filterlist *list = location_add_filterlist(state, location, arena_printf(state->arena, "%s list", name));
	struct filteraction *action = location_add_filteraction(state, location, arena_printf(state->arena, "%s action", name));
	struct filter filter = {.dst = {.kind = ADDRESS_ME}, .protocol = 6, .dstport = 80, .mirrored = true, .description = ""};
	filterlist_add(state, list, &filter);
	filter.dstport = 443;
	filterlist_add(state, list, &filter);
	struct policy *policy = location_add_policy(state, location, name);
	policy_add_rule(state, policy, "rule", list, action);
	location_assign(location, policy);
}

static void commit(struct store *store, const char *name)
{
	struct state *state = begin(store);
	add_policy(state, name);
	cr_assert_eq(store_commit(store, state, name, &diag), 0, "%s", said(&diag));
	state_free(state);
}

static struct pending example(void)
{
	struct pending_clock clock;
	pending_clock_read(&clock);
	return (struct pending){.kind = PENDING_CONFIRM, .enforced = true, .observe = true, .mode = 2, .bootmode = 1, .in_force = 1,
		.deadline_boottime = clock.boottime + 60000, .deadline = clock.now + 60, .pid = 4711, .guard_start = 99,
		.session = "12:34 192.0.2.1/5-192.0.2.2/22 /dev/pts/0"};
}

static int commit_pending(struct store *store, const char *name, struct pending *pending)
{
	struct state *state = begin(store);
	if (name != NULL)
		add_policy(state, name);
	int error = store_commit_pending(store, state, "apply", pending, &diag);
	state_free(state);
	return error;
}

static char *text_now(void)
{
	struct store *store = open_at(STORE_READ);
	struct state *state = NULL;
	cr_assert_eq(store_read(store, 0, &diag, &state), 0, "%s", said(&diag));
	char *text = state_text(state, true);
	state_free(state);
	store_close(store);
	return text;
}

static void digest_now(char digest[DIGEST_TEXT])
{
	struct store *store = open_at(STORE_READ);
	struct state *state = NULL;
	cr_assert_eq(store_read(store, 0, &diag, &state), 0, "%s", said(&diag));
	state_digest(state, digest);
	state_free(state);
	store_close(store);
}

/* The newest line, borrowed from the arena. */
static struct history line_last(struct store *store, struct arena *arena)
{
	struct history *lines;
	size_t count;
	cr_assert_eq(store_history(store, arena, &diag, &lines, &count), 0, "%s", said(&diag));
	cr_assert_gt(count, 0);
	return lines[count - 1];
}

static bool present(struct store *store)
{
	struct pending pending;
	bool is_present = false;
	cr_assert_eq(store_pending(store, &diag, &is_present, &pending), 0, "%s", said(&diag));
	return is_present;
}

Test(pending, comes_back_as_it_was_written)
{
	struct store *store = open_at(STORE_WRITE);
	commit(store, "old");
	struct pending pending = example(), got;
	bool is_present = false;
	cr_expect_not(present(store));
	cr_assert_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	store_close(store);
	store = open_at(STORE_READ);
	cr_assert_eq(store_pending(store, &diag, &is_present, &got), 0, "%s", said(&diag));
	cr_assert(is_present);
	cr_expect_eq(got.before, 1);
	cr_expect_eq(got.after, 2);
	cr_expect_eq(got.uid, getuid());
	cr_expect(got.enforced && got.observe && got.mode == 2 && got.bootmode == 1 && got.in_force == 1);
	cr_expect(got.deadline == pending.deadline && got.deadline_boottime == pending.deadline_boottime);
	cr_expect(got.pid == 4711 && got.guard_start == 99 && got.until == 0);
	cr_expect_str_eq(got.session, pending.session);
	cr_expect(pending_same(&got, &pending));
	store_close(store);
}

Test(pending, refuses_every_other_change_and_says_what_to_do)
{
	struct store *store = open_at(STORE_WRITE);
	commit(store, "old");
	struct pending pending = example(), second = example();
	cr_assert_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	char *before = text_now();
	struct state *state = begin(store);
	add_policy(state, "other");
	cr_expect_eq(store_commit(store, state, "other", &diag), ERROR_BUSY);
	const char *text = said(&diag);
	cr_expect_not_null(strstr(text, "change 2 waits for its confirmation, 60 s are left"), "%s", text);
	cr_expect_not_null(strstr(text, "cordon confirm"));
	cr_expect_not_null(strstr(text, "cordon rollback"));
	state_free(state);
	cr_expect_eq(commit_pending(store, "third", &second), ERROR_BUSY);
	said(&diag);
	cr_expect_eq(commit_pending(store, NULL, &second), ERROR_BUSY, "nor a second one without a change");
	said(&diag);
	state = begin(store);
	cr_expect_eq(store_commit(store, state, "nothing", &diag), 0, "what changes nothing is no change");
	state_free(state);
	char *after = text_now();
	cr_expect_str_eq(before, after);
	cr_expect(present(store));
	free(before);
	free(after);
	store_close(store);
}

Test(pending, revert_brings_back_the_very_rows)
{
	struct store *store = open_at(STORE_WRITE);
	struct arena *arena = arena_new();
	char digest[DIGEST_TEXT], again[DIGEST_TEXT];
	commit(store, "old");
	commit(store, "older");
	char *before = text_now();
	digest_now(digest);
	struct pending pending = example();
	struct state *state = begin(store);
	struct location *location = &state->locations[LOCATION_LOCAL];
	location_delete_policy(state, location, (struct policy *)collection_find(&location->policies, "old"));
	struct filterlist *list = (struct filterlist *)collection_find(&location->filterlists, "older list");
	filterlist_delete(state, list, 0); /* the order of what is left must come back too */
	list->object.description = "changed";
	list->object.changed = true;
	cr_assert_eq(config_set(&state->config, PROPERTY_BOOTMODE, "block", 5, NULL, NULL), 0);
	state->config.changed = true;
	add_policy(state, "new");
	cr_assert_eq(store_commit_pending(store, state, "apply", &pending, &diag), 0, "%s", said(&diag));
	state_free(state);
	cr_assert_eq(store_revert(store, pending.before, "rollback", &diag), 0, "%s", said(&diag));
	cr_expect_not(present(store));
	char *after = text_now();
	cr_expect_str_eq(before, after);
	digest_now(again);
	cr_expect_str_eq(digest, again);
	struct history line = line_last(store, arena);
	cr_expect_eq(line.number, 4);
	cr_expect_str_eq(line.digest, digest, "the line has the digest of what there is");
	cr_expect_str_eq(line.command, "rollback");
	cr_expect_not_null(strstr(line.changes, "back to change 2"), "%s", line.changes);
	cr_expect_not_null(strstr(line.changes, "policy"), "%s", line.changes);
	cr_expect_not_null(strstr(line.changes, "-new"), "%s", line.changes);
	cr_expect_not_null(strstr(line.changes, "+old"), "%s", line.changes);
	commit(store, "next"); /* and it goes on from there */
	free(before);
	free(after);
	arena_free(arena);
	store_close(store);
}

Test(pending, revert_goes_anywhere_and_back)
{
	struct store *store = open_at(STORE_WRITE);
	char *texts[6];
	struct random random = {.seed = 20261121};
	store_close(open_at(STORE_WRITE));
	texts[0] = text_now();
	for (int i = 1; i <= 5; i++) {
		struct state *state = begin(store);
		struct location *location = &state->locations[i % 2 ? LOCATION_LOCAL : LOCATION_PERSISTENT];
		if (location->policies.count > 1)
			location_delete_policy(state, location, (struct policy *)location->policies.items[0]);
		random_policy(&random, state, location);
		cr_assert_eq(store_commit(store, state, "random", &diag), 0, "%s", said(&diag));
		state_free(state);
		texts[i] = text_now();
	}
	static const int targets[] = {3, 5, 0, 4, 1, 1, 2, 5};
	for (size_t i = 0; i < ARRAY_LENGTH(targets); i++) {
		cr_assert_eq(store_revert(store, targets[i], "there", &diag), 0, "%s", said(&diag));
		char *now = text_now();
		cr_expect_str_eq(now, texts[targets[i]], "step %zu: change %d", i, targets[i]);
		free(now);
	}
	cr_expect_eq(store_revert(store, 99, "nowhere", &diag), ERROR_NOT_FOUND);
	cr_expect_eq(store_revert(store, -1, "nowhere", &diag), ERROR_NOT_FOUND);
	for (int i = 0; i <= 5; i++)
		free(texts[i]);
	store_close(store);
}

Test(pending, confirm_keeps_the_change_and_ends_the_waiting)
{
	struct store *store = open_at(STORE_WRITE);
	struct arena *arena = arena_new();
	cr_expect_eq(store_confirm(store, "confirm", &diag), ERROR_NOT_FOUND);
	cr_expect_not_null(strstr(said(&diag), "nothing waits"));
	struct pending pending = example();
	pending.in_force = 0;
	cr_assert_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	char *before = text_now();
	cr_assert_eq(store_confirm(store, "confirm", &diag), 0, "%s", said(&diag));
	cr_expect_not(present(store));
	char *after = text_now();
	cr_expect_str_eq(before, after);
	cr_expect_str_eq(line_last(store, arena).changes, "confirmed");
	cr_expect_eq(store_confirm(store, "confirm", &diag), ERROR_NOT_FOUND);
	said(&diag);
	commit(store, "next");
	free(before);
	free(after);
	arena_free(arena);
	store_close(store);
}

Test(pending, a_confirmation_turns_into_the_time_of_for)
{
	struct store *store = open_at(STORE_WRITE);
	struct pending pending = example(), got;
	bool is_present;
	pending.in_force = 0;
	pending.until = pending.deadline + 7200;
	pending.until_boottime = pending.deadline_boottime + 7200000;
	cr_assert_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	cr_assert_eq(store_confirm(store, "confirm", &diag), 0, "%s", said(&diag));
	cr_assert_eq(store_pending(store, &diag, &is_present, &got), 0);
	cr_assert(is_present);
	cr_expect_eq(got.kind, PENDING_FOR);
	cr_expect_eq(got.deadline, pending.until);
	cr_expect_eq(got.deadline_boottime, pending.until_boottime);
	cr_expect_eq(got.until, 0);
	cr_expect_not(pending_same(&pending, &got));
	cr_expect_eq(store_confirm(store, "confirm", &diag), ERROR_NOT_FOUND, "it waits for no confirmation any more");
	said(&diag);
	cr_expect_eq(store_keep(store, "confirm --keep", &diag), 0, "%s", said(&diag));
	cr_expect_not(present(store));
	store_close(store);
}

Test(pending, an_unchanged_state_makes_a_row_too)
{
	struct store *store = open_at(STORE_WRITE);
	commit(store, "old");
	char *before = text_now();
	struct pending pending = example();
	cr_assert_eq(commit_pending(store, NULL, &pending), 0, "%s", said(&diag));
	cr_expect(pending.before == 1 && pending.after == 1);
	cr_expect(present(store));
	cr_assert_eq(store_revert(store, pending.before, "rollback", &diag), 0, "%s", said(&diag));
	cr_expect_not(present(store));
	char *after = text_now();
	cr_expect_str_eq(before, after);
	free(before);
	free(after);
	store_close(store);
}

Test(pending, one_lock_holds_from_the_look_to_the_revert)
{
	struct store *store = open_at(STORE_WRITE), *other = open_at(STORE_WRITE);
	commit(store, "old");
	struct pending pending = example();
	cr_assert_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	store_busy_ms = 1;
	struct state *state = begin(store);
	cr_expect(present(store), "seen inside the change");
	sqlite3_busy_timeout(other->db, 1);
	cr_expect_eq(store_confirm(other, "confirm", &diag), ERROR_BUSY, "nobody comes in between");
	said(&diag);
	cr_assert_eq(store_revert(store, pending.before, "rollback", &diag), 0, "%s", said(&diag));
	cr_expect_not(store->changing, "the change has ended");
	state_free(state);
	cr_expect_eq(store_confirm(other, "confirm", &diag), ERROR_NOT_FOUND);
	said(&diag);
	store_close(other);
	store_close(store);
}

Test(pending, time_left_by_boot_and_kind)
{
	static const struct {
		const char *label;
		enum pending_kind kind;
		bool same_boot;
		int64_t boottime, now, left;
	} rows[] = {
		{"confirm, this boot", PENDING_CONFIRM, true, 1000, 0, 59000},
		{"the clock on the wall does not count", PENDING_CONFIRM, true, 1000, 999999, 59000},
		{"over", PENDING_CONFIRM, true, 60000, 0, 0},
		{"long over", PENDING_CONFIRM, true, 90000, 0, 0},
		{"confirm, started again meanwhile", PENDING_CONFIRM, false, 1000, 10, 0},
		{"for, this boot", PENDING_FOR, true, 59999, 0, 1},
		{"for, another boot: by the clock", PENDING_FOR, false, 1, 40, 20000},
		{"for, another boot, over", PENDING_FOR, false, 1, 60, 0},
	};
	struct pending pending = {.boot_id = "a", .deadline_boottime = 60000, .deadline = 60};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct pending_clock clock = {.boottime = rows[i].boottime, .now = rows[i].now};
		snprintf(clock.boot_id, sizeof(clock.boot_id), "%s", rows[i].same_boot ? "a" : "b");
		pending.kind = rows[i].kind;
		cr_expect_eq(pending_left(&pending, &clock), rows[i].left, "%s: %" PRId64, rows[i].label, pending_left(&pending, &clock));
	}
	pending.deadline = INT64_MAX;
	struct pending_clock clock = {.boot_id = "b"};
	cr_expect_gt(pending_left(&pending, &clock), 0, "no overflow");
}

Test(pending, time_left_in_words)
{
	static const struct {
		int64_t milliseconds;
		const char *text;
	} rows[] = {{0, "0 s"}, {1, "1 s"}, {60000, "60 s"}, {119000, "119 s"}, {120000, "2 min"}, {121000, "3 min"},
		    {3600000, "1 h 0 min"}, {7140000, "1 h 59 min"}, {172800000, "2 d 0 h"}, {INT64_MAX - 999, NULL}};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		char text[PENDING_TEXT];
		pending_print_left(rows[i].milliseconds, text);
		if (rows[i].text != NULL)
			cr_expect_str_eq(text, rows[i].text);
	}
}

Test(pending, a_guard_is_told_by_name_and_start)
{
	struct pending pending = example();
	snprintf(pending.boot_id, sizeof(pending.boot_id), "%s", "");
	cr_expect_not(pending_guarded(&pending), "of another boot");
	char boot[BOOT_TEXT];
	boot_id(boot);
	snprintf(pending.boot_id, sizeof(pending.boot_id), "%s", boot);
	pending.pid = getpid();
	cr_expect_not(pending_guarded(&pending), "this test is no guard");
	pending.pid = 0;
	cr_expect_not(pending_guarded(&pending));
}

static void sql_run(const char *sql)
{
	sqlite3 *db = NULL;
	cr_assert_eq(sqlite3_open(folder_path("store.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

Test(pending, a_damaged_row_is_found)
{
	static const char *const damages[] = {
		"UPDATE pending SET deadline=deadline+1", "UPDATE pending SET before=0", "UPDATE pending SET session='x'",
		"UPDATE pending SET kind=7", "UPDATE pending SET sum=sum+1", "UPDATE pending SET pid=-1",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(damages); i++) {
		struct store *store = open_at(STORE_WRITE);
		struct pending pending = example(), got;
		bool is_present = false;
		char name[16];
		snprintf(name, sizeof(name), "old %zu", i);
		commit(store, name);
		cr_assert_eq(commit_pending(store, NULL, &pending), 0, "%s", said(&diag));
		store_close(store);
		sql_run(damages[i]);
		store = open_at(STORE_READ);
		cr_expect_eq(store_pending(store, &diag, &is_present, &got), ERROR_DAMAGED, "%s", damages[i]);
		cr_expect_not_null(strstr(said(&diag), "damaged"));
		store_close(store);
		sql_run("DELETE FROM pending");
	}
}

Test(pending, a_store_of_before_has_none)
{
	struct store *store = open_at(STORE_WRITE);
	commit(store, "old");
	store_close(store);
	sql_run("DROP TABLE pending; PRAGMA user_version=2");
	store = open_at(STORE_READ);
	cr_expect_not(present(store));
	store_close(store);
	store = open_at(STORE_WRITE);
	struct pending pending = example();
	cr_expect_eq(commit_pending(store, "new", &pending), 0, "%s", said(&diag));
	cr_expect(present(store));
	store_close(store);
	unlink(folder_path("store.db"));
	store = open_at(STORE_READ);
	cr_expect_not(present(store), "nor one that is not there");
	store_close(store);
}

Test(pending, the_kth_allocation_leaves_the_old_or_the_new_with_its_row)
{
	struct store *store = open_at(STORE_WRITE);
	commit(store, "old");
	store_close(store);
	char *old = text_now();
	unsigned olds = 0, news = 0;
	for (unsigned long k = 1; k < 4000; k += 1 + k / 12) {
		pid_t child = fork();
		if (child == 0) {
			fclose(stderr);
			store = open_at(STORE_WRITE);
			struct pending pending = example();
			memory_fail_at(k);
			int error = commit_pending(store, "new", &pending);
			memory_fail_at(0);
			_exit(error == 0 ? 0 : 1);
		}
		int status;
		cr_assert_eq(waitpid(child, &status, 0), child);
		store = open_at(STORE_WRITE);
		bool is_there = present(store);
		char *now = text_now();
		cr_expect_eq(strcmp(now, old) == 0, !is_there, "k=%lu", k);
		free(now);
		olds += !is_there;
		news += is_there;
		if (is_there)
			cr_assert_eq(store_revert(store, 1, "again", &diag), 0, "%s", said(&diag));
		store_close(store);
		if (is_there && WIFEXITED(status) && WEXITSTATUS(status) == 0)
			break;
	}
	cr_expect(olds > 0 && news > 0, "%u old, %u new", olds, news);
	free(old);
}
