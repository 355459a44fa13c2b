/* cordon tail: the drops of this machine as they come.  One process follows the file, through rotation and truncation, and
 * writes its bytes into a pipe; another reads them there as `cordon log` reads any log.  Neither has rights. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "apps/command.h"
#include "apps/confine.h"
#include "apps/file.h"
#include "apps/log.h"
#include "apps/logs.h"
#include "apps/options.h"
#include "apps/selection.h"
#include "bootcfg/daemon/droplog.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/memory.h"

VALUES_DEFINE(format_at, "W3C", "CSV", "TSV", "JSON", "XML", "NAT")

static const struct option tail_options[] = {
	{.name = "file", .argument = "FILE", .kind = VALUE_FILE, .help = "this file instead of " DROPLOG_FOLDER "/" DROPLOG_FILE},
	{.name = "lines", .letter = 'n', .argument = "N", .help = "begin with the last N lines that are there; 10 when left out"},
	{.name = "format", .letter = 'o', .argument = "FORMAT", .value_at = format_at, .help = "of the output: W3C (the default), CSV, TSV, JSON (one object a line), XML, NAT (a table)"},
	{.name = "provider", .argument = "NAME", .repeats = true, .help = "only records of this source"},
	{.name = "event", .argument = "ID[,ID…]", .repeats = true, .help = "only records with these ids: 4290 came in, 4291 went out, 4292 to 4297 mode changes"},
	SELECTION_OPTIONS,
	{.name = "ecs", .help = "with -o JSON: packets in the names of the Elastic Common Schema"},
	{.name = NULL},
};

static const char *const tail_examples[] = {
	"cordon tail --drops",
	"what is being dropped, as it comes; Ctrl-C ends it",
	"cordon tail --file drops.log -n 0 --port 22 -o JSON",
	"one JSON object for each new drop from or to port 22, out of another file",
	NULL,
};

enum { LINES_MOST = 1000000, LINES = 10, BLOCK = 1 << 16, INTERVAL = 200000000 /* ns between looks at the file */ };

struct following {
	const char *path;
	int file, pipe;           /* file -1: not there yet */
	off_t offset;             /* of the file: what was read */
	uint64_t lines;
	bool torn;                /* what was written last did not end a line */
	char block[BLOCK];
};

/* --- The last lines --- */

/* Where a line begins, and the #Fields line that holds for it (-1: none). */
struct line_start {
	off_t at, fields;
};

struct scan {
	struct line_start *ring;  /* of the last lines; `count` were seen in all */
	uint64_t room, count;
	off_t fields, line;       /* the line that is being read */
	char head[8];             /* its first bytes */
	size_t length;
};

static void scan_line(struct scan *scan)
{
	if (scan->length == sizeof(scan->head) && memcmp(scan->head, "#Fields:", sizeof(scan->head)) == 0)
		scan->fields = scan->line;
	if (scan->length > 0 && scan->head[0] != '#' && scan->room > 0)
		scan->ring[scan->count++ % scan->room] = (struct line_start){scan->line, scan->fields};
	scan->length = 0;
}

static void scan_block(struct scan *scan, const char *bytes, size_t length, off_t offset)
{
	for (size_t at = 0; at < length;) {
		const char *newline = memchr(bytes + at, '\n', length - at);
		size_t end = newline != NULL ? (size_t)(newline - bytes) : length;
		if (scan->length == 0)
			scan->line = offset + (off_t)at;
		for (size_t i = at; i < end && scan->length < sizeof(scan->head); i++)
			scan->head[scan->length++] = bytes[i];
		if (newline != NULL)
			scan_line(scan);
		at = end + (newline != NULL);
	}
}

/* --- Into the pipe --- */

static bool bytes_send(struct following *following, const char *bytes, size_t length)
{
	if (length == 0)
		return true;
	following->torn = bytes[length - 1] != '\n';
	return descriptor_write(following->pipe, bytes, length) == 0;
}

/* All that is there from the offset on. */
static bool rest_send(struct following *following)
{
	ssize_t got;
	while ((got = read(following->file, following->block, BLOCK)) > 0) {
		following->offset += got;
		if (!bytes_send(following, following->block, (size_t)got))
			return false;
	}
	return got == 0 || errno == EINTR;
}

/* The #Fields line at an offset; of one that is longer than a block its beginning. */
static bool fields_send(struct following *following, off_t at)
{
	ssize_t got = pread(following->file, following->block, BLOCK, at);
	const char *newline = got > 0 ? memchr(following->block, '\n', (size_t)got) : NULL;
	return newline == NULL || bytes_send(following, following->block, (size_t)(newline - following->block) + 1);
}

/* The file is read once: where its last lines begin, and with which columns. */
static bool last_send(struct following *following)
{
	struct scan scan = {.room = following->lines, .fields = -1};
	off_t offset = 0;
	ssize_t got;
	scan.ring = memory_alloc((size_t)(scan.room + 1) * sizeof(*scan.ring));
	while ((got = read(following->file, following->block, BLOCK)) > 0) {
		scan_block(&scan, following->block, (size_t)got, offset);
		offset += got;
	}
	/* What is half written behind them comes whole when it is. */
	struct line_start start = {offset, scan.fields};
	if (scan.count > 0)
		start = scan.count > scan.room ? scan.ring[scan.count % scan.room] : scan.ring[0];
	free(scan.ring);
	following->offset = start.at;
	return (start.fields < 0 || fields_send(following, start.fields)) && lseek(following->file, start.at, SEEK_SET) >= 0 && rest_send(following);
}

/* --- As it comes --- */

/* From the start of a file: a torn line before it ends there. */
static bool begin(struct following *following)
{
	following->offset = 0;
	return !following->torn || bytes_send(following, "\n", 1);
}

