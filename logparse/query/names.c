/* Names in FROM, as files. */
#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/error.h"
#include "logparse/query/parts.h"

enum { PATHS_MOST = 100000, PATH_LENGTH = 8192 };

struct finding {
	struct query *query;
	struct log_table *table;
	const struct log_name *name;
	const struct query_places *places;
	struct diag *diag;
};

static void path_add(struct finding *finding, const char *path)
{
	struct query *query = finding->query;
	struct log_table *table = finding->table;
	path = arena_text(query->arena, path);
	table->paths = arena_grow(query->arena, table->paths, table->path_count, &table->path_capacity, sizeof(*table->paths));
	table->paths[table->path_count++] = path;
	table->standard_input |= strcmp(path, "-") == 0;
	query->paths = arena_grow(query->arena, query->paths, query->path_count, &query->path_capacity, sizeof(*query->paths));
	query->paths[query->path_count++] = path;
}

static int name_error(struct finding *finding, const char *text)
{
	struct place place;
	lexer_place(&finding->query->lexer, finding->name->token.at, finding->name->token.length, &place);
	diag_error(finding->diag, &place, "%s", text);
	return ERROR_INPUT;
}

/* Event Viewer's names of the three logs that each Windows has, and their files before Vista. */
static const struct {
	const char *log, *file;
} old_files[] = {{"System", "SysEvent"}, {"Security", "SecEvent"}, {"Application", "AppEvent"}};

static bool file_holds(const char *file, const char *log)
{
	const char *dot = strrchr(file, '.');
	if (dot == NULL || (!ascii_equal(dot, ".evt") && !ascii_equal(dot, ".evtx")))
		return false;
	size_t length = (size_t)(dot - file), at = 0;
	for (size_t i = 0; i < sizeof(old_files) / sizeof(old_files[0]); i++)
		if (ascii_equal(old_files[i].log, log) && ascii_equal_n(file, length, old_files[i].file))
			return true;
	/* A slash in the name of a channel is %4 in that of its file. */
	for (; *log != '\0' && at < length; log++) {
		if (*log == '/' && length - at >= 2 && file[at] == '%' && file[at + 1] == '4')
			at += 2;
		else if (ascii_lower(*log) == ascii_lower(file[at]))
			at++;
		else
			return false;
	}
	return *log == '\0' && at == length;
}

/* 1: found, 0: not. */
static int folder_look(struct finding *finding, const char *folder, const char *log)
{
	struct dirent **entries;
	int count = scandir(folder, &entries, NULL, alphasort), found = 0;
	if (count < 0) {
		diag_error(finding->diag, &(struct place){.file = folder}, "--logs: this folder cannot be read");
		return ERROR_INPUT;
	}
	for (int i = 0; i < count; i++) {
		struct buffer path;
		buffer_init(&path, PATH_LENGTH);
		buffer_printf(&path, "%s/%s", folder, entries[i]->d_name);
		if ((file_holds(entries[i]->d_name, log) || strcmp(entries[i]->d_name, log) == 0) && strcmp(log, ".") != 0 && strcmp(log, "..") != 0) {
			path_add(finding, buffer_text(&path));
			found = 1;
		}
		buffer_done(&path);
		free(entries[i]);
	}
	free(entries);
	return found;
}

/* A pattern that finds names in any case; of a name that is no pattern (plain), one that finds it in any case. */
static void caseless_make(const char *text, bool plain, struct buffer *pattern)
{
	bool set = false;
	for (const char *at = text; *at != '\0'; at++) {
		char low = ascii_lower(*at), high = (char)(low >= 'a' && low <= 'z' ? low - 'a' + 'A' : low);
		set = !plain && (*at == '[' || (set && *at != ']'));
		if (low >= 'a' && low <= 'z' && !set) {
			const char letters[] = {'[', low, high, ']'};
			buffer_add(pattern, letters, sizeof(letters));
			continue;
		}
		if (*at == '\\' || (plain && strchr("*?[", *at) != NULL))
			buffer_add_char(pattern, '\\');
		buffer_add_char(pattern, *at);
	}
}

static bool caseless_find(const char *text, bool plain, glob_t *found)
{
	struct buffer pattern;
	buffer_init(&pattern, PATH_LENGTH);
	caseless_make(text, plain, &pattern);
	bool there = !pattern.full && glob(buffer_text(&pattern), 0, NULL, found) == 0;
	buffer_done(&pattern);
	return there;
}

