/* Events as XML: what wevtutil, Event Viewer and evtxexport write, in UTF-8 or UTF-16, one document with many events or
 * many documents behind each other.  Read with expat as a stream; a document type is refused, and with it every entity. */
#include <expat.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/evtx_value.h"
#include "logparse/reader/reader.h"
#include "logparse/text.h"

enum { BLOCK = 1 << 16, TEXT_MOST = 4 << 20, VALUES_MOST = 4096, DEPTH_MOST = 64, WAITING_MOST = 4096 };

/* A value of an event: its name and text, as offsets into its text. */
struct value {
	uint32_t name, name_length, text, text_length;
};

/* An event that has been read whole and waits to be given out. */
struct entry {
	struct buffer text;
	struct value *values;
	size_t count;
	uint32_t parts[8][2];     /* of System: offset and length */
	uint64_t time, number, line, keywords, level, task;
	uint32_t id, qualifiers;
};
enum part { XML_PROVIDER, XML_CHANNEL, XML_COMPUTER, XML_USER };

struct eventxml {
	struct reader reader;
	struct input *input;
	XML_Parser parser;
	const char *encoding;     /* that the byte order mark says, whatever the declaration does; NULL: none */
	struct entry *waiting;    /* a queue: expat gives several events for one block */
	size_t first, count, capacity;
	struct entry *current;    /* being read; the last of the queue */
	struct entry given;       /* the one that was given out last */
	/* Where we are */
	unsigned depth, event_depth, system_depth, data_depth;
	size_t text_start;        /* of the element that is open, in the entry's text */
	bool leaf;
	char element[64], name[256];
	bool ended, broken, overflow;
	bool searching;           /* after damage: for the next event */
};

static const struct event_kind eventxml_kind;

static void entry_done(struct entry *entry)
{
	buffer_done(&entry->text);
	free(entry->values);
	*entry = (struct entry){.count = 0};
}

static struct entry *entry_add(struct eventxml *xml)
{
	if (xml->first > 0 && xml->first == xml->count)
		xml->first = xml->count = 0;
	if (xml->count == xml->capacity) {
		xml->capacity = xml->capacity > 0 ? xml->capacity * 2 : 16;
		xml->waiting = memory_resize(xml->waiting, xml->capacity * sizeof(*xml->waiting));
	}
	struct entry *entry = &xml->waiting[xml->count++];
	*entry = (struct entry){.id = EVENT_NO_ID};
	buffer_init(&entry->text, TEXT_MOST);
	return entry;
}

static void value_add(struct entry *entry, const char *name, size_t start)
{
	if (entry->count == VALUES_MOST)
		return;
	if ((entry->count & (entry->count - 1)) == 0)
		entry->values = memory_resize(entry->values, (entry->count > 0 ? 2 * entry->count : 1) * sizeof(*entry->values));
	size_t length = entry->text.length - start;
	struct value *value = &entry->values[entry->count++];
	*value = (struct value){.text = (uint32_t)start, .text_length = (uint32_t)length, .name = (uint32_t)entry->text.length,
				.name_length = (uint32_t)strlen(name)};
	buffer_add_text(&entry->text, name);
}

