#include "bootcfg/boot/install.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/boot/staging.h"
#include "bootcfg/driver/driver.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { TEXT_MOST = 64 << 10 };

#define UNITS "/etc/systemd/system/"
#define INITRAMFS "/etc/initramfs-tools/"

/* What must be in the tree for a row to be of use. */
enum need { NEED_NOTHING, NEED_SYSTEMD, NEED_SERVICE, NEED_INITRAMFS };

/* One row a file, in the order in which they are put: each is of use as soon as it is there, and none is referred to
 * before.  make: NULL for a link (to target) and for the boot file itself. */
struct install_row {
	const char *path, *what;
	mode_t mode;
	enum need need;
	void (*make)(const struct install *install, struct buffer *text);
	const char *target;
	bool folder;           /* its folder is ours too, when nothing else is in it */
};

#define DROPIN(unit) {UNITS unit ".d/cordon.conf", "holds back " unit, 0644, NEED_SYSTEMD, unit_dropin, NULL, true}

static const struct install_row rows[] = {
	{BOOTFILE, "boot file", 0600, NEED_NOTHING, NULL, NULL, false},
	{UNITS "cordon-boot.service", "unit", 0644, NEED_SYSTEMD, unit_boot, NULL, false},
	{UNITS "cordond.service", "unit", 0644, NEED_SERVICE, unit_service, NULL, false},
	{INITRAMFS "hooks/cordon", "initramfs hook", 0755, NEED_INITRAMFS, initramfs_hook, NULL, false},
	{INITRAMFS "scripts/init-top/cordon", "initramfs script", 0755, NEED_INITRAMFS, initramfs_script, NULL, false},
	{UNITS "sysinit.target.wants/cordon-boot.service", "enables cordon-boot", 0, NEED_SYSTEMD, NULL,
	 UNITS "cordon-boot.service", true},
	DROPIN("systemd-networkd.service"),
	DROPIN("NetworkManager.service"),
	DROPIN("networking.service"),
	DROPIN("ifup@.service"),
	{UNITS "multi-user.target.wants/cordond.service", "enables cordond", 0, NEED_SERVICE, NULL,
	 UNITS "cordond.service", true},
};

/* --- What is in the tree --- */

static bool program_is(const char *root, const char *folder, const char *name)
{
	struct buffer path;
	struct stat status;
	buffer_init(&path, PATH_MAX);
	buffer_printf(&path, "%s/%s", folder, name);
	int descriptor = path.full ? -ENAMETOOLONG : tree_open(root, buffer_text(&path), O_PATH);
	bool good = descriptor >= 0 && fstat(descriptor, &status) == 0 && S_ISREG(status.st_mode) && (status.st_mode & S_IXUSR) != 0;
	if (descriptor >= 0)
		close(descriptor);
	buffer_done(&path);
	return good;
}

/* A folder of this machine as a tree names it: NULL when it is not in it. */
static char *folder_in(const char *root, const char *folder)
{
	char *whole = realpath(folder, NULL), *top = realpath(root[0] != '\0' ? root : "/", NULL), *inside = NULL;
	size_t length = top != NULL ? strlen(top) : 0;
	if (length == 1)
		length = 0; /* "/" */
	if (whole != NULL && top != NULL && strncmp(whole, top, length) == 0 && whole[length] == '/')
		inside = memory_text(whole + length);
	free(whole);
	free(top);
	return inside;
}

static void programs_find(struct install *install, const char *beside)
{
	static const char *const folders[] = {"/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/opt/cordon/bin"};
	char *first = beside != NULL && beside[0] != '\0' ? folder_in(install->root, beside) : NULL;
	if (first != NULL && program_is(install->root, first, "cordon-boot")) {
		install->programs = first;
	} else {
		free(first);
		for (size_t i = 0; i < ARRAY_LENGTH(folders) && install->programs == NULL; i++)
			if (program_is(install->root, folders[i], "cordon-boot"))
				install->programs = memory_text(folders[i]);
	}
	install->service = install->programs != NULL && program_is(install->root, install->programs, "cordond");
}

