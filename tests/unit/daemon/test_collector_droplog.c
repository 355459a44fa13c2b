/* drops.log itself: whole lines whatever happens to the file, the folder, or a system call. */
#include <criterion/criterion.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/droplog.h"
#include "core/record/w3c.h"
#include "tests/unit/daemon/drops_read.h"
#include "tests/unit/daemon/nflog_make.h"

static char folder[64];
static int folder_fd = -1;

static void setup(void)
{
	static const char template[] = "/tmp/cordon-droplog-XXXXXX";
	memcpy(folder, template, sizeof(template));
	cr_assert_not_null(mkdtemp(folder));
	folder_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(folder_fd >= 0);
}

static void teardown(void)
{
	DIR *entries = opendir(folder);
	for (const struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;)
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0 && unlinkat(folder_fd, entry->d_name, 0) < 0)
			unlinkat(folder_fd, entry->d_name, AT_REMOVEDIR);
	if (entries != NULL)
		closedir(entries);
	close(folder_fd);
	rmdir(folder);
}

TestSuite(droplog, .init = setup, .fini = teardown);

/* --- System calls that fail: the k-th of a kind, once or from then on --- */

static struct fault {
	const char *call;
	unsigned long at;    /* the how manieth from now; 0: none */
	bool forever;
	int error;           /* 0: a short write of `bytes` */
	size_t bytes;
} fault;

static bool fault_now(const char *call)
{
	if (fault.at == 0 || strcmp(call, fault.call) != 0)
		return false;
	if (fault.at > 1) {
		fault.at--;
		return false;
	}
	fault.at = fault.forever;
	errno = fault.error;
	return true;
}

ssize_t __real_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length);
ssize_t __wrap_write(int fd, const void *bytes, size_t length)
{
	if (!fault_now("write"))
		return __real_write(fd, bytes, length);
	if (fault.error != 0)
		return -1;
	return __real_write(fd, bytes, length < fault.bytes ? length : fault.bytes);
}

int __real_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to);
int __wrap_renameat(int from_fd, const char *from, int to_fd, const char *to)
{
	return fault_now("renameat") ? -1 : __real_renameat(from_fd, from, to_fd, to);
}

int __real_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length);
int __wrap_ftruncate(int fd, off_t length)
{
	return fault_now("ftruncate") ? -1 : __real_ftruncate(fd, length);
}

int __real_flock(int fd, int operation);
int __wrap_flock(int fd, int operation);
int __wrap_flock(int fd, int operation)
{
	return fault_now("flock") ? -1 : __real_flock(fd, operation);
}

/* --- Lines --- */

static void line_make(unsigned number, struct buffer *lines)
{
	struct record record = {.has = RECORD_HAS(COLUMN_RECORDNUMBER), .recordnumber = number, .action = cursor_text("DROP")};
	w3c_line(&record, lines);
}

static struct buffer lines_make(unsigned first, unsigned count)
{
	struct buffer lines;
	buffer_init(&lines, 1 << 24);
	for (unsigned i = 0; i < count; i++)
		line_make(first + i, &lines);
	return lines;
}

/* Writes so many lines; how many of them are said to be written. */
static unsigned lines_write(struct droplog *log, unsigned first, unsigned count)
{
	struct buffer lines = lines_make(first, count);
	size_t written = droplog_write(log, lines.data, lines.length, 0);
	unsigned done = 0;
	cr_assert(written == 0 || lines.data[written - 1] == '\n');
	for (size_t i = 0; i < written; i++)
		done += lines.data[i] == '\n';
	cr_assert(written <= lines.length);
	buffer_done(&lines);
	return done;
}

static struct drops log_now(void)
{
	struct drops drops;
	drops_read(folder, &drops);
	cr_assert_str_eq(drops.trouble, "", "%s", drops.trouble);
	return drops;
}

/* The log holds these numbers in order, each once. */
static void numbers_are(unsigned first, unsigned count)
{
	struct drops drops = log_now();
	cr_expect_eq(drops.count, count, "%zu lines, %u expected", drops.count, count);
	for (size_t i = 0; i < drops.count; i++)
		cr_assert_eq(strtoul(drops_value(&drops, i, "x-recordnumber"), NULL, 10), first + i, "line %zu", i);
	drops_done(&drops);
}

