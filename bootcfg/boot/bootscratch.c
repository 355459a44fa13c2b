/* Loads rules in a network namespace of a child process: what a kernel has accepted there, it accepts at boot. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/boot/bootload.h"
#include "bootcfg/boot/bootmessages.h"
#include "bootcfg/target/nftables_commands.h"

enum { WORDS_MOST = 4096 };

/* What the child is to load. */
struct load_task {
	const char *text;                  /* as nft reads it, or NULL */
	const char *messages;
	size_t length;
};

static int text_load(const char *text, struct buffer *words)
{
	struct diag diag;
	diag_init(&diag);
	int error = commands_run(text, &diag);
	if (error < 0 && diag.count > 0)
		buffer_add_text(words, diag.messages[0].text);
	diag_done(&diag);
	return error;
}

static int messages_load(const char *messages, size_t length, struct buffer *words)
{
	struct bootload *load = NULL;
	struct bootload_refusal refusal = {SIZE_MAX};
	int error = bootload_open(&load);
	if (error == 0)
		error = bootload_send(load, messages, length, BOOTLOAD_FRESH, &refusal);
	bootload_close(load);
	if (error < 0 && refusal.message != SIZE_MAX)
		buffer_printf(words, "the kernel refuses message %zu: %s", refusal.message + 1, bootload_explain(error));
	else if (error < 0)
		buffer_add_text(words, bootload_explain(error));
	return error;
}

/* A namespace of its own, with nftables in it: libnftables ends the process where there is none. */
static int namespace_make(struct buffer *words)
{
	struct bootload *load = NULL;
	struct bootload_state state;
	unsetenv("CORDON_FAIL_SEND"); /* of the real sends only */
	if (unshare(CLONE_NEWNET) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) < 0)
		return -EUSERS;
	int error = bootload_open(&load);
	if (error == 0)
		error = bootload_state(load, &state);
	bootload_close(load);
	if (error < 0)
		buffer_add_text(words, bootload_explain(error));
	return error < 0 ? -EUSERS : 0;
}

static int bytes_write(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(fd, bytes, length);
		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return -EIO;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

/* In the child.  Writes messages, or on failure words; its exit status is 0 or an errno. */
static int child_run(const struct load_task *task, size_t most, int fd)
{
	struct buffer messages, words;
	buffer_init(&messages, most);
	buffer_init(&words, WORDS_MOST);
	int error = namespace_make(&words);
	if (error == 0)
		error = task->text != NULL ? text_load(task->text, &words) : messages_load(task->messages, task->length, &words);
	if (error == 0)
		error = bootmessages_read(&messages);
	const struct buffer *told = error == 0 ? &messages : &words;
	int sent = bytes_write(fd, buffer_text(told), told->length);
	buffer_done(&messages);
	buffer_done(&words);
	return error < 0 ? -error : -sent;
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

static int task_run(const struct load_task *task, struct buffer *ret_messages, struct buffer *ret_words)
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
		_exit(child_run(task, ret_messages->maximum, ends[1]));
	}
	close(ends[1]);
	buffer_init(&bytes, ret_messages->maximum);
	int error = bytes_read(ends[0], &bytes);
	close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (error == 0 && (!WIFEXITED(status) || WEXITSTATUS(status) != 0)) {
		error = WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
		buffer_add(ret_words, buffer_text(&bytes), bytes.length < WORDS_MOST ? bytes.length : WORDS_MOST);
	} else if (error == 0) {
		buffer_add(ret_messages, buffer_text(&bytes), bytes.length);
	}
	if (error < 0 && ret_words->length == 0)
		buffer_add_text(ret_words, error == -EUSERS ? "no scratch network namespace can be made (no permission, or the "
							       "kernel has none)" : strerror(-error));
	buffer_done(&bytes);
	return error;
}

int scratch_text(const char *text, struct buffer *ret_messages, struct buffer *ret_words)
{
	const struct load_task task = {.text = text};
	return task_run(&task, ret_messages, ret_words);
}

int scratch_messages(const char *messages, size_t length, struct buffer *ret_messages, struct buffer *ret_words)
{
	const struct load_task task = {.messages = messages, .length = length};
	return task_run(&task, ret_messages, ret_words);
}
