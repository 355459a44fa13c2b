/* Every state with every event, and what must never happen. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "bootcfg/driver/driver.h"
#include "core/base/attr.h"

static bool state_is_startup(enum driver_state state)
{
	return driver_mode(state) == MODE_BOOT;
}

Test(driver, every_state_has_a_row_for_every_event)
{
	for (unsigned s = 0; s < DRIVER_STATES; s++) {
		for (unsigned e = 0; e < DRIVER_EVENTS; e++) {
			const struct driver_row *row = driver_next((enum driver_state)s, (enum driver_event)e);
			const char *state = driver_state_name((enum driver_state)s), *event = driver_event_name((enum driver_event)e);
			cr_assert_not_null(row, "%s, %s", state, event);
			cr_expect(row->from == s && row->event == e, "%s, %s: the row is another's", state, event);
			cr_expect_lt(row->to, DRIVER_STATES, "%s, %s", state, event);
			cr_assert_not_null(row->why, "%s, %s: no row", state, event);
			cr_expect(strlen(row->why) > 10 && row->why[strlen(row->why) - 1] != '.', "%s, %s: %s", state, event, row->why);
			cr_expect(row->record == 0 || (row->record >= 4292 && row->record <= 4297), "%s, %s: %u", state, event, row->record);
			cr_expect(row->to == row->from || row->record != 0, "%s, %s: a change that is not logged", state, event);
		}
	}
}

/* The id tells the state that was entered. */
Test(driver, records_mean_what_they_mean_on_windows)
{
	static const uint16_t ids[DRIVER_STATES] = {
		[DRIVER_BLOCK] = 4292,           [DRIVER_PERMIT] = 4293,        [DRIVER_SECURE] = 4294,
		[DRIVER_STARTUP_PERMIT] = 4295,  [DRIVER_STARTUP_BLOCK] = 4296, [DRIVER_STARTUP_STATEFUL] = 4297,
	};
	for (unsigned s = 0; s < DRIVER_STATES; s++) {
		for (unsigned e = 0; e < DRIVER_EVENTS; e++) {
			const struct driver_row *row = driver_next((enum driver_state)s, (enum driver_event)e);
			cr_expect(row->record == 0 || row->record == ids[row->to], "%s, %s: %u", driver_state_name(row->from),
				  driver_event_name(row->event), row->record);
		}
	}
}

/* Where each state goes, event by event; '=' stays.  Written by hand from DESIGN, meaning 6. */
Test(driver, goes_where_the_design_says)
{
	static const char letters[] = "pbsSPB"; /* startup permit, block, stateful; secure, permit, block */
	static const struct {
		enum driver_event event;
		const char *to; /* from each of the states in that order */
	} rows[] = {
		{DRIVER_BOOT_PERMIT, "pppppp"},          {DRIVER_BOOT_BLOCK, "bbbbbb"},       {DRIVER_BOOT_STATEFUL, "ssssss"},
		{DRIVER_BOOT_FAILED, "bbbbbb"},          {DRIVER_SERVICE_START, "======"},    {DRIVER_NO_PERSISTENT, "======"},
		{DRIVER_PERSISTENT_APPLIED, "SSSS=S"},   {DRIVER_PERSISTENT_FAILED, "BBB==="}, {DRIVER_LOCAL_APPLIED, "SSSS=S"},
		{DRIVER_LOCAL_FAILED, "BBBB=B"},         {DRIVER_NOTHING_ASSIGNED, "PPPPPP"}, {DRIVER_APPLY, "SSSSSS"},
		{DRIVER_APPLY_FAILED, "======"},         {DRIVER_LIFT, "PPPPPP"},             {DRIVER_SERVICE_STOP, "======"},
		{DRIVER_CRASH, "======"},                {DRIVER_ROLLBACK, "===S=S"},         {DRIVER_ROLLBACK_PERMIT, "===PPP"},
		{DRIVER_ROLLBACK_BLOCK, "===B=B"},
	};
	cr_assert_eq(ARRAY_LENGTH(rows), DRIVER_EVENTS);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		cr_expect_eq(rows[i].event, i, "each event once");
		for (unsigned s = 0; s < DRIVER_STATES; s++) {
			char expected = rows[i].to[s] == '=' ? letters[s] : rows[i].to[s];
			enum driver_state to = driver_next((enum driver_state)s, rows[i].event)->to;
			cr_expect_eq(letters[to], expected, "%s, %s: %s", driver_state_name((enum driver_state)s),
				     driver_event_name(rows[i].event), driver_state_name(to));
		}
	}
}