static void copy(char *to, size_t room, const char *from)
{
	size_t length = strlen(from);
	length = length < room ? length : room - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

static const char *local(const char *name)
{
	const char *colon = strrchr(name, ':');
	return colon != NULL ? colon + 1 : name;
}

static const char *attribute(const char **attributes, const char *name)
{
	for (; *attributes != NULL; attributes += 2)
		if (strcmp(local(attributes[0]), name) == 0)
			return attributes[1];
	return NULL;
}

static bool hex_number(const char *text, uint64_t *ret_number)
{
	char *end;
	if (strncmp(text, "0x", 2) != 0 || strlen(text) > 18)
		return false;
	*ret_number = strtoull(text, &end, 16);
	return *end == '\0';
}

/* 2015-06-01T12:00:00.1234567Z, as many digits as there are; a blank for the T. */
static uint64_t xml_time(const char *text)
{
	struct record record = {0};
	size_t length = strlen(text);
	if (length < 19 || !record_set(&record, COLUMN_DATE, cursor_of(text, 10)))
		return 0;
	size_t end = strcspn(text, "Z+");
	if (end <= 11 || !record_set(&record, COLUMN_TIME, cursor_of(text + 11, end - 11)))
		return 0;
	return record.time;
}

static void part_set(struct entry *entry, enum part part, const char *text)
{
	if (text == NULL)
		return;
	entry->parts[part][0] = (uint32_t)entry->text.length;
	buffer_add_text(&entry->text, text);
	entry->parts[part][1] = (uint32_t)entry->text.length - entry->parts[part][0];
}

static void system_attributes(struct eventxml *xml, const char *name, const char **attributes)
{
	struct entry *entry = xml->current;
	const char *qualifiers = attribute(attributes, "Qualifiers"), *time = attribute(attributes, "SystemTime");
	uint64_t number;
	if (strcmp(name, "Provider") == 0)
		part_set(entry, XML_PROVIDER, attribute(attributes, "Name"));
	else if (strcmp(name, "Security") == 0)
		part_set(entry, XML_USER, attribute(attributes, "UserID"));
	else if (strcmp(name, "TimeCreated") == 0 && time != NULL)
		entry->time = xml_time(time);
	if (qualifiers != NULL && number_parse(qualifiers, strlen(qualifiers), UINT16_MAX, &number))
		entry->qualifiers = (uint32_t)number;
}

static void XMLCALL element_start(void *context, const char *full, const char **attributes)
{
	struct eventxml *xml = context;
	const char *name = local(full);
	xml->leaf = true;
	if (++xml->depth > DEPTH_MOST || xml->count - xml->first > WAITING_MOST) {
		xml->overflow = true;
		XML_StopParser(xml->parser, XML_FALSE);
		return;
	}
	if (xml->current == NULL) {
		if (strcmp(name, "Event") != 0)
			return;
		xml->current = entry_add(xml);
		xml->current->line = XML_GetCurrentLineNumber(xml->parser);
		xml->event_depth = xml->depth;
		return;
	}
	copy(xml->element, sizeof(xml->element), name);
	if (xml->depth == xml->event_depth + 1) {
		xml->system_depth = strcmp(name, "System") == 0 ? xml->depth : 0;
		xml->data_depth = strcmp(name, "EventData") == 0 || strcmp(name, "UserData") == 0 ? xml->depth : 0;
	} else if (xml->system_depth > 0) {
		system_attributes(xml, name, attributes);
	}
	const char *named = attribute(attributes, "Name");
	copy(xml->name, sizeof(xml->name), strcmp(name, "Data") == 0 ? named != NULL ? named : "" : name);
	xml->text_start = xml->current->text.length;
}

static void XMLCALL element_text(void *context, const char *text, int length)
{
	struct eventxml *xml = context;
	if (xml->current != NULL && length > 0)
		buffer_add(&xml->current->text, text, (size_t)length);
}

static void system_end(struct eventxml *xml)
{
	static const struct { const char *element; enum part part; } texts[] = {{"Channel", XML_CHANNEL}, {"Computer", XML_COMPUTER}};
	struct entry *entry = xml->current;
	const char *text = buffer_text(&entry->text) + xml->text_start;
	size_t length = entry->text.length - xml->text_start;
	uint64_t number = 0;
	bool is = number_parse(text, length, UINT64_MAX, &number) || hex_number(text, &number);
	if (strcmp(xml->element, "EventID") == 0 && is) {
		entry->id = (uint32_t)(number & UINT16_MAX);
		entry->qualifiers |= (uint32_t)(number >> 16 & UINT16_MAX);
	} else if (strcmp(xml->element, "EventRecordID") == 0 && is) {
		entry->number = number;
	} else if (strcmp(xml->element, "Keywords") == 0 && is) {
		entry->keywords = number;
	} else if (strcmp(xml->element, "Level") == 0 && is) {
		entry->level = number;
	} else if (strcmp(xml->element, "Task") == 0 && is) {
		entry->task = number;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(xml->element, texts[i].element) == 0) {
			entry->parts[texts[i].part][0] = (uint32_t)xml->text_start;
			entry->parts[texts[i].part][1] = (uint32_t)length;
		}
}

static void XMLCALL element_end(void *context, const char *full)
{
	struct eventxml *xml = context;
	(void)full;
	if (xml->current != NULL && xml->depth == xml->event_depth) {
		xml->current = NULL;
	} else if (xml->current != NULL) {
		if (xml->leaf && xml->system_depth > 0 && xml->depth > xml->system_depth)
			system_end(xml);
		else if (xml->leaf && xml->data_depth > 0 && xml->depth > xml->data_depth)
			value_add(xml->current, xml->name, xml->text_start);
		if (xml->depth == xml->system_depth)
			xml->system_depth = 0;
		if (xml->depth == xml->data_depth)
			xml->data_depth = 0;
	}
	xml->leaf = false;
	xml->depth--;
}

static void XMLCALL doctype_start(void *context, const char *name, const char *system, const char *public, int internal)
{
	struct eventxml *xml = context;
	(void)name, (void)system, (void)public, (void)internal;
	xml->overflow = true;
	XML_StopParser(xml->parser, XML_FALSE);
}

static void parser_begin(struct eventxml *xml)
{
	if (xml->parser == NULL)
		xml->parser = XML_ParserCreate(xml->encoding);
	else
		XML_ParserReset(xml->parser, xml->encoding);
	XML_SetUserData(xml->parser, xml);
	XML_SetElementHandler(xml->parser, element_start, element_end);
	XML_SetCharacterDataHandler(xml->parser, element_text);
	XML_SetStartDoctypeDeclHandler(xml->parser, doctype_start);
	xml->depth = xml->system_depth = xml->data_depth = 0;
}

static void parse_fail(struct eventxml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);
	if (xml->current != NULL) {
		entry_done(xml->current);
		xml->count--;
		xml->current = NULL;
	}
	reader_damage(&xml->reader, (uint64_t)XML_GetCurrentByteIndex(xml->parser), 0, true,
		      xml->overflow ? "a document type, or elements nested too deep: not read further" : XML_ErrorString(error));
}

