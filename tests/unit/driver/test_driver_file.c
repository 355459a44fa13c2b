/* The one line in /run: written whole, read strictly; and whether the service is enabled. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/driver/driver.h"
#include "core/base/attr.h"
#include "core/base/error.h"

static char folder[256];

static void folder_make(void)
{
	const char *where = getenv("TMPDIR");
	snprintf(folder, sizeof(folder), "%s/cordon-driver-XXXXXX", where != NULL && *where != '\0' ? where : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
}

static void folder_remove(void)
{
	char command[300];
	snprintf(command, sizeof(command), "rm -rf '%s'", folder);
	cr_expect_eq(system(command), 0);
}

TestSuite(driver_file, .init = folder_make, .fini = folder_remove);

static const char *path_in(const char *name)
{
	static char path[512];
	snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static void text_write(const char *path, const char *text, size_t length)
{
	int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
	cr_assert_geq(descriptor, 0);
	cr_assert_eq(write(descriptor, text, length), (ssize_t)length);
	close(descriptor);
}

static const struct driver_record applied = {
	.state = DRIVER_SECURE,
	.event = DRIVER_APPLY,
	.from = DRIVER_STARTUP_STATEFUL,
	.time = 1789000000,
	.digest = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
	.by = "cordon",
};

static bool record_equal(const struct driver_record *a, const struct driver_record *b)
{
	return a->state == b->state && a->event == b->event && a->from == b->from && a->time == b->time &&
	       strcmp(a->digest, b->digest) == 0 && strcmp(a->by, b->by) == 0;
}

Test(driver_file, every_row_is_written_and_read_back)
{
	const char *path = path_in("run/driver");
	for (unsigned s = 0; s < DRIVER_STATES; s++) {
		for (unsigned e = 0; e < DRIVER_EVENTS; e++) {
			const struct driver_row *row = driver_next((enum driver_state)s, (enum driver_event)e);
			struct driver_record record = applied, again;
			record.state = row->to;
			record.event = row->event;
			record.from = row->from;
			if (e % 2 == 0)
				record.digest[0] = '\0';
			cr_assert_eq(driver_write(path, &record, NULL), 0);
			cr_assert_eq(driver_read(path, &again), 0);
			cr_expect(record_equal(&record, &again), "%s, %s", driver_state_name(row->from), driver_event_name(row->event));
		}
	}
	struct stat status;
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0644);
	cr_assert_eq(stat(path_in("run"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0755);
}

Test(driver_file, modes_do_not_follow_the_mask)
{
	struct stat status;
	mode_t before = umask(077);
	cr_expect_eq(driver_write(path_in("driver"), &applied, NULL), 0);
	umask(before);
	cr_assert_eq(stat(path_in("driver"), &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0644);
}

Test(driver_file, what_is_not_exactly_ours_is_not_believed)
{
	static const char good[] = "driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon\n";
	static const char *const wrong[] = {
		"", "\n", "driver 1\n", "secure\n",
		"driver 2\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon\n\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon\tmore\n",
		"driver 1\tSecure\tapply\tstartup stateful\t1789000000\t-\tcordon\n",
		"driver 1\tpermit\tapply\tstartup stateful\t1789000000\t-\tcordon\n", /* no row leads there */
		"driver 1\tsecure\tapply\tnowhere\t1789000000\t-\tcordon\n",
		"driver 1\tsecure\twish\tstartup stateful\t1789000000\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t-5\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t9223372036854775808\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t99999999999999999999999999999999999999999999\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t\t-\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t0123\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\tABCDEF6789abcdef0123456789abcdef0123456789abcdef0123456789abcdef\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0\tcordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\t\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tCordon\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tcordon\x1b[2J\n",
		"driver 1\tsecure\tapply\tstartup stateful\t1789000000\t-\tabcdefghijklmnopqrstuvwxyz\n",
		"driver 1  secure  apply  startup stateful  1789000000  -  cordon\n",
	};
	const char *path = path_in("driver");
	struct driver_record record = applied;
	text_write(path, good, strlen(good));
	cr_expect_eq(driver_read(path, &record), 0);
	cr_expect_str_eq(record.digest, "");
	record = applied;
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++) {
		text_write(path, wrong[i], strlen(wrong[i]));
		cr_expect_eq(driver_read(path, &record), ERROR_DAMAGED, "%zu: %s", i, wrong[i]);
	}
	cr_expect(record_equal(&record, &applied), "untouched on failure");
	/* Byte by byte: cut anywhere, NUL anywhere, and far too long. */
	for (size_t at = 0; at < strlen(good); at++) {
		char damaged[sizeof(good)];
		memcpy(damaged, good, sizeof(good));
		text_write(path, good, at);
		cr_expect_eq(driver_read(path, &record), ERROR_DAMAGED, "cut at %zu", at);
		damaged[at] = '\0';
		text_write(path, damaged, strlen(good));
		cr_expect_eq(driver_read(path, &record), ERROR_DAMAGED, "NUL at %zu", at);
	}
	static char large[100000];
	memset(large, 'a', sizeof(large));
	text_write(path, large, sizeof(large));
	cr_expect_eq(driver_read(path, &record), ERROR_DAMAGED);
}

