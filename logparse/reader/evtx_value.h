/* The values of binary XML (MS-EVEN6 2.2.12; logs.md 2.2) as text, straight into a buffer. */
#ifndef CORDON_LOGPARSE_READER_EVTX_VALUE_H
#define CORDON_LOGPARSE_READER_EVTX_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/buffer.h"

enum evtx_type {
	EVTX_NULL = 0x00, EVTX_STRING = 0x01, EVTX_ANSI = 0x02, EVTX_INT8 = 0x03, EVTX_UINT8 = 0x04, EVTX_INT16 = 0x05,
	EVTX_UINT16 = 0x06, EVTX_INT32 = 0x07, EVTX_UINT32 = 0x08, EVTX_INT64 = 0x09, EVTX_UINT64 = 0x0a, EVTX_FLOAT = 0x0b,
	EVTX_DOUBLE = 0x0c, EVTX_BOOL = 0x0d, EVTX_BINARY = 0x0e, EVTX_GUID = 0x0f, EVTX_SIZE = 0x10, EVTX_FILETIME = 0x11,
	EVTX_SYSTEMTIME = 0x12, EVTX_SID = 0x13, EVTX_HEX32 = 0x14, EVTX_HEX64 = 0x15, EVTX_HANDLE = 0x20, EVTX_BINXML = 0x21,
	EVTX_XML = 0x23, EVTX_ARRAY = 0x80,
};

struct evtx_value {
	const uint8_t *bytes;
	uint16_t size;
	uint8_t type;
};

/* How text is to be written. */
enum evtx_form {
	FORM_PLAIN, /* UTF-8 as it is; U+0000 and half surrogates as U+FFFD */
	FORM_JSON,  /* escaped for a JSON string, exactly: U+0000 is \u0000, half a surrogate \ud800 */
	FORM_XML,   /* escaped for XML 1.0; what XML cannot hold is U+FFFD */
};

/* A run of UTF-16LE code units. */
void evtx_text(const uint8_t *bytes, size_t units, enum evtx_form form, struct buffer *buffer);

/* One value that is no array and no binary XML, as text without quotes. */
void evtx_value_text(const struct evtx_value *value, enum evtx_form form, struct buffer *buffer);
/* The same as a JSON value: numbers and booleans as such, all others as strings; null for null; an array as an array. */
void evtx_value_json(const struct evtx_value *value, struct buffer *buffer);

/* The item at an index of an array (false after the last), or the value itself at index 0.  *position is 0 at first. */
bool evtx_value_item(const struct evtx_value *value, size_t *position, struct evtx_value *ret_item);

/* A whole number out of a value of any type of number; false when it is none. */
bool evtx_value_number(const struct evtx_value *value, uint64_t *ret_number);

/* 2015-06-01T12:00:00.1234567Z; what lies after the year 9999 as its number. */
void evtx_time(uint64_t filetime, struct buffer *buffer);
/* The inverse: as many digits as there are, a blank for the T, +01:00 for the Z; false when it is none. */
bool evtx_time_parse(const char *text, uint64_t *ret_filetime);

static inline uint16_t le16(const uint8_t *bytes)
{
	return (uint16_t)(bytes[0] | bytes[1] << 8);
}
static inline uint32_t le32(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}
static inline uint64_t le64(const uint8_t *bytes)
{
	return (uint64_t)le32(bytes) | (uint64_t)le32(bytes + 4) << 32;
}

#endif
