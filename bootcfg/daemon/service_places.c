#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/control.h"
#include "bootcfg/daemon/droplog.h"
#include "bootcfg/daemon/service_internal.h"
#include "core/base/error.h"

/* --- One service at a time --- */

static void holder_say(int fd, struct diag *diag)
{
	char text[16] = "";
	uint64_t pid;
	ssize_t length = pread(fd, text, sizeof text - 1, 0);
	size_t digits = length > 0 ? strspn(text, "0123456789") : 0;
	if (number_parse(text, digits, INT32_MAX, &pid))
		diag_error(diag, NULL, "cordond runs already, as process %llu: stop that first", (unsigned long long)pid);
	else
		diag_error(diag, NULL, "cordond runs already: stop that first");
}

/* One that was killed may leave a child that holds the lock for a moment yet: until it is the program that it is to be,
 * which does not have the descriptor. */
static bool lock_wait(int fd)
{
	enum { TRIES = 50 };
	static const struct timespec pause = {0, 20000000};
	for (unsigned i = 0; i < TRIES; i++) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return false;
}

/* The lock goes with the last descriptor of the open file, however we end; the file stays. */
static int lock_take(struct diag *diag, int *ret_lock)
{
	if (mkdir(SERVICE_FOLDER, 0755) != 0 && errno != EEXIST) {
		diag_error(diag, NULL, SERVICE_FOLDER ": %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	int fd = open(SERVICE_LOCK, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0) {
		diag_error(diag, NULL, SERVICE_LOCK ": %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	if (!lock_wait(fd)) {
		holder_say(fd, diag);
		(void)close(fd);
		return ERROR_BUSY;
	}
	struct buffer text;
	buffer_init(&text, 16);
	buffer_printf(&text, "%d\n", (int)getpid());
	/* For people only. */
	if (ftruncate(fd, 0) != 0 || pwrite(fd, buffer_text(&text), text.length, 0) < 0)
		diag_warning(diag, "service", NULL, SERVICE_LOCK ": %s", strerror(errno));
	buffer_done(&text);
	*ret_lock = fd;
	return 0;
}

/* --- The folder of the log --- */

/* What `cordon` has written as root before us, the collector goes on with.  Nothing but plain files with one name. */
static void log_give(int folder, const char *name, const struct service_users *users, struct diag *diag)
{
	struct stat status;
	int fd = openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return;
	if (fstat(fd, &status) == 0 && S_ISREG(status.st_mode) && status.st_nlink == 1 && status.st_uid != users->uid &&
	    fchownat(fd, "", users->uid, users->gid, AT_EMPTY_PATH) != 0)
		diag_warning(diag, "service", NULL, "%s in the folder of the log cannot be given to the collector: %s", QUOTE(name),
			     strerror(errno));
	(void)close(fd);
}

static void logs_give(int folder, const struct service_users *users, struct diag *diag)
{
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *entries = copy >= 0 ? fdopendir(copy) : NULL;
	if (entries == NULL) {
		if (copy >= 0)
			(void)close(copy);
		return;
	}
	const struct dirent *entry;
	while ((entry = readdir(entries)) != NULL)
		if (strncmp(entry->d_name, DROPLOG_FILE, strlen(DROPLOG_FILE)) == 0)
			log_give(folder, entry->d_name, users, diag);
	(void)closedir(entries);
}

/* Ours to give away: one that we have made, or that `cordon` has made before us. */
static int folder_give(int fd, const char *path, bool made, const struct service_users *users, struct diag *diag)
{
	struct stat status;
	if (fstat(fd, &status) != 0)
		return -1;
	if (status.st_uid == users->uid)
		return 0;
	if (made || strcmp(path, DROPLOG_FOLDER) == 0)
		return fchown(fd, users->uid, users->gid);
	diag_warning(diag, "service", NULL, "the folder of the log, %s, must belong to the user of the children: chown %u %s", QUOTE(path),
		     (unsigned)users->uid, path);
	return 0;
}

static int folder_open(const char *path, const struct service_users *users, struct diag *diag)
{
	bool made = mkdir(path, 0750) == 0;
	int fd = made || errno == EEXIST ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	if (fd >= 0 && folder_give(fd, path, made, users, diag) == 0) {
		logs_give(fd, users, diag);
		return fd;
	}
	diag_warning(diag, "service", NULL, "the folder of the log, %s: %s; drops are counted, and not written to a file", QUOTE(path),
		     strerror(errno));
	if (fd >= 0)
		(void)close(fd);
	return -1;
}

/* --- --- */

/* What a place lacks is no reason not to contain. */
static void warn(struct diag *diag, struct diag *said, const char *without)
{
	for (size_t i = 0; i < said->count; i++)
		diag_warning(diag, "service", NULL, "%s; %s", said->messages[i].text, without);
	diag_clear(said);
}

int service_places_open(const struct settings *settings, const struct service_users *users, struct diag *diag,
			struct service_places *ret_places)
{
	struct service_places places = {-1, -1, -1, -1};
	struct diag said;
	int error = lock_take(diag, &places.lock);
	if (error != 0)
		return error;
	diag_init(&said);
	places.folder = folder_open(settings->logfolder, users, diag);
	if (collector_socket(settings->nfloggroup, &said, &places.nflog) != 0)
		warn(diag, &said, "drops are not recorded until it can be had: it is tried again every second");
	if (control_listen(settings->control, users->group, &said, &places.listener) != 0)
		warn(diag, &said, "cordond cannot be asked anything");
	diag_done(&said);
	*ret_places = places;
	return 0;
}

void service_places_close(const struct settings *settings, struct service_places *places)
{
	int *const all[] = {&places->folder, &places->nflog, &places->listener, &places->lock};
	if (places->listener >= 0)
		(void)unlink(settings->control);
	for (size_t i = 0; i < ARRAY_LENGTH(all); i++) {
		if (*all[i] >= 0)
			(void)close(*all[i]);
		*all[i] = -1;
	}
}
