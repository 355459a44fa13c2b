/* Captures: pcap and pcapng, each packet a record; one that is no IP has its time and size alone.  Ethernet (with VLAN
 * tags), Linux cooked (1 and 2), raw IP, BSD loopback.  Read here and not with libpcap, which brings a dozen libraries into
 * a program that only wants two headers, and ends at the first damaged packet: of pcapng the next block is looked for, of
 * pcap the next packet.
 *
 * pcap: magic, version, zone, accuracy, longest packet, link type; then packets: seconds, fraction, length here, length.
 * pcapng: blocks of type, length, body, length again (draft-ietf-opsawg-pcapng). */
#include <stdio.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/reader.h"

enum {
	ROOM = 1 << 20,           /* no packet and no block is longer */
	HELD = 2 * ROOM,          /* twice of it: what is looked at from place to place is not moved at each */
	HEAD = 24, PACKET_HEAD = 16,
	BLOCK_LEAST = 12,
	INTERFACES_MOST = 1024,
};
enum block { BLOCK_SECTION = 0x0a0d0d0a, BLOCK_INTERFACE = 1, BLOCK_OLD_PACKET = 2, BLOCK_SIMPLE = 3, BLOCK_PACKET = 6 };
enum link {
	LINK_NULL = 0, LINK_ETHERNET = 1, LINK_RAW_BSD = 12, LINK_RAW_OPENBSD = 14, LINK_RAW = 101, LINK_LOOP = 108, LINK_SLL = 113,
	LINK_IPV4 = 228, LINK_IPV6 = 229, LINK_SLL2 = 276,
};

struct interface {
	unsigned link;
	bool refused;             /* nothing is known of such a link; it has been said */
	uint64_t units;           /* of its stamps in a second; a power of two or ten */
	int64_t offset;           /* seconds that are to be added */
};

struct capture {
	struct reader reader;
	struct input *input;
	uint8_t *bytes;           /* from `at` to `end` not yet taken */
	size_t at, end;
	uint64_t taken;           /* bytes of the capture before `at` */
	bool ended, begun, blocks, swapped;
	size_t longest;           /* packet that the header allows */
	struct interface *interfaces;
	size_t count;
	uint64_t number;
	struct record record;
	unsigned kind;            /* of a frame that is no IP: its ethertype, FRAME_… else */
};
enum { FRAME_IP = 1 << 16, FRAME_LLC, FRAME_OTHER };

static const struct event_kind pcap_kind;

static int pcap_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	static const uint8_t magics[][4] = {
		{0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4}, {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d}, {0x0a, 0x0d, 0x0d, 0x0a},
	};
	(void)name;
	for (size_t i = 0; length >= HEAD && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (memcmp(head, magics[i], 4) == 0)
			return 95;
	*ret_why = "no magic number of pcap or pcapng";
	return 0;
}

/* --- Bytes --- */

static uint16_t get16(const struct capture *capture, const uint8_t *at)
{
	return (uint16_t)(capture->swapped ? at[0] << 8 | at[1] : at[1] << 8 | at[0]);
}

static uint32_t get32(const struct capture *capture, const uint8_t *at)
{
	uint32_t first = get16(capture, at), second = get16(capture, at + 2);
	return capture->swapped ? first << 16 | second : second << 16 | first;
}

/* At least so many bytes behind `at`: 1, 0 when there are not so many, or an error. */
static int bytes_need(struct capture *capture, size_t need)
{
	while (capture->end - capture->at < need && !capture->ended) {
		memmove(capture->bytes, capture->bytes + capture->at, capture->end - capture->at);
		capture->end -= capture->at;
		capture->at = 0;
		int64_t got = input_read(capture->input, capture->bytes + capture->end, HELD - capture->end);
		if (got < 0)
			return (int)got;
		capture->end += (size_t)got;
		capture->ended = got == 0;
	}
	return capture->end - capture->at >= need;
}

static const uint8_t *bytes_take(struct capture *capture, size_t length)
{
	const uint8_t *bytes = capture->bytes + capture->at;
	capture->at += length;
	capture->taken += length;
	return bytes;
}

static void damage(struct capture *capture, const char *text)
{
	reader_damage(&capture->reader, capture->taken, 0, true, text);
}

