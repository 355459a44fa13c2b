#include "logparse/meaning.h"

#include <stdio.h>

#include "logparse/eventrow.h"
#include "logparse/reader/evtx_value.h"

enum { SPACE = 1 << 19 };

void meaning_init(struct meaning_space *space)
{
	buffer_init(&space->text, SPACE);
	/* All of it at once: records point into it. */
	(void)buffer_room(&space->text, SPACE);
}

void meaning_done(struct meaning_space *space)
{
	buffer_done(&space->text);
}

const char *event_type_name(uint32_t type)
{
	switch (type) {
	case 0: return "Success event";
	case 1: return "Error event";
	case 2: return "Warning event";
	case 4: return "Information event";
	case 8: return "Success Audit event";
	case 16: return "Failure Audit event";
	default: return "Unknown event";
	}
}

/* --- %%n: msobjs.dll, as winevt-kb has it --- */

static const struct {
	uint32_t number;
	const char *text;
} parameters[] = {
	{14592, "Inbound"}, {14593, "Outbound"}, {14594, "Forward"}, {14595, "Bidirectional"}, {14596, "IP Packet"}, {14597, "Transport"},
	{14598, "Forward"}, {14599, "Stream"}, {14600, "Datagram Data"}, {14601, "ICMP Error"}, {14602, "MAC 802.3"}, {14603, "MAC Native"},
	{14604, "vSwitch"}, {14608, "Resource Assignment"}, {14609, "Listen"}, {14610, "Receive/Accept"}, {14611, "Connect"},
	{14612, "Flow Established"}, {14614, "Resource Release"}, {14615, "Endpoint Closure"}, {14616, "Connect Redirect"},
	{14617, "Bind Redirect"}, {14624, "Stream Packet"}, {14640, "ICMP Echo-Request"}, {14641, "vSwitch Ingress"}, {14642, "vSwitch Egress"},
	{14643, "Unknown"}, {14644, "Public"}, {14645, "Private"}, {14646, "Domain"}, {16384, "Add"}, {16385, "Delete"}, {16386, "Boot-time"},
	{16387, "Persistent"}, {16388, "Not persistent"}, {16389, "Block"}, {16390, "Permit"}, {16391, "Callout"},
};

const char *parameter_text(uint32_t number)
{
	for (size_t i = 0; i < sizeof(parameters) / sizeof(parameters[0]); i++)
		if (parameters[i].number == number)
			return parameters[i].text;
	return NULL;
}

/* %%14592 as its text, all else as it is. */
static struct cursor resolved(struct cursor value)
{
	uint64_t number;
	if (cursor_left(&value) < 3 || value.at[0] != '%' || value.at[1] != '%' ||
	    !number_parse(value.at + 2, cursor_left(&value) - 2, UINT32_MAX, &number))
		return value;
	const char *text = parameter_text((uint32_t)number);
	return text != NULL ? cursor_text(text) : value;
}

/* --- Events by provider and id --- */

enum shape {
	SHAPE_PLAIN,      /* nothing but what it is */
	SHAPE_PACKET,     /* IPSec 4290, 4291: strings and the packet itself */
	SHAPE_AGGREGATE,  /* IPSec 4283 to 4288: number and source */
	SHAPE_SA,         /* 864 to 867: source, SPI, number */
	SHAPE_FILTER,     /* 541 to 547: one string names a filter, in several lines */
	SHAPE_NAMED,      /* values by their names */
};

struct row {
	uint16_t first, last;
	uint8_t meaning, shape;
	const char *mode;         /* that the driver has entered */
	const char *what;         /* in our own words */
};

