/* What goes in comes out: now, as it was, and after the next boot. */
#include <inttypes.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <time.h>

#include "core/store/store_internal.h"
#include "tests/unit/store/support.h"

TestSuite(store, .init = folder_make, .fini = folder_remove);

static struct store *open_at(enum store_access access)
{
	struct store *store = NULL;
	struct diag diag;
	diag_init(&diag);
	int error = store_open(folder_path("store.db"), access, &diag, &store);
	cr_assert_eq(error, 0, "%s", said(&diag));
	diag_done(&diag);
	return store;
}

static struct state *begin(struct store *store)
{
	struct state *state = NULL;
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(store_begin(store, &diag, &state), 0, "%s", said(&diag));
	diag_done(&diag);
	return state;
}

static void commit(struct store *store, struct state *state, const char *command)
{
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(store_commit(store, state, command, &diag), 0, "%s", said(&diag));
	diag_done(&diag);
}

/* The whole store as text, as it was at a time; caller frees. */
static char *text_at(int64_t at, bool whole)
{
	struct store *store = open_at(STORE_READ);
	struct state *state = NULL;
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(store_read(store, at, &diag, &state), 0, "%s", said(&diag));
	char *text = state_text(state, whole);
	state_free(state);
	store_close(store);
	diag_done(&diag);
	return text;
}

