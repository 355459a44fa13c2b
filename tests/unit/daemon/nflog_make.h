/* Datagrams of nfnetlink_log as a kernel would send them, for tests. */
#ifndef CORDON_TESTS_UNIT_DAEMON_NFLOG_MAKE_H
#define CORDON_TESTS_UNIT_DAEMON_NFLOG_MAKE_H

#include <stdint.h>

#include "core/base/buffer.h"

struct made_packet {
	const char *prefix;      /* NULL: none */
	uint32_t sequence;
	uint8_t hook;            /* NF_INET_… */
	uint32_t indev, outdev;  /* 0: none */
	uint32_t src, dst;       /* IPv4, host order */
	uint8_t protocol;        /* TCP or UDP */
	uint16_t srcport, dstport;
	int64_t seconds;         /* 0: no time */
	uint32_t uid;            /* 0: none */
};

/* The IPv4 packet that it is of; returns its length. */
enum { MADE_PACKET = 40 };
size_t packet_make(const struct made_packet *made, uint8_t bytes[MADE_PACKET]);

/* Appends one message. */
void nflog_make(const struct made_packet *made, struct buffer *datagram);
/* Appends what ends a batch. */
void nflog_make_end(struct buffer *datagram);

#endif
