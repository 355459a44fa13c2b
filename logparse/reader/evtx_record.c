/* Records: their documents with the values of each, and what of them is wanted by itself. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "logparse/reader/evtx_chunk.h"

/* --- A document: a template instance with its values, or an element --- */

static void value_push(struct evtx_chunk *chunk, struct evtx_value value)
{
	if (chunk->value_count == chunk->value_capacity) {
		chunk->value_capacity = chunk->value_capacity > 0 ? chunk->value_capacity * 2 : 256;
		chunk->values = memory_resize(chunk->values, chunk->value_capacity * sizeof(*chunk->values));
	}
	chunk->values[chunk->value_count++] = value;
}

/* Descriptors, then the values back to back.  What runs past the end is cut there. */
static bool values_read(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	struct evtx_chunk *chunk = parser->chunk;
	if (!left(parser, 4))
		return fail(parser, "ends before its values");
	uint32_t count = le32(chunk->bytes + parser->at);
	parser->at += 4;
	if (count > NONE || (parser->end - parser->at) / 4 < count)
		return fail(parser, "more values than the record has room for");
	const uint8_t *descriptor = chunk->bytes + parser->at;
	size_t at = parser->at + 4 * (size_t)count;
	frame->first = chunk->value_count;
	frame->count = count;
	for (uint32_t i = 0; i < count; i++, descriptor += 4) {
		size_t size = le16(descriptor), there = parser->end - at;
		*ret_truncated |= size > there;
		value_push(chunk, (struct evtx_value){chunk->bytes + at, (uint16_t)(size < there ? size : there), descriptor[2]});
		at += size < there ? size : there;
	}
	parser->at = at;
	return true;
}

static bool instance_read(struct parser *parser, struct frame *frame)
{
	enum { HEAD = 10, DEFINITION = 24 };
	struct evtx_chunk *chunk = parser->chunk;
	if (!left(parser, HEAD))
		return fail(parser, "ends within a template instance");
	size_t offset = le32(chunk->bytes + parser->at + 6);
	parser->at += HEAD;
	if (offset > chunk->length || chunk->length - offset < DEFINITION + 4)
		return fail(parser, "its template is outside the chunk");
	size_t size = le32(chunk->bytes + offset + 20), body = offset + DEFINITION;
	if (size > chunk->length - body)
		return fail(parser, "its template runs past the end of the chunk");
	frame->foreign = le32(chunk->bytes + parser->at - HEAD + 2) != le32(chunk->bytes + offset + 4);
	if (offset == parser->at) {
		if (!left(parser, DEFINITION + size))
			return fail(parser, "its template runs past the end of the record");
		parser->at += DEFINITION + size;
	}
	size_t element = body + (chunk->bytes[body] == 0x0f ? 4 : 0);
	if (size < 5 || (chunk->bytes[element] != 0x01 && chunk->bytes[element] != 0x41))
		return fail(parser, "its template is none");
	frame->template = template_get(chunk, element, body + size, true, parser->top);
	if (frame->template == NULL)
		return fail(parser, "more templates than a chunk can hold");
	if (frame->template->why != NULL)
		return fail(parser, frame->template->why);
	return true;
}

/* Where the template is not to be had, the values are: they follow, unless the definition stood here itself. */
static bool instance_open(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	bool whole = instance_read(parser, frame);
	if (!whole)
		frame->template = NULL;
	return values_read(parser, frame, ret_truncated) && whole;
}

/* A fragment: header, instructions, then one document. */
static bool frame_open(struct parser *parser, struct frame *frame, bool *ret_truncated)
{
	struct evtx_chunk *chunk = parser->chunk;
	while (token(parser) == 0x0f || token(parser) == 0x0a || token(parser) == 0x0b) {
		if (token(parser) != 0x0f) {
			if (!instruction_skip(parser))
				return false;
		} else if (left(parser, 4)) {
			parser->at += 4;
		} else {
			return fail(parser, "ends within its header");
		}
	}
	*frame = (struct frame){.first = chunk->value_count};
	switch (token(parser)) {
	case 0x0c:
		return instance_open(parser, frame, ret_truncated);
	case 0x01: case 0x41:
		frame->template = template_get(chunk, parser->at, parser->end, false, parser->top);
		if (frame->template == NULL)
			return fail(parser, "more documents than a chunk can hold");
		return frame->template->why == NULL || fail(parser, frame->template->why);
	default:
		return fail(parser, "no element and no template");
	}
}