static int64_t sql_number(const char *sql)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	cr_assert_eq(sqlite3_open(folder_path("store.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	int64_t number = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : -1;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return number;
}

static void sql_run(const char *sql)
{
	sqlite3 *db = NULL;
	cr_assert_eq(sqlite3_open(folder_path("store.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s: %s", sql, sqlite3_errmsg(db));
	sqlite3_close(db);
}

static struct history *history(struct arena *arena, size_t *ret_count)
{
	struct store *store = open_at(STORE_READ);
	struct history *lines = NULL;
	struct diag diag;
	diag_init(&diag);
	cr_assert_eq(store_history(store, arena, &diag, &lines, ret_count), 0, "%s", said(&diag));
	store_close(store);
	diag_done(&diag);
	return lines;
}

static void add_dynamic(struct random *random, struct state *state)
{
	struct location *location = &state->locations[LOCATION_DYNAMIC];
	struct mmpolicy *mm = location_add_mmpolicy(state, location, "mm");
	mm->mmsecmethods = "3DES-SHA1-2";
	mm->softsaexpirationtime = 60;
	struct qmpolicy *qm = location_add_qmpolicy(state, location, "qm");
	qm->pfsgroup = PFSGROUP_GRP3;
	qm->soft = true;
	for (unsigned i = 0; i < 3; i++) {
		struct dynrule *rule = location_add_dynrule(state, location);
		random_filter(random, state, &rule->filter);
		rule->mmpolicy = "mm";
		rule->qmpolicy = i == 0 ? NULL : "qm";
		rule->tunnel = i == 1 ? "192.0.2.9" : NULL;
		rule->actioninbound = (enum action)i;
		rule->conntype = CONNTYPE_LAN;
		rule->auths = random_auths(random, state);
	}
}

Test(store, reads_back_all_that_was_written)
{
	for (unsigned seed = 1; seed <= 25; seed++) {
		struct random random = {seed};
		unlink(folder_path("store.db"));
		struct store *store = open_at(STORE_WRITE);
		struct state *state = begin(store);
		for (size_t i = 0; i < LOCATION_COUNT; i++)
			for (uint32_t policies = random_below(&random, 3); policies > 0; policies--) {
				struct policy *policy = random_policy(&random, state, &state->locations[i]);
				if (random_below(&random, 2))
					location_assign(&state->locations[i], policy);
			}
		add_dynamic(&random, state);
		config_set(&state->config, PROPERTY_BOOTEXEMPTIONS, "tcp:0:3389:inbound icmp:inbound", 31, NULL, NULL);
		config_set(&state->config, PROPERTY_IPSECEXEMPT, "1", 1, NULL, NULL);
		config_set(&state->config, PROPERTY_IKEEXEMPT, "no", 2, NULL, NULL);
		char *before = state_text(state, true), digest[DIGEST_TEXT], again[DIGEST_TEXT];
		state_digest(state, digest);
		commit(store, state, "test");
		state_free(state);
		store_close(store);
		char *after = text_at(0, true);
		cr_expect_str_eq(after, before, "seed %u", seed);
		store = open_at(STORE_READ);
		cr_assert_eq(store_read(store, 0, NULL, &state), 0);
		state_digest(state, again);
		cr_expect_str_eq(again, digest, "seed %u", seed);
		cr_expect_not(state->config.changed);
		state_free(state);
		store_close(store);
		free(before);
		free(after);
	}
}

Test(store, is_a_new_private_file_in_wal_mode_that_sqlite_finds_whole)
{
	struct stat facts;
	umask(0);
	store_close(open_at(STORE_WRITE));
	cr_assert_eq(stat(folder_path("store.db"), &facts), 0);
	cr_expect_eq(facts.st_mode & 07777, 0600);
	cr_expect_eq(sql_number("PRAGMA application_id"), SCHEMA_APPLICATION);
	cr_expect_eq(sql_number("PRAGMA user_version"), schema_version());
	cr_expect_eq(sql_number("SELECT 1 FROM pragma_journal_mode WHERE journal_mode='wal'"), 1);
	cr_expect_eq(sql_number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check<>'ok'"), 0);
	cr_expect_eq(sql_number("SELECT count(*) FROM sqlite_schema WHERE type='table' AND sql NOT LIKE '%STRICT%'"), 0);
	for (size_t i = 0; i < ROW_KINDS; i++) { /* the columns of the schema are those that are written and read */
		char sql[512];
		sqlite3_snprintf(sizeof(sql), sql, "SELECT group_concat(name)='id,born,sum,%s' FROM pragma_table_info('%s')",
				 kinds[i].columns, kinds[i].table);
		cr_expect_eq(sql_number(sql), 1, "%s", sql);
		sqlite3_snprintf(sizeof(sql), sql, "SELECT group_concat(name)='id,born,sum,%s,died' FROM pragma_table_info('%s_past')",
				 kinds[i].columns, kinds[i].table);
		cr_expect_eq(sql_number(sql), 1, "%s", sql);
		unsigned commas = 1;
		for (const char *at = kinds[i].columns; *at != '\0'; at++)
			commas += *at == ',';
		cr_expect_eq(commas, kinds[i].count, "%s", kinds[i].table);
		cr_expect_leq(commas, ROW_MOST);
	}
}

Test(store, a_file_that_is_not_there_reads_as_empty_and_is_not_made)
{
	struct state *empty = state_new();
	char *want = state_text(empty, true), *got = text_at(0, true);
	cr_expect_str_eq(got, want);
	cr_expect_neq(access(folder_path("store.db"), F_OK), 0);
	size_t count = 7;
	struct arena *arena = arena_new();
	cr_expect_null(history(arena, &count));
	cr_expect_eq(count, 0);
	arena_free(arena);
	free(want);
	free(got);
	state_free(empty);
}

/* A list with n filters, an action, a policy with one rule. */
static void add_small(struct state *state, const char *name, unsigned n)
{
	struct location *location = &state->locations[LOCATION_LOCAL];
	struct filterlist *list = location_add_filterlist(state, location, arena_printf(state->arena, "%s list", name));
	for (unsigned i = 0; i < n; i++) {
		struct filter filter = {.protocol = 6, .dstport = (uint16_t)(i + 1), .description = "", .file = "f", .line = i + 1};
		filterlist_add(state, list, &filter);
	}
	struct filteraction *action = location_add_filteraction(state, location, arena_printf(state->arena, "%s action", name));
	policy_add_rule(state, location_add_policy(state, location, name), "rule", list, action);
}

static struct filterlist *local_list(struct state *state, const char *name)
{
	return (struct filterlist *)collection_find(&state->locations[LOCATION_LOCAL].filterlists, name);
}

Test(store, a_small_change_of_a_large_list_writes_little)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "big", 20000);
	commit(store, state, "one");
	state_free(state);
	state = begin(store);
	struct filterlist *list = local_list(state, "big list");
	struct filter filter = {.protocol = 17, .description = "new"};
	filterlist_delete(state, list, 10000);
	filterlist_add(state, list, &filter);
	char *want = state_text(state, true);
	int changes = sqlite3_total_changes(store->db);
	commit(store, state, "two");
	/* One filter ends (in: past, out: present), one begins, the list's row (its count) is unchanged, the history. */
	cr_expect_leq(sqlite3_total_changes(store->db) - changes, 8, "%d rows", sqlite3_total_changes(store->db) - changes);
	cr_expect(!list->object.changed && list->filters[19999].row != 0 && state->gone_count == 0);
	state_free(state);
	store_close(store);
	char *got = text_at(0, true);
	cr_expect_str_eq(got, want);
	free(want);
	free(got);
	cr_expect_eq(sql_number("SELECT count(*) FROM filter"), 20000);
	cr_expect_eq(sql_number("SELECT count(*) FROM filter_past"), 1);
}

Test(store, a_second_change_with_the_same_state_and_store_works)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "a", 3);
	commit(store, state, "one");
	state_free(begin(store)); /* takes the lock again */
	add_small(state, "b", 2);
	filterlist_delete(state, local_list(state, "a list"), 0);
	char *want = state_text(state, true);
	commit(store, state, "two");
	state_free(state);
	store_close(store);
	char *got = text_at(0, true);
	cr_expect_str_eq(got, want);
	free(want);
	free(got);
}

Test(store, renames_swaps_deletes_and_adds_again_under_one_name)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	struct location *local = &state->locations[LOCATION_LOCAL];
	add_small(state, "a", 3);
	add_small(state, "b", 2);
	add_small(state, "c", 1);
	commit(store, state, "one");
	state_free(state);
	state = begin(store);
	local = &state->locations[LOCATION_LOCAL];
	/* a and b change their names, c goes and comes again, empty. */
	struct object *a = collection_find(&local->filterlists, "a list"), *b = collection_find(&local->filterlists, "B LIST");
	collection_rename(state, &local->filterlists, a, "tmp");
	collection_rename(state, &local->filterlists, b, "a list");
	collection_rename(state, &local->filterlists, a, "b list");
	location_delete_policy(state, local, (struct policy *)collection_find(&local->policies, "c"));
	cr_assert_eq(location_delete_filterlist(state, local, local_list(state, "c list")), 0);
	location_add_filterlist(state, local, "C list");
	location_add_policy(state, local, "c");
	char *want = state_text(state, true);
	commit(store, state, "two");
	state_free(state);
	store_close(store);
	char *got = text_at(0, true);
	cr_expect_str_eq(got, want);
	cr_expect_not_null(strstr(got, "rule rule ()"));
	free(want);
	free(got);
	struct arena *arena = arena_new();
	size_t count;
	struct history *lines = history(arena, &count);
	cr_assert_eq(count, 2);
	cr_expect_str_eq(lines[1].changes, "policy -c +c, rule -rule, filterlist -\"c list\" ~\"b list\" ~\"a list\" +\"C list\", filter -1");
	arena_free(arena);
}

