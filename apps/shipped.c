#include "apps/shipped.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/file.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

enum { SHIPPED_MOST = 1000, PATH_MOST = 4096 };

struct collector {
	struct arena *arena;
	struct shipped *items;
	size_t count, capacity;
};

static bool is_listed(const struct collector *collector, const char *name)
{
	for (size_t i = 0; i < collector->count; i++)
		if (strcmp(collector->items[i].name, name) == 0)
			return true;
	return false;
}

/* The name of a profile's file without .json; 0 when it is none. */
static size_t stem_length(const char *file)
{
	static const char suffix[] = ".json", schema[] = ".schema.json";
	size_t length = strlen(file), end = sizeof(suffix) - 1, schema_end = sizeof(schema) - 1;
	if (length <= end || *file == '.' || strcmp(file + length - end, suffix) != 0)
		return 0;
	if (length >= schema_end && strcmp(file + length - schema_end, schema) == 0)
		return 0;
	return length - end;
}

static void folder_add(struct collector *collector, const char *folder)
{
	DIR *directory = opendir(folder);
	if (directory == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(directory)) != NULL && collector->count < SHIPPED_MOST;) {
		size_t length = stem_length(entry->d_name);
		if (length == 0)
			continue;
		struct shipped item = {arena_text_n(collector->arena, entry->d_name, length),
				       arena_printf(collector->arena, "%s/%s", folder, entry->d_name)};
		if (is_listed(collector, item.name))
			continue;
		collector->items = arena_grow(collector->arena, collector->items, collector->count, &collector->capacity,
					      sizeof(*collector->items));
		collector->items[collector->count++] = item;
	}
	(void)closedir(directory);
}

/* Whether this program runs where it was built.  Only then is the source tree looked at: an installed one must not
 * trust whoever can make a folder of that name. */
static bool is_in_build(void)
{
	char path[PATH_MOST];
	ssize_t length = readlink("/proc/self/exe", path, sizeof(path));
	size_t build = strlen(CORDON_BUILD_FOLDER);
	return length > (ssize_t)build && memcmp(path, CORDON_BUILD_FOLDER, build) == 0 && path[build] == '/';
}

static int item_compare(const void *a, const void *b)
{
	return strcmp(((const struct shipped *)a)->name, ((const struct shipped *)b)->name);
}

void shipped_list(struct arena *arena, struct shipped **ret_items, size_t *ret_count)
{
	struct collector collector = {.arena = arena};
	const char *folders = getenv("CORDON_PROFILES");
	while (folders != NULL && *folders != '\0') {
		size_t length = strcspn(folders, ":");
		if (length > 0)
			folder_add(&collector, arena_text_n(arena, folders, length));
		folders += length + (folders[length] == ':');
	}
	if (is_in_build())
		folder_add(&collector, CORDON_SOURCE_PROFILES);
	folder_add(&collector, CORDON_INSTALLED_PROFILES);
	if (collector.count > 0)
		qsort(collector.items, collector.count, sizeof(*collector.items), item_compare);
	*ret_items = collector.items;
	*ret_count = collector.count;
}

static bool is_path(const char *profile)
{
	size_t length = strlen(profile);
	return strchr(profile, '/') != NULL || strcmp(profile, "-") == 0 ||
	       (length > 5 && strcmp(profile + length - 5, ".json") == 0);
}

int shipped_find(struct arena *arena, const char *profile, struct diag *diag, const char **ret_path)
{
	if (is_path(profile)) {
		*ret_path = profile;
		return 0;
	}
	struct shipped *items;
	size_t count;
	shipped_list(arena, &items, &count);
	const char **names = arena_alloc(arena, (count + 1) * sizeof(*names));
	for (size_t i = 0; i < count; i++) {
		names[i] = items[i].name;
		if (ascii_equal(items[i].name, profile)) {
			*ret_path = items[i].path;
			return 0;
		}
	}
	struct stat status;
	if (stat(profile, &status) == 0) {
		*ret_path = profile;
		return 0;
	}
	const char *nearest = word_nearest(profile, strlen(profile), names);
	diag_error(diag, NULL, "no profile %s: neither a file nor one that comes with Cordon%s%s%s", QUOTE(profile),
		   nearest != NULL ? "; did you mean " : " (cordon load --list)", nearest != NULL ? nearest : "",
		   nearest != NULL ? "?" : "");
	return ERROR_NOT_FOUND;
}

int shipped_read(struct arena *arena, const char *profile, struct diag *diag, const char **ret_path, struct buffer *ret_bytes)
{
	buffer_init(ret_bytes, FILE_MOST);
	int error = shipped_find(arena, profile, diag, ret_path);
	return error < 0 ? error : file_read(*ret_path, 0, diag, ret_bytes);
}
