#include "bootcfg/daemon/journal.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/base/memory.h"

enum { ENTRY_MOST = 32 * 1024, ENTRY_USUAL = 1024 };

struct journal {
	struct sockaddr_un address;
	int fd;                    /* connected, or -1 */
	int64_t retry;             /* when a connection is tried again */
	struct buffer queue;       /* entries, each after its length (uint32_t) */
	size_t released;           /* bytes of the queue that may go */
	size_t sent;               /* bytes of the queue that went */
	int64_t allowance;         /* thousandths of an entry that may go now */
	int64_t counted;           /* when that was true */
	uint64_t missed;
};

struct journal *journal_new(const char *path)
{
	struct journal *journal = memory_alloc(sizeof(*journal));
	path = path != NULL ? path : JOURNAL_SOCKET;
	journal->address.sun_family = AF_UNIX;
	if (strlen(path) < sizeof(journal->address.sun_path))
		memcpy(journal->address.sun_path, path, strlen(path) + 1);
	journal->fd = -1;
	journal->retry = journal->counted = INT64_MIN;
	buffer_init(&journal->queue, JOURNAL_BYTES);
	return journal;
}

void journal_free(struct journal *journal)
{
	if (journal == NULL)
		return;
	if (journal->fd >= 0)
		close(journal->fd);
	buffer_done(&journal->queue);
	free(journal);
}

/* --- An entry --- */

/* NAME=value and a newline; a value that holds one goes with its length in front. */
static void field_add(struct buffer *buffer, const char *name, struct cursor value)
{
	size_t length = cursor_left(&value);
	buffer_add_text(buffer, name);
	if (length > 0 && memchr(value.at, '\n', length) != NULL) {
		uint64_t little = htole64(length);
		buffer_add_char(buffer, '\n');
		buffer_add(buffer, &little, sizeof(little));
	} else {
		buffer_add_char(buffer, '=');
	}
	buffer_add(buffer, value.at, length);
	buffer_add_char(buffer, '\n');
}

/* x-rule is CORDON_RULE, src-ip is CORDON_SRC_IP. */
static void column_name(enum record_column column, char name[64])
{
	static const char prefix[] = "CORDON_";
	const char *from = record_columns[column].name;
	size_t at = sizeof(prefix) - 1;
	memcpy(name, prefix, at);
	if ((*from == 'x' || *from == 's') && from[1] == '-')
		from += 2;
	for (; *from != '\0' && at < 63; from++)
		name[at++] = *from == '-' ? '_' : (char)(*from >= 'a' && *from <= 'z' ? *from - 'a' + 'A' : *from);
	name[at] = '\0';
}

void journal_entry_print(const struct record *record, int priority, const char *text, struct buffer *buffer)
{
	buffer_printf(buffer, "PRIORITY=%d\nSYSLOG_IDENTIFIER=cordon\n", priority);
	field_add(buffer, "MESSAGE", cursor_text(text));
	for (enum record_column column = 0; column < RECORD_COLUMNS; column++) {
		char name[64], value[RECORD_VALUE];
		struct cursor words = record_text(record, column);
		if (record_columns[column].kind != RECORD_TEXT) {
			size_t length = record_value(record, column, value);
			words = length > 0 ? cursor_of(value, length) : (struct cursor){NULL, NULL};
		}
		if (words.at == NULL)
			continue;
		column_name(column, name);
		field_add(buffer, name, words);
	}
}

/* --- The queue --- */

/* Takes what was sent out of the queue. */
static void queue_trim(struct journal *journal)
{
	struct buffer *queue = &journal->queue;
	if (journal->sent == 0)
		return;
	memmove(queue->data, queue->data + journal->sent, queue->length - journal->sent);
	queue->length -= journal->sent;
	queue->full = false;
	journal->released -= journal->sent;
	journal->sent = 0;
}

void journal_add(struct journal *journal, const struct record *record, int priority, const char *text)
{
	struct buffer entry;
	buffer_init(&entry, ENTRY_MOST);
	journal_entry_print(record, priority, text, &entry);
	uint32_t length = (uint32_t)entry.length;
	queue_trim(journal);
	if (entry.full || journal->queue.length + sizeof(length) + length > JOURNAL_BYTES) {
		journal->missed++;
	} else {
		buffer_add(&journal->queue, &length, sizeof(length));
		buffer_add(&journal->queue, entry.data, length);
	}
	buffer_done(&entry);
}

bool journal_room(struct journal *journal)
{
	bool room = journal->queue.length - journal->sent < JOURNAL_BYTES - ENTRY_USUAL;
	journal->missed += !room;
	return room;
}

void journal_release(struct journal *journal)
{
	journal->released = journal->queue.length;
}

static void journal_close(struct journal *journal, int64_t now)
{
	if (journal->fd >= 0)
		close(journal->fd);
	journal->fd = -1;
	journal->retry = now + JOURNAL_RETRY;
}

static bool journal_connect(struct journal *journal, int64_t now)
{
	journal->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (journal->fd >= 0 && connect(journal->fd, (const struct sockaddr *)&journal->address, sizeof(journal->address)) == 0)
		return true;
	journal_close(journal, now);
	return false;
}

static bool journal_open(struct journal *journal, int64_t now)
{
	return journal->fd >= 0 || (now >= journal->retry && journal_connect(journal, now));
}

static void allowance_count(struct journal *journal, int64_t now)
{
	int64_t most = (int64_t)JOURNAL_BURST * 1000;
	if (journal->counted == INT64_MIN || now - journal->counted > 60000)
		journal->allowance = most;
	else if (now > journal->counted)
		journal->allowance += (now - journal->counted) * JOURNAL_RATE;
	journal->allowance = journal->allowance < most ? journal->allowance : most;
	journal->counted = now;
}

/* One entry; false when it could not go now. */
static bool entry_send(struct journal *journal, int64_t now)
{
	uint32_t length;
	memcpy(&length, journal->queue.data + journal->sent, sizeof(length));
	const char *bytes = journal->queue.data + journal->sent + sizeof(length);
	if (send(journal->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR || errno == ENOBUFS)
			return false;
		if (errno != EMSGSIZE) {
			journal_close(journal, now);
			return false;
		}
		journal->missed++; /* larger than the socket takes: it never will go */
	}
	journal->sent += sizeof(length) + length;
	journal->allowance -= 1000;
	return true;
}

/* Nobody is there to take what may go: it is counted, not kept. */
static void released_drop(struct journal *journal)
{
	while (journal->sent < journal->released) {
		uint32_t length;
		memcpy(&length, journal->queue.data + journal->sent, sizeof(length));
		journal->sent += sizeof(length) + length;
		journal->missed++;
	}
}

bool journal_pump(struct journal *journal, int64_t now)
{
	if (journal->sent == journal->released)
		return false;
	allowance_count(journal, now);
	bool there = journal_open(journal, now);
	while (there && journal->sent < journal->released && journal->allowance >= 1000) {
		if (entry_send(journal, now))
			continue;
		if (journal->fd >= 0)
			break; /* full: later */
		/* Gone, or another one has taken its place: that is asked once at once. */
		there = journal_connect(journal, now);
	}
	if (!there)
		released_drop(journal);
	if (journal->sent == journal->queue.length)
		queue_trim(journal);
	return journal->sent < journal->released;
}

uint64_t journal_missed(const struct journal *journal)
{
	return journal->missed;
}
