/* Holds two prints of the same event log against each other, field for field: `cordon log -o XML` and what another reader
 * says (evtxexport -f xml), which need not be whole XML.
 *
 *   event_fields OURS THEIRS    each event of THEIRS is found in OURS by its number and time; every field of either is compared.
 *                               Prints each difference that no row of classes[] explains, and then how many each row did
 *                               explain: CLASS<TAB>COUNT.  Exit code 1 when one is not explained, or OURS is no XML.
 *   event_fields -l XML         the fields: NUMBER<TAB>PATH=VALUE
 *   event_fields -e JSON        events of an .evt (cordon log -o JSON), to the letter as evtexport prints them
 *   event_fields -j JSON        each line is one JSON object without a key that comes twice; prints NUMBER<TAB>TIME of each.
 *                               Exit code 1 when one is not. */
#include <expat.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/arena.h"
#include "core/base/buffer.h"
#include "core/base/cursor.h"
#include "core/base/json.h"
#include "core/base/memory.h"
#include "tests/unit/logparse/wellformed.h"

enum { TEXT_MOST = 1 << 30, FIELD_MOST = 1 << 24, DEPTH_MOST = 256, SAID_MOST = 20 };

struct field {
	const char *path, *value;
};

struct event {
	uint64_t number;
	const char *time;         /* seven digits of the second */
	const char *text;         /* its XML */
	size_t length;
	bool broken;              /* was no XML until it was mended, or only its beginning is */
	bool taken;
	struct field *fields;
	size_t count, capacity;
};

struct print {
	const char *name;
	struct arena *arena;
	struct buffer text;
	struct event *events;
	size_t count, capacity;
};

/* --- Reading --- */

static void file_get(const char *path, struct buffer *buffer)
{
	FILE *file = fopen(path, "rb");
	static char block[65536];
	size_t got;
	buffer_init(buffer, TEXT_MOST);
	while (file != NULL && (got = fread(block, 1, sizeof(block), file)) > 0)
		buffer_add(buffer, block, got);
	if (file == NULL || ferror(file) || buffer->full) {
		fprintf(stderr, "event_fields: %s cannot be read\n", path);
		exit(2);
	}
	fclose(file);
}

/* --- One event as fields --- */

struct element {
	size_t path;              /* length of the path up to here */
	size_t text;              /* where its text begins */
	bool children;
	struct {
		const char *name;
		unsigned count;
	} names[512];
	size_t name_count;
};

struct parse {
	struct arena *arena;
	struct event *event;
	struct buffer path, text;
	struct element *elements;
	size_t depth;
};

static void field_add(struct parse *parse, const char *attribute, const char *value, size_t length)
{
	struct event *event = parse->event;
	event->fields = arena_grow(parse->arena, event->fields, event->count, &event->capacity, sizeof(*event->fields));
	size_t room = parse->path.length + (attribute != NULL ? strlen(attribute) : 0) + 2;
	char *path = arena_alloc(parse->arena, room);
	(void)snprintf(path, room, "%s%s%s", buffer_text(&parse->path), attribute != NULL ? "@" : "", attribute != NULL ? attribute : "");
	char *copy = arena_alloc(parse->arena, length + 1);
	memcpy(copy, value, length);
	event->fields[event->count++] = (struct field){path, copy};
}

static void element_begin(void *context, const XML_Char *name, const XML_Char **attributes)
{
	struct parse *parse = context;
	struct element *parent = &parse->elements[parse->depth];
	size_t at = 0;
	if (parse->depth + 1 == DEPTH_MOST)
		exit(2);
	parent->children = true;
	while (at < parent->name_count && strcmp(parent->names[at].name, name) != 0)
		at++;
	if (at == parent->name_count && at < sizeof(parent->names) / sizeof(parent->names[0])) {
		parent->names[parent->name_count].name = arena_text(parse->arena, name);
		parent->names[parent->name_count++].count = 0;
	}
	unsigned count = at < parent->name_count ? ++parent->names[at].count : 0;
	struct element *element = &parse->elements[++parse->depth];
	element->name_count = 0;
	element->children = false;
	element->text = parse->text.length;
	buffer_printf(&parse->path, "/%s", name);
	if (count > 1)
		buffer_printf(&parse->path, "[%u]", count);
	element->path = parse->path.length;
	for (size_t i = 0; attributes[i] != NULL; i += 2)
		field_add(parse, attributes[i], attributes[i + 1], strlen(attributes[i + 1]));
}

