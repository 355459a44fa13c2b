/* Settings that a change of the store does not change before the next boot, kept for a service that starts again in
 * this one: a line of two numbers beside the driver's file, gone with the boot. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootcfg/daemon/enforcer_internal.h"
#include "core/base/cursor.h"
#include "core/base/memory.h"

enum { LINE_MOST = 128 };

static const char mark[] = "settings 1 ";

static bool number_take(struct cursor *cursor, enum property_id id, struct config *config)
{
	uint64_t number = 0;
	static const uint64_t most[] = {[PROPERTY_IPSECDIAGNOSTICS] = 7, [PROPERTY_IPSECLOGINTERVAL] = 86400};
	if (!cursor_number(cursor, most[id], &number))
		return false;
	config->number[id] = (uint32_t)number;
	config->set[id] = true;
	return true;
}

void settings_read(struct enforcer *enforcer)
{
	char text[LINE_MOST];
	struct config config;
	int fd = enforcer->settings_file != NULL ? open(enforcer->settings_file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) : -1;
	ssize_t length = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (fd >= 0)
		close(fd);
	if (length < (ssize_t)strlen(mark) || memcmp(text, mark, strlen(mark)) != 0)
		return;
	struct cursor cursor = cursor_of(text + strlen(mark), (size_t)length - strlen(mark));
	config_init(&config);
	if (!number_take(&cursor, PROPERTY_IPSECDIAGNOSTICS, &config) || !cursor_take(&cursor, ' ') ||
	    !number_take(&cursor, PROPERTY_IPSECLOGINTERVAL, &config) || !cursor_take(&cursor, '\n') || cursor_left(&cursor) > 0)
		return;
	enforcer->boot_config = config;
	enforcer->boot_config_known = true;
}

/* Beside and renamed: whole or not at all. */
void settings_write(struct enforcer *enforcer)
{
	char text[LINE_MOST];
	if (enforcer->settings_file == NULL)
		return;
	int length = snprintf(text, sizeof(text), "%s%u %u\n", mark, enforcer->boot_config.number[PROPERTY_IPSECDIAGNOSTICS],
			      enforcer->boot_config.number[PROPERTY_IPSECLOGINTERVAL]);
	size_t size = strlen(enforcer->settings_file) + sizeof(".new");
	char *beside = memory_alloc(size);
	snprintf(beside, size, "%s.new", enforcer->settings_file);
	int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good = fd >= 0 && write(fd, text, (size_t)length) == length;
	if (fd >= 0)
		good = close(fd) == 0 && good;
	if (good)
		good = rename(beside, enforcer->settings_file) == 0;
	if (!good && fd >= 0)
		(void)unlink(beside);
	if (!good)
		enforcer_say(enforcer, "the settings of this boot could not be kept for a service that starts again: %s",
			     strerror(errno));
	free(beside);
}
