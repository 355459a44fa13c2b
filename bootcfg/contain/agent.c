#include "bootcfg/contain/agent.h"

#include <string.h>
#include <yaml.h>

#include "bootcfg/contain/endpoint.h"
#include "bootcfg/contain/pem.h"
#include "core/base/cursor.h"
#include "core/base/error.h"
#include "core/base/utf8.h"

/* Which value of the configuration is being read: the few that count, and all others. */
enum slot { SLOT_OTHER, SLOT_ROOT, SLOT_CLIENT, SLOT_URLS, SLOT_URL, SLOT_CA, SLOT_PINNED, SLOT_SELF_SIGNED, SLOT_PROXY, SLOT_PROXY_URL };

static const struct {
	enum slot parent;
	const char *key;
	enum slot slot;
} slots[] = {
	{SLOT_ROOT, "Client", SLOT_CLIENT},
	{SLOT_CLIENT, "server_urls", SLOT_URLS},
	{SLOT_CLIENT, "ca_certificate", SLOT_CA},
	{SLOT_CLIENT, "pinned_server_name", SLOT_PINNED},
	{SLOT_CLIENT, "use_self_signed_ssl", SLOT_SELF_SIGNED},
	{SLOT_CLIENT, "proxy_config", SLOT_PROXY},
	{SLOT_PROXY, "http", SLOT_PROXY_URL},
	{SLOT_PROXY, "https", SLOT_PROXY_URL},
};

/* What each has to be. */
enum form { FORM_ANY, FORM_MAPPING, FORM_SEQUENCE, FORM_SCALAR };
static const struct {
	enum form form;
	const char *wrong;
} forms[] = {
	[SLOT_OTHER] = {FORM_ANY, ""},
	[SLOT_ROOT] = {FORM_MAPPING, "this is no Velociraptor client configuration: it starts with the mapping Client:"},
	[SLOT_CLIENT] = {FORM_MAPPING, "Client is a mapping, with server_urls in it"},
	[SLOT_URLS] = {FORM_SEQUENCE, "Client.server_urls is a list: one line `- https://HOST:PORT/` for each server"},
	[SLOT_URL] = {FORM_SCALAR, "a server is a URL, such as https://velociraptor.example.com:8000/"},
	[SLOT_CA] = {FORM_SCALAR, "Client.ca_certificate is the text of a certificate (PEM)"},
	[SLOT_PINNED] = {FORM_SCALAR, "Client.pinned_server_name is a name, such as VelociraptorServer"},
	[SLOT_SELF_SIGNED] = {FORM_SCALAR, "Client.use_self_signed_ssl is true or false"},
	[SLOT_PROXY] = {FORM_ANY, ""},
	[SLOT_PROXY_URL] = {FORM_ANY, ""},
};

/* A mapping or sequence that is open. */
struct level {
	bool mapping;
	enum slot slot;      /* of itself */
	const char *key;     /* of the value that comes next; NULL: a key comes next */
	const char **keys;
	size_t key_count, key_capacity;
};

struct reader {
	yaml_parser_t parser;
	const char *text, *file;
	size_t length;
	struct arena *arena;
	struct diag *diag;
	struct level levels[AGENT_DEPTH];
	size_t depth, documents;
	bool has_client, has_urls;
	struct agent agent;
	size_t server_capacity;
	yaml_mark_t urls;
};

/* libyaml counts characters, and line ends that editors do not count: the place is made anew from the bytes. */
static size_t byte_offset(const struct reader *reader, size_t index)
{
	size_t at = 0;
	for (; index > 0 && at < reader->length; index--) {
		size_t bytes = utf8_length(reader->text + at, reader->length - at);
		at += bytes > 0 ? bytes : 1;
	}
	return at;
}

static struct place offset_place(const struct reader *reader, size_t offset, size_t end)
{
	const char *start = reader->text, *at = start + offset, *stop;
	struct place place = {.file = reader->file, .line = 1};
	for (const char *newline = start; (newline = memchr(newline, '\n', (size_t)(at - newline))) != NULL; newline++) {
		place.line++;
		start = newline + 1;
	}
	stop = memchr(start, '\n', reader->length - (size_t)(start - reader->text));
	size_t line = (size_t)((stop != NULL ? stop : reader->text + reader->length) - start);
	place.column = (uint32_t)(at - start) + 1;
	place.source = start;
	place.source_length = line;
	size_t left = line - (size_t)(at - start), length = end > offset ? end - offset : 1;
	place.length = (uint32_t)(length < left ? length : left > 0 ? left : 1);
	return place;
}

