#include "bootcfg/contain/notify.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <utmpx.h>

#include "core/base/cursor.h"
#include "core/base/utf8.h"

enum { TERMINALS_MOST = 4096, TEXT_MOST = 8192, NAME_ROOM = 256 };

size_t notify_cut(const char *text, size_t length)
{
	size_t at = 0;
	for (size_t count = 0; count < NOTIFY_CHARACTERS && at < length; count++) {
		size_t bytes = utf8_length(text + at, length - at);
		at += bytes > 0 ? bytes : 1;
	}
	return at;
}

/* C0, DEL and C1: a terminal must do nothing but show it. */
static bool is_control(const char *at, size_t bytes)
{
	unsigned char first = (unsigned char)at[0];
	return (bytes == 1 && (first < 0x20 || first == 0x7f)) || (bytes == 2 && first == 0xc2 && (unsigned char)at[1] < 0xa0);
}

void notify_print(const char *text, size_t length, const char *speaker, struct buffer *buffer)
{
	buffer_printf(buffer, "\r\n\aBroadcast message from %s:\r\n\r\n", speaker);
	for (size_t at = 0; at < length;) {
		size_t bytes = utf8_length(text + at, length - at);
		size_t step = bytes > 0 ? bytes : 1;
		if (bytes > 0 && !is_control(text + at, bytes))
			buffer_add(buffer, text + at, bytes);
		else
			for (size_t i = 0; i < step; i++)
				buffer_printf(buffer, "\\x%02x", (unsigned)(unsigned char)text[at + i]);
		at += step;
	}
	buffer_add_text(buffer, "\r\n");
}

/* The number of a user: the machine's own file first, since the network behind other sources may just have been cut. */
static bool user_find(const char *name, uid_t *ret_uid)
{
	FILE *file = fopen("/etc/passwd", "re");
	struct passwd entry, *found = NULL;
	char room[4096];
	while (file != NULL && fgetpwent_r(file, &entry, room, sizeof(room), &found) == 0) {
		if (strcmp(entry.pw_name, name) != 0)
			continue;
		*ret_uid = entry.pw_uid;
		fclose(file);
		return true;
	}
	if (file != NULL)
		fclose(file);
	if (getpwnam_r(name, &entry, room, sizeof(room), &found) != 0 || found == NULL)
		return false;
	*ret_uid = found->pw_uid;
	return true;
}

/* utmp is only as good as whoever wrote it: a line names a file right below /dev. */
static bool line_check(const char *line)
{
	if (*line == '\0' || *line == '/' || *line == '.' || strstr(line, "/.") != NULL)
		return false;
	for (; *line != '\0'; line++)
		if (!ascii_digit(*line) && (ascii_lower(*line) < 'a' || ascii_lower(*line) > 'z') && strchr("/-_.:", *line) == NULL)
			return false;
	return true;
}

/* NULL, or why the text is not on that terminal. */
static const char *terminal_write(const char *line, uid_t owner, const struct buffer *text)
{
	char path[NAME_ROOM];
	struct stat is;
	const char *why = NULL;
	if (!line_check(line) || snprintf(path, sizeof(path), "/dev/%s", line) >= (int)sizeof(path))
		return "utmp names no terminal there";
	int descriptor = open(path, O_WRONLY | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
	if (descriptor < 0)
		return errno == EACCES || errno == EPERM ? "no permission" : "it cannot be opened";
	if (fstat(descriptor, &is) != 0 || !S_ISCHR(is.st_mode) || isatty(descriptor) != 1)
		why = "it is no terminal";
	else if (is.st_uid != owner)
		why = "it does not belong to the user who is logged in there";
	else if (write(descriptor, buffer_text(text), text->length) != (ssize_t)text->length)
		why = "it takes nothing now";
	close(descriptor);
	return why;
}

static void speaker_find(char speaker[2 * NAME_ROOM])
{
	char host[NAME_ROOM] = "";
	struct passwd entry, *found = NULL;
	char room[4096];
	if (gethostname(host, sizeof(host) - 1) != 0 || host[0] == '\0')
		snprintf(host, sizeof(host), "this machine");
	(void)getpwuid_r(getuid(), &entry, room, sizeof(room), &found);
	snprintf(speaker, 2 * NAME_ROOM, "%s@%s (cordon)", found != NULL ? found->pw_name : "somebody", host);
}

/* Terminals may be in utmp twice. */
struct seen {
	struct {
		char line[__UT_LINESIZE + 1];
	} lines[TERMINALS_MOST];
	size_t count;
};

static bool seen_add(struct seen *seen, const char *line)
{
	for (size_t i = 0; i < seen->count; i++)
		if (strcmp(seen->lines[i].line, line) == 0)
			return false;
	if (seen->count == TERMINALS_MOST)
		return false;
	memcpy(seen->lines[seen->count++].line, line, strlen(line) + 1);
	return true;
}

void notify_write(const char *text, size_t length, const char *utmp, struct notified *ret_notified)
{
	static struct seen seen;
	struct notified notified = {.why = NULL};
	char speaker[2 * NAME_ROOM];
	struct buffer message;
	seen.count = 0;
	buffer_init(&message, TEXT_MOST);
	speaker_find(speaker);
	notify_print(text, length, speaker, &message);
	(void)utmpxname(utmp != NULL ? utmp : _PATH_UTMPX);
	setutxent();
	for (const struct utmpx *entry; (entry = getutxent()) != NULL;) {
		char line[__UT_LINESIZE + 1] = "", user[__UT_NAMESIZE + 1] = "";
		uid_t owner;
		if (entry->ut_type != USER_PROCESS)
			continue;
		memcpy(line, entry->ut_line, __UT_LINESIZE);
		memcpy(user, entry->ut_user, __UT_NAMESIZE);
		if (!seen_add(&seen, line))
			continue;
		const char *why = user_find(user, &owner) ? terminal_write(line, owner, &message) : "its user is not known";
		notified.written += why == NULL;
		notified.passed_over += why != NULL;
		notified.why = why != NULL ? why : notified.why;
	}
	endutxent();
	buffer_done(&message);
	*ret_notified = notified;
}