int install_find(struct install *install, const char *root, const char *beside, struct diag *diag)
{
	*install = (struct install){.root = root};
	int descriptor = tree_open(root, "/", O_RDONLY | O_DIRECTORY);
	if (descriptor < 0) {
		diag_error(diag, &(struct place){.file = root}, "cannot be used as the root of a tree: %s", strerror(-descriptor));
		return descriptor == -ENOENT || descriptor == -ENOTDIR ? ERROR_INPUT : ERROR_SYSTEM;
	}
	close(descriptor);
	programs_find(install, beside);
	install->systemd = tree_has(root, "/usr/lib/systemd/systemd") || tree_has(root, "/lib/systemd/systemd");
	install->initramfs = tree_has(root, "/usr/share/initramfs-tools/hook-functions");
	install->service = install->service && install->systemd;
	return 0;
}

void install_done(struct install *install)
{
	free(install->programs);
	*install = (struct install){.root = ""};
}

static bool row_needed(const struct install *install, const struct install_row *row)
{
	switch (row->need) {
	case NEED_SYSTEMD:
		return install->systemd;
	case NEED_SERVICE:
		return install->service;
	case NEED_INITRAMFS:
		return install->initramfs;
	default:
		return true;
	}
}

/* --- Rows --- */

/* What the tree has at a row's path, compared with a text or a link's target. */
static enum install_is row_compare(const struct install *install, const struct install_row *row, const struct buffer *text)
{
	struct buffer there;
	bool link = false;
	mode_t mode = 0;
	buffer_init(&there, TEXT_MOST);
	bool has = tree_has(install->root, row->path), readable = tree_read(install->root, row->path, &there, &link, &mode);
	bool same = readable && link == (row->target != NULL) && there.length == text->length &&
		    memcmp(buffer_text(&there), buffer_text(text), text->length) == 0 && (link || mode == row->mode);
	buffer_done(&there);
	return same ? INSTALL_OURS : has ? INSTALL_OTHER : INSTALL_MISSING;
}

static void row_text(const struct install *install, const struct install_row *row, struct buffer *text)
{
	if (row->target != NULL)
		buffer_add_text(text, row->target);
	else
		row->make(install, text);
}

