/* The two children.  Each gives up all that it can before it looks at anything from outside; whatever is wrong after
 * that ends it, and the parent starts another. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "bootcfg/daemon/child.h"
#include "bootcfg/daemon/collector.h"
#include "bootcfg/daemon/control.h"
#include "bootcfg/daemon/notice.h"
#include "bootcfg/daemon/sandbox.h"
#include "bootcfg/daemon/service.h"
#include "core/base/attr.h"
#include "core/base/error.h"
#include "core/base/memory.h"

enum { NUMBERS = 5, COUNTS_EVERY = 2000, LAST_SECONDS = 5 };

struct member {
	struct loop *loop;
	char *bytes;                /* MESSAGE_MOST */
	uint64_t numbers[NUMBERS];  /* of the command line */
	struct collector *collector;
	struct control *control;
	struct watch *counts;
	int (*message)(struct member *member, enum message_type type, const void *fixed, struct cursor tail);
};

/* --- The collector --- */

static void counts_send(void *context)
{
	struct member *member = context;
	struct message_counts counts;
	memset(&counts, 0, sizeof counts);
	collector_counts(member->collector, &counts);
	/* When the parent is late it gets the next one. */
	(void)message_send(CHILD_CHANNEL, MESSAGE_COUNTS, &counts, sizeof counts, NULL, 0);
	watch_again(member->counts, COUNTS_EVERY);
}

static int collector_take(struct member *member, enum message_type type, const void *fixed, struct cursor tail)
{
	if (type != MESSAGE_FLUSH)
		return collector_message(member->collector, type, fixed, tail);
	collector_flush(member->collector);
	counts_send(member);
	return message_send(CHILD_CHANNEL, MESSAGE_FLUSH, NULL, 0, NULL, 0);
}

static int descriptor_given(int fd)
{
	return fcntl(fd, F_GETFD) >= 0 ? fd : -1;
}

static int collector_prepare(struct member *member, struct sandbox *sandbox)
{
	(void)member;
	sandbox->folder = descriptor_given(CHILD_SECOND);
	return 0;
}

static bool collector_begin(struct member *member)
{
	const struct collector_options options = {
		.nflog = descriptor_given(CHILD_FIRST),
		.folder = descriptor_given(CHILD_SECOND),
		.log_most = (size_t)member->numbers[2],
		.log_files = (unsigned)member->numbers[3],
		.journal = member->numbers[4] != 0,
	};
	member->collector = collector_new(member->loop, &options);
	if (member->collector != NULL)
		member->counts = loop_timer(member->loop, COUNTS_EVERY, counts_send, member);
	return member->collector != NULL;
}

static void collector_end(struct member *member)
{
	watch_free(member->counts);
	collector_free(member->collector);
}

/* --- The control socket --- */

static void question_send(enum message_type type, uint32_t number, void *context)
{
	struct member *member = context;
	const struct message_ask ask = {number};
	static const char busy[] = "the service is busy: try again";
	if (message_send(CHILD_CHANNEL, type, &ask, sizeof ask, NULL, 0) == ERROR_BUSY)
		control_refuse(member->control, number, busy);
}

static int control_take(struct member *member, enum message_type type, const void *fixed, struct cursor tail)
{
	const struct message_ask *ask = fixed;
	if (type != MESSAGE_STATUS && type != MESSAGE_RELOAD && type != MESSAGE_DIAGNOSTICS)
		return ERROR_DAMAGED;
	control_answer(member->control, type, ask->number, tail);
	return 0;
}

static int control_prepare(struct member *member, struct sandbox *sandbox)
{
	(void)member;
	(void)sandbox;
	return descriptor_given(CHILD_FIRST) < 0 ? ERROR_INPUT : 0;
}

static bool control_begin(struct member *member)
{
	const struct control_options options = {CHILD_FIRST, (gid_t)member->numbers[2], question_send, member};
	member->control = control_new(member->loop, &options);
	return member->control != NULL;
}

