/* A word to those who are logged in: what is cut, what is escaped, and who gets it. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <utmpx.h>

#include "bootcfg/contain/notify.h"
#include "core/base/attr.h"
#include "core/base/memory.h"

Test(notify, characters_are_counted_not_bytes)
{
	struct buffer text;
	buffer_init(&text, 1 << 16);
	cr_expect_eq(notify_cut("", 0), 0);
	cr_expect_eq(notify_cut("abc", 3), 3);
	for (size_t i = 0; i < 255; i++)
		buffer_add_text(&text, "\xc3\xa4"); /* two bytes */
	cr_expect_eq(notify_cut(buffer_text(&text), text.length), 510);
	buffer_add_text(&text, "\xf0\x9f\x9a\xa7"); /* four */
	cr_expect_eq(notify_cut(buffer_text(&text), text.length), 514, "256 characters stay whole");
	buffer_add_text(&text, "x");
	cr_expect_eq(notify_cut(buffer_text(&text), text.length), 514, "the next one goes");
	buffer_done(&text);
}

Test(notify, controls_are_escaped)
{
	static const struct {
		const char *text, *printed;
	} rows[] = {
		{"hello", "hello"},
		{"\x1b[31mred", "\\x1b[31mred"},
		{"a\nb\rc\td", "a\\x0ab\\x0dc\\x09d"},
		{"\x7f", "\\x7f"},
		{"\xc2\x9b" "0m", "\\xc2\\x9b0m"},
		{"\xc2\xa0\xc3\xa4", "\xc2\xa0\xc3\xa4"},
		{"\xff", "\\xff"},
	};
	for (size_t i = 0; i < ARRAY_LENGTH(rows); i++) {
		struct buffer buffer;
		buffer_init(&buffer, 1 << 16);
		notify_print(rows[i].text, strlen(rows[i].text), "root@host (cordon)", &buffer);
		char *expected = memory_alloc(1024);
		snprintf(expected, 1024, "\r\n\aBroadcast message from root@host (cordon):\r\n\r\n%s\r\n", rows[i].printed);
		cr_expect_str_eq(buffer_text(&buffer), expected);
		free(expected);
		buffer_done(&buffer);
	}
}

/* A utmp file of the test's own. */
struct utmp {
	char path[64];
	struct utmpx entries[16];
	size_t count;
};

static void utmp_add(struct utmp *utmp, short type, const char *line, const char *user)
{
	struct utmpx *entry = &utmp->entries[utmp->count++];
	*entry = (struct utmpx){.ut_type = type, .ut_pid = getpid()};
	memcpy(entry->ut_line, line, strnlen(line, sizeof(entry->ut_line)));
	memcpy(entry->ut_user, user, strnlen(user, sizeof(entry->ut_user)));
}

static void utmp_write(struct utmp *utmp)
{
	const char *folder = getenv("TMPDIR");
	snprintf(utmp->path, sizeof(utmp->path), "%.40s/cordon-utmp-XXXXXX", folder != NULL && strlen(folder) < 40 ? folder : "/tmp");
	int descriptor = mkstemp(utmp->path);
	cr_assert_geq(descriptor, 0);
	size_t size = utmp->count * sizeof(utmp->entries[0]);
	cr_assert_eq(write(descriptor, utmp->entries, size), (ssize_t)size);
	close(descriptor);
}

static const char *my_name(void)
{
	const struct passwd *entry = getpwuid(getuid());
	cr_assert_not_null(entry);
	return entry->pw_name;
}

static int terminal_open(char name[64])
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	if (master < 0 || grantpt(master) != 0 || unlockpt(master) != 0 || ptsname_r(master, name, 64) != 0)
		return -1;
	return master;
}

