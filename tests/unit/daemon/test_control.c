#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootcfg/daemon/control.h"
#include "core/base/error.h"

static char folder[256], path[300];
static struct diag diag;
static struct loop *loop;
static struct control *control;
static int listener = -1;
static unsigned asked;
static uint32_t numbers[2000];
static enum message_type last_type;
static bool refuses;
static char bytes[MESSAGE_MOST];

static void ask_taken(enum message_type type, uint32_t number, void *context)
{
	cr_assert_eq(context, &asked);
	last_type = type;
	numbers[asked++] = number;
	if (refuses)
		control_refuse(control, number, "busy");
}

static void begin(void)
{
	const char *temporary = getenv("TMPDIR");
	snprintf(folder, sizeof folder, "%s/cordon-control-XXXXXX", temporary != NULL ? temporary : "/tmp");
	cr_assert_not_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/control", folder);
	diag_init(&diag);
	loop = loop_new_scripted(0);
	cr_assert_eq(control_listen(path, getegid(), &diag, &listener), 0);
	const struct control_options options = {listener, getegid(), ask_taken, &asked};
	control = control_new(loop, &options);
	cr_assert_not_null(control);
}

static void end(void)
{
	control_free(control);
	loop_free(loop);
	close(listener);
	unlink(path);
	rmdir(folder);
	diag_done(&diag);
}

TestSuite(control, .init = begin, .fini = end);

