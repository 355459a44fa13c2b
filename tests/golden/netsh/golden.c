/* Golden files of the netsh language: each NAME.in is run as a script on an empty store; what comes out is
 * compared with NAME.ok (the messages, what was printed, then the store as `dump` writes it) or, when it was refused,
 * with NAME.err (the messages).  A new pair of files is a new test.
 *
 * The first line of an .in file may hold options: #! keep-going json set NAME=VALUE persistent
 *
 *   golden FOLDER            compares all of them
 *   golden --update FOLDER   writes what came out
 *   golden --show FILE…      prints what comes of files, with keep-going */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bootcfg/netsh/netsh.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "core/policy/host.h"

enum { FILE_MOST = 1 << 24, VARIABLES_MOST = 16 };

static bool file_load(const char *path, struct buffer *bytes)
{
	char piece[4096];
	FILE *file = fopen(path, "rb");
	if (file == NULL)
		return false;
	for (size_t got; (got = fread(piece, 1, sizeof(piece), file)) > 0;)
		buffer_add(bytes, piece, got);
	fclose(file);
	return true;
}

static bool file_store(const char *path, const struct buffer *bytes)
{
	FILE *file = fopen(path, "wb");
	if (file == NULL)
		return false;
	bool good = fwrite(buffer_text(bytes), 1, bytes->length, file) == bytes->length;
	return fclose(file) == 0 && good;
}

/* Names as these tests know them: NAME.v4.test has one IPv4 address, .both.test two and an IPv6 address. */
static int resolve(void *context, const char *name, struct ip_list *list, struct diag *diag, const struct place *place)
{
	static const char *const addresses[] = {"192.0.2.53", "192.0.2.54", "2001:db8::53"};
	size_t count = strstr(name, ".both.test") != NULL ? 3 : 1;
	(void)context;
	if (strstr(name, ".test") == NULL) {
		diag_error(diag, place, "the name %s does not resolve", QUOTE(name));
		return ERROR_INPUT;
	}
	list->items = memory_alloc(count * sizeof(*list->items));
	for (size_t i = 0; i < count; i++)
		ip_parse(addresses[i], strlen(addresses[i]), &list->items[list->count++]);
	return 0;
}

/* What the first line asks for. */
struct setting {
	struct netsh_options options;
	struct netsh_variable variables[VARIABLES_MOST];
	char *words; /* that the variables point into */
};

static void setting_read(struct setting *setting, const struct buffer *script)
{
	struct cursor line = cursor_of(buffer_text(script), script->length), word;
	*setting = (struct setting){.options = {.location = LOCATION_LOCAL, .resolve = resolve, .store_name = "test.db"}};
	setting->options.variables = setting->variables;
	if (cursor_left(&line) < 2 || memcmp(line.at, "#!", 2) != 0)
		return;
	const char *end = memchr(line.at, '\n', cursor_left(&line));
	line.end = end != NULL ? end : line.end;
	setting->words = memory_text_n(line.at + 2, cursor_left(&line) - 2);
	line = cursor_text(setting->words);
	for (cursor_skip_blanks(&line); cursor_word(&line, &word); cursor_skip_blanks(&line)) {
		size_t length = cursor_left(&word);
		char *equals = memchr(word.at, '=', length) != NULL ? setting->words + ((const char *)memchr(word.at, '=', length) - setting->words) : NULL;
		if (ascii_equal_n(word.at, length, "keep-going"))
			setting->options.keep_going = true;
		else if (ascii_equal_n(word.at, length, "json"))
			setting->options.json = true;
		else if (ascii_equal_n(word.at, length, "persistent"))
			setting->options.location = LOCATION_PERSISTENT;
		else if (equals != NULL && setting->options.variable_count < VARIABLES_MOST)
			setting->variables[setting->options.variable_count++] = (struct netsh_variable){word.at, equals + 1};
		if (equals != NULL)
			*equals = '\0';
		if (word.end < line.end) {
			setting->words[word.end - setting->words] = '\0';
			line.at++;
		}
	}
}

/* What was printed, without what is new each time: keys and times. */
static void printed_add(struct buffer *out, const struct buffer *printed)
{
	for (const char *at = buffer_text(printed); *at != '\0';) {
		size_t length = strcspn(at, "\n");
		length += at[length] == '\n';
		if (strncmp(at, "GUID ", 5) != 0 && strncmp(at, "Last Modified ", 14) != 0)
			buffer_add(out, at, length);
		at += length;
	}
}