/* Another document behind the first, as wevtutil writes events without a root: parsing begins anew there. */
static bool document_follows(struct eventxml *xml, size_t length, size_t *ret_skip)
{
	if (XML_GetErrorCode(xml->parser) != XML_ERROR_JUNK_AFTER_DOC_ELEMENT || xml->depth != 0)
		return false;
	XML_Index index = XML_GetCurrentByteIndex(xml->parser);
	if (index < 0)
		return false;
	*ret_skip = (size_t)index;
	return *ret_skip <= length;
}

/* After damage: where the next event begins. */
static size_t event_search(const char *bytes, size_t length)
{
	for (const char *at = bytes; (at = memmem(at, length - (size_t)(at - bytes), "<Event", 6)) != NULL; at++) {
		size_t left = length - (size_t)(at - bytes);
		if (left == 6 || at[6] == ' ' || at[6] == '>' || at[6] == '\r' || at[6] == '\n')
			return (size_t)(at - bytes);
	}
	return length;
}

/* One block.  base: bytes before it; document: where the document that is being parsed began. */
static void block_parse(struct eventxml *xml, const char *bytes, size_t length, bool last, uint64_t base, uint64_t *document)
{
	size_t at = 0, skip;
	while (!xml->broken) {
		if (xml->searching) {
			at += event_search(bytes + at, length - at);
			if (at == length)
				return;
			xml->searching = false;
			*document = base + at;
			parser_begin(xml);
		}
		if (XML_Parse(xml->parser, bytes + at, (int)(length - at), last) != XML_STATUS_ERROR)
			return;
		uint64_t here = base + at - *document; /* bytes of this document before what was given last */
		XML_Index index = XML_GetCurrentByteIndex(xml->parser);
		bool known = index >= 0 && (uint64_t)index >= here && (uint64_t)index - here <= length - at;
		if (known && document_follows(xml, length + (size_t)here, &skip)) {
			at += (size_t)((uint64_t)index - here);
			*document = base + at;
			parser_begin(xml);
			if (at >= length)
				return;
			continue;
		}
		/* The end of a file after a damaged event is no second damage. */
		bool over = last && XML_GetErrorCode(xml->parser) == XML_ERROR_NO_ELEMENTS;
		if (over)
			return;
		parse_fail(xml);
		xml->broken = xml->overflow;
		xml->searching = true;
		at += known ? (size_t)((uint64_t)index - here) + 1 : 0;
		at = at < length ? at : length;
	}
}

static bool filled(struct eventxml *xml)
{
	return xml->count > xml->first + (xml->current != NULL);
}

/* evtxexport says its name and version before the first event. */
static size_t words_before(const char *bytes, size_t length)
{
	const char *open = memchr(bytes, '<', length);
	return length > 0 && *bytes == 'e' && open != NULL ? (size_t)(open - bytes) : 0;
}

static int blocks_read(struct eventxml *xml, uint64_t *base, uint64_t *document)
{
	char *bytes = memory_alloc(BLOCK);
	int error = 0;
	while (!xml->ended && !xml->broken && !filled(xml)) {
		int64_t got = input_read(xml->input, bytes, BLOCK);
		if (got < 0) {
			error = (int)got;
			break;
		}
		xml->ended = got == 0;
		size_t skip = *base == 0 ? words_before(bytes, (size_t)got) : 0;
		*document += skip;
		block_parse(xml, bytes + skip, (size_t)got - skip, got == 0, *base + skip, document);
		*base += (uint64_t)got;
	}
	free(bytes);
	return error;
}

