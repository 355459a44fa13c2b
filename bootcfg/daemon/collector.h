/* The drop collector: nflog messages in, records out, to /var/log/cordon/drops.log (W3C, rotated by size, bounded,
 * counting when the disk is full) and the journal.  Runs in an unprivileged child.  Under flood every drop is counted:
 * what is not written singly is written as a count (x-count). */
#ifndef CORDON_BOOTCFG_DAEMON_COLLECTOR_H
#define CORDON_BOOTCFG_DAEMON_COLLECTOR_H

#include "bootcfg/daemon/loop.h"
#include "bootcfg/daemon/message.h"
#include "core/record/record.h"

struct collector;

struct collector_options {
	int nflog;             /* bound nfnetlink_log socket (collector_socket), or -1 in tests */
	int folder;            /* descriptor of the folder of the log, or -1: no file */
	size_t log_most;       /* bytes of one file */
	unsigned log_files;    /* how many are kept */
	bool journal;
};

/* Needs CAP_NET_ADMIN: done by the parent, handed down.  Copy mode packet, 128 bytes, a large receive buffer. */
int collector_socket(uint16_t group, struct diag *diag, int *ret_fd);

struct collector *collector_new(struct loop *loop, const struct collector_options *options);
void collector_free(struct collector *collector); /* writes out what it holds */

/* One message of the parent. */
int collector_message(struct collector *collector, enum message_type type, const void *fixed, struct cursor tail);
/* One datagram of nfnetlink_log, as read from the socket: tests give it from a script. */
void collector_datagram(struct collector *collector, const void *bytes, size_t length);
/* The kernel has dropped messages (ENOBUFS): they are made up for from the counters and sequence numbers. */
void collector_overrun(struct collector *collector);
void collector_flush(struct collector *collector);
void collector_counts(const struct collector *collector, struct message_counts *ret_counts);

#endif
