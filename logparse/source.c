#include "logparse/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/error.h"
#include "core/base/memory.h"

enum { DEPTH_MOST = 32, FILES_MOST = 100000, OPEN_MOST = 900 };

struct file {
	char *path;
	uint64_t size;
	bool found;               /* in a folder: what is no log is passed over */
	struct input *input;
	struct reader *reader;
	const char *unlike;       /* the format that was asked for: why it does not look like it */
	struct event event;       /* merged: the one that waits */
	bool waits;
	uint64_t newest, disordered; /* time, and how many records are older than that of one before them */
};

struct written {
	dev_t device;
	ino_t inode;
	bool own;                 /* the user has not named it */
};

struct source {
	struct source_options options;
	struct written *written; /* files that this process writes */
	size_t written_count;
	struct diag *diag;
	struct file *files;
	size_t count, capacity;
	size_t at;                /* of files */
	struct file *last;        /* merged: whose event was given out */
	struct reader_counts counts;
	size_t failed, opened;
	uint64_t date, done;
	bool merged;              /* all are open */
	bool refused;             /* the system did not let one be read */
};

static void file_add(struct source *source, const char *path, uint64_t size, bool found)
{
	if (source->count == source->capacity) {
		source->capacity = source->capacity > 0 ? source->capacity * 2 : 16;
		source->files = memory_resize(source->files, source->capacity * sizeof(*source->files));
	}
	size_t length = strlen(path) + 1;
	struct file *file = &source->files[source->count++];
	*file = (struct file){.path = memory_alloc(length), .size = size, .found = found};
	memcpy(file->path, path, length);
}

/* --- What this process writes --- */

enum { DESCRIPTORS_MOST = 1024 };

/* What is written while it is read has no end: standard output, a file beside the one that it will become, a state. */
static void written_look(struct source *source)
{
	struct stat status;
	for (int descriptor = 0; descriptor < DESCRIPTORS_MOST; descriptor++) {
		int flags = fcntl(descriptor, F_GETFL);
		if (flags < 0 || (flags & O_ACCMODE) == O_RDONLY || fstat(descriptor, &status) != 0 || !S_ISREG(status.st_mode))
			continue;
		source->written = memory_resize_array(source->written, source->written_count + 1, sizeof(*source->written));
		source->written[source->written_count++] = (struct written){status.st_dev, status.st_ino, descriptor > STDERR_FILENO};
	}
}

static const struct written *written_find(const struct source *source, const struct stat *status)
{
	for (size_t i = 0; i < source->written_count; i++)
		if (source->written[i].device == status->st_dev && source->written[i].inode == status->st_ino)
			return &source->written[i];
	return NULL;
}

/* --- Which files there are --- */

static void found_add(struct source *source, const char *path, const struct stat *status)
{
	const struct written *written = written_find(source, status);
	if (written != NULL && !written->own)
		diag_note(source->diag, &(struct place){.file = path}, "passed over: it is being written by this command");
	else if (written == NULL)
		file_add(source, path, (uint64_t)status->st_size, true);
}

static int folder_add(struct source *source, const char *path, unsigned depth)
{
	struct dirent **entries;
	int count = depth < DEPTH_MOST ? scandir(path, &entries, NULL, alphasort) : -1;
	if (count < 0) {
		diag_error(source->diag, &(struct place){.file = path}, depth < DEPTH_MOST ? "the folder cannot be read" : "folders nested deeper than 32");
		return ERROR_SYSTEM;
	}
	int error = 0;
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		struct buffer whole;
		struct stat status;
		buffer_init(&whole, 65536);
		buffer_printf(&whole, "%s%s%s", path, path[strlen(path) - 1] == '/' ? "" : "/", name);
		/* Links are not followed: a folder of evidence must not lead out of itself. */
		if (error == 0 && strcmp(name, ".") != 0 && strcmp(name, "..") != 0 && !whole.full && lstat(buffer_text(&whole), &status) == 0) {
			if (S_ISDIR(status.st_mode))
				error = folder_add(source, buffer_text(&whole), depth + 1);
			else if (S_ISREG(status.st_mode) && source->count < FILES_MOST)
				found_add(source, buffer_text(&whole), &status);
		}
		buffer_done(&whole);
		free(entries[i]);
	}
	free(entries);
	return error;
}

/* --- One file --- */