static struct cursor entry_text(const struct entry *entry, uint32_t offset, uint32_t length)
{
	const char *text = buffer_text(&entry->text);
	/* What did not fit the text was cut off. */
	size_t end = (size_t)offset + length;
	end = end < entry->text.length ? end : entry->text.length;
	return (struct cursor){text + (offset < end ? offset : end), text + end};
}

static void event_make(struct eventxml *xml, struct event *event)
{
	const uint64_t failure = 0x0010000000000000ull, success = 0x0020000000000000ull;
	const struct entry *entry = &xml->given;
	*event = (struct event){
		.kind = &eventxml_kind, .source = entry, .file = xml->reader.file, .offset = entry->line, .time = entry->time, .written = entry->time,
		.number = entry->number, .id = entry->id, .category = (uint32_t)entry->task,
		.id_full = entry->id == EVENT_NO_ID ? EVENT_NO_ID : entry->id | entry->qualifiers << 16,
		.type = (entry->keywords & failure) != 0 ? 16 : (entry->keywords & success) != 0 ? 8 : entry->level == 1 || entry->level == 2 ? 1
		      : entry->level == 3 ? 2 : 4,
		.provider = entry_text(entry, entry->parts[XML_PROVIDER][0], entry->parts[XML_PROVIDER][1]),
		.channel = entry_text(entry, entry->parts[XML_CHANNEL][0], entry->parts[XML_CHANNEL][1]),
		.computer = entry_text(entry, entry->parts[XML_COMPUTER][0], entry->parts[XML_COMPUTER][1]),
		.sid = entry_text(entry, entry->parts[XML_USER][0], entry->parts[XML_USER][1]),
	};
}

struct eventxml_whole {
	struct eventxml xml;
	uint64_t base, document;
};

static int eventxml_next(struct reader *reader, struct event *ret_event)
{
	struct eventxml_whole *whole = (struct eventxml_whole *)reader;
	struct eventxml *xml = &whole->xml;
	for (;;) {
		if (!filled(xml)) {
			int error = blocks_read(xml, &whole->base, &whole->document);
			if (error < 0)
				return error;
		}
		if (reader->options.strict && reader->counts.unreadable > 0)
			return ERROR_INPUT;
		if (!filled(xml))
			return 0;
		entry_done(&xml->given);
		xml->given = xml->waiting[xml->first++];
		event_make(xml, ret_event);
		if (!event_filter_holds(&reader->options.filter, ret_event)) {
			reader->counts.filtered++;
			continue;
		}
		reader->counts.read++;
		return 1;
	}
}

static void eventxml_close(struct reader *reader)
{
	struct eventxml *xml = (struct eventxml *)reader;
	for (size_t i = xml->first; i < xml->count; i++)
		entry_done(&xml->waiting[i]);
	entry_done(&xml->given);
	free(xml->waiting);
	XML_ParserFree(xml->parser);
	free(xml);
}

static int eventxml_open(struct input *input, const struct reader_options *options, struct diag *diag, struct reader **ret_reader)
{
	struct eventxml_whole *whole = memory_alloc(sizeof(*whole));
	*whole = (struct eventxml_whole){.xml = {
		.reader = {.type = &eventxml_reader, .options = *options, .diag = diag, .file = input_name(input)}, .input = input}};
	const uint8_t *head;
	size_t length;
	if (input_peek(input, READER_HEAD, &head, &length) == 0 && length >= 2 &&
	    (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0))
		whole->xml.encoding = "UTF-16";
	parser_begin(&whole->xml);
	*ret_reader = &whole->xml.reader;
	return 0;
}

static int eventxml_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	bool wide = length >= 2 && (memcmp(head, "\xff\xfe", 2) == 0 || memcmp(head, "\xfe\xff", 2) == 0);
	char text[4096];
	size_t count = 0;
	for (size_t i = wide ? 2 : 0; i < length && count < sizeof(text); i++)
		if (!wide || head[i] != 0)
			text[count++] = (char)head[i];
	struct cursor cursor = cursor_of(text, count);
	if (count >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		cursor.at += 3;
	while (cursor.at < cursor.end && (ascii_blank(*cursor.at) || *cursor.at == '\r' || *cursor.at == '\n'))
		cursor.at++;
	*ret_why = "no XML with <Event>";
	if (cursor_left(&cursor) > 10 && memcmp(cursor.at, "evtxexport", 10) == 0)
		cursor.at = memchr(cursor.at, '<', cursor_left(&cursor)) != NULL ? memchr(cursor.at, '<', cursor_left(&cursor)) : cursor.end;
	if (cursor.at == cursor.end || *cursor.at != '<')
		return 0;
	return memmem(cursor.at, cursor_left(&cursor), "<Event", 6) != NULL ? 90 : memmem(cursor.at, cursor_left(&cursor), "<?xml", 5) != NULL ? 20 : 0;
}

