/* Whole files in and out: limits, what is no file, and that a file is never half written. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/file.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static char folder[] = "/tmp/cordon-file-XXXXXX";

static void folder_make(void)
{
	cr_assert_not_null(mkdtemp(folder));
	cr_assert_eq(chdir(folder), 0);
}

static void folder_remove(void)
{
	static const char *const names[] = {"a", "link", "large", "long", "new", "d"};
	for (size_t i = 0; i < ARRAY_LENGTH(names); i++)
		(void)remove(names[i]);
	cr_expect_eq(rmdir(folder), 0, "something was left behind in %s", folder);
}

TestSuite(file, .init = folder_make, .fini = folder_remove);

static void bytes_put(const char *path, const char *bytes, size_t length)
{
	FILE *file = fopen(path, "w");
	cr_assert_not_null(file);
	cr_assert_eq(fwrite(bytes, 1, length, file), length);
	cr_assert_eq(fclose(file), 0);
}

static void read_expect(const char *path, size_t line_most, int error, const char *message)
{
	struct diag diag;
	struct buffer bytes;
	diag_init(&diag);
	cr_expect_eq(file_read(path, line_most, &diag, &bytes), error, "%s", path);
	cr_assert_eq(diag.errors, error != 0, "%s", path);
	if (error != 0) {
		cr_expect_str_eq(diag.messages[0].file, path);
		cr_expect(strstr(diag.messages[0].text, message) != NULL, "%s: %s", path, diag.messages[0].text);
	} else {
		cr_expect_str_eq(buffer_text(&bytes), message);
	}
	buffer_done(&bytes);
	diag_done(&diag);
}

Test(file, reads_what_is_there_and_names_what_is_not)
{
	bytes_put("a", "one\ntwo", 7);
	cr_assert_eq(mkdir("d", 0700), 0);
	read_expect("a", LINE_MOST, 0, "one\ntwo");
	read_expect("none", 0, ERROR_INPUT, "No such file");
	read_expect("a/b", 0, ERROR_INPUT, "Not a directory");
	read_expect("d", 0, ERROR_INPUT, "is a directory");
}

/* A sparse file: nothing of it is read. */
Test(file, refuses_a_large_file_before_reading_it)
{
	int descriptor = open("large", O_CREAT | O_WRONLY, 0600);
	cr_assert_eq(ftruncate(descriptor, (off_t)FILE_MOST + 1), 0);
	cr_assert_eq(close(descriptor), 0);
	read_expect("large", 0, ERROR_INPUT, "larger than 256 MiB");
}

/* The longest line that is taken, and one byte more; both across the blocks that are read. */
Test(file, refuses_a_long_line_with_its_number)
{
	size_t length = LINE_MOST + 21;
	char *bytes = memory_alloc(length + 2);
	memset(bytes, 'x', length + 1);
	bytes[10] = bytes[20] = '\n';
	bytes_put("long", bytes, length + 1);
	struct diag diag;
	struct buffer text;
	diag_init(&diag);
	cr_expect_eq(file_read("long", LINE_MOST, &diag, &text), ERROR_INPUT);
	cr_expect_eq(diag.messages[0].line, 3);
	buffer_done(&text);
	diag_done(&diag);
	bytes[length] = '\0';
	bytes_put("long", bytes, length);
	read_expect("long", LINE_MOST, 0, bytes);
	free(bytes);
}

Test(file, replaces_whole_and_keeps_links)
{
	struct diag diag;
	struct stat status;
	diag_init(&diag);
	bytes_put("a", "old", 3);
	cr_assert_eq(symlink("a", "link"), 0);
	cr_expect_eq(file_write("link", "new text", 8, &diag), 0);
	cr_expect_eq(lstat("link", &status), 0);
	cr_expect(S_ISLNK(status.st_mode), "the link was replaced");
	read_expect("a", 0, 0, "new text");
	cr_expect_eq(file_write("new", "", 0, &diag), 0);
	cr_expect_eq(stat("new", &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0600);
	cr_expect_eq(file_write("none/new", "x", 1, &diag), ERROR_INPUT);
	cr_expect_eq(file_write("/dev/full", "x", 1, &diag), ERROR_SYSTEM);
	cr_expect_eq(diag.errors, 2);
	diag_done(&diag);
}