Test(store, what_has_not_changed_is_not_written)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	commit(store, state, "nothing");
	state_free(state);
	state = begin(store);
	add_small(state, "a", 3);
	config_set(&state->config, PROPERTY_IPSECEXEMPT, "3", 1, NULL, NULL);
	commit(store, state, "one");
	state_free(state);
	state = begin(store);
	config_set(&state->config, PROPERTY_IPSECEXEMPT, "3", 1, NULL, NULL);
	state->locations[LOCATION_LOCAL].policies.items[0]->changed = true;
	local_list(state, "a list")->object.changed = true;
	commit(store, state, "the same again");
	state_free(state);
	store_close(store);
	cr_expect_eq(sql_number("SELECT count(*) FROM change"), 1);
	cr_expect_eq(sql_number("SELECT (SELECT count(*) FROM policy_past)+(SELECT count(*) FROM config_past)"), 0);
}

Test(store, history_says_when_who_what)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	char digest[DIGEST_TEXT];
	add_small(state, "web", 12);
	location_assign(&state->locations[LOCATION_LOCAL], (struct policy *)state->locations[LOCATION_LOCAL].policies.items[0]);
	config_set(&state->config, PROPERTY_BOOTMODE, "block", 5, NULL, NULL);
	state_digest(state, digest);
	int64_t before = time(NULL);
	commit(store, state, "netsh -f \"x\n.txt\"");
	state_free(state);
	state = begin(store);
	config_set(&state->config, PROPERTY_BOOTMODE, "permit", 6, NULL, NULL);
	char *long_command = memory_alloc(100001);
	memset(long_command, 'x', 100000);
	for (unsigned i = 0; i < 300; i++)
		location_add_filterlist(state, &state->locations[LOCATION_LOCAL], arena_printf(state->arena, "list number %u", i));
	commit(store, state, long_command);
	state_free(state);
	store_close(store);
	struct arena *arena = arena_new();
	size_t count = 0;
	struct history *lines = history(arena, &count);
	cr_assert_eq(count, 2);
	cr_expect(lines[0].number == 1 && lines[0].time >= before && lines[0].time <= time(NULL));
	cr_expect_eq(lines[0].uid, getuid());
	cr_expect_gt(strlen(lines[0].user), 0);
	cr_expect_str_eq(lines[0].command, "netsh -f \"x\n.txt\"");
	cr_expect_str_eq(lines[0].digest, digest);
	cr_expect_str_eq(lines[0].changes, "policy +web, rule +rule, filterlist +\"web list\", filteraction +\"web action\", filter +12, config +bootmode");
	cr_expect_str_neq(lines[1].digest, digest);
	cr_expect_lt(strlen(lines[1].command), 2100);
	cr_expect_lt(strlen(lines[1].changes), 1000);
	cr_expect_not_null(strstr(lines[1].changes, "\"list number 0\""), "%s", lines[1].changes);
	cr_expect_not_null(strstr(lines[1].changes, " more, config ~bootmode"), "%s", lines[1].changes);
	arena_free(arena);
	free(long_command);
}

