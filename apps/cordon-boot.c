/* cordon-boot FILE: loads the boot rules before anything else runs; small and static, needs the file and the kernel.
 * Exit 0: they are in force; 1: something is wrong, and the machine is contained all the same; 2: usage; 3: nothing
 * could be loaded, so no network may come up. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bootcfg/boot/bootrun.h"
#include "bootcfg/driver/driver.h"
#include "core/base/buffer.h"
#include "core/base/error.h"

enum { LINE_MOST = 960 /* bytes that the kernel's log takes at once */ };

static const char *const severities[] = {
	[SEVERITY_NOTE] = "", [SEVERITY_WARNING] = "warning: ", [SEVERITY_ERROR] = "error: "};
/* As syslog counts them: info, warning, critical. */
static const int levels[] = {[SEVERITY_NOTE] = 6, [SEVERITY_WARNING] = 4, [SEVERITY_ERROR] = 2};

/* Whoever looks at either sees it: the journal has the one, the console the other. */
static void message_tell(const struct message *message, int log)
{
	struct buffer line;
	buffer_init(&line, LINE_MOST);
	buffer_printf(&line, "<%d>cordon-boot: %s%s%s", levels[message->severity], message->file != NULL ? message->file : "",
		      message->file != NULL ? ": " : "", severities[message->severity]);
	size_t left = LINE_MOST - line.length - 1, length = strlen(message->text);
	buffer_add(&line, message->text, length < left ? length : left);
	buffer_add_char(&line, '\n');
	if (log >= 0 && write(log, buffer_text(&line), line.length) < 0)
		log = -1;
	fputs(buffer_text(&line) + strlen("<6>"), stderr);
	buffer_done(&line);
}

int main(int count, char **words)
{
	struct diag diag;
	if (count != 2 || words[1][0] == '-') {
		fputs("usage: cordon-boot FILE\n", stderr);
		return EXIT_INPUT;
	}
	diag_init(&diag);
	int code = bootrun(words[1], "cordon-boot", DRIVER_FILE, &diag);
	int log = open("/dev/kmsg", O_WRONLY | O_CLOEXEC | O_NOCTTY);
	for (size_t i = 0; i < diag.count; i++)
		message_tell(&diag.messages[i], log);
	if (log >= 0)
		close(log);
	diag_done(&diag);
	return code;
}