/* Another file may have taken the place of the one that is read: the rest of that comes first. */
static bool file_change(struct following *following)
{
	struct stat there, here;
	if (stat(following->path, &there) != 0)
		return true;
	if (following->file >= 0 && fstat(following->file, &here) == 0) {
		if (here.st_dev == there.st_dev && here.st_ino == there.st_ino)
			return here.st_size >= following->offset || (lseek(following->file, 0, SEEK_SET) == 0 && begin(following));
		if (!rest_send(following))
			return false;
	}
	int file = open(following->path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (file < 0)
		return true;
	if (following->file >= 0)
		(void)close(following->file);
	following->file = file;
	return begin(following);
}

static void follow(struct following *following)
{
	bool open = following->file < 0 || last_send(following);
	while (open) {
		open = (following->file < 0 || rest_send(following)) && file_change(following);
		(void)nanosleep(&(struct timespec){.tv_nsec = INTERVAL}, NULL);
	}
}

/* --- The command --- */

static volatile pid_t follower;

/* The pipe closes, and whoever reads it comes to a regular end. */
static void follower_end(int number)
{
	(void)number;
	(void)kill(follower, SIGKILL);
}

static int follower_start(struct invocation *invocation, struct following *following, int *ret_input)
{
	int ends[2];
	if (!invocation_flush(invocation) || pipe2(ends, O_CLOEXEC) != 0) {
		diag_error(invocation->diag, NULL, "no pipe can be made: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	follower = fork();
	if (follower == 0) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)close(ends[0]);
		following->pipe = ends[1];
		confine_enter(invocation);
		follow(following);
		_exit(EXIT_DONE);
	}
	(void)close(ends[1]);
	if (follower < 0) {
		(void)close(ends[0]);
		diag_error(invocation->diag, NULL, "no process to follow the file with: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	*ret_input = ends[0];
	return 0;
}

/* Only lines of W3C text are followed: others have other columns, or times of another kind. */
static int format_check(struct invocation *invocation, struct following *following)
{
	ssize_t got = pread(following->file, following->block, BLOCK, 0);
	const struct reader_type *type = NULL;
	int most = 0;
	for (size_t i = 0; readers[i] != NULL && got > 0; i++) {
		const char *why;
		int sure = readers[i]->guess((const uint8_t *)following->block, (size_t)got, following->path, &why);
		type = sure > most ? readers[i] : type;
		most = sure > most ? sure : most;
	}
	/* What has just been begun may not have its header yet. */
	bool begun = got <= 0 || memchr(following->block, '\n', (size_t)got) == NULL;
	if (type == &w3c_reader || (type == NULL && begun))
		return 0;
	if (type != NULL)
		diag_error(invocation->diag, &(struct place){.file = following->path}, "is of the format %s (%s): tail follows drops.log and other W3C logs; cordon log reads it",
			   type->name, type->what);
	else
		diag_error(invocation->diag, &(struct place){.file = following->path}, "does not begin as a W3C log does, with a #Fields line: tail follows no others");
	return ERROR_INPUT;
}

static int file_first(struct invocation *invocation, struct following *following)
{
	struct stat status;
	following->file = open(following->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (following->file < 0 && errno == ENOENT) {
		diag_note(invocation->diag, &(struct place){.file = following->path}, "is not there yet: waiting for it");
		return 0;
	}
	if (following->file < 0) {
		diag_error(invocation->diag, &(struct place){.file = following->path}, "cannot open it: %s", strerror(errno));
		return ERROR_SYSTEM;
	}
	bool plain = fstat(following->file, &status) == 0 && S_ISREG(status.st_mode);
	if (plain && format_check(invocation, following) == 0)
		return 0;
	if (!plain)
		diag_error(invocation->diag, &(struct place){.file = following->path}, "is no file that grows; cordon log -i w3c - reads a pipe");
	(void)close(following->file);
	return ERROR_INPUT;
}

static int tail_run(struct invocation *invocation)
{
	const char *path = invocation_option(invocation, "file");
	struct following *following = memory_alloc(sizeof(*following));
	*following = (struct following){.path = path != NULL ? path : DROPLOG_FOLDER "/" DROPLOG_FILE, .lines = LINES};
	int input = -1, error = options_number(invocation, "lines", 0, LINES_MOST, &following->lines) < 0 ? ERROR_INPUT : 0;
	if (error == 0)
		error = file_first(invocation, following);
	if (error == 0)
		error = follower_start(invocation, following, &input);
	if (error < 0) {
		free(following);
		return error_exit(error);
	}
	const struct sigaction action = {.sa_handler = follower_end, .sa_flags = SA_RESTART};
	(void)sigaction(SIGINT, &action, NULL);
	(void)sigaction(SIGTERM, &action, NULL);
	(void)dup2(input, STDIN_FILENO);
	(void)close(input);
	int code = log_follow(invocation);
	(void)kill(follower, SIGKILL);
	while (waitpid(follower, NULL, 0) < 0 && errno == EINTR)
		;
	if (following->file >= 0)
		(void)close(following->file);
	free(following);
	return code;
}

const struct command tail_command = {
	.name = "tail",
	.arguments = "",
	.help = "follow the drops of this machine as they come",
	.details = "Prints the last lines of the service's drop log, and then each record as soon as it is written, until Ctrl-C, which is a "
		   "regular end (exit code 0). A log that is rotated, emptied or made anew is followed; one that is not there yet is waited for. "
		   "The service holds lines back for up to ipsecloginterval seconds.\n\n"
		   "-n counts lines before anything is selected. Columns, selection and formats are those of cordon log.",
	.options = tail_options,
	.examples = tail_examples,
	.run = tail_run,
};
