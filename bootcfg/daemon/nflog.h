/* Messages of nfnetlink_log: one logged packet each, many in a datagram.  Reading is bounds-checked and touches no
 * system call; the socket is opened by whoever has CAP_NET_ADMIN. */
#ifndef CORDON_BOOTCFG_DAEMON_NFLOG_H
#define CORDON_BOOTCFG_DAEMON_NFLOG_H

#include "core/base/cursor.h"
#include "core/base/diag.h"

struct nflog_packet {
	struct cursor prefix;      /* of the rule that logged it, without the NUL */
	const uint8_t *payload;    /* the packet from the IP header on, as much as was copied; NULL: none */
	size_t payload_length;
	uint32_t sequence;         /* of the group: a gap is what was lost; valid with has_sequence */
	uint32_t indev, outdev;    /* interface indexes, 0: none */
	uint32_t uid;              /* of the socket that sent it; valid with has_uid */
	int64_t seconds;           /* when it came in, Unix time; valid with has_time */
	uint32_t microseconds;
	uint8_t hook;              /* NF_INET_… */
	bool has_sequence, has_uid, has_time;
};

struct nflog_reader {
	const uint8_t *at, *end;
};

/* 1: the next packet of the datagram, whose parts point into it; 0: no more; ERROR_DAMAGED: the rest is not netlink. */
int nflog_next(struct nflog_reader *reader, struct nflog_packet *ret_packet);

enum {
	NFLOG_DATAGRAM = 32768,        /* room for any datagram of a socket that nflog_open has made */
	NFLOG_RECEIVE = 32 * 1024 * 1024, /* bytes that the kernel keeps for a reader that is late */
};

/* A bound, non-blocking socket.  ERROR_SYSTEM with a message. */
int nflog_open(uint16_t group, struct diag *diag, int *ret_fd);

/* How many datagrams the kernel had no room for until now: a number that only grows. */
uint32_t nflog_overflows(int fd);

#endif