static void text_take(void *context, const XML_Char *text, int length)
{
	struct parse *parse = context;
	buffer_add(&parse->text, text, (size_t)length);
}

static void element_end(void *context, const XML_Char *name)
{
	struct parse *parse = context;
	struct element *element = &parse->elements[parse->depth];
	(void)name;
	const char *text = buffer_text(&parse->text) + element->text;
	if (!element->children)
		field_add(parse, NULL, text, parse->text.length - element->text);
	parse->text.length = element->text;
	parse->path.length = parse->elements[--parse->depth].path;
	if (parse->path.data != NULL)
		parse->path.data[parse->path.length] = '\0';
}

static void parse_begin(struct parse *parse, struct arena *arena, struct event *event)
{
	/* Each is made anew when it begins. */
	static struct element elements[DEPTH_MOST];
	*parse = (struct parse){.arena = arena, .event = event, .elements = elements};
	elements[0] = (struct element){.path = 0};
	buffer_init(&parse->path, FIELD_MOST);
	buffer_init(&parse->text, FIELD_MOST);
}

static bool parse_run(struct parse *parse, const char *text, size_t length)
{
	XML_Parser parser = XML_ParserCreate("UTF-8");
	XML_SetUserData(parser, parse);
	XML_SetElementHandler(parser, element_begin, element_end);
	XML_SetCharacterDataHandler(parser, text_take);
	bool good = XML_Parse(parser, text, (int)length, 1) == XML_STATUS_OK;
	XML_ParserFree(parser);
	return good;
}

static void parse_end(struct parse *parse)
{
	buffer_done(&parse->path);
	buffer_done(&parse->text);
}

/* A value that is XML itself, as fields under the path of the value.  False: it is none. */
static bool value_parse(struct arena *arena, struct event *event, const struct field *field)
{
	struct parse parse;
	size_t length = strlen(field->path);
	parse_begin(&parse, arena, event);
	buffer_add_text(&parse.path, field->path);
	parse.elements[0].path = length;
	bool good = parse_run(&parse, field->value, strlen(field->value));
	parse_end(&parse);
	return good;
}

static const char *value_of(const struct event *event, const char *path)
{
	for (size_t i = 0; i < event->count; i++)
		if (strcmp(event->fields[i].path, path) == 0)
			return event->fields[i].value;
	return NULL;
}

/* 2021-06-03T19:39:52.893115500Z, with however many digits: seven of them. */
static const char *time_even(struct arena *arena, const char *time)
{
	size_t whole = strcspn(time, "."), digits = time[whole] == '.' ? strspn(time + whole + 1, "0123456789") : 0;
	char *even = arena_alloc(arena, whole + 10);
	memcpy(even, time, whole);
	even[whole] = '.';
	for (size_t i = 0; i < 7; i++)
		even[whole + 1 + i] = i < digits ? time[whole + 1 + i] : '0';
	return even;
}

/* Characters that XML cannot hold, which some write nevertheless, as U+FFFD. */
static void event_mend(struct event *event, struct buffer *mended)
{
	buffer_clear(mended);
	for (size_t i = 0; i < event->length; i++) {
		unsigned char c = (unsigned char)event->text[i];
		bool bad = c < 0x20 && c != '\t' && c != '\n' && c != '\r';
		if (bad)
			buffer_add_text(mended, "\xef\xbf\xbd");
		else
			buffer_add_char(mended, (char)c);
		event->broken |= bad;
	}
}

static void event_parse(struct print *print, struct event *event)
{
	struct parse parse;
	struct buffer mended;
	parse_begin(&parse, print->arena, event);
	buffer_init(&mended, FIELD_MOST);
	event_mend(event, &mended);
	event->broken |= !parse_run(&parse, buffer_text(&mended), mended.length);
	const char *number = value_of(event, "/Event/System/EventRecordID"), *time = value_of(event, "/Event/System/TimeCreated@SystemTime");
	event->number = number != NULL ? strtoull(number, NULL, 10) : 0;
	event->time = time != NULL ? time_even(print->arena, time) : "";
	parse_end(&parse);
	buffer_done(&mended);
}

static const char *event_start(const char *at, const char *end)
{
	while (at < end && (at = memmem(at, (size_t)(end - at), "<Event", 6)) != NULL) {
		if (at + 6 < end && (at[6] == ' ' || at[6] == '>') && at[-1] == '\n')
			return at;
		at += 6;
	}
	return NULL;
}

