/* Files that come, go and are replaced. */
#include "bootcfg/daemon/filewatch.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"

static char folder[256];
static struct loop *loop;
static struct filewatch *watch;
static unsigned told[4];

static void changed(unsigned number, void *context)
{
	(void)context;
	told[number]++;
}

static int path_remove(const char *path, const struct stat *status, int type, struct FTW *place)
{
	(void)status, (void)type, (void)place;
	return remove(path);
}

static void setup(void)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/filewatch-XXXXXX", temporary != NULL ? temporary : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	loop = loop_new_scripted(1);
	cr_assert_eq(filewatch_new(loop, changed, NULL, NULL, &watch), 0);
}

static void teardown(void)
{
	filewatch_free(watch);
	loop_free(loop);
	(void)nftw(folder, path_remove, 8, FTW_DEPTH | FTW_PHYS);
}

TestSuite(filewatch, .init = setup, .fini = teardown);

static const char *in(const char *name)
{
	static char paths[8][512];
	static unsigned next;
	char *path = paths[next++ % 8];
	snprintf(path, 512, "%s/%s", folder, name);
	return path;
}

static void put(const char *name, const char *text)
{
	int fd = open(in(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);
	cr_assert(fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text), "%s", name);
	close(fd);
}

/* Whether it was told since the last look. */
static bool was_told(unsigned number)
{
	told[number] = 0;
	loop_advance(loop, 1);
	return told[number] > 0;
}

static bool tells(unsigned number)
{
	loop_advance(loop, 1);
	bool any = told[number] > 0;
	told[number] = 0;
	return any;
}

Test(filewatch, tells_of_a_file_that_is_written_replaced_and_removed)
{
	put("file", "1");
	cr_assert_eq(filewatch_add(watch, in("file"), 0), 0);
	cr_expect_not(was_told(0));
	put("file", "2");
	cr_expect(tells(0));
	put("file.new", "3");
	cr_expect_not(tells(0), "its neighbours are of no interest");
	cr_assert_eq(rename(in("file.new"), in("file")), 0);
	cr_expect(tells(0));
	unlink(in("file"));
	cr_expect(tells(0));
	put("file", "4");
	cr_expect(tells(0));
}

Test(filewatch, tells_of_a_file_whose_folders_come_later)
{
	cr_assert_eq(filewatch_add(watch, in("a/b/c/file"), 1), 0);
	mkdir(in("a"), 0700);
	loop_advance(loop, 1);
	mkdir(in("a/b"), 0700);
	mkdir(in("a/b/c"), 0700);
	put("a/b/c/file", "1");
	cr_expect(tells(1), "made in one go, before anybody looked");
	put("a/b/c/file", "2");
	cr_expect(tells(1));
	/* All gone, and there again. */
	unlink(in("a/b/c/file"));
	rmdir(in("a/b/c"));
	rmdir(in("a/b"));
	cr_expect(tells(1));
	mkdir(in("a/b"), 0700);
	loop_advance(loop, 1);
	mkdir(in("a/b/c"), 0700);
	loop_advance(loop, 1);
	told[1] = 0;
	put("a/b/c/file", "3");
	cr_expect(tells(1));
}

Test(filewatch, tells_of_all_in_a_folder)
{
	char path[512];
	snprintf(path, sizeof(path), "%s/", in("leases"));
	cr_assert_eq(filewatch_add(watch, path, 2), 0);
	mkdir(in("leases"), 0700);
	put("leases/2", "x");
	cr_expect(tells(2));
	put("leases/3", "x");
	cr_expect(tells(2));
	put("other", "x");
	cr_expect_not(tells(2));
}

Test(filewatch, follows_a_link_and_its_change)
{
	mkdir(in("run"), 0700);
	put("run/one", "1");
	put("run/two", "1");
	cr_assert_eq(symlink(in("run/one"), in("link")), 0);
	cr_assert_eq(filewatch_add(watch, in("link"), 3), 0);
	put("run/one", "2");
	cr_expect(tells(3), "what it points to");
	cr_assert_eq(symlink("run/two", in("link.new")), 0);
	cr_assert_eq(rename(in("link.new"), in("link")), 0);
	cr_expect(tells(3));
	put("run/two", "2");
	cr_expect(tells(3));
	put("run/one", "3");
	cr_expect_not(tells(3), "what it pointed to before");
	/* A link to what is not there yet. */
	unlink(in("link"));
	cr_assert_eq(symlink(in("later/file"), in("link")), 0);
	cr_expect(tells(3));
	mkdir(in("later"), 0700);
	loop_advance(loop, 1);
	told[3] = 0;
	put("later/file", "1");
	cr_expect(tells(3));
}

Test(filewatch, has_an_end)
{
	int error = 0;
	for (unsigned i = 0; i <= FILEWATCH_MOST && error == 0; i++) {
		char name[32];
		snprintf(name, sizeof(name), "file%u", i);
		error = filewatch_add(watch, in(name), 0);
		cr_expect_eq(error, i < FILEWATCH_MOST ? 0 : ERROR_LIMIT, "%u", i);
	}
}
