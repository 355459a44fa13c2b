#include "bootcfg/boot/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"

enum { LOCK_TRIES = 100, LOCK_PAUSE_MS = 50 };

enum item_kind { ITEM_PUT, ITEM_REMOVE };

/* One path on its way.  The new one waits under `fresh`; what was there before is kept under `kept` until all is done. */
struct item {
	enum item_kind kind;
	char *path;                  /* for messages */
	int folder;                  /* descriptor of the folder that it is in */
	char name[NAME_MAX + 1], fresh[NAME_MAX + 1], kept[NAME_MAX + 1];
	bool staged;                 /* fresh is there */
	bool had;                    /* kept is there */
	bool done;                   /* name is as it is to be */
	bool folder_too;
};

struct made_folder {
	int parent;
	char name[NAME_MAX + 1];
};

struct staging {
	char *root;
	int lock;                    /* the tree's root folder */
	struct item *items;
	size_t count, capacity;
	struct made_folder *made;
	size_t made_count, made_capacity;
	bool published;
};

/* --- Trees --- */

static int at_open(int root, const char *path, int flags)
{
	struct open_how how = {.flags = (unsigned)(flags | O_CLOEXEC), .resolve = RESOLVE_IN_ROOT};
	long descriptor = syscall(SYS_openat2, root, path, &how, sizeof(how));
	return descriptor < 0 ? -errno : (int)descriptor;
}