static void print_read(const char *path, struct print *print)
{
	*print = (struct print){.name = path, .arena = arena_new()};
	file_get(path, &print->text);
	const char *end = buffer_text(&print->text) + print->text.length;
	const char *at = event_start(buffer_text(&print->text) + 1, end);
	while (at != NULL) {
		const char *next = event_start(at + 1, end), *stop = next != NULL ? next : end;
		const char *close = memmem(at, (size_t)(stop - at), "</Event>", 8);
		print->events = arena_grow(print->arena, print->events, print->count, &print->capacity, sizeof(*print->events));
		struct event *event = &print->events[print->count++];
		*event = (struct event){.text = at, .length = (size_t)((close != NULL ? close + 8 : stop) - at)};
		event_parse(print, event);
		at = next;
	}
}

static void print_done(struct print *print)
{
	buffer_done(&print->text);
	arena_free(print->arena);
}

/* --- What may differ, and why --- */

struct difference {
	const char *path, *ours, *theirs; /* NULL: not there */
	const struct event *our, *their;
};

struct class {
	const char *name;
	bool (*holds)(const struct difference *difference);
};

static bool both(const struct difference *difference)
{
	return difference->ours != NULL && difference->theirs != NULL;
}

static bool same_but_case(const char *a, const char *b)
{
	return strlen(a) == strlen(b) && ascii_equal_n(a, strlen(a), b);
}

/* A GUID in capitals; Windows writes small letters. */
static bool guid(const struct difference *difference)
{
	return both(difference) && strlen(difference->ours) == 38 && *difference->ours == '{' && same_but_case(difference->ours, difference->theirs);
}

/* Nine digits of a second, of which a FILETIME has seven. */
static bool time_digits(const struct difference *difference)
{
	size_t length = both(difference) ? strlen(difference->ours) : 0;
	return length == 28 && strlen(difference->theirs) == length + 2 && memcmp(difference->ours, difference->theirs, length - 1) == 0 &&
	       strcmp(difference->theirs + length - 1, "00Z") == 0;
}

/* Leading zeros of a hexadecimal number; Windows writes none. */
static bool hex_zeros(const struct difference *difference)
{
	if (!both(difference) || strncmp(difference->ours, "0x", 2) != 0 || strncmp(difference->theirs, "0x0", 3) != 0)
		return false;
	size_t length = strlen(difference->theirs);
	return (length == 10 || length == 18) && strspn(difference->theirs + 2, "0123456789abcdefABCDEF") == length - 2 &&
	       strtoull(difference->ours, NULL, 16) == strtoull(difference->theirs, NULL, 16);
}

/* A carriage return as it is, so that who reads the XML (XML 1.0, 2.11) gets a line feed for it. */
static bool line_ends(const struct difference *difference)
{
	const char *ours = difference->ours, *theirs = difference->theirs;
	bool any = false;
	if (!both(difference))
		return false;
	for (; *ours != '\0'; ours++, theirs++) {
		bool end = *ours == '\r';
		any |= end;
		if (*theirs != (end ? '\n' : *ours))
			return false;
		ours += end && ours[1] == '\n';
	}
	return any && *theirs == '\0';
}

/* A negative number of 32 or 64 bits (two's complement), whose lower bits they take for its magnitude. */
static bool sign(const struct difference *difference)
{
	char *end;
	if (!both(difference) || *difference->ours != '-' || *difference->theirs != '-')
		return false;
	long long ours = strtoll(difference->ours, &end, 10), theirs = strtoll(difference->theirs, NULL, 10);
	return *end == '\0' && ((ours >= INT32_MIN && -theirs == (ours & INT32_MAX)) || -theirs == (ours & INT64_MAX));
}

/* A value of line feeds only, which they leave out. */
static bool blank(const struct difference *difference)
{
	return both(difference) && *difference->theirs == '\0' && strspn(difference->ours, "\n") == strlen(difference->ours);
}