static void control_end(struct member *member)
{
	control_free(member->control);
}

/* --- What both do --- */

static const struct role {
	const char *name, *title;
	enum sandbox_kind kind;
	size_t numbers;
	int (*prepare)(struct member *member, struct sandbox *sandbox); /* before the sandbox */
	bool (*begin)(struct member *member);                          /* within it */
	int (*take)(struct member *member, enum message_type type, const void *fixed, struct cursor tail);
	void (*end)(struct member *member);
} roles[] = {
	{"collector", "cordond-collect", SANDBOX_COLLECTOR, 5, collector_prepare, collector_begin, collector_take, collector_end},
	{"control", "cordond-control", SANDBOX_CONTROL, 3, control_prepare, control_begin, control_take, control_end},
};

static void channel_readable(void *context)
{
	struct member *member = context;
	enum message_type type;
	const void *fixed;
	struct cursor tail;
	int error = message_receive(CHILD_CHANNEL, member->bytes, &type, &fixed, &tail);
	if (error == ERROR_NOT_FOUND)
		return;
	if (error == 0)
		error = type == MESSAGE_ALIVE ? message_send(CHILD_CHANNEL, MESSAGE_ALIVE, NULL, 0, NULL, 0)
					      : member->message(member, type, fixed, tail);
	/* The parent has hung up, or is not what it was: what is held is written out, and that is all. */
	if (error != 0 && error != ERROR_BUSY)
		loop_stop(member->loop);
}

/* The parent is gone, or systemd stops us all: the end of the channel tells the loop.  If that hangs, this ends it. */
static void term_caught(int signal_number)
{
	(void)signal_number;
	(void)alarm(LAST_SECONDS);
}

static void signals_set(void)
{
	sigset_t none;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, term = {.sa_handler = term_caught, .sa_flags = SA_RESTART};
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGPIPE, &ignore, NULL);
	(void)sigaction(SIGTERM, &term, NULL);
	(void)sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool numbers_parse(const struct role *role, size_t count, char *const words[], uint64_t ret_numbers[NUMBERS])
{
	bool good = count == role->numbers;
	for (size_t i = 0; good && i < count; i++)
		good = number_parse(words[i], strlen(words[i]), INT64_MAX, &ret_numbers[i]);
	return good;
}

static int member_run(const struct role *role, struct member *member)
{
	struct diag diag;
	diag_init(&diag);
	struct sandbox sandbox = {role->kind, (uid_t)member->numbers[0], (gid_t)member->numbers[1], -1};
	member->bytes = memory_alloc(MESSAGE_MOST);
	member->message = role->take;
	member->loop = loop_new();
	int error = member->loop == NULL ? ERROR_SYSTEM : role->prepare(member, &sandbox);
	if (error == 0)
		error = sandbox_enter(&sandbox, &diag);
	/* What the kernel lacks, the parent has said. */
	if (error != 0)
		notice_diag(&diag);
	diag_done(&diag);
	if (error == 0 && role->begin(member) &&
	    loop_readable(member->loop, CHILD_CHANNEL, channel_readable, member) != NULL)
		error = loop_run(member->loop);
	else
		error = error != 0 ? error : ERROR_SYSTEM;
	role->end(member);
	return error_exit(error);
}

int service_child(size_t count, char *const words[])
{
	struct member member = {0};
	notice_open("cordond");
	for (size_t i = 0; i < ARRAY_LENGTH(roles); i++) {
		if (count == 0 || strcmp(words[0], roles[i].name) != 0)
			continue;
		if (!numbers_parse(&roles[i], count - 1, words + 1, member.numbers) || descriptor_given(CHILD_CHANNEL) < 0)
			break;
		(void)prctl(PR_SET_NAME, roles[i].title);
		signals_set();
		/* Straight out: what runs at a normal exit is no business of the sandbox. */
		_exit(member_run(&roles[i], &member));
	}
	notice_say(SEVERITY_ERROR, "--child is for cordond itself");
	return EXIT_INPUT;
}