/* --- Events --- */

static void eventxml_data(const struct event *event, event_take take, void *context)
{
	const struct entry *entry = event->source;
	for (size_t i = 0; i < entry->count; i++)
		take(context, entry_text(entry, entry->values[i].name, entry->values[i].name_length),
		     entry_text(entry, entry->values[i].text, entry->values[i].text_length));
}

static void json_text(struct buffer *buffer, const char *name, struct cursor text)
{
	buffer_printf(buffer, ",\"%s\":\"", name);
	buffer_add_json(buffer, text.at, cursor_left(&text));
	buffer_add_char(buffer, '"');
}

static void json_data(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	buffer_add_text(buffer, buffer->data[buffer->length - 1] == '[' ? "{\"" : ",{\"");
	buffer_add_json(buffer, cursor_left(&name) > 0 ? name.at : "Data", cursor_left(&name) > 0 ? cursor_left(&name) : 4);
	buffer_add_text(buffer, "\":\"");
	buffer_add_json(buffer, value.at, cursor_left(&value));
	buffer_add_text(buffer, "\"}");
}

static void eventxml_json(const struct event *event, struct buffer *buffer)
{
	buffer_printf(buffer, "{\"EventRecordID\":%llu", (unsigned long long)event->number);
	if (event->id != EVENT_NO_ID)
		buffer_printf(buffer, ",\"EventID\":%u,\"Qualifiers\":%u", event->id, event->id_full >> 16);
	buffer_add_text(buffer, ",\"TimeCreated\":\"");
	evtx_time(event->time, buffer);
	buffer_add_char(buffer, '"');
	json_text(buffer, "Provider", event->provider);
	json_text(buffer, "Channel", event->channel);
	json_text(buffer, "Computer", event->computer);
	json_text(buffer, "UserID", event->sid);
	buffer_add_text(buffer, ",\"EventData\":[");
	eventxml_data(event, json_data, buffer);
	buffer_add_text(buffer, "]}");
}

static void xml_data(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	buffer_add_text(buffer, "<Data");
	if (cursor_left(&name) > 0) {
		buffer_add_text(buffer, " Name=\"");
		buffer_add_xml(buffer, name.at, cursor_left(&name));
		buffer_add_char(buffer, '"');
	}
	buffer_add_char(buffer, '>');
	buffer_add_xml(buffer, value.at, cursor_left(&value));
	buffer_add_text(buffer, "</Data>");
}

static void xml_text(struct buffer *buffer, const char *before, struct cursor text, const char *after)
{
	buffer_add_text(buffer, before);
	buffer_add_xml(buffer, text.at, cursor_left(&text));
	buffer_add_text(buffer, after);
}

static void eventxml_xml(const struct event *event, struct buffer *buffer)
{
	xml_text(buffer, "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System><Provider Name=\"", event->provider, "\"/>");
	if (event->id != EVENT_NO_ID)
		buffer_printf(buffer, "<EventID Qualifiers=\"%u\">%u</EventID>", event->id_full >> 16, event->id);
	buffer_add_text(buffer, "<TimeCreated SystemTime=\"");
	evtx_time(event->time, buffer);
	buffer_printf(buffer, "\"/><EventRecordID>%llu</EventRecordID>", (unsigned long long)event->number);
	xml_text(buffer, "<Channel>", event->channel, "</Channel>");
	xml_text(buffer, "<Computer>", event->computer, "</Computer>");
	xml_text(buffer, "<Security UserID=\"", event->sid, "\"/></System><EventData>");
	eventxml_data(event, xml_data, buffer);
	buffer_add_text(buffer, "</EventData></Event>");
}

static const struct event_kind eventxml_kind = {.format = "eventxml", .json = eventxml_json, .xml = eventxml_xml, .data = eventxml_data};

const struct reader_type eventxml_reader = {
	.name = "eventxml",
	.what = "events as XML: wevtutil, Event Viewer, evtxexport",
	.guess = eventxml_guess,
	.open = eventxml_open,
	.next = eventxml_next,
	.close = eventxml_close,
};