/* The character behind half a surrogate, which they eat with it. */
static bool surrogate(const struct difference *difference)
{
	static const char lost[] = "\xef\xbf\xbd";
	const char *ours = difference->ours, *theirs = difference->theirs;
	bool any = false;
	if (!both(difference))
		return false;
	for (; *ours != '\0'; ours++, theirs++) {
		if (*theirs != *ours)
			return false;
		if (strncmp(ours, lost, 3) == 0 && strncmp(theirs, lost, 3) == 0 && ours[3] != '\0') {
			any = true;
			theirs += 2;
			for (ours += 4; (*ours & 0xc0) == 0x80; ours++)
				;
			ours--;
		}
	}
	return any && *theirs == '\0';
}

/* The rest of a record behind U+0000, which they cut off with the ends of its elements. */
static bool cut(const struct difference *difference)
{
	return difference->theirs == NULL && difference->their->broken && strstr(difference->ours, "\xef\xbf\xbd") != NULL;
}

/* A character beyond U+FFFF, for which they write another one. */
static bool astral(const struct difference *difference)
{
	const char *ours = difference->ours, *theirs = difference->theirs;
	bool any = false;
	if (!both(difference))
		return false;
	while (*ours != '\0' && *theirs != '\0') {
		bool far = (*ours & 0xf8) == 0xf0 && (*theirs & 0xf8) == 0xf0 && strlen(ours) >= 4 && strlen(theirs) >= 4;
		if (!far && *ours != *theirs)
			return false;
		any |= far && memcmp(ours, theirs, 4) != 0;
		ours += far ? 4 : 1;
		theirs += far ? 4 : 1;
	}
	return any && *ours == *theirs;
}

/* Type 0x10, the size of a pointer, in decimal; it stands for the manifest's win:Pointer, which Windows writes in hex. */
static bool pointer(const struct difference *difference)
{
	char *end, *their_end;
	if (!both(difference) || strncmp(difference->ours, "0x", 2) != 0)
		return false;
	unsigned long long ours = strtoull(difference->ours, &end, 16), theirs = strtoull(difference->theirs, &their_end, 10);
	return *end == '\0' && *their_end == '\0' && their_end > difference->theirs && ours == theirs;
}

/* Markup in a string of 8-bit characters (type 0x02), which they write as it is, as if it were of the event's own. */
static bool markup(const struct difference *difference)
{
	return difference->theirs == NULL && difference->ours[0] == '<';
}

static const struct class classes[] = {
	{"guid", guid},
	{"time", time_digits},
	{"hex", hex_zeros},
	{"line-ends", line_ends},
	{"sign", sign},
	{"blank", blank},
	{"surrogate", surrogate},
	{"cut", cut},
	{"astral", astral},
	{"pointer", pointer},
	{"markup", markup},
	{NULL, NULL},
};

/* --- Comparing --- */

static void value_print(const char *value)
{
	if (value == NULL) {
		printf("(not there)");
		return;
	}
	for (size_t i = 0; value[i] != '\0' && i < 400; i++)
		if ((unsigned char)value[i] < 0x20)
			printf("\\x%02x", (unsigned char)value[i]);
		else
			putchar(value[i]);
}

struct tally {
	size_t *explained, unexplained;
};

static void difference_take(const struct difference *difference, struct tally *tally)
{
	for (size_t i = 0; classes[i].name != NULL; i++)
		if (classes[i].holds(difference)) {
			tally->explained[i]++;
			return;
		}
	if (tally->unexplained++ >= SAID_MOST)
		return;
	printf("DIFFERS\t%llu\t%s\n\tours:   ", (unsigned long long)difference->their->number, difference->path);
	value_print(difference->ours);
	printf("\n\ttheirs: ");
	value_print(difference->theirs);
	putchar('\n');
}

static const struct field *field_at(const struct event *event, size_t index, const char *path)
{
	if (index < event->count && strcmp(event->fields[index].path, path) == 0)
		return &event->fields[index];
	for (size_t i = 0; i < event->count; i++)
		if (strcmp(event->fields[i].path, path) == 0)
			return &event->fields[i];
	return NULL;
}

/* Where they have elements and we have text with markup: its elements, so that these are compared too. */
static void markup_open(struct arena *arena, struct event *our, const struct event *their)
{
	size_t count = our->count;
	for (size_t i = 0; i < count; i++)
		if (our->fields[i].value[0] == '<' && field_at(their, i, our->fields[i].path) == NULL) {
			const struct field field = our->fields[i];
			(void)value_parse(arena, our, &field);
		}
}