/* --- Packets --- */

/* Links, and where their frames say what is in them: the bytes of the head, and where in it the ethertype is. */
static const struct {
	unsigned link;
	uint8_t head, type;       /* type at the head's end or behind it: there is none, it is IP */
} links[] = {
	{LINK_ETHERNET, 14, 12}, {LINK_SLL, 16, 14}, {LINK_SLL2, 20, 0}, {LINK_NULL, 4, 4}, {LINK_LOOP, 4, 4},
	{LINK_RAW_BSD, 0, 0}, {LINK_RAW_OPENBSD, 0, 0}, {LINK_RAW, 0, 0}, {LINK_IPV4, 0, 0}, {LINK_IPV6, 0, 0},
};

/* What a frame holds: FRAME_IP, and *ret_at is how many bytes stand before the IP header; or what else. */
static unsigned frame_kind(size_t row, const uint8_t *bytes, size_t length, size_t *ret_at)
{
	size_t at = links[row].head, type = links[row].type;
	*ret_at = at;
	if (length < at)
		return FRAME_OTHER;
	if (type >= at)
		return FRAME_IP;
	for (unsigned tags = 0; length >= at && tags < 4; tags++) {
		unsigned kind = (unsigned)bytes[type] << 8 | bytes[type + 1];
		*ret_at = at;
		if (kind == 0x0800 || kind == 0x86dd)
			return FRAME_IP;
		if (kind != 0x8100 && kind != 0x88a8 && kind != 0x9100)
			return kind >= 0x600 ? kind : FRAME_LLC;
		type = at + 2;
		at += 4;
	}
	return FRAME_OTHER;
}

/* Every packet of a link that is not known is lost; it is said once. */
static void link_refuse(struct capture *capture, struct interface *interface)
{
	char text[96];
	bool said = false;
	for (size_t i = 0; i < capture->count; i++)
		said |= capture->interfaces[i].refused && capture->interfaces[i].link == interface->link;
	interface->refused = true;
	if (said) {
		capture->reader.counts.unreadable++;
		return;
	}
	(void)snprintf(text, sizeof(text), "link type %u: only Ethernet, Linux cooked, raw IP and loopback can be read", interface->link);
	damage(capture, text);
}

/* size: of the frame as it was, of which `length` bytes are here. */
static bool packet_take(struct capture *capture, struct interface *interface, uint64_t stamp, const uint8_t *bytes, size_t length, uint32_t size,
			struct event *event)
{
	struct record *record = &capture->record;
	size_t at, row = 0;
	*record = (struct record){.source = cursor_text("pcap"), .recordnumber = ++capture->number, .has = RECORD_HAS(COLUMN_RECORDNUMBER)};
	while (row < sizeof(links) / sizeof(links[0]) && links[row].link != interface->link)
		row++;
	if (row == sizeof(links) / sizeof(links[0])) {
		link_refuse(capture, interface);
		return false;
	}
	capture->kind = frame_kind(row, bytes, length, &at);
	bool should = capture->kind == FRAME_IP;
	if (!should || !record_packet(record, bytes + at, length - at)) {
		if (should)
			reader_damage(&capture->reader, capture->taken, capture->number, false, "no IP header where one should be");
		capture->kind = should ? FRAME_OTHER : capture->kind;
		at = 0;
		record->size = size;
		record->has |= RECORD_HAS(COLUMN_SIZE);
	}
	int64_t seconds = (int64_t)(stamp / interface->units);
	if (stamp > 0 && !__builtin_add_overflow(seconds, interface->offset, &seconds)) {
		/* Not a part of it exactly, but the nanoseconds of stamps that are finer are not told apart. */
		double part = (double)(stamp % interface->units) / (double)interface->units;
		uint32_t nanoseconds = (uint32_t)(part * 1e9 + 0.5);
		record->time = record_time_of_unix(seconds, nanoseconds < 1000000000 ? nanoseconds : 999999999);
		record->has |= RECORD_HAS(COLUMN_DATE);
	}
	*event = (struct event){
		.kind = &pcap_kind, .source = capture, .file = capture->reader.file, .offset = capture->number, .number = capture->number,
		.time = record_has(record, COLUMN_DATE) ? record->time : 0, .id = EVENT_NO_ID, .id_full = EVENT_NO_ID, .type = 4,
		.provider = record->source, .binary = bytes + at, .binary_length = length - at,
	};
	return true;
}

