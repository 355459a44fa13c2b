#include "bootcfg/daemon/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/buffer.h"
#include "core/base/error.h"
#include "core/base/memory.h"

struct letter {
	struct letter *next;
	size_t length;
	char bytes[];
};

struct outbox {
	struct loop *loop;
	int fd;                  /* -1: detached */
	struct watch *writable;  /* while something waits */
	void (*gone)(void *context);
	void *context;
	struct letter *first, **last;
	size_t bytes, most;
	uint64_t lost;
	struct buffer table;     /* messages, each behind its length (size_t) */
	size_t table_sent;
	bool table_open;         /* between begin and end: not to be sent */
};

struct outbox *outbox_new(struct loop *loop, size_t most, void (*gone)(void *context), void *context)
{
	struct outbox *outbox = memory_alloc(sizeof *outbox);
	outbox->loop = loop;
	outbox->fd = -1;
	outbox->gone = gone;
	outbox->context = context;
	outbox->last = &outbox->first;
	outbox->most = most;
	buffer_init(&outbox->table, OUTBOX_TABLE);
	return outbox;
}

void outbox_clear(struct outbox *outbox)
{
	while (outbox->first != NULL) {
		struct letter *letter = outbox->first;
		outbox->first = letter->next;
		free(letter);
	}
	outbox->last = &outbox->first;
	outbox->bytes = 0;
}

void outbox_free(struct outbox *outbox)
{
	if (outbox == NULL)
		return;
	watch_free(outbox->writable);
	outbox_clear(outbox);
	buffer_done(&outbox->table);
	free(outbox);
}

void outbox_detach(struct outbox *outbox)
{
	watch_free(outbox->writable);
	outbox->writable = NULL;
	outbox->fd = -1;
}

/* The next message that waits; false when none does. */
static bool next_find(const struct outbox *outbox, const char **ret_bytes, size_t *ret_length)
{
	if (outbox->table_open)
		return false;
	if (outbox->table_sent < outbox->table.length) {
		memcpy(ret_length, outbox->table.data + outbox->table_sent, sizeof *ret_length);
		*ret_bytes = outbox->table.data + outbox->table_sent + sizeof *ret_length;
	} else if (outbox->first != NULL) {
		*ret_bytes = outbox->first->bytes;
		*ret_length = outbox->first->length;
	} else {
		return false;
	}
	return true;
}

static void next_drop(struct outbox *outbox, size_t length)
{
	if (outbox->table_sent < outbox->table.length) {
		outbox->table_sent += sizeof length + length;
		return;
	}
	struct letter *letter = outbox->first;
	outbox->first = letter->next;
	if (outbox->first == NULL)
		outbox->last = &outbox->first;
	outbox->bytes -= letter->length;
	free(letter);
}

static void outbox_ready(void *context);

/* Sends what the other side takes now, and watches for it to take more. */
static void outbox_push(struct outbox *outbox)
{
	const char *bytes;
	size_t length;
	int error = 0;
	while (outbox->fd >= 0 && next_find(outbox, &bytes, &length)) {
		error = message_send_bytes(outbox->fd, bytes, length);
		if (error != 0)
			break;
		next_drop(outbox, length);
	}
	if (error == ERROR_BUSY) {
		if (outbox->writable == NULL)
			outbox->writable = loop_writable(outbox->loop, outbox->fd, outbox_ready, outbox);
	} else if (error != 0) {
		outbox_detach(outbox);
		outbox->gone(outbox->context);
	} else {
		watch_free(outbox->writable);
		outbox->writable = NULL;
	}
}

static void outbox_ready(void *context)
{
	outbox_push(context);
}

void outbox_attach(struct outbox *outbox, int fd)
{
	outbox_detach(outbox);
	outbox->fd = fd;
	outbox->table_sent = 0;
	outbox_push(outbox);
}

bool outbox_add(struct outbox *outbox, enum message_type type, const void *fixed, const void *tail, size_t tail_length)
{
	struct buffer text;
	buffer_init(&text, MESSAGE_MOST);
	bool good = message_print(type, fixed, message_fixed(type), tail, tail_length, &text) == 0 && !text.full &&
		    text.length <= outbox->most - outbox->bytes;
	if (good) {
		struct letter *letter = memory_alloc(sizeof *letter + text.length);
		letter->length = text.length;
		memcpy(letter->bytes, text.data, text.length);
		*outbox->last = letter;
		outbox->last = &letter->next;
		outbox->bytes += text.length;
		/* Behind others, and the watch waits already: nothing can go out now. */
		if (outbox->writable == NULL)
			outbox_push(outbox);
	} else {
		outbox->lost++;
	}
	buffer_done(&text);
	return good;
}

void outbox_table_begin(struct outbox *outbox)
{
	buffer_clear(&outbox->table);
	outbox->table_sent = 0;
	outbox->table_open = true;
}

bool outbox_table_add(struct outbox *outbox, enum message_type type, const void *fixed, const void *tail, size_t tail_length)
{
	struct buffer *table = &outbox->table;
	size_t length = 0, start = table->length;
	buffer_add(table, &length, sizeof length);
	bool good = message_print(type, fixed, message_fixed(type), tail, tail_length, table) == 0 && !table->full;
	if (good) {
		length = table->length - start - sizeof length;
		memcpy(table->data + start, &length, sizeof length);
	} else {
		/* A shorter one may still fit: the end of the table above all. */
		table->length = start;
		table->full = false;
		outbox->lost++;
	}
	return good;
}

void outbox_table_end(struct outbox *outbox)
{
	outbox->table_open = false;
	outbox_push(outbox);
}

size_t outbox_waiting(const struct outbox *outbox)
{
	return outbox->bytes + (outbox->table.length - outbox->table_sent);
}

uint64_t outbox_lost(const struct outbox *outbox)
{
	return outbox->lost;
}
