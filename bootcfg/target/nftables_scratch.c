/* The same plan in a network namespace of a child process, so that live rules can be compared with it expression
 * by expression as the kernel prints them: no second compiler of rules is needed to know what they should be. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/target/nftables_commands.h"
#include "bootcfg/target/nftables_compare.h"
#include "core/base/memory.h"

enum { SCRATCH_MOST = 256 << 20 };

/* What goes through the pipe: for each chain its name and rules, each as its length and bytes. */
static void piece_add(struct buffer *buffer, const void *bytes, size_t length)
{
	uint32_t number = (uint32_t)length;
	buffer_add(buffer, &number, sizeof(number));
	if (length > 0)
		buffer_add(buffer, bytes, length);
}

static void chains_write(const struct live *live, struct buffer *buffer)
{
	for (size_t i = 0; i < live->chain_count; i++) {
		uint32_t count = (uint32_t)live->chains[i].count;
		piece_add(buffer, live->chains[i].name, strlen(live->chains[i].name));
		buffer_add(buffer, &count, sizeof(count));
		for (size_t j = 0; j < live->chains[i].count; j++)
			piece_add(buffer, live->chains[i].rules[j].expressions, live->chains[i].rules[j].length);
	}
}

static int bytes_write(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* In the child.  The result is the exit status: 0 or an errno. */
static int scratch_fill(const struct plan *plan, int fd)
{
	struct channel *channel = NULL;
	struct live *live = NULL;
	struct buffer text, bytes;
	buffer_init(&text, SCRATCH_MOST);
	buffer_init(&bytes, SCRATCH_MOST);
	int error = 0;
	unsetenv("CORDON_FAIL_SEND"); /* of the real sends only */
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		error = -errno;
	if (error == 0)
		error = channel_open(&channel);
	if (error == 0) {
		plan_print_stage(plan, &text);
		error = text.full ? -EFBIG : commands_stage(buffer_text(&text), text.length, channel_room(channel), NULL);
	}
	if (error == 0) {
		buffer_clear(&text);
		plan_print_bases(plan, &text);
		error = commands_run(buffer_text(&text), NULL);
	}
	if (error == 0)
		error = live_read(channel, &live);
	if (error == 0) {
		chains_write(live, &bytes);
		error = bytes.full ? -EFBIG : bytes_write(fd, buffer_text(&bytes), bytes.length);
	}
	live_free(live);
	channel_close(channel);
	buffer_done(&text);
	buffer_done(&bytes);
	return -error;
}

static bool number_take(struct cursor *cursor, uint32_t *ret_number)
{
	if (cursor_left(cursor) < sizeof(*ret_number))
		return false;
	memcpy(ret_number, cursor->at, sizeof(*ret_number));
	cursor->at += sizeof(*ret_number);
	return true;
}

static bool piece_take(struct cursor *cursor, struct arena *arena, char **ret_bytes, uint32_t *ret_length)
{
	if (!number_take(cursor, ret_length) || cursor_left(cursor) < *ret_length)
		return false;
	*ret_bytes = arena_text_n(arena, cursor->at, *ret_length);
	cursor->at += *ret_length;
	return true;
}

/* Chains come sorted by name, as live_chain_find wants them. */
static struct live *chains_read(const char *bytes, size_t length)
{
	struct arena *arena = arena_new();
	struct live *live = arena_alloc(arena, sizeof(*live));
	struct cursor cursor = cursor_of(bytes, length);
	live->arena = arena;
	while (cursor_left(&cursor) > 0) {
		struct live_chain chain = {.name = NULL};
		char *name = NULL, *rule;
		uint32_t size, count;
		if (!piece_take(&cursor, arena, &name, &size) || !number_take(&cursor, &count))
			goto damaged;
		chain.name = name;
		for (uint32_t i = 0; i < count; i++) {
			if (!piece_take(&cursor, arena, &rule, &size))
				goto damaged;
			chain.rules = arena_grow(arena, chain.rules, chain.count, &chain.capacity, sizeof(*chain.rules));
			chain.rules[chain.count++] = (struct live_rule){
				.comment = "", .expressions = (const uint8_t *)rule, .length = size};
		}
		live->chains = arena_grow(arena, live->chains, live->chain_count, &live->chain_capacity, sizeof(chain));
		live->chains[live->chain_count++] = chain;
	}
	return live;
damaged:
	live_free(live);
	return NULL;
}

static int bytes_read(int fd, struct buffer *buffer)
{
	char piece[16384];
	for (;;) {
		ssize_t length = read(fd, piece, sizeof(piece));
		if (length < 0 && errno == EINTR)
			continue;
		if (length < 0)
			return -errno;
		if (length == 0)
			return buffer->full ? -EFBIG : 0;
		buffer_add(buffer, piece, (size_t)length);
	}
}

int scratch_read(const struct plan *plan, struct live **ret_live)
{
	int ends[2], status = 0;
	struct buffer bytes;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid_t child = fork();
	if (child < 0) {
		int error = -errno;
		close(ends[0]);
		close(ends[1]);
		return error;
	}
	if (child == 0) {
		close(ends[0]);
		_exit(scratch_fill(plan, ends[1]));
	}
	close(ends[1]);
	buffer_init(&bytes, SCRATCH_MOST);
	int error = bytes_read(ends[0], &bytes);
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (error == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0))
		error = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
	struct live *live = error == 0 ? chains_read(buffer_text(&bytes), bytes.length) : NULL;
	buffer_done(&bytes);
	if (error == 0 && live == NULL)
		error = -EPROTO;
	if (error == 0)
		*ret_live = live;
	return error;
}
