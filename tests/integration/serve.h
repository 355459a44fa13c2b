/* cordond for tests: in namespaces of the test's own, so that it finds no /etc, /run, /var of this machine and no
 * process of it outlives the test. */
#ifndef CORDON_TESTS_INTEGRATION_SERVE_H
#define CORDON_TESTS_INTEGRATION_SERVE_H

#include <stdbool.h>
#include <sys/types.h>

#include "core/base/buffer.h"

enum { SERVE_UID = 4290, SERVE_GID = 4291 }; /* of the user and group cordon that are made */

/* Goes on in a child that is process 1 of its own namespace, with empty /etc (users: root, nobody, cordon), /run,
 * /var/lib, /var/log; the caller's process waits for it and ends as it did.  Skips the whole test without the rights. */
void serve_enter(void);

/* Starts CORDON_BUILD/apps/cordond --foreground; its standard error is appended to *serve_log.  Returns its process. */
pid_t serve_start(void);
const char *serve_log(void);           /* path */
bool serve_said(const char *text);     /* in the log */
/* Waits until its control socket answers, at most 10 s. */
bool serve_ready(void);
/* Asks it: false when there is no answer.  Empties the buffer first. */
bool serve_ask(struct buffer *answer);
/* The number behind "key" of an object of the status, such as collector and pid; -1: none. */
long serve_number(const struct buffer *answer, const char *object, const char *key);
/* A child of a process by the name that it has in ps, "cordond-collect" or "cordond-control"; 0: none now. */
pid_t serve_child(pid_t parent, const char *name);
/* Ends it by a signal and waits at most 10 s; the status of waitpid, or -1. */
int serve_end(pid_t pid, int signal_number);
/* Waits for all that has become ours because its parent died; how many there are still after so many ms. */
unsigned serve_orphans(int milliseconds);

void serve_pause(int milliseconds);
/* The whole of a file; empty when it cannot be read. */
void serve_read(const char *path, struct buffer *text);
/* Runs `cordon` with words (ends with NULL) against the store of the service; its exit code. */
int serve_cordon(const char *const words[], struct buffer *output);
/* Runs a netsh script, by way of a file. */
bool serve_script(const char *text);

#endif