/* A change, made to have been at a time: the sum of its line is made anew. */
static void change_dated(int64_t number, int64_t time)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	struct change change;
	char sql[200];
	cr_assert_eq(sqlite3_open(folder_path("store.db"), &db), SQLITE_OK);
	sqlite3_snprintf(sizeof(sql), sql, "SELECT " HISTORY_COLUMNS " FROM change WHERE number=%lld", (long long)number);
	cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
	cr_assert(change_read(statement, &change));
	change.history.time = time;
	sqlite3_snprintf(sizeof(sql), sql, "UPDATE change SET time=%lld,sum=%lld WHERE number=%lld", (long long)time,
			 (long long)change_sum(&change), (long long)number);
	sqlite3_finalize(statement);
	cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

Test(store, the_policy_as_it_was_can_be_had_back)
{
	enum { CHANGES = 30 };
	char *texts[CHANGES + 1];
	struct random random = {42};
	struct state *state = state_new();
	struct store *store = open_at(STORE_WRITE);
	texts[0] = state_text(state, true);
	state_free(state);
	for (unsigned i = 1; i <= CHANGES; i++) {
		state = begin(store);
		struct location *local = &state->locations[LOCATION_LOCAL];
		uint32_t what = random_below(&random, 6);
		if (local->policies.count < 2 || what == 0) {
			location_assign(local, random_policy(&random, state, local));
		} else if (what == 1) {
			location_delete_policy(state, local, (struct policy *)local->policies.items[0]);
		} else if (what == 2) {
			struct object *list = local->filterlists.items[random_below(&random, (uint32_t)local->filterlists.count)];
			collection_rename(state, &local->filterlists, list, random_name(&random, state));
		} else if (what == 3) {
			char value = (char)('0' + random_below(&random, 8));
			config_set(&state->config, PROPERTY_IPSECDIAGNOSTICS, &value, 1, NULL, NULL);
		} else {
			struct filterlist *list = (struct filterlist *)local->filterlists.items[random_below(&random, (uint32_t)local->filterlists.count)];
			struct filter filter;
			random_filter(&random, state, &filter);
			if (list->count > 0)
				filterlist_delete(state, list, random_below(&random, (uint32_t)list->count));
			filterlist_add(state, list, &filter);
		}
		local->policies.items[0]->description = arena_printf(state->arena, "change %u", i);
		local->policies.items[0]->changed = true;
		texts[i] = state_text(state, true);
		commit(store, state, "change");
		state_free(state);
	}
	store_close(store);
	for (unsigned i = 1; i <= CHANGES; i++)
		change_dated(i, 1000 + 10 * (int64_t)i);
	for (unsigned i = 0; i <= CHANGES; i++) {
		for (unsigned late = 0; late < 10; late += 9) {
			char *got = text_at(1000 + 10 * (int64_t)i + late, true);
			cr_expect_str_eq(got, texts[i], "change %u", i);
			free(got);
		}
	}
	char *now = text_at(0, true);
	cr_expect_str_eq(now, texts[CHANGES]);
	free(now);
	now = text_at(-5, true);
	cr_expect_str_eq(now, texts[0], "a time before all others, and not a number of a change");
	free(now);
	now = text_at(INT64_MAX, true);
	cr_expect_str_eq(now, texts[CHANGES]);
	free(now);
	/* By number, whatever the times are. */
	struct diag diag;
	diag_init(&diag);
	store = open_at(STORE_READ);
	for (unsigned i = 1; i <= CHANGES; i++) {
		cr_assert_eq(store_read_change(store, i, &diag, &state), 0, "%s", said(&diag));
		now = state_text(state, true);
		cr_expect_str_eq(now, texts[i], "change %u", i);
		free(now);
		state_free(state);
	}
	static const int64_t none[] = {0, -1, CHANGES + 1, INT64_MIN, INT64_MAX};
	for (size_t i = 0; i < ARRAY_LENGTH(none); i++) {
		cr_expect_eq(store_read_change(store, none[i], &diag, &state), ERROR_NOT_FOUND);
		cr_expect_not_null(strstr(said(&diag), "this store has no change"));
	}
	store_close(store);
	diag_done(&diag);
	for (unsigned i = 0; i <= CHANGES; i++)
		free(texts[i]);
}