/* Files whose names differ in case only from what was asked for are not read, where others are: that is said. */
static void others_say(struct finding *finding, const char *pattern, const glob_t *found)
{
	glob_t all;
	struct buffer list;
	size_t count = 0;
	if (!caseless_find(pattern, false, &all))
		return;
	buffer_init(&list, PATH_LENGTH);
	for (size_t i = 0; i < all.gl_pathc; i++) {
		size_t at = 0;
		while (at < found->gl_pathc && strcmp(found->gl_pathv[at], all.gl_pathv[i]) != 0)
			at++;
		if (at < found->gl_pathc)
			continue;
		enum { SHOWN = 5 };
		if (count++ < SHOWN)
			buffer_printf(&list, "%s%s", count > 1 ? ", " : "", QUOTE(all.gl_pathv[i]));
		else if (count == SHOWN + 1)
			buffer_add_text(&list, " …");
	}
	globfree(&all);
	if (count > 0)
		diag_warning(finding->diag, "name-case", &(struct place){.file = pattern}, "%zu file%s passed over, for the name differs in case: %s", count,
			     count > 1 ? "s are" : " is", buffer_text(&list));
	buffer_done(&list);
}

static int pattern_look(struct finding *finding, const char *pattern)
{
	glob_t found;
	if (glob(pattern, 0, NULL, &found) == 0)
		others_say(finding, pattern, &found);
	else if (!caseless_find(pattern, false, &found))
		return name_error(finding, "no file has a name like this, in whatever case");
	for (size_t i = 0; i < found.gl_pathc && i < PATHS_MOST; i++)
		path_add(finding, found.gl_pathv[i]);
	globfree(&found);
	return 0;
}

/* As Windows looks a file up.  1: found, 0: there is none, negative: more than one, and none of exactly this name. */
static int caseless_look(struct finding *finding, const char *name)
{
	glob_t found;
	int result = 0;
	if (!caseless_find(name, true, &found))
		return 0;
	if (found.gl_pathc == 1) {
		path_add(finding, found.gl_pathv[0]);
		result = 1;
	} else {
		result = name_error(finding, arena_printf(finding->query->arena, "there is no such file, and more than one whose name differs in case only: %s, %s",
							  QUOTE(found.gl_pathv[0]), QUOTE(found.gl_pathv[1])));
	}
	globfree(&found);
	return result;
}

static int host_take(struct finding *finding)
{
	const struct query_places *places = finding->places;
	if (places->host_count == 0)
		return name_error(finding, "this host has no records of its own yet (the service writes them); --logs DIR says where the logs of another are");
	finding->table->host = true;
	for (size_t i = 0; i < places->host_count; i++)
		path_add(finding, places->host[i]);
	return 0;
}

static int name_find(struct finding *finding)
{
	const char *text = finding->name->text;
	bool own = ascii_equal(text, "System") || ascii_equal(text, "Security");
	if (ascii_equal(text, "STDIN") || strcmp(text, "-") == 0) {
		path_add(finding, "-");
		return 0;
	}
	if (finding->places->logs != NULL) {
		int found = folder_look(finding, finding->places->logs, text);
		if (found != 0)
			return found < 0 ? found : 0;
	} else if (own) {
		return host_take(finding);
	}
	if (access(text, F_OK) == 0) {
		path_add(finding, text);
		return 0;
	}
	if (strpbrk(text, "*?") != NULL)
		return pattern_look(finding, text);
	int caseless = caseless_look(finding, text);
	if (caseless != 0)
		return caseless < 0 ? caseless : 0;
	if (finding->places->logs != NULL)
		return name_error(finding, arena_printf(finding->query->arena, "there is no such file, and no log of this name in %s", QUOTE(finding->places->logs)));
	return name_error(finding, "there is no such file or folder; --logs DIR says where the logs of a machine are");
}

int query_find(struct query *query, const struct query_places *places, struct diag *diag)
{
	int error = 0;
	for (size_t i = 0; i < query->table_count; i++) {
		struct finding finding = {.query = query, .table = &query->tables[i], .places = places, .diag = diag};
		for (size_t j = 0; j < finding.table->name_count; j++) {
			finding.name = &finding.table->names[j];
			int found = name_find(&finding);
			error = error < 0 ? error : found;
		}
	}
	return error;
}

const char *const *query_paths(const struct query *query, size_t *ret_count)
{
	*ret_count = query->path_count;
	return query->paths;
}

void query_paths_set(struct query *query, const char *path)
{
	query->path_count = 0;
	for (size_t i = 0; i < query->table_count; i++) {
		struct finding finding = {.query = query, .table = &query->tables[i]};
		query->tables[i].path_count = 0;
		query->tables[i].standard_input = false;
		path_add(&finding, path);
	}
}