static void file_write(const char *name, const char *text)
{
	int fd = openat(folder_fd, name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	cr_assert(fd >= 0);
	cr_assert_eq(__real_write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
}

static bool file_exists(const char *name)
{
	struct stat status;
	return fstatat(folder_fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0;
}

Test(droplog, file_begins_with_a_header_and_is_not_for_all)
{
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	struct stat status;
	umask(022);
	cr_expect_eq(lines_write(log, 0, 3), 3);
	cr_expect_eq(lines_write(log, 3, 2), 2);
	numbers_are(0, 5);
	struct drops drops = log_now();
	cr_expect_eq(drops.headers, 1);
	drops_done(&drops);
	cr_assert_eq(fstatat(folder_fd, DROPLOG_FILE, &status, 0), 0);
	cr_expect_eq(status.st_mode & 07777, 0640);
	droplog_free(log);
	/* Another start goes on in the same file. */
	log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 5, 1), 1);
	numbers_are(0, 6);
	drops = log_now();
	cr_expect_eq(drops.headers, 1);
	drops_done(&drops);
	droplog_free(log);
}

Test(droplog, size_is_bounded_and_the_newest_lines_stay)
{
	struct droplog *log = droplog_new(folder_fd, 8192, 3);
	for (unsigned i = 0; i < 3000; i += 10)
		cr_assert_eq(lines_write(log, i, 10), 10);
	droplog_free(log);
	struct drops drops = log_now();
	cr_expect_eq(drops.files, 3);
	cr_expect_eq(drops.headers, 3);
	cr_expect(drops.bytes <= 3 * (8192 + 1024), "%zu", drops.bytes);
	cr_expect(drops.count > 100);
	for (size_t i = 0; i < drops.count; i++)
		cr_assert_eq(strtoul(drops_value(&drops, i, "x-recordnumber"), NULL, 10), 3000 - drops.count + i);
	drops_done(&drops);
	cr_expect_not(file_exists("drops.log.3"));
}

Test(droplog, one_file_is_enough)
{
	struct droplog *log = droplog_new(folder_fd, 4096, 1);
	cr_expect_eq(lines_write(log, 0, 500), 500);
	droplog_free(log);
	struct drops drops = log_now();
	cr_expect_eq(drops.files, 1);
	cr_expect(drops.bytes < 8192);
	drops_done(&drops);
}

Test(droplog, torn_line_is_cut_and_said)
{
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 0, 3), 3);
	droplog_free(log);
	file_write(DROPLOG_FILE, "2026-07-31 23:59:58 cordon 42");
	log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 3, 1), 1);
	droplog_free(log);
	numbers_are(0, 4);
	struct drops drops = log_now();
	cr_expect_eq(drops.remarks, 1);
	drops_done(&drops);
}

Test(droplog, what_is_no_log_of_ours_moves_out_of_the_way)
{
	char *text = malloc(200001);
	memset(text, 'x', 200000);
	text[200000] = '\0';
	file_write(DROPLOG_FILE, text);
	free(text);
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 0, 2), 2);
	droplog_free(log);
	cr_expect(file_exists("drops.log.1"));
	cr_assert_eq(unlinkat(folder_fd, "drops.log.1", 0), 0);
	numbers_are(0, 2);
}

Test(droplog, other_columns_get_a_new_header)
{
	file_write(DROPLOG_FILE, "#Version: 1.0\n#Fields: date time x-recordnumber\n- - 0\n");
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 1, 2), 2);
	droplog_free(log);
	struct drops drops;
	drops_read(folder, &drops); /* the first line has the old columns: only the numbers are looked at */
	cr_expect_eq(drops.headers, 2);
	cr_expect_eq(drops.count, 3);
	cr_expect_str_eq(drops_value(&drops, 1, "x-recordnumber"), "1");
	drops_done(&drops);
}

Test(droplog, file_that_was_taken_away_is_made_again)
{
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 0, 1), 1);
	cr_assert_eq(renameat(folder_fd, DROPLOG_FILE, folder_fd, "drops.log.1"), 0);
	cr_expect_eq(lines_write(log, 1, 1), 1);
	numbers_are(0, 2);
	/* And one that was emptied gets its header again. */
	int fd = openat(folder_fd, DROPLOG_FILE, O_WRONLY | O_TRUNC | O_CLOEXEC);
	close(fd);
	cr_expect_eq(lines_write(log, 2, 1), 1);
	struct drops drops = log_now();
	cr_expect_eq(drops.count, 2);
	cr_expect_eq(drops.headers, 2);
	drops_done(&drops);
	droplog_free(log);
}

