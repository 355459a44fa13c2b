#include "bootcfg/daemon/droplog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/journal.h"
#include "core/base/memory.h"
#include "core/record/w3c.h"

enum { TORN_MOST = 64 * 1024, HEAD_MOST = 4096, NAME_MOST = 32, ROUNDS = 4, LEAST = 4096 };

struct droplog {
	int folder;
	size_t most;
	unsigned files;
	int fd;             /* -1: not open */
	struct stat status; /* of the file that is open */
	bool locked;        /* only then is a file cut or renamed */
	bool headless;      /* it does not begin with our header */
};

struct droplog *droplog_new(int folder, size_t most, unsigned files)
{
	struct droplog *log = memory_alloc(sizeof(*log));
	log->folder = folder;
	log->most = most == 0 ? DROPLOG_MOST : most < LEAST ? LEAST : most;
	log->files = files == 0 ? DROPLOG_FILES : files > DROPLOG_FILES_MOST ? DROPLOG_FILES_MOST : files;
	log->fd = -1;
	return log;
}

static void log_close(struct droplog *log)
{
	int error = errno;
	if (log->fd >= 0)
		close(log->fd);
	log->fd = -1;
	log->locked = false;
	errno = error;
}

void droplog_free(struct droplog *log)
{
	if (log == NULL)
		return;
	log_close(log);
	free(log);
}

/* drops.log is number 0, drops.log.1 the newest of the old ones. */
static void file_name(unsigned number, char name[NAME_MOST])
{
	if (number == 0)
		snprintf(name, NAME_MOST, DROPLOG_FILE);
	else
		snprintf(name, NAME_MOST, DROPLOG_FILE ".%u", number);
}

/* Each file takes the next number; the last one goes.  What cannot be moved stays where it is, and nothing is lost. */
static bool log_rotate(struct droplog *log)
{
	char from[NAME_MOST], to[NAME_MOST];
	if (log->files == 1)
		return unlinkat(log->folder, DROPLOG_FILE, 0) == 0;
	for (unsigned number = log->files - 1; number > 0; number--) {
		file_name(number - 1, from);
		file_name(number, to);
		if (renameat(log->folder, from, log->folder, to) < 0 && errno != ENOENT)
			return false;
	}
	return true;
}

/* --- Opening --- */

static bool fields_are_ours(const char *head, size_t length)
{
	static const char start[] = "#Fields:";
	struct buffer header;
	buffer_init(&header, HEAD_MOST);
	w3c_header(0, &header);
	const char *ours = strstr(buffer_text(&header), start);
	const char *theirs = memmem(head, length, start, sizeof(start) - 1);
	bool same = ours != NULL && theirs != NULL && strlen(ours) <= (size_t)(head + length - theirs) &&
		    memcmp(ours, theirs, strlen(ours)) == 0;
	buffer_done(&header);
	return same;
}

static void head_look(struct droplog *log)
{
	char head[HEAD_MOST];
	ssize_t length = pread(log->fd, head, sizeof(head), 0);
	log->headless = length <= 0 || head[0] != '#' || !fields_are_ours(head, (size_t)length);
}

/* The length that a file has without the line that a crash tore at its end; -1 when there is no end of a line. */
static off_t torn_find(const struct droplog *log)
{
	off_t from = log->status.st_size > TORN_MOST ? log->status.st_size - TORN_MOST : 0;
	char *bytes = memory_alloc(TORN_MOST);
	ssize_t length = pread(log->fd, bytes, (size_t)(log->status.st_size - from), from);
	const char *last = length > 0 ? memrchr(bytes, '\n', (size_t)length) : NULL;
	off_t end = last != NULL ? from + (last - bytes) + 1 : -1;
	free(bytes);
	return end;
}

/* Cuts a torn last line, and says so in the file. */
static bool torn_cut(struct droplog *log)
{
	char byte = '\n', remark[96];
	off_t size = log->status.st_size;
	if (size == 0 || !log->locked || pread(log->fd, &byte, 1, size - 1) != 1 || byte == '\n')
		return true;
	off_t end = torn_find(log);
	if (end < 0) {
		/* Not a log of ours, or one that is worth looking at by hand: out of the way with it. */
		bool moved = log_rotate(log);
		log_close(log);
		errno = moved ? EAGAIN : errno;
		return false;
	}
	if (ftruncate(log->fd, end) < 0)
		return false;
	int length = snprintf(remark, sizeof(remark), "#Remark: a line was torn here: its %lld bytes were cut off\n",
			      (long long)(size - end));
	ssize_t written = write(log->fd, remark, (size_t)length);
	if (written > 0 && written < length && ftruncate(log->fd, end) < 0)
		return false;
	return fstat(log->fd, &log->status) == 0;
}

