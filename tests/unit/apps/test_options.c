/* The command line: what it becomes, and what is refused with which words. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "apps/options.h"
#include "core/base/error.h"
#include "core/store/store.h"

enum { ARGUMENTS_MOST = 16 };

struct parsed {
	char *argv[ARGUMENTS_MOST + 1];
	int argc;
	struct diag diag;
	struct buffer output;
	struct invocation invocation;
	int error;
};

/* `line` is split at blanks; _ stands for a blank in a word. */
static void parsed_init(struct parsed *parsed, const char *line)
{
	static char text[4096];
	*parsed = (struct parsed){.argc = 0};
	(void)snprintf(text, sizeof(text), "cordon %s", line);
	for (char *at = text; *at != '\0' && parsed->argc < ARGUMENTS_MOST;) {
		size_t length = strcspn(at, " ");
		parsed->argv[parsed->argc++] = at;
		at += length;
		if (*at == ' ')
			*at++ = '\0';
	}
	for (int i = 0; i < parsed->argc; i++)
		for (char *at = parsed->argv[i]; *at != '\0'; at++)
			*at = *at == '_' ? ' ' : *at;
	diag_init(&parsed->diag);
	buffer_init(&parsed->output, 65536);
	parsed->invocation = (struct invocation){.diag = &parsed->diag, .output = &parsed->output};
	parsed->error = options_parse(&parsed->invocation, parsed->argc, parsed->argv);
}

static void parsed_done(struct parsed *parsed)
{
	options_done(&parsed->invocation);
	buffer_done(&parsed->output);
	diag_done(&parsed->diag);
}

Test(options, globals_stand_before_and_after_the_command)
{
	static const char *const lines[] = {
		"--store a.db --location persistent --json -q dump", "dump --store a.db --location persistent --json -q",
		"--store=a.db dump --location=persistent -q --json",  "-q dump --json --store=a.db --location persistent",
	};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct parsed parsed;
		parsed_init(&parsed, lines[i]);
		cr_expect_eq(parsed.error, 0, "%s", lines[i]);
		cr_expect(parsed.invocation.command == &dump_command, "%s", lines[i]);
		cr_expect_str_eq(parsed.invocation.store, "a.db", "%s", lines[i]);
		cr_expect_eq(parsed.invocation.location, LOCATION_PERSISTENT, "%s", lines[i]);
		cr_expect(parsed.invocation.has_location && parsed.invocation.json && parsed.invocation.quiet, "%s", lines[i]);
		cr_expect((parsed.invocation.render & DIAG_QUIET) != 0, "%s", lines[i]);
		parsed_done(&parsed);
	}
}

Test(options, words_and_options_are_told_apart)
{
	static const struct {
		const char *line, *option, *value, *words;
	} rows[] = {
		{"save --policy web", "policy", "web", ""},
		{"save --policy=web", "policy", "web", ""},
		{"save --policy=a=b", "policy", "a=b", ""},
		{"save --policy=", "policy", "", ""},
		{"save -O file --policy web", "output", "file", ""},
		{"save -Ofile --policy web", "output", "file", ""},
		{"save -qO file --policy web", "output", "file", ""},
		{"save -O - --policy web", "output", "-", ""},
		{"load web --assign", "assign", "", "web"},
		{"load --assign -- --web", "assign", "", "--web"},
		{"load --assign -- --", "assign", "", "--"},
		{"load --assign -", "assign", "", "-"},
		{"netsh -f x.cmd", "file", "x.cmd", ""},
		{"netsh add policy name=x --keep-going", "keep-going", "", "add|policy|name=x"},
		{"netsh add policy --nmae -f x", NULL, NULL, "add|policy|--nmae|-f|x"},
		{"netsh add policy -- --store x", NULL, NULL, "add|policy|--store|x"},
		{"explain tcp 1.2.3.4:5 > me:80", NULL, NULL, "tcp|1.2.3.4:5|>|me:80"},
		{"show", NULL, NULL, ""},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct parsed parsed;
		struct buffer words;
		parsed_init(&parsed, rows[i].line);
		buffer_init(&words, 4096);
		for (size_t j = 0; j < parsed.invocation.word_count; j++)
			buffer_printf(&words, "%s%s", j > 0 ? "|" : "", parsed.invocation.words[j]);
		cr_expect_eq(parsed.error, 0, "%s: %s", rows[i].line,
			     parsed.diag.count > 0 ? parsed.diag.messages[0].text : "");
		cr_expect_str_eq(buffer_text(&words), rows[i].words, "%s: words %s", rows[i].line, buffer_text(&words));
		if (rows[i].option != NULL) {
			const char *value = invocation_option(&parsed.invocation, rows[i].option);
			cr_expect(value != NULL && strcmp(value, rows[i].value) == 0, "%s: value %s", rows[i].line,
				  value != NULL ? value : "(none)");
		} else {
			cr_expect_eq(parsed.invocation.given_count, 0, "%s", rows[i].line);
		}
		buffer_done(&words);
		parsed_done(&parsed);
	}
}