static void interface_add(struct capture *capture, struct interface interface)
{
	if (capture->count == INTERFACES_MOST)
		return;
	if ((capture->count & (capture->count - 1)) == 0)
		capture->interfaces = memory_resize(capture->interfaces, (capture->count > 0 ? 2 * capture->count : 1) * sizeof(interface));
	capture->interfaces[capture->count++] = interface;
}

/* --- pcap --- */

/* Whether a packet's header can be one: lengths that fit, a fraction below a second. */
static bool head_fits(const struct capture *capture, const uint8_t *head)
{
	uint32_t fraction = get32(capture, head + 4), length = get32(capture, head + 8), whole = get32(capture, head + 12);
	return length <= capture->longest && length <= whole && whole <= ROOM && fraction < capture->interfaces[0].units;
}

/* After damage: the next header behind which, where its packet ends, there is another one or the end. */
static int packet_search(struct capture *capture)
{
	for (;;) {
		int got = bytes_need(capture, PACKET_HEAD);
		if (got <= 0)
			return got;
		const uint8_t *head = capture->bytes + capture->at;
		size_t length = head_fits(capture, head) ? get32(capture, head + 8) : 0;
		if (length > 0) {
			got = bytes_need(capture, 2 * PACKET_HEAD + length);
			head = capture->bytes + capture->at;
			if (got < 0 || (got > 0 && head_fits(capture, head + PACKET_HEAD + length)) ||
			    (got == 0 && capture->end - capture->at == PACKET_HEAD + length))
				return got < 0 ? got : 1;
		}
		bytes_take(capture, 1);
	}
}

/* 1: a packet, 0: the end, negative: an error; *ret_event is one only when true is in *ret_taken. */
static int pcap_packet(struct capture *capture, struct event *ret_event, bool *ret_taken)
{
	int got = bytes_need(capture, PACKET_HEAD);
	if (got < 0 || (got == 0 && capture->at == capture->end))
		return got;
	if (got == 0 || !head_fits(capture, capture->bytes + capture->at)) {
		damage(capture, got == 0 ? "the capture ends within a packet" : "no packet where one should be");
		if (got == 0)
			return 0;
		bytes_take(capture, 1);
		return packet_search(capture);
	}
	const uint8_t *head = capture->bytes + capture->at;
	uint64_t stamp = (uint64_t)get32(capture, head) * capture->interfaces[0].units + get32(capture, head + 4);
	size_t length = get32(capture, head + 8);
	got = bytes_need(capture, PACKET_HEAD + length);
	if (got <= 0) {
		if (got == 0)
			damage(capture, "the capture ends within a packet");
		return got;
	}
	bytes_take(capture, PACKET_HEAD);
	uint32_t size = get32(capture, capture->bytes + capture->at - PACKET_HEAD + 12);
	*ret_taken = packet_take(capture, &capture->interfaces[0], stamp, bytes_take(capture, length), length, size, ret_event);
	return 1;
}

/* --- pcapng --- */

/* Options of an interface that say what its stamps are. */
static void interface_take(struct capture *capture, const uint8_t *body, size_t length)
{
	enum { OPTION_UNITS = 9, OPTION_OFFSET = 14, MICROSECONDS = 1000000, BINARY = 0x80 };
	struct interface interface = {.units = MICROSECONDS};
	if (length < 8)
		return;
	interface.link = get16(capture, body);
	for (size_t at = 8; at + 4 <= length;) {
		unsigned option = get16(capture, body + at), size = get16(capture, body + at + 2);
		if (option == 0 || size > length - at - 4)
			break;
		const uint8_t *value = body + at + 4;
		if (option == OPTION_UNITS && size == 1 && (*value & BINARY) != 0 && (*value & ~BINARY) < 63) {
			interface.units = (uint64_t)1 << (*value & ~BINARY);
		} else if (option == OPTION_UNITS && size == 1 && *value < 19) {
			interface.units = 1;
			for (unsigned i = 0; i < *value; i++)
				interface.units *= 10;
		} else if (option == OPTION_OFFSET && size == 8) {
			uint64_t low = get32(capture, value + (capture->swapped ? 4 : 0)), high = get32(capture, value + (capture->swapped ? 0 : 4));
			interface.offset = (int64_t)(high << 32 | low);
		}
		at += 4 + ((size_t)size + 3) / 4 * 4;
	}
	interface_add(capture, interface);
}

