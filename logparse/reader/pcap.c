/* Captures: pcap and pcapng, read with libpcap; each packet is a record.  Ethernet (with VLAN tags), Linux cooked (1 and
 * 2), raw IP, BSD loopback. */
#include <pcap/pcap.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/reader.h"

struct capture {
	struct reader reader;
	struct input *input;
	pcap_t *pcap;
	int link;
	uint64_t number;
	struct record record;
};

/* libpcap reads from a stdio file: ours, over whatever the input is (packed, standard input). */
static ssize_t cookie_read(void *cookie, char *bytes, size_t most)
{
	int64_t got = input_read(cookie, bytes, most);
	return got < 0 ? -1 : (ssize_t)got;
}

static int pcap_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	static const uint8_t magics[][4] = {
		{0xd4, 0xc3, 0xb2, 0xa1}, {0xa1, 0xb2, 0xc3, 0xd4}, {0x4d, 0x3c, 0xb2, 0xa1}, {0xa1, 0xb2, 0x3c, 0x4d}, {0x0a, 0x0d, 0x0d, 0x0a},
	};
	(void)name;
	for (size_t i = 0; length >= 24 && i < sizeof(magics) / sizeof(magics[0]); i++)
		if (memcmp(head, magics[i], 4) == 0)
			return 95;
	*ret_why = "no magic number of pcap or pcapng";
	return 0;
}

/* How many bytes stand before the IP header; SIZE_MAX: the packet is no IP. */
static size_t link_header(int link, const uint8_t *bytes, size_t length)
{
	size_t at = 0, type;
	switch (link) {
	case 12: case 14: case 101: /* raw IP has three numbers */
		return 0;
	case DLT_NULL: case DLT_LOOP:
		return length >= 4 ? 4 : SIZE_MAX;
	case DLT_EN10MB: at = 14; type = 12; break;
	case DLT_LINUX_SLL: at = 16; type = 14; break;
	case DLT_LINUX_SLL2: at = 20; type = 0; break;
	default: return SIZE_MAX;
	}
	for (unsigned tags = 0; length >= at && tags < 4; tags++) {
		unsigned kind = (unsigned)bytes[type] << 8 | bytes[type + 1];
		if (kind == 0x0800 || kind == 0x86dd)
			return at;
		if (kind != 0x8100 && kind != 0x88a8)
			return SIZE_MAX;
		type = at + 2;
		at += 4;
	}
	return SIZE_MAX;
}

static const struct event_kind pcap_kind;

static bool packet_take(struct capture *capture, const struct pcap_pkthdr *head, const uint8_t *bytes, struct event *event)
{
	size_t at = link_header(capture->link, bytes, head->caplen);
	capture->record = (struct record){.source = cursor_text("pcap"), .recordnumber = capture->number, .has = RECORD_HAS(COLUMN_RECORDNUMBER)};
	if (at == SIZE_MAX || at > head->caplen || !record_packet(&capture->record, bytes + at, head->caplen - at))
		return false;
	if (head->ts.tv_sec > 0 && head->ts.tv_usec >= 0) {
		capture->record.time = record_time_of_unix(head->ts.tv_sec, (uint32_t)head->ts.tv_usec);
		capture->record.has |= RECORD_HAS(COLUMN_DATE);
	}
	*event = (struct event){
		.kind = &pcap_kind, .source = capture, .file = capture->reader.file, .offset = capture->number, .number = capture->number,
		.time = record_has(&capture->record, COLUMN_DATE) ? capture->record.time : 0, .id = EVENT_NO_ID, .id_full = EVENT_NO_ID, .type = 4,
		.provider = capture->record.source, .binary = bytes + at, .binary_length = head->caplen - at,
	};
	return true;
}

static int capture_next(struct reader *reader, struct event *ret_event)
{
	struct capture *capture = (struct capture *)reader;
	struct pcap_pkthdr *head;
	const uint8_t *bytes;
	int got;
	while ((got = pcap_next_ex(capture->pcap, &head, &bytes)) == 1) {
		capture->number++;
		if (!packet_take(capture, head, bytes, ret_event) || !event_filter_holds(&reader->options.filter, ret_event)) {
			reader->counts.filtered++;
			continue;
		}
		reader->counts.read++;
		return 1;
	}
	if (got != PCAP_ERROR_BREAK) {
		reader_damage(reader, capture->number + 1, 0, true, "the capture ends within a packet, or is damaged from here on");
		return reader->options.strict ? ERROR_INPUT : 0;
	}
	return 0;
}

static void capture_close(struct reader *reader)
{
	struct capture *capture = (struct capture *)reader;
	if (capture->pcap != NULL)
		pcap_close(capture->pcap);
	free(capture);
}

static int capture_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	char text[PCAP_ERRBUF_SIZE] = "";
	struct capture *capture = memory_alloc(sizeof(*capture));
	*capture = (struct capture){.reader = {.type = &pcap_reader, .options = *options, .diag = diag, .file = input_name(input)}, .input = input};
	FILE *file = fopencookie(input, "r", (cookie_io_functions_t){.read = cookie_read});
	if (file != NULL)
		capture->pcap = pcap_fopen_offline_with_tstamp_precision(file, PCAP_TSTAMP_PRECISION_NANO, text);
	if (capture->pcap == NULL) {
		diag_error(diag, &(struct place){.file = input_name(input)}, "not a capture: %s", text);
		if (file != NULL)
			(void)fclose(file);
		capture_close(&capture->reader);
		return ERROR_INPUT;
	}
	capture->link = pcap_datalink(capture->pcap);
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
	event_record_data(&((const struct capture *)event->source)->record, take, context);
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