const struct evtx_record *evtx_record_open(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t number, uint64_t time,
					   const char **ret_why)
{
	struct evtx_record *record = chunk->record;
	struct parser parser = {.chunk = chunk, .at = offset, .end = end < chunk->length ? end : chunk->length, .top = true};
	chunk->value_count = 0;
	*record = (struct evtx_record){.chunk = chunk, .number = number, .time = time};
	bool whole = offset <= parser.end && frame_open(&parser, &record->frame, &record->truncated);
	record->why = !whole ? parser.why != NULL ? parser.why : "outside the chunk"
		      : record->truncated ? "a value runs past the end of the record"
		      : record->frame.template->vague ? "a name in it cannot be read"
					  : NULL;
	*ret_why = record->why;
	if (!whole)
		record->frame.template = NULL;
	return whole || record->frame.count > 0 ? record : NULL;
}

/* The event id by itself: descriptors up to its value are looked at and nothing else. */
bool evtx_record_peek(struct evtx_chunk *chunk, size_t offset, size_t end, uint64_t *ret_id)
{
	enum { FRAGMENT = 4, HEAD = 10, DEFINITION = 24 };
	const uint8_t *bytes = chunk->bytes + offset;
	size_t at = FRAGMENT + HEAD;
	if (end > chunk->length || offset >= end || end - offset < at + 4 || bytes[0] != 0x0f || bytes[FRAGMENT] != 0x0c)
		return false;
	size_t definition = le32(bytes + FRAGMENT + 6), length = end - offset;
	if (definition == offset + at) /* it stands here: then the record is read in full, and the template with it */
		return false;
	if (definition > chunk->length || chunk->length - definition < DEFINITION + 4)
		return false;
	size_t body = definition + DEFINITION;
	const struct template *template = template_known(chunk, template_key(body + (chunk->bytes[body] == 0x0f ? 4 : 0), true, true));
	const struct part *part = template != NULL && template->why == NULL ? template->system[SYSTEM_EVENTID] : NULL;
	if (part == NULL || part->kind != PART_VALUE || part->next != NULL)
		return false;
	size_t count = le32(bytes + at), value = at + 4 + 4 * count;
	if (part->value >= count || count > NONE || value > length)
		return false;
	const uint8_t *descriptor = bytes + at + 4;
	for (size_t i = 0; i < part->value; i++, descriptor += 4)
		value += le16(descriptor);
	struct evtx_value id = {bytes + value, le16(descriptor), descriptor[2]};
	return value <= length && id.size <= length - value && evtx_value_number(&id, ret_id);
}

/* --- Documents in documents --- */

static bool name_fits(struct evtx_chunk *chunk, uint32_t name, uint32_t units)
{
	return name >= NAME_HEAD && work_pay(chunk, units / 16) && le16(chunk->bytes + name - NAME_HEAD + 4) == name_hash(chunk->bytes + name, units);
}

static bool names_fit(struct evtx_chunk *chunk, const struct node *node)
{
	if (!name_fits(chunk, node->name, node->name_units))
		return false;
	for (const struct attribute *attribute = node->attributes; attribute != NULL; attribute = attribute->next)
		if (!name_fits(chunk, attribute->name, attribute->name_units))
			return false;
	for (const struct part *part = node->parts; part != NULL; part = part->next)
		if (part->kind == PART_ELEMENT && !names_fit(chunk, part->node))
			return false;
	return true;
}

/* A template that may be another record's, and shows that it is: by its identifier, or by names that are not what their
 * hashes say. */
static bool frame_doubtful(struct evtx_chunk *chunk, const struct frame *frame)
{
	struct template *template = frame->template;
	if (!chunk->record->distrusted)
		return false;
	if (!template->named)
		template->misnamed = !names_fit(chunk, template->root);
	template->named = true;
	return frame->foreign || template->misnamed;
}

/* The document in a value; false: at most its values can be had. */
bool frame_nested(struct evtx_chunk *chunk, const struct evtx_value *value, unsigned depth, struct frame *frame, bool *ret_truncated)
{
	size_t offset = (size_t)(value->bytes - chunk->bytes);
	struct parser parser = {.chunk = chunk, .at = offset, .end = offset + value->size};
	*frame = (struct frame){.count = 0};
	bool whole = depth < EVTX_DEPTH && frame_open(&parser, frame, ret_truncated);
	return steps_pay(chunk, frame->count) && whole && !frame_doubtful(chunk, frame);
}