static const struct row ipsec_rows[] = {
	{4281, 4281, MEANING_OTHER, SHAPE_PLAIN, NULL, "the driver had no resources to start"},
	{4282, 4282, MEANING_OTHER, SHAPE_PLAIN, NULL, "the driver could not make its device"},
	{4283, 4283, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets with a bad SPI"},
	{4284, 4284, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets in the clear that should have been secured"},
	{4285, 4285, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets whose hash was wrong"},
	{4286, 4286, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets with bad syntax"},
	{4287, 4287, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets with an improper protocol"},
	{4288, 4288, MEANING_DROP, SHAPE_AGGREGATE, NULL, "packets that IPsec could not process"},
	{4289, 4289, MEANING_OTHER, SHAPE_PLAIN, NULL, "a negotiation failed: no filter"},
	{4290, 4290, MEANING_DROP, SHAPE_PACKET, NULL, "inbound packet dropped"},
	{4291, 4291, MEANING_DROP, SHAPE_PACKET, NULL, "outbound packet dropped"},
	{4292, 4292, MEANING_OTHER, SHAPE_PLAIN, "block", "the driver entered block mode"},
	{4293, 4293, MEANING_OTHER, SHAPE_PLAIN, "permit", "the driver entered permit mode (bypass)"},
	{4294, 4294, MEANING_OTHER, SHAPE_PLAIN, "secure", "the driver entered secure mode"},
	{4295, 4295, MEANING_OTHER, SHAPE_PLAIN, "permit", "the driver starts in permit mode (bypass)"},
	{4296, 4296, MEANING_OTHER, SHAPE_PLAIN, "boot", "the driver starts in block mode"},
	{4297, 4297, MEANING_OTHER, SHAPE_PLAIN, "boot", "the driver starts in stateful mode"},
	{0},
};

static const struct row security_rows[] = {
	{541, 541, MEANING_OTHER, SHAPE_FILTER, NULL, "security association established"},
	{542, 542, MEANING_OTHER, SHAPE_FILTER, NULL, "quick mode ended"},
	{543, 543, MEANING_OTHER, SHAPE_FILTER, NULL, "main mode ended"},
	{544, 545, MEANING_OTHER, SHAPE_FILTER, NULL, "the peer could not be authenticated"},
	{546, 546, MEANING_OTHER, SHAPE_FILTER, NULL, "the peer's proposal was invalid"},
	{547, 547, MEANING_OTHER, SHAPE_FILTER, NULL, "a negotiation failed"},
	{613, 613, MEANING_OTHER, SHAPE_PLAIN, NULL, "IPSec Services started"},
	{614, 614, MEANING_OTHER, SHAPE_PLAIN, NULL, "IPSec Services disabled"},
	{615, 615, MEANING_OTHER, SHAPE_PLAIN, NULL, "IPSec Services changed"},
	{616, 616, MEANING_OTHER, SHAPE_PLAIN, NULL, "IPSec Services met a serious failure"},
	{848, 861, MEANING_OTHER, SHAPE_PLAIN, NULL, "Windows Firewall: policy or exception"},
	{864, 864, MEANING_DROP, SHAPE_SA, NULL, "packets that failed the integrity check"},
	{865, 865, MEANING_DROP, SHAPE_SA, NULL, "packets that failed the replay check"},
	{866, 866, MEANING_DROP, SHAPE_SA, NULL, "packets with a low sequence number"},
	{867, 867, MEANING_DROP, SHAPE_SA, NULL, "packets in the clear that should have been secured"},
	{0},
};

static const struct row auditing_rows[] = {
	{4650, 4655, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec main mode"},
	{4709, 4709, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec Services started"},
	{4710, 4710, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec Services disabled"},
	{4711, 4711, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec Services changed"},
	{4712, 4712, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec Services met a potentially serious failure"},
	{4944, 4958, MEANING_OTHER, SHAPE_NAMED, NULL, "Windows Firewall: policy, rule or setting"},
	{4960, 4960, MEANING_DROP, SHAPE_NAMED, NULL, "packet that failed the integrity check"},
	{4961, 4961, MEANING_DROP, SHAPE_NAMED, NULL, "packet that failed the replay check"},
	{4962, 4962, MEANING_DROP, SHAPE_NAMED, NULL, "packet with a low sequence number"},
	{4963, 4963, MEANING_DROP, SHAPE_NAMED, NULL, "packet in the clear that should have been secured"},
	{4965, 4965, MEANING_DROP, SHAPE_NAMED, NULL, "packet with an unknown SPI"},
	{4976, 4984, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec negotiation"},
	{5024, 5037, MEANING_OTHER, SHAPE_NAMED, NULL, "Windows Firewall service"},
	{5049, 5049, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec security association deleted"},
	{5146, 5147, MEANING_DROP, SHAPE_NAMED, NULL, "frame blocked by the virtual switch"},
	{5148, 5148, MEANING_OTHER, SHAPE_NAMED, NULL, "denial of service: defence on"},
	{5149, 5149, MEANING_DROP, SHAPE_NAMED, NULL, "denial of service: packets discarded"},
	{5150, 5151, MEANING_DROP, SHAPE_NAMED, NULL, "frame blocked"},
	{5152, 5153, MEANING_DROP, SHAPE_NAMED, NULL, "packet blocked"},
	{5154, 5154, MEANING_PERMIT, SHAPE_NAMED, NULL, "listening permitted"},
	{5155, 5155, MEANING_DROP, SHAPE_NAMED, NULL, "listening blocked"},
	{5156, 5156, MEANING_PERMIT, SHAPE_NAMED, NULL, "connection permitted"},
	{5157, 5157, MEANING_DROP, SHAPE_NAMED, NULL, "connection blocked"},
	{5158, 5158, MEANING_PERMIT, SHAPE_NAMED, NULL, "bind permitted"},
	{5159, 5159, MEANING_DROP, SHAPE_NAMED, NULL, "bind blocked"},
	{5440, 5450, MEANING_OTHER, SHAPE_NAMED, NULL, "filtering platform: object present or changed"},
	{5451, 5485, MEANING_OTHER, SHAPE_NAMED, NULL, "IPsec Policy Agent"},
	{0},
};

static const struct row wfp_rows[] = {
	{1001, 1001, MEANING_DROP, SHAPE_NAMED, NULL, "packet dropped"},
	{1003, 1003, MEANING_DROP, SHAPE_NAMED, NULL, "IPsec packet dropped"},
	{0},
};

static const struct row firewall_rows[] = {
	{2003, 2033, MEANING_OTHER, SHAPE_NAMED, NULL, "Windows Firewall: setting or rule"},
	{0},
};

static const struct {
	const char *provider, *log;
	const struct row *rows;
} providers[] = {
	{"IPSec", "System", ipsec_rows},
	{"Security", "Security", security_rows},
	{"Microsoft-Windows-Security-Auditing", "Security", auditing_rows},
	{"Microsoft-Windows-WFP", NULL, wfp_rows},
	{"Microsoft-Windows-Windows Firewall With Advanced Security", NULL, firewall_rows},
};

static const struct row *row_find(const struct event *event, const char **ret_log)
{
	for (size_t i = 0; i < sizeof(providers) / sizeof(providers[0]); i++) {
		if (!ascii_equal_n(event->provider.at, cursor_left(&event->provider), providers[i].provider))
			continue;
		*ret_log = providers[i].log;
		for (const struct row *row = providers[i].rows; row->first != 0; row++)
			if (event->id >= row->first && event->id <= row->last)
				return row;
	}
	return NULL;
}

/* --- Filling a record --- */

struct filling {
	const struct event *event;
	const struct row *row;
	struct meaning_space *space;
	struct record *record;
	size_t string;            /* which value comes next */
	uint64_t source_port, dest_port;
	bool has_source, has_dest;
	bool remote;              /* RemoteAddress: somebody who sends to us */
};

/* A text that stays; the space is never moved. */
static struct cursor kept(struct filling *filling, struct cursor text)
{
	struct buffer *space = &filling->space->text;
	size_t length = cursor_left(&text), start = space->length;
	if (length > SPACE - start)
		length = SPACE - start;
	buffer_add(space, text.at, length);
	return cursor_of(space->data + start, length);
}

static void number_set(struct record *record, enum record_column column, struct cursor value)
{
	char text[RECORD_VALUE];
	uint64_t number;
	if (column == COLUMN_SPI && number_parse(value.at, cursor_left(&value), UINT32_MAX, &number)) {
		int length = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)number);
		value = cursor_of(text, (size_t)length);
	}
	record_set(record, column, value);
}

/* 4290 and 4291: device, source, destination, protocol, ports.  What the packet itself says is compared, not merged. */
static void packet_string(struct filling *filling, size_t index, struct cursor value)
{
	static const enum record_column columns[] = {RECORD_COLUMNS, COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_PROTOCOL, COLUMN_SRC_PORT, COLUMN_DST_PORT};
	if (index == 0 || index >= sizeof(columns) / sizeof(columns[0]))
		return;
	record_set(filling->record, columns[index], value);
}

static void aggregate_string(struct filling *filling, size_t index, struct cursor value)
{
	if (index == 1)
		number_set(filling->record, COLUMN_COUNT, value);
	else if (index == 2)
		number_set(filling->record, COLUMN_SRC_IP, value);
}

static void sa_string(struct filling *filling, size_t index, struct cursor value)
{
	static const enum record_column columns[] = {COLUMN_SRC_IP, COLUMN_SPI, COLUMN_COUNT};
	if (index < sizeof(columns) / sizeof(columns[0]))
		number_set(filling->record, columns[index], value);
}

static bool is_any(struct cursor value)
{
	size_t length = cursor_left(&value);
	return ascii_equal_n(value.at, length, "0") || ascii_equal_n(value.at, length, "0.0.0.0") || ascii_equal_n(value.at, length, "::");
}

/* The value of a line of a filter, whose label is in any language: its last word, or what is behind its colon. */
static bool filter_line(struct record *record, enum record_column column, struct cursor line)
{
	static const char wide[] = "\xef\xbc\x9a"; /* the colon of Chinese and Japanese */
	while (line.at < line.end && (ascii_blank(line.end[-1]) || line.end[-1] == '\r'))
		line.end--;
	struct cursor word = {line.end, line.end}, value;
	while (word.at > line.at && !ascii_blank(word.at[-1]))
		word.at--;
	const char *colon = memchr(line.at, ':', cursor_left(&line));
	const char *other = memmem(line.at, cursor_left(&line), wide, sizeof(wide) - 1);
	value = colon != NULL ? (struct cursor){colon + 1, line.end} : other != NULL ? (struct cursor){other + sizeof(wide) - 1, line.end} : word;
	cursor_skip_blanks(&value);
	return record_set(record, column, word) || record_set(record, column, value);
}

/* Its lines by their order: address and mask of the source, of the destination, protocol, ports, and more.  Zero is any. */
static void filter_string(struct filling *filling, struct cursor text)
{
	static const enum record_column columns[] = {COLUMN_SRC_IP, RECORD_COLUMNS, COLUMN_DST_IP, RECORD_COLUMNS, COLUMN_PROTOCOL, COLUMN_SRC_PORT, COLUMN_DST_PORT};
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]) && text.at < text.end;) {
		const char *end = memchr(text.at, '\n', cursor_left(&text));
		struct cursor line = {text.at, end != NULL ? end : text.end};
		text.at = end != NULL ? end + 1 : text.end;
		cursor_skip_blanks(&line);
		if (line.at == line.end || *line.at == '\r')
			continue;
		struct record one = {0};
		char value[RECORD_VALUE];
		if (columns[i] != RECORD_COLUMNS && filter_line(&one, columns[i], line)) {
			struct cursor written = cursor_of(value, record_value(&one, columns[i], value));
			bool any = columns[i] == COLUMN_PROTOCOL ? one.protocol == 0 : is_any(written);
			if (!any)
				(void)record_set(filling->record, columns[i], written);
		}
		i++;
	}
}

/* Which of the strings it is (logs.md 1.2). */
static void filter_event(struct filling *filling, size_t index, struct cursor value)
{
	static const uint8_t places[] = {2, 0, 0, 1, 1, 1, 1};
	if (index == places[filling->event->id - 541] && memchr(value.at, '\n', cursor_left(&value)) != NULL)
		filter_string(filling, value);
}

static void named_value(struct filling *filling, struct cursor name, struct cursor value)
{
	static const struct { const char *name; enum record_column column; } names[] = {
		{"ProcessId", COLUMN_PID}, {"SourceAddress", COLUMN_SRC_IP}, {"DestAddress", COLUMN_DST_IP}, {"Protocol", COLUMN_PROTOCOL},
		{"FilterRTID", COLUMN_FILTER_ID}, {"RemoteAddress", COLUMN_SRC_IP}, {"SPI", COLUMN_SPI}, {"PacketsDiscarded", COLUMN_COUNT},
		{"Application", COLUMN_APPLICATION}, {"LayerName", COLUMN_LAYER}, {"Direction", COLUMN_DIRECTION}, {"FilterName", COLUMN_RULE},
	};
	size_t length = cursor_left(&name);
	if (ascii_equal_n(name.at, length, "SourcePort"))
		filling->has_source = number_parse(value.at, cursor_left(&value), UINT16_MAX, &filling->source_port);
	else if (ascii_equal_n(name.at, length, "DestPort"))
		filling->has_dest = number_parse(value.at, cursor_left(&value), UINT16_MAX, &filling->dest_port);
	filling->remote |= ascii_equal_n(name.at, length, "RemoteAddress");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!ascii_equal_n(name.at, length, names[i].name))
			continue;
		struct cursor text = resolved(value);
		if (names[i].column == COLUMN_DIRECTION)
			text = ascii_equal_n(text.at, cursor_left(&text), "Inbound")    ? cursor_text("in")
			       : ascii_equal_n(text.at, cursor_left(&text), "Outbound") ? cursor_text("out")
			       : ascii_equal_n(text.at, cursor_left(&text), "Forward")  ? cursor_text("forward")
											  : text;
		if (record_columns[names[i].column].kind == RECORD_TEXT && cursor_left(&text) == 1 && *text.at == '-')
			return;
		if (record_columns[names[i].column].kind == RECORD_TEXT)
			record_set(filling->record, names[i].column, kept(filling, text));
		else
			number_set(filling->record, names[i].column, text);
		return;
	}
}

/* Values without names, as some exports have them: by their places, as far as these are the same in all versions. */
static const struct {
	uint16_t first, last;
	const char *names[9];     /* ends with NULL */
} places[] = {
	{4960, 4965, {"RemoteAddress", "SPI"}},
	{5152, 5153, {"ProcessId", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort", "Protocol"}},
	{5154, 5155, {"ProcessId", "Application", "SourceAddress", "SourcePort", "Protocol", "FilterRTID", "LayerName"}},
	{5156, 5157, {"ProcessId", "Application", "Direction", "SourceAddress", "SourcePort", "DestAddress", "DestPort", "Protocol"}},
	{5158, 5159, {"ProcessId", "Application", "SourceAddress", "SourcePort", "Protocol", "FilterRTID", "LayerName"}},
};

static struct cursor place_name(const struct filling *filling, size_t index)
{
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (filling->event->id >= places[i].first && filling->event->id <= places[i].last)
			for (size_t j = 0; places[i].names[j] != NULL; j++)
				if (j == index)
					return cursor_text(places[i].names[j]);
	return cursor_text("");
}

static void value_take(void *context, struct cursor name, struct cursor value)
{
	static void (*const strings[])(struct filling *, size_t, struct cursor) = {
		[SHAPE_PACKET] = packet_string, [SHAPE_AGGREGATE] = aggregate_string, [SHAPE_SA] = sa_string, [SHAPE_FILTER] = filter_event,
	};
	struct filling *filling = context;
	size_t index = filling->string++;
	if (filling->row->shape == SHAPE_NAMED)
		named_value(filling, cursor_left(&name) > 0 ? name : place_name(filling, index), value);
	else if (filling->row->shape != SHAPE_PLAIN)
		strings[filling->row->shape](filling, index, value);
}

/* WFP keeps ICMP's type in the local port and its code in the remote one. */
static void ports_set(struct filling *filling)
{
	struct record *record = filling->record;
	bool icmp = record_has(record, COLUMN_PROTOCOL) && (record->protocol == 1 || record->protocol == 58);
	bool out = cursor_left(&record->direction) == 3 && *record->direction.at == 'o';
	if (icmp && filling->has_source && filling->has_dest) {
		record->icmptype = (uint8_t)(out ? filling->source_port : filling->dest_port);
		record->icmpcode = (uint8_t)(out ? filling->dest_port : filling->source_port);
		record->has |= RECORD_HAS(COLUMN_ICMPTYPE) | RECORD_HAS(COLUMN_ICMPCODE);
	}
	if (icmp)
		return;
	if (filling->has_source)
		record->srcport = (uint16_t)filling->source_port;
	if (filling->has_dest)
		record->dstport = (uint16_t)filling->dest_port;
	record->has |= (filling->has_source ? RECORD_HAS(COLUMN_SRC_PORT) : 0) | (filling->has_dest ? RECORD_HAS(COLUMN_DST_PORT) : 0);
}

/* Protocols without ports have zeros in the strings of 4290 and 4291. */
static void ports_drop(struct record *record)
{
	if (record_has(record, COLUMN_PROTOCOL) && record->protocol != 6 && record->protocol != 17)
		record->has &= ~(RECORD_HAS(COLUMN_SRC_PORT) | RECORD_HAS(COLUMN_DST_PORT));
}

/* The data of 4290 and 4291: an error-log packet of 40 bytes, then the packet's first bytes (logs.md 1.1). */
enum { ERROR_PACKET = 0x28, ERROR_LENGTH = 0x02, ERROR_CODE = 0x0c, ERROR_STATUS = 0x14 };
static void dump_take(struct filling *filling)
{
	const struct event *event = filling->event;
	struct record *record = filling->record, dump = {0};
	if (event->binary_length < ERROR_PACKET || le32(event->binary + ERROR_CODE) != event->id_full)
		return;
	record->status = le32(event->binary + ERROR_STATUS);
	record->has |= RECORD_HAS(COLUMN_STATUS);
	size_t there = event->binary_length - ERROR_PACKET, length = le16(event->binary + ERROR_LENGTH);
	if (!record_packet(&dump, event->binary + ERROR_PACKET, length < there ? length : there))
		return;
	/* The strings win for addresses, protocol and ports; the packet adds what they do not say. */
	uint64_t only = RECORD_HAS(COLUMN_TCPFLAGS) | RECORD_HAS(COLUMN_ICMPTYPE) | RECORD_HAS(COLUMN_ICMPCODE) | RECORD_HAS(COLUMN_SIZE);
	record->tcpflags = dump.tcpflags;
	record->icmptype = dump.icmptype;
	record->icmpcode = dump.icmpcode;
	record->size = dump.size;
	record->has |= dump.has & only;
	/* A fragment that is not the first has no ports: what the strings have for them are zeros, or bytes of its data. */
	const uint8_t *packet = event->binary + ERROR_PACKET;
	if (there >= 8 && length >= 8 && packet[0] >> 4 == 4 && ((packet[6] & 0x1f) != 0 || packet[7] != 0) && !event_dump_differs(event))
		record->has &= ~(RECORD_HAS(COLUMN_SRC_PORT) | RECORD_HAS(COLUMN_DST_PORT));
}

bool event_dump(const struct event *event, struct record *ret_dump)
{
	*ret_dump = (struct record){0};
	if (!ascii_equal_n(event->provider.at, cursor_left(&event->provider), "IPSec") || (event->id != 4290 && event->id != 4291) ||
	    event->binary_length < ERROR_PACKET || le32(event->binary + ERROR_CODE) != event->id_full)
		return false;
	size_t there = event->binary_length - ERROR_PACKET, length = le16(event->binary + ERROR_LENGTH);
	return record_packet(ret_dump, event->binary + ERROR_PACKET, length < there ? length : there);
}

struct naming {
	struct record record;
	size_t string;
};

static void naming_take(void *context, struct cursor name, struct cursor value)
{
	static const enum record_column columns[] = {RECORD_COLUMNS, COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_PROTOCOL, COLUMN_SRC_PORT, COLUMN_DST_PORT};
	struct naming *naming = context;
	size_t index = naming->string++;
	(void)name;
	if (index > 0 && index < sizeof(columns) / sizeof(columns[0]))
		(void)record_set(&naming->record, columns[index], value);
}

bool event_dump_differs(const struct event *event)
{
	static const enum record_column columns[] = {COLUMN_SRC_IP, COLUMN_DST_IP, COLUMN_PROTOCOL, COLUMN_SRC_PORT, COLUMN_DST_PORT};
	struct naming naming = {.string = 0};
	struct record dump;
	if (!event_dump(event, &dump))
		return false;
	event->kind->data(event, naming_take, &naming);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++) {
		char mine[RECORD_VALUE], its[RECORD_VALUE];
		size_t length = record_value(&naming.record, columns[i], mine), its_length = record_value(&dump, columns[i], its);
		/* Ports of packets that have none are written as 0. */
		if (length > 0 && its_length > 0 && (length != its_length || memcmp(mine, its, length) != 0))
			return true;
	}
	return false;
}

/* Of events that are known by provider and id. */
static enum meaning known_meaning(const struct event *event, struct meaning_space *space, struct record *ret_record)
{
	const char *log = NULL;
	const struct row *row = row_find(event, &log);
	if (row == NULL)
		return MEANING_NONE;
	buffer_clear(&space->text);
	*ret_record = (struct record){.recovered = event->recovered, .eventid = event->id, .recordnumber = event->number, .source = event->provider};
	struct filling filling = {.event = event, .row = row, .space = space, .record = ret_record};
	ret_record->has = RECORD_HAS(COLUMN_EVENTID) | RECORD_HAS(COLUMN_RECORDNUMBER);
	if (event->time != 0) {
		ret_record->time = event->time;
		ret_record->has |= RECORD_HAS(COLUMN_DATE);
	}
	event->kind->data(event, value_take, &filling);
	ports_set(&filling);
	if (row->shape == SHAPE_PACKET) {
		ports_drop(ret_record);
		dump_take(&filling);
		ret_record->direction = cursor_text(event->id == 4290 ? "in" : "out");
	} else if (row->meaning == MEANING_DROP && ret_record->direction.at == NULL && (row->shape != SHAPE_NAMED || filling.remote)) {
		ret_record->direction = cursor_text("in");
	}
	if (row->meaning != MEANING_OTHER)
		ret_record->action = cursor_text(row->meaning == MEANING_DROP ? "DROP" : "ALLOW");
	if (row->mode != NULL)
		ret_record->mode = cursor_text(row->mode);
	if (cursor_left(&event->computer) > 0)
		ret_record->computername = event->computer;
	ret_record->log = cursor_left(&event->channel) > 0 ? event->channel : log != NULL ? cursor_text(log) : (struct cursor){NULL, NULL};
	return row->meaning;
}

enum meaning event_meaning(const struct event *event, struct meaning_space *space, struct record *ret_record)
{
	const char *log = NULL;
	struct eventrow row;
	struct event known;
	if (event->kind->record == NULL)
		return known_meaning(event, space, ret_record);
	/* A line may be an event that somebody has written as text. */
	if (event->kind->column != NULL && row_find(event, &log) != NULL && eventrow_event(&row, event, &known))
		return known_meaning(&known, space, ret_record);
	if (!event->kind->record(event, ret_record))
		return MEANING_NONE;
	if (ret_record->action.at == NULL)
		return MEANING_OTHER;
	return cursor_left(&ret_record->action) == 4 && ascii_prefix("DROP", 4, ret_record->action.at) ? MEANING_DROP
	       : ascii_equal_n(ret_record->action.at, cursor_left(&ret_record->action), "INFO-EVENTS-LOST") ? MEANING_DROP
												     : MEANING_PERMIT;
}

/* --- Log Parser's columns --- */

struct joining {
	struct buffer *buffer;
	bool any;
};

static void string_join(void *context, struct cursor name, struct cursor value)
{
	struct joining *joining = context;
	(void)name;
	if (joining->any)
		buffer_add_char(joining->buffer, '|');
	buffer_add(joining->buffer, value.at, cursor_left(&value));
	joining->any = true;
}

void event_strings(const struct event *event, struct buffer *buffer)
{
	struct joining joining = {.buffer = buffer};
	event->kind->data(event, string_join, &joining);
}

void event_message(const struct event *event, struct buffer *buffer)
{
	const char *log;
	const struct row *row = row_find(event, &log);
	if (row != NULL)
		buffer_add_text(buffer, row->what);
}
