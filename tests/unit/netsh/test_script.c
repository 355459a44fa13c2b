/* Scripts as a whole: all or nothing, keep_going, counts, limits, and where filters say they come from. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "core/base/attr.h"
#include "core/base/error.h"

struct run {
	struct state *state;
	struct diag diag;
	struct buffer output;
	struct netsh_options options;
	struct netsh_result result;
	int error;
};

static struct run *run_new(void)
{
	struct run *run = calloc(1, sizeof(*run));
	run->state = state_new();
	run->options.location = LOCATION_LOCAL;
	diag_init(&run->diag);
	buffer_init(&run->output, 1 << 24);
	return run;
}

static void run_free(struct run *run)
{
	state_free(run->state);
	diag_done(&run->diag);
	buffer_done(&run->output);
	free(run);
}

static int run_bytes(struct run *run, const char *bytes, size_t length)
{
	run->error = netsh_run_script(run->state, bytes, length, "script", &run->options, &run->diag, &run->output, &run->result);
	return run->error;
}

static int run_text(struct run *run, const char *text)
{
	return run_bytes(run, text, strlen(text));
}

static size_t list_count(const struct run *run)
{
	return run->state->locations[LOCATION_LOCAL].filterlists.count;
}

static bool said(const struct run *run, const char *text)
{
	for (size_t i = 0; i < run->diag.count; i++)
		if (strstr(run->diag.messages[i].text, text) != NULL)
			return true;
	return false;
}

Test(netsh_script, one_bad_line_and_nothing_has_changed)
{
	struct run *run = run_new();
	cr_expect_eq(run_text(run, "ipsec static\nadd filterlist a\nadd filterlist b colour=red\nadd filterlist c colour=red\n"),
		     ERROR_INPUT);
	cr_expect_eq(list_count(run), 0);
	cr_expect_eq(run->diag.errors, 2, "every bad line is reported");
	cr_expect_eq(run->diag.messages[0].line, 3);
	cr_expect_eq(run->diag.messages[1].line, 4);
	run_free(run);
}

Test(netsh_script, keep_going_keeps_the_good_lines_and_counts)
{
	struct run *run = run_new();
	run->options.keep_going = true;
	cr_expect_eq(run_text(run, "ipsec static\nadd filterlist a\nadd filterlist b colour=red\nadd filterlist c\nadd filterlist a\n"), 0);
	cr_expect_eq(list_count(run), 2);
	cr_expect_eq(run->result.failed, 2);
	cr_expect_eq(run->result.commands, 5);
	run_free(run);
}

Test(netsh_script, the_first_failure_of_the_second_pass_ends_it)
{
	struct run *run = run_new();
	cr_expect_eq(run_text(run, "ipsec static\nadd filterlist a\nadd filterlist a\nadd filterlist a\n"), ERROR_EXISTS);
	cr_expect_eq(run->diag.errors, 1);
	diag_clear(&run->diag);
	cr_expect_eq(run_text(run, "ipsec static\ndelete policy none\n"), ERROR_NOT_FOUND);
	cr_expect_eq(run_text(run, "netsh ipsec static delete policy none\nnetsh ipsec static add filterlist z\n"), ERROR_NOT_FOUND);
	run_free(run);
}

Test(netsh_script, filters_know_file_and_line)
{
	struct run *run = run_new();
	cr_assert_eq(run_text(run, "@echo off\n"
				   "netsh ipsec static add filter l any me\n"
				   "\n"
				   "for %%i in (1 2) do (\n"
				   "  netsh ipsec static add filter l 192.0.2.%%i me\n"
				   ")\n"
				   "netsh ipsec ^\r\n"
				   "  static add filter l me any\n"), 0);
	static const uint32_t lines[] = {2, 5, 5, 7};
	const struct filterlist *list = (const struct filterlist *)run->state->locations[LOCATION_LOCAL].filterlists.items[0];
	cr_assert_eq(list->count, ARRAY_LENGTH(lines));
	for (size_t i = 0; i < list->count; i++) {
		cr_expect_eq(list->filters[i].line, lines[i], "filter %zu is of line %u", i, list->filters[i].line);
		cr_expect_str_eq(list->filters[i].file, "script");
	}
	run_free(run);
}

Test(netsh_script, columns_are_those_of_the_users_text)
{
	static const struct {
		const char *text;
		uint32_t line, column;
	} rows[] = {
		{"ipsec static add filter l any me protocol=tpc\n", 1, 43},
		{"netsh ipsec static add filter l any me protocol=tpc\n", 1, 49},
		{"netsh ipsec static add filter l any me ^\n   protocol=tpc\n", 2, 13},
		{"set P=tpc\nnetsh ipsec static add filter l any me protocol=%P%\n", 2, 49},
		{"for %%p in (tpc) do netsh ipsec static add filter l any me protocol=%%p\n", 1, 69},
		{"rem x\n(\n  netsh ipsec static add filter \"l\" any me protocol=tpc\n)\n", 3, 53},
		{"netsh ipsec static add filter \"a & b\" any me protocol=\"tpc\"\n", 1, 55},
		{"\xef\xbb\xbf# c\r\nipsec static add filter l any me protocol=tpc\r\n", 2, 43},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct run *run = run_new();
		cr_expect_eq(run_text(run, rows[i].text), ERROR_INPUT);
		cr_assert_eq(run->diag.errors, 1, "row %zu", i);
		cr_expect_eq(run->diag.messages[0].line, rows[i].line, "row %zu: line %u", i, run->diag.messages[0].line);
		cr_expect_eq(run->diag.messages[0].column, rows[i].column, "row %zu: column %u", i, run->diag.messages[0].column);
		run_free(run);
	}
}

/* A script of `count` copies of a text between two others. */
static int run_repeated(struct run *run, const char *before, const char *text, size_t count, const char *after)
{
	struct buffer script;
	buffer_init(&script, 1 << 24);
	buffer_add_text(&script, before);
	for (size_t i = 0; i < count; i++)
		buffer_add_text(&script, text);
	buffer_add_text(&script, after);
	int error = run_bytes(run, script.data, script.length);
	buffer_done(&script);
	return error;
}

