#include "apps/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/emit.h"
#include "apps/file.h"
#include "apps/logs.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/memory.h"

struct checkpoint {
	struct marks marks;
	const char *path;
	char *beside;
	int descriptor;
	uint64_t run;             /* this one */
	bool blind;               /* a log's first bytes could not be read: all of it is left for the next run */
};

enum { STATE_MOST = 64 << 20, FORMER_MOST = 10000 /* logs that were not there this time */ };

/* --- A mark --- */

bool mark_begin(struct marks *marks, struct input *input)
{
	const char *file = input_name(input);
	const uint8_t *head = NULL;
	size_t length = 0;
	if (input_peek(input, MARK_HEAD, &head, &length) < 0) {
		marks_blind(marks, file);
		return false;
	}
	/* As it may be named from another folder. */
	char whole[PATH_MAX];
	bool known = strcmp(file, "-") != 0 && realpath(file, whole) != NULL;
	marks_begin(marks, file, known ? whole : file, head, length);
	return true;
}

static const struct { const char *name; size_t offset; } mark_numbers[] = {
	{"number", offsetof(struct mark, number)}, {"time", offsetof(struct mark, time)},
	{"first_number", offsetof(struct mark, first_number)}, {"first_time", offsetof(struct mark, first_time)},
	{"line", offsetof(struct mark, line)}, {"head_length", offsetof(struct mark, head_length)}, {"run", offsetof(struct mark, run)},
};

void mark_print(const struct mark *mark, struct buffer *buffer)
{
	buffer_add_text(buffer, "{");
	emit_member(buffer, "file", mark->name);
	emit_member(buffer, "head", mark->head);
	for (size_t i = 0; i < ARRAY_LENGTH(mark_numbers); i++) {
		uint64_t number;
		memcpy(&number, (const char *)mark + mark_numbers[i].offset, sizeof(number));
		/* SQLite and JSON readers have 63 bits. */
		emit_number(buffer, mark_numbers[i].name, number <= INT64_MAX ? number : INT64_MAX);
	}
	buffer_add_text(buffer, "}");
}

static const struct json *member(const struct json *object, const char *key, unsigned type)
{
	for (const struct json *child = object->type == JSON_OBJECT ? object->child : NULL; child != NULL; child = child->next)
		if (strcmp(child->key, key) == 0)
			return (child->type & type) != 0 ? child : NULL;
	return NULL;
}

bool mark_parse(const struct json *object, struct mark *ret_mark)
{
	const struct json *file = member(object, "file", JSON_STRING), *head = member(object, "head", JSON_STRING);
	size_t length = head != NULL ? strlen(head->text) : 0;
	if (file == NULL || head == NULL || (length != 0 && length != MARK_DIGEST - 1))
		return false;
	*ret_mark = (struct mark){.name = file->text};
	memcpy(ret_mark->head, head->text, length);
	for (size_t i = 0; i < ARRAY_LENGTH(mark_numbers); i++) {
		const struct json *number = member(object, mark_numbers[i].name, JSON_NUMBER);
		uint64_t value = number != NULL && number->number >= 0 ? (uint64_t)number->number : 0;
		if (number == NULL || number->number < 0)
			return false;
		memcpy((char *)ret_mark + mark_numbers[i].offset, &value, sizeof(value));
	}
	return ret_mark->head_length <= MARK_HEAD && (length > 0) == (ret_mark->head_length > 0);
}

/* --- The file --- */

static int state_read(struct checkpoint *checkpoint, const struct buffer *text, struct diag *diag)
{
	struct arena *arena = arena_new();
	const struct json_document document = {arena, checkpoint->path, buffer_text(text), text->length};
	struct json *root;
	struct mark mark;
	int error = json_read(&document, diag, &root);
	const struct json *files = error == 0 ? member(root, "files", JSON_ARRAY) : NULL;
	const struct json *run = error == 0 ? member(root, "run", JSON_NUMBER) : NULL;
	if (error == 0 && (files == NULL || run == NULL || run->number < 0)) {
		json_error(&document, root, diag, "this is no checkpoint of Cordon's: \"files\" or \"run\" is missing");
		error = ERROR_INPUT;
	}
	for (const struct json *item = files != NULL ? files->child : NULL; item != NULL && error == 0; item = item->next) {
		if (mark_parse(item, &mark)) {
			marks_add(&checkpoint->marks, &mark);
			continue;
		}
		json_error(&document, item, diag, "is no mark of a log: it needs \"file\", \"head\", \"number\", \"time\", \"line\" and the others");
		error = ERROR_INPUT;
	}
	if (error == 0)
		checkpoint->run = (uint64_t)run->number + 1;
	arena_free(arena);
	return error;
}

