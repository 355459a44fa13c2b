/* Which boot this is: rows of the dynamic location count for theirs only. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/cursor.h"
#include "core/store/store_internal.h"

/* A short file of the kernel, as text. */
static size_t file_text(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t length = fd >= 0 ? read(fd, text, size - 1) : -1;
	if (fd >= 0)
		close(fd);
	text[length > 0 ? length : 0] = '\0';
	return length > 0 ? (size_t)length : 0;
}

void boot_id(char text[BOOT_TEXT])
{
#ifdef CORDON_DEVELOPER
	const char *given = getenv("CORDON_BOOT_ID");
	if (given != NULL) {
		snprintf(text, BOOT_TEXT, "%s", given);
		return;
	}
#endif
	size_t length = file_text("/proc/sys/kernel/random/boot_id", text, BOOT_TEXT);
	while (length > 0 && (unsigned char)text[length - 1] <= ' ')
		text[--length] = '\0';
	if (length > 0)
		return;
	/* Without /proc no two processes agree on a boot: such rows are seen by the one that wrote them only. */
	struct guid guid = guid_new();
	guid_print(&guid, text);
}

int64_t boot_time(void)
{
	static char text[65536]; /* the line comes after one for each processor and one for each interrupt */
	int64_t seconds = 0;
	FILE *file = fopen("/proc/stat", "re");
	while (file != NULL && fgets(text, sizeof(text), file) != NULL) {
		uint64_t number;
		struct cursor cursor = cursor_text(text);
		if (strncmp(text, "btime ", 6) == 0 && (cursor.at += 6, cursor_number(&cursor, INT64_MAX, &number)))
			seconds = (int64_t)number;
	}
	if (file != NULL)
		fclose(file);
	return seconds;
}
