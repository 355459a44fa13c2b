/* The record is one line of fields with tabs between, so that `cat` shows it too:
 *   driver 1 <tab> STATE <tab> EVENT <tab> FROM <tab> SECONDS <tab> DIGEST or - <tab> PROGRAM
 * It is read strictly: it tells what the kernel's rules are, and whatever is not exactly ours is not believed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/driver/driver.h"
#include "core/base/attr.h"
#include "core/base/cursor.h"
#include "core/base/error.h"

enum { LINE_MOST = 512 };

static const char mark[] = "driver 1";

/* --- Reading --- */

/* The next field; the last one ends in the line end, which is also the end of the text. */
static bool field_take(struct cursor *line, bool last, char *ret_field, size_t size)
{
	const char *end = memchr(line->at, last ? '\n' : '\t', cursor_left(line));
	size_t length = end != NULL ? (size_t)(end - line->at) : size;
	if (length >= size || memchr(line->at, '\0', length) != NULL)
		return false;
	memcpy(ret_field, line->at, length);
	ret_field[length] = '\0';
	line->at = end + 1;
	return true;
}

static bool digest_check(const char *digest)
{
	size_t length = strspn(digest, "0123456789abcdef");
	return digest[length] == '\0' && (length == 64 || length == 0);
}

static bool program_check(const char *program)
{
	size_t length = strspn(program, "abcdefghijklmnopqrstuvwxyz-");
	return length > 0 && program[length] == '\0';
}

static bool record_parse(const char *text, size_t length, struct driver_record *ret_record)
{
	struct driver_record record = {.digest = ""};
	struct cursor line = cursor_of(text, length);
	char head[sizeof(mark)], state[32], event[32], from[32], seconds[32], digest[sizeof(record.digest)];
	uint64_t time;
	if (!field_take(&line, false, head, sizeof(head)) || !field_take(&line, false, state, sizeof(state)) ||
	    !field_take(&line, false, event, sizeof(event)) || !field_take(&line, false, from, sizeof(from)) ||
	    !field_take(&line, false, seconds, sizeof(seconds)) || !field_take(&line, false, digest, sizeof(digest)) ||
	    !field_take(&line, true, record.by, sizeof(record.by)) || cursor_left(&line) > 0)
		return false;
	if (strcmp(head, mark) != 0 || !driver_state_parse(state, &record.state) || !driver_event_parse(event, &record.event) ||
	    !driver_state_parse(from, &record.from) || !number_parse(seconds, strlen(seconds), INT64_MAX, &time) ||
	    !program_check(record.by))
		return false;
	if (driver_next(record.from, record.event)->to != record.state)
		return false;
	if (strcmp(digest, "-") != 0) {
		if (digest[0] == '\0' || !digest_check(digest))
			return false;
		memcpy(record.digest, digest, sizeof(digest));
	}
	record.time = (int64_t)time;
	*ret_record = record;
	return true;
}

/* Reads at most size bytes; more than a line can have is none of ours. */
static int bytes_read(int descriptor, char *bytes, size_t size, size_t *ret_length)
{
	size_t length = 0;
	while (length < size) {
		ssize_t got = read(descriptor, bytes + length, size - length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return ERROR_SYSTEM;
		if (got == 0)
			break;
		length += (size_t)got;
	}
	*ret_length = length;
	return length < size ? 0 : ERROR_DAMAGED;
}

int driver_read(const char *path, struct driver_record *ret_record)
{
	char bytes[LINE_MOST];
	size_t length = 0;
	struct stat status;
	/* Not blocking: a pipe in its place must not stop us. */
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW | O_NONBLOCK);
	if (descriptor < 0)
		return errno == ENOENT || errno == ENOTDIR ? ERROR_NOT_FOUND : errno == ELOOP ? ERROR_DAMAGED : ERROR_SYSTEM;
	int error = fstat(descriptor, &status) < 0 ? ERROR_SYSTEM : S_ISREG(status.st_mode) ? 0 : ERROR_DAMAGED;
	if (error == 0)
		error = bytes_read(descriptor, bytes, sizeof(bytes), &length);
	(void)close(descriptor);
	if (error == 0 && !record_parse(bytes, length, ret_record))
		error = ERROR_DAMAGED;
	return error;
}

