#include "apps/logs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "apps/confine.h"
#include "apps/file.h"
#include "apps/moment.h"
#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/zone.h"

const char *logs_format_at(size_t index)
{
	return readers[index] != NULL ? readers[index]->name : NULL;
}

/* --- Options --- */

static int format_read(struct invocation *invocation, struct logs *logs)
{
	const char *format = invocation_option(invocation, "input-format");
	struct buffer names;
	if (format == NULL || (logs->type = reader_named(format)) != NULL)
		return 0;
	buffer_init(&names, 4096);
	for (size_t i = 0; readers[i] != NULL; i++)
		buffer_printf(&names, "%s%s", i > 0 ? ", " : "", readers[i]->name);
	diag_error(invocation->diag, NULL, "-i %s: there is no such format; it is one of %s", QUOTE(format), buffer_text(&names));
	buffer_done(&names);
	return ERROR_INPUT;
}

static int zone_read(struct invocation *invocation, struct logs *logs)
{
	const char *text = invocation_option(invocation, "zone");
	if (text == NULL)
		return 0;
	logs->reader.zone_known = true;
	if (zone_parse(text, &logs->reader.zone))
		return 0;
	diag_error(invocation->diag, NULL, "--zone %s: it is UTC, or the hours and minutes east of it, such as +01:00", QUOTE(text));
	return ERROR_INPUT;
}

static int ids_add(struct invocation *invocation, const char *text, struct logs *logs)
{
	struct event_filter *filter = &logs->reader.filter;
	for (const char *at = text;;) {
		size_t length = strcspn(at, ",");
		uint64_t id;
		if (!number_parse(at, length, UINT32_MAX, &id)) {
			diag_error(invocation->diag, NULL, "--event %s: event ids are needed, such as 4290,4291", QUOTE(text));
			return ERROR_INPUT;
		}
		logs->ids = memory_resize(logs->ids, (filter->id_count + 1) * sizeof(*logs->ids));
		logs->ids[filter->id_count++] = (uint32_t)id;
		filter->ids = logs->ids;
		if (at[length] == '\0')
			return 0;
		at += length + 1;
	}
}

static int lists_read(struct invocation *invocation, struct logs *logs)
{
	struct event_filter *filter = &logs->reader.filter;
	int error = 0;
	for (size_t i = 0; i < invocation->given_count && error == 0; i++) {
		const char *name = invocation->given[i].option->name, *value = invocation->given[i].value;
		if (strcmp(name, "event") == 0) {
			error = ids_add(invocation, value, logs);
		} else if (strcmp(name, "provider") == 0) {
			logs->providers = memory_resize(logs->providers, (filter->provider_count + 1) * sizeof(*logs->providers));
			logs->providers[filter->provider_count++] = cursor_text(value);
			filter->providers = logs->providers;
		}
	}
	return error;
}

static int time_read(struct invocation *invocation, const char *name, int64_t now, uint64_t *ret_time)
{
	const char *text = invocation_option(invocation, name);
	int64_t seconds;
	int error = text != NULL ? moment_parse(text, now, invocation->diag, &seconds) : 0;
	if (text != NULL && error == 0)
		*ret_time = record_time_of_unix(seconds, 0);
	return error;
}

int logs_read(struct invocation *invocation, int64_t now, struct logs *logs)
{
	if (now == 0)
		now = (int64_t)time(NULL);
	*logs = (struct logs){
		.reader.live_only = invocation_option(invocation, "live-only") != NULL,
		.reader.strict = invocation_option(invocation, "strict") != NULL,
	};
	int error = format_read(invocation, logs);
	if (error == 0)
		error = zone_read(invocation, logs);
	if (error == 0)
		error = lists_read(invocation, logs);
	if (error == 0)
		error = time_read(invocation, "since", now, &logs->reader.filter.since);
	return error == 0 ? time_read(invocation, "until", now, &logs->reader.filter.until) : error;
}

void logs_done(struct logs *logs)
{
	free(logs->providers);
	free(logs->ids);
	*logs = (struct logs){.type = NULL};
}