static void events_compare(struct arena *arena, struct event *our, const struct event *their, struct tally *tally)
{
	markup_open(arena, our, their);
	for (size_t i = 0; i < their->count; i++) {
		const struct field *field = field_at(our, i, their->fields[i].path);
		if (field == NULL || strcmp(field->value, their->fields[i].value) != 0)
			difference_take(&(struct difference){their->fields[i].path, field != NULL ? field->value : NULL, their->fields[i].value, our, their}, tally);
	}
	for (size_t i = 0; i < our->count; i++)
		if (field_at(their, i, our->fields[i].path) == NULL)
			difference_take(&(struct difference){our->fields[i].path, our->fields[i].value, NULL, our, their}, tally);
}

/* Both are in about the same order. */
static struct event *event_find(struct print *print, size_t from, const struct event *like)
{
	for (size_t i = 0; i < print->count; i++) {
		struct event *event = &print->events[(from + i) % print->count];
		if (event->number == like->number && strcmp(event->time, like->time) == 0)
			return event;
	}
	return NULL;
}

static int prints_compare(const char *ours, const char *theirs)
{
	struct print our, their;
	struct tally tally = {.explained = calloc(sizeof(classes) / sizeof(classes[0]), sizeof(size_t))};
	size_t missing = 0, twice = 0, from = 0, broken = 0;
	print_read(ours, &our);
	print_read(theirs, &their);
	for (size_t i = 0; i < our.count; i++)
		if (our.events[i].broken && broken++ < SAID_MOST)
			printf("NO XML\t%llu\n", (unsigned long long)our.events[i].number);
	for (size_t i = 0; i < their.count; i++) {
		struct event *event = event_find(&our, from, &their.events[i]);
		if (event == NULL) {
			printf("MISSING\t%llu\t%s\n", (unsigned long long)their.events[i].number, their.events[i].time);
			missing++;
			continue;
		}
		twice += event->taken;
		event->taken = true;
		from = (size_t)(event - our.events) + 1;
		events_compare(our.arena, event, &their.events[i], &tally);
	}
	for (size_t i = 0; classes[i].name != NULL; i++)
		if (tally.explained[i] > 0)
			printf("%s\t%zu\n", classes[i].name, tally.explained[i]);
	printf("events\t%zu\ttheirs\t%zu\tmissing\t%zu\ttheirs twice\t%zu\tunexplained\t%zu\n", our.count, their.count, missing, twice, tally.unexplained);
	int code = missing > 0 || broken > 0 || tally.unexplained > 0;
	free(tally.explained);
	print_done(&our);
	print_done(&their);
	return code;
}

/* --- The other two --- */

static int fields_list(const char *path)
{
	struct print print;
	print_read(path, &print);
	for (size_t i = 0; i < print.count; i++)
		for (size_t f = 0; f < print.events[i].count; f++) {
			printf("%llu\t%s=", (unsigned long long)print.events[i].number, print.events[i].fields[f].path);
			value_print(print.events[i].fields[f].value);
			putchar('\n');
		}
	print_done(&print);
	return 0;
}

/* What follows the first of two keys that is there, up to the end of the value. */
static struct cursor after(struct cursor line, const char *key, const char *other)
{
	const char *at = memmem(line.at, cursor_left(&line), key, strlen(key));
	size_t length = strlen(key);
	if (at == NULL) {
		at = memmem(line.at, cursor_left(&line), other, strlen(other));
		length = strlen(other);
	}
	if (at == NULL)
		return cursor_of("-", 1);
	/* In text, where the log has it as such. */
	at += length + (at[length] == '"');
	struct cursor value = {at, at};
	while (value.end < line.end && *value.end != '"' && *value.end != ',' && *value.end != '}')
		value.end++;
	return value;
}

/* Our own reader is stricter than RFC 8259 (no NUL, no half surrogate): a key that comes twice is what it is asked for. */
static bool keys_unique(struct cursor line)
{
	struct arena *arena = arena_new();
	struct diag diag;
	struct json *root;
	struct buffer said;
	diag_init(&diag);
	buffer_init(&said, 65536);
	(void)json_read(&(struct json_document){arena, "line", line.at, cursor_left(&line)}, &diag, &root);
	diag_render(&diag, 0, 0, &said);
	bool unique = strstr(buffer_text(&said), "the key is there twice") == NULL;
	if (!unique)
		fprintf(stderr, "%s", buffer_text(&said));
	buffer_done(&said);
	diag_done(&diag);
	arena_free(arena);
	return unique;
}

