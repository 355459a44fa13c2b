/* Of each path the deepest folder that is there is watched; when the next part of the path appears, the watch moves
 * down, and when the folder goes, up again. */
#include "bootcfg/daemon/filewatch.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"

enum {
	EVENTS = IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE | IN_MODIFY | IN_CLOSE_WRITE | IN_ATTRIB |
		 IN_DELETE_SELF | IN_MOVE_SELF,
	TRIES = 64, /* folders that come and go while we look */
};

struct target {
	char *path;
	unsigned number;
	int wd;          /* of the folder that is watched, or -1 */
	size_t name;     /* offset in the path of the part that is looked for there; at its end: anything */
	bool reached;    /* the folder is the last one of the path */
	size_t link;     /* 1 + index of the target that follows this one's link; 0: it is none */
	bool is_link;
};

struct filewatch {
	int fd;
	struct watch *watch;
	void (*changed)(unsigned number, void *context);
	void *context;
	struct target targets[2 * FILEWATCH_MOST];
	size_t count, paths;
};

/* Whether a watch descriptor is used by any target. */
static bool is_used(const struct filewatch *watch, int wd)
{
	for (size_t i = 0; i < watch->count; i++)
		if (watch->targets[i].wd == wd)
			return true;
	return false;
}

static void target_release(struct filewatch *watch, struct target *target)
{
	int wd = target->wd;
	target->wd = -1;
	if (wd >= 0 && !is_used(watch, wd))
		(void)inotify_rm_watch(watch->fd, wd);
}

/* Length of the folder part of a path up to (not including) a given part: "/a/b/c", 3 -> "/a". */
static char *folder_of(const char *path, size_t name)
{
	size_t length = name;
	while (length > 1 && path[length - 1] == '/')
		length--;
	return memory_text_n(path, length);
}

static size_t part_before(const char *path, size_t name)
{
	while (name > 1 && path[name - 1] == '/')
		name--;
	while (name > 1 && path[name - 1] != '/')
		name--;
	return name;
}

static size_t part_length(const char *part)
{
	return strcspn(part, "/");
}

static bool exists(const char *path, size_t length)
{
	struct stat status;
	char *part = memory_text_n(path, length);
	bool is = lstat(part, &status) == 0;
	free(part);
	return is;
}

/* Watches the deepest folder of the path.  False when there is none that can be watched. */
static bool target_arm(struct filewatch *watch, struct target *target)
{
	int old = target->wd;
	size_t last = strlen(target->path);
	if (last > 0 && target->path[last - 1] != '/')
		last = part_before(target->path, last);
	for (int tries = 0; tries < TRIES; tries++) {
		size_t name = last;
		int wd = -1;
		for (;;) {
			char *folder = folder_of(target->path, name);
			wd = inotify_add_watch(watch->fd, folder, (uint32_t)EVENTS | IN_ONLYDIR);
			free(folder);
			if (wd >= 0 || name <= 1)
				break;
			name = part_before(target->path, name);
		}
		target->wd = wd;
		target->name = name;
		target->reached = name == last;
		if (wd < 0)
			return false;
		/* It may have appeared before we watched. */
		if (target->reached || !exists(target->path, name + part_length(target->path + name)))
			break;
		char *deeper = memory_text_n(target->path, name + part_length(target->path + name));
		bool enters = access(deeper, X_OK) == 0;
		struct stat status;
		bool folder = stat(deeper, &status) == 0 && S_ISDIR(status.st_mode);
		free(deeper);
		if (!folder || !enters)
			break;
	}
	if (old >= 0 && old != target->wd && !is_used(watch, old))
		(void)inotify_rm_watch(watch->fd, old);
	return true;
}

/* Where a link leads: caller frees; NULL when it is no link, or leads nowhere at all. */
static char *link_read(const char *path)
{
	char text[PATH_MAX];
	struct stat status;
	if (lstat(path, &status) < 0 || !S_ISLNK(status.st_mode))
		return NULL;
	char *real = realpath(path, NULL);
	if (real != NULL)
		return real;
	ssize_t length = readlink(path, text, sizeof(text) - 1);
	if (length <= 0)
		return NULL;
	text[length] = '\0';
	size_t folder = text[0] == '/' ? 0 : (size_t)(strrchr(path, '/') - path) + 1;
	char *whole = memory_alloc(folder + (size_t)length + 1);
	memcpy(whole, path, folder);
	memcpy(whole + folder, text, (size_t)length + 1);
	return whole;
}

