/* What a process of the service has to say to another: messages that wait for the other side to read, bounded in
 * bytes; what does not fit is lost and counted.  The other side may die and come back: what waits is kept for its
 * successor, and a table (settings and names) is told to it anew. */
#ifndef CORDON_BOOTCFG_DAEMON_OUTBOX_H
#define CORDON_BOOTCFG_DAEMON_OUTBOX_H

#include "bootcfg/daemon/loop.h"
#include "bootcfg/daemon/message.h"

struct outbox;

/* `most`: bytes that may wait, the table apart (OUTBOX_TABLE).  `gone` is called, once, from the loop or from within
 * outbox_add, when the other side does not take messages any more; the outbox is detached then.  Caller frees. */
enum { OUTBOX_TABLE = 64 << 20 };
struct outbox *outbox_new(struct loop *loop, size_t most, void (*gone)(void *context), void *context);
void outbox_free(struct outbox *outbox);

/* The descriptor is borrowed: detach before it is closed.  Attaching sends the table from its beginning. */
void outbox_attach(struct outbox *outbox, int fd);
void outbox_detach(struct outbox *outbox);
void outbox_clear(struct outbox *outbox); /* forgets what waits, not the table */

/* Messages arrive in the order of their adding, all of the table first.  False when it is lost. */
bool outbox_add(struct outbox *outbox, enum message_type type, const void *fixed, const void *tail, size_t tail_length);
/* A new table in place of the old one; sent when it is whole. */
void outbox_table_begin(struct outbox *outbox);
bool outbox_table_add(struct outbox *outbox, enum message_type type, const void *fixed, const void *tail, size_t tail_length);
void outbox_table_end(struct outbox *outbox);

size_t outbox_waiting(const struct outbox *outbox); /* bytes, the unsent part of the table included */
uint64_t outbox_lost(const struct outbox *outbox);  /* messages */

#endif