/* --- Damage --- */

enum { SAID_MOST = 5 };

/* Straight to where messages go: several threads may say it, while another writes what the invocation has. */
static void damage_print(const struct damages *damages, const struct damage *damage)
{
	const struct place place = {.file = damage->file};
	const char *lost = damage->lost ? "lost: " : "";
	const char *where = damage->line ? "line" : "offset";
	unsigned long long offset = damage->offset, number = damage->number;
	struct diag diag;
	struct buffer text;
	diag_init(&diag);
	if (number > 0)
		diag_note(&diag, &place, "%s %llu, record %llu: %s%s", where, offset, number, lost, damage->text);
	else
		diag_note(&diag, &place, "%s %llu: %s%s", where, offset, lost, damage->text);
	buffer_init(&text, 1u << 20);
	diag_render(&diag, 0, damages->invocation->render, &text);
	(void)descriptor_write(STDERR_FILENO, buffer_text(&text), text.length);
	buffer_done(&text);
	diag_done(&diag);
}

static void damage_say(const struct damage *damage, void *context)
{
	struct damages *damages = context;
	pthread_mutex_lock(&damages->lock);
	bool say = damages->verbose || (damage->lost && damages->said < SAID_MOST);
	if (say)
		damage_print(damages, damage);
	damages->said += say;
	damages->kept_back += !say && damage->lost;
	pthread_mutex_unlock(&damages->lock);
}

void damages_begin(struct damages *damages, struct reader_options *options)
{
	pthread_mutex_init(&damages->lock, NULL);
	options->damage = damage_say;
	options->context = damages;
}

void damages_sum(const struct invocation *invocation, const struct reader_counts *counts, bool kept_back)
{
	if (counts->unreadable > 0 || counts->recovered > 0 || invocation->verbose)
		diag_note(invocation->diag, NULL, "%llu records read, %llu of them recovered; %llu could not be read%s", (unsigned long long)counts->read,
			  (unsigned long long)counts->recovered, (unsigned long long)counts->unreadable, kept_back ? " (-v lists each)" : "");
}

int damages_end(struct damages *damages, const struct source *source, int error)
{
	struct invocation *invocation = damages->invocation;
	struct reader_counts counts;
	size_t failed;
	source_counts(source, &counts, &failed);
	pthread_mutex_destroy(&damages->lock);
	if (error < 0)
		return error == ERROR_INPUT && counts.unreadable > 0 ? EXIT_FINDING : error_exit(error);
	bool lost = counts.unreadable > 0;
	damages_sum(invocation, &counts, damages->kept_back > 0);
	if (failed > 0 && counts.read + counts.filtered == 0)
		return source_refused(source) ? EXIT_SYSTEM : EXIT_INPUT;
	return lost || failed > 0 ? EXIT_FINDING : EXIT_DONE;
}

/* --- Progress --- */

static int64_t milliseconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void progress_begin(struct progress *progress, const struct invocation *invocation)
{
	enum { AFTER = 1500 };
	/* Not over what the command itself prints there. */
	*progress = (struct progress){.wanted = isatty(STDERR_FILENO) && !isatty(STDOUT_FILENO) && !invocation->quiet, .next = milliseconds() + AFTER};
}

void progress_say(struct progress *progress, const struct source *source)
{
	enum { EVERY = 512, INTERVAL = 250 };
	uint64_t done, all;
	if (!progress->wanted || ++progress->skipped < EVERY)
		return;
	progress->skipped = 0;
	int64_t now = milliseconds();
	if (now < progress->next)
		return;
	progress->next = now + INTERVAL;
	progress->shown = true;
	source_progress(source, &done, &all);
	if (all > 0)
		fprintf(stderr, "\r%3.0f %% of %.1f MB\x1b[K", 100.0 * (double)done / (double)all, (double)all / 1e6);
	else
		fprintf(stderr, "\r%.1f MB\x1b[K", (double)done / 1e6);
}

