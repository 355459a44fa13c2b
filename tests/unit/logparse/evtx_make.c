#include "tests/unit/logparse/evtx_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

enum { FILE_HEAD = 4096, CHUNK_HEAD = 512, UNITS_MOST = 4096 };

static void put(uint8_t *at, uint64_t number, size_t size)
{
	for (size_t i = 0; i < size; i++)
		at[i] = (uint8_t)(number >> 8 * i);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

static uint32_t crc(uint32_t before, const uint8_t *bytes, size_t length)
{
	return (uint32_t)crc32(before, bytes, (uInt)length);
}

void evtx_make_seal(uint8_t *chunk)
{
	uint32_t end = get32(chunk + 48);
	if (end >= CHUNK_HEAD && end <= EVTX_MAKE_CHUNK)
		put(chunk + 52, crc(0, chunk + CHUNK_HEAD, end - CHUNK_HEAD), 4);
	put(chunk + 124, crc(crc(0, chunk, 120), chunk + 128, CHUNK_HEAD - 128), 4);
}

void evtx_make_init(struct evtx_make *make)
{
	uint8_t head[FILE_HEAD] = {0};
	*make = (struct evtx_make){.open = false};
	buffer_init(&make->file, 256 << 20);
	buffer_add(&make->file, head, sizeof(head));
}

void evtx_make_done(struct evtx_make *make)
{
	buffer_done(&make->file);
}

static void chunk_close(struct evtx_make *make)
{
	uint8_t *chunk = make->chunk;
	if (!make->open)
		return;
	memcpy(chunk, "ElfChnk", 8);
	put(chunk + 8, make->first, 8);
	put(chunk + 16, make->number, 8);
	put(chunk + 24, make->first, 8);
	put(chunk + 32, make->number, 8);
	put(chunk + 40, 128, 4);
	put(chunk + 44, make->last, 4);
	put(chunk + 48, make->at, 4);
	evtx_make_seal(chunk);
	buffer_add(&make->file, chunk, EVTX_MAKE_CHUNK);
	make->chunks++;
	make->open = false;
}

void evtx_make_chunk(struct evtx_make *make)
{
	chunk_close(make);
	memset(make->chunk, 0, sizeof(make->chunk));
	make->at = make->last = CHUNK_HEAD;
	make->first = make->number = 0;
	make->name_count = make->template_count = 0;
	make->open = true;
}

void evtx_make_end(struct evtx_make *make, unsigned claimed_chunks)
{
	uint8_t head[FILE_HEAD] = {0};
	uint64_t next = make->number + 1;
	chunk_close(make);
	unsigned chunks = claimed_chunks > 0 ? claimed_chunks : make->chunks;
	memcpy(head, "ElfFile", 8);
	put(head + 16, chunks - 1, 8);
	put(head + 24, next, 8);
	put(head + 32, 128, 4);
	put(head + 36, 1, 2);
	put(head + 38, 3, 2);
	put(head + 40, FILE_HEAD, 2);
	put(head + 42, chunks, 2);
	put(head + 120, claimed_chunks > 0, 4);
	put(head + 124, crc(0, head, 120), 4);
	memcpy(make->file.data, head, sizeof(head));
}

void evtx_make_bytes(struct evtx_make *make, const void *bytes, size_t length)
{
	if (length > EVTX_MAKE_CHUNK - make->at) {
		fputs("evtx_make: a chunk is full\n", stderr);
		abort();
	}
	memcpy(make->chunk + make->at, bytes, length);
	make->at += length;
}

void evtx_make_number(struct evtx_make *make, uint64_t number, size_t size)
{
	uint8_t bytes[8];
	put(bytes, number, size);
	evtx_make_bytes(make, bytes, size);
}

void evtx_make_record(struct evtx_make *make, uint64_t number, uint64_t time)
{
	make->record = make->at;
	make->number = number;
	if (make->first == 0)
		make->first = number;
	evtx_make_bytes(make, "**\0", 4);
	evtx_make_number(make, 0, 4);
	evtx_make_number(make, number, 8);
	evtx_make_number(make, time, 8);
	make->dependencies = false;
	make->depth = 0;
}

void evtx_make_record_end(struct evtx_make *make)
{
	while ((make->at - make->record + 4) % 8 != 0)
		evtx_make_number(make, 0, 1);
	size_t size = make->at - make->record + 4;
	evtx_make_number(make, size, 4);
	put(make->chunk + make->record + 4, size, 4);
	make->last = make->record;
}

/* --- Tokens --- */

void evtx_make_fragment(struct evtx_make *make)
{
	evtx_make_bytes(make, "\x0f\x01\x01", 4);
}

static void ascii(struct evtx_make *make, const char *text)
{
	for (; *text != '\0'; text++)
		evtx_make_number(make, (uint8_t)*text, 2);
}

static void name(struct evtx_make *make, const char *text)
{
	uint32_t hash = 0;
	for (size_t i = 0; i < make->name_count; i++)
		if (strcmp(make->names[i].text, text) == 0) {
			evtx_make_number(make, make->names[i].offset, 4);
			return;
		}
	evtx_make_number(make, make->at + 4, 4);
	if (make->name_count < sizeof(make->names) / sizeof(make->names[0]) && strlen(text) < sizeof(make->names[0].text)) {
		memcpy(make->names[make->name_count].text, text, strlen(text) + 1);
		make->names[make->name_count++].offset = (uint32_t)make->at;
	}
	for (const char *at = text; *at != '\0'; at++)
		hash = hash * 65599 + (uint8_t)*at;
	evtx_make_number(make, 0, 4);
	evtx_make_number(make, hash & 0xffff, 2);
	evtx_make_number(make, strlen(text), 2);
	ascii(make, text);
	evtx_make_number(make, 0, 2);
}

void evtx_make_element(struct evtx_make *make, const char *element, bool attributes, uint16_t dependency)
{
	evtx_make_number(make, attributes ? 0x41 : 0x01, 1);
	if (make->dependencies)
		evtx_make_number(make, dependency, 2);
	make->elements[make->depth] = make->at;
	evtx_make_number(make, 0, 4);
	name(make, element);
	make->lists[make->depth++] = attributes ? make->at : 0;
	if (attributes)
		evtx_make_number(make, 0, 4);
}

void evtx_make_attribute(struct evtx_make *make, const char *attribute, bool more)
{
	evtx_make_number(make, more ? 0x46 : 0x06, 1);
	name(make, attribute);
}

void evtx_make_attributes_end(struct evtx_make *make)
{
	size_t list = make->lists[make->depth - 1];
	put(make->chunk + list, make->at - list - 4, 4);
}

void evtx_make_start_end(struct evtx_make *make)
{
	evtx_make_number(make, 0x02, 1);
}

static void element_close(struct evtx_make *make, uint8_t token)
{
	evtx_make_number(make, token, 1);
	size_t element = make->elements[--make->depth];
	put(make->chunk + element, make->at - element - 4, 4);
}

void evtx_make_empty_end(struct evtx_make *make)
{
	element_close(make, 0x03);
}

void evtx_make_element_end(struct evtx_make *make)
{
	element_close(make, 0x04);
}

void evtx_make_text(struct evtx_make *make, const char *text)
{
	evtx_make_bytes(make, "\x05\x01", 2);
	evtx_make_number(make, strlen(text), 2);
	ascii(make, text);
}

void evtx_make_units(struct evtx_make *make, const uint16_t *units, size_t count)
{
	evtx_make_bytes(make, "\x05\x01", 2);
	evtx_make_number(make, count, 2);
	for (size_t i = 0; i < count; i++)
		evtx_make_number(make, units[i], 2);
}

void evtx_make_cdata(struct evtx_make *make, const char *text)
{
	evtx_make_number(make, 0x07, 1);
	evtx_make_number(make, strlen(text), 2);
	ascii(make, text);
}

void evtx_make_character(struct evtx_make *make, uint16_t unit)
{
	evtx_make_number(make, 0x08, 1);
	evtx_make_number(make, unit, 2);
}

void evtx_make_entity(struct evtx_make *make, const char *entity)
{
	evtx_make_number(make, 0x09, 1);
	name(make, entity);
}

void evtx_make_instruction(struct evtx_make *make, const char *target, const char *data)
{
	evtx_make_number(make, 0x0a, 1);
	name(make, target);
	evtx_make_number(make, 0x0b, 1);
	evtx_make_number(make, strlen(data), 2);
	ascii(make, data);
}

void evtx_make_substitution(struct evtx_make *make, uint16_t index, uint8_t type, bool optional)
{
	evtx_make_number(make, optional ? 0x0e : 0x0d, 1);
	evtx_make_number(make, index, 2);
	evtx_make_number(make, type, 1);
}

/* --- Templates --- */

bool evtx_make_instance(struct evtx_make *make, uint32_t id, size_t *offset)
{
	bool first = *offset == 0;
	evtx_make_bytes(make, "\x0c\x01", 2);
	evtx_make_number(make, id, 4);
	if (first)
		*offset = make->at + 4;
	evtx_make_number(make, *offset, 4);
	if (!first)
		return false;
	evtx_make_number(make, 0, 4);
	evtx_make_number(make, id, 4);
	evtx_make_bytes(make, "\x4d\x58\x1a\x4f\x9c\x2b\x00\x11\x22\x33\x44\x55", 12);
	make->definition = make->at;
	evtx_make_number(make, 0, 4);
	evtx_make_fragment(make);
	make->dependencies = true;
	return true;
}

void evtx_make_definition_end(struct evtx_make *make)
{
	evtx_make_number(make, 0, 1);
	put(make->chunk + make->definition, make->at - make->definition - 4, 4);
	make->dependencies = false;
}

void evtx_make_values(struct evtx_make *make, const struct evtx_make_value *values, size_t count)
{
	evtx_make_number(make, count, 4);
	for (size_t i = 0; i < count; i++) {
		evtx_make_number(make, values[i].size, 2);
		evtx_make_number(make, values[i].type, 1);
		evtx_make_number(make, 0, 1);
	}
	for (size_t i = 0; i < count; i++)
		evtx_make_bytes(make, values[i].bytes, values[i].size);
}

/* --- Whole events --- */

static size_t *template_find(struct evtx_make *make, uint32_t key, size_t *space)
{
	*space = 0;
	for (size_t i = 0; i < make->template_count; i++)
		if (make->templates[i].key == key)
			*space = make->templates[i].offset;
	return space;
}

static void template_keep(struct evtx_make *make, uint32_t key, size_t offset)
{
	make->templates[make->template_count].key = key;
	make->templates[make->template_count++].offset = (uint32_t)offset;
}

/* <NAME>%index</NAME> */
static void leaf(struct evtx_make *make, const char *element, uint16_t index, uint8_t type)
{
	evtx_make_element(make, element, false, index);
	evtx_make_start_end(make);
	evtx_make_substitution(make, index, type, true);
	evtx_make_element_end(make);
}

/* <NAME A="%a" B="%b"/> */
static void pair(struct evtx_make *make, const char *element, const char *a, uint16_t a_index, uint8_t a_type, const char *b, uint16_t b_index,
		 uint8_t b_type)
{
	evtx_make_element(make, element, true, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_attribute(make, a, b != NULL);
	evtx_make_substitution(make, a_index, a_type, true);
	if (b != NULL) {
		evtx_make_attribute(make, b, false);
		evtx_make_substitution(make, b_index, b_type, true);
	}
	evtx_make_attributes_end(make);
	evtx_make_empty_end(make);
}

static void system_define(struct evtx_make *make, const char *computer)
{
	evtx_make_element(make, "Event", true, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_attribute(make, "xmlns", false);
	evtx_make_text(make, "http://schemas.microsoft.com/win/2004/08/events/event");
	evtx_make_attributes_end(make);
	evtx_make_start_end(make);
	evtx_make_element(make, "System", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	pair(make, "Provider", "Name", 14, 0x01, "Guid", 15, 0x0f);
	evtx_make_element(make, "EventID", true, 3);
	evtx_make_attribute(make, "Qualifiers", false);
	evtx_make_substitution(make, 4, 0x06, true);
	evtx_make_attributes_end(make);
	evtx_make_start_end(make);
	evtx_make_substitution(make, 3, 0x06, true);
	evtx_make_element_end(make);
	leaf(make, "Version", 11, 0x04);
	leaf(make, "Level", 0, 0x04);
	leaf(make, "Task", 2, 0x06);
	leaf(make, "Opcode", 1, 0x04);
	leaf(make, "Keywords", 5, 0x15);
	pair(make, "TimeCreated", "SystemTime", 6, 0x11, NULL, 0, 0);
	leaf(make, "EventRecordID", 10, 0x0a);
	pair(make, "Correlation", "ActivityID", 7, 0x0f, "RelatedActivityID", 13, 0x0f);
	pair(make, "Execution", "ProcessID", 8, 0x08, "ThreadID", 9, 0x08);
	leaf(make, "Channel", 16, 0x01);
	evtx_make_element(make, "Computer", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	evtx_make_text(make, computer);
	evtx_make_element_end(make);
	pair(make, "Security", "UserID", 12, 0x13, NULL, 0, 0);
	evtx_make_element_end(make);
	evtx_make_substitution(make, 17, 0x21, true);
	evtx_make_element_end(make);
}

static void data_define(struct evtx_make *make, const struct evtx_make_event *event)
{
	evtx_make_element(make, "EventData", false, EVTX_MAKE_NO_DEPENDENCY);
	evtx_make_start_end(make);
	for (size_t i = 0; i < event->count; i++) {
		evtx_make_element(make, "Data", event->names != NULL, EVTX_MAKE_NO_DEPENDENCY);
		if (event->names != NULL) {
			evtx_make_attribute(make, "Name", false);
			evtx_make_text(make, event->names[i]);
			evtx_make_attributes_end(make);
		}
		evtx_make_start_end(make);
		evtx_make_substitution(make, (uint16_t)i, 0x01, false);
		evtx_make_element_end(make);
	}
	evtx_make_element_end(make);
}

static size_t units_of(const char *text, uint8_t units[2 * UNITS_MOST])
{
	size_t length = strlen(text) < UNITS_MOST ? strlen(text) : UNITS_MOST;
	for (size_t i = 0; i < length; i++)
		put(units + 2 * i, (uint8_t)text[i], 2);
	return 2 * length;
}

/* The document in value 17, where it will lie: sizes first, for its values come behind all descriptors. */
static void data_make(struct evtx_make *make, const struct evtx_make_event *event)
{
	struct evtx_make_value values[64];
	static uint8_t units[64][2 * UNITS_MOST];
	size_t offset;
	template_find(make, event->id + 1u, &offset);
	evtx_make_fragment(make);
	if (evtx_make_instance(make, 0xe0000000u | event->id, &offset)) {
		template_keep(make, event->id + 1u, offset);
		data_define(make, event);
		evtx_make_definition_end(make);
	}
	for (size_t i = 0; i < event->count; i++)
		values[i] = (struct evtx_make_value){0x01, units[i], units_of(event->values[i], units[i])};
	evtx_make_values(make, values, event->count);
}

void evtx_make_event(struct evtx_make *make, uint64_t number, uint64_t time, const struct evtx_make_event *event)
{
	static uint8_t provider[2 * UNITS_MOST], channel[2 * UNITS_MOST];
	uint8_t id[2], level[1] = {0}, task[2] = {0x09, 0x32}, keywords[8], created[8], process[4] = {4}, thread[4] = {0x40}, own[8];
	size_t offset;
	put(id, event->id, 2);
	put(keywords, event->keywords, 8);
	put(created, time, 8);
	put(own, number, 8);
	const uint8_t version[1] = {(uint8_t)event->version};
	struct evtx_make_value values[18] = {
		{0x04, level, 1}, {0x04, level, 1}, {0x06, task, 2}, {0x06, id, 2}, {0x00, "", 0}, {0x15, keywords, 8}, {0x11, created, 8},
		{0x00, "", 0}, {0x08, process, 4}, {0x08, thread, 4}, {0x0a, own, 8}, {0x04, version, 1}, {0x00, "", 0}, {0x00, "", 0},
		{0x01, provider, units_of(event->provider, provider)},
		{0x0f, "\x25\x96\x84\x54\x78\x54\x94\x49\xa5\xba\x3e\x3b\x03\x28\xc3\x0d", 16},
		{0x01, channel, units_of(event->channel, channel)}, {0x21, "", 0},
	};
	evtx_make_record(make, number, time);
	evtx_make_fragment(make);
	template_find(make, 0, &offset);
	if (evtx_make_instance(make, 0x5ec0de00, &offset)) {
		template_keep(make, 0, offset);
		system_define(make, event->computer);
		evtx_make_definition_end(make);
	}
	/* Value 17 is made in its place, and its size is written then. */
	evtx_make_values(make, values, 18);
	size_t sizes = make->at;
	for (size_t i = 0; i < 18; i++)
		sizes -= values[i].size;
	size_t start = make->at;
	data_make(make, event);
	put(make->chunk + sizes - 4, make->at - start, 2);
	evtx_make_record_end(make);
}

void evtx_make_drops(struct evtx_make *make, uint64_t number, uint64_t time, size_t count)
{
	enum { ROOM = 4096, SECOND = 10000000 };
	static const char *const packet[] = {"ProcessId", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort",
					     "Protocol", "FilterRTID", "LayerName", "LayerRTID"};
	static const char *const sa[] = {"RemoteAddress", "SPI"};
	for (size_t i = 0; i < count; i++) {
		char source[32], port[16];
		(void)snprintf(source, sizeof(source), "203.0.113.%u", (unsigned)(i % 250 + 1));
		(void)snprintf(port, sizeof(port), "%u", (unsigned)(50000 + i % 10000));
		const char *const values[] = {"4", "System", "%%14592", source, port, "192.0.2.10", "3389", "6", "67607", "%%14597", "13"};
		const char *const sa_values[] = {source, "305419896"};
		struct evtx_make_event event = {
			.provider = "Microsoft-Windows-Security-Auditing", .channel = "Security", .computer = "WEB01.example", .id = i % 2 == 0 ? 5157 : 5152,
			.keywords = UINT64_C(0x8010000000000000), .names = packet, .values = values, .count = 11,
		};
		if (i % 3 == 2) {
			event.id = 4960;
			event.names = sa;
			event.values = sa_values;
			event.count = 2;
		}
		if (!make->open || EVTX_MAKE_CHUNK - make->at < ROOM)
			evtx_make_chunk(make);
		evtx_make_event(make, number + i, time + i * SECOND, &event);
	}
}