/* Nothing but its owner's word opens it: what is assigned, what is set, lift, and the way back to how it was. */
Test(driver, opens_by_its_owners_word_only)
{
	static const enum driver_event words[] = {DRIVER_BOOT_PERMIT, DRIVER_NOTHING_ASSIGNED, DRIVER_LIFT, DRIVER_ROLLBACK_PERMIT};
	for (unsigned s = 0; s < DRIVER_STATES; s++) {
		for (unsigned e = 0; e < DRIVER_EVENTS; e++) {
			const struct driver_row *row = driver_next((enum driver_state)s, (enum driver_event)e);
			bool opens = row->to != row->from && (row->to == DRIVER_PERMIT || row->to == DRIVER_STARTUP_PERMIT), word = false;
			for (size_t i = 0; i < ARRAY_LENGTH(words); i++)
				word |= words[i] == e;
			cr_expect(!opens || word, "%s opens by %s", driver_state_name(row->from), driver_event_name(row->event));
		}
	}
}

Test(driver, every_failure_on_the_way_to_secure_ends_in_block)
{
	static const enum driver_event failures[] = {DRIVER_PERSISTENT_FAILED, DRIVER_LOCAL_FAILED};
	for (unsigned boot = DRIVER_STARTUP_PERMIT; boot <= DRIVER_STARTUP_STATEFUL; boot++) {
		for (size_t i = 0; i < ARRAY_LENGTH(failures); i++) {
			/* Alone, behind the start of the service, and behind what went well before it. */
			enum driver_state state = driver_next((enum driver_state)boot, failures[i])->to;
			cr_expect_eq(state, DRIVER_BLOCK);
			state = driver_next((enum driver_state)boot, DRIVER_SERVICE_START)->to;
			cr_expect_eq(driver_next(state, failures[i])->to, DRIVER_BLOCK);
			/* It stays so whatever the service does, until a policy is in force. */
			static const enum driver_event after[] = {DRIVER_SERVICE_STOP, DRIVER_CRASH, DRIVER_SERVICE_START, DRIVER_NO_PERSISTENT,
								  DRIVER_APPLY_FAILED, DRIVER_PERSISTENT_FAILED, DRIVER_LOCAL_FAILED};
			for (size_t j = 0; j < ARRAY_LENGTH(after); j++)
				cr_expect_eq(driver_next(DRIVER_BLOCK, after[j])->to, DRIVER_BLOCK);
		}
		enum driver_state half = driver_next((enum driver_state)boot, DRIVER_PERSISTENT_APPLIED)->to;
		cr_expect_eq(half, DRIVER_SECURE);
		cr_expect_eq(driver_next(half, DRIVER_LOCAL_FAILED)->to, DRIVER_BLOCK);
		cr_expect_eq(driver_next((enum driver_state)boot, DRIVER_BOOT_FAILED)->to, DRIVER_STARTUP_BLOCK);
	}
}

/* Of 20,000 events in any order: secure is left by few, and a lift holds against all that a service does. */
Test(driver, keeps_its_promises_on_any_way)
{
	uint64_t seed = 20030416;
	enum driver_state state = DRIVER_STARTUP_PERMIT;
	for (unsigned i = 0; i < 20000; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		enum driver_event event = (enum driver_event)((seed >> 33) % DRIVER_EVENTS);
		const struct driver_row *row = driver_next(state, event);
		bool boot = event <= DRIVER_BOOT_FAILED, back = event >= DRIVER_ROLLBACK;
		if (state == DRIVER_PERMIT && row->to != DRIVER_PERMIT)
			cr_expect(boot || event == DRIVER_APPLY, "lifted, and then %s", driver_event_name(event));
		if (state == DRIVER_SECURE && row->to != DRIVER_SECURE)
			cr_expect(boot || back || event == DRIVER_LIFT || event == DRIVER_NOTHING_ASSIGNED || event == DRIVER_LOCAL_FAILED, "%s",
				  driver_event_name(event));
		if (state_is_startup(row->to))
			cr_expect(boot || state_is_startup(state), "start-up after %s", driver_event_name(event));
		state = row->to;
	}
}