/* --- Values one by one --- */

void evtx_record_distrust(const struct evtx_record *record)
{
	struct evtx_record *mine = record->chunk->record;
	uint64_t own;
	mine->distrusted = true;
	if (mine->frame.template == NULL)
		return;
	if (!frame_doubtful(mine->chunk, &mine->frame) && evtx_record_number(mine, SYSTEM_RECORD, &own) && own == mine->number)
		return;
	mine->frame.template = NULL;
	mine->why = "what its template was has been written over";
}

bool evtx_record_bare(const struct evtx_record *record)
{
	return record->frame.template == NULL;
}

/* Where System's values are in the templates that Windows makes of manifests (logs.md 1.3), as far as these agree.  Only
 * for records whose template is gone, and only where all of their types fit. */
enum { USUAL_DATA = 17 };
static const struct {
	uint8_t type, also;
} usual_types[] = {
	{EVTX_UINT8, EVTX_UINT8}, {EVTX_UINT8, EVTX_UINT8}, {EVTX_UINT16, EVTX_UINT16}, {EVTX_UINT16, EVTX_UINT16}, {EVTX_UINT16, EVTX_NULL},
	{EVTX_HEX64, EVTX_HEX64}, {EVTX_FILETIME, EVTX_FILETIME}, {EVTX_GUID, EVTX_NULL}, {EVTX_UINT32, EVTX_UINT32}, {EVTX_UINT32, EVTX_UINT32},
	{EVTX_UINT64, EVTX_UINT64}, {EVTX_UINT8, EVTX_UINT8}, {EVTX_SID, EVTX_NULL}, {EVTX_GUID, EVTX_NULL}, {EVTX_STRING, EVTX_STRING},
	{EVTX_GUID, EVTX_NULL}, {EVTX_STRING, EVTX_STRING}, {EVTX_BINXML, EVTX_NULL},
};

static bool bare_is_usual(const struct evtx_record *record)
{
	for (size_t i = 0; i < sizeof(usual_types) / sizeof(usual_types[0]); i++) {
		uint8_t type = frame_value(record->chunk, &record->frame, (uint16_t)i)->type;
		if (i >= record->frame.count || (type != usual_types[i].type && type != usual_types[i].also))
			return false;
	}
	return true;
}

static const struct evtx_value *bare_value(const struct evtx_record *record, enum evtx_system part)
{
	static const uint8_t usual[SYSTEM_COUNT] = {
		[SYSTEM_LEVEL] = 1, [SYSTEM_TASK] = 3, [SYSTEM_EVENTID] = 4, [SYSTEM_QUALIFIERS] = 5, [SYSTEM_KEYWORDS] = 6, [SYSTEM_TIME] = 7,
		[SYSTEM_RECORD] = 11, [SYSTEM_USER] = 13, [SYSTEM_PROVIDER] = 15, [SYSTEM_CHANNEL] = 17,
	}; /* index + 1 */
	return usual[part] > 0 && bare_is_usual(record) ? frame_value(record->chunk, &record->frame, (uint16_t)(usual[part] - 1)) : NULL;
}

bool evtx_record_number(const struct evtx_record *record, enum evtx_system part, uint64_t *ret_number)
{
	if (record->frame.template == NULL) {
		const struct evtx_value *value = bare_value(record, part);
		return value != NULL && evtx_value_number(value, ret_number);
	}
	const struct part *parts = record->frame.template->system[part];
	struct buffer *scratch = &record->chunk->scratch;
	if (parts == NULL)
		return false;
	if (parts->kind == PART_VALUE && parts->next == NULL &&
	    evtx_value_number(frame_value(record->chunk, &record->frame, parts->value), ret_number))
		return true;
	buffer_clear(scratch);
	parts_text(record->chunk, &record->frame, parts, scratch);
	if (scratch->length > 2 && scratch->length <= 18 && scratch->data[0] == '0' && scratch->data[1] == 'x') {
		char *end;
		*ret_number = strtoull(scratch->data, &end, 16);
		return *end == '\0';
	}
	return number_parse(buffer_text(scratch), scratch->length, UINT64_MAX, ret_number);
}