Test(netsh_script, limits_hold)
{
	static const struct {
		const char *before, *text;
		size_t good, bad;
		const char *after, *message;
	} rows[] = {
		{"", "for %%i in (1) do ", 8, 9, "netsh ipsec static show store\n", "more than 8 loops"},
		{"", "if a==a ", 64, 65, "netsh ipsec static show store\n", "more than 64"},
		{"netsh ipsec static show store\n", "setlocal\n", 32, 33, "", "more than 32"},
		{"ipsec static\n", "pushd ipsec\n", 64, 65, "", "more than 64 pushd"},
		{"ipsec static add filterlist name=a description=", "x", 4096, 4097, "\n", "longer than 4096"},
		{"ipsec static add filterlist name=", "x", 1024, 1025, "\n", "longer than 1024"},
		{"#", "x", (1 << 20) - 1, 1 << 20, "\nipsec static show store\n", "longer than 1 MiB"},
		{"set X=", "x", 32767, 32768, "\nnetsh ipsec static show store\n", "32767"},
		{"ipsec static add filterlist ", "x ", 2, 998, "\n", "more than 1000 words"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct run *run = run_new();
		cr_expect_eq(run_repeated(run, rows[i].before, rows[i].text, rows[i].good, rows[i].after), 0, "row %zu: %s", i,
			     run->diag.count > 0 ? run->diag.messages[0].text : "");
		diag_clear(&run->diag);
		cr_expect_lt(run_repeated(run, rows[i].before, rows[i].text, rows[i].bad, rows[i].after), 0, "row %zu", i);
		cr_expect(said(run, rows[i].message), "row %zu: %s", i, run->diag.count > 0 ? run->diag.messages[0].text : "");
		run_free(run);
	}
}

Test(netsh_script, endless_loops_end, .timeout = 60)
{
	struct run *run = run_new();
	cr_expect_lt(run_text(run, "for /l %%i in (1,0,1) do netsh ipsec static show store > nul\n"), 0);
	cr_expect(said(run, "more than 1000000 commands"));
	diag_clear(&run->diag);
	run->options.keep_going = true;
	cr_expect_eq(run_text(run, "for /l %%i in (1,1,99999999) do rem netsh\nnetsh ipsec static show store\n"), 0);
	cr_expect(said(run, "more than 1000000 commands"));
	run_free(run);
}

Test(netsh_script, variables_that_are_given)
{
	static const struct netsh_variable good[] = {{"1", "one"}, {"Name", "a b"}, {"EMPTY", ""}};
	static const struct netsh_variable bad[][1] = {{{"", "x"}}, {{"a", "x\ny"}}, {{"a", "\xff"}}};
	struct run *run = run_new();
	run->options.variables = good;
	run->options.variable_count = ARRAY_LENGTH(good);
	cr_expect_eq(run_text(run, "netsh ipsec static add filterlist %1 \"%NAME%\"\n"
				   "netsh ipsec static add filterlist x%EMPTY%y%%z\n"
				   "set NAME=other\nnetsh ipsec static add filterlist \"%NAME%\"\n"), 0);
	struct collection *lists = &run->state->locations[LOCATION_LOCAL].filterlists;
	cr_assert_eq(lists->count, 3);
	cr_expect_str_eq(lists->items[0]->name, "one");
	cr_expect_str_eq(lists->items[0]->description, "a b");
	cr_expect_str_eq(lists->items[1]->name, "xy%z");
	cr_expect_str_eq(lists->items[2]->name, "a b", "--set wins over set");
	for (size_t i = 0; i < ARRAY_LENGTH(bad); i++) {
		run->options.variables = bad[i];
		run->options.variable_count = 1;
		cr_expect_eq(run_text(run, "netsh ipsec static show store\n"), ERROR_INPUT, "row %zu", i);
	}
	run_free(run);
}

Test(netsh_script, a_script_starts_in_the_location_given)
{
	struct run *run = run_new();
	run->options.location = LOCATION_PERSISTENT;
	cr_expect_eq(run_text(run, "ipsec static add filterlist a\nipsec static set store local\nipsec static add filterlist b\n"), 0);
	cr_expect_eq(run->state->locations[LOCATION_PERSISTENT].filterlists.count, 1);
	cr_expect_eq(list_count(run), 1);
	run_free(run);
}

Test(netsh_script, delete_all_leaves_the_dynamic_objects)
{
	struct run *run = run_new();
	struct location *location = &run->state->locations[LOCATION_DYNAMIC];
	cr_expect_eq(run_text(run, "ipsec dynamic add mmpolicy m\nipsec static\nset store dynamic\nadd filterlist a\ndelete all\n"), 0);
	cr_expect_eq(location->mmpolicies.count, 1);
	cr_expect_eq(location->filterlists.count, 0);
	cr_expect_eq(run_text(run, "ipsec static set store dynamic\nipsec static add filterlist a\nipsec dynamic delete all\n"), 0);
	cr_expect_eq(location->mmpolicies.count, 0);
	cr_expect_eq(location->filterlists.count, 1);
	run_free(run);
}

Test(netsh_script, words_of_a_command_line)
{
	static const struct {
		const char *words[8];
		int error;
		uint32_t column;
	} rows[] = {
		{{"netsh", "ipsec", "static", "add", "filterlist", "name=a b"}, 0, 0},
		{{"static", "add", "filterlist", "name=", "c"}, 0, 0},
		{{"static", "add", "filterlist", "quo\"te", "description="}, 0, 0},
		{{"static", "set", "filterlist", "c", "description=", "newname=d"}, 0, 0},
		{{"ipsec", "static", "add", "filterlist", "a b"}, ERROR_EXISTS, 29},
		{{"ipsec", "static", "add", "filterlist", "name=a\nb"}, ERROR_INPUT, 34},
		{{"ipsec", "static", "add", "filterlist", "name=\xff"}, ERROR_INPUT, 34},
		{{"ipsec", "static"}, ERROR_INPUT, 1},
		{{"netsh"}, ERROR_INPUT, 0},
		{{"advfirewall", "show", "store"}, ERROR_INPUT, 1},
		{{"ipsec", "static", "add", "filter", "l", "srcaddr=192.0.2.0/24", "me"}, ERROR_INPUT, 35},
	};
	struct run *run = run_new();
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		size_t count = 0;
		while (count < ARRAY_LENGTH(rows[i].words) && rows[i].words[count] != NULL)
			count++;
		diag_clear(&run->diag);
		int error = netsh_run_words(run->state, rows[i].words, count, &run->options, &run->diag, &run->output);
		cr_expect_eq(error, rows[i].error, "row %zu: %d %s", i, error, run->diag.count > 0 ? run->diag.messages[0].text : "");
		if (error < 0 && run->diag.count > 0)
			cr_expect_eq(run->diag.messages[0].column, rows[i].column, "row %zu: column %u", i, run->diag.messages[0].column);
	}
	struct collection *lists = &run->state->locations[LOCATION_LOCAL].filterlists;
	cr_expect(collection_find(lists, "a b") != NULL && collection_find(lists, "d") != NULL && collection_find(lists, "quo\"te") != NULL);
	run_free(run);
}

/* What `show` and `dump` print is only of the second pass, and only once. */
Test(netsh_script, output_is_printed_once)
{
	struct run *run = run_new();
	cr_expect_eq(run_text(run, "ipsec static add filter ?\n"), 0);
	const char *first = strstr(buffer_text(&run->output), "add filter");
	cr_assert(first != NULL);
	cr_expect(strstr(first + 1, "add filter filterlist") == NULL);
	buffer_clear(&run->output);
	cr_expect_eq(run_text(run, "ipsec static add filter ?\nipsec static add nothing\n"), ERROR_INPUT);
	cr_expect_eq(run->output.length, 0);
	run_free(run);
}