Test(driver, names_parse_back_and_differ)
{
	for (unsigned i = 0; i < DRIVER_STATES; i++) {
		enum driver_state state = DRIVER_STATES;
		cr_expect(driver_state_parse(driver_state_name((enum driver_state)i), &state) && state == i, "%u", i);
	}
	for (unsigned i = 0; i < DRIVER_EVENTS; i++) {
		enum driver_event event = DRIVER_EVENTS;
		cr_expect(driver_event_parse(driver_event_name((enum driver_event)i), &event) && event == i, "%u", i);
	}
	enum driver_state state = DRIVER_SECURE;
	enum driver_event event = DRIVER_LIFT;
	cr_expect(!driver_state_parse("", &state) && !driver_state_parse("Secure", &state) && state == DRIVER_SECURE);
	cr_expect(!driver_event_parse("", &event) && !driver_event_parse("lifted", &event) && event == DRIVER_LIFT);
}

Test(driver, startup_states_are_the_boot_modes)
{
	for (unsigned mode = BOOTMODE_STATEFUL; mode <= BOOTMODE_PERMIT; mode++) {
		enum driver_state state = driver_startup((enum bootmode)mode);
		cr_expect_eq(driver_startup_bootmode(state), mode);
		cr_expect_eq(driver_mode(state), MODE_BOOT);
		cr_expect_eq(driver_next(DRIVER_SECURE, driver_rollback_event(state))->to, state);
	}
	for (unsigned state = 0; state < DRIVER_STATES; state++)
		cr_expect_eq(driver_next(DRIVER_SECURE, driver_rollback_event((enum driver_state)state))->to, state, "the way back");
	cr_expect_eq(driver_mode(DRIVER_SECURE), MODE_SECURE);
	cr_expect_eq(driver_mode(DRIVER_PERMIT), MODE_PERMIT);
	cr_expect_eq(driver_mode(DRIVER_BLOCK), MODE_BLOCK);
}

Test(driver, boot_mode_is_what_is_set_or_windows_own)
{
	static const struct {
		const char *set;
		bool assigned, enabled;
		enum bootmode mode;
		const char *why;
	} rows[] = {
		{NULL, false, false, BOOTMODE_PERMIT, "no policy"},   {NULL, false, true, BOOTMODE_PERMIT, "no policy"},
		{NULL, true, false, BOOTMODE_PERMIT, "not enabled"},  {NULL, true, true, BOOTMODE_STATEFUL, "policy is assigned and"},
		{"block", false, false, BOOTMODE_BLOCK, "set"},       {"permit", true, true, BOOTMODE_PERMIT, "set"},
		{"stateful", false, false, BOOTMODE_STATEFUL, "set"}, {"block", true, true, BOOTMODE_BLOCK, "set"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct config config;
		const char *why = NULL;
		config_init(&config);
		if (rows[i].set != NULL)
			cr_assert_eq(config_set(&config, PROPERTY_BOOTMODE, rows[i].set, strlen(rows[i].set), NULL, NULL), 0);
		cr_expect_eq(driver_bootmode(&config, rows[i].assigned, rows[i].enabled, &why), rows[i].mode, "%zu", i);
		cr_assert_not_null(why);
		cr_expect_not_null(strstr(why, rows[i].why), "%zu: %s", i, why);
	}
}

Test(driver, document_has_every_state_and_event_once)
{
	struct buffer text;
	buffer_init(&text, 1 << 20);
	driver_document(&text);
	cr_expect(!text.full);
	for (unsigned i = 0; i < DRIVER_STATES; i++)
		cr_expect_not_null(strstr(buffer_text(&text), driver_state_name((enum driver_state)i)));
	for (unsigned e = 0; e < DRIVER_EVENTS; e++) {
		char start[64];
		unsigned lines = 0;
		snprintf(start, sizeof(start), "\n| %s | ", driver_event_name((enum driver_event)e));
		for (const char *at = buffer_text(&text); (at = strstr(at, start)) != NULL; at++)
			lines++;
		cr_expect(lines >= 2 && lines <= 1 + DRIVER_STATES, "%s: %u", start, lines);
	}
	buffer_done(&text);
}