static struct place marks_place(const struct reader *reader, const yaml_mark_t *start, const yaml_mark_t *end)
{
	return offset_place(reader, byte_offset(reader, start->index), byte_offset(reader, end->index));
}

static int event_wrong(const struct reader *reader, const yaml_event_t *event, const char *wrong)
{
	struct place place = marks_place(reader, &event->start_mark, &event->end_mark);
	diag_error(reader->diag, &place, "%s", wrong);
	return ERROR_INPUT;
}

static int yaml_wrong(const struct reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;
	const char *problem = parser->problem != NULL ? parser->problem : "it cannot be read";
	size_t offset = parser->error == YAML_READER_ERROR ? parser->problem_offset : byte_offset(reader, parser->problem_mark.index);
	struct place place = offset_place(reader, offset < reader->length ? offset : reader->length, 0);
	if (parser->context != NULL)
		diag_error(reader->diag, &place, "this is not YAML: %s (%s)", problem, parser->context);
	else
		diag_error(reader->diag, &place, "this is not YAML: %s", problem);
	return ERROR_INPUT;
}

/* --- what the values mean --- */

static bool server_known(const struct agent *agent, const struct endpoint *endpoint)
{
	for (size_t i = 0; i < agent->count; i++)
		if (ascii_equal(agent->servers[i].host, endpoint->host) && agent->servers[i].port == endpoint->port)
			return true;
	return false;
}

static int url_read(struct reader *reader, const yaml_event_t *event)
{
	struct agent *agent = &reader->agent;
	struct endpoint endpoint;
	struct place place = marks_place(reader, &event->start_mark, &event->end_mark);
	const char *text = (const char *)event->data.scalar.value;
	size_t length = event->data.scalar.length;
	int error = endpoint_parse(text, length, reader->arena, reader->diag, &place, &endpoint);
	if (error == 0 && endpoint.scheme[0] == '\0')
		return event_wrong(reader, event, "a server is a URL that starts with https:// or wss://");
	if (error < 0 || server_known(agent, &endpoint))
		return error;
	if (agent->count == AGENT_SERVERS)
		return event_wrong(reader, event, "more than 64 servers");
	agent->servers = arena_grow(reader->arena, agent->servers, agent->count, &reader->server_capacity, sizeof(*agent->servers));
	struct buffer probe;
	buffer_init(&probe, ENDPOINT_TEXT_MOST);
	buffer_add_text(&probe, "https://");
	endpoint_print(endpoint.host, endpoint.port, &probe);
	buffer_add_text(&probe, "/server.pem");
	agent->servers[agent->count++] = (struct agent_server){
		.url = arena_text_n(reader->arena, text, length),
		.host = endpoint.host,
		.is_address = endpoint.is_address,
		.port = endpoint.port,
		.probe = arena_text(reader->arena, buffer_text(&probe)),
		.line = place.line,
	};
	buffer_done(&probe);
	return 0;
}

static int ca_read(struct reader *reader, const yaml_event_t *event)
{
	const char *text = (const char *)event->data.scalar.value, *wrong;
	size_t length = event->data.scalar.length;
	if (length == 0) /* the key without a value */
		return 0;
	wrong = pem_wrong(text, length);
	if (wrong != NULL) {
		struct place place = marks_place(reader, &event->start_mark, &event->start_mark);
		diag_error(reader->diag, &place, "Client.ca_certificate: %s", wrong);
		return ERROR_INPUT;
	}
	reader->agent.ca = arena_text_n(reader->arena, text, length);
	return 0;
}