/* Nothing but a plain file with one name: no link leads us elsewhere, no pipe makes us wait. */
Test(droplog, traps_are_not_written_to)
{
	file_write("precious", "precious");
	static const char *const traps[] = {"symbolic", "hard", "pipe", "folder"};
	for (size_t i = 0; i < ARRAY_LENGTH(traps); i++) {
		struct droplog *log = droplog_new(folder_fd, 0, 0);
		int made = i == 0   ? symlinkat("precious", folder_fd, DROPLOG_FILE)
			   : i == 1 ? linkat(folder_fd, "precious", folder_fd, DROPLOG_FILE, 0)
			   : i == 2 ? mkfifoat(folder_fd, DROPLOG_FILE, 0600)
				    : mkdirat(folder_fd, DROPLOG_FILE, 0700);
		cr_assert_eq(made, 0);
		errno = 0;
		cr_expect_eq(lines_write(log, 0, 1), 0, "%s", traps[i]);
		cr_expect(errno != 0);
		droplog_free(log);
		cr_assert_eq(unlinkat(folder_fd, DROPLOG_FILE, i == 3 ? AT_REMOVEDIR : 0), 0);
	}
	struct stat status;
	cr_assert_eq(fstatat(folder_fd, "precious", &status, 0), 0);
	cr_expect_eq(status.st_size, 8);
}