void progress_end(struct progress *progress)
{
	if (progress->shown)
		fputs("\r\x1b[K", stderr);
	progress->wanted = false;
}

/* --- Where output goes --- */

enum { BESIDES = 24 };
static const char *besides[BESIDES];
static pid_t besides_of;

/* What the parent has made is the parent's. */
static void besides_remove(void)
{
	for (size_t i = 0; i < BESIDES && getpid() == besides_of; i++)
		if (besides[i] != NULL)
			(void)unlink(besides[i]);
}

void beside_note(const char *name)
{
	size_t i = 0;
	while (i + 1 < BESIDES && besides[i] != NULL)
		i++;
	besides[i] = name;
	besides_of = getpid();
	memory_at_end(besides_remove);
}

void beside_forget(const char *name)
{
	for (size_t i = 0; i < BESIDES; i++)
		if (besides[i] == name)
			besides[i] = NULL;
}

/* Where a path leads, whether or not there is something there yet. */
static bool path_whole(const char *path, char whole[PATH_MAX])
{
	if (realpath(path, whole) != NULL)
		return true;
	char folder[PATH_MAX], *parent = memory_text(path);
	char *slash = strrchr(parent, '/');
	if (slash != NULL)
		slash[slash == parent] = '\0';
	bool known = realpath(slash != NULL ? parent : ".", folder) != NULL;
	free(parent);
	slash = strrchr(path, '/');
	int length = known ? snprintf(whole, PATH_MAX, "%s/%s", strcmp(folder, "/") != 0 ? folder : "", slash != NULL ? slash + 1 : path) : -1;
	return length > 0 && length < PATH_MAX;
}

/* However deep. */
static bool is_within(const char *path, const char *folder)
{
	char within[PATH_MAX], whole[PATH_MAX];
	struct stat status;
	if (stat(folder, &status) != 0 || !S_ISDIR(status.st_mode) || realpath(folder, whole) == NULL || !path_whole(path, within))
		return false;
	size_t length = strlen(whole);
	return strncmp(within, whole, length) == 0 && (length == 1 || within[length] == '/');
}

static bool file_status(const char *path, bool output, struct stat *ret_status)
{
	bool standard = path == NULL || strcmp(path, "-") == 0;
	return (standard ? fstat(output ? STDOUT_FILENO : STDIN_FILENO, ret_status) : stat(path, ret_status)) == 0;
}

int target_apart(const struct invocation *invocation, const char *path, const char *other, const char *what)
{
	char a[PATH_MAX], b[PATH_MAX];
	struct stat left, right;
	bool same, there = file_status(path, true, &left);
	if (there && file_status(other, false, &right))
		same = S_ISREG(left.st_mode) && left.st_dev == right.st_dev && left.st_ino == right.st_ino;
	else
		same = !there && path != NULL && path_whole(path, a) && path_whole(other, b) && strcmp(a, b) == 0;
	if (!same)
		return 0;
	diag_error(invocation->diag, &(struct place){.file = path != NULL ? path : "standard output"}, "is %s too: nothing was written", what);
	return ERROR_INPUT;
}

/* Against replacing what the command reads. */
static int options_apart(const struct invocation *invocation, const char *path)
{
	int error = invocation->store != NULL ? target_apart(invocation, path, invocation->store, "the store") : 0;
	for (size_t i = 0; i < invocation->given_count && error == 0; i++) {
		const struct given *given = &invocation->given[i];
		char what[64];
		bool profile = given->option->kind == VALUE_PROFILE && access(given->value, F_OK) == 0;
		if ((given->option->kind != VALUE_FILE && !profile) || strcmp(given->option->name, "output") == 0)
			continue;
		(void)snprintf(what, sizeof(what), "what --%s names", given->option->name);
		error = target_apart(invocation, path, given->value, what);
	}
	return error;
}