/* -1: the queue is full, or the connection refused. */
static int client_connect(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if (connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
		return fd;
	close(fd);
	return -1;
}

static void question_send(int fd, uint32_t number)
{
	const struct message_ask ask = {number};
	cr_assert_eq(message_send(fd, MESSAGE_STATUS, &ask, sizeof ask, NULL, 0), 0);
}

/* What came: "refused: TEXT", "NUMBER: TEXT", "nothing", "closed". */
static const char *received(int fd)
{
	static char text[MESSAGE_MOST + 64];
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	int error = message_receive(fd, bytes, &type, &fixed, &tail);
	/* A server that closes with something unread makes this the first thing that is seen. */
	if (error == ERROR_SYSTEM)
		error = message_receive(fd, bytes, &type, &fixed, &tail);
	if (error != 0)
		return error == ERROR_NOT_FOUND ? "nothing" : "closed";
	if (type == MESSAGE_REFUSED)
		snprintf(text, sizeof text, "refused: %.*s", (int)cursor_left(&tail), tail.at);
	else
		snprintf(text, sizeof text, "%u: %.*s", ((const struct message_ask *)fixed)->number, (int)cursor_left(&tail), tail.at);
	return text;
}

Test(control, a_question_gets_its_answer_and_the_connection_ends)
{
	int fd = client_connect();
	question_send(fd, 99);
	loop_advance(loop, 0);
	cr_assert_eq(asked, 1);
	cr_expect_eq(last_type, MESSAGE_STATUS);
	cr_expect_str_eq(received(fd), "nothing");
	control_answer(control, MESSAGE_RELOAD, numbers[0], cursor_text("of another type"));
	control_answer(control, MESSAGE_STATUS, numbers[0] + 1, cursor_text("of another number"));
	cr_expect_str_eq(received(fd), "nothing");
	control_answer(control, MESSAGE_STATUS, numbers[0], cursor_text("{}"));
	cr_expect_str_eq(received(fd), "99: {}");
	cr_expect_str_eq(received(fd), "closed");
	control_answer(control, MESSAGE_STATUS, numbers[0], cursor_text("once more"));
	cr_expect_eq(control_clients(control), 0);
	close(fd);
}

Test(control, answers_find_who_asked_whatever_their_order)
{
	int one = client_connect(), two = client_connect();
	question_send(one, 1);
	loop_advance(loop, 0);
	question_send(two, 1);
	loop_advance(loop, 0);
	cr_assert_eq(asked, 2);
	control_answer(control, MESSAGE_STATUS, numbers[1], cursor_text("two"));
	control_answer(control, MESSAGE_STATUS, numbers[0], cursor_text("one"));
	cr_expect_str_eq(received(one), "1: one");
	cr_expect_str_eq(received(two), "1: two");
	close(one);
	close(two);
}

Test(control, a_client_that_goes_before_the_answer_is_forgotten)
{
	int fd = client_connect();
	question_send(fd, 1);
	loop_advance(loop, 0);
	close(fd);
	loop_advance(loop, 0);
	cr_expect_eq(control_clients(control), 0);
	control_answer(control, MESSAGE_STATUS, numbers[0], cursor_text("late"));
}

Test(control, silence_ends_after_its_time)
{
	int silent = client_connect(), patient = client_connect();
	loop_advance(loop, 4000);
	question_send(patient, 1);
	loop_advance(loop, 999);
	cr_expect_str_eq(received(silent), "nothing");
	loop_advance(loop, 1);
	cr_expect_str_eq(received(silent), "refused: no question came within 5 s");
	cr_expect_eq(control_clients(control), 1);
	loop_advance(loop, 4000);
	cr_expect_str_eq(received(patient), "refused: the service is too busy to answer: try again");
	cr_expect_eq(control_clients(control), 0);
	close(silent);
	close(patient);
}

Test(control, what_is_no_question_is_refused)
{
	static const struct message_counts counts;
	static const struct message_ask ask;
	static char large[MESSAGE_MOST * 2];
	for (unsigned i = 0; i < 8; i++) {
		int fd = client_connect();
		const char *words = "refused: that is no question";
		switch (i) {
		case 0: cr_assert_eq(send(fd, "half", 4, 0), 4); break;
		case 1: cr_assert_eq(send(fd, large, sizeof large, 0), (ssize_t)sizeof large); break;
		case 2: cr_assert_eq(message_send(fd, MESSAGE_COUNTS, &counts, sizeof counts, NULL, 0), 0); break;
		case 3: cr_assert_eq(message_send(fd, MESSAGE_STATUS, &ask, sizeof ask, "x", 1), 0); break;
		case 4: cr_assert_eq(message_send(fd, MESSAGE_ALIVE, NULL, 0, NULL, 0), 0); break;
		case 5: cr_assert_eq(message_send(fd, MESSAGE_REFUSED, NULL, 0, NULL, 0), 0); break;
		case 6: cr_assert_eq(send(fd, "", 0, 0), 0); words = "closed"; break;
		default: cr_assert_eq(shutdown(fd, SHUT_WR), 0); words = "closed";
		}
		loop_advance(loop, 0);
		const char *got = received(fd);
		cr_expect_eq(strncmp(got, words, strlen(words)), 0, "%u: %s", i, got);
		cr_expect_eq(control_clients(control), 0, "%u", i);
		cr_expect_eq(asked, 0, "%u", i);
		close(fd);
	}
}

Test(control, a_second_question_before_the_answer_ends_it)
{
	int fd = client_connect();
	question_send(fd, 1);
	question_send(fd, 2);
	loop_advance(loop, 0);
	cr_expect_eq(asked, 1);
	cr_expect_eq(control_clients(control), 0);
	close(fd);
}

Test(control, a_parent_that_takes_no_question_is_said)
{
	refuses = true;
	int fd = client_connect();
	question_send(fd, 1);
	loop_advance(loop, 0);
	cr_expect_str_eq(received(fd), "refused: busy");
	cr_expect_eq(control_clients(control), 0);
	close(fd);
}

/* As root, 64 are served at once; as another, a quarter of them: the rest is told so, and who asks after them is served. */
Test(control, a_thousand_clients_are_bounded_and_those_within_are_served)
{
	static int clients[1000];
	size_t limit = geteuid() == 0 ? CONTROL_CLIENTS : CONTROL_CLIENTS / 4, refused = 0, answered = 0;
	for (size_t i = 0; i < 1000; i++) {
		/* When the queue is full they would wait: the server gets its turn. */
		while ((clients[i] = client_connect()) < 0)
			loop_advance(loop, 0);
		question_send(clients[i], (uint32_t)i);
	}
	loop_advance(loop, 0);
	cr_expect_eq(control_clients(control), limit);
	cr_expect_eq(asked, limit);
	for (size_t i = 0; i < limit; i++)
		control_answer(control, MESSAGE_STATUS, numbers[i], cursor_text("ok"));
	for (size_t i = 0; i < 1000; i++) {
		const char *got = received(clients[i]);
		refused += strcmp(got, "refused: too many ask at once: try again") == 0;
		answered += strstr(got, ": ok") != NULL;
		close(clients[i]);
	}
	cr_expect_eq(answered, limit);
	cr_expect_eq(refused, 1000 - limit);
	int fd = client_connect();
	question_send(fd, 7);
	loop_advance(loop, 0);
	control_answer(control, MESSAGE_STATUS, numbers[limit], cursor_text("later"));
	cr_expect_str_eq(received(fd), "7: later");
	close(fd);
}

Test(control, random_bytes_are_answered_by_a_refusal)
{
	uint64_t seed = 88172645463325252u;
	for (unsigned round = 0; round < 2000; round++) {
		uint64_t noise[64];
		for (size_t i = 0; i < 64; i++) {
			seed ^= seed << 13;
			seed ^= seed >> 7;
			seed ^= seed << 17;
			noise[i] = seed;
		}
		uint32_t head[4] = {MESSAGE_MAGIC, (uint32_t)(seed % (MESSAGE_TYPES + 1)), (uint32_t)(noise[1] % 8), (uint32_t)(noise[2] % 8)};
		memcpy(noise, head, round % 2 == 0 ? sizeof head : 4);
		int fd = client_connect();
		cr_assert_geq(fd, 0);
		size_t length = 1 + (size_t)(noise[3] % sizeof noise);
		cr_assert_eq(send(fd, noise, length, 0), (ssize_t)length);
		loop_advance(loop, 0);
		if (asked > 0) {
			control_answer(control, last_type, numbers[0], cursor_text("ok"));
			asked = 0;
		} else {
			cr_expect_eq(strncmp(received(fd), "refused: ", 9), 0, "round %u", round);
		}
		cr_expect_eq(control_clients(control), 0);
		close(fd);
	}
}

Test(control, another_user_is_refused_with_a_message)
{
	if (geteuid() != 0)
		cr_skip_test("needs root to be another user");
	cr_assert_eq(chmod(folder, 0755), 0);
	cr_assert_eq(chmod(path, 0666), 0, "as somebody might, by mistake");
	int channel[2];
	cr_assert_eq(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, channel), 0);
	pid_t pid = fork();
	if (pid == 0) {
		if (setgid(65534) != 0 || setuid(65534) != 0)
			_exit(1);
		int fd = client_connect();
		char byte;
		question_send(fd, 1);
		if (write(channel[1], "", 1) != 1 || read(channel[1], &byte, 1) != 1)
			_exit(2);
		_exit(strcmp(received(fd), "refused: only root and members of the service's group are answered") == 0 ? 0 : 3);
	}
	char byte;
	cr_assert_eq(read(channel[0], &byte, 1), 1);
	loop_advance(loop, 0);
	cr_assert_eq(write(channel[0], "", 1), 1);
	int status;
	cr_assert_eq(waitpid(pid, &status, 0), pid);
	cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%x", status);
	cr_expect_eq(asked, 0);
}