bool evtx_record_text(const struct evtx_record *record, enum evtx_system part, struct buffer *buffer)
{
	const struct evtx_value *bare = record->frame.template == NULL ? bare_value(record, part) : NULL;
	const struct part *parts = record->frame.template != NULL ? record->frame.template->system[part] : NULL;
	size_t before = buffer->length;
	if (parts != NULL)
		parts_text(record->chunk, &record->frame, parts, buffer);
	else if (bare != NULL && bare->type != EVTX_NULL)
		evtx_value_text(bare, FORM_PLAIN, buffer);
	return buffer->length > before;
}

struct telling {
	const struct evtx_record *record;
	event_take take;
	void *context;
};

static void frame_tell(const struct telling *telling, const struct frame *frame, unsigned depth);

static void value_tell(const struct telling *telling, const struct evtx_value *value)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	struct evtx_value item;
	size_t position = 0;
	while (steps_pay(chunk, 1) && evtx_value_item(value, &position, &item)) {
		buffer_clear(&chunk->scratch);
		evtx_value_text(&item, FORM_PLAIN, &chunk->scratch);
		telling->take(telling->context, cursor_text(""), cursor_of(buffer_text(&chunk->scratch), chunk->scratch.length));
	}
}

static void nested_tell(const struct telling *telling, const struct evtx_value *value, unsigned depth)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	size_t mark = chunk->value_count;
	struct frame frame;
	bool truncated = false;
	if (frame_nested(chunk, value, depth, &frame, &truncated))
		frame_tell(telling, &frame, depth + 1);
	else
		for (size_t i = 0; i < frame.count; i++) {
			const struct evtx_value bare = chunk->values[frame.first + i];
			value_tell(telling, &bare);
		}
	chunk->value_count = mark;
}

static bool field_there(const struct evtx_chunk *chunk, const struct frame *frame, const struct part *parts)
{
	for (const struct part *part = parts; part != NULL; part = part->next)
		if (part->kind == PART_VALUE && part->optional && value_is_null(frame_value(chunk, frame, part->value)))
			return false;
	return true;
}

static void frame_tell(const struct telling *telling, const struct frame *frame, unsigned depth)
{
	struct evtx_chunk *chunk = telling->record->chunk;
	struct template *template = frame->template;
	template_fields(chunk, template);
	for (uint32_t i = 0; i < template->field_count && steps_pay(chunk, 1); i++) {
		const struct field field = chunk->fields[template->fields + i];
		if (!field_there(chunk, frame, field.parts))
			continue;
		const struct part *only = field.parts != NULL && field.parts->kind == PART_VALUE ? field.parts : NULL;
		struct evtx_value value = only != NULL ? *frame_value(chunk, frame, only->value) : (struct evtx_value){.type = EVTX_NULL};
		if (value.type == EVTX_BINXML) {
			nested_tell(telling, &value, depth);
			continue;
		}
		struct evtx_value item;
		size_t position = 0;
		bool array = (value.type & EVTX_ARRAY) != 0;
		do {
			buffer_clear(&chunk->scratch);
			buffer_clear(&chunk->name);
			if (field.name_parts != NULL)
				parts_text(chunk, frame, field.name_parts, &chunk->name);
			else
				evtx_text(chunk->bytes + field.name, field.name_units, FORM_PLAIN, &chunk->name);
			if (array && !evtx_value_item(&value, &position, &item))
				break;
			if (array && !steps_pay(chunk, 1))
				break;
			if (array)
				evtx_value_text(&item, FORM_PLAIN, &chunk->scratch);
			else
				parts_text(chunk, frame, field.parts, &chunk->scratch);
			telling->take(telling->context, cursor_of(buffer_text(&chunk->name), chunk->name.length),
				      cursor_of(buffer_text(&chunk->scratch), chunk->scratch.length));
		} while (array);
	}
}

void evtx_record_data(const struct evtx_record *record, event_take take, void *context)
{
	struct telling telling = {record, take, context};
	if (record->frame.template != NULL) {
		frame_tell(&telling, &record->frame, 0);
	} else if (bare_is_usual(record)) {
		const struct evtx_value data = *frame_value(record->chunk, &record->frame, USUAL_DATA);
		if (data.type == EVTX_BINXML)
			nested_tell(&telling, &data, 0);
	}
}
