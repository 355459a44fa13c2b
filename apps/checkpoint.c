#include "apps/checkpoint.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "apps/emit.h"
#include "apps/file.h"
#include "apps/logs.h"
#include "core/base/error.h"
#include "core/base/json.h"
#include "core/base/memory.h"

struct mark {
	const char *file;
	uint64_t number, time;    /* of the newest record of the last run */
	uint64_t next_number, next_time;
	uint64_t first;           /* of logs without times: what tells the first line from that of another file; 0: not known */
	bool begun;               /* in this run */
};

struct checkpoint {
	struct arena *arena;
	const char *path;
	char *beside;
	int descriptor;
	struct mark *marks;
	size_t count, capacity, last;
};

enum { STATE_MOST = 64 << 20 };

static struct mark *mark_add(struct checkpoint *checkpoint, const char *file)
{
	checkpoint->marks = arena_grow(checkpoint->arena, checkpoint->marks, checkpoint->count, &checkpoint->capacity, sizeof(*checkpoint->marks));
	struct mark *mark = &checkpoint->marks[checkpoint->count++];
	*mark = (struct mark){.file = arena_text(checkpoint->arena, file)};
	return mark;
}

static const struct json *member(const struct json *object, const char *key, unsigned type)
{
	for (const struct json *child = object->child; child != NULL; child = child->next)
		if (child->key != NULL && strcmp(child->key, key) == 0)
			return (child->type & type) != 0 ? child : NULL;
	return NULL;
}

static int state_read(struct checkpoint *checkpoint, const struct buffer *text, struct diag *diag)
{
	const struct json_document document = {checkpoint->arena, checkpoint->path, buffer_text(text), text->length};
	struct json *root;
	int error = json_read(&document, diag, &root);
	const struct json *files = error == 0 ? member(root, "files", JSON_ARRAY) : NULL;
	if (error == 0 && files == NULL) {
		json_error(&document, root, diag, "this is no checkpoint of Cordon's: \"files\" is missing");
		error = ERROR_INPUT;
	}
	for (const struct json *item = files != NULL ? files->child : NULL; item != NULL && error == 0; item = item->next) {
		const struct json *file = member(item, "file", JSON_STRING), *number = member(item, "number", JSON_NUMBER);
		const struct json *time = member(item, "time", JSON_NUMBER), *first = member(item, "first", JSON_NUMBER);
		if (file == NULL || number == NULL || time == NULL || number->number < 0 || time->number < 0) {
			json_error(&document, item, diag, "needs \"file\", \"number\" and \"time\"");
			error = ERROR_INPUT;
			break;
		}
		struct mark *mark = mark_add(checkpoint, file->text);
		mark->number = mark->next_number = (uint64_t)number->number;
		mark->time = mark->next_time = (uint64_t)time->number;
		mark->first = first != NULL && first->number > 0 ? (uint64_t)first->number : 0;
	}
	return error;
}

int checkpoint_open(const char *path, struct diag *diag, struct checkpoint **ret_checkpoint)
{
	struct checkpoint *checkpoint = memory_alloc(sizeof(*checkpoint));
	*checkpoint = (struct checkpoint){.arena = arena_new(), .path = path, .descriptor = -1};
	struct buffer text;
	int error = 0;
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
	arena_free(checkpoint->arena);
	free(checkpoint);
}

/* FNV-1a of all that the event says, in the 63 bits that JSON keeps exactly; never 0. */
static uint64_t event_hash(const struct event *event)
{
	struct buffer text;
	uint64_t hash = UINT64_C(0xcbf29ce484222325);
	buffer_init(&text, STATE_MOST);
	event->kind->json(event, &text);
	for (size_t i = 0; i < text.length; i++)
		hash = (hash ^ (unsigned char)buffer_text(&text)[i]) * UINT64_C(0x100000001b3);
	buffer_done(&text);
	return hash >> 1 | 1;
}

/* Of a log in local time of nobody knows where, no time tells that it was begun anew: its first line does. */
static void mark_begin(struct mark *mark, const struct event *event)
{
	mark->begun = true;
	if (event->time != 0 || event->number != 0)
		return;
	uint64_t first = event_hash(event);
	if (mark->first != 0 && mark->first != first)
		mark->number = mark->next_number = mark->time = mark->next_time = 0;
	mark->first = first;
}

bool checkpoint_pass(struct checkpoint *checkpoint, const struct event *event)
{
	struct mark *mark = checkpoint->last < checkpoint->count ? &checkpoint->marks[checkpoint->last] : NULL;
	if (mark == NULL || strcmp(mark->file, event->file) != 0) {
		mark = NULL;
		for (size_t i = 0; i < checkpoint->count && mark == NULL; i++)
			if (strcmp(checkpoint->marks[i].file, event->file) == 0)
				mark = &checkpoint->marks[checkpoint->last = i];
	}
	if (mark == NULL) {
		mark = mark_add(checkpoint, event->file);
		checkpoint->last = checkpoint->count - 1;
	}
	if (!mark->begun)
		mark_begin(mark, event);
	/* Lines of text logs have no number but the line's. */
	uint64_t number = event->sequence > 0 ? event->sequence : event->number > 0 ? event->number : event->offset;
	bool old = number <= mark->number && event->time <= mark->time;
	if (old)
		return false;
	if (number > mark->next_number || event->time > mark->next_time) {
		mark->next_number = number;
		mark->next_time = event->time > mark->next_time ? event->time : mark->next_time;
	}
	return true;
}

void checkpoint_write(struct checkpoint *checkpoint)
{
	struct buffer text;
	buffer_init(&text, STATE_MOST);
	buffer_add_text(&text, "{\"files\": [");
	for (size_t i = 0; i < checkpoint->count; i++) {
		buffer_add_text(&text, i > 0 ? ",\n {" : "\n {");
		emit_member(&text, "file", checkpoint->marks[i].file);
		emit_number(&text, "number", checkpoint->marks[i].next_number);
		emit_number(&text, "time", checkpoint->marks[i].next_time);
		if (checkpoint->marks[i].first != 0)
			emit_number(&text, "first", checkpoint->marks[i].first);
		buffer_add_char(&text, '}');
	}
	buffer_add_text(&text, "\n]}\n");
	int error = text.full ? ENOSPC : descriptor_write(checkpoint->descriptor, buffer_text(&text), text.length);
	/* Half of it is none: checkpoint_keep says so. */
	while (error != 0 && ftruncate(checkpoint->descriptor, 0) != 0 && errno == EINTR)
		continue;
	buffer_done(&text);
}

int checkpoint_keep(struct checkpoint *checkpoint, struct diag *diag)
{
	off_t length = lseek(checkpoint->descriptor, 0, SEEK_END);
	if (length > 0 && fsync(checkpoint->descriptor) == 0 && rename(checkpoint->beside, checkpoint->path) == 0) {
		(void)close(checkpoint->descriptor);
		checkpoint->descriptor = -1;
		beside_forget(checkpoint->beside);
		return 0;
	}
	diag_error(diag, &(struct place){.file = checkpoint->path}, "cannot be written: %s", length == 0 ? "its content is missing" : strerror(errno));
	return ERROR_SYSTEM;
}
