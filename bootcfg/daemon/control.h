/* The control socket of the service, /run/cordon/control: what `cordon` asks.  SOCK_SEQPACKET, messages as between the
 * service's own processes; only root and the group cordon are answered.  One connection is one question and its answer.
 *
 * The server runs in a child of its own.  It accepts, checks who asks, hands questions to the parent and answers back,
 * and bounds everything: connections (CONTROL_CLIENTS, of which root alone gets the last quarter, and no other user more
 * than a quarter), time, bytes.  A client that sends nothing, half a message or too much, or does not read, is dropped. */
#ifndef CORDON_BOOTCFG_DAEMON_CONTROL_H
#define CORDON_BOOTCFG_DAEMON_CONTROL_H

#include <sys/types.h>

#include "bootcfg/daemon/loop.h"
#include "bootcfg/daemon/message.h"
#include "core/base/buffer.h"
#include "core/base/diag.h"

#define CONTROL_SOCKET "/run/cordon/control"

enum { CONTROL_CLIENTS = 64, CONTROL_TIMEOUT = 5000 }; /* ms that a client may be silent, and the parent */

/* --- The client's side --- */

/* One question, its answer, at most 5 s.  ERROR_NOT_FOUND without a message when no service listens; ERROR_SYSTEM with
 * one when it does not answer us or not in time. */
int control_ask(const char *path, enum message_type type, struct diag *diag, struct buffer *ret_answer);

/* --- The server's side --- */

/* The socket, listening, owned by root and the group, mode 0660 (no group, (gid_t)-1: 0600).  What a service before us
 * left at the path goes.  Caller closes.  ERROR_SYSTEM with a message. */
int control_listen(const char *path, gid_t group, struct diag *diag, int *ret_fd);

struct control;

struct control_options {
	int listener;          /* borrowed: from control_listen */
	gid_t group;           /* that is answered besides root; (gid_t)-1: none */
	/* One question for the parent, which answers with control_answer and the same number. */
	void (*ask)(enum message_type type, uint32_t number, void *context);
	void *context;
};

/* Caller frees.  NULL when the loop cannot watch the listener. */
struct control *control_new(struct loop *loop, const struct control_options *options);
void control_free(struct control *control);

/* An answer of the parent; one for a client that has gone is dropped. */
void control_answer(struct control *control, enum message_type type, uint32_t number, struct cursor text);
/* The question cannot be passed on: says why, and drops the client.  May be called from within `ask`. */
void control_refuse(struct control *control, uint32_t number, const char *why);
size_t control_clients(const struct control *control);

#endif