static int pinned_read(struct reader *reader, const yaml_event_t *event)
{
	struct endpoint endpoint;
	struct buffer text;
	if (event->data.scalar.length == 0)
		return 0;
	/* A name and nothing else: it becomes part of a URL. */
	buffer_init(&text, ENDPOINT_TEXT_MOST);
	buffer_add(&text, event->data.scalar.value, event->data.scalar.length);
	buffer_add_text(&text, ":1");
	int error = text.full || memchr(event->data.scalar.value, ':', event->data.scalar.length) != NULL
			    ? ERROR_INPUT
			    : endpoint_parse(buffer_text(&text), text.length, reader->arena, NULL, NULL, &endpoint);
	buffer_done(&text);
	if (error < 0 || endpoint.scheme[0] != '\0' || endpoint.is_address)
		return event_wrong(reader, event, forms[SLOT_PINNED].wrong);
	reader->agent.pinned = endpoint.host;
	return 0;
}

static int self_signed_read(struct reader *reader, const yaml_event_t *event)
{
	static const struct {
		const char *word;
		bool value;
	} words[] = {{"true", true}, {"yes", true}, {"on", true}, {"false", false}, {"no", false}, {"off", false}, {"", false}, {"null", false}};
	for (size_t i = 0; i < ARRAY_LENGTH(words); i++) {
		if (!ascii_equal_n((const char *)event->data.scalar.value, event->data.scalar.length, words[i].word))
			continue;
		reader->agent.self_signed = words[i].value;
		return 0;
	}
	return event_wrong(reader, event, forms[SLOT_SELF_SIGNED].wrong);
}

/* The servers may answer directly, and the agent, which goes through the proxy, be cut off all the same. */
static int proxy_read(const struct reader *reader, const yaml_event_t *event)
{
	struct place place = marks_place(reader, &event->start_mark, &event->end_mark);
	if (event->data.scalar.length > 0)
		diag_warning(reader->diag, "agent-proxy", &place, "the agent goes through the proxy %s, which is not permitted by this: "
			     "--allow 'tcp me > ADDRESS:PORT' permits it", QUOTE_N((const char *)event->data.scalar.value, event->data.scalar.length));
	return 0;
}

static int scalar_read(struct reader *reader, enum slot slot, const yaml_event_t *event)
{
	switch (slot) {
	case SLOT_URL:
		return url_read(reader, event);
	case SLOT_CA:
		return ca_read(reader, event);
	case SLOT_PINNED:
		return pinned_read(reader, event);
	case SLOT_SELF_SIGNED:
		return self_signed_read(reader, event);
	case SLOT_PROXY_URL:
		return proxy_read(reader, event);
	default:
		return 0;
	}
}

/* --- the tree, level by level --- */

static struct level *level_top(struct reader *reader)
{
	return reader->depth > 0 ? &reader->levels[reader->depth - 1] : NULL;
}

static int key_read(struct reader *reader, struct level *level, const yaml_event_t *event)
{
	const char *key = (const char *)event->data.scalar.value;
	if (event->type != YAML_SCALAR_EVENT || memchr(key, '\0', event->data.scalar.length) != NULL)
		return event_wrong(reader, event, "a key is a plain word");
	if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && strcmp(key, "<<") == 0)
		return event_wrong(reader, event, "merge keys are not accepted: write the values out");
	for (size_t i = 0; i < level->key_count; i++) {
		if (strcmp(level->keys[i], key) != 0)
			continue;
		struct place place = marks_place(reader, &event->start_mark, &event->end_mark);
		diag_error(reader->diag, &place, "the key %s comes twice here", QUOTE(key));
		return ERROR_INPUT;
	}
	if (level->key_count == AGENT_KEYS)
		return event_wrong(reader, event, "more than 256 keys in one mapping");
	level->keys = arena_grow(reader->arena, level->keys, level->key_count, &level->key_capacity, sizeof(*level->keys));
	level->key = level->keys[level->key_count++] = arena_text(reader->arena, key);
	return 0;
}

/* The slot of a value that starts now. */
static enum slot value_slot(struct reader *reader)
{
	const struct level *level = level_top(reader);
	if (level == NULL)
		return SLOT_ROOT;
	if (!level->mapping)
		return level->slot == SLOT_URLS ? SLOT_URL : SLOT_OTHER;
	for (size_t i = 0; i < ARRAY_LENGTH(slots); i++)
		if (slots[i].parent == level->slot && strcmp(slots[i].key, level->key) == 0)
			return slots[i].slot;
	return SLOT_OTHER;
}