/* Somebody holds the lock for ever: lines are written all the same, nothing is cut or moved. */
Test(droplog, lock_of_somebody_else_does_not_stop_it)
{
	struct droplog *log = droplog_new(folder_fd, 4096, 2);
	cr_expect_eq(lines_write(log, 0, 1), 1);
	int fd = openat(folder_fd, DROPLOG_FILE, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(__real_flock(fd, LOCK_EX), 0);
	cr_expect_eq(lines_write(log, 1, 200), 200);
	cr_expect_not(file_exists("drops.log.1"));
	close(fd);
	cr_expect_eq(lines_write(log, 201, 1), 1);
	cr_expect(file_exists("drops.log.1"));
	numbers_are(0, 202);
	droplog_free(log);
}

/* --- Failures --- */

/* The k-th call fails, for every k until none is left: what is said to be written is what is there, and when the call
 * works again all of it gets there, each line once and whole. */
static void calls_fail(const char *call, bool forever, int error, size_t bytes)
{
	bool reached = true;
	for (unsigned long k = 1; reached && k < 100; k++) {
		setup();
		struct droplog *log = droplog_new(folder_fd, 4096, 4);
		unsigned next = 0;
		fault = (struct fault){call, k, forever, error, bytes};
		for (unsigned i = 0; i < 20 && next < 80; i++)
			next += lines_write(log, next, 4);
		reached = fault.at == 0 || forever;
		if (forever && fault.at > 1)
			reached = false;
		fault.at = 0;
		while (next < 80) {
			unsigned done = lines_write(log, next, 80 - next);
			cr_assert(done > 0, "%s %lu: does not recover at %u", call, k, next);
			next += done;
		}
		numbers_are(0, 80);
		droplog_free(log);
		teardown();
	}
	cr_expect_not(reached, "%s never stopped failing", call);
	setup();
}

Test(droplog, write_that_fails_loses_nothing)
{
	teardown();
	calls_fail("write", false, ENOSPC, 0);
	teardown();
	calls_fail("write", true, ENOSPC, 0);
	teardown();
	calls_fail("write", false, EIO, 0);
}

Test(droplog, short_write_leaves_whole_lines)
{
	static const size_t lengths[] = {0, 1, 20, 100, 500, 520, 700};
	for (size_t i = 0; i < ARRAY_LENGTH(lengths); i++) {
		teardown();
		calls_fail("write", false, 0, lengths[i]);
	}
}

Test(droplog, rename_cut_or_lock_that_fails_loses_nothing)
{
	static const char *const calls[] = {"renameat", "ftruncate", "flock"};
	for (size_t i = 0; i < ARRAY_LENGTH(calls); i++) {
		teardown();
		calls_fail(calls[i], false, EACCES, 0);
		teardown();
		calls_fail(calls[i], true, EACCES, 0);
	}
}

/* A short write whose rest cannot be cut off: the next opening does it. */
Test(droplog, torn_piece_is_cut_later)
{
	struct droplog *log = droplog_new(folder_fd, 0, 0);
	cr_expect_eq(lines_write(log, 0, 2), 2);
	struct buffer lines = lines_make(2, 1);
	/* No lock: the piece is left. */
	int fd = openat(folder_fd, DROPLOG_FILE, O_RDONLY | O_CLOEXEC);
	cr_assert_eq(__real_flock(fd, LOCK_EX), 0);
	fault = (struct fault){"write", 1, false, 0, 30};
	cr_expect_eq(droplog_write(log, lines.data, lines.length, 0), 0);
	close(fd);
	cr_expect_eq(droplog_write(log, lines.data, lines.length, 0), lines.length);
	buffer_done(&lines);
	numbers_are(0, 3);
	struct drops drops = log_now();
	cr_expect_eq(drops.remarks, 1);
	drops_done(&drops);
	droplog_free(log);
}

/* --- The collector on a full disk --- */

static void drops_send(struct collector *collector, unsigned count, uint32_t *sequence)
{
	struct buffer datagram;
	buffer_init(&datagram, 1 << 22);
	for (unsigned i = 0; i < count; i++)
		nflog_make(&(struct made_packet){.prefix = "cordon:block:00000000deadbeef:r", .sequence = (*sequence)++,
						 .hook = NF_INET_LOCAL_IN, .src = 0x0a000000 + i % 50, .dst = 1, .protocol = 6}, &datagram);
	collector_datagram(collector, datagram.data, datagram.length);
	buffer_done(&datagram);
}

Test(droplog, full_disk_is_survived_by_counting)
{
	struct loop *loop = loop_new_scripted(1000000);
	struct collector *collector = collector_new(loop, &(struct collector_options){.nflog = -1, .folder = folder_fd});
	struct message_settings settings = {.diagnostics = 7, .interval = 60, .mode = "secure"};
	const struct message_event event = {.eventid = 4292, .mode = "block", .text = 4};
	uint32_t sequence = 0;
	cr_assert_eq(collector_message(collector, MESSAGE_SETTINGS, &settings, cursor_of("", 0)), 0);
	drops_send(collector, 100, &sequence);
	collector_flush(collector);
	fault = (struct fault){"write", 1, true, ENOSPC, 0};
	for (unsigned i = 0; i < 100; i++) {
		drops_send(collector, 500, &sequence);
		loop_advance(loop, 60000);
	}
	cr_assert_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text("text")), 0);
	struct drops drops = log_now();
	cr_expect_eq(drops.count, 100);
	drops_done(&drops);
	fault.at = 0;
	loop_advance(loop, 10000); /* it looks again by itself */
	drops = log_now();
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), sequence);
	cr_expect_eq(drops_sum(&drops, "x-eventid", "4292"), 1);
	cr_expect(drops.count < 2500, "%zu lines", drops.count);
	drops_done(&drops);
	/* And single lines come again. */
	drops_send(collector, 3, &sequence);
	collector_flush(collector);
	drops = log_now();
	cr_expect_eq(drops_sum(&drops, "x-action", "DROP"), sequence);
	cr_expect_str_eq(drops_value(&drops, drops.count - 1, "x-layer"), "-");
	drops_done(&drops);
	collector_free(collector);
	loop_free(loop);
}

/* So many mode changes that they find no room while the disk is full: their number is told. */
Test(droplog, events_that_find_no_room_are_counted)
{
	struct loop *loop = loop_new_scripted(1000000);
	struct collector *collector = collector_new(loop, &(struct collector_options){.nflog = -1, .folder = folder_fd});
	const struct message_event event = {.eventid = 4292, .mode = "block", .text = 4};
	fault = (struct fault){"write", 1, true, ENOSPC, 0};
	for (unsigned i = 0; i < 10000; i++)
		cr_assert_eq(collector_message(collector, MESSAGE_EVENT, &event, cursor_text("text")), 0);
	fault.at = 0;
	collector_flush(collector);
	struct drops drops = log_now();
	uint64_t written = drops_sum(&drops, "x-eventid", "4292"), lost = drops_sum(&drops, "x-action", "INFO-EVENTS-LOST");
	cr_expect_eq(written + lost, 10000);
	cr_expect(written > 500 && lost > 0);
	drops_done(&drops);
	collector_free(collector);
	loop_free(loop);
}

/* --- Two writers --- */

