#include "tests/unit/logparse/evt_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEAD = EVT_MAKE_HEAD, FIXED = 56, END = 40, RECORD_MOST = 65536 };

static void put(uint8_t *at, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> 8 * i);
}

void evt_make_init(struct evt_make *make, size_t size, uint32_t first_number)
{
	*make = (struct evt_make){.size = size, .at = HEAD, .number = first_number};
	make->bytes = calloc(1, size);
	if (make->bytes == NULL)
		abort();
}

void evt_make_done(struct evt_make *make)
{
	free(make->bytes);
}

static size_t text_put(uint8_t *at, const char *text)
{
	size_t length = strlen(text) + 1;
	for (size_t i = 0; i < length; i++)
		put(at + 2 * i, (uint8_t)text[i], 2);
	return 2 * length;
}

static void ring_put(struct evt_make *make, size_t at, const uint8_t *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++)
		make->bytes[at + i < make->size ? at + i : HEAD + (at + i - make->size)] = bytes[i];
}

static size_t ring_next(const struct evt_make *make, size_t at, size_t length)
{
	return at + length < make->size ? at + length : HEAD + (at + length - make->size);
}

/* How much is free from the place for the next record on. */
static size_t ring_free(const struct evt_make *make)
{
	if (make->count == 0)
		return make->size - HEAD;
	size_t oldest = make->live[make->first].offset;
	return oldest > make->at ? oldest - make->at : (make->size - make->at) + (oldest - HEAD);
}

static size_t record_put(const struct evt_make *make, const struct evt_make_record *record, uint8_t *bytes)
{
	size_t at = FIXED;
	memset(bytes, 0, FIXED);
	memcpy(bytes + 4, "LfLe", 4);
	put(bytes + 8, make->number, 4);
	put(bytes + 12, record->time, 4);
	put(bytes + 16, record->written, 4);
	put(bytes + 20, record->id, 4);
	put(bytes + 24, record->type, 2);
	put(bytes + 26, record->string_count, 2);
	put(bytes + 28, record->category, 2);
	at += text_put(bytes + at, record->source);
	at += text_put(bytes + at, record->computer);
	for (; at % 4 != 0; at++)
		bytes[at] = 0;
	put(bytes + 40, record->sid_size, 4);
	put(bytes + 44, at, 4);
	if (record->sid_size > 0)
		memcpy(bytes + at, record->sid, record->sid_size);
	at += record->sid_size;
	put(bytes + 36, at, 4);
	for (size_t i = 0; i < record->string_count; i++)
		at += text_put(bytes + at, record->strings[i]);
	put(bytes + 48, record->data_size, 4);
	put(bytes + 52, at, 4);
	if (record->data_size > 0)
		memcpy(bytes + at, record->data, record->data_size);
	at += record->data_size;
	for (; at % 4 != 0; at++)
		bytes[at] = 0;
	put(bytes + at, at + 4, 4);
	put(bytes, at + 4, 4);
	return at + 4;
}

void evt_make_add(struct evt_make *make, const struct evt_make_record *record)
{
	static uint8_t bytes[RECORD_MOST];
	size_t size = record_put(make, record, bytes);
	/* The oldest give way to it and to the end record. */
	while (make->count > 0 && ring_free(make) < size + END) {
		make->first++;
		make->count--;
	}
	if (make->first + make->count == EVT_MAKE_RECORDS || size + END > make->size - HEAD)
		abort();
	ring_put(make, make->at, bytes, size);
	make->live[make->first + make->count].offset = make->at;
	make->live[make->first + make->count].size = size;
	make->live[make->first + make->count++].number = make->number++;
	size_t next = ring_next(make, make->at, size);
	make->wrapped |= next < make->at;
	make->at = next;
}

void evt_make_end(struct evt_make *make, bool dirty)
{
	enum { DIRTY = 1, WRAPPED = 2 };
	uint8_t end[END], *head = make->bytes;
	size_t oldest = make->count > 0 ? make->live[make->first].offset : HEAD;
	uint32_t oldest_number = make->count > 0 ? make->live[make->first].number : 0;
	put(end, END, 4);
	for (size_t i = 0; i < 4; i++)
		put(end + 4 + 4 * i, 0x11111111u * (i + 1), 4);
	put(end + 20, oldest, 4);
	put(end + 24, make->at, 4);
	put(end + 28, make->number, 4);
	put(end + 32, oldest_number, 4);
	put(end + 36, END, 4);
	ring_put(make, make->at, end, END);
	put(head, HEAD, 4);
	memcpy(head + 4, "LfLe", 4);
	put(head + 8, 1, 4);
	put(head + 12, 1, 4);
	put(head + 16, dirty ? HEAD : oldest, 4);
	put(head + 20, dirty ? HEAD : make->at, 4);
	put(head + 24, dirty ? 1 : make->number, 4);
	put(head + 28, dirty ? 0 : oldest_number, 4);
	put(head + 32, make->size, 4);
	put(head + 36, (dirty ? DIRTY : 0) | (make->wrapped ? WRAPPED : 0), 4);
	put(head + 44, HEAD, 4);
}

size_t evt_make_dump(uint32_t id, uint32_t status, const uint8_t *packet, size_t length, uint8_t data[256])
{
	enum { ERROR_PACKET = 40 };
	memset(data, 0, ERROR_PACKET);
	put(data + 2, length, 2);
	put(data + 4, 5, 2);
	put(data + 12, id, 4);
	put(data + 20, status, 4);
	memcpy(data + ERROR_PACKET, packet, length);
	return ERROR_PACKET + length;
}

void evt_make_drops(struct evt_make *make, uint32_t time, size_t count)
{
	/* IPv4, 40 bytes of TCP SYN, ports 1025 to 445. */
	uint8_t packet[40] = {0x45, 0, 0, 48, 0, 1, 0x40, 0, 128, 6, 0, 0, 203, 0, 113, 1, 192, 0, 2, 80, 4, 1, 1, 0xbd,
			      0, 0, 0, 1, 0, 0, 0, 0, 0x70, 2, 0x40, 0, 0, 0, 0, 0}, data[256];
	static const uint8_t sid[] = {1, 1, 0, 0, 0, 0, 0, 5, 18, 0, 0, 0};
	for (size_t i = 0; i < count; i++) {
		char source[32];
		uint32_t id = i % 2 == 0 ? 0x400010c2 : 0x400010c3;
		packet[15] = (uint8_t)(i % 250 + 1);
		(void)snprintf(source, sizeof(source), "203.0.113.%u", packet[15]);
		const char *const strings[] = {"", source, "192.0.2.80", "6", "1025", "445"};
		evt_make_add(make, &(struct evt_make_record){
			.time = time + (uint32_t)i, .written = time + (uint32_t)i + 1, .id = id, .type = 4, .source = "IPSec", .computer = "WEB01",
			.sid = sid, .sid_size = i % 3 == 0 ? sizeof(sid) : 0, .strings = strings, .string_count = 6, .data = data,
			.data_size = evt_make_dump(id, 0xc0000001, packet, sizeof(packet), data)});
	}
}