int checkpoint_open(const char *path, struct diag *diag, struct checkpoint **ret_checkpoint)
{
	struct checkpoint *checkpoint = memory_alloc(sizeof(*checkpoint));
	*checkpoint = (struct checkpoint){.path = path, .descriptor = -1, .run = 1};
	struct buffer text;
	int error = 0;
	marks_init(&checkpoint->marks);
	buffer_init(&text, STATE_MOST);
	if (access(path, F_OK) == 0) {
		buffer_done(&text);
		error = file_read(path, 0, diag, &text);
		if (error == 0)
			error = state_read(checkpoint, &text, diag);
	}
	buffer_done(&text);
	size_t length = strlen(path) + 8;
	checkpoint->beside = memory_alloc(length);
	(void)snprintf(checkpoint->beside, length, "%s.XXXXXX", path);
	if (error == 0 && (checkpoint->descriptor = mkostemp(checkpoint->beside, O_CLOEXEC)) < 0) {
		diag_error(diag, &(struct place){.file = path}, "cannot be written: %s", strerror(errno));
		error = ERROR_SYSTEM;
	}
	if (error < 0) {
		checkpoint_free(checkpoint);
		return error;
	}
	beside_note(checkpoint->beside);
	*ret_checkpoint = checkpoint;
	return 0;
}

void checkpoint_free(struct checkpoint *checkpoint)
{
	if (checkpoint == NULL)
		return;
	if (checkpoint->descriptor >= 0) {
		(void)close(checkpoint->descriptor);
		(void)unlink(checkpoint->beside);
	}
	beside_forget(checkpoint->beside);
	free(checkpoint->beside);
	marks_done(&checkpoint->marks);
	free(checkpoint);
}

/* --- While logs are read --- */

static void log_begin(struct input *input, void *context)
{
	struct checkpoint *checkpoint = context;
	/* What cannot be read the input says. */
	checkpoint->blind |= !mark_begin(&checkpoint->marks, input);
}

void checkpoint_begin(struct checkpoint *checkpoint, struct reader_options *options)
{
	if (checkpoint == NULL)
		return;
	options->growing = true;
	options->begin = log_begin;
	options->begin_context = checkpoint;
}

bool checkpoint_pass(struct checkpoint *checkpoint, const struct event *event)
{
	return marks_pass(&checkpoint->marks, event);
}

static int newest_first(const void *a, const void *b)
{
	const struct mark *left = a, *right = b;
	return (left->run < right->run) - (left->run > right->run);
}

static bool is_now(const struct marks *marks, const char *name)
{
	for (size_t i = 0; i < marks->now_count; i++)
		if (strcmp(marks->now[i].name, name) == 0)
			return true;
	return false;
}

static void state_print(struct checkpoint *checkpoint, struct buffer *text)
{
	struct marks *marks = &checkpoint->marks;
	const char *separator = "\n ";
	buffer_add_char(text, '{');
	emit_number(text, "run", checkpoint->run);
	buffer_add_text(text, ", \"files\": [");
	for (size_t i = 0; i < marks->now_count; i++, separator = ",\n ") {
		marks->now[i].run = checkpoint->run;
		buffer_add_text(text, separator);
		mark_print(&marks->now[i], text);
	}
	if (marks->old_count > 1)
		qsort(marks->old, marks->old_count, sizeof(*marks->old), newest_first);
	for (size_t i = 0, kept = 0; i < marks->old_count && kept < FORMER_MOST; i++) {
		if (is_now(marks, marks->old[i].name))
			continue;
		buffer_add_text(text, separator);
		mark_print(&marks->old[i], text);
		separator = ",\n ";
		kept++;
	}
	buffer_add_text(text, "\n]}\n");
}

/* Who reads to the end stays until it comes. */
bool output_taken(struct invocation *invocation)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};
	return invocation_flush(invocation) && (poll(&output, 1, 0) <= 0 || (output.revents & POLLERR) == 0);
}

int checkpoint_write(struct checkpoint *checkpoint, struct invocation *invocation, int code)
{
	struct buffer text;
	if (code >= EXIT_INPUT)
		return code;
	if (checkpoint->blind)
		code = EXIT_FINDING;
	if (!output_taken(invocation)) {
		diag_note(invocation->diag, &(struct place){.file = checkpoint->path}, "stays as it was: not all of the output was taken");
		return code;
	}
	buffer_init(&text, STATE_MOST);
	state_print(checkpoint, &text);
	int error = text.full ? EFBIG : descriptor_write(checkpoint->descriptor, buffer_text(&text), text.length);
	buffer_done(&text);
	if (error != 0)
		diag_error(invocation->diag, &(struct place){.file = checkpoint->path}, "cannot be written: %s", strerror(error));
	return error != 0 ? EXIT_SYSTEM : code;
}

int checkpoint_keep(struct checkpoint *checkpoint, struct diag *diag)
{
	off_t length = lseek(checkpoint->descriptor, 0, SEEK_END);
	/* Nothing was written, and it has been said why. */
	if (length == 0)
		return 0;
	if (length > 0 && fsync(checkpoint->descriptor) == 0 && rename(checkpoint->beside, checkpoint->path) == 0) {
		(void)close(checkpoint->descriptor);
		checkpoint->descriptor = -1;
		beside_forget(checkpoint->beside);
		return 0;
	}
	diag_error(diag, &(struct place){.file = checkpoint->path}, "cannot be written: %s", strerror(errno));
	return ERROR_SYSTEM;
}