static int root_open(const char *root)
{
	int descriptor = open(root[0] != '\0' ? root : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return descriptor < 0 ? -errno : descriptor;
}

int tree_open(const char *root, const char *path, int flags)
{
	int folder = root_open(root);
	if (folder < 0)
		return folder;
	int descriptor = at_open(folder, path, flags);
	close(folder);
	return descriptor;
}

bool tree_has(const char *root, const char *path)
{
	int descriptor = tree_open(root, path, O_PATH | O_NOFOLLOW);
	if (descriptor >= 0)
		close(descriptor);
	return descriptor >= 0;
}

/* Reads what the descriptor stands for, up to its end. */
static bool content_read(int descriptor, struct buffer *bytes)
{
	char piece[16384];
	for (;;) {
		ssize_t length = read(descriptor, piece, sizeof(piece));
		if (length < 0 && errno == EINTR)
			continue;
		if (length <= 0)
			return length == 0 && !bytes->full;
		buffer_add(bytes, piece, (size_t)length);
	}
}

bool tree_read(const char *root, const char *path, struct buffer *ret_bytes, bool *ret_link, mode_t *ret_mode)
{
	char target[PATH_MAX];
	struct stat status;
	int handle = tree_open(root, path, O_PATH | O_NOFOLLOW);
	bool good = handle >= 0 && fstat(handle, &status) == 0 && (S_ISREG(status.st_mode) || S_ISLNK(status.st_mode));
	if (good && S_ISLNK(status.st_mode)) {
		ssize_t length = readlinkat(handle, "", target, sizeof(target));
		good = length >= 0;
		buffer_add(ret_bytes, target, good ? (size_t)length : 0);
		good = good && !ret_bytes->full;
	} else if (good) {
		int descriptor = tree_open(root, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
		good = descriptor >= 0 && content_read(descriptor, ret_bytes);
		if (descriptor >= 0)
			close(descriptor);
	}
	if (handle >= 0)
		close(handle);
	if (good) {
		*ret_link = S_ISLNK(status.st_mode);
		*ret_mode = status.st_mode & 07777;
	}
	return good;
}

/* --- Making one --- */

static int staging_error(const struct staging *staging, const char *path, int error, const char *what, struct diag *diag)
{
	struct buffer whole;
	buffer_init(&whole, 2 * PATH_MAX);
	buffer_printf(&whole, "%s%s", staging->root, path);
	diag_error(diag, &(struct place){.file = buffer_text(&whole)}, "%s: %s", what, strerror(-error));
	buffer_done(&whole);
	return ERROR_SYSTEM;
}

static int lock_take(const struct staging *staging, struct diag *diag)
{
	const struct timespec pause = {.tv_nsec = LOCK_PAUSE_MS * 1000000};
	for (int i = 0; i < LOCK_TRIES; i++) {
		if (flock(staging->lock, LOCK_EX | LOCK_NB) == 0)
			return 0;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return staging_error(staging, "/", -errno, "cannot be locked", diag);
		nanosleep(&pause, NULL);
	}
	diag_error(diag, NULL, "another cordon is changing what is installed for boot%s%s; try again when it is done",
		   staging->root[0] != '\0' ? " in " : "", staging->root);
	return ERROR_BUSY;
}

int staging_new(const char *root, struct diag *diag, struct staging **ret_staging)
{
	int descriptor = root_open(root);
	if (descriptor < 0) {
		diag_error(diag, &(struct place){.file = root}, "cannot be used as the root of a tree: %s", strerror(-descriptor));
		return descriptor == -ENOENT || descriptor == -ENOTDIR ? ERROR_INPUT : ERROR_SYSTEM;
	}
	struct staging *staging = memory_alloc(sizeof(*staging));
	*staging = (struct staging){.root = memory_text(root), .lock = descriptor};
	int error = lock_take(staging, diag);
	if (error < 0)
		staging_free(staging);
	else
		*ret_staging = staging;
	return error;
}

/* Opens the folder of a path that begins with '/', and makes what is missing of it.  A negative errno. */
static int folder_open(struct staging *staging, const char *path, bool make)
{
	const char *last = strrchr(path, '/');
	char *folder = memory_text_n(path, last > path ? (size_t)(last - path) : 1);
	int descriptor = at_open(staging->lock, folder, O_RDONLY | O_DIRECTORY);
	if (descriptor == -ENOENT && make && strcmp(folder, "/") != 0) {
		int parent = folder_open(staging, folder, make);
		const char *name = strrchr(folder, '/') + 1;
		descriptor = parent;
		if (parent >= 0 && strlen(name) > NAME_MAX)
			descriptor = -ENAMETOOLONG;
		else if (parent >= 0 && mkdirat(parent, name, 0755) < 0)
			descriptor = -errno;
		else if (parent >= 0) {
			if (staging->made_count == staging->made_capacity) {
				staging->made_capacity = 2 * staging->made_capacity + 4;
				staging->made = memory_resize_array(staging->made, staging->made_capacity, sizeof(*staging->made));
			}
			struct made_folder *made = &staging->made[staging->made_count++];
			made->parent = dup(parent);
			memcpy(made->name, name, strlen(name) + 1);
			descriptor = at_open(staging->lock, folder, O_RDONLY | O_DIRECTORY);
		}
		if (parent >= 0)
			close(parent);
	}
	free(folder);
	return descriptor;
}

/* A new item for a path.  A folder that is not there is no error for a removal: *ret_item is NULL then. */
static int item_new(struct staging *staging, enum item_kind kind, const char *path, struct diag *diag, struct item **ret_item)
{
	const char *name = strrchr(path, '/') + 1;
	int folder = folder_open(staging, path, kind == ITEM_PUT);
	*ret_item = NULL;
	if (folder == -ENOENT && kind == ITEM_REMOVE)
		return 0;
	if (folder < 0)
		return staging_error(staging, path, folder, "its folder cannot be opened or made", diag);
	if (staging->count == staging->capacity) {
		staging->capacity = 2 * staging->capacity + 8;
		staging->items = memory_resize_array(staging->items, staging->capacity, sizeof(*staging->items));
	}
	struct item *item = &staging->items[staging->count++];
	*item = (struct item){.kind = kind, .path = memory_text(path), .folder = folder};
	/* One staging at a time: what bears these names is left from one that was killed. */
	int length = snprintf(item->name, sizeof(item->name), "%s", name);
	if (length < 0 || (size_t)length + sizeof("..cordon-old") > sizeof(item->name))
		return staging_error(staging, path, -ENAMETOOLONG, "cannot be written", diag);
	snprintf(item->fresh, sizeof(item->fresh), ".%.*s.cordon-new", NAME_MAX - 12, name);
	snprintf(item->kept, sizeof(item->kept), ".%.*s.cordon-old", NAME_MAX - 12, name);
	(void)unlinkat(folder, item->fresh, 0);
	(void)unlinkat(folder, item->kept, 0);
	*ret_item = item;
	return 0;
}

static int bytes_write(int descriptor, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(descriptor, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return written < 0 ? -errno : -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

int staging_file(struct staging *staging, const char *path, mode_t mode, const char *bytes, size_t length, struct diag *diag)
{
	struct item *item;
	int error = item_new(staging, ITEM_PUT, path, diag, &item);
	if (error < 0)
		return error;
	int descriptor = openat(item->folder, item->fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (descriptor < 0)
		return staging_error(staging, path, -errno, "cannot be written", diag);
	item->staged = true;
	error = bytes_write(descriptor, bytes, length);
	if (error == 0 && (fchmod(descriptor, mode) < 0 || fsync(descriptor) < 0))
		error = -errno;
	if (close(descriptor) < 0 && error == 0)
		error = -errno;
	return error == 0 ? 0 : staging_error(staging, path, error, "cannot be written", diag);
}

int staging_link(struct staging *staging, const char *path, const char *target, struct diag *diag)
{
	struct item *item;
	int error = item_new(staging, ITEM_PUT, path, diag, &item);
	if (error < 0)
		return error;
	if (symlinkat(target, item->folder, item->fresh) < 0)
		return staging_error(staging, path, -errno, "cannot be made", diag);
	item->staged = true;
	return 0;
}

int staging_removal(struct staging *staging, const char *path, bool folder, struct diag *diag)
{
	struct item *item;
	int error = item_new(staging, ITEM_REMOVE, path, diag, &item);
	if (error == 0 && item != NULL)
		item->folder_too = folder;
	return error;
}

/* --- All or nothing --- */

/* What is there is kept under another name, whatever comes. */
static int item_keep(struct item *item)
{
	struct stat status;
	if (fstatat(item->folder, item->name, &status, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(status.st_mode))
		return -EISDIR;
	if (linkat(item->folder, item->name, item->folder, item->kept, 0) < 0)
		return -errno;
	item->had = true;
	return 0;
}

static int item_publish(struct item *item)
{
	int error = item_keep(item);
	if (error < 0)
		return error;
	if (item->kind == ITEM_PUT && renameat(item->folder, item->fresh, item->folder, item->name) < 0)
		return -errno;
	if (item->kind == ITEM_REMOVE && item->had && unlinkat(item->folder, item->name, 0) < 0)
		return -errno;
	item->staged = false;
	item->done = true;
	return fsync(item->folder) < 0 ? -errno : 0;
}

/* Back to what it was; where renaming fails, by way of nothing being there for a moment. */
static void item_restore(struct item *item)
{
	if (item->done && item->had && renameat(item->folder, item->kept, item->folder, item->name) < 0) {
		(void)unlinkat(item->folder, item->name, 0);
		if (linkat(item->folder, item->kept, item->folder, item->name, 0) < 0)
			return; /* at least it is still there under its other name */
	} else if (item->done && !item->had && item->kind == ITEM_PUT) {
		(void)unlinkat(item->folder, item->name, 0);
	}
	if (item->had)
		(void)unlinkat(item->folder, item->kept, 0);
	item->had = item->done = false;
	(void)fsync(item->folder);
}

int staging_publish(struct staging *staging, struct diag *diag)
{
	for (size_t i = 0; i < staging->count; i++) {
		struct item *item = &staging->items[i];
		int error = item_publish(item);
		if (error == 0)
			continue;
		staging_error(staging, item->path, error, item->kind == ITEM_PUT ? "cannot be put in place" : "cannot be removed", diag);
		for (size_t j = i + 1; j > 0; j--)
			item_restore(&staging->items[j - 1]);
		return ERROR_SYSTEM;
	}
	staging->published = true;
	return 0;
}

static void item_done(struct item *item, bool published)
{
	if (item->staged)
		(void)unlinkat(item->folder, item->fresh, 0);
	if (item->had && published)
		(void)unlinkat(item->folder, item->kept, 0);
	if (item->folder_too && published) {
		/* Only when it is empty. */
		char *folder = memory_text_n(item->path, (size_t)(strrchr(item->path, '/') - item->path));
		int above = openat(item->folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (above >= 0)
			(void)unlinkat(above, strrchr(folder, '/') + 1, AT_REMOVEDIR);
		if (above >= 0)
			close(above);
		free(folder);
	}
	close(item->folder);
	free(item->path);
}

void staging_free(struct staging *staging)
{
	if (staging == NULL)
		return;
	for (size_t i = 0; i < staging->count; i++)
		item_done(&staging->items[i], staging->published);
	for (size_t i = staging->made_count; i > 0; i--) {
		struct made_folder *made = &staging->made[i - 1];
		if (!staging->published)
			(void)unlinkat(made->parent, made->name, AT_REMOVEDIR);
		close(made->parent);
	}
	/* Also when a child process that is still there has a copy of the descriptor. */
	(void)flock(staging->lock, LOCK_UN);
	close(staging->lock);
	free(staging->items);
	free(staging->made);
	free(staging->root);
	free(staging);
}
