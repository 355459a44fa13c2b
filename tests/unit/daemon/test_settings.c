#include <criterion/criterion.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/daemon/settings.h"
#include "core/base/arena.h"
#include "core/base/error.h"

static struct arena *arena;
static struct diag diag;

static void begin(void)
{
	arena = arena_new();
	diag_init(&diag);
}

static void end(void)
{
	arena_free(arena);
	diag_done(&diag);
}

TestSuite(settings, .init = begin, .fini = end);

static int parse(const char *text, struct settings *settings)
{
	return settings_parse(text, strlen(text), "c.json", arena, &diag, settings);
}

Test(settings, every_key_may_be_left_out)
{
	struct settings settings, defaults;
	settings_init(&defaults);
	cr_assert_eq(parse("{}", &settings), 0);
	cr_expect_str_eq(settings.store, "/var/lib/cordon/store.db");
	cr_expect_str_eq(settings.logfolder, "/var/log/cordon");
	cr_expect_str_eq(settings.control, "/run/cordon/control");
	cr_expect_str_eq(settings.user, "");
	cr_expect_eq(settings.nfloggroup, 4290);
	cr_expect(settings.journal);
	cr_expect_eq(settings.logsize, defaults.logsize);
	cr_expect_str_eq(settings.file, "c.json");
}

Test(settings, what_is_printed_reads_to_the_same_print)
{
	static const char text[] =
		"{\"store\": \"/a/b \\\"c\\\".db\", \"logfolder\": \"/l\", \"logsize\": 17179869184, \"logfiles\": 1000,\n"
		" \"control\": \"/c\", \"user\": \"log\", \"group\": \"adm-1\", \"nfloggroup\": 65535, \"journal\": false}";
	struct settings settings;
	struct buffer first, second;
	buffer_init(&first, 65536);
	buffer_init(&second, 65536);
	cr_assert_eq(parse(text, &settings), 0);
	cr_expect_eq(settings.logsize, UINT64_C(17179869184));
	cr_expect_eq(settings.logfiles, 1000);
	cr_expect_eq(settings.nfloggroup, 65535);
	cr_expect_not(settings.journal);
	settings_print(&settings, &first);
	cr_assert_eq(parse(buffer_text(&first), &settings), 0);
	settings_print(&settings, &second);
	cr_expect_str_eq(buffer_text(&first), buffer_text(&second));
	cr_expect_not_null(strstr(buffer_text(&first), "\"store\": \"/a/b \\\"c\\\".db\""));
	settings_init(&settings);
	buffer_clear(&first);
	settings_print(&settings, &first);
	cr_expect_eq(parse(buffer_text(&first), &settings), 0, "the defaults too");
	buffer_done(&first);
	buffer_done(&second);
}

Test(settings, refuses_with_the_place_and_changes_nothing)
{
	static const struct {
		const char *text, *words;
		uint32_t line, column;
	} rows[] = {
		{"[]", "a configuration is an object", 1, 1},
		{"{\"stor\": \"/a\"}", "$.stor: there is no such key: it is one of store, logfolder", 1, 2},
		{"{\"stor\": \"/a\"}", "did you mean store?", 1, 2},
		{"{\"store\": 5}", "$.store: it is a string", 1, 11},
		{"{\"store\": \"a.db\"}", "no absolute path", 1, 11},
		{"{\"store\": \"/\"}", "no absolute path", 1, 11},
		{"{\"store\": \"/a/\"}", "no absolute path", 1, 11},
		{"{\n \"logsize\": 100}", "a whole number from 4096 to 17179869184", 2, 13},
		{"{\"logsize\": 1e6}", "a whole number", 1, 13},
		{"{\"logfiles\": 0}", "from 1 to 1000", 1, 14},
		{"{\"logfiles\": -1}", "from 1 to 1000", 1, 14},
		{"{\"nfloggroup\": 65536}", "from 1 to 65535", 1, 16},
		{"{\"nfloggroup\": 99999999999999999999999}", "from 1 to 65535", 1, 16},
		{"{\"journal\": \"yes\"}", "$.journal: it is true or false", 1, 13},
		{"{\"user\": \"\"}", "is no name of a user", 1, 10},
		{"{\"user\": \"-x\"}", "is no name of a user", 1, 10},
		{"{\"group\": \"a b\"}", "is no name of a group", 1, 11},
		{"{\"group\": null}", "$.group: it is a string", 1, 11},
		{"{\"user\": \"a\", \"user\": \"a\"}", "the key is there twice", 1, 15},
	};
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct settings settings;
		memset(&settings, 0x5a, sizeof settings);
		struct settings before;
		memcpy(&before, &settings, sizeof before);
		diag_clear(&diag);
		cr_expect_eq(parse(rows[i].text, &settings), ERROR_INPUT, "%s", rows[i].text);
		cr_expect_eq(memcmp(&settings, &before, sizeof settings), 0, "%s", rows[i].text);
		cr_assert_eq(diag.count, 1, "%s", rows[i].text);
		cr_expect_not_null(strstr(diag.messages[0].text, rows[i].words), "%s: %s", rows[i].text, diag.messages[0].text);
		cr_expect_str_eq(diag.messages[0].file, "c.json");
		cr_expect_eq(diag.messages[0].line, rows[i].line, "%s", rows[i].text);
		cr_expect_eq(diag.messages[0].column, rows[i].column, "%s: %u", rows[i].text, diag.messages[0].column);
	}
}

Test(settings, says_all_that_is_wrong)
{
	struct settings settings;
	cr_expect_eq(parse("{\"a\": 1, \"logfiles\": 0, \"journal\": 1}", &settings), ERROR_INPUT);
	cr_expect_eq(diag.count, 3);
}

Test(settings, a_socket_path_that_no_socket_can_have_is_refused)
{
	char text[256] = "{\"control\": \"/", *at = text + strlen(text);
	struct settings settings;
	memset(at, 'x', 107);
	memcpy(at + 107, "\"}", 3);
	cr_expect_eq(parse(text, &settings), ERROR_INPUT);
	cr_expect_not_null(strstr(diag.messages[0].text, "108 bytes: at most 107"), "%s", diag.messages[0].text);
	memcpy(at + 106, "\"}", 3);
	cr_expect_eq(parse(text, &settings), 0);
}

Test(settings, files_that_are_none_are_refused)
{
	struct settings settings;
	cr_expect_eq(settings_load("/nonexistent/c.json", arena, &diag, &settings), ERROR_INPUT);
	cr_expect_eq(settings_load("/dev/null", arena, &diag, &settings), ERROR_INPUT);
	cr_expect_eq(settings_load("/", arena, &diag, &settings), ERROR_INPUT);
	cr_expect_eq(settings_load("/proc/self/exe", arena, &diag, &settings), ERROR_LIMIT);
	cr_expect_eq(diag.errors, 4);
}