Test(store, dynamic_rows_count_for_their_boot_only)
{
	struct random random = {7};
	setenv("CORDON_BOOT_ID", "boot-1", 1);
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "stays", 2);
	add_dynamic(&random, state);
	random_policy(&random, state, &state->locations[LOCATION_DYNAMIC]);
	char *first = state_text(state, true);
	commit(store, state, "boot 1");
	state_free(state);
	store_close(store);
	change_dated(1, 1000);
	char *got = text_at(0, true);
	cr_expect_str_eq(got, first);
	free(got);

	setenv("CORDON_BOOT_ID", "boot-2", 1);
	store = open_at(STORE_READ);
	cr_assert_eq(store_read(store, 0, NULL, &state), 0);
	const struct location *dynamic = &state->locations[LOCATION_DYNAMIC];
	cr_expect_eq(dynamic->dynrule_count + dynamic->mmpolicies.count + dynamic->qmpolicies.count + dynamic->policies.count +
			     dynamic->filterlists.count + dynamic->filteractions.count, 0);
	cr_expect_eq(state->locations[LOCATION_LOCAL].policies.count, 1);
	state_free(state);
	store_close(store);
	cr_expect_gt(sql_number("SELECT count(*) FROM dynrule"), 0);

	/* The same names again, in the new boot. */
	store = open_at(STORE_WRITE);
	state = begin(store);
	add_dynamic(&random, state);
	char *second = state_text(state, true);
	commit(store, state, "boot 2");
	state_free(state);
	store_close(store);
	got = text_at(0, true);
	cr_expect_str_eq(got, second);
	free(got);
	cr_expect_eq(sql_number("SELECT count(*) FROM dynrule WHERE boot='boot-1'"), 0);
	cr_expect_eq(sql_number("SELECT count(*) FROM filterlist WHERE boot='boot-1'"), 0);
	/* At the time of the first boot its rows were in force. */
	got = text_at(1000, true);
	cr_expect_str_eq(got, first);
	free(got);
	free(first);
	free(second);
}