/* Against reading what is being written.  Path NULL: standard output. */
static int target_check(const struct invocation *invocation, const char *path)
{
	struct stat status;
	bool plain = path != NULL && (stat(path, &status) != 0 || S_ISREG(status.st_mode));
	for (size_t i = 0; i < invocation->word_count; i++) {
		const char *input = invocation->words[i];
		if (target_apart(invocation, path, input, "an input") < 0)
			return ERROR_INPUT;
		if (plain && is_within(path, input)) {
			diag_error(invocation->diag, &(struct place){.file = path}, "is in the folder %s, which is read: write it elsewhere", QUOTE(input));
			return ERROR_INPUT;
		}
	}
	return options_apart(invocation, path);
}

int target_open(struct invocation *invocation, const char *path, struct target *ret_target)
{
	struct stat status;
	*ret_target = (struct target){.invocation = invocation, .descriptor = -1};
	bool standard = path == NULL || strcmp(path, "-") == 0;
	int error = target_check(invocation, standard ? NULL : path);
	if (error < 0 || standard)
		return error;
	bool plain = stat(path, &status) != 0 || S_ISREG(status.st_mode);
	/* A link stays one: /dev/stdout is one too. */
	char whole[PATH_MAX];
	const char *name = plain && realpath(path, whole) != NULL ? whole : path;
	size_t length = strlen(name) + 16;
	/* All that needs memory comes first: nothing is to be left beside when there is none. */
	ret_target->path = plain ? memory_text(name) : NULL;
	ret_target->beside = memory_alloc(length);
	(void)snprintf(ret_target->beside, length, "%s%s", name, plain ? ".XXXXXX" : "");
	confine_hold();
	ret_target->descriptor = plain ? mkostemp(ret_target->beside, O_CLOEXEC) : open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
	if (ret_target->descriptor >= 0 && plain)
		beside_note(ret_target->beside);
	if (ret_target->descriptor >= 0)
		return 0;
	diag_error(invocation->diag, &(struct place){.file = path}, "cannot be written: %s", strerror(errno));
	free(ret_target->beside);
	free(ret_target->path);
	ret_target->beside = ret_target->path = NULL;
	return ERROR_SYSTEM;
}

int target_append(struct target *target)
{
	char block[1 << 16], last = '\n';
	ssize_t got = 0;
	int error = 0, file = target->path != NULL ? open(target->path, O_RDONLY | O_CLOEXEC | O_NOCTTY) : -1;
	bool none = target->path == NULL || (file < 0 && errno == ENOENT);
	while (file >= 0 && error == 0 && (got = read(file, block, sizeof(block))) > 0) {
		error = descriptor_write(target->descriptor, block, (size_t)got);
		last = block[got - 1];
	}
	if (error == 0 && ((file < 0 && !none) || got < 0))
		error = errno;
	/* Somebody has cut it off: the next line is a line of its own. */
	if (error == 0 && last != '\n')
		error = descriptor_write(target->descriptor, "\n", 1);
	if (file >= 0)
		(void)close(file);
	if (error != 0)
		diag_error(target->invocation->diag, &(struct place){.file = target->path}, "cannot be added to: %s", strerror(error));
	return error != 0 ? ERROR_SYSTEM : 0;
}

int target_close(struct target *target, bool good)
{
	int error = 0;
	if (target->descriptor < 0)
		return 0;
	if (good && target->path != NULL) {
		mode_t mask = umask(0);
		struct stat before;
		(void)umask(mask);
		(void)fchmod(target->descriptor, stat(target->path, &before) == 0 ? before.st_mode & 0777 : 0666 & ~mask);
		if (fsync(target->descriptor) != 0 || rename(target->beside, target->path) != 0) {
			diag_error(target->invocation->diag, &(struct place){.file = target->path}, "cannot be written: %s", strerror(errno));
			error = ERROR_SYSTEM;
		}
	}
	if (target->path != NULL && (!good || error < 0))
		(void)unlink(target->beside);
	(void)close(target->descriptor);
	beside_forget(target->beside);
	free(target->beside);
	free(target->path);
	*target = (struct target){.descriptor = -1};
	return error;
}
