/* The drop collector: nflog messages in, records out, to /var/log/cordon/drops.log (W3C, rotated by size, bounded,
 * counting when the disk is full) and the journal.  Runs in an unprivileged child.  Under flood every drop is counted:
 * what is not written singly is written as a count (x-count).  What each level records: docs/drops.md.
 *
 * System calls after collector_new: recvmmsg, getsockopt, setsockopt, openat, pread64, write, fstat, newfstatat,
 * ftruncate, lseek, flock, renameat, unlinkat, socket (AF_UNIX), connect, sendto (of the journal), uname, clock_gettime,
 * and what memory needs.  The folder must be writable for the child, and its files too. */
#ifndef CORDON_BOOTCFG_DAEMON_COLLECTOR_H
#define CORDON_BOOTCFG_DAEMON_COLLECTOR_H

#include "bootcfg/daemon/loop.h"
#include "bootcfg/daemon/message.h"
#include "core/base/diag.h"
#include "core/record/record.h"

struct collector;

struct collector_options {
	int nflog;             /* bound nfnetlink_log socket (collector_socket), or -1 in tests; borrowed */
	int folder;            /* descriptor of the folder of the log, or -1: no file; borrowed */
	size_t log_most;       /* bytes of one file; 0: DROPLOG_MOST */
	unsigned log_files;    /* how many are kept; 0: DROPLOG_FILES */
	bool journal;
	/* All of the following may be left 0: the defaults. */
	const char *journal_path;
	uint32_t burst, rate;  /* drops that are written singly: at once, and a second */
	uint32_t sources;      /* entries of the table of counts; 0: by the size of the log */
};

/* However long a flood goes on, the lines that it makes must not drive everything else out of a log of bounded size: at
 * the rate, and with a table written out at most once in COLLECTOR_CROWDED ms before its interval, a log of the default
 * size lasts for some hours. */
enum {
	COLLECTOR_BURST = 2000, COLLECTOR_RATE = 20, COLLECTOR_SOURCES_LEAST = 256, COLLECTOR_SOURCES_MOST = 65536,
	COLLECTOR_CROWDED = 600000,
};

/* Needs CAP_NET_ADMIN: done by the parent, handed down.  Copy mode packet, 128 bytes, a large receive buffer. */
int collector_socket(uint16_t group, struct diag *diag, int *ret_fd);

/* Before the first MESSAGE_SETTINGS nothing is recorded but events and what was dropped at boot. */
struct collector *collector_new(struct loop *loop, const struct collector_options *options);
void collector_free(struct collector *collector); /* writes out what it holds */

/* One message of the parent, as message_receive gave it.  ERROR_DAMAGED for one that is not for the collector or does
 * not hold what it must.  MESSAGE_FLUSH writes out; the answer is the caller's. */
int collector_message(struct collector *collector, enum message_type type, const void *fixed, struct cursor tail);
/* One datagram of nfnetlink_log, as read from the socket: tests give it from a script. */
void collector_datagram(struct collector *collector, const void *bytes, size_t length);
/* The kernel had no room for messages: how many is seen from the sequence number of the next one. */
void collector_overrun(struct collector *collector);
void collector_flush(struct collector *collector);
/* received: drops (and in observe mode would-be drops) that the kernel told of; written: those with a line of their
 * own; counted: those that went into a count; lost: those that the kernel could not tell of, written as a count too.
 * received less written less counted is what the diagnostics level leaves out. */
void collector_counts(const struct collector *collector, struct message_counts *ret_counts);

#endif