Test(options, what_is_wrong_is_said)
{
	static const struct {
		const char *line, *message;
	} rows[] = {
		{"", "a command is missing"},
		{"laod x", "unknown command \"laod\"; did you mean load?"},
		{"ipsecpol -w REG", "unknown command \"ipsecpol\""},
		{"--stroe x dump", "unknown option \"--stroe\"; did you mean --store?"},
		{"load --asign x", "unknown option \"--asign\"; did you mean --assign?"},
		{"load --assign=yes x", "--assign takes no value"},
		{"load -x", "unknown option \"-x\""},
		{"dump --policy x", "unknown option \"--policy\""},
		{"dump x", "\"x\" is one word too many"},
		{"load a b", "\"b\" is one word too many"},
		{"save", "cordon save needs --policy NAME"},
		{"save --policy", "--policy needs NAME after it"},
		{"save --policy a --policy b", "--policy was given twice"},
		{"save --policy a -O", "--output needs FILE after it"},
		{"save --policy a --output=", "--output is empty"},
		{"--store", "--store needs FILE after it"},
		{"--store= dump", "--store is empty"},
		{"--location here dump", "--location is \"here\", which is none of local, persistent, dynamic"},
		{"--location locl dump", "did you mean local?"},
		{"--color sometimes dump", "none of auto, always, never"},
		{"explain --mode sekure x", "did you mean secure?"},
		{"export --to netsch", "did you mean netsh?"},
		{"config", "cordon config needs"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct parsed parsed;
		parsed_init(&parsed, rows[i].line);
		cr_expect_eq(parsed.error, ERROR_INPUT, "%s", rows[i].line);
		cr_assert_geq(parsed.diag.count, 1, "%s", rows[i].line);
		cr_expect(strstr(parsed.diag.messages[0].text, rows[i].message) != NULL, "%s: %s", rows[i].line,
			  parsed.diag.messages[0].text);
		parsed_done(&parsed);
	}
}

Test(options, help_and_version_ask_for_nothing_else)
{
	static const char *const lines[] = {"--help", "-h", "--version", "save --help", "save -h", "netsh add policy --help"};
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++) {
		struct parsed parsed;
		parsed_init(&parsed, lines[i]);
		cr_expect_eq(parsed.error, 0, "%s", lines[i]);
		cr_expect(parsed.invocation.help != parsed.invocation.version, "%s", lines[i]);
		parsed_done(&parsed);
	}
}

Test(options, store_comes_from_option_environment_or_default)
{
	struct parsed parsed;
	(void)unsetenv("CORDON_STORE");
	parsed_init(&parsed, "dump");
	cr_expect_str_eq(parsed.invocation.store, STORE_DEFAULT);
	parsed_done(&parsed);
	(void)setenv("CORDON_STORE", "env.db", 1);
	parsed_init(&parsed, "dump");
	cr_expect_str_eq(parsed.invocation.store, "env.db");
	parsed_done(&parsed);
	parsed_init(&parsed, "dump --store x.db");
	cr_expect_str_eq(parsed.invocation.store, "x.db");
	parsed_done(&parsed);
	(void)setenv("CORDON_STORE", "", 1);
	parsed_init(&parsed, "dump");
	cr_expect_str_eq(parsed.invocation.store, STORE_DEFAULT);
	parsed_done(&parsed);
}

Test(options, color_is_on_only_when_asked_for_away_from_a_terminal)
{
	static const struct {
		const char *line, *no_color;
		bool color;
	} rows[] = {
		{"--color always dump", "", true}, {"--color always dump", "1", true},
		{"--color never dump", "", false}, {"--color auto dump", "", false}, {"dump", "", false},
	};
	FILE *away = freopen("/dev/null", "w", stderr);
	cr_assert_not_null(away);
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct parsed parsed;
		(void)setenv("NO_COLOR", rows[i].no_color, 1);
		parsed_init(&parsed, rows[i].line);
		cr_expect_eq((parsed.invocation.render & DIAG_COLOR) != 0, rows[i].color, "%s", rows[i].line);
		cr_expect_eq(parsed.invocation.render & DIAG_CARET, 0, "%s", rows[i].line);
		parsed_done(&parsed);
	}
}

Test(options, pairs_are_split_at_the_first_sign)
{
	struct parsed parsed;
	struct arena *arena = arena_new();
	struct profile_variable *pairs;
	size_t count;
	parsed_init(&parsed, "load x --set a=1 --set=b=2=3 --set c=");
	cr_assert_eq(options_pairs(&parsed.invocation, "set", arena, &pairs, &count), 0);
	cr_assert_eq(count, 3);
	cr_expect(strcmp(pairs[0].name, "a") == 0 && strcmp(pairs[0].value, "1") == 0);
	cr_expect(strcmp(pairs[1].name, "b") == 0 && strcmp(pairs[1].value, "2=3") == 0);
	cr_expect(strcmp(pairs[2].name, "c") == 0 && strcmp(pairs[2].value, "") == 0);
	parsed_done(&parsed);
	static const char *const wrong[] = {"load x --set a", "load x --set =1"};
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		parsed_init(&parsed, wrong[i]);
		cr_expect_eq(options_pairs(&parsed.invocation, "set", arena, &pairs, &count), ERROR_INPUT, "%s", wrong[i]);
		parsed_done(&parsed);
	}
	arena_free(arena);
}
