/* One dropped packet, or one event of the IPsec driver or service, whatever its source: the service's collector and
 * every log reader make these, every writer prints them.  Columns: logs.md 1.6. */
#ifndef CORDON_RECORD_RECORD_H
#define CORDON_RECORD_RECORD_H

#include "core/base/buffer.h"
#include "core/base/cursor.h"
#include "core/policy/packet.h"

/* The columns of the drops layout, in their order.  A column is one row of record_columns[]. */
enum record_column {
	COLUMN_DATE, COLUMN_TIME, COLUMN_SOURCE, COLUMN_EVENTID, COLUMN_ACTION, COLUMN_DIRECTION, COLUMN_PROTOCOL,
	COLUMN_SRC_IP, COLUMN_SRC_PORT, COLUMN_DST_IP, COLUMN_DST_PORT, COLUMN_TCPFLAGS, COLUMN_ICMPTYPE, COLUMN_ICMPCODE,
	COLUMN_SIZE, COLUMN_COUNT, COLUMN_SPI, COLUMN_PID, COLUMN_APPLICATION, COLUMN_LAYER, COLUMN_FILTER_ID, COLUMN_STATUS,
	COLUMN_RECORDNUMBER, COLUMN_COMPUTERNAME, COLUMN_LOG, COLUMN_POLICY, COLUMN_RULE, COLUMN_FILTERLIST, COLUMN_MODE,
	COLUMN_INTERFACE, COLUMN_RECOVERED,
	RECORD_COLUMNS,
};
extern const char *const record_columns[RECORD_COLUMNS]; /* "date", "time", "x-source", … */

/* Numbers that are not in the record are not 0 but absent: their bit in `has` is clear.  Text that is absent has
 * length 0.  Nothing is owned: text points into what the record was read from. */
struct record {
	uint64_t has;             /* bits 1 << enum record_column; date and time together: 1 << COLUMN_DATE */
	uint64_t time;            /* 100 ns since 1601-01-01 UTC (FILETIME) */
	uint32_t eventid;
	uint8_t protocol;
	struct ip src, dst;
	uint16_t srcport, dstport;
	uint8_t tcpflags;         /* the byte of the header: FIN 1, SYN 2, RST 4, PSH 8, ACK 16, URG 32, ECE 64, CWR 128 */
	uint8_t icmptype, icmpcode;
	uint32_t size;            /* bytes of the packet, IP header included */
	uint64_t count;           /* packets that this record stands for; absent: 1 */
	uint32_t spi;
	uint64_t pid, filter_id, recordnumber;
	uint32_t status;
	bool recovered;
	struct cursor source, action, direction, application, layer, computername, log, policy, rule, filterlist, mode, interface;
};

uint64_t record_time_of_unix(int64_t seconds, uint32_t nanoseconds); /* to FILETIME units */

/* Decodes the packet bytes that a record caught, from the IP header on, as many as there are: addresses, protocol,
 * ports, flags, ICMP type and code, size (from the header).  False when it is not even an IP header. */
bool record_packet(struct record *record, const uint8_t *bytes, size_t length);

#endif