Test(notify, a_terminal_of_its_user_gets_it_once)
{
	char name[64], got[512] = "";
	struct utmp utmp = {.count = 0};
	struct notified notified;
	int master = terminal_open(name);
	if (master < 0)
		cr_skip_test("SKIPPED: no pseudo terminals here");
	int slave = open(name, O_RDWR | O_NOCTTY); /* holds it open, so that nothing is lost */
	utmp_add(&utmp, USER_PROCESS, name + strlen("/dev/"), my_name());
	utmp_add(&utmp, USER_PROCESS, name + strlen("/dev/"), my_name());
	utmp_add(&utmp, DEAD_PROCESS, "pts/99999", "root");
	utmp_write(&utmp);
	notify_write("contained: ask \x1b[1mme", strlen("contained: ask \x1b[1mme"), utmp.path, &notified);
	cr_expect_eq(notified.written, 1, "%zu; %s", notified.written, notified.why != NULL ? notified.why : "");
	cr_expect_eq(notified.passed_over, 0);
	ssize_t length = read(master, got, sizeof(got) - 1);
	cr_assert_gt(length, 0);
	cr_expect(strstr(got, "contained: ask \\x1b[1mme") != NULL, "%s", got);
	cr_expect(strstr(got, "Broadcast message from") != NULL);
	cr_expect_null(strchr(got, '\x1b'));
	unlink(utmp.path);
	close(slave);
	close(master);
}

/* utmp is not believed: what it names must be a terminal, and its user's own. */
Test(notify, nothing_else_is_written_to)
{
	char name[64], victim[] = "/tmp/cordon-victim-XXXXXX", got[16];
	static const char *const lines[] = {
		"../tmp/x", "/etc/passwd", "null", "shm/../null", "", ".", "pts/99999", "a b", "pts/\x1b[2J", "\xff\xff",
	};
	struct utmp utmp = {.count = 0};
	struct notified notified;
	int file = mkstemp(victim), master = terminal_open(name);
	cr_assert_geq(file, 0);
	for (size_t i = 0; i < ARRAY_LENGTH(lines); i++)
		utmp_add(&utmp, USER_PROCESS, lines[i], my_name());
	utmp_add(&utmp, USER_PROCESS, victim + 1, my_name());
	if (master >= 0) { /* somebody else's, as utmp says */
		utmp_add(&utmp, USER_PROCESS, name + strlen("/dev/"), getuid() == 0 ? "daemon" : "root");
		utmp_add(&utmp, USER_PROCESS, "pts/1", "nobody-of-that-name");
	}
	size_t count = utmp.count;
	utmp_write(&utmp);
	notify_write("x", 1, utmp.path, &notified);
	cr_expect_eq(notified.written, 0);
	cr_expect_eq(notified.passed_over, count);
	cr_expect_not_null(notified.why);
	cr_expect_eq(lseek(file, 0, SEEK_END), 0, "no file was written to");
	cr_expect(master < 0 || read(master, got, sizeof(got)) <= 0, "nor a terminal of another user");
	unlink(utmp.path);
	unlink(victim);
	close(file);
	if (master >= 0)
		close(master);
}

/* A terminal whose reader sleeps is passed over, not waited for. */
Test(notify, a_full_terminal_does_not_stop_it)
{
	char name[64], fill[4096];
	struct utmp utmp = {.count = 0};
	struct notified notified;
	int master = terminal_open(name);
	if (master < 0)
		cr_skip_test("SKIPPED: no pseudo terminals here");
	int slave = open(name, O_RDWR | O_NOCTTY | O_NONBLOCK);
	memset(fill, 'x', sizeof(fill));
	while (write(slave, fill, sizeof(fill)) > 0)
		;
	utmp_add(&utmp, USER_PROCESS, name + strlen("/dev/"), my_name());
	utmp_write(&utmp);
	notify_write("x", 1, utmp.path, &notified);
	cr_expect_eq(notified.written, 0);
	cr_expect_eq(notified.passed_over, 1);
	unlink(utmp.path);
	close(slave);
	close(master);
}

Test(notify, no_utmp_means_nobody)
{
	struct notified notified = {.written = 7};
	notify_write("x", 1, "/nonexistent/utmp", &notified);
	cr_expect_eq(notified.written, 0);
	cr_expect_eq(notified.passed_over, 0);
}
