#include "core/base/diag.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/utf8.h"

enum { SOURCE_MOST = 400 }; /* bytes of a source line that are kept for the caret */

void diag_init(struct diag *diag)
{
	*diag = (struct diag){0};
}

static void message_done(struct message *message)
{
	free(message->id);
	free(message->text);
	free(message->file);
	free(message->source);
}

void diag_clear(struct diag *diag)
{
	for (size_t i = 0; i < diag->count; i++)
		message_done(&diag->messages[i]);
	diag->count = diag->errors = diag->warnings = diag->unkept = 0;
}

void diag_done(struct diag *diag)
{
	diag_clear(diag);
	free(diag->messages);
	diag_init(diag);
}

/* A place for one more message, or NULL when there are enough of them. */
static struct message *diag_room(struct diag *diag, enum severity severity)
{
	diag->errors += severity == SEVERITY_ERROR;
	diag->warnings += severity == SEVERITY_WARNING;
	if (diag->count >= DIAG_MOST) {
		diag->unkept++;
		return NULL;
	}
	if (diag->count == diag->capacity) {
		diag->capacity = diag->capacity > 0 ? diag->capacity * 2 : 8;
		diag->messages = memory_resize_array(diag->messages, diag->capacity, sizeof(*diag->messages));
	}
	return &diag->messages[diag->count++];
}

static ATTR_PRINTF(5, 0) void diag_add(struct diag *diag, enum severity severity, const char *id, const struct place *place,
		     const char *format, va_list arguments)
{
	if (diag == NULL)
		return;
	struct message *message = diag_room(diag, severity);
	if (message == NULL)
		return;
	*message = (struct message){.severity = severity};
	va_list again;
	va_copy(again, arguments);
	int length = vsnprintf(NULL, 0, format, arguments);
	size_t size = length > 0 ? (size_t)length + 1 : 1;
	message->text = memory_alloc(size);
	vsnprintf(message->text, size, format, again);
	va_end(again);
	if (id != NULL)
		message->id = memory_text(id);
	if (place == NULL)
		return;
	message->line = place->line;
	message->column = place->column;
	message->length = place->length;
	if (place->file != NULL)
		message->file = memory_text(place->file);
	if (place->source != NULL)
		message->source = memory_text_n(place->source, place->source_length < SOURCE_MOST
									? place->source_length
									: SOURCE_MOST);
}

void diag_error(struct diag *diag, const struct place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	diag_add(diag, SEVERITY_ERROR, NULL, place, format, arguments);
	va_end(arguments);
}

void diag_note(struct diag *diag, const struct place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	diag_add(diag, SEVERITY_NOTE, NULL, place, format, arguments);
	va_end(arguments);
}

void diag_warning(struct diag *diag, const char *id, const struct place *place, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	diag_add(diag, SEVERITY_WARNING, id, place, format, arguments);
	va_end(arguments);
}

void diag_move(struct diag *to, struct diag *from)
{
	if (to == NULL) {
		diag_clear(from);
		return;
	}
	for (size_t i = 0; i < from->count; i++) {
		struct message *room = diag_room(to, from->messages[i].severity);
		if (room != NULL)
			*room = from->messages[i];
		else
			message_done(&from->messages[i]);
	}
	to->unkept += from->unkept;
	free(from->messages);
	diag_init(from);
}

/* The source line with tabs as blanks and everything that a terminal would obey as '?', and a caret under
 * the column (which counts bytes, while the caret counts characters). */
static void render_caret(const struct message *message, struct buffer *buffer)
{
	size_t length = strlen(message->source), carets = 0, before = 0;
	if (message->column > length + 1)
		return;
	buffer_add_text(buffer, "    ");
	for (size_t at = 0, bytes; at < length; at += bytes) {
		bytes = utf8_length(message->source + at, length - at);
		bool shown = bytes > 1 || (bytes == 1 && message->source[at] >= ' ' && message->source[at] != 0x7f);
		if (shown)
			buffer_add(buffer, message->source + at, bytes);
		else
			buffer_add_char(buffer, message->source[at] == '\t' ? ' ' : '?');
		if (bytes == 0)
			bytes = 1;
		if (at + 1 < message->column)
			before++;
		else if (at + 1 < message->column + message->length)
			carets++;
	}
	buffer_printf(buffer, "\n    %*s^", (int)before, "");
	for (size_t i = 1; i < carets; i++)
		buffer_add_char(buffer, '~');
	buffer_add_char(buffer, '\n');
}

static void render_message(const struct message *message, unsigned flags, struct buffer *buffer)
{
	static const struct {
		const char *name, *color;
	} severities[] = {
		[SEVERITY_NOTE] = {"note", "\033[36m"},
		[SEVERITY_WARNING] = {"warning", "\033[35m"},
		[SEVERITY_ERROR] = {"error", "\033[31m"},
	};
	buffer_add_text(buffer, "cordon: ");
	if (message->file != NULL) {
		buffer_add_shown(buffer, message->file);
		if (message->line > 0)
			buffer_printf(buffer, ":%u", message->line);
		if (message->line > 0 && message->column > 0)
			buffer_printf(buffer, ":%u", message->column);
		buffer_add_text(buffer, ": ");
	}
	bool color = (flags & DIAG_COLOR) != 0;
	buffer_printf(buffer, "%s%s:%s %s", color ? severities[message->severity].color : "",
		      severities[message->severity].name, color ? "\033[0m" : "", message->text);
	if (message->id != NULL)
		buffer_printf(buffer, " [%s]", message->id);
	buffer_add_char(buffer, '\n');
	if ((flags & DIAG_CARET) != 0 && message->source != NULL && message->column > 0)
		render_caret(message, buffer);
}

void diag_render(const struct diag *diag, size_t from, unsigned flags, struct buffer *buffer)
{
	for (size_t i = from; i < diag->count; i++)
		if ((flags & DIAG_QUIET) == 0 || diag->messages[i].severity == SEVERITY_ERROR)
			render_message(&diag->messages[i], flags, buffer);
	if (diag->unkept > 0)
		buffer_printf(buffer, "cordon: note: %zu more messages are not shown\n", diag->unkept);
}