Test(driver_file, only_a_file_is_read)
{
	struct driver_record record;
	char target[512];
	cr_expect_eq(driver_read(path_in("nothing"), &record), ERROR_NOT_FOUND);
	cr_expect_eq(driver_read(path_in("no/folder"), &record), ERROR_NOT_FOUND);
	cr_assert_eq(driver_write(path_in("driver"), &applied, NULL), 0);
	snprintf(target, sizeof(target), "%s", path_in("driver"));
	cr_assert_eq(symlink(target, path_in("link")), 0);
	cr_expect_eq(driver_read(path_in("link"), &record), ERROR_DAMAGED, "a link is none of ours");
	cr_assert_eq(mkfifo(path_in("pipe"), 0600), 0);
	cr_expect_eq(driver_read(path_in("pipe"), &record), ERROR_DAMAGED, "nor is a pipe, and it does not stop us");
	cr_assert_eq(mkdir(path_in("folder"), 0700), 0);
	cr_expect_eq(driver_read(path_in("folder"), &record), ERROR_DAMAGED);
}

Test(driver_file, refused_writes_leave_the_old_one)
{
	struct driver_record again;
	struct diag diag;
	char path[512];
	diag_init(&diag);
	snprintf(path, sizeof(path), "%s", path_in("driver"));
	cr_assert_eq(driver_write(path, &applied, &diag), 0);
	struct driver_record wrong[4] = {applied, applied, applied, applied};
	wrong[0].state = DRIVER_PERMIT;
	wrong[1].time = -1;
	wrong[2].digest[3] = 'X';
	memcpy(wrong[3].by, "a b", 4);
	for (size_t i = 0; i < ARRAY_LENGTH(wrong); i++)
		cr_expect_eq(driver_write(path, &wrong[i], &diag), ERROR_BUG, "%zu", i);
	cr_expect_eq(diag.count, ARRAY_LENGTH(wrong));
	cr_assert_eq(driver_read(path, &again), 0);
	cr_expect(record_equal(&again, &applied));
	/* A folder in the way of the name, and a file in the way of the folder. */
	cr_assert_eq(mkdir(path_in("taken"), 0700), 0);
	cr_expect_eq(driver_write(path_in("taken"), &applied, &diag), ERROR_SYSTEM);
	text_write(path_in("plain"), "x", 1);
	cr_expect_eq(driver_write(path_in("plain/driver"), &applied, &diag), ERROR_SYSTEM);
	cr_expect_eq(driver_write(path_in("not/there/driver"), &applied, &diag), ERROR_SYSTEM);
	cr_expect_gt(diag.count, ARRAY_LENGTH(wrong) + 2);
	/* Nothing is left beside. */
	char command[600];
	snprintf(command, sizeof(command), "test -z \"$(find '%s' -name '*.new')\"", folder);
	cr_expect_eq(system(command), 0);
	diag_done(&diag);
}

static void shell(const char *commands)
{
	char line[1000];
	snprintf(line, sizeof(line), "cd '%s' && %s", folder, commands);
	cr_assert_eq(system(line), 0, "%s", line);
}

Test(driver_file, enabled_is_a_link_that_systemd_follows)
{
	static const struct {
		const char *commands;
		bool enabled;
	} rows[] = {
		{"true", false},
		{"mkdir -p etc/systemd/system", false},
		{"mkdir -p etc/systemd/system/multi-user.target.wants", false},
		{"touch etc/systemd/system/cordond.service", false},
		{"ln -s /lib/systemd/system/other.service etc/systemd/system/multi-user.target.wants/other.service", false},
		{"ln -s /lib/systemd/system/cordond.service etc/systemd/system/multi-user.target.wants/cordond.service", true},
		{"rm etc/systemd/system/cordond.service && ln -s /dev/null etc/systemd/system/cordond.service", false},
		{"rm etc/systemd/system/cordond.service", true},
		{"rm etc/systemd/system/multi-user.target.wants/cordond.service", false},
		{"mkdir etc/systemd/system/a.requires && ln -s /nowhere etc/systemd/system/a.requires/cordond.service", true},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		shell(rows[i].commands);
		cr_expect_eq(driver_service_enabled(folder), rows[i].enabled, "%s", rows[i].commands);
	}
	char deep[5000];
	memset(deep, 'a', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	cr_expect(!driver_service_enabled(deep));
}