static int value_read(struct reader *reader, const yaml_event_t *event)
{
	static const enum form event_forms[] = {
		[YAML_MAPPING_START_EVENT] = FORM_MAPPING, [YAML_SEQUENCE_START_EVENT] = FORM_SEQUENCE, [YAML_SCALAR_EVENT] = FORM_SCALAR,
	};
	enum slot slot = value_slot(reader);
	if (forms[slot].form != FORM_ANY && forms[slot].form != event_forms[event->type])
		return event_wrong(reader, event, forms[slot].wrong);
	struct level *above = level_top(reader);
	if (above != NULL)
		above->key = NULL;
	if (event->type == YAML_SCALAR_EVENT)
		return scalar_read(reader, slot, event);
	if (reader->depth == AGENT_DEPTH)
		return event_wrong(reader, event, "it is nested deeper than 32 levels");
	reader->levels[reader->depth++] = (struct level){.mapping = event->type == YAML_MAPPING_START_EVENT, .slot = slot};
	reader->has_client |= slot == SLOT_CLIENT;
	if (slot == SLOT_URLS) {
		reader->has_urls = true;
		reader->urls = event->start_mark;
	}
	return 0;
}

/* Anchors and tags of a node: no such configuration has them, and they make one text mean several things. */
static int node_check(const struct reader *reader, const yaml_event_t *event)
{
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	if (anchor != NULL)
		return event_wrong(reader, event, "anchors and aliases (& and *) are not accepted: write the value out");
	if (tag != NULL)
		return event_wrong(reader, event, "tags (! and !!) are not accepted: leave it out");
	return 0;
}

static int event_read(struct reader *reader, const yaml_event_t *event)
{
	struct level *level = level_top(reader);
	int error = node_check(reader, event);
	if (error < 0)
		return error;
	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return event_wrong(reader, event, "anchors and aliases (& and *) are not accepted: write the value out");
	case YAML_DOCUMENT_START_EVENT:
		if (++reader->documents > 1)
			return event_wrong(reader, event, "a second document starts here: a client configuration is one");
		return 0;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		reader->depth--;
		return 0;
	case YAML_SCALAR_EVENT:
	case YAML_SEQUENCE_START_EVENT:
	case YAML_MAPPING_START_EVENT:
		if (level != NULL && level->mapping && level->key == NULL)
			return key_read(reader, level, event);
		return value_read(reader, event);
	default:
		return 0;
	}
}

static int events_read(struct reader *reader)
{
	for (;;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&reader->parser, &event))
			return yaml_wrong(reader);
		bool last = event.type == YAML_STREAM_END_EVENT;
		int error = event_read(reader, &event);
		yaml_event_delete(&event);
		if (error < 0 || last)
			return error;
	}
}

/* What is not there at all. */
static int whole_check(const struct reader *reader)
{
	struct place place = {.file = reader->file, .line = 1, .column = 1};
	const char *wrong = NULL;
	if (!reader->has_client)
		wrong = "this is no Velociraptor client configuration: it has no Client";
	else if (!reader->has_urls)
		wrong = "this is no Velociraptor client configuration: Client has no server_urls";
	else if (reader->agent.count == 0)
		wrong = "Client.server_urls is empty: there is no server that the agent could reach";
	if (wrong == NULL)
		return 0;
	if (reader->has_urls)
		place = marks_place(reader, &reader->urls, &reader->urls);
	diag_error(reader->diag, &place, "%s", wrong);
	return ERROR_INPUT;
}

int agent_parse(const char *text, size_t length, const char *file, struct arena *arena, struct diag *diag, struct agent *ret_agent)
{
	struct reader reader = {.text = text, .length = length, .file = file, .arena = arena, .diag = diag};
	struct place place = {.file = file, .line = 1, .column = 1};
	if (length > AGENT_BYTES) {
		diag_error(diag, &place, "it is larger than 1 MiB: this is no Velociraptor client configuration");
		return ERROR_INPUT;
	}
	if (!yaml_parser_initialize(&reader.parser)) {
		diag_error(diag, &place, "there is not enough memory to read it");
		return ERROR_SYSTEM;
	}
	yaml_parser_set_encoding(&reader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader.parser, (const unsigned char *)text, length);
	int error = events_read(&reader);
	yaml_parser_delete(&reader.parser);
	if (error == 0)
		error = whole_check(&reader);
	if (error == 0)
		*ret_agent = reader.agent;
	return error;
}