/* A format that was asked for finds nothing in what is something else: that is no empty log. */
static void unlike_say(struct source *source, const struct file *file)
{
	const struct reader_counts *counts = &file->reader->counts;
	if (file->unlike == NULL || counts->read + counts->filtered + counts->unreadable > 0)
		return;
	source->failed++;
	diag_error(source->diag, &(struct place){.file = file->path}, "nothing of the format %s in it: %s", file->reader->type->name, file->unlike);
}

static void timeless_say(struct source *source, const struct file *file)
{
	uint64_t count = file->reader->counts.timeless;
	if (count > 0)
		diag_note(source->diag, &(struct place){.file = file->path}, "%llu records without a known time%s", (unsigned long long)count,
			  source->options.reader.zone_known ? "" : ": where it is local time, --zone says of which zone");
}

static void file_close(struct source *source, struct file *file)
{
	if (file->reader != NULL) {
		timeless_say(source, file);
		if (file->disordered > 0)
			diag_note(source->diag, &(struct place){.file = file->path},
				  "%llu records are older than the one before them: --sort merges logs, and leaves each in its own order", (unsigned long long)file->disordered);
		unlike_say(source, file);
		if (input_torn(file->input))
			reader_damage(file->reader, 0, 0, true, "it became shorter, or could not be read, while it was read: zeros stand for what is gone");
		reader_counts_add(&source->counts, &file->reader->counts);
		if (source->date == 0)
			source->date = file->reader->date;
		file->reader->type->close(file->reader);
	}
	input_close(file->input);
	file->reader = NULL;
	file->input = NULL;
	file->waits = false;
}

static void unlike_look(struct file *file, const struct reader_type *type)
{
	const uint8_t *head;
	size_t length;
	const char *why = NULL;
	/* Not of a pipe, whose first bytes may take their time. */
	if (file->size > 0 && input_peek(file->input, READER_HEAD, &head, &length) == 0 && type->guess(head, length, file->path, &why) == 0)
		file->unlike = why;
}

/* 1: it is open, 0: it is passed over. */
static int file_open(struct source *source, struct file *file)
{
	const struct reader_type *type = source->options.type;
	struct diag said;
	diag_init(&said);
	int error = input_open(file->path, source->diag, &file->input);
	if (error == 0)
		input_idle(file->input, source->options.idle, source->options.idle_context);
	if (error == 0 && source->options.reader.begin != NULL)
		source->options.reader.begin(file->input, source->options.reader.begin_context);
	if (error == 0 && type == NULL) {
		error = reader_guess(file->input, &said, &type);
		if (error == ERROR_INPUT && file->found) {
			diag_note(source->diag, &(struct place){.file = file->path}, "passed over: not a log");
			diag_done(&said);
			file_close(source, file);
			return 0;
		}
	}
	diag_move(source->diag, &said);
	diag_done(&said);
	if (error == 0 && source->options.type != NULL)
		unlike_look(file, type);
	if (error == 0)
		error = type->open(file->input, &source->options.reader, source->diag, &file->reader);
	if (error < 0) {
		source->failed++;
		source->refused |= error == ERROR_SYSTEM;
		file_close(source, file);
		return 0;
	}
	source->opened++;
	return 1;
}

static void file_fail(struct source *source, struct file *file)
{
	source->failed++;
	source->done += file->size;
	file_close(source, file);
}

/* --- All of them --- */

int source_open(const char *const *paths, size_t count, const struct source_options *options, struct diag *diag,
		struct source **ret_source)
{
	struct source *source = memory_alloc(sizeof(*source));
	*source = (struct source){.options = *options, .diag = diag};
	int error = 0;
	written_look(source);
	for (size_t i = 0; i < count && error == 0; i++) {
		struct stat status;
		bool standard = strcmp(paths[i], "-") == 0;
		bool there = (standard ? fstat(STDIN_FILENO, &status) : stat(paths[i], &status)) == 0;
		size_t before = source->count;
		if (there && S_ISREG(status.st_mode) && written_find(source, &status) != NULL) {
			diag_error(diag, &(struct place){.file = paths[i]}, "is an input, and is being written by this command too");
			error = ERROR_INPUT;
			continue;
		}
		if (standard || !there || !S_ISDIR(status.st_mode)) {
			file_add(source, paths[i], !standard && there && S_ISREG(status.st_mode) ? (uint64_t)status.st_size : 0, false);
			continue;
		}
		error = folder_add(source, paths[i], 0);
		if (error == 0 && source->count == before) {
			diag_error(diag, &(struct place){.file = paths[i]}, "a folder without a file in it");
			error = ERROR_INPUT;
		}
	}
	if (error == 0 && options->sort && source->count > OPEN_MOST) {
		diag_error(diag, NULL, "--sort of %zu files: at most %d at once", source->count, OPEN_MOST);
		error = ERROR_LIMIT;
	}
	if (error < 0) {
		source_close(source);
		return error;
	}
	*ret_source = source;
	return 0;
}

