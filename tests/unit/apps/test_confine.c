/* What the process that reads logs can do, and what it cannot. */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/confine.h"
#include "core/base/error.h"

static char path[] = "/tmp/cordon-confine-XXXXXX";

static bool refused(int result)
{
	return result < 0 && errno == EPERM;
}

static int writes(void)
{
	return open(path, O_WRONLY);
}

static int writes_and_reads(void)
{
	return open(path, O_RDWR);
}

static int cuts_off(void)
{
	return open(path, O_RDONLY | O_TRUNC);
}

static int makes(void)
{
	char other[64];
	(void)snprintf(other, sizeof(other), "%s.new", path);
	return open(other, O_RDONLY | O_CREAT, 0600);
}

static int deletes(void)
{
	return unlink(path);
}

static int renames(void)
{
	char other[64];
	(void)snprintf(other, sizeof(other), "%s.new", path);
	return rename(path, other);
}

static int opens_up(void)
{
	return chmod(path, 0666);
}

static int connects(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int connects_locally(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int runs(void)
{
	char *const arguments[] = {(char[]){"/bin/true"}, NULL};
	return execv("/bin/true", arguments);
}

static int types(void)
{
	char letter = 'x';
	return ioctl(STDIN_FILENO, TIOCSTI, &letter);
}

static int signals_others(void)
{
	return kill(getppid(), 0);
}

static int limits(void)
{
	struct rlimit limit = {0, 0};
	return setrlimit(RLIMIT_CORE, &limit);
}

static const struct {
	const char *what;
	int (*attempt)(void);
} attempts[] = {
	{"open for writing", writes}, {"open for both", writes_and_reads}, {"cut a file off", cuts_off}, {"make a file", makes},
	{"delete a file", deletes}, {"rename a file", renames}, {"change rights", opens_up}, {"a socket", connects},
	{"a local socket", connects_locally}, {"run a program", runs}, {"type into a terminal", types},
	{"signal another process", signals_others}, {"change limits", limits},
};

static int try_all(struct invocation *invocation, void *context)
{
	(void)context;
	for (size_t i = 0; i < sizeof(attempts) / sizeof(attempts[0]); i++)
		if (!refused(attempts[i].attempt()))
			diag_error(invocation->diag, NULL, "%s", attempts[i].what);
	return invocation->diag->errors > 0 ? EXIT_FINDING : EXIT_DONE;
}

static int try_reading(struct invocation *invocation, void *context)
{
	char byte;
	(void)context;
	int file = open(path, O_RDONLY | O_CLOEXEC);
	if (file < 0 || read(file, &byte, 1) != 1 || byte != 'x')
		return EXIT_FINDING;
	(void)close(file);
	buffer_add_text(invocation->output, "read\n");
	return EXIT_DONE;
}

static int try_dying(struct invocation *invocation, void *context)
{
	(void)invocation;
	(void)context;
	(void)signal(SIGABRT, SIG_DFL);
	abort();
}

static int run(int (*work)(struct invocation *, void *), int output)
{
	struct diag diag;
	struct buffer text;
	diag_init(&diag);
	buffer_init(&text, 65536);
	struct invocation invocation = {.diag = &diag, .output = &text};
	int file = mkstemp(path);
	cr_assert(file >= 0 && write(file, "x", 1) == 1);
	int code = confine_run(&invocation, output, work, NULL);
	struct stat status;
	cr_expect(stat(path, &status) == 0 && status.st_size == 1, "the file is as it was");
	(void)unlink(path);
	(void)close(file);
	buffer_done(&text);
	diag_done(&diag);
	return code;
}

Test(confine, what_changes_anything_is_refused)
{
	cr_expect_eq(run(try_all, -1), EXIT_DONE, "what was not refused is on stderr");
}

Test(confine, a_file_can_be_read_and_output_goes_where_it_should)
{
	char text[16] = "";
	int ends[2];
	cr_assert_eq(pipe(ends), 0);
	cr_expect_eq(run(try_reading, ends[1]), EXIT_DONE);
	(void)close(ends[1]);
	cr_expect_eq(read(ends[0], text, sizeof(text) - 1), 5);
	cr_expect_str_eq(text, "read\n");
	(void)close(ends[0]);
}

Test(confine, a_crash_while_reading_is_a_bug)
{
	cr_expect_eq(run(try_dying, -1), EXIT_BUG);
}

/* What the kernel does when a page of a mapped file is not there any more. */
static int try_torn(struct invocation *invocation, void *context)
{
	(void)invocation;
	(void)context;
	(void)signal(SIGBUS, SIG_DFL);
	(void)raise(SIGBUS);
	return EXIT_DONE;
}

Test(confine, a_log_that_became_shorter_is_no_bug)
{
	cr_expect_eq(run(try_torn, -1), EXIT_SYSTEM);
}