/* The folder may belong to the service's user: what root makes there must be the service's too. */
static void owner_set(const struct droplog *log, int fd)
{
	struct stat folder;
	if (geteuid() == 0 && fstat(log->folder, &folder) == 0 && (folder.st_uid != 0 || folder.st_gid != 0) &&
	    fchown(fd, folder.st_uid, folder.st_gid) < 0)
		return; /* then the service moves the file away and makes its own */
}

/* The file, made when it is missing.  Nothing but a plain file with one name is written to. */
static bool file_open(struct droplog *log)
{
	const int flags = O_RDWR | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY;
	log->fd = openat(log->folder, DROPLOG_FILE, flags);
	if (log->fd < 0 && (errno == EACCES || errno == EPERM) && log_rotate(log))
		errno = ENOENT;
	if (log->fd < 0 && errno == ENOENT) {
		log->fd = openat(log->folder, DROPLOG_FILE, flags | O_CREAT, 0640);
		if (log->fd >= 0)
			owner_set(log, log->fd);
	}
	if (log->fd < 0 || fstat(log->fd, &log->status) < 0)
		return false;
	if (!S_ISREG(log->status.st_mode) || log->status.st_nlink > 1) {
		errno = EINVAL;
		return false;
	}
	return true;
}

/* Whether the file that is open is still the one of that name; its size is looked at, too. */
static bool log_current(struct droplog *log)
{
	struct stat named;
	return log->fd >= 0 && fstatat(log->folder, DROPLOG_FILE, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstat(log->fd, &log->status) == 0 && named.st_dev == log->status.st_dev && named.st_ino == log->status.st_ino;
}

/* Alone, to cut or move it; else with others that append as well.  Somebody who cuts is soon done: so long is waited, and no
 * longer, since who holds the lock may be hostile.  Without it we only append. */
static void log_lock(struct droplog *log)
{
	enum { TRIES = 50, PAUSE_NS = 200000 };
	log->locked = false;
	for (unsigned i = 0; i < TRIES; i++) {
		log->locked = flock(log->fd, LOCK_EX | LOCK_NB) == 0;
		if (log->locked || flock(log->fd, LOCK_SH | LOCK_NB) == 0)
			return;
		nanosleep(&(struct timespec){.tv_nsec = PAUSE_NS}, NULL);
	}
}

static bool log_open(struct droplog *log)
{
	if (!log_current(log)) {
		log_close(log);
		if (!file_open(log)) {
			log_close(log);
			return false;
		}
		head_look(log);
	}
	log_lock(log);
	if (!log_current(log)) {
		log_close(log);
		errno = EAGAIN;
		return false;
	}
	return torn_cut(log);
}

static void log_unlock(struct droplog *log)
{
	int error = errno;
	if (log->fd >= 0)
		flock(log->fd, LOCK_UN);
	log->locked = false;
	errno = error;
}

/* --- Writing --- */

/* How many bytes of whole lines fit into `room`; 0 when not even one does. */
static size_t lines_fit(const char *lines, size_t length, size_t room)
{
	if (length <= room)
		return length;
	const char *last = memrchr(lines, '\n', room);
	return last != NULL ? (size_t)(last - lines) + 1 : 0;
}

static size_t first_line(const char *lines, size_t length)
{
	const char *end = memchr(lines, '\n', length);
	return end != NULL ? (size_t)(end - lines) + 1 : length;
}

/* What a short write left: whole lines stay, a piece of one goes.  Returns how many bytes stay. */
static size_t short_keep(struct droplog *log, const char *bytes, size_t written)
{
	size_t whole = lines_fit(bytes, written, written > 0 ? written - 1 : 0);
	if (written > 0 && bytes[written - 1] == '\n')
		whole = written;
	int error = errno;
	if (whole < written) {
		off_t end = lseek(log->fd, 0, SEEK_CUR);
		bool last = log->locked && fstat(log->fd, &log->status) == 0 && end == log->status.st_size;
		/* When it cannot be cut now, whoever opens the file next does it. */
		if (!last || ftruncate(log->fd, end - (off_t)(written - whole)) < 0)
			log_close(log);
	}
	errno = error;
	return whole;
}

/* One write of the header, where it is missing, and the lines.  Returns how many bytes of the lines stay. */
static size_t lines_append(struct droplog *log, const char *lines, size_t length, uint64_t time)
{
	struct buffer buffer;
	bool headless = log->headless || log->status.st_size == 0;
	buffer_init(&buffer, length + HEAD_MOST);
	if (headless)
		w3c_header(time, &buffer);
	size_t head = buffer.length;
	buffer_add(&buffer, lines, length);
	errno = 0;
	ssize_t written = write(log->fd, buffer.data, buffer.length);
	size_t kept = written < 0 ? 0 : (size_t)written;
	if (kept < buffer.length) {
		kept = short_keep(log, buffer.data, kept);
		errno = errno != 0 ? errno : ENOSPC;
	}
	if (kept >= head)
		log->headless = false;
	buffer_done(&buffer);
	return kept > head ? kept - head : 0;
}

/* A piece of the lines into the file that is there now; 0 with errno EAGAIN when it was rotated away. */
static size_t piece_write(struct droplog *log, const char *lines, size_t length, uint64_t time)
{
	if (!log_open(log)) {
		log_unlock(log);
		return 0;
	}
	size_t size = (size_t)log->status.st_size;
	size_t room = size < log->most ? log->most - size : 0;
	size_t piece = lines_fit(lines, length, room);
	if (piece == 0 && size > 0 && log->locked) {
		bool moved = log_rotate(log);
		log_unlock(log);
		log_close(log);
		errno = moved ? EAGAIN : errno;
		return 0;
	}
	if (piece == 0)
		piece = first_line(lines, length);
	size_t written = lines_append(log, lines, piece, time);
	log_unlock(log);
	if (written == piece && written < length)
		errno = EAGAIN;
	return written;
}

size_t droplog_write(struct droplog *log, const char *lines, size_t length, uint64_t time)
{
	size_t done = 0;
	unsigned idle = 0; /* rounds that wrote nothing */
	while (done < length && idle < ROUNDS) {
		size_t written = piece_write(log, lines + done, length - done, time);
		idle = written > 0 ? 0 : idle + 1;
		done += written;
		if (done < length && errno != EAGAIN)
			break;
	}
	return done;
}

/* --- A mode change --- */

void droplog_mode_record(uint16_t eventid, const char *mode, const char *digest, const char *text, struct record *ret_record)
{
	*ret_record = (struct record){
		.source = cursor_text("cordon"), .log = cursor_text("cordon"),
		.mode = cursor_text(mode), .rule = cursor_text(text),
	};
	if (digest[0] != '\0')
		ret_record->policy = cursor_text(digest);
	if (eventid != 0) {
		ret_record->eventid = eventid;
		ret_record->has |= RECORD_HAS(COLUMN_EVENTID);
	}
}

static int folder_open(const char *folder)
{
	if (mkdir(folder, 0750) < 0 && errno != EEXIST)
		return -1;
	return open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static void line_write(const char *folder, const struct record *record, struct diag *diag)
{
	struct buffer line;
	int fd = folder_open(folder);
	buffer_init(&line, 1 << 20);
	w3c_line(record, &line);
	struct droplog *log = fd >= 0 ? droplog_new(fd, 0, 0) : NULL;
	if (log == NULL || droplog_write(log, line.data, line.length, record->time) != line.length)
		diag_warning(diag, "log", NULL, "%s/" DROPLOG_FILE ": %s: the change stands, but is not in the log", folder,
			     strerror(errno));
	droplog_free(log);
	if (fd >= 0)
		close(fd);
	buffer_done(&line);
}

void droplog_mode_at(const char *folder, const char *journal, const struct driver_row *row, const char *digest, const char *text,
		     struct diag *diag)
{
	struct timespec now = {0, 0};
	struct record record;
	char computer[256] = "";
	clock_gettime(CLOCK_REALTIME, &now);
	droplog_mode_record(row->record, mode_name(driver_mode(row->to)), digest, text != NULL ? text : row->why, &record);
	record.time = record_time_of_unix(now.tv_sec, (uint32_t)now.tv_nsec);
	record.has |= RECORD_HAS(COLUMN_DATE);
	if (gethostname(computer, sizeof(computer) - 1) == 0 && computer[0] != '\0')
		record.computername = cursor_text(computer);
	if (row->record != 0)
		line_write(folder, &record, diag);
	struct journal *entries = journal_new(journal);
	journal_add(entries, &record, 5, text != NULL ? text : row->why);
	journal_release(entries);
	(void)journal_pump(entries, 0);
	journal_free(entries);
}

void droplog_mode(const struct driver_row *row, const char *digest, const char *text, struct diag *diag)
{
	droplog_mode_at(DROPLOG_FOLDER, NULL, row, digest, text, diag);
}
