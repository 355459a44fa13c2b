/* The loop of a test: time moves only by loop_advance, descriptors are looked at between timers. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "bootcfg/daemon/loop_internal.h"
#include "core/base/error.h"
#include "core/base/memory.h"

/* A descriptor that nobody empties would keep a test in one moment for ever. */
enum { ROUNDS_MOST = 4096 };

struct loop *loop_new_scripted(int64_t now)
{
	struct loop *loop = memory_alloc(sizeof *loop);
	loop->scripted = true;
	loop->now = now;
	loop->clock_fd = -1;
	return loop;
}

/* Marks what is ready; says whether anything is. */
static bool descriptors_look(struct loop *loop)
{
	bool any = false;
	for (struct watch *watch = loop->others.first; watch != NULL; watch = watch->next) {
		watch->ready = false;
		if (watch->kind == WATCH_TIMER)
			continue;
		struct pollfd look = {watch->fd, (short)(watch->kind == WATCH_READABLE ? POLLIN : POLLOUT), 0};
		watch->ready = poll(&look, 1, 0) > 0 && (look.revents & POLLNVAL) == 0;
		any = any || watch->ready;
	}
	return any;
}

/* Calls each that was marked; one may free another, so the list is looked through anew each time. */
static void descriptors_call(struct loop *loop)
{
	struct watch *watch;
	do {
		for (watch = loop->others.first; watch != NULL && !watch->ready; watch = watch->next)
			;
		if (watch != NULL) {
			watch->ready = false;
			watch->call(watch->context);
		}
	} while (watch != NULL && !loop->stopped);
}

/* Descriptors until they are quiet, and what timers are due now. */
static void moment_run(struct loop *loop)
{
	for (unsigned round = 0; round < ROUNDS_MOST && !loop->stopped; round++) {
		bool any = descriptors_look(loop);
		if (any)
			descriptors_call(loop);
		const struct watch *first = loop->timers.first;
		if (!loop->stopped && first != NULL && first->due <= loop->now)
			loop_timers(loop, loop->now);
		else if (!any)
			return;
	}
}

void loop_advance(struct loop *loop, int64_t milliseconds)
{
	int64_t until = loop->now + milliseconds;
	moment_run(loop);
	while (!loop->stopped && loop->timers.first != NULL && loop->timers.first->due <= until) {
		if (loop->timers.first->due > loop->now)
			loop->now = loop->timers.first->due;
		moment_run(loop);
		if (loop->timers.first != NULL && loop->timers.first->due <= loop->now)
			break; /* one that sets itself anew for now, ROUNDS_MOST times */
	}
	if (!loop->stopped)
		loop->now = until;
	loop->stopped = false;
}

/* From timer to timer, until somebody stops it or nothing is left to wait for. */
int loop_scripted_run(struct loop *loop)
{
	for (;;) {
		moment_run(loop);
		if (loop->stopped || loop->timers.first == NULL)
			return 0;
		if (loop->timers.first->due <= loop->now)
			return ERROR_BUG; /* one that sets itself anew for now, again and again */
		loop->now = loop->timers.first->due;
	}
}
