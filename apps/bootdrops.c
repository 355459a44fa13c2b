#include "apps/bootdrops.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/boot/bootfile.h"
#include "bootcfg/daemon/drop.h"
#include "bootcfg/daemon/droplog.h"
#include "core/record/w3c.h"

enum { LINES_MOST = 4 << 20 };

struct lines {
	struct buffer text;
	uint64_t time;
	char computer[256];
};

/* As the service writes them: source, protocol and port; the last one, which has no source, is the rest. */
static int drop_take(const struct bootdrop *drop, void *context)
{
	struct lines *lines = context;
	struct record record = {
		.time = lines->time, .count = drop->packets, .has = RECORD_HAS(COLUMN_DATE) | RECORD_HAS(COLUMN_COUNT),
		.layer = cursor_text("counted"), .mode = cursor_text("boot"), .rule = cursor_text("boot"),
	};
	drop_kind_set(&record, DROP_BOOT, 0);
	if (drop->src.family != FAMILY_NONE) {
		record.src = drop->src;
		record.protocol = drop->protocol;
		record.has |= RECORD_HAS(COLUMN_SRC_IP) | RECORD_HAS(COLUMN_PROTOCOL);
	}
	if (drop->src.family != FAMILY_NONE && drop->dstport != 0) {
		record.dstport = drop->dstport;
		record.has |= RECORD_HAS(COLUMN_DST_PORT);
	}
	if (lines->computer[0] != '\0')
		record.computername = cursor_text(lines->computer);
	w3c_line(&record, &lines->text);
	return 0;
}

static void lines_write(const struct lines *lines, struct diag *diag)
{
	bool made = mkdir(DROPLOG_FOLDER, 0750) == 0 || errno == EEXIST;
	int folder = made ? open(DROPLOG_FOLDER, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
	struct droplog *log = folder >= 0 ? droplog_new(folder, 0, 0) : NULL;
	if (lines->text.full || log == NULL ||
	    droplog_write(log, lines->text.data, lines->text.length, lines->time) != lines->text.length)
		diag_warning(diag, "log", NULL, DROPLOG_FOLDER "/" DROPLOG_FILE ": %s: what the start-up rules have dropped is not "
			     "in the log", lines->text.full ? "too many lines" : strerror(errno));
	droplog_free(log);
	if (folder >= 0)
		close(folder);
}

void bootdrops_write(struct diag *diag)
{
	struct timespec now = {0, 0};
	struct lines lines = {.computer = ""};
	buffer_init(&lines.text, LINES_MOST);
	clock_gettime(CLOCK_REALTIME, &now);
	lines.time = record_time_of_unix(now.tv_sec, (uint32_t)now.tv_nsec);
	if (gethostname(lines.computer, sizeof(lines.computer) - 1) < 0)
		lines.computer[0] = '\0';
	if (bootdrop_read(diag, drop_take, &lines) == 0 && lines.text.length > 0)
		lines_write(&lines, diag);
	buffer_done(&lines.text);
}

static void before_clean(void *context)
{
	bootdrops_write(context);
}

struct nftables_options bootdrops_options(const struct nftables_options *options, struct diag *diag)
{
	struct nftables_options with = *options;
	with.before_clean = before_clean;
	with.context = diag;
	return with;
}
