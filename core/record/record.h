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

/* How the value of a column is written and kept. */
enum record_kind {
	RECORD_DATE, RECORD_TIME, /* both of `time`: 2026-01-31 and 23:59:59, UTC, whole seconds */
	RECORD_TEXT,              /* a struct cursor; all other kinds are words without blanks */
	RECORD_NUMBER,            /* decimal */
	RECORD_HEX,               /* 0xC0000022 */
	RECORD_PROTOCOL,          /* TCP, or a number that has no name */
	RECORD_IP,
	RECORD_FLAGS,             /* letters of SAFRPUEC; 0: none is set */
	RECORD_YES,               /* yes, or absent */
};
struct record_field {
	const char *name;         /* "date", "x-source", … */
	uint8_t kind;             /* enum record_kind */
	uint8_t size;             /* of a number in bytes */
	uint16_t offset;          /* in struct record */
};
extern const struct record_field record_columns[RECORD_COLUMNS];

/* A number that is not in the record is not 0 but absent: its bit in `has` is clear.  A text that is absent has `at`
 * NULL; one that is there and empty has not.  Nothing is owned: text points into what the record was read from.
 * {0} is a record of which nothing is known. */
struct record {
	uint64_t has;             /* bits 1 << enum record_column of all columns but texts and x-recovered; date and time
				   * together: 1 << COLUMN_DATE */
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

#define RECORD_HAS(column) (UINT64_C(1) << (column))
static inline bool record_has(const struct record *record, enum record_column column)
{
	return (record->has & RECORD_HAS(column)) != 0;
}

/* To FILETIME units.  Times before 1601 become 0. */
uint64_t record_time_of_unix(int64_t seconds, uint32_t nanoseconds);

/* Decodes the packet bytes that a record caught, from the IP header on, as many as there are: addresses, protocol,
 * ports, flags, ICMP type and code, SPI, size (from the header).  What is cut off stays absent; a fragment that is not
 * the first has no ports.  False, and nothing is set, when it is not even an IP header. */
bool record_packet(struct record *record, const uint8_t *bytes, size_t length);

/* The value of a column that is no text, without a NUL; its length, 0 when it is absent. */
enum { RECORD_VALUE = 48 };
size_t record_value(const struct record *record, enum record_column column, char text[RECORD_VALUE]);
/* The same for who has looked at `has` himself (and at `recovered`): writes the value that is there, returns its end. */
char *record_put(const struct record *record, enum record_column column, char *at);
/* The value of a column that is text. */
struct cursor record_text(const struct record *record, enum record_column column);
/* The inverse of both: gives a column its value from text (borrowed).  False, and nothing is set, when it is none of
 * this column's.  A time has its date first; fractions of a second are kept. */
bool record_set(struct record *record, enum record_column column, struct cursor text);

/* "TCP", "ICMPv6", …; NULL when it has no name here. */
const char *record_protocol(uint8_t protocol);

#endif
