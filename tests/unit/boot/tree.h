/* A tree that is not booted, in a folder of the test's own. */
#ifndef CORDON_TESTS_BOOT_TREE_H
#define CORDON_TESTS_BOOT_TREE_H

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "core/base/attr.h"

static char tree[64];
static bool tree_leftovers_hidden; /* tree_print leaves out .NAME.cordon-old and .NAME.cordon-new */

/* With its folders; the content is its path. */
ATTR_UNUSED static void tree_file(const char *path, mode_t mode)
{
	char whole[512];
	snprintf(whole, sizeof(whole), "%s%s", tree, path);
	for (char *at = whole + strlen(tree) + 1; (at = strchr(at, '/')) != NULL; at++) {
		*at = '\0';
		(void)mkdir(whole, 0755);
		*at = '/';
	}
	int descriptor = open(whole, O_WRONLY | O_CREAT | O_TRUNC, mode);
	cr_assert_geq(descriptor, 0, "%s", whole);
	cr_assert_eq(write(descriptor, path, strlen(path)), (ssize_t)strlen(path));
	close(descriptor);
}

ATTR_UNUSED static void tree_make(void)
{
	snprintf(tree, sizeof(tree), "/tmp/cordon-test-XXXXXX");
	cr_assert_not_null(mkdtemp(tree));
}

/* The usual one: systemd, initramfs-tools, the programs. */
ATTR_UNUSED static void tree_fill(void)
{
	tree_make();
	tree_file("/usr/lib/systemd/systemd", 0755);
	tree_file("/usr/share/initramfs-tools/hook-functions", 0644);
	tree_file("/usr/bin/cordon-boot", 0755);
	tree_file("/usr/bin/cordond", 0755);
}

static int name_compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

/* What a file is made of, in a line; of the boot file only what does not change with time. */
static void file_print(const char *whole, struct buffer *text)
{
	char bytes[1 << 16];
	struct bootfile_head head;
	const char *messages;
	struct stat status;
	cr_assert_eq(lstat(whole, &status), 0);
	buffer_printf(text, "%s %o ", whole + strlen(tree), (unsigned)status.st_mode);
	if (S_ISLNK(status.st_mode)) {
		ssize_t length = readlink(whole, bytes, sizeof(bytes) - 1);
		cr_assert_geq(length, 0);
		buffer_add(text, bytes, (size_t)length);
	} else if (S_ISREG(status.st_mode)) {
		int descriptor = open(whole, O_RDONLY);
		ssize_t length = read(descriptor, bytes, sizeof(bytes));
		close(descriptor);
		cr_assert_geq(length, 0);
		if (bootfile_parse(bytes, (size_t)length, "boot", NULL, &head, &messages) == 0)
			buffer_printf(text, "boot file %s, generation %llu, %zu bytes", head.mode, (unsigned long long)head.generation, head.length);
		else
			buffer_add(text, bytes, (size_t)length);
	}
	buffer_add_char(text, '\n');
}

static void folder_print(const char *whole, struct buffer *text, bool remove)
{
	struct dirent **entries;
	int count = scandir(whole, &entries, NULL, name_compare);
	cr_assert_geq(count, 0, "%s", whole);
	for (int i = 0; i < count; i++) {
		char inner[1024];
		struct stat status;
		const char *name = entries[i]->d_name;
		snprintf(inner, sizeof(inner), "%s/%s", whole, name);
		bool leftover = name[0] == '.' && (strstr(name, ".cordon-old") != NULL || strstr(name, ".cordon-new") != NULL);
		if (!(leftover && tree_leftovers_hidden && !remove) && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && lstat(inner, &status) == 0) {
			if (!remove)
				file_print(inner, text);
			if (S_ISDIR(status.st_mode))
				folder_print(inner, text, remove);
			if (remove)
				cr_expect_eq(S_ISDIR(status.st_mode) ? rmdir(inner) : unlink(inner), 0, "%s", inner);
		}
		free(entries[i]);
	}
	free(entries);
}

/* All that is below, whatever its name; the caller frees it. */
ATTR_UNUSED static struct buffer tree_print(void)
{
	struct buffer text;
	buffer_init(&text, 1 << 20);
	folder_print(tree, &text, false);
	return text;
}

ATTR_UNUSED static void tree_remove(void)
{
	folder_print(tree, NULL, true);
	cr_expect_eq(rmdir(tree), 0);
}

#endif
