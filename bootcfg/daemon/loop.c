/* The loop over libevent.  Timers do not use libevent's own, which stand still while the machine sleeps: one timerfd
 * of CLOCK_BOOTTIME wakes us for the first of ours. */
#include "bootcfg/daemon/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "bootcfg/daemon/loop_internal.h"
#include "core/base/error.h"
#include "core/base/memory.h"

static void list_add(struct watch_list *list, struct watch *watch)
{
	watch->previous = NULL;
	watch->next = list->first;
	if (list->first != NULL)
		list->first->previous = watch;
	list->first = watch;
}

static void list_remove(struct watch_list *list, struct watch *watch)
{
	if (watch->previous != NULL)
		watch->previous->next = watch->next;
	else
		list->first = watch->next;
	if (watch->next != NULL)
		watch->next->previous = watch->previous;
	watch->next = watch->previous = NULL;
}

/* Behind all that are due no later. */
static void timer_insert(struct loop *loop, struct watch *watch)
{
	struct watch *before = NULL;
	for (struct watch *at = loop->timers.first; at != NULL && at->due <= watch->due; at = at->next)
		before = at;
	if (before == NULL) {
		list_add(&loop->timers, watch);
		return;
	}
	watch->previous = before;
	watch->next = before->next;
	if (before->next != NULL)
		before->next->previous = watch;
	before->next = watch;
}

/* Lets the clock ring for the first timer; a time that has passed rings at once. */
static void clock_set(struct loop *loop)
{
	if (loop->scripted)
		return;
	struct itimerspec when = {{0, 0}, {0, 0}};
	if (loop->timers.first != NULL) {
		int64_t due = loop->timers.first->due > 0 ? loop->timers.first->due : 1;
		when.it_value.tv_sec = (time_t)(due / 1000);
		when.it_value.tv_nsec = (long)(due % 1000) * 1000000;
	}
	/* Fails only for times that cannot be: ours are not negative and have less than 10^9 ns. */
	(void)timerfd_settime(loop->clock_fd, TFD_TIMER_ABSTIME, &when, NULL);
}

void loop_timers(struct loop *loop, int64_t now)
{
	uint64_t newest = loop->orders;
	for (;;) {
		struct watch *watch = loop->timers.first;
		/* One that a call has set anew is left for the next round: it must not keep descriptors waiting. */
		while (watch != NULL && watch->due <= now && watch->order > newest)
			watch = watch->next;
		if (watch == NULL || watch->due > now || loop->stopped)
			break;
		list_remove(&loop->timers, watch);
		list_add(&loop->others, watch);
		watch->armed = false;
		watch->call(watch->context); /* may free it */
	}
	clock_set(loop);
}

static void clock_rings(evutil_socket_t fd, short what, void *context)
{
	struct loop *loop = context;
	uint64_t times;
	(void)what;
	if (read(fd, &times, sizeof times) < 0 && errno != EAGAIN)
		loop->stopped = true; /* cannot be: a timerfd is never at its end */
	loop_timers(loop, loop_now(loop));
	if (loop->stopped)
		event_base_loopbreak(loop->base);
}

/* libevent would print to standard error what its return values say too. */
static void log_nothing(int severity, const char *text)
{
	(void)severity;
	(void)text;
}

struct loop *loop_new(void)
{
	event_set_log_callback(log_nothing);
	struct loop *loop = memory_alloc(sizeof *loop);
	loop->clock_fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
	loop->base = loop->clock_fd < 0 ? NULL : event_base_new();
	loop->clock = loop->base == NULL ? NULL
					 : event_new(loop->base, loop->clock_fd, EV_READ | EV_PERSIST, clock_rings, loop);
	if (loop->clock != NULL && event_add(loop->clock, NULL) == 0)
		return loop;
	loop_free(loop);
	return NULL;
}

static void loop_close(struct loop *loop)
{
	if (loop->clock != NULL)
		event_free(loop->clock);
	if (loop->base != NULL)
		event_base_free(loop->base);
	if (!loop->scripted && loop->clock_fd >= 0)
		(void)close(loop->clock_fd);
}

void loop_free(struct loop *loop)
{
	if (loop == NULL)
		return;
	while (loop->timers.first != NULL)
		watch_free(loop->timers.first);
	while (loop->others.first != NULL)
		watch_free(loop->others.first);
	loop_close(loop);
	free(loop);
}

int64_t loop_now(const struct loop *loop)
{
	struct timespec now = {0, 0};
	if (loop->scripted)
		return loop->now;
	(void)clock_gettime(CLOCK_BOOTTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t loop_time(const struct loop *loop)
{
	struct timespec now = {0, 0};
	if (loop->scripted)
		return loop->now * 1000;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static struct watch *watch_new(struct loop *loop, enum watch_kind kind, void (*call)(void *context), void *context)
{
	struct watch *watch = memory_alloc(sizeof *watch);
	watch->loop = loop;
	watch->kind = kind;
	watch->call = call;
	watch->context = context;
	watch->fd = -1;
	list_add(&loop->others, watch);
	return watch;
}

struct watch *loop_timer(struct loop *loop, int64_t after, void (*call)(void *context), void *context)
{
	struct watch *watch = watch_new(loop, WATCH_TIMER, call, context);
	watch_again(watch, after);
	return watch;
}

void watch_again(struct watch *watch, int64_t after)
{
	struct loop *loop = watch->loop;
	if (watch->kind != WATCH_TIMER)
		return;
	list_remove(watch->armed ? &loop->timers : &loop->others, watch);
	watch->due = loop_now(loop) + (after > 0 ? after : 0);
	watch->order = ++loop->orders;
	watch->armed = true;
	timer_insert(loop, watch);
	if (loop->timers.first == watch)
		clock_set(loop);
}

static void descriptor_ready(evutil_socket_t fd, short what, void *context)
{
	struct watch *watch = context;
	(void)fd;
	(void)what;
	watch->call(watch->context); /* may free it */
}

static struct watch *descriptor_watch(struct loop *loop, int fd, enum watch_kind kind, void (*call)(void *context), void *context)
{
	struct watch *watch = watch_new(loop, kind, call, context);
	watch->fd = fd;
	if (loop->scripted)
		return watch;
	short what = (short)((kind == WATCH_READABLE ? EV_READ : EV_WRITE) | EV_PERSIST);
	watch->event = event_new(loop->base, fd, what, descriptor_ready, watch);
	if (watch->event != NULL && event_add(watch->event, NULL) == 0)
		return watch;
	watch_free(watch);
	return NULL;
}

struct watch *loop_readable(struct loop *loop, int fd, void (*call)(void *context), void *context)
{
	return descriptor_watch(loop, fd, WATCH_READABLE, call, context);
}

struct watch *loop_writable(struct loop *loop, int fd, void (*call)(void *context), void *context)
{
	return descriptor_watch(loop, fd, WATCH_WRITABLE, call, context);
}

void watch_free(struct watch *watch)
{
	if (watch == NULL)
		return;
	struct loop *loop = watch->loop;
	list_remove(watch->armed ? &loop->timers : &loop->others, watch);
	if (watch->event != NULL)
		event_free(watch->event);
	free(watch);
}

int loop_run(struct loop *loop)
{
	int error = loop->scripted ? loop_scripted_run(loop) : 0;
	while (error == 0 && !loop->scripted && !loop->stopped)
		error = event_base_loop(loop->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? ERROR_SYSTEM : 0;
	loop->stopped = false;
	return error;
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
	if (!loop->scripted)
		event_base_loopbreak(loop->base);
}

struct event_base *loop_base(struct loop *loop)
{
	return loop->base;
}