Test(store, a_digest_is_the_same_for_the_same_meaning)
{
	char digests[2][DIGEST_TEXT], other[DIGEST_TEXT];
	struct state *states[2];
	for (unsigned i = 0; i < 2; i++) { /* other guids, times and rows */
		struct random random = {3};
		states[i] = state_new();
		if (i == 1)
			add_small(states[i], "not assigned", 5);
		struct location *local = &states[i]->locations[LOCATION_LOCAL];
		location_assign(local, random_policy(&random, states[i], local));
		state_digest(states[i], digests[i]);
	}
	cr_expect_eq(strlen(digests[0]), 64);
	cr_expect_str_eq(digests[0], digests[1]);
	struct location *local = &states[0]->locations[LOCATION_LOCAL];
	struct policy *policy = location_assigned(local);
	struct filterlist *list = location_add_filterlist(states[0], local, "one more");
	state_digest(states[0], other);
	cr_expect_str_eq(other, digests[0], "a list that no rule uses means nothing");
	struct filteraction *action = location_add_filteraction(states[0], local, "act");
	struct rule *rule = policy_add_rule(states[0], policy, "r", list, action);
	struct filter filter = {.description = ""};
	filterlist_add(states[0], list, &filter);
	char seen[12][DIGEST_TEXT];
	size_t count = 0;
	/* Each of these means something else. */
	state_digest(states[0], seen[count++]);
	list->filters[0].replies = list->filters[0].mirrored = true;
	state_digest(states[0], seen[count++]);
	list->filters[0].protocol = 6;
	state_digest(states[0], seen[count++]);
	list->filters[0].srcport = 0x0102;
	state_digest(states[0], seen[count++]);
	list->filters[0].dst = (struct address){.kind = ADDRESS_ME};
	state_digest(states[0], seen[count++]);
	action->action = ACTION_PERMIT;
	state_digest(states[0], seen[count++]);
	rule->activate = false;
	state_digest(states[0], seen[count++]);
	rule->tunnel = "192.0.2.1";
	state_digest(states[0], seen[count++]);
	config_set(&states[0]->config, PROPERTY_IKEEXEMPT, "no", 2, NULL, NULL);
	state_digest(states[0], seen[count++]);
	policy->mmpfs = !policy->mmpfs;
	state_digest(states[0], seen[count++]);
	policy_unassign(policy);
	state_digest(states[0], seen[count++]);
	for (size_t i = 0; i < count; i++)
		for (size_t j = 0; j < i; j++)
			cr_expect_str_neq(seen[i], seen[j], "%zu and %zu", i, j);
	state_free(states[0]);
	state_free(states[1]);
}

/* Every statement of the schema; caller frees. */
static char *schema_text(void)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *statement = NULL;
	cr_assert_eq(sqlite3_open(folder_path("store.db"), &db), SQLITE_OK);
	cr_assert_eq(sqlite3_prepare_v2(db, "SELECT group_concat(sql,char(10)) FROM(SELECT sql FROM sqlite_schema ORDER BY name)", -1,
					&statement, NULL), SQLITE_OK);
	cr_assert_eq(sqlite3_step(statement), SQLITE_ROW);
	char *text = memory_text((const char *)sqlite3_column_text(statement, 0));
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return text;
}

