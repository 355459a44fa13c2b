/* Typed messages between the service's parent and its children, over SOCK_SEQPACKET: one datagram is one message.
 * Whoever receives checks type and sizes and ends the connection when anything is wrong: the other side may be
 * compromised. */
#ifndef CORDON_BOOTCFG_DAEMON_MESSAGE_H
#define CORDON_BOOTCFG_DAEMON_MESSAGE_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/cursor.h"

enum { MESSAGE_MOST = 65536 };

enum message_type {
	/* parent to collector */
	MESSAGE_SETTINGS = 1, /* struct message_settings */
	MESSAGE_NAMES,        /* struct message_names and its texts: what a counter's hash stands for, in force from now on */
	MESSAGE_NAMES_END,    /* the table is whole: forget the names of generations before the last */
	MESSAGE_EVENT,        /* struct message_event and its text: a mode change or other happening, to be logged */
	MESSAGE_BOOTDROP,     /* struct bootdrop */
	MESSAGE_FLUSH,        /* write out what is held back; answered with the same */
	/* collector to parent */
	MESSAGE_COUNTS,       /* struct message_counts: what was received, written, counted, lost */
	/* control to parent, and the answer of the same type */
	MESSAGE_STATUS,       /* nothing; answered by JSON text */
	MESSAGE_RELOAD,       /* nothing: look at the store now; answered by a line of text */
	MESSAGE_DIAGNOSTICS,  /* nothing: the store's ipsecdiagnostics and ipsecloginterval at once; answered by text */
	MESSAGE_TYPES,
};

struct message_settings {
	uint32_t diagnostics;  /* 0..7 */
	uint32_t interval;     /* seconds */
	uint8_t observe;
	char mode[15];         /* "secure", "block", "boot", "observe" */
};
struct message_names {
	char hash[17];         /* 16 hex digits and a NUL, as in the log prefix */
	uint8_t action;        /* enum action */
	uint16_t policy, rule, list; /* lengths of the texts that follow, in this order */
};
struct message_event {
	uint16_t eventid;
	char mode[16];
	char digest[65];
	uint16_t text;         /* length of the text that follows */
};
struct message_counts {
	uint64_t received, written, counted, lost;
};

/* Sends one message; never blocks: ERROR_BUSY when the other side does not read (the caller counts), ERROR_SYSTEM
 * when it is gone. */
int message_send(int fd, enum message_type type, const void *fixed, size_t fixed_length, const void *tail, size_t tail_length);
/* Receives one into `bytes` (MESSAGE_MOST).  ERROR_NOT_FOUND: none there now; ERROR_SYSTEM: the other side is gone;
 * ERROR_DAMAGED: not a message.  ret_fixed and ret_tail point into bytes; the fixed part has the size of its type. */
int message_receive(int fd, void *bytes, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail);

#endif
