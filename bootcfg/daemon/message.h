/* Typed messages between the service's parent and its children, and between `cordon` and the control socket, over
 * SOCK_SEQPACKET: one datagram is one message.
 *
 *   offset  0  uint32  MESSAGE_MAGIC
 *           4  uint32  type, enum message_type
 *           8  uint32  length of the fixed part: the size of the type's struct
 *          12  uint32  length of the tail: the texts that follow
 *          16          fixed part, tail; nothing after it
 *
 * Numbers as the machine has them: a message never leaves it.  Whoever receives checks type and sizes and ends the
 * connection when anything is wrong: the other side may be compromised.  Descriptors are never taken. */
#ifndef CORDON_BOOTCFG_DAEMON_MESSAGE_H
#define CORDON_BOOTCFG_DAEMON_MESSAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/cursor.h"

enum { MESSAGE_MOST = 65536, MESSAGE_TAIL = 64512 }; /* bytes of a receiver's memory; of the longest tail */
#define MESSAGE_MAGIC 0x31445243u                     /* "CRD1" */

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
	/* control to parent, and the answer of the same type and number */
	MESSAGE_STATUS,       /* struct message_ask; answered by struct message_ask and JSON text */
	MESSAGE_RELOAD,       /* the same: look at the store now; answered by a line of text */
	MESSAGE_DIAGNOSTICS,  /* the same: the store's ipsecdiagnostics and ipsecloginterval at once; answered by text */
	/* control to a client that is not served: the tail says why */
	MESSAGE_REFUSED,
	/* parent to child, and the answer: does your loop turn? */
	MESSAGE_ALIVE,
	MESSAGE_TYPES,
};

struct message_settings {
	uint32_t diagnostics;  /* 0..7 */
	uint32_t interval;     /* seconds */
	uint8_t observe;       /* 0 or 1 */
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
struct message_ask {
	uint32_t number;       /* the asker's own; its answer carries it */
};

/* The fixed part of a type in bytes.  The type must be one. */
size_t message_fixed(enum message_type type);

/* Sends one message; never blocks: ERROR_BUSY when the other side does not read (the caller counts), ERROR_SYSTEM
 * when it is gone, ERROR_BUG for one that message_receive would refuse (nothing is sent).  Initialise structs whole:
 * their padding is sent too. */
int message_send(int fd, enum message_type type, const void *fixed, size_t fixed_length, const void *tail, size_t tail_length);
/* Receives one into `bytes` (MESSAGE_MOST, any alignment).  ERROR_NOT_FOUND: none there now; ERROR_SYSTEM: the other
 * side is gone; ERROR_DAMAGED: not a message.  ret_fixed and ret_tail point into bytes; the fixed part has the size of
 * its type (and the alignment that it needs), its texts end in a NUL, its lengths are those of the tail. */
int message_receive(int fd, void *bytes, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail);
/* What message_receive does with what it has read: `bytes` aligned to 16.  ERROR_DAMAGED. */
int message_parse(const void *bytes, size_t length, enum message_type *ret_type, const void **ret_fixed, struct cursor *ret_tail);
/* The bytes of one message, appended, and what sends such bytes.  Errors as message_send. */
struct buffer;
int message_send_bytes(int fd, const void *bytes, size_t length);
int message_print(enum message_type type, const void *fixed, size_t fixed_length, const void *tail, size_t tail_length,
		  struct buffer *buffer);

#endif