/* A version-1 file, as the first step makes it. */
static void make_version_1(void)
{
	store_close(open_at(STORE_WRITE));
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "old", 4);
	commit(store, state, "old");
	state_free(state);
	store_close(store);
	sql_run("DROP TABLE pending; DROP INDEX change_time; PRAGMA user_version=1");
}

Test(store, an_older_schema_is_read_as_it_is_and_migrated_by_a_writer)
{
	make_version_1();
	char *before = text_at(0, true);
	cr_expect_not_null(strstr(before, "policy old"));
	cr_expect_eq(sql_number("PRAGMA user_version"), 1);
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "new", 1);
	commit(store, state, "new");
	state_free(state);
	store_close(store);
	cr_expect_eq(sql_number("PRAGMA user_version"), schema_version());
	char *migrated = schema_text();
	unlink(folder_path("new.db"));
	cr_assert_eq(rename(folder_path("store.db"), folder_path("new.db")), 0);
	store_close(open_at(STORE_WRITE));
	char *fresh = schema_text();
	cr_expect_str_eq(migrated, fresh, "a migrated file has the schema of a new one");
	cr_assert_eq(rename(folder_path("new.db"), folder_path("store.db")), 0);
	free(migrated);
	free(fresh);
	char *after = text_at(0, true);
	cr_expect_not_null(strstr(after, "policy old"));
	cr_expect_not_null(strstr(after, "policy new"));
	free(before);
	free(after);
}

Test(store, a_filter_that_cannot_be_is_not_stored)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	struct diag diag;
	diag_init(&diag);
	add_small(state, "a", 1);
	local_list(state, "a list")->filters[0].protocol = 0; /* but it has a port */
	cr_expect_eq(store_commit(store, state, "bad", &diag), ERROR_BUG);
	cr_expect_not_null(strstr(said(&diag), "filter 1 of filter list \"a list\" cannot be stored: a port needs"));
	cr_expect_eq(local_list(state, "a list")->object.row, 0, "rows are taken back");
	cr_expect_eq(local_list(state, "a list")->filters[0].row, 0);
	local_list(state, "a list")->filters[0].protocol = 6;
	cr_expect_eq(store_commit(store, state, "ended", &diag), ERROR_BUG, "the change has ended");
	state_free(begin(store));
	char *want = state_text(state, true);
	commit(store, state, "good");
	state_free(state);
	store_close(store);
	char *got = text_at(0, true);
	cr_expect_str_eq(got, want);
	free(want);
	free(got);
	diag_done(&diag);
}

Test(store, a_reader_sees_the_old_until_the_commit_and_keeps_what_it_read)
{
	struct store *writer = open_at(STORE_WRITE);
	struct state *state = begin(writer);
	add_small(state, "a", 2);
	char *empty = text_at(0, true);
	cr_expect_null(strstr(empty, "policy a"));
	commit(writer, state, "one");
	state_free(state);
	char *after = text_at(0, true);
	cr_expect_not_null(strstr(after, "policy a"));
	state = begin(writer);
	add_small(state, "b", 2);
	store_rollback(writer);
	state_free(state);
	store_close(writer);
	char *now = text_at(0, true);
	cr_expect_str_eq(now, after);
	free(empty);
	free(after);
	free(now);
}

Test(store, memory_of_equal_texts_is_shared)
{
	struct store *store = open_at(STORE_WRITE);
	struct state *state = begin(store);
	add_small(state, "a", 1000);
	commit(store, state, "one");
	state_free(state);
	state = begin(store);
	struct filterlist *list = local_list(state, "a list");
	for (size_t i = 1; i < list->count; i++)
		cr_assert_eq(list->filters[i].file, list->filters[0].file);
	cr_expect_eq(list->capacity, 1000, "no more room than the list needs");
	state_free(state);
	store_close(store);
}
