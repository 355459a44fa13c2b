/* The event loop, once: libevent in the service, a script in tests.  Modules of the service get time, timers and
 * descriptors from here only, so a test gives them 24 h in a second and never sleeps. */
#ifndef CORDON_BOOTCFG_DAEMON_LOOP_H
#define CORDON_BOOTCFG_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch; /* a timer or a descriptor */

struct loop *loop_new(void);                 /* libevent; NULL: the system has no descriptor left */
struct loop *loop_new_scripted(int64_t now); /* time moves only by loop_advance; `now` in ms */
void loop_free(struct loop *loop);           /* and every watch that is left */

int64_t loop_now(const struct loop *loop);   /* ms, CLOCK_BOOTTIME or the script's */
int64_t loop_time(const struct loop *loop);  /* Unix time in microseconds, or the script's: now as if boot were 1970 */

/* Called once, after so many ms (less than 0 counts as 0), never from within this function; watch_again sets it anew,
 * from its own call too.  Timers that are due together are called in the order in which they were set. */
struct watch *loop_timer(struct loop *loop, int64_t after, void (*call)(void *context), void *context);
void watch_again(struct watch *watch, int64_t after);
/* Called whenever the descriptor is readable (level-triggered; its end and its errors count as readable).  Free the
 * watch before you close the descriptor.  NULL when the system cannot watch it (a plain file, no memory). */
struct watch *loop_readable(struct loop *loop, int fd, void (*call)(void *context), void *context);
struct watch *loop_writable(struct loop *loop, int fd, void (*call)(void *context), void *context);
void watch_free(struct watch *watch);        /* NULL is fine; may be called from its own call */

/* Until loop_stop; 0, or ERROR_SYSTEM.  Scripted: from timer to timer, also until nothing is left to wait for. */
int loop_run(struct loop *loop);
void loop_stop(struct loop *loop);           /* after the call that is running; before a run: that one ends at once */
/* Scripted: runs timers that are due within so many ms in their order, and descriptors that are ready in between. */
void loop_advance(struct loop *loop, int64_t milliseconds);

/* The libevent base, for evdns; NULL when scripted. */
struct event_base *loop_base(struct loop *loop);

#endif
