/* What loop.c (libevent) and loop_scripted.c (a test's time) share.  Timers are ours in both: one ordered list, so
 * that their order in a test is their order in the service. */
#ifndef CORDON_BOOTCFG_DAEMON_LOOP_INTERNAL_H
#define CORDON_BOOTCFG_DAEMON_LOOP_INTERNAL_H

#include "bootcfg/daemon/loop.h"

#include <stddef.h>

struct event;
struct event_base;

enum watch_kind { WATCH_TIMER, WATCH_READABLE, WATCH_WRITABLE };

struct watch {
	struct loop *loop;
	struct watch *next, *previous; /* in one of the loop's two lists */
	void (*call)(void *context);
	void *context;
	enum watch_kind kind;
	bool armed;            /* timer: waits in the list of timers */
	bool ready;            /* scripted: found ready in this round */
	int fd;
	int64_t due;           /* timer: ms of loop_now */
	uint64_t order;        /* timer: among equal times the older first */
	struct event *event;   /* libevent; NULL when scripted */
};

struct watch_list {
	struct watch *first;
};

struct loop {
	struct watch_list timers; /* armed, by due and order */
	struct watch_list others; /* descriptors, and timers that are not armed */
	uint64_t orders;
	bool stopped;
	bool scripted;
	int64_t now;              /* scripted */
	struct event_base *base;  /* libevent, and its one timer: a timerfd of CLOCK_BOOTTIME */
	struct event *clock;
	int clock_fd;
};

/* Calls every armed timer that is due at `now` and was set before this call. */
void loop_timers(struct loop *loop, int64_t now);

/* loop_scripted.c */
int loop_scripted_run(struct loop *loop);

#endif