static bool block_packet(struct capture *capture, uint32_t type, const uint8_t *body, size_t length, struct event *ret_event)
{
	size_t head = type == BLOCK_SIMPLE ? 4 : 20;
	if (length < head) {
		damage(capture, "a packet's block that is too short");
		return false;
	}
	size_t interface = type == BLOCK_SIMPLE ? 0 : type == BLOCK_OLD_PACKET ? get16(capture, body) : get32(capture, body);
	uint64_t stamp = type == BLOCK_SIMPLE ? 0 : (uint64_t)get32(capture, body + 4) << 32 | get32(capture, body + 8);
	size_t there = type == BLOCK_SIMPLE ? get32(capture, body) : get32(capture, body + 12);
	uint32_t whole = get32(capture, body + (type == BLOCK_SIMPLE ? 0 : 16));
	/* A simple one gives the packet's own length; as much as there is of it is here. */
	if (type == BLOCK_SIMPLE && there > length - head)
		there = length - head;
	if (interface >= capture->count || there > length - head) {
		damage(capture, "a packet longer than its block, or of an interface that is not there");
		return false;
	}
	return packet_take(capture, &capture->interfaces[interface], stamp, body + head, there, whole, ret_event);
}

/* The byte order of a section stands behind its head. */
static bool section_take(struct capture *capture, const uint8_t *block)
{
	static const uint8_t little[4] = {0x4d, 0x3c, 0x2b, 0x1a}, big[4] = {0x1a, 0x2b, 0x3c, 0x4d};
	if (memcmp(block + 8, little, 4) != 0 && memcmp(block + 8, big, 4) != 0)
		return false;
	capture->swapped = memcmp(block + 8, big, 4) == 0;
	capture->count = 0;
	return true;
}

/* The length of the block at `at`, all of which is there; 0: there is none; negative: an error. */
static int64_t block_length(struct capture *capture)
{
	int got = bytes_need(capture, BLOCK_LEAST);
	const uint8_t *block = capture->bytes + capture->at;
	if (got <= 0)
		return got;
	bool swapped = capture->swapped;
	if (get32(capture, block) == BLOCK_SECTION)
		swapped = memcmp(block + 8, "\x1a\x2b\x3c\x4d", 4) == 0;
	const struct capture order = {.swapped = swapped};
	uint32_t length = get32(&order, block + 4);
	if (length < BLOCK_LEAST || length > ROOM || length % 4 != 0)
		return 0;
	got = bytes_need(capture, length);
	block = capture->bytes + capture->at;
	return got <= 0 ? got : get32(&order, block + length - 4) == length ? (int64_t)length : 0;
}

static int pcapng_block(struct capture *capture, struct event *ret_event, bool *ret_taken)
{
	int got = bytes_need(capture, 1);
	if (got <= 0)
		return got;
	int64_t length = block_length(capture);
	if (length < 0)
		return (int)length;
	if (length == 0) {
		damage(capture, "no block where one should be, or one that is cut off");
		do {
			bytes_take(capture, 1);
			length = block_length(capture);
		} while (length == 0 && bytes_need(capture, BLOCK_LEAST) > 0);
		return length < 0 ? (int)length : length > 0;
	}
	const uint8_t *block = bytes_take(capture, (size_t)length);
	uint32_t type = get32(capture, block);
	const uint8_t *body = block + 8;
	size_t size = (size_t)length - BLOCK_LEAST;
	if (type == BLOCK_SECTION) {
		if (size < 16 || !section_take(capture, block))
			damage(capture, "a section without its byte order");
	} else if (type == BLOCK_INTERFACE) {
		interface_take(capture, body, size);
	} else if (type == BLOCK_PACKET || type == BLOCK_SIMPLE || type == BLOCK_OLD_PACKET) {
		*ret_taken = block_packet(capture, type, body, size, ret_event);
	}
	return 1;
}