static void target_set(struct filewatch *watch, struct target *target, char *path)
{
	if (target->path != NULL && strcmp(target->path, path) == 0) {
		free(path);
		return;
	}
	target_release(watch, target);
	free(target->path);
	target->path = path;
	(void)target_arm(watch, target);
}

/* Looks anew at what the path's link points to. */
static void target_follow(struct filewatch *watch, struct target *target)
{
	char *path = target->is_link || target->path[strlen(target->path) - 1] == '/' ? NULL : link_read(target->path);
	if (path == NULL && target->link > 0) {
		struct target *link = &watch->targets[target->link - 1];
		target_release(watch, link);
		free(link->path);
		link->path = NULL;
	}
	if (path == NULL)
		return;
	if (target->link == 0) {
		watch->targets[watch->count] = (struct target){.number = target->number, .wd = -1, .is_link = true};
		target->link = ++watch->count;
	}
	target_set(watch, &watch->targets[target->link - 1], path);
}

static bool target_hit(const struct target *target, const struct inotify_event *event)
{
	const char *part = target->path + target->name;
	size_t length = part_length(part);
	if (event->len == 0 || length == 0)
		return true;
	return strlen(event->name) == length && memcmp(event->name, part, length) == 0;
}

static void event_take(struct filewatch *watch, const struct inotify_event *event)
{
	bool lost = (event->mask & IN_Q_OVERFLOW) != 0;
	for (size_t i = 0; i < watch->count; i++) {
		struct target *target = &watch->targets[i];
		if (target->path == NULL || (!lost && (target->wd != event->wd || !target_hit(target, event))))
			continue;
		if (event->mask & (IN_IGNORED | IN_UNMOUNT))
			target->wd = -1;
		bool was = target->reached;
		if (!target->reached || event->len == 0 || lost)
			(void)target_arm(watch, target);
		target_follow(watch, target);
		if (was || target->reached)
			watch->changed(target->number, watch->context);
	}
}

static void filewatch_ready(void *context)
{
	struct filewatch *watch = context;
	_Alignas(struct inotify_event) char bytes[16384];
	for (;;) {
		ssize_t length = read(watch->fd, bytes, sizeof(bytes));
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return;
		for (size_t at = 0; at + sizeof(struct inotify_event) <= (size_t)length;) {
			const struct inotify_event *event = (const void *)(bytes + at);
			event_take(watch, event);
			at += sizeof(*event) + event->len;
		}
	}
}

int filewatch_new(struct loop *loop, void (*changed)(unsigned number, void *context), void *context, struct diag *diag,
		  struct filewatch **ret_watch)
{
	int fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (fd < 0) {
		diag_error(diag, NULL, "cannot watch files (inotify): %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	struct filewatch *watch = memory_alloc(sizeof(*watch));
	*watch = (struct filewatch){.fd = fd, .changed = changed, .context = context};
	watch->watch = loop_readable(loop, fd, filewatch_ready, watch);
	if (watch->watch == NULL) {
		diag_error(diag, NULL, "cannot watch files (inotify): the event loop refuses its descriptor");
		filewatch_free(watch);
		return ERROR_SYSTEM;
	}
	*ret_watch = watch;
	return 0;
}

void filewatch_free(struct filewatch *watch)
{
	if (watch == NULL)
		return;
	watch_free(watch->watch);
	close(watch->fd);
	for (size_t i = 0; i < watch->count; i++)
		free(watch->targets[i].path);
	free(watch);
}

int filewatch_add(struct filewatch *watch, const char *path, unsigned number)
{
	/* Each may need a second target for its link. */
	if (watch->paths == FILEWATCH_MOST)
		return ERROR_LIMIT;
	watch->paths++;
	struct target *target = &watch->targets[watch->count++];
	*target = (struct target){.number = number, .wd = -1};
	char *whole = path[0] == '/' ? memory_text(path) : NULL;
	if (whole == NULL) {
		char folder[PATH_MAX];
		size_t length = strlen(path) + 2;
		if (getcwd(folder, sizeof(folder)) == NULL)
			folder[0] = '\0';
		whole = memory_alloc(strlen(folder) + length);
		memcpy(whole, folder, strlen(folder));
		whole[strlen(folder)] = '/';
		memcpy(whole + strlen(folder) + 1, path, length - 1);
	}
	target->path = whole;
	bool good = target_arm(watch, target);
	target_follow(watch, target);
	return good ? 0 : ERROR_SYSTEM;
}