/* What comes of a script; false when it was refused. */
static bool script_run(const char *path, const char *name, bool keep_going, struct buffer *out)
{
	struct buffer script, output;
	struct setting setting;
	struct diag diag;
	struct netsh_result result = {0};
	buffer_init(&script, FILE_MOST);
	buffer_init(&output, FILE_MOST);
	diag_init(&diag);
	struct state *state = state_new();
	if (!file_load(path, &script))
		buffer_printf(out, "cannot read %s\n", path);
	setting_read(&setting, &script);
	setting.options.keep_going |= keep_going;
	int error = netsh_run_script(state, buffer_text(&script), script.length, name, &setting.options, &diag, &output, &result);
	diag_render(&diag, 0, DIAG_CARET, out);
	if (error == 0) {
		buffer_printf(out, "%zu commands, %zu refused, %zu foreign\n", result.commands, result.failed, result.foreign);
		if (output.length > 0) {
			buffer_add_text(out, "--- printed\n");
			printed_add(out, &output);
		}
		buffer_add_text(out, "--- store\n");
		netsh_dump(state, out);
	}
	state_free(state);
	diag_done(&diag);
	buffer_done(&script);
	buffer_done(&output);
	free(setting.words);
	return error == 0;
}

static void difference_print(const char *path, const struct buffer *expected, const struct buffer *got)
{
	const char *a = buffer_text(expected), *b = buffer_text(got);
	unsigned line = 1;
	for (; *a != '\0' && *a == *b; a++, b++)
		line += *a == '\n';
	while (a > buffer_text(expected) && a[-1] != '\n')
		a--, b--;
	printf("FAILED %s: line %u\n  expected: %.*s\n  got:      %.*s\n", path, line, (int)strcspn(a, "\n"), a,
	       (int)strcspn(b, "\n"), b);
}

/* One .in file against its .ok or .err; the other one must not be there. */
static bool golden_check(const char *folder, const char *name, bool update)
{
	static const char *const ends[2] = {".err", ".ok"};
	struct buffer got, expected, path, wrong;
	buffer_init(&got, FILE_MOST);
	buffer_init(&expected, FILE_MOST);
	buffer_init(&path, 4096);
	buffer_init(&wrong, 4096);
	buffer_printf(&path, "%s/%s", folder, name);
	bool good = script_run(buffer_text(&path), name, false, &got);
	int stem = (int)strlen(name) - 3;
	buffer_clear(&path);
	buffer_printf(&path, "%s/%.*s%s", folder, stem, name, ends[good]);
	buffer_printf(&wrong, "%s/%.*s%s", folder, stem, name, ends[!good]);
	if (update) {
		remove(buffer_text(&wrong));
		good = file_store(buffer_text(&path), &got);
	} else {
		good = file_load(buffer_text(&path), &expected) && expected.length == got.length &&
		       memcmp(buffer_text(&expected), buffer_text(&got), got.length) == 0;
		if (!good)
			difference_print(buffer_text(&path), &expected, &got);
	}
	buffer_done(&got);
	buffer_done(&expected);
	buffer_done(&path);
	buffer_done(&wrong);
	return good;
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "--show") == 0) {
		for (int i = 2; i < argc; i++) {
			struct buffer out;
			buffer_init(&out, FILE_MOST);
			script_run(argv[i], argv[i], true, &out);
			printf("=== %s\n%s", argv[i], buffer_text(&out));
			buffer_done(&out);
		}
		return 0;
	}
	bool update = argc > 2 && strcmp(argv[1], "--update") == 0;
	if (argc < 2)
		return 2;
	struct dirent **entries;
	int count = scandir(argv[argc - 1], &entries, NULL, alphasort), tests = 0, failed = 0;
	for (int i = 0; i < count; i++) {
		size_t length = strlen(entries[i]->d_name);
		if (length > 3 && strcmp(entries[i]->d_name + length - 3, ".in") == 0) {
			tests++;
			failed += !golden_check(argv[argc - 1], entries[i]->d_name, update);
		}
		free(entries[i]);
	}
	if (count >= 0)
		free(entries);
	printf("%d golden files, %d failed\n", tests, failed);
	return tests == 0 || failed > 0;
}
