#include "tests/unit/writer/fixture.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "logparse/meaning.h"

const struct cell cell_null = {.kind = CELL_NULL};

struct cell cell_bytes(const char *text, size_t length)
{
	return (struct cell){.kind = CELL_TEXT, .text = cursor_of(text, length)};
}

struct cell cell_text(const char *text)
{
	return cell_bytes(text, strlen(text));
}

struct cell cell_integer(int64_t number)
{
	return (struct cell){.kind = CELL_INTEGER, .integer = number};
}

struct cell cell_unsigned(uint64_t number)
{
	return (struct cell){.kind = CELL_UNSIGNED, .integer = (int64_t)number};
}

struct cell cell_real(double number)
{
	return (struct cell){.kind = CELL_REAL, .real = number};
}

struct cell cell_moment(uint64_t time)
{
	return (struct cell){.kind = CELL_TIME, .time = time};
}

void rows_write(const struct writer_type *type, const struct writer_options *options, const char *const *names, size_t columns, const struct cell *cells,
		size_t rows, struct buffer *ret_text)
{
	const struct columns head = {names, columns};
	struct writer writer = {.type = type};
	if (options != NULL)
		writer.options = *options;
	buffer_init(ret_text, WRITTEN_MOST);
	type->begin(&writer, &head, ret_text);
	for (size_t i = 0; i < rows; i++)
		type->row(&writer, cells + i * columns, ret_text);
	type->end(&writer, ret_text);
	if (writer.rows != rows)
		abort();
}

static void damage_count(const struct damage *damage, void *context)
{
	((struct log_writing *)context)->lost += damage->lost;
}

static void events_write(struct reader *reader, struct log_writing *writing, struct buffer *text)
{
	struct writer writer = {.type = writing->type, .options = writing->options};
	struct layout_space *space = layout_space_new();
	struct meaning_space meaning;
	struct cell cells[RECORD_COLUMNS];
	struct event event;
	struct record record;
	meaning_init(&meaning);
	while (reader->type->next(reader, &event) > 0) {
		if (writing->events++ == 0 && writing->own_layout)
			writing->layout = layout_of(&event);
		if (writing->events == 1 && writer.options.date == 0)
			writer.options.date = reader->date;
		if (writing->events == 1 && !writing->ecs)
			writing->type->begin(&writer, layout_columns(writing->layout), text);
		bool known = event_meaning(&event, &meaning, &record) != MEANING_NONE;
		if (writing->ecs && known)
			ecs_line(&record, text);
		else if (writing->whole)
			writing->type->event(&writer, &event, text);
		else if (layout_cells(writing->layout, &event, known ? &record : NULL, space, cells))
			writing->type->row(&writer, cells, text);
	}
	if (writing->events > 0 && !writing->ecs)
		writing->type->end(&writer, text);
	meaning_done(&meaning);
	layout_space_free(space);
}

void log_write(const void *bytes, size_t length, struct log_writing *writing, struct buffer *ret_text)
{
	const struct reader_options options = {.damage = damage_count, .context = writing};
	const struct reader_type *type;
	struct input *input = NULL;
	struct reader *reader = NULL;
	struct diag diag;
	buffer_init(ret_text, WRITTEN_MOST);
	diag_init(&diag);
	writing->events = writing->lost = 0;
	int fd = memfd_create("log", MFD_CLOEXEC);
	if (fd < 0 || write(fd, bytes, length) != (ssize_t)length || lseek(fd, 0, SEEK_SET) != 0)
		abort();
	if (input_open_fd(fd, "log", &diag, &input) == 0 && reader_guess(input, &diag, &type) == 0 && type->open(input, &options, &diag, &reader) == 0) {
		events_write(reader, writing, ret_text);
		type->close(reader);
	}
	input_close(input);
	diag_done(&diag);
}
