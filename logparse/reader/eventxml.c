/* Events as XML: what wevtutil, Event Viewer and evtxexport write, in UTF-8 or UTF-16, one document with many events or
 * many documents behind each other.  Read with expat as a stream; a document type is refused, and with it every entity. */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/error.h"
#include "core/base/memory.h"
#include "logparse/reader/evtx_value.h"
#include "logparse/reader/reader.h"
#include "logparse/text.h"

enum {
	BLOCK = 1 << 16, TEXT_MOST = 4 << 20, VALUES_MOST = 4096, DEPTH_MOST = 64,
	WAITING_MOST = BLOCK / 8 + 16, /* <Event/> is the shortest there is */
	SEARCHED = 16,
};

/* A value of an event: its name and text, as offsets into its text. */
struct value {
	uint32_t name, name_length, text, text_length;
	bool attribute;           /* of System: of the element before it */
};

struct values {
	struct value *at;
	size_t count;
};
enum group { GROUP_SYSTEM, GROUP_DATA, GROUP_RENDERING, GROUPS, GROUP_NONE = GROUPS };

/* An event that has been read whole and waits to be given out. */
struct entry {
	struct buffer text;
	struct values values[GROUPS];
	uint32_t parts[4][2];     /* of System: offset and length */
	uint32_t binary[2];       /* the bytes of <Binary>, in text */
	uint64_t time, number, offset, keywords, level, task;
	uint32_t id, qualifiers;
	unsigned held;            /* bits 1 << enum held: what the event has, and what could be read as what it is */
};
enum held { HELD_DATA = 30, HELD_NUMBER = 0, HELD_ID, HELD_QUALIFIERS, HELD_TIME, HELD_PROVIDER, HELD_CHANNEL, HELD_COMPUTER, HELD_USER, HELDS };
static const char *const held_names[HELDS] = {
	"EventRecordID", "EventID", "EventID.Qualifiers", "TimeCreated.SystemTime", "Provider.Name", "Channel", "Computer", "Security.UserID",
};
enum part { XML_PROVIDER, XML_CHANNEL, XML_COMPUTER, XML_USER };

struct eventxml {
	struct reader reader;
	struct input *input;
	XML_Parser parser;
	const char *encoding;     /* that the byte order mark says, whatever the declaration does; NULL: none */
	uint64_t base, document;  /* bytes before this block, and before the document that is being parsed */
	struct entry *waiting;    /* a queue: expat gives several events for one block */
	size_t first, count, capacity;
	struct entry *current;    /* being read; the last of the queue */
	struct entry given;       /* the one that was given out last */
	/* Where we are */
	unsigned depth, event_depth;
	enum group group;         /* that the element is in */
	size_t text_start;        /* of the element that is open, in the entry's text */
	bool leaf;
	char element[64], name[256];
	bool ended, broken, overflow;
	bool searching;           /* after damage: for the next event */
	char kept[SEARCHED];      /* of the block before, where one may begin */
	size_t kept_length;
};

static const struct event_kind eventxml_kind;

