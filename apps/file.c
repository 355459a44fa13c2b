#include "apps/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/command.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { BLOCK = 256 * 1024 };

static int system_error(struct diag *diag, const char *path, const char *what)
{
	int error = errno;
	diag_error(diag, &(struct place){.file = path}, "%s: %s", what, strerror(error));
	/* A name that leads nowhere is bad input; a door that is closed is the system's refusal. */
	return error == ENOENT || error == ENOTDIR || error == EISDIR || error == ENAMETOOLONG ? ERROR_INPUT : ERROR_SYSTEM;
}

static int too_large(struct diag *diag, const char *path)
{
	diag_error(diag, &(struct place){.file = path}, "larger than %u MiB, the limit", FILE_MOST >> 20);
	return ERROR_INPUT;
}

static int descriptor_open(const char *path, struct diag *diag)
{
	if (strcmp(path, "-") == 0) {
		int copy = dup(STDIN_FILENO);
		return copy < 0 ? system_error(diag, path, "cannot be read") : copy;
	}
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat status;
	if (descriptor < 0 || fstat(descriptor, &status) != 0) {
		int error = system_error(diag, path, "cannot be read");
		if (descriptor >= 0)
			(void)close(descriptor);
		return error;
	}
	int error = 0;
	if (S_ISDIR(status.st_mode)) {
		diag_error(diag, &(struct place){.file = path}, "is a directory: a file is needed");
		error = ERROR_INPUT;
	} else if (S_ISREG(status.st_mode) && status.st_size > FILE_MOST) {
		error = too_large(diag, path);
	}
	if (error == 0)
		return descriptor;
	(void)close(descriptor);
	return error;
}

/* Lines as they come in blocks. */
struct lines {
	size_t most;   /* bytes of one, 0: any */
	size_t open;   /* bytes of the last one so far */
	size_t number; /* of the last one */
};

/* False when a line is too long. */
static bool lines_check(struct lines *lines, const char *block, size_t length)
{
	while (lines->most > 0 && length > 0) {
		const char *end = memchr(block, '\n', length);
		size_t part = end != NULL ? (size_t)(end - block) : length;
		lines->open += part;
		if (lines->open > lines->most)
			return false;
		if (end == NULL)
			break;
		lines->number++;
		lines->open = 0;
		block += part + 1;
		length -= part + 1;
	}
	return true;
}

static int descriptor_read(int descriptor, const char *path, size_t line_most, struct diag *diag, struct buffer *bytes)
{
	char *block = memory_alloc(BLOCK);
	struct lines lines = {.most = line_most, .number = 1};
	int error = 0;
	for (;;) {
		ssize_t got = read(descriptor, block, BLOCK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			error = system_error(diag, path, "cannot be read");
		if (got <= 0)
			break;
		if (!lines_check(&lines, block, (size_t)got)) {
			diag_error(diag, &(struct place){.file = path, .line = (uint32_t)lines.number},
				   "the line is longer than %zu bytes, the limit: this is no script", line_most);
			error = ERROR_INPUT;
			break;
		}
		buffer_add(bytes, block, (size_t)got);
		if (bytes->full) {
			error = too_large(diag, path);
			break;
		}
	}
	free(block);
	return error;
}

int file_read(const char *path, size_t line_most, struct diag *diag, struct buffer *ret_bytes)
{
	buffer_init(ret_bytes, FILE_MOST);
	int descriptor = descriptor_open(path, diag);
	if (descriptor < 0)
		return descriptor;
	int error = descriptor_read(descriptor, path, line_most, diag, ret_bytes);
	(void)close(descriptor);
	return error;
}

int descriptor_write(int descriptor, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t done = write(descriptor, bytes, length);
		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return errno;
		bytes += done;
		length -= (size_t)done;
	}
	return 0;
}

/* The rename is on the disk only when its folder is. */
static void folder_sync(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *folder = slash == NULL ? memory_text(".") : memory_text_n(path, slash == path ? 1 : (size_t)(slash - path));
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (descriptor >= 0) {
		(void)fsync(descriptor);
		(void)close(descriptor);
	}
	free(folder);
}

static int file_replace(const char *path, const char *bytes, size_t length, struct diag *diag)
{
	struct buffer beside;
	buffer_init(&beside, 65536);
	buffer_printf(&beside, "%s.XXXXXX", path);
	char *name = memory_text(buffer_text(&beside));
	buffer_done(&beside);
	int error = 0, descriptor = mkostemp(name, O_CLOEXEC); /* mode 0600: keys are in it */
	if (descriptor < 0) {
		error = system_error(diag, path, "cannot be written");
		free(name);
		return error;
	}
	if (descriptor_write(descriptor, bytes, length) != 0 || fsync(descriptor) != 0)
		error = system_error(diag, path, "cannot be written");
	if (close(descriptor) != 0 && error == 0)
		error = system_error(diag, path, "cannot be written");
	if (error == 0 && rename(name, path) != 0)
		error = system_error(diag, path, "cannot be written");
	if (error != 0)
		(void)unlink(name);
	else
		folder_sync(path);
	free(name);
	return error;
}

int file_write(const char *path, const char *bytes, size_t length, struct diag *diag)
{
	struct stat status;
	bool there = stat(path, &status) == 0;
	if (!there || S_ISREG(status.st_mode)) {
		/* A link stays a link: what it names is replaced. */
		char target[PATH_MAX];
		bool known = there && realpath(path, target) != NULL;
		return file_replace(known ? target : path, bytes, length, diag);
	}
	int descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (descriptor < 0)
		return system_error(diag, path, "cannot be written");
	int error = 0;
	if (descriptor_write(descriptor, bytes, length) != 0)
		error = system_error(diag, path, "cannot be written");
	(void)close(descriptor);
	return error;
}

int file_deliver(struct invocation *invocation, const struct buffer *text)
{
	const char *path = invocation_option(invocation, "output");
	if (text->full) {
		diag_error(invocation->diag, NULL, "the output is larger than %zu bytes, the limit", text->maximum);
		return EXIT_SYSTEM;
	}
	if (path == NULL || strcmp(path, "-") == 0) {
		buffer_add(invocation->output, buffer_text(text), text->length);
		return EXIT_DONE;
	}
	int error = file_write(path, buffer_text(text), text->length, invocation->diag);
	return error < 0 ? EXIT_SYSTEM : EXIT_DONE;
}