static const struct driver_row row = {
	.from = DRIVER_SECURE, .event = DRIVER_LIFT, .to = DRIVER_PERMIT, .record = 4293, .why = "lifted by hand",
};

/* Four processes write at once, two of them rotate: no line is torn, none is lost. */
Test(droplog, writers_at_once_never_interleave, .timeout = 60)
{
	enum { WRITERS = 4, ROUNDS = 200 };
	pid_t writers[WRITERS];
	for (unsigned writer = 0; writer < WRITERS; writer++) {
		writers[writer] = fork();
		cr_assert(writers[writer] >= 0);
		if (writers[writer] != 0)
			continue;
		struct droplog *log = droplog_new(folder_fd, writer < 2 ? 65536 : 1 << 24, 60);
		for (unsigned i = 0; i < ROUNDS; i++) {
			struct buffer lines = lines_make(writer * 100000 + i * 5, 5);
			size_t done = 0;
			for (unsigned tries = 0; done < lines.length && tries < 1000; tries++)
				done += droplog_write(log, lines.data + done, lines.length - done, 0);
			if (done != lines.length)
				_exit(1);
			buffer_done(&lines);
		}
		droplog_free(log);
		_exit(0);
	}
	for (unsigned writer = 0; writer < WRITERS; writer++) {
		int status = 1;
		waitpid(writers[writer], &status, 0);
		cr_expect_eq(status, 0, "writer %u could not write", writer);
	}
	struct drops drops = log_now();
	unsigned next[WRITERS] = {0};
	cr_expect_eq(drops.count, WRITERS * ROUNDS * 5);
	cr_expect(drops.files > 1);
	for (size_t i = 0; i < drops.count; i++) {
		unsigned long number = strtoul(drops_value(&drops, i, "x-recordnumber"), NULL, 10);
		cr_assert(number / 100000 < WRITERS);
		next[number / 100000]++;
	}
	for (unsigned writer = 0; writer < WRITERS; writer++)
		cr_expect_eq(next[writer], ROUNDS * 5, "writer %u: %u lines", writer, next[writer]);
	drops_done(&drops);
}

Test(droplog, mode_change_by_hand_is_one_line)
{
	char path[128];
	struct diag diag;
	diag_init(&diag);
	snprintf(path, sizeof(path), "%s/new", folder);
	droplog_mode_at(path, "/nowhere/journal", &row, "abc123", "lifted\nby \"me\"", &diag);
	droplog_mode_at(path, "/nowhere/journal", &row, "", NULL, &diag);
	cr_expect_eq(diag.count, 0);
	struct drops drops;
	drops_read(path, &drops);
	cr_assert_str_eq(drops.trouble, "");
	cr_assert_eq(drops.count, 2);
	cr_expect_str_eq(drops_value(&drops, 0, "x-eventid"), "4293");
	cr_expect_str_eq(drops_value(&drops, 0, "x-mode"), "permit");
	cr_expect_str_eq(drops_value(&drops, 0, "x-policy"), "abc123");
	cr_expect_str_eq(drops_value(&drops, 0, "x-rule"), "lifted by \"me\"");
	cr_expect_str_eq(drops_value(&drops, 0, "x-source"), "cordon");
	cr_expect_str_eq(drops_value(&drops, 1, "x-rule"), "lifted by hand");
	cr_expect_str_eq(drops_value(&drops, 1, "x-policy"), "-");
	drops_done(&drops);
	struct stat status;
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 0777, 0750);
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	unlinkat(fd, DROPLOG_FILE, 0);
	close(fd);
	rmdir(path);
	diag_done(&diag);
}

Test(droplog, mode_change_that_cannot_be_logged_is_a_warning)
{
	struct diag diag;
	diag_init(&diag);
	file_write("file", "x");
	char path[128];
	snprintf(path, sizeof(path), "%s/file", folder);
	droplog_mode_at(path, "/nowhere/journal", &row, "", NULL, &diag);
	cr_assert_eq(diag.warnings, 1);
	cr_expect_str_eq(diag.messages[0].id, "log");
	cr_expect_not_null(strstr(diag.messages[0].text, path));
	fault = (struct fault){"write", 1, true, ENOSPC, 0};
	droplog_mode_at(folder, "/nowhere/journal", &row, "", NULL, &diag);
	cr_expect_eq(diag.warnings, 2);
	cr_expect_not_null(strstr(diag.messages[1].text, "No space left"));
	diag_done(&diag);
}