/* --- The reader --- */

static int capture_next(struct reader *reader, struct event *ret_event)
{
	struct capture *capture = (struct capture *)reader;
	int got;
	do {
		bool taken = false;
		got = capture->blocks ? pcapng_block(capture, ret_event, &taken) : pcap_packet(capture, ret_event, &taken);
		if (reader->options.strict && reader->counts.unreadable > 0)
			return ERROR_INPUT;
		if (taken && event_filter_holds(&reader->options.filter, ret_event)) {
			reader->counts.read++;
			return 1;
		}
		reader->counts.filtered += taken;
	} while (got > 0);
	return got;
}

static void capture_close(struct reader *reader)
{
	struct capture *capture = (struct capture *)reader;
	free(capture->bytes);
	free(capture->interfaces);
	free(capture);
}

/* Which of the two it is, in which byte order, and of pcap what its header says. */
static bool capture_begin(struct capture *capture)
{
	enum { NANOSECONDS = 1000000000, MICROSECONDS = 1000000, LONGEST = 262144 };
	const uint8_t *head = capture->bytes;
	static const uint8_t micro[4] = {0xd4, 0xc3, 0xb2, 0xa1}, nano[4] = {0x4d, 0x3c, 0xb2, 0xa1};
	if (memcmp(head, "\x0a\x0d\x0d\x0a", 4) == 0) {
		capture->blocks = true;
		return true;
	}
	const uint8_t turned[4] = {head[3], head[2], head[1], head[0]};
	capture->swapped = memcmp(turned, micro, 4) == 0 || memcmp(turned, nano, 4) == 0;
	const uint8_t *magic = capture->swapped ? turned : head;
	bool fine = memcmp(magic, nano, 4) == 0;
	if (!fine && memcmp(magic, micro, 4) != 0)
		return false;
	capture->longest = get32(capture, head + 16);
	if (capture->longest == 0 || capture->longest > LONGEST)
		capture->longest = LONGEST;
	interface_add(capture, (struct interface){.link = get32(capture, head + 20) & 0xffff, .units = fine ? NANOSECONDS : MICROSECONDS});
	bytes_take(capture, HEAD);
	return true;
}

static int capture_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct capture *capture = memory_alloc(sizeof(*capture));
	*capture = (struct capture){.reader = {.type = &pcap_reader, .options = *options, .diag = diag, .file = input_name(input)}, .input = input};
	capture->bytes = memory_alloc(HELD);
	int got = bytes_need(capture, HEAD);
	if (got <= 0 || !capture_begin(capture)) {
		if (got >= 0)
			diag_error(diag, &(struct place){.file = input_name(input)}, "not a capture: %s", got == 0 ? "too short for a header"
				   : "its header is neither of pcap nor of pcapng");
		capture_close(&capture->reader);
		return got < 0 ? got : ERROR_INPUT;
	}
	*ret_reader = &capture->reader;
	return 0;
}

static bool pcap_record(const struct event *event, struct record *ret_record)
{
	*ret_record = ((const struct capture *)event->source)->record;
	return true;
}

static void pcap_data(const struct event *event, event_take take, void *context)
{
	const struct capture *capture = event->source;
	char ethertype[8];
	event_record_data(&capture->record, take, context);
	if (capture->kind == FRAME_LLC)
		take(context, cursor_text("frame"), cursor_text("LLC"));
	if (capture->kind < FRAME_IP) {
		int length = snprintf(ethertype, sizeof(ethertype), "0x%04X", capture->kind);
		take(context, cursor_text("ethertype"), cursor_of(ethertype, (size_t)length));
	}
}

static const struct event_kind pcap_kind = {
	.format = "pcap", .json = event_members_json, .xml = event_members_xml, .data = pcap_data, .record = pcap_record,
};

const struct reader_type pcap_reader = {
	.name = "pcap",
	.what = "captured packets: pcap, pcapng",
	.guess = pcap_guess,
	.open = capture_open,
	.next = capture_next,
	.close = capture_close,
};