static void entry_done(struct entry *entry)
{
	buffer_done(&entry->text);
	for (size_t i = 0; i < GROUPS; i++)
		free(entry->values[i].at);
	*entry = (struct entry){.id = EVENT_NO_ID};
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

/* A value whose text is the end of the entry's; its name goes behind. */
static struct value *value_add(struct entry *entry, enum group group, const char *name, size_t start)
{
	struct values *values = &entry->values[group];
	if (values->count == VALUES_MOST)
		return NULL;
	if ((values->count & (values->count - 1)) == 0)
		values->at = memory_resize(values->at, (values->count > 0 ? 2 * values->count : 1) * sizeof(*values->at));
	size_t length = entry->text.length - start;
	struct value *value = &values->at[values->count++];
	*value = (struct value){.text = (uint32_t)start, .text_length = (uint32_t)length, .name = (uint32_t)entry->text.length,
				.name_length = (uint32_t)strlen(name)};
	buffer_add_text(&entry->text, name);
	return value;
}

static void copy(char *to, size_t room, const char *from)
{
	size_t length = strlen(from);
	length = length < room ? length : room - 1;
	memcpy(to, from, length);
	to[length] = '\0';
}

/* Without its prefix, where what is left is a name by itself ("a:" and "a:1" are names as a whole only). */
static const char *local(const char *name)
{
	const char *colon = strrchr(name, ':');
	bool whole = colon == NULL || !(colon[1] == '_' || (ascii_lower(colon[1]) >= 'a' && ascii_lower(colon[1]) <= 'z'));
	return whole ? name : colon + 1;
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

static void part_set(struct entry *entry, enum part part, enum held held, const char *text)
{
	if (text == NULL)
		return;
	entry->held |= 1u << held;
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
		part_set(entry, XML_PROVIDER, HELD_PROVIDER, attribute(attributes, "Name"));
	else if (strcmp(name, "Security") == 0)
		part_set(entry, XML_USER, HELD_USER, attribute(attributes, "UserID"));
	else if (strcmp(name, "TimeCreated") == 0 && time != NULL && evtx_time_parse(time, &entry->time))
		entry->held |= 1u << HELD_TIME;
	if (strcmp(name, "EventID") == 0 && qualifiers != NULL && number_parse(qualifiers, strlen(qualifiers), UINT16_MAX, &number)) {
		entry->qualifiers = (uint32_t)number;
		entry->held |= 1u << HELD_QUALIFIERS;
	}
	/* The element as it is; its text is known at its end. */
	value_add(entry, GROUP_SYSTEM, name, entry->text.length);
	for (; *attributes != NULL; attributes += 2) {
		size_t start = entry->text.length;
		buffer_add_text(&entry->text, attributes[1]);
		struct value *value = value_add(entry, GROUP_SYSTEM, local(attributes[0]), start);
		if (value != NULL)
			value->attribute = true;
	}
}

static enum group group_of(const char *name)
{
	return strcmp(name, "System") == 0 ? GROUP_SYSTEM
	       : strcmp(name, "EventData") == 0 || strcmp(name, "UserData") == 0 ? GROUP_DATA
	       : strcmp(name, "RenderingInfo") == 0 ? GROUP_RENDERING : GROUP_NONE;
}

static void group_begin(struct eventxml *xml, const char *name)
{
	xml->group = group_of(name);
	if (xml->group == GROUP_DATA)
		xml->current->held |= 1u << HELD_DATA;
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
		xml->current->offset = xml->document + (uint64_t)XML_GetCurrentByteIndex(xml->parser);
		xml->event_depth = xml->depth;
		xml->group = GROUP_NONE;
		return;
	}
	copy(xml->element, sizeof(xml->element), name);
	if (xml->depth == xml->event_depth + 1)
		group_begin(xml, name);
	else if (xml->group == GROUP_SYSTEM)
		system_attributes(xml, name, attributes);
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
	static const struct { const char *element; enum part part; enum held held; } texts[] = {
		{"Channel", XML_CHANNEL, HELD_CHANNEL}, {"Computer", XML_COMPUTER, HELD_COMPUTER},
	};
	struct entry *entry = xml->current;
	const char *text = buffer_text(&entry->text) + xml->text_start;
	size_t length = entry->text.length - xml->text_start;
	uint64_t number = 0;
	struct values *values = &entry->values[GROUP_SYSTEM];
	for (size_t i = values->count; i-- > 0;)
		if (!values->at[i].attribute) {
			values->at[i].text = (uint32_t)xml->text_start;
			values->at[i].text_length = (uint32_t)length;
			break;
		}
	bool is = number_parse(text, length, UINT64_MAX, &number) || hex_number(text, &number);
	if (strcmp(xml->element, "EventID") == 0 && is) {
		entry->id = (uint32_t)(number & UINT16_MAX);
		entry->qualifiers |= (uint32_t)(number >> 16 & UINT16_MAX);
		entry->held |= 1u << HELD_ID | (number > UINT16_MAX ? 1u << HELD_QUALIFIERS : 0);
	} else if (strcmp(xml->element, "EventRecordID") == 0 && is) {
		entry->number = number;
		entry->held |= 1u << HELD_NUMBER;
	} else if (strcmp(xml->element, "Keywords") == 0 && is) {
		entry->keywords = number;
	} else if (strcmp(xml->element, "Level") == 0 && is) {
		entry->level = number;
	} else if (strcmp(xml->element, "Task") == 0 && is) {
		entry->task = number;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (strcmp(xml->element, texts[i].element) == 0) {
			entry->held |= 1u << texts[i].held;
			entry->parts[texts[i].part][0] = (uint32_t)xml->text_start;
			entry->parts[texts[i].part][1] = (uint32_t)length;
		}
}

static unsigned nibble(char c)
{
	c = ascii_lower(c);
	return ascii_digit(c) ? (unsigned)(c - '0') : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10 : 16;
}

/* The data of events of the old kind: hexadecimal, which becomes bytes where it stands. */
static void binary_take(struct eventxml *xml)
{
	struct entry *entry = xml->current;
	size_t length = entry->text.length - xml->text_start;
	char *text = length > 0 ? entry->text.data + xml->text_start : NULL;
	for (size_t i = 0; i < length; i++)
		if (length % 2 != 0 || nibble(text[i]) > 15) {
			value_add(entry, GROUP_DATA, xml->name, xml->text_start);
			return;
		}
	for (size_t i = 0; i < length / 2; i++)
		text[i] = (char)(nibble(text[2 * i]) << 4 | nibble(text[2 * i + 1]));
	entry->text.length -= length - length / 2;
	entry->binary[0] = (uint32_t)xml->text_start;
	entry->binary[1] = (uint32_t)(length / 2);
}

static void XMLCALL element_end(void *context, const char *full)
{
	struct eventxml *xml = context;
	(void)full;
	if (xml->current != NULL && xml->depth == xml->event_depth) {
		xml->current = NULL;
	} else if (xml->current != NULL) {
		bool inside = xml->leaf && xml->depth > xml->event_depth + 1;
		if (inside && xml->group == GROUP_SYSTEM)
			system_end(xml);
		else if (inside && xml->group == GROUP_DATA && strcmp(xml->element, "Binary") == 0)
			binary_take(xml);
		else if (inside && xml->group != GROUP_NONE)
			value_add(xml->current, xml->group, xml->name, xml->text_start);
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
	xml->depth = 0;
	xml->group = GROUP_NONE;
}

static void parse_fail(struct eventxml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);
	if (xml->current != NULL) {
		entry_done(xml->current);
		xml->count--;
		xml->current = NULL;
	}
	XML_Index index = XML_GetCurrentByteIndex(xml->parser);
	reader_damage(&xml->reader, xml->document + (index > 0 ? (uint64_t)index : 0), 0, true,
		      xml->overflow ? "a document type, or elements nested too deep: not read further" : XML_ErrorString(error));
}

/* Another document behind the first, as wevtutil writes events without a root: parsing begins anew there. */
static bool document_follows(const struct eventxml *xml)
{
	enum XML_Error error = XML_GetErrorCode(xml->parser);
	return (error == XML_ERROR_JUNK_AFTER_DOC_ELEMENT || error == XML_ERROR_MISPLACED_XML_PI) && xml->depth == 0;
}

static const struct {
	const char *encoding;
	uint8_t mark[2];          /* that the file begins with */
	const char *event;        /* the start of an element in it */
	uint8_t length, next;     /* of that; where the next character is */
} orders[] = {
	{"UTF-16LE", {0xff, 0xfe}, "<\0E\0v\0e\0n\0t\0", 12, 12}, {"UTF-16BE", {0xfe, 0xff}, "\0<\0E\0v\0e\0n\0t", 12, 13}, {NULL, {0}, "<Event", 6, 6},
};

/* After damage: where the next event begins; else how much need not be looked at again. */
static bool event_search(const struct eventxml *xml, const char *bytes, size_t length, size_t *ret_at)
{
	size_t order = 0;
	while (orders[order].encoding != xml->encoding)
		order++;
	size_t need = (size_t)orders[order].next + 1;
	for (const char *at = bytes; (at = memmem(at, length - (size_t)(at - bytes), orders[order].event, orders[order].length)) != NULL; at++) {
		*ret_at = (size_t)(at - bytes);
		if (length - *ret_at < need)
			return false;
		if (strchr(" \t\r\n>/", at[orders[order].next]) != NULL)
			return true;
	}
	*ret_at = length < need ? 0 : length - need;
	return false;
}

static void document_begin(struct eventxml *xml, uint64_t offset)
{
	xml->document = offset;
	parser_begin(xml);
}

/* One block; how much of it is done with: all, but while an event is searched for. */
static size_t block_parse(struct eventxml *xml, const char *bytes, size_t length, bool last)
{
	size_t at = 0;
	while (!xml->broken) {
		if (xml->searching) {
			size_t skip;
			bool found = event_search(xml, bytes + at, length - at, &skip);
			at += skip;
			if (!found)
				return at;
			xml->searching = false;
			document_begin(xml, xml->base + at);
		}
		if (XML_Parse(xml->parser, bytes + at, (int)(length - at), last) != XML_STATUS_ERROR)
			return length;
		uint64_t here = xml->base + at - xml->document; /* bytes of this document before what was given last */
		XML_Index index = XML_GetCurrentByteIndex(xml->parser);
		bool known = index >= 0 && (uint64_t)index >= here && (uint64_t)index - here <= length - at;
		if (known && document_follows(xml)) {
			at += (size_t)((uint64_t)index - here);
			document_begin(xml, xml->base + at);
			if (at >= length)
				return length;
			continue;
		}
		/* The end of a file after a damaged event is no second damage. */
		if (last && XML_GetErrorCode(xml->parser) == XML_ERROR_NO_ELEMENTS)
			return length;
		parse_fail(xml);
		xml->broken = xml->overflow;
		xml->searching = true;
		at += known ? (size_t)((uint64_t)index - here) + 1 : 0;
		at = at < length ? at : length;
	}
	return length;
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

static int blocks_read(struct eventxml *xml)
{
	char *bytes = memory_alloc(BLOCK + SEARCHED);
	size_t kept = 0;
	int error = 0;
	memcpy(bytes, xml->kept, xml->kept_length);
	kept = xml->kept_length;
	while (!xml->ended && !xml->broken && !filled(xml)) {
		int64_t got = input_read(xml->input, bytes + kept, BLOCK);
		if (got < 0) {
			error = (int)got;
			break;
		}
		xml->ended = got == 0;
		size_t length = kept + (size_t)got, skip = xml->base == 0 && !xml->searching ? words_before(bytes, length) : 0;
		xml->base += skip;
		xml->document += skip;
		size_t done = skip + block_parse(xml, bytes + skip, length - skip, got == 0);
		xml->base += done - skip;
		kept = length - done;
		memmove(bytes, bytes + done, kept);
	}
	memcpy(xml->kept, bytes, kept);
	xml->kept_length = kept;
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
		.kind = &eventxml_kind, .source = entry, .file = xml->reader.file, .offset = entry->offset, .time = entry->time, .written = entry->time,
		.number = entry->number, .id = entry->id, .category = (uint32_t)entry->task,
		.id_full = entry->id == EVENT_NO_ID ? EVENT_NO_ID : entry->id | entry->qualifiers << 16,
		.type = (entry->keywords & failure) != 0 ? 16 : (entry->keywords & success) != 0 ? 8 : entry->level == 1 || entry->level == 2 ? 1
		      : entry->level == 3 ? 2 : 4,
		.provider = entry_text(entry, entry->parts[XML_PROVIDER][0], entry->parts[XML_PROVIDER][1]),
		.channel = entry_text(entry, entry->parts[XML_CHANNEL][0], entry->parts[XML_CHANNEL][1]),
		.computer = entry_text(entry, entry->parts[XML_COMPUTER][0], entry->parts[XML_COMPUTER][1]),
		.sid = entry_text(entry, entry->parts[XML_USER][0], entry->parts[XML_USER][1]),
	};
	struct cursor binary = entry_text(entry, entry->binary[0], entry->binary[1]);
	event->binary = cursor_left(&binary) > 0 ? (const uint8_t *)binary.at : NULL;
	event->binary_length = cursor_left(&binary);
}

static int eventxml_next(struct reader *reader, struct event *ret_event)
{
	struct eventxml *xml = (struct eventxml *)reader;
	for (;;) {
		int error = filled(xml) ? 0 : blocks_read(xml);
		if (error < 0)
			return error;
		if (reader->options.strict && reader->counts.unreadable > 0)
			return ERROR_INPUT;
		if (!filled(xml))
			return 0;
		entry_done(&xml->given);
		xml->given = xml->waiting[xml->first++];
		event_make(xml, ret_event);
		if (xml->given.text.full)
			reader_damage(reader, xml->given.offset, xml->given.number, false, "more than 4 MiB of text: the rest of it is left out");
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
	struct eventxml *xml = memory_alloc(sizeof(*xml));
	*xml = (struct eventxml){
		.reader = {.type = &eventxml_reader, .options = *options, .diag = diag, .file = input_name(input)}, .input = input, .group = GROUP_NONE};
	const uint8_t *head;
	size_t length;
	/* A pipe may give them one by one. */
	int error = input_peek(input, 2, &head, &length);
	length = error == 0 ? length : 0;
	for (size_t i = 0; orders[i].encoding != NULL && length >= 2; i++)
		if (memcmp(head, orders[i].mark, 2) == 0)
			xml->encoding = orders[i].encoding;
	for (size_t before = 0; length > before && length < READER_HEAD && memchr(head, '<', length) == NULL; before = length)
		if (input_peek_more(input, READER_HEAD, &head, &length) < 0)
			break;
	parser_begin(xml);
	*ret_reader = &xml->reader;
	return 0;
}

static int eventxml_guess(const uint8_t *head, size_t length, const char *name, const char **ret_why)
{
	(void)name;
	struct cursor cursor = cursor_of((const char *)head, length < 4096 ? length : 4096);
	if (length >= 3 && memcmp(head, "\xef\xbb\xbf", 3) == 0)
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

static void group_take(const struct entry *entry, enum group group, event_take take, void *context)
{
	const struct values *values = &entry->values[group];
	for (size_t i = 0; i < values->count; i++) {
		const struct value *value = &values->at[i];
		take(context, entry_text(entry, value->name, value->name_length), entry_text(entry, value->text, value->text_length));
	}
}

static void eventxml_data(const struct event *event, event_take take, void *context)
{
	group_take(event->source, GROUP_DATA, take, context);
}

static void json_member(struct buffer *buffer, const char *name)
{
	buffer_printf(buffer, "%s\"%s\":", buffer->data[buffer->length - 1] == '{' ? "" : ",", name);
}

static void json_text(struct buffer *buffer, const char *name, struct cursor text)
{
	json_member(buffer, name);
	buffer_add_char(buffer, '"');
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

/* What System has beyond that which struct event holds: {"Level":"0"}, {"Execution.ProcessID":"4"}. */
static void json_system(const struct entry *entry, struct buffer *buffer)
{
	const struct values *values = &entry->values[GROUP_SYSTEM];
	struct cursor element = {"", ""};
	for (size_t i = 0; i < values->count; i++) {
		const struct value *value = &values->at[i];
		struct cursor name = entry_text(entry, value->name, value->name_length), text = entry_text(entry, value->text, value->text_length);
		char whole[256];
		element = value->attribute ? element : name;
		int length = value->attribute ? snprintf(whole, sizeof(whole), "%.*s.%.*s", (int)cursor_left(&element), element.at, (int)cursor_left(&name), name.at)
					      : snprintf(whole, sizeof(whole), "%.*s", (int)cursor_left(&name), name.at);
		bool known = !value->attribute && cursor_left(&text) == 0;
		for (size_t j = 0; j < HELDS; j++)
			known |= (entry->held >> j & 1) != 0 && strcmp(whole, held_names[j]) == 0;
		if (known)
			continue;
		size_t there = (size_t)length < sizeof(whole) ? (size_t)length : sizeof(whole) - 1;
		buffer_add_text(buffer, buffer->data[buffer->length - 1] == '{' ? "\"" : ",\"");
		buffer_add_json(buffer, whole, there);
		buffer_add_text(buffer, "\":\"");
		buffer_add_json(buffer, text.at, cursor_left(&text));
		buffer_add_char(buffer, '"');
	}
}

/* What struct event has of it; nothing that the event does not say. */
static void json_held(const struct event *event, unsigned held, struct buffer *buffer)
{
	const struct { const char *name; struct cursor text; enum held held; } texts[] = {
		{"Provider", event->provider, HELD_PROVIDER}, {"Channel", event->channel, HELD_CHANNEL}, {"Computer", event->computer, HELD_COMPUTER},
		{"UserID", event->sid, HELD_USER},
	};
	const struct { const char *name; uint64_t number; enum held held; } numbers[] = {
		{"EventRecordID", event->number, HELD_NUMBER}, {"EventID", event->id, HELD_ID}, {"Qualifiers", event->id_full >> 16, HELD_QUALIFIERS},
	};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if ((held >> numbers[i].held & 1) != 0) {
			json_member(buffer, numbers[i].name);
			buffer_add_number(buffer, numbers[i].number);
		}
	if ((held >> HELD_TIME & 1) != 0) {
		json_member(buffer, "TimeCreated");
		buffer_add_char(buffer, '"');
		evtx_time(event->time, buffer);
		buffer_add_char(buffer, '"');
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if ((held >> texts[i].held & 1) != 0)
			json_text(buffer, texts[i].name, texts[i].text);
}

static void eventxml_json(const struct event *event, struct buffer *buffer)
{
	const struct entry *entry = event->source;
	buffer_add_char(buffer, '{');
	json_held(event, entry->held, buffer);
	json_system(entry, buffer);
	json_member(buffer, "EventData");
	buffer_add_char(buffer, '[');
	eventxml_data(event, json_data, buffer);
	buffer_add_text(buffer, entry->values[GROUP_RENDERING].count > 0 ? "],\"RenderingInfo\":[" : "]");
	group_take(entry, GROUP_RENDERING, json_data, buffer);
	if (entry->values[GROUP_RENDERING].count > 0)
		buffer_add_char(buffer, ']');
	if (event->binary_length > 0) {
		buffer_add_text(buffer, ",\"Binary\":\"");
		buffer_add_hex(buffer, event->binary, event->binary_length);
		buffer_add_char(buffer, '"');
	}
	buffer_add_char(buffer, '}');
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

/* RenderingInfo's are elements of their own. */
static void xml_rendering(void *context, struct cursor name, struct cursor value)
{
	struct buffer *buffer = context;
	buffer_printf(buffer, "<%.*s>", (int)cursor_left(&name), name.at);
	buffer_add_xml(buffer, value.at, cursor_left(&value));
	buffer_printf(buffer, "</%.*s>", (int)cursor_left(&name), name.at);
}

/* System as it was, element for element. */
static void xml_system(const struct entry *entry, struct buffer *buffer)
{
	const struct values *values = &entry->values[GROUP_SYSTEM];
	for (size_t i = 0; i < values->count;) {
		struct cursor name = entry_text(entry, values->at[i].name, values->at[i].name_length);
		struct cursor text = entry_text(entry, values->at[i].text, values->at[i].text_length);
		buffer_printf(buffer, "<%.*s", (int)cursor_left(&name), name.at);
		for (i++; i < values->count && values->at[i].attribute; i++) {
			struct cursor key = entry_text(entry, values->at[i].name, values->at[i].name_length);
			struct cursor value = entry_text(entry, values->at[i].text, values->at[i].text_length);
			buffer_printf(buffer, " %.*s=\"", (int)cursor_left(&key), key.at);
			buffer_add_xml(buffer, value.at, cursor_left(&value));
			buffer_add_char(buffer, '"');
		}
		buffer_add_text(buffer, cursor_left(&text) > 0 ? ">" : "/>");
		buffer_add_xml(buffer, text.at, cursor_left(&text));
		if (cursor_left(&text) > 0)
			buffer_printf(buffer, "</%.*s>", (int)cursor_left(&name), name.at);
	}
}

static void eventxml_xml(const struct event *event, struct buffer *buffer)
{
	const struct entry *entry = event->source;
	/* What did not fit is cut off somewhere: no part of a name may become one. */
	bool whole = !entry->text.full;
	buffer_add_text(buffer, "<Event xmlns=\"http://schemas.microsoft.com/win/2004/08/events/event\"><System>");
	if (whole)
		xml_system(entry, buffer);
	buffer_add_text(buffer, "</System>");
	bool empty = entry->values[GROUP_DATA].count == 0 && event->binary_length == 0;
	if ((entry->held >> HELD_DATA & 1) != 0)
		buffer_add_text(buffer, empty ? "<EventData/>" : "<EventData>");
	eventxml_data(event, xml_data, buffer);
	if (event->binary_length > 0) {
		buffer_add_text(buffer, "<Binary>");
		buffer_add_hex(buffer, event->binary, event->binary_length);
		buffer_add_text(buffer, "</Binary>");
	}
	if (!empty)
		buffer_add_text(buffer, "</EventData>");
	if (whole && entry->values[GROUP_RENDERING].count > 0) {
		buffer_add_text(buffer, "<RenderingInfo>");
		group_take(entry, GROUP_RENDERING, xml_rendering, buffer);
		buffer_add_text(buffer, "</RenderingInfo>");
	}
	buffer_add_text(buffer, "</Event>");
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
