#include "bootcfg/daemon/notice.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

enum { NOTICE_MOST = 4096 };

static struct {
	const char *program;
	bool prefixes, background;
} notice = {"cordond", false, false};

static const struct {
	int priority;
	const char *word;
} severities[] = {
	[SEVERITY_NOTE] = {LOG_INFO, ""},
	[SEVERITY_WARNING] = {LOG_WARNING, "warning: "},
	[SEVERITY_ERROR] = {LOG_ERR, "error: "},
};

void notice_open(const char *program)
{
	notice.program = program;
	notice.prefixes = getenv("JOURNAL_STREAM") != NULL;
}

void notice_background(void)
{
	notice.background = true;
	openlog(notice.program, LOG_PID | LOG_NDELAY, LOG_DAEMON);
}

/* `place`: "FILE:LINE:COLUMN: ", or nothing. */
static void line_write(enum severity severity, const char *place, const char *text)
{
	struct buffer line;
	if (notice.background) {
		syslog(severities[severity].priority, "%s%s%s", place, severities[severity].word, text);
		return;
	}
	buffer_init(&line, NOTICE_MOST * 2);
	if (notice.prefixes)
		buffer_printf(&line, "<%d>", severities[severity].priority);
	buffer_printf(&line, "%s: %s%s%s\n", notice.program, place, severities[severity].word, text);
	/* Whom should a failure be told? */
	ssize_t written = write(STDERR_FILENO, buffer_text(&line), line.length);
	(void)written;
	buffer_done(&line);
}

void notice_say(enum severity severity, const char *format, ...)
{
	int saved = errno;
	char text[NOTICE_MOST];
	va_list values;
	va_start(values, format);
	(void)vsnprintf(text, sizeof text, format, values);
	va_end(values);
	line_write(severity, "", text);
	errno = saved;
}

void notice_diag(struct diag *diag)
{
	struct buffer place;
	buffer_init(&place, NOTICE_MOST / 2);
	for (size_t i = 0; i < diag->count; i++) {
		const struct message *message = &diag->messages[i];
		buffer_clear(&place);
		if (message->file != NULL && message->line > 0)
			buffer_printf(&place, "%s:%u:%u: ", message->file, message->line, message->column);
		else if (message->file != NULL)
			buffer_printf(&place, "%s: ", message->file);
		line_write(message->severity, buffer_text(&place), message->text);
	}
	buffer_done(&place);
	diag_clear(diag);
}
