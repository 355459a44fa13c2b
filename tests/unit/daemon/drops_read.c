#include "tests/unit/daemon/drops_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { FILES_MOST = 64 };

static void trouble_say(struct drops *drops, const char *what, const char *where)
{
	if (drops->trouble[0] == '\0')
		snprintf(drops->trouble, sizeof(drops->trouble), "%s: %.100s", what, where);
}

/* One value, as a W3C reader takes it. */
static char *value_take(char **at, bool *ret_dash)
{
	char *start = *at, *to = start;
	*ret_dash = *start == '-' && (start[1] == ' ' || start[1] == '\0');
	if (*start != '"') {
		*at = strchrnul(start, ' ');
		return memory_text_n(start, (size_t)(*at - start));
	}
	char *from = start + 1;
	for (; *from != '\0' && !(*from == '"' && from[1] != '"'); from++) {
		from += *from == '"';
		*to++ = *from;
	}
	*at = *from == '"' ? from + 1 : from;
	return memory_text_n(start, (size_t)(to - start));
}

static void fields_read(struct drops *drops, char *at)
{
	for (size_t i = 0; i < drops->name_count; i++)
		free(drops->names[i]);
	drops->name_count = 0;
	drops->headers++;
	while (*at != '\0' && drops->name_count < DROPS_COLUMNS) {
		char *end = strchrnul(at, ' ');
		drops->names[drops->name_count++] = memory_text_n(at, (size_t)(end - at));
		at = *end == ' ' ? end + 1 : end;
	}
}

static void line_read(struct drops *drops, char *at)
{
	if (*at == '#') {
		if (strncmp(at, "#Fields: ", 9) == 0)
			fields_read(drops, at + 9);
		drops->remarks += strncmp(at, "#Remark:", 8) == 0;
		return;
	}
	if (drops->count == drops->capacity) {
		drops->capacity = drops->capacity * 2 + 64;
		drops->lines = memory_resize_array(drops->lines, drops->capacity, sizeof(*drops->lines));
	}
	struct drop_line *line = &drops->lines[drops->count++];
	*line = (struct drop_line){.count = 0};
	const char *whole = at;
	for (char *next = at; line->count < DROPS_COLUMNS; at = next + 1) {
		bool dash;
		next = at;
		char *value = value_take(&next, &dash);
		if (dash) {
			free(value);
			value = NULL;
		}
		line->fields[line->count++] = value;
		if (*next != ' ')
			break;
	}
	if (drops->headers == 0 || line->count != drops->name_count)
		trouble_say(drops, "not as many values as names", whole);
}

static void file_read(struct drops *drops, const char *path)
{
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t room = 0;
	ssize_t length;
	if (file == NULL)
		return;
	drops->files++;
	for (size_t number = 0; (length = getline(&line, &room, file)) > 0; number++) {
		drops->bytes += (size_t)length;
		if (line[length - 1] != '\n')
			trouble_say(drops, "a line does not end", line);
		else
			line[length - 1] = '\0';
		if (strlen(line) + 1 < (size_t)length)
			trouble_say(drops, "a NUL in a line", line);
		if (number == 0 && line[0] != '#')
			trouble_say(drops, "no header", path);
		line_read(drops, line);
	}
	free(line);
	fclose(file);
}

void drops_read(const char *folder, struct drops *ret_drops)
{
	char path[4096];
	*ret_drops = (struct drops){0};
	for (unsigned number = FILES_MOST; number > 0; number--) {
		snprintf(path, sizeof(path), "%s/drops.log.%u", folder, number);
		file_read(ret_drops, path);
	}
	snprintf(path, sizeof(path), "%s/drops.log", folder);
	file_read(ret_drops, path);
}

void drops_done(struct drops *drops)
{
	for (size_t i = 0; i < drops->count; i++)
		for (size_t field = 0; field < drops->lines[i].count; field++)
			free(drops->lines[i].fields[field]);
	for (size_t i = 0; i < drops->name_count; i++)
		free(drops->names[i]);
	free(drops->lines);
}

const char *drops_value(const struct drops *drops, size_t line, const char *column)
{
	for (size_t i = 0; line < drops->count && i < drops->name_count; i++)
		if (strcmp(drops->names[i], column) == 0 && i < drops->lines[line].count)
			return drops->lines[line].fields[i] != NULL ? drops->lines[line].fields[i] : "-";
	return "?";
}

uint64_t drops_sum(const struct drops *drops, const char *column, const char *value)
{
	uint64_t sum = 0;
	for (size_t line = 0; line < drops->count; line++) {
		const char *count = drops_value(drops, line, "x-count");
		bool wanted = column == NULL ? strcmp(drops_value(drops, line, "x-action"), "-") != 0
					     : strcmp(drops_value(drops, line, column), value) == 0;
		if (wanted)
			sum += strcmp(count, "-") == 0 ? 1 : strtoull(count, NULL, 10);
	}
	return sum;
}