void source_close(struct source *source)
{
	if (source == NULL)
		return;
	for (size_t i = 0; i < source->count; i++) {
		file_close(source, &source->files[i]);
		free(source->files[i].path);
	}
	free(source->files);
	free(source->written);
	free(source);
}

static int ordered_next(struct source *source, struct event *ret_event)
{
	for (; source->at < source->count; source->at++) {
		struct file *file = &source->files[source->at];
		if (file->reader == NULL && file_open(source, file) == 0)
			continue;
		int got = file->reader->type->next(file->reader, ret_event);
		if (got > 0)
			return got;
		if (got < 0 && source->options.reader.strict) {
			diag_error(source->diag, &(struct place){.file = file->path}, "stopped at the first damage (--strict)");
			return got;
		}
		if (got < 0) {
			file_fail(source, file);
			continue;
		}
		source->done += file->size;
		file_close(source, file);
	}
	return 0;
}

static int file_advance(struct source *source, struct file *file)
{
	int got = file->reader->type->next(file->reader, &file->event);
	file->waits = got > 0;
	if (got > 0 && file->event.time > file->newest)
		file->newest = file->event.time;
	else if (got > 0)
		file->disordered += file->event.time != 0 && file->event.time < file->newest;
	if (got < 0 && source->options.reader.strict)
		return got;
	if (got < 0)
		file_fail(source, file);
	else if (got == 0)
		file_close(source, file);
	return 0;
}

/* The earliest of those that wait; what has no time goes first. */
static int merged_next(struct source *source, struct event *ret_event)
{
	struct file *first = NULL;
	int error = 0;
	for (size_t i = 0; !source->merged && i < source->count && error == 0; i++)
		if (file_open(source, &source->files[i]) > 0)
			error = file_advance(source, &source->files[i]);
	source->merged = true;
	if (error == 0 && source->last != NULL)
		error = file_advance(source, source->last);
	source->last = NULL;
	if (error < 0)
		return error;
	for (size_t i = 0; i < source->count; i++)
		if (source->files[i].waits && (first == NULL || source->files[i].event.time < first->event.time))
			first = &source->files[i];
	if (first == NULL)
		return 0;
	*ret_event = first->event;
	source->last = first;
	return 1;
}

int source_next(struct source *source, struct event *ret_event)
{
	int got = source->options.sort ? merged_next(source, ret_event) : ordered_next(source, ret_event);
	if (got == 0 && source->failed == 0 && source->opened == 0 && source->count > 0) {
		bool any = false;
		for (size_t i = 0; i < source->count; i++)
			any |= !source->files[i].found;
		if (!any) {
			diag_error(source->diag, NULL, "there is no log in the folder");
			source->failed++;
		}
	}
	return got;
}

int source_reader(struct source *source, struct reader **ret_reader)
{
	if (source->last != NULL) {
		source->done += source->last->size;
		file_close(source, source->last);
	}
	source->last = NULL;
	while (source->at < source->count) {
		struct file *file = &source->files[source->at++];
		if (file_open(source, file) == 0)
			continue;
		source->last = file;
		*ret_reader = file->reader;
		return 1;
	}
	return 0;
}

void source_counts(const struct source *source, struct reader_counts *ret_counts, size_t *ret_failed)
{
	*ret_counts = source->counts;
	*ret_failed = source->failed;
	for (size_t i = 0; i < source->count; i++)
		if (source->files[i].reader != NULL)
			reader_counts_add(ret_counts, &source->files[i].reader->counts);
}

bool source_refused(const struct source *source)
{
	return source->refused;
}

void source_progress(const struct source *source, uint64_t *ret_done, uint64_t *ret_all)
{
	uint64_t done, all;
	*ret_done = source->done;
	*ret_all = 0;
	for (size_t i = 0; i < source->count; i++) {
		*ret_all += source->files[i].size;
		if (source->files[i].input != NULL) {
			input_progress(source->files[i].input, &done, &all);
			*ret_done += done;
		}
	}
}

uint64_t source_date(const struct source *source)
{
	uint64_t date = source->date;
	for (size_t i = 0; i < source->count && date == 0; i++)
		if (source->files[i].reader != NULL)
			date = source->files[i].reader->date;
	return date;
}