/* Words that units and shell scripts take as they are. */
static bool is_plain(const char *path)
{
	return path[strspn(path, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+-")] == '\0';
}

static int programs_check(const struct install *install, struct diag *diag)
{
	if (install->programs == NULL) {
		diag_error(diag, NULL, "there is no cordon-boot%s%s: install the programs there first (/usr/bin, /usr/sbin, "
			   "/usr/local/bin, /usr/local/sbin, /opt/cordon/bin are looked into)",
			   install->root[0] != '\0' ? " in " : "", install->root);
		return ERROR_SYSTEM;
	}
	if (!is_plain(install->programs)) {
		diag_error(diag, NULL, "the programs are in %s, which a unit cannot name plainly: install them in a folder whose name "
			   "has letters, digits, and . _ + - only", QUOTE(install->programs));
		return ERROR_SYSTEM;
	}
	return 0;
}

/* --- Putting --- */

static int bootfile_put(const struct install *install, struct staging *staging, struct diag *diag, bool *changed)
{
	struct buffer old, text;
	bool link = false, same = false;
	mode_t mode = 0;
	buffer_init(&old, BOOTFILE_MOST);
	buffer_init(&text, BOOTFILE_MOST);
	bool readable = tree_read(install->root, BOOTFILE, &old, &link, &mode) && !link;
	/* The service starts at boot because of what is being installed. */
	bool enabled = install->service || driver_service_enabled(install->root);
	int error = bootfile_make(install->state, enabled, readable ? &old : NULL, diag, &same, &text);
	if (error == 0 && same && mode != 0600) {
		buffer_add(&text, buffer_text(&old), old.length);
		same = false;
	}
	if (error == 0 && !same) {
		*changed = true;
		error = staging_file(staging, BOOTFILE, 0600, buffer_text(&text), text.length, diag);
	}
	buffer_done(&old);
	buffer_done(&text);
	return error;
}

static int row_put(const struct install *install, const struct install_row *row, struct staging *staging, struct diag *diag,
		   bool *changed)
{
	struct buffer text;
	int error = 0;
	if (!row_needed(install, row))
		return 0;
	if (row->make == NULL && row->target == NULL)
		return bootfile_put(install, staging, diag, changed);
	buffer_init(&text, TEXT_MOST);
	row_text(install, row, &text);
	if (row_compare(install, row, &text) != INSTALL_OURS) {
		*changed = true;
		error = row->target != NULL
			? staging_link(staging, row->path, row->target, diag)
			: staging_file(staging, row->path, row->mode, buffer_text(&text), text.length, diag);
	}
	buffer_done(&text);
	return error;
}

int install_put(const struct install *install, struct diag *diag, bool *ret_changed)
{
	struct staging *staging = NULL;
	bool changed = false;
	int error = programs_check(install, diag);
	if (error == 0)
		error = staging_new(install->root, diag, &staging);
	for (size_t i = 0; i < ARRAY_LENGTH(rows) && error == 0; i++)
		error = row_put(install, &rows[i], staging, diag, &changed);
	if (error == 0)
		error = staging_publish(staging, diag);
	staging_free(staging);
	if (error == 0)
		*ret_changed = changed;
	return error;
}

int install_remove(const struct install *install, struct diag *diag, bool *ret_changed)
{
	struct staging *staging = NULL;
	bool changed = false;
	int error = staging_new(install->root, diag, &staging);
	/* The other way round: what refers to something goes before it. */
	for (size_t i = ARRAY_LENGTH(rows); i > 0 && error == 0; i--) {
		const struct install_row *row = &rows[i - 1];
		changed |= tree_has(install->root, row->path);
		error = staging_removal(staging, row->path, row->folder, diag);
	}
	if (error == 0)
		error = staging_publish(staging, diag);
	staging_free(staging);
	if (error == 0)
		*ret_changed = changed;
	return error;
}

/* --- Looking --- */

const char *install_is_name(enum install_is is)
{
	static const char *const names[] = {[INSTALL_OURS] = "installed", [INSTALL_MISSING] = "missing",
					    [INSTALL_OTHER] = "changed", [INSTALL_NOT_NEEDED] = "not needed"};
	return names[is];
}

static enum install_is bootfile_is(const struct install *install)
{
	struct bootfile_head head;
	const char *messages;
	struct buffer text;
	bool link = false;
	mode_t mode = 0;
	enum install_is is = tree_has(install->root, BOOTFILE) ? INSTALL_OTHER : INSTALL_MISSING;
	buffer_init(&text, BOOTFILE_MOST);
	if (tree_read(install->root, BOOTFILE, &text, &link, &mode) && !link && mode == 0600 &&
	    bootfile_parse(buffer_text(&text), text.length, BOOTFILE, NULL, &head, &messages) == 0)
		is = INSTALL_OURS;
	buffer_done(&text);
	return is;
}

static enum install_is row_is(const struct install *install, const struct install_row *row)
{
	struct buffer text;
	if (row->make == NULL && row->target == NULL)
		return bootfile_is(install);
	if (!row_needed(install, row))
		return tree_has(install->root, row->path) ? INSTALL_OTHER : INSTALL_NOT_NEEDED;
	if (row->make != NULL && install->programs == NULL)
		return tree_has(install->root, row->path) ? INSTALL_OTHER : INSTALL_MISSING;
	buffer_init(&text, TEXT_MOST);
	row_text(install, row, &text);
	enum install_is is = row_compare(install, row, &text);
	buffer_done(&text);
	return is;
}

void install_list(const struct install *install, struct arena *arena, struct install_item **ret_items, size_t *ret_count)
{
	struct install_item *items = arena_alloc(arena, sizeof(rows) / sizeof(rows[0]) * sizeof(*items));
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++)
		items[i] = (struct install_item){rows[i].path, rows[i].what, row_is(install, &rows[i])};
	*ret_items = items;
	*ret_count = ARRAY_LENGTH(rows);
}