Test(control, the_socket_is_for_root_and_its_group)
{
	struct stat status;
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0660);
	cr_expect_eq(status.st_gid, getegid());
	int other;
	cr_assert_eq(control_listen(path, (gid_t)-1, &diag, &other), 0, "one that is left over is replaced");
	cr_assert_eq(stat(path, &status), 0);
	cr_expect_eq(status.st_mode & 07777, 0600);
	close(other);
}

Test(control, somebodys_file_is_left_alone)
{
	char file[320];
	int fd;
	snprintf(file, sizeof file, "%s/file", folder);
	FILE *made = fopen(file, "w");
	cr_assert_not_null(made);
	fclose(made);
	cr_expect_eq(control_listen(file, getegid(), &diag, &fd), ERROR_SYSTEM);
	cr_expect_eq(diag.errors, 1);
	struct stat status;
	cr_expect(stat(file, &status) == 0 && S_ISREG(status.st_mode));
	unlink(file);
}

/* --- The client's side, against a server in a process of its own --- */

static struct control *server;

static void answer_at_once(enum message_type type, uint32_t number, void *context)
{
	(void)context;
	control_answer(server, type, number, cursor_text(type == MESSAGE_STATUS ? "the state" : "done"));
}

static pid_t server_start(bool answers)
{
	pid_t pid = fork();
	if (pid != 0)
		return pid;
	struct loop *real = loop_new();
	const struct control_options options = {listener, getegid(), answers ? answer_at_once : ask_taken, &asked};
	server = control_new(real, &options);
	(void)loop_run(real);
	_exit(0);
}

static void server_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

Test(control, ask_gets_the_answer, .timeout = 30)
{
	struct buffer text;
	buffer_init(&text, 65536);
	pid_t pid = server_start(true);
	cr_expect_eq(control_ask(path, MESSAGE_STATUS, &diag, &text), 0);
	cr_expect_str_eq(buffer_text(&text), "the state");
	cr_expect_eq(control_ask(path, MESSAGE_RELOAD, &diag, &text), 0);
	cr_expect_str_eq(buffer_text(&text), "the statedone");
	cr_expect_eq(diag.errors, 0);
	cr_expect_eq(control_ask(path, MESSAGE_COUNTS, &diag, &text), ERROR_SYSTEM);
	buffer_done(&text);
	server_end(pid);
}

Test(control, ask_tells_no_service_from_one_that_may_not_be_asked)
{
	struct buffer text;
	buffer_init(&text, 65536);
	cr_expect_eq(control_ask("/nonexistent/control", MESSAGE_STATUS, &diag, &text), ERROR_NOT_FOUND);
	close(listener);
	control_free(control);
	control = NULL;
	listener = -1;
	cr_expect_eq(control_ask(path, MESSAGE_STATUS, &diag, &text), ERROR_NOT_FOUND, "a socket that nobody listens to");
	cr_expect_eq(diag.count, 0);
	cr_assert_eq(chmod(path, geteuid() == 0 ? 0600 : 0), 0);
	if (geteuid() == 0) {
		cr_assert_eq(chmod(folder, 0755), 0);
		cr_assert_eq(seteuid(65534), 0);
	}
	cr_expect_eq(control_ask(path, MESSAGE_STATUS, &diag, &text), ERROR_SYSTEM);
	cr_expect_eq(seteuid(getuid()), 0);
	cr_expect_eq(diag.errors, 1);
	cr_expect_not_null(strstr(diag.messages[0].text, "only root and members of the service's group"), "%s", diag.messages[0].text);
	cr_expect_eq(buffer_text(&text)[0], '\0');
	buffer_done(&text);
}