/* --- Writing --- */

static int refused(struct diag *diag, const char *path, const char *what)
{
	diag_error(diag, &(struct place){.file = path}, "%s: %s", what, strerror(errno));
	return ERROR_SYSTEM;
}

static int folder_make(const char *path, struct diag *diag)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t length = slash != NULL ? (size_t)(slash - path) : 0;
	if (length == 0 || length >= sizeof(folder))
		return 0;
	memcpy(folder, path, length);
	folder[length] = '\0';
	return mkdir(folder, 0755) == 0 || errno == EEXIST ? 0 : refused(diag, folder, "the folder cannot be made");
}

static int bytes_write(int descriptor, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(descriptor, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -1;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

static int line_write(const char *path, const char *beside, const char *line, size_t length, struct diag *diag)
{
	/* One that a killed run left behind has the same process id only by chance; it goes. */
	(void)unlink(beside);
	int descriptor = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (descriptor < 0)
		return refused(diag, path, "cannot be written");
	int error = 0;
	if (fchmod(descriptor, 0644) < 0 || bytes_write(descriptor, line, length) < 0)
		error = refused(diag, path, "cannot be written");
	if (close(descriptor) < 0 && error == 0)
		error = refused(diag, path, "cannot be written");
	if (error == 0 && rename(beside, path) < 0)
		error = refused(diag, path, "cannot be put in its place");
	if (error < 0)
		(void)unlink(beside);
	return error;
}

int driver_write(const char *path, const struct driver_record *record, struct diag *diag)
{
	char line[LINE_MOST], beside[PATH_MAX];
	struct driver_record again;
	int length = snprintf(line, sizeof(line), "%s\t%s\t%s\t%s\t%lld\t%s\t%s\n", mark, driver_state_name(record->state),
			      driver_event_name(record->event), driver_state_name(record->from), (long long)record->time,
			      record->digest[0] != '\0' ? record->digest : "-", record->by);
	if (length < 0 || (size_t)length >= sizeof(line) || !record_parse(line, (size_t)length, &again)) {
		diag_error(diag, &(struct place){.file = path}, "the driver's record is not well formed: this is a bug");
		return ERROR_BUG;
	}
	int room = snprintf(beside, sizeof(beside), "%s.%ld.new", path, (long)getpid());
	if (room < 0 || (size_t)room >= sizeof(beside)) {
		errno = ENAMETOOLONG;
		return refused(diag, path, "cannot be written");
	}
	int error = folder_make(path, diag);
	return error == 0 ? line_write(path, beside, line, (size_t)length, diag) : error;
}

/* --- Whether the service is enabled --- */

static bool name_ends(const char *name, const char *end)
{
	size_t length = strlen(name), end_length = strlen(end);
	return length > end_length && strcmp(name + length - end_length, end) == 0;
}

/* A unit that is linked to nothing cannot be started. */
static bool unit_masked(int folder)
{
	char target[16];
	ssize_t length = readlinkat(folder, DRIVER_UNIT, target, sizeof(target));
	return length == (ssize_t)strlen("/dev/null") && memcmp(target, "/dev/null", (size_t)length) == 0;
}

bool driver_service_enabled(const char *root)
{
	char path[PATH_MAX];
	int length = snprintf(path, sizeof(path), "%s/etc/systemd/system", root);
	DIR *folder = length > 0 && (size_t)length < sizeof(path) ? opendir(path) : NULL;
	if (folder == NULL)
		return false;
	bool enabled = false;
	const struct dirent *entry;
	while (!enabled && (entry = readdir(folder)) != NULL) {
		char link[sizeof(entry->d_name) + sizeof(DRIVER_UNIT) + 1];
		struct stat status;
		if (!name_ends(entry->d_name, ".wants") && !name_ends(entry->d_name, ".requires"))
			continue;
		length = snprintf(link, sizeof(link), "%s/%s", entry->d_name, DRIVER_UNIT);
		enabled = length > 0 && (size_t)length < sizeof(link) &&
			  fstatat(dirfd(folder), link, &status, AT_SYMLINK_NOFOLLOW) == 0;
	}
	enabled = enabled && !unit_masked(dirfd(folder));
	(void)closedir(folder);
	return enabled;
}