static int lines_list(const char *path)
{
	struct buffer text;
	size_t wrong = 0;
	file_get(path, &text);
	const char *end = buffer_text(&text) + text.length;
	for (const char *at = buffer_text(&text), *next; at < end; at = next) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		next = newline != NULL ? newline + 1 : end;
		struct cursor line = {at, newline != NULL ? newline : end};
		wrong += newline == NULL || !is_json(line.at, cursor_left(&line)) || !keys_unique(line);
		struct cursor number = after(line, "\"EventRecordID\":", "\"RecordNumber\":");
		struct cursor time = after(line, "\"SystemTime\":\"", "\"TimeGenerated\":\"");
		printf("%.*s\t%.*s\n", (int)cursor_left(&number), number.at, (int)cursor_left(&time), time.at);
	}
	buffer_done(&text);
	if (wrong > 0)
		fprintf(stderr, "event_fields: %zu lines are no JSON, or have a key twice\n", wrong);
	return wrong > 0;
}

/* --- As evtexport --- */

static const struct json *member(const struct json *object, const char *key)
{
	const struct json *child = object->child;
	while (child != NULL && strcmp(child->key, key) != 0)
		child = child->next;
	if (child == NULL) {
		fprintf(stderr, "event_fields: an event without %s\n", key);
		exit(1);
	}
	return child;
}

/* Jul 27, 2011 06:41:47 UTC out of 2011-07-27T06:41:47.0000000Z */
static void moment_print(const char *name, const char *time)
{
	static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
	size_t month = strlen(time) == 28 ? (size_t)(time[5] - '0') * 10 + (size_t)(time[6] - '0') : 0;
	if (month < 1 || month > 12)
		exit(1);
	printf("%s\t\t\t: %s %.2s, %.4s %.8s UTC\n", name, months[month - 1], time + 8, time, time + 11);
}

static void evt_print(const struct json *event)
{
	printf("\nEvent number\t\t\t: %lld\n", (long long)member(event, "RecordNumber")->number);
	moment_print("Creation time", member(event, "TimeGenerated")->text);
	moment_print("Written time", member(event, "TimeWritten")->text);
	printf("Event type\t\t\t: %s (%lld)\n", member(event, "EventTypeName")->text, (long long)member(event, "EventType")->number);
	if (*member(event, "SID")->text != '\0')
		printf("User security identifier\t: %s\n", member(event, "SID")->text);
	printf("Computer name\t\t\t: %s\nSource name\t\t\t: %s\n", member(event, "ComputerName")->text, member(event, "SourceName")->text);
	long long category = (long long)member(event, "EventCategory")->number, id = (long long)member(event, "EventIDFull")->number;
	printf("Event category\t\t\t: %lld\nEvent identifier\t\t: 0x%08llx (%lld)\n", category, (unsigned long long)id, id);
	size_t count = 0;
	for (const struct json *text = member(event, "Strings")->child; text != NULL; text = text->next)
		count++;
	printf("Number of strings\t\t: %zu\n", count);
	count = 0;
	for (const struct json *text = member(event, "Strings")->child; text != NULL; text = text->next)
		printf("String: %zu\t\t\t: %s\n", ++count, text->text);
}

static int evt_list(const char *path)
{
	struct buffer text;
	struct diag diag;
	int code = 0;
	file_get(path, &text);
	diag_init(&diag);
	const char *end = buffer_text(&text) + text.length;
	for (const char *at = buffer_text(&text); at < end && code == 0;) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t length = (size_t)((newline != NULL ? newline : end) - at);
		struct arena *arena = arena_new();
		struct json *event;
		code = json_read(&(struct json_document){arena, path, at, length}, &diag, &event) < 0;
		if (code == 0)
			evt_print(event);
		else
			fprintf(stderr, "event_fields: no JSON, or a key twice: %.*s\n", (int)length, at);
		arena_free(arena);
		at += length + 1;
	}
	diag_done(&diag);
	buffer_done(&text);
	return code;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "-l") == 0)
		return fields_list(argv[2]);
	if (argc == 3 && strcmp(argv[1], "-e") == 0)
		return evt_list(argv[2]);
	if (argc == 3 && strcmp(argv[1], "-j") == 0)
		return lines_list(argv[2]);
	if (argc == 3)
		return prints_compare(argv[1], argv[2]);
	fputs("event_fields OURS THEIRS | -l XML | -e JSON | -j JSON\n", stderr);
	return 2;
}
